package linear

import "errors"

// unforeseenError is what a survey of all rows would have prevented, perhaps: a class that is not declared, or steps that are
// too large.
type unforeseenError struct{ error }

func (e *unforeseenError) Unwrap() error { return e.error }

// trialPart is a part of a pass that goes by a survey of a sample. Of what that has not foreseen it makes no error: it learns no
// more, and says so at the end of the pass.
type trialPart struct {
	Partial
	unforeseen bool
}

// PartialFit adds the rows of a chunk, unless there is no use any more.
func (p *trialPart) PartialFit(c *Chunk) error {
	if p.unforeseen {
		return nil
	}
	return p.see(p.Partial.PartialFit(c))
}

func (p *trialPart) see(err error) error {
	var found *unforeseenError
	if errors.As(err, &found) {
		p.unforeseen = true
		return nil
	}
	return err
}

// Merge adds what comes after.
func (p *trialPart) Merge(next Partial) error {
	q, ok := next.(*trialPart)
	if !ok {
		return errors.New("linear.Fit: a part of another pass")
	}
	if p.unforeseen = p.unforeseen || q.unforeseen; p.unforeseen {
		return nil
	}
	return p.see(p.Partial.Merge(q.Partial))
}

// MarshalBinary keeps every bit that there is a use for.
func (p *trialPart) MarshalBinary() ([]byte, error) {
	if p.unforeseen {
		return []byte{flag(true)}, nil
	}
	b, err := p.Partial.MarshalBinary()
	return append([]byte{flag(false)}, b...), err
}

// UnmarshalBinary reads what MarshalBinary writes for the same pass.
func (p *trialPart) UnmarshalBinary(b []byte) error {
	t := taker{b: b}
	if p.unforeseen = t.flag(); p.unforeseen || t.err != nil {
		return t.end()
	}
	return p.Partial.UnmarshalBinary(t.b)
}
