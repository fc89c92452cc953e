// Command rowsarm64 generates the kernels of dense rows for arm64. In model/internal/kernel:
//
//	go generate
package main

import (
	"fmt"

	"beamlearn/model/neighbors/_asm/arm64"
)

// V is a vector register.
type V = arm64.V

// file is what is generated.
var file arm64.File

// lanes are the sums of a product of two rows.
const lanes = 8

func main() {
	for _, bits := range []int{32, 64} {
		for _, rows := range []int{1, 4} {
			dots(rows, bits)
			add(rows, bits, false)
			add(rows, bits, true)
		}
	}
	file.Write()
}

// begin begins a kernel. The first of its rows begins at R0, and the next ones at R1 to R3.
func begin(name, arguments string, rows, bits int, doc string) {
	file.Function(fmt.Sprintf("%s(x *float%d, stride int, %s *float64, n int)", name, bits, arguments), doc, 40)
	file.Go("MOVD x+0(FP), R0")
	file.Go("MOVD stride+8(FP), R4")
	for r := range rows - 1 {
		file.Go("ADD R4<<%d, R%d, R%d", bits/32+1, r, r+1)
	}
	file.Go("MOVD n+32(FP), R6")
}

// each calls body for every eight of the n values.
func each(body func()) {
	next := file.Label("eight")
	file.Mark(next)
	body()
	file.Go("SUBS $%d, R6", lanes)
	file.Go("BNE %s", next)
}

// load is eight values of a row, in four registers of float64, and goes on behind them.
func load(from string, bits int, to V) {
	if bits == 64 {
		file.Go("FLDPQ.P 32(%s), (F%d, F%d)", from, to, to+1)
		file.Go("FLDPQ.P 32(%s), (F%d, F%d)", from, to+2, to+3)
		return
	}
	file.Go("FLDPQ.P 32(%s), (F30, F31)", from)
	for i := range V(2) {
		file.Vector("fcvtl 2d 2s", to+2*i, 30+i)
		file.Vector("fcvtl2 2d 4s", to+2*i+1, 30+i)
	}
}

// The registers of eight values of w and of a row.
const (
	ofW V = 16
	ofX V = 20
)

// dots sums products of rows and w in eight lanes for each row.
func dots(rows, bits int) {
	begin(fmt.Sprintf("dots%dF%dNEON", rows, bits), "w *float64, sums", rows, bits,
		fmt.Sprintf("is sums[8r+j] = Σ x[r·stride+8i+j]·w[8i+j] over i, of %d rows of n values, a multiple of 8.", rows))
	file.Go("MOVD w+16(FP), R5")
	for v := range V(4 * rows) {
		file.Vector("eor 16b 16b 16b", v, v, v)
	}
	each(func() {
		load("R5", 64, ofW)
		for r := range rows {
			load(fmt.Sprintf("R%d", r), bits, ofX)
			for k := range V(4) {
				file.Vector("fmul 2d 2d 2d", ofX+k, ofX+k, ofW+k)
				file.Vector("fadd 2d 2d 2d", V(4*r)+k, V(4*r)+k, ofX+k)
			}
		}
	})
	file.Go("MOVD sums+24(FP), R5")
	for v := V(0); v < V(4*rows); v += 2 {
		file.Go("FSTPQ.P (F%d, F%d), 32(R5)", v, v+1)
	}
	file.Go("RET")
}

// add adds rows, or the squares of their values, each times a number, to w.
func add(rows, bits int, squares bool) {
	name, what := "add", "x[r·stride+i]"
	if squares {
		name, what = "squares", "x[r·stride+i]²"
	}
	begin(fmt.Sprintf("%s%dF%dNEON", name, rows, bits), "s *float64, w", rows, bits,
		fmt.Sprintf("is w[i] += s[r]·%s for each of %d rows by turns, of n values, a multiple of 8.", what, rows))
	file.Go("MOVD s+16(FP), R5")
	for r := range V(rows) {
		file.Go("VLD1R.P 8(R5), [%s]", r.D2())
	}
	file.Go("MOVD w+24(FP), R5")
	each(func() {
		file.Go("MOVD R5, R7")
		load("R7", 64, ofW)
		for r := range rows {
			load(fmt.Sprintf("R%d", r), bits, ofX)
			for k := range V(4) {
				if squares {
					file.Vector("fmul 2d 2d 2d", ofX+k, ofX+k, ofX+k)
				}
				file.Vector("fmul 2d 2d 2d", ofX+k, ofX+k, V(r))
				file.Vector("fadd 2d 2d 2d", ofW+k, ofW+k, ofX+k)
			}
		}
		file.Go("FSTPQ.P (F%d, F%d), 32(R5)", ofW, ofW+1)
		file.Go("FSTPQ.P (F%d, F%d), 32(R5)", ofW+2, ofW+3)
	})
	file.Go("RET")
}
