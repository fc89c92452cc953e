package features

import (
	"fmt"
	"slices"

	"beamlearn/model/fault"
)

// splineDegree is that of all splines.
const splineDegree = 3

// addSplines puts curves in place of the numbers that the options name.
func (s *Survey) addSplines(e *Encoding) error {
	for _, spec := range s.options.Splines {
		name, knots, err := parseSpline(spec)
		if err != nil {
			return err
		}
		at, part := findPart(name, s.names)
		c := &e.columns[at]
		if part == "" && c.Kind != Numeric || part != "" && c.Kind != Date {
			return fmt.Errorf("column %s: found %s (%s), expected a numeric one, or a part of a date, for splines",
				fault.Quote(c.Name), c.Kind, c.Why)
		}
		j := slices.IndexFunc(c.Parts, func(p Part) bool { return p.Name == part })
		if j < 0 || c.Parts[j].Min == c.Parts[j].Max {
			return fmt.Errorf("splines %s: it has one value, expected more", fault.Quote(name))
		}
		p := &c.Parts[j]
		p.Knots, p.Mean, p.Scale = knots, 0, 1
		c.Why += fmt.Sprintf("; splines of %d knots", knots)
		if part != "" {
			c.Why += " of the " + part
		}
	}
	return nil
}

// uniformKnots are those of splines between lo and hi, with splineDegree more on either side, as scikit-learn's
// SplineTransformer has them.
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

// AllKnots are those of the splines, with three more on either side; nil where there are none.
func (p *Part) AllKnots() []float64 {
	if p.Knots == 0 {
		return nil
	}
	return uniformKnots(p.Min, p.Max, p.Knots)
}

// spline encodes a number, part j of a column, as the B-splines that are not zero there; outside of the knots,
// as at the nearest one. (de Boor, A practical guide to splines, 1978, X(10); Piegl and Tiller, The NURBS book,
// A2.2.)
func (enc *Encoder) spline(c *Column, j int, t []float64, v float64) {
	p := &c.Parts[j]
	v = min(max(v, p.Min), p.Max)
	k, last := splineDegree, splineDegree+p.Knots-2
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
		enc.set(c, c.offsets[j]+k-splineDegree+i, b)
	}
}
