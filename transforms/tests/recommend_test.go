package tests

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	model "beamlearn/model/recommend"
	values "beamlearn/model/triples"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/recommend"
	"beamlearn/transforms/triples"
)

// recommended runs a job, and gives its outputs, its report and its counters.
func recommended(t *testing.T, dir string, chunkRows int, workers placement.Workers) (out string, r *recommend.Report) {
	t.Helper()
	ctx := t.Context()
	columns := triples.Columns{Row: "u", Column: "i", Value: "v", Time: "t"}
	j := &recommend.Job{Columns: columns, Options: recommend.Options{
		Duplicates: values.Last, Model: model.Options{K: 4, Shrinkage: 2}, Top: 3, Workers: workers,
		Compare: &model.Compared{Ks: []int{2, 5}, Shrinkages: []float64{2, 0},
			Holdout: model.Holdout{Part: 0.3, ByTime: true}}, Overview: true,
		Destination:     output.Destination{Output: filepath.Join(dir, "r.jsonl"), NumShards: 2},
		NeighborsOutput: filepath.Join(dir, "n.csv"),
	}}
	j.Options.EnsureDefaults()
	j.Reading.ChunkRows, j.Reading.SkipFaults = chunkRows, true
	if err := j.Inspect(ctx, []string{filepath.Join(dir, "x-*.csv")}); err != nil {
		t.Fatal(err)
	}
	p, s := beam.NewPipelineWithRoot()
	if err := recommend.Recommend(s, j); err != nil {
		t.Fatal(err)
	}
	result, err := ptest.RunWithMetrics(p)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = recommend.ReadReport(ctx, &j.Options); err != nil {
		t.Fatal(err)
	}
	if err := j.Options.Clean(ctx); err != nil {
		t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, c := range result.Metrics().AllMetrics().Counters() {
		counted[c.Name()] += c.Result()
	}
	for name, want := range map[string]int64{
		"users_answered": r.Answered, "recommendations": r.Recommendations, "rows_read": r.Rows, "rows_rejected": r.Rejected,
	} {
		if counted[name] != want || want == 0 {
			t.Errorf("the counter %s is %d, expected %d", name, counted[name], want)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	for _, name := range r.OutputFiles {
		out += read(t, name)
	}
	return out, r
}

// Workers in this process, or others that find the model in a file, and chunks of any size make the same bytes.
func TestRecommend(t *testing.T) {
	dir := t.TempDir()
	for file := range 3 {
		var b strings.Builder
		b.WriteString("u,i,v,t\n")
		for i := range 300 {
			fmt.Fprintf(&b, "user%d,%d,%d,2024-01-%02d\n", i*i%41, (i*7+file)%29*(i%3), i%6, 1+i*5%28)
		}
		fmt.Fprintf(&b, "user1,2,bad,2024-01-01\n")
		write(t, dir, fmt.Sprintf("x-%d.csv", file), b.String())
	}
	want, first := recommended(t, dir, 0, placement.InProcess)
	for _, c := range []struct {
		rows    int
		workers placement.Workers
	}{{7, placement.InProcess}, {64, placement.Remote}} {
		got, r := recommended(t, dir, c.rows, c.workers)
		if got != want || len(want) < 1000 {
			t.Errorf("%d rows, %d: other bytes", c.rows, c.workers)
		}
		for _, r := range []*recommend.Report{r, first} {
			r.Read, r.Compare, r.Fit, r.Score, r.Write, r.Assemble = 0, 0, 0, 0, 0, 0
		}
		if !reflect.DeepEqual(r, first) {
			t.Errorf("report %+v, expected %+v", r, first)
		}
	}
	if first.Rows != 900 || first.Rejected != 3 || first.Merged == 0 || first.Interactions+first.Merged != 900 ||
		len(first.Comparison.Recommender) != 5 || len(first.Overview.Examples) == 0 {
		t.Errorf("report %+v", first)
	}
}

// A column that cannot be what it is asked for is refused before rows are read.
func TestRecommendTypes(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]string{"i": "of the type list, expected ids", "v": "expected numbers",
		"t": "expected dates by ISO 8601, timestamps or numbers"} {
		row := strings.Replace(`{"u":1,"i":1,"v":1,"t":1}`, `"`+column+`":1`, `"`+column+`":[1,2]`, 1)
		file := write(t, t.TempDir(), "x.jsonl", row+"\n"+row+"\n")
		j := &recommend.Job{Columns: triples.Columns{Row: "u", Column: "i", Value: "v", Time: "t"}}
		if err := j.Inspect(t.Context(), []string{file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", column, err)
		}
	}
}

// A range survives its coder, which is the one that Beam has of it.
func FuzzRange(f *testing.F) {
	b, err := encode(recommend.Range{Ordinal: 1, First: 2, Rows: 3, Total: 9, Users: []uint32{4, 5, 6}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode[recommend.Range](b)
		if err != nil {
			return
		}
		again, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := decode[recommend.Range](again); err != nil || !reflect.DeepEqual(r.Users, s.Users) && len(r.Users)+
			len(s.Users) > 0 || s.First != r.First {
			t.Errorf("%+v became %+v, %v", r, s, err)
		}
	})
}
