package tests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	model "beamlearn/model/eigen"
	"beamlearn/model/linear"
	"beamlearn/transforms/eigen"
	"beamlearn/transforms/output"
)

// The first principal component of a table, and its rows along it.
func Example_eigen() {
	dir, err := os.MkdirTemp("", "eigen")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	table := filepath.Join(dir, "points.csv")
	if err := os.WriteFile(table, []byte("x,y\n-3,-4\n0,0\n3,4\n"), 0o666); err != nil {
		panic(err)
	}

	ctx := context.Background()
	run := func(ctx context.Context, p *beam.Pipeline) error { return beamx.Run(ctx, p) }
	j := &eigen.Job{Options: eigen.Options{Destination: output.To(filepath.Join(dir, "projected.csv"))}}
	if j.Data, err = j.Inspect(ctx, []string{table}, 0); err != nil {
		panic(err)
	}
	j.Options.EnsureDefaults()
	pca, err := eigen.Fit(ctx, j, model.Options{Components: 1}, run)
	if err != nil {
		panic(err)
	}
	p, s := beam.NewPipelineWithRoot()
	if err := eigen.Project(ctx, s, j, pca); err != nil {
		panic(err)
	}
	if err := run(ctx, p); err != nil {
		panic(err)
	}
	if err := j.Clean(ctx); err != nil {
		panic(err)
	}
	out, err := os.ReadFile(j.Options.Output)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.1f\n%s", pca.Components[0], out)
	// Output:
	// [0.6 0.8]
	// id,pca0
	// 0,-5
	// 1,0
	// 2,5
}

func FuzzSummand(f *testing.F) {
	for _, s := range []eigen.Summand{{}, {Node: linear.Node{Level: 3, Index: 7}, Partial: []byte("sums")}} {
		b, err := encode(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decode[eigen.Summand](b)
		if err != nil {
			return
		}
		again, err := encode(s)
		if err != nil {
			t.Fatal(err)
		}
		u, err := decode[eigen.Summand](again)
		if err != nil || u.Node != s.Node || string(u.Partial) != string(s.Partial) {
			t.Errorf("%+v became %+v, %v", s, u, err)
		}
	})
}
