package ivf

import (
	"cmp"
	"maps"
	"slices"
)

// Section is what one task has of one planned part: rows whose numbers ascend, and are greater than those of the tasks
// before it. Of answers, Part is a range of queries.
type Section struct {
	Part int64
	Task int64
	Rows int64
	Wide bool // some of its values need a float64
}

// SectionRows is so many rows of a section, from row Skip on.
type SectionRows struct {
	Section    int // the place of the section in its list
	Skip, Rows int64
}

// SectionGroup is all sections of one planned part, or of one range of queries, in the order of their tasks.
type SectionGroup struct {
	Part   int64
	Rows   int64
	Wide   bool
	Pieces []SectionRows
}

// groupSections groups sections by what they are of, ascending. O(sections·log sections).
func groupSections(sections []Section) (groups []SectionGroup) {
	order := make([]int, len(sections))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &sections[a], &sections[b]
		return cmp.Or(cmp.Compare(x.Part, y.Part), cmp.Compare(x.Task, y.Task))
	})
	for _, i := range order {
		s := &sections[i]
		if len(groups) == 0 || groups[len(groups)-1].Part != s.Part {
			groups = append(groups, SectionGroup{Part: s.Part})
		}
		g := &groups[len(groups)-1]
		g.Rows, g.Wide = g.Rows+s.Rows, g.Wide || s.Wide
		g.Pieces = append(g.Pieces, SectionRows{Section: i, Rows: s.Rows})
	}
	return groups
}

// Part is points that one worker holds at a time, and the queries that are searched among them: none where every
// point is a query.
type Part struct {
	Wide            bool // some of the points are
	Points, Queries []SectionRows
}

// Layout makes parts that fit into a worker of planned ones, whose sizes are only known once all points are in them.
type Layout struct {
	MaxRows, MaxWideRows int64 // of a part whose values are float32, or float64
	K                    int   // neighbours of each point
}

// maxRows is how many points a part has at most.
func (l *Layout) maxRows(wide bool) int64 {
	if wide {
		return l.MaxWideRows
	}
	return l.MaxRows
}

// Parts cuts planned parts that are too large, by row number, and puts small ones together, as long as they take half
// of what fits. A part has more than K different points, if there are as many in all. O(sections·log sections).
func (l *Layout) Parts(points []Section) (parts []Part) {
	var open Part                                         // of small ones
	var rows, largest int64                               // of open: in all, and of one planned part
	enough := func() bool { return largest > int64(l.K) } // by one alone, as several may have the same points
	shut := func() {
		if rows > 0 {
			parts = append(parts, open)
		}
		open, rows, largest = Part{}, 0, 0
	}
	for _, g := range groupSections(points) {
		if most := l.maxRows(g.Wide); g.Rows > most {
			parts = append(parts, g.cut((g.Rows+most-1)/most)...)
			continue
		}
		if enough() && rows+g.Rows > l.maxRows(g.Wide || open.Wide)/2 {
			shut()
		}
		open.join(g.Wide, g.Pieces)
		rows, largest = rows+g.Rows, max(largest, g.Rows)
	}
	if rows > 0 && !enough() && len(parts) > 0 {
		parts[len(parts)-1].join(open.Wide, open.Points)
		rows = 0
	}
	shut()
	return parts
}

func (p *Part) join(wide bool, points []SectionRows) {
	p.Wide, p.Points = p.Wide || wide, append(p.Points, points...)
}

// cut makes n equal parts of consecutive rows.
func (g *SectionGroup) cut(n int64) []Part {
	parts := make([]Part, n)
	for i := range parts {
		lo, hi := int64(i)*g.Rows/n, (int64(i)+1)*g.Rows/n
		p := &parts[i]
		p.Wide = g.Wide
		first := int64(0) // row of the piece
		for _, c := range g.Pieces {
			from, to := max(lo, first), min(hi, first+c.Rows)
			if from < to {
				p.Points = append(p.Points, SectionRows{c.Section, c.Skip + from - first, to - from})
			}
			first += c.Rows
		}
	}
	return parts
}

// AssignQueries gives parts the queries that were put into the planned parts which they are made of, and leaves out
// the parts that get none. No part is made of a planned part without points: its queries go to the parts of the next
// planned part that has points, or of the last.
func AssignQueries(parts []Part, points, queries []Section) []Part {
	of := map[int64][]int{} // the parts that planned ones are in
	for i, p := range parts {
		for _, c := range p.Points {
			planned := points[c.Section].Part
			if in := of[planned]; len(in) == 0 || in[len(in)-1] != i {
				of[planned] = append(in, i)
			}
		}
	}
	planned := slices.Sorted(maps.Keys(of))
	for _, g := range groupSections(queries) {
		at, _ := slices.BinarySearch(planned, g.Part)
		for _, i := range of[planned[min(at, len(planned)-1)]] {
			parts[i].Queries = append(parts[i].Queries, g.Pieces...)
		}
	}
	return slices.DeleteFunc(parts, func(p Part) bool { return len(p.Queries) == 0 })
}
