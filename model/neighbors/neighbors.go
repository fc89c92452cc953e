// Package neighbors finds exact nearest neighbours, with the names and the meaning of scikit-learn's NearestNeighbors.
//
// # What exact means
//
// [Distance] is the definition: the distance of two rows in float64 arithmetic on the values as they were read, from
// the differences of their components and never from ‖x‖²+‖y‖²−2xy, which cancels where the mean is large or points
// are near-duplicates. The neighbours of a query are the k points with the smallest (distance, position), position
// being a point's place in the input: ties go to the point that comes first. Every algorithm gives exactly these, in
// this order, with the same bits on every machine, at every number of threads and however the queries are cut into
// chunks. (The power of [Minkowski] with p other than 1, 2 and ∞ rests on math.Log, which may differ between
// processor architectures in the last bit.)
//
// Sums have a fixed order, eight lanes and then a fixed tree, and products are never fused into them; see reference.go.
package neighbors

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// Algorithm is how an index is searched. It never changes the answer.
type Algorithm string

const (
	// Auto takes the k-d tree in low dimensions where the metric allows it, and brute force otherwise.
	Auto Algorithm = "auto"
	// Brute compares each query to every point: O(n·d) a query, and the fastest from a dozen dimensions on.
	Brute Algorithm = "brute"
	// KDTree prunes by axis-aligned boxes: O(d·log n) a query in few dimensions.
	KDTree Algorithm = "kd_tree"
)

// Algorithms lists all algorithms.
var Algorithms = []Algorithm{Auto, Brute, KDTree}

// Options of an index.
type Options struct {
	// Metric is the distance, by its name or another: l1 and cityblock, l2, infinity, angular, dot. Default: Euclidean.
	Metric Metric
	// P is the power of Minkowski, > 0 (and ≥ 1 with KDTree); math.Inf(1) is Chebyshev. Default: 2.
	P float64
	// Algorithm is how to search. Default: Auto.
	Algorithm Algorithm
	// Bits says that each value is a byte that holds eight columns, as numpy.packbits makes them: of the metrics of
	// booleans, and of Hamming, whose distance is then the number of bits that differ, as faiss' binary indexes have it.
	Bits bool `json:",omitempty"`
	// Degrees says that latitudes and longitudes are degrees, and Kilometers that distances are kilometers on a sphere of
	// EarthRadius. Of Haversine. Default: radians.
	Degrees    bool `json:",omitempty"`
	Kilometers bool `json:",omitempty"`
	// Params are those of SEuclidean and Mahalanobis. Default: those of the points.
	Params *Params `json:",omitempty"`

	centred bool // rows less their means, of Correlation: see resolve
	few     bool // see FitFew
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.Metric == "" {
		o.Metric = Euclidean
	}
	if m, ok := aliases[o.Metric]; ok {
		o.Metric = m
	}
	if o.P == 0 {
		o.P = 2
	}
	if o.Algorithm == "" {
		o.Algorithm = Auto
	}
}

// CheckPower is for a power that a user has given, which Options cannot tell from its default: it refuses one of 0, and
// one of a metric that has none, whose distances would not be what was asked for.
func (m Metric) CheckPower(p float64) error {
	switch {
	case m != Minkowski:
		return fmt.Errorf("p %v: of minkowski, not of %s", p, m)
	case p == 0:
		return errors.New("p 0: must be greater than 0")
	}
	return nil
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	if err := o.validateMetric(); err != nil {
		errs = append(errs, err)
	}
	if !contains(Algorithms, o.Algorithm) {
		errs = append(errs, fmt.Errorf("algorithm %q: must be one of %s", o.Algorithm, join(Algorithms)))
	}
	if !(o.P > 0) {
		errs = append(errs, fmt.Errorf("p %v: must be greater than 0", o.P))
	}
	if o.Algorithm == KDTree && !treeMetric(o.Metric, o.P) {
		if o.Metric == Minkowski {
			errs = append(errs, fmt.Errorf("algorithm kd_tree: minkowski needs p of at least 1, got %v", o.P))
		} else if contains(Metrics, o.Metric) {
			errs = append(errs, fmt.Errorf("algorithm kd_tree lacks the metric %s: use brute", o.Metric))
		}
	}
	return errors.Join(errs...)
}

func contains[T ~string](all []T, s T) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

func join[T ~string](all []T) string {
	var s []string
	for _, a := range all {
		s = append(s, string(a))
	}
	return strings.Join(s, ", ")
}

// resolve replaces a Minkowski metric that has a name of its own by that name, so that it gives its bits, and the
// correlation by the cosine of centred rows.
func (o Options) resolve() Options {
	if o.Metric == Correlation {
		o.Metric, o.centred = Cosine, true
	}
	if o.Metric == Minkowski {
		switch {
		case o.P == 1:
			o.Metric = Manhattan
		case o.P == 2:
			o.Metric = Euclidean
		case math.IsInf(o.P, 1):
			o.Metric = Chebyshev
		}
	}
	return o
}

// Neighbors is an answer: those of query i stand at Offsets[i] to Offsets[i+1] of Positions and Distances, ascending by
// (distance, position). The distances are those of the metric.
type Neighbors struct {
	Offsets   []int64 // one more than there are queries
	Positions []int32 // places in the index
	Distances []float64
}

// Len is the number of queries.
func (n *Neighbors) Len() int { return len(n.Offsets) - 1 }

// Of returns the neighbours of query i.
func (n *Neighbors) Of(i int) ([]int32, []float64) {
	lo, hi := n.Offsets[i], n.Offsets[i+1]
	return n.Positions[lo:hi], n.Distances[lo:hi]
}

// Search says how a query is run.
type Search struct {
	// Self says that the queries are rows of the index, found there by their Numbers: each query's own row is left out
	// of its neighbours, and no other that happens to be equal.
	Self bool
	// Part says that the index is a part of the points: fewer than k may be found, and with Self a query's own row may be
	// in another part.
	Part bool
	// Bounds, with Part, are distances, one a query, beyond which k nearest neighbours are of no use: they may be left
	// out, as those that other parts have given are nearer. Default: none.
	Bounds []float64
	// Apart keeps points and queries of one group apart. Then fewer than k may be found. Default: none.
	Apart *Apart
	// Before lets a query have earlier points only. Then fewer than k may be found. Default: none.
	Before *Before
	// Most lets a query have only so many points of one group. Then fewer than k may be found. Default: none.
	Most *Most
	// Threads is the number of goroutines that share the queries. Default: GOMAXPROCS.
	Threads int
	// Progress, where it is set, is called as queries are answered, by several goroutines at once, with the number
	// answered since: the numbers add up to that of the queries. Where each pair of points serves both ends, the part of
	// the pairs that have been compared counts as that part of the queries.
	Progress func(queries int)
}

// bound is the distance beyond which query i needs no neighbour.
func (s *Search) bound(i int) float64 {
	if s.Bounds == nil {
		return math.Inf(1)
	}
	return s.Bounds[i]
}

// answered reports n more queries as answered.
func (s *Search) answered(n int) {
	if s.Progress != nil && n > 0 {
		s.Progress(n)
	}
}

// Index answers queries over a set of points. It is immutable, and safe for concurrent use.
type Index struct {
	opts       Options // as given, with defaults
	points     points
	numbers    []int64 // the rows' numbers, ascending; nil where row i has the number i
	ids        vectors.IDs
	engine     engine
	magnitudes magnitudes // of the points
	partition  *Partition // or nil

	ofTiles lazy[engine] // see searched

	// Of an index that was opened from a file:
	file    *fileHeader
	data    []byte   // the file
	mapping *mapping // or nil where data is in the process's own memory
	note    []byte
}

// engine searches points. Implementations are immutable and safe for concurrent use. They give, bit for bit, what the
// reference gives. k ≥ 1 is at most the number of points that are not excluded.
type engine interface {
	// kNeighbors writes the neighbours of query i into positions[i*k:] and distances[i*k:]. The point exclude[i] is no
	// neighbour of query i; exclude is nil, or −1 where none is. Where there are fewer than k, as only in a part or within
	// bounds, the rest of the positions stay as they are, −1.
	kNeighbors(q *vectors.Block, exclude []int32, k int, s Search, positions []int32, distances []float64)
	// radiusNeighbors finds all points within the distance r.
	radiusNeighbors(q *vectors.Block, exclude []int32, r float64, s Search) *Neighbors
}

// points are n row-major rows, in the storage of a [vectors.Block].
type points struct {
	n, dim int
	f32    []float32    // n·dim values, or nil
	f64    []float64    // n·dim values, or nil
	csr    *vectors.CSR // or sparse rows

	missing bool // values may be NaN
}

// row writes row i into dst, which holds dim values, or returns the memory itself where it is float64 and dense.
func (p *points) row(i int, dst []float64) []float64 {
	if p.csr != nil {
		b := vectors.Block{Dim: p.dim, Sparse: p.csr}
		return b.Row(i, dst)
	}
	if p.f64 != nil {
		return p.f64[i*p.dim : (i+1)*p.dim]
	}
	dst = dst[:p.dim]
	for j, v := range p.f32[i*p.dim : (i+1)*p.dim] {
		dst[j] = float64(v)
	}
	return dst
}

// MaxPoints is the number of points that one index can hold.
const MaxPoints = math.MaxInt32

// Fit builds an index of the points, whose memory it keeps. The block's Numbers must ascend. It fails on no points, on
// more than MaxPoints, and on faulty options. O(n·d) for brute force, O(d·n·log n) for the tree. Sparse rows stay so,
// unless they are better stored with their zeros; O(entries + n·log n).
func Fit(block *vectors.Block, o Options) (*Index, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	n := block.Len()
	if n == 0 {
		return nil, errors.New("no points to index")
	}
	if n > MaxPoints {
		return nil, fmt.Errorf("%d points: an index holds at most %d", n, MaxPoints)
	}
	if err := o.CheckColumns(block.Dim); err != nil {
		return nil, err
	}
	if block.Sparse != nil && denseEnough(block.Len(), block.Sparse.Entries(), block.Dim, o) {
		block = dense(block)
	}
	if block.Sparse != nil {
		if err := o.CheckSparse(block.Dim); err != nil {
			return nil, err
		}
	}
	x := &Index{opts: o, points: blockPoints(block), ids: block.IDs}
	for i, v := range block.Numbers {
		if i > 0 && v <= block.Numbers[i-1] {
			return nil, fmt.Errorf("neighbors.Fit: row numbers must ascend, found %d after %d", v, block.Numbers[i-1])
		}
		if v != int64(i) {
			x.numbers = block.Numbers
		}
	}
	if err := o.checkRows(block); err != nil {
		return nil, err
	}
	var err error
	if x.opts, err = o.fitted(&x.points); err != nil {
		return nil, err
	}
	resolved := x.opts.resolve()
	x.magnitudes = resolved.magnitudes(&x.points)
	x.engine = newEngine(&x.points, resolved)
	return x, nil
}

// fewPoints is how many points are compared one by one before tiles have been made of them.
const fewPoints = 32

// FitFew is [Fit] for points that answer few queries, perhaps so few that what Fit would prepare takes longer than to
// compare all pairs. It gives the same answers.
func FitFew(block *vectors.Block, o Options) (*Index, error) {
	o.few = block.Len() <= fewPoints
	return Fit(block, o)
}

// newEngine chooses by options, which are valid, and by the points.
func newEngine(p *points, o Options) engine {
	switch {
	case p.csr != nil:
		return newSparseRows(p, o)
	case o.embeds():
		return newEmbedded(p, o)
	case o.countsBits():
		return newBitwise(p, o)
	case chooseAlgorithm(p, o) == KDTree:
		return newKDTree(p, o)
	}
	return newBruteForce(p, o)
}

// hasTiles reports whether there are tiles for the metric and so many columns.
func hasTiles(o Options, dim int) bool { return tileMetric(o.Metric) && !o.Bits && dim <= maxDim }

// newBruteForce is the fastest engine that compares all pairs.
func newBruteForce(p *points, o Options) engine {
	if o.few {
		return newBrute(p, o)
	}
	if k := tile.Best(); k != &tile.Generic && hasTiles(o, p.dim) {
		return newTiled(p, o, k)
	}
	if s := newScreened(p, o); s != nil {
		return s
	}
	return newBrute(p, o)
}

// treeDim is the greatest number of columns in which Auto takes the tree, and treeDimMany that for treeMany points and
// more. For all of 200,000 uniform points, k = 10, the tree takes a tenth of the time of brute force in 3 columns, half
// of it in 8, and half as much again in 10; its time grows far slower with their number. For Manhattan and Chebyshev
// brute force won from 6 columns on while their tree had no vector kernels (treeDimPlain). Where a term costs a power
// (treeDimPower) the tree's overhead counts for little.
const (
	treeDim      = 8
	treeDimMany  = 10
	treeMany     = 500_000
	treeDimPlain = 5
	treeDimPower = 16
)

// chooseAlgorithm resolves Auto by the data and the options alone, as the worker that decodes an index must find the
// same as the one that built it.
func chooseAlgorithm(p *points, o Options) Algorithm {
	if o.Algorithm != Auto {
		return o.Algorithm
	}
	most := treeDim
	switch {
	case o.Metric == Minkowski:
		most = treeDimPower
	case o.Metric == Manhattan || o.Metric == Chebyshev:
		most = treeDimPlain
	case p.n >= treeMany:
		most = treeDimMany
	}
	if treeMetric(o.Metric, o.P) && p.dim <= most {
		return KDTree
	}
	return Brute
}

// treeMetric reports whether the k-d tree has the metric: those whose distance to a box bounds that to its points.
func treeMetric(m Metric, p float64) bool {
	switch m {
	case Euclidean, SqEuclidean, Manhattan, Chebyshev, SEuclidean, Mahalanobis, Haversine:
		return true
	case Minkowski:
		return p >= 1
	}
	return false
}

// Len is the number of points.
func (x *Index) Len() int { return x.points.n }

// Dim is the number of columns.
func (x *Index) Dim() int { return x.points.dim }

// Options are those of Fit, with defaults, and with the parameters that followed from the points.
func (x *Index) Options() Options { return x.opts }

// Algorithm is how the index is searched: Brute or KDTree.
func (x *Index) Algorithm() Algorithm { return chooseAlgorithm(&x.points, x.opts.resolve()) }

// AlgorithmOf is how an index of n points of dim columns is searched: Brute or KDTree.
func AlgorithmOf(n, dim int, o Options) Algorithm {
	o.EnsureDefaults()
	return chooseAlgorithm(&points{n: n, dim: dim}, o.resolve())
}

// Rows are the points at the positions lo ≤ i < hi, with their numbers and ids, as queries. The block shares the memory
// of the index: do not write to it, and keep the index as long as it is in use.
func (x *Index) Rows(lo, hi int) *vectors.Block {
	b := &vectors.Block{Dim: x.points.dim, Missing: x.opts.Metric.Missing()}
	if c := x.points.csr; c != nil {
		b.Sparse = &vectors.CSR{Offsets: c.Offsets[lo : hi+1 : hi+1], Indices: c.Indices, Values: c.Values}
	} else if x.points.f64 != nil {
		b.DType, b.F64 = vectors.Float64, x.points.f64[lo*b.Dim:hi*b.Dim]
	} else {
		b.F32 = x.points.f32[lo*b.Dim : hi*b.Dim]
	}
	if x.numbers != nil {
		b.Numbers = x.numbers[lo:hi]
	} else {
		b.Numbers = make([]int64, hi-lo)
		for i := range b.Numbers {
			b.Numbers[i] = int64(lo + i)
		}
	}
	if x.ids.Len() > 0 {
		b.IDs = x.ids.Slice(lo, hi)
	}
	return b
}

// ID is the id of the point at a position.
func (x *Index) ID(position int32) vectors.ID {
	if x.ids.Len() > 0 {
		return x.ids.At(int(position))
	}
	return vectors.ID{Int: x.Number(position)}
}

// Number is the row number, in the input, of the point at a position.
func (x *Index) Number(position int32) int64 {
	if x.numbers != nil {
		return x.numbers[position]
	}
	return int64(position)
}

// Position finds the point with a row number, or −1.
func (x *Index) Position(number int64) int32 {
	if x.numbers == nil {
		if number < 0 || number >= int64(x.points.n) {
			return -1
		}
		return int32(number)
	}
	lo, hi := 0, len(x.numbers)
	for lo < hi {
		if m := (lo + hi) / 2; x.numbers[m] < number {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo < len(x.numbers) && x.numbers[lo] == number {
		return int32(lo)
	}
	return -1
}

// DuplicateIDs counts the points whose id an earlier point has already. O(n) time and memory.
func (x *Index) DuplicateIDs() int { return x.ids.Duplicates() }

// KNeighbors finds the k nearest points of every query: scikit-learn's kneighbors. It fails where the dimensions
// differ or k is not between 1 and the number of points (one less with s.Self), and where float64 cannot hold the
// distance of a neighbour. With s.Part, and by NaNEuclidean, there may be fewer than k, and any k ≥ 1 will do.
func (x *Index) KNeighbors(q *vectors.Block, k int, s Search) (*Neighbors, error) {
	exclude, err := x.check(q, s)
	if err != nil {
		return nil, err
	}
	q = x.like(q)
	most := x.points.n
	if s.Self && !s.Part {
		most--
	}
	fewer := s.Part || s.restricts() || x.opts.Metric.Missing()
	if fewer {
		k = s.Most.atMost(min(k, most))
	}
	if k < 1 || k > most {
		return nil, fmt.Errorf("k = %d: must be between 1 and %d, the number of other points", k, most)
	}
	n := q.Len()
	if s.Bounds != nil && (!s.Part || len(s.Bounds) != n) {
		return nil, fmt.Errorf("neighbors.KNeighbors: %d bounds for %d queries of a part", len(s.Bounds), n)
	}
	out := &Neighbors{Offsets: make([]int64, n+1), Positions: make([]int32, n*k), Distances: make([]float64, n*k)}
	for i := range out.Offsets {
		out.Offsets[i] = int64(i * k)
	}
	if fewer {
		for i := range out.Positions {
			out.Positions[i] = none
		}
	}
	var wrong error
	err = x.mapping.protect(func() {
		x.engine.kNeighbors(q, exclude, k, s, out.Positions, out.Distances)
		wrong = x.correct(q, exclude, k, s, out.Positions, out.Distances)
	})
	if err = errors.Join(err, wrong); err != nil {
		return nil, err
	}
	if fewer {
		out.close()
	}
	return out, nil
}

// none is the position of no point.
const none = -1

// close drops places without a point.
func (n *Neighbors) close() {
	kept := 0
	for i := range n.Len() {
		lo, hi := n.Offsets[i], n.Offsets[i+1]
		n.Offsets[i] = int64(kept)
		for j := lo; j < hi && n.Positions[j] != none; j++ {
			n.Positions[kept], n.Distances[kept] = n.Positions[j], n.Distances[j]
			kept++
		}
	}
	n.Offsets[n.Len()] = int64(kept)
	n.Positions, n.Distances = n.Positions[:kept], n.Distances[:kept]
}

// RadiusNeighbors finds all points within the distance r, inclusive, of every query: scikit-learn's radius_neighbors.
func (x *Index) RadiusNeighbors(q *vectors.Block, r float64, s Search) (*Neighbors, error) {
	exclude, err := x.check(q, s)
	if err != nil {
		return nil, err
	}
	if math.IsNaN(r) {
		return nil, errors.New("radius: must be a number")
	}
	q = x.like(q)
	var out *Neighbors
	var wrong error
	err = x.mapping.protect(func() {
		out, wrong = x.correctRadius(q, exclude, r, s, func(r float64) *Neighbors {
			return x.engine.radiusNeighbors(q,
				exclude, r, s)
		})
		out = s.Most.Of(out)
	})
	if err = errors.Join(err, wrong); err != nil {
		return nil, err
	}
	return out, nil
}

// NumThreads is Threads, or its default.
func (s Search) NumThreads() int {
	if s.Threads > 0 {
		return s.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// check compares dimensions and finds the queries' own places.
func (x *Index) check(q *vectors.Block, s Search) ([]int32, error) {
	if q.Dim != x.points.dim {
		return nil, fmt.Errorf("queries have %d columns, the index has %d", q.Dim, x.points.dim)
	}
	if err := errors.Join(x.opts.checkRows(q), s.checkGroups(x.points.n, q.Len())); err != nil {
		return nil, err
	}
	if !s.Self {
		return nil, nil
	}
	exclude := make([]int32, q.Len())
	for i, n := range q.Numbers {
		p := x.Position(n)
		if p < 0 && !s.Part {
			return nil, fmt.Errorf("neighbors: the query with row number %d is not in the index", n)
		}
		exclude[i] = p
	}
	return exclude, nil
}

// Instructions names the level of the processor's instructions that the kernels use here: generic, avx2, avxvnni,
// avx512 or amx, or on arm64 neon, dotprod or i8mm.
func Instructions() string { return tile.Best().Name }
