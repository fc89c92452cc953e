package knn_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"beamlearn/model/formats"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// A pipeline that finds the nearest neighbour of every point of a file.
func Example() {
	dir, err := os.MkdirTemp("", "knn")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	points := filepath.Join(dir, "points.csv")
	if err := os.WriteFile(points, []byte("id,x,y\na,0,0\nb,3,4\nc,0,1\n"), 0o666); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	reading := vectorio.Options{Formats: formats.Options{IDColumn: "id"}}
	corpus, err := vectorio.Inspect(ctx, []string{points}, reading)
	if err != nil {
		log.Fatal(err)
	}
	job := &knn.Job{Corpus: corpus, Reading: reading,
		Options: knn.Options{K: 1, Destination: output.To(filepath.Join(dir, "neighbors.csv"))}}
	job.Options.EnsureDefaults()
	if err := job.Check(); err != nil {
		log.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	if err := knn.KNeighbors(s, job); err != nil {
		fmt.Println(err)
		return
	}
	if err := beamx.Run(ctx, p); err != nil {
		log.Fatal(err)
	}
	if err := knn.Clean(ctx, &job.Options); err != nil {
		log.Fatal(err)
	}
	out, err := os.ReadFile(job.Options.Output)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(out))
	// Output:
	// query_id,rank,neighbor_id,distance
	// a,1,c,1
	// b,1,c,4.242640687119285
	// c,1,a,1
}
