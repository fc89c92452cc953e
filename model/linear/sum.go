package linear

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Sum merges the partials of a pass in a fixed tree over the numbers of its parts, so that it has the same bits in
// whatever order they arrive: part 0 with 1, 2 with 3, then 0–1 with 2–3, and so on. Two are merged as soon as both
// are there.
type Sum struct {
	parts   int
	waiting map[Node]Partial
}

// Node is a place in the tree of a Sum: the parts from Index·2^Level on, 2^Level of them or those that there are.
type Node struct{ Level, Index int }

// Append appends the node to b.
func (n Node) Append(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(n.Level)), uint64(n.Index))
}

var errNode = errors.New("linear: not a node of a sum")

// CutNode reads a node from the front of b, and gives the rest.
func CutNode(b []byte) (n Node, rest []byte, err error) {
	level, i := binary.Uvarint(b)
	if i <= 0 || level > 62 {
		return n, nil, errNode
	}
	index, j := binary.Uvarint(b[i:])
	if j <= 0 || index > 1<<62 {
		return n, nil, errNode
	}
	return Node{Level: int(level), Index: int(index)}, b[i+j:], nil
}

// NewSum begins the sum of so many parts.
func NewSum(parts int) *Sum { return &Sum{parts: parts, waiting: map[Node]Partial{}} }

// Add adds the partial of a node, a single part (Level 0) or one of another Sum's Rest. Where a part comes twice,
// this or Total fails.
func (s *Sum) Add(n Node, p Partial) error {
	if n.Level < 0 || n.Level > 62 || n.Index < 0 || n.Index > (s.parts-1)>>n.Level {
		return fmt.Errorf("linear.Sum: node %+v of %d parts", n, s.parts)
	}
	for n != s.root() {
		sibling := Node{n.Level, n.Index ^ 1}
		if sibling.Index<<n.Level < s.parts {
			q, ok := s.waiting[sibling]
			if !ok {
				break
			}
			delete(s.waiting, sibling)
			if sibling.Index < n.Index {
				p, q = q, p
			}
			if err := p.Merge(q); err != nil {
				return err
			}
		}
		n = Node{n.Level + 1, n.Index / 2}
	}
	if _, ok := s.waiting[n]; ok {
		return fmt.Errorf("linear.Sum: node %+v came twice", n)
	}
	s.waiting[n] = p
	return nil
}

// root is the node of all parts.
func (s *Sum) root() Node {
	level := 0
	for 1<<level < s.parts {
		level++
	}
	return Node{Level: level}
}

// Rest gives what has been merged so far to use, in no order.
func (s *Sum) Rest(use func(Node, Partial) error) error {
	for n, p := range s.waiting {
		if err := use(n, p); err != nil {
			return err
		}
	}
	return nil
}

// Total is the partial of all parts, or the error that some are missing, or too many.
func (s *Sum) Total() (Partial, error) {
	if p, ok := s.waiting[s.root()]; ok && len(s.waiting) == 1 {
		return p, nil
	}
	return nil, fmt.Errorf("linear.Sum: not each of %d parts came once", s.parts)
}
