package linear_test

import (
	"fmt"
	"strings"

	"beamlearn/model/linear"
)

// A model is read from the file that sgd wrote, here a short one, and applied to rows in memory.
func ExampleLoad() {
	const file = `{"format": "beamlearn.linear", "version": 1, "task": "regression", "loss": "squared_error",
		"feature_names": ["x", "y"], "classes": null, "coef": [[2, -1]], "intercept": [0.5], "scaler": null,
		"hyperparameters": {}, "training": {"solver": "exact", "rows": 3}, "state": null}`
	m, err := linear.Load("model.json", strings.NewReader(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	predicted, err := m.Predict(&linear.Chunk{Features: 2, X: []float64{1, 1, 3, 0}}, nil)
	fmt.Println(predicted, err)
	// Output: [1.5 6.5] <nil>
}
