package drift

import (
	"fmt"

	"beamlearn/model/internal/wire"
)

// Judged is how rows were predicted before they were learned from, by a model that gives each a loss. The zero value
// has no rows.
type Judged struct {
	Rows   int64
	Weight float64
	Loss   float64 // the sum of weight·loss
	Right  float64 // the weight of the rows whose class was predicted; 0 of what has no classes
	Trace  Trace
}

// Add adds rows that come after all others; right is the weight of those whose class was predicted.
func (j *Judged) Add(p TracePoint, right float64) {
	j.Rows += p.Rows
	j.Weight += p.Weight
	j.Loss += p.Loss
	j.Right += right
	j.Trace.Add(p)
}

// Merge adds the rows of another, which come after all others.
func (j *Judged) Merge(o *Judged) {
	j.Rows += o.Rows
	j.Weight += o.Weight
	j.Loss += o.Loss
	j.Right += o.Right
	j.Trace.Merge(&o.Trace)
}

// MarshalBinary keeps every bit.
func (j *Judged) MarshalBinary() ([]byte, error) { return wire.Encode(j.fields) }

// UnmarshalBinary reads what MarshalBinary writes.
func (j *Judged) UnmarshalBinary(b []byte) error {
	var n Judged
	if err := wire.Decode(b, n.fields); err != nil {
		return fmt.Errorf("drift: no judgement: %w", err)
	}
	*j = n
	return nil
}

func (j *Judged) fields(c *wire.Codec) {
	c.Count(&j.Rows)
	c.Float(&j.Weight, &j.Loss, &j.Right)
	j.Trace.Fields(c)
}
