package features

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0", "-0", "+5", "007", "1.", ".5", "-.5e3", "1e5", "1E-5", "123456789012345678",
		"12345678901234567890123", "0.1", "1e400", "-1e400", "1e-400",
		"9007199254740993", "0.30000000000000004", "5e-324", "inf", "-Infinity", "+INF",
		"3.141592653589793238462643383279502884", "00000000000000000000001"} {
		want, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(want, 0) {
			t.Fatal(err)
		}
		if got, ok := number([]byte(s)); !ok || got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("%s is %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "-", "+", ".", "-.", "e5", "1e", "1e+", "1 2", "0x10", "1_000", "nan", "NaN", "infinit",
		"in", "i", "--1", "1-", "1.2.3", "1,5", "١", "in f", "1inf", "2013-01-01", "12:30", "1p3"} {
		if got, ok := number([]byte(s)); ok {
			t.Errorf("%s is %v", s, got)
		}
	}
}

// Whatever is a number is what strconv says, and nothing else is one but what Go's own notation adds.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1.5", "-1e5", "inf", "0x1p3", "1_0", "12345678901234567890", "+.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := number([]byte(s))
		want, err := strconv.ParseFloat(s, 64)
		if ok != ((err == nil || math.IsInf(want, 0)) && want == want && !strings.ContainsAny(s, "_xX")) ||
			ok && (got != want || math.Signbit(got) != math.Signbit(want)) {
			t.Errorf("%q is %v, %v, want %v, %v", s, got, ok, want, err)
		}
	})
}

func TestAppendNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", -3: "-3", 1e14: "100000000000000", 1e15: "1e+15", 0.1: "0.1",
		1e300: "1e+300", math.Inf(1): "+Inf", -2.5e-7: "-2.5e-07"} {
		if got := formatNumber(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
		if back, ok := number([]byte(want)); !ok || back != v {
			t.Errorf("%s is %v, %v", want, back, ok)
		}
	}
}

// Dates are what package time makes of them.
func TestDates(t *testing.T) {
	t.Parallel()
	for _, days := range []int64{0, -1, 1, 58, 59, 60, -719468, 11016, 2932896, -100000000, 100000000, 19723} {
		for _, micros := range []int64{0, 1, microsPerDay - 1, 5 * microsPerHour} {
			at := time.UnixMicro(days*microsPerDay + micros).UTC()
			want := [dateParts]float64{float64(at.Year()), float64(at.Month()), float64((at.Weekday() + 6) % 7),
				float64(at.Hour()), float64(days)}
			if got := splitDate(days*microsPerDay + micros); got != want {
				t.Errorf("%v is %v, want %v", at, got, want)
			}
			if year := at.Year(); year > 0 && year < 10000 {
				for _, layout := range []string{"2006-01-02T15:04:05.999999Z07:00", "2006-01-02 15:04:05.000000",
					"2006-01-02t15:04:05.000000"} {
					if got, ok := isoDate([]byte(at.Format(layout))); !ok || got != at.UnixMicro() {
						t.Errorf("%s is %v, %v", at.Format(layout), got, ok)
					}
				}
			}
		}
	}
	for _, s := range []string{"", "2013", "2013-01", "2013-00-01", "2013-13-01", "2013-02-29", "2013-1-1", "13-01-2013",
		"2013-01-01T", "2013-01-01T24:00", "2013-01-01T10", "2013-01-01T10:60",
		"2013-01-01T10:00:60", "2013-01-01T10:00:00.", "2013-01-01T10:00+", "2013-01-01T10:00+1", "2013-01-01T10:00+01:",
		"2013-01-01T10:00+24:00", "2013-01-01T10:00 x", "2013-01-01x", "2013/01/01"} {
		if got, ok := isoDate([]byte(s)); ok {
			t.Errorf("%s is %v", s, time.UnixMicro(got).UTC())
		}
	}
	for _, c := range []struct{ format, text, want string }{
		{"%d.%m.%Y", "31.12.2013", "2013-12-31T00:00:00Z"},
		{"%d %b %y, %I:%M %p", "02 Jan 06, 03:04 PM", "2006-01-02T15:04:00Z"},
		{"%Y%m%d", "20130228", "2013-02-28T00:00:00Z"},
		{"%Y-%j", "2013-059", "2013-02-28T00:00:00Z"},
		{"%A %d %B %Y", "Thursday 28 February 2013", "2013-02-28T00:00:00Z"},
		{"%Y-%m-%d %H:%M:%S.%f%z", "2013-02-28 10:11:12.123456+0100", "2013-02-28T09:11:12.123456Z"},
		{"%d.%m.%Y", "2013-12-31", "2013-12-31T00:00:00Z"},
		{"%d.%m.%Y", "1.1.2020", "2020-01-01T00:00:00Z"}, // as strptime reads them
		{"%m/%d/%Y %H:%M:%S", "1/2/2020 3:4:5", "2020-01-02T03:04:05Z"},
		{"%D %I:%M %p", "1/2/20 3:04 PM", "2020-01-02T15:04:00Z"},
		{"%Y/%m/%d %H:%M:%S.%f", "2020/1/2 3:4:5.25", "2020-01-02T03:04:05.25Z"},
		{"%d%m%Y%H%M%S", "02012020030405", "2020-01-02T03:04:05Z"},
		{"%Y-%m %S", "2020-1 7", "2020-01-01T00:00:07Z"},
	} {
		f, err := parseDateFormat(c.format)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := f.date([]byte(c.text))
		if s := time.UnixMicro(got).UTC().Format(time.RFC3339Nano); !ok || s != c.want {
			t.Errorf("%s by %s is %s, %v", c.text, c.format, s, ok)
		}
	}
	for _, s := range []string{"%", "%H", "%Q", "2006-01-02", "%Y-%f", "yesterday", "%d.%m.%d"} {
		if _, err := parseDateFormat(s); err == nil {
			t.Errorf("the format %s is taken", s)
		}
	}
}

// Columns have a format of their own behind commas, which a format may have itself, as colons are in names and in
// times.
func TestDateFormats(t *testing.T) {
	t.Parallel()
	names := []string{"when", "dep", "arr", "a:b"}
	text := "%b %d, %Y,dep:%d.%m.%Y %H:%M, arr:%b %d, %Y,a:b:%Y/%m/%d"
	f, err := parseDateFormats(text)
	if err != nil {
		t.Fatal(err)
	}
	formats, err := f.of(names)
	if err != nil {
		t.Fatal(err)
	}
	for i, cell := range []string{"Jan 31, 2026", "31.1.2026 00:00", "Jan 31, 2026", "2026/1/31"} {
		if got, ok := formats[i].date([]byte(cell)); !ok || got != 20484*microsPerDay {
			t.Errorf("%s by that of %s is %d, %v", cell, names[i], got, ok)
		}
	}
	if asked, err := (&Options{DateFormat: text}).asked(names); err != nil ||
		!slices.Equal(asked, []Kind{"", Date, Date, Date}) {
		t.Errorf("asked %q, %v", asked, err)
	}
	for _, c := range []struct{ format, want string }{
		{"dep:", `column "dep": no format`},
		{"dep:%Q", `column "dep": %Q is not known`},
		{"dep:%d.%m.%Y,%Y/%m/%d", `column "dep": %Y stands there twice`},
		{"x:%d.%m.%Y", `no column "x": there are when, dep, arr, a:b`},
		{"dep:%d.%m.%Y,dep:%Y", `column "dep" has two`},
	} {
		f, err := parseDateFormats(c.format)
		if err == nil {
			_, err = f.of(names)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.format, err, c.want)
		}
	}
}

// Indices are those of a file's columns, also where the table lacks some of them; names go before indices.
func TestByIndex(t *testing.T) {
	t.Parallel()
	all, columns := []string{"y", "a", "b*c", "id", "d,e", "1"}, []string{"a", "b*c", "d,e", "1"}
	o, err := Options{
		Numeric: []string{"2-4", "1"}, Categorical: []string{"4"}, Text: []string{"x-y"}, Date: []string{"a*"},
		Interactions: []string{"2*4", "a * d_month"}, Splines: []string{"4:5", "d_hour:3"},
		DateFormat: "%d.%m.%Y,4:%Y/%m/%d,5:%Y",
	}.ByIndex(all, columns)
	want := Options{
		Numeric: []string{"b*c", "d,e", "1"}, Categorical: []string{"d,e"}, Text: []string{"x-y"}, Date: []string{"a*"},
		Interactions: []string{"1*d,e", "a*d_month"}, Splines: []string{"d,e:5", "d_hour:3"},
		DateFormat: "%d.%m.%Y,2:%Y/%m/%d,1:%Y",
	}
	if err == nil || err.Error() != `interactions: the column 2, "b*c", cannot be told from one that is called 1: rename it` {
		t.Errorf("a name that cannot stand there, whose place is another's name: %v", err)
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("%+v, want %+v", o, want)
	}
	for spec, want := range map[string]string{
		"0": `the column 0, "y", is not among those of the table`, "6": `no column "6"`, "0-0": `no column "0-0"`,
		"3-9": `no column "3-9"`,
	} {
		if _, err := (Options{Date: []string{spec}}).ByIndex(all, columns); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", spec, err, want)
		}
	}
}

// A column whose dates are written in several styles says so, by itself and as one of dates.
func TestDateStyles(t *testing.T) {
	t.Parallel()
	tab := table(cells("d", "31.12.2025", "1/31/2026", "2026-02-01", "03.02.2026 10:00", "never"),
		cells("n", "1", "2", "3", "4", "5"))
	const styles = "; dates of several styles: 2 as 00.00.0000, 1 as 00/00/0000, 1 as 0000-00-00"
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "5 distinct values" + styles + "; a date format reads one of them"},
		{Options{DateFormat: "d:%d.%m.%Y"}, "days from 2025-12-31 to 2026-02-01: year, month, dayofweek, days; 3 cells of " +
			`something else, but text, as "03.02.2026 10:00", which is refused` + styles},
	} {
		if e := encodingOf(t, c.o, tab); e.Columns()[0].Why != c.want {
			t.Errorf("%s\nwant %s", e.Columns()[0].Why, c.want)
		}
	}
	for text, want := range map[string]int{"1.2.26": 0, "12/31/2025": 1, "31-12-2025T10:00": 2, "2026.1.2": 3, "2026/01/02": 4,
		"2026-01-02 10:00": 5, "1.2.3.4": -1, "1.2/2026": -1, "2026-01": -1, "20260102": -1, ".1.2026": -1, "1.2.345": -1,
		"": -1, "a": -1, "2026-123-1": -1, "1..2026": -1} {
		style, ok := dateStyle([]byte(text))
		if !ok {
			style = -1
		}
		if style != want {
			t.Errorf("%q is of style %d, want %d", text, style, want)
		}
	}
}
