package loss

import (
	"math"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/linear/internal/lanes"
)

// The losses that have slopes everywhere, with the generalised second derivative that Newton's method takes.

// Curve is L(p,y), ∂L/∂p and ∂²L/∂p².
func (f *Func) Curve(p, y float64) (value, slope, curvature float64) {
	switch f.Kind {
	case LogLoss:
		return lanes.Logistic(p, y)
	case ModifiedHuber:
		switch m := float64(p * y); {
		case m >= 1:
			return 0, 0, 0
		case m >= -1:
			return (1 - m) * (1 - m), -2 * y * (1 - m), 2
		default:
			return -4 * m, -4 * y, 0
		}
	case squaredHinge:
		if d := 1 - float64(p*y); !(d <= 0) {
			return d * d, -2 * y * d, 2
		}
		return 0, 0, 0
	case SquaredError:
		r := p - y
		return r * r / 2, r, 1
	case huber:
		r := p - y
		switch {
		case r > f.Epsilon:
			return f.Epsilon * (r - f.Epsilon/2), f.Epsilon, 0
		case r < -f.Epsilon:
			return f.Epsilon * (-r - f.Epsilon/2), -f.Epsilon, 0
		}
		return r * r / 2, r, 1
	case squaredEpsilonInsensitive:
		r := p - y
		switch {
		case r > f.Epsilon:
			d := r - f.Epsilon
			return d * d, 2 * d, 2
		case r < -f.Epsilon:
			d := r + f.Epsilon
			return d * d, 2 * d, 2
		}
		return r - r, 0, 0 // NaN where r is
	case Deviance:
		return f.deviance(p, y)
	}
	panic("linear: a loss with corners")
}

// mostPull is how far a row of log_loss pulls its own prediction at most, which is then of the right side.
const mostPull = 8

// Bounded is a curvature at a prediction whose slope is known, of losses that curve: that of Curve, or where this is
// too small for a step of Newton's a larger one. The step −slope/curvature of a row by itself then leads no further
// than to the least loss, where there is one, and by log_loss not far beyond the classes' boundary. It is 0 where the
// loss is flat.
func (f *Func) Bounded(p, y, slope float64) float64 {
	switch s := math.Abs(slope); f.Kind {
	case LogLoss:
		return max(float64(s*(1-s)), s/max(mostPull, math.Abs(p)))
	case SquaredError:
		return 1
	case huber:
		if r := math.Abs(p - y); r > f.Epsilon {
			return f.Epsilon / r
		}
		return 1
	case ModifiedHuber:
		switch m := float64(p * y); {
		case m >= 1:
			return 0
		case m < -1:
			return 4 / (1 - m)
		}
		return 2
	case squaredHinge, squaredEpsilonInsensitive:
		if s > 0 {
			return 2
		}
		return 0
	}
	panic("linear: a loss with corners")
}

// Curves is Curve of each prediction and target. All lists are as long, a multiple of [lanes.Width].
func (f *Func) Curves(p, y, value, slope, curvature []float64) {
	if f.Kind == LogLoss {
		lanes.Best().Logistic(p, y, value, slope, curvature)
		return
	}
	for i, v := range p {
		value[i], slope[i], curvature[i] = f.Curve(v, y[i])
	}
}

// Values is the value of Curve of each prediction and target, of log_loss but for its last bit. All lists are as long,
// a multiple of [lanes.Width].
func (f *Func) Values(p, y, value []float64) {
	if f.Kind == LogLoss {
		if len(p) > 0 {
			lanes.Best().Value[lanes.LogLoss](&lanes.Row{
				N: len(p) / lanes.Width, P: &p[0], Y: &y[0], YStep: 8 * lanes.Width, Update: &value[0],
			})
		}
		return
	}
	for i, v := range p {
		value[i], _, _ = f.Curve(v, y[i])
	}
}

// deviance is half the unit deviance of y from the mean that p stands for. Its second derivative in p is that itself,
// not its expectation; above the power 2 it may be negative.
func (f *Func) deviance(p, y float64) (value, slope, curvature float64) {
	v := f.Of
	value = v.Half(y, p)
	switch {
	case !v.Log():
		return value, p - y, 1
	case v.Power == 1:
		mean := elementary.Exp(p)
		return value, mean - y, mean
	}
	a, b := 2-v.Power, 1-v.Power
	mean, target := elementary.Exp(a*p), 0.0
	if y > 0 {
		target = float64(y * elementary.Exp(b*p))
	}
	return value, mean - target, float64(a*mean) - float64(b*target)
}

// ExpNegative is exp(−x) for x ≥ 0: to an ulp, and 0 where that is denormal.
func ExpNegative(x float64) float64 {
	if x >= 708 {
		return 0
	}
	return elementary.Exp(-x)
}

// Log1pUnit is log(1+x) for x from 0 to 1: to an ulp or two. It is plain Go, as FreeBSD's msun has its logarithm
// (e_log.c), with every product rounded: that of package math has other bits on other processors.
func Log1pUnit(x float64) float64 {
	const (
		ln2Hi, ln2Lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10

		l1, l2, l3, l4 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
			2.222219843214978396e-01
		l5, l6, l7 = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01
	)
	hi, lo := 0.0, 0.0
	if x > 0.4142135623730951 { // log 2 + log((1+x)/2)
		x = (x - 1) / 2
		hi, lo = ln2Hi, ln2Lo
	}
	s := x / (2 + x)
	z := float64(s * s)
	w := float64(z * z)
	r := float64(w*(l2+float64(w*(l4+float64(w*l6))))) + float64(z*(l1+float64(w*(l3+float64(w*(l5+float64(w*l7)))))))
	h := float64(0.5 * float64(x*x))
	return hi - ((h - (float64(s*(h+r)) + lo)) - x)
}

// Softmax is the loss of multinomial log_loss where the class at place y is right, log Σexp(d) − d[y], and the
// probability of all others. It makes of the decision values d the probabilities of the classes. Both are to an ulp
// or some, however small; where exp is below exp(−708) of the greatest it counts as 0. The room is of as many numbers,
// padded to lanes.
func Softmax(d []float64, y int, room []float64) (value, others float64) {
	top, most, rest := exponentials(d, room)
	value, others = softmaxLoss(top-d[y], rest), rest
	if all := 1 + rest; y != most {
		others = all - room[y]
	}
	share := 1 / (1 + rest)
	for k := range d {
		d[k] = room[k] * share
	}
	return value, others * share
}

// SoftmaxValue is the loss alone, and leaves the decision values as they are.
func SoftmaxValue(d []float64, y int, room []float64) float64 {
	top, _, rest := exponentials(d, room)
	return softmaxLoss(top-d[y], rest)
}

// exponentials makes the room exp(d[k]−top), where top is d[most], the greatest, and gives the sum of the others.
func exponentials(d, room []float64) (top float64, most int, rest float64) {
	top = d[0]
	for k := 0; k < len(d); k++ {
		for k+4 <= len(d) && !(d[k] > top || d[k+1] > top || d[k+2] > top || d[k+3] > top) {
			k += 4 // by four, as few are greater than all before
		}
		if k < len(d) && d[k] > top {
			top, most = d[k], k
		}
	}
	copy(room, d)
	room[most] = math.Inf(-1)
	for k := len(d); k < len(room); k++ {
		room[k] = math.Inf(-1)
	}
	var s [lanes.Width]float64
	lanes.Best().Exponentials(room, top, &s)
	room[most] = 1
	return top, most, ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

func softmaxLoss(below, rest float64) float64 {
	if rest <= 1 {
		return below + Log1pUnit(rest)
	}
	return below + elementary.Log(1+rest)
}
