// Package grid cross-validates hyperparameters by stochastic gradient descent, all of them side by side in each pass:
// see [Grid].
package grid

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/linear/internal/steps"
)

// GridOptions says which models learn side by side.
type GridOptions struct {
	// Options are those of every model. Classes are required in classification. Tol and EarlyStopping are none, and the
	// learning rate is Constant, Optimal, InvScaling or AdaGrad. Required.
	Options linear.Options
	// Alphas and L1Ratios are combined, each of the one with each of the other. L1Ratios are for ElasticNet. Default:
	// that of Options.
	Alphas, L1Ratios []float64
	// Folds is the number of folds of the rows, ≥ 2: for each and each combination there is a model that does not learn
	// from the fold's rows, and is judged by them. Default: 0, no folds, only the models of all rows.
	Folds int
	// Refit: for each combination there is a model of all rows, too. Default: false, which without folds is true.
	Refit bool
	// Seed decides, with a row's number, which fold it is in. Default: 0.
	Seed uint64
	// Split tells the fold of a row. Default: the folds of a regression with the Seed.
	Split *folds.Folds
	// Epochs is how many passes there are. Default: 1.
	Epochs int
	// ClassRows is the number of rows of each class. Required where ClassWeight is Balanced, which here is the same from
	// the first row to the last.
	ClassRows []int64
}

// EnsureDefaults fills in what is not set.
func (o *GridOptions) EnsureDefaults() {
	o.Options.EnsureDefaults()
	if len(o.Alphas) == 0 {
		o.Alphas = []float64{*o.Options.Alpha}
	}
	if len(o.L1Ratios) == 0 {
		o.L1Ratios = []float64{*o.Options.L1Ratio}
	}
	if o.Folds == 0 {
		o.Refit = true
	}
	if o.Epochs == 0 {
		o.Epochs = 1
	}
	if o.Folds > 0 && o.Split == nil {
		o.Split = folds.Plain(o.Folds, o.Seed)
	}
}

// Validate reports every fault of the options at once, in one error. What is not set counts as its default.
func (o *GridOptions) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(o.L1Ratios) > 0 && o.Options.Penalty != linear.ElasticNet {
		fault("l1_ratios: only the penalty elasticnet has them")
	}
	d := *o
	d.EnsureDefaults()
	for _, c := range d.combinations() {
		if err := c.Validate(); err != nil {
			errs = append(errs, err)
			break // the others would say most of it again
		}
	}
	for i := range d.Alphas {
		if slices.Contains(d.Alphas[:i], d.Alphas[i]) {
			fault("alphas: %v twice", d.Alphas[i])
		}
	}
	for i := range d.L1Ratios {
		if slices.Contains(d.L1Ratios[:i], d.L1Ratios[i]) {
			fault("l1_ratios: %v twice", d.L1Ratios[i])
		}
	}
	switch d.Options.Task {
	case linear.OneClass:
		fault("task one_class: has no score to choose by")
	case linear.Classification:
		if n := d.Options.Classes.Len(); n < 2 {
			fault("classes: %d: must be at least two", n)
		}
		if d.Options.ClassWeight.Balanced && len(d.ClassRows) != d.Options.Classes.Len() {
			fault("class_weight balanced: needs the number of rows of each of %d classes, not of %d", d.Options.Classes.Len(),
				len(d.ClassRows))
		}
	}
	switch d.Options.LearningRate {
	case linear.Adaptive, linear.PA1, linear.PA2:
		fault("learning_rate %s: must be constant, optimal, invscaling or adagrad", d.Options.LearningRate)
	}
	if d.Options.Tol != nil || d.Options.EarlyStopping {
		fault("tol and early_stopping: must be none, as all models make the same number of epochs")
	}
	if d.Folds != 0 && (d.Folds < 2 || d.Folds > MaxFolds) {
		fault("folds %d: must be from 2 to %d, or 0", d.Folds, MaxFolds)
	}
	if d.Split != nil && d.Folds > 1 {
		if err := d.Split.Check(d.Options.Classes.Len()); err != nil {
			errs = append(errs, err)
		} else if d.Split.K != d.Folds {
			fault("a split in %d folds: must be in %d", d.Split.K, d.Folds)
		}
	}
	if d.Epochs < 1 {
		fault("epochs %d: must be at least 1", d.Epochs)
	}
	return errors.Join(errs...)
}

const MaxFolds = 1000

// combinations are the options of each, the l1 ratios within the alphas.
func (o *GridOptions) combinations() []linear.Options {
	var all []linear.Options
	for _, alpha := range o.Alphas {
		for _, ratio := range o.L1Ratios {
			c := o.Options
			c.Alpha, c.L1Ratio = new(alpha), new(ratio)
			all = append(all, c)
		}
	}
	return all
}

// Grid is a [Learner] of many models that differ in alpha, l1_ratio and the fold of rows that they leave out. All of
// them learn from a row as it is read, side by side in the lanes of vector registers, each as an [SGD] with its
// options would from its rows in the same chunks: to the same bits, but for the exp of LogLoss, which is of its own,
// and for the rounding of weights at the end of a part of sparse rows.
//
// Where a pass has several parts, each starts from the same weights, and the next epoch from their mean, weighted by
// rows; the number of the next row is then that of the longest part.
//
// The fold of a row is SplitMix64 of its number and the seed, modulo Folds. A row without a number counts from the
// beginning of its part. Before the models of a fold pass over a row of theirs, it judges them as they stand,
// averaged if they are: the scores of the last epoch count. Metrics are weighted by Chunk.Weights, not by class.
//
// A model whose weights overflow goes on, without a score. Memory: 8 bytes for each feature and lane, of which there
// are (Folds+1)·combinations·K, K the number of classes if more than two, otherwise 1; twice that with averaging, one
// more with an l1 penalty; and in a classification of two classes 32 KiB for each model with a fold, for the AUC.
type Grid struct {
	// FeatureNames are what the models say. Optional.
	FeatureNames []string
	// Scaler standardises every row, and goes with the models. Optional; set it before the first Partial.
	Scaler *linear.StandardScaler

	options  GridOptions
	shape    gridShape
	combos   []linear.Options
	rules    []steps.Rule
	features int
	kernels  *lanes.Kernels
	weights  []float64 // of the classes
	judging  bool      // models do not learn, but are judged by the rows of their folds

	epoch int
	t     []float64 // of each set, the number of the next row
	rows  []int64   // of each set, that it has learned from
	seen  int64     // rows of all passes
	sums  *gridSums // weights as they stand; metrics of the last epoch, the curve of all
}

// gridShape is what the lanes are: sets of models, one for each fold and then that of all rows; in a set the
// combinations; of a combination the weight vectors.
type gridShape struct {
	folds, sets, combos, vectors, classes int
	lanes, padded                         int // padded to whole groups
	features                              int
	mean, adaptive, deviance, quantile    bool
}

// of is the lanes from lo to hi of a set.
func (s *gridShape) of(set int) (lo, hi int) {
	n := s.combos * s.vectors
	return set * n, (set + 1) * n
}

// NewGrid makes a grid for rows of so many features. It copies the options and fills in their defaults.
func NewGrid(o GridOptions, features int) (*Grid, error) {
	if o.Options.MultiClass == linear.Multinomial {
		return nil, errors.New("multi_class multinomial: sgd learns one against the rest: take ovr")
	}
	if err := o.Options.OnlyExact(); err != nil {
		return nil, err
	}
	return makeGrid(o, features)
}

// makeGrid is for a judge, too.
func makeGrid(o GridOptions, features int) (*Grid, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if features < 1 {
		return nil, fmt.Errorf("%d features: there must be at least one", features)
	}
	o.EnsureDefaults()
	o.Alphas, o.L1Ratios, o.ClassRows = slices.Clone(o.Alphas), slices.Clone(o.L1Ratios), slices.Clone(o.ClassRows)
	o.Options.Classes = o.Options.Classes.Clone()
	g, err := newGrid(o, features)
	if err != nil {
		return nil, err
	}
	g.t, g.rows = make([]float64, g.shape.sets), make([]int64, g.shape.sets)
	for i := range g.t {
		g.t[i] = 1
	}
	g.sums = newGridSums(&g.shape)
	return g, nil
}

// newGrid makes a grid without state, of options that are valid and complete.
func newGrid(o GridOptions, features int) (*Grid, error) {
	g := &Grid{options: o, combos: o.combinations(), features: features, kernels: lanes.Best()}
	s := gridShape{
		folds: o.Folds, sets: o.Folds, combos: len(g.combos), vectors: 1, classes: o.Options.Classes.Len(),
		features: features,
		mean:     o.Options.Average > 0, adaptive: o.Options.LearningRate == linear.AdaGrad,
		deviance: slices.Contains(linear.DevianceLosses, o.Options.Loss), quantile: o.Options.Loss == linear.Quantile,
	}
	if o.Refit {
		s.sets++
	}
	if o.Options.Task == linear.Classification {
		s.vectors = linear.NumVectors(s.classes)
		g.weights = o.Options.ClassWeight.Weights(&o.Options.Classes, o.ClassRows)
	}
	if float64(s.sets)*float64(s.combos)*float64(s.vectors)*float64(features) > 1<<40 {
		return nil, fmt.Errorf("%d × %d × %d weight vectors of %d features: too many to hold", s.sets, s.combos, s.vectors,
			features)
	}
	s.lanes = s.sets * s.combos * s.vectors
	s.padded = lanes.Padded(s.lanes)
	g.shape = s
	for i := range g.combos {
		g.rules = append(g.rules, steps.NewRule(&g.combos[i]))
	}
	return g, nil
}

// Done reports whether all epochs are over.
func (g *Grid) Done() bool { return g.epoch >= g.options.Epochs }

// Combinations are the options of each, in the order of the results.
func (g *Grid) Combinations() []linear.Options { return slices.Clone(g.combos) }

// Partial begins a part of an epoch.
func (g *Grid) Partial(part, parts int) linear.Partial {
	s := &g.shape
	p := &gridPart{
		g: g, t: slices.Clone(g.t), gridSums: newGridSums(s), groups: make([]lanes.Group, s.padded/lanes.Width),
		dot: lanes.Make(s.padded), predicted: lanes.Make(s.padded), eta: lanes.Make(s.padded),
		update: lanes.Make(s.padded),
		y:      make([]float64, lanes.Width), weight: slices.Repeat([]float64{1}, lanes.Width),
		signs: [2][]float64{slices.Repeat([]float64{-1}, lanes.Width), slices.Repeat([]float64{1}, lanes.Width)},
	}
	copy(p.w, g.sums.w)
	copy(p.mean, g.sums.mean)
	if s.adaptive {
		p.beginAdaptive()
	}
	if s.mean {
		p.meanUpdate, p.meanDot = lanes.Make(s.padded), lanes.Make(s.padded)
		p.meanRows, p.meanShare = slices.Repeat([]float64{math.Inf(1)}, s.padded), slices.Repeat([]float64{1}, s.padded)
	}
	for i := range s.padded {
		u, l := &p.groups[i/lanes.Width], i%lanes.Width
		u.Scale[l], u.MeanB[l], u.Alpha[l], u.T0[l] = 1, 1, 1, 1
		if i >= s.lanes {
			continue
		}
		r := &g.rules[i/s.vectors%s.combos]
		u.Alpha[l], u.T0[l] = r.Alpha, r.T0
		if r.Decays {
			u.L2[l] = 1 - r.L1Ratio
		}
		if r.L1 {
			u.L1[l] = r.L1Ratio
		}
		u.Intercept[l], u.MeanIntercept[l] = g.sums.intercept[i], g.sums.meanIntercept[i]
	}
	r := &g.rules[0]
	if r.L1 {
		p.had = lanes.Make(len(p.w))
		if s.adaptive {
			p.penaltyDue = lanes.Make(len(p.w))
		}
	}
	p.row = lanes.Row{
		Groups: &p.groups[0], N: len(p.groups), Dot: &p.dot[0], P: &p.predicted[0], Eta: &p.eta[0], Update: &p.update[0],
		Threshold: r.Loss.Threshold, Epsilon: r.Loss.Epsilon,
	}
	if s.vectors > 1 {
		p.y, p.weight = slices.Repeat([]float64{-1}, s.padded), slices.Repeat([]float64{1}, s.padded)
		p.row.YStep, p.row.WeightStep = 8*lanes.Width, 8*lanes.Width
	}
	p.row.Weight = &p.weight[0]
	if s.mean {
		p.row.MeanUpdate, p.row.M, p.row.Q = &p.meanUpdate[0], &p.meanRows[0], &p.meanShare[0]
	}
	if r.Rate == linear.Optimal {
		p.row.Optimal = 1
	}
	return p
}

// Advance ends an epoch. It fails where no model has finite weights.
func (g *Grid) Advance(sum linear.Partial) error {
	p, ok := sum.(*gridPart)
	if !ok || p.g.shape != g.shape {
		return fmt.Errorf("linear.Grid: %T is no part of this grid", sum)
	}
	p.finish()
	if g.epoch == 0 {
		if fold := slices.Index(p.foldWeight, 0); fold >= 0 {
			return g.options.Split.Empty(fold)
		}
	}
	curve := g.sums.curve
	if g.shape.adaptive {
		p.adaptive.advance(g.sums.adaptive, p.rows, p.longest)
	}
	g.sums = p.gridSums
	curve.add(&g.sums.curve)
	g.sums.curve = curve
	for set, n := range g.sums.rows {
		g.t[set] += float64(g.sums.longest[set])
		g.rows[set] += n
	}
	g.seen += g.sums.seen
	g.epoch++
	for set := range g.shape.sets {
		for combo := range g.shape.combos {
			if g.finite(set, combo) {
				return nil
			}
		}
	}
	o := &g.options.Options
	return fmt.Errorf("the weights of all models overflow, with loss %s, learning_rate %s, eta0 %v: standardise the "+
		"features, or make the steps smaller (a lower eta0, larger alphas, another learning_rate)",
		o.Loss, o.LearningRate, o.Eta0)
}

// finite reports whether the weights of a model are.
func (g *Grid) finite(set, combo int) bool {
	s, sum := &g.shape, 0.0
	lo := (set*s.combos + combo) * s.vectors
	for i := lo; i < lo+s.vectors; i++ {
		sum += g.sums.intercept[i] - g.sums.intercept[i] + g.sums.meanIntercept[i] - g.sums.meanIntercept[i]
		for j := i; j < len(g.sums.w); j += s.padded {
			sum += g.sums.w[j] - g.sums.w[j]
			if s.mean {
				sum += g.sums.mean[j] - g.sums.mean[j]
			}
			if s.adaptive {
				sum += g.sums.gradients[j] - g.sums.gradients[j]
			}
		}
	}
	return sum == 0
}

// Model is that of a combination, by its place in Combinations, from all rows but those of a fold; of all rows where
// fold is −1, which needs Refit. It fails if its weights have overflowed.
func (g *Grid) Model(fold, combo int) (*linear.Model, error) {
	s := &g.shape
	set := fold
	if fold == -1 && g.options.Refit {
		set = s.folds
	}
	if set < 0 || set >= s.sets || fold >= s.folds || combo < 0 || combo >= s.combos {
		return nil, fmt.Errorf("linear.Grid: no model of combination %d for fold %d", combo, fold)
	}
	if !g.finite(set, combo) {
		return nil, fmt.Errorf("the weights of the model with alpha %v overflowed: make the steps smaller",
			*g.combos[combo].Alpha)
	}
	o := g.combos[combo]
	m := &linear.Model{
		Task: o.Task, Loss: o.Loss, FeatureNames: slices.Clone(g.FeatureNames), Classes: o.Classes.Clone(), Options: o,
		Training: linear.Training{Solver: "sgd", Rows: g.rows[set], Epochs: g.epoch},
	}
	m.Options.Classes = linear.Classes{}
	if g.Scaler != nil {
		m.Scaler = g.Scaler.Clone()
	}
	from, intercept := g.sums.w, g.sums.intercept
	if g.rules[combo].Reports(g.t[set]) {
		from, intercept = g.sums.mean, g.sums.meanIntercept
	}
	for k := range s.vectors {
		lane := (set*s.combos+combo)*s.vectors + k
		w := make([]float64, g.features)
		for j := range w {
			w[j] = from[j*s.padded+lane]
		}
		m.Coef = append(m.Coef, w)
		m.Intercept = append(m.Intercept, intercept[lane])
	}
	return m, m.Validate()
}

// gridPart is the models as they learn.
type gridPart struct {
	*gridSums
	g          *Grid
	groups     []lanes.Group
	t          []float64        // of each set, the number of the next row
	columns    []*steps.Columns // of each set, by AdaGrad
	ended      bool             // by AdaGrad: there is nothing due
	had        []float64        // of the l1 penalty in this chunk, by AdaGrad in this pass, by weight
	penaltyDue []float64        // by AdaGrad, in this pass

	// A value for each lane.
	dot, predicted, eta, update     []float64
	meanUpdate, meanRows, meanShare []float64
	meanDot                         []float64 // of the means
	// The row's target, and weight by class, for each lane; or a group of them where all groups are alike.
	y, weight []float64
	signs     [2][]float64 // the targets of a row of either of two classes

	waiting waiting
	row     lanes.Row
	places  []int32
	scratch [2][]float64
}

// PartialFit learns from the rows of a chunk, in their order, once. The fault of a row leaves the part as it was.
// O(entries · lanes), and O(features · lanes) for dense chunks, and for large ones.
func (p *gridPart) PartialFit(c *linear.Chunk) error {
	g := p.g
	var err error
	if p.places, err = c.Encode(&g.options.Options, g.features, g.Scaler, p.places); err != nil {
		return err
	}
	n := c.Len()
	switch {
	case g.judging:
		p.judgeRows(c, n)
	case g.shape.adaptive && p.ended:
		return errEnded
	case g.shape.adaptive:
		p.learnAdaptive(c, n)
	default:
		p.learn(c, n)
	}
	return nil
}

func (p *gridPart) learn(c *linear.Chunk, n int) {
	g, s := p.g, &p.g.shape
	r, k := &g.rules[0], g.kernels
	var rows [2]linear.Rows // in turn, as a row is valid until the next of its own
	for i := range rows {
		rows[i] = linear.NewRows(c, g.Scaler, p.scratch[i])
		p.scratch[i] = rows[i].Scratch
	}
	// Weights are read once for the step of a row and the products of the next, unless the penalty comes between.
	fused := c.Sparse == nil && !r.L1
	p.row.Intercept = 0
	if r.Intercept {
		p.row.Intercept = 1
		if c.Sparse != nil {
			p.row.Intercept = steps.SparseDecay
		}
	}
	decide, step := k.Decide[r.Loss.Kind], k.Step
	if s.mean {
		step = k.StepMean
	}
	lo, _ := s.of(s.sets - 1)
	var x kernel.Row
	if n > 0 {
		x = rows[0].At(0)
	}
	for i := range n {
		place, fold, weight, own := p.meet(c, i)
		if !fused || i == 0 {
			p.dotRow(x, p.w, 0, s.padded, p.dot)
		}
		if fold >= 0 {
			p.judge(fold, x, place, weight, p.seen+int64(i))
		}
		p.schedule(r, fold)
		p.row.Y, p.row.RowWeight = &p.y[0], own
		if decide(&p.row) != 0 {
			p.foldScales()
		}
		if fold != s.sets-1 {
			// The last set is that of all rows, or else as good as any.
			p.watch(place, lo, weight)
		}
		step(&p.row)
		var next kernel.Row
		if i+1 < n {
			next = rows[(i+1)%2].At(i + 1)
		}
		switch {
		case fused && i+1 < n:
			k.AddDot(x.Val, p.update, p.w, s.padded, next.Val, p.dot)
		case x.Idx == nil:
			k.Add(x.Val, p.update, p.w, s.padded)
		default:
			k.AddSparse(x.Idx, x.Val, p.update, p.w, s.padded)
		}
		p.settle(x)
		for set := range p.t {
			if set != fold {
				p.t[set]++
				p.rows[set]++
				p.longest[set]++
			}
		}
		if s.vectors > 1 {
			p.mark(place, -1, 1)
		}
		x = next
	}
	p.judgeAll()
	p.seen += int64(n)
	if g.features <= c.Entries() || r.L1 && s.mean {
		p.foldAll()
	}
	if r.L1 {
		p.endPenalty(c)
	}
}

// meet sets the targets of row i, and gives the place of its class, its fold, its weight, and that with the weight of
// its class where that is the same for all lanes.
func (p *gridPart) meet(c *linear.Chunk, i int) (place, fold int, weight, own float64) {
	g, s := p.g, &p.g.shape
	weight = 1
	if c.Weights != nil {
		weight = c.Weights[i]
	}
	own = weight
	switch {
	case s.classes == 0:
		fill(p.y, c.Target[i])
	case s.vectors == 1:
		place = int(p.places[i])
		own *= g.weights[place]
		p.y = p.signs[place]
	default:
		place = int(p.places[i])
		p.mark(place, 1, g.weights[place])
	}
	if s.folds == 0 {
		return place, -1, weight, own
	}
	number := p.seen + int64(i)
	if c.Numbers != nil {
		number = c.Numbers[i]
	}
	return place, g.options.Split.Of(c, i, number, int32(place)), weight, own
}

// settle is what follows the step of a row: the means, and the l1 penalty.
func (p *gridPart) settle(x kernel.Row) {
	g, s, k := p.g, &p.g.shape, p.g.kernels
	if s.mean {
		if x.Idx == nil {
			k.Add(x.Val, p.meanUpdate, p.mean, s.padded)
		} else {
			k.AddSparse(x.Idx, x.Val, p.meanUpdate, p.mean, s.padded)
		}
	}
	if g.rules[0].L1 {
		if x.Idx == nil {
			k.Truncate(p.groups, p.eta, p.w, p.had, s.padded, g.features)
		} else {
			k.TruncateSparse(p.groups, p.eta, x.Idx, p.w, p.had, s.padded)
		}
	}
}

// mark sets the targets and weights of the lanes of a class, one of more than two.
func (p *gridPart) mark(class int, y, weight float64) {
	for i := class; i < p.g.shape.lanes; i += p.g.shape.vectors {
		p.y[i], p.weight[i] = y, weight
	}
}

// endPenalty lets the l1 penalty start afresh with the next chunk.
func (p *gridPart) endPenalty(c *linear.Chunk) {
	for i := range p.groups {
		clear(p.groups[i].Due[:])
	}
	if c.Sparse == nil || c.Entries() >= c.Features {
		clear(p.had)
		return
	}
	for _, j := range c.Sparse.Indices {
		clear(p.had[int(j)*p.g.shape.padded:][:p.g.shape.padded])
	}
}

// dotRow sums the products of the row and the weights of the lanes from lo to hi up.
func (p *gridPart) dotRow(x kernel.Row, w []float64, lo, hi int, out []float64) {
	if x.Idx == nil {
		p.g.kernels.Dot(x.Val, w[lo:], p.g.shape.padded, out[lo:hi])
	} else {
		p.g.kernels.DotSparse(x.Idx, x.Val, w[lo:], p.g.shape.padded, out[lo:hi])
	}
}

// schedule writes the step sizes of the lanes, or the numbers that they follow from; a fold's models make none.
func (p *gridPart) schedule(r *steps.Rule, fold int) {
	s := &p.g.shape
	for set, t := range p.t {
		lo, hi := s.of(set)
		eta, rows, share := 0.0, math.Inf(1), 1.0
		switch {
		case r.Rate == linear.Optimal:
			eta = t
			if set == fold {
				eta = math.Inf(1)
			}
		case set == fold:
		case r.Rate == linear.Constant:
			eta = r.Eta0
		default:
			eta = r.Eta(t)
		}
		fill(p.eta[lo:hi], eta)
		if s.mean {
			if set != fold && r.Average <= t {
				if rows = t - r.Average + 1; rows > 1 {
					share = 1 - 1/rows
				}
			}
			fill(p.meanRows[lo:hi], rows)
			fill(p.meanShare[lo:hi], share)
		}
	}
	idle := 0.0
	if r.Rate == linear.Optimal {
		idle = math.Inf(1)
	}
	fill(p.eta[s.lanes:], idle)
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}

// foldScales multiplies the scales that have become too small into the weights of their lanes.
func (p *gridPart) foldScales() {
	s := &p.g.shape
	for i := range s.lanes {
		u, l := &p.groups[i/lanes.Width], i%lanes.Width
		if u.Scale[l] >= lanes.MinScale {
			continue
		}
		if s.mean && u.MeanA[l] != 0 {
			for j := i; j < len(p.w); j += s.padded {
				p.mean[j] = (p.mean[j] + float64(u.MeanA[l]*p.w[j])) * (1 / u.MeanB[l])
			}
			u.MeanA[l], u.MeanB[l] = 0, 1
		}
		for j := i; j < len(p.w); j += s.padded {
			p.w[j] *= u.Scale[l]
		}
		u.Scale[l] = 1
	}
}

// foldAll multiplies the scales into the weights of all lanes, and makes mean the mean. O(features · lanes).
func (p *gridPart) foldAll() {
	s := &p.g.shape
	scales, a, b := lanes.Make(s.padded), lanes.Make(s.padded), lanes.Make(s.padded)
	scaled, averaged := false, false
	for i := range s.padded {
		u, l := &p.groups[i/lanes.Width], i%lanes.Width
		scales[i], a[i], b[i] = u.Scale[l], u.MeanA[l], 1/u.MeanB[l]
		scaled = scaled || scales[i] != 1
		averaged = averaged || a[i] != 0
		u.Scale[l], u.MeanA[l], u.MeanB[l] = 1, 0, 1
	}
	if averaged {
		for j := 0; j < len(p.w); j += s.padded {
			w, mean := p.w[j:j+s.padded], p.mean[j:j+s.padded]
			for i, v := range w {
				mean[i] = (mean[i] + float64(a[i]*v)) * b[i]
			}
		}
	}
	if scaled {
		for j := 0; j < len(p.w); j += s.padded {
			w := p.w[j : j+s.padded]
			for i, v := range scales {
				w[i] *= v
			}
		}
	}
}

// finish makes w and mean the weights and their means.
func (p *gridPart) finish() {
	if p.g.shape.adaptive {
		p.end()
		return
	}
	p.foldAll()
	for i := range p.g.shape.padded {
		u, l := &p.groups[i/lanes.Width], i%lanes.Width
		p.intercept[i], p.meanIntercept[i] = u.Intercept[l], u.MeanIntercept[l]
	}
}

// Merge adds a part of the same epoch.
func (p *gridPart) Merge(next linear.Partial) error {
	q, ok := next.(*gridPart)
	if !ok || q.g.shape != p.g.shape {
		return fmt.Errorf("linear.Grid: %T is no part of this grid", next)
	}
	p.finish()
	q.finish()
	p.gridSums.merge(q.gridSums, &p.g.shape, p.g.sums)
	p.take()
	return nil
}

// take makes the sums the state that the lanes go on with.
func (p *gridPart) take() {
	for i := range p.g.shape.padded {
		u, l := &p.groups[i/lanes.Width], i%lanes.Width
		u.Scale[l], u.MeanA[l], u.MeanB[l] = 1, 0, 1
		u.Intercept[l], u.MeanIntercept[l] = p.intercept[i], p.meanIntercept[i]
	}
}

// MarshalBinary keeps every bit.
func (p *gridPart) MarshalBinary() ([]byte, error) {
	p.finish()
	return p.gridSums.encode(&p.g.shape)
}

// UnmarshalBinary reads what MarshalBinary of a part of the same grid writes.
func (p *gridPart) UnmarshalBinary(b []byte) error {
	s, err := decodeGridSums(&p.g.shape, b)
	if err != nil {
		return err
	}
	if p.gridSums, p.ended = s, true; s.adaptive != nil && !s.nonNegative() {
		return errors.New("linear.Grid: sums of squares below 0")
	}
	for set := range p.t {
		p.t[set] = p.g.t[set] + float64(s.longest[set])
	}
	p.take()
	return nil
}

// waiting are predictions that wait for their losses, as these take less time together.
type waiting struct {
	predictions    []prediction
	decision, y    []float64
	loss, sigmoids []float64
	row            lanes.Row
}

// prediction is what the models of a set say of a row before they learn from it.
type prediction struct {
	fold   int // −1: the row is learned from
	place  int // of its class
	bits   int // of the number of rows before
	weight float64
}

const waitingRows = 64

// wait adds a prediction, and returns what is to become its decision values.
func (p *gridPart) wait(lo int, q prediction) []float64 {
	w, s := &p.waiting, &p.g.shape
	n := s.combos * s.vectors
	if w.decision == nil {
		size := lanes.Padded(waitingRows * n)
		w.decision, w.y, w.loss = lanes.Make(size), lanes.Make(size), lanes.Make(size)
		w.predictions = make([]prediction, 0, waitingRows)
	}
	if len(w.predictions) == waitingRows {
		p.judgeAll()
	}
	at := len(w.predictions) * n
	w.predictions = append(w.predictions, q)
	if s.vectors > 1 {
		copy(w.y[at:], p.y[lo:lo+n])
	} else {
		fill(w.y[at:at+n], p.y[0])
	}
	return w.decision[at : at+n]
}

// watch is for the models of the set whose lanes begin at lo, before they learn from the row.
func (p *gridPart) watch(place, lo int, weight float64) {
	d := p.wait(lo, prediction{fold: -1, place: place, weight: weight})
	copy(d, p.predicted[lo:])
}

// judge is for the models of a fold and a row of it: what counts is what they say as they stand, averaged if they are.
func (p *gridPart) judge(fold int, x kernel.Row, place int, weight float64, before int64) {
	g, s := p.g, &p.g.shape
	lo, hi := s.of(fold)
	d := p.wait(lo, prediction{fold: fold, place: place, bits: bits.Len64(uint64(g.seen + before)), weight: weight})
	if s.adaptive && !g.judging {
		p.decide(fold, x, d)
		return
	}
	if g.rules[0].Reports(p.t[fold]) {
		p.dotRow(x, p.mean, lo&^(lanes.Width-1), (hi+lanes.Width-1)&^(lanes.Width-1), p.meanDot)
		for i := range d {
			u, l := &p.groups[(lo+i)/lanes.Width], (lo+i)%lanes.Width
			d[i] = (float64(u.MeanA[l]*p.dot[lo+i])+p.meanDot[lo+i])/u.MeanB[l] + u.MeanIntercept[l]
		}
		return
	}
	for i := range d {
		u, l := &p.groups[(lo+i)/lanes.Width], (lo+i)%lanes.Width
		d[i] = float64(u.Scale[l]*p.dot[lo+i]) + u.Intercept[l]
	}
}

// judgeAll scores the predictions that wait.
func (p *gridPart) judgeAll() {
	w, g, s := &p.waiting, p.g, &p.g.shape
	n, span := len(w.predictions), s.combos*s.vectors
	if n == 0 {
		return
	}
	lossFunc := &g.rules[0].Loss
	w.row = lanes.Row{
		N: (n*span + lanes.Width - 1) / lanes.Width, P: &w.decision[0], Y: &w.y[0], YStep: 8 * lanes.Width,
		Update:    &w.loss[0],
		Threshold: lossFunc.Threshold, Epsilon: lossFunc.Epsilon,
	}
	if !s.deviance && !s.quantile { // which no kernel has, and a judge needs no curve of
		g.kernels.Value[lossFunc.Kind](&w.row)
	}
	if s.vectors > 1 && lossFunc.Kind == loss.LogLoss && s.folds > 0 &&
		g.options.Options.MultiClass != linear.Multinomial {
		if w.sigmoids == nil {
			w.sigmoids = make([]float64, len(w.decision))
		}
		g.kernels.Sigmoid(w.decision[:w.row.N*lanes.Width], w.sigmoids)
	}
	for i, q := range w.predictions {
		at := i * span
		sums, weight := p.progressive, &p.progressiveWeight
		if q.fold >= 0 {
			point := p.curve.at(q.bits, s.combos)
			sums, weight = point.loss, &point.weight
		}
		*weight += q.weight
		if s.vectors == 1 {
			for c, v := range w.loss[at:][:len(sums)] {
				sums[c] += float64(q.weight * v)
			}
		} else {
			for c := range sums {
				sum := 0.0
				for _, v := range w.loss[at+c*s.vectors:][:s.vectors] {
					sum += v
				}
				sums[c] += float64(q.weight * sum)
			}
		}
		if q.fold >= 0 {
			p.foldWeight[q.fold] += q.weight
			p.score(&q, at)
		}
	}
	w.predictions = w.predictions[:0]
}

// centre is about where the scores of a model of two classes lie, as bins are the narrower, the nearer they are to it:
// the intercept, where rows are standardised and the model does not learn any more, or else 0.
func (p *gridPart) centre(model int) float64 {
	if !p.g.judging || p.g.Scaler == nil {
		return 0
	}
	return p.g.sums.intercept[model]
}

// score adds the prediction whose values begin at a place to the metrics of its fold.
func (p *gridPart) score(q *prediction, at int) {
	g, s, w := p.g, &p.g.shape, &p.waiting
	kind := g.rules[0].Loss.Kind
	first := q.fold * s.combos
	d := w.decision[at : at+s.combos*s.vectors]
	switch {
	case s.classes == 0:
		y := w.y[at]
		p.targets[q.fold].Add(y, y, q.weight)
		p.targetBins[q.fold].Add(y, q.weight)
		of := &g.rules[0].Loss.Of
		quantile, _ := g.options.Options.IsQuantile()
		if s.deviance {
			p.targets[q.fold].AddDeviance(*of, y, of.Link(y), q.weight)
		}
		for c, v := range d {
			if s.deviance {
				p.deviance[first+c] += float64(2 * q.weight * of.Half(y, v))
				v = of.Mean(v)
			}
			e := y - v
			p.squared[first+c] += float64(q.weight * e * e)
			p.absolute[first+c] += float64(q.weight * math.Abs(e))
			if s.quantile {
				p.pinball[first+c] += float64(q.weight * max(float64(quantile*e), float64((quantile-1)*e)))
			}
		}
	case s.vectors == 1:
		for c, v := range d {
			said := 0
			if v > 0 {
				said = 1
			}
			p.confusion[(first+c)*4+q.place*2+said] += q.weight
			p.binsOf(first + c)[q.place*scoreBins+scoreBin(v-p.centre(first+c))] += q.weight
			switch kind {
			case loss.LogLoss:
				p.logLoss[first+c] += float64(q.weight * min(max(w.loss[at+c], loss.LeastLogLoss), loss.MostLogLoss))
			case loss.ModifiedHuber:
				p.logLoss[first+c] += float64(q.weight * loss.LogLossOf(loss.Probability(w.y[at]*v)))
			}
		}
	default:
		like := linear.Model{Task: linear.Classification, Loss: g.options.Options.Loss}
		softmax := g.options.Options.MultiClass == linear.Multinomial
		for c := range s.combos {
			m, lo := first+c, c*s.vectors
			d := d[lo : lo+s.vectors]
			p.confusion[(m*s.classes+q.place)*s.classes+int(like.Choose(d))] += q.weight
			if !g.proba() {
				continue
			}
			proba := w.loss[at+lo : at+lo+s.vectors] // of no more use
			for k, v := range d {
				switch {
				case softmax:
					proba[k] = v
				case kind == loss.LogLoss:
					proba[k] = w.sigmoids[at+lo+k]
				default:
					proba[k] = loss.Probability(v)
				}
			}
			if softmax {
				linear.Softmax(proba)
			} else {
				like.NormaliseProba(proba, d)
			}
			p.logLoss[m] += float64(q.weight * loss.LogLossOf(proba[q.place]))
		}
	}
}

func (g *Grid) proba() bool {
	k := g.rules[0].Loss.Kind
	return k == loss.LogLoss || k == loss.ModifiedHuber
}

// fields are those of a grid's JSON; the sums are those of [gridSums.encode].
func (g *Grid) fields(sums *[]byte) jsontext.Object {
	o := &g.options
	return jsontext.Object{
		{Name: "task", Value: &o.Options.Task},
		{Name: "classes", Value: &o.Options.Classes},
		{Name: "hyperparameters", Value: &o.Options},
		{Name: "alphas", Value: (*jsontext.Floats)(&o.Alphas)},
		{Name: "l1_ratios", Value: (*jsontext.Floats)(&o.L1Ratios)},
		{Name: "folds", Value: &o.Folds},
		{Name: "refit", Value: &o.Refit},
		{Name: "seed", Value: &o.Seed},
		{Name: "split", Value: &o.Split, Optional: true},
		{Name: "epochs", Value: &o.Epochs},
		{Name: "class_rows", Value: &o.ClassRows},
		{Name: "features", Value: &g.features},
		{Name: "feature_names", Value: &g.FeatureNames},
		{Name: "scaler", Value: &g.Scaler},
		{Name: "epoch", Value: &g.epoch},
		{Name: "t", Value: (*jsontext.Floats)(&g.t)},
		{Name: "rows", Value: &g.rows},
		{Name: "seen", Value: &g.seen},
		{Name: "judging", Value: &g.judging, Optional: true},
		{Name: "state", Value: sums},
	}
}

// MarshalJSON writes the whole state, bit by bit.
func (g *Grid) MarshalJSON() ([]byte, error) {
	sums, err := g.sums.encode(&g.shape)
	if err != nil {
		return nil, err
	}
	f := *g
	if f.options.Options.Penalty != linear.ElasticNet {
		f.options.L1Ratios = nil
	}
	return f.fields(&sums).MarshalJSON()
}

// UnmarshalJSON reads what MarshalJSON writes, into a Grid of any kind. Its memory is in proportion to the text.
func (g *Grid) UnmarshalJSON(b []byte) error {
	var f Grid
	var sums []byte
	// Options have their task and classes beside them.
	if err := f.fields(&sums).UnmarshalJSON(b); err != nil {
		return err
	}
	o := f.options
	if models := float64(max(len(o.Alphas), 1)) * float64(max(len(o.L1Ratios), 1)); 8*models > float64(len(sums)) {
		return fmt.Errorf("%.0f combinations in a state of %d bytes", models, len(sums))
	}
	if err := o.Validate(); err != nil {
		return err
	}
	o.EnsureDefaults()
	if f.features < 1 {
		return fmt.Errorf("%d features: there must be at least one", f.features)
	}
	n, err := newGrid(o, f.features)
	if err != nil {
		return err
	}
	if f.Scaler != nil && len(f.Scaler.Mean) != f.features {
		return fmt.Errorf("scaler: of %d features, the grid has %d", len(f.Scaler.Mean), f.features)
	}
	if len(f.t) != n.shape.sets || len(f.rows) != n.shape.sets || f.epoch < 0 || f.seen < 0 {
		return fmt.Errorf("t of %d and rows of %d sets, %d epochs, %d rows: must be %d sets, and not negative",
			len(f.t), len(f.rows), f.epoch, f.seen, n.shape.sets)
	}
	for i, t := range f.t {
		if !(t >= 1) || f.rows[i] < 0 {
			return fmt.Errorf("t %v and %d rows: must be at least 1 and 0", t, f.rows[i])
		}
	}
	if n.sums, err = decodeGridSums(&n.shape, sums); err != nil {
		return err
	}
	n.t, n.rows, n.seen, n.epoch, n.Scaler, n.FeatureNames = f.t, f.rows, f.seen, f.epoch, f.Scaler, f.FeatureNames
	n.judging = f.judging
	*g = *n
	return nil
}
