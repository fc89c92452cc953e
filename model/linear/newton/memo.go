package newton

import (
	"math"
	"slices"
	"sync"

	"beamlearn/model/heap"
)

// This file keeps sparse rows from pass to pass as they are summed up: cut into blocks, and these into columns that all
// rows have and other entries. To read rows, to check them and to cut them takes longer than to sum them up.

// memory has the rows of parts, as far as they have room.
type memory struct {
	mu    sync.Mutex
	left  int64      // bytes
	count *heap.Kept // those that are taken
	parts map[int]*memo
	of    int // parts there are
}

// memo is the rows of a part.
type memo struct {
	part, parts int
	bytes       int64 // that have been taken
	rows        int64
	weight      float64
	cuts        []memoCut
	values      []float64 // each once
	found       []uint16  // a hash table of their places, plus 1; nil once all are there
	last        []uint16  // the code in each column that was met last
	full        bool      // a number had no code, as values are too many
	before      []int32   // the columns of the block before
}

// memoCut is cutBlocks blocks, or fewer at the end: lists that do not grow. What is of a block stands behind what is of
// the one before.
type memoCut struct {
	blocks  []memoBlock
	codes   []uint16  // the place of each number of a panel among values
	raw     []float64 // numbers of blocks without codes
	idx     []int32
	val     []float64 // of blocks that have others than 1
	ends    []uint16  // of each row, in the block's idx
	places  []int32
	targets []float64 // of a regression
	weights []float64 // of blocks that have others than 1
}

// memoBlock is a block: where its parts begin is where those of the block before end.
type memoBlock struct {
	columns       []int32
	number, rows  int
	entries       int
	last          bool // of its chunk
	ones, equally bool // all values of the other entries are 1, and all weights
	raw, targets  bool // numbers are not codes, and some targets are not 0
}

const (
	// mostValues is how many numbers a memo tells apart.
	mostValues = 1 << 14
	cutBlocks  = 32
)

// Remember lets the optimizer keep sparse rows from pass to pass, in about so many bytes: see [linear.Recaller].
func (o *Optimizer) Remember(bytes int64) {
	if o.memory == nil {
		o.memory = &memory{left: bytes, count: heap.NewKept(), parts: map[int]*memo{}}
	}
}

// begin begins a memo of a part, nil where there is to be none.
func (m *memory) begin(part, parts int) *memo {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.parts[part] != nil || m.left <= 0 || m.of > 0 && m.of != parts {
		return nil
	}
	return &memo{part: part, parts: parts, values: []float64{0}, found: make([]uint16, 2*mostValues)}
}

// get is the memo of a part; nil: there is none.
func (m *memory) get(part, parts int) *memo {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of != parts {
		return nil
	}
	return m.parts[part]
}

// grow takes room for what a memo has; false: there is none, and it has none any more.
func (m *memory) grow(t *memo) bool {
	bytes := t.size()
	m.mu.Lock()
	defer m.mu.Unlock()
	more := bytes - t.bytes
	if more > m.left {
		more = -t.bytes
	}
	m.left -= more
	m.count.Add(more)
	t.bytes += more
	return t.bytes == bytes
}

func (m *memory) put(t *memo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.found, t.last = nil, nil
	m.parts[t.part], m.of = t, t.parts
}

// size is about the bytes that it takes.
func (t *memo) size() int64 {
	n := 8 * cap(t.values)
	for i := range t.cuts {
		c := &t.cuts[i]
		n += 2*(cap(c.codes)+cap(c.ends)) + 8*(cap(c.raw)+cap(c.val)+cap(c.targets)+cap(c.weights)) +
			4*(cap(c.idx)+cap(c.places)) + 72*cap(c.blocks)
	}
	return int64(n)
}

// code is the place of a value; false: there is no room for it.
func (t *memo) code(v float64) (uint16, bool) {
	bits := math.Float64bits(v)
	at := bits * 0x9e3779b97f4a7c15 >> 49 // Fibonacci hashing
	for ; t.found[at] != 0; at = (at + 1) % uint64(len(t.found)) {
		if i := t.found[at] - 1; math.Float64bits(t.values[i]) == bits {
			return i, true
		}
	}
	if len(t.values) == mostValues {
		return 0, false
	}
	t.values = append(t.values, v)
	t.found[at] = uint16(len(t.values))
	return t.found[at] - 1, true
}

// cut is where the next block goes to, which is this one.
func (t *memo) cut(c *commonRoom) *memoCut {
	if n := len(t.cuts); n == 0 || len(t.cuts[n-1].blocks) == cutBlocks {
		next, rows := memoCut{blocks: make([]memoBlock, 0, cutBlocks)}, cutBlocks*togetherRows
		if !t.full {
			next.codes = make([]uint16, 0, cutBlocks*len(c.x.All()))
		}
		next.idx = make([]int32, 0, cutBlocks*(len(c.idx)+len(c.idx)/16))
		next.ends, next.places = make([]uint16, 0, rows), make([]int32, 0, rows)
		t.cuts = append(t.cuts, next)
	}
	return &t.cuts[len(t.cuts)-1]
}

// add adds a block; false: it is none of which anything is kept.
func (t *memo) add(b *sparseRows, c *commonRoom, number int) bool {
	if !c.is() {
		return false
	}
	to := t.cut(c)
	block := memoBlock{columns: c.columns, number: number, rows: len(c.ends), entries: len(c.idx), ones: allOnes(c.val),
		equally: allOnes(b.weights), raw: !t.addCodes(to, c),
		targets: slices.ContainsFunc(b.targets, func(v float64) bool { return v != 0 })}
	if block.raw {
		t.full = true
		to.raw = append(to.raw, c.x.All()...)
	}
	if before := t.before; slices.Equal(before, c.columns) {
		block.columns = before
	} else {
		block.columns = slices.Clone(c.columns)
		t.before = block.columns
	}
	to.idx = append(to.idx, c.idx...)
	if !block.ones {
		to.val = append(to.val, c.val...)
	}
	for _, end := range c.ends {
		if end > math.MaxUint16 {
			return false
		}
		to.ends = append(to.ends, uint16(end))
	}
	if to.places = append(to.places, b.places...); block.targets {
		to.targets = append(to.targets, b.targets...)
	}
	if !block.equally {
		to.weights = append(to.weights, b.weights...)
	}
	to.blocks = append(to.blocks, block)
	return true
}

// addCodes adds the codes of a panel; false: there are none for all of its numbers.
func (t *memo) addCodes(to *memoCut, c *commonRoom) bool {
	x := c.x.All()
	if t.full {
		return false
	}
	if len(t.last) != 4*c.x.Groups() {
		t.last = make([]uint16, 4*c.x.Groups())
	}
	from := len(to.codes)
	to.codes = slices.Grow(to.codes, len(x))[:from+len(x)]
	codes, rows := to.codes[from:], len(c.ends)
	for g := range c.x.Groups() {
		for i := g * togetherRows * 4; i < (g*togetherRows+rows)*4; i++ {
			last := &t.last[g*4+i%4]
			if math.Float64bits(t.values[*last]) != math.Float64bits(x[i]) {
				code, ok := t.code(x[i])
				if !ok {
					to.codes = to.codes[:from]
					return false
				}
				*last = code
			}
			codes[i] = *last
		}
	}
	return true
}

func allOnes(v []float64) bool {
	for _, x := range v {
		if x != 1 {
			return false
		}
	}
	return true
}

// keep adds a block to the memo of the part, if it has one.
func (s *optimizerSum) keep(number int) {
	if s.memo != nil && !s.memo.add(s.sparse, &s.common, number) {
		s.forget()
	}
}

// forget gives up the memo of the part.
func (s *optimizerSum) forget() {
	if s.memo != nil {
		*s.memo = memo{bytes: s.memo.bytes}
		s.learner.memory.grow(s.memo)
		s.memo = nil
	}
}

// keepChunk is for after the rows of a chunk.
func (s *optimizerSum) keepChunk() {
	if t := s.memo; t != nil {
		if n := len(t.cuts); n > 0 { // the last has a block
			blocks := t.cuts[n-1].blocks
			blocks[len(blocks)-1].last = true
		}
		if !s.learner.memory.grow(t) {
			s.memo = nil
		}
	}
}

// Whole is that of a [linear.Recaller].
func (s *optimizerSum) Whole() {
	if t := s.memo; t != nil {
		s.memo = nil
		t.rows, t.weight = s.rows, s.weight
		s.learner.memory.put(t)
	}
}

// Recall is that of a [linear.Recaller]. O(rows of the part).
func (s *optimizerSum) Recall() (rows int64, ok bool, err error) {
	t := s.learner.memory.get(s.part, s.parts)
	if t == nil || s.pass == 0 || s.rows > 0 {
		return 0, false, nil
	}
	if err := s.weigh(s.learner.sizes()); err != nil {
		return 0, false, err
	}
	s.rows, s.weight = t.rows, t.weight
	if s.sparse == nil {
		s.sparse = newSparseRows()
	}
	for i := range t.cuts {
		left := t.cuts[i]
		for _, block := range t.cuts[i].blocks {
			left.take(&block, t.values, s)
			for k, d := range s.sums {
				if d != nil {
					s.addTogether(k, d, s.sparse, !d.thin || block.number%thinly == 0)
				}
			}
			if block.last {
				s.common.end(s.width)
			}
			if s.err != nil {
				return 0, false, s.err
			}
		}
	}
	return t.rows, true, nil
}

// take makes the room that of the next block, and leaves those after it.
func (t *memoCut) take(k *memoBlock, values []float64, s *optimizerSum) {
	c, b := &s.common, s.sparse
	c.have(k.columns, s.width)
	x := c.x.All()
	if k.raw {
		t.raw = t.raw[copy(x, t.raw):]
	} else {
		for i, code := range t.codes[:len(x)] {
			x[i] = values[code]
		}
		t.codes = t.codes[len(x):]
	}
	c.idx, t.idx = append(c.idx[:0], t.idx[:k.entries]...), t.idx[k.entries:]
	if k.ones {
		c.val = ones(c.val, k.entries)
	} else {
		c.val, t.val = append(c.val[:0], t.val[:k.entries]...), t.val[k.entries:]
	}
	c.ends = c.ends[:0]
	for _, end := range t.ends[:k.rows] {
		c.ends = append(c.ends, int(end))
	}
	t.ends = t.ends[k.rows:]
	b.places, t.places = append(b.places[:0], t.places[:k.rows]...), t.places[k.rows:]
	if k.targets {
		b.targets, t.targets = append(b.targets[:0], t.targets[:k.rows]...), t.targets[k.rows:]
	} else {
		b.targets = append(b.targets[:0], make([]float64, k.rows)...)
	}
	if k.equally {
		b.weights = ones(b.weights, k.rows)
	} else {
		b.weights, t.weights = append(b.weights[:0], t.weights[:k.rows]...), t.weights[k.rows:]
	}
	b.rows = b.rows[:0]
}

// ones makes v so many ones.
func ones(v []float64, n int) []float64 {
	v = slices.Grow(v[:0], n)[:n]
	for i := range v {
		v[i] = 1
	}
	return v
}
