package cli

import (
	"context"

	"beamlearn/transforms/progress"
)

// While does the work of a command of this process and shows its progress.
func (a *App) While(work func(run *progress.Run) error) error {
	run := progress.Start("")
	defer progress.Stop("")
	_, err := a.watch(context.Background(), run, func() error { return work(run) })
	return err
}
