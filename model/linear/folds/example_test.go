package folds_test

import (
	"fmt"

	"beamlearn/model/linear/folds"
)

// A row's number and the seed tell its fold: three rows in a row are in three folds.
func ExampleByNumber() {
	fold := folds.ByNumber(7, 3)
	rows := make([]int, 3)
	for number := range int64(12) {
		rows[fold(number)]++
	}
	fmt.Println("rows of each fold:", rows)
	// Output: rows of each fold: [4 4 4]
}
