package overview

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"beamlearn/model/linear"
	"beamlearn/model/report"
)

// Several is what a page of models of several targets shows. They are of the same rows and columns.
type Several struct {
	Source  string // of the rows, for the title
	Targets []string
	// Views are those of the targets, in their order.
	Views []*View
	// Facts stand at the top, after those that all models share.
	Facts []report.Fact
}

// What a page of several targets has at most.
const (
	shownTargets   = 500     // rows of the table
	severalPoints  = 5000    // of all residuals together
	fewestPoints   = 100     // of the residuals of a target
	severalMarkup  = 6 << 20 // bytes of the charts of all targets
	severalColumns = 3       // of a target, in the table
)

// Page is a page to look at: the scores of all targets, a form that predicts them all, and the charts of the one that
// is chosen. Its size is bounded as that of [View.Page] is; charts of very many targets are left out.
func (s *Several) Page() (*report.Page, error) {
	p := &report.Page{
		Title: fmt.Sprintf("Models of %d targets of %s", len(s.Targets), s.Source),
		Lead:  "How well each target is told, and by which columns.",
		Facts: slices.Concat([]report.Fact{{Name: "targets", Value: strconv.Itoa(len(s.Targets))}}, s.shared(), s.Facts),
	}
	scores, err := s.scores()
	if err != nil {
		return nil, err
	}
	form, err := s.try()
	if err != nil {
		return nil, err
	}
	c := report.Choice{ID: "each-widget", Label: "Target", Most: severalMarkup}
	for k, v := range s.Views {
		v.points = max(severalPoints/len(s.Views), fewestPoints)
		sections, err := v.parts()
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", s.Targets[k], err)
		}
		c.Options = append(c.Options, report.Option{Name: s.Targets[k], Sections: sections})
	}
	p.Sections = []report.Section{
		{ID: "targets", Title: "How well each target is told", Lead: s.lead(), Blocks: []report.Block{scores}},
		{ID: "try", Title: "Try it", Lead: "Enter or choose values: the predictions are what predict says of such a row, " +
			"and they are made here, in the page. The bars are what each column adds to one of them.", Blocks: form},
		{ID: "each", Title: "Each target", Blocks: []report.Block{c},
			Lead: "Choose one, to see how its model was chosen, what it goes by, and where it errs."},
	}
	return p, nil
}

func (s *Several) lead() string {
	if j := s.Views[0].Judged; j != nil && j.Rows > 0 {
		return "On " + j.Which() + ", beside a constant prediction: on others it will do a little worse; cross-validation " +
			"tells by how much."
	}
	return "No row tells how well they do."
}

// shared are the hyperparameters that are the same for all targets.
func (s *Several) shared() []report.Fact {
	facts := s.Views[0].hyperparameters()
	for _, v := range s.Views[1:] {
		own := v.hyperparameters()
		facts = slices.DeleteFunc(facts, func(f report.Fact) bool { return !slices.Contains(own, f) })
	}
	return facts
}

// scores is a table of all targets: how well each is told, beside a constant prediction, and by which columns.
func (s *Several) scores() (report.Table, error) {
	t := report.Table{Caption: "The targets", Columns: []string{"target"}}
	alphas := false // which differ
	for _, v := range s.Views[1:] {
		alphas = alphas || !same(v.Model.Options.Alpha, s.Views[0].Model.Options.Alpha)
	}
	for k, v := range s.Views {
		if k == shownTargets {
			t.Left = len(s.Views) - k
			break
		}
		names, values, err := v.figures()
		if err != nil {
			return t, fmt.Errorf("target %s: %w", s.Targets[k], err)
		}
		if k == 0 {
			t.Columns = append(t.Columns, names...)
			if alphas {
				t.Columns = append(t.Columns, "alpha")
			}
			t.Columns = append(t.Columns, "columns with coefficient 0", "the largest coefficients")
		}
		row := append([]string{s.Targets[k]}, values...)
		if alphas {
			row = append(row, optional(v.Model.Options.Alpha))
		}
		zero, largest := v.largest()
		t.Rows = append(t.Rows, append(row, strconv.Itoa(zero), largest))
	}
	return t, nil
}

func same(a, b *float64) bool { return a == b || a != nil && b != nil && *a == *b }

func optional(v *float64) string {
	if v == nil {
		return "–"
	}
	return report.Format(*v)
}

// largest is how many columns have the coefficient 0, and those with the largest, in words.
func (v *View) largest() (zero int, text string) {
	size := v.sizes()
	for _, w := range size {
		if w == 0 {
			zero++
		}
	}
	for i, j := range report.Largest(size, min(severalColumns, len(size)-zero)) {
		if i > 0 {
			text += "; "
		}
		text += v.feature(j) + " " + report.Format(v.weight(j, size))
	}
	return zero, text
}

// figures are the scores that a table of targets has, and those of a constant prediction: their names, which are the
// same for all models of a loss, and their values.
func (v *View) figures() (names, values []string, err error) {
	add := func(name string, x float64) {
		names = append(names, name)
		if x-x == 0 {
			values = append(values, report.Format(x))
		} else {
			values = append(values, "–")
		}
	}
	j := v.Judged
	if j == nil {
		j = &Judged{}
	}
	if v.Model.Task == linear.Classification {
		m := j.Confusion(v.Model.Classes.Len())
		constant, auc := m.Constant(), math.NaN()
		if v.Model.Classes.Len() == 2 && j.Rows > 0 {
			c, err := j.curves(1, 2)
			if err != nil {
				return nil, nil, err
			}
			auc = c.auc
		}
		add("classes", float64(v.Model.Classes.Len()))
		add("accuracy", m.Accuracy())
		add("accuracy of a constant", constant.Accuracy())
		if v.Model.HasProba() {
			add("log loss", m.LogLoss())
			add("log loss of a constant", constant.LogLoss())
		}
		add("area under the ROC curve", auc)
		return names, values, nil
	}
	m := j.Regression()
	if q, ok := v.Model.Options.IsQuantile(); ok {
		add("mean pinball loss", m.Pinball(q))
		add("mean pinball loss of a constant", j.ConstantPinball(q))
		add("share at most predicted", m.Coverage())
		return names, values, nil
	}
	if of, ok := v.Model.Options.Deviance(); ok {
		add("D²", m.D2(of))
		add("mean deviance", m.MeanDeviance())
		add("mean deviance of a constant", m.ConstantDeviance(of))
	}
	add("R²", m.R2())
	add("RMSE", math.Sqrt(m.MSE()))
	add("RMSE of a constant", math.Sqrt(m.M2/m.Weight))
	return names, values, nil
}
