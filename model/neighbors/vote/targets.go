package vote

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strconv"

	"beamlearn/model/fault"
	"beamlearn/model/linear"
)

// Targets are what is known of the points, by their row numbers: 4 bytes a row in a classification, 8 in a regression.
type Targets struct {
	Task    linear.Task
	Classes linear.Classes // of a classification
	Codes   []int32        // of a classification: the place of each row's class, −1 of a row without a target
	Values  []float64      // of a regression: NaN of a row without a target
}

// Len is the number of rows, also of those without a target.
func (t *Targets) Len() int { return len(t.Codes) + len(t.Values) }

// Has reports whether the row of a number has a target.
func (t *Targets) Has(number int64) bool {
	if number < 0 || number >= int64(t.Len()) {
		return false
	}
	if t.Task == linear.Classification {
		return t.Codes[number] >= 0
	}
	return t.Values[number] == t.Values[number]
}

// Of is the target of a row that has one: the place of its class, or the number.
func (t *Targets) Of(number int64) float64 {
	if t.Task == linear.Classification {
		return float64(t.Codes[number])
	}
	return t.Values[number]
}

// Missing is the number of rows without a target.
func (t *Targets) Missing() (n int64) {
	for i := range t.Len() {
		if !t.Has(int64(i)) {
			n++
		}
	}
	return n
}

// ClassRows is how many rows each class has.
func (t *Targets) ClassRows() []int64 {
	rows := make([]int64, t.Classes.Len())
	for _, c := range t.Codes {
		if c >= 0 {
			rows[c]++
		}
	}
	return rows
}

// Outlier is the answer that a text stands for: see Options.Outlier. It is Classes.Len() for a class that no point has.
func (t *Targets) Outlier(text string) (float64, error) {
	switch {
	case text == "":
		return math.NaN(), nil
	case t.Task == linear.Regression:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, fmt.Errorf("outlier label %s: must be a number, or nan, in a regression", fault.Quote(text))
		}
		return v, nil
	case text == MostFrequent:
		rows := t.ClassRows()
		return float64(slices.Index(rows, slices.Max(rows))), nil
	}
	return OutlierClass(&t.Classes, text)
}

// OutlierClass is the place of the class with a label, or the number of all classes of a label that none has.
func OutlierClass(c *linear.Classes, text string) (float64, error) {
	if len(c.Texts) > 0 {
		if i, ok := slices.BinarySearch(c.Texts, text); ok {
			return float64(i), nil
		}
		return float64(c.Len()), nil
	}
	v, ok := linear.LabelNumber(text)
	if !ok || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return 0, fmt.Errorf("outlier label %s: must be an integer, as the classes are, or most_frequent", fault.Quote(text))
	}
	if i, ok := slices.BinarySearch(c.Numbers, v); ok {
		return float64(i), nil
	}
	return float64(c.Len()), nil
}

// A file of targets is the magic, the length of the header and the header, the list of codes or of values, and the
// CRC-32C of all before it.
const targetsMagic = "BLTRG001"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type targetsHeader struct {
	Task    linear.Task
	Classes *linear.Classes `json:",omitempty"`
	Rows    int64
}

// WriteTo encodes the targets.
func (t *Targets) WriteTo(w io.Writer) (int64, error) {
	h := targetsHeader{Task: t.Task, Rows: int64(t.Len())}
	if t.Task == linear.Classification {
		h.Classes = &t.Classes
	}
	head, err := json.Marshal(h)
	if err != nil {
		return 0, err
	}
	crc, n := crc32.New(castagnoli), int64(0)
	out := bufio.NewWriterSize(io.MultiWriter(w, crc), 1<<16)
	write := func(b []byte) {
		m, _ := out.Write(b) // its error is that of Flush
		n += int64(m)
	}
	write([]byte(targetsMagic))
	write(binary.LittleEndian.AppendUint64(nil, uint64(len(head))))
	write(head)
	var b [8]byte
	for _, c := range t.Codes {
		binary.LittleEndian.PutUint32(b[:], uint32(c))
		write(b[:4])
	}
	for _, v := range t.Values {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		write(b[:])
	}
	if err := out.Flush(); err != nil {
		return n, err
	}
	binary.LittleEndian.PutUint32(b[:], crc.Sum32())
	m, err := w.Write(b[:4])
	return n + int64(m), err
}

var errTargets = errors.New("no targets, or damaged")

// ReadTargets decodes targets. It trusts nothing: damaged bytes are an error, never a panic.
func ReadTargets(b []byte) (*Targets, error) {
	const fixed = len(targetsMagic) + 8
	if len(b) < fixed+4 || string(b[:len(targetsMagic)]) != targetsMagic {
		return nil, errTargets
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	size := binary.LittleEndian.Uint64(b[len(targetsMagic):])
	if crc32.Checksum(body, castagnoli) != sum || size > uint64(len(body)-fixed) {
		return nil, errTargets
	}
	var h targetsHeader
	if err := json.Unmarshal(body[fixed:fixed+int(size)], &h); err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	t, list := &Targets{Task: h.Task}, body[fixed+int(size):]
	switch {
	case h.Task == linear.Classification && h.Classes != nil && h.Rows >= 0 && int64(len(list)) == 4*h.Rows &&
		len(list)%4 == 0:
		t.Classes = *h.Classes
		if err := t.Classes.Check(); err != nil {
			return nil, fmt.Errorf("targets: %w", err)
		}
		t.Codes = make([]int32, h.Rows)
		for i := range t.Codes {
			t.Codes[i] = int32(binary.LittleEndian.Uint32(list[4*i:]))
			if t.Codes[i] < -1 || int(t.Codes[i]) >= t.Classes.Len() {
				return nil, errTargets
			}
		}
	case h.Task == linear.Regression && h.Rows >= 0 && int64(len(list)) == 8*h.Rows && len(list)%8 == 0:
		t.Values = make([]float64, h.Rows)
		for i := range t.Values {
			t.Values[i] = math.Float64frombits(binary.LittleEndian.Uint64(list[8*i:]))
		}
	default:
		return nil, errTargets
	}
	return t, nil
}
