package formats

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// readCells reads a whole file as a table, so many rows at a time, and the rows' faults.
func readCells(t testing.TB, name string, o Options, rows int) (Tabular, *vectors.Block, []*fault.Fault, int64) {
	t.Helper()
	ctx := context.Background()
	f, err := OpenLocal(name)
	if err != nil {
		t.Fatal(err)
	}
	o.Cells = true
	src, err := Inspect(ctx, f, o)
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Cells: tables.New(src.(Tabular).Fields())}
	spans, err := Spans(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	var faults []*fault.Fault
	var without int64
	for _, span := range spans {
		r, err := src.Read(ctx, span)
		if err != nil {
			t.Fatal(err)
		}
		for {
			err := r.Read(b, rows)
			if err == io.EOF {
				break
			}
			if f, ok := fault.IsRow(err); ok {
				faults = append(faults, f)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		without += r.(Untargeted).NoTarget()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range b.Cells.Columns {
		if n := b.Cells.Columns[i].Len(); n != b.Len() {
			t.Fatalf("%s: column %s has %d cells of %d rows", name, b.Cells.Columns[i].Name, n, b.Len())
		}
	}
	return src.(Tabular), b, faults, without
}

// plainCell is a cell as pandas writes it to .csv.
func plainCell(c *tables.Column, i int) string {
	switch c.Type {
	case tables.Number:
		if math.IsNaN(c.Numbers[i]) {
			return ""
		}
		return strconv.FormatFloat(c.Numbers[i], 'g', -1, 64)
	case tables.Bool:
		return booleanLabel(c.Numbers[i] != 0)
	case tables.Time:
		if c.Times[i] == tables.NoTime {
			return ""
		}
		return time.UnixMicro(c.Times[i]).UTC().Format("2006-01-02 15:04:05+00:00")
	case tables.List:
		return fmt.Sprint(c.List(i))
	}
	text := string(c.Text(i))
	if v, err := strconv.ParseFloat(text, 64); err == nil && !c.IsQuoted(i) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return text
}

// The same table gives the same cells from every format, whatever is read at a time; rows without a target are left
// out.
func TestTablesOfAllFormats(t *testing.T) {
	t.Parallel()
	o := Options{TargetColumn: "delayed", Labels: true, IDColumn: "id", Columns: []string{"*", "!air_time"}}
	var want [][]string
	for _, ext := range []string{"csv", "jsonl", "parquet", "arrow"} {
		for _, rows := range []int{1, 7, 1000} {
			src, b, faults, without := readCells(t, filepath.Join("../../testdata/flights_small."+ext), o, rows)
			if len(faults) > 0 {
				t.Fatal(ext, faults[0])
			}
			if without != 61 {
				t.Errorf("%s: %d rows without a target, want 61", ext, without)
			}
			if !slices.Equal(src.Columns(), []string{"month", "day", "sched_dep_time", "carrier", "tailnum", "origin", "dest",
				"distance", "time_hour", "gate", "early"}) {
				t.Errorf("%s: columns %q", ext, src.Columns())
			}
			got := make([][]string, b.Len())
			for i := range got {
				got[i] = []string{b.ID(i).String(), b.Labels[i], fmt.Sprint(b.Numbers[i])}
				for c := range b.Cells.Columns {
					got[i] = append(got[i], plainCell(&b.Cells.Columns[c], i))
				}
			}
			if want == nil {
				want = got
			}
			if len(got) != len(want) {
				t.Fatalf("%s: %d rows, want %d", ext, len(got), len(want))
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Fatalf("%s: row %d is\n%q, want\n%q", ext, i, got[i], want[i])
				}
			}
		}
	}
	if len(want) != 410 || want[0][4+2] != "UA" || want[0][11] != "2013-01-01 10:00:00+00:00" || want[0][13] != "True" ||
		want[0][1] != "False" {
		t.Errorf("%d rows, the first %q", len(want), want[0])
	}
}

// The types of the columns are those that the file says.
func TestFieldsOfAllFormats(t *testing.T) {
	t.Parallel()
	for ext, want := range map[string][]tables.Type{
		"csv":     {tables.Cell, tables.Cell, tables.Cell, tables.Cell},
		"jsonl":   {tables.Cell, tables.Cell, tables.Cell, tables.Cell},
		"parquet": {tables.Number, tables.Text, tables.Time, tables.Bool},
		"arrow":   {tables.Number, tables.Text, tables.Time, tables.Bool},
	} {
		src, _, _, _ := readCells(t, "../../testdata/flights_small."+ext,
			Options{Columns: []string{"air_time", "carrier", "time_hour", "early"}}, 100)
		var got []tables.Type
		for _, f := range src.Fields() {
			got = append(got, f.Type)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", ext, got, want)
		}
		if column, holds := src.Other(); ext != "parquet" && ext != "arrow" && column != "air_time" || column == "" ||
			holds == "" {
			t.Errorf("%s: %q, %q is no number", ext, column, holds)
		}
		src, _, _, _ = readCells(t, "../../testdata/flights_small."+ext, Options{Columns: []string{"air_time"}}, 100)
		if column, holds := src.Other(); column != "air_time" || !strings.Contains(holds, "missing cell") {
			t.Errorf("%s: %q %q, want the missing cells of air_time", ext, column, holds)
		}
		src, _, _, _ = readCells(t, "../../testdata/flights_small."+ext, Options{Columns: []string{"month", "early"}}, 100)
		if column, _ := src.Other(); column != "" {
			t.Errorf("%s: %q is taken for no number", ext, column)
		}
	}
}

// write writes a file for a test.
func writeCells(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := io.WriteCloser(f)
	if strings.HasSuffix(name, ".gz") {
		w = gzip.NewWriter(f)
	}
	_, err = io.WriteString(w, text)
	if w != io.WriteCloser(f) {
		err = errors.Join(err, w.Close())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// shown shows all cells of a table, those that are quoted in quotes.
func showCells(b *vectors.Block) [][]string {
	var rows [][]string
	for i := range b.Len() {
		var row []string
		for c := range b.Cells.Columns {
			c := &b.Cells.Columns[c]
			cell := plainCell(c, i)
			if c.IsQuoted(i) {
				cell = strconv.Quote(cell)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

// A fault tells the row's id where that can be read, and rows without a target are kept where that is asked for: in
// every format.
func TestFaultsOfTables(t *testing.T) {
	t.Parallel()
	fields := []arrow.Field{column("id", arrow.PrimitiveTypes.Int64), column("x", arrow.PrimitiveTypes.Float64),
		column("w", arrow.PrimitiveTypes.Float64),
		column("y", arrow.BinaryTypes.String)}
	rows := `[{"id":5,"x":1,"w":1,"y":"a"},{"id":6,"x":1,"w":-1,"y":"a"},{"id":7,"x":2,"w":1,"y":null},{"id":null,"x":1,"w":-1,"y":"b"},
		{"id":0,"x":1,"w":-2,"y":"b"},{"id":8,"x":3,"w":1,"y":"b"}]`
	lines := strings.NewReplacer("[{", "{", "},{", "}\n{", "},\n\t\t{", "}\n{", "}]", "}\n").Replace(rows)
	for name, data := range map[string]string{
		"x.csv": "id,x,w,y\n5,1,1,a\n6,1,-1,a\n7,2,1,\n,1,-1,b\n0,1,-2,b\n8,3,1,b\n", "x.jsonl": lines,
		"x.parquet": parquetOf(t, fields, rows, 4), "x.arrow": arrowOf(t, fields, rows, 4, true),
	} {
		_, b, faults, without := readCells(t, writeCells(t, name, data),
			Options{IDColumn: "id", TargetColumn: "y", WeightColumn: "w", Labels: true, Untargeted: true}, 2)
		var ids []string
		for _, f := range faults {
			ids = append(ids, f.ID)
		}
		if got := fmt.Sprintf("%q %v %q %d", ids, b.IDs.Ints, b.Labels,
			without); got != `["6" "" "0"] [5 7 8] ["a" "" "b"] 1` {
			t.Errorf("%s: got %s", name, got)
		}
		_, b, _, without = readCells(t, writeCells(t, name, data),
			Options{IDColumn: "id", TargetColumn: "y", Labels: true}, 2)
		if got := fmt.Sprint(b.IDs.Ints, without); got != `[5 6 0 8] 1` {
			t.Errorf("%s, without a target left out: got %s", name, got)
		}
	}
	path := writeCells(t, "x.csv", "id,x,y\n5,1,2\n6,1,\n7,2,3\n")
	if _, b, _, _ := readCells(t, path, Options{IDColumn: "id", TargetColumn: "y", Untargeted: true},
		2); fmt.Sprint(b.Target) != "[2 NaN 3]" {
		t.Errorf("targets %v", b.Target)
	}
}

// The fault of a row of numbers tells its id, where that can be read.
func TestIDsOfFaults(t *testing.T) {
	fields := []arrow.Field{column("id", arrow.PrimitiveTypes.Int64), column("x", arrow.PrimitiveTypes.Float64),
		column("z", arrow.PrimitiveTypes.Float64)}
	rows := `[{"id":5,"x":1,"z":1},{"id":6,"x":null,"z":1},{"id":null,"x":null,"z":1},{"id":0,"x":1,"z":"Inf"},{"id":9,"x":1,"z":1}]`
	for name, data := range map[string]string{
		"x.csv":     "id,x,z\n5,1,1\n6,,1\n,,1\n0,1,inf\n9,1,1\n",
		"x.jsonl":   "{\"id\":5,\"x\":1,\"z\":1}\n{\"x\":null,\"id\":6}\n{\"id\":1.5,\"x\":1,\"z\":2}\n{\"z\":1e999,\"id\":0}\n{\"id\":9,\"x\":1,\"z\":1}\n",
		"x.parquet": parquetOf(t, fields, rows, 4), "x.arrow": arrowOf(t, fields, rows, 4, true),
	} {
		f, err := OpenLocal(writeCells(t, name, data))
		if err != nil {
			t.Fatal(err)
		}
		src, err := Inspect(context.Background(), f, Options{IDColumn: "id"})
		if err != nil {
			t.Fatal(err)
		}
		spans, err := Spans(context.Background(), src)
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Read(context.Background(), spans[0])
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		b := &vectors.Block{Dim: 2}
		for err = r.Read(b, 9); err != io.EOF; err = r.Read(b, 9) {
			if f, ok := fault.IsRow(err); ok {
				ids = append(ids, f.ID)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprintf("%q %v", ids, b.IDs.Ints); got != `["6" "" "0"] [5 9]` {
			t.Errorf("%s: got %s", name, got)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Text tables in other dialects, encodings and shapes; and what is wrong with a row.
func TestTextTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, text string
		o                Options
		want             [][]string
		faults           []string
		without          int64
	}{
		{name: "quotes and spaces", file: "a.csv", text: "n,s\n1, a b \n\"2\",\"x, \"\"y\"\"\"\n3,\"\"\n",
			want: [][]string{{"1", " a b "}, {"2", `x, "y"`}, {"3", ""}}},
		{name: "spaces around cells", file: "a.csv", text: "k,n,b\n a,1,True\na , 2 , False\n\" a\",3 ,true\n  ,,\na,NA , \n",
			want: [][]string{{" a", "1", "True"}, {"a ", "2", "False"}, {" a", "3", "true"}, {"", "", ""}, {"a", "NA", ""}}},
		{name: "a decimal comma", file: "a.csv", text: "n;s\n1,5;12.05\n-2;x\n;a,b\n", o: Options{Decimal: ","},
			want: [][]string{{"1.5", `"12.05"`}, {"-2", "x"}, {"", "a,b"}}},
		{name: "thousands", file: "a.csv", text: "n;s\n1.234.567,5;x\n1.5;True\n", o: Options{Thousands: ".", Decimal: ","},
			want: [][]string{{"1.2345675e+06", "x"}, {`"1.5"`, "True"}}},
		{name: "Latin 1", file: "a.csv", text: "s\nM\xfcller\n", o: Options{Encoding: EncodingLatin1},
			want: [][]string{{"Müller"}}},
		{name: "no text", file: "a.csv", text: "s,n\na,1\n\xff,2\nb,3\n", want: [][]string{{"a", "1"}, {"b", "3"}},
			faults: []string{`row 1, column s: found "\xff", expected text in UTF-8`}},
		{name: "too few fields", file: "a.csv", text: "s,n\na,1\nb\nc,3\n", want: [][]string{{"a", "1"}, {"c", "3"}},
			faults: []string{"row 1: found 1 fields, expected 2"}},
		{name: "targets", file: "a.tsv.gz", text: "x\ty\na\t1\nb\t\nc\tNA\nd\tlow\ne\t3\n", o: Options{TargetColumn: "y"},
			want: [][]string{{"a"}, {"e"}}, without: 2, faults: []string{`row 3, column y: found "low", expected a number`}},
		{name: "labels", file: "a.csv", text: "x,y\na,None\nb,\nc,NaN\nd,low\n", o: Options{TargetColumn: "y", Labels: true},
			want: [][]string{{"a"}, {"d"}}, without: 2},
		{name: "no header", file: "a.csv", text: "1,a\n2,b\n", o: Options{Header: HeaderNo},
			want: [][]string{{"1", "a"}, {"2", "b"}}},

		{name: "keys", file: "a.jsonl", text: `{"n":1.50,"s":"12","b":true,"o":{"k":2,"t":"x"}}` + "\n" +
			`{"o":{"t":null},"n":null,"s":""}` + "\n",
			want: [][]string{{"1.5", `"12"`, "True", "2", `"x"`}, {"", `""`, "", "", ""}}},
		{name: "arrays", file: "a.jsonl", text: `{"v":[1,2],"s":"a"}` + "\n" + `{"v":null,"s":"b"}` + "\n" +
			`{"v":[1],"s":"c"}` + "\n", o: Options{Columns: []string{"s", "v"}},
			want: nil, faults: nil},
		{name: "a late key", file: "a.jsonl", text: strings.Repeat(`{"s":"a"}`+"\n", cellsHead) + `{"s":"b","late":1}` +
			"\n" + `{"s":"c","late":null}` + "\n",
			want:   append(slices.Repeat([][]string{{`"a"`}}, cellsHead), []string{`"c"`}),
			faults: []string{"row 1000, column late: found a key that none"}},
		{name: "a late key, columns by name", file: "a.jsonl", text: strings.Repeat(`{"s":"a"}`+"\n", cellsHead) +
			`{"s":"b","late":1}` + "\n", o: Options{Columns: []string{"s"}},
			want: append(slices.Repeat([][]string{{`"a"`}}, cellsHead), []string{`"b"`})},
		{name: "wrong kinds", file: "a.jsonl", text: `{"s":"a","n":1}` + "\n" + `{"s":{"k":1},"n":2}` + "\n" +
			`{"s":"c","n":1,"n":2}` + "\n" + `{"s":[],"n":2}` + "\n" + `{"s":"d"` + "\n" + `{"s":"\ud800"}` + "\n",
			o: Options{Columns: []string{"s", "n"}}, want: nil, faults: nil},
		{name: "labels of JSON", file: "a.jsonl", text: `{"x":"a","y":true}` + "\n" + `{"x":"b","y":null}` + "\n" +
			`{"x":"c"}` + "\n" + `{"x":"d","y":"no"}` + "\n", o: Options{TargetColumn: "y", Labels: true},
			want: [][]string{{`"a"`}, {`"d"`}}, without: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := writeCells(t, c.file, c.text)
			switch c.name {
			case "arrays":
				c.want, c.faults = nil, []string{"numbers, text, or arrays of numbers of one length"}
				f, _ := OpenLocal(path)
				o := c.o
				o.Cells = true
				if _, err := Inspect(context.Background(), f, o); err == nil || !strings.Contains(err.Error(), c.faults[0]) {
					t.Errorf("%v", err)
				}
				return
			case "wrong kinds":
				_, b, faults, _ := readCells(t, path, c.o, 3)
				if b.Len() != 1 || len(faults) != 5 {
					t.Errorf("%d rows, %v", b.Len(), faults)
				}
				for i, want := range []string{"row 1, column s: found an object", "row 2, column n: found the key twice",
					"row 3, column s: found an array", "row 4: found the end", "row 5, column s: found"} {
					if !strings.Contains(faults[i].Error(), want) {
						t.Errorf("%v, want %s", faults[i], want)
					}
				}
				return
			}
			_, b, faults, without := readCells(t, path, c.o, 2)
			if got := showCells(b); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%q, want %q", got[max(0, len(got)-4):], c.want[max(0, len(c.want)-4):])
			}
			if without != c.without || len(faults) != len(c.faults) {
				t.Fatalf("%d without a target, faults %v", without, faults)
			}
			for i := range faults {
				if !strings.Contains(faults[i].Error(), c.faults[i]) {
					t.Errorf("%v, want %s", faults[i], c.faults[i])
				}
			}
		})
	}
}

// Keys of objects within objects are columns too, features and id and target alike; an object itself is none.
func TestTablesDeepObjects(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "deep.jsonl")
	text := `{"u":{"n":"x","g":{"z":1.5,"k":{"id":"007","w":"a"}},"y":{"c":"yes"}},"t":"p"}
{"t":"q","u":{"y":{"c":"no"},"g":{"k":{"w":"b","id":"008"},"z":2}}}
{"u":{"g":{"k":{"id":"009"}},"y":{"c":null}},"t":"r"}
{"u":{"g":{"k":{"id":"010","w":"d"},"z":-3},"y":{"c":"no"}},"t":"s"}
`
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	o := Options{IDColumn: "u.g.k.id", TargetColumn: "u.y.c", Labels: true}
	_, b, faults, without := readCells(t, name, o, 2)
	if len(faults) > 0 || without != 1 || b.Len() != 3 {
		t.Fatalf("%d rows, %d without a target, %v", b.Len(), without, faults)
	}
	got := map[string][]string{}
	for i := range b.Len() {
		got["id"] = append(got["id"], b.ID(i).String())
		for j := range b.Cells.Columns {
			c := &b.Cells.Columns[j]
			got[c.Name] = append(got[c.Name], string(c.Text(i)))
		}
	}
	got["target"] = b.Labels
	want := map[string][]string{"id": {"007", "008", "010"}, "target": {"yes", "no", "no"}, "t": {"p", "q", "s"},
		"u.n": {"x", "", ""}, "u.g.z": {"1.5", "2", "-3"}, "u.g.k.w": {"a", "b", "d"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is only numbers cannot be read as a table, and what cannot be part of one is refused or left out.
func TestTablesRefused(t *testing.T) {
	t.Parallel()
	f, err := OpenLocal("../../testdata/words.npy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(context.Background(), f, Options{Cells: true}); err == nil ||
		!strings.Contains(err.Error(), "a table of named columns") {
		t.Errorf("%v", err)
	}
	if IsTabular("a.npy", "") || !IsTabular("a.csv.gz", "") || !IsTabular("a", "arrow") {
		t.Error("which formats are tables")
	}
}

func FuzzCells(f *testing.F) {
	f.Add([]byte("a,b\n1,x\n,\"y\n\"\n"), false, byte(0))
	f.Add([]byte(`{"a":1,"b":{"c":"x"}}`+"\n"+`{"a":null,"v":[1]}`+"\n"), true, byte(1))
	f.Add([]byte("a;b\n1,5;x\n2;True\n"), false, byte(2))
	f.Fuzz(func(t *testing.T, text []byte, json bool, chunk byte) {
		name := "a.csv"
		if json {
			name = "a.jsonl"
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := OpenLocal(path)
		if err != nil {
			t.Fatal(err)
		}
		src, err := Inspect(context.Background(), file, Options{Cells: true, TargetColumn: "b", Labels: true})
		if err != nil {
			return
		}
		spans, err := Spans(context.Background(), src)
		if err != nil {
			return
		}
		for _, span := range spans {
			r, err := src.Read(context.Background(), span)
			if err != nil {
				t.Fatal(err)
			}
			b := &vectors.Block{Cells: tables.New(src.(Tabular).Fields())}
			var faults int64
			for {
				err := r.Read(b, int(chunk)+1)
				if _, ok := fault.IsRow(err); ok {
					faults++
				} else if err != nil {
					break
				}
			}
			if n := int64(b.Len()) + faults + r.(Untargeted).NoTarget(); n > span.Rows {
				t.Errorf("%d rows of %d", n, span.Rows)
			}
			for c := range b.Cells.Columns {
				if n := b.Cells.Columns[c].Len(); n != b.Len() || len(b.Labels) != n {
					t.Errorf("%d cells, %d labels of %d rows", n, len(b.Labels), b.Len())
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Rows of text without cells are those of the whole file however it is cut; a file that has no middle to begin from is
// not cut.
func TestCutEvenNumbers(t *testing.T) {
	t.Parallel()
	var csv, json, svm, words strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&csv, "%d,%d\n", i, i*i)
		fmt.Fprintf(&json, "{\"vector\":[%d,%d]}\n\n", i, i*i)
		fmt.Fprintf(&svm, "1 1:%d 2:%d\n# \n", i, i*i)
		fmt.Fprintf(&words, "w%d %d %d\n", i, i, i*i)
	}
	for name, text := range map[string]string{"a.csv": csv.String(), "a.jsonl": json.String(), "a.svm": svm.String(),
		"a.vec": words.String(), "a.csv.gz": csv.String(), "a.svm.gz": svm.String()} {
		f, err := OpenLocal(writeCells(t, name, text))
		if err != nil {
			t.Fatal(err)
		}
		src, err := Inspect(t.Context(), f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		counter := src.(Counter)
		var counts []Count
		for _, r := range counter.Ranges(9_000) {
			n, err := counter.Count(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, n)
		}
		spans, err := counter.Resolve(counts)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int64{333, 1024} {
			even := CutEven(src, spans, size)
			if want := (3000 + size - 1) / size; strings.HasSuffix(name, ".gz") && len(even) != 1 ||
				!strings.HasSuffix(name, ".gz") && int64(len(even)) != want {
				t.Errorf("%s: %d spans", name, len(even))
			}
			number := int64(0)
			for _, span := range even {
				b := &vectors.Block{Dim: 2}
				if err := readSpan(t.Context(), src, span, b); err != nil {
					t.Fatal(err)
				}
				for i := range b.Len() {
					if row := b.Row(i, make([]float64, 2)); row[0] != float64(number) || b.Numbers[i] != number {
						t.Fatalf("%s: chunks of %d: row %d is %v, of number %d", name, size, number, row, b.Numbers[i])
					}
					number++
				}
			}
			if number != 3000 {
				t.Errorf("%s: %d rows", name, number)
			}
		}
	}
}

// Rows that are cut evenly are those of the whole file, wherever ranges and marks are.
func TestCutEven(t *testing.T) {
	t.Parallel()
	var csv, json strings.Builder
	csv.WriteString("n,s\n")
	for i := range 3000 {
		text := strings.Repeat("x", i%40)
		if i%13 == 0 {
			text = "\"a\n\"\"b,\""
		}
		fmt.Fprintf(&csv, "%d,%s\n", i, text)
		fmt.Fprintf(&json, "{\"n\":%d,\"s\":%q}\n\n", i, text)
	}
	for _, name := range []string{"a.csv", "a.jsonl", "a.csv.gz"} {
		text := csv.String()
		if strings.Contains(name, "json") {
			text = json.String()
		}
		f, err := OpenLocal(writeCells(t, name, text))
		if err != nil {
			t.Fatal(err)
		}
		src, err := Inspect(t.Context(), f, Options{Cells: true})
		if err != nil {
			t.Fatal(err)
		}
		counter := src.(Counter)
		var counts []Count
		for _, r := range counter.Ranges(20_000) {
			n, err := counter.Count(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, n)
		}
		spans, err := counter.Resolve(counts)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int64{1, 511, 700, 1024, 2999, 5000} {
			number := 0
			if size == 1 {
				spans := CutEven(src, spans, 1)
				for _, at := range []int{0, 511, 512, 513, 1024, 2999} {
					b := &vectors.Block{Cells: tables.New(src.(Tabular).Fields())}
					if err := readSpan(t.Context(), src, spans[at], b); err != nil || b.Len() != 1 || b.Numbers[0] != int64(at) ||
						string(b.Cells.Columns[0].Text(0)) != strconv.Itoa(at) {
						t.Fatalf("%s: row %d: %v, %d rows", name, at, err, b.Len())
					}
				}
				continue
			}
			for _, span := range CutEven(src, spans, size) {
				if span.Skip >= markRows {
					t.Errorf("%s: %d rows to skip", name, span.Skip)
				}
				b := &vectors.Block{Cells: tables.New(src.(Tabular).Fields())}
				if err := readSpan(t.Context(), src, span, b); err != nil {
					t.Fatal(err)
				}
				for i := range b.Len() {
					if string(b.Cells.Columns[0].Text(i)) != strconv.Itoa(number) || b.Numbers[i] != int64(number) {
						t.Fatalf("%s: chunks of %d: row %d is %q", name, size, number, b.Cells.Columns[0].Text(i))
					}
					number++
				}
			}
			if number != 3000 {
				t.Errorf("%s: chunks of %d: %d rows", name, size, number)
			}
		}
	}
}

// The rows of a span are those of the whole file, wherever in a row group, a batch or a page it begins.
func TestTablesFromTheMiddle(t *testing.T) {
	t.Parallel()
	for _, ext := range []string{"parquet", "arrow"} {
		_, whole, _, _ := readCells(t, "../../testdata/flights_small."+ext, Options{IDColumn: "id"}, 1000)
		want := showCells(whole)
		f, err := OpenLocal("../../testdata/flights_small." + ext)
		if err != nil {
			t.Fatal(err)
		}
		src, err := Inspect(t.Context(), f, Options{IDColumn: "id", Cells: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, first := range []int64{1, 2, 7, 100, 199, 200, 249, 250, 251, 400, 470} {
			b := &vectors.Block{Cells: tables.New(src.(Tabular).Fields())}
			if err := readSpan(t.Context(), src, Span{First: first, Rows: min(60, src.Rows()-first)}, b); err != nil {
				t.Fatal(err)
			}
			for i, row := range showCells(b) {
				if at := int(first) + i; !slices.Equal(row, want[at]) || b.ID(i) != whole.ID(at) || b.Numbers[i] != int64(at) {
					t.Fatalf("%s: row %d, read from %d on, is\n%q, want\n%q", ext, at, first, row, want[at])
				}
			}
		}
	}
}

// A damaged file is a fault, and never a panic, or more rows than it has.
func TestTablesDamaged(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads a file hundreds of times")
	}
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, ext := range []string{"parquet", "arrow"} {
		whole, err := os.ReadFile("../../testdata/flights_small." + ext)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "x."+ext)
		for range 150 {
			b := slices.Clone(whole)
			for range 1 + rng.IntN(3) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := OpenLocal(path)
			if err != nil {
				t.Fatal(err)
			}
			src, err := Inspect(t.Context(), f, Options{Cells: true, TargetColumn: "delayed", Labels: true})
			if err != nil {
				continue
			}
			fields := src.(Tabular).Fields()
			for _, first := range []int64{0, min(300, src.Rows())} {
				r, err := src.Read(t.Context(), Span{First: first, Rows: src.Rows() - first})
				if err != nil {
					continue
				}
				rows := &vectors.Block{Cells: tables.New(fields)}
				for err == nil {
					err = r.Read(rows, 100)
					if _, ok := fault.IsRow(err); ok {
						err = nil
					}
				}
				var known *fault.Fault
				if err != io.EOF && !errors.As(err, &known) {
					t.Errorf("%s: %v", ext, err)
				}
				if int64(rows.Len()) > src.Rows() {
					t.Errorf("%s: %d rows of %d", ext, rows.Len(), src.Rows())
				}
				if err := r.Close(); err != nil && !errors.As(err, &known) {
					t.Errorf("%s: %v", ext, err)
				}
			}
		}
	}
}
