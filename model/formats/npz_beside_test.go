package formats

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// unicode is texts of three characters at most, as numpy stores them.
func unicode(texts ...string) string {
	var b []byte
	for _, text := range texts {
		for _, c := range (text + "\x00\x00\x00")[:3] {
			b = binary.LittleEndian.AppendUint32(b, uint32(c))
		}
	}
	return npyArray("<U3", fmt.Sprintf("(%d,)", len(texts)), b)
}

// What rows of an archive have besides are other arrays, which the options name as they name columns elsewhere, whether
// the matrix is stored by rows or by columns, packed or not.
func TestArchiveBeside(t *testing.T) {
	t.Parallel()
	rows := npyArray("<f8", "(3, 2)", encoded(binary.LittleEndian, []float64{1, 2, 3, 4, 5, 6}))
	columns := fortran(3, 2, []float64{1, 2, 3, 4, 5, 6})
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		for _, x := range []string{rows, columns} {
			column := npyArray("<f8", "(3, 1)", encoded(binary.LittleEndian, []float64{7, 8, 9}))
			data := npzOf(t, method, "y", longs(7, 1<<60+1, 9), "X", x, "w", doubles(1, 0, 0.5),
				"name", unicode("a", "12", "c"), "kind", unicode("u", "v", "u"), "column", column)
			for _, test := range []struct {
				o       Options
				target  []float64
				labels  []string
				weights []float64
				ids     string
				values  []float64
			}{
				{Options{TargetColumn: "y"}, []float64{7, 1<<60 + 1, 9}, nil, nil, "", []float64{1, 2, 3, 4, 5, 6}},
				{Options{TargetColumn: "y", Labels: true}, nil, []string{"7", "1152921504606846977", "9"}, nil, "",
					[]float64{1, 2, 3, 4, 5, 6}},
				{Options{Array: "X", TargetColumn: "column", WeightColumn: "w", IDColumn: "name"}, []float64{7, 8, 9}, nil,
					[]float64{1, 0, 0.5}, "a 12 c", []float64{1, 2, 3, 4, 5, 6}},
				{Options{TargetColumn: "kind", Labels: true, IDColumn: "y", Array: "X", Columns: []string{"1", "!w"}}, nil,
					[]string{"u", "v", "u"}, nil, "7 1152921504606846977 9", []float64{2, 4, 6}},
				{Options{TargetColumn: "0", WeightColumn: "w", Array: "X"}, []float64{1, 3, 5}, nil, []float64{1, 0, 0.5}, "",
					[]float64{2, 4, 6}},
			} {
				if test.o.Array == "" {
					test.o.IDColumn, test.ids = "column", "7 8 9" // which leaves one array of two dimensions
				}
				b := loadText(t, "x.npz", data, test.o)
				var ids []string
				var values []float64
				for i := range b.Len() {
					values = append(values, b.Row(i, make([]float64, b.Dim))...)
					if b.IDs.Len() > 0 {
						ids = append(ids, b.IDs.At(i).String())
					}
				}
				if !slices.Equal(b.Target, test.target) || !slices.Equal(b.Labels, test.labels) ||
					!slices.Equal(b.Weights, test.weights) || strings.Join(ids, " ") != test.ids || !slices.Equal(values, test.values) {
					t.Errorf("%q %q: %v %v %v %v %v", test.o.TargetColumn, test.o.IDColumn, b.Target, b.Labels, b.Weights, ids, values)
				}
			}
		}
	}
}

func TestArchiveBesideFaults(t *testing.T) {
	t.Parallel()
	x := npyArray("<f8", "(3, 2)", encoded(binary.LittleEndian, []float64{1, 2, 3, 4, 5, 6}))
	data := npzOf(t, zip.Store, "X", x, "y", longs(7, 8, 9), "short", doubles(1, 2), "text", unicode("a", "", "c"),
		"gap", doubles(1, math.NaN(), 3), "few", unicode("a"))
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{TargetColumn: "z"}, `x.npz: found the arrays X (3 × 2), y (3), short (2), text (3), gap (3), few (1), ` +
			`expected an array "z", or the index of a column`},
		{Options{TargetColumn: "short"}, `x.npz: found 2, expected 3 numbers in the array "short"`},
		{Options{TargetColumn: "text"}, `x.npz: found text, expected numbers in the array "text"`},
		{Options{IDColumn: "few"}, `x.npz: found 1, expected 3 ids in the array "few"`},
		{Options{IDColumn: "y", TargetColumn: "y"},
			`x.npz: found the array "y" for both, expected an array of its own for the target and the id`},
		{Options{Columns: []string{"!z"}},
			`x.npz: found 2 columns without names: they go by their index, from 0, expected a column "z" to leave out`},
	} {
		wantFault(t, "x.npz", data, test.o, test.want)
	}
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{TargetColumn: "gap"}, "x.npz: row 1, column target: found NaN, expected a finite number"},
		{Options{TargetColumn: "text", Labels: true}, "x.npz: row 1, column target: found an empty text, expected a label"},
		{Options{IDColumn: "text"}, "x.npz: row 1, column id: found an empty text, expected an id: an integer or text"},
	} {
		src, err := inspectText(data, "x.npz", test.o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Read(t.Context(), Span{Rows: 3})
		if err != nil {
			t.Fatal(err)
		}
		b := &vectors.Block{Dim: 2}
		err = r.Read(b, 3)
		f, ok := fault.IsRow(err)
		if !ok || f.Error() != test.want || b.Len() != 1 {
			t.Errorf("%+v: %d rows, %v", test.o, b.Len(), err)
		}
		if err := r.Read(b, 3); err != nil || b.Len() != 2 || b.Numbers[1] != 2 { // and the reader goes on
			t.Errorf("%+v: %d rows, %v", test.o, b.Len(), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		kept := test.o
		kept.Untargeted = true
		if kept.TargetColumn != "" {
			if b := loadText(t, "x.npz", data, kept); b.Len() != 3 || len(b.Labels) == 3 && b.Labels[1] != "" ||
				len(b.Target) == 3 && b.Target[1] == b.Target[1] {
				t.Errorf("%+v: %v %v", kept, b.Target, b.Labels)
			}
		}
	}
	src, err := inspectText(data, "x.npz", Options{TargetColumn: "y"})
	if err != nil {
		t.Fatal(err)
	}
	if got := LeftOut(slices.DeleteFunc(Schema(src), func(c Column) bool { return c.Use != "" })); got !=
		"left out: short (an array, 2), text (an array, 3), gap (an array, 3), few (an array, 1)" {
		t.Error(got)
	}
}
