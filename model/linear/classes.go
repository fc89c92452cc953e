package linear

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"beamlearn/model/fault"
)

// Classes are the labels of a classifier, ascending as numpy.unique sorts them: numbers, or texts by their code points.
// The other list is empty. In JSON it is the list.
type Classes struct {
	Numbers []float64
	Texts   []string
}

// Len is the number of classes.
func (c *Classes) Len() int { return len(c.Numbers) + len(c.Texts) }

// Label is class i as text: a number in its shortest form.
func (c *Classes) Label(i int) string {
	if len(c.Texts) > 0 {
		return c.Texts[i]
	}
	return strconv.FormatFloat(c.Numbers[i], 'g', -1, 64)
}

// MarshalJSON writes the list.
func (c Classes) MarshalJSON() ([]byte, error) {
	if len(c.Texts) > 0 {
		return json.Marshal(c.Texts)
	}
	return json.Marshal(floats(c.Numbers))
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
	return json.Unmarshal(b, (*floats)(&c.Numbers))
}

// check says what is wrong with the classes.
func (c *Classes) check() error {
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
	if v, ok := labelNumber(label); ok {
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

func (c *Classes) clone() Classes {
	return Classes{Numbers: slices.Clone(c.Numbers), Texts: slices.Clone(c.Texts)}
}

// encode writes the place of each row's class into dst. Labels not among the classes come back in unknown, ascending, and
// dst is then of no use. A label that is a text is of the class of its number where classes are numbers. The fault is that of
// a row.
func (c *Classes) encode(dst []int32, k *Chunk) (unknown Classes, err error) {
	if len(c.Texts) > 0 && k.Labels == nil {
		return unknown, k.fault(fault.WholeFile, "class labels of one kind", "numbers and texts")
	}
	if k.Labels != nil {
		var memo labelMemo
		for i, label := range k.Labels {
			at, ok := memo.get(label)
			if !ok {
				switch at = int32(c.find(label)); {
				case at >= 0:
				case label == "":
					return unknown, k.fault(i, "a class label", "nothing")
				case len(c.Numbers) == 0:
					unknown.Texts = insert(unknown.Texts, label)
				default:
					v, ok := labelNumber(label)
					if !ok {
						return unknown, k.fault(i, "a class label that is a number, as the others are", "%s", fault.Quote(label))
					}
					unknown.Numbers = insert(unknown.Numbers, v)
				}
				memo.put(label, at)
			}
			dst[i] = at
		}
		return unknown, nil
	}
	for i, v := range k.Target {
		if v-v != 0 {
			return unknown, k.fault(i, "a class label", "%v", v)
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

// labelNumber is the number that a label stands for, in decimal notation: 1, 01 and 1.0 are one. NaN and infinities are none.
func labelNumber(label string) (float64, bool) {
	v, err := strconv.ParseFloat(label, 64)
	if err != nil || v-v != 0 || strings.ContainsAny(label, "xX") {
		return 0, false
	}
	return v + 0, true
}

// labelMemo remembers the places of labels, so that each spelling is searched for, or parsed, once a chunk.
type labelMemo struct {
	labels [8]string
	places [8]int32
	n      int
	more   map[string]int32
}

func (m *labelMemo) get(label string) (int32, bool) {
	for i, s := range m.labels[:m.n] {
		if s == label {
			return m.places[i], true
		}
	}
	at, ok := m.more[label]
	return at, ok
}

func (m *labelMemo) put(label string, at int32) {
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

// join adds classes, none of which is there yet, and returns the old place of each, −1 for a new one.
func (c *Classes) join(more *Classes) []int {
	old := c.clone()
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

// weights are the weights of the classes, where rows counts those of each. A class without rows weighs 1.
func (w *ClassWeight) weights(c *Classes, rows []int64) []float64 {
	out := make([]float64, c.Len())
	for i := range out {
		out[i] = 1
	}
	if w.Balanced {
		var n int64
		for _, r := range rows {
			n += r
		}
		for i, r := range rows {
			if r > 0 {
				out[i] = float64(n) / float64(int64(len(rows))*r)
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

// floats is a list of finite numbers, whose JSON reads back bit by bit, in languages, too, that take −0 for an integer.
type floats []float64

// MarshalJSON writes the shortest forms.
func (f floats) MarshalJSON() ([]byte, error) {
	if err := f.finite(); err != nil {
		return nil, err
	}
	return append(f.items(append(make([]byte, 0, 2+20*len(f)), '[')), ']'), nil
}

func (f floats) finite() error {
	for i, v := range f {
		if v-v != 0 {
			return fmt.Errorf("%v at place %d: must be finite", v, i)
		}
	}
	return nil
}

// write writes what MarshalJSON gives, of which encoding/json would make copies, on several threads.
func (f floats) write(b *bufio.Writer) error {
	if err := f.finite(); err != nil {
		return err
	}
	const part = 1 << 14 // takes longer than to begin a goroutine
	parts := make([][]byte, min(len(f)/part, runtime.GOMAXPROCS(0))+1)
	b.WriteByte('[')
	for lo := 0; lo < len(f); {
		var wg sync.WaitGroup
		used := 0
		for from := lo; from < len(f) && used < len(parts); from += part {
			text := &parts[used]
			used++
			wg.Go(func() {
				*text = (*text)[:0]
				if from > 0 {
					*text = append(*text, ',')
				}
				*text = f[from:min(from+part, len(f))].items(*text)
			})
		}
		wg.Wait()
		for _, text := range parts[:used] {
			b.Write(text)
		}
		lo += used * part
	}
	return b.WriteByte(']') // and so tells of all that went wrong before
}

// items is the numbers, with commas between, behind b.
func (f floats) items(b []byte) []byte {
	for i, v := range f {
		if i > 0 {
			b = append(b, ',')
		}
		if v == 0 && math.Signbit(v) {
			b = append(b, "-0.0"...)
		} else {
			b = strconv.AppendFloat(b, v, 'g', -1, 64)
		}
	}
	return b
}

// UnmarshalJSON takes numbers only: encoding/json alone takes null for 0.
func (f *floats) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		return fmt.Errorf("%s: must be a list of numbers", fault.Quote(b))
	}
	*f = (*f)[:0]
	b = bytes.TrimSpace(b[1 : len(b)-1])
	for len(b) > 0 {
		item := b
		if i := bytes.IndexByte(b, ','); i >= 0 {
			item, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		item = bytes.TrimSpace(item)
		if len(item) == 0 || item[0] != '-' && (item[0] < '0' || item[0] > '9') {
			return fmt.Errorf("%s at place %d: must be a number", fault.Quote(item), len(*f))
		}
		v, err := strconv.ParseFloat(string(item), 64)
		if err != nil {
			return fmt.Errorf("%s at place %d: must be a number within float64", fault.Quote(item), len(*f))
		}
		*f = append(*f, v)
	}
	return nil
}
