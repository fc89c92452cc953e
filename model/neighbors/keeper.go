package neighbors

import "math"

// keeper keeps the k best (distance, position) that it is offered: a binary heap whose top is the worst kept. Of a
// group of most it keeps no more than those that count: the best of the group. What has left it cannot come back, as
// better ones have its place for good; so the worst kept bounds all that may follow.
type keeper struct {
	k         int
	most      *Most
	distances []float64
	positions []int32
}

func newKeeper(k int, most *Most) *keeper {
	return &keeper{k: k, most: most, distances: make([]float64, 0, k), positions: make([]int32, 0, k)}
}

func (h *keeper) reset() { h.distances, h.positions = h.distances[:0], h.positions[:0] }

// worst is the distance above which nothing is kept: +Inf until there are k.
func (h *keeper) worst() float64 {
	if len(h.distances) < h.k {
		return math.Inf(1)
	}
	return h.distances[0]
}

// after reports whether entry i comes after (d, p).
func (h *keeper) after(i int, d float64, p int32) bool {
	return h.distances[i] > d || h.distances[i] == d && h.positions[i] > p
}

// offer keeps the candidate if it is among the k best so far, whatever the order of the offers.
func (h *keeper) offer(d float64, p int32) {
	if h.most != nil && h.replaced(d, p) {
		return
	}
	if len(h.distances) < h.k {
		h.distances, h.positions = append(h.distances, d), append(h.positions, p)
		i := len(h.distances) - 1
		for i > 0 {
			up := (i - 1) / 2
			if h.after(up, d, p) {
				break
			}
			h.distances[i], h.positions[i] = h.distances[up], h.positions[up]
			i = up
		}
		h.distances[i], h.positions[i] = d, p
		return
	}
	if h.after(0, d, p) {
		h.sink(d, p, h.k)
	}
}

// replaced reports whether the candidate's group has all that it may have; the candidate then takes the place of the
// worst of them, if it is better. O(k).
func (h *keeper) replaced(d float64, p int32) bool {
	group := h.most.Groups[p]
	if group < 0 {
		return false
	}
	count, worst := 0, -1
	for i, q := range h.positions {
		if h.most.Groups[q] != group {
			continue
		}
		if count++; worst < 0 || h.after(i, h.distances[worst], h.positions[worst]) {
			worst = i
		}
	}
	if count < h.most.Number {
		return false
	}
	if h.after(worst, d, p) {
		// It is better than what was there, and so than all above that: only what is below may be worse.
		h.sinkFrom(worst, d, p, len(h.distances))
	}
	return true
}

// sink puts (d, p) in place of the top of the first n entries.
func (h *keeper) sink(d float64, p int32, n int) { h.sinkFrom(0, d, p, n) }

// sinkFrom puts (d, p) in place of entry i, which comes after it, of the first n.
func (h *keeper) sinkFrom(i int, d float64, p int32, n int) {
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && h.after(c+1, h.distances[c], h.positions[c]) {
			c++
		}
		if !h.after(c, d, p) {
			break
		}
		h.distances[i], h.positions[i] = h.distances[c], h.positions[c]
		i = c
	}
	h.distances[i], h.positions[i] = d, p
}

// sorted writes the entries in ascending order and empties the keeper. It may write to the keeper's own memory.
func (h *keeper) sorted(positions []int32, distances []float64) {
	for n := len(h.distances) - 1; n >= 0; n-- {
		d, p := h.distances[n], h.positions[n]
		distances[n], positions[n] = h.distances[0], h.positions[0]
		h.sink(d, p, n)
	}
	h.reset()
}
