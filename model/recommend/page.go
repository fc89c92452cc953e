package recommend

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/report"
)

// View is what a page shows.
type View struct {
	Source   string // of the rows, for the title
	Options  Options
	Overview *Overview
	// Comparison says what recommenders are worth; nil where that was not asked for.
	Comparison *Comparison
	Facts      []report.Fact // beside those of the overview
}

// Page is a page to look at: what recommenders are worth, some users with what they had and would get and why, and the
// items that most had. It stays below 200 KB unless ids are long.
func (v *View) Page() *report.Page {
	o := v.Overview
	p := &report.Page{
		Title: "Recommendations by " + v.Source,
		Lead:  "What users would get by the items that they had, and why.",
		Facts: append([]report.Fact{
			{Name: "users", Value: strconv.FormatInt(o.Users, 10)},
			{Name: "items", Value: strconv.FormatInt(o.Items, 10)},
			{Name: "interactions", Value: strconv.FormatInt(o.Interactions, 10)},
			{Name: "similarity", Value: v.similarity()},
			{Name: "neighbours of an item", Value: strconv.Itoa(v.Options.K)},
		}, v.Facts...),
	}
	if v.Options.Shrinkage > 0 {
		p.Facts = append(p.Facts, report.Fact{Name: "shrinkage", Value: report.Format(v.Options.Shrinkage)})
	}
	if v.Comparison != nil {
		p.Sections = append(p.Sections, v.Comparison.section())
	}
	p.Sections = append(p.Sections, o.examples(), o.popular())
	return p
}

// similarity names when items are alike.
func (v *View) similarity() string {
	name := string(v.Options.Similarity)
	if v.Options.Weighting != NoWeighting {
		name += " of " + string(v.Options.Weighting)
	}
	return name
}

// examples are some users.
func (o *Overview) examples() report.Section {
	s := report.Section{
		ID: "users", Title: "What users had, and would get",
		Lead: fmt.Sprintf("%d of %d users, drawn by chance. An item is recommended because of those that the user had and "+
			"that are most like it, the first most of all.", len(o.Examples), o.Users),
	}
	var examples report.Columns
	valued := false // without --value each is 1, which says nothing; among ratings, 1 is one
	for _, e := range o.Examples {
		for _, h := range e.Had {
			valued = valued || h.Value != 1
		}
	}
	for _, e := range o.Examples {
		var had []string
		for _, h := range e.Had {
			text := h.Item
			if valued {
				text += " (" + report.Format(h.Value) + ")"
			}
			had = append(had, text)
		}
		text := fmt.Sprintf("User %s had %s", e.User, strings.Join(had, ", "))
		if e.More > 0 {
			text += fmt.Sprintf(" and %d more", e.More)
		}
		if len(e.Gets) == 0 {
			examples = append(examples, report.Text(text+". No item that may be recommended is like these."))
			continue
		}
		t := report.Table{Caption: "User " + e.User + " would get", Columns: []string{"item", "score", "because of"}}
		for _, a := range e.Gets {
			t.Rows = append(t.Rows, []string{a.Item, report.Format(a.Score), strings.Join(a.Because, ", ")})
		}
		examples = append(examples, report.Stack{report.Text(text + "."), t})
	}
	s.Blocks = []report.Block{examples}
	return s
}

// popular are the items that most had, and how many interactions users have.
func (o *Overview) popular() report.Section {
	t := report.Table{Caption: "The items that most had",
		Columns: []string{"item", "users", "share of users", "most like it"}}
	for _, p := range o.Popular {
		share := float64(p.Users) / float64(o.Users)
		t.Rows = append(t.Rows, []string{p.Item, strconv.FormatInt(p.Users, 10), report.Percent(share),
			strings.Join(p.Near, ", ")})
	}
	t.Left = int(o.Items) - len(o.Popular)
	c := report.Chart{
		Title: "Interactions of a user", Description: "How many users have how many interactions.",
		X: report.Axis{Label: "interactions"}, Y: report.Axis{Label: "users"},
	}
	bars := report.Series{Name: "users", Kind: report.Bars}
	for at, n := range o.PerUser {
		from, to := 1<<at, 2<<at-1
		name := fmt.Sprintf("%d–%d", from, to)
		if from == to {
			name = strconv.Itoa(from)
		}
		c.X.Names = append(c.X.Names, name)
		bars.X, bars.Y = append(bars.X, float64(at)), append(bars.Y, float64(n))
	}
	c.Series = []report.Series{bars}
	return report.Section{
		ID: "popular", Title: "Popular items",
		Lead: "What most users had is what a recommender must be better than. Of items that few had, little is known: " +
			"--shrinkage trusts them less.",
		Blocks: []report.Block{t, c},
	}
}

// section is what recommenders are worth.
func (c *Comparison) section() report.Section {
	best := &c.Recommender[c.Best]
	at := fmt.Sprintf("@%d", c.Top)
	t := report.Table{
		Caption: "Recommenders, with what 95 % of samples of users like these would show",
		Columns: []string{"recommender", "NDCG" + at, "recall" + at, "precision" + at, "coverage"},
	}
	for i := range c.Recommender {
		r := &c.Recommender[i]
		name := r.Name()
		if i == c.Best {
			name += " (the best)"
		}
		t.Rows = append(t.Rows, []string{name, r.NDCG.String(), r.Recall.String(), r.Precision.String(), r.Coverage.String()})
	}
	beaten := ""
	if c.Beaten() {
		beaten = " To recommend what most had is better than any of these."
	}
	return report.Section{
		ID: "worth", Title: "Do they find what was held out?",
		Lead: fmt.Sprintf("%d interactions of %d users were held out; the recommenders knew the other %d. Recall is the "+
			"share "+
			"of a user's held out items that are among the %d recommended, NDCG gives those more that stand first, and coverage "+
			"is the share of all items that anybody gets.%s", c.Held, best.Users, c.Known, c.Top, beaten),
		Blocks: []report.Block{t, report.Columns{
			c.byGroup(best, "NDCG"+at, func(m *Metrics) Estimate { return m.NDCG }),
			c.byGroup(best, "recall"+at, func(m *Metrics) Estimate { return m.Recall }),
		}},
	}
}

// byGroup is a metric by how many interactions are known of a user.
func (c *Comparison) byGroup(best *Judged, metric string, of func(*Metrics) Estimate) report.Chart {
	chart := report.Chart{
		Title:       metric + " by what is known of a user",
		Description: "Whether users of whom little is known get worse recommendations.",
		X:           report.Axis{Label: "known interactions"}, Y: report.Axis{Label: metric},
	}
	for i := range best.Groups {
		g := &best.Groups[i]
		name := fmt.Sprintf("%d–%d", g.From, g.To)
		if g.To == 0 {
			name = fmt.Sprintf("from %d", g.From)
		}
		chart.X.Names = append(chart.X.Names, name)
	}
	for _, j := range []*Judged{best, &c.Recommender[0]} {
		s := report.Series{Name: j.Name(), Kind: report.Line, Guide: j.Popular}
		for i := range j.Groups {
			e := of(&j.Groups[i].Metrics)
			s.X, s.Y, s.Error = append(s.X, float64(i)), append(s.Y, e.Mean), append(s.Error, (e.High-e.Low)/2)
		}
		chart.Series = append(chart.Series, s)
	}
	return chart
}

// String is the estimate with its bounds.
func (e Estimate) String() string { return fmt.Sprintf("%.4f (%.4f–%.4f)", e.Mean, e.Low, e.High) }

// Table is the comparison as rows of text, a header first: for the terminal.
func (c *Comparison) Table() [][]string {
	at := fmt.Sprintf("@%d", c.Top)
	rows := [][]string{{"recommender", "recall" + at, "precision" + at, "NDCG" + at, "coverage"}}
	for i := range c.Recommender {
		r := &c.Recommender[i]
		rows = append(rows, []string{r.Name(), r.Recall.String(), r.Precision.String(), r.NDCG.String(), r.Coverage.String()})
	}
	return rows
}

// recordColumns are those of [Comparison.Records].
var recordColumns = []string{
	"recommender", "k", "shrinkage", "top", "users", "recall", "recall_low", "recall_high",
	"precision", "precision_low", "precision_high",
	"ndcg", "ndcg_low", "ndcg_high", "coverage", "coverage_low", "coverage_high",
}

// Records are a row of numbers for each recommender: for a .csv.
func (c *Comparison) Records() [][]string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	all := [][]string{slices.Clone(recordColumns)}
	for i := range c.Recommender {
		r := &c.Recommender[i]
		row := []string{"neighbors", strconv.Itoa(r.K), number(r.Shrinkage)}
		if r.Popular {
			row = []string{"popular", "", ""}
		}
		row = append(row, strconv.Itoa(c.Top), strconv.FormatInt(r.Users, 10))
		for _, e := range []Estimate{r.Recall, r.Precision, r.NDCG, r.Coverage} {
			row = append(row, number(e.Mean), number(e.Low), number(e.High))
		}
		all = append(all, row)
	}
	return all
}
