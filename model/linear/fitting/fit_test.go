package fitting

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/leastsquares"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/linear/survey"
)

// drive makes all passes of a fit over rows cut into parts, as Pass says. With an order, parts are learned from in a
// random one, summed up by several workers, and cross the wire; and so does the fit between passes. seen is called
// before every pass.
func drive(t testing.TB, f *Fit, c *linear.Chunk, parts int, order *rand.Rand,
	seen func(f *Fit, p Pass)) (*Fit, error) {
	t.Helper()
	n := c.Len()
	for !f.Done() {
		if f.Passes() > 200 {
			t.Fatal("it does not end")
		}
		pass := f.Pass()
		if pass.Number != f.Passes() {
			t.Fatalf("pass %d after %d", pass.Number, f.Passes())
		}
		if seen != nil {
			seen(f, pass)
		}
		parted := make([]int, parts)
		for i := range parted {
			parted[i] = i
		}
		workers := []*linear.Sum{linear.NewSum(parts)}
		if order != nil {
			order.Shuffle(parts, func(i, k int) { parted[i], parted[k] = parted[k], parted[i] })
			workers = append(workers, linear.NewSum(parts), linear.NewSum(parts))
		}
		for _, part := range parted {
			p := f.Partial(part, parts)
			end := (part + 1) * n / parts
			for i := part * n / parts; i < end; i += pass.Batch {
				if err := p.PartialFit(c.Slice(i, min(i+pass.Batch, end))); err != nil {
					return f, err
				}
			}
			worker := workers[0]
			if order != nil {
				p, worker = lineartest.Sent(t, f, p, part, parts), workers[order.IntN(len(workers))]
			}
			if err := worker.Add(linear.Node{Index: part}, p); err != nil {
				return f, err
			}
		}
		sum := workers[0]
		if order != nil {
			order.Shuffle(len(workers), func(i, k int) { workers[i], workers[k] = workers[k], workers[i] })
			sum = linear.NewSum(parts)
			for _, w := range workers {
				if err := w.Rest(func(node linear.Node, p linear.Partial) error {
					return sum.Add(node, lineartest.Sent(t, f, p, node.Index<<node.Level, parts))
				}); err != nil {
					return f, err
				}
			}
		}
		total, err := sum.Total()
		if err != nil {
			return f, err
		}
		if err := f.Advance(total); err != nil {
			return f, err
		}
		if order != nil {
			f = fitSent(t, f)
		}
	}
	if f.Model() == nil {
		t.Fatal("done without a model")
	}
	if err := f.Advance(nil); err == nil {
		t.Error("a pass after the last")
	}
	return f, nil
}

func encoded(t testing.TB, f *Fit) string {
	t.Helper()
	b, err := EncodeFit(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fitSent is a fit that has been written and read, to the same bits.
func fitSent(t testing.TB, f *Fit) *Fit {
	t.Helper()
	text := encoded(t, f)
	read, err := DecodeFit([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if again := encoded(t, read); again != text {
		t.Fatalf("read and written again:\n%s\nfirst:\n%s", again, text)
	}
	return read
}

func newFitFor(t testing.TB, o FitOptions, c *linear.Chunk) *Fit {
	t.Helper()
	f, err := NewFit(o, c.Features, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// driven is a fit that has made its passes over rows in their order.
func driven(t testing.TB, o FitOptions, c *linear.Chunk, parts int) *Fit {
	t.Helper()
	f, err := drive(t, newFitFor(t, o, c), c, parts, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fitCase is a fit of each kind.
type fitCase struct {
	name   string
	o      FitOptions
	rows   *linear.Chunk
	stages string // those that its passes are made in, each once
	solver string
}

func fitCases(t testing.TB) []fitCase {
	t.Helper()
	counted := func(c *linear.Chunk) *linear.Chunk {
		c.Numbers = lineartest.RowNumbers(0, c.Len())
		return c
	}
	numbers, two, three := counted(lineartest.Problem(700, 0, 1)), counted(lineartest.Problem(700, 2, 2)),
		counted(lineartest.Problem(700, 3, 3))
	weighted := *two
	weighted.Weights = make([]float64, two.Len())
	for i := range weighted.Weights {
		weighted.Weights[i] = float64(i % 4)
	}
	texts := *three
	texts.Target, texts.Labels = nil, nil
	for _, v := range three.Target {
		texts.Labels = append(texts.Labels, []string{"a", "b,c", "d"}[int(v)])
	}
	none := *numbers
	none.Target = nil
	options := func(task linear.Task, loss linear.Loss, penalty linear.Penalty) linear.Options {
		return linear.Options{Task: task, Loss: loss, Penalty: penalty}
	}
	warm := driven(t, FitOptions{Options: options(linear.Classification, "", ""), Solver: SolverSGD, Epochs: 2,
		BatchSize: 100}, three, 1).Model()
	lower := counted(lineartest.RowsWhere(three, func(i int64) bool { return three.Target[i/7] < 2 }))
	exactWarm := driven(t, FitOptions{Options: options(linear.Regression, "", "")}, numbers, 1).Model()

	sgd := func(o linear.Options, epochs int) FitOptions {
		return FitOptions{Options: o, Solver: SolverSGD, Epochs: epochs, BatchSize: 50, Parts: 5}
	}
	standard := func(o FitOptions) FitOptions {
		o.Standardize = true
		return o
	}
	return []fitCase{
		{"squared_error", FitOptions{Options: options(linear.Regression, "", "")}, numbers, "sums", "exact"},
		{"squared_error, l1", FitOptions{Options: options(linear.Regression, "", linear.L1), Alphas: []float64{0.1}}, numbers,
			"sums", "exact"},
		{"squared_error, standardized, sparse", standard(FitOptions{Options: options(linear.Regression, "", linear.None)}),
			lineartest.SparseChunk(numbers), "sums", "exact"},
		{"squared_error, folds", standard(FitOptions{Options: options(linear.Regression, "", ""),
			Alphas: []float64{1, 0.01, 0.1}}), numbers, "folds", "exact"},
		{"squared_error, elasticnet, folds", FitOptions{Options: options(linear.Regression, "", linear.ElasticNet),
			Alphas: []float64{0.3, 0.01}, L1Ratios: []float64{0.2, 1}, Folds: 3, Scoring: "neg_mean_squared_error"}, numbers,
			"folds", "exact"},
		{"huber", FitOptions{Options: options(linear.Regression, linear.Huber, ""), Solver: SolverExact}, numbers,
			"survey newton", "exact"},
		{"log_loss", FitOptions{Options: options(linear.Classification, "", "")}, &weighted, "survey newton", "exact"},
		{"log_loss, three classes of texts", standard(FitOptions{Options: options(linear.Classification, "", linear.None)}),
			&texts, "survey newton", "exact"},
		{"log_loss, balanced, sparse",
			standard(FitOptions{Options: linear.Options{Task: linear.Classification,
				ClassWeight: linear.ClassWeight{Balanced: true}}}), lineartest.SparseChunk(three), "survey newton", "exact"},
		{"log_loss, alphas", FitOptions{Options: options(linear.Classification, "", ""), Alphas: []float64{0.1, 0.001},
			BatchSize: 50, Parts: 5}, two, "survey cross", "exact"},
		{"log_loss, alphas, balanced, standardised",
			standard(FitOptions{Options: linear.Options{Task: linear.Classification,
				ClassWeight: linear.ClassWeight{Balanced: true}}, Alphas: []float64{0.1, 0.001}, Folds: 3}), three, "survey cross",
			"exact"},
		{"huber, alphas, sparse", standard(FitOptions{Options: options(linear.Regression, linear.Huber, ""),
			Alphas: []float64{0.1, 0.001}}), lineartest.SparseChunk(numbers), "survey cross", "exact"},
		{"squared_error, l1, auto", FitOptions{Options: options(linear.Regression, "", linear.L1), AutoAlphas: true}, numbers,
			"folds", "exact"},
		{"log_loss, auto", FitOptions{Options: options(linear.Classification, "", ""), AutoAlphas: true, Folds: 2}, &weighted,
			"survey cross", "exact"},
		{"hinge, auto, standardised", standard(FitOptions{Options: options(linear.Classification, linear.Hinge, linear.L1),
			AutoAlphas: true, Folds: 2, Epochs: 1}), two, "survey grid", "sgd"},
		{"huber by sgd, alphas", FitOptions{Options: options(linear.Regression, linear.Huber, ""), Solver: SolverSGD,
			Alphas: []float64{0.1, 0.001}, Epochs: 2, BatchSize: 50, Parts: 5}, numbers, "survey grid", "sgd"},
		{"elasticnet, grid", standard(FitOptions{Options: options(linear.Classification, "", linear.ElasticNet),
			Alphas: []float64{0.1, 0.001}, L1Ratios: []float64{0.1, 0.9}, Folds: 2, Epochs: 2, Scoring: "roc_auc", BatchSize: 50,
			Parts: 5}), two, "survey grid", "sgd"},
		{"hinge, alphas, standardised",
			standard(FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge,
				ClassWeight: linear.ClassWeight{Balanced: true}}, Alphas: []float64{0.1, 0.001}, Folds: 2}), two, "survey corners",
			"exact"},
		{"quantile, auto", FitOptions{Options: options(linear.Regression, linear.Quantile, ""), AutoAlphas: true, Folds: 2},
			numbers, "survey corners", "exact"},
		{"hinge, grid, three classes", FitOptions{Options: options(linear.Classification, linear.Hinge, ""),
			Solver: SolverSGD, Alphas: []float64{0.1, 0.001}, Epochs: 1, Scoring: "f1_macro", BatchSize: 50, Parts: 5, Seed: 7},
			&texts, "survey grid", "sgd"},
		{"squared_error, l1, wide", FitOptions{Options: options(linear.Regression, "", linear.L1), Alphas: []float64{0.01}},
			widened(numbers), "survey screening", "exact"},
		{"log_loss, elasticnet, wide", FitOptions{Options: options(linear.Classification, "", linear.ElasticNet),
			Alphas: []float64{0.01}}, widened(two), "survey screening", "exact"},
		{"squared_error, l1, alphas, wide", FitOptions{Options: options(linear.Regression, "", linear.L1),
			Alphas: []float64{0.01, 0.5, 0.1}, Folds: 3}, widened(numbers), "survey screened", "exact"},
		{"log_loss, elasticnet, alphas, wide", FitOptions{Options: options(linear.Classification, "", linear.ElasticNet),
			Alphas: []float64{0.01, 0.1}, Folds: 2}, widened(two), "survey screened", "exact"},
		{"squared_error, wide", FitOptions{Options: options(linear.Regression, "", "")}, widened(numbers),
			"survey dual weights newton", "exact"},
		{"log_loss, alphas, three classes of texts, wide",
			FitOptions{Options: options(linear.Classification, "", ""), Alphas: []float64{0.1, 0.01}, Folds: 2},
			widened(&texts), "survey dual weights newton", "exact"},
		{"hinge, l1", FitOptions{Options: options(linear.Classification, linear.Hinge, linear.L1)}, two, "survey interior",
			"exact"},
		{"hinge", sgd(options(linear.Classification, linear.Hinge, ""), 3), two, "survey sgd", "sgd"},
		{"log_loss, l1, sgd, three classes", standard(sgd(options(linear.Classification, "", linear.L1), 3)), &texts,
			"survey sgd", "sgd"},
		{"squared_error, sgd, sparse", standard(sgd(options(linear.Regression, "", ""), 3)), lineartest.SparseChunk(numbers),
			"survey sgd", "sgd"},
		{"epochs by default", FitOptions{Options: options(linear.Regression, linear.EpsilonInsensitive, ""),
			Solver: SolverSGD}, numbers, "survey sgd", "sgd"},
		{"epsilon_insensitive", FitOptions{Options: options(linear.Regression, linear.EpsilonInsensitive, "")}, numbers,
			"survey interior", "exact"},
		{"quantile, standardised", standard(FitOptions{Options: options(linear.Regression, linear.Quantile, "")}), numbers,
			"survey interior", "exact"},
		{"hinge, exact, three classes",
			FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge,
				ClassWeight: linear.ClassWeight{Balanced: true}}}, three, "survey interior", "exact"},
		{"tol", FitOptions{Options: linear.Options{Task: linear.Regression, LearningRate: linear.Adaptive, Eta0: 0.1,
			Tol: new(1e-3), EarlyStopping: true}, Epochs: 100, BatchSize: 50, Parts: 5}, numbers, "survey sgd", "sgd"},
		{"passive-aggressive", FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge,
			LearningRate: linear.PA2}, Average: new(linear.Average(1)), Epochs: 2, BatchSize: 50, Parts: 5}, three, "survey sgd",
			"sgd"},
		{"one_class", sgd(options(linear.OneClass, "", ""), 3), &none, "survey sgd", "sgd"},
		{"progressive", FitOptions{Options: options(linear.Classification, "", ""), Progressive: true, Epochs: 2,
			BatchSize: 50, Parts: 5}, &texts, "survey sgd", "sgd"},
		{"progressive alone", FitOptions{Options: options(linear.Regression, "", ""), Progressive: true, BatchSize: 50,
			Parts: 5}, numbers, "survey sgd", "sgd"},
		{"warm start", FitOptions{Options: options(linear.Classification, "", ""), WarmStart: warm, Epochs: 2, BatchSize: 50,
			Parts: 5}, three, "survey sgd", "sgd"},
		{"warm start, fewer classes, progressive",
			FitOptions{Options: options(linear.Classification, "", ""), WarmStart: warm, Progressive: true, Epochs: 2,
				BatchSize: 50, Parts: 5}, lower, "survey sgd", "sgd"},
		{"warm start of an exact model", FitOptions{Options: options(linear.Regression, "", ""), WarmStart: exactWarm,
			Epochs: 1, BatchSize: 50, Parts: 5}, numbers, "survey sgd", "sgd"},
	}
}

// widened are the rows with more columns than second derivatives are summed up of, most of them empty.
func widened(c *linear.Chunk) *linear.Chunk {
	wide := *lineartest.SparseChunk(c)
	wide.Features = MaxExactFeatures + 100
	return &wide
}

// Every kind of fit goes through its stages, and ends with the same bits in whatever order parts arrive and however
// often it crosses the wire.
func TestFitStages(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies stages, losses and wires")
	}
	for _, v := range fitCases(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			var stages []string
			first, err := drive(t, newFitFor(t, v.o, v.rows), v.rows, 5, nil, func(f *Fit, p Pass) {
				if s := stageName(f.stage); len(stages) == 0 || stages[len(stages)-1] != s {
					stages = append(stages, s)
				}
				visits := f.stage == stage(gridStage{}) || f.stage == stage(sgdStage{})
				if p.Name == "" || p.Shuffle || (p.Batch == f.options.BatchSize) != visits {
					t.Errorf("%s: %+v", stageName(f.stage), p)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(stages, " "); got != v.stages {
				t.Errorf("stages %s, want %s", got, v.stages)
			}
			m := first.Model()
			if m.Training.Solver != v.solver || m.Task != v.o.Options.Task {
				t.Errorf("a model by %s of a %s", m.Training.Solver, m.Task)
			}
			if combinations := max(len(v.o.Alphas), len(first.Path()), 1) * max(len(v.o.L1Ratios),
				1); (first.CV() != nil) != (combinations > 1) {
				t.Errorf("%d combinations: cross-validation %v", combinations, first.CV())
			} else if cv := first.CV(); cv != nil {
				best, err := cv.Best()
				if err != nil || len(cv.Params) != combinations || *m.Options.Alpha != cv.Params[best].Alpha {
					t.Errorf("the model has alpha %v, of %d combinations %v is best (%v)", *m.Options.Alpha, len(cv.Params),
						cv.Params[best].Alpha, err)
				}
				if r := cv.Params[best].L1Ratio; r != nil && *r != *m.Options.L1Ratio {
					t.Errorf("the model has l1_ratio %v, %v is best", *m.Options.L1Ratio, *r)
				}
				if v.o.Scoring != "" && cv.Metrics[0].Name != v.o.Scoring {
					t.Errorf("chosen by %s", cv.Metrics[0].Name)
				}
			}
			if p := first.Progressive(); (p != nil) != v.o.Progressive || p != nil && p.Rows != int64(v.rows.Len()) {
				t.Errorf("progressive %+v", p)
			}
			if s := first.Survey(); (s != nil) != strings.HasPrefix(v.stages, "survey") ||
				s != nil && s.Rows != int64(v.rows.Len()) {
				t.Errorf("survey %+v", s)
			}
			if (m.Scaler != nil) != v.o.Standardize && v.o.WarmStart == nil {
				t.Errorf("scaler %v", m.Scaler)
			}
			want := encoded(t, first)
			for seed := range uint64(2) {
				if brief() && seed > 0 {
					break
				}
				got, err := drive(t, newFitFor(t, v.o, v.rows), v.rows, 5, rand.New(rand.NewPCG(seed, 5)), nil)
				if err != nil {
					t.Fatal(err)
				}
				if encoded(t, got) != want {
					t.Fatalf("order %d: other bits:\n%s\nwant\n%s", seed, encoded(t, got), want)
				}
			}
		})
	}
}

// The cross-validation by sums of squares is that of models learned from the rows of the other folds, and the model
// that of the best from all rows.
func TestFitFolds(t *testing.T) {
	c := lineartest.Problem(400, 0, 6)
	for i := range c.Len() { // some rows far off, in columns of other means, so that alphas differ
		c.X[i*5+i%5] += 30
		c.Target[i] += float64(i % 7)
	}
	c.Numbers = lineartest.RowNumbers(1000, c.Len())
	for _, penalty := range []linear.Penalty{linear.L2, linear.ElasticNet} {
		o := FitOptions{
			Options: linear.Options{Task: linear.Regression, Penalty: penalty}, Alphas: []float64{10, 1e-3, 1}, Folds: 4,
			Seed: 3, Standardize: true,
		}
		if penalty == linear.ElasticNet {
			o.L1Ratios = []float64{0.3, 1}
		}
		f := driven(t, o, c, 3)
		cv := f.CV()
		fold := folds.ByNumber(o.Seed, o.Folds)
		for i, p := range cv.Params {
			h := o.Options
			h.Alpha, h.L1Ratio = &p.Alpha, p.L1Ratio
			for k := range o.Folds {
				rest := lineartest.RowsWhere(c, func(n int64) bool { return fold(n) != k })
				s, err := fitGram(t, 1, rest).Solve(&h, true)
				if err != nil {
					t.Fatal(err)
				}
				m, err := s.Model(&h, nil)
				if err != nil {
					t.Fatal(err)
				}
				own := lineartest.RowsWhere(c, func(n int64) bool { return fold(n) == k })
				if own.Len()+rest.Len() != c.Len() || own.Len() < 50 {
					t.Fatalf("fold %d has %d rows", k, own.Len())
				}
				y, err := m.Predict(own, nil)
				if err != nil {
					t.Fatal(err)
				}
				var want linear.RegressionMetrics
				for j, v := range y {
					want.Add(own.Target[j], v, 1)
				}
				r2, mse := cv.Metrics[0].Splits[k][i], -cv.Metrics[1].Splits[k][i]
				if !(math.Abs(r2-want.R2()) <= 1e-9) || !(math.Abs(mse/want.MSE()-1) <= 1e-9) {
					t.Errorf("%s, %+v, fold %d: R² %v and squared error %v, want %v and %v", penalty, p, k, r2, mse, want.R2(),
						want.MSE())
				}
			}
		}
		best, err := cv.Best()
		if err != nil {
			t.Fatal(err)
		}
		h := o.Options
		h.Alpha, h.L1Ratio = &cv.Params[best].Alpha, cv.Params[best].L1Ratio
		s, err := fitGram(t, 1, c).Solve(&h, true)
		if err != nil {
			t.Fatal(err)
		}
		if d := lineartest.Apart(t, f.Model().Coef[0], s.Coef); d > 1e-10 {
			t.Errorf("%s: the model is off by %.2g", penalty, d)
		}
		path := cv.Path
		if path == nil || len(path.Features) != 5 || len(path.Coef) != len(cv.Params) {
			t.Fatalf("%s: path %+v", penalty, path)
		}
		for i, j := range path.Features {
			if d := path.Coef[best][i] - s.Coef[j]; !(math.Abs(d) <= 1e-9) {
				t.Errorf("%s: feature %d is off by %.2g on the path", penalty, j, d)
			}
		}
	}
}

// One part, with a learning rate that is given, is PartialFit batch after batch, epoch after epoch, to the bit.
func TestFitSequential(t *testing.T) {
	two, three := lineartest.Problem(530, 2, 4), lineartest.Problem(530, 3, 4)
	weights := make([]float64, 530)
	for i := range weights {
		weights[i] = float64(i%5) / 2
	}
	two.Weights = weights
	for name, v := range map[string]struct {
		o    linear.Options
		rows *linear.Chunk
	}{
		"squared_error": {linear.Options{Task: linear.Regression, LearningRate: linear.InvScaling},
			lineartest.Problem(530, 0, 4)},
		"huber, sparse": {linear.Options{Task: linear.Regression, Loss: linear.Huber, LearningRate: linear.Constant,
			Eta0: 0.02}, lineartest.SparseChunk(lineartest.Problem(530, 0, 4))},
		"log_loss, l1": {linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.L1,
			LearningRate: linear.Optimal}, two},
		"hinge, three": {linear.Options{Task: linear.Classification, Loss: linear.Hinge, LearningRate: linear.Adaptive,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"2": 3}}}, three},
		"balanced": {linear.Options{Task: linear.Classification, Loss: linear.Perceptron, LearningRate: linear.Constant,
			ClassWeight: linear.ClassWeight{Balanced: true}}, three},
		"one_class": {linear.Options{Task: linear.OneClass, LearningRate: linear.Optimal}, three},
	} {
		for _, average := range []linear.Average{0, 1, 700} {
			o := v.o
			o.Average, o.Alpha, o.L1Ratio = average, new(0.003), new(0.15)
			if o.Task == linear.Classification {
				o.Classes = lineartest.Numbered(int(slices.Max(v.rows.Target)) + 1)
			}
			s := fitSGD(t, o, v.rows.Features)
			for range 3 {
				for i := 0; i < 530; i += 100 {
					lineartest.PartialFit(t, s, v.rows.Slice(i, min(i+100, 530)))
				}
				s.EndEpoch()
			}
			o.Average, o.Alpha = 0, nil
			f := driven(t, FitOptions{Options: o, Solver: SolverSGD, Alphas: []float64{0.003}, Average: &average, Epochs: 3,
				BatchSize: 100}, v.rows, 1)
			by := lineartest.ModelOf(t, s) // which has counted rows in every epoch
			by.Training.Rows /= 3
			for k := range by.Training.ClassRows {
				by.Training.ClassRows[k] /= 3
			}
			if got, want := lineartest.Saved(t, f.Model()), lineartest.Saved(t, by); got != want {
				t.Errorf("%s, average %d: got\n%s\nwant\n%s", name, average, got, want)
			}
		}
	}
}

// A fit that goes on from a model goes on with its rows, and ends where one without a stop does.
func TestFitWarmStart(t *testing.T) {
	c := lineartest.Problem(500, 2, 8)
	o := FitOptions{Options: linear.Options{Task: linear.Classification, LearningRate: linear.InvScaling, Tol: new(1e-9)},
		Average: new(linear.Average(200)), BatchSize: 100}
	o.Epochs = 5
	want := lineartest.Saved(t, driven(t, o, c, 1).Model())
	o.Epochs = 2
	first := driven(t, o, c, 1).Model()
	o.Epochs, o.WarmStart = 3, first
	if got := lineartest.Saved(t, driven(t, o, c, 1).Model()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := NewFit(o, 4, nil); err == nil ||
		err.Error() != "the model of warm_start has 5 features, the rows have 4 columns" {
		t.Error(err)
	}
	named := *first
	named.FeatureNames = []string{"a", "b", "c", "d", "e"}
	o.WarmStart = &named
	if _, err := NewFit(o, 5, []string{"a", "b", "c", "e", "d"}); err == nil ||
		err.Error() != `the model of warm_start has other feature names than the rows have columns: ["a" "b" "c" "d" "e"], not ["a" "b" "c" "e" "d"]` {
		t.Error(err)
	}
	f, err := NewFit(o, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f, err = drive(t, f, c, 1, nil, nil); err != nil || !slices.Equal(f.Model().FeatureNames, named.FeatureNames) {
		t.Errorf("names %v, %v", f.Model().FeatureNames, err)
	}
	more := lineartest.Problem(500, 3, 8)
	if _, err := drive(t, newFitFor(t, o, more), more, 1, nil, nil); err == nil ||
		!strings.Contains(err.Error(), "found class 2, expected one of the classes declared") {
		t.Errorf("a class that the model has not: %v", err)
	}
}

// Names go with the model.
func TestFitNames(t *testing.T) {
	for i, v := range fitCases(t) {
		if v.o.WarmStart != nil || testing.Short() && i%4 > 0 {
			continue
		}
		var names []string
		for j := range v.rows.Features {
			names = append(names, fmt.Sprint("x", j))
		}
		f, err := NewFit(v.o, v.rows.Features, names)
		if err != nil {
			t.Fatal(err)
		}
		if f, err = drive(t, f, v.rows, 2, nil, nil); err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		if !slices.Equal(f.Model().FeatureNames, names) {
			t.Errorf("%s: names %v", v.name, f.Model().FeatureNames)
		}
	}
}

// By default, epochs go over about a million rows, and 20 at most.
func TestFitEpochs(t *testing.T) {
	for rows, want := range map[int64]int{1: 20, 50_000: 20, 50_001: 20, 52_632: 19, 400_000: 3, 999_999: 2, 1_000_000: 1,
		1 << 40: 1} {
		f := &Fit{survey: &survey.Survey{Rows: rows}}
		if got := f.epochs(); got != want {
			t.Errorf("%d rows: %d epochs, want %d", rows, got, want)
		}
		f.options.Epochs = 7
		if f.epochs() != 7 {
			t.Errorf("%d epochs where 7 are asked for", f.epochs())
		}
	}
}

// How many passes are left is known of epochs, once the rows have told how many there are, and of sums.
func TestFitMostPasses(t *testing.T) {
	c := &linear.Chunk{Features: 1}
	for i := range 40 {
		c.X, c.Target = append(c.X, float64(i%7)), append(c.Target, float64(i%5))
	}
	for solver, want := range map[Solver][]int{SolverSGD: {math.MaxInt, 3, 2, 1}, SolverExact: {1}} {
		o := FitOptions{Options: linear.Options{Task: linear.Regression}, Solver: solver}
		if solver == SolverSGD {
			o.Epochs = 3
		}
		f, err := NewFit(o, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		if _, err := drive(t, f, c, 2, nil, func(f *Fit, _ Pass) { got = append(got, f.MostPasses()) }); err != nil {
			t.Fatal(err)
		}
		if got = append(got, f.MostPasses()); !slices.Equal(got, append(want, 0)) {
			t.Errorf("%s: at most %d passes are left, want %d and 0", solver, got, want)
		}
	}
}

// With more columns than sums of products are made of, the default is at the optimum still.
func TestFitWide(t *testing.T) {
	t.Parallel()
	const n, d = 50, MaxExactFeatures + 100
	r := rand.New(rand.NewPCG(3, 4))
	c := &linear.Chunk{Features: d}
	for range n {
		y := r.NormFloat64()
		for j := range d {
			v := r.NormFloat64()
			if j < 5 {
				y += v
			}
			c.X = append(c.X, v)
		}
		c.Target = append(c.Target, y)
	}
	f := driven(t, FitOptions{Options: linear.Options{Task: linear.Regression}, Alphas: []float64{0.1}}, c, 2)
	m := f.Model()
	if m.Training.Solver != "exact" {
		t.Fatalf("solver %s", m.Training.Solver)
	}
	// The optimum by its dual: of centred rows, w = Xᵀ(XXᵀ + n·alpha·I)⁻¹y.
	mean, y := make([]float64, d), slices.Clone(c.Target)
	for i := range n {
		kernel.Add(1./n, c.X[i*d:(i+1)*d], mean)
	}
	products := make([]float64, n*n)
	for i := range n {
		kernel.Add(-1, mean, c.X[i*d:(i+1)*d])
		for j := range n {
			y[i] -= c.Target[j] / n
		}
	}
	for i := range n {
		for j := range n {
			products[i*n+j] = kernel.Dot(c.X[i*d:(i+1)*d], c.X[j*d:(j+1)*d])
		}
		products[i*n+i] += n * 0.1
	}
	want := 0.1 / 2 * kernel.Dot(y, dense.DampedSolve(products, n, y)) // of the objective at its least
	if got := m.Training.Objective[0]; !(math.Abs(got-want) <= 1e-9*want) {
		t.Errorf("objective %v, the least is %v", got, want)
	}
	// Where the weights of all classes are too many to keep some twenty of each, sgd learns, and says so.
	many := Fit{features: MaxWideFeatures}
	many.options.EnsureDefaults()
	many.chosen.Classes = linear.Classes{Numbers: make([]float64, 20)}
	if of, what := many.tooLarge(); of != "solver" {
		t.Errorf("%q: %s", of, what)
	}
	many.chosen.Classes.Numbers = many.chosen.Classes.Numbers[:2]
	if of, what := many.tooLarge(); of != "" {
		t.Errorf("%q: %s", of, what)
	}
}

func TestFitSolver(t *testing.T) {
	for _, v := range []struct {
		o        FitOptions
		features int
		exact    bool
	}{
		{FitOptions{Options: linear.Options{Task: linear.Regression}}, MaxExactFeatures, true},
		{FitOptions{Options: linear.Options{Task: linear.Regression}}, MaxWideFeatures, true},
		{FitOptions{Options: linear.Options{Task: linear.Regression}}, MaxWideFeatures + 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.L1}}, MaxExactFeatures + 1, true},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.L1}, Folds: 2}, MaxExactFeatures + 1,
			true},
		{FitOptions{Options: linear.Options{Task: linear.Regression}, Solver: SolverSGD}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.L1}}, 1, true},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Huber, Penalty: linear.L1}},
			MaxExactFeatures, true},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Huber, Penalty: linear.L1}},
			MaxExactFeatures + 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.EpsilonInsensitive}}, MaxExactFeatures,
			true},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.EpsilonInsensitive}}, MaxExactFeatures + 1,
			false},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.EpsilonInsensitive, Penalty: linear.L1}}, 1,
			true},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.EpsilonInsensitive}, Folds: 2}, 1, true},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.EpsilonInsensitive},
			Alphas: []float64{1, 0}}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge}, Epochs: 2}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Perceptron}}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Classification}}, 1, true},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.LogLoss}, Solver: SolverExact}, 1 << 20,
			true},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge}}, 1, true},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.SquaredError}}, 1, true},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Penalty: linear.ElasticNet}}, 1, true},
		{FitOptions{Options: linear.Options{Task: linear.OneClass}}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression, LearningRate: linear.Constant}}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Eta0: 1}}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression, PowerT: new(0.0)}}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Tol: new(0.0)}}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression}, Average: new(linear.Average(0))}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression}, Epochs: 1}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression}, Progressive: true}, 1, false},
		{FitOptions{Options: linear.Options{Task: linear.Regression}, WarmStart: &linear.Model{}}, 1, false},
	} {
		v.o.EnsureDefaults()
		if got := v.o.exact(v.features); got != v.exact {
			t.Errorf("%+v, %d features: exact %v", v.o, v.features, got)
		}
	}
}

// What Validate says, all of it at once, a line each.
func TestFitValidate(t *testing.T) {
	regression, classification := linear.Options{Task: linear.Regression}, linear.Options{Task: linear.Classification}
	nan := math.NaN()
	for _, v := range []struct {
		o    FitOptions
		want []string
	}{
		{FitOptions{}, []string{"task: must be one of regression, classification, one_class"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Hinge}},
			[]string{"loss hinge: regression takes one of squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive"}},
		{FitOptions{Options: regression, Alphas: []float64{-1}}, []string{"alpha -1: must be a number from 0 on"}},
		{FitOptions{Options: regression, Alphas: []float64{1, -2, math.Inf(1), nan}},
			[]string{"alpha -2: must be a number from 0 on", "alpha +Inf: must be", "alpha NaN: must be"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.ElasticNet},
			L1Ratios: []float64{0.5, 1.5, -1}}, []string{"l1_ratio 1.5: must be a number from 0 to 1", "l1_ratio -1: must be"}},
		{FitOptions{Options: regression, L1Ratios: []float64{0.5, 1}},
			[]string{"l1_ratio: several are for the penalty elasticnet, not for l2"}},
		{FitOptions{Options: regression, Alphas: []float64{1, 2, 1}}, []string{"alpha: 1 is given twice"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.None}, Alphas: []float64{1, 2}},
			[]string{"alpha: several are for a penalty, and with the penalty none all models are one"}},
		{FitOptions{Options: regression, Solver: "newton"}, []string{`solver "newton": must be one of auto, sgd, exact`}},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Perceptron}, Solver: SolverExact},
			[]string{"solver exact: there is none for the loss perceptron: take sgd, or another loss"}},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge, Penalty: linear.ElasticNet},
			Solver: SolverExact, L1Ratios: []float64{0.1, 0.5}},
			[]string{"l1_ratio: solver exact takes one for the loss hinge, not several"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Quantile, Penalty: linear.None}},
			[]string{"penalty none: solver exact takes the loss quantile with l2, l1 or elasticnet"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Quantile}, Alphas: []float64{0}},
			[]string{"alpha 0: solver exact takes the loss quantile with an alpha above 0, as small as 1e-9"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Quantile}, Solver: SolverSGD},
			[]string{"loss quantile: only solver exact has it"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Quantile}, Epochs: 2},
			[]string{"loss quantile: is learned by solver exact, which has no epochs"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Eta0: 1, Tol: new(1.0)}, Solver: SolverExact, Epochs: 2,
			Progressive: true}, []string{"solver exact: has no eta0, tol, epochs, progressive"}},
		{FitOptions{Options: regression, Epochs: -1, Parts: -1, BatchSize: -1, Folds: -1},
			[]string{"epochs -1: must be at least 1", "-1 parts: must be at least 1", "batch_size -1: must be at least 1",
				"folds -1: must be from 2 to 1000"}},
		{FitOptions{Options: regression, Folds: 1}, []string{"folds 1: must be from 2 to 1000"}},
		{FitOptions{Options: regression, Folds: 1001}, []string{"folds 1001: must be from 2 to 1000"}},
		{FitOptions{Options: linear.Options{Task: linear.OneClass}, Folds: 2},
			[]string{"folds: one_class has no score to choose by"}},
		{FitOptions{Options: regression, Folds: 2, WarmStart: &linear.Model{Task: linear.Regression}},
			[]string{"warm_start: goes on with one model, and cannot be cross-validated"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Tol: new(1.0)}, Folds: 2},
			[]string{"tol and early_stopping: cannot be cross-validated, as all models learn side by side"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, LearningRate: linear.Adaptive}, Folds: 2},
			[]string{"learning_rate adaptive: cannot be cross-validated: take constant, optimal, invscaling or adagrad"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, LearningRate: linear.Newton}, Folds: 2},
			[]string{"learning_rate newton: cannot be cross-validated: take constant, optimal, invscaling or adagrad"}},
		{FitOptions{Options: regression, Scoring: "mse"},
			[]string{`scoring "mse": must be one of r2, neg_mean_squared_error, neg_mean_absolute_error`}},
		{FitOptions{Options: regression, Scoring: "accuracy"},
			[]string{`scoring "accuracy": must be one of r2, neg_mean_squared_error, neg_mean_absolute_error`}},
		{FitOptions{Options: classification, Scoring: "r2"},
			[]string{`scoring "r2": must be one of neg_log_loss, accuracy, f1, f1_macro, roc_auc`}},
		{FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge}, Scoring: "neg_log_loss"},
			[]string{`scoring "neg_log_loss": must be one of accuracy, f1, f1_macro, roc_auc`}},
		{FitOptions{Options: regression, WarmStart: &linear.Model{Task: linear.Classification}},
			[]string{"warm_start: the model is of a classification, not of a regression"}},
		{FitOptions{Options: regression, WarmStart: &linear.Model{Task: linear.Regression}, Standardize: true},
			[]string{"standardize: the model of warm_start says whether columns are standardised, and how"}},
		{FitOptions{Options: linear.Options{Task: linear.Regression, EarlyStopping: true}, Average: new(linear.Average(-1))},
			[]string{"average -1: must be a number of rows from 0 on", "early_stopping: needs tol"}},
	} {
		err := v.o.Validate()
		if err == nil {
			t.Errorf("%q: valid", v.want)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(v.want) {
			t.Errorf("got %q, want %q", lines, v.want)
			continue
		}
		for i, w := range v.want {
			if !strings.HasPrefix(lines[i], w) {
				t.Errorf("got %q, want %q", lines[i], w)
			}
		}
		if _, err := NewFit(v.o, 3, nil); err == nil {
			t.Errorf("%q: NewFit takes it", v.want)
		}
	}
	for name, o := range map[string]FitOptions{
		"optimal with alpha 0": {Options: linear.Options{Task: linear.Classification}, Alphas: []float64{0}},
		"several alphas":       {Options: classification, Alphas: []float64{0, 1}, Scoring: "neg_log_loss"},
		"a ratio for l2":       {Options: regression, L1Ratios: []float64{0.5}},
	} {
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewFit(FitOptions{Options: regression}, 0, nil); err == nil {
		t.Error("no features: a fit")
	}
	if _, err := NewFit(FitOptions{Options: regression, Folds: 2, Scoring: "neg_mean_absolute_error"}, 3,
		nil); err == nil || !strings.Contains(err.Error(), "take solver sgd") {
		t.Errorf("absolute errors by sums of squares: %v", err)
	}
}

// A class of several whose rows weigh nothing is named.
func TestWeightlessClass(t *testing.T) {
	three := lineartest.Problem(200, 3, 1)
	three.Numbers, three.Weights = lineartest.RowNumbers(0, 200), slices.Repeat([]float64{1}, 200)
	for i, class := range three.Target {
		if class == 1 {
			three.Weights[i] = 0
		}
	}
	f := driven(t, FitOptions{Options: linear.Options{Task: linear.Classification}}, three, 2)
	if text := strings.Join(f.Warnings(), "\n"); !strings.Contains(text, `all rows of class "1" have the weight 0`) ||
		strings.Contains(text, `class "0"`) {
		t.Errorf("warnings %q", text)
	}
}

// What is found out on the way is an error in one line, and there is no model.
func TestFitRefuses(t *testing.T) {
	numbers, two, three := lineartest.Problem(200, 0, 1), lineartest.Problem(200, 2, 1), lineartest.Problem(200, 3, 1)
	constant := *numbers
	constant.Target = slices.Repeat([]float64{3}, 200)
	uneven, weightless, few := *numbers, *two, *numbers
	uneven.Target, uneven.Weights = slices.Repeat([]float64{0.1}, 200), make([]float64, 200)
	weightless.Weights, few.Weights = make([]float64, 200), make([]float64, 200)
	for i := range 200 {
		uneven.Weights[i], weightless.Weights[i] = 0.1*float64(i%7), 1-two.Target[i]
	}
	few.Weights[3], few.Weights[8], few.Weights[40] = 1, 2, 1
	missing := *numbers
	missing.Target = slices.Clone(numbers.Target)
	missing.Target[123] = math.NaN()
	tiny, small := *numbers, *numbers
	tiny.X, tiny.X32, small.Target = nil, nil, slices.Clone(numbers.Target)
	for i := range 200 {
		small.Target[i] *= 1e-300
		for j := range numbers.Features {
			tiny.X = append(tiny.X, 1e-160*float64(i%(3+j)))
		}
	}
	const underflow = "that underflow, expected values whose squares float64 holds: scale them up"
	for name, v := range map[string]struct {
		o    FitOptions
		rows *linear.Chunk
		want string
	}{
		"tiny feature": {FitOptions{Options: linear.Options{Task: linear.Regression}}, &tiny,
			"found values of feature 0 " + underflow},
		"tiny feature, folds": {FitOptions{Options: linear.Options{Task: linear.Regression}, Folds: 3}, &tiny,
			"found values of feature 0 " + underflow},
		"tiny target": {FitOptions{Options: linear.Options{Task: linear.Regression}}, &small,
			"found values of the target " + underflow},
		"tiny target, folds": {FitOptions{Options: linear.Options{Task: linear.Regression}, Folds: 3}, &small,
			"found values of the target " + underflow},
		"constant target": {FitOptions{Options: linear.Options{Task: linear.Regression}, Solver: SolverSGD},
			&constant, "found 3 in every row of a weight above 0, expected a target of at least two values"},
		"constant, exact": {FitOptions{Options: linear.Options{Task: linear.Regression}}, &uneven,
			"found 0.1 in every row of a weight above 0, expected a target of at least two values"},
		"constant, folds": {FitOptions{Options: linear.Options{Task: linear.Regression}, Folds: 3}, &uneven,
			"found 0.1 in every row of a weight above 0, expected a target of at least two values"},
		"constant, auto": {FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.L1},
			AutoAlphas: true}, &uneven, "found 0.1 in every row of a weight above 0"},
		"class of no weight": {FitOptions{Options: linear.Options{Task: linear.Classification}}, &weightless,
			`found "0" in every such row, expected rows of at least two classes with a weight above 0`},
		"fold of no weight, sums": {FitOptions{Options: linear.Options{Task: linear.Regression}, Folds: 5}, &few,
			"has no rows of any weight: take fewer folds"},
		"fold of no weight, cross": {FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Huber},
			Folds: 5}, &few, ", expected rows of a weight above 0 in each of 5 folds: take fewer folds"},
		"fold of no weight, grid": {FitOptions{Options: linear.Options{Task: linear.Regression}, Solver: SolverSGD, Folds: 5,
			Epochs: 9}, &few, ", expected rows of a weight above 0 in each of 5 folds: take fewer folds"},
		"one class": {FitOptions{Options: linear.Options{Task: linear.Classification}}, &constant,
			`found "3" in every row, expected rows of at least two classes`},
		"missing target": {FitOptions{Options: linear.Options{Task: linear.Regression}, Solver: SolverSGD},
			&missing, "row 861: found NaN, expected a finite target"},
		"no rows": {FitOptions{Options: linear.Options{Task: linear.Regression}, Solver: SolverSGD},
			numbers.Slice(0, 0), "found none, expected rows to learn from"},
		"no rows, exact": {FitOptions{Options: linear.Options{Task: linear.Regression}},
			numbers.Slice(0, 0), "no rows to learn from, or none of any weight"},
		"overflow": {FitOptions{Options: linear.Options{Task: linear.Regression,
			LearningRate: linear.Constant, Eta0: 1e300}}, numbers, "overflow"},
		"overflow, grid": {FitOptions{Options: linear.Options{Task: linear.Regression,
			LearningRate: linear.Constant, Eta0: 1e300}, Alphas: []float64{1, 2}}, numbers,
			"the weights of all models overflow"},
		"f1 of three": {FitOptions{Options: linear.Options{Task: linear.Classification}, Folds: 2,
			Scoring: "f1"}, three, "scoring f1: f1 and roc_auc are for two classes, f1_macro is for more: there are 3"},
		"roc_auc": {FitOptions{Options: linear.Options{Task: linear.Classification}, Folds: 2,
			Scoring: "roc_auc"}, three,
			"scoring roc_auc: f1 and roc_auc are for two classes, f1_macro is for more: there are 3"},
		"f1_macro of two": {FitOptions{Options: linear.Options{Task: linear.Classification}, Folds: 2,
			Scoring: "f1_macro"}, two,
			"scoring f1_macro: f1 and roc_auc are for two classes, f1_macro is for more: there are 2"},
		"class weight": {FitOptions{Options: linear.Options{Task: linear.Classification,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"7": 2}}}}, two,
			`class_weight of "7": no such class is declared`},
	} {
		v.rows.Numbers = lineartest.RowNumbers(0, v.rows.Len())
		f, err := drive(t, newFitFor(t, v.o, v.rows), v.rows, 3, nil, nil)
		if err == nil || !strings.Contains(err.Error(), v.want) || strings.Contains(err.Error(), "\n") || f.Model() != nil {
			t.Errorf("%s: %v, want %s", name, err, v.want)
		}
	}
	f := newFitFor(t, FitOptions{Options: linear.Options{Task: linear.Regression}}, numbers)
	if err := f.Advance(newFitFor(t, FitOptions{Options: linear.Options{Task: linear.Classification}}, two).Partial(0,
		1)); err == nil || f.Passes() != 0 {
		t.Errorf("the sum of another stage: %v, %d passes", err, f.Passes())
	}
}

// What DecodeFit reads is a state, or an error in one line.
func TestDecodeFitRefuses(t *testing.T) {
	fresh := encoded(t, newFitFor(t, FitOptions{Options: linear.Options{Task: linear.Classification}},
		lineartest.Problem(10, 2, 1)))
	folds := encoded(t, newFitFor(t, FitOptions{Options: linear.Options{Task: linear.Regression}, Folds: 2},
		lineartest.Problem(10, 0, 1)))
	replace := func(text, old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("no %s in %s", old, text)
		}
		return strings.Replace(text, old, new, 1)
	}
	for name, v := range map[string]struct{ text, want string }{
		"nothing":    {"", "no state of a fit: an empty file"},
		"no JSON":    {"{x", "no state of a fit: no JSON at byte 2"},
		"half":       {fresh[:len(fresh)/2], "no state of a fit: "},
		"field":      {replace(fresh, `"passes"`, `"passed"`), `unknown field "passed"`},
		"task":       {replace(fresh, `"task":"classification"`, `"task":"ranking"`), `task "ranking"`},
		"options":    {replace(fresh, `"batch_size":1000`, `"batch_size":-3`), "batch_size -3: must be at least 1"},
		"passes":     {replace(fresh, `"passes":0`, `"passes":-1`), "it contradicts itself"},
		"features":   {replace(fresh, `"features":5`, `"features":0`), "it contradicts itself"},
		"done":       {replace(fresh, `"stage":"survey"`, `"stage":"done"`), "it contradicts itself"},
		"stage":      {replace(fresh, `"stage":"survey"`, `"stage":"nap"`), `stage "nap"`},
		"no survey":  {replace(fresh, `"stage":"survey"`, `"stage":"newton"`), "the survey is missing"},
		"many folds": {replace(folds, `"folds":2`, `"folds":1000`), "sums of 1000 folds of 5 features"},
		"wide folds": {replace(folds, `"features":5`, `"features":2000`), "sums of 2 folds of 2000 features"},
		"too wide":   {replace(folds, `"features":5`, `"features":4000000000`), "sums of 2 folds of 4000000000 features"},
	} {
		f, err := DecodeFit([]byte(v.text))
		if err == nil || !strings.Contains(err.Error(), v.want) || f != nil {
			t.Errorf("%s: %v, want %s", name, err, v.want)
		}
	}
}

// FuzzDecodeFit: what is read is written and read again to the same bits, and takes memory in proportion to the text,
// but for a few sums of fixed size.
func FuzzDecodeFit(f *testing.F) {
	for _, v := range fitCases(f) {
		rows := v.rows.Slice(0, 60)
		seen := map[string]bool{}
		fit, err := drive(f, newFitFor(f, v.o, rows), rows, 2, nil, func(fit *Fit, p Pass) {
			if !seen[stageName(fit.stage)] {
				seen[stageName(fit.stage)] = true
				f.Add([]byte(encoded(f, fit)))
			}
		})
		if err != nil {
			f.Fatalf("%s: %v", v.name, err)
		}
		text := encoded(f, fit)
		f.Add([]byte(text))
		f.Add([]byte(strings.NewReplacer(`"loss":"`, `"loss":"x`, `"penalty":"`, `"penalty":"x`).Replace(text))) // two faults
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fit, err := DecodeFit(b)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(64<<20+1000*len(b)); got > most {
			t.Fatalf("%d bytes of memory for %d of text", got, len(b))
		}
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q has two lines", err)
			}
			return
		}
		text := encoded(t, fit)
		again, err := DecodeFit([]byte(text))
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if encoded(t, again) != text {
			t.Fatalf("%s\nis read and written as\n%s", text, encoded(t, again))
		}
		if pass := fit.Pass(); pass.Batch < 1 || pass.Number != fit.Passes() {
			t.Fatalf("%+v", pass)
		}
	})
}

// The state between passes is JSON of the names that the options have.
func TestEncodeFit(t *testing.T) {
	o := FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.None}, Alphas: []float64{0.5},
		Average: new(linear.Average(0)), Epochs: 3, BatchSize: 9, Parts: 2, Seed: 1 << 63, Shuffle: true}
	f := fitSent(t, newFitFor(t, o, lineartest.Problem(10, 0, 1)))
	o.EnsureDefaults()
	if !reflect.DeepEqual(f.options, o) {
		t.Errorf("options %+v, want %+v", f.options, o)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(encoded(t, f)), &fields); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"task": "regression", "stage": "survey", "passes": 0.0, "average": false,
		"shuffle": true, "features": 5.0, "model": nil} {
		if got, ok := fields[name]; !ok || got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func fitSGD(t testing.TB, o linear.Options, features int) *sgd.SGD {
	t.Helper()
	s, err := sgd.NewSGD(o, features)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fitGram(t testing.TB, parts int, chunks ...*linear.Chunk) *leastsquares.Gram {
	t.Helper()
	g, err := leastsquares.NewGram(chunks[0].Features)
	if err != nil {
		t.Fatal(err)
	}
	lineartest.Pass(t, g, parts, chunks...)
	return g
}

// By default gradient descent takes the curvature of the loss, where there is one and columns are few, but for log_loss
// of sorted rows in a single epoch by one part that holds rows out; a flag of another schedule's asks for that.
func TestDefaultSchedule(t *testing.T) {
	two, numbers := lineartest.Problem(300, 2, 4), lineartest.Problem(300, 0, 4)
	sorted := lineartest.Problem(300, 2, 4) // in chunks, between which the survey sees that
	slices.Sort(sorted.Target)
	rising := lineartest.Problem(300, 0, 4)
	slices.Sort(rising.Target)
	for _, v := range []struct {
		name   string
		o      linear.Options
		rows   *linear.Chunk
		epochs int
		want   linear.LearningRate
	}{
		{"log_loss", linear.Options{Task: linear.Classification}, two, 1, linear.Newton},
		{"squared_error", linear.Options{Task: linear.Regression}, numbers, 2, linear.Newton},
		{"huber", linear.Options{Task: linear.Regression, Loss: linear.Huber}, numbers, 2, linear.Newton},
		{"huber, once", linear.Options{Task: linear.Regression, Loss: linear.Huber}, numbers, 1, linear.Newton},
		{"hinge", linear.Options{Task: linear.Classification, Loss: linear.Hinge}, two, 2, linear.AdaGrad},
		{"l1", linear.Options{Task: linear.Regression, Penalty: linear.L1}, numbers, 2, linear.AdaGrad},
		{"eta0", linear.Options{Task: linear.Regression, Eta0: 0.5}, numbers, 2, linear.AdaGrad},
		{"sorted", linear.Options{Task: linear.Classification}, sorted, 1, linear.Newton},
		{"squared_error, sorted", linear.Options{Task: linear.Regression}, rising, 1, linear.Newton},
		{"huber, sorted", linear.Options{Task: linear.Regression, Loss: linear.Huber}, rising, 1, linear.Newton},
		{"sorted, twice", linear.Options{Task: linear.Classification}, sorted, 2, linear.Newton},
	} {
		f := driven(t, FitOptions{Options: v.o, Solver: SolverSGD, Epochs: v.epochs, BatchSize: 20}, v.rows, 5)
		if got := f.Model().Options.LearningRate; got != v.want {
			t.Errorf("%s: %s, want %s", v.name, got, v.want)
		}
	}
	o := FitOptions{Options: linear.Options{Task: linear.Classification, Tol: new(1e-3), EarlyStopping: true},
		Solver: SolverSGD, Epochs: 1, BatchSize: 20}
	if got := driven(t, o, sorted, 5).Model().Options.LearningRate; got != linear.InvScaling {
		t.Errorf("sorted, some held out: %s, want invscaling", got)
	}
	o.Parts = 5
	if got := driven(t, o, sorted, 5).Model().Options.LearningRate; got != linear.Newton {
		t.Errorf("sorted, in parts: %s, want newton", got)
	}
}

// A single epoch learns least squares of sorted rows as of any, and no warning says otherwise; other losses nearly so.
func TestSortedOnce(t *testing.T) {
	rows, sorted := lineartest.Problem(2000, 0, 4), lineartest.Problem(2000, 0, 4)
	order := make([]int, rows.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(rows.Target[a], rows.Target[b]) })
	for i, k := range order {
		sorted.Target[i] = rows.Target[k]
		copy(sorted.X[i*rows.Features:][:rows.Features], rows.X[k*rows.Features:])
	}
	squares := func(m *linear.Model) (sum float64) {
		p, err := m.Predict(rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range p {
			sum += (v - rows.Target[i]) * (v - rows.Target[i])
		}
		return sum
	}
	for loss, most := range map[linear.Loss]float64{linear.SquaredError: 1 + 1e-9, linear.Huber: 1.5,
		linear.SquaredEpsilonInsensitive: 1.05} {
		o := FitOptions{Options: linear.Options{Task: linear.Regression, Loss: loss}, Epochs: 1, Parts: 5, BatchSize: 20}
		o.Solver = SolverSGD
		once := driven(t, o, sorted, 5)
		o.Solver, o.Epochs = SolverExact, 0
		if got, want := squares(once.Model()), squares(driven(t, o, rows, 5).Model()); got > most*want {
			t.Errorf("%s: squares of %v, by an exact fit %v", loss, got, want)
		}
		warned := strings.Contains(strings.Join(once.Warnings(), "\n"), "the rows look sorted")
		if warned != (loss != linear.SquaredError) {
			t.Errorf("%s: warnings %q", loss, once.Warnings())
		}
	}
}
