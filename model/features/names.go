package features

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
)

// asked is the kind that each column is asked to be of, "" where nothing is asked.
func (o *Options) asked(names []string) ([]Kind, error) {
	asked := make([]Kind, len(names))
	formats, err := parseDateFormats(o.DateFormat)
	if err != nil {
		return nil, err
	}
	for _, list := range []struct {
		kind  Kind
		specs []string
	}{{Numeric, o.Numeric}, {Categorical, o.Categorical}, {Text, o.Text}, {Date, o.Date}, {Date, formats.specs}} {
		for _, spec := range list.specs {
			columns := expand(spec, names)
			if len(columns) == 0 {
				return nil, fmt.Errorf("%s: no column %s: there are %s", list.kind, fault.Quote(spec), listNames(names))
			}
			for _, c := range columns {
				if asked[c] != "" && asked[c] != list.kind {
					return nil, fmt.Errorf("column %s is to be both %s and %s: it must be of one kind",
						fault.Quote(names[c]), asked[c], list.kind)
				}
				asked[c] = list.kind
			}
		}
	}
	return asked, nil
}

// expand is the columns that an entry means: a name, or else an index, or a range of indices, or a glob of names.
func expand(spec string, names []string) []int {
	if c := find(spec, names); c >= 0 {
		return []int{c}
	}
	var columns []int
	if lo, hi, ok := indexRange(spec); ok && hi < len(names) {
		for c := lo; c <= hi; c++ {
			columns = append(columns, c)
		}
		return columns
	}
	for c, name := range names {
		if ok, err := path.Match(spec, name); err == nil && ok {
			columns = append(columns, c)
		}
	}
	return columns
}

// indexRange understands an index, and a range of indices, 3-7.
func indexRange(spec string) (lo, hi int, ok bool) {
	first, last, ranged := strings.Cut(spec, "-")
	if !ranged {
		last = first
	}
	lo, errLo := strconv.Atoi(first)
	hi, errHi := strconv.Atoi(last)
	return lo, hi, errLo == nil && errHi == nil && 0 <= lo && lo <= hi
}

// ByIndex is the options with names in the place of indices, and ranges of indices, that count all columns of a file;
// columns are those of them that the table has, in its order. A name goes before an index. It fails where an index is
// that of no column, or of one that is not in the table, and where a range has none of them.
func (o Options) ByIndex(all, columns []string) (Options, error) {
	x := indices{all: all, columns: columns}
	o.Numeric, o.Categorical = x.list("numeric", o.Numeric), x.list("categorical", o.Categorical)
	o.Text, o.Date = x.list("text", o.Text), x.list("date", o.Date)
	o.Interactions, o.Splines = slices.Clone(o.Interactions), slices.Clone(o.Splines)
	for i, s := range o.Interactions {
		names := strings.Split(s, "*")
		for j, name := range names {
			names[j] = x.one("interactions", strings.TrimSpace(name), "* ")
		}
		o.Interactions[i] = strings.Join(names, "*")
	}
	for i, s := range o.Splines {
		if at := strings.LastIndexByte(s, ':'); at > 0 {
			o.Splines[i] = x.one("splines", s[:at], "") + s[at:]
		}
	}
	parts := strings.Split(o.DateFormat, ",")
	for i, part := range parts {
		if spec, format, ok := cutColumn(part); ok {
			var own []string
			for _, name := range x.columnsOf("date_format", strings.TrimSpace(spec), ",:%") {
				own = append(own, name+":"+format)
			}
			parts[i] = strings.Join(own, ",")
		}
	}
	o.DateFormat = strings.Join(parts, ",")
	return o, x.err
}

// indices puts names in the place of indices.
type indices struct {
	all, columns []string
	err          error
}

func (x *indices) list(what string, specs []string) (names []string) {
	for _, spec := range specs {
		names = append(names, x.columnsOf(what, spec, "")...)
	}
	return names
}

// one is the name of a single column.
func (x *indices) one(what, spec, signs string) string {
	if _, err := strconv.Atoi(spec); err != nil {
		return spec
	}
	if names := x.columnsOf(what, spec, signs); len(names) == 1 {
		return names[0]
	}
	return spec
}

// columnsOf are the names that an entry means, itself where it is no index and no range of them. A name with one of the
// signs, which have a meaning where it stands, becomes its place among the columns of the table.
func (x *indices) columnsOf(what, spec, signs string) (names []string) {
	if slices.Contains(x.columns, spec) {
		return []string{spec}
	}
	lo, hi, ok := indexRange(spec)
	if !ok {
		return []string{spec}
	}
	if !slices.Contains(x.all, spec) && hi < len(x.all) {
		for _, name := range x.all[lo : hi+1] {
			at := slices.Index(x.columns, name)
			switch {
			case at < 0:
				continue
			case strings.ContainsAny(name, signs):
				place := strconv.Itoa(at)
				if slices.Contains(x.columns, place) && x.err == nil {
					x.err = fmt.Errorf("%s: the column %s, %s, cannot be told from one that is called %s: rename it", what, spec,
						fault.Quote(name), place)
				}
				name = place
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 && x.err == nil {
		x.err = fmt.Errorf("%s: no column %s: there are %s", what, fault.Quote(spec), listNames(x.columns))
		if !strings.Contains(spec, "-") && lo < len(x.all) {
			x.err = fmt.Errorf("%s: the column %s, %s, is not among those of the table: %s", what, spec, fault.Quote(x.all[lo]),
				listNames(x.columns))
		}
	}
	return names
}

// find is the column of a name, or else of an index, or -1.
func find(spec string, names []string) int {
	if c := slices.Index(names, spec); c >= 0 {
		return c
	}
	if c, err := strconv.Atoi(spec); err == nil && c >= 0 && c < len(names) {
		return c
	}
	return -1
}

// findPart is the column of a name or an index, or else the column and the part of a date, as of time_hour_month; or
// -1.
func findPart(spec string, names []string) (column int, part string) {
	if c := find(spec, names); c >= 0 {
		return c, ""
	}
	for _, part := range partNames {
		if name, ok := strings.CutSuffix(spec, "_"+part); ok {
			if c := slices.Index(names, name); c >= 0 {
				return c, part
			}
		}
	}
	return -1, ""
}

// shownNames bounds how many names an error lists.
const shownNames = 12

func listNames(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	more := ""
	if n := len(names) - shownNames; n > 0 {
		names, more = names[:shownNames], fmt.Sprintf(" and %d more", n)
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fault.Plain(name)
	}
	return strings.Join(quoted, ", ") + more
}

// parseInteraction reads names of columns that are multiplied.
func parseInteraction(s string) ([]string, error) {
	names := strings.Split(s, "*")
	for i, name := range names {
		if names[i] = strings.TrimSpace(name); names[i] == "" {
			return nil, errors.New("must be names of columns with * between them")
		}
	}
	if len(names) < 2 || len(names) > mostFactors {
		return nil, fmt.Errorf("must be from 2 to %d names of columns with * between them", mostFactors)
	}
	return names, nil
}

const (
	mostFactors = 4
	mostKnots   = 1000
)

// parseSpline reads the name of a column and a number of knots.
func parseSpline(s string) (name string, knots int, err error) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 {
		return "", 0, errors.New("must be a column and a number of knots, as hour:8")
	}
	knots, err = strconv.Atoi(s[i+1:])
	if err != nil || knots < 2 || knots > mostKnots {
		return "", 0, fmt.Errorf("%q knots: must be from 2 to %d", s[i+1:], mostKnots)
	}
	return s[:i], knots, nil
}

// checkNames reports columns of interactions and splines that there are not.
func (o *Options) checkNames(names []string) error {
	check := func(what, name string) error {
		if c, _ := findPart(name, names); c < 0 {
			return fmt.Errorf("%s: no column %s: there are %s", what, fault.Quote(name), listNames(names))
		}
		return nil
	}
	for _, s := range o.Interactions {
		factors, err := parseInteraction(s)
		if err != nil {
			return err
		}
		for _, name := range factors {
			if err := check("interactions", name); err != nil {
				return err
			}
		}
	}
	type place struct {
		column int
		part   string
	}
	seen := map[place]bool{}
	for _, s := range o.Splines {
		name, _, err := parseSpline(s)
		if err != nil {
			return err
		}
		if err := check("splines", name); err != nil {
			return err
		}
		c, part := findPart(name, names)
		if seen[place{c, part}] {
			return fmt.Errorf("splines: the column %s is there twice", fault.Quote(name))
		}
		seen[place{c, part}] = true
	}
	return nil
}
