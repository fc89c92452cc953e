package leastsquares

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/internal/steps"
)

// Solution is a model of least squares that is exact up to rounding, and what is known of it.
type Solution struct {
	Alpha, L1Ratio float64
	Coef           []float64 // of scaled features where there is a Scaler
	Intercept      float64
	Scaler         *linear.StandardScaler // nil, unless standardised
	// Objective is (1/Σw)·Σ w·r²/2 + alpha·penalty, w being the weights of rows: that of ElasticNet and Lasso with this
	// alpha, and of Ridge with alpha·Σw; without rounding it is at most Gap above the least.
	Objective float64
	Gap       float64 // of l1 and elasticnet: the duality gap
	Passes    int     // of l1 and elasticnet: over the features
	Rank      int     // of l2 and none: of the equations

	rows    int64
	penalty linear.Penalty
}

// Solve is the exact solution for the options: squared_error in regression, with any penalty. With standardize the
// penalty is of the coefficients of standardised features, and the scaler, made of the sums, is part of the solution;
// where some rows were sparse it only divides.
//
// l2 is solved by Cholesky's factors, O(features³/6). So is no penalty, or an alpha of 0; where columns depend on
// each other, or are constant, that gives the coefficients of least norm, as scikit-learn's LinearRegression, except
// that columns count as dependent from a correlation of about 1−10⁻¹³ on, as the sums hold squares. l1 and elasticnet
// are solved by coordinate descent (Friedman, Hastie and Tibshirani, J. Stat. Softw. 33.1, 2010) in turn with exact
// solutions for the coefficients that are not zero, until the duality gap is below 10⁻¹² of the objective or at the
// limit of rounding.
func (g *Gram) Solve(o *linear.Options, standardize bool) (*Solution, error) {
	q, err := g.quadratic(o, standardize)
	if err != nil {
		return nil, err
	}
	d := linear.ExactOptions(o)
	return q.solve(*d.Alpha, nil)
}

// Path solves for several alphas, from the largest to the smallest, each beginning where the last one ended, and
// returns the solutions in the order of alphas.
func (g *Gram) Path(o *linear.Options, standardize bool, alphas []float64) ([]*Solution, error) {
	for _, a := range alphas {
		if !(a >= 0) || math.IsInf(a, 1) {
			return nil, fmt.Errorf("alpha %v: must be a number from 0 on", a)
		}
	}
	q, err := g.quadratic(o, standardize)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(alphas))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return alphas[order[a]] > alphas[order[b]] })
	path := make([]*Solution, len(alphas))
	var start []float64
	for _, i := range order {
		if path[i], err = q.solve(alphas[i], start); err != nil {
			return nil, err
		}
		start = path[i].Coef
	}
	return path, nil
}

// Slopes are, for each column, its mean square and its mean product with the target, as the solver takes them:
// centred with an intercept, and scaled with standardize. The largest product is the least alpha of l1 at which no
// coefficient is left.
func (g *Gram) Slopes(o *linear.Options, standardize bool) (squares, products []float64, err error) {
	q, err := g.quadratic(o, standardize)
	if err != nil {
		return nil, nil, err
	}
	squares = make([]float64, q.D)
	for j := range squares {
		squares[j] = q.Q[j*q.D+j]
	}
	return squares, q.C, nil
}

// quadratic is ½wᵀQw − cᵀw + ½yy, the loss as a function of the coefficients.
type quadratic struct {
	dense.Lasso
	yy      float64
	penalty linear.Penalty
	l1Ratio float64
	scaler  *linear.StandardScaler
	finish  func(w []float64) (intercept float64)
	rows    int64
}

func (g *Gram) quadratic(o *linear.Options, standardize bool) (*quadratic, error) {
	e := linear.ExactOptions(o)
	if err := e.Validate(); err != nil {
		return nil, err
	}
	if e.Task != linear.Regression || e.Loss != linear.SquaredError {
		return nil, fmt.Errorf("the sums solve regression with squared_error, not %s with %s", e.Task, e.Loss)
	}
	if err := g.filled(); err != nil {
		return nil, err
	}
	d, w, n := g.features, g.features+1, g.weight
	q := &quadratic{Lasso: dense.Lasso{D: d}, penalty: e.Penalty, l1Ratio: steps.NewRule(&e).L1Ratio, rows: g.rows}
	means := g.means()
	q.Q, q.C = g.products.Full(d, w), make([]float64, d)
	for j := range d {
		q.C[j] = g.products.Row(j, w)[d-j]
	}
	q.yy = g.products[len(g.products)-1]
	q.Positive = e.Positive
	constant := q.constant(means, g.weight)
	centre := slices.Clone(means[:d]) // of the columns as they are solved for
	if standardize {
		var err error
		if q.scaler, err = g.Scaler(); err != nil {
			return nil, err
		}
		q.divide(q.scaler.Scale)
		for j, v := range q.scaler.Scale {
			centre[j] /= v
		}
		if q.scaler.WithMean {
			clear(centre)
		}
	}
	switch intercept := *e.FitIntercept; {
	case intercept || standardize && q.scaler.WithMean:
		for j, is := range constant {
			if is {
				for k := range d {
					q.Q[j*d+k], q.Q[k*d+j] = 0, 0
				}
				q.C[j] = 0
			}
		}
		if !intercept {
			q.yy += float64(g.weight * means[d] * means[d])
		}
		q.finish = func(c []float64) float64 {
			if !intercept {
				return 0
			}
			return interceptOf(means[d], c, centre)
		}
	default:
		for i := range d {
			f := g.weight * centre[i]
			for j := range d {
				q.Q[i*d+j] += float64(f * centre[j])
			}
			q.C[i] += float64(f * means[d])
		}
		q.yy += float64(g.weight * means[d] * means[d])
		q.finish = func([]float64) float64 { return 0 }
	}
	kernel.Scale(1/n, q.Q)
	kernel.Scale(1/n, q.C)
	q.yy /= n
	for _, v := range [][]float64{q.Q, q.C, {q.yy}} {
		for _, v := range v {
			if v-v != 0 {
				return nil, errors.New("the products of features and target overflow: scale them down")
			}
		}
	}
	return q, nil
}

// constant tells the columns that have no spread beyond the rounding of differences from a value that is nearly their
// own. Any other has rows that are apart by a unit in the last place at least, however large its mean is.
func (q *quadratic) constant(means []float64, weight float64) []bool {
	is := make([]bool, q.D)
	for j := range is {
		e := 0x1p-10 * kernel.Epsilon * means[j]
		is[j] = q.Q[j*q.D+j] <= float64(weight*float64(e*e))
	}
	return is
}

// divide makes the products those of columns that are divided by so much.
func (q *quadratic) divide(by []float64) {
	for i := range q.D {
		for j := range q.D {
			q.Q[i*q.D+j] /= by[i] * by[j]
		}
		q.C[i] /= by[i]
	}
}

// interceptOf is y − w·x, summed up with the rounding errors (Neumaier, ZAMM 54, 1974): y and the products may be far
// larger.
func interceptOf(y float64, w, x []float64) float64 {
	sum, errs := y, 0.0
	for j, v := range w {
		p := -float64(v * x[j])
		t := sum + p
		if math.Abs(sum) >= math.Abs(p) {
			errs += (sum - t) + p
		} else {
			errs += (p - t) + sum
		}
		sum = t
	}
	return sum + errs
}

// solve begins at start, where coordinates descend.
func (q *quadratic) solve(alpha float64, start []float64) (*Solution, error) {
	s := &Solution{Alpha: alpha, L1Ratio: q.l1Ratio, Scaler: q.scaler, rows: q.rows, penalty: q.penalty}
	l1, l2 := alpha*q.l1Ratio, alpha*(1-q.l1Ratio)
	if q.penalty == linear.None {
		l1, l2 = 0, 0
	}
	var err error
	if l1 > 0 || q.Positive {
		w := make([]float64, q.D)
		copy(w, start)
		s.Coef, s.Gap, s.Passes, err = q.descend(w, l1, l2)
	} else {
		a := slices.Clone(q.Q)
		for j := range q.D {
			a[j*q.D+j] += l2
		}
		s.Coef, s.Rank = dense.LeastNorm(a, q.D, q.C)
	}
	if err != nil {
		return nil, err
	}
	for _, v := range s.Coef {
		if v-v != 0 {
			return nil, errors.New("coefficients that overflow: scale the features")
		}
	}
	s.Objective = q.objective(s.Coef, l1, l2)
	s.Intercept = q.finish(s.Coef)
	return s, nil
}

func (q *quadratic) squares(w, residual []float64) float64 {
	s := q.yy
	for j, v := range w {
		s -= float64(v * (q.C[j] + residual[j]))
	}
	return max(s, 0)
}

func (q *quadratic) objective(w []float64, l1, l2 float64) float64 {
	squares, absolutes := kernel.Row{}.Norms(w)
	return q.squares(w, q.Residual(make([]float64, q.D), w))/2 + float64(l1*absolutes) + float64(l2*squares/2)
}

// gap is by how much the objective of w can be above the least, and the objective.
func (q *quadratic) gap(w, residual []float64, l1, l2 float64) (gap, objective float64) {
	squares, absolutes := kernel.Row{}.Norms(w)
	greatest := 0.0
	for j, r := range residual {
		v := r - float64(l2*w[j])
		if !q.Positive {
			v = math.Abs(v)
		}
		greatest = max(greatest, v)
	}
	c := min(1, l1/greatest) // of a point that the dual problem admits
	loss := q.squares(w, residual) + float64(l2*squares)
	gap = float64((1-c)*(1-c)) * loss / 2
	for j, v := range w {
		gap += float64(l1*math.Abs(v)) - float64(float64(c*v)*(residual[j]-float64(l2*v)))
	}
	return gap, loss/2 + float64(l1*absolutes)
}

const (
	gapTolerance = 1e-12
	mostTurns    = 300
)

// descend minimises the objective with an l1 penalty, or of coefficients that may not be negative, from w, which it
// changes, down to a duality gap that is rounding. Without l1 there is no gap: then slopes are 0 up to rounding, and
// those of coefficients at 0 do not ask for more.
func (q *quadratic) descend(w []float64, l1, l2 float64) (coef []float64, gap float64, passes int, err error) {
	var objective float64
	if l1 == 0 {
		q.Rounding = 1e-14 * math.Sqrt(q.yy)
	}
	passes, done := q.Descend(w, l1, l2, mostTurns, func(w, r []float64) bool {
		if l1 == 0 {
			return q.settled(w, r, l2)
		}
		gap, objective = q.gap(w, r, l1, l2)
		return gap <= max(gapTolerance*objective, q.rounding(w))
	})
	if !done && l1 == 0 {
		return nil, 0, 0, errors.New("coordinate descent stops before the slopes of the coefficients are 0: standardise " +
			"the features")
	}
	if !done {
		return nil, 0, 0, fmt.Errorf("coordinate descent stops with a duality gap of %.1g at an objective of %.3g: "+
			"standardise the features, or give elasticnet a smaller l1_ratio", gap, objective)
	}
	return w, max(gap, 0), passes, nil
}

// settledTo is the share of what a slope is made of that counts as 0.
const settledTo = 1e-12

// settled reports whether w ≥ 0 is the least without l1 (the conditions of Karush, Kuhn and Tucker).
func (q *quadratic) settled(w, residual []float64, l2 float64) bool {
	for j, r := range residual {
		row := q.Q[j*q.D : (j+1)*q.D]
		size := math.Abs(q.C[j]) + float64(l2*w[j])
		for k, v := range w {
			size += math.Abs(float64(row[k] * v))
		}
		rest := r - float64(l2*w[j])
		if w[j] > 0 {
			rest = math.Abs(rest)
		}
		if rest > settledTo*size+float64(q.Rounding*math.Sqrt(row[j])) {
			return false
		}
	}
	return true
}

// rounding is how far the objective at w may be off by the rounding of its terms.
func (q *quadratic) rounding(w []float64) float64 {
	sum := q.yy
	for j, v := range w {
		if v != 0 {
			for k, u := range w {
				sum += math.Abs(v * q.Q[j*q.D+k] * u)
			}
		}
	}
	return 4 * kernel.Epsilon * sum
}

// Score judges a model, of as many features, on the rows of the sums: the mean squared error and R² are those of its
// predictions, up to the rounding of the sums, which is 10⁻¹⁶ of the target's variance. The absolute error cannot be
// told from sums: it is NaN. O(features²).
func (g *Gram) Score(m *linear.Model) (linear.RegressionMetrics, error) {
	if m.Task != linear.Regression || m.Features() != g.features {
		return linear.RegressionMetrics{}, fmt.Errorf("a model of %s with %d features: the sums judge regression with %d",
			m.Task, m.Features(), g.features)
	}
	return g.score(m.Coef[0], m.Intercept[0], m.Scaler)
}

func (g *Gram) score(coef []float64, intercept float64,
	scaler *linear.StandardScaler) (linear.RegressionMetrics, error) {
	if err := g.filled(); err != nil {
		return linear.RegressionMetrics{}, err
	}
	d, w := g.features, g.features+1
	v, means := slices.Clone(coef), g.means()
	x := means[:d]
	if scaler != nil {
		if scaler.WithMean {
			x = slices.Clone(x)
			kernel.Add(-1, scaler.Mean, x)
		}
		if scaler.WithStd {
			for j, s := range scaler.Scale {
				v[j] /= s
			}
		}
	}
	bias := interceptOf(means[d], v, x) - intercept
	v = append(v, -1)
	squares := 0.0
	for i := range w {
		row := g.products.Row(i, w)
		squares += float64(v[i] * (float64(row[0]*v[i]) + 2*kernel.Dot(row[1:], v[i+1:])))
	}
	return linear.RegressionMetrics{
		Weight: g.weight, Mean: means[d], M2: g.products[len(g.products)-1],
		Squared: max(squares, 0) + float64(g.weight*bias*bias), Absolute: math.NaN(),
	}, nil
}

// GridScore is how a combination of hyperparameters did in cross-validation.
type GridScore struct {
	Alpha, L1Ratio float64
	Folds          []linear.RegressionMetrics // for each fold: learned from the others, judged on it; see [Gram.Score]
}

// CrossValidate learns, for each fold, from the rows of the others, and judges on its rows, all combinations of
// l1_ratios and alphas: alphas by alphas for the first l1_ratio, and so on. Without l1_ratios, that of the options
// counts; only elasticnet takes several. Scalers are those of the rows learned from.
func (f *FoldGram) CrossValidate(o *linear.Options, standardize bool, alphas, l1Ratios []float64) ([]GridScore, error) {
	e := linear.ExactOptions(o)
	if len(l1Ratios) == 0 {
		l1Ratios = []float64{*e.L1Ratio}
	} else if e.Penalty != linear.ElasticNet {
		return nil, fmt.Errorf("l1_ratios: only elasticnet has them, not %s", e.Penalty)
	}
	if len(alphas) == 0 {
		alphas = []float64{*e.Alpha}
	}
	scores := make([]GridScore, 0, len(alphas)*len(l1Ratios))
	for _, ratio := range l1Ratios {
		for _, alpha := range alphas {
			scores = append(scores, GridScore{Alpha: alpha, L1Ratio: ratio})
		}
	}
	for k, held := range f.Grams {
		if !(held.weight > 0) {
			return nil, fmt.Errorf("fold %d has no rows of any weight: take fewer folds", k)
		}
		g, err := f.Training(k)
		if err != nil {
			return nil, err
		}
		for i, ratio := range l1Ratios {
			e.L1Ratio = new(ratio)
			path, err := g.Path(&e, standardize, alphas)
			if err != nil {
				return nil, fmt.Errorf("without fold %d: %w", k, err)
			}
			for j, s := range path {
				m, err := held.score(s.Coef, s.Intercept, s.Scaler)
				if err != nil {
					return nil, err
				}
				at := &scores[i*len(alphas)+j]
				at.Folds = append(at.Folds, m)
			}
		}
	}
	return scores, nil
}

// Model is the solution as a model: it predicts and can be saved, but there is no going on with it. Names are nil or
// one for each feature.
func (s *Solution) Model(o *linear.Options, names []string) (*linear.Model, error) {
	e := linear.ExactOptions(o)
	e.Alpha = new(s.Alpha)
	if e.Penalty == linear.ElasticNet {
		e.L1Ratio = new(s.L1Ratio)
	}
	e.Classes = linear.Classes{}
	m := &linear.Model{
		Task: e.Task, Loss: e.Loss, FeatureNames: slices.Clone(names), Options: e,
		Coef: [][]float64{slices.Clone(s.Coef)}, Intercept: []float64{s.Intercept},
		Training: linear.Training{Solver: "exact", Rows: s.rows, Epochs: 1, Objective: jsontext.Floats{s.Objective},
			Gap: s.Gap},
	}
	if s.Scaler != nil {
		m.Scaler = s.Scaler.Clone()
	}
	return m, m.Validate()
}

// CVPath is that of the exact solutions for all rows, in the order of [FoldGram.CrossValidate], where the combination
// at the place chosen was chosen.
func (g *Gram) CVPath(o *linear.Options, standardize bool, alphas, l1Ratios []float64, chosen int) (*linear.CVPath,
	error) {
	e := linear.ExactOptions(o)
	if len(l1Ratios) == 0 {
		l1Ratios = []float64{*e.L1Ratio}
	}
	var all []*Solution
	for _, ratio := range l1Ratios {
		e.L1Ratio = new(ratio)
		path, err := g.Path(&e, standardize, alphas)
		if err != nil {
			return nil, err
		}
		all = append(all, path...)
	}
	return linear.NewPath(len(all), chosen, func(c int) [][]float64 { return [][]float64{all[c].Coef} }), nil
}
