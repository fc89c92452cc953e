package knn

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/features/compare"
	"beamlearn/model/neighbors"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/vectorio"
)

// Rows that meet a condition are told by their places in the chunk, and one at fault by its number in the file: chunks
// begin within a file, and files within a dataset.
func TestConditionPlaces(t *testing.T) {
	t.Parallel()
	condition, err := compare.Parse("price<100")
	if err != nil {
		t.Fatal(err)
	}
	part := func(prices ...string) (*conditionPart, error) {
		b := &vectors.Block{Dim: 1, Cells: tables.New([]tables.Field{{Name: "price", Type: tables.Cell}})}
		for i, price := range prices {
			b.Append([]float64{0}, int64(1030+i)) // rows from 30 on of a file whose first is row 1000 of all
			b.Cells.Columns[0].AppendText([]byte(price))
		}
		p := &conditionPart{condition: condition, file: "x.csv", first: 1030, shift: 1000}
		return p, p.Add(b)
	}
	p, err := part("5", "500", "99", "", "7")
	if err != nil || !slices.Equal(p.met, []int32{0, 2, 4}) {
		t.Errorf("the rows %v meet the condition, want 0, 2 and 4 (%v)", p.met, err)
	}
	want := `x.csv: row 32, column price: found "cheap", expected a number, as it is compared with 100`
	if _, err := part("5", "500", "cheap"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Of points that are no queries an index has those that meet the condition alone, in their order, however they are cut
// into chunks, and says how many there were: but one where none is left, and all where a metric has parameters of all.
func TestIndexOfThoseThatMeet(t *testing.T) {
	t.Parallel()
	const n = 100
	dir := t.TempDir()
	text := "x\n"
	for i := range n {
		text += fmt.Sprint(i, "\n")
	}
	text = strings.Replace(text, "\n50\n", "\nbad\n", 1)
	input := writeFile(t, filepath.Join(dir, "x.csv"), []byte(text))
	reading := vectorio.Options{ChunkRows: 7, SkipFaults: true}
	d, err := vectorio.Inspect(t.Context(), []string{input}, reading)
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var tens []int64
	for i := int64(0); i < n; i += 10 {
		if i != 50 {
			tens = append(tens, i)
		}
	}
	for i, c := range []struct {
		met    func(row int64) bool
		metric neighbors.Metric
		self   bool
		want   []int64 // nil for all
	}{
		{func(row int64) bool { return row%10 == 0 }, neighbors.Euclidean, false, tens},
		{func(row int64) bool { return row == 50 }, neighbors.Euclidean, false, []int64{0}},
		{func(row int64) bool { return row%10 == 0 }, neighbors.SEuclidean, false, nil},
		{func(row int64) bool { return row%10 == 0 }, neighbors.Euclidean, true, nil},
	} {
		keep := make([]int32, n)
		for row := range keep {
			if !c.met(int64(row)) {
				keep[row] = -1
			}
		}
		var b bytes.Buffer
		if err := neighbors.WriteGroups(&b, keep); err != nil {
			t.Fatal(err)
		}
		o := Options{K: 1, Threads: 2, Rules: &Rules{Keep: writeFile(t, filepath.Join(dir, fmt.Sprint(i)), b.Bytes())},
			Neighbors: neighbors.Options{Metric: c.metric}}
		o.RunID, o.IndexLimit = files.NewRunID(), 1<<30
		f := &buildFn{Reading: reading, Options: o, Dim: 1, Self: c.self}
		read, err := f.read(t.Context(), list.Chunks)
		if err != nil {
			t.Fatal(err)
		}
		if read.rows != n-1 || len(read.rejected) != 1 {
			t.Errorf("case %d: %d rows and %d at fault", i, read.rows, len(read.rejected))
		}
		if c.want == nil && read.points.Len() != n-1 || c.want != nil && !slices.Equal(read.points.Numbers, c.want) {
			t.Errorf("case %d: the rows %v are points, want %v", i, read.points.Numbers, c.want)
		}
		for j, v := range firstValues(read.points) {
			if v != float64(read.points.Numbers[j]) {
				t.Errorf("case %d: row %d has the value %v", i, read.points.Numbers[j], v)
			}
		}
	}
}
