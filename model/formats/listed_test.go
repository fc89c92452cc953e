package formats

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"

	"beamlearn/model/vectors"
)

// listedRows are rows of few entries, some of none, the last with the greatest column.
func listedRows(n int) (columns [][]int64, values [][]float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	columns, values = make([][]int64, n), make([][]float64, n)
	for i := range n {
		for c := rng.Int64N(30); c < 90 && i%5 != 0; c += 1 + rng.Int64N(30) {
			columns[i], values[i] = append(columns[i], c), append(values[i], float64(rng.IntN(9)-4)/4)
		}
	}
	columns[n-1], values[n-1] = append(columns[n-1], 99), append(values[n-1], 0.5)
	return columns, values
}

// sparseRecord is such rows as lists, or as a map, in a file with ids and targets beside them.
func sparseRecord(columns [][]int64, values [][]float64, asMap bool) arrow.RecordBatch {
	fields := []arrow.Field{column("id", arrow.BinaryTypes.String), column("y", arrow.PrimitiveTypes.Float64)}
	if asMap {
		fields = append(fields, column("words", arrow.MapOf(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Float32)))
	} else {
		fields = append(fields, column(indicesKey, arrow.ListOf(arrow.PrimitiveTypes.Int64)),
			column(valuesKey, arrow.ListOf(arrow.PrimitiveTypes.Float64)))
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range columns {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprint("r", i))
		b.Field(1).(*array.Float64Builder).Append(float64(i % 3))
		if asMap {
			m := b.Field(2).(*array.MapBuilder)
			m.Append(true)
			for j := len(columns[i]) - 1; j >= 0; j-- {
				m.KeyBuilder().(*array.Int32Builder).Append(int32(columns[i][j]))
				m.ItemBuilder().(*array.Float32Builder).Append(float32(values[i][j]))
			}
			continue
		}
		indices, numbers := b.Field(2).(*array.ListBuilder), b.Field(3).(*array.ListBuilder)
		indices.Append(true)
		numbers.Append(true)
		indices.ValueBuilder().(*array.Int64Builder).AppendValues(columns[i], nil)
		numbers.ValueBuilder().(*array.Float64Builder).AppendValues(values[i], nil)
	}
	return b.NewRecordBatch()
}

// Lists of columns and numbers, and maps, are the rows that .svm has, whatever their spans.
func TestListed(t *testing.T) {
	t.Parallel()
	const n = 50
	columns, values := listedRows(n)
	var svm, lists, maps strings.Builder
	for i := range n {
		var entries, numbers, indices, members []string
		for j, c := range columns[i] {
			entries = append(entries, fmt.Sprintf(" %d:%g", c, values[i][j]))
			indices, numbers = append(indices, fmt.Sprint(c)), append(numbers, fmt.Sprint(values[i][j]))
			members = append([]string{fmt.Sprintf(`"%d":%g`, c, values[i][j])}, members...)
		}
		fmt.Fprintf(&svm, "%d%s\n", i%3, strings.Join(entries, ""))
		fmt.Fprintf(&lists, `{"id":"r%d","values":[%s],"y":%d,"indices":[%s]}`+"\n", i, strings.Join(numbers, ","), i%3,
			strings.Join(indices, ","))
		fmt.Fprintf(&maps, `{"id":"r%d","y":%d,"vector":{%s}}`+"\n", i, i%3, strings.Join(members, ","))
	}
	want := loadAll(t, "x.svm", svm.String(), Options{Sparse: true, ZeroBased: ZeroBasedYes}, 0)
	for i := range n {
		want.AppendID(vectors.ID{Text: fmt.Sprint("r", i)})
	}
	for name, data := range map[string]string{
		"lists.jsonl": lists.String(), "map.jsonl": maps.String(),
		"lists.parquet": parquetTable(t, sparseRecord(columns, values, false), 17, parquet.WithDataPageSize(40),
			parquet.WithBatchSize(3)),
		"map.parquet": parquetTable(t, sparseRecord(columns, values, true), 100,
			parquet.WithDataPageVersion(parquet.DataPageV2)),
	} {
		for _, span := range []int64{0, 1, 7} {
			got := loadAll(t, name, data, Options{Sparse: true, IDColumn: "id", TargetColumn: "y"}, span)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: other rows in spans of %d", name, span)
			}
		}
		dense := loadAll(t, name, data, Options{Features: 100, IDColumn: "id", TargetColumn: "y"}, 0)
		row := make([]float64, 100)
		for i := range n {
			if got := dense.Row(i, make([]float64, 100)); !reflect.DeepEqual(got, want.Row(i, row)) {
				t.Errorf("%s: row %d with its zeros is another", name, i)
			}
		}
	}
	named := strings.NewReplacer(`"values":`, `"a":{"values":`, `,"y":0`, ``, `,"y":1`, ``, `,"y":2`, ``, `]}`+"\n",
		`]},"y":0}`+"\n").Replace(lists.String())
	asked := Options{Sparse: true, IDColumn: "id", TargetColumn: "y", Columns: []string{"a.*"}}
	if got := loadAll(t, "x.jsonl", named, asked, 0); !reflect.DeepEqual(got.Sparse, want.Sparse) {
		t.Errorf("other rows of lists that are asked for")
	}
	// values stand before indices, whatever says that they are the vector.
	asked.Columns, asked.IDColumn = []string{"!id"}, ""
	if got := loadAll(t, "x.jsonl", lists.String(), asked, 0); !reflect.DeepEqual(got.Sparse, want.Sparse) {
		t.Errorf("other rows of lists in another order")
	}
	wantFault(t, "x.jsonl", `{"a":[1],"b":[1,2]}`, Options{Columns: []string{"?"}},
		"x.jsonl, column a: found an array in the first row, expected a number")
}

// loadAll reads all rows, in spans of about so many where that is not 0.
func loadAll(t *testing.T, name, data string, o Options, size int64) *vectors.Block {
	t.Helper()
	src, err := inspectText(data, name, o)
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: src.Dim()}
	if o.Sparse {
		b.Sparse = &vectors.CSR{}
	}
	spans, err := Spans(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := src.(Counter); ok && size > 0 {
		var counts []Count
		for _, r := range c.Ranges(size * 10) {
			n, err := c.Count(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, n)
		}
		if spans, err = c.Resolve(counts); err != nil {
			t.Fatal(err)
		}
	} else if size > 0 {
		spans = CutSource(src, size, size)
	}
	for _, s := range spans {
		if err := readSpan(t.Context(), src, s, b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// Each fault of sparse rows names its row and its column, and the rows beside it are read.
func TestListedFaults(t *testing.T) {
	t.Parallel()
	const good = `{"indices":[0,2],"values":[1,2]}` + "\n"
	for row, want := range map[string]string{
		`{"indices":[-1],"values":[1]}`:               `column indices[0]: found -1, expected a column from 0 to 9`,
		`{"indices":[1,10],"values":[1,2]}`:           `column indices[1]: found 10, expected a column from 0 to 9` + sayFeatures,
		`{"indices":[4294967296],"values":[1]}`:       `column indices[0]: found 4294967296, expected a column from 0 to 9` + sayFeatures,
		`{"indices":[1e300],"values":[1]}`:            `column indices[0]: found 1e+300, expected a column from 0 to 9` + sayFeatures,
		`{"indices":[1.5],"values":[1]}`:              `column indices[0]: found 1.5, expected a column from 0 to 9`,
		`{"indices":[3,1,3],"values":[1,2,3]}`:        `column indices: found the column 3 twice, expected each column once`,
		`{"indices":[3,1],"values":[1]}`:              `column values: found 1 numbers for 2 columns, expected as many`,
		`{"indices":[3,null],"values":[1,2]}`:         `column indices[1]: found null, expected a number`,
		`{"indices":[3],"values":[NaN]}`:              `column values[0]: found NaN, expected a finite number`,
		`{"indices":null,"values":[1]}`:               `column indices: found null, expected an array of numbers`,
		`{"indices":[1]}`:                             `column values: found no such key, expected an array of numbers`,
		`{"indices":[1],"values":[1],"values":[1]}`:   `column values: found the key twice, expected it once`,
		`{"indices":[1],"values":{"1":2}}`:            `column values: found an object, expected an array of numbers`,
		`{"indices":[1],"values":[1],"vector":[1]} x`: `x at byte 42 of the line, expected valid JSON`,
	} {
		wantListed(t, "x.jsonl", good+row+"\n"+good, Options{Features: 10}, want)
	}
	const pair = `{"vector":{"0":1,"2":2}}` + "\n"
	for row, want := range map[string]string{
		`{"vector":{"-1":1}}`:       `column vector: found -1, expected a column from 0 to 9`,
		`{"vector":{"word":1}}`:     `column vector: found the key "word", expected a column as the key: an integer`,
		`{"vector":{"1":1,"01":2}}`: `column vector: found the column 1 twice, expected each column once`,
		`{"vector":{"1":"a"}}`:      `column vector.1: found the string "a", expected a number`,
		`{"vector":[1]}`:            `column vector: found an array, expected an object of columns and their numbers`,
	} {
		wantListed(t, "x.jsonl", pair+row+"\n"+pair, Options{Features: 10}, want)
	}
	fields := []arrow.Field{column(indicesKey, arrow.ListOf(arrow.PrimitiveTypes.Int64)),
		column(valuesKey, arrow.ListOf(arrow.PrimitiveTypes.Float32))}
	for row, want := range map[string]string{
		`{"indices":[-1],"values":[1]}`:              `column indices[0]: found -1, expected a column from 0 to 9`,
		`{"indices":[4294967296],"values":[1]}`:      `column indices[0]: found 4294967296, expected a column from 0 to 9` + sayFeatures,
		`{"indices":[3,1,3],"values":[1,2,3]}`:       `column indices: found the column 3 twice, expected each column once`,
		`{"indices":[3,1],"values":[1]}`:             `column values: found 1 numbers for 2 columns, expected as many`,
		`{"indices":[3,null],"values":[1,2]}`:        `column indices[1]: found null, expected a number`,
		`{"indices":[3,1],"values":[null,2]}`:        `column values[0]: found null, expected a number`,
		`{"indices":[3,1,2],"values":[1,null,null]}`: `column values[1]: found null, expected a number`,
		`{"indices":[3],"values":null}`:              `column values: found null, expected a list of numbers, which may be empty`,
	} {
		record, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil),
			strings.NewReader("["+good+","+row+","+good+"]"))
		if err != nil {
			t.Fatal(err)
		}
		wantListed(t, "x.parquet", parquetTable(t, record, 2), Options{Features: 10}, want)
	}
}

// wantListed reads three rows, of which the second has a fault.
func wantListed(t *testing.T, name, data string, o Options, want string) {
	t.Helper()
	src, err := inspectText(data, name, o)
	if err != nil {
		t.Errorf("%v, not %s", err, want)
		return
	}
	rows, err := readRows(src, Span{Rows: 3}, 2)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v %v", rows, err)
	}
	if got := strings.TrimPrefix(rows[1].Row, "fault: "+name+": row 1"); got != ", "+want && got != ": found "+want {
		t.Errorf("%s\nwant %s", rows[1].Row, want)
	}
	if good := "[1 0 2 0 0 0 0 0 0 0]"; rows[0].Row != good || rows[2].Row != good {
		t.Errorf("%s: beside it %v", want, rows)
	}
}

// What sparse rows are not, and what they cannot be.
func TestListedFiles(t *testing.T) {
	t.Parallel()
	const good = `{"indices":[0,2],"values":[1,2]}` + "\n"
	wantFault(t, "x.jsonl", good, Options{Cells: true},
		"x.jsonl: found sparse rows, lists of columns and numbers, expected a table: "+
			"columns of numbers, text or dates (sparse rows are read without the flags of tables)")
	wantFault(t, "x.jsonl", `{"vector":{"3":1}}`, Options{Cells: true},
		"x.jsonl: found sparse rows, lists of columns and numbers, expected a table: "+
			"columns of numbers, text or dates (sparse rows are read without the flags of tables)")
	wantFault(t, "x.jsonl", good, Options{Missing: true},
		"x.jsonl: found vectors, in the column indices, expected a column for each number, any of which may be missing")
	wantFault(t, "x.jsonl", `{"indices":[],"values":[]}`, Options{Sparse: true},
		"x.jsonl: found none, expected a row with a column and its number, or the number of features")
	wantFault(t, "x.jsonl", `{"indices":[5000000],"values":[1]}`, Options{},
		"x.jsonl: found 5000001 columns, expected at most 1048576 columns, where rows are stored with their zeros")
	// A row at fault makes no columns; of rows of two files, the greatest column of both does.
	a, b := write(t, "a.jsonl", good+`{"indices":[9,9],"values":[1,2]}`),
		write(t, "b.jsonl", `{"indices":[4],"values":[1]}`)
	if src, err := inspectText(good+`{"indices":[9,9],"values":[1,2]}`, "x.jsonl", Options{Sparse: true}); err != nil ||
		src.Dim() != 3 {
		t.Errorf("%v, %v", src, err)
	}
	if rows, err := Load(t.Context(), Options{Sparse: true}, write(t, "c.jsonl", good), b); err != nil || rows.Dim != 5 ||
		rows.Len() != 2 {
		t.Errorf("%v, %v", rows, err)
	}
	if _, err := Load(t.Context(), Options{Sparse: true}, a, b); err == nil ||
		!strings.Contains(err.Error(), "row 1, column indices[0]: found 9, expected a column from 0 to 4"+sayFeatures) {
		t.Errorf("%v", err)
	}
	if src, err := inspectText(good, "x.jsonl", Options{Sparse: true, ListedFeatures: 7}); err != nil || src.Dim() != 7 {
		t.Errorf("%v, %v", src, err)
	}
}

// FuzzListed looks for sparse rows that no reader can take.
func FuzzListed(f *testing.F) {
	columns, values := listedRows(12)
	for _, asMap := range []bool{false, true} {
		f.Add([]byte(parquetTable(f, sparseRecord(columns, values, asMap), 5, parquet.WithDataPageSize(40),
			parquet.WithBatchSize(3))), true)
		f.Add([]byte(parquetTable(f, sparseRecord(columns, values, asMap), 50,
			parquet.WithDataPageVersion(parquet.DataPageV2))), true)
	}
	f.Add([]byte(`{"indices":[],"values":[]}`+"\n"+`{"indices":[1,0],"values":[1,2]}`+"\n"+
		`{"indices":[1,1e9],"values":[1,2e400]}`), false)
	f.Add([]byte(`{"vector":{"1":2,"0":-3}}`+"\n"+`{"vector":{}}`+"\n"+`{"vector":{"x":1}}`), false)
	f.Fuzz(func(t *testing.T, data []byte, binary bool) {
		if binary {
			checkAny(t, "x.parquet", string(data), Options{}, 1000)
			return
		}
		src, err := inspectText(string(data), "x.jsonl", Options{Features: 5})
		if err != nil {
			checkMessage(t, "x.jsonl", err)
			return
		}
		if _, err := checkCuts(t, src, len(data), 1, 7); err != nil {
			checkMessage(t, "x.jsonl", err)
		}
	})
}

// Columns of lists belong together by their names, in one object.
func TestIndicesFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		names []string
		want  bool
	}{
		{[]string{"indices", "values"}, true}, {[]string{"values", "indices"}, true},
		{[]string{"a.indices", "a.values"}, true}, {[]string{"a.values", "a.indices"}, true},
		{[]string{"a.b.indices", "a.b.values"}, true},
		{[]string{"a.indices", "b.values"}, false}, {[]string{"a.indices", "values"}, false},
		{[]string{"indices", "a.values"}, false}, {[]string{"my_indices", "my_values"}, false},
		{[]string{"indices", "indices"}, false},
	} {
		pair := []int{0, 1}
		got := indicesFirst(pair, func(i int) string { return c.names[i] })
		if got != c.want || got && !strings.HasSuffix(c.names[pair[0]], indicesKey) {
			t.Errorf("%q: %v, in the order %v", c.names, got, pair)
		}
	}
}
