package entries

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// ordinary reads an entry as Parse does, and more slowly: its index, its value and the place behind it.
func ordinary(line []byte, i int, next, last int64) (index int64, v float64, at int, ok bool) {
	if i >= len(line) || line[i] != ' ' {
		return
	}
	token := line[i+1:]
	if n := bytes.IndexByte(token, ' '); n >= 0 {
		token = token[:n]
	}
	left, right, _ := bytes.Cut(token, []byte(":"))
	digits, _ := bytes.CutPrefix(right, []byte("-"))
	plain := func(b []byte, more string) bool {
		return len(b) > 0 && len(b) <= 8 && len(bytes.Trim(b, "0123456789"+more)) == 0 && len(bytes.Trim(b, more)) > 0
	}
	if !plain(left, "") || !plain(digits, ".") || bytes.Count(digits, []byte(".")) > 1 {
		return
	}
	index, _ = strconv.ParseInt(string(left), 10, 64)
	v, err := strconv.ParseFloat(string(right), 64)
	return index, v, i + 1 + len(token), err == nil && index >= next && index <= last
}

func check(t *testing.T, line []byte, i int, next, last, base int64, room int) {
	t.Helper()
	columns, values := make([]int32, room), make([]float64, room)
	n, at := Parse(line, i, next, last, base, columns, values)
	if n < 0 || n > room {
		t.Fatalf("%d entries in room for %d", n, room)
	}
	for k := range n {
		index, v, behind, ok := ordinary(line, i, next, last)
		if !ok || int64(columns[k]) != index-base || math.Float64bits(values[k]) != math.Float64bits(v) {
			t.Fatalf("%q: entry %d, from %d on, is %d:%v", line, k, i, columns[k], values[k])
		}
		i, next = behind, index+1
	}
	if at != i {
		t.Fatalf("%q: %d entries until %d, not %d", line, n, i, at)
	}
	// Whatever has room enough behind it is read.
	if _, _, _, ok := ordinary(line, i, next, last); parses && ok && n < room && cap(line)-i > 40 {
		t.Fatalf("%q: stops at %d", line, i)
	}
}

func TestParse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range 30000 {
		var b []byte
		index := int64(r.IntN(2))
		for range r.IntN(12) {
			index += 1 + int64(r.ExpFloat64()*[]float64{1, 100, 1e7}[r.IntN(3)])
			b = append(b, ' ')
			b = strconv.AppendInt(b, index, 10)
			b = append(b, ':')
			b = strconv.AppendFloat(b, r.NormFloat64()*100, 'f', r.IntN(6), 64)
		}
		if len(b) > 0 && r.IntN(3) == 0 { // something else somewhere
			b[r.IntN(len(b))] = " :-+.e#\t\xff\x00\xaf:7"[r.IntN(13)]
		}
		n := len(b)
		b = append(b, " 7:7 \n:.0#123456789 12345678901234567890"[r.IntN(20):]...)
		b = b[: len(b)-r.IntN(10) : len(b)]
		n = min(n, len(b))
		line := bytes.Clone(b)[:n:len(b)]
		check(t, line, 0, int64(r.IntN(2)), []int64{10, 1e3, 1e9}[r.IntN(3)], int64(r.IntN(2)), r.IntN(14))
		if k, _ := Parse(line, 0, 0, math.MaxInt32, 0, make([]int32, 99), make([]float64, 99)); k > 0 {
			read += k
		}
	}
	if parses && read < 50000 {
		t.Errorf("%d entries read", read)
	}
}

// FuzzParse: whatever is read, the long way gives the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{" 1:0.5 3:-7 12345678:.25 99999999:8. 100000000:1", " 1:. 2:-", " 0:1.2.3", " 5:1 5:2",
		" 7:123456789 ", " 1:1e5", "  1:1"} {
		f.Add([]byte(s+"                                          "), uint8(len(s)))
	}
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		check(t, b[:min(int(n), len(b))], 0, 0, 1<<30, 0, 64)
	})
}
