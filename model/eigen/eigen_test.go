package eigen

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/report"
	"beamlearn/model/vectors"
)

// fit makes all passes over the rows, cut into parts, whose sums are merged in the order of a linear.Sum whatever the
// order in which they come; the state and the sums travel encoded.
func fit(t testing.TB, o Options, rows *vectors.Block, parts int, seed uint64) *PCA {
	t.Helper()
	f, err := NewFit(o, rows.Dim)
	if err != nil {
		t.Fatal(err)
	}
	for !f.Done() {
		state, err := f.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		sum := linear.NewSum(parts)
		for _, i := range rand.New(rand.NewPCG(seed, 1)).Perm(parts) {
			var worker Fit
			if err := worker.UnmarshalBinary(state); err != nil {
				t.Fatal(err)
			}
			p, err := worker.Partial()
			if err != nil {
				t.Fatal(err)
			}
			lo, hi := rows.Len()*i/parts, rows.Len()*(i+1)/parts
			if err := p.PartialFit(linear.Of(rows.Slice(lo, hi))); err != nil {
				t.Fatal(err)
			}
			b, err := p.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			q, err := f.Partial()
			if err != nil {
				t.Fatal(err)
			}
			if err := q.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			if err := sum.Add(linear.Node{Index: i}, q); err != nil {
				t.Fatal(err)
			}
		}
		total, err := sum.Total()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(total); err != nil {
			t.Fatal(err)
		}
	}
	return f.PCA()
}

type golden struct {
	Components, Projected, Whitened [][]float64
	Variance                        []float64 `json:"explained_variance"`
	Ratio                           []float64 `json:"explained_variance_ratio"`
}

// others are the columns of files that are no features.
var others = map[string][]string{"digits": {"id", "target"}, "breast_cancer": {"target"}}

func load(t testing.TB, name string) *vectors.Block {
	t.Helper()
	return lineartest.ReadRows(t, name+".csv", others[name]...)
}

// near compares with 1e-9 of the size.
func near(t *testing.T, what string, got, want, size float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*size) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// All components are scikit-learn's, to 1e-9, and so are the projected rows; the bits do not depend on the order of
// the parts.
func TestScikitLearn(t *testing.T) {
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for name := range others {
		rows := load(t, name)
		for _, standardize := range []bool{false, true} {
			want, what := all[name], name
			if standardize {
				what += "_standardized"
				want = all[what]
			}
			p := fit(t, Options{Standardize: standardize}, rows, 7, 1)
			if p.Len() != len(want.Variance) || p.Rows != int64(rows.Len()) {
				t.Fatalf("%s: %d components of %d rows", what, p.Len(), p.Rows)
			}
			for i, v := range want.Components {
				near(t, what+" eigenvalue", p.ExplainedVariance[i], want.Variance[i], want.Variance[i])
				near(t, what+" ratio", p.Ratio(i), want.Ratio[i], want.Ratio[i])
				for j, x := range v {
					near(t, what+" component", p.Components[i][j], x, 1)
				}
			}
			var encoded [2]bytes.Buffer
			for i := range encoded {
				if err := fit(t, Options{Standardize: standardize}, rows, 7, uint64(i+2)).Save(&encoded[i]); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(encoded[0].Bytes(), encoded[1].Bytes()) {
				t.Errorf("%s: the bits depend on the order of the parts", what)
			}
			whitened := fit(t, Options{Standardize: standardize, Whiten: true, Components: 5}, rows, 3, 1)
			dst, row, room := make([]float64, p.Len()), make([]float64, rows.Dim), make([]float64, rows.Dim)
			for i := range want.Projected {
				p.Transform(dst, rows.Row(200*i, row), room)
				size := 1.0
				for _, x := range want.Projected[i] {
					size = max(size, math.Abs(x))
				}
				for j, x := range want.Projected[i] {
					near(t, what+" projected", dst[j], x, size)
				}
				whitened.Transform(dst, rows.Row(200*i, row), room)
				for j, x := range want.Whitened[i] {
					near(t, what+" whitened", dst[j], x, max(1, math.Abs(x)))
				}
			}
		}
	}
}

// A share of the variance takes as many components as scikit-learn's PCA(n_components=share), which are the first of
// all, also after the options have crossed a wire and where rows are fewer than columns.
func TestVarianceShare(t *testing.T) {
	b, err := os.ReadFile("testdata/shares.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]int
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	ties, err := vectors.FromFloat64([]float64{1, 0, -1, 0, 0, 1, 0, -1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for what, shares := range all {
		name, standardize := strings.CutSuffix(what, "_standardized")
		rows := ties
		if name != "ties" {
			rows = load(t, name)
		}
		whole := fit(t, Options{Standardize: standardize}, rows, 3, 1)
		for text, want := range shares {
			share, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			p := fit(t, Options{Standardize: standardize, VarianceShare: share}, rows, 3, 1)
			if p.Len() != want || len(p.ExplainedVariance) != want || p.Options.VarianceShare != share {
				t.Errorf("%s: %d components for %v, want %d", what, p.Len(), share, want)
				continue
			}
			for i, v := range p.Components {
				if !slices.Equal(v, whole.Components[i]) {
					t.Errorf("%s, share %v: component %d is another than without a share", what, share, i)
				}
			}
			var saved bytes.Buffer
			if err := p.Save(&saved); err != nil {
				t.Fatal(err)
			}
			if q, err := Load("share.json", &saved); err != nil || q.Len() != want || q.Options != p.Options {
				t.Errorf("%s, share %v: %v", what, share, err)
			}
			tried++
		}
	}
	if tried != 27 {
		t.Errorf("%d shares tried", tried)
	}
	few, err := vectors.FromFloat64([]float64{1, 2, 3, 4, 0, 7}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if p := fit(t, Options{VarianceShare: math.Nextafter(1, 0)}, few, 1, 1); p.Len() > 2 {
		t.Errorf("%d components of two rows", p.Len())
	}
}

// A share of no variance is refused, as no number of components explains it.
func TestShareOfNothing(t *testing.T) {
	rows, err := vectors.FromFloat64([]float64{3, 4, 3, 4, 3, 4}, 2)
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFit(Options{VarianceShare: 0.95}, 2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Partial()
	if err == nil {
		err = p.PartialFit(linear.Of(rows))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Advance(p); err == nil ||
		err.Error() != "as many components as explain 95 %: the columns have no variance" {
		t.Error(err)
	}
}

// A mean that is large against the spread costs no digits.
func TestLargeMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	values, shifted := make([]float64, 3000), make([]float64, 3000)
	for i := range values {
		values[i] = math.Round(rng.NormFloat64() * 1024 * float64(1+i%3))
		shifted[i] = values[i] + 1<<40
	}
	for _, solver := range []Solver{CovarianceEigh, Randomized} {
		var p [2]*PCA
		for i, v := range [][]float64{values, shifted} {
			rows, err := vectors.FromFloat64(v, 3)
			if err != nil {
				t.Fatal(err)
			}
			p[i] = fit(t, Options{Solver: solver, Components: 3}, rows, 4, 1)
		}
		for i := range 3 {
			near(t, "eigenvalue", p[1].ExplainedVariance[i], p[0].ExplainedVariance[i], p[0].ExplainedVariance[i])
		}
	}
}

// A sketch finds the leading components of a spectrum that falls, and more passes bring it closer.
func TestRandomized(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this compares many passes: TestScikitLearn stays")
	}
	const n, d, k = 600, 300, 5
	rng := rand.New(rand.NewPCG(3, 4))
	values := make([]float64, n*d)
	for i := range n {
		var factors [20]float64
		for f := range factors {
			factors[f] = rng.NormFloat64() * 10 / float64(1+f)
		}
		for j := range d {
			for f, x := range factors {
				values[i*d+j] += x * math.Cos(float64((f+1)*(j+1)))
			}
			values[i*d+j] += 0.05*rng.NormFloat64() + 7
		}
	}
	rows, err := vectors.FromFloat64(values, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, standardize := range []bool{false, true} {
		exact := fit(t, Options{Components: k, Standardize: standardize}, rows, 3, 1)
		for power, tolerance := range map[int]float64{0: 2e-2, 2: 1e-6} {
			p := fit(t, Options{Components: k, Solver: Randomized, IteratedPower: &power, Standardize: standardize}, rows, 3, 1)
			for i := range k {
				if off := math.Abs(p.ExplainedVariance[i]/exact.ExplainedVariance[i] - 1); !(off <= tolerance) {
					t.Errorf("standardize %v, power %d: eigenvalue %d is %v off", standardize, power, i, off)
				}
			}
			near(t, "total variance", p.TotalVariance, exact.TotalVariance, exact.TotalVariance)
		}
	}
}

func TestSettle(t *testing.T) {
	for want, o := range map[string]Options{
		"4 components: must be from 1 to the number of columns, 3": {Components: 4},
		"must not be negative":                          {Oversamples: -1},
		`svd_solver "full"`:                             {Solver: "full"},
		"a share of 1 of the variance: must be above 0": {VarianceShare: 1},
		"a share of -0.5 of the variance":               {VarianceShare: -0.5},
		"a share of NaN of the variance":                {VarianceShare: math.NaN()},
		"2 components, and as many as explain 99.999 %": {VarianceShare: 0.99999, Components: 2},
		"explain 7 %: svd_solver randomized does not know all eigenvalues: take covari": {VarianceShare: 0.07,
			Solver: Randomized},
	} {
		if err := o.Settle(3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
	for _, solver := range []Solver{"", Auto, CovarianceEigh, Randomized} {
		o := Options{VarianceShare: 0.95, Solver: solver}
		want := "2001 columns are more than 2000, which only a sketch takes, and it does not know all eigenvalues: ask " +
			"for a number"
		if err := o.Settle(MaxExact + 1); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", solver, err)
		}
	}
	o := Options{}
	if err := o.Settle(MaxExact + 1); err != nil || o.Solver != Randomized || o.Components != DefaultSketched {
		t.Errorf("%+v: %v", o, err)
	}
	rows, err := vectors.FromFloat64([]float64{1, 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, solver := range []Solver{CovarianceEigh, Randomized} {
		f, err := NewFit(Options{Solver: solver}, 2)
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Partial()
		if err == nil {
			err = p.PartialFit(linear.Of(rows))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(p); err == nil || !strings.Contains(err.Error(), "one row has no variance") {
			t.Errorf("%s: %v", solver, err)
		}
	}
}

// Columns whose variances float64 does not hold are refused, unless others are beside which they do not count; what is
// constant is not.
func TestUnderflow(t *testing.T) {
	for _, c := range []struct {
		name        string
		scale       []float64
		standardize bool
		want        string
	}{
		{"all", []float64{1e-300, 1e-300}, false, "small"},
		{"without all digits", []float64{1e-160, 1e-160}, false, "small"},
		{"standardized", []float64{1, 1e-300}, true, "small"},
		{"beside a larger one", []float64{1, 1e-300}, false, ""},
		{"small", []float64{1e-150, 1e-150}, false, ""},
		{"constant", []float64{1, 0}, false, ""},
		{"all constant", []float64{0, 0}, false, ""},
	} {
		data := make([]float64, 40)
		for i := range data {
			data[i] = 3 * c.scale[i%2] // of a scale of 0, all that it is
			if c.scale[i%2] > 0 {
				data[i] = c.scale[i%2] * math.Sin(float64(i*i))
			}
		}
		rows, err := vectors.FromFloat64(data, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, solver := range []Solver{CovarianceEigh, Randomized} {
			if solver == Randomized && c.standardize {
				continue
			}
			f, err := NewFit(Options{Solver: solver, Components: 1, Standardize: c.standardize}, 2)
			if err != nil {
				t.Fatal(err)
			}
			p, err := f.Partial()
			if err == nil {
				err = p.PartialFit(linear.Of(rows))
			}
			if err == nil {
				err = f.Advance(p)
			}
			got := ""
			if err != nil && (strings.Contains(err.Error(),
				"that underflow, expected values whose squares float64 holds: scale them up") ||
				strings.Contains(err.Error(), "too small")) {
				got = "small"
			} else if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%s, %s: %v", c.name, solver, err)
			}
		}
	}
}

// What is saved reads back, and nothing that contradicts itself does.
func TestFile(t *testing.T) {
	p := fit(t, Options{Components: 2, Standardize: true}, load(t, "breast_cancer"), 1, 1)
	var b bytes.Buffer
	if err := p.Save(&b); err != nil {
		t.Fatal(err)
	}
	q, err := Load("x.json", bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := q.Save(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("what was read is saved otherwise")
	}
	for _, change := range [][2]string{
		{`"version":1`, `"version":2`}, {Format, "beamlearn.linear"}, {`"n_features_in":30`, `"n_features_in":31`},
		{`"scale":[`, `"scale":[0,`}, {`"components":[[`, `"components":[[],[`}, {`{`, `[`}, {`"mean"`, `"means"`},
		{`"version":1`, `"version":1,"version":1`}, {`"whiten":false`, `"whiten":false,"whiten":true`}, {`"mean"`, `"Mean"`},
		{`"whiten":false,`, ``},
		{`"n_samples":569,`, ``}, {`"mean":[`, `"mean":null,"x":[`}, {`"mean":[`, `"mean":[null,`},
		{`"components":[[`, `"components":[[null,`},
		{`"components":[`, `"components":[null,`}, {`"options":{`, `"options":null,"x":{`},
		{`"whiten":false`, `"whiten":null`}, {`"scale":[`, `"scale":null,"x":[`},
		{`"mean":[`, `"mean":[1e999,`}, {`"mean":[`, `"mean":[NaN,`}, {`"mean":[`, `"mean":["1",`},
		{`"components":[[`, `"components":[[1e3`},
		{`"explained_variance":[`, `"explained_variance":[1e3`}, {`"explained_variance":[`, `"explained_variance":[-`},
		{`"explained_variance_ratio":[0`, `"explained_variance_ratio":[1`}, {`"total_variance":`, `"total_variance":-`},
		{`"eigenvalues":[`, `"eigenvalues":[9`},
		{`"svd_solver":"`, `"svd_solver":"x`}, {`"n_components":2`, `"n_components":31`},
		{`"n_components":2`, `"n_components":-2`}, {`"n_components":2`, `"n_components":2,"variance_share":0.5`},
		{`"n_components":2`, `"n_components":0,"variance_share":1`},
		{`"n_components":2`, `"n_components":0,"variance_share":-0.5`}, {`"mean":`, `"feature_names":["one"],"mean":`},
		{"}\n", "} {}"}, {"}\n", ""},
	} {
		broken := strings.Replace(b.String(), change[0], change[1], 1)
		if broken == b.String() {
			t.Errorf("%s is not in the file", change[0])
		}
		if _, err := Load("x.json", strings.NewReader(broken)); err == nil || !strings.HasPrefix(err.Error(), "x.json") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s for %s: %v", change[1], change[0], err)
		}
	}
}

func FuzzFit(f *testing.F) {
	for _, o := range []Options{{}, {VarianceShare: 0.95}, {Solver: Randomized, Components: 1, Standardize: true}} {
		fit, err := NewFit(o, 3)
		if err != nil {
			f.Fatal(err)
		}
		b, err := fit.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var fit Fit
		if fit.UnmarshalBinary(b) != nil {
			return
		}
		if _, err := fit.MarshalBinary(); err != nil {
			t.Error(err)
		}
	})
}

func FuzzLoad(f *testing.F) {
	for _, scale := range [][]float64{nil, {1, 2, 3}} {
		p := &PCA{Rows: 5, Mean: []float64{1, 2, 3}, Scale: scale, Components: [][]float64{{1, 0, 0}, {0, 1, 0}},
			ExplainedVariance: []float64{2, 1}, TotalVariance: 4}
		p.Options.Solver = CovarianceEigh
		var b bytes.Buffer
		if err := p.Save(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Load("x.json", bytes.NewReader(b))
		if err != nil {
			return
		}
		var w bytes.Buffer
		if err := p.Save(&w); err != nil {
			t.Fatal(err)
		}
		q, err := Load("x.json", bytes.NewReader(w.Bytes()))
		if err != nil || q.Features() != p.Features() || q.Len() != p.Len() {
			t.Fatalf("saved, and not read back: %v", err)
		}
	})
}

// A column whose unit is small against the others' has all of the variance, which the page says unless columns are
// standardised.
func TestDominated(t *testing.T) {
	p := &PCA{
		Mean: []float64{0, 0}, Components: [][]float64{{1, 0}, {0, 1}}, ExplainedVariance: []float64{1000, 1},
		TotalVariance: 1001,
		FeatureNames:  []string{"grams", "metres"},
	}
	if got := p.dominated(); len(got) != 1 ||
		!strings.Contains(string(got[0].(report.Text)), "The column grams has 99.90 %") {
		t.Errorf("%v", got)
	}
	many := &PCA{Mean: make([]float64, 30), Components: [][]float64{make([]float64, 30), make([]float64, 30)},
		ExplainedVariance: []float64{500, 400}, TotalVariance: 1000} // two of 30 columns, as the areas of breast_cancer
	many.Components[0][3], many.Components[1][7] = 1, 1
	if got := many.dominated(); len(got) != 1 ||
		!strings.Contains(string(got[0].(report.Text)), "The columns 3 and 7 have 90.00 %") {
		t.Errorf("two of many: %v", got)
	}
	if p.Scale = []float64{1, 1}; p.dominated() != nil {
		t.Error("of standardised columns")
	}
	if p.Scale, p.ExplainedVariance, p.TotalVariance = nil, []float64{3, 2}, 5; p.dominated() != nil {
		t.Error("of columns that have about the same variance")
	}
}

// Of fewer rows than columns there are no more components than rows, whoever finds them.
func TestFewRows(t *testing.T) {
	values := make([]float64, 3*5)
	for i := range values {
		values[i] = uniform(i + 1)
	}
	rows, err := vectors.FromFloat64(values, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {Components: 4}, {Components: 4, Solver: Randomized}} {
		if p := fit(t, o, rows, 1, 1); len(p.Components) != 3 || len(p.ExplainedVariance) != 3 {
			t.Errorf("%+v: %d components of 3 rows, with %d variances", o, len(p.Components), len(p.ExplainedVariance))
		}
	}
}

// A column whose variance is within the error of its computation is constant, by the bound of scikit-learn's
// StandardScaler, n·ε·variance + (n·mean·ε)²; others have their deviation, by n.
func TestScales(t *testing.T) {
	const n, mean = 100, 1000.0
	bound := math.Pow(n*mean*0x1p-52, 2)
	got := scales([]float64{bound / 2, 2 * bound, 4, 0}, []float64{mean, mean, mean, mean}, n)
	for j, want := range []float64{1, math.Sqrt(2 * bound * (n - 1) / n), math.Sqrt(4 * (n - 1) / 100.0), 1} {
		if !(math.Abs(got[j]-want) <= 1e-14*want) {
			t.Errorf("column %d: scale %v, want %v", j, got[j], want)
		}
	}
}

// The state of a fit that no fit has is refused: one that ends before it began, one that has made all its passes, and
// one whose only pass is to come after the last.
func TestStateRefused(t *testing.T) {
	for what, change := range map[string]func(f *Fit){
		"ends before it began": func(f *Fit) { f.ending = true },
		"has made all passes":  func(f *Fit) { f.pass, f.mean = f.Passes(), make([]float64, 5) },
		"ends without a sketch": func(f *Fit) {
			f.ending, f.basis, f.options.Solver, f.options.Components = true, nil, CovarianceEigh, 2
		},
	} {
		f, err := NewFit(Options{Components: 2, Solver: Randomized, IteratedPower: new(1)}, 5)
		if err != nil {
			t.Fatal(err)
		}
		change(f)
		if what == "ends without a sketch" {
			f.options.IteratedPower = nil
		}
		b, err := f.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := new(Fit).UnmarshalBinary(b); !errors.Is(err, errNoFit) {
			t.Errorf("a state that %s is read: %v", what, err)
		}
	}
}
