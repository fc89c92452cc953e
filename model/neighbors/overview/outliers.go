package overview

import (
	"fmt"
	"strconv"

	"beamlearn/model/neighbors/outliers"
	"beamlearn/model/report"
)

// outliers shows the rows farthest out.
func (v *View) outliers() report.Section {
	o := v.Outliers
	t := report.Table{Caption: "The rows farthest out", Columns: []string{"rank", "row", "score"}}
	if v.Texts != nil {
		t.Columns = append(t.Columns, "text")
	}
	for i, r := range o.Top {
		row := []string{strconv.Itoa(i + 1), r.ID, report.Format(r.Score)}
		if v.Texts != nil {
			row = append(row, v.Texts(r.ID))
		}
		t.Rows = append(t.Rows, row)
	}
	lead := "The score is the distance to the last neighbour."
	offset := -o.Offset
	if o.Method == outliers.LOF {
		lead = "The score is the negative local outlier factor: about −1 among others alike, and far below where a row is " +
			"far from them, as measured by how near these are to each other."
		offset = o.Offset
	}
	if o.Flags {
		lead += fmt.Sprintf(" Beyond the threshold, %s: %d of %d rows.", report.Format(offset), o.Outliers, o.Rows)
	}
	return report.Section{ID: "outliers", Title: "Outliers", Lead: lead, Blocks: []report.Block{t}}
}
