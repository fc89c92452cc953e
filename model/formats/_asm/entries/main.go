// Command entries generates the kernel that reads the entries of a row of .svm. In model/formats/internal/entries:
//
//	go generate
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const zeros = 0x3030303030303030 // eight times '0'

func main() {
	ConstraintExpr("amd64,!purego")
	parse()
	Generate()
}

// constant is a register of so many bytes, which repeat b.
func constant(name string, n int, b ...uint8) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range n {
		DATA(i, U8(b[i%len(b)]))
	}
	return m
}

func parse() {
	TEXT("parseAVX2", NOSPLIT, "func(p *byte, room int, next, last, base int64, end, limit int, columns *int32, values "+
		"*float64, powers *float64) (n, read int)")
	Doc("parseAVX2 reads entries from p on, until one is out of the ordinary, or begins limit bytes from p on or "+
		"later, or there is no",
		"room. It looks at 34 bytes of each, those from end bytes from p on being none of the line's.")
	Pragma("noescape")
	p, next := Load(Param("p"), GP64()), Load(Param("next"), GP64())
	end, limit := AllocLocal(8), AllocLocal(8) // addresses
	for i, local := range []Mem{end, limit} {
		r := Load(Param([]string{"end", "limit"}[i]), GP64())
		ADDQ(p, r)
		MOVQ(r, local)
	}
	spaces, colons, points := YMM(), YMM(), YMM()
	VMOVDQU(constant("spaces", 32, ' '), spaces)
	VMOVDQU(constant("colons", 32, ':'), colons)
	VMOVDQU(constant("points", 32, '.'), points)
	nines, tens, hundreds, thousands := XMM(), XMM(), XMM(), XMM()
	VMOVDQU(constant("nines", 16, 9), nines)
	VMOVDQU(constant("tens", 16, 10, 1), tens)
	VMOVDQU(constant("hundreds", 16, 100, 0, 1, 0), hundreds)
	VMOVDQU(constant("thousands", 16, 0x10, 0x27, 1, 0), thousands)
	n := GP64()
	XORQ(n, n)

	Label("entry")
	CMPQ(n, param("room"))
	JGE(LabelRef("out"))
	CMPQ(p, limit)
	JAE(LabelRef("out"))
	CMPB(Mem{Base: p}, Imm(' '))
	JNE(LabelRef("out"))

	// Where the first colon, space and points are, the line's end being a space.
	v, found := YMM(), YMM()
	VMOVDQU(Mem{Base: p, Disp: 1}, v)
	colon, space, point := GP64(), GP64(), GP64()
	VPCMPEQB(colons, v, found)
	VPMOVMSKB(found, colon.As32())
	VPCMPEQB(spaces, v, found)
	VPMOVMSKB(found, space.As32())
	VPCMPEQB(points, v, found)
	VPMOVMSKB(found, point.As32())
	rest, most := GP64(), GP64()
	MOVQ(end, rest)
	SUBQ(p, rest)
	DECQ(rest)
	MOVQ(U32(63), most)
	CMPQ(rest, most)
	CMOVQGT(most, rest)
	one := GP64()
	MOVQ(U32(1), one)
	SHLXQ(rest, one, rest)
	ORQ(rest, space)
	TZCNTQ(colon, colon)
	TZCNTQ(space, space)

	// The index: from one to eight digits, which go to the right end of eight.
	zero := GP64()
	MOVQ(U64(zeros), zero)
	length := GP64()
	LEAQ(Mem{Base: colon, Disp: -1}, length)
	CMPQ(length, U32(7))
	JA(LabelRef("out"))
	index := GP64()
	MOVQ(Mem{Base: p, Disp: 1}, index)
	XORQ(zero, index)
	shift := negativeBits(colon)
	SHLXQ(shift, index, index)

	// The value: a minus or none, and from one to eight bytes.
	from, minus := GP64(), GP64()
	LEAQ(Mem{Base: p, Index: colon, Scale: 1, Disp: 2}, from)
	XORQ(minus, minus)
	CMPB(Mem{Base: from}, Imm('-'))
	SETEQ(minus.As8())
	ADDQ(minus, from)
	INCQ(colon)
	ADDQ(minus, colon) // where the digits begin
	SUBQ(colon, space) // how many bytes they are
	LEAQ(Mem{Base: space, Disp: -1}, length)
	CMPQ(length, U32(7))
	JA(LabelRef("out"))
	value := GP64()
	MOVQ(Mem{Base: from}, value)
	XORQ(zero, value)
	shift = negativeBits(space)
	SHLXQ(shift, value, value)

	// The point, if there is one among them, and a digit too.
	places := GP64()
	XORQ(places, places)
	SHRXQ(colon, point, point)
	BZHIQ(space, point, point)
	JZ(LabelRef("whole"))
	TESTQ(length, length)
	JZ(LabelRef("out"))
	TZCNTQ(point, point)
	MOVQ(length, places)
	SUBQ(point, places)
	// Byte 7 − places is the point; the digits before it move up.
	LEAQ(Mem{Base: places, Disp: -7}, point)
	NEGQ(point)
	SHLQ(Imm(3), point)
	unit, above, whole := GP64(), GP64(), GP64()
	SHLXQ(point, one, unit)
	MOVQ(unit, above)
	SHLQ(Imm(8), above)
	DECQ(above)
	DECQ(unit)
	MOVQ(value, whole)
	ANDQ(unit, whole)
	SHLQ(Imm(8), whole)
	ANDNQ(value, above, value)
	ORQ(whole, value)
	Label("whole")

	// Both numbers at once, if all of their bytes are digits.
	x, over := XMM(), XMM()
	VMOVQ(index, x)
	VPINSRQ(Imm(1), value, x, x)
	VPSUBUSB(nines, x, over)
	VPTEST(over, over)
	JNZ(LabelRef("out"))
	VPMADDUBSW(tens, x, x)
	VPMADDWD(hundreds, x, x)
	VPACKUSDW(x, x, x)
	VPMADDWD(thousands, x, x)
	VMOVQ(x, value)
	MOVL(value.As32(), index.As32())
	SHRQ(Imm(32), value)
	CMPQ(index, next)
	JL(LabelRef("out"))
	CMPQ(index, param("last"))
	JG(LabelRef("out"))

	f, powers := XMM(), Load(Param("powers"), GP64())
	VXORPD(f, f, f)
	VCVTSI2SDQ(value, f, f)
	VDIVSD(Mem{Base: powers, Index: places, Scale: 8}, f, f)
	VMOVQ(f, value)
	SHLQ(Imm(63), minus)
	ORQ(minus, value)
	MOVQ(value, Mem{Base: Load(Param("values"), GP64()), Index: n, Scale: 8})
	LEAQ(Mem{Base: index, Disp: 1}, next)
	SUBQ(param("base"), index)
	MOVL(index.As32(), Mem{Base: Load(Param("columns"), GP64()), Index: n, Scale: 4})
	LEAQ(Mem{Base: from, Index: space, Scale: 1}, p)
	INCQ(n)
	JMP(LabelRef("entry"))

	Label("out")
	Store(n, Return("n"))
	SUBQ(param("p"), p)
	Store(p, Return("read"))
	VZEROUPPER()
	RET()
}

// param is the parameter in memory.
func param(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// negativeBits is minus eight times n, which shifts take as 64 less that.
func negativeBits(n reg.GPVirtual) reg.GPVirtual {
	bits := GP64()
	MOVQ(n, bits)
	NEGQ(bits)
	SHLQ(Imm(3), bits)
	return bits
}
