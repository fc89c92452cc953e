package vectorio

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sort"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/transforms/files"
	"beamlearn/transforms/placement"
)

// FilePiece is a part of a file on its way to be counted.
type FilePiece struct {
	File    int // place of the file in the dataset
	Piece   int // place of the piece in the file
	Info    files.Info
	Counted bool // the rows are known: from the header (Rows), or by Count
	Rows    int64
	Range   formats.Range
	Count   formats.Count
	Naming  *formats.Naming `json:",omitempty"` // see Chunk
}

// Chunk describes consecutive rows of one file.
type Chunk struct {
	Ordinal int64      // place of the chunk in the dataset
	Info    files.Info // the file
	Span    formats.Span
	First   int64 // number of the first row in the dataset
	Total   int64 // rows of the dataset
	// Targets are where the targets of the rows stand, in their order, where that is in files of their own.
	Targets []TargetSpan `json:",omitempty"`
	// Features and ZeroBased are what Inspect has found out about .svm files, for all of them.
	Features  int               `json:",omitempty"`
	ZeroBased formats.ZeroBased `json:",omitempty"`
	// Naming are the names by which the columns of the file are read, where the options do not say it.
	Naming *formats.Naming `json:",omitempty"`
}

// Chunks gives the chunks of a dataset, shuffled over the workers w: PCollection<Chunk>. With [Options.Parts], all of a
// file have as many rows, but for its last. Else each has at most ChunkRows rows where the number of rows stands in the
// file's header, but for formats that are not read well from the middle ([formats.Cutter]); and otherwise the rows that
// begin in a run of bytes, counted by the workers side by side. A [Reader] gives them ChunkRows at a time.
func Chunks(s beam.Scope, d *Dataset, w placement.Workers) beam.PCollection {
	s = s.Scope("vectorio.Chunks")
	return beam.Reshuffle(s, beam.ParDo(s, &eachFn{}, Listed(s, d, w)))
}

// List is all chunks of a dataset, by Ordinal.
type List struct{ Chunks []Chunk }

// Listed gives the chunks of a dataset (see [Chunks]) to one worker: PCollection<List> of one.
func Listed(s beam.Scope, d *Dataset, w placement.Workers) beam.PCollection {
	s = s.Scope("vectorio.Listed")
	pieces := make([]FilePiece, len(d.Files))
	for i, info := range d.Files {
		pieces[i] = FilePiece{File: i, Info: info, Naming: d.naming[i]}
	}
	col := beam.CreateList(s, pieces)
	col = beam.ParDo(s, &splitFn{Options: d.options.lean(), RangeBytes: rangeBytes(d.Bytes)}, col)
	if d.count && w != placement.InProcess { // in process, numberFn counts on all cores
		col = beam.ParDo(s, &countFn{Options: d.options.lean()}, beam.Reshuffle(s, col))
	}
	return beam.ParDo(s, &numberFn{Options: d.options.lean(), Targets: d.targets},
		beam.GroupByKey(s, beam.AddFixedKey(s, col)))
}

// List is [Listed] without Beam, on all cores: the same chunks.
func (d *Dataset) List(ctx context.Context) (List, error) {
	split := &splitFn{Options: d.options.lean(), RangeBytes: rangeBytes(d.Bytes)}
	var pieces []FilePiece
	for i, info := range d.Files {
		err := split.ProcessElement(ctx, FilePiece{File: i, Info: info, Naming: d.naming[i]},
			func(p FilePiece) { pieces = append(pieces, p) })
		if err != nil {
			return List{}, err
		}
	}
	return (&numberFn{Options: d.options.lean(), Targets: d.targets}).number(ctx, pieces)
}

// eachFn takes the chunks of a list apart.
type eachFn struct{}

func (*eachFn) ProcessElement(l List, emit func(Chunk)) {
	for _, c := range l.Chunks {
		emit(c)
	}
}

// rangeBytes cuts text so that there are ranges for many workers, none so small that opening it costs more than
// reading.
func rangeBytes(total int64) int64 { return min(max(total/64, 1<<20), 16<<20) }

// splitFn cuts a file into pieces that can be counted side by side.
type splitFn struct {
	Options    Options
	RangeBytes int64
}

func (f *splitFn) ProcessElement(ctx context.Context, p FilePiece, emit func(FilePiece)) error {
	src, err := f.Options.inspect(ctx, p.Info, p.Naming.Options(f.Options.Formats))
	if err != nil {
		return fault.Mark(err)
	}
	if n := src.Rows(); n >= 0 {
		p.Rows, p.Counted = n, true
		emit(p)
		return nil
	}
	for i, r := range src.(formats.Counter).Ranges(f.RangeBytes) {
		p.Piece, p.Range = i, r
		emit(p)
	}
	return nil
}

// countFn counts the rows of a piece.
type countFn struct{ Options Options }

func (f *countFn) ProcessElement(ctx context.Context, p FilePiece) (FilePiece, error) {
	err := f.Options.count(ctx, &p)
	return p, fault.Mark(err)
}

func (o *Options) count(ctx context.Context, p *FilePiece) error {
	if p.Counted {
		return nil
	}
	src, err := o.inspect(ctx, p.Info, p.Naming.Options(o.Formats))
	if err != nil {
		return err
	}
	p.Count, err = src.(formats.Counter).Count(ctx, p.Range)
	p.Counted = true
	return err
}

// numberFn numbers all rows, which needs all counts, those that are not there included, and cuts them into chunks.
type numberFn struct {
	Options Options
	Targets []TargetSpan
}

func (f *numberFn) ProcessElement(ctx context.Context, _ int, iter func(*FilePiece) bool) (List, error) {
	var pieces []FilePiece
	var p FilePiece
	for iter(&p) {
		pieces = append(pieces, p)
	}
	return f.number(ctx, pieces)
}

func (f *numberFn) number(ctx context.Context, pieces []FilePiece) (List, error) {
	sort.Slice(pieces, func(i, j int) bool {
		if pieces[i].File != pieces[j].File {
			return pieces[i].File < pieces[j].File
		}
		return pieces[i].Piece < pieces[j].Piece
	})
	if err := f.count(ctx, pieces); err != nil {
		return List{}, fault.Mark(err)
	}
	var chunks []Chunk
	size, err := f.evenRows(ctx, pieces)
	if err != nil {
		return List{}, fault.Mark(err)
	}
	var total int64
	for lo := 0; lo < len(pieces); {
		hi := lo + 1
		for hi < len(pieces) && pieces[hi].File == pieces[lo].File {
			hi++
		}
		spans, err := f.spans(ctx, pieces[lo:hi], size)
		if err != nil {
			return List{}, fault.Mark(err)
		}
		first := total
		for _, s := range spans {
			chunks = append(chunks, Chunk{Ordinal: int64(len(chunks)), Info: pieces[lo].Info, Span: s, First: first + s.First,
				Naming: pieces[lo].Naming})
			total += s.Rows
		}
		lo = hi
	}
	for i := range chunks {
		c := &chunks[i]
		c.Total = total
		c.Targets = cutTargets(f.Targets, c.First, c.Span.Rows)
		c.Features, c.ZeroBased = f.Options.Formats.Features, f.Options.Formats.ZeroBased
	}
	return List{chunks}, nil
}

// count counts the rows of the pieces that are not counted yet. Of several faults, the first is told.
func (f *numberFn) count(ctx context.Context, pieces []FilePiece) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	errs := make([]error, len(pieces))
	for i := range pieces {
		g.Go(func() error {
			errs[i] = f.Options.count(ctx, &pieces[i])
			return errs[i]
		})
	}
	if g.Wait() == nil {
		return nil
	}
	return errs[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
}

// evenRows is how many rows a chunk has, where all have as many: at most about a million.
func (f *numberFn) evenRows(ctx context.Context, pieces []FilePiece) (int64, error) {
	if f.Options.Parts == 0 {
		return 0, nil
	}
	var total int64
	for lo := 0; lo < len(pieces); {
		hi := lo + 1
		for hi < len(pieces) && pieces[hi].File == pieces[lo].File {
			hi++
		}
		src, spans, err := f.found(ctx, pieces[lo:hi])
		if err != nil {
			return 0, err
		}
		total += max(src.Rows(), 0)
		for _, s := range spans {
			total += s.Rows
		}
		lo = hi
	}
	parts, least := int64(f.Options.Parts), int64(f.Options.ChunkRows)
	if f.Options.Formats.Cells { // which are cut before their unit is known
		least = DefaultChunkRows
	}
	return min(max((total+parts-1)/parts, least), 1<<20), nil
}

// found is the source of the pieces of a file and, where they were counted, the spans that they have.
func (f *numberFn) found(ctx context.Context, pieces []FilePiece) (formats.Source, []formats.Span, error) {
	src, err := f.Options.inspect(ctx, pieces[0].Info, pieces[0].Naming.Options(f.Options.Formats))
	if err != nil {
		return nil, nil, err
	}
	c, ok := src.(formats.Counter)
	if !ok {
		return src, nil, nil
	}
	var counts []formats.Count
	for _, p := range pieces {
		counts = append(counts, p.Count)
	}
	spans, err := c.Resolve(counts)
	if err == nil && len(spans) == 0 && !f.Options.Formats.Empty {
		err = noRows(pieces[0].Info.Name)
	}
	return src, spans, err
}

// spans cuts the rows of a file, into spans of size rows where that is not 0.
func (f *numberFn) spans(ctx context.Context, pieces []FilePiece, size int64) ([]formats.Span, error) {
	src, spans, err := f.found(ctx, pieces)
	switch {
	case err != nil:
		return nil, err
	case size > 0:
		return formats.CutEven(src, spans, size), nil
	case src.Rows() >= 0:
		return formats.CutSource(src, int64(f.Options.ChunkRows), int64(max(f.Options.GroupRows, f.Options.ChunkRows))), nil
	}
	return spans, nil
}

// Gather has the chunks of a group, in the order of their rows.
func Gather(iter func(*Chunk) bool) []Chunk {
	var chunks []Chunk
	var c Chunk
	for iter(&c) {
		chunks = append(chunks, c)
	}
	Sort(chunks)
	return chunks
}

// Sort puts chunks in the order of their rows.
func Sort(chunks []Chunk) {
	slices.SortFunc(chunks, func(a, b Chunk) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
}
