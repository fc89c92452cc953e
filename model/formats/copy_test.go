package formats

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"beamlearn/model/vectors"
)

// filled reads a file in which numbers are missing, puts 7.5 for each of them, and copies all rows, some at a time.
func filled(t *testing.T, name, data string, o Options, some int) (string, error) {
	t.Helper()
	o.Missing, o.DType = true, vectors.Float64
	src, err := inspectText(data, name, o)
	if err != nil {
		return "", err
	}
	how, err := Copies(t.Context(), []Source{src}, true)
	if err != nil {
		return "", err
	}
	span := Span{Rows: src.Rows()}
	if c, ok := src.(Counter); ok {
		counts := []Count{}
		for _, r := range c.Ranges(1 << 20) {
			n, err := c.Count(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, n)
		}
		spans, err := c.Resolve(counts)
		if err != nil || len(spans) != 1 {
			t.Fatalf("%v, %v", spans, err)
		}
		span = spans[0]
	}
	rows, err := src.Read(t.Context(), span)
	if err != nil {
		t.Fatal(err)
	}
	copies, err := Copy(t.Context(), src, how, span)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(how.Head)
	b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64, Missing: true}
	for {
		b.Reset()
		if err := rows.Read(b, some); err == io.EOF {
			break
		} else if err != nil {
			return "", err
		}
		var cells []CopiedCell
		for i, v := range b.F64 {
			if v != v {
				cells = append(cells, CopiedCell{Row: i / b.Dim, Column: i % b.Dim, Value: 7.5})
			}
		}
		if out, err = copies.Append(out, b.Numbers, cells); err != nil {
			return "", err
		}
	}
	if err := copies.Close(); err != nil {
		t.Fatal(err)
	}
	return string(out), rows.Close()
}

// Rows are copied as they stand, but for the numbers that are missing, by whatever word.
func TestCopyText(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"a.csv", "x,name,zip,y\n1,\"a, \"\"b\"\"\",007,\n,\"\",008,2.50\nNA,n,009, null \n4,,010,5e0\r\n",
			"x,name,zip,y\n1,\"a, \"\"b\"\"\",007,7.5\n7.5,\"\",008,2.50\n7.5,n,009,7.5\n4,,010,5e0\n"},
		{"q.csv", "x,y\n\"1\",\"\"\n\"\",2\n", "x,y\n\"1\",7.5\n7.5,2\n"},
		{"s.csv", "x;y\n1,5;\n;2,5\n3,5;1\n", "x;y\n1,5;7,5\n7,5;2,5\n3,5;1\n"},
		{"n.csv", "1,2\n,3\n4,\n", "1,2\n7.5,3\n4,7.5\n"},
		{"a.tsv", "x\tt\n1\ta b\n\tc\n", "x\tt\n1\ta b\n7.5\tc\n"},
		{
			"a.jsonl",
			"{\"x\": null, \"t\": \"a\", \"y\": 1}\n{\"y\":NaN,\"t\":null , \"x\":1.50}\n\n{}\n{ \"t\": {\"x\": null, \"z\": " +
				"[1, null]}}\n{\"x\":2,\"y\":3,\"more\":\"a\"}\n",
			"{\"x\": 7.5, \"t\": \"a\", \"y\": 1}\n{\"y\":7.5,\"t\":null , \"x\":1.50}\n{\"x\":7.5,\"y\":7.5}\n{ \"t\": " +
				"{\"x\": null, \"z\": [1, null]},\"x\":7.5,\"y\":7.5}\n{\"x\":2,\"y\":3,\"more\":\"a\"}\n",
		},
	} {
		for _, some := range []int{1, 2, 100} {
			o := Options{}
			if c.name == "a.csv" {
				o.Columns = []string{"x", "y"}
			}
			if got, err := filled(t, c.name, c.data, o, some); err != nil || got != c.want {
				t.Errorf("%s, %d at a time: %v\n%s\nexpected\n%s", c.name, some, err, got, c.want)
			}
		}
	}
}

// Text and booleans are left out where no column is named, but by a glob or as what to leave out; and is at fault where
// one is.
func TestMissingColumns(t *testing.T) {
	csv := "x,t,y,b\n,a,1,True\n2,b,1,\n"
	jsonl := "{\"x\":null,\"t\":\"a\",\"y\":1,\"b\":null}\n{\"x\":2,\"t\":\"\",\"y\":1,\"b\":true}\n"
	for _, c := range []struct{ name, data, want string }{
		{"a.csv", csv, "x,t,y,b\n7.5,a,1,True\n2,b,1,\n"},
		{"a.jsonl", jsonl, "{\"x\":7.5,\"t\":\"a\",\"y\":1,\"b\":null}\n{\"x\":2,\"t\":\"\",\"y\":1,\"b\":true}\n"},
	} {
		for _, columns := range [][]string{nil, {"*", "!y"}, {"!y"}, {"*"}, {"x"}} {
			if got, err := filled(t, c.name, c.data, Options{Columns: columns}, 9); err != nil || got != c.want {
				t.Errorf("%s, %q: %v\n%s", c.name, columns, err, got)
			}
		}
		if got, err := filled(t, c.name, c.data, Options{Columns: []string{"x", "t"}}, 9); err == nil ||
			!strings.Contains(err.Error(), "column t") && !strings.Contains(err.Error(), "t: found") {
			t.Errorf("%s: %v, %q", c.name, err, got)
		}
	}
}

// Keys within objects are filled where they are, and a fault where they are not.
func TestCopyWithin(t *testing.T) {
	o := Options{Columns: []string{"a.b", "c"}}
	got, err := filled(t, "a.jsonl", "{\"a\":{\"b\":1,\"d\":2},\"c\":3}\n{\"a\":{\"b\":null},\"c\":null}\n", o, 9)
	if want := "{\"a\":{\"b\":1,\"d\":2},\"c\":3}\n{\"a\":{\"b\":7.5},\"c\":7.5}\n"; err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	_, err = filled(t, "a.jsonl", "{\"a\":{\"b\":1},\"c\":3}\n{\"a\":{},\"c\":3}\n", o, 9)
	if err == nil || !strings.Contains(err.Error(), "row 1") || !strings.Contains(err.Error(), "a.b") {
		t.Error(err)
	}
}

// What is neither a number nor missing is a fault that names its place, as are infinities, and lists.
func TestMissingFaults(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"a.csv", "x,y\n1,\n2,3\n,inf\n", "row 2, column y: found \"inf\""},
		{"a.csv", "x,y\n1,\n2,3\n4,?5\n", "row 2, column y: found \"?5\""},
		{"a.jsonl", "{\"x\":1,\"y\":null}\n{\"x\":\"a\",\"y\":2}\n", "row 1, column x: found the string \"a\""},
		{"a.csv", "v\n\"[1, 2]\"\n", "vectors, in the column v"},
		{"a.jsonl", "{\"v\":[1,2]}\n", "vectors, in the column v"},
	} {
		if got, err := filled(t, c.name, c.data, Options{}, 9); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v, expected %s", c.name, got, err, c.want)
		}
	}
}

// Numbers of .npy keep their type, their order of bytes and, of an array of one dimension, their shape; the order of
// Fortran becomes that of C.
func TestCopyNPY(t *testing.T) {
	nan := float32(math.NaN())
	want := []float32{1, 7.5, 3, 4, 7.5, 6}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		descr := "<f4"
		if order == binary.BigEndian {
			descr = ">f4"
		}
		fortran := npyOf("{'descr': '"+descr+"', 'fortran_order': True, 'shape': (3, 2), }\n",
			encoded(order, []float32{1, 3, nan, nan, 4, 6}))
		for _, data := range []string{
			npyArray(descr, "(3, 2)", encoded(order, []float32{1, nan, 3, 4, nan, 6})),
			npyArray(descr, "(6,)", encoded(order, []float32{1, nan, 3, 4, nan, 6})), fortran,
		} {
			for _, some := range []int{1, 2, 100} {
				got, err := filled(t, "a.npy", data, Options{}, some)
				if err != nil || got != string(encoded(order, want)) {
					t.Errorf("%s, %d at a time: %v, %q", descr, some, err, got)
				}
			}
		}
	}
	halves := npyArray("<f2", "(2,)", []byte{0, 0x3c, 0, 0x7e})
	if got, err := filled(t, "a.npy", halves, Options{}, 9); err != nil || got != "\x00\x3c\x80\x47" {
		t.Errorf("%v, %q", err, got)
	}
}

// Columns of .parquet stay what they are, but for those of whole numbers and booleans that lack some, which become
// double; rows of several groups, from any on.
func TestCopyParquet(t *testing.T) {
	fields := []arrow.Field{
		column("x", arrow.PrimitiveTypes.Float32), column("n", arrow.PrimitiveTypes.Int64),
		column("whole", arrow.PrimitiveTypes.Int64),
		column("t", arrow.BinaryTypes.String), column("when", arrow.FixedWidthTypes.Timestamp_ns),
		column("l", arrow.ListOf(arrow.PrimitiveTypes.Int32)),
		column("b", arrow.FixedWidthTypes.Boolean),
	}
	data := parquetOf(t, fields, `[
		{"x":1.5,"n":null,"whole":9007199254740993,"t":"a","when":"2020-01-01T00:00:00.000000001Z","l":[1,2],"b":true},
		{"x":null,"n":3,"whole":2,"t":null,"when":null,"l":null,"b":null},
		{"x":2,"n":null,"whole":3,"t":"c","when":"2020-01-01T00:00:00Z","l":[],"b":false}]`, 2)
	o := Options{Columns: []string{"x", "n", "whole", "b"}}
	for _, some := range []int{1, 2, 100} {
		got, err := filled(t, "a.parquet", data, o, some)
		if err != nil {
			t.Fatal(err)
		}
		var text []string
		for in := bytes.NewReader([]byte(got)); in.Len() > 0; {
			r, err := ipc.NewReader(in)
			if err != nil {
				t.Fatal(err)
			}
			for r.Next() {
				for i := range int(r.RecordBatch().NumRows()) {
					row := ""
					for _, c := range r.RecordBatch().Columns() {
						row += c.ValueStr(i) + "|"
					}
					text = append(text, row)
				}
			}
			if r.Schema().Field(1).Type != arrow.PrimitiveTypes.Float64 ||
				r.Schema().Field(2).Type != arrow.PrimitiveTypes.Int64 {
				t.Fatal(r.Schema())
			}
		}
		want := "1.5|7.5|9007199254740993|a|2020-01-01T00:00:00.000000001Z|[1,2]|1|\n7.5|3|2|(null)|(null)|(null)|7.5|\n2|7.5|3|c|2020-01-01T00:00:00Z|[]|0|"
		if got := strings.Join(text, "\n"); got != want {
			t.Errorf("%d at a time:\n%s\nexpected\n%s", some, got, want)
		}
	}
}

// Numbers that would change as their column becomes double are a fault, unless the column is left out; durations are
// one at once; categories of bytes stay bytes.
func TestCopyParquetFaults(t *testing.T) {
	decimals := &arrow.Decimal128Type{Precision: 30, Scale: 2}
	fields := []arrow.Field{
		column("x", arrow.PrimitiveTypes.Float64), column("n", arrow.PrimitiveTypes.Int64),
		column("u", arrow.PrimitiveTypes.Uint64),
		column("d", decimals),
	}
	data := parquetOf(t, fields, `[
		{"x":1,"n":-9007199254740992,"u":null,"d":"123456789012.50"},
		{"x":null,"n":9007199254740993,"u":18446744073709551615,"d":null},
		{"x":null,"n":null,"u":7,"d":"123456789012345678.25"}]`, 1)
	for column, want := range map[string]string{
		"n": "a.parquet: row 1, column n: found 9007199254740993, expected a number that double holds",
		"u": "a.parquet: row 1, column u: found 18446744073709551615, expected a number that double holds",
		"d": "a.parquet: row 2, column d: found 123456789012345678.25, expected a number that double holds",
	} {
		if _, err := filled(t, "a.parquet", data, Options{Columns: []string{"x", column}}, 2); err == nil ||
			!strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, expected %s", err, want)
		}
	}
	if _, err := filled(t, "a.parquet", data, Options{Columns: []string{"x"}}, 2); err != nil {
		t.Error(err)
	}
	table := func(name string) string {
		b, err := os.ReadFile("testdata/tables/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	_, err := filled(t, "a.parquet", table("durations.parquet"), Options{Columns: []string{"x"}}, 2)
	if err == nil || !strings.HasPrefix(err.Error(), "a.parquet, column t: found durations, expected") {
		t.Error(err)
	}
	if _, err := filled(t, "a.parquet", table("bytes.parquet"), Options{Columns: []string{"x"}}, 2); err != nil {
		t.Error(err)
	}
}

// Files follow each other where their rows stand alike, and are at fault otherwise.
func TestCopies(t *testing.T) {
	open := func(name, data string) Source {
		src, err := inspectText(data, name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	csv := open("a.csv", "x,y\n1,2\n")
	for _, other := range []Source{open("b.csv", "y,x\n1,2\n"), open("b.tsv", "x\ty\n1\t2\n"),
		open("b.jsonl", "{\"x\":1,\"y\":2}\n")} {
		if _, err := Copies(t.Context(), []Source{csv, other}, true); err == nil ||
			!strings.Contains(err.Error(), "can follow those of") {
			t.Error(err)
		}
	}
	if c, err := Copies(t.Context(), []Source{csv, open("b.csv", "x,y\n3,4\n")}, true); err != nil ||
		string(c.Head) != "x,y\n" {
		t.Error(c, err)
	}
	if _, err := Copies(t.Context(), []Source{open("a.svm", "1 1:2\n")}, true); err == nil ||
		!strings.Contains(err.Error(), ".csv .tsv .jsonl .npy .parquet") {
		t.Error(err)
	}
}
