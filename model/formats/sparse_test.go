package formats

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// csrOf is the archive of a matrix of 3 × 5, with some arrays replaced, or left out where they are "".
func csrOf(t testing.TB, method uint16, replaced map[string]string) string {
	arrays := map[string]string{
		"format":  npyArray("|S3", "()", []byte("csr")),
		"shape":   npyArray("<i8", "(2,)", encoded(binary.LittleEndian, []int64{3, 5})),
		"indptr":  npyArray("<i4", "(4,)", encoded(binary.LittleEndian, []int32{0, 2, 2, 4})),
		"indices": npyArray("<i4", "(4,)", encoded(binary.LittleEndian, []int32{1, 4, 3, 0})),
		"data":    npyArray("<f8", "(4,)", encoded(binary.LittleEndian, []float64{0.5, -2, 3, 1e300})),
	}
	for name, a := range replaced {
		if arrays[name] = a; a == "" {
			delete(arrays, name)
		}
	}
	var list []string
	for _, name := range []string{"format", "shape", "indptr", "indices", "data", "target", "id", "w"} {
		if arrays[name] != "" {
			list = append(list, name, arrays[name])
		}
	}
	return npzOf(t, method, list...)
}

// ints are little-endian numbers of int32, an array of one dimension.
func ints(v ...int32) string {
	return npyArray("<i4", fmt.Sprintf("(%d,)", len(v)), encoded(binary.LittleEndian, v))
}

func longs(v ...int64) string {
	return npyArray("<i8", fmt.Sprintf("(%d,)", len(v)), encoded(binary.LittleEndian, v))
}

func doubles(v ...float64) string {
	return npyArray("<f8", fmt.Sprintf("(%d,)", len(v)), encoded(binary.LittleEndian, v))
}

// Ids may be texts, of which those that print as integers do are integers.
func TestCSRTextIDs(t *testing.T) {
	t.Parallel()
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		b := loadText(t, "x.npz", csrOf(t, method, map[string]string{"id": unicode("ab", "12", "012")}),
			Options{Sparse: true, IDColumn: "id"})
		for i, want := range []vectors.ID{{Text: "ab"}, {Int: 12}, {Text: "012"}} {
			if got := b.IDs.At(i); got != want {
				t.Errorf("row %d: %v, expected %v", i, got, want)
			}
		}
	}
	for data, want := range map[string]string{
		unicode("ab", "c"):      `found 2, expected 3 ids in the array "id"`,
		unicode("ab", "", "cd"): "found an empty text, expected an id",

		npyArray("|S1", "(3,)", []byte("a\xffb")): `found "\xff", which is no UTF-8, expected an id`,
	} {
		src, err := inspectText(csrOf(t, zip.Store, map[string]string{"id": data}), "x.npz",
			Options{Sparse: true, IDColumn: "id"})
		if err == nil {
			err = readSpan(t.Context(), src, Span{Rows: 3}, &vectors.Block{Dim: 5, Sparse: &vectors.CSR{}})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %s", err, want)
		}
	}
}

func TestCSR(t *testing.T) {
	t.Parallel()
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		data := csrOf(t, method, map[string]string{"target": doubles(7, 8, 9), "id": ints(10, 11, 12), "w": doubles(1, 0, 2)})
		for _, sparse := range []bool{false, true} {
			b := loadText(t, "x.npz", data, Options{Sparse: sparse, TargetColumn: "target", IDColumn: "id", WeightColumn: "w"})
			row := make([]float64, 5)
			for i, want := range [][]float64{{0, 0.5, 0, 0, -2}, {0, 0, 0, 0, 0}, {1e300, 0, 0, 3, 0}} {
				if !slices.Equal(b.Row(i, row), want) {
					t.Errorf("row %d: %v", i, row)
				}
			}
			if (b.Sparse != nil) != sparse || !slices.Equal(b.Target, []float64{7, 8, 9}) ||
				!slices.Equal(b.Weights, []float64{1, 0, 2}) || b.ID(2).Int != 12 {
				t.Errorf("%+v", b)
			}
		}
	}
}

// loadText is all rows of a file.
func loadText(t *testing.T, name, data string, o Options) *vectors.Block {
	t.Helper()
	src, err := inspectText(data, name, o)
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: src.Dim()}
	if o.Sparse {
		b.Sparse = &vectors.CSR{}
	}
	if err := readSpan(t.Context(), src, Span{Rows: src.Rows()}, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// What an archive says of its matrix, and is not so, is told in a line, packed or not, before there is memory for it.
func TestCSRLies(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for _, c := range []struct {
		replaced map[string]string
		want     string
	}{
		{map[string]string{"indptr": ints(0, 2, 2)}, `found 3, expected 4 numbers in the array "indptr"`},
		{map[string]string{"indptr": ints(1, 2, 2, 4)}, "found 1, expected 0 at the beginning of indptr"},
		{map[string]string{"indptr": ints(0, 3, 2, 4)},
			"found 2 after 3, at place 1, expected numbers in indptr that ascend from 0 to 4, the number of entries"},
		{map[string]string{"indptr": ints(0, 2, 2, 3)},
			"found 3 after 4, at place 3, expected numbers in indptr that ascend"},
		{map[string]string{"indptr": ints(0, 2, 2, 9)}, "expected numbers in indptr that ascend from 0 to 4"},
		{map[string]string{"indptr": ints(0, -2, 2, 4)}, "expected numbers in indptr that ascend from 0 to 4"},
		{map[string]string{"indptr": doubles(0, 2, 2, 4)}, "found another type, expected integers in indptr and indices"},
		{map[string]string{"indices": doubles(1, 4, 3, 0)}, "found another type, expected integers in indptr and indices"},
		{map[string]string{"indices": ints(1, 4, 3)}, `found 3, expected 4 numbers in the array "indices"`},
		{map[string]string{"indices": ints(1, 5, 3, 0)}, "found column 5 in row 0, expected columns from 0 to 4"},
		{map[string]string{"indices": ints(1, -1, 3, 0)}, "found column -1 in row 0, expected columns from 0 to 4"},
		{map[string]string{"indices": longs(1, 1<<40, 3, 0)},
			"found column 1099511627776 in row 0, expected columns from 0 to 4"},
		{map[string]string{"indices": ints(1, 4, 3, 3)},
			"found two in row 2, column 3, expected one entry of each row and column"},
		{map[string]string{"shape": longs(3, 0)}, "found the shape (3, 0), expected rows of data"},
		{map[string]string{"shape": longs(-3, 5)}, "found the shape (-3, 5), expected rows of data"},
		{map[string]string{"shape": longs(0, 5)}, "found the shape (0, 5), expected rows of data"},
		{map[string]string{"shape": longs(math.MaxInt64, 5)}, "expected rows of data"},
		{map[string]string{"shape": longs(1<<50, 5)}, `found 4, expected 1125899906842625 numbers in the array "indptr"`},
		{map[string]string{"shape": longs(3, 1<<40)}, "found 1099511627776 columns, expected at most 2147483647 columns"},
		{map[string]string{"shape": longs(3, 1<<21)},
			"found 2097152 columns, expected at most 1048576 columns, where rows are stored with their zeros"},
		{map[string]string{"shape": longs(3)}, `found 1, expected 2 numbers in the array "shape"`},
		{map[string]string{"data": doubles(0.5, nan, 3, 1)}, "row 0, column 4: found NaN, expected a finite number"},
		{map[string]string{"data": npyArray("<c16", "(4,)", make([]byte, 64))}, `found the type "<c16" (complex)`},
		{map[string]string{"data": npyArray("<f8", "(5,)", make([]byte, 32))},
			`found 32 bytes, expected 5 numbers of 8 bytes in the array "data"`},
		{map[string]string{"data": npyArray("<f8", "(2, 2)", make([]byte, 32))},
			`found another shape of the array "data", expected numbers in one dimension`},
		{map[string]string{"format": npyArray("|S3", "()", []byte("bsr"))},
			`found one in the form "bsr", expected a matrix in rows`},
		{map[string]string{"format": ints(1, 2)},
			"found something else, expected the name of a form, csr, in the array format"},
		{map[string]string{"indptr": ""},
			"found no array indptr, expected the arrays shape, indptr, indices and data of a sparse matrix"},
	} {
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			src, err := inspectText(csrOf(t, method, c.replaced), "x.npz", Options{})
			if err == nil {
				_, err = rowsOrFault(src, 2)
			}
			if err == nil || !strings.HasPrefix(err.Error(), "x.npz") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		}
	}
	wantFault(t, "x.npz", csrOf(t, zip.Store, nil), Options{Columns: []string{"1"}},
		`x.npz: found columns asked for, "1", expected no choice of columns: a sparse row names those that it has`)
}

// rowsOrFault reads all rows, and returns the first fault.
func rowsOrFault(src Source, some int) (n int, err error) {
	r, err := src.Read(context.Background(), Span{Rows: src.Rows()})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	b := &vectors.Block{Dim: src.Dim(), Sparse: &vectors.CSR{}}
	for int64(n) < src.Rows() {
		b.Reset()
		if err := r.Read(b, some); err != nil {
			return n, err
		}
		n += b.Len()
	}
	return n, nil
}

// A packed array that unpacks into far more than its row can have is told of before it fills the memory.
func TestCSRBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this unpacks millions of entries")
	}
	t.Parallel()
	const entries = 4 << 20
	zeros := func(size int) []byte { return make([]byte, size*entries) }
	data := csrOf(t, zip.Deflate, map[string]string{
		"shape": longs(1, 1<<30), "indptr": ints(0, entries),
		"indices": npyArray("<i4", fmt.Sprintf("(%d,)", entries), zeros(4)),
		"data":    npyArray("<f8", fmt.Sprintf("(%d,)", entries), zeros(8)),
	})
	if len(data) > 100_000 {
		t.Fatalf("%d bytes", len(data))
	}
	src, err := inspectText(data, "x.npz", Options{Sparse: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = rowsOrFault(src, 1)
	if want := "x.npz: found two in row 0, column 0, expected one entry of each row and column (matrix.sum_duplicates())"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestMTX(t *testing.T) {
	t.Parallel()
	const head = "%%MatrixMarket matrix coordinate "
	for _, c := range []struct{ data, want string }{
		{head + "real general\n% a comment\n\n2 3 3\n1 1 0.5\n1 3 -2e1\n2 2 7\n", "[0.5 0 -20] [0 7 0]"},
		{head + "integer general\n3 2 2\n3 1 5\n1 2 4\n", "[0 4] [0 0] [5 0]"},
		{head + "pattern general\r\n2 2 2\r\n2 1\r\n1 2\r\n", "[0 1] [1 0]"},
		{head + "real symmetric\n2 2 2\n1 1 3\n2 1 4\n", "[3 4] [4 0]"},
		{head + "real skew-symmetric\n2 2 1\n2 1 4\n", "[0 -4] [4 0]"},
		{"%%matrixmarket MATRIX Coordinate Real General\n1 1 0\n", "[0]"},
	} {
		for _, sparse := range []bool{false, true} {
			b := loadText(t, "x.mtx", c.data, Options{Sparse: sparse})
			var rows []string
			row := make([]float64, b.Dim)
			for i := range b.Len() {
				rows = append(rows, fmt.Sprint(b.Row(i, row)))
			}
			if got := strings.Join(rows, " "); got != c.want {
				t.Errorf("%q: %s, want %s", c.data, got, c.want)
			}
		}
	}
	for data, want := range map[string]string{
		"%%MatrixMarket matrix array real general\n1 1\n1\n": `found the form "array", expected entries with their coordinates: a dense matrix is read of .npy or .csv`,
		"1 1 1\n":                                    `found "1 1 1", expected a header: %%MatrixMarket matrix coordinate real general`,
		head + "complex general\n1 1 0\n":            `found values that are "complex", expected real, integer or pattern`,
		head + "real hermitian\n1 1 0\n":             `found "hermitian", expected general, symmetric or skew-symmetric`,
		head + "real general\n":                      `found "", expected the numbers of rows, columns and entries`,
		head + "real general\n1 1\n":                 `found "1 1", expected the numbers of rows, columns and entries`,
		head + "real general\n1 1 1 1\n":             `found "1 1 1 1", expected the numbers of rows, columns and entries`,
		head + "real general\n0 1 0\n":               `found the shape (0, 1), expected rows of data`,
		head + "real general\n2 2 1\n":               `found 0, expected 1 entries, as its header says`,
		head + "real general\n2 2 1\n1 1 1\n2 2 2\n": `found more, expected 1 entries, as its header says`,
		head +
			"real general\n2 2 5\n1 1 1\n": `found a header that says 5, expected as many entries as the file can hold`,
		head +
			"real general\n2000000000 2 1\n1 1 1\n": `found 2000000000 rows, and 1 entries, expected at most 1000 empty rows for each entry`,
		head + "real general\n2 3000000000 1\n1 1 1\n": `found 3000000000 columns, expected at most 2147483647 columns`,
		head +
			"real general\n2 2 1\n1 3 1\n": `found row 1, column 3, entry 0, expected rows from 1 to 2 and columns from 1 to 2`,
		head +
			"real general\n2 2 1\n0 1 1\n": `found row 0, column 1, entry 0, expected rows from 1 to 2 and columns from 1 to 2`,
		head + "real general\n2 2 1\n1 1\n":      `found "1 1", entry 0, expected row, column and value`,
		head + "real general\n2 2 1\n1 1 x\n":    `found "1 1 x", entry 0, expected row, column and value`,
		head + "pattern general\n2 2 1\n1 1 1\n": `found "1 1 1", entry 0, expected row and column`,
		head +
			"real general\n2 2 2\n2 1 1\n2 1 3\n": `found two in row 1, column 0, expected one entry of each row and column (matrix.sum_duplicates())`,
		head +
			"real symmetric\n2 3 1\n2 1 1\n": `found the shape (2, 3), expected as many rows as columns, of what is symmetric`,
		head + "real general\n2 2 2\n2 1 1\n1 1 nan\n": `row 0, column 0: found NaN`,
	} {
		src, err := inspectText(data, "x.mtx", Options{Sparse: true})
		if err == nil {
			_, err = rowsOrFault(src, 7)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "x.mtx") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", data, err, want)
		}
	}
}

var mtxSeeds = []string{
	"%%MatrixMarket matrix coordinate real general\n% a\n3 3 3\n1 1 0.5\n3 2 -2e1\n2 2 7\n",
	"%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 3\n",
	"%%MatrixMarket matrix coordinate integer skew-symmetric\n2 2 1\n2 1 4\n",
}

func TestMTXDamaged(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, data := range mtxSeeds {
		for n := 1; n < len(data); n++ {
			checkAny(t, "x.mtx", data[:n], Options{}, 100)
		}
		for range 500 {
			b := []byte(data)
			for range 1 + rng.IntN(3) {
				b[rng.IntN(len(b))] = byte(rng.IntN(128))
			}
			checkAny(t, "x.mtx", string(b), Options{}, 100)
		}
	}
}

func FuzzMTX(f *testing.F) {
	for _, data := range mtxSeeds {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) { checkAny(t, "x.mtx", data, Options{}, 1000) })
}
