package overview

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/features"
	"beamlearn/model/linear"
	"beamlearn/model/tables"
)

// trialOf is the data of the form in a page.
func trialOf(t *testing.T, page string) *trial {
	t.Helper()
	m := regexp.MustCompile(`<script type="application/json" id="trial-widget-data">(.*)</script>`).FindStringSubmatch(
		page)
	if m == nil {
		t.Fatal("the page has no form")
	}
	d := json.NewDecoder(strings.NewReader(m[1]))
	d.DisallowUnknownFields()
	form := &trial{}
	if err := d.Decode(form); err != nil {
		t.Fatal(err)
	}
	return form
}

// unpack is what pack packed.
func (t *trial) unpack() [][]float64 {
	coef := make([][]float64, len(t.Intercept))
	for k := range coef {
		coef[k] = make([]float64, t.Dim)
	}
	at := 0
	for gaps, values := t.Features, t.Coef; len(gaps) > 0; {
		gap, n := binary.Uvarint(gaps)
		gaps, at = gaps[n:], at+int(gap)
		for k := range coef {
			coef[k][at] = math.Float64frombits(binary.LittleEndian.Uint64(values))
			values = values[8:]
		}
	}
	return coef
}

func TestTrialOfNumbers(t *testing.T) {
	m := &linear.Model{
		Task: linear.Classification, Loss: linear.LogLoss, Coef: [][]float64{{0, 1.0 / 3}, {2, 0}, {-1e-300, 0}},
		Intercept: []float64{1, 2, 3},
		Classes:   linear.Classes{Texts: []string{"a" + evil, "b", "c"}}, FeatureNames: []string{"x" + evil, "y"},
		Scaler: &linear.StandardScaler{WithMean: true, WithStd: true, Mean: []float64{1234.5678, 0.1},
			Scale: []float64{0.1, 2}},
	}
	c := rows(20, func(x, y float64) float64 { return 0 })
	j := &Judged{Of: 20}
	if err := j.Add(m, c, func(i int) int32 { return int32(i%4) - 1 }); err != nil {
		t.Fatal(err)
	}
	form := trialOf(t, write(t, &View{Source: "x", Model: m, Columns: m.FeatureNames, Judged: j}))
	if got := form.unpack(); fmt.Sprint(got) != fmt.Sprint(m.Coef) {
		t.Errorf("coefficients %v, want %v", got, m.Coef)
	}
	if got := form.Columns[0]; got.Name != m.FeatureNames[0] || got.Kind != features.Numeric || got.Start != "1235" ||
		got.Parts[0].Mean != 1234.5678 || got.Parts[0].Scale != 0.1 {
		t.Errorf("column %+v", got)
	}
	if !slices.Equal(form.Classes, m.Classes.Texts) || !slices.Equal(form.Shown, []int{0, 1}) || !form.Options.Refuse ||
		form.Sparse {
		t.Errorf("form %+v", form)
	}
	if len(form.Examples) != mostExamples {
		t.Fatalf("%d examples", len(form.Examples))
	}
	for _, e := range form.Examples { // whole rows, each with its class
		at := slices.Index(c.X, e.Values[0])
		if at < 0 || at%2 > 0 || c.X[at+1] != e.Values[1] || e.Target != m.Classes.Texts[at/2%4-1] {
			t.Errorf("example %+v", e)
		}
	}
}

// Of hundreds of columns, those that matter have fields; a form of too many bytes is left out.
func TestTrialOfMany(t *testing.T) {
	for _, features := range []int{500, 60_000} {
		w := make([]float64, features)
		for i := range w {
			w[i] = 1 + float64(i*7919%features)
		}
		m := &linear.Model{Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{w}, Intercept: []float64{0}}
		page := write(t, &View{Source: "x", Model: m})
		if features > 500 {
			has(t, page, "The form to try the model is left out, as the page would have to hold")
			if len(page) > trialBytes {
				t.Errorf("%d bytes", len(page))
			}
			continue
		}
		form := trialOf(t, page)
		if len(form.Shown) != shownFeatures || !slices.IsSorted(form.Shown) {
			t.Errorf("fields for %d columns: %v", len(form.Shown), form.Shown)
		}
		for _, i := range form.Shown {
			if w[i] < float64(features-shownFeatures) {
				t.Errorf("column %d has a field, with the coefficient %v", i, w[i])
			}
		}
	}
}

// A form for a table has a field for each of its columns, and what it takes to encode what is entered.
func TestTrialOfTable(t *testing.T) {
	table := tables.New([]tables.Field{
		{Name: "carrier", Type: tables.Cell}, {Name: "delay", Type: tables.Cell}, {Name: "year", Type: tables.Cell},
		{Name: "at", Type: tables.Cell}, {Name: "late", Type: tables.Cell},
	})
	for _, row := range [][5]string{
		{"UA", "2", "2013", "2013-01-31 05:00", "true"}, {"AA", "NA", "2013", "2013-02-28 07:00", "false"},
		{"UA", "4", "2013", "2013-03-01 06:00", "true"},
	} {
		for i, cell := range row {
			table.Columns[i].AppendText([]byte(cell))
		}
	}
	e := encodingOf(t, table, features.Options{Interactions: []string{"carrier*delay"}, Standardize: true})
	m := &linear.Model{Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{make([]float64, e.Dim())},
		Intercept: []float64{0}, Encoding: e}
	for j := range m.Coef[0] {
		m.Coef[0][j] = float64(j)
	}
	page := write(t, &View{Source: "x", Model: m, Columns: e.Names()})
	has(t, page, "Columns of one coefficient", `<figcaption>carrier</figcaption>`, `<title>UA: 1</title>`,
		`<title>missing: 3</title>`, `<title>month: 4</title>`,
		`<tr><th scope="row">carrier*delay</th><td class="number">2</td><td class="number">0</td><td class="number">10</td></tr>`, "per std. deviation")
	form := trialOf(t, page)
	var got []string
	for _, c := range form.Columns {
		got = append(got, fmt.Sprint(c.Name, " ", c.Kind, " ", c.Start, " ", c.First, "+", c.Width))
	}
	want := []string{"carrier categorical UA 0+2", "delay numeric 3 2+2", "at date 2013-02-19T06:00 4+4",
		"late boolean true 8+1"}
	if !slices.Equal(got, want) {
		t.Errorf("columns %q, want %q", got, want)
	}
	if p := form.Products; len(p) != 1 || p[0].Name != "carrier*delay" ||
		!slices.Equal(p[0].Factors, [][3]int{{0, 0, 2}, {1, 0, 1}}) || p[0].First != 9 {
		t.Errorf("products %+v", p)
	}
	if got := form.unpack(); fmt.Sprint(got) != fmt.Sprint(m.Coef) {
		t.Errorf("coefficients %v, want %v", got, m.Coef)
	}
}

func encodingOf(t *testing.T, table *tables.Table, o features.Options) *features.Encoding {
	t.Helper()
	survey, err := features.NewSurvey(table.Fields(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := survey.Add(table); err != nil {
		t.Fatal(err)
	}
	e, err := survey.Encoding()
	if err != nil {
		t.Fatal(err)
	}
	return e
}
