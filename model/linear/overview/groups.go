package overview

import (
	"fmt"
	"slices"

	"beamlearn/model/features"
	"beamlearn/model/report"
)

// shownGroups is how many columns of a table have their features on the page, and groupFeatures how many each has.
const (
	shownGroups   = 30
	groupFeatures = 24
)

// group is the features that a column of a table, or an interaction, became.
type group struct {
	name         string
	first, width int
	hashed       bool // features have no names of their own
}

// groups are the coefficients by columns of the table: those of a single feature together, and of each other column
// its features, as its categories, those of the largest coefficients first.
func (v *View) groups() []report.Block {
	sizes := v.sizes()
	all := groupsOf(v.Model.Encoding)
	largest := make([]float64, len(all))
	for i, g := range all {
		largest[i] = slices.Max(sizes[g.first : g.first+g.width])
	}
	order := report.Largest(largest, min(shownGroups, len(all)))
	single := report.Ranking{Title: "Columns of one coefficient", Description: "By column.", Label: v.coefficient()}
	var charts report.Columns
	table := report.Table{Caption: "The columns", Columns: []string{"column", "features", "without a coefficient",
		"largest coefficient"}, Left: len(all) - len(order)}
	for _, i := range order {
		g := &all[i]
		zero := 0
		for _, s := range sizes[g.first : g.first+g.width] {
			if s == 0 {
				zero++
			}
		}
		table.Rows = append(table.Rows, []string{g.name, fmt.Sprint(g.width), fmt.Sprint(zero), report.Format(largest[i])})
		switch {
		case g.hashed:
		case g.width == 1:
			single.Names, single.Values = append(single.Names, v.feature(g.first)),
				append(single.Values, v.weight(g.first, sizes))
		default:
			charts = append(charts, v.ranking(g, sizes))
		}
	}
	if len(single.Names) > 0 {
		charts = append(report.Columns{single}, charts...)
	}
	if len(charts) == 0 {
		return []report.Block{table}
	}
	return []report.Block{table, charts}
}

// weight is a coefficient, or its norm over several classes.
func (v *View) weight(j int, sizes []float64) float64 {
	if len(v.Model.Coef) == 1 {
		return v.Model.Coef[0][j]
	}
	return sizes[j]
}

// ranking is the features of a column: in their order, or, of many, those with the largest coefficients.
func (v *View) ranking(g *group, sizes []float64) report.Ranking {
	r := report.Ranking{Title: g.name, Description: "By what the column can be.", Label: v.coefficient()}
	order := report.Largest(sizes[g.first:g.first+g.width], min(groupFeatures, g.width))
	if len(order) == g.width {
		slices.Sort(order)
	} else {
		r.Title += fmt.Sprintf(", the %d largest of %d", len(order), g.width)
	}
	for _, k := range order {
		r.Names = append(r.Names, v.featureOf(g, k))
		r.Values = append(r.Values, v.weight(g.first+k, sizes))
	}
	return r
}

// featureOf is the name of a feature within its column.
func (v *View) featureOf(g *group, k int) string {
	name := v.feature(g.first + k)
	if n := len(g.name) + 1; len(name) > n && name[:n] == g.name+"_" {
		return name[n:]
	}
	return name
}

func groupsOf(e *features.Encoding) []group {
	var all []group
	columns := e.Columns()
	for i := range columns {
		c := &columns[i]
		if first, width := c.Span(); width > 0 {
			all = append(all, group{c.Name, first, width, c.Kind == features.Hashed || c.Kind == features.Text})
		}
	}
	for _, p := range e.Products() {
		all = append(all, group{p.Name, p.First, p.Width, p.Hashed})
	}
	return all
}
