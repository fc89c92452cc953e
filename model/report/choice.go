package report

import (
	"fmt"
	"html/template"
	"sync"
)

// Choice shows one of several parts at a time, the one whose name is chosen, and all of them without JavaScript.
type Choice struct {
	// ID is unique on the page, as that of a [Widget].
	ID      string
	Label   string // of the field in which one chooses
	Options []Option
	// Most bounds the markup of all parts, in bytes: those that would be beyond are left out, and a line says how many.
	// There is no bound where it is 0. The first part is always there.
	Most int
}

// Option is a part to choose. No block of it may have a script.
type Option struct {
	Name     string
	Sections []Section // whose IDs are not used
}

type choiceView struct {
	ID, Label string
	Panels    []choicePanel
	Left      int
}

type choicePanel struct {
	Name     string
	Sections []choiceSection
}

type choiceSection struct {
	Section
	Body []template.HTML
}

var choiceTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("choice").Funcs(template.FuncMap{"prose": prose}).Parse(
		`<div class="widget" id="{{.ID}}"><noscript><style>.panel[hidden] { display: block; }</style></noscript>` +
			`<div class="controls"><label for="{{.ID}}-choice">{{.Label}}</label><select id="{{.ID}}-choice">` +
			`{{range .Panels}}<option>{{.Name}}</option>{{end}}</select></div>` +
			`{{with .Left}}<p class="note">{{.}} more are left out, as the page would be too large.</p>{{end}}` +
			`{{range $i, $p := .Panels}}<div class="panel" role="group" aria-label="{{$p.Name}}"{{if $i}} hidden{{end}}>` +
			`{{range .Sections}}<h3>{{$p.Name}}: {{.Title}}</h3>{{with .Lead}}<p class="lead">{{prose .}}</p>{{end}}` +
			`{{range .Body}}{{.}}{{end}}{{end}}</div>{{end}}</div>`))
})

const choiceScript = `
const select = root.querySelector("select"), panels = [...root.querySelectorAll(".panel")];
const show = () => panels.forEach((panel, i) => { panel.hidden = i !== select.selectedIndex; });
select.addEventListener("change", show);
show(); // a browser may have kept what was chosen before`

func (c Choice) render() (template.HTML, script, error) {
	v := choiceView{ID: c.ID, Label: c.Label}
	size := 0
	for i, o := range c.Options {
		p, more, err := o.panel()
		if err != nil {
			return "", script{}, fmt.Errorf("report: %s of the choice %s: %w", o.Name, c.ID, err)
		}
		if size += more; i > 0 && c.Most > 0 && size > c.Most {
			v.Left = len(c.Options) - i
			break
		}
		v.Panels = append(v.Panels, p)
	}
	h, err := Markup(choiceTemplate(), v)
	return h, script{c.ID, "null", choiceScript}, err
}

// panel is the markup of a part, and its size.
func (o *Option) panel() (choicePanel, int, error) {
	p, size := choicePanel{Name: o.Name}, 0
	for _, s := range o.Sections {
		all := choiceSection{Section: s}
		for _, b := range s.Blocks {
			h, js, err := b.render()
			if err != nil {
				return p, 0, err
			}
			if js.id != "" {
				return p, 0, fmt.Errorf("the widget %s must stand by itself", js.id)
			}
			all.Body, size = append(all.Body, h), size+len(h)
		}
		p.Sections = append(p.Sections, all)
	}
	return p, size, nil
}
