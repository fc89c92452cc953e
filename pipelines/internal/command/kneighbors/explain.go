package kneighbors

import (
	"context"
	"fmt"

	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// explain shows what the job would do.
func (c *command) explain(ctx context.Context, job *knn.Job) error {
	plan, err := job.Explain(ctx, c.Slots())
	if err != nil {
		return err
	}
	about := ""
	if plan.About {
		about = "about "
	}
	show := &cli.Plan{}
	show.Takes(plan.Seconds, plan.Slots, plan.Threads, plan.WorkerMemory)
	if plan.Points >= 0 {
		show.Line("points", "%s%d × %s in %s, %s", about, plan.Points, cli.Count(plan.Dim, "column"),
			cli.Count(plan.Files, "file"),
			files.Bytes(plan.Bytes))
	} else {
		show.Line("points", "not known before they are read, × %s in %s, %s", cli.Count(plan.Dim, "column"),
			cli.Count(plan.Files, "file"),
			files.Bytes(plan.Bytes))
	}
	switch {
	case job.Queries == nil:
		show.Line("queries", "every point")
	case plan.Queries >= 0:
		show.Line("queries", "%s%d", about, plan.Queries)
	default:
		show.Line("queries", "not known before they are read")
	}
	show.Line("index", "%s: %s", plan.Broadcast, plan.Why)
	if plan.Distances > 0 {
		show.Line("distances", "%s%.3g (%s)", about, plan.Distances, plan.Algorithm)
	}
	if job.Options.Recall != 0 {
		show.Line("recall", "%v asked, by %s; what is found is measured on queries that are answered exactly too",
			job.Options.Recall, plan.Algorithm)
	}
	if plan.Seconds > 0 {
		show.Line("searching", "about %s on %d × %d cores like this machine's, as measured on the first rows; reading and "+
			"the engine's start come on top",
			cli.Seconds(plan.Seconds), plan.Slots, plan.Threads)
	}
	show.Line("memory", "about %s for the job in each worker process, beside the program", files.Bytes(plan.WorkerMemory))
	show.Line("shuffle", "about %s", files.Bytes(plan.ShuffleBytes))
	show.Warn(plan.Warnings...)
	if err := cli.Fits(job.Memory()); err != nil {
		show.Warn(fmt.Sprint(err))
	}
	return c.Explain(show, plan)
}
