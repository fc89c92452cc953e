//go:build race

package linear

// raceDetector is on. It finds a race of the harness of Beam 2.77 (harness.go: close of respc), where a pipeline fails.
const raceDetector = true
