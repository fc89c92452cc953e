package recommend

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"beamlearn/model/internal/splitmix"
)

// Holdout says what of each user's interactions is kept from the recommender, to see whether it finds that.
type Holdout struct {
	// Part is how many interactions of each user are held out, from 1 on, or which share of them, below 1: at least one,
	// and never all. A user with one interaction alone keeps it. Required.
	Part float64
	// ByTime holds out the latest, instead of those that chance draws.
	ByTime bool
	// Seed is that of chance, which also decides among interactions of the same time.
	Seed uint64
}

// Validate reports what is wrong.
func (h *Holdout) Validate() error {
	if !(h.Part > 0) || math.IsInf(h.Part, 0) || h.Part >= 1 && h.Part != math.Trunc(h.Part) {
		return errors.New("the part that is held out must be a share above 0 and below 1, or a whole number of interactions")
	}
	return nil
}

// count is how many of n interactions of a user are held out.
func (h *Holdout) count(n int) int {
	if n < 2 {
		return 0
	}
	part := h.Part
	if part < 1 {
		part = math.Round(part * float64(n))
	}
	return int(min(max(part, 1), float64(n-1)))
}

// Split parts interactions into those that a recommender may know, of the same users and items, and those held out.
func Split(x *Interactions, h Holdout) (known, held *Interactions, err error) {
	if err := h.Validate(); err != nil {
		return nil, nil, err
	}
	if h.ByTime && x.Time == nil {
		return nil, nil, errors.New("the latest are to be held out of interactions that have no times")
	}
	known = &Interactions{Users: x.Users, Items: x.Items, Offsets: make([]int64, 1, len(x.Offsets))}
	held = &Interactions{Users: x.Users, Items: x.Items, Offsets: make([]int64, 1, len(x.Offsets))}
	type drawn struct {
		at   int64
		time float64
		rank uint64
	}
	var row []drawn
	var out []bool // of the user's entries, which are held out
	for u := range x.Users.Len() {
		lo, hi := x.Offsets[u], x.Offsets[u+1]
		user := splitmix.Mix(h.Seed + uint64(u))
		row = row[:0]
		for at := lo; at < hi; at++ {
			d := drawn{at: at, rank: splitmix.Mix(user + uint64(x.Item[at]))}
			if h.ByTime {
				d.time = x.Time[at]
			}
			row = append(row, d)
		}
		slices.SortFunc(row, func(a, b drawn) int { return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.rank, b.rank)) })
		out = append(out[:0], make([]bool, len(row))...)
		for _, d := range row[:h.count(len(row))] {
			out[d.at-lo] = true
		}
		for at := lo; at < hi; at++ {
			to := known
			if out[at-lo] {
				to = held
			}
			to.Item, to.Value = append(to.Item, x.Item[at]), append(to.Value, x.Value[at])
		}
		known.Offsets, held.Offsets = append(known.Offsets, int64(known.Len())), append(held.Offsets, int64(held.Len()))
	}
	if held.Len() == 0 {
		return nil, nil, errors.New("no user has two items, of which one could be held out")
	}
	return known, held, nil
}
