package survey

import (
	"math"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/linear"
)

// Auto sets LearningRate, Eta0, PowerT and Average, where they are not set, for rows that have been surveyed and are
// learned from in so many parts and epochs.
//
// By AdaGrad the model is the mean of the weights over the last half of the steps; Eta0 is (400,000/steps)^⅓, from ¼
// to 2, times the spread of a regression's target, about its mean where there is an intercept, which is to begin
// there: see [Survey.Start]. Where the target drifts along the file it is √(20,000/steps), from 1/16 to 2, as large
// steps would follow it; and where half of the target's variance is between chunks, as in sorted rows, InvScaling
// takes AdaGrad's place unless this is asked for: steps that fall with the number of rows hold on to what the first
// rows told. TestAdaGradConverges has figures.
//
// By InvScaling the mean is over the last three quarters of the steps, which fall by a root of their number. The
// first step follows from R², Survey.SquareRadius with a share for the intercept, and from the loss. Where its slope
// is bounded, steps begin large and fall fast: a/(c·R²·√t), with c the loss's curvature and a the fourth root of the
// number of steps, 16 at most. Where it has none, being made of lines, predictions are to cross the target's scale (1
// in classification) in about one step. Where the slope is not bounded, steps must not be above 2/(c·R²), ever, and
// fall more slowly: 1/(2·c·R²·t^¼). So weights do not overflow, whatever the units of the features; but with very
// different units they take very long: see [Survey.NeedsScaler].
//
// With an l1 penalty nothing is averaged, as means of weights have few zeros. A OneClass, a passive-aggressive rate,
// and rates other than InvScaling that are set, keep their defaults.
func (s *Survey) Auto(o *linear.Options, parts, epochs int) {
	if o.LearningRate == "" && o.PowerT == nil && o.Task != linear.OneClass && !(s.Drift.Drifts() && s.Drift.Share > 0.5) {
		o.LearningRate = linear.AdaGrad
	}
	if o.LearningRate == linear.AdaGrad && o.Task != linear.OneClass {
		s.autoAdaGrad(o, parts, epochs)
		return
	}
	if o.Task == linear.OneClass || o.LearningRate != "" && o.LearningRate != linear.InvScaling {
		return
	}
	d := *o
	d.EnsureDefaults()
	if d.Tol != nil {
		epochs = 1 // how many there will be is not known
	}
	bounded, curvature := true, 1.0
	scale := 1.0 // of the target
	if o.Task == linear.Regression {
		scale = math.Sqrt(s.Var + float64(s.Mean*s.Mean))
	}
	steps := float64(s.Rows) / float64(max(parts, 1)) * float64(max(epochs, 1))
	first := min(max(math.Sqrt(math.Sqrt(steps)), 1), 16)
	switch d.Loss {
	case linear.LogLoss:
		curvature = 0.25
	case linear.Hinge, linear.Perceptron:
		first = 4
	case linear.EpsilonInsensitive:
		first = 4 * scale
	case linear.ModifiedHuber:
		curvature = 2
	case linear.Huber:
		first = max(1, 4*scale/max(*d.Epsilon, 1e-3*scale))
	case linear.SquaredError:
		bounded = false
	case linear.SquaredHinge, linear.SquaredEpsilonInsensitive:
		bounded, curvature = false, 2
	}
	power := 0.5
	if !bounded {
		first, power = 0.5, 0.25
	}
	radius := s.SquareRadius
	if *d.FitIntercept {
		radius++
	}
	// A row of weight w steps w times as far.
	if s.Weight > 0 {
		radius *= s.Weight2 / s.Weight
	}
	var learned, squares float64
	for i, w := range d.ClassWeight.Weights(&s.Classes, s.ClassRows) {
		learned += float64(w * float64(s.ClassRows[i]))
		squares += float64(w * w * float64(s.ClassRows[i]))
	}
	if learned > 0 {
		radius *= squares / learned
	}
	o.LearningRate = linear.InvScaling
	if o.PowerT == nil {
		o.PowerT = new(power)
	}
	if o.Eta0 == 0 {
		o.Eta0 = min(max(first/(curvature*radius), math.SmallestNonzeroFloat64), math.MaxFloat64)
	}
	if o.Average == 0 && d.Penalty != linear.L1 && d.Penalty != linear.ElasticNet {
		o.Average = linear.Average(1 + steps/4)
	}
}

// autoAdaGrad is Auto of AdaGrad.
func (s *Survey) autoAdaGrad(o *linear.Options, parts, epochs int) {
	d := *o
	if d.EnsureDefaults(); d.Tol != nil {
		epochs = 1 // how many there will be is not known
	}
	steps := float64(s.Rows) / float64(max(parts, 1)) * float64(max(epochs, 1))
	if o.Eta0 == 0 {
		eta := min(max(math.Cbrt(4e5/max(steps, 1)), 0.25), 2)
		if s.Drift.Drifts() {
			eta = min(max(math.Sqrt(2e4/max(steps, 1)), 1.0/16), 2)
		}
		if o.Task == linear.Regression {
			square := s.Var
			if !*d.FitIntercept {
				square += float64(s.Mean * s.Mean)
			}
			if spread := math.Sqrt(square); spread > 0 {
				eta *= spread
			}
		}
		o.Eta0 = min(max(eta, math.SmallestNonzeroFloat64), math.MaxFloat64)
	}
	if o.Average == 0 && d.Penalty != linear.L1 && d.Penalty != linear.ElasticNet {
		o.Average = linear.Average(1 + steps/2)
	}
}

// Odds are the intercepts of a classification that weights begin with by Newton, one for each weight vector: the log
// odds of its class. Of other losses than log_loss there are none.
func (s *Survey) Odds(o *linear.Options) []float64 {
	if o.LearningRate != linear.Newton || o.Task != linear.Classification || o.Loss != linear.LogLoss {
		return nil
	}
	weights := o.ClassWeight.Weights(&s.Classes, s.ClassRows)
	odds := func(own, others float64) float64 {
		if !(own+others > 0) {
			return 0
		}
		return elementary.Log(min(max(own/others, 1e-9), 1e9))
	}
	if len(weights) == 2 {
		return []float64{odds(weights[1]*s.ClassWeight[1], weights[0]*s.ClassWeight[0])}
	}
	var all []float64
	for k, w := range weights {
		all = append(all, odds(w*s.ClassWeight[k], s.Weight-s.ClassWeight[k]))
	}
	return all
}

// Start is the intercept that weights begin with, of options that are complete: in a regression by AdaGrad or Newton
// the target's mean, as the steps of an intercept are no larger than those of the weights; otherwise 0.
func (s *Survey) Start(o *linear.Options) float64 {
	if o.Task != linear.Regression || o.LearningRate != linear.AdaGrad && o.LearningRate != linear.Newton ||
		o.FitIntercept != nil && !*o.FitIntercept {
		return 0
	}
	return s.Mean
}
