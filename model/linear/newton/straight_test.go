package newton

import (
	"math"
	"math/rand/v2"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// farChunk is rows of two numbers and one of 60 categories, hashed, whose targets are mostly far from zero, and some
// far from all others; or two classes by their signs, a tenth of them wrong.
func farChunk(rows int, classes bool) (sparse, full *linear.Chunk) {
	r := rand.New(rand.NewPCG(7, 8))
	sparse = &linear.Chunk{Features: manyColumns, Sparse: &linear.CSR{Offsets: []int{0}}}
	full = &linear.Chunk{Features: 62}
	for range rows {
		category, row := r.IntN(60), make([]float64, 62)
		row[0], row[1], row[2+category] = r.NormFloat64(), r.NormFloat64(), 1
		noise := r.NormFloat64()
		target := row[0] - row[1] + float64(category*37%101-50)/10 + noise*noise*noise
		if classes {
			target = float64(int(kernel.Sign(target > 0)*kernel.Sign(r.IntN(10) > 0)+1) / 2)
		}
		sparse.Sparse.Indices = append(sparse.Sparse.Indices, 0, 1, int32(2+35*category))
		sparse.Sparse.Values = append(sparse.Sparse.Values, row[0], row[1], 1)
		sparse.Sparse.Offsets = append(sparse.Sparse.Offsets, len(sparse.Sparse.Values))
		sparse.Target, full.X = append(sparse.Target, target), append(full.X, row...)
	}
	full.Target = sparse.Target
	return sparse, full
}

// Of losses that are straight far from the target, Newton's method comes to the optimum also where no penalty, or next
// to none, bends them, by the whole matrix and by an arrowhead.
func TestOptimizerStraight(t *testing.T) {
	for name, o := range map[string]linear.Options{
		"huber":          {Task: linear.Regression, Loss: linear.Huber, Epsilon: new(0.1)},
		"modified_huber": {Task: linear.Classification, Loss: linear.ModifiedHuber, Classes: lineartest.Numbered(2)},
	} {
		for _, penalty := range []linear.Penalty{linear.None, linear.L2} {
			o.Penalty, o.Alpha = penalty, new(1e-6)
			sparse, full := farChunk(900, o.Task == linear.Classification)
			least := math.Inf(1)
			for _, c := range []*linear.Chunk{full, sparse} {
				p := optimizerFor(t, o, c.Features)
				run(t, p, 2, lineartest.CutChunk(c, 170)...)
				f, slope := p.Objectives()[0], p.GradientNorms()[0]
				if least = min(least, f); !p.Converged() || f > least*(1+1e-8) || slope > 1e-4 {
					t.Errorf("%s, %s, %d columns: converged %v in %d passes, objective %v, gradient %v, another's objective %v",
						name, penalty, c.Features, p.Converged(), p.Passes(), f, slope, least)
				}
				t.Logf("%s, %s, %d columns: %d passes, objective %v, gradient %v", name, penalty, c.Features, p.Passes(), f,
					slope)
			}
		}
	}
}
