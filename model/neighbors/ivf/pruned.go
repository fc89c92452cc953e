package ivf

import (
	"math"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/sparse"
)

// Costs of sparse rows, in nanoseconds of a core of 2024: of the inverted index, an entry that two rows have in common,
// and what else a pair takes; of the pruned lists, a product, a list of a block, and a row that is found; of a row, to
// learn what sum is great enough, and to compute a distance; and to build the lists, of an entry.
const (
	commonCost   = 0.25
	pairCost     = 3
	productCost  = 1.5
	listCost     = 40
	foundCost    = 120
	enoughCost   = 8000
	distanceCost = 500
	buildCost    = 60
)

// worthPruned is how many times cheaper than exact the graph by pruned lists must look to be made.
const worthPruned = 1.5

// prunedMargin is what the recall of the pilot must be above what is asked.
const prunedMargin = 0.02

// prunedRanks are the ranks that are tried, of which the first is the cheapest.
var prunedRanks = [...]int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32}

// Thresholds of products that are tried: the greatest, what each is of the one before, and how many.
const (
	firstLeast = 0.004
	nextLeast  = 0.6
	manyLeast  = 20
)

// pilotPruned is by how many queries of the pilot an effort is chosen.
const pilotPruned = 200

// prunedCost is about what the graph by pruned lists costs, where a query reads so many products of all rows.
func (g *graph) prunedCost(read float64, rank, sampled int) float64 {
	n, entries := float64(g.points.Len()), float64(g.points.Sparse.Entries())
	blocks := float64(n/sparse.PrunedRows) + 1
	found := float64(rank) * n / float64(sampled)
	row := float64(productCost*read/2) + float64(listCost*entries/n*blocks/2) + float64(foundCost*found/2) + enoughCost +
		float64(distanceCost*1.1*float64(g.k))
	return float64(n*row) + float64(buildCost*entries)
}

// sparseCost is about what the exact graph of sparse points costs, and the measuring of another.
func (g *graph) sparseCost() (exact, measuring float64) {
	csr, n := g.points.Sparse, float64(g.points.Len())
	rows, common := make([]int32, g.points.Dim), 0.0
	for _, c := range csr.Indices[csr.Offsets[0]:csr.Offsets[g.points.Len()]] {
		common += float64(rows[c]) // earlier rows that have the column
		rows[c]++
	}
	exact = float64(commonCost*common) + float64(pairCost*n*n/2)
	return exact, 2 * exact * min(float64(g.o.Queries())/n, 1)
}

// PrunedBytes is about the memory, in bytes, that pruned lists take in a search for k neighbours, besides the rows.
func PrunedBytes(rows, entries int64, dim, k int) int64 {
	return sparse.PrunedBytes(rows, entries, dim, k)
}

// byPruned is the graph of sparse points by pruned lists: see the package's doc. It is the exact one where that looks
// cheaper, and where the pilot says that lists would have to be read too far.
func (g *graph) byPruned() (*neighbors.Neighbors, error) {
	n := g.points.Len()
	if g.o.Metric != neighbors.Cosine || g.o.Recall == 1 || g.o.unmeasured || g.search.Part ||
		g.points.Dim > sparse.PrunedColumns {
		return g.exactly()
	}
	exact, measuring := g.sparseCost()
	most := exact/worthPruned - measuring
	if g.o.partial {
		most = math.Inf(1)
	} else if g.prunedCost(0, 1, min(n, sparse.SampleRows)) > most {
		return g.exactly()
	}
	if err := g.answerPilot(); err != nil {
		return nil, err
	}
	start := time.Now()
	x := sparse.NewPruned(sparse.Rows{CSR: g.points.Sparse, N: n}, g.points.Dim)
	effort, ok := g.chooseEffort(x, most)
	if !ok {
		g.report.Leaves = time.Since(start).Seconds()
		return g.exactly()
	}
	first, err := g.index.NewEntryPairs(g.points)
	if err != nil {
		return nil, err
	}
	g.lists = newLists(n, g.k)
	x.Find(effort, g.k, func(n, some int, setup func() func(lo, hi int)) { neighbors.Parallel(n, some, g.threads, setup) },
		func() sparse.Take {
			pairs, distances := first.Another(), []float64(nil)
			return func(i int, positions []int32) {
				distances = pairs.Distances(i, positions, distances[:0])
				p, d := g.lists.of(i)
				merge(p, d, positions, distances)
			}
		})
	g.report.Leaves = time.Since(start).Seconds()
	g.report.Method, g.report.Repetitions = "pruned", 1
	if err := g.completeFew(); err != nil {
		return nil, err
	}
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

// chooseEffort is the cheapest one by which the pilot's queries have the recall asked and a little more, unless it costs
// more than most. The neighbours of the pilot's queries are known: an effort finds those whose sums
// are great enough.
func (g *graph) chooseEffort(x *sparse.Pruned, most float64) (effort sparse.Effort, ok bool) {
	gauge, step := x.Gauge(), max(len(g.pilot.queries)/pilotPruned, 1)
	asked := min((g.o.Recall+1)/2, g.o.Recall+prunedMargin)
	var ranks []int
	for i, least := 0, firstLeast; i < manyLeast; i, least = i+1, least*nextLeast {
		if g.prunedCost(0, 1, x.Sampled()) > most {
			break
		}
		ranks = ranks[:0]
		read, queries := 0.0, 0.0
		for s := 0; s < len(g.pilot.queries); s += step {
			positions, _ := g.pilot.found.Of(s)
			var one float64
			ranks, one = gauge.Ranks(int(g.pilot.queries[s]), positions, least, ranks)
			read, queries = read+one, queries+1
		}
		read /= queries
		for _, rank := range prunedRanks {
			cost := g.prunedCost(read, rank, x.Sampled())
			if cost > most {
				break
			}
			good := 0
			for _, r := range ranks {
				if r <= rank {
					good++
				}
			}
			if float64(good) >= asked*float64(len(ranks)) {
				effort, ok, most = sparse.Effort{Least: least, Rank: rank}, true, cost
				break
			}
		}
		if g.prunedCost(read, 1, x.Sampled()) > most {
			break
		}
	}
	return effort, ok
}

// completeFew answers exactly the points of which fewer than k neighbours were found.
func (g *graph) completeFew() error {
	var few []int32
	for i := range g.points.Len() {
		if p, _ := g.lists.of(i); p[g.k-1] == unknown {
			few = append(few, int32(i))
		}
	}
	return g.answerExactly(few)
}
