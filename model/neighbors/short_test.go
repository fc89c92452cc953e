package neighbors

import (
	"os"
	"runtime/debug"
	"testing"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // heaps are small, and would be collected all the time
	os.Exit(m.Run())
}

// brief says that a sample of the configurations must do, always the same one: by default, and with the race detector.
// BEAMLEARN_TESTS=all, which CI sets, tries all of them.
func brief() bool { return raceDetector || testing.Short() || os.Getenv("BEAMLEARN_TESTS") != "all" }
