package recommend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"beamlearn/model/fault"
	model "beamlearn/model/recommend"
	"beamlearn/model/triples"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	rows "beamlearn/transforms/triples"
	"beamlearn/transforms/vectorio"
)

// buildFn reads all rows and finds the neighbours of items.
type buildFn struct {
	Columns      rows.Columns
	Reading      vectorio.Options
	Only         bool // some users are answered
	UsersReading vectorio.Options
	UsersHeader  string `json:",omitempty"`
	ItemsReading vectorio.Options
	Options      Options
}

// reportOrder puts the report of the build before those of tasks.
const reportOrder = -1

func (f *buildFn) ProcessElement(
	ctx context.Context, _ int, rows, users, items func(*vectorio.List) bool, userRanges, itemRanges func(Range),
	parts func(output.Part),
) error {
	return fault.Mark(f.build(ctx, chunksOf(rows), chunksOf(users), chunksOf(items), userRanges, itemRanges, parts))
}

// chunksOf are those of all lists, in their order.
func chunksOf(lists func(*vectorio.List) bool) (chunks []vectorio.Chunk) {
	var l vectorio.List
	for lists(&l) {
		chunks = append(chunks, l.Chunks...)
	}
	vectorio.Sort(chunks)
	return chunks
}

func (f *buildFn) build(
	ctx context.Context, all, users, items []vectorio.Chunk, userRanges, itemRanges func(Range), parts func(output.Part),
) error {
	run := progress.Of(f.Options.RunID)
	if len(all) > 0 {
		run.Begin("reading interactions", all[0].Total)
	}
	start := time.Now()
	x, rejected, err := f.read(ctx, all)
	if err != nil {
		return err
	}
	report := &Report{
		Rows: int64(x.Len()) + x.Merged, Merged: x.Merged,
		Users: int64(x.Users.Len()), Items: int64(x.Items.Len()), Interactions: int64(x.Len()),
		Read: time.Since(start).Seconds(), Rejected: int64(len(rejected)),
	}
	vectorio.Count(ctx, report.Rows, report.Rejected)
	var places []uint32
	if f.Only {
		if places, err = f.places(ctx, users, x, report); err != nil {
			return err
		}
	}
	var only []uint32
	if f.Options.Filter != "" {
		if only, err = f.only(ctx, items, x); err != nil {
			return err
		}
	}
	o := f.Options.Model
	if f.Options.Compare != nil {
		if err := f.compare(ctx, x, &o, report); err != nil {
			return err
		}
	}
	report.K, report.Shrinkage = o.K, o.Shrinkage
	x.Time = nil // whose memory is free from here on
	if f.Options.Output == "" && f.Options.NeighborsOutput == "" && !f.Options.Overview {
		return f.report(ctx, &taskReport{Built: report}, rejected, parts)
	}
	run.Begin("finding neighbours of items", 0) // whose rows are not counted
	start = time.Now()
	m, err := model.Fit(ctx, x, o, f.threads())
	if err != nil {
		return err
	}
	report.Neighbors, report.Fit = int64(len(m.Neighbor)), time.Since(start).Seconds()
	fitted := &model.Fitted{Interactions: x, Model: m, Only: only}
	told := &taskReport{Built: report}
	if f.Options.Overview {
		told.Overview = fitted.Overview(o.K, f.Options.Top, f.Options.KeepSeen)
	}
	if err := f.handOver(ctx, fitted); err != nil {
		return err
	}
	f.deal(x, places, userRanges, itemRanges)
	return f.report(ctx, told, rejected, parts)
}

// compare finds out what recommenders are worth, and takes the best.
func (f *buildFn) compare(ctx context.Context, x *model.Interactions, o *model.Options, report *Report) error {
	progress.Of(f.Options.RunID).Begin("comparing recommenders", 0) // whose rows are not counted
	start := time.Now()
	c := *f.Options.Compare
	c.Options, c.Top, c.KeepSeen = *o, f.Options.Top, f.Options.KeepSeen
	all, err := model.Compare(ctx, x, c, f.threads())
	if err != nil {
		return err
	}
	best := all.Recommender[all.Best]
	o.K, o.Shrinkage = best.K, best.Shrinkage
	report.Comparison, report.Compare = all, time.Since(start).Seconds()
	return nil
}

func (f *buildFn) threads() int { return cmp.Or(f.Options.Threads, runtime.GOMAXPROCS(0)) }

// read reads all rows.
func (f *buildFn) read(ctx context.Context, chunks []vectorio.Chunk) (*model.Interactions, []*fault.Fault, error) {
	r := &rows.Reader{
		Columns: f.Columns, Reading: f.Reading, Positive: f.Options.Model.NeedsPositive(), Threads: f.Options.Threads,
		Run: progress.Of(f.Options.RunID),
	}
	parts := make([]triples.Part, len(chunks))
	rejected, err := r.Read(ctx, chunks,
		func() rows.Taker { return &gatherer{parts: parts, users: &triples.Names{}, items: &triples.Names{}} })
	if err != nil {
		return nil, nil, err
	}
	x, err := model.New(parts, f.Options.Duplicates, f.threads())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", chunks[0].Info.Name, err)
	}
	return x, rejected, nil
}

// places are the users who are answered.
func (f *buildFn) places(ctx context.Context, chunks []vectorio.Chunk, x *model.Interactions,
	report *Report) ([]uint32, error) {
	all, err := readUsers(ctx, chunks, &f.UsersReading)
	if err != nil {
		return nil, err
	}
	places, unknown, err := choose(all, f.UsersHeader, x)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", chunks[0].Info.Name, err)
	}
	report.UnknownUsers = unknown
	return places, nil
}

// rangeRows is how many users, or items, a task answers.
const rangeRows = 1 << 14

// deal gives the work to tasks.
func (f *buildFn) deal(x *model.Interactions, places []uint32, userRanges, itemRanges func(Range)) {
	n := x.Users.Len()
	if f.Only {
		n = len(places)
	}
	if f.Options.Output == "" {
		n = 0
	}
	for first := 0; first < n; first += rangeRows {
		r := Range{Ordinal: int64(first / rangeRows), First: first, Rows: min(rangeRows, n-first), Total: int64(n)}
		if f.Only {
			r.Users = places[first : first+r.Rows]
		}
		userRanges(r)
	}
	if f.Options.NeighborsOutput == "" {
		return
	}
	n = x.Items.Len()
	for first := 0; first < n; first += rangeRows {
		itemRanges(Range{Ordinal: int64(first / rangeRows), First: first, Rows: min(rangeRows, n-first), Total: int64(n)})
	}
}

// report leaves a report and the rows that were left out.
func (f *buildFn) report(ctx context.Context, report *taskReport, rejected []*fault.Fault,
	parts func(output.Part)) error {
	p, err := output.Report(reportOrder, report)
	if err != nil {
		return err
	}
	parts(p)
	if len(rejected) == 0 || f.Options.Output == "" {
		return nil
	}
	p, err = output.WriteRejected(ctx, f.Options.output(), reportOrder, rejected)
	if err != nil {
		return err
	}
	parts(p)
	return nil
}

// models has that of a run in each worker process.
var models = output.NewShared[*model.Fitted]()

// modelFile is where workers elsewhere find the model.
func (o *Options) modelFile() string { return files.Join(o.output().Staging(), "model") }

// handOver keeps the model in this process, or writes it where workers find it.
func (f *buildFn) handOver(ctx context.Context, m *model.Fitted) error {
	if f.Options.Workers == placement.InProcess {
		_, _, err := models.Get(f.Options.modelKey(), func() (*model.Fitted, error) { return m, nil })
		return err
	}
	w, err := output.Create(ctx, f.Options.RunID, f.Options.modelFile())
	if err != nil {
		return err
	}
	return w.Fill(true, m.Encode)
}

// load gives the model to a worker process.
func (o *Options) load(ctx context.Context) (*model.Fitted, error) {
	m, _, err := models.Get(o.modelKey(), func() (*model.Fitted, error) {
		if o.Workers == placement.InProcess {
			return nil,
				errors.New("recommend: the model was made in another process: the workers of this run are not in process")
		}
		b, err := files.ReadFile(ctx, o.modelFile())
		if err != nil {
			return nil, err
		}
		return model.Decode(b)
	})
	return m, err
}
