package features

import "slices"

// Unseen counts cells of which the rows that an encoding was made of had none, for each column of the encoding.
type Unseen struct {
	// Unknown cells are of a category that the encoding does not know.
	Unknown []int64 `json:",omitempty"`
	// Missing cells are of a column in which none was missing: they are encoded as Options.Impute says, or as nothing,
	// but without a feature that says so.
	Missing []int64 `json:",omitempty"`
}

func newUnseen(columns int) Unseen { return Unseen{make([]int64, columns), make([]int64, columns)} }

// Add adds those of more rows.
func (u *Unseen) Add(more Unseen) {
	u.Unknown, u.Missing = addCounts(u.Unknown, more.Unknown), addCounts(u.Missing, more.Missing)
}

func addCounts(to, more []int64) []int64 {
	if to == nil {
		return slices.Clone(more)
	}
	for i, n := range more {
		to[i] += n
	}
	return to
}

// Named is what there is of it, by the names of the columns.
func (u Unseen) Named(e *Encoding) UnseenCells {
	by := func(counts []int64) (named map[string]int64) {
		for i, n := range counts {
			if n > 0 && named == nil {
				named = map[string]int64{}
			}
			if n > 0 {
				named[e.columns[i].Name] = n
			}
		}
		return named
	}
	if e == nil {
		return UnseenCells{}
	}
	return UnseenCells{by(u.Unknown), by(u.Missing)}
}

// UnseenCells is what there is of [Unseen], by the names of the columns.
type UnseenCells struct {
	Unknown map[string]int64 `json:"unknown_categories,omitempty"`
	Missing map[string]int64 `json:"missing_unlearned,omitempty"`
}

// Add adds those of more rows.
func (u *UnseenCells) Add(more UnseenCells) {
	u.Unknown, u.Missing = addNamed(u.Unknown, more.Unknown), addNamed(u.Missing, more.Missing)
}

func addNamed(to, more map[string]int64) map[string]int64 {
	for name, n := range more {
		if to == nil {
			to = map[string]int64{}
		}
		to[name] += n
	}
	return to
}
