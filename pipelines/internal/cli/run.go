package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"beamlearn/model/formats"
	"beamlearn/transforms/files"
	"beamlearn/transforms/inprocess"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
)

// silence keeps the log of Beam and of the runner in this process from the user.
func silence(verbose bool) {
	if verbose {
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	beamlog.SetLogger(dropLog{})
}

type dropLog struct{}

func (dropLog) Log(context.Context, beamlog.Severity, int, string) {}

// workers is set before a command runs: the runner changes the flags that say it.
var workers placement.Workers

// Workers are where the job runs: in this process on Prism, the default.
func Workers() placement.Workers { return workers }

// prepare checks the flags of where to run, and hands them to Beam.
func (a *App) prepare(ctx context.Context) error {
	keepWithin(MemoryLimit())
	paths, err := a.resolve()
	if err != nil {
		return Usage(err)
	}
	if err := a.checkSafe(ctx); err != nil {
		return Usage(err)
	}
	l := newLaunch(*a.workerArch, paths)
	// The job of a dry run is printed to the log.
	silence(*a.verbose || l.dryRun)
	l.defaults()
	l.findProject(ctx)
	warnings, err := l.check(ctx)
	if a.Explaining() {
		// A plan needs no engine; what the job would lack is part of it.
		if err != nil {
			warnings = append(warnings, strings.Split(err.Error(), "\n")...)
		}
		a.missing, warnings, err = warnings, nil, nil
	}
	if err != nil {
		return Usage(err)
	}
	for _, w := range warnings {
		a.Say(slog.LevelWarn, "warning: %s", w)
	}
	if l.jobName == "" {
		l.jobName = fmt.Sprintf("%s-%s-%d", a.name, time.Now().Format("20060102-150405"), os.Getpid())
	}
	a.launch, workers = l, l.workers()
	if err := a.writable(l.elsewhere() != ""); err != nil {
		return err
	}
	if !a.Explaining() {
		if err := a.sweep(ctx); err != nil {
			return err
		}
	}
	if workers == placement.InProcess {
		return nil
	}
	for _, p := range paths {
		if files.IsStream(p) {
			return Usage(fmt.Errorf("%s: only a job in this process (--runner=prism) can read or write it: give the name of "+
				"a file", p))
		}
	}
	a.before = a.look()
	return nil
}

// submit hands a pipeline to the runner. What that needs is ready before the first.
func (a *App) submit(ctx context.Context, p *beam.Pipeline) error {
	l := a.launch
	if !l.ready {
		if l.needsBinary() && l.workerBinary == "" {
			var err error
			l.workerBinary, err = findWorker(ctx, l.workerArch, func(s string) {
				if !*a.quiet {
					a.sayPlain(s)
				}
			})
			if err != nil {
				return err
			}
		}
		if err := l.apply(); err != nil {
			return err
		}
		l.ready = true
	}
	if l.workers() == placement.InProcess {
		// The SDK panics here and there where it is interrupted. What it still does then ends with this process.
		ctx = context.WithoutCancel(ctx)
		grpcx.Dial = inprocess.Dial
	}
	if err := beamx.Run(ctx, p); err != nil {
		return &runError{err}
	}
	if l.dryRun {
		return errDryRun
	}
	return nil
}

// errDryRun says that there is nothing to wait for, and no fault.
var errDryRun = errors.New("a dry run")

// runError is an error of the runner.
type runError struct{ error }

func (e *runError) Unwrap() error { return e.error }

// AsTemplate reports whether the job is to become a template, by --template_location, that others run.
func (a *App) AsTemplate() bool { return a.launch.template != "" }

// Stage makes a template of a job that needs nobody when it is over: see output.Destination. Its error is not nil, and
// says that there is nothing to wait for.
func (a *App) Stage(ctx context.Context, p *beam.Pipeline) error {
	if err := a.submit(ctx, p); err != nil {
		return a.firstFault(ctx, err)
	}
	a.Say(slog.LevelInfo, "the template is %s: its jobs read and write the files that are named now", a.launch.template)
	return errDryRun
}

// Run runs a pipeline and shows the progress of the run with this id.
func (a *App) Run(ctx context.Context, p *beam.Pipeline, runID string) error {
	if a.AsTemplate() {
		return Usage(errors.New("--template_location: this needs several jobs, or work when the job is over; " +
			"kneighbors without a target, rules and a report is one job"))
	}
	run := progress.Start(runID)
	defer progress.Stop(runID)
	defer a.share(ctx, run, runID)()
	done, err := a.watch(ctx, run, func() error { return a.submit(ctx, p) })
	if done {
		return a.firstFault(ctx, err)
	}
	if err := a.launch.cancel(context.WithoutCancel(ctx)); err != nil {
		a.Say(slog.LevelError, "the job may go on at %s, where it could not be cancelled: %v", a.launch.where(), err)
	}
	return ctx.Err()
}

// DoHere does work in this process, without Beam, and shows the progress of the run with this id. It is not
// interrupted.
func (a *App) DoHere(ctx context.Context, runID string, work func(context.Context) error) error {
	run := progress.Start(runID)
	defer progress.Stop(runID)
	ctx = context.WithoutCancel(ctx)
	_, err := a.watch(ctx, run, func() error { return work(ctx) })
	return a.firstFault(ctx, err)
}

// Steps are what a job of one pipeline is made of.
type Steps[R any] struct {
	Add   func(beam.Scope) error           // to the pipeline
	Read  func(context.Context) (R, error) // the report, once the pipeline has run
	Tell  func(R) error                    // the user; nil where that comes later
	Clean func(context.Context) error      // what the run has left in its staging directory, well or not
}

// Do runs a job of one pipeline, with this id, from its first step to its last, and gives its report.
func Do[R any](ctx context.Context, a *App, runID string, steps Steps[R]) (report R, err error) {
	pipeline, s := beam.NewPipelineWithRoot()
	if err := steps.Add(s); err != nil {
		return report, err
	}
	if err = a.Run(ctx, pipeline, runID); err == nil {
		report, err = steps.Read(ctx)
	}
	if err == nil && steps.Tell != nil {
		err = steps.Tell(report)
	}
	return report, errors.Join(err, steps.Clean(context.WithoutCancel(ctx)))
}

// watch shows the state of a run while work goes on. It is done when that is, or not where ctx ends before.
func (a *App) watch(ctx context.Context, run *progress.Run, work func() error) (done bool, err error) {
	show := func() {}
	if !*a.quiet {
		show = a.show(run)
	}
	result := make(chan error, 1)
	start, before := time.Now(), placeholders()
	go func() { result <- work() }()
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-result:
			show()
			return true, err
		case <-ctx.Done():
			for {
				begun := workers != placement.InProcess || placeholders() > before || time.Since(start) > longestStart
				wait := startingUp - time.Since(start)
				if !begun {
					wait = max(wait, time.Millisecond)
				}
				select {
				case err := <-result:
					return true, err
				case <-time.After(wait):
				}
				if begun {
					return false, nil
				}
			}
		case <-tick.C:
			show()
		}
	}
}

// placeholders counts the files that the SDK has made in this process's directory of temporary files, where each
// pipeline that it runs in this process has one, in place of a worker's program.
func placeholders() int {
	made, err := filepath.Glob(filepath.Join(os.TempDir(), "beamloopbackworker-*"))
	if err != nil {
		return 0 // the directory's name is a pattern that is none
	}
	return len(made)
}

// startingUp is how long the SDK may take to start a pipeline: interrupted before, it leaves temporary files, or
// panics. On a machine that is busy it takes longer, but not longestStart, to make the first of these files: the last
// moment at which it must find the directory.
const (
	startingUp   = 200 * time.Millisecond
	longestStart = 20 * time.Second
)

const (
	showEvery = 200 * time.Millisecond
	// lineEvery is how often progress is a line where there is no terminal.
	lineEvery = 10 * time.Second
)

// show gives a function that shows the state of a run: as a bar on a terminal, as a line now and then elsewhere.
func (a *App) show(run *progress.Run) func() {
	if a.log == nil && term.IsTerminal(int(os.Stderr.Fd())) {
		bar, show := showBar(run, os.Stderr)
		return func() {
			if notes := run.Notes(); len(notes) > 0 {
				bar.Clear()
				a.tell(notes)
			}
			show()
		}
	}
	start, last := time.Now(), time.Now()
	return func() {
		a.tell(run.Notes())
		if time.Since(last) < lineEvery {
			return
		}
		last = time.Now()
		a.sayPlain(progressLine(run, time.Since(start)))
	}
}

// tell shows what a run has to say while it goes on.
func (a *App) tell(notes []string) {
	for _, n := range notes {
		a.Say(slog.LevelInfo, "%s", n)
	}
}

// progressLine is the state of a run that began so long ago. The rate is that of the phase, and nothing is foretold
// from more rows than there were to be.
func progressLine(run *progress.Run, elapsed time.Duration) string {
	phase, done, total := run.State()
	if phase == "" {
		phase = "running"
	}
	line := fmt.Sprintf("%s, %.0f s", phase, elapsed.Seconds())
	phased := elapsed
	if begun := run.Begun(); !begun.IsZero() {
		phased = min(phased, time.Since(begun))
	}
	rate := float64(done) / max(phased, time.Millisecond).Seconds()
	switch {
	case done > 0 && done == total: // what is left to do now is no reading of rows, and nobody knows how long it takes
		line += fmt.Sprintf(": all %d rows read", total)
	case done > 0 && (total <= 0 || done > total):
		line += fmt.Sprintf(": %d rows, %.0f rows/s", done, rate)
	case done > 0: // while rows are left, it is neither 100 % nor 0 s
		line += fmt.Sprintf(": %d of %d rows (%.0f %%), %.0f rows/s, %.0f s left",
			done, total, math.Floor(100*float64(done)/float64(total)), rate, math.Ceil(float64(total-done)/rate))
	}
	return line
}

func showBar(run *progress.Run, w io.Writer) (*progressbar.ProgressBar, func()) {
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("rows"), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("starting"))
	return bar, func() {
		phase, done, total := run.State()
		if done > total {
			total = -1 // not known
		}
		if total > 0 && bar.GetMax64() != total {
			bar.ChangeMax64(total)
		}
		if phase != "" {
			bar.Describe(phase)
		}
		if done > 0 {
			bar.Set64(done)
		}
		if done == total && total > 0 {
			bar.Clear()
		}
	}
}

// Summary writes the end of a run: lines for the user, and the JSON that they asked for.
func (a *App) Summary(lines []string, data any) error {
	if *a.quiet {
		return a.writeSummary(data)
	}
	if a.log == nil {
		for _, line := range lines {
			a.sayPlain(line)
		}
		return a.writeSummary(data)
	}
	b, err := a.encodeSummary(data)
	if err != nil {
		return err
	}
	a.log.Info("done", "summary", b)
	return a.writeSummary(data)
}

// encodeSummary is a summary as JSON, with what the datasets add to it.
func (a *App) encodeSummary(data any) (json.RawMessage, error) {
	b, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return nil, err
	}
	return a.withLeftOut(b)
}

// writeSummary writes the JSON where the user has asked for it.
func (a *App) writeSummary(data any) error {
	name := a.summary.Path()
	if name == "" {
		return nil
	}
	b, err := a.encodeSummary(data)
	if err != nil {
		return err
	}
	return files.Output(context.Background(), name, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// withLeftOut adds the columns that are not used, where there are any, to an object of JSON.
func (a *App) withLeftOut(b []byte) ([]byte, error) {
	var left []formats.Column
	for _, d := range a.datasets {
		if d == nil {
			continue
		}
		for _, c := range d.LeftOut {
			if !slices.Contains(left, c) {
				left = append(left, c)
			}
		}
	}
	object, ok := bytes.CutSuffix(b, []byte("\n}"))
	if len(left) == 0 || !ok {
		return b, nil
	}
	list, err := json.MarshalIndent(left, "  ", "  ")
	return fmt.Appendf(object, ",\n  \"columns_left_out\": %s\n}", list), err
}

// Relative shows a path below the working directory without it.
func Relative(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		return name
	}
	if r, err := filepath.Rel(dir, name); err == nil && !strings.HasPrefix(r, "..") && !strings.Contains(name, "://") {
		return r
	}
	return name
}

// FileLines are the last lines of a summary: how many rows were left out, with the files that list them, and the files
// of the output.
func FileLines(rejected int64, rejectedFiles, outputFiles []string) (lines []string) {
	for _, f := range rejectedFiles {
		lines = append(lines, fmt.Sprintf("  %s left out: %s", Count(rejected, "row"), Relative(f)))
	}
	for _, f := range outputFiles {
		lines = append(lines, Relative(f))
	}
	return lines
}
