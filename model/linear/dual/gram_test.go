package dual

import (
	"math"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// A combination of rows whose products are summed up column by column is the weight vector of the reduced table: with
// the same norm, and the same predictions but for the intercept's. So it is of any number of columns a pass.
func TestReduced(t *testing.T) {
	for _, centred := range []bool{false, true} {
		for _, block := range []int{1, 3, 7} {
			c := lineartest.Problem(6, 0, 1) // of 7 columns
			c.Numbers = lineartest.RowNumbers(0, 6)
			g, err := NewGram(linear.Options{Task: linear.Regression, FitIntercept: &centred}, c.Features, 6)
			if err != nil {
				t.Fatal(err)
			}
			g.block = block
			for !g.Done() {
				left := g.Left()
				lineartest.Pass(t, g, 2, c.Slice(0, 4), c.Slice(4, 6))
				if g.Left() != left-1 {
					t.Fatalf("%d passes left of %d", g.Left(), left)
				}
			}
			if want := (c.Features + block - 1) / block; g.Passes() != want {
				t.Errorf("%d passes, want %d", g.Passes(), want)
			}
			table, f := g.Reduced()
			v := make([]float64, table.Features)
			for j := range v {
				v[j] = float64(j*j) - 2.5
			}
			w, err := g.Weights(f, [][]float64{v}, []float64{0.75})
			if err != nil {
				t.Fatal(err)
			}
			lineartest.Pass(t, w, 2, c.Slice(0, 4), c.Slice(4, 6))
			coef, intercept := w.Coef()
			if d := kernel.Dot(coef[0], coef[0])/kernel.Dot(v, v) - 1; !(math.Abs(d) <= 1e-12) {
				t.Errorf("centred %v: the norm is off by %.2g", centred, d)
			}
			for i := range 6 {
				x, z := c.X[i*c.Features:][:c.Features], table.X[i*len(v):][:len(v)]
				got, want := kernel.Dot(x, coef[0])+intercept[0], kernel.Dot(z, v)+0.75
				if !(math.Abs(got-want) <= 1e-12*(1+math.Abs(want))) {
					t.Errorf("centred %v: row %d: predicted %v, want %v", centred, i, got, want)
				}
			}
		}
	}
}

// More rows than were foreseen are no products, and rows that have changed are no weights.
func TestRefuses(t *testing.T) {
	if _, err := NewGram(linear.Options{Task: linear.Regression}, 5, MaxRows+1); err == nil {
		t.Error("too many rows are taken")
	}
	o := linear.Options{Task: linear.Regression}
	g, err := NewGram(o, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	rows := &linear.Chunk{Features: 1, X: make([]float64, MaxRows+1), Target: make([]float64, MaxRows+1)}
	lineartest.Pass(t, g, 1, rows)
	if !g.TooMany() || !g.Done() {
		t.Error("too many rows are taken")
	}
	if g, err = NewGram(o, 1, 3); err != nil {
		t.Fatal(err)
	}
	lineartest.Pass(t, g, 1, rows.Slice(0, 3))
	_, f := g.Reduced()
	w, err := g.Weights(f, [][]float64{{0}}, []float64{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Partial(0, 1).PartialFit(rows.Slice(0, 4)); err != errChanged {
		t.Errorf("four rows of three: %v", err)
	}
	if err := w.Advance(w.Partial(0, 1)); err != errChanged {
		t.Errorf("no rows of three: %v", err)
	}
}
