package fitting

import (
	"errors"

	"beamlearn/model/linear"
)

// deviancePart is a part of a pass of a generalised linear model, which refuses targets that the loss cannot have,
// and makes rates of what has exposures.
type deviancePart struct {
	linear.Partial
	options *linear.Options
}

// PartialFit adds the rows of a chunk.
func (p *deviancePart) PartialFit(c *linear.Chunk) error {
	if err := c.CheckDomain(p.options); err != nil {
		return err
	}
	c, err := p.options.Rates(c)
	if err != nil {
		return err
	}
	return p.Partial.PartialFit(c)
}

// Merge adds what comes after.
func (p *deviancePart) Merge(next linear.Partial) error {
	q, ok := next.(*deviancePart)
	if !ok {
		return errors.New("linear.Fit: a part of another pass")
	}
	return p.Partial.Merge(q.Partial)
}
