package leastsquares

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/vectors"
)

// targetRows are rows of so many targets, some of which are far from 0; sparse ones have a tenth of their entries.
func targetRows(rng *rand.Rand, first, n, d, targets int, weighted, sparse bool) *linear.Chunk {
	c := &linear.Chunk{Features: d, Targets: make([]vectors.Target, targets)}
	if sparse {
		c.Sparse = &linear.CSR{Offsets: []int{0}}
	}
	for i := range n {
		c.Numbers = append(c.Numbers, int64(first+i))
		for j := range d {
			v := rng.NormFloat64() + float64(100*j)
			switch {
			case c.Sparse == nil:
				c.X = append(c.X, v)
			case j == 1 || rng.IntN(10) == 0: // a column that all rows have
				c.Sparse.Indices, c.Sparse.Values = append(c.Sparse.Indices, int32(j)), append(c.Sparse.Values, v)
			}
		}
		if c.Sparse != nil {
			c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		}
		for k := range c.Targets {
			c.Targets[k].Numbers = append(c.Targets[k].Numbers, rng.NormFloat64()*float64(k+1)+float64(1000*k))
		}
		if weighted {
			c.Weights = append(c.Weights, float64(rng.IntN(3)))
		}
	}
	return c
}

// severalLearner is a learner whose rows may have several targets.
type severalLearner interface {
	linear.Learner
	Several(targets int) linear.Partial
}

// The sums of several targets are, for each, those of a pass with it alone, to the last bit: dense and sparse,
// weighted, by folds, merged, and over the wire in between.
func TestTargetsEqualAlone(t *testing.T) {
	for _, targets := range []int{2, 4, 5, 9} {
		for _, form := range []string{"dense", "weighted", "sparse", "sparse weighted", "folds", "folds weighted"} {
			t.Run(fmt.Sprint(targets, " ", form), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(7, uint64(targets)))
				const d = 13
				begin := func() severalLearner {
					if form[0] == 'f' {
						f, err := NewFoldGram(d, 3, folds.ByNumber(1, 3))
						if err != nil {
							t.Fatal(err)
						}
						return f
					}
					g, err := NewGram(d)
					if err != nil {
						t.Fatal(err)
					}
					return g
				}
				all := begin()
				var parts []linear.Partial
				alone := make([][]linear.Partial, targets)
				for part := range 3 {
					p := all.Several(targets)
					chunks := []*linear.Chunk{}
					for range 2 {
						chunks = append(chunks, targetRows(rng, 1000*part, 150, d, targets,
							form == "weighted" || len(form) > 8, form[0] == 's'))
					}
					for _, c := range chunks {
						if err := p.PartialFit(c); err != nil {
							t.Fatal(err)
						}
					}
					parts = append(parts, p)
					for k := range targets {
						one := begin().Partial(part, 3)
						for _, c := range chunks {
							if err := one.PartialFit(c.OfTarget(k)); err != nil {
								t.Fatal(err)
							}
						}
						alone[k] = append(alone[k], one)
					}
				}
				sum := all.Several(targets)
				for _, p := range parts {
					wired := all.Several(targets)
					b, err := p.MarshalBinary()
					if err == nil {
						err = wired.UnmarshalBinary(b)
					}
					if err == nil {
						err = sum.Merge(wired)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				for k := range targets {
					one := begin().Partial(0, 3)
					for _, p := range alone[k] {
						if err := one.Merge(p); err != nil {
							t.Fatal(err)
						}
					}
					want, err := one.MarshalBinary()
					if err != nil {
						t.Fatal(err)
					}
					got, err := sum.(interface{ Target(k int) linear.Partial }).Target(k).MarshalBinary()
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got, want) {
						t.Errorf("target %d has other sums than alone", k)
					}
				}
			})
		}
	}
}

// Rows of another number of targets, targets that are no numbers, and sums that overflow are errors.
func TestTargetsRefused(t *testing.T) {
	g, err := NewGram(3)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	p := g.Several(3)
	if err := p.PartialFit(targetRows(rng, 0, 5, 3, 2, false, false)); err == nil {
		t.Error("two targets for three")
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), 1e200} {
		c := targetRows(rng, 0, 5, 3, 3, false, false)
		c.Targets[2].Numbers[1] = bad
		err := g.Several(3).PartialFit(c)
		if err == nil {
			t.Errorf("target %v is no error", bad)
		} else if told := "values of target 3 that overflow"; bad == 1e200 && !strings.Contains(err.Error(), told) {
			t.Errorf("%v, expected %s", err, told)
		}
	}
	if err := p.Merge(g.Several(2)); err == nil {
		t.Error("sums of other targets are merged")
	}
}
