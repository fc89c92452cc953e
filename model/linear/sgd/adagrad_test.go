package sgd

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// adagradFile is what testdata/adagrad.py writes.
type adagradFile struct {
	Alpha, Eta0     float64
	Epochs, Columns int
	X, Weights      []float64
	Cases           []struct {
		Loss      linear.Loss
		Penalty   linear.Penalty
		Average   linear.Average
		Y, Coef   []float64
		Intercept float64
	}
}

// AdaGrad comes to what numpy makes of its formulas, in chunks of any size, dense or sparse: to the same bits in each.
func TestAdaGrad(t *testing.T) {
	b, err := os.ReadFile("../testdata/adagrad.json")
	if err != nil {
		t.Fatal(err)
	}
	var f adagradFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Cases {
		o := linear.Options{Task: linear.Classification, Loss: c.Loss, Penalty: c.Penalty, Average: c.Average,
			Alpha: &f.Alpha,
			Eta0:  f.Eta0, LearningRate: linear.AdaGrad, Classes: linear.Classes{Numbers: []float64{-1, 1}}}
		if c.Loss == linear.SquaredError {
			o.Task, o.Classes = linear.Regression, linear.Classes{}
		}
		all := &linear.Chunk{Features: f.Columns, X: f.X, Target: c.Y, Weights: f.Weights}
		var first *linear.Model
		for _, size := range []int{150, 7, 1} {
			for _, sparse := range []bool{false, true} {
				s := newSGDFor(t, o, f.Columns)
				for range f.Epochs {
					for lo := 0; lo < 150; lo += size {
						chunk := all.Slice(lo, min(lo+size, 150))
						if sparse {
							chunk = sparseOf(chunk)
						}
						lineartest.PartialFit(t, s, chunk)
					}
					s.EndEpoch()
				}
				m := lineartest.ModelOf(t, s)
				if first == nil {
					first = m
				}
				if !slices.Equal(m.Coef[0], first.Coef[0]) || m.Intercept[0] != first.Intercept[0] {
					t.Errorf("%s %s: chunks of %d, sparse %v: %v, want %v", c.Loss, c.Penalty, size, sparse, m.Coef, first.Coef)
				}
			}
		}
		for j, w := range append(c.Coef, c.Intercept) {
			got := append(slices.Clone(first.Coef[0]), first.Intercept[0])[j]
			if d := math.Abs(got - w); !(d <= 1e-12*max(1, math.Abs(w))) || (got == 0) != (w == 0) {
				t.Errorf("%s %s from row %d: column %d: %v, want %v", c.Loss, c.Penalty, c.Average, j, got, w)
			}
		}
	}
}

// sparseOf is the rows without their zeros.
func sparseOf(c *linear.Chunk) *linear.Chunk {
	s := &linear.CSR{Offsets: []int{0}}
	for i, v := range c.X {
		if j := i % c.Features; v != 0 {
			s.Indices, s.Values = append(s.Indices, int32(j)), append(s.Values, v)
		}
		if i%c.Features == c.Features-1 {
			s.Offsets = append(s.Offsets, len(s.Indices))
		}
	}
	d := *c
	d.X, d.Sparse = nil, s
	return &d
}

// With an l1 penalty weights of columns that say nothing are 0.
func TestAdaGradZeros(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads thousands of rows, five times")
	}
	c := lineartest.ScaledProblem(20000, 10, 2, 3, []float64{1})
	wide := &linear.Chunk{Features: 40, Target: c.Target}
	noise := lineartest.ScaledProblem(20000, 30, 2, 4, []float64{1})
	for i := range 20000 {
		wide.X = append(append(wide.X, c.X[i*10:(i+1)*10]...), noise.X[i*30:(i+1)*30]...)
	}
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.L1, Alpha: new(0.02),
		LearningRate: linear.AdaGrad}
	s := surveyOf(t, o.Task, false, 1, 1000, wide)
	o.Classes = s.Classes
	s.Auto(&o, 1, 5)
	a := averagedFor(t, o, 40, 5)
	for !a.Done() {
		if err := lineartest.PassOver(t, a, 1, 1000, false, wide); err != nil {
			t.Fatal(err)
		}
	}
	m, err := a.Model()
	if err != nil {
		t.Fatal(err)
	}
	zeros := 0
	for _, w := range m.Coef[0][10:] {
		if w == 0 {
			zeros++
		}
	}
	t.Logf("%d of 30 columns of noise are 0; of the others %v", zeros, m.Coef[0][:10])
	if zeros < 25 {
		t.Errorf("%d of 30 columns of noise are 0", zeros)
	}
}

// columnsOf reads the numbers of a table, one-hot where they are none, without those named.
func columnsOf(t *testing.T, name, target string, without ...string) *linear.Chunk {
	t.Helper()
	b, err := os.ReadFile("../../../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var columns [][]float64
	c := &linear.Chunk{}
	head, rows := rows[0], rows[1:]
	at := slices.Index(head, target)
	rows = slices.DeleteFunc(rows, func(r []string) bool { return r[at] == "" })
	for k, name := range head {
		if slices.Contains(without, name) {
			continue
		}
		column, levels, number := make([]float64, len(rows)), map[string]int{}, true
		for i, r := range rows {
			v, err := strconv.ParseFloat(r[k], 64)
			if number = number && err == nil; name == target && err != nil {
				v = map[string]float64{"False": 0, "True": 1, "false": 0, "true": 1}[r[k]]
			}
			column[i] = v
			if _, ok := levels[r[k]]; !ok {
				levels[r[k]] = len(levels)
			}
		}
		switch {
		case name == target:
			c.Target = column
		case number:
			columns = append(columns, column)
		default:
			hot := make([][]float64, len(levels))
			for l := range hot {
				hot[l] = make([]float64, len(rows))
			}
			for i, r := range rows {
				hot[levels[r[k]]][i] = 1
			}
			columns = append(columns, hot...)
		}
	}
	c.Features = len(columns)
	for i := range rows {
		for _, column := range columns {
			c.X = append(c.X, column[i])
		}
	}
	return c
}

// How far above the least objective the default is after 20 passes, and that it is nearer than what was the default
// before it. The bounds are measured: of the least objectives, 0.01 to 0.5, a plane that nearly parts the classes
// takes many more steps.
func TestAdaGradConverges(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this makes many epochs for every loss")
	}
	digits := columnsOf(t, "digits.csv", "target", "id")
	for i, y := range digits.Target {
		digits.Target[i] = 0
		if y == 8 {
			digits.Target[i] = 1
		}
	}
	for name, v := range map[string]struct {
		c     *linear.Chunk
		loss  linear.Loss
		scale bool
		parts int
		most  float64
	}{
		"digits":                 {digits, linear.LogLoss, false, 1, 0.017},
		"digits, modified huber": {digits, linear.ModifiedHuber, false, 1, 0.014},
		"breast cancer, scaled":  {columnsOf(t, "breast_cancer.csv", "target", "id"), linear.LogLoss, true, 1, 0.015},
		"flights": {columnsOf(t, "flights_small.csv", "delayed", "id", "arr_delay", "air_time", "tailnum",
			"time_hour"), linear.LogLoss, false, 1, 0.014},
		"flights, in parts": {columnsOf(t, "flights_small.csv", "delayed", "id", "arr_delay", "air_time", "tailnum",
			"time_hour"), linear.LogLoss, false, 4, 0.033},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := linear.Options{Task: linear.Classification, Loss: v.loss, LearningRate: linear.AdaGrad}
			excess := autoExcess(t, o, v.scale, v.parts, 20, v.c)
			o = linear.Options{Task: linear.Classification, Loss: v.loss, LearningRate: linear.InvScaling}
			before := autoExcess(t, o, v.scale, v.parts, 20, v.c)
			t.Logf("%.4f above the least objective; by invscaling %.4f", excess, before)
			if !(excess <= v.most) || !(excess < before) {
				t.Errorf("%.4f above the least objective, want %.4f at most; by invscaling %.4f", excess, v.most, before)
			}
		})
	}
}
