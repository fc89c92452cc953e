package formats

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// memberData is a file of a table with deleted rows.
type memberData struct {
	textData
	constants []Partition
	deleted   *roaring64.Bitmap
	columns   []Renamed
}

func (m *memberData) Constants() ([]Partition, bool) { return m.constants, true }

func (m *memberData) Columns() []Renamed { return m.columns }

func (m *memberData) Deleted(context.Context) (*roaring64.Bitmap, error) { return m.deleted, nil }

// memberTable is a table with nulls, so that rows are at fault or lack a target.
func memberTable(t *testing.T, rng *rand.Rand, rows int) string {
	t.Helper()
	var json strings.Builder
	for i := range rows {
		cell := func(v any, nulls int) any {
			if rng.IntN(nulls) == 0 {
				return "null"
			}
			return v
		}
		fmt.Fprintf(&json, `,{"id":"r%d","a":%v,"b":%d,"word":%v,"l":[%d,%v],"indices":[%d],"values":[%d]}`, i,
			cell(float64(i)/8, 9), i%7, cell(fmt.Sprintf(`"w%d"`, i%3), 5), i, cell(i+1, 9), i%5, i+1)
	}
	list := arrow.ListOf(arrow.PrimitiveTypes.Float64)
	return parquetOf(t, []arrow.Field{column("id", arrow.BinaryTypes.String), column("a", arrow.PrimitiveTypes.Float64),
		column("b", arrow.PrimitiveTypes.Int64), column("word", arrow.BinaryTypes.String), column("l", list),
		column("indices", arrow.ListOf(arrow.PrimitiveTypes.Int32)), column("values", list)},
		"["+json.String()[1:]+"]", 40)
}

// keptRow is a row that was read, or its fault, and its number.
type keptRow struct {
	number int64
	id     string
	text   string
}

// keptRows reads spans of a source, some rows at a time, only those that are wanted, and counts those without a target.
func keptRows(t *testing.T, src Source, spans []Span, some int, o Options,
	wanted func(int64) bool) (all []keptRow, without int64) {
	t.Helper()
	for _, span := range spans {
		r, err := src.Read(t.Context(), span)
		if err != nil {
			t.Fatal(err)
		}
		for row, end := span.First, span.First+span.Rows; ; {
			for wanted != nil && row < end && !wanted(row) {
				row++
			}
			if wanted != nil {
				if err := r.(Skipper).SkipTo(row); err != nil {
					t.Fatal(err)
				}
			}
			b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64, Missing: o.Missing}
			if o.Cells {
				b.Cells = tables.New(src.(Tabular).Fields())
			}
			err := r.Read(b, some)
			for i, text := range showRows(b) {
				_, text, _ = strings.Cut(text, " ")
				target := ""
				if len(b.Labels) > 0 {
					target = b.Labels[i]
				}
				all = append(all, keptRow{b.Numbers[i], b.ID(i).String(), text + target})
				row = b.Numbers[i] + 1
			}
			if err == io.EOF {
				break
			}
			if f, ok := fault.IsRow(err); ok {
				found, _, _ := strings.Cut(f.Found, " (row")
				all = append(all, keptRow{f.Row, f.ID, f.Column + found})
				row = f.Row + 1
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if u, ok := r.(Untargeted); ok {
			without += u.NoTarget()
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all, without
}

// The rows of a file of a table are those that are not deleted, with their faults and in their order, numbered anew:
// whatever is read of them, however many at a time, in whatever spans.
func TestDeletedRows(t *testing.T) {
	t.Parallel()
	const rows = 150
	rng := rand.New(rand.NewPCG(3, 4))
	data := memberTable(t, rng, rows)
	deletions := []*roaring64.Bitmap{roaring64.New(), roaring64.BitmapOf(0, 149), roaring64.New(), roaring64.New()}
	deletions[2].AddRange(30, 90)
	deletions[3].AddRange(0, rows)
	for i := range uint64(rows) {
		if rng.IntN(3) == 0 {
			deletions[0].Add(i)
		}
	}
	for _, o := range []Options{{IDColumn: "id", Columns: []string{"a", "b"}}, {Columns: []string{"l"}, IDColumn: "id"},
		{IDColumn: "id", Columns: []string{"a", "b"}, Missing: true},
		{IDColumn: "id", Columns: []string{"indices", "values"}, ListedFeatures: 5},
		{IDColumn: "id", Columns: []string{"a", "b"}, Cells: true, TargetColumn: "word", Labels: true},
		{IDColumn: "id", Columns: []string{"a", "b"}, Cells: true, TargetColumn: "word", Labels: true, Untargeted: true}} {
		o.Empty = true
		plain, err := inspectText(data, "x.parquet", o)
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := keptRows(t, plain, []Span{{Rows: rows}}, rows, o, nil)
		for _, deleted := range deletions {
			src, err := Inspect(t.Context(), &memberData{textData{name: "x.parquet", data: data}, nil, deleted, nil}, o)
			if err != nil {
				t.Fatal(err)
			}
			if n := src.Rows(); n != rows-int64(deleted.GetCardinality()) {
				t.Fatalf("%d rows of %d without %d", n, rows, deleted.GetCardinality())
			}
			var want []keptRow
			for _, row := range whole {
				if !deleted.Contains(uint64(row.number)) {
					row.number -= int64(deleted.Rank(uint64(row.number)))
					want = append(want, row)
				}
			}
			for _, some := range []int{1, 7, rows} {
				for _, spans := range [][]Span{{{Rows: src.Rows()}}, Cut(src.Rows(), 13), src.(Cutter).Cut(20)} {
					if got, _ := keptRows(t, src, spans, some, o, nil); !slices.Equal(got, want) {
						t.Fatalf("%+v, %d at a time, spans %v: %v\nwant %v", o, some, spans, got, want)
					}
				}
			}
			odd := func(row int64) bool { return row%5 == 1 }
			some := slices.DeleteFunc(slices.Clone(want), func(r keptRow) bool { return !odd(r.number) })
			got, _ := keptRows(t, src, []Span{{Rows: src.Rows()}}, 1, o, odd)
			if got = slices.DeleteFunc(got, func(r keptRow) bool { return !odd(r.number) }); !slices.Equal(got, some) {
				t.Fatalf("%+v, some: %v\nwant %v", o, got, some)
			}
		}
	}
}

// Rows without a target that are deleted are not among those that are counted.
func TestDeletedUntargeted(t *testing.T) {
	t.Parallel()
	data := parquetOf(t, []arrow.Field{column("a", arrow.PrimitiveTypes.Float64), column("y", arrow.BinaryTypes.String)},
		`[{"a":1,"y":null},{"a":2,"y":"s"},{"a":3,"y":null},{"a":4,"y":"t"}]`, 4)
	for _, keeps := range []bool{false, true} {
		o := Options{Cells: true, TargetColumn: "y", Labels: true, Untargeted: keeps}
		f := &memberData{textData{name: "x.parquet", data: data}, nil, roaring64.BitmapOf(0, 3), nil}
		src, err := Inspect(t.Context(), f, o)
		if err != nil {
			t.Fatal(err)
		}
		rows, without := keptRows(t, src, []Span{{Rows: 2}}, 9, o, nil)
		if want := map[bool]int{false: 1, true: 2}[keeps]; without != 1 || len(rows) != want {
			t.Errorf("untargeted %v: %v, %d without a target", keeps, rows, without)
		}
	}
}

// A fault says where its row stands among those that are left, and in the file; deletions behind the last row are one.
func TestDeletedFaults(t *testing.T) {
	t.Parallel()
	data := parquetOf(t, []arrow.Field{column("a", arrow.PrimitiveTypes.Float64)}, `[{"a":1},{"a":2},{"a":null}]`, 4)
	src, err := Inspect(t.Context(), &memberData{textData{name: "x.parquet", data: data}, nil, roaring64.BitmapOf(1), nil},
		Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Read(t.Context(), Span{Rows: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Read(&vectors.Block{Dim: 1}, 5)
	const want = "x.parquet: row 1, column a: found null (row 2 of the file with its deleted ones), expected a number"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	beyond := &memberData{textData{name: "x.parquet", data: data}, nil, roaring64.BitmapOf(3), nil}
	const more = "found row 3 as deleted, expected deletions of its rows, of which there are 3"
	if _, err = Inspect(t.Context(), beyond, Options{}); err == nil || !strings.Contains(err.Error(), more) {
		t.Error(err)
	}
}

// Rows that are copied are those that are left.
func TestDeletedCopies(t *testing.T) {
	t.Parallel()
	data := memberTable(t, rand.New(rand.NewPCG(3, 4)), 100)
	deleted := roaring64.BitmapOf(0, 3, 4, 50, 99)
	o := Options{Columns: []string{"b"}}
	var copied [2][]byte
	for i, f := range []File{&textData{name: "x.parquet", data: data},
		&memberData{textData{name: "x.parquet", data: data}, nil, deleted, nil}} {
		src, err := Inspect(t.Context(), f, o)
		if err != nil {
			t.Fatal(err)
		}
		how, err := Copies(t.Context(), []Source{src}, false)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Copy(t.Context(), src, how, Span{Rows: src.Rows()})
		if err != nil {
			t.Fatal(err)
		}
		rows := []int64{1, 2, 10, 51, 98} // of the file
		if i == 1 {
			rows = []int64{0, 1, 7, 47, 94}
		}
		if copied[i], err = c.Append(nil, rows, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if string(copied[0]) != string(copied[1]) {
		t.Errorf("%q\nwant %q", copied[1], copied[0])
	}
}

// Missing cells of deleted rows are none of the table: it is numbers, and what is filled in changes no type.
func TestDeletedNulls(t *testing.T) {
	t.Parallel()
	data := parquetOf(t, []arrow.Field{column("a", arrow.PrimitiveTypes.Float64), column("n", arrow.PrimitiveTypes.Int64)},
		`[{"a":1,"n":1},{"a":null,"n":null},{"a":3,"n":3},{"a":null,"n":4}]`, 2)
	for deleted, want := range map[*roaring64.Bitmap][3]string{
		roaring64.BitmapOf(1, 3): {"", "", "int64"}, roaring64.BitmapOf(1): {"a", "1 missing cells", "int64"},
		roaring64.BitmapOf(0, 3): {"a", "1 missing cells", "float64"}, nil: {"a", "2 missing cells", "float64"},
	} {
		f := &memberData{textData{name: "x.parquet", data: data}, nil, deleted, []Renamed{{"a", "a"}, {"n", "number"}}}
		src, err := Inspect(t.Context(), f, Options{Cells: true})
		if err != nil {
			t.Fatal(err)
		}
		column, holds := src.(Tabular).Other()
		how, err := Copies(t.Context(), []Source{src}, true)
		if err != nil {
			t.Fatal(err)
		}
		schema, err := how.SchemaOf()
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]string{column, holds, schema.Field(1).Type.Name()}; got != want {
			t.Errorf("without %v: %v, want %v", deleted, got, want)
		}
	}
}

// A column that came to a table later is missing in files that are older, and no column of numbers alone.
func TestAbsentColumns(t *testing.T) {
	t.Parallel()
	data := parquetOf(t, []arrow.Field{column("a", arrow.PrimitiveTypes.Float64)}, `[{"a":1},{"a":2}]`, 4)
	parts := []Partition{{Name: "later", Number: true, Null: true, Absent: true}}
	f := &memberData{textData{name: "x.parquet", data: data}, parts, nil, nil}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, `x.parquet: found none: it came to the table later, expected a number in the column "later"`},
		{Options{Missing: true}, "0 [1 NaN]"},
		{Options{Cells: true}, "0 [1 ]"},
	} {
		c.o.Partitions = parts
		src, err := Inspect(t.Context(), f, c.o)
		if err != nil {
			if err.Error() != c.want {
				t.Errorf("%+v: %v", c.o, err)
			}
			continue
		}
		rows, _ := keptRows(t, src, []Span{{Rows: 2}}, 1, c.o, nil)
		if rows[0].text != c.want {
			t.Errorf("%+v: %q, want %q", c.o, rows[0].text, c.want)
		}
		if column, holds := src.(Tabular).Other(); c.o.Cells && (column != "later" || holds != "missing cells") {
			t.Errorf("other: %s, %s", column, holds)
		}
	}
}

// Columns have the names and the order of the table, in what is read and in copies; others are left out.
func TestRenamedColumns(t *testing.T) {
	t.Parallel()
	number := arrow.PrimitiveTypes.Float64
	data := parquetOf(t, []arrow.Field{column("a", number), column("b", number), column("gone", number)},
		`[{"a":1,"b":10,"gone":5},{"a":2,"b":20,"gone":6}]`, 4)
	named := func(columns ...Renamed) *memberData {
		return &memberData{textData{name: "x.parquet", data: data}, nil, nil, columns}
	}
	src, err := Inspect(t.Context(), named(Renamed{"b", "a"}, Renamed{"a", "z"}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if names := src.Columns(); !slices.Equal(names, []string{"a", "z"}) {
		t.Error(names)
	}
	if rows, _ := keptRows(t, src, []Span{{Rows: 2}}, 2, Options{}, nil); rows[1].text != "1 [20 2]" {
		t.Errorf("%+v", rows)
	}
	how, err := Copies(t.Context(), []Source{src}, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Copy(t.Context(), src, how, Span{Rows: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, err := c.Append(nil, []int64{0, 1}, []CopiedCell{{Row: 1, Column: 0, Value: 30}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var got []string
	for r.Next() {
		json, err := r.RecordBatch().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(json))
	}
	if s := strings.Join(got, ""); s != `[{"a":10,"z":1}`+"\n,"+`{"a":30,"z":2}`+"\n]" {
		t.Errorf("%q", s)
	}
	if _, err := Inspect(t.Context(), named(Renamed{"c", "a"}), Options{}); err == nil ||
		!strings.Contains(err.Error(), `found none, expected a column "c"`) {
		t.Error(err)
	}
}
