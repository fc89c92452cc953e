package formats

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"beamlearn/model/fault"
)

// cell is what a field of a table looks like.
type cell int

const (
	cellMissing cell = iota
	cellNumber
	cellBoolean
	cellText
	cellVector
	cellBroken // no number, but meant to be one: by other rules than those of the table, say
)

func (c cell) String() string {
	return [...]string{"nothing", "number", "boolean", "text", "vector", "no number"}[c]
}

// typeName is how a column of such cells is called; "" of cells of several kinds.
func (c cell) typeName() string {
	if c == cellMissing {
		return ""
	}
	return c.String()
}

// markers stand for a missing value, as pandas has them, and as the UCI repository has.
var markers = []string{"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
	"<NA>", "N/A", "NA", "NULL", "NaN",
	"None", "n/a", "nan", "null", "?"}

// kind is what a field looks like.
func (d *dialect) kind(field []byte) cell {
	field = trimSpaces(field)
	if slices.Contains(markers, string(field)) {
		return cellMissing
	}
	if _, ok := boolean(field); ok {
		return cellBoolean
	}
	if _, ok := d.number(field); ok || notFinite(field) {
		return cellNumber
	}
	if n, f := vectorIn(field, nil); f == nil && n > 0 {
		return cellVector
	}
	if bytes.ContainsAny(field, "\r\x00") || d.otherNumber(field) != "" {
		return cellBroken
	}
	return cellText
}

// vectorIn reads a field that is a vector in brackets, as "[0.5, 1]" or, by numpy, "[0.5 1.]": as many of its numbers
// into dst as it holds, and counts all. The fault lacks its place; its column is that of the vector.
func vectorIn(field []byte, dst []float64) (int, *fault.Fault) {
	b := bytes.TrimSpace(field)
	if len(b) < 2 || b[0] != '[' || b[len(b)-1] != ']' {
		return 0, &fault.Fault{Found: fault.Quote(field), Expected: "numbers in brackets"}
	}
	b = b[1 : len(b)-1]
	count := 0
	for i := 0; ; count++ {
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if count > 0 && i < len(b) && b[i] == ',' {
			for i++; i < len(b) && isSpace(b[i]); {
				i++
			}
		} else if i == len(b) {
			return count, nil
		}
		v, n := number(b[i:], false)
		if end := i + n; n == 0 || v-v != 0 || end < len(b) && !isSpace(b[end]) && b[end] != ',' {
			word := vectorWord(b[i:])
			f := &fault.Fault{Column: strconv.Itoa(count), Found: fault.Quote(word), Expected: "a number"}
			switch {
			case bytes.HasPrefix(word, []byte("...")):
				f.Expected = "all numbers of the vector: it was written in part"
			case n > 0 && n == len(word):
				f.Expected = storable(v)
			case notFinite(word):
				f.Expected = "a finite number"
			}
			return count, f
		}
		if count < len(dst) {
			dst[count] = v
		}
		i += n
	}
}

func vectorWord(b []byte) []byte {
	for i, c := range b {
		if isSpace(c) || c == ',' {
			return b[:i]
		}
	}
	return b
}

// lengthFault is the fault of a vector that has not as many numbers as the first.
func lengthFault(n, dim int) *fault.Fault {
	return &fault.Fault{Found: fmt.Sprintf("a vector of %d", n),
		Expected: fmt.Sprintf("one of %d, as in the first row", dim)}
}
