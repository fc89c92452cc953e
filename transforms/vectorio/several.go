package vectorio

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Several targets, [Options.TargetColumns], are read as the last columns of the vector, and taken from it as rows come:
// so every format that has columns has them, and a file is read once.

// inspectSeveral inspects a dataset whose rows have the targets of [Options.TargetColumns], as [InspectLike] does, or
// where of is "", as [Inspect].
func inspectSeveral(ctx context.Context, patterns, names []string, of string, o Options) (*Dataset, error) {
	plain := o
	plain.TargetColumns, plain.Formats.Features = nil, 0
	asked := plain
	asked.Formats.Columns = o.TargetColumns
	asked.Formats.Names, asked.Formats.IDColumn, asked.Formats.WeightColumn = nil, "", ""
	targets, err := Inspect(ctx, patterns, asked)
	if err != nil {
		return nil, err
	}
	var d *Dataset
	if of == "" {
		d, err = Inspect(ctx, patterns, plain)
	} else {
		d, err = InspectLike(ctx, patterns, names, of, plain)
	}
	if err != nil {
		return nil, err
	}
	var whole *Dataset
	var found, without []string // the targets, and those of them that are asked for in the vector, too
	if d.Columns == nil {
		whole, found, without, err = d.byIndex(ctx, patterns, plain, o.TargetColumns)
	} else {
		found = targets.Columns
		without = d.askedFor(&plain, found)
		whole, err = d.byName(ctx, patterns, plain, found)
	}
	if err != nil {
		return nil, err
	}
	n := whole.Dim - len(found)
	if n < 1 {
		return nil, fault.Asked(d.Files[0].Name, "at least one column for the vector", "none but the targets")
	}
	if asked := o.Formats.Features; asked > 0 && n != asked {
		return nil, fault.File(d.Files[0].Name, fmt.Sprintf("%d features", asked), "%d columns beside the targets", n)
	}
	whole.TargetNames, whole.options.TargetColumns = found, found
	whole.Dim = n
	if whole.Columns != nil {
		whole.Columns = whole.Columns[:n:n]
	}
	if whole.Fields != nil {
		whole.Fields = whole.Fields[:n:n]
		whole.Other = cmp.Or(d.Other, whole.Other)
	}
	whole.whose, whole.ids, whole.notes = d.whose, d.ids, d.notes
	whole.LeftOut = d.LeftOut
	if len(without) > 0 {
		whole.notes = append(whole.notes, formats.WithoutTargets(without))
	}
	whole.Uses(found...)
	return whole, nil
}

// byName inspects the columns of a dataset that are no targets, and then the targets.
func (d *Dataset) byName(ctx context.Context, patterns []string, o Options, targets []string) (*Dataset, error) {
	if len(targets) == 0 {
		return nil, fault.Asked(d.Files[0].Name, "targets in columns of their own", "a list of numbers")
	}
	for _, role := range []string{d.ID, o.Formats.WeightColumn} {
		if slices.Contains(targets, role) {
			return nil, ownColumn(d.Files[0].Name, role)
		}
	}
	names := slices.DeleteFunc(slices.Clone(d.Columns), func(name string) bool { return slices.Contains(targets, name) })
	o.Formats.Columns = nil
	agreement := formats.AgreeWith(slices.Concat(names, targets), d.whose)
	whole, err := inspectAll(ctx, patterns, o, agreement)
	if err == nil && len(agreement.ByNumber) > 0 {
		return nil, fault.File(strings.Join(agreement.ByNumber, ", "),
			"names of columns in all files, or in none, where rows have several targets", "none")
	}
	return whole, err
}

// byDefault reports whether the columns that are asked for only say which not to take.
func byDefault(specs []string) bool {
	return !slices.ContainsFunc(specs, func(spec string) bool { return !strings.HasPrefix(spec, "!") })
}

// askedFor are the targets that stand among the columns asked for.
func (d *Dataset) askedFor(o *Options, targets []string) []string {
	if byDefault(o.Formats.Columns) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(targets), func(name string) bool { return !slices.Contains(d.Columns, name) })
}

// ownColumn is the fault of a target that is something else, too.
func ownColumn(file, column string) error {
	return fault.Asked(file, "a column of its own for each target, beside the id and the weight", "the column %s for both",
		fault.Plain(column))
}

// byIndex is byName where columns have no names. It gives the indices of the targets, too, and of those among them that
// stand among the columns asked for.
func (d *Dataset) byIndex(ctx context.Context, patterns []string, o Options, specs []string) (whole *Dataset,
	names, without []string, err error) {
	all := o
	all.Formats.Columns, all.Formats.IDColumn, all.Formats.WeightColumn = nil, "", ""
	every, err := Inspect(ctx, patterns, all)
	if err != nil {
		return nil, nil, nil, err
	}
	targets, err := indices(specs, every.Dim)
	if err != nil {
		return nil, nil, nil, fault.Asked(d.Files[0].Name, err.Error(), "targets asked for, %s",
			fault.Quote(strings.Join(specs, ",")))
	}
	vector, err := indices(o.Formats.Columns, every.Dim)
	if err != nil {
		return nil, nil, nil, fault.Asked(d.Files[0].Name, err.Error(), "columns asked for, %s",
			fault.Quote(strings.Join(o.Formats.Columns, ",")))
	}
	role := func(i int) bool {
		return slices.Contains([]string{o.Formats.IDColumn, o.Formats.WeightColumn}, strconv.Itoa(i))
	}
	if at := slices.IndexFunc(targets, role); at >= 0 {
		return nil, nil, nil, ownColumn(d.Files[0].Name, strconv.Itoa(targets[at]))
	}
	if len(o.Formats.Columns) == 0 {
		for i := range every.Dim {
			vector = append(vector, i)
		}
	}
	rest := byDefault(o.Formats.Columns)
	for _, i := range targets {
		name := strconv.Itoa(i)
		names = append(names, name)
		if !rest && slices.Contains(vector, i) {
			without = append(without, name)
		}
	}
	vector = slices.DeleteFunc(vector, func(i int) bool { return slices.Contains(targets, i) || rest && role(i) })
	o.Formats.Columns = append(ranges(vector), ranges(targets)...)
	whole, err = Inspect(ctx, patterns, o)
	return whole, names, without, err
}

// indices are the columns that specs name, of so many without names: indices and ranges of them.
func indices(specs []string, count int) (all []int, err error) {
	var out []int
	for _, spec := range specs {
		spec, not := strings.CutPrefix(spec, "!")
		from, to, isRange := strings.Cut(spec, "-")
		if !isRange {
			to = from
		}
		if spec == "*" {
			from, to = "0", strconv.Itoa(count-1)
		}
		lo, err := strconv.Atoi(from)
		hi, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || lo < 0 || hi < lo || hi >= count {
			return nil, fmt.Errorf("indices of %d columns, which have no names, or ranges of them", count)
		}
		for i := lo; i <= hi; i++ {
			switch {
			case not:
				out = append(out, i)
			case slices.Contains(all, i):
				return nil, fmt.Errorf("each column once, not %d twice", i)
			default:
				all = append(all, i)
			}
		}
	}
	if len(out) > 0 && len(all) == 0 {
		for i := range count {
			all = append(all, i)
		}
	}
	return slices.DeleteFunc(all, func(i int) bool { return slices.Contains(out, i) }), nil
}

// ranges names columns by their indices, those that follow each other in one.
func ranges(columns []int) (specs []string) {
	for lo := 0; lo < len(columns); {
		hi := lo + 1
		for hi < len(columns) && columns[hi] == columns[hi-1]+1 {
			hi++
		}
		if hi == lo+1 {
			specs = append(specs, strconv.Itoa(columns[lo]))
		} else {
			specs = append(specs, fmt.Sprintf("%d-%d", columns[lo], columns[hi-1]))
		}
		lo = hi
	}
	return specs
}

// Reads says in options how the rows of the dataset are read, where it has found that out: which columns are targets.
func (d *Dataset) Reads(o *Options) {
	if len(d.options.TargetColumns) > 0 {
		o.TargetColumns, o.Formats.Columns, o.Formats.Features = d.options.TargetColumns, d.options.Formats.Columns, 0
	}
}

// splitter takes the targets, which may be missing, from rows of numbers.
type splitter struct{ whole *vectors.Block }

func newSplitter(dim, targets int) *splitter {
	return &splitter{&vectors.Block{Dim: dim + targets, DType: vectors.Float64, Missing: true, Known: dim}}
}

// read appends at most so many rows of r to b, with their targets.
func (s *splitter) read(r formats.Reader, b *vectors.Block, most int) error {
	w := s.whole
	w.Reset()
	err := r.Read(w, most)
	b.SetTargets(w.Dim - b.Dim)
	first := b.Len()
	for i := range w.Len() {
		row := w.F64[i*w.Dim : (i+1)*w.Dim]
		for k, v := range row[b.Dim:] {
			b.Targets[k].Numbers = append(b.Targets[k].Numbers, v)
		}
		copy(w.F64[i*b.Dim:], row[:b.Dim])
	}
	b.AppendRows64(w.F64[:w.Len()*b.Dim], 0) // finite, and of no type that rounds
	copy(b.Numbers[first:], w.Numbers)
	b.IDs.AppendAll(&w.IDs)
	b.Weights = append(b.Weights, w.Weights...)
	return err
}

// cellTargets takes the targets from rows of a table, whose last columns they are. A row that lacks any is left out, or
// keeps those that it has.
type cellTargets struct {
	names   []string
	labels  bool
	keeps   bool // rows that lack one
	without int64
	texts   map[string]string // labels that were read, each once
	file    string
	missing []bool // of the row
}

func newCellTargets(o *Options, file string) *cellTargets {
	if len(o.TargetColumns) == 0 {
		return nil
	}
	return &cellTargets{names: o.TargetColumns, labels: o.Formats.Labels, keeps: o.Formats.Untargeted, file: file,
		texts: map[string]string{}, missing: make([]bool, len(o.TargetColumns))}
}

// take appends the targets of row i, unless it is left out.
func (t *cellTargets) take(rows *vectors.Block, i int, b *vectors.Block) (out bool, f *fault.Fault) {
	columns := rows.Cells.Columns[len(rows.Cells.Columns)-len(t.names):]
	for k := range columns {
		t.missing[k] = t.lacks(&columns[k], i)
	}
	if slices.Contains(t.missing, true) {
		if t.without++; !t.keeps {
			return true, nil
		}
	}
	b.SetTargets(len(t.names))
	for k := range columns {
		if f := t.one(&columns[k], i, t.missing[k], &b.Targets[k]); f != nil {
			b.TrimTargets()
			f.File, f.Row, f.Column = t.file, rows.Numbers[i], t.names[k]
			if rows.IDs.Len() > 0 {
				f.ID = rows.IDs.At(i).String()
			}
			return false, f
		}
	}
	return false, nil
}

// lacks reports whether a cell is no target: it is empty, or, where it may be a number, a marker of a missing value, of
// which None and ? may be the name of a class.
func (t *cellTargets) lacks(c *tables.Column, i int) bool {
	switch c.Type {
	case tables.Number, tables.Bool:
		return c.Numbers[i] != c.Numbers[i]
	case tables.Text, tables.Cell:
		text := c.Text(i)
		if c.Type == tables.Text || c.IsQuoted(i) {
			return features.IsBlank(text)
		}
		return features.IsMissing(text) && !(t.labels && (string(text) == "None" || string(text) == "?"))
	case tables.Time:
		return c.Times[i] == tables.NoTime
	}
	return false
}

// one appends a target.
func (t *cellTargets) one(c *tables.Column, i int, missing bool, to *vectors.Target) *fault.Fault {
	expected := "a number"
	if t.labels {
		expected = "a label"
	}
	text := c.Type == tables.Text || c.Type == tables.Cell || c.Type == tables.Bool
	switch {
	case c.Type == tables.Time || c.Type == tables.List:
		return &fault.Fault{Found: "a column of type " + c.Type.String(), Expected: expected}
	case missing && t.labels && text:
		to.Labels = append(to.Labels, "")
	case missing:
		to.Numbers = append(to.Numbers, math.NaN())
	case t.labels && c.Type == tables.Bool:
		to.Labels = append(to.Labels, map[float64]string{0: "False", 1: "True"}[c.Numbers[i]])
	case t.labels && text:
		label, ok := t.texts[string(c.Text(i))]
		if !ok {
			label = string(c.Text(i))
			t.texts[label] = label
		}
		to.Labels = append(to.Labels, label)
	default:
		v, ok := 0.0, true
		if !text || c.Type == tables.Bool {
			v = c.Numbers[i]
		} else if v, ok = features.ParseNumber(c.Text(i)); !ok {
			return &fault.Fault{Found: fault.Quote(c.Text(i)), Expected: expected}
		}
		if math.IsInf(v, 0) {
			return &fault.Fault{Found: fmt.Sprint(v), Expected: "a finite number"}
		}
		if t.labels && math.Abs(v) >= 1<<53 && v == math.Trunc(v) {
			return &fault.Fault{Found: fmt.Sprint(v), Expected: "a label below 2⁵³, or text"}
		}
		to.Numbers = append(to.Numbers, v)
	}
	return nil
}

// strip is a block of a table without the columns of the targets, and without the rows that lack one; with targets.
// Rows at fault are rejected where the options skip them.
func (t *cellTargets) strip(r *Reader, b *vectors.Block) (*vectors.Block, error) {
	fields := b.Cells.Fields()
	out := &vectors.Block{Cells: tables.New(fields[:len(fields)-len(t.names)])}
	for i := range b.Len() {
		left, f := t.take(b, i, out)
		if f != nil {
			f.Row, f.Number = f.Row-r.chunk.First+r.chunk.Span.First, f.Row
			if !r.options.SkipFaults {
				return nil, f
			}
			r.rejected(f)
		}
		if left || f != nil {
			continue
		}
		for j := range out.Cells.Columns {
			out.Cells.Columns[j].AppendRange(&b.Cells.Columns[j], i, i+1)
		}
		out.Numbers = append(out.Numbers, b.Numbers[i])
		if b.IDs.Len() > 0 {
			out.AppendID(b.IDs.At(i))
		}
		if len(b.Weights) > 0 {
			out.Weights = append(out.Weights, b.Weights[i])
		}
	}
	return out, nil
}
