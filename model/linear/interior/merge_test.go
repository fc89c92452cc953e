package interior

import (
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
)

// Sums of folds go along with those of the same pass and the same folds, and with no other: each of the three is told
// by itself.
func TestMergeOfFolds(t *testing.T) {
	t.Parallel()
	c := lineartest.Problem(60, 2, 2)
	c.Numbers = lineartest.RowNumbers(0, c.Len())
	o := linear.Options{Task: linear.Classification, Loss: linear.Hinge, Classes: lineartest.Numbered(2)}
	two := &folds.Folds{K: 2, Cuts: [][]uint64{{1 << 63}, {1 << 63}}}
	three := &folds.Folds{K: 3, Cuts: [][]uint64{{1 << 62, 1 << 63}, {1 << 62, 1 << 63}}}
	x := crossed(t, o, c, two, 1, 2)
	one, err := NewOptimizer(o, c.Features)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]linear.Partial{
		"another pass":    crossed(t, o, c, two, 1, 3).Partial(0, 1),
		"another number":  crossed(t, o, c, three, 1, 2).Partial(0, 1),
		"another learner": one.Partial(0, 1),
	} {
		if err := x.Partial(0, 1).Merge(other); err == nil {
			t.Errorf("sums of %s are added", name)
		}
	}
	if err := x.Partial(0, 1).Merge(crossed(t, o, c, two, 1, 2).Partial(0, 1)); err != nil {
		t.Errorf("sums of the same pass: %v", err)
	}
}

// Classes that are balanced need the number of rows of each beforehand.
func TestBalancedNeedsSizes(t *testing.T) {
	t.Parallel()
	c := lineartest.Problem(10, 2, 2)
	o := linear.Options{Task: linear.Classification, Loss: linear.Hinge, Classes: lineartest.Numbered(2)}
	o.ClassWeight.Balanced = true
	l, err := NewOptimizer(o, c.Features)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Partial(0, 1).PartialFit(c); err == nil || !strings.Contains(err.Error(), "must know the rows") {
		t.Errorf("without the sizes: %v", err)
	}
	l.ClassSizes = []float64{4, 6}
	if err := l.Partial(0, 1).PartialFit(c); err != nil {
		t.Errorf("with the sizes: %v", err)
	}
}
