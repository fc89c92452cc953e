package features

import (
	"fmt"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
)

// lookup makes the tables by which cells are encoded. Rare categories have the last feature.
func (c *Column) lookup() (lookup, error) {
	var l lookup
	switch {
	case c.Kind == Text:
		var err error
		l.weights, err = c.weights()
		return l, err
	case c.Kind != Categorical:
		l.knots = make([][]float64, len(c.Parts))
		for i := range c.Parts {
			l.knots[i] = c.Parts[i].AllKnots()
		}
		return l, nil
	}
	rare := int32(len(c.Categories) + oneIf(c.MissingCategory))
	add := func(name string, feature int32) error {
		if c.Values != TextValues {
			v, ok := c.categoryNumber(name)
			if _, twice := l.numbers[v]; twice || !ok {
				return fmt.Errorf("column %s: the category %s, expected a %s of its own",
					fault.Quote(c.Name), fault.Quote(name), c.Values)
			}
			l.numbers[v] = feature
			return nil
		}
		if _, twice := l.texts[name]; twice || name == "" {
			return fmt.Errorf("column %s: the category %s, expected one of its own", fault.Quote(c.Name), fault.Quote(name))
		}
		l.texts[name] = feature
		return nil
	}
	if c.Values == TextValues {
		l.texts = make(map[string]int32, len(c.Categories)+len(c.Rare))
	} else {
		l.numbers = make(map[float64]int32, len(c.Categories)+len(c.Rare))
	}
	for i, name := range c.Categories {
		if err := add(name, int32(i)); err != nil {
			return l, err
		}
	}
	for _, name := range c.Rare {
		if err := add(name, rare); err != nil {
			return l, err
		}
	}
	return l, nil
}

// categoryNumber is what stands in a table for a category that is a number or a truth value.
func (c *Column) categoryNumber(name string) (float64, bool) {
	if c.Values == BooleanValues {
		return boolean([]byte(name))
	}
	return number([]byte(name))
}

// CategoryNumbers are the categories where they are numbers, or 0 and 1 of truth values.
func (c *Column) CategoryNumbers() []float64 {
	out := make([]float64, len(c.Categories))
	for i, name := range c.Categories {
		out[i], _ = c.categoryNumber(name)
	}
	return out
}

// category encodes a category, or a missing value where that is one; another is counted as one that was never seen.
func (enc *Encoder) category(at int, t *tables.Column, row int) {
	c, l := &enc.e.columns[at], &enc.e.lookups[at]
	var feature int32
	var known, missing bool
	if c.Values == TextValues {
		feature, known, missing = enc.textCategory(at, t, row)
	} else {
		var v float64
		v, known, missing = c.numberValue(t, row)
		if known {
			feature, known = l.numbers[v+0]
		}
	}
	switch {
	case missing && c.MissingCategory:
		feature = int32(len(c.Categories))
	case known:
	default:
		if missing {
			enc.unseen.Missing[at]++
		} else {
			enc.unseen.Unknown[at]++
		}
		if len(c.Rare) == 0 {
			return
		}
		feature = int32(c.width - 1)
	}
	enc.set(c, int(feature), 1)
}

// mostRecents is how many columns have their recent texts, of 8 kB each.
const mostRecents = 64

// textCategory is the feature of a category that is a text.
func (enc *Encoder) textCategory(at int, t *tables.Column, row int) (feature int32, known, missing bool) {
	b := enc.value(t, row)
	if len(b) == 0 {
		return 0, false, true
	}
	if enc.recent[at] == nil && enc.recents < mostRecents {
		enc.recent[at] = &recent[int32]{}
		enc.recents++
	}
	if enc.recent[at] == nil || len(b) > recentBytes {
		feature, known = enc.e.lookups[at].texts[string(b)]
		return feature, known, false
	}
	place, found := enc.recent[at].at(b)
	if !found {
		feature, known = enc.e.lookups[at].texts[string(b)]
		if !known {
			feature = -1
		}
		place.take(b, feature)
	}
	return max(place.of, 0), place.of >= 0, false
}

// numberValue is the number of a cell whose column has numbers, or truth values, as categories.
func (c *Column) numberValue(t *tables.Column, row int) (v float64, ok, missing bool) {
	if t.Type == tables.Number || t.Type == tables.Bool {
		v = t.Numbers[row]
		return v, v == v, v != v
	}
	b := trim(t.Text(row))
	if isMarker(b) {
		return 0, false, true
	}
	if c.Values == BooleanValues {
		v, ok = boolean(b)
	} else {
		v, ok = number(b)
	}
	return v, ok, false
}

// value is the text of a cell, empty where it is missing. That of a number is in memory that the next call takes.
func (enc *Encoder) value(t *tables.Column, row int) []byte {
	if t.Type != tables.Number {
		if b := t.Text(row); !IsBlank(b) {
			return b
		}
		return nil
	}
	v := t.Numbers[row]
	if v != v {
		return nil
	}
	enc.scratch = appendNumber(enc.scratch[:0], v)
	return enc.scratch
}

// hash encodes a value as scikit-learn's FeatureHasher does a dictionary of one: it hashes name=value. A missing one
// is empty.
func (enc *Encoder) hash(at int, t *tables.Column, row int) {
	c, missing := &enc.e.columns[at], false
	enc.text.buffer = append(append(enc.text.buffer[:0], c.Name...), '=')
	if c.Values == TextValues {
		value := enc.value(t, row)
		enc.text.buffer, missing = append(enc.text.buffer, value...), len(value) == 0
	} else if v, ok, none := c.numberValue(t, row); ok {
		enc.text.buffer = appendNumber(enc.text.buffer, v)
	} else if missing = none; !none {
		enc.text.buffer = append(enc.text.buffer, t.Text(row)...)
	}
	if missing && c.Missing == 0 {
		enc.unseen.Missing[at]++
	}
	feature, sign := place(enc.text.buffer, c.Bits)
	if enc.e.options.Counts {
		sign = 1
	}
	enc.set(c, feature, sign)
}
