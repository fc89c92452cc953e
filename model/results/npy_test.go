package results

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

func golden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var headerPattern = regexp.MustCompile(
	`^NUMPY\x01\x00v\x00\{'descr': '(<i8|<f8)', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n$`)

func readNPY(t *testing.T, files [][]byte, a *answer, s shape) {
	t.Helper()
	n := a.neighbors.Len()
	for i, descr := range []string{"<i8", "<f8"} {
		header := headerPattern.FindSubmatch(files[i][1:128])
		if header == nil || files[i][0] != 0x93 || string(header[1]) != descr || string(header[2]) != strconv.Itoa(n) ||
			string(header[3]) != strconv.Itoa(s.k) {
			t.Fatalf("header %q", files[i][:128])
		}
	}
	ids, distances := make([]int64, n*s.k), make([]float64, n*s.k)
	for i, v := range []any{ids, distances} {
		if m, err := binary.Decode(files[i][128:], binary.LittleEndian, v); err != nil || m != len(files[i])-128 {
			t.Fatalf("%d of %d bytes: %v", m, len(files[i]), err)
		}
	}
	for i, p := range a.neighbors.Positions {
		if ids[i] != a.points[p].Int || math.Float64bits(distances[i]) != math.Float64bits(a.neighbors.Distances[i]) {
			t.Fatalf("neighbour %d: %d at %v", i, ids[i], distances[i])
		}
	}
}

// The files are those of numpy.save, byte for byte (testdata/fixtures.py).
func TestNPYLikeNumpy(t *testing.T) {
	a := &answer{
		queries: []vectors.ID{{Int: 0}, {Int: 1}, {Int: 2}},
		points:  []vectors.ID{{Int: 0}, {Int: 1}, {Int: 2}, {Int: -7}, {Int: 9007199254740993}},
		neighbors: &neighbors.Neighbors{Offsets: []int64{0, 2, 4, 6}, Positions: []int32{1, 2, 0, 2, 3, 4},
			Distances: []float64{0.1, 2.5, 1e-17, 3, 0, math.Inf(1)}},
	}
	for i, b := range a.write(t, npyFormat, Layout{K: 2}, 1, 1) {
		if name := "neighbors" + npyFormat.endings[i]; !bytes.Equal(b, golden(t, name)) {
			t.Errorf("%s: got %q", name, b)
		}
	}
	none, err := assemble(npyFormat, Layout{K: 5}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range none {
		if name := "empty" + npyFormat.endings[i]; !bytes.Equal(b, golden(t, name)) {
			t.Errorf("%s: got %q", name, b)
		}
	}
	var headers []byte
	for _, s := range []struct {
		rows    int64
		columns int
	}{{1, 1}, {1797, 10}, {1e9, 100}, {1e12, math.MaxInt32}, {1e18, 1e18}} {
		headers = append(headers, npyHeader("<f8", s.rows, s.columns)...)
	}
	if !bytes.Equal(headers, golden(t, "headers.bin")) {
		t.Errorf("headers: got %q", headers)
	}
}
