package linear

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Each row is judged by the model before it: as one would who learns row by row, and predicts in between.
func TestProgressive(t *testing.T) {
	two, three := scaledProblem(300, 5, 2, 3, []float64{1}), problem(300, 3, 71)
	for _, v := range []struct {
		o Options
		c *Chunk
	}{
		{Options{Task: Classification, Loss: LogLoss, LearningRate: InvScaling}, two},
		{Options{Task: Classification, Loss: ModifiedHuber}, two},
		{Options{Task: Classification, Loss: Hinge}, two},
		{Options{Task: Classification, Loss: LogLoss, Eta0: 100, LearningRate: Constant}, two}, // probabilities of 0 and 1
		{Options{Task: Classification, Loss: LogLoss, ClassWeight: ClassWeight{Of: map[string]float64{"1": 3}}}, three},
		{Options{Task: Classification, Loss: ModifiedHuber, LearningRate: InvScaling}, three},
		{Options{Task: Classification, Loss: SquaredHinge, LearningRate: InvScaling}, three},
		{Options{Task: Classification, Loss: LogLoss, Tol: new(1e-3), EarlyStopping: true}, two},
		{Options{Task: Regression}, problem(300, 0, 72)},
		{Options{Task: Regression, Loss: Huber}, problem(300, 0, 72).sparse()},
		{Options{Task: OneClass}, problem(300, 0, 72)},
	} {
		for _, weighted := range []bool{false, true} {
			c := *v.c
			if weighted {
				for i := range 300 {
					c.Weights = append(c.Weights, float64(i%3))
				}
			}
			o := declared(v.o, v.c)
			classes := o.Classes.Len()
			s, plain, replay := newSGDFor(t, o, 5), newSGDFor(t, o, 5), newSGDFor(t, o, 5)
			s.Progressive = NewProgressive(o.Task, classes)
			partialFit(t, s, c.part(0, 7), c.part(7, 290), c.part(290, 300))
			partialFit(t, plain, c.part(0, 7), c.part(7, 290), c.part(290, 300))
			if saved(t, modelOf(t, s)) != saved(t, modelOf(t, plain)) {
				t.Errorf("%s: judging changes what is learned", o.Loss)
			}
			var regression RegressionMetrics
			classification := NewClassificationMetrics(classes)
			var positive []bool
			var scores, weights []float64
			var loss, weight float64
			curve := map[int64]float64{}
			rows := 0
			for i := range 300 {
				row := c.part(i, i+1)
				m := modelOf(t, replay)
				held := o.EarlyStopping && replay.heldOut(row, 0)
				partialFit(t, replay, row)
				if held {
					continue
				}
				rows++
				w := 1.0
				if weighted {
					w = row.Weights[0]
				}
				d, err := m.DecisionFunction(row, nil)
				if err != nil {
					t.Fatal(err)
				}
				l := 0.0
				switch o.Task {
				case Regression:
					regression.Add(row.Target[0], d[0], w)
					l = s.rule.loss.value(d[0], row.Target[0])
				case OneClass:
					l = s.rule.loss.value(d[0]+1, 1)
				default:
					var proba []float64
					if m.HasProba() {
						if proba, err = m.PredictProba(row, nil); err != nil {
							t.Fatal(err)
						}
					}
					place := int(row.Target[0])
					classification.Add(place, int(m.choose(d)), proba, w)
					for k, p := range d {
						l += s.rule.loss.value(p, sign(k == place && len(d) > 1 || len(d) == 1 && place == 1))
					}
					positive, scores, weights = append(positive, place == 1), append(scores, d[0]), append(weights, w)
				}
				weight += w
				loss += w * l
				point := int64(2)
				for point <= int64(rows) {
					point *= 2
				}
				curve[point] += w * l
			}
			p := s.Progressive
			what := fmt.Sprintf("%s, %d classes, weighted %v", o.Loss, classes, weighted)
			got := []float64{float64(p.Rows), p.Weight, p.Loss, p.MeanLoss()}
			want := []float64{float64(rows), weight, loss, loss / weight}
			if o.Task == Regression {
				r, q := &p.Regression, &regression
				got = append(got, r.R2(), r.MSE(), r.MAE(), r.Mean)
				want = append(want, q.R2(), q.MSE(), q.MAE(), q.Mean)
			}
			if classes > 0 {
				got, want = append(got, p.Classification.Accuracy()), append(want, classification.Accuracy())
				allowed := 1e-9
				if o.LearningRate != InvScaling { // decisions are so large that 1 − p, of PredictProba, has few digits
					allowed = 1e-3
				}
				if got, want := p.Classification.LogLoss(), classification.LogLoss(); math.Abs(got-want) > allowed || (got == got) != (want == want) {
					t.Errorf("%s: log loss %v, want %v", what, got, want)
				}
				if !slices.EqualFunc(p.Classification.Confusion, classification.Confusion, slices.Equal) {
					t.Errorf("%s: confusion %v, want %v", what, p.Classification.Confusion, classification.Confusion)
				}
			}
			if d := distance(t, what, got, want); d > 1e-9 {
				t.Errorf("%s: off by %g: got %v, want %v", what, d, got, want)
			}
			points := 0
			for _, q := range p.Curve() {
				points++
				if math.Abs(q.Loss*q.Weight-curve[q.Rows]) > 1e-9*math.Abs(curve[q.Rows])+1e-12 {
					t.Errorf("%s: at %d rows: loss %v, want %v", what, q.Rows, q.Loss*q.Weight, curve[q.Rows])
				}
			}
			if points < 8 {
				t.Errorf("%s: %d points", what, points)
			}
			if classes == 2 {
				want, err := AUC(positive, scores, weights)
				if err != nil {
					t.Fatal(err)
				}
				if got, bound := p.AUC.AUC(); !(math.Abs(got-want) <= bound+1e-12) || bound > 0.02 {
					t.Errorf("%s: AUC %v within %v, want %v", what, got, bound, want)
				}
			}
			s.EndEpoch()
			partialFit(t, s, &c)
			if p.Rows != int64(rows) {
				t.Errorf("%s: rows are judged that have been learned from", what)
			}
		}
	}
	s := newSGDFor(t, Options{Task: Classification}, 5)
	s.Progressive = NewProgressive(Classification, 2)
	if err := s.PartialFit(two); err == nil {
		t.Error("classes that are not declared")
	}
}

// Over parts it is the sum of the parts'.
func TestProgressiveParts(t *testing.T) {
	c := problem(400, 3, 71)
	o := declared(Options{Task: Classification, Loss: LogLoss}, c)
	a := averagedFor(t, o, 5, 2)
	a.Trainer().Progressive = NewProgressive(Classification, 3)
	want := NewProgressive(Classification, 3)
	for part := range 4 {
		s := newSGDFor(t, o, 5)
		s.Progressive = NewProgressive(Classification, 3)
		partialFit(t, s, c.part(part*100, part*100+100))
		if err := want.Merge(s.Progressive); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := passOver(t, a, 4, 30, true, c); err != nil {
			t.Fatal(err)
		}
		a = carried(t, a)
		p := a.Trainer().Progressive
		got, expected := []float64{float64(p.Rows), p.Loss, p.Classification.LogLoss()}, []float64{400, want.Loss, want.Classification.LogLoss()}
		for i, q := range p.Curve() {
			got, expected = append(got, q.Loss, float64(q.Rows)), append(expected, want.Curve()[i].Loss, float64(int64(2)<<i))
		}
		if d := distance(t, "sums", got, expected); d > 1e-12 || !p.Ended {
			t.Errorf("got %v, want %v", got, expected)
		}
	}
	if err := want.Merge(NewProgressive(Regression, 0)); err == nil {
		t.Error("another kind is merged")
	}
}

// The sketch is within its bound of the AUC, which is small, at every scale of the scores.
func TestAUCSketch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, scale := range []float64{1e-5, 1e-2, 1, 100} {
		var whole AUCSketch
		parts := make([]AUCSketch, 3)
		var positive []bool
		var scores, weights []float64
		for i := range 20000 {
			yes := r.IntN(3) == 0
			v := r.NormFloat64() * 2
			if yes {
				v++
			}
			v *= scale
			w := float64(i % 3)
			positive, scores, weights = append(positive, yes), append(scores, v), append(weights, w)
			whole.Add(yes, v, w)
			parts[i%3].Add(yes, v, w)
		}
		want, err := AUC(positive, scores, weights)
		if err != nil {
			t.Fatal(err)
		}
		got, bound := whole.AUC()
		if !(math.Abs(got-want) <= bound) || bound > 1e-3 || math.Abs(got-want) > 1e-4 {
			t.Errorf("scale %v: got %v within %v, want %v", scale, got, bound, want)
		}
		var merged AUCSketch
		for i := range parts {
			b, err := parts[i].MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var p AUCSketch
			if err := p.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			merged.Merge(&p)
		}
		if auc, _ := merged.AUC(); auc != got {
			t.Errorf("merged %v, whole %v", auc, got)
		}
	}
	var none AUCSketch
	if auc, _ := none.AUC(); auc == auc {
		t.Errorf("without rows: %v", auc)
	}
	// Bins ascend with scores.
	last := -1
	for _, v := range []float64{math.Inf(-1), -1e300, -1e4, -2, -1.99, -1, -1e-3, -1e-300, 0, 1e-300, 1e-3, 1, 1.01, 1e4, math.Inf(1)} {
		b := sketchBin(v)
		if b < last || b >= sketchBins {
			t.Errorf("bin %d of %v, after %d", b, v, last)
		}
		last = b
	}
	if sketchBin(-1) == sketchBin(-1.99) || sketchBin(0) != sketchBin(math.Copysign(0, -1)) {
		t.Error("bins are too wide, or zeros two")
	}
}

// Metrics cross the wire to the bit.
func TestMetricsEncoding(t *testing.T) {
	for _, proba := range [][]float64{nil, {0.1, 0.7, 0.2}} {
		m := NewClassificationMetrics(3)
		m.Add(1, 1, []float64{0.3, 0.3, 0.4}, 0.1)
		m.Add(2, 1, proba, 1.0/3)
		for _, through := range []func(n *ClassificationMetrics) error{
			func(n *ClassificationMetrics) error {
				b, err := m.MarshalBinary()
				if err != nil {
					return err
				}
				return n.UnmarshalBinary(b)
			},
			func(n *ClassificationMetrics) error {
				b, err := json.Marshal(m)
				if err != nil {
					return err
				}
				return json.Unmarshal(b, n)
			},
		} {
			var n ClassificationMetrics
			if err := through(&n); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(n) != fmt.Sprint(*m) || math.Float64bits(n.LogLoss()) != math.Float64bits(m.LogLoss()) {
				t.Errorf("got %+v, want %+v", n, *m)
			}
		}
	}
	var n ClassificationMetrics
	for _, b := range [][]byte{nil, make([]byte, 7), make([]byte, 24)} {
		if err := n.UnmarshalBinary(b); err == nil {
			t.Errorf("%d bytes are read", len(b))
		}
	}
	for _, b := range []string{`{"confusion":[[1,2]],"log_loss_sum":1}`, `{"confusion":[[1]],"sum":1}`} {
		if err := json.Unmarshal([]byte(b), &n); err == nil {
			t.Errorf("%s is read", b)
		}
	}
	var r, s RegressionMetrics
	r.Add(1, 1.0/3, 0.7)
	r.Squared = math.Inf(1)
	b, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.UnmarshalBinary(b); err != nil || s != r {
		t.Errorf("%v: got %+v, want %+v", err, s, r)
	}
	if err := s.UnmarshalBinary(b[1:]); err == nil {
		t.Error("39 bytes are read")
	}
}

func FuzzProgressive(f *testing.F) {
	c := problem(60, 2, 3)
	s := newSGDFor(f, declared(Options{Task: Classification, Loss: LogLoss}, c), 5)
	s.Progressive = NewProgressive(Classification, 2)
	partialFit(f, s, c)
	b, err := s.Progressive.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		p := NewProgressive(Classification, 2)
		if p.UnmarshalBinary(b) != nil {
			return
		}
		again, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		q := NewProgressive(Classification, 2)
		if err := q.UnmarshalBinary(again); err != nil {
			t.Fatal(err)
		}
		if third, err := q.MarshalBinary(); err != nil || string(third) != string(again) {
			t.Errorf("%v: other bytes", err)
		}
	})
}
