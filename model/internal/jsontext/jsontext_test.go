package jsontext

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

// Every float64 reads back bit by bit, in −0 as Python reads it, too.
func TestFloats(t *testing.T) {
	values := Floats{0, math.Copysign(0, -1), 1, -1, 0.1, 1.0 / 3, math.Pi, 1e21, 1e-7, 5e-324, -2.2250738585072014e-308,
		math.MaxFloat64, 9007199254740993, 123456789012345680}
	b, err := values.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, []byte("[0,-0.0,1,")) {
		t.Errorf("written %s", b)
	}
	var got Floats
	if err := got.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(values) {
		t.Fatalf("%d values", len(got))
	}
	for i, v := range values {
		if math.Float64bits(got[i]) != math.Float64bits(v) {
			t.Errorf("%v reads back as %v", v, got[i])
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if b, err := (Floats{1, v}).MarshalJSON(); err == nil {
			t.Errorf("%v is written %s", v, b)
		}
	}
}

// Many numbers are written by several goroutines, as few are by one.
func TestManyNumbers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 3} {
		runtime.GOMAXPROCS(procs)
		for _, n := range []int{0, 1, 1 << 14, 1<<14 + 1, 3<<14 - 1, 3 << 14, 9<<14 + 5} {
			f := make(Floats, n)
			for i := range f {
				f[i] = -float64(i%7-3) / float64(i%11+1) // −0 is among them
			}
			var got bytes.Buffer
			b := bufio.NewWriter(&got)
			if err := errors.Join(f.Write(b), b.Flush()); err != nil {
				t.Fatal(err)
			}
			if want, err := f.MarshalJSON(); err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%d numbers, %d threads: %d bytes are not those wanted, %d: %v", n, procs, got.Len(), len(want), err)
			}
			if n == 0 {
				continue
			}
			f[n-1] = math.NaN()
			if err := f.Write(b); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("place %d", n-1)) {
				t.Errorf("%d numbers, the last is none: %v", n, err)
			}
		}
	}
}
