// Command sparse generates the AVX2 kernel of the inverted index. In model/neighbors/sparse:
//
//	go generate
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets in the arguments: see scan in the package.
const (
	sums = 8 * iota
	thresholds
	dense
	stride
	terms
	count
	least
	most
	chunks
	rows
	found
	norm
)

// lanes are those of a register, and vectors the registers of a chunk.
const lanes, vectors = 8, 8

func main() {
	ConstraintExpr("!purego")
	TEXT("scanAVX2", NOSPLIT, "func(a *byte) int")
	Doc("scanAVX2 is scanGeneric.")
	Pragma("noescape")
	args := Load(Param("a"), GP64())
	load := func(offset int) reg.GPVirtual {
		r := GP64()
		MOVQ(Mem{Base: args, Disp: offset}, r)
		return r
	}
	sum, threshold, matrix, step := load(sums), load(thresholds), load(dense), load(stride)
	tau, heads, left := load(least), load(most), load(chunks)
	row, out := GP64(), GP64()
	XORQ(row, row)
	XORQ(out, out)
	zero, own, bound, limit := YMM(), YMM(), YMM(), YMM()
	VXORPS(zero, zero, zero)
	var acc [vectors]reg.VecVirtual
	for k := range acc {
		acc[k] = YMM()
	}
	at := func(base reg.Register, k int) Mem { return Mem{Base: base, Disp: k * 4 * lanes} }

	Label("chunk")
	VBROADCASTSS(Mem{Base: tau}, limit)
	VBROADCASTSS(Mem{Base: args, Disp: norm}, own)
	VBROADCASTSS(Mem{Base: heads}, bound)
	VMULPS(own, bound, bound)
	any, t, u := YMM(), YMM(), YMM()
	VXORPS(any, any, any)
	for k := range acc {
		VMOVUPS(at(sum, k), acc[k])
		VADDPS(bound, acc[k], t)
		VMINPS(at(threshold, k), limit, u)
		VCMPPS(U8(29), u, t, t) // t ≥ u
		VORPS(t, any, any)
	}
	VTESTPS(any, any)
	JZ(LabelRef("next"))

	term, n := GP64(), GP64()
	MOVQ(Mem{Base: args, Disp: terms}, term)
	MOVQ(Mem{Base: args, Disp: count}, n)
	TESTQ(n, n)
	JZ(LabelRef("added"))
	Label("term")
	value, column := YMM(), GP64()
	VBROADCASTSS(Mem{Base: term}, value)
	MOVLQSX(Mem{Base: term, Disp: 4}, column)
	ADDQ(matrix, column)
	for k := range acc {
		VFMADD231PS(at(column, k), value, acc[k])
	}
	ADDQ(U8(8), term)
	DECQ(n)
	JNZ(LabelRef("term"))
	Label("added")

	hits := GP64()
	for k := range acc {
		VMINPS(at(threshold, k), limit, u)
		VCMPPS(U8(29), u, acc[k], u)
		mask := GP64()
		VMOVMSKPS(u, mask.As32())
		if k == 0 {
			MOVQ(mask, hits)
			continue
		}
		SHLQ(U8(k*lanes), mask)
		ORQ(mask, hits)
	}
	TESTQ(hits, hits)
	JZ(LabelRef("next"))
	for k := range acc {
		VMOVUPS(acc[k], at(sum, k))
	}
	to, values := GP64(), GP64()
	MOVQ(Mem{Base: args, Disp: rows}, to)
	MOVQ(Mem{Base: args, Disp: found}, values)
	Label("hit")
	lane, bits := GP64(), GP32()
	TZCNTQ(hits, lane)
	MOVL(Mem{Base: sum, Index: lane, Scale: 4}, bits)
	MOVL(bits, Mem{Base: values, Index: out, Scale: 4})
	ADDQ(row, lane)
	MOVL(lane.As32(), Mem{Base: to, Index: out, Scale: 4})
	INCQ(out)
	BLSRQ(hits, hits)
	JNZ(LabelRef("hit"))

	Label("next")
	for k := range acc {
		VMOVUPS(zero, at(sum, k))
	}
	ADDQ(U32(4*lanes*vectors), sum)
	ADDQ(U32(4*lanes*vectors), threshold)
	ADDQ(step, matrix)
	ADDQ(U8(4), tau)
	ADDQ(U8(4), heads)
	ADDQ(U8(lanes*vectors), row)
	DECQ(left)
	JNZ(LabelRef("chunk"))
	VZEROUPPER()
	Store(out, ReturnIndex(0))
	RET()
	Generate()
}
