package tests

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	bayesmodel "beamlearn/model/bayes"
	eigenmodel "beamlearn/model/eigen"
	kmeansmodel "beamlearn/model/kmeans"
	"beamlearn/transforms/bayes"
	"beamlearn/transforms/eigen"
	"beamlearn/transforms/kmeans"
	"beamlearn/transforms/linear"
)

func init() { beam.RegisterDoFn(&keepLabelFn{}) }

// keptLabels are what rows were answered, by what answered and their ids.
var keptLabels struct {
	sync.Mutex
	of map[string]map[string]string
}

type keepLabelFn struct{ By string }

func (f *keepLabelFn) ProcessElement(p linear.Predicted) {
	keptLabels.Lock()
	defer keptLabels.Unlock()
	if keptLabels.of == nil {
		keptLabels.of = map[string]map[string]string{}
	}
	if keptLabels.of[f.By] == nil {
		keptLabels.of[f.By] = map[string]string{}
	}
	keptLabels.of[f.By][p.ID] = p.Label
}

// Rows of a pipeline may be those of a table, for classes, clusters and components: text is a category, and a missing
// cell is one, too.
func TestTablesOf(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 60 {
		class, leaf := "oak", `"lobed"`
		if i%2 == 1 {
			if class, leaf = "willow", `"narrow"`; i%6 == 1 {
				leaf = "null"
			}
		}
		lines = append(lines, fmt.Sprintf(`{"id":"%d","leaf":%s,"bark":"grey","rings":%d,"class":"%s"}`, i, leaf, i/20,
			class))
	}
	ctx, staging := context.Background(), t.TempDir()
	p, s := beam.NewPipelineWithRoot()
	rows := beam.CreateList(s, lines)
	classes := &bayes.TrainOfOptions{
		Fit:    bayesmodel.FitOptions{Options: bayesmodel.Defaults(bayesmodel.Categorical)},
		Target: "class", ID: "id", Staging: staging,
	}
	clusters := &kmeans.TrainOfOptions{
		Fit: kmeansmodel.Options{Clusters: []int{2}, Seed: 1}, ID: "id", Columns: []string{"leaf", "rings"},
		Staging: staging,
	}
	components := &eigen.TrainOfOptions{Fit: eigenmodel.Options{Components: 2, Standardize: true}, ID: "id",
		Columns: []string{"*", "!class"}, Staging: staging}
	for by, train := range map[string]func() (beam.PCollection, error){
		"bayes":  func() (beam.PCollection, error) { return bayes.TrainOf(s, rows, classes) },
		"kmeans": func() (beam.PCollection, error) { return kmeans.TrainOf(s, rows, clusters) },
		"eigen":  func() (beam.PCollection, error) { return eigen.TrainOf(s, rows, components) },
	} {
		trained, err := train()
		if err != nil {
			t.Fatal(err)
		}
		answers, err := linear.PredictOf(s, rows, trained, &linear.PredictOfOptions{ID: "id"})
		if err != nil {
			t.Fatal(err)
		}
		beam.ParDo0(s, &keepLabelFn{by}, answers)
	}
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{bayes.CleanTrainOf(ctx, classes), kmeans.CleanTrainOf(ctx, clusters),
		eigen.CleanTrainOf(ctx, components)} {
		if err != nil {
			t.Error(err)
		}
	}
	keptLabels.Lock()
	defer keptLabels.Unlock()
	for i := range lines {
		if got, want := keptLabels.of["bayes"][fmt.Sprint(i)], []string{"oak", "willow"}[i%2]; got != want {
			t.Errorf("row %d: %q, want %s", i, got, want)
		}
	}
	for _, by := range []string{"kmeans", "eigen"} {
		if n := len(keptLabels.of[by]); n != len(lines) {
			t.Errorf("%s answers %d of %d rows", by, n, len(lines))
		}
	}
	if a, b := keptLabels.of["kmeans"]["0"], keptLabels.of["kmeans"]["58"]; a == b {
		t.Errorf("rings 0 and 2 are in one cluster of two, %q", a)
	}
}
