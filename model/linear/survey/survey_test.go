package survey

import (
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
	"beamlearn/model/linear"
	"beamlearn/model/linear/sgd"
)

// A survey in parts has the moments of the rows as they are and as its scaler makes them; a weight counts as so many
// rows.
func TestSurvey(t *testing.T) {
	base := lineartest.Problem(300, 0, 51)
	for i := range base.X {
		base.X[i] = base.X[i]*float64(i%5+1) + 7
	}
	weighted := *base
	repeated := &linear.Chunk{Features: 5}
	for i := range 300 {
		weighted.Weights = append(weighted.Weights, float64(i%3))
		for range i % 3 {
			repeated.X = append(repeated.X, base.X[i*5:i*5+5]...)
			repeated.Target = append(repeated.Target, base.Target[i])
		}
	}
	for name, c := range map[string]*linear.Chunk{"dense": base, "sparse": lineartest.SparseChunk(base),
		"weighted": &weighted, "narrow": lineartest.Narrow(base)} {
		for _, scale := range []bool{false, true} {
			s := surveyFor(t, linear.Regression, scale, 7, 13, c)
			all := c
			if name == "weighted" {
				all = repeated
			}
			n := float64(all.Len())
			var scaler *linear.StandardScaler
			if scale {
				scaler = linear.NewStandardScaler(5)
				scaler.WithMean = c.Sparse == nil
				if err := scaler.PartialFit(all, nil); err != nil {
					t.Fatal(err)
				}
				got := slices.Concat(s.Scaler.Mean, s.Scaler.Var, s.Scaler.Scale, s.Scaler.Count)
				if d := lineartest.Distance(t, "scaler", got,
					slices.Concat(scaler.Mean, scaler.Var, scaler.Scale, scaler.Count)); d > 1e-12 ||
					s.Scaler.WithMean != scaler.WithMean {
					t.Errorf("%s: the scaler is off by %g", name, d)
				}
			}
			norm := func(scaler *linear.StandardScaler) (squares, fourths float64) {
				rows := linear.NewRows(all, scaler, nil)
				for i := range all.Len() {
					x := rows.At(i).Val
					squares += kernel.Dot(x, x) / n
					fourths += kernel.Dot(x, x) * kernel.Dot(x, x) / n
				}
				return squares, fourths
			}
			raw, fourths := norm(nil)
			want := []float64{raw, 0, fourths / raw}
			got := []float64{s.SquareNorm, s.ScaledSquareNorm, s.SquareRadius}
			if scale {
				want[1], _ = norm(scaler)
				want[2] = got[2]
				if got[2] < want[1]+1 || got[2] > want[1]+3 { // of gaussian columns, and some with many zeros
					t.Errorf("%s: square radius %v of norm %v", name, got[2], want[1])
				}
			}
			var mean, variance float64
			for _, y := range all.Target {
				mean += y / n
			}
			for _, y := range all.Target {
				variance += (y - mean) * (y - mean) / n
			}
			low, high := slices.Min(all.Target), slices.Max(all.Target)
			want = append(want, n, mean, variance, low, high)
			if d := lineartest.Distance(t, name, append(got, s.Weight, s.Mean, s.Var, s.Min, s.Max), want); d > 1e-12 {
				t.Errorf("%s, scaled %v: off by %g: got %v, want %v", name, scale, d, s, want)
			}
			if s.Rows != 300 || !s.Done() {
				t.Errorf("%s: %d rows, done %v", name, s.Rows, s.Done())
			}
		}
	}
}

// Labels that all are numbers are numbers, however they are written, where none says more than the number does; others
// are texts. Both survive the wire.
func TestSurveyClasses(t *testing.T) {
	for _, v := range []struct {
		labels string
		want   linear.Classes
		rows   []int64
	}{
		{"1.0 0.0 1.0", linear.Classes{Numbers: []float64{0, 1}}, []int64{1, 2}},
		{"10 9 -2 10", linear.Classes{Numbers: []float64{-2, 9, 10}}, []int64{1, 1, 2}},
		{"9007199254740992 1 1", linear.Classes{Numbers: []float64{1, 1 << 53}}, []int64{2, 1}},
		{"1 0 1.0 0 +1 1e0 -0 -0.0", linear.Classes{Numbers: []float64{0, 1}}, []int64{4, 4}},
		{"1 0 1.0 01 0 +1 1e0 -0", linear.Classes{Texts: []string{"+1", "-0", "0", "01", "1", "1.0", "1e0"}},
			[]int64{1, 1, 2, 1, 1, 1, 1}},
		{"10 9 -2.0 10.00", linear.Classes{Numbers: []float64{-2, 9, 10}}, []int64{1, 1, 2}},
		{"007 8 8", linear.Classes{Texts: []string{"007", "8"}}, []int64{1, 2}},
		{"1234567890123456789 1234567890123456790 7",
			linear.Classes{Texts: []string{"1234567890123456789", "1234567890123456790", "7"}}, []int64{1, 1, 1}},
		{"1 01 b 1", linear.Classes{Texts: []string{"01", "1", "b"}}, []int64{1, 2, 1}},
		{"nan b inf", linear.Classes{Texts: []string{"b", "inf", "nan"}}, []int64{1, 1, 1}},
		{"1 0x1p4", linear.Classes{Texts: []string{"0x1p4", "1"}}, []int64{1, 1}},
		{"a b c d e f g h i j k l m a k l", linear.Classes{Texts: strings.Fields("a b c d e f g h i j k l m")},
			[]int64{2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 1}},
	} {
		labels := strings.Fields(v.labels)
		c := &linear.Chunk{Features: 1, X: make([]float64, len(labels)), Labels: labels}
		for _, parts := range []int{1, 2} {
			for _, size := range []int{1, 3, 100} {
				s := surveyFor(t, linear.Classification, false, parts, size, c)
				if fmt.Sprint(s.Classes, s.ClassRows) != fmt.Sprint(v.want, v.rows) {
					t.Errorf("%s: got %v %v, want %v %v", v.labels, s.Classes, s.ClassRows, v.want, v.rows)
				}
				trainer := surveySGD(t, linear.Options{Task: linear.Classification, Classes: s.Classes}, 1)
				lineartest.PartialFit(t, trainer, c)
				if !slices.Equal(lineartest.ModelOf(t, trainer).Training.ClassRows, v.rows) {
					t.Errorf("%s: learned as %v", v.labels, lineartest.ModelOf(t, trainer).Training.ClassRows)
				}
			}
		}
	}
	numbers := &linear.Chunk{Features: 1, X: make([]float64, 4), Target: []float64{3, 0, math.Copysign(0, -1), 3},
		Weights: []float64{1, 2, 3, 4}}
	s := surveyFor(t, linear.Classification, false, 1, 2, numbers)
	if !slices.Equal(s.Classes.Numbers, []float64{0, 3}) || !slices.Equal(s.ClassRows, []int64{2, 2}) ||
		!slices.Equal(s.ClassWeight, []float64{5, 5}) {
		t.Errorf("numbers: %+v", s)
	}
	if w := s.Balanced(); w.Of["0"] != 1 || w.Of["3"] != 1 || len(w.Of) != 2 {
		t.Errorf("balanced: %v", w)
	}
}

// What cannot be learned from is a fault in one line.
// Rows that a model goes on with may be all of one class, or of one target; their state says so.
func TestSurveyMore(t *testing.T) {
	t.Parallel()
	for _, c := range []linear.Chunk{{X: []float64{1, 2}, Target: []float64{2, 2}},
		{X: []float64{1}, Labels: []string{"a"}}} {
		task := linear.Regression
		if c.Labels != nil {
			task = linear.Classification
		}
		c.Features = 1
		s, err := NewSurvey(task, 1, false)
		if err != nil {
			t.Fatal(err)
		}
		s.More()
		b, err := s.MarshalJSON()
		read := &Survey{}
		if err = errors.Join(err, read.UnmarshalJSON(b)); err != nil {
			t.Fatal(err)
		}
		p := read.Partial(0, 1)
		if err := errors.Join(p.PartialFit(&c), read.Advance(p)); err != nil {
			t.Errorf("%s: %v", task, err)
		}
		if _, err := read.MarshalJSON(); err != nil {
			t.Errorf("%s: %v", task, err)
		}
	}
}

func TestSurveyFaults(t *testing.T) {
	nan := math.NaN()
	x := []float64{1, 2, 3}
	for _, v := range []struct {
		task linear.Task
		c    linear.Chunk
		want string
	}{
		{linear.Regression, linear.Chunk{X: x, Target: []float64{2, 2, 2}},
			"f: found 2 in every row of a weight above 0, expected a target of at least two values"},
		{linear.Regression, linear.Chunk{X: x, Target: []float64{2, 3, 2}, Weights: []float64{1, 0, 1}},
			"f: found 2 in every row of a weight above 0, expected a target of at least two values"},
		{linear.Regression, linear.Chunk{X: x, Target: []float64{2, nan, 2}},
			"f: row 101: found NaN, expected a finite target"},
		{linear.Regression, linear.Chunk{X: x, Target: x, Weights: []float64{0, 0, 0}},
			"f: found none, expected rows of a weight above 0"},
		{linear.Regression, linear.Chunk{X: x, Target: x, Weights: []float64{0, -1, 0}},
			"f: row 101: found -1, expected a weight from 0 on"},
		{linear.Regression, linear.Chunk{X: []float64{1e200, 1, 1}, Target: x},
			"f: found a mean ‖x‖² of +Inf, a target of variance 0.6666666666666666, expected values whose squares are within " +
				"float64"},
		{linear.Regression, linear.Chunk{X: []float64{}, Target: []float64{}}, "found none, expected rows to learn from"},
		{linear.Classification, linear.Chunk{X: x, Target: []float64{2, 2, 2}},
			`f: found "2" in every row, expected rows of at least two classes`},
		{linear.Classification, linear.Chunk{X: x, Labels: []string{"1", "1", "1"}},
			`f: found "1" in every row, expected rows of at least two classes`},
		{linear.Classification, linear.Chunk{X: x, Labels: []string{"a", "a", "a"}},
			`f: found "a" in every row, expected rows of at least two classes`},
		{linear.Classification, linear.Chunk{X: x, Labels: []string{"a", "", "b"}},
			"f: row 101: found nothing, expected a class label"},
		{linear.Classification, linear.Chunk{X: x, Labels: []string{"1", "0", "NaN"}},
			`f: row 102: found "NaN", expected a class label, a number as all others`},
		{linear.Classification, linear.Chunk{X: x, Labels: []string{"1", "0", "True"}},
			`f: row 102: found "True", expected one way to write each truth value: other rows have "1"`},
		{linear.Classification, linear.Chunk{X: x, Labels: []string{"false", "True", "False"}},
			`f: row 102: found "False", expected one way to write each truth value: other rows have "false"`},
		{linear.Classification, linear.Chunk{X: x, Target: []float64{0, nan, 1}},
			"f: row 101: found NaN, expected a class label"},
	} {
		v.c.Features, v.c.File = 1, "f"
		v.c.Numbers = []int64{100, 101, 102}[:len(v.c.X)]
		if len(v.c.X) == 0 {
			v.c.File = ""
			v.want = ": " + v.want
		}
		s, err := NewSurvey(v.task, 1, false)
		if err != nil {
			t.Fatal(err)
		}
		p := s.Partial(0, 1)
		before, _ := p.MarshalBinary()
		if err = p.PartialFit(&v.c); err == nil {
			err = s.Advance(lineartest.Sent(t, s, p, 0, 1))
		} else if _, isRow := fault.IsRow(err); isRow {
			if after, _ := p.MarshalBinary(); string(after) != string(before) {
				t.Errorf("%v: the sums have changed", err)
			}
		}
		if err == nil || err.Error() != v.want {
			t.Errorf("got %v, want %s", err, v.want)
		}
		if s.Done() {
			t.Errorf("%s: done", v.want)
		}
	}
	many := &linear.Chunk{Features: 1, File: "f"}
	for i := range maxLabels + 1 {
		many.X = append(many.X, 0)
		many.Labels = append(many.Labels, fmt.Sprint("id", i))
	}
	s, _ := NewSurvey(linear.Classification, 1, false)
	if err := s.Partial(0, 1).PartialFit(many); err == nil || !strings.Contains(err.Error(), "at most 10000 classes") {
		t.Errorf("ids: %v", err)
	}
	mixed := s.Partial(0, 1)
	for _, c := range []*linear.Chunk{{Features: 1, X: x, Target: x},
		{Features: 1, X: x, Labels: []string{"1", "b", "3"}, File: "g"}} {
		if err := mixed.PartialFit(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Advance(mixed); err == nil ||
		err.Error() != `g: row 1: found "b", expected a class label that is a number, as in the files that store numbers` {
		t.Errorf("mixed: %v", err)
	}
	other, _ := NewSurvey(linear.Regression, 2, false)
	if err := s.Advance(other.Partial(0, 1)); err == nil {
		t.Error("the sum of another")
	}
	if err := mixed.Merge(other.Partial(0, 1)); err == nil {
		t.Error("a part of another")
	}
	if _, err := NewSurvey("clustering", 2, false); err == nil {
		t.Error("no such task")
	}
	if _, err := NewSurvey(linear.Regression, 0, false); err == nil {
		t.Error("no features")
	}
}

// Sorted rows drift, shuffled ones do not, whatever the order of the chunks and the share of the classes.
func TestDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	rare := lineartest.Problem(6000, 2, 1)
	for i := range rare.Target {
		rare.Target[i] = float64((i % 100) / 99)
	}
	r.Shuffle(6000, func(i, j int) { rare.Target[i], rare.Target[j] = rare.Target[j], rare.Target[i] })
	for name, c := range map[string]*linear.Chunk{"two": lineartest.Problem(6000, 2, 1),
		"five": lineartest.Problem(6000, 5, 2), "number": lineartest.Problem(6000, 0, 3), "rare": rare} {
		task := linear.Classification
		if name == "number" {
			task = linear.Regression
		}
		for _, size := range []int{2, 50, 300} {
			for _, parts := range []int{1, 8} {
				if d := surveyFor(t, task, false, parts, size, c).Drift; d.Drifts() || !(math.Abs(d.Deviations) <= 5) ||
					!(d.Share < 0.02) {
					t.Errorf("%s, shuffled, chunks of %d: %+v", name, size, d)
				}
			}
		}
		sorted := *c
		sorted.Target = slices.Sorted(slices.Values(c.Target))
		d := surveyFor(t, task, false, 4, 50, &sorted).Drift
		if !d.Drifts() || d.Share < 0.6 || d.Chunks != 120 {
			t.Errorf("%s, sorted: %+v", name, d)
		}
		if s := d.String(); !strings.HasSuffix(s, " % of the target's variance is between 120 chunks of rows") {
			t.Errorf("%s", s)
		}
		// Chunks in another order are the same chunks.
		s, _ := NewSurvey(task, 5, false)
		p := s.Partial(0, 1)
		for _, i := range r.Perm(120) {
			if err := p.PartialFit((&sorted).Slice(i*50, i*50+50)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Advance(p); err != nil {
			t.Fatal(err)
		}
		if got := s.Drift; !(math.Abs(got.Share-d.Share) <= 1e-9) || !got.Drifts() {
			t.Errorf("%s: %+v in another order, %+v", name, got, d)
		}
	}
	apart := &linear.Chunk{Features: 1, X: make([]float64, 40), Target: make([]float64, 40)}
	for i := 20; i < 40; i++ {
		apart.Target[i] = 1
	}
	if d := surveyFor(t, linear.Classification, false, 1, 20, apart).Drift; !d.Drifts() || !math.IsInf(d.F, 1) ||
		!(math.Abs(d.Share-1) <= 1e-12) {
		t.Errorf("one class a chunk: %+v", d)
	}
	if d := surveyFor(t, linear.Classification, false, 1, 40, apart).Drift; d.Drifts() ||
		d.String() != "too few chunks of rows to see whether the target drifts" {
		t.Errorf("one chunk: %+v", d)
	}
}

// A scaler without WithMean makes of sparse rows what it makes of the same rows, dense; and so do trainer and model.
func TestSparseScaler(t *testing.T) {
	c := lineartest.Problem(120, 2, 61)
	for i := range c.X {
		c.X[i] *= float64(i%5 + 1)
		if math.Abs(c.X[i]) < 0.5 {
			c.X[i] = 0
		}
	}
	sparse := lineartest.SparseChunk(c)
	a, b := linear.NewStandardScaler(5), linear.NewStandardScaler(5)
	a.WithMean, b.WithMean = false, false
	weights := make([]float64, 120)
	for i := range weights {
		weights[i] = float64(i % 4)
	}
	for _, i := range []int{0, 50, 51, 51} {
		for _, e := range []struct {
			s *linear.StandardScaler
			c *linear.Chunk
		}{{a, c}, {b, sparse}} {
			if err := e.s.PartialFit(e.c.Slice(i, i+50), weights[i:i+50]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d := lineartest.Distance(t, "scaler", slices.Concat(b.Mean, b.Var, b.Scale, b.Count),
		slices.Concat(a.Mean, a.Var, a.Scale, a.Count)); d > 1e-13 {
		t.Errorf("off by %g: %+v, dense %+v", d, b, a)
	}
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, FitIntercept: new(false),
		Classes: lineartest.Numbered(2)}
	s, dense := surveySGD(t, o, 5), surveySGD(t, o, 5)
	s.Scaler, dense.Scaler = a, a
	lineartest.PartialFit(t, s, sparse)
	lineartest.PartialFit(t, dense, c)
	m, n := lineartest.ModelOf(t, s), lineartest.ModelOf(t, dense)
	if d := lineartest.Distance(t, "coef", m.Coef[0], n.Coef[0]); d > 1e-11 {
		t.Errorf("the trainer differs by %g", d)
	}
	m, err := linear.Load("m", strings.NewReader(lineartest.Saved(t, m)))
	if err != nil || m.Scaler.WithMean {
		t.Fatalf("%v: %+v", err, m)
	}
	p, err := m.DecisionFunction(sparse, nil)
	if err != nil {
		t.Fatal(err)
	}
	q, err := n.DecisionFunction(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := lineartest.Distance(t, "decisions", p, q); d > 1e-10 {
		t.Errorf("the model differs by %g", d)
	}
}

func FuzzSurveyPart(f *testing.F) {
	text := &linear.Chunk{Features: 5, X: make([]float64, 15), Labels: []string{"1", "b", "1"}, File: "f"}
	for i, c := range []*linear.Chunk{lineartest.Problem(20, 3, 1), text,
		lineartest.SparseChunk(lineartest.Problem(20, 3, 1))} {
		s, _ := NewSurvey(linear.Classification, 5, i == 0)
		p := s.Partial(0, 1)
		if err := p.PartialFit(c); err != nil {
			f.Fatal(err)
		}
		b, err := p.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i == 0, b)
		f.Add(i == 0, b[:len(b)-3])
	}
	f.Fuzz(func(t *testing.T, scale bool, b []byte) {
		s, _ := NewSurvey(linear.Classification, 5, scale)
		p := s.Partial(0, 1)
		if p.UnmarshalBinary(b) != nil {
			return
		}
		if err := p.Merge(lineartest.Sent(t, s, p, 0, 1)); err != nil && !strings.Contains(err.Error(), "classes") {
			t.Fatal(err)
		}
		if s.Advance(p) == nil {
			if _, err := json.Marshal(s); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkSurvey(b *testing.B) {
	c := lineartest.BenchChunk(2)
	for _, scale := range []bool{false, true} {
		b.Run(fmt.Sprintf("scale=%v", scale), func(b *testing.B) {
			s, _ := NewSurvey(linear.Classification, c.Features, scale)
			p := s.Partial(0, 1)
			b.SetBytes(int64(len(c.X)) * 8)
			for b.Loop() {
				if err := p.PartialFit(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func surveySGD(t testing.TB, o linear.Options, features int) *sgd.SGD {
	t.Helper()
	s, err := sgd.NewSGD(o, features)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func surveyFor(t testing.TB, task linear.Task, scale bool, parts, size int, c *linear.Chunk) *Survey {
	t.Helper()
	s, err := NewSurvey(task, c.Features, scale)
	if err != nil {
		t.Fatal(err)
	}
	if err := lineartest.PassOver(t, s, parts, size, true, c); err != nil {
		t.Fatal(err)
	}
	return lineartest.Carried(t, s)
}
