package results

import (
	"bytes"
	"context"
	"io"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"beamlearn/model/vectors"
)

// Rows without values, or without an id, have their places in all formats, however they are cut into parts.
func TestLacks(t *testing.T) {
	l := Layout{Nullable: true, Columns: []Column{{Name: "n", Type: Int},
		{Name: "s", Type: Text, Texts: []string{"u", "v"}}, {Name: "f", Type: Float}}}
	lacks := []Lack{NoValues, 0, NoValues | NoID, 0, NoID, NoValues}
	table := &Table{
		ID: func(i int) vectors.ID {
			if lacks[i]&NoID != 0 {
				t.Error("asked for an id that there is not")
			}
			return vectors.ID{Int: int64(10 + i)}
		},
		Lacks:  func(i int) Lack { return lacks[i] },
		Values: []float64{9, 9, 9, 1, 1, 0.5, 9, 9, 9, 2, 0, math.NaN(), 3, 1, -1, 9, 9, 9},
	}
	want := map[string]string{
		"csv": "id,n,s,f\n10,,,\n11,1,v,0.5\n,,,\n13,2,u,nan\n,3,v,-1\n15,,,\n",
		"jsonl": `{"id":10,"n":null,"s":null,"f":null}
{"id":11,"n":1,"s":"v","f":0.5}
{"id":null,"n":null,"s":null,"f":null}
{"id":13,"n":2,"s":"u","f":null}
{"id":null,"n":3,"s":"v","f":-1}
{"id":15,"n":null,"s":null,"f":null}
`,
	}
	write := func(f *Format, l Layout, cuts ...int) []byte {
		var parts []Part
		for i := range cuts[1:] {
			var b bytes.Buffer
			w := f.NewPart([]io.Writer{&b}, l)
			part := *table
			part.From, part.To = cuts[i], cuts[i+1]
			if err := w.WriteTable(&part); err != nil {
				t.Fatal(err)
			}
			info, err := w.Close()
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, Part{Info: info,
				Open: func(int) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }})
		}
		var out bytes.Buffer
		if err := f.Assemble(0, &out, parts, l); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, f := range []*Format{csvFormat, jsonlFormat, parquetFormat} {
		whole := write(f, l, 0, 6)
		if got := write(f, l, 0, 1, 3, 4, 6); !bytes.Equal(got, whole) {
			t.Errorf("%s: the parts tell", f.Name)
		}
		if want := want[f.Name]; want != "" && string(whole) != want {
			t.Errorf("%s: got %s, want %s", f.Name, whole, want)
		}
	}
	r, err := file.NewParquetReader(bytes.NewReader(write(parquetFormat, l, 0, 6)))
	if err != nil {
		t.Fatal(err)
	}
	in, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	read, err := in.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer read.Release()
	for c, want := range []string{"[10 11 (null) 13 (null) 15]", "[(null) 1 (null) 2 3 (null)]",
		`[(null) "v" (null) "u" "v" (null)]`, "[(null) 0.5 (null) NaN -1 (null)]"} {
		if got := read.Column(c).Data().Chunk(0); got.(interface{ String() string }).String() != want {
			t.Errorf("parquet: column %d: got %s, want %s", c, got, want)
		}
	}
	ints := Layout{Nullable: true, Columns: []Column{{Name: "n", Type: Int}, {Name: "m", Type: Int},
		{Name: "f", Type: Int}}}
	if got := write(npyFormat, ints, 0, 2, 6); !bytes.Contains(got[:128],
		[]byte("'<f8', 'fortran_order': False, 'shape': (6, 3)")) || len(got) != 128+6*3*8 ||
		!bytes.Equal(got[128:136], []byte{1, 0, 0, 0, 0, 0, 0xf8, 0x7f}) {
		t.Errorf("npy: % x", got)
	}
}
