package formats

import (
	"context"
	"path/filepath"
	"testing"
)

// TestIDsWithin checks that one table has the same columns that may be ids in every format, rows of numbers and of
// tables, unless the options say which columns make the vector.
func TestIDsWithin(t *testing.T) {
	for _, ext := range []string{"csv", "jsonl", "parquet", "arrow"} {
		for _, cells := range []bool{false, true} {
			for _, c := range []struct {
				o    Options
				want string
			}{
				{Options{}, "id: whole numbers in the vector; if they are ids, --id_column=id or --columns='*,!id' takes them out"},
				{Options{IDColumn: "id"}, ""},
				{Options{TargetColumn: "id"}, ""},
				{Options{Columns: []string{"id", "month"}}, ""},
				{Options{Columns: []string{"*"}}, ""},
			} {
				o := c.o
				o.Cells = cells
				f, err := OpenLocal(filepath.Join("../../testdata/flights_small." + ext))
				if err != nil {
					t.Fatal(err)
				}
				src, err := Inspect(context.Background(), f, o)
				if err != nil && o.Columns != nil && o.Columns[0] == "*" {
					continue // text that is asked for as numbers
				}
				if err != nil {
					t.Fatal(err)
				}
				if line := TellIDs(IDsWithin(src, &o)); line != c.want {
					t.Errorf("%s, %+v: %q", ext, o, line)
				}
			}
		}
	}
}

// Names of ids, and others that are not.
func TestLikeID(t *testing.T) {
	for name, want := range map[string]bool{
		"id": true, "ID": true, "user_id": true, "Order Id": true, "PassengerId": true, "userID": true, "index": true,
		"Index": true, "idx": true,
		"Unnamed: 0": true, "Unnamed: 0.1": true, "row": true, "rownum": true, "row_no": true, "RowNumber": true,
		"idle": false, "paid": false, "solid": false, "COVID": false, "Unnamed: 1": false, "rows": false,
		"price index": false, "crow": false, "": false,
	} {
		if LikeID(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// Whole numbers are told by how they are written.
func TestWholeIDs(t *testing.T) {
	for data, want := range map[string]string{
		"id,x\n1,2.5\n2,3.5\n":               "id",
		"id,x\n1.5,2\n2,3\n":                 "",
		"id,x\n1.0,2\n2.0,3\n":               "",
		"id,x\n\"-1\",2\n 2 ,3\n":            "id",
		"id,index,x\n1,1,2\n2,2,3\n":         "id",
		"Unnamed: 0,index,x\n1,a,2\n2,b,3\n": "Unnamed: 0",
	} {
		o := Options{}
		src, err := inspectText(data, "f.csv", o)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if ids := IDsWithin(src, &o); len(ids) > 0 {
			got = ids[0].Name
		}
		if got != want {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
	for row, want := range map[string]bool{`{"id":7,"x":1.5}`: true, `{"id":7.5,"x":1}`: false, `{"id":"7","x":1}`: false,
		`{"id":7e2,"x":1}`:                         false,
		"{\"id\":7.5,\"x\":1}\n{\"id\":8,\"x\":1}": false, // a fraction before a whole number
	} {
		for _, o := range []Options{{}, {Cells: true}} {
			src, err := inspectText(row+"\n", "f.jsonl", o)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(IDsWithin(src, &o)) > 0; got != want {
				t.Errorf("%s, %+v: %v", row, o, got)
			}
		}
	}
}
