package knn

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
)

func init() {
	register.Iter1[exchangeFile]()
	register.Emitter1[exchangeFile]()
	register.Emitter2[int64, exchangeFile]()
	registry.Element(encodeExchangeFile, decodeExchangeFile)
}

// An exchangeFile is a file in the staging directory in which a task leaves rows or answers for other tasks, in
// sections: they go from worker to worker in such files, and only descriptions go through the runner. (A runner
// shuffles some tens of megabytes a second, and Flink's and Spark's hang at 250 MB from one bundle.) The name follows
// from the kind and the number of the task, so that a task that is tried again replaces its file by the same.
type exchangeFile struct {
	Kind     exchangeKind
	Task     int64
	Size     int64
	Total    int64 // rows of the dataset
	Sections []exchangeSection
}

// An exchangeKind says what a file holds.
type exchangeKind string

const (
	sampledPoints  exchangeKind = "sample"
	sampledQueries exchangeKind = "query-sample"
	regionPoints   exchangeKind = "region-points"  // a sample, by region
	regionQueries  exchangeKind = "region-queries" // a sample, by region
	regionPlan     exchangeKind = "region-plan"
	partPoints     exchangeKind = "points"  // by planned part
	partQueries    exchangeKind = "queries" // by planned part
	partAnswers    exchangeKind = "answers" // by range of queries
	graphEdges     exchangeKind = "edges"   // by range of queries, and of neighbours
	groupForest    exchangeKind = "forest"
	groupScores    exchangeKind = "scores"
	outlierLists   exchangeKind = "lists"
)

// exchangeSection is some rows, and where they stand in the file.
type exchangeSection struct {
	Part           int64 // the planned part, or the range of queries
	Rows           int64
	Wide           bool `json:",omitempty"` // of values that need a float64
	Offset, Length int64
	CRC            uint32 // CRC-32C
}

// by cuts the description of the file: emit gets, for each key, one of the sections whose parts have that key. So no
// worker has to hold the sections of all parts, or of all ranges, of all files.
func (f *exchangeFile) by(key func(part int64) int64, emit func(key int64, of exchangeFile)) {
	some := map[int64][]exchangeSection{}
	for _, s := range f.Sections {
		k := key(s.Part)
		some[k] = append(some[k], s)
	}
	for _, k := range slices.Sorted(maps.Keys(some)) {
		emit(k, exchangeFile{f.Kind, f.Task, f.Size, f.Total, some[k]})
	}
}

// writeSection writes a section.
type writeSection func(s exchangeSection, data func(io.Writer) error) error

// write writes the file: fill calls write for each section.
func (f *exchangeFile) write(ctx context.Context, o *Options, fill func(write writeSection) error) error {
	_, err := o.create(ctx, exchangeName(f.Kind, f.Task), func(w io.Writer) error {
		return fill(func(s exchangeSection, data func(io.Writer) error) error {
			c := &checksumWriter{w: w, crc: crc32.New(castagnoli)}
			err := data(c)
			s.Offset, s.Length, s.CRC = f.Size, c.n, c.crc.Sum32()
			f.Size += c.n
			f.Sections = append(f.Sections, s)
			return err
		})
	})
	return err
}

func exchangeName(kind exchangeKind, task int64) string { return fmt.Sprintf("%s-%08d", kind, task) }

// checksumWriter counts bytes and computes their checksum.
type checksumWriter struct {
	w   io.Writer
	n   int64
	crc hash.Hash32
}

func (c *checksumWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.crc.Write(b[:n])
	return n, err
}

// byTask has the files in the order of their tasks.
func byTask(iter func(*exchangeFile) bool) (all []exchangeFile) {
	var f exchangeFile
	for iter(&f) {
		all = append(all, f)
		f = exchangeFile{}
	}
	slices.SortFunc(all, func(a, b exchangeFile) int { return cmp.Compare(a.Task, b.Task) })
	return all
}

// exchangePiece is so many rows of a section, from row Skip on.
type exchangePiece struct {
	Task, FileSize int64
	Section        exchangeSection
	Skip, Rows     int64
}

// exchangeSections are all sections of the files of a kind, as the layout knows them and as they are read.
type exchangeSections struct {
	total    int64 // rows of the dataset
	sections []ivf.Section
	whole    []exchangePiece // each section
}

func sectionsOf(all []exchangeFile, kind exchangeKind) (of exchangeSections) {
	for _, f := range all {
		if f.Kind != kind {
			continue
		}
		of.total = f.Total
		for _, s := range f.Sections {
			of.sections = append(of.sections, ivf.Section{Part: s.Part, Task: f.Task, Rows: s.Rows, Wide: s.Wide})
			of.whole = append(of.whole, exchangePiece{Task: f.Task, FileSize: f.Size, Section: s, Rows: s.Rows})
		}
	}
	return of
}

// pieces says where pieces of the sections are.
func (of *exchangeSections) pieces(pieces []ivf.SectionRows) (at []exchangePiece) {
	for _, p := range pieces {
		e := of.whole[p.Section]
		e.Skip, e.Rows = p.Skip, p.Rows
		at = append(at, e)
	}
	return at
}

// read gives the bytes of the piece's section.
func (p *exchangePiece) read(ctx context.Context, o *Options, kind exchangeKind) (*bytes.Reader, error) {
	path := files.Join(o.staging(), exchangeName(kind, p.Task))
	s := &p.Section
	r, err := files.Open(files.Info{Name: path, Size: p.FileSize}).OpenRange(ctx, s.Offset, s.Length)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if n != s.Length || crc32.Checksum(b.Bytes(), castagnoli) != s.CRC {
		return nil, fault.File(path, "what this run has written there", "bytes %d to %d are others", s.Offset,
			s.Offset+s.Length)
	}
	return bytes.NewReader(b.Bytes()), nil
}

// section reads the rows of the piece's section.
func (p *exchangePiece) section(ctx context.Context, o *Options, kind exchangeKind) (*vectors.Block, error) {
	r, err := p.read(ctx, o, kind)
	if err != nil {
		return nil, err
	}
	return neighbors.ReadPoints(r, r.Size())
}

// answers reads the answers of the piece's section.
func (p *exchangePiece) answers(ctx context.Context, o *Options, kind exchangeKind) (*neighbors.Answers, error) {
	r, err := p.read(ctx, o, kind)
	if err != nil {
		return nil, err
	}
	return neighbors.ReadAnswers(r, r.Size())
}

// readRows reads the rows of pieces, in the order of their numbers, each once.
func readRows(
	ctx context.Context, o *Options, dim int, pieces []exchangePiece, wide bool, kind exchangeKind,
) (*vectors.Block, error) {
	var sections []ivf.Section
	rows := int64(0)
	for _, p := range pieces {
		sections = append(sections, ivf.Section{Part: p.Section.Part, Task: p.Task})
		rows += p.Rows
	}
	c, err := ivf.NewRowCollector(dim, wide, int(min(rows, maxGrow)), sections)
	if err != nil {
		return nil, err
	}
	for _, p := range pieces {
		b, err := p.section(ctx, o, kind)
		if err != nil {
			return nil, err
		}
		if err := c.Add(b, p.Skip, p.Rows); err != nil {
			return nil, err
		}
	}
	return c.Rows(), nil
}
