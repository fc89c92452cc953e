package ivf

import (
	"math"
	"math/bits"
	"time"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/sparse"
	"beamlearn/model/vectors"
)

const (
	// sketchHits is to how many numbers of a sketch, one in each of as many equal parts, an entry is added.
	sketchHits = 8
	// sketchColumns is how many columns rows may have that get sketches: several arrays have a number of each.
	sketchColumns = 1 << 24
	// sketchRecall is what share of the nearest sketches is found among all.
	sketchRecall = 0.95
	// sketchMargin is what the recall of the pilot must be above what is asked.
	sketchMargin = 0.02
	// sketchHope is the recall that lets sketches of the next size be tried.
	sketchHope = 0.7
)

// sketchDims are how many numbers a sketch may have, a power of two each, the fewest first. The cosine of two sketches
// of d is off by about 1/√d.
var sketchDims = [...]int{256, 512}

// sketchCandidates are how many candidates for each neighbour are tried, fewest first.
var sketchCandidates = [...]int{2, 3, 4, 6}

// Costs of sparse rows, in the products of which a core does 2·10¹¹ a second: an entry that two rows of the inverted
// index have in common, and what else a pair takes there; and one distance of two rows, for each of their entries.
const (
	commonCost = 100
	sparsePair = 300
	entryCost  = 400
)

// worthSketches is how many times cheaper than exact the graph of sketches must look to be tried.
const worthSketches = 2

// sketchCosts are those of the graph by sketches with so many candidates of each point, and of the exact one.
func (g *graph) sketchCosts(candidates int) (sketches, exact float64) {
	csr, n := g.points.Sparse, float64(g.points.Len())
	rows, common := make([]int32, g.points.Dim), 0.0
	for _, c := range csr.Indices[csr.Offsets[0]:csr.Offsets[g.points.Len()]] {
		common += float64(rows[c]) // earlier rows that have the column
		rows[c]++
	}
	exact = float64(commonCost*common) + float64(sparsePair*n*n/2)
	dense := &vectors.Block{Dim: sketchDims[0], Numbers: g.points.Numbers}
	inner := graph{points: dense, o: g.o, shape: shapeOf(candidates)}
	sketches = min(inner.exactCost(), inner.cost(3)) + float64(entryCost*float64(candidates)*2*float64(csr.Entries()))
	return sketches + float64(2*exact*min(float64(g.o.Queries())/n, 1)), exact
}

// SketchBytes is about the memory, in bytes, that sketches of a point take in a search for k neighbours, besides the
// rows: the largest, their forms, and the candidates.
func SketchBytes(k int) int64 {
	const forms = 4 + 4 + 1
	return int64(sketchDims[len(sketchDims)-1])*forms + 12*int64(sketchCandidates[len(sketchCandidates)-1]*k)
}

// bySketches is the graph of sparse points by that of their sketches, whose nearest are candidates: see the package's
// doc. It is the exact one where that looks cheaper, and where the nearest sketches are not those of the nearest rows.
func (g *graph) bySketches() (*neighbors.Neighbors, error) {
	n := g.points.Len()
	most := min(sketchCandidates[len(sketchCandidates)-1]*g.k, n-1)
	if g.o.Metric != neighbors.Cosine || g.o.Recall == 1 || g.o.unmeasured || g.search.Part ||
		g.points.Dim > sketchColumns {
		return g.exactly()
	}
	usual := min(sketchCandidates[2]*g.k, most)
	if sketches, exact := g.sketchCosts(usual); worthSketches*sketches > exact && !g.o.partial {
		return g.exactly()
	}
	if err := g.answerPilot(); err != nil {
		return nil, err
	}
	start := time.Now()
	sketches, candidates, err := g.chooseSketches(most)
	g.report.Leaves += time.Since(start).Seconds()
	if err != nil || candidates == 0 {
		return g.exactlyUnless(err)
	}
	near, inner, err := Graph(sketches, candidates, Options{Metric: neighbors.Cosine, Recall: sketchRecall, Seed: g.o.Seed,
		Sample: 1}, neighbors.Search{Threads: g.threads})
	if err != nil {
		return nil, err
	}
	refined := time.Now()
	g.report.Leaves = refined.Sub(start).Seconds()
	g.report.Method, g.report.Leaders, g.report.LeafSize, g.report.Fanout, g.report.Repetitions =
		"sketches", inner.Leaders, inner.LeafSize, inner.Fanout, inner.Repetitions
	g.lists = newLists(n, g.k)
	if err := g.keepNearest(near); err != nil {
		return nil, err
	}
	g.report.Refine = time.Since(refined).Seconds()
	if m := g.estimate(false); m.Recall < g.o.Recall {
		return g.exactly()
	}
	found := g.lists.neighbors()
	if err := g.measure(found); err != nil {
		return nil, err
	}
	if g.search.Progress != nil {
		g.search.Progress(n)
	}
	return found, nil
}

// exactlyUnless is the exact graph, unless there is an error.
func (g *graph) exactlyUnless(err error) (*neighbors.Neighbors, error) {
	if err != nil {
		return nil, err
	}
	return g.exactly()
}

// chooseSketches makes the smallest sketches of which at most so many of the nearest must be candidates.
func (g *graph) chooseSketches(most int) (sketches *vectors.Block, candidates int, err error) {
	for _, dim := range sketchDims {
		sketches = sketchesOf(g.points, dim, g.threads)
		var recall float64
		candidates, recall, err = g.chooseCandidates(sketches, most)
		if err != nil || candidates > 0 || recall < sketchHope {
			break
		}
	}
	return sketches, candidates, err
}

// chooseCandidates is how many of the nearest sketches must be candidates, at most so many, so that the pilot's queries
// have a recall of what is asked and a little more; or 0 where more would have to be. It returns that recall, too.
func (g *graph) chooseCandidates(sketches *vectors.Block, most int) (candidates int, recall float64, err error) {
	x, err := neighbors.Fit(sketches, neighbors.Options{Metric: neighbors.Cosine, Algorithm: neighbors.Brute})
	if err != nil {
		return 0, 0, err
	}
	near, err := x.KNeighbors(take(sketches, g.pilot.queries), most, neighbors.Search{Self: true, Threads: g.threads})
	if err != nil {
		return 0, 0, err
	}
	pairs, err := g.index.NewEntryPairs(g.points)
	if err != nil {
		return 0, 0, err
	}
	positions, distances := make([]int32, most), make([]float64, most)
	for _, times := range sketchCandidates {
		candidates = min(times*g.k, most)
		lists, s := newLists(len(g.pilot.queries), g.k), 0
		m := g.pilot.measure(g.points.Len(), func(i int32) []float64 {
			nearest, _ := near.Of(s)
			n := pairs.Nearest(int(i), g.k, append(positions[:0], nearest[:candidates]...), distances)
			p, d := lists.of(s)
			merge(p, d, positions[:n], distances[:n])
			s++
			return d
		})
		if recall = m.Recall; recall >= min((g.o.Recall+1)/2, g.o.Recall+sketchMargin) {
			return candidates, recall, nil
		}
	}
	return 0, recall, nil
}

// keepNearest puts the nearest of the candidates of each point, whose memory it uses, into its list.
func (g *graph) keepNearest(candidates *neighbors.Neighbors) error {
	first, err := g.index.NewEntryPairs(g.points)
	if err != nil {
		return err
	}
	parallel(g.points.Len(), 256, g.threads, func() func(lo, hi int) {
		pairs := first.Another()
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				positions, distances := candidates.Of(i)
				n := pairs.Nearest(i, g.k, positions, distances)
				p, d := g.lists.of(i)
				merge(p, d, positions[:n], distances[:n])
			}
		}
	})
	return nil
}

// sketchesOf are the rows of unit length times a sparse random matrix, which has sketchHits entries of ±1 in each
// column, one in each part of it (Kane and Nelson: Sparser Johnson–Lindenstrauss transforms, Journal of the ACM 61,
// 2014, the block construction). O(entries).
func sketchesOf(points *vectors.Block, dim, threads int) *vectors.Block {
	n, part := points.Len(), dim/sketchHits
	place := bits.TrailingZeros(uint(part)) // bits of a hash, and one for a sign
	b := &vectors.Block{Dim: dim, DType: vectors.Float32, F32: make([]float32, n*dim), Numbers: points.Numbers}
	parallel(n, 1024, threads, func() func(lo, hi int) {
		sums := make([]float64, dim)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				columns, values := points.Sparse.Row(i)
				norm := sparse.Norm(values)
				if norm == 0 {
					continue
				}
				clear(sums)
				for j, c := range columns {
					v, hash := math.Float64bits(values[j]/norm), splitmix.Mix(uint64(c)+splitmix.Gamma)
					for h := range sketchHits {
						at := h*part + int(hash)&(part-1)
						sums[at] += math.Float64frombits(v ^ hash>>place<<63)
						hash >>= place + 1
					}
				}
				row := b.F32[i*dim : (i+1)*dim]
				for j, s := range sums {
					row[j] = float32(s)
				}
			}
		}
	})
	return b
}
