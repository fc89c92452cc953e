// Package steps is the options as the steps of stochastic gradient descent need them.
package steps

import (
	"math"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/loss"
)

// SparseDecay damps the steps of the intercept where rows are sparse, as in scikit-learn.
const SparseDecay = 0.01

// Rule is the options as the steps need them.
type Rule struct {
	Loss       loss.Func
	Rate       linear.LearningRate
	Alpha      float64
	L1Ratio    float64 // 0 for l2, 1 for l1
	L1, Decays bool    // the penalty truncates; the penalty shrinks
	Penalty    bool
	Eta0       float64
	powerT     float64
	T0         float64 // of Optimal
	Average    float64
	Intercept  bool
	OneClass   bool
	Passive    bool // PA1 or PA2
	AdaGrad    bool // steps by column: see Columns
	Newton     bool // quadratic functions: see package sgd
	Track      bool // sum up the objective
}

func NewRule(o *linear.Options) Rule {
	r := Rule{
		Loss:      loss.Of(o),
		Rate:      o.LearningRate,
		Alpha:     *o.Alpha,
		L1Ratio:   *o.L1Ratio,
		L1:        o.Penalty == linear.L1 || o.Penalty == linear.ElasticNet,
		Decays:    o.Penalty == linear.L2 || o.Penalty == linear.ElasticNet,
		Penalty:   o.Penalty != linear.None,
		Eta0:      o.Eta0,
		powerT:    *o.PowerT,
		Average:   float64(o.Average),
		Intercept: *o.FitIntercept,
		OneClass:  o.Task == linear.OneClass,
		Passive:   o.LearningRate == linear.PA1 || o.LearningRate == linear.PA2,
		AdaGrad:   o.LearningRate == linear.AdaGrad,
		Newton:    o.LearningRate == linear.Newton,
		Track:     o.Tol != nil && !o.EarlyStopping,
	}
	switch o.Penalty {
	case linear.L2:
		r.L1Ratio = 0
	case linear.L1:
		r.L1Ratio = 1
	}
	if r.OneClass {
		r.Alpha = o.Nu
	}
	if r.Rate == linear.Optimal {
		r.T0 = 1 / (math.Sqrt(1/math.Sqrt(r.Alpha)) * r.Alpha)
	}
	return r
}

// Eta is the step size of row t, if it is the row that decides.
func (r *Rule) Eta(t float64) float64 {
	switch r.Rate {
	case linear.Optimal:
		return 1 / (r.Alpha * (r.T0 + t - 1))
	case linear.InvScaling:
		switch r.powerT {
		case 0.5:
			return r.Eta0 / math.Sqrt(t)
		case 0.25:
			return r.Eta0 / math.Sqrt(math.Sqrt(t))
		}
		return r.Eta0 / elementary.Pow(t, r.powerT)
	}
	return 0
}

// Reports is whether the mean is what counts, before row t.
func (r *Rule) Reports(t float64) bool { return r.Average > 0 && r.Average <= t-1 }
