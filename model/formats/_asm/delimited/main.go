// Command delimited generates the kernels that find the fields of a row of text, and read the numbers among them. In
// model/formats/internal/delimited:
//
//	go generate
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	ends()
	decimals("decimalsAVX2", false)
	decimals("decimalsOfJSONAVX2", true)
	Generate()
}

// constants are those that there are already.
var constants = map[string]Mem{}

// constant is a register of 16 bytes, which repeat b.
func constant(name string, b ...uint8) Mem {
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	constants[name] = m
	for i := range 16 {
		DATA(i, U8(b[i%len(b)]))
	}
	return m
}

// param is the parameter in memory.
func param(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// atOnce is how many places are written for each branch: more than there are are written over, or beyond the last.
const atOnce = 8

func ends() {
	TEXT("endsAVX2", NOSPLIT, "func(row *byte, n int, comma byte, ends *int, most int) (count int)")
	Doc("endsAVX2 writes where commas are among n bytes, of which it looks at whole runs of 64, and returns how many there",
		"are; or, where they are more than most, a number beyond it. The places have room for eight more.")
	Pragma("noescape")
	row, n := Load(Param("row"), GP64()), Load(Param("n"), GP64())
	to := Load(Param("ends"), GP64())
	comma := YMM()
	VPBROADCASTB(param("comma"), comma)
	i, count := GP64(), GP64()
	XORQ(i, i)
	XORQ(count, count)

	Label("run")
	CMPQ(i, n)
	JGE(LabelRef("out"))
	x, low, high := YMM(), GP64(), GP64()
	VPCMPEQB(Mem{Base: row, Index: i, Scale: 1}, comma, x)
	VPMOVMSKB(x, low.As32())
	VPCMPEQB(Mem{Base: row, Index: i, Scale: 1, Disp: 32}, comma, x)
	VPMOVMSKB(x, high.As32())
	SHLQ(Imm(32), high)
	ORQ(high, low)
	rest, whole := GP64(), GP64()
	MOVQ(n, rest)
	SUBQ(i, rest)
	MOVQ(U32(64), whole)
	CMPQ(rest, whole)
	CMOVQGT(whole, rest)
	BZHIQ(rest, low, low)
	found := GP64()
	POPCNTQ(low, found)
	at := GP64()
	LEAQ(Mem{Base: to, Index: count, Scale: 8}, at)
	ADDQ(found, count)
	CMPQ(count, param("most"))
	JG(LabelRef("out"))
	TESTQ(found, found)
	JZ(LabelRef("next"))
	Label("places")
	place := GP64()
	for k := range atOnce {
		TZCNTQ(low, place)
		ADDQ(i, place)
		MOVQ(place, Mem{Base: at, Disp: 8 * k})
		BLSRQ(low, low)
	}
	ADDQ(U32(8*atOnce), at)
	SUBQ(U32(atOnce), found)
	JG(LabelRef("places"))
	Label("next")
	ADDQ(U32(64), i)
	JMP(LabelRef("run"))

	Label("out")
	Store(count, Return("count"))
	VZEROUPPER()
	RET()
}

// vectors are the constants of decimals, in registers.
type vectors struct {
	zeros, nines, dots, tens, hundreds, thousands reg.VecVirtual

	json bool // the numbers are JSON's
}

func (v *vectors) load() {
	for _, c := range []struct {
		name string
		to   *reg.VecVirtual
		b    []uint8
	}{
		{"zeros", &v.zeros, []uint8{'0'}}, {"nines", &v.nines, []uint8{9}}, {"dots", &v.dots, []uint8{'.'}},
		{"tens", &v.tens, []uint8{10, 1}}, {"hundreds", &v.hundreds, []uint8{100, 0, 1, 0}},
		{"thousands", &v.thousands, []uint8{0x10, 0x27, 1, 0}},
	} {
		*c.to = XMM()
		VMOVDQU(constant(c.name, c.b...), *c.to)
	}
}

// classify takes the zeros' code off x, and finds which bytes are points and which are digits.
func (v *vectors) classify(x reg.VecVirtual) (points, digits reg.GPVirtual) {
	points, digits = GP64(), GP64()
	y := XMM()
	VPCMPEQB(v.dots, x, y)
	VPMOVMSKB(y, points.As32())
	VPSUBB(v.zeros, x, x)
	VPMINUB(v.nines, x, y)
	VPCMPEQB(x, y, y)
	VPMOVMSKB(y, digits.As32())
	return points, digits
}

// judge leaves in points, of length bytes, where the point is, or length where there is none; and makes of digits what
// is 0 where all are digits but for a point, and at least one of them is.
func (v *vectors) judge(p, points, digits, length reg.GPVirtual) (wrong reg.GPVirtual) {
	mask, scratch := GP64(), GP64()
	MOVQ(I32(-1), mask)
	BZHIQ(length, mask, mask)
	ANDQ(mask, points)
	ORQ(points, digits)
	ANDNQ(mask, digits, digits)
	BLSRQ(points, scratch)
	ORQ(scratch, digits)
	XORQ(points, mask)
	CMPQ(mask, Imm(1)) // which borrows from 0
	SBBQ(scratch, scratch)
	ORQ(scratch, digits)
	BTSQ(length, points)
	TZCNTQ(points, points)
	if !v.json {
		return digits
	}
	bad := mask
	XORL(bad.As32(), bad.As32())
	CMPB(Mem{Base: p}, Imm('0'))
	SETEQ(bad.As8()) // that begins with 0,
	XORL(scratch.As32(), scratch.As32())
	CMPQ(points, Imm(1))
	SETNE(scratch.As8()) // of which a point or the end is not what follows
	ANDQ(scratch, bad)
	ORQ(bad, digits)
	CMPQ(points, Imm(1)) // which borrows from 0
	SBBQ(scratch, scratch)
	ORQ(scratch, digits)
	LEAQ(Mem{Base: length, Disp: -1}, scratch)
	XORL(bad.As32(), bad.As32())
	CMPQ(points, scratch)
	SETEQ(bad.As8())
	ORQ(bad, digits)
	return digits
}

// align brings the digits of x, so many bytes with a point or without, to the right end of 16.
func align(x reg.VecVirtual, length, point reg.GPVirtual) {
	at := GP64()
	MOVQ(length, at)
	SHLQ(Imm(4), at)
	ADDQ(length, at)
	ADDQ(point, at)
	SHLQ(Imm(4), at)
	ADDQ(param("shuffles"), at)
	VPSHUFB(Mem{Base: at}, x, x)
}

// number is that of 16 digits.
func (v *vectors) number(x reg.VecVirtual) reg.GPVirtual {
	VPMADDUBSW(v.tens, x, x)
	VPMADDWD(v.hundreds, x, x)
	VPACKUSDW(x, x, x)
	VPMADDWD(v.thousands, x, x)
	value, high := GP64(), GP64()
	VMOVQ(x, value)
	MOVL(value.As32(), high.As32())
	SHRQ(Imm(32), value)
	IMUL3Q(U32(100000000), high, high)
	ADDQ(high, value)
	return value
}

func decimals(name string, json bool) {
	TEXT(name, NOSPLIT, "func(row *byte, ends *int, n int, values *float64, others *int, longs *byte, powers "+
		"*float64, shuffles *byte) (count, wide int)")
	doc := []string{" reads fields that are ordinary, n of them, and writes the long ones apart; and which ones are not",
		"ordinary, and how many these are. It looks at 18 bytes from where each field begins."}
	doc[0] = name + doc[0]
	if json {
		doc = append(doc, "Digits stand on both sides of a point, and no 0 before others.")
	}
	Doc(doc...)
	Pragma("noescape")
	row, ends, c := Load(Param("row"), GP64()), Load(Param("ends"), GP64()), GP64()
	v := vectors{json: json}
	v.load()
	first, count := GP64(), GP64()
	XORQ(c, c)
	XORQ(count, count)
	MOVQ(row, first)
	wide := AllocLocal(8)
	MOVQ(count, wide)

	Label("field")
	CMPQ(c, param("n"))
	JGE(LabelRef("out"))
	length := GP64()
	MOVQ(Mem{Base: ends, Index: c, Scale: 8}, length)
	ADDQ(row, length)
	p, minus := GP64(), GP64()
	MOVQ(first, p)
	LEAQ(Mem{Base: length, Disp: 1}, first)
	for _, b := range []Constant{Imm(' '), Imm('-')} {
		XORL(minus.As32(), minus.As32())
		CMPB(Mem{Base: p}, b)
		SETEQ(minus.As8())
		ADDQ(minus, p)
	}
	SUBQ(p, length)
	less := GP64()
	LEAQ(Mem{Base: length, Disp: -1}, less)
	CMPQ(less, Imm(15))
	JA(LabelRef("long"))
	v.short(p, length, minus, c, count)
	JMP(LabelRef("field"))

	Label("long")
	CMPQ(less, Imm(mostBytes-1))
	JA(LabelRef("other"))
	v.long(p, length, minus, c, wide)
	JMP(LabelRef("field"))

	Label("other")
	others := Load(Param("others"), GP64())
	MOVQ(c, Mem{Base: others, Index: count, Scale: 8})
	INCQ(count)
	INCQ(c)
	JMP(LabelRef("field"))

	Label("out")
	Store(count, Return("count"))
	MOVQ(wide, count)
	Store(count, Return("wide"))
	RET()
}

// short reads a field of up to 16 bytes, and makes the next one current.
func (v *vectors) short(p, length, minus, c, count reg.GPVirtual) {
	x := XMM()
	VMOVDQU(Mem{Base: p}, x)
	point, digits := v.classify(x)
	wrong := v.judge(p, point, digits, length)
	align(x, length, point)
	value, scratch := v.number(x), GP64()
	MOVQ(value, scratch)
	SHRQ(Imm(53), scratch)
	ORQ(scratch, wrong)
	f := XMM()
	VXORPD(f, f, f)
	VCVTSI2SDQ(value, f, f)
	SUBQ(point, length)
	VDIVSD(Mem{Base: Load(Param("powers"), GP64()), Index: length, Scale: 8}, f, f)
	VMOVQ(f, value)
	SHLQ(Imm(63), minus)
	ORQ(minus, value)
	MOVQ(value, Mem{Base: Load(Param("values"), GP64()), Index: c, Scale: 8})
	MOVQ(c, Mem{Base: Load(Param("others"), GP64()), Index: count, Scale: 8})
	CMPQ(wrong, Imm(1))
	SBBQ(I8(-1), count)
	INCQ(c)
}

// mostBytes are those of 19 digits, which an uint64 holds, and a point.
const mostBytes = 20

// long reads a field of 17 to 20 bytes, and makes the next one current.
func (v *vectors) long(p, length, minus, c reg.GPVirtual, wide Mem) {
	x, last, before := XMM(), XMM(), XMM()
	VMOVDQU(Mem{Base: p}, x)
	VMOVDQU(Mem{Base: p, Index: length, Scale: 1, Disp: -16}, last)
	VMOVDQU(Mem{Base: p, Index: length, Scale: 1, Disp: -17}, before)
	point, digits := v.classify(x)
	points, more := v.classify(last)
	VPSUBB(v.zeros, before, before)
	head := GP64() // bytes that are not among the last 16
	LEAQ(Mem{Base: length, Disp: -16}, head)
	SHLXQ(head, points, points)
	ORQ(points, point)
	SHLXQ(head, more, more)
	ORQ(more, digits)
	wrong := v.judge(p, point, digits, length)
	TESTQ(wrong, wrong)
	JNZ(LabelRef("other"))
	CMPQ(point, Imm(mostBytes))
	JE(LabelRef("other")) // 20 digits

	// The last 16 digits: those before a point stand one place further left.
	places, none := GP64(), GP64()
	LEAQ(Mem{Base: length, Disp: -1}, places)
	SUBQ(point, places)
	MOVQ(U32(16), none)
	MOVQ(places, more)
	CMOVQLT(none, more)
	windows := GP64()
	LEAQ(bytesOf("moved"), windows)
	moved := XMM()
	VMOVDQU(Mem{Base: windows, Index: more, Scale: 1}, moved)
	VPBLENDVB(moved, before, last, last)
	CMPQ(more, Imm(16))
	SBBQ(Imm(0), head)
	CMPQ(point, head)
	CMOVQGT(head, point)
	align(x, head, point)
	VPMADDUBSW(v.tens, x, x)
	VPMADDWD(v.hundreds, x, x)
	high := GP64()
	VPEXTRD(Imm(3), x, high.As32())
	value := v.number(last)
	MOVQ(U64(10000000000000000), none)
	IMULQ(none, high)
	ADDQ(high, value)
	MOVQ(wide, more)
	SHLQ(Imm(4), more)
	ADDQ(param("longs"), more)
	MOVQ(value, Mem{Base: more})
	MOVL(c.As32(), Mem{Base: more, Disp: 8})
	MOVW(places.As16(), Mem{Base: more, Disp: 12})
	MOVW(minus.As16(), Mem{Base: more, Disp: 14})
	INCQ(wide)
	INCQ(c)
}

// bytesOf are 16 bytes with the highest bit, and 20 without.
func bytesOf(name string) Mem {
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	constants[name] = m
	for i := range 36 {
		b := uint8(0)
		if i < 16 {
			b = 0x80
		}
		DATA(i, U8(b))
	}
	return m
}
