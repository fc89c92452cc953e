package tests

import (
	"context"
	"fmt"
	"os"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"beamlearn/transforms/eigen"
	"beamlearn/transforms/linear"
)

func init() { beam.RegisterDoFn(&printProjectionFn{}) }

// A point is a row of a pipeline, whose fields are columns.
type point struct {
	Name string
	X, Y float64
}

type printProjectionFn struct{}

func (*printProjectionFn) ProcessElement(p linear.Predicted) {
	fmt.Printf("%s: %.1f, %.1f\n", p.ID, p.Value, p.More[0])
}

// The principal components of rows of a pipeline, and the rows along them, in the same pipeline.
func Example_eigenTrainOf() {
	staging, err := os.MkdirTemp("", "eigen")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(staging)

	p, s := beam.NewPipelineWithRoot()
	points := beam.CreateList(s, []point{{"a", -2.2, -4.6}, {"b", 2.2, 4.6}, {"c", 3.8, 3.4}, {"d", -3.8, -3.4}})
	o := &eigen.TrainOfOptions{ID: "Name", Staging: staging}
	trained, err := eigen.TrainOf(s, points, o)
	if err != nil {
		panic(err)
	}
	projected, err := linear.PredictOf(s, points, trained, &linear.PredictOfOptions{ID: "Name"})
	if err != nil {
		panic(err)
	}
	beam.ParDo0(s, &printProjectionFn{}, projected)
	ctx := context.Background()
	if err := beamx.Run(ctx, p); err != nil {
		panic(err)
	}
	if err := eigen.CleanTrainOf(ctx, o); err != nil {
		panic(err)
	}
	// Unordered output:
	// a: -5.0, 1.0
	// b: 5.0, -1.0
	// c: 5.0, 1.0
	// d: -5.0, -1.0
}
