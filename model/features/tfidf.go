package features

import (
	"encoding/binary"
	"errors"
	"fmt"

	"beamlearn/model/fault"
	"beamlearn/model/internal/elementary"
	"beamlearn/model/tables"
)

// Counts is how many rows have each feature of text, as far as they have been seen. Its memory is 8 bytes for each
// feature of text. It is not safe for concurrent use.
type Counts struct {
	e       *Encoding
	fields  []int
	text    tokenizer
	columns []frequencies // one for each column of the encoding, empty of those that are not text
}

// frequencies is in how many of the documents each feature is.
type frequencies struct {
	documents int64
	counts    []int64
}

// Pass reports whether the encoding takes a second look at all rows before it can encode, by [Encoding.NewCounts],
// and what for: tf-idf needs the number of rows that each word is in.
func (e *Encoding) Pass() (name string, more bool) {
	for i := range e.columns {
		if c := &e.columns[i]; c.Kind == Text && e.options.TFIDF && c.Documents == 0 {
			return "document frequencies", true
		}
	}
	return "", false
}

// NewCounts begins a second look at tables with these columns, as [Encoding.Encoder] takes them.
func (e *Encoding) NewCounts(fields []tables.Field) (*Counts, error) {
	places, err := e.places(fields)
	if err != nil {
		return nil, err
	}
	n := &Counts{e: e, fields: places, columns: make([]frequencies, len(e.columns))}
	for i := range e.columns {
		if e.columns[i].Kind == Text {
			n.columns[i].counts = make([]int64, 1<<e.columns[i].Bits)
		}
	}
	return n, nil
}

// Add looks at all rows of a table.
func (n *Counts) Add(t *tables.Table) error {
	for i := range n.columns {
		f := &n.columns[i]
		if f.counts == nil {
			continue
		}
		column := &t.Columns[n.fields[i]]
		for row := range column.Len() {
			n.text.features(column.Text(row), &n.e.options, n.e.columns[i].Bits)
			f.documents++
			last := -1
			for _, key := range n.text.keys {
				if feature := int(key >> 1); feature != last {
					f.counts[feature]++
					last = feature
				}
			}
		}
	}
	return nil
}

// Merge adds what another look, for the same encoding, has seen.
func (n *Counts) Merge(o *Counts) error {
	if len(n.columns) != len(o.columns) {
		return errors.New("features.Counts: counts of different encodings do not merge")
	}
	for i := range n.columns {
		f, g := &n.columns[i], &o.columns[i]
		if len(f.counts) != len(g.counts) {
			return errors.New("features.Counts: counts of different encodings do not merge")
		}
		f.documents += g.documents
		for j, c := range g.counts {
			f.counts[j] += c
		}
	}
	return nil
}

// MarshalBinary writes the counts that are not 0.
func (n *Counts) MarshalBinary() ([]byte, error) {
	var b []byte
	for i := range n.columns {
		f := &n.columns[i]
		if f.counts == nil {
			continue
		}
		pairs := f.pairs()
		b = binary.AppendUvarint(b, uint64(f.documents))
		b = binary.AppendUvarint(b, uint64(len(pairs)))
		b = append(b, pairs...)
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote into counts of the same encoding, by [Encoding.NewCounts].
func (n *Counts) UnmarshalBinary(b []byte) error {
	for i := range n.columns {
		f := &n.columns[i]
		if f.counts == nil {
			continue
		}
		documents, used := binary.Uvarint(b)
		if used <= 0 || documents > mostRows {
			return errFrequencies
		}
		b = b[used:]
		size, used := binary.Uvarint(b)
		if used <= 0 || size > uint64(len(b)-used) {
			return errFrequencies
		}
		b = b[used:]
		f.documents = int64(documents)
		clear(f.counts)
		err := readPairs(b[:size], len(f.counts), func(feature int, n int64) error {
			f.counts[feature] = n
			return nil
		})
		if err != nil {
			return err
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return errFrequencies
	}
	return nil
}

var errFrequencies = errors.New("features: not counts of the features of texts")

// pairs are the features that are there, each counted from the one before, with their numbers.
func (f *frequencies) pairs() []byte {
	var b []byte
	last := 0
	for j, n := range f.counts {
		if n != 0 {
			b = binary.AppendUvarint(b, uint64(j-last))
			b = binary.AppendUvarint(b, uint64(n))
			last = j
		}
	}
	return b
}

// readPairs gives the features below a limit and their numbers to use.
func readPairs(b []byte, limit int, use func(feature int, n int64) error) error {
	at := uint64(0)
	for first := true; len(b) > 0; first = false {
		gap, used := binary.Uvarint(b)
		if used <= 0 || gap >= uint64(limit) || gap == 0 && !first {
			return errFrequencies
		}
		if at += gap; at >= uint64(limit) {
			return errFrequencies
		}
		n, rest, err := cutCount(b[used:])
		if err != nil {
			return errFrequencies
		}
		if err := use(int(at), n); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// Finish takes a look at all rows into the encoding, which then can encode. It must not be in use elsewhere.
func (e *Encoding) Finish(n *Counts) error {
	if len(n.columns) != len(e.columns) {
		return errors.New("features.Finish: counts of another encoding")
	}
	for i := range e.columns {
		c := &e.columns[i]
		if c.Kind != Text || !e.options.TFIDF {
			continue
		}
		if n.columns[i].documents == 0 {
			return fmt.Errorf("column %s: tf-idf of no rows", fault.Quote(c.Name))
		}
		c.Documents, c.Frequencies = n.columns[i].documents, n.columns[i].pairs()
	}
	return e.prepare()
}

// weights are those of features by how rare they are.
type weights struct {
	all   []float64
	some  map[int]float64 // instead, where they are few
	other float64         // of those not in some
}

func (w *weights) of(feature int) float64 {
	if w.all != nil {
		return w.all[feature]
	}
	if v, ok := w.some[feature]; ok {
		return v
	}
	return w.other
}

// weights are those of scikit-learn's TfidfTransformer with smooth_idf; nil where there are no counts. Their memory
// is in proportion to the frequencies.
func (c *Column) weights() (*weights, error) {
	if c.Documents == 0 {
		return nil, nil
	}
	idf := func(n int64) float64 { return elementary.Log(float64(1+c.Documents)/float64(1+n)) + 1 }
	w := &weights{other: idf(0)}
	const densely = 64
	if 1<<c.Bits <= densely*len(c.Frequencies) {
		w.all = make([]float64, 1<<c.Bits)
		for i := range w.all {
			w.all[i] = w.other
		}
	} else {
		w.some = map[int]float64{}
	}
	err := readPairs(c.Frequencies, 1<<c.Bits, func(feature int, n int64) error {
		if n > c.Documents {
			return fmt.Errorf("a feature is in %d of %d texts", n, c.Documents)
		}
		if w.all != nil {
			w.all[feature] = idf(n)
		} else {
			w.some[feature] = idf(n)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", fault.Quote(c.Name), err)
	}
	return w, nil
}
