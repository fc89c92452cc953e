package fitting

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/interior"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/linear/survey"
)

// crossCase is a cross-validation of testdata/cross.json.gz, which cross.py describes.
type crossCase struct {
	Data        string                 `json:"data"`
	Task        linear.Task            `json:"task"`
	Loss        linear.Loss            `json:"loss"`
	Alphas      []float64              `json:"alphas"`
	Folds       int                    `json:"folds"`
	Seed        uint64                 `json:"seed"`
	Standardize bool                   `json:"standardize"`
	Epsilon     float64                `json:"epsilon"`
	ClassWeight *string                `json:"class_weight"`
	Weighted    bool                   `json:"weighted"`
	Rows        []int64                `json:"rows"` // of each fold
	Scores      map[string][][]float64 `json:"scores"`
}

func crossCases(t testing.TB) []crossCase {
	t.Helper()
	f, err := os.Open(filepath.Join("../testdata", "cross.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []crossCase
	if err := json.NewDecoder(z).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// realTable reads one of the tables of the repository as cross.py does.
func realTable(t testing.TB, name string) *linear.Chunk {
	t.Helper()
	file, target, every := name+".csv", "target", 1
	switch name {
	case "shuttle":
		file, target, every = "shuttle.csv.gz", "anomaly", 10
	case "flights":
		file, target = "flights_numbers.csv", "delayed"
	}
	f, err := os.Open(filepath.Join("../../../testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := &linear.Chunk{}
	for i, line := range lines[1:] {
		if i%every != 0 {
			continue
		}
		c.Numbers = append(c.Numbers, int64(i/every))
		for j, name := range lines[0] {
			v, err := strconv.ParseFloat(line[j], 64)
			switch {
			case name == "id":
			case err != nil:
				t.Fatal(err)
			case name == target:
				c.Target = append(c.Target, v)
			default:
				c.X = append(c.X, v)
			}
		}
	}
	c.Features = len(c.X) / len(c.Target)
	return c
}

func (k *crossCase) fit() FitOptions {
	o := FitOptions{
		MultiClass: linear.OneVsRest,
		Options:    linear.Options{Task: k.Task, Loss: k.Loss}, Alphas: k.Alphas, Folds: k.Folds, Seed: k.Seed,
		Standardize: k.Standardize,
	}
	o.Options.ClassWeight.Balanced = k.ClassWeight != nil
	if k.Loss == linear.Quantile { // which has it for its quantile
		o.Options.Quantile = &k.Epsilon
	} else {
		o.Options.Epsilon = &k.Epsilon
	}
	return o
}

// Scores of every fold are those of scikit-learn's fits of the other folds' rows.
func TestCrossFitLikeScikitLearn(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this fits grids of alphas to every fixture: TestCrossFitLikeFits stays")
	}
	for _, k := range crossCases(t) {
		name := k.Data + "/" + string(k.Loss)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := realTable(t, k.Data)
			if k.Weighted {
				for i := range c.Len() {
					c.Weights = append(c.Weights, 0.5+float64(i%4))
				}
			}
			f := driven(t, k.fit(), c, 3)
			if f.Model().Training.Solver != "exact" || len(f.CV().Params) != len(k.Alphas) {
				t.Fatalf("solver %s, %d combinations", f.Model().Training.Solver, len(f.CV().Params))
			}
			checkScores(t, f.CV(), k.Scores)
			t.Logf("%d passes", f.Passes())
		})
	}
}

// checkScores compares the scores of every fold and combination.
func checkScores(t *testing.T, cv *linear.CVResult, scores map[string][][]float64) {
	t.Helper()
	for name, want := range scores {
		i := slices.IndexFunc(cv.Metrics, func(m linear.CVMetric) bool { return m.Name == name })
		if i < 0 {
			t.Errorf("no %s", name)
			continue
		}
		tolerance := 1e-6
		if name == "roc_auc" { // which is of scores in bins
			tolerance = 2e-3
		}
		for fold, split := range want {
			for a, w := range split {
				if got := cv.Metrics[i].Splits[fold][a]; !(math.Abs(got-w) <= tolerance*max(1, math.Abs(w))) {
					t.Errorf("alpha %v, fold %d: %s %v, want %v", cv.Params[a].Alpha, fold, name, got, w)
				}
			}
		}
	}
}

// fitOf is an exact fit of all rows of a chunk, as of another job: a survey, and an Optimizer.
func fitOf(t *testing.T, o FitOptions, c *linear.Chunk) *linear.Model {
	t.Helper()
	o.Alphas, o.Folds = o.Alphas[:1], 0
	return driven(t, o, c, 1).Model()
}

// A fold's fit is that of a job that has only the rows of the other folds, whatever the form of the rows, the
// intercept, and the weights of rows and classes.
func TestCrossFitLikeFits(t *testing.T) {
	two, three, numbers := lineartest.Problem(300, 2, 2), lineartest.Problem(300, 3, 3), lineartest.Problem(300, 0, 1)
	for _, c := range []*linear.Chunk{two, three, numbers} {
		c.Numbers = lineartest.RowNumbers(0, c.Len())
		for j := range c.Features { // columns of different units, and means that are not 0
			for i := range c.Len() {
				c.X[i*c.Features+j] = c.X[i*c.Features+j]*math.Pow(3, float64(j%3)) + float64(j%2)
			}
		}
	}
	weighted := *two
	for i := range weighted.Len() {
		weighted.Weights = append(weighted.Weights, float64(i%3))
	}
	counts := *numbers
	counts.Target = nil
	for _, y := range numbers.Target {
		counts.Target = append(counts.Target, 1+math.Floor(3*math.Abs(y)))
	}
	counts.Weights = weighted.Weights[:min(len(weighted.Weights), counts.Len())]
	no := false
	for i, v := range []struct {
		name string
		o    linear.Options
		c    *linear.Chunk
	}{
		{"two", linear.Options{Task: linear.Classification}, two},
		{"no intercept", linear.Options{Task: linear.Classification, FitIntercept: &no}, two},
		{"weights", linear.Options{Task: linear.Classification, ClassWeight: linear.ClassWeight{Balanced: true}}, &weighted},
		{"three, weights of classes", linear.Options{Task: linear.Classification,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"1": 3}}}, three},
		{"three, softmax", linear.Options{Task: linear.Classification, MultiClass: linear.Multinomial}, three},
		{"three, softmax, weights of classes", linear.Options{Task: linear.Classification, MultiClass: linear.Multinomial,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"1": 3}}}, three},
		{"three, softmax, balanced, sparse", linear.Options{Task: linear.Classification, MultiClass: linear.Multinomial,
			ClassWeight: linear.ClassWeight{Balanced: true}}, lineartest.SparseChunk(three)},
		{"three, softmax, no intercept", linear.Options{Task: linear.Classification, MultiClass: linear.Multinomial,
			FitIntercept: &no}, three},
		{"three, balanced", linear.Options{Task: linear.Classification, ClassWeight: linear.ClassWeight{Balanced: true}},
			three},
		{"sparse", linear.Options{Task: linear.Classification}, lineartest.SparseChunk(three)},
		{"squared_error", linear.Options{Task: linear.Classification, Loss: linear.SquaredError,
			ClassWeight: linear.ClassWeight{Balanced: true}}, three},
		{"modified_huber, sparse", linear.Options{Task: linear.Classification, Loss: linear.ModifiedHuber},
			lineartest.SparseChunk(two)},
		{"huber", linear.Options{Task: linear.Regression, Loss: linear.Huber, FitIntercept: &no}, numbers},
		{"hinge", linear.Options{Task: linear.Classification, Loss: linear.Hinge}, two},
		{"hinge, sparse, balanced", linear.Options{Task: linear.Classification, Loss: linear.Hinge,
			ClassWeight: linear.ClassWeight{Balanced: true}}, lineartest.SparseChunk(three)},
		{"epsilon_insensitive", linear.Options{Task: linear.Regression, Loss: linear.EpsilonInsensitive, FitIntercept: &no},
			numbers},
		{"quantile", linear.Options{Task: linear.Regression, Loss: linear.Quantile, Quantile: new(0.301)}, numbers},
		{"no penalty", linear.Options{Task: linear.Regression, Loss: linear.Huber, Penalty: linear.None}, numbers},
		{"l1, weights of classes", linear.Options{Task: linear.Classification, Penalty: linear.L1,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"1": 3}}}, &weighted},
		{"l1, three, squared_hinge", linear.Options{Task: linear.Classification, Loss: linear.SquaredHinge,
			Penalty: linear.L1}, three},
		{"elasticnet, modified_huber, sparse", linear.Options{Task: linear.Classification, Loss: linear.ModifiedHuber,
			Penalty: linear.ElasticNet, L1Ratio: new(0.4)}, lineartest.SparseChunk(two)},
		{"l1, huber, no intercept", linear.Options{Task: linear.Regression, Loss: linear.Huber, Penalty: linear.L1,
			FitIntercept: &no}, numbers},
		{"elasticnet, squared_epsilon_insensitive", linear.Options{Task: linear.Regression,
			Loss: linear.SquaredEpsilonInsensitive, Penalty: linear.ElasticNet, L1Ratio: new(0.7)}, numbers},
		{"poisson, weights", linear.Options{Task: linear.Regression, Loss: linear.Poisson}, &counts},
		{"l1, poisson", linear.Options{Task: linear.Regression, Loss: linear.Poisson, Penalty: linear.L1}, &counts},
		{"elasticnet, gamma", linear.Options{Task: linear.Regression, Loss: linear.Gamma, Penalty: linear.ElasticNet,
			L1Ratio: new(0.5)}, &counts},
		{"l1, tweedie", linear.Options{Task: linear.Regression, Loss: linear.Tweedie, Power: new(1.5), Penalty: linear.L1},
			&counts},
		{"l1, three, softmax", linear.Options{Task: linear.Classification, MultiClass: linear.Multinomial,
			Penalty: linear.L1}, three},
		{"elasticnet, three, softmax, balanced", linear.Options{Task: linear.Classification, MultiClass: linear.Multinomial,
			Penalty: linear.ElasticNet, L1Ratio: new(0.5), ClassWeight: linear.ClassWeight{Balanced: true}}, three},
	} {
		for _, standardize := range []bool{false, true} {
			if testing.Short() && (i%3 > 0 || standardize == (i%2 > 0)) {
				continue
			}
			t.Run(v.name, func(t *testing.T) {
				t.Parallel()
				o := FitOptions{Options: v.o, Alphas: []float64{0.01, 0.5}, Folds: 3, Standardize: standardize, Seed: 4,
					MultiClass: linear.OneVsRest}
				if v.o.Penalty == linear.None {
					o.Alphas = o.Alphas[:1]
				}
				if v.o.MultiClass != "" {
					o.MultiClass = v.o.MultiClass
				}
				cv := driven(t, o, v.c, 2).CV()
				s, err := survey.NewSurvey(v.o.Task, v.c.Features, false)
				if err != nil {
					t.Fatal(err)
				}
				s.Stratify(o.Folds, o.Seed)
				p := s.Partial(0, 1)
				if err := errorsOf(p.PartialFit(v.c), s.Advance(p)); err != nil {
					t.Fatal(err)
				}
				places := make([]int32, v.c.Len())
				if v.o.Task == linear.Classification {
					if _, err := s.Classes.Encode(places, v.c); err != nil {
						t.Fatal(err)
					}
				}
				in := map[int64]int{}
				for i, number := range v.c.Numbers {
					in[number] = s.Folds.Of(v.c, i, number, places[i])
				}
				tolerance := 1e-6
				if interior.Has(v.o.Loss) { // a fit by itself ends at a gap of a millionth, those of folds do at 10⁻⁹
					tolerance = 3e-4
				}
				for a, alpha := range o.Alphas {
					one := o
					one.Alphas = []float64{alpha}
					for fold := range o.Folds {
						m := fitOf(t, one, lineartest.RowsWhere(v.c, func(n int64) bool { return in[n] != fold }))
						held := lineartest.RowsWhere(v.c, func(n int64) bool { return in[n] == fold })
						for name, want := range scoresOf(t, m, held) {
							i := slices.IndexFunc(cv.Metrics, func(m linear.CVMetric) bool { return m.Name == name })
							if got := cv.Metrics[i].Splits[fold][a]; !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
								t.Errorf("standardize %v, alpha %v, fold %d: %s %v, want %v", standardize, alpha, fold, name, got, want)
							}
						}
					}
				}
			})
		}
	}
}

func errorsOf(errs ...error) error { return errors.Join(errs...) }

// scoresOf are scores of a model's predictions, weighted by rows.
func scoresOf(t *testing.T, m *linear.Model, c *linear.Chunk) map[string]float64 {
	t.Helper()
	weight := func(i int) float64 {
		if c.Weights == nil {
			return 1
		}
		return c.Weights[i]
	}
	total := c.Weight()
	y, err := m.Predict(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Task == linear.Regression {
		squares, absolutes := 0.0, 0.0
		for i, v := range y {
			squares += weight(i) * (v - c.Target[i]) * (v - c.Target[i])
			absolutes += weight(i) * math.Abs(v-c.Target[i])
		}
		return map[string]float64{"neg_mean_squared_error": -squares / total, "neg_mean_absolute_error": -absolutes / total}
	}
	places := make([]int32, c.Len())
	if _, err := m.Classes.Encode(places, c); err != nil {
		t.Fatal(err)
	}
	right := 0.0
	for i, v := range y {
		if v == float64(places[i]) {
			right += weight(i)
		}
	}
	scores := map[string]float64{"accuracy": right / total}
	if m.Loss == linear.LogLoss || m.Loss == linear.ModifiedHuber {
		p, err := m.PredictProba(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum, k := 0.0, m.Classes.Len()
		for i, place := range places {
			sum += weight(i) * loss.LogLossOf(p[i*k+int(place)])
		}
		scores["neg_log_loss"] = -sum / total
	}
	return scores
}

// Fits too large to be cross-validated side by side are learned by sgd, whose scores are those of its models, and say
// so; or refused.
func TestCrossFitTooLarge(t *testing.T) {
	c := &linear.Chunk{Features: 1999, Numbers: lineartest.RowNumbers(0, 12)}
	for i := range 12 {
		row := make([]float64, c.Features)
		row[i] = 1
		c.X, c.Target = append(c.X, row...), append(c.Target, float64(i%3))
	}
	o := FitOptions{Options: linear.Options{Task: linear.Classification}, Alphas: []float64{0.01, 0.1}, Folds: 2,
		Epochs: 0}
	f := driven(t, o, c, 1)
	if f.Model().Training.Solver != "sgd" ||
		!strings.Contains(strings.Join(f.Warnings(), "\n"), "1999 columns and 3 classes are too large") {
		t.Errorf("solver %s, warnings %q", f.Model().Training.Solver, f.Warnings())
	}
	o.Solver = SolverExact
	if _, err := drive(t, newFitFor(t, o, c), c, 1, nil, nil); err == nil ||
		!strings.Contains(err.Error(), "take --solver=sgd") {
		t.Errorf("solver exact: %v", err)
	}
}
