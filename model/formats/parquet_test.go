package formats

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"beamlearn/model/vectors"
)

// parquetOf is a Parquet file of records, as JSON has them, in row groups of so many rows.
func parquetOf(t testing.TB, fields []arrow.Field, json string, groupRows int64,
	options ...parquet.WriterProperty) string {
	t.Helper()
	s := arrow.NewSchema(fields, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	return parquetTable(t, record, groupRows, options...)
}

// parquetAs is parquetOf in one row group, by properties of Arrow's own.
func parquetAs(t testing.TB, fields []arrow.Field, json string, how pqarrow.ArrowWriterProperties) string {
	t.Helper()
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	table := array.NewTableFromRecords(record.Schema(), []arrow.RecordBatch{record})
	if err := pqarrow.WriteTable(table, &b, record.NumRows(), parquet.NewWriterProperties(), how); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parquetTable(t testing.TB, record arrow.RecordBatch, groupRows int64, options ...parquet.WriterProperty) string {
	t.Helper()
	table := array.NewTableFromRecords(record.Schema(), []arrow.RecordBatch{record})
	var b bytes.Buffer
	if err := pqarrow.WriteTable(table, &b, groupRows, parquet.NewWriterProperties(options...),
		pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parquetLeaf is a Parquet file of a schema with one leaf, of float32.
func parquetLeaf(t testing.TB, field schema.Node, values []float32, def, rep []int16) string {
	t.Helper()
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{field}, -1)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := file.NewParquetWriter(&b, root)
	g, err := w.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	c, err := g.NextColumn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.(*file.Float32ColumnChunkWriter).WriteBatch(values, def, rep); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func column(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

// Every type of number, in columns and in lists of each kind, with its extremes.
func TestParquetTypes(t *testing.T) {
	const expected = ", expected a finite number"
	for _, c := range []struct {
		dtype arrow.DataType
		json  [4]string
		want  []string // of the rows of two
	}{
		{arrow.FixedWidthTypes.Boolean, [4]string{"true", "false", "false", "true"}, []string{"[1 0]", "[0 1]"}},
		{arrow.PrimitiveTypes.Int8, [4]string{"-128", "127", "0", "1"}, []string{"[-128 127]", "[0 1]"}},
		{arrow.PrimitiveTypes.Uint8, [4]string{"255", "128", "0", "1"}, []string{"[255 128]", "[0 1]"}},
		{arrow.PrimitiveTypes.Int16, [4]string{"-32768", "32767", "0", "1"}, []string{"[-32768 32767]", "[0 1]"}},
		{arrow.PrimitiveTypes.Uint16, [4]string{"65535", "32768", "0", "1"}, []string{"[65535 32768]", "[0 1]"}},
		{arrow.PrimitiveTypes.Int32, [4]string{"-2147483648", "2147483647", "0", "1"},
			[]string{"[-2.147483648e+09 2.147483647e+09]", "[0 1]"}},
		{arrow.PrimitiveTypes.Uint32, [4]string{"4294967295", "2147483648", "0", "1"},
			[]string{"[4.294967295e+09 2.147483648e+09]", "[0 1]"}},
		{arrow.PrimitiveTypes.Int64, [4]string{"-9223372036854775808", "9007199254740993", "0", "1"},
			[]string{"[-9.223372036854776e+18 9.007199254740992e+15]", "[0 1]"}},
		{arrow.PrimitiveTypes.Uint64, [4]string{"18446744073709551615", "9223372036854775808", "0", "1"},
			[]string{"[1.8446744073709552e+19 9.223372036854776e+18]", "[0 1]"}},
		{arrow.FixedWidthTypes.Float16, [4]string{"1", "-65504", "6.103515625e-05", "-0.0"},
			[]string{"[1 -65504]", "[6.103515625e-05 -0]"}},
		{arrow.PrimitiveTypes.Float32, [4]string{"0.5", "-3.4028234663852886e+38", "1e-45", "-0.0"},
			[]string{"[0.5 -3.4028234663852886e+38]", "[1.401298464324817e-45 -0]"}},
		{arrow.PrimitiveTypes.Float32, [4]string{`"NaN"`, "1", "1", `"-Inf"`},
			[]string{"fault: x.parquet: row 0, column %s: found NaN" + expected,
				"fault: x.parquet: row 1, column %s: found -Inf" + expected}},
		{arrow.PrimitiveTypes.Float64, [4]string{"0.1", "-1.7976931348623157e+308", "5e-324", "-0.0"},
			[]string{"[0.1 -1.7976931348623157e+308]", "[5e-324 -0]"}},
		{arrow.PrimitiveTypes.Float64, [4]string{"1", `"+Inf"`, "2", "3"},
			[]string{"fault: x.parquet: row 0, column %s: found +Inf" + expected, "[2 3]"}},
	} {
		t.Run(c.dtype.String(), func(t *testing.T) {
			j := c.json
			want := func(a, b string) (rows []read) {
				names := []string{a, b}
				for i, row := range c.want {
					if strings.Contains(row, "%s") {
						bad := 0
						if strings.Contains(row, "Inf") {
							bad = 1
						}
						row = fmt.Sprintf(row, names[bad])
					}
					rows = append(rows, read{int64(i), row})
				}
				return rows
			}
			columns := parquetOf(t, []arrow.Field{column("a", c.dtype), column("b", c.dtype)},
				fmt.Sprintf(`[{"a":%s,"b":%s},{"a":%s,"b":%s}]`, j[0], j[1], j[2], j[3]), 2)
			wantRows(t, "x.parquet", columns, Options{}, want("a", "b"))
			for _, list := range []arrow.DataType{arrow.ListOf(c.dtype), arrow.ListOfNonNullable(c.dtype),
				arrow.LargeListOf(c.dtype), arrow.FixedSizeListOf(2, c.dtype)} {
				lists := parquetOf(t, []arrow.Field{column("x", list)},
					fmt.Sprintf(`[{"x":[%s,%s]},{"x":[%s,%s]}]`, j[0], j[1], j[2], j[3]), 2)
				wantRows(t, "x.parquet", lists, Options{}, want("x[0]", "x[1]"))
			}
		})
	}
}

// A list is one however its writer has laid it out.
func TestParquetListLayouts(t *testing.T) {
	required, optional, repeated := parquet.Repetitions.Required, parquet.Repetitions.Optional,
		parquet.Repetitions.Repeated
	leaf := func(name string, r parquet.Repetition) schema.Node { return schema.NewFloat32Node(name, r, -1) }
	group := func(name string, r parquet.Repetition, field schema.Node) schema.Node {
		return schema.MustGroup(schema.NewGroupNode(name, r, schema.FieldList{field}, -1))
	}
	list := func(r parquet.Repetition, field schema.Node) schema.Node {
		return schema.MustGroup(schema.NewGroupNodeLogical("x", r, schema.FieldList{field}, schema.ListLogicalType{}, -1))
	}
	values := []float32{1, 2, 3, 4, 5}
	const expected = ", expected a list of 2 numbers, as in the first that has any"
	null, empty := "fault: x.parquet: row 1, column x: found null"+
		expected, "fault: x.parquet: row 1, column x: found an empty list"+expected
	long, noNumber := "fault: x.parquet: row 3, column x: found a list of 1"+
		expected, "fault: x.parquet: row 2, column x[0]: found null, expected a number"
	for name, c := range map[string]struct {
		field schema.Node
		def   []int16 // of two entries in the first row, one of the second, two of the third, one of the fourth
		want  []read
	}{
		"optional, optional": {list(optional, group("list", repeated, leaf("element", optional))),
			[]int16{3, 3, 0, 2, 3, 3}, rowsOf("[1 2]", null, noNumber, long)},
		"empty": {list(optional, group("list", repeated, leaf("element", optional))),
			[]int16{3, 3, 1, 2, 3, 3}, rowsOf("[1 2]", empty, noNumber, long)},
		"optional, required": {list(optional, group("bag", repeated, leaf("array_element", required))),
			[]int16{2, 2, 0, 2, 2, 2}, rowsOf("[1 2]", null, "[3 4]", long)},
		"required, optional": {list(required, group("list", repeated, leaf("item", optional))), []int16{2, 2, 0, 1, 2, 2},
			rowsOf("[1 2]", empty, noNumber, long)},
		"required, required": {list(required, group("list", repeated, leaf("element", required))),
			[]int16{1, 1, 0, 1, 1, 1}, rowsOf("[1 2]", empty, "[3 4]", long)},
		"two levels": {list(optional, leaf("array", repeated)), []int16{2, 2, 1, 2, 2, 2},
			rowsOf("[1 2]", empty, "[3 4]", long)},
		"two levels, null": {list(optional, leaf("array", repeated)), []int16{2, 2, 0, 2, 2, 2},
			rowsOf("[1 2]", null, "[3 4]", long)},
		"repeated, without list": {leaf("x", repeated), []int16{1, 1, 0, 1, 1, 1}, rowsOf("[1 2]", empty, "[3 4]", long)},
	} {
		t.Run(name, func(t *testing.T) {
			wantRows(t, "x.parquet", parquetLeaf(t, c.field, values, c.def, []int16{0, 1, 0, 0, 1, 0}), Options{}, c.want)
		})
	}
	for name, c := range map[string]struct {
		field schema.Node
		def   []int16
		what  string
	}{
		"a struct of a list": {group("x", optional, leaf("a", repeated)), []int16{2, 2, 2, 2, 2}, "structs"},
		"a list of structs": {list(required, group("list", repeated, group("element", required, leaf("a", required)))),
			[]int16{1, 1, 1, 1, 1}, "nested lists"},
		"a list of lists": {list(required, group("list", repeated, leaf("element", repeated))), []int16{2, 2, 2, 2, 2},
			"nested lists"},
		"no repetition": {list(required, group("list", optional, leaf("element", required))), []int16{1, 1, 1, 1, 1},
			"nested lists"},
	} {
		t.Run(name, func(t *testing.T) {
			data := parquetLeaf(t, c.field, values, c.def, make([]int16, 5))
			wantFault(t, "x.parquet", data, Options{Columns: []string{"x"}}, `x.parquet: found the column "x" of `+c.what+
				`, expected numbers, or a list of them`)
		})
	}
}

// randomLists has rows of dim numbers as lists x, as columns c0, c1, …, and with ids.
func randomLists(t testing.TB, rows, dim int, dictionary bool) (arrow.RecordBatch, [][]float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([][]float64, rows)
	fields := []arrow.Field{column("id", arrow.PrimitiveTypes.Int64), column("name", arrow.BinaryTypes.String),
		column("x", arrow.ListOf(arrow.PrimitiveTypes.Float32))}
	for j := range dim {
		fields = append(fields, column(fmt.Sprint("c", j), arrow.PrimitiveTypes.Float64))
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	list := b.Field(2).(*array.ListBuilder)
	for i := range values {
		b.Field(0).(*array.Int64Builder).Append(int64(i * 7))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("row ", i/3))
		list.Append(true)
		for j := range dim {
			v := float32(rng.NormFloat64())
			if dictionary {
				v = float32(rng.IntN(5))
			}
			values[i] = append(values[i], float64(v))
			list.ValueBuilder().(*array.Float32Builder).Append(v)
			b.Field(3 + j).(*array.Float64Builder).Append(float64(v))
		}
	}
	return b.NewRecordBatch(), values
}

// Whatever the pages, the compression and the encoding, any span gives its rows, in lists and in columns.
func TestParquetLayouts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies layouts and spans")
	}
	const rows, dim = 500, 3
	for name, c := range map[string]struct {
		groupRows  int64
		dictionary bool
		options    []parquet.WriterProperty
	}{
		"plain":           {rows, false, []parquet.WriterProperty{parquet.WithDictionaryDefault(false)}},
		"row groups":      {130, false, nil},
		"tiny row groups": {1, false, nil},
		"pages 1": {300, false, []parquet.WriterProperty{parquet.WithDataPageSize(100), parquet.WithBatchSize(7),
			parquet.WithDictionaryDefault(false), parquet.WithDataPageVersion(parquet.DataPageV1)}},
		"pages 2": {300, false, []parquet.WriterProperty{parquet.WithDataPageSize(100), parquet.WithBatchSize(7),
			parquet.WithDictionaryDefault(false), parquet.WithDataPageVersion(parquet.DataPageV2)}},
		"page index": {300, false, []parquet.WriterProperty{parquet.WithDataPageSize(100), parquet.WithBatchSize(7),
			parquet.WithPageIndexEnabled(true)}},
		"dictionary": {300, true, []parquet.WriterProperty{parquet.WithDataPageSize(100), parquet.WithBatchSize(7)}},
		"dictionary 2": {300, true, []parquet.WriterProperty{parquet.WithDataPageSize(100), parquet.WithBatchSize(7),
			parquet.WithDataPageVersion(parquet.DataPageV2)}},
		"dictionary fell": {rows, false, []parquet.WriterProperty{parquet.WithDictionaryPageSizeLimit(400),
			parquet.WithBatchSize(7)}},
		"byte stream split": {rows, false, []parquet.WriterProperty{parquet.WithDictionaryDefault(false),
			parquet.WithEncodingFor("x.list.element", parquet.Encodings.ByteStreamSplit)}},
		"snappy": {rows, true, []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Snappy)}},
		"gzip":   {rows, true, []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Gzip)}},
		"zstd":   {rows, true, []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Zstd)}},
		"brotli": {rows, true, []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Brotli)}},
		"lz4":    {rows, true, []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Lz4Raw)}},
	} {
		t.Run(name, func(t *testing.T) {
			record, values := randomLists(t, rows, dim, c.dictionary)
			data := parquetTable(t, record, c.groupRows, c.options...)
			for at, columns := range [][]string{{"x"}, {"c*"}} {
				for turn, id := range []string{"", "id", "name"} {
					if (len(name)+at+turn)%2 > 0 || brief() && (columns[0] == "x") != (id == "id") {
						continue // each of the columns with each of the ids, in half of the layouts
					}
					var want []read
					for i, row := range values {
						text := fmt.Sprint(row)
						switch id {
						case "id":
							text += fmt.Sprintf(` "%d"`, i*7)
						case "name":
							text += fmt.Sprintf(` "row %d"`, i/3)
						}
						want = append(want, read{int64(i), text})
					}
					src, err := inspectText(data, "x.parquet", Options{Columns: columns, IDColumn: id})
					if err != nil {
						t.Fatal(err)
					}
					if src.Rows() != rows || src.Dim() != dim {
						t.Fatalf("%d rows of %d", src.Rows(), src.Dim())
					}
					spans := append(Cut(rows, rows), Cut(rows, 97)...)
					for _, first := range []int64{1, 2, 129, 130, 131, 299, 300, 301, rows - 1} {
						spans = append(spans, Span{First: first, Rows: 1})
					}
					for _, span := range spans {
						got, err := readRows(src, span, 40)
						if err != nil || !slices.Equal(got, want[span.First:span.First+span.Rows]) {
							t.Fatalf("%v, id %q, %v: %v, %v", columns, id, span, got, err)
						}
					}
				}
			}
		})
	}
}

// What pyarrow 26 writes: pq.write_table(pa.table({"id": ["a", "7", "c"], "x": [[1, 2.5], [3, 4], [5, None]]},
// schema=pa.schema({"id": pa.string(), "x": pa.list_(pa.float32())})), path, store_schema=False).
const pyarrowFile = "" +
	"UEFSMRUEFR4VIkwVBhUAEgAADzgBAAAAYQEAAAA3AQAAAGMVABUUFRgsFQYVEBUGFQYcNgAoAWMYATcREQAAAAokAgAAAAYBAgMkABUEFSgV" +
	"LEwVChUAEgAAFEwAAIA/AAAgQAAAQEAAAIBAAACgQBUAFSQVKCwVDBUQFQYVBhwYBAAAoEAYBAAAgD8WAigEAACgQBgEAACAPxERAAAAEkQC" +
	"AAAAAyoDAAAAA/8LAwOIRgAVBBlcNQAYBnNjaGVtYRUEABUMJQIYAmlkJQBMHAAAADUCGAF4FQIVBkw8AAAANQQYBGxpc3QVAgAVCCUCGAdl" +
	"bGVtZW50ABYGGRwZLCYAHBUMGTUABhAZGAJpZBUCFgYWiAEWkAEmRiYIHDYAKAFjGAE3EREAGSwVBBUAFQIAFQAVEBUCADwWBhkGGSYABgAA" +
	"ACYAHBUIGTUABhAZOAF4BGxpc3QHZWxlbWVudBUCFgwWxgEWzgEm4AEmmAEcGAQAAKBAGAQAAIA/FgIoBAAAoEAYBAAAgD8REQAZLBUEFQAV" +
	"AgAVABUQFQIAPCkmBgYZRgAAAgoAAAAWzgIWBiYIFt4CACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZLBwAABwAAAAvAQAA" +
	"UEFSMQ=="

func TestParquetOfPyarrow(t *testing.T) {
	data, err := base64.StdEncoding.DecodeString(pyarrowFile)
	if err != nil {
		t.Fatal(err)
	}
	wantRows(t, "x.parquet", string(data), Options{IDColumn: "id"},
		rowsOf(`[1 2.5] "a"`, `[3 4] "7"`, "fault: x.parquet: row 2, column x[1]: found null, expected a number"))
}

func TestParquetColumns(t *testing.T) {
	list, f32, f64, i64, text := arrow.ListOf(arrow.PrimitiveTypes.Float32), arrow.PrimitiveTypes.Float32,
		arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	decimal := &arrow.Decimal128Type{Precision: 9, Scale: 2}
	mixed := parquetOf(t, []arrow.Field{column("id", i64), column("title", text), column("a", f32), column("b", f64),
		column("day", arrow.FixedWidthTypes.Date32), column("x", list)},
		`[{"id":7,"title":"t","a":0.5,"b":0.1,"day":"2020-01-01","x":[1,2,3]},{"id":8,"title":"","a":1,"b":2,"day":null,"x":[4,5,6]}]`, 10)
	two := parquetOf(t, []arrow.Field{column("x", list), column("y", list), column("s", text)},
		`[{"x":[1,2],"y":[3],"s":"a"}]`, 10)
	named := parquetOf(t, []arrow.Field{column("x", list), column("vector", list), column("n", f32)},
		`[{"x":[1,2],"vector":[3],"n":4}]`, 10)
	one := parquetOf(t, []arrow.Field{column("s", text), column("x", list),
		column("when", arrow.FixedWidthTypes.Timestamp_us)},
		`[{"x":[1,2],"s":"a"},{"x":[3,4],"s":"5"},{"x":[6,7],"s":"a"}]`, 2)
	numbers := parquetOf(t, []arrow.Field{column("s", text), column("a", f32), column("b", arrow.PrimitiveTypes.Uint8)},
		`[{"s":"","a":1.5,"b":2}]`, 2)
	pandas := parquetOf(t, []arrow.Field{column("a", f32), column("__index_level_0__", i64)},
		`[{"a":1.5,"__index_level_0__":7}]`, 2)
	for _, c := range []struct {
		data    string
		options Options
		want    []read
	}{
		{mixed, Options{Columns: []string{"x"}}, rowsOf("[1 2 3]", "[4 5 6]")},
		{mixed, Options{Columns: []string{"5"}, IDColumn: "title"},
			rowsOf(`[1 2 3] "t"`, "fault: x.parquet: row 1, column title: found an empty text, expected an id")},
		{mixed, Options{Columns: []string{"b", "a"}, IDColumn: "id"}, rowsOf(`[0.1 0.5] "7"`, `[2 1] "8"`)},
		{mixed, Options{Columns: []string{"2-3", "id"}, IDColumn: "id"}, rowsOf(`[0.5 0.1 7] "7"`, `[1 2 8] "8"`)},
		{mixed, Options{Columns: []string{"[ab]"}}, rowsOf("[0.5 0.1]", "[1 2]")},
		{two, Options{Columns: []string{"y"}}, rowsOf("[3]")},
		{one, Options{}, rowsOf("[1 2]", "[3 4]", "[6 7]")},
		{mixed, Options{}, rowsOf("[1 2 3]", "[4 5 6]")}, // the only list is the vector, whatever is beside it
		{named, Options{}, rowsOf("[3]")},
		{one, Options{IDColumn: "s"}, rowsOf(`[1 2] "a"`, `[3 4] "5"`, `[6 7] "a"`)},
		{numbers, Options{}, rowsOf("[1.5 2]")},
		{numbers, Options{IDColumn: "b"}, rowsOf(`[1.5] "2"`)},
		{pandas, Options{}, rowsOf("[1.5]")},
		{pandas, Options{IDColumn: "__index_level_0__"}, rowsOf(`[1.5] "7"`)},
	} {
		wantRows(t, "x.parquet", c.data, c.options, c.want)
	}

	others := parquetOf(t, []arrow.Field{
		column("price", decimal), column("day", arrow.FixedWidthTypes.Date32),
		column("at", arrow.FixedWidthTypes.Timestamp_us), column("nest", arrow.ListOf(list)),
		column("point", arrow.StructOf(column("a", f32), column("b", f32))), column("map", arrow.MapOf(text, f32)),
		column("s", text), column("names", arrow.ListOf(text)),
		column("a", f32), column("raw", &arrow.FixedSizeBinaryType{ByteWidth: 4}), column("prices", arrow.ListOf(decimal)),
	}, `[{}]`, 10)
	const numbersOrList, ids = ", expected numbers, or a list of them", ", expected integers or text as ids"
	for _, c := range []struct {
		data    string
		options Options
		want    string
	}{
		{two, Options{}, `the column "x" of lists of FLOAT, the column "y" of lists of FLOAT, expected ` + oneVector},
		{two, Options{Columns: []string{"x", "y"}},
			`the column "x" of lists of FLOAT and the column "y" of lists of FLOAT, expected columns of numbers, or one of lists`},
		{mixed, Options{Columns: []string{"a", "x"}},
			`the column "a" of FLOAT and the column "x" of lists of FLOAT, expected columns of numbers, or one of lists`},
		{mixed, Options{Columns: []string{"x", "a"}},
			`the column "x" of lists of FLOAT and the column "a" of FLOAT, expected columns of numbers, or one of lists`},
		{mixed, Options{Columns: []string{"title"}}, `the column "title" of String` + numbersOrList},
		{mixed, Options{IDColumn: "x"}, `the column "x" of lists of FLOAT` + ids},
		{mixed, Options{IDColumn: "a"}, `the column "a" of FLOAT` + ids},
		{mixed, Options{IDColumn: "day"}, `the column "day" of Date` + ids},
		{mixed, Options{IDColumn: "nix"}, `the columns "id", "title", "a", "b", "day", "x", expected the id column "nix"`},
		{mixed, Options{Columns: []string{"c*"}}, `the columns "id", "title", "a", "b", "day", "x", expected a column "c*"`},
		{mixed, Options{Header: HeaderYes}, "header yes, expected header auto: .parquet has no header row"},
		{others, Options{IDColumn: "price"}, `the column "price" of Decimal(precision=9, scale=2)` + ids},
		{others, Options{Columns: []string{"day"}}, `the column "day" of Date` + numbersOrList},
		{others, Options{Columns: []string{"at"}}, `the column "at" of Timestamp` + numbersOrList},
		{others, Options{Columns: []string{"nest"}}, `the column "nest" of nested lists` + numbersOrList},
		{others, Options{Columns: []string{"point"}}, `the column "point" of structs` + numbersOrList},
		{others, Options{Columns: []string{"map"}}, `the column "map" of maps` + numbersOrList},
		{others, Options{Columns: []string{"names"}}, `the column "names" of lists of String` + numbersOrList},
		{others, Options{Columns: []string{"raw"}}, `the column "raw" of FIXED_LEN_BYTE_ARRAY` + numbersOrList},
		{others, Options{Columns: []string{"a"}, IDColumn: "names"}, `the column "names" of lists of String` + ids},
		{parquetOf(t, []arrow.Field{column("s", text)}, `[{"s":"a"}]`, 1), Options{},
			`the columns "s", expected a column of numbers, or of lists of them`},
		{parquetOf(t, []arrow.Field{column("a", f32)}, `[]`, 1), Options{}, "none, expected rows of data"},
		{parquetOf(t, []arrow.Field{column("x", list)}, `[{"x":null},{"x":[]}]`, 1), Options{},
			"none but empty ones in column x, expected lists of numbers"},
	} {
		wantFault(t, "x.parquet", c.data, c.options, "x.parquet: found "+c.want)
	}
}

func TestParquetIDs(t *testing.T) {
	for _, c := range []struct {
		dtype arrow.DataType
		json  string
		want  string
	}{
		{arrow.PrimitiveTypes.Int8, "-7", `"-7"`},
		{arrow.PrimitiveTypes.Uint32, "4294967295", `"4294967295"`},
		{arrow.PrimitiveTypes.Int64, "9007199254740993", `"9007199254740993"`},
		{arrow.PrimitiveTypes.Uint64, "9223372036854775807", `"9223372036854775807"`},
		{arrow.PrimitiveTypes.Uint64, "9223372036854775808", `"9223372036854775808"`}, // a text, as in .csv
		{arrow.PrimitiveTypes.Int64, "null", "found null, expected an id"},
		{arrow.BinaryTypes.String, `"é"`, `"é"`},
		{arrow.BinaryTypes.LargeString, `"12"`, `"12"`},
		{arrow.BinaryTypes.Binary, `"AAEC"`, `"\x00\x01\x02"`},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `"one"`, `"one"`},
		{arrow.BinaryTypes.String, "null", "found null, expected an id"},
		{arrow.BinaryTypes.String, `""`, "found an empty text, expected an id"},
		{arrow.BinaryTypes.Binary, `"Yf8="`, `found "a\xff", which is no UTF-8, expected an id`},
	} {
		fields := []arrow.Field{column("a", arrow.PrimitiveTypes.Float32), column("id", c.dtype)}
		json := fmt.Sprintf(`[{"a":1,"id":%s},{"a":"NaN","id":%s}]`, c.json, c.json)
		for name, data := range map[string]string{
			"x.parquet": parquetOf(t, fields, json, 2), "x.arrow": arrowOf(t, fields, json, 2, true),
		} {
			second := "fault: " + name + ": row 1, column a: found NaN, expected a finite number"
			first := "[1] " + c.want
			if strings.HasPrefix(c.want, "found") { // of a row with two faults, that of its id
				first = "fault: " + name + ": row 0, column id: " + c.want
				second = "fault: " + name + ": row 1, column id: " + c.want
			}
			wantRows(t, name, data, Options{IDColumn: "id"}, rowsOf(first, second))
		}
	}
}

// Durations are no numbers, and columns of one name get a number, in .parquet as in .arrow.
func TestColumnarColumns(t *testing.T) {
	fields := []arrow.Field{column("a", arrow.PrimitiveTypes.Float64), column("d", arrow.FixedWidthTypes.Duration_ns),
		column("a", arrow.PrimitiveTypes.Float64)}
	numbers := func(values ...float64) arrow.Array {
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		b.AppendValues(values, nil)
		return b.NewArray()
	}
	durations := array.NewDurationBuilder(memory.DefaultAllocator, arrow.FixedWidthTypes.Duration_ns.(*arrow.DurationType))
	durations.AppendValues([]arrow.Duration{5, 6}, nil)
	record := array.NewRecordBatch(arrow.NewSchema(fields, nil),
		[]arrow.Array{numbers(1, 2), durations.NewArray(), numbers(3, 4)}, 2)
	// As pyarrow does it, which arrow-go does not: integers, and the schema of what they were.
	var b, of, c bytes.Buffer
	if err := ipc.NewWriter(&of, ipc.WithSchema(record.Schema())).Close(); err != nil {
		t.Fatal(err)
	}
	whole := array.NewInt64Builder(memory.DefaultAllocator)
	whole.AppendValues([]int64{5, 6}, nil)
	plain := []arrow.Field{fields[0], column("d", arrow.PrimitiveTypes.Int64), fields[2]}
	stored := array.NewRecordBatch(arrow.NewSchema(plain, nil),
		[]arrow.Array{record.Column(0), whole.NewArray(), record.Column(2)}, 2)
	w, err := pqarrow.NewFileWriter(stored.Schema(), &b, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err == nil {
		err = errors.Join(w.Write(stored),
			w.AppendKeyValueMetadata("ARROW:schema", base64.StdEncoding.EncodeToString(of.Bytes())), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	v, err := ipc.NewFileWriter(&c, ipc.WithSchema(record.Schema()))
	if err == nil {
		err = errors.Join(v.Write(record), v.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"x.parquet": b.String(), "x.arrow": c.String()} {
		src, err := inspectText(data, name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%v %s %d", src.Columns(), Schema(src)[1].Type, len(Notes(src))); got != "[a a.1] duration 1" {
			t.Errorf("%s: %s", name, got)
		}
		for column, want := range map[string]string{"a": `2 columns "a", expected one column of that name`,
			"d": `the column "d" of duration, expected numbers`} {
			if _, err := inspectText(data, name, Options{Columns: []string{column}}); err == nil ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("%s: column %s: %v", name, column, err)
			}
		}
	}
}

// Faulty rows are left out one by one, wherever pages and buffers end.
func TestParquetFaults(t *testing.T) {
	numbers := parquetOf(t, []arrow.Field{column("a", arrow.PrimitiveTypes.Float64),
		column("b", arrow.PrimitiveTypes.Int32)},
		`[{"a":1,"b":2},{"a":null,"b":2},{"a":3,"b":null},{"a":null,"b":null},{"a":"NaN","b":null},{"a":"NaN","b":1},{"a":5,"b":6}]`, 4)
	const null, finite = "found null, expected a number", "found NaN, expected a finite number"
	wantRows(t, "x.parquet", numbers, Options{},
		rowsOf("[1 2]", "fault: x.parquet: row 1, column a: "+null, "fault: x.parquet: row 2, column b: "+null,
			"fault: x.parquet: row 3, column a: "+null, "fault: x.parquet: row 4, column b: "+
				null, "fault: x.parquet: row 5, column a: "+finite, "[5 6]"))

	// Lists of any length, some longer than what is held at a time, with nulls and NaN among them.
	const dim = 3
	b := array.NewRecordBuilder(memory.DefaultAllocator,
		arrow.NewSchema([]arrow.Field{column("x", arrow.ListOf(arrow.PrimitiveTypes.Int64))}, nil))
	list := b.Field(0).(*array.ListBuilder)
	entries := list.ValueBuilder().(*array.Int64Builder)
	rng := rand.New(rand.NewPCG(1, 2))
	var want []read
	const expected = ", expected a list of 3 numbers, as in the first that has any"
	const rows = 1000
	for i := range int64(rows) {
		at := fmt.Sprintf("fault: x.parquet: row %d, column x", i)
		kind := 0
		if i > 0 {
			kind = rng.IntN(10)
		}
		length := dim
		switch kind {
		case 1:
			list.AppendNull()
			want = append(want, read{i, at + ": found null" + expected})
			continue
		case 2:
			list.Append(true)
			want = append(want, read{i, at + ": found an empty list" + expected})
			continue
		case 3:
			list.Append(true)
			entries.Append(1)
			entries.AppendNull()
			entries.Append(2)
			want = append(want, read{i, at + "[1]: found null, expected a number"})
			continue
		case 4:
			length = 1 + rng.IntN(2*dim)
		case 5:
			if i%100 == 7 {
				length = parquetBatch + rng.IntN(parquetBatch)
			}
		}
		list.Append(true)
		for range length {
			entries.Append(i)
		}
		if length != dim {
			want = append(want, read{i, fmt.Sprintf("%s: found a list of %d%s", at, length, expected)})
		} else {
			want = append(want, read{i, fmt.Sprint([]int64{i, i, i})})
		}
	}
	record := b.NewRecordBatch()
	for _, options := range [][]parquet.WriterProperty{
		{parquet.WithDataPageVersion(parquet.DataPageV1)},
		{parquet.WithDataPageSize(1000), parquet.WithBatchSize(50), parquet.WithDictionaryDefault(false)},
	} {
		src, err := inspectText(parquetTable(t, record, 700, options...), "x.parquet", Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int64{rows, 333, 70} {
			for _, span := range Cut(rows, size) {
				got, err := readRows(src, span, 100)
				if err != nil || !slices.Equal(got, want[span.First:span.First+span.Rows]) {
					t.Fatalf("%v: %v, %v", span, got, err)
				}
			}
		}
	}
}

// A list is too long for a vector before it is too long for the memory.
func TestParquetLongLists(t *testing.T) {
	long := func(n int) string {
		def, rep := make([]int16, n), make([]int16, n)
		for i := range def {
			def[i], rep[i] = 1, 1
		}
		rep[0] = 0
		return parquetLeaf(t, schema.NewFloat32Node("x", parquet.Repetitions.Repeated, -1), make([]float32, n), def, rep)
	}
	wantFault(t, "x.parquet", long(maxColumns+1), Options{},
		"x.parquet: found one of 1048577 in column x, expected lists of at most 1048576 numbers")
	src, err := inspectText(long(maxColumns), "x.parquet", Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: src.Dim()}
	if err := readSpan(t.Context(), src, Span{Rows: 1}, b); err != nil || b.Len() != 1 || b.Dim != maxColumns {
		t.Errorf("%d × %d, %v", b.Len(), b.Dim, err)
	}
}

// Only the columns that are asked for are read, and only the row groups of the span.
func TestParquetBytesRead(t *testing.T) {
	record, _ := randomLists(t, 600, 4, false)
	data := parquetTable(t, record, 200)
	var ranges []Range
	f := &textData{name: "x.parquet", data: data,
		open: func(offset, length int64) { ranges = append(ranges, Range{offset, length}) }}
	r, err := file.NewParquetReader(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Columns: []string{"x"}}, {Columns: []string{"c1", "c3"}, IDColumn: "name"}} {
		src, err := Inspect(t.Context(), f, o)
		if err != nil {
			t.Fatal(err)
		}
		for group := range 3 {
			ranges = nil
			if _, err := readRows(src, Span{First: int64(group)*200 + 50, Rows: 100}, 100); err != nil {
				t.Fatal(err)
			}
			var want []Range
			for i := range r.MetaData().Schema.NumColumns() {
				name := r.MetaData().Schema.ColumnRoot(i).Name()
				if !slices.Contains(o.Columns, name) && name != o.IDColumn {
					continue
				}
				c, err := r.RowGroup(group).MetaData().ColumnChunk(i)
				if err != nil {
					t.Fatal(err)
				}
				start := c.DataPageOffset()
				if c.HasDictionaryPage() {
					start = c.DictionaryPageOffset()
				}
				want = append(want, Range{start, c.TotalCompressedSize()})
			}
			slices.SortFunc(ranges, func(a, b Range) int { return int(a.Offset - b.Offset) })
			slices.SortFunc(want, func(a, b Range) int { return int(a.Offset - b.Offset) })
			if !reflect.DeepEqual(ranges, want) {
				t.Errorf("%v, row group %d: read %v, want %v", o, group, ranges, want)
			}
		}
	}
}

// Chunks that are shorter than a row group are read one after the other as if they were one, without its beginning
// anew; in any order, and several at a time, they have the same rows.
func TestParquetLeft(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads a file hundreds of times")
	}
	const rows = 3000
	times := 100
	if brief() {
		times = 20
	}
	record, _ := randomLists(t, rows, 3, false)
	small := []parquet.WriterProperty{parquet.WithDataPageSize(200), parquet.WithBatchSize(7),
		parquet.WithDictionaryDefault(false)}
	for _, groupRows := range []int64{rows, 1100} {
		data := parquetTable(t, record, groupRows, small...)
		for _, o := range []Options{{Columns: []string{"x"}, IDColumn: "name"},
			{Columns: []string{"x"}, IDColumn: "id", TargetColumn: "c0"},
			{Columns: []string{"c1", "c2"}, TargetColumn: "name", Labels: true, WeightColumn: "id"}} {
			var lock sync.Mutex
			bytesRead := int64(0)
			f := &textData{name: "x.parquet", data: data, open: func(_, length int64) {
				lock.Lock()
				defer lock.Unlock()
				bytesRead += length
			}}
			src, err := Inspect(t.Context(), f, o)
			if err != nil {
				t.Fatal(err)
			}
			bytesRead = 0
			want, err := readRows(src, Span{Rows: rows}, 100)
			if err != nil || len(want) != rows {
				t.Fatal(len(want), err)
			}
			once := bytesRead
			bytesRead = 0
			for _, span := range Cut(rows, 70) {
				if got, err := readRows(src, span, 30); err != nil || !slices.Equal(got, want[span.First:span.First+span.Rows]) {
					t.Fatalf("%+v, %v: %v, %v", o, span, got, err)
				}
			}
			if bytesRead != once {
				t.Errorf("%+v: %d bytes are read in chunks, and %d at once", o, bytesRead, once)
			}
			var readers sync.WaitGroup
			for seed := range uint64(4) {
				readers.Go(func() {
					rng := rand.New(rand.NewPCG(seed, 3))
					for range times {
						first := rng.Int64N(rows)
						span := Span{First: first, Rows: 1 + rng.Int64N(min(rows-first, 400))}
						if got, err := readRows(src, span, 1+rng.IntN(90)); err != nil ||
							!slices.Equal(got, want[span.First:span.First+span.Rows]) {
							t.Errorf("%+v, %v: %v, %v", o, span, got, err)
							return
						}
					}
				})
			}
			readers.Wait()
		}
	}
}

// Where as many groups are left as may be, the one that was left first is closed; of groups that take much memory, that
// is all but the last.
func TestParquetGroupPool(t *testing.T) {
	threads := runtime.GOMAXPROCS(0)
	for size, most := range map[int64]int{largeGroup: threads, largeGroup + 1: 1} {
		var p groupPool
		s := &parquetSource{}
		for row := range int64(threads + 1) {
			p.put(parquetGroups{s: s, in: &parquetBytes{}, left: row, end: 1000 + row, size: size})
		}
		for i, g := range p.all {
			if want := int64(threads + 1 - most + i); len(p.all) != most || g.left != want {
				t.Errorf("group %d of %d of %d bytes is the one that was left at row %d, expected row %d", i, len(p.all), size,
					g.left, want)
			}
		}
		p.dropIf(func(*parquetGroups) bool { return true })
	}
}

func TestParquetCut(t *testing.T) {
	const mega = 1 << 20
	for _, c := range []struct {
		groups [][3]int64 // the first row, rows, bytes
		size   int64
		want   string // the numbers of rows
	}{
		{[][3]int64{{0, 10, 1}}, 4, "[3 3 4]"},
		{[][3]int64{{0, 10, 1}}, 10, "[10]"},
		{[][3]int64{{0, 10, 1}, {10, 0, 1}, {10, 5, 1}, {15, 5, 1}, {20, 30, 1}, {50, 3, 1}}, 20, "[20 15 15 3]"},
		{[][3]int64{{0, 3, 1}, {3, 30, 1}, {33, 30, 1}}, 20, "[3 15 15 15 15]"},
		{[][3]int64{{0, 1000, 1}}, 100, "[100 100 100 100 100 100 100 100 100 100]"},
		// A large row group, of which each span decodes all that stands before it.
		{[][3]int64{{0, 1000, 512 * mega}}, 1, "[125 125 125 125 125 125 125 125]"},
		{[][3]int64{{0, 1000, 100 * mega}}, 1, "[100 100 100 100 100 100 100 100 100 100]"},
	} {
		var got []int64
		src := &parquetSource{}
		for _, g := range c.groups {
			src.groups = append(src.groups, parquetGroup{first: g[0], rows: g[1], bytes: g[2]})
		}
		var next int64
		for _, s := range src.Cut(c.size) {
			if s.First != next || s.Rows < 1 {
				t.Errorf("%v: %v begins at %d", c.groups, s, next)
			}
			next += s.Rows
			got = append(got, s.Rows)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v in %d: %v, want %s", c.groups, c.size, got, c.want)
		}
	}
	// No number of rows that a footer claims makes more spans than this.
	if n := len((&parquetSource{groups: []parquetGroup{{rows: 1 << 60, bytes: 1}}}).Cut(1)); n != parquetPartsMax {
		t.Errorf("%d spans", n)
	}
}

func TestParquetDamaged(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this damages hundreds of files: TestNPZDamaged stays")
	}
	footer := func(b string) string {
		return "PAR1" + b + string(binary.LittleEndian.AppendUint32(nil, uint32(len(b)))) + "PAR1"
	}
	const damaged = "a damaged one: "
	const whole = ", expected a whole Parquet file"
	const lengths = damaged + "lengths in the footer that are beyond it" + whole
	for name, c := range map[string]struct{ data, want string }{
		"no Parquet":   {"a,b\n1,2\n1,2\n", `the end "1,2\n", expected a Parquet file, which ends in "PAR1"`},
		"a byte":       {"P", `the end "P", expected a Parquet file, which ends in "PAR1"`},
		"only the end": {"1234PAR1", `the end "PAR1", expected a Parquet file, which ends in "PAR1"`},
		"encrypted": {"PAR1....\x04\x00\x00\x00PARE",
			"an encrypted one, expected a Parquet file that is not encrypted"},
		"a long footer": {"PAR1....\x05\x00\x00\x00PAR1", "one of 5 bytes, expected a footer of at most 4 bytes"},
		"a longer footer": {"PAR1....\xff\xff\xff\xffPAR1",
			"one of 4294967295 bytes, expected a footer of at most 4 bytes"},
		"no footer":         {footer(""), lengths},
		"an empty footer":   {footer("\x00"), damaged + "the footer cannot be decoded" + whole},
		"many children":     {footer("\x15\x02\x19\x1c\x48\x01a\x15\xfe\xff\xff\xff\x0f\x00\x16\x00\x19\x0c\x00"), lengths},
		"negative children": {footer("\x15\x02\x19\x1c\x48\x01a\x15\x01\x00\x16\x00\x19\x0c\x00"), lengths},
		"a long schema": {footer("\x15\x02\x19\xfc\xff\xff\xff\xff\x07\x48\x01a\x15\x00\x00\x16\x00\x19\x0c\x00"),
			lengths},
		"many row groups": {footer("\x15\x02\x19\x1c\x48\x01a\x15\x00\x00\x16\x00\x19\xfc\xff\xff\xff\xff\x07\x00"),
			lengths},
		"a long name": {footer("\x15\x02\x19\x1c\x48\xff\xff\xff\xff\x07a\x15\x00\x00\x16\x00\x19\x0c\x00"), lengths},
		"no columns": {footer("\x15\x02\x19\x1c\x48\x01a\x15\x00\x00\x16\x00\x19\x0c\x00"),
			"none, expected at least one column for the vector"},
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, "x.parquet", c.data, Options{}, "x.parquet: found "+c.want) })
	}

	// Pages that are not what they were: told by their place, in our words.
	record, _ := randomLists(t, 40, 2, false)
	whole40 := []byte(parquetTable(t, record, 20, parquet.WithDictionaryDefault(false),
		parquet.WithCompression(compress.Codecs.Snappy)))
	r, err := file.NewParquetReader(bytes.NewReader(whole40))
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.MetaData().Schema.NumColumns() {
		name := r.MetaData().Schema.ColumnRoot(i).Name()
		if name != "c1" && name != "id" && name != "name" && name != "x" {
			continue
		}
		c, err := r.RowGroup(1).MetaData().ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Columns: []string{name}}
		if name == "id" || name == "name" {
			o = Options{Columns: []string{"c1"}, IDColumn: name}
		}
		b := slices.Clone(whole40)
		for j := range c.TotalCompressedSize() {
			b[c.DataPageOffset()+j] = 0xff
		}
		src, err := inspectText(string(b), "x.parquet", o)
		if err != nil {
			t.Fatal(name, err)
		}
		want := "x.parquet: found " + damaged + "row group 1, column " + name + ", cannot be decoded" + whole
		if err := readSpan(t.Context(), src, Span{Rows: 40}, &vectors.Block{Dim: src.Dim()}); err == nil ||
			err.Error() != want {
			t.Errorf("%s: %v\nwant %s", name, err, want)
		}
	}

	// Cut off or altered anywhere, a file is refused, read to a fault, or read: never more than that.
	record, _ = randomLists(t, 40, 2, true)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
		data := parquetTable(t, record, 30, parquet.WithDataPageVersion(version), parquet.WithDataPageSize(50),
			parquet.WithBatchSize(7))
		for n := 0; n < len(data); n += 1 + rng.IntN(20) {
			if _, err := inspectText(data[:n], "x.parquet", Options{Columns: []string{"x"}}); err == nil {
				t.Fatalf("%d of %d bytes are accepted", n, len(data))
			}
		}
		for range 300 {
			b := []byte(data)
			for range 1 + rng.IntN(3) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			checkAny(t, "x.parquet", string(b), parquetFuzzOptions[rng.IntN(len(parquetFuzzOptions))], 100)
		}
	}
}

var parquetFuzzOptions = []Options{{}, {Columns: []string{"x"}}, {Columns: []string{"x"}, IDColumn: "id"},
	{Columns: []string{"c*"}, IDColumn: "name"}, {TargetColumn: "name", Labels: true},
	{TargetColumn: "c1", WeightColumn: "c3"}, {Names: []string{"c1", "x"}, Sparse: true}}

func FuzzParquet(f *testing.F) {
	record, _ := randomLists(f, 20, 2, true)
	for i := range parquetFuzzOptions {
		for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
			f.Add([]byte(parquetTable(f, record, 15, parquet.WithDataPageVersion(version), parquet.WithDataPageSize(50),
				parquet.WithBatchSize(7))), uint8(i))
		}
		f.Add([]byte(parquetTable(f, record, 15, parquet.WithDictionaryDefault(false),
			parquet.WithCompression(compress.Codecs.Snappy))), uint8(i))
		f.Add([]byte(namedLists(f, `["x","c1","z"]`, [][]int64{{0, 2}, {1}}, [][]float64{{1, 2}, {3}})), uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, option uint8) {
		o := parquetFuzzOptions[int(option)%len(parquetFuzzOptions)]
		checkAny(t, "x.parquet", string(data), o, 1000)
		checkChosen(t, string(data), o)
	})
}

func BenchmarkParquet(b *testing.B) {
	const rows, dim = 8192 * 2, 64
	record, _ := randomLists(b, rows, dim, false)
	// As most writers do it: version 1, Snappy, pages of 1 MiB, no page index.
	data := parquetTable(b, record, 1<<20, parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDictionaryDefault(false))
	for _, c := range []struct {
		name    string
		options Options
		size    int64
	}{
		{"list", Options{Columns: []string{"x"}}, 4},
		{"list, ids", Options{Columns: []string{"x"}, IDColumn: "id"}, 4},
		{"columns", Options{Columns: []string{"c*"}}, 8},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmarkRead(b, "x.parquet", data, c.options)
			b.SetBytes(rows * dim * c.size) // of numbers
		})
	}
}
