// Package kernel is the arithmetic on rows that models share, in a fixed order of sums.
package kernel

import "math"

// This file is the arithmetic on rows, in plain Go. Faster kernels, see rows.go, give its bits.
//
// A dense sum runs in eight lanes, lane j taking the components j, j+8, j+16, …, as a vector register would, and ends
// in the tree ((l0+l4)+(l2+l6)) + ((l1+l5)+(l3+l7)), which is what halving the register gives. A sparse sum has four
// lanes over its entries. Each product is rounded before it is added: float64(a*b) forbids the compiler to fuse,
// which it does on arm64.

// Column is the column of entry i of Val.
func (x Row) Column(i int) int {
	if x.Idx != nil {
		return int(x.Idx[i])
	}
	return i
}

// Dot is Σxw over the columns of the row.
func (x Row) Dot(w []float64) float64 {
	if x.Idx != nil {
		return dotSparse(x.Idx, x.Val, w)
	}
	return Dot(x.Val, w)
}

// Add is w += s·x.
func (x Row) Add(s float64, w []float64) {
	if x.Idx != nil {
		AddSparse(s, x.Idx, x.Val, w)
		return
	}
	Add(s, x.Val, w)
}

// Dot is Σxw.
func Dot(x, w []float64) float64 {
	if len(x) >= least && level > generic {
		return dotFast(x, w[:len(x)])
	}
	return dot(x, w)
}

func dot[T float32 | float64](x []T, w []float64) float64 {
	var l0, l1, l2, l3, l4, l5, l6, l7 float64
	w = w[:len(x)]
	for len(x) >= 8 {
		a, b := (*[8]T)(x), (*[8]float64)(w)
		l0 += float64(float64(a[0]) * b[0])
		l1 += float64(float64(a[1]) * b[1])
		l2 += float64(float64(a[2]) * b[2])
		l3 += float64(float64(a[3]) * b[3])
		l4 += float64(float64(a[4]) * b[4])
		l5 += float64(float64(a[5]) * b[5])
		l6 += float64(float64(a[6]) * b[6])
		l7 += float64(float64(a[7]) * b[7])
		x, w = x[8:], w[8:]
	}
	if len(x) >= 4 {
		a, b := (*[4]T)(x), (*[4]float64)(w)
		l0 += float64(float64(a[0]) * b[0])
		l1 += float64(float64(a[1]) * b[1])
		l2 += float64(float64(a[2]) * b[2])
		l3 += float64(float64(a[3]) * b[3])
		x, w = x[4:], w[4:]
		switch len(x) {
		case 3:
			l6 += float64(float64(x[2]) * w[2])
			fallthrough
		case 2:
			l5 += float64(float64(x[1]) * w[1])
			fallthrough
		case 1:
			l4 += float64(float64(x[0]) * w[0])
		}
		return ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))
	}
	switch len(x) {
	case 3:
		l2 += float64(float64(x[2]) * w[2])
		fallthrough
	case 2:
		l1 += float64(float64(x[1]) * w[1])
		fallthrough
	case 1:
		l0 += float64(float64(x[0]) * w[0])
	}
	return ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))
}

// Add is w += s·x.
func Add(s float64, x, w []float64) {
	if len(x) >= least && level > generic {
		addFast(s, x, w[:len(x)])
		return
	}
	add(s, x, w)
}

func add[T float32 | float64](s float64, x []T, w []float64) {
	w = w[:len(x)]
	for len(x) >= 4 {
		a, b := (*[4]T)(x), (*[4]float64)(w)
		b[0] += float64(s * float64(a[0]))
		b[1] += float64(s * float64(a[1]))
		b[2] += float64(s * float64(a[2]))
		b[3] += float64(s * float64(a[3]))
		x, w = x[4:], w[4:]
	}
	for j, v := range x {
		w[j] += float64(s * float64(v))
	}
}

func dotSparse(idx []int32, val, w []float64) float64 {
	var l0, l1, l2, l3 float64
	val = val[:len(idx)]
	for len(idx) >= 4 {
		i, v := (*[4]int32)(idx), (*[4]float64)(val)
		l0 += float64(v[0] * w[i[0]])
		l1 += float64(v[1] * w[i[1]])
		l2 += float64(v[2] * w[i[2]])
		l3 += float64(v[3] * w[i[3]])
		idx, val = idx[4:], val[4:]
	}
	for j, i := range idx {
		l0 += float64(val[j] * w[i])
	}
	return (l0 + l2) + (l1 + l3)
}

func AddSparse(s float64, idx []int32, val, w []float64) {
	val = val[:len(idx)]
	for j, i := range idx {
		w[i] += float64(s * val[j])
	}
}

// Most is the largest |x|, of a sparse row.
func (x Row) Most() float64 {
	if x.Idx == nil {
		return 0
	}
	return Largest(x.Val)
}

// Largest is the largest |x|; NaN where one is.
func Largest(x []float64) float64 {
	const sign = 1 << 63
	var m, n uint64 // as integers, they compare alike
	for ; len(x) >= 2; x = x[2:] {
		m = max(m, math.Float64bits(x[0])&^sign)
		n = max(n, math.Float64bits(x[1])&^sign)
	}
	if len(x) > 0 {
		m = max(m, math.Float64bits(x[0])&^sign)
	}
	return math.Float64frombits(max(m, n))
}

// Truncate moves the weights c·v towards zero by the l1 penalty that they have not had yet: u is the penalty due so
// far, q what each weight has had (Tsuruoka, Tsujii and Ananiadou, ACL 2009, section 3.2).
func (x Row) Truncate(u, c float64, v, q []float64) {
	if x.Idx == nil {
		q = q[:len(v)]
		for j, z := range v {
			n := truncated(z, u, q[j], c)
			v[j] = n
			q[j] += float64(c * (n - z))
		}
		return
	}
	for _, j := range x.Idx {
		z := v[j]
		n := truncated(z, u, q[j], c)
		v[j] = n
		q[j] += float64(c * (n - z))
	}
}

func truncated(z, u, q, c float64) float64 {
	switch {
	case z > 0:
		return max(0, z-(u+q)/c)
	case z < 0:
		return min(0, z+(u-q)/c)
	}
	return z
}

func Scale(s float64, w []float64) {
	for j := range w {
		w[j] *= s
	}
}

func Widen(dst []float64, x []float32) {
	dst = dst[:len(x)]
	for len(x) >= 4 {
		a, b := (*[4]float64)(dst), (*[4]float32)(x)
		a[0], a[1], a[2], a[3] = float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])
		dst, x = dst[4:], x[4:]
	}
	for j, v := range x {
		dst[j] = float64(v)
	}
}

// Norms are Σw² and Σ|w| over the columns of the row.
func (x Row) Norms(w []float64) (squares, absolutes float64) {
	if x.Idx == nil {
		for _, v := range w {
			squares += float64(v * v)
			absolutes += max(v, -v)
		}
		return
	}
	for _, j := range x.Idx {
		v := w[j]
		squares += float64(v * v)
		absolutes += max(v, -v)
	}
	return
}

// Row is one row: val in the columns idx, or in all columns where idx is nil.
type Row struct {
	Idx []int32
	Val []float64
}

const Epsilon = 0x1p-52

func Sign(positive bool) float64 {
	if positive {
		return 1
	}
	return -1
}
