package interior

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/grid"
)

// CrossFit cross-validates several alphas by exact fits, and gives the model of each of all rows: a [linear.Learner]
// for the losses, penalty and columns that an [Optimizer] has.
//
// For each alpha there is an Optimizer of all rows, and one of the rows of all folds but one, for each fold. All go
// side by side in the same passes, as many alphas at a time as memory lets them: some twenty passes after a first one,
// which sums up what the folds' rows are, and before a last, which judges each row by the fits that have left it out.
// That of all rows is the Optimizer that would be without folds, bit by bit. Those of folds go on to a gap of 10⁻⁹ of
// the objective, or to where rounding ends them, so that scores are those of the optimum.
//
// A fold's fit is what a scikit-learn Pipeline fits in cross_val_score: with a Scaler the rows are standardised by mean
// and deviation of those that it learns from, and balanced class weights are those of these rows.
//
// Memory: for each alpha that is fitted at a time, fold and weight vector 4·features² bytes a part, with at most 64 MiB
// in all, or what one alpha takes.
type CrossFit struct {
	// FeatureNames are the model's; nil, or one for each feature.
	FeatureNames []string
	// Scaler is that of all rows. Optional; set it before the first pass.
	Scaler *linear.StandardScaler
	// ClassRows and ClassSizes: see [Optimizer].
	ClassRows  []int64
	ClassSizes []float64

	options  linear.Options
	alphas   []float64
	folds    *folds.Folds
	features int

	mean, deviation float64 // of targets
	stage           crossStage
	from, to        int // the alphas that are being fitted
	passes          int
	own             []foldRows     // of each fold
	fits            [][]*Optimizer // of each alpha: by fold, and last of all rows; once it is fitted only the last
	worst, worstOf  float64        // the greatest gap of the folds' fits, a share of the objective, and its alpha
	grid            *grid.Grid     // that judges
	room            float64        // how many numbers the sums of a part have at most
}

type crossStage string

const (
	crossLooking crossStage = "looking"
	crossFitting crossStage = "fitting"
	crossJudging crossStage = "judging"
	crossOver    crossStage = "over"
)

// foldRows is what is to be known of the rows of a fold.
type foldRows struct {
	Weight          float64            `json:"weight"`
	Sizes           jsontext.BitFloats `json:"sizes"` // weights of the classes
	Mean, Var, Size jsontext.BitFloats // moments of the columns; empty without a scaler
}

const (
	// crossMemory is the room of a CrossFit: 64 MiB.
	crossMemory = 1 << 23
	// closedFold is the gap at the end of a fold's fit: see closed.
	closedFold = 1e-9
)

// NewCrossFit makes the fits of these alphas and folds, of rows of so many features. The options are those of an
// [Optimizer].
func NewCrossFit(o linear.Options, alphas []float64, folds *folds.Folds, features int) (*CrossFit, error) {
	if len(alphas) == 0 {
		return nil, errors.New("linear.CrossFit: no alphas")
	}
	x := &CrossFit{alphas: slices.Clone(alphas), folds: folds, features: features, stage: crossLooking, room: crossMemory}
	for _, a := range alphas {
		o.Alpha = &a
		p, err := NewOptimizer(o, features)
		if err != nil {
			return nil, err
		}
		x.options = p.options
	}
	if err := folds.Check(x.options.Classes.Len()); err != nil {
		return nil, err
	}
	x.fits = make([][]*Optimizer, len(alphas))
	return x, nil
}

// Scale tells the mean and the deviation of a regression's targets before the first pass.
func (x *CrossFit) Scale(mean, deviation float64) { x.mean, x.deviation = mean, deviation }

// vectors is how many weight vectors a fit has.
func (x *CrossFit) vectors() int {
	if x.options.Task != linear.Classification {
		return 1
	}
	return linear.NumVectors(x.options.Classes.Len())
}

// Passes is how many passes have been made.
func (x *CrossFit) Passes() int { return x.passes }

// Done reports whether there is no further pass to make.
func (x *CrossFit) Done() bool { return x.stage == crossOver }

// Gap is the greatest share of its objective that a fit may be above its optimum, and the alpha of that fit.
func (x *CrossFit) Gap() (gap, alpha float64) {
	gap, alpha = x.worst, x.worstOf
	for a, fits := range x.fits {
		if len(fits) == 1 && fits[0].Gap() > gap {
			gap, alpha = fits[0].Gap(), x.alphas[a]
		}
	}
	return gap, alpha
}

// Partial begins a part of the next pass.
func (x *CrossFit) Partial(part, parts int) linear.Partial {
	switch x.stage {
	case crossJudging:
		return x.grid.Partial(part, parts)
	case crossLooking:
		return newFoldsSum(x)
	}
	return newCrossSum(x)
}

// Advance ends a pass. O(features³/3) for each weight vector, fold and alpha.
func (x *CrossFit) Advance(sum linear.Partial) error {
	if err := x.take(sum); err != nil {
		return err
	}
	x.passes++
	return nil
}

var errOtherSum = errors.New("linear.CrossFit: the sum is that of another learner or pass")

func (x *CrossFit) take(sum linear.Partial) error {
	switch s := sum.(type) {
	case *foldsSum:
		if x.stage != crossLooking {
			return errOtherSum
		}
		for k := range s.own {
			if !(s.own[k].Weight > 0) {
				return x.folds.Empty(k)
			}
		}
		x.own, x.stage = s.own, crossFitting
		return x.next()
	case *crossSum:
		if x.stage != crossFitting || s.pass != x.passes {
			return errOtherSum
		}
		return x.fitted(s)
	}
	if x.stage != crossJudging {
		return errOtherSum
	}
	x.stage = crossOver
	return x.grid.Advance(sum)
}

// next begins the fits of further alphas, or the judging.
func (x *CrossFit) next() error {
	x.from = x.to
	if x.from == len(x.alphas) {
		x.stage = crossJudging
		return nil
	}
	width := float64(x.features + 1)
	each := float64(x.vectors()) * float64(x.folds.K+1) * width * (width + 1) / 2
	x.to = min(len(x.alphas), x.from+max(1, int(x.room/each)))
	for a := x.from; a < x.to; a++ {
		x.fits[a] = nil
		for k := range x.folds.K + 1 {
			o, err := x.fit(a, k)
			if err != nil {
				return err
			}
			o.Scale(x.mean, x.deviation)
			x.fits[a] = append(x.fits[a], o)
		}
	}
	return nil
}

// fit makes the fit of an alpha without a fold, or, of the last, of all rows.
func (x *CrossFit) fit(a, k int) (*Optimizer, error) {
	options := x.options
	options.Alpha = &x.alphas[a]
	o, err := NewOptimizer(options, x.features)
	if err == nil {
		x.dress(o, k)
	}
	return o, err
}

// dress sets what a fit without a fold, or of all rows, goes by.
func (x *CrossFit) dress(o *Optimizer, k int) {
	o.FeatureNames, o.ClassRows = x.FeatureNames, x.ClassRows
	o.Scaler, o.ClassSizes = x.Scaler, x.ClassSizes
	if k == x.folds.K {
		return
	}
	o.closed = closedFold
	o.Scaler = x.scaler(k)
	o.ClassSizes = make([]float64, x.options.Classes.Len())
	for other := range x.own {
		if other != k {
			kernel.Add(1, x.own[other].Sizes, o.ClassSizes)
		}
	}
}

// scaler is that of the rows of all folds but one; nil without.
func (x *CrossFit) scaler(without int) *linear.StandardScaler {
	if x.Scaler == nil {
		return nil
	}
	s := linear.NewStandardScaler(x.features)
	s.WithMean, s.WithStd = x.Scaler.WithMean, x.Scaler.WithStd
	for k := range x.own {
		if k != without {
			s.Merge(x.own[k].moments())
		}
	}
	s.Finish()
	return s
}

func (r *foldRows) moments() *linear.StandardScaler {
	return &linear.StandardScaler{Mean: r.Mean, Var: r.Var, Count: r.Size}
}

// fitted makes the step of every fit that is not done, side by side.
func (x *CrossFit) fitted(s *crossSum) error {
	var wait sync.WaitGroup
	var errs []error
	left := false
	for a := x.from; a < x.to; a++ {
		for k, o := range x.fits[a] {
			sum := s.sums[k][a-x.from]
			if sum == nil {
				continue
			}
			i := len(errs)
			errs = append(errs, nil)
			wait.Go(func() {
				if err := o.Advance(sum); err != nil {
					errs[i] = fmt.Errorf("alpha %v: %w", x.alphas[a], err)
				}
			})
		}
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	for a := x.from; a < x.to; a++ {
		left = left || slices.ContainsFunc(x.fits[a], func(o *Optimizer) bool { return !o.Done() })
	}
	if left {
		return nil
	}
	if err := x.keep(); err != nil {
		return err
	}
	return x.next()
}

// keep hands the folds' fits to the grid that judges.
func (x *CrossFit) keep() error {
	if x.grid == nil {
		var err error
		if x.grid, err = x.judge(); err != nil {
			return err
		}
	}
	for a := x.from; a < x.to; a++ {
		all := len(x.fits[a]) - 1
		for k, o := range x.fits[a][:all] {
			if gap := o.Gap(); gap > x.worst {
				x.worst, x.worstOf = gap, x.alphas[a]
			}
			for v, s := range o.searches {
				coef, intercept := x.likeAll(o.Scaler, s.Best)
				x.grid.SetFold(k, a, v, coef, intercept)
			}
		}
		x.fits[a] = x.fits[a][all:]
	}
	return nil
}

func (x *CrossFit) judge() (*grid.Grid, error) {
	return grid.NewJudge(grid.GridOptions{
		Options: x.options, Alphas: x.alphas, Folds: x.folds.K, Split: x.folds, ClassRows: x.ClassRows,
	}, x.features, x.Scaler)
}

// likeAll makes a point of rows that a fold's scaler has standardised one of rows that the Scaler has.
func (x *CrossFit) likeAll(s *linear.StandardScaler, point []float64) (coef []float64, intercept float64) {
	coef, intercept = slices.Clone(point[:x.features]), point[x.features]
	if s == nil {
		return coef, intercept
	}
	for j := range coef {
		if s.WithMean {
			intercept += float64(coef[j] * ((x.Scaler.Mean[j] - s.Mean[j]) / s.Scale[j]))
		}
		coef[j] *= x.Scaler.Scale[j] / s.Scale[j]
	}
	return coef, intercept
}

// Result is the scores, when all passes have been made: see [grid.Grid.Result].
func (x *CrossFit) Result() (*linear.CVResult, error) {
	if !x.Done() {
		return nil, errors.New("linear.CrossFit: passes are left to make")
	}
	return x.grid.Result()
}

// Path is that of the fits of all rows, when all passes have been made and the alpha at this place was chosen.
func (x *CrossFit) Path(chosen int) *linear.CVPath {
	return linear.NewPath(len(x.alphas), chosen, func(a int) [][]float64 {
		var coef [][]float64
		for _, s := range x.fits[a][0].searches {
			coef = append(coef, s.Best[:x.features])
		}
		return coef
	})
}

// Model is that of all rows of an alpha, by its place.
func (x *CrossFit) Model(a int) (*linear.Model, error) {
	if !x.Done() || a < 0 || a >= len(x.alphas) {
		return nil, fmt.Errorf("linear.CrossFit: no model of alpha %d", a)
	}
	m, err := x.fits[a][0].Model()
	if err == nil {
		m.Training.Epochs = x.passes
	}
	return m, err
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
		{Name: "scaler", Value: &x.Scaler},
		{Name: "class_rows", Value: &x.ClassRows},
		{Name: "class_sizes", Value: (*jsontext.BitFloats)(&x.ClassSizes)},
		{Name: "mean", Value: &x.mean},
		{Name: "deviation", Value: &x.deviation},
		{Name: "stage", Value: &x.stage},
		{Name: "from", Value: &x.from},
		{Name: "to", Value: &x.to},
		{Name: "passes", Value: &x.passes},
		{Name: "own", Value: &x.own},
		{Name: "fits", Value: &x.fits},
		{Name: "worst", Value: &x.worst},
		{Name: "worst_of", Value: &x.worstOf},
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
	if s.folds == nil || s.features < 1 || s.stage != crossLooking && s.features > len(b) {
		return errState
	}
	n, err := NewCrossFit(s.options, s.alphas, s.folds, s.features)
	if err != nil {
		return err
	}
	s.options, s.room = n.options, n.room
	if err := s.check(); err != nil {
		return err
	}
	for _, fits := range s.fits {
		for k, o := range fits {
			if len(fits) > 1 {
				s.dress(o, k)
			}
		}
	}
	*x = s
	return nil
}

// check says whether what was read fits together.
func (x *CrossFit) check() error {
	if x.from < 0 || x.to < x.from || x.to > len(x.alphas) || x.passes < 0 ||
		x.Scaler != nil && len(x.Scaler.Mean) != x.features ||
		len(x.fits) != len(x.alphas) || (x.stage == crossLooking) != (x.own == nil) {
		return errState
	}
	if x.stage != crossLooking {
		if err := x.checkOwn(); err != nil {
			return err
		}
	}
	ready := false
	switch x.stage {
	case crossLooking:
		ready = x.to == 0 && x.grid == nil
	case crossFitting:
		ready = x.from < x.to && (x.grid != nil) == (x.from > 0)
	case crossJudging, crossOver:
		ready = x.from == len(x.alphas) && x.grid != nil && (x.stage == crossOver) == x.grid.Done()
	}
	if !ready || x.grid != nil && !x.grid.Judges(x.folds.K, len(x.alphas), x.vectors(), x.features,
		x.options.Classes.Len()) {
		return errState
	}
	for a, fits := range x.fits {
		want := 0
		if a < x.from {
			want = 1
		} else if a < x.to {
			want = x.folds.K + 1
		}
		if len(fits) != want {
			return errState
		}
		for _, o := range fits {
			if o == nil || o.features != x.features || len(o.searches) != x.vectors() || want == 1 && !o.Done() {
				return errState
			}
		}
	}
	return nil
}

// checkOwn does so of the folds' rows.
func (x *CrossFit) checkOwn() error {
	if len(x.own) != x.folds.K {
		return errState
	}
	columns := 0
	if x.Scaler != nil {
		columns = x.features
	}
	for _, r := range x.own {
		if !(r.Weight > 0) || len(r.Sizes) != x.options.Classes.Len() || len(r.Mean) != columns || len(r.Var) != columns ||
			len(r.Size) != columns {
			return errState
		}
	}
	return nil
}
