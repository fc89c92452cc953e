package overview

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/evaluate"
	"beamlearn/model/neighbors/outliers"
	"beamlearn/model/report"
)

//go:embed browse.html browse.js map.html map.js
var assets embed.FS

// View is what a page shows beside the neighbours.
type View struct {
	Source string // of the points, for the title
	// Facts stand at the top, after the number of queries.
	Facts []report.Fact
	// Metric names the distance.
	Metric string
	// K is the number of neighbours of each query, 0 for those within a radius.
	K int
	// Zero says that a distance of 0 means equal points.
	Zero bool
	// Texts are those of ids, or nil; tabs stand between fields of one.
	Texts func(id string) string
	Hubs  *Hubs // or nil
	// Width and Height are those of the picture that the columns are, row by row, or 0.
	Width, Height int
	// Phases are the parts of the job's time, which workers spend side by side; Overall is how long it took.
	Phases  []Phase
	Overall time.Duration
	// Answers are the predictions for points by the others, or nil.
	Answers *Answers
	// Outliers are the rows farthest out, or nil.
	Outliers *outliers.Summary
	// Recall is that of another system's neighbours, or nil.
	Recall *evaluate.Recall
}

// Phase is a part of a job.
type Phase struct {
	Name    string
	Seconds float64
}

// Page is a page to look at. It holds a sample of the queries, whatever their number, and stays below 1 MB unless ids
// and texts are long.
func (o *Overview) Page(v *View) (*report.Page, error) {
	p := &report.Page{
		Title: "Neighbours in " + v.Source,
		Lead:  "How near the neighbours are, which queries have none near them, and which points are near to many.",
		Facts: append([]report.Fact{{Name: "queries", Value: strconv.FormatInt(o.Queries, 10)}}, v.Facts...),
	}
	if v.Zero {
		p.Facts = append(p.Facts, report.Fact{Name: "queries with a neighbour at distance 0", Value: o.share(o.Equal)})
	}
	if o.Empty > 0 {
		p.Facts = append(p.Facts, report.Fact{Name: "queries without a neighbour", Value: o.share(o.Empty)})
	}
	atlas := o.atlas()
	browse, err := o.browse(v, atlas)
	if err != nil {
		return nil, err
	}
	places, mapped, err := o.mapSection(v, atlas)
	if err != nil {
		return nil, err
	}
	p.Sections = []report.Section{
		{
			ID: "queries", Title: "Queries and their neighbours",
			Lead:   o.sampleLead(),
			Blocks: []report.Block{browse, o.sampleTable(v)},
		}, {
			ID: "distances", Title: "How near they are",
			Lead: "Each query's distance to its first and its last neighbour. A second hill at the right is rows unlike " +
				"the others; one at 0 is duplicates.",
			Blocks: o.distances(v),
		},
	}
	if len(o.Far) > 0 {
		p.Sections = append(p.Sections, report.Section{
			ID: "far", Title: "Far from everything",
			Lead:   "The queries whose last neighbour is farthest: outliers, or rows in another unit.",
			Blocks: []report.Block{o.farTable(v)},
		})
	}
	if mapped {
		p.Sections = slices.Insert(p.Sections, 1, places)
	} else if len(o.Sample) > 0 {
		s := &p.Sections[0]
		s.Blocks = append(s.Blocks, report.Text(
			"There is no map: it takes three points or more, all of them in one worker, without missing values and of no "+
				"more than some thousand columns."))
	}
	if v.Hubs != nil {
		p.Sections = append(p.Sections, report.Section{
			ID: "hubs", Title: "Near to many",
			Lead:   hubsLead(v.Metric),
			Blocks: v.Hubs.blocks(v),
		})
	}
	if v.Answers != nil {
		answers, err := v.Answers.sections(v)
		if err != nil {
			return nil, err
		}
		p.Facts = append(p.Facts, v.Answers.facts()...)
		p.Sections = append(answers, p.Sections...)
	}
	if v.Outliers != nil && len(v.Outliers.Top) > 0 {
		p.Sections = append([]report.Section{v.outliers()}, p.Sections...)
	}
	if v.Recall != nil && v.Recall.Queries() > 0 {
		p.Sections = append([]report.Section{v.recall()}, p.Sections...)
	}
	if len(v.Phases) > 0 {
		p.Sections = append(p.Sections, v.time())
	}
	return p, nil
}

// sampleLead says which queries can be looked up.
func (o *Overview) sampleLead() string {
	if int64(len(o.Sample)) == o.Queries {
		return "Look for a query by its name, or go from neighbour to neighbour."
	}
	return fmt.Sprintf("Of %d queries, %d that were drawn by chance. Look for one of these by its name, or go on to a "+
		"neighbour that is one of them; the names in grey are not.", o.Queries, len(o.Sample))
}

// hubsLead says what hubs are, and what helps against them.
func hubsLead(metric string) string {
	lead := "How often a point is a neighbour. In many dimensions a few points, the hubs, are neighbours of very many, " +
		"and many of none: a reason to try "
	if metric != string(neighbors.Cosine) {
		lead += "the cosine, or "
	}
	return lead + "fewer components (eigen)."
}

// time is where the time went.
func (v *View) time() report.Section {
	t := report.Table{Caption: "Time by phase", Columns: []string{"phase", "seconds"}}
	for _, f := range v.Phases {
		t.Rows = append(t.Rows, []string{f.Name, report.Format(f.Seconds)})
	}
	return report.Section{
		ID: "time", Title: "Where the time went",
		Lead: fmt.Sprintf("The job took %s s; the phases are added up over the workers, and overlap.",
			report.Format(v.Overall.Seconds())),
		Blocks: []report.Block{t},
	}
}

// IDs are those that the page shows.
func (o *Overview) IDs(h *Hubs, answers *Answers) map[string]bool {
	ids := map[string]bool{}
	for _, answers := range [][]Answer{o.Sample, o.Far} {
		for _, a := range answers {
			ids[a.ID] = true
			for _, n := range a.Neighbors {
				ids[n] = true
			}
		}
	}
	if answers != nil {
		answers.ids(ids)
	}
	if h != nil {
		for _, hub := range h.Top {
			ids[hub.ID] = true
		}
	}
	return ids
}

func (o *Overview) share(n int64) string {
	return fmt.Sprintf("%d (%s)", n, report.Percent(float64(n)/float64(max(o.Queries, 1))))
}

// name is an id, with its text where there is one.
func (v *View) name(id string) string {
	if v.Texts != nil {
		if t := v.Texts(id); t != "" {
			return id + ": " + strings.ReplaceAll(t, "\t", " ")
		}
	}
	return id
}

// distances are two histograms of the sample.
func (o *Overview) distances(v *View) []report.Block {
	var first, last []float64
	for _, a := range o.Sample {
		if len(a.Distances) > 0 {
			first, last = append(first, a.Distances[0]), append(last, a.Last)
		}
	}
	if len(last) == 0 {
		return []report.Block{report.Text("No sampled query has a neighbour.")}
	}
	slices.Sort(first)
	slices.Sort(last)
	name := "last neighbour"
	if v.K > 0 {
		name = fmt.Sprintf("neighbour %d", v.K)
	}
	lo, hi := report.Fences(last)
	lo = min(lo, first[0]) // of both, to be compared
	histogram := func(title string, values []float64) report.Chart {
		x, y := report.Bins(values, lo, hi)
		return report.Chart{
			Title: title, Description: fmt.Sprintf("Half of them are below %s.", report.Format(report.Quantile(values, 0.5))),
			X: report.Axis{Label: v.Metric + " distance", Lo: lo, Hi: hi}, Y: report.Axis{Label: "sampled queries"},
			Series: []report.Series{{Name: "queries", Kind: report.Bars, X: x, Y: y}},
		}
	}
	caption := "Quantiles of the distances"
	if int64(len(o.Sample)) < o.Queries {
		caption += fmt.Sprintf(", of the %d sampled queries", len(o.Sample))
	}
	t := report.Table{Caption: caption, Columns: []string{"share of the queries", "neighbour 1", name}}
	for _, q := range []float64{0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1} {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%g %%", 100*q), report.Format(report.Quantile(first, q)),
			report.Format(report.Quantile(last, q))})
	}
	charts := report.Columns{histogram("Distance to neighbour 1", first)}
	if v.K != 1 {
		charts = append(charts, histogram("Distance to "+name, last))
	}
	if beyond := report.Beyond(last, lo, hi); beyond != "" {
		return []report.Block{charts, report.Text("Of the distances to " + name + ": " + beyond), t}
	}
	return []report.Block{charts, t}
}

// tableRows is how many rows a table of the page has.
const tableRows = 100

func (o *Overview) sampleTable(v *View) report.Block {
	t := report.Table{Caption: "The sample as a table", Columns: []string{"query", "nearest", "distance", "last distance"},
		Folded: true}
	for i, a := range o.Sample {
		if i == tableRows {
			t.Left = len(o.Sample) - i
			break
		}
		t.Rows = append(t.Rows, v.row(a))
	}
	return t
}

func (v *View) row(a Answer) []string {
	if len(a.Neighbors) == 0 {
		return []string{v.name(a.ID), "none", "", ""}
	}
	return []string{v.name(a.ID), v.name(a.Neighbors[0]), report.Format(a.Distances[0]), report.Format(a.Last)}
}

func (o *Overview) farTable(v *View) report.Block {
	t := report.Table{Caption: "Of all queries", Columns: []string{"query", "nearest", "distance", "last distance"}}
	for _, a := range o.Far {
		t.Rows = append(t.Rows, v.row(a))
	}
	return t
}

// blocks are how often points are neighbours.
func (h *Hubs) blocks(v *View) []report.Block {
	var x, y []float64
	points := int64(0)
	for c, n := range h.Counts {
		points += n
		if n > 0 && c > 0 {
			x, y = append(x, float64(c)), append(y, float64(n))
		}
	}
	none := int64(0)
	if len(h.Counts) > 0 {
		none = h.Counts[0]
	}
	share := report.Percent(float64(none) / float64(max(points, 1)))
	text := report.Text(fmt.Sprintf("%d of %d points (%s) are no query's neighbour.", none, points, share))
	caption := "The most frequent neighbours"
	if h.Sampled > 0 {
		text = report.Text(fmt.Sprintf(
			"About %s of the points are no query's neighbour. This is of a sample of %d of the others, as no worker counts all.",
			share, h.Sampled))
		caption += ", of the sample"
	}
	t := report.Table{Caption: caption, Columns: []string{"point", "queries"}}
	for _, hub := range h.Top {
		if hub.Count == 0 {
			break
		}
		t.Rows = append(t.Rows, []string{v.name(hub.ID), strconv.FormatInt(hub.Count, 10)})
	}
	switch len(x) {
	case 0:
		return []report.Block{text}
	case 1:
		return []report.Block{text, t}
	}
	chart := report.Chart{
		Title: "How often points are neighbours", Description: "A straight fall to the right is a long tail: hubs.",
		X:      report.Axis{Label: "neighbour of so many queries", Log: true},
		Y:      report.Axis{Label: "points", Log: true},
		Series: []report.Series{{Name: "points", Kind: report.Points, X: x, Y: y}},
	}
	return []report.Block{text, report.Columns{chart, t}}
}

// browseData is what the script gets: ids and texts once, the answers by their places.
type browseData struct {
	Metric  string   `json:"metric"`
	IDs     []string `json:"ids"`
	Texts   []string `json:"texts,omitempty"`
	Answers [][]any  `json:"answers"` // place of the query, places of its neighbours, distances
	// Of pictures: their size, and of some ids a byte a pixel, in base64.
	Image    []int             `json:"image,omitempty"`
	Pictures map[string]string `json:"pictures,omitempty"`
}

func (o *Overview) browse(v *View, t *atlas) (report.Widget, error) {
	d := &browseData{Metric: v.Metric, Answers: [][]any{}}
	if v.Width > 0 && len(t.rows) > 0 && len(t.rows[0]) == v.Width*v.Height {
		d.Image, d.Pictures = []int{v.Width, v.Height}, t.pictures()
	}
	places := map[string]int{}
	place := func(id string) int {
		p, ok := places[id]
		if !ok {
			p = len(d.IDs)
			places[id] = p
			d.IDs = append(d.IDs, id)
			if v.Texts != nil {
				d.Texts = append(d.Texts, v.Texts(id))
			}
		}
		return p
	}
	for _, a := range o.Sample {
		near := make([]int, len(a.Neighbors))
		own := place(a.ID)
		for i, n := range a.Neighbors {
			near[i] = place(n)
		}
		d.Answers = append(d.Answers, []any{own, near, report.Numbers(a.Distances)})
	}
	return report.ReadWidget(assets, "browse", d)
}
