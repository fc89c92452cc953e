// Package loss is the losses as functions of a prediction and a target.
package loss

import (
	"math"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// lossKind is a Loss as a small number, which a row's step switches on.
type lossKind uint8

const (
	Hinge lossKind = iota // with a threshold: Hinge and Perceptron
	LogLoss
	ModifiedHuber
	squaredHinge
	SquaredError
	huber
	epsilonInsensitive
	squaredEpsilonInsensitive
	Deviance // half of one: the kernels of lanes have it not
)

var lossKinds = map[linear.Loss]lossKind{
	linear.Hinge: Hinge, linear.Perceptron: Hinge, linear.LogLoss: LogLoss, linear.ModifiedHuber: ModifiedHuber,
	linear.SquaredHinge: squaredHinge,
	linear.SquaredError: SquaredError, linear.Huber: huber,
	linear.EpsilonInsensitive: epsilonInsensitive, linear.SquaredEpsilonInsensitive: squaredEpsilonInsensitive,
	linear.Poisson: Deviance, linear.Gamma: Deviance, linear.Tweedie: Deviance,
}

// Func is a loss with its parameters. In classification y is ±1.
type Func struct {
	Kind      lossKind
	Threshold float64 // of Hinge 1, of Perceptron 0
	Epsilon   float64
	Of        linear.Deviance
}

// Of is the loss of options that are complete.
func Of(o *linear.Options) Func {
	f := New(o.Loss, *o.Epsilon)
	f.Of, _ = o.Deviance()
	return f
}

func New(l linear.Loss, epsilon float64) Func {
	f := Func{Kind: lossKinds[l], Epsilon: epsilon}
	if l == linear.Hinge {
		f.Threshold = 1
	}
	return f
}

// Value is L(p,y).
func (f *Func) Value(p, y float64) float64 {
	switch f.Kind {
	case Hinge:
		return max(0, f.Threshold-float64(p*y))
	case LogLoss:
		m := float64(y * p)
		return max(0, -m) + Log1pUnit(elementary.Exp(-math.Abs(m)))
	case ModifiedHuber:
		m := float64(p * y)
		if m < -1 {
			return -4 * m
		}
		d := max(0, 1-m)
		return d * d
	case squaredHinge:
		d := max(0, 1-float64(p*y))
		return d * d
	case SquaredError:
		r := p - y
		return r * r / 2
	case huber:
		r := math.Abs(p - y)
		if r <= f.Epsilon {
			return r * r / 2
		}
		return f.Epsilon * (r - f.Epsilon/2)
	case epsilonInsensitive:
		return max(0, math.Abs(y-p)-f.Epsilon)
	case squaredEpsilonInsensitive:
		d := max(0, math.Abs(y-p)-f.Epsilon)
		return d * d
	case Deviance:
		return f.Of.Half(y, p)
	}
	panic("linear: no such loss")
}

// Slope is ∂L/∂p; where L has a corner, that of the side on which the loss is not zero.
func (f *Func) Slope(p, y float64) float64 {
	switch f.Kind {
	case LogLoss:
		if p > -37 {
			e := elementary.Exp(-p)
			if y > 0 {
				return -e / (1 + e)
			}
			return 1 / (1 + e)
		}
		if y > 0 {
			return elementary.Exp(p) - 1
		}
		return elementary.Exp(p)
	case Hinge:
		if p*y <= f.Threshold {
			return -y
		}
		return 0
	case SquaredError:
		return p - y
	case ModifiedHuber:
		switch m := p * y; {
		case m >= 1:
			return 0
		case m >= -1:
			return 2 * (1 - m) * -y
		}
		return -4 * y
	case squaredHinge:
		if d := 1 - float64(p*y); d > 0 {
			return -2 * y * d
		}
		return 0
	case huber:
		return min(max(p-y, -f.Epsilon), f.Epsilon)
	case epsilonInsensitive:
		switch {
		case y-p > f.Epsilon:
			return -1
		case p-y > f.Epsilon:
			return 1
		}
		return 0
	case squaredEpsilonInsensitive:
		switch r := y - p; {
		case r > f.Epsilon:
			return -2 * (r - f.Epsilon)
		case r < -f.Epsilon:
			return 2 * (-r - f.Epsilon)
		}
		return 0
	}
	panic("linear: no such loss")
}

// LeastLogLoss and mostLogLoss are those of probabilities 1−2⁻⁵² and 2⁻⁵².
var LeastLogLoss, MostLogLoss = LogLossOf(1), LogLossOf(0)

// LogLossOf is the log loss where the class was given the probability p.
func LogLossOf(p float64) float64 {
	return -elementary.Log(min(max(p, kernel.Epsilon), 1-kernel.Epsilon))
}

// Probability is that of ModifiedHuber.
func Probability(v float64) float64 { return (min(max(v, -1), 1) + 1) / 2 }
