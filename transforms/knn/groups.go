package knn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/groups"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&scoreFn{}, &groupsFn{})
}

// groupColumns are those of groups, beside the id: the id of the first row, how many rows there are, and 1 where the
// row stays.
var groupColumns = []results.Column{
	{Name: "group", Type: results.ID}, {Name: "size", Type: results.Int}, {Name: "keep", Type: results.Int},
}

// checkGroups reports what groups leave no room for.
func (o *Options) checkGroups() error {
	var errs []error
	mutual := o.K > 0 && o.Symmetric == neighbors.Mutual
	switch {
	case o.K > 0 && !mutual:
		errs = append(errs, fmt.Errorf("groups of the k nearest are of pairs of which each is among those of the other: "+
			"symmetric %s is needed", neighbors.Mutual))
	case !mutual && o.Radius == nil:
		errs = append(errs, errors.New("groups are of the pairs within a radius, or of mutual neighbours: "+
			"a radius is needed"))
	case mutual && o.Recall != 0:
		errs = append(errs, errors.New("a recall of groups is of the pairs within a radius: "+
			"mutual neighbours are found exactly"))
	case mutual && o.Radius == nil && (o.Overview || o.Diameter != nil):
		errs = append(errs, errors.New("a page of groups, and a diameter, go by a radius: with mutual neighbours, too"))
	}
	if o.Neighbors.Metric == neighbors.InnerProduct {
		errs = append(errs, errors.New("by the inner product nothing is near itself, and there are no groups: for "+
			"directions, take cosine"))
	}
	if o.Neighbors.Metric == neighbors.RussellRao {
		errs = append(errs, errors.New("by russellrao nothing is near itself, and there are no groups: take jaccard"))
	}
	return errors.Join(errs...)
}

// checkApproximateGroups reports where a recall of groups cannot be had.
func (j *Job) checkApproximateGroups() error {
	if o := &j.Options; o.Groups == nil || o.Recall == 0 || j.Corpus == nil || j.fitsGraph() || j.Reading.Formats.Sparse {
		return nil
	}
	return errors.New("groups with a recall need all points in one worker: raise --index_memory, or leave out --recall")
}

// group makes groups of what the tasks of the search have left: PCollection<output.Part> → PCollection<output.Part>.
// A task has left its rows and a spanning forest of their edges. One worker joins the forests and writes all rows: it
// takes 12 bytes a row, 16 more where rows have scores, and the ids of the groups of several rows.
func group(s beam.Scope, parts beam.PCollection, j *Job) beam.PCollection {
	s = s.Scope("knn.Groups")
	files, rest := beam.ParDo2(s, &splitEdgesFn{}, parts)
	if j.Options.Groups.Column != "" {
		chunks := vectorio.Chunks(s.Scope("Scores"), j.Corpus, j.Options.Workers)
		fn := &scoreFn{Reading: j.Reading, Options: j.Options, Dim: j.Corpus.Dim}
		scores := beam.ParDo(s.Scope("knn.Scores"), fn, chunks)
		files = beam.Flatten(s, files, scores)
	}
	join, keyed := groupsFn{Options: j.Options}, beam.AddFixedKey(s, files)
	if j.Options.Diameter == nil {
		return beam.Flatten(s, rest, beam.ParDo(s, &join, beam.GroupByKey(s, keyed)))
	}
	fn := &cutGroupsFn{groupsFn: join, Reading: j.Reading, Dim: j.Corpus.Dim, RowBytes: j.queryBytes()}
	rows := beam.AddFixedKey(s, vectorio.Chunks(s.Scope("Rows"), j.Corpus, j.Options.Workers))
	return beam.Flatten(s, rest, beam.ParDo(s, fn, beam.CoGroupByKey(s, keyed, rows)))
}

// writeForest leaves a spanning forest of the edges of a block of queries in a file, and the scores of the rows where
// their neighbours decide over them.
func (t *task) writeForest(q *vectors.Block, found *neighbors.Neighbors, points labels) error {
	a := numbered(q, found, points.number)
	forest := groups.Forest
	if t.options.Overview {
		if t.report.GroupsOverview == nil {
			t.report.GroupsOverview = new(groups.Overview)
		}
		t.report.GroupsOverview.CountPairs(a, *t.options.Radius)
		forest = groups.MinimumForest
	}
	f := exchangeFile{Kind: groupForest, Task: t.ordinal<<16 | int64(len(t.edges)), Total: t.total}
	err := f.write(t.ctx, t.options, func(write writeSection) error {
		err := write(exchangeSection{Part: sectionForest, Rows: int64(len(a.Numbers))}, func(w io.Writer) error {
			_, err := forest(a).WriteTo(w)
			return err
		})
		if err != nil || t.options.Groups.Rule != groups.Center {
			return err
		}
		return writeScores(write, a.Numbers, func(i int) [2]float64 {
			_, distances := found.Of(i)
			return groups.CenterScore(distances)
		})
	})
	t.edges = append(t.edges, f)
	return err
}

// Sections of the files of groups, by what they hold.
const (
	sectionForest = iota
	sectionScores
)

// writeScores writes the scores of rows.
func writeScores(write writeSection, numbers []int64, of func(i int) [2]float64) error {
	b := &vectors.Block{Dim: 2, DType: vectors.Float64}
	for i, n := range numbers {
		score := of(i)
		if b.Append(score[:], n) >= 0 {
			return fmt.Errorf("knn: row %d has the score %v", n, score)
		}
	}
	return write(exchangeSection{Part: sectionScores, Rows: int64(b.Len())}, func(w io.Writer) error {
		return neighbors.WritePoints(w, b)
	})
}

// scoreFn leaves the scores of the rows of a chunk, which a column decides over, in a file.
type scoreFn struct {
	Reading vectorio.Options
	Options Options
	Dim     int
}

func (f *scoreFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(exchangeFile)) error {
	rows := f.Reading.NewBlock(f.Dim)
	if err := readChunk(ctx, c, f.Reading, rows, func(*fault.Fault) {}); err != nil { // who searches tells of faults
		return fault.Mark(err)
	}
	out := exchangeFile{Kind: groupScores, Task: c.Ordinal, Total: c.Total}
	err := out.write(ctx, &f.Options, func(write writeSection) error {
		return writeScores(write, rows.Numbers, func(i int) [2]float64 {
			return f.Options.Groups.ColumnScore(rows.Target[i])
		})
	})
	if err != nil {
		return fault.Mark(err)
	}
	emit(out)
	return nil
}

// groupsFn joins all forests, and writes the groups of all rows.
type groupsFn struct{ Options Options }

func (f *groupsFn) ProcessElement(
	ctx context.Context, _ int, iter func(*exchangeFile) bool, emit func(output.Part),
) error {
	return f.run(ctx, byTask(iter), nil, emit)
}

// run joins what the files hold, and cuts groups where that is asked.
func (f *groupsFn) run(ctx context.Context, all []exchangeFile, cut *cutting, emit func(output.Part)) error {
	progress.Of(f.Options.RunID).Phase("joining the groups")
	start := time.Now()
	m, levels, err := f.join(ctx, all, cut)
	if err != nil {
		return fault.Mark(err)
	}
	summary, err := m.Summary()
	if err != nil {
		return fault.Mark(err)
	}
	if cut != nil {
		summary.Cut = cut.groups
	}
	var over *groups.Overview
	if levels != nil {
		if over, err = f.describe(m, levels, summary); err != nil {
			return fault.Mark(err)
		}
	}
	parts, err := output.Run(ctx, f.Options.output(), 0, totalOf(all), func(ctx context.Context, t *output.Task) error {
		return f.write(ctx, t, all, m, over)
	})
	if err != nil {
		return fault.Mark(err)
	}
	report, err := output.Report(0, Report{Groups: &summary, GroupsOverview: over, Write: time.Since(start).Seconds()})
	if err != nil {
		return err
	}
	for _, p := range append(parts, report) {
		emit(p)
	}
	return nil
}

// describe begins what a page shows of groups, whose rows it does not name.
func (f *groupsFn) describe(m *groups.Members, l *groups.Levels, s groups.Summary) (o *groups.Overview, err error) {
	o = new(groups.Overview)
	o.Diameter = f.Options.Diameter
	o.Levels, err = l.Within(*f.Options.Radius, s.Groups-s.Several+s.Rows)
	m.Describe(o)
	return o, err
}

// totalOf is the number of rows of the dataset.
func totalOf(all []exchangeFile) (total int64) {
	for _, f := range all {
		total = max(total, f.Total)
	}
	return total
}

// each hands over the sections of files that hold one thing, in the order of their rows.
func (f *groupsFn) each(all []exchangeFile, part int64, use func(p *exchangePiece, kind exchangeKind) error) error {
	for _, file := range all {
		for _, s := range file.Sections {
			if s.Part != part {
				continue
			}
			p := &exchangePiece{Task: file.Task, FileSize: file.Size, Section: s, Rows: s.Rows}
			if err := use(p, file.Kind); err != nil {
				return err
			}
		}
	}
	return nil
}

// join joins the rows, cuts the groups where that is asked, counts the rows, and finds those that stay; and, for a
// page, the nearest pairs that join them.
func (f *groupsFn) join(ctx context.Context, all []exchangeFile,
	cut *cutting) (*groups.Members, *groups.Levels, error) {
	c, err := groups.New(totalOf(all))
	if err != nil {
		return nil, nil, err
	}
	var levels *groups.Levels
	if f.Options.Overview {
		levels = groups.NewLevels(totalOf(all))
	}
	forests := func(use func(a *neighbors.Answers) error) error {
		return f.each(all, sectionForest, func(p *exchangePiece, kind exchangeKind) error {
			a, err := p.answers(ctx, &f.Options, kind)
			if err != nil {
				return err
			}
			return use(a)
		})
	}
	err = forests(func(a *neighbors.Answers) error {
		if err := c.Add(a); err != nil || levels == nil {
			return err
		}
		return levels.Add(a)
	})
	if err != nil {
		return nil, nil, err
	}
	count := func() (*groups.Members, error) {
		m := groups.NewMembers(c, *f.Options.Groups)
		return m, forests(func(a *neighbors.Answers) error {
			for _, row := range a.Numbers {
				m.Count(row)
			}
			return nil
		})
	}
	m, err := count()
	if err == nil && cut != nil {
		if err = cut.cut(ctx, m); err == nil {
			m, err = count()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return m, levels, f.each(all, sectionScores, func(p *exchangePiece, kind exchangeKind) error {
		b, err := p.section(ctx, &f.Options, kind)
		if err != nil {
			return err
		}
		row := make([]float64, 2)
		for i, n := range b.Numbers {
			score := [2]float64(b.Row(i, row))
			if cut != nil {
				if among, ok := cut.scores[n]; ok {
					score = among
				}
			}
			if err := m.Score(n, score); err != nil {
				return err
			}
		}
		return nil
	})
}

// write writes all rows in their order, and names those of the overview, if there is one.
func (f *groupsFn) write(
	ctx context.Context, t *output.Task, all []exchangeFile, m *groups.Members, over *groups.Overview,
) error {
	shown := map[int64]*groups.Example{} // by the first row
	if over != nil {
		for i := range over.Largest {
			e := &over.Largest[i]
			e.Others = nil // of a try before
			shown[e.First] = e
		}
	}
	names := map[int64]vectors.ID{} // of first rows, which come before the others
	left := newKeptRows(totalOf(all))
	err := f.each(all, sectionForest, func(p *exchangePiece, kind exchangeKind) error {
		a, err := p.answers(ctx, &f.Options, kind)
		if err != nil {
			return err
		}
		id := func(i int) vectors.ID {
			if a.IDs.Len() > 0 {
				return a.IDs.At(i)
			}
			return vectors.ID{Int: a.Numbers[i]}
		}
		of := make([]vectors.ID, a.Len())
		values := make([]float64, len(groupColumns)*a.Len())
		for i, row := range a.Numbers {
			first, size, kept := m.Of(row)
			left.see(row, kept)
			if e := shown[first]; e != nil {
				e.Name(id(i).String(), kept)
			}
			switch {
			case first == row && size > 1:
				names[row] = id(i)
				of[i] = names[row]
			case first == row:
				of[i] = id(i)
			default:
				of[i] = names[first]
			}
			values[len(groupColumns)*i+1] = float64(size)
			if kept {
				values[len(groupColumns)*i+2] = 1
			}
		}
		return t.Write(a.Numbers, func(p results.PartWriter, from, to int) error {
			return p.WriteTable(&results.Table{
				ID: id, Ref: func(i int) vectors.ID { return of[i] }, Values: values, From: from, To: to,
				Threads: f.Options.Threads,
			})
		})
	})
	if err == nil && f.Options.LeaveKept {
		_, err = f.Options.createOf(ctx, keptName, left)
	}
	return err
}
