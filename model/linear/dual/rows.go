package dual

import (
	"errors"

	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// rows is what stands beside the features of rows, in their order.
type rows struct {
	Parts   []part    `json:"parts"`
	Places  []int32   `json:"places"` // of the classes; 0 in a regression
	Target  []float64 `json:"target"` // of a regression
	Weights []float64 `json:"weights"`
	Keys    []int64   `json:"keys"` // the ids or numbers that tell folds; nil: there are none
	IDs     bool      `json:"ids"`  // the keys are ids
}

// part is how many rows a part of a pass has had.
type part struct {
	Part int   `json:"part"`
	Rows int64 `json:"rows"`
}

func (r *rows) len() int { return len(r.Places) }

// add adds the rows of a chunk with the places of their classes.
func (r *rows) add(c *linear.Chunk, places []int32, task linear.Task) {
	r.Parts[len(r.Parts)-1].Rows += int64(len(places))
	r.Places = append(r.Places, places...)
	if task == linear.Regression {
		r.Target = append(r.Target, c.Target...)
	}
	r.IDs = r.IDs || c.IDs.Len() > 0
	for i := range places {
		w := 1.0
		if c.Weights != nil {
			w = c.Weights[i]
		}
		r.Weights = append(r.Weights, w)
		if c.Numbers != nil || c.IDs.Len() > 0 {
			number := int64(i)
			if c.Numbers != nil {
				number = c.Numbers[i]
			}
			r.Keys = append(r.Keys, c.FoldKey(i, number))
		}
	}
}

func (r *rows) merge(n *rows) {
	r.Parts = append(r.Parts, n.Parts...)
	r.Places = append(r.Places, n.Places...)
	r.Target = append(r.Target, n.Target...)
	r.Weights = append(r.Weights, n.Weights...)
	r.Keys = append(r.Keys, n.Keys...)
	r.IDs = r.IDs || n.IDs
}

// check says whether rows that were read fit together.
func (r *rows) check(task linear.Task, classes int) error {
	n, all := len(r.Places), int64(0)
	for _, p := range r.Parts {
		if p.Part < 0 || p.Rows < 0 || p.Rows > MaxRows {
			return errRows
		}
		all += p.Rows
	}
	if n > MaxRows || all != int64(n) || len(r.Weights) != n || len(r.Keys) != 0 && len(r.Keys) != n ||
		(task == linear.Regression) != (len(r.Target) == n) && n > 0 {
		return errRows
	}
	for _, p := range r.Places {
		if p < 0 || int(p) >= max(classes, 1) {
			return errRows
		}
	}
	for _, w := range r.Weights {
		if !(w >= 0) || w-w != 0 {
			return errRows
		}
	}
	return nil
}

var errRows = errors.New("linear.dual: rows that contradict each other")

func (r *rows) fields(c *wire.Codec) {
	n := c.Len(len(r.Parts), 2)
	if c.Reading() {
		r.Parts = make([]part, n)
	}
	for i := range r.Parts {
		c.Int(&r.Parts[i].Part)
		c.Count(&r.Parts[i].Rows)
	}
	n = c.Len(len(r.Places), 1)
	if c.Reading() {
		r.Places = make([]int32, n)
	}
	for i := range r.Places {
		place := int(r.Places[i])
		c.Int(&place)
		r.Places[i] = int32(place)
	}
	c.List(&r.Target)
	c.List(&r.Weights)
	n = c.Len(len(r.Keys), 1)
	if c.Reading() && n > 0 {
		r.Keys = make([]int64, n)
	}
	for i := range r.Keys {
		key := uint64(r.Keys[i])
		c.Uint(&key)
		r.Keys[i] = int64(key)
	}
	c.Flag(&r.IDs)
}

// chunk is these rows with other features, so many and row by row.
func (r *rows) chunk(x []float64, features int, classes *linear.Classes) *linear.Chunk {
	c := &linear.Chunk{Features: features, X: x, Target: r.Target, Weights: r.Weights}
	switch {
	case r.IDs:
		c.IDs = vectors.IDs{Ints: r.Keys}
	case len(r.Keys) > 0:
		c.Numbers = r.Keys
	}
	for _, p := range r.Places {
		switch {
		case len(classes.Texts) > 0:
			c.Labels = append(c.Labels, classes.Texts[p])
		case len(classes.Numbers) > 0:
			c.Target = append(c.Target, classes.Numbers[p])
		}
	}
	return c
}
