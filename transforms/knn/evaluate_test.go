package knn

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
)

// Lists of Parquet that hold ids are taken as they are, and what is no id, or no list of them, is a fault with its row.
func TestFoundLists(t *testing.T) {
	t.Parallel()
	integer, text := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	for _, c := range []struct {
		id, neighbors arrow.DataType
		rows, want    string
	}{
		{integer, arrow.ListOf(integer), `[{"id":7,"neighbors":[1,2]},{"id":8,"neighbors":[]}]`, "7:1,2 8:."},
		{text, arrow.LargeListOf(text), `[{"id":"a","neighbors":["b","3"]}]`, "a:b,3."},
		{integer, arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Uint32), `[{"id":1,"neighbors":[4,5]}]`, "1:4,5."},
		{integer, arrow.ListOf(integer), `[{"id":1,"neighbors":[2]},{"id":null,"neighbors":[2]}]`,
			"row 1, column id: found null"},
		{integer, arrow.ListOf(integer), `[{"id":1,"neighbors":null}]`, "row 0, column neighbors: found null"},
		{integer, arrow.ListOf(integer), `[{"id":1,"neighbors":[2,null]}]`, "a null in the list"},
		{integer, arrow.ListOf(arrow.PrimitiveTypes.Float64), `[{"id":1,"neighbors":[2]}]`, "expected lists of ids"},
		{integer, integer, `[{"id":1,"neighbors":2}]`, "expected lists of ids"},
		{arrow.BinaryTypes.Binary, arrow.ListOf(integer), `[{"id":"AAE=","neighbors":[2]}]`, "expected ids"},
	} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: c.id, Nullable: true},
			{Name: "neighbors", Type: c.neighbors, Nullable: true}}, nil)
		record, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader(c.rows))
		if err != nil {
			t.Fatal(err)
		}
		p := &foundPart{file: "o.parquet"}
		got := ""
		if err := p.addRecord(record); err != nil {
			got = err.Error()
		} else {
			got = lists(p) + "."
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.rows, got, c.want)
		}
	}
}

// lists are the neighbours of each query, as text.
func lists(p *foundPart) string {
	var rows []string
	for i := range p.answers.IDs.Len() {
		var ids []string
		for j := p.answers.Offsets[i]; j < p.answers.Offsets[i+1]; j++ {
			ids = append(ids, p.answers.NeighborIDs.At(int(j)).String())
		}
		rows = append(rows, fmt.Sprintf("%s:%s", p.answers.IDs.At(i), strings.Join(ids, ",")))
	}
	return strings.Join(rows, " ")
}

// What is taken for a list of ids in JSON is one: its ids come back from the same list written anew.
func FuzzJSONIDs(f *testing.F) {
	for _, s := range []string{`["a","b"]`, `[1,-2]`, `[]`, `["1",2]`, `[1.5]`, `[1e3]`, `[null]`, `[[1]]`, `[1]2`, `{`, `null`,
		``, `[99999999999999999999]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := jsonIDs(text)
		if err != nil {
			return
		}
		again := "["
		for i, id := range list {
			if i > 0 {
				again += ","
			}
			if id.IsInt() {
				again += id.String()
			} else {
				again += mustJSON(t, id.Text)
			}
		}
		got, err := jsonIDs(again + "]")
		if err != nil || fmt.Sprint(got) != fmt.Sprint(list) {
			t.Fatalf("%q: %v, again %v, %v", text, list, got, err)
		}
	})
}

func mustJSON(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
