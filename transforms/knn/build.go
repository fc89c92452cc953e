package knn

import (
	"context"
	"io"
	"reflect"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	beam.RegisterDoFn(&buildFn{})
	register.Iter1[vectorio.Chunk]()
	register.Iter1[IndexPiece]()
	register.Emitter1[IndexPiece]()
	register.Emitter1[Range]()
	beam.RegisterCoder(reflect.TypeOf((*IndexPiece)(nil)).Elem(), encodeIndexPiece, decodeIndexPiece)
	beam.RegisterCoder(reflect.TypeOf((*Range)(nil)).Elem(), encodeRange, decodeRange)
	beam.RegisterCoder(reflect.TypeOf((*Query)(nil)).Elem(), encodeQuery, decodeQuery)
}

// Build reads the corpus, whose rows have dim columns, and builds the index, in one place:
// PCollection<vectorio.Chunk> → PCollection<IndexPiece>, the index in a few large pieces; PCollection<Range>, all of
// its points, SearchRows at a time, to be shuffled to those that search them; and PCollection<output.Part>, a report
// and the rows that were left out. It needs the memory of the index twice, and of a few chunks. It fails where the
// index is above the limit, or has not as many points as K asks for: with self, a point is no neighbour of itself.
func Build(
	s beam.Scope, corpus beam.PCollection, dim int, reading vectorio.Options, o Options, self bool,
) (pieces, ranges, built beam.PCollection) {
	s = s.Scope("knn.Build")
	return build(s, corpus, &buildFn{Reading: reading, Options: o, Dim: dim, Self: self})
}

func build(s beam.Scope, corpus beam.PCollection, fn *buildFn) (pieces, ranges, built beam.PCollection) {
	return beam.ParDo3(s, fn, beam.GroupByKey(s, beam.AddFixedKey(s, corpus)))
}

// pieceBytes is the size of all pieces but the last.
const pieceBytes = 32 << 20

type buildFn struct {
	Reading vectorio.Options
	Options Options
	Dim     int
	Self    bool
	// File says that the index goes into a file.
	File bool
	// Kept are the files of the points, where the index is built to be kept.
	Kept []files.Info
	// Columns are the names of the points' columns, for an index that is built to be kept.
	Columns []string
}

func (f *buildFn) ProcessElement(ctx context.Context, _ int, iter func(*vectorio.Chunk) bool, emit func(IndexPiece),
	ranges func(Range), parts func(output.Part)) error {
	progress.Of(f.Options.RunID).Phase("reading points")
	start := time.Now()
	chunks := vectorio.Gather(iter)
	points, rejected, err := f.read(ctx, chunks)
	if err != nil {
		return fault.Mark(err)
	}
	vectorio.Count(ctx, int64(points.Len()), int64(len(rejected)))
	note := f.note(chunks[0].Total, rejected)
	note.ZeroBased = chunks[0].ZeroBased == formats.ZeroBasedYes
	return f.build(ctx, points, &building{start: start, note: note, rejected: rejected}, emit, ranges, parts)
}

// building is what is known of points of which an index is built.
type building struct {
	start    time.Time // of reading
	note     Note
	rejected []*fault.Fault
	report   Report // to which the rest is added
}

// note is that of points that were read, of so many rows.
func (f *buildFn) note(total int64, rejected []*fault.Fault) Note {
	n := Note{Files: f.Kept, Formats: f.Reading.Formats, SkipFaults: f.Reading.SkipFaults, Columns: f.Columns,
		Total:    total,
		Rejected: int64(len(rejected))}
	if o := &f.Options.Neighbors; f.Kept != nil {
		n.Encoding, n.FittedParams = f.Reading.Encoding, o.Metric.Fitted() && o.Params == nil
	}
	return n
}

// build builds the index of the points, and hands it over.
func (f *buildFn) build(ctx context.Context, points *vectors.Block, b *building, emit func(IndexPiece),
	ranges func(Range), parts func(output.Part)) error {
	read := time.Now()
	progress.Of(f.Options.RunID).Phase("building the index")
	if f.Options.Radius == nil && f.Kept == nil {
		if err := f.Options.checkK(int64(points.Len()), f.Self); err != nil {
			return fault.Mark(err)
		}
	}
	index, err := neighbors.Fit(points, f.Options.Neighbors)
	if err != nil {
		return fault.Mark(err)
	}
	b.note.DuplicateIDs = int64(index.DuplicateIDs())
	if f.Kept != nil && f.Options.Recall != 0 {
		lists, err := ivf.Lists(points, f.Options.ivf())
		if err != nil {
			return fault.Mark(err)
		}
		index, b.note.Recall = index.WithPartition(lists), f.Options.Recall
	}
	size, file, err := f.handOver(ctx, index, b.note, emit)
	if err != nil {
		return fault.Mark(err)
	}
	indexBuilds.Inc(ctx, 1)
	if f.Self {
		for _, r := range rangesOf(index.Len(), b.note.Total, f.Options.SearchRows, file) {
			ranges(r)
		}
	} else {
		ranges(Range{Ordinal: built, Index: file})
	}

	r := b.report
	r.Points, r.Dim, r.DuplicateIDs, r.IndexBytes = int64(index.Len()), index.Dim(), b.note.DuplicateIDs, size
	r.ReadPoints, r.BuildIndex = read.Sub(b.start).Seconds(), time.Since(read).Seconds()
	r.Algorithm, r.Broadcast = string(index.Algorithm()), f.broadcast()
	return f.Options.report(ctx, order, r, b.rejected, parts)
}

// report emits a report and the rows that were left out.
func (o *Options) report(
	ctx context.Context, order int64, r Report, rejected []*fault.Fault, emit func(output.Part),
) error {
	r.Rejected = int64(len(rejected))
	p, err := output.Report(order, r)
	if err != nil {
		return err
	}
	emit(p)
	if len(rejected) > 0 {
		p, err := output.WriteRejected(ctx, o.output(), order, rejected)
		if err != nil {
			return fault.Mark(err)
		}
		emit(p)
	}
	return nil
}

// broadcast is how the index reaches the workers.
func (f *buildFn) broadcast() string {
	switch {
	case f.File:
		return File
	case f.Options.Workers == placement.InProcess:
		return ""
	}
	return SideInput
}

// handOver writes the index into a file, keeps it in this process, or gives it away in pieces. It returns the bytes
// that the index has there.
func (f *buildFn) handOver(
	ctx context.Context, index *neighbors.Index, note Note, emit func(IndexPiece),
) (int64, IndexFile, error) {
	switch f.broadcast() {
	case File:
		file, err := f.Options.writeIndex(ctx, indexName, index, note)
		return file.Size, file, err
	case "":
		_, _, err := indexes.Get(f.Options.RunID, func() (*neighbors.Index, error) { return index, nil })
		return 0, IndexFile{}, err
	}
	w := &pieceWriter{emit: emit}
	stamp, err := index.WriteCompact(w, nil)
	if err != nil {
		return 0, IndexFile{}, err
	}
	if stamp.Size > mostSideInput {
		return 0, IndexFile{}, tooLarge("", int64(index.Len()), f.Dim, stamp.Size, mostSideInput)
	}
	w.flush(true)
	return stamp.Size, IndexFile{}, nil
}

// indexName is the file of the index in the staging directory.
const indexName = "index"

// order puts reports on the index before those on the queries.
const order = -1

// rangesOf are all points of an index, so many at a time.
func rangesOf(points int, total int64, rows int, file IndexFile) []Range {
	var all []Range
	for first := 0; first < points; first += rows {
		all = append(all, Range{Ordinal: int64(len(all)), First: first, Rows: min(rows, points-first), Total: total,
			Index: file})
	}
	return all
}

// built is the ordinal of a range without points, which only says that the index is there.
const built = -1

// read reads the chunks, several at a time, and puts them together in their order.
func (f *buildFn) read(ctx context.Context, chunks []vectorio.Chunk) (*vectors.Block, []*fault.Fault, error) {
	points := f.Reading.NewBlock(f.Dim)
	if len(chunks) == 0 {
		return points, nil, nil
	}
	if err := f.Options.sameRows(chunks[0].Total); err != nil {
		return nil, nil, err
	}
	if size := f.Reading.MinBytes(chunks[0].Total, f.Dim); size > f.Options.IndexLimit && !f.Reading.SkipFaults {
		return nil, nil, tooLarge("", chunks[0].Total, f.Dim, size, f.Options.IndexLimit)
	}
	type part struct {
		points   *vectors.Block
		rejected []*fault.Fault
		err      error
	}
	threads := neighbors.Search{Threads: f.Options.Threads}.NumThreads()
	g, ctx := errgroup.WithContext(ctx)
	parts := make([]chan part, len(chunks))
	for i := range parts {
		parts[i] = make(chan part, 1)
	}
	// A slot is a chunk that is being read, or that waits for its turn: this many are in memory beside the points.
	slots := make(chan struct{}, 2*threads)
	g.Go(func() error {
		for i, c := range chunks {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				p := part{points: f.Reading.NewBlock(f.Dim)}
				p.err = readChunk(ctx, c, f.Reading, p.points, func(r *fault.Fault) { p.rejected = append(p.rejected, r) })
				if p.err == nil {
					p.points, p.err = f.Options.labelled(ctx, p.points)
				}
				parts[i] <- p
				return nil
			})
		}
		return nil
	})
	var rejected []*fault.Fault
	g.Go(func() error {
		for i, c := range chunks {
			var p part
			select {
			case p = <-parts[i]:
			case <-ctx.Done():
				return ctx.Err()
			}
			<-slots
			if p.err != nil {
				return p.err
			}
			if i == 0 {
				points.DType = p.points.DType
				if p.points.Wide() {
					points.Widen()
				}
				points.Grow(int(c.Total))
			}
			points.AppendBlock(p.points)
			rejected = append(rejected, p.rejected...)
			if size := blockBytes(points); size > f.Options.IndexLimit {
				return tooLarge("the first ", int64(points.Len()), f.Dim, size, f.Options.IndexLimit)
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	return points, rejected, nil
}

// blockBytes is what the values of rows take.
func blockBytes(b *vectors.Block) int64 {
	if s := b.Sparse; s != nil {
		return int64(12*len(s.Values) + 8*len(s.Offsets))
	}
	return int64(4*len(b.F32) + 8*len(b.F64))
}

// readChunk appends all rows of a chunk to b.
func readChunk(
	ctx context.Context, c vectorio.Chunk, o vectorio.Options, b *vectors.Block, rejected func(*fault.Fault),
) error {
	r, err := vectorio.Open(ctx, c, o, rejected)
	if err != nil {
		return err
	}
	b.Grow(int(min(c.Span.Rows, maxGrow)))
	for err == nil {
		err = r.Read(b)
	}
	if err != io.EOF {
		r.Close()
		return err
	}
	return r.Close()
}

// maxGrow bounds the rows that room is made for at once.
const maxGrow = 1 << 20

// pieceWriter cuts what is written to it into pieces.
type pieceWriter struct {
	emit   func(IndexPiece)
	number int
	data   []byte
}

func (w *pieceWriter) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if len(w.data) == pieceBytes {
			w.flush(false)
		}
		if w.data == nil {
			w.data = make([]byte, 0, pieceBytes)
		}
		m := min(len(b), pieceBytes-len(w.data))
		w.data = append(w.data, b[:m]...)
		b = b[m:]
	}
	return n, nil
}

func (w *pieceWriter) flush(last bool) {
	w.emit(IndexPiece{Number: w.number, Last: last, Data: w.data})
	w.number++
	w.data = nil
}
