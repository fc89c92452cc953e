package newton

import (
	"errors"
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// Of squared errors and l2 the objective is quadratic, so that steps are those of conjugate gradients, preconditioned
// by the diagonal of the second derivatives (Hestenes and Stiefel, J. Res. NBS 49, 1952; scikit-learn's sparse_cg): the
// gradients at both ends of a step tell how long it should have been, and the gradient there. So each pass is a whole
// step. They come nearer to the optimum than L-BFGS does, whose last ten pairs forget the directions before.

// quadratic reports whether steps are those of conjugate gradients.
func (o *Optimizer) quadratic() bool {
	return !o.newtons() && o.vectors == 1 && o.options.Loss == linear.SquaredError
}

const (
	maxGains   = 5     // steps after which their gains say how far the optimum was before
	gainsToEnd = 1e-13 // of the objective: the gains of so many steps at the end
	allMet     = 1e-24 // of the first objective: what rounding leaves where the model meets all rows
)

// conjugate ends a pass with the step from p.Base, of any length along p.Dir.
func (o *Optimizer) conjugate(p *optimum, s *derivatives) error {
	n := o.weight
	point := p.tried()
	f, g := s.loss/n+o.penalty(point, nil, 0), o.slope(s.gradient, point, n)
	if f-f != 0 || norm(g)-norm(g) != 0 {
		return errors.New("the objective overflows: standardise the features, or scale the target down")
	}
	last, change := p.Dir, g
	if last == nil {
		o.scaling(p, s.second, n)
		p.First = f
	} else {
		change = slices.Clone(g)
		kernel.Add(-1, p.Gradient, change)
		curvature, along := kernel.Dot(last, change), kernel.Dot(g, last)
		if !(curvature > 0) { // rounding: the objective is flat
			return p.end()
		}
		off := -along / curvature // from the end of the step to the least along it
		kernel.Add(1+off, last, p.Base)
		kernel.Add(off, change, g)
		f += float64(off*along) + float64(float64(off*off)*curvature)/2
		p.Gains = append(p.Gains, float64((1+off)*(1+off))*curvature/2)
		if len(p.Gains) > maxGains {
			p.Gains = p.Gains[1:]
		}
	}
	p.Objective, p.Gradient, p.Norm = f, g, norm(g)
	o.boundSquares(p, g, f)
	dir := o.preconditioned(p)
	if last != nil {
		kernel.Add(-kernel.Dot(dir, change)/kernel.Dot(last, change), last, dir)
	}
	if p.Slope = kernel.Dot(g, dir); !(p.Slope < 0) { // rounding: begin anew
		dir = o.preconditioned(p)
		p.Slope = kernel.Dot(g, dir)
	}
	p.Dir = dir
	gains := 0.0
	for _, v := range p.Gains {
		gains += v
	}
	// A search that begins at the optimum, as that of dual's weights does, has no gains to tell that.
	there := last == nil && o.bounded() && p.gap() <= gainsToEnd*math.Abs(f)
	met := last != nil && f <= allMet*p.First
	if len(p.Gains) == maxGains && gains <= gainsToEnd*math.Abs(f) || p.Slope == 0 || there || met {
		return p.end()
	}
	return nil
}

// preconditioned is the way down from p.Base, with each weight in its own scale.
func (o *Optimizer) preconditioned(p *optimum) []float64 {
	dir := slices.Clone(p.Gradient)
	diagonalScaling(p.Diagonal).divide(dir, -1)
	o.noIntercepts(dir)
	return dir
}

// end is the end of a search that has come to the optimum.
func (p *optimum) end() error {
	p.Done, p.Converged = true, true
	p.Dir, p.Gradient, p.Diagonal, p.Steps, p.Changes, p.Gains, p.Sides, p.Tangents = nil, nil, nil, nil, nil, nil, nil,
		nil
	return nil
}
