package screening

import (
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/panel"
)

// passSum is a [linear.Partial] of an [Optimizer]: sums over rows of weight times the loss and its derivatives.
type passSum struct {
	learner  *Optimizer
	pass     int
	rows     int64
	weight   float64
	loss     float64
	gradient []float64 // of all columns and the intercept
	second   []float64 // the triangle of the set and the intercept

	places  []int32
	weights []float64 // of the classes
	at      []int32   // where a column stands in the set, plus 1; of sparse rows
	block   *setBlock
	dense   *denseRows
}

// denseRows is the room for dense rows, some at a time.
type denseRows struct {
	panel.Block
	at, slopes []float64
	// The coefficients of the trial that are not 0, where these are few; otherwise nil.
	columns []int32
	values  []float64
}

// setBlock is the room for the columns of the set in a block of rows, the last of which is that of the intercept.
type setBlock struct {
	x, z   *panel.Panels
	rows   linear.Chunk // of one row
	curves []float64
	n      int
}

// Partial begins a part of the next pass. Parts may work at the same time, but not while Advance does.
func (o *Optimizer) Partial(part, parts int) linear.Partial {
	width := len(o.set) + 1
	return &passSum{learner: o, pass: o.passes, gradient: make([]float64, o.features+1), second: panel.NewTriangle(width)}
}

// PartialFit adds rows: O(features + set²) for a dense one, O(entries + set²) for a sparse one. A faulty row leaves the
// sums as they were.
func (s *passSum) PartialFit(c *linear.Chunk) (err error) {
	o := s.learner
	if s.places, err = c.Encode(&o.options, o.features, o.Scaler, s.places); err != nil {
		return err
	}
	return s.addRows(c, s.places)
}

// addRows adds rows that have been checked, with the places of their classes.
func (s *passSum) addRows(c *linear.Chunk, places []int32) error {
	o := s.learner
	if err := s.weigh(); err != nil {
		return err
	}
	n := c.Len()
	s.rows += int64(n)
	s.weight += c.Weight()
	if c.Sparse == nil {
		s.addDense(c, places)
		return nil
	}
	rows := linear.NewRows(c, o.Scaler, nil)
	for i := range n {
		weight, target := 1.0, 0.0
		if c.Weights != nil {
			weight = c.Weights[i]
		}
		if o.options.Task == linear.Regression {
			target = c.Target[i]
		}
		if y, weight := s.row(places[i], target, weight); weight > 0 {
			s.addSparse(rows.At(i), y, weight)
		}
	}
	s.flush()
	return nil
}

// row is what a row is to the loss, ±1 or the target, and its weight.
func (s *passSum) row(place int32, target, weight float64) (y, w float64) {
	if s.learner.options.Task == linear.Regression {
		return target, weight
	}
	return kernel.Sign(place == 1), weight * s.weights[place]
}

// addDense adds dense rows.
func (s *passSum) addDense(c *linear.Chunk, places []int32) {
	o, last := s.learner, s.learner.features
	b := s.denseRoom()
	for at, n := 0, c.Len(); at < n; {
		var m int
		m, at = b.Pack(c, places, at, n, func(at int) int { return at }, o.options.Task)
		if b.columns != nil {
			b.Flat.DotsOf(b.at[:m], b.columns, b.values)
		} else {
			b.Flat.Dots(b.at[:m], o.trial[:last])
		}
		for r := range m {
			y, weight := s.row(b.Places[r], b.Target[r], b.Weights[r])
			if b.slopes[r] = 0; weight == 0 { // of its class
				continue
			}
			value, slope, curve := o.loss.Curve(b.at[r]+o.trial[last], y)
			s.loss += float64(weight * value)
			b.slopes[r] = weight * slope
			s.gradient[last] += b.slopes[r]
			if curve != 0 {
				set := s.room()
				b.Flat.Gather(set.rows.X, r, o.set)
				s.addCurve(weight * curve)
			}
		}
		b.Flat.AddRows(s.gradient[:last], b.slopes, m)
	}
	s.flush()
}

// fewShare is the share of the columns up to which products are of the coefficients that are not 0 alone.
const fewShare = 16

// denseRoom is made once a pass, whose trial stays as it is.
func (s *passSum) denseRoom() *denseRows {
	if s.dense != nil {
		return s.dense
	}
	o := s.learner
	b := &denseRows{Block: panel.NewFlatBlock(o.features, o.Scaler), columns: []int32{}}
	b.at, b.slopes = make([]float64, b.Rows), make([]float64, b.Rows)
	for j, v := range o.trial[:o.features] {
		if v != 0 {
			b.columns, b.values = append(b.columns, int32(j)), append(b.values, v)
		}
	}
	if len(b.columns) > o.features/fewShare {
		b.columns, b.values = nil, nil
	}
	s.dense = b
	return b
}

// weigh finds out the weights of the classes, once.
func (s *passSum) weigh() error {
	o := s.learner
	if s.weights != nil || o.options.Task != linear.Classification {
		return nil
	}
	sizes := o.ClassSizes
	if len(sizes) != o.options.Classes.Len() {
		if o.options.ClassWeight.Balanced {
			return errors.New("class_weight balanced: an exact solver must know the rows of each class beforehand")
		}
		sizes = make([]float64, o.options.Classes.Len())
	}
	s.weights = o.options.ClassWeight.BySize(&o.options.Classes, sizes)
	return nil
}

// addSparse adds a sparse row.
func (s *passSum) addSparse(x kernel.Row, y, weight float64) {
	o, last := s.learner, s.learner.features
	value, slope, curve := o.loss.Curve(x.Dot(o.trial)+o.trial[last], y)
	s.loss += float64(weight * value)
	x.Add(weight*slope, s.gradient)
	s.gradient[last] += weight * slope
	if curve != 0 {
		s.gather(x, s.room().rows.X)
		s.addCurve(weight * curve)
	}
}

// addCurve adds the row whose columns have been gathered to the block.
func (s *passSum) addCurve(curve float64) {
	b := s.block
	b.rows.X[len(s.learner.set)] = 1
	b.curves[b.n] = curve
	b.x.Pack(b.n, &b.rows, 0)
	if b.n++; b.n == b.x.Rows {
		s.flush()
	}
}

func (s *passSum) room() *setBlock {
	if s.block == nil {
		width := len(s.learner.set) + 1
		n := panel.BlockRows(width)
		s.block = &setBlock{x: panel.NewPanels(width, n), z: panel.NewPanels(width, n), curves: make([]float64, n),
			rows: linear.Chunk{Features: width, X: make([]float64, width)}}
	}
	return s.block
}

// gather copies the columns of the set of a sparse row.
func (s *passSum) gather(x kernel.Row, to []float64) {
	set := s.learner.set
	if s.at == nil {
		s.at = make([]int32, s.learner.features)
		for k, j := range set {
			s.at[j] = int32(k + 1)
		}
	}
	clear(to[:len(set)])
	for k, j := range x.Idx {
		if at := s.at[j]; at > 0 {
			to[at-1] = x.Val[k]
		}
	}
}

// flush adds the block to the second derivatives.
func (s *passSum) flush() {
	b := s.block
	if b == nil || b.n == 0 {
		return
	}
	width := len(s.learner.set) + 1
	b.z.Weigh(b.x, b.curves, b.n)
	panel.Triangle(s.second).Syrk(width, b.z, b.x, b.n)
	b.n = 0
}

// Merge adds the sums of the next part.
func (s *passSum) Merge(next linear.Partial) error {
	n, ok := next.(*passSum)
	if !ok || n.pass != s.pass || len(n.gradient) != len(s.gradient) || len(n.second) != len(s.second) {
		return errors.New("linear.screening: cannot add what another learner or pass has summed up")
	}
	s.rows += n.rows
	s.weight += n.weight
	s.loss += n.loss
	kernel.Add(1, n.gradient, s.gradient)
	kernel.Add(1, n.second, s.second)
	return nil
}

// MarshalBinary writes the sums.
func (s *passSum) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes in the same pass of the same learner. After an error the sums are of
// no use.
func (s *passSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.screening: the bytes are no sums of this pass: %w", err)
	}
	return nil
}

func (s *passSum) fields(c *wire.Codec) {
	c.Pass(s.pass)
	c.Count(&s.rows)
	c.Float(&s.weight, &s.loss)
	c.Check(s.weight >= 0, "a weight that is not negative")
	c.Floats(s.gradient)
	c.Floats(s.second)
}

// fields are those of an Optimizer's JSON.
func (o *Optimizer) fields() jsontext.Object {
	return jsontext.Object{
		{Name: "task", Value: &o.options.Task},
		{Name: "hyperparameters", Value: &o.options},
		{Name: "classes", Value: &o.options.Classes},
		{Name: "features", Value: &o.features},
		{Name: "feature_names", Value: &o.FeatureNames},
		{Name: "scaler", Value: &o.Scaler},
		{Name: "class_rows", Value: &o.ClassRows},
		{Name: "class_sizes", Value: (*jsontext.BitFloats)(&o.ClassSizes)},
		{Name: "max_passes", Value: &o.MaxPasses},
		{Name: "passes", Value: &o.passes},
		{Name: "rows", Value: &o.rows},
		{Name: "weight", Value: &o.weight},
		{Name: "point", Value: &o.point},
		{Name: "trial", Value: &o.trial},
		{Name: "promise", Value: &o.promise},
		{Name: "set", Value: &o.set},
		{Name: "objective", Value: &o.objective},
		{Name: "gap", Value: &o.gap},
		{Name: "shortened", Value: &o.shortened},
		{Name: "done", Value: &o.done},
		{Name: "converged", Value: &o.converged},
		{Name: "path", Value: (*jsontext.BitFloats)(&o.path), Optional: true},
		{Name: "found", Value: &o.found, Optional: true},
		{Name: "since", Value: &o.since},
	}
}

// MarshalJSON writes the whole state, bit by bit.
func (o *Optimizer) MarshalJSON() ([]byte, error) { return o.fields().MarshalJSON() }

// UnmarshalJSON reads what MarshalJSON writes. It takes memory in proportion to the text.
func (o *Optimizer) UnmarshalJSON(b []byte) error {
	var s Optimizer
	// The options have their task and classes beside them.
	if err := s.fields().UnmarshalJSON(b); err != nil {
		return err
	}
	if s.features < 1 || s.features > len(b) {
		return errState
	}
	p, err := NewOptimizer(s.options, s.features)
	if err != nil {
		return err
	}
	within := func(j int32) bool { return j >= 0 && int(j) < s.features }
	if len(s.point) != s.features+1 || len(s.trial) != s.features+1 || s.passes < 0 || s.rows < 0 || !(s.weight >= 0) ||
		len(s.set) > MaxSet || !slices.IsSorted(s.set) || len(slices.Compact(slices.Clone(s.set))) != len(s.set) ||
		slices.ContainsFunc(s.set, func(j int32) bool { return !within(j) }) {
		return errState
	}
	for _, f := range s.found {
		if len(f.Columns) != len(f.Values) || slices.ContainsFunc(f.Columns, func(j int32) bool { return !within(j) }) {
			return errState
		}
	}
	s.options, s.loss = p.options, p.loss
	*o = s
	return nil
}

var errState = errors.New("linear.screening: a state that contradicts itself")
