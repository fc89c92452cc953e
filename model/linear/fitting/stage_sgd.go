package fitting

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/sgd"
)

// sgdStage learns by stochastic gradient descent, in parts whose weights are averaged.
type sgdStage struct{ onSurvey }

func (sgdStage) name() string { return "sgd" }

func (sgdStage) begin(f *Fit) (linear.Learner, error) {
	a, err := sgd.NewAveraged(f.chosen, f.features, f.epochs())
	if w := f.options.WarmStart; w != nil {
		a, err = sgd.ResumeAveraged(w, f.epochs())
	}
	if err != nil {
		return nil, err
	}
	t := a.Trainer()
	if f.options.WarmStart == nil {
		t.Scaler = f.survey.Scaler
		t.Begin(f.survey.Start(&f.chosen))
		t.BeginAt(f.survey.Odds(&f.chosen))
	}
	if f.names != nil {
		t.FeatureNames = f.names
	}
	if f.options.Progressive {
		t.Progressive = sgd.NewProgressive(f.chosen.Task, f.chosen.Classes.Len())
	}
	return a, nil
}

// bends reports whether gradient descent takes the curvature of the loss where nobody says how it is to learn: of few
// columns. In a single epoch by one part it does not take log_loss of rows that are sorted by the target: for long they
// are of one class, of which the predictions are then so sure that those of the other class have hardly a curvature.
func (f *Fit) bends() bool {
	o := &f.options
	if o.Options.Loss == linear.LogLoss && f.epochs() == 1 && o.Parts == 1 && f.survey.Drift.Drifts() {
		return false
	}
	return o.Options.LearningRate == "" && o.Folds == 0 && o.Options.PowerT == nil && o.Options.Eta0 == 0 &&
		o.Average == nil && o.smooth() && o.Options.Task != linear.OneClass && o.Options.Loss.Curves() &&
		sgd.Curves(f.features, max(linear.NumVectors(f.chosen.Classes.Len()), 1))
}

func (sgdStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &sgd.Averaged{}, nil
}

func (sgdStage) pass(f *Fit, p *Pass) {
	p.Name, p.Batch, p.Shuffle = fmt.Sprintf("pass %d", f.passes+1), f.options.BatchSize, f.options.Shuffle
}

func (sgdStage) next(f *Fit, learner linear.Learner) (stage, error) {
	l := learner.(*sgd.Averaged)
	f.progressive = l.Trainer().Progressive
	var err error
	if f.model, err = l.Model(); err == nil {
		f.countRows()
	}
	return nil, err
}

// countRows makes the counts of the model, of all epochs, those of one epoch of this training.
func (f *Fit) countRows() {
	t := &f.model.Training
	rows, epochs, classes := int64(0), 0, []int64(nil) // of the trainings before
	if w := f.options.WarmStart; w != nil {
		rows, epochs, classes = w.Training.Rows, w.Training.Epochs, w.Training.ClassRows
		if w.State != nil && len(w.State.ClassRows) > 0 {
			rows, classes = w.State.Learned(rows), w.State.ClassRows
		}
	}
	made := int64(t.Epochs - epochs)
	if made < 1 {
		return
	}
	t.Rows = (t.Rows - rows) / made
	for k := range t.ClassRows {
		if k < len(classes) {
			t.ClassRows[k] -= classes[k]
		}
		t.ClassRows[k] /= made
	}
}
