//go:build race

package clitest

// RaceDetector is on, in the program too. It finds a race of the harness of Beam 2.77 (harness.go: close of respc),
// where a pipeline fails.
const RaceDetector = true
