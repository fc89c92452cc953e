package sgd

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/steps"
	"beamlearn/model/linear/newton"
	"beamlearn/model/linear/survey"
)

func surveyOf(t testing.TB, task linear.Task, scale bool, parts, size int, c *linear.Chunk) *survey.Survey {
	t.Helper()
	s, err := survey.NewSurvey(task, c.Features, scale)
	if err != nil {
		t.Fatal(err)
	}
	if err := lineartest.PassOver(t, s, parts, size, true, c); err != nil {
		t.Fatal(err)
	}
	return lineartest.Carried(t, s)
}

func averagedFor(t testing.TB, o linear.Options, features, epochs int) *Averaged {
	t.Helper()
	a, err := NewAveraged(o, features, epochs)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// objectiveOf is that of a model of one vector.
func objectiveOf(m *linear.Model, c *linear.Chunk) float64 {
	rule := steps.NewRule(&m.Options)
	sum := 0.0
	rows := linear.NewRows(c, m.Scaler, nil)
	for i := range c.Len() {
		y := c.Target[i]
		if m.Task == linear.Classification {
			y = 2*y - 1
		}
		sum += rule.Loss.Value(rows.At(i).Dot(m.Coef[0])+m.Intercept[0], y)
	}
	squares, absolutes := kernel.Row{}.Norms(m.Coef[0])
	return sum/float64(c.Len()) + rule.Alpha*((1-rule.L1Ratio)/2*squares+rule.L1Ratio*absolutes)
}

// optimumOf is the least objective, by Newton's method.
func optimumOf(t testing.TB, o linear.Options, s *survey.Survey, c *linear.Chunk) float64 {
	t.Helper()
	l, err := newton.NewOptimizer(o, c.Features)
	if err != nil {
		t.Fatal(err)
	}
	l.Scaler = s.Scaler
	for !l.Done() {
		if err := lineartest.PassOver(t, l, 1, 1000, false, c); err != nil {
			t.Fatal(err)
		}
	}
	m, err := l.Model()
	if err != nil {
		t.Fatal(err)
	}
	return objectiveOf(m, c)
}

func autoExcess(t testing.TB, o linear.Options, scale bool, parts, epochs int, c *linear.Chunk) float64 {
	t.Helper()
	s, err := survey.NewSurvey(o.Task, c.Features, scale)
	if err != nil {
		t.Fatal(err)
	}
	if o.LearningRate == linear.Newton && o.Loss != linear.SquaredError {
		s.Keep(StartRows(c.Features), 0)
	}
	if err := lineartest.PassOver(t, s, 4, 1000, true, c); err != nil {
		t.Fatal(err)
	}
	o.Classes = s.Classes
	if o.Classes.Len() == 0 && o.Task == linear.Classification {
		t.Fatal("no classes")
	}
	s.Auto(&o, parts, epochs)
	a := averagedFor(t, o, c.Features, epochs)
	a.Trainer().Scaler = s.Scaler
	if o.LearningRate == linear.Newton {
		a.Trainer().Begin(s.Start(&o))
		a.Trainer().BeginAt(s.Odds(&o))
	}
	if sample, rows, _ := s.Sample(); sample != nil {
		if err := a.Trainer().Start(sample, rows, s.ClassRows); err != nil {
			t.Fatal(err)
		}
	}
	for !a.Done() {
		if err := lineartest.PassOver(t, a, parts, 1000, false, c); err != nil {
			t.Fatal(err)
		}
	}
	m, err := a.Model()
	if err != nil {
		t.Fatal(err)
	}
	return objectiveOf(m, c) - optimumOf(t, o, s, c)
}

// In one part it is the SGD that learns row after row, with state of every kind, though it crosses the wire; and
// whoever goes on from its model goes on as SGD does.
func TestAveragedIsSGD(t *testing.T) {
	for name, v := range variants() {
		o := lineartest.Declared(v.o, v.rows)
		s, a := newSGDFor(t, o, 5), averagedFor(t, o, 5, 4)
		if v.scaler {
			s.Scaler = linear.NewStandardScaler(5)
			if err := s.Scaler.PartialFit(v.rows, nil); err != nil {
				t.Fatal(err)
			}
			a.Trainer().Scaler = s.Scaler
		}
		for epoch := range 6 {
			lineartest.PartialFit(t, s, v.rows)
			over := s.EndEpoch()
			if err := lineartest.PassOver(t, a, 1, 1000, epoch%2 == 0, v.rows); err != nil {
				t.Fatal(err)
			}
			a = lineartest.Carried(t, a)
			m, err := a.Model()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := lineartest.Saved(t, m), lineartest.Saved(t, lineartest.ModelOf(t, s)); got != want {
				t.Fatalf("%s, epoch %d: got\n%s\nwant\n%s", name, epoch, got, want)
			}
			if a.Done() != (over || epoch == 3 || epoch == 5) {
				t.Errorf("%s, epoch %d: done %v, SGD %v", name, epoch, a.Done(), over)
			}
			if epoch == 3 {
				if a, err = ResumeAveraged(m, 2); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// scikit-learn's results are those of a pass in one part.
func TestAveragedFixtures(t *testing.T) {
	tab, n := lineartest.ReadTable(t), 0
	for _, file := range []string{"grid.json", "special.json"} {
		for _, c := range lineartest.ReadCases[sgdCase](t, file) {
			o := c.options(t)
			s, a := newSGDFor(t, o, lineartest.TableFeatures), averagedFor(t, o, lineartest.TableFeatures, 1)
			p := a.Partial(0, 1)
			var target, weights []float64
			if c.Target != nil {
				target = tab.Columns[*c.Target]
			}
			if c.SampleWeight != nil {
				weights = tab.Columns[*c.SampleWeight]
			}
			for _, k := range lineartest.Chunks(tab.X, lineartest.TableFeatures, target, weights, c.Chunks...) {
				lineartest.PartialFit(t, s, k)
				if err := p.PartialFit(k); err != nil {
					t.Fatal(err)
				}
			}
			s.EndEpoch()
			if err := a.Advance(p); err != nil {
				t.Fatal(err)
			}
			m, err := a.Model()
			if err != nil {
				t.Fatal(err)
			}
			if lineartest.Saved(t, m) != lineartest.Saved(t, lineartest.ModelOf(t, s)) {
				t.Errorf("%s differs", c.Name)
			}
			n++
		}
	}
	if n != 238 {
		t.Errorf("%d cases, want 238", n)
	}
}

// Weights are the means over parts, by rows, of what an SGD of each part comes to; averages likewise, over all epochs.
func TestAveragedMeans(t *testing.T) {
	c := lineartest.Problem(400, 3, 41)
	bounds := []int{0, 100, 100, 350, 400} // the second part has no rows, the last ends before averaging begins
	for _, average := range []linear.Average{0, 1, 80} {
		o := lineartest.Declared(linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Average: average,
			LearningRate: linear.InvScaling}, c)
		a := averagedFor(t, o, 5, 2)
		start := newSGDFor(t, o, 5)
		t0 := 1.0
		for epoch := range 2 {
			sum := linear.NewSum(4)
			w, mean := make([]float64, 18), make([]float64, 18)
			rows, averaged := 0.0, 0.0
			for part := range 4 {
				p, s := a.Partial(part, 4), start.clone()
				k := c.Slice(bounds[part], bounds[part+1])
				if err := p.PartialFit(k); err != nil {
					t.Fatal(err)
				}
				lineartest.PartialFit(t, s, k)
				n := float64(k.Len())
				m := n
				if epoch == 0 {
					m = max(0, n+1-float64(average))
				}
				for i, v := range s.vectors {
					for j, x := range v.w {
						w[i*6+j] += n * v.scale * x
					}
					w[i*6+5] += n * v.intercept
					coef, b := v.coef(&s.rule, s.t)
					for j, x := range append(coef, b) {
						mean[i*6+j] += m * x
					}
				}
				rows += n
				averaged += m
				if err := sum.Add(linear.Node{Index: part}, lineartest.Sent(t, a, p, part, 4)); err != nil {
					t.Fatal(err)
				}
			}
			total, err := sum.Total()
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Advance(total); err != nil {
				t.Fatal(err)
			}
			t0 += 250
			s := a.Trainer()
			if s.t != t0 || s.rows != int64(400*(epoch+1)) {
				t.Errorf("row %v after %d, want %v", s.t, s.rows, t0)
			}
			for i, v := range s.vectors {
				kernel.Scale(1/rows, w[i*6:i*6+6])
				if d := lineartest.Distance(t, "weights", append(slices.Clone(v.w), v.intercept), w[i*6:i*6+6]); d > 1e-12 {
					t.Errorf("average %d, epoch %d: weights off by %g", average, epoch, d)
				}
				if average == 0 {
					continue
				}
				kernel.Scale(1/averaged, mean[i*6:i*6+6])
				coef, b := v.coef(&s.rule, s.t)
				if d := lineartest.Distance(t, "means", append(coef, b), mean[i*6:i*6+6]); d > 1e-12 {
					t.Errorf("average %d, epoch %d: means off by %g", average, epoch, d)
				}
			}
			start = s.clone()
		}
	}
}

// In several parts there are the same bits however partials travel; Tol and early stopping end it; counts are of all
// rows.
func TestAveragedParts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies losses and epochs")
	}
	for name, v := range variants() {
		o := lineartest.Declared(v.o, v.rows)
		o.Tol = new(0.1)
		if o.Task == linear.OneClass {
			o.Tol = nil
		}
		near, far := averagedFor(t, o, 5, 200), averagedFor(t, o, 5, 200)
		if v.scaler {
			near.Trainer().Scaler, far.Trainer().Scaler = linear.NewStandardScaler(5), linear.NewStandardScaler(5)
		}
		v.rows.Numbers = lineartest.RowNumbers(0, v.rows.Len())
		epochs := 0
		for !near.Done() && epochs < 150 {
			for i, l := range []*Averaged{near, far} {
				if err := lineartest.PassOver(t, l, 7, 20, i == 1, v.rows); err != nil {
					t.Fatal(err)
				}
			}
			far = lineartest.Carried(t, far)
			epochs++
		}
		m, err := near.Model()
		if err != nil {
			t.Fatal(err)
		}
		n, err := far.Model()
		if err != nil {
			t.Fatal(err)
		}
		if lineartest.Saved(t, m) != lineartest.Saved(t, n) {
			t.Errorf("%s: the wire changes\n%s\n%s", name, lineartest.Saved(t, m), lineartest.Saved(t, n))
		}
		if near.done != (o.Tol != nil) || near.done != far.done {
			t.Errorf("%s: done %v and %v after %d epochs", name, near.done, far.done, epochs)
		}
		if m.Training.Rows != int64(300*epochs) || m.Training.Epochs != epochs {
			t.Errorf("%s: %+v after %d epochs", name, m.Training, epochs)
		}
		for k, rows := range m.Training.ClassRows {
			want := 0
			for _, y := range v.rows.Target {
				if y == m.Classes.Numbers[k] {
					want += epochs
				}
			}
			if rows != int64(want) {
				t.Errorf("%s: %d rows of class %d, want %d", name, rows, k, want)
			}
		}
	}
}

// Weights that overflow in one part, or in the sum of several, are an error with advice, and no model.
func TestAveragedOverflow(t *testing.T) {
	c := lineartest.Problem(40, 0, 31)
	kernel.Scale(1e300, c.X[100:])
	c.File = "f.csv"
	o := linear.Options{Task: linear.Regression, LearningRate: linear.Constant, Eta0: 10}
	for _, parts := range []int{1, 4} {
		a := averagedFor(t, o, 5, 1)
		var err error
		for part := 0; err == nil && part < parts; part++ {
			p := a.Partial(part, parts)
			for i := part * 40 / parts; err == nil && i < (part+1)*40/parts; i++ {
				err = p.PartialFit(c.Slice(i, i+1))
			}
			if err == nil {
				continue
			}
			if _, again := p.MarshalBinary(); again != err {
				t.Errorf("written: %v", again)
			}
			if parts == 1 {
				if again := a.Advance(p); again != err {
					t.Errorf("advance: %v", again)
				}
			} else if again := a.Partial(0, parts).Merge(p); again != err {
				t.Errorf("merged: %v", again)
			}
		}
		if err == nil || !strings.Contains(err.Error(), "f.csv: found weights that overflow") {
			t.Errorf("%d parts: %v", parts, err)
		}
	}
	a := averagedFor(t, o, 5, 1)
	parts := []linear.Partial{a.Partial(0, 2), a.Partial(1, 2)}
	for i, p := range parts {
		if err := p.PartialFit(c.Slice(i*10, i*10+10)); err != nil {
			t.Fatal(err)
		}
		p.(*averagedPart).sgd.vectors[0].w[2] = 1e308
	}
	if err := parts[0].Merge(parts[1]); err != nil {
		t.Fatal(err)
	}
	if err := a.Advance(parts[0]); err == nil || !strings.Contains(err.Error(), "standardise the features") {
		t.Errorf("a sum that overflows: %v", err)
	}
	if m, err := a.Model(); err != nil || m.Coef[0][2] != 0 {
		t.Errorf("then %v, %v", m, err)
	}
}

func TestAveragedRefuses(t *testing.T) {
	if _, err := NewAveraged(linear.Options{Task: linear.Classification}, 2, 1); err == nil ||
		!strings.Contains(err.Error(), "declared") {
		t.Errorf("no classes: %v", err)
	}
	if _, err := NewAveraged(linear.Options{Task: linear.Regression}, 2, 0); err == nil {
		t.Error("no epochs")
	}
	if _, err := NewAveraged(linear.Options{Task: linear.Regression, Loss: linear.Hinge}, 2, 1); err == nil {
		t.Error("bad options")
	}
	a, b := averagedFor(t, linear.Options{Task: linear.Regression}, 2, 1),
		averagedFor(t, linear.Options{Task: linear.Regression}, 3, 1)
	if err := a.Advance(a.Partial(0, 1)); err == nil || err.Error() != "no rows to learn from" {
		t.Errorf("no rows: %v", err)
	}
	two := a.Partial(0, 2)
	if err := two.Merge(a.Partial(1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := a.Advance(two); err == nil || err.Error() != "no rows to learn from" {
		t.Errorf("no rows in two parts: %v", err)
	}
	if err := two.PartialFit(&linear.Chunk{Features: 2}); err == nil {
		t.Error("rows after a merge")
	}
	for share, want := range map[float64]string{1e-9: "holds out no row", 1 - 1e-9: "holds out every row"} {
		o := linear.Options{Task: linear.Regression, Tol: new(1e-3), EarlyStopping: true, ValidationFraction: share}
		e := averagedFor(t, o, 2, 1)
		p := e.Partial(0, 1)
		if err := p.PartialFit(&linear.Chunk{Features: 2, X: []float64{1, 2, 3, 5}, Target: []float64{1, 2}}); err != nil {
			t.Fatal(err)
		}
		if err := e.Advance(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of validation_fraction %v: %v", share, err)
		}
	}
	if err := a.Advance(b.Partial(0, 1)); err == nil {
		t.Error("the sum of another")
	}
	for _, p := range [][2]linear.Partial{{a.Partial(0, 1), a.Partial(0, 1)}, {a.Partial(0, 2), b.Partial(1, 2)},
		{a.Partial(0, 2), a.Partial(1, 3)}} {
		if err := p[0].Merge(p[1]); err == nil {
			t.Errorf("%+v is merged", p)
		}
	}
	c := lineartest.Declared(linear.Options{Task: linear.Classification}, &linear.Chunk{Target: []float64{0, 1}})
	l := averagedFor(t, c, 2, 1)
	if err := l.Partial(0, 1).PartialFit(&linear.Chunk{Features: 2, X: []float64{1, 2},
		Target: []float64{2}}); err == nil {
		t.Error("a class that is not declared")
	}
}

// A warm start begins at the model's coefficients, in every part.
func TestAveragedWarmStart(t *testing.T) {
	m := &linear.Model{Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{{1, -2, 3, 0, 5}},
		Intercept: []float64{6}, Training: linear.Training{Solver: "exact"}}
	a, err := ResumeAveraged(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := lineartest.Problem(30, 0, 1)
	if err := lineartest.PassOver(t, a, 3, 10, true, c); err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 6)
	for part := range 3 {
		s, err := Resume(m)
		if err != nil {
			t.Fatal(err)
		}
		lineartest.PartialFit(t, s, c.Slice(part*10, part*10+10))
		n := lineartest.ModelOf(t, s)
		kernel.Add(1.0/3, append(slices.Clone(n.Coef[0]), n.Intercept[0]), want)
	}
	n, err := a.Model()
	if err != nil {
		t.Fatal(err)
	}
	if d := lineartest.Distance(t, "coef", append(n.Coef[0], n.Intercept[0]), want); d > 1e-12 {
		t.Errorf("got %v %v, want %v", n.Coef, n.Intercept, want)
	}
}

// One epoch in eight parts comes within 1e-3 of the least objective, with steps that follow from the survey.
func TestAuto(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies rates and losses")
	}
	two := lineartest.ScaledProblem(120000, 20, 2, 3, []float64{0.5, 1, 2, 1})
	number := lineartest.ScaledProblem(60000, 20, 0, 3, []float64{100, 1, 0.01})
	for _, v := range []struct {
		o     linear.Options
		c     *linear.Chunk
		scale bool
	}{
		{linear.Options{Task: linear.Classification, Loss: linear.LogLoss}, two, false},
		{linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(1e-6)}, two, true},
		{linear.Options{Task: linear.Regression}, number, true},
		{linear.Options{Task: linear.Regression, Loss: linear.Huber, Epsilon: new(1.35)}, number, true},
	} {
		t.Run(string(v.o.Loss), func(t *testing.T) {
			t.Parallel()
			d := autoExcess(t, v.o, v.scale, 8, 1, v.c)
			t.Logf("%s, alpha %v: %.1e above the least objective", v.o.Loss, v.o.Alpha, d)
			if !(d < 1e-3) {
				t.Errorf("%s: %g above the least objective", v.o.Loss, d)
			}
		})
	}
}

// What is set stays; what is not follows from rows, weights and loss.
func TestAutoSets(t *testing.T) {
	s := &survey.Survey{Rows: 400, Weight: 400, Weight2: 400, SquareRadius: 9, Var: 3, Mean: 1,
		Classes: lineartest.Numbered(2), ClassRows: []int64{300, 100}}
	auto, autoClass := linear.Options{Task: linear.Regression}, linear.Options{Task: linear.Classification}
	reg, clf := auto, autoClass
	reg.LearningRate, clf.LearningRate = linear.InvScaling, linear.InvScaling
	with := func(o linear.Options, f func(o *linear.Options)) linear.Options { f(&o); return o }
	for name, v := range map[string]struct {
		o             linear.Options
		parts, epochs int
		want          string
	}{
		"squared error": {reg, 1, 1, "invscaling 0.05 0.25 101"},
		"adagrad":       {auto, 1, 1000, "adagrad " + fmt.Sprint(math.Sqrt(3)) + " <nil> 200001"},
		"adagrad, few":  {autoClass, 2, 1, "adagrad 2 <nil> 101"},
		"adagrad, many": {autoClass, 4, 1e9, "adagrad 0.25 <nil> 50000000001"},
		"adagrad, origin": {with(auto, func(o *linear.Options) { o.FitIntercept = new(false) }), 1, 1000,
			"adagrad 2 <nil> 200001"},
		"adagrad, l1": {with(autoClass, func(o *linear.Options) { o.Penalty = linear.L1 }), 2, 1,
			"adagrad 2 <nil> 0"},
		"adagrad, set": {with(autoClass, func(o *linear.Options) { o.Eta0, o.Average = 3, 7 }), 2, 1,
			"adagrad 3 <nil> 7"},
		"power":  {with(auto, func(o *linear.Options) { o.PowerT = new(0.3) }), 1, 1, "invscaling 0.05 0.3 101"},
		"parts":  {reg, 4, 1, "invscaling 0.05 0.25 26"},
		"epochs": {reg, 4, 10, "invscaling 0.05 0.25 251"},
		"tol":    {with(reg, func(o *linear.Options) { o.Tol = new(1e-3) }), 4, 10, "invscaling 0.05 0.25 26"},
		"no intercept": {with(reg, func(o *linear.Options) { o.FitIntercept = new(false) }), 1, 1, "invscaling " +
			fmt.Sprint(0.5/9) + " 0.25 101"},
		"epsilon insensitive": {with(reg, func(o *linear.Options) { o.Loss = linear.EpsilonInsensitive }), 1, 1,
			"invscaling 0.8 0.5 101"},
		"hinge": {clf, 1, 1, "invscaling 0.4 0.5 101"},
		"log loss": {with(clf, func(o *linear.Options) { o.Loss = linear.LogLoss }), 1, 64, "invscaling " +
			fmt.Sprint(math.Sqrt(math.Sqrt(25600))/2.5) + " 0.5 6401"},
		"class weight": {with(clf, func(o *linear.Options) { o.ClassWeight = s.Balanced() }), 1, 1,
			"invscaling 0.30000000000000004 0.5 101"},
		"l1": {with(reg, func(o *linear.Options) { o.Penalty = linear.L1 }), 1, 1, "invscaling 0.05 0.25 0"},
		"set": {with(reg, func(o *linear.Options) { o.Eta0, o.PowerT, o.Average = 3, new(0.75), 7 }), 1, 1,
			"invscaling 3 0.75 7"},
		"constant": {with(reg, func(o *linear.Options) { o.LearningRate = linear.Constant }), 1, 1,
			"constant 0 <nil> 0"},
	} {
		o := v.o
		s.Auto(&o, v.parts, v.epochs)
		power := "<nil>"
		if o.PowerT != nil {
			power = fmt.Sprint(*o.PowerT)
		}
		if got := fmt.Sprint(o.LearningRate, " ", o.Eta0, " ", power, " ", int(o.Average)); got != v.want {
			t.Errorf("%s: got %s, want %s", name, got, v.want)
		}
	}
}

// Rows sorted by their class are learned from by steps that fall with their number; where the target only drifts,
// AdaGrad's are small.
func TestAutoDrift(t *testing.T) {
	c := lineartest.ScaledProblem(20000, 10, 2, 3, []float64{1})
	sorted := &linear.Chunk{Features: 10}
	for class := range 2 {
		for i, y := range c.Target {
			if y == float64(class) {
				sorted.X, sorted.Target = append(sorted.X, c.X[i*10:(i+1)*10]...), append(sorted.Target, y)
			}
		}
	}
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss}
	s := surveyOf(t, o.Task, false, 1, 500, sorted)
	if s.Auto(&o, 1, 1); o.LearningRate != linear.InvScaling {
		t.Errorf("sorted rows: %s", o.LearningRate)
	}
	if d := autoExcess(t, linear.Options{Task: linear.Classification, Loss: linear.LogLoss}, false, 1, 5,
		sorted); !(d < 0.05) {
		t.Errorf("sorted rows: %v above the least objective", d)
	}
	s.Drift.Share = 0.1
	o = linear.Options{Task: linear.Classification, Loss: linear.LogLoss}
	if s.Auto(&o, 1, 100); o.LearningRate != linear.AdaGrad || o.Eta0 != 0.1 {
		t.Errorf("a target that drifts: %s, eta0 %v", o.LearningRate, o.Eta0)
	}
}

// Steps follow the units of the columns: whatever these are, nothing overflows, and no model is worse than none.
func TestAutoStable(t *testing.T) {
	stamps := lineartest.ScaledProblem(4000, 5, 0, 1, []float64{1e3, 1e-3, 1})
	rare := lineartest.ScaledProblem(4000, 5, 0, 1, []float64{1})
	for i := range 4000 {
		stamps.X[i*5+4] += 1.7e9
		rare.X[i*5+1] = 0
		if i%500 == 17 {
			rare.X[i*5+1] = 1e4
		}
	}
	for name, c := range map[string]*linear.Chunk{"timestamps": stamps, "rare": rare} {
		for _, scale := range []bool{false, true} {
			for _, loss := range linear.Losses[5:] {
				s := surveyOf(t, linear.Regression, scale, 3, 500, c)
				if s.NeedsScaler() == scale {
					t.Errorf("%s: needs a scaler: %v, uneven %v", name, !scale, s.Uneven)
				}
				o := linear.Options{Task: linear.Regression, Loss: loss}
				s.Auto(&o, 4, 1)
				a := averagedFor(t, o, 5, 1)
				a.Trainer().Scaler = s.Scaler
				none, err := a.Model()
				if err != nil {
					t.Fatal(err)
				}
				if err := lineartest.PassOver(t, a, 4, 100, false, c); err != nil {
					t.Errorf("%s, %s: %v", name, loss, err)
					continue
				}
				m, err := a.Model()
				if err != nil {
					t.Fatal(err)
				}
				if got, least := objectiveOf(m, c), objectiveOf(none, c); !(got < 1.05*least) {
					t.Errorf("%s, scaled %v, %s: objective %v, without a model %v", name, scale, loss, got, least)
				}
			}
		}
	}
}

func FuzzAveragedPart(f *testing.F) {
	c := lineartest.Problem(40, 3, 3)
	o := lineartest.Declared(linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Average: 5,
		Tol: new(1e-3)}, c)
	bent := o
	bent.Average, bent.LearningRate = 0, linear.Newton
	learners := []*Averaged{averagedFor(f, o, 5, 2), averagedFor(f, bent, 5, 2), wideFuzzed(f, c)}
	for i, a := range learners {
		if i < 2 {
			a.Trainer().Progressive = NewProgressive(linear.Classification, 3)
		}
		for _, parts := range []int{1, 2} {
			p := a.Partial(0, parts)
			if err := p.PartialFit(c); err != nil {
				f.Fatal(err)
			}
			b, err := p.MarshalBinary()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(parts-1+2*i, b)
			f.Add(parts-1+2*i, b[:len(b)/2])
		}
	}
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		parts, a := 1+which&1, learners[(which>>1&3)%3]
		p := a.Partial(0, parts)
		if err := p.UnmarshalBinary(b); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("two lines: %v", err)
			}
			return
		}
		l := lineartest.Carried(t, a)
		if parts == 2 {
			if err := p.Merge(a.Partial(1, 2)); err != nil {
				t.Fatal(err)
			}
		} else if err := p.PartialFit(c); err != nil {
			return
		}
		if err := l.Advance(p); err == nil {
			if _, err := l.Model(); err != nil && !strings.Contains(err.Error(), "finite") &&
				!strings.Contains(err.Error(), "training") {
				t.Error(err)
			}
		}
	})
}

// wideFuzzed is a learner that sums up slopes, by a sample that is all of these rows.
func wideFuzzed(f *testing.F, c *linear.Chunk) *Averaged {
	o := lineartest.Declared(linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
		LearningRate: linear.AdaGrad}, c)
	a := averagedFor(f, o, 5, 2)
	sample := lineartest.SparseChunk(c)
	sample.Weights = slices.Repeat([]float64{1}, c.Len())
	if wide, err := a.Trainer().StartWide(sample, float64(c.Len()), true, []int64{13, 13, 14}); err != nil || !wide {
		f.Fatal(wide, err)
	}
	return a
}

// startedFuzzed is a learner that begins with a sample, and judges rows as if it did not.
func startedFuzzed(f *testing.F, c *linear.Chunk) *Averaged {
	a := averagedFor(f, lineartest.Declared(newtonOptions(linear.LogLoss), c), 5, 2)
	a.Trainer().Progressive = NewProgressive(linear.Classification, 3)
	sample := *c
	sample.Weights = slices.Repeat([]float64{1}, c.Len())
	if err := a.Trainer().Start(&sample, float64(c.Len()), []int64{13, 13, 14}); err != nil {
		f.Fatal(err)
	}
	return a
}

func FuzzAveragedJSON(f *testing.F) {
	for name, v := range variants() {
		a := averagedFor(f, lineartest.Declared(v.o, v.rows), 5, 2)
		if name == "tol" {
			a.Trainer().Progressive = NewProgressive(linear.Classification, 3)
		}
		if err := lineartest.PassOver(f, a, 2, 100, false, v.rows); err != nil {
			f.Fatal(err)
		}
		b, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, a := range []*Averaged{wideFuzzed(f, lineartest.Problem(40, 3, 3)),
		startedFuzzed(f, lineartest.Problem(40, 3, 3))} {
		b, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a Averaged
		if json.Unmarshal(b, &a) == nil {
			lineartest.Carried(t, &a)
		}
	})
}

// A million rows of 20 columns, one epoch in eight parts: how far above the least objective it ends.
func BenchmarkAuto(b *testing.B) {
	for _, strength := range []float64{1, 3, 6} {
		c := lineartest.ScaledProblem(1_000_000, 20, 2, strength, []float64{0.5, 1, 2, 1})
		for _, alpha := range []float64{1e-4, 1e-6} {
			b.Run(fmt.Sprintf("strength=%v/alpha=%v", strength, alpha), func(b *testing.B) {
				for b.Loop() {
					b.ReportMetric(autoExcess(b, linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: &alpha},
						true, 8, 1, c), "excess")
				}
			})
		}
	}
}

// A chunk's own cost: 20 columns.
func BenchmarkChunkSize(b *testing.B) {
	for _, loss := range []linear.Loss{linear.Hinge, linear.LogLoss, linear.SquaredError} {
		for _, judged := range []bool{false, true} {
			for _, rows := range []int{100, 1000, 100000} {
				c := lineartest.ScaledProblem(rows, 20, 2, 3, []float64{1})
				o := lineartest.Declared(linear.Options{Task: linear.Classification, Loss: loss,
					LearningRate: linear.InvScaling}, c)
				s := newSGDFor(b, o, 20)
				if judged {
					s.Progressive = NewProgressive(linear.Classification, 2)
				}
				b.Run(fmt.Sprintf("%s/judged=%v/%d", loss, judged, rows), func(b *testing.B) {
					b.SetBytes(int64(len(c.X)) * 8)
					n := 0
					for b.Loop() {
						if err := s.PartialFit(c); err != nil {
							b.Fatal(err)
						}
						n += rows
					}
					b.ReportMetric(float64(n)/1e6/b.Elapsed().Seconds(), "Mrows/s")
				})
			}
		}
	}
}

// Epochs that have not helped are counted whichever part the others are added to.
func TestAveragedStops(t *testing.T) {
	c := lineartest.Problem(300, 2, 8)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Tol: new(1e3), NIterNoChange: 3}
	for _, first := range []int{0, 1} {
		a, epochs := averagedFor(t, lineartest.Declared(o, c), 5, 20), 0
		for ; !a.Done(); epochs++ {
			var parts []linear.Partial
			for i := range 2 {
				p := a.Partial(i, 2)
				if err := p.PartialFit(c.Slice(i*150, (i+1)*150)); err != nil {
					t.Fatal(err)
				}
				parts = append(parts, p)
			}
			if err := parts[first].Merge(parts[1-first]); err != nil {
				t.Fatal(err)
			}
			if err := a.Advance(parts[first]); err != nil {
				t.Fatal(err)
			}
		}
		if epochs != 4 { // the first helps, as there was nothing before it
			t.Errorf("added to part %d: it stops after %d epochs, want 4", first, epochs)
		}
	}
}
