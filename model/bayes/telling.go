package bayes

import (
	"fmt"
	"math"
	"strconv"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/report"
)

// Telling says in words which features speak most for each of the first so many classes, the one that does most
// first, at most so many: of Gaussian those whose mean is farthest from that of all rows, in standard deviations of
// these; of the other kinds those whose share in the class adds most to what tells it from all rows, share ·
// log(share / share of all). O(classes · features).
func (m *Model) Telling(classes, most int) [][]string {
	out := make([][]string, min(classes, len(m.tallies)))
	if m.Options.Kind == Gaussian {
		all := mergeAll(m.tallies)
		for k := range out {
			out[k] = m.tellingMeans(k, all, most)
		}
		return out
	}
	shares, all := m.shares()
	names, gain := m.cellNames(), make([]float64, len(all))
	for k := range out {
		for j, s := range shares[k] {
			if gain[j] = 0; s > all[j] {
				gain[j] = s * elementary.Log(s/all[j])
			}
		}
		for _, j := range report.Largest(gain, most) {
			if gain[j] > 0 {
				out[k] = append(out[k], fmt.Sprintf("%s %s (all %s)", names(j), percent(shares[k][j]), percent(all[j])))
			}
		}
	}
	return out
}

func (m *Model) tellingMeans(k int, all *tally, most int) (out []string) {
	theta, n := m.tallies[k].moments.mean, all.weight.value(0)
	far := make([]float64, m.features)
	for j, s := range all.moments.squares {
		if s > 0 {
			far[j] = math.Abs(theta[j]-all.moments.mean[j]) / math.Sqrt(s/n)
		}
	}
	for _, j := range report.Largest(far, most) {
		if far[j] > 0 {
			out = append(out, fmt.Sprintf("%s %s (all %s)", m.column(j), short(theta[j]), short(all.moments.mean[j])))
		}
	}
	return out
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func percent(v float64) string { return strconv.FormatFloat(100*v, 'g', 3, 64) + " %" }

// shares are those of the features, or categories, in each class and in all rows: of all counts, or of Bernoulli and
// Categorical, of all rows.
func (m *Model) shares() (shares [][]float64, all []float64) {
	shares, weights := m.FeatureCount(), m.ClassCount()
	if m.Options.Kind == Categorical {
		shares = make([][]float64, len(m.tallies))
		for _, of := range m.CategoryCount() {
			for class, row := range of {
				shares[class] = append(shares[class], row...)
			}
		}
	}
	if m.Options.Kind == Multinomial || m.Options.Kind == Complement {
		for class, row := range shares {
			weights[class] = total(row)
		}
	}
	all = make([]float64, len(shares[0]))
	for class, row := range shares {
		for j, n := range row {
			all[j] += n
		}
		divide(row, weights[class])
	}
	divide(all, total(weights))
	return shares, all
}

func divide(x []float64, by float64) {
	if by == 0 {
		return
	}
	for j := range x {
		x[j] /= by
	}
}

// cellNames are those of the features, or of the categories of numbers.
func (m *Model) cellNames() func(j int) string {
	if m.Options.Kind != Categorical || m.widths != nil {
		return m.column
	}
	type cell struct{ column, category int }
	var cells []cell
	for j, n := range m.sizes() {
		for c := range n {
			cells = append(cells, cell{j, c})
		}
	}
	return func(j int) string { return fmt.Sprintf("%s=%d", m.column(cells[j].column), cells[j].category) }
}
