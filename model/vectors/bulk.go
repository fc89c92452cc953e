package vectors

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// AppendRows32 adds rows of Dim values, one after the other, numbered from first on. It returns how many it has added,
// and -1; or it stops before the first row with a value that is NaN or ±Inf, and returns the column of that value. As
// Append32, it adds no ids.
func (b *Block) AppendRows32(values []float32, first int64) (rows, column int) {
	rows, column = b.whole(stored(b, values, finite32), len(values))
	values = values[:rows*b.Dim]
	if b.Sparse != nil {
		for i := range rows {
			appendNonzero(b, values[i*b.Dim:(i+1)*b.Dim], first+int64(i))
		}
		return rows, column
	}
	if b.Wide() {
		to := extend(&b.F64, len(values))
		for i, v := range values {
			to[i] = float64(v)
		}
	} else {
		b.F32 = append(b.F32, values...)
	}
	b.number(first, rows)
	return rows, column
}

// AppendRows64 is AppendRows32 for rows of float64. A value beyond float32 stops it too, where DType is Float32.
func (b *Block) AppendRows64(values []float64, first int64) (rows, column int) {
	if b.Sparse != nil {
		for n := len(values) / b.Dim; rows < n; rows++ {
			if column = b.Append(values[rows*b.Dim:(rows+1)*b.Dim], first+int64(rows)); column >= 0 {
				return rows, column
			}
		}
		return rows, -1
	}
	if b.DType == Float32 && !b.Wide() {
		old := len(b.F32)
		to := extend(&b.F32, len(values))
		for i, v := range values {
			to[i] = float32(v) // ±Inf for what is beyond
		}
		rows, column = b.whole(finite32(to), len(values))
		b.F32 = b.F32[:old+rows*b.Dim]
		b.number(first, rows)
		return rows, column
	}
	rows, column = b.whole(stored(b, values, finite64), len(values))
	values = values[:rows*b.Dim]
	if !b.Wide() {
		n := exact32(values)
		if n == len(values) {
			to := extend(&b.F32, n)
			for i, v := range values {
				to[i] = float32(v)
			}
			b.number(first, rows)
			return rows, column
		}
		b.Widen()
	}
	b.F64 = append(b.F64, values...)
	b.number(first, rows)
	return rows, column
}

// stored is the index of the first value that cannot be stored, or the number of values; finite finds the first that is
// NaN or ±Inf.
func stored[T float32 | float64](b *Block, values []T, finite func([]T) int) int {
	n := finite(values)
	for b.Missing && n < len(values) && values[n] != values[n] && n%b.Dim >= b.Known {
		n++
		n += finite(values[n:])
	}
	return n
}

// whole is the number of rows before value n, the first that cannot be stored, and its column; or all, and -1.
func (b *Block) whole(n, all int) (rows, column int) {
	if n == all {
		return all / b.Dim, -1
	}
	return n / b.Dim, n % b.Dim
}

func (b *Block) number(first int64, rows int) {
	to := extend(&b.Numbers, rows)
	for i := range to {
		to[i] = first + int64(i)
	}
}

// extend makes a slice n longer and returns the new part, whose content is undefined.
func extend[T any](s *[]T, n int) []T {
	old := len(*s)
	if cap(*s)-old < n {
		*s = append(*s, make([]T, n)...)
	} else {
		*s = (*s)[:old+n]
	}
	return (*s)[old:]
}

// The searches below look at a run of values without a branch, and at its values only where one of them is found.
const searchRun = 64

// finite32 is the index of the first value that is NaN or ±Inf, or the number of values.
func finite32(values []float32) int {
	// Adding one to the exponent carries into the sign exactly where all bits of the exponent are set.
	// Two values are one word.
	const exponent, one, carry = 0xff<<23 | 0xff<<55, 1<<23 | 1<<55, 1<<31 | 1<<63
	n := 0
	for ; len(values)-n >= searchRun; n += searchRun {
		run := (*[4 * searchRun]byte)(unsafe.Pointer(&values[n]))
		var found, more uint64
		for i := 0; i <= len(run)-16; i += 16 {
			found |= binary.NativeEndian.Uint64(run[i:])&exponent + one
			more |= binary.NativeEndian.Uint64(run[i+8:])&exponent + one
		}
		if (found|more)&carry != 0 {
			break
		}
	}
	for n < len(values) && values[n]-values[n] == 0 {
		n++
	}
	return n
}

// finite64 is finite32 for float64.
func finite64(values []float64) int {
	const exponent, one, carry = 0x7ff << 52, 1 << 52, 1 << 63
	n := 0
	for ; len(values)-n >= searchRun; n += searchRun {
		var found uint64
		for _, v := range values[n : n+searchRun] {
			found |= math.Float64bits(v)&exponent + one
		}
		if found&carry != 0 {
			break
		}
	}
	for n < len(values) && values[n]-values[n] == 0 {
		n++
	}
	return n
}

// exact32 is the index of the first value that float32 does not hold exactly, or the number of values.
func exact32(values []float64) int {
	for n, v := range values {
		if float64(float32(v)) != v {
			return n
		}
	}
	return len(values)
}
