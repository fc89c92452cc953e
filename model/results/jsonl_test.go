package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// idOf is the id that a decoded value stands for.
func idOf(t *testing.T, v any) vectors.ID {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		i, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return vectors.ID{Int: i}
	case string:
		return vectors.ID{Text: v}
	}
	t.Fatalf("an id is %v", v)
	return vectors.ID{}
}

func readJSONL(t *testing.T, files [][]byte, a *answer, _ shape) {
	t.Helper()
	lines := bufio.NewReader(bytes.NewReader(files[0]))
	for i := range a.neighbors.Len() {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var row struct {
			ID        any        `json:"id"`
			Neighbors []any      `json:"neighbors"`
			Distances []*float64 `json:"distances"`
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		d.DisallowUnknownFields()
		if err := d.Decode(&row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		positions, distances := a.neighbors.Of(i)
		if idOf(t, row.ID) != a.queries[i] || len(row.Neighbors) != len(positions) || len(row.Distances) != len(positions) ||
			row.Neighbors == nil || row.Distances == nil {
			t.Fatalf("query %d: %s", i, line)
		}
		for j, p := range positions {
			if idOf(t, row.Neighbors[j]) != a.points[p] {
				t.Fatalf("query %d, rank %d: %v", i, j+1, row.Neighbors[j])
			}
			if d := row.Distances[j]; d == nil != math.IsInf(distances[j], 0) ||
				d != nil && math.Float64bits(*d) != math.Float64bits(distances[j]) {
				t.Fatalf("query %d, rank %d: %s for %v", i, j+1, line, distances[j])
			}
		}
	}
	if _, err := lines.ReadByte(); err != io.EOF {
		t.Error("lines too many")
	}
}

func TestJSONLBytes(t *testing.T) {
	a := &answer{
		queries: []vectors.ID{{Int: 10}, {Text: "lonely"}},
		points:  []vectors.ID{{Int: -1}, {Text: "<z>\xff"}, {Int: 3}},
		neighbors: &neighbors.Neighbors{Offsets: []int64{0, 3, 3}, Positions: []int32{0, 1, 2},
			Distances: []float64{0, 1e-7, math.Inf(1)}},
	}
	want := `{"id":10,"neighbors":[-1,"<z>\ufffd",3],"distances":[0,1e-07,null]}` + "\n" +
		`{"id":"lonely","neighbors":[],"distances":[]}` + "\n"
	if got := string(a.write(t, jsonlFormat, Layout{}, 1)[0]); got != want {
		t.Errorf("got %s", got)
	}
}

// A text is written as encoding/json writes it.
func FuzzJSONID(f *testing.F) {
	for _, s := range awkward {
		f.Add(s)
	}
	f.Add("\xff\xfe\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return // an integer's mark
		}
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got := appendJSON(nil, vectors.ID{Text: s}); string(got)+"\n" != want.String() {
			t.Fatalf("%q is written %s, by encoding/json %s", s, got, want.Bytes())
		}
	})
}
