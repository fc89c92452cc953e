//go:build engines && !race

package pipelines_test

const raceDetector = false
