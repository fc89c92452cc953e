package outliers

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// table is the numbers of a table in the repository, without its last column.
func table(t *testing.T, name string) *vectors.Block {
	t.Helper()
	name, copied := strings.CutSuffix(name, " copies")
	f, err := os.Open("../../../testdata/" + name + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = rows[1:]
	if copied { // as in generate.py
		var all [][]string
		for i, r := range rows[:250] {
			n := 1
			if i < 5 {
				n = 30
			} else if i < 60 {
				n = 2
			}
			all = append(all, slices.Repeat([][]string{r}, n)...)
		}
		rows = all
	}
	b := &vectors.Block{Dim: len(rows[0]) - 1, DType: vectors.Float64}
	for i, r := range rows {
		x := make([]float64, b.Dim)
		for j := range x {
			if x[j], err = strconv.ParseFloat(r[j], 64); err != nil {
				t.Fatal(err)
			}
		}
		b.Append(x, int64(i))
	}
	return b
}

// lists are the neighbours of queries among points, in pieces of so many rows.
func lists(t *testing.T, q, points *vectors.Block, k int, self bool) Lists {
	t.Helper()
	x, err := neighbors.Fit(points, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := x.KNeighbors(q, k, neighbors.Search{Self: self})
	if err != nil {
		t.Fatal(err)
	}
	all := neighbors.AnswersOf(q, points, found)
	return func(use func(a *neighbors.Answers) error) error {
		for _, a := range all.Ranges(97) {
			if err := use(a); err != nil {
				return err
			}
		}
		return nil
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(b)) }

// Scores, thresholds and the novelty of other rows are scikit-learn's, of copies of rows too.
func TestSklearn(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/sklearn.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name                 string
		K, Half, Outliers    int
		Contamination        float64
		Scores, Novelty, Kth []float64
		Offset               float64
		NoveltyOffset        float64 `json:"novelty_offset"`
		KthOffset            float64 `json:"kth_offset"`
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		x := table(t, c.Name)
		compare := func(what string, got, want []float64, offset, wantOffset float64) {
			t.Helper()
			for i, w := range want {
				if len(got) != len(want) || !near(got[i], w) {
					t.Fatalf("%s, k %d, %s: row %d has %v, want %v", c.Name, c.K, what, i, got[i], w)
				}
			}
			if !near(offset, wantOffset) {
				t.Errorf("%s, k %d, %s: offset %v, want %v", c.Name, c.K, what, offset, wantOffset)
			}
		}
		score := func(points, q *vectors.Block, o Options) ([]float64, *Points) {
			self := lists(t, points, points, c.K, true)
			p, err := NewPoints(int64(points.Len()), self, o)
			if err != nil {
				t.Fatal(err)
			}
			scores, err := p.Scores(int64(points.Len()), self, o)
			if err != nil {
				t.Fatal(err)
			}
			p.SetOffset(scores, o)
			if q == nil {
				return scores, p
			}
			b, err := p.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			p = &Points{}
			if err := p.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			scores, err = p.Scores(int64(q.Len()), lists(t, q, points, c.K, false), o)
			if err != nil {
				t.Fatal(err)
			}
			return scores, p
		}
		o := Options{Method: LOF, Contamination: c.Contamination}
		scores, p := score(x, nil, o)
		compare("lof", scores, c.Scores, p.Offset, c.Offset)
		outliers := 0
		for _, s := range scores {
			if p.Outlier(s, o) {
				outliers++
			}
		}
		if outliers != c.Outliers {
			t.Errorf("%s, k %d: %d outliers, want %d", c.Name, c.K, outliers, c.Outliers)
		}
		rest := *x.Slice(c.Half, x.Len())
		rest.Numbers = x.Numbers[:rest.Len()]
		scores, p = score(x.Slice(0, c.Half), &rest, o)
		compare("novelty", scores, c.Novelty, p.Offset, c.NoveltyOffset)
		scores, p = score(x, nil, Options{Method: Kth, Contamination: 0.1})
		compare("kth", scores, c.Kth, p.Offset, c.KthOffset)
	}
}

// Ranks begin with the row farthest out, and with the first of equal ones.
func TestRanks(t *testing.T) {
	t.Parallel()
	scores := []float64{-1, -3, math.NaN(), -1, -2}
	if got := Ranks(scores, Options{Method: LOF}); !reflect.DeepEqual(got, []int32{3, 1, 0, 4, 2}) {
		t.Error(got)
	}
	if got := Ranks(scores, Options{Method: Kth}); !reflect.DeepEqual(got, []int32{1, 4, 0, 2, 3}) {
		t.Error(got)
	}
}

// Damaged bytes, lists of rows that there are not, and options that cannot be, are errors.
func TestDamaged(t *testing.T) {
	t.Parallel()
	b, err := (&Points{Distances: []float64{1, 2}, Densities: []float64{3, 4}}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		if (&Points{}).UnmarshalBinary(b[:i]) == nil {
			t.Errorf("%d bytes are taken", i)
		}
		bad := slices.Clone(b)
		bad[i] ^= 1
		if (&Points{}).UnmarshalBinary(bad) == nil {
			t.Errorf("with byte %d changed they are taken", i)
		}
	}
	a := &neighbors.Answers{Numbers: []int64{0, 1}, Offsets: []int64{0, 1, 2}, Neighbors: []int64{1, 7},
		Distances: []float64{1, 1}}
	one := func(use func(a *neighbors.Answers) error) error { return use(a) }
	if _, err := NewPoints(2, one, Options{Method: LOF}); err == nil {
		t.Error("a neighbour that is no row is taken")
	}
	if _, err := NewPoints(1, one, Options{Method: Kth}); err == nil {
		t.Error("a row beyond the last is taken")
	}
	for _, o := range []Options{{}, {Method: "x"}, {Method: LOF, Contamination: 0.6},
		{Method: LOF, Contamination: math.NaN()}} {
		if o.Validate() == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
