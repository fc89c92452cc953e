package features_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"beamlearn/transforms/features"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// A table of a number and a category becomes columns of numbers.
func Example() {
	dir, err := os.MkdirTemp("", "features")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	table := filepath.Join(dir, "weather.csv")
	if err := os.WriteFile(table, []byte("degrees,sky\n20,clear\n14,rain\n17,clear\n"), 0o666); err != nil {
		panic(err)
	}

	ctx := context.Background()
	run := func(ctx context.Context, p *beam.Pipeline) error { return beamx.Run(ctx, p) }
	var reading vectorio.Options
	reading.Formats.Cells = true
	data, err := vectorio.Inspect(ctx, []string{table}, reading)
	if err != nil {
		panic(err)
	}
	fit := &features.Job{Data: data, Reading: reading, Dir: filepath.Join(dir, "passes"), Workers: placement.InProcess}
	encoding, _, err := features.Fit(ctx, fit, run)
	if err != nil {
		panic(err)
	}
	apply := &features.ApplyJob{Encoding: encoding, Reading: reading,
		Options: features.ApplyOptions{Destination: output.To(filepath.Join(dir, "x.csv"))}}
	apply.Data = data.Encoded(encoding, &apply.Reading)
	p, s := beam.NewPipelineWithRoot()
	if err := features.Apply(s, apply); err != nil {
		panic(err)
	}
	if err := run(ctx, p); err != nil {
		panic(err)
	}
	if err := apply.Clean(ctx); err != nil {
		panic(err)
	}
	out, err := os.ReadFile(apply.Options.Output)
	if err != nil {
		panic(err)
	}
	fmt.Print(string(out))
	// Output:
	// degrees,sky_clear,sky_rain
	// 20,1,0
	// 14,0,1
	// 17,1,0
}
