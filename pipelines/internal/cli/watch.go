package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"beamlearn/model/fault"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
)

// Watch is the flags of a command that goes on with files as they arrive.
type Watch struct {
	app           *App
	on, once      *bool
	every, settle *time.Duration
}

// Watch adds the flags --watch, --every, --settle and --once. The usage says what is done with a file.
func (g *Group) Watch(usage string) *Watch {
	return &Watch{
		app:   g.app,
		on:    g.Bool("watch", false, usage),
		every: g.duration("every", time.Minute, "how often --watch looks for files, as `TIME`: --every=10s"),
		settle: g.duration("settle", 2*time.Second,
			"for how long --watch sees a file unchanged before it takes it, as `TIME`: --settle=30s; 0 where all writers "+
				"rename files into place"),
		once: g.Bool("once", false, "end --watch after the files that are there, as for cron"),
	}
}

// duration adds a flag for a time.
func (g *Group) duration(name string, value time.Duration, usage string) *time.Duration {
	p := g.app.flags.Duration(name, value, usage)
	g.add(name)
	return p
}

// On reports whether files are taken as they arrive.
func (w *Watch) On() bool { return *w.on }

// Every is the pace of it.
func (w *Watch) Every() time.Duration { return *w.every }

// Check says what the flags cannot be together with the patterns of the files: without names those of flags that
// --watch cannot have, and outputs, absolute, that would be taken for inputs.
func (w *Watch) Check(patterns, without, outputs []string) error {
	var errs []error
	for _, name := range []string{"every", "settle", "once"} {
		if !w.On() && w.app.Given(name) {
			errs = append(errs, fmt.Errorf("--%s: is of --watch", name))
		}
	}
	if !w.On() {
		return errors.Join(errs...)
	}
	if *w.every <= 0 || *w.settle < 0 {
		errs = append(errs, errors.New("--every and --settle: must be times like 1m, 10s or 500ms"))
	}
	for _, name := range without {
		if w.app.Given(name) {
			errs = append(errs, fmt.Errorf("--%s: not with --watch", name))
		}
	}
	if w.app.Explaining() {
		errs = append(errs, errors.New("--explain: not with --watch, whose files are not there yet"))
	}
	for _, p := range patterns {
		if p == files.Std {
			errs = append(errs, errors.New("--input=-: not with --watch, which takes files"))
		}
		for _, o := range outputs {
			if files.Matches(p, o) {
				errs = append(errs, fmt.Errorf("--input=%s: --watch would take %s for an input: write elsewhere", p, Relative(o)))
			}
		}
	}
	return errors.Join(errs...)
}

// Each gives the files that have arrived and are not known to do, some in order, and looks again after Every, until a
// signal comes, which is no error, or the files that are there are done, if that is asked for. do ends early where the
// context does.
func (w *Watch) Each(ctx context.Context, patterns []string, known func(files.Info) bool,
	do func(context.Context, []files.Info) error) error {
	arrivals := files.Arrivals{Patterns: patterns, Settle: *w.settle}
	idle := false
	for {
		found, err := arrivals.Look(ctx, known)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil && len(found) > 0 {
			idle = true
			err = do(ctx, found)
		}
		if err != nil || *w.once || ctx.Err() != nil {
			return err
		}
		if !idle {
			idle = true
			w.app.Tell(fmt.Sprintf("no new file at %s: looking every %v", strings.Join(patterns, ", "), *w.every))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*w.every):
		}
	}
}

// CheckAnswers is Check of a command that answers each file in one of its own: out names them all by a *.
func (w *Watch) CheckAnswers(in *Input, patterns []string, out *Output, without []string) error {
	if !w.On() {
		return w.Check(patterns, nil, nil)
	}
	path := out.Path.Path()
	dir, base := files.Split(path)
	if strings.Count(base, "*") != 1 || strings.Contains(dir, "*") {
		return errors.Join(w.Check(patterns, without, nil),
			errors.New("--output: --watch answers each file in one of its own: give a name with a * for that of the file: "+
				"--output='out/*.csv'"))
	}
	outputs := []string{answerOf(path, "x")}
	if in.Skips() {
		outputs = append(outputs, output.RejectedPath(outputs[0]))
	}
	return w.Check(patterns, without, outputs)
}

// CheckTarget says that files of targets cannot go with the files.
func (w *Watch) CheckTarget(in *Input) error {
	if reading, err := in.Options(); !w.On() || err != nil || len(reading.Targets) == 0 {
		return nil // or the job tells of the flags
	}
	return errors.New("--target: --watch takes a column, as files of targets would have to arrive with their rows")
}

// CheckShards says that answers are not cut into shards.
func (w *Watch) CheckShards(out *Output) error {
	if !w.On() || *out.Shards <= 1 {
		return nil
	}
	return errors.New("--num_shards: --watch writes one file for each of the input")
}

// answerOf is the file of the answers to a file, by the name with a *. An ending that both have does not come twice.
func answerOf(out, name string) string {
	dir, pattern := files.Split(out)
	_, base := files.Split(name)
	before, after, _ := strings.Cut(pattern, "*")
	return dir + before + strings.TrimSuffix(base, after) + after
}

// Answers gives each file that arrives to answer once, with the file of its answers, which must get its name when it is
// whole: where that is there, the file is answered. A file that cannot be answered ends it, or, where faults are
// skipped, is told, and tried again when it changes, or by the next process.
func (w *Watch) Answers(ctx context.Context, in *Input, patterns []string, out *Output,
	answer func(ctx context.Context, info files.Info, to string) error) error {
	dir, _ := files.Split(out.Path.Path())
	if err := files.SweepNamed(ctx, dir, "."); err != nil {
		return err
	}
	owners, told := map[string]string{}, map[files.Info]bool{}
	known := func(info files.Info) bool {
		to := answerOf(out.Path.Path(), info.Name)
		if owner, taken := owners[to]; taken && owner != info.Location() {
			return false // which is told when it is to be answered
		}
		owners[to] = info.Location()
		if told[info] {
			return true
		}
		there, err := files.Stat(ctx, to)
		if err == nil && files.Newer(info, there) {
			told[info] = true
			w.app.Say(slog.LevelWarn, "%s has changed since it was answered: remove %s for another answer", info.Name,
				Relative(to))
		}
		return err == nil
	}
	return w.Each(ctx, patterns, known, func(ctx context.Context, found []files.Info) error {
		for _, info := range found {
			if ctx.Err() != nil {
				return nil
			}
			to := answerOf(out.Path.Path(), info.Name)
			if owner := owners[to]; owner != info.Location() {
				return fmt.Errorf("%s and %s would both be answered in %s: give one of them another name", Relative(owner),
					info.Name, Relative(to))
			}
			w.app.Forget()
			err := answer(context.WithoutCancel(ctx), info, to)
			switch {
			case err == nil:
			case Gone(ctx, info):
				w.app.Tell(fmt.Sprintf("%s changed while it was read: it is looked at again", info.Name))
			case in.Skips() && Faulty(err):
				told[info] = true
				w.app.Say(slog.LevelWarn, "not answered: %s", w.app.Reason(err))
			default:
				return err
			}
		}
		return nil
	})
}

// Faulty reports whether an error is of a file, so that others can be read all the same.
func Faulty(err error) bool {
	var bad *fault.Fault
	var usage *UsageError
	return errors.As(err, &bad) || errors.As(err, &usage)
}

// Gone reports whether a file is no longer what it was when it was found.
func Gone(ctx context.Context, info files.Info) bool {
	now, err := files.Stat(ctx, info.Name)
	return errors.Is(err, os.ErrNotExist) || err == nil && (now.Size != info.Size || now.Version != info.Version)
}

// Forget is for a job that goes on with other files: datasets that were noted are none of theirs.
func (a *App) Forget() { a.datasets = nil }

// GivenBut are the flags that stand on the command line, as they stand there, but for these and those of where to run:
// in the order of their names, without what is false.
func (a *App) GivenBut(names ...string) (all []string) {
	a.flags.Visit(func(f *flag.Flag) {
		name := f.Name
		if of, hidden := a.aliases[name]; hidden {
			name = of
		}
		_, beams := f.Value.(beams)
		if !beams && !slices.Contains(names, name) &&
			!slices.ContainsFunc(a.cluster.flags, func(c *flag.Flag) bool { return c.Name == name }) {
			if s := "--" + name + "=" + f.Value.String(); !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	})
	return all
}

// Reason is the one line that a user is told of an error.
func (a *App) Reason(err error) string { return a.lines(err)[0] }
