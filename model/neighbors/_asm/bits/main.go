// Command bits generates the AVX2 kernel that counts bits. In model/neighbors:
//
//	go generate
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// table has the number of bits of each half of a byte, for both lanes.
func table() Mem {
	counts := GLOBL("nibbleBits", RODATA|NOPTR)
	for i := range 32 {
		n := i % 16
		DATA(i, U8(n&1+n>>1&1+n>>2&1+n>>3))
	}
	return counts
}

func main() {
	ConstraintExpr("!purego")
	counts := table()

	TEXT("sharedBitsAVX2", NOSPLIT,
		"func(x, rows *uint64, words, n int, counts *int32, limit int32, both *int32, near *uint8)")
	Doc("sharedBitsAVX2 is sharedBits, of a multiple of 4 words and of 8 rows.")
	x, row := Load(Param("x"), GP64()), Load(Param("rows"), GP64())
	size, n := Load(Param("words"), GP64()), Load(Param("n"), GP64())
	of, both, near := Load(Param("counts"), GP64()), Load(Param("both"), GP64()), Load(Param("near"), GP64())
	SHLQ(U8(3), size)

	bits, low, zero, limit := YMM(), YMM(), YMM(), YMM()
	VMOVDQU(counts, bits)
	half := GP32()
	MOVL(U32(0x0f0f0f0f), half)
	VMOVD(half, low.AsX())
	VPBROADCASTD(low.AsX(), low)
	VPXOR(zero, zero, zero)
	LoadedLimit := Load(Param("limit"), GP32())
	VMOVD(LoadedLimit, limit.AsX())
	VPBROADCASTD(limit.AsX(), limit)

	var sums [8]reg.VecVirtual
	at := GP64()
	// four leaves the sums of four rows, as int64, in one register.
	four := func(first int) reg.VecVirtual {
		for r := range 4 {
			sum, t, high := YMM(), YMM(), YMM()
			sums[first+r] = sum
			VPXOR(sum, sum, sum)
			XORQ(at, at)
			loop := "row" + string(rune('0'+first+r))
			Label(loop)
			VMOVDQU(Mem{Base: x, Index: at, Scale: 1}, t)
			VPAND(Mem{Base: row, Index: at, Scale: 1}, t, t)
			VPSRLW(U8(4), t, high)
			VPAND(low, t, t)
			VPAND(low, high, high)
			VPSHUFB(t, bits, t)
			VPSHUFB(high, bits, high)
			VPADDB(t, high, t)
			VPSADBW(zero, t, t)
			VPADDQ(t, sum, sum)
			ADDQ(U8(32), at)
			CMPQ(at, size)
			JB(LabelRef(loop))
			ADDQ(size, row)
		}
		a, b, c := YMM(), YMM(), YMM()
		add := func(to reg.VecVirtual, s, t reg.VecVirtual) {
			h := YMM()
			VPUNPCKLQDQ(t, s, to)
			VPUNPCKHQDQ(t, s, h)
			VPADDQ(h, to, to)
		}
		add(a, sums[first], sums[first+1])
		add(b, sums[first+2], sums[first+3])
		VPERM2I128(U8(0x20), b, a, c)
		VPERM2I128(U8(0x31), b, a, a)
		VPADDQ(a, c, c)
		return c
	}
	Label("rows8")
	a := four(0)
	b := four(4)
	VSHUFPS(U8(0x88), b, a, a)
	VPERMQ(U8(0xd8), a, a)
	VMOVDQU(a, Mem{Base: both})
	VPADDD(a, a, a)
	differ := YMM()
	VMOVDQU(Mem{Base: of}, differ)
	VPSUBD(a, differ, differ)
	VPCMPGTD(limit, differ, differ)
	mask := GP32()
	VMOVMSKPS(differ, mask)
	NOTL(mask)
	MOVB(mask.As8(), Mem{Base: near})
	ADDQ(U8(32), of)
	ADDQ(U8(32), both)
	INCQ(near)
	SUBQ(U8(8), n)
	JNE(LabelRef("rows8"))
	VZEROUPPER()
	RET()
	Generate()
}
