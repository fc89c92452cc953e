package newton

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
)

// Of alphas that are close to each other most take the second derivatives of others for their steps, and come to the
// optima of fits that have their own, whatever is written and read between the passes.
func TestCrossFitBorrows(t *testing.T) {
	t.Parallel()
	const n, d = 3000, 4
	all, split := lineartest.Logistic(n, d, 7), &folds.Folds{K: 2, Cuts: [][]uint64{{1 << 63}, {1 << 63}}}
	var alphas []float64
	for i := range 12 {
		alphas = append(alphas, 0.02*math.Pow(0.97, float64(i)))
	}
	for _, penalty := range []linear.Penalty{linear.L1, linear.L2} {
		o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2), Penalty: penalty}
		x, err := NewCrossFit(o, alphas, nil, split, d)
		if err != nil {
			t.Fatal(err)
		}
		summed := 0
		for !x.Done() {
			b, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			x = &CrossFit{}
			if err := json.Unmarshal(b, x); err != nil {
				t.Fatalf("%s, after %d passes: %v", penalty, x.Passes(), err)
			}
			if x.stage == crossFitting && x.passes == x.begun {
				for _, byVector := range x.partial(0, 1).shared {
					if byVector[0] != nil {
						summed++
					}
				}
			}
			lineartest.Pass(t, x, 2, lineartest.CutChunk(all, CrossRows)...)
		}
		if summed == 0 || summed > len(alphas)/2 {
			t.Errorf("%s: %d of %d alphas have second derivatives of their own", penalty, summed, len(alphas))
		}
		for a, alpha := range alphas {
			o.Alpha = new(alpha)
			want := plain(t, o, all, false)
			got, err := x.Model(a)
			if err != nil {
				t.Fatal(err)
			}
			if f := want.Training.Objective[0]; math.Abs(got.Training.Objective[0]-f) > 1e-11*f {
				t.Errorf("%s %v: objective %v, want %v", penalty, alpha, got.Training.Objective[0], f)
			}
			for j, w := range slices.Concat(want.Coef[0], want.Intercept) {
				if g := slices.Concat(got.Coef[0], got.Intercept)[j]; math.Abs(g-w) > 1e-8 || (g == 0) != (w == 0) {
					t.Errorf("%s %v: coefficient %d is %v, want %v", penalty, alpha, j, g, w)
				}
			}
		}
	}
}

// Where the sample has overflowed at an alpha, nobody borrows.
func TestCrossFitChangesUnknown(t *testing.T) {
	t.Parallel()
	x, err := NewCrossFit(linear.Options{Task: linear.Regression, Loss: linear.Huber}, []float64{0.1, 0.2}, nil,
		&folds.Folds{K: 2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := x.measureChanges(x.partial(0, 1), [][]jsontext.BitFloats{{{1, 2}}, nil})
	if changes != nil || err != nil {
		t.Errorf("changes %v, error %v", changes, err)
	}
}

// The alphas of a group go by one in its middle, and no group is wider than it may be.
func TestCrossFitLenders(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		changes []float64
		want    string
	}{
		{nil, "[0 1 2 3]"},
		{[]float64{0, 0, 0, 0}, "[3 3 3 3]"},
		{[]float64{0, 1, 1, 1}, "[0 1 2 3]"},
		{[]float64{0, lentChange, lentChange, lentChange}, "[1 1 1 3]"},
		{[]float64{1, lentChange / 2, lentChange / 2, 1}, "[2 2 2 3]"},
	} {
		x := &CrossFit{changes: v.changes, to: 4}
		var got []int
		for a := range 4 {
			got = append(got, x.lender(a))
		}
		if s := fmt.Sprint(got); s != v.want {
			t.Errorf("%v: %s, want %s", v.changes, s, v.want)
		}
	}
}
