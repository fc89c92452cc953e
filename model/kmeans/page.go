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

// people writes numbers of columns as people know them: as they are in a table where its encoding standardizes, and
// with as many digits as tell rows apart whose mean is far from 0.
type people struct {
	*Model
	mean, scale []float64 // nil without an encoding
}

func (m *Model) people() people {
	p := people{Model: m}
	if m.Encoding != nil {
		p.mean, p.scale = m.Encoding.Units()
	}
	return p
}

// read is a number of column j as it was read.
func (p people) read(j int, v float64) float64 {
	if p.scale == nil {
		return v
	}
	return float64(v*p.scale[j]) + p.mean[j]
}

// centre and all are the numbers of a cluster's centre, and of the mean of all rows, by format where no more digits
// are needed.
func (p people) centre(cluster, j int, format func(float64) string) string {
	return p.number(j, p.Centers[cluster][j], format)
}

func (p people) all(j int, format func(float64) string) string {
	v := p.Mean[j]
	if math.Abs(v) < 1e-12*p.Std[j] {
		v = 0 // but for rounding
	}
	return p.number(j, v, format)
}

func (p people) number(j int, v float64, format func(float64) string) string {
	digits, far, std := 4, math.Abs(p.read(j, p.Mean[j])), p.Std[j]
	if p.scale != nil {
		std *= p.scale[j]
	}
	for std *= 10; std > 0 && far >= std && digits < 15; std *= 10 {
		digits++
	}
	if digits == 4 {
		return format(p.read(j, v))
	}
	return strconv.FormatFloat(p.read(j, v), 'g', digits, 64)
}

// short is a number of four digits.
func short(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// mostUnusual are the columns in which a cluster differs most, the most different first.
func mostUnusual(differences []float64, most int) []int {
	order := make([]int, len(differences))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(math.Abs(differences[b]), math.Abs(differences[a]))
	})
	return order[:min(len(order), most)]
}

// Unusual says in a few words in which columns a cluster differs most from all rows; "" where there is nothing to say.
func (m *Model) Unusual(cluster int) string {
	if len(m.Centers) < 2 || m.Sizes[cluster] == 0 {
		return ""
	}
	d, people := m.differences(cluster), m.people()
	var parts []string
	for _, j := range mostUnusual(d, 3) {
		if d[j] != 0 {
			parts = append(parts, fmt.Sprintf("%s %s (all %s)",
				m.column(j), people.centre(cluster, j, short), people.all(j, short)))
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
			Lead: "The columns in which a centre is farthest from the mean of all rows. Differences are in standard " +
				"deviations.",
			Blocks: m.centres(),
		})
	}
	page.Sections = append(page.Sections, report.Section{
		ID: "number", Title: "How many clusters, and how they were found",
		Lead: "The inertia, the sum of the squared distances to the centres, falls with every cluster more; where the line " +
			"bends, more of them explain little. The silhouette, measured on a sample, is near 1 where clusters are " +
			"apart, and near 0 where they touch.",
		Blocks: m.elbow(),
	})
	return page, nil
}

func (m *Model) sizes() []report.Block {
	order := mostUnusual(floatsOf(m.Sizes), shownClusters)
	ranking := report.Ranking{Title: "Rows of each cluster", Label: "rows",
		Description: "a bar for each cluster, the largest first"}
	table := report.Table{Caption: "Clusters", Columns: []string{"cluster", "rows", "share", "differs most in"},
		Left: len(m.Sizes) - len(order)}
	for i, k := range order {
		if i < shownCentres {
			ranking.Names = append(ranking.Names, "cluster "+strconv.Itoa(k))
			ranking.Values = append(ranking.Values, float64(m.Sizes[k]))
		}
		row := []string{strconv.Itoa(k), strconv.FormatInt(m.Sizes[k], 10),
			report.Percent(float64(m.Sizes[k]) / float64(m.Rows)), ""}
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

func (m *Model) centres() []report.Block {
	var open report.Columns
	var folded []report.Block
	people := m.people()
	for _, k := range mostUnusual(floatsOf(m.Sizes), shownCentres) {
		if m.Sizes[k] == 0 {
			continue
		}
		d := m.differences(k)
		t := report.Table{
			Caption: fmt.Sprintf("Cluster %d, %d rows", k, m.Sizes[k]),
			Columns: []string{"column", "centre", "mean of all rows", "difference"},
			Folded:  len(open) == 4,
		}
		columns := mostUnusual(d, shownColumns)
		for _, j := range columns {
			t.Rows = append(t.Rows, []string{
				m.column(j), people.centre(k, j, report.Format), people.all(j, report.Format), report.Format(d[j]),
			})
		}
		t.Left = len(d) - len(columns)
		if !t.Folded {
			open = append(open, t)
			continue
		}
		folded = append(folded, t)
	}
	return append([]report.Block{open}, folded...)
}

func (m *Model) elbow() (blocks []report.Block) {
	table := report.Table{Caption: "Numbers of clusters",
		Columns: []string{"clusters", "inertia", "silhouette", "iterations"}}
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
			X: report.Axis{Label: "clusters"}, Y: report.Axis{Label: "inertia"},
			Series: []report.Series{{Name: "inertia", X: k, Y: inertia}},
		}, report.Chart{
			Title: "Silhouette by the number of clusters", Description: "the mean silhouette of a sample",
			X: report.Axis{Label: "clusters"}, Y: report.Axis{Label: "silhouette"},
			Series: []report.Series{{Name: "silhouette", X: at, Y: silhouette}},
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
			X: report.Axis{Label: "iteration"}, Y: report.Axis{Label: "inertia"},
			Series: []report.Series{{Name: "inertia", X: pass, Y: m.Curve}},
		})
	}
	return blocks
}
