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
)

// tokenizer finds what is counted in a text, as scikit-learn's HashingVectorizer does, after lower case and Unicode's
// form NFC. It keeps its memory from text to text.
type tokenizer struct {
	buffer   []byte // the text, or its words with a space between them
	lower    []byte
	composed []byte
	starts   []int
	ends     []int
	words    []uint64 // of ASCII, a bit for each byte: whether it is of a word
	keys     []uint32 // twice the feature, and one where the sign is −1
	sorted   []uint32
	bits     int
	caser    cases.Caser
	ready    bool
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
	k.composed = compose(k.composed[:0], k.lower) // behind nothing: marks in front would join what is there
	return k.composed
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
	switch o.Analyzer {
	case Char:
		k.chars(k.normalize(b), o)
	case CharWB:
		k.charsInWords(k.normalize(b), o)
	default:
		if !k.splitASCII(b) {
			k.split(k.normalizeUnicode(b))
		}
		k.hashWords(o)
	}
	k.sort()
}

func (k *tokenizer) count(b []byte) { k.keys = append(k.keys, keyOf(murmur3(b), k.bits)) }

// keyOf is the key of a hash: see [place].
func keyOf(hash uint32, bits int) uint32 {
	negative := uint32(int32(hash) >> 31)
	return ((hash^negative)-negative)&(1<<bits-1)<<1 | negative&1
}

// sort sorts the keys: few by comparing, up to 255 by their first bits, and more by a radix sort.
func (k *tokenizer) sort() {
	const few = 8
	k.sorted = slices.Grow(k.sorted[:0], len(k.keys))[:len(k.keys)]
	switch n := len(k.keys); {
	case n < few || k.bits+1 < placeBits:
		slices.Sort(k.keys)
	case n <= math.MaxUint8:
		k.deal()
	default:
		k.radix()
	}
}

// placeBits are the first bits of keys that are dealt to as many places.
const placeBits = 7

// deal sorts up to 255 keys: into places by their first bits, where few meet, as hashes are spread evenly, and then by
// insertion. That takes fewer branches that nobody can foresee than comparing does.
func (k *tokenizer) deal() {
	const places, each = 1 << placeBits, 0x0101010101010101
	shift := k.bits + 1 - placeBits
	var ends [places]uint8
	for _, key := range k.keys {
		ends[key>>shift%places]++
	}
	at := uint64(0) // keys of the places before
	for i := 0; i < places; i += 8 {
		counts := binary.LittleEndian.Uint64(ends[i:])
		sums := counts * each // in each byte, of those up to it
		binary.LittleEndian.PutUint64(ends[i:], sums-counts+at*each)
		at += sums >> 56
	}
	for _, key := range k.keys {
		end := &ends[key>>shift%places]
		k.sorted[*end] = key
		*end++
	}
	for i := 1; i < len(k.sorted); i++ {
		key, j := k.sorted[i], i
		for ; j > 0 && k.sorted[j-1] > key; j-- {
			k.sorted[j] = k.sorted[j-1]
		}
		k.sorted[j] = key
	}
	k.keys, k.sorted = k.sorted, k.keys
}

// radix sorts any number of keys, from their last bits to their first.
func (k *tokenizer) radix() {
	const digit = 10
	for shift := 0; shift <= k.bits; shift += digit {
		var ends [1 << digit]int32
		for _, key := range k.keys {
			ends[key>>shift%(1<<digit)]++
		}
		at := int32(0)
		for i, n := range ends {
			ends[i] = at
			at += n
		}
		for _, key := range k.keys {
			end := &ends[key>>shift%(1<<digit)]
			k.sorted[*end] = key
			*end++
		}
		k.keys, k.sorted = k.sorted, k.keys
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
