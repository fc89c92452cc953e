package interior

import (
	"math"

	"beamlearn/model/linear"
)

// corners is a loss as a sum of functions with one corner each, max(low·z, (low+1)·z), where z is sign·prediction + off. Its
// conjugate makes it the greatest of the lines s·z, low ≤ s ≤ low+1.
type corners struct {
	loss    linear.Loss
	n       int
	low     [2]float64
	epsilon float64
}

func cornersOf(o *linear.Options) corners {
	switch o.Loss {
	case linear.Quantile:
		return corners{loss: o.Loss, n: 1, low: [2]float64{-*o.Quantile}}
	case linear.EpsilonInsensitive:
		return corners{loss: o.Loss, n: 2, low: [2]float64{0, -1}, epsilon: *o.Epsilon}
	}
	return corners{loss: linear.Hinge, n: 1, low: [2]float64{-1}}
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

// dual is where a row's slope is at a corner: up above the least, and down below the greatest; up + down = 1. Both are kept,
// so that neither loses digits near its bound.
type dual struct{ up, down float64 }

const (
	inside = 1e-3 // of the bounds: where slopes begin at the nearest
	stay   = 0.05 // the share of the way to a bound that a step leaves
)

// begin is the slope that the barrier's weight m alone balances with z: z = m/down − m/up.
func begin(z, m float64) dual {
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

// newton is the step of a slope: away + rate·(change of z). The slacks of both bounds differ by z, and the lesser one is as the
// barrier of weight m has it.
func (u dual) newton(z, m float64) (rate, away float64) {
	up, down := m/u.up, m/u.down
	var slackUp, slackDown float64
	if z > 0 {
		slackUp, slackDown = up, z+up
	} else {
		slackDown = down
		slackUp = down - z
	}
	rate = 1 / (slackDown/u.down + slackUp/u.up)
	return rate, rate * (z - down + up)
}

// move is the slope after a step, as much of it as leaves it inside.
func (u dual) move(step float64) dual {
	if step < 0 {
		up := max(u.up+step, stay*u.up, tiny)
		return dual{up, 1 - up}
	}
	down := max(u.down-step, stay*u.down, tiny)
	return dual{1 - down, down}
}

// tiny keeps slopes apart from their bounds.
const tiny = 1e-200
