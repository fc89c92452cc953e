// Package eigen finds the principal components of rows that need not fit into memory: the eigenvectors of their
// covariance.
//
// A [Fit] makes passes over the rows. Up to MaxExact columns it is one, which sums up the covariance itself, whose
// symmetric eigendecomposition is [PCA], equal to scikit-learn's. Beyond, it is a randomised sketch in two passes or
// more (Halko, Martinsson and Tropp, Finding structure with randomness, SIAM Review 53.2, 2011): the first multiplies
// the covariance with some random vectors, which turns them towards the leading eigenvectors, and the last decomposes
// the covariance within the space that they span.
package eigen

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/gonum/floats"

	"beamlearn/model/features"
)

// Solver is how the components are found, by scikit-learn's names.
type Solver string

const (
	// Auto is CovarianceEigh up to MaxExact columns, and Randomized beyond.
	Auto           Solver = "auto"
	CovarianceEigh Solver = "covariance_eigh"
	Randomized     Solver = "randomized"
)

// Solvers are all of them.
var Solvers = []Solver{Auto, CovarianceEigh, Randomized}

// MaxExact is the largest number of columns whose covariance is summed up: as many as a linear.Gram takes.
const MaxExact = 2000

// DefaultSketched is how many components a sketch finds where nothing else is said.
const DefaultSketched = 50

// maxSketch bounds a sketch to 512 MiB.
const maxSketch = 64 << 20

// Options are what to find, by scikit-learn's names. A field that is not Required has its Default.
type Options struct {
	// Components is how many are found. Default: all, as many as columns or rows, whatever there are fewer of; of a
	// sketch 50.
	Components int `json:"n_components"`
	// VarianceShare asks for as many components as explain more than this share of the variance: scikit-learn's
	// n_components above 0 and below 1. Components must then be 0. It takes every eigenvalue, so a sketch refuses it.
	// Default: 0, no share.
	VarianceShare float64 `json:"variance_share,omitempty"`
	// Whiten brings the projected rows to variance 1 in each component. Default: false.
	Whiten bool `json:"whiten"`
	// Standardize divides the columns by their standard deviation first: the components are those of the correlation.
	// Default: false.
	Standardize bool `json:"standardize"`
	// Solver is how. Default: Auto.
	Solver Solver `json:"svd_solver"`
	// Oversamples is how many random vectors a sketch has beyond Components. Default: 10.
	Oversamples int `json:"n_oversamples"`
	// IteratedPower is how many passes a sketch makes beyond two, each of which brings it closer; with Standardize 1 at
	// least, as only the first pass finds out the scales. Default: scikit-learn's auto, 7 for fewer components than a
	// tenth of the rows and of the columns and otherwise 4, or fewer where a pass has moved no eigenvalue by more than a
	// millionth of it.
	IteratedPower *int `json:"iterated_power,omitempty"`
	// Seed of the random vectors.
	Seed uint64 `json:"random_state"`
}

// Settle fills in what is not set, for rows of so many features, and reports every fault at once.
func (o *Options) Settle(features int) error {
	if err := o.checkShare(features); err != nil {
		return err
	}
	if o.Solver == "" || o.Solver == Auto {
		o.Solver = CovarianceEigh
		if features > MaxExact {
			o.Solver = Randomized
		}
	}
	if o.Oversamples == 0 {
		o.Oversamples = 10
	}
	if o.Solver == Randomized {
		if o.Components == 0 {
			o.Components = min(DefaultSketched, features)
		}
		if o.Standardize {
			if p := o.IteratedPower; p != nil {
				o.IteratedPower = new(max(*p, 1))
			}
		}
	}
	var errs []error
	if o.Components < 0 || o.Components > features {
		errs = append(errs, fmt.Errorf("%d components: must be from 1 to the number of columns, %d", o.Components, features))
	}
	if o.Oversamples < 0 {
		errs = append(errs, fmt.Errorf("n_oversamples %d: must not be negative", o.Oversamples))
	}
	if p := o.IteratedPower; p != nil && *p < 0 {
		errs = append(errs, fmt.Errorf("iterated_power %d: must be auto, or not negative", *p))
	}
	switch o.Solver {
	case CovarianceEigh:
		if features > MaxExact {
			errs = append(errs, fmt.Errorf("svd_solver covariance_eigh: %d columns are more than %d: take randomized", features,
				MaxExact))
		}
	case Randomized:
		if w := o.width(features); w > 0 && (w > MaxExact || features > maxSketch/w) {
			errs = append(errs, fmt.Errorf(
				"svd_solver randomized: %d components of %d columns are more than fit into a sketch: ask for fewer", o.Components,
				features))
		}
	default:
		errs = append(errs, fmt.Errorf("svd_solver %q: must be auto, covariance_eigh or randomized", o.Solver))
	}
	return errors.Join(errs...)
}

// checkShare says what is wrong with the share of the variance, before a solver is chosen. Advice that fits a number of
// components, as that on solvers, would be wrong for a share.
func (o *Options) checkShare(features int) error {
	s := o.VarianceShare
	switch {
	case s == 0:
		return nil
	case !(s > 0 && s < 1):
		return fmt.Errorf("components for a share of %v of the variance: must be above 0 and below 1", s)
	case o.Components != 0:
		return fmt.Errorf("%d components, and as many as explain %s: ask for one of both", o.Components, ShareText(s))
	case features > MaxExact:
		return fmt.Errorf("as many components as explain %s: %d columns are more than %d, which only a sketch takes, and "+
			"it does not "+
			"know all eigenvalues: ask for a number of components, e.g. %d", ShareText(s), features, MaxExact, DefaultSketched)
	case o.Solver == Randomized:
		return fmt.Errorf("as many components as explain %s: svd_solver randomized does not know all eigenvalues: take "+
			"covariance_eigh, or ask for a number of components", ShareText(s))
	}
	return nil
}

// ShareText is a share of the variance in words: 95 % for 0.95, with every digit that was asked for.
func ShareText(share float64) string { return strconv.FormatFloat(100*share, 'g', 15, 64) + " %" }

// MostPasses is how many passes a fit makes at most, by options that are settled, over so many rows; 0: nobody knows.
func (o *Options) MostPasses(features int, rows int64) int {
	switch {
	case o.Solver != Randomized:
		return 1
	case o.IteratedPower != nil:
		return 2 + *o.IteratedPower
	}
	least := int64(features)
	if rows > 0 {
		least = min(least, rows)
	}
	if 10*int64(o.Components) < least {
		return 2 + 7
	}
	return 2 + 4
}

// width is the number of vectors of a sketch.
func (o *Options) width(features int) int { return min(o.Components+o.Oversamples, features) }

// SketchBytes is the memory of the sum of a pass over rows of so many columns where it is a sketch, and 0 where it is
// not. Call it after Settle.
func (o *Options) SketchBytes(features int) int64 {
	if o.Solver != Randomized {
		return 0
	}
	return 8 * int64(features) * int64(o.width(features))
}

// PCA is the principal components of rows: scikit-learn's PCA, by its names. It is plain data, and safe for
// concurrent use as long as nobody changes it.
type PCA struct {
	Options      Options
	Rows         int64    // that it was found from
	FeatureNames []string // nil, or one for each column
	// Encoding brings rows of tables to the features; nil where rows are numbers.
	Encoding *features.Encoding
	// ZeroBased says that the rows were of .svm, whose index of the first column was 0, as are those of rows to project.
	ZeroBased  bool
	Mean       []float64   // of each column
	Scale      []float64   // what a column is divided by after its mean is taken away; nil: 1
	Components [][]float64 // components × features, orthonormal, by falling variance; see [flip] for the sign
	// ExplainedVariance is the eigenvalues: the variance along each component, with rows − 1 as the divisor.
	ExplainedVariance []float64
	TotalVariance     float64 // of all columns: the sum of all eigenvalues, of which there may be more than components
	// Spectrum is all eigenvalues, also those of components that are not kept; of a sketch, none.
	Spectrum []float64
}

// Features is the number of columns.
func (p *PCA) Features() int { return len(p.Mean) }

// Len is the number of components.
func (p *PCA) Len() int { return len(p.Components) }

// Ratio is the share of component i in the variance, 0 where there is no variance.
func (p *PCA) Ratio(i int) float64 {
	if p.TotalVariance > 0 {
		return p.ExplainedVariance[i] / p.TotalVariance
	}
	return 0
}

// Name is what the i-th column of projected rows is called, by scikit-learn's get_feature_names_out.
func Name(i int) string { return fmt.Sprintf("pca%d", i) }

// Feature is the name of column j, or its index.
func (p *PCA) Feature(j int) string {
	if p.FeatureNames != nil {
		return p.FeatureNames[j]
	}
	return fmt.Sprint(j)
}

// flip gives a component its sign: its entry of greatest size, the first of several, is positive. It is
// scikit-learn's rule.
func flip(v []float64) {
	greatest := 0.0
	for _, x := range v {
		if math.Abs(x) > math.Abs(greatest) {
			greatest = x
		}
	}
	if greatest < 0 {
		floats.Scale(-1, v)
	}
}

// Transform writes the components of a row of Features values into dst, which must hold Len values. It uses room for
// Features values. O(Features·Len). The bits depend on the row and on nothing else.
func (p *PCA) Transform(dst, row, room []float64) {
	p.centre(room, row)
	for i, v := range p.Components {
		x := floats.Dot(room, v)
		if p.Options.Whiten {
			x = p.whiten(i, x)
		}
		dst[i] = x
	}
}

// whiten divides by the standard deviation of component i.
func (p *PCA) whiten(i int, x float64) float64 { return x / p.Deviation(i) }

// Deviation is the standard deviation along component i, by which Whiten divides. Where it is but rounding, it is the
// least number that is not, as scikit-learn has it.
func (p *PCA) Deviation(i int) float64 {
	return max(math.Sqrt(max(p.ExplainedVariance[i], 0)), epsilon)
}

const epsilon = 0x1p-52

// centre writes a row, without the mean and scaled, into dst.
func (p *PCA) centre(dst, row []float64) { centre(dst, row, p.Mean, p.Scale) }

func centre(dst, row, mean, scale []float64) {
	dst, mean = dst[:len(row)], mean[:len(row)]
	for j, v := range row {
		dst[j] = v - mean[j]
	}
	if scale != nil {
		floats.Div(dst, scale)
	}
}
