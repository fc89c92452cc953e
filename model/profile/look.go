package profile

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"github.com/zeebo/xxh3"

	"beamlearn/model/features"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/report"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Look is what there is to see of the values of a column, whatever they are.
type Look struct {
	// Distinct is how many different values there are; Estimated says that it is about so many. It is 0, and not known,
	// in matrices of more than a hundred columns.
	Distinct  int64 `json:"distinct,omitempty"`
	Estimated bool  `json:"distinct_is_estimate,omitempty"`
	// Frequent are the most frequent values; Sampled says that these are those of a sample, with about so many rows.
	Frequent []Category `json:"frequent,omitempty"`
	Sampled  bool       `json:"frequent_is_estimate,omitempty"`
	// Histogram is that of numbers and of dates.
	Histogram *Histogram `json:"histogram,omitempty"`
	// Warnings are what a user may stumble on, a line each.
	Warnings []string `json:"warnings,omitempty"`
	// DateFormat is how dates are written that are no ISO 8601, as strftime has it; "" where there are none, or some cells
	// are no such dates.
	DateFormat string `json:"date_format,omitempty"`
	// Thousands stands between groups of digits in a column that is numbers but for them, as "." or "space"; "" elsewhere.
	Thousands string `json:"thousands,omitempty"`
}

// Histogram is counts of values in bins of equal width.
type Histogram struct {
	// Low and High are where the bins begin and end; dates are seconds since 1970-01-01 in UTC. Where a few values are
	// far from all others, they are in the first and the last bin.
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Counts []int64 `json:"counts"`
	// Of is how many values were counted: all, or those of a sample.
	Of int64 `json:"of"`
}

const (
	// lookSample is how many rows are kept to look at, unless there are so many columns that sampleCells is exceeded.
	lookSample   = 4096
	sampleCells  = 2 << 20
	leastSample  = 256
	lookDistinct = 4096 // distinct values of a column that are counted exactly, unless there are so many columns
	allDistinct  = 1 << 20
	leastSeen    = 64
	mostCounted  = 100 // columns of a matrix of which distinct values are counted
	mostBins     = 20
	mostValue    = 100  // bytes of a text that are kept
	mostWhole    = 1e21 // whole numbers below are shown with all of their digits
)

// looks gathers what is seen of the columns. It does not depend on the order in which rows are added, or looks merged.
type looks struct {
	columns []seen
	rows    int64
	missing []int64
	sample  rowSample
	rowKeys *sketch // of whole rows
	ids     *sketch // nil without ids
	bytes   []byte
}

// seen counts the distinct values of a column by their hashes of 64 bits.
type seen struct{ sampled[uint64, int64] }

func newSeen(limit int) seen {
	return seen{sampled[uint64, int64]{
		limit: limit, counts: map[uint64]int64{}, zeros: bits.LeadingZeros64,
		sum: func(more, have int64) int64 { return more + have },
	}}
}

// distinct is how many values there are, at a scale of 1 exactly, and whether none is there twice.
func (s *seen) distinct() (n, scale int64, unique bool) {
	unique = true
	for _, c := range s.counts {
		unique = unique && c == 1
	}
	scale = 1 << s.level
	return scale * int64(len(s.counts)), scale, unique
}

// value is a cell of the sample.
type value struct {
	kind   valueKind
	number float64 // of a time, its seconds
	text   string  // as it stands in the file, of what is no number
}

type valueKind uint8

const (
	noValue valueKind = iota
	numberValue
	timeValue
	textValue
)

// rowSample is the rows of the least ranks, which follow from their numbers.
type rowSample struct {
	limit, level int
	rows         []sampledRow
}

type sampledRow struct {
	number int64
	values []value
}

// takes reports whether a row is one of the sample so far.
func (s *rowSample) takes(number int64) bool {
	return bits.LeadingZeros64(splitmix.Mix(uint64(number))) >= s.level
}

func (s *rowSample) add(rows ...sampledRow) {
	for _, r := range rows {
		if s.takes(r.number) {
			s.rows = append(s.rows, r)
		}
		for len(s.rows) > s.limit {
			s.raise(s.level + 1)
		}
	}
}

func (s *rowSample) raise(level int) {
	s.level = level
	s.rows = slices.DeleteFunc(s.rows, func(r sampledRow) bool { return !s.takes(r.number) })
}

func newLooks(columns int, ids bool, distinct int) *looks {
	columns = max(columns, 1)
	l := &looks{
		columns: make([]seen, columns), missing: make([]int64, columns), rowKeys: newSketch(distinct, 0),
		sample: rowSample{limit: min(lookSample, max(sampleCells/columns, leastSample))},
	}
	if ids {
		l.ids = newSketch(distinct, 0)
	}
	for i := range l.columns {
		l.columns[i] = newSeen(min(lookDistinct, max(allDistinct/columns, leastSeen)))
	}
	return l
}

// merge adds what others have seen.
func (l *looks) merge(m *looks) {
	l.rows += m.rows
	for i := range l.columns {
		l.columns[i].merge(&m.columns[i].sampled)
		l.missing[i] += m.missing[i]
	}
	if m.sample.level > l.sample.level {
		l.sample.raise(m.sample.level)
	}
	l.sample.add(m.sample.rows...)
	l.rowKeys.merge(m.rowKeys)
	if l.ids != nil && m.ids != nil {
		l.ids.merge(m.ids)
	}
}

// numberKey is the hash of a number: of 0 and −0 it is the same.
func numberKey(v float64) uint64 { return splitmix.Mix(math.Float64bits(v + 0)) }

// addVectors looks at the rows of a block of numbers.
func (l *looks) addVectors(b *vectors.Block, shift int64) {
	row := make([]float64, b.Dim)
	for i := range b.Len() {
		values := b.Row(i, row)
		if len(values) <= mostCounted {
			for j, v := range values {
				l.columns[j].add(numberKey(v), 1)
			}
		}
		if number := b.Numbers[i] + shift; l.sample.takes(number) {
			r := sampledRow{number, make([]value, len(values))}
			for j, v := range values {
				r.values[j] = value{kind: numberValue, number: v}
			}
			l.sample.add(r)
		}
	}
	l.rows += int64(b.Len())
}

// addTable looks at the rows of a block of cells.
func (l *looks) addTable(b *vectors.Block, shift int64) {
	for i := range b.Len() {
		l.bytes = l.bytes[:0]
		for j := range b.Cells.Columns {
			key, ok := keyOf(&b.Cells.Columns[j], i)
			l.bytes = binary.LittleEndian.AppendUint64(l.bytes, key)
			if !ok {
				l.missing[j]++
				continue
			}
			l.columns[j].add(key, 1)
		}
		number := b.Numbers[i] + shift
		l.rowKeys.add(xxh3.Hash128(l.bytes), group{1, number, 0})
		if l.ids != nil && b.IDs.Len() > 0 {
			l.ids.add(xxh3.Hash128(b.ID(i).Append(nil)), group{1, number, 0})
		}
		if l.sample.takes(number) {
			r := sampledRow{number, make([]value, len(b.Cells.Columns))}
			for j := range r.values {
				r.values[j] = valueOf(&b.Cells.Columns[j], i)
			}
			l.sample.add(r)
		}
	}
	l.rows += int64(b.Len())
}

// keyOf is the hash of a cell; it is not ok where it is missing. A text that is a number has the hash of that, as the
// same column has in a file that knows numbers.
func keyOf(c *tables.Column, i int) (key uint64, ok bool) {
	switch c.Type {
	case tables.Number, tables.Bool:
		v := c.Numbers[i]
		return numberKey(v), v == v
	case tables.Time:
		return splitmix.Mix(uint64(c.Times[i])), c.Times[i] != tables.NoTime
	case tables.List:
		var b []byte
		for _, v := range c.List(i) {
			ok = ok || v == v
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v+0))
		}
		return xxh3.Hash(b), ok
	}
	text := c.Text(i)
	if features.IsBlank(text) {
		return 0, false
	}
	if v, ok := textNumber(text); ok {
		return numberKey(v), true
	}
	return xxh3.Hash(text), true
}

// textNumber is the number that a text is.
func textNumber(b []byte) (float64, bool) {
	if c := b[0]; c != '-' && c != '+' && c != '.' && c-'0' > 9 || len(b) > 40 {
		return 0, false
	}
	for _, c := range b {
		if c-'0' > 9 && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}

// valueOf is a cell for the sample.
func valueOf(c *tables.Column, i int) value {
	switch c.Type {
	case tables.Number, tables.Bool:
		if v := c.Numbers[i]; v != v {
			return value{}
		} else if c.Type == tables.Bool {
			return value{kind: numberValue, number: v, text: map[bool]string{true: "True", false: "False"}[v != 0]}
		} else {
			return value{kind: numberValue, number: v}
		}
	case tables.Time:
		if c.Times[i] == tables.NoTime {
			return value{}
		}
		return value{kind: timeValue, number: float64(c.Times[i]) / 1e6}
	case tables.List:
		return value{}
	}
	text := c.Text(i)
	if features.IsBlank(text) {
		return value{}
	}
	if v, ok := textNumber(text); ok && !c.IsQuoted(i) && c.Type == tables.Cell {
		return value{kind: numberValue, number: v}
	}
	v := value{kind: textValue, text: string(text[:min(len(text), mostValue)])}
	switch v.text {
	case "True", "true", "TRUE":
		v.kind, v.number = numberValue, 1
	case "False", "false", "FALSE":
		v.kind = numberValue
	default:
		if seconds, ok := textTime(v.text); ok {
			v.kind, v.number = timeValue, seconds
		}
	}
	return v
}

// timeLayouts are the forms of ISO 8601 that files have most.
var timeLayouts = []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.RFC3339,
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04", "2006-01-02T15:04"}

// textTime is the instant that a text is, in seconds.
func textTime(s string) (float64, bool) {
	if len(s) < len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.UnixMicro()) / 1e6, true
		}
	}
	return 0, false
}

// shown is a value as a user would write it; dates says that the column is one of instants.
func (v *value) shown(dates bool) string {
	switch {
	case v.kind == noValue:
		return ""
	case v.text != "" && !(v.kind == timeValue && dates):
		return v.text
	case v.kind == timeValue:
		t := time.UnixMicro(int64(v.number * 1e6)).UTC()
		if t.Hour()+t.Minute()+t.Second() == 0 {
			return t.Format("2006-01-02")
		}
		return t.Format("2006-01-02 15:04:05")
	}
	if a := math.Abs(v.number); a == math.Trunc(a) && a < mostWhole {
		return strconv.FormatFloat(v.number, 'f', -1, 64)
	}
	return strconv.FormatFloat(v.number, 'g', 6, 64)
}

// look is what there is to see of column j. numeric says that its values are numbers, dates that they are instants.
func (l *looks) look(j int, numeric, dates bool) Look {
	var o Look
	var scale int64
	o.Distinct, scale, _ = l.columns[j].distinct()
	if o.Estimated = scale > 1; o.Estimated {
		o.Distinct = min(o.Distinct, l.rows-l.missing[j])
	}
	o.Frequent = l.frequent(j, dates)
	o.Sampled = l.sample.level > 0 && len(o.Frequent) > 0
	if numeric || dates {
		o.Histogram = l.histogram(j)
	}
	return o
}

// ordered are the rows of the sample by their numbers.
func (l *looks) ordered() []sampledRow {
	slices.SortFunc(l.sample.rows, func(a, b sampledRow) int { return cmp.Compare(a.number, b.number) })
	return l.sample.rows
}

// frequent are the values of a column that come most often, as far as the sample tells; none where all that it has
// are different.
func (l *looks) frequent(j int, dates bool) []Category {
	counts := map[value]int64{}
	for _, r := range l.sample.rows {
		if v := r.values[j]; v.kind != noValue {
			switch {
			case v.number != v.number:
				v = value{kind: numberValue, text: "NaN"} // as NaN is no key
			case dates && v.kind == timeValue:
				v.text = "" // an instant is one, however it is written
			}
			v.number += 0 // of 0 and −0 one
			counts[v]++
		}
	}
	all := make([]Category, 0, len(counts))
	for v, n := range counts {
		if n > 1 || l.rows == 1 {
			all = append(all, Category{v.shown(dates), n})
		}
	}
	slices.SortFunc(all, func(a, b Category) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows),
			cmp.Compare(a.Value, b.Value))
	})
	all = all[:min(len(all), mostFrequent)]
	if l.sample.level > 0 {
		for i := range all { // so that the shares are those of the sample
			all[i].Rows = int64(math.Round(float64(all[i].Rows) / float64(len(l.sample.rows)) * float64(l.rows)))
		}
	}
	return all
}

// numbersOf are the numbers of a column in the sample, ascending.
func (l *looks) numbersOf(j int) []float64 {
	var values []float64
	for _, r := range l.sample.rows {
		if v := &r.values[j]; v.kind != noValue && v.number-v.number == 0 {
			values = append(values, v.number)
		}
	}
	slices.Sort(values)
	return values
}

// histogram is that of a column; nil without a value. Few whole numbers have a bin each; of more, each bin has as many,
// as otherwise every other bin would stand out, and the last, of what is left, nearly as many.
func (l *looks) histogram(j int) *Histogram {
	values := l.numbersOf(j)
	if len(values) == 0 {
		return nil
	}
	h := &Histogram{Of: int64(len(values))}
	h.Low, h.High = report.Fences(values)
	bins := mostBins
	switch span := math.Ceil(h.High) - math.Floor(h.Low) + 1; {
	case !whole(values):
	case span <= mostBins:
		h.Low, h.High = math.Floor(h.Low)-0.5, math.Ceil(h.High)+0.5
		bins = int(span)
	case span <= 10*mostBins:
		width, short := 0.0, 2.0 // short is what the last bin lacks
		for w := math.Ceil(span / mostBins); w >= math.Ceil(span/(2*mostBins)); w-- {
			if s := (w*math.Ceil(span/w) - span) / w; s < short {
				width, short = w, s
			}
		}
		h.Low = math.Floor(h.Low) - 0.5
		bins = int(math.Ceil((h.High - h.Low) / width))
		h.High = h.Low + float64(float64(bins)*width)
	}
	if h.Low == h.High {
		bins = 1
	}
	h.Counts = make([]int64, bins)
	width := h.High/float64(bins) - h.Low/float64(bins)
	for _, v := range values {
		at := 0
		if width > 0 {
			at = int(min(max((v-h.Low)/width, 0), float64(bins-1)))
		}
		h.Counts[at]++
	}
	return h
}

// whole reports whether all values are whole numbers.
func whole(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return v != math.Trunc(v) })
}

// Blocks shows a histogram as characters of growing height.
func (h *Histogram) Blocks() string {
	if h == nil {
		return ""
	}
	const blocks = "▁▂▃▄▅▆▇█"
	heights := []rune(blocks)
	var most int64 = 1
	for _, n := range h.Counts {
		most = max(most, n)
	}
	b := make([]rune, len(h.Counts))
	for i, n := range h.Counts {
		if b[i] = ' '; n > 0 {
			b[i] = heights[int((n*int64(len(heights))-1)/most)]
		}
	}
	return string(b)
}
