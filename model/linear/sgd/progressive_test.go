package sgd

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Each row is judged by the model before it: as one would who learns row by row, and predicts in between.
func TestProgressive(t *testing.T) {
	two, three := lineartest.ScaledProblem(300, 5, 2, 3, []float64{1}), lineartest.Problem(300, 3, 71)
	for _, v := range []struct {
		o linear.Options
		c *linear.Chunk
	}{
		{linear.Options{Task: linear.Classification, Loss: linear.LogLoss, LearningRate: linear.InvScaling}, two},
		{linear.Options{Task: linear.Classification, Loss: linear.ModifiedHuber}, two},
		{linear.Options{Task: linear.Classification, Loss: linear.Hinge}, two},
		// probabilities of 0 and 1
		{linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Eta0: 100, LearningRate: linear.Constant}, two},
		{linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"1": 3}}}, three},
		{linear.Options{Task: linear.Classification, Loss: linear.ModifiedHuber, LearningRate: linear.InvScaling}, three},
		{linear.Options{Task: linear.Classification, Loss: linear.SquaredHinge, LearningRate: linear.InvScaling}, three},
		{linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Tol: new(1e-3), EarlyStopping: true}, two},
		{linear.Options{Task: linear.Regression}, lineartest.Problem(300, 0, 72)},
		{linear.Options{Task: linear.Regression, Loss: linear.Huber}, lineartest.SparseChunk(lineartest.Problem(300, 0, 72))},
		{linear.Options{Task: linear.OneClass}, lineartest.Problem(300, 0, 72)},
	} {
		for _, weighted := range []bool{false, true} {
			c := *v.c
			if weighted {
				for i := range 300 {
					c.Weights = append(c.Weights, float64(i%3))
				}
			}
			o := lineartest.Declared(v.o, v.c)
			classes := o.Classes.Len()
			s, plain, replay := newSGDFor(t, o, 5), newSGDFor(t, o, 5), newSGDFor(t, o, 5)
			s.Progressive = NewProgressive(o.Task, classes)
			lineartest.PartialFit(t, s, (&c).Slice(0, 7), (&c).Slice(7, 290),
				(&c).Slice(290, 300))
			lineartest.PartialFit(t, plain, (&c).Slice(0, 7), (&c).Slice(7, 290),
				(&c).Slice(290, 300))
			if lineartest.Saved(t, lineartest.ModelOf(t, s)) != lineartest.Saved(t, lineartest.ModelOf(t, plain)) {
				t.Errorf("%s: judging changes what is learned", o.Loss)
			}
			var regression linear.RegressionMetrics
			classification := linear.NewClassificationMetrics(classes)
			var positive []bool
			var scores, weights []float64
			var loss, weight float64
			curve := map[int64]float64{}
			rows := 0
			for i := range 300 {
				row := (&c).Slice(i, i+1)
				m := lineartest.ModelOf(t, replay)
				held := o.EarlyStopping && replay.heldOut(row, 0)
				lineartest.PartialFit(t, replay, row)
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
				case linear.Regression:
					regression.Add(row.Target[0], d[0], w)
					l = s.rule.Loss.Value(d[0], row.Target[0])
				case linear.OneClass:
					l = s.rule.Loss.Value(d[0]+1, 1)
				default:
					var proba []float64
					if m.HasProba() {
						if proba, err = m.PredictProba(row, nil); err != nil {
							t.Fatal(err)
						}
					}
					place := int(row.Target[0])
					classification.Add(place, int(m.Choose(d)), proba, w)
					for k, p := range d {
						l += s.rule.Loss.Value(p, kernel.Sign(k == place && len(d) > 1 || len(d) == 1 && place == 1))
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
			if o.Task == linear.Regression {
				r, q := &p.Regression, &regression
				got = append(got, r.R2(), r.MSE(), r.MAE(), r.Mean)
				want = append(want, q.R2(), q.MSE(), q.MAE(), q.Mean)
			}
			if classes > 0 {
				got, want = append(got, p.Classification.Accuracy()), append(want, classification.Accuracy())
				allowed := 1e-9
				if o.LearningRate != linear.InvScaling { // decisions are so large that 1 − p, of PredictProba, has few digits
					allowed = 1e-3
				}
				if got, want := p.Classification.LogLoss(), classification.LogLoss(); !(math.Abs(got-want) <= allowed) &&
					!(math.IsNaN(got) && math.IsNaN(want)) { // of a loss that has no probabilities
					t.Errorf("%s: log loss %v, want %v", what, got, want)
				}
				if !slices.EqualFunc(p.Classification.Confusion, classification.Confusion, slices.Equal) {
					t.Errorf("%s: confusion %v, want %v", what, p.Classification.Confusion, classification.Confusion)
				}
			}
			if d := lineartest.Distance(t, what, got, want); d > 1e-9 {
				t.Errorf("%s: off by %g: got %v, want %v", what, d, got, want)
			}
			points := 0
			for _, q := range p.Curve() {
				points++
				if !(math.Abs(q.Loss*q.Weight-curve[q.Rows]) <= 1e-9*math.Abs(curve[q.Rows])+1e-12) {
					t.Errorf("%s: at %d rows: loss %v, want %v", what, q.Rows, q.Loss*q.Weight, curve[q.Rows])
				}
			}
			if points < 8 {
				t.Errorf("%s: %d points", what, points)
			}
			if classes == 2 {
				want, err := linear.AUC(positive, scores, weights)
				if err != nil {
					t.Fatal(err)
				}
				if got, bound := p.AUC.AUC(); !(math.Abs(got-want) <= bound+1e-12) || bound > 0.02 {
					t.Errorf("%s: AUC %v within %v, want %v", what, got, bound, want)
				}
			}
			s.EndEpoch()
			lineartest.PartialFit(t, s, &c)
			if p.Rows != int64(rows) {
				t.Errorf("%s: rows are judged that have been learned from", what)
			}
		}
	}
	s := newSGDFor(t, linear.Options{Task: linear.Classification}, 5)
	s.Progressive = NewProgressive(linear.Classification, 2)
	if err := s.PartialFit(two); err == nil {
		t.Error("classes that are not declared")
	}
}

// Over parts it is the sum of the parts'.
func TestProgressiveParts(t *testing.T) {
	c := lineartest.Problem(400, 3, 71)
	o := lineartest.Declared(linear.Options{Task: linear.Classification, Loss: linear.LogLoss}, c)
	a := averagedFor(t, o, 5, 2)
	a.Trainer().Progressive = NewProgressive(linear.Classification, 3)
	want := NewProgressive(linear.Classification, 3)
	for part := range 4 {
		s := newSGDFor(t, o, 5)
		s.Progressive = NewProgressive(linear.Classification, 3)
		lineartest.PartialFit(t, s, c.Slice(part*100, part*100+100))
		if err := want.Merge(s.Progressive); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := lineartest.PassOver(t, a, 4, 30, true, c); err != nil {
			t.Fatal(err)
		}
		a = lineartest.Carried(t, a)
		p := a.Trainer().Progressive
		got, expected := []float64{float64(p.Rows), p.Loss, p.Classification.LogLoss()},
			[]float64{400, want.Loss, want.Classification.LogLoss()}
		for i, q := range p.Curve() {
			got, expected = append(got, q.Loss, float64(q.Rows)), append(expected, want.Curve()[i].Loss, float64(int64(2)<<i))
		}
		if d := lineartest.Distance(t, "sums", got, expected); d > 1e-12 || !p.Ended {
			t.Errorf("got %v, want %v", got, expected)
		}
	}
	if err := want.Merge(NewProgressive(linear.Regression, 0)); err == nil {
		t.Error("another kind is merged")
	}
}

func FuzzProgressive(f *testing.F) {
	c := lineartest.Problem(60, 2, 3)
	s := newSGDFor(f, lineartest.Declared(linear.Options{Task: linear.Classification, Loss: linear.LogLoss}, c), 5)
	s.Progressive = NewProgressive(linear.Classification, 2)
	lineartest.PartialFit(f, s, c)
	b, err := s.Progressive.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		p := NewProgressive(linear.Classification, 2)
		if p.UnmarshalBinary(b) != nil {
			return
		}
		again, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		q := NewProgressive(linear.Classification, 2)
		if err := q.UnmarshalBinary(again); err != nil {
			t.Fatal(err)
		}
		if third, err := q.MarshalBinary(); err != nil || string(third) != string(again) {
			t.Errorf("%v: other bytes", err)
		}
	})
}
