package formats

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

func TestJSONL(t *testing.T) {
	row := func(rows ...string) (list []read) {
		for i, r := range rows {
			list = append(list, read{int64(i), strings.Replace(r, "fault: ", fmt.Sprintf("fault: f.jsonl: row %d", i), 1)})
		}
		return list
	}
	ids := Options{IDColumn: "id"}
	scalars := Options{IDColumn: "id", Columns: []string{"x_*", "y"}}
	for _, c := range []struct {
		name, data string
		options    Options
		want       []read
	}{
		{"vector", `{"vector":[1,2.5]}` + "\n" + `{"vector":[-3e-1,0.4E+1]}` + "\n", Options{}, row("[1 2.5]", "[-0.3 4]")},
		{"no last line end", `{"vector":[1]}` + "\r\n" + `{"vector":[2]}`, Options{}, row("[1]", "[2]")},
		{"empty lines", "\n \r\n" + `{"vector":[1]}` + "\n\t\n\r\n" + ` {"vector":[2]} ` + "\n\n", Options{},
			row("[1]", "[2]")},
		{"byte order mark", "\uFEFF" + `{"vector":[1]}`, Options{}, row("[1]")},
		{"white space", "\t{ \"vector\" : [ 1 ,\t2 ] , \"a\" : [ ] } \r\n", Options{}, row("[1 2]")},
		{"other keys", `{"vector":[1]}` + "\n" +
			`{"a":{"vector":[7],"b":[{},[],"\"]",null,true,false,-0.5e3]},"vector":[2],"c":1e999}` +
			"\n", Options{}, row("[1]", "[2]")},
		{"the id is not read", `{"vector":[1],"id":null}`, Options{}, row("[1]")},
		{"ids", `{"id":"a","vector":[1]}
{"id":7,"vector":[2]}
{"vector":[3],"id":"7"}
{"id":-0,"vector":[4]}
{"id":12345678901234567890,"vector":[5]}
{"id":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t","vector":[6]}
{"id":"\ud83d.\ude00","vector":[7]}
{"id":"` + "\xff" + `","vector":[8]}
{"id":"","vector":[9]}
{"id":null,"vector":[10]}
{"id":1.0,"vector":[11]}
{"id":1e3,"vector":[12]}
{"id":["a"],"vector":[13]}
{"vector":[14]}
{"\u0069d":007,"vector":[15]}
{"\u0069d":"b","vector":[16]}
`, ids, row(`[1] "a"`, `[2] "7"`, `[3] "7"`, `[4] "-0"`, `[5] "12345678901234567890"`,
			`[6] `+strconv.Quote("é😀\"\\/\b\f\n\r\t"),
			`fault: , column id: found "\xed\xa0\xbd.\xed\xb8\x80", expected text, of which half a surrogate pair is none`,
			`fault: , column id: found "\xff", expected text in UTF-8: for another, --encoding=latin-1, windows-1252 or utf-16`,
			`fault: , column id: found an empty string, expected an id`,
			`fault: , column id: found null, expected a string or an integer`,
			`fault: , column id: found 1.0, expected a string or an integer`,
			`fault: , column id: found 1e3, expected a string or an integer`,
			`fault: , column id: found an array, expected a string or an integer`,
			`fault: , column id: found no such key, expected a string or an integer`,
			`fault: , column id: found 007, expected a string or an integer`,
			`[16] "b"`)},
		{"another key", `{"vector":[1],"embedding":[2,3]}` + "\n" + `{"embedding":[4,5]}`,
			Options{Columns: []string{"embedding"}}, row("[2 3]", "[4 5]")},
		{"an array by glob", `{"vector":[1],"embedding":[2,3]}` + "\n" + `{"embedding":[4,5]}`,
			Options{Columns: []string{"emb*"}}, row("[2 3]", "[4 5]")},
		{"one number", `{"x":1}` + "\n" + `{"x":[2]}` + "\n" + `{"x":3}`, Options{Columns: []string{"x"}},
			row("[1]", "fault: , column x: found an array, expected a number", "[3]")},
		{"numbers", `{"id":"a","x_1":1,"y":2,"z":{},"x_0":3}
{"y":5,"x_0":6,"x_1":4,"x_9":0,"id":"b"}
{"y":5,"x_0":6,"id":"c"}
{"y":5,"x_0":6,"x_1":4}
{"id":"e","x_1":"1","y":2,"x_0":3}
{"id":"f","x_1":1,"y":null,"x_0":3}
{"id":"g","x_1":1,"y":2,"x_0":1e400}
{"id":"h","x_1":1,"y":2,"x_0":3,"y":2}
{"id":"i","x_1":1,"y":2,"x_0":3,"z":1,"z":2}
`, scalars, row(`[1 3 2] "a"`, `[4 6 5] "b"`,
			`fault: , column x_1: found no such key, expected a number`,
			`fault: , column id: found no such key, expected a string or an integer`,
			`fault: , column x_1: found the string "1", expected a number without quotes`,
			`fault: , column y: found null, expected a number`,
			`fault: , column x_0: found 1e400, expected a finite float64`,
			`fault: , column y: found the key twice, expected it once`,
			`[1 3 2] "i"`)},
		{"an id as a value", `{"n":1,"x":2}` + "\n" + `{"x":4,"n":3}`, Options{IDColumn: "n", Columns: []string{"x", "n"}},
			row(`[2 1] "1"`, `[4 3] "3"`)},
		{"names that are numbers", `{"0":1,"1":2}` + "\n", Options{Columns: []string{"1", "0"}}, row("[2 1]")},
		{"faults of values", `{"vector":[1,2]}
{"vector":[1,null]}
{"vector":[NaN,1]}
{"vector":[1,-Infinity]}
{"vector":["1",2]}
{"vector":[1,[2]]}
{"vector":[1,{}]}
{"vector":[true,1]}
{"vector":[1,1e309]}
{"vector":[01,1]}
{"vector":[1,.5]}
{"vector":[1,]}
{"vector":[,1]}
{"vector":[1]}
{"vector":[1,2,3]}
{"vector":[]}
{"vector":{"0":1}}
{"vector":null}
{"vector":"1,2"}
{"vectors":[1,2]}
{}
{"vector":[1,2],"vector":[1,2]}
{"vector":[3,4]}
`, Options{}, row("[1 2]",
			`fault: , column 1: found null, expected a number`,
			`fault: , column 0: found NaN, expected a finite number`,
			`fault: , column 1: found -Infinity, expected a finite number`,
			`fault: , column 0: found the string "1", expected a number without quotes`,
			`fault: , column 1: found an array, expected a number`,
			`fault: , column 1: found an object, expected a number`,
			`fault: , column 0: found true, expected a number`,
			`fault: , column 1: found 1e309, expected a finite float64`,
			`fault: , column 0: found 01, expected a number`,
			`fault: , column 1: found .5, expected a number`,
			`fault: , column 1: found "]}", expected a number`,
			`fault: , column 0: found ",1]}", expected a number`,
			`fault: , column vector: found an array of 1, expected one of 2, as in the first row`,
			`fault: , column vector: found an array of 3, expected one of 2, as in the first row`,
			`fault: , column vector: found an array of 0, expected one of 2, as in the first row`,
			`fault: , column vector: found an object, expected an array of numbers`,
			`fault: , column vector: found null, expected an array of numbers`,
			`fault: , column vector: found the string "1,2", expected an array of numbers`,
			`fault: , column vector: found no such key, expected an array of numbers`,
			`fault: , column vector: found no such key, expected an array of numbers`,
			`fault: , column vector: found the key twice, expected it once`,
			"[3 4]")},
		{"invalid JSON", `{"vector":[1]}
[1]
{"vector":[2]
{"vector":[2
{"vector":[2}
{"vector":[2 3]}
{"vector":[2]}}
{"vector":[2],}
{'vector':[2]}
{"vector"=[2]}
{"vector":[2],"a":nil}
{"vector":[2],"a":"` + "\t" + `"}
{"vector":[2],"a":"\x"}
{"vector":[2],"a":"\u00g0"}
{"vector":[2],"a":"
x
{"vector":[2],"a":[1,]}
{"vector":[2]} // two
` + strings.Repeat("x", longWord-1) + ` y
` + strings.Repeat("x", longWord) + ` y
{"vector":[3]}
`, Options{}, row("[1]",
			`fault: : found an array at byte 0 of the line, expected a JSON object`,
			`fault: : found the end at byte 13 of the line, expected valid JSON`,
			`fault: : found the end at byte 12 of the line, expected valid JSON`,
			`fault: : found "}" at byte 12 of the line, expected valid JSON`,
			`fault: : found 3 at byte 13 of the line, expected valid JSON`,
			`fault: : found "}" at byte 14 of the line, expected valid JSON`,
			`fault: : found "}" at byte 14 of the line, expected valid JSON`,
			`fault: : found "'vector':[2]}" at byte 1 of the line, expected valid JSON`,
			`fault: : found "=[2]}" at byte 9 of the line, expected valid JSON`,
			`fault: : found nil at byte 18 of the line, expected valid JSON`,
			`fault: : found "\"\t\"}" at byte 18 of the line, expected valid JSON`,
			`fault: : found "\"\\x\"}" at byte 18 of the line, expected valid JSON`,
			`fault: : found "\"\\u00g0\"}" at byte 18 of the line, expected valid JSON`,
			`fault: : found "\"" at byte 18 of the line, expected valid JSON`,
			`fault: : found x at byte 0 of the line, expected a JSON object`,
			`fault: : found "]}" at byte 21 of the line, expected valid JSON`,
			`fault: : found "// two" at byte 15 of the line, expected valid JSON`,
			`fault: : found `+strings.Repeat("x", longWord-1)+` at byte 0 of the line, expected a JSON object`,
			`fault: : found "`+strings.Repeat("x", longWord)+` y" at byte 0 of the line, expected a JSON object`,
			"[3]")},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, err := inspectText(c.data, "f.jsonl", c.options)
			if err != nil {
				t.Fatal(err)
			}
			got, err := checkCuts(t, src, len(c.data), manySizes(len(c.data))...)
			if err != nil || len(got) != len(c.want) {
				t.Fatalf("%d rows, %v", len(got), err)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("got  %v\nwant %v", got[i], c.want[i])
				}
			}
		})
	}
}

func TestJSONLFloat32(t *testing.T) {
	for _, c := range []struct {
		data    string
		options Options
		column  string
	}{
		{`{"vector":[1,2]}` + "\n" + `{"vector":[1,-1e39]}` + "\n" + `{"vector":[3,4]}`, Options{DType: vectors.Float32},
			"1"},
		{`{"a":1,"b":2}` + "\n" + `{"a":1,"b":-1e39}` + "\n" + `{"a":3,"b":4}`,
			Options{DType: vectors.Float32, Columns: []string{"a", "b"}}, "b"},
	} {
		src, err := inspectText(c.data, "f.jsonl", c.options)
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Read(context.Background(), Span{First: 10, Rows: 3})
		if err != nil {
			t.Fatal(err)
		}
		b := &vectors.Block{Dim: 2, DType: vectors.Float32}
		want := `f.jsonl: row 11, column ` + c.column + `: found -1e+39, expected a finite float32`
		if err := r.Read(b, 10); err == nil || err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
		if err := r.Read(b, 10); err != nil || !reflect.DeepEqual(b.F32, []float32{1, 2, 3, 4}) ||
			!reflect.DeepEqual(b.Numbers, []int64{10, 12}) {
			t.Errorf("%v of rows %v, %v", b.F32, b.Numbers, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestJSONLInspectFaults(t *testing.T) {
	many := `{"vector":[1` + strings.Repeat(",1", maxColumns) + "]}"
	for _, c := range []struct {
		data    string
		options Options
		want    string
	}{
		{`[1,2]`, Options{}, `f.jsonl: found an array at byte 0 of the line in the first row, expected a JSON object`},
		{`{"vector":[1,2]`, Options{}, `f.jsonl: found the end at byte 15 of the line in the first row, expected valid JSON`},
		{`{}`, Options{}, `f.jsonl: found an empty object in the first row, expected one with a vector`},
		{`{"id":"1","v":[1],"w":[2]}`, Options{}, `f.jsonl: found the columns "v", "w", expected ` + oneVector},
		{`{"id":"1","v":["1"]}`, Options{},
			`f.jsonl: found the columns "id", "v", expected an array of numbers, or keys of numbers`},
		{`{"id":1,"v":[1]}`, Options{Columns: []string{"w*"}},
			`f.jsonl: found the columns "id", "v", expected a column "w*"`},
		{`{"v":[1],"vector":[1]}`, Options{IDColumn: "id"},
			`f.jsonl: found the columns "v", "vector", expected the id column "id"`},
		{`{"id":1,"vector":[1]}`, Options{Columns: []string{"0"}},
			`f.jsonl: found the column "0", expected keys by name or by glob: those of an object have no order`},
		{`{"id":1,"vector":[1]}`, Options{Columns: []string{"0-63"}},
			`f.jsonl: found the column "0-63", expected keys by name or by glob: those of an object have no order`},
		{`{"id":1,"vector":[1]}`, Options{IDColumn: "0"},
			`f.jsonl: found the column "0", expected keys by name or by glob: those of an object have no order`},
		{`{"id":1,"vector":[1]}`, Options{Header: HeaderYes},
			`f.jsonl: found header yes, expected header auto: .jsonl has no header row`},
		{`{"vector":[]}`, Options{},
			`f.jsonl, column vector: found an empty array in the first row, expected at least one number`},
		{`{"vector":[1,null]}`, Options{}, `f.jsonl, column 1: found null in the first row, expected a number`},
		{`{"vector":"1"}`, Options{},
			`f.jsonl, column vector: found the string "1" in the first row, expected an array of numbers`},
		{`{"vector":666}`, Options{}, `f.jsonl, column vector: found 666 in the first row, expected an array of numbers`},
		{`{"v":"1"}`, Options{Columns: []string{"v"}},
			`f.jsonl, column v: found the string "1" in the first row, expected a number without quotes`},
		{`{"vector":[1,1e39]}`, Options{DType: vectors.Float32},
			`f.jsonl, column 1: found 1e+39 in the first row, expected a finite float32`},
		{`{"vector":[1],"id":""}`, Options{IDColumn: "id"},
			`f.jsonl, column id: found an empty string in the first row, expected an id`},
		{`{"vector":[1],"vector":[2]}`, Options{},
			`f.jsonl, column vector: found the key twice in the first row, expected it once`},
		{`{"a":[1],"b":2}`, Options{Columns: []string{"a", "b"}},
			`f.jsonl, column a: found an array in the first row, expected a number`},
		{many, Options{},
			`f.jsonl, column vector: found an array of 1048577 in the first row, expected one of at most 1048576`},
	} {
		_, err := inspectText(c.data, "f.jsonl", c.options)
		if err == nil || err.Error() != c.want {
			t.Errorf("%.30s: %v\nnot %s", c.data, err, c.want)
		}
		if _, ok := fault.IsRow(err); ok {
			t.Errorf("%.30s: the fault of a row", c.data)
		}
	}
}

// Values that are skipped nest as deep as encoding/json lets them, and no deeper.
func TestJSONLDepth(t *testing.T) {
	for _, c := range []struct{ open, close string }{{"[", "]"}, {`{"":`, "}"}} {
		for _, depth := range []int{1, 100, maxDepth - 1, maxDepth, 100_000} {
			line := `{"vector":[1],"a":` + strings.Repeat(c.open, depth) + "1" + strings.Repeat(c.close, depth) + "}"
			_, err := inspectText(line, "f.jsonl", Options{})
			if valid := json.Valid([]byte(line)); valid != (err == nil) || valid != (depth < maxDepth) {
				t.Errorf("%d deep: valid %v, %.200v", depth, valid, err)
			}
		}
	}
}

// oracleJSON reads a line with encoding/json, which replaces bytes that are no UTF-8 and takes the last of two keys.
func oracleJSON(line string, dim int, id bool) (vector []float64, ident string, ok bool) {
	var keys map[string]json.RawMessage
	if json.Unmarshal([]byte(line), &keys) != nil || keys == nil {
		return nil, "", false
	}
	var values []*float64
	if json.Unmarshal(keys[vectorKey], &values) != nil || len(values) != dim {
		return nil, "", false
	}
	for _, v := range values {
		if v == nil {
			return nil, "", false
		}
		vector = append(vector, *v)
	}
	if id {
		raw := string(keys["id"])
		if strings.HasPrefix(raw, `"`) {
			if json.Unmarshal([]byte(raw), &ident) != nil {
				return nil, "", false
			}
		} else if strings.Trim(raw, "-0123456789") == "" {
			ident = raw
		}
		if ident == "" {
			return nil, "", false
		}
	}
	return vector, ident, true
}

// checkJSONL reads any bytes as lines of JSON, in one range and in many, and as encoding/json does.
func checkJSONL(t *testing.T, data string, id bool, size int64) {
	t.Helper()
	o := Options{}
	if id {
		o.IDColumn = "id"
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimPrefix(data, "\uFEFF"), "\n") {
		if strings.Trim(line, " \t\r") != "" {
			lines = append(lines, line)
		}
	}
	src, err := inspectText(data, "f.jsonl", o)
	if err != nil {
		if len(lines) > 0 {
			var keys map[string]json.RawMessage
			var values []any
			if json.Unmarshal([]byte(lines[0]), &keys) == nil && json.Unmarshal(keys[vectorKey], &values) == nil {
				if vector, ident, ok := oracleJSON(lines[0], len(values), id); ok && len(vector) > 0 &&
					!strings.Contains(err.Error(), "the key twice") && !strings.Contains(err.Error(), " text") {
					t.Fatalf("%q: %v\nby encoding/json %v, %q", data, err, vector, ident)
				}
			}
		}
		return
	}
	if s := src.(*jsonlSource); s.name(s.vector[0]) != vectorKey {
		return // by default, another key is the vector
	}
	got, err := checkCuts(t, src, len(data), size)
	if err != nil || len(got) != len(lines) {
		t.Fatalf("%d rows of %d lines, %v", len(got), len(lines), err)
	}
	for i, r := range got {
		vector, ident, ok := oracleJSON(lines[i], src.Dim(), id)
		want := fmt.Sprint(vector)
		if id {
			want += " " + strconv.Quote(ident)
		}
		if strings.HasPrefix(r.Row, faulty) {
			if ok && !strings.Contains(r.Row, "the key twice") && !strings.Contains(r.Row, "expected text") {
				t.Fatalf("%q: %s\nby encoding/json %s", lines[i], r.Row, want)
			}
			continue
		}
		if id {
			vector, quoted, _ := strings.Cut(r.Row, "] ")
			text, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatal(err)
			}
			r.Row = vector + "] " + strconv.Quote(string([]rune(text)))
		}
		if !ok || r.Row != want {
			t.Fatalf("%q: %s\nby encoding/json %s, %v", lines[i], r.Row, want, ok)
		}
	}
}

var objectSeeds = []string{
	`{"id":"a","vector":[1,2]}` + "\n" + `{"id":7,"vector":[-0.5e-3,1E+2]}` + "\r\n\n",
	`{"vector":[1]}` + "\n" + `{"a":{"b":[null,true,false,"\u00e9\n",{}]},"vector":[2]}` + "\n" + `{"vector":[01]}`,
	"\uFEFF" + ` { "vector" : [ 1 , 2 ] , "id" : "\ud83d\ude00" } ` + "\n" + `{"vector":[1,2],"id":"\ud800\u0041"}`,
	`{"vector":[0,-0,0.0,-1e-400]}` + "\n" + `{"vector":[1,2,3]}` + "\n" + `{"vector":[1,2,3,1e400]}` + "\n" +
		`{"vector":[1,2,3,4}`,
	`{"vector":[1],"id":"x"}` + "\n" + `{"vector":[1],"id":""}` + "\n" + `{"vector":[1],"id":-12}` + "\n" +
		`{"vector":[1],"id":1.5}` + "\n[]\n{}\nnull",
	`{"vector":[1]}` + "\n" + `{"vector":[1],"a":"\x"}` + "\n" + `{"vector":[1]}x` + "\n" + `{"vector":[1],}` + "\n" +
		`{"v\u0065ctor":[1]}`,
}

// Lines that differ from valid ones in some bytes are read the same in any cuts, and as encoding/json reads them.
func TestJSONLCuts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads thousands of texts in ranges of any size: the seeds of the fuzz targets stay")
	}
	for _, s := range objectSeeds {
		for size := int64(1); size <= int64(len(s)); size += 1 + size/4 {
			checkJSONL(t, s, false, size)
			checkJSONL(t, s, true, size)
		}
	}
	rng := rand.New(rand.NewPCG(7, 8))
	bytes := "\"\"{}[],,::\\/ \n\t0123456789-+.eEutfnbr\x00\x1f\x80\xff"
	for range 10_000 {
		s := []byte(objectSeeds[rng.IntN(len(objectSeeds))])
		for range rng.IntN(4) {
			switch i := rng.IntN(len(s)); rng.IntN(3) {
			case 0:
				s[i] = bytes[rng.IntN(len(bytes))]
			case 1:
				s = append(s[:i], s[i+1:]...)
			default:
				s = append(s[:i], append([]byte{bytes[rng.IntN(len(bytes))]}, s[i:]...)...)
			}
		}
		checkJSONL(t, string(s), rng.IntN(2) == 0, 1+rng.Int64N(100))
	}
}

// checkArray compares how an array of numbers is read whose delimiters are found first to how it is read number by number.
func checkArray(t *testing.T, text string) {
	t.Helper()
	array := append(append([]byte{'['}, text...), strings.Repeat("7]", 50)...)[:1+len(text)]
	for dim := range 9 {
		fast, slow := jsonScan{b: array}, jsonScan{b: slices.Clip(slices.Clone(array))}
		got, want := make([]float64, dim), make([]float64, dim)
		n, f := fast.numbers(got)
		m, g := slow.numbers(want)
		if n != m || !reflect.DeepEqual(f, g) || fast.i != slow.i {
			t.Fatalf("%q, of %d: %d to %d, %v; number by number %d to %d, %v", text, dim, n, fast.i, f, m, slow.i, g)
		}
		for i := range min(n, dim) {
			if f == nil && math.Float64bits(got[i]) != math.Float64bits(want[i]) {
				t.Fatalf("%q: number %d is %v, not %v", text, i, got[i], want[i])
			}
		}
	}
}

func TestJSONLArrays(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	pieces := []string{",", ", ", ",", "]", " ", "\t", "x", "[", "0", "-", ".", "1e400", "1e-7", "null", "true", `"]"`,
		"0.3141592653589793", "4611686018427387.905", "00.5", "-0"}
	for range 3000 {
		var b strings.Builder
		for range rng.IntN(9) {
			if rng.IntN(2) == 0 { // mostly numbers
				fmt.Fprintf(&b, "%.*g, ", 1+rng.IntN(18), rng.NormFloat64())
			} else {
				b.WriteString(pieces[rng.IntN(len(pieces))])
			}
		}
		checkArray(t, strings.TrimSuffix(b.String(), ", ")+"]}")
	}
}

func FuzzJSONArray(f *testing.F) {
	for _, s := range []string{"1, -2.5,1e-7 ,0.123456789012345678]}", "01,2,3,4]", "1,2,3,.5]", "1,2,3,[4]]", "1,2,3,4"} {
		f.Add(s)
	}
	f.Fuzz(checkArray)
}

func FuzzJSONL(f *testing.F) {
	for i, s := range objectSeeds {
		f.Add(s, i%2 == 0, uint8(i))
	}
	f.Fuzz(func(t *testing.T, data string, id bool, size uint8) { checkJSONL(t, data, id, 1+int64(size)) })
}

func BenchmarkJSONL(b *testing.B) {
	for _, c := range textBenchmarks {
		rng := rand.New(rand.NewPCG(1, 2))
		var array, keys bytes.Buffer
		for i := range c.rows {
			fmt.Fprintf(&array, `{"id": "row %d", "vector": [`, i)
			fmt.Fprintf(&keys, `{"id":%d`, i)
			for j := range c.columns {
				v := c.value(rng)
				if j > 0 {
					array.WriteString(", ")
				}
				array.WriteString(v)
				fmt.Fprintf(&keys, `,"x_%d":%s`, j, v)
			}
			array.WriteString("]}\n")
			keys.WriteString("}\n")
		}
		b.Run(c.name, func(b *testing.B) { benchmarkText(b, "f.jsonl", array.String(), Options{IDColumn: "id"}) })
		b.Run(c.name+"/keys", func(b *testing.B) {
			benchmarkText(b, "f.jsonl", keys.String(), Options{IDColumn: "id", Columns: []string{"x_*"}})
		})
	}
}
