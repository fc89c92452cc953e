package vectorio

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// A reader of some rows has these alone, in chunks of any size, and sees nothing that is wrong with the others, whether
// its format passes over rows or reads them.
func TestReaderOnly(t *testing.T) {
	t.Parallel()
	wanted := map[int64]bool{1: true, 2: true, 4: true, 5: true, 9: true}
	for name, text := range map[string]string{
		"x.csv": "a,b\nbad,1\n1,1\n2,1\nbad,2\n4,1\nbad,3\n6,1\n7,1\n8,1\n9,1\nbad,4\n",
		"x.jsonl": "{\"a\":\"bad\",\"b\":1}\n{\"a\":1,\"b\":1}\n{\"a\":2,\"b\":1}\n{\"a\":\"bad\",\"b\":2}\n{\"a\":4,\"b\":1}\n{}\n" +
			"{\"a\":6,\"b\":1}\n{\"a\":7,\"b\":1}\n{\"a\":8,\"b\":1}\n{\"a\":9,\"b\":1}\n{\"a\":\"bad\",\"b\":4}\n",
		"x.svm": "0 1:x\n0 1:1 2:1\n0 1:2 2:1\n0 1:y\n0 1:4 2:1\n0 1:z\n0 1:6 2:1\n0 1:7 2:1\n0 1:8 2:1\n0 1:9 2:1\n0 q\n",
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, rows := range []int{1, 2, 3, 100} {
			o := Options{ChunkRows: rows, SkipFaults: true}
			d, err := Inspect(t.Context(), []string{path}, o)
			if err != nil {
				t.Fatal(err)
			}
			o.Confine(d)
			list, err := d.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var numbers, faults []int64
			var values []float64
			for _, c := range list.Chunks {
				r, err := Open(t.Context(), c, o, func(f *fault.Fault) { faults = append(faults, f.Number) })
				if err != nil {
					t.Fatal(err)
				}
				r.Only(func(number int64) bool { return wanted[number] })
				b := &vectors.Block{Dim: d.Dim, DType: vectors.Float64}
				for err == nil {
					err = r.Read(b)
				}
				if err != io.EOF {
					t.Fatal(err)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				numbers = append(numbers, b.Numbers...)
				for i := range b.Len() {
					values = append(values, b.Row(i, make([]float64, b.Dim))[0])
				}
			}
			if !slices.Equal(numbers, []int64{1, 2, 4, 9}) || !slices.Equal(values, []float64{1, 2, 4, 9}) ||
				!slices.Equal(faults, []int64{5}) {
				t.Errorf("%s in chunks of %d: the rows %v of %v, and the faults %v", name, rows, numbers, values, faults)
			}
		}
	}
}

// Chunks of one row group go together, and those of others do not; text is left as it is.
func TestWholeGroups(t *testing.T) {
	t.Parallel()
	for ext, alone := range map[string]bool{"parquet": false, "csv": true} {
		path := "../../testdata/flights_small." + ext
		o := Options{ChunkRows: 50}
		o.Formats.Columns = []string{"month", "distance"}
		d, err := Inspect(t.Context(), []string{path}, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Confine(d)
		list, err := d.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		chunks := append(slices.Clone(list.Chunks), list.Chunks...) // as of two files
		whole, err := WholeGroups(t.Context(), chunks, &o)
		if err != nil {
			t.Fatal(err)
		}
		var rows, all int64
		for _, c := range whole {
			rows += c.Span.Rows
		}
		for _, c := range chunks {
			all += c.Span.Rows
		}
		if rows != all || alone != (len(whole) == len(chunks)) || len(whole)%2 != 0 {
			t.Errorf("%s: %d of %d rows in %d of %d chunks", ext, rows, all, len(whole), len(chunks))
		}
	}
}
