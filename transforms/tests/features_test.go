package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	model "beamlearn/model/features"
	"beamlearn/model/tables"
	"beamlearn/transforms/features"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// A table of a number and a category becomes columns of numbers.
func Example_features() {
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

// count adds up the counters of a run.
func count(counters map[string]int64, of metrics.Results) {
	for _, c := range of.AllMetrics().Counters() {
		counters[c.Namespace()+"."+c.Name()] += c.Result()
	}
}

// encoded fits an encoding to a table, which it writes and reads again, and applies that: the output, the report, and
// the counters.
func encoded(t *testing.T, input string, chunkRows int,
	workers placement.Workers) (string, *features.ApplyReport, map[string]int64) {
	t.Helper()
	ctx, dir, counters := context.Background(), t.TempDir(), map[string]int64{}
	run := func(_ context.Context, p *beam.Pipeline) error {
		result, err := ptest.RunWithMetrics(p)
		if err == nil {
			count(counters, result.Metrics())
		}
		return err
	}
	reading := vectorio.Options{ChunkRows: chunkRows, SkipFaults: true}
	reading.Formats.Cells, reading.Formats.TargetColumn = true, "t"
	data, err := vectorio.Inspect(ctx, []string{input}, reading)
	if err != nil {
		t.Fatal(err)
	}
	e, report, err := features.Fit(ctx, &features.Job{
		Data: data, Reading: reading, Options: model.Options{TFIDF: true, Text: []string{"s"}, HashBits: 6},
		Dir: filepath.Join(dir, "look"), Workers: workers,
	}, run)
	if err != nil {
		t.Fatal(err)
	}
	if *report != (features.Report{Rows: 90, NoTarget: 10}) {
		t.Errorf("fitted on %+v", *report)
	}
	name := filepath.Join(dir, "e.json")
	if err := features.Write(ctx, name, e); err != nil {
		t.Fatal(err)
	}
	j := &features.ApplyJob{Reading: reading, Options: features.ApplyOptions{Target: "t",
		Destination: output.To(filepath.Join(dir, "x.csv")),
		Workers:     workers}}
	if j.Encoding, err = features.Read(ctx, name); err != nil {
		t.Fatal(err)
	}
	j.Data = data.Encoded(j.Encoding, &j.Reading)
	p, s := beam.NewPipelineWithRoot()
	if err := features.Apply(s, j); err != nil {
		t.Fatal(err)
	}
	if err := run(ctx, p); err != nil {
		t.Fatal(err)
	}
	applied, err := j.Report(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Clean(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(j.Options.Output)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), applied, counters
}

// An encoding that went through a file makes the same bytes of rows, whatever is read at a time and wherever, and
// each row is counted once by each pass. Prism now and then loses the last report of a bundle, so a counter that is
// too low gets two more tries.
func TestFeatures(t *testing.T) {
	var b strings.Builder
	b.WriteString("n,s,t\n")
	for i := range 100 {
		target := fmt.Sprint(i % 3)
		if i%10 == 9 {
			target = ""
		}
		fmt.Fprintf(&b, "%d,word%d other%d,%s\n", i, i%5, i%2, target)
	}
	input := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(input, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"features.rows_surveyed": 180, "features.rows_encoded": 90} // surveyed twice, for tf-idf
	first, low := "", true
	for try := 1; try <= 3 && (low || try < 3); try++ {
		chunkRows, workers := []int{7, 1000, 30}[try-1],
			[]placement.Workers{placement.InProcess, placement.Remote, placement.Remote}[try-1]
		text, report, counters := encoded(t, input, chunkRows, workers)
		if first == "" {
			first = text
		}
		if text != first || strings.Count(text, "\n") != 91 || !strings.HasPrefix(text, "t,n,s#0,") {
			t.Errorf("%d rows at a time, workers %v: %.200s", chunkRows, workers, text)
		}
		if report.Rows != 90 || report.NoTarget != 10 || report.Features != 65 || report.Nonzero == 0 ||
			report.Unknown != nil {
			t.Errorf("report %+v", report)
		}
		low = false
		for name, n := range want {
			if counters[name] > n || counters[name] < n && try == 3 {
				t.Errorf("counter %s = %d, want %d", name, counters[name], n)
			}
			low = low || counters[name] < n
		}
	}
}

// An interrupted pipeline, which goes on in this process, leaves no result behind.
func TestFeaturesInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "look")
	input := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(input, []byte("a,b\n1,x\n2,y\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var reading vectorio.Options
	reading.Formats.Cells = true
	data, err := vectorio.Inspect(ctx, []string{input}, reading)
	if err != nil {
		t.Fatal(err)
	}
	var interrupted *beam.Pipeline
	interrupt := func(_ context.Context, p *beam.Pipeline) error {
		interrupted = p
		return context.Canceled
	}
	j := &features.Job{Data: data, Reading: reading, Dir: dir, Workers: placement.InProcess}
	if _, _, err := features.Fit(ctx, j, interrupt); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := ptest.Run(interrupted); err == nil {
		t.Error("the run is over, and a result was written")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

// Faults of the options are told at once, and workers read no file but those of the input.
func TestFeaturesOptions(t *testing.T) {
	t.Parallel()
	s, err := model.NewSurvey([]tables.Field{{Name: "a"}}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := &tables.Table{Columns: []tables.Column{{Field: tables.Field{Name: "a"}, Numbers: []float64{1, 2}}}}
	if err := s.Add(rows); err != nil {
		t.Fatal(err)
	}
	e, err := s.Encoding()
	if err != nil {
		t.Fatal(err)
	}
	j := &features.ApplyJob{Encoding: e, Options: features.ApplyOptions{Threads: -1, Workers: placement.InProcess,
		Destination: output.To(filepath.Join(t.TempDir(), "x.csv"))}}
	j.Reading.Formats.Cells = true
	input := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(input, []byte("a\n1\n2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	data, err := vectorio.Inspect(t.Context(), []string{input}, j.Reading)
	if err != nil {
		t.Fatal(err)
	}
	j.Data = data.Encoded(e, &j.Reading)
	_, scope := beam.NewPipelineWithRoot()
	if err := features.Apply(scope, j); err == nil || !strings.Contains(err.Error(), "threads -1: must be at least 1") {
		t.Errorf("threads -1: %v", err)
	}
	if err := j.Check(); err == nil || !strings.Contains(err.Error(), "threads -1: must be at least 1") {
		t.Errorf("threads -1, checked: %v", err)
	}
	j.Options.Threads = 1
	if err := features.Apply(scope, j); err != nil {
		t.Fatal(err)
	}
	if len(j.Reading.Roots) != 1 || !strings.HasPrefix(input, j.Reading.Roots[0]) {
		t.Errorf("workers read below %q", j.Reading.Roots)
	}
}
