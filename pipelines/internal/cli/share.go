package cli

import (
	"context"
	"os"
	"time"

	"beamlearn/transforms/files"
	"beamlearn/transforms/progress"
)

// progressDir is where workers in other processes tell their progress: beside the first file that they write; or "".
func (a *App) progressDir(runID string) string {
	for _, p := range a.paths {
		if p.kind == writes && !p.here && p.Path() != "" {
			dir, base := files.Split(p.Path())
			return dir + "." + base + "." + runID + ".progress"
		}
	}
	return ""
}

const (
	gatherEvery       = 2 * time.Second
	gatherRemoteEvery = 10 * time.Second
)

// share shows in run what workers in other processes do, until stop is called. Where that cannot be, run is left as
// it is.
func (a *App) share(ctx context.Context, run *progress.Run, runID string) (stop func()) {
	dir := a.progressDir(runID)
	if *a.quiet || a.launch.environment == "LOOPBACK" || a.launch.dryRun || dir == "" {
		return func() {}
	}
	every := gatherRemoteEvery
	if files.IsLocal(dir) {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return func() {} // the job will say that it cannot write there
		}
		every = gatherEvery
	}
	progress.Share(runID, dir)
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				run.Gather(ctx, dir)
			}
		}
	}()
	return func() {
		cancel()
		<-over
		// What is left is small, hidden, and no fault of the job.
		_ = files.RemoveAll(context.WithoutCancel(ctx), dir+"/")
	}
}
