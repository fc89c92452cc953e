// Package cli is what the mains share: flags in groups, faults all at once, one line for an error, progress, a summary,
// and the launch on a runner.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
)

// Exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// UsageError says that the command line is at fault: exit code 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Usage makes a UsageError of the faults among errs, or nil.
func Usage(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return &UsageError{err}
	}
	return nil
}

// App is a command.
type App struct {
	name, synopsis string
	groups         []*Group
	verbose, quiet *bool
	explains       bool
	explain        *bool
	missing        []string // what the launch of an explained job would lack
	summary        *string
	workerArch     *string
	launch         *launch
	here           bool // without Beam
}

// Group is a group of flags under a heading of --help.
type Group struct {
	heading string
	flags   []*flag.Flag
}

// New makes a command. The example is a command line that works as it stands.
func New(name, synopsis string) *App { return &App{name: name, synopsis: synopsis} }

// Explains adds the flag --explain.
func (a *App) Explains() *App {
	a.explains = true
	return a
}

// Group adds a group of flags.
func (a *App) Group(heading string) *Group {
	g := &Group{heading: heading}
	a.groups = append(a.groups, g)
	return g
}

func (g *Group) add(name string) { g.flags = append(g.flags, flag.Lookup(name)) }

// String adds a flag. The usage names its value in backquotes.
func (g *Group) String(name, value, usage string) *string {
	p := flag.String(name, value, usage)
	g.add(name)
	return p
}

// Int adds a flag.
func (g *Group) Int(name string, value int, usage string) *int {
	p := flag.Int(name, value, usage)
	g.add(name)
	return p
}

// Bool adds a flag.
func (g *Group) Bool(name string, value bool, usage string) *bool {
	p := flag.Bool(name, value, usage)
	g.add(name)
	return p
}

// Float adds a flag.
func (g *Group) Float(name string, value float64, usage string) *float64 {
	p := flag.Float64(name, value, usage)
	g.add(name)
	return p
}

// OptionalFloat adds a flag that is nil where it is not given.
func (g *Group) OptionalFloat(name, usage string) **float64 {
	p := new(*float64)
	flag.Func(name, usage, func(s string) error {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return errors.New("must be a number")
		}
		*p = &v
		return nil
	})
	g.add(name)
	return p
}

// Given reports whether a flag stands on the command line.
func Given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// Size adds a flag for a number of bytes: 500000, 200MB, 1GiB.
func (g *Group) Size(name string, value int64, usage string) *int64 {
	p := &value
	flag.Func(name, usage, func(s string) error {
		v, err := ParseSize(s)
		*p = v
		return err
	})
	g.add(name)
	return p
}

var units = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1},
}

// ParseSize reads a number of bytes.
func ParseSize(s string) (int64, error) {
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

// common adds the flags that every command has, last in --help.
func (a *App) common() {
	g := a.Group("What to show")
	a.summary = g.String("summary", "", "also write the summary as JSON to this `FILE`")
	if a.explains {
		a.explain = g.Bool("explain", false, "show what the job would do, how long it would take and what it needs, and do nothing; with --runner, --parallelism and so on as it would run")
	}
	a.quiet = g.Bool("quiet", false, "show errors only")
	a.verbose = g.Bool("verbose", false, "show the log of Beam and its runner, and the whole of an error")
	a.launchGroup()
}

// Main parses the command line and runs the command: it does not return. A worker process, which a runner has started
// from the same program, never gets as far as run.
func (a *App) Main(run func(ctx context.Context) error) {
	a.common()
	os.Exit(a.main(run))
}

func (a *App) main(run func(ctx context.Context) error) int {
	flag.CommandLine.Init(a.name, flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	flag.Usage = func() {}
	switch err := flag.CommandLine.Parse(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		a.help(os.Stdout)
		return 0
	case err != nil:
		return a.report(Usage(err))
	case flag.NArg() > 0:
		return a.report(Usage(fmt.Errorf("unexpected argument %q: every option begins with --", flag.Arg(0))))
	}
	if flag.Lookup("worker").Value.String() == "true" {
		if err := asWorker(); err != nil {
			return a.report(err)
		}
	}
	beam.Init() // sets up a log of its own; a worker does not come back from it
	tmp, err := privateTemp()
	if err != nil {
		return a.report(err)
	}
	defer os.RemoveAll(tmp)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err = a.prepare(ctx); err == nil {
		err = run(ctx)
	}
	if errors.Is(err, errDryRun) {
		return 0
	}
	if ctx.Err() != nil {
		fmt.Fprintf(os.Stderr, "%s: interrupted, no output written\n", a.name)
		return exitInterrupted
	}
	return a.report(err)
}

// report prints each fault on a line and gives the exit code.
func (a *App) report(err error) int {
	if err == nil {
		return 0
	}
	var usage *UsageError
	isUsage := errors.As(err, &usage)
	for _, line := range a.lines(err) {
		fmt.Fprintf(os.Stderr, "%s: %s\n", a.name, line)
	}
	if isUsage {
		fmt.Fprintf(os.Stderr, "See %s --help.\n", a.name)
		return exitUsage
	}
	return exitFailed
}

// lines are what a user needs of an error: the faults that a worker has marked, in the runner's many words around them,
// or else its lines.
func (a *App) lines(err error) []string {
	text := err.Error()
	if a.verbose != nil && *a.verbose {
		return []string{text}
	}
	if marked := fault.Find(text); len(marked) > 0 {
		// Several workers may have failed; the first by name is the same every time.
		return strings.Split(strings.TrimSpace(marked[0]), "\n")
	}
	var run *runError
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
	return strings.Split(strings.TrimSpace(text), "\n")
}

// valueNames are shown for values that a usage does not name.
var valueNames = map[string]string{"int": "N", "float": "X", "string": "TEXT", "value": "X"}

// help prints the flags by groups.
func (a *App) help(w io.Writer) {
	fmt.Fprintf(w, "%s\n", a.synopsis)
	ours := map[string]bool{}
	for _, g := range a.groups {
		fmt.Fprintf(w, "\n%s:\n", g.heading)
		for _, f := range g.flags {
			ours[f.Name] = true
			value, usage := flag.UnquoteUsage(f)
			if name, ok := valueNames[value]; ok {
				value = name
			}
			if value != "" {
				value = "=" + value
			}
			fmt.Fprintf(w, "  --%s%s\n", f.Name, value)
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "-1" {
				usage += fmt.Sprintf(" (default %s)", f.DefValue)
			}
			if example := "--" + f.Name + "=" + examples[f.Name]; value != "" && !strings.Contains(usage, "--"+f.Name+"=") {
				usage += "; for example " + example
			}
			for _, line := range wrap(usage, 90) {
				fmt.Fprintf(w, "        %s\n", line)
			}
		}
	}
	if a.here {
		return
	}
	var rest []string
	flag.VisitAll(func(f *flag.Flag) {
		if !ours[f.Name] {
			rest = append(rest, "--"+f.Name)
		}
	})
	sort.Strings(rest)
	fmt.Fprintln(w, "\nBeam's other flags, for its runners:")
	for _, line := range wrap(strings.Join(rest, " "), 96) {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

// wrap breaks a text at spaces.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// Names lists the values of a flag.
func Names[T ~string](values []T) string {
	var names []string
	for _, v := range values {
		names = append(names, string(v))
	}
	return strings.Join(names, ", ")
}
