package linear

import (
	"maps"
	"math"
	"slices"

	"beamlearn/model/internal/wire"
)

// TargetBins are targets with their weights, by size: enough to tell what loss a constant prediction has, before it is
// known which. A bin has the targets that agree in sign, exponent and the first twelve bits of the mantissa, so that it
// is at most a 4096th wide. Where all targets of a bin are equal, as counts are, what follows is exact. Memory is
// that of the bins with targets.
type TargetBins map[uint32]targetBin

// targetBin is the weight and the weighted sum of the targets in it.
type targetBin struct{ weight, sum float64 }

func (b targetBin) mean() float64 { return b.sum / b.weight }

// binBits are the low bits of a target that a bin does not tell apart.
const binBits = 52 - 12

// binOf is the bin of a target. Bins are in the order of their targets.
func binOf(y float64) uint32 {
	bits := math.Float64bits(y + 0) // −0 is 0
	if bits>>63 != 0 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return uint32(bits >> binBits)
}

// Add adds a target.
func (t TargetBins) Add(y, weight float64) {
	if weight == 0 {
		return
	}
	at := binOf(y)
	b := t[at]
	t[at] = targetBin{b.weight + weight, b.sum + float64(weight*y)}
}

// Merge adds the targets of another.
func (t TargetBins) Merge(o TargetBins) {
	for at, b := range o {
		mine := t[at]
		t[at] = targetBin{mine.weight + b.weight, mine.sum + b.sum}
	}
}

// Quantile is the least target up to which there is a share q of the weight, as in scikit-learn's weighted percentiles:
// the mean of its bin. It is NaN without targets.
func (t TargetBins) Quantile(q float64) float64 {
	ascending := slices.Sorted(maps.Keys(t))
	all := 0.0
	for _, at := range ascending {
		all += t[at].weight
	}
	below := 0.0
	for _, at := range ascending {
		if below += t[at].weight; below >= q*all {
			return t[at].mean()
		}
	}
	return math.NaN()
}

// Pinball is the mean pinball loss, for the quantile q, of the prediction c for every target. It is NaN without
// targets.
func (t TargetBins) Pinball(q, c float64) float64 {
	loss, all := 0.0, 0.0
	for _, at := range slices.Sorted(maps.Keys(t)) {
		b := t[at]
		e := b.mean() - c
		loss += float64(b.weight * max(float64(q*e), float64((q-1)*e)))
		all += b.weight
	}
	return loss / all
}

// Fields are the bins in their order, to be written or read.
func (t *TargetBins) Fields(c *wire.Codec) {
	ascending := slices.Sorted(maps.Keys(*t))
	last := -1
	for i := range c.Len(len(ascending), 1+8+8) {
		at, b := 0, targetBin{}
		if !c.Reading() {
			at = int(ascending[i])
			b = (*t)[ascending[i]]
		}
		c.Int(&at)
		c.Float(&b.weight, &b.sum)
		c.Check(at > last && at < 1<<(64-binBits) && b.weight > 0, "bins of targets that ascend")
		if !c.OK() {
			return
		}
		if c.Reading() {
			if *t == nil {
				*t = TargetBins{}
			}
			(*t)[uint32(at)] = b
		}
		last = at
	}
}
