package eigen_test

import (
	"fmt"

	"beamlearn/model/eigen"
	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// The components of rows that two workers hold: each sums its own, and the sums are merged.
func Example() {
	rows, err := vectors.FromFloat64([]float64{-2, -1, 0, 0, 2, 1, 4, 2}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fit, err := eigen.NewFit(eigen.Options{Components: 1}, rows.Dim)
	if err != nil {
		fmt.Println(err)
		return
	}
	for !fit.Done() { // once, where the columns are few
		sum := linear.NewSum(2)
		for i := range 2 {
			part, err := fit.Partial()
			if err == nil {
				err = part.PartialFit(linear.Of(rows.Slice(2*i, 2*i+2)))
			}
			if err == nil {
				err = sum.Add(linear.Node{Index: i}, part)
			}
			if err != nil {
				fmt.Println(err)
				return
			}
		}
		total, err := sum.Total()
		if err == nil {
			err = fit.Advance(total)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	pca := fit.PCA()
	projected := make([]float64, pca.Len())
	pca.Transform(projected, []float64{4, 2}, make([]float64, rows.Dim))
	fmt.Printf("along %.3f, which explains %.0f %%; (4, 2) is at %.3f\n", pca.Components[0], 100*pca.Ratio(0), projected)
	// Output: along [0.894 0.447], which explains 100 %; (4, 2) is at [3.354]
}
