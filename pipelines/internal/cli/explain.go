package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"beamlearn/model/tables"
	"beamlearn/transforms/files"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// Plan is what a command would do, for --explain.
type Plan struct {
	lines    [][2]string
	warnings []string

	coreSeconds  float64
	workerMemory int64
}

// Takes says what a job takes: so many seconds on slots × threads cores like this machine's, 0 where that is not known,
// and so much memory in each worker process.
func (p *Plan) Takes(seconds float64, slots, threads int, memory int64) {
	p.coreSeconds, p.workerMemory = seconds*float64(slots*threads), memory
}

// Line adds a line: what it is about, and the rest of it.
func (p *Plan) Line(about, format string, args ...any) {
	p.lines = append(p.lines, [2]string{about, fmt.Sprintf(format, args...)})
}

// Warn adds what is likely to go wrong.
func (p *Plan) Warn(warnings ...string) { p.warnings = append(p.warnings, warnings...) }

func (p *Plan) write(w io.Writer) error {
	width := 0
	for _, l := range p.lines {
		width = max(width, len(l[0]))
	}
	for _, l := range p.lines {
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", width, l[0], l[1]); err != nil {
			return err
		}
	}
	for _, s := range p.warnings {
		if _, err := fmt.Fprintf(w, "warning: %s\n", s); err != nil {
			return err
		}
	}
	return nil
}

// RowsPlan is what a job would do that reads rows in passes, and keeps little of them.
type RowsPlan struct {
	Files  int   `json:"files"`
	Bytes  int64 `json:"bytes"`
	Rows   int64 `json:"rows"` // −1 where they must be counted, which takes reading them
	About  bool  `json:"rows_about"`
	Dim    int   `json:"columns"`
	Passes int   `json:"passes"`
	Slots  int   `json:"slots"`
	// Threads share the rows of a slot.
	Threads int `json:"threads"`
	// Seconds of reading, from a measurement on the first rows, on this machine's cores; 0 where it is not known.
	Seconds float64 `json:"read_s"`
	// WorkerMemory is what a worker process takes for the job, beside the program itself; 0 where it is not known.
	WorkerMemory int64    `json:"worker_memory_bytes"`
	Outputs      []string `json:"outputs"`
}

// The first rows that a plan is measured on.
const (
	measureRows  = 20_000
	measureBytes = 64 << 20
)

// PlanRows measures how long it takes to read rows so often. Threads are those of the flag: 0 is all cores in this
// process, and one of each slot of an engine, whose slots are the cores.
func (a *App) PlanRows(ctx context.Context, d *vectorio.Dataset, reading vectorio.Options, passes,
	threads int) (*RowsPlan, error) {
	p := &RowsPlan{
		Files: len(d.Files), Bytes: d.Bytes, Rows: d.Rows, Dim: d.Dim, Passes: passes, Slots: a.Slots(), Threads: threads,
	}
	switch {
	case threads == 0 && Workers() == placement.InProcess:
		p.Threads = runtime.GOMAXPROCS(0)
	case threads == 0:
		p.Threads = 1
	}
	if p.Rows < 0 && d.RowsAbout >= 0 {
		p.Rows, p.About = d.RowsAbout, true
	}
	for _, of := range a.outputs {
		for _, f := range of() {
			if f.Name != "" && f.Flag != rejectedRows {
				p.Outputs = append(p.Outputs, f.Name)
			}
		}
	}
	if p.Rows <= 0 {
		return p, nil
	}
	start := time.Now()
	rows, err := readFirst(ctx, d, max(min(measureRows, measureBytes/8/max(d.Dim, 1)), 256), reading)
	if err != nil {
		return nil, err
	}
	if rows > 0 {
		p.Seconds = time.Since(start).Seconds() / float64(rows) * float64(p.Rows) * float64(passes) / float64(
			p.Slots*p.Threads)
	}
	return p, nil
}

// readFirst reads at most n of the first rows, and says how many there are: as cells, where a job reads them so.
func readFirst(ctx context.Context, d *vectorio.Dataset, n int, reading vectorio.Options) (rows int, err error) {
	if !reading.Formats.Cells || reading.Encoding != nil {
		head, err := d.Head(ctx, n, reading)
		if err != nil {
			return 0, err
		}
		return head.Len(), nil
	}
	err = d.HeadTables(ctx, n, reading, func(t *tables.Table) error {
		rows += t.Len()
		return nil
	})
	return rows, err
}

// Rows adds what is read, called so, and how long that takes.
func (p *Plan) Rows(called string, r *RowsPlan) {
	number := "not known before they are read,"
	if r.Rows >= 0 {
		number = strconv.FormatInt(r.Rows, 10)
	}
	if r.About {
		number = "about " + number
	}
	p.Line(called, "%s × %s in %s, %s", number, Count(r.Dim, "column"), Count(r.Files, "file"), files.Bytes(r.Bytes))
	p.Line("passes", "%d", r.Passes)
	p.Takes(r.Seconds, r.Slots, r.Threads, r.WorkerMemory)
	if r.Seconds > 0 {
		p.Line("reading", "about %s on %d × %d cores like this machine's, as measured on the first rows; computing and "+
			"the engine's start come on top",
			Seconds(r.Seconds), r.Slots, r.Threads)
	}
	if r.WorkerMemory > 0 {
		p.Line("memory", "about %s for the job in each worker process, beside the program", files.Bytes(r.WorkerMemory))
	}
	for _, name := range r.Outputs {
		p.Line("writes", "%s", Relative(name))
	}
}

// Explaining reports whether the plan is to be shown, and nothing run.
func (a *App) Explaining() bool { return *a.explain }

// Explain shows a plan, and writes its data where --summary says.
func (a *App) Explain(p *Plan, data any) error {
	for _, path := range a.paths {
		if path.here && path.names() != nil && Workers() != placement.InProcess {
			p.Line("here only", "%s (--%s): no worker reads or writes it", path.value, path.flag.Name)
		}
	}
	if f, ok := dataflowFleet(); ok {
		p.price(&f)
	}
	p.Warn(a.missing...)
	if err := p.write(os.Stdout); err != nil {
		return err
	}
	return a.writeSummary(data)
}

// ExplainRows is [App.Explain] of a job of which there is nothing to say but what reading its rows takes, which are
// called so, and the memory that a worker needs.
func (a *App) ExplainRows(
	ctx context.Context, called string, d *vectorio.Dataset, reading vectorio.Options, passes, threads int,
	memory func(rows int64) int64,
) error {
	plan, err := a.PlanRows(ctx, d, reading, passes, threads)
	if err != nil {
		return err
	}
	plan.WorkerMemory = memory(max(plan.Rows, 0))
	show := &Plan{}
	show.Rows(called, plan)
	return a.Explain(show, plan)
}

// Slots is how many workers share a job at the runner: 1 in this process, and where nothing says.
func (a *App) Slots() int {
	if f, ok := dataflowFleet(); ok && f.slots() > 0 {
		return f.slots()
	}
	n, err := strconv.Atoi(flag.Lookup("parallelism").Value.String())
	if err != nil {
		return 1 // the engine's own
	}
	return max(n, 1)
}

// Seconds shows a time as people do.
func Seconds(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 2*3600:
		return fmt.Sprintf("%.0f minutes", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f hours", s/3600)
	}
	return fmt.Sprintf("%.0f days", s/86400)
}
