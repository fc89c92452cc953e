package drift_test

import (
	"fmt"

	"beamlearn/model/linear/drift"
)

// Losses that keep coming get worse; the window says so, and forgets what came before.
func ExampleWindow() {
	var w drift.Window
	for i := range 400 {
		loss := 0.2
		if i >= 300 {
			loss = 0.9
		}
		if change := w.Add(loss, 100); change != nil {
			fmt.Printf("after %d: %.2f, before %.2f\n", i, change.After, change.Before)
			break
		}
	}
	// Output: after 300: 0.34, before 0.20
}
