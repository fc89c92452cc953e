package formats

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

// A table whose column x lacks all cells has the same rows from every format: also where the file says by the column's
// type that it has none, as pandas writes it, and where JSON has the NaN of Python.
func TestColumnsWithoutCells(t *testing.T) {
	t.Parallel()
	fields := []arrow.Field{column("a", arrow.PrimitiveTypes.Float64), column("x", arrow.Null),
		column("s", arrow.BinaryTypes.String)}
	const rows = `[{"a":1,"x":null,"s":"u"},{"a":null,"x":null,"s":"v"},{"a":3,"x":null,"s":null}]`
	for name, data := range map[string]string{
		"x.csv": "a,x,s\n1,,u\nNaN,,v\n3,,\n",
		"x.jsonl": `{"a":1,"x":NaN,"s":"u"}` + "\n" + `{"a":NaN,"x":NaN,"s":"v"}` + "\n" +
			`{"a":3,"x":null,"s":null}` + "\n",
		"x.parquet": parquetOf(t, fields, rows, 2),
		"x.arrow":   arrowOf(t, fields, rows, 2, true),
	} {
		path := writeCells(t, name, data)
		for _, columns := range [][]string{nil, {"*"}, {"a", "x", "s"}} {
			_, b, faults, _ := readCells(t, path, Options{Columns: columns}, 2)
			if len(faults) > 0 {
				t.Fatalf("%s: %v", name, faults[0])
			}
			want := [][]string{{"1", "", "u"}, {"", "", "v"}, {"3", "", ""}}
			for i, row := range want {
				for j, cell := range row {
					got := plainCell(&b.Cells.Columns[j], i)
					if got != cell && !(got == "NaN" && cell == "") {
						t.Errorf("%s, row %d, column %d: %q, want %q", name, i, j, got, cell)
					}
				}
			}
		}
	}
}

// A target that JSON has as NaN is none.
func TestJSONLTargetNaN(t *testing.T) {
	t.Parallel()
	const data = `{"a":1,"y":NaN,"left":NaN}` + "\n" + `{"a":2,"y":3,"left":0}` + "\n"
	for _, labels := range []bool{false, true} {
		o := Options{TargetColumn: "y", Labels: labels, Columns: []string{"a"}}
		_, b, faults, without := readCells(t, writeCells(t, "x.jsonl", data), o, 10)
		if len(faults) > 0 || b.Len() != 1 || without != 1 {
			t.Errorf("labels %v: %d rows, %d without a target, %v", labels, b.Len(), without, faults)
		}
	}
}

// What cannot be part of a table is left out where a glob has it, and is told, by its own name, where it is asked for.
func TestColumnsOfNoTable(t *testing.T) {
	t.Parallel()
	point := arrow.StructOf(column("u", arrow.PrimitiveTypes.Float64))
	fields := []arrow.Field{column("id", arrow.PrimitiveTypes.Int64), column("s", arrow.BinaryTypes.String),
		column("p", point), column("a", arrow.PrimitiveTypes.Float64)}
	const rows = `[{"id":1,"s":"u","p":{"u":1},"a":2},{"id":2,"s":"v","p":{"u":1},"a":3}]`
	const lists = `{"id":1,"s":"u","p":["k"],"a":2}` + "\n" + `{"id":2,"s":"v","p":[],"a":3}` + "\n"
	for name, data := range map[string]string{"x.parquet": parquetOf(t, fields, rows, 2),
		"x.arrow": arrowOf(t, fields, rows, 2, true), "x.jsonl": lists} {
		path := writeCells(t, name, data)
		for _, columns := range [][]string{{"*", "!id"}, {"!id"}, {"[a-z]"}} {
			src, b, faults, _ := readCells(t, path, Options{Columns: columns}, 2)
			var left Left
			left.Add(src)
			if names := src.Columns(); len(faults) > 0 || b.Len() != 2 || !reflect.DeepEqual(names, []string{"s", "a"}) ||
				!strings.Contains(LeftOut(left.Columns), "p (") {
				t.Errorf("%s, %s: %v, %v, %s", name, columns, names, faults, LeftOut(left.Columns))
			}
		}
		for _, cells := range []bool{true, false} {
			_, err := inspectText(data, name, Options{Columns: []string{"a", "s", "p"}, Cells: cells})
			if err == nil || !strings.Contains(err.Error(), `column "p" of `) && (cells || name != "x.jsonl") {
				t.Errorf("%s, cells %v: %v", name, cells, err)
			}
		}
	}
}

// Files without rows are read as such where that is asked for, as tables too.
func TestTablesWithoutRows(t *testing.T) {
	t.Parallel()
	fields := []arrow.Field{column("a", arrow.PrimitiveTypes.Float64), column("s", arrow.BinaryTypes.String)}
	for name, data := range map[string]string{"x.csv": "a,s\n", "x.parquet": parquetOf(t, fields, "[]", 2),
		"x.arrow": arrowOf(t, fields, "[]", 2, true)} {
		path := writeCells(t, name, data)
		if _, err := inspectText(data, name, Options{Cells: true}); err == nil {
			t.Errorf("%s: no fault", name)
		}
		src, b, faults, _ := readCells(t, path, Options{Empty: true}, 2)
		if len(faults) > 0 || b.Len() != 0 || fmt.Sprint(src.Columns()) != "[a s]" {
			t.Errorf("%s: %v, %v", name, src.Columns(), faults)
		}
	}
}

// Where names are spaces apart in a file without another delimiter, that is told beside what is not found.
func TestSpacesApart(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]bool{"a b y\n1 2 3\n4 5 6\n": true, "a b,y\n1,2\n": false, "ab\nu\n": false} {
		for _, o := range []Options{{TargetColumn: "z"}, {Columns: []string{"z"}}, {TargetColumn: "z", Cells: true}} {
			_, err := inspectText(data, "x.csv", o)
			if err == nil || strings.HasSuffix(err.Error(), "; or --delimiter=space") != want {
				t.Errorf("%q, %+v: %v", data, o, err)
			}
		}
	}
	if _, err := inspectText("a b y\n1 2 3\n", "x.csv", Options{}); err == nil ||
		!strings.HasSuffix(err.Error(), "; or --delimiter=space") {
		t.Error(err)
	}
}
