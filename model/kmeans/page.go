package kmeans

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/report"
)

// What a page shows at most.
const (
	shownClusters = 200 // in the table of clusters
	shownColumns  = 12  // of a cluster's centre
	shownCentres  = 30  // clusters of which the columns are shown
)

// column is the name of column j, or its index.
func (m *Model) column(j int) string { return column(m.FeatureNames, j) }

func column(names []string, j int) string {
	if names != nil {
		return names[j]
	}
	return "column " + strconv.Itoa(j)
}

// differences are how far a centre is from the mean of all rows in each column, in standard deviations of the rows; 0
// in a constant column.
func (m *Model) differences(cluster int) []float64 {
	out := make([]float64, m.Features())
	for j, s := range m.Std {
		if s > 0 {
			out[j] = (m.Centers[cluster][j] - m.Mean[j]) / s
		}
	}
	return out
}

// mean is that of column j for people: 0 where it is but rounding.
func (m *Model) mean(j int) float64 {
	if math.Abs(m.Mean[j]) < 1e-12*m.Std[j] {
		return 0
	}
	return m.Mean[j]
}

// mostUnusual are the columns in which a cluster differs most, the most different first.
func mostUnusual(differences []float64, most int) []int {
	order := make([]int, len(differences))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(math.Abs(differences[b]), math.Abs(differences[a])) })
	return order[:min(len(order), most)]
}

// Unusual says in a few words in which columns a cluster differs most from all rows; "" where there is nothing to say.
func (m *Model) Unusual(cluster int) string {
	if len(m.Centers) < 2 || m.Sizes[cluster] == 0 {
		return ""
	}
	d := m.differences(cluster)
	var parts []string
	for _, j := range mostUnusual(d, 3) {
		if d[j] != 0 {
			parts = append(parts, fmt.Sprintf("%s %.4g (all %.4g)", m.column(j), m.Centers[cluster][j], m.mean(j)))
		}
	}
	return strings.Join(parts, ", ")
}

// Page is a page about the clusters: their sizes, in what they differ, and how their number compares with others.
func (m *Model) Page(source string) (*report.Page, error) {
	page := &report.Page{
		Title: "Clusters of " + source,
		Lead:  "Groups of rows that are near to each other: how large each is, and in which columns it differs from all rows.",
		Facts: []report.Fact{
			{Name: "rows", Value: strconv.FormatInt(m.Rows, 10)},
			{Name: "columns", Value: strconv.Itoa(m.Features())},
			{Name: "clusters", Value: strconv.Itoa(len(m.Centers))},
			{Name: "inertia", Value: report.Format(m.Inertia)},
			{Name: "iterations", Value: strconv.Itoa(m.Iters)},
		},
	}
	for _, w := range m.Warnings() {
		page.Facts = append(page.Facts, report.Fact{Name: "warning", Value: w})
	}
	page.Sections = []report.Section{{
		ID: "clusters", Title: "The clusters",
		Lead:   "The rows of a cluster are nearer to its centre, their mean, than to any other.",
		Blocks: m.sizes(),
	}}
	if len(m.Centers) > 1 {
		page.Sections = append(page.Sections, report.Section{
			ID: "centres", Title: "In what they differ",
			Lead:   "The columns in which a centre is farthest from the mean of all rows, in standard deviations of the rows.",
			Blocks: m.centres(),
		})
	}
	page.Sections = append(page.Sections, report.Section{
		ID: "number", Title: "How many clusters, and how they were found",
		Lead: "The inertia, the sum of the squared distances to the centres, falls with every cluster more; where the line bends, more of them " +
			"explain little. The silhouette, measured on a sample, is near 1 where clusters are apart, and near 0 where they touch.",
		Blocks: m.elbow(),
	})
	return page, nil
}

func (m *Model) sizes() []report.Block {
	order := mostUnusual(floatsOf(m.Sizes), shownClusters)
	ranking := report.Ranking{Title: "Rows of each cluster", Label: "rows", Description: "a bar for each cluster, the largest first"}
	table := report.Table{Caption: "Clusters", Columns: []string{"cluster", "rows", "share", "differs most in"}, Left: len(m.Sizes) - len(order)}
	for i, k := range order {
		if i < shownCentres {
			ranking.Names = append(ranking.Names, "cluster "+strconv.Itoa(k))
			ranking.Values = append(ranking.Values, float64(m.Sizes[k]))
		}
		row := []string{strconv.Itoa(k), strconv.FormatInt(m.Sizes[k], 10), report.Percent(float64(m.Sizes[k]) / float64(m.Rows)), ""}
		if i < shownCentres {
			row[3] = m.Unusual(k)
		}
		table.Rows = append(table.Rows, row)
	}
	return []report.Block{ranking, table}
}

func floatsOf(n []int64) []float64 {
	out := make([]float64, len(n))
	for i, v := range n {
		out[i] = float64(v)
	}
	return out
}

func (m *Model) centres() (blocks []report.Block) {
	for _, k := range mostUnusual(floatsOf(m.Sizes), shownCentres) {
		if m.Sizes[k] == 0 {
			continue
		}
		d := m.differences(k)
		t := report.Table{
			Caption: fmt.Sprintf("Cluster %d, %d rows", k, m.Sizes[k]), Columns: []string{"column", "centre", "mean of all rows", "difference in standard deviations"},
			Folded: len(blocks) >= 3,
		}
		columns := mostUnusual(d, shownColumns)
		for _, j := range columns {
			t.Rows = append(t.Rows, []string{m.column(j), report.Format(m.Centers[k][j]), report.Format(m.mean(j)), report.Format(d[j])})
		}
		t.Left = len(d) - len(columns)
		blocks = append(blocks, t)
	}
	return blocks
}

func (m *Model) elbow() (blocks []report.Block) {
	table := report.Table{Caption: "Numbers of clusters", Columns: []string{"clusters", "inertia", "silhouette", "iterations"}}
	var k, inertia, at, silhouette []float64
	for _, c := range m.Compared {
		row := []string{strconv.Itoa(c.Clusters), report.Format(c.Inertia), "–", strconv.Itoa(c.Iterations)}
		k, inertia = append(k, float64(c.Clusters)), append(inertia, c.Inertia)
		if c.Silhouette != nil {
			row[2] = report.Format(*c.Silhouette)
			at, silhouette = append(at, float64(c.Clusters)), append(silhouette, *c.Silhouette)
		}
		table.Rows = append(table.Rows, row)
	}
	if len(k) > 1 {
		blocks = append(blocks, report.Columns{report.Chart{
			Title: "Inertia by the number of clusters", Description: "the inertia falls as clusters are added",
			X: report.Axis{Label: "clusters"}, Y: report.Axis{Label: "inertia"}, Series: []report.Series{{Name: "inertia", X: k, Y: inertia}},
		}, report.Chart{
			Title: "Silhouette by the number of clusters", Description: "the mean silhouette of a sample",
			X: report.Axis{Label: "clusters"}, Y: report.Axis{Label: "silhouette"}, Series: []report.Series{{Name: "silhouette", X: at, Y: silhouette}},
		}})
	}
	blocks = append(blocks, table)
	if len(m.Curve) > 1 {
		var pass []float64
		for i := range m.Curve {
			pass = append(pass, float64(i))
		}
		blocks = append(blocks, report.Chart{
			Title: "Inertia by the iteration", Description: "the inertia falls until the centres settle",
			X: report.Axis{Label: "iteration"}, Y: report.Axis{Label: "inertia"}, Series: []report.Series{{Name: "inertia", X: pass, Y: m.Curve}},
		})
	}
	return blocks
}
