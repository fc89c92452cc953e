package recommend

import (
	"errors"
	"fmt"
	"math"
)

// Similarity is when items are alike.
type Similarity string

const (
	// Cosine is that of the items' columns of weights, over all users: Σ w·w' / (‖w‖·‖w'‖).
	Cosine Similarity = "cosine"
	// AdjustedCosine is the cosine of values less the mean of their user's (Sarwar et al. 2001), over all users who had
	// either item, so that one common user alone makes no perfect likeness.
	AdjustedCosine Similarity = "adjusted_cosine"
	// Jaccard is the number of users who had both items by that of users who had either. Values do not matter.
	Jaccard Similarity = "jaccard"
	// InnerProduct is Σ w·w': with BM25 weights, the similarity of implicit's BM25Recommender.
	InnerProduct Similarity = "inner_product"
)

// Similarities lists them.
var Similarities = []Similarity{Cosine, AdjustedCosine, Jaccard, InnerProduct}

// Weighting is what values count as where items are compared.
type Weighting string

const (
	NoWeighting Weighting = "none"
	// TFIDF is √value · idf, where idf of a user with n of N items is ln N − ln(1+n), as in implicit's TFIDFRecommender.
	TFIDF Weighting = "tfidf"
	// BM25 is value·(k1+1) / (k1·norm + value) · idf with k1 = 1.2, b = 0.75, where norm = 1 − b + b·(sum of the item's
	// values)/(mean of such sums) and idf is that of TFIDF, as in implicit's BM25Recommender.
	BM25 Weighting = "bm25"
)

// Weightings lists them.
var Weightings = []Weighting{NoWeighting, TFIDF, BM25}

// The constants of BM25.
const (
	bm25K1 = 1.2
	bm25B  = 0.75
)

// Options of a fit. A field that is not Required has its Default.
type Options struct {
	// Similarity is when items are alike. Default: Cosine.
	Similarity Similarity
	// Weighting is what values count as. Default: NoWeighting; AdjustedCosine and Jaccard have no other.
	Weighting Weighting
	// K is how many neighbours an item has, at most: those of positive similarity, never itself. Required.
	K int
	// Shrinkage λ multiplies a similarity by n/(n+λ), where n is the number of users who had both items: what few have
	// seen counts less (Bell and Koren, Improved neighborhood-based collaborative filtering, KDD Cup 2007). Default: 0.
	Shrinkage float64
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.Similarity == "" {
		o.Similarity = Cosine
	}
	if o.Weighting == "" {
		o.Weighting = NoWeighting
	}
}

// maxK bounds the memory of lists of neighbours.
const maxK = 1 << 16

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	switch o.Similarity {
	case Cosine, AdjustedCosine, Jaccard, InnerProduct:
	default:
		errs = append(errs, fmt.Errorf("similarity %q: must be one of %v", o.Similarity, Similarities))
	}
	switch o.Weighting {
	case NoWeighting, TFIDF, BM25:
	default:
		errs = append(errs, fmt.Errorf("weighting %q: must be one of %v", o.Weighting, Weightings))
	}
	if o.Weighting != NoWeighting && (o.Similarity == AdjustedCosine || o.Similarity == Jaccard) {
		errs = append(errs, fmt.Errorf("similarity %s has no weighting: it is of values, or of sets, as they are",
			o.Similarity))
	}
	if o.K < 1 || o.K > maxK {
		errs = append(errs, fmt.Errorf("k %d: must be from 1 to %d", o.K, maxK))
	}
	if !(o.Shrinkage >= 0) || math.IsInf(o.Shrinkage, 0) {
		errs = append(errs, fmt.Errorf("shrinkage %g: must be a finite number of at least 0", o.Shrinkage))
	}
	return errors.Join(errs...)
}

// NeedsPositive reports whether values below 0 have no weight.
func (o *Options) NeedsPositive() bool { return o.Weighting == TFIDF || o.Weighting == BM25 }
