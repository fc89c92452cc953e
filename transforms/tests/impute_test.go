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

	model "beamlearn/model/neighbors/impute"
	"beamlearn/model/neighbors/vote"
	"beamlearn/transforms/impute"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// filled runs a job, and gives its output, its report, and its counters.
func filled(t *testing.T, dir string, queries []string, chunkRows int,
	workers placement.Workers) (string, *impute.Report, map[string]int64) {
	t.Helper()
	ctx := context.Background()
	j := &impute.Job{Reading: vectorio.Options{ChunkRows: chunkRows, SkipFaults: true}, Options: impute.Options{
		Options: model.Options{K: 3, Weights: vote.Distance}, Workers: workers,
		Destination: output.To(filepath.Join(t.TempDir(), "o.csv")),
	}}
	j.Reading.Formats.Unlabelled = true
	if err := j.Inspect(ctx, []string{filepath.Join(dir, "x.csv")}, queries); err != nil {
		t.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	if err := impute.Impute(s, j); err != nil {
		t.Fatal(err)
	}
	result, err := ptest.RunWithMetrics(p)
	if err != nil {
		t.Fatal(err)
	}
	counters := map[string]int64{}
	for _, c := range result.Metrics().AllMetrics().Counters() {
		counters[c.Namespace()+"."+c.Name()] += c.Result()
	}
	r, err := j.Report(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Clean(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(j.Options.Output), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	return read(t, j.Options.Output), r, counters
}

// The bytes are the same in this process and elsewhere, where the points go by a file, whatever is read at a time; rows
// at fault are left out, of points and of rows to fill. Prism now and then loses the last report of a bundle, so a
// counter that is too low gets two more tries.
func TestImpute(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: TestKMeansTrainOf and the examples have one each")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	dir := t.TempDir()
	lacking := 0
	for _, name := range []string{"x.csv", "q.csv"} {
		var b strings.Builder
		b.WriteString("a,name,b,c\n")
		for i := range 200 {
			if i == 60 {
				b.WriteString("x,bad,1,2\n")
			}
			cell := func() string {
				if rng.IntN(4) == 0 {
					if name == "q.csv" {
						lacking++
					}
					return ""
				}
				return fmt.Sprintf("%.3f", rng.NormFloat64())
			}
			fmt.Fprintf(&b, "%s,n%d,%s,%s\n", cell(), i, cell(), cell())
		}
		write(t, dir, name, b.String())
	}
	want := map[string]int64{"impute.imputers_built": 1, "impute.cells_filled": int64(lacking), "vectorio.rows_read": 200,
		"vectorio.rows_rejected": 1}
	for _, queries := range [][]string{{filepath.Join(dir, "q.csv")}, nil} {
		first := ""
		for _, workers := range []placement.Workers{placement.InProcess, placement.Remote} {
			for _, chunkRows := range []int{33, 1000} {
				for try := 0; ; try++ {
					got, r, counters := filled(t, dir, queries, chunkRows, workers)
					if first == "" {
						first = got
					}
					if got != first || strings.Count(got, "\n") != 201 {
						t.Fatalf("another output in chunks of %d rows, by workers %v", chunkRows, workers)
					}
					if queries == nil {
						break
					}
					if r.Points != 200 || r.Rows != 200 || r.Filled != int64(lacking) || r.Rejected != 2 {
						t.Fatalf("%+v, of %d", r, lacking)
					}
					low := ""
					for name, n := range want {
						if counters[name] > n || counters[name] < n && try == 2 {
							t.Errorf("%s: %d, expected %d", name, counters[name], n)
						} else if counters[name] < n {
							low = name
						}
					}
					if low == "" || try == 2 {
						break
					}
				}
			}
		}
	}
}
