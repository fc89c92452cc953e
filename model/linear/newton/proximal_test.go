package newton

import (
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// The optima of l1 and elasticnet have the zeros, coefficients and objectives that saga, or a proximal gradient in
// float64, have in the end.
func TestProximalNewton(t *testing.T) {
	t.Parallel()
	f := lineartest.ReadL1(t)
	if len(f.Cases) != 13 {
		t.Errorf("%d cases", len(f.Cases))
	}
	for i := range f.Cases {
		k := &f.Cases[i]
		rows, _ := f.Rows(k)
		for form, parts := range map[string]int{"sampled": 1, "plain": 3} {
			t.Run(k.Data+"/"+k.Loss+"/"+form, func(t *testing.T) {
				t.Parallel()
				o := k.L1Options()
				if o.Task == linear.Classification {
					o.Classes = linear.Classes{Numbers: []float64{0, 1}}
				}
				p := optimizerFor(t, o, rows.Features)
				p.Scaler = linear.NewStandardScaler(rows.Features)
				if err := p.Scaler.PartialFit(rows, rows.Weights); err != nil {
					t.Fatal(err)
				}
				chunks := []*linear.Chunk{rows}
				if form == "plain" {
					p.sample = 0
					p.Centre(meanOf(rows))
					chunks = lineartest.CutChunk(rows, 37)
				}
				run(t, p, parts, chunks...)
				m, err := p.Model()
				if err != nil {
					t.Fatal(err)
				}
				if m, err = linear.Load("m", strings.NewReader(lineartest.Saved(t, m))); err != nil {
					t.Fatal(err)
				}
				if d := lineartest.Apart(t, coefOf(m), append(slices.Clone(k.Coef), k.Intercept)); !(d <= 1e-8) || !p.Converged() {
					t.Errorf("converged %v after %d passes, off by %.2g", p.Converged(), p.Passes(), d)
				}
				for j, want := range k.Coef {
					if (m.Coef[0][j] == 0) != (want == 0) {
						t.Errorf("coefficient %d: %v, want %v", j, m.Coef[0][j], want)
					}
				}
				if d := m.Training.Objective[0]/k.Objective - 1; !(math.Abs(d) <= 1e-10) {
					t.Errorf("objective %v, want %v: off by %.2g", m.Training.Objective[0], k.Objective, d)
				}
				t.Logf("%d passes", p.Passes())
			})
		}
	}
}
