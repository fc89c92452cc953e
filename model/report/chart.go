package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"sync"

	"beamlearn/model/internal/elementary"
)

// Chart is a picture of numbers, drawn as SVG, with the numbers as a table behind it. What is not finite is left out.
type Chart struct {
	Title       string
	Description string // what there is to see, for those who do not see it
	X, Y        Axis
	Series      []Series // at most ten can be told apart
}

// Axis is a direction of a chart.
type Axis struct {
	Label string // with the unit
	Log   bool   // all values are positive
	// Lo and Hi are shown at least.
	Lo, Hi float64
	// Names are those of the places 0, 1, 2, … of the axis, instead of numbers.
	Names []string
}

// Kind is how a series is drawn.
type Kind int

const (
	Line   Kind = iota // through the points, in their order
	Bars               // from 0
	Points             // a mark for each, of a shape of the series' own
)

// Series is numbers that belong together.
type Series struct {
	Name string
	Kind Kind
	X, Y []float64
	// Error is half the length of an error bar at each point, or nil.
	Error []float64
	// Guide draws the series in grey: a line to compare the others with.
	Guide bool
}

// The size of a chart, in the units of its SVG: small enough for the text to be read on a phone.
const (
	chartWidth  = 440
	chartHeight = 290
	chartLeft   = 62 // at least
	chartLabel  = 14 // where the label of the y axis stands
	chartRight  = 12
	chartTop    = 12
	chartBottom = 46
	axisText    = 13.0 // the size of the text of labels, as [ems] counts generously
)

// markedPoints is up to how many points a line has marks.
const markedPoints = 60

// chartRows is how many rows the table behind a chart has at most.
const chartRows = 500

// scale maps the values of an axis onto a range of the picture.
type scale struct {
	lo, hi, from, to float64
	log              bool
}

func (s *scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(v)
	}
	return s.from + (v-lo)/(hi-lo)*(s.to-s.from)
}

func (s *scale) shows(v float64) bool { return v-v == 0 && (!s.log || v > 0) }

// newScale makes room for the values of an axis; base says that bars stand on its 0.
func newScale(a *Axis, from, to float64, base bool, values func(yield func(float64))) scale {
	s := scale{from: from, to: to, log: a.Log, lo: math.Inf(1), hi: math.Inf(-1)}
	add := func(v float64) {
		if s.shows(v) {
			s.lo, s.hi = min(s.lo, v), max(s.hi, v)
		}
	}
	values(add)
	low, high := true, true // the ends are those of values
	if a.Lo != a.Hi {
		low, high = s.lo < a.Lo, s.hi > a.Hi
		add(a.Lo)
		add(a.Hi)
	}
	s.pad(low && !(base && s.lo == 0), high && !(base && s.hi == 0))
	switch {
	case s.lo > s.hi: // nothing is shown
		s.lo, s.hi, s.log = 0, 1, false
	case s.lo == s.hi && s.log:
		s.lo, s.hi = s.lo/2, s.hi*2
	case s.lo == s.hi:
		pad := max(math.Abs(s.lo)/2, 0.5)
		s.lo, s.hi = s.lo-pad, s.hi+pad
	}
	return s
}

// pad makes room beyond the values at the low and the high end, so that nothing is drawn on the edge.
func (s *scale) pad(low, high bool) {
	const room = 0.03
	if !(s.hi > s.lo) {
		return
	}
	if s.log {
		f := elementary.Pow(s.hi/s.lo, room)
		if low {
			s.lo /= f
		}
		if high {
			s.hi *= f
		}
		return
	}
	by := room * (s.hi - s.lo)
	if low {
		s.lo -= by
	}
	if high {
		s.hi += by
	}
}

// pitch is the least distance between bars of a series, 1 where there is one bar.
func (c *Chart) pitch() float64 {
	least := math.Inf(1)
	for _, s := range c.Series {
		if s.Kind != Bars {
			continue
		}
		x := slices.Sorted(slices.Values(s.X))
		for i := 1; i < len(x); i++ {
			if gap := x[i] - x[i-1]; gap > 0 {
				least = min(least, gap)
			}
		}
	}
	if math.IsInf(least, 1) {
		return 1
	}
	return least
}

// ticks are round numbers from lo to hi, about n of them; of a logarithmic axis, powers of ten, with 2 and 5
// between them where they are few.
func ticks(lo, hi float64, n int, log bool) []float64 {
	var ticks []float64
	if log {
		a, b := math.Ceil(math.Log10(lo)-1e-9), math.Floor(math.Log10(hi)+1e-9)
		if b == a+1 || b == a && hi/lo > 5 { // powers of ten alone would be one or two
			for e := a - 1; e <= b; e++ {
				for _, f := range []float64{1, 2, 5} {
					if t := f * elementary.Pow(10, e); t >= lo*(1-1e-9) && t <= hi*(1+1e-9) {
						ticks = append(ticks, t)
					}
				}
			}
			return ticks
		}
		if step := max(1, math.Ceil((b-a)/float64(n))); b > a {
			for e := a; e <= b; e += step {
				ticks = append(ticks, elementary.Pow(10, e))
			}
			return ticks
		}
	}
	raw := (hi - lo) / float64(n)
	if !(raw > 0) || math.IsInf(raw, 0) {
		return []float64{lo}
	}
	power := elementary.Pow(10, math.Floor(math.Log10(raw)))
	step := power
	for _, f := range []float64{2, 5, 10} {
		if raw > step*(1+1e-9) {
			step = f * power
		}
	}
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9 && len(ticks) <= 2*n; i++ {
		ticks = append(ticks, i*step+0) // no −0
	}
	return ticks
}

// mark is the path of a mark of radius r about 0, and of the i-th shape: as in report.js.
func mark(i int, r float64) string {
	switch i % 5 {
	case 1:
		return fmt.Sprintf("M%g,%gH%gV%gH%gZ", -r, -r, r, r, -r)
	case 2:
		return fmt.Sprintf("M0,%gL%g,%gH%gZ", -1.3*r, 1.2*r, r, -1.2*r)
	case 3:
		return fmt.Sprintf("M0,%gL%g,0L0,%gL%g,0Z", -1.4*r, 1.4*r, 1.4*r, -1.4*r)
	case 4:
		return fmt.Sprintf("M0,%gL%g,%gH%gZ", 1.3*r, 1.2*r, -r, -1.2*r)
	}
	return fmt.Sprintf("M%g,0A%g,%g 0 1 1 %g,0A%g,%g 0 1 1 %g,0Z", r, r, r, -r, r, r, r)
}

func (c Chart) render() (template.HTML, script, error) {
	if len(c.Series) == 0 {
		return "", script{}, fmt.Errorf("report: the chart %q has no series", c.Title)
	}
	for i := range c.Series {
		s := &c.Series[i]
		if len(s.X) != len(s.Y) || s.Error != nil && len(s.Error) != len(s.Y) {
			return "", script{}, fmt.Errorf("report: series %q of %q: %d places and %d values", s.Name, c.Title, len(s.X),
				len(s.Y))
		}
	}
	h, err := Markup(chartTemplate(), c.view())
	if err != nil {
		return "", script{}, err
	}
	table, _, err := c.table().render()
	return `<div><figure class="chart">` + h + `</figure>` + table + `</div>`, script{}, err
}

type chartView struct {
	Title, Label  string
	Width, Height int
	X, Y          Axis
	MidX, MidY    float64
	LabelX        float64    // of the label of Y
	Box           [4]float64 // left, top, width, height
	XTicks        []tickView
	YTicks        []tickView
	Shapes        []shapeView
	Keys          []keyView
}

type tickView struct {
	At   float64
	Text string
	// Shift moves the text, so that it does not leave the picture.
	Shift float64
}

// shift is by how much a text in the middle of a place must be moved to the left.
func shift(at float64, text string) float64 {
	const half = 4.5 // of a character's width, on a phone
	return -max(at+half*float64(len([]rune(text)))-chartWidth+1, 0)
}

type shapeView struct {
	Path, Place, Color string
	Fill               bool
	Title              string
}

type keyView struct{ Name, Path, Color string }

func (c *Chart) view() *chartView {
	v := &chartView{
		Title: c.Title, Label: strings.TrimSpace(c.Title + ". " + c.Description), Width: chartWidth, Height: chartHeight,
		X: c.X, Y: c.Y, MidY: (chartTop + chartHeight - chartBottom) / 2, LabelX: chartLabel,
	}
	bars := slices.ContainsFunc(c.Series, func(s Series) bool { return s.Kind == Bars })
	pitch := c.pitch()
	y := newScale(&c.Y, chartHeight-chartBottom, chartTop, bars, func(yield func(float64)) {
		if bars {
			yield(0)
		}
		for _, s := range c.Series {
			for i, v := range s.Y {
				yield(v)
				if s.Error != nil {
					yield(v - s.Error[i])
					yield(v + s.Error[i])
				}
			}
		}
	})
	v.YTicks = c.ticks(&c.Y, &y)
	left := leftOf(v.YTicks)
	v.MidX = (left + chartWidth - chartRight) / 2
	v.X.Label = shortenMiddle(c.X.Label, 2*min(v.MidX, chartWidth-v.MidX)/axisText)
	v.Y.Label = shortenMiddle(c.Y.Label, 2*v.MidY/axisText)
	v.Box = [4]float64{left, chartTop, chartWidth - left - chartRight, chartHeight - chartTop - chartBottom}
	x := newScale(&c.X, left, chartWidth-chartRight, false, func(yield func(float64)) {
		for _, s := range c.Series {
			for _, v := range s.X {
				yield(v)
				if bars {
					yield(v - 0.6*pitch)
					yield(v + 0.6*pitch)
				}
			}
		}
	})
	v.XTicks = c.ticks(&c.X, &x)
	for i := range v.XTicks {
		v.XTicks[i].Shift = shift(v.XTicks[i].At, v.XTicks[i].Text)
	}
	for i, s := range c.Series {
		c.draw(v, i, &s, &x, &y)
		if len(c.Series) > 1 {
			v.Keys = append(v.Keys, keyView{s.Name, mark(i, 5), s.color(i)})
		}
	}
	return v
}

// leftOf is where a chart begins: right of the numbers of its y axis, and of the axis' label beside them.
func leftOf(ticks []tickView) float64 {
	const digit, label = 9, 14 // the widths of a character of a number, on a phone, and of a line of text
	longest := 0
	for _, t := range ticks {
		longest = max(longest, len([]rune(t.Text)))
	}
	return max(chartLeft, chartLabel+label/2+digit*float64(longest)+6)
}

func (c *Chart) ticks(a *Axis, s *scale) []tickView {
	var list []tickView
	if a.Names != nil {
		every := 1
		longest := 0
		for _, n := range a.Names {
			longest = max(longest, len([]rune(n)))
		}
		if room := int(math.Abs(s.to-s.from)) / (8*min(longest, 12) + 8); room > 0 {
			every = (len(a.Names) + room - 1) / room
		}
		for i := 0; i < len(a.Names); i += max(every, 1) {
			if p := s.at(float64(i)); p >= min(s.from, s.to)-1 && p <= max(s.from, s.to)+1 {
				list = append(list, tickView{At: p, Text: shorten(a.Names[i], 12)})
			}
		}
		return list
	}
	for _, t := range ticks(s.lo, s.hi, 5, s.log) {
		list = append(list, tickView{At: s.at(t), Text: Format(t)})
	}
	return list
}

// shorten cuts a text for which there is no room.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

func (c *Chart) draw(v *chartView, number int, s *Series, x, y *scale) {
	color, pitch := s.color(number), c.pitch()
	name := func(i int) string {
		at := Format(s.X[i])
		if j := int(s.X[i]); c.X.Names != nil && float64(j) == s.X[i] && j >= 0 && j < len(c.X.Names) {
			at = c.X.Names[j]
		}
		text := at + ": " + Format(s.Y[i])
		if s.Error != nil {
			text += " ± " + Format(s.Error[i])
		}
		if len(c.Series) > 1 {
			text = s.Name + ", " + text
		}
		return text
	}
	var line strings.Builder
	var marks []shapeView // over the line
	for i := range s.X {
		if !x.shows(s.X[i]) || !y.shows(s.Y[i]) {
			continue
		}
		px, py := x.at(s.X[i]), y.at(s.Y[i])
		switch s.Kind {
		case Bars:
			left, right, base := x.at(s.X[i]-0.4*pitch), x.at(s.X[i]+0.4*pitch), y.at(max(0, y.lo))
			v.Shapes = append(v.Shapes, shapeView{fmt.Sprintf("M%.1f,%.1fH%.1fV%.1fH%.1fZ", left, base, right, py, left), "",
				color, true, name(i)})
		case Points:
			v.Shapes = append(v.Shapes, shapeView{mark(number, 3), place(px, py), color, true, name(i)})
		case Line:
			command := "L"
			if line.Len() == 0 {
				command = "M"
			}
			fmt.Fprintf(&line, "%s%.1f,%.1f", command, px, py)
			if len(s.X) <= markedPoints {
				marks = append(marks, shapeView{mark(number, 2.5), place(px, py), color, true, name(i)})
			}
		}
		if s.Error != nil && y.shows(s.Y[i]-s.Error[i]) {
			lo, hi := y.at(s.Y[i]-s.Error[i]), y.at(s.Y[i]+s.Error[i])
			v.Shapes = append(v.Shapes, shapeView{fmt.Sprintf("M%.1f,%.1fV%.1fM%.1f,%.1fh6M%.1f,%.1fh6", px, lo, hi, px-3, lo,
				px-3, hi), "", color, false, name(i)})
		}
	}
	if line.Len() > 0 {
		v.Shapes = append(v.Shapes, shapeView{line.String(), "", color, false, s.Name})
	}
	v.Shapes = append(v.Shapes, marks...)
}

// color is that of the series of a number.
func (s *Series) color(number int) string {
	if s.Guide {
		return "var(--soft)"
	}
	return fmt.Sprintf("var(--c%d)", number%10)
}

// Skewed reports whether the largest of some positive values would flatten the others on a linear axis.
func Skewed(values []float64) bool {
	const flat = 30 // the largest, in times of the one in the middle
	v := slices.Clone(values)
	slices.Sort(v)
	return len(v) > 2 && v[0] > 0 && v[len(v)-1] > flat*v[len(v)/2]
}

// place is where a mark stands.
func place(x, y float64) string { return fmt.Sprintf("translate(%.1f,%.1f)", x, y) }

var chartTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("chart").Funcs(template.FuncMap{
		"add": func(a, b float64) float64 { return a + b },
	}).Parse(`<figcaption>{{.Title}}</figcaption>` +
		`<svg viewBox="0 0 {{.Width}} {{.Height}}" role="img" aria-label="{{.Label}}">` +
		`{{$l := index .Box 0}}{{$t := index .Box 1}}{{$r := add $l (index .Box 2)}}{{$b := add $t (index .Box 3)}}` +
		`{{range .XTicks}}<path class="grid" d="M{{.At}},{{$t}}V{{$b}}"/><text class="soft" x="{{add .At .Shift}}" y="{{add $b 16}}" text-anchor="middle">{{.Text}}</text>{{end}}` +
		`{{range .YTicks}}<path class="grid" d="M{{$l}},{{.At}}H{{$r}}"/><text class="soft" x="{{add $l -6}}" y="{{add .At 4}}" text-anchor="end">{{.Text}}</text>{{end}}` +
		`<rect class="axis" x="{{$l}}" y="{{$t}}" width="{{index .Box 2}}" height="{{index .Box 3}}"/>` +
		`{{range .Shapes}}<path d="{{.Path}}"{{with .Place}} transform="{{.}}"{{end}} {{if .Fill}}fill="{{.Color}}"{{else}}fill="none" stroke="{{.Color}}" stroke-width="2"{{end}}><title>{{.Title}}</title></path>{{end}}` +
		`<text x="{{.MidX}}" y="{{add $b 36}}" text-anchor="middle">{{.X.Label}}</text>` +
		`<text x="{{.LabelX}}" y="{{.MidY}}" text-anchor="middle" transform="rotate(-90 {{.LabelX}} {{.MidY}})">{{.Y.Label}}</text></svg>` +
		`{{with .Keys}}<ul class="legend">{{range .}}<li class="key"><svg viewBox="-7 -7 14 14" aria-hidden="true"><path d="{{.Path}}" fill="{{.Color}}"/></svg>{{.Name}}</li>{{end}}</ul>{{end}}`))
})

// table is the numbers of a chart: side by side where the series have the same places.
func (c *Chart) table() Table {
	t := Table{Caption: "The numbers: " + c.Title, Folded: true}
	at := func(v float64) string {
		if i := int(v); c.X.Names != nil && float64(i) == v && i >= 0 && i < len(c.X.Names) {
			return c.X.Names[i]
		}
		return Format(v)
	}
	shown := slices.Clone(c.Series)
	if first := slices.IndexFunc(shown, func(s Series) bool { return !s.Guide }); first >= 0 {
		places := shown[first].X
		shown = slices.DeleteFunc(shown, func(s Series) bool { return s.Guide && !slices.Equal(s.X, places) }) // mere lines
	}
	same := true
	for _, s := range shown[1:] {
		same = same && slices.Equal(s.X, shown[0].X)
	}
	value := func(s *Series, i int) string {
		if s.Error != nil {
			return Format(s.Y[i]) + " ± " + Format(s.Error[i])
		}
		return Format(s.Y[i])
	}
	if same {
		t.Columns = []string{c.X.Label}
		for _, s := range shown {
			t.Columns = append(t.Columns, s.Name)
		}
		for i, x := range shown[0].X {
			row := []string{at(x)}
			for k := range shown {
				row = append(row, value(&shown[k], i))
			}
			t.Rows = append(t.Rows, row)
		}
	} else {
		t.Columns = []string{"series", c.X.Label, c.Y.Label}
		for k := range shown {
			s := &shown[k]
			for i, x := range s.X {
				t.Rows = append(t.Rows, []string{s.Name, at(x), value(s, i)})
			}
		}
	}
	if len(t.Rows) > chartRows {
		t.Left = len(t.Rows) - chartRows
		t.Rows = t.Rows[:chartRows]
	}
	return t
}

// Stack puts blocks one under the other, in a place of [Columns].
type Stack []Block

func (s Stack) render() (template.HTML, script, error) {
	html := template.HTML("<div>")
	for _, b := range s {
		h, js, err := b.render()
		if err != nil {
			return "", script{}, err
		}
		if js.id != "" {
			return "", script{}, fmt.Errorf("report: the widget %s must stand by itself, not in a stack", js.id)
		}
		html += h
	}
	return html + "</div>", script{}, nil
}

// Columns puts blocks side by side, where there is room.
type Columns []Block

func (c Columns) render() (template.HTML, script, error) {
	html := template.HTML(`<div class="columns">`)
	for _, b := range c {
		h, js, err := b.render()
		if err != nil {
			return "", script{}, err
		}
		if js.id != "" {
			return "", script{}, fmt.Errorf("report: the widget %s must stand by itself, not in columns", js.id)
		}
		html += h
	}
	return html + "</div>", script{}, nil
}
