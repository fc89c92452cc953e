package knn_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/knn"
)

func init() {
	beam.RegisterDoFn(&pairFn{})
	beam.RegisterDoFn(&keepFn{})
}

// pairFn makes a pair of a vector.
type pairFn struct{}

func (*pairFn) ProcessElement(v vectors.Vector) (string, []float32) { return v.ID, v.Values }

// answersOf keeps what pipelines of this process have found, by their names.
var answersOf struct {
	sync.Mutex
	all map[string]map[string]string
}

type keepFn struct{ Name string }

func (f *keepFn) ProcessElement(a knn.Nearest) {
	answersOf.Lock()
	defer answersOf.Unlock()
	if answersOf.all == nil {
		answersOf.all = map[string]map[string]string{}
	}
	if answersOf.all[f.Name] == nil {
		answersOf.all[f.Name] = map[string]string{}
	}
	answersOf.all[f.Name][a.ID] += fmt.Sprint(a.Neighbors, a.Distances)
}

// vectorsIn are rows whose ids are their numbers, in any order.
func vectorsIn(n, dim int, seed uint64) []vectors.Vector {
	r := rand.New(rand.NewPCG(seed, 1))
	rows := make([]vectors.Vector, n)
	for i := range rows {
		rows[i].ID = strconv.Itoa(i)
		for range dim {
			rows[i].Values = append(rows[i].Values, float32(r.IntN(4))) // many are equally near
		}
	}
	r.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

// inOrder is the block of rows whose ids are their numbers.
func inOrder(t *testing.T, rows []vectors.Vector) *vectors.Block {
	t.Helper()
	sorted := make([]vectors.Vector, len(rows))
	for _, v := range rows {
		i, err := strconv.Atoi(v.ID)
		if err != nil {
			t.Fatal(err)
		}
		sorted[i] = v
	}
	b := &vectors.Block{Dim: len(rows[0].Values)}
	for i, v := range sorted {
		if b.Append32(v.Values, int64(i)) >= 0 {
			t.Fatal(v)
		}
	}
	return b
}

// runOf finds neighbours in a pipeline.
func runOf(t *testing.T, points, queries []vectors.Vector, pairs bool, o *knn.OfOptions) (map[string]string, error) {
	t.Helper()
	o.Staging = t.TempDir()
	p, s := beam.NewPipelineWithRoot()
	collection := func(rows []vectors.Vector) beam.PCollection {
		c := beam.Reshuffle(s, beam.CreateList(s, rows))
		if pairs {
			c = beam.ParDo(s, &pairFn{}, c)
		}
		return c
	}
	var of beam.PCollection
	if queries != nil {
		of = collection(queries)
	}
	found, err := knn.Of(s, collection(points), of, o)
	if err != nil {
		return nil, err
	}
	beam.ParDo0(s, &keepFn{Name: o.RunID}, found)
	err = beamx.Run(context.Background(), p)
	if e := knn.CleanOf(context.Background(), o); e != nil {
		t.Error(e)
	}
	if left, e := filepath.Glob(filepath.Join(o.Staging, ".*")); e != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, e)
	}
	answersOf.Lock()
	defer answersOf.Unlock()
	return answersOf.all[o.RunID], err
}

// TestOf compares the answers in a pipeline with those in memory, over rows in the order of their ids.
func TestOf(t *testing.T) {
	t.Parallel()
	points, queries := vectorsIn(3000, 3, 1), vectorsIn(1500, 3, 2)
	radius := 1.0
	for _, c := range []struct {
		name  string
		o     knn.OfOptions
		self  bool
		pairs bool
	}{
		{"queries", knn.OfOptions{K: 5}, false, false},
		{"pairs", knn.OfOptions{K: 5, Neighbors: neighbors.Options{Metric: neighbors.Manhattan}}, false, true},
		{"self", knn.OfOptions{K: 5}, true, false},
		{"radius", knn.OfOptions{Radius: &radius, K: 7}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			asked := queries
			if c.self {
				asked = nil
			}
			got, err := runOf(t, points, asked, c.pairs, &c.o)
			if err != nil {
				t.Fatal(err)
			}
			index, err := neighbors.Fit(inOrder(t, points), c.o.Neighbors)
			if err != nil {
				t.Fatal(err)
			}
			rows := inOrder(t, queries)
			if c.self {
				rows = inOrder(t, points)
			}
			want, err := index.KNeighbors(rows, c.o.K, neighbors.Search{Self: c.self})
			if err != nil {
				t.Fatal(err)
			}
			if c.o.Radius != nil {
				want = want.Nearer(radius)
			}
			if len(got) != rows.Len() {
				t.Fatalf("%d answers, want %d", len(got), rows.Len())
			}
			for i := range rows.Len() {
				positions, distances := want.Of(i)
				if w := fmt.Sprint(positions, distances); got[strconv.Itoa(i)] != w {
					t.Fatalf("query %d: %s, want %s", i, got[strconv.Itoa(i)], w)
				}
			}
		})
	}
}

// Several transforms of one pipeline may have the same options: each answers by its own points.
func TestOfTwice(t *testing.T) {
	t.Parallel()
	o := &knn.OfOptions{K: 1, Staging: t.TempDir()}
	p, s := beam.NewPipelineWithRoot()
	for _, id := range []string{"a", "b"} {
		points := beam.CreateList(s, []vectors.Vector{{ID: id, Values: []float32{1}}})
		found, err := knn.Of(s, points, beam.CreateList(s, []vectors.Vector{{ID: "q", Values: []float32{3}}}), o)
		if err != nil {
			t.Fatal(err)
		}
		beam.ParDo0(s, &keepFn{Name: o.RunID + id}, found)
	}
	if err := beamx.Run(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	if err := knn.CleanOf(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	answersOf.Lock()
	defer answersOf.Unlock()
	for _, id := range []string{"a", "b"} {
		if got, want := answersOf.all[o.RunID+id]["q"], "["+id+"] [2]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestOfIDs answers by ids that are text, and puts them behind numbers.
func TestOfIDs(t *testing.T) {
	t.Parallel()
	points := []vectors.Vector{{ID: "b", Values: []float32{1}}, {ID: "01", Values: []float32{1}},
		{ID: "10", Values: []float32{1}}, {ID: "9", Values: []float32{1}}}
	got, err := runOf(t, points, []vectors.Vector{{ID: "q", Values: []float32{3}}}, false, &knn.OfOptions{K: 4})
	if want := "[9 10 01 b] [2 2 2 2]"; err != nil || len(got) != 1 || got["q"] != want {
		t.Errorf("%v, want %s, %v", got, want, err)
	}
}

func TestOfFaults(t *testing.T) {
	t.Parallel()
	some := []vectors.Vector{{ID: "a", Values: []float32{0, 1}}, {ID: "b", Values: []float32{2, 1}}}
	with := func(v vectors.Vector) []vectors.Vector { return append([]vectors.Vector{v}, some...) }
	for _, c := range []struct {
		name            string
		points, queries []vectors.Vector
		o               knn.OfOptions
		want            string
	}{
		{"NaN", with(vectors.Vector{ID: "c", Values: []float32{1, float32(math.NaN())}}), nil, knn.OfOptions{K: 1},
			`the vector "c": value 1: found NaN, expected a finite number`},
		{"no id", with(vectors.Vector{Values: []float32{1, 2}}), nil, knn.OfOptions{K: 1},
			`the vector "": found no id, expected one`},
		{"length", some, []vectors.Vector{{ID: "q", Values: []float32{1}}}, knn.OfOptions{K: 1},
			`the vector "q": found 1 values, expected 2, as others have`},
		{"empty", some, []vectors.Vector{{ID: "q"}}, knn.OfOptions{K: 1}, `the vector "q": found no values, expected some`},
		{"k", some, nil, knn.OfOptions{K: 2},
			"k = 2: must be less than the number of points, 2, as no point is its own neighbour"},
		{"domain", some, []vectors.Vector{{ID: "q", Values: []float32{2, 1}}},
			knn.OfOptions{K: 1, Neighbors: neighbors.Options{Metric: neighbors.Haversine}},
			`the vector "b": value 0: found 2, expected`},
		{"options", some, nil, knn.OfOptions{}, "knn.Of: one of k and radius is needed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := runOf(t, c.points, c.queries, false, &c.o)
			if err == nil {
				t.Fatal("no error")
			}
			text := err.Error()
			if marked := fault.Find(text); len(marked) > 0 {
				text = marked[0]
			}
			if !strings.HasPrefix(text, c.want) {
				t.Errorf("%s, want %s", text, c.want)
			}
		})
	}
	_, s := beam.NewPipelineWithRoot()
	o := &knn.OfOptions{K: 1, Staging: t.TempDir()}
	rows := beam.CreateList(s, some)
	if _, err := knn.Of(s, beam.WindowInto(s, window.NewFixedWindows(time.Minute), rows), rows, o); err == nil ||
		!strings.Contains(err.Error(), "the points are in windows (") {
		t.Error(err)
	}
	if _, err := knn.Of(s, rows, beam.CreateList(s, []string{"a"}), o); err == nil ||
		err.Error() != "knn.Of: the queries are a PCollection<string>: it must be of vectors.Vector, or of KV<string, "+
			"[]float32>" {
		t.Error(err)
	}
	if _, err := knn.Of(s, beam.PCollection{}, rows, o); err == nil || err.Error() != "knn.Of: no collection of points" {
		t.Error(err)
	}
}

// Vectors of a pipeline, which need not come from files, and their nearest others.
func ExampleOf() {
	dir, err := os.MkdirTemp("", "knn")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	p, s := beam.NewPipelineWithRoot()
	points := beam.Create(s, vectors.Vector{ID: "a", Values: []float32{0, 0}},
		vectors.Vector{ID: "b", Values: []float32{3, 4}})
	queries := beam.Create(s, vectors.Vector{ID: "q", Values: []float32{3, 3}})
	o := &knn.OfOptions{K: 1, Staging: dir}
	nearest, err := knn.Of(s, points, queries, o)
	if err != nil {
		panic(err)
	}
	beam.ParDo0(s, &printFn{}, nearest)
	if err := beamx.Run(context.Background(), p); err != nil {
		panic(err)
	}
	if err := knn.CleanOf(context.Background(), o); err != nil {
		panic(err)
	}
	// Output: q [b] [1]
}

func init() { beam.RegisterDoFn(&printFn{}) }

type printFn struct{}

func (*printFn) ProcessElement(n knn.Nearest) { fmt.Println(n.ID, n.Neighbors, n.Distances) }
