package linear

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The sketch is within its bound of the AUC, which is small, at every scale of the scores.
func TestAUCSketch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, scale := range []float64{1e-5, 1e-2, 1, 100} {
		var whole AUCSketch
		parts := make([]AUCSketch, 3)
		var positive []bool
		var scores, weights []float64
		for i := range 20000 {
			yes := r.IntN(3) == 0
			v := r.NormFloat64() * 2
			if yes {
				v++
			}
			v *= scale
			w := float64(i % 3)
			positive, scores, weights = append(positive, yes), append(scores, v), append(weights, w)
			whole.Add(yes, v, w)
			parts[i%3].Add(yes, v, w)
		}
		want, err := AUC(positive, scores, weights)
		if err != nil {
			t.Fatal(err)
		}
		got, bound := whole.AUC()
		if !(math.Abs(got-want) <= bound) || bound > 1e-3 || !(math.Abs(got-want) <= 1e-4) {
			t.Errorf("scale %v: got %v within %v, want %v", scale, got, bound, want)
		}
		var merged AUCSketch
		for i := range parts {
			b, err := parts[i].MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var p AUCSketch
			if err := p.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			merged.Merge(&p)
		}
		if auc, _ := merged.AUC(); auc != got {
			t.Errorf("merged %v, whole %v", auc, got)
		}
	}
	var none AUCSketch
	if auc, _ := none.AUC(); auc == auc {
		t.Errorf("without rows: %v", auc)
	}
	// Bins ascend with scores.
	last := -1
	for _, v := range []float64{math.Inf(-1), -1e300, -1e4, -2, -1.99, -1, -1e-3, -1e-300, 0, 1e-300, 1e-3, 1, 1.01, 1e4,
		math.Inf(1)} {
		b := SketchBin(v)
		if b < last || b >= sketchBins {
			t.Errorf("bin %d of %v, after %d", b, v, last)
		}
		last = b
	}
	if SketchBin(-1) == SketchBin(-1.99) || SketchBin(0) != SketchBin(math.Copysign(0, -1)) {
		t.Error("bins are too wide, or zeros two")
	}
}

// Bytes of a sketch whose bins do not ascend, or whose weights are below 0, are refused.
func TestAUCSketchRefuses(t *testing.T) {
	t.Parallel()
	var s AUCSketch
	s.Add(true, 1, 1)
	s.Add(false, 2, 3)
	b, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	const bin = 2 + 2*8
	if len(b) != 1+2*bin {
		t.Fatalf("%d bytes", len(b))
	}
	first, second := b[1:1+bin], b[1+bin:]
	for name, bad := range map[string][]byte{
		"descending": slices.Concat(b[:1], second, first), "twice": slices.Concat(b[:1], first, first),
	} {
		if err := new(AUCSketch).UnmarshalBinary(bad); err == nil {
			t.Errorf("bins, %s, are read", name)
		}
	}
	s.Add(true, 1, -2)
	if b, err = s.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	if err := new(AUCSketch).UnmarshalBinary(b); err == nil {
		t.Error("a weight below 0 is read")
	}
}
