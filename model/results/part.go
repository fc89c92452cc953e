package results

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// PartWriter writes a part of an output. It is not safe for concurrent use.
type PartWriter interface {
	// Write adds the neighbours of further queries. After an error the part is of no use. It panics where the layout is
	// that of a table.
	Write(c *Chunk) error
	// WriteTable adds further rows of a table. After an error the part is of no use. It panics where the layout is that of
	// neighbours.
	WriteTable(t *Table) error
	// WriteRows adds further rows of features. After an error the part is of no use. It panics where the layout is of
	// anything else.
	WriteRows(r *Rows) error
	// WriteCopy adds further rows as they stand in the input. After an error the part is of no use. It panics where the
	// layout is of anything else.
	WriteCopy(b []byte, rows int) error
	// Close writes what is still held back, and describes the part; it does not close the files. An error that Write has
	// returned is not returned again.
	Close() (Info, error)
}

// runSize is about how many neighbours, and queries, or values a goroutine encodes at a time.
const runSize = 1 << 14

// run is an encoded piece of a part.
type run struct {
	from, to int
	buf      [][]byte // one for each file
	texts    bool
	err      error
}

// partWriter is the PartWriter of all formats.
type partWriter struct {
	format *Format
	layout Layout
	out    []*bufio.Writer
	info   Info
	failed bool
	runs   []run // reused
}

// NewPart begins a part, written to as many writers as [Format.PartFiles] says. It panics where there are
// more or fewer, or where the layout does not pass [Format.Check].
//
// A part takes memory for about runSize encoded neighbours, or values, per thread.
func (f *Format) NewPart(w []io.Writer, l Layout) PartWriter {
	if len(w) != f.PartFiles(l) {
		panic(fmt.Sprintf("results.NewPart: %d writers for the %d files of %s", len(w), f.PartFiles(l), f.Name))
	}
	if err := f.Check(l); err != nil {
		panic(fmt.Sprintf("results.NewPart: %v", err))
	}
	p := &partWriter{format: f, layout: f.formed(l), info: Info{Bytes: make([]int64, len(w))}}
	for _, w := range w {
		p.out = append(p.out, bufio.NewWriterSize(w, 64<<10))
	}
	return p
}

func (p *partWriter) Write(c *Chunk) error {
	if p.layout.isTable() || p.layout.Features != nil {
		panic("results.PartWriter: neighbours for a table")
	}
	p.info.Neighbors += c.Neighbors.Offsets[c.To] - c.Neighbors.Offsets[c.From]
	return p.write(c.From, c.To, c.Threads, c.cut, func(r *run) {
		r.texts, r.err = p.format.encode(r.buf, c, r.from, r.to, p.layout)
	})
}

func (p *partWriter) WriteTable(t *Table) error {
	if !p.layout.isTable() {
		panic("results.PartWriter: rows of a table for neighbours")
	}
	rows := runSize / (1 + len(p.layout.Columns))
	cut := func(from int) int { return min(from+max(rows, 1), t.To) }
	return p.write(t.From, t.To, t.Threads, cut, func(r *run) {
		r.texts, r.err = p.format.encodeTable(r.buf, t, r.from, r.to, p.layout)
	})
}

func (p *partWriter) WriteRows(r *Rows) error {
	if p.layout.Features == nil {
		panic("results.PartWriter: rows of features for another layout")
	}
	return p.write(r.From, r.To, r.Threads, r.cut, func(piece *run) {
		piece.texts, piece.err = p.format.encodeRows(piece.buf, r, piece.from, piece.to, p.layout)
	})
}

// write encodes as many runs as there are threads side by side, and writes them in their order. A run that begins at
// a row ends where cut says.
func (p *partWriter) write(from, to, threads int, cut func(from int) int, encode func(*run)) error {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	for from < to {
		n := 0
		for ; n < threads && from < to; n++ {
			if n == len(p.runs) {
				p.runs = append(p.runs, run{buf: make([][]byte, len(p.out))})
			}
			r := &p.runs[n]
			for i := range r.buf {
				r.buf[i] = r.buf[i][:0]
			}
			r.from, r.to = from, cut(from)
			from = r.to
		}
		var wg sync.WaitGroup
		for i := range p.runs[1:n] {
			wg.Go(func() { encode(&p.runs[i+1]) })
		}
		encode(&p.runs[0])
		wg.Wait()
		for i := range p.runs[:n] {
			if err := p.flush(&p.runs[i]); err != nil {
				p.failed = true
				return err
			}
		}
	}
	return nil
}

// cut ends a run that begins at query from.
func (c *Chunk) cut(from int) int {
	to := from
	for size := int64(0); to < c.To && size < runSize; to++ {
		size += 1 + c.Neighbors.Offsets[to+1] - c.Neighbors.Offsets[to]
	}
	return to
}

func (p *partWriter) flush(r *run) error {
	if r.err != nil {
		return r.err
	}
	for i, b := range r.buf {
		if _, err := p.out[i].Write(b); err != nil {
			return err
		}
		p.info.Bytes[i] += int64(len(b))
	}
	p.info.Rows += int64(r.to - r.from)
	p.info.TextIDs = p.info.TextIDs || r.texts
	return nil
}

func (p *partWriter) Close() (Info, error) {
	if p.failed {
		return p.info, nil
	}
	for _, w := range p.out {
		if err := w.Flush(); err != nil {
			return p.info, err
		}
	}
	return p.info, nil
}
