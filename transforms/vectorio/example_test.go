package vectorio_test

import (
	"context"
	"fmt"

	"beamlearn/model/formats"
	"beamlearn/transforms/vectorio"
)

// Files are looked at before a pipeline is made of them: what they hold, and in which files.
func ExampleInspect() {
	o := vectorio.Options{Formats: formats.Options{IDColumn: "id", Columns: []string{"pixel_*"}}}
	d, err := vectorio.Inspect(context.Background(), []string{"../../testdata/digits.csv"}, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(d.Files), "file, vectors of", d.Dim)
	// Output: 1 file, vectors of 64
}
