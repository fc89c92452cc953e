package neighbors

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"beamlearn/model/vectors"
)

// answersOfAll are the k nearest of all rows among the rows themselves.
func answersOfAll(t testing.TB, b *vectors.Block, k int) *Answers {
	t.Helper()
	x, err := Fit(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := x.KNeighbors(b, k, Search{Self: true, Part: true})
	if err != nil {
		t.Fatal(err)
	}
	return AnswersOf(b, b, found)
}

// The answers of overlapping parts of which each pair of points has one make the whole answer, in any order.
func TestMergeAnswers(t *testing.T) {
	const n, k, groups = 240, 7, 6
	r := rand.New(rand.NewPCG(1, 2))
	rows := gaussianRows(r, n, 3)
	for i := range 40 {
		rows[200+i] = rows[i] // equal rows: ties
	}
	for label, put := range labels {
		t.Run(label, func(t *testing.T) {
			b := rowsBlock(rows, vectors.Auto)
			put(b)
			want := answersOfAll(t, b, k)
			var parts []*Answers
			for g := range groups { // every two of the groups are in a part
				for h := range g {
					var some []int
					for i := range n {
						if i%groups == g || i%groups == h {
							some = append(some, i)
						}
					}
					parts = append(parts, answersOfAll(t, rowsOf(t, b, some), k))
				}
			}
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			got := MergeAnswers(k, parts...)
			if !slices.Equal(got.Numbers, want.Numbers) || !slices.Equal(got.Offsets, want.Offsets) ||
				!slices.Equal(got.Distances, want.Distances) || !slices.Equal(got.Neighbors, want.Neighbors) {
				t.Fatal("the parts' answers do not make those of the whole")
			}
			for j := range got.Neighbors {
				if got.NeighborID(int32(j)) != want.NeighborID(int32(j)) {
					t.Fatalf("neighbour %d has the id %.40v, want %.40v", j, got.NeighborID(int32(j)), want.NeighborID(int32(j)))
				}
			}
			if got.IDs.Len() != b.IDs.Len() {
				t.Fatalf("%d ids, want %d", got.IDs.Len(), b.IDs.Len())
			}
			// In ranges of their numbers, they merge to the same.
			var ranges []*Answers
			lo, hi := b.Numbers[0], b.Numbers[n-1]+1
			for at := lo; at < hi; at += 100 {
				ranges = append(ranges, got.Between(at, at+100))
			}
			if again := MergeAnswers(k, ranges...); !reflect.DeepEqual(again, got) {
				t.Error("answers cut into ranges are others")
			}
			some := got.Of([]int64{b.Numbers[3], b.Numbers[3] + 1_000_000, b.Numbers[200]})
			if i := 200; some.Len() != 2 ||
				!slices.Equal(some.Distances[some.Offsets[1]:], got.Distances[got.Offsets[i]:got.Offsets[i+1]]) {
				t.Errorf("answers of two queries: %+v", some)
			}
		})
	}
	if m := MergeAnswers(3); m.Len() != 0 || len(m.Offsets) != 1 {
		t.Errorf("of no parts: %+v", m)
	}
}

// examples are encoded answers and points with all kinds of labels.
func examples(t testing.TB) (answers, points [][]byte) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, label := range slices.Sorted(func(yield func(string) bool) {
		for name := range labels {
			if !yield(name) {
				return
			}
		}
	}) {
		for _, dtype := range []vectors.DType{vectors.Float32, vectors.Float64} {
			b := rowsBlock(gaussianRows(r, 9, 3), dtype)
			labels[label](b)
			var a, p bytes.Buffer
			if n, err := answersOfAll(t, b, 4).WriteTo(&a); err != nil || n != int64(a.Len()) {
				t.Fatal(n, err)
			}
			if err := WritePoints(&p, b); err != nil {
				t.Fatal(err)
			}
			answers, points = append(answers, a.Bytes()), append(points, p.Bytes())
		}
	}
	return answers, points
}

func TestAnswersEncoding(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for label, put := range labels {
		for _, dtype := range []vectors.DType{vectors.Float32, vectors.Float64} {
			t.Run(fmt.Sprint(label, " ", dtype), func(t *testing.T) {
				b := rowsBlock(gaussianRows(r, 50, 4), dtype)
				put(b)
				var w bytes.Buffer
				if err := WritePoints(&w, b); err != nil {
					t.Fatal(err)
				}
				c, err := ReadPoints(iotest.HalfReader(bytes.NewReader(w.Bytes())), int64(w.Len()))
				if err != nil {
					t.Fatal(err)
				}
				if c.Wide() != b.Wide() || !slices.Equal(c.F32, b.F32) || !slices.Equal(c.F64, b.F64) ||
					!slices.Equal(c.Numbers, b.Numbers) ||
					!slices.Equal(c.IDs.Ints, b.IDs.Ints) || !slices.Equal(c.IDs.Texts, b.IDs.Texts) {
					t.Error("the points read are others")
				}
				a := answersOfAll(t, b, 5)
				w.Reset()
				if _, err := a.WriteTo(&w); err != nil {
					t.Fatal(err)
				}
				got, err := ReadAnswers(iotest.HalfReader(bytes.NewReader(w.Bytes())), int64(w.Len()))
				if err != nil {
					t.Fatal(err)
				}
				if m, n := MergeAnswers(5, got), MergeAnswers(5, a); !reflect.DeepEqual(m, n) {
					t.Error("the answers read are others")
				}
			})
		}
	}
	if err := WritePoints(new(bytes.Buffer), &vectors.Block{Dim: 1, Sparse: &vectors.CSR{}}); err == nil {
		t.Error("sparse rows are written")
	}
}

func TestDamagedAnswers(t *testing.T) {
	answers, points := examples(t)
	for _, c := range []struct {
		name  string
		whole [][]byte
		read  func(b []byte) error
	}{
		{"answers", answers, func(b []byte) error { _, err := ReadAnswers(bytes.NewReader(b), int64(len(b))); return err }},
		{"points", points, func(b []byte) error { _, err := ReadPoints(bytes.NewReader(b), int64(len(b))); return err }},
	} {
		for _, b := range c.whole {
			for n := range b {
				if err := c.read(b[:n]); err == nil || !strings.Contains(err.Error(), "not "+c.name+", or damaged: ") {
					t.Fatalf("%s cut to %d bytes: %v", c.name, n, err)
				}
			}
			if err := c.read(append(slices.Clone(b), 0)); err == nil {
				t.Errorf("%s with a byte more are read", c.name)
			}
		}
	}
	nan := &Answers{Numbers: []int64{1}, Offsets: []int64{0, 1}, Distances: []float64{math.NaN()}, Neighbors: []int64{2}}
	down := &Answers{Numbers: []int64{2, 1}, Offsets: []int64{0, 0, 0}}
	back := &Answers{Numbers: []int64{1, 2, 3}, Offsets: []int64{0, 2, 1, 2}, Distances: []float64{1, 2},
		Neighbors: []int64{2, 3}}
	for want, a := range map[string]*Answers{
		"a distance that is no number": nan, "row numbers that do not ascend": down, "offsets that do not ascend": back,
	} {
		var w bytes.Buffer
		if _, err := a.WriteTo(&w); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadAnswers(&w, int64(w.Len())); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzReadAnswers(f *testing.F) {
	answers, _ := examples(f)
	for _, b := range answers {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ReadAnswers(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var w bytes.Buffer
		if _, err := a.WriteTo(&w); err != nil || !bytes.Equal(w.Bytes(), b) {
			t.Fatalf("read, and written otherwise: %v", err)
		}
		MergeAnswers(2, a, a.Between(0, 10)).Found()
	})
}

func FuzzReadPoints(f *testing.F) {
	_, points := examples(f)
	for _, b := range points {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPoints(bytes.NewReader(b), int64(len(b)))
		if err != nil || p.Len() == 0 {
			return
		}
		for i := range p.Len() {
			p.ID(i)
			p.Row(i, make([]float64, p.Dim))
		}
		var w bytes.Buffer
		if err := WritePoints(&w, p); err != nil || !bytes.Equal(w.Bytes(), b) {
			t.Fatalf("read, and written otherwise: %v", err)
		}
	})
}

// Ranges are all answers, each in the range of its query's number.
func TestRanges(t *testing.T) {
	t.Parallel()
	a := &Answers{Numbers: []int64{0, 9, 10, 35, 39, 40}, Offsets: []int64{0, 1, 1, 3, 4, 5, 6},
		Distances: []float64{0, 2, 3, 4, 5, 6}, Neighbors: []int64{1, 2, 3, 4, 5, 6}}
	var ranges, numbers []int64
	var distances []float64
	for r, some := range a.Ranges(10) {
		ranges = append(ranges, r)
		for _, n := range some.Numbers {
			if n/10 != r {
				t.Errorf("query %d in range %d", n, r)
			}
		}
		numbers, distances = append(numbers, some.Numbers...), append(distances, some.Distances...)
	}
	if !slices.Equal(ranges, []int64{0, 1, 3, 4}) || !slices.Equal(numbers, a.Numbers) ||
		!slices.Equal(distances, a.Distances) {
		t.Errorf("ranges %v of queries %v at %v", ranges, numbers, distances)
	}
	for range a.Ranges(10) {
		break // it need not be run to the end
	}
}
