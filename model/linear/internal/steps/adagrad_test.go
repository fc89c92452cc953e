package steps

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// A single vector comes to the same bits by BeginDot and AddEnd as by Begin, Dot, Add and End, of sparse rows and of
// dense ones, with zeros among them, and where a gradient is 0.
func TestAlone(t *testing.T) {
	const features, rows = 12, 200
	for _, penalty := range []linear.Penalty{linear.L2, linear.None} {
		for _, average := range []linear.Average{0, 1, 50} {
			for _, sparse := range []bool{true, false} {
				o := linear.Options{Task: linear.Regression, LearningRate: linear.AdaGrad, Penalty: penalty, Average: average}
				o.EnsureDefaults()
				r := NewRule(&o)
				each, fused := NewColumns(features), NewColumns(features)
				a, b := plainWeights(features), plainWeights(features)
				random := rand.New(rand.NewPCG(5, 6))
				for i := range rows {
					x := randomRow(random, features, sparse)
					gradient := float64(random.IntN(5)-2) * random.Float64()
					row := float64(i + 1)

					each.Begin(&r, x, row)
					p := each.Dot(&r, x, a, row)
					if gradient != 0 {
						each.Add(x, a, gradient)
					}
					each.End(x, row)

					q := fused.BeginDot(&r, x, b, row)
					fused.AddEnd(x, b, gradient, row)
					if p != q || !reflect.DeepEqual(a, b) || !reflect.DeepEqual(each, fused) {
						t.Fatalf("penalty %s, average %d, sparse %v: row %d: %v, %+v, %+v; one by one %v, %+v, %+v", penalty, average,
							sparse, i, q, b, fused, p, a, each)
					}
				}
				if a.W[0] == 0 || a.Check != 0 {
					t.Errorf("nothing was learned: %+v", a)
				}
			}
		}
	}
}

func plainWeights(n int) *Weights {
	return &Weights{W: make([]float64, n), Squares: make([]float64, n), Mean: make([]float64, n), Stride: 1}
}

// randomRow has values of very different sizes, and zeros.
func randomRow(r *rand.Rand, features int, sparse bool) kernel.Row {
	var x kernel.Row
	for j := range features {
		v := float64(r.IntN(4)-1) * r.ExpFloat64()
		if sparse && r.IntN(2) == 0 {
			continue
		}
		x.Val = append(x.Val, v)
		if sparse {
			x.Idx = append(x.Idx, int32(j))
		}
	}
	return x
}
