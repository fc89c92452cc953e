package eigen_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	model "beamlearn/model/eigen"
	"beamlearn/transforms/eigen"
	"beamlearn/transforms/internal/beamtest"
	"beamlearn/transforms/output"
)

func TestMain(m *testing.M) { beamtest.Main(m) }

// The first principal component of a table, and its rows along it.
func Example() {
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
