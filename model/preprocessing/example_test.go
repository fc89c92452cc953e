package preprocessing_test

import (
	"fmt"

	"beamlearn/model/preprocessing"
)

// Two workers learn from rows of their own; what they have learned is merged, and scales all rows alike.
func ExampleMinMaxScaler() {
	a, b := preprocessing.NewMinMaxScaler(2), preprocessing.NewMinMaxScaler(2)
	if err := a.PartialFit([]float64{0, 10, 5, 20}); err != nil {
		fmt.Println(err)
		return
	}
	if err := b.PartialFit([]float64{10, 30}); err != nil {
		fmt.Println(err)
		return
	}
	a.Merge(b)
	rows := []float64{5, 15, 10, 30}
	if err := a.Transform(rows); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rows)
	// Output: [0.5 0.25 1 1]
}
