package bayes

import (
	"math"
	"slices"
	"testing"

	"beamlearn/model/linear"
)

// Rows are judged by the model before them, in their order, over parts that travel; and the model is the same as
// without.
func TestProgressive(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	for _, want := range g.Cases {
		if want.Priors != nil {
			continue
		}
		c := g.chunk(want.Rows, want.Weighted)
		o := FitOptions{Options: want.options()}
		before := fitted(t, o, 1, false, head(c, c.Len()/2)).Model()
		next := *c.Slice(c.Len()/2, c.Len())
		next.Labels = slices.Clone(next.Labels)
		next.Labels[3] = "new"
		o.WarmStart = before
		plain := saved(t, fitted(t, o, 3, true, &next).Model())
		o.Progressive = true
		f := fitted(t, o, 3, true, &next)
		if got := saved(t, f.Model()); string(got) != string(plain) {
			t.Fatalf("%s: another model", want.Kind)
		}
		by, judged := before.Predictor(), linear.NewClassificationMetrics(before.Classes.Len())
		loss, right, weight := 0.0, 0.0, 0.0
		for i := range next.Len() {
			w := 1.0
			if want.Weighted {
				w = next.Weights[i]
			}
			weight += w
			class := slices.Index(before.Classes.Texts, next.Labels[i])
			proba, err := by.PredictProba(single(&next, i), nil)
			if err != nil || class < 0 { // of a category that is new, too
				loss += w * 52 * math.Ln2
				continue
			}
			guess := most(proba)
			judged.Add(class, guess, proba, w)
			if guess == class {
				right += w
			}
		}
		if known := weight - loss/(52*math.Ln2); known > 0 {
			loss += judged.LogLoss() * known
		}
		p := f.Progressive()
		if p.Rows != int64(next.Len()) || math.Abs(p.Weight-weight) > 1e-12*weight ||
			math.Abs(p.Right-right) > 1e-12*weight || !(math.Abs(p.Loss-loss) <= 1e-9*loss) {
			t.Errorf("%s of %s, weighted %v: %d rows, weight %v, loss %v, right %v; want %d, %v, %v, %v", want.Kind, want.Rows,
				want.Weighted, p.Rows, p.Weight, p.Loss, p.Right, next.Len(), weight, loss, right)
		}
	}
	if _, err := NewFit(FitOptions{Options: Defaults(Gaussian), Progressive: true}, 1, nil); err == nil {
		t.Error("rows are judged by no model")
	}
}

// A row with a category that was not there before is no fault of a file to learn from: it was not foreseen.
func TestProgressiveUnforeseen(t *testing.T) {
	t.Parallel()
	o := FitOptions{Options: Defaults(Categorical)}
	first := &linear.Chunk{Features: 1, X: []float64{0, 0, 1, 1}, Labels: []string{"no", "no", "yes", "yes"}}
	o.WarmStart, o.Progressive = fitted(t, o, 1, false, first).Model(), true
	next := &linear.Chunk{Features: 1, X: []float64{0, 2, 1}, Labels: []string{"no", "no", "no"}}
	p := fitted(t, o, 1, false, next).Progressive()
	if want := -math.Log(0.75) + 52*math.Ln2 - math.Log(0.25); p.Right != 1 || !(math.Abs(p.Loss-want) <= 1e-12) {
		t.Errorf("right %v, loss %v; want 1, %v", p.Right, p.Loss, want)
	}
}
