package formats

import (
	"math"
	"strconv"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// learned is what a row of text has besides its vector and its id.
type learned struct {
	target float64
	label  string
	weight float64
	last   string            // the label that was read last
	texts  map[string]string // labels that were read, each once
	digits []byte
	whole  [64]wholeLabel // integers that were read as labels last, each at the place of its last six bits
}

// wholeLabel is an integer and its label; "" where there is none.
type wholeLabel struct {
	value int64
	label string
}

// none says that the row has no target.
func (l *learned) none() { l.target, l.label, l.last = math.NaN(), "", "" }

// fields reads the fields of the target, unless there is none in this row, and of the weight, those that the
// selection has. Its fault lacks the file and the row.
func (l *learned) fields(s *selection, d *dialect, t *textFile, target, weight []byte, none bool) *fault.Fault {
	if none || s.lacksTarget(target) {
		l.none()
	} else if s.target >= 0 {
		if f := l.readTarget(target, s.labels, d, t); f != nil {
			f.Column = s.name(s.target)
			return f
		}
	}
	if s.weight < 0 {
		return nil
	}
	v, ok := d.number(weight)
	f := weightFault(v)
	switch {
	case !ok:
		f = d.numberFault(weight)
	case f != nil:
		f.Found = fault.Quote(weight)
	default:
		l.weight = v
		return nil
	}
	f.Column = s.name(s.weight)
	return f
}

// readTarget reads a field that is a label, as it stands, or else a finite number.
func (l *learned) readTarget(field []byte, label bool, d *dialect, t *textFile) *fault.Fault {
	if !label {
		v, ok := d.number(field)
		if !ok || v-v != 0 {
			return d.numberFault(field)
		}
		l.target = v
		return nil
	}
	if onlySpaces(field) {
		return &fault.Fault{Found: "an empty field", Expected: "a label"}
	}
	return l.setLabel(field, t)
}

// setLabel keeps one copy of each label: a million rows of two classes have two. A label that is no text of the
// file's encoding is at fault.
func (l *learned) setLabel(label []byte, t *textFile) *fault.Fault {
	if l.last != string(label) {
		text, ok := l.texts[string(label)]
		if !ok {
			if f := t.textFault(label); f != nil {
				return f
			}
			if l.texts == nil {
				l.texts = map[string]string{}
			}
			text = PlainLabel(string(label))
			l.texts[string(label)] = text
		}
		l.last = text
	}
	l.label = l.last
	return nil
}

// PlainLabel is a label as it stands, but for words for truth values and instants, which are written in one way:
// those of a table in .csv are those of the same table in a format that has booleans and timestamps.
func PlainLabel(label string) string {
	switch label {
	case "true", "TRUE":
		return booleanLabel(true)
	case "false", "FALSE":
		return booleanLabel(false)
	}
	return timeLabel(label)
}

// setWhole is setLabel of an integer, or of what is found instead of one of 64 bits with a sign: a greater one, or no
// number.
func (l *learned) setWhole(v int64, found string) *fault.Fault {
	if found == "" {
		known := &l.whole[v&63]
		if known.label == "" || known.value != v {
			l.digits = strconv.AppendInt(l.digits[:0], v, 10)
			if f := l.setLabel(l.digits, nil); f != nil {
				return f
			}
			*known = wholeLabel{v, l.label}
		}
		l.label, l.last = known.label, known.label
		return nil
	}
	if _, err := strconv.ParseUint(found, 10, 64); err != nil {
		return &fault.Fault{Found: found, Expected: "a label"}
	}
	return l.setLabel([]byte(found), nil)
}

// appendTo adds what has been read to that of the rows before.
func (l *learned) appendTo(b *vectors.Block, s *selection) {
	switch {
	case s.target < 0:
	case s.labels:
		b.Labels = append(b.Labels, l.label)
	default:
		b.Target = append(b.Target, l.target)
	}
	if s.weight >= 0 {
		b.Weights = append(b.Weights, l.weight)
	}
}

// weightFault is the fault of a number that is no weight, without its place; or nil.
func weightFault(v float64) *fault.Fault {
	switch {
	case v-v != 0:
		return &fault.Fault{Found: formatFloat(v), Expected: "a finite weight"}
	case v < 0:
		return &fault.Fault{Found: formatFloat(v), Expected: "a weight of at least 0"}
	}
	return nil
}

// exactLabel is what a label that is a number should be: beyond, several integers are one float64, and one class.
const exactLabel = "a label below 2⁵³, or text"

// labelFault is the fault of an integer that is no label, without its place; or nil.
func labelFault(v float64) *fault.Fault {
	if math.Abs(v) >= 1<<53 {
		return &fault.Fault{Found: formatFloat(v), Expected: exactLabel}
	}
	return nil
}

// targetFault is the fault of a number that is no target, without its place; or nil.
func targetFault(v float64) *fault.Fault {
	if v-v != 0 {
		return &fault.Fault{Found: formatFloat(v), Expected: "a finite number"}
	}
	return nil
}
