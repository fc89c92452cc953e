package linear

import (
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/vectors"
)

// The losses of generalised linear models. A prediction is a mean: μ = exp(p) of the decision value p, or, of Tweedie
// with the power 0, p itself. The loss is half the unit deviance of the target y from it, as in scikit-learn's
// PoissonRegressor, GammaRegressor and TweedieRegressor; with power 0 that is (y−p)²/2. Only an exact solver has them.
const (
	Poisson Loss = "poisson" // y·log(y/μ) − y + μ: counts and rates, y ≥ 0
	Gamma   Loss = "gamma"   // log(μ/y) + y/μ − 1: amounts whose spread grows with them, y > 0
	Tweedie Loss = "tweedie" // that of a distribution whose variance is in proportion to μ^power
)

// DevianceLosses lists the losses of generalised linear models.
var DevianceLosses = []Loss{Poisson, Gamma, Tweedie}

// AllLosses lists those that SGD has, too, and then the others.
func AllLosses() []Loss { return slices.Concat(Losses, []Loss{Quantile}, DevianceLosses) }

// Deviance is the unit deviance of a distribution whose variance is in proportion to its mean^Power: 0 is the normal, 1
// Poisson's, between 1 and 2 a sum of a Poisson number of gamma amounts, 2 gamma, 3 the inverse Gaussian distribution.
// (Jørgensen: The Theory of Dispersion Models, 1997.)
type Deviance struct{ Power float64 }

// defaultPower is that of Tweedie: between Poisson and gamma.
const defaultPower = 1.5

// Deviance is that of the loss, if it is one of DevianceLosses.
func (o *Options) Deviance() (d Deviance, ok bool) {
	switch o.Loss {
	case Poisson:
		return Deviance{1}, true
	case Gamma:
		return Deviance{2}, true
	case Tweedie:
		if o.Power == nil {
			return Deviance{defaultPower}, true
		}
		return Deviance{*o.Power}, true
	}
	return d, false
}

// Log reports whether the decision value is the logarithm of the mean; otherwise it is the mean, as scikit-learn's
// link auto has it.
func (d Deviance) Log() bool { return d.Power > 0 }

// Mean is that of a decision value.
func (d Deviance) Mean(p float64) float64 {
	if d.Log() {
		return elementary.Exp(p)
	}
	return p
}

// Link is the decision value of a mean above 0.
func (d Deviance) Link(mean float64) float64 {
	if d.Log() {
		return elementary.Log(mean)
	}
	return mean
}

// ExpectedTarget says what targets must be for a loss of DevianceLosses.
func (o *Options) ExpectedTarget() string {
	d, _ := o.Deviance()
	of, what := string(o.Loss), "a finite target"
	switch {
	case d.Power >= 2:
		what = "a target above 0"
	case d.Power > 0:
		what = "a target from 0 on"
	}
	if o.Loss == Tweedie {
		of = fmt.Sprintf("tweedie with the power %v", d.Power)
	}
	return what + ", as the loss " + of + " needs"
}

// Has reports whether the distribution has a target.
func (d Deviance) Has(y float64) bool { return y > 0 || y == 0 && d.Power < 2 || d.Power == 0 }

// Domain is what exposures and targets must be for the loss; nil where any will do.
func (o *Options) Domain() (d vectors.Domain) {
	if x := o.Exposure; x != nil {
		bound := vectors.Bound{Column: x.Feature, High: math.MaxFloat64, Above: true, Missing: MissingExposure,
			Expected: expectedExposure}
		if x.Log {
			bound.Low, bound.High, bound.Expected = leastOffset, mostOffset, expectedOffset
		}
		d = append(d, bound)
	}
	if of, ok := o.Deviance(); ok && of.Power != 0 {
		d = append(d, vectors.Bound{Column: vectors.TheTarget, High: math.MaxFloat64, Above: of.Power >= 2,
			Expected: o.ExpectedTarget()})
	}
	return d
}

// CheckDomain says which row of a chunk has a target that a loss of o cannot have.
func (c *Chunk) CheckDomain(o *Options) error {
	d, ok := o.Deviance()
	if !ok {
		return nil
	}
	for i, y := range c.Target {
		if !d.Has(y) || y-y != 0 {
			return c.Fault(i, o.ExpectedTarget(), "%v", y)
		}
	}
	return nil
}

// expRest is eˣ − 1 − x, to some ulps.
func expRest(x float64) float64 {
	if x < -0.5 || x > 0.5 || x != x {
		return elementary.Exp(x) - 1 - x
	}
	sum := 0.0
	for _, c := range restTerms {
		sum = float64(sum*x) + c
	}
	return x * x * sum
}

// restTerms are 1/15!, 1/14!, …, 1/2!.
var restTerms = func() (terms [14]float64) {
	c := 1.0
	for k := 2; k <= 15; k++ {
		c *= float64(k)
		terms[15-k] = 1 / c
	}
	return terms
}()

// Half is half the unit deviance of a target from exp(p), or from p where there is no logarithm. With d = p − log y it
// is y^(2−power)·[h((2−power)d)/(2−power) − h((1−power)d)/(1−power)], where h(x) = eˣ − 1 − x, and h(0)/0 counts as 0:
// sums of what is not negative up to the power 2.
func (v Deviance) Half(y, p float64) float64 {
	if !v.Log() {
		r := p - y
		return float64(r*r) / 2
	}
	a, b := 2-v.Power, 1-v.Power
	if y == 0 {
		return elementary.Exp(a*p) / a
	}
	l := elementary.Log(y)
	d, sum := p-l, 0.0
	if a != 0 {
		sum = expRest(a*d) / a
	}
	if b != 0 {
		sum -= expRest(b*d) / b
	}
	switch v.Power {
	case 1:
		return float64(y * sum)
	case 2:
		return sum
	}
	return float64(elementary.Exp(a*l) * max(sum, 0))
}

// convex is the function s whose distance from its tangent at μ, s(y) − s(μ) − s′(μ)(y−μ), is half the deviance, and
// its slope.
func (v Deviance) convex(y float64) (s, slope float64) {
	switch v.Power {
	case 0:
		return y * y / 2, y
	case 1:
		if y == 0 {
			return 0, math.Inf(-1)
		}
		l := elementary.Log(y)
		return float64(y * l), l + 1
	case 2:
		return -elementary.Log(y), -1 / y
	}
	a, b := 2-v.Power, 1-v.Power
	if y == 0 {
		return 0, math.Inf(-1)
	}
	s = elementary.Exp(a * elementary.Log(y))
	return s / (a * b), s / y / b
}

// AddDeviance adds the deviance of the target y from the mean of the decision value p, beside what Add has added.
func (m *RegressionMetrics) AddDeviance(v Deviance, y, p, weight float64) {
	if weight == 0 {
		return
	}
	m.Deviance += float64(2 * weight * v.Half(y, p))
	s, _ := v.convex(y)
	m.Convex += float64(weight * s)
}

// MeanDeviance is scikit-learn's mean_tweedie_deviance, mean_poisson_deviance or mean_gamma_deviance.
func (m *RegressionMetrics) MeanDeviance() float64 { return m.Deviance / m.Weight }

// deviance is what the mean deviance of the targets would be from a mean.
func (m *RegressionMetrics) deviance(v Deviance, mean float64) float64 {
	s, slope := v.convex(mean)
	rest := m.Convex/m.Weight - s
	if off := m.Mean - mean; off != 0 {
		rest -= float64(slope * off)
	}
	if rest <= 4*kernel.Epsilon*math.Abs(s) { // rounding
		return 0
	}
	return 2 * rest
}

// ConstantDeviance is the mean deviance of the targets from their own mean.
func (m *RegressionMetrics) ConstantDeviance(v Deviance) float64 { return m.deviance(v, m.Mean) }

// D2 is scikit-learn's d2_tweedie_score, the share of the deviance that is explained: at most 1, and 0 for the mean.
func (m *RegressionMetrics) D2(v Deviance) float64 {
	if all := m.ConstantDeviance(v); all > 0 {
		return 1 - m.MeanDeviance()/all
	}
	if m.Deviance == 0 {
		return 1
	}
	return 0
}

// D2Score and DevianceScore are the names of the scores that a cross-validation by a loss has.
const D2Score = "d2_tweedie_score"

// DevianceScore: see D2Score.
func DevianceScore(l Loss) string { return "neg_mean_" + string(l) + "_deviance" }

// ExactOnly is what of the options only an exact solver has: a loss, or the option positive; "" where there is nothing.
func (o *Options) ExactOnly() string {
	switch _, deviance := o.Deviance(); {
	case deviance || o.Loss == Quantile:
		return "loss " + string(o.Loss)
	case o.Positive:
		return "option positive"
	}
	return ""
}

// OnlyExact says that only an exact solver has the loss, or positive, where that is so.
func (o *Options) OnlyExact() error {
	if what := o.ExactOnly(); what != "" {
		return fmt.Errorf("%s: only an exact solver has it, not sgd", what)
	}
	return nil
}
