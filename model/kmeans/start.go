package kmeans

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/internal/elementary"
)

// How large a sample is.
const (
	sampleRows    = 10_000
	sampleEach    = 16       // rows for each cluster
	sampleBytes   = 16 << 20 // at most, but for a row for each cluster
	silhouetteMax = 1_000    // rows whose silhouette is measured
)

// sampleSize is how many rows are drawn for so many clusters.
func sampleSize(clusters, features int) int {
	return max(clusters, min(max(sampleEach*clusters, sampleRows), sampleBytes/(8*features)), 1)
}

// greedyWork is how many multiplications greedy k-means++ may take; beyond, one candidate is tried for each centre.
const greedyWork = 4e9

// candidates are rows, scaled, from which centres to begin with are chosen.
type candidates struct {
	rows     []float64
	features int
	weights  weights
}

// unlessEqual is weights; nil where all are the same, as none are then needed.
func unlessEqual(w []float64) weights {
	for _, v := range w {
		if v != w[0] {
			return w
		}
	}
	return nil
}

// any are k different rows, by chances in proportion to their weights, one after the other (Efraimidis and Spirakis,
// 2006).
func (c *candidates) any(k int, rng *rand.Rand) []int {
	n := len(c.rows) / c.features
	if c.weights == nil {
		return rng.Perm(n)[:k]
	}
	order, waits := make([]int, n), make([]float64, n)
	for i := range order {
		order[i] = i
		waits[i] = -elementary.Log(1-rng.Float64()) / c.weights[i]
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(waits[a], waits[b]), cmp.Compare(a, b)) })
	return order[:k]
}

// choose chooses k of the rows as the centres to begin with: rows without replacement, or by greedy k-means++, which
// is scikit-learn's: 2 + ln k candidates for each centre, of which the one is taken that leaves the least inertia. The
// choice depends on the rows, their weights and the generator, and on nothing else. O(rows · k · features ·
// candidates).
func (from *candidates) choose(k int, init Init, rng *rand.Rand) []float64 {
	rows, features := from.rows, from.features
	n := len(rows) / features
	at := func(i int) []float64 { return rows[i*features : (i+1)*features] }
	var centers []float64
	if init == Random {
		for _, i := range from.any(k, rng) {
			centers = append(centers, at(i)...)
		}
		return centers
	}
	trials := 2 + int(elementary.Log(float64(k)))
	if float64(n)*float64(k)*float64(trials)*float64(features) > greedyWork {
		trials = 1
	}
	nearest := make([]float64, n)
	for i := range nearest {
		nearest[i] = math.Inf(1)
	}
	room := make([][]float64, trials)
	for t := range room {
		room[t] = make([]float64, n)
	}
	cumulative := make([]float64, n)
	// consider gives the inertia that a candidate leaves, and the distances in room t.
	consider := func(t, candidate int) float64 {
		c := at(candidate)
		inBlocks(n, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				room[t][i] = min(nearest[i], squared(at(i), c))
			}
		})
		sum := 0.0
		for i, v := range room[t] {
			sum += float64(v * from.weights.of(i))
		}
		return sum
	}
	potential := 0.0
	for len(centers) < k*features {
		best, least := 0, math.Inf(1)
		var candidate int
		for t := range trials {
			var i int
			switch {
			case potential > 0:
				i = min(sort.SearchFloat64s(cumulative, rng.Float64()*potential), n-1)
			case len(centers) == 0 && from.weights != nil:
				i = from.any(1, rng)[0]
			default:
				i = rng.IntN(n) // the first, or all rows are centres
			}
			if left := consider(t, i); left < least || t == 0 {
				best, least, candidate = t, left, i
			}
			if len(centers) == 0 {
				break // the first is any row
			}
		}
		centers = append(centers, at(candidate)...)
		nearest, room[best] = room[best], nearest
		potential = 0
		for i, v := range nearest {
			potential += float64(v * from.weights.of(i))
			cumulative[i] = potential
		}
	}
	return centers
}

// squared is the squared distance.
func squared(x, y []float64) float64 {
	y = y[:len(x)]
	var a, b float64
	j := 0
	for ; j+1 < len(x); j += 2 {
		d, e := x[j]-y[j], x[j+1]-y[j+1]
		a += float64(d * d)
		b += float64(e * e)
	}
	if j < len(x) {
		d := x[j] - y[j]
		a += float64(d * d)
	}
	return a + b
}

// inBlocks cuts n rows into pieces, on all cores.
func inBlocks(n int, use func(lo, hi int)) {
	const block = 2048
	if n <= block {
		use(0, n)
		return
	}
	var g errgroup.Group
	for lo := 0; lo < n; lo += block {
		g.Go(func() error {
			use(lo, min(lo+block, n))
			return nil
		})
	}
	_ = g.Wait() // of goroutines that cannot fail
}

// silhouette is the mean silhouette coefficient (Rousseeuw, 1987) of rows in clusters, as scikit-learn's
// silhouette_score has it: (b−a)/max(a,b), a being the mean distance to the other rows of the own cluster, and b that
// to the rows of the nearest other; 0 of a row that is alone. It is not defined where there are fewer than two
// clusters, or as many as rows. distances are n × n. O(n²).
func silhouette(distances []float64, clusters []int32) (mean float64, defined bool) {
	n, size := len(clusters), map[int32]int{}
	for _, c := range clusters {
		size[c]++
	}
	if len(size) < 2 || len(size) >= n {
		return 0, false
	}
	place, sizes := map[int32]int{}, []int{}
	own := make([]int, n)
	for i, c := range clusters {
		if _, ok := place[c]; !ok {
			place[c] = len(sizes)
			sizes = append(sizes, size[c])
		}
		own[i] = place[c]
	}
	sums, total := make([]float64, len(sizes)), 0.0
	for i := range n {
		clear(sums)
		for j, d := range distances[i*n : (i+1)*n] {
			sums[own[j]] += d
		}
		if sizes[own[i]] == 1 {
			continue
		}
		a, b := sums[own[i]]/float64(sizes[own[i]]-1), math.Inf(1)
		for c, s := range sums {
			if c != own[i] {
				b = min(b, s/float64(sizes[c]))
			}
		}
		if m := max(a, b); m > 0 {
			total += (b - a) / m
		}
	}
	return total / float64(n), true
}

// pairs are the distances of all pairs of rows, n × n.
func pairs(rows []float64, features int) []float64 {
	n := len(rows) / features
	out := make([]float64, n*n)
	for i := range n {
		for j := range i {
			d := math.Sqrt(squared(rows[i*features:(i+1)*features], rows[j*features:(j+1)*features]))
			out[i*n+j], out[j*n+i] = d, d
		}
	}
	return out
}
