package knn

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/neighbors/overview"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// What a page shows is the same by every way of the index to the workers; in process it counts each neighbour.
func TestOverview(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	const n, k = 203, 4
	ctx, dir := context.Background(), t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), csvOf(testPoints(n, 5), true, ","))}
	var expected *overview.Overview
	for i, o := range []Options{
		{Workers: placement.InProcess}, {Workers: placement.InProcess, SearchRows: 10},
		{Workers: placement.InProcess, Broadcast: File}, {Broadcast: SideInput}, {Workers: placement.InProcess, Recall: 0.5},
		{Broadcast: Shards, IndexMemory: 6000},
	} {
		o.K, o.Overview, o.Output = k, true, filepath.Join(dir, "n.csv")
		job := &Job{Reading: vectorio.Options{ChunkRows: 50}, Options: o}
		var err error
		if job.Corpus, err = vectorio.Inspect(ctx, input, job.Reading); err != nil {
			t.Fatal(err)
		}
		p, s := beam.NewPipelineWithRoot()
		if err := KNeighbors(s, job); err != nil {
			t.Fatal(err)
		}
		if err := ptest.Run(p); err != nil {
			t.Fatal(firstFault(err))
		}
		r, err := ReadReport(ctx, &job.Options)
		if err != nil {
			t.Fatal(err)
		}
		if expected == nil {
			expected = r.Overview
		}
		for j := range expected.Sample {
			if a := &expected.Sample[j]; o.Broadcast == Shards { // no worker has the points of the map
				a.Point, a.Near = nil, nil
			} else if a.Point == nil || len(a.Near) != k {
				t.Fatalf("%d: sampled query %d has %d bytes and %d neighbours for the map", i, j, len(a.Point), len(a.Near))
			}
		}
		sampled, sum := r.Overview.SampledHubs(n), int64(0)
		for _, h := range r.Overview.Often {
			sum += h.Count
		}
		if (sampled != nil) == (o.Workers == placement.InProcess) || sampled != nil && sum != n*k {
			t.Errorf("%d: sampled hubs %+v", i, sampled)
		}
		r.Overview.Often = nil
		if r.Overview == nil || r.Overview.Queries != n || !reflect.DeepEqual(r.Overview, expected) {
			t.Errorf("%d: the overview is another", i)
		}
		h := HubsOf(&job.Options)
		if (h != nil) != (o.Workers == placement.InProcess) {
			t.Errorf("%d: hubs %v", i, h)
		}
		if h != nil {
			sum := int64(0)
			for c, points := range h.Counts {
				sum += int64(c) * points
			}
			if sum != n*k || len(h.Top) == 0 {
				t.Errorf("%d: %d neighbours are counted, want %d", i, sum, n*k)
			}
		}
		if err := Clean(ctx, &job.Options); err != nil {
			t.Fatal(err)
		}
		if HubsOf(&job.Options) != nil {
			t.Errorf("%d: the counts are still there", i)
		}
	}
}
