package jsontext

import (
	"bytes"
	"math"
	"slices"
	"strconv"
)

// Lifted are long lists of numbers that [Lift] took out of JSON.
type Lifted struct {
	lists [][]float64
	taken int
}

// shortList is the length of the text up to which a list of numbers stays where it is.
const shortList = 1 << 12

// Lift takes long lists of numbers out of an object of JSON that is to be read into [Floats], as encoding/json looks at
// every byte of them several times: those anywhere in the fields of these names. In the place of each it leaves a list
// of one number, which is its place among the lifted ones; [Lifted.Put] puts it back once the rest is read. It reports
// false where nothing is to be lifted, where a list in these fields has one number as it is, or where one is at fault:
// whoever reads all of it says what is wrong. The JSON may be at fault elsewhere, and stays so.
func Lift(b []byte, fields ...string) (short []byte, l *Lifted, ok bool) {
	l = &Lifted{}
	from, depth, ours := 0, 0, false // what has not been copied yet; whether the field is one of these
	for i := 0; i < len(b); {
		switch b[i] {
		case '"':
			end := endOfString(b, i)
			if end < 0 {
				return nil, nil, false
			}
			if depth == 1 { // the name of a field, or a value that has no lists
				ours = slices.Contains(fields, string(b[i+1:end-1]))
			} else if ours && end-i > shortList { // the bytes of numbers: see [Floats.WriteBits]
				var list Floats
				if list.ofBits(b[i:end]) != nil {
					return nil, nil, false
				}
				short = strconv.AppendInt(append(append(short, b[from:i]...), '['), int64(len(l.lists)), 10)
				short = append(short, ']')
				l.lists = append(l.lists, list)
				from = end
			}
			i = end
		case '{':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case '[':
			depth++
			if i++; !ours {
				continue
			}
			n := bytes.IndexByte(b[i:], ']')
			if n < 0 {
				return nil, nil, false
			}
			list := b[i : i+n]
			if first := bytes.TrimLeft(list, " \t\r\n"); bytes.IndexByte(list, '[') >= 0 || len(first) > 0 &&
				(first[0] == '"' || first[0] == '{') { // no list of numbers
				continue
			}
			if n < shortList {
				if bytes.IndexByte(list, ',') < 0 && len(bytes.TrimSpace(list)) > 0 {
					return nil, nil, false // it looks like what is left of one that is lifted
				}
				continue
			}
			var numbers Floats
			if numbers.UnmarshalJSON(b[i-1:i+n+1]) != nil {
				return nil, nil, false
			}
			short = strconv.AppendInt(append(short, b[from:i]...), int64(len(l.lists)), 10)
			l.lists = append(l.lists, numbers)
			i += n
			from = i
		default:
			i++
		}
	}
	return append(short, b[from:]...), l, len(l.lists) > 0
}

// endOfString is the place behind a string that begins at i, or -1.
func endOfString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// Put puts lists back where these have one number that is the place of one that was lifted.
func (l *Lifted) Put(lists ...*Floats) {
	for _, f := range lists {
		if len(*f) != 1 {
			continue
		}
		at := (*f)[0]
		if at != math.Trunc(at) || at < 0 || at >= float64(len(l.lists)) || l.lists[int(at)] == nil {
			continue
		}
		*f, l.lists[int(at)] = l.lists[int(at)], nil
		l.taken++
	}
}

// Whole reports whether each list was put back once, so that nothing else stands where one was.
func (l *Lifted) Whole() bool { return l.taken == len(l.lists) }
