package vectorio

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/beamtest"
	"beamlearn/transforms/placement"
)

func init() {
	beam.RegisterDoFn(&rowsFn{})
	register.Emitter1[string]()
}

func TestMain(m *testing.M) { beamtest.Main(m) }

// put writes a file into dir.
func put(t *testing.T, dir, name, data string) string {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// npy is an array of float64 of a shape.
func npy(shape string, values ...float64) string {
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n", shape)
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	binary.Write(&b, binary.LittleEndian, values)
	return b.String()
}

// column is the values from lo to hi, of one column.
func column(lo, hi int) (values []float64) {
	for i := lo; i < hi; i++ {
		values = append(values, float64(i))
	}
	return values
}

// cut writes columns of the values 0 … n-1, in a file for each run of rows, and returns a pattern of all.
func cut(t *testing.T, dir, prefix, shape string, runs ...int) string {
	t.Helper()
	at := 0
	for i, n := range runs {
		put(t, dir, fmt.Sprintf("%s%d.npy", prefix, i), npy(fmt.Sprintf(shape, n), column(at, at+n)...))
		at += n
	}
	return filepath.Join(dir, prefix+"*.npy")
}

// chunks are those of a dataset, made by the DoFns one after the other.
func chunks(t *testing.T, d *Dataset) []Chunk {
	t.Helper()
	ctx := t.Context()
	var pieces []FilePiece
	split := &splitFn{Options: d.options, RangeBytes: 7}
	for i, info := range d.Files {
		if err := split.ProcessElement(ctx, FilePiece{File: i, Info: info, Naming: d.naming[i]},
			func(p FilePiece) { pieces = append(pieces, p) }); err != nil {
			t.Fatal(err)
		}
	}
	count := &countFn{Options: d.options}
	for i := 0; i < len(pieces); i += 2 { // numberFn counts the others
		var err error
		if pieces[i], err = count.ProcessElement(ctx, pieces[i]); err != nil {
			t.Fatal(err)
		}
	}
	slices.Reverse(pieces) // which come in any order
	next := func(p *FilePiece) bool {
		if len(pieces) == 0 {
			return false
		}
		*p, pieces = pieces[0], pieces[1:]
		return true
	}
	var all []Chunk
	list, err := (&numberFn{Options: d.options, Targets: d.targets}).ProcessElement(ctx, 0, next)
	if err != nil {
		t.Fatal(err)
	}
	b, err := encodeList(list)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := decodeList(b); err != nil || !reflect.DeepEqual(again, list) {
		t.Fatalf("%+v comes back as %+v, %v", list, again, err)
	}
	(&eachFn{}).ProcessElement(list, func(c Chunk) {
		b, err := encodeChunk(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeChunk(b)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v comes back as %+v, %v", c, again, err)
		}
		all = append(all, again)
	})
	return all
}

// rows reads a chunk: each row as number, values and target, or its fault.
func rows(ctx context.Context, c Chunk, o Options, dim int) (list []string, err error) {
	r, err := Open(ctx, c, o, func(f *fault.Fault) { list = append(list, filepath.Base(f.Error())) })
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := r.Close(); err == nil {
			err = e
		}
	}()
	b := o.NewBlock(dim)
	for {
		b.Reset()
		if err := r.Read(b); err == io.EOF {
			return list, nil
		} else if err != nil {
			return list, err
		}
		if n := b.Len(); n > o.ChunkRows || len(b.Target)+len(b.Labels) != n && len(b.Target)+len(b.Labels) != 0 {
			return nil, fmt.Errorf("%d rows, %d targets, %d labels", n, len(b.Target), len(b.Labels))
		}
		for i := range b.Len() {
			row := fmt.Sprint(b.Numbers[i], b.Row(i, make([]float64, dim)))
			if len(b.Target) > 0 {
				row += fmt.Sprint(" → ", b.Target[i])
			}
			if len(b.Labels) > 0 {
				row += " → " + b.Labels[i]
			}
			list = append(list, row)
		}
	}
}

// readAll is the rows of all chunks, and the first error.
func readAll(t *testing.T, d *Dataset, o Options) (list []string, err error) {
	t.Helper()
	o.EnsureDefaults()
	for _, c := range chunks(t, d) {
		got, err := rows(t.Context(), c, o, d.Dim)
		list = append(list, got...)
		if err != nil {
			return list, err
		}
	}
	return list, nil
}

func TestOptionsJSON(t *testing.T) {
	for _, o := range []Options{
		{},
		{
			Formats: formats.Options{
				Format: "svm", Header: formats.HeaderNo, Columns: []string{"a"}, IDColumn: "i", DType: vectors.Float64,
				TargetColumn: "y", WeightColumn: "w",
				Labels: true, Unlabelled: true, Features: 7, ZeroBased: formats.ZeroBasedNo, Sparse: true,
			},
			ChunkRows: 3, SkipFaults: true, Targets: []string{"y.npy"},
		},
	} {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var again Options
		if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%s comes back as %+v, %v", b, again, err)
		}
	}
	o := Options{ChunkRows: 1, Targets: []string{"y.npy"}, Formats: formats.Options{TargetColumn: "y"}}
	const want = "targets in files of their own: without a target column, and not of rows that have none"
	if err := o.Validate(); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestNewBlock(t *testing.T) {
	o := Options{Formats: formats.Options{DType: vectors.Float64}}
	if b := o.NewBlock(3); b.Dim != 3 || b.DType != vectors.Float64 || b.Sparse != nil || o.MinBytes(10, 3) != 240 {
		t.Errorf("%+v, %d bytes", b, o.MinBytes(10, 3))
	}
	o.Formats.Sparse = true
	if b := o.NewBlock(1 << 30); b.Sparse == nil || o.MinBytes(10, 1<<30) != 80 {
		t.Errorf("%+v, %d bytes", b, o.MinBytes(10, 1<<30))
	}
}

// However rows and targets are cut into files and chunks, each row has its own.
func TestTargets(t *testing.T) {
	for _, c := range []struct {
		x, y  []int
		shape string
	}{
		{[]int{20}, []int{20}, "(%d,)"}, {[]int{7, 1, 12}, []int{20}, "(%d, 1)"}, {[]int{20}, []int{3, 16, 1}, "(%d,)"},
		{[]int{5, 15}, []int{1, 1, 1, 10, 7}, "(%d,)"},
	} {
		dir := t.TempDir()
		x, y := cut(t, dir, "x", "(%d, 1)", c.x...), cut(t, dir, "y", c.shape, c.y...)
		for _, size := range []int{1, 3, 8, 100} {
			for _, labels := range []bool{false, true} {
				o := Options{ChunkRows: size, Targets: []string{y}, Formats: formats.Options{Labels: labels}}
				d, err := Inspect(t.Context(), []string{x}, o)
				if err != nil {
					t.Fatal(err)
				}
				got, err := readAll(t, d, o)
				if err != nil || len(got) != 20 {
					t.Fatalf("%d rows, %v", len(got), err)
				}
				for i, row := range got {
					if want := fmt.Sprintf("%d [%d] → %d", i, i, i); row != want {
						t.Errorf("%v, %d at a time: %s, want %s", c, size, row, want)
					}
				}
			}
		}
	}
}

// A row that is at fault takes its target along, and a target its row.
func TestTargetFaults(t *testing.T) {
	dir := t.TempDir()
	nan := math.NaN()
	x := put(t, dir, "x.npy", npy("(6, 1)", 0, nan, 2, nan, 4, 5))
	y := put(t, dir, "y.npy", npy("(6,)", 0, 1, math.Inf(1), nan, 4, math.Inf(-1)))
	want := []string{
		"0 [0] → 0", "x.npy: row 1, column 0: found NaN, expected a finite number",
		"y.npy: row 2, column 0: found +Inf, expected a finite number",
		"x.npy: row 3, column 0: found NaN, expected a finite number", "4 [4] → 4",
		"y.npy: row 5, column 0: found -Inf, expected a finite number",
	}
	for _, size := range []int{1, 2, 5, 10} {
		o := Options{ChunkRows: size, Targets: []string{y}, SkipFaults: true}
		d, err := Inspect(t.Context(), []string{x}, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(t, d, o)
		// A batch shows its rows after the faults met on the way to them.
		slices.Sort(got)
		sorted := slices.Clone(want)
		slices.Sort(sorted)
		if err != nil || !reflect.DeepEqual(got, sorted) {
			t.Errorf("%d at a time: %q, %v\nwant %q", size, got, err, sorted)
		}
	}
	o := Options{Targets: []string{y}}
	fine := put(t, dir, "fine.npy", npy("(6, 1)", 0, 1, 2, 3, 4, 5))
	d, err := Inspect(t.Context(), []string{fine}, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, d, o); err == nil || err.Error() != y+
		": row 2, column 0: found +Inf, expected a finite number" {
		t.Errorf("%v", err)
	}
	// The targets must be those of the inspection.
	all := chunks(t, d)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(y, later, later); err != nil {
		t.Fatal(err)
	}
	o.EnsureDefaults()
	if _, err := rows(t.Context(), all[0], o, 1); err == nil ||
		!strings.HasPrefix(err.Error(), y+": found a later modification time") {
		t.Errorf("%v", err)
	}
}

func TestInspectTargets(t *testing.T) {
	dir := t.TempDir()
	x := put(t, dir, "x.npy", npy("(4, 1)", 0, 1, 2, 3))
	a, b := put(t, dir, "a.npy", npy("(2,)", 0, 1)), put(t, dir, "b.npy", npy("(1,)", 2))
	two := put(t, dir, "two.npy", npy("(2, 2)", 0, 1, 2, 3))
	text := put(t, dir, "x.csv", "1,2\n")
	for _, c := range []struct {
		x, y []string
		want string
	}{
		{[]string{x}, []string{a}, a + ": found 2 targets, expected 4, as many as the rows of " + x},
		{[]string{two, x}, []string{a}, "x.npy: found 1 columns, expected 2 columns, as in " + two},
		{[]string{x}, []string{a, b}, a + " … " + b + " (2 files): found 3 targets, expected 4, as many as the rows of " + x},
		{[]string{a, b}, []string{x}, x + ": found 4 targets, expected 3, as many as the rows of " + a + " … " + b +
			" (2 files)"},
		{[]string{x}, []string{two}, two +
			": found 2 columns, expected targets: one column of numbers"},
		{[]string{text}, []string{a}, text +
			": found one whose rows must be counted, expected a file whose header has the number of rows, where the targets " +
			"are in files of their own"},
		{[]string{a}, []string{text}, text +
			": found one whose rows must be counted, expected a file whose header has the number of rows, where the targets " +
			"are in files of their own"},
		{[]string{x}, []string{filepath.Join(dir, "z*.npy")}, filepath.Join(dir, "z*.npy") +
			": found no file that matches, expected at least one file"},
	} {
		d, err := Inspect(t.Context(), c.x, Options{Targets: c.y})
		if err == nil || d != nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestInspectColumns(t *testing.T) {
	dir := t.TempDir()
	ab, ba := put(t, dir, "1.csv", "a,y,b\n1,2,3\n"), put(t, dir, "2.csv", "b,y,a\n1,2,3\n")
	none := put(t, dir, "0.csv", "1,2,3\n")
	o := Options{Formats: formats.Options{TargetColumn: "1"}}
	d, err := Inspect(t.Context(), []string{ab, none}, o)
	if err != nil || !slices.Equal(d.Columns, []string{"a", "b"}) || d.Dim != 2 {
		t.Fatalf("%+v, %v", d, err)
	}
	if got, err := readAll(t, d, o); err != nil || !slices.Equal(got, []string{"0 [1 3] → 2", "1 [1 3] → 2"}) {
		t.Errorf("%q, %v", got, err)
	}
	if d, err = Inspect(t.Context(), []string{none, ab, ba}, o); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, d, o); err != nil ||
		!slices.Equal(got, []string{"0 [1 3] → 2", "1 [1 3] → 2", "2 [3 1] → 2"}) {
		t.Errorf("%q, %v", got, err)
	}
	if d, err := Inspect(t.Context(), []string{none}, o); err != nil || d.Columns != nil {
		t.Errorf("%+v, %v", d, err)
	}
}

// A shard whose first row counts 0, 1, 2 has no header where others have none, so that no row gets lost; beside
// others with names it is refused, as is a header of numbers in the order of the files.
func TestCountingShards(t *testing.T) {
	dir := t.TempDir()
	counts := put(t, dir, "1.csv", "0,1,2\n1,5,7.5\n")
	none := put(t, dir, "2.csv", "4,1,2\n1,5,8.5\n")
	also := put(t, dir, "3.csv", "0,1,2\n2,5,8.5\n")
	named := put(t, dir, "4.csv", "a,b,c\n1,2,3.5\n")
	rows := func(files ...string) []string {
		d, err := Inspect(t.Context(), files, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Columns != nil && files[0] != named && slices.Contains(files, none) {
			t.Errorf("%q: columns %q", files, d.Columns)
		}
		got, err := readAll(t, d, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := rows(counts, none); !slices.Equal(got, []string{"0 [0 1 2]", "1 [1 5 7.5]", "2 [4 1 2]", "3 [1 5 8.5]"}) {
		t.Errorf("beside one without a header: %q", got)
	}
	if got := rows(counts, also); !slices.Equal(got, []string{"0 [1 5 7.5]", "1 [2 5 8.5]"}) {
		t.Errorf("beside one like it: %q", got)
	}
	_, err := Inspect(t.Context(), []string{counts, named}, Options{})
	if want := `4.csv: found the columns "a", "b", "c", without "0", "1", "2"`; err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("beside one with names: %v", err)
	}
}

// All .svm files of a dataset have the same columns, whichever worker reads them.
func TestSVM(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.svm", "1 1:1\n0 2:2\n\n1 qid:3 1:3 # c\n")
	put(t, dir, "b.svm", "x 1:1\n2 0:4 3:5\n")
	pattern := filepath.Join(dir, "*.svm")
	for _, c := range []struct {
		o    formats.Options
		want []string
	}{
		{formats.Options{Labels: true}, []string{"0 [0 1 0 0] → 1", "1 [0 0 2 0] → 0", "2 [0 3 0 0] → 1", "3 [0 1 0 0] → x",
			"4 [4 0 0 5] → 2"}},
		{formats.Options{Unlabelled: true}, []string{"0 [0 1 0 0]", "1 [0 0 2 0]", "2 [0 3 0 0]", "3 [0 1 0 0]",
			"4 [4 0 0 5]"}},
		{formats.Options{}, []string{"0 [0 1 0 0] → 1", "1 [0 0 2 0] → 0", "2 [0 3 0 0] → 1",
			`b.svm: row 0, column label: found "x", expected a number`, "4 [4 0 0 5] → 2"}},
		{formats.Options{Features: 3, Labels: true}, []string{"0 [1 0 0] → 1", "1 [0 2 0] → 0", "2 [3 0 0] → 1",
			"3 [1 0 0] → x", "b.svm: row 1: found the index 0, expected one from 1 to 3"}},
	} {
		for _, sparse := range []bool{false, true} {
			c.o.Sparse = sparse
			o := Options{Formats: c.o, SkipFaults: true, ChunkRows: 1}
			d, err := Inspect(t.Context(), []string{pattern}, o)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := readAll(t, d, o); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%+v: %q, %v\nwant %q", c.o, got, err, c.want)
			}
		}
	}
}

// rowsFn reads the rows of chunks.
type rowsFn struct {
	Options Options
	Dim     int
}

func (f *rowsFn) ProcessElement(ctx context.Context, c Chunk, emit func(string)) error {
	list, err := rows(ctx, c, f.Options, f.Dim)
	for _, r := range list {
		emit(r)
	}
	return err
}

// Through a pipeline, targets come along as they do here.
func TestPipeline(t *testing.T) {
	dir := t.TempDir()
	x, y := cut(t, dir, "x", "(%d, 1)", 3, 4), cut(t, dir, "y", "(%d,)", 5, 2)
	svm := put(t, dir, "x.svm", "1 2:1\n0 5:2\n")
	for _, c := range []struct {
		patterns []string
		o        Options
		want     []any
	}{
		{[]string{x}, Options{ChunkRows: 2, Targets: []string{y}}, []any{"0 [0] → 0", "1 [1] → 1", "2 [2] → 2", "3 [3] → 3",
			"4 [4] → 4", "5 [5] → 5", "6 [6] → 6"}},
		{[]string{svm}, Options{ChunkRows: 2, Formats: formats.Options{Sparse: true}},
			[]any{"0 [0 1 0 0 0] → 1", "1 [0 0 0 0 2] → 0"}},
	} {
		d, err := Inspect(t.Context(), c.patterns, c.o)
		if err != nil {
			t.Fatal(err)
		}
		p, s := beam.NewPipelineWithRoot()
		passert.Equals(s, beam.ParDo(s, &rowsFn{Options: c.o, Dim: d.Dim}, Chunks(s, d, placement.Remote)), c.want...)
		if err := ptest.Run(p); err != nil {
			t.Error(err)
		}
	}
}

// Descriptions from the wire are decoded to ones that encode and decode to themselves, or refused.
func FuzzDecodeDescriptions(f *testing.F) {
	c, err := encodeChunk(Chunk{Ordinal: 3, Info: files.Info{Name: "gs://b/x.npy", Size: 100}, Span: formats.Span{Rows: 7},
		First: 21, Total: 100})
	if err != nil {
		f.Fatal(err)
	}
	p, err := encodeFilePiece(FilePiece{File: 1, Piece: 2, Counted: true, Rows: 5})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c)
	f.Add(p)
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := decodeChunk(b); err == nil {
			stable(t, c, encodeChunk, decodeChunk)
		}
		if p, err := decodeFilePiece(b); err == nil {
			stable(t, p, encodeFilePiece, decodeFilePiece)
		}
	})
}

func stable[T any](t *testing.T, v T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) {
	t.Helper()
	b, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	w, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := encode(w); err != nil || !bytes.Equal(again, b) {
		t.Errorf("%s becomes %s, %v", b, again, err)
	}
}

// Targets of text, in files of their own, are labels, each that of its row, however rows and targets are cut.
// A quote that does not close is told when the rows of a small file are counted, not as so few rows.
func TestOpenQuoteCounted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(name, []byte("a,b\n1,\"2\n3,4\n5,6\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const want = "found a quote that opens in row 0, and then the end of the file, expected the quote that closes it, " +
		"or --quoting=none"
	if _, err := Inspect(t.Context(), []string{name}, Options{}); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestTargetTexts(t *testing.T) {
	t.Parallel()
	text := func(labels ...string) string {
		header := fmt.Sprintf("{'descr': '|S3', 'fortran_order': False, 'shape': (%d, 1), }\n", len(labels))
		b := "\x93NUMPY\x01\x00" + string([]byte{byte(len(header)), 0}) + header
		for _, l := range labels {
			b += (l + "\x00\x00\x00")[:3]
		}
		return b
	}
	dir := t.TempDir()
	x := cut(t, dir, "x", "(%d, 1)", 3, 2)
	put(t, dir, "y0.npy", text("a", "b"))
	put(t, dir, "y1.npy", text("ccc", "a", "b"))
	o := Options{Targets: []string{filepath.Join(dir, "y?.npy")}, Formats: formats.Options{Labels: true}}
	for _, size := range []int{1, 2, 100} {
		o.ChunkRows = size
		d, err := Inspect(t.Context(), []string{x}, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(t, d, o)
		if want := []string{"0 [0] → a", "1 [1] → b", "2 [2] → ccc", "3 [3] → a", "4 [4] → b"}; err != nil ||
			!slices.Equal(got, want) {
			t.Errorf("%q, %v", got, err)
		}
	}
	put(t, dir, "y1.npy", npy("(3,)", 1, 2, 3))
	if _, err := Inspect(t.Context(), []string{x}, o); err == nil ||
		!strings.HasSuffix(err.Error(), "(2 files): found both, expected targets that are all numbers, or all text") {
		t.Errorf("%v", err)
	}
	o.Formats.Labels = false
	if _, err := Inspect(t.Context(), []string{x}, o); err == nil ||
		!strings.HasSuffix(err.Error(), "y0.npy: found text, expected numbers as the targets") {
		t.Errorf("%v", err)
	}
}

// Targets that are integers in one file and fractions in another are numbers.
func TestTargetNumbersOfTwoKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := cut(t, dir, "x", "(%d, 1)", 3, 2)
	header := "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n"
	put(t, dir, "y0.npy", "\x93NUMPY\x01\x00"+string([]byte{byte(len(header)), 0})+header+
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	put(t, dir, "y1.npy", npy("(3,)", 1, 0, 1))
	o := Options{Targets: []string{filepath.Join(dir, "y?.npy")}, Formats: formats.Options{Labels: true}, ChunkRows: 2}
	d, err := Inspect(t.Context(), []string{x}, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(t, d, o)
	if want := []string{"0 [0] → 1", "1 [1] → 0", "2 [2] → 1", "3 [3] → 0", "4 [4] → 1"}; err != nil ||
		!slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}
