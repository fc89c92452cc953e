package triples

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"

	"beamlearn/model/vectors"
)

// A run is triples sorted by their rows, as three files. The index has, for each row in the order of [Compare], its id,
// the number of its triples, and the bytes that they take in the second file, both uvarint. The second has the triples,
// those of a row in the order of the input: the id of the column, the value (float64, little-endian), and, where
// triples have times, the time (float64). The third has the ids of all columns, in any order. An id is 0 and the
// integer (varint), or the length of its text (uvarint, > 0) and the text.

// WriteRun writes the triples of a part as a run, and returns how many bytes its index and its entries take.
// O(triples + rows·log rows) time, and 12 bytes a triple.
func (p *Part) WriteRun(index, entries, columns io.Writer) (indexed, written int64, err error) {
	ranks, order := p.Rows.ranks()
	starts := make([]int32, len(order)+1)
	for _, r := range p.Row {
		starts[ranks[r]+1]++
	}
	for r := range order {
		starts[r+1] += starts[r]
	}
	next, sorted := slices.Clone(starts), make([]int32, len(p.Row))
	for i, r := range p.Row {
		sorted[next[ranks[r]]] = int32(i)
		next[ranks[r]]++
	}
	toIndex, toEntries, toColumns := bufio.NewWriter(index), bufio.NewWriter(entries), bufio.NewWriter(columns)
	var b, head []byte
	for r, at := range order {
		if starts[r] == starts[r+1] {
			continue // of an earlier part, which has the same names
		}
		b = b[:0]
		for _, i := range sorted[starts[r]:starts[r+1]] {
			b = appendID(b, p.Columns.ids.At(int(p.Column[i])))
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Value[i]))
			if p.Time != nil {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Time[i]))
			}
		}
		head = appendID(head[:0], p.Rows.ids.At(int(at)))
		head = binary.AppendUvarint(binary.AppendUvarint(head, uint64(starts[r+1]-starts[r])), uint64(len(b)))
		toIndex.Write(head) // whose error Flush returns, as that of all others
		toEntries.Write(b)
		indexed, written = indexed+int64(len(head)), written+int64(len(b))
	}
	for i := range p.Columns.Len() {
		toColumns.Write(appendID(b[:0], p.Columns.ids.At(i)))
	}
	return indexed, written, errors.Join(toIndex.Flush(), toEntries.Flush(), toColumns.Flush())
}

// ranks are the place of each name in the order of Compare, and the name at each place.
func (n *Names) ranks() (ranks, order []int32) {
	ranks, order = make([]int32, n.Len()), make([]int32, n.Len())
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return Compare(n.ids.At(int(a)), n.ids.At(int(b))) })
	for r, i := range order {
		ranks[i] = int32(r)
	}
	return ranks, order
}

func appendID(b []byte, id vectors.ID) []byte {
	if id.IsInt() {
		return binary.AppendVarint(append(b, 0), id.Int)
	}
	return append(binary.AppendUvarint(b, uint64(len(id.Text))), id.Text...)
}

// errDamaged is the error of a run that was not written by WriteRun.
var errDamaged = errors.New("triples: damaged data of a run")

// mostText is the longest id, in bytes, that is read.
const mostText = 1 << 28

// reader reads what runs are made of. It allocates for what it has read, not for what a length claims.
type reader struct {
	*bufio.Reader
	text []byte
}

// rawID reads an id; a text is valid until the next call.
func (r *reader) rawID() (v int64, text []byte, err error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, nil, err
	}
	if n == 0 {
		v, err = binary.ReadVarint(r)
		return v, nil, unexpected(err)
	}
	if n > mostText {
		return 0, nil, errDamaged
	}
	r.text = r.text[:0]
	for n > 0 {
		b, err := r.Peek(int(min(n, uint64(r.Size()))))
		if err != nil {
			return 0, nil, unexpected(err)
		}
		r.text = append(r.text, b...)
		n -= uint64(len(b))
		if _, err := r.Discard(len(b)); err != nil {
			return 0, nil, err
		}
	}
	return 0, r.text, nil
}

func (r *reader) id() (vectors.ID, error) {
	v, text, err := r.rawID()
	return vectors.ID{Int: v, Text: string(text)}, err
}

func (r *reader) float() (float64, error) {
	var b [8]byte
	_, err := io.ReadFull(r, b[:])
	return math.Float64frombits(binary.LittleEndian.Uint64(b[:])), unexpected(err)
}

// unexpected is an error behind the beginning of a record.
func unexpected(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errDamaged
	}
	return err
}

// ReadColumns adds the ids of a run's columns to names.
func ReadColumns(from io.Reader, names *Names) error {
	r := &reader{Reader: bufio.NewReader(from)}
	for {
		id, err := r.id()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		names.Of(id)
	}
}

// Indexed is a row of a run, as its index has it.
type Indexed struct {
	ID    vectors.ID
	Count int64 // triples
	Bytes int64 // that they take
	// Index is where the record of the next row begins in the index.
	Index int64
}

// IndexReader reads an index of a run, or a piece of one.
type IndexReader struct {
	r  reader
	at int64 // bytes so far
}

// NewIndexReader reads from the beginning of a record on.
func NewIndexReader(from io.Reader) *IndexReader {
	return &IndexReader{r: reader{Reader: bufio.NewReaderSize(from, 32<<10)}}
}

// Next reads the next row, or returns io.EOF.
func (x *IndexReader) Next() (row Indexed, err error) {
	if row.ID, err = x.r.id(); err != nil {
		return row, err
	}
	n, err := binary.ReadUvarint(&x.r)
	if err != nil {
		return row, unexpected(err)
	}
	size, err := binary.ReadUvarint(&x.r)
	if err != nil {
		return row, unexpected(err)
	}
	if n == 0 || n > math.MaxInt32 || size < 2*n || size > math.MaxInt64/2 {
		return row, errDamaged
	}
	row.Count, row.Bytes = int64(n), int64(size)
	head := appendID(nil, row.ID)
	x.at += int64(len(binary.AppendUvarint(binary.AppendUvarint(head, n), size)))
	row.Index = x.at
	return row, nil
}

// Columns find the place of a column by its id.
type Columns struct{ names Names }

// NewColumns numbers ids in their order, each once.
func NewColumns(ids vectors.IDs) *Columns {
	c := &Columns{}
	for i := range ids.Len() {
		c.names.Of(ids.At(i))
	}
	return c
}

// Len is the number of columns.
func (c *Columns) Len() int { return c.names.Len() }

// place is that of an id, false where there is none.
func (c *Columns) place(v int64, text []byte) (uint32, bool) {
	return c.names.find(v, text)
}

// EntryReader reads the triples of the rows of a run.
type EntryReader struct {
	r     reader
	timed bool
}

// NewEntryReader reads from the beginning of a row's triples on; timed says that they have times.
func NewEntryReader(from io.Reader, timed bool) *EntryReader {
	return &EntryReader{r: reader{Reader: bufio.NewReaderSize(from, 32<<10)}, timed: timed}
}

// Append appends the next n triples to those of a row, but for those in columns that there are not, which it counts.
func (e *EntryReader) Append(row []Entry, n int64, columns *Columns) (_ []Entry, unknown int64, err error) {
	for range n {
		v, text, err := e.r.rawID()
		if err != nil {
			return row, unknown, unexpected(err)
		}
		var one Entry
		at, known := columns.place(v, text)
		one.Column = at
		if one.Value, err = e.r.float(); err == nil && e.timed {
			one.Time, err = e.r.float()
		}
		if err != nil {
			return row, unknown, err
		}
		if known {
			row = append(row, one)
		} else {
			unknown++
		}
	}
	return row, unknown, nil
}

// Merged reads the rows of several runs, in the order of [Compare], each once.
type Merged struct {
	runs  []*IndexReader
	heads []Indexed // of each run that has a row left
	left  []int     // those runs, a heap by their heads, then by their numbers
}

// Merge begins with the first rows of all runs.
func Merge(runs []*IndexReader) (*Merged, error) {
	m := &Merged{runs: runs, heads: make([]Indexed, len(runs))}
	for i := range runs {
		if err := m.push(i); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Merged) less(a, b int) bool {
	return cmp.Or(Compare(m.heads[m.left[a]].ID, m.heads[m.left[b]].ID), m.left[a]-m.left[b]) < 0
}

// push puts the next row of a run into the heap.
func (m *Merged) push(run int) error {
	head, err := m.runs[run].Next()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	if before := m.heads[run]; before.Count > 0 && Compare(before.ID, head.ID) >= 0 {
		return errDamaged
	}
	m.heads[run] = head
	m.left = append(m.left, run)
	for i := len(m.left) - 1; i > 0 && m.less(i, (i-1)/2); i = (i - 1) / 2 {
		m.left[i], m.left[(i-1)/2] = m.left[(i-1)/2], m.left[i]
	}
	return nil
}

// pop takes the first run out of the heap.
func (m *Merged) pop() int {
	run, n := m.left[0], len(m.left)-1
	m.left[0] = m.left[n]
	m.left = m.left[:n]
	for i := 0; ; {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < n && m.less(child, least) {
				least = child
			}
		}
		if least == i {
			return run
		}
		m.left[i], m.left[least] = m.left[least], m.left[i]
		i = least
	}
}

// Next gives the next row to each, once for each run that has it, in their order; false where none is left.
func (m *Merged) Next(each func(run int, row Indexed) error) (id vectors.ID, more bool, err error) {
	if len(m.left) == 0 {
		return id, false, nil
	}
	id = m.heads[m.left[0]].ID
	for len(m.left) > 0 && m.heads[m.left[0]].ID == id {
		run := m.pop()
		row := m.heads[run]
		if err := each(run, row); err != nil {
			return id, false, err
		}
		if err := m.push(run); err != nil {
			return id, false, err
		}
	}
	return id, true, nil
}

// WriteColumns writes ids as [ReadColumns] reads them.
func WriteColumns(to io.Writer, ids vectors.IDs) error {
	w := bufio.NewWriter(to)
	for i := range ids.Len() {
		w.Write(appendID(w.AvailableBuffer(), ids.At(i))) // whose error Flush returns
	}
	return w.Flush()
}
