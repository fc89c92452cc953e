package knn

import (
	"os"
	"testing"
)

// brief says that a sample of the configurations must do, always the same one: by default, and with the race detector.
// BEAMLEARN_TESTS=all, which CI sets, tries all of them.
func brief() bool { return raceDetector || testing.Short() || os.Getenv("BEAMLEARN_TESTS") != "all" }

// long leaves to BEAMLEARN_TESTS=all what is slow by its nature: thousands of points, as fewer are not put into parts.
// Those of TestParts and of model/neighbors/ivf stay.
func long(t *testing.T) {
	t.Helper()
	if brief() {
		t.Skip("thousands of points: with BEAMLEARN_TESTS=all")
	}
}
