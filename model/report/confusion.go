package report

import (
	"html/template"
	"math"
	"strconv"
	"sync"
)

// shownClasses bounds the classes of a confusion matrix.
const shownClasses = 30

var confusionTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("confusion").Parse(
		`<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix"><table class="heat"><caption>Rows of the class at the left that were taken for the class above</caption>` +
			`<thead><tr><th scope="col">is \ taken for</th>{{range .Classes}}<th scope="col">{{.}}</th>{{end}}<th scope="col">recall</th></tr></thead><tbody>` +
			`{{range .Rows}}<tr><th scope="row">{{.Class}}</th>{{range .Cells}}<td class="number{{if .Right}} right{{end}}"{{with .Share}} style="--share:{{.}}"{{end}}>{{.Count}}</td>{{end}}<td class="number">{{.Recall}}</td></tr>{{end}}` +
			`</tbody></table></div>{{if .Left}}<p class="note">{{.Left}} more classes are not listed.</p>{{end}}`))
})

// Confusion is a matrix that has in row i and column j the weight of the rows of class i that were taken for class j;
// each row is shaded by the shares of its class. The classes after the first thirty are left out.
func Confusion(classes []string, matrix [][]float64) (Static, error) {
	type cell struct {
		Count string
		Share string
		Right bool
	}
	type line struct {
		Class  string
		Cells  []cell
		Recall string
	}
	shown := min(len(classes), shownClasses)
	data := struct {
		Classes []string
		Rows    []line
		Left    int
	}{Classes: classes[:shown], Left: len(classes) - shown}
	for i, class := range data.Classes {
		all := 0.0
		for _, w := range matrix[i] {
			all += w
		}
		l := line{Class: class, Recall: "–"}
		for k, w := range matrix[i][:shown] {
			c := cell{Count: Format(w), Right: i == k}
			if w > 0 {
				c.Share = strconv.FormatFloat(math.Sqrt(w/all), 'f', 3, 64) // so that few are seen, too
			}
			l.Cells = append(l.Cells, c)
		}
		if all > 0 {
			l.Recall = Percent(matrix[i][i] / all)
		}
		data.Rows = append(data.Rows, l)
	}
	h, err := Markup(confusionTemplate(), data)
	return Static(h), err
}
