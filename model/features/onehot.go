package features

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"beamlearn/model/fault"
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

// valueType is what the values of a column are meant as: numbers where all are, no file says that they are text, and
// none is a code such as 01, which is not 1.
func (c *column) valueType() ValueType {
	quoted := c.counts[1][classNumber] + c.counts[1][classBoolean] + c.counts[1][classMarker]
	texts := c.of(classText) + c.of(classDate) + quoted
	numbers, booleans := c.counts[0][classNumber], c.counts[0][classBoolean]
	switch {
	case texts == 0 && booleans == 0 && numbers > 0:
		if len(c.values.counts) == 0 && c.texts.hasCodes() {
			return TextValues
		}
		return NumberValues
	case texts == 0 && numbers == 0 && booleans > 0:
		return BooleanValues
	}
	return TextValues
}

// hasCodes reports whether there are whole numbers that begin with a 0, as those of streets and articles do.
func (t *texts) hasCodes() bool {
	for name := range t.index {
		digits := strings.TrimSpace(name)
		if len(digits) > 1 && digits[0] == '0' && strings.Trim(digits, "0123456789") == "" {
			return true
		}
	}
	return false
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
	out.Distinct = int64(len(all))
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
		out.Why += fmt.Sprintf(", of which %s in fewer than %s are one category",
			thousands(int64(n)), count(int64(s.options.MinFrequency), "row"))
	}
	if out.MissingCategory {
		out.Why += fmt.Sprintf("; %s of %s missing, which is a category too", thousands(out.Missing), thousands(out.Rows))
	}
	if len(all) > 10 && out.RareRows+largest <= 1 {
		out.Why += "; none is there twice: is it an id?"
	}
	out.Why += c.hint(out)
}

func (s *Survey) decideHashed(c *column, out *Column) {
	out.Kind = Hashed
	n, exact := c.texts.distinct()
	// Numbers of different files may be written in different ways: they are not counted.
	counted := c.texts.over && out.Values == TextValues
	if out.Bits = fittingBits; s.options.HashBits > 0 {
		out.Bits = s.options.HashBits
	} else if counted {
		out.Bits = s.options.bits(valueFeatures, n)
	}
	if counted {
		out.Distinct, out.Estimated = n, !exact
	}
	switch {
	case !counted:
		out.Why = fmt.Sprintf("more than %s distinct values", thousands(int64(s.options.MaxCategories)))
	case exact && n <= int64(s.options.MaxCategories):
		out.Why = fmt.Sprintf("%s distinct values, some of more than %s bytes", thousands(n), thousands(mostCategoryBytes))
	case exact:
		out.Why = fmt.Sprintf("%s distinct values", thousands(n))
	default:
		out.Why = fmt.Sprintf("about %s distinct values", thousands(n))
	}
	if exact && n == c.rows-out.Missing && counted {
		out.Why += ", each there once"
	}
	out.Why += fmt.Sprintf(", hashed into %s features", thousands(1<<out.Bits))
	if out.Missing > 0 {
		out.Why += fmt.Sprintf("; %s of %s missing, which is a value too", thousands(out.Missing), thousands(out.Rows))
	}
	out.Why += c.hint(out)
}

// hint tells of a column of text that looks as if it was meant as numbers or dates.
func (c *column) hint(out *Column) string {
	numbers, dates, present := c.of(classNumber), c.of(classDate), c.rows-c.missingNumbers()
	but := func(n int64, what, kind string) string {
		return fmt.Sprintf("; %s are %s, but not %s, as %s: as a %s column, it would be refused",
			thousands(n), what, count(c.of(classText), "cell"), fault.Quote(c.sample), kind)
	}
	_, styled := dateStyle(trim(c.sample))
	switch {
	case out.Values != TextValues:
		return ""
	case numbers > 0 && 2*numbers >= present && c.sampled:
		return but(numbers, "numbers", "numeric")
	case dates > 0 && 2*dates >= present && c.sampled:
		return but(dates, "dates", "date") + c.tellStyles()
	case numbers > 0 && numbers == present:
		return "; all look like numbers: as a numeric column, they would be"
	case c.tellStyles() != "":
		return c.tellStyles() + "; a date format reads one of them"
	case styled:
		return "; is " + fault.Quote(c.sample) + " a date? A date format says how they are written"
	case looksLikeAmount(c.sample):
		return "; is " + fault.Quote(c.sample) + " a number? Without signs and commas it would be one"
	}
	return ""
}

// looksLikeAmount reports whether a text is a number but for signs of currencies, per cent, commas or underscores
// between thousands, parentheses, or the minus that is no hyphen.
func looksLikeAmount(b []byte) bool {
	b = bytes.Trim(b, "$€£¥% ()−")
	if len(b) == 0 || b[0]-'0' > 9 && b[0] != '-' {
		return false
	}
	_, ok := number(bytes.ReplaceAll(bytes.ReplaceAll(b, []byte(","), nil), []byte("_"), nil))
	return ok
}
