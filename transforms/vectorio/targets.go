package vectorio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
)

// TargetSpan is a run of rows of a file of targets.
type TargetSpan struct {
	Info files.Info
	Span formats.Span
	// Numbers says that labels are read as numbers, as some files have integers and others fractions.
	Numbers bool `json:",omitempty"`
}

// targetOptions are those of reading targets: numbers, as they are, or labels.
func (o *Options) targetOptions() formats.Options {
	return formats.Options{DType: vectors.Float64, Targets: true, Labels: o.Formats.Labels, Several: o.Several,
		Missing: true}
}

// targetName is that of column k of files of several targets.
func targetName(k int) string { return "y_" + strconv.Itoa(k) }

// inspectTargets finds the files of targets, and makes sure that they are row for row those of the dataset.
func (d *Dataset) inspectTargets(ctx context.Context, sources []formats.Source) error {
	for i, src := range sources {
		if src.Rows() < 0 {
			return uncounted(d.Files[i].Name)
		}
	}
	infos, err := files.List(ctx, d.options.Targets)
	if err != nil {
		return err
	}
	var rows int64
	columns := 1
	var texts, integers int // files of labels: of text, and of integers or booleans
	var errs []error
	for _, info := range infos {
		src, err := formats.Inspect(ctx, files.Open(info), d.options.targetOptions())
		if err == nil {
			text, integer := formats.HoldsText(src)
			texts, integers = texts+count(text), integers+count(integer)
		}
		switch {
		case err != nil:
		case src.Rows() < 0:
			err = uncounted(info.Name)
		case src.Dim() != 1 && !d.options.Several:
			err = fault.File(info.Name, "targets: one column of numbers", "%d columns", src.Dim())
		case len(d.targets) > 0 && src.Dim() != columns:
			err = fault.File(info.Name, fmt.Sprintf("as many as %s has, %d", d.targets[0].Info.Name, columns),
				"%d columns", src.Dim())
		default:
			columns = src.Dim()
			d.targets = append(d.targets, TargetSpan{Info: info, Span: formats.Span{Rows: src.Rows()}})
			rows += src.Rows()
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if integers != 0 && texts == 0 && integers != len(infos) {
		for i := range d.targets {
			d.targets[i].Numbers = true
		}
	} else if texts != 0 && texts+integers != len(infos) {
		return fault.File(allOf(infos), "targets that are all numbers, or all text", "both")
	}
	if rows != d.Rows {
		return fault.File(allOf(infos), fmt.Sprintf("%d, as many as the rows of %s", d.Rows, allOf(d.Files)), "%d targets",
			rows)
	}
	for k := range columns {
		if columns > 1 {
			d.TargetNames = append(d.TargetNames, targetName(k))
		}
	}
	return nil
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

func uncounted(name string) error {
	return fault.File(name, "a file whose header has the number of rows, where the targets are in files of their own",
		"one whose rows must be counted")
}

// allOf names files, in one line.
func allOf(infos []files.Info) string {
	if len(infos) == 1 {
		return infos[0].Name
	}
	return fmt.Sprintf("%s … %s (%d files)", infos[0].Name, infos[len(infos)-1].Name, len(infos))
}

// cutTargets are the spans of so many rows from the first on, of whole files.
func cutTargets(all []TargetSpan, first, rows int64) []TargetSpan {
	var spans []TargetSpan
	for _, t := range all {
		if n := min(t.Span.Rows-first, rows); n > 0 {
			spans = append(spans, TargetSpan{t.Info, formats.Span{First: first, Rows: n}, t.Numbers})
			first, rows = first+n, rows-n
		}
		first -= t.Span.Rows
	}
	return spans
}

// targetRows is how many targets are read at a time.
const targetRows = 8192

// targetReader reads the targets of a chunk along with its rows.
type targetReader struct {
	ctx     context.Context // of the whole reading, which no method of a Reader is told
	options *Options
	spans   []TargetSpan   // what is not read yet
	reader  formats.Reader // of the first span, or nil
	block   *vectors.Block // what was read last
	values  []float64      // of the next rows, where they are numbers
	labels  []string       // of the next rows, where they are text
	several [][]float64    // of the next rows, by target, where there are several
	fault   *fault.Fault   // of the row after them, which has no target; or nil
	spare   vectors.Block  // takes that row
	rows    int64          // of the chunk that are read
	last    *fault.Fault   // the fault of a target that was told last, and the place of its row in the chunk
	lastRow int64
}

func newTargetReader(ctx context.Context, c Chunk, o *Options) *targetReader {
	return &targetReader{ctx: ctx, options: o, spans: slices.Clone(c.Targets), block: targetBlocks.Get().(*vectors.Block)}
}

// targetBlocks are blocks that were read into and are not needed: a chunk takes little longer to read than one to be
// made.
var targetBlocks = sync.Pool{New: func() any { return newTargetBlock(1) }}

// newTargetBlock takes so many targets of each row, NaN where there is none.
func newTargetBlock(targets int) *vectors.Block {
	return &vectors.Block{Dim: targets, DType: vectors.Float64, Missing: true}
}

func (t *targetReader) close() error {
	if t.block != nil {
		if t.block.Dim == 1 {
			targetBlocks.Put(t.block)
		}
		t.block, t.values, t.labels, t.several = nil, nil, nil, nil
	}
	return t.closeFile()
}

func (t *targetReader) closeFile() error {
	if t.reader == nil {
		return nil
	}
	err := t.reader.Close()
	t.reader = nil
	return err
}

// read appends at most so many rows of r, with their targets, to b. A row without a target is at fault.
func (t *targetReader) read(r formats.Reader, b *vectors.Block, most int) error {
	if t.left() == 0 && t.fault == nil && len(t.spans) > 0 {
		if err := t.fill(); err != nil {
			return err
		}
	}
	if t.left() == 0 && t.fault != nil {
		t.spare.Dim = b.Dim
		if b.Cells != nil && t.spare.Cells == nil {
			t.spare.Cells = tables.New(b.Cells.Fields())
		}
		t.spare.Reset()
		err := r.Read(&t.spare, 1)
		if _, ok := fault.IsRow(err); err == nil || ok {
			if err == nil {
				if err = t.fault; t.spare.IDs.Len() > 0 {
					t.fault.ID = t.spare.IDs.At(0).String()
				}
				t.last, t.lastRow = t.fault, t.rows
			}
			t.fault = nil
			t.rows++
		}
		return err
	}
	run := min(t.left(), most)
	if run == 0 {
		run = most // of which there are none
	}
	n := b.Len()
	err := r.Read(b, run)
	if n = b.Len() - n; n > t.left() {
		return fmt.Errorf("vectorio: %d rows for %d targets", n, t.left())
	}
	if t.several != nil {
		b.SetTargets(len(t.several))
		for k, values := range t.several {
			b.Targets[k].Numbers = append(b.Targets[k].Numbers, values[:n]...)
			t.several[k] = values[n:]
		}
	}
	b.Target = append(b.Target, t.values[:min(n, len(t.values))]...)
	b.Labels = append(b.Labels, t.labels[:min(n, len(t.labels))]...)
	if _, ok := fault.IsRow(err); ok {
		n++
	}
	t.rows += int64(n)
	t.values, t.labels = t.values[min(n, len(t.values)):], t.labels[min(n, len(t.labels)):]
	return err
}

// left is how many targets are read and not given away.
func (t *targetReader) left() int {
	if len(t.several) > 0 {
		return len(t.several[0])
	}
	return max(len(t.values), len(t.labels))
}

// fill reads the next targets.
func (t *targetReader) fill() error {
	next := &t.spans[0]
	if t.reader == nil {
		o := t.options.targetOptions()
		o.Labels = o.Labels && !next.Numbers
		src, err := t.options.inspect(t.ctx, next.Info, o)
		if err != nil {
			return err
		}
		if t.reader, err = src.Read(t.ctx, next.Span); err != nil {
			return err
		}
		if src.Dim() != t.block.Dim {
			t.block = newTargetBlock(src.Dim())
		}
	}
	t.block.Reset()
	err := t.reader.Read(t.block, int(min(next.Span.Rows, targetRows)))
	if t.block.Dim > 1 {
		t.values, t.several = nil, byColumn(t.block)
	} else if t.values = t.block.F64; len(t.block.Labels) > 0 {
		t.values, t.labels = nil, t.block.Labels
	}
	read := int64(t.left())
	if f, ok := fault.IsRow(err); ok {
		t.fault = f
		read++
	} else if err == io.EOF {
		return fault.File(next.Info.Name, fmt.Sprintf("%d more rows", next.Span.Rows), "the end")
	} else if err != nil {
		return err
	}
	if next.Span.Rows -= read; next.Span.Rows == 0 {
		t.spans = t.spans[1:]
		return t.closeFile()
	}
	return nil
}

// byColumn is the rows of a block of float64, column by column.
func byColumn(b *vectors.Block) [][]float64 {
	all := make([][]float64, b.Dim)
	for k := range all {
		all[k] = make([]float64, b.Len())
		for i := range all[k] {
			all[k][i] = b.F64[i*b.Dim+k]
		}
	}
	return all
}
