package fitting

import (
	"math"
	"slices"
	"strconv"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/linear"
	"beamlearn/model/linear/leastsquares"
	"beamlearn/model/linear/survey"
)

// AutoL1Ratios are the shares of l1 that l1_ratio=auto compares: those that scikit-learn's ElasticNetCV recommends,
// closer to each other near the lasso than near ridge regression.
func AutoL1Ratios() []float64 { return []float64{0.1, 0.5, 0.7, 0.9, 0.95, 0.99, 1} }

// scales are what the rows say of the alphas that matter.
type scales struct {
	curvature    float64 // of the loss, at most
	total, least float64 // of the variances of the columns: their sum, and the smallest that is not 0
	l1           float64 // the alpha from which on l1 alone leaves no coefficient, or, where bound is true, somewhat more
	bound        bool
}

const (
	// l2Alphas is how many alphas there are for l2, as LogisticRegressionCV has ten.
	l2Alphas = 20
	// l2Above and l2Below say how far these go: from ten times the curvature of the objective in all directions
	// together, where less than a tenth of any effect is left, to a ten-millionth of that in the direction of the
	// smallest column, where all of it is.
	l2Above, l2Below = 10, 1e-7
	// l1Below and l1Decade: LassoCV goes down to a thousandth, too; ten alphas a decade find its optimum as well as its
	// 33.
	l1Below, l1Decade = 1e-3, 10
	// Where the largest alpha is a bound, further down, in longer steps.
	boundBelow, boundDecade = 1e-4, 5
)

// path is the alphas to compare, the largest first, so that of equal scores the most regularised is taken. They have
// three digits.
//
// For l2 they are l2Alphas values between bounds that follow from the variances of the columns, but at most 16
// decades apart. For l1 and elasticnet, with the ratios given, the first is the least alpha at which every
// coefficient is 0, as in LassoCV and ElasticNetCV, or a bound on it; that of the smallest ratio, and the last is
// that of the greatest.
func (s *scales) path(penalty linear.Penalty, ratios []float64) []float64 {
	if penalty == linear.L2 {
		top := l2Above * s.curvature * s.total
		return spaced(top, max(l2Below*s.curvature*s.least, 1e-16*top), l2Alphas)
	}
	below, decade := l1Below, float64(l1Decade)
	if s.bound {
		below, decade = boundBelow, boundDecade
	}
	least, most := 1.0, 1.0
	if penalty == linear.ElasticNet {
		least, most = slices.Min(ratios), slices.Max(ratios)
	}
	decades := (elementary.Log(most/least) - elementary.Log(below)) / math.Ln10
	return spaced(s.l1/least, below*s.l1/most, 1+int(math.Ceil(float64(decades*decade)-1e-9)))
}

// spaced is n numbers from top to bottom at equal ratios, with three digits.
func spaced(top, bottom float64, n int) []float64 {
	if !(top > 0) {
		top = 1
	}
	if !(bottom > 0) {
		bottom = l1Below * top
	}
	from, to := elementary.Log(min(max(top, 1e-250), 1e250)), elementary.Log(min(max(bottom, 1e-266), 1e250))
	path := make([]float64, 0, n)
	for i := range n {
		v := elementary.Exp(from + float64((to-from)*(float64(i)/float64(n-1))))
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
		if i == 0 || v < path[len(path)-1] {
			path = append(path, v)
		}
	}
	return path
}

// spread fills in what the mean squares of the columns say.
func (s *scales) spread(squares []float64) {
	for _, v := range squares {
		if s.total += v; v > 0 && (s.least == 0 || v < s.least) {
			s.least = v
		}
	}
	if s.total == 0 {
		s.total, s.least = 1, 1
	}
}

// takePath takes the alphas that follow from scales as if they were given.
func (f *Fit) takePath(s *scales) {
	f.options.Alphas = s.path(f.options.Options.Penalty, f.options.L1Ratios)
	f.chosen.Alpha = new(f.options.Alphas[0])
}

// summed are the scales of least squares, by their sums.
func summed(g *leastsquares.Gram, o *linear.Options, standardize bool) (*scales, error) {
	squares, slopes, err := g.Slopes(o, standardize)
	if err != nil {
		return nil, err
	}
	s := &scales{curvature: 1}
	s.spread(squares)
	for _, v := range slopes {
		if !o.Positive {
			v = math.Abs(v)
		}
		s.l1 = max(s.l1, v)
	}
	return s, nil
}

// surveyed are the scales of a loss that sums of squares do not solve. With l1, the slope of the objective for a
// coefficient at 0, a covariance of the column with the slopes of the losses at the best constant prediction, is at
// most the product of their deviations.
func surveyed(s *survey.Survey, o *linear.Options) *scales {
	e := linear.ExactOptions(o)
	m, centred := s.Moments, *e.FitIntercept
	squares := make([]float64, len(m.Var))
	for j, v := range m.Var {
		mean := m.Mean[j]
		if s.Scaler != nil {
			v /= s.Scaler.Scale[j] * s.Scaler.Scale[j]
			if mean /= s.Scaler.Scale[j]; s.Scaler.WithMean {
				mean = 0
			}
		}
		if squares[j] = v; !centred {
			squares[j] += float64(mean * mean)
		}
	}
	r := &scales{bound: true}
	r.spread(squares)
	var slope float64
	r.curvature, slope = slopes(s, &e)
	r.l1 = slope * math.Sqrt(slices.Max(squares))
	if r.l1 == 0 {
		r.l1 = slope
	}
	return r
}

// slopes are the curvature of a loss, and the root mean square of its slopes at the best constant prediction, or at 0
// without an intercept; both at most, or about that.
func slopes(s *survey.Survey, o *linear.Options) (curvature, slope float64) {
	if o.Task == linear.Regression {
		spread := math.Sqrt(s.Var)
		if !*o.FitIntercept {
			spread = elementary.Hypot(spread, s.Mean)
		}
		switch o.Loss {
		case linear.Huber:
			return min(1, *o.Epsilon/spread), min(spread, *o.Epsilon)
		case linear.EpsilonInsensitive, linear.Quantile:
			return 1 / spread, 1
		case linear.SquaredEpsilonInsensitive:
			return 2, 2 * spread
		}
		if d, ok := o.Deviance(); ok && d.Log() { // at the mean, which an intercept comes to, or about that
			return elementary.Pow(s.Mean, 2-d.Power), math.Sqrt(s.Var) * elementary.Pow(s.Mean, 1-d.Power)
		}
		return 1, spread
	}
	curvature, factor := 1.0, 2.0
	switch o.Loss {
	case linear.LogLoss:
		if curvature, factor = 0.25, 1; o.MultiClass == linear.Multinomial {
			curvature = 0.5
		}
	case linear.SquaredHinge, linear.ModifiedHuber:
		curvature, factor = 2, 4
	}
	return curvature, factor * logSlope(s, o)
}

// logSlope is the root mean square of the slopes of log_loss at the best constant prediction: of several classes that
// of the class which has the largest, as one against the rest.
func logSlope(s *survey.Survey, o *linear.Options) float64 {
	weights := o.ClassWeight.Weights(&s.Classes, s.ClassRows)
	all, most := 0.0, 0.0
	for _, w := range s.ClassWeight {
		all += w
	}
	for k, w := range s.ClassWeight {
		p, yes, no := w/all, weights[k], 1.0
		if len(s.ClassWeight) == 2 {
			no = weights[1-k]
		}
		chance := 0.5
		if a, b := float64(yes*p), float64(no*(1-p)); *o.FitIntercept && a+b > 0 {
			chance = a / (a + b)
		}
		miss, hit := yes*(1-chance), no*chance
		most = max(most, math.Sqrt(float64(p*float64(miss*miss))+float64((1-p)*float64(hit*hit))))
	}
	return most
}
