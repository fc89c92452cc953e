package output

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/progress"
)

func init() {
	registry.DoFns(&byShardFn{}, &assembleFn{}, &publishFn{})
	register.Iter1[Part]()
	register.Emitter1[Part]()
	registry.Element(encodePart, decodePart)
}

// Part names temporary files with consecutive rows of the output, or reports on the work of a task.
type Part struct {
	Shard  int             // of the output, or one of the constants below
	Order  int64           // place among the parts of the shard
	Paths  []string        `json:",omitempty"`
	Info   results.Info    // of rows of the output
	Report json.RawMessage `json:",omitempty"`
	// Made are the files of a whole shard, complete.
	Made []files.Info `json:",omitempty"`
}

const (
	shardRejected = -1 // the part holds rejected rows
	shardReport   = -2 // the part holds a report
	shardData     = -3 // the part is not of the output yet: see [Data]
)

// Data makes a part of whatever a task has left for another step, which takes it out before [Publish]: see [Part.Data].
func Data(order int64, data any) (Part, error) {
	b, err := json.Marshal(data)
	return Part{Shard: shardData, Order: order, Report: b}, err
}

// Data is what the part was made of by [Data], if it was.
func (p *Part) Data() (data json.RawMessage, ok bool) { return p.Report, p.Shard == shardData }

// Shape makes a part that tells how many rows and columns the graph has that is written, or 0 for what another part
// tells; or how many columns rows of features have, of the first shard.
func Shape(queries, points int64) Part {
	return Part{Order: -1, Info: results.Info{Queries: queries, Points: points}}
}

// isShape reports whether the part was made by Shape.
func (p *Part) isShape() bool { return p.Info.Queries > 0 || p.Info.Points > 0 }

func encodePart(p Part) ([]byte, error) { return json.Marshal(p) }
func decodePart(b []byte) (Part, error) { return jsoncoder.Decode[Part](b) }

// check refuses a part that does not name a file of this run's own for each file of the output: what crosses the wire
// says only which of them to read.
func (o *Options) check(p *Part) error {
	n := 1
	format, err := o.formatOf(p.Shard)
	switch {
	case err != nil:
		return err
	case p.Shard == shardReport || format != nil && (format.IsGraph() || o.Layout.Features != nil) && p.isShape() &&
		len(p.Paths) == 0:
		n = 0
	case format != nil:
		n = format.PartFiles(o.Layout)
	}
	if len(p.Paths) != n {
		return fmt.Errorf("output: a part of shard %d with %d files, expected %d", p.Shard, len(p.Paths), n)
	}
	for _, path := range p.Paths {
		if err := o.checkStaged(path); err != nil {
			return err
		}
	}
	return nil
}

// checkMade refuses a shard that is not of files of this run's own.
func (o *Options) checkMade(p *Part) error {
	format, err := o.formatOf(p.Shard)
	if err != nil {
		return err
	}
	n := 1
	if format != nil {
		n = len(format.Files(o.Path, o.Layout))
	}
	if len(p.Made) != n {
		return fmt.Errorf("output: shard %d of %d files, expected %d", p.Shard, len(p.Made), n)
	}
	for _, made := range p.Made {
		if err := o.checkStaged(made.Name); err != nil {
			return err
		}
		if path, err := files.Absolute(made.Name); err != nil || made.Path != "" && made.Path != path {
			return errors.Join(err, fmt.Errorf("output: %s is said to be %s", made.Name, made.Path))
		}
	}
	return nil
}

// formatOf is the format of a shard: nil of reports and rejected rows, which have one file.
func (o *Options) formatOf(shard int) (*results.Format, error) {
	if shard == shardReport || shard == shardRejected {
		return nil, nil
	}
	if shard < 0 || shard >= max(o.NumShards, 1) || o.Path == "" {
		return nil, fmt.Errorf("output: a part of shard %d of %d", shard, o.NumShards)
	}
	return o.format()
}

// checkStaged refuses a path that is not right in the staging directory.
func (o *Options) checkStaged(path string) error {
	if dir, name := files.Split(path); dir != files.Join(o.Staging(), "") || name == "" || name == "." || name == ".." {
		return fmt.Errorf("output: a part in %s, expected one in %s", path, o.Staging())
	}
	return nil
}

// Report makes a part of a report, which must encode as JSON. [ReadReports] gives them in their order: those of tasks
// have their number, those that come before have one below 0.
func Report(order int64, report any) (Part, error) {
	b, err := json.Marshal(report)
	return Part{Shard: shardReport, Order: order, Report: b}, err
}

// Publish assembles the parts, in the order of the rows, into the files of the output: PCollection<Part>. A file is
// written under a temporary name, and when all are complete they are put in place. Until then no output exists, and
// one that an earlier run has left stays as it was.
func Publish(s beam.Scope, parts beam.PCollection, o Options) {
	s = s.Scope("output.Publish")
	all := beam.Flatten(s, parts, beam.CreateList(s, o.empty()))
	keyed := beam.ParDo(s, &byShardFn{}, all)
	assembled := beam.ParDo(s, &assembleFn{Options: o}, beam.GroupByKey(s, keyed))
	Conclude(s, &publishFn{Options: o}, assembled)
}

// Conclude ends a pipeline with a DoFn that takes all of a PCollection at once, as a key that does not matter and an
// iterator, and gives a value that nobody reads. A GroupByKey takes it all the same: while a stage without any output
// runs, as that of beam.ParDo0 would be, Prism spins on a processor (Beam 2.77, prism/internal/stage.go: it selects
// on a channel that is closed). That was a quarter of the CPU time of a small job.
func Conclude(s beam.Scope, fn any, all beam.PCollection) {
	last := beam.ParDo(s, fn, beam.GroupByKey(s, beam.AddFixedKey(s, all)))
	beam.GroupByKey(s, beam.AddFixedKey(s, last))
}

// empty are parts without anything: a shard without any row is a file all the same.
func (o *Options) empty() []Part {
	empty := []Part{{Shard: shardReport, Order: -1}}
	for i := range o.NumShards {
		if o.Path != "" {
			empty = append(empty, Part{Shard: i, Order: -1})
		}
	}
	return empty
}

// PublishHere is [Publish] in this process, without Beam.
func PublishHere(ctx context.Context, parts []Part, o Options) error {
	byShard := map[int][]Part{}
	for _, p := range slices.Concat(parts, o.empty()) {
		byShard[p.Shard] = append(byShard[p.Shard], p)
	}
	var made []Part
	assemble := &assembleFn{Options: o}
	for _, shard := range slices.Sorted(maps.Keys(byShard)) {
		err := assemble.ProcessElement(ctx, shard, iterate(byShard[shard]), func(p Part) { made = append(made, p) })
		if err != nil {
			return err
		}
	}
	return (&publishFn{Options: o}).publish(ctx, iterate(made))
}

// iterate gives parts as Beam does.
func iterate(parts []Part) func(*Part) bool {
	return func(p *Part) bool {
		if len(parts) == 0 {
			return false
		}
		*p, parts = parts[0], parts[1:]
		return true
	}
}

type byShardFn struct{}

func (*byShardFn) ProcessElement(p Part) (int, Part) { return p.Shard, p }

// assembleFn makes the files of one shard.
type assembleFn struct{ Options Options }

func (f *assembleFn) ProcessElement(ctx context.Context, shard int, iter func(*Part) bool, emit func(Part)) error {
	progress.Of(f.Options.RunID).Phase("writing the output")
	start := time.Now()
	out := Part{Shard: shard}
	var parts []Part
	var p Part
	for iter(&p) {
		if len(p.Paths) > 0 || len(p.Report) > 0 || p.isShape() {
			if err := f.Options.check(&p); err != nil {
				return fault.Mark(err)
			}
			parts = append(parts, p)
		}
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].Order < parts[j].Order })
	var err error
	switch shard {
	case shardReport:
		err = f.list(ctx, &out, parts)
	case shardRejected:
		err = f.concatenate(ctx, &out, parts)
	default:
		err = f.assemble(ctx, &out, parts)
	}
	if err == nil && shard != shardReport {
		out.Report, err = json.Marshal(time.Since(start).Seconds())
	}
	if err != nil {
		return fault.Mark(err)
	}
	emit(out)
	return nil
}

// list writes the reports, a line each.
func (f *assembleFn) list(ctx context.Context, out *Part, parts []Part) error {
	made, err := f.Options.write(ctx, f.Options.staged("reports"), func(w io.Writer) error {
		for _, p := range parts {
			if _, err := w.Write(append(p.Report, '\n')); err != nil {
				return err
			}
		}
		return nil
	})
	out.Made = []files.Info{made}
	return err
}

func (f *assembleFn) assemble(ctx context.Context, out *Part, parts []Part) error {
	format, err := f.Options.format()
	if err != nil {
		return err
	}
	layout, err := f.layout(ctx)
	if err != nil {
		return err
	}
	for i := range format.Files(f.Options.Path, layout) {
		sources := make([]results.Part, len(parts))
		for j, p := range parts {
			sources[j] = results.Part{Info: p.Info,
				Open: func(file int) (io.ReadCloser, error) { return files.OpenRead(ctx, p.Paths[file]) }}
		}
		path := f.Options.staged("shard-%d-%d", out.Shard, i)
		made, err := f.Options.write(ctx, path,
			func(w io.Writer) error { return format.Assemble(i, w, sources, layout) })
		if err != nil {
			return err
		}
		out.Made = append(out.Made, made)
	}
	return nil
}

// layout is that of the options, with the names of the features.
func (f *assembleFn) layout(ctx context.Context) (l results.Layout, err error) {
	l = f.Options.Layout
	if f.Options.Names == "" {
		return l, nil
	}
	b, err := files.ReadFile(ctx, f.Options.Names)
	if err != nil {
		return l, err
	}
	named := *l.Features
	l.Features = &named
	return l, json.Unmarshal(b, &named.Names)
}

func (f *assembleFn) concatenate(ctx context.Context, out *Part, parts []Part) error {
	made, err := f.Options.write(ctx, f.Options.staged("rejected"), func(w io.Writer) error {
		for _, p := range parts {
			r, err := files.OpenRead(ctx, p.Paths[0])
			if err != nil {
				return err
			}
			_, err = io.Copy(w, r)
			if err = errors.Join(err, r.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	out.Made = []files.Info{made}
	return err
}

// publishFn puts the complete files in place, and leaves the summary for the program that runs the pipeline.
type publishFn struct{ Options Options }

func (f *publishFn) ProcessElement(ctx context.Context, _ int, iter func(*Part) bool) (bool, error) {
	return true, fault.Mark(f.publish(ctx, iter))
}

func (f *publishFn) publish(ctx context.Context, iter func(*Part) bool) error {
	var summary Summary
	var parts []Part
	var p Part
	for iter(&p) {
		if err := f.Options.checkMade(&p); err != nil {
			return err
		}
		parts = append(parts, p)
		if p.Shard == shardReport {
			summary.Reports = p.Made[0].Location()
			continue
		}
		var seconds float64
		if err := json.Unmarshal(p.Report, &seconds); err != nil {
			return fmt.Errorf("output: the report of shard %d: %w", p.Shard, err)
		}
		summary.Assemble += seconds
	}
	if f.Options.Path != "" {
		// Whoever ends the run in the meantime waits for the whole output, or keeps it from being put there.
		place, stop := untilEnd(ctx, f.Options.RunID)
		defer stop()
		if err := WhileRuns(f.Options.RunID, func() error { return f.place(place, parts, &summary) }); err != nil {
			return err
		}
	}
	release(f.Options.RunID)
	if len(f.Options.Leaves) > 0 {
		var errs []error
		for _, dir := range f.Options.Leaves {
			errs = append(errs, files.RemoveAll(ctx, dir))
		}
		return errors.Join(errs...)
	}
	_, err := f.Options.write(ctx, summaryPath(&f.Options),
		func(w io.Writer) error { return json.NewEncoder(w).Encode(summary) })
	return err
}

// place puts the files of all shards in place.
func (f *publishFn) place(ctx context.Context, parts []Part, summary *Summary) error {
	format, err := f.Options.format()
	if err != nil {
		return err
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].Shard < parts[j].Shard })
	rejected := RejectedPath(f.Options.Path)
	var moves []files.Move
	for _, p := range parts {
		switch p.Shard {
		case shardReport:
		case shardRejected:
			moves = append(moves, files.Move{From: p.Made[0], To: rejected})
			if !files.IsStream(f.Options.Path) {
				summary.RejectedFiles = append(summary.RejectedFiles, rejected)
			}
		default:
			name := f.Options.Path
			if f.Options.NumShards > 1 {
				name = results.ShardName(name, p.Shard, f.Options.NumShards)
			}
			for i, to := range format.Files(name, f.Options.Layout) {
				moves = append(moves, files.Move{From: p.Made[i], To: to})
				summary.OutputFiles = append(summary.OutputFiles, to)
			}
		}
	}
	if files.IsStream(f.Options.Path) {
		return files.Publish(ctx, f.Options.Path,
			slices.DeleteFunc(moves, func(m files.Move) bool { return m.To == rejected }))
	}
	obsolete, err := f.Options.EarlierShards(ctx)
	if err != nil {
		return err
	}
	if len(summary.RejectedFiles) == 0 {
		obsolete = append(obsolete, rejected) // which an earlier run has rejected, none of this output
	}
	return files.Publish(ctx, f.Options.Path, moves, obsolete...)
}

// Summary says what was written.
type Summary struct {
	OutputFiles   []string // in the order of the shards
	RejectedFiles []string
	Assemble      float64 // seconds, added up over the shards
	Reports       string  // the file of the reports, in the staging directory
}

func summaryPath(o *Options) string { return o.staged("summary.json") }

// ReadReports reads what a finished run has left in its staging directory: each report, in their order, and the
// summary.
func ReadReports(ctx context.Context, o *Options, each func(report []byte) error) (*Summary, error) {
	var summary Summary
	if err := read(ctx, summaryPath(o),
		func(r io.Reader) error { return json.NewDecoder(r).Decode(&summary) }); err != nil {
		return nil, err
	}
	err := read(ctx, summary.Reports, func(r io.Reader) error {
		b := bufio.NewReaderSize(r, 1<<20)
		for {
			line, err := b.ReadBytes('\n')
			if err == io.EOF && len(line) == 0 {
				return nil
			}
			if err != nil {
				return err
			}
			if err := each(line); err != nil {
				return err
			}
		}
	})
	return &summary, err
}

// read reads a file; the error names it.
func read(ctx context.Context, path string, use func(io.Reader) error) error {
	r, err := files.OpenRead(ctx, path)
	if err != nil {
		return err
	}
	if err := errors.Join(use(r), r.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
