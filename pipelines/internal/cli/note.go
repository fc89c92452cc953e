package cli

import (
	"context"
	"errors"
	"log/slog"

	"beamlearn/model/fault"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// Note tells, on a line each, what a user may want to know of how the files of the datasets were read, of which some
// may be nil: see [vectorio.Dataset.Notes]. Where a job then fails by a fault of a row, [App.Run] looks in these
// datasets for the first.
func (a *App) Note(datasets ...*vectorio.Dataset) {
	a.datasets = append(a.datasets, datasets...)
	if *a.quiet {
		return
	}
	told := map[string]bool{}
	for _, d := range datasets {
		if d == nil {
			continue
		}
		for _, line := range d.Notes() {
			if !told[line] {
				a.Say(slog.LevelInfo, "%s", line)
			}
			told[line] = true
		}
	}
}

// Encoded says that the job reads a dataset instead of the one that was noted last, whose rows are those of the same
// files.
func (a *App) Encoded(d *vectorio.Dataset) {
	if n := len(a.datasets); n > 0 {
		a.datasets[n-1] = d
	}
}

// Tell tells the user something, on lines of their own, unless they want to know of errors only.
func (a *App) Tell(lines ...string) {
	if !*a.quiet {
		a.tell(lines)
	}
}

// TellSaved says how to go on after an error from which another run can.
func (a *App) TellSaved(err error) {
	var saved *linear.ResumableError
	if errors.As(err, &saved) {
		a.Say(slog.LevelWarn, "passes saved: %d; the same command with --resume goes on after them", saved.Passes)
	}
}

// firstFault is the first fault in the order of the rows, where a job of this process has failed by that of a later
// row: chunks are read side by side, and the runner tells of whichever failed first. An engine's error stays as it
// is, as its data may be too much to read here.
func (a *App) firstFault(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || workers != placement.InProcess {
		return err
	}
	marked := fault.Find(err.Error())
	if len(marked) == 0 {
		return err
	}
	file, row, ok := fault.Place(marked[0])
	for _, d := range a.datasets {
		if d == nil || !ok {
			continue
		}
		// Where these rows cannot be read any more, what is known already is what there is to tell.
		if first, e := d.FirstFault(ctx, file, row); first != nil && e == nil {
			return &runError{fault.Mark(first)}
		}
	}
	return err
}
