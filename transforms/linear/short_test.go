package linear

import (
	"os"
	"testing"
)

// brief says that a sample of the configurations must do, always the same one: by default, and with the race detector.
// BEAMLEARN_TESTS=all, which CI sets, tries all of them.
func brief() bool { return raceDetector || testing.Short() || os.Getenv("BEAMLEARN_TESTS") != "all" }
