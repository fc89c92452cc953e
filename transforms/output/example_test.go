package output_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
)

func init() { beam.RegisterDoFn(&squareFn{}) }

// squareFn writes a row of the output for each task; a task may have any number of them.
type squareFn struct{ Output output.Options }

func (f *squareFn) ProcessElement(ctx context.Context, ordinal int, emit func(output.Part)) error {
	parts, err := output.Run(ctx, &f.Output, int64(ordinal), 3, func(_ context.Context, t *output.Task) error {
		return t.Write([]int64{int64(ordinal)}, func(p results.PartWriter, from, to int) error {
			id := func(int) vectors.ID { return vectors.ID{Int: int64(ordinal)} }
			return p.WriteTable(&results.Table{ID: id, Values: []float64{float64(ordinal * ordinal)}, From: from, To: to})
		})
	})
	for _, p := range parts {
		emit(p)
	}
	return err
}

// Tasks in any order write a file whose rows are in order, and which is there once all have succeeded.
func ExamplePublish() {
	dir, err := os.MkdirTemp("", "output")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	o := output.Options{
		Path: filepath.Join(dir, "squares.csv"), NumShards: 1, RunID: "example",
		Layout: results.Layout{Columns: []results.Column{{Name: "square", Type: results.Float}}},
	}
	ctx := context.Background()
	output.Begin(o.RunID)
	p, s := beam.NewPipelineWithRoot()
	output.Publish(s, beam.ParDo(s, &squareFn{o}, beam.CreateList(s, []int{2, 0, 1})), o)
	if err := beamx.Run(ctx, p); err != nil {
		panic(err)
	}
	if err := output.Clean(ctx, &o); err != nil {
		panic(err)
	}
	out, err := os.ReadFile(o.Path)
	if err != nil {
		panic(err)
	}
	fmt.Print(string(out))
	// Output:
	// id,square
	// 0,0
	// 1,1
	// 2,4
}
