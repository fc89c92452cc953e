// Command screen generates the AVX2 kernels that compare rows in float32. In model/neighbors:
//
//	go generate
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const rows = 4 // at a time

// broadcast fills a register with 32 bits.
func broadcast(bits uint32) reg.VecVirtual {
	r, v := GP32(), YMM()
	MOVL(U32(bits), r)
	VMOVD(r, v.AsX())
	VPBROADCASTD(v.AsX(), v)
	return v
}

func magnitudes() reg.VecVirtual { return broadcast(0x7fffffff) }
func nothing() reg.VecVirtual    { return broadcast(0x26800000) } // 2⁻⁵⁰

// kernel is one whose rows have so many sums. terms adds those of some columns, of which each row is at its address.
func kernel(name, what string, columns, sums int, constants func(), x func(at Mem),
	terms func(y Mem, sums []reg.VecVirtual), finish func(all []reg.VecVirtual) reg.VecVirtual) {
	TEXT(name, NOSPLIT, "func(x, rows *float32, columns, n int, values *float32)")
	Doc(name + " is " + what + ", of a multiple of 16 columns and of 4 rows.")
	query, row := Load(Param("x"), GP64()), Load(Param("rows"), GP64())
	size, n := Load(Param("columns"), GP64()), Load(Param("n"), GP64())
	values := Load(Param("values"), GP64())
	SHLQ(U8(2), size)
	constants()
	triple := GP64()
	LEAQ(Mem{Base: size, Index: size, Scale: 2}, triple)
	var all [rows][]reg.VecVirtual
	for r := range all {
		for range sums {
			all[r] = append(all[r], YMM())
		}
	}
	Label("rows4")
	for _, sums := range all {
		for _, s := range sums {
			VXORPS(s, s, s)
		}
	}
	at, y := GP64(), GP64()
	XORQ(at, at)
	MOVQ(row, y)
	Label("column")
	x(Mem{Base: query, Index: at, Scale: 1})
	for r, sums := range all {
		terms([]Mem{{Base: y}, {Base: y, Index: size, Scale: 1}, {Base: y, Index: size, Scale: 2},
			{Base: y, Index: triple, Scale: 1}}[r], sums)
	}
	ADDQ(U8(4*columns), at)
	ADDQ(U8(4*columns), y)
	CMPQ(at, size)
	JB(LabelRef("column"))
	LEAQ(Mem{Base: row, Index: size, Scale: 4}, row)
	var four []reg.VecVirtual
	for s := range sums {
		a, b := YMM(), YMM()
		add := VHADDPS
		if s == 1 && name == "screenNaNAVX2" {
			add = VPHADDD
		}
		add(all[1][s], all[0][s], a)
		add(all[3][s], all[2][s], b)
		add(b, a, a)
		VEXTRACTF128(U8(1), a, b.AsX())
		if s == 1 && name == "screenNaNAVX2" {
			VPADDD(b.AsX(), a.AsX(), a.AsX())
		} else {
			VADDPS(b.AsX(), a.AsX(), a.AsX())
		}
		four = append(four, a)
	}
	VMOVUPS(finish(four).AsX(), Mem{Base: values})
	ADDQ(U8(16), values)
	SUBQ(U8(rows), n)
	JNE(LabelRef("rows4"))
	VZEROUPPER()
	RET()
}

func canberra() {
	var magnitude, small reg.VecVirtual
	var xs, sums [2]reg.VecVirtual
	kernel("screenCanberraAVX2", "screenCanberra", 16, 1, func() { magnitude, small = magnitudes(), nothing() },
		func(at Mem) {
			for h := range 2 {
				xs[h], sums[h] = YMM(), YMM()
				VMOVUPS(at.Offset(32*h), xs[h])
				VANDPS(magnitude, xs[h], sums[h])
				VADDPS(small, sums[h], sums[h])
			}
		}, func(y Mem, all []reg.VecVirtual) {
			var d, s [2]reg.VecVirtual
			for h := range 2 {
				d[h], s[h] = YMM(), YMM()
				VMOVUPS(y.Offset(32*h), s[h])
				VSUBPS(s[h], xs[h], d[h])
				VANDPS(magnitude, d[h], d[h])
				VANDPS(magnitude, s[h], s[h])
				VADDPS(s[h], sums[h], s[h])
			}
			VMULPS(s[1], d[0], d[0])
			VMULPS(s[0], d[1], d[1])
			VADDPS(d[1], d[0], d[0])
			VMULPS(s[1], s[0], s[0])
			VDIVPS(s[0], d[0], d[0])
			VADDPS(d[0], all[0], all[0])
		}, func(all []reg.VecVirtual) reg.VecVirtual { return all[0] })
}

func brayCurtis() {
	var magnitude, small, x reg.VecVirtual
	kernel("screenBrayCurtisAVX2", "screenBrayCurtis", 8, 2, func() { magnitude, small = magnitudes(), nothing() },
		func(at Mem) {
			x = YMM()
			VMOVUPS(at, x)
		}, func(y Mem, all []reg.VecVirtual) {
			v, d := YMM(), YMM()
			VMOVUPS(y, v)
			VSUBPS(v, x, d)
			VANDPS(magnitude, d, d)
			VADDPS(d, all[0], all[0])
			VADDPS(v, x, v)
			VANDPS(magnitude, v, v)
			VADDPS(v, all[1], all[1])
		}, func(all []reg.VecVirtual) reg.VecVirtual {
			VADDPS(small.AsX(), all[1].AsX(), all[1].AsX())
			VDIVPS(all[1].AsX(), all[0].AsX(), all[0].AsX())
			return all[0]
		})
}

func nan() {
	var x reg.VecVirtual
	kernel("screenNaNAVX2", "screenNaN", 8, 2, func() {}, func(at Mem) {
		x = YMM()
		VMOVUPS(at, x)
	}, func(y Mem, all []reg.VecVirtual) {
		d, both := YMM(), YMM()
		VSUBPS(y, x, d)
		VCMPPS(U8(7), d, d, both) // ordered: neither is NaN
		VMULPS(d, d, d)
		VANDPS(both, d, d)
		VADDPS(d, all[0], all[0])
		VPSUBD(both, all[1], all[1])
	}, func(all []reg.VecVirtual) reg.VecVirtual {
		VCVTDQ2PS(all[1].AsX(), all[1].AsX())
		VDIVPS(all[1].AsX(), all[0].AsX(), all[0].AsX())
		return all[0]
	})
}

func main() {
	ConstraintExpr("!purego")
	canberra()
	brayCurtis()
	nan()
	Generate()
}
