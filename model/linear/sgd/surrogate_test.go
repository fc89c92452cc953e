package sgd

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/survey"
)

// wideProblem is rows of some ones in many columns, the first of them common, sorted by class where two are asked for.
func wideProblem(n, d, classes int) *linear.Chunk {
	r := rand.New(rand.NewPCG(3, 8))
	w := make([]float64, d)
	for j := range w {
		w[j] = r.NormFloat64()
	}
	c := &linear.Chunk{Features: d, X: make([]float64, n*d)}
	for i := range n {
		p := 3 * r.NormFloat64()
		for range 8 {
			u := r.Float64()
			j := int(u * u * u * float64(d))
			c.X[i*d+j] = 1
			p += w[j]
		}
		if classes > 0 {
			p = math.Floor(min(max(p/3+float64(classes)/2, 0), float64(classes)-0.5))
		}
		c.Target = append(c.Target, p)
	}
	if classes == 2 {
		slices.Sort(c.Target)
	}
	return c
}

// wideFor is a learner that begins with a sample of so many rows, and reports whether it sums up slopes.
func wideFor(t *testing.T, o linear.Options, epochs, keep int, judges bool, c *linear.Chunk) (*Averaged, bool) {
	t.Helper()
	s, err := survey.NewSurvey(o.Task, c.Features, false)
	if err != nil {
		t.Fatal(err)
	}
	s.Keep(keep, SurrogateEntries)
	if err := lineartest.PassOver(t, s, 2, 100, true, c); err != nil {
		t.Fatal(err)
	}
	o.Classes = s.Classes
	o.LearningRate = linear.AdaGrad
	s.Auto(&o, 1, epochs)
	a := averagedFor(t, o, c.Features, epochs)
	if judges {
		a.Trainer().Progressive = NewProgressive(o.Task, o.Classes.Len())
	}
	sample, rows, all := s.Sample()
	wide, err := a.Trainer().StartWide(sample, rows, all, s.ClassRows)
	if err != nil {
		t.Fatal(err)
	}
	return a, wide
}

// One epoch of many columns is within 2 % of the optimum, and five within 0.2 %, of a sample of half of the rows;
// AdaGrad alone is not.
func TestWide(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this makes many epochs of many columns")
	}
	c := wideProblem(6000, 210, 0)
	for i, y := range c.Target {
		c.Target[i] = 0
		if y > 1 {
			c.Target[i] = 1
		}
	}
	c = lineartest.SparseChunk(c)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss}
	s := surveyOf(t, o.Task, false, 1, 1000, c)
	declared := o
	declared.Classes = s.Classes
	best := optimumOf(t, declared, s, c)
	for epochs, most := range map[int]float64{1: 0.02, 5: 0.002} {
		a, wide := wideFor(t, o, epochs, 4000, false, c)
		if !wide {
			t.Fatal("the sample is said to tell too little")
		}
		for !a.Done() {
			if err := lineartest.PassOver(t, a, 3, 100, false, c); err != nil {
				t.Fatal(err)
			}
		}
		excess := objectiveOf(lineartest.ModelOf(t, a), c)/best - 1
		o.LearningRate = linear.AdaGrad
		adagrad := autoExcess(t, o, false, 3, epochs, c) / best
		if o.LearningRate = ""; !(excess <= most) || !(excess < adagrad/4) {
			t.Errorf("%d epochs: %.5f above the optimum, want %v; by adagrad %.5f", epochs, excess, most, adagrad)
		}
	}
	if _, wide := wideFor(t, o, 1, 100, false, c); wide {
		t.Error("100 rows of 210 columns are said to tell of all")
	}
}

// Whether a sample tells enough is known within the first of Newton's steps, or at the first at which it does not, as
// at the optimum of its half.
func TestTells(t *testing.T) {
	c := wideProblem(6000, 210, 2)
	said := map[bool]int{}
	for _, rows := range []int{100, 300, 1000, 2000, 4000} {
		s, err := survey.NewSurvey(linear.Classification, c.Features, false)
		if err != nil {
			t.Fatal(err)
		}
		s.Keep(rows, SurrogateEntries)
		if err := lineartest.PassOver(t, s, 2, 100, true, lineartest.SparseChunk(c)); err != nil {
			t.Fatal(err)
		}
		o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: s.Classes,
			LearningRate: linear.AdaGrad}
		trainer := averagedFor(t, o, c.Features, 1).Trainer()
		sample, all, _ := s.Sample()
		st, err := trainer.newStart(sample, all, s.ClassRows)
		if err != nil {
			t.Fatal(err)
		}
		v := trainer.vectors[0]
		half, other := st.whole(0), st.whole(0)
		half.step, other.first, other.step = 2, 1, 2
		x := half.minimise(v.all(), nil, nil)
		a, weights := half.loss(x)
		b, others := other.loss(x)
		want := b/others <= (1+mostApart)*(a/weights)
		if got := st.tells(v, 0); got != want {
			t.Errorf("%d rows: tells %v, at the optimum %v", rows, got, want)
		}
		said[want]++
	}
	if said[true] == 0 || said[false] == 0 {
		t.Errorf("%v: of some samples enough must be known, and of others not", said)
	}
}

// The model has the same bits in chunks of any size, where parts cross the wire, where the learner is written and
// read after each pass, and where rows are judged, which is as it would be without a sample; and a warm start goes on
// with it.
func TestWideState(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		if testing.Short() && classes != 2 {
			continue
		}
		dense := wideProblem(600, 210, classes)
		o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss}
		if classes == 0 {
			o = linear.Options{Task: linear.Regression, Loss: linear.Huber}
		}
		for _, parts := range []int{1, 3} {
			c := dense
			if parts == 3 {
				c = lineartest.SparseChunk(dense)
			}
			var want, score string
			var model *linear.Model
			for i, v := range []struct {
				size            int
				through, judges bool
			}{{100, false, false}, {7, true, false}, {50, true, true}, {50, false, true}} {
				a, wide := wideFor(t, o, 2, 1800, v.judges, c)
				if !wide {
					t.Fatal("a sample of all rows is refused")
				}
				for !a.Done() {
					if v.through {
						a = lineartest.Carried(t, a)
					}
					if err := lineartest.PassOver(t, a, parts, v.size, v.through, c); err != nil {
						t.Fatal(err)
					}
				}
				m := lineartest.ModelOf(t, a)
				text := lineartest.Saved(t, m)
				if i == 0 {
					want, model = text, m
				}
				if text != want {
					t.Errorf("%d classes, %d parts, %+v: got\n%.2000s\nwant\n%.2000s", classes, parts, v, text, want)
				}
				if p := a.Trainer().Progressive; v.judges {
					now := jsonOf(t, p.MeanLoss())
					if score == "" {
						score = now
					}
					if now != score || p.Rows != 600 {
						t.Errorf("%d classes, %d parts: %d rows are judged at %s, want %s", classes, parts, p.Rows, now, score)
					}
				}
			}
			plain := averagedFor(t, lineartest.Declared(model.Options, dense), 210, 2)
			for !plain.Done() {
				if err := lineartest.PassOver(t, plain, parts, 50, false, c); err != nil {
					t.Fatal(err)
				}
			}
			var ends []float64
			for _, m := range []*linear.Model{model, lineartest.ModelOf(t, plain)} {
				b, err := ResumeAveraged(m, 1)
				if err != nil {
					t.Fatal(err)
				}
				if err := lineartest.PassOver(t, b, parts, 50, true, c); err != nil {
					t.Fatal(err)
				}
				if classes < 3 {
					ends = append(ends, objectiveOf(lineartest.ModelOf(t, b), dense))
				}
			}
			if classes < 3 && !(ends[0] < 1.1*ends[1]) {
				t.Errorf("%d classes, %d parts: a warm start ends at %v, that of adagrad's model at %v", classes, parts,
					ends[0], ends[1])
			}
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A learner whose sample does not fit is not read.
func TestWideLies(t *testing.T) {
	a, _ := wideFor(t, linear.Options{Task: linear.Classification, Loss: linear.LogLoss}, 2, 600, false,
		wideProblem(200, 210, 2))
	text := jsonOf(t, a)
	var b Averaged
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	for old, lie := range map[string]string{`"offsets":[0,`: `"offsets":[1,`, `"places":[0`: `"places":[2`,
		`"rows":200,"offsets"`: `"rows":-1,"offsets"`,
		`"vectors":[{}]}`:      `"vectors":[]}`} {
		changed := strings.Replace(text, old, lie, 1)
		if changed == text {
			t.Fatalf("%s is not in %.3000s", old, text)
		}
		if err := json.Unmarshal([]byte(changed), &b); err == nil {
			t.Errorf("%s is read", lie)
		}
	}
}
