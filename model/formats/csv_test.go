package formats

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/formats/internal/delimited"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

func TestCSV(t *testing.T) {
	row := func(rows ...string) (list []read) {
		for i, r := range rows {
			list = append(list, read{int64(i), strings.Replace(r, "fault: ", fmt.Sprintf("fault: f.csv: row %d", i), 1)})
		}
		return list
	}
	for _, c := range []struct {
		name, data string
		options    Options
		want       []read
	}{
		{"header", "a,b\n1,2\n3,4\n", Options{}, row("[1 2]", "[3 4]")},
		{"no header", "1,2\n3,4\n", Options{}, row("[1 2]", "[3 4]")},
		{"text above a number", "a,2\n3,4\n", Options{}, row("[3 4]")},
		{"neither is NaN", "nan,nan\n3,4\n", Options{}, row(`fault: , column 0: found "nan", expected a finite number`,
			"[3 4]")},
		{"nor nothing", ",\n3,4\n", Options{}, row(`fault: , column 0: found an empty field, expected a number`, "[3 4]")},
		{"a name may be missing", "b,\n3,4\n", Options{}, row("[3 4]")},
		{"the first without a name is the row index", ",b\n3,4\n", Options{}, row("[4]")},
		{"header yes", "1,2\n3,4\n", Options{Header: HeaderYes, Columns: []string{"2"}}, row("[4]")},
		{"header no", "a,b\n3,4\n", Options{Header: HeaderNo},
			row(`fault: , column 0: found "a", expected a number`, "[3 4]")},
		{"byte order mark", "\uFEFFa,b\n1,2\n", Options{Columns: []string{"a"}}, row("[1]")},
		{"byte order mark and numbers", "\uFEFF1,2\n", Options{}, row("[1 2]")},
		{"quoted header", "\"a\n,\"\"b\",c\n1,2\n", Options{Columns: []string{"a\n,\"b"}}, row("[1]")},
		{"no last line end", "1,2\n3,4", Options{}, row("[1 2]", "[3 4]")},
		{"CRLF", "a,b\r\n1,2\r\n3,4\r\n", Options{}, row("[1 2]", "[3 4]")},
		{"CR at the end", "1,2\r\n3,4\r", Options{}, row("[1 2]", "[3 4]")},
		{"CR alone ends no line", "1,2\r3,4\n", Options{},
			row(`fault: , column 1: found "2\r3", expected a number: a CR alone ends no line`)},
		{"empty lines", "\n\r\na,b\n\n\n1,2\n\r\n3,4\n\n\r\n\n", Options{}, row("[1 2]", "[3 4]")},
		{"a line of spaces is no row", " \n1\n  \n2\n  ", Options{}, row("[1]", "[2]")},
		{"a line of spaces between fields is a row", "1 2\n \n2 3\n", Options{Delimiter: "space"},
			row("[1 2]", "fault: , column 0: found an empty field, expected a number", "[2 3]")},
		{"a line of spaces before a header", "  \na,b\n1,2\n", Options{Columns: []string{"b"}}, row("[2]")},
		{"spaces", " 1 ,\t2\n3  ,  4\t \n", Options{}, row("[1 2]", "[3 4]")},
		{"syntax", "+1,-.5e+3,2.,00.1\n1e-400,-0,1E2,9007199254740993\n", Options{},
			row("[1 -500 2 0.1]", "[0 -0 100 9.007199254740992e+15]")},
		{"quotes", "\"1\",\" 2\"\n\"3\",4\n5,\"6\"\r\n\"\",7\n", Options{},
			row("[1 2]", "[3 4]", "[5 6]", `fault: , column 0: found an empty field, expected a number`)},
		{"ids", "id,x\n\"a,\"\"b\"\"\nc\",1\n 7,2\n007,3\n-7,4\n\"8\",5\n9223372036854775808,6\n\"\",7\n,8\n",
			Options{IDColumn: "id"},
			row("[1] \"a,\\\"b\\\"\\nc\"", `[2] " 7"`, `[3] "007"`, `[4] "-7"`, `[5] "8"`, `[6] "9223372036854775808"`,
				`fault: , column id: found an empty field, expected an id`,
				`fault: , column id: found an empty field, expected an id`)},
		{"id by index", "1,a\n2,b\n", Options{IDColumn: "1"}, row(`[1] "a"`, `[2] "b"`)},
		{"id as a value", "7,2\n8,4\n", Options{IDColumn: "0", Columns: []string{"1", "0"}}, row(`[2 7] "7"`, `[4 8] "8"`)},
		{"columns", "id,p_1,q,p_2\nx,1,2,3\n\"y\",4,5,6\n", Options{Columns: []string{"p_*", "2"}},
			row("[1 3 2]", "[4 6 5]")},
		{"range, others are any text", "1,x,2,3,\"\n\"\n4,,5,6,\n", Options{Columns: []string{"2-3", "0"}},
			row("[2 3 1]", "[5 6 4]")},
		{"ragged", "1,2\n3\n4,5,6\n7,8\n", Options{},
			row("[1 2]", "fault: : found 1 fields, expected 2", "fault: : found 3 fields, expected 2", "[7 8]")},
		{"ragged before no number", "1,2\nx,3,4\n", Options{}, row("[1 2]", "fault: : found 3 fields, expected 2")},
		{"faults", "a,b\n1,x\n1,\nNaN,2\n1e999,3\n4,5\n", Options{},
			row(`fault: , column b: found "x", expected a number`, `fault: , column b: found an empty field, expected a number`,
				`fault: , column a: found "NaN", expected a finite number`,
				`fault: , column a: found "1e999", expected a finite float64`, "[4 5]")},
		{"float32", "1,2\n\"3\",-1e39\n", Options{DType: vectors.Float32}, row("[1 2]", "[3 -1e+39]")}, // as the block has it
		{"a quote within a field", "a,b\n1,2\n5\" pipe,3\n4,5\"\n6,7\n", Options{},
			row("[1 2]", `fault: , column a: found "5\" pipe", expected a number`,
				`fault: , column b: found "5\"", expected a number`, "[6 7]")},
		{"a quote within an id", "a,b\n5\" pipe,3\n4\"x\"\"y,\"5\"\n\"6,\n7\",7\n", Options{IDColumn: "a"},
			row(`[3] "5\" pipe"`, `[5] "4\"x\"\"y"`, `[7] "6,\n7"`)},
		{"text after a quote", "1,2\n\"3\"4,5\n\"6\" ,7\n8, \"9\"\n1,2\n", Options{},
			row("[1 2]",
				`fault: , column 0: found "\"3\"4,5", expected quotes around all of a field, and those inside it doubled; or --quoting=none`,
				`fault: , column 0: found "\"6\" ,7", expected quotes around all of a field, and those inside it doubled; or --quoting=none`,
				`fault: , column 1: found " \"9\"", expected quotes around all of a field, and those inside it doubled; or --quoting=none`, "[1 2]")},
		{"a row at fault ends with its line", "1,2\n\"3\"\",\n\"4\"x\",\"\n5,6\n", Options{},
			row("[1 2]",
				`fault: , column 0: found "\"3\"\",\n\"4\"x\",\"", expected quotes around all of a field, and those inside it doubled; or --quoting=none`, "[5 6]")},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, err := inspectText(c.data, "f.csv", c.options)
			if err != nil {
				t.Fatal(err)
			}
			got, err := checkCuts(t, src, len(c.data), manySizes(len(c.data))...)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %v, %v\nwant %v", got, err, c.want)
			}
			if strings.ContainsRune(c.data, '\t') {
				return
			}
			o := c.options
			tabs, err := inspectText(strings.ReplaceAll(c.data, ",", "\t"), "f.tsv", o)
			if strings.Contains(c.name, "quoted header") {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := checkCuts(t, tabs, len(c.data), 1, 2, 7); err != nil || len(got) != len(c.want) {
				t.Errorf("with tabs: %v, %v", got, err)
			}
		})
	}
}

func TestCSVFloat32(t *testing.T) {
	src, err := inspectText("a,b\n1,2\n\"3\",-1e39\n4,1e39\n5,6\n", "f.csv",
		Options{Columns: []string{"b"}, DType: vectors.Float32})
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Read(context.Background(), Span{Rows: 4, Offset: 4})
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: 1, DType: vectors.Float32}
	for _, want := range []string{
		`f.csv: row 1, column b: found "-1e39", expected a finite float32`,
		`f.csv: row 2, column b: found "1e39", expected a finite float32`, "<nil>", "EOF", "EOF",
	} {
		if err := r.Read(b, 10); fmt.Sprint(err) != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
	if !reflect.DeepEqual(b.F32, []float32{2, 6}) || !reflect.DeepEqual(b.Numbers, []int64{0, 3}) {
		t.Errorf("%v of rows %v", b.F32, b.Numbers)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestCSVInspectFaults(t *testing.T) {
	for _, c := range []struct {
		data    string
		options Options
		want    string
	}{
		{"a,b\n", Options{}, `f.csv: found a header and no rows, expected rows of data`},
		{"a,b\n", Options{Columns: []string{"c"}}, `f.csv: found the columns "a", "b", expected a column "c"`},
		{"1,2\n", Options{Columns: []string{"c"}},
			`f.csv: found 2 columns without names: they go by their index, from 0, expected a column "c"`},
		{"1,2\n", Options{Columns: []string{"1-2"}},
			`f.csv: found 2 columns without names: they go by their index, from 0, expected a column "1-2"`},
		{"a,b\n", Options{IDColumn: "id"}, `f.csv: found the columns "a", "b", expected the id column "id"`},
		{"a\n", Options{IDColumn: "a"}, `f.csv: found none but the id, expected at least one column for the vector`},
		{"a,b,a\n", Options{Columns: []string{"a"}},
			`f.csv: found 2 columns "a", expected one column of that name, or its index`},
		{"a,b,a\n", Options{IDColumn: "a"}, `f.csv: found 2 columns "a", expected one column of that name, or its index`},
		{"a,b\n", Options{Columns: []string{"a", "0-1"}},
			`f.csv: found the column a in both "a" and "0-1" of the columns asked for, expected each column once`},
		{"a,b\n", Options{Header: "maybe"}, `header "maybe": must be auto, yes or no`},
		{" \"a\",c\n1,2\n", Options{},
			`f.csv: found " \"a\"" in the first row, expected quotes around all of a field, and those inside it doubled; or --quoting=none`},
		{"a,\"b\n1,2\n", Options{},
			`f.csv: found a quote that opens in the first row, and then the end of the file, expected the quote that closes it, or --quoting=none`},
		{strings.Repeat(",", maxColumns), Options{}, `f.csv: found 1048577 columns, expected at most 1048576 columns`},
	} {
		_, err := inspectText(c.data, "f.csv", c.options)
		if err == nil || err.Error() != c.want {
			t.Errorf("%.20q: %v\nnot %s", c.data, err, c.want)
		}
		if _, ok := fault.IsRow(err); ok {
			t.Errorf("%.20q: the fault of a row", c.data)
		}
	}
	// Two columns of a name are no fault where neither is asked for by it.
	for _, o := range []Options{{}, {Columns: []string{"0", "2"}, IDColumn: "b"}, {Columns: []string{"*"}}} {
		if _, err := inspectText("a,b,a\n1,2,3\n", "f.csv", o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// A quote that nothing closes is found by counting, and names its row, whatever the ranges.
func TestCSVOpenQuote(t *testing.T) {
	for _, data := range []string{"a,b\n1,2\n3,\"4\n5,6\n7,8\n", "1,2\n\"", "1,2\n3,\"\"\"", "1,2\n\"3\",\"4\n\n\n"} {
		src, err := inspectText(data, "f.csv", Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := `f.csv: found a quote that opens in row 1, and then the end of the file, expected the quote that closes it, or --quoting=none`
		if _, err := checkCuts(t, src, len(data), manySizes(len(data))...); err == nil || err.Error() != want {
			t.Errorf("%q: %v", data, err)
		}
		if got, err := readRows(src, Span{Rows: 2, Offset: src.(*csvSource).start}, 9); err == nil || err.Error() != want {
			t.Errorf("%q: reading gives %v, %v", data, got, err)
		}
	}
}

func TestCSVLoad(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		rows    int
		last    []float64 // of the last row, its first values
		id      string
	}{
		{"digits.csv", Options{IDColumn: "id", Columns: []string{"pixel_*"}}, 1797, []float64{0, 0, 10, 14, 8, 1, 0, 0, 0, 2},
			"1796"},
		{"shuttle.csv.gz", Options{Columns: []string{"1-3", "0"}}, 49_097, []float64{0, 103, 0, 37}, "49096"},
	} {
		b, err := Load(context.Background(), c.options, "../../testdata/"+c.name)
		if err != nil {
			t.Fatal(err)
		}
		last := b.Row(b.Len()-1, make([]float64, b.Dim))
		if b.Len() != c.rows || !reflect.DeepEqual(last[:len(c.last)], c.last) || b.ID(b.Len()-1).String() != c.id {
			t.Errorf("%s: %d rows, the last %v", c.name, b.Len(), last)
		}
	}
}

// bareQuote stands for a quote that is a character like any other, which encoding/csv refuses.
const bareQuote = "\x01"

// bareQuotes replaces those that encoding/csv finds.
func bareQuotes(data string, comma rune) string {
	for {
		r := csv.NewReader(strings.NewReader(data))
		r.Comma, r.FieldsPerRecord = comma, -1
		var bare *csv.ParseError
		for {
			_, err := r.Read()
			if err == io.EOF {
				return data
			}
			if errors.As(err, &bare) && bare.Err == csv.ErrBareQuote {
				break
			}
		}
		lines := strings.SplitAfter(data, "\n")
		at := len(strings.Join(lines[:bare.Line-1], "")) + bare.Column - 1
		data = data[:at] + bareQuote + data[at+1:]
	}
}

// oracleCSV reads a table with encoding/csv and strconv. Its faults have no text. It is not ok where a quote is open at
// the end.
func oracleCSV(data string, comma rune, header Header, id int) (dim int, rows []read, ok bool) {
	data = bareQuotes(strings.TrimPrefix(data, "\uFEFF"), comma)
	r := csv.NewReader(strings.NewReader(data))
	r.Comma, r.FieldsPerRecord = comma, -1
	var lines [][]string // nil at a fault
	open := false
	for reads := 0; ; reads++ {
		before := r.InputOffset()
		line, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			line = nil
		}
		if len(line) == 1 && strings.Trim(line[0], " \t") == "" && !strings.Contains(data[before:r.InputOffset()], `"`) {
			continue // a line of spaces
		}
		for i, field := range line {
			if strings.HasPrefix(strings.TrimLeft(field, " \t"), bareQuote) {
				line = nil // spaces before a quote
				break
			}
			line[i] = strings.ReplaceAll(field, bareQuote, `"`)
		}
		// A quote more closes an open one, and mends nothing else.
		if err != nil && r.InputOffset() == int64(len(data)) {
			q := csv.NewReader(strings.NewReader(data + `"`))
			q.Comma, q.FieldsPerRecord = comma, -1
			for n := reads; n >= 0; n-- {
				_, err = q.Read()
			}
			open = err == nil
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 || lines[0] == nil {
		return 0, nil, false
	}
	count := len(lines[0])
	if header == HeaderYes {
		lines = lines[1:]
	} else { // as many columns as most rows have, or the earliest of these
		alike := map[int]int{}
		for _, line := range lines {
			if line != nil {
				alike[len(line)]++
			}
		}
		for _, line := range lines {
			if line != nil && alike[len(line)] > alike[count] {
				count = len(line)
			}
		}
	}
	for i, line := range lines {
		row := faulty
		if len(line) == count && (id < 0 || line[id] != "") {
			var vector []float64
			for c, field := range line {
				trimmed := strings.Trim(field, " \t")
				v, err := strconv.ParseFloat(trimmed, 64)
				if c != id && err == nil && !math.IsInf(v, 0) && !math.IsNaN(v) && !isGo(trimmed) {
					vector = append(vector, v)
				}
			}
			if row = fmt.Sprint(vector); id >= 0 {
				row += " " + strconv.Quote(line[id])
			}
			if len(vector) < count-1 || id < 0 && len(vector) < count {
				row = faulty
			}
		}
		rows = append(rows, read{int64(i), row})
	}
	if id >= 0 {
		count--
	}
	return count, rows, !open && count > 0
}

// isGo reports whether a number is one of Go's syntax only: hexadecimal, or with underscores.
func isGo(s string) bool { return strings.ContainsAny(s, "xX_") }

// checkTable reads any bytes as a table, in one range and in many, and as encoding/csv does.
func checkTable(t *testing.T, data string, tabs, header, id bool, size int64) {
	t.Helper()
	name, comma, o, column := "f.csv", ',', Options{Header: HeaderNo}, -1
	if tabs {
		name, comma = "f.tsv", '\t'
	}
	if header {
		o.Header = HeaderYes
	}
	if id {
		o.IDColumn, column = "0", 0
	}
	// What is found out by looking at the first rows has tests of its own.
	o.Columns, o.Delimiter, o.Decimal = []string{"*"}, string(comma), "."
	dim, want, ok := oracleCSV(data, comma, o.Header, column)
	src, err := inspectText(data, name, o)
	if err != nil {
		refused := slices.ContainsFunc([]string{"UTF-16", "UTF-8", "CR alone", "LF and CR", "zero bytes", "data", "archive",
			"an Arrow file", "no rows"}, func(s string) bool {
			return strings.Contains(err.Error(), s)
		})
		if ok && !refused && !(id && header) {
			t.Fatalf("%v\nby encoding/csv %v", err, want)
		}
		return
	}
	if id && header && src.(*csvSource).id != 0 || src.(*csvSource).index >= 0 {
		return // another column has the name "0", or the first is the row index
	}
	if s := src.(*csvSource); header && s.names[len(s.names)-1] == "" {
		return // of which rows may have one field more than the header
	}
	got, err := checkCuts(t, src, len(data), size)
	if err != nil != !ok {
		t.Fatalf("%q: %v, %v\nby encoding/csv %v", data, got, err, want)
	}
	if err != nil {
		return
	}
	if src.Dim() != dim {
		t.Fatalf("dimension %d, by encoding/csv %d", src.Dim(), dim)
	}
	for i, r := range got {
		if strings.HasPrefix(r.Row, faulty) {
			got[i].Row = faulty
		}
		got[i].Row = strings.ReplaceAll(got[i].Row, `\r\n`, `\n`) // which encoding/csv does
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v\nby encoding/csv %v", got, want)
	}
}

var tableSeeds = []string{
	"a,b\n1,2\n3,4\n", "1,2\r\n\r\n3,4\r", "\"1\",\"2\"\n\"a\"\"\n\",\"3\"\n", "1,2\n\"3\",\"4\n5\"\n6,7",
	"1,2\na\"b,3\n4,5\n",
	"1,2\n\"a\"b,\"3\n4,5\"\n6,7\n", "\uFEFF1,2\n", "1,2\n\"\n\r\n\n,\"\"\"\"\"\n", "\"\"\n\"\"\"\"\n", ",\n,\n",
	"1\n \n2", "1,\"\r\n\",\"\"\r\n",
	"1,2\n\"3\"\r4,\"5\n6\"\n", "1\t2\n\"3\t\"\t4\n", "inf,nan\n1,2\n", "0x1p4,1_0\n1,1e400\n-0,.5\n",
}

// Any text of quotes, separators, line ends and numbers is read the same in any cuts, and as encoding/csv reads it.
func TestCSVCuts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads thousands of texts in ranges of any size: the seeds of the fuzz targets stay")
	}
	for _, s := range tableSeeds {
		for size := range int64(len(s)) {
			checkTable(t, s, false, true, false, size+1)
			checkTable(t, s, false, false, true, size+1)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"\"", "\"", "\"\"", ",", ",", "\n", "\n", "\r\n", "\r", "1", "2.5", "a", " ", "\",\"", "\t"}
	for range 10_000 {
		var b strings.Builder
		for range rng.IntN(24) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		checkTable(t, b.String(), rng.IntN(4) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0, 1+rng.Int64N(9))
	}
}

func FuzzCSV(f *testing.F) {
	for i, s := range tableSeeds {
		f.Add(s, i%5 == 0, i%2 == 0, i%3 == 0, uint8(i))
	}
	f.Fuzz(func(t *testing.T, data string, tabs, header, id bool, size uint8) {
		checkTable(t, data, tabs, header, id, 1+int64(size))
	})
}

// A row without quotes is read by a way of its own; to the same end as by the general one.
func TestCSVPlainIsGeneral(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	pieces := []string{",", ",", ",", "1", "-2.5", "x", " ", "\t", "1e400", "nan", "0.3141592653589793", "4611686018427387.905"}
	o := Options{Header: HeaderNo, IDColumn: "1", Columns: []string{"2", "0"}, TargetColumn: "3", WeightColumn: "4"}
	for range 10_000 {
		var b strings.Builder
		for range 2 + rng.IntN(10) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		row := b.String()
		if rng.IntN(2) == 0 {
			row = "1,2,3," + row
		}
		o.Labels = rng.IntN(2) == 0
		src, err := inspectText("1,2,3,4,5\n", "f.csv", o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Read(context.Background(), Span{Rows: 1})
		if err != nil {
			t.Fatal(err)
		}
		c := r.(*csvReader)
		plain, general := &vectors.Block{Dim: 2}, &vectors.Block{Dim: 2}
		beyond := strings.Repeat("7", []int{2 * fixedBytes, 100}[rng.IntN(2)]) // which are looked at, to no effect
		id, ok := c.plain([]byte(row + beyond)[:len(row)])
		if ok = ok && len(id) > 0; ok {
			ok = c.learn() == nil && c.append(plain, 0, id) < 0
		}
		err = c.general([]byte(row), general, 0)
		if ok != (err == nil) || !reflect.DeepEqual(state(plain), state(general)) {
			t.Fatalf("%q: %v %v, in general %v %v, %v", row, ok, plain, err, general, err)
		}
	}
}

// checkDelimiters compares with the ends of fields that are split at each delimiter.
func checkDelimiters(t *testing.T, row []byte, comma byte, most int) {
	t.Helper()
	var want []int
	at := 0
	for _, field := range bytes.Split(row, []byte{comma}) {
		want = append(want, at+len(field))
		at += len(field) + 1
	}
	want = want[:min(len(want), most+1)]
	if got := delimited.Ends(row, comma, nil, most); !slices.Equal(got, want) {
		t.Fatalf("%q by %q, at most %d: %v, want %v", row, comma, most, got, want)
	}
}

func TestDelimiters(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for length := range 300 {
		for _, comma := range []byte{',', '\t', 0, 0x7f, 0x80, 0xff} {
			row := make([]byte, length)
			for i := range row {
				row[i] = []byte{comma, comma ^ 1, comma ^ 0x80, byte(rng.Uint32())}[rng.IntN(4)]
			}
			checkDelimiters(t, row, comma, 1+rng.IntN(1+length))
			checkDelimiters(t, bytes.Repeat([]byte{comma}, length), comma, 1000)
		}
	}
}

func FuzzDelimiters(f *testing.F) {
	f.Add([]byte("1,2,,3"), byte(','), uint16(4))
	f.Add(bytes.Repeat([]byte("12.5;"), 40), byte(';'), uint16(39))
	f.Fuzz(func(t *testing.T, row []byte, comma byte, most uint16) { checkDelimiters(t, row, comma, 1+int(most)) })
}

// state is what a block holds of rows.
func state(b *vectors.Block) []any { return []any{b.F32, b.F64, b.IDs, b.Target, b.Labels, b.Weights} }

// benchmarkText measures counting and reading.
func benchmarkText(b *testing.B, name, data string, o Options) {
	ctx := context.Background()
	src, err := inspectText(data, name, o)
	if err != nil {
		b.Fatal(err)
	}
	spans, err := Spans(ctx, src)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("count", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := Spans(ctx, src); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		block := &vectors.Block{Dim: src.Dim()}
		for b.Loop() {
			r, err := src.Read(ctx, spans[0])
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				block.Reset()
				err = r.Read(block, 8192)
			}
			if err != io.EOF {
				b.Fatal(err)
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// textBenchmarks are the contents of tables: so many rows and columns, and how a value is printed.
var textBenchmarks = []struct {
	name          string
	rows, columns int
	value         func(*rand.Rand) string
}{
	{"float32", 8192, 128, func(r *rand.Rand) string {
		return strconv.FormatFloat(float64(float32(r.NormFloat64())), 'g',
			-1, 32)
	}},
	{"six", 50_000, 20, func(r *rand.Rand) string { return strconv.FormatFloat(r.NormFloat64(), 'g', 6, 64) }},
	{"float64", 4096, 128, func(r *rand.Rand) string { return strconv.FormatFloat(r.NormFloat64(), 'g', -1, 64) }},
	{"digits", 40_000, 64, func(r *rand.Rand) string { return strconv.Itoa(r.IntN(17)) }},
	{"narrow", 400_000, 3, func(r *rand.Rand) string { return strconv.Itoa(r.IntN(1000)) }},
}

func BenchmarkCSV(b *testing.B) {
	for _, c := range textBenchmarks {
		rng := rand.New(rand.NewPCG(1, 2))
		var plain, quoted bytes.Buffer
		for i := range c.rows {
			fmt.Fprintf(&plain, "%d", i)
			fmt.Fprintf(&quoted, `"row %d"`, i)
			for range c.columns {
				v := c.value(rng)
				plain.WriteString("," + v)
				quoted.WriteString(`,"` + v + `"`)
			}
			plain.WriteByte('\n')
			quoted.WriteByte('\n')
		}
		b.Run(c.name, func(b *testing.B) { benchmarkText(b, "f.csv", plain.String(), Options{IDColumn: "0"}) })
		b.Run(c.name+"/quoted", func(b *testing.B) { benchmarkText(b, "f.csv", quoted.String(), Options{IDColumn: "0"}) })
	}
}

// Of a row without quotes a few fields are found without those before them: the same ones, and the same count.
func TestCSVPickIsSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	d := &dialect{comma: ';', decimal: '.'}
	for range 2000 {
		count := 1 + rng.IntN(300)
		row := make([]byte, 0, 1024)
		for c := range count {
			if c > 0 {
				row = append(row, ';')
			}
			row = append(row, strings.Repeat("x, ", rng.IntN(3))...)
			row = append(row, strings.Repeat("é", rng.IntN(1+rng.IntN(60)))...)
		}
		most := max(count+rng.IntN(3)-1, 1) // as many columns, or one more or fewer
		split, pick := fields{dialect: d, max: most}, fields{dialect: d, max: most}
		want, ok := split.split(row)
		if !ok {
			t.Fatalf("%q", row)
		}
		var columns []int
		for c := rng.IntN(most); c < most; c += 1 + rng.IntN(200) {
			columns = append(columns, c)
		}
		if got := pick.pick(row, columns); got != want {
			t.Fatalf("%d fields of %q, want %d", got, row, want)
		}
		for _, c := range columns {
			if c < want && !bytes.Equal(pick.list[c], split.list[c]) {
				t.Fatalf("field %d of %q: %q, want %q", c, row, pick.list[c], split.list[c])
			}
		}
	}
}

// Where few columns of a table are wanted, what is wrong with a row is found as where all are.
func TestCSVFewColumns(t *testing.T) {
	row := func(fields ...string) string { return strings.Repeat("0,", 30) + strings.Join(fields, ",") + "\n" }
	var names []string
	for c := range 33 {
		names = append(names, fmt.Sprintf("c%d", c))
	}
	text := strings.Join(names, ",") + "\n" + row("1", "a", "x") + row("2", "b") + row("3", "\"a,b\"", "y") +
		row("4", "c", "z", "w") + row("5", " \"d\"", "v") + row("6", "\xff", "u") + row("7", "e", "\xff") + row("8", "", "t")
	want := []string{"0 0 [1 a]", "fault: f.csv: row 1: found 32 fields, expected 33", "2 2 [3 a,b]",
		"fault: f.csv: row 3: found 34 fields, expected 33",
		`fault: f.csv: row 4, column c31: found " \"d\"", expected ` + wellQuoted,
		"fault: f.csv: row 5, column c31", "6 6 [7 e]", "7 7 [8 ]"}
	src, err := inspectText(text, "f.csv", Options{Columns: []string{"c30", "c31"}, Cells: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Read(t.Context(), Span{Rows: 8, Offset: src.(*csvSource).start})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		b := &vectors.Block{Cells: tables.New(src.(Tabular).Fields())}
		err := r.Read(b, 1)
		if err == io.EOF {
			break
		}
		if err != nil {
			got = append(got, "fault: "+err.Error())
		} else {
			got = append(got, showRows(b)...)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}
