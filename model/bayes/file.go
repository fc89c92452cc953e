package bayes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/linear"
)

// Version is the version of the format of files that Save writes and Load reads.
const Version = 1

// Format says in a file what it is.
const Format = "beamlearn.bayes"

// file is a Model in JSON, by the names of scikit-learn's attributes, without their underscores. What ends in _rest is
// what the nearest float64 to a sum lacks, where that is not 0: a fit goes on from both.
type file struct {
	Format       string         `json:"format"`
	Version      int            `json:"version"`
	Options      Options        `json:"options"`
	Rows         int64          `json:"n_samples"`
	Features     int            `json:"n_features_in"`
	FeatureNames []string       `json:"feature_names,omitempty"`
	Classes      linear.Classes `json:"classes"`
	ClassRows    []int64        `json:"class_rows"`
	ClassCount   counted        `json:"class_count"`
	ClassRest    counted        `json:"class_count_rest,omitempty"`

	// Of Gaussian.
	Theta     rows    `json:"theta,omitempty"`
	ThetaRest rows    `json:"theta_rest,omitempty"`
	Squares   rows    `json:"squares,omitempty"` // Σ weight·(x − theta)²
	Var       rows    `json:"var,omitempty"`
	Epsilon   *number `json:"epsilon,omitempty"`
	All       *whole  `json:"unweighted,omitempty"`

	// Of the others.
	FeatureCount rows   `json:"feature_count,omitempty"`
	FeatureRest  rows   `json:"feature_count_rest,omitempty"`
	Widths       []int  `json:"n_categories,omitempty"`
	Categories   []rows `json:"category_count,omitempty"` // features, or columns of a table, × classes × categories
	CategoryRest []rows `json:"category_count_rest,omitempty"`

	Encoding  *features.Encoding `json:"encoding,omitempty"`
	ZeroBased bool               `json:"zero_based,omitempty"`
}

// whole is the moments of all rows, each counting once.
type whole struct {
	Rows    int64   `json:"n_samples"`
	Mean    counted `json:"mean"`
	Rest    counted `json:"mean_rest"`
	Squares counted `json:"squares"`
}

type (
	counted = jsontext.Floats
	rows    []counted
	number  = float64
)

// Save writes the classifier as JSON. Numbers have the shortest form that reads back as the same float64.
func (m *Model) Save(w io.Writer) error {
	f := file{
		Format: Format, Version: Version, Options: m.Options,
		Rows: m.Rows, Features: m.features, FeatureNames: m.FeatureNames,
		Classes: m.Classes, ClassRows: m.ClassRows(), Widths: m.widths, Encoding: m.Encoding, ZeroBased: m.ZeroBased,
	}
	rest, rests := make(counted, len(m.tallies)), false
	for k, t := range m.tallies {
		f.ClassCount = append(f.ClassCount, t.weight.sum[0])
		if t.weight.low != nil {
			rest[k], rests = t.weight.low[0], true
		}
	}
	if rests {
		f.ClassRest = rest
	}
	switch {
	case m.Options.Kind == Gaussian:
		f.gaussian(m)
	case m.Options.Kind == Categorical:
		f.Categories = m.categories(func(c *counter) []float64 { return c.sum })
		for _, t := range m.tallies {
			lacks := slices.ContainsFunc(t.counts, func(c counter) bool { return c.low != nil })
			if lacks && f.CategoryRest == nil {
				f.CategoryRest = m.categories(func(c *counter) []float64 { return c.low })
			}
		}
	default:
		low, some := make(rows, len(m.tallies)), false
		for k, t := range m.tallies {
			f.FeatureCount = append(f.FeatureCount, t.counts[0].sum)
			low[k] = t.counts[0].low
			some = some || low[k] != nil
		}
		if some {
			f.FeatureRest = low
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(f)
}

// categories are sums of Categorical, or what they lack.
func (m *Model) categories(of func(*counter) []float64) []rows {
	var out []rows
	at := 0
	for j, n := range m.sizes() {
		all := make(rows, len(m.tallies))
		for k, t := range m.tallies {
			all[k] = make(counted, n)
			if m.widths == nil {
				copy(all[k], of(&t.counts[j]))
			} else if x := of(&t.counts[0]); x != nil {
				copy(all[k], x[at:at+n])
			}
		}
		out = append(out, all)
		at += n
	}
	return out
}

// gaussian sets the moments.
func (f *file) gaussian(m *Model) {
	variances := m.Var()
	f.Epsilon = new(m.Epsilon())
	for k, t := range m.tallies {
		f.Theta, f.ThetaRest = append(f.Theta, t.moments.mean), append(f.ThetaRest, t.moments.rest)
		f.Squares, f.Var = append(f.Squares, t.moments.squares), append(f.Var, variances[k])
	}
	if a := m.all; a != nil {
		f.All = &whole{Rows: a.rows, Mean: a.moments.mean, Rest: a.moments.rest, Squares: a.moments.squares}
	}
}

// Load reads what Save writes, and nothing else: another field, one that is missing or twice, lists of other lengths
// and what contradicts itself are refused. The error is a *fault.Fault of the file with this name, unless the file
// cannot be read.
func Load(name string, r io.Reader) (*Model, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	bad := func(format string, args ...any) error {
		return fault.File(name, fmt.Sprintf("a classifier, as bayes writes them, version %d", Version), format, args...)
	}
	var f file
	if err := jsontext.Load(b, Format, Version, &f); err != nil {
		return nil, bad("%v", err)
	}
	m, err := f.model()
	if err == nil {
		err = m.usable()
	}
	if err != nil {
		return nil, bad("%v", err)
	}
	if err := jsontext.Same(b, m.Save); err != nil {
		return nil, bad("%v", err)
	}
	return m, nil
}

// model makes the model, whose sums must fit together.
func (f *file) model() (*Model, error) {
	n, d := f.Classes.Len(), f.Features
	if err := errors.Join(f.Options.Validate(), f.Classes.Check()); err != nil {
		return nil, err
	}
	switch {
	case d < 1 || n < 2 || len(f.ClassRows) != n || len(f.ClassCount) != n || f.ClassRest != nil && len(f.ClassRest) != n:
		return nil, fmt.Errorf("%d features, %d classes, %d and %d counts", d, n, len(f.ClassRows), len(f.ClassCount))
	case f.FeatureNames != nil && len(f.FeatureNames) != d || f.Encoding != nil && f.Encoding.Dim() != d:
		return nil, fmt.Errorf("names or an encoding of other than %d features", d)
	}
	seen := map[string]bool{}
	for _, name := range f.FeatureNames {
		if seen[name] {
			return nil, fmt.Errorf("two features of the name %s", fault.Quote(name))
		}
		seen[name] = true
	}
	width := 0
	for _, w := range f.Widths {
		if width += w; w < 1 {
			return nil, fmt.Errorf("%d categories", w)
		}
	}
	if f.Widths != nil && (width != d || f.Options.Kind != Categorical) {
		return nil, fmt.Errorf("%d categories of %d features", width, d)
	}
	m := &Model{
		Options: f.Options, FeatureNames: f.FeatureNames, Encoding: f.Encoding, ZeroBased: f.ZeroBased, Rows: f.Rows,
		Classes: f.Classes, features: d, widths: f.Widths,
	}
	all := int64(0)
	for k := range n {
		t, err := f.tally(k, m)
		if err != nil {
			return nil, err
		}
		m.tallies = append(m.tallies, t)
		all += t.rows
	}
	if all != f.Rows {
		return nil, fmt.Errorf("%d rows of all classes, of %d", all, f.Rows)
	}
	if f.All != nil {
		if f.Options.Kind != Gaussian || f.All.Rows != f.Rows {
			return nil, errors.New("unweighted rows of others")
		}
		t := newTally(&shape{kind: Gaussian, features: d})
		t.rows, t.weight.sum[0] = f.All.Rows, float64(f.All.Rows)
		if err := t.take(f.All.Mean, f.All.Rest, f.All.Squares); err != nil {
			return nil, err
		}
		m.all = t
	}
	return m, nil
}

// tally is that of class k.
func (f *file) tally(k int, m *Model) (*tally, error) {
	s := &shape{kind: f.Options.Kind, features: f.Features, ragged: f.Options.Kind == Categorical && f.Widths == nil,
		binarize: f.Options.Binarize}
	t := newTally(s)
	t.rows, t.weight.sum[0] = f.ClassRows[k], f.ClassCount[k]
	if f.ClassRest != nil {
		if v := f.ClassRest[k]; v != 0 {
			t.weight.low = []float64{v}
		}
	}
	if t.rows < 1 || t.weight.sum[0] < 0 {
		return nil, fmt.Errorf("%d rows of weight %v", t.rows, t.weight.sum[0])
	}
	n := m.Classes.Len()
	switch {
	case t.moments != nil:
		if len(f.Theta) != n || len(f.ThetaRest) != n || len(f.Squares) != n {
			return nil, fmt.Errorf("%d means of %d classes", len(f.Theta), n)
		}
		return t, t.take(f.Theta[k], f.ThetaRest[k], f.Squares[k])
	case s.kind == Categorical:
		return t, f.categories(t, k, n)
	default:
		if len(f.FeatureCount) != n || len(f.FeatureCount[k]) != f.Features ||
			f.FeatureRest != nil && len(f.FeatureRest) != n {
			return nil, fmt.Errorf("counts of %d classes", len(f.FeatureCount))
		}
		c := &t.counts[0]
		if c.sum = f.FeatureCount[k]; f.FeatureRest != nil && len(f.FeatureRest[k]) > 0 {
			c.low = f.FeatureRest[k]
		}
		return t, c.check()
	}
}

// categories sets the counts of class k of n.
func (f *file) categories(t *tally, k, n int) error {
	columns := len(f.Widths)
	if t.shape.ragged {
		columns = f.Features
	}
	if len(f.Categories) != columns || f.CategoryRest != nil && len(f.CategoryRest) != columns {
		return fmt.Errorf("categories of %d features", len(f.Categories))
	}
	all := make([]counter, columns)
	for j, of := range f.Categories {
		if len(of) != n || f.CategoryRest != nil && len(f.CategoryRest[j]) != n {
			return fmt.Errorf("categories of %d classes", len(of))
		}
		c := &all[j]
		if c.sum = of[k]; f.CategoryRest != nil {
			rest := f.CategoryRest[j][k]
			if slices.ContainsFunc(rest, func(v float64) bool { return v != 0 }) {
				c.low = rest
			}
		}
		if err := c.check(); err != nil {
			return err
		}
		if size := len(of[0]); len(c.sum) != size || size > maxCategories || !t.shape.ragged && size != f.Widths[j] {
			return fmt.Errorf("%d categories, and %d", len(c.sum), size)
		}
	}
	if t.shape.ragged {
		t.counts = all
		return nil
	}
	one := counter{}
	for j := range all {
		if all[j].low == nil && f.CategoryRest != nil {
			all[j].low = make([]float64, len(all[j].sum))
		}
		one.sum, one.low = append(one.sum, all[j].sum...), append(one.low, all[j].low...)
	}
	t.counts[0] = one
	t.normalise()
	return nil
}

// take takes moments that were read.
func (t *tally) take(mean, rest, squares []float64) error {
	if d := t.shape.features; len(mean) != d || len(rest) != d || len(squares) != d {
		return fmt.Errorf("%d means, %d rests and %d squares of %d features", len(mean), len(rest), len(squares), d)
	}
	if slices.Min(squares) < 0 {
		return errors.New("squares below 0")
	}
	t.moments.mean, t.moments.rest, t.moments.squares, t.moments.before = mean, rest, squares, t.weight.value(0)
	return nil
}

func (c *counter) check() error {
	if len(c.sum) > 0 && slices.Min(c.sum) < 0 || c.low != nil && len(c.low) != len(c.sum) {
		return errors.New("counts below 0, or rests of others")
	}
	return nil
}
