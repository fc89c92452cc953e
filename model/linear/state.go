package linear

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/jsontext"
)

// State is what SGD has come to, to the last bit, so that whoever goes on comes to the same end. Only sgd.Resume
// needs to understand it. In the file of a model its lists are numbers or, where they are long, bytes: see
// [jsontext.Floats.WriteBits].
type State struct {
	T         float64       `json:"t"` // number of the next row
	EpochRows int64         `json:"epoch_rows"`
	Vectors   []VectorState `json:"vectors"`
	Unseen    *VectorState  `json:"unseen,omitempty"`
	// of each class, of all epochs, where balanced classes go by them
	ClassRows []int64      `json:"class_rows,omitempty"`
	Columns   *ColumnState `json:"columns,omitempty"` // of AdaGrad
}

// ColumnState is what AdaGrad knows of the columns of the rows.
type ColumnState struct {
	Largest jsontext.Floats `json:"largest"`           // |x| of each
	Touched jsontext.Floats `json:"touched,omitempty"` // the row from which on its penalty is due; nil: T, so that none is
	Scaled  float64         `json:"scaled"`            // the sum of squares of x/largest
	Factor  float64         `json:"factor"`            // of the last step
}

// VectorState is a weight vector of SGD.
type VectorState struct {
	Weights       jsontext.Floats `json:"weights"` // times scale
	Scale         float64         `json:"scale"`
	Intercept     float64         `json:"intercept"`
	Mean          jsontext.Floats `json:"mean,omitempty"`
	MeanA         float64         `json:"mean_a,omitempty"`
	MeanB         float64         `json:"mean_b,omitempty"`
	MeanIntercept float64         `json:"mean_intercept,omitempty"`
	Eta           float64         `json:"eta"`
	// of AdaGrad: the sums of squares of gradients by the weights
	Gradients jsontext.Floats `json:"gradients,omitempty"`
	Gradient  float64         `json:"gradient,omitempty"` // and by the intercept
	// with an l1 penalty, of this epoch: that due to the weights so far
	Due jsontext.Floats `json:"due,omitempty"`
	Had jsontext.Floats `json:"had,omitempty"` // and that which they have had
	// of Newton: that of earlier trainings, and that of the last epoch
	Before   *QuadraticState `json:"before,omitempty"`
	Past     *QuadraticState `json:"past,omitempty"`
	Stopping *Stopping       `json:"stopping,omitempty"`
}

// QuadraticState is a quadratic function of weights, the last of which is the intercept: x'Second·x/2 − Pull·x, a sum
// over rows.
type QuadraticState struct {
	Rows   float64         `json:"rows"`
	Part   float64         `json:"part,omitempty"` // rows of an epoch
	Second jsontext.Floats `json:"second"`         // the upper triangle, row by row
	Pull   jsontext.Floats `json:"pull"`
}

// Stopping is how the epochs of a weight vector went, by which learning ends early.
type Stopping struct {
	Rows      int64             `json:"rows"`
	Objective float64           `json:"objective"`
	Scores    RegressionMetrics `json:"scores"`
	Right     float64           `json:"right"`
	Weight    float64           `json:"weight"`
	Best      *float64          `json:"best"`
	Bad       int               `json:"bad"`
	Done      bool              `json:"done"`
}

// MinScale is the least scale of a weight vector: SGD multiplies a smaller one into the weights.
const MinScale = 1e-9

// Learned is how many rows have been learned from in all epochs, as far as the state says it; otherwise it is rows.
func (s *State) Learned(rows int64) int64 {
	if len(s.ClassRows) == 0 {
		return rows
	}
	all := int64(0)
	for _, n := range s.ClassRows {
		all += n
	}
	return all
}

// Check says what is wrong with the state of a model whose other fields are valid.
func (s *State) Check(m *Model) error {
	o := m.Options
	o.Task = m.Task
	o.EnsureDefaults()
	if !(s.T >= 1) || s.T-s.T != 0 || s.EpochRows < 0 {
		return fmt.Errorf("state: t %v and epoch_rows %d: must be at least 1 and 0", s.T, s.EpochRows)
	}
	vectors := 1
	if m.Task == Classification {
		vectors = NumVectors(m.Classes.Len())
	}
	if len(s.Vectors) != vectors {
		return fmt.Errorf("state: %d vectors: must be %d", len(s.Vectors), vectors)
	}
	adaptive := o.LearningRate == AdaGrad && s.Columns != nil // otherwise another rate has learned, and AdaGrad begins now
	for i := range s.Vectors {
		if err := s.Vectors[i].check(m.Features(), o.Average > 0, adaptive); err != nil {
			return err
		}
	}
	if adaptive {
		if err := s.Columns.check(m.Features(), s.T); err != nil {
			return err
		}
	}
	if n := len(s.ClassRows); n > 0 && n != m.Classes.Len() || !counts(s.ClassRows) {
		return fmt.Errorf("state: class_rows %v: must be counts of %d classes", s.ClassRows, m.Classes.Len())
	}
	if s.Unseen == nil {
		return nil
	}
	if m.Task != Classification {
		return errors.New("state: unseen is for classification")
	}
	return s.Unseen.check(m.Features(), o.Average > 0, adaptive)
}

// counts reports whether all are counts of rows, whose sum is one, too.
func counts(rows []int64) bool {
	left := int64(math.MaxInt64)
	for _, n := range rows {
		if n < 0 || n > left {
			return false
		}
		left -= n
	}
	return true
}

func (s *ColumnState) check(features int, t float64) error {
	if len(s.Largest) != features || len(s.Touched) != features && s.Touched != nil {
		return fmt.Errorf("state: columns: %d largest and %d touched: must be %d", len(s.Largest), len(s.Touched), features)
	}
	for _, v := range s.Largest {
		if !(v >= 0) {
			return fmt.Errorf("state: columns: largest %v: must be at least 0", v)
		}
	}
	for _, v := range s.Touched {
		if !(v >= 1 && v <= t) {
			return fmt.Errorf("state: columns: touched %v: must be from 1 to t %v", v, t)
		}
	}
	if !(s.Scaled >= 0) || s.Scaled-s.Scaled != 0 || !(s.Factor >= 0) || s.Factor-s.Factor != 0 {
		return fmt.Errorf("state: columns: scaled %v and factor %v: must be at least 0", s.Scaled, s.Factor)
	}
	return nil
}

func (s *VectorState) check(features int, averages, adaptive bool) error {
	if adaptive && len(s.Gradients) != features {
		return fmt.Errorf("state: %d gradients: must be %d", len(s.Gradients), features)
	}
	if n := len(s.Due); n != len(s.Had) || n > 0 && n != features {
		return fmt.Errorf("state: due of %d and had of %d: must be of %d", n, len(s.Had), features)
	}
	if !(s.Gradient >= 0) || slices.ContainsFunc(s.Gradients, func(v float64) bool { return !(v >= 0) }) {
		return errors.New("state: gradients: must be at least 0, as they are sums of squares")
	}
	means := 0
	if averages {
		means = features
	}
	if len(s.Weights) != features || len(s.Mean) != means {
		return fmt.Errorf("state: %d weights and %d means: must be %d and %d", len(s.Weights), len(s.Mean), features, means)
	}
	if !(s.Scale >= MinScale && s.Scale <= 1) {
		return fmt.Errorf("state: scale %v: must be from %v to 1", s.Scale, MinScale)
	}
	if !(s.Eta > 0) || s.Eta-s.Eta != 0 {
		return fmt.Errorf("state: eta %v: must be above 0", s.Eta)
	}
	if averages && (!(s.MeanA >= 0) || !(s.MeanB >= 1)) {
		return fmt.Errorf("state: mean_a %v and mean_b %v: must be at least 0 and 1", s.MeanA, s.MeanB)
	}
	for _, q := range []*QuadraticState{s.Before, s.Past} {
		if err := q.check(features); err != nil {
			return err
		}
	}
	if p := s.Stopping; p != nil {
		if p.Rows < 0 || p.Bad < 0 || !(p.Weight >= 0) || !(p.Right >= 0 && p.Right <= p.Weight) ||
			!(p.Scores.Weight >= 0) || !(p.Scores.M2 >= 0) {
			return errors.New("state: stopping has negative counts")
		}
	}
	return nil
}

func (q *QuadraticState) check(features int) error {
	switch {
	case q == nil:
		return nil
	case len(q.Pull) != features+1 || len(q.Second) != (features+1)*(features+2)/2:
		return fmt.Errorf("state: a quadratic function of %d and %d numbers: must be of %d and %d", len(q.Second),
			len(q.Pull),
			(features+1)*(features+2)/2, features+1)
	case !(q.Rows >= 0 && q.Part >= 0) || math.IsInf(q.Rows+q.Part, 0):
		return fmt.Errorf("state: a quadratic function of %v rows, %v in a part: must be at least 0", q.Rows, q.Part)
	}
	return nil
}

// Coef is the weights and the intercept that a model has before row t, where averaging begins with row average; 0 is
// never.
func (s *VectorState) Coef(average, t float64) ([]float64, float64) {
	w := make([]float64, len(s.Weights))
	if average > 0 && average <= t-1 {
		for j, x := range s.Weights {
			w[j] = (float64(s.MeanA*x) + s.Mean[j]) * (1 / s.MeanB)
		}
		return w, s.MeanIntercept
	}
	for j, x := range s.Weights {
		w[j] = s.Scale * x
	}
	return w, s.Intercept
}

// each gives the lists that may be long to do; of no state there are none.
func (s *State) each(do func(...*jsontext.Floats)) {
	if s == nil {
		return
	}
	vector := func(v *VectorState) {
		do(&v.Weights, &v.Mean, &v.Gradients, &v.Due, &v.Had)
		for _, q := range []*QuadraticState{v.Before, v.Past} {
			if q != nil {
				do(&q.Second, &q.Pull)
			}
		}
	}
	for i := range s.Vectors {
		vector(&s.Vectors[i])
	}
	if s.Unseen != nil {
		vector(s.Unseen)
	}
	if s.Columns != nil {
		do(&s.Columns.Largest, &s.Columns.Touched)
	}
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
	if len(s.ClassRows) > 0 {
		text, err := json.Marshal(s.ClassRows)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, `,"class_rows":%s`, text)
	}
	if s.Columns != nil {
		b.WriteString(`,"columns":`)
		if err := s.Columns.write(b); err != nil {
			return err
		}
	}
	if s.Unseen != nil {
		b.WriteString(`,"unseen":`)
		if err := s.Unseen.write(b); err != nil {
			return err
		}
	}
	return b.WriteByte('}')
}

func (s *ColumnState) write(b *bufio.Writer) error {
	rest := *s
	rest.Largest, rest.Touched = nil, nil
	tail, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	b.WriteString(`{"largest":`)
	if err := s.Largest.WriteBits(b); err != nil {
		return err
	}
	if len(s.Touched) > 0 {
		b.WriteString(`,"touched":`)
		if err := s.Touched.WriteBits(b); err != nil {
			return err
		}
	}
	_, err = b.Write(bytes.TrimPrefix(tail, []byte(`{"largest":[]`)))
	return err
}

func (s *VectorState) write(b *bufio.Writer) error {
	rest := *s
	rest.Weights, rest.Mean, rest.Gradients = nil, nil, nil
	tail, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	b.WriteString(`{"weights":`)
	if err := s.Weights.WriteBits(b); err != nil {
		return err
	}
	b.Write(bytes.TrimSuffix(bytes.TrimPrefix(tail, []byte(`{"weights":[]`)), []byte("}")))
	if len(s.Mean) > 0 {
		b.WriteString(`,"mean":`)
		if err := s.Mean.WriteBits(b); err != nil {
			return err
		}
	}
	if len(s.Gradients) > 0 {
		b.WriteString(`,"gradients":`)
		if err := s.Gradients.WriteBits(b); err != nil {
			return err
		}
	}
	return b.WriteByte('}')
}
