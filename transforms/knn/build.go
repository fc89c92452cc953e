package knn

import (
	"context"
	"errors"
	"io"
	"slices"
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
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&buildFn{})
	register.Iter1[vectorio.Chunk]()
	register.Iter1[IndexPiece]()
	register.Emitter1[IndexPiece]()
	register.Emitter1[Range]()
	registry.Element(encodeIndexPiece, decodeIndexPiece)
	registry.Element(encodeRange, decodeRange)
	registry.Element(encodeQuery, decodeQuery)
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
	read, err := f.read(ctx, chunks)
	if err != nil {
		return fault.Mark(err)
	}
	vectorio.Count(ctx, read.rows, int64(len(read.rejected)))
	note := f.note(chunks[0].Total, read.rejected)
	note.ZeroBased = chunks[0].ZeroBased == formats.ZeroBasedYes
	b := &building{start: start, rows: read.rows, note: note, rejected: read.rejected}
	return f.build(ctx, read.points, b, emit, ranges, parts)
}

// errNoPoints is of rows none of which may be a neighbour and can be read.
var errNoPoints = errors.New("no points to index")

// building is what is known of points of which an index is built.
type building struct {
	start    time.Time // of reading
	rows     int64     // that may be points: all, or more than are in the index
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
		if err := f.Options.checkK(b.rows, f.Self); err != nil {
			return fault.Mark(err)
		}
	}
	if points.Len() == 0 && f.Options.readsKept(f.Self) {
		return fault.Mark(errNoPoints)
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
	if r.Points = b.rows; f.Options.readsKept(f.Self) {
		r.Points = int64(index.Len())
	}
	r.Dim, r.DuplicateIDs, r.IndexBytes = index.Dim(), b.note.DuplicateIDs, size
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

// pointsRead are points that were read.
type pointsRead struct {
	points   *vectors.Block
	rejected []*fault.Fault
	rows     int64 // that may be points, of which points are all or those that some query may have
}

// readAhead is about how many bytes of points are read in one go, by one goroutine.
const readAhead = 32 << 20

// runs are the chunks, some to be read by one goroutine one after the other: a row group of a .parquet is only read
// from its beginning, and who reads the rows before a chunk is there already. They leave work for all threads.
func (f *buildFn) runs(chunks []vectorio.Chunk, threads int) [][]vectorio.Chunk {
	bytes := max(f.Reading.MinBytes(chunks[0].Span.Rows, f.Dim), 1)
	size := max(min(int(readAhead/bytes), len(chunks)/(2*threads)), 1)
	return slices.Collect(slices.Chunk(chunks, size))
}

// read reads the chunks, several at a time, and puts them together in their order.
func (f *buildFn) read(ctx context.Context, chunks []vectorio.Chunk) (*pointsRead, error) {
	all := &pointsRead{points: f.Reading.NewBlock(f.Dim)}
	if len(chunks) == 0 {
		return all, nil
	}
	if err := f.Options.sameRows(chunks[0].Total); err != nil {
		return nil, err
	}
	if size := f.Reading.MinBytes(chunks[0].Total, f.Dim); size > f.Options.IndexLimit && !f.Reading.SkipFaults {
		return nil, tooLarge("", chunks[0].Total, f.Dim, size, f.Options.IndexLimit)
	}
	threads := neighbors.Search{Threads: f.Options.Threads}.NumThreads()
	g, ctx := errgroup.WithContext(ctx)
	kept, err := f.Options.kept(ctx, f.Self)
	if err != nil {
		return nil, err
	}
	if chunks, err = f.Options.wholeGroups(ctx, chunks, &f.Reading, f.Self); err != nil {
		return nil, err
	}
	runs := f.runs(chunks, threads)
	if !f.Options.readsKept(f.Self) {
		if f.beginsWide(ctx, chunks[0]) {
			all.points.Widen()
		}
		all.points.Grow(int(chunks[0].Total))
	}
	type part struct {
		*pointsRead
		err error
	}
	parts := make([]chan part, len(runs))
	for i := range parts {
		parts[i] = make(chan part, 1)
	}
	// A slot is chunks that are being read, or that wait for their turn: this many are in memory beside the points.
	slots := make(chan struct{}, 2*threads)
	place := *all.points // as it is before rows are added
	g.Go(func() error {
		for i, run := range runs {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				read, err := f.readRun(ctx, run, kept, &place)
				parts[i] <- part{read, err}
				return nil
			})
		}
		return nil
	})
	g.Go(func() error {
		for i := range runs {
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
			if err := f.add(all, p.pointsRead); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return all, nil
}

// beginsWide reports whether the first rows of a chunk are stored as float64, so that room can be made for all. It is a
// guess: who reads these rows for good finds their faults, and makes other room where it was wrong.
func (f *buildFn) beginsWide(ctx context.Context, c vectorio.Chunk) bool {
	const rows = 16
	c.Span.Rows = min(c.Span.Rows, rows)
	b := f.Reading.NewBlock(f.Dim)
	err := readChunk(ctx, c, f.Reading, b, func(*fault.Fault) {})
	return err == nil && b.Wide()
}

// add adds points that come next.
func (f *buildFn) add(all, next *pointsRead) error {
	points := all.points
	if points.Len() == 0 {
		points.DType = next.points.DType
	}
	points.AppendBlock(next.points)
	all.rejected, all.rows = append(all.rejected, next.rejected...), all.rows+next.rows
	if size := blockBytes(points); size > f.Options.IndexLimit {
		return tooLarge("the first ", int64(points.Len()), f.Dim, size, f.Options.IndexLimit)
	}
	return nil
}

// readRun reads chunks one after the other: all rows, or those that kept has. Values go where place lends room for
// them.
func (f *buildFn) readRun(ctx context.Context, chunks []vectorio.Chunk, kept func(int64) bool, place *vectors.Block,
) (*pointsRead, error) {
	all := &pointsRead{}
	last := chunks[len(chunks)-1]
	for _, c := range chunks {
		b, rows := f.Reading.NewBlock(f.Dim), c.Span.Rows
		if place.Wide() {
			b.Widen()
		}
		if all.points == nil {
			rows = last.First + last.Span.Rows - c.First // to which the others' are added
		}
		place.Lend(b, int(c.First), int(rows))
		err := readSome(ctx, c, f.Reading, b, kept, func(r *fault.Fault) { all.rejected = append(all.rejected, r) })
		if err == nil {
			b, err = f.Options.labelled(ctx, b)
		}
		if err != nil {
			return nil, err
		}
		if kept != nil {
			all.rows += c.Span.Rows
		} else {
			all.rows += int64(b.Len())
		}
		if all.points == nil {
			all.points = b
		} else {
			all.points.AppendBlock(b)
		}
	}
	return all, nil
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
	return readSome(ctx, c, o, b, nil, rejected)
}

// readSome appends the rows of a chunk that kept has to b, or with nil all. Where it has none, nothing is opened.
func readSome(ctx context.Context, c vectorio.Chunk, o vectorio.Options, b *vectors.Block, kept func(int64) bool,
	rejected func(*fault.Fault)) error {
	r, rows, err := openSome(ctx, c, o, kept, rejected)
	if r == nil {
		return err
	}
	b.Grow(int(min(rows, maxGrow)))
	for err == nil {
		err = r.Read(b)
	}
	if err != io.EOF {
		r.Close()
		return err
	}
	return r.Close()
}

// openSome opens a chunk at the rows that kept has, or with nil at all, which are so many. Where there are none, the
// reader is nil, and nothing is opened.
func openSome(ctx context.Context, c vectorio.Chunk, o vectorio.Options, kept func(int64) bool,
	rejected func(*fault.Fault)) (r *vectorio.Reader, rows int64, err error) {
	if rows = c.Span.Rows; kept != nil {
		rows = 0
		for n := c.First; n < c.First+c.Span.Rows; n++ {
			if kept(n) {
				rows++
			}
		}
	}
	if rows == 0 {
		return nil, 0, nil
	}
	if r, err = vectorio.Open(ctx, c, o, rejected); err == nil && kept != nil {
		r.Only(kept)
	}
	return r, rows, err
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
