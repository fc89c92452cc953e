package results

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

func readCSV(t *testing.T, files [][]byte, a *answer, _ shape) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(files[0])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "query_id,rank,neighbor_id,distance" {
		t.Errorf("header %s", got)
	}
	rows = rows[1:]
	for i := range a.neighbors.Len() {
		positions, distances := a.neighbors.Of(i)
		for j, p := range positions {
			if len(rows) == 0 {
				t.Fatalf("the file ends before query %d", i)
			}
			r := rows[0]
			rows = rows[1:]
			if r[0] != a.queries[i].String() || r[1] != strconv.Itoa(j+1) || r[2] != a.points[p].String() {
				t.Fatalf("query %d, rank %d: found %q", i, j+1, r)
			}
			if d, err := strconv.ParseFloat(r[3], 64); err != nil || math.Float64bits(d) != math.Float64bits(distances[j]) {
				t.Fatalf("query %d, rank %d: found %s for %v", i, j+1, r[3], distances[j])
			}
		}
	}
	if len(rows) > 0 {
		t.Errorf("%d lines too many", len(rows))
	}
}

func TestCSVBytes(t *testing.T) {
	a := &answer{
		queries: []vectors.ID{{Int: 10}, {Text: "lonely"}, {Text: `x,"y"`}},
		points:  []vectors.ID{{Int: -1}, {Text: " z"}},
		neighbors: &neighbors.Neighbors{Offsets: []int64{0, 2, 2, 3}, Positions: []int32{0, 1, 1},
			Distances: []float64{0, 10.677078252031311, math.Inf(1)}},
	}
	want := "query_id,rank,neighbor_id,distance\n10,1,-1,0\n10,2,\" z\",10.677078252031311\n\"x,\"\"y\"\"\",1,\" z\",inf\n"
	if got := string(a.write(t, csvFormat, Layout{}, 1)[0]); got != want {
		t.Errorf("got %s", got)
	}
}

// What RFC 4180 quotes is quoted wherever it stands, a lone carriage return too, at which some readers end a line.
func TestCSVQuotes(t *testing.T) {
	for _, special := range []string{",", "\r", "\n", "\r\n"} {
		for _, s := range []string{special, special + "b", "a" + special, "a" + special + "b"} {
			if got := string(appendCSVText(nil, s)); got != `"`+s+`"` {
				t.Errorf("%q is written %q", s, got)
			}
		}
	}
}

func TestAppendFloat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -2.5: "-2.5", 0.1: "0.1", 0.0001: "0.0001", 0.00001: "1e-05",
		1.1102230246251565e-16: "1.1102230246251565e-16",
		1234567.5:              "1234567.5", 1e20: "100000000000000000000", 1e21: "1e+21", 5e-324: "5e-324",
		math.MaxFloat64: "1.7976931348623157e+308", math.Inf(1): "inf", math.Inf(-1): "-inf",
	} {
		if got := string(appendFloat(nil, v)); got != want {
			t.Errorf("%v is written %s", v, got)
		}
	}
	if got := string(appendFloat(nil, math.Copysign(0, -1))); got != "-0" {
		t.Errorf("-0 is written %s", got)
	}
	if got := string(appendFloat(nil, math.NaN())); got != "nan" {
		t.Errorf("NaN is written %s", got)
	}
}

// Any id reads back as a field of a record, at either place. (The reader turns \r\n into \n; the file has what it
// should.)
func FuzzCSVID(f *testing.F) {
	for _, s := range awkward {
		f.Add(s)
	}
	f.Add("\r\n")
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return // an integer's mark
		}
		line := appendCSV(nil, vectors.ID{Text: s})
		line = append(appendCSV(append(line, ','), vectors.ID{Text: s}), '\n')
		rows, err := csv.NewReader(bytes.NewReader(line)).ReadAll()
		want := strings.ReplaceAll(s, "\r\n", "\n")
		if err != nil || len(rows) != 1 || len(rows[0]) != 2 || rows[0][0] != want || rows[0][1] != want {
			t.Fatalf("%q is written %q, and read %q (%v)", s, line, rows, err)
		}
	})
}
