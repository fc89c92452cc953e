package overview

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/report"
)

// severalOf is models of a target y0, y1, … each, whose rows are judged: of target k, (k+1)·x − y + 1.
func severalOf(t *testing.T, n int) *Several {
	t.Helper()
	s := &Several{Source: "x.csv", Facts: []report.Fact{{Name: "rows", Value: "400"}}}
	for k := range n {
		m := &linear.Model{
			Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{{float64(k + 1), -1}}, Intercept: []float64{1},
			Options: linear.Options{Penalty: linear.L2, Alpha: new(0.1)}, Training: linear.Training{Solver: "exact"},
		}
		j := &Judged{Of: 400}
		c := rows(400, func(x, y float64) float64 { return float64(k+1)*x - y + 1 })
		if err := j.Add(m, c, nil); err != nil {
			t.Fatal(err)
		}
		s.Targets = append(s.Targets, fmt.Sprint("y", k, evil))
		s.Views = append(s.Views, &View{Model: m, Columns: []string{"a" + evil, "b"}, Judged: j})
	}
	return s
}

func writeSeveral(t *testing.T, s *Several) string {
	t.Helper()
	p, err := s.Page()
	if err != nil {
		t.Fatal(err)
	}
	var w bytes.Buffer
	if err := p.Write(&w); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

// A page of several targets has the scores of all, a form with all models and what is true of its rows, and the charts
// of each; what all share stands at the top, and an alpha of its own beside a target.
func TestSeveralPage(t *testing.T) {
	s := severalOf(t, 3)
	page := writeSeveral(t, s)
	has(t, page, "Models of 3 targets of x.csv", "<dt>alpha</dt><dd>0.1</dd>",
		`<th scope="col" class="number">RMSE of a constant</th>`,
		"y1&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;: Where it errs",
		"a&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt; 3; b -1")
	form := trialOf(t, page)
	if len(form.Targets) != 3 || form.Task != "" || len(form.Coef) > 0 {
		t.Fatalf("form %+v", form)
	}
	for k, m := range form.Targets {
		one := trial{trialModel: m, Dim: form.Dim}
		if got := one.unpack(); m.Name != s.Targets[k] || got[0][0] != float64(k+1) || got[0][1] != -1 ||
			!slices.Equal(m.Intercept, []float64{1}) {
			t.Errorf("target %d: %+v, coefficients %v", k, m, got)
		}
	}
	for _, e := range form.Examples {
		for k, got := range e.Targets {
			if want := report.Format(float64(k+1)*e.Values[0] - e.Values[1] + 1); got != want {
				t.Errorf("target %d of %v is %s, want %s", k, e.Values, got, want)
			}
		}
	}
	if len(form.Examples) != mostExamples || len(form.Examples[0].Targets) != 3 {
		t.Errorf("examples %+v", form.Examples)
	}

	s.Views[1].Model.Options.Alpha = new(10.0)
	page = writeSeveral(t, s)
	if strings.Contains(page, "<dt>alpha</dt>") {
		t.Error("an alpha that is not that of all stands at the top")
	}
	has(t, page, `<th scope="col" class="number">alpha</th>`, `<td class="number">10</td>`)

	s.Views[2].Model.Scaler = &linear.StandardScaler{WithMean: true, Mean: []float64{1, 2}}
	has(t, writeSeveral(t, s), "they do not standardise the columns in the same way")

	for _, v := range s.Views {
		v.Judged, v.Model.Scaler = nil, nil
	}
	has(t, writeSeveral(t, s), "No row tells how well they do.", "<td>–</td>")
}

// The page of two classes of a target, and of three of another, has the area under the ROC curve where there is one.
func TestSeveralClasses(t *testing.T) {
	s := &Several{Source: "x"}
	for _, classes := range []int{2, 3} {
		m := &linear.Model{Task: linear.Classification, Loss: linear.LogLoss}
		for k := range classes {
			m.Classes.Numbers = append(m.Classes.Numbers, float64(k))
			if classes > 2 || k > 0 {
				m.Coef, m.Intercept = append(m.Coef, []float64{float64(3 * k), 0}), append(m.Intercept, 0)
			}
		}
		c := rows(300, func(x, y float64) float64 { return 0 })
		j := &Judged{Of: 300}
		if err := j.Add(m, c, func(i int) int32 { return int32(min(max(int(c.X[2*i]+1), 0), classes-1)) }); err != nil {
			t.Fatal(err)
		}
		s.Targets, s.Views = append(s.Targets, fmt.Sprint("of ", classes)), append(s.Views, &View{Model: m, Judged: j})
	}
	table, err := s.scores()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(table.Columns, "area under the ROC curve")
	if table.Rows[0][1] != "2" || table.Rows[1][1] != "3" || table.Rows[0][at] == "–" || table.Rows[1][at] != "–" {
		t.Errorf("%v: %v", table.Columns, table.Rows)
	}
	page := writeSeveral(t, s)
	has(t, page, "of 2: How well it sorts", "of 3: What it takes for what")
	if got := trialOf(t, page); len(got.Targets[0].Classes) != 2 || len(got.Targets[1].Classes) != 3 {
		t.Errorf("classes %v", got.Targets)
	}
}

// A page of hundreds of targets is bounded: all stand in the table, and the charts of some.
func TestManyTargets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this writes a page of hundreds of targets")
	}
	s := severalOf(t, 600)
	page := writeSeveral(t, s)
	has(t, page, "100 more are not listed.", "more are left out, as the page would be too large.")
	if size := len(page); size > severalMarkup+trialBytes {
		t.Errorf("%d bytes", size)
	}
}
