package linear

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"beamlearn/model/vectors"
)

// Rows of text and tables that are kept take more than memory should: what the cache may hold of them is bounded, and
// of that a small part is in memory, the same for any number of rows, and the rest in a file (see [spill]).
const (
	// spillShare: one part in so many of the bytes of a cache is for rows in memory.
	spillShare = 16
	// spillTimes: the file has so many times the bytes of the cache at most.
	spillTimes = 8
	// freeShare: and no more than one part in so many of those that are free when it is made.
	freeShare = 4
)

// spill is a temporary file of rows that have no room in memory. It has no name, so that nothing is left of it however
// the process ends. Where there can be no such file rows stay in memory, and where it is full they are read anew. It
// is safe for concurrent use.
type spill struct {
	note func(text string) // tells the user

	mu    sync.Mutex
	made  bool // or tried
	file  *os.File
	most  int64 // bytes that it may have
	end   int64 // bytes that it has
	ended bool  // nothing more is written
}

// newSpill makes no file yet.
func newSpill(most int64, note func(text string)) *spill { return &spill{most: most, note: note} }

// open makes the file, the first time, and reports whether there is one.
func (s *spill) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made {
		return s.file != nil
	}
	s.made = true
	file, free, err := unnamedFile()
	if err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			s.note(fmt.Sprintf("no temporary file for rows: %v: they stay in memory", err))
		}
		return false
	}
	s.file, s.most = file, min(s.most, free/freeShare)
	return true
}

// none reports whether it is known that there is no file.
func (s *spill) none() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made && s.file == nil
}

// write appends bytes, and tells where they are. Once some have had no room, none have.
func (s *spill) write(b []byte) (at int64, ok bool) {
	s.mu.Lock()
	at, ended := s.end, s.ended
	if full := !ended && int64(len(b)) > s.most-s.end; full {
		s.ended, ended = true, true
		s.note(fmt.Sprintf("the temporary file for rows is full, at %d bytes: further ones are read anew in each pass",
			s.end))
	} else if !ended {
		s.end += int64(len(b))
	}
	s.mu.Unlock()
	if ended {
		return 0, false
	}
	if _, err := s.file.WriteAt(b, at); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.ended {
			s.note(fmt.Sprintf("the temporary file for rows takes no more: %v: further ones are read anew in each pass", err))
		}
		s.ended = true
		return 0, false
	}
	return at, true
}

// read reads so many bytes from a place on, in the memory of b where that is enough.
func (s *spill) read(b []byte, at, size int64) ([]byte, error) {
	b = slices.Grow(b[:0], int(size))[:size]
	if _, err := s.file.ReadAt(b, at); err != nil {
		return b, fmt.Errorf("the temporary file for rows: %w", err)
	}
	return b, nil
}

// close gives the file back; of nil there is none.
func (s *spill) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made, s.ended = true, true
	if s.file != nil {
		s.file.Close() // what it has is of no use any more
		s.file = nil
	}
}

// storedChunk is a chunk whose pieces are in a spill.
type storedChunk struct {
	in       *spill
	empty    func() *vectors.Block
	at, size int64       // of its dictionary; of no size where it has none
	values   *dictionary // until it is there
}

// stored is a piece that is in a spill.
type stored struct {
	chunk    *storedChunk
	at, size int64
}

// store makes p a piece of the chunk, unless there is no room.
func (c *storedChunk) store(p *piece) bool {
	b := p.appendBinary(nil)
	at, ok := c.in.write(b)
	*p = piece{stored: &stored{c, at, int64(len(b))}}
	return ok
}

// end stores the dictionary, unless there is no room.
func (c *storedChunk) end() (ok bool) {
	if c.values == nil {
		return true
	}
	b := appendList(nil, c.values.values)
	c.size, c.values = int64(len(b)), nil
	c.at, ok = c.in.write(b)
	return ok
}

// loader has the last piece that was read from a spill, in memory that the next one takes.
type loader struct {
	of     *stored
	chunk  *storedChunk // whose dictionary it has
	values *dictionary
	bytes  []byte
	piece  piece
}

// load is p, or, where p is in a spill, what it is there: valid until another is loaded.
func (l *loader) load(p *piece) (*piece, error) {
	s := p.stored
	if s == nil {
		return p, nil
	}
	if l.of == s {
		return &l.piece, nil
	}
	var err error
	if l.chunk != s.chunk {
		l.of, l.chunk, l.values = nil, s.chunk, s.chunk.values
		l.piece = piece{rows: s.chunk.empty()}
		if s.chunk.size > 0 {
			if l.bytes, err = s.chunk.in.read(l.bytes, s.chunk.at, s.chunk.size); err != nil {
				return nil, err
			}
			l.values = &dictionary{}
			d := lists{left: l.bytes}
			takeList(&d, &l.values.values)
			if err := d.end(); err != nil {
				return nil, err
			}
		}
	}
	l.of = nil
	if l.bytes, err = s.chunk.in.read(l.bytes, s.at, s.size); err != nil {
		return nil, err
	}
	if err := l.piece.takeBinary(l.bytes, l.values); err != nil {
		return nil, err
	}
	l.of = s
	return &l.piece, nil
}

// appendBinary appends a piece, without its dictionary.
func (p *piece) appendBinary(b []byte) []byte {
	r := p.rows
	b = append(b, 0)
	if r.Wide() {
		b[len(b)-1] = 1
	}
	b = appendList(appendList(b, r.F32), r.F64)
	b = appendList(appendList(appendList(b, r.Numbers), r.Target), r.Weights)
	b = appendTexts(appendTexts(appendList(b, r.IDs.Ints), r.IDs.Texts), r.Labels)
	b = binary.AppendUvarint(b, uint64(len(r.Targets)))
	for _, t := range r.Targets {
		b = appendTexts(appendList(b, t.Numbers), t.Labels)
	}
	if p.packed != nil {
		b = appendList(appendList(appendList(b, p.packed.small), p.packed.codes), p.packed.raw)
	}
	return b
}

// takeBinary makes p the piece that appendBinary has written, in the same memory where that is enough. The piece
// refers to the bytes.
func (p *piece) takeBinary(b []byte, values *dictionary) error {
	r, d := p.rows, lists{left: b}
	r.Reset()
	if d.byte() == 1 {
		r.Widen()
	}
	takeList(&d, &r.F32)
	takeList(&d, &r.F64)
	takeList(&d, &r.Numbers)
	takeList(&d, &r.Target)
	takeList(&d, &r.Weights)
	takeList(&d, &r.IDs.Ints)
	d.texts(&r.IDs.Texts)
	d.texts(&r.Labels)
	r.SetTargets(d.count(1))
	for k := range r.Targets {
		takeList(&d, &r.Targets[k].Numbers)
		d.texts(&r.Targets[k].Labels)
	}
	if values != nil {
		if p.packed == nil {
			p.packed = &packed{}
		}
		p.packed.values = values
		p.packed.small = d.bytes()
		takeList(&d, &p.packed.codes)
		takeList(&d, &p.packed.raw)
	}
	return d.end()
}

// number is what lists are of.
type number interface {
	~uint8 | ~uint16 | ~int64 | ~float32 | ~float64
}

// appendList appends how many numbers there are, and these.
func appendList[T number](b []byte, v []T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	b, err := binary.Append(b, binary.LittleEndian, v)
	if err != nil {
		panic(err) // numbers have a size
	}
	return b
}

// appendTexts appends texts, most of which come again and again: each that is another once, and then which they are.
func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	places := map[string]uint64{}
	for _, t := range texts {
		place, ok := places[t]
		if !ok {
			place = uint64(len(places))
			places[t] = place
		}
		if b = binary.AppendUvarint(b, place); !ok {
			b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
		}
	}
	return b
}

// lists are read from bytes; after a fault they are empty.
type lists struct {
	left []byte
	bad  bool
}

// end is the error of bytes that are not what was written.
func (d *lists) end() error {
	if d.bad || len(d.left) > 0 {
		return errors.New("the temporary file for rows has other bytes than were written")
	}
	return nil
}

func (d *lists) fail() {
	d.left, d.bad = nil, true
}

func (d *lists) uvarint() uint64 {
	v, n := binary.Uvarint(d.left)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.left = d.left[n:]
	return v
}

// count is how many things follow, of so many bytes each at least.
func (d *lists) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.left)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *lists) byte() byte {
	if len(d.left) == 0 {
		d.fail()
		return 0
	}
	v := d.left[0]
	d.left = d.left[1:]
	return v
}

// bytes are the next, as they stand.
func (d *lists) bytes() []byte {
	n := d.count(1)
	v := d.left[:n:n]
	d.left = d.left[n:]
	return v
}

// takeList reads what appendList has written.
func takeList[T number](d *lists, v *[]T) {
	var one T
	n := d.count(binary.Size(one))
	*v = slices.Grow((*v)[:0], n)[:n]
	used, err := binary.Decode(d.left, binary.LittleEndian, *v)
	if err != nil {
		d.fail()
		return
	}
	d.left = d.left[used:]
}

// texts reads what appendTexts has written; of none it leaves what is empty.
func (d *lists) texts(v *[]string) {
	n := d.count(1)
	if n == 0 {
		*v = (*v)[:0]
		return
	}
	var known []string
	all := slices.Grow((*v)[:0], n)
	for range n {
		place := d.uvarint()
		if place == uint64(len(known)) {
			known = append(known, string(d.bytes()))
		}
		if place >= uint64(len(known)) {
			d.fail()
			return
		}
		all = append(all, known[place])
	}
	*v = all
}
