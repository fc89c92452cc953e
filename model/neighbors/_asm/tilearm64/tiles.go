package main

import (
	"fmt"

	"beamlearn/model/neighbors/_asm/arm64"
	. "beamlearn/model/neighbors/_asm/layout"
)

// The shape of a tile, and the columns that are compared at a time: the sums of all rows with these are in 24
// registers.
const (
	rows    = Rows
	columns = Columns
	stride  = Stride
	part    = 12
)

// The general registers of a tile. What belongs to columns goes on by a part at a time, through all panels.
const (
	args    = "R0"
	queries = "R1"
	panel   = "R2" // the part's first word
	words   = "R3"
	left    = "R4" // panels
	scales  = "R5"
	halves  = "R6"
	colA    = "R7"
	colB    = "R8"
	colC    = "R9"
	margins = "R10"
	hits    = "R11"
	scores  = "R12" // of the tile, or Best, where the part's begin
	parts   = "R13" // that are left of the panel
	all     = "R14" // the tile's scores
	limits  = "R15" // of the panel's columns, where the part's begin
	less    = "R16" // all ones while no score of the tile is a hit
	number  = "R17" // of the panel
	found   = "R19"
	query   = "R20" // of the words that are multiplied
	point   = "R21"
	count   = "R22"
	t1      = "R23"
	t2      = "R24"
	t3      = "R25"
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

// differs reports whether the form has a kernel of its own at a level.
func (f form) differs(level string) bool {
	switch level {
	case "DotProd":
		return f == bytes || f == manhattan || f == hamming
	case "I8MM":
		return f == bytes
	}
	return true
}

// taking is what becomes of the scores.
type taking int

const (
	find taking = iota
	scored
	best
	bestPanel
)

// tile generates one kernel.
type tile struct {
	*arm64.File
	form  form
	level string
	take  taking
	sum   [rows][part / 4]V // of the part
	free  []V
}

func newTile(f form, level string, take taking) *tile {
	return &tile{File: &file, form: f, level: level, take: take}
}

// vector is a register that is free.
func (g *tile) vector() V {
	v := g.free[len(g.free)-1]
	g.free = g.free[:len(g.free)-1]
	return v
}

func (g *tile) vectors(n int) []V {
	all := make([]V, n)
	for i := range all {
		all[i] = g.vector()
	}
	return all
}

func (g *tile) give(v ...V) { g.free = append(g.free, v...) }

// each calls do for every sum.
func (g *tile) each(do func(i, c int)) {
	for i := range rows {
		for c := range g.sum[i] {
			do(i, c)
		}
	}
}

// function generates the kernel: panel after panel, part after part.
func (g *tile) function() {
	name := string(g.form) + []string{"", "Scored", "Best", "BestPanel"}[g.take] + g.level
	if g.take == find || g.take == scored {
		g.Function(name+"(a *byte) int", "finds the hits of the tiles: see Tile.", 16)
	} else {
		g.Function(name+"(a *byte)", "raises a.Best to the scores of the tiles: see Tile.", 8)
	}
	g.Go("MOVD a+0(FP), %s", args)
	for _, a := range []struct {
		offset   int
		register string
	}{{ArgQueries, queries}, {ArgPanels, panel}, {ArgWords, words}, {ArgNPanels, left}, {ArgScales, scales},
		{ArgHalves, halves}, {ArgA, colA}, {ArgB, colB}, {ArgC, colC}, {ArgMargins, margins}, {ArgHits, hits},
		{ArgBest, all}, {ArgNumber, number}} {
		g.Go("MOVD %d(%s), %s", a.offset, args, a.register)
	}
	switch g.take {
	case find:
		g.Room("scores", 4*rows*columns, all)
		fallthrough
	case scored:
		g.Room("limits", 4*columns, limits)
		g.Go("MOVD ZR, %s", found)
		g.Go("MOVD ZR, %s", number)
	}
	nextPanel, nextPart := g.Label("panel"), g.Label("part")
	g.Mark(nextPanel)
	if g.take == find || g.take == scored {
		g.rowLimits()
		g.At("limits", limits)
		g.Go("MOVD $-1, %s", less)
	}
	g.Go("MOVD %s, %s", all, scores)
	g.Go("MOVD $%d, %s", columns/part, parts)
	g.Mark(nextPart)
	g.part()
	g.Go("ADD $%d, %s", 4*part, panel)
	g.Go("ADD $%d, %s", 4*part, scores)
	g.Go("SUBS $1, %s", parts)
	g.Go("BNE %s", nextPart)
	if g.take == find || g.take == scored {
		g.hit()
	}
	g.Go("ADD $1, %s", number)
	// The panel's next words are those of the next panel, but for the last of it.
	g.Go("MOVD $%d, %s", stride, t1)
	g.Go("SUB $1, %s, %s", words, t2)
	g.Go("MADD %s, %s, %s, %s", t1, panel, t2, panel)
	g.Go("SUBS $1, %s", left)
	g.Go("BNE %s", nextPanel)
	if g.take == find || g.take == scored {
		if g.take == scored {
			g.Go("MOVD %s, %d(%s)", all, ArgBest, args)
		}
		g.Go("MOVD %s, ret+8(FP)", found)
	}
	g.Go("RET")
}

// rowLimits writes the limits of the queries in the panel. What is not a number gives way to those of columns.
func (g *tile) rowLimits() {
	for i, offset := range []int{ArgQA, ArgQB, ArgQC} {
		g.Go("ADD $%d, %s, %s", offset, args, t1)
		g.Go("FLDPQ (%s), (F%d, F%d)", t1, 2*i, 2*i+1)
	}
	g.Go("FMOVD.P 8(%s), F6", margins)
	g.Go("MOVD $0xff800000, %s", t1)
	g.Go("VDUP %s, V7.S4", t1)
	for i := range V(2) {
		g.Lane("fmla 4s 4s s", i, 2+i, 6, 0)
		g.Lane("fmla 4s 4s s", i, 4+i, 6, 1)
		g.Vector("fcmeq 4s 4s 4s", 2, i, i)
		g.Vector("bif 16b 16b 16b", i, 7, 2)
	}
	g.Go("ADD $%d, %s, %s", ArgLimits, args, t1)
	g.Go("FSTPQ (F0, F1), (%s)", t1)
}

// part makes the scores of a part and takes them.
func (g *tile) part() {
	g.free = nil
	for v := V(31); v >= 24; v-- {
		g.give(v)
	}
	g.each(func(i, c int) {
		g.sum[i][c] = V(3*i + c)
		g.Vector("eor 16b 16b 16b", g.sum[i][c], g.sum[i][c], g.sum[i][c])
	})
	switch {
	case g.form == float32s:
		g.multiplyFloats()
	case g.form != bytes:
		g.differences()
	case g.level == "I8MM":
		g.multiplyPairs()
	default:
		g.multiply()
	}
	g.score()
	if g.take == find || g.take == scored {
		g.compare()
	} else {
		g.raise()
	}
}

// eachWord generates a loop over the words, two at a time after one where they are odd. word takes the words at an
// offset, and where both is set those a stride further.
func (g *tile) eachWord(word func(offset int), both func()) {
	pairs, done := g.Label("pairs"), g.Label("done")
	g.Go("MOVD %s, %s", queries, query)
	g.Go("MOVD %s, %s", panel, point)
	g.Go("MOVD %s, %s", words, count)
	g.Go("TBZ $0, %s, %s", count, pairs)
	word(0)
	g.Go("ADD $%d, %s", stride, query)
	g.Go("ADD $%d, %s", stride, point)
	g.Go("SUB $1, %s", count)
	g.Go("CBZ %s, %s", count, done)
	g.Mark(pairs)
	if both != nil {
		both()
	} else {
		word(0)
		word(stride)
	}
	g.Go("ADD $%d, %s", 2*stride, query)
	g.Go("ADD $%d, %s", 2*stride, point)
	g.Go("SUBS $2, %s", count)
	g.Go("BNE %s", pairs)
	g.Mark(done)
}

// loaded are a word of the queries and of the points.
func (g *tile) loaded(offset int, q, p []V) {
	g.Go("FLDPQ %d(%s), (%s, %s)", offset, query, q[0].F(), q[1].F())
	g.Go("FLDPQ %d(%s), (%s, %s)", offset, point, p[0].F(), p[1].F())
	g.Go("FMOVQ %d(%s), %s", offset+32, point, p[2].F())
}

// multiplyFloats adds up products of float32, fused.
func (g *tile) multiplyFloats() {
	q, p := g.vectors(2), g.vectors(3)
	g.eachWord(func(offset int) {
		g.loaded(offset, q, p)
		g.each(func(i, c int) { g.Lane("fmla 4s 4s s", g.sum[i][c], p[c], q[i/4], i%4) })
	}, nil)
	g.give(append(q, p...)...)
}

// multiply adds up products of int8. Without the dot product, pairs of products fit into 16 bits, as no value is −128.
func (g *tile) multiply() {
	q, p := g.vectors(2), g.vectors(3)
	t := g.vectors(3)
	g.eachWord(func(offset int) {
		g.loaded(offset, q, p)
		if g.level == "DotProd" {
			g.each(func(i, c int) { g.Lane("sdot 4s 16b 4b", g.sum[i][c], p[c], q[i/4], i%4) })
			return
		}
		g.each(func(i, c int) {
			if c == 0 {
				g.Dup(t[0], q[i/4], i%4)
			}
			g.Vector("smull 8h 8b 8b", t[1], p[c], t[0])
			g.Vector("smull2 8h 16b 16b", t[2], p[c], t[0])
			g.Vector("addp 8h 8h 8h", t[1], t[1], t[2])
			g.Vector("sadalp 4s 8h", g.sum[i][c], t[1])
		})
	}, nil)
	g.give(append(append(q, p...), t...)...)
}

// multiplyPairs adds up products of two words at a time, of two queries and two points in each instruction: the
// registers have 2 × 2 sums until the end. Of an odd word the other is 0 in the queries.
func (g *tile) multiplyPairs() {
	q, p, b := g.vectors(4), g.vectors(2), g.vectors(2)
	products := func(c int) {
		for i := range V(rows / 2) {
			for j := range V(2) {
				g.Vector("smmla 4s 16b 16b", 6*i+2*V(c)+j, q[i], b[j])
			}
		}
	}
	g.eachWord(func(int) {
		g.Go("FLDPQ (%s), (%s, %s)", query, q[1].F(), q[3].F())
		g.Vector("eor 16b 16b 16b", p[0], p[0], p[0])
		for i := range 2 {
			g.Vector("zip1 4s 4s 4s", q[2*i], q[2*i+1], p[0])
			g.Vector("zip2 4s 4s 4s", q[2*i+1], q[2*i+1], p[0])
		}
		for c := range part / 4 {
			g.Go("FMOVQ %d(%s), %s", 16*c, point, p[1].F())
			g.Vector("zip1 4s 4s 4s", b[0], p[1], p[1])
			g.Vector("zip2 4s 4s 4s", b[1], p[1], p[1])
			products(c)
		}
	}, func() {
		g.Go("FLDPQ (%s), (%s, %s)", query, q[1].F(), q[3].F())
		g.Go("FLDPQ %d(%s), (%s, %s)", stride, query, p[0].F(), p[1].F())
		for i := range 2 {
			g.Vector("zip1 4s 4s 4s", q[2*i], q[2*i+1], p[i])
			g.Vector("zip2 4s 4s 4s", q[2*i+1], q[2*i+1], p[i])
		}
		for c := range part / 4 {
			g.Go("FMOVQ %d(%s), %s", 16*c, point, p[0].F())
			g.Go("FMOVQ %d(%s), %s", stride+16*c, point, p[1].F())
			g.Vector("zip1 4s 4s 4s", b[0], p[0], p[1])
			g.Vector("zip2 4s 4s 4s", b[1], p[0], p[1])
			products(c)
		}
	})
	g.give(append(append(q, p...), b...)...)
	for i := range V(rows / 2) {
		for c := range V(part / 4) {
			t, first, second := g.vector(), 6*i+2*c, 6*i+2*c+1
			g.Vector("zip1 2d 2d 2d", t, first, second)
			g.Vector("zip2 2d 2d 2d", first, first, second)
			g.sum[2*i][c], g.sum[2*i+1][c] = t, first
			g.give(second)
		}
	}
}

// differences adds up differences of int8 without their signs, or takes the greatest, or counts those that are not 0.
func (g *tile) differences() {
	q, p, t := g.vectors(2), g.vectors(3), g.vectors(2)
	var ones V
	dot := g.level == "DotProd"
	if dot {
		ones = g.vector()
		g.Go("MOVD $0x01010101, %s", t1)
		g.Go("VDUP %s, %s", t1, ones.S4())
	}
	g.eachWord(func(offset int) {
		g.loaded(offset, q, p)
		g.each(func(i, c int) {
			if c == 0 {
				g.Dup(t[0], q[i/4], i%4)
			}
			if g.form == hamming {
				g.Vector("cmeq 16b 16b 16b", t[1], p[c], t[0]) // −1 where they are equal
			} else {
				g.Vector("sabd 16b 16b 16b", t[1], p[c], t[0])
			}
			switch {
			case g.form == chebyshev:
				g.Vector("umax 16b 16b 16b", g.sum[i][c], g.sum[i][c], t[1])
			case g.form == manhattan && dot:
				g.Vector("udot 4s 16b 16b", g.sum[i][c], t[1], ones)
			case g.form == manhattan:
				g.Vector("uaddlp 8h 16b", t[1], t[1])
				g.Vector("uadalp 4s 8h", g.sum[i][c], t[1])
			case dot:
				g.Vector("sdot 4s 16b 16b", g.sum[i][c], t[1], ones)
			default:
				g.Vector("saddlp 8h 16b", t[1], t[1])
				g.Vector("sadalp 4s 8h", g.sum[i][c], t[1])
			}
		})
	}, nil)
	if dot {
		g.give(ones)
	}
	switch g.form {
	case hamming: // of all components
		g.Go("LSL $2, %s, %s", words, t1)
		g.Go("VDUP %s, %s", t1, t[0].S4())
		g.each(func(i, c int) { g.Vector("add 4s 4s 4s", g.sum[i][c], g.sum[i][c], t[0]) })
	case chebyshev: // of the four of each row
		g.each(func(i, c int) {
			v := g.sum[i][c]
			for _, by := range []int{16, 8} {
				g.Shift("ushr 4s 4s", t[0], v, by)
				g.Vector("umax 16b 16b 16b", v, v, t[0])
			}
			g.Shift("shl 4s 4s", v, v, 24)
			g.Shift("ushr 4s 4s", v, v, 24)
		})
	}
	g.give(append(append(q, p...), t...)...)
}

// columnsOf loads what a part has of a list of the panels' rows, and goes on.
func (g *tile) columnsOf(list string) []V {
	v := g.vectors(part / 4)
	g.Go("FLDPQ (%s), (%s, %s)", list, v[0].F(), v[1].F())
	g.Go("FMOVQ 32(%s), %s", list, v[2].F())
	g.Go("ADD $%d, %s", 4*part, list)
	return v
}

// score makes S − Halves of the sums.
func (g *tile) score() {
	if g.form == float32s {
		h := g.columnsOf(halves)
		g.each(func(i, c int) { g.Vector("fsub 4s 4s 4s", g.sum[i][c], g.sum[i][c], h[c]) })
		g.give(h...)
		return
	}
	g.each(func(i, c int) { g.Vector("scvtf 4s 4s", g.sum[i][c], g.sum[i][c]) })
	if g.form == bytes {
		s := g.columnsOf(scales)
		g.each(func(i, c int) { g.Vector("fmul 4s 4s 4s", g.sum[i][c], g.sum[i][c], s[c]) })
		g.give(s...)
	}
	h, q := g.columnsOf(halves), g.vectors(2)
	for _, v := range h {
		g.Vector("fneg 4s 4s", v, v)
	}
	g.Go("ADD $%d, %s, %s", ArgQScales, args, t1)
	g.Go("FLDPQ (%s), (%s, %s)", t1, q[0].F(), q[1].F())
	g.each(func(i, c int) {
		t := g.vector()
		g.Vector("orr 16b 16b 16b", t, h[c], h[c])
		g.Lane("fmla 4s 4s s", t, g.sum[i][c], q[i/4], i%4)
		g.give(g.sum[i][c])
		g.sum[i][c] = t
	})
	g.give(append(h, q...)...)
}

// raise takes the scores into Best.
func (g *tile) raise() {
	t := g.vectors(2)
	if g.take == bestPanel {
		low, n := g.vector(), g.vector()
		g.Go("MOVD $%d, %s", 1<<PanelBits-1, t1)
		g.Go("VDUP %s, %s", t1, low.S4())
		g.Go("VDUP %s, %s", number, n.S4())
		g.each(func(i, c int) {
			g.Vector("bic 16b 16b 16b", g.sum[i][c], g.sum[i][c], low)
			g.Vector("orr 16b 16b 16b", g.sum[i][c], g.sum[i][c], n)
		})
	}
	g.each(func(i, c int) {
		at := fmt.Sprintf("%d(%s)", i*stride+16*c, scores)
		g.Go("FMOVQ %s, %s", at, t[0].F())
		g.Vector("fcmgt 4s 4s 4s", t[1], g.sum[i][c], t[0])
		g.Vector("bit 16b 16b 16b", t[0], g.sum[i][c], t[1])
		g.Go("FMOVQ %s, %s", t[0].F(), at)
	})
}

// compare writes the scores and the limits of the part's columns, and looks whether there is a hit.
func (g *tile) compare() {
	g.each(func(i, c int) { g.Go("FMOVQ %s, %d(%s)", g.sum[i][c].F(), i*stride+16*c, scores) })
	limit := g.columnsOf(colA)
	margin := g.vector()
	g.Go("ADD $%d, %s, %s", ArgQMargin, args, t1)
	g.Go("FMOVD (%s), %s", t1, margin.F())
	for lane, list := range []string{colB, colC} {
		v := g.columnsOf(list)
		for c := range v {
			g.Lane("fmla 4s 4s s", limit[c], v[c], margin, lane)
		}
		g.give(v...)
	}
	g.give(margin)
	for c, v := range limit {
		g.Go("FMOVQ %s, %d(%s)", v.F(), 16*c, limits)
	}
	g.Go("ADD $%d, %s", 4*part, limits)
	row, half, t, every := g.vector(), g.vector(), g.vector(), g.vector()
	g.Vector("cmeq 16b 16b 16b", every, every, every)
	g.Go("ADD $%d, %s, %s", ArgLimits, args, t1)
	g.Go("ADD $%d, %s, %s", ArgQHalves, args, t2)
	g.each(func(i, c int) {
		if c == 0 {
			g.Go("VLD1R.P 4(%s), [%s]", t1, row.S4())
			g.Go("VLD1R.P 4(%s), [%s]", t2, half.S4())
		}
		g.less(t, g.sum[i][c], limit[c], row, half)
		g.Vector("and 16b 16b 16b", every, every, t)
	})
	g.Vector("uminv s 4s", t, every)
	g.Go("FMOVS %s, %s", t.F(), t1)
	g.Go("AND %s, %s", t1, less)
}

// less is all ones where a score with the greater of two limits is less than the query's half.
func (g *tile) less(to, score, limit, row, half V) {
	g.Vector("fmax 4s 4s 4s", to, limit, row)
	g.Vector("fadd 4s 4s 4s", to, score, to)
	g.Vector("fcmgt 4s 4s 4s", to, half, to)
}

// hit writes the hits of the tile, if it has one, by its scores and limits.
func (g *tile) hit() {
	none, nextRow := g.Label("none"), g.Label("row")
	// less is of 32 bits.
	g.Go("CMNW $1, %s", less)
	g.Go("BEQ %s", none)
	g.Go("MOVD %s, (%s)", number, hits)
	g.Go("ADD $%d, %s, %s", ArgLimits, args, t1)
	g.Go("ADD $%d, %s, %s", ArgQHalves, args, t2)
	g.Go("MOVD %s, %s", all, scores)
	g.Go("MOVD $0x8040201008040201, %s", t3)
	const bits, row, half, limit = V(16), V(17), V(18), V(19)
	g.Go("VDUP %s, %s", t3, bits.D2())
	g.At("limits", limits)
	g.Go("ADD $%d, %s", HitMasks, hits)
	g.Go("MOVD $%d, %s", rows, count)
	g.Mark(nextRow)
	g.Go("VLD1R.P 4(%s), [%s]", t1, row.S4())
	g.Go("VLD1R.P 4(%s), [%s]", t2, half.S4())
	g.Go("MOVD ZR, %s", point)
	for k := range 3 { // 16 columns
		for c := range V(4) {
			g.Go("FMOVQ.P 16(%s), %s", scores, c.F())
			g.Go("FMOVQ %d(%s), %s", 64*k+16*int(c), limits, limit.F())
			g.less(limit, c, limit, row, half)
			g.Vector("orr 16b 16b 16b", c, limit, limit)
		}
		g.Vector("uzp1 8h 8h 8h", 0, 0, 1)
		g.Vector("uzp1 8h 8h 8h", 2, 2, 3)
		g.Vector("uzp1 16b 16b 16b", 0, 0, 2)
		g.Vector("bic 16b 16b 16b", 0, bits, 0)
		for range 3 {
			g.Vector("addp 16b 16b 16b", 0, 0, 0)
		}
		g.Go("VMOV V0.H[0], %s", query)
		g.Go("ORR %s<<%d, %s", query, 16*k, point)
	}
	g.Go("MOVD.P %s, 8(%s)", point, hits)
	g.Go("SUBS $1, %s", count)
	g.Go("BNE %s", nextRow)
	g.Go("ADD $1, %s", found)
	if g.take == scored {
		g.Go("ADD $%d, %s", 4*rows*columns, all)
	}
	g.Mark(none)
}
