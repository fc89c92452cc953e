package fitting

import (
	"errors"
	"fmt"

	"beamlearn/model/fault"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/leastsquares"
)

// foldsStage sums up the products of the columns fold by fold: cross-validation and model follow from one pass.
type foldsStage struct{ bySums }

func (foldsStage) name() string { return "folds" }

func (foldsStage) begin(f *Fit) (linear.Learner, error) {
	if f.options.Scoring == "neg_mean_absolute_error" {
		return nil, errors.New("scoring neg_mean_absolute_error: sums of squares do not tell it: take solver sgd, or " +
			"another scoring")
	}
	return f.foldGram()
}

func (foldsStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	// The learner has a function, which no JSON holds.
	o := &f.options
	if f.features > leastsquares.MaxGram || o.Folds*leastsquares.GramSize(f.features) > bytes {
		return nil, fmt.Errorf("no state of a fit: %d bytes of sums of %d folds of %d features", bytes, o.Folds, f.features)
	}
	return f.foldGram()
}

func (foldsStage) next(f *Fit, learner linear.Learner) (stage, error) {
	o, l := &f.options, learner.(*leastsquares.FoldGram)
	all, err := l.All()
	if err != nil {
		return nil, err
	}
	if err := all.Underflow(); err != nil {
		return nil, err
	}
	if v, constant := all.Constant(); constant {
		return nil, fault.File("", "a target of at least two values", "%v in every row of a weight above 0", v)
	}
	if o.AutoAlphas {
		found, err := summed(all, &f.chosen, o.Standardize)
		if err != nil {
			return nil, err
		}
		f.takePath(found)
	}
	var ratios []float64
	if o.Options.Penalty == linear.ElasticNet {
		ratios = o.L1Ratios
	}
	scores, err := l.CrossValidate(&f.chosen, o.Standardize, o.Alphas, ratios)
	if err != nil {
		return nil, err
	}
	f.cv = f.judged(scores)
	best, err := f.choose()
	if err != nil {
		return nil, err
	}
	if f.cv.Path, err = all.CVPath(&f.chosen, o.Standardize, o.Alphas, ratios, best); err != nil {
		return nil, err
	}
	return nil, f.solve(all)
}

func (f *Fit) foldGram() (linear.Learner, error) {
	o := &f.options
	return leastsquares.NewFoldGram(f.features, o.Folds, folds.ByNumber(o.Seed, o.Folds))
}

// judged is the result of a cross-validation by sums.
func (f *Fit) judged(scores []leastsquares.GridScore) *linear.CVResult {
	r := &linear.CVResult{Metrics: []linear.CVMetric{{Name: "r2"}, {Name: "neg_mean_squared_error"}}}
	r.ConstantMeans(scores[0].Folds, nil, &f.chosen)
	for _, s := range scores {
		p := linear.CVParams{Alpha: s.Alpha}
		if f.chosen.Penalty == linear.ElasticNet {
			p.L1Ratio = new(s.L1Ratio)
		}
		r.Params = append(r.Params, p)
	}
	for fold := range f.options.Folds {
		r2, mse := make([]float64, len(scores)), make([]float64, len(scores))
		for c, s := range scores {
			r2[c], mse[c] = s.Folds[fold].R2(), -s.Folds[fold].MSE()
		}
		r.Metrics[0].Splits, r.Metrics[1].Splits = append(r.Metrics[0].Splits, r2), append(r.Metrics[1].Splits, mse)
	}
	return r
}
