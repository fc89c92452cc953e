package formats

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// TestJSONLFirstRowAtFault checks that a first row at fault is like any other: the columns are those of the rows behind
// it, and the reader tells what is wrong with it.
func TestJSONLFirstRowAtFault(t *testing.T) {
	for _, c := range []struct {
		first, later string // %d is the row
		options      Options
		dim          int
		want         string
	}{
		{`{"a":1,`, `{"a":%d,"b":2}`, Options{}, 2, "found the end at byte 7 of the line, expected valid JSON"},
		{`[1,2]`, `{"a":%d,"b":2}`, Options{}, 2, "found an array at byte 0 of the line, expected a JSON object"},
		{`{}`, `{"a":%d,"b":2}`, Options{}, 2, "column a: found no such key, expected a number"},
		{`{"b":2}`, `{"a":%d,"b":2}`, Options{}, 2, "column a: found no such key, expected a number"},
		{`{"b":2}`, `{"a":%d,"b":2}`, Options{Columns: []string{"a", "b"}}, 2,
			"column a: found no such key, expected a number"},
		{`{"b":2}`, `{"b":%d,"a":2}`, Options{Names: []string{"a", "b"}}, 2,
			"column a: found no such key, expected a number"},
		{`{"a":null,"b":2}`, `{"a":%d,"b":2}`, Options{}, 2, "column a: found null, expected a number"},
		{`{"a":"n/a","b":2}`, `{"a":%d,"b":2}`, Options{}, 2, `column a: found the string "n/a", expected a number`},
		{`{"a":NaN,"b":2}`, `{"a":%d,"b":2}`, Options{}, 2, "column a: found NaN, expected a finite number"},
		{`{"a":1e39,"b":2}`, `{"a":%d,"b":2}`, Options{DType: vectors.Float32}, 2,
			"column a: found 1e+39, expected a finite float32"},
		{`{"vector":[]}`, `{"vector":[%d,2]}`, Options{}, 2,
			"column vector: found an array of 0, expected one of 2, as in row 1"},
		{`{"vector":[1]}`, `{"vector":[%d,2]}`, Options{}, 2,
			"column vector: found an array of 1, expected one of 2, as in row 1"},
		{`{"vector":[1,null]}`, `{"vector":[%d,2]}`, Options{}, 2, "column 1: found null, expected a number"},
		{`{"y":1}`, `{"y":1,"vector":[%d,2]}`, Options{}, 2,
			"column vector: found no such key, expected an array of numbers"},
		{`{"a":1}`, `{"a":%d,"y":2}`, Options{TargetColumn: "y"}, 1, "column y: found no such key, expected a number"},
		{`{"a":1,"y":"x"}`, `{"a":%d,"y":2}`, Options{TargetColumn: "y"}, 1,
			`column y: found the string "x", expected a number`},
		{`{"a":1,"id":null}`, `{"a":%d,"id":"i"}`, Options{IDColumn: "id"}, 1,
			"column id: found null, expected a string or an integer"},
		{`{"meta":7}`, `{"meta":{"size":%d}}`, Options{Columns: []string{"meta.size"}}, 1,
			"column meta.size: found no such key, expected a number"},
	} {
		data := c.first + "\n\n" + fmt.Sprintf(c.later, 1) + "\n" + fmt.Sprintf(c.later, 2) + "\n"
		src, err := inspectText(data, "f.jsonl", c.options)
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		if src.Dim() != c.dim {
			t.Errorf("%s: %d columns", data, src.Dim())
		}
		r, err := src.Read(context.Background(), Span{Rows: 3})
		if err != nil {
			t.Fatal(err)
		}
		b := &vectors.Block{Dim: src.Dim(), DType: c.options.DType}
		want := "f.jsonl: row 0, " + c.want
		if !strings.HasPrefix(c.want, "column") {
			want = "f.jsonl: row 0: " + c.want
		}
		if err := r.Read(b, 10); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nnot %s", data, err, want)
		}
		if err := r.Read(b, 10); err != nil || !reflect.DeepEqual(b.Numbers, []int64{1, 2}) {
			t.Errorf("%s: rows %v, %v", data, b.Numbers, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestJSONLNoRowToLearn checks the faults of first rows of which none can be read.
func TestJSONLNoRowToLearn(t *testing.T) {
	for _, c := range []struct {
		data    string
		options Options
		want    string
	}{
		{"{\n[]\n", Options{}, "f.jsonl: found the end at byte 1 of the line in the first row, expected valid JSON"},
		{"{\n[]\n", Options{Cells: true},
			"f.jsonl: found the end at byte 1 of the line in the first row, expected valid JSON"},
		{"{\n" + `{"a":1}` + "\n" + `{"a":2}`, Options{Columns: []string{"c"}},
			`f.jsonl: found the columns "a", expected a column "c"`},
		{"{\n" + `{"a":"x"}` + "\n", Options{Columns: []string{"a"}},
			`f.jsonl, column a: found the string "x" in row 1, expected a number`},
	} {
		_, err := inspectText(c.data, "f.jsonl", c.options)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v\nnot %s", c.data, err, c.want)
		}
		if _, ok := fault.IsRow(err); ok {
			t.Errorf("%s: the fault of a row", c.data)
		}
	}
}

// TestJSONLCellsFirstRowAtFault is TestJSONLFirstRowAtFault for tables; of a line that is no JSON nothing is a column.
func TestJSONLCellsFirstRowAtFault(t *testing.T) {
	for _, first := range []string{`{"c":1,`, `[1]`, `{"a":nul}`} {
		src, err := inspectText(first+"\n"+`{"a":"x","b":1}`+"\n"+first+"\n"+`{"b":2}`, "f.jsonl", Options{Cells: true})
		if err != nil {
			t.Errorf("%s: %v", first, err)
			continue
		}
		if !reflect.DeepEqual(src.Columns(), []string{"a", "b"}) {
			t.Errorf("%s: columns %v", first, src.Columns())
		}
		r, err := src.Read(context.Background(), Span{Rows: 4})
		if err != nil {
			t.Fatal(err)
		}
		b := &vectors.Block{Cells: tables.New(src.(Tabular).Fields())}
		for _, row := range []int64{0, 2} {
			if f, ok := fault.IsRow(r.Read(b, 10)); !ok || f.Row != row {
				t.Errorf("%s: row %d is not at fault: %v", first, row, f)
			}
		}
		if err := r.Read(b, 10); err != nil || !reflect.DeepEqual(b.Numbers, []int64{1, 3}) {
			t.Errorf("%s: rows %v, %v", first, b.Numbers, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
