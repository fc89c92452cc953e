package knn

import (
	"math"
	"testing"

	"beamlearn/model/neighbors"
)

// What follows the law of the algorithm is extrapolated along it.
func TestExtrapolate(t *testing.T) {
	const a, b, m = 2e-6, 3e-11, 16384.0
	brute := func(q, n float64) float64 { return a*q + b*q*n }
	if got, want := extrapolate(string(neighbors.Brute), m, brute(m/4, m/4), brute(m, m), 1e6, 5e6),
		brute(1e6, 5e6); !(math.Abs(got/want-1) <= 1e-9) {
		t.Errorf("brute force: %v s, want %v", got, want)
	}
	tree := func(q, n float64) float64 { return q * (a + 1e-7*math.Log(n)) }
	if got, want := extrapolate(string(neighbors.KDTree), m, tree(m/4, m/4), tree(m, m), 1e6, 5e6),
		tree(1e6, 5e6); !(math.Abs(got/want-1) <= 1e-9) {
		t.Errorf("a tree: %v s, want %v", got, want)
	}
	// Noise that makes the larger search the faster one is no negative time.
	if got := extrapolate(string(neighbors.Brute), m, 1, 0.5, 1e6, 5e6); !(got > 0) {
		t.Errorf("noise: %v s", got)
	}
}
