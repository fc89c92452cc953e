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
	part := func(skips bool, prices ...string) (*conditionPart, error) {
		b := &vectors.Block{Dim: 1, Cells: tables.New([]tables.Field{{Name: "price", Type: tables.Cell}})}
		for i, price := range prices {
			b.Append([]float64{0}, int64(1030+i)) // rows from 30 on of a file whose first is row 1000 of all
			b.Cells.Columns[0].AppendText([]byte(price))
		}
		p := &conditionPart{condition: condition, file: "x.csv", first: 1030, shift: 1000, skips: skips}
		return p, p.Add(b)
	}
	p, err := part(false, "5", "500", "99", "", "7")
	if err != nil || !slices.Equal(p.met, []int32{0, 2, 4}) {
		t.Errorf("the rows %v meet the condition, want 0, 2 and 4 (%v)", p.met, err)
	}
	want := `x.csv: row 32, column price: found "cheap", expected a number, as it is compared with 100`
	if _, err := part(false, "5", "500", "cheap"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	p, err = part(true, "5", "cheap", "dear", "7")
	if f := p.faults.Incomparable; err != nil || !slices.Equal(p.met, []int32{0, 3}) || len(f) != 2 || f[0].Row != 31 ||
		f[0].Number != 1031 || f[1].Row != 32 {
		t.Errorf("the rows %v meet the condition, and %v are at fault (%v)", p.met, f, err)
	}
}

// An index has the points that meet the condition alone, in their order, however they are cut into chunks, and what is
// wrong with others is not seen; but it has all where each is a query, and where a metric has parameters of all.
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
		asked  bool    // that those that meet it are the queries
		want   []int64 // nil for all
		faults int
	}{
		{func(row int64) bool { return row%10 == 0 }, neighbors.Euclidean, false, false, tens, 1},
		{func(row int64) bool { return row%10 == 0 && row != 50 }, neighbors.Euclidean, false, false, tens, 0},
		{func(row int64) bool { return row == 50 }, neighbors.Euclidean, false, false, []int64{}, 1},
		{func(row int64) bool { return row%10 == 0 }, neighbors.SEuclidean, false, false, nil, 1},
		{func(row int64) bool { return row%10 == 0 }, neighbors.Euclidean, true, false, nil, 1},
		{func(row int64) bool { return row%10 == 0 }, neighbors.Euclidean, true, true, tens, 1},
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
		o := Options{K: 1, Threads: 2,
			Rules:     &Rules{Keep: writeFile(t, filepath.Join(dir, fmt.Sprint(i)), b.Bytes()), KeepQueries: c.asked},
			Neighbors: neighbors.Options{Metric: c.metric}}
		o.RunID, o.IndexLimit = files.NewRunID(), 1<<30
		f := &buildFn{Reading: reading, Options: o, Dim: 1, Self: c.self}
		read, err := f.read(t.Context(), list.Chunks)
		if err != nil {
			t.Fatal(err)
		}
		rows := int64(n)
		if c.want == nil {
			rows = n - 1
		}
		if read.rows != rows || len(read.rejected) != c.faults {
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
