package knn

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&searchSeveralFn{}, &searchSelfSeveralFn{})
}

// InspectIndexes opens indexes of earlier runs, which are to answer queries together as one of all their points would,
// in this order: see [Job.More]. It fails where they differ in what neighbours are.
func InspectIndexes(ctx context.Context, paths []string) ([]*Prebuilt, error) {
	var all []*Prebuilt
	for _, path := range paths {
		p, err := Inspect(ctx, path)
		if err != nil {
			return nil, err
		}
		for _, before := range all {
			if before.File.Path == p.File.Path || before.File.Stamp == p.File.Stamp { // by another name, or a copy
				return nil, fmt.Errorf("%s: the same index twice, which would answer with each of its points twice", path)
			}
		}
		if all = append(all, p); len(all) > 1 {
			if err := p.checkLike(path, all[0], paths[0]); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// checkLike says in what an index differs from another, beside which it is to answer.
func (p *Prebuilt) checkLike(path string, q *Prebuilt, other string) error {
	differs := func(expected string, found string, args ...any) error {
		return fault.File(path, expected+", as the index "+other+" has", found, args...)
	}
	a, b := p.Options, q.Options
	a.Algorithm, b.Algorithm = "", "" // which changes no answer
	switch {
	case a.Metric != b.Metric:
		return differs(fmt.Sprintf("metric %s", b.Metric), "metric %s", a.Metric)
	case p.Dim != q.Dim:
		return differs(fmt.Sprintf("%d columns", q.Dim), "%d", p.Dim)
	case !slices.Equal(p.Note.Columns, q.Note.Columns):
		return differs(fmt.Sprintf("columns %s", listed(q.Note.Columns)), "%s", listed(p.Note.Columns))
	case p.Labelled != q.Labelled:
		return differs(labelling(q.Labelled), "%s", labelling(p.Labelled))
	case !reflect.DeepEqual(p.Note.Encoding, q.Note.Encoding):
		return differs("the encoding of tables", "another one: build the indexes of numbers, or one of all rows")
	case p.Note.ZeroBased != q.Note.ZeroBased:
		return differs("columns that are counted from the same number",
			"another one: build the indexes with the same --zero_based")
	case !reflect.DeepEqual(a, b) && !a.Metric.Fitted():
		return differs(fmt.Sprintf("the same parameters of %s", b.Metric),
			"others: build the indexes with the same --p, --bits, --degrees and --km")
	case !reflect.DeepEqual(a, b) || a.Metric.Fitted() && a.Params == nil:
		return differs(fmt.Sprintf("the same parameters of %s", b.Metric), "others: give them to index, by --metric_params")
	}
	return nil
}

func labelling(labelled bool) string {
	if labelled {
		return "ids of a column"
	}
	return "ids that are the numbers of rows"
}

// listed are names of columns, as many as one wants to read.
func listed(names []string) string {
	const most = 10
	if names == nil {
		return "without names"
	}
	if len(names) > most {
		return fmt.Sprintf("%q and %d more", names[:most], len(names)-most)
	}
	return fmt.Sprintf("%q", names)
}

// CheckInput says in what the indexes of earlier runs, which have these names, differ from those of the files of the
// Corpus, one after the other.
func (j *Job) CheckInput(names []string) error {
	indexes, corpus, count := j.indexes(), j.Corpus, 0
	for _, p := range indexes {
		count += len(p.Note.Files)
	}
	if len(indexes) > 1 && count != len(corpus.Files) {
		return fault.File(names[0], "indexes of the input as it is, in the order of its files",
			"indexes of %d files, not of the %d of the input", count, len(corpus.Files))
	}
	at := 0
	for i, p := range indexes {
		some := *corpus
		if len(indexes) > 1 {
			some.Files = corpus.Files[at : at+len(p.Note.Files)]
		}
		if err := p.Check(names[i], &some, j.Reading); err != nil {
			return err
		}
		at += len(p.Note.Files)
	}
	return nil
}

// several searches indexes of earlier runs, one after the other, whose rows are numbered on.
type several struct{}

func (several) check(j *Job) error {
	if j.Options.Recall != 0 {
		return errors.New("several indexes are searched exactly: leave out the recall, or build one of all points, by " +
			"index --recall")
	}
	return nil
}

// indexes are those of earlier runs.
func (j *Job) indexes() []*Prebuilt { return append([]*Prebuilt{j.Index}, j.More...) }

// indexedRows is the number of rows that they were built of.
func (j *Job) indexedRows() int64 {
	total := int64(0)
	for _, x := range j.indexes() {
		total += x.Note.Total
	}
	return total
}

func (several) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	fn := severalFn{searchFn: searchFn{Reading: j.Reading, Options: j.Options, Dim: j.dim(), Kept: true}}
	report, total := Report{Dim: j.dim(), Broadcast: File}, j.indexedRows()
	var ranges []Range
	for _, x := range j.indexes() {
		for _, r := range rangesOf(x.Points, total, j.Options.SearchRows, x.File) {
			r.Ordinal = int64(len(ranges))
			ranges = append(ranges, r)
		}
		fn.Files, fn.Rows = append(fn.Files, x.File), append(fn.Rows, x.Note.Total)
		report.Points += int64(x.Points)
		report.DuplicateIDs += x.Note.DuplicateIDs
		report.IndexBytes += x.File.Size
		report.Algorithm = string(neighbors.AlgorithmOf(x.Points, x.Dim, x.Options))
	}
	part, err := output.Report(order, report)
	if err != nil {
		return beam.PCollection{}, err
	}
	reports := beam.CreateList(s, append(j.shapeOf(total), part))
	if j.Queries == nil {
		searched := beam.ParDo(s.Scope("knn.SearchSeveral"), &searchSelfSeveralFn{fn},
			beam.Reshuffle(s, beam.CreateList(s, ranges)))
		return beam.Flatten(s, reports, searched), nil
	}
	chunks := j.chunks(s.Scope("Queries"), ofQueries, j.Queries)
	return beam.Flatten(s, reports, beam.ParDo(s.Scope("knn.SearchSeveral"), &searchSeveralFn{fn},
		beam.Reshuffle(s, chunks))), nil
}

// severalFn takes queries through all indexes.
type severalFn struct {
	searchFn
	Files []IndexFile
	Rows  []int64 // that each index was built of
}

// opened are the indexes of the runs of this process.
var opened = output.NewShared[[]*neighbors.Index]()

// openSeveral opens indexes, each of so many rows, and numbers their points as in one of all.
func openSeveral(ctx context.Context, names []IndexFile, rows []int64) (all []*neighbors.Index, err error) {
	first := int64(0)
	for i, file := range names {
		x, err := file.open(ctx, "", verified)
		if err != nil {
			return nil, err
		}
		all = append(all, x.NumberedFrom(first))
		first += rows[i]
	}
	return all, nil
}

// unchanged fails where one of the files may have been written to.
func unchanged(indexes []*neighbors.Index) error {
	var errs []error
	for _, x := range indexes {
		errs = append(errs, x.Unchanged())
	}
	return errors.Join(errs...)
}

func (f *severalFn) search(ctx context.Context, t *task, emit func(output.Part),
	work func(context.Context, []*neighbors.Index) error) error {
	start := time.Now()
	indexes, made, err := opened.Get(f.Options.RunID,
		func() ([]*neighbors.Index, error) { return openSeveral(ctx, f.Files, f.Rows) })
	if err != nil {
		return fault.Mark(err)
	}
	defer runtime.KeepAlive(indexes) // queries may be in their memory
	t.options, t.kept, t.all = &f.Options, true, indexes
	if made {
		indexDecodes.Inc(ctx, int64(len(indexes)))
		t.report.Decodes, t.report.DecodeIndex = int64(len(indexes)), time.Since(start).Seconds()
	}
	return t.write(ctx, emit, func(ctx context.Context) error {
		if err := work(ctx, indexes); err != nil {
			return err
		}
		return unchanged(indexes)
	})
}

// searchSeveralFn answers queries from files.
type searchSeveralFn struct{ severalFn }

func (f *searchSeveralFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(output.Part)) error {
	t := &task{ordinal: c.Ordinal, total: c.Total, chunk: &c}
	return f.search(ctx, t, emit, func(ctx context.Context, indexes []*neighbors.Index) error {
		return t.read(ctx, c, &f.searchFn, t.out.Reject,
			func(q *vectors.Block) error { return t.answerParts(q, len(indexes), within(indexes)) })
	})
}

// searchSelfSeveralFn answers points of the indexes: a range of those of one, by those of all.
type searchSelfSeveralFn struct{ severalFn }

func (f *searchSelfSeveralFn) ProcessElement(ctx context.Context, r Range, emit func(output.Part)) error {
	t := &task{ordinal: r.Ordinal, total: r.Total, self: true}
	return f.search(ctx, t, emit, func(ctx context.Context, indexes []*neighbors.Index) error {
		at := slices.Index(f.Files, r.Index)
		if at < 0 {
			return fmt.Errorf("knn: points of the index %s, which is none of this run", r.Index.Path)
		}
		q, err := f.Options.asked(ctx, indexes[at].Rows(r.First, r.First+r.Rows))
		if err != nil || q.Len() == 0 {
			return err
		}
		return t.answerParts(q, len(indexes), within(indexes))
	})
}

// within are indexes that are open, as parts of all points.
func within(indexes []*neighbors.Index) func(i int, search func(x *neighbors.Index) error) error {
	return func(i int, search func(x *neighbors.Index) error) error { return search(indexes[i]) }
}
