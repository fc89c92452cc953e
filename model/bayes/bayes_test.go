package bayes

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// golden is what scikit-learn says.
type golden struct {
	Y      []string
	Weight []float64
	Data   map[string][][]float64
	Cases  []goldenCase
}

type goldenCase struct {
	Kind       Kind
	Rows       string
	Weighted   bool
	Params     map[string]any
	Priors     map[string]float64
	Attributes map[string]json.RawMessage
	Joint      [][]float64
	LogProba   [][]float64 `json:"log_proba"`
	Proba      [][]float64
	Predicted  []string
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

func (g *golden) chunk(rows string, weighted bool) *linear.Chunk {
	c := &linear.Chunk{Features: len(g.Data[rows][0]), X: slices.Concat(g.Data[rows]...), Labels: g.Y, File: "rows.csv"}
	for i := range g.Y {
		c.Numbers = append(c.Numbers, int64(i))
	}
	if weighted {
		c.Weights = g.Weight
	}
	return c
}

func (c *goldenCase) options() Options {
	o := Defaults(c.Kind)
	o.ClassPrior = c.Priors
	for name, v := range c.Params {
		switch name {
		case "alpha", "var_smoothing":
			o.Smoothing = v.(float64)
		case "fit_prior":
			o.FitPrior = v.(bool)
		case "norm":
			o.Norm = v.(bool)
		case "binarize":
			o.Binarize = v.(float64)
		case "min_categories":
			o.MinCategories = int(v.(float64))
		}
	}
	return o
}

func fitted(t *testing.T, o FitOptions, parts int, through bool, c *linear.Chunk) *Fit {
	t.Helper()
	f, err := NewFit(o, c.Features, nil)
	if err != nil {
		t.Fatal(err)
	}
	for !f.Done() {
		if through { // so is the state
			b, err := f.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if f, err = Decode(b); err != nil {
				t.Fatalf("%v: %.300s", err, b)
			}
			if again, err := f.MarshalBinary(); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%v: a state that is read is\n%.500s\nit was\n%.500s", err, again, b)
			}
		}
		if err := lineartest.PassOver(t, f, parts, 60, through, c); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func saved(t *testing.T, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// loaded is the model of a file, which is the same again.
func loaded(t *testing.T, b []byte) *Model {
	t.Helper()
	m, err := Load("m.json", bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v: %.400s", err, b)
	}
	if !bytes.Equal(saved(t, m), b) {
		t.Fatal("read and written again it has other bytes")
	}
	return m
}

// attributes are those of scikit-learn.
func attributes(m *Model) map[string][]float64 {
	return map[string][]float64{
		"class_count_": m.ClassCount(), "class_log_prior_": m.ClassLogPrior(), "theta_": flat(m, m.Theta),
		"var_": flat(m, m.Var), "epsilon_": {m.Epsilon()}, "feature_log_prob_": slices.Concat(m.FeatureLogProb()...),
	}
}

func flat(m *Model, of func() [][]float64) []float64 {
	if m.Options.Kind != Gaussian {
		return nil
	}
	return slices.Concat(of()...)
}

func head(c *linear.Chunk, n int) *linear.Chunk { return c.Slice(0, n) }

// All is scikit-learn's, whatever the parts.
func TestLikeScikitLearn(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	for _, want := range g.Cases {
		c := g.chunk(want.Rows, want.Weighted)
		for _, parts := range []int{1, 7} {
			name := fmt.Sprintf("%s of %s, weighted %v, %v, %d parts", want.Kind, want.Rows, want.Weighted, want.Params, parts)
			m := loaded(t, saved(t, fitted(t, FitOptions{Options: want.options()}, parts, parts > 1, c).Model()))
			tolerance := 1e-12
			if want.Rows == "far" {
				tolerance = 1e-8 // numpy's means of rows so far from 0 are no better
			}
			got := attributes(m)
			for a, v := range want.Attributes {
				if d := lineartest.Distance(t, a, got[a], lineartest.Numbers(t, v)); !(d <= tolerance) {
					t.Errorf("%s: %s is off by %g", name, a, d)
				}
			}
			p := m.Predictor()
			joint, err := p.JointLog(head(c, 20), nil)
			if err != nil {
				t.Fatal(err)
			}
			proba, err := p.PredictProba(head(c, 20), nil)
			if err != nil {
				t.Fatal(err)
			}
			logs, err := p.DecisionFunction(head(c, 20), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, of := range []struct {
				what      string
				got, want []float64
			}{{"joint", joint, slices.Concat(want.Joint...)}, {"log_proba", logs, slices.Concat(want.LogProba...)}} {
				for i, v := range of.want {
					if d := math.Abs(of.got[i] - v); !(d <= tolerance*(1+math.Abs(want.Joint[i/3][i%3]))) {
						t.Errorf("%s: %s %d is %v, want %v", name, of.what, i, of.got[i], v)
					}
				}
			}
			for i, v := range slices.Concat(want.Proba...) {
				if d := math.Abs(proba[i] - v); !(d <= 100*tolerance) {
					t.Errorf("%s: proba %d is %v, want %v", name, i, proba[i], v)
				}
			}
			predicted, err := p.Predict(c, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, label := range want.Predicted {
				if m.Classes.Label(int(predicted[i])) != label {
					t.Errorf("%s: row %d is taken for %v, want %s", name, i, predicted[i], label)
				}
			}
		}
	}
}

// The rows of a second file, with classes that the first has not, and lacks of those that it has, are as if all had
// been there at once: to the same bytes where counts are added, and of Gaussian to the last bits.
func TestWarmStart(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	order := make([]int, len(g.Y))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(g.Y[a], g.Y[b]) })
	for _, want := range g.Cases {
		if want.Priors != nil {
			continue
		}
		c := g.chunk(want.Rows, want.Weighted)
		sorted := &linear.Chunk{Features: c.Features}
		for _, i := range order {
			sorted.X, sorted.Labels = append(sorted.X, c.X[i*c.Features:(i+1)*c.Features]...), append(sorted.Labels, c.Labels[i])
			if want.Weighted {
				sorted.Weights = append(sorted.Weights, c.Weights[i])
			}
		}
		n := sorted.Len()
		o := FitOptions{Options: want.options()}
		whole := saved(t, fitted(t, o, 3, false, sorted).Model())
		first := fitted(t, o, 2, false, head(sorted, 100)).Model() // has no yes
		o.WarmStart = loaded(t, saved(t, first))
		both := fitted(t, o, 2, true, sorted.Slice(100, n)).Model() // has no no
		if want.Kind != Gaussian {
			if got := saved(t, both); !bytes.Equal(got, whole) {
				t.Errorf("%s of %s, weighted %v: is\n%s\nwant\n%s", want.Kind, want.Rows, want.Weighted, got, whole)
			}
			continue
		}
		m := loaded(t, whole)
		for name, v := range attributes(m) {
			if d := lineartest.Distance(t, name, attributes(both)[name], v); !(d <= 1e-12) {
				t.Errorf("%s of %s, weighted %v: %s is off by %g", want.Kind, want.Rows, want.Weighted, name, d)
			}
		}
	}
}

// Rows whose columns have other names than those of the model cannot follow it, and both lists are told.
func TestWarmStartNames(t *testing.T) {
	t.Parallel()
	c := &linear.Chunk{Features: 2, X: []float64{1, 2, 3, 5}, Target: []float64{0, 1}}
	o := FitOptions{Options: Options{Kind: Gaussian, Smoothing: 1e-9}}
	o.WarmStart = fitted(t, o, 1, false, c).Model()
	o.WarmStart.FeatureNames = []string{"a", "b"}
	_, err := NewFit(o, 2, []string{"a", "c"})
	want := `the model of warm_start has other feature names than the rows have columns: ["a" "b"], not ["a" "c"]`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Means far from 0, rows that drift, and a first row that is far from all others leave variances right.
func TestFarFromZero(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, offset := range []float64{0, 1e6, 1e12, -1e15} {
		for _, drift := range []float64{0, 100} {
			c := &linear.Chunk{Features: 1}
			n := 20_000
			for i := range n {
				v := math.Round(r.NormFloat64()*1024)/8 + drift*float64(i/100)
				if i == 0 {
					v = 1e6
				}
				c.X, c.Target = append(c.X, offset+v), append(c.Target, float64(i%2))
			}
			m := fitted(t, FitOptions{Options: Options{Kind: Gaussian, FitPrior: true}}, 5, false, c).Model()
			for k := range 2 {
				mean, square, rows := 0.0, 0.0, float64(n/2)
				for i := k; i < n; i += 2 {
					mean += (c.X[i] - offset) / rows
				}
				for i := k; i < n; i += 2 {
					d := c.X[i] - offset - mean
					square += d * d / rows
				}
				if d := math.Abs(m.Var()[k][0]-square) / square; !(d <= 1e-12) {
					t.Errorf("offset %v, drift %v: variance %v, want %v, off by %g", offset, drift, m.Var()[k][0], square, d)
				}
			}
		}
	}
}

// Sparse rows are as dense ones, and −0 is the class 0.
func TestSparse(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	for _, kind := range []Kind{Multinomial, Complement, Bernoulli} {
		dense := g.chunk("counts", true)
		sparse := *dense
		sparse.X, sparse.Sparse = nil, &linear.CSR{Offsets: []int{0}}
		for i := range dense.Len() {
			for j, v := range dense.X[i*5 : i*5+5] {
				if v != 0 {
					sparse.Sparse.Indices, sparse.Sparse.Values = append(sparse.Sparse.Indices, int32(j)),
						append(sparse.Sparse.Values, v)
				}
			}
			sparse.Sparse.Offsets = append(sparse.Sparse.Offsets, len(sparse.Sparse.Values))
		}
		m := fitted(t, FitOptions{Options: Defaults(kind)}, 2, false, dense).Model()
		if other := fitted(t, FitOptions{Options: Defaults(kind)}, 2, true, &sparse).Model(); !bytes.Equal(saved(t, m),
			saved(t, other)) {
			t.Errorf("%s: another model of sparse rows", kind)
		}
		want, err := m.Predictor().JointLog(dense, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Predictor().JointLog(&sparse, nil)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: other predictions of sparse rows, %v", kind, err)
		}
	}
	o := Defaults(Bernoulli)
	o.Binarize = -1
	p := fitted(t, FitOptions{Options: o}, 2, true, g.chunk("counts", true)).Model().Predictor()
	few := &linear.Chunk{Features: 5, Sparse: &linear.CSR{Offsets: []int{0, 0}}}
	if _, err := p.JointLog(few, nil); err == nil ||
		!strings.Contains(err.Error(), "must be at least 0 where rows are sparse") {
		t.Errorf("sparse rows that all have what they lack: %v", err)
	}
	numbers := &linear.Chunk{Features: 1, X: []float64{1, 2, 3}, Target: []float64{0, 7, math.Copysign(0, -1)}}
	if m := fitted(t, FitOptions{Options: Defaults(Multinomial)}, 2, true, numbers).Model(); !slices.Equal(m.ClassRows(),
		[]int64{2, 1}) {
		t.Errorf("rows of the classes: %v", m.ClassRows())
	}
}

// The scores of each smoothing are those of a model of the other folds, and the model is that of the best on all rows.
func TestCrossValidation(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	for _, test := range []struct {
		kind       Kind
		rows       string
		weighted   bool
		smoothings []float64
		classes    int
	}{
		{Gaussian, "normal", true, []float64{1e-9, 0.01}, 3},
		{Multinomial, "counts", false, []float64{0.1, 1, 10}, 2},
		{Categorical, "categories", false, []float64{0.5}, 3},
	} {
		c := g.chunk(test.rows, test.weighted)
		if test.classes == 2 {
			c.Labels = slices.Clone(c.Labels)
			for i, v := range c.Labels {
				c.Labels[i] = strings.Replace(v, "perhaps", "no", 1)
			}
		}
		o := FitOptions{Options: Defaults(test.kind), Smoothings: test.smoothings, Folds: 4, Seed: 3}
		f := fitted(t, o, 3, true, c)
		cv := f.CV()
		places := make([]int32, c.Len())
		if _, err := f.survey.Classes.Encode(places, c); err != nil {
			t.Fatal(err)
		}
		for fold := range 4 {
			rest, held := &linear.Chunk{Features: c.Features}, &linear.Chunk{Features: c.Features}
			for i := range c.Len() {
				to := rest
				if foldOf(f, c, i, places[i]) == fold {
					to = held
				}
				to.X, to.Labels = append(to.X, c.X[i*c.Features:(i+1)*c.Features]...), append(to.Labels, c.Labels[i])
				if test.weighted {
					to.Weights = append(to.Weights, c.Weights[i])
				}
			}
			if got, want := cv.Metrics[1].Constant[fold], mostFrequent(rest, held); cv.Metrics[1].Name != "accuracy" ||
				!(math.Abs(got-want) <= 1e-13) {
				t.Errorf("%s, fold %d: a constant prediction has the accuracy %v, want %v", test.kind, fold, got, want)
			}
			for s, v := range test.smoothings {
				o := FitOptions{Options: Defaults(test.kind)}
				o.Options.Smoothing = v
				m := fitted(t, o, 1, false, rest).Model()
				metrics := linear.NewClassificationMetrics(m.Classes.Len())
				proba, err := m.Predictor().PredictProba(held, nil)
				if err != nil {
					t.Fatal(err)
				}
				guess, err := m.Predictor().Predict(held, nil)
				if err != nil {
					t.Fatal(err)
				}
				truth := make([]int32, held.Len())
				if _, err := m.Classes.Encode(truth, held); err != nil {
					t.Fatal(err)
				}
				for i, k := range truth {
					w := 1.0
					if test.weighted {
						w = held.Weights[i]
					}
					metrics.Add(int(k), int(guess[i]), proba[i*m.Classes.Len():(i+1)*m.Classes.Len()], w)
				}
				for i := range cv.Metrics {
					got := cv.Metrics[i].Splits[fold][s]
					var want float64
					switch cv.Metrics[i].Name {
					case "accuracy":
						want = metrics.Accuracy()
					case "neg_log_loss":
						want = -metrics.LogLoss()
					case "f1":
						want = metrics.F1(1)
					case "f1_macro":
						want = metrics.MacroF1()
					default:
						continue
					}
					if !(math.Abs(got-want) <= 1e-10) {
						t.Errorf("%s, fold %d, smoothing %v: %s is %v, want %v", test.kind, fold, v, cv.Metrics[i].Name, got, want)
					}
				}
			}
		}
		if test.classes == 2 {
			wantAUCs(t, f, c)
		}
		best, err := cv.Best()
		if err != nil {
			t.Fatal(err)
		}
		one := FitOptions{Options: Defaults(test.kind)}
		one.Options.Smoothing = test.smoothings[best]
		want := fitted(t, one, 3, false, c).Model()
		for name, v := range attributes(want) {
			if d := lineartest.Distance(t, name, attributes(f.Model())[name], v); !(d <= 1e-13) {
				t.Errorf("%s: %s of the model is off by %g", test.kind, name, d)
			}
		}
		if loaded(t, saved(t, f.Model())).Options.Smoothing != test.smoothings[best] {
			t.Errorf("%s: another smoothing", test.kind)
		}
	}
}

// mostFrequent is the accuracy, on held rows, of the label that has the most weight among the rest.
func mostFrequent(rest, held *linear.Chunk) float64 {
	weights := func(c *linear.Chunk) (of map[string]float64, all float64) {
		of = map[string]float64{}
		for i, label := range c.Labels {
			w := 1.0
			if c.Weights != nil {
				w = c.Weights[i]
			}
			of[label] += w
			all += w
		}
		return of, all
	}
	of, _ := weights(rest)
	guess, most := "", 0.0
	for label, w := range of {
		if w > most {
			guess, most = label, w
		}
	}
	of, all := weights(held)
	return of[guess] / all
}

// wantAUCs asks for the areas under the ROC curves of a fit of two classes, those of the held rows of each fold: by the
// decision values of a model of the others, within what bins of them leave open.
func wantAUCs(t *testing.T, f *Fit, c *linear.Chunk) {
	t.Helper()
	at := slices.IndexFunc(f.CV().Metrics, func(m linear.CVMetric) bool { return m.Name == "roc_auc" })
	places := make([]int32, c.Len())
	if _, err := f.survey.Classes.Encode(places, c); err != nil {
		t.Fatal(err)
	}
	for fold, splits := range f.CV().Metrics[at].Splits {
		var rest linear.Chunk
		var held []int
		rest.Features = c.Features
		for i := range c.Len() {
			if foldOf(f, c, i, places[i]) == fold {
				held = append(held, i)
				continue
			}
			rest.X, rest.Labels = append(rest.X, c.X[i*c.Features:(i+1)*c.Features]...), append(rest.Labels, c.Labels[i])
		}
		for s, got := range splits {
			o := FitOptions{Options: f.options.Options}
			o.Options.Smoothing = f.options.Smoothings[s]
			p := fitted(t, o, 1, false, &rest).Model().Predictor()
			var positive []bool
			var scores []float64
			for _, i := range held {
				d, err := p.DecisionFunction(single(c, i), nil)
				if err != nil || len(d) != 1 {
					t.Fatal(d, err)
				}
				if proba, err := p.PredictProba(single(c, i), nil); err != nil || (d[0] > 0) != (proba[1] > 0.5) {
					t.Fatalf("row %d: decision %v, probabilities %v, %v", i, d[0], proba, err)
				}
				positive, scores = append(positive, places[i] == 1), append(scores, d[0])
			}
			want, err := linear.AUC(positive, scores, nil)
			if err != nil || !(math.Abs(got-want) <= 0.01) || math.Abs(want-0.5) < 0.05 {
				t.Errorf("fold %d: AUC %v, want %v, %v", fold, got, want, err)
			}
		}
	}
}

// A class of which the rows of the other folds are none is never what a model of these predicts.
func TestClassWithoutRows(t *testing.T) {
	t.Parallel()
	c := &linear.Chunk{Features: 1, X: []float64{1, 2, 3, 5, 7}, Labels: []string{"a", "b", "a", "b", "c"}}
	for _, kind := range []Kind{Gaussian, Complement, Multinomial} {
		m := fitted(t, FitOptions{Options: Defaults(kind)}, 2, true, c).Model()
		m.tallies[2] = newTally(m.tallies[2].shape)
		p, err := m.Predictor().PredictProba(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Len() {
			if p[3*i+2] != 0 || !(math.Abs(p[3*i]+p[3*i+1]-1) < 1e-12) {
				t.Errorf("%s, row %d: probabilities %v", kind, i, p[3*i:3*i+3])
			}
		}
	}
}

// A category may be as great as any, and what is absent of sparse rows is not above a threshold below 0.
func TestDomainsAtTheEdge(t *testing.T) {
	t.Parallel()
	f, err := NewFit(FitOptions{Options: Defaults(Categorical)}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	most := f.Domain()[0].High
	for v, fine := range map[float64]bool{most: true, most + 1: false} {
		err := f.Partial(0, 1).PartialFit(&linear.Chunk{Features: 1, X: []float64{0, v}, Labels: []string{"a", "b"}})
		if (err == nil) != fine {
			t.Errorf("category %v: %v", v, err)
		}
	}
	o := Defaults(Bernoulli)
	o.Binarize = -0.5
	if f, err = NewFit(FitOptions{Options: o}, 1, nil); err != nil {
		t.Fatal(err)
	}
	sparse := &linear.Chunk{Features: 1, Sparse: &linear.CSR{Offsets: []int{0, 1, 1}, Indices: []int32{0},
		Values: []float64{1}}, Labels: []string{"a", "b"}}
	if err := f.Partial(0, 1).PartialFit(sparse); err == nil ||
		!strings.Contains(err.Error(), "binarize -0.5: must be at least 0") {
		t.Errorf("a threshold below what is absent: %v", err)
	}
}

// The sums of parts that are merged count each number once, however many parts have a label.
func TestNumbersOfMergedSums(t *testing.T) {
	t.Parallel()
	f, err := NewFit(FitOptions{Options: Defaults(Multinomial)}, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &linear.Chunk{Features: 3, X: []float64{1, 2, 3, 4, 5, 6}, Labels: []string{"a", "b"}}
	sum := f.Partial(0, 5).(*sumPart)
	for i := range 5 {
		p := f.Partial(i, 5)
		if err := p.PartialFit(c); err != nil {
			t.Fatal(err)
		}
		if err := sum.Merge(p); err != nil {
			t.Fatal(err)
		}
	}
	if sum.numbers != 2*3 {
		t.Errorf("%d numbers of two labels and three columns", sum.numbers)
	}
}

// What cannot be learned from, or asked for, is told in a line.
func TestFaults(t *testing.T) {
	t.Parallel()
	bad := Defaults(Multinomial)
	bad.Smoothing, bad.ClassPrior = 0, map[string]float64{"a": 0, "b": 1}
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "alpha 0: must be above 0") ||
		!strings.Contains(err.Error(), "class_prior a=0: must be above 0") {
		t.Errorf("%v", err)
	}
	for _, kind := range Kinds {
		large := Defaults(kind)
		large.Smoothing = 1e308
		if err := large.Validate(); (err == nil) != (kind == Gaussian) ||
			err != nil && err.Error() != "alpha 1e+308: must be at most 1e+200" {
			t.Errorf("%s: %v", kind, err)
		}
	}
	prior := Defaults(Gaussian)
	prior.ClassPrior = map[string]float64{"a": 0.5, "c": 0.5}
	smooth := Defaults(Gaussian)
	smooth.Smoothing = 0
	for want, test := range map[string]struct {
		o Options
		c *linear.Chunk
	}{
		"column 1: found -1, expected a count, from 0 on": {Defaults(Multinomial),
			&linear.Chunk{X: []float64{1, -1, 1, 1}, Labels: []string{"a", "b"}}},
		"expected a category, an integer from 0 to 1048575": {Defaults(Categorical),
			&linear.Chunk{X: []float64{1, 1, 1, 0.5}, Labels: []string{"a", "b"}}},
		"rows of at least two classes": {Defaults(Bernoulli),
			&linear.Chunk{X: []float64{1, 1, 1, 0.5}, Labels: []string{"a", "a"}}},
		"rows of at least two classes with a weight above 0": {Defaults(Bernoulli),
			&linear.Chunk{X: []float64{1, 1, 1, 0.5}, Labels: []string{"a", "b"}, Weights: []float64{1, 0}}},
		"none of class \"c\"": {Defaults(Bernoulli),
			&linear.Chunk{X: []float64{1, 1, 1, 0.5, 1, 1}, Labels: []string{"a", "b", "c"}, Weights: []float64{1, 1, 0}}},
		"class_prior: nothing for class b: the classes are a, b": {prior,
			&linear.Chunk{X: []float64{1, 1, 1, 0.5}, Labels: []string{"a", "b"}}},
		"column 0: its variance in class a is 0, and nothing is added: take a greater": {smooth,
			&linear.Chunk{X: []float64{1, 1, 1, 0.5}, Labels: []string{"a", "b"}}},
		"beyond what float64 holds": {Defaults(Gaussian),
			&linear.Chunk{X: []float64{1, 1e300, 1, -1e300}, Labels: []string{"a", "a"}}},
	} {
		test.c.Features, test.c.File = 2, "rows.csv"
		if strings.HasPrefix(want, "beyond") {
			test.c.X, test.c.Labels = append(test.c.X, 1, 1), append(test.c.Labels, "b")
		}
		f, err := NewFit(FitOptions{Options: test.o}, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := lineartest.PassOver(t, f, 1, 10, false, test.c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	m := fitted(t, FitOptions{Options: Defaults(Categorical)}, 1, false,
		&linear.Chunk{Features: 1, X: []float64{0, 1, 2}, Labels: []string{"a", "b", "a"}}).Model()
	_, err := m.Predictor().Predict(&linear.Chunk{Features: 1, X: []float64{0, 3}, File: "x.csv"}, nil)
	var at *fault.Fault
	if !errors.As(err, &at) || at.Row != 1 || at.Column != "column 0" ||
		!strings.Contains(at.Expected, "an integer from 0 to 2") {
		t.Errorf("an unknown category: %v", err)
	}
}

// Of a next to absent smoothing, or the greatest, what all rows of a class have, or none has, decides without there
// being a NaN. What a class lacks has the probability alpha/(rows + 2·alpha), as exact as any other.
func TestExtremeSmoothing(t *testing.T) {
	t.Parallel()
	c := &linear.Chunk{Features: 2, Labels: []string{"a", "a", "b", "b"}, X: []float64{1, 0, 1, 1, 0, 0, 0, 1}}
	for _, kind := range []Kind{Multinomial, Complement, Bernoulli, Categorical} {
		for _, alpha := range []float64{1e-10, 1e-20, 1e-300, maxSmoothing} {
			o := Defaults(kind)
			o.Smoothing = alpha
			p := fitted(t, FitOptions{Options: o}, 2, false, c).Model().Predictor()
			logs, err := p.JointLog(c, nil)
			if err != nil || slices.ContainsFunc(logs, func(v float64) bool { return v-v != 0 }) {
				t.Errorf("%s, alpha %v: %v, %v", kind, alpha, logs, err)
			}
			if kind != Bernoulli {
				continue
			}
			// A row of a has 1 of column 0, of which b has none, and of column 1 each class has one half.
			if got, want := logs[0]-logs[1], math.Log((2+alpha)/alpha); !(math.Abs(got-want) <= 1e-12*max(want, 1)) {
				t.Errorf("alpha %v: a row of a is by %v more likely, want %v", alpha, got, want)
			}
			if got, want := logs[5]-logs[4], math.Log((2+alpha)/alpha); !(math.Abs(got-want) <= 1e-12*max(want, 1)) {
				t.Errorf("alpha %v: a row of b is by %v more likely, want %v", alpha, got, want)
			}
		}
	}
}

// A fold whose others have one row of a class, and so no variance, has no score of any kind where nothing is added.
func TestNoVarianceInFolds(t *testing.T) {
	t.Parallel()
	c := &linear.Chunk{Features: 1, Labels: []string{"a", "a"}, X: []float64{0.5, 0.7}, File: "rows.csv",
		Numbers: []int64{0, 1}}
	for i := range 20 {
		c.Labels, c.X = append(c.Labels, "bc"[i%2:i%2+1]), append(c.X, float64(i)+1)
		c.Numbers = append(c.Numbers, int64(i+2))
	}
	for _, scoring := range []string{"", "accuracy"} {
		f := fitted(t, FitOptions{Options: Defaults(Gaussian), Smoothings: []float64{0, 1e-3}, Folds: 5, Scoring: scoring}, 1,
			false, c)
		if first := f.CV().Metrics[0].Name; first != cmp.Or(scoring, "neg_log_loss") {
			t.Errorf("scoring %q: chosen by %s", scoring, first)
		}
		lost := 0
		for _, m := range f.CV().Metrics {
			for _, split := range m.Splits {
				if math.IsNaN(split[0]) {
					lost++
				}
				if math.IsNaN(split[1]) {
					t.Errorf("%s: no score of what is added: %v", m.Name, m.Splits)
				}
			}
		}
		if want := 2 * len(f.CV().Metrics); lost != want || f.Model().Options.Smoothing != 1e-3 {
			t.Errorf("scoring %q: %d scores are lost, want %d; chosen %v", scoring, lost, want, f.Model().Options.Smoothing)
		}
	}
}

// A fold whose rows all have weight 0 is refused, and one in which only some class has none is not.
func TestFoldsWithoutWeight(t *testing.T) {
	t.Parallel()
	c := &linear.Chunk{Features: 1, File: "rows.csv"}
	for i := range 40 {
		c.Labels, c.X, c.Numbers = append(c.Labels, "bc"[i%2:i%2+1]), append(c.X, float64(i%7)), append(c.Numbers, int64(i))
		c.Weights = append(c.Weights, 1)
	}
	o := FitOptions{Options: Defaults(Gaussian), Smoothings: []float64{1e-3, 0.1}, Folds: 4}
	f := fitted(t, o, 1, false, c)
	places := make([]int32, c.Len())
	if _, err := f.survey.Classes.Encode(places, c); err != nil {
		t.Fatal(err)
	}
	for _, without := range []string{"c", "b", "bc"} {
		for i := range c.Weights {
			c.Weights[i] = 1
			if foldOf(f, c, i, places[i]) == 2 && strings.Contains(without, c.Labels[i]) {
				c.Weights[i] = 0
			}
		}
		g, err := NewFit(o, c.Features, nil)
		if err != nil {
			t.Fatal(err)
		}
		for !g.Done() && err == nil {
			err = lineartest.PassOver(t, g, 1, 60, false, c)
		}
		if empty := f.survey.Folds.Empty(2).Error(); without == "bc" && (err == nil || err.Error() != empty) ||
			without != "bc" && err != nil {
			t.Errorf("without weights of %s: %v", without, err)
		}
	}
}

// Judgements of other classes are refused where they are read.
func TestJudgementsThatDoNotFit(t *testing.T) {
	t.Parallel()
	parts := make([]*heldPart, 2)
	for i, classes := range []int{2, 3} {
		parts[i] = newHeldPart(&held{classes: classes, models: [][]*Model{make([]*Model, 2), make([]*Model, 2)}})
	}
	for i, p := range parts {
		b, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.UnmarshalBinary(b); err != nil {
			t.Errorf("its own: %v", err)
		}
		if err := parts[1-i].UnmarshalBinary(b); err == nil || !strings.Contains(err.Error(), "as many classes") {
			t.Errorf("those of other classes: %v", err)
		}
	}
}

// A file that has been changed is refused, or reads as it is written.
func FuzzLoad(f *testing.F) {
	for _, kind := range Kinds {
		fit, err := NewFit(FitOptions{Options: Defaults(kind)}, 2, []string{"x", "y"})
		if err != nil {
			f.Fatal(err)
		}
		c := &linear.Chunk{Features: 2, X: []float64{1, 0, 2, 1, 1, 3}, Labels: []string{"a", "b", "b"},
			Weights: []float64{0.1, 0.7, 0.3}}
		if err := lineartest.PassOver(f, fit, 1, 10, false, c); err != nil {
			f.Fatal(err)
		}
		var b bytes.Buffer
		if err := fit.Model().Save(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Load("m.json", bytes.NewReader(b))
		if err != nil {
			return
		}
		m.Predictor()
		loaded(t, saved(t, m))
	})
}

// Bytes that are no sums are refused, or read as sums that are written again.
func FuzzSums(f *testing.F) {
	fits := map[Kind]*Fit{}
	for i, kind := range Kinds {
		fit, err := NewFit(FitOptions{Options: Defaults(kind)}, 2, nil)
		if err != nil {
			f.Fatal(err)
		}
		fits[kind] = fit
		p := fit.Partial(0, 1)
		c := &linear.Chunk{Features: 2, X: []float64{1, 0, 2, 1, 1, 3}, Labels: []string{"a", "b", "b"},
			Weights: []float64{0.1, 0.7, 0.3}}
		if err := p.PartialFit(c); err != nil {
			f.Fatal(err)
		}
		b, err := p.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, b)
	}
	f.Fuzz(func(t *testing.T, kind int, b []byte) {
		if kind < 0 || kind >= len(Kinds) {
			return
		}
		p := fits[Kinds[kind]].Partial(0, 1)
		if p.UnmarshalBinary(b) != nil {
			return
		}
		if _, err := p.MarshalBinary(); err != nil {
			t.Error(err)
		}
		if err := p.Merge(fits[Kinds[kind]].Partial(0, 1)); err != nil {
			t.Error(err)
		}
	})
}

// A fit that goes on after every chunk is scikit-learn's partial_fit.
func TestPartialFits(t *testing.T) {
	t.Parallel()
	estimators := map[string]lineartest.Estimator{}
	for _, kind := range []Kind{Multinomial, Complement, Bernoulli} {
		var m *Model
		partialFit := func(c *linear.Chunk) error {
			f, err := NewFit(FitOptions{Options: Defaults(kind), WarmStart: m}, c.Features, nil)
			if err != nil {
				return err
			}
			sum := f.Partial(0, 1)
			if err := sum.PartialFit(c); err != nil {
				return err
			}
			if err := f.Advance(sum); err != nil {
				return err
			}
			m = f.Model()
			return nil
		}
		found := func() map[string][]float64 { return attributes(m) }
		proba := func(c *linear.Chunk) ([]float64, error) { return m.Predictor().PredictProba(c, nil) }
		estimators["nb/"+string(kind)] = lineartest.NewEstimator(partialFit, found, proba)
	}
	lineartest.RunOthers(t, estimators)
}
