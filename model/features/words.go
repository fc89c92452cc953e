package features

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"beamlearn/model/tables"
)

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

// split puts the words of a text into the buffer, with a space between them.
func (k *tokenizer) split(b []byte) {
	k.buffer, k.starts, k.ends = slices.Grow(k.buffer[:0], len(b)+slack), k.starts[:0], k.ends[:0]
	for lo, hi := nextWord(b, 0); lo < len(b); lo, hi = nextWord(b, hi) {
		if len(k.starts) > 0 {
			k.buffer = append(k.buffer, ' ')
		}
		k.starts = append(k.starts, len(k.buffer))
		k.buffer = append(k.buffer, b[lo:hi]...)
		k.ends = append(k.ends, len(k.buffer))
	}
}

// slack is how many bytes there are behind the text and the buffer, for who reads or writes a whole number at a time.
const slack = 16

// splitASCII is split of a text that is not in lower case yet, and all ASCII; otherwise it reports false.
func (k *tokenizer) splitASCII(b []byte) bool {
	if !k.classify(b) {
		return false
	}
	k.buffer, k.starts, k.ends = slices.Grow(k.buffer[:0], len(b)+1+slack), k.starts[:0], k.ends[:0]
	buffer, lower, at := k.buffer[:len(b)+1+slack], k.lower[:len(b)+slack], 0
	for lo, hi := k.run(0); lo < len(b); lo, hi = k.run(hi) {
		n := hi - lo
		if n < 2 {
			continue
		}
		k.starts = append(k.starts, at)
		if n <= slack { // most are: two numbers take less time than to find out how many bytes there are
			to, from := buffer[at:at+slack], lower[lo:lo+slack]
			binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(from))
			binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(from[8:]))
		} else {
			copy(buffer[at:], lower[lo:hi])
		}
		at += n
		k.ends = append(k.ends, at)
		buffer[at] = ' '
		at++
	}
	k.buffer = buffer[:at]
	return true
}

// classify brings a text to lower case and finds which of its bytes are of words, eight at a time. It reports false of
// a text that is not all ASCII.
func (k *tokenizer) classify(b []byte) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	k.lower = slices.Grow(k.lower[:0], len(b)+slack)
	lower := k.lower[:len(b)+slack]
	k.words = slices.Grow(k.words[:0], len(b)/64+1)[:len(b)/64+1]
	clear(k.words)
	for i := 0; i < len(b); i += 8 {
		var x uint64
		if i+8 <= len(b) {
			x = binary.LittleEndian.Uint64(b[i:])
		} else {
			for j := len(b) - 1; j >= i; j-- {
				x = x<<8 | uint64(b[j])
			}
		}
		if x&high != 0 {
			return false
		}
		// No sum of two bytes below 128 carries into the next byte.
		small := x | ones*0x20
		letters := (small + ones*(0x80-'a')) &^ (small + ones*(0x80-'z'-1))
		digits := (x + ones*(0x80-'0')) &^ (x + ones*(0x80-'9'-1))
		underscores := high - (x ^ ones*'_')
		binary.LittleEndian.PutUint64(lower[i:], x|letters&high>>2)
		of := (letters | digits | underscores) & high >> 7
		k.words[i/64] |= of * 0x0102040810204080 >> 56 << (i % 64) // the first bit of each byte, together
	}
	return true
}

// run is the first run of bytes of words from i on, whose bits classify has set; lo is at least the length of the text
// where there is none.
func (k *tokenizer) run(i int) (lo, hi int) {
	at := i / 64
	if at >= len(k.words) {
		return math.MaxInt, math.MaxInt
	}
	word := k.words[at] >> (i % 64) << (i % 64)
	for word == 0 {
		if at++; at == len(k.words) {
			return math.MaxInt, math.MaxInt
		}
		word = k.words[at]
	}
	first := bits.TrailingZeros64(word)
	lo = at*64 + first
	for word = ^word >> first << first; word == 0; word = ^k.words[at] {
		if at++; at == len(k.words) {
			return lo, at * 64
		}
	}
	return lo, at*64 + bits.TrailingZeros64(word)
}

// hashWords counts runs of the words in the buffer. A longer run goes on from the hash of the shorter one.
func (k *tokenizer) hashWords(o *Options) {
	text := slices.Grow(k.buffer, slack)[:len(k.buffer)+slack]
	k.keys = slices.Grow(k.keys, len(k.starts)*min(o.NGrams[1]-o.NGrams[0]+1, len(k.starts)))
	for i, start := range k.starts {
		state, at := uint32(0), start
		for n := 1; n <= o.NGrams[1] && i+n <= len(k.starts); n++ {
			end := k.ends[i+n-1]
			for ; at+4 <= end; at += 4 {
				state = murmurBlock(state, binary.LittleEndian.Uint32(text[at:]))
			}
			if n >= o.NGrams[0] {
				rest := binary.LittleEndian.Uint32(text[at:]) & (1<<(8*(end-at)) - 1)
				k.keys = append(k.keys, keyOf(murmurEnd(state, rest, uint32(end-start)), k.bits))
			}
		}
	}
}

// several adds up the keys of one feature from the front: how often it is there, by its signs unless it is only
// counted, and how many keys that are.
func several(keys []uint32, counted bool) (n float64, used int) {
	for used < len(keys) && keys[used]>>1 == keys[0]>>1 {
		if n++; !counted {
			n -= float64(2 * (keys[used] & 1))
		}
		used++
	}
	return n, used
}

// words encodes a text: counts, times what tf-idf says, over their length.
func (enc *Encoder) words(at int, t *tables.Column, row int) {
	c, o := &enc.e.columns[at], &enc.e.options
	text := t.Text(row)
	if c.Missing == 0 && IsBlank(text) {
		enc.unseen.Missing[at]++
	}
	enc.text.features(text, o, c.Bits)
	keys, weights, first, squares := enc.text.keys, enc.e.lookups[at].weights, int32(c.first), 0.0
	enc.features, enc.values = slices.Grow(enc.features, len(keys)), slices.Grow(enc.values, len(keys))
	features, values := enc.features[len(enc.features):][:len(keys)], enc.values[len(enc.values):][:len(keys)]
	n := 0 // of them
	for i := 0; i < len(keys); {
		key := keys[i]
		v, used := 1.0, 1
		if i+1 < len(keys) && keys[i+1]>>1 == key>>1 { // as few are
			v, used = several(keys[i:], o.Counts)
		} else if !o.Counts {
			v -= float64(2 * (key & 1))
		}
		if i += used; weights != nil {
			v *= weights.of(int(key >> 1))
		}
		if v != 0 {
			features[n], values[n] = first+int32(key>>1), v
			n++
		}
		squares += float64(v * v)
	}
	enc.features, enc.values = enc.features[:len(enc.features)+n], enc.values[:len(enc.values)+n]
	if o.Counts && weights == nil {
		return
	}
	length := math.Sqrt(squares)
	one := 1 / length
	for i, v := range values[:n] {
		if v*v == 1 { // as most are, of a sign that nobody can foresee, and a division takes its time
			values[i] = float64(v * one)
		} else {
			values[i] = v / length
		}
	}
}
