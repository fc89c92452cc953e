package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestError(t *testing.T) {
	for _, c := range []struct {
		fault         *Fault
		place, reason string
	}{
		{&Fault{File: "a.csv", Row: 3, Column: "x", Found: `"?"`, Expected: "a number"},
			"a.csv: row 3, column x", `found "?", expected a number`},
		{&Fault{File: "a.csv", Column: "0", Found: "NaN", Expected: "a finite number"},
			"a.csv: row 0, column 0", "found NaN, expected a finite number"},
		{&Fault{File: "a.csv", Row: 3, Found: "2 fields", Expected: "3"}, "a.csv: row 3", "found 2 fields, expected 3"},
		{&Fault{File: "a.npy", Row: WholeFile, Found: "3 columns", Expected: "4"}, "a.npy", "found 3 columns, expected 4"},
		{&Fault{File: "a.npy", Row: WholeFile, Column: "x", Found: "none"}, "a.npy, column x", "found none"},
		{&Fault{File: "a.npy", Row: 1, Expected: "a number"}, "a.npy: row 1", "expected a number"},
		{&Fault{File: "a\nb", Row: 1, Column: "x\ty", Found: "\r", Expected: "no \x00 or \x7f"},
			`a\nb: row 1, column x\ty`, `found \r, expected no \x00 or \x7f`},
		{File("a.npy", "rows", "%d of %s", 3, Quote("x")), "a.npy", `found 3 of "x", expected rows`},
	} {
		if got, want := c.fault.Error(), c.place+": "+c.reason; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := c.fault.Reason(); got != c.reason {
			t.Errorf("the reason is %s, want %s", got, c.reason)
		}
	}
}

// A message is one line of text that can be printed, whatever the input holds.
func FuzzError(f *testing.F) {
	f.Add("a.csv", int64(3), "x", "y\n", "z")
	f.Add("a\r\nb", int64(-1), "\x00", "\xff\n", "\x1b[31m")
	f.Fuzz(func(t *testing.T, file string, row int64, column, found, expected string) {
		e := (&Fault{File: file, Row: row, Column: column, Found: found, Expected: expected}).Error()
		if i := strings.IndexFunc(e, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
			t.Errorf("%q has the control character %q", e, e[i])
		}
		q := Quote(found)
		if strings.ContainsAny(q, "\n\r") || !utf8.ValidString(q) || len(q) > 4*maxQuoted+len(`""…`) {
			t.Errorf("%q is quoted as %q", found, q)
		}
	})
}

func TestQuote(t *testing.T) {
	long := strings.Repeat("x", maxQuoted)
	for s, want := range map[string]string{
		"":               `""`,
		"a,b":            `"a,b"`,
		"say \"x\"\n":    `"say \"x\"\n"`,
		"\xff\x00":       `"\xff\x00"`,
		"é":              `"é"`,
		long:             `"` + long + `"`,
		long + "y":       `"` + long + `"…`,
		long[1:] + "éyz": `"` + long[1:] + `\xc3"…`,
	} {
		if got := Quote(s); got != want {
			t.Errorf("%q is quoted as %s, want %s", s, got, want)
		}
		if got := Quote([]byte(s)); got != want {
			t.Errorf("the bytes %q are quoted as %s, want %s", s, got, want)
		}
	}
}

func TestIsRow(t *testing.T) {
	row := &Fault{File: "a", Row: 0, Found: "x"}
	for _, c := range []struct {
		err  error
		want *Fault
	}{
		{nil, nil},
		{errors.New("x"), nil},
		{row, row},
		{fmt.Errorf("while reading: %w", row), row},
		{errors.Join(errors.New("x"), row), row},
		{Mark(row), row},
		{&Fault{File: "a", Row: WholeFile, Found: "x"}, nil},
		{File("a", "x", "y"), nil},
	} {
		if got, ok := IsRow(c.err); got != c.want || ok != (c.want != nil) {
			t.Errorf("%v: %v, %v", c.err, got, ok)
		}
	}
}

func TestMark(t *testing.T) {
	if err := Mark(nil); err != nil {
		t.Errorf("nil is marked as %v", err)
	}
	inner := errors.New("x")
	once := Mark(inner)
	if !errors.Is(once, inner) {
		t.Error("the mark hides the error")
	}
	again := Mark(fmt.Errorf("worker 3: %w", once))
	if got := Find(again.Error()); !slices.Equal(got, []string{"x"}) {
		t.Errorf("marked twice: found %q", got)
	}
}

func TestFind(t *testing.T) {
	mark := func(s string) string { return Mark(errors.New(s)).Error() }
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"no mark", nil},
		{mark("b"), []string{"b"}},
		{"process bundle failed: " + mark("b") + "\n\tat " + mark("a") + ", " + mark("b"), []string{"a", "b"}},
		{mark("a.csv: row 10, column 2: x") + mark("b.csv: row 1: x") + mark("a.csv: row 9, column 10: x") +
			mark("a.csv: row 9, column 9: x"),
			[]string{"a.csv: row 9, column 9: x", "a.csv: row 9, column 10: x", "a.csv: row 10, column 2: x",
				"b.csv: row 1: x"}},
		{mark("a.csv: row 2, column y: x") + mark("a.csv: row 2, column x: x") + mark("a.csv: row 2: x") +
			mark("a.csv: found x"),
			[]string{"a.csv: row 2, column x: x", "a.csv: row 2, column y: x", "a.csv: row 2: x", "a.csv: found x"}},
		{"cut: " + mark("a")[:len(markOpen)+1], nil},
		{"cut: " + mark("a")[:len(markOpen)+1] + " " + mark("b"), []string{"b"}},
		{markOpen, nil},
		{markOpen + "%2" + markClose, nil},
		{"quoted again: " + strconv.Quote("failed: "+mark(`a.csv: row 3: found "x"`)), []string{`a.csv: row 3: found "x"`}},
	} {
		if got := Find(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q: found %q, want %q", c.text, got, c.want)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, f := range []*Fault{
		{File: "a.csv", Row: 12, Column: "x", Found: "1: row 3: 4"}, {File: "a: row b", Row: 0, Found: "x"},
		{File: "a", Row: 3, Column: "b: row 4", Found: "x"},
	} {
		if file, row, ok := Place(f.Error()); file != f.File || row != f.Row || !ok {
			t.Errorf("%s: %s, %d, %v", f, file, row, ok)
		}
	}
	if _, _, ok := Place(File("a", "x", "in row 3: y").Error()); ok {
		t.Error("a whole file has a row")
	}
}

// A message is found in whatever text follows and precedes it, and however often that is quoted.
func FuzzFind(f *testing.F) {
	f.Add("a.csv: row 3: found \"x\", expected a number", "failed: ", "\ncaused by:")
	f.Add(`a.jsonl: row 3: found "{\"a\":\"x\"}", expected a number`, "failed: ", "\ncaused by:")
	f.Add("}", "0", "0")
	f.Add("\xff\x00é}\"\\%22<&>\u2028", "\"", "}")
	f.Fuzz(func(t *testing.T, message, before, after string) {
		if strings.Contains(before+message+after, "beamlearn-fault") {
			return
		}
		quoted := before + Mark(errors.New(message)).Error() + after
		inJSON := quoted
		for range 4 {
			for _, text := range []string{quoted, inJSON} {
				if got := Find(text); !slices.Equal(got, []string{message}) {
					t.Fatalf("%q: found %q, want %q", text, got, message)
				}
			}
			quoted = strconv.Quote("worker: " + quoted)
			b, err := json.Marshal([]string{inJSON})
			if err != nil {
				t.Fatal(err)
			}
			inJSON = string(b)
		}
	})
}
