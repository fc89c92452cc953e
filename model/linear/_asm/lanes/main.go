// Command lanes generates the kernels of many linear models side by side. In model/linear/internal/lanes:
//
//	go generate
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Bytes from one field of lanes.Group to the next, and of a group.
const (
	field     = 64
	groupSize = 10 * field
)

// Offsets of the fields of lanes.Group.
const (
	groupScale = field * iota
	groupIntercept
	groupAlpha
	groupT0
	groupL2
	groupL1
	groupDue
	groupMeanA
	groupMeanB
	groupMeanIntercept
)

// Offsets of the fields of lanes.Row.
const (
	rowGroups = 8 * iota
	rowN
	rowDot
	rowP
	rowY
	rowYStep
	rowWeight
	rowWeightStep
	rowEta
	rowUpdate
	rowMeanUpdate
	rowM
	rowQ
	rowRowWeight
	rowIntercept
	rowThreshold
	rowEpsilon
	rowOptimal
	rowLosses
	rowSlopes
)

// Predicates of VCMPPD. What is not a number is unequal, and neither less nor more.
const (
	unequal   = 4
	less      = 17
	atMost    = 18
	notAtMost = 22 // true of what is not a number
	atLeast   = 29
	more      = 30
)

type vec = reg.VecVirtual

// level is a set of instructions: its registers have so many values.
type level struct {
	name  string
	width int
}

func (l level) wide() bool { return l.width == 8 }
func (l level) bytes() int { return 8 * l.width }

func (l level) reg() vec {
	if l.wide() {
		return ZMM()
	}
	return YMM()
}

// constants are in memory, four times each.
var constants = map[string]Mem{}

func constant(v float64) Mem {
	name := fmt.Sprintf("%x", v)
	m, ok := constants[name]
	if !ok {
		m = GLOBL(fmt.Sprintf("constant%d", len(constants)), RODATA|NOPTR)
		for i := range 4 {
			DATA(8*i, F64(v))
		}
		constants[name] = m
	}
	return m
}

func (l level) fill(v float64) vec {
	r := l.reg()
	VBROADCASTSD(constant(v), r)
	return r
}

func (l level) zero() vec {
	r := l.reg()
	VXORPD(r, r, r)
	return r
}

func (l level) load(m Mem) vec {
	r := l.reg()
	VMOVUPD(m, r)
	return r
}

func (l level) spread(m Mem) vec {
	r := l.reg()
	VBROADCASTSD(m, r)
	return r
}

func (l level) add(a vec, b Op) vec { r := l.reg(); VADDPD(b, a, r); return r }
func (l level) sub(a vec, b Op) vec { r := l.reg(); VSUBPD(b, a, r); return r }
func (l level) mul(a vec, b Op) vec { r := l.reg(); VMULPD(b, a, r); return r }
func (l level) div(a vec, b Op) vec { r := l.reg(); VDIVPD(b, a, r); return r }

// max and min give a where it is not a number.
func (l level) max(a vec, b vec) vec { r := l.reg(); VMAXPD(a, b, r); return r }
func (l level) min(a vec, b vec) vec { r := l.reg(); VMINPD(a, b, r); return r }

// With a constant: the wide registers take it from one place for all lanes.
func (l level) addC(a vec, v float64) vec {
	if !l.wide() {
		return l.add(a, constant(v))
	}
	r := l.reg()
	VADDPD_BCST(constant(v), a, r)
	return r
}

func (l level) subC(a vec, v float64) vec {
	if !l.wide() {
		return l.sub(a, constant(v))
	}
	r := l.reg()
	VSUBPD_BCST(constant(v), a, r)
	return r
}

func (l level) mulC(a vec, v float64) vec {
	if !l.wide() {
		return l.mul(a, constant(v))
	}
	r := l.reg()
	VMULPD_BCST(constant(v), a, r)
	return r
}

// mulM multiplies by the value at m in all lanes.
func (l level) mulM(a vec, m Mem) vec {
	if !l.wide() {
		return l.mul(a, l.spread(m))
	}
	r := l.reg()
	VMULPD_BCST(m, a, r)
	return r
}

func (l level) negative(a vec) vec { return l.sub(l.zero(), a) }

const signBit = 1 << 63

// absolute clears the signs.
func (l level) absolute(a vec) vec {
	r := l.reg()
	m := bits(1<<63 - 1)
	if l.wide() {
		VANDPD_BCST(m, a, r)
	} else {
		VANDPD(m, a, r)
	}
	return r
}

// minusAbsolute sets the signs.
func (l level) minusAbsolute(a vec) vec {
	r := l.reg()
	m := bits(signBit)
	if l.wide() {
		VORPD_BCST(m, a, r)
	} else {
		VORPD(m, a, r)
	}
	return r
}

// signOf is the sign bits alone.
func (l level) signOf(a vec) vec {
	r := l.reg()
	m := bits(signBit)
	if l.wide() {
		VANDPD_BCST(m, a, r)
	} else {
		VANDPD(m, a, r)
	}
	return r
}

func (l level) xor(a, b vec) vec { r := l.reg(); VXORPD(b, a, r); return r }

func bits(v uint64) Mem {
	name := fmt.Sprintf("bits %x", v)
	m, ok := constants[name]
	if !ok {
		m = GLOBL(fmt.Sprintf("constant%d", len(constants)), RODATA|NOPTR)
		for i := range 4 {
			DATA(8*i, U64(v))
		}
		constants[name] = m
	}
	return m
}

// mask is the result of a comparison.
type mask struct {
	k reg.OpmaskVirtual
	v vec
}

func (l level) compare(predicate uint8, a vec, b Op) mask {
	if l.wide() {
		k := K()
		VCMPPD(Imm(uint64(predicate)), b, a, k)
		return mask{k: k}
	}
	v := l.reg()
	VCMPPD(Imm(uint64(predicate)), b, a, v)
	return mask{v: v}
}

// choose is yes where the mask is set, otherwise no.
func (l level) choose(m mask, yes, no vec) vec {
	r := l.reg()
	if l.wide() {
		VBLENDMPD(yes, no, m.k, r)
	} else {
		VBLENDVPD(m.v, yes, no, r)
	}
	return r
}

// keep is a where the mask is set, otherwise 0.
func (l level) keep(m mask, a vec) vec {
	r := l.reg()
	if l.wide() {
		VMOVAPD_Z(a, m.k, r)
	} else {
		VANDPD(m.v, a, r)
	}
	return r
}

// any jumps to the label where the mask is set anywhere.
func (l level) any(m mask, to func()) {
	r := GP64()
	if l.wide() {
		KMOVW(m.k, r.As32())
	} else {
		VMOVMSKPD(m.v, r.As32())
	}
	TESTL(r.As32(), r.As32())
	to()
}

func (l level) polynomial(x vec, terms []float64) (lower vec, x4 vec) {
	pair := func(i int) vec { return l.addC(l.mulC(x, terms[i+1]), terms[i]) }
	x2 := l.mul(x, x)
	x4 = l.mul(x2, x2)
	a := l.add(pair(0), l.mul(pair(2), x2))
	a = l.add(a, l.mul(l.add(pair(4), l.mul(pair(6), x2)), x4))
	end := pair(8)
	if len(terms) == 11 {
		end = l.add(end, l.mulC(x2, terms[10]))
	}
	x8 := l.mul(x4, x4)
	return l.add(a, l.mul(end, x8)), x2
}

var (
	expTerms = []float64{
		0.5000000000000001, 0.16666666666666669, 0.04166666666662404, 0.008333333333330055, 0.0013888888917258759,
		0.00019841269863088255, 2.4801521225986432e-05, 2.7557268406190795e-06, 2.7620121717381933e-07,
		2.5100411082014903e-08,
	}
	logTerms = []float64{
		0.6666666666666666, 0.3999999999999952, 0.2857142857160142, 0.22222222198071062, 0.18181819908429153,
		0.15384543587249763,
		0.13335186885534053, 0.1173416786209541, 0.1084608034962759, 0.0748810671461186, 0.1563823493424178,
	}
)

const (
	lowest = -708
	magic  = 0x1.8p52
	log2e  = 0x1.71547652b82fep+0
	ln2    = 0x1.62e42fee00000p-1
	ln2Low = 0x1.a39ef35793c76p-33
)

// exp is exp(a) for a ≤ 0: see lanes.expNegative.
func (l level) exp(a vec) vec {
	a = l.max(a, l.fill(lowest))
	shifted := l.addC(l.mulC(a, log2e), magic)
	k := l.subC(shifted, magic)
	r := l.sub(l.sub(a, l.mulC(k, ln2)), l.mulC(k, ln2Low))
	t, r2 := l.polynomial(r, expTerms)
	power := l.reg()
	VPSLLQ(Imm(52), shifted, power)
	if l.wide() {
		VPADDQ_BCST(bits(1023<<52), power, power)
	} else {
		VPADDQ(bits(1023<<52), power, power)
	}
	return l.mul(l.addC(l.add(r, l.mul(r2, t)), 1), power)
}

// log1p is log(1+e): see lanes.log1p.
func (l level) log1p(e vec) vec {
	z := l.div(e, l.addC(e, 2))
	s := l.mul(z, z)
	t, _ := l.polynomial(s, logTerms)
	return l.mul(z, l.addC(l.mul(s, t), 2))
}

// loss is one with what it computes of a prediction and a target; row points to lanes.Row.
type loss struct {
	name         string
	slope, value func(l level, p, y vec, row reg.GPVirtual) vec
	bounded      bool
}

func at(p reg.Register, offset int) Mem { return Mem{Base: p, Disp: offset} }

var losses = []loss{
	{"Hinge", func(l level, p, y vec, row reg.GPVirtual) vec {
		return l.keep(l.compare(atMost, l.mul(p, y), l.spread(at(row, rowThreshold))), l.negative(y))
	}, func(l level, p, y vec, row reg.GPVirtual) vec {
		return l.max(l.sub(l.spread(at(row, rowThreshold)), l.mul(p, y)), l.zero())
	}, true},
	{"LogLoss", func(l level, p, y vec, row reg.GPVirtual) vec {
		m := l.mul(y, p)
		e := l.exp(l.minusAbsolute(m))
		n := l.choose(l.compare(atLeast, m, l.zero()), e, l.fill(1))
		return l.mul(l.negative(y), l.div(n, l.addC(e, 1)))
	}, func(l level, p, y vec, row reg.GPVirtual) vec {
		m := l.mul(y, p)
		return l.add(l.max(l.negative(m), l.zero()), l.log1p(l.exp(l.minusAbsolute(m))))
	}, true},
	{"ModifiedHuber", func(l level, p, y vec, row reg.GPVirtual) vec {
		m, one := l.mul(p, y), l.fill(1)
		inner := l.mul(l.mulC(l.sub(one, m), 2), l.negative(y))
		s := l.choose(l.compare(atLeast, m, l.fill(-1)), inner, l.mulC(y, -4))
		return l.choose(l.compare(atLeast, m, one), l.zero(), s)
	}, func(l level, p, y vec, row reg.GPVirtual) vec {
		m := l.mul(p, y)
		d := l.max(l.sub(l.fill(1), m), l.zero())
		return l.choose(l.compare(less, m, l.fill(-1)), l.mulC(m, -4), l.mul(d, d))
	}, false},
	{"SquaredHinge", func(l level, p, y vec, row reg.GPVirtual) vec {
		d := l.sub(l.fill(1), l.mul(p, y))
		return l.keep(l.compare(more, d, l.zero()), l.mul(l.mulC(y, -2), d))
	}, func(l level, p, y vec, row reg.GPVirtual) vec {
		d := l.max(l.sub(l.fill(1), l.mul(p, y)), l.zero())
		return l.mul(d, d)
	}, false},
	{"SquaredError", func(l level, p, y vec, row reg.GPVirtual) vec {
		return l.sub(p, y)
	}, func(l level, p, y vec, row reg.GPVirtual) vec {
		d := l.sub(p, y)
		return l.mulC(l.mul(d, d), 0.5)
	}, false},
	{"Huber", func(l level, p, y vec, row reg.GPVirtual) vec {
		epsilon := l.spread(at(row, rowEpsilon))
		return l.min(l.max(l.sub(p, y), l.negative(epsilon)), epsilon)
	}, func(l level, p, y vec, row reg.GPVirtual) vec {
		epsilon := l.spread(at(row, rowEpsilon))
		d := l.absolute(l.sub(p, y))
		outer := l.mul(epsilon, l.sub(d, l.mulC(epsilon, 0.5)))
		return l.choose(l.compare(atMost, d, epsilon), l.mulC(l.mul(d, d), 0.5), outer)
	}, false},
	{"EpsilonInsensitive", func(l level, p, y vec, row reg.GPVirtual) vec {
		epsilon := l.spread(at(row, rowEpsilon))
		above := l.keep(l.compare(more, l.sub(p, y), epsilon), l.fill(1))
		return l.choose(l.compare(more, l.sub(y, p), epsilon), l.fill(-1), above)
	}, func(l level, p, y vec, row reg.GPVirtual) vec {
		return l.max(l.sub(l.absolute(l.sub(p, y)), l.spread(at(row, rowEpsilon))), l.zero())
	}, true},
	{"SquaredEpsilonInsensitive", func(l level, p, y vec, row reg.GPVirtual) vec {
		epsilon := l.spread(at(row, rowEpsilon))
		below, above := l.sub(y, p), l.sub(p, y)
		s := l.keep(l.compare(more, above, epsilon), l.mulC(l.sub(above, epsilon), 2))
		return l.choose(l.compare(more, below, epsilon), l.mulC(l.sub(below, epsilon), -2), s)
	}, func(l level, p, y vec, row reg.GPVirtual) vec {
		d := l.max(l.sub(l.absolute(l.sub(p, y)), l.spread(at(row, rowEpsilon))), l.zero())
		return l.mul(d, d)
	}, false},
}

func main() {
	ConstraintExpr("amd64,!purego")
	for _, l := range []level{{"AVX2", 4}, {"AVX512", 8}} {
		l.dot(false)
		l.dot(true)
		l.addTo(false)
		l.addTo(true)
		l.addDot()
		l.truncate(false)
		l.truncate(true)
		for _, f := range losses {
			l.decide(f)
			l.value(f)
		}
		l.step(false)
		l.step(true)
		l.sigmoid()
		l.exponentials()
		l.logistic()
		l.logisticSums()
		l.weighLosses()
	}
	products(1)
	products(2)
	fourProducts()
	centre(32)
	centre(64)
	subtract()
	dotRows()
	weighRows()
	sumRows(false)
	sumRows(true)
	fetch()
	Generate()
}

// fetch brings places of a table, by their numbers, into the cache.
func fetch() {
	begin("fetch", "func(table *byte, size int, idx []int32)", "brings the places idx, of so many bytes, into the cache.")
	table, size := Load(Param("table"), GP64()), Load(Param("size"), GP64())
	idx, n := Load(Param("idx").Base(), GP64()), Load(Param("idx").Len(), GP64())
	TESTQ(n, n)
	JZ(LabelRef("end"))
	Label("next")
	at := GP64()
	MOVLQSX(Mem{Base: idx}, at)
	IMULQ(size, at)
	PREFETCHT0(Mem{Base: table, Index: at, Scale: 1})
	ADDQ(Imm(4), idx)
	DECQ(n)
	JNZ(LabelRef("next"))
	Label("end")
	RET()
}

// centre takes four numbers from four columns of the rows of x, and sums up what is left.
func centre(bits int) {
	l := level{"AVX2", 4}
	begin(fmt.Sprint("centre", bits, l.name),
		fmt.Sprintf("func(x *float%d, stride int, m, out *float64, rows int, sums *float64)", bits),
		fmt.Sprintf("is Kernels.Centre%d.", bits))
	x, stride, out, rows := Load(Param("x"), GP64()), Load(Param("stride"), GP64()), Load(Param("out"), GP64()),
		Load(Param("rows"), GP64())
	m, sums := l.load(Mem{Base: Load(Param("m"), GP64())}), l.zero()
	SHLQ(Imm(uint64(bits/32+1)), stride) // in bytes
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	Label("row")
	var v vec
	if bits == 32 {
		v = l.reg()
		VCVTPS2PD(Mem{Base: x}, v)
	} else {
		v = l.load(Mem{Base: x})
	}
	v = l.sub(v, m)
	VMOVUPD(v, Mem{Base: out})
	VADDPD(v, sums, sums)
	ADDQ(stride, x)
	ADDQ(Imm(uint64(l.bytes())), out)
	DECQ(rows)
	JNZ(LabelRef("row"))
	Label("end")
	VMOVUPD(sums, Mem{Base: Load(Param("sums"), GP64())})
	VZEROUPPER()
	RET()
}

// subtract takes four numbers from each row of four.
func subtract() {
	l := level{"AVX2", 4}
	begin("subtract"+l.name, "func(x *float64, rows int, m *float64)", "is Kernels.Subtract.")
	x, rows := Load(Param("x"), GP64()), Load(Param("rows"), GP64())
	m := l.load(Mem{Base: Load(Param("m"), GP64())})
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	Label("row")
	VMOVUPD(l.sub(l.load(Mem{Base: x}), m), Mem{Base: x})
	ADDQ(Imm(uint64(l.bytes())), x)
	DECQ(rows)
	JNZ(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}

// dotRows adds products of rows of four with w, four rows at a time: the sums of pairs of two rows are neighbours in a
// half of a register, and those of the other pairs in the other.
func dotRows() {
	l := level{"AVX2", 4}
	begin("dotRows"+l.name, "func(x, w, dst *float64, rows int)", "is Kernels.DotRows.")
	x, dst, rows := Load(Param("x"), GP64()), Load(Param("dst"), GP64()), Load(Param("rows"), GP64())
	w := l.load(Mem{Base: Load(Param("w"), GP64())})
	Label("four")
	CMPQ(rows, Imm(4))
	JL(LabelRef("single"))
	var products [4]vec
	for r := range products {
		products[r] = l.mul(w, Mem{Base: x, Disp: l.bytes() * r})
	}
	first, second, low, high := l.reg(), l.reg(), l.reg(), l.reg()
	VHADDPD(products[1], products[0], first)
	VHADDPD(products[3], products[2], second)
	VPERM2F128(Imm(0x20), second, first, low)
	VPERM2F128(Imm(0x31), second, first, high)
	// rows 0, 1, 2, 3
	VMOVUPD(l.add(l.add(low, high), Mem{Base: dst}), Mem{Base: dst})
	ADDQ(Imm(uint64(4*l.bytes())), x)
	ADDQ(Imm(uint64(l.bytes())), dst)
	SUBQ(Imm(4), rows)
	JMP(LabelRef("four"))
	Label("single")
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	pairs, other := l.reg(), XMM()
	v := l.mul(w, Mem{Base: x})
	VHADDPD(v, v, pairs)
	VEXTRACTF128(Imm(1), pairs, other)
	VADDSD(other, pairs.AsX(), other)
	VADDSD(Mem{Base: dst}, other, other)
	VMOVSD(other, Mem{Base: dst})
	ADDQ(Imm(uint64(l.bytes())), x)
	ADDQ(Imm(8), dst)
	DECQ(rows)
	JMP(LabelRef("single"))
	Label("end")
	VZEROUPPER()
	RET()
}

// weighRows multiplies each row of four by a weight.
func weighRows() {
	l := level{"AVX2", 4}
	begin("weighRows"+l.name, "func(x, weights, out *float64, rows int)", "is Kernels.WeighRows.")
	x, weights, out, rows := Load(Param("x"), GP64()), Load(Param("weights"), GP64()), Load(Param("out"), GP64()),
		Load(Param("rows"), GP64())
	Label("row")
	VMOVUPD(l.mul(l.spread(Mem{Base: weights}), Mem{Base: x}), Mem{Base: out})
	ADDQ(Imm(uint64(l.bytes())), x)
	ADDQ(Imm(8), weights)
	ADDQ(Imm(uint64(l.bytes())), out)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// products sums products of the columns of a, four of them, and those of so many groups of four, row by row: a register
// for each of the four and each group. (Registers of eight values would be half as many, too few for the latency of a
// sum: see fourProducts.)
func products(groups int) {
	l := level{"AVX2", 4}
	if groups == 1 {
		begin("products"+l.name, "func(a, b *float64, rows int, t *float64)", "is Kernels.Products.")
	} else {
		begin("twoProducts"+l.name, "func(a, b, c *float64, rows int, t *float64)", "is Kernels.TwoProducts.")
	}
	a, rows, t := Load(Param("a"), GP64()), Load(Param("rows"), GP64()), Load(Param("t"), GP64())
	of := []reg.Register{Load(Param("b"), GP64())}
	if groups == 2 {
		of = append(of, Load(Param("c"), GP64()))
	}
	var sums [4][]vec
	for i := range sums {
		for range groups {
			sums[i] = append(sums[i], l.zero())
		}
	}
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	Label("row")
	var values []vec
	for _, p := range of {
		values = append(values, l.load(Mem{Base: p}))
	}
	for i := range sums {
		x := l.spread(Mem{Base: a, Disp: 8 * i})
		for g, v := range values {
			VADDPD(l.mul(v, x), sums[i][g], sums[i][g])
		}
	}
	for _, p := range append(of, a) {
		ADDQ(Imm(uint64(l.bytes())), p)
	}
	DECQ(rows)
	JNZ(LabelRef("row"))
	Label("end")
	for i := range sums {
		for g, v := range sums[i] {
			VMOVUPD(v, Mem{Base: t, Disp: l.bytes() * (i*groups + g)})
		}
	}
	VZEROUPPER()
	RET()
}

// fourProducts sums products of the columns of a, four of them, and those of four groups of four that stand step bytes
// apart, two groups in a register.
func fourProducts() {
	l := level{"AVX512", 8}
	begin("fourProducts"+l.name, "func(a, b *float64, step, rows int, t *float64)", "is Kernels.FourProducts.")
	a, b, rows := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("rows"), GP64())
	t, step := Load(Param("t"), GP64()), Load(Param("step"), GP64())
	of := []reg.Register{b}
	for range 3 {
		next := GP64()
		LEAQ(Mem{Base: of[len(of)-1], Index: step, Scale: 1}, next)
		of = append(of, next)
	}
	var sums [4][2]vec
	for i := range sums {
		for g := range sums[i] {
			sums[i][g] = l.zero()
		}
	}
	at := GP64()
	XORQ(at, at)
	SHLQ(Imm(5), rows) // in bytes
	JZ(LabelRef("end"))
	Label("row")
	var values [2]vec
	for g := range values {
		values[g] = l.reg()
		VMOVUPD(Mem{Base: of[2*g], Index: at, Scale: 1}, values[g].AsY())
		VINSERTF64X4(Imm(1), Mem{Base: of[2*g+1], Index: at, Scale: 1}, values[g], values[g])
	}
	for i := range sums {
		x := l.spread(Mem{Base: a, Index: at, Scale: 1, Disp: 8 * i})
		for g, v := range values {
			VADDPD(l.mul(v, x), sums[i][g], sums[i][g])
		}
	}
	ADDQ(Imm(32), at)
	CMPQ(at, rows)
	JL(LabelRef("row"))
	Label("end")
	for i := range sums {
		for g, v := range sums[i] {
			VMOVUPD(v, Mem{Base: t, Disp: l.bytes() * (2*i + g)})
		}
	}
	VZEROUPPER()
	RET()
}

func begin(name, signature, doc string) {
	TEXT(name, NOSPLIT, signature)
	Doc(name + " " + doc)
	Pragma("noescape")
}

func move(r reg.GPVirtual) reg.GPVirtual {
	c := GP64()
	MOVQ(r, c)
	return c
}

// tiles calls body, which handles n registers of lanes, for the first tile that fits into the lanes left, until none
// are; offset is what the tile advances by.
func (l level) tiles(sizes []int, lanes reg.GPVirtual, body func(n int)) {
	for i, n := range sizes {
		next := "end"
		if i+1 < len(sizes) {
			next = fmt.Sprint("tile", sizes[i+1])
		}
		Label(fmt.Sprint("tile", n))
		CMPQ(lanes, U32(n*l.width))
		JL(LabelRef(next))
		body(n)
		SUBQ(U32(n*l.width), lanes)
		JMP(LabelRef(fmt.Sprint("tile", n)))
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// dot sums the products of a row up, in eight sums or, sparse, in four.
func (l level) dot(sparse bool) {
	if sparse {
		begin("dotSparse"+l.name, "func(idx []int32, x []float64, w []float64, stride int, out []float64)",
			"is Kernels.DotSparse.")
	} else {
		begin("dot"+l.name, "func(x []float64, w []float64, stride int, out []float64)", "is Kernels.Dot.")
	}
	load := func(c gotypes.Component) reg.GPVirtual { return Load(c, GP64()).(reg.GPVirtual) }
	x, w, out := load(Param("x").Base()), load(Param("w").Base()), load(Param("out").Base())
	lanes, stride := load(Param("out").Len()), load(Param("stride"))
	SHLQ(Imm(3), stride)
	sums, sizes := 8, []int{1}
	if l.wide() {
		sizes = []int{3, 2, 1}
	}
	var idx reg.GPVirtual
	if sparse {
		idx = load(Param("idx").Base())
		sums = 4
		sizes = []int{2, 1}
		if l.wide() {
			sizes = []int{4, 2, 1}
		}
	}
	l.tiles(sizes, lanes, func(n int) {
		acc := make([][]vec, sums)
		for s := range acc {
			for range n {
				acc[s] = append(acc[s], l.zero())
			}
		}
		xp, wp, left := move(x), move(w), GP64()
		var ip reg.GPVirtual
		if sparse {
			ip = move(idx)
			Load(Param("idx").Len(), left)
		} else {
			Load(Param("x").Len(), left)
		}
		term := func(i, s int) {
			row := wp
			if sparse {
				row = GP64()
				MOVLQSX(at(ip, 4*i), row)
				IMULQ(stride, row)
				ADDQ(w, row)
			}
			v := l.spread(at(xp, 8*i))
			for t := range n {
				a := acc[s][t]
				VADDPD(l.mul(v, at(row, t*l.bytes())), a, a)
			}
			if !sparse {
				ADDQ(stride, wp)
			}
		}
		advance := func(by int) {
			ADDQ(Imm(uint64(8*by)), xp)
			if sparse {
				ADDQ(Imm(uint64(4*by)), ip)
			}
		}
		loop, tail, done := fmt.Sprint("loop", n), fmt.Sprint("tail", n), fmt.Sprint("done", n)
		Label(loop)
		CMPQ(left, Imm(uint64(sums)))
		JL(LabelRef(tail))
		for s := range sums {
			term(s, s)
		}
		advance(sums)
		SUBQ(Imm(uint64(sums)), left)
		JMP(LabelRef(loop))
		Label(tail)
		for s := range sums - 1 {
			TESTQ(left, left)
			JZ(LabelRef(done))
			if sparse {
				term(s, 0)
			} else {
				term(s, s)
			}
			DECQ(left)
		}
		Label(done)
		for t := range n {
			if sparse {
				VADDPD(acc[2][t], acc[0][t], acc[0][t])
				VADDPD(acc[3][t], acc[1][t], acc[1][t])
				VADDPD(acc[1][t], acc[0][t], acc[0][t])
			} else {
				l.halve(acc, t)
			}
			VMOVUPD(acc[0][t], at(out, t*l.bytes()))
		}
		ADDQ(U32(n*l.bytes()), w)
		ADDQ(U32(n*l.bytes()), out)
	})
}

// addTo adds the multiples of a row to the weights.
func (l level) addTo(sparse bool) {
	if sparse {
		begin("addSparse"+l.name, "func(idx []int32, x []float64, s []float64, w []float64, stride int)",
			"is Kernels.AddSparse.")
	} else {
		begin("add"+l.name, "func(x []float64, s []float64, w []float64, stride int)", "is Kernels.Add.")
	}
	load := func(c gotypes.Component) reg.GPVirtual { return Load(c, GP64()).(reg.GPVirtual) }
	x, w, s := load(Param("x").Base()), load(Param("w").Base()), load(Param("s").Base())
	lanes, stride := load(Param("s").Len()), load(Param("stride"))
	SHLQ(Imm(3), stride)
	var idx reg.GPVirtual
	if sparse {
		idx = load(Param("idx").Base())
	}
	l.tiles([]int{8, 4, 2, 1}, lanes, func(n int) {
		var factors []vec
		for t := range n {
			factors = append(factors, l.load(at(s, t*l.bytes())))
		}
		xp, wp, left := move(x), move(w), GP64()
		var ip reg.GPVirtual
		if sparse {
			ip = move(idx)
			Load(Param("idx").Len(), left)
		} else {
			Load(Param("x").Len(), left)
		}
		loop, done := fmt.Sprint("loop", n), fmt.Sprint("done", n)
		Label(loop)
		TESTQ(left, left)
		JZ(LabelRef(done))
		row := wp
		if sparse {
			row = GP64()
			MOVLQSX(at(ip, 0), row)
			IMULQ(stride, row)
			ADDQ(w, row)
			ADDQ(Imm(4), ip)
		}
		v := l.spread(at(xp, 0))
		for t, f := range factors {
			VMOVUPD(l.add(l.mul(f, v), at(row, t*l.bytes())), at(row, t*l.bytes()))
		}
		ADDQ(Imm(8), xp)
		if !sparse {
			ADDQ(stride, wp)
		}
		DECQ(left)
		JMP(LabelRef(loop))
		Label(done)
		ADDQ(U32(n*l.bytes()), w)
		ADDQ(U32(n*l.bytes()), s)
	})
}

// addDot adds the multiples of a row to the weights, and sums the products of the next row up in eight sums.
func (l level) addDot() {
	begin("addDot"+l.name, "func(x []float64, s []float64, w []float64, stride int, next []float64, out []float64)",
		"is Kernels.AddDot.")
	load := func(c gotypes.Component) reg.GPVirtual { return Load(c, GP64()).(reg.GPVirtual) }
	x, w, s := load(Param("x").Base()), load(Param("w").Base()), load(Param("s").Base())
	next, out := load(Param("next").Base()), load(Param("out").Base())
	lanes, stride := load(Param("s").Len()), load(Param("stride"))
	SHLQ(Imm(3), stride)
	sizes := []int{1}
	if l.wide() {
		sizes = []int{2, 1}
	}
	l.tiles(sizes, lanes, func(n int) {
		var factors []vec
		var acc [8][]vec
		for t := range n {
			factors = append(factors, l.load(at(s, t*l.bytes())))
			for i := range acc {
				acc[i] = append(acc[i], l.zero())
			}
		}
		xp, np, wp, left := move(x), move(next), move(w), GP64()
		Load(Param("x").Len(), left)
		term := func(i int) {
			a, b := l.spread(at(xp, 8*i)), l.spread(at(np, 8*i))
			for t, f := range factors {
				m := at(wp, t*l.bytes())
				v := l.add(l.mul(f, a), m)
				VMOVUPD(v, m)
				VADDPD(l.mul(b, v), acc[i][t], acc[i][t])
			}
			ADDQ(stride, wp)
		}
		loop, tail, done := fmt.Sprint("loop", n), fmt.Sprint("tail", n), fmt.Sprint("done", n)
		Label(loop)
		CMPQ(left, Imm(8))
		JL(LabelRef(tail))
		for i := range acc {
			term(i)
		}
		ADDQ(Imm(64), xp)
		ADDQ(Imm(64), np)
		SUBQ(Imm(8), left)
		JMP(LabelRef(loop))
		Label(tail)
		for i := range len(acc) - 1 {
			TESTQ(left, left)
			JZ(LabelRef(done))
			term(i)
			DECQ(left)
		}
		Label(done)
		for t := range n {
			l.halve(acc[:], t)
			VMOVUPD(acc[0][t], at(out, t*l.bytes()))
		}
		for _, p := range []reg.GPVirtual{w, s, out} {
			ADDQ(U32(n*l.bytes()), p)
		}
	})
}

// halve adds eight sums up, into the first.
func (l level) halve(acc [][]vec, t int) {
	for _, p := range [][2]int{{0, 4}, {2, 6}, {0, 2}, {1, 5}, {3, 7}, {1, 3}, {0, 1}} {
		VADDPD(acc[p[1]][t], acc[p[0]][t], acc[p[0]][t])
	}
}

// advanceGroup moves group, which points to the part of a group that fills a register, to the next.
func (l level) advanceGroup(group, half reg.GPVirtual) {
	if l.wide() {
		ADDQ(U32(groupSize), group)
		return
	}
	// To the second half, or to the first of the next group.
	to := GP64()
	MOVQ(U32(32), to)
	XORQ(Imm(1), half)
	next := GP64()
	MOVQ(U32(groupSize-32), next)
	TESTQ(half, half)
	CMOVQEQ(next, to)
	ADDQ(to, group)
}

// truncate applies the l1 penalty that is due.
func (l level) truncate(sparse bool) {
	if sparse {
		begin("truncateSparse"+l.name, "func(groups *byte, eta []float64, idx []int32, w []float64, q []float64, stride int)",
			"is Kernels.TruncateSparse.")
	} else {
		begin("truncate"+l.name, "func(groups *byte, eta []float64, w []float64, q []float64, stride int, columns int)",
			"is Kernels.Truncate.")
	}
	load := func(c gotypes.Component) reg.GPVirtual { return Load(c, GP64()).(reg.GPVirtual) }
	group, eta, w, q := load(Param("groups")), load(Param("eta").Base()), load(Param("w").Base()), load(Param("q").Base())
	lanes, stride := load(Param("eta").Len()), load(Param("stride"))
	SHLQ(Imm(3), stride)
	var half reg.GPVirtual
	if !l.wide() {
		half = GP64()
		XORQ(half, half)
	}
	l.tiles([]int{1}, lanes, func(int) {
		zero := l.zero()
		learns := l.compare(unequal, l.load(at(eta, 0)), zero)
		due, scale := l.load(at(group, groupDue)), l.load(at(group, groupScale))
		left, ip, offset := GP64(), GP64(), GP64()
		XORQ(offset, offset)
		if sparse {
			Load(Param("idx").Base(), ip)
			Load(Param("idx").Len(), left)
		} else {
			Load(Param("columns"), left)
		}
		Label("loop")
		TESTQ(left, left)
		JZ(LabelRef("done"))
		if sparse {
			MOVLQSX(at(ip, 0), offset)
			IMULQ(stride, offset)
			ADDQ(Imm(4), ip)
		}
		wAt, qAt := Mem{Base: w, Index: offset, Scale: 1}, Mem{Base: q, Index: offset, Scale: 1}
		z, had := l.load(wAt), l.load(qAt)
		d := l.div(l.add(due, l.xor(had, l.signOf(z))), scale)
		n := l.max(l.sub(l.absolute(z), d), zero)
		n = l.choose(l.compare(less, z, zero), l.negative(n), n)
		n = l.choose(l.compare(unequal, z, zero), n, z)
		n = l.choose(learns, n, z)
		VMOVUPD(n, wAt)
		VMOVUPD(l.add(had, l.mul(scale, l.sub(n, z))), qAt)
		if !sparse {
			ADDQ(stride, offset)
		}
		DECQ(left)
		JMP(LabelRef("loop"))
		Label("done")
		for _, p := range []reg.GPVirtual{eta, w, q} {
			ADDQ(U32(l.bytes()), p)
		}
		l.advanceGroup(group, half)
	})
}

// each runs body over the registers of a row's lanes. In body, i is the byte offset of the register in a list of all
// lanes.
func (l level) each(row, i reg.GPVirtual, body func(), advance ...func()) {
	n := GP64()
	MOVQ(at(row, rowN), n)
	SHLQ(Imm(6), n)
	XORQ(i, i)
	Label("loop")
	body()
	for _, f := range advance {
		f()
	}
	ADDQ(Imm(uint64(l.bytes())), i)
	CMPQ(i, n)
	JL(LabelRef("loop"))
}

// groups begins a walk over the groups, and returns what advances it.
func (l level) groups(row reg.GPVirtual) (group reg.GPVirtual, advance func()) {
	group = GP64()
	MOVQ(at(row, rowGroups), group)
	var half reg.GPVirtual
	if !l.wide() {
		half = GP64()
		XORQ(half, half)
	}
	return group, func() { l.advanceGroup(group, half) }
}

// stepped begins a walk over a list of one group or of all: see lanes.Row.Y.
func (l level) stepped(row, i reg.GPVirtual, list, step int) (load func() vec) {
	p, mask := GP64(), GP64()
	MOVQ(at(row, list), p)
	// The offset in the list is i & mask: all of it, or its place in a group.
	MOVQ(at(row, step), mask)
	NEGQ(mask)
	SBBQ(mask, mask) // −1 if the step is not 0
	ORQ(Imm(32), mask)
	return func() vec {
		offset := GP64()
		MOVQ(i, offset)
		ANDQ(mask, offset)
		return l.load(Mem{Base: p, Index: offset, Scale: 1})
	}
}

func (l level) decide(f loss) {
	begin("decide"+f.name+l.name, "func(row *byte) int", "is Kernels.Decide of the loss.")
	row := Load(Param("row"), GP64()).(reg.GPVirtual)
	i := GP64()
	group, advance := l.groups(row)
	target, weight := l.stepped(row, i, rowY, rowYStep), l.stepped(row, i, rowWeight, rowWeightStep)
	folds, list := GP64(), GP64()
	XORQ(folds, folds)
	in := func(offset int) Mem {
		MOVQ(at(row, offset), list)
		return Mem{Base: list, Index: i, Scale: 1}
	}
	l.each(row, i, func() {
		p := l.add(l.mul(l.load(at(group, groupScale)), in(rowDot)), at(group, groupIntercept))
		VMOVUPD(p, in(rowP))
		slope := f.slope(l, p, target(), row)
		if !f.bounded {
			slope = l.min(l.max(slope, l.fill(-1e12)), l.fill(1e12))
		}
		eta := l.load(in(rowEta))
		CMPQ(at(row, rowOptimal), Imm(0))
		JE(LabelRef("given"))
		{
			t := l.subC(l.add(l.load(at(group, groupT0)), eta), 1)
			VDIVPD(l.mul(t, at(group, groupAlpha)), l.fill(1), eta)
			VMOVUPD(eta, in(rowEta))
		}
		Label("given")
		update := l.mul(l.negative(eta), slope)
		VMOVUPD(l.mul(update, l.mulM(weight(), at(row, rowRowWeight))), in(rowUpdate))
		shrink := l.max(l.sub(l.fill(1), l.mul(l.mul(eta, at(group, groupL2)), at(group, groupAlpha))), l.zero())
		scale := l.mul(shrink, at(group, groupScale))
		VMOVUPD(scale, at(group, groupScale))
		VMOVUPD(l.add(l.mul(l.mul(eta, at(group, groupL1)), at(group, groupAlpha)), at(group, groupDue)), at(group, groupDue))
		l.any(l.compare(less, scale, l.fill(1e-9)), func() {
			one := GP64()
			MOVQ(U32(1), one)
			CMOVQNE(one, folds)
		})
	}, advance)
	VZEROUPPER()
	Store(folds, ReturnIndex(0))
	RET()
}

func (l level) value(f loss) {
	begin("value"+f.name+l.name, "func(row *byte)", "is Kernels.Value of the loss.")
	row := Load(Param("row"), GP64()).(reg.GPVirtual)
	i := GP64()
	target := l.stepped(row, i, rowY, rowYStep)
	p, out := GP64(), GP64()
	MOVQ(at(row, rowP), p)
	MOVQ(at(row, rowUpdate), out)
	l.each(row, i, func() {
		VMOVUPD(f.value(l, l.load(Mem{Base: p, Index: i, Scale: 1}), target(), row), Mem{Base: out, Index: i, Scale: 1})
	})
	VZEROUPPER()
	RET()
}

func (l level) step(mean bool) {
	name := "step"
	if mean {
		name = "stepMean"
	}
	begin(name+l.name, "func(row *byte)", "is Kernels.S"+name[1:]+".")
	row := Load(Param("row"), GP64()).(reg.GPVirtual)
	i, list := GP64(), GP64()
	group, advance := l.groups(row)
	in := func(offset int) Mem {
		MOVQ(at(row, offset), list)
		return Mem{Base: list, Index: i, Scale: 1}
	}
	l.each(row, i, func() {
		update := l.load(in(rowUpdate))
		scale := l.load(at(group, groupScale))
		step := l.div(update, scale)
		VMOVUPD(step, in(rowUpdate))
		intercept := l.add(l.mulM(update, at(row, rowIntercept)), at(group, groupIntercept))
		VMOVUPD(intercept, at(group, groupIntercept))
		if !mean {
			return
		}
		meanA := l.load(at(group, groupMeanA))
		VMOVUPD(l.negative(l.mul(meanA, step)), in(rowMeanUpdate))
		rows := l.load(in(rowM))
		meanB := l.div(l.load(at(group, groupMeanB)), in(rowQ))
		VMOVUPD(meanB, at(group, groupMeanB))
		VMOVUPD(l.add(meanA, l.div(l.mul(meanB, scale), rows)), at(group, groupMeanA))
		was := l.load(at(group, groupMeanIntercept))
		VMOVUPD(l.add(was, l.div(l.sub(intercept, was), rows)), at(group, groupMeanIntercept))
	}, advance)
	VZEROUPPER()
	RET()
}

func (l level) sigmoid() {
	begin("sigmoid"+l.name, "func(p []float64, out []float64)", "is Kernels.Sigmoid.")
	p := Load(Param("p").Base(), GP64()).(reg.GPVirtual)
	out := Load(Param("out").Base(), GP64()).(reg.GPVirtual)
	lanes := Load(Param("p").Len(), GP64()).(reg.GPVirtual)
	l.tiles([]int{1}, lanes, func(int) {
		v := l.load(at(p, 0))
		e := l.exp(l.minusAbsolute(v))
		n := l.choose(l.compare(atLeast, v, l.zero()), l.fill(1), e)
		VMOVUPD(l.div(n, l.addC(e, 1)), at(out, 0))
		ADDQ(Imm(uint64(l.bytes())), p)
		ADDQ(Imm(uint64(l.bytes())), out)
	})
}

func (l level) exponentials() {
	begin("exponentials"+l.name, "func(p []float64, top float64, sums *[8]float64)", "is Kernels.Exponentials.")
	p := Load(Param("p").Base(), GP64()).(reg.GPVirtual)
	n := Load(Param("p").Len(), GP64())
	top := l.reg()
	VBROADCASTSD(NewParamAddr("top", 24), top)
	var sums []vec
	for range 8 / l.width {
		sums = append(sums, l.zero())
	}
	Label("eight")
	CMPQ(n, Imm(8))
	JL(LabelRef("end"))
	for h, sum := range sums {
		a := l.sub(l.load(at(p, h*l.bytes())), top)
		e := l.keep(l.compare(notAtMost, a, l.fill(lowest)), l.exp(a))
		VMOVUPD(e, at(p, h*l.bytes()))
		VADDPD(e, sum, sum)
	}
	ADDQ(Imm(64), p)
	SUBQ(Imm(8), n)
	JMP(LabelRef("eight"))
	Label("end")
	to := Load(Param("sums"), GP64())
	for h, sum := range sums {
		VMOVUPD(sum, Mem{Base: to, Disp: h * l.bytes()})
	}
	VZEROUPPER()
	RET()
}

func (l level) logistic() {
	begin("logistic"+l.name, "func(p, y []float64, value, slope, curvature *float64)", "is Kernels.Logistic.")
	p := Load(Param("p").Base(), GP64()).(reg.GPVirtual)
	y := Load(Param("y").Base(), GP64()).(reg.GPVirtual)
	lanes := Load(Param("p").Len(), GP64()).(reg.GPVirtual)
	value := Load(Param("value"), GP64()).(reg.GPVirtual)
	slope := Load(Param("slope"), GP64()).(reg.GPVirtual)
	curvature := Load(Param("curvature"), GP64()).(reg.GPVirtual)
	l.tiles([]int{1}, lanes, func(int) {
		v, s, c := l.logisticOf(l.load(at(p, 0)), l.load(at(y, 0)))
		VMOVUPD(c(), at(curvature, 0))
		VMOVUPD(s, at(slope, 0))
		VMOVUPD(v, at(value, 0))
		for _, at := range []reg.GPVirtual{p, y, value, slope, curvature} {
			ADDQ(Imm(uint64(l.bytes())), at)
		}
	})
}

// logisticOf is the loss of log_loss and its slope, and what makes its second derivative: see lanes.Logistic.
func (l level) logisticOf(p, y vec) (value, slope vec, curvature func() vec) {
	m := l.mul(p, y)
	a := l.minusAbsolute(m)
	e := l.keep(l.compare(notAtMost, a, l.fill(lowest)), l.exp(a))
	q := l.div(l.fill(1), l.addC(e, 1))
	eq := l.mul(e, q)
	slope = l.mul(l.negative(y), l.choose(l.compare(atLeast, m, l.zero()), eq, q))
	value = l.add(l.log1p(e), l.max(l.negative(m), l.zero()))
	return value, slope, func() vec { return l.mul(eq, q) }
}

// logisticSums is for a row and many models what logistic is for many rows of one, and adds to their sums.
func (l level) logisticSums() {
	begin("logisticSums"+l.name, "func(row *byte)", "is Kernels.LogisticSums.")
	row := Load(Param("row"), GP64()).(reg.GPVirtual)
	i := GP64()
	group, advance := l.groups(row)
	target, weight := l.stepped(row, i, rowY, rowYStep), l.stepped(row, i, rowWeight, rowWeightStep)
	list := GP64()
	in := func(offset int) Mem {
		MOVQ(at(row, offset), list)
		return Mem{Base: list, Index: i, Scale: 1}
	}
	l.each(row, i, func() {
		value, slope, _ := l.logisticOf(l.add(l.load(in(rowDot)), at(group, groupIntercept)), target())
		w, counts := l.mulM(weight(), at(row, rowRowWeight)), l.compare(unequal, l.load(in(rowEta)), l.zero())
		slope = l.keep(counts, l.mul(slope, w))
		VMOVUPD(slope, in(rowUpdate))
		to := in(rowSlopes)
		VMOVUPD(l.add(slope, to), to)
		to = in(rowLosses)
		VMOVUPD(l.add(l.keep(counts, l.mul(value, w)), to), to)
	}, advance)
	VZEROUPPER()
	RET()
}

// weighLosses multiplies slopes and second derivatives by the weights of their rows, and sums them and the losses up in
// lanes of eight.
func (l level) weighLosses() {
	begin("weighLosses"+l.name, "func(weights, value, slope, curvature *float64, n int, sums *float64)",
		"is Kernels.WeighLosses.")
	var lists []reg.GPVirtual
	for _, name := range []string{"weights", "value", "slope", "curvature"} {
		lists = append(lists, Load(Param(name), GP64()).(reg.GPVirtual))
	}
	n := Load(Param("n"), GP64())
	each := 8 / l.width
	var sums [3][]vec
	for k := range sums {
		for range each {
			sums[k] = append(sums[k], l.zero())
		}
	}
	Label("eight")
	CMPQ(n, Imm(8))
	JL(LabelRef("end"))
	for h := range each {
		w := l.load(at(lists[0], h*l.bytes()))
		for k, list := range lists[1:] {
			v := l.mul(w, at(list, h*l.bytes()))
			if k > 0 {
				VMOVUPD(v, at(list, h*l.bytes()))
			}
			VADDPD(v, sums[k][h], sums[k][h])
		}
	}
	for _, list := range lists {
		ADDQ(Imm(64), list)
	}
	SUBQ(Imm(8), n)
	JMP(LabelRef("eight"))
	Label("end")
	to := Load(Param("sums"), GP64())
	for k := range sums {
		for h, v := range sums[k] {
			VMOVUPD(v, Mem{Base: to, Disp: 64*k + h*l.bytes()})
		}
	}
	VZEROUPPER()
	RET()
}

// sumRows sums rows of four, each times a number, in four sums by turns, and, as they are weighed, those, too.
func sumRows(weighed bool) {
	l := level{"AVX2", 4}
	if weighed {
		begin("weighSums"+l.name, "func(x, s, weights, out *float64, rows int, sums *float64)", "is Kernels.WeighSums.")
	} else {
		begin("sumRows"+l.name, "func(x, s *float64, rows int, sums *float64)", "is Kernels.SumRows.")
	}
	x, s, rows := Load(Param("x"), GP64()), Load(Param("s"), GP64()), Load(Param("rows"), GP64())
	var weights, out reg.Register
	kinds := 1
	if weighed {
		weights, out, kinds = Load(Param("weights"), GP64()), Load(Param("out"), GP64()), 2
	}
	sums := make([][4]vec, kinds)
	for k := range sums {
		for t := range sums[k] {
			sums[k][t] = l.zero()
		}
	}
	row := func(t int) {
		v := l.load(Mem{Base: x, Disp: t * l.bytes()})
		VADDPD(l.mul(l.spread(Mem{Base: s, Disp: 8 * t}), v), sums[0][t], sums[0][t])
		if weighed {
			z := l.mul(l.spread(Mem{Base: weights, Disp: 8 * t}), v)
			VMOVUPD(z, Mem{Base: out, Disp: t * l.bytes()})
			VADDPD(z, sums[1][t], sums[1][t])
		}
	}
	Label("four")
	CMPQ(rows, Imm(4))
	JL(LabelRef("rest"))
	for t := range 4 {
		row(t)
	}
	ADDQ(U32(4*l.bytes()), x)
	ADDQ(Imm(32), s)
	if weighed {
		ADDQ(Imm(32), weights)
		ADDQ(U32(4*l.bytes()), out)
	}
	SUBQ(Imm(4), rows)
	JMP(LabelRef("four"))
	Label("rest")
	for t := range 3 {
		CMPQ(rows, Imm(uint64(t)))
		JE(LabelRef("end"))
		row(t)
	}
	Label("end")
	to := Load(Param("sums"), GP64())
	for k, t := range sums {
		VMOVUPD(l.add(l.add(t[0], t[1]), l.add(t[2], t[3])), Mem{Base: to, Disp: k * l.bytes()})
	}
	VZEROUPPER()
	RET()
}
