// Command impute generates the AVX2 kernel of nan_euclidean distances. In model/neighbors/impute:
//
//	go generate
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("!purego")
	TEXT("nanSquaresAVX2", NOSPLIT,
		"func(values *float64, places *int64, n int, block *float64, ceiling float64, out *[8]float64) uint64")
	Doc("nanSquaresAVX2 is nanSquares, of at least one value.")
	value, place := Load(Param("values"), GP64()), Load(Param("places"), GP64())
	n, block := Load(Param("n"), GP64()), Load(Param("block"), GP64())
	out := Load(Param("out"), GP64())
	one := YMM()
	bits := GP64()
	MOVQ(U64(0x3ff0000000000000), bits)
	VMOVQ(bits, one.AsX())
	VPBROADCASTQ(one.AsX(), one)
	sums, counts := [2]Op{YMM(), YMM()}, [2]Op{YMM(), YMM()}
	for h := range 2 {
		VXORPD(sums[h], sums[h], sums[h])
		VXORPD(counts[h], counts[h], counts[h])
	}
	at := GP64()
	Label("column")
	MOVQ(Mem{Base: place}, at)
	x := YMM()
	VBROADCASTSD(Mem{Base: value}, x)
	for h := range 2 {
		d, both := YMM(), YMM()
		VSUBPD(Mem{Base: block, Index: at, Scale: 1, Disp: 32 * h}, x, d)
		VCMPPD(U8(7), d, d, both) // ordered: neither is NaN
		VMULPD(d, d, d)
		VANDPD(both, d, d)
		VADDPD(d, sums[h], sums[h])
		VANDPD(both, one, both)
		VADDPD(both, counts[h], counts[h])
	}
	ADDQ(U8(8), value)
	ADDQ(U8(8), place)
	SUBQ(U8(1), n)
	JNE(LabelRef("column"))

	ceiling := YMM()
	VBROADCASTSD(NewParamAddr("ceiling", 32), ceiling)
	mask := [2]Op{GP32(), GP32()}
	for h := range 2 {
		below := YMM()
		VDIVPD(counts[h], sums[h], sums[h])
		VMOVUPD(sums[h], Mem{Base: out, Disp: 32 * h})
		VCMPPD(U8(17), ceiling, sums[h], below) // less than, ordered and quiet
		VMOVMSKPD(below, mask[h])
	}
	VZEROUPPER()
	SHLL(U8(4), mask[1])
	ORL(mask[0], mask[1])
	all := GP64()
	MOVL(mask[1], all.As32())
	Store(all, ReturnIndex(0))
	RET()
	Generate()
}
