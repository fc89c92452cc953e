package eigen

import (
	"errors"
	"testing"

	"beamlearn/model/linear"
)

// Sums of a sketch go along with those of as many columns and vectors alone: what differs is told by itself.
func TestMergeOfSketches(t *testing.T) {
	t.Parallel()
	rows := &linear.Chunk{Features: 4, X: []float64{1, 2, 3, 4, 5, 6, 7, 9}}
	s := newSketch(gaussian(4, 2, 1), nil)
	if err := s.PartialFit(rows); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]linear.Partial{
		"more columns": newSketch(gaussian(5, 2, 1), nil), "more vectors": newSketch(gaussian(4, 3, 1), nil),
		"another kind": &within{},
	} {
		if err := s.Merge(other); !errors.Is(err, errForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	same := newSketch(gaussian(4, 2, 1), nil)
	if err := errors.Join(same.PartialFit(rows), s.Merge(same)); err != nil {
		t.Fatal(err)
	}
	if n, mean, _, err := s.total(); err != nil || n != 4 || mean[0] != 3 {
		t.Errorf("%d rows, mean %v, %v", n, mean, err)
	}
}
