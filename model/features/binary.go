package features

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"

	"beamlearn/model/internal/exact"
	"beamlearn/model/tables"
)

const surveyVersion = 4

// leastColumn is how many bytes a column has at least.
const leastColumn = 40

var errSurvey = errors.New("features: not a survey of a table")

// surveyHeader is what all surveys of a table have in common.
type surveyHeader struct {
	Version int      `json:"version"`
	Names   []string `json:"names"`
	Options Options  `json:"options"`
}

func sameOptions(a, b *Options) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// MarshalBinary writes the survey. Surveys that have seen the same rows, in whatever order and groups, are the same
// bytes.
func (s *Survey) MarshalBinary() ([]byte, error) {
	header, err := json.Marshal(surveyHeader{surveyVersion, s.names, s.options})
	if err != nil {
		return nil, err
	}
	b := appendBytes(nil, header)
	for i := range s.columns {
		b = s.columns[i].append(b)
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote. Its memory is that of the survey, and in proportion to the bytes.
func (s *Survey) UnmarshalBinary(b []byte) error {
	header, b, err := cutBytes(b)
	if err != nil {
		return err
	}
	var h surveyHeader
	if err := json.Unmarshal(header, &h); err != nil || h.Version != surveyVersion {
		return errSurvey
	}
	if len(h.Names) > len(b)/leastColumn {
		return errSurvey
	}
	read, err := newSurvey(h.Names, h.Options)
	if err != nil {
		return fmt.Errorf("%w: %w", errSurvey, err)
	}
	for i := range read.columns {
		if b, err = read.cut(&read.columns[i], b); err != nil {
			return fmt.Errorf("%w: %w", errSurvey, err)
		}
	}
	if len(b) > 0 {
		return errSurvey
	}
	*s = *read
	return nil
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutBytes(b []byte) (s, rest []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, errSurvey
	}
	return b[used : used+int(n)], b[used+int(n):], nil
}

// totals are the numbers of a column that are no more than numbers.
func (c *column) totals() []*int64 {
	all := []*int64{&c.rows, &c.infinite, &c.padded, &c.others, &c.trues, &c.wordCount, &c.bytes}
	for q := range c.counts {
		for k := range c.counts[q] {
			all = append(all, &c.counts[q][k])
		}
	}
	for i := range c.words {
		all = append(all, &c.words[i])
	}
	for i := range c.styles {
		all = append(all, &c.styles[i])
	}
	return all
}

func (c *column) append(b []byte) []byte {
	b = append(b, c.types)
	for _, n := range c.totals() {
		b = binary.AppendUvarint(b, uint64(*n))
	}
	b = c.numbers.append(b)
	if c.dates == nil {
		b = append(b, 0)
	} else {
		b = append(b, 1)
		for i := range c.dates {
			b = c.dates[i].append(b)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(c.lists)))
	for i := range c.lists {
		b = c.lists[i].append(b)
	}
	b = c.texts.append(b)
	b = c.values.append(b)
	b = append(b, byte(oneIf(c.sampled)))
	return appendBytes(b, c.sample)
}

func (s *Survey) cut(c *column, b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] >= 1<<(tables.List+1) {
		return nil, errSurvey
	}
	c.types, b = b[0], b[1:]
	if err := c.checkTypes(); err != nil {
		return nil, err
	}
	for _, n := range c.totals() {
		v, used := binary.Uvarint(b)
		if used <= 0 || v > mostRows {
			return nil, errSurvey
		}
		*n, b = int64(v), b[used:]
	}
	b, err := c.numbers.cut(b)
	if err != nil || len(b) == 0 || b[0] > 1 {
		return nil, errSurvey
	}
	hasDates := b[0] == 1
	if b = b[1:]; hasDates {
		dates := s.datesOf(c)
		for i := range dates {
			if b, err = dates[i].cut(b); err != nil {
				return nil, err
			}
		}
	}
	if b, err = c.cutLists(b); err != nil {
		return nil, err
	}
	if b, err = c.texts.cut(b); err != nil {
		return nil, err
	}
	if b, err = c.values.cut(b); err != nil || len(b) == 0 || b[0] > 1 {
		return nil, errSurvey
	}
	c.sampled = b[0] == 1
	sample, b, err := cutBytes(b[1:])
	if err != nil || len(sample) > mostSample || !c.sampled && len(sample) > 0 {
		return nil, errSurvey
	}
	c.sample = slices.Clone(sample)
	return b, c.check()
}

// check reports counts that cannot be.
func (c *column) check() error {
	var sum, words, counted, styled int64
	for q := range c.counts {
		for _, n := range c.counts[q] {
			sum += n
		}
	}
	dates, lists := c.of(classDate) > 0, c.types&(1<<tables.List) != 0
	if sum != c.rows || c.trues > c.of(classBoolean) || c.infinite > c.of(classNumber) || c.padded > c.of(classNumber) ||
		dates != (c.dates != nil) || lists != (c.lists != nil) || (c.rows > 0) != (c.types > 0) ||
		c.of(classText) > 0 && !c.sampled {
		return errSurvey
	}
	if !lists && c.numbers.count != c.of(classNumber)+c.of(classBoolean)-c.infinite {
		return errSurvey
	}
	for _, n := range c.words {
		words += n
	}
	for _, n := range c.texts.counts {
		counted += n
	}
	for _, n := range c.values.counts {
		counted += n
	}
	for _, n := range c.styles {
		styled += n
	}
	if words != c.of(classText) || counted > c.rows || styled > c.of(classText)+c.of(classDate) {
		return errSurvey
	}
	if dates {
		for i := range c.dates {
			n := &c.dates[i]
			whole := n.min == math.Trunc(n.min) && n.max == math.Trunc(n.max)
			if n.count != c.of(classDate) || !whole || n.min < -1<<40 || n.max > 1<<40 {
				return errSurvey
			}
		}
	}
	return nil
}

func (c *column) cutLists(b []byte) ([]byte, error) {
	width, used := binary.Uvarint(b)
	if used <= 0 || width > uint64(len(b)-used) {
		return nil, errSurvey
	}
	b = b[used:]
	if width > 0 || c.types&(1<<tables.List) != 0 {
		c.lists = make([]numbers, 0, min(width, 1024))
	}
	for range width {
		var n numbers
		var err error
		if b, err = n.cut(b); err != nil {
			return nil, err
		}
		c.lists = append(c.lists, n)
	}
	return b, nil
}

func (n *numbers) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(n.count))
	if n.count == 0 {
		return b
	}
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(n.min+0))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(n.max+0))
	n.sums.flush()
	for _, sum := range []*exact.Sum{&n.sums.numbers, &n.sums.squares} {
		b = sum.Append(b)
	}
	if n.middle != nil {
		b = n.middle.append(b)
	}
	return b
}

// possible reports whether the mean is between the least and the largest number, and the variance not below 0.
func (n *numbers) possible() bool {
	sum, count := n.sums.numbers.Rat(), new(big.Rat).SetInt64(n.count)
	lo, hi := new(big.Rat).SetFloat64(n.min), new(big.Rat).SetFloat64(n.max)
	if sum.Cmp(lo.Mul(lo, count)) < 0 || sum.Cmp(hi.Mul(hi, count)) > 0 {
		return false
	}
	squares := n.sums.squares.Rat()
	return squares.Mul(squares, count).Cmp(sum.Mul(sum, sum)) >= 0
}

// cut reads what append wrote; the numbers have a middle or not already.
func (n *numbers) cut(b []byte) ([]byte, error) {
	count, used := binary.Uvarint(b)
	if used <= 0 || count > mostRows {
		return nil, errSurvey
	}
	if b = b[used:]; count == 0 {
		return b, nil
	}
	if len(b) < 16 {
		return nil, errSurvey
	}
	n.count = int64(count)
	n.min = math.Float64frombits(binary.LittleEndian.Uint64(b))
	n.max = math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))
	if n.min-n.min != 0 || n.max-n.max != 0 || n.min > n.max {
		return nil, errSurvey
	}
	n.sums = new(sums)
	b, err := n.sums.numbers.Cut(b[16:])
	if err != nil {
		return nil, err
	}
	if b, err = n.sums.squares.Cut(b); err != nil {
		return nil, err
	}
	if !n.sums.numbers.Finite() || !n.sums.squares.Finite() || !n.possible() {
		return nil, errSurvey
	}
	if n.middle == nil {
		return b, nil
	}
	if b, err = n.middle.cut(b); err != nil || n.middle.total() != n.count {
		return nil, errSurvey
	}
	return b, nil
}

func (t *texts) append(b []byte) []byte {
	if t.over {
		return t.sketch.append(append(b, 1))
	}
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(len(t.index)))
	for _, k := range slices.Sorted(maps.Keys(t.index)) {
		b = appendBytes(b, k)
		b = binary.AppendUvarint(b, uint64(t.counts[t.index[k]]))
	}
	return b
}

func (t *texts) cut(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] > 1 {
		return nil, errSurvey
	}
	if b[0] == 1 {
		t.over = true
		return t.sketch.cut(b[1:])
	}
	n, used := binary.Uvarint(b[1:])
	if used <= 0 || n > uint64(t.limit) {
		return nil, errSurvey
	}
	b = b[1+used:]
	for range n {
		k, rest, err := cutBytes(b)
		if err != nil || len(k) == 0 || len(k) > mostCategoryBytes {
			return nil, errSurvey
		}
		if _, twice := t.index[string(k)]; twice {
			return nil, errSurvey
		}
		count, rest, err := cutCount(rest)
		if err != nil {
			return nil, err
		}
		t.add(k, count)
		b = rest
	}
	return b, nil
}

func (c *values) append(b []byte) []byte {
	if c.over {
		return append(b, 1)
	}
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(len(c.counts)))
	for _, v := range slices.Sorted(maps.Keys(c.counts)) {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		b = binary.AppendUvarint(b, uint64(c.counts[v]))
	}
	return b
}

func (c *values) cut(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] > 1 {
		return nil, errSurvey
	}
	if c.over = b[0] == 1; c.over {
		return b[1:], nil
	}
	n, used := binary.Uvarint(b[1:])
	if used <= 0 || n > uint64(c.limit) {
		return nil, errSurvey
	}
	b = b[1+used:]
	for range n {
		if len(b) < 8 {
			return nil, errSurvey
		}
		v := math.Float64frombits(binary.LittleEndian.Uint64(b))
		count, rest, err := cutCount(b[8:])
		if err != nil || v != v {
			return nil, errSurvey
		}
		c.add(v, count)
		b = rest
	}
	return b, nil
}
