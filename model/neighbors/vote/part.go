package vote

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// MaxClasses is how many labels are no classes any more.
const MaxClasses = 10_000

// Part is the targets of consecutive rows, as they stand in a file. Parts of all rows make [Targets].
type Part struct {
	File    string  // where the rows are from, for faults
	Column  string  // of the targets, or ""
	First   int64   // what a row number is less than by its place in the file: number − First
	Numbers []int64 // of the rows that have a target, ascending
	Values  []float64
	// Of labels that are texts in the file: the spellings, and which of them each row has; Values is empty.
	Spellings []string
	Of        []int32

	Many   bool // labels are groups, of which there may be any number
	places map[string]int32
}

// Add adds the rows of a block, which have targets.
func (p *Part) Add(b *vectors.Block) error {
	n := b.Len()
	values := b.Target
	if len(b.Labels) == 0 && len(values) == 0 && b.Dim == 1 { // a file of targets alone
		values = b.F64
	}
	if len(b.Labels)+len(values) != n {
		return fmt.Errorf("vote: %d targets of %d rows", len(b.Labels)+len(values), n)
	}
	p.Numbers = append(p.Numbers, b.Numbers...)
	p.Values = append(p.Values, values...)
	if p.places == nil {
		p.places = map[string]int32{}
	}
	for _, s := range b.Labels {
		at, ok := p.places[s]
		if !ok {
			at = int32(len(p.Spellings))
			s = strings.Clone(s)
			p.places[s] = at
			if p.Spellings = append(p.Spellings, s); len(p.Spellings) > MaxClasses && !p.Many {
				return tooMany(p.File)
			}
		}
		p.Of = append(p.Of, at)
	}
	return nil
}

func tooMany(file string) error {
	expected := fmt.Sprintf("at most %d classes: a target of more is a number to predict by --task=regression, or "+
		"an id", MaxClasses)
	return fault.File(file, expected, "more labels")
}

// fault is one of the row of a number.
func (p *Part) fault(number int64, found, expected string) *fault.Fault {
	return &fault.Fault{File: p.File, Row: number - p.First, Column: p.Column, Found: found, Expected: expected}
}

// MarshalBinary encodes the part; UnmarshalBinary reads it back.
func (p *Part) MarshalBinary() ([]byte, error) {
	head, err := json.Marshal(partHeader{p.File, p.Column, p.First, p.Spellings, len(p.Numbers), len(p.Values), len(p.Of)})
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	b = append(b, head...)
	for _, n := range p.Numbers {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	for _, v := range p.Values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	for _, c := range p.Of {
		b = binary.LittleEndian.AppendUint32(b, uint32(c))
	}
	return b, nil
}

type partHeader struct {
	File      string
	Column    string
	First     int64
	Spellings []string
	Numbers   int
	Values    int
	Of        int
}

// UnmarshalBinary reads what MarshalBinary writes. It trusts nothing.
func (p *Part) UnmarshalBinary(b []byte) error {
	if len(b) < 8 || binary.LittleEndian.Uint64(b) > uint64(len(b)-8) {
		return errTargets
	}
	size := int(binary.LittleEndian.Uint64(b))
	var h partHeader
	if err := json.Unmarshal(b[8:8+size], &h); err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	b = b[8+size:]
	most := len(b)
	if h.Numbers < 0 || h.Values < 0 || h.Of < 0 || h.Numbers > most || h.Values > most || h.Of > most ||
		8*h.Numbers+8*h.Values+4*h.Of != len(b) || h.Values+h.Of != h.Numbers || h.Values*h.Of != 0 {
		return errTargets
	}
	*p = Part{File: h.File, Column: h.Column, First: h.First, Spellings: h.Spellings}
	for range h.Numbers {
		p.Numbers, b = append(p.Numbers, int64(binary.LittleEndian.Uint64(b))), b[8:]
	}
	for range h.Values {
		p.Values, b = append(p.Values, math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
	}
	for range h.Of {
		c := int32(binary.LittleEndian.Uint32(b))
		if c < 0 || int(c) >= len(h.Spellings) {
			return errTargets
		}
		p.Of, b = append(p.Of, c), b[4:]
	}
	return nil
}

// Join makes the targets of so many rows of their parts, in the order of the rows. Labels are numbers where all of them
// are, each in one spelling that says no more than the number, and else texts. It fails where labels are no classes,
// and where no row has a target; the fault names a row.
func Join(task linear.Task, rows int64, parts []Part) (*Targets, error) {
	t := &Targets{Task: task}
	if task == linear.Regression {
		t.Values = make([]float64, rows)
		for i := range t.Values {
			t.Values[i] = math.NaN()
		}
	} else {
		t.Codes = make([]int32, rows)
		for i := range t.Codes {
			t.Codes[i] = -1
		}
	}
	some := false
	for i := range parts {
		p := &parts[i]
		some = some || len(p.Numbers) > 0
		if n := len(p.Numbers); n > 0 && (p.Numbers[0] < 0 || p.Numbers[n-1] >= rows || !slices.IsSorted(p.Numbers)) {
			return nil, errTargets
		}
	}
	switch {
	case len(parts) == 0 || !some:
		file := ""
		if len(parts) > 0 {
			file = parts[0].File
		}
		return nil, fault.File(file, "targets to predict from", "none")
	case task == linear.Regression:
		return t, t.numbers(parts)
	}
	return t, t.labels(parts)
}

// numbers sets the values.
func (t *Targets) numbers(parts []Part) error {
	for i := range parts {
		p := &parts[i]
		if len(p.Of) > 0 {
			return p.fault(p.Numbers[0], fault.Quote(p.Spellings[p.Of[0]]), "a number to predict by --task=regression")
		}
		for j, n := range p.Numbers {
			v := p.Values[j]
			if v-v != 0 {
				return p.fault(n, fmt.Sprint(v), "a finite number as the target")
			}
			t.Values[n] = v
		}
	}
	return nil
}

// labels finds the classes and sets the codes.
func (t *Targets) labels(parts []Part) error {
	numbers, spelled := map[float64]bool{}, map[string]bool{}
	for i := range parts {
		p := &parts[i]
		for j, v := range p.Values {
			switch {
			case v-v != 0:
				return p.fault(p.Numbers[j], fmt.Sprint(v), "a class label")
			case v != math.Trunc(v):
				return p.fault(p.Numbers[j], linear.LabelText(v), fractions)
			}
			numbers[v+0] = true // −0 is 0
			if len(numbers) > MaxClasses {
				return tooMany(p.File)
			}
		}
		for _, s := range p.Spellings {
			spelled[s] = true
		}
		if len(spelled) > MaxClasses {
			return tooMany(p.File)
		}
	}
	texts, err := textual(parts, spelled)
	if err != nil {
		return err
	}
	if texts && len(numbers) > 0 {
		p := &parts[slices.IndexFunc(parts, func(p Part) bool { return len(p.Of) > 0 })]
		return p.fault(p.Numbers[0], fault.Quote(p.Spellings[p.Of[0]]),
			"a class label that is a number, as in the files that store numbers")
	}
	if word, other, found := linear.SameTruth(slices.Collect(maps.Keys(spelled))); found {
		return spelling(parts, word, linear.OneSpelling(other))
	}
	for s := range spelled {
		if v, ok := linear.LabelNumber(s); texts || !ok {
			t.Classes.Texts = append(t.Classes.Texts, s)
		} else {
			numbers[v] = true
		}
	}
	for v := range numbers {
		t.Classes.Numbers = append(t.Classes.Numbers, v)
	}
	slices.Sort(t.Classes.Texts)
	slices.Sort(t.Classes.Numbers)
	for i := range parts {
		t.encode(&parts[i])
	}
	return nil
}

// spelling is the fault of the first row with a label that is spelled so.
func spelling(parts []Part, label, expected string) error {
	for i := range parts {
		p := &parts[i]
		for j, c := range p.Of {
			if p.Spellings[c] == label {
				return p.fault(p.Numbers[j], fault.Quote(label), expected)
			}
		}
	}
	return errTargets
}

const fractions = "class labels, integers or texts: numbers with fractions are predicted by --task=regression"

// textual reports whether the labels that are spelled are texts. It fails where all are numbers, some with fractions.
func textual(parts []Part, spelled map[string]bool) (bool, error) {
	texts, numeric := false, true
	for s := range spelled {
		_, ok := linear.LabelNumber(s)
		numeric = numeric && ok
		texts = texts || !ok || !linear.Faithful(s)
	}
	if !numeric {
		return true, nil
	}
	for i := range parts {
		p := &parts[i]
		for j, c := range p.Of {
			if v, _ := linear.LabelNumber(p.Spellings[c]); v != math.Trunc(v) {
				return false, p.fault(p.Numbers[j], fault.Quote(p.Spellings[c]), fractions)
			}
		}
	}
	return texts, nil
}

// encode sets the codes of a part's rows, whose labels are all among the classes.
func (t *Targets) encode(p *Part) {
	place := func(v float64) int32 {
		i, _ := slices.BinarySearch(t.Classes.Numbers, v)
		return int32(i)
	}
	codes := make([]int32, len(p.Spellings))
	for i, s := range p.Spellings {
		if len(t.Classes.Texts) > 0 {
			at, _ := slices.BinarySearch(t.Classes.Texts, s)
			codes[i] = int32(at)
		} else if v, ok := linear.LabelNumber(s); ok {
			codes[i] = place(v)
		}
	}
	for j, n := range p.Numbers {
		if len(p.Of) > 0 {
			t.Codes[n] = codes[p.Of[j]]
		} else {
			t.Codes[n] = place(p.Values[j])
		}
	}
}

// JoinGroups numbers the labels of so many rows: −1 is a row without one. A number is the same label in whatever
// notation. known are the groups that there are; it gets new ones where grow is set, else a row of another group has
// −1.
func JoinGroups(rows int64, parts []Part, known map[string]int32, grow bool) ([]int32, error) {
	groups := make([]int32, rows)
	for i := range groups {
		groups[i] = -1
	}
	number := func(label string) int32 {
		if v, ok := linear.LabelNumber(label); ok && linear.Faithful(label) {
			label = linear.LabelText(v)
		}
		g, ok := known[label]
		if !ok && grow {
			g, ok = int32(len(known)), true
			known[label] = g
		}
		if !ok {
			return -1
		}
		return g
	}
	for i := range parts {
		p := &parts[i]
		spelled := make([]int32, len(p.Spellings))
		for j, s := range p.Spellings {
			spelled[j] = number(s)
		}
		for j, n := range p.Numbers {
			if n < 0 || n >= rows {
				return nil, errTargets
			}
			if len(p.Of) > 0 {
				groups[n] = spelled[p.Of[j]]
			} else {
				groups[n] = number(linear.LabelText(p.Values[j]))
			}
		}
	}
	return groups, nil
}
