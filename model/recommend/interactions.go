package recommend

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/vectors"
)

// Duplicates says what becomes of several rows of the same user and item.
type Duplicates string

const (
	Sum  Duplicates = "sum"  // their values are added up
	Mean Duplicates = "mean" // their mean counts
	Last Duplicates = "last" // the latest counts; without times, or of the same time, the last in the order of the rows
)

// AllDuplicates lists them.
var AllDuplicates = []Duplicates{Sum, Mean, Last}

// Part is consecutive rows of the input, in their order. Parts may share their Names.
type Part struct {
	Users, Items *Names
	User, Item   []uint32  // of each row, by the names
	Value        []float64 // of each row, finite
	Time         []float64 // of each row, in any unit; nil where rows have no times
}

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

// entry is a row on its way to its place.
type entry struct {
	item  uint32
	value float64
	time  float64
}

// New puts parts together, in their order. It takes 24 bytes a row, 32 with times, beside the parts. It fails where
// there is no row, where values add up beyond float64, and where some parts have times and others do not.
func New(parts []Part, d Duplicates) (*Interactions, error) {
	x := &Interactions{}
	rows, timed := 0, 0
	var users, items []*Names
	for i := range parts {
		p := &parts[i]
		rows += len(p.User)
		if p.Time != nil {
			timed += len(p.User)
		}
		if !slices.Contains(users, p.Users) {
			users, items = append(users, p.Users), append(items, p.Items)
		}
	}
	if rows == 0 {
		return nil, errors.New("there are no interactions")
	}
	if timed != 0 && timed != rows {
		return nil, fmt.Errorf("%d rows of %d have times: all must, or none", timed, rows)
	}
	var userPlaces, itemPlaces map[*Names][]uint32
	x.Users, userPlaces = union(users)
	x.Items, itemPlaces = union(items)
	if n := max(x.Users.Len(), x.Items.Len()); n > math.MaxInt32 {
		return nil, fmt.Errorf("%d users or items: at most %d", n, math.MaxInt32)
	}
	x.place(parts, userPlaces, itemPlaces, timed > 0)
	return x, x.merge(d)
}

// place puts the rows of each user side by side, in the order of the rows.
func (x *Interactions) place(parts []Part, users, items map[*Names][]uint32, timed bool) {
	x.Offsets = make([]int64, x.Users.Len()+1)
	rows := 0
	for i := range parts {
		to := users[parts[i].Users]
		for _, u := range parts[i].User {
			x.Offsets[to[u]+1]++
		}
		rows += len(parts[i].User)
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
		user, item := users[p.Users], items[p.Items]
		for j, u := range p.User {
			at := next[user[u]]
			next[user[u]]++
			x.Item[at], x.Value[at] = item[p.Item[j]], p.Value[j]
			if timed {
				x.Time[at] = p.Time[j]
			}
		}
		*p = Part{} // its memory is free from here on
	}
}

// merge sorts the entries of each user, and makes one of those of the same item.
func (x *Interactions) merge(d Duplicates) error {
	var row []entry
	n := int64(0)
	for u := range x.Users.Len() {
		lo, hi := x.Offsets[u], x.Offsets[u+1]
		row = row[:0]
		for at := lo; at < hi; at++ {
			e := entry{item: x.Item[at], value: x.Value[at]}
			if x.Time != nil {
				e.time = x.Time[at]
			}
			row = append(row, e)
		}
		slices.SortStableFunc(row, func(a, b entry) int {
			if d == Last || a.item != b.item {
				return cmp.Compare(a.item, b.item)
			}
			return cmp.Compare(a.value, b.value) // a sum is then the same in whatever order the rows came
		})
		x.Offsets[u] = n
		for from := 0; from < len(row); {
			to := from + 1
			for to < len(row) && row[to].item == row[from].item {
				to++
			}
			e := merged(row[from:to], d)
			if math.IsInf(e.value, 0) {
				return fmt.Errorf("the values of user %s and item %s add up beyond float64", x.Users.At(u), x.Items.At(int(e.item)))
			}
			x.Merged += int64(to - from - 1)
			x.Item[n], x.Value[n] = e.item, e.value
			if x.Time != nil {
				x.Time[n] = e.time
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

// merged is what stands for rows of the same user and item.
func merged(rows []entry, d Duplicates) entry {
	e := rows[0]
	for _, r := range rows[1:] {
		if d != Last {
			e.value += r.value
		} else if r.time >= e.time {
			e.value = r.value
		}
		e.time = max(e.time, r.time)
	}
	if d == Mean {
		e.value /= float64(len(rows))
	}
	return e
}
