package formats

import (
	"archive/zip"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Of an index with more digits than any is read with, its text is told; the index itself where it is only too large.
// What follows a comment is no index.
func TestSVMDigits(t *testing.T) {
	t.Parallel()
	wantText(t, "x.svm", "1 3:1\n1 00000000000000002:5\n1 999999999999999999:1\n1 9999999999999999999:1\n", Options{},
		"[0 0 1] → 1", "[0 5 0] → 1", ": found the index 999999999999999999, expected one from 1 to 3"+sayFeatures,
		`: found "9999999999999999999:1", expected index:value`)
	// Where all rows are at fault, the first one's fault is told, whatever number its digits would wrap to.
	wantFault(t, "x.svm", "1 9999999999999999999:1\n1 x:1\n", Options{},
		`x.svm: found "9999999999999999999:1" in row 0, expected index:value`)
	for text, want := range map[string]int{
		"1 3:1\n1 9:1 # 2:5\n": 9, "1 3:1\n1 9:1#\n": 9, "1 3:1\n1 2:1 # 9:1\n": 3, "1 3:1\n1 7:1#8:1\n": 7,
	} {
		if src, err := inspectText(text, "x.svm", Options{}); err != nil || src.Dim() != want {
			t.Errorf("%q: %v, %v, want %d columns", text, src, err, want)
		}
	}
}

// Of an archive with very many arrays the first thousand are looked at.
func TestNPZManyArrays(t *testing.T) {
	t.Parallel()
	var arrays []string
	for i := range 1002 {
		arrays = append(arrays, fmt.Sprint("a", i), doubles(float64(i), 0.5))
	}
	data := npzOf(t, zip.Store, arrays...)
	if b := loadText(t, "x.npz", data, Options{Array: "a999"}); !slices.Equal(b.F32, []float32{999, 0.5}) {
		t.Errorf("array 999: %v", b.F32)
	}
	const want = `x.npz: found the arrays a0 (2), a1 (2), `
	_, err := inspectText(data, "x.npz", Options{Array: "a1000"})
	if err == nil || !strings.HasPrefix(err.Error(), want) ||
		!strings.HasSuffix(err.Error(), `… (1000 in all), expected the array "a1000"`) {
		t.Errorf("array 1000: %v", err)
	}
}

// An array that is asked for by its name is read, though a sparse matrix stands beside it; else the matrix is.
func TestArrayBesideCSR(t *testing.T) {
	t.Parallel()
	data := npzOf(t, zip.Deflate, "indptr", ints(0, 1), "indices", ints(2), "data", doubles(7), "shape", longs(1, 4),
		"dense", npyArray("<f8", "(1, 2)", []byte(strings.Repeat("\x00", 16))))
	if b := loadText(t, "x.npz", data, Options{}); !slices.Equal(b.F32, []float32{0, 0, 7, 0}) {
		t.Errorf("the matrix: %v", b.F32)
	}
	if b := loadText(t, "x.npz", data, Options{Array: "dense"}); !slices.Equal(b.F32, []float32{0, 0}) {
		t.Errorf("the array beside it: %v", b.F32)
	}
	if b := loadText(t, "x.npz", data, Options{Array: "data"}); !slices.Equal(b.F32, []float32{7}) {
		t.Errorf("an array of it: %v", b.F32)
	}
}

// Of a sparse matrix no columns can be chosen; an array beside it may be named as what the vector is without.
func TestCSRColumnsByName(t *testing.T) {
	t.Parallel()
	data := csrOf(t, zip.Store, map[string]string{"target": doubles(7, 8, 9)})
	b := loadText(t, "x.npz", data, Options{Columns: []string{"!target"}, TargetColumn: "target"})
	if b.Dim != 5 || !slices.Equal(b.Target, []float64{7, 8, 9}) {
		t.Errorf("without the target: %d columns, targets %v", b.Dim, b.Target)
	}
	for column, name := range map[string]string{"target": "target", "0": "0", "!0": "0", "!w": "w"} {
		wantFault(t, "x.npz", data, Options{Columns: []string{column}}, fmt.Sprintf("x.npz: found columns asked for, %q, "+
			"expected no choice of columns: a sparse row names those that it has", name))
	}
}
