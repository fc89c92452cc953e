package formats

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// vecsOf is a file of rows, each behind its own dimension.
func vecsOf[T float32 | uint8](rows ...[]T) string {
	var b []byte
	for _, row := range rows {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(row)))
		b = append(b, encoded(binary.LittleEndian, row)...)
	}
	return string(b)
}

func TestVecs(t *testing.T) {
	inf := float32(math.Inf(1))
	floats := vecsOf([]float32{1, -2.5, 3}, []float32{4, inf - inf, inf}, []float32{7, 8, 9})
	for _, c := range []struct {
		name, data string
		options    Options
		want       []read
	}{
		{"x.fvecs", floats, Options{},
			rowsOf("[1 -2.5 3]", "fault: x.fvecs: row 1, column 1: found NaN, expected a finite number", "[7 8 9]")},
		{"x.fvecs", floats, Options{Columns: []string{"2", "0"}},
			rowsOf("[3 1]", "fault: x.fvecs: row 1, column 2: found +Inf, expected a finite number", "[9 7]")},
		{"x.fvecs", floats, Options{IDColumn: "1", Columns: []string{"0"}},
			rowsOf("fault: x.fvecs: row 0, column 1: found -2.5, expected an integer as an id",
				"fault: x.fvecs: row 1, column 1: found NaN, expected an integer as an id", `[7] "8"`)},
		{"x.fvecs", vecsOf([]float32{0.5}, []float32{1}), Options{}, rowsOf("[0.5]", "[1]")},
		{"x.bvecs", vecsOf([]uint8{0, 1, 255}, []uint8{128, 127, 2}), Options{}, rowsOf("[0 1 255]", "[128 127 2]")},
		{"x.bvecs", vecsOf([]uint8{0, 1, 255}, []uint8{128, 127, 2}), Options{IDColumn: "2"},
			rowsOf(`[0 1] "255"`, `[128 127] "2"`)},
	} {
		wantRows(t, c.name, c.data, c.options, c.want)
	}
}

func TestVecsRefused(t *testing.T) {
	three := vecsOf([]float32{1, 2, 3}, []float32{4, 5, 6})
	for _, c := range []struct {
		name, data string
		options    Options
		want       string
	}{
		{"x.fvecs", "\x01\x00", Options{}, "x.fvecs: found a file of 2 bytes, expected 4 bytes from byte 0 on"},
		{"x.fvecs", "\x00\x00\x00\x00", Options{}, "x.fvecs: found the dimension 0, expected a dimension of at least 1"},
		{"x.bvecs", "\xff\xff\xff\xff\x00", Options{}, "x.bvecs: found the dimension -1, expected a dimension of at least 1"},
		{"x.bvecs", "\xff\xff\xff\x7f\x00", Options{},
			"x.bvecs: found 5 bytes, expected rows of 2147483651 bytes each, for the dimension 2147483647 of the first"},
		{"x.fvecs", three[:len(three)-1], Options{},
			"x.fvecs: found 31 bytes, expected rows of 16 bytes each, for the dimension 3 of the first"},
		{"x.fvecs", three + "\x00", Options{},
			"x.fvecs: found 33 bytes, expected rows of 16 bytes each, for the dimension 3 of the first"},
		{"x.fvecs", three, Options{Header: HeaderNo},
			"x.fvecs: found header no, expected header auto: .fvecs has no header row"},
		{"x.bvecs", vecsOf([]uint8{1}), Options{Header: HeaderYes},
			"x.bvecs: found header yes, expected header auto: .bvecs has no header row"},
		{"x.fvecs", three, Options{Columns: []string{"3"}},
			`x.fvecs: found 3 columns without names: they go by their index, from 0, expected a column "3"`},
	} {
		wantFault(t, c.name, c.data, c.options, c.want)
	}
}

// A row of another dimension makes all that follows unreadable: it is no row to leave out.
func TestVecsRagged(t *testing.T) {
	for _, c := range []struct {
		name, data string
		first      int64
		row        int64
		dim        int
	}{
		{"x.bvecs", vecsOf([]uint8{1, 2, 3}, []uint8{4, 5, 6}, []uint8{7}, []uint8{8, 9, 1, 2, 3}), 0, 2, 1},
		{"x.bvecs", vecsOf([]uint8{1, 2, 3}, []uint8{4, 5, 6}, []uint8{7}, []uint8{8, 9, 1, 2, 3}), 2, 2, 1},
		{"x.fvecs", vecsOf([]float32{1}, []float32{2}, []float32{3, 4, 5}), 1, 2, 3},
	} {
		src, err := inspectText(c.data, c.name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%s: found the dimension %d in row %d, expected the dimension %d of the first row", c.name, c.dim,
			c.row, src.Dim())
		for _, some := range []int{1, 100} {
			if _, err := readRows(src, Span{First: c.first, Rows: src.Rows() - c.first}, some); err == nil ||
				err.Error() != want {
				t.Errorf("got %v\nwant %s", err, want)
			}
		}
	}
}

func FuzzVecs(f *testing.F) {
	for i := range fuzzOptions {
		f.Add(vecsOf([]float32{1, 2}, []float32{3, 4}), false, uint8(i))
		f.Add(vecsOf([]uint8{1, 2}, []uint8{3, 4}), true, uint8(i))
		f.Add(vecsOf([]uint8{1, 2}, []uint8{3}, []uint8{3}), true, uint8(i))
		f.Add("\xff\xff\xff\x7f", false, uint8(i))
	}
	f.Fuzz(func(t *testing.T, data string, bytes bool, option uint8) {
		name := "x.fvecs"
		if bytes {
			name = "x.bvecs"
		}
		checkAny(t, name, data, fuzzOptions[int(option)%len(fuzzOptions)], 1000)
	})
}

func BenchmarkVecs(b *testing.B) {
	const rows, dim = 8192 * 4, 128
	f32, u8 := make([][]float32, rows), make([][]uint8, rows)
	for i := range rows {
		f32[i], u8[i] = make([]float32, dim), make([]uint8, dim)
	}
	b.Run("fvecs", func(b *testing.B) { benchmarkRead(b, "x.fvecs", vecsOf(f32...), Options{}) })
	b.Run("bvecs", func(b *testing.B) { benchmarkRead(b, "x.bvecs", vecsOf(u8...), Options{}) })
}
