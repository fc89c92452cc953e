// Package report makes pages to look at: one self-contained HTML file each, which needs no network and no server, in
// dark and light, on a phone, with a keyboard and with a screen reader.
//
// A [Page] is sections of blocks. A [Table], a [Chart] (drawn here, as SVG, with its numbers as a table behind it)
// and a [Text] stand still; a [Widget] brings markup, data and a script of its own, which finds helpers in the object
// Report of report.js. All text is escaped, wherever it comes from.
package report

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed page.html page.css report.js
var assets embed.FS

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page.html").Funcs(template.FuncMap{"prose": prose}).ParseFS(assets,
		"page.html"))
})

// Page is a page.
type Page struct {
	Title    string
	Lead     string // what it shows, in a sentence or two
	Facts    []Fact
	Sections []Section
}

// Fact is a number worth a place at the top.
type Fact struct{ Name, Value string }

// Section is a part of a page, with an entry in its navigation.
type Section struct {
	ID     string // of the address #ID: letters, digits and hyphens; unique on the page
	Title  string
	Lead   string
	Blocks []Block
}

// Block is what a section consists of.
type Block interface {
	// render is the markup of the block, and the script that it needs.
	render() (template.HTML, script, error)
}

// script runs once the page is there.
type script struct {
	id   string
	data template.JS
	code template.JS
}

// Text is a paragraph.
type Text string

func (t Text) render() (template.HTML, script, error) {
	return "<p>" + prose(string(t)) + "</p>", script{}, nil
}

// flag is one of the command line, in escaped text.
var flag = regexp.MustCompile(`--[a-z][a-z0-9_]*`)

// prose is text whose flags stay on one line: otherwise a browser breaks them after their hyphens.
func prose(text string) template.HTML {
	return template.HTML(flag.ReplaceAllString(template.HTMLEscapeString(text), `<span class="flag">$0</span>`))
}

// Widget is a block that moves.
type Widget struct {
	// ID is unique on the page: letters, digits and hyphens. The script runs with two arguments: root, the element
	// around the markup, whose id it is, and data.
	ID string
	// Markup is trusted: what comes from the data must have been escaped by a template.
	Markup template.HTML
	// Data is what the script gets, encoded as JSON.
	Data any
	// Script is the trusted body of a function (root, data).
	Script string
}

// ReadWidget makes a widget of NAME.html and NAME.js; its ID is NAME-widget.
func ReadWidget(assets fs.FS, name string, data any) (Widget, error) {
	markup, err := fs.ReadFile(assets, name+".html")
	if err != nil {
		return Widget{}, err
	}
	code, err := fs.ReadFile(assets, name+".js")
	return Widget{ID: name + "-widget", Markup: template.HTML(markup), Data: data, Script: string(code)}, err
}

func (w Widget) render() (template.HTML, script, error) {
	b, err := json.Marshal(w.Data) // escapes <, > and &, so that no text ends the element that holds it
	if err != nil {
		return "", script{}, fmt.Errorf("report: the data of %s: %w", w.ID, err)
	}
	id := template.HTMLEscapeString(w.ID)
	return template.HTML(`<div class="widget" id="`+id+`">`) + w.Markup +
		"</div>", script{w.ID, template.JS(b), template.JS(w.Script)}, nil
}

// Table is a table of texts. What [Format] makes of numbers is aligned as such.
type Table struct {
	Caption string
	Columns []string
	Rows    [][]string
	// Left is how many rows there are beyond these, which is said below them.
	Left int
	// Folded shows the table only when it is asked for: behind a picture.
	Folded bool
}

var tableTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("table").Funcs(template.FuncMap{"numeric": numeric}).Parse(
		`{{$number := .Numbers}}{{if .Folded}}<details><summary>{{.Caption}}</summary>{{else}}<div>{{end}}<div class="scroll" tabindex="0" role="region" aria-label="{{.Caption}}"><table>` +
			`<caption{{if .Folded}} class="hidden"{{end}}>{{.Caption}}</caption>` +
			`<thead><tr>{{range $i, $c := .Columns}}<th scope="col"{{if index $number $i}} class="number"{{end}}>{{$c}}</th>{{end}}</tr></thead><tbody>` +
			`{{range .Rows}}<tr>{{range $i, $c := .}}{{if $i}}<td{{if and $c (index $number $i)}} class="number"{{end}}>{{$c}}</td>{{else}}<th scope="row"{{if numeric $c}} class="number"{{end}}>{{$c}}</th>{{end}}{{end}}</tr>{{end}}` +
			`</tbody></table></div>{{if .Left}}<p class="note">{{.Left}} more are not listed.</p>{{end}}{{if .Folded}}</details>{{else}}</div>{{end}}`))
})

// numeric reports whether a text is a number, or what [Percent] makes of one, or two with ± between.
func numeric(s string) bool {
	s, by, _ := strings.Cut(s, " ± ")
	for _, n := range []string{s, cmp.Or(by, "0")} {
		if _, err := strconv.ParseFloat(strings.TrimSuffix(n, " %"), 64); err != nil {
			return false
		}
	}
	return true
}

// Numbers reports of each column, but the first, which names the rows, whether it has numbers, and nothing else: they
// and its name stand at the right, and all else at the left.
func (t Table) Numbers() []bool {
	width := len(t.Columns)
	for _, row := range t.Rows {
		width = max(width, len(row))
	}
	numbers := make([]bool, width)
	for i := range numbers {
		for _, row := range t.Rows {
			if i == 0 || i >= len(row) || row[i] != "" && row[i] != "–" && !numeric(row[i]) {
				numbers[i] = false
				break
			}
			numbers[i] = numbers[i] || row[i] != "" && row[i] != "–"
		}
	}
	return numbers
}

func (t Table) render() (template.HTML, script, error) {
	h, err := Markup(tableTemplate(), t)
	return h, script{}, err
}

// Static is markup that stands still. It is trusted: what comes from the data must have been escaped by a template.
type Static template.HTML

func (s Static) render() (template.HTML, script, error) {
	return `<div>` + template.HTML(s) + `</div>`, script{}, nil
}

// Markup is what a template makes of data: markup that a [Widget] may have.
func Markup(t *template.Template, data any) (template.HTML, error) {
	var b bytes.Buffer
	err := t.Execute(&b, data)
	return template.HTML(b.String()), err
}

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	css, err := assets.ReadFile("page.css")
	if err != nil {
		return err
	}
	shared, err := assets.ReadFile("report.js")
	if err != nil {
		return err
	}
	type section struct {
		Section
		Body []template.HTML
	}
	type code struct {
		ID   string
		Data template.JS
		Code template.JS
	}
	view := struct {
		*Page
		CSS      template.CSS
		Shared   template.JS
		Sections []section
		Scripts  []code
	}{Page: p, CSS: template.CSS(css), Shared: template.JS(shared)}
	for _, s := range p.Sections {
		v := section{Section: s}
		for _, b := range s.Blocks {
			h, js, err := b.render()
			if err != nil {
				return err
			}
			v.Body = append(v.Body, h)
			if js.id != "" {
				view.Scripts = append(view.Scripts, code{js.id, js.data, js.code})
			}
		}
		view.Sections = append(view.Sections, v)
	}
	return pageTemplate().Execute(w, view)
}

// Number is a number in the data of a widget, with the five digits that a picture can show. What is not finite is null.
type Number float64

// MarshalJSON writes it.
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if v-v != 0 {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, v, 'g', 5, 64), nil
}

// Numbers makes numbers for a picture.
func Numbers(v []float64) []Number {
	n := make([]Number, len(v))
	for i, x := range v {
		n[i] = Number(x)
	}
	return n
}

// Format is a number for people: four digits, and all of those before the point.
func Format(v float64) string {
	if a := math.Abs(v); a >= 1e3 && a < 1e7 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// Percent is a share for people.
func Percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 2, 64) + " %" }
