package inspect

import (
	"fmt"

	"beamlearn/model/eigen"
	"beamlearn/model/profile"
	"beamlearn/pipelines/internal/cli"
)

// nonZeros tells how many values of sparse rows are not 0.
func (p *page) nonZeros(s *profile.Sparse) {
	text := fmt.Sprintf("%d, %.3g %% of all values; in a row %d to %d, median %d, mean %s", s.NonZeros, 100*s.Share,
		s.MinPerRow, s.MaxPerRow, s.MedianPerRow, number(s.MeanPerRow))
	if s.Binary {
		text += "; all are 1: the rows are sets"
	}
	if s.StoredZeros > 0 {
		text += "; besides, " + cli.Count(s.StoredZeros, "entry") + " of 0"
	}
	p.line("not zero", "%s", text)
}

// sparse tells of the columns of sparse rows, and shows the first rows.
func (p *page) sparse(d *profile.Profile, columns int) {
	s := d.Sparse
	if s.Unused > 0 {
		p.line("unused", "%s that no row has: %s", cli.Count(s.Unused, "column"), labels(s.FirstUnused, columns, s.Unused))
	} else {
		p.line("unused", "none: each column is in a row")
	}
	if s.Constant > 0 {
		p.line("constant", "%s: %s", cli.Count(s.Constant, "column"), labels(s.FirstConstant, columns, s.Constant))
	}
	p.offset(d.Offset)
	for i := range s.Frequent {
		c := &s.Frequent[i]
		p.warnings(oneLine(c.Label()), c.Warnings)
	}
	if s.AtMost > 0 {
		p.line("frequent", "of more columns than are counted exactly: a column may be in up to %s more",
			cli.Count(s.AtMost, "row"))
	}
	if len(s.Frequent) > 0 {
		p.table(func(row func(cells ...string)) {
			row("frequent", "rows", "min", "mean", "std", "max", "")
			for i := range s.Frequent[:min(len(s.Frequent), columns)] {
				c := &s.Frequent[i]
				row(oneLine(c.Label()), share(c.Rows, d.Looked-d.Faulty), number(c.Min), number(c.Mean), number(c.Std),
					number(c.Max), c.Histogram.Blocks())
			}
			if more := d.Columns - s.Unused - columns; more > 0 {
				row(fmt.Sprintf("… %d more", more))
			}
		})
	}
	if len(d.Head) > 0 {
		p.table(func(row func(cells ...string)) {
			row("row", "column:value")
			for i := range d.Head {
				row(oneLine(d.Head[i].ID), d.Head[i].Entries(columns))
			}
		})
	}
}

// labels are the names of some of so many columns.
func labels(some []profile.ColumnRef, most, all int) string {
	var s []string
	for _, c := range some[:min(len(some), most)] {
		s = append(s, c.Label())
	}
	return names(s, len(s)) + more(all, len(s))
}

// sparseCommands are some for sparse rows: neighbours by the metric that fits them, and few components, as far as these
// can be found. What is to be learned of sparse rows is beside them, not a column.
func (f *found) sparseCommands(input string) []profile.Command {
	s := f.Dataset.Sparse
	var all []profile.Command
	neighbors := min(10, f.rows()-1)
	if s.NonZeros == 0 || neighbors < 1 {
		return nil
	}
	metric := "cosine"
	if s.Binary {
		metric = "jaccard"
	}
	all = append(all, profile.Command{What: "to find what is alike:", Line: "beamlearn kneighbors " + input +
		fmt.Sprintf(" --metric=%s --k=%d --output=out/neighbors.csv", metric, neighbors)})
	components := min(10, int(neighbors), f.Dataset.Columns)
	o := eigen.Options{Solver: eigen.Randomized, Components: components}
	if o.Settle(f.Dataset.Columns) == nil {
		all = append(all, profile.Command{What: "to see all of it:", Line: "beamlearn eigen " + input +
			fmt.Sprintf(" --components=%d --report=out/eigen.html", components)})
	}
	return all
}
