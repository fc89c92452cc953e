package impute

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"beamlearn/model/internal/guard"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/vectors"
)

// matrix is rows in which null is what is missing.
type matrix [][]*float64

func (m matrix) block(t *testing.T) *vectors.Block {
	b := &vectors.Block{Dim: len(m[0]), DType: vectors.Float64, Missing: true}
	for i, row := range m {
		values := make([]float64, len(row))
		for j, v := range row {
			if values[j] = math.NaN(); v != nil {
				values[j] = *v
			}
		}
		if b.Append(values, int64(i)) >= 0 {
			t.Fatalf("row %d cannot be stored", i)
		}
	}
	return b
}

// What is filled in is scikit-learn's, with its means and whatever has no number at all, at any number of threads, and
// after going through a file.
func TestSklearn(t *testing.T) {
	b, err := os.ReadFile("testdata/sklearn.json")
	if err != nil {
		t.Fatal(err)
	}
	var of struct {
		Cases []struct {
			Name, Weights string
			K             int
			Standardize   bool
			X, Q, Filled  matrix
		}
	}
	if err := json.Unmarshal(b, &of); err != nil {
		t.Fatal(err)
	}
	if len(of.Cases) < 20 {
		t.Fatalf("%d cases", len(of.Cases))
	}
	for _, c := range of.Cases {
		m, err := New(len(c.X[0]), Options{K: c.K, Weights: vote.Weights(c.Weights), Standardize: c.Standardize})
		if err != nil {
			t.Fatal(err)
		}
		points := c.X.block(t)
		if err := m.Add(points); err != nil {
			t.Fatal(err)
		}
		m.Fit()
		var file bytes.Buffer
		if err := m.Save(&file); err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		q, want := c.Q.block(t), c.Filled.block(t)
		one, err := m.Fill(q, 1)
		if err != nil {
			t.Fatal(err)
		}
		many, err := loaded.Fill(q, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i, cell := range one {
			if many[i] != cell {
				t.Fatalf("%s: %+v by one thread, %+v by three after a file", c.Name, cell, many[i])
			}
			q.F64[cell.Row*q.Dim+cell.Column] = cell.Value
		}
		for i, v := range want.F64 {
			if got := q.F64[i]; !(math.Abs(got-v) <= 1e-9*math.Max(1, math.Abs(v))) && (got == got || v == v) {
				t.Errorf("%s, %s, k %d: row %d, column %d is %v, scikit-learn has %v", c.Name, c.Weights, c.K, i/q.Dim, i%q.Dim,
					got, v)
			}
		}
	}
}

// A point that comes earlier counts first among those at the same distance.
func TestTies(t *testing.T) {
	m, err := New(2, Options{K: 2, Weights: vote.Uniform})
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: 2, DType: vectors.Float64, Missing: true}
	for i, row := range [][]float64{{1, 10}, {-1, 20}, {1, 30}, {5, 40}, {-1, 50}, {1, 60}, {1, 70}, {1, 80}, {-1, 90},
		{0.5, 4}} {
		b.Append(row, int64(i))
	}
	if err := m.Add(b); err != nil {
		t.Fatal(err)
	}
	m.Fit()
	b.Reset()
	b.Append([]float64{0, math.NaN()}, 0)
	cells, err := m.Fill(b, 0)
	if err != nil || len(cells) != 1 || cells[0].Value != 7 {
		t.Fatalf("%+v, %v: expected the mean of 4 and 10", cells, err)
	}
}

// Numbers whose squares cannot be told are a fault, of points and of rows.
func TestBeyond(t *testing.T) {
	m, err := New(1, Options{K: 1, Weights: vote.Uniform})
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: 1, DType: vectors.Float64, Missing: true}
	b.Append([]float64{1e200}, 7)
	if err := m.Add(b); err == nil || !strings.Contains(err.Error(), "1e+200") {
		t.Error(err)
	}
	m.Fit()
	if _, err := m.Fill(b, 1); err == nil {
		t.Error("no fault")
	}
	if _, err := New(1, Options{Weights: "other"}); err == nil || !strings.Contains(err.Error(), "k 0") ||
		!strings.Contains(err.Error(), "other") {
		t.Error(err)
	}
}

// A file that is cut, or of other sizes than it says, is an error.
func TestLoadDamaged(t *testing.T) {
	m, err := New(2, Options{K: 1, Weights: vote.Uniform})
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: 2, DType: vectors.Float64, Missing: true}
	b.Append([]float64{1, math.NaN()}, 0)
	if err := m.Add(b); err != nil {
		t.Fatal(err)
	}
	m.Fit()
	var file bytes.Buffer
	if err := m.Save(&file); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	for n := range whole {
		if _, err := Load(bytes.NewReader(whole[:n]), int64(n)); err == nil {
			t.Fatalf("no error of %d bytes of %d", n, len(whole))
		}
	}
	huge := strings.Replace(file.String(), `"Rows":1`, `"Rows":2000000000`, 1)
	if _, err := Load(strings.NewReader(huge), int64(len(huge))); err == nil {
		t.Error("no error of more rows than there are bytes")
	}
}

// The kernel does what the reference does, to the bit, wherever its lists lie.
func TestKernel(t *testing.T) {
	if !assembly {
		t.Skip("this machine, or this build, has no kernel")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, dim := range []int{1, 2, 3, 7, 8, 17, 64, 100} {
		for _, place := range []string{"head", "tail", "unaligned"} {
			block := guard.Slice[float64](t, dim*lanes, place)
			values, places := guard.Slice[float64](t, dim, place), guard.Slice[int64](t, dim, place)
			for i := range block {
				if block[i] = rng.NormFloat64(); rng.IntN(3) == 0 || i%lanes == 5 {
					block[i] = math.NaN()
				}
			}
			n := 0
			for j := range dim {
				if rng.IntN(4) > 0 || j == dim-1 {
					values[n], places[n] = rng.NormFloat64(), int64(j*lanes*8)
					n++
				}
			}
			for _, ceiling := range []float64{math.Inf(1), 1, 0} {
				var got, want [lanes]float64
				mask := nanSquares(values[:n], places[:n], block, ceiling, &got)
				if expected := nanSquaresGeneric(values[:n], places[:n], block, ceiling, &want); mask != expected {
					t.Fatalf("%d columns, %s: the bits %b, expected %b", dim, place, mask, expected)
				}
				for l := range got {
					if got[l] != want[l] && (got[l] == got[l] || want[l] == want[l]) {
						t.Fatalf("%d columns, %s, point %d: %v, expected %v", dim, place, l, got[l], want[l])
					}
				}
			}
		}
	}
}
