package sgd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/features"
	"beamlearn/model/formats"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/online"
	encode "beamlearn/transforms/features"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// asTable inspects the rows as those of a table, where the model to go on from, the flags, or the rows say that they
// are that; else it does nothing.
func (c *command) asTable(ctx context.Context, job *linear.Job, options *fitting.FitOptions) (done bool, err error) {
	if w := options.WarmStart; w != nil {
		if w.Encoding == nil {
			return false, nil
		}
		if c.tables.Asked() && c.warm.String() != "" {
			return false, cli.Usage(errors.New("--warm_start: the model has its own encoding: without flags of tables"))
		}
		job.Options.Names = w.Encoding.Needs()
		return true, c.inspectTable(ctx, job, options, w.Encoding)
	}
	if !job.Reading.Learns() {
		return false, nil
	}
	if !c.tables.Asked() {
		why, err := c.tables.Wanted(ctx, c.patterns(), job.Reading)
		if why == "" {
			return false, err
		}
		c.Tell(why + ": the rows are taken for a table")
	}
	return true, c.inspectTable(ctx, job, options, nil)
}

// inspectTable inspects a table, and finds out how its rows are encoded, unless that is known.
func (c *command) inspectTable(ctx context.Context, job *linear.Job, options *fitting.FitOptions,
	e *features.Encoding) (err error) {
	asked, err := c.tables.Options(options.Standardize)
	if err != nil {
		return cli.Usage(err)
	}
	if x := options.Options.Exposure; x != nil && !slices.Contains(asked.Numeric, x.Column) {
		asked.Numeric = append(asked.Numeric, x.Column)
	}
	if job.Data, err = linear.InspectTable(ctx, c.patterns(), &job.Options, &job.Reading); err != nil {
		return err
	}
	c.Note(job.Data)
	expose := func(e *features.Encoding) error { return cli.Usage(exposeRaw(options, e, c.input.Skips())) }
	if e != nil {
		err = expose(e)
	} else {
		of := &encode.Job{Data: job.Data, Reading: job.Reading, Options: asked,
			Dir: cli.ColumnsDir(job.Options.Model, job.Options.RunID), Workers: cli.Workers()}
		if cli.Workers() == placement.InProcess && !c.watch.On() { // the first pass need not read the files again
			of.Cells = job.Options.RunID
			vectorio.KeepCells(of.Cells, job.Options.CacheMemory/cellsShare)
		}
		e, err = c.tables.Fit(ctx, of, expose)
	}
	if err != nil {
		return err
	}
	job.Data = linear.Encoded(job.Data, e, c.input.ChunkRows(), &job.Options, &job.Reading)
	c.Encoded(job.Data)
	options.Standardize, options.Standardized = false, options.Standardize // by the encoding
	options.Sample = true                                                  // the chunks are the same for all formats
	return nil
}

// cellsShare: one part in so many of the memory for rows is for those that the survey of the columns has read, until
// the first pass takes them.
const cellsShare = 16

// train learns.
func (c *command) train(ctx context.Context, job *linear.Job,
	options fitting.FitOptions) (*learned, *linear.Report, error) {
	begun, err := c.begin(job, options)
	if err != nil {
		return nil, nil, cli.Usage(err)
	}
	if begun.targets != nil {
		fit, report, err := fitBy(ctx, c, job, begun.targets)
		if err != nil {
			return nil, nil, err
		}
		return learnedOf(fit), report, nil
	}
	fit, report, err := fitBy(ctx, c, job, begun.fits[0])
	return &learned{fits: []*fitting.Fit{fit}}, report, err
}

// fitBy makes the passes that a fit asks for.
func fitBy[F linear.Fit](ctx context.Context, c *command, job *linear.Job, fit F) (F, *linear.Report, error) {
	if c.watch.On() {
		return online.Train(ctx, c.App, job, fit)
	}
	return linear.Train(ctx, job, fit,
		func(ctx context.Context, p *beam.Pipeline) error { return c.Run(ctx, p, job.Options.RunID) })
}

// anew says why a job that has failed as one of numbers is to be done as one of a table. "" where it is not.
func (c *command) anew(err error, job *linear.Job, warm bool) string {
	if *c.resume || warm {
		return ""
	}
	return c.tables.Anew(err, &job.Reading, job.Data, *c.hyper.exposure, *c.hyper.offset)
}

// readExposure adds the column of the exposure to those that --columns names one by one, as the target need not be
// among them either. Where a glob or an index may name it, nothing is added, as a column may be named once; nor where
// it is to be left out, or is an index in the vector itself.
func readExposure(o *formats.Options, x *model.Exposure) {
	if x == nil || len(o.Columns) == 0 || slices.Contains(o.Columns, x.Column) || slices.Contains(o.Columns, "!"+x.Column) {
		return
	}
	if _, err := strconv.Atoi(x.Column); err == nil {
		return
	}
	named := false
	for _, spec := range o.Columns {
		if matched, err := path.Match(spec, x.Column); err == nil && matched || strings.Trim(spec, "0123456789-") == "" {
			return
		}
		named = named || !strings.HasPrefix(spec, "!")
	}
	if named {
		o.Columns = append(slices.Clip(o.Columns), x.Column)
	}
}

// exposeRaw finds the exposure's feature in an encoding, and keeps its numbers as they are. Rows without one are
// skipped, or not allowed.
func exposeRaw(options *fitting.FitOptions, e *features.Encoding, skips bool) error {
	x := options.Options.Exposure
	if x == nil {
		return nil
	}
	feature, err := e.Raw(x.Column, model.MissingExposure, skips)
	if err != nil {
		return fmt.Errorf("--%s: %w", exposureFlag(x), err)
	}
	options.Options.Exposure = &model.Exposure{Column: x.Column, Feature: feature, Log: x.Log}
	return nil
}

// expose finds it among columns of numbers.
func expose(options *fitting.FitOptions, columns []string, dim int) error {
	x := options.Options.Exposure
	if x == nil {
		return nil
	}
	feature := slices.Index(columns, x.Column)
	if columns == nil {
		if i, err := strconv.Atoi(x.Column); err == nil && i >= 0 && i < dim {
			feature = i
		}
	}
	if feature < 0 {
		return fmt.Errorf("--%s=%s: no such column is among the %d of the vector", exposureFlag(x), x.Column, dim)
	}
	options.Options.Exposure = &model.Exposure{Column: x.Column, Feature: feature, Log: x.Log}
	return nil
}

func exposureFlag(x *model.Exposure) string {
	if x.Log {
		return "offset"
	}
	return "exposure"
}
