package formats

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// What short numbers are read by gives the bits and the length of what reads all, or nothing.
func TestShortNumbers(t *testing.T) {
	texts := []string{"0", "7 ", "1234567", "12345678", "0.5", ".5", "5.", ".", "1.2.3", "1e5", "1.5e5", "1:2", "-1", "+1",
		"", "0.951 7", "00.10", "\xff1.5", "1.\xff", "1,5", "99999.9"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var b []byte
		for range 1 + r.IntN(9) {
			b = append(b, "0123456789..: #e-\xba"[r.IntN(18)])
		}
		texts = append(texts, string(b))
	}
	taken := 0
	for _, s := range texts {
		for _, pad := range []string{"        ", "12345678", "........", "\xff\xff\xff\xff\xff\xff\xff\xff"} {
			b := []byte(s + pad)
			want, length := number(b, false)
			if got, n := shortDecimal(b); n > 0 {
				taken++
				if got != want || n != length {
					t.Errorf("shortDecimal(%q): %v of %d bytes, number has %v of %d", b, got, n, want, length)
				}
			}
			_, m := digits(b, 0, 0)
			end, _ := digits(b, 0, 0)
			if got, n := shortInteger(b); n > 0 && (n != end || uint64(got) != m) {
				t.Errorf("shortInteger(%q): %d of %d bytes, digits has %d of %d", b, got, n, m, end)
			}
		}
	}
	if taken < len(texts) {
		t.Errorf("%d short numbers of %d texts", taken, len(texts))
	}
}

// The number of columns and the first index are those of all rows without a fault, however these are written.
func TestMeasureSVM(t *testing.T) {
	for _, v := range []struct {
		rows string
		dim  int
		base int64
	}{
		{"1 1:1 5:1\n1 2:1 9:1\n1 3:1\n", 9, 1},
		{"1 1:1 5:1\n1\t0:1 3:1\n", 6, 0},
		{"1 1:1 5:1\n 1 0:1 3:1\n", 6, 0},
		{"1 1:1 5:1\n1  0:1 3:1\n", 6, 0},
		{"1 1:1 5:1\n1 qid:3 0:1 3:1\n", 6, 0},
		{"1 1:1 5:1\n1 00:1 3:1\n", 6, 0},
		{"1 1:1 5:1\n1 2:1 8:1 # 99:1\n", 8, 1},
		{"1 1:1 5:1\n1 2:1 000000000000007:1\n", 7, 1},
		{"1 1:1 5:1\n1 9:1 3:1\n1 2:1 9:x\n1 99999999999:1\n", 5, 1}, // at fault
		{"1 qid:7\n1 5:1\n", 5, 1},
	} {
		src, err := inspectText(v.rows, "x.svm", Options{Sparse: true})
		if err != nil {
			t.Errorf("%q: %v", v.rows, err)
			continue
		}
		if s := src.(*svmSource); s.dim != v.dim || s.base != v.base {
			t.Errorf("%q: %d columns from %d on, want %d from %d on", v.rows, s.dim, s.base, v.dim, v.base)
		}
	}
}

// A row is read the same whatever stands behind it: at the end of a file without a line end, too, where a buffer may
// hold what was there before.
func TestSVMAtTheEnd(t *testing.T) {
	var b strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&b, "%d 1:%d.125 7:0.5 12:%d\n", i%2, i%10, i)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	rows, err := Load(t.Context(), Options{Sparse: true}, write(t, "x.svm", text))
	if err != nil {
		t.Fatal(err)
	}
	if n := rows.Len(); n != 20000 {
		t.Fatalf("%d rows", n)
	}
	for i := range rows.Len() {
		columns, values := rows.Sparse.Row(i)
		if fmt.Sprint(columns) != "[0 6 11]" || values[0] != float64(i%10)+0.125 || values[1] != 0.5 ||
			values[2] != float64(i) {
			t.Fatalf("row %d: %v %v", i, columns, values)
		}
	}
}
