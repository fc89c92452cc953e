package kneighbors

import (
	"context"
	"errors"
	"fmt"
	"os"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors/evaluate"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/placement"
)

func newEvaluate(g *cli.Group) *cli.Path {
	return g.InputFiles("evaluate",
		"compare the neighbours that another system has found with the exact ones: recall@k, on the terminal, in "+
			"--summary and on the page; no --output is needed. A `PATH` of a .npy with row numbers of --input, a row for each "+
			"query, or of a table with the columns query_id and neighbor_id, nearest first, or id and neighbors, lists, as "+
			"any --layout writes it: --evaluate=faiss.npy")
}

// scratch is where an evaluation without an output leaves what it has found: in the staging directory, or on this host
// where its workers are there, too.
func (c *command) scratch() string {
	if dir := c.staging.Path(); dir != "" || cli.Workers() != placement.InProcess {
		return dir
	}
	return os.TempDir()
}

// checkWritten says which flags are of an output that is lacking.
func (c *command) checkWritten() error {
	if c.evaluate.String() == "" || c.output.Path.Path() != "" {
		return nil
	}
	var errs []error
	for _, flag := range []string{"output_format", "num_shards", "layout", "mode", "include_self", "symmetric",
		"similarity"} {
		if c.Given(flag) {
			errs = append(errs, fmt.Errorf("--%s is of neighbours that are written: --output=FILE", flag))
		}
	}
	if c.scratch() == "" {
		errs = append(errs, errors.New("--evaluate without --output needs a directory that every worker can reach: "+
			"--staging=DIR"))
	}
	return errors.Join(errs...)
}

// findOthers finds what another system has found. Call clean when that is no longer needed.
func (c *command) findOthers(ctx context.Context, job *knn.Job) (clean func(), err error) {
	f := &finding{c: c, job: job}
	clean = func() { f.clean(ctx) }
	if c.evaluate.String() == "" {
		return clean, nil
	}
	inspect := func(ctx context.Context, patterns []string) (*knn.TargetsJob, error) {
		return knn.InspectFound(ctx, patterns, job.Reading)
	}
	of, found, err := f.run(ctx, c.evaluate.List(), inspect, nil)
	if err != nil {
		return clean, err
	}
	job.Options.Evaluate = found.Path
	if rows := job.QueryRows(); of.Data != nil && of.Reading.Formats.IDColumn == "" && rows >= 0 && rows != found.Rows {
		return clean, fault.File(of.Data.Name(), fmt.Sprintf("a row for each of %d queries", rows), "%d rows", found.Rows)
	}
	return clean, nil
}

// evaluation is what the summary says of how well another system has found neighbours.
type evaluation struct {
	*evaluate.Recall
	Queries int64   `json:"queries"`
	Mean    float64 `json:"recall"`
	Low     float64 `json:"recall_low"`
	High    float64 `json:"recall_high"`
	AtFirst float64 `json:"recall_at_1"`
	// Quantiles of the queries' recalls: a hundredth, a twentieth, a tenth, a quarter and half of them have no more.
	Quantiles map[string]float64 `json:"recall_quantiles"`
}

func newEvaluation(r *evaluate.Recall) *evaluation {
	if r == nil || r.Queries() == 0 {
		return nil
	}
	e := &evaluation{Recall: r, Queries: r.Queries(), Mean: r.Mean(), Quantiles: map[string]float64{}}
	e.Low, e.High = r.Interval()
	e.AtFirst = float64(r.First) / float64(e.Queries)
	for _, s := range evaluate.Shares {
		e.Quantiles[evaluate.Percent(s)] = r.Quantile(s)
	}
	return e
}

// evaluationLines say it on the terminal.
func (s *summary) evaluationLines() []string {
	e := s.Evaluation
	if e == nil {
		return nil
	}
	text := fmt.Sprintf("  evaluated: recall@%d %.4f (95 %% of queries like these: %.4f to %.4f), recall@1 %.4f, of %s",
		e.K, e.Mean, e.Low, e.High, e.AtFirst, cli.Count(e.Queries, "query"))
	lines := []string{text, "  recall of the worst queries:"}
	for i, s := range evaluate.Shares {
		if i > 0 {
			lines[1] += ","
		}
		lines[1] += fmt.Sprintf(" %s of them at most %.3g", evaluate.Percent(s), e.Quantile(s))
	}
	if e.Missing == e.Queries {
		return append(lines, "  no query has a list there: are the ids there those of --id_column?")
	}
	for _, note := range []struct {
		n                  int64
		one, several, text string
	}{
		{e.Missing, "query has", "queries have", " no list there, which counts as recall 0"},
		{e.Short, "list there is", "lists there are", " shorter than k"},
		{e.Self, "list there has", "lists there have", " the query itself, which is left out"},
		{e.Unknown, "neighbour there is", "neighbours there are", " no point"},
		{e.Crowded, "neighbour there comes", "neighbours there come", " after as many as --max_per allows, which is no hit"},
		{e.Alone, "query has", "queries have", " no neighbour to find, and no part in the recall"},
	} {
		if note.n > 0 {
			lines = append(lines, "  "+cli.Agree(note.n, note.one, note.several)+note.text)
		}
	}
	return lines
}
