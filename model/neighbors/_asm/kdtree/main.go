// Command kdtree generates the AVX2 kernels of the k-d tree. In model/neighbors:
//
//	go generate
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const lanes = 8

// variant is one kernel: of points or boxes, of float32 or float64, of so many columns or (0) of a multiple of 8, and
// of the squares of differences, their magnitudes, or the greatest of these.
type variant struct {
	what  string
	boxes bool
	bits  int
	dim   int
}

func (v variant) name() string {
	what, dim := "point", "N"
	if v.boxes {
		what = "box"
	}
	if v.dim > 0 {
		dim = fmt.Sprint(v.dim)
	}
	return fmt.Sprintf("%s%s%sFloat%d", what, v.what, dim, v.bits)
}

// column is the number of bytes of one column of a block.
func (v variant) column() int {
	n := lanes * v.bits / 8
	if v.boxes {
		n *= 2
	}
	return n
}

// The names of what kernels make of differences.
const (
	squares   = "Squares"
	manhattan = "Manhattan"
	chebyshev = "Chebyshev"
)

// constants are registers with zeros, and with all bits but the sign's.
type constants struct{ zero, magnitude reg.VecVirtual }

func (v variant) constants() (c constants) {
	if v.boxes {
		c.zero = YMM()
		VXORPD(c.zero, c.zero, c.zero)
	}
	if v.what != squares {
		c.magnitude = YMM()
		VPCMPEQQ(c.magnitude, c.magnitude, c.magnitude)
		VPSRLQ(Imm(1), c.magnitude, c.magnitude)
	}
	return c
}

// combine adds up, or takes the greater.
func (v variant) combine(a, b, to reg.VecVirtual) {
	if v.what == chebyshev {
		VMAXPD(a, b, to)
	} else {
		VADDPD(a, b, to)
	}
}

// term leaves what is made of column j, whose query value and block are at q and m, in the two halves of the lanes.
func (v variant) term(q, m Mem, half int, c constants, to reg.VecVirtual) {
	x := YMM()
	VBROADCASTSD(q, x)
	at := m.Offset(half * 4 * v.bits / 8)
	sub := func(m Mem, to reg.VecVirtual) { // x − m
		if v.bits == 32 {
			VCVTPS2PD(m, to)
			VSUBPD(to, x, to)
		} else {
			VSUBPD(m, x, to)
		}
	}
	sub(at, to)
	if v.boxes {
		// min(x−low, high−x, 0), the latter two as −max(x−high, 0) would be; nothing sees the sign.
		high := YMM()
		at = at.Offset(lanes * v.bits / 8)
		if v.bits == 32 {
			VCVTPS2PD(at, high)
		} else {
			VMOVUPD(at, high)
		}
		VSUBPD(x, high, high)
		VMINPD(high, to, to)
		VMINPD(c.zero, to, to)
	}
	if v.what == squares {
		VMULPD(to, to, to)
	} else {
		VANDPD(c.magnitude, to, to)
	}
}

func main() {
	ConstraintExpr("amd64,!purego")
	for _, what := range []string{squares, manhattan, chebyshev} {
		for _, bits := range []int{32, 64} {
			for _, boxes := range []bool{false, true} {
				for _, dim := range []int{2, 3, 4, 6, 8, 0} {
					variant{what, boxes, bits, dim}.generate()
				}
			}
		}
	}
	Generate()
}

func (v variant) generate() {
	TEXT(v.name(), NOSPLIT, fmt.Sprintf("func(q []float64, block []float%d, ceiling float64, out *[8]float64) uint64",
		v.bits))
	what := "8 points of a leaf"
	if v.boxes {
		what = "8 boxes of a node"
	}
	distances := map[string]string{squares: "squared", manhattan: "Manhattan", chebyshev: "Chebyshev"}[v.what]
	Doc(fmt.Sprintf("%s writes the "+distances+" distances of q to the %s, and returns a bit for each up to ceiling.",
		v.name(), what))
	Pragma("noescape")
	q := Load(Param("q").Base(), GP64())
	block := Load(Param("block").Base(), GP64())
	out := Load(Param("out"), GP64())
	c := v.constants()
	var masks [2]reg.GPVirtual
	for half := range 2 {
		var sum reg.VecVirtual
		if v.dim > 0 {
			sum = v.short(q, block, half, c)
		} else {
			sum = v.long(q, block, half, c)
		}
		VMOVUPD(sum, Mem{Base: out, Disp: half * 32})
		ceiling := YMM()
		at, err := Param("ceiling").Resolve()
		if err != nil {
			panic(err)
		}
		VBROADCASTSD(at.Addr, ceiling)
		VCMPPD(Imm(18), ceiling, sum, ceiling) // sum ≤ ceiling
		masks[half] = GP64()
		VMOVMSKPD(ceiling, masks[half].As32())
	}
	SHLQ(Imm(4), masks[1])
	ORQ(masks[1], masks[0])
	VZEROUPPER()
	Store(masks[0], ReturnIndex(0))
	RET()
}

// sums adds the eight terms up in the order of the reference: ((0+4)+(2+6)) + ((1+5)+(3+7)), without those from n on.
func (v variant) sums(n int, term func(i int) reg.VecVirtual) reg.VecVirtual {
	add := func(f, g func() reg.VecVirtual) func() reg.VecVirtual {
		if f == nil || g == nil {
			if f == nil {
				return g
			}
			return f
		}
		return func() reg.VecVirtual {
			a, b := f(), g()
			v.combine(b, a, a)
			return a
		}
	}
	at := func(i int) func() reg.VecVirtual {
		if i >= n {
			return nil
		}
		return func() reg.VecVirtual { return term(i) }
	}
	return add(add(add(at(0), at(4)), add(at(2), at(6))), add(add(at(1), at(5)), add(at(3), at(7))))()
}

func (v variant) short(q, block reg.Register, half int, c constants) reg.VecVirtual {
	return v.sums(v.dim, func(j int) reg.VecVirtual {
		t := YMM()
		v.term(Mem{Base: q, Disp: 8 * j}, Mem{Base: block, Disp: j * v.column()}, half, c, t)
		return t
	})
}

// long runs over eight columns at a time, with a sum for each.
func (v variant) long(q, block reg.Register, half int, c constants) reg.VecVirtual {
	var sum [8]reg.VecVirtual
	for j := range sum {
		sum[j] = YMM()
		VXORPD(sum[j], sum[j], sum[j])
	}
	x, b := GP64(), GP64()
	MOVQ(q, x)
	MOVQ(block, b)
	n := Load(Param("q").Len(), GP64())
	loop := fmt.Sprintf("loop%d", half)
	Label(loop)
	for j := range sum {
		t := YMM()
		v.term(Mem{Base: x, Disp: 8 * j}, Mem{Base: b, Disp: j * v.column()}, half, c, t)
		v.combine(t, sum[j], sum[j])
	}
	ADDQ(Imm(64), x)
	ADDQ(U32(8*v.column()), b)
	SUBQ(Imm(8), n)
	JNE(LabelRef(loop))
	return v.sums(8, func(j int) reg.VecVirtual { return sum[j] })
}
