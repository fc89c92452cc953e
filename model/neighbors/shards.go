package neighbors

import (
	"math"
	"sort"
	"strings"

	"beamlearn/model/neighbors/sparse"
	"beamlearn/model/vectors"
)

// Footprint is about the memory, in bytes a point, of an index of points of dim columns, stored as float64 with wide,
// while it is built or searched: with all that the engine may make.
func Footprint(dim int, wide bool, o Options) int64 {
	o.EnsureDefaults()
	o = o.resolve()
	value := int64(4)
	if wide {
		value = 8
	}
	d, perPoint := int64(dim), value*int64(dim)
	switch {
	case chooseAlgorithm(&points{n: 1, dim: dim}, o) == KDTree && !o.embeds():
		// The leaves again, with boxes for every 8 of them; the order, and what it is found by.
		perPoint += value*int64(strideOf(o.Metric, dim))*3/2 + 32
	case o.embeds():
		perPoint += o.embeddedBytes(dim)
	case o.countsBits(), screenedMetric(o.Metric):
		perPoint += o.FormBytes(dim)
	case tileMetric(o.Metric):
		const labels = 32 // what a short form has beside its components
		perPoint += d + labels
		if o.Metric != Manhattan && o.Metric != Chebyshev && o.Metric != Hamming {
			perPoint += 4*d + labels // where bytes are not close enough
		}
	}
	if o.Metric == Cosine {
		perPoint += 8
	}
	if o.centred {
		perPoint += 8 * d
	}
	return perPoint
}

// SparseFootprint is about the memory, in bytes, of an index of sparse points of dim columns while it is built or
// searched: so many points, with so many entries in all.
func SparseFootprint(points, entries int64, dim int, o Options) int64 {
	const row, entry = 32, 12
	kept := points*row + entries*entry
	if denseEnough(int(points), int(entries), dim, o) {
		return kept + points*Footprint(dim, true, o)
	}
	return kept + sparse.Bytes(points, entries, dim)
}

// FormBytes is what a point of dim columns takes beside its values, where the metric searches it in another form.
func (o Options) FormBytes(dim int) int64 {
	o.EnsureDefaults()
	switch o = o.resolve(); {
	case o.embeds():
		return 8 * int64(o.embeddedDim(dim))
	case o.countsBits():
		return 8*int64(o.words(dim)) + 4
	case screenedMetric(o.Metric):
		return 4 * int64(screenStride(dim))
	case o.centred:
		return 8 * int64(dim)
	}
	return 0
}

// Hits are the neighbours of some queries in points that are searched part by part, those of query i at Offsets[i] to
// Offsets[i+1], ascending by (distance, row number). They are made by [Hits.Merge], from NewHits on.
type Hits struct {
	Offsets   []int64
	Distances []float64
	Numbers   []int64      // the rows' numbers
	ids       []vectors.ID // nil where they are the numbers
}

// NewHits are those of n queries before any part was searched.
func NewHits(n int) *Hits { return &Hits{Offsets: make([]int64, n+1)} }

// ID is the id of the neighbour at place j of all.
func (h *Hits) ID(j int32) vectors.ID {
	if h.ids != nil {
		return h.ids[j]
	}
	return vectors.ID{Int: h.Numbers[j]}
}

// Neighbors are the same neighbours, their positions being those among all hits: see ID.
func (h *Hits) Neighbors() *Neighbors {
	n := &Neighbors{Offsets: h.Offsets, Distances: h.Distances, Positions: make([]int32, len(h.Distances))}
	for j := range n.Positions {
		n.Positions[j] = int32(j)
	}
	return n
}

// Bounds are, of each query, the distance that a neighbour must not exceed to be among its k nearest: [Search.Bounds]
// of the next part.
func (h *Hits) Bounds(k int) []float64 {
	b := make([]float64, len(h.Offsets)-1)
	for i := range b {
		b[i] = math.Inf(1)
		if last := h.Offsets[i] + int64(k) - 1; last < h.Offsets[i+1] {
			b[i] = math.Nextafter(h.Distances[last], math.Inf(-1)) // as the parts to come have greater row numbers
		}
	}
	return b
}

// Merge adds the neighbours that the queries have in a part, whose row numbers are greater than those of the parts
// before it, and keeps the k nearest, or, with k = 0, all; of groups of rows, by their numbers, no more than most says,
// which may be nil. First is what is added to the part's numbers, where these begin at 0 in each part.
func (h *Hits) Merge(found *Neighbors, part *Index, first int64, k int, most *Most) *Hits {
	n := len(h.Offsets) - 1
	capacity := len(h.Distances) + len(found.Distances)
	if k > 0 {
		capacity = min(capacity, n*k)
	}
	m := &Hits{Offsets: make([]int64, n+1), Distances: make([]float64, 0, capacity), Numbers: make([]int64, 0, capacity)}
	labelled := part.ids.Len() > 0
	if labelled {
		m.ids = make([]vectors.ID, 0, capacity)
	}
	counts := map[int32]int{}
	for i := range n {
		a, aEnd := h.Offsets[i], h.Offsets[i+1]
		b, bEnd := found.Offsets[i], found.Offsets[i+1]
		clear(counts)
		for (a < aEnd || b < bEnd) && (k == 0 || int64(len(m.Distances))-m.Offsets[i] < int64(k)) {
			if b == bEnd || a < aEnd && h.Distances[a] <= found.Distances[b] {
				if most.takes(h.Numbers[a], counts) {
					m.Distances, m.Numbers = append(m.Distances, h.Distances[a]), append(m.Numbers, h.Numbers[a])
					if labelled {
						m.ids = append(m.ids, h.ids[a])
					}
				}
				a++
				continue
			}
			p := found.Positions[b]
			if number := first + part.Number(p); most.takes(number, counts) {
				m.Distances, m.Numbers = append(m.Distances, found.Distances[b]), append(m.Numbers, number)
				if labelled {
					id := part.ids.At(int(p))
					id.Text = strings.Clone(id.Text) // or it would keep the texts of all
					m.ids = append(m.ids, id)
				}
			}
			b++
		}
		m.Offsets[i+1] = int64(len(m.Distances))
	}
	return m
}

// ShardRows is how many points of dim columns a shard of so many bytes holds, stored as float64 with wide.
func ShardRows(memory int64, dim int, wide bool, o Options) int64 {
	return memory / Footprint(dim, wide, o)
}

// ShardQueryBytes is what a chunk of queries and their answers may take beside a shard of so many bytes.
func ShardQueryBytes(memory int64) int64 { return memory / 8 }

// ShardQueryRows is how many queries, of so many bytes each, are taken through the shards at a time. With k = 0, as
// within a radius, it reckons with few neighbours.
func ShardQueryRows(memory, query int64, k int) int {
	// The query, and a neighbour three times: as it is found, merged, and merged before.
	row := query + 96*int64(max(k, 10))
	return int(min(max(ShardQueryBytes(memory)/row, 64), 1<<16))
}

// SparseShardRows is about how many sparse points, of so many entries each, a shard of so many bytes holds.
func SparseShardRows(memory int64, entries float64, dim int, o Options) int64 {
	footprint := func(points int) bool {
		return SparseFootprint(int64(points), int64(math.Ceil(entries*float64(points))), dim, o) > memory
	}
	return int64(sort.Search(MaxPoints, func(i int) bool { return footprint(i + 1) }))
}

// CutShards cuts a list of chunks, of so many rows each, into runs of consecutive ones of at most maxRows rows; a
// chunk that has more is a run of its own. Run i ends before the chunk ends[i].
func CutShards(rows []int64, maxRows int64) (ends []int) {
	sum := int64(0)
	for i, n := range rows {
		if sum += n; i > 0 && sum > maxRows {
			ends, sum = append(ends, i), n
		}
	}
	if len(rows) > 0 {
		ends = append(ends, len(rows))
	}
	return ends
}

// A ShardBuffer holds the points of a shard while they are read, block by block. The points of a shard are all
// float32, or all float64.
type ShardBuffer struct {
	MaxRows, MaxWideRows int64 // of a shard whose values are float32, or float64
	Points               *vectors.Block
	// Memory, in bytes, bounds a shard of sparse points, and Options say how they are searched.
	Memory  int64
	Options Options
}

// Fits is how many of the first rows of a block belong to the shard, too: of dense ones, all or none. Where they are
// none, the shard is complete. One that is empty takes some.
func (s *ShardBuffer) Fits(b *vectors.Block) int {
	if b.Sparse != nil {
		return s.fitsSparse(b)
	}
	if n := s.Points.Len(); n > 0 && (b.Wide() != s.Points.Wide() || int64(n+b.Len()) > s.maxRows(b.Wide())) {
		return 0
	}
	return b.Len()
}

func (s *ShardBuffer) fitsSparse(b *vectors.Block) int {
	held, entries := s.Points.Len(), s.Points.Sparse.Entries()
	for i := range b.Len() {
		columns, _ := b.Sparse.Row(i)
		entries += len(columns)
		if held+i > 0 && SparseFootprint(int64(held+i+1), int64(entries), b.Dim, s.Options) > s.Memory {
			return i
		}
	}
	return b.Len()
}

func (s *ShardBuffer) maxRows(wide bool) int64 {
	if wide {
		return s.MaxWideRows
	}
	return s.MaxRows
}

// Add adds the rows of a block, which fit. There are so many rows still to come, with those of the block.
func (s *ShardBuffer) Add(b *vectors.Block, rest int64) {
	if s.Points.Len() == 0 {
		if b.Wide() {
			s.Points.Widen()
		}
		if b.Sparse == nil {
			s.Points.Grow(int(min(s.maxRows(b.Wide()), max(rest, int64(b.Len())))))
		}
	}
	s.Points.AppendBlock(b)
}
