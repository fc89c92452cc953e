package kmeans

import "testing"

// Rows of minibatches are mixed, but for those that are learned from as they come; all rows of an iteration are summed
// up as they stand.
func TestPassOfRows(t *testing.T) {
	t.Parallel()
	rows := block(t, 1, 1, 2, 3, 8, 9, 10)
	for name, c := range map[string]struct {
		o     Options
		mixed bool
		batch int
	}{
		"iterations": {Options{Clusters: []int{2}}, false, batchRows},
		"epochs":     {Options{Clusters: []int{2}, BatchSize: 3}, true, 3},
		"online":     {Options{Clusters: []int{2}, BatchSize: 3, Online: true}, false, 3},
	} {
		f, err := NewFit(c.o, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p := f.Pass(); p.Shuffle || p.Mix || p.Batch != batchRows || !p.First {
			t.Errorf("%s: the first pass is %+v", name, p)
		}
		if err := pass(f, rows, 1, 1); err != nil {
			t.Fatal(err)
		}
		if p := f.Pass(); p.Shuffle != c.mixed || p.Mix != c.mixed || p.Batch != c.batch || p.First {
			t.Errorf("%s: the second pass is %+v", name, p)
		}
	}
}
