package linear

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/internal/wire"
)

// pinballOf is scikit-learn's mean_pinball_loss of a constant, in float64.
func pinballOf(y, w []float64, q, c float64) float64 {
	loss, all := 0.0, 0.0
	for i, v := range y {
		loss += w[i] * max(q*(v-c), (q-1)*(v-c))
		all += w[i]
	}
	return loss / all
}

// Bins tell the quantile of targets to a 4096th, and the loss of a constant as the targets do; exactly, where
// the targets are counts. They are the same merged and sent.
func TestTargetBins(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() float64{
		"normal":  func() float64 { return 3 * rng.NormFloat64() },
		"far":     func() float64 { return 1e6 + 1e4*rng.NormFloat64() },
		"skewed":  func() float64 { return math.Exp(4 * rng.NormFloat64()) },
		"counts":  func() float64 { return float64(rng.IntN(7)) },
		"signs":   func() float64 { return float64(rng.IntN(3) - 1) },
		"one":     func() float64 { return math.Copysign(0, -1) },
		"minuses": func() float64 { return -math.Exp(rng.NormFloat64()) },
	} {
		const n = 2000
		y, w := make([]float64, n), make([]float64, n)
		parts := []TargetBins{{}, {}}
		for i := range y {
			y[i], w[i] = draw(), float64(rng.IntN(3))
			parts[i%2].Add(y[i], w[i])
		}
		parts[0].Merge(parts[1])
		b, err := wire.Encode(parts[0].Fields)
		if err != nil {
			t.Fatal(err)
		}
		bins := TargetBins{}
		if err := wire.Decode(b, bins.Fields); err != nil {
			t.Fatal(err)
		}
		order := make([]int, n)
		all := 0.0
		for i := range order {
			order[i] = i
			all += w[i]
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(y[a], y[b]) })
		for _, q := range []float64{0.1, 0.5, 0.9} {
			want, below := 0.0, 0.0
			for _, i := range order {
				want = y[i]
				if below += w[i]; below >= q*all {
					break
				}
			}
			exact := name == "counts" || name == "signs" || name == "one"
			got := bins.Quantile(q)
			if off := math.Abs(got - want); !(off <= math.Abs(want)/4096) || exact && off > 0 {
				t.Errorf("%s: quantile %v is %v, want %v", name, q, got, want)
			}
			loss, of := bins.Pinball(q, got), pinballOf(y, w, q, want)
			if off := math.Abs(loss - of); !(off <= 1e-4*of) || exact && off > 1e-14*of {
				t.Errorf("%s: the loss of quantile %v is %v, want %v", name, q, loss, of)
			}
		}
	}
	empty := TargetBins{}
	empty.Add(5, 0)
	if v := empty.Quantile(0.5); v == v {
		t.Errorf("no targets have the median %v", v)
	}
}

// Sums that do not come from Fields are refused.
func TestTargetBinsDamaged(t *testing.T) {
	bins := TargetBins{}
	bins.Add(1, 2)
	bins.Add(-1, 2)
	b, err := wire.Encode(bins.Fields)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		if i > 0 && wire.Decode(b[:i], (&TargetBins{}).Fields) == nil {
			t.Errorf("%d bytes of %d are read", i, len(b))
		}
	}
	var descending []byte
	for range 2 { // the same bin twice
		one, err := wire.Encode(func(c *wire.Codec) { at, w := 7, 1.0; c.Int(&at); c.Float(&w, &w) })
		if err != nil {
			t.Fatal(err)
		}
		descending = append(descending, one...)
	}
	if wire.Decode(append([]byte{2}, descending...), (&TargetBins{}).Fields) == nil {
		t.Error("a bin that comes twice is read")
	}
}
