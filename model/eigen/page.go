package eigen

import (
	"cmp"
	"embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/report"
)

//go:embed explorer.html explorer.js scatter.html scatter.js meaning.html meaning.js shared.js
var assets embed.FS

// Point is a projected row, of the sample that a page shows.
type Point struct {
	Number int64     `json:"n"` // of the row, which orders the sample
	ID     string    `json:"id"`
	Label  string    `json:"label,omitempty"` // of the column that colours it
	Values []float64 `json:"x"`               // of the first components, not whitened
}

// Rank orders rows as if by chance, by their numbers: those of the least are a sample.
func Rank(number int64) uint64 { return splitmix.Mix(uint64(number)) }

// SampleRank is the rank up to which rows are drawn of so many in all: with all but no chance they are as many as the
// sample has, and few more.
func SampleRank(sample int, total int64) uint64 {
	share := (float64(sample)*1.1 + 100) / float64(max(total, 1))
	if share >= 1 {
		return 1<<64 - 1
	}
	return uint64(share * (1 << 63) * 2)
}

// View is what a page shows beside the components.
type View struct {
	Source string  // of the rows, for the title
	Rows   int64   // in all
	Sample []Point // some of them
	Color  string  // the name of the column of the points' labels, or empty
	// Width and Height are those of the picture that the columns are, row by row, or 0.
	Width, Height int
}

// SampleRows is how many rows a page can show, and SampleComponents how many components of each: some 700 KB.
const (
	SampleRows       = 4000
	SampleComponents = 20
)

// What a page holds at most: numbers of the loadings of its components, features by name, rows of a table, components
// of a scree plot, and groups with a colour of their own.
const (
	pageLoadings = 200_000
	tableRows    = 300
	screeRows    = 50
	maxGroups    = 30
)

// Page is a page to look at: an explorer of 2×2 matrices, and the components. It holds a sample of the rows, whatever
// their number, and stays under 5 MB.
func (p *PCA) Page(v *View) (*report.Page, error) {
	explorer, err := report.ReadWidget(assets, "explorer", nil)
	if err != nil {
		return nil, err
	}
	page := &report.Page{
		Title: "Eigenvectors of " + v.Source,
		Lead:  "Which directions matter in these rows, how much, and what they mean.",
		Facts: []report.Fact{
			{Name: "rows", Value: strconv.FormatInt(v.Rows, 10)},
			{Name: "columns", Value: strconv.Itoa(p.Features())},
			{Name: "components", Value: strconv.Itoa(p.Len())},
			{Name: "their share of the variance", Value: report.Percent(p.share())},
			{Name: "columns standardised", Value: p.standardised()},
			{Name: "found by", Value: string(p.Options.Solver)},
		},
	}
	if s := p.Options.VarianceShare; s > 0 {
		page.Facts = append(page.Facts, report.Fact{Name: "asked for", Value: "as many as explain " + ShareText(s)})
	}
	if p.Rows != v.Rows {
		page.Facts = append(page.Facts, report.Fact{Name: "components are those of", Value: fmt.Sprintf("%d rows", p.Rows)})
	}
	for _, n := range []float64{0.9, 0.99} {
		if k := p.needed(n); k > 0 {
			page.Facts = append(page.Facts, report.Fact{Name: fmt.Sprintf("components for %.0f %%", 100*n),
				Value: strconv.Itoa(k)})
		}
	}
	data := p.data(v)
	scatter, err := report.ReadWidget(assets, "scatter", data)
	if err != nil {
		return nil, err
	}
	meaning, err := report.ReadWidget(assets, "meaning", data)
	if err != nil {
		return nil, err
	}
	shared, err := assets.ReadFile("shared.js")
	if err != nil {
		return nil, err
	}
	// The data stands in the page once: the second widget takes that of the first.
	scatter.Script = "window.Eigen = { data };\n" + string(shared) + scatter.Script
	meaning.Data, meaning.Script = nil, "data = Eigen.data;\n"+meaning.Script
	page.Sections = []report.Section{
		{
			ID: "rows", Title: "The rows along the components",
			Lead: "Each point is a row, seen along two components: the directions in which the rows differ most. Their " +
				"covariance is the matrix whose eigenvectors the components are.",
			Blocks: append(p.dominated(), scatter, p.projected(v)),
		}, {
			ID: "variance", Title: "How much each component explains",
			Lead:   "The eigenvalue of a component is the variance along it. Where the bars level off, the rest is often noise.",
			Blocks: p.scree(),
		}, {
			ID: "meaning", Title: "What a component means",
			Lead: "A component is a mixture of the features; its loadings say how much of each. Slide along it to see what " +
				"changes.",
			Blocks: []report.Block{meaning, p.loadings()},
		}, {
			ID: "explorer", Title: "What eigenvectors are",
			Lead: "A matrix takes each point of the plane to another. Drag its two columns, and see: most directions turn, " +
				"but along an eigenvector the plane only stretches, by its eigenvalue.",
			Blocks: []report.Block{explorer},
		},
	}
	return page, nil
}

// standardised says which columns have been brought to one variance.
func (p *PCA) standardised() string {
	switch {
	case p.Scale != nil:
		return "yes"
	case p.Encoding != nil && p.Encoding.Options().Standardize:
		return "numbers and dates"
	}
	return "no"
}

// dominated says so where one column, in its unit, has most of the variance, or up to three of many have: components
// then tell of those alone.
func (p *PCA) dominated() []report.Block {
	const most, few = 0.8, 3 // of the variance, and of the columns
	if p.standardised() != "no" || p.Features() < 2 {
		return nil
	}
	variance := make([]float64, p.Features())
	for i, c := range p.Components {
		for j, w := range c {
			variance[j] += float64(p.ExplainedVariance[i] * w * w)
		}
	}
	var names []string
	sum := 0.0
	for _, j := range report.Largest(variance, max(1, min(few, p.Features()/10))) {
		names, sum = append(names, p.Feature(j)), sum+variance[j]
		if !(sum > most*p.TotalVariance) {
			continue
		}
		who := "The column " + names[0] + " has"
		if n := len(names) - 1; n > 0 {
			who = "The columns " + strings.Join(names[:n], ", ") + " and " + names[n] + " have"
		}
		return []report.Block{report.Text(fmt.Sprintf("%s %s of the variance, as these numbers are the largest: the "+
			"components tell of little else. --standardize brings all columns to the same variance.", who,
			report.Percent(sum/p.TotalVariance)))}
	}
	return nil
}

// share is that of all components in the variance.
func (p *PCA) share() float64 {
	sum := 0.0
	for i := range p.Components {
		sum += p.Ratio(i)
	}
	return sum
}

// needed is how many components explain a share of the variance, 0 where all do not.
func (p *PCA) needed(share float64) int {
	sum := 0.0
	for i := range p.Components {
		if sum += p.Ratio(i); sum >= share {
			return i + 1
		}
	}
	return 0
}

// scree is how much each component explains, and those up to it.
func (p *PCA) scree() []report.Block {
	k := min(p.Len(), screeRows)
	var names []string
	places, ratios, sums, sum := make([]float64, k), make([]float64, k), make([]float64, k), 0.0
	table := report.Table{
		Caption: "Eigenvalues", Columns: []string{"component", "eigenvalue", "share of the variance", "cumulative"},
		Left: p.Len() - k, Folded: true,
	}
	for i := range k {
		sum += p.Ratio(i)
		names = append(names, Name(i))
		places[i], ratios[i], sums[i] = float64(i), 100*p.Ratio(i), 100*sum
		table.Rows = append(table.Rows, []string{Name(i), report.Format(p.ExplainedVariance[i]), report.Percent(p.Ratio(i)),
			report.Percent(sum)})
	}
	share := report.Chart{
		Title: "Share of the variance (scree plot)", Description: fmt.Sprintf("It falls from %s of the first component.",
			report.Percent(p.Ratio(0))),
		X: report.Axis{Label: "component", Names: names}, Y: report.Axis{Label: "share of the variance, %"},
		Series: []report.Series{{Name: "share, %", Kind: report.Bars, X: places, Y: ratios}},
	}
	total := report.Chart{
		Title: "Cumulative share", Description: fmt.Sprintf("It rises to %s with %d components.", report.Percent(sum), k),
		X:      report.Axis{Label: "components up to", Names: names},
		Y:      report.Axis{Label: "share of the variance, %", Lo: 0, Hi: 100},
		Series: []report.Series{{Name: "cumulative share, %", Kind: report.Line, X: places, Y: sums}},
	}
	return []report.Block{report.Columns{share, total}, table}
}

// projected is the sample as a table.
func (p *PCA) projected(v *View) report.Block {
	k := min(p.Len(), SampleComponents)
	t := report.Table{Caption: "The rows as a table", Columns: []string{"id"}, Left: max(len(v.Sample)-tableRows, 0),
		Folded: true}
	if v.Color != "" {
		t.Columns = append(t.Columns, v.Color)
	}
	for i := range k {
		t.Columns = append(t.Columns, Name(i))
	}
	for _, point := range v.Sample[:min(len(v.Sample), tableRows)] {
		row := []string{point.ID}
		if v.Color != "" {
			row = append(row, point.Label)
		}
		for _, x := range point.Values[:k] {
			row = append(row, report.Format(x))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// loadings is a table of the components of the features, the heaviest of the first component first.
func (p *PCA) loadings() report.Block {
	k := min(p.Len(), SampleComponents)
	order := p.heaviest(tableRows)
	if p.Features() <= tableRows {
		slices.Sort(order)
	}
	t := report.Table{Caption: "Loadings by feature", Columns: []string{"feature"}, Left: p.Features() - len(order),
		Folded: true}
	for i := range k {
		t.Columns = append(t.Columns, Name(i))
	}
	for _, j := range order {
		row := []string{p.Feature(j)}
		for _, v := range p.Components[:k] {
			row = append(row, report.Format(v[j]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// heaviest is the features, most of them, with the largest share in any of the components on the page.
func (p *PCA) heaviest(most int) []int {
	weight := make([]float64, p.Features())
	for j := range weight {
		for _, v := range p.Components[:min(p.Len(), SampleComponents)] {
			weight[j] = max(weight[j], math.Abs(v[j]))
		}
	}
	return report.Largest(weight, most)
}

// pageData is what the scripts get.
type pageData struct {
	Names  []string          `json:"names"` // of the components
	Ratio  []report.Number   `json:"ratio"`
	SD     []report.Number   `json:"sd"`   // along each
	Unit   string            `json:"unit"` // of the axes
	Total  int64             `json:"total"`
	IDs    []string          `json:"ids"`
	Points [][]report.Number `json:"points"` // components × rows
	// from where to where points are drawn, by component: those beyond stand at the edge
	Shown      [][2]report.Number `json:"shown"`
	Color      string             `json:"color"`
	Labels     []string           `json:"labels,omitempty"`
	Groups     []string           `json:"groups,omitempty"` // the labels that have a colour
	Group      []int              `json:"group,omitempty"`  // of each row
	Other      int                `json:"other"`            // the group of all other labels, or −1
	Range      []report.Number    `json:"range,omitempty"`  // of labels that are numbers
	Value      []report.Number    `json:"value,omitempty"`  // of each row, its place in the range, from 0 to 1
	Columns    int                `json:"columns"`          // in all
	Features   []string           `json:"features"`         // those on the page
	Mean       []report.Number    `json:"mean"`
	Spread     []report.Number    `json:"spread"` // standard deviation, as far as the components explain it
	Scale      []report.Number    `json:"scale,omitempty"`
	Components [][]report.Number  `json:"components"`
	Image      []int              `json:"image,omitempty"`
	Low        report.Number      `json:"low"` // of the picture's pixels
	High       report.Number      `json:"high"`
}

// data is what the scripts get.
func (p *PCA) data(v *View) *pageData {
	k := min(p.Len(), SampleComponents)
	image := v.Width > 0 && p.Features() <= pageLoadings
	most := pageLoadings / k
	if image {
		k = min(k, max(1, pageLoadings/p.Features()))
		most = p.Features()
	}
	d := &pageData{Total: v.Rows, Color: v.Color, Columns: p.Features(), Other: -1}
	if p.Scale != nil {
		d.Unit = " (standardised columns)"
	}
	for i := range k {
		d.Names = append(d.Names, Name(i))
		d.Ratio = append(d.Ratio, report.Number(p.Ratio(i)))
		d.SD = append(d.SD, report.Number(math.Sqrt(p.ExplainedVariance[i])))
		column, values := make([]report.Number, len(v.Sample)), make([]float64, len(v.Sample))
		for r, point := range v.Sample {
			column[r], values[r] = report.Number(point.Values[i]), point.Values[i]
		}
		d.Points = append(d.Points, column)
		var lo, hi float64
		if len(values) > 0 {
			slices.Sort(values)
			lo, hi = report.Fences(values)
		}
		d.Shown = append(d.Shown, [2]report.Number{report.Number(lo), report.Number(hi)})
	}
	for _, point := range v.Sample {
		d.IDs = append(d.IDs, point.ID)
	}
	d.color(v)

	features := p.heaviest(most)
	slices.Sort(features)
	pick := func(all []float64) []report.Number {
		some := make([]report.Number, len(features))
		for i, j := range features {
			some[i] = report.Number(all[j])
		}
		return some
	}
	spread := make([]float64, p.Features())
	low, high := math.Inf(1), math.Inf(-1)
	for j := range spread {
		for i, c := range p.Components {
			spread[j] += float64(p.ExplainedVariance[i] * c[j] * c[j])
		}
		spread[j] = math.Sqrt(spread[j])
		if p.Scale != nil {
			spread[j] *= p.Scale[j]
		}
		low, high = min(low, p.Mean[j]-spread[j]), max(high, p.Mean[j]+spread[j])
	}
	for _, j := range features {
		d.Features = append(d.Features, p.Feature(j))
	}
	d.Mean, d.Spread = pick(p.Mean), pick(spread)
	if p.Scale != nil {
		d.Scale = pick(p.Scale)
	}
	for _, c := range p.Components[:k] {
		d.Components = append(d.Components, pick(c))
	}
	if image {
		d.Image, d.Low, d.High = []int{v.Width, v.Height}, report.Number(low), report.Number(high)
	}
	return d
}

// noLabel is the group of rows that have no label.
const noLabel = "(none)"

// color makes groups of the labels, or a range where they are many numbers. A point without a label has no place in a
// range, and is of a group of its own otherwise.
func (d *pageData) color(v *View) {
	if v.Color == "" {
		return
	}
	count := map[string]int{}
	numbers, lo, hi := true, math.Inf(1), math.Inf(-1)
	for _, point := range v.Sample {
		label := cmp.Or(point.Label, noLabel)
		d.Labels = append(d.Labels, label)
		count[label]++
		if label == noLabel {
			continue
		}
		x, err := strconv.ParseFloat(label, 64)
		numbers = numbers && err == nil && x-x == 0
		lo, hi = min(lo, x), max(hi, x)
	}
	numbers = numbers && lo <= hi
	if numbers && len(count) > maxGroups {
		d.Range = report.Numbers([]float64{lo, hi})
		for _, label := range d.Labels {
			x, err := strconv.ParseFloat(label, 64)
			if err != nil { // no label
				x = math.NaN()
			}
			d.Value = append(d.Value, report.Number((x-lo)/(hi-lo)))
		}
		return
	}
	labels := make([]string, 0, len(count))
	for label := range count {
		labels = append(labels, label)
	}
	slices.SortFunc(labels, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	others := 0
	if len(labels) > maxGroups {
		others = len(labels) - (maxGroups - 1)
		labels = labels[:maxGroups-1]
	}
	slices.SortFunc(labels, func(a, b string) int {
		switch {
		case a == noLabel: // comes last
			return 1
		case b == noLabel:
			return -1
		case numbers:
			x, _ := strconv.ParseFloat(a, 64)
			y, _ := strconv.ParseFloat(b, 64)
			return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
		}
		return cmp.Compare(a, b)
	})
	place := map[string]int{}
	for i, label := range labels {
		place[label] = i
	}
	d.Groups = labels
	if others > 0 {
		d.Other = len(labels)
		d.Groups = append(d.Groups, fmt.Sprintf("%d others", others))
	}
	for _, label := range d.Labels {
		i, ok := place[label]
		if !ok {
			i = d.Other
		}
		d.Group = append(d.Group, i)
	}
}
