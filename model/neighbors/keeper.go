package neighbors

import "math"

// keeper keeps the k best (distance, position) that it is offered: a binary heap whose top is the worst kept.
type keeper struct {
	k         int
	distances []float64
	positions []int32
}

func newKeeper(k int) *keeper {
	return &keeper{k: k, distances: make([]float64, 0, k), positions: make([]int32, 0, k)}
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

// sink puts (d, p) in place of the top of the first n entries.
func (h *keeper) sink(d float64, p int32, n int) {
	i := 0
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
