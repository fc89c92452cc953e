//go:build !race

package neighbors

const raceDetector = false
