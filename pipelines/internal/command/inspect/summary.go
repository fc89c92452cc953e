package inspect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"

	"beamlearn/model/formats"
	"beamlearn/model/profile"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// indexSummary is what an index file holds.
type indexSummary struct {
	File      string   `json:"file"`
	Bytes     int64    `json:"bytes"`
	Points    int      `json:"points"`
	Dim       int      `json:"columns"`
	Metric    string   `json:"metric"`
	Algorithm string   `json:"algorithm"`
	Rejected  int64    `json:"rejected_rows"`
	Of        []string `json:"input_files,omitempty"`
}

func indexOf(name string, size int64, x *knn.Prebuilt) *indexSummary {
	s := &indexSummary{
		File: name, Bytes: size, Points: x.Points, Dim: x.Dim,
		Metric: string(x.Options.Metric), Algorithm: string(x.Options.Algorithm), Rejected: x.Note.Rejected,
	}
	for _, f := range x.Note.Files {
		s.Of = append(s.Of, f.Name)
	}
	return s
}

// page is text for people.
type page struct{ strings.Builder }

func (p *page) line(label, format string, args ...any) {
	fmt.Fprintf(&p.Builder, "  %-11s %s\n", label, fmt.Sprintf(format, args...))
}

// title begins what is told of files.
func (p *page) title(name, what string) {
	if p.Len() > 0 {
		p.WriteByte('\n')
	}
	fmt.Fprintf(&p.Builder, "%s: %s\n", oneLine(name), what)
}

// oneLine shows a text of the data: what would break the page, or the terminal, is quoted.
func oneLine(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		s = strconv.Quote(s)
	}
	const most = 40
	if r := []rune(s); len(r) > most && !strings.Contains(s, "/") {
		return string(r[:most]) + "…"
	}
	return s
}

// number shows a value with up to six digits.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func numbers(values []float64, most int) string {
	var s []string
	for _, v := range values[:min(len(values), most)] {
		s = append(s, number(v))
	}
	return strings.Join(s, " ") + more(len(values), most)
}

// names lists texts, most of them.
func names(all []string, most int) string {
	var s []string
	for _, v := range all[:min(len(all), most)] {
		s = append(s, oneLine(v))
	}
	return strings.Join(s, ", ") + more(len(all), most)
}

func more(n, most int) string {
	if n > most {
		return fmt.Sprintf(" … (%d in all)", n)
	}
	return ""
}

func (f *found) text(columns int) string {
	var p page
	if f.Dataset != nil {
		p.dataset(f.Dataset, columns)
		p.commands(f.commands())
	}
	if f.Table != nil {
		p.columns(f, columns)
	}
	for _, n := range f.Neighbors {
		p.neighbors(n)
	}
	for _, x := range f.Outputs {
		p.output(x, columns)
	}
	for _, x := range f.Scores {
		p.title(x.File, "scores of a cross-validation, as sgd writes them")
		p.line("size", "%s × %s", cli.Count(int64(x.Combinations), "combination"), cli.Count(int64(x.Folds), "fold"))
		p.line("best", "%s", x.Best)
	}
	for _, m := range f.Models {
		p.model(m)
	}
	for _, c := range f.PCAs {
		p.components(c, columns)
	}
	for _, x := range f.Targets {
		p.targets(x)
	}
	for _, x := range f.Clusters {
		p.clusters(x, columns)
	}
	for _, x := range f.Bayes {
		p.bayes(x, columns)
	}
	for _, x := range f.Encodings {
		p.encoding(x)
	}
	for _, x := range f.Indexes {
		p.title(x.File, "an index, "+files.Bytes(x.Bytes))
		p.line("size", "%s × %s", cli.Count(x.Points, "point"), cli.Count(x.Dim, "column"))
		p.line("search", "%s, %s", x.Metric, x.Algorithm)
		if len(x.Of) > 0 {
			p.line("of", "%s", names(x.Of, columns))
		}
		if x.Rejected > 0 {
			p.line("left out", "%s", cli.Count(x.Rejected, "faulty row"))
		}
	}
	return p.String()
}

// shownFiles bounds how many files are named.
const shownFiles = 4

func (p *page) dataset(d *profile.Profile, columns int) {
	p.files(d.Files, "")
	p.line("size", "%s × %s", cli.Count(d.Rows, "row"), cli.Count(d.Columns, "column"))
	p.read(d.Notes, d.LeftOut, d.Rows, d.Looked, d.Faulty, d.FirstFault)
	if d.Faulty == d.Looked {
		return
	}
	values := d.DType + " holds every value"
	if d.Integers {
		values += "; whole numbers"
	}
	if d.Zeros > 0 && d.Sparse == nil {
		values += fmt.Sprintf("; %.1f %% zeros", 100*d.Zeros)
	}
	p.line("values", "%s", values)
	if d.Sparse != nil {
		p.nonZeros(d.Sparse)
	}
	zero := "none is zero"
	if d.Norms.Zero > 0 {
		zero = fmt.Sprintf("%d are zero: they have no cosine", d.Norms.Zero)
	}
	if d.Norms.Zero > 0 && d.Sparse != nil {
		zero = cli.Agree(d.Norms.Zero, "row is empty: its", "rows are empty: their") + " cosine distance to others is 1"
	}
	p.line("norms", "min %s, median %s, max %s; %s", number(d.Norms.Min), number(d.Norms.Median), number(d.Norms.Max),
		zero)
	p.repeats("duplicates", "row", &d.Duplicates)
	if d.IDs != nil {
		p.repeats("ids", "id", d.IDs)
	}
	if d.Sparse != nil {
		p.sparse(d, columns)
		return
	}
	p.spread(d, columns)
	p.head(d, columns)
}

// files begins what is told of vectors or a table.
func (p *page) files(all []profile.File, what string) {
	var bytes int64
	for _, f := range all {
		bytes += f.Bytes
	}
	if len(all) == 1 {
		p.title(all[0].Name, fmt.Sprintf("%s, %s%s", all[0].Format, files.Bytes(bytes), what))
		return
	}
	p.title(fmt.Sprintf("%d files", len(all)), files.Bytes(bytes)+what)
	for _, f := range all[:min(len(all), shownFiles)] {
		p.line("", "%s: %s, %s, %s", oneLine(f.Name), f.Format, cli.Count(f.Rows, "row"), files.Bytes(f.Bytes))
	}
	if len(all) > shownFiles {
		p.line("", "… and %d more", len(all)-shownFiles)
	}
}

// read tells how files were read, and which rows are at fault.
func (p *page) read(notes []string, left []formats.Column, rows, looked, faulty int64, first string) {
	for _, note := range notes {
		p.line("taken for", "%s", note)
	}
	if line := formats.LeftOut(left); line != "" {
		p.line("left out", "%s", strings.TrimPrefix(line, "left out: "))
	}
	if looked < rows {
		p.line("looked at", "the first %d rows", looked)
	}
	if faulty > 0 {
		p.line("faulty", "%s; the first: %s", cli.Count(faulty, "row"), first)
	} else {
		p.line("faulty", "none")
	}
}

func (p *page) repeats(label, what string, r *profile.Repeats) {
	if r.SampledOneIn == 1 && r.Repeated == 0 {
		p.line(label, "none: all %ss are different", what)
		return
	}
	about := ""
	if r.SampledOneIn > 1 {
		about = "about "
	}
	text := fmt.Sprintf("%s%s the same as an earlier one (%s%d different)", about, cli.Count(r.Repeated, what), about,
		r.Distinct)
	if r.Largest > 1 {
		text += fmt.Sprintf("; the commonest, of row %d, is there %s", r.LargestRow, cli.Count(r.Largest, "time"))
	}
	if r.SampledOneIn > 1 {
		text += fmt.Sprintf("; by a sample of one in %d of the different ones", r.SampledOneIn)
	}
	p.line(label, "%s", text)
}

// farAway is the offset from which on float32 libraries that expand ‖a−b‖² lose half of their seven digits.
const farAway = 50

func (p *page) spread(d *profile.Profile, columns int) {
	var constant []string
	for j := range d.Spread {
		if d.Spread[j].Constant() {
			constant = append(constant, columnName(d, j))
		}
	}
	if len(constant) > 0 {
		p.line("constant", "%s: %s", cli.Count(int64(len(constant)), "column"), names(constant, columns))
	}
	p.offset(d.Offset)
	for j := range d.Spread {
		if c := &d.Spread[j]; !c.Constant() {
			p.warnings(columnName(d, j), c.Warnings)
		}
	}
	p.table(func(row func(cells ...string)) {
		row("column", "min", "mean", "std", "max", "")
		for j, c := range d.Spread[:min(len(d.Spread), columns)] {
			row(columnName(d, j), number(c.Min), number(c.Mean), number(c.Std), number(c.Max), c.Histogram.Blocks())
		}
		if more := len(d.Spread) - columns; more > 0 {
			row(fmt.Sprintf("… %d more", more))
		}
	})
}

// offset warns of rows that are far from the origin.
func (p *page) offset(offset float64) {
	if offset >= farAway {
		p.line("far away", "the mean is %s times as far from the origin as the rows are from it: subtract it before you "+
			"use float32 libraries, whose distances lose about %.0f of 7 digits",
			number(offset), math.Min(7, 2*math.Log10(offset)))
	}
}

// warnings tells what a user may stumble on in a column.
func (p *page) warnings(name string, all []string) {
	for _, w := range all {
		p.line("look at", "%s: %s", name, w)
	}
}

func columnName(d *profile.Profile, j int) string {
	if name := d.Spread[j].Name; name != "" {
		return oneLine(name)
	}
	return strconv.Itoa(j)
}

func (p *page) head(d *profile.Profile, columns int) {
	if len(d.Head) == 0 {
		return
	}
	p.table(func(row func(cells ...string)) {
		row("row", "values")
		for _, r := range d.Head {
			row(oneLine(r.ID), numbers(r.Values, columns))
		}
	})
}

// table writes rows with their cells below each other.
func (p *page) table(fill func(row func(cells ...string))) {
	w := tabwriter.NewWriter(&p.Builder, 0, 0, 2, ' ', 0)
	fill(func(cells ...string) {
		fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t")) // a Builder does not fail
	})
	w.Flush()
}

func (p *page) neighbors(n *profile.Neighbors) {
	var all []string
	var bytes int64
	for _, f := range n.Files {
		all, bytes = append(all, f.Name), bytes+f.Bytes
	}
	p.title(strings.Join(all, ", "), "neighbours, "+files.Bytes(bytes))
	k := fmt.Sprint(n.MinK)
	if n.MaxK != n.MinK {
		k = fmt.Sprintf("%d to %d", n.MinK, n.MaxK)
	}
	p.line("size", "%s, %s: %s each", cli.Count(n.Queries, "query"), cli.Count(n.Neighbors, "neighbour"), k)
	if n.Neighbors == 0 {
		return
	}
	p.line("distances", "%s to %s; the last of a query is %s on average", number(n.MinDistance), number(n.MaxDistance),
		number(n.MeanLast))
	if n.NotFinite > 0 {
		p.line("not finite", "%s", cli.Count(n.NotFinite, "distance"))
	}
	var hubs []string
	for _, h := range n.Hubs {
		hubs = append(hubs, fmt.Sprintf("%s (%s)", oneLine(h.ID), cli.Count(h.Times, "time")))
	}
	of := ""
	if n.HubsOf < n.Neighbors {
		of = fmt.Sprintf(", counted over %d of the neighbours", n.HubsOf)
	}
	p.line("points", "%s%s", cli.Count(n.Points, "different one"), of)
	p.line("hubs", "%s", strings.Join(hubs, ", "))
}
