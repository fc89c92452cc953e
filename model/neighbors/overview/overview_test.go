package overview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/report"
	"beamlearn/model/vectors"
)

// line is n points on a line at i², one of them twice and one far away, and their k nearest.
func line(t *testing.T, n, k int) (*vectors.Block, *neighbors.Index, *neighbors.Neighbors) {
	t.Helper()
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i) * float64(i)
	}
	values[n/2], values[n-1] = values[n/2-1], 1e9
	b, err := vectors.FromFloat64(values, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, err := neighbors.Fit(b, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := x.KNeighbors(b, k, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	return b, x, found
}

// part is some rows of an answer.
func part(f *neighbors.Neighbors, lo, hi int) *neighbors.Neighbors {
	p := &neighbors.Neighbors{}
	from, to := f.Offsets[lo], f.Offsets[hi]
	for _, o := range f.Offsets[lo : hi+1] {
		p.Offsets = append(p.Offsets, o-from)
	}
	p.Positions, p.Distances = f.Positions[from:to], f.Distances[from:to]
	return p
}

// An overview is the same however queries are cut into chunks, in whatever order they come, and after a way over the
// wire.
func TestMerge(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this encodes thousands of queries many times over")
	}
	const n = 5000
	b, x, found := line(t, n, 3)
	setting := &Setting{Queries: n, Points: n, Hubs: true,
		Row: func(p int32, dst []float64) []float64 { return b.Row(int(p), dst) }}
	whole := new(Overview)
	whole.Add(b, found, x.ID, setting)
	if whole.Queries != n || whole.Equal != 2 || whole.Empty != 0 || len(whole.Sample) != SampleQueries ||
		len(whole.Far) != FarQueries {
		t.Errorf("%d queries, %d equal, %d empty, %d sampled, %d far", whole.Queries, whole.Equal, whole.Empty,
			len(whole.Sample), len(whole.Far))
	}
	if far := whole.Far[0]; far.ID != fmt.Sprint(n-1) || far.Last < 9e8 || far.Neighbors[0] != fmt.Sprint(n-2) {
		t.Errorf("farthest: %+v", far)
	}
	for i, a := range whole.Sample {
		if (a.Point != nil) != (i < mapQueries) || a.Point != nil && len(a.Near) != 3 || a.Point == nil && a.Near != nil ||
			a.Point != nil && decodeVector(a.Point)[0] != float64(float32(b.F64[a.Number])) {
			t.Fatalf("sampled query %d: %+v", i, a)
		}
	}
	for _, size := range []int{1, 77, 2600} {
		sum := new(Overview)
		for hi := n; hi > 0; hi -= size {
			lo := max(hi-size, 0)
			o := new(Overview)
			o.Add(b.Slice(lo, hi), part(found, lo, hi), x.ID, setting)
			wire, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			var back Overview
			if err := json.Unmarshal(wire, &back); err != nil {
				t.Fatal(err)
			}
			sum.Merge(&back)
		}
		if !reflect.DeepEqual(sum, whole) {
			t.Errorf("in chunks of %d it is another", size)
		}
	}
}

func TestHubsOf(t *testing.T) {
	counts := make([]uint32, 100)
	counts[7], counts[3], counts[50], counts[51] = 5, 5000, 2, 5
	h := HubsOf(counts, func(p int32) vectors.ID { return vectors.ParseID(fmt.Sprint("p", p)) })
	if h.Counts[0] != 96 || h.Counts[2] != 1 || h.Counts[5] != 2 || h.Counts[maxCount] != 1 ||
		len(h.Counts) != maxCount+1 {
		t.Errorf("counts %v", h.Counts)
	}
	if want := []Hub{{"p3", 5000}, {"p7", 5}, {"p51", 5}, {"p50", 2}}; !reflect.DeepEqual(h.Top[:4], want) ||
		len(h.Top) != topHubs {
		t.Errorf("top %v", h.Top)
	}
}

// A page has what was found; of no queries, of none with a neighbour, and of distances that are not finite, too.
func TestPage(t *testing.T) {
	_, x, found := line(t, 300, 2)
	b, _, _ := line(t, 300, 2)
	o := new(Overview)
	o.Add(b, found, x.ID, &Setting{})
	none := &Overview{Queries: 3, Empty: 3, Sample: []Answer{{ID: "a"}, {ID: "b"}, {ID: "c"}}}
	huge := new(Overview)
	q := b.Slice(0, 1)
	huge.Add(q, &neighbors.Neighbors{Offsets: []int64{0, 2}, Positions: []int32{1, 2},
		Distances: []float64{0, math.Inf(1)}}, x.ID, &Setting{})
	for name, c := range map[string]struct {
		o    *Overview
		v    View
		want []string
	}{
		"some": {o, View{Source: "x.npy", Metric: "euclidean", K: 2, Zero: true,
			Texts: func(id string) string { return "<b>text " + id },
			Hubs:  HubsOf([]uint32{1, 2, 0, 7}, x.ID), Phases: []Phase{{"search", 1.5}}},
			[]string{"Neighbours in x.npy", "299: &lt;b&gt;text 299", "1 of 4 points", "euclidean distance",
				"Distance to neighbour 2", "queries with a neighbour at distance 0"}},
		"none": {none, View{Source: "x", Metric: "cosine"},
			[]string{"queries without a neighbour", "No sampled query has a neighbour."}},
		"nothing": {new(Overview), View{}, []string{"No sampled query"}},
		"huge":    {huge, View{Metric: "euclidean", K: 2}, []string{"Quantiles"}},
	} {
		p, err := c.o.Page(&c.v)
		if err != nil {
			t.Fatal(name, err)
		}
		var w bytes.Buffer
		if err := p.Write(&w); err != nil {
			t.Fatal(name, err)
		}
		for _, s := range c.want {
			if !strings.Contains(w.String(), s) {
				t.Errorf("%s: no %q", name, s)
			}
		}
		if strings.Contains(w.String(), "<b>text") {
			t.Errorf("%s: a text is not escaped", name)
		}
	}
}

// The map is the plane in which the points differ most, whatever the metric, and has each point once.
func TestMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n, dim = 500, 6
	values := make([]float64, 0, n*dim)
	for range n {
		x, y := 10*r.NormFloat64(), 3*r.NormFloat64()
		values = append(values, x+r.NormFloat64()/10, y, x, -y, 0.1*r.NormFloat64(), 7)
	}
	b, err := vectors.FromFloat64(values, dim)
	if err != nil {
		t.Fatal(err)
	}
	x, err := neighbors.Fit(b, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := x.KNeighbors(b, 4, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	o := new(Overview)
	o.Add(b, found, x.ID, &Setting{Queries: n, Row: func(p int32, dst []float64) []float64 { return b.Row(int(p), dst) }})
	a := o.atlas()
	if len(a.ids) > n || len(a.edges) != mapQueries*mapNeighbors || len(a.ids) != len(a.places) {
		t.Errorf("%d points, %d edges", len(a.ids), len(a.edges))
	}
	px, py, shares := project(a.rows)
	if !(shares[0] > 0.8 && shares[1] > 0.01 && shares[0]+shares[1] > 0.999 && shares[0]+shares[1] <= 1) {
		t.Errorf("shares %v", shares)
	}
	xy, xx := 0.0, 0.0
	for i, row := range a.rows {
		xy += px[i] * py[i]
		xx += px[i] * px[i]
		if !(math.Abs(math.Abs(px[i])-math.Abs(row[0]+row[2])/math.Sqrt2) <= 2) { // about its mean
			t.Fatalf("point %d of %v is at %v", i, row, px[i])
		}
	}
	if !(math.Abs(xy) <= 1e-9*xx) {
		t.Errorf("the components are not orthogonal: %v", xy/xx)
	}
	for _, metric := range []string{"euclidean", "cosine"} {
		s, ok, err := o.mapSection(&View{Metric: metric}, a)
		if err != nil || !ok || strings.Contains(s.Lead, "length 1") != (metric == "cosine") {
			t.Errorf("%s: %v, %v: %s", metric, ok, err, s.Lead)
		}
	}
	for _, rows := range [][][]float64{{{1}, {2}, {5}}, {{1, 1}, {1, 1}, {1, 1}}, {{0, 0, 1}, {0, 0, 2}, {0, 0, 4}}} {
		px, py, shares := project(rows)
		for i := range rows {
			if px[i]-px[i] != 0 || py[i]-py[i] != 0 {
				t.Errorf("%v: at %v, %v", rows, px, py)
			}
		}
		if s := shares[0]; rows[0][0] != rows[1][0] && !(math.Abs(s-1) <= 1e-12) {
			t.Errorf("%v: shares %v", rows, shares)
		}
	}
	// Where no point is anyone's neighbour, none is among the most frequent.
	if b := (&Hubs{Counts: []int64{3}, Top: []Hub{{ID: "0"}, {ID: "1"}}}).blocks(&View{}); len(b) != 1 {
		t.Errorf("without neighbours: %v", b)
	}
	if b := (&Hubs{Counts: []int64{3, 0, 1}, Top: []Hub{{"2", 2}, {"1", 0}}}).blocks(&View{}); len(b) != 2 ||
		len(b[1].(report.Table).Rows) != 1 {
		t.Errorf("one point that is a neighbour: %v", b)
	}
	// A script goes through the edges, of which there may be none.
	if b, err := json.Marshal(mapData{Edges: new(Overview).atlas().edges}); err != nil ||
		!bytes.Contains(b, []byte(`"edges":[]`)) {
		t.Errorf("without edges: %s, %v", b, err)
	}
	if _, ok, err := new(Overview).mapSection(&View{}, new(Overview).atlas()); ok || err != nil {
		t.Errorf("a map of nothing: %v", err)
	}
	if got := a.pictures()[a.ids[0]]; len(got) != 8 { // 6 bytes in base64
		t.Errorf("picture %q", got)
	}
}

func TestMapRows(t *testing.T) {
	for dim, want := range map[int]int{1: mapQueries, 128: mapQueries, 1024: 256, 1 << 20: 10} {
		if got := mapRows(dim); got != want {
			t.Errorf("%d columns: %d queries, want %d", dim, got, want)
		}
	}
	if few, many := below(900, 500), below(900, 1_000_000_000); few != math.MaxUint64 || many > 1<<64/100_000 ||
		below(900, 0) != math.MaxUint64 {
		t.Errorf("limits %x and %x", few, many)
	}
}

// Of a sample of the points, each is counted exactly, however queries are cut into chunks.
func TestSampledHubs(t *testing.T) {
	const points, queries, k = 50_000, 20_000, 5
	r := rand.New(rand.NewPCG(3, 4))
	for _, text := range []bool{false, true} {
		id := func(p int32) vectors.ID {
			if text {
				return vectors.ID{Text: fmt.Sprint("point ", p)}
			}
			return vectors.ID{Int: int64(p)}
		}
		positions, want := make([]int32, queries*k), map[string]int64{}
		for i := range positions {
			positions[i] = int32(float64(points) * r.Float64() * r.Float64())
			want[id(positions[i]).String()]++
		}
		var expected []Hub
		for _, size := range []int{len(positions), 777, 10_000} {
			sum := new(Overview)
			for lo := 0; lo < len(positions); lo += size {
				o := new(Overview)
				o.countOften(positions[lo:min(lo+size, len(positions))], id, points)
				sum.Merge(o)
			}
			if len(sum.Often) != sampleHubs {
				t.Fatalf("%d points are counted", len(sum.Often))
			}
			for _, h := range sum.Often {
				if h.Count != want[h.ID] {
					t.Fatalf("%s is a neighbour of %d, want %d", h.ID, h.Count, want[h.ID])
				}
			}
			if expected == nil {
				expected = sum.Often
			} else if !reflect.DeepEqual(sum.Often, expected) {
				t.Errorf("in chunks of %d others are counted", size)
			}
			h := sum.SampledHubs(points)
			none := float64(h.Counts[0]) / float64(h.Counts[0]+int64(h.Sampled))
			if real := 1 - float64(len(want))/points; !(math.Abs(none-real) <= 0.04) {
				t.Errorf("%.3f of the points are said to be nobody's neighbour, of %.3f", none, real)
			}
			if len(h.Top) != topHubs || h.Top[0].Count < h.Top[1].Count || h.Top[0].Count < 3 {
				t.Errorf("top %v", h.Top[:3])
			}
		}
	}
	few := new(Overview)
	few.countOften([]int32{1, 1, 2}, func(p int32) vectors.ID { return vectors.ID{Int: int64(p)} }, 10)
	if h := few.SampledHubs(10); h.Sampled != 2 || h.Counts[0] != 8 || h.Counts[1] != 1 || h.Counts[2] != 1 ||
		h.Top[0] != (Hub{"1", 2}) {
		t.Errorf("%+v", h)
	}
	if new(Overview).SampledHubs(10) != nil {
		t.Error("hubs that nobody has counted")
	}
}

// What the page advises fits the metric, and says which queries it has.
func TestLeads(t *testing.T) {
	if got := hubsLead("cosine"); strings.Contains(got, "the cosine") {
		t.Errorf("of the cosine: %s", got)
	}
	if got := hubsLead("euclidean"); !strings.Contains(got, "the cosine") {
		t.Errorf("of the euclidean distance: %s", got)
	}
	o := &Overview{Queries: 2, Sample: make([]Answer, 2)}
	if got := o.sampleLead(); strings.Contains(got, "chance") {
		t.Errorf("all queries: %s", got)
	}
	if o.Queries = 3; !strings.Contains(o.sampleLead(), "Of 3 queries, 2 that were drawn by chance") {
		t.Errorf("some: %s", o.sampleLead())
	}
}
