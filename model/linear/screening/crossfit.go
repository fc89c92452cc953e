package screening

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/grid"
)

// CrossFit cross-validates several alphas by exact fits, and gives the model of each of all rows: a [linear.Learner]
// for the losses, penalties and columns that an [Optimizer] has, without a scaler and balanced classes, which each fold
// would have for itself.
//
// The fit of all rows, and that without each fold, go side by side in the same passes. Each goes along the alphas from
// the largest on, from the optimum of one to that of the next with its working set, in two or three passes an alpha. A
// last pass judges each row by the fits that have left it out.
//
// Memory is that of folds + 1 Optimizers a part, and in the last pass 8·features·folds·alphas bytes.
type CrossFit struct {
	// FeatureNames are the model's; nil, or one for each feature.
	FeatureNames []string
	// ClassRows are the rows of each class.
	ClassRows []int64

	options  linear.Options
	alphas   []float64
	order    []int // of the alphas, the largest first
	folds    *folds.Folds
	features int
	passes   int
	fits     []*Optimizer // without each fold, and last of all rows
	grid     *grid.Grid   // that judges; nil before
}

// MostJudged is how many weights a CrossFit has in its last pass.
const MostJudged = 1 << 25

// solution is the optimum of an alpha.
type solution struct {
	Columns   []int32            `json:"columns"` // of the coefficients that are not 0
	Values    jsontext.BitFloats `json:"values"`
	Intercept jsontext.BitFloats `json:"intercept"`
	Objective float64            `json:"objective"`
	Gap       float64            `json:"gap"`
}

// solution is that of the alpha that the search is at.
func (o *Optimizer) solution() solution {
	s := solution{Intercept: slices.Clone(o.point[o.features:]), Objective: o.objective, Gap: o.gap}
	for j, v := range o.point[:o.features] {
		if v != 0 {
			s.Columns, s.Values = append(s.Columns, int32(j)), append(s.Values, v)
		}
	}
	return s
}

// coef is all coefficients.
func (s *solution) coef(features int) []float64 {
	w := make([]float64, features)
	for i, j := range s.Columns {
		w[j] = s.Values[i]
	}
	return w
}

// NewCrossFit makes the fits of these alphas and folds, of rows of so many features. The options are those of an
// [Optimizer].
func NewCrossFit(o linear.Options, alphas []float64, folds *folds.Folds, features int) (*CrossFit, error) {
	x := &CrossFit{alphas: slices.Clone(alphas), folds: folds, features: features}
	for a := range alphas {
		x.order = append(x.order, a)
	}
	slices.SortStableFunc(x.order, func(a, b int) int { return cmp.Compare(alphas[b], alphas[a]) })
	var path []float64
	for _, a := range x.order {
		path = append(path, alphas[a])
	}
	if len(path) == 0 || float64(len(path))*float64(folds.K)*float64(features) > MostJudged {
		return nil, fmt.Errorf("%d alphas on %d folds of %d columns: must be from 1 to %d weights", len(path), folds.K,
			features, MostJudged)
	}
	for range folds.K + 1 {
		o.Alpha = &path[0]
		p, err := NewOptimizer(o, features)
		if err != nil {
			return nil, err
		}
		p.path = slices.Clone(path[1:])
		x.options, x.fits = p.options, append(x.fits, p)
	}
	return x, folds.Check(x.options.Classes.Len())
}

// Centre makes the first pass begin at the mean of a regression's targets.
func (x *CrossFit) Centre(mean float64) {
	for _, o := range x.fits {
		o.Centre(mean)
	}
}

// Done reports whether there is no further pass to make.
func (x *CrossFit) Done() bool { return x.grid != nil && x.grid.Done() }

// Partial begins a part of the next pass.
func (x *CrossFit) Partial(part, parts int) linear.Partial {
	if x.grid != nil {
		return x.grid.Partial(part, parts)
	}
	s := &crossSum{x: x, pass: x.passes}
	for _, o := range x.fits {
		var sum *passSum
		if !o.Done() {
			sum = o.Partial(part, parts).(*passSum)
		}
		s.sums = append(s.sums, sum)
	}
	return s
}

var errOtherSum = errors.New("linear.screening: the sum is that of another learner or pass")

// Advance ends a pass.
func (x *CrossFit) Advance(sum linear.Partial) error {
	if x.grid != nil {
		x.passes++
		return x.grid.Advance(sum)
	}
	s, ok := sum.(*crossSum)
	if !ok || s.pass != x.passes || len(s.sums) != len(x.fits) {
		return errOtherSum
	}
	if x.passes == 0 {
		for k, own := range s.sums[:x.folds.K] {
			if !(s.sums[x.folds.K].weight > own.weight) {
				return x.folds.Empty(k)
			}
		}
	}
	x.passes++
	var wait sync.WaitGroup
	errs, left := make([]error, len(x.fits)), false
	for k, o := range x.fits {
		if s.sums[k] != nil {
			wait.Go(func() { errs[k] = o.Advance(s.sums[k]) })
		}
	}
	wait.Wait()
	for k, o := range x.fits {
		if errs[k] != nil {
			return errs[k]
		}
		left = left || !o.Done()
	}
	if left {
		return nil
	}
	return x.judge()
}

// judge begins the last pass.
func (x *CrossFit) judge() (err error) {
	x.grid, err = grid.NewJudge(grid.GridOptions{
		Options: x.options, Alphas: x.alphas, Folds: x.folds.K, Split: x.folds, ClassRows: x.ClassRows,
	}, x.features, nil)
	if err != nil {
		return err
	}
	for k, o := range x.fits {
		o.found = append(o.found, o.solution())
		for i, s := range o.found {
			if k < x.folds.K {
				x.grid.SetFold(k, x.order[i], 0, s.coef(x.features), s.Intercept[0])
			}
		}
	}
	return nil
}

// Gap is the greatest share of its objective that a fit may be above its optimum, and the alpha of that fit.
func (x *CrossFit) Gap() (gap, alpha float64) {
	for _, o := range x.fits {
		for i, s := range o.found {
			if v := s.Gap; v > gap*s.Objective {
				gap, alpha = v/s.Objective, x.alphas[x.order[i]]
			}
		}
	}
	return gap, alpha
}

// of is the optimum of all rows of an alpha, by its place.
func (x *CrossFit) of(a int) *solution { return &x.fits[x.folds.K].found[slices.Index(x.order, a)] }

// Result is the scores, when all passes have been made: see [grid.Grid.Result].
func (x *CrossFit) Result() (*linear.CVResult, error) {
	if !x.Done() {
		return nil, errors.New("linear.screening: passes are left to make")
	}
	return x.grid.Result()
}

// Path is that of the fits of all rows, when all passes have been made and the alpha at this place was chosen.
func (x *CrossFit) Path(chosen int) *linear.CVPath {
	return linear.NewPath(len(x.alphas), chosen, func(a int) [][]float64 { return [][]float64{x.of(a).coef(x.features)} })
}

// Model is that of all rows of an alpha, by its place.
func (x *CrossFit) Model(a int) (*linear.Model, error) {
	if !x.Done() || a < 0 || a >= len(x.alphas) {
		return nil, fmt.Errorf("linear.screening: no model of alpha %d", a)
	}
	o, s := *x.fits[x.folds.K], x.of(a)
	o.FeatureNames, o.ClassRows, o.passes = x.FeatureNames, x.ClassRows, x.passes
	o.options.Alpha, o.objective, o.gap = &x.alphas[a], s.Objective, s.Gap
	o.point = append(s.coef(x.features), s.Intercept[0])
	return o.Model()
}

// crossSum is a [linear.Partial] of a [CrossFit]: the sums of each fit, nil where that is done.
type crossSum struct {
	x      *CrossFit
	pass   int
	sums   []*passSum
	seen   int64
	places []int32
	of     []int // the folds of the rows of a chunk
}

// PartialFit adds rows, to each fold's fit those of the others. A faulty row leaves the sums as they were.
func (s *crossSum) PartialFit(c *linear.Chunk) (err error) {
	x := s.x
	if s.places, err = c.Encode(&x.options, x.features, nil, s.places); err != nil {
		return err
	}
	s.of = s.of[:0]
	for i, place := range s.places {
		number := s.seen + int64(i)
		if c.Numbers != nil {
			number = c.Numbers[i]
		}
		s.of = append(s.of, x.folds.Of(c, i, number, place))
	}
	s.seen += int64(c.Len())
	for k, sum := range s.sums {
		if sum == nil {
			continue
		}
		others := *c
		if k < x.folds.K {
			others.Weights = make([]float64, c.Len())
			for i, fold := range s.of {
				switch {
				case fold == k: // a weight of 0
				case c.Weights == nil:
					others.Weights[i] = 1
				default:
					others.Weights[i] = c.Weights[i]
				}
			}
		}
		if err := sum.addRows(&others, s.places); err != nil {
			return err
		}
	}
	return nil
}

// Merge adds the sums of the next part.
func (s *crossSum) Merge(next linear.Partial) error {
	n, ok := next.(*crossSum)
	if !ok || n.pass != s.pass || len(n.sums) != len(s.sums) {
		return errOtherSum
	}
	for k, sum := range s.sums {
		if sum == nil {
			continue
		}
		if err := sum.Merge(n.sums[k]); err != nil {
			return err
		}
	}
	return nil
}

// MarshalBinary writes the sums.
func (s *crossSum) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes in the same pass of the same learner. After an error the sums are of
// no use.
func (s *crossSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.screening: the bytes are no sums of this pass: %w", err)
	}
	return nil
}

func (s *crossSum) fields(c *wire.Codec) {
	c.Pass(s.pass)
	for _, sum := range s.sums {
		if sum != nil {
			sum.fields(c)
		}
	}
}

// fields are those of a CrossFit's JSON.
func (x *CrossFit) fields() jsontext.Object {
	return jsontext.Object{
		{Name: "task", Value: &x.options.Task},
		{Name: "hyperparameters", Value: &x.options},
		{Name: "classes", Value: &x.options.Classes},
		{Name: "alphas", Value: (*jsontext.Floats)(&x.alphas)},
		{Name: "folds", Value: &x.folds},
		{Name: "features", Value: &x.features},
		{Name: "feature_names", Value: &x.FeatureNames},
		{Name: "class_rows", Value: &x.ClassRows},
		{Name: "passes", Value: &x.passes},
		{Name: "fits", Value: &x.fits},
		{Name: "grid", Value: &x.grid},
	}
}

// MarshalJSON writes the whole state, bit by bit.
func (x *CrossFit) MarshalJSON() ([]byte, error) { return x.fields().MarshalJSON() }

// UnmarshalJSON reads what MarshalJSON writes. It takes memory in proportion to the text.
func (x *CrossFit) UnmarshalJSON(b []byte) error {
	var s CrossFit
	// The options have their task and classes beside them.
	if err := s.fields().UnmarshalJSON(b); err != nil {
		return err
	}
	if s.folds == nil || s.folds.K > len(b) || s.features < 1 || s.features > len(b) || s.passes < 0 ||
		len(s.fits) != s.folds.K+1 || float64(s.folds.K+1)*float64(s.features) > float64(len(b)) {
		return errState
	}
	n, err := NewCrossFit(s.options, s.alphas, s.folds, s.features)
	if err != nil {
		return err
	}
	s.options, s.order = n.options, n.order
	for _, o := range s.fits {
		if o == nil || o.features != s.features || o.options.Classes.Len() != s.options.Classes.Len() ||
			len(o.found)+len(o.path) > len(s.alphas) || s.grid != nil && len(o.found) != len(s.alphas) {
			return errState
		}
		for _, f := range o.found {
			if len(f.Intercept) != 1 {
				return errState
			}
		}
	}
	if s.grid != nil && !s.grid.Judges(s.folds.K, len(s.alphas), 1, s.features, s.options.Classes.Len()) {
		return errState
	}
	*x = s
	return nil
}
