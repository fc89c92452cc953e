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

// brief says that few data sets must do: with -short, and with the race detector. Without them, all are tried.
func brief() bool { return raceDetector || testing.Short() }
