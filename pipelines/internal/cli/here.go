package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"beamlearn/transforms/progress"
)

// MainHere is Main of a command that takes files, among its options or after them, and does its work in this process,
// without Beam.
func (a *App) MainHere(run func(ctx context.Context, files []string) error) {
	a.here = true
	g := a.Group("What to show")
	a.quiet = g.Bool("quiet", false, "show no progress")
	a.verbose = g.Bool("verbose", false, "show the log of the file systems, and the whole of an error")
	os.Exit(a.mainHere(run))
}

func (a *App) mainHere(run func(ctx context.Context, files []string) error) int {
	flag.CommandLine.Init(a.name, flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	flag.Usage = func() {}
	var files []string
	for args := os.Args[1:]; len(args) > 0; {
		err := flag.CommandLine.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			a.help(os.Stdout)
			return 0
		}
		if err != nil {
			return a.report(Usage(err))
		}
		if args = flag.Args(); len(args) > 0 {
			files, args = append(files, args[0]), args[1:]
		}
	}
	silence(*a.verbose)
	keepWithin(MemoryLimit())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, files)
	if ctx.Err() != nil {
		fmt.Fprintf(os.Stderr, "%s: interrupted\n", a.name)
		return exitInterrupted
	}
	return a.report(err)
}

// While does the work of a command of this process and shows its progress.
func (a *App) While(work func(run *progress.Run) error) error {
	run := progress.Start("")
	defer progress.Stop("")
	_, err := a.watch(context.Background(), run, func() error { return work(run) })
	return err
}
