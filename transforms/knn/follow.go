package knn

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/vectorio"
)

// CheckFollow says why the answers of a job cannot be written as its queries come, or nothing.
func (o *Options) CheckFollow() error {
	switch {
	case o.Answer != nil, o.Groups != nil, o.Outliers != nil, o.Evaluates, o.Overview, o.Restricted, o.Recall != 0:
		return errors.New("rows that are answered as they come get their neighbours, and nothing else")
	case o.NumShards > 1:
		return errors.New("rows that are answered as they come go into one output")
	}
	f, err := results.Detect(o.Output, o.OutputFormat, o.layout())
	if err == nil && !f.IsText() {
		err = fmt.Errorf("the answers to rows as they come are lines, which .%s has not: .csv or .jsonl", f.Name)
	}
	return err
}

// Follow answers the queries of a stream by an index of an earlier run, or by several, in this process, without Beam,
// and writes the answers to those that have come at once: the bytes that [KNeighbors] writes, in .csv or .jsonl. The
// job's Queries are the rows of the stream, as [Job.InspectQueries] finds them by its pattern. Where rows at fault are
// skipped, each is told; else the first ends the work, once the rows before it are answered. It returns nil at the end
// of the stream; the report is always that of the rows so far. It fails where the job is not valid: see [Job.Check] and
// [Options.CheckFollow].
func Follow(ctx context.Context, j *Job, rows *vectorio.Stream, to io.Writer,
	tell func(*fault.Fault)) (*Report, error) {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	j.Reading.Domain = j.domain()
	j.Reading.Confine(j.Queries)
	f := &follower{options: &j.Options, to: to, tell: tell, report: &Report{}}
	if j.Index == nil {
		return f.report, errors.New("knn.Follow: an index of an earlier run is needed")
	}
	if err := errors.Join(j.Check(), j.Options.CheckFollow()); err != nil {
		return f.report, fmt.Errorf("knn.Follow: %w", err)
	}
	start := time.Now()
	var names []IndexFile
	var all []int64
	for _, x := range j.indexes() {
		names, all = append(names, x.File), append(all, x.Note.Total)
		f.report.Points += int64(x.Points)
		f.report.DuplicateIDs += x.Note.DuplicateIDs
	}
	indexes, err := openSeveral(ctx, names, all)
	if err != nil {
		return f.report, err
	}
	defer func() {
		for _, x := range indexes {
			x.Close()
		}
	}()
	f.indexes, f.layout = indexes, j.Options.layout()
	if f.format, err = results.Detect(j.Options.Output, j.Options.OutputFormat, f.layout); err != nil {
		return f.report, err
	}
	f.report.Dim, f.report.Algorithm, f.report.DecodeIndex = j.dim(), string(indexes[0].Algorithm()),
		time.Since(start).Seconds()
	if err := f.format.Assemble(0, to, nil, f.layout); err != nil { // a header, where the format has one
		return f.report, err
	}
	err = rows.Each(ctx, &j.Reading, f.answer, f.flush)
	if err == nil {
		err = unchanged(indexes)
	}
	seen := rows.Seen()
	f.report.ReadQueries, f.report.UnseenCells = seen.Seconds, seen.Unseen.Named(j.Reading.Encoding)
	return f.report, err
}

// follower answers queries as they come.
type follower struct {
	options *Options
	indexes []*neighbors.Index
	format  *results.Format
	layout  results.Layout
	to      io.Writer
	tell    func(*fault.Fault)
	answers bytes.Buffer // that are not written yet
	report  *Report
	look    time.Time // when to look at the index again
}

func (f *follower) answer(c vectorio.Chunk, b vectorio.Batch) error {
	start := time.Now()
	found, points, err := f.find(b.Rows)
	if err != nil {
		if first, some := b.Before(err); some {
			err = cmp.Or(f.answer(c, first), err)
		}
		return err
	}
	searched := time.Now()
	for _, r := range b.Rejected {
		f.tell(r)
	}
	part := f.format.NewPart([]io.Writer{&f.answers}, f.layout)
	err = part.Write(&results.Chunk{
		Query: b.Rows.ID, Neighbor: points.id, Neighbors: found, To: b.Rows.Len(), Threads: f.options.Threads,
	})
	if err != nil {
		return err
	}
	if _, err := part.Close(); err != nil {
		return err
	}
	f.report.Queries += int64(b.Rows.Len())
	f.report.Neighbors += int64(len(found.Positions))
	f.report.Rejected += int64(len(b.Rejected))
	f.report.Search += searched.Sub(start).Seconds()
	f.report.Write += time.Since(searched).Seconds()
	return nil
}

func (f *follower) find(q *vectors.Block) (*neighbors.Neighbors, labels, error) {
	t := task{options: f.options}
	if len(f.indexes) == 1 {
		x := f.indexes[0]
		found, err := t.find(q, x, neighbors.Search{Threads: f.options.Threads})
		return found, labels{x.ID, x.Number}, err
	}
	hits, err := t.findParts(q, len(f.indexes), within(f.indexes))
	if err != nil {
		return nil, labels{}, err
	}
	return hits.Neighbors(), labelsOfHits(hits), nil
}

// flush writes the answers, unless the index has changed under them.
func (f *follower) flush() error {
	start := time.Now()
	defer func() { f.report.Write += time.Since(start).Seconds() }()
	if err := f.unchanged(); err != nil {
		return err
	}
	_, err := f.to.Write(f.answers.Bytes())
	f.answers.Reset()
	return err
}

// unchanged looks whether the index is what it was. Where all of it must be read for that, as when it has just been
// built, or another file has taken its name, that takes at most a twentieth of the time.
func (f *follower) unchanged() error {
	start := time.Now()
	if start.Before(f.look) {
		return nil
	}
	err := unchanged(f.indexes)
	if took := time.Since(start); took > time.Millisecond {
		f.look = time.Now().Add(20 * took)
	}
	return err
}
