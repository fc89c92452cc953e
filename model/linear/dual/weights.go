package dual

import (
	"errors"
	"fmt"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
)

// Weights sums up the weight vectors that are combinations of rows, in one pass: a [linear.Learner] that [Gram.Weights]
// makes. The parts must be those of the passes of the Gram.
type Weights struct {
	// Scaler is that of the Gram.
	Scaler *linear.StandardScaler

	options   linear.Options
	features  int
	parts     []part
	shares    []jsontext.BitFloats // of each row, for each weight vector
	intercept jsontext.BitFloats   // of centred columns; of the rows as they are when done
	coef      []jsontext.BitFloats
}

// Done reports whether the pass has been made.
func (w *Weights) Done() bool { return w.coef != nil }

// Coef and Intercept are the weight vectors of the rows, when the pass has been made.
func (w *Weights) Coef() (coef [][]float64, intercept []float64) {
	for _, v := range w.coef {
		coef = append(coef, v)
	}
	return coef, w.intercept
}

// Partial begins a part of the pass.
func (w *Weights) Partial(number, parts int) linear.Partial {
	s := &weightsSum{weights: w, end: -1}
	for _, p := range w.parts {
		if p.Part == number {
			s.end = s.at + int(p.Rows)
			break
		}
		s.at += int(p.Rows)
	}
	for range w.sums() {
		s.sums = append(s.sums, make([]float64, w.features))
	}
	return s
}

// sums is how many there are: the weight vectors and, with an intercept, the mean of the rows.
func (w *Weights) sums() int {
	if *w.options.FitIntercept {
		return len(w.shares) + 1
	}
	return len(w.shares)
}

// Advance ends the pass.
func (w *Weights) Advance(sum linear.Partial) error {
	s, ok := sum.(*weightsSum)
	if !ok || s.weights.features != w.features || len(s.sums) != w.sums() {
		return errors.New("linear.dual: the sum is that of another learner")
	}
	if s.rows != int64(len(w.shares[0])) {
		return errChanged
	}
	for k := range w.shares {
		w.coef = append(w.coef, s.sums[k])
		if *w.options.FitIntercept {
			w.intercept[k] -= kernel.Dot(s.sums[len(w.shares)], s.sums[k])
		}
	}
	return nil
}

var errChanged = errors.New("linear.dual: the rows are not those of the passes before: has an input changed?")

// weightsSum is the [linear.Partial] of [Weights].
type weightsSum struct {
	weights *Weights
	at, end int   // rows that the part begins with, and ends before
	rows    int64 // that are in the sums
	sums    [][]float64
	places  []int32
}

// PartialFit adds rows. O(entries) for each weight vector.
func (s *weightsSum) PartialFit(c *linear.Chunk) (err error) {
	w := s.weights
	if s.places, err = c.Encode(&w.options, w.features, w.Scaler, s.places); err != nil {
		return err
	}
	n := c.Len()
	if n > s.end-s.at {
		return errChanged
	}
	rows := linear.NewRows(c, w.Scaler, nil)
	for i := range n {
		x := rows.At(i)
		for k, share := range w.shares {
			if share[s.at] != 0 {
				x.Add(share[s.at], s.sums[k])
			}
		}
		if len(s.sums) > len(w.shares) {
			x.Add(1/float64(len(w.shares[0])), s.sums[len(w.shares)])
		}
		s.at++
	}
	s.rows += int64(n)
	return nil
}

// Merge adds the sums of the next part.
func (s *weightsSum) Merge(next linear.Partial) error {
	n, ok := next.(*weightsSum)
	if !ok || len(n.sums) != len(s.sums) || n.weights.features != s.weights.features {
		return errors.New("linear.dual: cannot add what another learner has summed up")
	}
	s.rows += n.rows
	for k, v := range n.sums {
		kernel.Add(1, v, s.sums[k])
	}
	return nil
}

// MarshalBinary writes the sums.
func (s *weightsSum) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes of the same learner. After an error the sums are of no use.
func (s *weightsSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.dual: the bytes are no sums of rows: %w", err)
	}
	return nil
}

func (s *weightsSum) fields(c *wire.Codec) {
	c.Count(&s.rows)
	c.Finite(s.sums...)
}

// fields are those of a Weights' JSON.
func (w *Weights) fields() jsontext.Object {
	return jsontext.Object{
		{Name: "task", Value: &w.options.Task},
		{Name: "hyperparameters", Value: &w.options},
		{Name: "classes", Value: &w.options.Classes},
		{Name: "features", Value: &w.features},
		{Name: "scaler", Value: &w.Scaler},
		{Name: "parts", Value: &w.parts},
		{Name: "shares", Value: &w.shares},
		{Name: "intercept", Value: &w.intercept},
		{Name: "coef", Value: &w.coef},
	}
}

// MarshalJSON writes the whole state, bit by bit.
func (w *Weights) MarshalJSON() ([]byte, error) { return w.fields().MarshalJSON() }

// UnmarshalJSON reads what MarshalJSON writes. It takes memory in proportion to the text.
func (w *Weights) UnmarshalJSON(b []byte) error {
	var s Weights
	// The options have their task and classes beside them.
	if err := s.fields().UnmarshalJSON(b); err != nil {
		return err
	}
	s.options = linear.ExactOptions(&s.options)
	if err := s.options.Validate(); err != nil {
		return err
	}
	n := int64(0)
	for _, p := range s.parts {
		if p.Rows < 0 || p.Rows > MaxRows {
			return errState
		}
		n += p.Rows
	}
	if s.features < 1 || len(s.shares) == 0 || len(s.intercept) != len(s.shares) || len(s.coef) != 0 {
		return errState
	}
	for _, v := range s.shares {
		if int64(len(v)) != n || n == 0 {
			return errState
		}
	}
	*w = s
	return nil
}
