package results

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"beamlearn/model/vectors"
)

// someRows are rows of features, sparse or dense, with all that may stand beside them.
func someRows(t *testing.T, sparse bool) *vectors.Block {
	t.Helper()
	b := &vectors.Block{Dim: 3, DType: vectors.Float64}
	if sparse {
		b.Sparse = &vectors.CSR{}
	}
	for i, row := range [][]float64{{0, 1.5, 0}, {0, 0, 0}, {-2, 0, 1e-7}, {0.1, 3, 1e21}} {
		if b.Append(row, int64(i)) >= 0 {
			t.Fatal(row)
		}
		b.AppendID(vectors.ParseID([]string{"7", "a,b", "-3", "ü"}[i]))
		b.Target = append(b.Target, float64(i)-0.5)
		b.Weights = append(b.Weights, 0.25*float64(i))
	}
	return b
}

var rowsLayout = Layout{Features: &Features{Dim: 3, Names: []string{"x", `y"z`, "x_1"}, ID: "key", Target: "t",
	Weight: "w"}}

// newPart begins a part that is written to memory.
func newPart(f *Format, l Layout) (out []*bytes.Buffer, p PartWriter) {
	var w []io.Writer
	for range f.PartFiles(l) {
		out = append(out, new(bytes.Buffer))
		w = append(w, out[len(out)-1])
	}
	return out, f.NewPart(w, l)
}

// assembleRows writes rows in parts that end before these, and assembles them.
func assembleRows(t *testing.T, format string, b *vectors.Block, l Layout, ends ...int) []byte {
	t.Helper()
	f, err := Detect("x", format, l)
	if err != nil {
		t.Fatal(err)
	}
	var parts []Part
	from := 0
	for _, to := range append(ends, b.Len()) {
		out, p := newPart(f, l)
		for from < to { // row by row, as blocks may be of any size
			if err := p.WriteRows(&Rows{Block: b, From: from, To: from + 1}); err != nil {
				t.Fatal(err)
			}
			from++
		}
		info, err := p.Close()
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{Info: info,
			Open: func(i int) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out[i].Bytes())), nil }})
	}
	var whole bytes.Buffer
	if err := f.Assemble(0, &whole, parts, l); err != nil {
		t.Fatal(err)
	}
	return whole.Bytes()
}

// Rows have the same bytes, sparse or dense, however they are cut into parts.
func TestRows(t *testing.T) {
	text := map[string]string{
		"csv": `key,t,x,"y""z",x_1,w` +
			"\n7,-0.5,0,1.5,0,0\n\"a,b\",0.5,0,0,0,0.25\n-3,1.5,-2,0,1e-07,0.5\nü,2.5,0.1,3,1e+21,0.75\n",
		"jsonl": `{"key":7,"t":-0.5,"x":0,"y\"z":1.5,"x_1":0,"w":0}` + "\n" +
			`{"key":"a,b","t":0.5,"x":0,"y\"z":0,"x_1":0,"w":0.25}` + "\n" +
			`{"key":-3,"t":1.5,"x":-2,"y\"z":0,"x_1":1e-07,"w":0.5}` + "\n" +
			`{"key":"ü","t":2.5,"x":0.1,"y\"z":3,"x_1":1e+21,"w":0.75}` + "\n",
		"svm": "-0.5 2:1.5\n0.5\n1.5 1:-2 3:1e-07\n2.5 1:0.1 2:3 3:1e+21\n",
	}
	for _, format := range Matrices {
		f := format.Name
		l := Layout{Features: &Features{}}
		*l.Features = *rowsLayout.Features
		if f == "npy" || f == "svm" {
			l.Features.Weight = ""
		}
		if f == "npy" {
			l.Features.Target = ""
		}
		whole := assembleRows(t, f, someRows(t, true), l)
		for _, ends := range [][]int{{}, {0}, {1, 2, 3}, {2, 2}, {4}} {
			for _, sparse := range []bool{true, false} {
				if !bytes.Equal(assembleRows(t, f, someRows(t, sparse), l, ends...), whole) {
					t.Errorf("%s: other bytes in parts that end at %v, sparse %v", f, ends, sparse)
				}
			}
		}
		if want, ok := text[f]; ok && string(whole) != want {
			t.Errorf("%s: got\n%swant\n%s", f, whole, want)
		}
	}
}

// members are those of an archive, without their headers of 128 bytes.
func members(t *testing.T, b []byte) (names []string, data map[string][]byte) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	data = map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(r)
		if err != nil || len(all) < 128 {
			t.Fatal(f.Name, err)
		}
		names = append(names, f.Name+" "+strings.Trim(string(all[10:128]), " \n"))
		data[f.Name] = all[128:]
	}
	return names, data
}

// little is numbers, little-endian.
func little(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// An archive holds the arrays that scipy.sparse.save_npz writes, of those types, and the targets, weights and ids.
func TestNPZ(t *testing.T) {
	names, data := members(t, assembleRows(t, "npz", someRows(t, true), rowsLayout, 3))
	want := []string{
		"indices.npy {'descr': '<i4', 'fortran_order': False, 'shape': (6,), }",
		"indptr.npy {'descr': '<i4', 'fortran_order': False, 'shape': (5,), }",
		"format.npy {'descr': '|S3', 'fortran_order': False, 'shape': (), }",
		"shape.npy {'descr': '<i8', 'fortran_order': False, 'shape': (2,), }",
		"data.npy {'descr': '<f8', 'fortran_order': False, 'shape': (6,), }",
		"target.npy {'descr': '<f8', 'fortran_order': False, 'shape': (4,), }",
		"weight.npy {'descr': '<f8', 'fortran_order': False, 'shape': (4,), }",
		"id.npy {'descr': '<U3', 'fortran_order': False, 'shape': (4,), }",
	}
	if !slices.Equal(names, want) {
		t.Errorf("members\n%s", strings.Join(names, "\n"))
	}
	for name, v := range map[string]any{
		"indices": []int32{1, 0, 2, 0, 1, 2}, "indptr": []int32{0, 1, 1, 3, 6}, "shape": []int64{4, 3},
		"format": []byte("csr"),
		"data":   []float64{1.5, -2, 1e-7, 0.1, 3, 1e21}, "target": []float64{-0.5, 0.5, 1.5, 2.5},
		"weight": []float64{0, 0.25, 0.5, 0.75}, "id": []rune("7\x00\x00a,b-3\x00ü\x00\x00"),
	} {
		if got, want := data[name+".npy"], little(t, v); !bytes.Equal(got, want) {
			t.Errorf("%s is %x, want %x", name, got, want)
		}
	}
	narrow := Layout{Features: &Features{Dim: 3, Float32: true}}
	if _, data := members(t, assembleRows(t, "npz", someRows(t, false), narrow)); !bytes.Equal(data["data.npy"],
		little(t, []float32{1.5, -2, 1e-7, 0.1, 3, 1e21})) || len(data) != 5 {
		t.Errorf("%d members, data %x", len(data), data["data.npy"])
	}
}

// The columns of .parquet have their names and types, an id of text and a target of text among them.
func TestParquetRows(t *testing.T) {
	b := someRows(t, true)
	b.Target, b.Labels = nil, []string{"no", "yes", "", "no"}
	l := Layout{Features: &Features{Dim: 3, Names: []string{"x", "y", "z"}, ID: "key", Target: "t", Texts: true,
		Float32: true}}
	r, err := file.NewParquetReader(bytes.NewReader(assembleRows(t, "parquet", b, l, 1)))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	table, err := reader.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range int(table.NumCols()) {
		c := table.Column(i)
		got = append(got, c.Name()+" "+c.DataType().String()+" "+c.Data().Chunk(0).String())
	}
	want := []string{
		`key utf8 ["7" "a,b" "-3" "ü"]`, `t utf8 ["no" "yes" "" "no"]`,
		"x float32 [0 0 -2 0.1]", "y float32 [1.5 0 0 3]", "z float32 [0 0 1e-07 1e+21]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// What a format cannot hold is told before anything is written.
func TestCheckRows(t *testing.T) {
	wide := &Features{Dim: MaxColumns + 1}
	for _, c := range []struct {
		format string
		l      *Features
		want   string
	}{
		{"csv", wide, "4097 features are too many for columns of .csv, which takes 4096: write .svm or .npz"},
		{"npz", wide, ""},
		{"npy", &Features{Dim: 1, Target: "t"}, ".npy holds one array"},
		{"svm", &Features{Dim: 1, Weight: "w"}, ".svm holds no weights"},
		{"svm", &Features{Dim: 1, Target: "t", Texts: true}, "the target t is text, and .svm holds numbers"},
		{"parquet", &Features{Dim: 1, Names: []string{"t"}, Target: "t"}, `two columns of the output are called "t"`},
		{"npz", &Features{}, "rows without features"},
	} {
		l := Layout{Features: c.l}
		f, err := Detect("x", c.format, l)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Check(l); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v", c.format, c.l, err)
		}
	}
	for _, l := range []Layout{{}, {Columns: []Column{{Name: "x"}}}} {
		if _, err := Detect("x.svm", "", l); err == nil {
			t.Errorf("%+v: .svm is taken", l)
		}
	}
}

// A part that is damaged is a fault, and no panic.
func TestDamagedRows(t *testing.T) {
	for _, format := range []string{"npz", "parquet"} {
		f, err := Detect("x", format, rowsLayout)
		if err != nil {
			t.Fatal(err)
		}
		out, p := newPart(f, rowsLayout)
		if err := p.WriteRows(&Rows{Block: someRows(t, true), To: 4}); err != nil {
			t.Fatal(err)
		}
		info, err := p.Close()
		if err != nil {
			t.Fatal(err)
		}
		damage := func(file int, b []byte) error {
			damaged := info
			damaged.Bytes = slices.Clone(info.Bytes)
			damaged.Bytes[file] = int64(len(b))
			part := Part{Info: damaged, Open: func(i int) (io.ReadCloser, error) {
				if i == file {
					return io.NopCloser(bytes.NewReader(b)), nil
				}
				return io.NopCloser(bytes.NewReader(out[i].Bytes())), nil
			}}
			return f.Assemble(0, io.Discard, []Part{part}, rowsLayout)
		}
		for i, file := range out {
			if err := damage(i, file.Bytes()); err != nil {
				t.Fatal(err)
			}
			for n := range file.Len() {
				if damage(i, file.Bytes()[:n]) == nil {
					t.Errorf("%s: the first %d of %d bytes of file %d are taken", format, n, file.Len(), i)
				}
				b := bytes.Clone(file.Bytes())
				b[n] ^= 0xff
				err := damage(i, b)
				if err != nil && !errors.Is(err, errDamagedPart) && !strings.Contains(err.Error(), "expected") &&
					!strings.Contains(err.Error(), "point") {
					t.Errorf("%s, file %d, byte %d: %v", format, i, n, err)
				}
			}
		}
	}
}

// The values that a float32 stands for are written as short as it can be.
func TestRowsFloat32(t *testing.T) {
	b := &vectors.Block{Dim: 2, DType: vectors.Float32}
	if b.Append([]float64{0.1, 1e-7}, 0) >= 0 {
		t.Fatal("refused")
	}
	l := Layout{Features: &Features{Dim: 2, Names: []string{"a", "b"}, Float32: true}}
	if got := string(assembleRows(t, "csv", b, l)); got != "a,b\n0.1,1e-07\n" {
		t.Error(got)
	}
	npy := assembleRows(t, "npy", b, l)
	if want := little(t, []float32{0.1, 1e-7}); !bytes.Equal(npy[128:], want) ||
		!bytes.Contains(npy[:128], []byte("'<f4', 'fortran_order': False, 'shape': (1, 2)")) {
		t.Errorf("%q", npy)
	}
	if math.Float32frombits(binary.LittleEndian.Uint32(npy[128:])) != 0.1 {
		t.Error("other values")
	}
}
