package newton

import (
	"bytes"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
)

// Sums of the first pass, which have a sample, and of the second, which have second derivatives, from any bytes: what
// is read is written as it was.
func FuzzCrossUnmarshal(f *testing.F) {
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2)}
	c := lineartest.Logistic(40, 2, 1)
	c.Numbers = lineartest.RowNumbers(0, 40)
	after := func(t testing.TB, passes int) *CrossFit {
		split := &folds.Folds{K: 2, Cuts: [][]uint64{{1 << 63}, {1 << 63}}}
		x, err := NewCrossFit(o, []float64{0.1, 1}, nil, split, 2)
		if err != nil {
			t.Fatal(err)
		}
		for range passes {
			lineartest.Pass(t, x, 1, c)
		}
		return x
	}
	for passes := range 3 {
		s := after(f, passes).Partial(0, 1)
		if err := s.PartialFit(c); err != nil {
			f.Fatal(err)
		}
		b, err := s.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(passes), b)
		f.Add(byte(passes), b[:len(b)-1])
	}
	learners := []*CrossFit{after(f, 0), after(f, 1), after(f, 2)}
	f.Fuzz(func(t *testing.T, passes byte, b []byte) {
		s := learners[int(passes)%3].Partial(0, 1)
		if s.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := s.MarshalBinary(); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%d bytes become %d: %v", len(b), len(again), err)
		}
	})
}
