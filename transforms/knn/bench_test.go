package knn

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// BenchmarkJob runs the whole job, file to file, on 50,000 gaussian points of 128 columns, and the kernel alone on
// the same points in memory. overhead-ms is the difference: start, reading, building, the side input, writing.
func BenchmarkJob(b *testing.B) {
	const n, dim, k = 50_000, 128, 10
	r := rand.New(rand.NewPCG(1, 128))
	x := make([][]float64, n)
	for i := range x {
		x[i] = make([]float64, dim)
		for j := range x[i] {
			x[i][j] = r.NormFloat64()
		}
	}
	dir := b.TempDir()
	input := filepath.Join(dir, "x.npy")
	if err := os.WriteFile(input, npyOf(x, "<f4", to[float32]), 0o666); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	var job, kernel time.Duration
	for b.Loop() {
		start := time.Now()
		j := &Job{Options: Options{K: k, Destination: output.To(filepath.Join(dir, "n.csv")), SearchRows: SearchRowsOf(k)}}
		var err error
		if j.Corpus, err = vectorio.Inspect(ctx, []string{input}, j.Reading); err != nil {
			b.Fatal(err)
		}
		p, s := beam.NewPipelineWithRoot()
		if err := KNeighbors(s, j); err != nil {
			b.Fatal(err)
		}
		if err := ptest.Run(p); err != nil {
			b.Fatal(err)
		}
		if err := Clean(ctx, &j.Options); err != nil {
			b.Fatal(err)
		}
		job += time.Since(start)

		b.StopTimer()
		points, err := formats.Load(ctx, formats.Options{}, input)
		if err != nil {
			b.Fatal(err)
		}
		index, err := neighbors.Fit(points, neighbors.Options{})
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if _, err := index.KNeighbors(points, k, neighbors.Search{Self: true}); err != nil {
			b.Fatal(err)
		}
		kernel += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(kernel.Milliseconds())/float64(b.N), "kernel-ms")
	b.ReportMetric(float64((job-kernel).Milliseconds())/float64(b.N), "overhead-ms")
}
