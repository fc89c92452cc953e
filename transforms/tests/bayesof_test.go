package tests

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	model "beamlearn/model/bayes"
	"beamlearn/transforms/bayes"
	"beamlearn/transforms/linear"
)

func init() { beam.RegisterDoFn(&printClassFn{}) }

// A leaf is a row of a pipeline, whose fields are columns.
type leaf struct {
	Name   string
	Length float64
	Width  float64
	Kind   string
}

type printClassFn struct{}

func (*printClassFn) ProcessElement(p linear.Predicted) { fmt.Printf("%s: %s\n", p.ID, p.Label) }

// Classes of rows of a pipeline are learned, and others' are told, in the same pipeline.
func Example_bayesTrainOf() {
	staging, err := os.MkdirTemp("", "bayes")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(staging)

	p, s := beam.NewPipelineWithRoot()
	leaves := beam.CreateList(s, []leaf{
		{"a", 12, 6, "oak"}, {"b", 14, 8, "oak"}, {"c", 13, 7, "oak"}, {"d", 5, 1, "willow"}, {"e", 7, 2, "willow"},
	})
	o := &bayes.TrainOfOptions{
		Fit: model.FitOptions{Options: model.Defaults(model.Gaussian)}, Target: "Kind", ID: "Name", Staging: staging,
	}
	trained, err := bayes.TrainOf(s, leaves, o)
	if err != nil {
		panic(err)
	}
	others := beam.CreateList(s, []leaf{{Name: "f", Length: 13, Width: 6}, {Name: "g", Length: 6, Width: 1}})
	told, err := linear.PredictOf(s, others, trained, &linear.PredictOfOptions{ID: "Name"})
	if err != nil {
		panic(err)
	}
	beam.ParDo0(s, &printClassFn{}, told)
	ctx := context.Background()
	if err := beamx.Run(ctx, p); err != nil {
		panic(err)
	}
	if err := bayes.CleanTrainOf(ctx, o); err != nil {
		panic(err)
	}
	// Unordered output:
	// f: oak
	// g: willow
}

// What is wrong is said before there is a pipeline.
func TestBayesTrainOf(t *testing.T) {
	t.Parallel()
	fit := model.FitOptions{Options: model.Defaults(model.Multinomial)}
	warm := fit
	warm.WarmStart = new(model.Model)
	for want, o := range map[string]*bayes.TrainOfOptions{
		"bayes.TrainOf: a target is needed":  {Fit: fit, Staging: "x"},
		"bayes.TrainOf: a staging directory": {Fit: fit, Target: "y"},
		"bayes.TrainOf: warm start: only":    {Fit: warm, Target: "y", Staging: "x"},
		"bayes.TrainOf: kind":                {Target: "y", Staging: "x"},
	} {
		_, s := beam.NewPipelineWithRoot()
		_, err := bayes.TrainOf(s, beam.CreateList(s, []string{"{}"}), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
