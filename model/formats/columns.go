package formats

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
)

// selection says which columns of a table make the vector, and which the id.
type selection struct {
	names  []string // of all columns; nil where they have none
	count  int      // of all columns
	vector []int    // those of the vector, in its order
	id     int      // that of the id, or -1
	target int      // that of what is to be learned, or -1
	weight int      // that of the weight, or -1
	labels bool     // the target is a label
	lists  bool     // which may be an array
	// untargeted says that rows without a target are kept.
	untargeted bool
	index      int          // that of the rows' labels, which is in the vector only where it is asked for, or -1
	types      []string     // of all columns, in a word or two; nil where they are not known
	without    string       // a note on columns that are asked for, and are not in the vector
	wanted     map[int]bool // columns of the vector that are named, rather than among all others or those of a glob
	whole      []bool       // of all columns: the numbers of the first rows are integers; nil where that is not known
}

// vectorNames are the names of the vector's columns, or nil.
func (s *selection) vectorNames() []string {
	if s.names == nil {
		return nil
	}
	names := make([]string, len(s.vector))
	for i, c := range s.vector {
		names[i] = s.names[c]
	}
	return names
}

// learns reports whether rows have a target or a weight.
func (s *selection) learns() bool { return s.target >= 0 || s.weight >= 0 }

// name is how a fault calls a column.
func (s *selection) name(column int) string {
	if s.names != nil && column < len(s.names) && s.names[column] != "" {
		return s.names[column]
	}
	return strconv.Itoa(column)
}

// places is the place of each column in the vector, or -1.
func (s *selection) places() []int {
	p := make([]int, s.count)
	for c := range p {
		p[c] = -1
	}
	for i, c := range s.vector {
		p[c] = i
	}
	return p
}

// choose resolves Columns, IDColumn, TargetColumn and WeightColumn against a table of count columns; names is nil
// where they have none. A column is found by its name first, then by its 0-based index, then as a range of indices,
// then as a glob of names, whose columns come in the table's order. A name that several columns have names none of
// them. Every fault is one of the file named.
func (o *Options) choose(file string, names []string, count int) (*selection, error) {
	s := &selection{names: names, count: count, id: -1, target: -1, weight: -1, labels: o.Labels, lists: o.Lists,
		untargeted: o.Untargeted, index: indexIn(names)}
	roles := []struct {
		name, spec string
		column     *int
	}{{"id", o.IDColumn, &s.id}, {"target", o.TargetColumn, &s.target}, {"weight", o.WeightColumn, &s.weight}}
	var specs []string
	for _, r := range roles {
		if r.spec != "" {
			specs = append(specs, r.spec)
		}
	}
	for _, spec := range append(specs, o.Columns...) {
		if n := s.named(spec); n > 1 {
			return nil, fault.Asked(file, "one column of that name, or its index", "%d columns %s", n, fault.Quote(spec))
		}
	}
	role := map[int]string{}
	for _, r := range roles {
		if r.spec == "" {
			continue
		}
		c, ok := s.find(r.spec)
		if !ok {
			return nil, s.lacks(file, "the "+r.name+" column "+fault.Quote(r.spec))
		}
		if other, ok := role[c]; ok {
			return nil, fault.Asked(file, "a column of its own for the "+other+" and the "+r.name, "the column %s for both",
				s.name(c))
		}
		*r.column, role[c] = c, r.name
	}
	switch {
	case len(o.Names) > 0 && names != nil:
		if err := s.exactly(file, o.Names); err != nil {
			return nil, err
		}
	case len(o.Columns) == 0:
		s.vector = s.rest()
	default:
		if err := s.choose(file, o.Columns, role); err != nil {
			return nil, err
		}
	}
	if len(s.vector) == 0 {
		found, but := "none", " but the "
		for _, r := range roles {
			if r.spec != "" {
				found, but = found+but+r.name, " and the "
			}
		}
		return nil, fault.Asked(file, "at least one column for the vector", "%s", found)
	}
	return s, nil
}

// exactly makes the vector of the columns by these names, in this order.
func (s *selection) exactly(file string, names []string) error {
	at := make(map[string]int, len(s.names))
	for c, name := range s.names {
		if _, twice := at[name]; twice {
			c = -1
		}
		at[name] = c
	}
	for _, name := range names {
		c, ok := at[name]
		switch {
		case !ok:
			return s.missing(file, "a column "+fault.Quote(name))
		case c < 0:
			return fault.File(file, "one column of that name", "%d columns %s", s.named(name), fault.Quote(name))
		case c == s.target || c == s.weight:
			return fault.File(file, "columns for the vector without the target and the weight", "the column %s as one of these",
				fault.Quote(name))
		}
		s.vector = append(s.vector, c)
		s.ask(c)
	}
	return nil
}

// ask notes that a column is asked for by its own name.
func (s *selection) ask(column int) {
	if s.wanted == nil {
		s.wanted = map[int]bool{}
	}
	s.wanted[column] = true
}

// wildcard reports whether an entry of Columns is a glob.
func wildcard(spec string) bool { return strings.ContainsAny(spec, "*?[") }

// choose makes the vector of the columns that are asked for, without those that are asked not to be in it, and without
// the target and the weight.
func (s *selection) choose(file string, specs []string, role map[int]string) error {
	var wanted []string
	out := map[int]bool{}
	for _, spec := range specs {
		not, cut := strings.CutPrefix(spec, "!")
		if !cut || s.named(spec) > 0 {
			wanted = append(wanted, spec)
			continue
		}
		columns, ok := s.expand(not)
		if !ok {
			return s.lacks(file, "a column "+fault.Quote(not)+" to leave out")
		}
		for _, c := range columns {
			out[c] = true
		}
	}
	if len(wanted) == 0 {
		s.vector = slices.DeleteFunc(s.rest(), func(c int) bool { return out[c] })
	}
	var without []string
	taken := make(map[int]string, len(wanted))
	for _, spec := range wanted {
		columns, ok := s.expand(spec)
		if !ok {
			return s.lacks(file, "a column "+fault.Quote(spec))
		}
		for _, c := range columns {
			if by, ok := taken[c]; ok {
				return fault.Asked(file, "each column once", "the column %s in both %s and %s of the columns asked for", s.name(c),
					fault.Quote(by), fault.Quote(spec))
			}
			taken[c] = spec
			if !wildcard(spec) || s.named(spec) > 0 {
				s.ask(c)
			}
			switch {
			case out[c]:
			case c == s.target || c == s.weight:
				without = append(without, fault.Plain(s.name(c))+" ("+role[c]+")")
			default:
				s.vector = append(s.vector, c)
			}
		}
	}
	if len(without) > 0 {
		s.without = withoutNote + strings.Join(without, ", ")
	}
	return nil
}

// withoutNote begins a note on columns that are asked for, and have another use.
const withoutNote = "of the columns asked for, not in the vector: "

// WithoutTargets is the note on columns that are asked for, and are targets, where there are several.
func WithoutTargets(names []string) string {
	var all []string
	for _, name := range names {
		all = append(all, fault.Plain(name)+" (target)")
	}
	return withoutNote + strings.Join(all, ", ")
}

// Notes tells of columns that are asked for, and have another use.
func (s *selection) Notes() []string {
	if s.without == "" {
		return nil
	}
	return []string{s.without}
}

// byDefault reports whether nothing says which columns make the vector.
func (o *Options) byDefault() bool { return len(o.Columns) == 0 && len(o.Names) == 0 }

// wide reports whether no column is named that makes the vector: nothing says which they are or, where numbers may be
// missing, only globs and what to leave out.
func (o *Options) wide() bool {
	if o.byDefault() {
		return true
	}
	return o.Missing && len(o.Names) == 0 && !slices.ContainsFunc(o.Columns, func(spec string) bool {
		return !strings.HasPrefix(spec, "!") && !wildcard(spec)
	})
}

// rest is all columns but those that have a use of their own.
func (s *selection) rest() []int {
	var columns []int
	for c := range s.count {
		if c != s.id && c != s.target && c != s.weight && c != s.index {
			columns = append(columns, c)
		}
	}
	return columns
}

// indexIn is the place of the column of the rows' labels, as pandas and R write it: the first, where it alone has no
// name; or -1.
func indexIn(names []string) int {
	if len(names) > 1 && names[0] == "" && names[1] != "" {
		return 0
	}
	return -1
}

// shownNames bounds how many names a fault lists.
const shownNames = 8

func (s *selection) missing(file, wanted string) *fault.Fault {
	if s.names == nil {
		return fault.File(file, wanted, "%d columns without names: they go by their index, from 0", s.count)
	}
	return fault.File(file, wanted, "the columns %s", list(s.names))
}

// lacks is missing for what the options name.
func (s *selection) lacks(file, wanted string) error {
	f := s.missing(file, wanted)
	f.Asked = true
	return f
}

// named is how many columns have a name.
func (s *selection) named(name string) int {
	n := 0
	for _, have := range s.names {
		if have == name {
			n++
		}
	}
	return n
}

// find is one column by its name or its index.
func (s *selection) find(spec string) (int, bool) {
	for c, n := range s.names {
		if n == spec {
			return c, true
		}
	}
	if c, err := strconv.Atoi(spec); err == nil && c >= 0 && c < s.count {
		return c, true
	}
	return 0, false
}

// expand is the columns that an entry of Columns names.
func (s *selection) expand(spec string) ([]int, bool) {
	if c, ok := s.find(spec); ok {
		return []int{c}, true
	}
	if lo, hi, ok := strings.Cut(spec, "-"); ok {
		a, errA := strconv.Atoi(lo)
		b, errB := strconv.Atoi(hi)
		if errA == nil && errB == nil && 0 <= a && a <= b && b < s.count {
			columns := make([]int, 0, b-a+1)
			for c := a; c <= b; c++ {
				columns = append(columns, c)
			}
			return columns, true
		}
	}
	if spec == "*" {
		columns := s.rest()
		return columns, len(columns) > 0
	}
	var columns []int
	for _, c := range s.rest() {
		if s.names == nil {
			break
		}
		if ok, err := path.Match(spec, s.names[c]); err == nil && ok {
			columns = append(columns, c)
		}
	}
	return columns, len(columns) > 0
}
