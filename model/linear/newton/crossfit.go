package newton

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/grid"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/linear/internal/panel"
)

// CrossFit cross-validates several alphas by exact fits, and gives the model of each of all rows: a [Learner] of a
// few passes for the losses and penalties that an [Optimizer] has, where a weight vector has at most 2,000 features.
//
// For each alpha there are the fit of all rows, which begins at the optimum of a sample, as that of an Optimizer
// does, and the fit of the rows of all folds but one, for each fold. All alphas go side by side in the same passes,
// as far as memory lets them. Once the fit of all rows is at its optimum or nearly there, the sums of that pass, less
// those of a fold, are gradient and second derivatives of the fit that leaves the fold out, and give it Newton's first
// step. From then on a pass sums up the gradients of these fits, and of that of all rows, alone, and steps go on with
// the second derivatives of before for as long as each shrinks what is left to a hundredth; a fit whose steps do not
// has its own second derivatives summed up, and steps that fail are shortened. Where there are many more rows than in
// the sample, the step from its optimum goes by second derivatives of a quarter of the blocks of rows. Of alphas close
// to each other, one lends its second derivatives to the others: see lender. When no fit has a step that promises more
// than 10⁻¹⁵ of its objective, a last pass judges each row by the fits that have left it out.
//
// A fold's fit is what a scikit-learn Pipeline fits in cross_val_score: with a Scaler the fold's rows are
// standardised by mean and deviation of the rows that it learns from, and balanced class weights are those of these
// rows. All sums are of rows standardised by the Scaler; what a fold's own scaler changes is a change of variables,
// which its fit makes.
//
// Memory: for each alpha that is fitted at a time, fold and weight vector 4·features² bytes a part, of a softmax for
// each two classes, with at most 64 MiB in all, or what one alpha takes.
type CrossFit struct {
	// FeatureNames are the model's; nil, or one for each feature.
	FeatureNames []string
	// Scaler is that of all rows. Optional; set it before the first pass.
	Scaler *linear.StandardScaler
	// ClassRows are the rows of each class, which class_weight balanced needs before the first pass.
	ClassRows []int64
	// ClassSizes: see [Optimizer].
	ClassSizes []float64

	options  linear.Options
	given    grid.GridOptions // alphas and l1_ratios, which are combined
	alphas   []float64        // of each combination
	folds    *folds.Folds
	features int
	loss     loss.Func
	views    []*Optimizer // of each alpha: what it has to do with the penalty

	stage    crossStage
	from, to int // the alphas that are being fitted
	begun    int // passes before the first over these
	passes   int
	own      []foldStats // of each fold's rows
	fits     []alphaFits
	changes  jsontext.BitFloats // from each alpha to the next: see lender; nil where none borrows
	grid     *grid.Grid         // that judges
}

type crossStage string

const (
	crossDrawing crossStage = "drawing"
	crossFitting crossStage = "fitting"
	crossJudging crossStage = "judging"
	crossOver    crossStage = "over"
)

// alphaFits are the fits of an alpha, by problem, and by fold and problem; nil before they begin, and when what
// they have found is in the grid.
type alphaFits struct {
	Full  []*optimum   `json:"full"`
	Folds [][]*foldFit `json:"folds"` // and, last, of all rows from where the folds' have begun
}

// foldFit is the search for a fold's fit of a problem, in the fold's own variables, or the end of that for the fit of
// all rows.
type foldFit struct {
	Base      jsontext.BitFloats // the best point
	Dir       jsontext.BitFloats // the step from there that the pass tries; nil where Base was not evaluated yet
	Second    jsontext.BitFloats // derivatives that steps go by; nil: none yet
	Objective float64            // at Base
	Slope     float64            // along Dir
	Promised  float64            // by the step before; 0: there was none
	Fresh     bool               // second derivatives are to be summed up
	Failed    int
	Done      bool
}

// tried is the point that the pass evaluates.
func (p *foldFit) tried() []float64 {
	w := slices.Clone(p.Base)
	if p.Dir != nil {
		kernel.Add(1, p.Dir, w)
	}
	return w
}

// foldStats are of the rows of a fold, standardised by the scaler of all rows.
type foldStats struct {
	Rows    int64              `json:"rows"`
	Weight  float64            `json:"weight"`
	Sizes   jsontext.BitFloats `json:"sizes"`   // of the classes: see [BalancedBy]
	Sum     jsontext.BitFloats `json:"sum"`     // Σwx; empty without a scaler
	Squares jsontext.BitFloats `json:"squares"` // Σwx²
}

func (s *foldStats) add(t *foldStats) {
	s.Rows += t.Rows
	s.Weight += t.Weight
	addTo(s.Sizes, t.Sizes)
	addTo(s.Sum, t.Sum)
	addTo(s.Squares, t.Squares)
}

// crossMemory is how many numbers the sums of a part have at most.
const crossMemory = 1 << 23

// CrossRows is the number of rows in a PartialFit, of which each fold has its blocks.
const CrossRows = 4096

// NewCrossFit makes the fits of these alphas and folds, of rows of so many features; of elasticnet each alpha with each
// of the l1_ratios, which are those of the options where there are none. The options are those of an [Optimizer].
func NewCrossFit(o linear.Options, alphas, l1Ratios []float64, folds *folds.Folds, features int) (*CrossFit, error) {
	x := &CrossFit{given: grid.GridOptions{Alphas: slices.Clone(alphas)}, folds: folds, features: features,
		stage: crossDrawing}
	if o.Penalty == linear.ElasticNet {
		x.given.L1Ratios = slices.Clone(l1Ratios)
	}
	if len(alphas) == 0 {
		return nil, errors.New("linear.CrossFit: no alphas")
	}
	for _, e := range combinations(o, alphas, x.given.L1Ratios) {
		x.alphas = append(x.alphas, *e.Alpha)
		view, err := NewOptimizer(e, features)
		if err != nil {
			return nil, err
		}
		x.views = append(x.views, view)
	}
	x.options = x.views[0].options
	x.loss = x.views[0].loss
	if err := folds.Check(x.options.Classes.Len()); err != nil {
		return nil, err
	}
	if !x.views[0].newton {
		return nil, fmt.Errorf("linear.CrossFit: %d features of %d weight vectors: too many", features,
			x.problems()*x.views[0].vectors)
	}
	return x, nil
}

// combinations are the options of each alpha, of elasticnet with each of the l1_ratios.
func combinations(o linear.Options, alphas, l1Ratios []float64) []linear.Options {
	var all []linear.Options
	for _, a := range alphas {
		o.Alpha = new(a)
		if len(l1Ratios) == 0 {
			all = append(all, o)
		}
		for _, r := range l1Ratios {
			o.L1Ratio = new(r)
			all = append(all, o)
		}
	}
	return all
}

// problems is how many there are for each alpha and rows: see Optimizer.
func (x *CrossFit) problems() int { return len(x.views[0].problems) }

// Passes is how many passes have been made.
func (x *CrossFit) Passes() int { return x.passes }

// Done reports whether there is no further pass to make.
func (x *CrossFit) Done() bool { return x.stage == crossOver }

// all is the statistics of the rows of all folds, or of all but one.
func (x *CrossFit) all(without int) foldStats {
	s := x.newStats()
	for k := range x.own {
		if k != without {
			s.add(&x.own[k])
		}
	}
	return s
}

func (x *CrossFit) newStats() foldStats {
	s := foldStats{Sizes: make([]float64, x.options.Classes.Len())}
	if x.Scaler != nil {
		s.Sum, s.Squares = make([]float64, x.features), make([]float64, x.features)
	}
	return s
}

// size is what an objective divides by.
func (s *foldStats) size() float64 { return s.Weight }

// frame is the variables of a fold's fit: column j is (x − Shift[j])/Ratio[j] of the rows that the sums are of.
type frame struct {
	Ratio []float64 // nil: as they are
	Shift []float64 // nil: none, or the intercept takes it
}

// frames are those of the fits without each fold, and of that of all rows, which is last.
func (x *CrossFit) frames() []frame {
	all := make([]frame, x.folds.K+1)
	for k := range x.folds.K {
		all[k] = x.frame(k)
	}
	return all
}

// frame is that of the fit without a fold.
func (x *CrossFit) frame(without int) frame {
	if x.Scaler == nil {
		return frame{}
	}
	s := x.all(without)
	t := &linear.StandardScaler{WithMean: x.Scaler.WithMean, WithStd: x.Scaler.WithStd}
	shift := make([]float64, x.features)
	for j, sum := range s.Sum {
		scale, mean := x.Scaler.Scale[j], sum/s.Weight
		shift[j] = mean
		variance := s.Squares[j]/s.Weight - float64(mean*mean)
		// rounding: the column is constant without the fold
		if variance <= 4*kernel.Epsilon*float64(s.Rows)*float64(mean*mean) {
			variance = 0
		}
		at := float64(mean * scale)
		if x.Scaler.WithMean {
			at += x.Scaler.Mean[j]
		}
		t.Mean, t.Var, t.Count = append(t.Mean, at), append(t.Var, variance*scale*scale), append(t.Count, s.Weight)
	}
	t.Finish()
	f := frame{Ratio: t.Scale}
	for j, v := range x.Scaler.Scale {
		f.Ratio[j] /= v
	}
	if x.Scaler.WithMean && !*x.options.FitIntercept {
		f.Shift = shift
	}
	return f
}

// point makes a point of the fold's variables one of the sums'.
func (f *frame) point(w []float64) []float64 {
	all := slices.Clone(w)
	last := len(f.Ratio)
	for p := range f.vectors(all) {
		for j := range f.Ratio {
			p[j] /= f.Ratio[j]
			if f.Shift != nil {
				p[last] -= float64(p[j] * f.Shift[j])
			}
		}
	}
	return all
}

// vectors are those of a point, each as long as the columns and one more; none where the variables are the sums'.
func (f *frame) vectors(point []float64) iter.Seq[[]float64] {
	return func(yield func([]float64) bool) {
		if f.Ratio == nil {
			return
		}
		for w := range slices.Chunk(point, len(f.Ratio)+1) {
			if !yield(w) {
				return
			}
		}
	}
}

// own makes a point of the sums' variables one of the fold's.
func (f *frame) own(p []float64) []float64 {
	all := slices.Clone(p)
	for w := range f.vectors(all) {
		for j := range f.Ratio {
			w[j] *= f.Ratio[j]
		}
		if f.Shift != nil {
			w[len(w)-1] = 0
		}
	}
	return all
}

// gradient makes one by the sums' variables one by the fold's, in place.
func (f *frame) gradient(all []float64) {
	last := len(f.Ratio)
	for g := range f.vectors(all) {
		for j := range f.Ratio {
			if f.Shift != nil {
				g[j] -= float64(f.Shift[j] * g[last])
			}
			g[j] /= f.Ratio[j]
		}
	}
}

// second does the same to second derivatives, a triangle or several.
func (f *frame) second(all []float64) {
	if f.Ratio == nil {
		return
	}
	width := len(f.Ratio) + 1
	for h := range slices.Chunk(all, width*(width+1)/2) {
		f.triangle(h, width)
	}
}

func (f *frame) triangle(h panel.Triangle, width int) {
	last := width - 1
	if m := f.Shift; m != nil {
		b := h[len(h)-1]
		for j := range last {
			row := h.Row(j, width)
			hj := row[last-j]
			for k := j; k < last; k++ {
				hk := h.Row(k, width)[last-k]
				row[k-j] += float64(float64(m[j]*m[k])*b) - float64(m[k]*hj) - float64(m[j]*hk)
			}
		}
		for j := range last {
			h.Row(j, width)[last-j] -= float64(m[j] * b)
		}
	}
	for j := range last {
		row := h.Row(j, width)
		for k := j; k < last; k++ {
			row[k-j] /= f.Ratio[j] * f.Ratio[k]
		}
		row[last-j] /= f.Ratio[j]
	}
}

// Partial begins a part of the next pass.
func (x *CrossFit) Partial(part, parts int) linear.Partial {
	if x.stage == crossJudging {
		return x.grid.Partial(part, parts)
	}
	return x.partial(part, parts)
}

// Advance ends a pass.
func (x *CrossFit) Advance(sum linear.Partial) error {
	if x.stage == crossJudging {
		if err := x.grid.Advance(sum); err != nil {
			return err
		}
		x.passes++
		x.stage = crossOver
		return nil
	}
	s, ok := sum.(*crossSum)
	if !ok || s.pass != x.passes {
		return errors.New("linear.CrossFit: the sum is that of another learner or pass")
	}
	s.seal()
	if s.err != nil {
		return s.err
	}
	var err error
	if x.stage == crossDrawing {
		err = x.drawn(s)
	} else {
		err = x.fitted(s)
	}
	x.passes++
	return err
}

// drawn takes the first pass: the folds' statistics, and a start for each alpha.
func (x *CrossFit) drawn(s *crossSum) error {
	x.own = s.own
	all := x.all(-1)
	if all.Rows == 0 {
		return errors.New("no rows to learn from")
	}
	for k, own := range x.own {
		if !(own.Weight > 0) {
			return x.folds.Empty(k)
		}
	}
	for _, view := range x.views {
		view.rows, view.weight = all.Rows, all.Weight
		view.Scaler, view.ClassRows, view.ClassSizes = x.Scaler, x.ClassRows, x.ClassSizes
	}
	var starts [][]jsontext.BitFloats
	if s.sample != nil {
		var err error
		if starts, err = s.sample.solve(x.views, nil); err != nil {
			return err
		}
		if starts != nil && x.lends() {
			if x.changes, err = x.measureChanges(s, starts); err != nil {
				return err
			}
		}
	}
	x.fits = make([]alphaFits, len(x.alphas))
	for a, view := range x.views {
		var start []jsontext.BitFloats
		if starts != nil {
			start = starts[a]
		}
		var err error
		if x.fits[a].Full, err = x.start(view, s, start); err != nil {
			return err
		}
	}
	x.stage = crossFitting
	x.next()
	return nil
}

// start begins the fits of all rows of an alpha, at the optimum of the sample where that is known.
func (x *CrossFit) start(view *Optimizer, s *crossSum, start []jsontext.BitFloats) ([]*optimum, error) {
	var full []*optimum
	for v, d := range s.zero {
		p := &optimum{Base: make([]float64, view.size())}
		if s.sample != nil {
			var at []float64
			if start != nil {
				at = start[v]
			}
			if err := view.advance(p, d, at); err != nil {
				return nil, err
			}
		}
		full = append(full, p)
	}
	return full, nil
}

// next begins the fits of further alphas, or the judging.
func (x *CrossFit) next() {
	x.from, x.begun = x.to, x.passes+1
	each := float64(x.problems()) * float64(x.folds.K) * float64(x.views[0].seconds())
	x.to = min(len(x.alphas), x.from+max(1, int(crossMemory/each)))
	if x.from == len(x.alphas) {
		x.stage = crossJudging
		return
	}
	frames := x.frames()
	for a := x.from; a < x.to; a++ {
		x.fits[a].Folds = make([][]*foldFit, len(frames))
		for k := range frames {
			x.fits[a].Folds[k] = make([]*foldFit, x.problems())
		}
		if x.borrows(a) {
			x.beginBorrowing(a, frames)
		}
		for v, p := range x.fits[a].Full {
			if p.Done { // no coefficient is worth its penalty, and there is no intercept: no pass is made over all rows
				x.branch(a, v, frames, nil, nil)
			}
		}
	}
}

// branch begins the folds' fits of a problem at the end of that of all rows, or near it, where that goes on beside
// them. They have a step that follows from the sums of each fold at the point that the last pass has tried, if that is
// given.
func (x *CrossFit) branch(a, v int, frames []frame, tried []float64, byFold []*derivatives) {
	p, fits := x.fits[a].Full[v], x.fits[a].Folds
	for k := range x.folds.K {
		var rest *derivatives
		if byFold != nil {
			rest = x.sumUp(byFold)
			subtract(rest, byFold[k])
		}
		fits[k][v] = x.begin(a, k, &frames[k], p.Base, tried, rest)
	}
	own := &foldFit{Base: p.Base, Objective: p.Objective, Done: p.Done}
	if !p.Done {
		own.Dir, own.Slope, own.Promised = p.Dir, p.Slope, -p.Slope/2
		own.Second = x.sumUp(byFold).second
	}
	fits[x.folds.K][v] = own
	p.Dir = nil
}

// fitted takes a pass of the fits.
func (x *CrossFit) fitted(s *crossSum) error {
	frames := x.frames()
	last := x.passes+1-x.begun >= x.views[0].MaxPasses
	for _, byVector := range s.shared {
		for _, byFold := range byVector {
			for k, d := range byFold {
				d.thicken(x.own[k].Weight)
			}
		}
	}
	x.lend(s, frames)
	if err := x.advanceFolds(s, frames, last); err != nil {
		return err
	}
	if err := x.advanceFull(s, frames, last); err != nil {
		return err
	}
	for a := x.from; a < x.to; a++ {
		for _, fits := range x.fits[a].Folds {
			for _, f := range fits {
				if f == nil || !f.Done {
					return nil
				}
			}
		}
	}
	if err := x.keep(frames); err != nil {
		return err
	}
	x.next()
	return nil
}

// keep hands the fits of the alphas that are done to the grid that judges.
func (x *CrossFit) keep(frames []frame) error {
	if x.grid == nil {
		var err error
		x.grid, err = grid.NewJudge(grid.GridOptions{
			Options: x.options, Alphas: x.given.Alphas, L1Ratios: x.given.L1Ratios, Folds: x.folds.K, Split: x.folds,
			ClassRows: x.ClassRows,
		}, x.features, x.Scaler)
		if err != nil {
			return err
		}
	}
	for a := x.from; a < x.to; a++ {
		for k, fits := range x.fits[a].Folds[:x.folds.K] {
			for v, f := range fits {
				p, view := frames[k].point(f.Base), x.views[a]
				for class, w := range view.coefs(p) {
					x.grid.SetFold(k, a, v*view.vectors+class, w, p[class*view.width()+x.features])
				}
			}
		}
		x.fits[a].Folds = nil
	}
	return nil
}

// advanceFull advances the fits of all rows, and begins those of the folds of each that is done, or so near its end
// that the second derivatives which there are do for the steps that are left.
func (x *CrossFit) advanceFull(s *crossSum, frames []frame, last bool) error {
	for i, byVector := range s.shared {
		a := x.from + i
		for v, byFold := range byVector {
			if byFold == nil {
				continue
			}
			p, tried := x.fits[a].Full[v], byFold[0].point
			if err := x.views[a].advance(p, x.sumUp(byFold), nil); err != nil {
				return err
			}
			if last && !p.Done {
				p.Done = true
				x.branch(a, v, frames, nil, nil)
				continue
			}
			near := !x.thin() && slices.Equal(p.Base, tried) && -p.Slope/2 <= foldsBegin*math.Abs(p.Objective)
			switch {
			case p.Done && !p.Converged:
				x.branch(a, v, frames, nil, nil)
			case p.Done || near:
				x.branch(a, v, frames, tried, byFold)
			}
		}
	}
	return nil
}

// thin reports whether the pass sums up second derivatives of a part of the rows alone.
func (x *CrossFit) thin() bool {
	view := x.views[0]
	return view.sample > 0 && x.passes == x.begun && view.thin()
}

// sumUp adds the sums of the folds.
func (x *CrossFit) sumUp(byFold []*derivatives) *derivatives {
	t := *byFold[0]
	t.gradient, t.second = slices.Clone(t.gradient), slices.Clone(t.second)
	for _, d := range byFold[1:] {
		t.loss += d.loss
		for i, v := range d.shorter {
			t.shorter[i] += v
		}
		addTo(t.gradient, d.gradient)
		addTo(t.second, d.second)
	}
	return &t
}

func addTo(sum, x []float64) {
	for i, v := range x {
		sum[i] += v
	}
}

func subtract(from, d *derivatives) {
	from.loss -= d.loss
	kernel.Add(-1, d.gradient, from.gradient)
	kernel.Add(-1, d.second, from.second)
}

// begin begins a fold's fit where the fit of all rows has ended, with a step that follows from the sums at the point
// that the last pass has tried, if they are given. Where the weights of classes change with the rows, or means do and
// no intercept takes that, only the second derivatives are nearly right, and the next pass is at that point once
// more.
func (x *CrossFit) begin(a, fold int, f *frame, end, tried []float64, rest *derivatives) *foldFit {
	if rest == nil {
		return &foldFit{Base: f.own(end), Fresh: true}
	}
	p := &foldFit{Base: f.own(tried)}
	f.second(rest.second)
	p.Second = jsontext.BitFloats(rest.second)
	if x.options.ClassWeight.Balanced || f.Shift != nil {
		return p
	}
	f.gradient(rest.gradient)
	stats := x.all(fold)
	return x.step(a, p, rest.loss, rest.gradient, stats.size(), foldPromise)
}

// advanceFolds advances the folds' fits, and those of all rows that go on beside them.
func (x *CrossFit) advanceFolds(s *crossSum, frames []frame, last bool) error {
	advance := func(l *foldSum, loss float64, gradient, second []float64) error {
		p := x.fits[l.alpha].Folds[l.fold][l.problem]
		f := &frames[l.fold]
		f.gradient(gradient)
		if second != nil {
			f.second(second)
			p.Second = jsontext.BitFloats(second)
		}
		return x.advanceFold(l, p, loss, gradient, last)
	}
	for i := range s.alone {
		l := &s.alone[i]
		if err := advance(l, l.sums.loss, l.sums.gradient, l.sums.second); err != nil {
			return err
		}
	}
	if s.lanes == nil {
		return nil
	}
	gradient := make([]float64, x.features+1)
	for i := range s.lanes.fits {
		for j := range x.features {
			gradient[j] = s.lanes.gradient[j*s.lanes.padded+i]
		}
		gradient[x.features] = s.lanes.intercept[i]
		if err := advance(&s.lanes.fits[i], s.lanes.loss[i], gradient, nil); err != nil {
			return err
		}
	}
	return nil
}

// advanceFold advances one of these fits, and tells that of all rows how far it is.
func (x *CrossFit) advanceFold(l *foldSum, p *foldFit, loss float64, gradient []float64, last bool) error {
	view, stats, tried := x.views[l.alpha], x.all(l.fold), p.tried()
	promise := foldPromise
	if l.fold == x.folds.K {
		promise = fullPromise
	}
	if x.step(l.alpha, p, loss, gradient, stats.size(), promise) == nil {
		rows := "of all rows"
		if l.fold < x.folds.K {
			rows = fmt.Sprintf("without fold %d", l.fold)
		}
		return fmt.Errorf("the objective of alpha %v overflows %s: standardise the features, or scale the target down",
			x.alphas[l.alpha], rows)
	}
	converged := p.Done && (p.Failed == 0 || -p.Slope/2 <= 1e-8*math.Abs(p.Objective))
	p.Done = p.Done || last
	if l.fold < x.folds.K {
		return nil
	}
	full := x.fits[l.alpha].Full[l.problem]
	full.Base, full.Objective, full.Done, full.Converged = p.Base, p.Objective, p.Done, converged
	if p.Failed == 0 { // the point that was tried is taken
		full.Norm = view.least(view.slope(gradient, tried, stats.size()), tried)
	}
	return nil
}

const (
	foldsBegin  = 1e-5  // of the objective: what the step of the fit of all rows promises where the folds' begin
	foldPromise = 1e-15 // of the objective: what is left at the end of a fold's fit
	fullPromise = 1e-20 // of that of all rows: as near as the last of Newton's steps comes where it promises 10⁻¹⁰
	foldShrinks = 1e-2  // of what a step promises, the next may promise, or has derivatives of its own
)

// step accepts the point that was tried, where loss and gradient have been summed up over rows of that size, or
// shortens the step to it; and makes the next, until what is left is at most this share of the objective. It gives nil
// where the objective overflows at the start.
func (x *CrossFit) step(a int, p *foldFit, loss float64, gradient []float64, size, promise float64) *foldFit {
	view := x.views[a]
	f := loss/size + view.penalty(p.Base, p.Dir, 1)
	if p.Dir == nil {
		if f-f != 0 {
			return nil
		}
	} else {
		slack := float64(64 * kernel.Epsilon * math.Abs(p.Objective))
		if !(f <= p.Objective+float64(armijo*p.Slope)+slack) {
			p.Failed++
			if -p.Slope <= foldPromise*math.Abs(p.Objective) || p.Failed > 30 { // down to rounding
				p.Done, p.Dir, p.Second = true, nil, nil
				return p
			}
			kernel.Scale(0.25, p.Dir)
			p.Slope, p.Promised, p.Fresh = p.Slope/4, 0, true
			return p
		}
		kernel.Add(1, p.Dir, p.Base)
	}
	p.Objective, p.Failed = f, 0
	g := view.slope(gradient, p.Base, size)
	if view.least(g, p.Base) == 0 {
		p.Done, p.Dir, p.Second = true, nil, nil
		return p
	}
	if p.Second == nil { // the next pass sums them up, at the same point
		p.Dir, p.Fresh = nil, true
		return p
	}
	dir := view.step(p.Second, p.Base, g, size)
	p.Slope = view.promised(g, p.Base, dir)
	if p.Slope-p.Slope != 0 {
		return nil
	}
	promised, shrinks := -p.Slope/2, 1.0
	if p.Promised > 0 {
		shrinks = min(promised/p.Promised, 1)
	}
	rounding := shrinks > foldShrinks && promised <= foldPromise*math.Abs(f) // steps give no more
	if rounding || promised*shrinks <= promise*math.Abs(f) {
		kernel.Add(1, dir, p.Base)
		p.Done, p.Dir, p.Second = true, nil, nil
		return p
	}
	p.Fresh = p.Promised > 0 && shrinks > foldShrinks
	p.Promised, p.Dir = promised, dir
	return p
}

// Result is the scores, when all passes have been made: see [Grid.Result].
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
		for _, p := range x.fits[a].Full {
			coef = append(coef, x.views[a].coefs(p.Base)...)
		}
		return coef
	})
}

// Model is that of all rows of an alpha, by its place.
func (x *CrossFit) Model(a int) (*linear.Model, error) {
	if !x.Done() || a < 0 || a >= len(x.alphas) {
		return nil, fmt.Errorf("linear.CrossFit: no model of alpha %d", a)
	}
	view := x.views[a]
	view.FeatureNames, view.passes, view.problems = x.FeatureNames, x.passes, x.fits[a].Full
	return view.Model()
}
