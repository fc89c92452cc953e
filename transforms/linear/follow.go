package linear

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/results"
	"beamlearn/transforms/vectorio"
)

// Follow predicts the rows of a stream in this process, without Beam, and writes the answers to those that have come at
// once: the bytes that [Predict] writes, in .csv or .jsonl, without an evaluation. The job's Data are the rows of the
// stream, as [PredictJob.Inspect] finds them by its pattern. Where rows at fault are skipped, each is told, and has
// an answer without values; else the first ends the work, once the rows before it are answered. It returns nil at the
// end of the stream; the report is always that of the rows so far.
func Follow(ctx context.Context, j *PredictJob, rows *vectorio.Stream, to io.Writer,
	tell func(*fault.Fault)) (*PredictReport, error) {
	f := &follower{to: to, tell: tell, report: &PredictReport{Features: j.columns().Features}}
	if of := apply(j.Model, j.Other).linear; of != nil {
		f.report.Task = of.Task
	}
	m, err := j.prepare()
	if err != nil {
		return f.report, fmt.Errorf("linear.Follow: %w", err)
	}
	if f.layout, f.format, err = j.written(); err != nil {
		return f.report, fmt.Errorf("linear.Follow: %w", err)
	}
	if err := f.format.Assemble(0, to, nil, f.layout); err != nil { // a header, where the format has one
		return f.report, err
	}
	f.predictor = newPredictor(&predictFn{Reading: j.Reading, Options: j.Options, Output: *j.output(), Dim: j.Data.Dim}, m,
		vectorio.Chunk{})
	err = rows.Each(ctx, &j.Reading, f.answer, f.flush)
	seen := rows.Seen()
	f.report.Read, f.report.Predict = seen.Seconds, f.predictor.report.Predict
	f.report.UnseenCells.Add(seen.Unseen.Named(j.columns().Encoding))
	return f.report, err
}

// written is the layout and the format of answers to a stream.
func (j *PredictJob) written() (results.Layout, *results.Format, error) {
	out := j.output()
	format, err := results.Detect(out.Path, out.Format, out.Layout)
	if err == nil && !format.IsText() {
		err = fmt.Errorf("the answers to rows as they come are lines, which .%s has not: .csv or .jsonl", format.Name)
	}
	if err == nil && j.Options.Evaluate {
		err = fmt.Errorf("rows as they come are not evaluated, which needs all of them")
	}
	return out.Layout, format, err
}

// follower answers rows as they come.
type follower struct {
	predictor *predictor
	layout    results.Layout
	format    *results.Format
	to        io.Writer
	tell      func(*fault.Fault)
	answers   bytes.Buffer // that are not written yet
	report    *PredictReport
}

func (f *follower) answer(c vectorio.Chunk, b vectorio.Batch) error {
	start := time.Now()
	p := f.predictor
	p.chunk = c
	if n := b.Rows.Len(); n > 0 {
		rows := model.Of(b.Rows)
		rows.File = c.Info.Name
		if err := p.predict(rows, n); err != nil {
			if first, some := b.Before(err); some {
				err = cmp.Or(f.answer(c, first), err)
			}
			return err
		}
	}
	predicted := time.Now()
	p.report.Predict += predicted.Sub(start).Seconds()
	for _, r := range b.Rejected {
		f.tell(r)
	}
	numbers, t := p.table(&b)
	t.To = len(numbers)
	part := f.format.NewPart([]io.Writer{&f.answers}, f.layout)
	if err := part.WriteTable(&t); err != nil {
		return err
	}
	if _, err := part.Close(); err != nil {
		return err
	}
	f.report.Rows += int64(len(numbers) - len(b.Rejected))
	f.report.Rejected += int64(len(b.Rejected))
	f.report.Write += time.Since(predicted).Seconds()
	return nil
}

// flush writes the answers.
func (f *follower) flush() error {
	start := time.Now()
	defer func() { f.report.Write += time.Since(start).Seconds() }()
	_, err := f.to.Write(f.answers.Bytes())
	f.answers.Reset()
	return err
}
