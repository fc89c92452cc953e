package features

import (
	"fmt"

	"beamlearn/model/fault"
)

// splineDegree is that of all splines.
const splineDegree = 3

// addSplines puts curves in place of the numeric columns that the options name.
func (s *Survey) addSplines(e *Encoding) error {
	for _, spec := range s.options.Splines {
		name, knots, err := parseSpline(spec)
		if err != nil {
			return err
		}
		c := &e.columns[find(name, s.names)]
		if c.Kind != Numeric {
			return fmt.Errorf("column %s: found %s (%s), expected a numeric one for splines", fault.Quote(c.Name), c.Kind, c.Why)
		}
		p := &c.Parts[0]
		if p.Min == p.Max {
			return fmt.Errorf("column %s: splines need more than one value", fault.Quote(c.Name))
		}
		c.Knots = knots
		p.Mean, p.Scale = 0, 1
		c.Why += fmt.Sprintf("; splines with %d knots", knots)
	}
	return nil
}

// uniformKnots are those of splines between lo and hi, with splineDegree more on either side, as scikit-learn's SplineTransformer has them.
func uniformKnots(lo, hi float64, knots int) []float64 {
	base := make([]float64, knots)
	step := (hi - lo) / float64(knots-1)
	for i := range base {
		base[i] = lo + float64(float64(i)*step)
	}
	base[knots-1] = hi
	before, behind := base[1]-base[0], base[knots-1]-base[knots-2]
	var t []float64
	for i := splineDegree; i > 0; i-- {
		t = append(t, lo-float64(float64(i)*before))
	}
	t = append(t, base...)
	for i := 1; i <= splineDegree; i++ {
		t = append(t, hi+float64(float64(i)*behind))
	}
	return t
}

// spline encodes a number as the B-splines that are not zero there; outside of the knots, as at the nearest one. (de Boor, A practical
// guide to splines, 1978, X(10); Piegl and Tiller, The NURBS book, A2.2.)
func (enc *Encoder) spline(at int, v float64) {
	c, t := &enc.e.columns[at], enc.e.lookups[at].knots
	v = min(max(v, c.Parts[0].Min), c.Parts[0].Max)
	k, last := splineDegree, splineDegree+c.Knots-2
	for k < last && t[k+1] <= v {
		k++
	}
	var basis, left, right [splineDegree + 1]float64
	basis[0] = 1
	for d := 1; d <= splineDegree; d++ {
		left[d], right[d] = v-t[k+1-d], t[k+d]-v
		saved := 0.0
		for r := range d {
			q := basis[r] / (right[r+1] + left[d-r])
			basis[r] = saved + float64(right[r+1]*q)
			saved = float64(left[d-r] * q)
		}
		basis[d] = saved
	}
	for i, b := range basis {
		enc.set(c, k-splineDegree+i, b)
	}
}
