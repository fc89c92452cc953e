package overview

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/linear"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/report"
)

// View is what a page shows.
type View struct {
	Source string // of the rows, for the title
	Model  *linear.Model
	// Columns are the names of the features, or nil.
	Columns []string
	// Width and Height are those of the picture that the columns are, row by row, or 0.
	Width, Height int
	// Facts stand at the top, after those of the model.
	Facts []report.Fact
	CV    *linear.CVResult // or nil
	// Curve is how rows were predicted before they were learned from, or nil.
	Curve []sgd.ProgressivePoint
	// Judged is nil where there are no targets, or nobody has looked.
	Judged *Judged

	points int // that a chart of residuals has at most, or 0: as many as a page of one target
}

// Shown on the page, at most.
const (
	shownFeatures = 30
	shownClasses  = 30
	curveClasses  = 10 // lines that can be told apart
	shownPoints   = 1000
)

// Page is a page to look at. Its size does not grow with the rows, nor, beyond some, with columns and classes.
func (v *View) Page() (*report.Page, error) {
	p := &report.Page{
		Title: fmt.Sprintf("A model of %s", v.Source),
		Lead:  "How well it does, how it was chosen, and which columns it goes by.",
	}
	p.Facts = append(v.hyperparameters(), v.Facts...)
	form, err := v.try()
	if err != nil {
		return nil, err
	}
	p.Sections = []report.Section{{ID: "try", Title: "Try it", Lead: "Enter or choose values: the prediction is what " +
		"predict says of such a row, and it is made here, in the page. The bars are what each column adds.", Blocks: form}}
	parts, err := v.parts()
	p.Sections = append(p.Sections, parts...)
	return p, err
}

// parts are the sections that have no widget: how the model was chosen and learned, what it goes by, how well it does.
func (v *View) parts() ([]report.Section, error) {
	all, err := v.Choice()
	if err != nil {
		return nil, err
	}
	section := func(id, title, lead string, blocks ...report.Block) {
		all = append(all, report.Section{ID: id, Title: title, Lead: lead, Blocks: blocks})
	}
	if blocks := v.learning(); len(blocks) > 0 {
		section("learning", "How it learned",
			"The mean loss of rows that it had not learned from yet, by how many it had seen. A curve that still falls at "+
				"the right asks for more rows or epochs.", blocks...)
	}
	section("coefficients", "What it goes by", v.units(), v.coefficients()...)
	if v.Model.Inference != nil {
		section("inference", "How sure the coefficients are",
			"Of as many rows drawn anew, about 95 % of the intervals would hold the true coefficient, if the model is true.",
			v.inference()...)
	}
	judged, err := v.Judgement()
	return append(all, judged...), err
}

// Choice says how the hyperparameters were chosen, where they were.
func (v *View) Choice() (all []report.Section, err error) {
	if v.CV == nil || len(v.CV.Metrics) == 0 {
		return nil, nil
	}
	blocks, err := v.crossValidation()
	if err != nil {
		return nil, err
	}
	all = append(all, report.Section{ID: "cross-validation", Title: "Which hyperparameters", Blocks: blocks,
		Lead: fmt.Sprintf("Each combination was learned %d times, without one fold of the rows, and judged on that fold. "+
			"Bars are a standard error of the mean over the folds.",
			len(v.CV.Metrics[0].Splits))})
	if v.CV.Path != nil && len(v.CV.Path.Features) > 0 && len(v.CV.Params) > 1 {
		all = append(all, report.Section{ID: "path", Title: "How the coefficients shrink", Blocks: v.path(),
			Lead: v.pathLead()})
	}
	return all, nil
}

// Judgement says how well the model does, on the rows that are judged. Of Model it needs only the task and the classes.
func (v *View) Judgement() (all []report.Section, err error) {
	j := v.Judged
	if j == nil || j.Rows == 0 {
		return nil, nil
	}
	section := func(id, title, lead string, blocks ...report.Block) {
		all = append(all, report.Section{ID: id, Title: title, Lead: lead, Blocks: blocks})
	}
	lead := "On " + j.Which() + ": on others it will do a little worse; cross-validation tells by how much."
	var blocks []report.Block
	switch v.Model.Task {
	case linear.Regression:
		section("residuals", "Where it errs", lead, j.residuals(cmp.Or(v.points, shownPoints))...)
	case linear.Classification:
		if blocks, err = v.confusion(); err != nil {
			return nil, err
		}
		section("confusion", "What it takes for what", lead, blocks...)
		if blocks, err = v.thresholds(); err != nil {
			return nil, err
		}
		section("thresholds", "How well it sorts",
			"Rows in the order of their score, of each class against the rest. The ROC curve does not depend on how rare a "+
				"class is; precision does.", blocks...)
		if j.Probas != nil {
			section("calibration", "Whether its probabilities are true",
				"Of rows that are given a probability of 0.8, 80 % should be of the class: on the diagonal. Below it, the model "+
					"is too sure.", v.calibration()...)
		}
	}
	return all, nil
}

// hyperparameters are the facts that the model itself tells.
func (v *View) hyperparameters() []report.Fact {
	m := v.Model
	var facts []report.Fact
	fact := func(name, value string) { facts = append(facts, report.Fact{Name: name, Value: value}) }
	fact("task", strings.ReplaceAll(string(m.Task), "_", " "))
	fact("loss", string(m.Loss))
	if x := m.Options.Exposure; x != nil {
		name := "exposure"
		if x.Log {
			name = "offset"
		}
		fact(name, "the column "+x.Column+"; scores and residuals are of the rates")
	}
	if m.Loss == linear.Tweedie {
		fact("power", report.Format(*m.Options.Power))
	}
	if q, ok := m.Options.IsQuantile(); ok {
		fact("quantile", report.Format(q))
	}
	if m.Options.MultiClass != "" {
		fact("classes", string(m.Options.MultiClass))
	}
	fact("penalty", string(m.Options.Penalty))
	if m.Options.Alpha != nil && m.Options.Penalty != linear.None {
		fact("alpha", report.Format(*m.Options.Alpha))
	}
	if m.Options.Penalty == linear.ElasticNet && m.Options.L1Ratio != nil {
		fact("l1_ratio", report.Format(*m.Options.L1Ratio))
	}
	fact("solver", m.Training.Solver)
	fact("columns", strconv.Itoa(m.Features()))
	return facts
}

func (v *View) feature(j int) string {
	if j < len(v.Columns) {
		return v.Columns[j]
	}
	return "column " + strconv.Itoa(j)
}

// metricName is a score's name for people, and the sign that makes of scikit-learn's score what is meant.
func metricName(name string) (string, float64) {
	switch rest, negated := strings.CutPrefix(name, "neg_"); {
	case name == "r2":
		return "R²", 1
	case name == linear.D2Score:
		return "D²", 1
	case name == "roc_auc":
		return "area under the ROC curve", 1
	case name == "f1_macro":
		return "F1, mean of the classes", 1
	case name == "f1":
		return "F1", 1
	case negated:
		return strings.ReplaceAll(rest, "_", " "), -1
	}
	return strings.ReplaceAll(name, "_", " "), 1
}

// ratios are the values of l1_ratio, or one nil, and for each the combinations, ascending by alpha.
func (v *View) ratios() (names []string, combos [][]int) {
	places := map[string]int{}
	for c, p := range v.CV.Params {
		name := ""
		if p.L1Ratio != nil {
			name = "l1_ratio " + report.Format(*p.L1Ratio)
		}
		at, ok := places[name]
		if !ok {
			at = len(names)
			places[name] = at
			names, combos = append(names, name), append(combos, nil)
		}
		combos[at] = append(combos[at], c)
	}
	for _, c := range combos {
		slices.SortStableFunc(c, func(a, b int) int { return cmp.Compare(v.CV.Params[a].Alpha, v.CV.Params[b].Alpha) })
	}
	return names, combos
}

// alphas is the axis of the penalty's strength, and where a strength stands on it. With 0 among them, which has no
// logarithm, they stand side by side in their order.
func (v *View) alphas() (report.Axis, func(alpha float64) float64) {
	var all []float64
	for _, p := range v.CV.Params {
		all = append(all, p.Alpha)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	a := report.Axis{Label: "alpha, the strength of the penalty", Log: all[0] > 0}
	if v.CV.Parameter != "" {
		a.Label = v.CV.Parameter + ", how much is smoothed"
	}
	if a.Log {
		return a, func(alpha float64) float64 { return alpha }
	}
	for _, alpha := range all {
		a.Names = append(a.Names, report.Format(alpha))
	}
	return a, func(alpha float64) float64 {
		at, _ := slices.BinarySearch(all, alpha)
		return float64(at)
	}
}

func (v *View) crossValidation() ([]report.Block, error) {
	cv := v.CV
	best, err := cv.Best()
	if err != nil {
		return nil, err
	}
	simple, err := cv.OneStandardError()
	if err != nil {
		return nil, err
	}
	names, combos := v.ratios()
	axis, place := v.alphas()
	var charts report.Columns
	for k := range cv.Metrics {
		if len(combos[0]) < 2 {
			break // no curve has one point; the table says it all
		}
		m := &cv.Metrics[k]
		name, sign := metricName(m.Name)
		c := report.Chart{Title: strings.ToUpper(name[:1]) + name[1:] + ", by cross-validation", X: axis,
			Y: report.Axis{Label: name}}
		if sign > 0 {
			c.Description = "Higher is better."
		} else {
			c.Description = "Lower is better."
		}
		var means []float64
		for i, list := range combos {
			s := report.Series{Name: cmp.Or(names[i], "mean"), Kind: report.Line}
			for _, at := range list {
				e := m.StandardError(at)
				if e-e != 0 {
					e = 0
				}
				s.X, s.Y, s.Error = append(s.X, place(cv.Params[at].Alpha)), append(s.Y, sign*m.Mean(at)), append(s.Error, e)
				means = append(means, sign*m.Mean(at))
			}
			c.Series = append(c.Series, s)
		}
		c.Y.Log = report.Skewed(means)
		if k == 0 { // by which the choice was made
			mark := func(name string, at int) {
				c.Series = append(c.Series, report.Series{Name: name, Kind: report.Points, X: []float64{place(cv.Params[at].Alpha)},
					Y: []float64{sign * m.Mean(at)}})
			}
			mark("best", best)
			mark("within one standard error", simple)
		}
		if len(c.Series) <= curveClasses {
			charts = append(charts, c)
		}
	}
	name, _ := metricName(cv.Metrics[0].Name)
	text := fmt.Sprintf("Chosen by %s: %s %s.", name, cv.ParameterName(), report.Format(cv.Params[best].Alpha))
	if simple != best {
		text += fmt.Sprintf(" A simpler model, with %s %s, is within one standard error of it: as good, for all that the "+
			"rows tell.", cv.ParameterName(), report.Format(cv.Params[simple].Alpha))
	}
	if c := cv.Metrics[0].ConstantMean(); c == c {
		_, sign := metricName(cv.Metrics[0].Name)
		text += fmt.Sprintf(" Its mean over the folds is %s; that of a constant prediction, which knows no column, is %s.",
			report.Format(sign*cv.Metrics[0].Mean(best)), report.Format(sign*c))
	}
	return []report.Block{report.Text(text), charts, v.combinations(best, simple)}, nil
}

// combinations is a table of all scores, in the order of the charts, and of which combinations are the choice; at its
// end stands what a constant prediction scores.
func (v *View) combinations(best, simple int) report.Table {
	cv := v.CV
	names, combos := v.ratios()
	t := report.Table{Caption: "All combinations", Columns: []string{cv.ParameterName()}}
	if len(names) > 1 || names[0] != "" {
		t.Columns = append(t.Columns, "l1_ratio")
	}
	for k := range cv.Metrics {
		name, _ := metricName(cv.Metrics[k].Name)
		t.Columns = append(t.Columns, name, "standard error")
	}
	t.Columns = append(t.Columns, "choice")
	for _, list := range combos {
		for _, at := range list {
			row := []string{report.Format(cv.Params[at].Alpha)}
			if r := cv.Params[at].L1Ratio; r != nil {
				row = append(row, report.Format(*r))
			}
			for k := range cv.Metrics {
				_, sign := metricName(cv.Metrics[k].Name)
				row = append(row, report.Format(sign*cv.Metrics[k].Mean(at)), report.Format(cv.Metrics[k].StandardError(at)))
			}
			var choice []string
			if at == best {
				choice = append(choice, "best")
			}
			if at == simple {
				choice = append(choice, "the simplest within one standard error")
			}
			t.Rows = append(t.Rows, append(row, strings.Join(choice, "; ")))
		}
	}
	known, constant := false, make([]string, len(t.Columns))
	constant[0] = "a constant prediction"
	for k := range cv.Metrics {
		if c := cv.Metrics[k].ConstantMean(); c == c {
			_, sign := metricName(cv.Metrics[k].Name)
			known, constant[len(t.Columns)-1-2*(len(cv.Metrics)-k)] = true, report.Format(sign*c)
		}
	}
	if known {
		t.Rows = append(t.Rows, constant)
	}
	return t
}

// pathLead says which columns the path shows, and where on it the model stands.
func (v *View) pathLead() string {
	lead := fmt.Sprintf("The regularisation path: the stronger the penalty, the nearer the coefficients to 0. "+
		"Shown are the %d columns whose coefficients are the largest of the model", len(v.CV.Path.Features))
	if a := v.Model.Options.Alpha; a != nil {
		lead += fmt.Sprintf(", which has %s %s", v.CV.ParameterName(), report.Format(*a))
	}
	return lead + "."
}

// path is the coefficients by alpha, a chart for each l1_ratio.
func (v *View) path() []report.Block {
	names, combos := v.ratios()
	axis, place := v.alphas()
	var charts report.Columns
	var notes []report.Block
	what := v.coefficient()
	for i, list := range combos {
		if len(list) < 2 || len(charts) == 4 {
			continue
		}
		c := report.Chart{
			Title: "Coefficients by alpha", X: axis, Y: report.Axis{Label: what},
			Description: "The columns with the largest coefficients.",
		}
		if names[i] != "" {
			c.Title += ", " + names[i]
		}
		shown, most := v.steady(list)
		if n := len(list) - len(shown); n > 0 {
			notes = append(notes, report.Text(fmt.Sprintf("%s: without the %d least values of alpha, below %s. There "+
				"coefficients "+
				"are up to %s, beside which all others would be flat.", c.Title, n, report.Format(v.CV.Params[shown[0]].Alpha),
				report.Format(most))))
		}
		lo, hi := 0.0, 0.0
		for f, j := range v.CV.Path.Features {
			s := report.Series{Name: v.feature(j), Kind: report.Line}
			for _, at := range shown {
				y := v.CV.Path.Coef[at][f]
				s.X, s.Y = append(s.X, place(v.CV.Params[at].Alpha)), append(s.Y, y)
				if y-y == 0 {
					lo, hi = min(lo, y), max(hi, y)
				}
			}
			c.Series = append(c.Series, s)
		}
		if a := v.Model.Options.Alpha; a != nil {
			at := place(*a)
			c.Series = append(c.Series, report.Series{Name: "the model's alpha", Kind: report.Line, Guide: true,
				X: []float64{at, at}, Y: []float64{lo, hi}})
		}
		charts = append(charts, c)
	}
	return append([]report.Block{charts}, notes...)
}

// steady are those of combinations, ascending by alpha, at which a chart of the path begins: where coefficients of the
// least alphas are many times those of the model, they are left out, and most is how large they are. Two are always
// left.
func (v *View) steady(list []int) (shown []int, most float64) {
	const times = 5
	largest := func(at int) (m float64) {
		for _, w := range v.CV.Path.Coef[at] {
			m = max(m, math.Abs(w)) // NaN where weights overflowed
		}
		return m
	}
	reach := 0.0
	for _, at := range list {
		if a := v.Model.Options.Alpha; a != nil && v.CV.Params[at].Alpha == *a {
			reach = largest(at)
		}
	}
	shown = list
	for reach > 0 && len(shown) > 2 && !(largest(shown[0]) <= times*reach) {
		if m := largest(shown[0]); m == m {
			most = max(most, m)
		}
		shown = shown[1:]
	}
	return shown, most
}

// learning are the learning curves.
func (v *View) learning() []report.Block {
	if v.Model.Training.Solver == "exact" {
		return nil // an optimum has no curve
	}
	var blocks report.Columns
	rows := report.Axis{Label: "rows seen", Log: true}
	loss := report.Axis{Label: "mean loss (" + string(v.Model.Loss) + ")"}
	if len(v.Curve) > 1 {
		s := report.Series{Name: "loss", Kind: report.Line}
		for _, p := range v.Curve {
			s.X, s.Y = append(s.X, float64(p.Rows)), append(s.Y, p.Loss)
		}
		blocks = append(blocks, report.Chart{Title: "Predicted before they were learned from", X: rows, Y: loss,
			Series: []report.Series{s}})
	}
	if v.CV != nil && len(v.CV.LearningCurve) > 1 {
		c := report.Chart{Title: "Rows of the folds left out, by combination", X: rows, Y: loss}
		_, combos := v.ratios()
		all := slices.Concat(combos...)
		// Of many combinations, some from one end to the other.
		n := min(len(all), curveClasses)
		for i := range n {
			at := all[i*(len(all)-1)/max(n-1, 1)]
			p := v.CV.Params[at]
			s := report.Series{Name: "alpha " + report.Format(p.Alpha), Kind: report.Line}
			if p.L1Ratio != nil {
				s.Name += ", l1_ratio " + report.Format(*p.L1Ratio)
			}
			for _, point := range v.CV.LearningCurve {
				if y := point.Loss[at]; y-y == 0 {
					s.X, s.Y = append(s.X, math.Min(float64(point.Rows), 1<<62)), append(s.Y, y)
				}
			}
			if len(s.X) > 0 {
				c.Series = append(c.Series, s)
			}
		}
		if len(c.Series) > 0 {
			blocks = append(blocks, c)
		}
	}
	if len(blocks) == 0 {
		return nil
	}
	return []report.Block{blocks}
}

// coefficient is what an axis of coefficients has.
func (v *View) coefficient() string {
	name := "coefficient"
	if len(v.Model.Coef) > 1 {
		name = "norm over classes"
	}
	if v.standardized() {
		return name + ", per std. deviation"
	}
	return name + ", per unit"
}

// standardized reports whether the columns were brought to one scale.
func (v *View) standardized() bool {
	e := v.Model.Encoding
	return v.Model.Scaler != nil || e != nil && e.Options().Standardize
}

func (v *View) units() string {
	if of, ok := v.Model.Options.Deviance(); ok && of.Log() {
		unit := "a unit"
		if v.standardized() {
			unit = "a standard deviation"
		}
		return "The coefficients, the largest first: what " + unit +
			" of the column adds to the logarithm of the prediction: 0.1 is about 10 % more."
	}
	if v.standardized() {
		return "The coefficients, the largest first: what a standard deviation of the column adds to the decision, so " +
			"that they can be compared."
	}
	return "The coefficients, the largest first: what a unit of the column adds to the decision. They can be compared " +
		"where the columns are of the same scale; --standardize brings them to one."
}

// sizes are those of the features' coefficients: their norms over the classes.
func (v *View) sizes() []float64 {
	size := make([]float64, v.Model.Features())
	for j := range size {
		for _, w := range v.Model.Coef {
			size[j] = elementary.Hypot(size[j], w[j])
		}
	}
	return size
}

// coefficients are the largest.
func (v *View) coefficients() []report.Block {
	m := v.Model
	if m.Encoding != nil {
		return v.groups()
	}
	size := v.sizes()
	zero := 0
	for _, s := range size {
		if s == 0 {
			zero++
		}
	}
	order := report.Largest(size, shownFeatures)
	order = order[:min(len(order), len(size)-zero)] // those of 0 are the last
	var blocks []report.Block
	if zero > 0 {
		blocks = append(blocks, report.Text(
			fmt.Sprintf("%d of %d columns have the coefficient 0: the model does without them.", zero, len(size))))
	}
	c := report.Ranking{Title: "The largest coefficients", Description: "By column.", Label: v.coefficient()}
	t := report.Table{Caption: "The largest coefficients", Columns: []string{"column"},
		Left: len(size) - zero - len(order)}
	classes := min(len(m.Coef), shownClasses)
	if len(m.Coef) == 1 {
		t.Columns = append(t.Columns, "coefficient")
	} else {
		for k := range classes {
			t.Columns = append(t.Columns, m.Classes.Label(k))
		}
	}
	for _, j := range order {
		c.Names = append(c.Names, v.feature(j))
		row := []string{v.feature(j)}
		if len(m.Coef) == 1 {
			c.Values = append(c.Values, m.Coef[0][j])
		} else {
			c.Values = append(c.Values, size[j])
		}
		for k := range classes {
			row = append(row, report.Format(m.Coef[k][j]))
		}
		t.Rows = append(t.Rows, row)
	}
	intercept := []string{"intercept"}
	for k := range classes {
		intercept = append(intercept, report.Format(m.Intercept[k]))
	}
	t.Rows = append(t.Rows, intercept)
	switch {
	case len(order) == 0:
		return append(blocks, t)
	case len(m.Coef) > 1: // a wide table
		return append(blocks, report.Columns{c}, t)
	}
	return append(blocks, report.Columns{c, t})
}

// confusion is the matrix, each row shaded by the shares of its class.
func (v *View) confusion() ([]report.Block, error) {
	classes := v.Model.Classes.Len()
	m := v.Judged.Confusion(classes)
	labels := make([]string, classes)
	for i := range labels {
		labels[i] = v.Model.Classes.Label(i)
	}
	matrix, err := report.Confusion(labels, m.Confusion)
	if err != nil {
		return nil, err
	}
	if classes <= 5 { // a narrow one
		return []report.Block{report.Columns{matrix, v.scores(m)}}, nil
	}
	return []report.Block{matrix, v.scores(m)}, nil
}

// scores are the numbers that judge a classification.
func (v *View) scores(m *linear.ClassificationMetrics) report.Block {
	t := report.Table{Caption: "Scores", Columns: []string{"score", "value"}}
	add := func(name string, x float64) {
		if x == x {
			t.Rows = append(t.Rows, []string{name, report.Format(x)})
		}
	}
	constant := m.Constant()
	add("accuracy", m.Accuracy())
	add("accuracy of a constant prediction", constant.Accuracy())
	if v.Model.Classes.Len() == 2 {
		add("F1 of "+v.Model.Classes.Label(1), m.F1(1))
	} else {
		add("F1, mean of the classes", m.MacroF1())
	}
	if v := m.LogLoss(); v == v {
		add("log loss", v)
		add("log loss of a constant prediction", constant.LogLoss())
	}
	return t
}

// shown are the classes that have curves: of more than can be told apart, those with the most rows, and a line that
// says so.
func (v *View) shown() (classes []int, note []report.Block) {
	n := v.Model.Classes.Len()
	if n == 2 {
		return []int{1}, nil
	}
	classes = v.byRows()[:min(n, curveClasses)]
	slices.Sort(classes)
	if len(classes) < n {
		note = []report.Block{report.Text(fmt.Sprintf("Curves of the %d of %d classes that have the most rows.",
			len(classes), n))}
	}
	return classes, note
}

// byRows are the classes, those with the most rows first.
func (v *View) byRows() []int {
	n := v.Model.Classes.Len()
	rows := make([]float64, n)
	for i, c := range v.Judged.Class {
		rows[c] += v.Judged.weight(i)
	}
	return report.Largest(rows, n)
}

// unit is an axis from 0 to 1.
func unit(label string) report.Axis { return report.Axis{Label: label, Lo: 0, Hi: 1} }

// thresholds are the ROC and precision–recall curves.
func (v *View) thresholds() ([]report.Block, error) {
	roc := report.Chart{Title: "ROC", Description: "Up and to the left is better.",
		X: unit("false positives, of the rest"), Y: unit("true positives, of the class")}
	pr := report.Chart{Title: "Precision and recall", Description: "Up and to the right is better.",
		X: unit("recall: found, of the class"), Y: unit("precision: right, of those found")}
	t := report.Table{Caption: "By class", Columns: []string{"class", "area under the ROC curve", "share of the rows"}}
	shown, note := v.shown()
	listed := shown
	if n := v.Model.Classes.Len(); n > 2 {
		listed = v.byRows()[:min(n, shownClasses)]
		t.Left = n - len(listed)
	}
	slices.Sort(listed)
	for _, k := range listed {
		c, err := v.Judged.curves(k, v.Model.Classes.Len())
		if err != nil {
			return nil, err
		}
		name := v.Model.Classes.Label(k)
		if c.auc-c.auc != 0 {
			t.Rows = append(t.Rows, []string{name, "–", report.Percent(c.share)})
			continue
		}
		t.Rows = append(t.Rows, []string{name, report.Format(c.auc), report.Percent(c.share)})
		if !slices.Contains(shown, k) {
			continue
		}
		s := report.Series{Name: name, Kind: report.Line}
		s.X, s.Y = thin(c.fpr, c.tpr)
		roc.Series = append(roc.Series, s)
		s.X, s.Y = thin(c.tpr[1:], c.precision[1:])
		pr.Series = append(pr.Series, s)
	}
	if len(roc.Series) == 0 {
		return []report.Block{report.Text("There are rows of one class only."), t}, nil
	}
	return append(note, report.Columns{roc, pr}, t), nil
}

// calibration compares probabilities with what came true.
func (v *View) calibration() []report.Block {
	c := report.Chart{Title: "Calibration", Description: "On the diagonal, probabilities are true.",
		X: unit("probability given, mean of a tenth"), Y: unit("share that is of the class")}
	b := report.Chart{Title: "How sure it is", Description: "Rows by the probability given.", X: unit("probability given"),
		Y: report.Axis{Label: "rows"}}
	shown, note := v.shown()
	weights := report.Series{Name: "rows", Kind: report.Bars}
	for i := range 10 {
		weights.X, weights.Y = append(weights.X, (float64(i)+0.5)/10), append(weights.Y, 0)
	}
	for _, k := range shown {
		r := v.Judged.reliability(k, v.Model.Classes.Len())
		s := report.Series{Name: v.Model.Classes.Label(k), Kind: report.Line}
		for i, w := range r.weight {
			if w > 0 {
				s.X, s.Y = append(s.X, r.mean[i]), append(s.Y, r.share[i])
			}
			weights.Y[i] += w
		}
		c.Series = append(c.Series, s)
	}
	guide := report.Series{Name: "as it should be", Kind: report.Line, Guide: true, X: []float64{0, 1}, Y: []float64{0, 1}}
	c.Series = append(c.Series, guide)
	if b.Series = []report.Series{weights}; len(shown) > 1 {
		b.Y.Label = "rows, of the classes shown together"
	}
	return append(note, report.Columns{c, b})
}

// residuals show how a regression errs, in a chart of at most so many points.
func (j *Judged) residuals(most int) []report.Block {
	m := j.Regression()
	t := report.Table{Caption: "Scores", Columns: []string{"score", "value"}, Rows: [][]string{
		{"R²", report.Format(m.R2())}, {"mean squared error", report.Format(m.MSE())},
		{"root mean squared error", report.Format(math.Sqrt(m.MSE()))},
		{"root mean squared error of a constant prediction, the mean", report.Format(math.Sqrt(m.M2 / m.Weight))},
		{"mean absolute error", report.Format(m.MAE())},
	}}
	if q := j.Quantile; q != nil {
		t.Rows = [][]string{ // the others judge means
			{"mean pinball loss", report.Format(m.Pinball(*q))},
			{"mean pinball loss of a constant prediction, the quantile", report.Format(j.ConstantPinball(*q))},
			{"share of targets at most their predictions", report.Format(m.Coverage())},
			{"mean absolute error", report.Format(m.MAE())},
		}
	}
	if of := j.Deviance; of != nil {
		t.Rows = append([][]string{
			{"D²", report.Format(m.D2(*of))}, {"mean deviance", report.Format(m.MeanDeviance())},
			{"mean deviance of a constant prediction, the mean", report.Format(m.ConstantDeviance(*of))},
		}, t.Rows...)
	}
	points := report.Series{Name: "rows", Kind: report.Points}
	residuals := make([]float64, j.Rows)
	every := max((j.Rows+most-1)/most, 1)
	for i, y := range j.Target {
		residuals[i] = y - j.Predicted[i]
		if i%every == 0 {
			points.X, points.Y = append(points.X, j.Predicted[i]), append(points.Y, residuals[i])
		}
	}
	scatter := report.Chart{
		Title:       "Residuals by prediction",
		Description: "A bend says that the model lacks something; a funnel, that large values vary more.",
		X:           report.Axis{Label: "predicted"}, Y: report.Axis{Label: "target − predicted"},
		Series: []report.Series{points},
	}
	if len(points.X) > 0 {
		lo, hi := slices.Min(points.X), slices.Max(points.X)
		scatter.Series = append(scatter.Series, report.Series{Name: "right", Kind: report.Line, X: []float64{lo, hi},
			Y: []float64{0, 0}})
	}
	slices.Sort(residuals)
	lo, hi := report.Fences(residuals)
	x, y := report.Bins(residuals, lo, hi)
	histogram := report.Chart{
		Title:       "How residuals are spread",
		Description: fmt.Sprintf("Half of them are below %s.", report.Format(report.Quantile(residuals, 0.5))),
		X:           report.Axis{Label: "target − predicted"}, Y: report.Axis{Label: "rows"},
		Series: []report.Series{{Name: "rows", Kind: report.Bars, X: x, Y: y}},
	}
	q := report.Table{Caption: "Quantiles of the residuals", Columns: []string{"share of the rows", "target − predicted"}}
	for _, at := range []float64{0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1} {
		q.Rows = append(q.Rows, []string{fmt.Sprintf("%g %%", 100*at), report.Format(report.Quantile(residuals, at))})
	}
	blocks := []report.Block{report.Columns{t, q}, report.Columns{scatter, histogram}}
	if beyond := report.Beyond(residuals, lo, hi); beyond != "" {
		blocks = append(blocks, report.Text("How residuals are spread: "+beyond))
	}
	return blocks
}
