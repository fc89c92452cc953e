//go:build race

package knn

// raceDetector is on, and everything takes ten times as long.
const raceDetector = true
