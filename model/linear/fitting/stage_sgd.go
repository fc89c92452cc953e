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
	if f.options.Progressive {
		t.Progressive = sgd.NewProgressive(f.chosen.Task, f.chosen.Classes.Len())
	}
	if f.options.WarmStart == nil {
		t.Scaler = f.survey.Scaler
		t.Begin(f.survey.Start(&f.chosen))
		t.BeginAt(f.survey.Odds(&f.chosen))
		if err := f.startSGD(t); err != nil {
			return nil, err
		}
	}
	if f.names != nil {
		t.FeatureNames = f.names
	}
	return a, nil
}

// startSGD lets the trainer begin with what the survey's sample tells.
func (f *Fit) startSGD(t *sgd.SGD) error {
	c, rows, all := f.survey.Sample()
	switch {
	case c == nil:
	case f.chosen.LearningRate == linear.Newton:
		return t.Start(c, rows, f.survey.ClassRows)
	case f.chosen.LearningRate == linear.AdaGrad && c.Sparse != nil:
		_, err := t.StartWide(c, rows, all, f.survey.ClassRows)
		return err
	}
	return nil
}

// startsWide reports whether sgd is to begin with a sample of many columns, which stands for all rows in each epoch.
func (f *Fit) startsWide() bool {
	o := &f.options
	return f.mayBend() && !sgd.Curves(f.features, 1) && !o.exact(f.features) && o.WarmStart == nil && o.Options.Tol == nil
}

// starts reports whether sgd is to begin with what a sample tells, should it take the curvature of the loss, and no row
// is held out. Least squares are exact without.
func (f *Fit) starts() bool {
	o := &f.options
	return !o.exact(f.features) && o.WarmStart == nil && !o.Options.EarlyStopping &&
		o.Options.Loss != linear.SquaredError && (f.mayBend() || o.Options.LearningRate == linear.Newton) &&
		sgd.Curves(f.features, 1)
}

// mayBend reports whether gradient descent takes the curvature of the loss where nobody says how it is to learn, if
// columns and classes are few.
func (f *Fit) mayBend() bool {
	o := &f.options
	return o.Options.LearningRate == "" && o.Folds == 0 && o.Options.PowerT == nil && o.Options.Eta0 == 0 &&
		o.Average == nil && o.smooth() && o.Options.Task != linear.OneClass && o.Options.Loss.Curves()
}

// bends reports whether it does. In a single epoch by one part, without a sample to begin with, it does not take
// log_loss of rows that are sorted by the target: for long they are of one class, of which the predictions are then so
// sure that those of the other class have hardly a curvature.
func (f *Fit) bends() bool {
	o := &f.options
	if o.Options.Loss == linear.LogLoss && f.epochs() == 1 && o.Parts == 1 && !f.starts() && f.survey.Drift.Drifts() {
		return false
	}
	return f.mayBend() && sgd.Curves(f.features, max(linear.NumVectors(f.chosen.Classes.Len()), 1))
}

func (sgdStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &sgd.Averaged{}, nil
}

func (sgdStage) pass(f *Fit, p *Pass) {
	p.Name, p.Batch, p.Shuffle = fmt.Sprintf("pass %d", f.passes+1), f.options.BatchSize, f.options.Shuffle
}

func (sgdStage) mostPasses(f *Fit) int { return f.learner.(*sgd.Averaged).MostEpochs() }

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
