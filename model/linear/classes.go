package linear

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/internal/jsontext"
)

// Classes are the labels of a classifier, ascending as numpy.unique sorts them: numbers, or texts by their code points.
// The other list is empty. In JSON it is the list.
type Classes struct {
	Numbers []float64
	Texts   []string
}

// Len is the number of classes.
func (c *Classes) Len() int { return len(c.Numbers) + len(c.Texts) }

// Label is class i as text: see [LabelText].
func (c *Classes) Label(i int) string {
	if len(c.Texts) > 0 {
		return c.Texts[i]
	}
	return LabelText(c.Numbers[i])
}

// LabelText is a label that is a number as text, in its shortest form, and without an exponent below 10²¹: as it
// mostly stands in a file.
func LabelText(v float64) string {
	if math.Abs(v) < 1e21 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// MarshalJSON writes the list.
func (c Classes) MarshalJSON() ([]byte, error) {
	if len(c.Texts) > 0 {
		return json.Marshal(c.Texts)
	}
	return json.Marshal(jsontext.Floats(c.Numbers))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Classes) UnmarshalJSON(b []byte) error {
	*c = Classes{}
	if rest, ok := bytes.CutPrefix(b, []byte("[")); ok && bytes.HasPrefix(bytes.TrimSpace(rest), []byte(`"`)) {
		var texts []*string
		if err := json.Unmarshal(b, &texts); err != nil {
			return err
		}
		for _, s := range texts {
			if s == nil {
				return errors.New("a class is null")
			}
			c.Texts = append(c.Texts, *s)
		}
		return nil
	}
	return json.Unmarshal(b, (*jsontext.Floats)(&c.Numbers))
}

// Check says what is wrong with the classes.
func (c *Classes) Check() error {
	if len(c.Numbers) > 0 && len(c.Texts) > 0 {
		return errors.New("classes: must be numbers or texts, not both")
	}
	for i, v := range c.Numbers {
		if v-v != 0 {
			return fmt.Errorf("classes: %v is not a number", v)
		}
		if i > 0 && !(c.Numbers[i-1] < v) {
			return fmt.Errorf("classes: %v stands before %v: must ascend", c.Numbers[i-1], v)
		}
	}
	for i, s := range c.Texts {
		if i > 0 && !(c.Texts[i-1] < s) {
			return fmt.Errorf("classes: %s stands before %s: must ascend", fault.Quote(c.Texts[i-1]), fault.Quote(s))
		}
	}
	return nil
}

// find is the place of the class with this label, or −1.
func (c *Classes) find(label string) int {
	if len(c.Texts) > 0 {
		if i, ok := slices.BinarySearch(c.Texts, label); ok {
			return i
		}
		return -1
	}
	if v, ok := LabelNumber(label); ok {
		return place(c.Numbers, v)
	}
	return -1
}

// place is the index of v in a sorted list, or −1.
func place(sorted []float64, v float64) int {
	if len(sorted) <= 4 {
		return slices.Index(sorted, v)
	}
	if i, ok := slices.BinarySearch(sorted, v); ok {
		return i
	}
	return -1
}

func (c *Classes) Clone() Classes {
	return Classes{Numbers: slices.Clone(c.Numbers), Texts: slices.Clone(c.Texts)}
}

// Encode writes the place of each row's class into dst. Labels not among the classes come back in unknown, ascending,
// and dst is then of no use. A label that is a text is of the class of its number where classes are numbers. The
// fault is that of a row.
func (c *Classes) Encode(dst []int32, k *Chunk) (unknown Classes, err error) {
	if len(c.Texts) > 0 && k.Labels == nil {
		return unknown, k.Fault(fault.WholeFile, "class labels of one kind", "numbers and texts")
	}
	if k.Labels != nil {
		var memo LabelMemo
		for i, label := range k.Labels {
			at, ok := memo.Get(label)
			if !ok {
				switch at = int32(c.find(label)); {
				case at >= 0:
				case label == "":
					return unknown, k.Fault(i, "a class label", "nothing")
				case len(c.Numbers) == 0:
					unknown.Texts = insert(unknown.Texts, label)
				default:
					v, ok := LabelNumber(label)
					if !ok {
						return unknown, k.Fault(i, "a class label that is a number, as the others are", "%s", fault.Quote(label))
					}
					unknown.Numbers = insert(unknown.Numbers, v)
				}
				memo.Put(label, at)
			}
			dst[i] = at
		}
		return unknown, nil
	}
	for i, v := range k.Target {
		if v-v != 0 {
			return unknown, k.Fault(i, "a class label", "%v", v)
		}
		at := place(c.Numbers, v)
		if at < 0 {
			unknown.Numbers = insert(unknown.Numbers, v+0) // −0 is 0
		}
		dst[i] = int32(at)
	}
	return unknown, nil
}

// insert puts v into a sorted list, unless it is there.
func insert[T cmp.Ordered](sorted []T, v T) []T {
	i, ok := slices.BinarySearch(sorted, v)
	if ok {
		return sorted
	}
	return slices.Insert(sorted, i, v)
}

// LabelNumber is the number that a label stands for, in decimal notation: 1, 01 and 1.0 are one. NaN and infinities
// are none.
func LabelNumber(label string) (float64, bool) {
	v, err := strconv.ParseFloat(label, 64)
	if err != nil || v-v != 0 || strings.ContainsAny(label, "xX") {
		return 0, false
	}
	return v + 0, true
}

// Faithful reports whether a label that is a number says no more than the number does: not 01, as a postcode may be,
// and no integer beyond 2⁵³, which float64 may not hold.
func Faithful(label string) bool {
	digits := strings.TrimLeft(label, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return false
	}
	if strings.Trim(digits, "0123456789") != "" {
		return true // with a fraction, or an exponent
	}
	v, err := strconv.ParseInt(digits, 10, 64)
	return err == nil && v <= 1<<53
}

// truth is the truth value that a label stands for, in words or as a number.
func truth(label string) (value, word, ok bool) {
	switch label {
	case "True", "TRUE", "true":
		return true, true, true
	case "False", "FALSE", "false":
		return false, true, true
	}
	v, ok := LabelNumber(label)
	return v == 1, false, ok && (v == 0 || v == 1)
}

// SameTruth finds a word for a truth value among distinct labels, and another label that says the same: True beside 1,
// or beside true. Files of different origin write truth values in different ways, and what is one class would become
// two. The words are looked at in order, so that the outcome does not depend on that of the labels.
func SameTruth(labels []string) (word, other string, found bool) {
	for _, a := range slices.Sorted(slices.Values(labels)) {
		value, isWord, _ := truth(a)
		if !isWord {
			continue
		}
		for _, b := range labels {
			if v, _, ok := truth(b); ok && v == value && b != a && (!found || b < other) {
				word, other, found = a, b, true
			}
		}
		if found {
			return word, other, true
		}
	}
	return "", "", false
}

// OneSpelling is what is expected of a word for a truth value beside another label that says the same.
func OneSpelling(other string) string {
	return "one way to write each truth value: other rows have " + fault.Quote(other)
}

// LabelMemo remembers the places of labels, so that each spelling is searched for, or parsed, once a chunk.
type LabelMemo struct {
	labels [8]string
	places [8]int32
	n      int
	more   map[string]int32
}

func (m *LabelMemo) Get(label string) (int32, bool) {
	for i, s := range m.labels[:m.n] {
		if s == label {
			return m.places[i], true
		}
	}
	at, ok := m.more[label]
	return at, ok
}

func (m *LabelMemo) Put(label string, at int32) {
	switch {
	case m.n < len(m.labels):
		m.labels[m.n], m.places[m.n] = label, at
		m.n++
	default:
		if m.more == nil {
			m.more = map[string]int32{}
		}
		m.more[label] = at
	}
}

// Join adds classes, none of which is there yet, and returns the old place of each, −1 for a new one.
func (c *Classes) Join(more *Classes) []int {
	old := c.Clone()
	c.Numbers = append(c.Numbers, more.Numbers...)
	c.Texts = append(c.Texts, more.Texts...)
	slices.Sort(c.Numbers)
	slices.Sort(c.Texts)
	from := make([]int, c.Len())
	for i := range from {
		from[i] = -1
		if len(c.Texts) > 0 {
			if j, ok := slices.BinarySearch(old.Texts, c.Texts[i]); ok {
				from[i] = j
			}
		} else {
			from[i] = place(old.Numbers, c.Numbers[i])
		}
	}
	return from
}

// Weights are the weights of the classes, where rows counts those of each. A class without rows weighs 1.
func (w *ClassWeight) Weights(c *Classes, rows []int64) []float64 {
	sizes := make([]float64, len(rows))
	for i, n := range rows {
		sizes[i] = float64(n)
	}
	return w.BySize(c, sizes)
}

// BySize does the same where classes have these sizes.
func (w *ClassWeight) BySize(c *Classes, sizes []float64) []float64 {
	out := make([]float64, c.Len())
	for i := range out {
		out[i] = 1
	}
	if w.Balanced {
		n := 0.0
		for _, r := range sizes {
			n += r
		}
		for i, r := range sizes {
			if r > 0 {
				out[i] = n / (float64(len(sizes)) * r)
			}
		}
	}
	for label, v := range w.Of {
		if i := c.find(label); i >= 0 {
			out[i] = v
		}
	}
	return out
}

// NumVectors is how many weight vectors tell so many classes apart.
func NumVectors(classes int) int {
	switch {
	case classes < 2:
		return 0
	case classes == 2:
		return 1
	}
	return classes
}
