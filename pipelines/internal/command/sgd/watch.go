package sgd

import (
	"bytes"
	"context"
	"errors"
	"math"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/drift"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/linear/targets"
	"beamlearn/pipelines/internal/online"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

// learning is what the command is where files are learned from as they arrive.
func (c *command) learning() *online.Learning {
	return &online.Learning{
		App: c.App, Watch: c.watch, Input: c.input, Output: c.output, Page: c.page, Warm: c.warm.String,
		WarmFlag: "warm_start", Without: []string{"cv_results", "folds", "scoring", "inference"}, Loss: "loss",
		Learner: &learner{command: c},
	}
}

// watched says which flags are at fault where files are learned from as they arrive.
func (c *command) watched() error {
	err := c.learning().Check()
	if !c.watch.On() {
		return err
	}
	errs := []error{err}
	if *c.solver == "exact" {
		errs = append(errs, errors.New("--solver=exact: --watch learns by sgd"))
	}
	if c.hyper.compares() {
		errs = append(errs, errors.New("--alpha and --l1_ratio: --watch learns one model: give one value"))
	}
	return errors.Join(errs...)
}

// inOrder makes options those of learning from each row once, in the order of the rows, unless flags say otherwise, and
// gives the number of shards.
func (c *command) inOrder(o *fitting.FitOptions) int {
	o.Solver = fitting.SolverSGD
	if o.Epochs == 0 {
		o.Epochs = 1
	}
	if !c.Given("shards") {
		return 1
	}
	return *c.shards
}

// learner learns from one file after the other, an [online.Learner]: so the model is that of --warm_start, file after
// file.
type learner struct {
	*command
	model *model.Model // to go on from; nil before the first file. Of several targets that of the first
}

// Take makes a file's model that of the state.
func (l *learner) Take(name string, text []byte) (err error) {
	l.warmTargets = nil
	if !linear.IsTargets(text) {
		l.model, err = model.Load(name, bytes.NewReader(text))
		return err
	}
	if l.warmTargets, err = targets.Load(name, bytes.NewReader(text)); err == nil {
		l.model = l.warmTargets.Models[0]
	}
	return err
}

// Learn learns from a file.
func (l *learner) Learn(ctx context.Context, info files.Info) (*online.Lesson, error) {
	l.from = []string{files.EscapeGlob(info.Name)}
	job, options, _, err := l.job()
	if err != nil {
		return nil, err
	}
	if options.WarmStart = l.model; l.model != nil {
		options.Standardize = false // as the model says
	}
	if err := l.inspect(ctx, job, &options); err != nil {
		return nil, err
	}
	if err := l.found(job, &options); err != nil {
		return nil, err
	}
	job, made, report, err := l.learn(ctx, job, options)
	if errors.Is(err, sgd.ErrNoRows) {
		err = online.OfFile(err)
	}
	return online.Finish(ctx, job, report, err, func(to *bytes.Buffer) error { return made.save(to) },
		func() (all []online.Target) {
			for k, fit := range made.fits {
				if p := fit.Progressive(); p != nil && p.Weight > 0 {
					all = append(all, online.Target{Name: made.name(k), By: judged{p}})
				}
			}
			return all
		})
}

// judged are the rows of a fit, as [online.Judged].
type judged struct{ *sgd.Progressive }

// Merge adds rows that came next, unless they are of other classes.
func (j judged) Merge(next online.Judged) bool {
	o, ok := next.(judged)
	return ok && j.Progressive.Merge(o.Progressive) == nil
}

// Trace is how the loss went.
func (j judged) Trace() *drift.Trace { return j.Progressive.Trace() }

// Scores are those of the task.
func (j judged) Scores() (s linear.ProgressiveScores) {
	s.Rows, s.MeanLoss = j.Rows, online.Finite(j.MeanLoss())
	if j.Classification != nil {
		s.Accuracy = online.Finite(j.Classification.Accuracy())
	} else {
		s.R2, s.RMSE = online.Finite(j.Regression.R2()), online.Finite(math.Sqrt(j.Regression.MSE()))
	}
	return s
}
