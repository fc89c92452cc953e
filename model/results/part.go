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
	// Write adds the answers to further queries. After an error the part is of no use.
	Write(c *Chunk) error
	// Close writes what is still held back, and describes the part; it does not close the files. An error that Write has
	// returned is not returned again.
	Close() (Info, error)
}

// runSize is about how many neighbours, and queries, a goroutine encodes at a time.
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

// NewPart begins a part, written to as many writers as an output has files (see [Format.Files]). It panics where there are
// more or fewer, or where the layout does not pass [Format.Check].
//
// A part takes memory for about runSize encoded neighbours per thread.
func (f *Format) NewPart(w []io.Writer, l Layout) PartWriter {
	if len(w) != f.numFiles() {
		panic(fmt.Sprintf("results.NewPart: %d writers for the %d files of %s", len(w), f.numFiles(), f.Name))
	}
	if err := f.Check(l); err != nil {
		panic(fmt.Sprintf("results.NewPart: %v", err))
	}
	p := &partWriter{format: f, layout: l, info: Info{Bytes: make([]int64, len(w))}}
	for _, w := range w {
		p.out = append(p.out, bufio.NewWriterSize(w, 64<<10))
	}
	return p
}

func (p *partWriter) Write(c *Chunk) error {
	err := p.write(c)
	p.failed = p.failed || err != nil
	return err
}

// write encodes as many runs as there are threads side by side, and writes them in their order.
func (p *partWriter) write(c *Chunk) error {
	threads := c.Threads
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	for from := c.From; from < c.To; {
		n := 0
		for ; n < threads && from < c.To; n++ {
			if n == len(p.runs) {
				p.runs = append(p.runs, run{buf: make([][]byte, len(p.out))})
			}
			r := &p.runs[n]
			r.from, r.to = from, c.cut(from)
			from = r.to
		}
		p.encode(c, p.runs[:n])
		for i := range p.runs[:n] {
			if err := p.flush(&p.runs[i]); err != nil {
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

func (p *partWriter) encode(c *Chunk, runs []run) {
	var wg sync.WaitGroup
	for i := range runs[1:] {
		wg.Go(func() { p.encodeRun(c, &runs[i+1]) })
	}
	p.encodeRun(c, &runs[0])
	wg.Wait()
}

func (p *partWriter) encodeRun(c *Chunk, r *run) {
	for i := range r.buf {
		r.buf[i] = r.buf[i][:0]
	}
	r.texts, r.err = p.format.encode(r.buf, c, r.from, r.to, p.layout)
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
	p.info.Queries += int64(r.to - r.from)
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
