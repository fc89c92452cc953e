package neighbors

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/vectors"
)

// Metric is a distance, by scikit-learn's name.
type Metric string

const (
	Euclidean    Metric = "euclidean"
	SqEuclidean  Metric = "sqeuclidean"
	Cosine       Metric = "cosine"        // 1 − cos(x,y); 1 where either is the zero vector
	InnerProduct Metric = "inner_product" // −⟨x,y⟩, so that the largest product comes first
	Manhattan    Metric = "manhattan"
	Chebyshev    Metric = "chebyshev"
	Minkowski    Metric = "minkowski"   // with Options.P
	Hamming      Metric = "hamming"     // the share of components that differ; with Options.Bits the number of bits
	Correlation  Metric = "correlation" // the cosine distance of rows less their means; 1 where either row is constant
	SEuclidean   Metric = "seuclidean"  // √Σ(x−y)²/V, with Options.Params
	Mahalanobis  Metric = "mahalanobis" // √((x−y)ᵀ·VI·(x−y)), with Options.Params
	Haversine    Metric = "haversine"   // of (latitude, longitude) on the unit sphere, in radians; see Options
	Canberra     Metric = "canberra"    // Σ|x−y|/(|x|+|y|), without the terms of two zeros
	BrayCurtis   Metric = "braycurtis"  // Σ|x−y|/Σ|x+y|; 0 where the first sum is

	// √(Σ(x−y)²·n/m) over the m of n columns that both rows have, where NaN is what a row has not. There is none of rows
	// without a column in common: neither is a neighbour of the other, however many are asked for.
	NaNEuclidean Metric = "nan_euclidean"

	// Of rows as booleans, true where a component is not 0. Of n components let n11 be the number of those that are
	// true in both rows, m of those that differ, and s of those that are true in the row with fewer of them. 0/0 is 0.
	Jaccard        Metric = "jaccard"        // m/(n11+m)
	Dice           Metric = "dice"           // m/(2·n11+m)
	RogersTanimoto Metric = "rogerstanimoto" // 2m/(n+m)
	RussellRao     Metric = "russellrao"     // (n−n11)/n, also from a row to itself
	SokalSneath    Metric = "sokalsneath"    // m/(n11/2+m)
	Overlap        Metric = "overlap"        // 1 − n11/s, Szymkiewicz and Simpson's: 0 where one row has all of the other
)

// Metrics lists all metrics.
var Metrics = []Metric{Euclidean, SqEuclidean, Cosine, InnerProduct, Manhattan, Chebyshev, Minkowski, Hamming,
	Correlation,
	SEuclidean, Mahalanobis, Haversine, Canberra, BrayCurtis, NaNEuclidean, Jaccard, Dice, RogersTanimoto, RussellRao,
	SokalSneath, Overlap}

// aliases are other names of metrics, as SciPy, scikit-learn and vector databases have them. What is called angular
// there is the cosine's distance here, 1 − cos, which puts points in the same order as the angle does.
var aliases = map[Metric]Metric{
	"l1": Manhattan, "cityblock": Manhattan, "l2": Euclidean, "infinity": Chebyshev, "angular": Cosine,
	"dot": InnerProduct,
}

// What scikit-learn has, and is refused here: distances that are given in the place of rows.
const precomputed Metric = "precomputed"

// ofBooleans reports whether a metric takes rows as booleans.
func (m Metric) ofBooleans() bool {
	switch m {
	case Jaccard, Dice, RogersTanimoto, RussellRao, SokalSneath, Overlap:
		return true
	}
	return false
}

// Reflexive reports whether each row is at distance 0 from itself, and so nearest to itself.
func (m Metric) Reflexive() bool { return m != InnerProduct && m != RussellRao }

// Missing reports whether rows may have missing values, which are NaN: then two rows may be at no distance, and a query
// have fewer neighbours than were asked for.
func (m Metric) Missing() bool { return m == NaNEuclidean }

// Fitted reports whether the metric has parameters that by default follow from all points: see [Options.Params].
func (m Metric) Fitted() bool { return m == SEuclidean || m == Mahalanobis }

// validateMetric reports what of the metric and of its options cannot be.
func (o *Options) validateMetric() error {
	var errs []error
	switch {
	case o.Metric == precomputed:
		errs = append(errs, errors.New(
			"metric precomputed: rows are what is searched here, not distances: give the rows, and "+
				"the metric that the distances are of (a graph of them, .npz, is what scikit-learn takes as precomputed)"))
	case !slices.Contains(Metrics, o.Metric):
		errs = append(errs, fmt.Errorf("metric %q: must be one of %s", o.Metric, join(Metrics)))
	}
	if o.Bits && o.Metric != Hamming && !o.Metric.ofBooleans() {
		errs = append(errs, fmt.Errorf(
			"bits: of hamming, jaccard, dice, rogerstanimoto, russellrao, sokalsneath and overlap, not of %s",
			o.Metric))
	}
	if (o.Degrees || o.Kilometers) && o.Metric != Haversine {
		errs = append(errs, fmt.Errorf("degrees and kilometers: of haversine, not of %s", o.Metric))
	}
	if o.Params != nil && !o.Metric.Fitted() {
		errs = append(errs, fmt.Errorf("parameters: of seuclidean and mahalanobis, not of %s", o.Metric))
	}
	return errors.Join(errs...)
}

// CheckColumns says what of so many columns the metric cannot be of.
func (o *Options) CheckColumns(dim int) error {
	if o.Metric == Haversine && dim != 2 {
		return fmt.Errorf("haversine is of two columns, the latitude and the longitude, in this order: found %d", dim)
	}
	if p := o.Params; p != nil {
		switch v, vi := len(p.V), len(p.VI); {
		case o.Metric == SEuclidean && v != dim:
			return fmt.Errorf("seuclidean of %d columns needs as many variances, found %d", dim, v)
		case o.Metric == Mahalanobis && vi != dim*dim && len(p.whitening) != dim*dim:
			return fmt.Errorf("mahalanobis of %d columns needs a matrix of %d × %d, found %d values", dim, dim, dim, vi)
		}
	}
	return nil
}

// mostFitted is the greatest magnitude of values of seuclidean and mahalanobis: then nothing overflows.
const mostFitted = 0x1p200

// mostMissing is the greatest magnitude of values of nan_euclidean, whose squares can be told.
const mostMissing = 1e150

// Domain is what rows must be like for the metric to be of them; nil where any will do.
func (o *Options) Domain() vectors.Domain {
	switch {
	case o.Metric == Haversine:
		lat, lon := 90.0, 360.0
		expected := "degrees"
		if !o.Degrees {
			// A little more than π/2, as float32 may hold it.
			lat, lon, expected = 1.5707965, 6.2831855, "radians (degrees need --degrees)"
		}
		return vectors.Domain{
			{Column: 0, Low: -lat, High: lat, Expected: fmt.Sprintf("a latitude between %.7g and %.7g %s", -lat, lat, expected)},
			{Column: 1, Low: -lon, High: lon, Expected: fmt.Sprintf("a longitude between %.7g and %.7g %s", -lon, lon,
				expected)},
		}
	case o.Bits:
		return vectors.Domain{{
			Column: vectors.EveryColumn, Low: 0, High: math.MaxUint8, Whole: true,
			Expected: "a byte of eight bits, 0 to 255, as numpy.packbits makes them",
		}}
	case o.Metric.Missing():
		return vectors.Domain{{
			Column: vectors.EveryColumn, Low: -mostMissing, High: mostMissing, OrNaN: true,
			Expected: fmt.Sprintf("a magnitude of at most %.3g for %s, or a missing value", mostMissing, o.Metric),
		}}
	case o.Metric.Fitted():
		return vectors.Domain{{
			Column: vectors.EveryColumn, Low: -mostFitted, High: mostFitted,
			Expected: fmt.Sprintf("a magnitude of at most %.3g for %s", mostFitted, o.Metric),
		}}
	}
	return nil
}

// checkRows says what of the rows of a block the metric cannot be of. O(n·d) where there is anything to look at.
func (o *Options) checkRows(b *vectors.Block) error {
	domain := o.Domain()
	if domain == nil {
		return nil
	}
	buf := make([]float64, b.Dim)
	for i := range b.Len() {
		if broken, j, found := domain.Fault(b, i, buf); broken != nil {
			return fmt.Errorf("row %d, column %d: found %v, expected %s", b.Numbers[i], j, found, broken.Expected)
		}
	}
	return nil
}

// forms are those of values and distances, as bits of a file.
func (o *Options) forms() (bits uint32) {
	for i, set := range []bool{o.Bits, o.Degrees, o.Kilometers} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}

// setForms sets those that forms has given.
func (o *Options) setForms(bits uint32) bool {
	o.Bits, o.Degrees, o.Kilometers = bits&1 > 0, bits&2 > 0, bits&4 > 0
	return bits < 8
}
