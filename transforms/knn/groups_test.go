package knn

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/groups"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// labelsOfGroups numbers the groups of a .csv as DBSCAN does: in the order of their first rows.
func labelsOfGroups(t *testing.T, text string) (labels []int) {
	t.Helper()
	seen, sizes := map[string]int{}, map[string]int{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "id,group,size,keep" {
		t.Fatal(lines[0])
	}
	for _, line := range lines[1:] {
		group := strings.Split(line, ",")[1]
		if _, ok := seen[group]; !ok {
			seen[group] = len(seen)
		}
		sizes[group]++
		labels = append(labels, seen[group])
	}
	kept := map[string]int{}
	for _, line := range lines[1:] {
		f := strings.Split(line, ",")
		if f[2] != strconv.Itoa(sizes[f[1]]) {
			t.Errorf("%s: the group has %d rows", line, sizes[f[1]])
		}
		if f[3] == "1" {
			kept[f[1]]++
		}
	}
	for group := range sizes {
		if kept[group] != 1 {
			t.Errorf("group %s keeps %d rows", group, kept[group])
		}
	}
	return labels
}

// Groups are the clusters of scikit-learn's DBSCAN with min_samples = 1 (testdata/graphs.py).
func TestGroupsLikeDBSCAN(t *testing.T) {
	g := readGraphs(t)
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(g.Points, "<f8", to[float64]))}
	o := Options{Radius: &g.Radius, Groups: &groups.Keep{Rule: groups.First}, Overview: true, Workers: placement.InProcess,
		Destination: output.To(filepath.Join(dir, "g.csv"))}
	r := mustRun(t, input, nil, vectorio.Options{ChunkRows: 17}, o)
	labels := labelsOfGroups(t, read(t, o.Output))
	if fmt.Sprint(labels) != fmt.Sprint(g.Labels) {
		t.Errorf("labels %v, expected %v", labels, g.Labels)
	}
	sizes := map[int]int64{}
	for _, l := range g.Labels {
		sizes[l]++
	}
	want := groups.Summary{Groups: int64(len(sizes))}
	for _, n := range sizes {
		want.Largest = max(want.Largest, n)
		if n > 1 {
			want.Several++
			want.Rows += n
		}
	}
	if *r.Groups != want || want.Several < 3 {
		t.Errorf("reported %+v, expected %+v", *r.Groups, want)
	}
	// The page shows as many, and of the radius 0 as many as there are points that differ: each is one.
	levels := r.GroupsOverview.Levels
	if last := levels[len(levels)-1]; last.Groups != want.Groups || last.Largest != want.Largest ||
		levels[0].Groups <= last.Groups {
		t.Errorf("within the radius there are %+v, and at 0 %+v, expected %+v", last, levels[0], want)
	}
}

// Groups within a diameter are those of scikit-learn's AgglomerativeClustering with complete linkage, of each of its
// DBSCAN's clusters (testdata/graphs.py).
func TestGroupsWithinADiameter(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	g := readGraphs(t)
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(g.Points, "<f8", to[float64]))}
	if len(g.Diameters) < 5 {
		t.Fatalf("%d references", len(g.Diameters))
	}
	for _, d := range g.Diameters {
		o := Options{Radius: &d.Radius, Diameter: &d.Diameter, Groups: &groups.Keep{Rule: groups.Center}, Overview: true,
			Neighbors: neighbors.Options{Metric: d.Metric}, Workers: placement.InProcess,
			Destination: output.To(filepath.Join(dir, "g.csv"))}
		r := mustRun(t, input, nil, vectorio.Options{ChunkRows: 17}, o)
		if labels := labelsOfGroups(t, read(t, o.Output)); fmt.Sprint(labels) != fmt.Sprint(d.Labels) {
			t.Errorf("%s within %v and %v: labels %v, expected %v", d.Metric, d.Radius, d.Diameter, labels, d.Labels)
		}
		if r.Groups.Cut != d.Cut || *r.GroupsOverview.Diameter != d.Diameter {
			t.Errorf("%d groups were cut at %v, expected %d at %v", r.Groups.Cut, r.GroupsOverview.Diameter, d.Cut, d.Diameter)
		}
	}
}

// Groups of mutual neighbours are SciPy's components of the mutual edges of scikit-learn's graph (testdata/graphs.py),
// by every way of the index.
func TestGroupsOfMutualNeighbors(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	g := readGraphs(t)
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(g.Points, "<f8", to[float64]))}
	radii := map[string]*float64{"all": nil, "radius": &g.Radius}
	if len(g.Mutuals) != len(radii) {
		t.Fatalf("%d references", len(g.Mutuals))
	}
	for name, want := range g.Mutuals {
		for i, o := range []Options{
			{Workers: placement.InProcess, Overview: radii[name] != nil}, {Broadcast: File},
			{Broadcast: Shards, IndexMemory: 3000},
		} {
			o.K, o.Symmetric, o.Radius = g.K, neighbors.Mutual, radii[name]
			o.Groups, o.Destination = &groups.Keep{Rule: groups.Center}, output.To(filepath.Join(dir, "g.csv"))
			r := mustRun(t, input, nil, vectorio.Options{ChunkRows: 17 + 30*i}, o)
			if labels := labelsOfGroups(t, read(t, o.Output)); fmt.Sprint(labels) != fmt.Sprint(want) {
				t.Errorf("%s, way %d: labels %v, expected %v", name, i, labels, want)
			}
			edges := 0
			for _, row := range g.Graphs["mutual"] {
				for _, e := range row {
					if radii[name] == nil || e[1] <= g.Radius {
						edges++
					}
				}
			}
			if r.Edges != int64(edges) {
				t.Errorf("%s, way %d: %d edges, expected %d", name, i, r.Edges, edges)
			}
		}
	}
}

// By every way of the index, in chunks of any size: the same bytes.
func TestGroupWays(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	points := testPoints(203, 3)
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), csvOf(points, true, ","))}
	radius, diameter := 1.0, 1.5
	for _, keep := range []groups.Rule{groups.Center, groups.Last} {
		first := ""
		for i, way := range []Options{
			{Workers: placement.InProcess}, {Broadcast: SideInput}, {Broadcast: File}, {Broadcast: Shards, IndexMemory: 8000},
		} {
			if keep == groups.Last && i != 0 && i != 3 || brief() && i%2 == 1 {
				continue
			}
			way.Radius, way.Groups, way.NumShards = &radius, &groups.Keep{Rule: keep}, 2
			if keep == groups.Center {
				way.Diameter = &diameter
			}
			way.Output = filepath.Join(dir, fmt.Sprintf("%s%d.csv", keep, i))
			mustRun(t, input, nil, vectorio.Options{ChunkRows: 40 + 60*i}, way)
			got := ""
			for s := range 2 {
				got += read(t, filepath.Join(dir, fmt.Sprintf("%s%d-%05d-of-00002.csv", keep, i, s)))
			}
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("%s by %+v: other bytes", keep, way)
			}
		}
	}
}

// A small table of texts: which row stays, a row that is left out, and what groups are called.
func TestGroupsKeep(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), []byte(
		"name,x,price\nann,0,3\nbob,5,1\ncid,1,9\nbad,?,9\ndan,2,4\neve,5.5,1\nfay,9,0\n"))}
	radius := 1.0
	reading := vectorio.Options{SkipFaults: true, ChunkRows: 2, Formats: formats.Options{
		IDColumn: "name", Columns: []string{"x"}, TargetColumn: "price"}}
	for _, c := range []struct {
		keep string
		want string // those that stay
	}{
		{"first", "ann bob fay"}, {"last", "dan eve fay"}, {"center", "bob cid fay"}, {"price:max", "bob cid fay"},
		{"price:min", "ann bob fay"},
	} {
		k, err := groups.ParseKeep(c.keep)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Radius: &radius, Groups: &k, Destination: output.To(filepath.Join(dir, "g.csv"))}
		r := mustRun(t, input, nil, reading, o)
		var kept, rows []string
		for _, line := range strings.Split(strings.TrimSpace(read(t, o.Output)), "\n")[1:] {
			f := strings.Split(line, ",")
			rows = append(rows, strings.Join(f[:3], ","))
			if f[3] == "1" {
				kept = append(kept, f[0])
			}
		}
		if got := strings.Join(rows, " "); got != "ann,ann,3 bob,bob,2 cid,ann,3 dan,ann,3 eve,bob,2 fay,fay,1" {
			t.Errorf("%s: rows %s", c.keep, got)
		}
		if got := strings.Join(kept, " "); got != c.want {
			t.Errorf("%s: %s stay, expected %s", c.keep, got, c.want)
		}
		if r.Rejected != 1 || len(r.RejectedFiles) != 1 {
			t.Errorf("%s: %d rejected, %v", c.keep, r.Rejected, r.RejectedFiles)
		}
	}
}

// A center is that of the rows of its own group; and where a metric has parameters of all points, groups are cut by
// these.
func TestCutCenters(t *testing.T) {
	dir := t.TempDir()
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), []byte("x,y\n0,0\n1,0\n2,0\n3,0\n3.5,0\n50,0\n90,1\n"))}
	for _, c := range []struct {
		metric           neighbors.Metric
		radius, diameter float64
		want             string
	}{
		// Pairs: 3 and 3.5, 0 and 1; 2 remains. By all neighbours, 1 would have had two.
		{neighbors.Euclidean, 1.1, 1.4, "0,0,2,1 1,0,2,0 2,2,1,1 3,3,2,1 4,3,2,0 5,5,1,1 6,6,1,1"},
		// The same distances, divided by the columns' standard deviation: 35.2 of the first.
		{neighbors.SEuclidean, 1.1 / 35.2, 1.4 / 35.2, "0,0,2,1 1,0,2,0 2,2,1,1 3,3,2,1 4,3,2,0 5,5,1,1 6,6,1,1"},
	} {
		o := Options{Radius: &c.radius, Diameter: &c.diameter, Groups: &groups.Keep{Rule: groups.Center},
			Neighbors: neighbors.Options{Metric: c.metric}, Destination: output.To(filepath.Join(dir, "g.csv"))}
		mustRun(t, input, nil, vectorio.Options{ChunkRows: 2}, o)
		if got := strings.Join(strings.Fields(read(t, o.Output))[1:], " "); got != c.want {
			t.Errorf("%s: %s, expected %s", c.metric, got, c.want)
		}
	}
}

// With a recall, of few rows the groups are the exact ones; of many, each is of rows of one exact group, and the share
// of the pairs that are together is measured.
func TestGroupsRecall(t *testing.T) {
	dir := t.TempDir()
	few := testPoints(203, 3)
	radius := 1.0
	var want string
	for i, recall := range []float64{0, 0.9} {
		o := Options{Radius: &radius, Groups: &groups.Keep{Rule: groups.Last}, Recall: recall,
			Destination: output.To(filepath.Join(dir, "few.csv"))}
		r := mustRun(t, []string{writeFile(t, filepath.Join(dir, "few.npy"), npyOf(few, "<f8", to[float64]))}, nil,
			vectorio.Options{}, o)
		if got := read(t, o.Output); i == 0 {
			want = got
		} else if got != want || r.Approximate.Method != "exact" {
			t.Errorf("of few rows: other groups, %+v", r.Approximate)
		}
	}
	if testing.Short() {
		t.Skip("partitions of 16,000 points of 200 columns take seconds")
	}
	rng := rand.New(rand.NewPCG(4, 1))
	many := make([][]float64, 16_000)
	for i := range many {
		many[i] = make([]float64, 200)
		for j := range many[i] {
			if many[i][j] = rng.NormFloat64(); i%3 > 0 {
				many[i][j] = many[i-1][j] + many[i][j]/1000
			}
		}
	}
	radius = 0.05
	o := Options{Radius: &radius, Groups: &groups.Keep{Rule: groups.First}, Recall: 0.95, Overview: true,
		Destination: output.To(filepath.Join(dir, "many.csv"))}
	r := mustRun(t, []string{writeFile(t, filepath.Join(dir, "many.npy"), npyOf(many, "<f4", to[float32]))}, nil,
		vectorio.Options{}, o)
	a := r.Approximate
	if a.Method != "partition" || a.Recall < 0.95 || a.Low > a.Recall || a.High < a.Recall || a.Sample < 1000 {
		t.Errorf("%+v", a)
	}
	pairs := int64(0)
	for _, n := range r.GroupsOverview.Pairs {
		pairs += n
	}
	if pairs != r.Neighbors/2 || pairs < 15_000 {
		t.Errorf("%d pairs on the page, %d neighbours", pairs, r.Neighbors)
	}
	labels := labelsOfGroups(t, read(t, o.Output))
	together := 0
	for i, l := range labels {
		if first := i - i%3; l == labels[first] {
			together++
		} else if l < labels[first] {
			t.Fatalf("row %d is of the group of another before %d", i, first)
		}
	}
	if together < 15_500 {
		t.Errorf("%d of 16,000 rows are with the first of their kind", together)
	}
}

func TestGroupsRefused(t *testing.T) {
	dir := t.TempDir()
	points := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(testPoints(9, 2), "<f8", to[float64]))}
	radius, negative := 1.0, -1.0
	for _, c := range []struct {
		queries []string
		o       Options
		want    string
	}{
		{nil, Options{K: 3}, "groups of the k nearest are of pairs of which each is among those of the other"},
		{nil, Options{K: 3, Symmetric: neighbors.Mutual, Overview: true}, "go by a radius: with mutual neighbours, too"},
		{nil, Options{K: 3, Symmetric: neighbors.Mutual, Radius: &radius, Recall: 0.9},
			"mutual neighbours are found exactly"},
		{points, Options{Radius: &radius}, "groups are of the points of an input"},
		{nil, Options{Radius: &radius, Neighbors: neighbors.Options{Metric: neighbors.InnerProduct}},
			"by the inner product nothing is near itself"},
		{nil, Options{Radius: &radius, Recall: 0.9, IndexMemory: 1}, "groups with a recall need all points in one worker"},
		{nil, Options{Radius: &radius, Diameter: &negative}, "max_diameter -1: no euclidean distance is below 0"},
	} {
		c.o.Output, c.o.Groups = filepath.Join(dir, "g.csv"), &groups.Keep{Rule: groups.First}
		_, _, err := run(t, points, c.queries, vectorio.Options{}, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, expected %q", c.o, err, c.want)
		}
	}
	nothingBut(t, dir, "x.npy")
}
