package features

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// The words of a text are those of scikit-learn's token_pattern, whatever they are found by, and each run of them has
// the hash of its own text.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "a", "ab", "A b_c Dé 9x", "a1 b2,c3;;d4",
		strings.Repeat("x", 63) + " yz", strings.Repeat("ab ", 43),
		strings.Repeat("long_word", 30), "@AZ[`az{/09:^_", "\x00ab\x1fcd\x7fEF", "naïve Straße",
		"\t one\vtwo \r\n\x0e three\u00a0four five six  ", "a\xffb c\xc3"} {
		f.Add(s)
	}
	var k tokenizer // whose memory goes from text to text
	f.Fuzz(func(t *testing.T, s string) { compareWords(t, &k, s) })
}

func compareWords(t *testing.T, k *tokenizer, s string) {
	t.Helper()
	if got, want := countWords([]byte(s)), len(strings.Fields(s)); got != want {
		t.Fatalf("%q: %d words between spaces, want %d", s, got, want)
	}
	ascii := strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
	if got := k.splitASCII([]byte(s)); got != ascii {
		t.Fatalf("%q: all ASCII %v", s, got)
	}
	if ascii {
		quick := string(k.buffer)
		starts, ends := slices.Clone(k.starts), slices.Clone(k.ends)
		k.split(cases.Lower(language.Und).Bytes([]byte(s)))
		if got := strings.TrimSuffix(quick, " "); got != string(k.buffer) || !slices.Equal(starts, k.starts) ||
			!slices.Equal(ends, k.ends) {
			t.Fatalf("%q: words %q at %v and %v, want %q at %v and %v", s, got, starts, ends, k.buffer, k.starts, k.ends)
		}
	}
	const bits = 20
	o := &Options{NGrams: [2]int{1, 3}}
	k.features([]byte(s), o, bits)
	got := slices.Clone(k.keys)
	var want []uint32
	words := bytes.Fields(k.buffer)
	for n := 1; n <= 3; n++ {
		for i := 0; i+n <= len(words); i++ {
			feature, sign := place(bytes.Join(words[i:i+n], []byte(" ")), bits)
			key := uint32(feature) << 1
			if sign < 0 {
				key++
			}
			want = append(want, key)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%q: keys %v, want %v", s, got, want)
	}
}

// Texts of any length, of all characters of ASCII, go the quick way to the same end.
func TestRandomWords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var k tokenizer
	for range 3000 {
		b := make([]byte, r.IntN(300))
		for i := range b {
			if b[i] = byte(r.IntN(128)); r.IntN(3) > 0 {
				b[i] = "abcXYZ_019"[r.IntN(10)]
			}
		}
		compareWords(t, &k, string(b))
	}
}

// Any number of keys, of any number of bits, is sorted.
func TestSortKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var k tokenizer
	for _, n := range []int{0, 1, 7, 8, 9, 100, 254, 255, 256, 257, 512, 513, 20_000} {
		for _, k.bits = range []int{1, 4, 5, 6, 7, 8, 9, 10, 18, 19, 20, 24} {
			for _, spread := range []bool{true, false} { // over all places, or few
				k.keys = k.keys[:0]
				for range n {
					key := r.Uint32() % (2 << k.bits)
					if !spread {
						key &= 3
					}
					k.keys = append(k.keys, key)
				}
				want := slices.Sorted(slices.Values(k.keys))
				if k.sort(); !slices.Equal(k.keys, want) {
					t.Fatalf("%d keys of %d bits: %v, want %v", n, k.bits, k.keys, want)
				}
			}
		}
	}
}

// By its definition the form NFC is that of package norm, where no more than 30 marks follow each other; and it is the
// same of a text that is in it.
func FuzzCompose(f *testing.F) {
	for _, s := range []string{"", "\u0323\u0327", "e\u0301\u0323 \u0344", "\u1100\u1161\u11a8\uac00\u11a8",
		"\u0958\u2adc\ufb1d", "\u09c7\u09be\u0cc6\u0cc2\u0cd5", "A\u030a\u212b\u2126\U0001d15e",
		"a\u034fe" + strings.Repeat("\u0301\u0323", 20)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "\ufffd")
		got := string(composeByRune(nil, []byte(s)))
		if want := norm.NFC.String(s); strings.Count(want, "\u034f") == strings.Count(s, "\u034f") && got != want {
			t.Fatalf("%+q: %+q, want %+q", s, got, want)
		}
		if again := string(composeByRune(nil, []byte(got))); again != got {
			t.Fatalf("%+q: %+q, and of that %+q", s, got, again)
		}
	})
}
