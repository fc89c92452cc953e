package linear

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/linear/internal/jsontext"
)

// State is what SGD has come to, to the last bit, so that whoever goes on comes to the same end. Only sgd.Resume needs to
// understand it.
type State struct {
	T         float64       `json:"t"` // number of the next row
	EpochRows int64         `json:"epoch_rows"`
	Vectors   []VectorState `json:"vectors"`
	Unseen    *VectorState  `json:"unseen,omitempty"`
	ClassRows []int64       `json:"class_rows,omitempty"` // of each class, of all epochs, where balanced classes go by them
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
	Stopping      *Stopping       `json:"stopping,omitempty"`
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
	for i := range s.Vectors {
		if err := s.Vectors[i].check(m.Features(), o.Average > 0); err != nil {
			return err
		}
	}
	if n := len(s.ClassRows); n > 0 && n != m.Classes.Len() || slices.ContainsFunc(s.ClassRows, func(n int64) bool { return n < 0 }) {
		return fmt.Errorf("state: class_rows %v: must be counts of %d classes", s.ClassRows, m.Classes.Len())
	}
	if s.Unseen == nil {
		return nil
	}
	if m.Task != Classification {
		return errors.New("state: unseen is for classification")
	}
	return s.Unseen.check(m.Features(), o.Average > 0)
}

func (s *VectorState) check(features int, averages bool) error {
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
	if p := s.Stopping; p != nil {
		if p.Rows < 0 || p.Bad < 0 || !(p.Weight >= 0) || !(p.Right >= 0 && p.Right <= p.Weight) ||
			!(p.Scores.Weight >= 0) || !(p.Scores.M2 >= 0) {
			return errors.New("state: stopping has negative counts")
		}
	}
	return nil
}

// Coef is the weights and the intercept that a model has before row t, where averaging begins with row average; 0 is never.
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

func (s *VectorState) write(b *bufio.Writer) error {
	rest := *s
	rest.Weights, rest.Mean = nil, nil
	tail, err := json.Marshal(rest)
	if err != nil {
		return err
	}
	b.WriteString(`{"weights":`)
	if err := s.Weights.Write(b); err != nil {
		return err
	}
	b.Write(bytes.TrimSuffix(bytes.TrimPrefix(tail, []byte(`{"weights":[]`)), []byte("}")))
	if len(s.Mean) > 0 {
		b.WriteString(`,"mean":`)
		if err := s.Mean.Write(b); err != nil {
			return err
		}
	}
	return b.WriteByte('}')
}
