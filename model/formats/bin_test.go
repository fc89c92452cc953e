package formats

import (
	"encoding/binary"
	"math"
	"testing"
)

// binOf is a file of rows and columns with values one after the other.
func binOf[T float32 | uint8 | int8](rows, columns uint32, values ...T) string {
	b := binary.LittleEndian.AppendUint32(nil, rows)
	b = binary.LittleEndian.AppendUint32(b, columns)
	return string(append(b, encoded(binary.LittleEndian, values)...))
}

func TestBin(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name, data string
		options    Options
		want       []read
	}{
		{"x.fbin", binOf[float32](2, 3, 1, 2.5, 3, -4, 5, 6), Options{}, rowsOf("[1 2.5 3]", "[-4 5 6]")},
		{"x.fbin", binOf(3, 2, 1, 2, 3, -inf, 5, 6), Options{},
			rowsOf("[1 2]", "fault: x.fbin: row 1, column 1: found -Inf, expected a finite number", "[5 6]")},
		{"x.fbin", binOf[float32](2, 3, 1, 2.5, 3, -4, 5, 6), Options{IDColumn: "0", Columns: []string{"1-2"}},
			rowsOf(`[2.5 3] "1"`, `[5 6] "-4"`)},
		{"x.u8bin", binOf[uint8](2, 2, 0, 255, 127, 128), Options{}, rowsOf("[0 255]", "[127 128]")},
		{"x.i8bin", binOf[int8](2, 2, 0, -1, 127, -128), Options{}, rowsOf("[0 -1]", "[127 -128]")},
		{"x.i8bin", binOf[int8](2, 2, 0, -1, 127, -128), Options{IDColumn: "1"}, rowsOf(`[0] "-1"`, `[127] "-128"`)},
		{"x.i8bin", binOf[int8](4, 1, 0, -1, 127, -128), Options{}, rowsOf("[0]", "[-1]", "[127]", "[-128]")},
	} {
		wantRows(t, c.name, c.data, c.options, c.want)
	}
}

func TestBinRefused(t *testing.T) {
	good := binOf[float32](2, 2, 1, 2, 3, 4)
	for _, c := range []struct {
		name, data string
		options    Options
		want       string
	}{
		{"x.fbin", good[:7], Options{}, "x.fbin: found a file of 7 bytes, expected 8 bytes from byte 0 on"},
		{"x.fbin", binOf[float32](0, 2), Options{}, "x.fbin: found 0 rows of 2 columns, expected rows of data"},
		{"x.fbin", binOf[float32](2, 0), Options{}, "x.fbin: found 2 rows of 0 columns, expected rows of data"},
		{"x.fbin", good[:len(good)-1], Options{},
			"x.fbin: found 15 bytes, expected 2 rows × 2 columns × 4 bytes after the header of 8"},
		{"x.fbin", good + "\x00", Options{},
			"x.fbin: found 17 bytes, expected 2 rows × 2 columns × 4 bytes after the header of 8"},
		{"x.u8bin", good, Options{}, "x.u8bin: found 16 bytes, expected 2 rows × 2 columns × 1 bytes after the header of 8"},
		{"x.fbin", binOf[float32](1<<32-1, 1<<32-1, 1), Options{},
			"x.fbin: found 4 bytes, expected 4294967295 rows × 4294967295 columns × 4 bytes after the header of 8"},
		{"x.fbin", binOf[float32](1<<31, 1<<31, 1), Options{},
			"x.fbin: found 4 bytes, expected 2147483648 rows × 2147483648 columns × 4 bytes after the header of 8"},
		{"x.fbin", good, Options{Header: HeaderYes},
			"x.fbin: found header yes, expected header auto: .fbin has no header row"},
		{"x.i8bin", binOf[int8](1, 1, 1), Options{IDColumn: "0"},
			"x.i8bin: found none but the id, expected at least one column for the vector"},
	} {
		wantFault(t, c.name, c.data, c.options, c.want)
	}
}

func FuzzBin(f *testing.F) {
	for i := range fuzzOptions {
		f.Add(binOf[float32](2, 2, 1, 2, 3, 4), uint8(0), uint8(i))
		f.Add(binOf[uint8](2, 2, 1, 2, 3, 4), uint8(1), uint8(i))
		f.Add(binOf[int8](2, 2, 1, 2, 3, 4), uint8(2), uint8(i))
		f.Add(binOf[int8](1<<31, 1<<31, 1), uint8(2), uint8(i))
	}
	names := []string{"x.fbin", "x.u8bin", "x.i8bin"}
	f.Fuzz(func(t *testing.T, data string, name, option uint8) {
		checkAny(t, names[int(name)%len(names)], data, fuzzOptions[int(option)%len(fuzzOptions)], 1000)
	})
}

func BenchmarkBin(b *testing.B) {
	const rows, dim = 8192 * 4, 128
	b.Run("fbin", func(b *testing.B) {
		benchmarkRead(b, "x.fbin", binOf(rows, dim, make([]float32, rows*dim)...), Options{})
	})
	b.Run("u8bin", func(b *testing.B) {
		benchmarkRead(b, "x.u8bin", binOf(rows, dim, make([]uint8, rows*dim)...), Options{})
	})
	b.Run("i8bin", func(b *testing.B) {
		benchmarkRead(b, "x.i8bin", binOf(rows, dim, make([]int8, rows*dim)...), Options{})
	})
}
