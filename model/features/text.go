package features

import (
	"encoding/binary"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"beamlearn/model/tables"
)

// tokenizer finds what is counted in a text, as scikit-learn's HashingVectorizer does, after lower case and Unicode's
// form NFC. It keeps its memory from text to text.
type tokenizer struct {
	buffer []byte // the text, or its words with a space between them
	lower  []byte
	starts []int
	ends   []int
	keys   []uint32 // twice the feature, and one where the sign is −1
	bits   int
	caser  cases.Caser
	ready  bool
}

// normalize is a text in lower case and form NFC, in memory that the next call takes. ASCII goes eight bytes at a time.
func (k *tokenizer) normalize(b []byte) []byte {
	const high, ones = 0x8080808080808080, 0x0101010101010101
	k.lower = slices.Grow(k.lower[:0], len(b))
	lower := k.lower[:len(b)]
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		if x&high != 0 {
			return k.normalizeUnicode(b)
		}
		capital := (x + ones*(0x80-'A')) &^ (x + ones*(0x80-'Z'-1)) & high
		binary.LittleEndian.PutUint64(lower[i:], x|capital>>2)
	}
	for ; i < len(b); i++ {
		c := b[i]
		if c >= utf8.RuneSelf {
			return k.normalizeUnicode(b)
		}
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return lower
}

func (k *tokenizer) normalizeUnicode(b []byte) []byte {
	if !k.ready {
		k.caser, k.ready = cases.Lower(language.Und), true
	}
	k.lower, _, _ = transform.Append(k.caser, k.lower[:0], b) // it has no errors of text that is all there
	if norm.NFC.IsNormal(k.lower) {
		return k.lower
	}
	n := len(k.lower)
	k.lower = norm.NFC.Append(k.lower, k.lower[:n:n]...)
	return k.lower[n:]
}

// isWord reports whether a character is one of words, which is what \w is for Python.
func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// isSpace reports whether a character is one of \s, for Python.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// asciiWord is isWord of ASCII.
var asciiWord = func() (t [utf8.RuneSelf]bool) {
	for r := range t {
		t[r] = isWord(rune(r))
	}
	return t
}()

// features finds the features of a text, of 2^bits, in k.keys, ascending, each as often as it is there.
func (k *tokenizer) features(b []byte, o *Options, bits int) {
	k.keys, k.bits = k.keys[:0], bits
	b = k.normalize(b)
	switch o.Analyzer {
	case Char:
		k.chars(b, o)
	case CharWB:
		k.charsInWords(b, o)
	default:
		k.words(b, o)
	}
	slices.Sort(k.keys)
}

func (k *tokenizer) count(b []byte) {
	feature, sign := place(b, k.bits)
	key := uint32(feature) << 1
	if sign < 0 {
		key |= 1
	}
	k.keys = append(k.keys, key)
}

// nextWord is the first run of two or more characters of words from i on, that is, of (?u)\b\w\w+\b; lo is len(b)
// where there is none.
func nextWord(b []byte, i int) (lo, hi int) {
	for i < len(b) {
		lo, runes := i, 0
		for i < len(b) {
			if c := b[i]; c < utf8.RuneSelf {
				if !asciiWord[c] {
					break
				}
				i++
			} else {
				r, size := utf8.DecodeRune(b[i:])
				if !isWord(r) {
					break
				}
				i += size
			}
			runes++
		}
		if runes >= 2 {
			return lo, i
		}
		if runes == 0 {
			size := 1
			if b[i] >= utf8.RuneSelf {
				_, size = utf8.DecodeRune(b[i:])
			}
			i += size
		}
	}
	return len(b), len(b)
}

// words counts runs of words, as if there was one space between them.
func (k *tokenizer) words(b []byte, o *Options) {
	if o.NGrams[1] == 1 {
		for lo, hi := nextWord(b, 0); lo < len(b); lo, hi = nextWord(b, hi) {
			k.count(b[lo:hi])
		}
		return
	}
	k.buffer, k.starts, k.ends = k.buffer[:0], k.starts[:0], k.ends[:0]
	for lo, hi := nextWord(b, 0); lo < len(b); lo, hi = nextWord(b, hi) {
		if len(k.starts) > 0 {
			k.buffer = append(k.buffer, ' ')
		}
		k.starts = append(k.starts, len(k.buffer))
		k.buffer = append(k.buffer, b[lo:hi]...)
		k.ends = append(k.ends, len(k.buffer))
	}
	for n := o.NGrams[0]; n <= min(o.NGrams[1], len(k.starts)); n++ {
		for i := 0; i+n <= len(k.starts); i++ {
			k.count(k.buffer[k.starts[i]:k.ends[i+n-1]])
		}
	}
}

// runesOf finds where the characters of the buffer begin from lo on, and where the last one ends.
func (k *tokenizer) runesOf(lo int) []int {
	k.starts = k.starts[:0]
	for i := lo; i < len(k.buffer); {
		k.starts = append(k.starts, i)
		_, size := utf8.DecodeRune(k.buffer[i:])
		i += size
	}
	k.starts = append(k.starts, len(k.buffer))
	return k.starts
}

// chars counts runs of characters, after runs of two or more white ones became one space.
func (k *tokenizer) chars(b []byte, o *Options) {
	k.buffer = k.buffer[:0]
	white, run := 0, 0 // where a run of white space begins, and its characters
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if isSpace(r) {
			if run == 0 {
				white = len(k.buffer)
			}
			run++
			k.buffer = append(k.buffer, b[i:i+size]...)
			if run > 1 {
				k.buffer = append(k.buffer[:white], ' ')
			}
		} else {
			run = 0
			k.buffer = append(k.buffer, b[i:i+size]...)
		}
		i += size
	}
	runes := k.runesOf(0)
	for n := o.NGrams[0]; n <= min(o.NGrams[1], len(runes)-1); n++ {
		for i := 0; i+n < len(runes); i++ {
			k.count(k.buffer[runes[i]:runes[i+n]])
		}
	}
}

// charsInWords counts runs of characters in words between white space, each with a space before and behind it.
func (k *tokenizer) charsInWords(b []byte, o *Options) {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if isSpace(r) {
			i += size
			continue
		}
		k.buffer = append(k.buffer[:0], ' ')
		for i < len(b) {
			if r, size = utf8.DecodeRune(b[i:]); isSpace(r) {
				break
			}
			k.buffer = append(k.buffer, b[i:i+size]...)
			i += size
		}
		k.buffer = append(k.buffer, ' ')
		runes := k.runesOf(0)
		length := len(runes) - 1
		for n := o.NGrams[0]; n <= o.NGrams[1]; n++ {
			if n >= length { // a short word counts once
				k.count(k.buffer)
				break
			}
			for j := 0; j+n <= length; j++ {
				k.count(k.buffer[runes[j]:runes[j+n]])
			}
		}
	}
}

// group takes the keys of one feature from the front: the feature, how often it is there, by its signs unless it is
// only counted, and the rest.
func group(keys []uint32, counted bool) (feature int, n float64, rest []uint32) {
	feature = int(keys[0] >> 1)
	for len(keys) > 0 && int(keys[0]>>1) == feature {
		if n++; !counted && keys[0]&1 == 1 {
			n -= 2
		}
		keys = keys[1:]
	}
	return feature, n, keys
}

// words encodes a text: counts, times what tf-idf says, over their length.
func (enc *Encoder) words(at int, t *tables.Column, row int) {
	c, o := &enc.e.columns[at], &enc.e.options
	enc.text.features(t.Text(row), o, c.Bits)
	weights := enc.e.lookups[at].weights
	begin, squares := len(enc.values), 0.0
	for keys := enc.text.keys; len(keys) > 0; {
		var feature int
		var v float64
		feature, v, keys = group(keys, o.Counts)
		if weights != nil {
			v *= weights.of(feature)
		}
		enc.set(c, feature, v)
		squares += float64(v * v)
	}
	length := math.Sqrt(squares)
	if o.Counts && weights == nil {
		length = 1
	}
	for i := range enc.values[begin:] {
		enc.values[begin+i] /= length
	}
}
