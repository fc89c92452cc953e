package neighbors

import (
	"bytes"
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

// group is that of query i, or below 0.
func (a *Apart) group(i int) int32 {
	if a == nil {
		return none
	}
	return a.Queries[i]
}

// parts reports whether a query of this group must not have the point.
func (a *Apart) parts(group int32, point int) bool { return group >= 0 && a.Points[point] == group }

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
