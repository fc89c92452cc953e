package formats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"beamlearn/model/fault"
)

func isFault(err error) bool {
	var known *fault.Fault
	return errors.As(err, &known)
}

// arrowFields are the columns of a schema, described as those of Parquet.
func arrowFields(schema *arrow.Schema) []parquetField {
	var fields []parquetField
	for i, c := range schema.Fields() {
		f := parquetField{name: c.Name, leaf: i, arrow: c.Type}
		t := c.Type
		switch l := t.(type) {
		case arrow.ListLikeType:
			if id := t.ID(); id == arrow.LIST || id == arrow.LARGE_LIST || id == arrow.FIXED_SIZE_LIST {
				f.list, t = true, l.Elem()
			}
		}
		f.kind, f.what = arrowKind(t)
		if f.list {
			f.what = "lists of " + f.what
		}
		fields = append(fields, f)
	}
	return fields
}

// arrowKind is how values of a type are read, and what the type is called.
func arrowKind(t arrow.DataType) (parquetKind, string) {
	switch t.ID() {
	case arrow.BOOL:
		return kindBool, "boolean"
	case arrow.DECIMAL32, arrow.DECIMAL64, arrow.DECIMAL128, arrow.DECIMAL256:
		return kindDecimal, t.String()
	case arrow.FLOAT16:
		return kindHalf, t.String()
	case arrow.FLOAT32:
		return kindFloat, t.String()
	case arrow.FLOAT64:
		return kindDouble, t.String()
	case arrow.INT8, arrow.INT16, arrow.INT32:
		return kindInt32, t.String()
	case arrow.UINT8, arrow.UINT16, arrow.UINT32:
		return kindUint32, t.String()
	case arrow.INT64:
		return kindInt64, t.String()
	case arrow.UINT64:
		return kindUint64, t.String()
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW, arrow.BINARY, arrow.LARGE_BINARY:
		return kindText, "String"
	case arrow.DICTIONARY:
		return arrowKind(t.(*arrow.DictionaryType).ValueType)
	case arrow.NULL:
		return kindNull, "Null"
	case arrow.TIMESTAMP:
		return kindOther, "Timestamp"
	}
	return kindOther, t.Name()
}

// lists are arrays of lists.
type lists interface {
	arrow.Array
	ListValues() arrow.Array
	ValueOffsets(i int) (start, end int64)
}

func arrowLists(a arrow.Array) (lists, bool) {
	l, ok := a.(lists)
	return l, ok
}

// arrowNumbers gives the numbers of an array by their place; of one that is null, anything. It is nil for what is no
// number.
func arrowNumbers(a arrow.Array) func(i int) float64 {
	switch a := a.(type) {
	case *array.Float64:
		return func(i int) float64 { return a.Value(i) }
	case *array.Float32:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Float16:
		return func(i int) float64 { return float64(half(a.Value(i).Uint16())) }
	case *array.Int64:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Int32:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Int16:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Int8:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Uint64:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Uint32:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Uint16:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Uint8:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Boolean:
		return func(i int) float64 {
			if a.Value(i) {
				return 1
			}
			return 0
		}
	case *array.Dictionary:
		words := arrowNumbers(a.Dictionary())
		if words == nil {
			return nil
		}
		return func(i int) float64 { return words(a.GetValueIndex(i)) }
	}
	return arrowDecimals(a)
}

// arrowTexts gives the texts of an array by their place; nil for what is no text.
func arrowTexts(a arrow.Array) func(i int) []byte {
	switch a := a.(type) {
	case *array.String:
		return func(i int) []byte { return []byte(a.Value(i)) }
	case *array.LargeString:
		return func(i int) []byte { return []byte(a.Value(i)) }
	case *array.StringView:
		return func(i int) []byte { return []byte(a.Value(i)) }
	case *array.Binary:
		return func(i int) []byte { return a.Value(i) }
	case *array.LargeBinary:
		return func(i int) []byte { return a.Value(i) }
	case *array.Dictionary:
		words := arrowTexts(a.Dictionary())
		if words == nil {
			return nil
		}
		return func(i int) []byte { return words(a.GetValueIndex(i)) }
	}
	return nil
}

// arrowIntegers gives the integers of an array by their place, and what is found instead of one that is beyond int64.
func arrowIntegers(a arrow.Array) func(i int) (v int64, found string) {
	switch a := a.(type) {
	case *array.Int64:
		return func(i int) (int64, string) { return a.Value(i), "" }
	case *array.Uint64:
		return func(i int) (int64, string) {
			if v := a.Value(i); v > math.MaxInt64 {
				return 0, strconv.FormatUint(v, 10)
			}
			return int64(a.Value(i)), ""
		}
	case *array.Dictionary:
		words := arrowIntegers(a.Dictionary())
		if words == nil {
			return nil
		}
		return func(i int) (int64, string) { return words(a.GetValueIndex(i)) }
	}
	number := arrowNumbers(a) // of at most 32 bits
	if number == nil {
		return nil
	}
	return func(i int) (int64, string) { return int64(number(i)), "" }
}

// isNull reports whether a place of an array has no value, directly or in its dictionary.
func isNull(a arrow.Array, i int) bool {
	if a.IsNull(i) {
		return true
	}
	d, ok := a.(*array.Dictionary)
	return ok && d.Dictionary().IsNull(d.GetValueIndex(i))
}

// arrowRecords decodes the batches of a file, one at a time.
type arrowRecords struct {
	s      *arrowSource
	in     *arrowBytes
	record arrow.RecordBatch // that is decoded, or nil
	from   int64             // its first row
	until  int64             // number of the row after the last that is wanted
	key    batchKey
	shared *sharedBatch // whose record it is; nil: its own
}

// seek decodes the batch that has a row, unless that is decoded already, and gives the row's place in it.
func (r *arrowRecords) seek(row int64) (at int, err error) {
	if r.record == nil || row >= r.from+r.record.NumRows() {
		if err := r.Close(); err != nil {
			return 0, err
		}
		i := r.s.batchOf(row)
		r.key = batchKey{r.s, i}
		if r.shared = r.key.take(r.in); r.shared != nil {
			r.record = r.shared.record
		} else if r.record, err = r.in.record(i); err != nil {
			return 0, err
		}
		r.from = r.s.batches[i].first
	}
	return int(row - r.from), nil
}

// Close lets go of what is decoded.
func (r *arrowRecords) Close() error {
	if r.shared != nil {
		r.key.give(r.shared, r.until < r.from+r.record.NumRows())
	} else if r.record != nil {
		r.record.Release()
	}
	r.record, r.shared = nil, nil
	return nil
}

// arrowReader reads the rows of a span.
type arrowReader struct {
	batchReader
	arrowRecords
	marks   // rows of the batch that are at fault
	learned learned
}

// Read opens the span; a batch is read, and decoded, as a whole.
func (s *arrowSource) Read(ctx context.Context, span Span) (Reader, error) {
	if err := checkSpan(s, s.File, span); err != nil {
		return nil, err
	}
	if s.cells {
		return s.cellsReader(ctx, span), nil
	}
	r := &arrowReader{arrowRecords: arrowRecords{s: s, in: &arrowBytes{s: s, ctx: ctx}, until: span.First + span.Rows}}
	r.batchReader = batchReader{
		batch: batch{file: s.Name(), dim: s.dim, column: s.column},
		next:  span.First, end: span.First + span.Rows,
		fill: r.fill,
	}
	return r, nil
}

// SkipTo is that of a [Skipper].
func (r *arrowReader) SkipTo(row int64) error {
	r.skipTo(row)
	return nil
}

// fill decodes the next rows of the batch.
func (r *arrowReader) fill() (err error) {
	defer r.in.undamaged(&err)
	at, err := r.seek(r.next)
	if err != nil {
		return err
	}
	rows := int(min(max(parquetBatch/int64(r.dim), 1), r.record.NumRows()-int64(at), r.end-r.next))
	r.begin(r.next, rows)
	clear(r.marks)
	r.f64 = resize(r.f64, rows*r.dim)
	if r.s.list() {
		r.readLists(at, rows)
	} else {
		for j := range r.s.vector {
			f := &r.s.vector[j]
			if err := r.numbers(f, at, rows, func(i int, v float64) { r.f64[i*r.dim+j] = v }); err != nil {
				return err
			}
		}
	}
	if err := r.readOthers(at, rows); err != nil {
		return err
	}
	r.failRows(&r.batch, rows)
	return nil
}

// errType is for a column of another type than the schema said.
var errType = errors.New("a column of another type")

// numbers gives the numbers of a column, 0 for a null, which is at fault.
func (r *arrowReader) numbers(f *parquetField, at, rows int, put func(i int, v float64)) error {
	a := r.record.Column(f.leaf)
	number := arrowNumbers(a)
	if number == nil {
		return errType
	}
	for i := range rows {
		if null := isNull(a, at+i); null && (r.s.missing || r.s.untargeted && f == r.s.target) {
			put(i, math.NaN())
			continue
		} else if null {
			put(i, 0)
			r.mark(i, f.name, "null", "a number")
			continue
		}
		put(i, number(at+i))
	}
	return nil
}

// readLists decodes rows that are lists.
func (r *arrowReader) readLists(at, rows int) {
	f, dim := &r.s.vector[0], r.dim
	l, ok := arrowLists(r.record.Column(f.leaf))
	if !ok {
		panic(errType) // for undamaged
	}
	values := l.ListValues()
	number := arrowNumbers(values)
	expected := fmt.Sprintf("a list of %d numbers, as in the first that has any", dim)
	for i := range rows {
		row := r.f64[i*dim : (i+1)*dim]
		from, to := l.ValueOffsets(at + i)
		switch n := to - from; {
		case l.IsNull(at + i):
			clear(row)
			r.mark(i, f.name, "null", expected)
		case n == 0:
			clear(row)
			r.mark(i, f.name, "an empty list", expected)
		case n != int64(dim):
			clear(row)
			r.mark(i, f.name, fmt.Sprintf("a list of %d", n), expected)
		default:
			for j := range row {
				if isNull(values, int(from)+j) {
					row[j] = 0
					r.mark(i, r.s.column(j), "null", "a number")
					continue
				}
				row[j] = number(int(from) + j)
			}
		}
	}
}

// readOthers decodes what the rows have besides their vectors.
func (r *arrowReader) readOthers(at, rows int) error {
	if err := r.readIDs(at, rows); err != nil {
		return err
	}
	if err := r.readTarget(at, rows); err != nil {
		return err
	}
	if f := r.s.weight; f != nil {
		return r.numbers(f, at, rows, func(i int, v float64) {
			r.weights = append(r.weights, v)
			if bad := weightFault(v); bad != nil {
				r.mark(i, f.name, bad.Found, bad.Expected)
			}
		})
	}
	return nil
}

func (r *arrowReader) readIDs(at, rows int) error {
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

func (r *arrowReader) readTarget(at, rows int) error {
	f := r.s.target
	if f == nil {
		return nil
	}
	check := targetFault
	if r.s.labels && f.integer() {
		check = labelFault
	}
	if r.s.labels && f.byText() {
		integers := arrowIntegers(r.record.Column(f.leaf))
		if integers == nil {
			return errType
		}
		for i := range rows {
			v, found := integers(at + i)
			if isNull(r.record.Column(f.leaf), at+i) {
				found = "null"
			}
			if found == "null" && r.s.untargeted {
				r.learned.none()
			} else if bad := r.learned.setWhole(v, found); bad != nil {
				r.mark(i, f.name, bad.Found, bad.Expected)
			} else if f.kind == kindBool {
				r.learned.label = booleanLabel(v != 0)
			}
			r.labels = append(r.labels, r.learned.label)
		}
		return nil
	}
	if !f.spelled() {
		return r.numbers(f, at, rows, func(i int, v float64) {
			r.target = append(r.target, v)
			if bad := check(v); bad != nil && !(r.s.untargeted && v != v) {
				r.mark(i, f.name, bad.Found, bad.Expected)
			}
		})
	}
	a := r.record.Column(f.leaf)
	texts := arrowLabels(a)
	if texts == nil {
		return errType
	}
	for i := range rows {
		switch {
		case r.s.untargeted && (isNull(a, at+i) || onlySpaces(texts(at+i))):
			r.learned.none()
		case isNull(a, at+i):
			r.mark(i, f.name, "null", "a label")
		case onlySpaces(texts(at + i)):
			r.mark(i, f.name, emptyText, "a label")
		default:
			if bad := r.learned.setLabel(texts(at+i), nil); bad != nil {
				r.mark(i, f.name, bad.Found, bad.Expected)
			}
		}
		r.labels = append(r.labels, r.learned.label)
	}
	return nil
}
