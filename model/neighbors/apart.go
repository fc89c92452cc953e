package neighbors

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// Apart keeps points and queries of one group apart: no point of a query's own group is its neighbour, as where
// neighbours are to be of another brand, user or document. A group is any number from 0 on; what has one below 0 is in
// none, and apart from nothing. It counts when a point is offered, inside the search, so that what is found are the
// nearest of the others, and bounds are theirs.
type Apart struct {
	Points  []int32 // by position
	Queries []int32
	// Largest is the number of points in the largest group, as [LargestGroup] counts them.
	Largest int
}

// LargestGroup is the number of points in the largest of groups that are numbered from 0 on.
func LargestGroup(groups []int32) int {
	if len(groups) == 0 {
		return 0
	}
	counts := make([]int32, max(slices.Max(groups)+1, 0))
	for _, g := range groups {
		if g >= 0 {
			counts[g]++
		}
	}
	if len(counts) == 0 {
		return 0
	}
	return int(slices.Max(counts))
}

// Before lets a query have only points whose rank is smaller than its own limit, as where neighbours are to be earlier
// than it. A point whose rank is below 0 is before nothing.
type Before struct {
	Points  []int32 // ranks by position
	Queries []int32 // limits
	// Ascending says that no point has a smaller rank than one before it, nor one below 0: the points that a query may
	// have are then the first ones, and a search of an index that [Index.InOrder] has looks at no others.
	Ascending bool
}

// InOrder reports whether a search takes queries past the points in the order of their positions, so that it can end
// early where ranks ascend: see [Before.Ascending].
func (x *Index) InOrder() bool {
	_, tiles := x.engine.(*tiled)
	return tiles
}

// allowed is how many of the first points, of n, some of the queries from first to last may have, and how many all of
// them: as far as the ranks show that. b may be nil.
func (b *Before) allowed(first, last, n int) (some, all int) {
	if b == nil {
		return n, n
	}
	if !b.Ascending {
		return n, 0
	}
	limits := b.Queries[first:last]
	some, _ = slices.BinarySearch(b.Points, slices.Max(limits))
	all, _ = slices.BinarySearch(b.Points, slices.Min(limits))
	return some, all
}

// Most lets a query have at most Number points of one group, the nearest of them, as where neighbours are to be of
// several brands. What has a group below 0 is in none, and counts for itself.
type Most struct {
	Groups []int32 // by position
	Number int     // at least 1
	// Largest is the number of points in the largest group, as [LargestGroup] counts them.
	Largest int
}

// restricts reports whether a query may not have all points, so that fewer than k may be found.
func (s *Search) restricts() bool { return s.Apart != nil || s.Before != nil || s.Most != nil }

// checkGroups compares lengths.
func (s *Search) checkGroups(points, queries int) error {
	var p, q []int // lengths
	if a := s.Apart; a != nil {
		p, q = append(p, len(a.Points)), append(q, len(a.Queries))
	}
	if b := s.Before; b != nil {
		p, q = append(p, len(b.Points)), append(q, len(b.Queries))
	}
	if m := s.Most; m != nil {
		if p = append(p, len(m.Groups)); m.Number < 1 {
			return fmt.Errorf("neighbors: at most %d of a group: must be at least 1", m.Number)
		}
	}
	for _, n := range p {
		if n != points {
			return fmt.Errorf("neighbors: groups of %d points, of %d", n, points)
		}
	}
	for _, n := range q {
		if n != queries {
			return fmt.Errorf("neighbors: groups of %d queries, of %d", n, queries)
		}
	}
	return nil
}

// bars reports whether query i must not have a point.
func (s *Search) bars(i, point int) bool {
	if a := s.Apart; a != nil {
		if g := a.Queries[i]; g >= 0 && a.Points[point] == g {
			return true
		}
	}
	if b := s.Before; b != nil {
		rank := b.Points[point]
		return rank < 0 || rank >= b.Queries[i]
	}
	return false
}

// full reports whether a point's group has all that it may have among these.
func (m *Most) full(point int32, among []int32) bool {
	if m == nil || m.Groups[point] < 0 {
		return false
	}
	count := 0
	for _, p := range among {
		if m.Groups[p] == m.Groups[point] {
			count++
		}
	}
	return count >= m.Number
}

// atMost is how many points any query may have together, up to k; m may be nil. Who looks for more finds no bound.
func (m *Most) atMost(k int) int {
	if m == nil {
		return k
	}
	all, counts := 0, map[int32]int{}
	for i := 0; i < len(m.Groups) && all < k; i++ {
		if m.takes(int64(i), counts) {
			all++
		}
	}
	return all
}

// nearest keeps the first k of candidates in order that a query may have together; m may be nil.
func (m *Most) nearest(all []candidate, k int, c *computer) []candidate {
	if m == nil {
		return all[:min(k, len(all))]
	}
	c.groups = c.groups[:0]
	n := 0
	for _, e := range all {
		if n == k {
			break
		}
		group, same := m.Groups[e.position], 0
		for _, g := range c.groups {
			if g == group {
				same++
			}
		}
		if group < 0 || same < m.Number {
			c.groups = append(c.groups, group)
			all[n] = e
			n++
		}
	}
	return all[:n]
}

// takes counts the groups of the neighbours of a query, nearest first, and reports whether it may have one more; m may
// be nil.
func (m *Most) takes(point int64, counts map[int32]int) bool {
	if m == nil || m.Groups[point] < 0 {
		return true
	}
	counts[m.Groups[point]]++
	return counts[m.Groups[point]] <= m.Number
}

// Of keeps, of each query, the neighbours that its groups may have, of neighbours in order; m may be nil.
func (m *Most) Of(n *Neighbors) *Neighbors {
	if m == nil || n == nil {
		return n
	}
	kept := &Neighbors{Offsets: make([]int64, 1, len(n.Offsets))}
	counts := map[int32]int{}
	for i := range n.Len() {
		clear(counts)
		positions, distances := n.Of(i)
		for j, p := range positions {
			if m.takes(int64(p), counts) {
				kept.Positions, kept.Distances = append(kept.Positions, p), append(kept.Distances, distances[j])
			}
		}
		kept.Offsets = append(kept.Offsets, int64(len(kept.Positions)))
	}
	return kept
}

// Encoded groups are the magic and the list.
const groupsMagic = "BLGRP001"

// WriteGroups encodes the groups of rows.
func WriteGroups(w io.Writer, groups []int32) error {
	_, err := encode(w, groupsMagic, func(e *encoder) { list(e, groups) })
	return err
}

// ReadGroups decodes groups. It trusts nothing: damaged bytes are an error, never a panic.
func ReadGroups(b []byte) ([]int32, error) {
	d := newDecoder(bytes.NewReader(b), int64(len(b)), groupsMagic, "groups")
	groups := readList[int32](d)
	return groups, d.end()
}

// Nearer keeps, of each query, the neighbours within a radius.
func (n *Neighbors) Nearer(radius float64) *Neighbors {
	m := &Neighbors{Offsets: make([]int64, 1, len(n.Offsets))}
	for i := range n.Len() {
		positions, distances := n.Of(i)
		for j, d := range distances {
			if d <= radius {
				m.Positions, m.Distances = append(m.Positions, positions[j]), append(m.Distances, d)
			}
		}
		m.Offsets = append(m.Offsets, int64(len(m.Positions)))
	}
	return m
}
