// Package cli is what the mains share: flags in groups, faults all at once, one line for an error, progress, a summary,
// and the launch on a runner.
package cli

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/transforms/files"
	"beamlearn/transforms/vectorio"
)

// Exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitShort       = 3
	exitInterrupted = 130
	exitPipe        = 141 // as of whoever SIGPIPE ends: a reader of the output has gone away
)

// UsageError says that the command line is at fault: exit code 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// ShortError says in what an output, which is there, falls short of what was asked for: exit code 3.
type ShortError struct{ Found string }

func (e *ShortError) Error() string { return e.Found }

// Usage makes a UsageError of the faults among errs, or nil.
func Usage(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return &UsageError{err}
	}
	return nil
}

// App is a command: its flags, in groups, and what it does. Each has a flag set of its own, so that all commands can
// be in one program.
type App struct {
	name, synopsis string
	flags          *flag.FlagSet
	groups         []*Group
	cluster        *Group            // where to run, of --help=cluster
	aliases        map[string]string // hidden names of flags, each with the one that the help shows
	values         map[string][]string
	paths          []*Path
	outputs        []func() []files.Named // the files that it may write, known when the flags are
	run            func(ctx context.Context) error
	runHere        func(ctx context.Context, files []string) error // without Beam, where that is not nil

	topic          string // of the help that is asked for
	versioned      bool   // the version is asked for
	called         string // as the user has called it: "beamlearn sgd"
	verbose, quiet *bool
	log            *slog.Logger // of what is said as JSON; nil: as text
	explain        *bool
	missing        []string // what the launch of an explained job would lack
	summary        *Path
	workerArch     *string
	byproducts     []func() []files.Named // what it writes without having been asked for it
	launch         *launch
	datasets       []*vectorio.Dataset   // that the job reads
	before         map[string]files.Info // the outputs of a job elsewhere, as they were when it began
	follows        func() bool           // rows are answered as they come
	answered       string                // how many were, where that is not ""
	tables         *Tables               // nil: rows are always those of tables, or never
	input          *Input                // nil: the command has flags of its own for what it reads
	triples        *Triples              // nil where no input is triples
}

// Group is a group of flags under a heading of --help.
type Group struct {
	app     *App
	heading string
	flags   []*flag.Flag
}

// New makes a command without any flag.
func New(name, synopsis string) *App {
	a := &App{name: name, called: name, synopsis: synopsis, flags: flag.NewFlagSet(name, flag.ContinueOnError),
		aliases: map[string]string{}, values: map[string][]string{}}
	a.flags.SetOutput(io.Discard)
	a.flags.Usage = func() {}
	return a
}

// Runs says what the command does, and adds the flags that all commands have: it is called when the command has its
// own.
func (a *App) Runs(run func(ctx context.Context) error) *App {
	a.run = run
	g := a.Group("What to show")
	a.summary = g.OutputFile("summary", "also write the summary as JSON to this `FILE`").Here().Streams()
	a.explain = g.Bool("explain", false,
		"show what the job would do, how long it would take and what it needs, and do nothing; with --runner, "+
			"--parallelism and so on as it would run")
	a.quiet = g.Bool("quiet", false, "show errors only")
	a.verbose = g.Bool("verbose", false, "show the log of Beam and its runner, and the whole of an error")
	g.logFormat()
	a.launchGroup()
	return a
}

// RunsHere is Runs of a command that takes files, among its options or after them, and does its work in this process,
// without Beam.
func (a *App) RunsHere(run func(ctx context.Context, files []string) error) *App {
	a.runHere = run
	g := a.Group("What to show")
	a.quiet = g.Bool("quiet", false, "show no progress")
	a.verbose = g.Bool("verbose", false, "show the log of the file systems, and the whole of an error")
	g.logFormat()
	return a
}

// Group adds a group of flags.
func (a *App) Group(heading string) *Group {
	g := &Group{app: a, heading: heading}
	a.groups = append(a.groups, g)
	return g
}

func (g *Group) add(name string) { g.flags = append(g.flags, g.app.flags.Lookup(name)) }

// String adds a flag. The usage names its value in backquotes.
func (g *Group) String(name, value, usage string) *string {
	p := g.app.flags.String(name, value, usage)
	g.add(name)
	return p
}

// Choice adds a flag whose values are known, which a shell completes.
func (g *Group) Choice(name, value string, values []string, usage string) *string {
	g.app.values[name] = values
	return g.String(name, value, usage)
}

// Int adds a flag.
func (g *Group) Int(name string, value int, usage string) *int {
	p := g.app.flags.Int(name, value, usage)
	g.add(name)
	return p
}

// Bool adds a flag.
func (g *Group) Bool(name string, value bool, usage string) *bool {
	p := g.app.flags.Bool(name, value, usage)
	g.add(name)
	return p
}

// Float adds a flag.
func (g *Group) Float(name string, value float64, usage string) *float64 {
	p := g.app.flags.Float64(name, value, usage)
	g.add(name)
	return p
}

// OptionalFloat adds a flag that is nil where it is not given.
func (g *Group) OptionalFloat(name, usage string) **float64 {
	p := new(*float64)
	g.Func(name, usage, func(s string) error {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return errors.New("must be a number")
		}
		*p = &v
		return nil
	})
	return p
}

// Func adds a flag that set reads. The usage names its value in backquotes, and has its default.
func (g *Group) Func(name, usage string, set func(string) error) {
	g.app.flags.Var(&setter{set: set}, name, usage)
	g.add(name)
}

// setter is the value of such a flag, which keeps its text: flag.Func does not.
type setter struct {
	set  func(string) error
	text string
}

// Set reads a value.
func (v *setter) Set(s string) error {
	v.text = s
	return v.set(s)
}

// String is the value as it was given.
func (v *setter) String() string { return v.text }

// Seed adds the flag --seed, which scikit-learn calls random_state.
func (g *Group) Seed(usage string) *int {
	p := g.Int("seed", 0, usage)
	g.app.alias("random_state", "seed")
	return p
}

// alias gives a flag another name, which scripts may still use and no help shows.
func (a *App) alias(hidden, name string) {
	f := a.flags.Lookup(name)
	a.flags.Var(f.Value, hidden, f.Usage)
	a.aliases[hidden] = name
}

// Given reports whether a flag stands on the command line, under any of its names.
func (a *App) Given(name string) bool {
	found := false
	a.flags.Visit(func(f *flag.Flag) {
		of, hidden := a.aliases[f.Name]
		found = found || f.Name == name || hidden && of == name
	})
	return found
}

// Repeat are those of these flags that were given, as they stand in a command: --NAME=VALUE.
func (a *App) Repeat(names ...string) (flags []string) {
	for _, name := range names {
		if a.Given(name) {
			flags = append(flags, "--"+name+"="+a.flags.Lookup(name).Value.String())
		}
	}
	return flags
}

// Size adds a flag for a number of bytes: 500000, 200MB, 1GiB.
func (g *Group) Size(name string, value int64, usage string) *int64 {
	p := &value
	g.Func(name, usage, func(s string) error {
		v, err := parseSize(s)
		*p = v
		return err
	})
	return p
}

// CacheMemory adds the flag of how many bytes of rows learners keep between passes.
func (g *Group) CacheMemory(value int64) *int64 {
	return g.Size("cache_memory", value,
		"how many bytes of rows to keep between passes, as `SIZE`, where the work is done in this process (default "+
			"512MiB): of text, .parquet and .arrow a sixteenth of that in memory, and up to eight times as much in a "+
			"temporary file; of other formats in memory, if all have room; 0 reads them anew in each pass")
}

var units = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1},
}

// parseSize reads a number of bytes.
func parseSize(s string) (int64, error) {
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(v >= 0) || v*u.bytes >= 1<<62 {
			break
		}
		return int64(v * u.bytes), nil
	}
	return 0, errors.New("must be a number of bytes like 500000, 200MB or 1GiB")
}

// report prints each fault on a line and gives the exit code.
func (a *App) report(err error) int {
	if err == nil {
		return 0
	}
	var usage *UsageError
	isUsage := errors.As(err, &usage) || fault.IsAsked(err)
	for _, line := range a.lines(err) {
		a.Say(slog.LevelError, "%s", a.asGiven(line))
	}
	if a.tables != nil {
		if hint := a.tables.hint(err); hint != "" {
			a.sayPlain(hint)
		}
	}
	if isUsage {
		a.sayPlain("See " + a.called + " --help.")
		return exitUsage
	}
	var short *ShortError
	if errors.As(err, &short) {
		return exitShort
	}
	return exitFailed
}

// faultLines are as many faults as are told at once.
const faultLines = 10

// lines are what a user needs of an error: the faults that a worker has marked, in the runner's many words around them,
// or else its lines.
func (a *App) lines(err error) []string {
	text := err.Error()
	if a.verbose != nil && *a.verbose {
		return []string{text}
	}
	if marked := fault.Find(text); len(marked) > 0 {
		// Several workers may have failed; the first by its place is the same every time.
		return strings.Split(strings.TrimSpace(marked[0]), "\n")
	}
	var run *runError
	if isPrismFault(err) {
		return []string{"Apache Beam's runner in this process has failed by a fault of its own: run this again (the whole " +
			"error: --verbose)"}
	}
	if errors.As(err, &run) {
		first, rest, more := strings.Cut(text, "\n")
		if strings.HasSuffix(first, ":") {
			// "job NAME failed:" and, below it, why.
			var why string
			why, _, more = strings.Cut(strings.TrimSpace(rest), "\n")
			first += " " + strings.TrimSpace(why)
		}
		if more {
			first += " … (the whole error: --verbose)"
		}
		return []string{first}
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if more := len(lines) - faultLines; more > 1 { // as where each of many files lacks a column
		lines = append(lines[:faultLines], "… and "+strconv.Itoa(more)+" more (all of them: --verbose)")
	}
	return lines
}

// Names lists the values of a flag.
func Names[T ~string](values []T) string {
	return strings.Join(Texts(values), ", ")
}

// Texts are the values of a flag.
func Texts[T ~string](values []T) []string {
	var texts []string
	for _, v := range values {
		texts = append(texts, string(v))
	}
	return texts
}
