// Package vote answers queries with what is known of their neighbours: a class by their votes, or a number by their
// mean. It is scikit-learn's KNeighborsClassifier, KNeighborsRegressor, RadiusNeighborsClassifier and
// RadiusNeighborsRegressor beside the search, and has their ties, probabilities and bits, the order of their sums
// included, where distances have the same bits.
//
// [Targets] are what is known of the points. A [Voter] asks the neighbours of one query, for any number k of the
// nearest of them, so that many k are judged by one search. [Scores] judge predictions for points whose own targets are
// known, and do not depend on the order in which they come.
package vote

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/linear"
)

// Weights say how much the vote of a neighbour counts.
type Weights string

const (
	// Uniform counts all neighbours alike.
	Uniform Weights = "uniform"
	// Distance counts a neighbour by the inverse of its distance. Those at the distance 0, or so near that the inverse
	// is infinite, take all the weight.
	Distance Weights = "distance"
)

// AllWeights lists them.
var AllWeights = []Weights{Uniform, Distance}

// MostFrequent, as Options.Outlier, is the most frequent class of all points, the first of several.
const MostFrequent = "most_frequent"

// Options of a vote.
type Options struct {
	// Weights of the neighbours. Default: Uniform.
	Weights Weights
	// Outlier is the answer to a query without a neighbour: a class, which may be none of the points', MostFrequent, or
	// in a regression a number, which may be nan. Default: none, and such a query is a fault.
	Outlier string `json:",omitempty"`
}

// ErrNoNeighbor says that a query has no neighbour, and Options.Outlier says nothing.
var ErrNoNeighbor = errors.New("no neighbour")

// Voter asks the neighbours of one query after the other. It is not safe for concurrent use: each goroutine makes its
// own.
type Voter struct {
	targets *Targets
	o       Options
	outlier float64 // the answer without a neighbour

	codes     []int32
	values    []float64
	distances []float64
	weights   []float64
	sums      []float64 // by class; all 0 between votes
	met       []int32   // classes with votes
	terms     []float64
	order     []place // of AskAll
	sorted    []float64
	k         int // of the weights
}

// NewVoter makes a voter. It fails where the options do not fit the targets.
func NewVoter(t *Targets, o Options) (*Voter, error) {
	if o.Weights == "" {
		o.Weights = Uniform
	}
	if !slices.Contains(AllWeights, o.Weights) {
		return nil, fmt.Errorf("weights %q: must be uniform or distance", o.Weights)
	}
	v := &Voter{targets: t, o: o, sums: make([]float64, t.Classes.Len())}
	var err error
	v.outlier, err = t.Outlier(o.Outlier)
	return v, err
}

// Ask takes the neighbours of a query: the row numbers of points that all have a target, nearest first, with their
// distances, which it keeps as long as it is asked about them.
func (v *Voter) Ask(numbers func(j int) int64, distances []float64) error {
	v.distances, v.k = distances, -1
	v.codes, v.values = v.codes[:0], v.values[:0]
	for j := range distances {
		n := numbers(j)
		if !v.targets.Has(n) {
			return fmt.Errorf("vote: the point of row %d has no target", n)
		}
		if v.targets.Task == linear.Classification {
			v.codes = append(v.codes, v.targets.Codes[n])
		} else {
			v.values = append(v.values, v.targets.Values[n])
		}
	}
	return nil
}

// AskAll is Ask for all neighbours within a radius, in any order. scikit-learn adds up their votes in the order of the
// rows.
func (v *Voter) AskAll(numbers func(j int) int64, distances []float64) error {
	v.order = v.order[:0]
	for j := range distances {
		v.order = append(v.order, place{numbers(j), distances[j]})
	}
	slices.SortFunc(v.order, func(a, b place) int { return cmp.Compare(a.number, b.number) })
	v.sorted = v.sorted[:0]
	for _, p := range v.order {
		v.sorted = append(v.sorted, p.distance)
	}
	return v.Ask(func(j int) int64 { return v.order[j].number }, v.sorted)
}

// place is a neighbour.
type place struct {
	number   int64
	distance float64
}

// Vote is the answer of the first k neighbours, or of all where there are fewer: the place of a class among
// [Targets.Labels], or a number. Of classes with as many votes the first wins. In a classification, proba gets the
// share of each class, where it has room for them. It fails with ErrNoNeighbor where there is none. O(k), and with
// weights in a classification O(k) for each class that is met.
func (v *Voter) Vote(k int, proba []float64) (float64, error) {
	k = min(k, len(v.distances))
	if k < 1 {
		return v.alone(proba)
	}
	v.weigh(k)
	if v.targets.Task == linear.Regression {
		return v.mean(k), nil
	}
	return float64(v.class(k, proba)), nil
}

// alone answers without neighbours.
func (v *Voter) alone(proba []float64) (float64, error) {
	if v.o.Outlier == "" {
		return 0, ErrNoNeighbor
	}
	clear(proba)
	if i := int(v.outlier); v.targets.Task == linear.Classification && i < len(proba) {
		proba[i] = 1
	}
	return v.outlier, nil
}

// weigh makes the weights of the first k neighbours.
func (v *Voter) weigh(k int) {
	if v.o.Weights == Uniform || v.k == k {
		return
	}
	v.k = k
	v.weights = v.weights[:0]
	infinite := false
	for _, d := range v.distances[:k] {
		w := 1 / d
		infinite = infinite || math.IsInf(w, 0)
		v.weights = append(v.weights, w)
	}
	if !infinite {
		return
	}
	for j, w := range v.weights {
		v.weights[j] = 0
		if math.IsInf(w, 0) {
			v.weights[j] = 1
		}
	}
}

// weight is that of neighbour j.
func (v *Voter) weight(j int) float64 {
	if v.o.Weights == Uniform {
		return 1
	}
	return v.weights[j]
}

func (v *Voter) mean(k int) float64 {
	if v.o.Weights == Uniform {
		return pairwise(v.values[:k]) / float64(k)
	}
	v.terms = v.terms[:0]
	for j, y := range v.values[:k] {
		v.terms = append(v.terms, float64(y*v.weights[j]))
	}
	return pairwise(v.terms) / pairwise(v.weights[:k])
}

// class is the winner of k votes.
func (v *Voter) class(k int, proba []float64) int32 {
	v.met = v.met[:0]
	for j, c := range v.codes[:k] {
		if !slices.Contains(v.met, c) {
			v.met = append(v.met, c)
		}
		v.sums[c] += v.weight(j)
	}
	slices.Sort(v.met)
	winner, most := v.met[0], 0.0
	for _, c := range v.met {
		if votes := v.votes(k, c); votes > most {
			winner, most = c, votes
		}
	}
	if len(proba) > 0 {
		clear(proba)
		for _, c := range v.met {
			proba[c] = v.sums[c]
		}
		all := pairwise(proba)
		for _, c := range v.met {
			proba[c] /= all
		}
	}
	for _, c := range v.met {
		v.sums[c] = 0
	}
	return winner
}

// votes are those for a class, by which it wins. scikit-learn adds them up otherwise than for the probabilities: over
// all neighbours, those of other classes counting 0.
func (v *Voter) votes(k int, class int32) float64 {
	if v.o.Weights == Uniform {
		return v.sums[class]
	}
	v.terms = v.terms[:0]
	for j, c := range v.codes[:k] {
		w := 0.0
		if c == class {
			w = v.weights[j]
		}
		v.terms = append(v.terms, w)
	}
	return pairwise(v.terms)
}

// pairwise is the sum of values in the order in which numpy adds up consecutive ones: in eight lanes, and by halves
// above 128.
func pairwise(values []float64) float64 {
	const lanes, block = 8, 128
	n := len(values)
	if n > block {
		half := n / 2
		half -= half % lanes
		return pairwise(values[:half]) + pairwise(values[half:])
	}
	sum := 0.0
	if n >= lanes {
		var r [lanes]float64
		copy(r[:], values)
		whole := n - n%lanes
		for i := lanes; i < whole; i += lanes {
			for j, x := range values[i : i+lanes] {
				r[j] += x
			}
		}
		sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
		values = values[whole:]
	}
	for _, x := range values {
		sum += x
	}
	return sum
}
