package linear

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
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear/internal/lanes"
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
func partOf(t testing.TB, g *Grid, part, parts int, chunks ...*Chunk) Partial {
	t.Helper()
	p := g.Partial(part, parts)
	for _, c := range chunks {
		if err := p.PartialFit(c); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func advance(t testing.TB, g *Grid, p Partial) {
	t.Helper()
	if err := g.Advance(p); err != nil {
		t.Fatal(err)
	}
}

// foldOf is the fold of a row.
func foldOf(number int64, o *GridOptions) int {
	return int(splitmix.Mix(splitmix.Mix(o.Seed)^uint64(number)) % uint64(o.Folds))
}

// rowsWhere is the rows of the chunk whose numbers are wanted.
func rowsWhere(c *Chunk, want func(number int64) bool) *Chunk {
	k := &Chunk{Features: c.Features}
	if c.Sparse != nil {
		k.Sparse = &CSR{Offsets: []int{0}}
	}
	for i, number := range c.Numbers {
		if !want(number) {
			continue
		}
		k.Numbers = append(k.Numbers, number)
		switch {
		case c.Sparse != nil:
			lo, hi := c.Sparse.Offsets[i], c.Sparse.Offsets[i+1]
			k.Sparse.Indices = append(k.Sparse.Indices, c.Sparse.Indices[lo:hi]...)
			k.Sparse.Values = append(k.Sparse.Values, c.Sparse.Values[lo:hi]...)
			k.Sparse.Offsets = append(k.Sparse.Offsets, len(k.Sparse.Values))
		case c.X != nil:
			k.X = append(k.X, c.X[i*c.Features:(i+1)*c.Features]...)
		default:
			k.X32 = append(k.X32, c.X32[i*c.Features:(i+1)*c.Features]...)
		}
		if c.Labels != nil {
			k.Labels = append(k.Labels, c.Labels[i])
		} else {
			k.Target = append(k.Target, c.Target[i])
		}
		if c.Weights != nil {
			k.Weights = append(k.Weights, c.Weights[i])
		}
	}
	if c.Sparse == nil && len(k.Numbers) == 0 {
		k.X = []float64{}
	}
	return k
}

// rowNumbers are those of n rows, from first on, as no other rows have them.
func rowNumbers(first, n int) []int64 {
	x := make([]int64, n)
	for i := range x {
		x[i] = int64(first+i) * 7
	}
	return x
}

// gridChunks are rows in chunks of different sizes, with numbers.
func gridChunks(c *Chunk, kind string) []*Chunk {
	var chunks []*Chunk
	n := c.Len()
	for lo, i := 0, 0; lo < n; i++ {
		hi := min(lo+[]int{40, 1, 90, 23}[i%4], n)
		k := c.part(lo, hi)
		k.Numbers = rowNumbers(lo, hi-lo)
		switch kind {
		case "sparse":
			k = k.sparse()
		case "float32":
			k = narrow(k)
			k.Numbers = rowNumbers(lo, hi-lo)
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
func modelDistance(a, b *Model) float64 {
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

// TestGridEqualsSGD compares every model with an SGD that learns from its rows alone: to the bit where the loss needs no exp
// and rows are dense.
func TestGridEqualsSGD(t *testing.T) {
	type kind struct {
		name    string
		classes int
	}
	for _, loss := range Losses {
		for pi, penalty := range Penalties {
			for ri, rate := range []LearningRate{Constant, Optimal, InvScaling} {
				for average := range 2 {
					i := pi + ri + average
					form := []string{"dense", "sparse", "float32"}[i%3]
					k := []kind{{"two", 2}, {"three", 3}}[i%2]
					if slices.Contains(regressionLosses, loss) && i%4 < 2 {
						k = kind{"regression", 0}
					}
					t.Run(fmt.Sprint(loss, penalty, rate, average, form, k.name), func(t *testing.T) {
						o := GridOptions{
							Options: Options{Task: Classification, Loss: loss, Penalty: penalty, LearningRate: rate, Average: Average(average * 50), Eta0: 0.005},
							Alphas:  []float64{1e-3, 0.1, 3}, Folds: 3, Refit: i%2 == 0, Seed: uint64(i), Epochs: 2,
						}
						if penalty == ElasticNet {
							o.L1Ratios = []float64{0.2, 0.9}
						}
						if rate == Optimal {
							// Steps of alpha^(-1/4), which the losses without a bound need not survive.
							o.Alphas = []float64{0.5, 1, 3}
						}
						if k.classes == 0 {
							o.Options.Task = Regression
						} else {
							o.Options.Classes = numbered(k.classes)
							o.Options.ClassWeight = ClassWeight{Of: map[string]float64{"0": 0.5, "1": 2}}
						}
						base := problem(330, k.classes, 5)
						chunks := gridChunks(base, form)
						g := newGridFor(t, o, base.Features)
						if form == "float32" {
							g.Scaler = NewStandardScaler(base.Features)
							if err := g.Scaler.PartialFit(base, nil); err != nil {
								t.Fatal(err)
							}
						}
						for !g.Done() {
							advance(t, g, partOf(t, g, 0, 1, chunks...))
						}
						tolerance := 0.0
						if loss == LogLoss || form == "sparse" {
							tolerance = 1e-9
						}
						for fold := -1; fold < o.Folds; fold++ {
							if fold < 0 && !o.Refit {
								continue
							}
							for c, single := range g.Combinations() {
								s := newSGDFor(t, single, base.Features)
								s.Scaler = g.Scaler
								for range o.Epochs {
									for _, k := range chunks {
										partialFit(t, s, rowsWhere(k, func(n int64) bool { return fold < 0 || foldOf(n, &o) != fold }))
									}
								}
								m, err := g.Model(fold, c)
								if err != nil {
									t.Fatal(err)
								}
								want := modelOf(t, s)
								if d := modelDistance(m, want); !(d <= tolerance) {
									t.Errorf("fold %d, alpha %v: coefficients off by %v: %v %v, want %v %v", fold, *single.Alpha, d, m.Coef, m.Intercept, want.Coef, want.Intercept)
								}
								if m.Training.Rows != want.Training.Rows || *m.Options.Alpha != *single.Alpha {
									t.Errorf("fold %d: trained by %d rows with alpha %v, want %d and %v", fold, m.Training.Rows, *m.Options.Alpha, want.Training.Rows, *single.Alpha)
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
		options Options
	}{
		{"regression", 0, Options{Task: Regression, Loss: SquaredError, LearningRate: Constant}},
		{"regression, averaged", 0, Options{Task: Regression, Loss: Huber, Average: 20}},
		{"logistic", 2, Options{Task: Classification, Loss: LogLoss, LearningRate: InvScaling, Eta0: 0.1}},
		{"logistic, averaged", 2, Options{Task: Classification, Loss: LogLoss, Average: 1, LearningRate: InvScaling, Eta0: 0.5}},
		{"modified huber", 2, Options{Task: Classification, Loss: ModifiedHuber, LearningRate: Constant}},
		{"hinge, three", 3, Options{Task: Classification, Loss: Hinge, LearningRate: Constant}},
		{"logistic, three", 3, Options{Task: Classification, Loss: LogLoss, LearningRate: Constant}},
		{"modified huber, three", 3, Options{Task: Classification, Loss: ModifiedHuber, LearningRate: Constant}},
	} {
		t.Run(v.name, func(t *testing.T) {
			o := GridOptions{Options: v.options, Alphas: []float64{1e-4, 0.1}, Folds: 2, Refit: true}
			if v.classes > 0 {
				o.Options.Classes = numbered(v.classes)
			}
			chunk := problem(500, v.classes, 9)
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
				rule := newRule(&single)
				lossOf := func(d []float64, y float64) (sum float64) {
					for k, p := range d {
						target := y
						switch v.classes {
						case 0:
						case 2:
							target = sign(y == 1)
						default:
							target = sign(k == int(y))
						}
						sum += rule.loss.value(p, target)
					}
					return sum
				}
				for fold := -1; fold < o.Folds; fold++ {
					s := newSGDFor(t, single, chunk.Features)
					var regression RegressionMetrics
					classification := NewClassificationMetrics(max(v.classes, 1))
					var positive []bool
					var scores, weights []float64
					var progressive, progressiveWeight float64
					seen := 0
					for _, k := range chunks {
						for i := range k.Len() {
							one := k.part(i, i+1)
							one.Numbers, one.Weights = k.Numbers[i:i+1], k.Weights[i:i+1]
							y, weight := k.Target[i], k.Weights[i]
							m := modelOf(t, s)
							d, err := m.DecisionFunction(one, nil)
							if err != nil {
								t.Fatal(err)
							}
							if fold < 0 { // progressive validation is of the weights that learn
								now := make([]float64, len(d))
								for k, w := range s.vectors {
									now[k] = w.scale*dot(one.X, w.w) + w.intercept
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
									classification.Add(int(y), int(m.choose(d)), proba, weight)
									positive, scores, weights = append(positive, y == 1), append(scores, d[0]), append(weights, weight)
								}
							} else {
								partialFit(t, s, one)
							}
							seen++
						}
					}
					if fold < 0 {
						if want := progressive / progressiveWeight; math.Abs(r.ProgressiveLoss[c]-want) > 1e-9*max(1, want) {
							t.Errorf("progressive loss of %d: %v, want %v", c, r.ProgressiveLoss[c], want)
						}
						continue
					}
					want := map[string]float64{"r2": regression.R2(), "neg_mean_squared_error": -regression.MSE(), "neg_mean_absolute_error": -regression.MAE()}
					if v.classes > 0 {
						want = map[string]float64{"accuracy": classification.Accuracy()}
						if (&Model{Task: Classification, Loss: v.options.Loss}).HasProba() {
							want["neg_log_loss"] = -classification.LogLoss()
						}
						if v.classes == 2 {
							want["f1"] = classification.F1(1)
							if want["roc_auc"], err = AUC(positive, scores, weights); err != nil {
								t.Fatal(err)
							}
							auc := got["roc_auc"][fold][c]
							off, bound := math.Abs(auc-want["roc_auc"]), g.AUCErrors()[fold][c]
							if off > bound*1.001 || off > 2e-3 || bound > 0.01 {
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
func gridExample(t testing.TB, classes int) (*Grid, []*Chunk) {
	o := GridOptions{
		Options: Options{Task: Classification, Loss: LogLoss, Average: 5, LearningRate: InvScaling, Eta0: 0.1, Penalty: ElasticNet},
		Alphas:  []float64{1e-4, 0.1, 1}, L1Ratios: []float64{0.15, 0.5}, Folds: 3, Refit: true, Epochs: 2, Seed: 4,
	}
	if classes > 0 {
		o.Options.Classes = numbered(classes)
	} else {
		o.Options.Task, o.Options.Loss = Regression, SquaredError
	}
	c := problem(240, classes, 2)
	return newGridFor(t, o, c.Features), gridChunks(c, "dense")
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Parts that are merged in a tree, whether they cross a wire or not, and a grid that does, come to the same bits; and to the
// mean of the parts.
func TestGridParts(t *testing.T) {
	for _, classes := range []int{0, 2, 4} {
		t.Run(fmt.Sprint(classes), func(t *testing.T) {
			var ends []string
			for _, wire := range []bool{false, true} {
				g, chunks := gridExample(t, classes)
				for epoch := range 2 {
					var parts []Partial
					var want []*Model
					learned := make(chan error, 3)
					for i := range 3 {
						var mine []*Chunk
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
							if math.Abs(v-mean) > 1e-12 {
								t.Errorf("coefficient %d is %v, the mean of the parts' %v", j, v, mean)
							}
						}
					}
					if wire {
						var other Grid
						if err := json.Unmarshal([]byte(jsonOf(t, g)), &other); err != nil {
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
				ends = append(ends, jsonOf(t, g)+jsonOf(t, r))
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
				advance(t, g, partOf(t, g, 0, 1, gridChunks(problem(240, classes, 2), form)...))
				r, err := g.Result()
				if err != nil {
					t.Fatal(err)
				}
				if got := jsonOf(t, g) + jsonOf(t, r); want == "" {
					want = got
				} else if got != want {
					t.Errorf("%d classes, %s: %s gives\n%s\nwant\n%s", classes, form, level.Name, got, want)
				}
			}
		}
	}
}

// A part without rows, as a fold without any in it, changes nothing.
func TestGridEmptyParts(t *testing.T) {
	g, chunks := gridExample(t, 2)
	p, empty := partOf(t, g, 0, 1, chunks...), g.Partial(0, 1)
	if err := empty.Merge(p); err != nil {
		t.Fatal(err)
	}
	e, f := empty.(*gridPart), p.(*gridPart)
	if a, b := string(e.encode(&g.shape)), string(f.encode(&g.shape)); a != b {
		t.Error("an empty part merged with another is not the other")
	}
	if err := f.Merge(g.Partial(0, 1)); err != nil {
		t.Fatal(err)
	}
	if a, b := string(e.encode(&g.shape)), string(f.encode(&g.shape)); a != b {
		t.Error("a part merged with an empty one is not itself")
	}
}

// A model whose weights overflow has no score, and harms no other; all of them together are an error.
func TestGridOverflow(t *testing.T) {
	c := problem(300, 2, 1)
	for i := range c.X {
		c.X[i] *= 1e240
	}
	c.Numbers = rowNumbers(0, 300)
	o := GridOptions{Options: Options{Task: Classification, Loss: Hinge, Classes: numbered(2)}, Alphas: []float64{5e-324, 1}, Folds: 2, Refit: true}
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
	if s := jsonOf(t, r); !strings.Contains(s, "null") || strings.Contains(s, "NaN") {
		t.Errorf("JSON without null: %s", s)
	}
	var back Grid
	if err := json.Unmarshal([]byte(jsonOf(t, g)), &back); err != nil {
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
	before := string(p.(*gridPart).encode(&g.shape))
	with := func(change func(c *Chunk)) *Chunk {
		c := *chunks[0].part(0, 4)
		c.Target, c.Weights, c.File = slices.Clone(c.Target), slices.Clone(c.Weights), "f"
		c.Numbers = []int64{10, 11, 12, 13}
		change(&c)
		return &c
	}
	for _, v := range []struct {
		name, want string
		chunk      *Chunk
	}{
		{"class", "class 7", with(func(c *Chunk) { c.Target[2] = 7 })},
		{"nan", "NaN", with(func(c *Chunk) { c.Target[2] = math.NaN() })},
		{"weight", "-1", with(func(c *Chunk) { c.Weights[2] = -1 })},
	} {
		err := p.PartialFit(v.chunk)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Row != 12 || f.File != "f" || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%s: %v", v.name, err)
		}
	}
	if err := p.PartialFit(with(func(c *Chunk) { c.Features = 4 })); err == nil {
		t.Error("rows of another width are learned from")
	}
	if string(p.(*gridPart).encode(&g.shape)) != before {
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
		{"adaptive", func(o *GridOptions) { o.Options.LearningRate = Adaptive }},
		{"tol", func(o *GridOptions) { o.Options.Tol = new(1e-3) }},
		{"folds 1", func(o *GridOptions) { o.Folds = 1 }},
		{"classes: 0", func(o *GridOptions) { o.Options.Classes = Classes{} }},
		{"alphas: 0.1 twice", func(o *GridOptions) { o.Alphas = []float64{0.1, 0.1} }},
		{"alpha -1", func(o *GridOptions) { o.Alphas = []float64{0.1, -1} }},
		{"l1_ratios: only", func(o *GridOptions) { o.Options.Penalty = L2 }},
		{"l1_ratio 2", func(o *GridOptions) { o.L1Ratios = []float64{2} }},
		{"epochs -1", func(o *GridOptions) { o.Epochs = -1 }},
		{"balanced", func(o *GridOptions) { o.Options.ClassWeight.Balanced = true }},
		{"one_class", func(o *GridOptions) { o.Options.Task, o.Options.Loss, o.Options.Penalty = OneClass, Hinge, L2 }},
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
	c := problem(200, 2, 3)
	rows := []int64{0, 0}
	for _, y := range c.Target {
		rows[int(y)]++
	}
	o := Options{Task: Classification, Loss: Hinge, LearningRate: Constant, Classes: numbered(2), ClassWeight: ClassWeight{Balanced: true}}
	g := newGridFor(t, GridOptions{Options: o, ClassRows: rows}, c.Features)
	advance(t, g, partOf(t, g, 0, 1, c))
	got, err := g.Model(-1, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := newSGDFor(t, o, c.Features)
	partialFit(t, s, c) // all in one chunk, after which the counts are the same
	if d := modelDistance(got, modelOf(t, s)); d != 0 {
		t.Errorf("coefficients off by %v", d)
	}
}

func TestScoreBin(t *testing.T) {
	last := -1
	for _, v := range []float64{math.Inf(-1), -1e9, -1, -0.99, -0.01, -1e-9, 0, 5e-324, 1e-4, 0.01, 0.99, 1, 1.5, 1e9, math.Inf(1)} {
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
		want, err := AUC(positive, scores, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, bound := binnedAUC(bins); math.Abs(got-want) > 1e-4 || math.Abs(got-want) > bound || bound > 0.006 {
			t.Errorf("scale %v: AUC %v, want %v; may be off by %v", scale, got, want, bound)
		}
	}
}

// smallGrid has a short state; two classes take bins, of 32 KiB, only with rows.
func smallGrid(t testing.TB, classes int) *Grid {
	o := GridOptions{Options: Options{Task: Regression, Average: 2, LearningRate: Constant}, Folds: 2, Epochs: 2}
	if classes > 0 {
		o.Options.Task, o.Options.Classes = Classification, numbered(classes)
	}
	return newGridFor(t, o, 2)
}

func smallChunk(rows int) *Chunk {
	return &Chunk{Features: 2, X: []float64{1, 2, 3, 4, 5, 6}[:2*rows], Target: []float64{0, 1, 1}[:rows], Numbers: rowNumbers(0, rows)}
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
		advance(f, g, partOf(f, g, 0, 1, smallChunk(classes)))
		f.Add(jsonOf(f, g))
		f.Add(strings.Replace(jsonOf(f, g), `"folds":2`, `"folds":999`, 1))
		f.Add(strings.Replace(jsonOf(f, g), `"features":2`, `"features":500000000`, 1))
	}
	f.Add(`{"task":"regression","alphas":[1],"features":1,"state":"` + base64.StdEncoding.EncodeToString(make([]byte, 200)) + `"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var g Grid
		if err := json.Unmarshal([]byte(text), &g); err != nil {
			return
		}
		var again Grid
		if err := json.Unmarshal([]byte(jsonOf(t, &g)), &again); err != nil {
			t.Fatalf("%v, of what was written: %s", err, jsonOf(t, &g))
		}
		if jsonOf(t, &again) != jsonOf(t, &g) {
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
	c := benchChunk(2)
	c.Numbers = rowNumbers(0, c.Len())
	alphas := make([]float64, 10)
	for i := range alphas {
		alphas[i] = math.Pow(10, float64(i-6)/2)
	}
	run := func(name string, o GridOptions, c *Chunk) {
		b.Run(name, func(b *testing.B) {
			g := newGridFor(b, o, c.Features)
			p := g.Partial(0, 1)
			b.SetBytes(int64(c.entries()) * 8)
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
	for _, loss := range []Loss{LogLoss, Hinge} {
		o := Options{Task: Classification, Loss: loss, LearningRate: InvScaling, Classes: numbered(2)}
		b.Run(string(loss)+"/SGD", func(b *testing.B) {
			s := newSGDFor(b, o, c.Features)
			n := 0
			for b.Loop() {
				partialFit(b, s, c)
				n += c.Len()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/row")
		})
		run(string(loss)+"/5 folds", GridOptions{Options: o, Alphas: alphas, Folds: 5}, c)
		run(string(loss)+"/5 folds, refit", GridOptions{Options: o, Alphas: alphas, Folds: 5, Refit: true}, c)
		if loss == LogLoss {
			o.Average = 1
			run("log_loss/5 folds, refit, averaged", GridOptions{Options: o, Alphas: alphas, Folds: 5, Refit: true}, c)
			o.Penalty = L1
			o.Average = 0
			run("log_loss/5 folds, refit, l1", GridOptions{Options: o, Alphas: alphas, Folds: 5, Refit: true}, c)
			o.Penalty, o.LearningRate = L2, Optimal
			run("log_loss/5 folds, refit, optimal", GridOptions{Options: o, Alphas: alphas, Folds: 5, Refit: true}, c)
		}
	}
}
