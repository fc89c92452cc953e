// Package lineartest is rows, fixtures of scikit-learn, and passes that cross the wire, for the tests of models.
package lineartest

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// PassOver makes a pass over rows cut into parts, in chunks; through says whether partials cross the wire on their way.
func PassOver(t testing.TB, l linear.Learner, parts, size int, through bool, c *linear.Chunk) error {
	t.Helper()
	sum := linear.NewSum(parts)
	n := c.Len()
	for part := range parts {
		p := l.Partial(part, parts)
		end := (part + 1) * n / parts
		for i := part * n / parts; i < end; i += size {
			if err := p.PartialFit(c.Slice(i, min(i+size, end))); err != nil {
				return err
			}
		}
		if through {
			p = Sent(t, l, p, part, parts)
		}
		if err := sum.Add(linear.Node{Index: part}, p); err != nil {
			return err
		}
	}
	total, err := sum.Total()
	if err != nil {
		t.Fatal(err)
	}
	if through {
		total = Sent(t, l, total, 0, parts)
	}
	return l.Advance(total)
}

// Sent is a partial that has been written and read, to the same bits.
func Sent(t testing.TB, l linear.Learner, p linear.Partial, part, parts int) linear.Partial {
	t.Helper()
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	q := l.Partial(part, parts)
	if err := q.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	again, err := q.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(b) {
		t.Fatalf("part %d of %d: read and written again it has other bytes", part, parts)
	}
	return q
}

// Carried is a learner that has been written and read, to the same bits.
func Carried[L any, P interface {
	*L
	linear.Learner
	json.Marshaler
	json.Unmarshaler
}](t testing.TB, l P) P {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	m := P(new(L))
	if err := json.Unmarshal(b, m); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	again, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(b) {
		t.Fatalf("read and written again:\n%s\nfirst:\n%s", again, b)
	}
	return m
}

// ScaledProblem is gaussian rows in columns of these scales, round about, with labels drawn by their logistic
// probability (classes 2) or a number with noise.
func ScaledProblem(n, d, classes int, strength float64, scales []float64) *linear.Chunk {
	r := rand.New(rand.NewPCG(1, 9))
	w := make([]float64, d)
	for j := range w {
		w[j] = r.NormFloat64()
	}
	kernel.Scale(strength/math.Sqrt(kernel.Dot(w, w)), w)
	c := &linear.Chunk{Features: d, X: make([]float64, n*d), Target: make([]float64, n)}
	for i := range n {
		x := c.X[i*d : (i+1)*d]
		for j := range x {
			x[j] = r.NormFloat64()
		}
		p := 0.3 + kernel.Dot(x, w)
		switch {
		case classes == 0:
			c.Target[i] = p + r.NormFloat64()
		case r.Float64() < 1/(1+elementary.Exp(-p)):
			c.Target[i] = 1
		}
		for j := range x {
			x[j] *= scales[j%len(scales)]
		}
	}
	return c
}

// Declared are the options with the classes that the rows have.
func Declared(o linear.Options, c *linear.Chunk) linear.Options {
	if o.Task == linear.Classification {
		o.Classes = linear.Classes{Numbers: slices.Compact(slices.Sorted(slices.Values(c.Target)))}
	}
	return o
}

const benchRows, benchFeatures = 1000, 20

func BenchChunk(classes int) *linear.Chunk {
	r := rand.New(rand.NewPCG(1, 2))
	c := &linear.Chunk{Features: benchFeatures}
	for range benchRows {
		sum := 0.0
		for range benchFeatures {
			v := r.NormFloat64()
			c.X = append(c.X, v)
			sum += v
		}
		c.Target = append(c.Target, float64(min(max(int(sum/8+float64(classes)/2), 0), classes-1)))
	}
	return c
}

func Narrow(c *linear.Chunk) *linear.Chunk {
	n := &linear.Chunk{Features: c.Features, Target: c.Target}
	for _, v := range c.X {
		n.X32 = append(n.X32, float32(v))
	}
	return n
}

// WideRows are the sparse rows of generate.py: the table's, without values below 0.05, and one of twelve columns of
// ones.
func WideRows(tab *Table) *linear.CSR {
	s := &linear.CSR{Offsets: []int{0}}
	for i := range 500 {
		for j, v := range tab.X[i*TableFeatures : (i+1)*TableFeatures] {
			if math.Abs(v) >= 0.05 {
				s.Indices = append(s.Indices, int32(j))
				s.Values = append(s.Values, v)
			}
		}
		s.Indices = append(s.Indices, int32(TableFeatures+i*7%12))
		s.Values = append(s.Values, 1)
		s.Offsets = append(s.Offsets, len(s.Values))
	}
	return s
}

const WideFeatures = TableFeatures + 12

// Table is a500x8.csv: the columns by their names, and the features as rows × 8.
type Table struct {
	X       []float64
	Columns map[string][]float64
}

const TableFeatures = 8

func ReadTable(t testing.TB) *Table {
	t.Helper()
	f, err := os.Open(testdata(t, "a500x8.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	tab := &Table{Columns: map[string][]float64{}}
	for _, r := range records[1:] {
		for j, s := range r {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			if j < TableFeatures {
				tab.X = append(tab.X, v)
			} else {
				tab.Columns[records[0][j]] = append(tab.Columns[records[0][j]], v)
			}
		}
	}
	if len(tab.X) != 500*TableFeatures {
		t.Fatalf("%d values", len(tab.X))
	}
	return tab
}

// ReadRows reads the columns of a .csv file of testdata but for these, numbered from 0. A test that reads it by
// model/formats links Arrow, which takes a CPU second.
func ReadRows(t testing.TB, name string, but ...string) *vectors.Block {
	t.Helper()
	f, err := os.Open(filepath.Join(top(t), "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: len(records[0]) - len(but)}
	for i, r := range records[1:] {
		row := make([]float64, 0, b.Dim)
		for j, cell := range r {
			if slices.Contains(but, records[0][j]) {
				continue
			}
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, v)
		}
		b.Append(row, int64(i))
	}
	return b
}

// Chunks cuts rows × features, a target and weights into chunks.
func Chunks(x []float64, features int, target, weights []float64, sizes ...int) []*linear.Chunk {
	var out []*linear.Chunk
	row := 0
	for _, n := range sizes {
		c := &linear.Chunk{Features: features, X: x[row*features : (row+n)*features]}
		if target != nil {
			c.Target = target[row : row+n]
		}
		if weights != nil {
			c.Weights = weights[row : row+n]
		}
		out = append(out, c)
		row += n
	}
	return out
}

// Numbers are those of a value of JSON, in order.
func Numbers(t testing.TB, raw json.RawMessage) []float64 {
	t.Helper()
	var v any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
	}
	var out []float64
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case float64:
			out = append(out, v)
		case nil:
			out = append(out, math.NaN())
		default:
			t.Fatalf("%T in %s", v, raw)
		}
	}
	if v != nil {
		walk(v)
	}
	return out
}

// Distance is the largest relative difference. Numbers below 1e-12 of the largest count as rounding of it.
func Distance(t testing.TB, what string, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	size, worst := 0.0, 0.0
	for _, v := range want {
		if v == v {
			size = max(size, math.Abs(v))
		}
	}
	for i, v := range want {
		if math.IsNaN(v) && math.IsNaN(got[i]) {
			continue
		}
		d := math.Abs(got[i]-v) / (math.Abs(v) + 1e-12*size)
		if v == got[i] {
			d = 0 // though all be zero
		}
		if !(d <= worst) {
			worst = d
		}
	}
	return worst
}

func ReadCases[C any](t testing.TB, name string) []C {
	t.Helper()
	b, err := os.ReadFile(testdata(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []C }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// Tolerance is how far from scikit-learn's numbers ours may be: see distance.
const Tolerance = 1e-9

// exactFile is testdata/exact.json.gz, which exact.py describes.
type exactFile struct {
	Data map[string]struct {
		Features      int
		X, Y, Weights []float64
	}
	Squares []struct {
		Name         string
		Penalty      linear.Penalty
		Alpha        float64
		L1Ratio      float64 `json:"l1_ratio"`
		Weighted     bool
		Standardize  bool
		FitIntercept bool `json:"fit_intercept"`
		Coef         []float64
		Intercept    float64
		MSE, R2      float64
	}
	Grid []struct {
		Alpha   float64
		L1Ratio float64 `json:"l1_ratio"`
		MSE, R2 []float64
	}
	Curved []struct {
		Name, Data  string
		Loss        linear.Loss
		Alpha       float64
		Weighted    bool
		Epsilon     float64
		ClassWeight map[string]float64 `json:"class_weight"`
		Coef        [][]float64
		Intercept   []float64
	}
}

func ReadExact(t testing.TB) *exactFile {
	t.Helper()
	var file exactFile
	readGzip(t, "exact.json.gz", &file)
	return &file
}

// readGzip reads a file of JSON.
func readGzip(t testing.TB, name string, to any) {
	t.Helper()
	f, err := os.Open(testdata(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(to); err != nil {
		t.Fatal(err)
	}
}

// MultinomialFile is what multinomial.py writes.
type MultinomialFile struct {
	Data map[string]struct {
		X [][]float64
		Y []float64
	}
	Cases []MultinomialCase
	Cross []struct {
		Data                            string
		Alphas                          []float64
		Folds                           int
		Seed                            uint64
		Standardize, Balanced, Weighted bool
		Scores                          map[string][][]float64
	}
}

// MultinomialCase is an optimum, with the decisions and probabilities of the first ten rows.
type MultinomialCase struct {
	Data                                    string
	Alpha                                   float64
	Weighted, Standardize, Balanced, Unique bool
	FitIntercept                            bool               `json:"fit_intercept"`
	ClassWeight                             map[string]float64 `json:"class_weight"`
	Coef                                    [][]float64
	Intercept                               []float64
	Objective                               float64
	Decision, Proba                         [][]float64
}

// ReadMultinomial reads it.
func ReadMultinomial(t testing.TB) *MultinomialFile {
	t.Helper()
	var file MultinomialFile
	readGzip(t, "multinomial.json.gz", &file)
	return &file
}

// Rows are those of a table, with weights or without.
func (f *MultinomialFile) Rows(data string, weighted bool) *linear.Chunk {
	d := f.Data[data]
	c := &linear.Chunk{Features: len(d.X[0]), X: slices.Concat(d.X...), Target: d.Y}
	for i := range d.Y {
		c.Numbers = append(c.Numbers, int64(i))
		if weighted {
			c.Weights = append(c.Weights, 0.5+float64(i%4))
		}
	}
	return c
}

// Name tells a case.
func (k *MultinomialCase) Name() string {
	return fmt.Sprintf("%s/%v/weighted=%v/balanced=%v/%v", k.Data, k.Alpha, k.Weighted, k.Balanced, k.ClassWeight)
}

// Options are those of a case.
func (k *MultinomialCase) Options() linear.Options {
	o := linear.Options{
		Task: linear.Classification, Loss: linear.LogLoss, MultiClass: linear.Multinomial, Alpha: &k.Alpha,
		FitIntercept: &k.FitIntercept,
		ClassWeight:  linear.ClassWeight{Balanced: k.Balanced, Of: k.ClassWeight},
	}
	if k.Alpha == 0 {
		o.Penalty, o.Alpha = linear.None, nil
	}
	return o
}

// DevianceFile is what glm.py writes.
type DevianceFile struct {
	Data map[string]struct {
		X [][]float64
		Y []float64
	}
	Cases []DevianceCase
	Cross []DevianceCase
}

// DevianceCase is a generalised linear model, with the predictions of the first ten rows, or the scores of a
// cross-validation.
type DevianceCase struct {
	Data, Loss                         string
	Power                              *float64
	Epsilon                            float64
	L1Ratio                            float64   `json:"l1_ratio"`
	L1Ratios                           []float64 `json:"l1_ratios"`
	Alpha                              float64
	Alphas                             []float64
	Weighted, Exposed                  bool
	FitIntercept                       bool `json:"fit_intercept"`
	Coef, Predict                      []float64
	Intercept, Objective, Deviance, D2 float64
	Folds                              int
	Seed                               uint64
	Scores                             map[string][][]float64
}

// ReadDeviance reads it.
func ReadDeviance(t testing.TB) *DevianceFile {
	t.Helper()
	var file DevianceFile
	readGzip(t, "glm.json.gz", &file)
	return &file
}

// ReadL1 reads what l1.py writes, in the same form.
func ReadL1(t testing.TB) *DevianceFile {
	t.Helper()
	var file DevianceFile
	readGzip(t, "l1.json.gz", &file)
	return &file
}

// L1Options are those of a case of l1.py.
func (k *DevianceCase) L1Options() linear.Options {
	o := linear.Options{
		Task: linear.Regression, Loss: linear.Loss(k.Loss), Penalty: linear.ElasticNet, Alpha: &k.Alpha, L1Ratio: &k.L1Ratio,
		Epsilon: &k.Epsilon,
	}
	if k.L1Ratio == 1 {
		o.Penalty = linear.L1
	}
	if k.Data == "breast_cancer" {
		o.Task = linear.Classification
	}
	return o
}

// Rows are those of a case, as counts or amounts, and their exposures; nil without.
func (f *DevianceFile) Rows(k *DevianceCase) (c *linear.Chunk, exposures []float64) {
	d := f.Data[k.Data]
	c = &linear.Chunk{Features: len(d.X[0]), X: slices.Concat(d.X...), Target: slices.Clone(d.Y)}
	mean := 0.0
	for i, y := range d.Y {
		c.Numbers = append(c.Numbers, int64(i))
		if k.Weighted {
			c.Weights = append(c.Weights, 0.5+float64(i%4))
		}
		if k.Exposed {
			exposures = append(exposures, 0.25+float64(i%5)/2)
		}
		mean += y / float64(len(d.Y))
	}
	if !k.FitIntercept && k.Data == "areas" { // of glm.py
		for i := range c.Target {
			c.Target[i] /= mean
		}
	}
	return c, exposures
}

// Rates makes rows of exposures rows of rates: see glm.py.
func (k *DevianceCase) Rates(c *linear.Chunk, exposures []float64) *linear.Chunk {
	o := k.Options()
	of, _ := o.Deviance()
	r := *c
	r.Target, r.Weights = slices.Clone(c.Target), make([]float64, c.Len())
	for i, e := range exposures {
		r.Target[i] /= e
		if r.Weights[i] = math.Pow(e, 2-of.Power); c.Weights != nil {
			r.Weights[i] *= c.Weights[i]
		}
	}
	return &r
}

// Name tells a case.
func (k *DevianceCase) Name() string {
	power := ""
	if k.Power != nil {
		power = fmt.Sprint(*k.Power)
	}
	return fmt.Sprintf("%s/%s%s/%v/weighted=%v/exposed=%v/intercept=%v", k.Data, k.Loss, power, k.Alpha, k.Weighted,
		k.Exposed, k.FitIntercept)
}

// Options are those of a case.
func (k *DevianceCase) Options() linear.Options {
	o := linear.Options{Task: linear.Regression, Loss: linear.Loss(k.Loss), Power: k.Power, Alpha: &k.Alpha}
	if k.Coef != nil {
		o.FitIntercept = &k.FitIntercept
	}
	if k.Alpha == 0 {
		o.Penalty, o.Alpha = linear.None, nil
	}
	return o
}

func (f *exactFile) Chunk(name string, weighted bool) *linear.Chunk {
	d := f.Data[name]
	c := &linear.Chunk{Features: d.Features, X: d.X, Target: d.Y}
	if weighted {
		c.Weights = d.Weights
	}
	for i := range d.Y {
		c.Numbers = append(c.Numbers, int64(i))
	}
	return c
}

// cut is the rows in pieces of so many.
func CutChunk(c *linear.Chunk, size int) []*linear.Chunk {
	var pieces []*linear.Chunk
	for lo := 0; lo < c.Len(); lo += size {
		hi := min(lo+size, c.Len())
		p := c.Slice(lo, hi)
		if c.Numbers != nil {
			p.Numbers = c.Numbers[lo:hi]
		}
		pieces = append(pieces, p)
	}
	return pieces
}

// Pass makes a pass over chunks in so many parts, whose sums cross the wire and meet in a tree.
func Pass(t testing.TB, l linear.Learner, parts int, chunks ...*linear.Chunk) {
	t.Helper()
	sums := make([]linear.Partial, parts)
	for i := range sums {
		p := l.Partial(i, parts)
		for k := i * len(chunks) / parts; k < (i+1)*len(chunks)/parts; k++ {
			if err := p.PartialFit(chunks[k]); err != nil {
				t.Fatal(err)
			}
		}
		b, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = l.Partial(i, parts)
		if err := sums[i].UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if again, err := sums[i].MarshalBinary(); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("part %d changes on the wire: %v", i, err)
		}
	}
	for ; len(sums) > 1; sums = sums[:(len(sums)+1)/2] {
		for i := 0; i < len(sums); i += 2 {
			if i+1 < len(sums) {
				if err := sums[i].Merge(sums[i+1]); err != nil {
					t.Fatal(err)
				}
			}
			sums[i/2] = sums[i]
		}
	}
	if err := l.Advance(sums[0]); err != nil {
		t.Fatal(err)
	}
}

// Apart is by how much numbers differ, as a share of the greatest.
func Apart(t testing.TB, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, want %d", len(got), len(want))
	}
	size, worst := 0.0, 0.0
	for i, v := range want {
		size = max(size, math.Abs(v))
		worst = max(worst, math.Abs(got[i]-v))
		if got[i] != got[i] {
			return math.Inf(1)
		}
	}
	if worst == 0 {
		return 0
	}
	return worst / size
}

// Narrowed is the rows in float32.
func Narrowed(c *linear.Chunk) *linear.Chunk {
	n := *c
	n.X, n.X32 = nil, make([]float32, len(c.X))
	for i, v := range c.X {
		n.X32[i] = float32(v)
	}
	return &n
}

// RowsWhere is the rows of the chunk whose numbers are wanted.
func RowsWhere(c *linear.Chunk, want func(number int64) bool) *linear.Chunk {
	k := &linear.Chunk{Features: c.Features}
	if c.Sparse != nil {
		k.Sparse = &linear.CSR{Offsets: []int{0}}
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

// RowNumbers are those of n rows, from first on, as no other rows have them.
func RowNumbers(first, n int) []int64 {
	x := make([]int64, n)
	for i := range x {
		x[i] = int64(first+i) * 7
	}
	return x
}

func JSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Logistic is rows of normal features whose class is drawn from a logistic model.
func Logistic(rows, features int, seed uint64) *linear.Chunk {
	r := rand.New(rand.NewPCG(seed, 2))
	w := make([]float64, features)
	for j := range w {
		w[j] = r.NormFloat64() * 0.6
	}
	c := &linear.Chunk{Features: features, X: make([]float64, rows*features), Target: make([]float64, rows),
		Numbers: make([]int64, rows)}
	for i := range rows {
		p := 0.5
		for j := range features {
			v := r.NormFloat64()
			c.X[i*features+j] = v
			p += v * w[j]
		}
		if r.Float64() < 1/(1+elementary.Exp(-p)) {
			c.Target[i] = 1
		}
		c.Numbers[i] = int64(i)
	}
	return c
}

// Problem is rows × 5 with a target among classes, or a number.
func Problem(rows, classes int, seed uint64) *linear.Chunk {
	r := rand.New(rand.NewPCG(seed, 1))
	c := &linear.Chunk{Features: 5}
	for range rows {
		sum := 0.0
		for range c.Features {
			v := float64(float32(r.NormFloat64()))
			c.X = append(c.X, v)
			sum += v
		}
		sum += r.NormFloat64() / 2
		if classes > 0 {
			sum = math.Floor(float64(classes) / (1 + elementary.Exp(-sum)))
		}
		c.Target = append(c.Target, sum)
	}
	return c
}

// sparse is the rows without those values below a half.
func SparseChunk(c *linear.Chunk) *linear.Chunk {
	s := *c
	s.X, s.Sparse = nil, &linear.CSR{Offsets: []int{0}}
	for i := range c.Len() {
		for j, v := range c.X[i*c.Features : (i+1)*c.Features] {
			if math.Abs(v) >= 0.5 {
				s.Sparse.Indices = append(s.Sparse.Indices, int32(j))
				s.Sparse.Values = append(s.Sparse.Values, v)
			}
		}
		s.Sparse.Offsets = append(s.Sparse.Offsets, len(s.Sparse.Values))
	}
	return &s
}

func PartialFit(t testing.TB, s interface{ PartialFit(*linear.Chunk) error }, chunks ...*linear.Chunk) {
	t.Helper()
	for _, c := range chunks {
		if err := s.PartialFit(c); err != nil {
			t.Fatal(err)
		}
	}
}

func ModelOf(t testing.TB, s interface{ Model() (*linear.Model, error) }) *linear.Model {
	t.Helper()
	m, err := s.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func Saved(t testing.TB, m *linear.Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func Numbered(n int) (c linear.Classes) {
	for i := range n {
		c.Numbers = append(c.Numbers, float64(i))
	}
	return c
}

// testdata is the path of a file of model/linear/testdata.
func testdata(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(top(t), "model", "linear", "testdata", name)
}

// top is the top of the checkout.
func top(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			err = errors.New("no go.mod above the test")
		}
		dir = up
	}
	t.Fatal(err)
	return ""
}

type otherCase struct {
	Name           string
	Params         map[string]json.RawMessage
	InputTransform string `json:"input_transform"`
	Chunks         []int
	AfterChunk     []map[string]json.RawMessage `json:"after_chunk"`
	Transform      json.RawMessage
	PredictProba   json.RawMessage `json:"predict_proba"`
}

func (c *otherCase) input(t *testing.T, x []float64) []float64 {
	x = slices.Clone(x)
	for i := range x {
		switch c.InputTransform {
		case "id":
		case "floor(abs(x))":
			x[i] = math.Floor(math.Abs(x[i]))
		case "x>0":
			if x[i] > 0 {
				x[i] = 1
			} else {
				x[i] = 0
			}
		case "x[::11,0]=NaN; last column=2.5":
			if j := i % TableFeatures; j == 0 && i/TableFeatures%11 == 0 {
				x[i] = math.NaN()
			} else if j == TableFeatures-1 {
				x[i] = 2.5
			}
		default:
			t.Fatalf("input %s", c.InputTransform)
		}
	}
	return x
}

// Estimator is what the estimators of others.json have in common, with the attributes of scikit-learn that it has.
type Estimator struct {
	partialFit func(*linear.Chunk) error
	attributes func() map[string][]float64
	transform  func(*linear.Chunk) ([]float64, error) // or predict_proba
}

// NewEstimator is an estimator of these methods.
func NewEstimator(
	fit func(*linear.Chunk) error, attributes func() map[string][]float64,
	transform func(*linear.Chunk) ([]float64, error),
) Estimator {
	return Estimator{fit, attributes, transform}
}

// InPlace is the transform of an estimator of that of rows in place.
func InPlace(transform func([]float64) error) func(*linear.Chunk) ([]float64, error) {
	return func(k *linear.Chunk) ([]float64, error) {
		x := slices.Clone(k.X)
		return x, transform(x)
	}
}

// RunOthers compares estimators, by their names in others.json, with scikit-learn's results after every chunk.
func RunOthers(t *testing.T, estimators map[string]Estimator) {
	tab, found := ReadTable(t), 0
	for _, c := range ReadCases[otherCase](t, "others.json") {
		e, ok := estimators[c.Name]
		if !ok {
			continue
		}
		found++
		t.Run(c.Name, func(t *testing.T) { c.run(t, tab, e) })
	}
	if found != len(estimators) {
		t.Errorf("%d cases of %d estimators", found, len(estimators))
	}
}

func (c *otherCase) run(t *testing.T, tab *Table, l Estimator) {
	x := c.input(t, tab.X)
	compare := func(what string, got, want []float64) {
		d := Distance(t, what, got, want)
		if !(d <= Tolerance) {
			t.Errorf("%s: off by %.2g: got %v, want %v", what, d, got, want)
		}
	}
	for i, k := range Chunks(x, TableFeatures, tab.Columns["y_multi"], nil, c.Chunks...) {
		if err := l.partialFit(k); err != nil {
			t.Fatal(err)
		}
		got := l.attributes()
		for name, want := range c.AfterChunk[i] {
			if got[name] == nil {
				t.Errorf("no %s", name)
				continue
			}
			compare(fmt.Sprint("chunk ", i, ": ", name), got[name], Numbers(t, want))
		}
	}
	got, err := l.transform(&linear.Chunk{Features: TableFeatures, X: x[:20*TableFeatures]})
	if err != nil {
		t.Fatal(err)
	}
	want := Numbers(t, c.Transform)
	if want == nil {
		want = Numbers(t, c.PredictProba)
	}
	compare("transform or predict_proba", got, want)
}

const Golden = `{
  "format": "beamlearn.linear",
  "version": 1,
  "task": "classification",
  "loss": "log_loss",
  "feature_names": ["a","b"],
  "classes": ["no","yes"],
  "coef": [[-0.0,1e-320]],
  "intercept": [0.1],
  "scaler": {"with_mean":true,"with_std":true,"mean":[1.5,3],"var":[0.25,0],"scale":[0.5,1],"n_samples_seen":[2,2]},
  "hyperparameters": {"loss":"log_loss","penalty":null,"alpha":0.0001,"l1_ratio":0.15,"epsilon":0.1,"fit_intercept":true,"learning_rate":"optimal","eta0":0.01,"power_t":0.5,"average":false,"class_weight":{"yes":2},"tol":null,"n_iter_no_change":5,"early_stopping":false,"validation_fraction":0.1},
  "training": {"solver":"sgd","rows":2,"epochs":1,"class_rows":[1,1]},
  "state": null
}
`

func GoldenModel() *linear.Model {
	return &linear.Model{
		Task: linear.Classification, Loss: linear.LogLoss, FeatureNames: []string{"a", "b"},
		Classes: linear.Classes{Texts: []string{"no", "yes"}},
		Coef:    [][]float64{{math.Copysign(0, -1), 1e-320}}, Intercept: []float64{0.1},
		Scaler: &linear.StandardScaler{WithMean: true, WithStd: true, Mean: []float64{1.5, 3}, Var: []float64{0.25, 0},
			Scale: []float64{0.5, 1}, Count: []float64{2, 2}},
		Options: linear.Options{Loss: linear.LogLoss, Penalty: linear.None,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"yes": 2}}},
		Training: linear.Training{Solver: "sgd", Rows: 2, Epochs: 1, ClassRows: []int64{1, 1}},
	}
}
