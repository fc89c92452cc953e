package report

import (
	"fmt"
	"math"
	"slices"
)

// Quantile of ascending values, one of them.
func Quantile(values []float64, q float64) float64 {
	return values[int(math.Round(q*float64(len(values)-1)))]
}

// Fences are where a histogram of ascending values begins and ends: the least and the greatest value, unless a few
// far ones would flatten all others. Then they are a little beyond the middle 98 % of the values, and the bars at the
// ends, which [Bins] makes of all that is beyond, hold the rest.
func Fences(values []float64) (lo, hi float64) {
	const far, room = 4, 0.25
	lo, hi = values[0], values[len(values)-1]
	a, b := Quantile(values, 0.01), Quantile(values, 0.99)
	if width := b - a; width > 0 && hi/far-lo/far > width {
		lo, hi = max(lo, a-room*width), min(hi, b+room*width)
	}
	return lo, hi
}

// Beyond tells in words how many of ascending values the bars at the ends of a histogram hold from beyond them; ""
// where that is none.
func Beyond(values []float64, lo, hi float64) string {
	below, _ := slices.BinarySearch(values, lo)
	above := 0
	for i := len(values) - 1; i >= 0 && values[i] > hi; i-- {
		above++
	}
	switch {
	case below+above == 0:
		return ""
	case below == 0:
		return fmt.Sprintf("The last bar holds %d from beyond, up to %s.", above, Format(values[len(values)-1]))
	case above == 0:
		return fmt.Sprintf("The first bar holds %d from beyond, down to %s.", below, Format(values[0]))
	}
	return fmt.Sprintf("The bars at the ends hold %d from beyond, down to %s and up to %s.", below+above,
		Format(values[0]), Format(values[len(values)-1]))
}

// histogramBins is how many bars a histogram has.
const histogramBins = 40

// Bins counts values in bars of equal width from lo to hi, for a histogram. x are their middles.
func Bins(values []float64, lo, hi float64) (x, y []float64) {
	width := hi/histogramBins - lo/histogramBins
	if !(width > 0) {
		return []float64{lo}, []float64{float64(len(values))}
	}
	x, y = make([]float64, histogramBins), make([]float64, histogramBins)
	for i := range x {
		x[i] = lo + (float64(i)+0.5)*width
	}
	for _, v := range values {
		y[min(max(int((v-lo)/width), 0), histogramBins-1)]++
	}
	return x, y
}
