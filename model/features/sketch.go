package features

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"math/bits"
	"slices"
)

var errSketch = errors.New("not a sketch")

// distinct estimates how many different things there are by hashes of 64 bits: it holds all of them as long as they
// are at most mostHashes, and from then on those that begin with level zeros, one in 2^level. It errs by about 2 %
// then. It depends on the set of things only. (Bar-Yossef et al., Counting distinct elements in a data stream, 2002,
// algorithm 2.)
type distinct struct {
	level  int
	hashes map[uint64]struct{}
}

const mostHashes = 4096

func (d *distinct) add(h uint64) {
	if bits.LeadingZeros64(h) < d.level {
		return
	}
	if d.hashes == nil {
		d.hashes = map[uint64]struct{}{}
	}
	d.hashes[h] = struct{}{}
	for len(d.hashes) > mostHashes {
		d.raise(d.level + 1)
	}
}

func (d *distinct) raise(level int) {
	d.level = level
	for h := range d.hashes {
		if bits.LeadingZeros64(h) < level {
			delete(d.hashes, h)
		}
	}
}

func (d *distinct) merge(e *distinct) {
	if e.level > d.level {
		d.raise(e.level)
	}
	for h := range e.hashes {
		d.add(h)
	}
}

// estimate is how many there are, and whether that is exact.
func (d *distinct) estimate() (n int64, exact bool) {
	return int64(len(d.hashes)) << d.level, d.level == 0
}

func (d *distinct) append(b []byte) []byte {
	b = append(b, byte(d.level))
	b = binary.AppendUvarint(b, uint64(len(d.hashes)))
	for _, h := range slices.Sorted(maps.Keys(d.hashes)) {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return b
}

func (d *distinct) cut(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] > 64 {
		return nil, errSketch
	}
	*d = distinct{level: int(b[0])}
	n, used := binary.Uvarint(b[1:])
	if used <= 0 || n > mostHashes || uint64(len(b)-1-used) < 8*n {
		return nil, errSketch
	}
	b = b[1+used:]
	last := uint64(0)
	for i := range int(n) {
		h := binary.LittleEndian.Uint64(b[8*i:])
		if i > 0 && h <= last || bits.LeadingZeros64(h) < d.level {
			return nil, errSketch
		}
		d.add(h)
		last = h
	}
	return b[8*n:], nil
}

// quantiles finds the median of numbers: the exact one as long as they have at most mostValues distinct values,
// otherwise the middle of one of the buckets, 256 between a power of two and the next, which is within 0.2 % of it.
// It depends on the multiset of numbers only. (Masson, Rim and Lee, DDSketch, VLDB 2019, with buckets of equal width
// within powers of two.)
type quantiles struct {
	values  map[float64]int64 // nil once there are too many
	buckets map[int32]int64   // nil until then
}

const (
	mostValues  = 8192
	bucketShift = 52 - 8
	mostBuckets = 2 * (0x7ff << 8) // of which there can be more
)

// bucket is the number of a value's bucket, in their order.
func bucket(v float64) int32 {
	k := int32(math.Float64bits(math.Abs(v)) >> bucketShift)
	if v < 0 {
		return -k
	}
	return k
}

// middle is the value that stands for a bucket.
func middle(k int32) float64 {
	if k < 0 {
		return -middle(-k)
	}
	if k == 0 {
		return 0
	}
	return math.Float64frombits(uint64(k)<<bucketShift | 1<<(bucketShift-1))
}

func (q *quantiles) add(v float64, n int64) {
	v += 0 // −0 is 0
	if q.buckets != nil {
		q.buckets[bucket(v)] += n
		return
	}
	if q.values == nil {
		q.values = map[float64]int64{}
	}
	q.values[v] += n
	if len(q.values) > mostValues {
		q.drop()
	}
}

// drop goes over to buckets.
func (q *quantiles) drop() {
	q.buckets = map[int32]int64{}
	for v, n := range q.values {
		q.buckets[bucket(v)] += n
	}
	q.values = nil
}

func (q *quantiles) merge(r *quantiles) {
	if r.buckets != nil && q.buckets == nil {
		q.drop()
	}
	for v, n := range r.values {
		q.add(v, n)
	}
	for k, n := range r.buckets {
		q.buckets[k] += n
	}
}

// median is the middle value, or the mean of the two of them; 0 of none.
func (q *quantiles) median() float64 {
	type group struct {
		value float64
		count int64
	}
	var all []group
	total := int64(0)
	for v, n := range q.values {
		all, total = append(all, group{v, n}), total+n
	}
	for k, n := range q.buckets {
		all, total = append(all, group{middle(k), n}), total+n
	}
	slices.SortFunc(all, func(a, b group) int {
		if a.value < b.value {
			return -1
		}
		return 1
	})
	before := int64(0)
	for i, g := range all {
		if before += g.count; 2*before > total {
			return g.value
		} else if 2*before == total {
			return g.value/2 + all[i+1].value/2
		}
	}
	return 0
}

func (q *quantiles) append(b []byte) []byte {
	if q.buckets == nil {
		b = append(b, 0)
		b = binary.AppendUvarint(b, uint64(len(q.values)))
		for _, v := range slices.Sorted(maps.Keys(q.values)) {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			b = binary.AppendUvarint(b, uint64(q.values[v]))
		}
		return b
	}
	b = append(b, 1)
	b = binary.AppendUvarint(b, uint64(len(q.buckets)))
	for _, k := range slices.Sorted(maps.Keys(q.buckets)) {
		b = binary.AppendVarint(b, int64(k))
		b = binary.AppendUvarint(b, uint64(q.buckets[k]))
	}
	return b
}

func (q *quantiles) cut(b []byte) ([]byte, error) {
	*q = quantiles{}
	if len(b) == 0 || b[0] > 1 {
		return nil, errSketch
	}
	coarse := b[0] == 1
	n, used := binary.Uvarint(b[1:])
	if used <= 0 || n > mostBuckets || !coarse && n > mostValues {
		return nil, errSketch
	}
	b = b[1+used:]
	if coarse {
		q.buckets = map[int32]int64{}
	}
	for range n {
		var used int
		if coarse {
			var k int64
			if k, used = binary.Varint(b); used <= 0 || k <= -(0x7ff<<8) || k >= 0x7ff<<8 {
				return nil, errSketch
			}
			b = b[used:]
			count, more, err := cutCount(b)
			if err != nil {
				return nil, err
			}
			q.buckets[int32(k)] += count
			b = more
			continue
		}
		if len(b) < 8 {
			return nil, errSketch
		}
		v := math.Float64frombits(binary.LittleEndian.Uint64(b))
		count, more, err := cutCount(b[8:])
		if err != nil || v-v != 0 {
			return nil, errSketch
		}
		q.add(v, count)
		b = more
	}
	return b, nil
}

// total is how many numbers there are.
func (q *quantiles) total() (n int64) {
	for _, c := range q.values {
		n += c
	}
	for _, c := range q.buckets {
		n += c
	}
	return n
}

// mostRows bounds counts, so that sums of some of them do not overflow.
const mostRows = 1 << 56

// cutCount reads a count of at least one from the front of b.
func cutCount(b []byte) (int64, []byte, error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n == 0 || n > mostRows {
		return 0, nil, errSketch
	}
	return int64(n), b[used:], nil
}
