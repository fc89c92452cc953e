package kmeans

import (
	"math"
	"math/rand/v2"
	"testing"

	"beamlearn/model/linear"
)

// Bounds that would hold for too few rows are not made again until centres move half as far.
func TestBoundsPay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bounded, held int64
		paid          float64
	}{
		{0, 0, math.Inf(1)},
		{1000, 125, math.Inf(1)},
		{1000, 124, 0.5},
	} {
		m := newMemory(&room{})
		m.bounded.Add(c.bounded)
		m.held.Add(c.held)
		if m.learn(1); m.paid != c.paid || m.bounded.Load() != 0 || m.held.Load() != 0 {
			t.Errorf("%d of %d hold: bounds pay below %v, want %v", c.held, c.bounded, m.paid, c.paid)
		}
		far, near := movement{slow: 0.9, near: 100, paid: m.paid}, movement{slow: 0.4, near: 100, paid: m.paid}
		if far.boundsPay() != math.IsInf(c.paid, 1) || !near.boundsPay() {
			t.Errorf("%d of %d hold: bounds pay: %v at 0.9, %v at 0.4", c.held, c.bounded, far.boundsPay(), near.boundsPay())
		}
	}
}

// A pass counts the rows that it bounds, each once, whether it searches for them or not.
func TestCountsBounds(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	var values []float64
	for i := range 600 {
		for range 4 {
			values = append(values, 0.3*float64(i%50)+r.NormFloat64())
		}
	}
	rows := block(t, 4, values...)
	f, err := NewFit(Options{Clusters: []int{12}, Init: Random, MaxIter: 60, Seed: 1, NInit: 1}, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	bounded := false
	for !f.Done() {
		pays := memoryOf(f) != nil && f.runs[0].boundsPay()
		sum := f.Partial(0, 1)
		if err := sum.PartialFit(linear.Of(rows)); err != nil {
			t.Fatal(err)
		}
		if m := memoryOf(f); m != nil && pays {
			n, held := m.bounded.Load(), m.held.Load()
			if n != 0 && (n != 600 || held < 0 || held > n) {
				t.Errorf("pass %d: %d rows are bounded, %d of them hold", f.Passes(), n, held)
			}
			bounded = bounded || n == 600
		}
		if err := f.Advance(sum); err != nil {
			t.Fatal(err)
		}
	}
	if !bounded {
		t.Error("no pass has bounded rows")
	}
}

// memoryOf is that of the only run of a fit; nil where there is none yet.
func memoryOf(f *Fit) *memory {
	if len(f.runs) == 0 {
		return nil
	}
	return f.runs[0].memory
}
