package formats

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// arrowTimes reports whether a type is of instants or dates.
func arrowTimes(t arrow.DataType) bool {
	if d, ok := t.(*arrow.DictionaryType); ok {
		t = d.ValueType
	}
	return t.ID() == arrow.TIMESTAMP || t.ID() == arrow.DATE32 || t.ID() == arrow.DATE64
}

// arrowMicros gives the times of an array by their place; nil for what is no time.
func arrowMicros(a arrow.Array) func(i int) int64 {
	switch a := a.(type) {
	case *array.Timestamp:
		switch a.DataType().(*arrow.TimestampType).Unit {
		case arrow.Second:
			return func(i int) int64 { return scaled(int64(a.Value(i)), 1e6) }
		case arrow.Millisecond:
			return func(i int) int64 { return scaled(int64(a.Value(i)), 1e3) }
		case arrow.Nanosecond:
			return func(i int) int64 { return floorDiv(int64(a.Value(i)), 1e3) }
		}
		return func(i int) int64 { return int64(a.Value(i)) }
	case *array.Date32:
		return func(i int) int64 { return int64(a.Value(i)) * microsOfDay }
	case *array.Date64:
		return func(i int) int64 { return scaled(int64(a.Value(i)), 1e3) }
	case *array.Dictionary:
		words := arrowMicros(a.Dictionary())
		if words == nil {
			return nil
		}
		return func(i int) int64 { return words(a.GetValueIndex(i)) }
	}
	return nil
}

// arrowDecimals gives the decimals of an array by their place, as the nearest float64; nil for what is none.
func arrowDecimals(a arrow.Array) func(i int) float64 {
	switch a := a.(type) {
	case *array.Decimal32:
		scale := int(a.DataType().(arrow.DecimalType).GetScale())
		return func(i int) float64 { return decimalOf(int64(a.Value(i)), scale) }
	case *array.Decimal64:
		scale := int(a.DataType().(arrow.DecimalType).GetScale())
		return func(i int) float64 { return decimalOf(int64(a.Value(i)), scale) }
	case *array.Decimal128:
		scale := int(a.DataType().(arrow.DecimalType).GetScale())
		return func(i int) float64 { return decimalText(a.Value(i).BigInt().String(), scale) }
	case *array.Decimal256:
		scale := int(a.DataType().(arrow.DecimalType).GetScale())
		return func(i int) float64 { return decimalText(a.Value(i).BigInt().String(), scale) }
	}
	return nil
}

// inspectCells finds the widths of lists.
func (s *arrowSource) inspectCells(in *arrowBytes, schema *arrow.Schema) error {
	s.dim = len(s.vector)
	for i := range s.vector {
		f := &s.vector[i]
		if f.cell == tables.List && s.rows > 0 {
			var err error
			if f.width, err = s.widthOf(f, in, schema); err != nil {
				return err
			}
		}
	}
	if s.other.column != "" || s.matrix {
		return nil
	}
	return s.nulls(in)
}

// nulls looks for missing cells, whose number is told by each batch.
func (s *arrowSource) nulls(in *arrowBytes) error {
	for b := range s.batches {
		record, err := in.record(b)
		if err != nil {
			return err
		}
		for i := range s.vector {
			f := &s.vector[i]
			if n := record.Column(f.leaf).NullN(); n > 0 && f.cell != tables.List {
				s.other.note(f.name, "missing cells")
			}
		}
		record.Release()
		if s.other.column != "" {
			return nil
		}
	}
	return nil
}

// arrowCells reads the rows of a span as those of a table.
type arrowCells struct {
	cellsBatch
	arrowRecords
	learned learned
}

func (s *arrowSource) cellsReader(ctx context.Context, span Span) Reader {
	r := &arrowCells{arrowRecords: arrowRecords{s: s, in: &arrowBytes{s: s, ctx: ctx}, until: span.First + span.Rows}}
	r.cellsBatch = cellsBatch{
		file: s.Name(), table: tables.New(s.Fields()), next: span.First, end: span.First + span.Rows, fill: r.fillRows,
		keeps: s.untargeted,
	}
	return r
}

// SkipTo is that of a [Skipper].
func (r *arrowCells) SkipTo(row int64) error {
	r.skipTo(row)
	return nil
}

// fillRows decodes the next rows of the batch.
func (r *arrowCells) fillRows() (err error) {
	defer r.in.undamaged(&err)
	at, err := r.seek(r.next)
	if err != nil {
		return err
	}
	rows := int(min(cellRows, r.record.NumRows()-int64(at), r.end-r.next))
	r.begin(r.next, rows)
	for j := range r.s.vector {
		f, to := &r.s.vector[j], &r.table.Columns[j]
		if err := r.column(f, to, at, rows); err != nil {
			return err
		}
		if f.cell == tables.Text {
			r.checkText(to)
		}
	}
	if err := r.readIDs(at, rows); err != nil {
		return err
	}
	if err := r.readTarget(at, rows); err != nil {
		return err
	}
	return r.readWeights(at, rows)
}

// column decodes the cells of a column.
func (r *arrowCells) column(f *parquetField, to *tables.Column, at, rows int) error {
	a := r.record.Column(f.leaf)
	if f.cell == tables.List {
		return r.lists(f, to, at, rows)
	}
	var put func(i int)
	switch f.cell {
	case tables.Cell: // of no value
		put = func(int) { to.AppendMissing() }
	case tables.Text:
		if texts := arrowTexts(a); texts != nil {
			put = func(i int) { to.AppendText(texts(i)) }
		}
	case tables.Time:
		if times := arrowMicros(a); times != nil {
			put = func(i int) { to.Times = append(to.Times, times(i)) }
		}
	default:
		if numbers := arrowNumbers(a); numbers != nil {
			put = func(i int) { to.Numbers = append(to.Numbers, numbers(i)) }
		}
	}
	if put == nil {
		return errType
	}
	for i := at; i < at+rows; i++ {
		if isNull(a, i) {
			to.AppendMissing()
			continue
		}
		put(i)
	}
	return nil
}

// lists decodes cells that are lists, all of one width but those that are missing.
func (r *arrowCells) lists(f *parquetField, to *tables.Column, at, rows int) error {
	l, ok := arrowLists(r.record.Column(f.leaf))
	if !ok {
		return errType
	}
	values := l.ListValues()
	number := arrowNumbers(values)
	if number == nil {
		return errType
	}
	for i := range rows {
		if l.IsNull(at + i) {
			to.AppendMissing()
			continue
		}
		from, end := l.ValueOffsets(at + i)
		if n := end - from; n != int64(f.width) {
			to.AppendMissing()
			r.mark(i, f.name, fmt.Sprintf("a list of %d", n), fmt.Sprintf("a list of %d numbers, as in the first that has any",
				f.width))
			continue
		}
		for j := range f.width {
			if isNull(values, int(from)+j) {
				r.mark(i, fmt.Sprintf("%s[%d]", f.name, j), "null", "a number")
				to.Numbers = append(to.Numbers, 0)
				continue
			}
			to.Numbers = append(to.Numbers, number(int(from)+j))
		}
	}
	return nil
}

func (r *arrowCells) readIDs(at, rows int) error {
	f := r.s.id
	if f == nil {
		return nil
	}
	a := r.record.Column(f.leaf)
	texts, integers := arrowTexts(a), arrowIntegers(a)
	if texts == nil && integers == nil {
		return errType
	}
	for i := range rows {
		id, found := arrowID(a, texts, integers, at+i)
		if found != "" {
			r.mark(i, f.name, found, "an id")
			r.lost.lose(i)
		}
		r.ids.Append(id)
	}
	return nil
}

// arrowID is an id, or says what is found instead.
func arrowID(a arrow.Array, texts func(int) []byte, integers func(int) (int64, string),
	i int) (id vectors.ID, found string) {
	if isNull(a, i) {
		return id, "null"
	}
	if texts == nil {
		v, digits := integers(i)
		if digits != "" { // beyond int64
			return vectors.ParseID(digits), ""
		}
		return vectors.ID{Int: v}, ""
	}
	return textID(texts(i))
}

func (r *arrowCells) readTarget(at, rows int) error {
	f := r.s.target
	if f == nil {
		return nil
	}
	a := r.record.Column(f.leaf)
	if f.spelled() {
		texts := arrowLabels(a)
		if texts == nil {
			return errType
		}
		for i := range rows {
			if isNull(a, at+i) {
				r.putLabel(f, &r.learned, i, nil, false)
				continue
			}
			r.putLabel(f, &r.learned, i, texts(at+i), true)
		}
		return nil
	}
	if r.s.labels && f.byText() && f.kind != kindBool {
		a := r.record.Column(f.leaf)
		integers := arrowIntegers(a)
		if integers == nil {
			return errType
		}
		for i := range rows {
			v, found := integers(at + i)
			if isNull(a, at+i) {
				found = "null"
			}
			r.putWhole(f, &r.learned, i, v, found)
		}
		return nil
	}
	return r.eachNumber(f, at, rows, func(i int, v float64, valued bool) { r.putTarget(f, r.s.labels, i, v, valued) })
}

func (r *arrowCells) readWeights(at, rows int) error {
	f := r.s.weight
	if f == nil {
		return nil
	}
	return r.eachNumber(f, at, rows, func(i int, v float64, valued bool) {
		r.weights = append(r.weights, v)
		var bad *fault.Fault
		if bad = weightFault(v); !valued {
			bad = &fault.Fault{Found: "null", Expected: "a number"}
		}
		if bad != nil {
			r.mark(i, f.name, bad.Found, bad.Expected)
		}
	})
}

// eachNumber gives the numbers of a column that is no part of the vector, 0 for a null.
func (r *arrowCells) eachNumber(f *parquetField, at, rows int, each func(i int, v float64, valued bool)) error {
	a := r.record.Column(f.leaf)
	number := arrowNumbers(a)
	if number == nil {
		return errType
	}
	for i := range rows {
		if isNull(a, at+i) {
			each(i, 0, false)
			continue
		}
		each(i, number(at+i), true)
	}
	return nil
}
