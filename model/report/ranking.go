package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"sync"
)

// Ranking is values by name as horizontal bars, so that every name can be read. Values may be negative; one that is
// not finite has no bar.
type Ranking struct {
	Title       string
	Description string // what there is to see, for those who do not see it
	Label       string // of the values, with the unit
	Names       []string
	Values      []float64
}

// The size of a ranking, in the units of its SVG.
const (
	rankingLine  = 20  // the height of a bar with its room
	rankingNames = 150 // the width of the names
	rankingValue = 76  // the width of the values
	rankingText  = 13. // the size of text
)

type rankingView struct {
	Title, Label, Unit string
	Width, Height      int
	Zero, Bottom, Mid  float64
	Bars               []rankingBar
}

type rankingBar struct {
	Name, Full, Value string
	NameX, TextY      float64
	X, Y, Width, High float64
	Color             string
}

var rankingTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("ranking").Parse(`<figcaption>{{.Title}}</figcaption>` +
		`<svg viewBox="0 0 {{.Width}} {{.Height}}" role="img" aria-label="{{.Label}}">` +
		`<path class="axis" d="M{{.Zero}},0V{{.Bottom}}"/>` +
		`{{$w := .Width}}{{range .Bars}}<text x="{{.NameX}}" y="{{.TextY}}" text-anchor="end">{{.Name}}</text>` +
		`<rect x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="{{.High}}" fill="{{.Color}}"><title>{{.Full}}: {{.Value}}</title></rect>` +
		`<text class="soft" x="{{$w}}" y="{{.TextY}}" text-anchor="end">{{.Value}}</text>{{end}}` +
		`<text class="soft" x="{{.Mid}}" y="{{.Height}}" dy="-4" text-anchor="middle">{{.Unit}}</text></svg>`))
})

func (r Ranking) render() (template.HTML, script, error) {
	if len(r.Names) != len(r.Values) {
		return "", script{}, fmt.Errorf("report: %d names and %d values of %q", len(r.Names), len(r.Values), r.Title)
	}
	lo, hi := 0.0, 0.0
	for _, v := range r.Values {
		if v-v == 0 {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo == hi {
		hi = 1
	}
	const from, to = rankingNames + 8, chartWidth - rankingValue
	at := func(v float64) float64 { return round(from + (v-lo)/(hi-lo)*(to-from)) }
	bottom := float64(len(r.Names) * rankingLine)
	view := rankingView{
		Title: r.Title, Label: strings.TrimSpace(r.Title + ". " + r.Description), Unit: r.Label,
		Width: chartWidth, Height: int(bottom) + 24, Zero: at(0), Bottom: bottom, Mid: (from + to) / 2,
	}
	for i, v := range r.Values {
		y := float64(i * rankingLine)
		b := rankingBar{
			Name: shortenMiddle(r.Names[i], rankingNames/rankingText), Full: r.Names[i], Value: Format(v),
			NameX: rankingNames, TextY: y + 14, Y: y + 3, High: rankingLine - 6, X: at(0), Color: "var(--plus)",
		}
		if v-v == 0 {
			b.X, b.Width = min(at(0), at(v)), round(math.Abs(at(v)-at(0)))
		}
		if v < 0 {
			b.Color = "var(--minus)"
		}
		view.Bars = append(view.Bars, b)
	}
	h, err := Markup(rankingTemplate(), view)
	return `<div><figure>` + h + `</figure></div>`, script{}, err
}

// shortenMiddle cuts a text for which there is no room, in ems, in its middle, as names of columns often differ at
// their end.
func shortenMiddle(s string, room float64) string {
	r, short := []rune(s), s
	for most := min(len(r)-1, int(room/narrowest)); ems(short) > room && most > 0; most-- {
		head := (most - 1) / 2
		short = string(r[:head]) + "…" + string(r[len(r)-(most-1-head):])
	}
	return short
}

// narrowest is the width of the narrowest letters, in ems.
const narrowest = 0.42

// ems is about how wide a text is, in the size of its letters: at least as wide as in the wider of common typefaces
// without serifs (DejaVu Sans, Verdana), so that it is not cut.
func ems(s string) (width float64) {
	for _, r := range s {
		switch {
		case strings.ContainsRune("iIjl.,:;'|! ft()[]r-/", r):
			width += narrowest
		case strings.ContainsRune("mMwW@%…", r) || r >= 0x2e80: // the scripts of East Asia, and pictures
			width++
		case 'A' <= r && r <= 'Z':
			width += 0.78
		default:
			width += 0.65
		}
	}
	return width
}

// round keeps a tenth of a unit of a picture.
func round(v float64) float64 { return math.Round(10*v) / 10 }
