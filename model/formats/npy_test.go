package formats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// npyOf is a .npy file of version 1 with a header and data.
func npyOf(header string, data []byte) string {
	return fmt.Sprintf("\x93NUMPY\x01\x00%s%s%s", binary.LittleEndian.AppendUint16(nil, uint16(len(header))), header, data)
}

// npyArray is a .npy file as numpy.save writes it.
func npyArray(descr, shape string, data []byte) string {
	return npyOf(fmt.Sprintf("%-117s\n", fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
		shape)), data)
}

// encoded is values, each of a fixed size, in a byte order.
func encoded(order binary.AppendByteOrder, values any) []byte {
	b, err := binary.Append(nil, order.(binary.ByteOrder), values)
	if err != nil {
		panic(err)
	}
	return b
}

// rowsOf is the text of rows that readRows gives.
func rowsOf(rows ...string) []read {
	var list []read
	for i, r := range rows {
		list = append(list, read{int64(i), r})
	}
	return list
}

func wantRows(t *testing.T, name, data string, o Options, want []read) {
	t.Helper()
	src, err := inspectText(data, name, o)
	if err != nil {
		t.Fatal(err)
	}
	if src.Rows() != int64(len(want)) {
		t.Fatalf("%d rows, want %d", src.Rows(), len(want))
	}
	for _, some := range []int{1, 2, 100} {
		got, err := readRows(src, Span{Rows: src.Rows()}, some)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%d at a time: %v, %v\nwant %v", some, got, err, want)
		}
	}
}

func wantFault(t *testing.T, name, data string, o Options, want string) {
	t.Helper()
	if _, err := inspectText(data, name, o); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// Every type in either byte order, with its extremes.
func TestNPYTypes(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		descr  string
		values any // 2 × 2
		want   []read
	}{
		{"i1", []int8{-128, 127, 0, 1}, rowsOf("[-128 127]", "[0 1]")},
		{"u1", []uint8{255, 128, 0, 1}, rowsOf("[255 128]", "[0 1]")},
		{"b1", []bool{true, false, false, true}, rowsOf("[1 0]", "[0 1]")},
		{"i2", []int16{-32768, 32767, 0, 1}, rowsOf("[-32768 32767]", "[0 1]")},
		{"u2", []uint16{65535, 32768, 0, 1}, rowsOf("[65535 32768]", "[0 1]")},
		{"i4", []int32{math.MinInt32, math.MaxInt32, 0, 1<<24 + 1},
			rowsOf("[-2.147483648e+09 2.147483647e+09]", "[0 1.6777217e+07]")},
		{"u4", []uint32{math.MaxUint32, 1 << 31, 0, 1}, rowsOf("[4.294967295e+09 2.147483648e+09]", "[0 1]")},
		{"i8", []int64{math.MinInt64, math.MaxInt64, 1<<53 + 1, 1<<53 + 3},
			rowsOf("[-9.223372036854776e+18 9.223372036854776e+18]", "[9.007199254740992e+15 9.007199254740996e+15]")},
		{"u8", []uint64{math.MaxUint64, 1<<63 + 1025, 0, 1<<53 + 1},
			rowsOf("[1.8446744073709552e+19 9.223372036854778e+18]", "[0 9.007199254740992e+15]")},
		{"f2", []uint16{0x3c00, 0xc000, 0x7bff, 0x8000}, rowsOf("[1 -2]", "[65504 -0]")},
		{"f2", []uint16{0x0001, 0x83ff, 0x0400, 0x3555},
			rowsOf("[5.960464477539063e-08 -6.097555160522461e-05]", "[6.103515625e-05 0.333251953125]")},
		{"f2", []uint16{0x7c00, 0, 0, 0x7e01}, rowsOf("fault: x.npy: row 0, column 0: found +Inf, expected a finite number",
			"fault: x.npy: row 1, column 1: found NaN, expected a finite number")},
		{"f4", []float32{0.1, math.MaxFloat32, -math.SmallestNonzeroFloat32, float32(math.Copysign(0, -1))},
			rowsOf("[0.10000000149011612 3.4028234663852886e+38]", "[-1.401298464324817e-45 -0]")},
		{"f4", []float32{1, 2, 3, float32(-inf)},
			rowsOf("[1 2]", "fault: x.npy: row 1, column 1: found -Inf, expected a finite number")},
		{"f8", []float64{0.1, math.MaxFloat64, -5e-324, math.Copysign(0, -1)},
			rowsOf("[0.1 1.7976931348623157e+308]", "[-5e-324 -0]")},
		{"f8", []float64{nan, 2, 0.1, 4}, rowsOf("fault: x.npy: row 0, column 0: found NaN, expected a finite number",
			"[0.1 4]")},
	} {
		t.Run(c.descr, func(t *testing.T) {
			wantRows(t, "x.npy", npyArray("<"+c.descr, "(2, 2)", encoded(binary.LittleEndian, c.values)), Options{}, c.want)
			wantRows(t, "x.npy", npyArray(">"+c.descr, "(2, 2)", encoded(binary.BigEndian, c.values)), Options{}, c.want)
			for _, order := range []string{"=", "|", ""} {
				wantRows(t, "x.npy", npyArray(order+c.descr, "(2, 2)", encoded(binary.NativeEndian, c.values)), Options{}, c.want)
			}
		})
	}
}

// Headers in every way that numpy has written them, or may.
func TestNPYHeaders(t *testing.T) {
	data := encoded(binary.LittleEndian, []float32{1, 2, 3, 4, 5, 6})
	rows := rowsOf("[1 2]", "[3 4]", "[5 6]")
	version := func(v byte, header string) string {
		return fmt.Sprintf("\x93NUMPY%c\x00%s%s%s", v, binary.LittleEndian.AppendUint32(nil, uint32(len(header))), header,
			data)
	}
	const plain = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"
	for name, c := range map[string]struct {
		file string
		want []read
	}{
		"numpy.save": {"\x93NUMPY\x01\x00v\x00" + plain + strings.Repeat(" ", 58) + "\n" + string(data),
			rows},
		"version 2": {version(2, plain), rows},
		"version 3": {version(3, plain+"   \n"), rows},
		"long":      {version(2, plain+strings.Repeat(" ", 60_000)), rows},
		"tight":     {npyOf("{'shape':(3,2),'descr':'<f4','fortran_order':False}", data), rows},
		"loose": {npyOf(
			" { 'fortran_order' : False ,\n\t'shape' : ( 3 , 2 , ) , \"descr\" : \"<f4\" } \r\n", data), rows},
		"Python 2": {npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 2L), }", data), rows},
		"vector":   {npyArray("<f4", "(6,)", data), rowsOf("[1]", "[2]", "[3]", "[4]", "[5]", "[6]")},
		"one row, in Fortran order": {npyOf("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 6)}", data),
			rowsOf("[1 2 3 4 5 6]")},
		"one column, in Fortran order": {npyOf("{'descr': '<f4', 'fortran_order': True, 'shape': (6, 1)}", data),
			rowsOf("[1]", "[2]", "[3]", "[4]", "[5]", "[6]")},
		"vector, in Fortran order": {npyOf("{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", data),
			rowsOf("[1]", "[2]", "[3]", "[4]", "[5]", "[6]")},
	} {
		t.Run(name, func(t *testing.T) { wantRows(t, "x.npy", c.file, Options{}, c.want) })
	}
}

func TestNPYRefused(t *testing.T) {
	data := encoded(binary.LittleEndian, []float32{1, 2, 3, 4})
	header := func(format string, args ...any) string { return npyOf(fmt.Sprintf(format, args...), data) }
	typed := func(descr string) string {
		return header("{'descr': %s, 'fortran_order': False, 'shape': (2, 2)}", descr)
	}
	shaped := func(shape string) string {
		return header("{'descr': '<f4', 'fortran_order': False, 'shape': %s}", shape)
	}
	const types = "expected numbers: f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or b1"
	parse := func(cut, expected string) string { return "found the header " + cut + ", expected " + expected }
	for _, c := range []struct{ file, want string }{
		{"PK\x03\x04 an archive", `found "PK\x03\x04 a", expected the beginning of a .npy file, "\x93NUMPY"`},
		{"\x93NUM", `found "\x93NUM", expected the beginning of a .npy file, "\x93NUMPY"`},
		{"\x93NUMPY\x01\x00v", "found 9 bytes, expected a whole header"},
		{"\x93NUMPY\x04\x00v\x00\x00\x00{}", "found version 4, expected version 1, 2 or 3 of the format"},
		{"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", "found one of 4294967295 bytes, expected a header of at most 65536 bytes"},
		{"\x93NUMPY\x01\x00\xff\xff{}", "found a file of 12 bytes, expected 65545 bytes from byte 0 on"},

		{typed("'<c8'"), `found the type "<c8" (complex), ` + types},
		{typed("'<f16'"), `found the type "<f16", ` + types},
		{typed("'|O'"), `found the type "|O" (Python objects), ` + types},
		{typed("'|S5'"), `found the type "|S5" (bytes), ` + types},
		{typed("'<U5'"), `found the type "<U5" (text), ` + types},
		{typed("'|V8'"), `found the type "|V8" (void or structured), ` + types},
		{typed("'<M8[ns]'"), `found the type "<M8[ns]" (times), ` + types},
		{typed("'<m8[ns]'"), `found the type "<m8[ns]" (durations), ` + types},
		{typed("'<<f4'"), `found the type "<<f4", ` + types},
		{typed("'f3'"), `found the type "f3", ` + types},
		{typed("''"), `found the type "", ` + types},
		{typed("[('a', '<f4'), ('b', '<f4')]"),
			"found a structured array, whose columns have types of their own, expected numbers of one type: a table with " +
				"names is a .csv or a .parquet"},
		{typed("('<f4', (2,))"), parse(`"{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (2"…`,
			"numbers of one type, not a structured one at byte 10 of it")},

		{shaped("()"), "found 0 dimensions, expected an array of rows and columns, of 2 dimensions or 1"},
		{shaped("(1, 2, 2)"), "found 3 dimensions, expected an array of rows and columns, of 2 dimensions or 1"},
		{shaped("(0, 5)"), "found the shape (0, 5), expected rows of data"},
		{shaped("(5, 0)"), "found the shape (5, 0), expected rows of data"},
		{shaped("(0,)"), "found the shape (0, 1), expected rows of data"},
		{shaped("(2, 3)"), "found 16 bytes, expected 2 rows × 3 columns × 4 bytes after the header"},
		{shaped("(1, 3)"), "found 16 bytes, expected 1 rows × 3 columns × 4 bytes after the header"},
		{shaped("(9223372036854775807, 9223372036854775807)"),
			"found 16 bytes, expected 9223372036854775807 rows × 9223372036854775807 columns × 4 bytes after the header"},
		{shaped("(4611686018427387905, 4)"),
			"found 16 bytes, expected 4611686018427387905 rows × 4 columns × 4 bytes after the header"},

		{shaped("(9223372036854775808, 2)"), parse(`"{'descr': '<f4', 'fortran_order': False, 'shape': (922337203"…`,
			"a tuple of sizes at byte 51 of it")},
		{shaped("(-2, 2)"), parse(`"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 2)}"`,
			"a tuple of sizes at byte 51 of it")},
		{shaped("(4)"), parse(`"{'descr': '<f4', 'fortran_order': False, 'shape': (4)}"`,
			"a tuple of sizes at byte 52 of it")},
		{shaped("(,)"), parse(`"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}"`,
			"a tuple of sizes at byte 51 of it")},
		{shaped("(2, 2"), parse(`"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2}"`,
			"a tuple of sizes at byte 55 of it")},
		{shaped("[2, 2]"), parse(`"{'descr': '<f4', 'fortran_order': False, 'shape': [2, 2]}"`,
			"a tuple of sizes at byte 50 of it")},
		{header("[]"), parse(`"[]"`, "a dictionary at byte 0 of it")},
		{header("{"), parse(`"{"`, "a key and a colon at byte 1 of it")},
		{header("{'descr"), parse(`"{'descr"`, "a key and a colon at byte 2 of it")},
		{header("{'descr': '<f4' 'shape': (2, 2)}"),
			parse(`"{'descr': '<f4' 'shape': (2, 2)}"`, "a comma or } at byte 16 of it")},
		{header("{'descr': '<\\x664'}"),
			parse(`"{'descr': '<\\x664'}"`, "numbers of one type, not a structured one at byte 11 of it")},
		{header("{'fortran_order': false}"), parse(`"{'fortran_order': false}"`, "True or False at byte 18 of it")},
		{header("{'descr': '<f4', 'fortran_order': False}"),
			parse(`"{'descr': '<f4', 'fortran_order': False}"`, "the keys descr, fortran_order and shape")},
		{header("{'descr': '<f4', 'descr': '<f4'}"),
			parse(`"{'descr': '<f4', 'descr': '<f4'}"`, `the key "descr" once at byte 25 of it`)},
		{header("{'order': 'C'}"), parse(`"{'order': 'C'}"`, "no key but descr, fortran_order and shape at byte 9 of it")},
		{header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)} x"),
			parse(`"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)} x"`,
				"nothing behind the dictionary at byte 58 of it")},
	} {
		wantFault(t, "x.npy", c.file, Options{}, "x.npy: "+c.want)
	}
	good := npyArray("<f4", "(2, 2)", data)
	wantFault(t, "x.npy", good[:len(good)-1], Options{},
		"x.npy: found 15 bytes, expected 2 rows × 2 columns × 4 bytes after the header")
	wantFault(t, "x.npy", good+"\x00", Options{},
		"x.npy: found 17 bytes, expected 2 rows × 2 columns × 4 bytes after the header")
}

// Columns and ids of any type: what a matrix of numbers offers.
func TestNPYColumns(t *testing.T) {
	floats := npyArray("<f8", "(6, 4)", encoded(binary.LittleEndian, []float64{
		7, 0.5, 1, 2,
		-8, 0.25, 3, 4,
		1.5, 6, 7, 8,
		1 << 53, 9, math.NaN(), 10,
		1<<53 + 2, 11, 12, 13,
		math.NaN(), math.NaN(), 14, 15,
	}))
	for _, c := range []struct {
		options Options
		want    []read
	}{
		{Options{Columns: []string{"1-3"}},
			rowsOf("[0.5 1 2]", "[0.25 3 4]", "[6 7 8]", "fault: x.npy: row 3, column 2: found NaN, expected a finite number",
				"[11 12 13]", "fault: x.npy: row 5, column 1: found NaN, expected a finite number")},
		{Options{Columns: []string{"3", "1"}},
			rowsOf("[2 0.5]", "[4 0.25]", "[8 6]", "[10 9]", "[13 11]",
				"fault: x.npy: row 5, column 1: found NaN, expected a finite number")},
		{Options{Columns: []string{"3"}}, rowsOf("[2]", "[4]", "[8]", "[10]", "[13]", "[15]")},
		{Options{IDColumn: "0"}, rowsOf(`[0.5 1 2] "7"`, `[0.25 3 4] "-8"`,
			"fault: x.npy: row 2, column 0: found 1.5, expected an integer as an id",
			"fault: x.npy: row 3, column 2: found NaN, expected a finite number",
			"fault: x.npy: row 4, column 0: found 9.007199254740994e+15, expected an integer as an id",
			"fault: x.npy: row 5, column 0: found NaN, expected an integer as an id")},
		{Options{IDColumn: "0", Columns: []string{"3", "0-1"}},
			rowsOf(`[2 7 0.5] "7"`, `[4 -8 0.25] "-8"`, "fault: x.npy: row 2, column 0: found 1.5, expected an integer as an id",
				`[10 9.007199254740992e+15 9] "9007199254740992"`,
				"fault: x.npy: row 4, column 0: found 9.007199254740994e+15, expected an integer as an id",
				"fault: x.npy: row 5, column 0: found NaN, expected an integer as an id")},
	} {
		wantRows(t, "x.npy", floats, c.options, c.want)
	}
	for _, c := range []struct {
		descr  string
		values any
		want   []read
	}{
		{"i1", []int8{-7, 2}, rowsOf(`[2] "-7"`)},
		{"u1", []uint8{255, 2}, rowsOf(`[2] "255"`)},
		{"i2", []int16{-32768, 2}, rowsOf(`[2] "-32768"`)},
		{"u2", []uint16{65535, 2}, rowsOf(`[2] "65535"`)},
		{"i4", []int32{math.MinInt32, 2}, rowsOf(`[2] "-2147483648"`)},
		{"u4", []uint32{math.MaxUint32, 2}, rowsOf(`[2] "4294967295"`)},
		{"i8", []int64{1<<53 + 1, 2}, rowsOf(`[2] "9007199254740993"`)},
		{"u8", []uint64{math.MaxInt64, 2}, rowsOf(`[2] "9223372036854775807"`)},
		{"u8", []uint64{1 << 63, 2}, rowsOf(
			`fault: x.npy: row 0, column 0: found 9223372036854775808, expected an integer as an id`)},
		{"f4", []float32{1 << 24, 2}, rowsOf(`[2] "16777216"`)},
		{"f2", []uint16{0xc500, 0x4000}, rowsOf(`[2] "-5"`)},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			mark := map[binary.AppendByteOrder]string{binary.LittleEndian: "<", binary.BigEndian: ">"}[order]
			wantRows(t, "x.npy", npyArray(mark+c.descr, "(1, 2)", encoded(order, c.values)), Options{IDColumn: "0"}, c.want)
		}
	}
	wantFault(t, "x.npy", floats, Options{Columns: []string{"3-4"}},
		`x.npy: found 4 columns without names: they go by their index, from 0, expected a column "3-4"`)
	wantFault(t, "x.npy", floats, Options{IDColumn: "id"},
		`x.npy: found an array, whose columns have no names and whose rows no ids but their numbers, expected a file with the id column "id"`)
	wantFault(t, "x.npy", floats, Options{Header: HeaderYes},
		"x.npy: found header yes, expected header auto: .npy has no header row")
}

// A value is stored as the type that is asked for says, and is at fault where that cannot hold it.
func TestNPYDType(t *testing.T) {
	file := npyArray("<f8", "(3, 1)", encoded(binary.LittleEndian, []float64{0.1, 1e39, 2}))
	for _, c := range []struct {
		dtype vectors.DType
		want  vectors.Block
		err   string
	}{
		{vectors.Float32, vectors.Block{F32: []float32{0.1, 2}, Numbers: []int64{0, 2}},
			"x.npy: row 1, column 0: found 1e+39, expected a finite float32"},
		{vectors.Float64, vectors.Block{F64: []float64{0.1, 1e39, 2}, Numbers: []int64{0, 1, 2}}, ""},
		{vectors.Auto, vectors.Block{F64: []float64{0.1, 1e39, 2}, Numbers: []int64{0, 1, 2}}, ""},
	} {
		src, err := inspectText(file, "x.npy", Options{DType: c.dtype})
		if err != nil {
			t.Fatal(err)
		}
		b := &vectors.Block{Dim: 1, DType: c.dtype}
		r, err := src.Read(t.Context(), Span{Rows: 3})
		if err != nil {
			t.Fatal(err)
		}
		if err = r.Read(b, 3); c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s: %v, want %s", c.dtype, err, c.err)
			}
			err = r.Read(b, 3)
		}
		if err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(append([]float32{}, b.F32...), append([]float32{}, c.want.F32...)) ||
			!reflect.DeepEqual(append([]float64{}, b.F64...), append([]float64{}, c.want.F64...)) ||
			!reflect.DeepEqual(b.Numbers, c.want.Numbers) {
			t.Errorf("%s: %v", c.dtype, b)
		}
	}
}

// A reader that is closed reads nothing more, though its buffer is another's by then; what it has read before stays.
func TestReadAfterClose(t *testing.T) {
	first, err := inspectText(npyArray("<f4", "(3, 2)", encoded(binary.LittleEndian, []float32{1, 2, 3, 4, 5, 6})),
		"x.npy", Options{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := inspectText(npyArray("<f4", "(3, 2)", encoded(binary.LittleEndian, []float32{7, 8, 9, 10, 11, 12})),
		"y.npy", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		b := &vectors.Block{Dim: 2}
		r, err := first.Read(t.Context(), Span{Rows: 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Read(b, 2), r.Close(), r.Close()); err != nil {
			t.Fatal(err)
		}
		other := &vectors.Block{Dim: 2}
		q, err := second.Read(t.Context(), Span{Rows: 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(q.Read(other, 3), q.Close()); err != nil {
			t.Fatal(err)
		}
		if err := r.Read(b, 1); !errors.Is(err, errClosed) {
			t.Fatalf("after Close: %v", err)
		}
		if !reflect.DeepEqual(b.F32, []float32{1, 2, 3, 4}) || !reflect.DeepEqual(other.F32, []float32{7, 8, 9, 10, 11, 12}) {
			t.Fatalf("read %v and %v", b.F32, other.F32)
		}
	}
}

// checkAny makes sure that no file panics, and that each is either refused, by a fault on one line, or has as many
// rows as it says, each of them read or at fault.
func checkAny(t *testing.T, name, data string, o Options, most int64) {
	src, err := inspectText(data, name, o)
	if err != nil {
		checkMessage(t, name, err)
		return
	}
	if src.Dim() < 1 || src.Rows() < 1 {
		t.Fatalf("%d rows of %d columns", src.Rows(), src.Dim())
	}
	n := min(src.Rows(), most)
	rows, err := readRows(src, Span{First: src.Rows() - n, Rows: n}, 3)
	if err != nil {
		checkMessage(t, name, err)
		return
	}
	for i, r := range rows {
		if r.Number != src.Rows()-n+int64(i) {
			t.Fatalf("row %d instead of %d", r.Number, src.Rows()-n+int64(i))
		}
	}
	if int64(len(rows)) != n {
		t.Fatalf("%d of %d rows", len(rows), n)
	}
}

// checkMessage checks that an error is one line in our words, not in those of Go or of a decoder.
func checkMessage(t *testing.T, name string, err error) {
	t.Helper()
	text := err.Error()
	if !strings.HasPrefix(text, name+": found ") || strings.Contains(text, "\n") {
		t.Fatalf("%q", text)
	}
	for _, foreign := range []string{"runtime error", "goroutine", "makeslice", "nil pointer", "arrow/", "thrift",
		"flatbuffer", "zip:", "EOF", "slice bounds"} {
		if strings.Contains(text, foreign) {
			t.Fatalf("%q", text)
		}
	}
}

// fuzzOptions are some ways to choose columns.
var fuzzOptions = []Options{{}, {IDColumn: "0"}, {Columns: []string{"1", "0"}}, {IDColumn: "1", Columns: []string{"0"}},
	{TargetColumn: "0", WeightColumn: "1"}}

func FuzzNpy(f *testing.F) {
	for i := range fuzzOptions {
		for _, descr := range []string{"<f4", ">f8", "<f2", "i1", "u1", "b1", ">i2", "<u4", ">i8", "<u8"} {
			f.Add(npyArray(descr, "(4, 2)", make([]byte, 8*int(descr[len(descr)-1]-'0'))), uint8(i))
		}
		f.Add(npyOf("{'shape': (2L,), 'fortran_order': True, 'descr': '>f4'}", []byte("\x7f\xc0\x00\x00\x00\x00\x00\x01")),
			uint8(i))
		f.Add("\x93NUMPY\x02\x00\x10\x00\x00\x00{'descr': [], }\x00", uint8(i))
	}
	f.Fuzz(func(t *testing.T, data string, option uint8) {
		checkAny(t, "x.npy", data, fuzzOptions[int(option)%len(fuzzOptions)], 1000)
	})
}

// benchmarkRead reads all rows as a worker does, chunk by chunk.
func benchmarkRead(b *testing.B, name, data string, o Options) {
	src, err := inspectText(data, name, o)
	if err != nil {
		b.Fatal(err)
	}
	block := &vectors.Block{Dim: src.Dim()}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		var n int64
		for _, s := range CutSource(src, 8192, 8192) {
			r, err := src.Read(b.Context(), s)
			if err != nil {
				b.Fatal(err)
			}
			block.Reset()
			if err := r.Read(block, int(s.Rows)); err != nil {
				b.Fatal(err)
			}
			n += int64(block.Len())
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		}
		if n != src.Rows() {
			b.Fatalf("%d of %d rows", n, src.Rows())
		}
	}
}

func BenchmarkNPY(b *testing.B) {
	const rows, dim = 8192 * 4, 128
	rng := rand.New(rand.NewPCG(1, 2))
	f32, f64 := make([]float32, rows*dim), make([]float64, rows*dim)
	for i := range f64 {
		f64[i] = rng.NormFloat64()
		f32[i] = float32(f64[i])
	}
	shape := fmt.Sprintf("(%d, %d)", rows, dim)
	for _, c := range []struct {
		name, descr string
		data        []byte
		options     Options
	}{
		{"f4", "<f4", encoded(binary.LittleEndian, f32), Options{}},
		{"f4 big-endian", ">f4", encoded(binary.BigEndian, f32), Options{}},
		{"f4, some columns", "<f4", encoded(binary.LittleEndian, f32), Options{Columns: []string{"0-50", "60-127"}}},
		{"f8", "<f8", encoded(binary.LittleEndian, f64), Options{}},
		{"f8 that float32 holds", "<f8", encoded(binary.LittleEndian, make([]float64, rows*dim)), Options{}},
		{"f2", "<f2", make([]byte, 2*rows*dim), Options{}},
		{"u1", "|u1", make([]byte, rows*dim), Options{}},
		{"i8", "<i8", make([]byte, 8*rows*dim), Options{}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkRead(b, "x.npy", npyArray(c.descr, shape, c.data), c.options) })
	}
}

// fortran is a .npy of values in Fortran order, which stand here row by row.
func fortran(rows, columns int, values []float64) string {
	var b []byte
	for c := range columns {
		for r := range rows {
			b = append(b, encoded(binary.BigEndian, values[r*columns+c])...)
		}
	}
	return npyOf(fmt.Sprintf("{'descr': '>f8', 'fortran_order': True, 'shape': (%d, %d)}", rows, columns), b)
}

// What stands column after column is what stands row after row, whichever columns and rows are read.
func TestNPYFortran(t *testing.T) {
	t.Parallel()
	const rows, columns = 300, 5
	values := make([]float64, rows*columns)
	for i := range values {
		values[i] = float64(i%7*1000 + i)
	}
	plain := npyArray("<f8", fmt.Sprintf("(%d, %d)", rows, columns), encoded(binary.LittleEndian, values))
	for _, o := range append(fuzzOptions, Options{Columns: []string{"4", "0-1"}, IDColumn: "3", WeightColumn: "2"},
		Options{DType: vectors.Float32}) {
		a, err := inspectText(plain, "x.npy", o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := inspectText(fortran(rows, columns, values), "x.npy", o)
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range []Span{{Rows: rows}, {First: 7, Rows: 100}, {First: rows - 1, Rows: 1}, {First: 20}} {
			for _, some := range []int{1, 33, rows} {
				want, err := readRows(a, span, some)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := readRows(b, span, some); err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("%+v, %v, %d at a time: %v, %v\nwant %v", o, span, some, got, err, want)
				}
			}
		}
	}
}

// Text of numpy, in either byte order, as labels.
func TestNPYText(t *testing.T) {
	t.Parallel()
	wide := func(order binary.AppendByteOrder, width int, texts ...string) (b []byte) {
		for _, s := range texts {
			runes := append([]rune(s), make([]rune, width)...)[:width]
			b = append(b, encoded(order, runes)...)
		}
		return b
	}
	o := Options{Targets: true, Labels: true, DType: vectors.Float64}
	labels := func(data string) ([]string, error) {
		src, err := inspectText(data, "y.npy", o)
		if err != nil {
			return nil, err
		}
		b := &vectors.Block{Dim: 1, DType: vectors.Float64}
		err = readSpan(t.Context(), src, Span{First: 1, Rows: src.Rows() - 1}, b)
		return b.Labels, err
	}
	for _, c := range []struct{ data, want string }{
		{npyArray("<U3", "(4,)", wide(binary.LittleEndian, 3, "?", "a", "Köl", "01")), `["a" "Köl" "01"]`},
		{npyArray(">U3", "(4, 1)", wide(binary.BigEndian, 3, "?", "a", "日本語", "a")), `["a" "日本語" "a"]`},
		{npyArray("|S2", "(3,)", []byte("??a\x00bc")), `["a" "bc"]`},
		{npyArray("<i8", "(4,)", encoded(binary.LittleEndian, []int64{1, 1<<53 + 1, -1 << 63, 7})),
			`["9007199254740993" "-9223372036854775808" "7"]`},
		{npyArray(">u8", "(2, 1)", encoded(binary.BigEndian, []uint64{1, 1<<64 - 1})), `["18446744073709551615"]`},
		{npyArray("|b1", "(3,)", []byte{0, 1, 0}), `["True" "False"]`},
	} {
		if got, err := labels(c.data); err != nil || fmt.Sprintf("%q", got) != c.want {
			t.Errorf("%q, %v, want %s", got, err, c.want)
		}
	}
	for _, c := range []struct{ data, want string }{
		{npyArray("<U3", "(1, 2)", wide(binary.LittleEndian, 3, "a", "b")),
			"y.npy: found an array of 2 dimensions, [1 2], expected targets: one column"},
		{npyArray("<U3", "()", wide(binary.LittleEndian, 3, "a")),
			"y.npy: found an array of 0 dimensions, [], expected targets: one column"},
		{npyArray("<U3", "(2,)", wide(binary.LittleEndian, 3, "a")),
			"y.npy: found 12 bytes, expected 2 texts of 12 bytes after the header"},
		{npyArray("<U0", "(2,)", nil), "y.npy: found texts of 0, expected labels of 1 to 1048576 bytes"},
		{npyArray("<U1", "(2,)", wide(binary.LittleEndian, 1, "a", " ")),
			"y.npy: row 1: found an empty text, expected a label"},
		{npyArray("<U1", "(2,)", encoded(binary.LittleEndian, []uint32{65, 0xd800})),
			"y.npy: row 1: found the code point 55296, expected a label"},
		{npyArray("|S1", "(2,)", []byte("a\xff")), `y.npy: row 1: found "\xff", expected text in UTF-8`},
	} {
		if _, err := labels(c.data); err == nil || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
	wantFault(t, "y.npy", npyArray("<U3", "(1,)", wide(binary.LittleEndian, 3, "a")), Options{Targets: true},
		"y.npy: found text, expected numbers as the targets")
}

// Labels of .npy are read many at a time: a read of a file is a call of the system.
func TestNPYLabelsReadAhead(t *testing.T) {
	t.Parallel()
	const rows = 10_000
	reads := 0
	file := &textData{name: "y.npy", data: npyArray("<i8", "(10000,)", encoded(binary.LittleEndian, make([]int64, rows)))}
	src, err := Inspect(t.Context(), file, Options{Targets: true, Labels: true, DType: vectors.Float64})
	if err != nil {
		t.Fatal(err)
	}
	file.wrap = func(r io.Reader) io.Reader { return &readsCounter{r, &reads} }
	b := &vectors.Block{Dim: 1, DType: vectors.Float64}
	if err := readSpan(t.Context(), src, Span{Rows: rows}, b); err != nil || len(b.Labels) != rows {
		t.Fatalf("%d labels, %v", len(b.Labels), err)
	}
	if reads > rows/100 {
		t.Errorf("%d labels by %d reads", rows, reads)
	}
}

// readsCounter counts how often it is read from.
type readsCounter struct {
	io.Reader
	n *int
}

func (r *readsCounter) Read(p []byte) (int, error) {
	*r.n++
	return r.Reader.Read(p)
}
