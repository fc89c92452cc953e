package newton

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// softmaxFor is an optimizer of a case's rows.
func softmaxFor(t *testing.T, k *lineartest.MultinomialCase, rows *linear.Chunk) *Optimizer {
	t.Helper()
	o := k.Options()
	o.Classes = linear.Classes{Numbers: slices.Compact(slices.Sorted(slices.Values(rows.Target)))}
	p := optimizerFor(t, o, rows.Features)
	counts, sizes := make([]int64, o.Classes.Len()), make([]float64, o.Classes.Len())
	for i, y := range rows.Target {
		at := slices.Index(o.Classes.Numbers, y)
		counts[at]++
		if sizes[at]++; rows.Weights != nil {
			sizes[at] += rows.Weights[i] - 1
		}
	}
	p.ClassRows, p.ClassSizes = counts, BalancedBy(linear.LogLoss, counts, sizes)
	if k.Standardize {
		p.Scaler = linear.NewStandardScaler(rows.Features)
		if err := p.Scaler.PartialFit(rows, nil); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// LogisticRegression of more than two classes: coefficients, objective, decisions and probabilities.
func TestMultinomialEqualsScikit(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this has every fixture: TestMultinomialForms stays")
	}
	t.Parallel()
	f := lineartest.ReadMultinomial(t)
	if len(f.Cases) != 21 {
		t.Errorf("%d cases", len(f.Cases))
	}
	for i := range f.Cases {
		k := &f.Cases[i]
		rows := f.Rows(k.Data, k.Weighted)
		want := slices.Concat(slices.Concat(k.Coef...), k.Intercept)
		for form, setup := range map[string]func() (*Optimizer, int, []*linear.Chunk){
			"sampled": func() (*Optimizer, int, []*linear.Chunk) { return softmaxFor(t, k, rows), 1, []*linear.Chunk{rows} },
			"plain": func() (*Optimizer, int, []*linear.Chunk) {
				p := softmaxFor(t, k, rows)
				p.sample = 0
				return p, 3, lineartest.CutChunk(rows, 37)
			},
		} {
			t.Run(k.Name()+"/"+form, func(t *testing.T) {
				t.Parallel()
				p, parts, chunks := setup()
				run(t, p, parts, chunks...)
				m, err := p.Model()
				if err != nil {
					t.Fatal(err)
				}
				if m, err = linear.Load("m", strings.NewReader(lineartest.Saved(t, m))); err != nil {
					t.Fatal(err)
				}
				if d := lineartest.Apart(t, coefOf(m), want); k.Unique && !(d <= 1e-8) || !p.Converged() {
					t.Errorf("converged %v after %d passes, off by %.2g: %v, want %v", p.Converged(), p.Passes(), d, coefOf(m), want)
				}
				if d := m.Training.Objective[0]/k.Objective - 1; !(math.Abs(d) <= 1e-10) {
					t.Errorf("%d passes: objective %v, want %v: off by %.2g", p.Passes(), m.Training.Objective[0], k.Objective, d)
				}
				checkSoftmax(t, m, rows, k)
			})
		}
	}
}

// checkSoftmax compares what a model says of the first rows.
func checkSoftmax(t *testing.T, m *linear.Model, rows *linear.Chunk, k *lineartest.MultinomialCase) {
	t.Helper()
	first := rows.Slice(0, len(k.Proba))
	d, err := m.DecisionFunction(first, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.PredictProba(first, nil)
	if err != nil {
		t.Fatal(err)
	}
	if off := lineartest.Apart(t, d, slices.Concat(k.Decision...)); off > 1e-6 {
		t.Errorf("decisions off by %.2g", off)
	}
	for i, want := range slices.Concat(k.Proba...) {
		if !(math.Abs(p[i]-want) <= 1e-8) {
			t.Errorf("probability %d: %v, want %v", i, p[i], want)
		}
	}
}

// threeClasses is rows of three classes or more, many of whose values are 0.
func threeClasses(rows, features, classes int, seed uint64) (full, sparse *linear.Chunk) {
	r := rand.New(rand.NewPCG(seed, 7))
	full = &linear.Chunk{Features: features}
	sparse = &linear.Chunk{Features: features, Sparse: &linear.CSR{Offsets: []int{0}}}
	for range rows {
		best, most := 0, math.Inf(-1)
		scores := make([]float64, classes)
		for j := range features {
			v := 0.0
			if r.IntN(6) == 0 {
				v = r.NormFloat64()
				sparse.Sparse.Indices, sparse.Sparse.Values = append(sparse.Sparse.Indices, int32(j)),
					append(sparse.Sparse.Values, v)
			}
			full.X = append(full.X, v)
			scores[j%classes] += v
		}
		for k, v := range scores {
			if v += 2 * r.NormFloat64(); v > most {
				best, most = k, v
			}
		}
		sparse.Sparse.Offsets = append(sparse.Sparse.Offsets, len(sparse.Sparse.Values))
		full.Target = append(full.Target, float64(best))
	}
	sparse.Target = full.Target
	return full, sparse
}

// Dense and sparse rows, Newton's method and L-BFGS come to the same end.
func TestMultinomialForms(t *testing.T) {
	t.Parallel()
	full, sparse := threeClasses(1500, 12, 5, 1)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, MultiClass: linear.Multinomial,
		Alpha: new(1e-3), Classes: lineartest.Numbered(5)}
	want := optimizerFor(t, o, 12)
	run(t, want, 1, full)
	for name, c := range map[string]*linear.Chunk{"full": full, "sparse": sparse} {
		for _, newton := range []bool{true, false} {
			for _, intercept := range []bool{true, false} {
				o := o
				o.FitIntercept = &intercept
				p := optimizerFor(t, o, 12)
				if p.newton = newton; !newton {
					p.sample = 0
				}
				for !p.Done() {
					lineartest.Pass(t, p, 3, lineartest.CutChunk(c, 200)...)
				}
				of := fmt.Sprintf("%s, newton=%v, intercept=%v: %d passes", name, newton, intercept, p.Passes())
				t.Log(of)
				if !p.Converged() {
					t.Errorf("%s: not converged", of)
				}
				if !intercept {
					for k := range 5 {
						if p.problems[0].Base[k*13+12] != 0 {
							t.Errorf("%s: an intercept", of)
						}
					}
					continue
				}
				allowed := 1e-10
				if !newton {
					allowed = 1e-4
				}
				if d := lineartest.Apart(t, p.problems[0].Base, want.problems[0].Base); d > allowed {
					t.Errorf("%s: off by %.2g", of, d)
				}
				if d := p.Objectives()[0]/want.Objectives()[0] - 1; !(math.Abs(d) <= 1e-9) {
					t.Errorf("%s: the objective is off by %.2g", of, d)
				}
			}
		}
	}
}

// With many rows, L-BFGS takes the place of Newton's method, and comes as near.
func TestMultinomialLight(t *testing.T) {
	t.Parallel()
	f := lineartest.ReadMultinomial(t)
	for i := range f.Cases {
		k := &f.Cases[i]
		if !k.Unique || k.Data == "digits" || k.Data == "separable" {
			continue
		}
		rows := f.Rows(k.Data, k.Weighted)
		want := slices.Concat(slices.Concat(k.Coef...), k.Intercept)
		p := softmaxFor(t, k, rows)
		p.work, p.sample = 0, 0
		p.Expect(int64(rows.Len()))
		for !p.Done() {
			lineartest.Pass(t, p, 3, lineartest.CutChunk(rows, 37)...)
		}
		m, err := p.Model()
		if err != nil {
			t.Fatal(err)
		}
		d := lineartest.Apart(t, coefOf(m), want)
		t.Logf("%s: %d passes, off by %.2g", k.Name(), p.Passes(), d)
		if d > 1e-8 || !p.Converged() || p.newton {
			t.Errorf("%s: converged %v after %d passes, off by %.2g", k.Name(), p.Converged(), p.Passes(), d)
		}
	}
}

// The state of a fit by L-BFGS crosses the wire between passes, and the fit has the same bits on every processor,
// whatever the instructions that it has.
func TestMultinomialBits(t *testing.T) {
	t.Parallel()
	full, sparse := threeClasses(400, 9, 4, 3)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, MultiClass: linear.Multinomial,
		Classes: lineartest.Numbered(4)}
	hash := uint64(14695981039346656037) // FNV-1a
	for _, c := range []*linear.Chunk{full, sparse} {
		for _, newton := range []bool{true, false} {
			p := optimizerFor(t, o, 9)
			if p.newton = newton; !newton {
				p.sample = 0
			}
			for !p.Done() {
				b, err := json.Marshal(p)
				if err != nil {
					t.Fatal(err)
				}
				q := &Optimizer{}
				if err := json.Unmarshal(b, q); err != nil {
					t.Fatal(err)
				}
				q.newton = newton
				p = q
				lineartest.Pass(t, p, 3, lineartest.CutChunk(c, 70)...)
			}
			for _, v := range append(slices.Clone(p.problems[0].Base), p.Objectives()...) {
				for bits := math.Float64bits(v); bits != 0; bits >>= 8 {
					hash = (hash ^ bits&255) * 1099511628211
				}
			}
		}
	}
	if want := uint64(0x44c0c4af036207ae); hash != want {
		t.Errorf("%#x, want %#x", hash, want)
	}
}

// Bytes that are no state of a softmax are refused.
func TestMultinomialState(t *testing.T) {
	t.Parallel()
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, MultiClass: linear.Multinomial,
		Classes: lineartest.Numbered(4)}
	p := optimizerFor(t, o, 9)
	full, _ := threeClasses(100, 9, 4, 3)
	p.newton, p.sample = false, 0
	lineartest.Pass(t, p, 1, full)
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(vector map[string]any){
		"a short point":    func(v map[string]any) { v["Base"] = v["Base"].(string)[:16] },
		"a short gradient": func(v map[string]any) { v["Gradient"] = v["Gradient"].(string)[:16] },
		"a short metric":   func(v map[string]any) { v["Diagonal"] = v["Diagonal"].(string)[:16] },
		"no step":          func(v map[string]any) { v["Dir"] = nil },
	} {
		var state map[string]any
		if err := json.Unmarshal(b, &state); err != nil {
			t.Fatal(err)
		}
		spoil(state["vectors"].([]any)[0].(map[string]any))
		spoilt, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(spoilt, &Optimizer{}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	var state map[string]any
	if err := json.Unmarshal(b, &state); err != nil {
		t.Fatal(err)
	}
	state["features"] = 8
	spoilt, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(spoilt, &Optimizer{}); err == nil {
		t.Error("other features are taken")
	}
}
