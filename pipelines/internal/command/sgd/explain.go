package sgd

import (
	"context"

	"beamlearn/model/linear/fitting"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

// explain shows what the job would do.
func (c *command) explain(ctx context.Context, job *linear.Job, options fitting.FitOptions) error {
	plan, err := job.Explain(ctx, options, c.Slots())
	if err != nil {
		return err
	}
	show := &cli.Plan{}
	show.Takes(plan.Seconds, plan.Slots, plan.Threads, plan.WorkerMemory)
	switch {
	case plan.Rows < 0:
		show.Line("rows", "not known before they are read, × %s in %s, %s", cli.Count(plan.Features, "column"),
			cli.Count(plan.Files, "file"),
			files.Bytes(plan.Bytes))
	case plan.About:
		show.Line("rows", "about %d × %s in %s, %s", plan.Rows, cli.Count(plan.Features, "column"),
			cli.Count(plan.Files, "file"),
			files.Bytes(plan.Bytes))
	default:
		show.Line("rows", "%d × %s in %s, %s", plan.Rows, cli.Count(plan.Features, "column"), cli.Count(plan.Files, "file"),
			files.Bytes(plan.Bytes))
	}
	show.Line("solver", "%s", plan.Solver)
	if plan.Passes > 0 {
		show.Line("passes", "about %d, in %d pipelines, over %d shards", plan.Passes, plan.Pipelines, plan.Shards)
	}
	if plan.Seconds > 0 {
		show.Line("learning", "about %s on %d × %d cores like this machine's, as measured on the first rows; the engine's "+
			"start comes on top, once a pipeline",
			cli.Seconds(plan.Seconds), plan.Slots, plan.Threads)
	}
	show.Line("memory", "about %s for the job in each worker process, beside the program", files.Bytes(plan.WorkerMemory))
	switch {
	case plan.CacheFile > 0:
		show.Line("kept", "about %s of rows in memory between passes, however many there are, and about %s in a temporary "+
			"file, both by --cache_memory", files.Bytes(plan.CacheMemory), files.Bytes(plan.CacheFile))
	case plan.CacheMemory > 0:
		show.Line("kept", "about %s of rows in memory between passes, at most the %s of --cache_memory, however many "+
			"there are", files.Bytes(plan.CacheMemory), files.Bytes(job.Options.CacheMemory))
	}
	show.Line("shuffle", "about %s", files.Bytes(plan.ShuffleBytes))
	show.Warn(plan.Warnings...)
	return c.Explain(show, plan)
}
