package features

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
)

// Kind says how a column is encoded.
type Kind string

// Kinds of columns.
const (
	// Numeric is a feature that is the number, and one that is 1 where it is missing, if it ever was.
	Numeric Kind = "numeric"
	// Boolean is Numeric of 0 and 1, never standardized.
	Boolean Kind = "boolean"
	// Categorical is a feature for each distinct value, of which one is 1. No value is left out as the one that others
	// are compared with: with a penalty, the coefficients are unique all the same.
	Categorical Kind = "categorical"
	// Hashed is 1 or −1 in one of 2^Bits features, by the hash of the value.
	Hashed Kind = "hashed"
	// Date is a feature for each of year, month, dayofweek, hour and days since 1970 that varies, in UTC.
	Date Kind = "date"
	// Text is words or runs of characters, counted in 2^Bits features by their hashes, of length 1.
	Text Kind = "text"
	// List is a feature for each number of a list.
	List Kind = "list"
	// LeftOut is none.
	LeftOut Kind = "left out"
)

var kinds = []Kind{Numeric, Boolean, Categorical, Hashed, Date, Text, List, LeftOut}

// wordsOfText is the median number of words from which a column is of text, if its values do not repeat much.
const wordsOfText = 4

// Encoding decides what becomes of each column, by these rules, of which the first that holds is taken;
// Encoding.Lines tells what they came to.
//
//   - A column that the options name is of the kind that they say.
//   - A column of lists is of lists.
//   - A column in which all is missing is left out. So is one that has the same value in all rows.
//   - A column is of dates where all that is not missing is instants, or text that is a date.
//   - It is boolean where all is true or false, and numeric where all is numbers. Text of a file that knows text from
//     numbers, as .parquet, is none of both, though it may look like them.
//   - It is text where more than half of its cells are no numbers, they have four words or more in the median, and are
//     more than MaxCategories distinct ones or more than half of them distinct.
//   - It is categorical where it has at most MaxCategories distinct values, none longer than 1 kB; otherwise hashed.
//
// What is missing is an empty cell, and, where the others are numbers, booleans or dates, one of the usual markers
// (NA, NaN, null, None, ?, …). In a column of text these are values like others.
//
// It fails where what is asked does not fit a column, where a column is numbers in one file and text in another,
// where there are no rows, and where no column is left; the error is one line, which names the column.
func (s *Survey) Encoding() (*Encoding, error) {
	if len(s.columns) == 0 {
		return nil, errors.New("a table without columns has no features")
	}
	if s.columns[0].rows == 0 {
		return nil, errors.New("a table without rows has no features")
	}
	e := &Encoding{options: s.options, columns: make([]Column, len(s.columns))}
	for i := range s.columns {
		var err error
		if e.columns[i], err = s.decide(i); err != nil {
			return nil, fmt.Errorf("column %s: %w", fault.Quote(s.names[i]), err)
		}
	}
	if err := s.addSplines(e); err != nil {
		return nil, err
	}
	if err := e.prepare(); err != nil {
		return nil, err
	}
	if e.dim == 0 {
		return nil, fmt.Errorf("no column has features: %s", strings.Join(e.Lines()[:min(len(e.columns), shownNames)], "; "))
	}
	return e, nil
}

// decide finds the kind of a column, and what it takes to encode it.
func (s *Survey) decide(i int) (Column, error) {
	c := &s.columns[i]
	out := Column{Name: s.names[i], Rows: c.rows}
	present := c.of(classNumber) + c.of(classBoolean) + c.of(classDate) + c.of(classText) + c.counts[1][classMarker]
	if present == 0 && (s.asked[i] != Categorical || c.of(classMarker) == 0) {
		out.Kind, out.Missing, out.Why = LeftOut, c.rows, "all missing"
		return out, nil
	}
	kind := s.asked[i]
	if kind == "" {
		var err error
		if kind, err = c.kind(); err != nil {
			return out, err
		}
	} else if err := c.fits(kind); err != nil {
		return out, err
	}
	switch kind {
	case Numeric, Boolean:
		s.decideNumbers(c, &out, kind)
	case Date:
		s.decideDate(c, &out)
	case List:
		s.decideList(c, &out)
	case Text:
		s.decideText(c, &out)
	case Categorical:
		if s.asked[i] == "" && c.isText() {
			s.decideText(c, &out)
		} else {
			s.decideCategories(c, &out)
		}
	}
	if s.asked[i] == "" && out.constant() {
		out = Column{Name: out.Name, Kind: LeftOut, Rows: out.Rows, Why: "constant: " + c.constantValue(&out)}
	}
	return out, nil
}

const (
	textTypes   = 1<<tables.Text | 1<<tables.Cell
	numberTypes = 1<<tables.Number | 1<<tables.Bool
)

// kind is what the cells say: Categorical of all that is text.
func (c *column) kind() (Kind, error) {
	numbers, booleans := c.counts[0][classNumber], c.counts[0][classBoolean]
	texts := c.of(classText) + c.counts[1][classNumber] + c.counts[1][classBoolean]
	switch {
	case c.types&(1<<tables.List) != 0:
		return List, nil
	case texts == 0 && numbers+booleans == 0 && c.of(classDate) > 0:
		return Date, nil
	case texts == 0 && c.of(classDate) == 0 && booleans > 0 && c.others == 0:
		return Boolean, nil
	case texts == 0 && c.of(classDate) == 0 && numbers > 0 && (booleans == 0 || c.types&textTypes == 0):
		return Numeric, nil
	}
	if c.types&^textTypes != 0 {
		return "", fmt.Errorf("found %s in one file and %s in another, expected cells of one kind",
			c.typeNames(), c.textName())
	}
	return Categorical, nil
}

// typeNames are those of its types that are no text.
func (c *column) typeNames() string {
	var names []string
	for t := tables.Number; t <= tables.List; t++ {
		if c.types&^textTypes&(1<<t) != 0 {
			names = append(names, t.String()+"s")
		}
	}
	return strings.Join(names, " and ")
}

func (c *column) textName() string {
	if c.sampled {
		return "text, as " + fault.Quote(c.sample)
	}
	return "text"
}

// fits reports where a column cannot be of the kind that is asked for.
func (c *column) fits(kind Kind) error {
	bad := func(found string) error {
		return fmt.Errorf("found %s, expected what can be %s, as asked", found, kind)
	}
	switch {
	case c.types&(1<<tables.List) != 0:
		return bad("lists of numbers")
	case c.types&(1<<tables.Time) != 0 && kind != Date:
		return bad("timestamps")
	case kind == Text && c.types&numberTypes != 0, kind == Date && c.types&numberTypes != 0:
		return bad(c.typeNames())
	case kind == Numeric && c.of(classNumber)+c.of(classBoolean) == 0:
		return bad("no number among " + count(c.rows, "cell") + ", but " + c.textName())
	case kind == Date && c.of(classDate) == 0:
		return bad("no date among " + count(c.rows, "cell") + c.example())
	}
	return nil
}

func (c *column) example() string {
	if c.sampled {
		return ", but " + c.textName()
	}
	return ""
}

// isText reports whether text is words rather than categories.
func (c *column) isText() bool {
	n, _ := c.texts.distinct()
	return c.medianWords() >= wordsOfText && 2*c.of(classText) > c.rows-c.of(classEmpty) && (c.texts.over || 2*n > c.rows)
}

// missingNumbers is how many cells have no number, boolean or date.
func (c *column) missingNumbers() int64 { return c.of(classEmpty) + c.of(classMarker) }

// part makes what a feature of numbers is encoded by; others are missing.
func (s *Survey) part(name string, n *numbers, others int64, standardize bool) Part {
	p := Part{Name: name, Scale: 1, Min: n.min, Max: n.max}
	switch {
	case s.options.Impute == ImputeConstant:
		p.Fill = s.options.Fill
	case n.middle != nil:
		p.Fill = n.middle.median()
	default:
		p.Fill, _ = n.meanAndDeviation(0, 0)
	}
	if standardize {
		if s.options.Impute == ImputeNone {
			others = 0
		}
		p.Mean, p.Scale = n.meanAndDeviation(others, p.Fill)
		if p.Scale == 0 {
			p.Scale = 1
		}
	}
	return p
}

func (s *Survey) decideNumbers(c *column, out *Column, kind Kind) {
	out.Kind, out.Missing = kind, c.missingNumbers()
	out.Parts = []Part{s.part("", &c.numbers, out.Missing, kind == Numeric && s.options.Standardize)}
	out.Indicator = out.Missing > 0 && s.options.Impute != ImputeNone
	p := &out.Parts[0]
	if kind == Numeric {
		out.Why = "numbers from " + short(p.Min) + " to " + short(p.Max)
		if n := c.of(classText) + c.of(classDate); n > 0 {
			out.Why += "; " + count(n, "cell") + " of text, as " + fault.Quote(c.sample) + ", which is refused"
		}
		if c.infinite > 0 {
			out.Why += "; " + count(c.infinite, "infinite one") + ", which is refused"
		}
		if c.padded > 0 {
			out.Why += "; " + count(c.padded, "cell") + " with zeros in front, as codes have: a categorical column would keep them"
		}
	} else {
		out.Why = fmt.Sprintf("%s true, %s false", thousands(c.trues), thousands(c.of(classBoolean)-c.trues))
		if n := c.of(classNumber); n > 0 {
			out.Why += ", and " + count(n, "0 or 1")
		}
	}
	s.tellMissing(out, p.Fill)
}

// tellMissing adds what becomes of missing numbers.
func (s *Survey) tellMissing(out *Column, fill float64) {
	if out.Missing == 0 {
		return
	}
	out.Why += fmt.Sprintf("; %s of %s missing", thousands(out.Missing), thousands(out.Rows))
	switch {
	case s.options.Impute == ImputeNone:
		out.Why += ", which is refused"
	case len(out.Parts) == 1 && out.Kind != Date:
		out.Why += fmt.Sprintf(": the %s %s instead, and a feature that says so", s.options.Impute, short(fill))
	default:
		out.Why += fmt.Sprintf(": the %s instead, and a feature that says so", s.options.Impute)
	}
}

func (s *Survey) decideDate(c *column, out *Column) {
	out.Kind, out.Missing = Date, c.missingNumbers()
	var varying []string
	for i := range c.dates {
		n := &c.dates[i]
		if n.min == n.max {
			continue
		}
		out.Parts = append(out.Parts, s.part(partNames[i], n, out.Missing, s.options.Standardize))
		varying = append(varying, partNames[i])
	}
	out.Indicator = out.Missing > 0 && s.options.Impute != ImputeNone
	days := &c.dates[partDays]
	out.Why = fmt.Sprintf("days from %s to %s", dayName(days.min), dayName(days.max))
	if len(varying) > 0 {
		out.Why += ": " + strings.Join(varying, ", ")
	}
	if n := c.of(classText) + c.of(classNumber) + c.of(classBoolean); n > 0 {
		out.Why += "; " + count(n, "cell") + " of something else" + c.example() + ", which is refused"
	}
	out.Why += c.tellStyles()
	s.tellMissing(out, 0)
}

func dayName(days float64) string {
	day := int64(days)
	year, month := civil(day)
	return fmt.Sprintf("%04d-%02d-%02d", year, month, day-daysOf(year, month, 1)+1)
}

func (s *Survey) decideList(c *column, out *Column) {
	out.Kind, out.Missing = List, c.of(classEmpty)
	for i := range c.lists {
		n := &c.lists[i]
		out.Parts = append(out.Parts, s.part(strconv.Itoa(i), n, c.rows-n.count, s.options.Standardize))
	}
	out.Indicator = out.Missing > 0 && s.options.Impute != ImputeNone
	out.Why = fmt.Sprintf("lists of %d numbers", len(c.lists))
	s.tellMissing(out, 0)
	if out.Indicator && s.options.Impute == ImputeMedian {
		out.Why = strings.Replace(out.Why, "the median", "the means", 1)
	}
}

func (s *Survey) decideText(c *column, out *Column) {
	out.Kind, out.Missing = Text, c.of(classEmpty)
	if n, exact := c.texts.distinct(); n > 0 {
		out.Distinct, out.Estimated = n, !exact
	}
	out.Why = fmt.Sprintf("texts of %d words in the median", c.medianWords())
	if c.medianWords() == mostWords {
		out.Why = fmt.Sprintf("texts of %d words or more in the median", mostWords)
	} else if c.medianWords() == 1 {
		out.Why = "texts of one word in the median"
	}
	out.Bits = s.options.bits(textFeatures, c.grams(&s.options))
	out.Why += fmt.Sprintf(", hashed into %s features", thousands(1<<out.Bits))
	if out.Missing > 0 {
		out.Why += fmt.Sprintf("; %s of %s missing: no word", thousands(out.Missing), thousands(out.Rows))
	}
}

// constant reports whether all rows have one value.
func (c *Column) constant() bool {
	switch c.Kind {
	case Numeric, Boolean, List:
		for _, p := range c.Parts {
			if p.Min != p.Max {
				return false
			}
		}
		return c.Missing == 0
	case Date:
		return len(c.Parts) == 0 && c.Missing == 0
	case Categorical:
		return len(c.Categories)+len(c.Rare) == 1 && c.Missing == 0
	}
	return false
}

// constantValue is the value of a constant column.
func (c *column) constantValue(out *Column) string {
	switch out.Kind {
	case Numeric, Boolean:
		return short(out.Parts[0].Min)
	case List:
		return "the same list"
	case Date:
		return dayName(c.dates[partDays].min)
	}
	return fault.Quote(slices.Concat(out.Categories, out.Rare)[0])
}

// short is a number for people.
func short(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e9 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', 5, 64)
}

// count is a number of things.
func count(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return thousands(n) + " " + thing
}

// thousands is a count with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
