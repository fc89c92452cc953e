package profile

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/report"
)

// What a page shows at most.
const (
	pageColumns  = 2000 // in the table
	pagePictures = 60   // columns with a picture
	pageNames    = 6    // columns of the first rows
)

// Command is what may be done next: in words, and as a line for a shell.
type Command struct{ What, Line string }

// pageColumn is a column, of numbers or of a table.
type pageColumn struct {
	*Look
	name, kind, missing, span, why string
	dates                          bool
	beyond                         bool // a few values are outside of the histogram
}

// Page is a page of what the columns of a table hold. Next are commands that fit it.
func (t *Table) Page(next []Command) *report.Page {
	v := pageOf(t.Files, t.All, t.Looked, len(t.Columns))
	v.facts = append(v.facts, report.Fact{Name: "features for a learner", Value: strconv.Itoa(t.Features)})
	v.told(t.Notes, t.LeftOut, t.Faulty, t.FirstFault)
	v.repeats("rows", &t.Duplicates)
	if t.IDs != nil {
		v.repeats("ids", t.IDs)
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		p := pageColumn{Look: &c.Look, name: c.Name, kind: string(c.Kind), missing: percent(c.Missing, t.Rows), why: c.Why,
			dates: c.Kind == features.Date}
		p.beyond = c.Min != nil && c.Histogram != nil && (*c.Min < c.Histogram.Low || *c.Max > c.Histogram.High)
		switch h := c.Histogram; {
		case c.Min != nil:
			p.span = report.Format(*c.Min) + " to " + report.Format(*c.Max)
		case h != nil && p.dates:
			p.span = day(h.Low) + " to " + day(h.High)
		}
		v.columns = append(v.columns, p)
	}
	for _, r := range t.Head {
		v.head = append(v.head, append([]string{r.ID}, r.Cells...))
	}
	v.rows = t.Rows
	return v.page(next)
}

// Page is a page of what the columns of vectors hold. Next are commands that fit them.
func (p *Profile) Page(next []Command) *report.Page {
	v := pageOf(p.Files, p.Rows, p.Looked, p.Columns)
	v.told(p.Notes, p.LeftOut, p.Faulty, p.FirstFault)
	v.repeats("rows", &p.Duplicates)
	if p.IDs != nil {
		v.repeats("ids", p.IDs)
	}
	if p.Looked > p.Faulty {
		norms := report.Format(p.Norms.Min) + " to " + report.Format(p.Norms.Max)
		v.facts = append(v.facts, report.Fact{Name: "zeros", Value: report.Percent(p.Zeros)},
			report.Fact{Name: "norms", Value: norms})
	}
	if p.Sparse != nil {
		return p.sparsePage(v, next)
	}
	for j := range p.Spread {
		c := &p.Spread[j]
		name := c.Name
		if name == "" {
			name = strconv.Itoa(j)
		}
		v.columns = append(v.columns, pageColumn{
			Look: &c.Look, name: name, kind: string(features.Numeric), missing: "0 %", span: report.Format(c.Min) + " to " +
				report.Format(c.Max),
			beyond: c.Histogram != nil && (c.Min < c.Histogram.Low || c.Max > c.Histogram.High),
			why:    fmt.Sprintf("mean %s, standard deviation %s", report.Format(c.Mean), report.Format(c.Std)),
		})
	}
	for _, r := range p.Head {
		row := []string{r.ID}
		for _, x := range r.Values {
			row = append(row, report.Format(x))
		}
		v.head = append(v.head, row)
	}
	v.rows = p.Looked - p.Faulty
	return v.page(next)
}

// pageView is what a page is made of.
type pageView struct {
	source   string
	facts    []report.Fact
	warnings [][]string
	rows     int64 // that were looked at
	columns  []pageColumn
	head     [][]string
	// Of sparse rows: columns are some of so many, and the first rows have the cells of these columns.
	of          int
	headColumns []string
}

func pageOf(files []File, rows, looked int64, columns int) *pageView {
	name := files[0].Name
	v := &pageView{source: name[strings.LastIndexByte(name, '/')+1:]}
	if len(files) > 1 {
		v.source += fmt.Sprintf(" and %d more files", len(files)-1)
	}
	var bytes int64
	for _, f := range files {
		bytes += f.Bytes
	}
	v.facts = []report.Fact{
		{Name: "rows", Value: strconv.FormatInt(rows, 10)}, {Name: "columns", Value: strconv.Itoa(columns)},
		{Name: "bytes", Value: strconv.FormatInt(bytes, 10)}, {Name: "format", Value: files[0].Format},
	}
	if looked < rows {
		v.facts = append(v.facts, report.Fact{Name: "looked at", Value: fmt.Sprintf("the first %d rows", looked)})
	}
	return v
}

// told adds what was noticed of the files.
func (v *pageView) told(notes []string, left []formats.Column, faulty int64, first string) {
	for _, n := range notes {
		v.warnings = append(v.warnings, []string{"the files", n})
	}
	if line := formats.LeftOut(left); line != "" {
		v.warnings = append(v.warnings, []string{"the files", line})
	}
	if faulty > 0 {
		v.warnings = append(v.warnings, []string{"the rows", fmt.Sprintf("%d at fault; the first: %s", faulty, first)})
	}
}

func (v *pageView) repeats(what string, r *Repeats) {
	about := ""
	if r.SampledOneIn > 1 {
		about = "about "
	}
	v.facts = append(v.facts, report.Fact{Name: what + " that equal an earlier one", Value: about +
		strconv.FormatInt(r.Repeated, 10)})
}

func (v *pageView) page(next []Command) *report.Page {
	for _, c := range v.columns {
		for _, w := range c.Warnings {
			v.warnings = append(v.warnings, []string{c.name, w})
		}
	}
	page := &report.Page{
		Title: "The columns of " + v.source,
		Lead:  "What each column holds, how its values are spread, and what to look at before anything is learned from it.",
		Facts: v.facts,
	}
	if len(v.warnings) > 0 {
		page.Sections = append(page.Sections, report.Section{
			ID: "warnings", Title: "What to look at",
			Blocks: []report.Block{report.Table{Caption: "Warnings", Columns: []string{"where", "what"}, Rows: v.warnings}},
		})
	}
	page.Sections = append(page.Sections,
		report.Section{ID: "columns", Title: "The columns", Blocks: []report.Block{v.table()}})
	if pictures := v.pictures(); len(pictures) > 0 {
		lead := "The most frequent values of categories, and histograms of numbers and dates"
		if of := v.sampled(); of < v.rows {
			lead += fmt.Sprintf(", of a sample of %d rows", of)
		}
		if lead += "."; len(v.columns) > pagePictures {
			lead += fmt.Sprintf(" Those of the first %d columns.", pagePictures)
		}
		page.Sections = append(page.Sections, report.Section{ID: "spread", Title: "How values are spread", Lead: lead,
			Blocks: []report.Block{pictures}})
	}
	if len(v.head) > 0 {
		t := report.Table{Caption: "The first rows", Columns: []string{"row"}}
		t.Columns = append(t.Columns, v.headColumns...)
		for _, c := range v.columns[:min(len(v.columns), pageNames*pageNames)] {
			if v.headColumns == nil {
				t.Columns = append(t.Columns, c.name)
			}
		}
		for _, r := range v.head {
			t.Rows = append(t.Rows, r[:min(len(r), len(t.Columns))])
		}
		page.Sections = append(page.Sections, report.Section{ID: "rows", Title: "The first rows", Blocks: []report.Block{t}})
	}
	if len(next) > 0 {
		var blocks []report.Block
		for _, c := range next {
			blocks = append(blocks, report.Text(c.What), report.Static(command(c.Line)))
		}
		page.Sections = append(page.Sections,
			report.Section{ID: "next", Title: "What to do next", Lead: "Commands that fit these columns, ready to copy.",
				Blocks: blocks})
	}
	return page
}

// command is a command line to copy, whose lines end between flags, or where need be within the value of one: a browser
// would also end them after hyphens.
func command(line string) string {
	flags := strings.Split(line, " --")
	var b strings.Builder
	b.WriteString(`<pre class="scroll" tabindex="0">` + template.HTMLEscapeString(flags[0]))
	for _, f := range flags[1:] {
		name, value, given := strings.Cut(f, "=")
		if given {
			name += "="
		}
		b.WriteString(` <span class="word"><span class="flag">--` + template.HTMLEscapeString(name) + `</span>` +
			template.HTMLEscapeString(value) + `</span>`)
	}
	b.WriteString(`</pre>`)
	return b.String()
}

// sampled is how many rows the histograms are of.
func (v *pageView) sampled() int64 {
	of := int64(math.MaxInt64)
	for _, c := range v.columns {
		if c.Histogram != nil && c.missing == "0 %" {
			of = min(of, c.Histogram.Of)
		}
	}
	return of
}

// table is all columns in words.
func (v *pageView) table() report.Table {
	caption := "All columns"
	if v.of > len(v.columns) {
		caption = "The columns that most rows have"
	}
	t := report.Table{Caption: caption, Columns: []string{"column", "kind", "missing", "different values", "range",
		"most frequent", "more"}}
	for _, c := range v.columns[:min(len(v.columns), pageColumns)] {
		distinct := ""
		if c.Distinct > 0 {
			distinct = strconv.FormatInt(c.Distinct, 10)
		}
		if c.Estimated {
			distinct = "about " + distinct
		}
		var frequent []string
		for _, f := range c.Frequent[:min(len(c.Frequent), 3)] {
			share := strings.ReplaceAll(percent(f.Rows, v.rows), " ", "\u00a0") // on one line
			frequent = append(frequent, fmt.Sprintf("%s\u00a0(%s)", f.Value, share))
		}
		t.Rows = append(t.Rows, []string{c.name, c.kind, c.missing, distinct, c.span, strings.Join(frequent, ", "), c.why})
	}
	t.Left = max(len(v.columns), v.of) - len(t.Rows)
	return t
}

// pictures are a picture for each column that has one.
func (v *pageView) pictures() report.Columns {
	var all report.Columns
	for _, c := range v.columns[:min(len(v.columns), pagePictures)] {
		switch {
		case c.Histogram != nil && len(c.Histogram.Counts) > 1:
			all = append(all, c.chart())
		case c.Histogram == nil && len(c.Frequent) > 1:
			r := report.Ranking{Title: c.name, Description: "The most frequent values.", Label: "rows, %"}
			for _, f := range c.Frequent {
				r.Names, r.Values = append(r.Names, f.Value), append(r.Values, math.Round(1000*float64(f.Rows)/float64(v.rows))/10)
			}
			all = append(all, r)
		}
	}
	return all
}

// names are those of the bins of a histogram that has one for each of some whole numbers, or for each truth value.
func (c *pageColumn) names() (names []string) {
	h := c.Histogram
	if c.dates || h.High-h.Low != float64(len(h.Counts)) || h.Low != math.Floor(h.Low)+0.5 {
		return nil
	}
	for i := range h.Counts {
		name := strconv.FormatFloat(h.Low+0.5+float64(i), 'f', -1, 64)
		if c.kind == string(features.Boolean) {
			name = map[string]string{"0": "False", "1": "True"}[name]
		}
		names = append(names, name)
	}
	return names
}

// chart is the histogram of a column.
func (c *pageColumn) chart() report.Chart {
	h := c.Histogram
	low, high, label := h.Low, h.High, c.name
	if c.dates {
		// As an axis of numbers: years, or days of less than two of them.
		const secondsOfDay, daysOfYear = 86400, 365.2425
		low, high, label = 1970+low/secondsOfDay/daysOfYear, 1970+high/secondsOfDay/daysOfYear, "year"
		if high-low < 2 {
			low, high, label = 0, (h.High-h.Low)/secondsOfDay, "days from "+day(h.Low)
		}
	}
	n := len(h.Counts)
	x, y := make([]float64, n), make([]float64, n)
	for i, count := range h.Counts {
		x[i], y[i] = low+(float64(i)+0.5)*(high-low)/float64(n), float64(count)
	}
	if c.beyond {
		label += "; the bars at the ends hold what is beyond"
	}
	most := slices.Index(h.Counts, slices.Max(h.Counts))
	peak, names := report.Format(x[most]), c.names()
	if names != nil {
		peak = names[most]
		for i := range x {
			x[i] = float64(i)
		}
	}
	return report.Chart{
		Title: c.name, Description: fmt.Sprintf("Most values are about %s.", peak),
		X: report.Axis{Label: label, Names: names}, Y: report.Axis{Label: "rows"},
		Series: []report.Series{{Name: "rows", Kind: report.Bars, X: x, Y: y}},
	}
}

// day is the date of seconds since 1970.
func day(seconds float64) string { return time.Unix(int64(seconds), 0).UTC().Format("2006-01-02") }

// percent is a part of all rows.
func percent(n, of int64) string {
	if n == 0 || of == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.3g %%", 100*float64(n)/float64(of))
}
