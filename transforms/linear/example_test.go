package linear_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/transforms/linear"
)

// A regression on a table, learned by pipelines, one for each pass or several.
func ExampleTrain() {
	dir, err := os.MkdirTemp("", "linear")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	table := filepath.Join(dir, "rooms.csv")
	if err := os.WriteFile(table, []byte("rooms,price\n1,3\n2,5\n3,7\n4,9\n"), 0o666); err != nil {
		panic(err)
	}

	ctx := context.Background()
	run := func(ctx context.Context, p *beam.Pipeline) error { return beamx.Run(ctx, p) }
	j := &linear.Job{Options: linear.Options{Model: filepath.Join(dir, "model.json"), Shards: 1}}
	j.Reading.Formats.TargetColumn = "price"
	if j.Data, err = linear.Inspect(ctx, []string{table}, 0, &j.Options, &j.Reading); err != nil {
		panic(err)
	}
	options := fitting.FitOptions{Options: model.Options{Task: model.Regression, Penalty: model.None}}
	fit, err := fitting.NewFit(options, j.Data.Dim, j.Data.Columns)
	if err != nil {
		panic(err)
	}
	fit, report, err := linear.Train(ctx, j, fit, run)
	if err != nil {
		panic(err)
	}
	if err := linear.Clean(ctx, &j.Options, report); err != nil {
		panic(err)
	}
	m := fit.Model()
	fmt.Printf("price = %.3f + %.3f·rooms\n", m.Intercept[0], m.Coef[0][0])
	// Output: price = 1.000 + 2.000·rooms
}
