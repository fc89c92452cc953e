package sparse

import (
	"math/bits"
	"slices"
)

// LaneRows is how many rows [Lanes] hold at most.
const LaneRows = 1 << 11

// Lanes give the squared euclidean distances of a query and all of some rows, the same as [SqEuclidean], in less time:
// the entries of all rows stand by the lane, and there by the column, so that nothing branches on which of two rows has
// the next column; and the sums of lanes in which a query has no entry are known. To make them takes as long as about
// three distances of each row. They belong to one goroutine.
type Lanes struct {
	n     int // rows
	lanes [8]lane
	mine  [8][]float64 // sums of the lanes in which a query has entries

	row        []uint16 // of each entry
	value      []float64
	keys, room []uint64
	kept       []float64
}

// lane is that of all rows.
type lane struct {
	columns []int32 // of entries, ascending
	rows    []uint16
	values  []float64
	sums    []float64 // of squares, by the row
}

// Set makes them those of the rows from lo up to hi, at most [LaneRows], each multiplied by its scale.
func (x *Lanes) Set(rows Rows, scales []float64, lo, hi int) {
	x.n = hi - lo
	x.row, x.value = x.row[:0], x.value[:0]
	for i := lo; i < hi; i++ {
		_, values := rows.CSR.Row(i)
		for _, v := range values {
			x.row, x.value = append(x.row, uint16(i-lo)), append(x.value, float64(v*scales[i]))
		}
	}
	columns := rows.CSR.Indices[rows.CSR.Offsets[lo]:rows.CSR.Offsets[hi]]
	for l := range x.lanes {
		x.keys = x.keys[:0]
		for e, c := range columns {
			if int(c)&7 == l {
				x.keys = append(x.keys, uint64(c)<<32|uint64(e))
			}
		}
		x.order()
		to := &x.lanes[l]
		to.columns, to.rows, to.values = to.columns[:0], to.rows[:0], to.values[:0]
		for _, key := range x.keys {
			e := uint32(key)
			to.columns = append(to.columns, int32(key>>32))
			to.rows, to.values = append(to.rows, x.row[e]), append(to.values, x.value[e])
		}
		to.sums = zeros(to.sums, x.n)
		to.add(to.sums, 0, len(to.rows))
		x.mine[l] = zeros(x.mine[l], x.n)
	}
}

// order sorts the keys by their columns, of one lane: by bytes, the least first.
func (x *Lanes) order() {
	all := uint64(0)
	for _, key := range x.keys {
		all |= key
	}
	x.room = slices.Grow(x.room[:0], len(x.keys))[:len(x.keys)]
	for shift := 32 + 3; shift < bits.Len64(all); shift += 8 {
		var starts [256 + 1]int32
		for _, key := range x.keys {
			starts[key>>shift&255+1]++
		}
		for i := range 256 {
			starts[i+1] += starts[i]
		}
		for _, key := range x.keys {
			at := &starts[key>>shift&255]
			x.room[*at] = key
			*at++
		}
		x.keys, x.room = x.room, x.keys
	}
}

// zeros are n of them, in the memory of a where that is enough.
func zeros(a []float64, n int) []float64 {
	a = slices.Grow(a[:0], n)[:n]
	clear(a)
	return a
}

// add adds the squares of some entries to the sums of their rows.
func (l *lane) add(sums []float64, from, to int) {
	values := l.values[from:to]
	for i, r := range l.rows[from:to] {
		v := values[i]
		sums[r] += float64(v * v)
	}
}

// SqEuclidean writes Σ(q−y)² of each row y. O(rows and their entries in the lanes of the query's).
func (x *Lanes) SqEuclidean(q Row, to []float64) {
	var sums [8][]float64
	for l := range x.lanes {
		sums[l] = x.sums(l, q)
	}
	for i := range to[:x.n] {
		var l [8]float64
		for j := range l {
			l[j] = sums[j][i]
		}
		to[i] = tree(&l)
	}
}

// sums are those of a lane.
func (x *Lanes) sums(number int, q Row) []float64 {
	l, done, own := &x.lanes[number], 0, false
	sums := l.sums
	for j, column := range q.Columns {
		if int(column)&7 != number {
			continue
		}
		if !own {
			sums, own = x.mine[number], true
			clear(sums)
		}
		at, _ := slices.BinarySearch(l.columns[done:], column)
		at += done
		l.add(sums, done, at)
		v := q.Values[j]
		x.kept = x.kept[:0]
		for done = at; done < len(l.columns) && l.columns[done] == column; done++ {
			d := v - l.values[done]
			x.kept = append(x.kept, sums[l.rows[done]]+float64(d*d))
		}
		for i := range sums {
			sums[i] += float64(v * v)
		}
		for i, sum := range x.kept {
			sums[l.rows[at+i]] = sum
		}
	}
	if own {
		l.add(sums, done, len(l.columns))
	}
	return sums
}
