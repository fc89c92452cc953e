package vectors

import "slices"

// Target is what is to be learned of each row, where there is more than one thing: a number, or the label of a class.
// One of both lists is as long as the block, and the other is empty.
type Target struct {
	Numbers []float64
	Labels  []string
}

// Len is the number of rows.
func (t *Target) Len() int { return max(len(t.Numbers), len(t.Labels)) }

// slice is the rows lo ≤ i < hi, in the same memory.
func (t *Target) slice(lo, hi int) (s Target) {
	if len(t.Numbers) > 0 {
		s.Numbers = t.Numbers[lo:hi:hi]
	}
	if len(t.Labels) > 0 {
		s.Labels = t.Labels[lo:hi:hi]
	}
	return s
}

// SliceTargets is the rows lo ≤ i < hi of each.
func SliceTargets(all []Target, lo, hi int) []Target {
	if all == nil {
		return nil
	}
	out := make([]Target, len(all))
	for k := range all {
		out[k] = all[k].slice(lo, hi)
	}
	return out
}

// SetTargets makes room for so many targets of each row, of an empty block.
func (b *Block) SetTargets(n int) {
	if len(b.Targets) != n {
		b.Targets = make([]Target, n)
	}
}

// TrimTargets takes back the targets of a row that was not added after all: they are as many as the rows.
func (b *Block) TrimTargets() {
	for k := range b.Targets {
		t := &b.Targets[k]
		t.Numbers, t.Labels = t.Numbers[:min(len(t.Numbers), b.Len())], t.Labels[:min(len(t.Labels), b.Len())]
	}
}

// OfTarget is the block with target k as its only one, in the same memory: do not append to it.
func (b *Block) OfTarget(k int) *Block {
	c := *b
	c.Target, c.Labels, c.Targets = b.Targets[k].Numbers, b.Targets[k].Labels, nil
	return &c
}

// resetTargets empties the targets, and keeps their memory.
func (b *Block) resetTargets() {
	for k := range b.Targets {
		t := &b.Targets[k]
		clear(t.Labels)
		t.Numbers, t.Labels = t.Numbers[:0], t.Labels[:0]
	}
}

// appendTargets adds those of rows of c, of which there are as many, or of an empty block any number.
func (b *Block) appendTargets(c *Block, lo, hi int) {
	if b.Len() == 0 && len(b.Targets) != len(c.Targets) {
		b.Targets = slices.Repeat([]Target{{}}, len(c.Targets))
	}
	for k := range c.Targets {
		t, more := &b.Targets[k], c.Targets[k].slice(lo, hi)
		t.Numbers, t.Labels = append(t.Numbers, more.Numbers...), append(t.Labels, more.Labels...)
	}
}
