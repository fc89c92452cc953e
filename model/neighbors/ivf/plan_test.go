package ivf

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// rowsOf are rows of one column with these numbers and values.
func rowsOf(numbers []int64, values ...float64) *vectors.Block {
	b := &vectors.Block{Dim: 1}
	for i, n := range numbers {
		b.Append(values[i:i+1], n)
	}
	return b
}

func numbersUpTo(n int) (all []int64) {
	for i := range int64(n) {
		all = append(all, i)
	}
	return all
}

// The rows of a part come in the order of their numbers, each once, wherever pieces of several planned parts have them.
func TestRowCollector(t *testing.T) {
	t.Parallel()
	first, second := rowsOf([]int64{1, 4, 6}, 10, 40, 60), rowsOf([]int64{7, 9}, 70, 90)
	other := rowsOf([]int64{4, 5, 9}, 40, 50, 90)
	for name, c := range map[string]struct {
		wide     bool
		sections []Section
		want     []int64
	}{
		"one planned part": {false, []Section{{0, 0, 3, false}, {0, 2, 2, false}}, []int64{4, 6, 7, 9}},
		"several":          {false, []Section{{0, 0, 3, false}, {0, 2, 2, false}, {1, 0, 3, false}}, []int64{4, 5, 6, 7, 9}},
		"as float64":       {true, []Section{{0, 0, 3, false}, {0, 2, 2, false}, {1, 0, 3, false}}, []int64{4, 5, 6, 7, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewRowCollector(1, c.wide, 4, c.sections)
			if err != nil {
				t.Fatal(err)
			}
			for i, b := range []*vectors.Block{first, second, other}[:len(c.sections)] {
				skip := int64(0)
				if i == 0 {
					skip = 1
				}
				if err := r.Add(b, skip, int64(b.Len())-skip); err != nil {
					t.Fatal(err)
				}
			}
			got := r.Rows()
			if !slices.Equal(got.Numbers, c.want) || got.Wide() != c.wide {
				t.Fatalf("rows %v, wide %v, want %v", got.Numbers, got.Wide(), c.want)
			}
			for i, n := range got.Numbers {
				if v := got.Row(i, make([]float64, 1))[0]; v != 10*float64(n) {
					t.Errorf("row %d has the value %v", n, v)
				}
			}
		})
	}
	if _, err := NewRowCollector(1, false, 4, []Section{{0, 2, 2, false}, {0, 2, 3, false}}); err == nil {
		t.Error("sections that do not ascend pass")
	}
	r, err := NewRowCollector(1, false, 4, []Section{{0, 0, 3, false}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]int64{{-1, 2}, {0, 0}, {0, 4}, {3, 1}, {1, math.MaxInt64}} {
		if err := r.Add(first, c[0], c[1]); err == nil {
			t.Errorf("%d rows from %d on, of 3, pass", c[1], c[0])
		}
	}
	if err := r.Add(&vectors.Block{Dim: 2, DType: vectors.Float32, F32: []float32{1, 2}, Numbers: []int64{0}}, 0,
		1); err == nil {
		t.Error("points of two columns pass")
	}
}

// A row widens a block only where it needs a float64 itself.
func TestAppendRow(t *testing.T) {
	t.Parallel()
	from := rowsOf(numbersUpTo(3), 1, 0.1, 2)
	from.Widen()
	for i := range 3 {
		from.AppendID(vectors.ID{Text: strings.Repeat("x", i+1)})
	}
	b := PickRows(from, []int32{0, 2}, vectors.Auto)
	if b.Wide() || !slices.Equal(b.F32, []float32{1, 2}) || b.IDs.At(1).Text != "xxx" ||
		!slices.Equal(b.Numbers, []int64{0, 2}) {
		t.Errorf("%+v", b)
	}
	if AppendRow(b, from, 1); !b.Wide() || !slices.Equal(b.F64, []float64{1, 2, 0.1}) {
		t.Errorf("%+v", b)
	}
}

// A sample has about as many rows as it is to have, and the same ones however the rows are cut.
func TestSampler(t *testing.T) {
	t.Parallel()
	const n = 20_000
	all := &vectors.Block{Dim: 1}
	for i := range int64(n) {
		all.Append([]float64{float64(i)}, i)
	}
	for _, rows := range []int64{500, 5000, n, 2 * n} {
		s := NewSampler(rows, n, 3)
		whole, parts := &vectors.Block{Dim: 1}, &vectors.Block{Dim: 1}
		s.Append(whole, all)
		for lo := 0; lo < n; lo += 777 {
			s.Append(parts, all.Slice(lo, min(lo+777, n)))
		}
		if !slices.Equal(whole.Numbers, parts.Numbers) {
			t.Errorf("%d rows: the sample depends on the chunks", rows)
		}
		want := float64(min(rows, n))
		if off := math.Abs(float64(whole.Len()) - want); off > 5*math.Sqrt(want) || rows >= n && off > 0 {
			t.Errorf("%d rows are sampled, expected about %v", whole.Len(), want)
		}
	}
}

// testPlan is a plan of points in three groups far from each other.
func testPlan(t testing.TB, queries bool) (p *Plan, points, asked *vectors.Block) {
	t.Helper()
	const n, dim = 900, 4
	r := rand.New(rand.NewPCG(7, 7))
	points = &vectors.Block{Dim: dim}
	row := make([]float64, dim)
	fill := func(b *vectors.Block, n int) {
		for i := range int64(n) {
			for j := range row {
				row[j] = 10*float64(i%3) + r.NormFloat64()
			}
			b.Append(row, i)
		}
	}
	fill(points, n)
	numQueries := int64(n)
	if queries {
		asked = &vectors.Block{Dim: dim}
		fill(asked, 60)
		numQueries = 60
	}
	p, err := NewPlan(points, asked, n, numQueries, 5, 400, Options{Recall: 0.9, Sample: 50, Seed: 4}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p, points, asked
}

// A plan that was written is read as it was.
func TestPlanFile(t *testing.T) {
	t.Parallel()
	for _, queries := range []bool{false, true} {
		p, _, _ := testPlan(t, queries)
		if p.Sample.Len() != 50 || !slices.IsSorted(p.Sample.Numbers) {
			t.Errorf("a sample of the rows %v", p.Sample.Numbers)
		}
		var w bytes.Buffer
		if err := p.Write(&w); err != nil {
			t.Fatal(err)
		}
		got, err := ReadPlan(w.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := got.Write(&again); err != nil || !bytes.Equal(again.Bytes(), w.Bytes()) {
			t.Errorf("written again it is another, %v", err)
		}
		if got.Points != 900 || got.Queries != p.Queries || !slices.Equal(got.Sample.Numbers, p.Sample.Numbers) ||
			got.Answered() != p.Answered() {
			t.Errorf("%+v, want %+v", got, p)
		}
		if want := int64(float64(p.Queries) * (1 + p.Parts.Copies)); p.Answered() != want {
			t.Errorf("%d answers, want %d: one of each part of a query, and one of all", p.Answered(), want)
		}
		for n := range w.Len() {
			if _, err := ReadPlan(w.Bytes()[:n]); err == nil {
				t.Fatalf("%d bytes of %d pass", n, w.Len())
			}
		}
		if _, err := ReadPlan(append(w.Bytes(), 0)); err == nil {
			t.Error("a byte too many passes")
		}
	}
}

func FuzzReadPlan(f *testing.F) {
	p, points, _ := testPlan(f, false)
	p.Sample = p.Sample.Slice(0, 3)
	var w bytes.Buffer
	if err := p.Write(&w); err != nil {
		f.Fatal(err)
	}
	f.Add(w.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPlan(b)
		if err != nil {
			return
		}
		if p.Sample.Dim != p.Parts.Leaders.Dim {
			t.Fatal("a plan of two dimensions")
		}
		if p.Parts.Leaders.Dim == points.Dim {
			if _, err := p.Parts.Assign(points.Slice(0, 9), neighbors.Options{Metric: neighbors.Euclidean}, 1); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The exact answers among chunks of the points, merged, are those among all; with what is found compared, so is the
// recall.
func TestSampleRecall(t *testing.T) {
	t.Parallel()
	const k = 5
	for _, queries := range []bool{false, true} {
		p, points, asked := testPlan(t, queries)
		if !queries {
			asked = points
		}
		x, err := neighbors.Fit(points, neighbors.Options{Algorithm: neighbors.Brute})
		if err != nil {
			t.Fatal(err)
		}
		found, err := x.KNeighbors(asked, k, neighbors.Search{Self: !queries, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		// One neighbour of every query is missed, and one that is farther stands in its place.
		missed := neighbors.AnswersOf(asked, points, found)
		for i := range missed.Numbers {
			last := missed.Offsets[i+1] - 1
			missed.Distances = slices.Clone(missed.Distances)
			missed.Distances[last] *= 2
		}
		r := NewSampleRecall(p, k)
		for lo := 600; lo >= 0; lo -= 300 {
			exact, err := p.ExactAnswers(points.Slice(lo, lo+300), k, neighbors.Options{Metric: neighbors.Euclidean, P: 2},
				!queries, 1)
			if err != nil {
				t.Fatal(err)
			}
			r.Add(exact, true)
		}
		if want := neighbors.AnswersOf(asked, points, found).Of(p.Sample.Numbers); !slices.Equal(r.Exact.Distances,
			want.Distances) ||
			!slices.Equal(r.Exact.Neighbors, want.Neighbors) {
			t.Errorf("queries %v: the exact answers are others", queries)
		}
		if _, err := r.Report(0.9, 400); err == nil {
			t.Error("a report without answers")
		}
		half := int64(asked.Len() / 2)
		for _, some := range []*neighbors.Answers{missed.Between(half, 1<<40), missed.Between(0, half)} {
			r.Add(some.Of(p.Sample.Numbers), false)
		}
		got, err := r.Report(0.9, 400)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(got.Recall-0.8) <= 1e-12) || got.Sample != 50 || got.Asked != 0.9 || got.LeafSize != 400 ||
			got.Copies != p.Parts.Copies {
			t.Errorf("queries %v: %+v", queries, got)
		}
	}
}

// Of a few queries, all of which are in the sample, the recall is known and no interval is left.
func TestSampleRecallOfAll(t *testing.T) {
	t.Parallel()
	p, points, _ := testPlan(t, true)
	p.Queries = 50
	r := NewSampleRecall(p, 5)
	exact, err := p.ExactAnswers(points, 5, neighbors.Options{Metric: neighbors.Euclidean, P: 2}, false, 1)
	if err != nil {
		t.Fatal(err)
	}
	r.Add(exact, true)
	r.Add(exact, false)
	got, err := r.Report(0.9, 400)
	if err != nil {
		t.Fatal(err)
	}
	if got.Recall != 1 || got.Low != 1 || got.High != 1 {
		t.Errorf("%+v", got.Measure)
	}
}

func TestMergeParts(t *testing.T) {
	t.Parallel()
	a := &neighbors.Answers{Numbers: []int64{3}, Offsets: []int64{0, 2}, Distances: []float64{1, 2},
		Neighbors: []int64{7, 8}}
	b := &neighbors.Answers{Numbers: []int64{3}, Offsets: []int64{0, 2}, Distances: []float64{1, 3},
		Neighbors: []int64{7, 9}}
	m, err := MergeParts(3, a, b)
	if err != nil || !slices.Equal(m.Neighbors, []int64{7, 8, 9}) {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := MergeParts(4, a, b); err == nil || !strings.Contains(err.Error(), "3 neighbours of row 3, not 4") {
		t.Errorf("error %v", err)
	}
}

// The memory of a worker is enough for what each step takes of it.
func TestBudget(t *testing.T) {
	t.Parallel()
	b := &Budget{Memory: 1 << 30, Dim: 100, K: 10}
	for _, c := range []struct {
		name string
		got  int64
		want int64
	}{
		{"a point of a graph", b.RowBytes(false), 100*6 + 64 + 280},
		{"a wide one", b.RowBytes(true), 100*14 + 64 + 280},
		{"points of a part", b.PartRows(false), (1 << 30) / 944},
		{"parts", b.Parts(1e9, false), 5024}, // 1e9·4 / (0.7·1137439)
		{"the least part", b.MinPartRows(), 1000},
		{"queries", b.QueryRows(), (1 << 27) / (1400 + 64 + 560)},
		{"merged", b.MergeRows(), (1 << 27) / (8 * 48 * 10)},
		{"sampled", b.SampleRows(10), (128 << 20) / 400},
		{"sampled, at least", b.SampleRows(1 << 20), 1 << 20},
		{"chunks for all workers", int64(TaskRows(50_000, 1024, 320_000)), 10_000},
		{"of unknown rows", int64(TaskRows(50_000, 1024, -1)), 50_000},
		{"not below", int64(TaskRows(50_000, 1024, 3000)), 1024},
		{"some at least", int64(TaskRows(3, 1, 1<<40)), 64},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
	if b.K = 500; b.MinPartRows() != 8*501 {
		t.Errorf("the least part of %d", b.MinPartRows())
	}
	if b.Memory = 1 << 10; b.QueryRows() != 256 {
		t.Errorf("%d queries", b.QueryRows())
	}
}

// A recall of pairs counts pairs, not queries; its interval is that of the ratio between queries, wider where these
// differ; queries without pairs say nothing.
func TestMeasurePairs(t *testing.T) {
	t.Parallel()
	if m := MeasurePairs([]int{0, 0}, []int{0, 0}); m != (Measure{}) {
		t.Errorf("of no pairs: %+v", m)
	}
	m := MeasurePairs([]int{9, 0, 1, 0}, []int{10, 0, 1, 5})
	if m.Recall != 10.0/16 || m.Sample != 3 {
		t.Errorf("%+v", m)
	}
	alike, unlike := MeasurePairs([]int{5, 5, 5, 5, 5, 5, 4, 6}, []int{10, 10, 10, 10, 10, 10, 10, 10}),
		MeasurePairs([]int{0, 10, 0, 10, 0, 10, 0, 10}, []int{10, 10, 10, 10, 10, 10, 10, 10})
	if alike.Recall != 0.5 || unlike.Recall != 0.5 || alike.High-alike.Low > 0.2 || unlike.High-unlike.Low < 0.5 {
		t.Errorf("%+v, %+v", alike, unlike)
	}
	// Of the samples of a population, 95 % of the intervals hold its recall, about.
	r, holds := random(1), 0
	const samples, rows, recall = 400, 300, 0.9
	for range samples {
		found, pairs := make([]int, rows), make([]int, rows)
		for i := range rows {
			pairs[i] = int(r.next() % 20)
			chance := 0.8 + 0.2*float64(r.next()%2) // of all pairs of a row
			for range pairs[i] {
				if float64(r.next()%1000) < 1000*chance {
					found[i]++
				}
			}
		}
		if m := MeasurePairs(found, pairs); m.Low <= recall && recall <= m.High {
			holds++
		}
	}
	if share := float64(holds) / samples; share < 0.92 || share > 0.985 {
		t.Errorf("%v of the intervals hold the recall", share)
	}
}
