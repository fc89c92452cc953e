package loss

import (
	"math"
	"testing"

	"beamlearn/model/linear"
)

// Values, slopes and curvatures are those of package math and of differences, and losses.go's.
func TestCurve(t *testing.T) {
	for _, l := range []linear.Loss{linear.LogLoss, linear.SquaredHinge, linear.ModifiedHuber, linear.Huber,
		linear.SquaredError, linear.SquaredEpsilonInsensitive} {
		f := New(l, 0.3)
		for p := -50.0; p <= 50; p += 0.37 {
			for _, y := range []float64{-1, 1} {
				value, slope, curvature := f.Curve(p, y)
				if want := f.Value(p, y); !(math.Abs(value-want) <= 4e-16*max(1e-300, math.Abs(want))) {
					t.Errorf("%s(%v, %v): value %v, want %v", l, p, y, value, want)
				}
				if want := f.Slope(p, y); !(math.Abs(slope-want) <= 3e-16*max(1, math.Abs(want))) {
					t.Errorf("%s(%v, %v): slope %v, want %v", l, p, y, slope, want)
				}
				const h = 1e-5
				_, above, _ := f.Curve(p+h, y)
				_, below, _ := f.Curve(p-h, y)
				if d := (above - below) / (2 * h); !(math.Abs(d-curvature) <= 1e-6) {
					t.Errorf("%s(%v, %v): curvature %v, differences give %v", l, p, y, curvature, d)
				}
			}
		}
		if v, _, _ := f.Curve(math.NaN(), 1); v == v {
			t.Errorf("%s of NaN: %v", l, v)
		}
	}
	for x := 0.0; x < 760; x = x*1.01 + 1e-9 {
		want := math.Exp(-x)
		if got := ExpNegative(x); !(math.Abs(got-want) <= 3e-16*want) && x < 708 || x >= 708 && got != 0 {
			t.Errorf("exp(-%v): %v, want %v", x, got, want)
		}
		if got, want := Log1pUnit(ExpNegative(x)), math.Log1p(math.Exp(-x)); x < 708 && !(math.Abs(got-want) <= 6e-16*want) {
			t.Errorf("log1p(exp(-%v)): %v, want %v", x, got, want)
		}
	}
}

// The slope of a loss is its derivative.
func TestSlopes(t *testing.T) {
	for _, l := range linear.Losses {
		f := New(l, 0.3)
		for _, y := range []float64{-1, 1} {
			for p := -3.013; p < 3; p += 0.1 { // no corner is hit
				const h = 1e-6
				want := (f.Value(p+h, y) - f.Value(p-h, y)) / (2 * h)
				if got := f.Slope(p, y); !(math.Abs(got-want) <= 1e-8) {
					t.Errorf("%s at %v, y %v: got %v, want %v", l, p, y, got, want)
				}
			}
		}
		if l == linear.LogLoss {
			for _, p := range []float64{-800, -37, 37, 800} {
				for _, y := range []float64{-1, 1} {
					if s, v := f.Slope(p, y), f.Value(p, y); !(math.Abs(s) <= 1) || !(v >= 0) || v > 801 {
						t.Errorf("log_loss at %v, y %v: slope %v, value %v", p, y, s, v)
					}
				}
			}
		}
	}
	for _, v := range []struct {
		l       linear.Loss
		p, want float64
	}{{linear.Hinge, 1, -1}, {linear.Perceptron, 0, -1}, {linear.SquaredHinge, 1, 0}, {linear.ModifiedHuber, 1, 0},
		{linear.ModifiedHuber, -1, -4}, {linear.EpsilonInsensitive, 0.5, 0}} {
		f := New(v.l, 0.5)
		if got := f.Slope(v.p, 1); got != v.want {
			t.Errorf("%s at its corner %v: got %v, want %v", v.l, v.p, got, v.want)
		}
	}
}

// The log loss of a probability is −ln p, and that of one that is 0 or 1 as of one nearest to it.
func TestLogLossOf(t *testing.T) {
	t.Parallel()
	for p, want := range map[float64]float64{
		0: 52 * math.Ln2, 0x1p-60: 52 * math.Ln2, 0x1p-52: 52 * math.Ln2, 0.25: 2 * math.Ln2, 0.5: math.Ln2,
		0.9: -math.Log(0.9),
		1:   0x1p-52,
	} {
		if got := LogLossOf(p); !(math.Abs(got-want) <= 1e-15*want+1e-31) {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
}
