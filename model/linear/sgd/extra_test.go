package sgd

import (
	"fmt"
	"slices"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// extraCase is a case of extra.json, which testdata/generate.py describes.
type extraCase struct {
	sgdCase
	Sparse, Balanced bool
	Epochs           int
}

func (c *extraCase) chunks(tab *lineartest.Table, sizes []int) []*linear.Chunk {
	var target, weights []float64
	if c.Target != nil {
		target = tab.Columns[*c.Target]
	}
	if c.SampleWeight != nil {
		weights = tab.Columns[*c.SampleWeight]
	}
	out := lineartest.Chunks(tab.X, lineartest.TableFeatures, target, weights, sizes...)
	if c.Sparse {
		wide, row := lineartest.WideRows(tab), 0
		for _, k := range out {
			n := k.Len()
			k.X, k.Features, k.Sparse = nil, lineartest.WideFeatures, wide.Slice(row, row+n)
			row += n
		}
	}
	return out
}

// More of scikit-learn's results: sparse rows, weights, epochs with a criterion to stop.
func TestExtra(t *testing.T) {
	tab := lineartest.ReadTable(t)
	cases := lineartest.ReadCases[extraCase](t, "extra.json")
	if len(cases) != 82 {
		t.Errorf("%d cases", len(cases))
	}
	worst := 0.0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			compare := func(what string, got, want []float64) {
				d := lineartest.Distance(t, what, got, want)
				worst = max(worst, d)
				if !(d <= lineartest.Tolerance) {
					t.Errorf("%s: off by %.2g: got %v, want %v", what, d, got, want)
				}
			}
			o := c.options(t)
			o.ClassWeight.Balanced = c.Balanced
			features := lineartest.TableFeatures
			if c.Sparse {
				features = lineartest.WideFeatures
			}
			sizes := c.Chunks
			if c.Epochs > 0 {
				sizes = []int{500}
				o.Tol = new(lineartest.Numbers(t, c.Params["tol"])[0])
			}
			s, err := NewSGD(o, features)
			if err != nil {
				t.Fatal(err)
			}
			rows := c.chunks(tab, sizes)
			var m *linear.Model
			check := func(i int) {
				t.Helper()
				if m, err = s.Model(); err != nil {
					t.Fatal(err)
				}
				want := c.AfterChunk[i]
				intercepts := lineartest.Numbers(t, want.Intercept)
				if m.Task == linear.OneClass {
					kernel.Scale(-1, intercepts)
				}
				compare(fmt.Sprint("chunk ", i), slices.Concat(slices.Concat(m.Coef...), m.Intercept),
					slices.Concat(lineartest.Numbers(t, want.Coef), intercepts))
				if s.t != want.T {
					t.Errorf("chunk %d: t is %v, want %v", i, s.t, want.T)
				}
			}
			if c.Epochs == 0 {
				for i, k := range rows {
					if err := s.PartialFit(k); err != nil {
						t.Fatal(err)
					}
					check(i)
				}
			} else {
				most := int(lineartest.Numbers(t, c.Params["max_iter"])[0])
				for epoch := 1; epoch <= c.Epochs; epoch++ {
					if err := s.PartialFit(rows[0]); err != nil {
						t.Fatal(err)
					}
					if done := s.EndEpoch(); done != (epoch == c.Epochs && epoch < most) {
						t.Fatalf("epoch %d of %d: done is %v", epoch, c.Epochs, done)
					}
				}
				check(0)
			}
			head := c.chunks(tab, []int{20})[0]
			decision, err := m.DecisionFunction(head, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare("decision", decision, lineartest.Numbers(t, c.Decision))
			predictions, err := m.Predict(head, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Task == linear.Classification {
				for i, p := range predictions {
					predictions[i] = m.Classes.Numbers[int(p)]
				}
			}
			compare("predict", predictions, lineartest.Numbers(t, c.Predict))
			if m.HasProba() {
				proba, err := m.PredictProba(head, nil)
				if err != nil {
					t.Fatal(err)
				}
				compare("proba", proba, lineartest.Numbers(t, c.Proba))
			}
		})
	}
	t.Logf("the worst is off by %.2g", worst)
}
