package knn

import (
	"io"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
)

// The sample of a region is read whole, or, where it is more than a worker plans by, a part of it that its rows choose
// by their numbers.
func TestSomeOf(t *testing.T) {
	o := Options{K: 1, Staging: t.TempDir(), Destination: output.To("n.csv")}
	o.EnsureDefaults()
	all := make([]exchangeFile, 3)
	for task := range all {
		b := &vectors.Block{Dim: 2}
		for i := range 100 {
			b.Append([]float64{float64(i), 1}, int64(100*task+i))
		}
		all[task] = exchangeFile{Kind: regionPoints, Task: int64(task)}
		err := all[task].write(t.Context(), &o, func(write writeSection) error {
			return write(exchangeSection{Rows: 100}, func(w io.Writer) error { return neighbors.WritePoints(w, b) })
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ rows, least, most int64 }{{300, 300, 300}, {299, 110, 190}, {100, 60, 140}} {
		f := partsFn{Options: o, Dim: 2, SampleRows: c.rows}
		some, of, err := f.someOf(t.Context(), all, regionPoints)
		if err != nil {
			t.Fatal(err)
		}
		if n := int64(some.Len()); of != 300 || n < c.least || n > c.most || !slices.IsSorted(some.Numbers) {
			t.Errorf("at most %d: %d rows of %d", c.rows, n, of)
		}
	}
}
