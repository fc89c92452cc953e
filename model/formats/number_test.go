package formats

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

var numerals = []string{
	"0", "-0", "+0", "1", "-1", "+1", "12345678", "123456789", "1234567890123456789", "12345678901234567890",
	"0.1", "-0.1", ".5", "-.5", "5.", "5.e1", ".", "-", "+", "", "e5", ".e5", "1e", "1e+", "1e5", "1E-5", "1e+05",
	"1.5e-22", "1.5e22",
	"00", "01", "-01", "00.5", "0.12345678901234567", "3.14159265358979323846264338327950288", "1e22", "1e23", "1e-22",
	"1e-23",
	"9007199254740991", "9007199254740992", "9007199254740993", "9007199254740993e0", "1.7976931348623157e308",
	"1.7976931348623159e308",
	"-1.7976931348623159e308", "1e309", "-1e400", "1e99999999999999999999", "1e-99999999999999999999",
	"0e99999999999999999999",
	"4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2.2250738585072011e-308",
	"0.000000000000000000000000000001",
	"100000000000000000000000000000000", "0x10", "0x1p4", "1_000", "1,5", "1 ", " 1", "--1", "1.2.3", "1e1.5", "nan",
	"NaN", "inf", "-Inf", "+Infinity",
	"１", "1٫5", "\x001", "1\x00", "12345678x", "1234567/", "1234567:", "8.5:", "99999999.99999999",
	"123456789012345.678901234", "-0.5,", "-0.0", "1234567.1234567", "1234567.12345678", "12345678.1", "-01.5", "1.5e3",
	"0.0000000001234567890123456789", "0.000000000012345678901234567", "00000000000000000000000", "0.000000000000000000000",
	"-1234567.890123456789", "0.123456789012345678", "0.1234567890123456789", "0.12345678901234567e2", "7.12345678",
	"1.123456789012345e", "0.12345678e", "-7.1234567890123456789012345", "9007199254740993e-1", "9007199254740993e27", "9007199254740993e28", "18014398509481990e-27", "1e-27", "1e-28",
	"4503599627370496.5", "4503599627370497.5", "9007199254740993.0", "9007199254740995.0", "9999999999999999999e27",
	"9223372036854776832", "9223372036854776833", "9223372036854774784e-27", "9999999999999999999e-27",
}

// checkNumber compares with strconv, also where other bytes follow the number.
func checkNumber(t *testing.T, s string) {
	t.Helper()
	checkWhole(t, s)
	for _, end := range []string{",", " ", "]"} {
		text := []byte(s + end + strings.Repeat("7", 2*fixedBytes))
		for _, json := range []bool{false, true} {
			v, n := number([]byte(s), json)
			if got, length := number(text, json); length != n || math.Float64bits(got) != math.Float64bits(v) {
				t.Fatalf("%q (JSON %v): %v of %d bytes, and %v of %d before %s", s, json, v, n, got, length, end)
			}
		}
	}
}

// checkWhole compares with strconv, whose grammar is wider: infinity, NaN, hexadecimals, underscores.
func checkWhole(t *testing.T, s string) {
	t.Helper()
	want, err := strconv.ParseFloat(s, 64)
	isRange := err != nil && err.(*strconv.NumError).Err == strconv.ErrRange
	decimal := (err == nil || isRange) && !strings.ContainsAny(s, "xX_nN") // of its names, each has an n
	v, n := number([]byte(s), false)
	if whole := n > 0 && n == len(s); whole != decimal {
		t.Fatalf("%q: %d bytes are a number, by strconv all: %v", s, n, decimal)
	}
	if decimal && math.Float64bits(v) != math.Float64bits(want) {
		t.Fatalf("%q: %v, by strconv %v", s, v, want)
	}
	// Of every number that begins a text, the length is what strconv takes too, and no byte more would do.
	if n > 0 {
		if want, _ := strconv.ParseFloat(s[:n], 64); math.Float64bits(v) != math.Float64bits(want) {
			t.Fatalf("%q: %v, by strconv %v", s[:n], v, want)
		}
		if n < len(s) {
			if m := n + 1; s[n] >= '0' && s[n] <= '9' {
				t.Fatalf("%q: stops at a digit, %q", s, s[:m])
			}
		}
	}
	v, n = number([]byte(s), true)
	if whole := n > 0 && n == len(s); whole != (json.Valid([]byte(s)) && decimal) {
		t.Fatalf("%q: %d bytes are a number of JSON", s, n)
	} else if whole && math.Float64bits(v) != math.Float64bits(want) {
		t.Fatalf("%q: %v in JSON, by strconv %v", s, v, want)
	}
}

func TestNumber(t *testing.T) {
	for _, s := range numerals {
		checkNumber(t, s)
		checkNumber(t, s+",1.25e-3,44")
	}
	// Every way to print a number, at every length.
	rng := rand.New(rand.NewPCG(1, 2))
	count := 20_000
	if brief() {
		count = 4000
	}
	for range count {
		v := math.Float64frombits(rng.Uint64())
		if v-v != 0 {
			continue
		}
		w := rng.NormFloat64() * math.Pow(10, float64(rng.IntN(50)-25))
		for _, x := range []float64{v, w, float64(float32(w)), math.Trunc(w)} {
			for _, format := range []byte("efg") {
				checkNumber(t, strconv.FormatFloat(x, format, -1, 64))
				checkNumber(t, strconv.FormatFloat(x, format, rng.IntN(25), 64))
			}
			checkNumber(t, strconv.FormatFloat(float64(float32(w)), 'g', -1, 32))
		}
		// Integers of every length by every power of ten that nearest takes, and midpoints between two float64.
		m, e := rng.Uint64()>>rng.IntN(64), rng.IntN(2*len(fives)-1)-len(fives)+1
		checkNumber(t, strconv.FormatUint(m, 10)+"e"+strconv.Itoa(e))
		half := uint64(1)<<10 | rng.Uint64()&^(1<<11-1) | 1<<63
		checkNumber(t, strconv.FormatUint(half>>rng.IntN(11)+uint64(rng.IntN(3))-1, 10))
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range numerals {
		f.Add(s)
	}
	f.Fuzz(checkNumber)
}

func TestNumberFault(t *testing.T) {
	for _, c := range []struct{ field, want string }{
		{"x", `found "x", expected a number`},
		{"", `found an empty field, expected a number`},
		{" \t", `found an empty field, expected a number`},
		{"1 2", `found "1 2", expected a number`},
		{"NaN", `found "NaN", expected a finite number`},
		{" -inf ", `found " -inf ", expected a finite number`},
		{"+Infinity", `found "+Infinity", expected a finite number`},
		{"infinitely", `found "infinitely", expected a number`},
		{"0x1p4", `found "0x1p4", expected a number`},
		{"-1e309", `found "-1e309", expected a finite float64`},
		{" 1e300", `found " 1e300", expected a finite float32`},
	} {
		if got := numberFault("f.csv", 7, "c", []byte(c.field)).Error(); got != "f.csv: row 7, column c: "+c.want {
			t.Errorf("%q: %s", c.field, got)
		}
	}
}

func TestParseID(t *testing.T) {
	for _, s := range []string{
		"0", "-0", "-", "7", "-7", "+7", "07", "-07", "00", "7x", "x7", " 7", "7 ", "1e3", "7.0", "a", "é",
		"123456789012345678", "1234567890123456789", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "-123456789012345678", "12345678901234567890",
	} {
		if got, want := parseID([]byte(s)), vectors.ParseID(s); got != want {
			t.Errorf("%q: %+v, not %+v", s, got, want)
		}
	}
}

func BenchmarkNumber(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		print func() string
	}{
		{"float32", func() string { return strconv.FormatFloat(float64(float32(rng.NormFloat64())), 'g', -1, 32) }},
		{"float64", func() string { return strconv.FormatFloat(rng.NormFloat64(), 'g', -1, 64) }},
		{"integer", func() string { return strconv.Itoa(rng.IntN(17)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var text []byte
			for range 1 << 14 {
				text = append(append(text, c.print()...), ',')
			}
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for i := 0; i < len(text); i++ {
					_, n := number(text[i:], false)
					i += n
				}
			}
		})
	}
}
