package kmeans

import (
	"bytes"
	"context"
	"errors"
	"path"

	model "beamlearn/model/kmeans"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/online"
	"beamlearn/transforms/files"
)

// learning is what the command is where files are learned from as they arrive.
func (c *command) learning() *online.Learning {
	return &online.Learning{
		App: c.App, Watch: c.watch, Input: c.input, Output: c.model, Page: c.page, WarmFlag: "init",
		Warm: func() string {
			if name := c.init.String(); isFile(name) && path.Ext(name) == ".json" {
				return name
			}
			return "" // centres without a model are those of the first file's training
		},
		Without: []string{"output", "n_init", "max_iter", "tol"}, Loss: "squared distance",
		Learner: &learner{c},
	}
}

// watched says which flags are at fault where files are learned from as they arrive.
func (c *command) watched() error {
	errs := []error{c.learning().Check()}
	if c.watch.On() && !*c.minibatch {
		errs = append(errs, errors.New("--watch: moves centres by minibatches: give --minibatch"))
	}
	if c.watch.On() && len(c.clusters) > 1 {
		errs = append(errs, errors.New("--n_clusters: --watch learns one model: give one number"))
	}
	return cli.Usage(errs...)
}

// learner learns from one file after the other, an [online.Learner]: as MiniBatchKMeans.partial_fit does.
type learner struct{ *command }

// Take makes a file's model that of the state.
func (l *learner) Take(name string, text []byte) (err error) {
	l.warm, err = model.Load(name, bytes.NewReader(text))
	return err
}

// Learn learns from a file.
func (l *learner) Learn(ctx context.Context, info files.Info) (*online.Lesson, error) {
	l.from = []string{files.EscapeGlob(info.Name)}
	job, options, _, err := l.job(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.inspect(ctx, job, &options); err != nil {
		return nil, err
	}
	job, fit, report, err := l.learn(ctx, job, options)
	return online.Finish(ctx, job, report, err, func(to *bytes.Buffer) error { return fit.Model().Save(to) },
		func() []online.Target { return online.LossesOf(fit.Progressive(), false) })
}
