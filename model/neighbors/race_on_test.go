//go:build race

package neighbors

// raceDetector is on: code is some twenty times slower. What it finds it finds in few data sets.
const raceDetector = true
