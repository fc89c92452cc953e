package fitting

import (
	"errors"
	"slices"

	"beamlearn/model/linear"
	"beamlearn/model/linear/dual"
	"beamlearn/model/linear/newton"
)

// dualStage sums up the products of rows, of which there are fewer than columns, and learns, of the table of as few
// columns that has the same optima, all that there is to learn but the weights: on folds, too.
type dualStage struct{ onSurvey }

func (dualStage) name() string { return "dual" }

func (dualStage) begin(f *Fit) (linear.Learner, error) {
	g, err := dual.NewGram(f.chosen, f.features, f.survey.Rows)
	if err == nil {
		g.Scaler = f.survey.Scaler
	}
	return g, err
}

func (dualStage) empty(f *Fit, bytes int) (linear.Learner, error) { return &dual.Gram{}, nil }

func (dualStage) pass(f *Fit, p *Pass) { p.Name = "products of rows" }

func (dualStage) next(f *Fit, learner linear.Learner) (stage, error) {
	g := learner.(*dual.Gram)
	if g.TooMany() && f.options.Folds > 0 {
		return nil, errors.New(
			"folds: the rows have too many entries to be cross-validated exactly: take --solver=sgd, or one alpha")
	}
	if g.TooMany() {
		return newtonStage{}, nil
	}
	c, factor := g.Reduced()
	reduced, err := f.reduced(c)
	if err != nil {
		return nil, err
	}
	f.cv = reduced.cv
	if f.cv != nil {
		f.cv.Path = nil // of columns that are none of the rows'
	}
	f.chosen.Alpha, f.chosen.MultiClass = reduced.chosen.Alpha, reduced.chosen.MultiClass
	f.weights, err = g.Weights(factor, reduced.model.Coef, reduced.model.Intercept)
	return weightsStage{}, err
}

// reduced is the fit of these options of rows of few columns.
func (f *Fit) reduced(c *linear.Chunk) (*Fit, error) {
	o := f.options
	o.Solver, o.Standardize, o.AutoAlphas, o.Sample = SolverExact, false, false, false
	if o.MultiClass = linear.OneVsRest; f.chosen.MultiClass == linear.Multinomial {
		o.MultiClass = linear.Multinomial
	}
	r, err := NewFit(o, c.Features, nil)
	for err == nil && !r.Done() {
		p := r.Partial(0, 1)
		for batch, at := r.Pass().Batch, 0; at < c.Len() && err == nil; at += batch {
			err = p.PartialFit(c.Slice(at, min(at+batch, c.Len())))
		}
		if err == nil {
			err = r.Advance(p)
		}
	}
	return r, err
}

// weightsStage sums up the weights, from which Newton's stage goes on: that is how far they are above the optimum.
type weightsStage struct{ onSurvey }

func (weightsStage) name() string { return "weights" }

func (weightsStage) begin(f *Fit) (linear.Learner, error) {
	w := f.weights
	f.weights = nil
	return w, nil
}

func (weightsStage) empty(f *Fit, bytes int) (linear.Learner, error) { return &dual.Weights{}, nil }

func (weightsStage) pass(f *Fit, p *Pass) { p.Name = "weights of the columns" }

func (weightsStage) next(f *Fit, learner linear.Learner) (stage, error) {
	f.start = learner.(*dual.Weights)
	return newtonStage{}, nil
}

// dual reports whether the fit is by the products of rows, where classes are told apart so.
func (f *Fit) dual(m linear.MultiClass) bool {
	o := &f.options
	if f.features <= MaxExactFeatures || f.survey.Rows > dual.MaxRows || f.survey.Rows >= int64(f.features) ||
		o.Options.Penalty != linear.L2 || slices.Contains(o.Alphas, 0) || o.corners() || o.Options.Exposure != nil ||
		o.Options.Positive {
		return false
	}
	return o.Folds == 0 || !o.Standardize && f.dualWork() <= mostDualWork && newton.Fits(m, int(f.survey.Rows),
		linear.NumVectors(max(f.chosen.Classes.Len(), 1)))
}

// mostDualWork is how much work a cross-validation by the products of rows may be, some ten seconds of a core: beyond,
// sgd compares in a tenth of the time.
const mostDualWork = 1e10

// dualWork is about how many multiplications a step of all fits takes of a cross-validation by the products of rows: a
// cube of the rows for each. Least squares need one step, and no matrix of their own for each alpha.
func (f *Fit) dualWork() float64 {
	o := &f.options
	rows, fits := float64(f.survey.Rows), float64(o.Folds+1)
	if o.Options.Loss != linear.SquaredError {
		fits *= float64(max(len(o.Alphas), 1))
	} else {
		fits /= 8
	}
	return rows * rows * rows * fits
}
