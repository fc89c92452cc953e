package fitting

import (
	"errors"

	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/sgd"
)

// trialPart is a part of a pass that goes by a survey of a sample. Of what that has not foreseen it makes no error:
// it learns no more, and says so at the end of the pass.
type trialPart struct {
	linear.Partial
	unforeseen bool
}

// PartialFit adds the rows of a chunk, unless there is no use any more.
func (p *trialPart) PartialFit(c *linear.Chunk) error {
	if p.unforeseen {
		return nil
	}
	return p.see(p.Partial.PartialFit(c))
}

func (p *trialPart) see(err error) error {
	var found *sgd.UnforeseenError
	if errors.As(err, &found) {
		p.unforeseen = true
		return nil
	}
	return err
}

// Merge adds what comes after.
func (p *trialPart) Merge(next linear.Partial) error {
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
func (p *trialPart) MarshalBinary() ([]byte, error) { return wire.Encode(p.fields) }

// UnmarshalBinary reads what MarshalBinary writes for the same pass.
func (p *trialPart) UnmarshalBinary(b []byte) error { return wire.Decode(b, p.fields) }

func (p *trialPart) fields(c *wire.Codec) {
	if c.Flag(&p.unforeseen); !p.unforeseen {
		c.Binary(p.Partial)
	}
}
