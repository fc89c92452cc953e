package knn

import "testing"

// brief says that few data sets must do: with -short, and with the race detector. Without them, all are tried.
func brief() bool { return raceDetector || testing.Short() }
