package sgd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

type sgdCase struct {
	Name         string
	Class        string
	Params       map[string]json.RawMessage
	Target       *string
	Chunks       []int
	SampleWeight *string `json:"sample_weight"`
	Sensitivity  float64
	AfterChunk   []struct {
		Coef, Intercept json.RawMessage
		T               float64
	} `json:"after_chunk"`
	Classes                  []float64
	Predict, Decision, Proba json.RawMessage
}

// options makes options of scikit-learn's parameters, of which those that say nothing here are left out.
func (c *sgdCase) options(t testing.TB) linear.Options {
	t.Helper()
	params := map[string]json.RawMessage{}
	for name, v := range c.Params {
		switch name {
		case "max_iter", "random_state", "shuffle", "verbose", "warm_start", "n_jobs", "tol":
		default:
			params[name] = v
		}
	}
	b, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	o := linear.Options{}
	if err := jsontext.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	task, ok := map[string]linear.Task{"SGDRegressor": linear.Regression, "SGDClassifier": linear.Classification,
		"SGDOneClassSVM": linear.OneClass}[c.Class]
	if !ok {
		t.Fatalf("class %s", c.Class)
	}
	o.Task, o.Classes = task, linear.Classes{Numbers: c.Classes}
	return o
}

// tolerance is what the case allows.
func (c *sgdCase) tolerance() float64 {
	if c.Sensitivity < unstable {
		return lineartest.Tolerance
	}
	return max(lineartest.Tolerance, c.Sensitivity*roundings)
}

// run learns chunk by chunk and compares after each; it gives the largest distance.
func (c *sgdCase) run(t *testing.T, tab *lineartest.Table, declared bool) float64 {
	o := c.options(t)
	if !declared {
		o.Classes = linear.Classes{}
	}
	s, err := NewSGD(o, lineartest.TableFeatures)
	if err != nil {
		t.Fatal(err)
	}
	s.likeScikit = o.Task == linear.Classification
	var target, weights []float64
	if c.Target != nil {
		target = tab.Columns[*c.Target]
	}
	if c.SampleWeight != nil {
		weights = tab.Columns[*c.SampleWeight]
	}
	worst := 0.0
	compare := func(what string, got, want []float64) {
		d := lineartest.Distance(t, what, got, want)
		worst = max(worst, d)
		if !(d <= c.tolerance()) {
			t.Errorf("%s: off by %.2g: got %v, want %v", what, d, got, want)
		}
	}
	var m *linear.Model
	for i, k := range lineartest.Chunks(tab.X, lineartest.TableFeatures, target, weights, c.Chunks...) {
		if err := s.PartialFit(k); err != nil {
			t.Fatal(err)
		}
		if m, err = s.Model(); err != nil {
			t.Fatal(err)
		}
		want := c.AfterChunk[i]
		intercepts := lineartest.Numbers(t, want.Intercept)
		got := slices.Concat(slices.Concat(m.Coef...), m.Intercept)
		if m.Task == linear.OneClass {
			for j := range intercepts {
				intercepts[j] = -intercepts[j] // the fixture has offset_
			}
		}
		compare(fmt.Sprint("chunk ", i), got, slices.Concat(lineartest.Numbers(t, want.Coef), intercepts))
		if s.t != want.T {
			t.Errorf("chunk %d: t is %v, want %v", i, s.t, want.T)
		}
	}
	head := &linear.Chunk{Features: lineartest.TableFeatures, X: tab.X[:20*lineartest.TableFeatures]}
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
	if want := lineartest.Numbers(t, c.Decision); want != nil {
		decisions, err := m.DecisionFunction(head, nil)
		if err != nil {
			t.Fatal(err)
		}
		compare("decision", decisions, want)
	}
	if want := lineartest.Numbers(t, c.Proba); want != nil {
		proba, err := m.PredictProba(head, nil)
		if err != nil {
			t.Fatal(err)
		}
		compare("proba", proba, want)
	} else if m.HasProba() {
		t.Error("the fixture has no probabilities")
	}
	return worst
}

// All of scikit-learn's results, after every chunk.
func TestFixtures(t *testing.T) {
	tab := lineartest.ReadTable(t)
	exact, loose, worst := 0, []string{}, 0.0
	for file, count := range map[string]int{"grid.json": 228, "special.json": 10} {
		cases := lineartest.ReadCases[sgdCase](t, file)
		if len(cases) != count {
			t.Errorf("%s has %d cases, want %d", file, len(cases), count)
		}
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				d := c.run(t, tab, true)
				if c.tolerance() == lineartest.Tolerance {
					exact++
					worst = max(worst, d)
				} else {
					loose = append(loose, fmt.Sprintf("%s at %.1g (off by %.1g)", c.Name, c.tolerance(), d))
				}
				if c.Class == "SGDClassifier" {
					c.run(t, tab, false)
				}
			})
		}
	}
	slices.Sort(loose)
	t.Logf("%d cases equal at %g, the worst off by %.2g; %d at the tolerance that their sensitivity allows:\n%s",
		exact, lineartest.Tolerance, worst, len(loose), strings.Join(loose, "\n"))
	if n := exact + len(loose); n != 238 {
		t.Errorf("%d cases compared, want 238", n)
	}
}

const (
	// Where scikit-learn's own coefficients change by more than this share when its input changes by one unit in the last
	// place, they are compared at the change that ten such units make.
	unstable  = 1e-11
	roundings = 10
)
