package neighbors

import (
	"cmp"
	"math"
	"slices"

	"beamlearn/model/neighbors/internal/tile"
)

// This file makes the sets of points of which first bounds come where groups are kept apart, or a query may have only
// so many points of one: see [worker.seed].

// groupSets are disjoint sets of points, a lane of their panels each. A group has its points in one set, which may have
// those of others as well, or it has sets of its own. So the best of any sets may be neighbours of a query together,
// if it may have them one by one, and of the sets of a group no more than it may have points of it.
type groupSets struct {
	points *shorts
	sets   seedSets
	of     []int32 // by group: its set, if that has others' points as well; or none
	single []int32 // by set: the group that has it alone, or none
}

// fewGrouped is about the number of queries from which on such sets are worth making.
const fewGrouped = 256

// groupSets are those for a block of queries, or nil where one point each is to make a bound.
func (s *query) groupSets(q queries) *groupSets {
	by := &s.search
	if by.Before != nil || (by.Apart == nil) == (by.Most == nil) || s.q.Len() < fewGrouped {
		return nil
	}
	return s.grouped.get(func() *groupSets {
		rank := s.k
		if s.exclude != nil {
			rank++ // the query itself may be the best of one
		}
		panels := (4*rank + tile.Columns - 1) / tile.Columns
		n := s.t.points.n
		number := min(s.seedPoints(q)*rank, max(n/8, min(16*rank, n/2)))
		length := max(number/(panels*tile.Columns), 1)
		all := s.t.seedForms(s.forms, q.prec)
		g := &groupSets{sets: seedSets{n: panels, length: length, span: panels * length, rank: rank}}
		order, filled := g.arrange(s.samples(all, panels*length*tile.Columns), by)
		if filled < 2*rank { // groups are so few that the bound would be loose
			return nil
		}
		g.points = s.t.frame.pick(all, order)
		g.sets = s.measured(g.points, g.sets, rank)
		return g
	})
}

// groupRows are points of one group among those that make sets, by their rows.
type groupRows struct {
	group int32
	rows  []int32
}

// samples are about so many points, over all, that have a short form, by their groups, the largest first. Each that is
// in none is alone.
func (s *query) samples(points *shorts, number int) []groupRows {
	group := func(row int32) int32 {
		if a := s.search.Apart; a != nil {
			return a.Points[s.forms.position(int(row))]
		}
		return s.search.Most.Groups[s.forms.position(int(row))]
	}
	var rows []int32
	number = min(number, s.t.points.n)
	for i := range number {
		if row := i * s.t.points.n / number; !math.IsInf(float64(points.halves[row]), 0) {
			rows = append(rows, int32(row))
		}
	}
	slices.SortStableFunc(rows, func(a, b int32) int { return cmp.Compare(group(a), group(b)) })
	var all []groupRows
	for i, row := range rows {
		if g := group(row); g < 0 || len(all) == 0 || all[len(all)-1].group != g {
			all = append(all, groupRows{g, rows[i : i+1 : i+1]})
		} else {
			last := &all[len(all)-1].rows
			*last = rows[i-len(*last) : i+1 : i+1]
		}
	}
	slices.SortStableFunc(all, func(a, b groupRows) int { return cmp.Compare(len(b.rows), len(a.rows)) })
	return all
}

// arrange puts points into the sets, and gives the row at each place of their panels, or none, and how many sets have
// points. Points that have no place in a set are left out.
func (g *groupSets) arrange(all []groupRows, by *Search) (order []int32, used int) {
	length, sets := g.sets.length, g.sets.n*tile.Columns
	order = slices.Repeat([]int32{none}, sets*length)
	filled := make([]int, sets)
	fill := func(set int, rows []int32) {
		if filled[set] == 0 {
			used++
		}
		for _, row := range rows[:min(len(rows), length-filled[set])] {
			order[(set/tile.Columns*length+filled[set])*tile.Columns+set%tile.Columns] = row
			filled[set]++
		}
	}
	own, most := 0, sets // sets of one group, and how many one may have
	if by.Most != nil {
		large := 0 // groups
		for large < len(all) && len(all[large].rows) > length {
			large++
		}
		room := sets
		if large < len(all) { // the others get half
			room /= 2
		}
		most = max(by.Most.Number, room/max(large, 1))
	}
	g.single = slices.Repeat([]int32{none}, sets)
	for len(all) > 0 && len(all[0].rows) > length {
		parts := 0
		for rows := range slices.Chunk(all[0].rows, length) {
			if parts++; parts > most || own == sets {
				break
			}
			g.single[own] = all[0].group
			fill(own, rows)
			own++
		}
		all = all[1:]
	}
	if own == sets {
		return order, used
	}
	set := own
	for _, a := range all {
		if a.group >= 0 {
			for len(g.of) <= int(a.group) {
				g.of = append(g.of, none)
			}
			g.of[a.group] = int32(set)
		}
		fill(set, a.rows)
		if set++; set == sets {
			set = own
		}
	}
	return order, used
}

// bestOfGroups is the score of the last of the best sets that query i may have; best are its scores. It finds none
// where there are too few.
func (w *worker) bestOfGroups(i int, g *groupSets, best []float32) (score float64, found bool) {
	group, barred := int32(none), int32(none)
	if a := w.s.search.Apart; a != nil {
		if group = a.Queries[i]; group >= 0 && int(group) < len(g.of) {
			barred = g.of[group]
		}
	}
	most := w.s.search.Most
	w.orders = w.orders[:0]
	of, start, limit := int32(none), 0, 0 // the group whose sets follow each other, where its scores begin, and how many count
	for p := range g.sets.n {
		for j, score := range best[p*cells:][:tile.Columns] {
			set := p*tile.Columns + j
			single := g.single[set]
			if int32(set) == barred || group >= 0 && single == group || math.IsInf(float64(score), -1) {
				continue
			}
			if most == nil || single == none {
				w.orders = append(w.orders, ordered(-score))
				continue
			}
			if single != of {
				of, start, limit = single, len(w.orders), most.Number
				if self := excluded(w.s.exclude, i); self >= 0 && most.Groups[self] == of {
					limit++ // as the query itself may be the best of one
				}
			}
			w.orders = insert(w.orders, start, limit, ordered(-score))
		}
	}
	if len(w.orders) < g.sets.rank {
		return 0, false
	}
	return -float64(disordered(nthSmallest(w.orders, g.sets.rank))), true
}

// insert adds v to a list whose values from start on ascend, and of which there the least are kept, so many at most.
func insert(list []uint32, start, limit int, v uint32) []uint32 {
	if len(list)-start < limit {
		list = append(list, v)
	} else if v >= list[len(list)-1] {
		return list
	}
	i := len(list) - 1
	for ; i > start && list[i-1] > v; i-- {
		list[i] = list[i-1]
	}
	list[i] = v
	return list
}
