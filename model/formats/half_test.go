package formats

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Each binary16 is read from Arrow as the number that it is, also those below 2⁻¹⁴, and becomes itself again; numbers
// between two become the nearer one, and halfway the even one.
func TestHalves(t *testing.T) {
	pool := memory.DefaultAllocator
	halves := array.NewFloat16Builder(pool)
	for h := range 1 << 16 {
		halves.Append(float16.FromBits(uint16(h)))
	}
	values := arrowNumbers(halves.NewArray())
	m := &matrix{}
	m.size, m.order = 2, binary.LittleEndian
	var b [2]byte
	put := func(v float64) uint16 {
		m.put(b[:], v)
		appendFloat(halves, v)
		if h := halves.NewFloat16Array().Value(0).Uint16(); h != binary.LittleEndian.Uint16(b[:]) {
			t.Fatalf("%v: %#04x in .npy, %#04x in .parquet", v, binary.LittleEndian.Uint16(b[:]), h)
		}
		return binary.LittleEndian.Uint16(b[:])
	}
	for h := range uint16(0x7c00) {
		want := float64(h&0x3ff|0x400) * math.Ldexp(1, int(h>>10)-25)
		if h < 0x400 {
			want = float64(h) * 0x1p-24
		}
		v := values(int(h))
		if v != want || values(int(h|0x8000)) != -want {
			t.Fatalf("%#04x: got %v and %v, want ±%v", h, v, values(int(h|0x8000)), want)
		}
		next := 65536.0
		if h < 0x7bff {
			next = values(int(h) + 1)
		}
		middle := (v + next) / 2
		for _, x := range []struct {
			v    float64
			want uint16
		}{{v, h}, {middle, h + h&1}, {math.Nextafter(middle, 0), h}, {math.Nextafter(middle, next), h + 1}} {
			if got := put(x.v); got != x.want {
				t.Fatalf("%v: got %#04x, want %#04x", x.v, got, x.want)
			}
			if got := put(-x.v); got != x.want|0x8000 {
				t.Fatalf("%v: got %#04x, want %#04x", -x.v, got, x.want|0x8000)
			}
		}
	}
	if h := put(math.NaN()); half(h) == half(h) {
		t.Errorf("NaN: %#04x", h)
	}
	if h := put(math.Inf(-1)); h != 0xfc00 || !math.IsInf(float64(half(h)), -1) {
		t.Errorf("-Inf: %#04x", h)
	}
}
