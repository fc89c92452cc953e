package overview

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/linear"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/report"
)

// Answers are the predictions for points by the others, as a page shows them.
type Answers struct {
	Scores  *vote.Scores
	Classes linear.Classes // of a classification
	Scoring string         // the score that k is chosen by
	Weights string         // of the neighbours
}

// best is the place of the k that answers.
func (a *Answers) best() int {
	best, err := a.Scores.Best(a.Scoring)
	if err != nil {
		return 0
	}
	return best
}

// ids adds those of the rows that are shown.
func (a *Answers) ids(ids map[string]bool) {
	if len(a.Scores.Each) == 0 {
		return
	}
	for _, m := range a.Scores.Each[a.best()].Mistakes {
		ids[m.ID] = true
		for _, n := range m.Neighbors {
			ids[n] = true
		}
	}
}

func (a *Answers) facts() []report.Fact {
	if a.Scores.Rows == 0 {
		return nil
	}
	score, constant := a.Scores.Score(a.best(), a.Scoring)
	facts := []report.Fact{{Name: a.Scoring, Value: report.Format(score)}}
	if constant == constant {
		facts = append(facts, report.Fact{Name: a.Scoring + " of a constant", Value: report.Format(constant)})
	}
	if k := a.Scores.Ks[a.best()]; k > 0 {
		facts = append([]report.Fact{{Name: "k", Value: strconv.Itoa(k)}}, facts...)
	}
	return facts
}

// sections show how well points are predicted by the others.
func (a *Answers) sections(v *View) ([]report.Section, error) {
	if a.Scores.Rows == 0 {
		return nil, nil
	}
	sections := []report.Section{{
		ID: "scores", Title: "How well neighbours predict",
		Lead:   a.lead(),
		Blocks: a.scores(),
	}}
	e := &a.Scores.Each[a.best()]
	if a.Scores.Task == linear.Regression {
		sections = append(sections, report.Section{
			ID: "predicted", Title: "Predicted and true",
			Lead:   "Each point stands for a row: on the grey line, prediction and truth agree.",
			Blocks: []report.Block{a.agreement()},
		})
	} else {
		matrix, err := report.Confusion(a.labels(), e.Confusion(a.Classes.Len()))
		if err != nil {
			return nil, err
		}
		sections = append(sections, report.Section{
			ID: "confusion", Title: "What is taken for what",
			Lead:   "Each row is a class, each column what its points were taken for.",
			Blocks: []report.Block{matrix},
		})
	}
	return append(sections, a.mistakes(v, e)), nil
}

func (a *Answers) lead() string {
	how := "all neighbours within the radius"
	if k := a.Scores.Ks[a.best()]; k > 0 {
		how = fmt.Sprintf("its %d nearest neighbours", k)
		if k == 1 {
			how = "its nearest neighbour"
		}
	}
	if a.Weights == string(vote.Distance) {
		how += ", weighted by the inverse of their distance"
	}
	return fmt.Sprintf("Each of %d points is predicted by %s among the others: leave-one-out.", a.Scores.Rows, how)
}

func (a *Answers) labels() []string {
	labels := make([]string, a.Classes.Len())
	for i := range labels {
		labels[i] = a.Classes.Label(i)
	}
	return labels
}

// scores are a table of all scores, and the curve over k.
func (a *Answers) scores() []report.Block {
	names := vote.Scorings(a.Scores.Task, a.Classes.Len())
	t := report.Table{Caption: "Scores; greater is better", Columns: append([]string{"k"}, names...)}
	var x, y []float64
	constants := []string{"a constant prediction"}
	level := math.NaN()
	for i, k := range a.Scores.Ks {
		row := []string{strconv.Itoa(k)}
		if k == 0 {
			row[0] = "radius"
		}
		if i == a.best() && len(a.Scores.Ks) > 1 {
			row[0] += ", the best"
		}
		for _, name := range names {
			score, constant := a.Scores.Score(i, name)
			row = append(row, format(score))
			if i == 0 {
				constants = append(constants, format(constant))
			}
			if name == a.Scoring {
				x, y, level = append(x, float64(k)), append(y, score), constant
			}
		}
		t.Rows = append(t.Rows, row)
	}
	t.Rows = append(t.Rows, constants)
	if len(x) < 2 {
		return []report.Block{t}
	}
	curve := report.Chart{
		Title: a.Scoring + " over k", Description: fmt.Sprintf("The best is at k = %d.", a.Scores.Ks[a.best()]),
		X: report.Axis{Label: "neighbours, k", Log: true}, Y: report.Axis{Label: a.Scoring},
		Series: []report.Series{{Name: a.Scoring, Kind: report.Line, X: x, Y: y}},
	}
	lo, hi := slices.Min(y), slices.Max(y)
	if room := 4 * (hi - lo); room > 0 && (level < lo-room || level > hi+room) {
		return []report.Block{report.Columns{curve, t}, report.Text(fmt.Sprintf(
			"The curve is drawn without the constant prediction, at %s, beside which it would be flat.", report.Format(level)))}
	}
	if level == level {
		curve.Series = append(curve.Series, report.Series{Name: "a constant prediction", Kind: report.Line, Guide: true,
			X: []float64{x[0], x[len(x)-1]}, Y: []float64{level, level}})
	}
	return []report.Block{report.Columns{curve, t}}
}

func format(v float64) string {
	if v != v {
		return ""
	}
	return report.Format(v)
}

// agreement shows predictions beside the truth.
func (a *Answers) agreement() report.Block {
	best := a.best()
	var x, y []float64
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, s := range a.Scores.Sample {
		x, y = append(x, s.Target), append(y, s.Predicted[best])
		lo, hi = min(lo, s.Target, s.Predicted[best]), max(hi, s.Target, s.Predicted[best])
	}
	description := "All points that were predicted."
	if int64(len(x)) < a.Scores.Rows {
		description = fmt.Sprintf("%d points that were drawn by chance.", len(x))
	}
	return report.Columns{report.Chart{
		Title: "Predicted over true", Description: description,
		X: report.Axis{Label: "true"}, Y: report.Axis{Label: "predicted"},
		Series: []report.Series{
			{Name: "agreement", Kind: report.Line, Guide: true, X: []float64{lo, hi}, Y: []float64{lo, hi}},
			{Name: "points", Kind: report.Points, X: x, Y: y},
		},
	}}
}

// label is a target as text.
func (a *Answers) label(target float64) string {
	if a.Scores.Task == linear.Regression {
		return report.Format(target)
	}
	if int(target) < a.Classes.Len() {
		return a.Classes.Label(int(target))
	}
	return "another label"
}

func (a *Answers) mistakes(v *View, e *vote.Score) report.Section {
	worth, lead := "probability", "Points that are taken for another class, those of the most probable first: "+
		"labels that are wrong, or classes that overlap."
	if a.Scores.Task == linear.Regression {
		worth, lead = "error", "The points with the largest errors: "+
			"targets that are wrong, or that these columns do not tell."
	}
	t := report.Table{
		Caption: "The worst, with their nearest neighbours",
		Columns: []string{"point", "true", "predicted", worth, "neighbours (what they are)"},
	}
	for _, m := range e.Mistakes {
		var near []string
		for j, id := range m.Neighbors {
			near = append(near, fmt.Sprintf("%s (%s)", v.name(id), a.label(m.Known[j])))
		}
		t.Rows = append(t.Rows, []string{
			v.name(m.ID), a.label(m.Target), a.label(m.Predicted), report.Format(m.Worth), strings.Join(near, "; "),
		})
	}
	blocks := []report.Block{t}
	if len(t.Rows) == 0 {
		blocks = []report.Block{report.Text("There is no mistake.")}
	}
	return report.Section{ID: "mistakes", Title: "Mistakes", Lead: lead, Blocks: blocks}
}
