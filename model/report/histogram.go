package report

import "math"

// Quantile of ascending values, one of them.
func Quantile(values []float64, q float64) float64 {
	return values[int(math.Round(q*float64(len(values)-1)))]
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
