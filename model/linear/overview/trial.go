package overview

import (
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"beamlearn/model/features"
	"beamlearn/model/linear"
	"beamlearn/model/report"
)

//go:embed encode.js score.js trial.html trial.js
var assets embed.FS

// trialBytes is how large the data of a form may be: enough for all coefficients of 2^18 hashed features.
const trialBytes = 4 << 20

// trialModel is a model of a form.
type trialModel struct {
	Name string      `json:"name,omitempty"` // of the target, of several
	Task linear.Task `json:"task,omitempty"`
	Loss linear.Loss `json:"loss,omitempty"`
	// MultiClass is Multinomial where probabilities are a softmax.
	MultiClass linear.MultiClass `json:"multi_class,omitempty"`
	// Log says that the decision value is the logarithm of the prediction.
	Log bool `json:"log,omitempty"`
	// Exposure is the feature that multiplies the prediction, or whose exponential does.
	Exposure  *linear.Exposure `json:"exposure,omitempty"`
	Classes   []string         `json:"classes,omitempty"`
	Intercept []float64        `json:"intercept,omitempty"`
	// that have coefficients, each counted from the one before it, as varints
	Features []byte `json:"features,omitempty"`
	// float64, little-endian: of each such feature one for each intercept
	Coef []byte `json:"coef,omitempty"`
}

// trial is the data of a form in which one enters a row and sees what the model says of it: the model, or those of
// several targets, and what it takes to encode.
type trial struct {
	trialModel
	Targets  []trialModel   `json:"targets,omitempty"`
	Dim      int            `json:"dim"`
	Sparse   bool           `json:"sparse,omitempty"` // sums are those of sparse rows
	Options  trialOptions   `json:"options"`
	Columns  []trialColumn  `json:"columns"`
	Products []trialProduct `json:"products,omitempty"`
	Shown    []int          `json:"shown"` // the columns that have a field from the beginning
	Examples []trialExample `json:"examples,omitempty"`
	Image    []int          `json:"image,omitempty"` // width and height of the picture that the columns are
}

type trialOptions struct {
	NGrams   [2]int            `json:"ngrams"`
	Analyzer features.Analyzer `json:"analyzer,omitempty"`
	Refuse   bool              `json:"refuse,omitempty"` // missing numbers
}

// trialColumn is a column of the table, as encode.js takes it.
type trialColumn struct {
	Name        string             `json:"name"`
	Kind        features.Kind      `json:"kind"`
	Start       string             `json:"start"` // what its field begins with
	First       int                `json:"first"`
	Width       int                `json:"width"`
	Parts       []trialPart        `json:"parts,omitempty"`
	Indicator   bool               `json:"indicator,omitempty"`
	Values      features.ValueType `json:"values,omitempty"`
	Categories  []string           `json:"categories,omitempty"`
	Missing     bool               `json:"missing,omitempty"` // is a category
	Rare        bool               `json:"rare,omitempty"`    // categories share one, with unknown ones
	Bits        int                `json:"bits,omitempty"`    // of the hash
	Documents   int64              `json:"documents,omitempty"`
	Frequencies []byte             `json:"frequencies,omitempty"`
}

type trialPart struct {
	Name  string  `json:"name,omitempty"`
	Fill  float64 `json:"fill,omitempty"`
	Mean  float64 `json:"mean"`
	Scale float64 `json:"scale"`
	Min   float64 `json:"min,omitempty"`
	Max   float64 `json:"max,omitempty"`
	Knots int     `json:"knots,omitempty"`
}

type trialProduct struct {
	Name    string   `json:"name"`
	Factors [][3]int `json:"factors"` // a column, and of its features the first and the number that take part
	First   int      `json:"first"`
	Hashed  bool     `json:"hashed,omitempty"`
	Bits    int      `json:"bits"` // of the hash
}

// trialExample is a row of the data, and what is true of it.
type trialExample struct {
	Values  []float64 `json:"values"`
	Target  string    `json:"target,omitempty"`
	Targets []string  `json:"targets,omitempty"` // of several, "" where that is not known
}

// try is the form, or, of a model that is too large for it, a line that says so.
func (v *View) try() ([]report.Block, error) {
	t := v.form(v.sizes())
	t.trialModel, t.Examples = v.trialModel(), v.examples()
	return t.blocks()
}

// try is the form for all targets.
func (s *Several) try() ([]report.Block, error) {
	v, size := s.Views[0], make([]float64, s.Views[0].Model.Features())
	for _, one := range s.Views {
		if !reflect.DeepEqual(one.Model.Scaler, v.Model.Scaler) {
			return []report.Block{report.Text("The form to try the models is left out, as they do not standardise the columns " +
				"in the same way: predict takes rows from files.")}, nil
		}
		own := one.sizes()
		largest := slices.Max(own)
		for j := range size {
			if largest > 0 {
				size[j] = max(size[j], own[j]/largest)
			}
		}
	}
	t := v.form(size)
	for k, one := range s.Views {
		m := one.trialModel()
		m.Name = s.Targets[k]
		t.Targets = append(t.Targets, m)
	}
	t.Examples = s.examples()
	return t.blocks()
}

// trialModel is the model as a form takes it.
func (v *View) trialModel() trialModel {
	m := v.Model
	t := trialModel{Task: m.Task, Loss: m.Loss, MultiClass: m.Options.MultiClass, Intercept: m.Intercept}
	if of, ok := m.Options.Deviance(); ok {
		t.Log, t.Exposure = of.Log(), m.Options.Exposure
	}
	for i := range m.Classes.Len() {
		t.Classes = append(t.Classes, m.Classes.Label(i))
	}
	t.pack(m.Coef)
	return t
}

// form is a form without a model: fields, for the columns with the largest of these sizes of features from the
// beginning, and what it takes to encode what is entered.
func (v *View) form(size []float64) *trial {
	m := v.Model
	t := &trial{Dim: m.Features()}
	if m.Encoding != nil {
		t.encoded(m.Encoding)
	} else {
		v.plain(t)
	}
	t.Shown = important(t.Columns, size)
	if _, ok := m.Options.Deviance(); ok {
		t.expose(m.Options.Exposure)
	}
	if v.Width > 0 && v.Width*v.Height == len(t.Columns) {
		t.Image = []int{v.Width, v.Height}
	}
	return t
}

// blocks are the form as the page has it.
func (t *trial) blocks() ([]report.Block, error) {
	data, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("the data of the form: %w", err)
	}
	if len(data) > trialBytes {
		return []report.Block{report.Text(
			fmt.Sprintf("The form to try the model is left out, as the page would have to hold %d MB of "+
				"coefficients and categories, more than %d MB: predict takes rows from files.", (len(data)+1<<20-1)>>20,
				trialBytes>>20))}, nil
	}
	widget, err := report.ReadWidget(assets, "trial", json.RawMessage(data))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"score.js", "encode.js"} {
		code, err := assets.ReadFile(name)
		if err != nil {
			return nil, err
		}
		widget.Script = string(code) + widget.Script
	}
	return []report.Block{widget}, nil
}

// expose gives the column of the exposure a field that begins with the exposure 1.
func (t *trial) expose(x *linear.Exposure) {
	if x == nil {
		return
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.First != x.Feature {
			continue
		}
		if c.Start = "1"; x.Log {
			c.Start = "0"
		}
		if !slices.Contains(t.Shown, i) {
			t.Shown = append(t.Shown, i)
			slices.Sort(t.Shown)
		}
	}
}

// plain makes a column of each feature.
func (v *View) plain(t *trial) {
	s := v.Model.Scaler
	t.Options = trialOptions{NGrams: [2]int{1, 1}, Refuse: true}
	for j := range v.Model.Features() {
		c := trialColumn{Name: v.feature(j), Kind: features.Numeric, First: j, Width: 1, Start: "0"}
		p := trialPart{Scale: 1}
		if s != nil && s.WithMean {
			p.Mean, c.Start = s.Mean[j], start(s.Mean[j])
		}
		if s != nil && s.WithStd {
			p.Scale = s.Scale[j]
		}
		c.Parts = []trialPart{p}
		t.Columns = append(t.Columns, c)
	}
}

// encoded takes over what the encoding makes of each column of the table.
func (t *trial) encoded(e *features.Encoding) {
	o := e.Options()
	t.Options = trialOptions{NGrams: o.NGrams, Analyzer: o.Analyzer, Refuse: o.Impute == features.ImputeNone}
	t.Sparse = e.Sparse()
	places := map[int]int{} // of the columns that are not left out
	all := e.Columns()
	for i := range all {
		c := &all[i]
		if c.Kind == features.LeftOut {
			continue
		}
		places[i] = len(t.Columns)
		to := trialColumn{
			Name: c.Name, Kind: c.Kind, Indicator: c.Indicator, Values: c.Values, Categories: c.Categories,
			Missing: c.MissingCategory, Rare: len(c.Rare) > 0, Bits: c.Bits, Documents: c.Documents, Frequencies: c.Frequencies,
			Start: startOf(c),
		}
		to.First, to.Width = c.Span()
		for _, p := range c.Parts {
			to.Parts = append(to.Parts, trialPart(p))
		}
		t.Columns = append(t.Columns, to)
	}
	for _, p := range e.Products() {
		to := trialProduct{Name: p.Name, First: p.First, Hashed: p.Hashed, Bits: p.Bits}
		for _, f := range p.Factors {
			to.Factors = append(to.Factors, [3]int{places[f.Column], f.Lo, f.Width})
		}
		t.Products = append(t.Products, to)
	}
}

// startOfNumber is what stands for a missing number, and a whole one where the least and the largest are.
func startOfNumber(p *features.Part) string {
	v := min(max(p.Fill, p.Min), p.Max)
	if p.Min == math.Trunc(p.Min) && p.Max == math.Trunc(p.Max) {
		v = math.Round(v)
	}
	return start(v)
}

// start is a number for a field to begin with.
func start(v float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		return "0"
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// startOf is what the field of a column begins with: what stands for a missing number, the category that is most
// frequent.
func startOf(c *features.Column) string {
	switch c.Kind {
	case features.Numeric:
		return startOfNumber(&c.Parts[0])
	case features.Boolean:
		return strconv.FormatBool(c.Parts[0].Fill >= 0.5)
	case features.Categorical:
		if len(c.Categories) > 0 {
			return c.Categories[report.Largest(c.Counts, 1)[0]]
		}
	case features.Date:
		return startOfDate(c.Parts)
	case features.List:
		text := ""
		for i, p := range c.Parts {
			if i > 0 {
				text += ", "
			}
			text += start(p.Fill)
		}
		return text
	}
	return ""
}

// startOfDate is a date that has about the parts that stand for a missing one.
func startOfDate(parts []features.Part) string {
	at := map[string]float64{"year": 1970, "month": 1}
	for _, p := range parts {
		at[p.Name] = math.Round(min(max(p.Fill, p.Min), p.Max))
	}
	day := time.Date(int(at["year"]), time.Month(at["month"]), 1, 0, 0, 0, 0, time.UTC)
	if days, ok := at["days"]; ok {
		day = time.Unix(int64(days)*24*60*60, 0).UTC()
	}
	if hour, ok := at["hour"]; ok {
		return fmt.Sprintf("%sT%02d:00", day.Format(time.DateOnly), int(hour))
	}
	return day.Format(time.DateOnly)
}

// pack packs the features that have a coefficient, and these.
func (t *trialModel) pack(coef [][]float64) {
	last := 0
	for j := range coef[0] {
		if !slices.ContainsFunc(coef, func(w []float64) bool { return w[j] != 0 }) {
			continue
		}
		t.Features = binary.AppendUvarint(t.Features, uint64(j-last))
		last = j
		for _, w := range coef {
			t.Coef = binary.LittleEndian.AppendUint64(t.Coef, math.Float64bits(w[j]))
		}
	}
}

// important are the columns that get a field from the beginning: all of few, otherwise those with the largest
// coefficients, in the order of the table. sizes are those of the features.
func important(columns []trialColumn, sizes []float64) []int {
	const few = 40
	n := shownFeatures
	if len(columns) <= few {
		n = len(columns)
	}
	size := make([]float64, len(columns))
	for i := range columns {
		c := &columns[i]
		size[i] = slices.Max(sizes[c.First : c.First+c.Width])
	}
	shown := report.Largest(size, n)
	slices.Sort(shown)
	return shown
}

// examples are rows of the data for a form to begin with.
func (v *View) examples() []trialExample {
	if v.Judged == nil || v.Model.Encoding != nil {
		return nil
	}
	var list []trialExample
	for _, e := range v.Judged.examples {
		list = append(list, trialExample{Values: e.values, Target: v.label(e)})
	}
	return list
}

// examples are rows of the data with all their targets.
func (s *Several) examples() []trialExample {
	list := s.Views[0].examples()
	for i := range list {
		list[i].Target = ""
		rank := s.Views[0].Judged.examples[i].rank
		for _, v := range s.Views {
			text := ""
			for _, e := range v.Judged.examples {
				if e.rank == rank {
					text = v.label(e)
				}
			}
			list[i].Targets = append(list[i].Targets, text)
		}
	}
	return list
}

// label is the target of an example.
func (v *View) label(e example) string {
	if v.Model.Task == linear.Classification {
		return v.Model.Classes.Label(int(e.target))
	}
	return report.Format(e.target)
}
