package bayes

import (
	"bytes"
	"context"
	"errors"

	model "beamlearn/model/bayes"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/online"
	"beamlearn/transforms/files"
)

// learning is what the command is where files are learned from as they arrive.
func (c *command) learning() *online.Learning {
	return &online.Learning{
		App: c.App, Watch: c.watch, Input: c.input, Output: c.output, Page: c.page, Warm: c.warm.String,
		WarmFlag: "warm_start", Without: []string{"cv_results", "folds", "scoring"}, Loss: "log loss",
		Learner: &learner{command: c},
	}
}

// watched says which flags are at fault where files are learned from as they arrive.
func (c *command) watched() error {
	err := c.learning().Check()
	if c.watch.On() && c.compares() {
		err = errors.Join(err, errors.New("--alpha and --var_smoothing: --watch learns one model: give one value"))
	}
	return cli.Usage(err)
}

// learner learns from one file after the other, an [online.Learner]: so the model is that of --warm_start, file after
// file.
type learner struct {
	*command
	model *model.Model // to go on from; nil before the first file
}

// Take makes a file's model that of the state.
func (l *learner) Take(name string, text []byte) (err error) {
	l.model, err = model.Load(name, bytes.NewReader(text))
	return err
}

// Learn learns from a file.
func (l *learner) Learn(ctx context.Context, info files.Info) (*online.Lesson, error) {
	l.from = []string{files.EscapeGlob(info.Name)}
	job, options, _, err := l.job()
	if err != nil {
		return nil, err
	}
	if l.model != nil {
		if err := l.goOn(l.model, &options); err != nil {
			return nil, err
		}
		options.Progressive = true
	}
	if err := l.inspect(ctx, job, &options); err != nil {
		return nil, err
	}
	job, fit, report, err := l.learn(ctx, job, options)
	return online.Finish(ctx, job, report, err, func(to *bytes.Buffer) error { return fit.Model().Save(to) },
		func() []online.Target { return online.LossesOf(fit.Progressive(), true) })
}
