//go:build !race

package clitest

// RaceDetector is off.
const RaceDetector = false
