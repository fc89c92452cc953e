package ivf

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

// Queries go to all parts that are made of the planned parts they were put into, and none is lost where one of these is
// empty.
func TestAssignQueries(t *testing.T) {
	t.Parallel()
	var points, queries []Section
	part := func(planned ...int64) (p Part) {
		for _, l := range planned {
			for task := range int64(2) {
				p.Points = append(p.Points, SectionRows{Section: len(points), Rows: 1})
				points = append(points, Section{Part: l, Task: task, Rows: 1})
			}
		}
		return p
	}
	for _, l := range []int64{0, 1, 2, 3, 5, 9} {
		queries = append(queries, Section{Part: l, Rows: 7})
	}
	parts := []Part{part(0, 2), part(3), part(3), part(4), part(6, 7)}
	var got [][]int64
	for _, p := range AssignQueries(parts, points, queries) {
		var of []int64
		for _, c := range p.Queries {
			of = append(of, queries[c.Section].Part)
			if c.Skip != 0 || c.Rows != 7 {
				t.Errorf("%+v is not the whole section", c)
			}
		}
		got = append(got, of)
	}
	if want := [][]int64{{0, 1, 2}, {3}, {3}, {5, 9}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What is large is cut by row number, what is small put together; no row is lost or there twice, and each part has
// enough.
func TestLayout(t *testing.T) {
	t.Parallel()
	l := Layout{MaxRows: 100, MaxWideRows: 40, K: 3}
	for _, sizes := range [][]int64{{1000}, {100}, {101}, {1, 1, 1}, {50, 1, 200, 2}, {1, 99, 1, 99, 1},
		{7, 30, 12, 3, 90, 45, 101, 350, 8}, {3, 250}, {250, 3}} {
		for _, wide := range []bool{false, true} {
			var sections []Section
			total := int64(0)
			for part, n := range sizes {
				for task := int64(0); n > 0; task++ { // of several tasks
					rows := min(n, 60)
					sections = append(sections, Section{Part: int64(part), Task: task, Rows: rows, Wide: wide})
					n -= rows
				}
				total += sizes[part]
			}
			slices.Reverse(sections) // their order does not matter
			type row struct{ section, row int64 }
			seen := map[row]bool{}
			for i, p := range l.Parts(sections) {
				rows, of := int64(0), map[int64]int64{}
				for _, c := range p.Points {
					s := sections[c.Section]
					rows += c.Rows
					of[s.Part] += c.Rows
					for r := c.Skip; r < c.Skip+c.Rows; r++ {
						at := row{int64(c.Section), r}
						if seen[at] || r >= s.Rows {
							t.Fatalf("%v: row %v is there twice, or is none", sizes, at)
						}
						seen[at] = true
					}
				}
				if most := slices.Max(slices.Collect(maps.Values(of))); most <= 3 && slices.Max(sizes) > 3 {
					t.Errorf("%v: part %d has at most %d different rows", sizes, i, most)
				}
				if most := l.maxRows(wide) + 2*3; rows > most || p.Wide != wide || p.Queries != nil {
					t.Errorf("%v: part %d has %d rows, at most %d: %+v", sizes, i, rows, most, p)
				}
				for i := range p.Points[1:] {
					a, b := sections[p.Points[i].Section], sections[p.Points[i+1].Section]
					if a.Part == b.Part && a.Task >= b.Task {
						t.Errorf("%v: the pieces of a planned part are not in the order of their rows: %v", sizes, p.Points)
					}
				}
			}
			if int64(len(seen)) != total {
				t.Errorf("%v: %d rows of %d", sizes, len(seen), total)
			}
		}
	}
}

// Small planned parts are put together up to half of what fits, so that a part costs no more than it must.
func TestLayoutOfSmallParts(t *testing.T) {
	t.Parallel()
	l := Layout{MaxRows: 100, MaxWideRows: 40, K: 3}
	for _, c := range []struct {
		sizes, want []int64
	}{
		{[]int64{30, 30, 30}, []int64{30, 30, 30}},
		{[]int64{20, 20, 20, 20, 20}, []int64{40, 40, 20}},
		{[]int64{25, 25, 1}, []int64{51}},
		{[]int64{2, 60, 2}, []int64{64}},
		{[]int64{101, 60}, []int64{50, 51, 60}},
	} {
		var sections []Section
		for part, n := range c.sizes {
			sections = append(sections, Section{Part: int64(part), Rows: n})
		}
		var got []int64
		for _, p := range l.Parts(sections) {
			rows := int64(0)
			for _, piece := range p.Points {
				rows += piece.Rows
			}
			got = append(got, rows)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v make parts of %v, want %v", c.sizes, got, c.want)
		}
	}
}

// Sections are grouped by what they are of, each group in the order of the tasks.
func TestGroupSections(t *testing.T) {
	t.Parallel()
	got := groupSections([]Section{{5, 1, 10, false}, {2, 1, 3, false}, {5, 0, 4, true}, {2, 1, 2, false},
		{2, 0, 1, false}})
	want := []SectionGroup{
		{2, 6, false, []SectionRows{{4, 0, 1}, {1, 0, 3}, {3, 0, 2}}},
		{5, 14, true, []SectionRows{{2, 0, 4}, {0, 0, 10}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if groupSections(nil) != nil {
		t.Error("groups of no sections")
	}
}

// Each group of parts has the points of several full parts, and a part with enough of them; together they have all
// parts.
func TestGroups(t *testing.T) {
	t.Parallel()
	const full, k = 10, 3
	for _, c := range []struct {
		sizes []int
		want  []int32
	}{
		{[]int{5}, []int32{0}},
		{[]int{40, 40, 40}, []int32{0, 2}},
		{[]int{40, 40, 3, 3}, []int32{0}},                                      // too few points for a group
		{[]int{80, 80, 80, 2, 1}, []int32{0, 1, 2}},                            // the last of which takes what is left
		{append(slices.Repeat([]int{2}, 50), 4, 80, 80), []int32{0, 51, 52}},   // none of the small ones has enough
		{slices.Concat(slices.Repeat([]int{8}, 30)), []int32{0, 10, 20}},       // as many as make eight full ones
		{[]int{0, 0, 80, 0, 0, 80}, []int32{0, 3}},                             // empty ones are somewhere, too
		{append([]int{90}, slices.Repeat([]int{3}, 100)...), []int32{0}},       // no group without one of more than k
		{append([]int{90, 4}, slices.Repeat([]int{3}, 100)...), []int32{0, 1}}, // with one there is
	} {
		p := Parts{Count: len(c.sizes)}
		for _, n := range c.sizes {
			p.Sizes = append(p.Sizes, PartSize{n, fullPart * float64(n)})
		}
		if p.setGroups(full, k); !slices.Equal(p.Groups, c.want) {
			t.Errorf("%v begin groups at %v, want %v", c.sizes, p.Groups, c.want)
		}
		largest := make([]int, len(p.Groups))
		for i, n := range c.sizes {
			g := p.Group(int64(i))
			if first := int(p.Groups[g]); i < first || int(g)+1 < len(p.Groups) && i >= int(p.Groups[g+1]) {
				t.Errorf("%v: part %d is in group %d", c.sizes, i, g)
			}
			largest[g] = max(largest[g], n)
		}
		if most := slices.Min(largest); most <= k && slices.Max(c.sizes) > k {
			t.Errorf("%v: a group of parts of at most %d", c.sizes, most)
		}
	}
}
