package kneighbors

import (
	"context"
	"errors"
	"strings"

	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
)

// arriving are the patterns of files whose rows are answered as these arrive.
func (c *command) arriving() []string {
	if in := c.input.Patterns(); len(in) > 0 {
		return in
	}
	return c.queries.List()
}

// watched says which flags are at fault where files are answered as they arrive.
func (c *command) watched() error {
	err := c.watch.CheckAnswers(c.input, c.arriving(), c.output, []string{
		"target", "outliers", "evaluate", "impute", "recall", "texts", "filter", "exclude_same", "exclude_same_id",
		"only_same", "before", "max_per",
	})
	if !c.watch.On() {
		return err
	}
	errs := []error{err}
	if c.index.String() == "" {
		errs = append(errs, errors.New("--watch: answers files by an index that is kept: --index is needed"))
	}
	if len(c.input.Patterns()) > 0 && c.queries.String() != "" {
		errs = append(errs, errors.New("--queries: not with --watch and --input, which are the files to answer"))
	}
	if given := c.page.Given(); given != "" && given != cli.NoReport {
		errs = append(errs, errors.New("--report: not with --watch"))
	}
	errs = append(errs, c.watch.CheckShards(c.output))
	if strings.HasSuffix(c.output.Path.Path(), ".npy") || *c.output.Format == "npy" {
		errs = append(errs, errors.New(
			"--output: .npy is two files of neighbours, of which --watch cannot put both in place at once: take .csv, .jsonl "+
				"or .parquet"))
	}
	return errors.Join(errs...)
}

// answerArrivals answers the rows of files as these arrive, by the index as it is then.
func (c *command) answerArrivals(ctx context.Context) error {
	patterns := c.arriving()
	if c.queries.String() == "" {
		c.input.MoveTo(c.queries)
	}
	return c.watch.Answers(ctx, c.input, patterns, c.output, func(ctx context.Context, info files.Info, to string) error {
		if err := c.queries.Set(strings.ReplaceAll(files.EscapeGlob(info.Name), ",", `\,`)); err != nil {
			return err
		}
		return c.find(ctx, to)
	})
}
