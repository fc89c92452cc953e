package targets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/vectors"
)

var names = []string{"a", "b", "c", "d", "e"}

// rows are chunks of rows with three targets: numbers, or classes, of which the third has three, the second texts.
func rows(seed uint64, task linear.Task) []*linear.Chunk {
	rng := rand.New(rand.NewPCG(seed, 3))
	var all []*linear.Chunk
	for part := range 6 {
		c := &linear.Chunk{Features: len(names), Targets: make([]vectors.Target, 3)}
		for i := range 100 {
			c.Numbers = append(c.Numbers, int64(100*part+i))
			sum := 0.0
			for range names {
				v := rng.NormFloat64()
				sum += v
				c.X = append(c.X, v)
			}
			noise := func() float64 { return sum + 2*rng.NormFloat64() }
			if task == linear.Regression {
				for k := range c.Targets {
					c.Targets[k].Numbers = append(c.Targets[k].Numbers, noise()*float64(k+1)+float64(10*k))
				}
				continue
			}
			c.Targets[0].Numbers = append(c.Targets[0].Numbers, float64(b2i(noise() > 0)))
			c.Targets[1].Labels = append(c.Targets[1].Labels, []string{"no", "yes"}[b2i(noise() > 1)])
			v := noise()
			c.Targets[2].Numbers = append(c.Targets[2].Numbers, float64(b2i(v > -2)+b2i(v > 2)))
		}
		all = append(all, c)
	}
	return all
}

func b2i(is bool) int {
	if is {
		return 1
	}
	return 0
}

// cases are options of all kinds of stages.
func cases() map[string]fitting.FitOptions {
	of := func(task linear.Task, loss linear.Loss) fitting.FitOptions {
		return fitting.FitOptions{Options: linear.Options{Task: task, Loss: loss}, Parts: 2, Seed: 5}
	}
	all := map[string]fitting.FitOptions{}
	add := func(name string, o fitting.FitOptions, change func(o *fitting.FitOptions)) {
		change(&o)
		all[name] = o
	}
	squares, logs := of(linear.Regression, linear.SquaredError), of(linear.Classification, linear.LogLoss)
	add("ridge", squares, func(o *fitting.FitOptions) {})
	add("standardized", squares, func(o *fitting.FitOptions) { o.Standardize = true })
	add("lasso path", squares, func(o *fitting.FitOptions) {
		o.Options.Penalty, o.Folds, o.AutoAlphas = linear.L1, 3, true
	})
	add("ridge folds", squares, func(o *fitting.FitOptions) { o.Folds, o.Alphas = 4, []float64{1e-3, 1, 10} })
	add("inference", squares, func(o *fitting.FitOptions) { o.Options.Penalty, o.Inference = linear.None, linear.Wald })
	add("huber", of(linear.Regression, linear.Huber), func(o *fitting.FitOptions) {})
	add("sgd", squares, func(o *fitting.FitOptions) { o.Solver, o.Epochs, o.Progressive = fitting.SolverSGD, 3, true })
	add("sgd grid", squares, func(o *fitting.FitOptions) {
		o.Solver, o.Epochs, o.Folds, o.Alphas = fitting.SolverSGD, 2, 3, []float64{1e-4, 1}
	})
	add("log loss", logs, func(o *fitting.FitOptions) {})
	add("log loss folds", logs, func(o *fitting.FitOptions) { o.Folds, o.Alphas = 3, []float64{1e-3, 1e-1} })
	add("hinge", of(linear.Classification, linear.Hinge), func(o *fitting.FitOptions) {})
	add("classes by sgd", logs, func(o *fitting.FitOptions) { o.Solver, o.Epochs = fitting.SolverSGD, 3 })
	return all
}

// ofTarget is chunks with target k as their only one.
func ofTarget(chunks []*linear.Chunk, k int) (own []*linear.Chunk) {
	for _, c := range chunks {
		own = append(own, c.OfTarget(k))
	}
	return own
}

func learn(t *testing.T, f interface {
	linear.Learner
	Passes() int
}, chunks []*linear.Chunk) {
	t.Helper()
	for !f.Done() {
		if f.Passes() > 200 {
			t.Fatal("no end")
		}
		lineartest.Pass(t, f, 3, chunks...)
	}
}

// Learned side by side, each target has the model, the scores and the warnings that it has alone, to the last bit; also
// where the state goes over the wire after each pass.
func TestEqualAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies options and targets")
	}
	for name, o := range cases() {
		t.Run(name, func(t *testing.T) {
			chunks, targets := rows(1, o.Options.Task), []string{"x", "y", "z"}
			all, err := NewFit(o, nil, len(names), names, targets)
			if err != nil {
				t.Fatal(err)
			}
			for !all.Done() {
				lineartest.Pass(t, all, 3, chunks...)
				b, err := all.MarshalBinary()
				if err == nil {
					all, err = Decode(b)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			passes := 0
			for k := range targets {
				one, err := fitting.NewFit(o, len(names), names)
				if err != nil {
					t.Fatal(err)
				}
				learn(t, one, ofTarget(chunks, k))
				passes = max(passes, one.Passes())
				for what, pair := range map[string][2]func() ([]byte, error){
					"model": {saved(all.Of(k).Model()), saved(one.Model())},
					"cross-validation": {
						func() ([]byte, error) { return json.Marshal(all.Of(k).CV()) },
						func() ([]byte, error) { return json.Marshal(one.CV()) }},
					"warnings": {
						func() ([]byte, error) { return json.Marshal(all.Of(k).Warnings()) },
						func() ([]byte, error) { return json.Marshal(one.Warnings()) }},
				} {
					got, err := pair[0]()
					if err != nil {
						t.Fatal(err)
					}
					want, err := pair[1]()
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got, want) {
						t.Errorf("target %d: %s is\n%.300s\nand alone\n%.300s", k, what, got, want)
					}
				}
			}
			if all.Passes() != passes {
				t.Errorf("%d passes, of the target with most %d", all.Passes(), passes)
			}
		})
	}
}

func saved(m *linear.Model) func() ([]byte, error) {
	return func() ([]byte, error) {
		var b bytes.Buffer
		err := m.Save(&b)
		return b.Bytes(), err
	}
}

// A fit goes on from a model of the same targets, as each target would alone, and from no other.
func TestWarmStart(t *testing.T) {
	o := cases()["sgd"]
	chunks, targets := rows(1, linear.Regression), []string{"x", "y", "z"}
	first, err := NewFit(o, nil, len(names), names, targets)
	if err != nil {
		t.Fatal(err)
	}
	learn(t, first, chunks)
	var file bytes.Buffer
	if err := first.Model().Save(&file); err != nil {
		t.Fatal(err)
	}
	warm, err := Load("model", &file)
	if err != nil {
		t.Fatal(err)
	}
	next, err := NewFit(o, warm, len(names), names, targets)
	if err != nil {
		t.Fatal(err)
	}
	learn(t, next, chunks)
	for k := range targets {
		alone := o
		alone.WarmStart = warm.Models[k]
		one, err := fitting.NewFit(alone, len(names), names)
		if err != nil {
			t.Fatal(err)
		}
		learn(t, one, ofTarget(chunks, k))
		got, _ := saved(next.Of(k).Model())()
		if want, _ := saved(one.Model())(); !bytes.Equal(got, want) {
			t.Errorf("target %d is not that of alone", k)
		}
	}
	if _, err := NewFit(o, warm, len(names), names, []string{"x", "z", "y"}); err == nil {
		t.Error("a model of other targets is gone on from")
	}
}

// The file holds names once, reads back to the same bytes, and gives each target the file that it has alone.
func TestFile(t *testing.T) {
	o := cases()["log loss"]
	f, err := NewFit(o, nil, len(names), names, []string{"x", "y \"1\"", "z"})
	if err != nil {
		t.Fatal(err)
	}
	learn(t, f, rows(1, linear.Classification))
	var b bytes.Buffer
	if err := f.Model().Save(&b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), `"a","b","c","d","e"`); n != 1 {
		t.Errorf("names stand %d times", n)
	}
	m, err := Load("model", bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := m.Save(&again); err != nil || again.String() != b.String() {
		t.Errorf("saved again: %v, %d bytes for %d", err, again.Len(), b.Len())
	}
	for k := range m.Models {
		got, _ := saved(m.Models[k])()
		if want, _ := saved(f.Of(k).Model())(); !bytes.Equal(got, want) {
			t.Errorf("target %d reads as another model", k)
		}
	}
	for _, change := range [][2]string{
		{`"version": 1,`, `"version": 2,`}, {`"x",`, `"z",`}, {`["x",`, `[`},
		{`"feature_names": ["a",`, `"feature_names": [`},
		{`"targets"`, `"Targets"`}, {`"encoding": null,`, `"encoding": null, "encoding": null,`},
		{`"feature_names": null`, `"feature_names": ["a","b","c","d","e"]`}, {`"models"`, `"more"`},
	} {
		bad := strings.Replace(b.String(), change[0], change[1], 1)
		if bad == b.String() {
			t.Fatalf("%s is not in the file", change[0])
		}
		if _, err := Load("model", strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "model") {
			t.Errorf("%s for %s: %v", change[1], change[0], err)
		}
	}
}

// An error of a target names it.
func TestErrorsNameTheTarget(t *testing.T) {
	for name, spoil := range map[string]func(c *linear.Chunk){
		"a finite target":       func(c *linear.Chunk) { c.Targets[1].Numbers[3] = math.NaN() },
		"at least two values":   func(c *linear.Chunk) { c.Targets[1].Numbers = make([]float64, c.Len()) },
		"values of target":      func(c *linear.Chunk) { c.Targets[1].Numbers[0] = 1e200 },
		"rows of 1 targets":     func(c *linear.Chunk) { c.Targets = c.Targets[:1] },
		"targets for 100 rows":  func(c *linear.Chunk) { c.Targets[1].Numbers = c.Targets[1].Numbers[:7] },
		"labels are for classi": func(c *linear.Chunk) { c.Targets[1].Labels = make([]string, c.Len()) },
	} {
		f, err := NewFit(cases()["ridge"], nil, len(names), names, []string{"x", "y", "z"})
		if err != nil {
			t.Fatal(err)
		}
		p := f.Partial(0, 1)
		for _, c := range rows(1, linear.Regression) {
			spoil(c)
			if err = p.PartialFit(c); err != nil {
				break
			}
		}
		if err == nil {
			err = f.Advance(p)
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		} else if strings.HasPrefix(name, "at least") && !strings.Contains(err.Error(), "y") {
			t.Errorf("%v: which target", err)
		}
	}
	for _, targets := range [][]string{nil, {"x", "x"}} {
		if _, err := NewFit(cases()["ridge"], nil, len(names), names, targets); err == nil {
			t.Errorf("targets %v", targets)
		}
	}
}

// Whatever the bytes, reading a file or a state makes no other than one that is written the same.
// A line that all targets have is told once, and another with the names of its targets, in their order; and a fit takes
// no sums of another.
func TestEach(t *testing.T) {
	t.Parallel()
	fit := func() *Fit {
		f, err := NewFit(cases()["ridge"], nil, len(names), names, []string{"u", "v", "w"})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f, at := fit(), 0
	own := [][]string{{"all", "first"}, {"some", "all"}, {"all", "some"}}
	got := f.each(func(*fitting.Fit) []string { at++; return own[at-1] })
	want := []string{"all", "target u: first", "target v: some", "target w: some"}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if err := f.Advance(fit().Partial(0, 1)); err == nil || !strings.Contains(err.Error(), "another learner") {
		t.Errorf("a sum of another fit: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	for _, kind := range []string{"ridge", "log loss"} {
		o := cases()[kind]
		fit, err := NewFit(o, nil, len(names), nil, []string{"x", "y", "z"})
		if err != nil {
			f.Fatal(err)
		}
		state, err := fit.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(state)
		for !fit.Done() {
			p := fit.Partial(0, 1)
			for _, c := range rows(1, o.Options.Task) {
				if err := p.PartialFit(c); err != nil {
					f.Fatal(err)
				}
			}
			if err := fit.Advance(p); err != nil {
				f.Fatal(err)
			}
		}
		var b bytes.Buffer
		if err := fit.Model().Save(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(fmt.Sprintf(`{"format":%q,"version":1,"targets":[],"models":[]}`, Format)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Load("model", bytes.NewReader(b)); err == nil {
			var again bytes.Buffer
			if err := m.Save(&again); err != nil {
				t.Fatalf("loaded, and not saved: %v", err)
			}
		}
		if fit, err := Decode(b); err == nil {
			if _, err := fit.MarshalBinary(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
