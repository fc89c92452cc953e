package recommend

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/triples"
	"beamlearn/model/vectors"
)

// Interactions are what users had, a row for each user in compressed sparse rows: the entries of user u are those from
// Offsets[u] to Offsets[u+1], each item once, in ascending order.
type Interactions struct {
	Users, Items vectors.IDs // integers in their order, then texts by their bytes
	Offsets      []int64
	Item         []uint32
	Value        []float64
	Time         []float64 // nil where rows had no times; else the latest of an entry's rows
	// Merged is how many rows were not the first of their user and item.
	Merged int64
}

// Len is the number of entries.
func (x *Interactions) Len() int { return len(x.Item) }

// Of are the items of a user, in ascending order, and their values.
func (x *Interactions) Of(user int) ([]uint32, []float64) {
	lo, hi := x.Offsets[user], x.Offsets[user+1]
	return x.Item[lo:hi], x.Value[lo:hi]
}

// New puts parts together, in their order. It takes 24 bytes a row, 32 with times, beside the parts. It fails where
// there is no row, where values add up beyond float64, and where some parts have times and others do not.
func New(parts []triples.Part, d triples.Duplicates, threads int) (*Interactions, error) {
	x := &Interactions{}
	rows, timed := 0, 0
	var users, items []*triples.Names
	for i := range parts {
		p := &parts[i]
		rows += len(p.Row)
		if p.Time != nil {
			timed += len(p.Row)
		}
		if !slices.Contains(users, p.Rows) {
			users, items = append(users, p.Rows), append(items, p.Columns)
		}
	}
	if rows == 0 {
		return nil, errors.New("there are no interactions")
	}
	if timed != 0 && timed != rows {
		return nil, fmt.Errorf("%d rows of %d have times: all must, or none", timed, rows)
	}
	var userPlaces, itemPlaces map[*triples.Names][]uint32
	x.Users, userPlaces = triples.Union(users)
	x.Items, itemPlaces = triples.Union(items)
	if n := max(x.Users.Len(), x.Items.Len()); n > math.MaxInt32 {
		return nil, fmt.Errorf("%d users or items: at most %d", n, math.MaxInt32)
	}
	x.place(parts, userPlaces, itemPlaces, timed > 0)
	return x, x.merge(d, threads)
}

// place puts the rows of each user side by side, in the order of the rows.
func (x *Interactions) place(parts []triples.Part, users, items map[*triples.Names][]uint32, timed bool) {
	x.Offsets = make([]int64, x.Users.Len()+1)
	rows := 0
	for i := range parts {
		to := users[parts[i].Rows]
		for _, u := range parts[i].Row {
			x.Offsets[to[u]+1]++
		}
		rows += len(parts[i].Row)
	}
	for u := range x.Users.Len() {
		x.Offsets[u+1] += x.Offsets[u]
	}
	x.Item, x.Value = make([]uint32, rows), make([]float64, rows)
	if timed {
		x.Time = make([]float64, rows)
	}
	next := slices.Clone(x.Offsets)
	for i := range parts {
		p := &parts[i]
		user, item := users[p.Rows], items[p.Columns]
		for j, u := range p.Row {
			at := next[user[u]]
			next[user[u]]++
			x.Item[at], x.Value[at] = item[p.Column[j]], p.Value[j]
			if timed {
				x.Time[at] = p.Time[j]
			}
		}
		*p = triples.Part{} // its memory is free from here on
	}
}

// merge sorts the entries of each user, and makes one of those of the same item.
func (x *Interactions) merge(d triples.Duplicates, threads int) error {
	once := make([]bool, x.Users.Len()) // whether a user has each item once, and so is done
	each(x.Users.Len(), threads, func(lo, hi int) {
		s := &rowSorter{x: x}
		for u := lo; u < hi; u++ {
			once[u] = s.sort(u)
		}
	})
	if !slices.Contains(once, false) {
		return nil
	}
	var row []triples.Entry
	n := int64(0)
	for u := range x.Users.Len() {
		lo, hi := x.Offsets[u], x.Offsets[u+1]
		row = row[:0]
		for at := lo; at < hi; at++ {
			e := triples.Entry{Column: x.Item[at], Value: x.Value[at]}
			if x.Time != nil {
				e.Time = x.Time[at]
			}
			row = append(row, e)
		}
		if !once[u] {
			d.Sort(row)
		}
		x.Offsets[u] = n
		for from := 0; from < len(row); {
			to := from + 1
			for to < len(row) && row[to].Column == row[from].Column {
				to++
			}
			e := d.Merge(row[from:to])
			if math.IsInf(e.Value, 0) {
				return fmt.Errorf("the values of user %s and item %s add up beyond float64", x.Users.At(u),
					x.Items.At(int(e.Column)))
			}
			x.Merged += int64(to - from - 1)
			x.Item[n], x.Value[n] = e.Column, e.Value
			if x.Time != nil {
				x.Time[n] = e.Time
			}
			n++
			from = to
		}
	}
	x.Offsets[x.Users.Len()] = n
	x.Item, x.Value = x.Item[:n], x.Value[:n]
	if x.Time != nil {
		x.Time = x.Time[:n]
	}
	return nil
}

// rowSorter sorts the entries of users. It belongs to one goroutine.
type rowSorter struct {
	x      *Interactions
	keys   []uint64 // items, each with where the entry stood
	values []float64
}

// sort sorts the entries of a user by their items, in the order in which they stood where items are equal, and reports
// whether none are.
func (s *rowSorter) sort(user int) (once bool) {
	lo, hi := s.x.Offsets[user], s.x.Offsets[user+1]
	items := s.x.Item[lo:hi]
	s.keys = s.keys[:0]
	for e, i := range items {
		s.keys = append(s.keys, uint64(i)<<32|uint64(e))
	}
	slices.Sort(s.keys)
	once = true
	for e, k := range s.keys {
		items[e] = uint32(k >> 32)
		once = once && (e == 0 || items[e] != items[e-1])
	}
	s.permute(s.x.Value[lo:hi])
	if s.x.Time != nil {
		s.permute(s.x.Time[lo:hi])
	}
	return once
}

// permute brings what belongs to entries into the order of the keys.
func (s *rowSorter) permute(of []float64) {
	s.values = append(s.values[:0], of...)
	for e, k := range s.keys {
		of[e] = s.values[uint32(k)]
	}
}
