package triples

import (
	"cmp"
	"slices"
	"strings"

	"beamlearn/model/vectors"
)

// Names numbers ids in the order in which they come. It is not safe for concurrent use. The zero value is empty.
type Names struct {
	small []uint32         // 1 + the number of each integer from 0 on, or 0: found without a search
	ints  map[int64]uint32 // of all other integers
	texts map[string]uint32
	// spelled are texts that stand for another.
	spelled map[string]uint32
	ids     vectors.IDs
}

// Of is the number of an id, a new one where it has none yet.
func (n *Names) Of(id vectors.ID) uint32 {
	if id.IsInt() {
		if uint64(id.Int) < smallInts {
			return n.ofSmall(id)
		}
		at, ok := n.ints[id.Int]
		if !ok {
			if n.ints == nil {
				n.ints = map[int64]uint32{}
			}
			at = n.add(id)
			n.ints[id.Int] = at
		}
		return at
	}
	at, ok := n.texts[id.Text]
	if !ok {
		if n.texts == nil {
			n.texts = map[string]uint32{}
		}
		id.Text = strings.Clone(id.Text)
		at = n.add(id)
		n.texts[id.Text] = at
	}
	return at
}

// smallInts is from which integer on a map numbers them: below, the table takes at most 8 MiB.
const smallInts = 1 << 21

// ofSmall is Of for an integer from 0 to smallInts.
func (n *Names) ofSmall(id vectors.ID) uint32 {
	if v := int(id.Int); v >= len(n.small) {
		n.small = append(n.small, make([]uint32, max(v+1, min(2*len(n.small), smallInts))-len(n.small))...)
	}
	at := &n.small[id.Int]
	if *at == 0 {
		*at = n.add(id) + 1
	}
	return *at - 1
}

// find is the number of an id, false where it has none.
func (n *Names) find(v int64, text []byte) (uint32, bool) {
	switch {
	case text != nil:
		at, ok := n.texts[string(text)]
		return at, ok
	case uint64(v) < smallInts:
		if v >= int64(len(n.small)) || n.small[v] == 0 {
			return 0, false
		}
		return n.small[v] - 1, true
	}
	at, ok := n.ints[v]
	return at, ok
}

// OfText is Of for the id that a text is, which is copied only where it is new.
func (n *Names) OfText(b []byte) uint32 {
	if v, ok := integer(b); ok {
		return n.Of(vectors.ID{Int: v})
	}
	if at, ok := n.texts[string(b)]; ok {
		return at
	}
	return n.Of(vectors.ParseID(string(b)))
}

// OfLabel is OfText for what spell makes of the text, which it is asked for once.
func (n *Names) OfLabel(b []byte, spell func(string) string) uint32 {
	if v, ok := integer(b); ok {
		return n.Of(vectors.ID{Int: v})
	}
	for _, known := range []map[string]uint32{n.texts, n.spelled} {
		if at, ok := known[string(b)]; ok {
			return at
		}
	}
	text := string(b)
	as := spell(text)
	at := n.Of(vectors.ParseID(as))
	if as != text {
		if n.spelled == nil {
			n.spelled = map[string]uint32{}
		}
		n.spelled[text] = at
	}
	return at
}

// integer is a short canonical decimal integer: what [vectors.ParseID] makes of it, too.
func integer(b []byte) (v int64, ok bool) {
	const digits = 18 // never out of range
	if len(b) == 0 || len(b) > digits || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		v = v*10 + int64(c)
	}
	return v, true
}

func (n *Names) add(id vectors.ID) uint32 {
	n.ids.Append(id)
	return uint32(n.ids.Len() - 1)
}

// Len is the number of ids.
func (n *Names) Len() int { return n.ids.Len() }

// IDs are the names, by their numbers, in the same memory.
func (n *Names) IDs() vectors.IDs { return n.ids }

// HasTexts reports whether a name is no integer.
func (n *Names) HasTexts() bool { return len(n.texts) > 0 }

// Compare orders integers as such, before texts, which are ordered by their bytes.
func Compare(a, b vectors.ID) int {
	switch {
	case a.IsInt() && b.IsInt():
		return cmp.Compare(a.Int, b.Int)
	case a.IsInt():
		return -1
	case b.IsInt():
		return 1
	}
	return strings.Compare(a.Text, b.Text)
}

// Union has the ids of several names once each, in their order ([Compare]), and for each of the names where its ids
// went.
func Union(all []*Names) (ids vectors.IDs, places map[*Names][]uint32) {
	var sorted []vectors.ID
	for _, n := range all {
		for i := range n.ids.Len() {
			sorted = append(sorted, n.ids.At(i))
		}
	}
	slices.SortFunc(sorted, Compare)
	sorted = slices.Compact(sorted)
	var whole Names
	for _, id := range sorted {
		whole.Of(id)
	}
	places = map[*Names][]uint32{}
	for _, n := range all {
		to := make([]uint32, n.ids.Len())
		for i := range to {
			to[i] = whole.Of(n.ids.At(i))
		}
		places[n] = to
	}
	return whole.ids, places
}
