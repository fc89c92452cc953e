package linear

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/internal/jsontext"
)

// Model is a linear model: plain data. It is safe for concurrent use as long as nobody changes it.
type Model struct {
	Task         Task
	Loss         Loss
	FeatureNames []string // nil, or one for each column
	Classes      Classes  // of a classification
	// rows × features: a row for each of more than two classes, otherwise one, for Classes[1] where there are two
	Coef      [][]float64
	Intercept []float64 // one for each row of Coef; of a OneClass, minus scikit-learn's offset_
	Scaler    *StandardScaler
	Options   Options // as they were; Classes are none, but for Task and Loss repeated from above
	Training  Training
	State     *State // what it takes to go on with SGD; nil where there is no going on
	// Encoding brings rows of tables to the features; nil where rows are numbers.
	Encoding *features.Encoding
	// ZeroBased says that the rows were of .svm, whose index of the first column was 0, as are those of rows to predict.
	ZeroBased bool
	// Inference says how sure the coefficients are; nil where nobody asked.
	Inference *Inference
}

// Training is what the model comes from.
type Training struct {
	Solver string `json:"solver"` // sgd, or exact
	// of an epoch, of the last training; [sgd.SGD] by itself counts them in each epoch anew
	Rows      int64   `json:"rows"`
	Epochs    int     `json:"epochs"`               // passes of an exact solver
	ClassRows []int64 `json:"class_rows,omitempty"` // of each class, counted likewise
	// Of an exact solver: what it minimised, and the norm of its gradient, for each row of coef, or once where it is
	// multinomial, where that is known; and how far the objective is above the least at most, of several rows of coef the
	// largest: the duality gap of l1 and elasticnet, of losses with corners, and of L-BFGS and conjugate gradients.
	Objective    jsontext.Floats `json:"objective,omitempty"`
	GradientNorm jsontext.Floats `json:"gradient_norm,omitempty"`
	Gap          float64         `json:"gap,omitempty"`
}

// Validate says what is wrong with the model.
func (m *Model) Validate() error {
	o := m.Options
	o.Task = m.Task
	if err := o.Validate(); err != nil {
		return fmt.Errorf("hyperparameters: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	o.EnsureDefaults()
	if o.Loss != m.Loss {
		return fmt.Errorf("loss %q: must be that of the hyperparameters, %s", m.Loss, o.Loss)
	}
	if err := m.Classes.Check(); err != nil {
		return err
	}
	want, features := 1, m.Features()
	switch n := m.Classes.Len(); {
	case m.Task == Classification:
		if n < 2 {
			return fmt.Errorf("classes: %d: must be at least two", n)
		}
		if want = NumVectors(n); want == 1 && o.MultiClass == Multinomial {
			return errors.New("multi_class multinomial: of two classes: must be of more")
		}
	case n > 0:
		return fmt.Errorf("classes: only classification has them, not %s", m.Task)
	}
	if len(m.Coef) != want || len(m.Intercept) != want {
		return fmt.Errorf("coef of %d rows and %d intercepts: must be %d", len(m.Coef), len(m.Intercept), want)
	}
	if features == 0 {
		return errors.New("coef: must have at least one feature")
	}
	if err := m.checkCoef(features); err != nil {
		return err
	}
	if err := errors.Join(m.checkExposure(), m.checkInference()); err != nil {
		return err
	}
	if m.Scaler != nil {
		if err := m.Scaler.Validate(); err != nil {
			return err
		}
		if len(m.Scaler.Mean) != features {
			return fmt.Errorf("scaler: of %d features, the model has %d", len(m.Scaler.Mean), features)
		}
	}
	if e := m.Encoding; e != nil {
		if e.Dim() != features || !slices.Equal(e.Names(), m.FeatureNames) {
			return fmt.Errorf("encoding: of %d features, not those of feature_names", e.Dim())
		}
	}
	problems := want
	if o.MultiClass == Multinomial {
		problems = 1
	}
	if err := m.Training.check(problems, m.Classes.Len()); err != nil {
		return err
	}
	if m.State != nil {
		return m.checkState()
	}
	return nil
}

// checkCoef checks the numbers and names of so many features.
func (m *Model) checkCoef(features int) error {
	for i, w := range m.Coef {
		if len(w) != features {
			return fmt.Errorf("coef: row %d has %d features, row 0 has %d", i, len(w), features)
		}
		for j, v := range w {
			if v-v != 0 {
				return fmt.Errorf("coef: %v in row %d, feature %d: must be finite", v, i, j)
			}
		}
		if v := m.Intercept[i]; v-v != 0 {
			return fmt.Errorf("intercept: %v in row %d: must be finite", v, i)
		}
	}
	if m.FeatureNames != nil && len(m.FeatureNames) != features {
		return fmt.Errorf("feature_names: %d for %d features", len(m.FeatureNames), features)
	}
	if m.Encoding != nil {
		return nil // whose names are each there once, and must be these
	}
	if name, twice := duplicate(m.FeatureNames); twice {
		return fmt.Errorf("feature_names: %s twice", fault.Quote(name))
	}
	return nil
}

// duplicate is the first text that an earlier one equals, if there is any. Of many it takes a tenth of the time that a
// map does.
func duplicate(texts []string) (string, bool) {
	size := 2
	for size < 2*len(texts) {
		size *= 2
	}
	seed, table := maphash.MakeSeed(), make([]int32, size) // of texts, counted from 1
	for i, text := range texts {
		at := int(maphash.String(seed, text)) & (size - 1)
		for ; table[at] > 0; at = (at + 1) & (size - 1) {
			if texts[table[at]-1] == text {
				return text, true
			}
		}
		table[at] = int32(i + 1)
	}
	return "", false
}

// check is for a model of so many problems and classes.
func (t *Training) check(problems, classes int) error {
	if t.Rows < 0 || t.Epochs < 0 {
		return fmt.Errorf("training: %d rows in %d epochs: must not be negative", t.Rows, t.Epochs)
	}
	for _, v := range []jsontext.Floats{t.Objective, t.GradientNorm} {
		if len(v) != 0 && len(v) != problems ||
			slices.ContainsFunc(v, func(v float64) bool { return !(v >= 0) || v-v != 0 }) {
			return fmt.Errorf("training: objective and gradient_norm: must be %d numbers from 0 on, or none", problems)
		}
	}
	if !(t.Gap >= 0) || t.Gap-t.Gap != 0 {
		return fmt.Errorf("training: gap %v: must be a number from 0 on", t.Gap)
	}
	if n := len(t.ClassRows); n > 0 && n != classes {
		return fmt.Errorf("training: rows of %d classes, there are %d", n, classes)
	}
	var sum int64
	for _, n := range t.ClassRows {
		if n < 0 || n > t.Rows-sum {
			return fmt.Errorf("training: class_rows: must be counts that sum to no more than %d rows", t.Rows)
		}
		sum += n
	}
	return nil
}

// checkState checks the state, and compares it with the coefficients, which follow from it.
func (m *Model) checkState() error {
	if err := m.State.Check(m); err != nil {
		return err
	}
	o := m.Options
	o.Task = m.Task
	o.EnsureDefaults()
	if m.State.Columns != nil && m.State.Columns.Touched != nil {
		return nil // penalties are due, which the coefficients have had
	}
	for i := range m.State.Vectors {
		w, b := m.State.Vectors[i].Coef(float64(o.Average), m.State.T)
		if m.Task == OneClass {
			b--
		}
		if !slices.Equal(w, m.Coef[i]) || b != m.Intercept[i] {
			return fmt.Errorf("state: gives other coef or intercept in row %d than stand in the model", i)
		}
	}
	return nil
}

// Format says in a file what it is.
const Format = "beamlearn.linear"

const modelVersion = 1

// modelFile is a model in JSON, in the order of the file.
type modelFile struct {
	Format       string             `json:"format"`
	Version      int                `json:"version"`
	Task         Task               `json:"task"`
	Loss         Loss               `json:"loss"`
	FeatureNames []string           `json:"feature_names"`
	Classes      *Classes           `json:"classes"`
	Coef         []jsontext.Floats  `json:"coef"`
	Intercept    jsontext.Floats    `json:"intercept"`
	Scaler       *StandardScaler    `json:"scaler"`
	Options      Options            `json:"hyperparameters"`
	Training     Training           `json:"training"`
	State        *State             `json:"state"`
	Encoding     *features.Encoding `json:"encoding"`
	ZeroBased    bool               `json:"zero_based"`
	Inference    *Inference         `json:"inference"`
}

// Save writes the model as JSON, a line for each field: format "beamlearn.linear", version 1, task, loss,
// feature_names (or null, also where an encoding has hashed columns, and says them), classes (or null), coef,
// intercept, scaler (or null), hyperparameters by scikit-learn's names, training, and state (or null), and of a model
// of tables its encoding; zero_based, where it is true; and inference, where there is one. Numbers are in their
// shortest form, which reads back bit by bit. It saves nothing that Load would refuse. It does not close w.
func (m *Model) Save(w io.Writer) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("linear.Model.Save: %w", err)
	}
	var coef []jsontext.Floats
	for _, row := range m.Coef {
		coef = append(coef, row)
	}
	o := m.Options
	o.Task = m.Task
	o.EnsureDefaults()
	var classes any
	if m.Task == Classification {
		classes = m.Classes
	}
	b := bufio.NewWriter(w) // whose first error stays
	b.WriteByte('{')
	type field struct {
		name  string
		value any
	}
	names := m.FeatureNames
	if m.Encoding != nil && m.Encoding.Hashed() {
		names = nil
	}
	fields := []field{
		{"format", Format}, {"version", modelVersion}, {"task", m.Task}, {"loss", m.Loss}, {"feature_names", names},
		{"classes", classes}, {"coef", coef}, {"intercept", jsontext.Floats(m.Intercept)}, {"scaler", m.Scaler},
		{"hyperparameters", o},
		{"training", m.Training}, {"state", m.State},
	}
	if m.Encoding != nil {
		fields = append(fields, field{"encoding", m.Encoding})
	}
	if m.ZeroBased {
		fields = append(fields, field{"zero_based", true})
	}
	if m.Inference != nil {
		fields = append(fields, field{"inference", m.Inference})
	}
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "\n  %q: ", f.name)
		if err := write(b, f.value); err != nil {
			return fmt.Errorf("linear.Model.Save: %s: %w", f.name, err)
		}
	}
	b.WriteString("\n}\n")
	return b.Flush()
}

// write writes the JSON of a value, and that quickly which is long in models.
func write(b *bufio.Writer, value any) error {
	switch v := value.(type) {
	case []jsontext.Floats:
		b.WriteByte('[')
		for i, row := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := row.Write(b); err != nil {
				return err
			}
		}
		return b.WriteByte(']')
	case *State:
		if v != nil {
			return v.write(b)
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = b.Write(text)
	return err
}

// Load reads what Save writes; name stands in its faults. It takes memory in proportion to the file, and refuses what
// is not of this version, has fields that it does not know or any twice, or contradicts itself.
func Load(name string, r io.Reader) (*Model, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if m := loadLong(b); m != nil {
		return m, nil
	}
	bad := func(format string, args ...any) error {
		return fault.File(name, fmt.Sprintf("a model of beamlearn, version %d", modelVersion), format, args...)
	}
	switch other, err := jsontext.Head(b, Format, modelVersion); {
	case err != nil:
		return nil, bad("%s", fault.JSON(b, err))
	case other != "":
		return nil, bad("%s", other)
	}
	if err := CheckKeys(b); err != nil {
		return nil, bad("%v", err)
	}
	var f modelFile
	if err := jsontext.Unmarshal(b, &f); err != nil {
		return nil, bad("%s", fault.JSON(b, err))
	}
	m, err := f.model()
	if err != nil {
		return nil, bad("%v", err)
	}
	return m, nil
}

// loadLong is Load of a file with long lists of numbers, which are read once; nil where there are none, or where the
// file is at fault in any way, which Load finds out by its own.
func loadLong(b []byte) *Model {
	short, lists, ok := jsontext.Lift(b, "coef", "state")
	if !ok {
		return nil
	}
	if other, err := jsontext.Head(short, Format, modelVersion); err != nil || other != "" ||
		CheckKeys(short) != nil {
		return nil
	}
	var f modelFile
	if jsontext.Unmarshal(short, &f) != nil {
		return nil
	}
	for i := range f.Coef {
		lists.Put(&f.Coef[i])
	}
	f.State.each(lists.Put)
	if !lists.Whole() {
		return nil
	}
	m, err := f.model()
	if err != nil {
		return nil
	}
	return m
}

// model is the model of a file, if that is valid.
func (f *modelFile) model() (*Model, error) {
	m := &Model{
		Task: f.Task, Loss: f.Loss, FeatureNames: f.FeatureNames, Intercept: f.Intercept,
		Scaler: f.Scaler, Options: f.Options, Training: f.Training, State: f.State, Encoding: f.Encoding,
		ZeroBased: f.ZeroBased, Inference: f.Inference,
	}
	if f.FeatureNames == nil && f.Encoding != nil {
		m.FeatureNames = f.Encoding.Names()
	}
	if f.Classes != nil {
		m.Classes = *f.Classes
	}
	for _, row := range f.Coef {
		m.Coef = append(m.Coef, row)
	}
	m.Options.Task = m.Task
	m.Options.EnsureDefaults()
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// FormatOf is what the file of a model says of its format, "" where it says nothing.
func FormatOf(b []byte) string { return jsontext.Format(b) }

// CheckKeys refuses objects that have a field twice, of which readers would take different ones, or a field in
// capitals, which encoding/json takes for another. The JSON is well formed.
func CheckKeys(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	type level struct {
		seen   map[string]bool // nil: a list
		isKey  bool            // a key comes next
		key    string          // the last
		labels bool            // keys are not fields
	}
	var stack []level
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		labels := false
		if len(stack) > 0 && stack[len(stack)-1].seen != nil {
			top := &stack[len(stack)-1]
			if top.isKey {
				top.key = token.(string)
				if top.seen[top.key] {
					return fmt.Errorf("the field %s twice", fault.Quote(top.key))
				}
				if !top.labels && strings.ToLower(top.key) != top.key {
					return fmt.Errorf("the field %s", fault.Quote(top.key))
				}
				top.seen[top.key] = true
			}
			top.isKey = !top.isKey
			labels = top.key == "class_weight"
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{seen: map[string]bool{}, isKey: true, labels: labels})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}
