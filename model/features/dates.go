package features

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"beamlearn/model/tables"
)

// The parts of a date, as they stand in the columns of an encoding: integers, in UTC.
const (
	partYear = iota
	partMonth
	partDayOfWeek // Monday is 0, as pandas counts
	partHour
	partDays // since 1970-01-01
	dateParts
)

// partNames are what stands behind a column's name for a part.
var partNames = [dateParts]string{"year", "month", "dayofweek", "hour", "days"}

const (
	microsPerHour = 3600e6
	microsPerDay  = 24 * microsPerHour
)

// splitDate gives the parts of an instant in microseconds since 1970-01-01T00:00:00 UTC.
func splitDate(micros int64) (parts [dateParts]float64) {
	days := micros / microsPerDay
	rest := micros % microsPerDay
	if rest < 0 {
		days, rest = days-1, rest+microsPerDay
	}
	year, month := civil(days)
	return [...]float64{
		partYear:      float64(year),
		partMonth:     float64(month),
		partDayOfWeek: float64(((days+3)%7 + 7) % 7), // 1970-01-01 was a Thursday
		partHour:      float64(rest / microsPerHour),
		partDays:      float64(days),
	}
}

// civil is the year and the month of a day since 1970-01-01. (Hinnant, chrono-compatible low-level date algorithms,
// civil_from_days.)
func civil(days int64) (year, month int64) {
	days += 719468 // since 0000-03-01
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	day := days - era*146097
	y := (day - day/1460 + day/36524 - day/146096) / 365
	m := (5*(day-(365*y+y/4-y/100)) + 2) / 153 // from March on
	year, month = y+era*400, m+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month
}

// daysOf is the day since 1970-01-01 of a date that there is. (The same, days_from_civil.)
func daysOf(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	y := year - era*400
	return era*146097 + y*365 + y/4 - y/100 + (153*(month-3)+2)/5 + day - 1 - 719468
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// isoDate reads a trimmed text of ISO 8601: 2013-01-31, with a T or a space and a time after it (05:15, 05:15:00,
// 05:15:00.25), with a zone after that (Z, +01:00, +0100, +01); without one it is UTC. The result is in microseconds;
// what is below is cut off.
func isoDate(b []byte) (micros int64, ok bool) {
	if len(b) < len("2013-01-31") || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	year, ok1 := digits(b[:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	micros = daysOf(year, month, day) * microsPerDay
	if len(b) == 10 {
		return micros, true
	}
	if b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return 0, false
	}
	clock, rest, ok := isoClock(b[11:])
	if !ok {
		return 0, false
	}
	zone, ok := isoZone(rest)
	return micros + clock - zone, ok
}

func digits(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// isoClock reads a time of day and gives what is behind it.
func isoClock(b []byte) (micros int64, rest []byte, ok bool) {
	if len(b) < 5 || b[2] != ':' {
		return 0, nil, false
	}
	hour, ok1 := digits(b[:2])
	minute, ok2 := digits(b[3:5])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, nil, false
	}
	micros = (hour*60 + minute) * 60e6
	b = b[5:]
	if len(b) < 3 || b[0] != ':' {
		return micros, b, true
	}
	second, ok1 := digits(b[1:3])
	if !ok1 || second > 59 {
		return 0, nil, false
	}
	micros += second * 1e6
	b = b[3:]
	if len(b) == 0 || b[0] != '.' && b[0] != ',' {
		return micros, b, true
	}
	i, unit := 1, int64(1e6)
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		unit /= 10
		micros += int64(b[i]-'0') * unit
	}
	return micros, b[i:], i > 1
}

// isoZone reads a zone, or nothing, to the end.
func isoZone(b []byte) (micros int64, ok bool) {
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	sign := int64(1)
	if b[0] == '-' {
		sign = -1
	} else if b[0] != '+' {
		return 0, false
	}
	b = b[1:]
	if len(b) < 2 {
		return 0, false
	}
	hours, ok := digits(b[:2])
	minutes := int64(0)
	if b = b[2:]; ok && len(b) > 0 {
		if b[0] == ':' {
			b = b[1:]
		}
		if len(b) != 2 {
			return 0, false
		}
		minutes, ok = digits(b)
	}
	return sign * (hours*60 + minutes) * 60e6, ok && hours < 24 && minutes < 60
}

// dateFormat reads dates of one format.
type dateFormat struct{ layout string }

var strftime = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'I': "03", 'p': "PM", 'M': "04", 'S': "05", 'f': "999999",
	'z': "-0700", 'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday", 'j': "002",
	'F': "2006-1-2", 'T': "15:4:5", 'D': "1/2/06", 'R': "15:4", '%': "%",
}

// unpadded are the codes that stand for one digit or two, as strptime reads them, where what is next to them is no
// digit.
var unpadded = map[byte]string{'m': "1", 'd': "2", 'I': "3", 'M': "4", 'S': "5"}

// code is what Go's layouts have for the code at i of a format of strftime.
func code(s string, i int) (layout string, ok bool) {
	layout, ok = strftime[s[i]]
	alone := (i == 1 || i > 2 && s[i-3] != '%' || i == 2) && (i+1 == len(s) || s[i+1] != '%')
	if short := unpadded[s[i]]; short != "" && alone {
		layout = short
	}
	return layout, ok
}

// parseDateFormat reads a format of strftime; nil of "".
func parseDateFormat(s string) (*dateFormat, error) {
	if s == "" {
		return nil, nil
	}
	var layout strings.Builder
	day, seen := false, map[byte]bool{}
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			if c := s[i]; c-'0' <= 9 || c|0x20-'a' < 26 && c != 'T' && c != 'Z' && c != 'h' {
				return nil, fmt.Errorf("%q stands outside of a %%: only signs may, and T, Z and h", string(c))
			}
			layout.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return nil, errors.New("it ends with a %")
		}
		if c := s[i]; c != '%' && seen[c] {
			return nil, fmt.Errorf("%%%c stands there twice", c)
		}
		seen[s[i]] = true
		code, ok := code(s, i)
		if !ok {
			const known = "%Y %y %m %b %B %d %j %H %I %p %M %S %f %z %a %A"
			return nil, fmt.Errorf("%%%c is not known: %s are", s[i], known)
		}
		day = day || strings.IndexByte("YyFDmdbBj", s[i]) >= 0
		if code == "999999" && !strings.HasSuffix(layout.String(), "5.") && !strings.HasSuffix(layout.String(), "5,") {
			return nil, errors.New("%f must follow %S. or %S,")
		}
		layout.WriteString(code)
	}
	if !day {
		return nil, errors.New("it has no day, month or year")
	}
	return &dateFormat{layout.String()}, nil
}

// parse reads a trimmed text.
func (f *dateFormat) parse(b []byte) (micros int64, ok bool) {
	if f == nil || len(b) == 0 {
		return 0, false
	}
	t, err := time.Parse(f.layout, unsafe.String(unsafe.SliceData(b), len(b)))
	if err != nil || t.Year() > 290000 || t.Year() < -290000 {
		return 0, false
	}
	return t.UnixMicro(), true
}

// date reads a trimmed text by the format, if there is one, or else as ISO 8601.
func (f *dateFormat) date(b []byte) (int64, bool) {
	if t, ok := f.parse(b); ok {
		return t, true
	}
	t, ok := isoDate(b)
	return t, ok && t != tables.NoTime
}
