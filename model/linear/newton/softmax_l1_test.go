package newton

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// softmaxTable makes the rows of testdata/softmax_l1.py.
func softmaxTable(classes int, weighted bool) *linear.Chunk {
	const rows, features = 180, 5
	c := &linear.Chunk{Features: features}
	state := uint64(7)
	for i := range rows {
		var v [features + 1]float64
		for j := range v {
			state = (1103515245*state + 12345) % (1 << 31)
			v[j] = float64(state)/(1<<30) - 1
		}
		c.X = append(c.X, v[:features]...)
		place := v[0] + 0.5*v[1] - v[2]*v[0] + 0.5*v[features]
		c.Target = append(c.Target, min(max(math.Floor((place+1.5)*float64(classes)/3), 0), float64(classes-1)))
		if weighted {
			c.Weights = append(c.Weights, float64(1+i%3))
		}
	}
	return c
}

// With l1 and elasticnet a softmax has the zeros and the objective that saga has in the end.
func TestSoftmaxL1(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../testdata/softmax_l1.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Classes   int
		Alpha     float64
		L1Ratio   float64 `json:"l1_ratio"`
		Weighted  bool
		Coef      [][]float64
		Objective float64
	}
	if err := json.Unmarshal(b, &cases); err != nil || len(cases) != 5 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, k := range cases {
		rows := softmaxTable(k.Classes, k.Weighted)
		o := linear.Options{
			Task: linear.Classification, Loss: linear.LogLoss, MultiClass: linear.Multinomial, Penalty: linear.ElasticNet,
			Alpha: &k.Alpha, L1Ratio: &k.L1Ratio, Classes: lineartest.Numbered(k.Classes),
		}
		p := optimizerFor(t, o, rows.Features)
		p.ClassRows = make([]int64, k.Classes)
		run(t, p, 2, lineartest.CutChunk(rows, 50)...)
		m, err := p.Model()
		if err != nil {
			t.Fatal(err)
		}
		if off := m.Training.Objective[0]/k.Objective - 1; !(math.Abs(off) <= 1e-8) || !p.Converged() || p.Passes() > 30 {
			t.Errorf("%+v: objective off by %.2g, converged %v after %d passes", k, off, p.Converged(), p.Passes())
		}
		if k.Classes%2 == 0 && k.L1Ratio == 1 {
			continue // there are several
		}
		for c := range m.Coef {
			for j, v := range m.Coef[c] {
				if want := k.Coef[c][j]; !(math.Abs(v-want) <= 1e-6) || (v == 0) != (want == 0) {
					t.Errorf("%d classes, alpha %v: class %d, coefficient %d: %v, want %v", k.Classes, k.Alpha, c, j, v, want)
				}
			}
		}
	}
}
