package eigen

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"golang.org/x/sync/errgroup"

	model "beamlearn/model/eigen"
	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

var rowsProjected = beam.NewCounter("eigen", "rows_projected")

func init() {
	registry.DoFns(&projectFn{})
}

// Report is what a run tells beside its components.
type Report struct {
	Rows, Rejected             int64
	features.UnseenCells       // of which the encoding has learned nothing
	OutputFiles, RejectedFiles []string
	Sample                     []model.Point // in the order of the rows
}

// Project writes the projected rows, and draws the sample, if the options ask for either; PCollections: none. It
// fails where the job is not valid. A worker needs the components and a few blocks of rows. The output has the same
// bytes at any chunk size.
func Project(ctx context.Context, s beam.Scope, j *Job, p *model.PCA) error {
	if err := j.Validate(); err != nil {
		return fmt.Errorf("eigen.Project: %w", err)
	}
	s = s.Scope("eigen.Project")
	out := j.output(p.Len())
	var b bytes.Buffer
	if err := p.Save(&b); err != nil {
		return err
	}
	path := files.Join(out.Staging(), "components")
	if err := files.WriteFile(ctx, path, b.Bytes()); err != nil {
		return err
	}
	fn := &projectFn{Reading: j.Reading, Options: j.Options, Output: *out, Dim: j.Data.Dim, Components: path}
	output.Publish(s, beam.ParDo(s, fn, vectorio.Chunks(s, j.Data, j.Options.Workers)), *out)
	return nil
}

// projectFn projects the rows of a chunk.
type projectFn struct {
	Reading    vectorio.Options
	Options    Options
	Output     output.Options
	Dim        int
	Components string // their file
}

// components are those that rows are projected onto.
type components struct {
	*model.PCA
	sparse *model.Sparse // of sparse rows
	first  *model.Sparse // the first components, for the sample, not whitened
}

var loaded = output.NewShared[*components]()

// chunkReport says what was done with a chunk.
type chunkReport struct {
	Rows, Rejected int64
	features.UnseenCells
	Sample []model.Point `json:",omitempty"`
}

func (f *projectFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(output.Part)) error {
	p, _, err := loaded.Get(f.Options.RunID, func() (*components, error) {
		b, err := files.ReadFile(ctx, f.Components)
		if err != nil {
			return nil, err
		}
		p, err := model.Load(f.Components, bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		of := &components{PCA: p}
		if f.Reading.Formats.Sparse {
			of.sparse, of.first = p.Sparse(), f.first(p).Sparse()
		}
		return of, nil
	})
	if err != nil {
		return fault.Mark(err)
	}
	run := progress.Of(f.Options.RunID)
	run.Phase("projecting")
	run.Total(c.Total)
	var report chunkReport
	parts, err := output.Run(ctx, &f.Output, c.Ordinal, c.Total, func(ctx context.Context, out *output.Task) error {
		return f.project(ctx, c, p, out, &report)
	})
	if err != nil {
		return fault.Mark(err)
	}
	vectorio.Count(ctx, report.Rows, report.Rejected)
	rowsProjected.Inc(ctx, report.Rows)
	told, err := output.Report(c.Ordinal, &report)
	if err != nil {
		return err
	}
	for _, part := range append(parts, told) {
		emit(part)
	}
	return nil
}

func (f *projectFn) project(ctx context.Context, c vectorio.Chunk, p *components, out *output.Task,
	report *chunkReport) error {
	var values []float64
	bound := model.SampleRank(f.Options.Sample, c.Total)
	seen, err := vectorio.EachAhead(ctx, c, &f.Reading, f.Dim, func(batch vectorio.Batch) error {
		for _, r := range batch.Rejected {
			out.Reject(r)
		}
		b := batch.Rows
		n, k := b.Len(), p.Len()
		if out.Writes() {
			if cap(values) < n*k {
				values = make([]float64, n*k)
			}
			values = values[:n*k]
			if err := f.transform(p, b, values); err != nil {
				return err
			}
			err := out.Write(b.Numbers, func(w results.PartWriter, from, to int) error {
				return w.WriteTable(&results.Table{ID: b.ID, Values: values, From: from, To: to, Threads: f.Options.threads()})
			})
			if err != nil {
				return err
			}
		}
		report.Rows += int64(n)
		f.sample(p, b, bound, report)
		progress.Of(f.Options.RunID).Add(int64(n))
		return nil
	})
	report.Rejected, report.UnseenCells = out.Rejected(), seen.Unseen.Named(f.Reading.Encoding)
	return err
}

// transform projects a block on all threads.
func (f *projectFn) transform(p *components, b *vectors.Block, values []float64) error {
	var g errgroup.Group
	n, k, threads := b.Len(), p.Len(), f.Options.threads()
	for t := range threads {
		g.Go(func() error {
			one := p.transformer(b)
			for i := n * t / threads; i < n*(t+1)/threads; i++ {
				one(values[i*k:(i+1)*k], i)
			}
			return nil
		})
	}
	return g.Wait()
}

// transformer is what writes the components of a row of a block into dst, for one goroutine.
func (p *components) transformer(b *vectors.Block) func(dst []float64, row int) {
	if b.Sparse != nil {
		return func(dst []float64, row int) {
			columns, values := b.Sparse.Row(row)
			p.sparse.Transform(dst, columns, values)
		}
	}
	row, room := make([]float64, b.Dim), make([]float64, b.Dim)
	return func(dst []float64, i int) { p.Transform(dst, b.Row(i, row), room) }
}

// first is the components that the sample shows, not whitened.
func (f *projectFn) first(p *model.PCA) *model.PCA {
	first := *p
	first.Options.Whiten = false
	first.Components = p.Components[:min(f.Options.SampleComponents, p.Len())]
	return &first
}

// sample adds the rows of a block that are drawn.
func (f *projectFn) sample(p *components, b *vectors.Block, bound uint64, report *chunkReport) {
	if f.Options.Sample == 0 {
		return
	}
	first := f.first(p.PCA)
	one := (&components{PCA: first, sparse: p.first}).transformer(b)
	for i, number := range b.Numbers {
		if model.Rank(number) > bound {
			continue
		}
		point := model.Point{Number: number, ID: b.ID(i).String(), Values: make([]float64, first.Len())}
		switch {
		case len(b.Labels) > 0:
			point.Label = b.Labels[i]
		case len(b.Target) > 0 && b.Target[i] == b.Target[i]: // else it has none
			point.Label = strconv.FormatFloat(b.Target[i], 'g', -1, 64)
		}
		one(point.Values, i)
		report.Sample = append(report.Sample, point)
	}
}

// Report reads what a finished run of Project has left in its staging directory.
func (j *Job) Report(ctx context.Context, p *model.PCA) (*Report, error) {
	r := &Report{}
	s, err := output.ReadReports(ctx, j.output(p.Len()), func(b []byte) error {
		var c chunkReport
		if err := json.Unmarshal(b, &c); err != nil {
			return err
		}
		r.Rows += c.Rows
		r.Rejected += c.Rejected
		r.UnseenCells.Add(c.UnseenCells)
		r.Sample = append(r.Sample, c.Sample...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(r.Sample) > j.Options.Sample {
		slices.SortFunc(r.Sample, func(a, b model.Point) int {
			return cmp.Compare(model.Rank(a.Number),
				model.Rank(b.Number))
		})
		r.Sample = r.Sample[:j.Options.Sample]
	}
	slices.SortFunc(r.Sample, func(a, b model.Point) int { return cmp.Compare(a.Number, b.Number) })
	r.OutputFiles, r.RejectedFiles = s.OutputFiles, s.RejectedFiles
	return r, nil
}
