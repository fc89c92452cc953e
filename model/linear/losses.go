package linear

import "math"

// lossKind is a Loss as a small number, which a row's step switches on.
type lossKind uint8

const (
	hinge lossKind = iota // with a threshold: Hinge and Perceptron
	logLoss
	modifiedHuber
	squaredHinge
	squaredError
	huber
	epsilonInsensitive
	squaredEpsilonInsensitive
)

var lossKinds = map[Loss]lossKind{
	Hinge: hinge, Perceptron: hinge, LogLoss: logLoss, ModifiedHuber: modifiedHuber, SquaredHinge: squaredHinge,
	SquaredError: squaredError, Huber: huber,
	EpsilonInsensitive: epsilonInsensitive, SquaredEpsilonInsensitive: squaredEpsilonInsensitive,
}

// lossFunc is a loss with its parameters. In classification y is ±1.
type lossFunc struct {
	kind      lossKind
	threshold float64 // of Hinge 1, of Perceptron 0
	epsilon   float64
}

func newLoss(l Loss, epsilon float64) lossFunc {
	f := lossFunc{kind: lossKinds[l], epsilon: epsilon}
	if l == Hinge {
		f.threshold = 1
	}
	return f
}

// value is L(p,y).
func (f *lossFunc) value(p, y float64) float64 {
	switch f.kind {
	case hinge:
		return max(0, f.threshold-float64(p*y))
	case logLoss:
		m := y * p
		return max(0, -m) + math.Log1p(math.Exp(-math.Abs(m)))
	case modifiedHuber:
		m := p * y
		if m < -1 {
			return -4 * m
		}
		d := max(0, 1-m)
		return d * d
	case squaredHinge:
		d := max(0, 1-float64(p*y))
		return d * d
	case squaredError:
		r := p - y
		return r * r / 2
	case huber:
		r := math.Abs(p - y)
		if r <= f.epsilon {
			return r * r / 2
		}
		return f.epsilon * (r - f.epsilon/2)
	case epsilonInsensitive:
		return max(0, math.Abs(y-p)-f.epsilon)
	case squaredEpsilonInsensitive:
		d := max(0, math.Abs(y-p)-f.epsilon)
		return d * d
	}
	panic("linear: no such loss")
}

// slope is ∂L/∂p; where L has a corner, that of the side on which the loss is not zero.
func (f *lossFunc) slope(p, y float64) float64 {
	switch f.kind {
	case logLoss:
		if p > -37 {
			e := math.Exp(-p)
			if y > 0 {
				return -e / (1 + e)
			}
			return 1 / (1 + e)
		}
		if y > 0 {
			return math.Exp(p) - 1
		}
		return math.Exp(p)
	case hinge:
		if p*y <= f.threshold {
			return -y
		}
		return 0
	case squaredError:
		return p - y
	case modifiedHuber:
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
		return min(max(p-y, -f.epsilon), f.epsilon)
	case epsilonInsensitive:
		switch {
		case y-p > f.epsilon:
			return -1
		case p-y > f.epsilon:
			return 1
		}
		return 0
	case squaredEpsilonInsensitive:
		switch r := y - p; {
		case r > f.epsilon:
			return -2 * (r - f.epsilon)
		case r < -f.epsilon:
			return 2 * (-r - f.epsilon)
		}
		return 0
	}
	panic("linear: no such loss")
}
