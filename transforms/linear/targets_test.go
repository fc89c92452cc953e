package linear

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/targets"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// Several targets are learned to the same bits in this process, by workers that states and sums are sent to, and by a
// run that goes on where another was stopped.
func TestTrainTargets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("a,y,b,z\n")
	for i := range 500 {
		a, b := float64(i*37%101)/50-1, float64(i*53%97)/48-1
		fmt.Fprintf(&text, "%v,%v,%v,%v\n", a, 3*a-b+float64(i%7), b, a+b-float64(i%5))
	}
	input := put(t, dir, "rows.csv", text.String())
	ctx := context.Background()
	train := func(o fitting.FitOptions, to Options, run Run) ([]byte, *Report, error) {
		t.Helper()
		reading := vectorio.Options{TargetColumns: []string{"y", "z"}}
		reading.EnsureDefaults()
		j := &Job{Options: to}
		j.Options.Shards, j.Options.Groups, j.Options.Model = 4, 2, filepath.Join(dir, "m.json")
		var err error
		if j.Data, err = Inspect(ctx, []string{input}, 50, &j.Options, &reading); err != nil {
			t.Fatal(err)
		}
		j.Reading = reading
		fit, err := targets.NewFit(o, nil, j.Data.Dim, j.Data.Columns, j.Data.TargetNames)
		if err != nil {
			t.Fatal(err)
		}
		made, report, err := Train(ctx, j, fit, run)
		if err != nil {
			return nil, nil, err
		}
		var b bytes.Buffer
		if err := made.Model().Save(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes(), report, Clean(ctx, &j.Options, report)
	}
	run := func(_ context.Context, p *beam.Pipeline) error { return ptest.Run(p) }
	squares := model.Options{Task: model.Regression}
	for name, o := range map[string]fitting.FitOptions{
		"exact": {Options: squares, Parts: 4},
		"huber": {Options: model.Options{Task: model.Regression, Loss: model.Huber}, Parts: 4},
		"sgd":   {Options: squares, Solver: fitting.SolverSGD, Epochs: 3, Parts: 4, Shuffle: true},
	} {
		t.Run(name, func(t *testing.T) {
			want, report, err := train(o, Options{Workers: placement.InProcess}, run)
			if err != nil {
				t.Fatal(err)
			}
			if report.Rows != 500 {
				t.Errorf("%d rows", report.Rows)
			}
			got, _, err := train(o, Options{Passes: 2}, run)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("workers make another model:\n%s\n%s", got, want)
			}
			if name == "exact" { // one pass
				return
			}
			pipelines := 0
			stopped := errors.New("stopped")
			_, _, err = train(o, Options{RunID: "first"}, func(ctx context.Context, p *beam.Pipeline) error {
				if pipelines++; pipelines > 1 {
					return stopped
				}
				return run(ctx, p)
			})
			var resumable *ResumableError
			if !errors.As(err, &resumable) || resumable.Passes != 1 {
				t.Fatalf("stopped: %v", err)
			}
			got, report, err = train(o, Options{RunID: "second", Resume: true}, run)
			if err != nil {
				t.Fatal(err)
			}
			if report.Resumed != 1 || !bytes.Equal(got, want) {
				t.Errorf("%d passes resumed; the same model: %v", report.Resumed, bytes.Equal(got, want))
			}
		})
	}
}
