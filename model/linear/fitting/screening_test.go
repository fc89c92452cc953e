package fitting

import (
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/linear/screening"
)

// A fit by a working set of columns that its passes do not suffice for says so, with how far its objective may be above
// the least; one that has converged says nothing.
func TestScreeningWarns(t *testing.T) {
	t.Parallel()
	const n = 60
	c := &linear.Chunk{Features: MaxExactFeatures + 100, Sparse: &linear.CSR{Offsets: []int{0}}}
	for i := range n {
		for j := range 12 {
			c.Sparse.Indices = append(c.Sparse.Indices, int32(j*7))
			c.Sparse.Values = append(c.Sparse.Values, float64((i*(j+3))%17)/8-1)
		}
		c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		c.Target, c.Numbers = append(c.Target, float64(i*i%3%2)), append(c.Numbers, int64(i))
	}
	o := FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.L1},
		Alphas: []float64{0.001}}
	for most, warns := range map[int]bool{100: false, 2: true} {
		f, err := drive(t, newFitFor(t, o, c), c, 3, nil, func(f *Fit, _ Pass) {
			if l, ok := f.learner.(*screening.Optimizer); ok {
				l.MaxPasses = most
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Join(f.Warnings(), "\n")
		if strings.Contains(said, "the optimum was not reached in 2 passes") != warns {
			t.Errorf("of %d passes at most: %q", most, said)
		}
		if gap := f.Model().Training.Gap; (gap > 1e-3*f.Model().Training.Objective[0]) != warns {
			t.Errorf("of %d passes at most: the gap is %v of %v", most, gap, f.Model().Training.Objective)
		}
	}
}

// Columns without any value but 0 are not kept out by their scale.
func TestKeptOutOfZeros(t *testing.T) {
	t.Parallel()
	o := &linear.Options{Penalty: linear.L1, Alpha: new(0.1)}
	if said := keptOut(o, []float64{0, 4, 0}, 1); said != nil {
		t.Errorf("%q", said)
	}
	said := keptOut(o, []float64{0, 0.0001, 4}, 1)
	if len(said) != 1 || !strings.Contains(said[0], "keeps 1 of 3 columns") {
		t.Errorf("%q", said)
	}
}
