// Command tile generates the kernels of the certified filter. In model/neighbors/internal/tile:
//
//	go generate
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "beamlearn/model/neighbors/_asm/layout"
)

const (
	rows    = Rows
	columns = Columns
	stride  = Stride
)

// Predicates of VCMPPS and VCMPPD. What is not a number is not less, and unequal.
const (
	unequal = 4
	notLess = 5
)

// A form is what a tile makes of a row of each side. All but float32s are of int8, four components a word.
type form string

const (
	bytes     form = "bytes" // products
	float32s  form = "float32s"
	manhattan form = "manhattan"
	chebyshev form = "chebyshev"
	hamming   form = "hamming"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for _, best := range []bool{false, true} {
		for _, f := range []form{bytes, float32s, manhattan, chebyshev, hamming} {
			if f != hamming || !best {
				tile512(f, best)
			}
		}
		for _, f := range []form{bytes, float32s, manhattan, chebyshev, hamming} {
			if f != hamming || !best {
				tile256(f, "AVX2", best)
			}
		}
		tile256(bytes, "AVXVNNI", best)
	}
	scored = true
	tile512(bytes, false)
	tile256(bytes, "AVX2", false)
	tile256(bytes, "AVXVNNI", false)
	scored = false
	tileAMX(false)
	tileAMX(true)
	numbered = true
	tile512(bytes, true)
	tile256(bytes, "AVX2", true)
	tile256(bytes, "AVXVNNI", true)
	tileAMX(true)
	numbered = false
	for _, level := range []string{"AVX512", "AVX2"} {
		centre(level)
		round(level)
		missing(level)
		widen(level)
		centre64(level)
		round64(level)
	}
	for _, level := range []string{"AVX512", "AVX2"} {
		screen(level)
		for _, b := range [][2]int{{32, 32}, {64, 32}, {64, 64}} {
			for _, k := range []string{"squares", "scaledSquares", "products", "manhattan", "chebyshev", "hamming"} {
				if k != "scaledSquares" || b[0] == 64 {
					pairs(k, level, b[0], b[1])
				}
			}
		}
	}
	Generate()
}

// scored makes tiles that find hits write their scores too.
var scored bool

// numbered makes tiles that raise scores put the number of the panel into their lowest bits.
var numbered bool

// numberOf is the number of the panel, in all elements of to.
func numberOf(args, left reg.Register, to vector) {
	n := GP64()
	MOVQ(at(args, ArgNPanels), n)
	SUBQ(left, n)
	ADDQ(at(args, ArgNumber), n)
	VMOVD(n.As32(), to.AsX())
	VPBROADCASTD(to.AsX(), to)
}

// begin opens a tile's function.
func begin(f form, level string, best bool) (args, panel, words, left, offset reg.GPVirtual) {
	name := string(f) + level
	if best {
		name = string(f) + "Best" + level
		if numbered {
			name = string(f) + "BestPanel" + level
		}
		TEXT(name, NOSPLIT, "func(a *byte)")
		Doc(name + " raises a.Best to the scores of the tiles: see Tile.")
	} else {
		if scored {
			name = string(f) + "Scored" + level
		}
		TEXT(name, NOSPLIT, "func(a *byte) int")
		Doc(name + " finds the hits of the tiles: see Tile.")
	}
	Pragma("noescape")
	args = Load(Param("a"), GP64()).(reg.GPVirtual)
	panel, words, left, offset = GP64(), GP64(), GP64(), GP64()
	MOVQ(at(args, ArgPanels), panel)
	MOVQ(at(args, ArgNPanels), left)
	XORQ(offset, offset)
	return
}

func at(r reg.Register, disp int) Mem { return Mem{Base: r, Disp: disp} }

func pointer(args reg.Register, disp int) reg.GPVirtual {
	p := GP64()
	MOVQ(at(args, disp), p)
	return p
}

// columnsOf is the list, one a column, that a field of the arguments points to, at the bytes of this panel.
func columnsOf(args, offset reg.Register, disp int) func(disp int) Mem {
	p := pointer(args, disp)
	return func(disp int) Mem { return Mem{Base: p, Index: offset, Scale: 1, Disp: disp} }
}

// limits leaves what each query adds to a score of this panel, a + b·E + c·F, in a.limits.
func limits(args, margins reg.Register) {
	g, e := YMM(), YMM()
	VBROADCASTSS(at(margins, 0), e)
	VMOVUPS(at(args, ArgQA), g)
	VFMADD231PS(at(args, ArgQB), e, g)
	VBROADCASTSS(at(margins, 4), e)
	VFMADD231PS(at(args, ArgQC), e, g)
	VMOVUPS(g, at(args, ArgLimits))
}

type vector interface {
	reg.Register
	reg.Vec
}

// broadcast32 is a register whose 32-bit elements are all v.
func broadcast32(v uint32, to vector) vector {
	c := GP32()
	MOVL(U32(v), c)
	if to.Size() == 64 {
		VPBROADCASTD(c, to)
	} else {
		VMOVD(c, to.AsX())
		VPBROADCASTD(to.AsX(), to)
	}
	return to
}

// broadcast64 is a register whose 64-bit elements are all v.
func broadcast64(v uint64, to vector) vector {
	c := GP64()
	MOVQ(U64(v), c)
	if to.Size() == 64 {
		VPBROADCASTQ(c, to)
	} else {
		VMOVQ(c, to.AsX())
		VPBROADCASTQ(to.AsX(), to)
	}
	return to
}

// highest leaves in each 32-bit element of x, whose bytes are unsigned, the greatest of them.
func highest(x, t, mask vector) {
	VPSRLD(Imm(16), x, t)
	VPMAXUB(t, x, x)
	VPSRLD(Imm(8), x, t)
	VPMAXUB(t, x, x)
	if x.Size() == 64 {
		VPANDD(mask, x, x)
	} else {
		VPAND(mask, x, x)
	}
}

// tile512 is a tile whose 8 × 48 sums stay in 24 registers.
func tile512(f form, best bool) {
	const vectors = 3
	args, panel, words, left, offset := begin(f, "AVX512", best)
	margins := pointer(args, ArgMargins)
	var hits, count reg.GPVirtual
	if !best {
		hits = pointer(args, ArgHits)
		count = GP64()
		XORQ(count, count)
	}
	q := GP64()

	Label("panel")
	if !best {
		limits(args, margins)
	}
	var acc [rows][vectors]reg.VecVirtual
	for m := range acc {
		for v := range acc[m] {
			acc[m][v] = ZMM()
			switch {
			case f != bytes:
				VPXORD(acc[m][v], acc[m][v], acc[m][v])
			case v == 0:
				VPBROADCASTD(at(args, ArgQOffsets+4*m), acc[m][v])
			default:
				VMOVDQA32(acc[m][0], acc[m][v])
			}
		}
	}
	MOVQ(at(args, ArgQueries), q)
	MOVQ(at(args, ArgWords), words)
	var sign, ones vector
	switch f {
	case bytes:
		sign = broadcast32(0x80808080, ZMM())
	case manhattan, hamming:
		ones = broadcast32(0x01010101, ZMM())
	}
	col := [vectors]reg.VecVirtual{ZMM(), ZMM(), ZMM()}
	Label("word")
	for v := range col {
		if f == bytes { // x + 128, as the first factor is unsigned
			VPXORD(at(panel, 64*v), sign, col[v])
		} else {
			VMOVUPS(at(panel, 64*v), col[v])
		}
	}
	x, low, high := ZMM(), ZMM(), ZMM()
	for m := range acc {
		if f == manhattan || f == chebyshev {
			VPBROADCASTD(at(q, 4*m), x)
		}
		for v := range col {
			switch f {
			case bytes:
				VPDPBUSD_BCST(at(q, 4*m), col[v], acc[m][v])
			case float32s:
				VFMADD231PS_BCST(at(q, 4*m), col[v], acc[m][v])
			case hamming: // 1 for each byte that differs
				VPXORD_BCST(at(q, 4*m), col[v], high)
				VPMINUB(ones, high, high)
				VPDPBUSD(ones, high, acc[m][v])
			default:
				VPMAXSB(col[v], x, high)
				VPMINSB(col[v], x, low)
				VPSUBB(low, high, high)
				if f == manhattan {
					VPDPBUSD(ones, high, acc[m][v])
				} else {
					VPMAXUB(high, acc[m][v], acc[m][v])
				}
			}
		}
	}
	ADDQ(Imm(stride), q)
	ADDQ(Imm(stride), panel)
	DECQ(words)
	JNZ(LabelRef("word"))

	if f == chebyshev {
		mask := broadcast32(0xff, ZMM())
		for m := range acc {
			for v := range acc[m] {
				highest(acc[m][v], low, mask)
			}
		}
	}
	t := ZMM()
	halves := columnsOf(args, offset, ArgHalves)
	if f == bytes {
		scales := columnsOf(args, offset, ArgScales)
		for v := range col {
			VMOVUPS(scales(64*v), col[v])
		}
	}
	scale := func(m int) { // of the query
		if f != float32s {
			VBROADCASTSS(at(args, ArgQScales+4*m), t)
		}
	}
	score := func(m, v int) {
		x := acc[m][v]
		if f == float32s {
			VSUBPS(halves(64*v), x, x)
			return
		}
		VCVTDQ2PS(x, x)
		if f == bytes {
			VMULPS(col[v], x, x)
		}
		VFMSUB213PS(halves(64*v), t, x)
	}
	if best {
		p := pointer(args, ArgBest)
		var low, number reg.VecVirtual
		if numbered {
			low, number = ZMM(), ZMM()
			broadcast32(1<<PanelBits-1, low)
			numberOf(args, left, number)
		}
		for m := range acc {
			scale(m)
			for v := range acc[m] {
				score(m, v)
				if numbered { // score &^ low | number
					VPTERNLOGD(U8(0xba), number, low, acc[m][v])
				}
				VMAXPS(at(p, 4*columns*m+64*v), acc[m][v], acc[m][v])
				VMOVUPS(acc[m][v], at(p, 4*columns*m+64*v))
			}
		}
	} else {
		// What each column adds.
		limit := [vectors]reg.VecVirtual{ZMM(), ZMM(), ZMM()}
		a, b, c := columnsOf(args, offset, ArgA), columnsOf(args, offset, ArgB), columnsOf(args, offset, ArgC)
		VBROADCASTSS(at(args, ArgQMargin), t)
		for v := range limit {
			VMOVUPS(a(64*v), limit[v])
			VFMADD231PS(b(64*v), t, limit[v])
		}
		VBROADCASTSS(at(args, ArgQMargin+4), t)
		for v := range limit {
			VFMADD231PS(c(64*v), t, limit[v])
		}
		any, k := K(), K()
		KXORW(any, any, any)
		var scores reg.GPVirtual
		if scored {
			scores = pointer(args, ArgBest)
		}
		for m := range acc {
			scale(m)
			for v := range acc[m] {
				score(m, v)
				if scored {
					VMOVUPS(acc[m][v], at(scores, 4*columns*m+64*v))
				}
				VMAXPS_BCST(at(args, ArgLimits+4*m), limit[v], x)
				VADDPS(x, acc[m][v], acc[m][v])
				VCMPPS_BCST(Imm(notLess), at(args, ArgQHalves+4*m), acc[m][v], k)
				KORW(k, any, any)
			}
		}
		KTESTW(any, any)
		JZ(LabelRef("next"))
		n := GP64()
		MOVQ(at(args, ArgNPanels), n)
		SUBQ(left, n)
		MOVQ(n, at(hits, 0))
		mask, part := GP64(), GP64()
		for m := range acc {
			for v := range acc[m] {
				VCMPPS_BCST(Imm(notLess), at(args, ArgQHalves+4*m), acc[m][v], k)
				if v == 0 {
					KMOVW(k, mask.As32())
					continue
				}
				KMOVW(k, part.As32())
				SHLQ(Imm(uint64(16*v)), part)
				ORQ(part, mask)
			}
			MOVQ(mask, at(hits, HitMasks+8*m))
		}
		if scored {
			ADDQ(U32(4*rows*columns), at(args, ArgBest))
		}
		ADDQ(Imm(HitSize), hits)
		INCQ(count)
		Label("next")
	}
	ADDQ(Imm(stride), offset)
	ADDQ(Imm(8), margins)
	DECQ(left)
	JNZ(LabelRef("panel"))
	VZEROUPPER()
	if !best {
		Store(count, ReturnIndex(0))
	}
	RET()
}

// vpdpbusd adds to each element of acc the four products of signed and unsigned bytes, in its VEX encoding (AVX-VNNI),
// which the assembler does not have: it would choose EVEX.
func vpdpbusd(signed, unsigned, acc reg.VecPhysical) {
	r, v, b := uint32(acc.PhysicalIndex()), uint32(unsigned.PhysicalIndex()), uint32(signed.PhysicalIndex())
	code := [4]uint32{
		0xc4,
		(^r>>3&1)<<7 | 1<<6 | (^b>>3&1)<<5 | 2, // R, X and B inverted; the map 0F 38
		(^v&15)<<3 | 1<<2 | 1,                  // W0; the second operand inverted; 256 bits; the prefix 66
		0x50,
	}
	Commentf("VPDPBUSD %s, %s, %s", signed.Asm(), unsigned.Asm(), acc.Asm())
	emit := func(width string, c Op) { Instruction(&ir.Instruction{Opcode: width, Operands: []Op{c}}) }
	emit("LONG", U32(code[0]|code[1]<<8|code[2]<<16|code[3]<<24))
	emit("BYTE", U8(3<<6|(r&7)<<3|b&7))
}

// tile256 is a tile in parts of 4 × 24, or of 4 × 16 where a term takes more registers.
func tile256(f form, level string, best bool) {
	const high = 4
	vnni := level == "AVXVNNI"
	vectors := 2
	if vnni || f == float32s {
		vectors = 3
	}
	args, panel, words, left, offset := begin(f, level, best)
	margins := pointer(args, ArgMargins)
	var hits, count reg.GPVirtual
	if !best {
		hits = pointer(args, ArgHits)
		count = GP64()
		XORQ(count, count)
	}
	q, p, any := GP64(), GP64(), GP64()
	// The fields of the arguments, the masks and the best scores of these four rows.
	own, to := GP64(), GP64()
	Label("panel")
	MOVQ(args, own)
	if best {
		MOVQ(at(args, ArgBest), to)
	} else {
		MOVQ(hits, to)
		limits(args, margins)
		XORQ(any, any)
	}
	Label("rows")
	// The registers are fixed, as vpdpbusd must know them.
	var registers = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
	vec := func() reg.VecPhysical {
		r := registers[0]
		registers = registers[1:]
		return r
	}
	acc := make([][]reg.VecPhysical, high)
	for m := range acc {
		for range vectors {
			acc[m] = append(acc[m], vec())
		}
	}
	col := make([]reg.VecPhysical, vectors)
	for v := range col {
		col[v] = vec()
	}
	t := vec()
	// Scratch, what bytes are multiplied by (1, or the query's magnitudes), and 1 in 16 bits.
	var a, b, factor, ones reg.VecPhysical
	if vectors == 2 {
		a, b, factor, ones = vec(), vec(), vec(), vec()
	}
	for column := 0; column < columns; column += 8 * vectors {
		word := fmt.Sprintf("word%d", column)
		for m := range acc {
			for v := range acc[m] {
				if vnni {
					VPBROADCASTD(at(own, ArgQOffsets+4*m), acc[m][v])
				} else {
					VXORPS(acc[m][v], acc[m][v], acc[m][v])
				}
			}
		}
		if f == manhattan || f == hamming {
			broadcast32(0x01010101, factor)
		}
		if vectors == 2 && f != chebyshev {
			broadcast32(0x00010001, ones)
		}
		MOVQ(at(args, ArgQueries), q)
		SUBQ(args, q)
		ADDQ(own, q)
		MOVQ(panel, p)
		MOVQ(at(args, ArgWords), words)
		Label(word)
		for v := range col {
			VMOVUPS(at(p, 4*column+32*v), col[v])
			if vnni { // x + 128, as the first factor is unsigned
				VPXOR(signs256(), col[v], col[v])
			}
		}
		for m := range acc {
			VBROADCASTSS(at(q, 4*m), t)
			if f == bytes && !vnni {
				VPABSB(t, factor)
			}
			for v := range col {
				switch f {
				case bytes:
					if vnni {
						vpdpbusd(t, col[v], acc[m][v])
						continue
					}
					VPSIGNB(t, col[v], a) // two products of at most 127² do not saturate
					VPMADDUBSW(a, factor, a)
				case float32s:
					VFMADD231PS(col[v], t, acc[m][v])
					continue
				case hamming: // 1 for each byte that differs
					VPXOR(t, col[v], a)
					VPMINUB(factor, a, a)
				default:
					VPMAXSB(t, col[v], a)
					VPMINSB(t, col[v], b)
					VPSUBB(b, a, a)
				}
				if f == chebyshev {
					VPMAXUB(a, acc[m][v], acc[m][v])
					continue
				}
				if f != bytes {
					VPMADDUBSW(factor, a, a)
				}
				VPMADDWD(ones, a, a)
				VPADDD(a, acc[m][v], acc[m][v])
			}
		}
		ADDQ(Imm(stride), q)
		ADDQ(Imm(stride), p)
		DECQ(words)
		JNZ(LabelRef(word))

		if f == chebyshev {
			broadcast32(0xff, t)
			for m := range acc {
				for v := range acc[m] {
					highest(acc[m][v], a, t)
				}
			}
		}
		halves, scales := columnsOf(args, offset, ArgHalves), columnsOf(args, offset, ArgScales)
		for m := range acc {
			if f != float32s {
				VBROADCASTSS(at(own, ArgQScales+4*m), t)
			}
			for v, x := range acc[m] {
				if f == float32s {
					VSUBPS(halves(4*column+32*v), x, x)
					continue
				}
				VCVTDQ2PS(x, x)
				if f == bytes {
					VMULPS(scales(4*column+32*v), x, x)
				}
				VFMSUB213PS(halves(4*column+32*v), t, x)
			}
		}
		if best {
			low, number := col[0], col[1]
			if numbered {
				broadcast32(1<<PanelBits-1, low)
				numberOf(args, left, number)
			}
			for m := range acc {
				for v := range acc[m] {
					if numbered {
						VPANDN(acc[m][v], low, acc[m][v])
						VPOR(number, acc[m][v], acc[m][v])
					}
					VMAXPS(at(to, 4*columns*m+4*column+32*v), acc[m][v], acc[m][v])
					VMOVUPS(acc[m][v], at(to, 4*columns*m+4*column+32*v))
				}
			}
			continue
		}
		limit := col
		la, lb, lc := columnsOf(args, offset, ArgA), columnsOf(args, offset, ArgB), columnsOf(args, offset, ArgC)
		VBROADCASTSS(at(args, ArgQMargin), t)
		for v := range limit {
			VMOVUPS(la(4*column+32*v), limit[v])
			VFMADD231PS(lb(4*column+32*v), t, limit[v])
		}
		VBROADCASTSS(at(args, ArgQMargin+4), t)
		for v := range limit {
			VFMADD231PS(lc(4*column+32*v), t, limit[v])
		}
		bits, more := GP64(), GP64()
		if scored { // own is args, or four rows on
			MOVQ(own, more)
			SUBQ(args, more)
			IMUL3Q(Imm(columns), more, more)
			ADDQ(at(args, ArgBest), more)
			for m := range acc {
				for v := range acc[m] {
					VMOVUPS(acc[m][v], at(more, 4*columns*m+4*column+32*v))
				}
			}
		}
		for m := range acc {
			for v := range acc[m] {
				VBROADCASTSS(at(own, ArgLimits+4*m), t)
				VMAXPS(t, limit[v], t)
				VADDPS(t, acc[m][v], acc[m][v])
				VBROADCASTSS(at(own, ArgQHalves+4*m), t)
				VCMPPS(Imm(notLess), t, acc[m][v], t)
				if v == 0 {
					VMOVMSKPS(t, bits.As32())
					continue
				}
				VMOVMSKPS(t, more.As32())
				SHLQ(Imm(uint64(8*v)), more)
				ORQ(more, bits)
			}
			ORQ(bits, any)
			if column == 0 {
				MOVQ(bits, at(to, HitMasks+8*m))
			} else {
				SHLQ(Imm(uint64(column)), bits)
				ORQ(bits, at(to, HitMasks+8*m))
			}
		}
	}
	ADDQ(Imm(4*high), own)
	if best {
		ADDQ(U32(4*columns*high), to)
	} else {
		ADDQ(Imm(8*high), to)
	}
	LEAQ(at(args, 4*rows), q)
	CMPQ(own, q)
	JNE(LabelRef("rows"))
	MOVQ(p, panel)
	if !best {
		TESTQ(any, any)
		JZ(LabelRef("next"))
		n := GP64()
		MOVQ(at(args, ArgNPanels), n)
		SUBQ(left, n)
		MOVQ(n, at(hits, 0))
		if scored {
			ADDQ(U32(4*rows*columns), at(args, ArgBest))
		}
		ADDQ(Imm(HitSize), hits)
		INCQ(count)
		Label("next")
	}
	ADDQ(Imm(stride), offset)
	ADDQ(Imm(8), margins)
	DECQ(left)
	JNZ(LabelRef("panel"))
	VZEROUPPER()
	if !best {
		Store(count, ReturnIndex(0))
	}
	RET()
}

// pairs is a float64 kernel over a list of (query, point) pairs, four at a time. Its sums have the order of the
// reference: eight lanes, products rounded before they are added, and the tree that halving a register gives. A maximum
// keeps what it has where the other is not a number, as the reference does.
func pairs(kind, level string, xBits, bits int) {
	const at4 = 4
	wide := level == "AVX512"
	scaled := kind == "scaledSquares"
	name := fmt.Sprintf("%s%dx%d%s", kind, xBits, bits, level)
	TEXT(name, NOSPLIT, fmt.Sprintf(
		"func(x []float%d, y []float%d, dim int, scales []float64, pairs []uint64, out []float64)", xBits, bits))
	Doc(name + " computes a reduced value for each pair: see Kernels.")
	Pragma("noescape")
	list := Load(Param("pairs").Base(), GP64())
	left := Load(Param("pairs").Len(), GP64())
	out := Load(Param("out").Base(), GP64())
	body := GP64() // components in whole steps of eight
	Load(Param("dim"), body)
	ANDQ(I8(-8), body)
	size := bits / 8
	halves := 2
	vec := func() reg.VecVirtual { return YMM() }
	if wide {
		halves, vec = 1, func() reg.VecVirtual { return ZMM() }
	}
	step := 64 / halves // bytes of x in a register
	var mask vector
	switch kind {
	case "manhattan", "chebyshev":
		mask = broadcast64(math.MaxInt64, vec()) // all but the sign
	case "hamming":
		mask = broadcast64(math.Float64bits(1), vec())
	}

	// The tail's mask.
	var tail reg.Register
	tailMasks := map[int][]reg.VecVirtual{} // by the size of the elements
	rest := GP64()
	Load(Param("dim"), rest)
	SUBQ(body, rest)
	if wide {
		k := K()
		bits := GP64()
		MOVQ(U64(0xff), bits)
		BZHIQ(rest, bits, bits)
		KMOVW(bits.As32(), k)
		tail = k
	} else {
		table := GP64()
		NEGQ(rest)
		if xBits == 32 || bits == 32 {
			LEAQ(tailTable32(), table)
			m := YMM()
			VMOVDQU(Mem{Base: table, Index: rest, Scale: 4, Disp: 32}, m)
			tailMasks[32] = []reg.VecVirtual{m}
		}
		if xBits == 64 || bits == 64 {
			LEAQ(tailTable64(), table)
			for h := range halves {
				m := YMM()
				VMOVDQU(Mem{Base: table, Index: rest, Scale: 8, Disp: 64 + 32*h}, m)
				tailMasks[64] = append(tailMasks[64], m)
			}
		}
	}

	group, count := at4, "group"
	if !wide {
		group = 2
	}
	xs, ys := make([]reg.GPVirtual, group), make([]reg.GPVirtual, group)
	for i := range xs {
		xs[i], ys[i] = GP64(), GP64()
	}
	acc := make([][]reg.VecVirtual, group)
	scale := make([]reg.VecVirtual, group)
	i, word := GP64(), GP64()
	next := nextRows(group)

	Label(count)
	for p := range group {
		// x + query·dim, y + point·dim
		MOVLQSX(at(list, 8*p), xs[p])
		Load(Param("dim"), word)
		IMULQ(word, xs[p])
		Load(Param("x").Base(), word)
		LEAQ(Mem{Base: word, Index: xs[p], Scale: uint8(xBits / 8)}, xs[p])
		MOVLQSX(at(list, 8*p+4), ys[p])
		if scaled {
			Load(Param("scales").Base(), word)
			scale[p] = vec()
			VBROADCASTSD(Mem{Base: word, Index: ys[p], Scale: 8}, scale[p])
		}
		Load(Param("dim"), word)
		IMULQ(word, ys[p])
		Load(Param("y").Base(), word)
		LEAQ(Mem{Base: word, Index: ys[p], Scale: uint8(size)}, ys[p])
		acc[p] = make([]reg.VecVirtual, halves)
		for h := range acc[p] {
			acc[p][h] = vec()
			if wide {
				VPXORQ(acc[p][h], acc[p][h], acc[p][h])
			} else {
				VXORPD(acc[p][h], acc[p][h], acc[p][h])
			}
		}
	}
	// load reads half h of eight values as float64, masked in the tail.
	load := func(base reg.Register, bits, h int, masked bool) reg.VecVirtual {
		d := vec()
		m := Mem{Base: base, Index: i, Scale: uint8(bits / 8), Disp: step * h * bits / 64}
		switch {
		case !masked && bits == 32:
			VCVTPS2PD(m, d)
		case !masked:
			VMOVUPD(m, d)
		case wide && bits == 32:
			VCVTPS2PD_Z(m, tail, d)
		case wide:
			VMOVUPD_Z(m, tail, d)
		case bits == 32:
			m.Disp = 0
			VMASKMOVPS(m, tailMasks[32][0], d)
			if h > 0 {
				VEXTRACTF128(Imm(1), d, d.AsX())
			}
			VCVTPS2PD(d.AsX(), d)
		default:
			VMASKMOVPD(m, tailMasks[64][h], d)
		}
		return d
	}
	term := func(p, h int, masked bool) {
		d := load(ys[p], bits, h, masked)
		var x Op = Mem{Base: xs[p], Index: i, Scale: 8, Disp: step * h}
		if masked || xBits == 32 {
			x = load(xs[p], xBits, h, masked)
		}
		if scaled {
			VMULPD(scale[p], d, d)
		}
		sum := acc[p][h]
		switch kind {
		case "products":
			VMULPD(x, d, d)
		case "squares", "scaledSquares":
			VSUBPD(x, d, d) // y − x, whose square is that of x − y
			VMULPD(d, d, d)
		case "manhattan":
			VSUBPD(x, d, d)
			VANDPD(mask, d, d)
		case "chebyshev":
			VSUBPD(x, d, d)
			VANDPD(mask, d, d)
			VMAXPD(sum, d, sum)
			return
		case "hamming":
			if wide {
				k := K()
				VCMPPD(Imm(unequal), x, d, k)
				VADDPD(mask, sum, k, sum)
				return
			}
			VCMPPD(Imm(unequal), x, d, d)
			VANDPD(mask, d, d)
		}
		VADDPD(d, sum, sum)
	}
	next.find(list, left, i, word, size)
	XORQ(i, i)
	CMPQ(body, Imm(0))
	JE(LabelRef("tail"))
	Label("step")
	for p := range group {
		for h := range halves {
			term(p, h, false)
		}
		next.fetch(p, i, word, size)
	}
	ADDQ(Imm(8), i)
	CMPQ(i, body)
	JNE(LabelRef("step"))
	Label("tail")
	Load(Param("dim"), word)
	CMPQ(body, word)
	JE(LabelRef("sum"))
	for p := range group {
		for h := range halves {
			term(p, h, true)
		}
	}
	Label("sum")
	add, addOne := VADDPD, VADDSD
	if kind == "chebyshev" {
		add, addOne = VMAXPD, VMAXSD
	}
	for p := range group {
		low, lowest := acc[p][0].AsY(), acc[p][0].AsX()
		t := YMM()
		if wide {
			VEXTRACTF64X4(Imm(1), acc[p][0], t)
			add(t, low, low)
		} else {
			add(acc[p][1], low, low)
		}
		VEXTRACTF128(Imm(1), low, t.AsX())
		add(t.AsX(), lowest, lowest)
		VPERMILPD(Imm(1), lowest, t.AsX())
		addOne(t.AsX(), lowest, lowest)
		VMOVSD(lowest, at(out, 8*p))
	}
	ADDQ(Imm(uint64(8*group)), list)
	ADDQ(Imm(uint64(8*group)), out)
	SUBQ(Imm(uint64(group)), left)
	JG(LabelRef(count))
	VZEROUPPER()
	RET()
}

// rowsToCome are the addresses of the rows of y of the pairs to come, which may be far away: they are fetched
// meanwhile.
type rowsToCome struct {
	addresses Mem
	group     int
}

func nextRows(group int) rowsToCome { return rowsToCome{AllocLocal(8 * group), group} }

// find finds those of the group after the one that the list begins with. After the last there are no others: its own
// rows are fetched again. The values have so many bytes; a and b are free.
func (n rowsToCome) find(list, left reg.Register, a, b reg.GPVirtual, size int) {
	ahead := GP64()
	LEAQ(at(list, 8*n.group), ahead)
	CMPQ(left, Imm(uint64(n.group)))
	CMOVQLE(list, ahead)
	for p := range n.group {
		MOVLQSX(at(ahead, 8*p+4), a)
		Load(Param("dim"), b)
		IMULQ(b, a)
		Load(Param("y").Base(), b)
		LEAQ(Mem{Base: b, Index: a, Scale: uint8(size)}, a)
		MOVQ(a, n.addresses.Offset(8*p))
	}
}

// fetch fetches the values from number i on of row p. The other register is free.
func (n rowsToCome) fetch(p int, i, free reg.GPVirtual, size int) {
	MOVQ(n.addresses.Offset(8*p), free)
	PREFETCHT0(Mem{Base: free, Index: i, Scale: uint8(size)})
}

// screen is squares in float32, fused, in whatever order is fastest, over a list of pairs, four at a time.
func screen(level string) {
	const group = 4
	name := "screen" + level
	TEXT(name, NOSPLIT, "func(x []float32, y []float32, dim int, pairs []uint64, out []float32)")
	Doc(name + " computes squared distances in float32: see Kernels.")
	Pragma("noescape")
	wide := level == "AVX512"
	lanes, vec := 8, func() reg.VecVirtual { return YMM() }
	if wide {
		lanes, vec = 16, func() reg.VecVirtual { return ZMM() }
	}
	list := Load(Param("pairs").Base(), GP64())
	left := Load(Param("pairs").Len(), GP64())
	out := Load(Param("out").Base(), GP64())
	body := GP64() // components in whole registers
	Load(Param("dim"), body)
	ANDQ(I8(-lanes), body)
	rest := GP64()
	Load(Param("dim"), rest)
	SUBQ(body, rest)
	var tail reg.Register
	tailMask := YMM()
	if wide {
		bits := GP64()
		tail = K()
		MOVQ(U64(0xffff), bits)
		BZHIQ(rest, bits, bits)
		KMOVW(bits.As32(), tail)
	} else {
		table := GP64()
		LEAQ(tailTable32(), table)
		NEGQ(rest)
		VMOVDQU(Mem{Base: table, Index: rest, Scale: 4, Disp: 32}, tailMask)
	}
	i, word := GP64(), GP64()
	next := nextRows(group)
	Label("group")
	var xs, ys [group]reg.GPVirtual
	var acc [group]reg.VecVirtual
	for p := range group {
		xs[p], ys[p] = GP64(), GP64()
		MOVLQSX(at(list, 8*p), xs[p])
		MOVLQSX(at(list, 8*p+4), ys[p])
		Load(Param("dim"), word)
		IMULQ(word, xs[p])
		IMULQ(word, ys[p])
		Load(Param("x").Base(), word)
		LEAQ(Mem{Base: word, Index: xs[p], Scale: 4}, xs[p])
		Load(Param("y").Base(), word)
		LEAQ(Mem{Base: word, Index: ys[p], Scale: 4}, ys[p])
		acc[p] = vec()
		if wide {
			VPXORD(acc[p], acc[p], acc[p])
		} else {
			VXORPS(acc[p], acc[p], acc[p])
		}
	}
	next.find(list, left, i, word, 4)
	XORQ(i, i)
	CMPQ(body, Imm(0))
	JE(LabelRef("tail"))
	Label("step")
	for p := range group {
		d := vec()
		VMOVUPS(Mem{Base: xs[p], Index: i, Scale: 4}, d)
		VSUBPS(Mem{Base: ys[p], Index: i, Scale: 4}, d, d)
		VFMADD231PS(d, d, acc[p])
		next.fetch(p, i, word, 4)
	}
	ADDQ(Imm(uint64(lanes)), i)
	CMPQ(i, body)
	JNE(LabelRef("step"))
	Label("tail")
	for p := range group {
		x, y := Mem{Base: xs[p], Index: i, Scale: 4}, Mem{Base: ys[p], Index: i, Scale: 4}
		d, e := vec(), vec()
		if wide {
			VMOVUPS_Z(x, tail, d)
			VMOVUPS_Z(y, tail, e)
		} else {
			VMASKMOVPS(x, tailMask, d)
			VMASKMOVPS(y, tailMask, e)
		}
		VSUBPS(e, d, d)
		VFMADD231PS(d, d, acc[p])
	}
	for p := range group {
		low, lowest := acc[p].AsY(), acc[p].AsX()
		t := YMM()
		if wide {
			VEXTRACTF64X4(Imm(1), acc[p], t)
			VADDPS(t, low, low)
		}
		VEXTRACTF128(Imm(1), low, t.AsX())
		VADDPS(t.AsX(), lowest, lowest)
		VPERMILPS(Imm(0x4e), lowest, t.AsX())
		VADDPS(t.AsX(), lowest, lowest)
		VPERMILPS(Imm(0xb1), lowest, t.AsX())
		VADDSS(t.AsX(), lowest, lowest)
		VMOVSS(lowest, at(out, 4*p))
	}
	ADDQ(Imm(8*group), list)
	ADDQ(Imm(4*group), out)
	SUBQ(Imm(group), left)
	JG(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// centre is y = x·factor − centre, and the greatest magnitude in it, as bits.
func centre(level string) {
	name := "centre" + level
	TEXT(name, NOSPLIT, "func(x []float32, centre []float32, factor float32, y []float32, next *float32) uint32")
	Doc(name + " subtracts a centre: see Kernels.")
	Pragma("noescape")
	wide := level == "AVX512"
	lanes, vec := 8, func() reg.VecVirtual { return YMM() }
	if wide {
		lanes, vec = 16, func() reg.VecVirtual { return ZMM() }
	}
	x, c, y := Load(Param("x").Base(), GP64()), Load(Param("centre").Base(), GP64()), Load(Param("y").Base(), GP64())
	next := Load(Param("next"), GP64())
	body, rest, i := GP64(), GP64(), GP64()
	Load(Param("x").Len(), body)
	MOVQ(body, rest)
	ANDQ(I8(-lanes), body)
	SUBQ(body, rest)
	f, most := vec(), vec()
	factor, _ := Param("factor").Resolve()
	VBROADCASTSS(factor.Addr, f)
	magnitude := broadcast32(0x7fffffff, vec())
	VXORPS(most.AsX(), most.AsX(), most.AsX()) // and all above
	if !wide {                                 // the last eight of sixteen, which may have no component
		end := GP64()
		Load(Param("x").Len(), end)
		ADDQ(Imm(15), end)
		ANDQ(I8(-16), end)
		VMOVUPS(most, Mem{Base: y, Index: end, Scale: 4, Disp: -32})
	}
	XORQ(i, i)
	step := func(v, w reg.VecVirtual) {
		VMULPS(f, v, v)
		VSUBPS(w, v, v)
		VMOVUPS(v, Mem{Base: y, Index: i, Scale: 4})
		if wide {
			VPANDD(magnitude, v, v)
		} else {
			VPAND(magnitude, v, v)
		}
		VPMAXUD(v, most, most)
	}
	CMPQ(body, Imm(0))
	JE(LabelRef("tail"))
	Label("step")
	v, w := vec(), vec()
	PREFETCHT0(Mem{Base: next, Index: i, Scale: 4})
	VMOVUPS(Mem{Base: x, Index: i, Scale: 4}, v)
	VMOVUPS(Mem{Base: c, Index: i, Scale: 4}, w)
	step(v, w)
	ADDQ(Imm(uint64(lanes)), i)
	CMPQ(i, body)
	JNE(LabelRef("step"))
	Label("tail")
	CMPQ(rest, Imm(0))
	JE(LabelRef("reduce"))
	v, w = vec(), vec()
	if wide {
		bits, tail := GP64(), K()
		MOVQ(U64(0xffff), bits)
		BZHIQ(rest, bits, bits)
		KMOVW(bits.As32(), tail)
		VMOVUPS_Z(Mem{Base: x, Index: i, Scale: 4}, tail, v)
		VMOVUPS_Z(Mem{Base: c, Index: i, Scale: 4}, tail, w)
	} else {
		table, mask := GP64(), YMM()
		LEAQ(tailTable32(), table)
		NEGQ(rest)
		VMOVDQU(Mem{Base: table, Index: rest, Scale: 4, Disp: 32}, mask)
		VMASKMOVPS(Mem{Base: x, Index: i, Scale: 4}, mask, v)
		VMASKMOVPS(Mem{Base: c, Index: i, Scale: 4}, mask, w)
	}
	step(v, w)
	Label("reduce")
	out := GP32()
	fold(most, func(a, b reg.VecVirtual) { VPMAXUD(a, b, b) }, out, wide)
	VZEROUPPER()
	Store(out, ReturnIndex(0))
	RET()
}

// fold combines the 32-bit elements of x into one.
func fold(x reg.VecVirtual, combine func(from, to reg.VecVirtual), out reg.GPVirtual, wide bool) {
	t := YMM()
	low := YMM()
	if wide {
		VEXTRACTI64X4(Imm(1), x, t)
		VMOVDQA(x.AsY(), low)
		combine(t, low)
	} else {
		VMOVDQA(x, low)
	}
	VPERMQ(Imm(0x4e), low, t)
	combine(t, low)
	VPSHUFD(Imm(0x4e), low, t)
	combine(t, low)
	VPSHUFD(Imm(0xb1), low, t)
	combine(t, low)
	VMOVD(low.AsX(), out)
}

// round makes int8 of y·inverse, and the sums of these and of their squares.
func round(level string) {
	name := "round" + level
	TEXT(name, NOSPLIT, "func(y []float32, inverse float32, q []int8) (sum int32, squares int32)")
	Doc(name + " rounds to int8: see Kernels.")
	Pragma("noescape")
	wide := level == "AVX512"
	lanes, vec := 8, func() reg.VecVirtual { return YMM() }
	if wide {
		lanes, vec = 16, func() reg.VecVirtual { return ZMM() }
	}
	y, q := Load(Param("y").Base(), GP64()), Load(Param("q").Base(), GP64())
	left := Load(Param("y").Len(), GP64())
	f, sum, squares := vec(), vec(), vec()
	inverse, _ := Param("inverse").Resolve()
	VBROADCASTSS(inverse.Addr, f)
	low, high := broadcast32(0xffffff81, vec()), broadcast32(127, vec())
	var bytes reg.VecVirtual
	if !wide {
		bytes = YMM()
		broadcast32(0x0c080400, bytes)
	}
	VXORPS(sum.AsX(), sum.AsX(), sum.AsX()) // and all above
	VXORPS(squares.AsX(), squares.AsX(), squares.AsX())
	Label("step")
	v, w := vec(), vec()
	VMULPS(Mem{Base: y}, f, v)
	VCVTPS2DQ(v, v)
	VPMAXSD(low, v, v)
	VPMINSD(high, v, v)
	VPADDD(v, sum, sum)
	VPMULLD(v, v, w)
	VPADDD(w, squares, squares)
	if wide {
		VPMOVDB(v, Mem{Base: q})
	} else {
		VPSHUFB(bytes, v, v)
		VMOVD(v.AsX(), Mem{Base: q})
		VEXTRACTI128(Imm(1), v, v.AsX())
		VMOVD(v.AsX(), Mem{Base: q, Disp: 4})
	}
	ADDQ(Imm(uint64(4*lanes)), y)
	ADDQ(Imm(uint64(lanes)), q)
	SUBQ(Imm(uint64(lanes)), left)
	JG(LabelRef("step"))
	add := func(a, b reg.VecVirtual) { VPADDD(a, b, b) }
	a, b := GP32(), GP32()
	fold(sum, add, a, wide)
	fold(squares, add, b, wide)
	VZEROUPPER()
	Store(a, ReturnIndex(0))
	Store(b, ReturnIndex(1))
	RET()
}

// missing sums up the squares of what rounding to int8 has lost, and of what there was.
func missing(level string) {
	name := "missing" + level
	TEXT(name, NOSPLIT, "func(y []float32, scale float32, q []int8) (miss float32, squares float32)")
	Doc(name + " is the squared lengths of rows of int8: see Kernels.")
	Pragma("noescape")
	wide := level == "AVX512"
	lanes, vec := 8, func() reg.VecVirtual { return YMM() }
	if wide {
		lanes, vec = 16, func() reg.VecVirtual { return ZMM() }
	}
	y, q := Load(Param("y").Base(), GP64()), Load(Param("q").Base(), GP64())
	left := Load(Param("y").Len(), GP64())
	f, miss, squares := vec(), vec(), vec()
	scale, _ := Param("scale").Resolve()
	VBROADCASTSS(scale.Addr, f)
	VXORPS(miss.AsX(), miss.AsX(), miss.AsX()) // and all above
	VXORPS(squares.AsX(), squares.AsX(), squares.AsX())
	Label("step")
	v, w := vec(), vec()
	VMOVUPS(Mem{Base: y}, v)
	VPMOVSXBD(Mem{Base: q}, w)
	VCVTDQ2PS(w, w)
	VFNMADD213PS(v, f, w)
	VFMADD231PS(v, v, squares)
	VFMADD231PS(w, w, miss)
	ADDQ(Imm(uint64(4*lanes)), y)
	ADDQ(Imm(uint64(lanes)), q)
	SUBQ(Imm(uint64(lanes)), left)
	JG(LabelRef("step"))
	add := func(a, b reg.VecVirtual) { VADDPS(a, b, b) }
	for i, sum := range []reg.VecVirtual{miss, squares} {
		out := GP32()
		fold(sum, add, out, wide)
		to, _ := ReturnIndex(i).Resolve()
		MOVL(out, to.Addr)
	}
	VZEROUPPER()
	RET()
}

// tail64 loads the last elements of rows of float64, fewer than a vector has, with zeros after them.
func tail64(rest reg.GPVirtual, wide bool) (load func(from Mem, to reg.VecVirtual)) {
	if wide {
		bits, tail := GP64(), K()
		MOVQ(U64(0xff), bits)
		BZHIQ(rest, bits, bits)
		KMOVW(bits.As32(), tail)
		return func(from Mem, to reg.VecVirtual) { VMOVUPD_Z(from, tail, to) }
	}
	table, mask := GP64(), YMM()
	LEAQ(tailTable64(), table)
	NEGQ(rest)
	VMOVDQU(Mem{Base: table, Index: rest, Scale: 8, Disp: 64}, mask)
	return func(from Mem, to reg.VecVirtual) { VMASKMOVPD(from, mask, to) }
}

// widen turns float32 into float64.
func widen(level string) {
	name := "widen" + level
	TEXT(name, NOSPLIT, "func(x []float32, y []float64)")
	Doc(name + " turns float32 into float64: see Kernels.")
	Pragma("noescape")
	lanes, vec := 4, func() reg.VecVirtual { return YMM() }
	if level == "AVX512" {
		lanes, vec = 8, func() reg.VecVirtual { return ZMM() }
	}
	x, y := Load(Param("x").Base(), GP64()), Load(Param("y").Base(), GP64())
	rest, i := Load(Param("x").Len(), GP64()), GP64()
	XORQ(i, i)
	SUBQ(Imm(uint64(lanes)), rest)
	JL(LabelRef("tail"))
	Label("step")
	v := vec()
	VCVTPS2PD(Mem{Base: x, Index: i, Scale: 4}, v)
	VMOVUPD(v, Mem{Base: y, Index: i, Scale: 8})
	ADDQ(Imm(uint64(lanes)), i)
	SUBQ(Imm(uint64(lanes)), rest)
	JGE(LabelRef("step"))
	Label("tail")
	ADDQ(Imm(uint64(lanes)), rest)
	JE(LabelRef("done"))
	Label("one")
	w := XMM()
	VXORPS(w, w, w)
	VCVTSS2SD(Mem{Base: x, Index: i, Scale: 4}, w, w)
	VMOVSD(w, Mem{Base: y, Index: i, Scale: 8})
	INCQ(i)
	DECQ(rest)
	JNE(LabelRef("one"))
	Label("done")
	VZEROUPPER()
	RET()
}

// centre64 is y = (x − centre)·factor, and the greatest magnitude in it, as bits.
func centre64(level string) {
	name := "centre64" + level
	TEXT(name, NOSPLIT, "func(x []float64, centre []float64, factor float64, y []float64) uint64")
	Doc(name + " subtracts a centre: see Kernels.")
	Pragma("noescape")
	wide := level == "AVX512"
	lanes, vec := 4, func() reg.VecVirtual { return YMM() }
	if wide {
		lanes, vec = 8, func() reg.VecVirtual { return ZMM() }
	}
	x, c, y := Load(Param("x").Base(), GP64()), Load(Param("centre").Base(), GP64()), Load(Param("y").Base(), GP64())
	body, rest, i := GP64(), GP64(), GP64()
	Load(Param("x").Len(), body)
	MOVQ(body, rest)
	ANDQ(I8(-lanes), body)
	SUBQ(body, rest)
	f, most := vec(), vec()
	factor, _ := Param("factor").Resolve()
	VBROADCASTSD(factor.Addr, f)
	magnitude := broadcast64(ones>>1, vec())
	VXORPS(most.AsX(), most.AsX(), most.AsX()) // and all above
	if !wide {                                 // the last four of eight, which may have no component
		end := GP64()
		Load(Param("x").Len(), end)
		ADDQ(Imm(7), end)
		ANDQ(I8(-8), end)
		VMOVUPD(most, Mem{Base: y, Index: end, Scale: 8, Disp: -32})
	}
	XORQ(i, i)
	step := func(v, w reg.VecVirtual) {
		VSUBPD(w, v, v)
		VMULPD(f, v, v)
		VMOVUPD(v, Mem{Base: y, Index: i, Scale: 8})
		if wide {
			VPANDQ(magnitude, v, v)
			VPMAXUQ(v, most, most)
			return
		}
		VPAND(magnitude, v, v)
		VPCMPGTQ(most, v, w)
		VBLENDVPD(w, v, most, most)
	}
	CMPQ(body, Imm(0))
	JE(LabelRef("tail"))
	Label("step")
	v, w := vec(), vec()
	VMOVUPD(Mem{Base: x, Index: i, Scale: 8}, v)
	VMOVUPD(Mem{Base: c, Index: i, Scale: 8}, w)
	step(v, w)
	ADDQ(Imm(uint64(lanes)), i)
	CMPQ(i, body)
	JNE(LabelRef("step"))
	Label("tail")
	CMPQ(rest, Imm(0))
	JE(LabelRef("reduce"))
	v, w = vec(), vec()
	load := tail64(rest, wide)
	load(Mem{Base: x, Index: i, Scale: 8}, v)
	load(Mem{Base: c, Index: i, Scale: 8}, w)
	step(v, w)
	Label("reduce")
	larger := func(from, to reg.VecVirtual) {
		found := YMM()
		VPCMPGTQ(to, from, found)
		VBLENDVPD(found, from, to, to)
	}
	t, low := YMM(), YMM()
	if wide {
		VEXTRACTI64X4(Imm(1), most, t)
		VMOVDQA(most.AsY(), low)
		larger(t, low)
	} else {
		VMOVDQA(most, low)
	}
	VPERMQ(Imm(0x4e), low, t)
	larger(t, low)
	VPSHUFD(Imm(0x4e), low, t)
	larger(t, low)
	out := GP64()
	VMOVQ(low.AsX(), out)
	VZEROUPPER()
	Store(out, ReturnIndex(0))
	RET()
}

// round64 makes int8 of y·inverse, the sums of these and of their squares, and the squares of what is missing and of y.
// Nothing is fused, and each sum has eight lanes, so that all levels have the same bits.
func round64(level string) {
	name := "round64" + level
	TEXT(name, NOSPLIT, "func(y []float64, inverse float64, scale float64, q []int8) "+
		"(sum int32, squares int32, miss float64, square float64)")
	Doc(name + " rounds to int8: see Kernels.")
	Pragma("noescape")
	wide := level == "AVX512"
	parts, vec := 2, func() reg.VecVirtual { return YMM() } // of eight lanes
	integer := func() reg.VecVirtual { return XMM() }
	if wide {
		parts, vec, integer = 1, func() reg.VecVirtual { return ZMM() }, func() reg.VecVirtual { return YMM() }
	}
	lanes := 8 / parts
	y, q := Load(Param("y").Base(), GP64()), Load(Param("q").Base(), GP64())
	left := Load(Param("y").Len(), GP64())
	f, s, sum, squares := vec(), vec(), integer(), integer()
	inverse, _ := Param("inverse").Resolve()
	VBROADCASTSD(inverse.Addr, f)
	scale, _ := Param("scale").Resolve()
	VBROADCASTSD(scale.Addr, s)
	wideLow, wideHigh := YMM(), YMM()
	broadcast32(0xffffff81, wideLow)
	broadcast32(127, wideHigh)
	var low, high, bytes reg.VecVirtual = wideLow, wideHigh, nil
	if !wide {
		low, high = wideLow.AsX().(reg.VecVirtual), wideHigh.AsX().(reg.VecVirtual)
		of := YMM()
		broadcast32(0x0c080400, of)
		bytes = of.AsX().(reg.VecVirtual)
	}
	VPXOR(sum.AsX(), sum.AsX(), sum.AsX()) // and all above
	VPXOR(squares.AsX(), squares.AsX(), squares.AsX())
	miss, square := make([]reg.VecVirtual, parts), make([]reg.VecVirtual, parts)
	for p := range parts {
		miss[p], square[p] = vec(), vec()
		VXORPS(miss[p].AsX(), miss[p].AsX(), miss[p].AsX())
		VXORPS(square[p].AsX(), square[p].AsX(), square[p].AsX())
	}
	Label("step")
	for p := range parts {
		v, d, n, t := vec(), vec(), integer(), integer()
		VMOVUPD(Mem{Base: y, Disp: 8 * lanes * p}, v)
		VMULPD(f, v, d)
		if wide {
			VCVTPD2DQ(d, n)
		} else {
			VCVTPD2DQY(d, n)
		}
		VPMAXSD(low, n, n)
		VPMINSD(high, n, n)
		VPADDD(n, sum, sum)
		VPMULLD(n, n, t)
		VPADDD(t, squares, squares)
		VCVTDQ2PD(n, d)
		VMULPD(s, d, d)
		VSUBPD(d, v, d)
		VMULPD(d, d, d)
		VADDPD(d, miss[p], miss[p])
		VMULPD(v, v, v)
		VADDPD(v, square[p], square[p])
		if wide {
			VPMOVDB(n, Mem{Base: q})
		} else {
			VPSHUFB(bytes, n, n)
			VMOVD(n, Mem{Base: q, Disp: 4 * p})
		}
	}
	ADDQ(Imm(64), y)
	ADDQ(Imm(8), q)
	SUBQ(Imm(8), left)
	JG(LabelRef("step"))
	for i, total := range []reg.VecVirtual{sum, squares} {
		x, t := total.AsX(), XMM()
		if wide {
			VEXTRACTI128(Imm(1), total, t)
			VPADDD(t, x, x)
		}
		VPSHUFD(Imm(0x4e), x, t)
		VPADDD(t, x, x)
		VPSHUFD(Imm(0xb1), x, t)
		VPADDD(t, x, x)
		out := GP32()
		VMOVD(x, out)
		Store(out, ReturnIndex(i))
	}
	for i, total := range [][]reg.VecVirtual{miss, square} {
		low, t := YMM(), YMM()
		if wide {
			VEXTRACTF64X4(Imm(1), total[0], t)
			VADDPD(t, total[0].AsY(), low)
		} else {
			VADDPD(total[1], total[0], low)
		}
		VEXTRACTF128(Imm(1), low, t.AsX())
		VADDPD(t.AsX(), low.AsX(), low.AsX())
		VPERMILPD(Imm(1), low.AsX(), t.AsX())
		VADDSD(t.AsX(), low.AsX(), low.AsX())
		Store(low.AsX(), ReturnIndex(2+i))
	}
	VZEROUPPER()
	RET()
}

const ones uint64 = 1<<64 - 1

var table32, table64, signs Mem

// tailTable32 holds eight masks of ones and eight of zeros.
func tailTable32() Mem {
	if table32.Symbol.Name == "" {
		table32 = GLOBL("tails32", RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(uint32(ones>>(i/8*64))))
		}
	}
	return table32
}

func tailTable64() Mem {
	if table64.Symbol.Name == "" {
		table64 = GLOBL("tails64", RODATA|NOPTR)
		for i := range 16 {
			DATA(8*i, U64(ones>>(i/8*64)))
		}
	}
	return table64
}

// signs256 holds the sign bits of 32 bytes.
func signs256() Mem {
	if signs.Symbol.Name == "" {
		signs = GLOBL("signs", RODATA|NOPTR)
		for i := range 4 {
			DATA(8*i, U64(0x8080808080808080))
		}
	}
	return signs
}
