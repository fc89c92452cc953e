package knn

import (
	"slices"
	"testing"

	"beamlearn/model/features/compare"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
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
