package linear

import "encoding"

// Partial is what a pass over some of the rows has summed up. Floating-point sums depend on the order of their terms:
// whoever merges keeps to one order.
type Partial interface {
	// PartialFit adds the rows of a chunk, in their order.
	PartialFit(c *Chunk) error
	// Merge adds what next, of the same pass, has summed up.
	Merge(next Partial) error
	// MarshalBinary and UnmarshalBinary keep every bit. What UnmarshalBinary reads must fit the learner that began the
	// receiver; it trusts nothing else.
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Recaller is a Partial whose learner may have kept the rows of the part, of a pass before, in a form in which they are
// added sooner than they could be read.
type Recaller interface {
	Partial
	// Recall adds all rows of the part, and gives their number. Where they were not kept it is not ok, and adds nothing.
	Recall() (rows int64, ok bool, err error)
	// Whole says that the part has had all its rows.
	Whole()
}

// Learner learns in passes over all rows: each cuts them into parts, sums up each part by itself, and ends with the
// merged sum.
type Learner interface {
	// Partial begins part number part of the next pass, of so many in all.
	Partial(part, parts int) Partial
	// Advance ends the pass with the sum of all parts.
	Advance(sum Partial) error
	// Done reports whether there is no further pass to make.
	Done() bool
}
