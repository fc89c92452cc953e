package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "beamlearn/model/neighbors/_asm/layout"
)

// groups is tile.Groups, and the numbers of rows and columns of a register of AMX, a tile, whose columns are words.
const (
	groups      = 4
	tileRows    = 16
	tileColumns = 16
)

// Offsets of the fields of tile.Batch.
const (
	batchCount = groups*ArgSize + 8*iota
	batchRows
	batchBlocks
	batchLast
	batchSums
	batchConfig
)

// The registers of a step of AMX: sums of two times three tiles, one of queries and one of points.
const (
	tileQueries = 6
	tilePoints  = 7
)

// vex emits an instruction of AMX, which the assembler does not have: in the map 0F 38, with a prefix (0 is none, 2 is
// F3, 3 is F2), and with one tile as second operand, if it is not 0. Reads are the registers that it needs.
func vex(name string, prefix, second uint32, index, base reg.GPPhysical, code ...byte) {
	first := uint32(0xe2)
	var reads []reg.Register
	if base != nil {
		first = 1<<7 | (^uint32(base.PhysicalIndex())>>3&1)<<5 | 2
		reads = append(reads, base)
		if index != nil {
			first |= (^uint32(index.PhysicalIndex()) >> 3 & 1) << 6
			reads = append(reads, index)
		} else {
			first |= 1 << 6
		}
	}
	var inputs []Op
	for _, r := range reads {
		inputs = append(inputs, r)
	}
	Comment(name)
	for _, b := range append([]byte{0xc4, byte(first), byte((^second&15)<<3 | prefix)}, code...) {
		Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []Op{U8(b)}, Inputs: inputs})
	}
}

// memory are the last bytes of an instruction with the operands of a tile and of memory at base + disp, whose rows are
// as far from each other as stride says.
func memory(opcode byte, tile int, base, stride reg.GPPhysical, disp int) []byte {
	return []byte{opcode, byte(2<<6 | tile<<3 | 4), byte(stride.PhysicalIndex()&7<<3 | base.PhysicalIndex()&7),
		byte(disp), byte(disp >> 8), byte(disp >> 16), byte(disp >> 24)}
}

func tileLoad(tile int, base, stride reg.GPPhysical, disp int) {
	vex("TILELOADD", 3, 0, stride, base, memory(0x4b, tile, base, stride, disp)...)
}

func tileStore(tile int, base, stride reg.GPPhysical, disp int) {
	vex("TILESTORED", 2, 0, stride, base, memory(0x4b, tile, base, stride, disp)...)
}

func tileZero(tile int) { vex("TILEZERO", 3, 0, nil, nil, 0x49, byte(3<<6|tile<<3)) }

// tileProducts adds the products of the tiles of queries and points to a tile.
func tileProducts(tile int) {
	vex("TDPBSSD", 3, tilePoints, nil, nil, 0x5e, byte(3<<6|tile<<3|tileQueries))
}

// tileAMX is the tile of bytes for groups that follow each other. AMX leaves the sums of a panel in memory; what comes
// of them is made while it is busy with the next panel, two groups to each step.
func tileAMX(best bool) {
	name := "bytesAMX"
	if best {
		name = "bytesBestAMX"
		if numbered {
			name = "bytesBestPanelAMX"
		}
	}
	TEXT(name, NOSPLIT, "func(b *byte)")
	if best {
		Doc(name + " raises Best of each group to the scores of the tiles: see Batch.")
	} else {
		Doc(name + " finds the hits of the tiles, after which it leaves Hits of each group: see Batch.")
	}
	Pragma("noescape")
	batch, queries, points := reg.RDI, reg.RSI, reg.RDX
	strideQueries, stridePoints, sums := reg.R8, reg.R9, reg.R10
	Load(Param("b"), batch)
	vex("LDTILECFG", 0, 0, nil, batch, 0x49, byte(2<<6|batch.PhysicalIndex()&7),
		byte(batchConfig&255), byte(batchConfig>>8), 0, 0)
	MOVQ(U32(4*tileColumns), strideQueries)
	MOVQ(U32(stride), stridePoints)
	MOVQ(at(batch, batchSums), sums)
	// Panel is that which AMX is at, done the number of the one before, whose scores are due.
	panel, done, steps, due, own, t := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(at(batch, ArgPanels), panel)
	MOVQ(I32(-1), done)
	XORQ(due, due)

	Label("panel")
	XORQ(steps, steps)
	LEAQ(at(done, 1), t)
	CMPQ(t, at(batch, ArgNPanels))
	JE(LabelRef("step"))
	MOVQ(at(batch, batchBlocks), steps)
	MOVQ(at(batch, batchRows), queries)
	MOVQ(panel, points)
	for i := range 2 * columns / tileColumns {
		tileZero(i)
	}
	Label("step")
	TESTQ(steps, steps)
	JZ(LabelRef("group"))
	MOVQ(at(batch, batchLast), t) // where the last step begins in the panel: it may overlap the one before
	ADDQ(panel, t)
	CMPQ(points, t)
	CMOVQHI(t, points)
	for i := range 2 {
		tileLoad(tileQueries, queries, strideQueries, i*tileRows*4*tileColumns)
		for j := range columns / tileColumns {
			tileLoad(tilePoints, points, stridePoints, 4*tileColumns*j)
			tileProducts(i*columns/tileColumns + j)
		}
	}
	ADDQ(U32(2*tileRows*4*tileColumns), queries)
	ADDQ(U32(tileRows*stride), points)
	DECQ(steps)

	Label("group")
	TESTQ(due, due)
	JZ(LabelRef("stepped"))
	scoresAMX(best, batch, own, done, sums)
	ADDQ(U32(ArgSize), own)
	ADDQ(U32(rows*stride), sums)
	DECQ(due)
	TESTQ(U32(1), due)
	JNZ(LabelRef("group"))
	Label("stepped")
	MOVQ(steps, t)
	ORQ(due, t)
	JNZ(LabelRef("step"))

	INCQ(done)
	CMPQ(done, at(batch, ArgNPanels))
	JE(LabelRef("end"))
	MOVQ(at(batch, batchSums), sums)
	for i := range 2 {
		for j := range columns / tileColumns {
			tileStore(i*columns/tileColumns+j, sums, stridePoints, i*tileRows*stride+4*tileColumns*j)
		}
	}
	MOVQ(at(batch, ArgWords), t)
	IMUL3Q(U32(stride), t, t)
	ADDQ(t, panel)
	MOVQ(batch, own)
	MOVQ(at(batch, batchCount), due)
	JMP(LabelRef("panel"))

	Label("end")
	vex("TILERELEASE", 0, 0, nil, nil, 0x49, 0xc0)
	VZEROUPPER()
	RET()
}

// scoresAMX takes the sums of one group: see tile512.
func scoresAMX(best bool, batch, own, done, sums reg.Register) {
	const vectors = 3
	offset, p := GP64(), GP64()
	IMUL3Q(U32(stride), done, offset)
	list := func(disp int) func(disp int) Mem {
		MOVQ(at(own, disp), p)
		return func(disp int) Mem { return Mem{Base: p, Index: offset, Scale: 1, Disp: disp} }
	}
	var scales, halves, limit [vectors]reg.VecVirtual
	of := list(ArgScales)
	for v := range scales {
		scales[v] = ZMM()
		VMOVUPS(of(64*v), scales[v])
	}
	of = list(ArgHalves)
	for v := range halves {
		halves[v] = ZMM()
		VMOVUPS(of(64*v), halves[v])
	}
	t := ZMM()
	score := func(m, v int) reg.VecVirtual {
		x := ZMM()
		VCVTDQ2PS(at(sums, stride*m+64*v), x)
		VMULPS(scales[v], x, x)
		VFMSUB213PS(halves[v], t, x)
		return x
	}
	if best {
		MOVQ(at(own, ArgBest), p)
		var low, number reg.VecVirtual
		if numbered {
			low, number = ZMM(), ZMM()
			broadcast32(1<<PanelBits-1, low)
			n := GP64()
			MOVQ(done, n)
			ADDQ(at(own, ArgNumber), n)
			VPBROADCASTD(n.As32(), number)
		}
		for m := range rows {
			VBROADCASTSS(at(own, ArgQScales+4*m), t)
			for v := range vectors {
				x := score(m, v)
				if numbered { // score &^ low | number
					VPTERNLOGD(U8(0xba), number, low, x)
				}
				VMAXPS(at(p, stride*m+64*v), x, x)
				VMOVUPS(x, at(p, stride*m+64*v))
			}
		}
		return
	}
	MOVQ(at(own, ArgMargins), p)
	LEAQ(Mem{Base: p, Index: done, Scale: 8}, p)
	limits(own, p)
	of = list(ArgA)
	e, f := ZMM(), ZMM()
	VBROADCASTSS(at(own, ArgQMargin), e)
	VBROADCASTSS(at(own, ArgQMargin+4), f)
	for v := range limit {
		limit[v] = ZMM()
		VMOVUPS(of(64*v), limit[v])
	}
	of = list(ArgB)
	for v := range limit {
		VFMADD231PS(of(64*v), e, limit[v])
	}
	of = list(ArgC)
	for v := range limit {
		VFMADD231PS(of(64*v), f, limit[v])
	}
	hits, mask, any := GP64(), GP64(), GP64()
	MOVQ(at(own, ArgHits), hits)
	XORQ(any, any)
	row, half := ZMM(), ZMM()
	for m := range rows {
		VBROADCASTSS(at(own, ArgQScales+4*m), t)
		VBROADCASTSS(at(own, ArgLimits+4*m), row)
		VBROADCASTSS(at(own, ArgQHalves+4*m), half)
		var k [vectors]reg.OpmaskVirtual
		for v := range vectors {
			x, most := score(m, v), ZMM()
			VMAXPS(row, limit[v], most)
			VADDPS(most, x, x)
			k[v] = K()
			VCMPPS(Imm(notLess), half, x, k[v])
		}
		KUNPCKWD(k[0], k[1], k[1])
		KUNPCKDQ(k[1], k[2], k[2])
		KMOVQ(k[2], mask)
		MOVQ(mask, at(hits, HitMasks+8*m))
		ORQ(mask, any)
	}
	MOVQ(done, at(hits, 0))
	// The next hit takes this one's place if it is none.
	XORQ(mask, mask)
	TESTQ(any, any)
	SETNE(mask.As8())
	LEAQ(Mem{Base: mask, Index: mask, Scale: 8}, mask)
	LEAQ(Mem{Base: hits, Index: mask, Scale: 8}, hits)
	MOVQ(hits, at(own, ArgHits))
}
