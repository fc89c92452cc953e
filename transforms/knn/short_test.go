package knn

import "testing"

// brief says that few data sets must do: with -short, and with the race detector. Without them, all are tried.
func brief() bool { return raceDetector || testing.Short() }

// long leaves out of `go test -short` what is slow by its nature: thousands of points, as fewer are not put into parts.
// Those of TestParts and of model/neighbors/ivf stay.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("thousands of points: not in -short")
	}
}
