package linear

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"beamlearn/model/fault"
)

// Model is a linear model: plain data. It is safe for concurrent use as long as nobody changes it.
type Model struct {
	Task         Task
	Loss         Loss
	FeatureNames []string    // nil, or one for each column
	Classes      Classes     // of a classification
	Coef         [][]float64 // rows × features: a row for each of more than two classes, otherwise one, for Classes[1] where there are two
	Intercept    []float64   // one for each row of Coef; of a OneClass, minus scikit-learn's offset_
	Scaler       *StandardScaler
	Options      Options // as they were; Classes are none, but for Task and Loss repeated from above
	Training     Training
	State        *State // what it takes to go on with SGD; nil where there is no going on
}

// Training is what the model comes from.
type Training struct {
	Solver    string  `json:"solver"` // sgd, or exact
	Rows      int64   `json:"rows"`   // learned from, those of every epoch
	Epochs    int     `json:"epochs"`
	ClassRows []int64 `json:"class_rows,omitempty"` // of each class
	// Of an exact solver: what it minimised, and the norm of its gradient, for each row of coef, where that is known; and the
	// duality gap of l1 and elasticnet.
	Objective    floats  `json:"objective,omitempty"`
	GradientNorm floats  `json:"gradient_norm,omitempty"`
	Gap          float64 `json:"gap,omitempty"`
}

// State is what an [SGD] is made of, to the last bit, so that whoever goes on comes to the same end. Only [Resume] needs to
// understand it.
type State struct {
	T         float64       `json:"t"` // number of the next row
	EpochRows int64         `json:"epoch_rows"`
	Vectors   []vectorState `json:"vectors"`
	Unseen    *vectorState  `json:"unseen,omitempty"`
}

type vectorState struct {
	Weights       floats    `json:"weights"` // times scale
	Scale         float64   `json:"scale"`
	Intercept     float64   `json:"intercept"`
	Mean          floats    `json:"mean,omitempty"`
	MeanA         float64   `json:"mean_a,omitempty"`
	MeanB         float64   `json:"mean_b,omitempty"`
	MeanIntercept float64   `json:"mean_intercept,omitempty"`
	Eta           float64   `json:"eta"`
	Stopping      *stopping `json:"stopping,omitempty"`
}

type stopping struct {
	Rows      int64             `json:"rows"`
	Objective float64           `json:"objective"`
	Scores    RegressionMetrics `json:"scores"`
	Right     float64           `json:"right"`
	Weight    float64           `json:"weight"`
	Best      *float64          `json:"best"`
	Bad       int               `json:"bad"`
	Done      bool              `json:"done"`
}

func (s *SGD) state() *State {
	st := &State{T: s.t, EpochRows: s.epochRows}
	for _, v := range s.vectors {
		st.Vectors = append(st.Vectors, v.state(s.options.Tol != nil))
	}
	if s.unseen != nil {
		st.Unseen = new(s.unseen.state(s.options.Tol != nil))
	}
	return st
}

func (v *vector) state(stops bool) vectorState {
	s := vectorState{
		Weights: slices.Clone(v.w), Scale: v.scale, Intercept: v.intercept, Eta: v.eta,
		Mean: slices.Clone(v.mean), MeanIntercept: v.meanIntercept,
	}
	if v.mean != nil {
		s.MeanA, s.MeanB = v.meanA, v.meanB
	}
	if p := &v.progress; stops {
		s.Stopping = &stopping{Rows: p.rows, Objective: p.objective, Scores: p.scores, Right: p.right, Weight: p.weight, Bad: p.bad, Done: p.done}
		if p.seen {
			s.Stopping.Best = new(p.best)
		}
	}
	return s
}

func (s *vectorState) vector(r *rule, features int) (*vector, error) {
	v := newVector(r, features)
	if len(s.Weights) != features || len(s.Mean) != len(v.mean) {
		return nil, fmt.Errorf("state: %d weights and %d means: must be %d and %d", len(s.Weights), len(s.Mean), features, len(v.mean))
	}
	if !(s.Scale >= minScale && s.Scale <= 1) {
		return nil, fmt.Errorf("state: scale %v: must be from %v to 1", s.Scale, minScale)
	}
	if !(s.Eta > 0) || s.Eta-s.Eta != 0 {
		return nil, fmt.Errorf("state: eta %v: must be above 0", s.Eta)
	}
	if v.mean != nil && (!(s.MeanA >= 0) || !(s.MeanB >= 1)) {
		return nil, fmt.Errorf("state: mean_a %v and mean_b %v: must be at least 0 and 1", s.MeanA, s.MeanB)
	}
	copy(v.w, s.Weights)
	copy(v.mean, s.Mean)
	v.scale, v.intercept, v.eta, v.meanIntercept = s.Scale, s.Intercept, s.Eta, s.MeanIntercept
	if v.mean != nil {
		v.meanA, v.meanB = s.MeanA, s.MeanB
	}
	if p := s.Stopping; p != nil {
		if p.Rows < 0 || p.Bad < 0 || !(p.Weight >= 0) || !(p.Right >= 0 && p.Right <= p.Weight) || !(p.Scores.Weight >= 0) || !(p.Scores.M2 >= 0) {
			return nil, errors.New("state: stopping has negative counts")
		}
		v.progress = progress{rows: p.Rows, objective: p.Objective, scores: p.Scores, right: p.Right, weight: p.Weight, bad: p.Bad, done: p.Done}
		if p.Best != nil {
			v.progress.best, v.progress.seen = *p.Best, true
		}
	}
	return v, nil
}

// Resume makes a trainer that goes on where the model's stopped: with the same rows, to the same bits as if it had not
// stopped. Options other than Task, Loss and Average may have been changed in m before. A model without state lends its
// coefficients only: its trainer begins with row 1, and takes no classes but the model's.
func Resume(m *Model) (*SGD, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m.resume()
}

// resume expects all of the model but its state to be valid.
func (m *Model) resume() (*SGD, error) {
	o := m.Options
	o.Task, o.Classes = m.Task, Classes{}
	o.EnsureDefaults()
	s := newSGD(o, m.Features(), m.Classes.clone())
	s.FeatureNames = slices.Clone(m.FeatureNames)
	if m.Scaler != nil {
		s.Scaler = m.Scaler.Clone()
	}
	s.rows, s.epochs = m.Training.Rows, m.Training.Epochs
	if m.Training.ClassRows != nil {
		copy(s.counts, m.Training.ClassRows)
	}
	if m.State == nil {
		for i, v := range s.vectors {
			copy(v.w, m.Coef[i])
			v.intercept = m.Intercept[i]
			if s.rule.oneClass {
				v.intercept++
			}
		}
		return s, nil
	}
	if !(m.State.T >= 1) || m.State.T-m.State.T != 0 || m.State.EpochRows < 0 {
		return nil, fmt.Errorf("state: t %v and epoch_rows %d: must be at least 1 and 0", m.State.T, m.State.EpochRows)
	}
	if len(m.State.Vectors) != len(s.vectors) {
		return nil, fmt.Errorf("state: %d vectors: must be %d", len(m.State.Vectors), len(s.vectors))
	}
	s.t, s.epochRows = m.State.T, m.State.EpochRows
	var err error
	for i := range m.State.Vectors {
		if s.vectors[i], err = m.State.Vectors[i].vector(&s.rule, s.features); err != nil {
			return nil, err
		}
	}
	if u := m.State.Unseen; u != nil {
		if m.Task != Classification {
			return nil, errors.New("state: unseen is for classification")
		}
		if s.unseen, err = u.vector(&s.rule, s.features); err != nil {
			return nil, err
		}
	}
	return s, nil
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
	if err := m.Classes.check(); err != nil {
		return err
	}
	want, features := 1, m.Features()
	switch n := m.Classes.Len(); {
	case m.Task == Classification:
		if n < 2 {
			return fmt.Errorf("classes: %d: must be at least two", n)
		}
		want = vectorsFor(n)
	case n > 0:
		return fmt.Errorf("classes: only classification has them, not %s", m.Task)
	}
	if len(m.Coef) != want || len(m.Intercept) != want {
		return fmt.Errorf("coef of %d rows and %d intercepts: must be %d", len(m.Coef), len(m.Intercept), want)
	}
	if features == 0 {
		return errors.New("coef: must have at least one feature")
	}
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
	seen := make(map[string]bool, len(m.FeatureNames))
	for _, name := range m.FeatureNames {
		if seen[name] {
			return fmt.Errorf("feature_names: %s twice", fault.Quote(name))
		}
		seen[name] = true
	}
	if m.Scaler != nil {
		if err := m.Scaler.Validate(); err != nil {
			return err
		}
		if len(m.Scaler.Mean) != features {
			return fmt.Errorf("scaler: of %d features, the model has %d", len(m.Scaler.Mean), features)
		}
	}
	t := &m.Training
	if t.Rows < 0 || t.Epochs < 0 {
		return fmt.Errorf("training: %d rows in %d epochs: must not be negative", t.Rows, t.Epochs)
	}
	for _, v := range []floats{t.Objective, t.GradientNorm} {
		if len(v) != 0 && len(v) != want || slices.ContainsFunc(v, func(v float64) bool { return !(v >= 0) || v-v != 0 }) {
			return fmt.Errorf("training: objective and gradient_norm: must be %d numbers from 0 on, or none", want)
		}
	}
	if !(t.Gap >= 0) || t.Gap-t.Gap != 0 {
		return fmt.Errorf("training: gap %v: must be a number from 0 on", t.Gap)
	}
	if n := len(t.ClassRows); n > 0 && n != m.Classes.Len() {
		return fmt.Errorf("training: rows of %d classes, there are %d", n, m.Classes.Len())
	}
	var sum int64
	for _, n := range t.ClassRows {
		if n < 0 || n > t.Rows-sum {
			return fmt.Errorf("training: class_rows: must be counts that sum to no more than %d rows", t.Rows)
		}
		sum += n
	}
	if m.State != nil {
		return m.checkState()
	}
	return nil
}

// checkState compares the state with the coefficients, which follow from it.
func (m *Model) checkState() error {
	s, err := m.resume()
	if err != nil {
		return err
	}
	for i, v := range s.vectors {
		w, b := v.coef(&s.rule, s.t)
		if s.rule.oneClass {
			b--
		}
		if !slices.Equal(w, m.Coef[i]) || b != m.Intercept[i] {
			return fmt.Errorf("state: gives other coef or intercept in row %d than stand in the model", i)
		}
	}
	return nil
}

const (
	modelFormat  = "beamlearn.linear"
	modelVersion = 1
)

// modelFile is a model in JSON, in the order of the file.
type modelFile struct {
	Format       string          `json:"format"`
	Version      int             `json:"version"`
	Task         Task            `json:"task"`
	Loss         Loss            `json:"loss"`
	FeatureNames []string        `json:"feature_names"`
	Classes      *Classes        `json:"classes"`
	Coef         []floats        `json:"coef"`
	Intercept    floats          `json:"intercept"`
	Scaler       *StandardScaler `json:"scaler"`
	Options      Options         `json:"hyperparameters"`
	Training     Training        `json:"training"`
	State        *State          `json:"state"`
}

// Save writes the model as JSON, a line for each field: format "beamlearn.linear", version 1, task, loss, feature_names (or
// null), classes (or null), coef, intercept, scaler (or null), hyperparameters by scikit-learn's names, training, and state
// (or null). Numbers are in their shortest form, which reads back bit by bit. It saves nothing that Load would refuse. It does
// not close w.
func (m *Model) Save(w io.Writer) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("linear.Model.Save: %w", err)
	}
	var coef []floats
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
	for i, f := range []struct {
		name  string
		value any
	}{
		{"format", modelFormat}, {"version", modelVersion}, {"task", m.Task}, {"loss", m.Loss}, {"feature_names", m.FeatureNames},
		{"classes", classes}, {"coef", coef}, {"intercept", floats(m.Intercept)}, {"scaler", m.Scaler}, {"hyperparameters", o},
		{"training", m.Training}, {"state", m.State},
	} {
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
	case []floats:
		b.WriteByte('[')
		for i, row := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := row.write(b); err != nil {
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

func (s *State) write(b *bufio.Writer) error {
	head, err := json.Marshal(struct {
		T         float64 `json:"t"`
		EpochRows int64   `json:"epoch_rows"`
	}{s.T, s.EpochRows})
	if err != nil {
		return err
	}
	b.Write(head[:len(head)-1])
	b.WriteString(`,"vectors":[`)
	for i := range s.Vectors {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := s.Vectors[i].write(b); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	if s.Unseen != nil {
		b.WriteString(`,"unseen":`)
		if err := s.Unseen.write(b); err != nil {
			return err
		}
	}
	return b.WriteByte('}')
}

func (s *vectorState) write(b *bufio.Writer) error {
	rest := *s
	rest.Weights, rest.Mean = nil, nil
	tail, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	b.WriteString(`{"weights":`)
	if err := s.Weights.write(b); err != nil {
		return err
	}
	b.Write(bytes.TrimSuffix(bytes.TrimPrefix(tail, []byte(`{"weights":[]`)), []byte("}")))
	if len(s.Mean) > 0 {
		b.WriteString(`,"mean":`)
		if err := s.Mean.write(b); err != nil {
			return err
		}
	}
	return b.WriteByte('}')
}

// Load reads what Save writes; name stands in its faults. It takes memory in proportion to the file, and refuses what is not
// of this version, has fields that it does not know or any twice, or contradicts itself.
func Load(name string, r io.Reader) (*Model, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	bad := func(format string, args ...any) error {
		return fault.File(name, fmt.Sprintf("a model of beamlearn, version %d", modelVersion), format, args...)
	}
	// What it says it is comes first: a later version may have other fields.
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, bad("%s", explain(err))
	}
	if head.Format != modelFormat {
		return nil, bad("format %s", fault.Quote(head.Format))
	}
	if head.Version != modelVersion {
		return nil, bad("version %d", head.Version)
	}
	if err := checkKeys(b); err != nil {
		return nil, bad("%v", err)
	}
	var f modelFile
	if err := unmarshal(b, &f); err != nil {
		return nil, bad("%s", explain(err))
	}
	m := &Model{
		Task: f.Task, Loss: f.Loss, FeatureNames: f.FeatureNames, Intercept: f.Intercept,
		Scaler: f.Scaler, Options: f.Options, Training: f.Training, State: f.State,
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
		return nil, bad("%v", err)
	}
	return m, nil
}

// unmarshal reads one value that has no fields but those of v.
func unmarshal(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// explain is an error of encoding/json without its package and its types.
func explain(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("no JSON at byte %d: %s", syntax.Offset, strings.TrimPrefix(syntax.Error(), "json: "))
	case errors.As(err, &kind):
		return fmt.Sprintf("%s for %s", kind.Value, kind.Field)
	}
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "json: "), "\n", "; ")
}

// checkKeys refuses objects that have a field twice, of which readers would take different ones, or a field in capitals,
// which encoding/json takes for another. The JSON is well formed.
func checkKeys(b []byte) error {
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
