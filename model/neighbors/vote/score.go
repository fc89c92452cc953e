package vote

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/exact"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
)

// Scores judge predictions for points whose targets are known, by the targets of the others, for several numbers of
// neighbours at once. They have the same bits in whatever order predictions come and scores are merged. The zero value,
// with Task and Ks, has seen none.
type Scores struct {
	Task linear.Task `json:"task"`
	Ks   []int       `json:"k"` // or 0: all within the radius
	Rows int64       `json:"rows"`
	// Alone is how many rows more have no neighbour, and nan for an answer: they are not scored.
	Alone int64   `json:"alone,omitempty"`
	Each  []Score `json:"each"` // by k
	// Targets and Squares are the sums of the targets and of their squares, of a regression.
	Targets exact.Sum `json:"targets,omitzero"`
	Squares exact.Sum `json:"squares,omitzero"`
	// Sample are some rows, drawn as if by chance, of a regression.
	Sample []Sampled `json:"sample,omitempty"`

	full bool   // the sample was cut
	last uint64 // its highest rank then
}

// Score is of one k.
type Score struct {
	// Cells are, of a classification, how many rows of a class were taken for a class, ascending by both; LogLoss is
	// the sum of −log of the probability of the rows' classes.
	Cells   []Cell    `json:"cells,omitempty"`
	LogLoss exact.Sum `json:"log_loss,omitzero"`
	// Squared and Absolute are the sums of errors of a regression.
	Squared  exact.Sum `json:"squared,omitzero"`
	Absolute exact.Sum `json:"absolute,omitzero"`
	// Mistakes are the worst: wrong ones of the most probable class, or of the largest error.
	Mistakes []Mistake `json:"mistakes,omitempty"`

	counts map[[2]int32]int64
}

// Cell counts rows of class True that were taken for class Taken.
type Cell struct {
	True  int32 `json:"t"`
	Taken int32 `json:"p"`
	Rows  int64 `json:"n"`
}

// Sampled is a row with its target and what was predicted for it, by k.
type Sampled struct {
	Number    int64     `json:"n"`
	Target    float64   `json:"t"`
	Predicted []float64 `json:"p"`
}

// Mistake is a row that was predicted wrong, with its nearest neighbours.
type Mistake struct {
	Number    int64     `json:"n"`
	ID        string    `json:"id"`
	Target    float64   `json:"t"`
	Predicted float64   `json:"p"`
	Worth     float64   `json:"w"` // the probability of the class predicted, or the error
	Neighbors []string  `json:"neighbors"`
	Distances []float64 `json:"distances"`
	Known     []float64 `json:"known"` // the neighbours' targets
}

// What is kept of rows.
const (
	sampleRows   = 500
	mistakesKept = 12
	// Nearby is how many neighbours of a mistake are worth to be shown.
	Nearby = 8
)

// Judged is a prediction with what is true.
type Judged struct {
	Number    int64
	Target    float64
	Predicted []float64   // by k
	Probas    [][]float64 // by k, of a classification
	// Show fills in the id and the neighbours of a mistake, where it is kept.
	Show func(m *Mistake)
}

// NewScores judges so many numbers of neighbours.
func NewScores(task linear.Task, ks []int) *Scores {
	return &Scores{Task: task, Ks: ks, Each: make([]Score, len(ks))}
}

// Add judges the predictions for a row. A class that none of the points has, as an outlier's may be, is a wrong one.
func (s *Scores) Add(j *Judged) {
	if p := j.Predicted[0]; p != p {
		s.Alone++
		return
	}
	s.Rows++
	if s.Task == linear.Regression {
		s.Targets.Add(j.Target)
		s.Squares.AddSquare(j.Target)
		s.sample(j)
	}
	for i := range s.Each {
		e, p := &s.Each[i], j.Predicted[i]
		worth := 0.0
		if s.Task == linear.Regression {
			r := j.Target - p
			e.Squared.Add(float64(r * r))
			e.Absolute.Add(math.Abs(r))
			worth = math.Abs(r)
		} else {
			if e.counts == nil {
				e.counts = map[[2]int32]int64{}
			}
			e.counts[[2]int32{int32(j.Target), int32(p)}]++
			e.LogLoss.Add(logLoss(j.Probas[i], int(j.Target)))
			if p == j.Target {
				continue
			}
			if worth = 0; int(p) < len(j.Probas[i]) {
				worth = j.Probas[i][int(p)]
			}
		}
		e.mistake(j, p, worth)
	}
}

// logLoss is −log of a probability, which counts as at least 2⁻⁵² and at most 1−2⁻⁵², as in scikit-learn.
func logLoss(proba []float64, class int) float64 {
	const epsilon = 1.0 / (1 << 52)
	return -elementary.Log(min(max(proba[class], epsilon), 1-epsilon))
}

func (e *Score) mistake(j *Judged, predicted, worth float64) {
	if worth == 0 || worth-worth != 0 {
		return
	}
	if len(e.Mistakes) == mistakesKept {
		last := &e.Mistakes[mistakesKept-1]
		if worth < last.Worth || worth == last.Worth && j.Number > last.Number {
			return
		}
	}
	m := Mistake{Number: j.Number, Target: j.Target, Predicted: predicted, Worth: worth}
	if j.Show != nil {
		j.Show(&m)
	}
	e.Mistakes = append(e.Mistakes, m)
	e.trim()
}

func (e *Score) trim() {
	slices.SortFunc(e.Mistakes, func(a, b Mistake) int {
		return cmp.Or(-cmp.Compare(a.Worth, b.Worth), cmp.Compare(a.Number, b.Number))
	})
	e.Mistakes = e.Mistakes[:min(len(e.Mistakes), mistakesKept)]
}

// rank orders rows as if by chance.
func rank(number int64) uint64 { return splitmix.Mix(uint64(number) ^ 0x9e3779b97f4a7c15) }

func (s *Scores) sample(j *Judged) {
	if s.full && rank(j.Number) > s.last {
		return
	}
	s.Sample = append(s.Sample, Sampled{j.Number, j.Target, slices.Clone(j.Predicted)})
	if len(s.Sample) >= 2*sampleRows {
		s.trim()
	}
}

func (s *Scores) trim() {
	slices.SortFunc(s.Sample, func(a, b Sampled) int { return cmp.Compare(rank(a.Number), rank(b.Number)) })
	if len(s.Sample) >= sampleRows {
		s.Sample = s.Sample[:sampleRows]
		s.full, s.last = true, rank(s.Sample[sampleRows-1].Number)
	}
}

// Finish makes Cells and the sample complete: call it before the scores are encoded, or read.
func (s *Scores) Finish() {
	s.trim()
	for i := range s.Each {
		e := &s.Each[i]
		for _, c := range e.Cells {
			if e.counts == nil {
				e.counts = map[[2]int32]int64{}
			}
			e.counts[[2]int32{c.True, c.Taken}] += c.Rows
		}
		e.Cells = e.Cells[:0]
		for at, n := range e.counts {
			e.Cells = append(e.Cells, Cell{at[0], at[1], n})
		}
		slices.SortFunc(e.Cells, func(a, b Cell) int {
			return cmp.Or(cmp.Compare(a.True, b.True), cmp.Compare(a.Taken, b.Taken))
		})
		e.counts = nil
	}
}

// Merge adds finished scores of the same numbers of neighbours.
func (s *Scores) Merge(o *Scores) {
	s.Rows += o.Rows
	s.Alone += o.Alone
	s.Targets.Merge(&o.Targets)
	s.Squares.Merge(&o.Squares)
	s.Sample = append(s.Sample, o.Sample...)
	for i := range min(len(s.Each), len(o.Each)) {
		e, f := &s.Each[i], &o.Each[i]
		e.Cells = append(e.Cells, f.Cells...)
		e.LogLoss.Merge(&f.LogLoss)
		e.Squared.Merge(&f.Squared)
		e.Absolute.Merge(&f.Absolute)
		e.Mistakes = append(e.Mistakes, f.Mistakes...)
		e.trim()
	}
	s.Finish()
}

// The names of scores, which are those of scikit-learn's scorers: greater is better.
const (
	accuracy   = "accuracy"
	negLogLoss = "neg_log_loss"
	f1         = "f1"
	f1Macro    = "f1_macro"
	r2         = "r2"
	negMSE     = "neg_mean_squared_error"
	negMAE     = "neg_mean_absolute_error"
)

// Scorings are the names of the scores of a task, with so many classes; of an unknown number, 0, all that there may be.
// The first is what is chosen by.
func Scorings(task linear.Task, classes int) []string {
	switch {
	case task == linear.Regression:
		return []string{r2, negMSE, negMAE}
	case classes == 2:
		return []string{accuracy, negLogLoss, f1, f1Macro}
	case classes == 0:
		return []string{accuracy, negLogLoss, f1, f1Macro}
	}
	return []string{accuracy, negLogLoss, f1Macro}
}

// CheckScoring says that a score is none of the task, or of so many classes.
func CheckScoring(scoring string, task linear.Task, classes int) error {
	if have := Scorings(task, classes); scoring != "" && !slices.Contains(have, scoring) {
		return fmt.Errorf("scoring %q: must be one of %s", scoring, strings.Join(have, ", "))
	}
	return nil
}

// Score is that of the i-th number of neighbours, by its name; constant is what a constant prediction has on the same
// rows, the most frequent class with the shares of all, or the mean: NaN where it is not known.
func (s *Scores) Score(i int, name string) (score, constant float64) {
	if s.Rows == 0 {
		return math.NaN(), math.NaN()
	}
	e, n := &s.Each[i], float64(s.Rows)
	switch name {
	case r2, negMSE, negMAE:
		return s.regression(e, name)
	case negLogLoss:
		return -e.LogLoss.Value() / n, s.constantLogLoss(e)
	}
	return e.classification(name, false), e.classification(name, true)
}

func (s *Scores) regression(e *Score, name string) (score, constant float64) {
	n := float64(s.Rows)
	spread, squared, absolute := s.spread(), e.Squared.Value(), e.Absolute.Value()
	if v := spread + squared + absolute; v-v != 0 {
		return math.NaN(), math.NaN()
	}
	switch name {
	case negMSE:
		return -squared / n, -spread / n
	case negMAE:
		return -absolute / n, math.NaN()
	}
	switch { // of a constant target, as scikit-learn
	case spread > 0:
		return 1 - squared/spread, 0
	case squared == 0:
		return 1, 1
	}
	return 0, 1
}

// spread is the sum of the squares of the targets' distances from their mean.
func (s *Scores) spread() float64 {
	v, _ := exact.Spread(new(big.Rat).SetInt64(s.Rows), s.Targets.Rat(), s.Squares.Rat()).Float64()
	return max(v, 0)
}

// Spread is the mean of the squares of the targets' distances from their mean, of a regression.
func (s *Scores) Spread() float64 { return s.spread() / float64(s.Rows) }

func (s *Scores) constantLogLoss(e *Score) float64 {
	var sum exact.Sum
	there, _ := e.marginals(false)
	for _, n := range there {
		if n > 0 {
			sum.AddProduct(float64(n), logLoss([]float64{float64(n) / float64(s.Rows)}, 0))
		}
	}
	return -sum.Value() / float64(s.Rows)
}

// marginals count the rows of each class, and those taken for it, with those that were right; of the constant
// prediction where that is asked for.
func (e *Score) marginals(constant bool) (there, taken []int64) {
	at := func(list *[]int64, i int32, n int64) {
		for int(i) >= len(*list) {
			*list = append(*list, 0)
		}
		(*list)[i] += n
	}
	for _, c := range e.Cells {
		at(&there, c.True, c.Rows)
		at(&taken, c.Taken, c.Rows)
	}
	for len(there) < len(taken) {
		there = append(there, 0)
	}
	for len(taken) < len(there) {
		taken = append(taken, 0)
	}
	if constant {
		all := int64(0)
		for i, n := range there {
			all += n
			taken[i] = 0
		}
		taken[slices.Index(there, slices.Max(there))] = all
	}
	return there, taken
}

func (e *Score) classification(name string, constant bool) float64 {
	there, taken := e.marginals(constant)
	right := make([]int64, len(there))
	all, hits := int64(0), int64(0)
	for i, n := range there {
		if all += n; constant && taken[i] > 0 {
			right[i] = n
		}
	}
	for _, c := range e.Cells {
		if !constant && c.True == c.Taken {
			right[c.True] += c.Rows
		}
	}
	for _, n := range right {
		hits += n
	}
	of := func(i int) float64 {
		if i >= len(there) || there[i]+taken[i] == 0 {
			return 0
		}
		return 2 * float64(right[i]) / float64(there[i]+taken[i])
	}
	switch name {
	case accuracy:
		return float64(hits) / float64(all)
	case f1:
		return of(1)
	}
	var scores []float64
	for i := range there {
		if there[i]+taken[i] > 0 {
			scores = append(scores, of(i))
		}
	}
	return pairwise(scores) / float64(len(scores))
}

// Best is the place of the number of neighbours with the highest score, the first of several.
func (s *Scores) Best(scoring string) (int, error) {
	best, high := -1, math.NaN()
	for i := range s.Each {
		if v, _ := s.Score(i, scoring); v == v && (best < 0 || v > high) {
			best, high = i, v
		}
	}
	if best < 0 {
		return 0, errors.New("the targets or the predictions are too large to be scored: their squares are beyond float64")
	}
	return best, nil
}

// Confusion has in row i and column j the rows of class i that were taken for class j, of so many classes.
func (e *Score) Confusion(classes int) [][]float64 {
	m := linear.NewClassificationMetrics(classes).Confusion
	for _, c := range e.Cells {
		if int(c.True) < classes && int(c.Taken) < classes {
			m[c.True][c.Taken] += float64(c.Rows)
		}
	}
	return m
}
