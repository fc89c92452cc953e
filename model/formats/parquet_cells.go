package formats

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Fields are the vector's columns with the types that the file says.
func (s *columnar) Fields() []tables.Field {
	if !s.cells {
		return nil
	}
	fields := make([]tables.Field, len(s.vector))
	for i := range s.vector {
		f := &s.vector[i]
		fields[i] = tables.Field{Name: f.name, Type: f.cell, Width: f.width,
			Whole: f.cell == tables.Number && f.integer()}
	}
	return fields
}

// Other is the first column of the vector that has more than numbers.
func (s *columnar) Other() (column, holds string) { return s.other.Other() }

// asCells finds out what a column is in a table. It is not ok where it is nothing there: structs, say.
func (f *parquetField) asCells() (ok bool) {
	switch {
	case f.list:
		f.cell, ok = tables.List, f.numbers()
	case f.kind == kindNull:
		f.cell, ok = tables.Cell, true
	case f.kind == kindText:
		f.cell, ok = tables.Text, true
	case f.kind == kindBool:
		f.cell, ok = tables.Bool, true
	case f.numbers():
		f.cell, ok = tables.Number, true
	case f.times():
		f.cell, ok = tables.Time, true
	}
	return ok
}

// spelled reports whether the labels of a column are texts: its own, or those of instants and dates.
func (f *parquetField) spelled() bool { return f.kind == kindText || f.times() }

// times reports whether a column holds instants or dates.
func (f *parquetField) times() bool {
	if f.arrow != nil {
		return arrowTimes(f.arrow)
	}
	if f.node == nil {
		return false
	}
	if f.node.PhysicalType() == parquet.Types.Int96 {
		return true
	}
	switch f.node.LogicalType().(type) {
	case schema.TimestampLogicalType, schema.DateLogicalType:
		return true
	}
	return false
}

// chooseCells makes the vector of all chosen columns that can be part of a table. What cannot be is a fault where it
// is asked for, and else left out. A list alone, beside text, is a matrix, as it is for those who do not read tables.
func (s *columnar) chooseCells(o *Options, fields []parquetField, chosen *selection) error {
	numbers, lists := 0, 0
	for _, c := range chosen.vector {
		f := fields[c]
		switch ok := f.asCells(); {
		case !chosen.wanted[c] && (!ok || o.byDefault() && strings.HasPrefix(f.name, pandasIndex)):
			continue
		case !ok:
			return fault.File(s.Name(), "numbers, text, timestamps or lists of numbers", "%s", &f)
		}
		s.vector = append(s.vector, f)
		switch f.cell {
		case tables.List:
			lists++
		case tables.Number, tables.Bool:
			numbers++
		}
	}
	if len(s.vector) == 0 {
		return chosen.missing(s.Name(), "a column of numbers, text, timestamps or lists of numbers")
	}
	if o.byDefault() && lists == 1 && numbers == 0 {
		s.matrix = true
		return nil
	}
	for i := range s.vector {
		f := &s.vector[i]
		switch f.cell {
		case tables.Text:
			s.other.note(f.name, "text")
		case tables.Time:
			s.other.note(f.name, "timestamps")
		case tables.List:
			if len(s.vector) > 1 {
				s.other.note(f.name, "lists beside other columns")
			}
		}
	}
	return nil
}

// inspectCells finds the widths of lists.
func (s *parquetSource) inspectCells(in *parquetBytes, r *file.Reader) error {
	s.dim = len(s.vector)
	for i := range s.vector {
		f := &s.vector[i]
		if f.cell == tables.List && s.rows > 0 {
			var err error
			if f.width, err = s.widthOf(f, in, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteMissing finds missing cells in the columns of a table, as far as the statistics tell. Call it once the deleted
// rows are known.
func (s *parquetSource) noteMissing(ctx context.Context) error {
	for i := range s.vector {
		f := &s.vector[i]
		if !s.cells || s.matrix || f.cell == tables.List {
			continue
		}
		missing, err := s.nulls(f)
		if err == nil && missing > 0 && s.deleted != nil {
			missing, err = s.keptNulls(ctx, f)
		}
		if err != nil {
			return err
		}
		if missing > 0 {
			s.other.note(f.name, fmt.Sprintf("%d missing cells", missing))
		}
	}
	return nil
}

// keptNulls counts the missing cells of a column in the rows that are kept, by reading it: statistics are those of all
// rows of the file.
func (s *parquetSource) keptNulls(ctx context.Context, f *parquetField) (n int64, err error) {
	row := uint64(0)
	own := s.meta.Schema.ColumnRoot(f.leaf).Name()
	err = EachRecord(ctx, s.File, []string{own}, func(r arrow.RecordBatch) error {
		cells := r.Column(0)
		for i := range cells.Len() {
			if cells.IsNull(i) && !s.deleted.Contains(row+uint64(i)) {
				n++
			}
		}
		row += uint64(cells.Len())
		return nil
	})
	return n, err
}

// nulls is how many cells of a column are missing in the file, as far as its statistics tell.
func (s *parquetSource) nulls(f *parquetField) (int64, error) {
	var n int64
	for i := range s.meta.RowGroups {
		c, err := s.meta.RowGroup(i).ColumnChunk(f.leaf)
		if err != nil {
			return 0, err
		}
		if set, err := c.StatsSet(); err != nil || !set {
			continue // an old writer's, which says nothing
		}
		stats, err := c.Statistics()
		if err != nil {
			return 0, err
		}
		if stats != nil && stats.HasNullCount() {
			n += stats.NullCount()
		}
	}
	return n, nil
}

// parquetCells reads the rows of a span as those of a table.
type parquetCells struct {
	cellsBatch
	parquetGroups
	columns []parquetCellColumn // those of the vector
	learned learned
	scratch parquetScratch
}

// parquetCellColumn is a column of the vector that is open.
type parquetCellColumn struct {
	*parquetChunk              // nil of one that the values have
	list          *parquetList // nil of what is none
	// step decodes at most len(def) cells, all of one page, and appends them to a column.
	step func(def []int16, to *tables.Column) (int, error)
}

// cellRows is how many rows are decoded at a time.
const cellRows = 8192

func (s *parquetSource) cellsReader(ctx context.Context, span Span) Reader {
	r := &parquetCells{parquetGroups: s.open(ctx, span.First)}
	r.wanted = span.Rows
	r.cellsBatch = cellsBatch{
		file: s.Name(), table: tables.New(s.Fields()), next: span.First, end: span.First + span.Rows, fill: r.fillRows,
		keeps: s.untargeted, gaps: s.gaps(), deleted: s.deleted,
	}
	r.scratch = parquetScratch{def: make([]int16, cellRows), f32: make([]float32, cellRows),
		f64: make([]float64, cellRows)}
	return r
}

// SkipTo is that of a [Skipper].
func (r *parquetCells) SkipTo(row int64) error {
	r.skipTo(row)
	return nil
}

// Close leaves the row group to who reads the rows after these, if all of these have been read.
func (r *parquetCells) Close() error {
	if r.err == nil && r.next == r.cellsBatch.end {
		return r.leave()
	}
	return r.parquetGroups.Close()
}

// fillRows decodes the next rows of the row group.
func (r *parquetCells) fillRows() (err error) {
	defer r.in.undamaged(&err)
	if err := r.openGroup(); err != nil {
		return err
	}
	rows := int(min(cellRows, r.parquetGroups.end-r.next, r.cellsBatch.end-r.next))
	r.begin(r.next, rows)
	r.parquetGroups.row = r.next + int64(rows)
	for j := range r.columns {
		c := &r.columns[j]
		if c.parquetChunk == nil {
			r.values.appendTo(&r.table.Columns[j], j, int(r.next-r.groupFirst), rows)
			continue
		}
		if c.list != nil {
			err = r.readLists(c, &r.table.Columns[j], rows)
		} else {
			err = c.take(r.scratch.def, rows, &r.table.Columns[j])
		}
		if err == nil && c.cell == tables.Text {
			r.checkText(&r.table.Columns[j])
		}
		if err != nil {
			return err
		}
	}
	if err := r.readIDs(rows); err != nil {
		return err
	}
	if err := r.readTarget(rows); err != nil {
		return err
	}
	if r.weight == nil {
		return nil
	}
	return r.eachNumber(r.weight, rows, func(row int, v float64, valued bool) {
		r.weights = append(r.weights, v)
		if !valued {
			r.mark(row, r.weight.name, "null", "a number")
		} else if f := weightFault(v); f != nil {
			r.mark(row, r.weight.name, f.Found, f.Expected)
		}
	})
}

// checkText marks the rows whose cell is no text.
func (a *cellsBatch) checkText(c *tables.Column) {
	if isASCII(c.Bytes) {
		return
	}
	var t *textFile
	for i := range c.Ends {
		if f := t.textFault(c.Text(i)); f != nil {
			a.mark(i, c.Name, f.Found, f.Expected)
		}
	}
}

// openGroup gets to the next row, and makes what decodes the columns of a row group that was opened for that.
func (r *parquetCells) openGroup() error {
	opened, err := r.seek(r.next)
	if err != nil || !opened {
		return err
	}
	r.columns = r.columns[:0]
	for i, c := range r.vector {
		column := parquetCellColumn{parquetChunk: c, list: r.lists[i]}
		if c != nil && column.list == nil {
			if column.step, err = c.stepper(&r.scratch); err != nil {
				return err
			}
		}
		r.columns = append(r.columns, column)
	}
	return nil
}

// take decodes so many cells to a column.
func (c *parquetCellColumn) take(def []int16, rows int, to *tables.Column) error {
	for rows > 0 {
		n, err := c.step(def[:min(rows, len(def))], to)
		if err != nil {
			return err
		}
		rows -= n
	}
	return nil
}

// stepper makes the function that decodes cells of a column.
func (c *parquetChunk) stepper(scratch *parquetScratch) (func(def []int16, to *tables.Column) (int, error), error) {
	switch {
	case c.kind == kindNull:
		r, ok := c.r.(*file.Int32ColumnChunkReader)
		if !ok {
			return nil, errLevels
		}
		return stepOf(c, r.ReadBatchInPage, func(to *tables.Column, _ int32) { to.AppendMissing() }), nil
	case c.cell == tables.Text:
		r, ok := c.r.(*file.ByteArrayColumnChunkReader)
		if !ok {
			return nil, errLevels
		}
		return stepOf(c, r.ReadBatchInPage, func(to *tables.Column, v parquet.ByteArray) { to.AppendText(v) }), nil
	case c.cell == tables.Time:
		return c.timeStepper()
	case c.read == nil:
		return nil, errLevels
	}
	return func(def []int16, to *tables.Column) (int, error) {
		n, _, err := c.next(def, nil, scratch.f32, scratch.f64)
		if err != nil {
			return n, err
		}
		f32, f64, wide, numbers := scratch.f32, scratch.f64, c.wide(), to.Numbers
		for _, d := range def[:n] {
			v := math.NaN()
			if d == c.valued && wide {
				v, f64 = f64[0], f64[1:]
			} else if d == c.valued {
				v, f32 = float64(f32[0]), f32[1:]
			}
			numbers = append(numbers, v)
		}
		to.Numbers = numbers
		return n, nil
	}, nil
}

// stepOf decodes cells of a type, and appends each by put.
func stepOf[T any](c *parquetChunk, read batchFunc[T], put func(to *tables.Column, v T)) func(def []int16,
	to *tables.Column) (int, error) {
	var values []T
	return func(def []int16, to *tables.Column) (int, error) {
		c.in.chunk = c
		values = resize(values, len(def))
		entries, count, err := read(int64(len(def)), values, def, nil)
		n, _, err := c.checked(def, entries, count, err)
		if err != nil {
			return n, err
		}
		left := values
		for _, d := range def[:n] {
			if d != c.valued {
				to.AppendMissing()
				continue
			}
			put(to, left[0])
			left = left[1:]
		}
		return n, nil
	}
}

// microsOfDay makes microseconds of days.
const microsOfDay = 24 * 60 * 60 * 1e6

func (c *parquetChunk) timeStepper() (func(def []int16, to *tables.Column) (int, error), error) {
	put := func(to *tables.Column, micros int64) { to.Times = append(to.Times, micros) }
	switch r := c.r.(type) {
	case *file.Int96ColumnChunkReader:
		return stepOf(c, r.ReadBatchInPage, func(to *tables.Column, v parquet.Int96) {
			day, nanos := int96Time(v)
			put(to, day*microsOfDay+floorDiv(nanos, 1000))
		}), nil
	case *file.Int32ColumnChunkReader:
		return stepOf(c, r.ReadBatchInPage, func(to *tables.Column, v int32) { put(to, int64(v)*microsOfDay) }), nil
	case *file.Int64ColumnChunkReader:
		t, ok := c.node.LogicalType().(schema.TimestampLogicalType)
		if !ok {
			return nil, errLevels
		}
		return stepOf(c, r.ReadBatchInPage, func(to *tables.Column, v int64) { put(to, microsOf(v, t.TimeUnit())) }), nil
	}
	return nil, errLevels
}

// microsOf makes microseconds of a timestamp, NoTime of one beyond them.
func microsOf(v int64, unit schema.TimeUnitType) int64 {
	switch unit {
	case schema.TimeUnitMillis:
		return scaled(v, 1000)
	case schema.TimeUnitNanos:
		return floorDiv(v, 1000)
	}
	return v
}

// scaled is v × by, NoTime where that is beyond int64.
func scaled(v, by int64) int64 {
	if v > math.MaxInt64/by || v < math.MinInt64/by {
		return tables.NoTime
	}
	return v * by
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// decimalOf is the nearest float64 to v × 10^-scale, as that of the same number in text.
func decimalOf(v int64, scale int) float64 {
	if v > -1<<53 && v < 1<<53 && scale >= 0 && scale < len(exactPowers) {
		return float64(v) / exactPowers[scale]
	}
	return decimalText(strconv.FormatInt(v, 10), scale)
}

func decimalText(digits string, scale int) float64 {
	// its one error here is a value out of range, which is ±Inf
	v, _ := strconv.ParseFloat(digits+"e"+strconv.Itoa(-scale), 64)
	return v
}

// bigDecimal is decimalOf of a big-endian integer in two's complement.
func bigDecimal(b []byte, scale int) float64 {
	if len(b) <= 8 {
		var v int64
		if len(b) > 0 && b[0] >= 0x80 {
			v = -1
		}
		for _, c := range b {
			v = v<<8 | int64(c)
		}
		return decimalOf(v, scale)
	}
	v := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if v.IsInt64() {
		return decimalOf(v.Int64(), scale)
	}
	return decimalText(v.String(), scale)
}

// readLists decodes cells that are lists, all of one width but those that are missing.
func (r *parquetCells) readLists(c *parquetCellColumn, to *tables.Column, rows int) error {
	l, dim := c.list, c.width
	for row := range rows {
		// A list ends where the next one begins, or the column.
		for l.n-l.at <= dim && !l.drained {
			if err := l.more(c.parquetChunk); err != nil {
				return err
			}
		}
		if l.at == l.n || l.rep[l.at] != 0 {
			return errLevels
		}
		if l.regular(dim, c.valued) {
			for i := range dim {
				if c.wide() {
					to.Numbers = append(to.Numbers, l.f64[l.atValue+i])
				} else {
					to.Numbers = append(to.Numbers, float64(l.f32[l.atValue+i]))
				}
			}
			l.at += dim
			l.atValue += dim
			continue
		}
		to.AppendMissing()
		length, null, first, err := l.irregular(c.parquetChunk)
		if err != nil {
			return err
		}
		switch {
		case first < c.entry-1: // the list is missing
		case length != dim || first == c.entry-1:
			if first == c.entry-1 {
				length = 0
			}
			r.mark(row, c.name, fmt.Sprintf("a list of %d", length),
				fmt.Sprintf("a list of %d numbers, as in the first that has any", dim))
		case null >= 0:
			r.mark(row, c.name+"["+strconv.Itoa(null)+"]", "null", "a number")
		default:
			return errLevels
		}
	}
	return nil
}

func (r *parquetCells) readIDs(rows int) error {
	if r.id == nil {
		return nil
	}
	for row := 0; row < rows; {
		n, err := r.id.nextIDs(r.scratch.def[:rows-row], func(i int, id vectors.ID, found string) {
			if found != "" {
				r.mark(row+i, r.id.name, found, "an id")
				r.lost.lose(row + i)
			}
			r.ids.Append(id)
		})
		if err != nil {
			return err
		}
		row += n
	}
	return nil
}

// eachNumber decodes numbers that are no part of the vector.
func (r *parquetCells) eachNumber(c *parquetChunk, rows int, each func(row int, v float64, valued bool)) error {
	for row := 0; row < rows; {
		n, _, err := c.next(r.scratch.def[:rows-row], nil, r.scratch.f32, r.scratch.f64)
		if err != nil {
			return err
		}
		f32, f64 := r.scratch.f32, r.scratch.f64
		for i, d := range r.scratch.def[:n] {
			var v float64
			if d == c.valued && c.wide() {
				v, f64 = f64[0], f64[1:]
			} else if d == c.valued {
				v, f32 = float64(f32[0]), f32[1:]
			}
			each(row+i, v, d == c.valued)
		}
		row += n
	}
	return nil
}

// readTarget decodes the targets of rows; those that have none are left out.
func (r *parquetCells) readTarget(rows int) error {
	c := r.parquetGroups.target
	if c == nil {
		return nil
	}
	if r.s.labels && c.byText() && c.kind != kindBool {
		for row := 0; row < rows; {
			n, err := c.nextLabels(r.scratch.def[:rows-row], func(i int, v int64, found string) {
				r.putWhole(r.s.target, &r.learned, row+i, v, found)
			})
			if err != nil {
				return err
			}
			row += n
		}
		return nil
	}
	if !c.spelled() {
		return r.eachNumber(c, rows, func(row int, v float64,
			valued bool) {
			r.putTarget(r.s.target, r.s.labels, row, v, valued)
		})
	}
	for row := 0; row < rows; {
		n, err := c.nextTexts(r.scratch.def[:rows-row], func(i int, text []byte, valued bool) {
			r.putLabel(r.s.target, &r.learned, row+i, text, valued)
		})
		if err != nil {
			return err
		}
		row += n
	}
	return nil
}

// putTarget appends a target that is a number, of which NaN is none; that of a boolean is a label, where it is one,
// as in text.
func (a *cellsBatch) putTarget(f *parquetField, labels bool, row int, v float64, valued bool) {
	var bad *fault.Fault
	switch {
	case !valued || v != v:
		a.leaveOut(row)
		if labels && f.kind == kindBool {
			a.labels = append(a.labels, "")
		} else {
			a.target = append(a.target, math.NaN())
		}
		return
	case labels && f.kind == kindBool:
	case labels && f.integer():
		bad = labelFault(v)
	default:
		bad = targetFault(v)
	}
	if bad != nil {
		a.mark(row, f.name, bad.Found, bad.Expected)
	}
	if labels && f.kind == kindBool {
		a.labels = append(a.labels, booleanLabel(v != 0))
		return
	}
	a.target = append(a.target, v)
}

// putWhole appends a label that is an integer of 64 bits.
func (a *cellsBatch) putWhole(f *parquetField, l *learned, row int, v int64, found string) {
	if found == "null" {
		a.leaveOut(row)
		l.none()
	} else if bad := l.setWhole(v, found); bad != nil {
		a.mark(row, f.name, bad.Found, bad.Expected)
	}
	a.labels = append(a.labels, l.label)
}

// putLabel appends a target that is text, of which an empty one is none.
func (a *cellsBatch) putLabel(f *parquetField, l *learned, row int, text []byte, valued bool) {
	if !valued || onlySpaces(text) {
		a.leaveOut(row)
		l.none()
	} else if bad := l.setLabel(text, nil); bad != nil {
		a.mark(row, f.name, bad.Found, bad.Expected)
	}
	a.labels = append(a.labels, l.label)
}
