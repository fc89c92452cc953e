package features

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// joiner is what package norm puts behind 30 marks in a row, as Unicode's Stream-Safe Text Format has it (UAX #15,
// section 13) and form NFC has not.
var joiner = []byte("\u034f")

// compose appends a text in form NFC.
func compose(to, text []byte) []byte {
	before := len(to)
	if to = norm.NFC.Append(to, text...); bytes.Count(to[before:], joiner) == bytes.Count(text, joiner) {
		return to
	}
	return composeByRune(to[:before], text)
}

// composeByRune is compose by the definition (UAX #15, D117), for any number of marks: characters are decomposed, marks
// ordered by their classes, and each character then composed with the last one before its marks that none between
// blocks.
func composeByRune(to, text []byte) []byte {
	type char struct {
		r     rune
		class uint8
	}
	var all []char
	for len(text) > 0 {
		_, size := utf8.DecodeRune(text)
		one := text[:size]
		if d := norm.NFD.Properties(one).Decomposition(); d != nil {
			one = d
		}
		for _, r := range string(one) {
			all = append(all, char{r, norm.NFD.PropertiesString(string(r)).CCC()})
		}
		text = text[size:]
	}
	for lo := 0; lo < len(all); lo++ {
		hi := lo
		for hi < len(all) && all[hi].class > 0 {
			hi++
		}
		slices.SortStableFunc(all[lo:hi], func(a, b char) int { return int(a.class) - int(b.class) })
		lo = hi
	}
	starter, n := -1, 0 // of those that are left
	for _, c := range all {
		if starter >= 0 && (starter == n-1 || all[n-1].class < c.class) {
			if one := []rune(norm.NFC.String(string(all[starter].r) + string(c.r))); len(one) == 1 {
				all[starter].r = one[0]
				continue
			}
		}
		if c.class == 0 {
			starter = n
		}
		all[n] = c
		n++
	}
	for _, c := range all[:n] {
		to = utf8.AppendRune(to, c.r)
	}
	return to
}
