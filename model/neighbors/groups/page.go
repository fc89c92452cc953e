package groups

import (
	"embed"
	"fmt"
	"html/template"
	"strconv"
	"sync"

	"beamlearn/model/report"
)

//go:embed radius.html radius.js
var assets embed.FS

// View is what a page shows beside the groups.
type View struct {
	Source string // of the rows, for the title
	Metric string
	Facts  []report.Fact // more of them
	// Texts are those of ids, or nil.
	Texts func(id string) string
}

// IDs are those that the page shows.
func (o *Overview) IDs() map[string]bool {
	ids := map[string]bool{}
	for _, e := range o.Largest {
		ids[e.Kept] = true
		for _, id := range e.Others {
			ids[id] = true
		}
	}
	return ids
}

// Page is a page about groups: how many there are, also within lesser radii, and the largest of them. It stays below
// 100 KB unless texts are long.
func (o *Overview) Page(s Summary, v *View) (*report.Page, error) {
	rows := s.Groups - s.Several + s.Rows
	p := &report.Page{
		Title: "Groups of " + v.Source,
		Lead:  "Rows that are nearly equal, and what would be left with one of each kind.",
		Facts: []report.Fact{
			{Name: "rows", Value: strconv.FormatInt(rows, 10)},
			{Name: "rows that stay", Value: strconv.FormatInt(s.Groups, 10)},
			{Name: "rows that do not", Value: fmt.Sprintf("%d (%s)", rows-s.Groups,
				report.Percent(float64(rows-s.Groups)/float64(max(rows, 1))))},
			{Name: "groups of several rows", Value: strconv.FormatInt(s.Several, 10)},
			{Name: "rows of the largest", Value: strconv.FormatInt(s.Largest, 10)},
			{Name: "radius", Value: strconv.FormatFloat(o.Radius, 'g', -1, 64)},
		},
	}
	p.Facts = append(p.Facts, v.Facts...)
	within, chains := "", "try a lesser radius, or a greatest diameter (--max_diameter)."
	if o.Diameter != nil {
		p.Facts = append(p.Facts, report.Fact{Name: "diameter", Value: strconv.FormatFloat(*o.Diameter, 'g', -1, 64)},
			report.Fact{Name: "groups cut at it", Value: strconv.FormatInt(s.Cut, 10)})
		within = " What is said of a radius here is without the diameter, which then cuts groups."
		chains = "here at most as far as the diameter."
	}
	move, err := report.ReadWidget(assets, "radius",
		map[string]any{"radius": o.Radius, "metric": v.Metric, "pairs": o.Pairs,
			"levels": o.Levels, "rows": rows})
	if err != nil {
		return nil, err
	}
	p.Sections = []report.Section{{
		ID: "radius", Title: "How near is nearly equal",
		Lead: "How many pairs of rows are how far apart. A valley between two hills is a good radius; a hill that is cut " +
			"off at the " +
			"right says that the radius is amid rows that only resemble each other. Move the line, and see what groups a lesser " +
			"radius would make." + within,
		Blocks: []report.Block{move, o.levelTable()},
	}, {
		ID: "sizes", Title: "How large groups are",
		Lead: "A few groups that are very large may be chains, in which each row is near to the next, and the ends are " +
			"far apart: " + chains,
		Blocks: []report.Block{o.sizes()},
	}}
	if len(o.Largest) == 0 {
		return p, nil
	}
	largest, err := o.largest(v)
	p.Sections = append(p.Sections, report.Section{
		ID: "largest", Title: "The largest groups",
		Lead:   "With some of their rows, the one that stays first.",
		Blocks: []report.Block{largest},
	})
	return p, err
}

func (o *Overview) levelTable() report.Block {
	t := report.Table{Caption: "Groups by the radius",
		Columns: []string{"radius", "rows that stay", "rows of the largest group"}, Folded: true}
	for i, l := range o.Levels {
		if i%5 == 0 {
			t.Rows = append(t.Rows, []string{report.Format(l.Radius), strconv.FormatInt(l.Groups, 10),
				strconv.FormatInt(l.Largest, 10)})
		}
	}
	return t
}

func (o *Overview) sizes() report.Block {
	t := report.Table{Caption: "Groups by their sizes", Columns: []string{"rows", "groups"}}
	for i, n := range o.Sizes {
		t.Rows = append(t.Rows, []string{SizeNames[i], strconv.FormatInt(n, 10)})
	}
	return t
}

var largestTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("largest").Parse(
		`<div class="duplicates">{{range .}}<article><h3>{{.Size}} rows</h3><ul><li><strong>{{.Kept}}</strong></li>` +
			`{{range .Others}}<li>{{.}}</li>{{end}}</ul>` +
			`{{if .More}}<p class="note">and {{.More}} more</p>{{end}}</article>{{end}}</div>`))
})

func (o *Overview) largest(v *View) (report.Block, error) {
	type group struct {
		Example
		More int64
	}
	name := func(id string) string {
		if v.Texts != nil && v.Texts(id) != "" {
			return id + ": " + v.Texts(id)
		}
		return id
	}
	var all []group
	for _, e := range o.Largest {
		g := group{Example{Size: e.Size, Kept: name(e.Kept)}, e.Size - 1 - int64(len(e.Others))}
		for _, id := range e.Others {
			g.Others = append(g.Others, name(id))
		}
		all = append(all, g)
	}
	h, err := report.Markup(largestTemplate(), all)
	return report.Static(h), err
}
