//go:build !race

package knn

const raceDetector = false
