package interior

import (
	"math"

	"beamlearn/model/linear"
)

// corners is a loss as a sum of functions with one corner each, the greatest of s·z − curve·s²/2 over low ≤ s ≤
// low+width, where z is sign·prediction + off. With curve 0 it has a corner, with curve 1 it is Huber's, square near 0.
type corners struct {
	loss         linear.Loss
	n            int
	low          [2]float64
	width, curve float64
	epsilon      float64
}

func cornersOf(o *linear.Options) corners {
	switch o.Loss {
	case linear.Quantile:
		return corners{loss: o.Loss, n: 1, low: [2]float64{-*o.Quantile}, width: 1}
	case linear.EpsilonInsensitive:
		return corners{loss: o.Loss, n: 2, low: [2]float64{0, -1}, width: 1, epsilon: *o.Epsilon}
	case linear.Huber:
		return corners{loss: o.Loss, n: 1, low: [2]float64{-*o.Epsilon}, width: 2 * *o.Epsilon, curve: 1}
	}
	return corners{loss: linear.Hinge, n: 1, low: [2]float64{-1}, width: 1}
}

// at is what z is made of at corner c for the target y, which is ±1 of hinge.
func (l *corners) at(c int, y float64) (sign, off float64) {
	switch {
	case l.loss == linear.Hinge:
		return y, -1
	case l.n == 1:
		return 1, -y
	case c == 0:
		return 1, -y - l.epsilon
	}
	return 1, -y + l.epsilon
}

// value is that of the loss at corner c.
func (l *corners) value(c int, z float64) float64 {
	if l.curve == 0 {
		return max(float64(l.low[c]*z), float64((l.low[c]+1)*z))
	}
	s := min(max(z, l.low[c]), l.low[c]+l.width)
	return l.line(s, z)
}

// line is that of the slope s at z.
func (l *corners) line(s, z float64) float64 {
	if l.curve == 0 {
		return float64(s * z)
	}
	return float64(s*z) - float64(s*s)/2
}

// dual is where a row's slope is at a corner: up above the least, and down below the greatest. Both are kept, so that
// neither loses digits near its bound.
type dual struct{ up, down float64 }

const (
	inside = 1e-3 // of the bounds: where slopes begin at the nearest
	stay   = 0.05 // the share of the way to a bound that a step leaves
)

// begin is the slope that the barrier's weight m alone balances with z: z = m/down − m/up. With a curve it is z,
// inside.
func (l *corners) begin(c int, z, m float64) dual {
	if l.curve > 0 {
		up := min(max(z-l.low[c], stay*l.width), (1-stay)*l.width)
		return dual{up, l.width - up}
	}
	// z·up² + (2m − z)·up − m = 0
	b := 2*m - z
	root := math.Sqrt(float64(b*b) + float64(4*z*m))
	up := 0.5
	switch {
	case b > 0:
		up = 2 * m / (b + root)
	case z > 0:
		up = (root - b) / (2 * z)
	}
	up = min(max(up, inside), 1-inside)
	return dual{up, 1 - up}
}

// newton is the step of a slope: away + rate·(change of z). The slacks of both bounds differ by z − curve·s, and the
// lesser one is as the barrier of weight m has it.
func (l *corners) newton(c int, u dual, z, m float64) (rate, away float64) {
	if l.curve > 0 {
		z -= l.low[c] + u.up
	}
	up, down := m/u.up, m/u.down
	slackUp, slackDown := up, z+up
	if !(z > 0) {
		slackUp, slackDown = down-z, down
	}
	rate = 1 / (slackDown/u.down + slackUp/u.up + l.curve)
	return rate, float64(rate * (z - down + up))
}

// move is the slope after a step, as much of it as leaves it inside.
func (l *corners) move(u dual, step float64) dual {
	if step < 0 {
		up := max(u.up+step, stay*u.up, tiny)
		return dual{up, l.width - up}
	}
	down := max(u.down-step, stay*u.down, tiny)
	return dual{l.width - down, down}
}

// tiny keeps slopes apart from their bounds.
const tiny = 1e-200
