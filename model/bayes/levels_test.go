package bayes

import (
	"fmt"
	"io"
	"testing"

	"beamlearn/model/internal/leveltest"
)

// The bytes of a model of each kind, and its probabilities, do not depend on what instructions the processor has.
func TestEveryLevel(t *testing.T) {
	t.Parallel()
	leveltest.Same(t, func(w io.Writer) {
		g := readGolden(t)
		for _, of := range g.Cases {
			c := g.chunk(of.Rows, of.Weighted)
			m := fitted(t, FitOptions{Options: of.options()}, 3, false, c).Model()
			p, err := m.Predictor().PredictProba(head(c, 20), nil)
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintf(w, "%s%x", saved(t, m), p)
		}
	})
}
