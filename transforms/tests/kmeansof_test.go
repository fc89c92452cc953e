package tests

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	model "beamlearn/model/kmeans"
	"beamlearn/transforms/kmeans"
	"beamlearn/transforms/linear"
)

func init() {
	beam.RegisterDoFn(&printClusterFn{})
	beam.RegisterDoFn(&keepTrainedFn{})
}

// A tree is a row of a pipeline, whose fields are columns.
type tree struct {
	Name   string
	Height float64
	Girth  float64
	Count  float64
}

type printClusterFn struct{}

func (*printClusterFn) ProcessElement(p linear.Predicted) {
	fmt.Printf("%s: cluster %s, %.1f from its centre\n", p.ID, p.Label, p.More[0])
}

// Clusters of rows of a pipeline, to which rows are assigned in the same pipeline.
func Example_kmeansTrainOf() {
	staging, err := os.MkdirTemp("", "kmeans")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(staging)

	p, s := beam.NewPipelineWithRoot()
	trees := beam.CreateList(s, []tree{{"a", 2, 1, 1}, {"b", 4, 1, 1}, {"c", 30, 9, 3}, {"d", 34, 9, 1}})
	o := &kmeans.TrainOfOptions{
		Fit: model.Options{Clusters: []int{2}}, ID: "Name", Weight: "Count", Staging: staging,
	}
	clusters, err := kmeans.TrainOf(s, trees, o)
	if err != nil {
		panic(err)
	}
	found, err := linear.PredictOf(s, trees, clusters, &linear.PredictOfOptions{ID: "Name"})
	if err != nil {
		panic(err)
	}
	beam.ParDo0(s, &printClusterFn{}, found)
	ctx := context.Background()
	if err := beamx.Run(ctx, p); err != nil {
		panic(err)
	}
	if err := kmeans.CleanTrainOf(ctx, o); err != nil {
		panic(err)
	}
	// Unordered output:
	// a: cluster 1, 1.0 from its centre
	// b: cluster 1, 1.0 from its centre
	// c: cluster 0, 1.0 from its centre
	// d: cluster 0, 3.0 from its centre
}

var keptTrained struct {
	sync.Mutex
	files [][]byte
}

type keepTrainedFn struct{}

func (*keepTrainedFn) ProcessElement(t linear.Trained) {
	keptTrained.Lock()
	defer keptTrained.Unlock()
	keptTrained.files = append(keptTrained.files, t.File)
}

// Clusters of a pipeline do not depend on the order of its rows, nor on threads; what is wrong is said.
func TestKMeansTrainOf(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf(`{"id":"r%d","a":%d,"b":%d}`, i, i%3*100+i*7%13, i*11%17))
	}
	for threads := range 2 {
		staging := t.TempDir()
		o := &kmeans.TrainOfOptions{
			Fit: model.Options{Clusters: []int{2, 3}, Init: model.Parallel, Seed: 4}, ID: "id", Threads: threads,
			Staging: staging,
		}
		p, s := beam.NewPipelineWithRoot()
		trained, err := kmeans.TrainOf(s, beam.CreateList(s, lines), o)
		if err != nil {
			t.Fatal(err)
		}
		beam.ParDo0(s, &keepTrainedFn{}, trained)
		if err := ptest.Run(p); err != nil {
			t.Fatal(err)
		}
		if err := kmeans.CleanTrainOf(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(staging); err != nil || len(left) > 0 {
			t.Errorf("%v is left (%v)", left, err)
		}
		slices.Reverse(lines)
	}
	if len(keptTrained.files) != 2 || !bytes.Equal(keptTrained.files[0], keptTrained.files[1]) {
		t.Fatalf("%d models, which differ", len(keptTrained.files))
	}
	m, err := model.Load("m.json", bytes.NewReader(keptTrained.files[0]))
	if err != nil || len(m.Centers) != 3 || !slices.Equal(m.Sizes, []int64{100, 100, 100}) ||
		!slices.Equal(m.FeatureNames, []string{"a", "b"}) {
		t.Errorf("%v: %+v", err, m)
	}
	for want, o := range map[string]*kmeans.TrainOfOptions{
		"kmeans.TrainOf: n_clusters is needed": {Staging: "x"},
		"kmeans.TrainOf: a staging directory":  {Fit: model.Options{Clusters: []int{2}}},
		"centres that are given are for rows of file": {
			Fit: model.Options{Clusters: []int{1}, Init: model.Given, Centers: [][]float64{{1}}},
		},
	} {
		_, s := beam.NewPipelineWithRoot()
		if _, err := kmeans.TrainOf(s, beam.CreateList(s, lines), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
