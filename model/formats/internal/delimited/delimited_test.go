package delimited

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/internal/guard"
)

var places = []string{"head", "tail", "unaligned"}

// Fields end where they do in plain Go: at each byte of a run, at most as many as are asked for, and with nothing beyond
// what is promised to be looked at.
func TestEnds(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for length := range 300 {
		place := places[length%len(places)]
		all := guard.Slice[byte](t, length+behind, place)
		for _, comma := range []byte{',', '\t', 0, 0x7f, 0x80, 0xff} {
			for i := range all {
				all[i] = []byte{comma, comma ^ 0x80, comma ^ 1, byte(r.Uint32()), 'x'}[r.IntN(5)]
			}
			row := all[:length]
			count := bytes.Count(row, []byte{comma})
			for _, most := range []int{0, count - 1, count, count + 1, count + 100} {
				if most < 0 {
					continue
				}
				had := []int{-1, -2}[:min(r.IntN(3), most)]
				want := endsOf(row, comma, slices.Clone(had), most)
				if got := Ends(row, comma, slices.Clone(had), most); !slices.Equal(got, want) {
					t.Fatalf("%q by %q, at most %d: %v, want %v", row, comma, most, got, want)
				}
			}
		}
	}
}

// ordinary reads a field as Read does, and more slowly.
func ordinary(field []byte, json bool) (v float64, long, ok bool) {
	field = bytes.TrimPrefix(field, []byte(" "))
	b := bytes.TrimPrefix(field, []byte("-"))
	digits := len(b) - bytes.Count(b, []byte("."))
	if digits < max(1, len(b)-1) || len(b) > 20 || digits > 19 || len(bytes.Trim(b, "0123456789.")) > 0 {
		return 0, false, false
	}
	if json && (b[0] == '.' || b[len(b)-1] == '.' || b[0] == '0' && len(b) > 1 && b[1] != '.') {
		return 0, false, false
	}
	m, _ := strconv.ParseUint(strings.ReplaceAll(string(b), ".", ""), 10, 64)
	v, err := strconv.ParseFloat(string(field), 64)
	long = len(b) > 16
	return v, long, err == nil && (long || m < 1<<53)
}

func check(t *testing.T, row []byte, comma byte, json bool) (read int) {
	t.Helper()
	var n Numbers
	ends := Ends(row, comma, nil, len(row)+1)
	if !n.Read(row, ends, json) {
		if fast && cap(row)-len(row) >= behind {
			t.Fatalf("%q is not read", row)
		}
		return 0
	}
	first := 0
	for c, end := range ends {
		field := row[first:end]
		first = end + 1
		want, long, ok := ordinary(field, json)
		switch {
		case len(n.Others) > 0 && n.Others[0] == c:
			n.Others = n.Others[1:]
			if ok {
				t.Fatalf("%q, of %q: is not read", field, row)
			}
		case !ok:
			t.Fatalf("%q, of %q: is read", field, row)
		case !long:
			if math.Float64bits(n.Values[c]) != math.Float64bits(want) {
				t.Fatalf("%q: %v", field, n.Values[c])
			}
			read++
		default:
			l := n.Longs[0]
			n.Longs = n.Longs[1:]
			m, places := strings.TrimLeft(string(field), " -"), -1
			if at := strings.IndexByte(m, '.'); at >= 0 {
				places = len(m) - 1 - at
			}
			integer, err := strconv.ParseUint(strings.ReplaceAll(m, ".", ""), 10, 64)
			minus := int16(bytes.Count(field, []byte("-")))
			if w := (Long{integer, int32(c), int16(places), minus}); err != nil || l != w {
				t.Fatalf("%q: %v, want %v", field, l, w)
			}
			read++
		}
	}
	if len(n.Others)+len(n.Longs) > 0 {
		t.Fatalf("%q: %v and %v besides", row, n.Others, n.Longs)
	}
	return read
}

// appendField is a number of up to 22 digits, most often, with a point somewhere or none.
func appendField(row []byte, r *rand.Rand) []byte {
	first := len(row)
	row = append(row, []string{"", "", "-", " ", " -", "- ", "+", "  "}[r.IntN(8)]...)
	digits := r.IntN(23)
	point := r.IntN(2*digits + 2)
	for i := range digits + 1 {
		if i == point {
			row = append(row, '.')
		}
		if i < digits {
			row = append(row, "0123456789"[r.IntN(1+9*r.IntN(2))]) // often 0
		}
	}
	if n := len(row) - first; n > 0 && r.IntN(8) == 0 {
		row[first+r.IntN(n)] = " -.e/:x\x00\xb0"[r.IntN(9)]
	}
	return row
}

func TestRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	read := 0
	for trial := range 4000 {
		comma, json := ", ;\t"[r.IntN(4)], r.IntN(2) == 0
		var row []byte
		for k := range r.IntN(30) {
			if k > 0 {
				row = append(row, comma)
			}
			row = appendField(row, r)
		}
		all := row
		if trial%16 == 0 { // nothing beyond what is promised is looked at
			all = guard.Slice[byte](t, len(row)+behind, places[trial/16%len(places)])
		} else {
			all = make([]byte, len(row)+behind-r.IntN(2))
		}
		for i := copy(all, row); i < len(all); i++ {
			all[i] = "0123456789.-, "[r.IntN(14)]
		}
		read += check(t, all[:len(row)], comma, json)
	}
	if fast && read < 9000 {
		t.Errorf("%d numbers are read", read)
	}
}

// FuzzRead: whatever is read, the long way gives the same.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"1,-2.5, 0.123456789012345678,12345678901234567890,.5,5.,-,.,", "01,00.5,-0,0",
		"9007199254740992,9007199254740991,1e5,- 1", "1.2.3,0.1234567890123456,123456789012345678.9"} {
		f.Add([]byte(s), byte(','), true)
		f.Add([]byte(s), byte('.'), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, comma byte, json bool) {
		check(t, append(slices.Clone(b), make([]byte, behind)...)[:len(b)], comma, json)
	})
}
