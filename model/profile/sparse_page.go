package profile

import (
	"fmt"
	"strconv"
	"strings"

	"beamlearn/model/features"
	"beamlearn/model/report"
)

// pageEntries is how many entries of a row a page shows.
const pageEntries = 12

// sparsePage adds to a page what sparse rows hold: the columns that most rows have.
func (p *Profile) sparsePage(v *pageView, next []Command) *report.Page {
	s := p.Sparse
	v.of = p.Columns
	v.facts = append(v.facts,
		report.Fact{Name: "values that are not 0", Value: strconv.FormatInt(s.NonZeros, 10)},
		report.Fact{Name: "of these in a row", Value: fmt.Sprintf("%d to %d, median %d", s.MinPerRow, s.MaxPerRow,
			s.MedianPerRow)},
		report.Fact{Name: "empty rows", Value: strconv.FormatInt(p.Norms.Zero, 10)},
		report.Fact{Name: "columns that no row has", Value: strconv.Itoa(s.Unused)})
	v.rows = p.Looked - p.Faulty
	if s.Constant > 0 {
		v.warnings = append(v.warnings, []string{"the columns",
			fmt.Sprintf("%d have the same value, not 0, in all rows; the first: %s", s.Constant, s.FirstConstant[0].Label())})
	}
	if s.StoredZeros > 0 {
		text := fmt.Sprintf("%d entries are 0", s.StoredZeros)
		if s.StoredZeros == 1 {
			text = "1 entry is 0"
		}
		v.warnings = append(v.warnings, []string{"the files", text})
	}
	for i := range s.Frequent {
		c := &s.Frequent[i]
		v.columns = append(v.columns, pageColumn{
			Look: &c.Look, name: c.Label(), kind: string(features.Numeric), missing: "0 %",
			span:   report.Format(c.Min) + " to " + report.Format(c.Max),
			beyond: c.Histogram != nil && (c.Min < c.Histogram.Low || c.Max > c.Histogram.High),
			why: fmt.Sprintf("not 0 in %s of the rows, mean %s, standard deviation %s", percent(c.Rows, v.rows),
				report.Format(c.Mean), report.Format(c.Std)),
		})
	}
	v.headColumns = []string{"columns and values that are not 0"}
	for _, r := range p.Head {
		v.head = append(v.head, []string{r.ID, r.Entries(pageEntries)})
	}
	return v.page(next)
}

// Entries shows up to so many entries of a sparse row, as column:value with the column's number.
func (r *Row) Entries(most int) string {
	var b strings.Builder
	for i, j := range r.Columns[:min(len(r.Columns), most)] {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d:%s", j, strconv.FormatFloat(r.Values[i], 'g', 6, 64))
	}
	if len(r.Columns) > most {
		fmt.Fprintf(&b, " … (%d in all)", len(r.Columns))
	}
	return b.String()
}
