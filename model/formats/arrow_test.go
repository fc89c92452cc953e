package formats

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"beamlearn/model/vectors"
)

// arrowOf is an Arrow file, or a stream, of rows that are JSON, so many in a batch.
func arrowOf(t testing.TB, fields []arrow.Field, json string, rows int64, file bool) string {
	t.Helper()
	s := arrow.NewSchema(fields, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	var w interface {
		Write(arrow.RecordBatch) error
		Close() error
	}
	if w = ipc.NewWriter(&b, ipc.WithSchema(s)); file {
		if w, err = ipc.NewFileWriter(&b, ipc.WithSchema(s)); err != nil {
			t.Fatal(err)
		}
	}
	for first := int64(0); first < record.NumRows(); first += rows {
		if err := w.Write(record.NewSlice(first, min(first+rows, record.NumRows()))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// npzOf is an archive of arrays: a name, its .npy, and so on.
func npzOf(t testing.TB, method uint16, arrays ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(arrays); i += 2 {
		m, err := w.CreateHeader(&zip.FileHeader{Name: arrays[i] + ".npy", Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(arrays[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var arrowFuzzOptions = []Options{{}, {Columns: []string{"x"}}, {Columns: []string{"a", "b"}, IDColumn: "id"},
	{Columns: []string{"b"}, TargetColumn: "kind", Labels: true}, {TargetColumn: "a", WeightColumn: "b"}}

func arrowSeeds(t testing.TB) []string {
	t.Helper()
	table := `[{"id":"p","kind":"u","a":1,"b":2.5},{"id":"q","kind":"v","a":3,"b":4.5},{"id":"r","kind":"u","a":5,"b":6.5}]`
	fields := []arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "kind", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8,
			ValueType: arrow.BinaryTypes.String}},
		{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}
	lists := []arrow.Field{{Name: "x", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32)}}
	seeds := []string{
		arrowOf(t, fields, table, 2, true), arrowOf(t, fields, table, 2, false),
		arrowOf(t, lists, `[{"x":[1,2]},{"x":[3,4]}]`, 1, true), arrowOf(t, lists, `[{"x":[1,2]},{"x":[3,4]}]`, 1, false),
	}
	for _, name := range []string{"mixed.lz4.arrow", "fixed.zstd.arrow", "large.arrows"} {
		b, err := os.ReadFile("testdata/tables/" + name)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, string(b))
	}
	return seeds
}

// Cut off or altered anywhere, a file is refused, read to a fault, or read: never more than that, and in our words.
func TestArrowDamaged(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this damages hundreds of files: TestNPZDamaged stays")
	}
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, data := range arrowSeeds(t) {
		for n := 1; n < len(data); n += 1 + rng.IntN(30) {
			for _, o := range arrowFuzzOptions[:3] {
				checkAny(t, "x.arrow", data[:n], o, 100)
			}
		}
		for range 300 {
			b := []byte(data)
			for range 1 + rng.IntN(3) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			checkAny(t, "x.arrow", string(b), arrowFuzzOptions[rng.IntN(len(arrowFuzzOptions))], 100)
		}
	}
	wantFault(t, "x.arrow", "a,b\n1,2\n3,4\n", Options{},
		`x.arrow: found the beginning "a,b\n1,2\n", expected an Arrow file or stream`)
	wantFault(t, "x.arrow", "ARROW1\x00\x00"+strings.Repeat("\x00", 20), Options{},
		`x.arrow: found a damaged one: the end "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", expected a whole Arrow file`)
	wantFault(t, "x.arrow", "\xff\xff\xff\xff\x00\x00\x00\x00", Options{},
		"x.arrow: found a damaged one: no schema, expected a whole Arrow file")
}

// A batch whose buffer claims to unpack to more than the memory has is refused before it is allocated.
func TestArrowClaims(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/tables/fixed.zstd.arrow")
	if err != nil {
		t.Fatal(err)
	}
	// A packed buffer begins with the size that it unpacks to, and then with the mark of a zstd frame.
	at := bytes.LastIndex(b, []byte("\x28\xb5\x2f\xfd")) - 8
	binary.LittleEndian.PutUint64(b[at:], 1<<40)
	src, err := inspectText(string(b), "x.arrow", Options{Columns: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "x.arrow: found a damaged one: record batch 3 cannot be decoded, expected a whole Arrow file"
	if err := readSpan(t.Context(), src, Span{Rows: src.Rows()}, &vectors.Block{Dim: src.Dim()}); err == nil ||
		err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func FuzzArrow(f *testing.F) {
	for _, data := range arrowSeeds(f) {
		for i := range arrowFuzzOptions {
			f.Add([]byte(data), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, option uint8) {
		checkAny(t, "x.arrow", string(data), arrowFuzzOptions[int(option)%len(arrowFuzzOptions)], 1000)
	})
}

// npzFuzzOptions name other arrays of the archive, too.
var npzFuzzOptions = append(slices.Clone(fuzzOptions), Options{TargetColumn: "y", IDColumn: "id", Labels: true},
	Options{TargetColumn: "target", WeightColumn: "y"})

func npzSeeds(t testing.TB) []string {
	x := npyArray("<f8", "(3, 2)", encoded(binary.LittleEndian, []float64{1, 2, 3, 4, 5, 6}))
	y := npyArray("<i8", "(3,)", encoded(binary.LittleEndian, []int64{1, 2, 3}))
	return []string{
		npzOf(t, zip.Store, "x", x, "y", y), npzOf(t, zip.Deflate, "x", x, "y", y),
		npzOf(t, zip.Store, "x", x, "y", y, "id", npyArray("<U1", "(3,)", []byte("a\x00\x00\x00b\x00\x00\x00c\x00\x00\x00"))),
		npzOf(t, zip.Deflate, "x", fortran(3, 2, []float64{1, 2, 3, 4, 5, 6})),
		csrOf(t, zip.Store, nil), csrOf(t, zip.Deflate,
			map[string]string{"target": npyArray("<f8", "(3,)", encoded(binary.LittleEndian, []float64{1, 2, 3}))}),
	}
}

func TestNPZDamaged(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, data := range npzSeeds(t) {
		for n := 1; n < len(data); n += 1 + rng.IntN(5) {
			checkAny(t, "x.npz", data[:n], Options{}, 100)
		}
		for range 300 {
			b := []byte(data)
			for range 1 + rng.IntN(3) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			checkAny(t, "x.npz", string(b), npzFuzzOptions[rng.IntN(len(npzFuzzOptions))], 100)
		}
	}
	packed := npzSeeds(t)[1]
	r, err := zip.NewReader(strings.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	offset, err := r.File[0].DataOffset()
	if err != nil {
		t.Fatal(err)
	}
	b := []byte(packed)
	b[offset+int64(r.File[0].CompressedSize64)*3/4] ^= 0x55
	src, err := inspectText(string(b), "x.npz", Options{})
	if err == nil {
		err = readSpan(t.Context(), src, Span{Rows: 3}, &vectors.Block{Dim: 2})
	}
	const want = `x.npz: found a damaged one: the array "x" cannot be unpacked, expected a whole .npz file`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	wantFault(t, "x.npz", "PK", Options{},
		"x.npz: found no such archive, or a damaged one, expected a .npz file, an archive of arrays")
	wantFault(t, "x.npz", npzOf(t, zip.Store), Options{}, "x.npz: found none in it, expected an archive of arrays")
	wantFault(t, "x.npy", npyArray("<f8", "(1,)", make([]byte, 8)), Options{Array: "x"},
		"x.npy: found the format npy, expected a .npz, of which alone an array is asked for by name")
}

func FuzzNPZ(f *testing.F) {
	for _, data := range npzSeeds(f) {
		for i := range npzFuzzOptions {
			f.Add([]byte(data), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, option uint8) {
		checkAny(t, "x.npz", string(data), npzFuzzOptions[int(option)%len(npzFuzzOptions)], 1000)
	})
}

// Only the batches of the span are read, and to inspect a file only what describes them.
func TestArrowBytesRead(t *testing.T) {
	t.Parallel()
	data := arrowOf(t, []arrow.Field{{Name: "x", Type: arrow.FixedSizeListOf(100, arrow.PrimitiveTypes.Float64)}}, "["+
		strings.TrimSuffix(grid{500, 100}.text(`{"x":[`, ",", "]},"), ",")+"]", 100, true)
	var ranges []Range
	f := &textData{name: "x.arrow", data: data,
		open: func(offset, length int64) { ranges = append(ranges, Range{offset, length}) }}
	src, err := Inspect(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	total := func() (n int64) {
		for _, r := range ranges {
			n += r.Length
		}
		return n
	}
	if n := total(); n > 8*arrowAhead+1024 {
		t.Errorf("%d bytes to inspect: %v", n, ranges)
	}
	for _, span := range []Span{{Rows: 100}, {First: 250, Rows: 7}} {
		ranges = nil
		if rows, err := readRows(src, span, 30); err != nil || int64(len(rows)) != span.Rows {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if n := total(); n > 100*100*8+2048 {
			t.Errorf("%v: %d bytes, %v", span, n, ranges)
		}
	}
}

// An array that is stored as it is is read by ranges; a packed one once, from its beginning, whatever the rows.
func TestNPZBytesRead(t *testing.T) {
	t.Parallel()
	for method, most := range map[uint16]int64{zip.Store: 7*800 + 1, zip.Deflate: 1 << 20} {
		var ranges []Range
		f := &textData{name: "x.npz", data: npzOf(t, method, "x", grid{500, 100}.file(t, "npy")),
			open: func(offset, length int64) { ranges = append(ranges, Range{offset, length}) }}
		src, err := Inspect(t.Context(), f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ranges = nil
		if rows, err := readRows(src, Span{First: 250, Rows: 7}, 3); err != nil || len(rows) != 7 || len(ranges) != 1 ||
			ranges[0].Length > most {
			t.Errorf("%d rows, %v, %v", len(rows), err, ranges)
		}
		if spans := CutSource(src, 100, 100); len(spans) != map[uint16]int{zip.Store: 5, zip.Deflate: 1}[method] {
			t.Errorf("%v", spans)
		}
	}
}

// Readers of parts of a batch share it; it stays where rows of it are left, and goes with the last one.
func TestSharedBatch(t *testing.T) {
	var json strings.Builder
	for i := range 300 {
		fmt.Fprintf(&json, "%c{\"a\":%d,\"b\":%d}", "[,"[min(i, 1)], i, 2*i)
	}
	fields := []arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Float64}, {Name: "b", Type: arrow.PrimitiveTypes.Float64}}
	src, err := inspectText(arrowOf(t, fields, json.String()+"]", 200, true), "x.arrow", Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := src.(*arrowSource)
	left := func() (batches []int) {
		sharedBatches.Lock()
		defer sharedBatches.Unlock()
		for k := range sharedBatches.of {
			if k.s == s {
				batches = append(batches, k.batch)
			}
		}
		return batches
	}
	for _, c := range []struct {
		span Span
		left []int
	}{{Span{Rows: 70}, []int{0}}, {Span{First: 150, Rows: 90}, []int{1}}, {Span{First: 70, Rows: 80}, []int{0}},
		{Span{First: 190, Rows: 110}, nil}} {
		b := &vectors.Block{Dim: 2}
		if err := readSpan(t.Context(), src, c.span, b); err != nil || b.Len() != int(c.span.Rows) ||
			b.Row(0, make([]float64, 2))[1] != 2*float64(c.span.First) {
			t.Fatal(err, b.Len())
		}
		if got := left(); !slices.Equal(got, c.left) {
			t.Errorf("after %+v: batches %v are left, want %v", c.span, got, c.left)
		}
	}
}
