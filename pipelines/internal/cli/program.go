package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/pipelines/internal/shortids"
	"beamlearn/pipelines/internal/startup"
	"beamlearn/transforms/files"
)

// Main is the whole of a program with one command: it does not return. A worker process, which an engine has started
// from the same program, never gets as far as the command.
func Main(command func() *App) {
	startup.Done()
	worker(os.Args[1:])
	os.Exit(command().main(os.Args[1:]))
}

// worker does not return where an engine has started this program as a worker: with Beam's own flags, and no command.
func worker(args []string) {
	if !isWorker(args) {
		return
	}
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	err := flag.CommandLine.Parse(args)
	if err == nil {
		err = asWorker()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "worker: %v\n", err)
		os.Exit(exitFailed)
	}
	shortids.Prefix() // the job may have workers in other languages
	beam.Init()       // a worker does not come back from it
}

// isWorker reports whether the arguments are those of a worker: boot gives --worker=true first.
func isWorker(args []string) bool {
	if len(args) == 0 {
		return false
	}
	name, value, given := strings.Cut(args[0], "=")
	if name != "--worker" && name != "-worker" {
		return false
	}
	is, err := strconv.ParseBool(value)
	return !given || err == nil && is
}

// main parses a command line, runs the command, and gives its exit code.
func (a *App) main(args []string) int {
	a.bridge()
	names, err := a.parse(args)
	switch {
	case a.topic != "":
		return a.report(a.help(os.Stdout, a.topic))
	case a.versioned:
		fmt.Println(version())
		return 0
	case err == nil && a.runHere == nil && len(names) > 0:
		err = fmt.Errorf("unexpected argument %q: every option begins with --", names[0])
	}
	if err != nil {
		return a.report(Usage(err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends this process at once
	// Without it, a reader of an output that goes away would end this process before it has tidied up.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := begins(leastLimit(resourceLimits())); err != nil {
		return a.report(err)
	}
	if a.runHere != nil {
		return a.runWithoutBeam(ctx, names)
	}
	return a.there(ctx)
}

// parse reads flags and, between them, files.
func (a *App) parse(args []string) (names []string, err error) {
	a.logAsAsked(args)
	given := args
	for len(args) > 0 {
		if err := a.flags.Parse(args); err != nil {
			return nil, a.suggest(err)
		}
		if args = a.flags.Args(); len(args) > 0 {
			names, args = append(names, args[0]), args[1:]
		}
	}
	for _, name := range a.repeated(given) {
		a.Tell(fmt.Sprintf("--%s is given more than once: the last counts, %s", name, a.flags.Lookup(name).Value))
	}
	return names, nil
}

// repeated are the flags that stand there more than once with different values, of which the last counts: who means
// several files gives them with commas between.
func (a *App) repeated(args []string) (names []string) {
	values := map[string]string{}
	for i, arg := range args {
		name, value, whole := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		f := a.flags.Lookup(name)
		if f == nil || !strings.HasPrefix(arg, "-") {
			continue
		}
		if is, ok := f.Value.(interface{ IsBoolFlag() bool }); !whole && ok && is.IsBoolFlag() {
			value = "true"
		} else if !whole && i+1 < len(args) {
			value = args[i+1]
		}
		if of, hidden := a.aliases[name]; hidden {
			name = of
		}
		before, twice := values[name]
		if values[name] = value; twice && before != value && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// bridge makes Beam's flags, which its runners look for in the flag package, flags of the command; and --help and
// --version.
func (a *App) bridge() {
	help := func(s string) error { a.topic = s; return nil }
	a.flags.BoolFunc("help", "", help)
	a.flags.BoolFunc("h", "", help)
	a.flags.BoolVar(&a.versioned, "version", false, "")
	if a.runHere != nil {
		return
	}
	flag.CommandLine.Init(a.name, flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	flag.VisitAll(func(f *flag.Flag) {
		// --id is what an engine tells a worker, and would be taken from who means --id_column.
		if f.Name != "id" && a.flags.Lookup(f.Name) == nil {
			a.flags.Var(beams{f}, f.Name, f.Usage)
		}
	})
}

// beams is a flag of Beam's. Beam's options are those of the flag package that are set.
type beams struct{ *flag.Flag }

func (f beams) String() string {
	if f.Flag == nil {
		return ""
	}
	return f.Value.String()
}

func (f beams) Set(s string) error { return flag.Set(f.Name, s) }

func (f beams) IsBoolFlag() bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// runWithoutBeam runs a command that does its work without Beam.
func (a *App) runWithoutBeam(ctx context.Context, names []string) int {
	silence(*a.verbose)
	keepWithin(MemoryLimit())
	remove, err := privateTemp()
	if err != nil {
		return a.report(err)
	}
	defer remove()
	err = a.runHere(ctx, names)
	switch {
	case ctx.Err() != nil && err != nil:
		a.Say(slog.LevelError, "interrupted")
		return exitInterrupted
	case errors.Is(err, syscall.EPIPE):
		return exitPipe
	}
	return a.report(err)
}

// there runs a command of Beam pipelines.
func (a *App) there(ctx context.Context) int {
	if err := flag.CommandLine.Parse(nil); err != nil {
		return a.report(err)
	}
	beam.Init() // sets up a log of its own
	remove, err := privateTemp()
	if err != nil {
		return a.report(err)
	}
	defer remove()
	if err = a.prepare(ctx); err == nil {
		err = a.work(ctx)
	}
	if before, may := a.mayBeginAgain(ctx, err); may {
		remove()
		if failed := a.beginAgain(before); failed != nil && *a.verbose {
			a.Say(slog.LevelWarn, "the job cannot begin again: %v", failed)
		}
	}
	return a.end(ctx, err)
}

// work does what the command does, on rows that are made first where its input is triples.
func (a *App) work(ctx context.Context) error {
	if a.triples == nil || a.triples.apart {
		return a.run(ctx)
	}
	run, err := a.triples.begin(ctx, a.input)
	if run {
		err = a.run(ctx)
	}
	return a.triples.end(ctx, err)
}

// end says how a run has ended, and gives the exit code. A signal that came when all was done has changed nothing.
func (a *App) end(ctx context.Context, err error) int {
	switch {
	case errors.Is(err, errDryRun):
		return 0
	case ctx.Err() != nil && err != nil:
		a.Say(slog.LevelError, "interrupted, %s", a.left())
		return exitInterrupted
	case err == nil && files.BrokenPipe():
		return exitPipe
	}
	return a.report(err)
}

// look gives what stands where workers elsewhere write.
func (a *App) look() map[string]files.Info {
	all := map[string]files.Info{}
	for _, p := range a.paths {
		if p.kind != writes || p.here || p.Path() == "" {
			continue
		}
		if info, err := files.Stat(context.Background(), p.Path()); err == nil {
			all[p.Path()] = info
		}
	}
	return all
}

// changed are the outputs that workers elsewhere have put in place.
func (a *App) changed() (names []string) {
	if a.before == nil {
		return nil
	}
	for name, now := range a.look() {
		if a.before[name] != now {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// left says what an interrupted run has left.
func (a *App) left() string {
	if a.answered != "" {
		return a.answered
	}
	var names []string
	for _, name := range append(a.inPlace(), a.changed()...) {
		if files.IsStream(name) {
			name += " (not all of it)"
		}
		names = append(names, Relative(name))
	}
	switch {
	case len(names) > 0:
		return "when this was written: " + strings.Join(names, ", ")
	}
	return "no output written"
}
