package kneighbors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	model "beamlearn/model/neighbors/impute"
	"beamlearn/model/neighbors/vote"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/impute"
)

// imputing are the values of --impute that ask for a table whose missing numbers are filled from neighbours. The others
// say how rows of tables become vectors.
var imputing = cli.Texts(vote.AllWeights)

// imputes reports whether a table is to be filled.
func (c *command) imputes() bool { return slices.Contains(imputing, c.tables.Impute()) }

// notImputing are the flags that have no meaning there.
var notImputing = []string{
	"index", "target", "task", "scoring", "weights", "proba", "outlier_label", "radius", "algorithm", "recall", "seed",
	"index_limit", "p", "bits", "degrees", "km", "metric_params", "filter", "only_same", "exclude_same", "exclude_same_id",
	"before", "max_per", "outliers", "contamination", "evaluate", "broadcast", "index_memory", "layout", "mode",
	"include_self", "symmetric", "similarity", "report", "image", "texts", "encode", "numeric", "categorical",
	"text", "date", "max_categories", "min_frequency", "hash_bits", "ngrams", "analyzer", "tfidf", "date_format",
	"interactions", "splines", "dtype",
}

// defaultImputers is --k of --impute: KNNImputer's.
const defaultImputers = 5

// imputeJob is what the flags ask for, with every fault of theirs.
func (c *command) imputeJob() (*impute.Job, error) {
	reading, faults := c.input.Options()
	errs := []error{faults, c.tables.Columns(&reading.Formats)}
	for _, name := range notImputing {
		if c.Given(name) && !(name == "report" && c.page.Given() == cli.NoReport) {
			errs = append(errs, fmt.Errorf("--%s: --impute=%s fills a table by nan_euclidean distances: without it", name,
				c.tables.Impute()))
		}
	}
	if m := c.metric.Options().Metric; c.Given("metric") {
		errs = append(errs, fmt.Errorf("--metric=%s: --impute=%s goes by nan_euclidean distances: without it", m,
			c.tables.Impute()))
	}
	ks, err := c.numbers()
	k := defaultImputers
	if len(ks) > 0 {
		k = ks[0]
	}
	if len(ks) > 1 {
		err = fmt.Errorf("--k=%s: --impute takes one number", *c.k)
	}
	job := &impute.Job{Reading: reading, Options: impute.Options{
		Options: model.Options{K: k, Weights: vote.Weights(c.tables.Impute()), Standardize: *c.standardize},
		Threads: *c.threads, Destination: c.output.Destination(),
		Staging: c.staging.Path(), Workers: cli.Workers(),
	}}
	job.Options.EnsureDefaults()
	if job.Options.Output == "" {
		errs = append(errs, errors.New("--output is needed"))
	} else {
		errs = append(errs, job.Validate())
	}
	return job, cli.Usage(append(errs, err)...)
}

// impute fills a table.
func (c *command) impute(ctx context.Context) error {
	start := time.Now()
	job, err := c.imputeJob()
	if err != nil {
		return err
	}
	if err := job.Inspect(ctx, c.input.Patterns(), c.queries.List()); err != nil {
		return err
	}
	c.Note(job.Points, job.Queries)
	if err := cli.Usage(job.Validate()); err != nil {
		return err
	}
	if c.Explaining() {
		return c.ExplainRows(ctx, "points", job.Points, job.Reading, 2, job.Options.Threads,
			func(int64) int64 { return job.Memory() })
	}
	if err := cli.Fits(job.Memory()); err != nil {
		return err
	}
	_, err = cli.Do(ctx, c.App, job.Options.RunID, cli.Steps[*impute.Report]{
		Add:  func(s beam.Scope) error { return impute.Impute(s, job) },
		Read: job.Report,
		Tell: func(r *impute.Report) error {
			s := &imputeSummary{Report: r, Seconds: time.Since(start).Seconds(), PeakMemory: cli.PeakMemory()}
			return c.Summary(s.lines(), s)
		},
		Clean: job.Clean,
	})
	return err
}

// imputeSummary is what --summary writes.
type imputeSummary struct {
	*impute.Report
	Seconds    float64 `json:"total_s"`
	PeakMemory int64   `json:"peak_memory_bytes"` // of the process that submits, which on Prism does the work too
}

func (s *imputeSummary) lines() []string {
	lines := []string{
		fmt.Sprintf("%s × %s, %s: %s filled in, in %s, in %.2f s; peak memory %s",
			cli.Count(s.Points, "point"), cli.Count(s.Dim, "column"), cli.Count(s.Rows, "row"),
			cli.Count(s.Filled, "number"), cli.Count(s.Lacking, "row"), s.Seconds, files.Bytes(s.PeakMemory)),
	}
	if s.Means > 0 {
		lines = append(lines, "  "+cli.Agree(s.Means,
			"of them is the mean of its column, as no point has a column in common with its row",
			"of them are the means of their columns, as no point has a column in common with their rows"))
	}
	if len(s.Empty) > 0 {
		names := make([]string, len(s.Empty))
		for i, name := range s.Empty {
			names[i] = fault.Plain(name)
		}
		lines = append(lines, fmt.Sprintf("  no point has a number in %s: %s missing", strings.Join(names, ", "),
			cli.Agree(s.Left, "stays", "stay")))
	}
	return append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.OutputFiles)...)
}
