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
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

func init() { beam.RegisterDoFn(&searchSeveralFn{}) }

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
		return differs("columns that are counted from the same number", "another one: build the indexes with the same --zero_based")
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

// several searches indexes of earlier runs, one after the other.
type several struct{}

func (several) check(j *Job) error {
	o := &j.Options
	for _, c := range []struct {
		asked bool
		what  string
	}{
		{j.Queries == nil, "need queries: the points of one index would have to be compared with those of the others"},
		{o.Answer != nil, "list neighbours: without a target"},
		{o.Outliers != nil, "list neighbours: without outliers"},
		{o.Evaluates, "are not what another system is evaluated by: build one of all points"},
		{o.Restricted, "take all points: without rules of which points may be neighbours"},
	} {
		if c.asked {
			return errors.New("several indexes " + c.what)
		}
	}
	return nil
}

func (several) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	fn := &searchSeveralFn{searchFn: searchFn{Reading: j.Reading, Options: j.Options, Dim: j.dim(), Kept: true}}
	report := Report{Dim: j.dim(), Broadcast: File}
	total := int64(0)
	for _, x := range append([]*Prebuilt{j.Index}, j.More...) {
		fn.Files, fn.Firsts = append(fn.Files, x.File), append(fn.Firsts, total)
		total += x.Note.Total
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
	chunks := j.chunks(s.Scope("Queries"), ofQueries, j.Queries)
	return beam.Flatten(s, reports, beam.ParDo(s.Scope("knn.SearchSeveral"), fn, beam.Reshuffle(s, chunks))), nil
}

// searchSeveralFn takes queries through all indexes.
type searchSeveralFn struct {
	searchFn
	Files  []IndexFile
	Firsts []int64 // rows of the indexes before each
}

// opened are the indexes of the runs of this process.
var opened = output.NewShared[[]*neighbors.Index]()

func (f *searchSeveralFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(output.Part)) error {
	start := time.Now()
	indexes, made, err := opened.Get(f.Options.RunID, func() (all []*neighbors.Index, err error) {
		for _, file := range f.Files {
			x, err := file.open(ctx, "", verified)
			if err != nil {
				return nil, err
			}
			all = append(all, x)
		}
		return all, nil
	})
	if err != nil {
		return fault.Mark(err)
	}
	defer runtime.KeepAlive(indexes)
	t := task{options: &f.Options, ordinal: c.Ordinal, total: c.Total, kept: true, chunk: &c}
	if made {
		indexDecodes.Inc(ctx, int64(len(indexes)))
		t.report.Decodes, t.report.DecodeIndex = int64(len(indexes)), time.Since(start).Seconds()
	}
	return t.write(ctx, emit, func(ctx context.Context) error {
		if err := t.read(ctx, c, &f.searchFn, t.out.Reject, func(q *vectors.Block) error {
			return t.answerSeveral(q, indexes, f.Firsts)
		}); err != nil {
			return err
		}
		var errs []error
		for _, x := range indexes {
			errs = append(errs, x.Unchanged())
		}
		return errors.Join(errs...)
	})
}

// answerSeveral answers a block of queries by indexes, before each of which there are so many rows in the others.
func (t *task) answerSeveral(q *vectors.Block, indexes []*neighbors.Index, firsts []int64) error {
	return t.answerParts(q, len(indexes), func(i int, search func(x *neighbors.Index, first int64) error) error {
		return search(indexes[i], firsts[i])
	})
}
