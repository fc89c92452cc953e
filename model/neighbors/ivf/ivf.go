package ivf

import (
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/internal/tile"
)

// Metrics lists the metrics that partitions have, besides neighbors.Hamming of bits.
var Metrics = []neighbors.Metric{neighbors.Euclidean, neighbors.SqEuclidean, neighbors.Cosine, neighbors.Correlation,
	neighbors.InnerProduct, neighbors.Manhattan, neighbors.Chebyshev}

// Options of a search.
type Options struct {
	// Metric is one of Metrics, or with Bits neighbors.Hamming. Default: neighbors.Euclidean.
	Metric neighbors.Metric
	// Bits is [neighbors.Options].Bits.
	Bits bool
	// Recall is the share of the true neighbours that is wanted, > 0 and ≤ 1. 1 is an exact search. Default: 0.95.
	Recall float64
	// Seed chooses leaders and samples. The same seed gives the same neighbours. Default: 0.
	Seed uint64
	// Sample is the number of queries by which the recall is measured. Default: 2000.
	Sample int
	// Repetitions is the greatest number of partitions of the points. Default: 20.
	Repetitions int
	// unmeasured leaves out the exact answers to sampled queries, and with them Recall: the graph is that of Repetitions
	// partitions, by default 2, and a query is compared to so many lists, by default 8.
	unmeasured bool
	lists      int
	kernels    *tile.Kernels // of a test
	shape      *shape
	partial    bool // never exact
}

// Queries is the number of queries that are answered exactly, to find out how to search and to measure the recall.
func (o *Options) Queries() int { return o.Sample + pilot }

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.Metric == "" {
		o.Metric = neighbors.Euclidean
	}
	if o.Recall == 0 {
		o.Recall = 0.95
	}
	if o.Sample == 0 {
		o.Sample = 2000
	}
	if o.Repetitions == 0 {
		o.Repetitions = 20
		if o.unmeasured {
			o.Repetitions = 2
		}
	}
	if o.lists == 0 {
		o.lists = 8
	}
	if o.kernels == nil {
		o.kernels = tile.Best()
	}
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	if o.Bits != (o.Metric == neighbors.Hamming) || !o.Bits && !slices.Contains(Metrics, o.Metric) {
		errs = append(errs, fmt.Errorf("metric %q: approximate search has euclidean, sqeuclidean, cosine, correlation, "+
			"inner_product, manhattan, chebyshev, and hamming of bits", o.Metric))
	}
	if !(o.Recall > 0 && o.Recall <= 1) {
		errs = append(errs, fmt.Errorf("recall %v: must be greater than 0 and at most 1", o.Recall))
	}
	if o.Sample < 1 {
		errs = append(errs, fmt.Errorf("sample %d: must be at least 1", o.Sample))
	}
	if o.Repetitions < 1 {
		errs = append(errs, fmt.Errorf("repetitions %d: must be at least 1", o.Repetitions))
	}
	return errors.Join(errs...)
}

// exactly are the options of the exact index of the points. That of a metric of cells is the fastest there is.
func (o *Options) exactly() neighbors.Options {
	n := neighbors.Options{Metric: o.Metric, Bits: o.Bits, Algorithm: neighbors.Brute}
	if o.InCells() {
		n.Algorithm = neighbors.Auto
	}
	return n
}

// Sequences of random numbers for each purpose.
const (
	seedPilot = iota + 1
	seedTruth
	seedPartition
	seedLists
	seedLeaders
	seedRank
)

// Report says how a search was made, and what it found.
type Report struct {
	// Method is partition, lists, pruned, or exact where that was cheaper.
	Method string `json:"method"`
	// Asked is the recall wanted.
	Asked float64 `json:"recall_asked"`
	Measure
	// Leaders is the number of leaders on the first level, and LeafSize the number of points for each.
	Leaders  int `json:"leaders"`
	LeafSize int `json:"leaf_size"`
	// Fanout is the number of leaders that each point goes to, or of lists that each query is compared to.
	Fanout int `json:"fanout"`
	// Copies is, of points in several workers, in how many parts each is: see Parts.
	Copies      float64 `json:"copies,omitempty"`
	Repetitions int     `json:"repetitions"`
	Refined     bool    `json:"refined"` // by a round of neighbours of neighbours
	Seconds
}

// Seconds are those of the phases.
type Seconds struct {
	Truth   float64 `json:"seconds_truth"`  // exact answers to sampled queries
	Leaves  float64 `json:"seconds_leaves"` // partitions and the pairs within
	Refine  float64 `json:"seconds_refine"` // the round of neighbours of neighbours
	Lists   float64 `json:"seconds_lists"`  // the lists of an index, and queries compared to them
	Exact   float64 `json:"seconds_exact"`
	Overall float64 `json:"seconds"`
}

// Short reports whether the recall fell short of what was asked.
func (r *Report) Short() bool { return r.Sample > 0 && r.Recall < r.Asked }
