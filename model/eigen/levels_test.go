package eigen

import (
	"fmt"
	"io"
	"testing"

	"beamlearn/model/internal/leveltest"
)

// The bytes of a file of components, and where rows are along them, do not depend on what instructions the processor
// has.
func TestEveryLevel(t *testing.T) {
	t.Parallel()
	leveltest.Same(t, func(w io.Writer) {
		for _, c := range []struct {
			name string
			o    Options
		}{
			{"breast_cancer", Options{Components: 3}}, {"breast_cancer", Options{Components: 5, Standardize: true}},
			{"digits", Options{Components: 4, Solver: Randomized, Seed: 3}},
		} {
			rows := load(t, c.name)
			p := fit(t, c.o, rows, 3, 1)
			if err := p.Save(w); err != nil {
				t.Error(err)
			}
			along, row, room := make([]float64, p.Len()), make([]float64, rows.Dim), make([]float64, rows.Dim)
			for i := range 20 {
				p.Transform(along, rows.Row(i, row), room)
				fmt.Fprintf(w, "%x", along)
			}
		}
	})
}
