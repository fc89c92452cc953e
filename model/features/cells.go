package features

import (
	"math"
	"strconv"
	"unsafe"
)

// class is what a cell of text looks like.
type class uint8

const (
	classEmpty  class = iota
	classMarker       // stands for a missing value, where the column is not one of text
	classNumber
	classBoolean
	classDate
	classText
	classes
)

// isMarker reports whether a text that is not empty stands for a missing value: as pandas has them, and as the UCI
// repository has.
func isMarker(b []byte) bool {
	if len(b) > len("#N/A N/A") {
		return false
	}
	switch string(b) {
	case "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
		"NULL", "NaN", "None", "n/a", "nan", "null", "?":
		return true
	}
	return false
}

// boolean is 0 or 1 of a text that is a truth value.
func boolean(b []byte) (float64, bool) {
	switch string(b) {
	case "True", "TRUE", "true":
		return 1, true
	case "False", "FALSE", "false":
		return 0, true
	}
	return 0, false
}

// trim cuts off the spaces and tabs around a cell.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// powers are the powers of ten that float64 holds exactly.
var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
	1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// number is the decimal number that a trimmed text is from end to end, the nearest float64; ±Inf where it is beyond,
// or is a name of infinity. Short ones are exact by one operation (Clinger, How to read floating point numbers
// accurately, PLDI 1990).
func number(b []byte) (float64, bool) {
	i := 0
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	if i == len(b) || b[i] > '9' && b[i]|0x20 != 'i' {
		return 0, false
	}
	var m uint64
	first, point := i, -1
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			if b[i] != '.' || point >= 0 {
				break
			}
			point = i
			continue
		}
		m = m*10 + uint64(c)
	}
	count, exponent := i-first, 0
	if point >= 0 {
		count--
		exponent = i - point - 1
	}
	if i < len(b) || count == 0 || count > 19 || m>>53 != 0 || exponent > 22 {
		return slowNumber(b, count)
	}
	v := float64(m) / powers[exponent]
	if b[0] == '-' {
		v = -v
	}
	return v, true
}

// slowNumber reads what has an exponent, many digits, or no digit.
func slowNumber(b []byte, digits int) (float64, bool) {
	if digits == 0 {
		return infinity(b)
	}
	for _, c := range b { // strconv takes hexadecimal numbers and underscores, too
		if c-'0' > 9 && c != '+' && c != '-' && c != '.' && c|0x20 != 'e' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
	if err != nil && !math.IsInf(v, 0) || v != v {
		return 0, false
	}
	return v, true
}

func infinity(b []byte) (float64, bool) {
	sign := 1
	if b[0] == '-' || b[0] == '+' {
		sign, b = ','-int(b[0]), b[1:]
	}
	const longest = "infinity"
	if len(b) != len("inf") && len(b) != len(longest) {
		return 0, false
	}
	for i, c := range b {
		if c|0x20 != longest[i] {
			return 0, false
		}
	}
	return math.Inf(sign), true
}

// appendNumber appends a number as a category is named by it: a whole one without a point.
func appendNumber(dst []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.AppendInt(dst, int64(v), 10)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

func formatNumber(v float64) string { return string(appendNumber(nil, v)) }
