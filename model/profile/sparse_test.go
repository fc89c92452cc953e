package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/model/vectors"
)

// sparseReference is what NumPy and SciPy find in testdata/sparse_profile.*.
type sparseReference struct {
	Sparse
	Rows          int64
	Columns       int
	EmptyRows     int64      `json:"empty_rows"`
	DistinctRows  int64      `json:"distinct_rows"`
	Norms         [3]float64 `json:"norms"`
	Float32       bool       `json:"float32"`
	FirstUnused   []int32    `json:"first_unused_columns"`
	Offset        float64
	MostFrequents []SparseColumn `json:"frequent_columns"`
}

// What is said of sparse rows is what NumPy says of them, in every format, and of 5,000,000 columns.
func TestSparse(t *testing.T) {
	text, err := os.ReadFile("../../testdata/sparse_profile.reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var want sparseReference
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	var first *Profile
	for _, ext := range []string{"npz", "svm", "mtx", "jsonl"} {
		f, err := formats.OpenLocal("../../testdata/sparse_profile." + ext)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Of(context.Background(), Options{Head: 2}, []formats.File{f})
		if err != nil {
			t.Fatalf("%s: %v", ext, err)
		}
		if first == nil {
			first = p
			compareSparse(t, p, &want)
		}
		p.Files = first.Files
		if !reflect.DeepEqual(p, first) {
			t.Errorf("%s: %+v\nwant, as of .npz, %+v", ext, p, first)
		}
	}
}

func compareSparse(t *testing.T, p *Profile, want *sparseReference) {
	t.Helper()
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Max(1, math.Abs(b)) }
	s := p.Sparse
	if p.Rows != want.Rows || p.Columns != want.Columns || p.Norms.Zero != want.EmptyRows || s.NonZeros != want.NonZeros ||
		s.MinPerRow != want.MinPerRow || s.MedianPerRow != want.MedianPerRow || s.MaxPerRow != want.MaxPerRow ||
		!near(s.MeanPerRow, want.MeanPerRow) || p.Duplicates.Distinct != want.DistinctRows ||
		(p.DType == "float32") != want.Float32 || s.Unused != want.Unused || p.Spread != nil || len(p.Head) != 2 ||
		s.Binary || s.Constant != 0 || s.AtMost != 0 || s.StoredZeros != 0 {
		t.Errorf("profile = %+v\n%+v\nwant %+v", p, s, want)
	}
	if got := float64(want.NonZeros) / float64(want.Rows) / float64(want.Columns); s.Share != got || p.Zeros != 1-got {
		t.Errorf("share = %v, zeros %v, want %v", s.Share, p.Zeros, got)
	}
	for i, v := range []float64{p.Norms.Min, p.Norms.Median, p.Norms.Max} {
		if !near(v, want.Norms[i]) {
			t.Errorf("norms = %+v, want %v", p.Norms, want.Norms)
		}
	}
	if !near(p.Offset, want.Offset) {
		t.Errorf("offset = %v, want %v", p.Offset, want.Offset)
	}
	var unused []int32
	for _, c := range s.FirstUnused {
		unused = append(unused, c.Index)
	}
	if !slices.Equal(unused, want.FirstUnused) || len(unused) != mostRefs {
		t.Errorf("unused = %v\nwant %v", unused, want.FirstUnused)
	}
	if len(s.Frequent) != len(want.MostFrequents) {
		t.Fatalf("%d frequent columns, want %d", len(s.Frequent), len(want.MostFrequents))
	}
	for i, w := range want.MostFrequents {
		if c := s.Frequent[i]; c.Index != w.Index || c.Rows != w.Rows || c.Min != w.Min || c.Max != w.Max ||
			!near(c.Mean, w.Mean) || !near(c.Std, w.Std) {
			t.Errorf("column %d by frequency = %+v, want %+v", i, c, w)
		}
	}
}

// Sparse rows are told as the same dense rows are, down to the histograms and the warnings.
func TestSparseAsDense(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var dense, sparse strings.Builder
	for range 50 {
		row := make([]string, 6)
		sparse.WriteString("0")
		x := rng.IntN(3)
		for j, v := range []int{x, 2, 0, rng.IntN(2) * rng.IntN(9), -5 * x, rng.IntN(4)} {
			row[j] = fmt.Sprint(v)
			if v != 0 || j == 0 {
				fmt.Fprintf(&sparse, " %d:%d", j, v) // also entries that are 0
			}
		}
		sparse.WriteString("\n")
		dense.WriteString(strings.Join(row, ",") + "\n")
	}
	o := Options{Target: "0", Formats: formats.Options{Unlabelled: true}}
	d, err := Of(context.Background(), o, []formats.File{file(t, "a.csv", dense.String())})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Of(context.Background(), o, []formats.File{file(t, "a.svm", sparse.String())})
	if err != nil {
		t.Fatal(err)
	}
	if p.Norms != d.Norms || p.Duplicates != d.Duplicates || p.Integers != d.Integers || p.DType != d.DType ||
		math.Abs(p.Zeros-d.Zeros) > 1e-15 || math.Abs(p.Offset-d.Offset) > 1e-14 {
		t.Errorf("sparse %+v\ndense %+v", p, d)
	}
	if s := p.Sparse; s.StoredZeros == 0 || s.Unused != 1 || s.FirstUnused[0].Label() != "2" || s.Constant != 1 ||
		s.FirstConstant[0].Label() != "1" || len(s.Frequent) != 5 {
		t.Errorf("%+v", s)
	}
	copies := 0
	for _, c := range p.Sparse.Frequent {
		want := d.Spread[c.Index]
		if math.Abs(c.Mean-want.Mean) > 1e-14 || math.Abs(c.Std-want.Std) > 1e-14 {
			t.Errorf("column %d: %+v, want %+v", c.Index, c.Column, want)
		}
		for _, w := range c.Warnings {
			if strings.HasPrefix(w, "a near-copy of the target 0") {
				copies++
			}
		}
		if want.Constant() {
			want.Warnings = nil // of which Constant tells
		}
		c.Mean, c.Std, c.Name, c.Distinct = want.Mean, want.Std, want.Name, want.Distinct // those are not counted
		if !reflect.DeepEqual(c.Column, want) {
			t.Errorf("column %d: %+v, want %+v", c.Index, c.Column, want)
		}
	}
	if copies != 1 {
		t.Errorf("%d copies of the target, want 1", copies)
	}
	o.Target = "6"
	_, err = Of(context.Background(), o, []formats.File{file(t, "a.svm", sparse.String())})
	if err == nil || !strings.Contains(err.Error(), `no column "6"`) {
		t.Errorf("%v", err)
	}
}

// Where more columns have a value than are kept, the most frequent are right up to what is said.
func TestSparseBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	total := newSparsePartial(1<<20, 0)
	exact := map[int32]int64{}
	const columns, limit = 20000, 500
	for i := range int64(100) {
		p := newSparsePartial(1<<20, 0)
		b := &vectors.Block{Dim: columns, DType: vectors.Float64, Sparse: &vectors.CSR{}}
		for row := range int64(20) {
			seen := map[int32]bool{}
			for range 10 {
				seen[int32(math.Pow(columns, rng.Float64()))-1] = true
			}
			var at []int32
			for j := range seen {
				at = append(at, j)
				exact[j]++
			}
			slices.Sort(at)
			values := make([]float64, len(at))
			for k := range values {
				values[k] = 1
			}
			b.AppendSparse(at, values, 20*i+row)
		}
		p.add(b, 0, 0)
		if total.merge(p, limit); len(total.columns) > limit {
			t.Fatalf("%d columns are kept, want at most %d", len(total.columns), limit)
		}
	}
	if total.short == 0 || total.short > 200 {
		t.Errorf("counts fall short by up to %d", total.short)
	}
	for j, n := range exact {
		var have int64
		if c := total.columns[j]; c != nil {
			have = c.count
		}
		if have > n || have < n-total.short {
			t.Errorf("column %d: %d rows, want %d, or up to %d fewer", j, have, n, total.short)
		}
	}
}

// The sample of rows does not depend on the order in which rows come.
func TestEntrySample(t *testing.T) {
	var forth, back entrySample
	const rows = 4 * lookSample
	of := func(i int64) sampledEntries {
		return sampledEntries{i, make([]int32, 1+i%2000), make([]float64, 1+i%2000)}
	}
	for i := range int64(rows) {
		forth.add(of(i))
		back.add(of(rows - 1 - i))
	}
	slices.SortFunc(back.rows, func(a, b sampledEntries) int { return int(a.number - b.number) })
	if !reflect.DeepEqual(forth, back) || forth.entries > sampleCells || forth.level == 0 || len(forth.rows) == 0 {
		t.Errorf("level %d with %d entries, and %d with %d", forth.level, forth.entries, back.level, back.entries)
	}
}

// Of an even number of rows the lower median is told, and a single zero counts.
func TestSparseCounts(t *testing.T) {
	var s Sparse
	if s.count(map[int64]int64{1: 1, 3: 1}, 2); s.MedianPerRow != 1 || s.MeanPerRow != 2 || s.MinPerRow != 1 ||
		s.MaxPerRow != 3 || s.NonZeros != 4 {
		t.Errorf("%+v", s)
	}
	c := entries{moments{min: 3, max: 3, mean: 3}, 1}
	if c.withZeros(2); c.moments != (moments{min: 0, max: 3, mean: 1.5, m2: 4.5}) {
		t.Errorf("%+v", c)
	}
}
