package knn

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/results"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// graphs are scikit-learn's (testdata/graphs.py). The entries of a row are pairs of a column and a value.
type graphs struct {
	Points [][]float64
	K      int
	Radius float64
	Graphs map[string][][][2]float64
	Labels []int
	// Mutuals are the groups of mutual neighbours: all, and those within the radius.
	Mutuals map[string][]int

	Diameters []struct { // groups within a diameter
		Metric           neighbors.Metric
		Radius, Diameter float64
		Cut              int64
		Labels           []int
	}
}

func readGraphs(t *testing.T) *graphs {
	t.Helper()
	b, err := os.ReadFile("testdata/graphs.json")
	if err != nil {
		t.Fatal(err)
	}
	g := &graphs{}
	if err := json.Unmarshal(b, g); err != nil {
		t.Fatal(err)
	}
	return g
}

// parseMTX reads a graph of Matrix Market: its shape, and the entries of its rows in their order.
func parseMTX(t *testing.T, text string) (shape [3]int, rows [][][2]float64) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if _, err := fmt.Sscan(lines[1], &shape[0], &shape[1], &shape[2]); err != nil {
		t.Fatal(err, lines[1])
	}
	rows = make([][][2]float64, shape[0])
	for _, line := range lines[2:] {
		f := strings.Fields(line)
		v := 1.0
		if len(f) == 3 {
			var err error
			if v, err = strconv.ParseFloat(f[2], 64); err != nil {
				t.Fatal(err)
			}
		}
		i, iErr := strconv.Atoi(f[0])
		j, jErr := strconv.Atoi(f[1])
		if iErr != nil || jErr != nil {
			t.Fatal(line)
		}
		rows[i-1] = append(rows[i-1], [2]float64{float64(j - 1), v})
	}
	return shape, rows
}

// checkRows compares the rows of a graph, and their order; distances to within an ulp or two of scikit-learn's sums.
func checkRows(t *testing.T, got, want [][][2]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, expected %d", len(got), len(want))
	}
	for i := range want {
		same := len(got[i]) == len(want[i])
		for j := 0; same && j < len(want[i]); j++ {
			g, w := got[i][j], want[i][j]
			same = g[0] == w[0] && math.Abs(g[1]-w[1]) <= 4e-16*w[1]
		}
		if !same {
			t.Errorf("row %d: %v, expected %v", i, got[i], want[i])
		}
	}
}

// withSelfFirst puts each point in front of its row.
func withSelfFirst(rows [][][2]float64, value float64) (all [][][2]float64) {
	for i, r := range rows {
		all = append(all, append([][2]float64{{float64(i), value}}, r...))
	}
	return all
}

func ones(rows [][][2]float64) (all [][][2]float64) {
	for _, r := range rows {
		var row [][2]float64
		for _, e := range r {
			row = append(row, [2]float64{e[0], 1})
		}
		all = append(all, row)
	}
	return all
}

// Graphs are those of scikit-learn's kneighbors_graph and radius_neighbors_graph, in the order of (distance, number).
func TestGraphs(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	g := readGraphs(t)
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(g.Points, "<f8", to[float64]))}
	// A row with itself: the point first, then its duplicates, where scikit-learn has all of distance 0 by their numbers.
	radiusSelf := withSelfFirst(g.Graphs["radius distance"], 0)
	for i, r := range g.Graphs["radius self distance"] {
		if len(r) != len(radiusSelf[i]) {
			t.Fatalf("row %d with itself has %d entries, %d without", i, len(r), len(radiusSelf[i]))
		}
	}
	for name, c := range map[string]struct {
		o    Options
		want [][][2]float64
	}{
		"k":                   {Options{K: g.K}, g.Graphs["k"]},
		"k connectivity":      {Options{K: g.K, Connectivity: true}, ones(g.Graphs["k"])},
		"k self":              {Options{K: g.K, IncludeSelf: true}, withSelfFirst(g.Graphs["k"], 0)},
		"radius":              {Options{Radius: &g.Radius}, g.Graphs["radius distance"]},
		"radius connectivity": {Options{Radius: &g.Radius, Connectivity: true}, ones(g.Graphs["radius distance"])},
		"radius self":         {Options{Radius: &g.Radius, IncludeSelf: true}, radiusSelf},
		"radius union":        {Options{Radius: &g.Radius, Symmetric: neighbors.Union}, g.Graphs["radius distance"]},
		"union":               {Options{K: g.K, Symmetric: neighbors.Union}, g.Graphs["union"]},
		"mutual":              {Options{K: g.K, Symmetric: neighbors.Mutual}, g.Graphs["mutual"]},
		"union connectivity":  {Options{K: g.K, Symmetric: neighbors.Union, Connectivity: true}, ones(g.Graphs["union"])},
		"mutual self": {Options{K: g.K, Symmetric: neighbors.Mutual, IncludeSelf: true},
			withSelfFirst(g.Graphs["mutual"], 0)},
	} {
		c.o.Output = filepath.Join(dir, name+".mtx")
		r := mustRun(t, input, nil, vectorio.Options{}, c.o)
		shape, rows := parseMTX(t, read(t, c.o.Output))
		edges := 0
		for _, r := range c.want {
			edges += len(r)
		}
		if shape != [3]int{len(g.Points), len(g.Points), edges} {
			t.Errorf("%s: shape %v of %d edges", name, shape, edges)
		}
		checkRows(t, rows, c.want)
		if c.o.symmetric() && !c.o.IncludeSelf && r.Edges != int64(edges) {
			t.Errorf("%s: %d edges reported, expected %d", name, r.Edges, edges)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// The bytes of a graph are the same by every way of the index, however the rows are cut, and with ids that are texts.
func TestGraphWays(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points := testPoints(203, 3)
	dir := t.TempDir()
	numbers := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(points, "<f8", to[float64]))}
	var named strings.Builder
	named.WriteString("name,a,b,c\n")
	for i, p := range points {
		fmt.Fprintf(&named, "point %d,%v,%v,%v\n", i, p[0], p[1], p[2])
	}
	texts := []string{writeFile(t, filepath.Join(dir, "x.csv"), []byte(named.String()))}
	byName := vectorio.Options{Formats: formats.Options{IDColumn: "name"}}
	first := map[string]string{}
	for i, way := range []Options{
		{Workers: placement.InProcess}, {Broadcast: SideInput, SearchRows: 7}, {Broadcast: File, SearchRows: 50},
		{Broadcast: Shards, IndexMemory: 8000}, {Recall: 1}, {Recall: 0.99, IndexMemory: 200 << 10},
	} {
		for kind, o := range map[string]Options{
			"k.npz": {K: 4}, "union.npz": {K: 4, Symmetric: neighbors.Union, IncludeSelf: true},
			"mutual.csv": {K: 4, Symmetric: neighbors.Mutual, Form: results.Edges},
		} {
			if kind != "union.npz" && i != 1 && i != 3 {
				continue // which goes the other's way to its end
			}
			o.Workers, o.Broadcast, o.SearchRows = way.Workers, way.Broadcast, way.SearchRows
			o.IndexMemory, o.Recall = way.IndexMemory, way.Recall
			for n, by := range []string{"numbers", "texts"} {
				if n != i%2 && (brief() || i > 1) {
					continue
				}
				input, reading := numbers, vectorio.Options{ChunkRows: 60}
				if by == "texts" {
					input, reading = texts, byName
				}
				o.Output = filepath.Join(dir, fmt.Sprint(by, i, kind))
				mustRun(t, input, nil, reading, o)
				got := read(t, o.Output)
				if by == "texts" {
					got = strings.ReplaceAll(got, "point ", "") // what .csv has
				}
				if first[kind] == "" {
					first[kind] = got
				}
				if got != first[kind] {
					t.Errorf("%s by %+v, %s: other bytes", kind, way, by)
				}
			}
		}
	}
}

// npzOf reads the members of a graph.
func npzOf(t *testing.T, name string) (shape []int64, indptr, indices []int32, data []float64) {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	member := func(name string, v any) {
		f, err := z.Open(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := binary.Read(bytes.NewReader(b[128:]), binary.LittleEndian, v); err != nil {
			t.Fatal(name, err)
		}
	}
	shape = make([]int64, 2)
	member("shape", shape)
	indptr = make([]int32, shape[0]+1)
	member("indptr", indptr)
	indices, data = make([]int32, indptr[shape[0]]), make([]float64, indptr[shape[0]])
	member("indices", indices)
	member("data", data)
	return shape, indptr, indices, data
}

// Rows and columns are the rows of the input: one that was left out has an empty row and an empty column. Queries
// have rows of their own, and points the columns.
func TestGraphShape(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	dir := t.TempDir()
	points := writeFile(t, filepath.Join(dir, "x.csv"), []byte("a,b\n0,0\n1,1\nbad,2\n0,2\n5,5\nbad,0\n"))
	queries := writeFile(t, filepath.Join(dir, "q.csv"), []byte("a,b\nbad,1\n5,4\n"))
	none := writeFile(t, filepath.Join(dir, "none.csv"), []byte("a,b\n"))
	reading := vectorio.Options{SkipFaults: true}
	index := filepath.Join(dir, "x.index")
	mustBuild(t, []string{points}, reading, Options{Index: index})
	for _, c := range []struct {
		name    string
		queries []string
		o       Options
		want    string
	}{
		{"points", nil, Options{K: 1}, "[6 6] [0 1 2 2 3 4 4] [1 0 1 1]"},
		{"mutual", nil, Options{K: 1, Symmetric: neighbors.Mutual}, "[6 6] [0 1 2 2 2 2 2] [1 0]"},
		{"queries", []string{queries}, Options{K: 2}, "[2 6] [0 0 2] [4 1]"},
		{"shards", []string{queries}, Options{K: 2, Broadcast: Shards, IndexMemory: 400}, "[2 6] [0 0 2] [4 1]"},
		{"recall", []string{queries}, Options{K: 2, Recall: 1}, "[2 6] [0 0 2] [4 1]"},
		{"no queries", []string{none}, Options{K: 2}, "[0 6] [0] []"},
		{"no queries by recall", []string{none}, Options{K: 2, Recall: 0.9}, "[0 6] [0] []"},
	} {
		c.o.Output = filepath.Join(dir, c.name+".npz")
		mustRun(t, []string{points}, c.queries, reading, c.o)
		shape, indptr, indices, _ := npzOf(t, c.o.Output)
		if got := fmt.Sprint(shape, indptr, indices); got != c.want {
			t.Errorf("%s: %s, expected %s", c.name, got, c.want)
		}
		if c.o.Broadcast != "" || c.o.Recall != 0 {
			continue
		}
		c.o.Output = filepath.Join(dir, c.name+" by index.npz")
		if _, err := runPrebuilt(t, index, c.queries, reading, c.o); err != nil {
			t.Fatal(firstFault(err))
		}
		shape, indptr, indices, _ = npzOf(t, c.o.Output)
		if got := fmt.Sprint(shape, indptr, indices); got != c.want {
			t.Errorf("%s, by an index that was kept: %s, expected %s", c.name, got, c.want)
		}
	}
}

// What a graph cannot be is said before the job begins.
func TestGraphRefused(t *testing.T) {
	dir := t.TempDir()
	points := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(testPoints(9, 2), "<f8", to[float64]))}
	inner := neighbors.Options{Metric: neighbors.InnerProduct}
	for _, c := range []struct {
		queries []string
		o       Options
		want    string
	}{
		{points, Options{K: 1, IncludeSelf: true}, "include_self is of points that are the queries"},
		{points, Options{K: 1, Symmetric: neighbors.Union}, "symmetric union is of the graph of the points"},
		{nil, Options{K: 1, Symmetric: "both"}, `symmetric "both": must be one of none, union, mutual`},
		{nil, Options{K: 1, Destination: output.Destination{NumShards: 2}},
			"number of shards 2: .npz is one file with the whole graph"},
		{nil, Options{K: 1, IncludeSelf: true, Neighbors: inner}, "by the inner product no point is the nearest to itself"},
		{nil, Options{K: 1, Similarity: true}, "similarity: euclidean is a distance that none belongs to"},
		{nil, Options{K: 9, IncludeSelf: true}, "k = 10: must be at most the number of points, 9"},
		{nil, Options{K: 9}, "k = 9: must be less than the number of points, 9"},
	} {
		c.o.Output = filepath.Join(dir, "g.npz")
		_, _, err := run(t, points, c.queries, vectorio.Options{}, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, expected %q", c.o, err, c.want)
		}
	}
	nothingBut(t, dir, "x.npy")
}
