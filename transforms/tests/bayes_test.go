package tests

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	model "beamlearn/model/bayes"
	"beamlearn/transforms/bayes"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// threeClasses writes n rows as two files.
func threeClasses(t *testing.T, n int) []string {
	t.Helper()
	r, dir := rand.New(rand.NewPCG(1, 2)), t.TempDir()
	var names []string
	for f := range 2 {
		var b strings.Builder
		b.WriteString("a,b,w,y\n")
		for i := range n / 2 {
			fmt.Fprintf(&b, "%d,%v,%v,%s\n", r.IntN(3)+i%3, float64(r.IntN(100))/10, float64(r.IntN(30)+1)/10,
				[]string{"x", "y", "z"}[i%3])
		}
		names = append(names, write(t, dir, fmt.Sprintf("x%d.csv", f), b.String()))
	}
	return names
}

var errStopped = errors.New("stopped")

// learned is a job: the bytes of its model, and of its predictions. Where stop is not 0 the run stops before that
// pipeline, and another goes on.
func learned(t *testing.T, input []string, chunkRows int, o linear.Options, how model.FitOptions,
	stop int) (classifier, answers string) {
	t.Helper()
	ctx, out, pipelines := context.Background(), t.TempDir(), 0
	run := func(_ context.Context, p *beam.Pipeline) error {
		if pipelines++; pipelines == stop {
			return errStopped
		}
		return ptest.Run(p)
	}
	var fit *model.Fit
	o.Model = filepath.Join(out, "m.json")
	for {
		job := &linear.Job{Options: o}
		job.Reading.ChunkRows = chunkRows
		job.Reading.Formats.TargetColumn, job.Reading.Formats.WeightColumn, job.Reading.Formats.Labels = "y", "w", true
		job.Reading.EnsureDefaults()
		var err error
		if job.Data, err = bayes.Inspect(ctx, how.Options.Kind, input, chunkRows, &job.Options, &job.Reading); err != nil {
			t.Fatal(err)
		}
		if fit, err = model.NewFit(how, job.Data.Dim, job.Data.Columns); err != nil {
			t.Fatal(err)
		}
		var report *linear.Report
		fit, report, err = linear.Train(ctx, job, fit, run)
		var saved *linear.ResumableError
		if errors.As(err, &saved) && saved.Passes > 0 && pipelines == stop {
			o.Resume = true
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if o.Resume && report.Resumed != stop-1 {
			t.Errorf("%d passes were made before, want %d", report.Resumed, stop-1)
		}
		if err := linear.Publish(ctx, &job.Options, report,
			[]linear.File{{Path: o.Model, Write: fit.Model().Save}}); err != nil {
			t.Fatal(err)
		}
		break
	}
	p := &linear.PredictJob{Reading: vectorio.Options{ChunkRows: chunkRows}, Options: linear.PredictOptions{
		Destination: output.To(filepath.Join(out, "p.csv")), Proba: true, Decision: true, Evaluate: true, Workers: o.Workers,
	}}
	p.Reading.Formats.TargetColumn, p.Reading.Formats.WeightColumn, p.Reading.Formats.Labels = "y", "w", true
	p.Options.EnsureDefaults()
	if err := p.ReadAny(ctx, o.Model); err != nil {
		t.Fatal(err)
	}
	if err := p.Inspect(ctx, input); err != nil {
		t.Fatal(err)
	}
	pipeline, s := beam.NewPipelineWithRoot()
	if err := linear.Predict(s, p); err != nil {
		t.Fatal(err)
	}
	if err := ptest.Run(pipeline); err != nil {
		t.Fatal(err)
	}
	r, err := p.Report(ctx)
	if err != nil || r.Rows != 300 || r.Classes == nil || r.Classes.Accuracy < 0.4 || r.Classes.LogLoss == nil ||
		r.Classes.AUC == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := p.Clean(ctx); err != nil {
		t.Fatal(err)
	}
	return read(t, o.Model), read(t, p.Options.Output)
}

// Model and predictions have the same bytes in this process and by workers, whatever is read at a time, however many
// passes are in a pipeline, and where a run goes on from another.
func TestBayes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: TestKMeansTrainOf and the examples have one each")
	}
	input := threeClasses(t, 300)
	for _, how := range []model.FitOptions{
		{Options: model.Defaults(model.Gaussian), Smoothings: []float64{1e-9, 1e-3}, Folds: 3},
		{Options: model.Defaults(model.Multinomial)},
	} {
		classifier, answers := learned(t, input, 100, linear.Options{Shards: 3, UnitRows: 40, Workers: placement.InProcess},
			how, 0)
		if n := strings.Count(answers, "\n"); n != 301 ||
			!strings.HasPrefix(answers, "id,prediction,proba_x,proba_y,proba_z,decision_x,decision_y,decision_z\n") {
			t.Errorf("%d lines: %s", n, answers)
		}
		for i, v := range []struct {
			o               linear.Options
			chunkRows, stop int
		}{
			{linear.Options{Shards: 3, UnitRows: 40, Workers: placement.InProcess, Threads: 1, CacheMemory: -1}, 17, 0},
			{linear.Options{Shards: 3, UnitRows: 40, Workers: placement.Remote, Groups: 2, Passes: 3}, 60, 0},
			{linear.Options{Shards: 3, UnitRows: 40, Workers: placement.Remote, Groups: 2}, 60, 3},
		} {
			if v.stop > 0 && how.Folds == 0 {
				continue // there is one pass
			}
			c, a := learned(t, input, v.chunkRows, v.o, how, v.stop)
			if c != classifier {
				t.Errorf("%s, way %d: another model\n%s\n%s", how.Options.Kind, i, c, classifier)
			}
			if a != answers {
				t.Errorf("%s, way %d: other answers", how.Options.Kind, i)
			}
		}
	}
}
