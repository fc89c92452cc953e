package features

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
)

// Survey is what is known of the columns of a table after a look at some of its rows. Its memory is bounded, whatever
// is in the rows: some 20 kB a column, 100 kB where there are too many texts to be categories, MaxCategories texts of
// up to 1 kB where there are not, and for medians 1 MB, or more of numbers of very different sizes. It is not safe
// for concurrent use.
type Survey struct {
	names   []string
	options Options
	asked   []Kind        // of each column, "" where nothing is asked
	formats []*dateFormat // of the dates of each column
	columns []column
	recent  recent[again] // texts of the column that is looked at
}

// column is what is known of one.
type column struct {
	types     uint8             // a bit for each tables.Type that it had
	rows      int64             // all of them
	counts    [2][classes]int64 // of cells of each class, first of those that may be meant as numbers, then of text
	infinite  int64             // among the numbers
	padded    int64             // numbers that begin with a zero before another digit
	others    int64             // numbers but 0 and 1
	trues     int64             // among the booleans
	numbers   numbers           // of finite numbers, and booleans
	dates     *[dateParts]numbers
	lists     []numbers              // one for each place
	texts     texts                  // of cells of text
	values    values                 // of numbers of a column that is to be categorical
	words     [mostWords + 1]int64   // cells of class text with so many words
	wordCount int64                  // of these
	bytes     int64                  // of these
	styles    [len(dateStyles)]int64 // cells that look like dates, by how they are written
	sample    []byte                 // the least cell of class text, cut
	sampled   bool
}

// again is how many times more a cell of class text has come than has been counted.
type again struct {
	times         int64
	words, quoted int // quoted is 1 of a cell that is text by its file
}

const (
	mostWords = 16
	// mostCategoryBytes is the length above which a text is no category.
	mostCategoryBytes = 1024
	mostSample        = 60
)

// numbers is what is known of some numbers.
type numbers struct {
	count    int64
	min, max float64
	sums     *sums      // nil while count is 0
	middle   *quantiles // nil where nobody asks for the median
}

// add adds a number so many times.
func (n *numbers) add(v float64, times int) {
	if n.count == 0 {
		n.min, n.max, n.sums = v, v, new(sums)
	}
	n.min, n.max = min(n.min, v), max(n.max, v)
	n.count += int64(times)
	n.sums.add(v, times)
	if n.middle != nil {
		n.middle.add(v, int64(times))
	}
}

func (n *numbers) merge(m *numbers) {
	if m.count == 0 {
		return
	}
	if n.count == 0 {
		n.min, n.max, n.sums = m.min, m.max, new(sums)
	}
	n.count, n.min, n.max = n.count+m.count, min(n.min, m.min), max(n.max, m.max)
	n.sums.merge(m.sums)
	if n.middle != nil && m.middle != nil {
		n.middle.merge(m.middle)
	}
}

// texts counts distinct texts up to a limit, above which it is over: it estimates then how many there are. Whether it
// is over depends on the set of texts only.
type texts struct {
	limit  int
	index  map[string]int32
	counts []int64
	over   bool
	sketch distinct
}

func (t *texts) add(b []byte, n int64) {
	if !t.over {
		if i, ok := t.index[string(b)]; ok {
			t.counts[i] += n
			return
		}
		if len(b) <= mostCategoryBytes && len(t.index) < t.limit {
			if t.index == nil {
				t.index = map[string]int32{}
			}
			t.index[string(b)] = int32(len(t.counts))
			t.counts = append(t.counts, n)
			return
		}
		t.drop()
	}
	t.sketch.add(xxh3.Hash(b))
}

func (t *texts) drop() {
	if t.over {
		return
	}
	for k := range t.index {
		t.sketch.add(xxh3.HashString(k))
	}
	t.over, t.index, t.counts = true, nil, nil
}

func (t *texts) merge(u *texts) {
	if u.over {
		t.drop()
		t.sketch.merge(&u.sketch)
		return
	}
	for k, i := range u.index {
		t.add([]byte(k), u.counts[i])
	}
}

// distinct is how many there are, and whether that is exact.
func (t *texts) distinct() (int64, bool) {
	if !t.over {
		return int64(len(t.index)), true
	}
	return t.sketch.estimate()
}

// values is texts for numbers.
type values struct {
	limit  int
	counts map[float64]int64
	over   bool
}

func (c *values) add(v float64, n int64) {
	if c.over {
		return
	}
	if c.counts == nil {
		c.counts = map[float64]int64{}
	}
	c.counts[v+0] += n // −0 is 0
	if len(c.counts) > c.limit {
		c.over, c.counts = true, nil
	}
}

func (c *values) merge(d *values) {
	if d.over {
		c.over, c.counts = true, nil
		return
	}
	for v, n := range d.counts {
		c.add(v, n)
	}
}

// columnName is that of a field; its index where columns have no names.
func columnName(f *tables.Field, i int) string {
	if f.Name == "" {
		return fmt.Sprint(i)
	}
	return f.Name
}

// namesOf are the names of columns, each of which there is once.
func namesOf(fields []tables.Field) ([]string, error) {
	names, seen := make([]string, len(fields)), make(map[string]bool, len(fields))
	for i := range fields {
		names[i] = columnName(&fields[i], i)
		if seen[names[i]] {
			return nil, fmt.Errorf("two columns have the name %s: each must have one of its own", fault.Quote(names[i]))
		}
		seen[names[i]] = true
	}
	return names, nil
}

// NewSurvey begins a survey of tables with these columns. Options are those without defaults. It fails where they are
// not valid, where they name a column that there is not, or where two columns have one name.
func NewSurvey(fields []tables.Field, o Options) (*Survey, error) {
	names, err := namesOf(fields)
	if err != nil {
		return nil, err
	}
	return newSurvey(names, o)
}

func newSurvey(names []string, o Options) (*Survey, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Survey{names: names, options: o, columns: make([]column, len(names))}
	var err error
	if s.asked, err = o.asked(names); err != nil {
		return nil, err
	}
	if err := o.checkNames(names); err != nil {
		return nil, err
	}
	formats, err := parseDateFormats(o.DateFormat)
	if err != nil {
		return nil, err
	}
	if s.formats, err = formats.of(names); err != nil {
		return nil, err
	}
	for i := range s.columns {
		c := &s.columns[i]
		c.texts.limit, c.values.limit = o.MaxCategories, o.MaxCategories
		s.begin(&c.numbers)
	}
	return s, nil
}

// begin makes empty numbers ready.
func (s *Survey) begin(n *numbers) {
	if s.options.Impute == ImputeMedian {
		n.middle = &quantiles{}
	}
}

func (s *Survey) datesOf(c *column) *[dateParts]numbers {
	if c.dates == nil {
		c.dates = new([dateParts]numbers)
		for i := range c.dates {
			s.begin(&c.dates[i])
		}
	}
	return c.dates
}

// Add looks at all rows of a table, whose columns are those of the survey, by place; each may have a type of its own.
// It fails where it has another number of columns, or where lists differ in width. Time is O(cells), a few
// nanoseconds each.
func (s *Survey) Add(t *tables.Table) error {
	if len(t.Columns) != len(s.columns) {
		return fmt.Errorf("features.Survey: a table of %d columns, not %d", len(t.Columns), len(s.columns))
	}
	for i := range t.Columns {
		if err := s.addColumn(i, &t.Columns[i]); err != nil {
			return fmt.Errorf("column %s: %w", fault.Quote(s.names[i]), err)
		}
	}
	return nil
}

func (s *Survey) addColumn(i int, t *tables.Column) error {
	c := &s.columns[i]
	if t.Len() == 0 {
		return nil
	}
	c.types |= 1 << t.Type
	if err := c.checkTypes(); err != nil {
		return err
	}
	c.rows += int64(t.Len())
	switch t.Type {
	case tables.Number:
		s.addNumbers(i, t.Numbers)
	case tables.Bool:
		for _, v := range t.Numbers {
			if v != v {
				c.counts[0][classEmpty]++
				continue
			}
			c.counts[0][classBoolean]++
			c.trues += int64(v)
			c.numbers.add(v, 1)
		}
	case tables.Time:
		for i := 0; i < len(t.Times); { // many rows of one instant follow each other
			v, from := t.Times[i], i
			for i < len(t.Times) && t.Times[i] == v {
				i++
			}
			if v == tables.NoTime {
				c.counts[0][classEmpty] += int64(i - from)
				continue
			}
			s.addDate(c, v, i-from)
			c.counts[0][classDate] += int64(i - from)
		}
	case tables.Text, tables.Cell:
		s.addCells(i, t)
	case tables.List:
		return s.addLists(c, t)
	}
	return nil
}

func (c *column) checkTypes() error {
	const list = 1 << tables.List
	if c.types&list != 0 && c.types != list {
		return errors.New("holds lists in one file, and single values in another")
	}
	return nil
}

func (s *Survey) addNumbers(i int, all []float64) {
	c := &s.columns[i]
	categorical := s.asked[i] == Categorical
	for _, v := range all {
		if v != v {
			c.counts[0][classEmpty]++
			continue
		}
		c.addNumber(v, 0)
		if categorical {
			c.values.add(v, 1)
		}
	}
}

// addNumber takes a number, of a cell of text or not.
func (c *column) addNumber(v float64, text int) {
	c.counts[text][classNumber]++
	if v != 0 && v != 1 {
		c.others++
	}
	if v-v != 0 {
		c.infinite++
		return
	}
	c.numbers.add(v, 1)
}

func (s *Survey) addDate(c *column, micros int64, times int) {
	dates := s.datesOf(c)
	for i, v := range splitDate(micros) {
		dates[i].add(v, times)
	}
}

// classify says what a cell looks like that is not empty and without spaces around it, with its number or its instant.
func (s *Survey) classify(b []byte, asked Kind, f *dateFormat) (class, float64, int64) {
	if asked == Text {
		return classText, 0, 0
	}
	if asked == Date {
		if t, ok := f.date(b); ok {
			return classDate, 0, t
		}
	}
	if v, ok := number(b); ok {
		return classNumber, v, 0
	}
	if isMarker(b) {
		return classMarker, 0, 0
	}
	if v, ok := boolean(b); ok {
		return classBoolean, v, 0
	}
	if asked == "" {
		if len(s.options.Date) > 0 {
			f = nil
		}
		if t, ok := f.date(b); ok {
			return classDate, 0, t
		}
	}
	return classText, 0, 0
}

func (s *Survey) addCells(i int, t *tables.Column) {
	c, asked := &s.columns[i], s.asked[i]
	categories := asked == "" || asked == Categorical
	for row := range t.Ends {
		text, quoted := t.Text(row), 0
		if t.Type == tables.Text || t.IsQuoted(row) {
			quoted = 1
		}
		var place *recentText[again]
		if n := len(text); n > 0 && n <= recentBytes {
			var found bool
			if place, found = s.recent.at(text); found && place.of.quoted == quoted {
				place.of.times++
				continue
			}
		}
		b := trim(text)
		if len(b) == 0 {
			c.counts[0][classEmpty]++
			continue
		}
		class, v, instant := s.classify(b, asked, s.formats[i])
		switch class {
		case classNumber:
			c.addNumber(v, quoted)
			if isPadded(b) {
				c.padded++
			}
		case classBoolean:
			c.counts[quoted][class]++
			c.trues += int64(v)
			c.numbers.add(v, 1)
		case classDate:
			c.counts[quoted][class]++
			s.addDate(c, instant, 1)
			c.addStyle(b, 1)
		case classText:
			n := countWords(text)
			c.addWords(b, text, again{times: 1, words: n, quoted: quoted})
			if place != nil {
				c.takePlace(place, text, again{words: n, quoted: quoted}, categories)
			}
		default:
			c.counts[quoted][class]++
		}
		if categories {
			c.texts.add(text, 1)
		}
	}
	for k := range s.recent.slots {
		if place := &s.recent.slots[k]; place.size > 0 {
			c.leavePlace(place, categories)
		}
	}
}

// addWords adds a cell of class text, so many times; b is that without spaces around it.
func (c *column) addWords(b, text []byte, n again) {
	c.counts[n.quoted][classText] += n.times
	c.words[min(n.words, mostWords)] += n.times
	c.wordCount += n.times * int64(n.words)
	c.bytes += n.times * int64(len(text))
	c.addSample(text)
	c.addStyle(b, n.times)
}

// takePlace makes a place that of a text, which may come again.
func (c *column) takePlace(p *recentText[again], text []byte, n again, categories bool) {
	if p.size > 0 {
		c.leavePlace(p, categories)
	}
	p.take(text, n)
}

// leavePlace counts the times that the text of a place has come again, and empties it.
func (c *column) leavePlace(p *recentText[again], categories bool) {
	if p.of.times > 0 {
		var room [recentBytes]byte
		text := p.text(&room)
		c.addWords(trim(text), text, p.of)
		if categories {
			c.texts.add(text, p.of.times)
		}
	}
	*p = recentText[again]{}
}

func (c *column) addStyle(b []byte, times int64) {
	if style, ok := dateStyle(b); ok {
		c.styles[style] += times
	}
}

// isPadded reports whether a number begins with a zero before another digit, as codes do and quantities do not.
func isPadded(b []byte) bool {
	return len(b) > 1 && b[0] == '0' && b[1]-'0' <= 9
}

// countWords is the number of runs between spaces. ASCII goes eight bytes at a time.
func countWords(b []byte) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	n, i, before := 0, 0, uint64(0x80) // whether the byte before is a space, as is what stands before the text
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		if x&high != 0 {
			break
		}
		// No sum of two bytes below 128 carries into the next byte.
		spaces := (high - (x ^ ones*' ') | (x+ones*(0x80-'\t'))&^(x+ones*(0x80-'\r'-1))) & high
		n += bits.OnesCount64((spaces<<8 | before) &^ spaces)
		before = spaces >> 56
	}
	for inside := before == 0; i < len(b); {
		space, size := false, 1
		if c := b[i]; c < utf8.RuneSelf {
			space = c == ' ' || c-'\t' < 5
		} else {
			var r rune
			r, size = utf8.DecodeRune(b[i:])
			space = unicode.IsSpace(r)
		}
		if !space && !inside {
			n++
		}
		inside = !space
		i += size
	}
	return n
}

// addSample keeps the least text.
func (c *column) addSample(b []byte) {
	b = b[:min(len(b), mostSample)]
	if !c.sampled || bytes.Compare(b, c.sample) < 0 {
		c.sample, c.sampled = append(c.sample[:0], b...), true
	}
}

func (s *Survey) addLists(c *column, t *tables.Column) error {
	if err := s.listsOf(c, t.Width); err != nil {
		return err
	}
	for row := range t.Len() {
		cells := t.List(row)
		if missingList(cells) {
			c.counts[0][classEmpty]++
			continue
		}
		c.counts[0][classNumber]++
		for j, v := range cells {
			if v-v == 0 {
				c.lists[j].add(v, 1)
			}
		}
	}
	return nil
}

// listsOf makes room for lists of a width.
func (s *Survey) listsOf(c *column, width int) error {
	if c.lists == nil {
		c.lists = make([]numbers, width)
	}
	if len(c.lists) != width {
		return fmt.Errorf("holds lists of %d and of %d numbers", min(len(c.lists), width), max(len(c.lists), width))
	}
	return nil
}

func missingList(cells []float64) bool {
	for _, v := range cells {
		if v == v {
			return false
		}
	}
	return true
}

// Merge adds what another survey, of the same columns and options, has seen. It leaves the other one as it is in what
// it says. It fails where columns or options are not the same, or where lists differ in width.
func (s *Survey) Merge(o *Survey) error {
	if !slices.Equal(s.names, o.names) || !sameOptions(&s.options, &o.options) {
		return errors.New("features.Survey: two surveys of different columns or options do not merge")
	}
	for i := range s.columns {
		if err := s.mergeColumn(&s.columns[i], &o.columns[i]); err != nil {
			return fmt.Errorf("column %s: %w", fault.Quote(s.names[i]), err)
		}
	}
	return nil
}

func (s *Survey) mergeColumn(c, d *column) error {
	c.types |= d.types
	if err := c.checkTypes(); err != nil {
		return err
	}
	if d.lists != nil {
		if err := s.listsOf(c, len(d.lists)); err != nil {
			return err
		}
		for j := range d.lists {
			c.lists[j].merge(&d.lists[j])
		}
	}
	totals := d.totals()
	for i, n := range c.totals() {
		*n += *totals[i]
	}
	c.numbers.merge(&d.numbers)
	if d.dates != nil {
		dates := s.datesOf(c)
		for j := range dates {
			dates[j].merge(&d.dates[j])
		}
	}
	c.texts.merge(&d.texts)
	c.values.merge(&d.values)
	if d.sampled {
		c.addSample(d.sample)
	}
	return nil
}

// of is how many cells are of a class, of text or not.
func (c *column) of(k class) int64 { return c.counts[0][k] + c.counts[1][k] }

// meanWords is the median number of words of cells of class text.
func (c *column) medianWords() int {
	total, before := int64(0), int64(0)
	for _, n := range c.words {
		total += n
	}
	for w, n := range c.words {
		if before += n; 2*before >= total {
			return w
		}
	}
	return math.MaxInt
}
