// Package overview collects what a search for neighbours has found, as it goes, and makes a page to look at of it. What
// workers have collected adds up, to the same page however the queries are cut into chunks.
package overview

import (
	"cmp"
	"math"
	"slices"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// What is kept of queries: a sample, and those that are farthest from their neighbours.
const (
	SampleQueries = 1000
	FarQueries    = 20
	// sampleNeighbors is how many neighbours of a sampled query are kept.
	sampleNeighbors = 20
)

// Answer is a query with its neighbours, the nearest first.
type Answer struct {
	Number    int64     `json:"n"` // of the row
	ID        string    `json:"id"`
	Neighbors []string  `json:"neighbors"`
	Distances []float64 `json:"distances"`
	// Last is the distance of the last neighbour, also where that is not kept.
	Last float64 `json:"last"`
	// Point and Near are the query and its first neighbours, as float32, of those that are on the map.
	Point []byte   `json:"point,omitempty"`
	Near  [][]byte `json:"near,omitempty"`
}

// Overview is what was found of some queries. The zero value is that of none. It does not grow with the queries.
type Overview struct {
	Queries int64 `json:"queries"`
	// Empty is how many queries have no neighbour, Equal how many have one at distance 0.
	Empty int64 `json:"empty"`
	Equal int64 `json:"equal"`
	// Sample are queries chosen as if by chance, by their numbers; Far those whose last neighbour is farthest. In order.
	Sample []Answer `json:"sample"`
	Far    []Answer `json:"far"`
	// Often are points chosen as if by chance, by their ids, among those that are a neighbour of some query, and of how
	// many they are. In order of their chance.
	Often []Hub `json:"often,omitempty"`
}

// Setting is what a worker knows of the whole.
type Setting struct {
	// Queries and Points are how many there are in all, 0 where that is not known.
	Queries, Points int64
	// Row is the point at a position, in dst, of its dimension, or in memory of its own: for the map. Nil where points
	// are elsewhere.
	Row func(position int32, dst []float64) []float64
	// Hubs asks for Overview.Often, where nobody has counts of all points.
	Hubs bool
}

// below is the rank beyond which one of so many is not among a sample, almost surely: so that no worker keeps many
// that are dropped later.
func below(sample int, of int64) uint64 {
	const enough = 3
	if of > 0 {
		if share := enough * float64(sample) / float64(of); share < 1 {
			return uint64(share * (1 << 64))
		}
	}
	return math.MaxUint64
}

// rank orders queries as if by chance.
func rank(number int64) uint64 { return splitmix.Mix(uint64(number)) }

func byRank(a, b Answer) int { return cmp.Compare(rank(a.Number), rank(b.Number)) }

func byDistance(a, b Answer) int {
	return cmp.Or(-cmp.Compare(a.Last, b.Last), cmp.Compare(a.Number, b.Number))
}

// Add adds the neighbours of a block of queries. id is that of a position. O(queries), and O(k) for those that are
// kept, or where hubs are asked for, and O(dim) for those on the map.
func (o *Overview) Add(q *vectors.Block, found *neighbors.Neighbors, id func(int32) vectors.ID, s *Setting) {
	limit, least := below(SampleQueries, s.Queries), math.Inf(-1)
	shown := uint64(0)
	if s.Row != nil {
		shown = below(mapRows(q.Dim), s.Queries)
	}
	if s.Hubs {
		o.countOften(found.Positions, id, s.Points)
	}
	trim := func() {
		o.trim()
		if len(o.Sample) == SampleQueries {
			limit = min(limit, rank(o.Sample[SampleQueries-1].Number))
		}
		if len(o.Far) == FarQueries {
			least = o.Far[FarQueries-1].Last
		}
	}
	trim()
	for i := range q.Len() {
		positions, distances := found.Of(i)
		o.Queries++
		if len(distances) == 0 {
			o.Empty++
		} else if distances[0] == 0 {
			o.Equal++
		}
		last := math.Inf(-1)
		if n := len(distances); n > 0 {
			last = finite(distances[n-1])
		}
		number := q.Numbers[i]
		sampled, far := rank(number) <= limit, len(distances) > 0 && last > least
		if !sampled && !far {
			continue
		}
		a := answer(number, q.ID(i), positions, distances, id)
		if far {
			o.Far = append(o.Far, a)
		}
		if sampled && s.Row != nil && rank(number) <= shown {
			a.keep(q, i, positions, s.Row)
		}
		if sampled {
			o.Sample = append(o.Sample, a)
		}
		if len(o.Sample) >= 2*SampleQueries || len(o.Far) >= 2*FarQueries {
			trim()
		}
	}
	o.trim()
}

func answer(number int64, id vectors.ID, positions []int32, distances []float64, of func(int32) vectors.ID) Answer {
	a := Answer{Number: number, ID: id.String()}
	if n := len(distances); n > 0 {
		a.Last = finite(distances[n-1])
	}
	for j, p := range positions[:min(len(positions), sampleNeighbors)] {
		a.Neighbors = append(a.Neighbors, of(p).String())
		a.Distances = append(a.Distances, finite(distances[j]))
	}
	return a
}

// finite keeps a distance that JSON can tell.
func finite(d float64) float64 { return max(min(d, math.MaxFloat64), -math.MaxFloat64) }

// trim keeps what is wanted, in order.
func (o *Overview) trim() {
	slices.SortFunc(o.Sample, byRank)
	slices.SortFunc(o.Far, byDistance)
	o.Sample = o.Sample[:min(len(o.Sample), SampleQueries)]
	for i := range o.Sample {
		if a := &o.Sample[i]; a.Point != nil && i >= mapRows(len(a.Point)/4) {
			a.Point, a.Near = nil, nil
		}
	}
	o.Far = o.Far[:min(len(o.Far), FarQueries)]
}

// Merge adds what was found of other queries.
func (o *Overview) Merge(p *Overview) {
	o.Queries += p.Queries
	o.Empty += p.Empty
	o.Equal += p.Equal
	o.Sample, o.Far = append(o.Sample, p.Sample...), append(o.Far, p.Far...)
	o.Often = mergeOften(o.Often, p.Often)
	o.trim()
}
