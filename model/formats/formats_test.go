package formats

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// grid is rows × columns of integers from 0 to 127, in a file of each format.
type grid struct{ rows, columns int }

func (s grid) at(i, j int) int { return (i*31 + j*j*7 + i*i) % 128 }

func valuesOf[T float32 | float64 | uint8 | int8](s grid) []T {
	values := make([]T, 0, s.rows*s.columns)
	for i := range s.rows {
		for j := range s.columns {
			values = append(values, T(s.at(i, j)))
		}
	}
	return values
}

// text is the values with something before, between and behind those of a row.
func (s grid) text(before, between, behind string) string {
	var b strings.Builder
	for i := range s.rows {
		b.WriteString(before)
		for j := range s.columns {
			if j > 0 {
				b.WriteString(between)
			}
			fmt.Fprint(&b, s.at(i, j))
		}
		b.WriteString(behind)
	}
	return b.String()
}

func vecsTable[T float32 | uint8](s grid) string {
	rows := make([][]T, s.rows)
	for i := range rows {
		rows[i] = valuesOf[T](s)[i*s.columns : (i+1)*s.columns]
	}
	return vecsOf(rows...)
}

func (s grid) file(t testing.TB, format string) string {
	t.Helper()
	rows, columns := uint32(s.rows), uint32(s.columns)
	switch format {
	case "npy":
		return npyArray("<f8", fmt.Sprintf("(%d, %d)", s.rows, s.columns), encoded(binary.LittleEndian, valuesOf[float64](s)))
	case "npz":
		return npzOf(t, zip.Deflate, "x", s.file(t, "npy"), "other", npyArray("<f8", "(1,)", make([]byte, 8)))
	case "arrow":
		json := strings.TrimSuffix(s.text(`{"x":[`, ",", "]},"), ",")
		return arrowOf(t, []arrow.Field{{Name: "x", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)}}, "["+json+"]", 13, true)
	case "csv":
		return s.text("", ",", "\n")
	case "tsv":
		return s.text("", "\t", "\r\n")
	case "jsonl":
		return s.text(`{"vector":[`, ",", "]}\n")
	case "parquet":
		json := strings.TrimSuffix(s.text(`{"x":[`, ",", "]},"), ",")
		return parquetOf(t, []arrow.Field{{Name: "x", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)}}, "["+json+"]", 13)
	case "fvecs":
		return vecsTable[float32](s)
	case "bvecs":
		return vecsTable[uint8](s)
	case "fbin":
		return binOf(rows, columns, valuesOf[float32](s)...)
	case "u8bin":
		return binOf(rows, columns, valuesOf[uint8](s)...)
	case "svm":
		var b strings.Builder
		for i := range s.rows {
			fmt.Fprintf(&b, "%d", i%2)
			for j := range s.columns {
				fmt.Fprintf(&b, " %d:%d", j+1, s.at(i, j))
			}
			b.WriteString("\n")
		}
		return b.String()
	case "mtx":
		b := fmt.Sprintf("%%%%MatrixMarket matrix coordinate integer general\n%d %d %d\n", s.rows, s.columns,
			s.rows*s.columns)
		for i := range s.rows {
			for j := range s.columns {
				b += fmt.Sprintf("%d %d %d\n", i+1, j+1, s.at(i, j))
			}
		}
		return b
	case "word2vec":
		return s.text("w ", " ", "\n")
	case "i8bin":
		return binOf(rows, columns, valuesOf[int8](s)...)
	}
	t.Fatalf("no %s", format)
	return ""
}

// write puts a file into a directory of the test's own.
func write(t testing.TB, name, data string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Whatever the format and the type, Load gives the table; and any spans, on any number of goroutines, what Load gives.
func TestRoundTrip(t *testing.T) {
	s := grid{50, 5}
	for _, format := range All {
		for _, dtype := range []vectors.DType{vectors.Auto, vectors.Float32, vectors.Float64} {
			t.Run(format.Name+"/"+dtype.String(), func(t *testing.T) {
				o := Options{DType: dtype}
				b, err := Load(t.Context(), o, write(t, "x"+format.Extensions[0], s.file(t, format.Name)))
				if err != nil {
					t.Fatal(err)
				}
				if format == word2vecFormat {
					b.IDs.Reset() // the words
				}
				checkBlock(t, s, b, 0)
				if wide := dtype == vectors.Float64; b.Wide() != wide {
					t.Errorf("wide is %v", b.Wide())
				}

				src, err := inspectText(s.file(t, format.Name), "x"+format.Extensions[0], o)
				if err != nil {
					t.Fatal(err)
				}
				whole, err := Spans(t.Context(), src)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := src.(Counter); ok {
					return // whose spans are those that it has counted
				}
				var wg sync.WaitGroup
				for _, size := range []int64{1, 7, 13, 50, 100} {
					for _, span := range append(Cut(src.Rows(), size), whole...) {
						wg.Go(func() {
							b := &vectors.Block{Dim: src.Dim(), DType: dtype}
							if err := readSpan(t.Context(), src, span, b); err != nil {
								t.Error(err)
								return
							}
							if int64(b.Len()) != span.Rows {
								t.Errorf("%d rows in %v", b.Len(), span)
								return
							}
							checkBlock(t, s, b, int(span.First))
						})
					}
				}
				wg.Wait()
			})
		}
	}
}

func checkBlock(t *testing.T, s grid, b *vectors.Block, first int) {
	t.Helper()
	if b.Dim != s.columns || b.IDs.Len() > 0 {
		t.Errorf("%d columns, %d ids", b.Dim, b.IDs.Len())
		return
	}
	row := make([]float64, b.Dim)
	for i := range b.Len() {
		for j, v := range b.Row(i, row) {
			if b.Numbers[i] != int64(first+i) || v != float64(s.at(first+i, j)) {
				t.Errorf("row %d, number %d, column %d: %v, want %d", first+i, b.Numbers[i], j, v, s.at(first+i, j))
				return
			}
		}
	}
}

// A span is read by one range of the file, that of its rows; .parquet within the column, in any case.
func TestBytesRead(t *testing.T) {
	s := grid{500, 100}
	header := map[string]int64{"npy": 128, "fbin": 8, "u8bin": 8, "i8bin": 8}
	for _, format := range All {
		// which have tests of their own
		if format.Text || format == parquetFormat || format == npzFormat || format == arrowFormat {
			continue
		}
		var ranges []Range
		f := &textData{name: "x" + format.Extensions[0], data: s.file(t, format.Name),
			open: func(offset, length int64) { ranges = append(ranges, Range{offset, length}) }}
		src, err := Inspect(t.Context(), f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		start := header[format.Name]
		for _, r := range ranges {
			if r.Offset+r.Length > max(start, 4)+128 {
				t.Errorf("%s: inspecting reads %v", format.Name, r)
			}
		}
		record := (f.Size() - start) / int64(s.rows)
		for _, span := range []Span{{Rows: 500}, {Rows: 1}, {First: 499, Rows: 1}, {First: 250, Rows: 7}} {
			ranges = nil
			if rows, err := readRows(src, span, 3); err != nil || int64(len(rows)) != span.Rows {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			if want := []Range{{start + span.First*record, span.Rows * record}}; !reflect.DeepEqual(ranges, want) {
				t.Errorf("%s, %v: read %v, want %v", format.Name, span, ranges, want)
			}
		}
		ranges = nil
		if rows, err := readRows(src, Span{First: 500}, 3); err != nil || len(rows) > 0 || len(ranges) > 0 {
			t.Errorf("%s: %d rows of none, %v, ranges %v", format.Name, len(rows), err, ranges)
		}
		for _, span := range []Span{{Rows: 501}, {First: 501}, {First: -1, Rows: 1}, {First: 1, Rows: -1},
			{First: 1, Rows: 1<<63 - 1}} {
			want := fmt.Sprintf("%s: found 500 rows, expected %d rows from row %d on", f.name, span.Rows, span.First)
			if _, err := src.Read(t.Context(), span); err == nil || err.Error() != want {
				t.Errorf("%s, %v: %v", format.Name, span, err)
			}
		}
	}
}

// The errors of a file come through as they are, once, from whichever call meets them; its early end is a fault.
func TestFileErrors(t *testing.T) {
	s := grid{500, 5}
	broken := errors.New("connection reset")
	changed := fault.File("x", "the file as it was", "another content")
	for _, format := range All {
		if format.Text {
			continue
		}
		name := "x" + format.Extensions[0]
		data := s.file(t, format.Name)
		for what, c := range map[string]struct {
			damage func(f *textData)
			want   string
		}{
			"read": {func(f *textData) { f.wrap = func(io.Reader) io.Reader { return iotest.ErrReader(broken) } }, name +
				": connection reset"},
			"later": {func(f *textData) {
				f.wrap = func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, 3), iotest.ErrReader(broken)) }
			}, name + ": connection reset"},
			"fault": {func(f *textData) { f.wrap = func(io.Reader) io.Reader { return iotest.ErrReader(changed) } },
				changed.Error()},
			"short": {func(f *textData) { f.wrap = func(r io.Reader) io.Reader { return io.LimitReader(r, 3) } },
				fmt.Sprintf("%s: found an early end of the file, expected %d bytes, as when it was opened", name, len(data))},
			"close": {func(f *textData) { f.shut = changed }, changed.Error()},
		} {
			f := &textData{name: name, data: data}
			src, err := Inspect(t.Context(), f, Options{})
			if err != nil {
				t.Fatal(err)
			}
			c.damage(f)
			if _, err := Inspect(t.Context(), f, Options{}); err == nil || err.Error() != c.want {
				t.Errorf("%s, %s: Inspect: %v, want %s", format.Name, what, err, c.want)
			}
			rows, err := readRows(src, Span{Rows: 500}, 1000)
			if err == nil || err.Error() != c.want {
				t.Errorf("%s, %s: Read: %d rows, %v, want %s", format.Name, what, len(rows), err, c.want)
			}
		}
	}
}

// After an error that is not a row's, a Reader stays at it.
func TestErrorStays(t *testing.T) {
	for _, format := range All {
		if format.Text {
			continue
		}
		f := &textData{name: "x" + format.Extensions[0], data: grid{500, 5}.file(t, format.Name)}
		src, err := Inspect(t.Context(), f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		f.wrap = func(io.Reader) io.Reader { return iotest.ErrReader(errors.New("gone")) }
		r, err := src.Read(t.Context(), Span{Rows: 500})
		if err != nil {
			t.Fatal(err)
		}
		b := &vectors.Block{Dim: 5}
		first, second := r.Read(b, 1), r.Read(b, 1)
		if first == nil || second != first || b.Len() > 0 {
			t.Errorf("%s: %v, then %v", format.Name, first, second)
		}
	}
}

func TestDetect(t *testing.T) {
	for name, want := range map[string]string{
		"a.npy": "npy", "gs://b.d/A.NPY": "npy", "a.csv": "csv", "a.csv.gz": "csv", "a.tsv.zst": "tsv", "a.svm.bz2": "svm", "a.JSONL.GZ": "jsonl",
		"a.parquet": "parquet", "a.fvecs": "fvecs", "a.bvecs": "bvecs", "a.fbin": "fbin", "a.u8bin": "u8bin",
		"a.i8bin":  "i8bin",
		"a.svm.gz": "svm", "a.libsvm": "svm", "a.svmlight.zst": "svm",
	} {
		if got, err := Detect(name); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	const all = ".npy .npz .csv .tsv .jsonl .ndjson .parquet .arrow .feather .arrows .ipc .fvecs .bvecs .fbin .u8bin " +
		".i8bin .svm .libsvm .svmlight .mtx .vec .glove.txt, or --input_format"
	const none = `no extension that tells the format, expected --input_format=csv, or another of npy, npz, csv, tsv, jsonl, parquet, arrow, fvecs, bvecs, fbin, u8bin, i8bin, svm, mtx, word2vec`
	for name, want := range map[string]string{
		"a.txt":          `a.txt: found the extension ".txt", expected one of ` + all,
		"b.csv/a":        `b.csv/a: found ` + none,
		"a.gz":           `a.gz: found ` + none,
		"a.npy.gz":       `a.npy.gz: found the extension ".gz", expected an uncompressed file: npy is read from the middle`,
		"a.parquet.zst":  `a.parquet.zst: found the extension ".zst", expected an uncompressed file: parquet is read from the middle`,
		"a.csv.xz":       `a.csv.xz: found the extension ".xz", expected one of ` + all,
		"a.fvecs.gz.zst": `a.fvecs.gz.zst: found the extension ".gz", expected one of ` + all,
	} {
		if got, err := Detect(name); err == nil || err.Error() != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestInspect(t *testing.T) {
	for _, format := range All {
		name := "x" + format.Extensions[0]
		wantFault(t, name, "", Options{}, name+": found an empty file, expected "+format.Name+" data")
		// The name of a format counts more than an extension.
		for _, name := range []string{"x", "x.txt", "x.npy", "x.csv"} {
			src, err := inspectText(grid{3, 2}.file(t, format.Name), name, Options{Format: format.Name})
			if err != nil || src.Dim() != 2 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	wantFault(t, "x.csv.gz", "-", Options{Format: "npy"},
		`x.csv.gz: found the extension ".gz", expected an uncompressed file: npy is read from the middle`)
	wantFault(t, "x.npy", "-", Options{Format: "numpy"},
		`format "numpy": must be one of npy, npz, csv, tsv, jsonl, parquet, arrow, fvecs, bvecs, fbin, u8bin, i8bin, svm, mtx, word2vec`)
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{}, "[]"},
		{Options{Format: "bvecs", Header: HeaderYes}, "[]"},
		{Options{Format: "x", Header: "maybe"},
			`[header "maybe": must be auto, yes or no format "x": must be one of npy, npz, csv, tsv, jsonl, parquet, arrow, fvecs, bvecs, fbin, u8bin, i8bin, svm, mtx, word2vec]`},
	} {
		if got := fmt.Sprint(c.options.Validate()); got != c.want {
			t.Errorf("%+v: %s", c.options, got)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		n, size int64
		want    []Span
	}{
		{0, 5, nil},
		{5, 5, []Span{{Rows: 5}}},
		{6, 5, []Span{{Rows: 5}, {First: 5, Rows: 1}}},
		{3, 1, []Span{{Rows: 1}, {First: 1, Rows: 1}, {First: 2, Rows: 1}}},
	} {
		if got := Cut(c.n, c.size); !reflect.DeepEqual(got, c.want) {
			t.Errorf("Cut(%d, %d) = %v", c.n, c.size, got)
		}
	}
	src, err := inspectText(grid{6, 2}.file(t, "bvecs"), "x.bvecs", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := CutSource(src, 5, 5); !reflect.DeepEqual(got, Cut(6, 5)) {
		t.Errorf("CutSource = %v", got)
	}
}

// Files in the order given are one array; a row's number is its place in it, its id that of its file.
func TestLoad(t *testing.T) {
	a := write(t, "a.npy", npyArray("<f4", "(2, 2)", encoded(binary.LittleEndian, []float32{1, 2, 3, 4})))
	b := write(t, "b.csv", "7,0.1\n8,0.2\n9,0.3\n")
	got, err := Load(t.Context(), Options{IDColumn: "0"}, a, b, a)
	if err != nil {
		t.Fatal(err)
	}
	want := &vectors.Block{
		Dim: 1, F64: []float64{2, 4, 0.1, 0.2, 0.3, 2, 4}, Numbers: []int64{0, 1, 2, 3, 4, 5, 6},
		IDs: vectors.IDs{Ints: []int64{1, 3, 7, 8, 9, 1, 3}},
	}
	if !reflect.DeepEqual(got.F64, want.F64) || !reflect.DeepEqual(got.Numbers, want.Numbers) ||
		!reflect.DeepEqual(got.IDs, want.IDs) {
		t.Errorf("got %v", got)
	}

	three := write(t, "c.fvecs", vecsOf([]float32{1, 2, 3}))
	nan := write(t, "d.csv", "1,2\n3,nan\n")
	for _, c := range []struct {
		files []string
		want  string
	}{
		{nil, "formats.Load: no files"},
		{[]string{a, three}, three + ": found 3 columns, expected 2 columns, as in " + a},
		{[]string{a, nan}, nan + `: row 1, column 1: found "nan", expected a finite number`},
		{[]string{filepath.Dir(a)}, filepath.Dir(a) + ": found a d---------, expected a regular file"},
		{[]string{a + ".txt"}, "stat " + a + ".txt: no such file or directory"},
	} {
		if _, err := Load(context.Background(), Options{}, c.files...); err == nil || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestLocalFile(t *testing.T) {
	f, err := OpenLocal(write(t, "x", "0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 10, "0123456789"}, {3, 4, "3456"}, {7, -1, "789"}, {10, -1, ""}, {8, 9, "89"}} {
		r, err := f.OpenRange(t.Context(), c.offset, c.length)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || string(b) != c.want {
			t.Errorf("%d bytes from %d on: %q, %v", c.length, c.offset, b, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenRange(t.Context(), 0, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
}
