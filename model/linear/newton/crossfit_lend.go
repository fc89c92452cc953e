package newton

import (
	"math"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
)

// Second derivatives of neighbouring alphas differ little: rows count in them by the curvature of the loss, and the
// optima of the sample tell how much that changes from one alpha to the next. So the first pass sums them up at one
// alpha of each group whose rows hardly count otherwise, and the others take its second derivatives for their steps:
// from the start they need losses and gradients alone. A fit whose steps then do not shrink fast enough gets its own,
// as any.

const (
	// lentChange is how much of their weight rows may have otherwise at an alpha that takes the second derivatives of
	// another.
	lentChange = 0.01
	// lentRows are how many rows of the sample tell.
	lentRows = 4096
)

// lends reports whether alphas may go by the second derivatives of others. With a deviance the optimum of the sample
// may overflow on other rows, where only the search from zero finds a way.
func (x *CrossFit) lends() bool {
	_, deviance := x.options.Deviance()
	return x.views[0].vectors == 1 && !deviance
}

// measureChanges is, of each alpha, how much of their weight in the second derivatives rows have otherwise than at the
// alpha before, in the sample, at its optima; nil where one of these is not known.
func (x *CrossFit) measureChanges(s *crossSum, starts [][]jsontext.BitFloats) (jsontext.BitFloats, error) {
	if slices.ContainsFunc(starts, func(start []jsontext.BitFloats) bool { return start == nil }) {
		return nil, nil
	}
	view, all := x.views[0], s.sums[len(s.sums)-1]
	if err := all.weigh(view.sizes()); err != nil {
		return nil, err
	}
	chunks, places := s.sample.chunks(x.features)
	changes := make(jsontext.BitFloats, len(x.alphas))
	for v := range x.problems() {
		padded := lanes.Padded(len(starts))
		w, dot := lanes.Make(x.features*padded), lanes.Make(padded)
		for a, start := range starts {
			for j, p := range start[v][:x.features] {
				w[j*padded+a] = p
			}
		}
		changed, before, curved := make([]float64, len(starts)), make([]float64, len(starts)), 0.0
		for i := range chunks {
			c := &chunks[i]
			n := min(len(places[i]), lentRows)
			rows := linear.NewRows(c, x.Scaler, nil)
			for r := range n {
				row := rows.At(r)
				if row.Idx == nil {
					lanes.Best().Dot(row.Val, w, padded, dot)
				} else {
					lanes.Best().DotSparse(row.Idx, row.Val, w, padded, dot)
				}
				y, weight := all.row(v, places[i][r], c.Target[r], c.Weights[r])
				for a, start := range starts {
					_, _, curvature := x.loss.Curve(dot[a]+start[v][x.features], y)
					if before[a] = float64(weight * curvature); a > 0 {
						changed[a] += math.Abs(before[a] - before[a-1])
					}
				}
				curved += before[0]
			}
		}
		for a, v := range changed {
			if changes[a] = max(changes[a], v/curved); !(changes[a] <= 1) {
				changes[a] = 1
			}
		}
	}
	return changes, nil
}

// lender is the alpha by whose second derivatives the first steps of an alpha go that is being fitted, which may be
// itself: one in the middle of as many as change by 2·lentChange at most from the first to the last.
func (x *CrossFit) lender(a int) int {
	if x.changes == nil {
		return a
	}
	for from := x.from; from < x.to; {
		to, sum := from+1, 0.0
		for to < x.to && sum+x.changes[to] <= 2*lentChange {
			sum += x.changes[to]
			to++
		}
		if a < to {
			middle, part := from, 0.0
			for middle+1 < to && part+x.changes[middle+1] <= lentChange {
				middle++
				part += x.changes[middle]
			}
			return middle
		}
		from = to
	}
	return a
}

// borrows reports whether an alpha's first steps go by the second derivatives of another.
func (x *CrossFit) borrows(a int) bool { return x.lender(a) != a }

// beginBorrowing begins the fits of an alpha that borrows, each at the point that the fit of all rows was to try next.
func (x *CrossFit) beginBorrowing(a int, frames []frame) {
	for v, p := range x.fits[a].Full {
		if p.Done {
			continue
		}
		tried := p.tried()
		for k := range frames {
			x.fits[a].Folds[k][v] = &foldFit{Base: frames[k].own(tried)}
		}
		p.Dir = nil
	}
}

// lend gives the fits that have begun so the second derivatives that the pass has summed up at their lenders. Where
// there are none, they have their own summed up.
func (x *CrossFit) lend(s *crossSum, frames []frame) {
	lent := map[[2]int][]jsontext.BitFloats{} // by lender and problem, then by fold
	for a := x.from; a < x.to; a++ {
		from := x.lender(a)
		if from == a {
			continue
		}
		for v := range x.problems() {
			byFold := s.shared[from-x.from][v]
			if byFold == nil {
				continue
			}
			key := [2]int{from, v}
			if lent[key] == nil {
				lent[key] = x.seconds(byFold, frames)
			}
			for k, fits := range x.fits[a].Folds {
				if fits[v] != nil && !fits[v].Done {
					fits[v].Second = lent[key][k]
				}
			}
		}
	}
}

// seconds are the second derivatives of the fits without each fold, in their variables, and, last, of all rows.
func (x *CrossFit) seconds(byFold []*derivatives, frames []frame) []jsontext.BitFloats {
	var all []jsontext.BitFloats
	for k := range frames {
		rest := x.sumUp(byFold)
		if k < x.folds.K {
			subtract(rest, byFold[k])
		}
		frames[k].second(rest.second)
		all = append(all, rest.second)
	}
	return all
}
