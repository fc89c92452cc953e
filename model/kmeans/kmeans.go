// Package kmeans finds clusters of rows that need not fit into memory: scikit-learn's KMeans by Lloyd's algorithm.
//
// A [Fit] makes passes over the rows. The first looks at them: their moments, and a sample, from which the initial
// centres are chosen (greedy k-means++, Arthur and Vassilvitskii, SODA 2007), if not from all rows, in a few passes
// more (k-means||, Bahmani et al., VLDB 2012). Each further one assigns every row to its nearest centre, exactly, in
// float64 and by the same search as beamlearn/model/neighbors (of equally near centres the first), and sums up the
// rows of each cluster, whose means are the next centres. Several numbers of clusters, and several starts of each, go
// side by side in the same passes.
package kmeans

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"beamlearn/model/features"
	"beamlearn/model/linear"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Init is how initial centres are chosen, by scikit-learn's names.
type Init string

const (
	// PlusPlus takes rows of a sample that are far from those taken before.
	PlusPlus Init = "k-means++"
	// Parallel takes rows of all that are far from those taken before, in a few passes: where clusters are many, or
	// small ones count, of which a sample may have no row.
	Parallel Init = "k-means||"
	// Random takes any rows of a sample.
	Random Init = "random"
	// Given takes those of the options.
	Given Init = "array"
)

// Options are what to find, by scikit-learn's names. A field that is not Required has its Default.
type Options struct {
	// Clusters are the numbers of clusters to find, ascending. Of several, the model has the one with the highest
	// silhouette on a sample. Required.
	Clusters []int `json:"n_clusters"`
	// Init is how to begin. Default: PlusPlus.
	Init Init `json:"init"`
	// Centers are those to begin with, one for each of the clusters, in the columns as they were read. With Given.
	Centers [][]float64 `json:"-"`
	// NInit is how many starts there are of each number of clusters; the one of least inertia is taken. Default: 1,
	// of Random 10.
	NInit int `json:"n_init"`
	// BatchSize is how many rows there are in a minibatch, by each of which the centres move: scikit-learn's
	// MiniBatchKMeans. 0 moves them once in a pass over all rows: KMeans. Default: 0.
	BatchSize int `json:"batch_size,omitempty"`
	// Online learns from each row once, in the order of the rows: MiniBatchKMeans.partial_fit, batch after batch. It has
	// a BatchSize, one of Clusters, one start and one iteration. The model has a Stream, so that WarmStart can go on from
	// it. Default: false.
	Online bool `json:"online,omitempty"`
	// WarmStart is a model whose centres, scaling and Stream are gone on from, with Online, and Init and Centers of its
	// own; one without a Stream gives its centres alone, which the first rows move. Optional.
	WarmStart *Model `json:"-"`
	// MaxIter is the number of iterations of each start at most: passes over the rows. Default: 300, by minibatches 100.
	MaxIter int `json:"max_iter"`
	// Tol times the mean of the columns' variances is the squared length of the move of all centres together below
	// which they have settled. 0 goes on until no row changes its cluster. Default: none; scikit-learn's is 1e-4.
	Tol float64 `json:"tol"`
	// Standardize brings the columns to mean 0 and standard deviation 1 first. Default: false.
	Standardize bool `json:"standardize"`
	// Seed of the sample, and of the choice from it.
	Seed uint64 `json:"random_state"`
}

// Limits of the options.
const (
	maxClusters = 1 << 20
	maxRuns     = 1000
	maxBatch    = 1 << 20
	maxCentres  = 32 << 20 // numbers in all centres: 256 MiB
)

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.WarmStart != nil {
		o.Init, o.Centers = Given, o.WarmStart.Centers
	}
	if o.Online {
		o.NInit, o.MaxIter = max(o.NInit, 1), 1
	}
	if o.Init == "" {
		o.Init = PlusPlus
	}
	if o.NInit == 0 {
		o.NInit = 1
		if o.Init == Random {
			o.NInit = 10
		}
	}
	if o.MaxIter == 0 {
		o.MaxIter = 300
		if o.BatchSize > 0 {
			o.MaxIter = 100
		}
	}
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	if len(o.Clusters) == 0 {
		errs = append(errs, errors.New("n_clusters is needed: how many clusters to find"))
	}
	for i, k := range o.Clusters {
		if k < 1 || k > maxClusters || i > 0 && k <= o.Clusters[i-1] {
			errs = append(errs, fmt.Errorf("n_clusters %v: must be from 1 to %d, and ascend", o.Clusters, maxClusters))
			break
		}
	}
	if !slices.Contains([]Init{PlusPlus, Parallel, Random, Given}, o.Init) {
		errs = append(errs, fmt.Errorf("init %q: must be k-means++, k-means||, random, or centres", o.Init))
	}
	if o.NInit < 1 || o.MaxIter < 1 || !(o.Tol >= 0) || o.Tol-o.Tol != 0 {
		errs = append(errs, fmt.Errorf("n_init %d, max_iter %d and tol %v: must be at least 1, 1 and 0",
			o.NInit, o.MaxIter, o.Tol))
	} else if o.NInit*len(o.Clusters) > maxRuns {
		errs = append(errs, fmt.Errorf("%d starts of each of %d numbers of clusters: %d at most in all",
			o.NInit, len(o.Clusters), maxRuns))
	}
	if o.BatchSize < 0 || o.BatchSize > maxBatch {
		errs = append(errs, fmt.Errorf("batch_size %d: must be from 1 to %d, or 0 for none", o.BatchSize, maxBatch))
	}
	if o.Online && (o.BatchSize == 0 || o.NInit != 1 || o.MaxIter != 1 || len(o.Clusters) > 1) {
		errs = append(errs,
			errors.New("online: learns by minibatches, one number of clusters, from one start, each row once"))
	}
	if o.WarmStart != nil && !o.Online {
		errs = append(errs, errors.New("warm_start: only online learning goes on from a model"))
	}
	if o.Init == Given {
		switch {
		case o.NInit > 1:
			errs = append(errs, fmt.Errorf("n_init %d: initial centres that are given have one start", o.NInit))
		case len(o.Clusters) != 1 || o.Clusters[0] != len(o.Centers):
			errs = append(errs, fmt.Errorf("n_clusters %v: there are %d initial centres", o.Clusters, len(o.Centers)))
		}
	}
	return errors.Join(errs...)
}

// Held is how many rows a fit holds as centres of all starts together, or as candidates for these.
func (o *Options) Held() int {
	all := 0
	for _, k := range o.Clusters {
		all += k * o.NInit
	}
	if o.Init == Parallel {
		all *= drawnEach*rounds + 1
	}
	return all
}

// Model is clusters: scikit-learn's KMeans, by its names. It is plain data; [Model.Searcher] makes what assigns rows.
type Model struct {
	Options      Options
	FeatureNames []string // nil, or one for each column
	// Encoding brings rows of tables to the features; nil where rows are numbers.
	Encoding *features.Encoding
	// ZeroBased says that the rows were of .svm, whose index of the first column was 0, as are those of rows to predict.
	ZeroBased bool

	Rows    int64       // that it was found from
	Mean    []float64   // of the columns
	Std     []float64   // their standard deviations, with the number of rows as the divisor
	Scale   []float64   // with Standardize: what columns are divided by, after Mean is taken away; else nil
	Centers [][]float64 // clusters × features, in the columns as they were read
	Sizes   []int64     // rows of each cluster
	Inertia float64     // sum of the squared distances of the rows to their centres, of standardized columns with Scale
	Iters   int         // scikit-learn's n_iter_
	// Curve is the inertia at the beginning of each iteration, and at the end.
	Curve []float64
	// Compared are all numbers of clusters that were asked for.
	Compared []Comparison
	// Stream is what online learning goes on from; nil of other models. Rows, Sizes, Inertia and Curve are then those of
	// the rows that came last, and Mean and Std those of the first, by which all are scaled.
	Stream *Stream
}

// Stream is what online learning keeps beside the centres.
type Stream struct {
	Weights []float64 `json:"weights"` // of all rows that have come to each centre: MiniBatchKMeans' _counts
	Batches int64     `json:"batches"`
	Since   int       `json:"since"` // rows since light clusters were last looked for
}

// Comparison is what was found with a number of clusters.
type Comparison struct {
	Clusters   int     `json:"n_clusters"`
	Inertia    float64 `json:"inertia"`
	Iterations int     `json:"n_iter"`
	// Silhouette is the mean silhouette coefficient of a sample of the rows, from −1 to 1; nil where it is not defined.
	Silhouette *float64 `json:"silhouette,omitempty"`
}

// Features is the number of columns.
func (m *Model) Features() int { return len(m.Mean) }

// Searcher assigns rows to the nearest centres. It is safe for concurrent use.
type Searcher struct {
	scaling
	index *neighbors.Index
	free  sync.Pool // of *neighbors.Nearest
}

// Searcher makes what assigns rows to the model's clusters.
func (m *Model) Searcher() (*Searcher, error) {
	s := scaling{m.Mean, m.Scale}
	flat := make([]float64, 0, len(m.Centers)*m.Features())
	for _, c := range m.Centers {
		flat = s.append(flat, c)
	}
	return newSearcher(s, flat)
}

func newSearcher(s scaling, centers []float64) (*Searcher, error) {
	b, err := vectors.FromFloat64(centers, len(s.mean))
	if err != nil {
		return nil, err
	}
	index, err := neighbors.Fit(b, neighbors.Options{})
	return &Searcher{scaling: s, index: index}, err
}

// Predict gives the nearest centre of each row, and how far it is, in standardized columns where the model has a Scale.
// O(rows · clusters · features) at most.
func (s *Searcher) Predict(c *linear.Chunk) (clusters []int32, distances []float64, err error) {
	if err := c.CheckRows(len(s.mean)); err != nil {
		return nil, nil, err
	}
	return s.assign(s.block(c))
}

func (s *Searcher) assign(b *vectors.Block) ([]int32, []float64, error) {
	clusters, distances := make([]int32, b.Len()), make([]float64, b.Len())
	return clusters, distances, s.fresh(b, clusters, distances)
}

// fresh writes the nearest centre of each row, of which nothing is known, and how far it is.
func (s *Searcher) fresh(b *vectors.Block, clusters []int32, distances []float64) error {
	for i := range clusters {
		clusters[i] = -1
	}
	return s.with(b, func(n *neighbors.Nearest) error { return n.Find(clusters, distances, nil) })
}

// with calls do with what finds the nearest centres of rows.
func (s *Searcher) with(b *vectors.Block, do func(*neighbors.Nearest) error) error {
	n, ok := s.free.Get().(*neighbors.Nearest)
	if !ok {
		var err error
		if n, err = s.index.NewNearest(); err != nil {
			return err
		}
	}
	defer s.free.Put(n)
	if err := n.Take(b); err != nil {
		return err
	}
	return do(n)
}

// scaling is what happens to columns before distances are taken.
type scaling struct{ mean, scale []float64 }

// append appends a row, scaled.
func (s scaling) append(dst, row []float64) []float64 {
	if s.scale == nil {
		return append(dst, row...)
	}
	for j, v := range row {
		dst = append(dst, (v-s.mean[j])/s.scale[j])
	}
	return dst
}

// back is a scaled row in the columns as they were read.
func (s scaling) back(row []float64) []float64 {
	out := slices.Clone(row)
	if s.scale != nil {
		for j, v := range row {
			out[j] = float64(v*s.scale[j]) + s.mean[j]
		}
	}
	return out
}

// block is the rows of a chunk, scaled; in the chunk's memory where they need no scale.
func (s scaling) block(c *linear.Chunk) *vectors.Block {
	b := &vectors.Block{Dim: c.Features, Numbers: c.Numbers}
	if len(b.Numbers) == 0 {
		b.Numbers = make([]int64, c.Len())
		for i := range b.Numbers {
			b.Numbers[i] = int64(i)
		}
	}
	switch {
	case s.scale == nil && c.Sparse == nil && c.X != nil:
		b.DType, b.F64 = vectors.Float64, c.X
	case s.scale == nil && c.Sparse == nil:
		b.F32 = c.X32
	default:
		b.DType = vectors.Float64
		rows, row := linear.NewRows(c, nil, nil), make([]float64, c.Features)
		for i := range c.Len() {
			x := rows.At(i)
			if x.Idx == nil {
				b.F64 = s.append(b.F64, x.Val)
				continue
			}
			clear(row)
			for k, j := range x.Idx {
				row[j] = x.Val[k]
			}
			b.F64 = s.append(b.F64, row)
		}
	}
	return b
}
