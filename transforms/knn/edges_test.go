package knn

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/neighbors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// Queries of no rows give an answer of no rows, by every way, and in every format.
func TestNoQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), csvOf(testPoints(30, 2), true, ","))}
	csv := []string{writeFile(t, filepath.Join(dir, "q.csv"), []byte("x0,x1\n"))}
	npy := []string{writeFile(t, filepath.Join(dir, "q.npy"), emptyNPY(2))}
	nothing := []string{writeFile(t, filepath.Join(dir, "q.jsonl"), nil),
		writeFile(t, filepath.Join(dir, "r.jsonl"), []byte("\n \n"))}
	index := filepath.Join(dir, "x.index")
	mustBuild(t, input, vectorio.Options{}, Options{Index: index})
	for i, c := range []struct {
		output string
		o      Options
	}{
		{"n.csv", Options{K: 3}},
		{"n.jsonl", Options{K: 3, Workers: placement.InProcess}},
		{"n.parquet", Options{K: 3, Broadcast: File}},
		{"n.npy", Options{K: 3, Broadcast: SideInput}},
		{"n.csv", Options{K: 3, Destination: output.Destination{NumShards: 2}}},
		{"n.csv", Options{K: 3, Broadcast: Shards, IndexMemory: 1 << 20}},
		{"n.npy", Options{K: 3, Recall: 0.9}},
		{"n.csv", Options{K: 3, Recall: 0.9, IndexMemory: 1 << 20}},
	} {
		for j, queries := range [][]string{csv, npy, nothing} {
			if brief() && j != i%3 {
				continue
			}
			reading := vectorio.Options{}
			o := c.o
			o.Output = filepath.Join(dir, fmt.Sprint(i, j), c.output)
			if j == 1 {
				input[0] = writeFile(t, filepath.Join(dir, "x.npy"),
					npyOf(testPoints(30, 2), "<f8", func(v float64) float64 { return v }))
			} else {
				input[0] = filepath.Join(dir, "x.csv")
			}
			r := mustRun(t, input, queries, reading, o)
			if r.Queries != 0 || r.Neighbors != 0 {
				t.Errorf("%+v: report %+v", c, r)
			}
			if c.output == "n.csv" && o.NumShards == 0 {
				if got := read(t, o.Output); got != "query_id,rank,neighbor_id,distance\n" {
					t.Errorf("%+v: %q", c, got)
				}
			}
		}
	}
	o := Options{K: 3, Destination: output.To(filepath.Join(dir, "index.csv"))}
	for _, queries := range [][]string{csv, nothing} {
		if _, err := runPrebuilt(t, index, queries, vectorio.Options{}, o); err != nil {
			t.Error(firstFault(err))
		} else if got := read(t, o.Output); got != "query_id,rank,neighbor_id,distance\n" {
			t.Errorf("of an index: %q", got)
		}
	}
	// A shard of no rows among others is no query, and hides no fault of theirs.
	o.Output = filepath.Join(dir, "some.csv")
	some := writeFile(t, filepath.Join(dir, "a.csv"), []byte("x1,x0\n1,2\n"))
	if r, err := runPrebuilt(t, index, append([]string{some}, nothing...), vectorio.Options{}, o); err != nil ||
		r.Queries != 1 {
		t.Errorf("%v, report %+v", err, r)
	}
	wide := writeFile(t, filepath.Join(dir, "wide.npy"),
		npyOf(testPoints(4, 3), "<f8", func(v float64) float64 { return v }))
	for _, queries := range [][]string{append([]string{wide}, nothing...), append(nothing, wide)} {
		if _, err := runPrebuilt(t, index, queries, vectorio.Options{}, o); err == nil ||
			!strings.Contains(firstFault(err), "3 columns") {
			t.Errorf("queries of three columns: error %v", err)
		}
	}
}

// emptyNPY is an array of no rows.
func emptyNPY(dim int) []byte {
	one := npyOf(testPoints(1, dim), "<f8", func(v float64) float64 { return v })
	return bytes.Replace(one[:len(one)-8*dim], []byte("(1, "), []byte("(0, "), 1)
}

// A radius is judged by the metric of the index.
func TestRadiusOfAnIndex(t *testing.T) {
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), csvOf(testPoints(30, 2), true, ","))}
	for metric, want := range map[neighbors.Metric]string{neighbors.InnerProduct: "",
		neighbors.Manhattan: "radius -3: no manhattan distance is below 0"} {
		index := filepath.Join(dir, string(metric))
		mustBuild(t, input, vectorio.Options{}, Options{Index: index, Neighbors: neighbors.Options{Metric: metric}})
		radius := -3.0
		o := Options{Radius: &radius, Destination: output.To(filepath.Join(dir, string(metric)+".csv"))}
		_, err := runPrebuilt(t, index, nil, vectorio.Options{}, o)
		if (err == nil) != (want == "") || err != nil && firstFault(err) != want {
			t.Errorf("%s: %v", metric, err)
		}
	}
}

// Nothing is published of an index that was written to while the job had it mapped, but what is replaced as a whole is.
func TestIndexChanges(t *testing.T) {
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), csvOf(testPoints(300, 5), true, ","))}
	for name, change := range map[string]func(path string) error{
		"written": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			b[4200] ^= 4
			_, err = f.Write(b)
			return err
		},
		"replaced": func(path string) error {
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path+".new", b, 0o666)
			}
			if err == nil {
				err = os.Rename(path+".new", path)
			}
			return err
		},
	} {
		index := filepath.Join(dir, name, "x.index")
		mustBuild(t, input, vectorio.Options{}, Options{Index: index})
		ctx := context.Background()
		found, err := Inspect(ctx, index)
		if err != nil {
			t.Fatal(err)
		}
		job := &Job{Index: found, Options: Options{K: 3,
			Destination: output.To(filepath.Join(dir, name, "n.csv")), Neighbors: found.Options}}
		job.Options.EnsureDefaults()
		p, s := beam.NewPipelineWithRoot()
		if err := KNeighbors(s, job); err != nil {
			t.Fatal(err)
		}
		if _, _, err := loadIndex(ctx, job.Options.RunID, found.File.source(true)); err != nil { // as a worker does
			t.Fatal(err)
		}
		if err := change(index); err != nil {
			t.Fatal(err)
		}
		err = ptest.Run(p)
		if name == "replaced" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "written" && (err == nil || !strings.Contains(firstFault(err), "written to while it was in use")) {
			t.Errorf("%s: %v", name, err)
		}
		if _, e := os.Stat(job.Options.Output); (e == nil) != (name == "replaced") {
			t.Errorf("%s: the output: %v", name, e)
		}
		if err := Clean(ctx, &job.Options); err != nil {
			t.Fatal(err)
		}
	}
}

// Squares that leave float64's range do not make neighbours of the first rows.
func TestOverflow(t *testing.T) {
	dir := t.TempDir()
	x := [][]float64{{1e300, 1}, {-1e300, 2}, {5e299, 3}, {7e299, 4}}
	input := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(x, "<f8", func(v float64) float64 { return v }))}
	for i, o := range []Options{{K: 1}, {K: 1, Workers: placement.InProcess}, {K: 1, Broadcast: File},
		{K: 1, Broadcast: Shards, IndexMemory: 1 << 20}, {K: 1, Recall: 0.9}} {
		o.Output = filepath.Join(dir, fmt.Sprint(i), "n.csv")
		mustRun(t, input, nil, vectorio.Options{}, o)
		if got := read(t, o.Output); !strings.Contains(got, "\n2,1,3,2e+299\n") || !strings.Contains(got, "\n0,1,3,3") {
			t.Errorf("%+v: %s", o, got)
		}
		o.Output = filepath.Join(dir, fmt.Sprint(i), "squares.csv")
		o.Neighbors.Metric = neighbors.SqEuclidean
		if _, _, err := run(t, input, nil, vectorio.Options{}, o); err == nil ||
			!strings.Contains(firstFault(err), "beyond the greatest number") {
			t.Errorf("%+v: squares: %v", o, err)
		}
	}
}
