package knn

import (
	"math"
	"path/filepath"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
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

// What crosses the runner of a search in parts is descriptions of the points' and of the answers' sections, and the
// exact answers to sampled queries.
func TestExplainParts(t *testing.T) {
	x := make([][]float64, 40_000)
	for i := range x {
		x[i] = []float64{float64(i), 0, 1, 2}
	}
	input := []string{writeFile(t, filepath.Join(t.TempDir(), "x.npy"), npyOf(x, "<f4", to[float32]))}
	reading := vectorio.Options{Formats: formats.Options{DType: vectors.Float32}}
	job := &Job{Reading: reading, Options: Options{K: 3, Recall: 0.9, IndexMemory: 200_000, Workers: placement.Remote,
		Destination: output.To("n.csv")}}
	var err error
	if job.Corpus, err = vectorio.Inspect(t.Context(), input, reading); err != nil {
		t.Fatal(err)
	}
	p, err := job.Explain(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	// 200,000 bytes are 1162 points, so that there are at most 197 parts; the points of each come from some forty
	// tasks, each of which answers 2,000 queries among its points, and its answers go to some hundreds of ranges.
	const parts, exact = 197, 2000 * 3 * 18
	if least, most := int64(50*parts*130+exact*20), int64(50*parts*1000+exact*100); p.Broadcast != Parts || p.WorkerMemory != 200_000 ||
		p.ShuffleBytes < least || p.ShuffleBytes > most {
		t.Errorf("%+v, expected a shuffle of %d to %d bytes", p, least, most)
	}
}
