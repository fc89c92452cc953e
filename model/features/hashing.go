package features

import (
	"encoding/binary"
	"math/bits"
)

// murmur3 is MurmurHash3_x86_32 with the seed 0 (Appleby), which scikit-learn's FeatureHasher and HashingVectorizer
// take.
func murmur3(b []byte) uint32 {
	n := uint32(len(b))
	var h uint32
	for ; len(b) >= 4; b = b[4:] {
		h = murmurBlock(h, binary.LittleEndian.Uint32(b))
	}
	var rest uint32
	for i := len(b) - 1; i >= 0; i-- {
		rest = rest<<8 | uint32(b[i])
	}
	return murmurEnd(h, rest, n)
}

// murmurMix is what a block of four bytes does to the hash.
func murmurMix(block uint32) uint32 { return bits.RotateLeft32(block*0xcc9e2d51, 15) * 0x1b873593 }

// murmurBlock goes on by a block.
func murmurBlock(h, block uint32) uint32 {
	return bits.RotateLeft32(h^murmurMix(block), 13)*5 + 0xe6546b64
}

// murmurEnd is the hash of n bytes, of which rest are the last, up to three, with zeros behind.
func murmurEnd(h, rest, n uint32) uint32 {
	h ^= murmurMix(rest) ^ n
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// place is the feature of what is hashed, one of 2^bits, and its sign: the rest of the absolute value of the hash as
// an int32, and the sign of that.
func place(b []byte, bits int) (feature int, sign float64) {
	h := int32(murmur3(b))
	if h >= 0 {
		return int(h) & (1<<bits - 1), 1
	}
	return int(-int64(h)) & (1<<bits - 1), -1
}

const (
	// fittingBits is the most that HashBits is where it is to fit.
	fittingBits = 18
	// valueFeatures and textFeatures are how many features it then is for each distinct value, and for what is counted
	// in texts.
	valueFeatures = 16
	textFeatures  = 2
)

// bits is HashBits, or what gives at least so many features for each of n things.
func (o *Options) bits(features, n int64) int {
	if o.HashBits > 0 {
		return o.HashBits
	}
	b := 1
	for b < fittingBits && (n > 1<<fittingBits || features*n > 1<<b) {
		b++
	}
	return b
}

// grams is about how many things are counted in all texts.
func (c *column) grams(o *Options) int64 {
	n := c.wordCount
	if o.Analyzer != Word {
		n = c.bytes
	}
	return n * int64(o.NGrams[1]-o.NGrams[0]+1)
}
