package knn

import (
	"context"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&keptFn{})
}

// KeptJob writes rows of the points as they stand in their files: those that stay of groups, or the others.
type KeptJob struct {
	data    *vectorio.Dataset
	reading vectorio.Options
	out     output.Options
	rows    string // the file that says which stay
	dropped bool
}

// Kept is the job that writes the rows that stay of groups, or those that are dropped, to a file of the input's format.
// A run of [KNeighbors] with Options.LeaveKept must come before it, and [Clean] after it. It fails where the input's
// rows cannot be written so.
func (j *Job) Kept(ctx context.Context, path string, dropped bool) (*KeptJob, error) {
	copied, err := j.Corpus.Copies(ctx, false)
	if err != nil {
		return nil, err
	}
	k := &KeptJob{data: j.Corpus, reading: j.Reading, rows: files.Join(j.Options.staging(), keptName), dropped: dropped}
	k.out = output.Options{Path: path, Layout: results.Layout{Copied: copied}, NumShards: 1, RunID: files.NewRunID()}
	k.reading.Confine(k.data)
	return k, k.out.Validate()
}

// RunID is that of the job.
func (k *KeptJob) RunID() string { return k.out.RunID }

// Write adds the job to a pipeline; PCollections: none. A worker takes two bits a row.
func (k *KeptJob) Write(s beam.Scope, o *Options) {
	output.Begin(k.out.RunID)
	s = s.Scope("knn.Kept")
	fn := &keptFn{Reading: k.reading, Output: k.out, Rows: k.rows, Dropped: k.dropped}
	output.Publish(s, beam.ParDo(s, fn, vectorio.Chunks(s, k.data, o.Workers)), k.out)
}

// Files are those that were written.
func (k *KeptJob) Files(ctx context.Context) ([]string, error) {
	s, err := output.ReadReports(ctx, &k.out, func([]byte) error { return nil })
	if err != nil {
		return nil, err
	}
	return s.OutputFiles, nil
}

// Clean removes what the job has left in its staging directory.
func (k *KeptJob) Clean(ctx context.Context) error { return output.Clean(ctx, &k.out) }

// keptName is the file in which groups leave which rows they have seen, a bit for each, and then which of them stay.
const keptName = "kept"

// keptRows are these bits.
type keptRows []byte

func newKeptRows(rows int64) keptRows { return make(keptRows, 2*((rows+7)/8)) }

// see notes a row.
func (k keptRows) see(row int64, stays bool) {
	k[row/8] |= 1 << (row % 8)
	if stays {
		k[int64(len(k)/2)+row/8] |= 1 << (row % 8)
	}
}

// is reports whether a row is one of those that stay, or of the others; what was rejected is neither.
func (k keptRows) is(row int64, dropped bool) bool {
	seen, stays := k[row/8]>>(row%8)&1 == 1, k[int64(len(k)/2)+row/8]>>(row%8)&1 == 1
	return seen && stays != dropped
}

var keptOf = output.NewShared[keptRows]()

// keptFn copies some rows of a chunk.
type keptFn struct {
	Reading vectorio.Options
	Output  output.Options
	Rows    string
	Dropped bool
}

func (f *keptFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(output.Part)) error {
	progress.Of(f.Output.RunID).Phase("copying rows")
	kept, _, err := keptOf.Get(f.Output.RunID, func() (keptRows, error) {
		b, err := files.ReadFile(ctx, f.Rows)
		if err == nil && int64(len(b)) != 2*((c.Total+7)/8) {
			err = fmt.Errorf("knn: %d bytes that say which of %d rows stay", len(b), c.Total)
		}
		return keptRows(b), err
	})
	if err != nil {
		return fault.Mark(err)
	}
	parts, err := output.Run(ctx, &f.Output, c.Ordinal, c.Total, func(ctx context.Context, out *output.Task) error {
		return f.copy(ctx, c, kept, out)
	})
	if err != nil {
		return fault.Mark(err)
	}
	for _, p := range parts {
		emit(p)
	}
	return nil
}

// keptBatch is how many rows are copied at a time.
const keptBatch = 4096

func (f *keptFn) copy(ctx context.Context, c vectorio.Chunk, kept keptRows, out *output.Task) error {
	var numbers []int64
	for row := c.First; row < c.First+c.Span.Rows; row++ {
		if kept.is(row, f.Dropped) {
			numbers = append(numbers, row)
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	copies, err := vectorio.OpenCopy(ctx, c, &f.Reading, f.Output.Layout.Copied)
	if err != nil {
		return err
	}
	for len(numbers) > 0 && err == nil {
		some := numbers[:min(keptBatch, len(numbers))]
		numbers = numbers[len(some):]
		err = f.write(c, copies, some, out)
	}
	if e := copies.Close(); err == nil {
		err = e
	}
	return err
}

func (f *keptFn) write(c vectorio.Chunk, copies formats.CopyReader, numbers []int64, out *output.Task) error {
	return out.Write(numbers, func(p results.PartWriter, from, to int) error {
		rows := make([]int64, 0, to-from)
		for _, n := range numbers[from:to] {
			rows = append(rows, n-c.First+c.Span.First)
		}
		b, err := copies.Append(nil, rows, nil)
		if err != nil {
			return err
		}
		return p.WriteCopy(b, len(rows))
	})
}
