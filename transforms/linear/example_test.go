package linear_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
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

// Rows that come through a pipe, answered as they come. Here they are all there.
func ExampleFollow() {
	ctx := context.Background()
	j := &linear.PredictJob{
		Model: &model.Model{Task: model.Regression, Loss: model.SquaredError, Coef: [][]float64{{2}},
			Intercept: []float64{1}},
		Options: linear.PredictOptions{Destination: output.Destination{Output: "-", OutputFormat: "jsonl"}},
	}
	j.Reading.Formats.Format, j.Reading.Formats.Unlabelled = "csv", true
	rows := vectorio.NewStream(strings.NewReader("rooms\n5\n6\n"), "the pipe")
	defer rows.Close()
	err := rows.Inspect(ctx, &j.Reading, func(pattern string) (*vectorio.Dataset, error) {
		err := j.Inspect(ctx, []string{pattern})
		return j.Data, err
	})
	if err != nil {
		panic(err)
	}
	if _, err := linear.Follow(ctx, j, rows, os.Stdout, nil); err != nil {
		panic(err)
	}
	// Output:
	// {"id":0,"prediction":11}
	// {"id":1,"prediction":13}
}

// A flat is a row of a pipeline, whose fields are columns.
type rented struct {
	Name  string
	Rooms float64
	Price float64
}

// Rows of a pipeline are learned from, and answered, in the same pipeline.
func ExampleTrainOf() {
	staging, err := os.MkdirTemp("", "linear")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(staging)

	p, s := beam.NewPipelineWithRoot()
	flats := beam.CreateList(s, []rented{{"a", 1, 3}, {"b", 2, 5}, {"c", 3, 7}, {"d", 4, 9}})
	o := &linear.TrainOfOptions{
		Fit:    fitting.FitOptions{Options: model.Options{Task: model.Regression, Penalty: model.None}},
		Target: "Price", ID: "Name", Staging: staging,
	}
	trained, err := linear.TrainOf(s, flats, o)
	if err != nil {
		panic(err)
	}
	wanted := beam.CreateList(s, []rented{{Name: "e", Rooms: 5}, {Name: "f", Rooms: 6}})
	prices, err := linear.PredictOf(s, wanted, trained, &linear.PredictOfOptions{ID: "Name"})
	if err != nil {
		panic(err)
	}
	beam.ParDo0(s, &printFn{}, prices)
	ctx := context.Background()
	if err := beamx.Run(ctx, p); err != nil {
		panic(err)
	}
	if err := linear.CleanTrainOf(ctx, o); err != nil {
		panic(err)
	}
	// Unordered output:
	// e: 11.000
	// f: 13.000
}

func init() { beam.RegisterDoFn(&printFn{}) }

type printFn struct{}

func (*printFn) ProcessElement(p linear.Predicted) { fmt.Printf("%s: %.3f\n", p.ID, p.Value) }
