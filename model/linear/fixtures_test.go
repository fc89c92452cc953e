package linear

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// table is a500x8.csv: the columns by their names, and the features as rows × 8.
type table struct {
	x       []float64
	columns map[string][]float64
}

const tableFeatures = 8

func readTable(t testing.TB) *table {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "a500x8.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	tab := &table{columns: map[string][]float64{}}
	for _, r := range records[1:] {
		for j, s := range r {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			if j < tableFeatures {
				tab.x = append(tab.x, v)
			} else {
				tab.columns[records[0][j]] = append(tab.columns[records[0][j]], v)
			}
		}
	}
	if len(tab.x) != 500*tableFeatures {
		t.Fatalf("%d values", len(tab.x))
	}
	return tab
}

// chunks cuts rows × features, a target and weights into chunks.
func chunks(x []float64, features int, target, weights []float64, sizes ...int) []*Chunk {
	var out []*Chunk
	row := 0
	for _, n := range sizes {
		c := &Chunk{Features: features, X: x[row*features : (row+n)*features]}
		if target != nil {
			c.Target = target[row : row+n]
		}
		if weights != nil {
			c.Weights = weights[row : row+n]
		}
		out = append(out, c)
		row += n
	}
	return out
}

// numbers are those of a value of JSON, in order.
func numbers(t testing.TB, raw json.RawMessage) []float64 {
	t.Helper()
	var v any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
	}
	var out []float64
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case float64:
			out = append(out, v)
		case nil:
			out = append(out, math.NaN())
		default:
			t.Fatalf("%T in %s", v, raw)
		}
	}
	if v != nil {
		walk(v)
	}
	return out
}

// distance is the largest relative difference. Numbers below 1e-12 of the largest count as rounding of it.
func distance(t testing.TB, what string, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	size, worst := 0.0, 0.0
	for _, v := range want {
		if v == v {
			size = max(size, math.Abs(v))
		}
	}
	for i, v := range want {
		if math.IsNaN(v) && math.IsNaN(got[i]) {
			continue
		}
		d := math.Abs(got[i]-v) / (math.Abs(v) + 1e-12*size)
		if v == got[i] {
			d = 0 // though all be zero
		}
		if !(d <= worst) {
			worst = d
		}
	}
	return worst
}

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

func readCases[C any](t testing.TB, name string) []C {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []C }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// options makes options of scikit-learn's parameters, of which those that say nothing here are left out.
func (c *sgdCase) options(t testing.TB) Options {
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
	o := Options{}
	if err := unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	task, ok := map[string]Task{"SGDRegressor": Regression, "SGDClassifier": Classification, "SGDOneClassSVM": OneClass}[c.Class]
	if !ok {
		t.Fatalf("class %s", c.Class)
	}
	o.Task, o.Classes = task, Classes{Numbers: c.Classes}
	return o
}

const (
	tolerance = 1e-9
	// Where scikit-learn's own coefficients change by more than this share when its input changes by one unit in the last
	// place, they are compared at the change that ten such units make.
	unstable  = 1e-11
	roundings = 10
)

// tolerance is what the case allows.
func (c *sgdCase) tolerance() float64 {
	if c.Sensitivity < unstable {
		return tolerance
	}
	return max(tolerance, c.Sensitivity*roundings)
}

// run learns chunk by chunk and compares after each; it gives the largest distance.
func (c *sgdCase) run(t *testing.T, tab *table, declared bool) float64 {
	o := c.options(t)
	if !declared {
		o.Classes = Classes{}
	}
	s, err := NewSGD(o, tableFeatures)
	if err != nil {
		t.Fatal(err)
	}
	s.likeScikit = o.Task == Classification
	var target, weights []float64
	if c.Target != nil {
		target = tab.columns[*c.Target]
	}
	if c.SampleWeight != nil {
		weights = tab.columns[*c.SampleWeight]
	}
	worst := 0.0
	compare := func(what string, got, want []float64) {
		d := distance(t, what, got, want)
		worst = max(worst, d)
		if !(d <= c.tolerance()) {
			t.Errorf("%s: off by %.2g: got %v, want %v", what, d, got, want)
		}
	}
	var m *Model
	for i, k := range chunks(tab.x, tableFeatures, target, weights, c.Chunks...) {
		if err := s.PartialFit(k); err != nil {
			t.Fatal(err)
		}
		if m, err = s.Model(); err != nil {
			t.Fatal(err)
		}
		want := c.AfterChunk[i]
		intercepts := numbers(t, want.Intercept)
		got := slices.Concat(slices.Concat(m.Coef...), m.Intercept)
		if m.Task == OneClass {
			for j := range intercepts {
				intercepts[j] = -intercepts[j] // the fixture has offset_
			}
		}
		compare(fmt.Sprint("chunk ", i), got, slices.Concat(numbers(t, want.Coef), intercepts))
		if s.t != want.T {
			t.Errorf("chunk %d: t is %v, want %v", i, s.t, want.T)
		}
	}
	head := &Chunk{Features: tableFeatures, X: tab.x[:20*tableFeatures]}
	predictions, err := m.Predict(head, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Task == Classification {
		for i, p := range predictions {
			predictions[i] = m.Classes.Numbers[int(p)]
		}
	}
	compare("predict", predictions, numbers(t, c.Predict))
	if want := numbers(t, c.Decision); want != nil {
		decisions, err := m.DecisionFunction(head, nil)
		if err != nil {
			t.Fatal(err)
		}
		compare("decision", decisions, want)
	}
	if want := numbers(t, c.Proba); want != nil {
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
	tab := readTable(t)
	exact, loose, worst := 0, []string{}, 0.0
	for file, count := range map[string]int{"grid.json": 228, "special.json": 10} {
		cases := readCases[sgdCase](t, file)
		if len(cases) != count {
			t.Errorf("%s has %d cases, want %d", file, len(cases), count)
		}
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				d := c.run(t, tab, true)
				if c.tolerance() == tolerance {
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
	others := readCases[otherCase](t, "others.json")
	if len(others) != 9 {
		t.Errorf("others.json has %d cases, want 9", len(others))
	}
	for _, c := range others {
		t.Run(c.Name, func(t *testing.T) {
			worst = max(worst, c.run(t, tab))
			exact++
		})
	}
	slices.Sort(loose)
	t.Logf("%d cases equal at %g, the worst off by %.2g; %d at the tolerance that their sensitivity allows:\n%s",
		exact, tolerance, worst, len(loose), strings.Join(loose, "\n"))
	if n := exact + len(loose); n != 247 {
		t.Errorf("%d cases compared, want 247", n)
	}
}

type otherCase struct {
	Name           string
	Params         map[string]json.RawMessage
	InputTransform string `json:"input_transform"`
	Chunks         []int
	AfterChunk     []map[string]json.RawMessage `json:"after_chunk"`
	Transform      json.RawMessage
	PredictProba   json.RawMessage `json:"predict_proba"`
}

func (c *otherCase) input(t *testing.T, x []float64) []float64 {
	x = slices.Clone(x)
	for i := range x {
		switch c.InputTransform {
		case "id":
		case "floor(abs(x))":
			x[i] = math.Floor(math.Abs(x[i]))
		case "x>0":
			if x[i] > 0 {
				x[i] = 1
			} else {
				x[i] = 0
			}
		case "x[::11,0]=NaN; last column=2.5":
			if j := i % tableFeatures; j == 0 && i/tableFeatures%11 == 0 {
				x[i] = math.NaN()
			} else if j == tableFeatures-1 {
				x[i] = 2.5
			}
		default:
			t.Fatalf("input %s", c.InputTransform)
		}
	}
	return x
}

// learner is what the estimators of others.json have in common, with the attributes of scikit-learn that it has.
type learner struct {
	partialFit func(*Chunk) error
	attributes func() map[string][]float64
	transform  func(*Chunk) ([]float64, error) // or predict_proba
}

func (c *otherCase) learner(t *testing.T) learner {
	t.Helper()
	inPlace := func(transform func([]float64) error) func(*Chunk) ([]float64, error) {
		return func(k *Chunk) ([]float64, error) {
			x := slices.Clone(k.X)
			return x, transform(x)
		}
	}
	flat := func(rows [][]float64) []float64 { return slices.Concat(rows...) }
	switch c.Name {
	case "scaler/standard", "scaler/standard_nan_const":
		s := NewStandardScaler(tableFeatures)
		return learner{func(k *Chunk) error { return s.PartialFit(k, nil) }, func() map[string][]float64 {
			seen := s.Count
			if slices.Min(seen) == slices.Max(seen) {
				seen = seen[:1]
			}
			return map[string][]float64{"mean_": s.Mean, "var_": s.Var, "scale_": s.Scale, "n_samples_seen_": seen}
		}, inPlace(s.Transform)}
	case "scaler/minmax":
		s := NewMinMaxScaler(tableFeatures)
		return learner{func(k *Chunk) error { return s.PartialFit(k.X) }, func() map[string][]float64 {
			scale, shift := s.Coefficients()
			return map[string][]float64{"data_min_": s.DataMin, "data_max_": s.DataMax, "scale_": scale, "min_": shift}
		}, inPlace(s.Transform)}
	case "scaler/maxabs":
		s := NewMaxAbsScaler(tableFeatures)
		return learner{func(k *Chunk) error { return s.PartialFit(k.X) }, func() map[string][]float64 {
			return map[string][]float64{"max_abs_": s.MaxAbs, "scale_": s.Scale()}
		}, inPlace(s.Transform)}
	case "nb/gaussian":
		b := NewGaussianNB()
		return learner{b.PartialFit, func() map[string][]float64 {
			prior := slices.Clone(b.ClassCount)
			sum := 0.0
			for _, n := range prior {
				sum += n
			}
			scale(1/sum, prior)
			return map[string][]float64{"theta_": flat(b.Theta), "var_": flat(b.Var), "class_prior_": prior, "class_count_": b.ClassCount, "epsilon_": {b.Epsilon}}
		}, func(k *Chunk) ([]float64, error) { return b.PredictProba(k, nil) }}
	case "nb/multinomial", "nb/complement", "nb/bernoulli":
		b, err := NewDiscreteNB(NaiveBayes(strings.TrimPrefix(c.Name, "nb/")), tableFeatures)
		if err != nil {
			t.Fatal(err)
		}
		return learner{b.PartialFit, func() map[string][]float64 {
			return map[string][]float64{"feature_log_prob_": flat(b.FeatureLogProb()), "class_log_prior_": b.ClassLogPrior()}
		}, func(k *Chunk) ([]float64, error) { return b.PredictProba(k, nil) }}
	case "pca/incremental":
		p := NewIncrementalPCA(int(numbers(t, c.Params["n_components"])[0]))
		return learner{p.PartialFit, func() map[string][]float64 {
			return map[string][]float64{"components_": flat(p.Components), "singular_values_": p.SingularValues, "mean_": p.Mean, "explained_variance_": p.ExplainedVariance}
		}, func(k *Chunk) ([]float64, error) { return p.Transform(k, nil) }}
	}
	t.Fatalf("no such estimator: %s", c.Name)
	return learner{}
}

func (c *otherCase) run(t *testing.T, tab *table) float64 {
	l := c.learner(t)
	x := c.input(t, tab.x)
	worst := 0.0
	compare := func(what string, got, want []float64) {
		d := distance(t, what, got, want)
		worst = max(worst, d)
		if !(d <= tolerance) {
			t.Errorf("%s: off by %.2g: got %v, want %v", what, d, got, want)
		}
	}
	for i, k := range chunks(x, tableFeatures, tab.columns["y_multi"], nil, c.Chunks...) {
		if err := l.partialFit(k); err != nil {
			t.Fatal(err)
		}
		got := l.attributes()
		for name, want := range c.AfterChunk[i] {
			if got[name] == nil {
				t.Errorf("no %s", name)
				continue
			}
			compare(fmt.Sprint("chunk ", i, ": ", name), got[name], numbers(t, want))
		}
	}
	got, err := l.transform(&Chunk{Features: tableFeatures, X: x[:20*tableFeatures]})
	if err != nil {
		t.Fatal(err)
	}
	want := numbers(t, c.Transform)
	if want == nil {
		want = numbers(t, c.PredictProba)
	}
	compare("transform or predict_proba", got, want)
	return worst
}
