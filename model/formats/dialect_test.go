package formats

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// Tables in many dialects are what pandas reads of them, in any cuts, and compressed.
func TestDialects(t *testing.T) {
	data, err := os.ReadFile("../../testdata/dialects.json") // of testdata/dialects.py
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name         string
		Data         []byte
		Options      Options
		Columns, IDs []string
		Values       [][]float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var want []read
			for i, id := range c.IDs {
				want = append(want, read{int64(i), fmt.Sprintf("%v %q", c.Values[i], id)})
			}
			c.Options.IDColumn = "id"
			text := string(c.Data)
			files := map[string]string{"f.csv": text}
			if !testing.Short() {
				files["f.csv.gz"], files["f.csv.zst"] = gzipped(t, text), zstandard(t, text)
			}
			for name, data := range files {
				if strings.Contains(c.Name, "in tabs") {
					name = strings.Replace(name, "csv", "tsv", 1)
				}
				src, err := Inspect(context.Background(), &textData{name: name, data: data, wrap: iotest.OneByteReader}, c.Options)
				if err != nil {
					t.Fatal(err)
				}
				if got := src.Columns(); !reflect.DeepEqual(got, c.Columns) {
					t.Errorf("columns %q, by pandas %q", got, c.Columns)
				}
				if got, err := checkCuts(t, src, len(data), manySizes(len(data))...); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %v, %v\nby pandas %v", name, got, err, want)
				}
			}
		})
	}
}

// Where a point stands between groups of digits, a comma is the decimal point without a flag that says so.
func TestPointsBetweenDigits(t *testing.T) {
	for _, data := range []string{"id;v\na;1.234,5\nb;7\nc;-1.000.000,25\n", "id\tv\na\t1.234,5\nb\t7\nc\t-1.000.000,25\n",
		"id,v\na,\"1.234,5\"\nb,7\nc,\"-1.000.000,25\"\n"} {
		src, err := Inspect(context.Background(), &textData{name: "f.csv", data: data},
			Options{IDColumn: "id", Thousands: "."})
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		want := []read{{0, `[1234.5] "a"`}, {1, `[7] "b"`}, {2, `[-1.00000025e+06] "c"`}}
		if got, err := checkCuts(t, src, len(data), int64(len(data))); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, %v, want %v", data, got, err, want)
		}
	}
}

// What a dialect cannot read is refused, with what would read it; and what looks at the first rows alone is told.
func TestDialectFaults(t *testing.T) {
	for _, c := range []struct {
		data string
		o    Options
		want string // of the first row that is at fault
	}{
		{"a;b\n1,500;2\n", Options{},
			`f.csv: row 0, column a: found "1,500", expected a number; or --decimal=, or, where the comma stands between groups of digits, --thousands=,`},
		{"a;b\n1;2\n1,5;2\n", Options{Delimiter: ";", Decimal: "."},
			`f.csv: row 1, column a: found "1,5", expected a number; or --decimal=,`},
		{"a;b\n1,5;2\n1.5;2\n", Options{Decimal: ","},
			`f.csv: row 1, column a: found "1.5", expected a number with "," as the decimal point`},
		{"a;b\n1.234,5;2\n", Options{Delimiter: ";"}, `f.csv: row 0, column a: found "1.234,5", expected a number; or --thousands=.`},
		{"a;b\n1.234,5;2\n", Options{Delimiter: ";", Decimal: "."},
			`f.csv: row 0, column a: found "1.234,5", expected a number; or --decimal=, and --thousands=.`},
		{"a;b\n1,5;2\n1.234,5;2\n", Options{},
			`f.csv: row 1, column a: found "1.234,5", expected a number; or --thousands=.`},
		{"a;b\n1,5;2\n1 234.5;2\n", Options{},
			`f.csv: row 1, column a: found "1 234.5", expected a number; or --decimal=. and --thousands=space`},
		{"a;b\n1,5;2\n1'234,5;2\n", Options{},
			`f.csv: row 1, column a: found "1'234,5", expected a number; or --thousands="'"`},
		{"a,b\n\"1,234.5\",2\n", Options{}, `f.csv: row 0, column a: found "1,234.5", expected a number; or --thousands=,`},
		{"a,b\n\"1,5\",2\n", Options{Thousands: ",", Delimiter: ","},
			`f.csv: row 0, column a: found "1,5", expected a number; or --decimal=,`},
		{"a,b\n1 234,2\n", Options{}, `f.csv: row 0, column a: found "1 234", expected a number; or --thousands=space`},
		{"a,b\n1,NA\n2,3\n", Options{}, `f.csv: row 0, column b: found "NA", expected a number`},
		{"id,x\nM\xfcller,1\n", Options{IDColumn: "id"},
			`f.csv: row 0, column id: found "M\xfcller", expected text in UTF-8: for another, --encoding=latin-1, windows-1252 or utf-16`},
		{"id,x\n\x81,1\n", Options{IDColumn: "id", Encoding: EncodingWindows1252},
			`f.csv: row 0, column id: found "\x81", expected text in windows-1252`},
		{"i\x00d\x00,\x00x\x00\n\x00\x3d\xd8,\x001\x00\n\x00", Options{IDColumn: "id", Encoding: EncodingUTF16},
			`f.csv: row 0, column id: found "\xed\xa0\xbd", expected text, of which half a surrogate pair is none`},
		{"x,y\n1,a\n2,\xe9\n", Options{TargetColumn: "y", Labels: true},
			`f.csv: row 1, column y: found "\xe9", expected text in UTF-8: for another, --encoding=latin-1, windows-1252 or utf-16`},
	} {
		src, err := inspectText(c.data, "f.csv", c.o)
		if err != nil {
			t.Errorf("%q: %v", c.data, err)
			continue
		}
		rows, err := readText(src, 1<<20, 10)
		got := fmt.Sprint(err)
		for _, r := range rows {
			if strings.HasPrefix(r.Row, faulty) {
				got = strings.TrimPrefix(r.Row, faulty)
				break
			}
		}
		if got != c.want {
			t.Errorf("%q: %s\nnot %s", c.data, got, c.want)
		}
	}
	for _, c := range []struct {
		data string
		o    Options
		want string
	}{
		{"a,b\r1,2\r3,4\r", Options{},
			`f.csv: found lines that end with CR alone, expected lines that end with LF or CRLF: tr '\r' '\n' converts them`},
		{"id,b\n\r1,2\n\r3,4\n\r", Options{},
			`f.csv: found lines that end with LF and CR, expected lines that end with LF or CRLF: tr -d '\r' converts them`},
		{"a\x00,\x00b\x00\n\x00", Options{},
			`f.csv: found 4 zero bytes among the first 8, expected text: if it is UTF-16, --encoding=utf-16`},
		{"\xff\xfea\x00", Options{Encoding: EncodingLatin1},
			`f.csv: found the byte order mark of UTF-16, expected text in latin-1`},
		{"\xef\xbb\xbfa\n1\n", Options{Encoding: EncodingLatin1},
			`f.csv: found the byte order mark of UTF-8, expected text in latin-1`},
		{"a\x00\n", Options{Encoding: EncodingUTF16}, `f.csv: found an odd number of bytes, expected text in utf-16`},
		{"1,2\n", Options{SkipRows: 2}, `f.csv: found the end of the file, expected rows after the 2 lines to skip`},
		{gzipped(t, "1,2\n"), Options{},
			`f.csv: found gzip data: with a name that ends in .gz, it is unpacked, expected text`},
		{"BZh91AY&SY\r\r", Options{}, `f.csv: found bzip2 data: with a name that ends in .bz2, it is unpacked, expected text`},
		{"<!DOCTYPE html>\n", Options{}, `f.csv: found a page of HTML, expected text`},
		{"PAR1", Options{}, `f.csv: found a Parquet file: --input_format=parquet, expected text`},
		{"1,2\n", Options{Delimiter: ";;"}, `delimiter ";;": must be one character of ASCII, no quote, or tab or space`},
		{"1,2\n", Options{Thousands: ",", Decimal: ","}, `decimal and thousands: must not both be ","`},
		{"1,2\n", Options{Decimal: "5"}, `decimal "5": must be no part of a number`},
		{"1,2\n", Options{Quoting: "all"}, `quoting "all": must be minimal or none`},
		{"1,2\n", Options{Encoding: "utf-7"},
			`encoding "utf-7": must be one of auto, utf-8, latin-1, windows-1252, utf-16, utf-16le, utf-16be`},
		{"1,2\n", Options{SkipRows: -1}, `skip rows -1: must be at least 0`},
	} {
		_, err := inspectText(c.data, "f.csv", c.o)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: %v\nnot %s", c.data, err, c.want)
		}
	}
	for _, name := range []string{"f.npy", "f.fvecs", "f.fbin", "f.parquet"} {
		for _, o := range []Options{{Delimiter: ";"}, {Encoding: EncodingLatin1}, {SkipRows: 1}, {Header: HeaderYes}} {
			if _, err := inspectText("x", name, o); err == nil || strings.Contains(err.Error(), "bytes") {
				t.Errorf("%s, %+v: %v", name, o, err)
			}
		}
	}
	src, err := inspectText("x;y\n1,5;2\n", "f.csv", Options{})
	if err != nil || !reflect.DeepEqual(Notes(src),
		[]string{`between fields stands ";", and a comma is the decimal point: --decimal=. says otherwise`}) {
		t.Errorf("%q, %v", Notes(src), err)
	}
}

// The cells of a column may be vectors.
func TestVectorCells(t *testing.T) {
	wantText(t, "f.csv", "text,v,n\na,\"[0.5, 1]\",7\nb,\"[ 2.\n -3e1]\",8\nc,[4 5],9\n", Options{IDColumn: "text"},
		`[0.5 1] "a"`, `[2 -30] "b"`, `[4 5] "c"`)
	wantText(t, "f.csv", "v;y\n[1, 2];3\n[4,5];6\n", Options{TargetColumn: "y"}, `[1 2] → 3`, `[4 5] → 6`)
	src, err := inspectText("text,v,n\na,\"[0.5, 1]\",7\n", "f.csv", Options{})
	if err != nil || src.Columns() != nil || LeftOut(Schema(src)[:1]) != "left out: text (text)" {
		t.Errorf("%+v, %v", Schema(src), err)
	}
	wantText(t, "f.csv", "v\n[1 2]\n[1 2 3]\n\"[1, x]\"\n[1 ... 2]\n[nan 1]\n[1 1e999]\n(1 2)\n\"\"\n[1 2\n[1.2.3 "+
		"4]\n\"[1,]\"\n", Options{},
		"[1 2]", ", column v: found a vector of 3, expected one of 2, as in the first row",
		`, column v, place 1: found "x", expected a number`,
		`, column v, place 1: found "...", expected all numbers of the vector: it was written in part`,
		`, column v, place 0: found "nan", expected a finite number`,
		`, column v, place 1: found "1e999", expected a finite float64`,
		`, column v: found "(1 2)", expected numbers in brackets`,
		`, column v: found an empty field, expected numbers in brackets`,
		`, column v: found "[1 2", expected numbers in brackets`, `, column v, place 0: found "1.2.3", expected a number`,
		`, column v, place 1: found "", expected a number`)
	wantFault(t, "f.csv", "v,w\n[1],[2]\n", Options{}, `f.csv: found "v", "w", expected `+oneVector)
	wantText(t, "f.csv", "v,vector\n[1],[2]\n", Options{}, "[2]")
	wantFault(t, "f.csv", "v,w\n[1],2\n", Options{Columns: []string{"v", "w"}},
		`f.csv: found 2 columns, of which "v" has vectors, expected columns of numbers, or one of vectors`)
}

// Columns of text are left out by default, and told; what may be a number is not taken for text.
func TestTextColumns(t *testing.T) {
	src, err := inspectText("name,x,when,empty,code\na,1,2020-01-01,,7\nb,2,2020-01-02,,A7\n", "f.csv",
		Options{Columns: nil, IDColumn: "empty"})
	if err != nil {
		t.Fatal(err)
	}
	var left []Column
	for _, c := range Schema(src) {
		if c.Use == "" {
			left = append(left, c)
		}
	}
	if got := LeftOut(left); got != "left out: name (text), when (text)" ||
		!reflect.DeepEqual(src.Columns(), []string{"x", "code"}) {
		t.Errorf("%s; %q", got, src.Columns())
	}
	wantFault(t, "f.csv", "a,b\nx,y\n", Options{},
		`f.csv: found the columns "a", "b", expected a column of numbers, or of vectors in brackets`)
	// A delimiter at the end of every line makes a column of nothing, but where it has a name, or a value.
	wantText(t, "f.csv", "a,b,\n1,2,\n3,4,\n", Options{}, "[1 2]", "[3 4]")
	wantText(t, "f.csv", "a,b,\n1,2,\n3,4,5\n", Options{}, ", column Unnamed: 2: found an empty field, expected a number",
		"[3 4 5]")
	wantText(t, "f.csv", "a,b,c\n1,2,\n", Options{}, ", column c: found an empty field, expected a number")
	// What Excel writes before a table, and what people write behind it.
	wantFault(t, "f.csv", "Sep=;\na;b\n1;2\n", Options{},
		`f.csv: found the line "Sep=;", which only Excel understands, at the beginning, expected a header or data: --skip_rows=1 leaves that line out`)
	wantText(t, "f.csv", "Sep=;\na;b\n1;2\n", Options{SkipRows: 1}, "[1 2]")
	wantText(t, "f.csv", "a,b\n1,2\n# from here\n", Options{}, "[1 2]", ": found 1 fields, expected 2; or --comment=#")
	wantText(t, "f.csv", "a,b\n1,2\n# from here\n", Options{Comment: "#"}, "[1 2]")
	wantText(t, "f.csv", "# of 2024\n7\n1,2\n", Options{}, "[7]", ": found 2 fields, expected 1; or --comment=#")
	wantText(t, "f.csv", "# of 2024\na,b\n1,2\n", Options{Comment: "#"}, "[1 2]")
	wantText(t, "f.csv", "#a,b\n1\n1,2\n", Options{}, ": found 1 fields, expected 2", "[1 2]")
	src, err = inspectText(",a\n7,1\n", "f.csv", Options{})
	if err != nil || LeftOut(Schema(src)[:1]) != "left out: 0 (row index)" {
		t.Errorf("%+v, %v", Schema(src), err)
	}
}

// An exclamation mark leaves columns out.
func TestColumnsLeftOut(t *testing.T) {
	const data = "a,label,b,c\n1,2,3,4\n"
	for _, c := range []struct {
		columns []string
		want    string
	}{
		{[]string{"*", "!label"}, "a b c"}, {[]string{"!label"}, "a b c"}, {[]string{"!1-2"}, "a c"},
		{[]string{"!0", "!c"}, "label b"},
		{[]string{"c", "0-3", "!c"}, "fault"}, {[]string{"!none"}, "fault"}, {[]string{"!*"}, "fault"},
		{[]string{"b", "a", "!a*"}, "b"},
	} {
		got := "fault"
		if src, err := inspectText(data, "f.csv", Options{Columns: c.columns}); err == nil {
			got = strings.Join(src.Columns(), " ")
		}
		if got != c.want {
			t.Errorf("%q: %q", c.columns, got)
		}
	}
	wantText(t, "f.csv", "1,2,3\n", Options{Columns: []string{"*", "!1"}}, "[1 3]")
	wantText(t, "f.csv", "!a,b\n1,2\n", Options{Columns: []string{"!a"}}, "[1]")
	wantText(t, "f.jsonl", `{"a":1,"b":2}`, Options{Columns: []string{"*", "!b"}}, "[1]")
}

// What no key says is found in the first object, and keys within objects go by their way.
func TestJSONLColumns(t *testing.T) {
	wantText(t, "f.jsonl", `{"id":"a","n":3,"e":[1,2],"m":{"x":[9]}}`+"\n"+`{"id":"b","e":[3,4]}`, Options{IDColumn: "id"},
		`[1 2] "a"`, `[3 4] "b"`)
	wantText(t, "f.jsonl", `{"a":1,"t":"x","b":true,"c":null}`+"\n"+`{"b":false,"a":2}`+"\n"+`{"a":1}`+"\n"+
		`{"a":1,"b":1,"d":5}`+"\n"+`{"a":1,"b":1,"c":5}`, Options{},
		"[1 1]", "[2 0]", ", column b: found no such key, expected a number",
		", column d: found a number, under a key that is not in the first row, expected the keys of the first row, or "+
			"those of --columns",
		", column c: found a number, where the first row has null, expected numbers in all rows, or --columns without it")
	const nested = `{"m":{"id":"p","size":{"w":1,"h":2}},"m.w":5,"y":0}` + "\n" +
		`{"y":1,"m":{"size":{"h":4,"w":3},"id":"q"},"m.w":6}` + "\n" + `{"y":1,"m":{"size":{"h":4}},"m.w":6}`
	wantText(t, "f.jsonl", nested, Options{Columns: []string{"m.size.*", "m.w"}, IDColumn: "m.id", TargetColumn: "y"},
		`[1 2 5] "p" → 0`, `[3 4 6] "q" → 1`,
		", column m.size.w: found no such key, expected a number")
	wantText(t, "f.jsonl", `{"a":{"b":[1,2]}}`, Options{Columns: []string{"a.b"}}, "[1 2]")
	wantFault(t, "f.jsonl", `{"a":{"b":[1,2]}}`, Options{},
		`f.jsonl: found the columns "a", expected an array of numbers, or keys of numbers`)
	wantFault(t, "f.jsonl", `{"id":"\ud800","a":1}`, Options{IDColumn: "id"},
		`f.jsonl, column id: found "\xed\xa0\x80" in the first row, expected text, of which half a surrogate pair is none`)
	wantText(t, "f.jsonl", "{\"id\":\"\xfc\",\"v\":[1]}", Options{IDColumn: "id", Encoding: EncodingLatin1}, `[1] "ü"`)
}

func TestWord2Vec(t *testing.T) {
	wantText(t, "f.vec", "2 3\nking 0.5 -1 2e0 \n7 1 2 3\n", Options{}, `[0.5 -1 2] "king"`, `[1 2 3] "7"`)
	wantText(t, "f.glove.txt", ". . . 1 2\nthe 3 4\r\n\nat a@b.c 5 6\n", Options{}, `[1 2] ". . ."`, `[3 4] "the"`,
		`[5 6] "at a@b.c"`)
	wantText(t, "f.vec", "a 1 2 3\nb 4 5 6\n", Options{Columns: []string{"2", "0"}}, `[3 1] "a"`, `[6 4] "b"`)
	wantText(t, "f.vec", "a 1 2\nb 3\nc 4 5 6\nd x 1\n 1 2\n\xff 1 2\ne 1e999 2\nf 7 8\n", Options{}, `[1 2] "a"`,
		": found 2 parts, expected a word and 2 numbers",
		": found more than 2 numbers, expected a word and 2 numbers", `, column 0: found "x", expected a number`,
		": found 2 parts, expected a word and 2 numbers",
		`, column word: found "\xff", expected text in UTF-8: for another, --encoding=latin-1, windows-1252 or utf-16`,
		`, column 0: found "1e999", expected a finite float64`, `[7 8] "f"`)
	wantText(t, "f.vec", "a 1\nb 2\n", Options{}, `[1] "a"`, `[2] "b"`)
	src, err := inspectText("3 1\na 1\nb 2\n", "f.vec", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Spans(t.Context(), src); err == nil ||
		err.Error() != "f.vec: found 2 rows, expected 3, as its first line says" {
		t.Error(err)
	}
	wantFault(t, "f.vec", "a\nb\n", Options{},
		"f.vec: found 0 of them, expected a word, and from 1 to 1048576 numbers, in each row")
	wantFault(t, "f.vec", "a 1\n", Options{IDColumn: "0"},
		`f.vec: found an id column asked for, "0", expected columns of numbers: the word is the id, and there is nothing else`)
}

func FuzzWord2Vec(f *testing.F) {
	for _, s := range []string{"2 3\nking 0.5 -1 2e0 \n7 1 2 3\n", ". . . 1 2\nthe 3 4\r\n", "a 1\n\n\t\nb",
		" 1 2\n1 2\n"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, data string, size uint8) {
		src, err := inspectText(data, "f.vec", Options{})
		if err != nil {
			return
		}
		rows, err := checkCuts(t, src, len(data), 1+int64(size))
		for _, r := range rows {
			if !strings.HasPrefix(r.Row, faulty) && len(strings.Fields(data)) < src.Dim()+1 {
				t.Errorf("%q: %v, %v", data, r, err)
			}
		}
	})
}

// Any bytes in any dialect are read the same in any cuts, and what is read as text is text.
func FuzzDialect(f *testing.F) {
	for _, s := range []string{"a;b\n1,5;2\n", "#x\na,b # c\n\"1 # \",2#\n", "a|b\n\"x|1\n", "\xff\xfea\x00\n\x001\x00",
		",0,1\n0,\"[1, 2]\",2\n", "\r\ra\n1", "1'000,2\n"} {
		for _, o := range []uint8{0, 3, 77, 200} {
			f.Add(s, o, uint8(2))
		}
	}
	f.Fuzz(func(t *testing.T, data string, choice, size uint8) {
		o := Options{SkipRows: int(choice & 1), Delimiter: []string{"", ";", ",", "|"}[choice>>1&3],
			Encoding: Encodings[int(choice>>3)%len(Encodings)]}
		if choice&0x40 != 0 {
			o.Comment = "#"
		}
		if choice&0x80 != 0 {
			o.Quoting, o.Thousands = QuotingNone, "'"
		}
		src, err := inspectText(data, "f.csv", o)
		if err != nil {
			return
		}
		o.IDColumn = src.(*csvSource).name(src.(*csvSource).vector[0])
		if withID, err := inspectText(data, "f.csv", o); err == nil {
			src = withID
		}
		rows, _ := checkCuts(t, src, len(data), 1+int64(size))
		for _, r := range rows {
			if _, quoted, ok := strings.Cut(r.Row, `] "`); ok && !strings.HasPrefix(r.Row, faulty) {
				if id, err := strconv.Unquote(`"` + quoted); err != nil || !utf8.ValidString(id) {
					t.Errorf("%q: %v", data, r)
				}
			}
		}
	})
}

// UTF-16 is decoded the same however it is cut, and its halves of pairs are no text.
func TestUTF16(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"a\x00\x3d\xd8\x00\xde", "a😀"}, {"\xfe\xff\x00a\xd8\x3d\xde\x00", "a😀"}, {"\xff\xfea\x00\xff\xfe", "a\ufeff"},
		{"\x3d\xd8", "\xed\xa0\xbd"}, {"\x3d\xd8a\x00", "\xed\xa0\xbda"}, {"\x00\xde\x3d\xd8", "\xed\xb8\x80\xed\xa0\xbd"},
		{"", ""},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.data), iotest.OneByteReader(strings.NewReader(c.data)),
			iotest.DataErrReader(strings.NewReader(c.data))} {
			if got, err := io.ReadAll(newUTF16(r, EncodingUTF16)); err != nil || string(got) != c.want {
				t.Errorf("%q: %q, %v", c.data, got, err)
			}
		}
	}
	if _, err := io.ReadAll(newUTF16(strings.NewReader("a\x00b"), EncodingUTF16LE)); err != errHalfUnit {
		t.Error(err)
	}
}

// A row of .svm whose indices do not ascend is called that.
func TestSVMDisorder(t *testing.T) {
	wantText(t, "f.svm", "1 3:0.5 1:1\n0 1:1 2:2\n1 5:1 4:1 # x\n0 qid:7 2:1 2:1\n", Options{},
		", column 1: found the index 1 after 3, expected indices that ascend", "[1 2] → 0",
		", column 4: found the index 4 after 5, expected indices that ascend",
		", column 2: found the index 2 after 2, expected indices that ascend")
	wantFault(t, "f.svm", "1 3:0.5 1:1\n", Options{},
		"f.svm: found the index 1 after 3 in row 0, expected indices that ascend")
}
