package recommend

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"beamlearn/model/internal/leveltest"
	"beamlearn/model/triples"
)

// The bits of a model do not depend on what instructions the processor has.
func TestEveryLevel(t *testing.T) {
	t.Parallel()
	leveltest.Same(t, func(w io.Writer) {
		rng := rand.New(rand.NewPCG(1, 2))
		var rows []row
		for range 2000 {
			rows = append(rows, row{number(float64(rng.IntN(150))), number(math.Floor(math.Pow(40, rng.Float64()))), 1 +
				rng.Float64(), float64(rng.IntN(9))})
		}
		x := gather(t, rows, len(rows), true, triples.Last)
		for _, o := range []Options{{K: 3}, {K: 60, Weighting: BM25, Shrinkage: 3}, {K: 5, Similarity: AdjustedCosine},
			{K: 5, Similarity: Jaccard, Shrinkage: 1}} {
			m, err := Fit(t.Context(), x, o, 1)
			if err != nil {
				t.Error(err)
				continue
			}
			fmt.Fprintf(w, "%v %x", m.Neighbor, m.Similarity)
		}
	})
}
