package features

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// ValueType says what the values of a column of categories are.
type ValueType string

const (
	// TextValues are texts, in the order of their bytes.
	TextValues ValueType = "text"
	// NumberValues are numbers, in their order.
	NumberValues ValueType = "number"
	// BooleanValues are False and True.
	BooleanValues ValueType = "boolean"
)

var valueTypes = []ValueType{TextValues, NumberValues, BooleanValues}

// category is a value, how often it is there, and its place among numbers.
type category struct {
	name   string
	number float64
	count  int64
}

// valueType is what the values of a column are meant as: numbers where all are, and no file says that they are text.
func (c *column) valueType() ValueType {
	texts := c.of(classText) + c.of(classDate) + c.counts[1][classNumber] + c.counts[1][classBoolean] + c.counts[1][classMarker]
	numbers, booleans := c.counts[0][classNumber], c.counts[0][classBoolean]
	switch {
	case texts == 0 && booleans == 0 && numbers > 0:
		return NumberValues
	case texts == 0 && numbers == 0 && booleans > 0:
		return BooleanValues
	}
	return TextValues
}

// categories are the distinct values, sorted; over, if they are more than the limit, in which case there are none.
func (c *column) categories(t ValueType, limit int) (all []category, over bool) {
	if t == BooleanValues {
		all = []category{{"False", 0, c.of(classBoolean) - c.trues}, {"True", 1, c.trues}}
		return slices.DeleteFunc(all, func(v category) bool { return v.count == 0 }), false
	}
	if c.texts.over || c.values.over {
		return nil, true
	}
	counts := map[string]int64{}
	for v, n := range c.values.counts {
		counts[formatNumber(v)] += n
	}
	for name, i := range c.texts.index {
		if t == NumberValues {
			v, ok := number(trim([]byte(name)))
			if !ok {
				continue // a marker
			}
			name = formatNumber(v + 0)
		}
		counts[name] += c.texts.counts[i]
	}
	for name, n := range counts {
		v := category{name: name, count: n}
		if t == NumberValues {
			v.number, _ = number([]byte(name))
		}
		all = append(all, v)
	}
	sort.Slice(all, func(i, j int) bool {
		if a, b := all[i].number, all[j].number; a != b {
			return a < b
		}
		return all[i].name < all[j].name
	})
	if len(all) > limit {
		return nil, true
	}
	return all, false
}

func (s *Survey) decideCategories(c *column, out *Column) {
	out.Values = c.valueType()
	out.Missing = c.of(classEmpty)
	if out.Values != TextValues {
		out.Missing = c.missingNumbers()
	}
	all, over := c.categories(out.Values, s.options.MaxCategories)
	if over {
		s.decideHashed(c, out)
		return
	}
	out.Kind, out.MissingCategory = Categorical, out.Missing > 0
	largest := int64(0)
	for _, v := range all {
		if v.count < int64(s.options.MinFrequency) {
			out.Rare, out.RareRows = append(out.Rare, v.name), out.RareRows+v.count
			continue
		}
		out.Categories, out.Counts = append(out.Categories, v.name), append(out.Counts, v.count)
		largest = max(largest, v.count)
	}
	out.Why = count(int64(len(all)), "distinct value")
	if n := len(out.Rare); n > 0 {
		out.Why += fmt.Sprintf(", of which %s in fewer than %s are one category", thousands(int64(n)), count(int64(s.options.MinFrequency), "row"))
	}
	if out.MissingCategory {
		out.Why += fmt.Sprintf("; %s of %s missing, which is a category too", thousands(out.Missing), thousands(out.Rows))
	}
	if len(all) > 10 && out.RareRows+largest <= 1 {
		out.Why += "; none is there twice: is it an id?"
	}
	out.Why += c.looksNumeric(out)
}

func (s *Survey) decideHashed(c *column, out *Column) {
	out.Kind = Hashed
	n, exact := c.texts.distinct()
	switch {
	case !c.texts.over:
		out.Why = fmt.Sprintf("more than %s distinct values", thousands(int64(s.options.MaxCategories)))
	case exact && n <= int64(s.options.MaxCategories):
		out.Why = fmt.Sprintf("%s distinct values, some of more than %s bytes", thousands(n), thousands(mostCategoryBytes))
	case exact:
		out.Why = fmt.Sprintf("%s distinct values", thousands(n))
	default:
		out.Why = fmt.Sprintf("about %s distinct values", thousands(n))
	}
	if exact && n == c.rows-out.Missing && c.texts.over {
		out.Why += ", each there once"
	}
	out.Why += fmt.Sprintf(", hashed into %s features", thousands(1<<s.options.HashBits))
	if out.Missing > 0 {
		out.Why += fmt.Sprintf("; %s of %s missing, which is a value too", thousands(out.Missing), thousands(out.Rows))
	}
	out.Why += c.looksNumeric(out)
}

// looksNumeric tells of a column of text most of which is numbers.
func (c *column) looksNumeric(out *Column) string {
	numbers := c.of(classNumber)
	if out.Values != TextValues || numbers == 0 || 10*numbers < 9*(c.rows-c.missingNumbers()) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "; %s of them look like numbers", thousands(numbers))
	if c.sampled {
		fmt.Fprintf(&b, ", but not %s", count(c.of(classText), "cell"))
		b.WriteString(", as " + strings.TrimPrefix(c.textName(), "text, as "))
	}
	b.WriteString(": named as numeric, it would be")
	return b.String()
}
