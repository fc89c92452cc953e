package bayes

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/report"
)

// Telling says in words which features speak most for class k, the one that does most first, at most so many: of
// Gaussian those whose mean is farthest from that of all rows, in standard deviations of these; of the other kinds
// those whose share in the class adds most to what tells it from all rows, share · log(share / share of all).
func (m *Model) Telling(k, most int) []string {
	if m.Options.Kind == Gaussian {
		return m.tellingMeans(k, most)
	}
	share, all := m.shares(k)
	gain := make([]float64, len(share))
	for j, s := range share {
		if s > all[j] {
			gain[j] = s * elementary.Log(s/all[j])
		}
	}
	names := m.cellNames()
	var out []string
	for _, j := range report.Largest(gain, most) {
		if gain[j] > 0 {
			out = append(out, fmt.Sprintf("%s %s (all %s)", names(j), percent(share[j]), percent(all[j])))
		}
	}
	return out
}

func (m *Model) tellingMeans(k, most int) []string {
	all := mergeAll(m.tallies)
	theta, n := m.tallies[k].moments.mean, all.weight.value(0)
	far := make([]float64, m.features)
	for j, s := range all.moments.squares {
		if s > 0 {
			far[j] = math.Abs(theta[j]-all.moments.mean[j]) / math.Sqrt(s/n)
		}
	}
	var out []string
	for _, j := range report.Largest(far, most) {
		if far[j] > 0 {
			out = append(out, fmt.Sprintf("%s %s (all %s)", m.column(j), short(theta[j]), short(all.moments.mean[j])))
		}
	}
	return out
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func percent(v float64) string { return strconv.FormatFloat(100*v, 'g', 3, 64) + " %" }

// shares are those of the features, or categories, in class k and in all rows: of all counts, or of Bernoulli and
// Categorical, of all rows.
func (m *Model) shares(k int) (share, all []float64) {
	counts, weights := m.FeatureCount(), m.ClassCount()
	if m.Options.Kind == Categorical {
		counts = make([][]float64, len(m.tallies))
		for _, of := range m.CategoryCount() {
			for class, row := range of {
				counts[class] = append(counts[class], row...)
			}
		}
	}
	if m.Options.Kind == Multinomial || m.Options.Kind == Complement {
		for class, row := range counts {
			weights[class] = total(row)
		}
	}
	share, all = slices.Clone(counts[k]), make([]float64, len(counts[k]))
	for _, row := range counts {
		for j, n := range row {
			all[j] += n
		}
	}
	divide(share, weights[k])
	divide(all, total(weights))
	return share, all
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
