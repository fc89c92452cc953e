package output

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"beamlearn/model/fault"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
)

// Task writes the rows of consecutive rows of the input, and the rows among them that were rejected. It is not safe for
// concurrent use.
type Task struct {
	options *Options
	ordinal int64 // place among the tasks
	total   int64 // rows of the dataset

	ctx      context.Context
	format   *results.Format // nil: no output
	rejected []*fault.Fault

	parts []Part
	part  results.PartWriter // the part that is being written
	files []*files.Writer
}

// Run does the work of a task: number ordinal of all, ≥ 0 in the order of the rows, over a dataset of total rows. It
// returns the parts that were written, whose names follow from the ordinal, so that a bundle that is tried again
// writes the same files: each of them whole, whatever other attempt at the task is still under way. Where the work
// fails, none is left.
func Run(ctx context.Context, o *Options, ordinal, total int64,
	work func(ctx context.Context, t *Task) error) ([]Part, error) {
	t := &Task{options: o, ordinal: ordinal, total: total, ctx: ctx}
	if o.Path != "" {
		var err error
		if t.format, err = o.format(); err != nil {
			return nil, err
		}
	}
	err := work(ctx, t)
	if err == nil {
		err = t.close()
	}
	for _, f := range t.files { // of a part that was given up
		err = errors.Join(err, f.Abandon())
	}
	if err != nil {
		return nil, err
	}
	return t.parts, nil
}

// Writes reports whether there is an output to write to.
func (t *Task) Writes() bool { return t.format != nil }

// Write writes rows with these numbers within the dataset, which ascend from one call to the next: write is called
// for each run of them that goes into the same shard, and writes those from ≤ i < to. Without an output nothing
// happens.
func (t *Task) Write(numbers []int64, write func(p results.PartWriter, from, to int) error) error {
	if !t.Writes() {
		return nil
	}
	for from := 0; from < len(numbers); {
		shard := shardOf(numbers[from], t.total, t.options.NumShards)
		to := from + 1
		for to < len(numbers) && shardOf(numbers[to], t.total, t.options.NumShards) == shard {
			to++
		}
		if n := len(t.parts); n == 0 || t.parts[n-1].Shard != shard {
			if err := t.next(shard); err != nil {
				return err
			}
		}
		if err := write(t.part, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// shardOf is the shard of the output for a row: shards are equal runs of row numbers, so that they depend on nothing
// but the input and their number.
func shardOf(row, total int64, shards int) int {
	if shards == 1 {
		return 0
	}
	// Shard s begins at ⌈s·total/shards⌉; total·shards is far from 2⁶³.
	return int(row * int64(shards) / total)
}

// Reject adds a row that was left out.
func (t *Task) Reject(row *fault.Fault) { t.rejected = append(t.rejected, row) }

// Rejected is the number of rows that were left out so far.
func (t *Task) Rejected() int64 { return int64(len(t.rejected)) }

// next ends the part that is being written and begins that of a shard.
func (t *Task) next(shard int) error {
	if err := t.end(); err != nil {
		return err
	}
	p := Part{Shard: shard, Order: t.ordinal}
	var out []io.Writer
	for i := range t.format.PartFiles(t.options.Layout) {
		p.Paths = append(p.Paths, t.options.staged("part-%08d-%05d-%d", t.ordinal, shard, i))
		f, err := Create(t.ctx, t.options.RunID, p.Paths[i])
		if err != nil {
			return err
		}
		t.files = append(t.files, f)
		out = append(out, f)
	}
	t.part = t.format.NewPart(out, t.options.Layout)
	t.parts = append(t.parts, p)
	return nil
}

// end closes the part that is being written, if any.
func (t *Task) end() error {
	if t.part == nil {
		return nil
	}
	info, err := t.part.Close()
	if err != nil {
		return err
	}
	t.parts[len(t.parts)-1].Info = info
	for _, f := range t.files {
		if err := f.Close(); err != nil {
			return err
		}
	}
	t.part, t.files = nil, nil
	return nil
}

// close ends the last part and writes the rows that were rejected.
func (t *Task) close() error {
	if err := t.end(); err != nil || len(t.rejected) == 0 || !t.Writes() {
		return err
	}
	p, err := WriteRejected(t.ctx, t.options, t.ordinal, t.rejected)
	t.parts = append(t.parts, p)
	return err
}

// WriteRejected writes rejected rows into a part of their own. Parts come in the order of their numbers,
// which are those of tasks, or below 0.
func WriteRejected(ctx context.Context, o *Options, order int64, rejected []*fault.Fault) (Part, error) {
	p := Part{Shard: shardRejected, Order: order, Paths: []string{o.staged("rejected-%08d", order)}}
	_, err := o.write(ctx, p.Paths[0], func(w io.Writer) error { return RejectedLines(w, rejected) })
	return p, err
}

// RejectedLines writes a JSON line for each rejected row.
func RejectedLines(w io.Writer, rejected []*fault.Fault) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, r := range rejected {
		line := struct {
			File   string `json:"file"`
			Row    int64  `json:"row"`
			Column string `json:"column,omitempty"`
			Reason string `json:"reason"`
		}{r.File, r.Row, r.Column, r.Reason()}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// WriteData writes a file into the staging directory that the main program can read until [Clean], by
// [files.OpenRead], and returns its path. The name must follow from the task.
func (t *Task) WriteData(name string, fill func(io.Writer) error) (path string, err error) {
	path = files.Join(t.options.Staging(), name)
	_, err = t.options.write(t.ctx, path, fill)
	return path, err
}
