package ivf

import (
	"math"

	"beamlearn/model/neighbors"
)

// Budget divides the memory of a worker between the steps of a search in parts.
type Budget struct {
	Memory int64 // bytes
	Dim, K int
	Index  neighbors.Options // of the exact index of a chunk of points
}

const (
	// sampleBytes is the size of the sample that parts are planned by, where the memory is six times that.
	sampleBytes = 128 << 20
	// minPartRows is the number of points of a part below which partitions are not worth their name.
	minPartRows = 1000
	// minQueryRows is the number of queries that a part answers at a time at least.
	minQueryRows = 256
	// answerBytes is what a neighbour takes, in a part and in the answer, while answers are merged.
	answerBytes = 48
	// mostCopies is in how many parts a point may be, and copiesAbout in how many it is, where parts are counted before
	// they are planned.
	mostCopies  = 8
	copiesAbout = 4
	// leastTasks is how many tasks share the work at least, where there are so many rows.
	leastTasks = 32
)

// What a row takes beside its values, in bytes.
const (
	rowBytes            = 64 // its place, its labels, and its part of partitions
	graphNeighborBytes  = 28 // a neighbour in the graph and on the way out of it
	searchNeighborBytes = 56 // a neighbour of a query, in lists and in answers
)

// RowBytes is what a point takes where a worker makes the graph of a part: its values, and as float32 where they are
// float64; two forms in int8; what the graph has of a point; and its neighbours.
func (b *Budget) RowBytes(wide bool) int64 {
	value := int64(4)
	if wide {
		value = 12
	}
	if o := (Options{Metric: b.Index.Metric}); o.InCells() {
		value += value + 1 // rows and their short forms once more, in cells
	}
	if b.Index.Metric == neighbors.Correlation {
		value += 12 // rows less their means, as float64 and as float32
	}
	return int64(b.Dim)*(value+2) + rowBytes + graphNeighborBytes*int64(b.K)
}

// PartRows is how many points a part holds.
func (b *Budget) PartRows(wide bool) int64 { return b.Memory / b.RowBytes(wide) }

// Parts is about how many parts n points make, at most: where each is in several of them.
func (b *Budget) Parts(n int64, wide bool) int64 {
	return int64(math.Ceil(copiesAbout * float64(n) / (fullPart * float64(b.PartRows(wide)))))
}

// MinPartRows is how many points a part must hold.
func (b *Budget) MinPartRows() int64 { return int64(max(minPartRows, 8*(b.K+1))) }

// AssignRows is how many points are put into parts at a time, beside an exact index of them.
func (b *Budget) AssignRows() int64 { return b.Memory / 2 / neighbors.Footprint(b.Dim, true, b.Index) }

// QueryRows is how many queries are put into parts, and answered by a part, at a time.
func (b *Budget) QueryRows() int64 {
	return max(b.Memory/8/(int64(b.Dim)*14+rowBytes+searchNeighborBytes*int64(b.K)), minQueryRows)
}

// MergeRows is how many queries have their answers merged at a time.
func (b *Budget) MergeRows() int64 { return b.Memory / 8 / (mostCopies * answerBytes * int64(b.K)) }

// SampleRows is about the size of the sample of the points, of which at least so many are needed.
func (b *Budget) SampleRows(least int64) int64 {
	return max(min(sampleBytes, b.Memory/6)/(4*int64(b.Dim)), least)
}

// TaskRows is how many rows, of all, a task takes, where rows fit into its memory: few enough to leave work for all
// workers, but not below least for that. All is below 0 where it is not known.
func TaskRows(rows, least, all int64) int {
	if all >= 0 {
		rows = min(rows, max(all/leastTasks, least))
	}
	return int(min(max(rows, 64), 1<<20))
}
