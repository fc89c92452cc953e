package linear

import (
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/vectors"
)

// Chunk is rows to learn from, or to predict. Exactly one of X, X32 and Sparse holds them; all values must be finite.
type Chunk struct {
	Features int       // columns
	X        []float64 // rows × Features, row-major
	X32      []float32 // the same in float32; arithmetic is float64 all the same
	Sparse   *CSR

	Target []float64 // for each row: the number to learn, or the class where classes are numbers
	Labels []string  // for each row: the class where classes are texts
	// Targets are all that each row has to learn, where there are several; Target and Labels are then not set. A learner
	// of one gets [Chunk.OfTarget].
	Targets []vectors.Target
	Weights []float64 // for each row, ≥ 0; nil: 1

	File    string  // where the rows are from, for faults
	Numbers []int64 // for each row: its number there; nil: 0, 1, 2, … in faults, the count of rows of this epoch otherwise
	// IDs of the rows, or none. Rows of one id are in one fold of a cross-validation; otherwise the number tells the fold.
	IDs vectors.IDs
}

// CSR is sparse rows.
type CSR = vectors.CSR

// Of is a chunk of the rows of a block, in the same memory, with their targets and weights if they have any.
func Of(b *vectors.Block) *Chunk {
	c := &Chunk{Features: b.Dim, Numbers: b.Numbers, Sparse: b.Sparse, IDs: b.IDs}
	if len(b.Target) > 0 {
		c.Target = b.Target
	}
	if len(b.Labels) > 0 {
		c.Labels = b.Labels
	}
	if len(b.Targets) > 0 {
		c.Targets = b.Targets
	}
	if len(b.Weights) > 0 {
		c.Weights = b.Weights
	}
	if b.Sparse != nil {
		return c
	}
	if b.Wide() {
		c.X = b.F64
	} else {
		c.X32 = b.F32
	}
	return c
}

// OfTarget is the chunk with target k as its only one, in the same memory.
func (c *Chunk) OfTarget(k int) *Chunk {
	one := *c
	one.Target, one.Labels, one.Targets = c.Targets[k].Numbers, c.Targets[k].Labels, nil
	return &one
}

// Slice is the rows lo ≤ i < hi, in the same memory, but for the offsets of sparse ones.
func (c *Chunk) Slice(lo, hi int) *Chunk {
	s := *c
	switch {
	case c.Sparse != nil:
		s.Sparse = c.Sparse.Slice(lo, hi)
	case c.X != nil:
		s.X = c.X[lo*c.Features : hi*c.Features : hi*c.Features]
	default:
		s.X32 = c.X32[lo*c.Features : hi*c.Features : hi*c.Features]
	}
	if c.Target != nil {
		s.Target = c.Target[lo:hi:hi]
	}
	if c.Labels != nil {
		s.Labels = c.Labels[lo:hi:hi]
	}
	s.Targets = vectors.SliceTargets(c.Targets, lo, hi)
	if c.Weights != nil {
		s.Weights = c.Weights[lo:hi:hi]
	}
	if c.Numbers != nil {
		s.Numbers = c.Numbers[lo:hi:hi]
	}
	if c.IDs.Len() > 0 {
		s.IDs = c.IDs.Slice(lo, hi)
	}
	return &s
}

// Len is the number of rows.
func (c *Chunk) Len() int {
	switch {
	case c.Sparse != nil:
		return max(len(c.Sparse.Offsets)-1, 0)
	case c.Features < 1:
		return 0
	case c.X != nil:
		return len(c.X) / c.Features
	}
	return len(c.X32) / c.Features
}

// Entries is the number of values.
func (c *Chunk) Entries() int {
	if c.Sparse != nil {
		return len(c.Sparse.Values)
	}
	return len(c.X) + len(c.X32)
}

// Weight is the sum of the rows' weights.
func (c *Chunk) Weight() float64 {
	if c.Weights == nil {
		return float64(c.Len())
	}
	sum := 0.0
	for _, w := range c.Weights {
		sum += w
	}
	return sum
}

// Fault makes a fault of row i of the chunk, or fault.WholeFile.
func (c *Chunk) Fault(i int, expected, found string, args ...any) error {
	f := fault.File(c.File, expected, found, args...)
	if i >= 0 {
		f.Row = int64(i)
		if c.Numbers != nil {
			f.Row = c.Numbers[i]
		}
	}
	return f
}

// faultIn is Fault in a column.
func (c *Chunk) faultIn(i int, column, expected, found string, args ...any) error {
	f := fault.File(c.File, expected, found, args...)
	f.Row, f.Column = int64(i), column
	if c.Numbers != nil {
		f.Row = c.Numbers[i]
	}
	return f
}

// FoldKey is what tells the fold of row i, of that number.
func (c *Chunk) FoldKey(i int, number int64) int64 {
	if c.IDs.Len() == 0 {
		return number
	}
	id := c.IDs.At(i)
	if id.IsInt() {
		return id.Int
	}
	h := fnv.New64a()
	io.WriteString(h, id.Text)
	return int64(h.Sum64())
}

// CheckRows says what is wrong with the rows themselves, in O(entries) where they are sparse.
func (c *Chunk) CheckRows(features int) error {
	if c.Features != features {
		return c.Fault(fault.WholeFile, fmt.Sprintf("%d features, as in the model", features), "%d", c.Features)
	}
	forms := 0
	for _, is := range []bool{c.X != nil, c.X32 != nil, c.Sparse != nil} {
		if is {
			forms++
		}
	}
	if forms > 1 {
		return fmt.Errorf("linear.Chunk: more than one of X, X32 and Sparse is set")
	}
	if (len(c.X)+len(c.X32))%features != 0 {
		return fmt.Errorf("linear.Chunk: %d values are not rows of %d", len(c.X)+len(c.X32), features)
	}
	if c.Numbers != nil && len(c.Numbers) != c.Len() {
		return fmt.Errorf("linear.Chunk: %d numbers for %d rows", len(c.Numbers), c.Len())
	}
	s := c.Sparse
	if n := c.IDs.Len(); n > 0 && n != c.Len() {
		return fmt.Errorf("linear.Chunk: %d ids for %d rows", n, c.Len())
	}
	if s == nil {
		return nil
	}
	if len(s.Indices) != len(s.Values) || len(s.Offsets) == 0 || s.Offsets[0] != 0 ||
		s.Offsets[len(s.Offsets)-1] != len(s.Values) {
		return fmt.Errorf("linear.CSR: offsets, %d indices and %d values do not fit", len(s.Indices), len(s.Values))
	}
	for i, start := range s.Offsets[:len(s.Offsets)-1] {
		end := s.Offsets[i+1]
		if start > end || end > len(s.Indices) {
			return fmt.Errorf("linear.CSR: row %d ends at %d", i, end)
		}
		row := s.Indices[start:end]
		if e := ascending(row); e < len(row) {
			last := int32(-1)
			if e > 0 {
				last = row[e-1]
			}
			return c.Fault(i, "columns that ascend", "column %d after %d", row[e], last)
		}
		if n := len(row); n > 0 && int(row[n-1]) >= features {
			return c.Fault(i, fmt.Sprintf("columns below %d", features), "column %d", row[n-1])
		}
	}
	return nil
}

// ascending is how many columns ascend, from 0 on. (In a function of its own, the last one stays in a register.)
func ascending(row []int32) int {
	last := int32(-1)
	for e, j := range row {
		if j <= last {
			return e
		}
		last = j
	}
	return len(row)
}

// Undeclared is the fault of the first row whose class is none of those declared: it has the place −1.
func (c *Chunk) Undeclared(places []int32) error {
	i := slices.Index(places, -1)
	if c.Labels != nil {
		return c.Fault(i, "one of the classes declared", "class %s", fault.Quote(c.Labels[i]))
	}
	return c.Fault(i, "one of the classes declared", "class %v", c.Target[i])
}

// Encode checks rows of so many features, which the scaler, if there is one, is to standardise, and finds the places of
// their classes, in the memory of places; of a regression these are 0. A class that is not declared is a fault.
func (c *Chunk) Encode(o *Options, features int, scaler *StandardScaler, places []int32) ([]int32, error) {
	if err := c.Check(o.Task, features, scaler); err != nil {
		return places, err
	}
	n := c.Len()
	places = slices.Grow(places[:0], n)[:n]
	clear(places)
	if o.Task != Classification {
		return places, nil
	}
	unknown, err := o.Classes.Encode(places, c)
	if err == nil && unknown.Len() > 0 {
		err = c.Undeclared(places)
	}
	return places, err
}

// Check says what is wrong with rows of so many features to learn from, which the scaler, if there is one, is to
// standardise.
func (c *Chunk) Check(task Task, features int, scaler *StandardScaler) error {
	if err := c.CheckRows(features); err != nil {
		return err
	}
	if err := c.CheckTargets(task); err != nil {
		return err
	}
	if scaler != nil {
		return scaler.Check(c)
	}
	return nil
}

// CheckTargets says what is wrong with targets and weights.
func (c *Chunk) CheckTargets(task Task) error {
	n := c.Len()
	switch {
	case task == OneClass:
	case c.Labels != nil && (c.Target != nil || task == Regression):
		return fmt.Errorf("linear.Chunk: labels are for classification, without targets")
	case c.Labels != nil && len(c.Labels) != n || c.Labels == nil && len(c.Target) != n:
		return fmt.Errorf("linear.Chunk: %d targets for %d rows", len(c.Labels)+len(c.Target), n)
	case task == Regression:
		for i, y := range c.Target {
			if y-y != 0 {
				return c.Fault(i, "a finite target", "%v", y)
			}
		}
	}
	if c.Weights != nil && len(c.Weights) != n {
		return fmt.Errorf("linear.Chunk: %d weights for %d rows", len(c.Weights), n)
	}
	for i, w := range c.Weights {
		if !(w >= 0) || w-w != 0 {
			return c.Fault(i, "a weight from 0 on", "%v", w)
		}
	}
	return nil
}

// Rows gives the rows of a chunk one by one, scaled where there is a scaler. A row is valid until the next.
type Rows struct {
	c       *Chunk
	scaler  *StandardScaler
	Scratch []float64
}

func NewRows(c *Chunk, s *StandardScaler, scratch []float64) Rows {
	if len(scratch) != c.Features && c.Sparse == nil && (s != nil || c.X32 != nil) {
		scratch = make([]float64, c.Features)
	}
	return Rows{c, s, scratch}
}

func (r *Rows) At(i int) kernel.Row {
	if s := r.c.Sparse; s != nil {
		start, end := s.Offsets[i], s.Offsets[i+1]
		if start == end {
			return kernel.Row{Idx: emptyRow}
		}
		x := kernel.Row{Idx: s.Indices[start:end:end], Val: s.Values[start:end:end]}
		if r.scaler != nil {
			r.Scratch = r.scaler.transformSparse(r.Scratch, x)
			x.Val = r.Scratch
		}
		return x
	}
	d := r.c.Features
	if r.c.X != nil && r.scaler == nil {
		return kernel.Row{Val: r.c.X[i*d : (i+1)*d]}
	}
	if r.c.X != nil {
		copy(r.Scratch, r.c.X[i*d:(i+1)*d])
	} else {
		kernel.Widen(r.Scratch, r.c.X32[i*d:(i+1)*d])
	}
	if r.scaler != nil {
		r.scaler.transformRow(r.Scratch)
	}
	return kernel.Row{Val: r.Scratch}
}

// emptyRow has no columns, and is not nil: the row is sparse.
var emptyRow = make([]int32, 0)
