package kmeans

import (
	"io"
	"testing"

	"beamlearn/model/internal/leveltest"
)

// The bytes of a model do not depend on what instructions the processor has.
func TestEveryLevel(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this starts a process for each level of instructions")
	}
	t.Parallel()
	leveltest.Same(t, func(w io.Writer) {
		rows := load(t, "breast_cancer")
		for _, o := range []Options{
			{Clusters: []int{2, 5}, Tol: 1e-4, Seed: 3, NInit: 2},
			{Clusters: []int{4}, Init: Random, Standardize: true, MaxIter: 5},
			{Clusters: []int{6}, Init: Parallel, Standardize: true, MaxIter: 3},
		} {
			if err := fit(t, o, rows, 3, 1).Save(w); err != nil {
				t.Error(err)
			}
		}
	})
}
