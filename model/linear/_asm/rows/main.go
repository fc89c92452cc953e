// Command rows generates the kernels of dense rows. In model/internal/kernel:
//
//	go generate
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes are the sums of a product of two rows.
const lanes = 8

// level is a set of instructions: its registers have so many values, and hold the sums of four rows and at most so many
// vectors.
type level struct {
	name        string
	width, most int
}

var levels = []level{{"AVX2", 4, 2}, {"AVX512", 8, 5}}

func (l level) reg() reg.VecVirtual {
	if l.width == 8 {
		return ZMM()
	}
	return YMM()
}

// part is a vector of the eight values that a step takes of a row.
func (l level) part(base, index reg.Register, k, bits int) reg.VecVirtual {
	r, m := l.reg(), Mem{Base: base, Index: index, Scale: uint8(bits / 8), Disp: k * l.width * bits / 8}
	if bits == 32 {
		VCVTPS2PD(m, r)
	} else {
		VMOVUPD(m, r)
	}
	return r
}

// parts is how many vectors these are.
func (l level) parts() int { return lanes / l.width }

func main() {
	ConstraintExpr("amd64,!purego")
	for _, l := range levels {
		for _, bits := range []int{32, 64} {
			for _, rows := range []int{1, 4} {
				l.dots(rows, bits)
				l.add(rows, bits, false)
				l.add(rows, bits, true)
			}
		}
	}
	for _, l := range levels {
		for _, bits := range []int{32, 64} {
			for many := 2; many <= l.most; many++ {
				l.dotsOfEach(many, bits)
				l.addToEach(many, bits)
			}
		}
	}
	Generate()
}

func begin(name, arguments string, bits int, doc string) {
	TEXT(name, NOSPLIT, fmt.Sprintf("func(x *float%d, stride int, %s *float64, n int)", bits, arguments))
	Doc(name + " " + doc)
	Pragma("noescape")
}

// places are where so many rows of x begin that are stride values apart.
func places(rows, bits int) (all []reg.Register) { return apart("x", "stride", rows, bits) }

// apart are where so many rows begin.
func apart(of, step string, rows, bits int) (all []reg.Register) {
	x, stride := Load(Param(of), GP64()), Load(Param(step), GP64())
	all = append(all, x)
	for range rows - 1 {
		next := GP64()
		LEAQ(Mem{Base: all[len(all)-1], Index: stride, Scale: uint8(bits / 8)}, next)
		all = append(all, next)
	}
	return all
}

// each calls body for every eight of the n values, by their place.
func each(body func(at reg.Register)) {
	at, n := GP64(), Load(Param("n"), GP64())
	XORQ(at, at)
	Label("eight")
	body(at)
	ADDQ(Imm(lanes), at)
	CMPQ(at, n)
	JL(LabelRef("eight"))
}

// dots sums products of rows and w in eight lanes for each row.
func (l level) dots(rows, bits int) {
	begin(fmt.Sprint("dots", rows, "F", bits, l.name), "w, sums", bits,
		fmt.Sprintf("is sums[8r+j] = Σ x[r·stride+8i+j]·w[8i+j] over i, of %d rows of n values, a multiple of 8.", rows))
	x, w := places(rows, bits), Load(Param("w"), GP64())
	sums := make([][]reg.VecVirtual, rows)
	for r := range sums {
		for range l.parts() {
			v := l.reg()
			VXORPD(v, v, v)
			sums[r] = append(sums[r], v)
		}
	}
	each(func(at reg.Register) {
		for k := range l.parts() {
			of := l.part(w, at, k, 64)
			for r := range sums {
				v := l.part(x[r], at, k, bits)
				VMULPD(of, v, v)
				VADDPD(v, sums[r][k], sums[r][k])
			}
		}
	})
	to := Load(Param("sums"), GP64())
	for r := range sums {
		for k, v := range sums[r] {
			VMOVUPD(v, Mem{Base: to, Disp: 8 * (lanes*r + l.width*k)})
		}
	}
	VZEROUPPER()
	RET()
}

// add adds rows, or the squares of their values, each times a number, to w.
func (l level) add(rows, bits int, squares bool) {
	name, what := "add", "x[r·stride+i]"
	if squares {
		name, what = "squares", "x[r·stride+i]²"
	}
	begin(fmt.Sprint(name, rows, "F", bits, l.name), "s, w", bits,
		fmt.Sprintf("is w[i] += s[r]·%s for each of %d rows by turns, of n values, a multiple of 8.", what, rows))
	x, s, w := places(rows, bits), Load(Param("s"), GP64()), Load(Param("w"), GP64())
	var by []reg.VecVirtual
	for r := range rows {
		v := l.reg()
		VBROADCASTSD(Mem{Base: s, Disp: 8 * r}, v)
		by = append(by, v)
	}
	each(func(at reg.Register) {
		for k := range l.parts() {
			sum := l.part(w, at, k, 64)
			for r := range rows {
				v := l.part(x[r], at, k, bits)
				if squares {
					VMULPD(v, v, v)
				}
				VMULPD(by[r], v, v)
				VADDPD(v, sum, sum)
			}
			VMOVUPD(sum, Mem{Base: w, Index: at, Scale: 8, Disp: 8 * l.width * k})
		}
	})
	VZEROUPPER()
	RET()
}

// dotsOfEach sums products of four rows and many vectors, so that each value of a row is converted once. There are
// registers for the sums of one part of the lanes: each goes over the rows by itself.
func (l level) dotsOfEach(many, bits int) {
	name := fmt.Sprint("dots4Of", many, "F", bits, l.name)
	TEXT(name, NOSPLIT, fmt.Sprintf("func(x *float%d, stride int, w *float64, step int, sums *float64, n int)", bits))
	Doc(fmt.Sprintf("%s is sums[8(%dr+k)+j] = Σ x[r·stride+8i+j]·w[k·step+8i+j] over i, of 4 rows and %d vectors of n "+
		"values, a multiple of 8.", name, many, many))
	Pragma("noescape")
	x, w := places(4, bits), apart("w", "step", many, 64)
	at, n, to := GP64(), Load(Param("n"), GP64()), Load(Param("sums"), GP64())
	for part := range l.parts() {
		var sums [4][]reg.VecVirtual
		for r := range sums {
			for range many {
				v := l.reg()
				VXORPD(v, v, v)
				sums[r] = append(sums[r], v)
			}
		}
		XORQ(at, at)
		loop := fmt.Sprint("part", part)
		Label(loop)
		var values [4]reg.VecVirtual
		for r := range values {
			values[r] = l.part(x[r], at, part, bits)
		}
		for k := range many {
			of := l.part(w[k], at, part, 64)
			for r, v := range values {
				product := l.reg()
				VMULPD(of, v, product)
				VADDPD(product, sums[r][k], sums[r][k])
			}
		}
		ADDQ(Imm(lanes), at)
		CMPQ(at, n)
		JL(LabelRef(loop))
		for r := range sums {
			for k, v := range sums[r] {
				VMOVUPD(v, Mem{Base: to, Disp: 8 * (lanes*(many*r+k) + l.width*part)})
			}
		}
	}
	VZEROUPPER()
	RET()
}

// addToEach adds four rows, each times a number for each of many vectors, to these.
func (l level) addToEach(many, bits int) {
	name := fmt.Sprint("add4To", many, "F", bits, l.name)
	const signature = "func(x *float%d, stride int, s *float64, apart int, w *float64, step int, n int)"
	TEXT(name, NOSPLIT, fmt.Sprintf(signature, bits))
	Doc(fmt.Sprintf("%s is w[k·step+i] += s[k·apart+r]·x[r·stride+i] for each of 4 rows by turns, of %d vectors of n "+
		"values, a multiple of 8.", name, many))
	Pragma("noescape")
	s := apart("s", "apart", many, 64)
	by := make([][4]reg.VecVirtual, many)
	for k := range by {
		for r := range by[k] {
			by[k][r] = l.reg()
			VBROADCASTSD(Mem{Base: s[k], Disp: 8 * r}, by[k][r])
		}
	}
	x, w := places(4, bits), apart("w", "step", many, 64)
	each(func(at reg.Register) {
		for part := range l.parts() {
			var values [4]reg.VecVirtual
			for r := range values {
				values[r] = l.part(x[r], at, part, bits)
			}
			for k := range many {
				sum := l.part(w[k], at, part, 64)
				for r, v := range values {
					product := l.reg()
					VMULPD(by[k][r], v, product)
					VADDPD(product, sum, sum)
				}
				VMOVUPD(sum, Mem{Base: w[k], Index: at, Scale: 8, Disp: 8 * l.width * part})
			}
		}
	})
	VZEROUPPER()
	RET()
}
