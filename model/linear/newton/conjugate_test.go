package newton

import (
	"math/rand/v2"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Of fewer rows than columns, without a penalty, conjugate gradients end where all rows are met up to rounding, though
// each further step still gains much of the little that is left.
func TestConjugateMeetsAllRows(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	c := &linear.Chunk{Features: maxNewtonFeatures + 1}
	for range 30 {
		for range c.Features {
			c.X = append(c.X, r.NormFloat64())
		}
		c.Target = append(c.Target, 5+r.NormFloat64())
	}
	p := optimizerFor(t, linear.Options{Task: linear.Regression, Loss: linear.SquaredError, Alpha: new(0.0)}, c.Features)
	run(t, p, 2, lineartest.CutChunk(c, 11)...)
	if f := p.Objectives()[0]; !p.Converged() || p.Passes() > 30 || f > 1e-22 {
		t.Errorf("converged %v in %d passes, objective %v", p.Converged(), p.Passes(), f)
	}
}
