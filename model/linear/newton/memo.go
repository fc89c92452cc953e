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

// memo is the rows of a part. Those of a block are in lists of all blocks, one after the other.
type memo struct {
	part, parts int
	bytes       int64 // that have been taken
	rows        int64
	weight      float64
	blocks      []memoBlock
	codes       []uint16 // the place of each number of a panel among values
	values      []float64
	raw         []float64 // numbers of blocks for whose values there was no code any more
	found       []uint16  // a hash table of these places, plus 1; nil once all are there
	last        []uint16  // the code in each column that was met last
	idx         []int32
	val         []float64 // of blocks that have others than 1
	ends        []uint16  // of each row, in the block's idx
	places      []int32
	targets     []float64 // of a regression
	weights     []float64 // of blocks that have others than 1
}

// memoBlock is a block: where its parts begin is where those of the block before end.
type memoBlock struct {
	columns       []int32
	number, rows  int
	entries       int
	last          bool // of its chunk
	ones, equally bool // all values of the other entries are 1, and all weights
	raw           bool // numbers are not codes
}

// mostValues is how many numbers a memo tells apart.
const mostValues = 1 << 14

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
	return int64(2*cap(t.codes) + 8*(cap(t.values)+cap(t.raw)+cap(t.val)+cap(t.targets)+cap(t.weights)) + 2*cap(t.ends) +
		4*(cap(t.idx)+cap(t.places)) + 72*cap(t.blocks))
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

// add adds a block; false: it is none of which anything is kept.
func (t *memo) add(b *sparseRows, c *commonRoom, number int) bool {
	if !c.is() {
		return false
	}
	block := memoBlock{columns: c.columns, number: number, rows: len(c.ends), entries: len(c.idx), ones: allOnes(c.val),
		equally: allOnes(b.weights), raw: !t.addCodes(c)}
	if block.raw {
		t.raw = append(t.raw, c.x.All()...)
	}
	if n := len(t.blocks); n > 0 && slices.Equal(t.blocks[n-1].columns, c.columns) {
		block.columns = t.blocks[n-1].columns
	} else {
		block.columns = slices.Clone(c.columns)
	}
	t.idx = append(t.idx, c.idx...)
	if !block.ones {
		t.val = append(t.val, c.val...)
	}
	for _, end := range c.ends {
		if end > math.MaxUint16 {
			return false
		}
		t.ends = append(t.ends, uint16(end))
	}
	t.places, t.targets = append(t.places, b.places...), append(t.targets, b.targets...)
	if !block.equally {
		t.weights = append(t.weights, b.weights...)
	}
	t.blocks = append(t.blocks, block)
	return true
}

// addCodes adds the codes of a panel; false: there are none for all of its numbers.
func (t *memo) addCodes(c *commonRoom) bool {
	x := c.x.All()
	if len(t.raw) > 0 {
		return false
	}
	if len(t.last) != 4*c.x.Groups() {
		t.last = make([]uint16, 4*c.x.Groups())
	}
	from := len(t.codes)
	t.codes = slices.Grow(t.codes, len(x))[:from+len(x)]
	codes, rows := t.codes[from:], len(c.ends)
	for g := range c.x.Groups() {
		for i := g * togetherRows * 4; i < (g*togetherRows+rows)*4; i++ {
			last := &t.last[g*4+i%4]
			if math.Float64bits(t.values[*last]) != math.Float64bits(x[i]) {
				var ok bool
				if *last, ok = t.code(x[i]); !ok {
					t.codes = t.codes[:from]
					return false
				}
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
		if n := len(t.blocks); n > 0 {
			t.blocks[n-1].last = true
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
	left := *t
	for i := range t.blocks {
		block := &t.blocks[i]
		left.take(block, s)
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
	return t.rows, true, nil
}

// take makes the room that of the next block, and leaves those after it.
func (t *memo) take(k *memoBlock, s *optimizerSum) {
	c, b := &s.common, s.sparse
	c.have(k.columns, s.width)
	x := c.x.All()
	if k.raw {
		t.raw = t.raw[copy(x, t.raw):]
	} else {
		for i, code := range t.codes[:len(x)] {
			x[i] = t.values[code]
		}
		t.codes = t.codes[len(x):]
	}
	c.idx, t.idx = t.idx[:k.entries], t.idx[k.entries:]
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
	b.targets, t.targets = append(b.targets[:0], t.targets[:k.rows]...), t.targets[k.rows:]
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
