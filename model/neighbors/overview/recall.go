package overview

import (
	"fmt"

	"beamlearn/model/neighbors/evaluate"
	"beamlearn/model/report"
)

// recall shows how many of the exact neighbours another system has found.
func (v *View) recall() report.Section {
	r := v.Recall
	low, high := r.Interval()
	bars := report.Series{Name: "queries", Kind: report.Bars}
	for hits, queries := range r.ByHits() {
		bars.X, bars.Y = append(bars.X, float64(hits)), append(bars.Y, float64(queries))
	}
	chart := report.Chart{
		Title: "Queries by the neighbours that were found",
		Description: fmt.Sprintf("How many of the %d nearest points the other system has found, and for how many queries.",
			r.K),
		X: report.Axis{Label: "neighbours found"}, Y: report.Axis{Label: "queries"},
		Series: []report.Series{bars},
	}
	t := report.Table{Caption: "Recall of the worst queries", Columns: []string{"share of the queries", "recall at most"}}
	for _, s := range evaluate.Shares {
		t.Rows = append(t.Rows, []string{evaluate.Percent(s), report.Format(r.Quantile(s))})
	}
	lists := report.Table{Caption: "The lists of the other system", Columns: []string{"what", "number"}, Rows: [][]string{
		{"queries whose nearest point stands first", fmt.Sprint(r.First)},
		{"queries without a list, which count as recall 0", fmt.Sprint(r.Missing)},
		{fmt.Sprintf("lists of less than %d neighbours, or than the query has", r.K), fmt.Sprint(r.Short)},
		{"lists with the query itself, which is left out", fmt.Sprint(r.Self)},
		{"neighbours that are no point", fmt.Sprint(r.Unknown)},
	}}
	if r.Alone > 0 {
		lists.Rows = append(lists.Rows,
			[]string{"queries without a neighbour to find, which do not count", fmt.Sprint(r.Alone)})
	}
	return report.Section{
		ID: "recall", Title: "What another system has found",
		Lead: fmt.Sprintf("Its recall@%d is %.4f of %d queries; of queries like these it is between %.4f and %.4f, with a "+
			"probability of 95 %%. A point as far as the last of the exact neighbours counts, whichever it is.",
			r.K, r.Mean(), r.Queries(), low, high),
		Blocks: []report.Block{chart, report.Columns{t, lists}},
	}
}
