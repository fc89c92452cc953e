package wire

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

// all has a field of each kind.
type all struct {
	count int64
	n     int
	bits  uint64
	flag  bool
	x     float64
	fixed [3]float64
	whole [2]float64
	maybe []float64
	list  []float64
	raw   []byte
	text  string
	items []string
}

func (a *all) fields(c *Codec) {
	c.Count(&a.count)
	c.Int(&a.n)
	c.Uint(&a.bits)
	c.Flag(&a.flag)
	c.Float(&a.x)
	c.Floats(a.fixed[:])
	c.Finite(a.whole[:])
	c.Maybe(&a.maybe, 2)
	c.List(&a.list)
	c.Bytes(&a.raw)
	c.Text(&a.text)
	n := c.Len(len(a.items), 1)
	if c.Reading() {
		a.items = make([]string, n)
	}
	for i := range n {
		c.Text(&a.items[i])
	}
	c.Check(a.n != 13, "luck")
}

func example() *all {
	return &all{1<<53 - 1, 7, math.MaxUint64, true, math.Float64frombits(0x7ff8000000000abc),
		[3]float64{math.Copysign(0, -1), math.Inf(1), 5e-324},
		[2]float64{1, -2}, []float64{3, 4}, []float64{}, []byte("raw"), "text, Ü", []string{"", "b"}}
}

func encoded(t testing.TB, a *all) []byte {
	b, err := Encode(a.fields)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every bit comes back, an empty list is not nil, and nil is.
func TestCodec(t *testing.T) {
	for _, a := range []*all{example(), {}} {
		b := encoded(t, a)
		var got all
		if err := Decode(b, got.fields); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encoded(t, &got), b) || (got.list == nil) != (a.list == nil) ||
			(got.maybe == nil) != (a.maybe == nil) || got.text != a.text {
			t.Errorf("read %+v, wrote %+v", got, *a)
		}
	}
}

func TestCodecRefuses(t *testing.T) {
	b := encoded(t, example())
	for n := range b {
		if err := Decode(b[:n], new(all).fields); err == nil {
			t.Errorf("read from %d of %d bytes", n, len(b))
		}
	}
	if err := Decode(append(bytes.Clone(b), 0), new(all).fields); err == nil || err.Error() != "1 bytes are left" {
		t.Errorf("a byte more: %v", err)
	}
	for name, change := range map[string]func(*all){
		"a check":    func(a *all) { a.n = 13 },
		"not finite": func(a *all) { a.whole[1] = math.NaN() },
		"a count":    func(a *all) { a.count = 1 << 53 },
		"an int":     func(a *all) { a.n = 1 << 31 },
	} {
		a := example()
		change(a)
		if err := Decode(encoded(t, a), new(all).fields); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	first := errors.New("first")
	if _, err := Encode(func(c *Codec) { c.Fail(nil); c.Fail(first); c.Fail(errors.New("second")) }); err != first {
		t.Errorf("got %v", err)
	}
}

// A length takes no memory before its bytes are there.
func TestCodecMemory(t *testing.T) {
	n := 1 << 30
	b, err := Encode(func(c *Codec) { c.Int(&n) })
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(*Codec){
		"list":  func(c *Codec) { var x []float64; c.List(&x) },
		"bytes": func(c *Codec) { var x []byte; c.Bytes(&x) },
		"text":  func(c *Codec) { var x string; c.Text(&x) },
		"len": func(c *Codec) {
			if n := c.Len(0, 1); n != 0 {
				t.Errorf("a length of %d", n)
			}
		},
	} {
		if got := testing.AllocsPerRun(1, func() {
			if Decode(b, read) == nil {
				t.Errorf("%s: no error", name)
			}
		}); got > 10 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func FuzzCodec(f *testing.F) {
	f.Add(encoded(f, example()))
	f.Add(encoded(f, &all{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a all
		if Decode(b, a.fields) != nil {
			return
		}
		var again all
		if err := Decode(encoded(t, &a), again.fields); err != nil || !bytes.Equal(encoded(t, &again), encoded(t, &a)) {
			t.Errorf("%v: %+v, then %+v", err, a, again)
		}
	})
}
