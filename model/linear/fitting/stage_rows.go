package fitting

import (
	"beamlearn/model/linear"
	"beamlearn/model/linear/newton"
)

// rowsStage is Newton's stage in as many passes at most as are worth their time, of fewer rows than columns: where
// columns have little in common, some tens of passes come to the optimum, in less time than the products of all rows
// take. Otherwise dualStage begins anew.
type rowsStage struct{ newtonStage }

func (rowsStage) name() string { return "rows" }

func (rowsStage) begin(f *Fit) (linear.Learner, error) {
	learner, err := newtonStage{}.begin(f)
	if err == nil {
		learner.(*newton.Optimizer).MaxPasses = f.rowsPasses()
	}
	return learner, err
}

func (rowsStage) next(f *Fit, learner linear.Learner) (stage, error) {
	if !learner.(*newton.Optimizer).Converged() {
		return dualStage{}, nil
	}
	return newtonStage{}.next(f, learner)
}

const (
	// leastTried are rows whose products take as long as twenty passes or so.
	leastTried = 1000
	// mostTried are values of rows that stay in memory between passes: 512 MB.
	mostTried = 1 << 26
)

// rowsPasses is how many passes are tried before the products of rows, which take about as long as a pass for every
// twenty rows; with log_loss, whose steps take products of columns of their size, twice that. It is 0 where none is.
func (f *Fit) rowsPasses() int {
	s, o := f.survey, &f.options
	dense := s.Squares != nil || s.Scaler != nil && s.Scaler.WithMean
	if !dense || o.Folds > 0 || s.Rows < leastTried || s.Rows*int64(f.features) > mostTried ||
		f.chosen.Classes.Len() > 2 {
		return 0
	}
	switch f.chosen.Loss {
	case linear.SquaredError:
		return int(s.Rows / 40)
	case linear.LogLoss:
		return int(s.Rows / 20)
	}
	return 0
}
