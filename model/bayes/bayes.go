// Package bayes is naive Bayes, learned chunk by chunk as scikit-learn's partial_fit does: [GaussianNB] and
// [DiscreteNB].
package bayes

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// NaiveBayes says how a [DiscreteNB] sees features.
type NaiveBayes string

const (
	Multinomial NaiveBayes = "multinomial" // counts, ≥ 0; scikit-learn's MultinomialNB
	Complement  NaiveBayes = "complement"  // counts, by those of all other classes; ComplementNB (Rennie et al., ICML 2003)
	Bernoulli   NaiveBayes = "bernoulli"   // whether a feature is above Binarize; BernoulliNB
)

// DiscreteNB is a naive Bayes classifier of counts. It learns by counting, so that chunks may come in any order;
// classes may appear at any time.
type DiscreteNB struct {
	Kind      NaiveBayes
	Alpha     float64 // additive smoothing; NewDiscreteNB sets 1
	FitPrior  bool    // whether classes are as likely as they are frequent, or all alike; NewDiscreteNB sets true
	Binarize  float64 // of Bernoulli
	Normalize bool    // of Complement: scikit-learn's norm

	Classes      linear.Classes
	ClassCount   []float64   // rows of each class, or sum of their weights
	FeatureCount [][]float64 // sum of the features over them
	features     int
}

// NewDiscreteNB makes a classifier with scikit-learn's defaults for rows of so many columns.
func NewDiscreteNB(kind NaiveBayes, features int) (*DiscreteNB, error) {
	if kind != Multinomial && kind != Complement && kind != Bernoulli {
		return nil, fmt.Errorf("naive Bayes %q: must be one of %s", kind, linear.Join([]NaiveBayes{Multinomial, Complement, Bernoulli}))
	}
	if features < 1 {
		return nil, fmt.Errorf("%d features: there must be at least one", features)
	}
	return &DiscreteNB{Kind: kind, Alpha: 1, FitPrior: true, features: features}, nil
}

// meet checks a chunk and gives the places of its classes, after rows for new ones have been inserted.
func meet(c *linear.Chunk, features int, classes *linear.Classes, insert func(from []int)) ([]int32, error) {
	if err := c.CheckRows(features); err != nil {
		return nil, err
	}
	if err := c.CheckTargets(linear.Classification); err != nil {
		return nil, err
	}
	places := make([]int32, c.Len())
	unknown, err := classes.Encode(places, c)
	if err != nil || unknown.Len() == 0 {
		return places, err
	}
	insert(classes.Join(&unknown))
	_, err = classes.Encode(places, c)
	return places, err
}

// spread puts the rows of old where from has them, and zeros elsewhere.
func spread(old [][]float64, from []int, features int) [][]float64 {
	rows := make([][]float64, len(from))
	for i, k := range from {
		if k >= 0 {
			rows[i] = old[k]
		} else {
			rows[i] = make([]float64, features)
		}
	}
	return rows
}

func spreadOne(old []float64, from []int) []float64 {
	out := make([]float64, len(from))
	for i, k := range from {
		if k >= 0 {
			out[i] = old[k]
		}
	}
	return out
}

// PartialFit counts the rows of a chunk.
func (b *DiscreteNB) PartialFit(c *linear.Chunk) error {
	if b.Kind != Bernoulli {
		rows := linear.NewRows(c, nil, nil)
		if err := c.CheckRows(b.features); err != nil {
			return err
		}
		for i := range c.Len() {
			for _, v := range rows.At(i).Val {
				if v < 0 {
					return c.Fault(i, "counts", "%v", v)
				}
			}
		}
	}
	places, err := meet(c, b.features, &b.Classes, func(from []int) {
		b.ClassCount = spreadOne(b.ClassCount, from)
		b.FeatureCount = spread(b.FeatureCount, from, b.features)
	})
	if err != nil {
		return err
	}
	rows := linear.NewRows(c, nil, nil)
	for i, k := range places {
		w := 1.0
		if c.Weights != nil {
			w = c.Weights[i]
		}
		b.ClassCount[k] += w
		b.seen(rows.At(i)).Add(w, b.FeatureCount[k])
	}
	return nil
}

// seen is the row as the kind sees it.
func (b *DiscreteNB) seen(x kernel.Row) kernel.Row {
	if b.Kind != Bernoulli {
		return x
	}
	val := make([]float64, len(x.Val))
	for j, v := range x.Val {
		if v > b.Binarize {
			val[j] = 1
		}
	}
	return kernel.Row{Idx: x.Idx, Val: val}
}

// ClassLogPrior is the logarithm of each class's prior probability.
func (b *DiscreteNB) ClassLogPrior() []float64 {
	out := make([]float64, len(b.ClassCount))
	sum := 0.0
	for _, n := range b.ClassCount {
		sum += n
	}
	for k, n := range b.ClassCount {
		if b.FitPrior {
			out[k] = elementary.Log(n) - elementary.Log(sum)
		} else {
			out[k] = -elementary.Log(float64(len(out)))
		}
	}
	return out
}

// FeatureLogProb is scikit-learn's feature_log_prob_, classes × features: what a unit of a feature adds to a class's
// score.
func (b *DiscreteNB) FeatureLogProb() [][]float64 {
	all := make([]float64, b.features)
	if b.Kind == Complement {
		for _, counts := range b.FeatureCount {
			kernel.Add(1, counts, all)
		}
	}
	out := make([][]float64, len(b.FeatureCount))
	for k, counts := range b.FeatureCount {
		row := make([]float64, b.features)
		sum := 0.0
		for j, n := range counts {
			row[j] = n + b.Alpha
			if b.Kind == Complement {
				row[j] = all[j] + b.Alpha - n
			}
			sum += row[j]
		}
		if b.Kind == Bernoulli {
			sum = b.ClassCount[k] + 2*b.Alpha
		}
		logs := 0.0
		for j, n := range row {
			if b.Kind == Complement {
				row[j] = -elementary.Log(n / sum)
			} else {
				row[j] = elementary.Log(n) - elementary.Log(sum)
			}
			logs -= row[j]
		}
		if b.Kind == Complement && b.Normalize {
			for j := range row {
				row[j] /= -logs
			}
		}
		out[k] = row
	}
	return out
}

// PredictProba appends to dst the probabilities of the classes for each row, rows × classes.
func (b *DiscreteNB) PredictProba(c *linear.Chunk, dst []float64) ([]float64, error) {
	if err := c.CheckRows(b.features); err != nil {
		return dst, err
	}
	if b.Classes.Len() == 0 {
		return dst, errors.New("no rows have been learned from")
	}
	prior, weights := b.ClassLogPrior(), b.FeatureLogProb()
	switch {
	case b.Kind == Complement && len(weights) > 1:
		clear(prior)
	case b.Kind == Bernoulli: // what is absent counts, too
		for k, row := range weights {
			for j, v := range row {
				absent := elementary.Log(1 - elementary.Exp(v))
				row[j] = v - absent
				prior[k] += absent
			}
		}
	}
	rows := linear.NewRows(c, nil, nil)
	for i := range c.Len() {
		x := b.seen(rows.At(i))
		n := len(dst)
		for k, w := range weights {
			dst = append(dst, x.Dot(w)+prior[k])
		}
		softmax(dst[n:])
	}
	return dst, nil
}

// softmax makes probabilities of their logarithms, up to a common summand.
func softmax(s []float64) {
	top, sum := slices.Max(s), 0.0
	for k, v := range s {
		s[k] = elementary.Exp(v - top)
		sum += s[k]
	}
	for k := range s {
		s[k] /= sum
	}
}

// GaussianNB is a naive Bayes classifier of features that are normally distributed in each class: scikit-learn's
// GaussianNB, with empirical priors. Classes may appear at any time.
type GaussianNB struct {
	VarSmoothing float64 // share of the largest variance of a chunk's columns that is added to all variances

	Classes    linear.Classes
	ClassCount []float64
	Theta      [][]float64 // means, classes × features
	// Var are the variances, with Epsilon, the last chunk's, added. (As in scikit-learn it is also the last chunk's that
	// is taken off before the next is learned from, not the one that had been added.)
	Var     [][]float64
	Epsilon float64
}

// NewGaussianNB makes a classifier with scikit-learn's defaults.
func NewGaussianNB() *GaussianNB { return &GaussianNB{VarSmoothing: 1e-9} }

// PartialFit learns from the rows of a dense chunk.
func (b *GaussianNB) PartialFit(c *linear.Chunk) error {
	if c.Sparse != nil {
		return errors.New("linear.GaussianNB: sparse rows would lose their zeros")
	}
	features := c.Features
	if len(b.Theta) > 0 {
		features = len(b.Theta[0])
	}
	if features < 1 {
		return fmt.Errorf("%d features: there must be at least one", features)
	}
	first := b.Classes.Len() == 0
	places, err := meet(c, features, &b.Classes, func(from []int) {
		b.ClassCount = spreadOne(b.ClassCount, from)
		b.Theta, b.Var = spread(b.Theta, from, features), spread(b.Var, from, features)
		for i, k := range from {
			if k < 0 {
				for j := range b.Var[i] {
					b.Var[i][j] = b.Epsilon
				}
			}
		}
	})
	if err != nil || c.Len() == 0 {
		return err
	}
	whole := linear.NewStandardScaler(features)
	if err := whole.PartialFit(c, nil); err != nil {
		return err
	}
	b.Epsilon = b.VarSmoothing * slices.Max(whole.Var)
	rows := linear.NewRows(c, nil, nil)
	for k := range b.Classes.Len() {
		if !first {
			for j := range b.Var[k] {
				b.Var[k][j] -= b.Epsilon
			}
		}
		part := &linear.Chunk{Features: features}
		var weights []float64
		for i, place := range places {
			if int(place) == k {
				part.X = append(part.X, rows.At(i).Val...)
				if c.Weights != nil {
					weights = append(weights, c.Weights[i])
				}
			}
		}
		if part.Len() > 0 {
			moments := &linear.StandardScaler{Mean: b.Theta[k], Var: b.Var[k], Count: slices.Repeat(b.ClassCount[k:k+1], features)}
			if err := moments.PartialFit(part, weights); err != nil {
				return err
			}
			b.ClassCount[k] = moments.Count[0]
		}
		for j := range b.Var[k] {
			b.Var[k][j] += b.Epsilon
		}
	}
	return nil
}

// PredictProba appends to dst the probabilities of the classes for each row, rows × classes.
func (b *GaussianNB) PredictProba(c *linear.Chunk, dst []float64) ([]float64, error) {
	if b.Classes.Len() == 0 {
		return dst, errors.New("no rows have been learned from")
	}
	if c.Sparse != nil {
		return dst, errors.New("linear.GaussianNB: sparse rows would lose their zeros")
	}
	if err := c.CheckRows(len(b.Theta[0])); err != nil {
		return dst, err
	}
	sum := 0.0
	for _, n := range b.ClassCount {
		sum += n
	}
	base := make([]float64, len(b.Theta))
	for k, n := range b.ClassCount {
		base[k] = elementary.Log(n / sum)
		for _, v := range b.Var[k] {
			base[k] -= elementary.Log(2*math.Pi*v) / 2
		}
	}
	rows := linear.NewRows(c, nil, nil)
	for i := range c.Len() {
		x, n := rows.At(i).Val, len(dst)
		for k, theta := range b.Theta {
			d2 := 0.0
			for j, v := range x {
				d := v - theta[j]
				d2 += d * d / b.Var[k][j]
			}
			dst = append(dst, base[k]-d2/2)
		}
		softmax(dst[n:])
	}
	return dst, nil
}
