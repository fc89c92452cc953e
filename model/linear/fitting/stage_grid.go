package fitting

import (
	"beamlearn/model/linear"
	"beamlearn/model/linear/grid"
)

// gridStage cross-validates all pairs of hyperparameters side by side by SGD.
type gridStage struct{ onSurvey }

func (gridStage) name() string { return "grid" }

func (gridStage) begin(f *Fit) (linear.Learner, error) {
	o := &f.options
	g := grid.GridOptions{Options: f.chosen, Alphas: o.Alphas, Folds: o.Folds, Refit: true, Seed: o.Seed,
		Split: f.survey.Folds, Epochs: f.epochs(), ClassRows: f.survey.ClassRows}
	if o.Options.Penalty == linear.ElasticNet {
		g.L1Ratios = o.L1Ratios
	}
	search, err := grid.NewGrid(g, f.features)
	if err != nil {
		return nil, err
	}
	search.FeatureNames, search.Scaler = f.names, f.survey.Scaler
	search.Begin(f.survey.Start(&f.chosen))
	return search, nil
}

func (gridStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &grid.Grid{}, nil
}

func (gridStage) pass(f *Fit, p *Pass) {
	p.Name, p.Batch, p.Shuffle = "cross-validating", f.options.BatchSize, f.options.Shuffle
}

func (gridStage) next(f *Fit, learner linear.Learner) (stage, error) {
	l := learner.(*grid.Grid)
	best, err := f.compared(l)
	if err != nil {
		return nil, err
	}
	if f.model, err = l.Model(-1, best); err == nil {
		f.countRows()
	}
	return nil, err
}
