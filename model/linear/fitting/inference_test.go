package fitting

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// inferenceFile is what inference.py writes.
type inferenceFile struct {
	Data map[string]struct {
		X [][]float64
		Y []float64
	}
	Cases []struct {
		Data, Loss, Kind                        string
		Weighted, Exposed                       bool
		Coef, Error, Statistic, P, Lower, Upper []float64
		Likelihood, AIC, BIC                    *float64
	}
}

// The errors, statistics, p-values, intervals and criteria are statsmodels'.
func TestInferenceLikeStatsmodels(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../testdata/inference.json")
	if err != nil {
		t.Fatal(err)
	}
	var f inferenceFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Cases) != 12 {
		t.Errorf("%d cases", len(f.Cases))
	}
	for _, k := range f.Cases {
		t.Run(k.Data+"/"+k.Loss+"/"+k.Kind, func(t *testing.T) {
			t.Parallel()
			d := f.Data[k.Data]
			plain := &linear.Chunk{Features: len(d.X[0]), X: slices.Concat(d.X...)}
			scaler := linear.NewStandardScaler(plain.Features)
			if err := scaler.PartialFit(plain, nil); err != nil {
				t.Fatal(err)
			}
			rows := &linear.Chunk{Features: plain.Features, Target: d.Y, Numbers: lineartest.RowNumbers(0, len(d.Y))}
			o := FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Loss(k.Loss), Penalty: linear.None},
				Inference: linear.InferenceKind(k.Kind)}
			if k.Exposed {
				rows.Features++
				o.Options.Exposure = &linear.Exposure{Column: "e", Feature: plain.Features}
			}
			for i := range d.Y {
				for j := range plain.Features {
					rows.X = append(rows.X, (plain.X[i*plain.Features+j]-scaler.Mean[j])/scaler.Scale[j])
				}
				if k.Weighted {
					rows.Weights = append(rows.Weights, float64(1+i%3))
				}
				if k.Exposed {
					rows.X = append(rows.X, 0.25+float64(i%5)/2)
				}
			}
			if k.Loss == "log_loss" {
				o.Options.Task = linear.Classification
			}
			m, err := linear.Load("m", strings.NewReader(lineartest.Saved(t, driven(t, o, rows, 3).Model())))
			if err != nil {
				t.Fatal(err)
			}
			r := m.Inference
			check := func(name string, got, want float64) {
				if !(math.Abs(got-want) <= 1e-8*max(math.Abs(want), 1e-4)) {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
			for j, want := range k.Coef {
				got, e := m.Intercept[0], r.Intercept
				if j < plain.Features {
					got, e = m.Coef[0][j], r.Coef[j]
				}
				check("coefficient", got, want)
				check("standard error", e.StandardError, k.Error[j])
				check("statistic", e.Statistic, k.Statistic[j])
				check("lower", e.Lower, k.Lower[j])
				check("upper", e.Upper, k.Upper[j])
				if off := math.Abs(e.P - k.P[j]); !(off <= 1e-7*k.P[j]) && !(off <= 1e-13) {
					t.Errorf("p %v, want %v", e.P, k.P[j])
				}
			}
			if (r.AIC != nil) != (k.AIC != nil) {
				t.Fatalf("AIC %v", r.AIC)
			}
			if k.AIC != nil {
				check("log likelihood", *r.LogLikelihood, *k.Likelihood)
				check("AIC", *r.AIC, *k.AIC)
				check("BIC", *r.BIC, *k.BIC)
			}
			if len(r.Collinear) > 0 {
				t.Errorf("collinear %v", r.Collinear)
			}
		})
	}
}

// Of columns that are sums of others nothing is told, and they are named; of the others it is as without the sum.
func TestInferenceCollinear(t *testing.T) {
	t.Parallel()
	c := lineartest.Logistic(300, 4, 1)
	c.Numbers = lineartest.RowNumbers(0, 300)
	o := FitOptions{Options: linear.Options{Task: linear.Classification, Penalty: linear.None}, Inference: linear.Wald}
	want := driven(t, o, c, 2).Model().Inference
	wide := &linear.Chunk{Features: 7, Target: c.Target, Numbers: c.Numbers}
	for i := range 300 {
		x := c.X[i*4 : i*4+4]
		wide.X = append(append(wide.X, x...), x[1]-2*x[3], 3, 0) // a sum of two, a constant, zeros
	}
	got := driven(t, o, wide, 2).Model().Inference
	if strings.Join(got.Collinear, " ") != "1 3 4 5 6" || got.DF != want.DF {
		t.Errorf("collinear %q, %v parameters", got.Collinear, got.DF)
	}
	for j, e := range got.Coef {
		if known := j == 0 || j == 2; (e != nil) != known {
			t.Errorf("column %d: %+v", j, e)
		} else if known && !(math.Abs(e.StandardError/want.Coef[j].StandardError-1) <= 1e-6) {
			t.Errorf("column %d: %+v, want %+v", j, e, want.Coef[j])
		}
	}
	// A penalty chooses among sums, of which the rows do not tell.
	o.Options.Penalty, o.Alphas = linear.L2, []float64{1e-4}
	drawn := driven(t, o, wide, 2).Model().Inference
	if strings.Join(drawn.Collinear, " ") != "1 3 4 5 6" || drawn.Coef[1] != nil || drawn.Coef[0] == nil {
		t.Errorf("with l2 collinear %q, %+v", drawn.Collinear, drawn.Coef)
	}
	// With l2, a model is worth fewer parameters, and errors are smaller.
	o.Options.Penalty, o.Alphas = linear.L2, []float64{0.1}
	small := driven(t, o, c, 2).Model().Inference
	if !(small.DF < want.DF-0.5) || !(small.Coef[0].StandardError < want.Coef[0].StandardError) {
		t.Errorf("with l2 %v parameters, %+v", small.DF, small.Coef[0])
	}
}

func TestInferenceOptions(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]FitOptions{
		"inference: is for the penalty l2 or none, not l1": {Options: linear.Options{Task: linear.Regression,
			Penalty: linear.L1}, Inference: linear.Wald},
		"inference: is not for class_weight": {Options: linear.Options{Task: linear.Classification,
			ClassWeight: linear.ClassWeight{Balanced: true}}, Inference: linear.Wald},
		"inference: is for squared_error, poisson, gamma and tweedie in": {Options: linear.Options{Task: linear.Regression,
			Loss: linear.Huber}, Inference: linear.Wald},
		"inference: is of an optimum, which only solver exact finds":        {Options: linear.Options{Task: linear.Regression}, Solver: SolverSGD, Inference: linear.Wald},
		"inference: is of an optimum, by solver exact, which has no epochs": {Options: linear.Options{Task: linear.Regression}, Epochs: 2, Inference: linear.Wald},
		`inference "exact": must be one of wald, robust`:                    {Options: linear.Options{Task: linear.Regression}, Inference: "exact"},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	three := lineartest.Problem(60, 3, 1)
	three.Numbers = lineartest.RowNumbers(0, 60)
	o := FitOptions{Options: linear.Options{Task: linear.Classification}, Inference: linear.Wald}
	if _, err := drive(t, newFitFor(t, o, three), three, 2, nil, nil); err == nil ||
		!strings.Contains(err.Error(), "inference: is of two classes, there are 3") {
		t.Errorf("%v", err)
	}
}
