package linear

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/jsontext"
)

// CVResult is what cross-validation says of combinations of hyperparameters. Scores are greater where a model is
// better: losses and errors have a minus, and neg_ before the name, as in scikit-learn.
type CVResult struct {
	// Parameter is what Params call Alpha, where that is not alpha. Optional.
	Parameter string
	Params    []CVParams
	Metrics   []CVMetric // the first is that to choose by
	// ProgressiveLoss is, by combination, the mean loss of rows before they are learned from. Optional.
	ProgressiveLoss []float64
	// LearningCurve is the loss of rows that are not learned from. Optional.
	LearningCurve []CVPoint
	// Path is how the coefficients change with the hyperparameters. Optional.
	Path *CVPath
}

// CVParams is a combination.
type CVParams struct {
	Alpha   float64  `json:"alpha"`
	L1Ratio *float64 `json:"l1_ratio,omitempty"` // nil where the penalty has none
}

// ParameterName is the name of what is compared, beside an l1_ratio.
func (r *CVResult) ParameterName() string { return cmp.Or(r.Parameter, "alpha") }

// params are the combinations as JSON has them.
func (r *CVResult) params() any {
	if r.ParameterName() == "alpha" {
		return r.Params
	}
	named := make([]map[string]float64, len(r.Params))
	for i, p := range r.Params {
		named[i] = map[string]float64{r.Parameter: p.Alpha}
	}
	return named
}

// CVMetric is a score by scikit-learn's name: Splits[f][c] is that of combination c for fold f, NaN where there is
// none.
type CVMetric struct {
	Name   string
	Splits [][]float64
	// Constant is what a constant prediction scores in each fold, the shares of the classes or the mean of the other
	// folds; nil where it is not known.
	Constant []float64
}

// CVPoint is the mean loss of each combination over the rows that came when fewer than Rows had been seen, and at
// least half as many. It is NaN where it is not finite.
type CVPoint struct {
	Rows uint64
	Loss []float64
}

// Mean is the mean of combination c over the folds; NaN if any score is.
func (m *CVMetric) Mean(c int) float64 {
	sum := 0.0
	for _, s := range m.Splits {
		sum += s[c]
	}
	return sum / float64(len(m.Splits))
}

// Std is the standard deviation of combination c over the folds, with their number for divisor, as in scikit-learn.
func (m *CVMetric) Std(c int) float64 {
	mean, sum := m.Mean(c), 0.0
	for _, s := range m.Splits {
		d := s[c] - mean
		sum += float64(d * d)
	}
	return math.Sqrt(sum / float64(len(m.Splits)))
}

// StandardError is that of the mean of combination c, from the spread over the folds; NaN with one fold.
func (m *CVMetric) StandardError(c int) float64 {
	return m.Std(c) / math.Sqrt(float64(len(m.Splits)-1))
}

// Ranks are the places of the combinations, from 1 for the highest mean. Equal means have the same; NaN has the last.
func (m *CVMetric) Ranks(combinations int) []int {
	means := make([]float64, combinations)
	for c := range means {
		if means[c] = m.Mean(c); means[c] != means[c] {
			means[c] = math.Inf(-1)
		}
	}
	ranks := make([]int, combinations)
	for c, v := range means {
		ranks[c] = 1
		for _, w := range means {
			if w > v {
				ranks[c]++
			}
		}
	}
	return ranks
}

var errNoScore = errors.New("cross-validation: no combination has a score in every fold")

// Best is the combination with the highest mean; the first of several.
func (r *CVResult) Best() (int, error) {
	if len(r.Metrics) == 0 {
		return 0, errNoScore
	}
	m, best := &r.Metrics[0], -1
	for c := range r.Params {
		if v := m.Mean(c); v == v && (best < 0 || v > m.Mean(best)) {
			best = c
		}
	}
	if best < 0 {
		return 0, errNoScore
	}
	return best, nil
}

// OneStandardError is the most regularised combination, that with the largest alpha, whose mean is within one
// standard error of the best; of several the best. (Breiman, Friedman, Olshen and Stone: Classification and
// Regression Trees, 1984, section 3.4.3.)
func (r *CVResult) OneStandardError() (int, error) {
	best, err := r.Best()
	if err != nil {
		return 0, err
	}
	m, chosen := &r.Metrics[0], best
	least := m.Mean(best) - m.StandardError(best)
	for c, p := range r.Params {
		v, alpha := m.Mean(c), r.Params[chosen].Alpha
		if v >= least && (p.Alpha > alpha || p.Alpha == alpha && v > m.Mean(chosen)) {
			chosen = c
		}
	}
	return chosen, nil
}

// Choose puts the metric of that name first. It fails where there is none.
func (r *CVResult) Choose(name string) error {
	i := slices.IndexFunc(r.Metrics, func(m CVMetric) bool { return m.Name == name })
	if i < 0 {
		var have []string
		for _, m := range r.Metrics {
			have = append(have, m.Name)
		}
		return fmt.Errorf("scoring %q: must be one of %v", name, have)
	}
	m := r.Metrics[i]
	r.Metrics = slices.Insert(slices.Delete(slices.Clone(r.Metrics), i, i+1), 0, m)
	return nil
}

// MarshalJSON writes the fields of scikit-learn's cv_results_: params; of the metric to choose by split0_test_score,
// split1_test_score, …, mean_test_score, std_test_score and rank_test_score, and the same of every metric with its
// name in the place of score; and scoring, best_index, best_index_one_standard_error, progressive_loss and
// learning_curve. NaN is null.
func (r *CVResult) MarshalJSON() ([]byte, error) {
	b := bytes.NewBufferString("{")
	field := func(name string, value any) error {
		v, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "%q:%s", name, v)
		return nil
	}
	errs := []error{field("params", r.params())}
	metric := func(m *CVMetric, name string) {
		for f, s := range m.Splits {
			errs = append(errs, field(fmt.Sprintf("split%d_test_%s", f, name), jsontext.Nullable(s)))
		}
		means, stds := make(jsontext.Nullable, len(r.Params)), make(jsontext.Nullable, len(r.Params))
		for c := range r.Params {
			means[c], stds[c] = m.Mean(c), m.Std(c)
		}
		errs = append(errs, field("mean_test_"+name, means), field("std_test_"+name, stds),
			field("rank_test_"+name, m.Ranks(len(r.Params))))
		if v := m.ConstantMean(); v == v {
			errs = append(errs, field("constant_test_"+name, v))
		}
	}
	if len(r.Metrics) > 0 {
		errs = append(errs, field("scoring", r.Metrics[0].Name))
		metric(&r.Metrics[0], "score")
		for i := range r.Metrics {
			metric(&r.Metrics[i], r.Metrics[i].Name)
		}
	}
	if best, err := r.Best(); err == nil {
		errs = append(errs, field("best_index", best))
	}
	if c, err := r.OneStandardError(); err == nil {
		errs = append(errs, field("best_index_one_standard_error", c))
	}
	if r.ProgressiveLoss != nil {
		errs = append(errs, field("progressive_loss", jsontext.Nullable(r.ProgressiveLoss)))
	}
	if r.LearningCurve != nil {
		type point struct {
			Rows uint64            `json:"rows"`
			Loss jsontext.Nullable `json:"loss"`
		}
		var curve []point
		for _, p := range r.LearningCurve {
			curve = append(curve, point{p.Rows, p.Loss})
		}
		errs = append(errs, field("learning_curve", curve))
	}
	b.WriteByte('}')
	return b.Bytes(), errors.Join(errs...)
}

// CVPath is the regularisation path: how coefficients change with the hyperparameters.
type CVPath struct {
	// Features are the places of those with the largest coefficients in the combination that was chosen, the largest
	// first.
	Features []int
	// Coef has, for each combination, the coefficients of these features, learned from all rows, or the means over the
	// folds; of more than two classes, the norm over the classes. NaN where the weights overflowed.
	Coef [][]float64
}

// PathFeatures is how many features a path has at most.
const PathFeatures = 10

// NewPath makes the path of so many combinations, of which one was chosen. coef gives the coefficients of one, rows ×
// features, or nil: not of the chosen one.
func NewPath(combinations, chosen int, coef func(c int) [][]float64) *CVPath {
	all := make([][]float64, combinations)
	for c := range all {
		rows := coef(c)
		if rows == nil {
			continue
		}
		if all[c] = rows[0]; len(rows) > 1 {
			all[c] = make([]float64, len(rows[0]))
			for _, r := range rows {
				for j, v := range r {
					all[c][j] = elementary.Hypot(all[c][j], v)
				}
			}
		}
	}
	of := all[chosen]
	p := &CVPath{Features: make([]int, len(of))}
	for j := range p.Features {
		p.Features[j] = j
	}
	slices.SortStableFunc(p.Features, func(a, b int) int { return cmp.Compare(math.Abs(of[b]), math.Abs(of[a])) })
	p.Features = slices.Clone(p.Features[:min(len(of), PathFeatures)])
	for _, w := range all {
		some := make([]float64, len(p.Features))
		for i, j := range p.Features {
			if some[i] = math.NaN(); w != nil {
				some[i] = w[j]
			}
		}
		p.Coef = append(p.Coef, some)
	}
	return p
}
