package profile_test

import (
	"context"
	"fmt"

	"beamlearn/model/formats"
	"beamlearn/model/profile"
)

// What there is to know of a file before it is used.
func ExampleOf() {
	file, err := formats.OpenLocal("../../testdata/digits.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	o := profile.Options{Formats: formats.Options{IDColumn: "id", Columns: []string{"pixel_*"}}}
	p, err := profile.Of(context.Background(), o, []formats.File{file})
	if err != nil {
		fmt.Println(err)
		return
	}
	constant := 0
	for _, c := range p.Spread {
		if c.Constant() {
			constant++
		}
	}
	fmt.Printf("%d rows of %d whole numbers: %v; %d constant columns, %d rows repeat another, %d ids do\n",
		p.Rows, p.Columns, p.Integers, constant, p.Duplicates.Repeated, p.IDs.Repeated)
	// Output: 1797 rows of 64 whole numbers: true; 3 constant columns, 0 rows repeat another, 0 ids do
}
