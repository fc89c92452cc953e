//go:build engines && race

package pipelines_test

// raceDetector is set where Beam's own races, in a pipeline that fails, would be found.
const raceDetector = true
