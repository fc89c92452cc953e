package features

import (
	"math/big"

	"beamlearn/model/internal/exact"
)

// sums are those of numbers and of their squares. Small whole numbers are added as such first.
type sums struct {
	numbers, squares exact.Sum
	small, squared   int64
	count            int
}

const (
	smallBits = 24
	smallAdds = 1 << 14 // their squares are below 2^63 together
)

// add adds a number so many times.
func (s *sums) add(v float64, times int) {
	const limit = 1 << smallBits
	if n := int64(v); float64(n) == v && n < limit && n > -limit {
		for times > 0 {
			some := min(times, smallAdds-s.count)
			s.small += int64(some) * n
			s.squared += int64(some) * n * n
			if s.count += some; s.count == smallAdds {
				s.flush()
			}
			times -= some
		}
		return
	}
	for range times {
		s.numbers.Add(v)
		s.squares.AddSquare(v)
	}
}

// flush adds the small numbers to the others.
func (s *sums) flush() {
	s.numbers.Add(float64(s.small)) // below 2^53
	s.squares.Add(float64(s.squared >> 32 << 32))
	s.squares.Add(float64(s.squared & (1<<32 - 1)))
	s.small, s.squared, s.count = 0, 0, 0
}

func (s *sums) merge(t *sums) {
	s.flush()
	t.flush()
	s.numbers.Merge(&t.numbers)
	s.squares.Merge(&t.squares)
}

// meanAndDeviation are those of the numbers and of others that are fill, rounded once: the deviation is that of the
// population. Of none, they are fill and 0.
func (n *numbers) meanAndDeviation(others int64, fill float64) (mean, deviation float64) {
	if n.count == 0 {
		return fill, 0
	}
	count := new(big.Rat).SetInt64(n.count + others)
	f, k := new(big.Rat).SetFloat64(fill), new(big.Rat).SetInt64(others)
	k.Mul(k, f)
	n.sums.flush()
	m := n.sums.numbers.Rat()
	m.Add(m, k).Quo(m, count)
	v := n.sums.squares.Rat()
	v.Add(v, k.Mul(k, f)).Quo(v, count)
	v.Sub(v, new(big.Rat).Mul(m, m))
	mean, _ = m.Float64()
	const precision = 256
	deviation, _ = new(big.Float).Sqrt(new(big.Float).SetPrec(precision).SetRat(v)).Float64()
	return mean, deviation
}
