//go:build browser

package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// readTable is the header and the rows of a .csv file.
func readTable(t *testing.T, file string) (header []string, rows [][]string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

// writeTable writes a .csv file.
func writeTable(t *testing.T, file string, header []string, rows [][]string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := csv.NewWriter(f).WriteAll(append([][]string{header}, rows...)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// predictions is what predict says of rows: by row, the value of each column of its output.
func predictions(t *testing.T, model string, header []string, rows [][]string, args ...string) []map[string]string {
	t.Helper()
	in, out := filepath.Join(t.TempDir(), "rows.csv"), filepath.Join(t.TempDir(), "out.csv")
	writeTable(t, in, header, rows)
	if message, err := exec.Command(binary(t, "predict"),
		append(args, "--input="+in, "--model="+model, "--output="+out)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	names, lines := readTable(t, out)
	said := make([]map[string]string, len(lines))
	for i, line := range lines {
		said[i] = map[string]string{}
		for j, name := range names {
			said[i][name] = line[j]
		}
	}
	return said
}

// enter enters texts into the fields of a form, as someone does; of columns without a field, it asks for one.
func (b *browser) enter(header, row []string) {
	b.t.Helper()
	missing := eval[[]string](b, fmt.Sprintf(`(() => {
		const missing = [], header = %s, row = %s;
		const field = (name) => [...document.querySelectorAll(".trial .field")].find((f) => f.querySelector("label").textContent === name);
		header.forEach((name, i) => {
			if (!field(name)) {
				const search = document.querySelector("#trial-column");
				search.value = name;
				search.dispatchEvent(new Event("input"));
			}
			if (!field(name)) return missing.push(name);
			const input = field(name).querySelector("input, select, textarea");
			input.value = row[i];
			input.dispatchEvent(new Event("input"));
		});
		return missing;
	})()`, asJSON(b.t, header), asJSON(b.t, row)))
	if len(missing) > 0 {
		b.t.Fatalf("no field for %q", missing)
	}
}

// cells are those of the rows of a table of the form.
func (b *browser) cells(table string) [][]string {
	b.t.Helper()
	return eval[[][]string](b, fmt.Sprintf(
		`[...document.querySelectorAll(%q)].map((row) => [...row.cells].map((c) => c.textContent))`, table+" tbody tr"))
}

// draw presses the mouse at one place, and lets it go at another.
func (b *browser) draw(x0, y0, x1, y1 float64) {
	b.t.Helper()
	const steps = 16
	mouse := func(kind input.MouseType, at float64) chromedp.Action {
		return input.DispatchMouseEvent(kind, x0+at/steps*(x1-x0), y0+
			at/steps*(y1-y0)).WithButton(input.Left).WithButtons(1).WithClickCount(1)
	}
	b.do(mouse(input.MousePressed, 0))
	for at := range steps {
		b.do(mouse(input.MouseMoved, float64(at+1)))
	}
	b.do(mouse(input.MouseReleased, steps))
}

// asJSON is a list as JavaScript has it.
func asJSON(t *testing.T, v []string) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// six is a number of which the page prints six digits.
func six(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "−", "-"), 64)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = strconv.ParseFloat(strconv.FormatFloat(v, 'e', 5, 64), 64); err != nil {
		t.Fatal(err)
	}
	return v
}

// sameAs compares what the form says with what predict says.
func (b *browser) sameAs(said map[string]string) {
	b.t.Helper()
	answer := eval[string](b, `document.querySelector(".answer").textContent`)
	chances, adds := b.cells(".chances"), b.cells(".adds")
	sum, size := 0.0, 0.0
	for _, row := range adds[:len(adds)-1] {
		v := six(b.t, row[1])
		sum, size = sum+v, size+math.Abs(v)
	}
	whole := six(b.t, adds[len(adds)-1][1])
	if !(math.Abs(sum-whole) <= 1e-5*size) { // each is rounded to six digits
		b.t.Errorf("%v is added in all, the whole is %v", sum, whole)
	}
	if len(chances) == 0 { // a regression
		if want := six(b.t, said["prediction"]); whole != want ||
			six(b.t, strings.TrimPrefix(answer, "Prediction: ")) != want {
			b.t.Errorf("%s, adding up to %v, want %v", answer, whole, want)
		}
		return
	}
	if !strings.HasPrefix(answer, "Prediction: "+said["prediction"]+", with probability ") {
		b.t.Errorf("%s, want %s", answer, said["prediction"])
	}
	if want, ok := said["decision"]; ok && whole != six(b.t, want) {
		b.t.Errorf("the decision value is %v, want %v", whole, want)
	}
	for _, row := range chances {
		if want := six(b.t, said["proba_"+row[0]]); six(b.t, row[1]) != want {
			b.t.Errorf("the probability of %s is %v, want %v", row[0], row[1], want)
		}
		if want, ok := said["decision_"+row[0]]; ok && six(b.t, row[3]) != six(b.t, want) {
			b.t.Errorf("the decision value of %s is %v, want %v", row[0], row[3], want)
		}
	}
}

// What the form says of a row is what predict says of it.
func TestTrial(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		args    []string
		predict []string
	}{
		"two classes": {"breast_cancer", []string{"--task=classification", "--standardize"},
			[]string{"--proba", "--decision"}},
		"ten classes": {"digits",
			[]string{"--task=classification", "--columns=pixel_*", "--alpha=0.1"}, []string{"--proba", "--decision"}},
		"ten classes each against the rest": {"digits", []string{"--task=classification", "--columns=pixel_*", "--alpha=0.1",
			"--multi_class=ovr"}, []string{"--proba", "--decision"}},
		"regression": {"diabetes", []string{"--task=regression"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			file, model := "../../../testdata/"+c.file+".csv", filepath.Join(t.TempDir(), "m.json")
			page := makePage(t, "sgd", append(c.args, "--input="+file, "--target=target", "--model="+model)...)
			header, rows := readTable(t, file)
			rows = [][]string{rows[0], rows[200], rows[400]}
			said := predictions(t, model, header, rows, c.predict...)
			b := show(t, page, 1200, 900, false)
			for i, row := range rows {
				var names, values []string
				for j, name := range header {
					if name != "target" && name != "id" {
						names, values = append(names, name), append(values, row[j])
					}
				}
				b.enter(names, values)
				b.sameAs(said[i])
			}
			b.shoot("trial " + name)
			b.check()
		})
	}
}

// A form for a table takes categories, dates, text, truth values and missing cells, and says of them what predict says.
func TestTrialOfTable(t *testing.T) {
	header := []string{"city", "size", "when", "note", "ok", "code", "price", "target"}
	cities, notes := []string{"Bern", "Köln, Dom", "São Paulo", "", "Ulm "},
		[]string{"naïve café", "ΣΊΣΥΦΟΣ don't re-use", "x_1 x_1 東京 42!", "", "Straße İstanbul a"}
	var rows [][]string
	for i := range 300 {
		row := []string{cities[i*i%5], fmt.Sprint(float64(i*37%101) / 8),
			fmt.Sprintf("20%02d-%02d-%02dT%02d:30", 10+i%7, 1+i%12, 1+i%28, i*5%24),
			notes[i%5] + " " + notes[i*i*i%11%5], []string{"true", "false", ""}[i*7%3], fmt.Sprint("id", i),
			fmt.Sprint(i * i % 997), []string{"no", "yes", "may be"}[(i%5+i*i%5)%3]}
		for _, j := range []int{1, 2} {
			if i%(11+j) == 0 {
				row[j] = ""
			}
		}
		rows = append(rows, row)
	}
	dir := t.TempDir()
	file, model := filepath.Join(dir, "table.csv"), filepath.Join(dir, "m.json")
	writeTable(t, file, header, rows)
	for name, args := range map[string][]string{
		"words": {"--ngrams=1-2", "--tfidf", "--interactions=city*ok,note*city,when_month*size",
			"--splines=price:6,when_hour:4"},
		"characters": {"--analyzer=char", "--ngrams=1-4", "--standardize"},
	} {
		t.Run(name, func(t *testing.T) {
			page := makePage(t, "sgd", append(args, "--input="+file, "--target=target", "--task=classification", "--text=note",
				"--max_categories=50", "--hash_bits=9", "--model="+model)...)
			some := [][]string{rows[0], rows[12], rows[13], rows[77],
				{"Nowhere", "NA", "1999-12-31T23:59", "new words, <b>never</b> seen", "", "", "-1e3", "no"}}
			said := predictions(t, model, header, some, "--proba", "--decision")
			b := show(t, page, 1200, 900, false)
			for i, row := range some {
				if row = slices.Clone(row[:7]); row[0] == "Nowhere" { // which cannot be chosen by its name
					row[0] = "\x00another value"
				}
				b.enter(header[:7], row)
				b.sameAs(said[i])
			}
			b.accessible()
			b.shoot("trial table " + name)
			b.check()
		})
	}
}

// What is no number is told of beside its field, until it is mended; keys change a value as someone types; another
// row of the data stands there with its target.
func TestTrialFaults(t *testing.T) {
	page := makePage(t, "sgd", "--input=../../../testdata/diabetes.csv", "--target=target", "--task=regression",
		"--model="+filepath.Join(t.TempDir(), "m.json"))
	b := show(t, page, 390, 844, true)
	answer := func() string { return eval[string](b, `document.querySelector(".answer").textContent`) }
	before := answer()
	for text, want := range map[string]string{"": "nothing", "12,5": "“12,5”", "1e999": "“1e999”", "0x10": "“0x10”",
		"inf": "“inf”", "<b>": "“<b>”"} {
		b.enter([]string{"bmi"}, []string{text})
		if got := answer(); got != "No prediction: bmi: found "+want+", expected a number" {
			t.Errorf("of %q: %q", text, got)
		}
		if got := eval[string](b,
			`document.querySelector("[aria-invalid=true]").parentElement.textContent`); !strings.HasPrefix(got, "bmi") ||
			!strings.Contains(got, want) {
			t.Errorf("of %q: %q beside the field", text, got)
		}
		if !eval[bool](b, `document.querySelector(".results").hidden`) {
			t.Errorf("of %q: there are results", text)
		}
	}
	b.accessible()
	b.enter([]string{"bmi"}, []string{""})
	b.do(chromedp.SendKeys(`//label[text()="bmi"]/following-sibling::input`, " 2.5e1", chromedp.BySearch))
	if got := answer(); !strings.HasPrefix(got, "Prediction: ") || got == before {
		t.Errorf("mended: %q", got)
	}
	if n := eval[int](b, `document.querySelectorAll("[aria-invalid=true]").length`); n > 0 {
		t.Errorf("%d fields are marked", n)
	}
	truth := func() string { return eval[string](b, `document.querySelector(".truth").textContent`) }
	first := truth()
	b.do(chromedp.Click(".another", chromedp.ByQuery))
	if got := truth(); got == first || !strings.HasPrefix(got, "A row of the data, whose target is ") {
		t.Errorf("%q after %q", got, first)
	}
	b.check()
}

// Someone draws a one.
func TestTrialDrawing(t *testing.T) {
	page := makePage(t, "sgd", "--input=../../../testdata/digits.csv", "--target=target", "--columns=pixel_*",
		"--task=classification", "--alpha=0.1", "--model="+filepath.Join(t.TempDir(), "m.json"))
	b := show(t, page, 1200, 900, false)
	b.do(chromedp.Click(".blank", chromedp.ByQuery))
	x, y := b.center(".drawing")
	pixel := eval[float64](b, `document.querySelector(".drawing").getBoundingClientRect().width / 8`)
	b.draw(x, y-3.5*pixel, x, y+3.5*pixel)
	if got := eval[string](b, `document.querySelector(".answer").textContent`); !strings.HasPrefix(got, "Prediction: 1,") {
		t.Error(got)
	}
	b.shoot("trial drawing")
	b.check()
}

// The page of several targets says of a row what predict says of each, in a table and in detail, and shows the charts
// of the target that is chosen.
func TestTargets(t *testing.T) {
	header := []string{"size", "city", "y1", "y2", "y3"}
	var rows [][]string
	for i := range 200 {
		x, city := float64(i*37%101)/8, i*i%3
		rows = append(rows, []string{fmt.Sprint(x), []string{"Bern", "Ulm", "Köln"}[city], fmt.Sprint(3*x - float64(city)),
			fmt.Sprint(math.Round(x*x) / 4), fmt.Sprint(i % 7)})
	}
	dir := t.TempDir()
	file, model := filepath.Join(dir, "table.csv"), filepath.Join(dir, "m.json")
	writeTable(t, file, header, rows)
	page := makePage(t, "sgd", "--input="+file, "--target=y1,y2,y3", "--task=regression", "--encode=auto",
		"--alpha=0.01,1", "--model="+model)
	looks(t, page, "targets", func(*browser) {})
	some := [][]string{rows[3], {"-2.5", "Ulm", "0", "0", "0"}}
	said := predictions(t, model, header, some)
	b := show(t, page, 1200, 900, false)
	for i, row := range some {
		b.enter(header[:2], row[:2])
		for k, cells := range b.cells(".all") {
			name := header[2+k]
			if want := six(t, said[i]["prediction_"+name]); cells[0] != name || six(t, cells[1]) != want {
				t.Errorf("row %d: %v, want %s %v", i, cells, name, want)
			}
		}
	}
	b.do(
		chromedp.Evaluate(
			`(() => { const s = document.querySelector("#trial-target"); s.value = "1"; s.dispatchEvent(new Event("change")); })()`, nil))
	answer := eval[string](b, `document.querySelector(".answer").textContent`)
	if text, ok := strings.CutPrefix(answer, "Prediction of y2: "); !ok ||
		six(t, text) != six(t, said[1]["prediction_y2"]) {
		t.Errorf("%s, want %v", answer, said[1]["prediction_y2"])
	}
	const seen = `[...document.querySelectorAll(".panel")].filter((p) => p.checkVisibility()).map((p) => p.ariaLabel).join()`
	if got := eval[string](b, seen); got != "y1" {
		t.Errorf("charts of %s", got)
	}
	b.do(
		chromedp.Evaluate(
			`(() => { const s = document.querySelector("#each-widget-choice"); s.selectedIndex = 2; s.dispatchEvent(new Event("change")); })()`, nil))
	if got := eval[string](b, seen); got != "y3" {
		t.Errorf("charts of %s", got)
	}
	b.shoot("targets y3")
	b.check()
}
