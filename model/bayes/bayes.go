// Package bayes learns naive Bayes classifiers in one pass over rows that need not fit into memory: scikit-learn's
// GaussianNB, MultinomialNB, ComplementNB, BernoulliNB and CategoricalNB.
//
// A [Fit] sums up the rows of each class; sums of any parts of the rows can be added, so that a [Model], which keeps
// them, goes on with the rows of another file as if all had been there at once. With several degrees of smoothing it
// cross-validates: the sums are taken fold by fold, and a second pass judges each row by the sums of the others.
package bayes

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"beamlearn/model/features"
	"beamlearn/model/internal/elementary"
	"beamlearn/model/linear"
)

// Kind says how features are distributed within a class.
type Kind string

const (
	Gaussian    Kind = "gaussian"    // normally: scikit-learn's GaussianNB
	Multinomial Kind = "multinomial" // counts, from 0 on: MultinomialNB
	Complement  Kind = "complement"  // counts, by those of the other classes: ComplementNB (Rennie et al., ICML 2003)
	Bernoulli   Kind = "bernoulli"   // whether they are above Binarize: BernoulliNB
	Categorical Kind = "categorical" // categories, numbered from 0 on: CategoricalNB
)

// Kinds are all of them.
var Kinds = []Kind{Gaussian, Multinomial, Complement, Bernoulli, Categorical}

// Options are the hyperparameters of scikit-learn's classifiers, by their names. [Defaults] makes them.
type Options struct {
	Kind Kind `json:"kind"`
	// Smoothing is scikit-learn's alpha, which is added to each count, or var_smoothing of Gaussian: the share of the
	// largest variance of a column that is added to all variances.
	Smoothing float64 `json:"smoothing"`
	// FitPrior says whether classes are as likely as they are frequent; otherwise all are alike.
	FitPrior bool `json:"fit_prior"`
	// ClassPrior are the probabilities of the classes, by their labels, which must be all that there are, and sum to 1.
	// Default: by FitPrior.
	ClassPrior map[string]float64 `json:"class_prior,omitempty"`
	// Binarize is the value that a feature of Bernoulli must be above.
	Binarize float64 `json:"binarize"`
	// Norm says whether the weights of Complement are divided by their sum.
	Norm bool `json:"norm"`
	// MinCategories is how many categories a feature of Categorical has at least.
	MinCategories int `json:"min_categories"`
}

// Defaults are scikit-learn's.
func Defaults(kind Kind) Options {
	o := Options{Kind: kind, Smoothing: 1, FitPrior: true}
	if kind == Gaussian {
		o.Smoothing = 1e-9
	}
	return o
}

// SmoothingName is what scikit-learn calls Smoothing.
func (k Kind) SmoothingName() string {
	if k == Gaussian {
		return "var_smoothing"
	}
	return "alpha"
}

// priorSum is how far the sum of priors may be from 1.
const priorSum = 1e-8

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	if !slices.Contains(Kinds, o.Kind) {
		return fmt.Errorf("kind %q: must be one of %s", o.Kind, linear.Join(Kinds))
	}
	if err := o.Kind.checkSmoothing(o.Smoothing); err != nil {
		errs = append(errs, err)
	}
	sum := 0.0
	for _, label := range slices.Sorted(maps.Keys(o.ClassPrior)) {
		p := o.ClassPrior[label]
		if !(p > 0 && p <= 1) {
			errs = append(errs, fmt.Errorf("class_prior %s=%v: must be above 0, and at most 1", label, p))
		}
		sum += p
	}
	if o.ClassPrior != nil && !(math.Abs(sum-1) <= priorSum) && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("class_prior: the probabilities must sum to 1, not %v", sum))
	}
	if o.Binarize-o.Binarize != 0 {
		errs = append(errs, fmt.Errorf("binarize %v: must be a finite number", o.Binarize))
	}
	if o.MinCategories < 0 || o.MinCategories > maxCategories {
		errs = append(errs, fmt.Errorf("min_categories %d: must be from 0 to %d", o.MinCategories, maxCategories))
	}
	return errors.Join(errs...)
}

func (k Kind) checkSmoothing(v float64) error {
	switch {
	case v-v != 0 || v < 0:
		return fmt.Errorf("%s %v: must be a finite number from 0 on", k.SmoothingName(), v)
	case v == 0 && k != Gaussian:
		return errors.New("alpha 0: must be above 0, as what is never seen in a class would be impossible: " +
			"1e-10 is as good as none")
	case v > maxSmoothing && k != Gaussian:
		return fmt.Errorf("alpha %v: must be at most %g", v, maxSmoothing)
	}
	return nil
}

// maxSmoothing is an alpha of which float64 holds a sum over all columns.
const maxSmoothing = 1e200

// maxCategories bounds the categories of a feature, and with them its numbers.
const maxCategories = 1 << 20

// Model is a classifier: the sums of the rows of each class, from which all else follows. It is plain data;
// [Model.Predictor] makes what predicts.
type Model struct {
	Options      Options
	FeatureNames []string // nil, or one for each feature
	// Encoding brings rows of tables to the features; nil where rows are numbers.
	Encoding *features.Encoding
	// ZeroBased says that the rows were of .svm, whose index of the first column was 0, as are those of rows to predict.
	ZeroBased bool

	Rows    int64 // that it was learned from
	Classes linear.Classes

	features int
	widths   []int    // of Categorical, of tables: how many features each column has, one of which is 1
	tallies  []*tally // of the classes
	all      *tally   // of Gaussian: of all rows, where they have weights that do not count in var_smoothing
}

// Features is the number of columns.
func (m *Model) Features() int { return m.features }

// ClassRows is how many rows each class has.
func (m *Model) ClassRows() []int64 {
	out := make([]int64, len(m.tallies))
	for k, t := range m.tallies {
		out[k] = t.rows
	}
	return out
}

// ClassCount is the sum of the weights of each class: scikit-learn's class_count_.
func (m *Model) ClassCount() []float64 {
	out := make([]float64, len(m.tallies))
	for k, t := range m.tallies {
		out[k] = t.weight.value(0)
	}
	return out
}

// ClassLogPrior is the logarithm of each class's prior probability, −∞ of a class without rows: class_log_prior_.
func (m *Model) ClassLogPrior() []float64 {
	out := m.ClassCount()
	sum := total(out)
	for k, n := range out {
		switch {
		case m.Options.ClassPrior != nil:
			out[k] = elementary.Log(m.Options.ClassPrior[m.Classes.Label(k)])
		case n == 0:
			out[k] = math.Inf(-1)
		case !m.Options.FitPrior:
			out[k] = -elementary.Log(float64(len(out)))
		case m.Options.Kind == Gaussian:
			out[k] = elementary.Log(n / sum)
		default:
			out[k] = elementary.Log(n) - elementary.Log(sum)
		}
	}
	return out
}

// checkPrior says which classes class_prior lacks, or has too many of.
func (m *Model) checkPrior() error {
	if m.Options.ClassPrior == nil {
		return nil
	}
	var missing, labels []string
	left := maps.Clone(m.Options.ClassPrior)
	for k := range m.Classes.Len() {
		label := m.Classes.Label(k)
		if _, ok := left[label]; !ok {
			missing = append(missing, label)
		}
		delete(left, label)
		labels = append(labels, label)
	}
	if len(missing)+len(left) == 0 {
		return nil
	}
	const most = 8
	if len(labels) > most {
		labels = append(labels[:most], "…")
	}
	if len(missing) > 0 {
		return fmt.Errorf("class_prior: nothing for class %s: the classes are %s", missing[0], strings.Join(labels, ", "))
	}
	extra := slices.Sorted(maps.Keys(left))
	return fmt.Errorf("class_prior: no row is of class %s: the classes are %s", extra[0], strings.Join(labels, ", "))
}

// Theta are the means of the features of Gaussian, classes × features: theta_.
func (m *Model) Theta() [][]float64 {
	out := make([][]float64, len(m.tallies))
	for k, t := range m.tallies {
		out[k] = t.moments.mean
	}
	return out
}

// Epsilon is what is added to all variances of Gaussian: epsilon_, var_smoothing times the largest variance of a
// column over all rows, each counting once, whatever its weight.
func (m *Model) Epsilon() float64 {
	if m.Options.Kind != Gaussian {
		return 0
	}
	all := m.all
	if all == nil {
		all = newTally(&shape{kind: Gaussian, features: m.features})
		for _, t := range m.tallies {
			all.merge(t)
		}
	}
	most, n := 0.0, all.weight.value(0)
	for _, s := range all.moments.squares {
		most = max(most, s/n)
	}
	return m.Options.Smoothing * most
}

// Var are the variances of the features of Gaussian, classes × features, with Epsilon: var_.
func (m *Model) Var() [][]float64 {
	out, epsilon := make([][]float64, len(m.tallies)), m.Epsilon()
	for k, t := range m.tallies {
		n := t.weight.value(0)
		out[k] = make([]float64, m.features)
		for j, s := range t.moments.squares {
			if n > 0 {
				out[k][j] = s/n + epsilon
			}
		}
	}
	return out
}

// FeatureCount are the sums of the features over the rows of each class, classes × features: feature_count_ of
// Multinomial, Complement and Bernoulli, and of Categorical of tables, whose features are categories.
func (m *Model) FeatureCount() [][]float64 {
	out := make([][]float64, len(m.tallies))
	for k, t := range m.tallies {
		if len(t.counts) == 1 {
			out[k] = t.counts[0].values()
		}
	}
	return out
}

// CategoryCount are the weights of the rows with each category, features × classes × categories: category_count_ of
// Categorical. Of tables the features are columns, and their categories in the order of the encoding's.
func (m *Model) CategoryCount() [][][]float64 {
	if m.Options.Kind != Categorical {
		return nil
	}
	sizes := m.sizes()
	out := make([][][]float64, len(sizes))
	at := 0
	for j, n := range sizes {
		out[j] = make([][]float64, len(m.tallies))
		for k, t := range m.tallies {
			row := make([]float64, n)
			for c := range row {
				if m.widths != nil {
					row[c] = t.counts[0].value(at + c)
				} else if c < len(t.counts[j].sum) {
					row[c] = t.counts[j].value(c)
				}
			}
			out[j][k] = row
		}
		at += n
	}
	return out
}

// sizes are how many categories each feature, or column, of Categorical has.
func (m *Model) sizes() []int {
	if m.widths != nil {
		return m.widths
	}
	out := slices.Repeat([]int{m.Options.MinCategories}, m.features)
	for _, t := range m.tallies {
		for j := range t.counts {
			out[j] = max(out[j], len(t.counts[j].sum))
		}
	}
	return out
}

// FeatureLogProb is scikit-learn's feature_log_prob_ of all kinds but Gaussian, classes × features: what a unit of a
// feature adds to a class's score. Of Categorical the features are all categories of the first column, then those of
// the second, and so on.
func (m *Model) FeatureLogProb() [][]float64 {
	switch m.Options.Kind {
	case Gaussian:
		return nil
	case Categorical:
		return m.categoryLogProb()
	}
	counts := m.FeatureCount()
	all := make([]float64, m.features)
	if m.Options.Kind == Complement {
		for _, c := range counts {
			for j, n := range c {
				all[j] += n
			}
		}
	}
	alpha := m.Options.Smoothing
	for k, row := range counts {
		for j, n := range row {
			if m.Options.Kind == Complement {
				n = max(0, all[j]-n)
			}
			row[j] = n + alpha
		}
		sum := total(row)
		if m.Options.Kind == Bernoulli {
			sum = m.tallies[k].weight.value(0) + 2*alpha
		}
		for j, n := range row {
			if m.Options.Kind == Complement {
				row[j] = -elementary.Log(n / sum)
			} else {
				row[j] = elementary.Log(n) - elementary.Log(sum)
			}
		}
		if m.Options.Kind == Complement && m.Options.Norm {
			if sum := total(row); sum > 0 { // 0 of a single feature, which tells nothing
				for j := range row {
					row[j] /= sum
				}
			}
		}
	}
	return counts
}

// absentLogProb are the logarithms of the probabilities that the features of Bernoulli are not there in class k. They
// go by how many rows lack a feature: 1 less the probability that it is there keeps nothing of a small Smoothing.
func (m *Model) absentLogProb(k int) []float64 {
	t, alpha := m.tallies[k], m.Options.Smoothing
	n, out := t.weight.value(0), t.counts[0].values()
	sum := elementary.Log(n + 2*alpha)
	for j, there := range out {
		out[j] = elementary.Log(max(0, n-there)+alpha) - sum
	}
	return out
}

// checkSparse is the fault of sparse rows whose absent values would count as being there.
func (o *Options) checkSparse(c *linear.Chunk) error {
	if c.Sparse != nil && o.Kind == Bernoulli && o.Binarize < 0 {
		return fmt.Errorf(
			"binarize %v: must be at least 0 where rows are sparse, as all that is not there would be above it", o.Binarize)
	}
	return nil
}

func (m *Model) categoryLogProb() [][]float64 {
	out := make([][]float64, len(m.tallies))
	for _, of := range m.CategoryCount() {
		for k, row := range of {
			for c := range row {
				row[c] += m.Options.Smoothing
			}
			sum := elementary.Log(total(row))
			for _, n := range row {
				out[k] = append(out[k], elementary.Log(n)-sum)
			}
		}
	}
	return out
}

// total is the sum of numbers, with what rounding loses (Neumaier, ZAMM 54, 1974).
func total(x []float64) float64 {
	sum, low := 0.0, 0.0
	for _, v := range x {
		s, rest := twoSum(sum, v)
		sum, low = s, low+rest
	}
	return sum + low
}

// twoSum is a + b, and what rounding loses of it (Knuth).
func twoSum(a, b float64) (sum, rest float64) {
	sum = a + b
	c := sum - a
	return sum, (a - (sum - c)) + (b - c)
}
