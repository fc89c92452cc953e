package overview

import (
	"math"

	"beamlearn/model/internal/splitmix"
)

// Lot tells which rows are in a sample: those of which a hash of their number is below a bound. So it is a fair
// sample of rows in any order, and the same for all chunks and workers.
type Lot struct{ bound uint64 }

// LotOf makes a lot that takes about so many of all rows.
func LotOf(most, all int64) Lot {
	if most >= all {
		return Lot{math.MaxUint64}
	}
	return Lot{uint64(float64(most) / float64(all) * (1 << 63) * 2)}
}

// All reports whether it takes all rows.
func (l Lot) All() bool { return l.bound == math.MaxUint64 }

// Takes reports whether it takes the row of that number.
func (l Lot) Takes(number int64) bool { return l.All() || splitmix.Mix(uint64(number)) < l.bound }

// Holds reports whether it takes all rows that the other lot takes.
func (l Lot) Holds(other Lot) bool { return other.bound <= l.bound }
