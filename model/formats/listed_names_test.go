package formats

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"

	"beamlearn/model/vectors"
)

// namedLists is a file of sparse rows with a text as the names of their columns.
func namedLists(t testing.TB, names string, columns [][]int64, values [][]float64) string {
	r := sparseRecord(columns, values, false)
	metadata := arrow.NewMetadata([]string{ListNamesKey}, []string{names})
	named := array.NewRecordBatch(arrow.NewSchema(r.Schema().Fields(), &metadata), r.Columns(), r.NumRows())
	return parquetTable(t, named, 17, parquet.WithDataPageSize(40), parquet.WithBatchSize(3))
}

// Columns of lists go by their names: in the order of the file, or in that of who asks for them, with those left out
// that nobody asks for.
func TestListNames(t *testing.T) {
	t.Parallel()
	const n, dim = 50, 110
	columns, values := listedRows(n)
	var own []string
	for c := range dim {
		own = append(own, fmt.Sprint("w", c))
	}
	text, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	data := namedLists(t, string(text), columns, values)
	o := Options{Sparse: true, IDColumn: "id", TargetColumn: "y"}
	src, err := inspectText(data, "x.parquet", o)
	if err != nil || src.Dim() != dim || !slices.Equal(src.Columns(), own) {
		t.Fatalf("%v, %v", src, err)
	}
	plain := o
	plain.Features = dim
	want := loadAll(t, "x.parquet", parquetTable(t, sparseRecord(columns, values, false), 17), plain, 0)
	for _, span := range []int64{0, 7} {
		if got := loadAll(t, "x.parquet", data, o, span); !reflect.DeepEqual(got, want) {
			t.Errorf("other rows in spans of %d", span)
		}
	}
	asked := []string{"other", "w30", "w3", "w99", "w17"}
	place := map[int32]int32{30: 1, 3: 2, 99: 3, 17: 4}
	some := o
	some.Names = asked
	got := loadAll(t, "x.parquet", data, some, 0)
	if got.Dim != len(asked) || got.Len() != n {
		t.Fatalf("%d rows of %d columns", got.Len(), got.Dim)
	}
	row := make([]float64, dim)
	for i := range n {
		of := make([]float64, len(asked))
		for c, v := range want.Row(i, row) {
			if at, ok := place[int32(c)]; ok {
				of[at] = v
			}
		}
		if is := got.Row(i, make([]float64, len(asked))); !slices.Equal(is, of) {
			t.Errorf("row %d: %v, expected %v", i, is, of)
		}
		if c, _ := got.Sparse.Row(i); !slices.IsSorted(c) {
			t.Errorf("row %d: the columns %v", i, c)
		}
	}
	if src, err = inspectText(data, "x.parquet", some); err != nil || !strings.Contains(strings.Join(Notes(src), ""),
		`left out, as columns of no point and of no feature: "w0", "w1"`) {
		t.Errorf("%q, %v", Notes(src), err)
	}
}

// Files of lists with names are one dataset where they have the same names, in any order.
func TestListNamesMeet(t *testing.T) {
	t.Parallel()
	columns, values := [][]int64{{0, 1}, {2}}, [][]float64{{1, 2}, {3}}
	a := write(t, "a.parquet", namedLists(t, `["x","y","z"]`, columns, values))
	b := write(t, "b.parquet", namedLists(t, `["z","x","y"]`, columns, values))
	c := write(t, "c.parquet", namedLists(t, `["z","x","v"]`, columns, values))
	rows, err := Load(t.Context(), Options{Sparse: true, IDColumn: "id"}, a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]float64{{1, 2, 0}, {0, 0, 3}, {2, 0, 1}, {0, 3, 0}}
	for i := range want {
		if got := rows.Row(i, make([]float64, 3)); !slices.Equal(got, want[i]) {
			t.Errorf("row %d: %v, expected %v", i, got, want[i])
		}
	}
	if _, err := Load(t.Context(), Options{Sparse: true, IDColumn: "id"}, a, c); err == nil ||
		!strings.Contains(err.Error(), `found the columns "z", "x", "v", without "y", expected the columns "x", "y", "z"`) {
		t.Errorf("%v", err)
	}
	// A value that no float32 holds is told by the name of its column.
	large := namedLists(t, `["x","y"]`, [][]int64{{1}}, [][]float64{{1e300}})
	src, err := inspectText(large, "x.parquet", Options{Sparse: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Read(t.Context(), Span{Rows: 1})
	if err != nil {
		t.Fatal(err)
	}
	block := &vectors.Block{Dim: 2, DType: vectors.Float32, Sparse: &vectors.CSR{}}
	if err := r.Read(block, 1); err == nil ||
		err.Error() != "x.parquet: row 0, column y: found 1e+300, expected a finite float32" {
		t.Errorf("%v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// What is no list of names, and names of which none is asked for, are one line.
func TestListNamesFaults(t *testing.T) {
	t.Parallel()
	columns, values := [][]int64{{0, 1}}, [][]float64{{1, 2}}
	for _, names := range []string{`["x","x"]`, `[]`, `{"x":1}`, `[1,2]`, `["x"`, ``, `null`} {
		wantFault(t, "x.parquet", namedLists(t, names, columns, values), Options{Sparse: true},
			`x.parquet: found something else, expected different names of columns under "beamlearn.columns" in the footer, `+
				`as a JSON array of texts`)
	}
	wantFault(t, "x.parquet", namedLists(t, `["x","y"]`, columns, values),
		Options{Sparse: true, Names: []string{"a", "b"}},
		`x.parquet: found the columns "x", "y", expected some of the columns "a", "b"`)
	wantFault(t, "x.parquet", namedLists(t, `["x","y"]`, columns, values), Options{Sparse: true, Features: 3},
		"x.parquet: found 2 columns, expected 3 features")
	// Of other columns, as a program makes them that keeps what it does not know, the key says nothing.
	metadata := arrow.NewMetadata([]string{ListNamesKey}, []string{`["x","y","z"]`})
	numbers := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		column("p", arrow.PrimitiveTypes.Float64), column("q", arrow.PrimitiveTypes.Float64)}, &metadata))
	for c := range 2 {
		numbers.Field(c).(*array.Float64Builder).Append(1)
	}
	if src, err := inspectText(parquetTable(t, numbers.NewRecordBatch(), 10), "x.parquet", Options{}); err != nil ||
		!slices.Equal(src.Columns(), []string{"p", "q"}) {
		t.Errorf("%v, %v", src, err)
	}
}
