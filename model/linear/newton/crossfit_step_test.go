package newton

import (
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
)

// A fold's step is taken only where the objective falls by a share of what its slope promises (Armijo); otherwise a
// quarter of it is tried.
func TestCrossFitStep(t *testing.T) {
	t.Parallel()
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2)}
	for name, v := range map[string]struct {
		falls float64 // by so much of the slope
		taken bool
	}{
		"by what it promises": {1, true},
		"by enough":           {2 * armijo, true},
		"by too little":       {armijo / 2, false},
		"not at all":          {0, false},
		"it rises":            {-1, false},
	} {
		x, err := NewCrossFit(o, []float64{0.1}, nil, &folds.Folds{K: 2, Cuts: [][]uint64{{1 << 63}, {1 << 63}}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		const slope = -0.5
		p := &foldFit{Base: []float64{0, 0}, Dir: []float64{1, 2}, Slope: slope, Objective: 3}
		loss := p.Objective + v.falls*slope - x.views[0].penalty(p.Base, p.Dir, 1)
		if x.step(0, p, 10*loss, []float64{1, 1}, 10, foldPromise) == nil {
			t.Fatalf("%s: the objective overflows", name)
		}
		switch {
		case v.taken && (p.Base[0] != 1 || p.Base[1] != 2 || p.Failed != 0):
			t.Errorf("%s: the step is not taken: %+v", name, p)
		case !v.taken && (p.Base[0] != 0 || p.Dir[0] != 0.25 || p.Dir[1] != 0.5 || p.Slope != slope/4 || p.Failed != 1):
			t.Errorf("%s: it is not a quarter of the step that is tried: %+v", name, p)
		}
	}
}
