package formats_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"beamlearn/model/formats"
)

// A whole file in memory: the columns by a glob, the ids from one of their own.
func ExampleLoad() {
	o := formats.Options{IDColumn: "id", Columns: []string{"pixel_*"}}
	b, err := formats.Load(context.Background(), o, "../../testdata/digits.csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Len(), "rows of", b.Dim)
	fmt.Println("row", b.ID(1796), "begins with", b.Row(1796, make([]float64, b.Dim))[:5])
	// Output:
	// 1797 rows of 64
	// row 1796 begins with [0 0 10 14 8]
}

// What is wrong with a file is said with its row and column.
func ExampleLoad_faulty() {
	dir, err := os.MkdirTemp("", "formats")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "points.csv")
	if err := os.WriteFile(name, []byte("x,y\n1,2\n3,four\n"), 0o666); err != nil {
		fmt.Println(err)
		return
	}
	_, err = formats.Load(context.Background(), formats.Options{}, name)
	fmt.Println(err.Error()[len(dir)+1:])
	// Output: points.csv: row 1, column y: found "four", expected a number
}
