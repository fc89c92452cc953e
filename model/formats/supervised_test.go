package formats

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"beamlearn/model/vectors"
)

// wantText is wantRows for text, in ranges of any size.
func wantText(t *testing.T, name, data string, o Options, want ...string) {
	t.Helper()
	src, err := inspectText(data, name, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := checkCuts(t, src, len(data), manySizes(len(data))...)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]string, len(got))
	for i, r := range got {
		rows[i] = strings.TrimPrefix(r.Row, fmt.Sprintf("fault: %s: row %d", name, i))
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("%s\ngot  %q\nwant %q", data, rows, want)
	}
}

func TestSupervisedCSV(t *testing.T) {
	data := "id,a,y,w,b\nr,1,0.5,2,3\ns,4,-1e3,0,6\n\"t\",\"7\",\" 8 \",\"1.5\",9\n"
	all := Options{IDColumn: "id", TargetColumn: "y", WeightColumn: "w"}
	wantText(t, "f.csv", data, all, `[1 3] "r" → 0.5 × 2`, `[4 6] "s" → -1000 × 0`, `[7 9] "t" → 8 × 1.5`)
	wantText(t, "f.csv", data, Options{TargetColumn: "2", WeightColumn: "w", Columns: []string{"b"}}, "[3] → 0.5 × 2",
		"[6] → -1000 × 0", "[9] → 8 × 1.5")
	wantText(t, "f.csv", data, Options{WeightColumn: "w", Columns: []string{"?"}, TargetColumn: "y"}, "[1 3] → 0.5 × 2",
		"[4 6] → -1000 × 0", "[7 9] → 8 × 1.5")
	wantText(t, "f.tsv", "1\t2\n3\t4\n", Options{TargetColumn: "1"}, "[1] → 2", "[3] → 4")

	// A label is the text as it stands.
	labels := Options{TargetColumn: "y", Labels: true}
	wantText(t, "f.csv", "a,y\n1,yes\n2, no \n3,\"x,\"\"y\"\"\"\n4,01\n5,1.0\n6,nan\n7,\n8,\"\"\n9,  \n10,yes\n", labels,
		`[1] → "yes"`, `[2] → " no "`, `[3] → "x,\"y\""`, `[4] → "01"`, `[5] → "1.0"`, `[6] → "nan"`,
		`, column y: found an empty field, expected a label`, `, column y: found an empty field, expected a label`,
		`, column y: found an empty field, expected a label`,
		`[10] → "yes"`)

	wantText(t, "f.csv",
		"a,y,w\n1,,1\n2,x,1\n3,nan,1\n4,1e999,1\n5,\"-inf\",1\n6,1,\n7,1,x\n8,1,-0.5\n9,1,inf\n10,1,\"1e400\"\n11,1,NaN\n12,1\n13,2,3\n",
		Options{TargetColumn: "y", WeightColumn: "w"},
		", column y: found an empty field, expected a number", `, column y: found "x", expected a number`,
		`, column y: found "nan", expected a finite number`,
		`, column y: found "1e999", expected a finite float64`, `, column y: found "-inf", expected a finite number`,
		", column w: found an empty field, expected a number", `, column w: found "x", expected a number`,
		`, column w: found "-0.5", expected a weight of at least 0`,
		`, column w: found "inf", expected a finite number`, `, column w: found "1e400", expected a finite weight`,
		`, column w: found "NaN", expected a finite number`,
		": found 2 fields, expected 3", "[13] → 2 × 3")
}

func TestSupervisedColumns(t *testing.T) {
	const data = "id,a,y,w\n1,2,3,4\n"
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{TargetColumn: "z"}, `found the columns "id", "a", "y", "w", expected the target column "z"`},
		{Options{WeightColumn: "4"}, `found the columns "id", "a", "y", "w", expected the weight column "4"`},
		{Options{TargetColumn: "y", IDColumn: "y"},
			"found the column y for both, expected a column of its own for the id and the target"},
		{Options{TargetColumn: "y", WeightColumn: "2"},
			"found the column y for both, expected a column of its own for the target and the weight"},
		{Options{IDColumn: "w", WeightColumn: "w"},
			"found the column w for both, expected a column of its own for the id and the weight"},
		{Options{IDColumn: "id", TargetColumn: "y", WeightColumn: "w", Columns: []string{"[yw]"}},
			`found the columns "id", "a", "y", "w", expected a column "[yw]"`},
	} {
		wantFault(t, "f.csv", data, c.o, "f.csv: "+c.want)
	}
	wantFault(t, "f.csv", "a,b,c\n", Options{IDColumn: "a", TargetColumn: "c", WeightColumn: "b"},
		"f.csv: found none but the id and the target and the weight, expected at least one column for the vector")
	wantFault(t, "f.csv", "y,a,y\n1,2,3\n", Options{TargetColumn: "y"},
		`f.csv: found 2 columns "y", expected one column of that name, or its index`)
	wantFault(t, "f.csv", "a,b\n1,2\n", Options{Features: 3}, "f.csv: found 2 columns, expected 3 features")
	wantFault(t, "x.npy", npyArray("<f4", "(1, 2)", make([]byte, 8)), Options{TargetColumn: "y"},
		`x.npy: found 2 columns without names: they go by their index, from 0, expected the target column "y"`)
}

// The target and the weight are in no vector, also where the columns asked for have them, which a note tells.
func TestUsesOfColumns(t *testing.T) {
	csv, jsonl := "id,a,y,w\n1,2,3,4\n", `{"id":1,"a":2,"y":3,"w":4}`+"\n"
	for _, c := range []struct {
		o         Options
		row, note string
	}{
		{Options{TargetColumn: "y", Columns: []string{"a", "y"}}, "[2] → 3", "y (target)"},
		{Options{TargetColumn: "y", WeightColumn: "w", Columns: []string{"a", "y", "w"}}, "[2] → 3 × 4",
			"y (target), w (weight)"},
		{Options{WeightColumn: "w", TargetColumn: "y", Columns: []string{"w", "a"}}, "[2] → 3 × 4", "w (weight)"},
		{Options{TargetColumn: "y", Columns: []string{"y", "a", "!y"}}, "[2] → 3", ""},
		{Options{TargetColumn: "y", IDColumn: "id", Columns: []string{"id", "a"}}, `[1 2] "1" → 3`, ""},
	} {
		for name, data := range map[string]string{"f.csv": csv, "f.jsonl": jsonl} {
			wantText(t, name, data, c.o, c.row)
			src, err := inspectText(data, name, c.o)
			if err != nil {
				t.Fatal(err)
			}
			want := []string(nil)
			if c.note != "" {
				want = []string{"of the columns asked for, not in the vector: " + c.note}
			}
			if got := Notes(src); !slices.Equal(got, want) {
				t.Errorf("%s, %+v: notes %q, want %q", name, c.o, got, want)
			}
		}
	}
	wantFault(t, "f.csv", csv, Options{TargetColumn: "y", Columns: []string{"y"}},
		"f.csv: found none but the target, expected at least one column for the vector")
}

// Words for truth values are the labels that booleans have, in text of every format; and no other words are.
func TestTruthLabels(t *testing.T) {
	o := Options{TargetColumn: "y", Labels: true}
	want := []string{`[1] → "True"`, `[2] → "True"`, `[3] → "True"`, `[4] → "False"`, `[5] → "False"`, `[6] → "tRUE"`,
		`[7] → "True"`}
	csv, jsonl := "x,y\n", ""
	for i, label := range []string{"true", "TRUE", "True", "false", "FALSE", "tRUE", "true"} {
		csv += fmt.Sprintf("%d,%s\n", i+1, label)
		jsonl += fmt.Sprintf(`{"x":%d,"y":%q}`+"\n", i+1, label)
	}
	wantText(t, "f.csv", csv, o, want...)
	o.Columns = []string{"x"}
	wantText(t, "f.jsonl", jsonl, o, want...)
}

func TestSupervisedJSONL(t *testing.T) {
	o := Options{TargetColumn: "y", WeightColumn: "w", IDColumn: "id"}
	wantText(t, "f.jsonl", `{"id":1,"vector":[1,2],"y":0.5,"w":2}`+"\n"+`{"w":0,"y":-3e2,"vector":[3,4],"id":"b"}`+"\n", o,
		`[1 2] "1" → 0.5 × 2`, `[3 4] "b" → -300 × 0`)
	wantText(t, "f.jsonl", `{"a":1,"y":2,"b":3}`+"\n"+`{"a":4,"y":5,"b":6}`,
		Options{TargetColumn: "y", Columns: []string{"*"}}, "[1 3] → 2", "[4 6] → 5")

	row := func(y string) string { return `{"vector":[1],"y":` + y + "}\n" }
	wantText(t, "f.jsonl", row(`"a"`)+row(`"\u0041\n"`)+row("1.50")+row("true")+row("false")+row("-1e3")+row("null")+
		row(`""`)+row("[1]")+row("{}")+"{\"vector\":[1]}\n"+row("tru")+row(`"a"`),
		Options{TargetColumn: "y", Labels: true},
		`[1] → "a"`, `[1] → "A\n"`, `[1] → "1.50"`, `[1] → "True"`, `[1] → "False"`, `[1] → "-1e3"`,
		", column y: found null, expected a label: a string, a number or a boolean",
		", column y: found an empty string, expected a label",
		", column y: found an array, expected a label: a string, a number or a boolean",
		", column y: found an object, expected a label: a string, a number or a boolean",
		", column y: found no such key, expected a label: a string, a number or a boolean",
		", column y: found tru, expected a label: a string, a number or a boolean", `[1] → "a"`)
	wantText(t, "f.jsonl", `{"vector":[1],"y":1,"w":1}`+"\n"+`{"vector":[1],"y":"1","w":1}`+"\n"+
		`{"vector":[1],"y":true,"w":1}`+"\n"+`{"vector":[1],"y":1e999,"w":1}`+"\n"+
		`{"vector":[1],"y":1,"w":-1}`+"\n"+`{"vector":[1],"y":1}`+"\n"+`{"vector":[1],"y":1,"w":null}`+"\n"+
		`{"vector":[1],"w":1}`+"\n"+`{"vector":[1],"y":1,"w":1,"y":2}`+"\n",
		Options{TargetColumn: "y", WeightColumn: "w"},
		"[1] → 1 × 1", `, column y: found the string "1", expected a number without quotes`, "[1] → 1 × 1",
		", column y: found 1e999, expected a finite float64",
		", column w: found -1, expected a weight of at least 0", ", column w: found no such key, expected a number",
		", column w: found null, expected a number",
		", column y: found no such key, expected a number", ", column y: found the key twice, expected it once")

	wantFault(t, "f.jsonl", `{"vector":[1],"y":"a"}`, Options{TargetColumn: "y"},
		`f.jsonl, column y: found the string "a" in the first row, expected a number`)
	wantFault(t, "f.jsonl", `{"vector":[1],"y":"a"}`, Options{TargetColumn: "1"},
		`f.jsonl: found the column "1", expected keys by name or by glob: those of an object have no order`)
	wantFault(t, "f.jsonl", `{"vector":[1],"y":"a"}`, Options{WeightColumn: "w"},
		`f.jsonl: found the columns "vector", "y", expected the weight column "w"`)
}

func TestSupervisedMatrix(t *testing.T) {
	o := Options{TargetColumn: "1", WeightColumn: "3", IDColumn: "0"}
	values := []float64{7, 0.1, 1.5, 2, -8, -3, 2.5, 0}
	for mark, order := range map[string]binary.AppendByteOrder{"<": binary.LittleEndian, ">": binary.BigEndian} {
		wantRows(t, "x.npy", npyArray(mark+"f8", "(2, 4)", encoded(order, values)), o,
			rowsOf(`[1.5] "7" → 0.1 × 2`, `[2.5] "-8" → -3 × 0`))
		for descr, values := range map[string]any{
			"i2": []int16{-1, 2}, "u4": []uint32{4294967295, 2}, "f2": []uint16{0xc200, 0x4000}, "i8": []int64{-1 << 60, 2},
			"u8": []uint64{1<<64 - 1, 2},
		} {
			want := map[string]string{"i2": "-1", "u4": "4.294967295e+09", "f2": "-3", "i8": "-1.152921504606847e+18",
				"u8": "1.8446744073709552e+19"}[descr]
			// Whether a label or not, a number of a binary file is one; but several labels of 64 bits may be one float64.
			for _, labels := range []bool{false, true} {
				rows := rowsOf("[2] → " + want)
				if labels && strings.HasSuffix(descr, "8") {
					rows = rowsOf("fault: x.npy: row 0, column 0: found " + want + ", expected a label below 2⁵³, or text")
				}
				wantRows(t, "x.npy", npyArray(mark+descr, "(1, 2)", encoded(order, values)),
					Options{TargetColumn: "0", Labels: labels}, rows)
			}
		}
	}
	wantRows(t, "x.npy", npyArray("|b1", "(2, 2)", []byte{5, 1, 0, 1}), Options{TargetColumn: "0"},
		rowsOf("[1] → 1", "[1] → 0"))
	nan := []float32{1, 0, 0, 0x7fc00000}
	data := encoded(binary.LittleEndian, []uint32{0x3f800000, 0x7fc00000, 0x3f800000, 0x3f800000, 0x3f800000, 0xbf800000,
		0x7f800000, 0x40000000, 0x7f800000, 0x40000000, 0x40000000, 0x40000000})
	wantRows(t, "x.npy", npyArray("<f4", fmt.Sprintf("(%d, 3)", len(nan)), data),
		Options{TargetColumn: "1", WeightColumn: "2"}, rowsOf(
			"fault: x.npy: row 0, column 1: found NaN, expected a finite number",
			"fault: x.npy: row 1, column 2: found -1, expected a weight of at least 0",
			"fault: x.npy: row 2, column 2: found +Inf, expected a finite weight", "[2] → 2 × 2"))
	wantRows(t, "x.npy", npyArray("<f4", "(1, 2)", data[:8]), Options{WeightColumn: "1"},
		rowsOf("fault: x.npy: row 0, column 1: found NaN, expected a finite weight"))
	wantRows(t, "x.fvecs", vecsOf([]float32{1, 2, 3}, []float32{4, 5, 6}), Options{TargetColumn: "2"},
		rowsOf("[1 2] → 3", "[4 5] → 6"))
	wantRows(t, "x.bvecs", vecsOf([]uint8{1, 255, 3}), Options{TargetColumn: "1"}, rowsOf("[1 3] → 255"))
	wantRows(t, "x.i8bin", binOf[int8](2, 2, 1, -2, 3, 4), Options{TargetColumn: "1"}, rowsOf("[1] → -2", "[3] → 4"))
	wantRows(t, "x.fbin", binOf[float32](1, 2, 1, 0.5), Options{WeightColumn: "1"}, rowsOf("[1] × 0.5"))
}

func TestSupervisedParquet(t *testing.T) {
	fields := []arrow.Field{
		column("id", arrow.BinaryTypes.String), column("a", arrow.PrimitiveTypes.Float32),
		column("b", arrow.PrimitiveTypes.Float64),
		column("y", arrow.BinaryTypes.String), column("n", arrow.PrimitiveTypes.Int32),
		column("w", arrow.PrimitiveTypes.Float32), column("t", arrow.FixedWidthTypes.Boolean),
	}
	var json []string
	for i, y := range []string{`"yes"`, `"no"`, "null", `""`, `" 1"`, `"yes"`} {
		w := []string{"0.5", "2", "1", "1", "-1", "null"}[i]
		n := []string{"1", "-2", "3", "null", "5", "6"}[i]
		json = append(json, fmt.Sprintf(`{"id":"r%d","a":%d,"b":%d.5,"y":%s,"n":%s,"w":%s,"t":%v}`, i, i, i, y, n, w,
			i%2 == 0))
	}
	for _, group := range []int64{2, 4, 100} {
		data := parquetOf(t, fields, "["+strings.Join(json, ",")+"]", group)
		ab := []string{"a", "b"}
		wantRows(t, "x.parquet", data, Options{Columns: ab, IDColumn: "id", TargetColumn: "y", Labels: true,
			WeightColumn: "w"}, rowsOf(
			`[0 0.5] "r0" → "yes" × 0.5`, `[1 1.5] "r1" → "no" × 2`,
			"fault: x.parquet: row 2, column y: found null, expected a label",
			"fault: x.parquet: row 3, column y: found an empty text, expected a label",
			"fault: x.parquet: row 4, column w: found -1, expected a weight of at least 0",
			"fault: x.parquet: row 5, column w: found null, expected a number"))
		wantRows(t, "x.parquet", data, Options{Columns: ab, TargetColumn: "y", Labels: true},
			rowsOf(`[0 0.5] → "yes"`, `[1 1.5] → "no"`,
				"fault: x.parquet: row 2, column y: found null, expected a label",
				"fault: x.parquet: row 3, column y: found an empty text, expected a label", `[4 4.5] → " 1"`, `[5 5.5] → "yes"`))
		// Numbers are the target whether it is a label or not; by default they are left out of the vector.
		for _, labels := range []bool{false, true} {
			wantRows(t, "x.parquet", data, Options{IDColumn: "id", TargetColumn: "n", WeightColumn: "w", Labels: labels},
				rowsOf(`[0 0.5 1] "r0" → 1 × 0.5`, `[1 1.5 0] "r1" → -2 × 2`,
					`[2 2.5 1] "r2" → 3 × 1`, "fault: x.parquet: row 3, column n: found null, expected a number",
					"fault: x.parquet: row 4, column w: found -1, expected a weight of at least 0",
					"fault: x.parquet: row 5, column w: found null, expected a number"))
		}
		wantRows(t, "x.parquet", data, Options{Columns: ab[:1], TargetColumn: "t"},
			rowsOf("[0] → 1", "[1] → 0", "[2] → 1", "[3] → 0", "[4] → 1", "[5] → 0"))
		wantFault(t, "x.parquet", data, Options{Columns: ab, TargetColumn: "y"},
			`x.parquet: found the column "y" of String, expected numbers as the target`)
		wantFault(t, "x.parquet", data, Options{Columns: ab, WeightColumn: "y"},
			`x.parquet: found the column "y" of String, expected numbers as weights`)
	}
	lists := parquetOf(t, []arrow.Field{{Name: "x", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32)},
		column("y", arrow.PrimitiveTypes.Float64), column("d", arrow.FixedWidthTypes.Date32)},
		`[{"x":[1,2],"y":0.1,"d":"2020-01-01"},{"x":[3,4],"y":0.2,"d":"2020-01-01"}]`, 1)
	wantRows(t, "x.parquet", lists, Options{TargetColumn: "y"}, rowsOf("[1 2] → 0.1", "[3 4] → 0.2"))
	wantFault(t, "x.parquet", lists, Options{TargetColumn: "x", Columns: []string{"y"}, Labels: true},
		`x.parquet: found the column "x" of lists of FLOAT, expected numbers, text or dates as the target`)
	wantFault(t, "x.parquet", lists, Options{TargetColumn: "d", Columns: []string{"y"}},
		`x.parquet: found the column "d" of Date, expected numbers as the target`)
}

// Of each label there is one copy.
func TestLabelsInterned(t *testing.T) {
	const rows = 1000
	files := map[string]string{"f.csv": "a,y\n", "f.jsonl": "", "f.svm": ""}
	for i := range rows {
		label := []string{"spam", "ham"}[i%3%2]
		files["f.csv"] += fmt.Sprintf("%d,%s\n", i, label)
		files["f.jsonl"] += fmt.Sprintf(`{"vector":[%d],"y":"%s"}`+"\n", i, label)
		files["f.svm"] += fmt.Sprintf("%s 1:%d\n", label, i)
	}
	for name, data := range files {
		o := Options{TargetColumn: "y", Labels: true}
		if name == "f.svm" {
			o.TargetColumn = ""
		}
		b, err := Load(t.Context(), o, write(t, name, data))
		if err != nil {
			t.Fatal(err)
		}
		copies := map[*byte]bool{}
		for _, l := range b.Labels {
			copies[unsafe.StringData(l)] = true
		}
		if len(b.Labels) != rows || len(copies) != 2 {
			t.Errorf("%s: %d labels, %d copies", name, len(b.Labels), len(copies))
		}
	}
}

// Files with names of columns must have the same ones, in any order; files without go along.
func TestAgreement(t *testing.T) {
	ab, ba := write(t, "ab.csv", "a,b,y\n1,2,1\n"), write(t, "ba.csv", "b,a,y\n2,1,1\n")
	ac := write(t, "ac.csv", "a,c,y\n2,1,1\n")
	npy := write(t, "x.npy", npyArray("<f4", "(1, 3)", make([]byte, 12)))
	o := Options{TargetColumn: "2"}
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{ab, npy, ab}, ""},
		{[]string{npy, ab, npy}, ""},
		{[]string{ab, ba, ba}, ""},
		{[]string{npy, ab, ac}, ac + `: found the columns "a", "c", without "b", expected the columns "a", "b", as in ` + ab},
		{[]string{ab, write(t, "text.csv", "a,b,y\n1,x,1\n")},
			`/text.csv: found the columns "a", without "b", which is there as text, expected the columns "a", "b", as in ` +
				ab},
		{[]string{ab, write(t, "y.csv", "1,2,3,4\n")}, "/y.csv: found 3 columns, expected 2 columns, as in " + ab},
	} {
		b, err := Load(t.Context(), o, c.files...)
		if c.want == "" && (err != nil || b.Len() != 3 || len(b.Target) != 3) {
			t.Errorf("%v: %v", c.files, err)
		} else if c.want == "" && c.files[1] == ba && !slices.Equal(b.F32, []float32{1, 2, 1, 2, 1, 2}) {
			t.Errorf("%v: %v", c.files, b.F32)
		} else if c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)) {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
	o.Labels = true
	want := npy + ": found other ones, or none, expected targets of the same kind, numbers or text, as in " + ab
	if _, err := Load(t.Context(), o, ab, npy); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestColumns(t *testing.T) {
	for _, c := range []struct {
		name, data string
		o          Options
		want       []string
	}{
		{"x.csv", "id,a,b,y\n1,2,3,4\n", Options{IDColumn: "id", TargetColumn: "y"}, []string{"a", "b"}},
		{"x.csv", "a,b\n1,2\n", Options{Columns: []string{"b", "a"}}, []string{"b", "a"}},
		{"x.csv", "1,2\n", Options{}, nil},
		{"x.jsonl", `{"b":1,"a":2}`, Options{Columns: []string{"a", "b"}}, []string{"a", "b"}},
		{"x.jsonl", `{"vector":[1,2]}`, Options{}, nil},
		{"x.fvecs", vecsOf([]float32{1, 2}), Options{}, nil},
		{"x.svm", "1 1:2\n", Options{}, nil},
		{"x.parquet", parquetOf(t, []arrow.Field{column("a", arrow.PrimitiveTypes.Int32),
			column("b", arrow.PrimitiveTypes.Float32)}, `[{"a":1,"b":2}]`, 1), Options{TargetColumn: "a"}, []string{"b"}},
		{"x.parquet", grid{3, 2}.file(t, "parquet"), Options{}, nil},
	} {
		src, err := inspectText(c.data, c.name, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := src.Columns(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Data as it comes, with targets.
func TestSupervisedLoad(t *testing.T) {
	cancer, err := Load(t.Context(), Options{TargetColumn: "target", Labels: true}, "../../testdata/breast_cancer.csv")
	if err != nil {
		t.Fatal(err)
	}
	benign := 0
	for _, l := range cancer.Labels {
		if l == "1" {
			benign++
		}
	}
	if cancer.Len() != 569 || cancer.Dim != 30 || len(cancer.Target) > 0 || benign != 357 {
		t.Errorf("%d tumours of %d measurements, %d benign", cancer.Len(), cancer.Dim, benign)
	}
	diabetes, err := Load(t.Context(), Options{TargetColumn: "target", WeightColumn: "age"}, "../../testdata/diabetes.csv")
	if err != nil {
		t.Fatal(err)
	}
	if diabetes.Len() != 442 || diabetes.Dim != 9 || diabetes.Target[0] != 151 || diabetes.Weights[0] != 59 ||
		diabetes.Target[441] != 57 {
		t.Errorf("%d patients of %d measurements, %v × %v", diabetes.Len(), diabetes.Dim, diabetes.Target[0],
			diabetes.Weights[0])
	}
	shuttle, err := Load(t.Context(), Options{TargetColumn: "anomaly", Labels: true, DType: vectors.Float32},
		"../../testdata/shuttle.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	anomalies := 0
	for _, l := range shuttle.Labels {
		if l == "1" {
			anomalies++
		}
	}
	if len(shuttle.Labels) != 49097 || anomalies != 3511 {
		t.Errorf("%d readings, %d anomalies", len(shuttle.Labels), anomalies)
	}
}
