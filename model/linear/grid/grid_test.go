package grid

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/steps"
	"beamlearn/model/linear/sgd"
)

func newGridFor(t testing.TB, o GridOptions, features int) *Grid {
	t.Helper()
	g, err := NewGrid(o, features)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// partOf is a part that has learned the chunks.
func partOf(t testing.TB, g *Grid, part, parts int, chunks ...*linear.Chunk) linear.Partial {
	t.Helper()
	p := g.Partial(part, parts)
	for _, c := range chunks {
		if err := p.PartialFit(c); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func advance(t testing.TB, g *Grid, p linear.Partial) {
	t.Helper()
	if err := g.Advance(p); err != nil {
		t.Fatal(err)
	}
}

// gridChunks are rows in chunks of different sizes, with numbers.
func gridChunks(c *linear.Chunk, kind string) []*linear.Chunk {
	var chunks []*linear.Chunk
	n := c.Len()
	for lo, i := 0, 0; lo < n; i++ {
		hi := min(lo+[]int{40, 1, 90, 23}[i%4], n)
		k := c.Slice(lo, hi)
		k.Numbers = lineartest.RowNumbers(lo, hi-lo)
		switch kind {
		case "sparse":
			k = lineartest.SparseChunk(k)
		case "float32":
			k = lineartest.Narrow(k)
			k.Numbers = lineartest.RowNumbers(lo, hi-lo)
		}
		if kind != "float32" {
			r := rand.New(rand.NewPCG(uint64(lo), 3))
			for range k.Len() {
				k.Weights = append(k.Weights, float64(r.IntN(4)))
			}
		}
		chunks = append(chunks, k)
		lo = hi
	}
	return chunks
}

// modelDistance is the largest difference of two models' coefficients, against the larger of them or 1.
func modelDistance(a, b *linear.Model) float64 {
	worst := 0.0
	at := func(x, y float64) {
		worst = max(worst, math.Abs(x-y)/max(1, math.Abs(x), math.Abs(y)))
	}
	for k := range a.Coef {
		for j, v := range a.Coef[k] {
			at(v, b.Coef[k][j])
		}
		at(a.Intercept[k], b.Intercept[k])
	}
	return worst
}

// TestGridEqualsSGD compares every model with an SGD that learns from its rows alone: to the bit where the loss needs
// no exp and rows are dense.
func TestGridEqualsSGD(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies options and shards: TestGridScores stays")
	}
	type kind struct {
		name    string
		classes int
	}
	for _, loss := range linear.Losses {
		for pi, penalty := range linear.Penalties {
			for ri, rate := range []linear.LearningRate{linear.Constant, linear.Optimal, linear.InvScaling, linear.AdaGrad} {
				for average := range 2 {
					i := pi + ri + average
					form := []string{"dense", "sparse", "float32"}[i%3]
					k := []kind{{"two", 2}, {"three", 3}}[i%2]
					if slices.Contains(linear.Losses[5:], loss) && i%4 < 2 {
						k = kind{"regression", 0}
					}
					t.Run(fmt.Sprint(loss, penalty, rate, average, form, k.name), func(t *testing.T) {
						t.Parallel()
						o := GridOptions{
							Options: linear.Options{Task: linear.Classification, Loss: loss, Penalty: penalty, LearningRate: rate,
								Average: linear.Average(average * 50), Eta0: 0.005},
							Alphas: []float64{1e-3, 0.1, 3}, Folds: 3, Refit: i%2 == 0, Seed: uint64(i), Epochs: 2,
						}
						if penalty == linear.ElasticNet {
							o.L1Ratios = []float64{0.2, 0.9}
						}
						if rate == linear.Optimal {
							// Steps of alpha^(-1/4), which the losses without a bound need not survive.
							o.Alphas = []float64{0.5, 1, 3}
						}
						if k.classes == 0 {
							o.Options.Task = linear.Regression
						} else {
							o.Options.Classes = lineartest.Numbered(k.classes)
							o.Options.ClassWeight = linear.ClassWeight{Of: map[string]float64{"0": 0.5, "1": 2}}
						}
						base := lineartest.Problem(330, k.classes, 5)
						chunks := gridChunks(base, form)
						g := newGridFor(t, o, base.Features)
						if form == "float32" {
							g.Scaler = linear.NewStandardScaler(base.Features)
							if err := g.Scaler.PartialFit(base, nil); err != nil {
								t.Fatal(err)
							}
						}
						for !g.Done() {
							advance(t, g, partOf(t, g, 0, 1, chunks...))
						}
						tolerance := 0.0
						if rate != linear.AdaGrad && (loss == linear.LogLoss || form == "sparse") {
							tolerance = 1e-9
						}
						for fold := -1; fold < o.Folds; fold++ {
							if fold < 0 && !o.Refit {
								continue
							}
							for c, single := range g.Combinations() {
								s := gridSGD(t, single, base.Features)
								s.Scaler = g.Scaler
								for range o.Epochs {
									for _, k := range chunks {
										lineartest.PartialFit(t, s, lineartest.RowsWhere(k,
											func(n int64) bool { return fold < 0 || foldOf(n, &o) != fold }))
									}
									s.EndEpoch()
								}
								m, err := g.Model(fold, c)
								if err != nil {
									t.Fatal(err)
								}
								want := lineartest.ModelOf(t, s)
								if d := modelDistance(m, want); !(d <= tolerance) {
									t.Errorf("fold %d, alpha %v: coefficients off by %v: %v %v, want %v %v", fold, *single.Alpha, d, m.Coef,
										m.Intercept, want.Coef, want.Intercept)
								}
								if m.Training.Rows != want.Training.Rows || *m.Options.Alpha != *single.Alpha {
									t.Errorf("fold %d: trained by %d rows with alpha %v, want %d and %v", fold, m.Training.Rows, *m.Options.Alpha,
										want.Training.Rows, *single.Alpha)
								}
							}
						}
					})
				}
			}
		}
	}
}

// TestGridScores compares the scores with those of models that are asked row by row.
func TestGridScores(t *testing.T) {
	for _, v := range []struct {
		name    string
		classes int
		options linear.Options
	}{
		{"regression", 0, linear.Options{Task: linear.Regression, Loss: linear.SquaredError, LearningRate: linear.Constant}},
		{"regression, averaged", 0, linear.Options{Task: linear.Regression, Loss: linear.Huber, Average: 20}},
		{"logistic", 2, linear.Options{Task: linear.Classification, Loss: linear.LogLoss, LearningRate: linear.InvScaling,
			Eta0: 0.1}},
		{"logistic, averaged", 2, linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Average: 1,
			LearningRate: linear.InvScaling, Eta0: 0.5}},
		{"modified huber", 2, linear.Options{Task: linear.Classification, Loss: linear.ModifiedHuber,
			LearningRate: linear.Constant}},
		{"hinge, three", 3, linear.Options{Task: linear.Classification, Loss: linear.Hinge, LearningRate: linear.Constant}},
		{"logistic, three", 3, linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
			LearningRate: linear.Constant}},
		{"modified huber, three", 3, linear.Options{Task: linear.Classification, Loss: linear.ModifiedHuber,
			LearningRate: linear.Constant}},
	} {
		t.Run(v.name, func(t *testing.T) {
			o := GridOptions{Options: v.options, Alphas: []float64{1e-4, 0.1}, Folds: 2, Refit: true}
			if v.classes > 0 {
				o.Options.Classes = lineartest.Numbered(v.classes)
			}
			chunk := lineartest.Problem(500, v.classes, 9)
			chunks := gridChunks(chunk, "dense")
			g := newGridFor(t, o, chunk.Features)
			advance(t, g, partOf(t, g, 0, 1, chunks...))
			r, err := g.Result()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string][][]float64{}
			for _, m := range r.Metrics {
				got[m.Name] = m.Splits
			}
			curve := map[uint64][3]float64{} // weight, losses
			for c, single := range g.Combinations() {
				rule := steps.NewRule(&single)
				lossOf := func(d []float64, y float64) (sum float64) {
					for k, p := range d {
						target := y
						switch v.classes {
						case 0:
						case 2:
							target = kernel.Sign(y == 1)
						default:
							target = kernel.Sign(k == int(y))
						}
						sum += rule.Loss.Value(p, target)
					}
					return sum
				}
				for fold := -1; fold < o.Folds; fold++ {
					s := gridSGD(t, single, chunk.Features)
					var regression linear.RegressionMetrics
					classification := linear.NewClassificationMetrics(max(v.classes, 1))
					var positive []bool
					var scores, weights []float64
					var progressive, progressiveWeight float64
					seen := 0
					for _, k := range chunks {
						for i := range k.Len() {
							one := k.Slice(i, i+1)
							one.Numbers, one.Weights = k.Numbers[i:i+1], k.Weights[i:i+1]
							y, weight := k.Target[i], k.Weights[i]
							m := lineartest.ModelOf(t, s)
							d, err := m.DecisionFunction(one, nil)
							if err != nil {
								t.Fatal(err)
							}
							if fold < 0 { // progressive validation is of the weights that learn
								now := make([]float64, len(d))
								for k, w := range lineartest.ModelOf(t, s).State.Vectors {
									now[k] = w.Scale*kernel.Dot(one.X, w.Weights) + w.Intercept
								}
								progressive += weight * lossOf(now, y)
								progressiveWeight += weight
							}
							if fold >= 0 && foldOf(k.Numbers[i], &o) == fold {
								loss := weight * lossOf(d, y)
								b := uint64(1)
								for b <= uint64(seen) {
									b *= 2
								}
								at := curve[b]
								at[1+c] += loss
								if c == 0 {
									at[0] += weight
								}
								curve[b] = at
								if v.classes == 0 {
									regression.Add(y, d[0], weight)
								} else {
									var proba []float64
									if m.HasProba() {
										if proba, err = m.PredictProba(one, nil); err != nil {
											t.Fatal(err)
										}
									}
									classification.Add(int(y), int(m.Choose(d)), proba, weight)
									positive, scores, weights = append(positive, y == 1), append(scores, d[0]), append(weights, weight)
								}
							} else {
								lineartest.PartialFit(t, s, one)
							}
							seen++
						}
					}
					if fold < 0 {
						if want := progressive / progressiveWeight; !(math.Abs(r.ProgressiveLoss[c]-want) <= 1e-9*max(1, want)) {
							t.Errorf("progressive loss of %d: %v, want %v", c, r.ProgressiveLoss[c], want)
						}
						continue
					}
					want := map[string]float64{"r2": regression.R2(), "neg_mean_squared_error": -regression.MSE(),
						"neg_mean_absolute_error": -regression.MAE()}
					if v.classes > 0 {
						want = map[string]float64{"accuracy": classification.Accuracy()}
						if (&linear.Model{Task: linear.Classification, Loss: v.options.Loss}).HasProba() {
							want["neg_log_loss"] = -classification.LogLoss()
						}
						if v.classes == 2 {
							want["f1"] = classification.F1(1)
							if want["roc_auc"], err = linear.AUC(positive, scores, weights); err != nil {
								t.Fatal(err)
							}
							auc := got["roc_auc"][fold][c]
							off, bound := math.Abs(auc-want["roc_auc"]), g.AUCErrors()[fold][c]
							if !(off <= bound*1.001) || !(off <= 2e-3) || bound > 0.01 {
								t.Errorf("fold %d, %d: AUC %v, want %v; it may be off by %v", fold, c, auc, want["roc_auc"], bound)
							}
							want["roc_auc"] = auc
						} else {
							want["f1_macro"] = classification.MacroF1()
						}
					}
					if len(got) != len(want) {
						t.Errorf("%d metrics, want %d", len(got), len(want))
					}
					for name, w := range want {
						if s := got[name]; s == nil || !(math.Abs(s[fold][c]-w) <= 1e-9*max(1, math.Abs(w))) {
							t.Errorf("fold %d, %d: %s is %v, want %v", fold, c, name, s, w)
						}
					}
				}
			}
			if len(r.LearningCurve) != len(curve) {
				t.Errorf("a curve of %d points, want %d", len(r.LearningCurve), len(curve))
			}
			for _, p := range r.LearningCurve {
				w := curve[p.Rows]
				for c, v := range p.Loss {
					if want := w[1+c] / w[0]; !(math.Abs(v-want) <= 1e-9*max(1, want)) && w[0] > 0 {
						t.Errorf("curve at %d, %d: %v, want %v", p.Rows, c, v, want)
					}
				}
			}
		})
	}
}

// gridExample is a grid of each task.
func gridExample(t testing.TB, classes int) (*Grid, []*linear.Chunk) {
	o := GridOptions{
		Options: linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Average: 5,
			LearningRate: linear.InvScaling, Eta0: 0.1, Penalty: linear.ElasticNet},
		Alphas: []float64{1e-4, 0.1, 1}, L1Ratios: []float64{0.15, 0.5}, Folds: 3, Refit: true, Epochs: 2, Seed: 4,
	}
	if classes > 0 {
		o.Options.Classes = lineartest.Numbered(classes)
	} else {
		o.Options.Task, o.Options.Loss = linear.Regression, linear.SquaredError
	}
	c := lineartest.Problem(240, classes, 2)
	return newGridFor(t, o, c.Features), gridChunks(c, "dense")
}

// Parts that are merged in a tree, whether they cross a wire or not, and a grid that does, come to the same bits; and
// to the mean of the parts.
func TestGridParts(t *testing.T) {
	for _, classes := range []int{0, 2, 4} {
		t.Run(fmt.Sprint(classes), func(t *testing.T) {
			var ends []string
			for _, wire := range []bool{false, true} {
				g, chunks := gridExample(t, classes)
				for epoch := range 2 {
					var parts []linear.Partial
					var want []*linear.Model
					learned := make(chan error, 3)
					for i := range 3 {
						var mine []*linear.Chunk
						for j, c := range chunks {
							if j%3 == i {
								mine = append(mine, c)
							}
						}
						p := g.Partial(i, 3)
						parts = append(parts, p)
						go func() { // as workers do, side by side
							for _, c := range mine {
								if err := p.PartialFit(c); err != nil {
									learned <- err
									return
								}
							}
							learned <- nil
						}()
						if epoch == 0 { // alone, it is what its rows make of it
							alone, _ := gridExample(t, classes)
							advance(t, alone, partOf(t, alone, 0, 1, mine...))
							m, err := alone.Model(-1, 2)
							if err != nil {
								t.Fatal(err)
							}
							want = append(want, m)
						}
					}
					for range parts {
						if err := <-learned; err != nil {
							t.Fatal(err)
						}
					}
					for i, p := range parts {
						if !wire {
							continue
						}
						b, err := p.MarshalBinary()
						if err != nil {
							t.Fatal(err)
						}
						parts[i] = g.Partial(i, 3)
						if err := parts[i].UnmarshalBinary(b); err != nil {
							t.Fatal(err)
						}
					}
					for _, pair := range [][2]int{{0, 1}, {0, 2}} {
						if err := parts[pair[0]].Merge(parts[pair[1]]); err != nil {
							t.Fatal(err)
						}
					}
					advance(t, g, parts[0])
					if epoch == 0 {
						m, err := g.Model(-1, 2)
						if err != nil {
							t.Fatal(err)
						}
						for j, v := range m.Coef[0] {
							mean := 0.0
							for _, w := range want {
								mean += w.Coef[0][j] * float64(w.Training.Rows) / float64(m.Training.Rows)
							}
							if !(math.Abs(v-mean) <= 1e-12) {
								t.Errorf("coefficient %d is %v, the mean of the parts' %v", j, v, mean)
							}
						}
					}
					if wire {
						var other Grid
						if err := json.Unmarshal([]byte(lineartest.JSON(t, g)), &other); err != nil {
							t.Fatal(err)
						}
						g = &other
					}
				}
				if !g.Done() {
					t.Error("not done after two epochs")
				}
				// Of each epoch the longest part counts, of the set of all rows.
				longest := 0
				for i := range 3 {
					n := 0
					for j := i; j < len(chunks); j += 3 {
						n += chunks[j].Len()
					}
					longest = max(longest, n)
				}
				if want := float64(1 + 2*longest); g.t[3] != want {
					t.Errorf("the next row is number %v, want %v", g.t[3], want)
				}
				r, err := g.Result()
				if err != nil {
					t.Fatal(err)
				}
				ends = append(ends, lineartest.JSON(t, g)+lineartest.JSON(t, r))
			}
			if ends[0] != ends[1] {
				t.Errorf("by the wire it ends at\n%s\notherwise at\n%s", ends[1], ends[0])
			}
		})
	}
}

// Every level of instructions comes to the same bits.
func TestGridLevels(t *testing.T) {
	for _, classes := range []int{0, 2, 4} {
		for _, form := range []string{"dense", "sparse"} {
			want := ""
			for _, level := range lanes.Levels() {
				g, _ := gridExample(t, classes)
				g.kernels = level
				advance(t, g, partOf(t, g, 0, 1, gridChunks(lineartest.Problem(240, classes, 2), form)...))
				r, err := g.Result()
				if err != nil {
					t.Fatal(err)
				}
				if got := lineartest.JSON(t, g) + lineartest.JSON(t, r); want == "" {
					want = got
				} else if got != want {
					t.Errorf("%d classes, %s: %s gives\n%s\nwant\n%s", classes, form, level.Name, got, want)
				}
			}
		}
	}
}

func sumsOf(t *testing.T, p *gridPart, g *Grid) string {
	t.Helper()
	b, err := p.encode(&g.shape)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A part without rows, as a fold without any in it, changes nothing.
func TestGridEmptyParts(t *testing.T) {
	g, chunks := gridExample(t, 2)
	p, empty := partOf(t, g, 0, 1, chunks...), g.Partial(0, 1)
	if err := empty.Merge(p); err != nil {
		t.Fatal(err)
	}
	e, f := empty.(*gridPart), p.(*gridPart)
	if a, b := sumsOf(t, e, g), sumsOf(t, f, g); a != b {
		t.Error("an empty part merged with another is not the other")
	}
	if err := f.Merge(g.Partial(0, 1)); err != nil {
		t.Fatal(err)
	}
	if a, b := sumsOf(t, e, g), sumsOf(t, f, g); a != b {
		t.Error("a part merged with an empty one is not itself")
	}
}

// A model whose weights overflow has no score, and harms no other; all of them together are an error.
func TestGridOverflow(t *testing.T) {
	c := lineartest.Problem(300, 2, 1)
	for i := range c.X {
		c.X[i] *= 1e240
	}
	c.Numbers = lineartest.RowNumbers(0, 300)
	o := GridOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.Hinge,
		Classes: lineartest.Numbered(2)}, Alphas: []float64{5e-324, 1}, Folds: 2, Refit: true}
	g := newGridFor(t, o, c.Features)
	advance(t, g, partOf(t, g, 0, 1, c))
	r, err := g.Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Metrics {
		for _, s := range m.Splits {
			if s[0] == s[0] || s[1] != s[1] {
				t.Errorf("%s: %v, want NaN and a number", m.Name, s)
			}
		}
	}
	if best, err := r.Best(); best != 1 || err != nil {
		t.Errorf("best is %d, %v", best, err)
	}
	if _, err := g.Model(-1, 0); err == nil || !strings.Contains(err.Error(), "overflow") {
		t.Errorf("a model that overflowed: %v", err)
	}
	if _, err := g.Model(0, 1); err != nil {
		t.Error(err)
	}
	if s := lineartest.JSON(t, r); !strings.Contains(s, "null") || strings.Contains(s, "NaN") {
		t.Errorf("JSON without null: %s", s)
	}
	var back Grid
	if err := json.Unmarshal([]byte(lineartest.JSON(t, g)), &back); err != nil {
		t.Error(err)
	}

	o.Alphas = o.Alphas[:1]
	g = newGridFor(t, o, c.Features)
	if err := g.Advance(partOf(t, g, 0, 1, c)); err == nil || !strings.Contains(err.Error(), "standardise") {
		t.Errorf("all models overflow: %v", err)
	}
}

func TestGridFaults(t *testing.T) {
	g, chunks := gridExample(t, 2)
	p := partOf(t, g, 0, 1, chunks...)
	before := sumsOf(t, p.(*gridPart), g)
	with := func(change func(c *linear.Chunk)) *linear.Chunk {
		c := *chunks[0].Slice(0, 4)
		c.Target, c.Weights, c.File = slices.Clone(c.Target), slices.Clone(c.Weights), "f"
		c.Numbers = []int64{10, 11, 12, 13}
		change(&c)
		return &c
	}
	for _, v := range []struct {
		name, want string
		chunk      *linear.Chunk
	}{
		{"class", "class 7", with(func(c *linear.Chunk) { c.Target[2] = 7 })},
		{"nan", "NaN", with(func(c *linear.Chunk) { c.Target[2] = math.NaN() })},
		{"weight", "-1", with(func(c *linear.Chunk) { c.Weights[2] = -1 })},
	} {
		err := p.PartialFit(v.chunk)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Row != 12 || f.File != "f" || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%s: %v", v.name, err)
		}
	}
	if err := p.PartialFit(with(func(c *linear.Chunk) { c.Features = 4 })); err == nil {
		t.Error("rows of another width are learned from")
	}
	if sumsOf(t, p.(*gridPart), g) != before {
		t.Error("a fault has changed the part")
	}
	other, _ := gridExample(t, 0)
	if err := p.Merge(other.Partial(0, 1)); err == nil {
		t.Error("a part of another grid is merged")
	}
	if err := g.Advance(other.Partial(0, 1)); err == nil {
		t.Error("a part of another grid is a sum")
	}
	for _, at := range [][2]int{{-2, 0}, {3, 0}, {0, -1}, {0, 6}} {
		if _, err := g.Model(at[0], at[1]); err == nil {
			t.Errorf("a model %v", at)
		}
	}
	if _, err := g.Result(); err == nil {
		t.Error("a result before the first epoch")
	}

	for _, v := range []struct {
		want   string
		change func(o *GridOptions)
	}{
		{"adaptive", func(o *GridOptions) { o.Options.LearningRate = linear.Adaptive }},
		{"tol", func(o *GridOptions) { o.Options.Tol = new(1e-3) }},
		{"folds 1", func(o *GridOptions) { o.Folds = 1 }},
		{"classes: 0", func(o *GridOptions) { o.Options.Classes = linear.Classes{} }},
		{"alphas: 0.1 twice", func(o *GridOptions) { o.Alphas = []float64{0.1, 0.1} }},
		{"alpha -1", func(o *GridOptions) { o.Alphas = []float64{0.1, -1} }},
		{"l1_ratios: only", func(o *GridOptions) { o.Options.Penalty = linear.L2 }},
		{"l1_ratio 2", func(o *GridOptions) { o.L1Ratios = []float64{2} }},
		{"epochs -1", func(o *GridOptions) { o.Epochs = -1 }},
		{"balanced", func(o *GridOptions) { o.Options.ClassWeight.Balanced = true }},
		{"one_class", func(o *GridOptions) {
			o.Options.Task, o.Options.Loss, o.Options.Penalty = linear.OneClass, linear.Hinge, linear.L2
		}},
	} {
		o := g.options
		v.change(&o)
		if _, err := NewGrid(o, 5); err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%s: %v", v.want, err)
		}
	}
	if _, err := NewGrid(g.options, 0); err == nil {
		t.Error("a grid of no features")
	}
}

// Balanced class weights are those of the counts given.
func TestGridBalanced(t *testing.T) {
	c := lineartest.Problem(200, 2, 3)
	rows := []int64{0, 0}
	for _, y := range c.Target {
		rows[int(y)]++
	}
	o := linear.Options{Task: linear.Classification, Loss: linear.Hinge, LearningRate: linear.Constant,
		Classes: lineartest.Numbered(2), ClassWeight: linear.ClassWeight{Balanced: true}}
	g := newGridFor(t, GridOptions{Options: o, ClassRows: rows}, c.Features)
	advance(t, g, partOf(t, g, 0, 1, c))
	got, err := g.Model(-1, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := gridSGD(t, o, c.Features)
	lineartest.PartialFit(t, s, c) // all in one chunk, after which the counts are the same
	if d := modelDistance(got, lineartest.ModelOf(t, s)); d != 0 {
		t.Errorf("coefficients off by %v", d)
	}
}

func TestScoreBin(t *testing.T) {
	last := -1
	for _, v := range []float64{math.Inf(-1), -1e9, -1, -0.99, -0.01, -1e-9, 0, 5e-324, 1e-4, 0.01, 0.99, 1, 1.5, 1e9,
		math.Inf(1)} {
		b := scoreBin(v)
		if b < last || b < 0 || b >= scoreBins {
			t.Errorf("bin of %v is %d, after %d", v, b, last)
		}
		last = b
	}
	for _, v := range []float64{0, math.Copysign(0, -1), math.NaN()} {
		if b := scoreBin(v); b < 0 || b >= scoreBins/2 {
			t.Errorf("bin of %v is %d, which predicts class 1", v, b)
		}
	}
	if b := scoreBin(5e-324); b < scoreBins/2 {
		t.Errorf("bin of 5e-324 is %d, which predicts class 0", b)
	}
	// Scores as a logistic model has them, at any scale, are all but exact.
	for _, scale := range []float64{1e-3, 1, 30} {
		r := rand.New(rand.NewPCG(1, 2))
		bins, n := make([]float64, 2*scoreBins), 20000
		positive, scores := make([]bool, n), make([]float64, n)
		for i := range scores {
			s := r.NormFloat64() * 1.5
			positive[i] = r.Float64() < 1/(1+math.Exp(-s))
			scores[i] = s * scale
			if positive[i] {
				bins[scoreBins+scoreBin(scores[i])]++
			} else {
				bins[scoreBin(scores[i])]++
			}
		}
		want, err := linear.AUC(positive, scores, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, bound := binnedAUC(bins); !(math.Abs(got-want) <= 1e-4) || !(math.Abs(got-want) <= bound) || bound > 0.006 {
			t.Errorf("scale %v: AUC %v, want %v; may be off by %v", scale, got, want, bound)
		}
	}
}

// smallGrid has a short state; two classes take bins, of 32 KiB, only with rows.
func smallGrid(t testing.TB, classes int) *Grid {
	o := GridOptions{Options: linear.Options{Task: linear.Regression, Average: 2, LearningRate: linear.Constant}, Folds: 2,
		Epochs: 2}
	if classes > 0 {
		o.Options.Task, o.Options.Classes = linear.Classification, lineartest.Numbered(classes)
	}
	return newGridFor(t, o, 2)
}

func smallChunk(rows int) *linear.Chunk {
	return &linear.Chunk{Features: 2, X: []float64{1, 2, 3, 4, 5, 6}[:2*rows], Target: []float64{0, 1, 1}[:rows],
		Numbers: lineartest.RowNumbers(0, rows)}
}

func FuzzGridState(f *testing.F) {
	tasks := []int{0, 2, 3}
	for i, classes := range tasks {
		for rows := range 4 {
			b, err := partOf(f, smallGrid(f, classes), 0, 1, smallChunk(rows)).MarshalBinary()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(byte(i), b)
			f.Add(byte(i), b[:len(b)-8])
			f.Add(byte(i), append(b, 0))
		}
	}
	f.Fuzz(func(t *testing.T, task byte, b []byte) {
		g := smallGrid(t, tasks[int(task)%len(tasks)])
		p := g.Partial(0, 1)
		if err := p.UnmarshalBinary(b); err != nil {
			return
		}
		again, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(b) {
			t.Error("what is read is written otherwise")
		}
		if err := p.Merge(g.Partial(0, 1)); err != nil {
			t.Fatal(err)
		}
		if err := g.Advance(p); err == nil {
			if _, err := g.Result(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzGridJSON(f *testing.F) {
	for _, classes := range []int{0, 2} {
		g := smallGrid(f, classes)
		advance(f, g, partOf(f, g, 0, 1, smallChunk(3)))
		f.Add(lineartest.JSON(f, g))
		f.Add(strings.Replace(lineartest.JSON(f, g), `"folds":2`, `"folds":999`, 1))
		f.Add(strings.Replace(lineartest.JSON(f, g), `"features":2`, `"features":500000000`, 1))
	}
	f.Add(`{"task":"regression","alphas":[1],"features":1,"state":"` +
		base64.StdEncoding.EncodeToString(make([]byte, 200)) + `"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var g Grid
		if err := json.Unmarshal([]byte(text), &g); err != nil {
			return
		}
		var again Grid
		if err := json.Unmarshal([]byte(lineartest.JSON(t, &g)), &again); err != nil {
			t.Fatalf("%v, of what was written: %s", err, lineartest.JSON(t, &g))
		}
		if lineartest.JSON(t, &again) != lineartest.JSON(t, &g) {
			t.Error("what is read is written otherwise")
		}
		p := g.Partial(0, 1)
		if err := p.Merge(again.Partial(0, 1)); err != nil {
			t.Fatal(err)
		}
	})
}

// All models of a grid of 10 alphas, 5 folds and all rows, against one SGD on the same rows.
func BenchmarkGrid(b *testing.B) {
	c := lineartest.BenchChunk(2)
	c.Numbers = lineartest.RowNumbers(0, c.Len())
	alphas := make([]float64, 10)
	for i := range alphas {
		alphas[i] = math.Pow(10, float64(i-6)/2)
	}
	run := func(name string, o GridOptions, c *linear.Chunk) {
		b.Run(name, func(b *testing.B) {
			g := newGridFor(b, o, c.Features)
			p := g.Partial(0, 1)
			b.SetBytes(int64(c.Entries()) * 8)
			n := 0
			for b.Loop() {
				if err := p.PartialFit(c); err != nil {
					b.Fatal(err)
				}
				n += c.Len()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/row")
		})
	}
	for _, loss := range []linear.Loss{linear.LogLoss, linear.Hinge} {
		o := linear.Options{Task: linear.Classification, Loss: loss, LearningRate: linear.InvScaling,
			Classes: lineartest.Numbered(2)}
		b.Run(string(loss)+"/SGD", func(b *testing.B) {
			s := gridSGD(b, o, c.Features)
			n := 0
			for b.Loop() {
				lineartest.PartialFit(b, s, c)
				n += c.Len()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/row")
		})
		run(string(loss)+"/5 folds", GridOptions{Options: o, Alphas: alphas, Folds: 5}, c)
		run(string(loss)+"/5 folds, refit", GridOptions{Options: o, Alphas: alphas, Folds: 5, Refit: true}, c)
		if loss == linear.LogLoss {
			o.Average = 1
			run("log_loss/5 folds, refit, averaged", GridOptions{Options: o, Alphas: alphas, Folds: 5, Refit: true}, c)
			o.Penalty = linear.L1
			o.Average = 0
			run("log_loss/5 folds, refit, l1", GridOptions{Options: o, Alphas: alphas, Folds: 5, Refit: true}, c)
			o.Penalty, o.LearningRate = linear.L2, linear.Optimal
			run("log_loss/5 folds, refit, optimal", GridOptions{Options: o, Alphas: alphas, Folds: 5, Refit: true}, c)
		}
	}
}

func gridSGD(t testing.TB, o linear.Options, features int) *sgd.SGD {
	t.Helper()
	s, err := sgd.NewSGD(o, features)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// foldOf is the fold of a row.
func foldOf(number int64, o *GridOptions) int {
	n, k := uint64(number), uint64(o.Folds)
	return int((n%k + splitmix.Mix(splitmix.Mix(o.Seed)^n/k)%k) % k)
}

// TestGridAdaGradParts compares a model that learns in parts, over the wire, with sgd.Averaged in the same parts.
func TestGridAdaGradParts(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, LearningRate: linear.AdaGrad, Average: 60,
			Alpha: new(0.01), Eta0: 1}
		if classes == 0 {
			o.Task, o.Loss = linear.Regression, linear.SquaredError
		} else {
			o.Classes = lineartest.Numbered(classes)
		}
		c := lineartest.SparseChunk(lineartest.Problem(400, classes, 5))
		g := newGridFor(t, GridOptions{Options: o, Alphas: []float64{0.1, 0.01}, Epochs: 3}, c.Features)
		a, err := sgd.NewAveraged(o, c.Features, 3)
		if err != nil {
			t.Fatal(err)
		}
		g.Begin(0.5)
		a.Trainer().Begin(0.5)
		for !g.Done() {
			for _, l := range []linear.Learner{g, a} {
				if err := lineartest.PassOver(t, l, 3, 30, true, c); err != nil {
					t.Fatal(err)
				}
			}
			g = lineartest.Carried(t, g)
		}
		m, err := g.Model(-1, 1)
		if err != nil {
			t.Fatal(err)
		}
		want, err := a.Model()
		if err != nil {
			t.Fatal(err)
		}
		if d := modelDistance(m, want); !(d < 1e-12) {
			t.Errorf("%d classes: off by %g: %v %v, want %v %v", classes, d, m.Coef, m.Intercept, want.Coef, want.Intercept)
		}
	}
}
