package tests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	model "beamlearn/model/kmeans"
	"beamlearn/transforms/kmeans"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// threeClusters writes n rows, of clusters that overlap, as two files.
func threeClusters(t *testing.T, n int) []string {
	t.Helper()
	r, dir := rand.New(rand.NewPCG(1, 2)), t.TempDir()
	var names []string
	for f := range 2 {
		var b strings.Builder
		b.WriteString("a,b,c\n")
		for i := range n / 2 {
			fmt.Fprintf(&b, "%v,%v,%v\n", r.NormFloat64()+float64(i%3), r.NormFloat64(), 10*r.NormFloat64())
		}
		names = append(names, write(t, dir, fmt.Sprintf("x%d.csv", f), b.String()))
	}
	return names
}

// found is a job: the bytes of its model, and of the clusters of its rows.
func found(t *testing.T, input []string, chunkRows int, o linear.Options,
	how model.Options) (clusters, answers string) {
	t.Helper()
	ctx, out := context.Background(), t.TempDir()
	run := func(_ context.Context, p *beam.Pipeline) error { return ptest.Run(p) }
	o.Model = filepath.Join(out, "m.json")
	job := &linear.Job{Options: o}
	job.Reading.ChunkRows = chunkRows
	job.Reading.EnsureDefaults()
	var err error
	if job.Data, err = kmeans.Inspect(ctx, input, chunkRows, &job.Options, &job.Reading); err != nil {
		t.Fatal(err)
	}
	fit, err := model.NewFit(how, job.Data.Dim, job.Data.Columns)
	if err != nil {
		t.Fatal(err)
	}
	fit, report, err := linear.Train(ctx, job, fit, run)
	if err != nil {
		t.Fatal(err)
	}
	if err := linear.Publish(ctx, &job.Options, report,
		[]linear.File{{Path: o.Model, Write: fit.Model().Save}}); err != nil {
		t.Fatal(err)
	}
	p := &linear.PredictJob{Reading: vectorio.Options{ChunkRows: chunkRows},
		Options: linear.PredictOptions{Destination: output.To(filepath.Join(out, "c.csv")), Workers: o.Workers}}
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
	if err := run(ctx, pipeline); err != nil {
		t.Fatal(err)
	}
	r, err := p.Report(ctx)
	if err != nil || r.Rows != job.Data.Rows && job.Data.Rows >= 0 || r.Features != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := p.Clean(ctx); err != nil {
		t.Fatal(err)
	}
	return read(t, o.Model), read(t, p.Options.Output)
}

// Model and answers have the same bytes in this process and by workers, whatever is read at a time, and however many
// passes are in a pipeline.
func TestKMeans(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: TestKMeansTrainOf and the examples have one each")
	}
	for _, how := range []model.Options{
		{Clusters: []int{3, 7}, NInit: 2, MaxIter: 4, Standardize: true},
		{Clusters: []int{3, 7}, Init: model.Parallel, BatchSize: 20, MaxIter: 3},
	} {
		sameEverywhere(t, how)
	}
}

func sameEverywhere(t *testing.T, how model.Options) {
	t.Helper()
	input := threeClusters(t, 300)
	clusters, answers := found(t, input, 100, linear.Options{Shards: 3, UnitRows: 40, Workers: placement.InProcess}, how)
	if n := strings.Count(answers, "\n"); n != 301 || !strings.HasPrefix(answers, "id,cluster,distance\n") {
		t.Errorf("%d lines: %s", n, answers)
	}
	for i, v := range []struct {
		o         linear.Options
		chunkRows int
	}{
		{linear.Options{Shards: 3, UnitRows: 40, Workers: placement.InProcess, Threads: 1, CacheMemory: -1}, 17},
		{linear.Options{Shards: 3, UnitRows: 40, Workers: placement.Remote, Groups: 2, Passes: 3}, 60},
	} {
		c, a := found(t, input, v.chunkRows, v.o, how)
		if c != clusters {
			t.Errorf("%s, way %d: another model\n%s\n%s", how.Init, i, c, clusters)
		}
		if a != answers {
			t.Errorf("%s, way %d: other answers", how.Init, i)
		}
	}
}

// A file of centres is one of vectors, or a model.
func TestReadCenters(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	name := write(t, dir, "c.csv", "1,2\n3,4.5\n")
	if c, err := kmeans.ReadCenters(ctx, name); err != nil || c.Model != nil || fmt.Sprint(c.Rows) != "[[1 2] [3 4.5]]" {
		t.Errorf("%v, %v", c, err)
	}
	for name, want := range map[string]string{"none.json": "no file of that name", "none.npy": "none.npy"} {
		if _, err := kmeans.ReadCenters(ctx, filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Columns of centres are found by their names, as those of rows to predict are.
func TestCentersFor(t *testing.T) {
	ctx, name := context.Background(), write(t, t.TempDir(), "c.csv", "b,other,a\n1,0,2\n3,0,4.5\n")
	c, err := kmeans.ReadCenters(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if got, byNumber, err := c.For([]string{"a", "b"}); err != nil || byNumber || fmt.Sprint(got) != "[[2 1] [4.5 3]]" {
		t.Errorf("%v, %v, %v", got, byNumber, err)
	}
	if got, byNumber, err := c.For(nil); err != nil || !byNumber || fmt.Sprint(got) != "[[1 0 2] [3 0 4.5]]" {
		t.Errorf("%v, %v, %v", got, byNumber, err)
	}
	want := name + `: found no column "d" among the centres', expected the columns of the rows`
	if _, _, err := c.For([]string{"a", "d"}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
