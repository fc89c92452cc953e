package overview

import (
	"fmt"
	"strings"

	"beamlearn/model/linear"
	"beamlearn/model/report"
)

// shownEstimates is how many coefficients a page has estimates of: those that are surest not to be 0.
const shownEstimates = 100

// inference is tables of how sure the coefficients are.
func (v *View) inference() []report.Block {
	m, i := v.Model, v.Model.Inference
	statistic := map[string]string{"t": "t", "normal": "z"}[i.Distribution]
	t := report.Table{Caption: "Coefficients", Columns: []string{"column", "coefficient", "standard error", statistic,
		"p-value", "95 % from", "to"}}
	row := func(name string, coef float64, e *linear.Estimate) {
		if e == nil {
			return
		}
		t.Rows = append(t.Rows, []string{
			name, report.Format(coef), report.Format(e.StandardError), report.Format(e.Statistic), report.Format(e.P),
			report.Format(e.Lower), report.Format(e.Upper),
		})
	}
	row("intercept", m.Intercept[0], i.Intercept)
	shown := i.Surest(shownEstimates)
	for _, j := range shown {
		row(v.feature(j), m.Coef[0][j], i.Coef[j])
	}
	if known := i.Surest(len(i.Coef)); len(known) > len(shown) {
		t.Left = len(known) - len(shown)
	}
	of := report.Table{Caption: "Of the model", Columns: []string{"", "value"}, Rows: [][]string{
		{"standard errors", string(i.Kind)}, {"rows", report.Format(i.Weight)}, {"parameters", report.Format(i.DF)},
		{"dispersion", report.Format(i.Dispersion)},
	}}
	if i.AIC != nil {
		of.Rows = append(of.Rows, []string{"log likelihood", report.Format(*i.LogLikelihood)},
			[]string{"AIC", report.Format(*i.AIC)}, []string{"BIC", report.Format(*i.BIC)})
	}
	blocks := []report.Block{t, of}
	if n := len(i.Collinear); n > 0 {
		some := strings.Join(i.Collinear[:min(n, shownEstimates)], ", ")
		blocks = append(blocks, report.Text(
			fmt.Sprintf("%d columns are sums of others, or of the intercept, so that nothing is told of their coefficients: %s.",
				n, some)))
	}
	return blocks
}
