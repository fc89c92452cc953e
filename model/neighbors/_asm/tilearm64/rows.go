package main

import "fmt"

// zero clears registers.
func zero(v ...V) {
	for _, r := range v {
		file.Vector("eor 16b 16b 16b", r, r, r)
	}
}

// load4 and store4 are of sixteen numbers of four bytes from first on, and go on behind them.
func load4(from string, first V) {
	file.Go("FLDPQ.P 32(%s), (F%d, F%d)", from, first, first+1)
	file.Go("FLDPQ.P 32(%s), (F%d, F%d)", from, first+2, first+3)
}

func store4(first V, to string) {
	file.Go("FSTPQ.P (F%d, F%d), 32(%s)", first, first+1, to)
	file.Go("FSTPQ.P (F%d, F%d), 32(%s)", first+2, first+3, to)
}

// widenPair makes eight float64 of the float32 in two registers.
func widenPair(from, to V) {
	for i := range V(2) {
		file.Vector("fcvtl 2d 2s", to+2*i, from+i)
		file.Vector("fcvtl2 2d 4s", to+2*i+1, from+i)
	}
}

// loop generates body as often as n is greater than 0, after which n goes down by step.
func loop(n string, step int, body func()) {
	next, done := file.Label("next"), file.Label("done")
	file.Go("CMP $%d, %s", step, n)
	file.Go("BLT %s", done)
	file.Mark(next)
	body()
	file.Go("SUB $%d, %s", step, n)
	file.Go("CMP $%d, %s", step, n)
	file.Go("BGE %s", next)
	file.Mark(done)
}

// screen adds up squares of differences of float32 in any order.
func screen() {
	file.Function("screenNEON(x []float32, y []float32, dim int, pairs []uint64, out []float32)",
		"computes squared distances in float32: see Kernels.", 104)
	eachPair(56, 80, 4, 4, func() {
		zero(0, 1, 2, 3)
		square := func(i V) {
			file.Vector("fsub 4s 4s 4s", 4+i, 4+i, 16+i)
			file.Vector("fmla 4s 4s 4s", i, 4+i, 4+i)
		}
		loop("R10", 16, func() {
			load4("R8", 4)
			load4("R9", 16)
			for i := range V(4) {
				square(i)
			}
		})
		loop("R10", 4, func() {
			file.Go("FMOVQ.P 16(R8), F4")
			file.Go("FMOVQ.P 16(R9), F16")
			square(0)
		})
		loop("R10", 1, func() {
			file.Go("FMOVS.P 4(R8), F4") // whose other elements are 0
			file.Go("FMOVS.P 4(R9), F16")
			square(0)
		})
		file.Vector("fadd 4s 4s 4s", 0, 0, 1)
		file.Vector("fadd 4s 4s 4s", 2, 2, 3)
		file.Vector("fadd 4s 4s 4s", 0, 0, 2)
		file.Vector("faddp 4s 4s 4s", 0, 0, 0)
		file.Vector("faddp 4s 4s 4s", 0, 0, 0)
		file.Go("FMOVS.P F0, 4(R6)")
	})
}

// centre subtracts a centre of float32.
func centre() {
	file.Function("centreNEON(x []float32, centre []float32, factor float32, y []float32, next *float32) uint32",
		"subtracts a centre: see Kernels.", 92)
	file.Go("MOVD x_base+0(FP), R0")
	file.Go("MOVD x_len+8(FP), R2")
	file.Go("MOVD centre_base+24(FP), R1")
	file.Go("MOVD y_base+56(FP), R3")
	file.Go("MOVD next+80(FP), R4")
	file.Go("MOVD $factor+48(FP), R5")
	file.Go("VLD1R (R5), [V31.S4]")
	file.Go("NEG R2, R6") // to the next multiple of 16
	file.Go("AND $15, R6")
	zero(30, 29)
	take := func(i V) {
		file.Vector("fmul 4s 4s 4s", i, i, 31)
		file.Vector("fsub 4s 4s 4s", i, i, 16+i)
		file.Vector("fabs 4s 4s", 4+i, i)
		file.Vector("umax 4s 4s 4s", 30, 30, 4+i)
	}
	loop("R2", 16, func() {
		file.Go("PRFM (R4), PLDL2KEEP")
		file.Go("ADD $64, R4")
		load4("R0", 0)
		load4("R1", 16)
		for i := range V(4) {
			take(i)
		}
		store4(0, "R3")
	})
	loop("R2", 1, func() {
		file.Go("FMOVS.P 4(R0), F0")
		file.Go("FMOVS.P 4(R1), F16")
		file.Vector("fmul 4s 4s 4s", 0, 0, 31)
		file.Vector("fsub 4s 4s 4s", 0, 0, 16)
		file.Go("FMOVS.P F0, 4(R3)")
		file.Vector("fabs 4s 4s", 4, 0)
		file.Go("FMOVS F4, F4") // whose others may be of an infinite factor
		file.Vector("umax 4s 4s 4s", 30, 30, 4)
	})
	loop("R6", 1, func() { file.Go("FMOVS.P F29, 4(R3)") })
	file.Vector("umaxv s 4s", 30, 30)
	file.Go("FMOVS F30, ret+88(FP)")
	file.Go("RET")
}

// narrow makes sixteen int8 of four registers of small whole numbers.
func narrow(first V) {
	file.Vector("uzp1 8h 8h 8h", first, first, first+1)
	file.Vector("uzp1 8h 8h 8h", first+2, first+2, first+3)
	file.Vector("uzp1 16b 16b 16b", first, first, first+2)
}

// round rounds float32 to int8.
func round() {
	file.Function("roundNEON(y []float32, inverse float32, q []int8) (sum int32, squares int32)",
		"rounds to int8: see Kernels.", 64)
	file.Go("MOVD y_base+0(FP), R0")
	file.Go("MOVD y_len+8(FP), R1")
	file.Go("MOVD q_base+32(FP), R2")
	file.Go("MOVD $inverse+24(FP), R3")
	file.Go("VLD1R (R3), [V31.S4]")
	file.Go("MOVD $127, R4")
	file.Go("VDUP R4, V30.S4")
	file.Go("MOVD $-127, R4")
	file.Go("VDUP R4, V29.S4")
	zero(16, 17)
	loop("R1", 16, func() {
		load4("R0", 0)
		for i := range V(4) {
			file.Vector("fmul 4s 4s 4s", i, i, 31)
			file.Vector("fcvtns 4s 4s", i, i)
			file.Vector("smin 4s 4s 4s", i, i, 30)
			file.Vector("smax 4s 4s 4s", i, i, 29)
			file.Vector("add 4s 4s 4s", 16, 16, i)
			file.Vector("mla 4s 4s 4s", 17, i, i)
		}
		narrow(0)
		file.Go("FMOVQ.P F0, 16(R2)")
	})
	file.Vector("addv s 4s", 16, 16)
	file.Vector("addv s 4s", 17, 17)
	file.Go("FMOVS F16, sum+56(FP)")
	file.Go("FMOVS F17, squares+60(FP)")
	file.Go("RET")
}

// missing adds up in any order what int8 lack of float32.
func missing() {
	file.Function("missingNEON(y []float32, scale float32, q []int8) (miss float32, squares float32)",
		"is the squared lengths of rows of int8: see Kernels.", 64)
	file.Go("MOVD y_base+0(FP), R0")
	file.Go("MOVD y_len+8(FP), R1")
	file.Go("MOVD q_base+32(FP), R2")
	file.Go("MOVD $scale+24(FP), R3")
	file.Go("VLD1R (R3), [V31.S4]")
	zero(16, 17, 18, 19, 20, 21, 22, 23)
	loop("R1", 16, func() {
		load4("R0", 0)
		file.Go("FMOVQ.P 16(R2), F4")
		file.Vector("sxtl 8h 8b", 5, 4)
		file.Vector("sxtl2 8h 16b", 6, 4)
		for i := range V(2) {
			file.Vector("sxtl 4s 4h", 24+2*i, 5+i)
			file.Vector("sxtl2 4s 8h", 25+2*i, 5+i)
		}
		for i := range V(4) {
			file.Vector("scvtf 4s 4s", 24+i, 24+i)
			file.Vector("fmla 4s 4s 4s", 20+i, i, i)
			file.Vector("fmls 4s 4s 4s", i, 24+i, 31)
			file.Vector("fmla 4s 4s 4s", 16+i, i, i)
		}
	})
	for _, first := range []V{16, 20} {
		file.Vector("fadd 4s 4s 4s", first, first, first+1)
		file.Vector("fadd 4s 4s 4s", first+2, first+2, first+3)
		file.Vector("fadd 4s 4s 4s", first, first, first+2)
		file.Vector("faddp 4s 4s 4s", first, first, first)
		file.Vector("faddp 4s 4s 4s", first, first, first)
	}
	file.Go("FMOVS F16, miss+56(FP)")
	file.Go("FMOVS F20, squares+60(FP)")
	file.Go("RET")
}

// widen turns float32 into float64.
func widen() {
	file.Function("widenNEON(x []float32, y []float64)", "turns float32 into float64: see Kernels.", 48)
	file.Go("MOVD x_base+0(FP), R0")
	file.Go("MOVD x_len+8(FP), R1")
	file.Go("MOVD y_base+24(FP), R2")
	loop("R1", 8, func() {
		file.Go("FLDPQ.P 32(R0), (F16, F17)")
		widenPair(16, 0)
		store4(0, "R2")
	})
	loop("R1", 1, func() {
		file.Go("FMOVS.P 4(R0), F0")
		file.Go("FCVTSD F0, F0")
		file.Go("FMOVD.P F0, 8(R2)")
	})
	file.Go("RET")
}

// centre64 subtracts a centre of float64.
func centre64() {
	file.Function("centre64NEON(x []float64, centre []float64, factor float64, y []float64) uint64",
		"subtracts a centre: see Kernels.", 88)
	file.Go("MOVD x_base+0(FP), R0")
	file.Go("MOVD x_len+8(FP), R2")
	file.Go("MOVD centre_base+24(FP), R1")
	file.Go("MOVD y_base+56(FP), R3")
	file.Go("MOVD $factor+48(FP), R5")
	file.Go("VLD1R (R5), [V31.D2]")
	file.Go("NEG R2, R6") // to the next multiple of 8
	file.Go("AND $7, R6")
	zero(30)
	most := func(v V) {
		file.Vector("fabs 2d 2d", v, v)
		file.Vector("cmhi 2d 2d 2d", 28, v, 30)
		file.Vector("bit 16b 16b 16b", 30, v, 28)
	}
	loop("R2", 8, func() {
		load4("R0", 0)
		load4("R1", 16)
		for i := range V(4) {
			file.Vector("fsub 2d 2d 2d", i, i, 16+i)
			file.Vector("fmul 2d 2d 2d", i, i, 31)
		}
		store4(0, "R3")
		for i := range V(4) {
			most(i)
		}
	})
	loop("R2", 1, func() {
		file.Go("FMOVD.P 8(R0), F0")
		file.Go("FMOVD.P 8(R1), F16")
		file.Go("FSUBD F16, F0, F0")
		file.Go("FMULD F31, F0, F0")
		file.Go("FMOVD.P F0, 8(R3)")
		most(0)
	})
	loop("R6", 1, func() { file.Go("MOVD.P ZR, 8(R3)") })
	file.Go("VMOV V30.D[0], R0")
	file.Go("VMOV V30.D[1], R1")
	file.Go("CMP R1, R0")
	file.Go("CSEL HI, R0, R1, R0")
	file.Go("MOVD R0, ret+80(FP)")
	file.Go("RET")
}

// round64 rounds float64 to int8 and adds up in the order of the lanes of pairs what they lack.
func round64() {
	file.Function("round64NEON(y []float64, inverse float64, scale float64, q []int8) "+
		"(sum int32, squares int32, miss float64, square float64)", "rounds to int8: see Kernels.", 88)
	file.Go("MOVD y_base+0(FP), R0")
	file.Go("MOVD y_len+8(FP), R1")
	file.Go("MOVD q_base+40(FP), R2")
	file.Go("MOVD $inverse+24(FP), R3")
	file.Go("VLD1R (R3), [V31.D2]")
	file.Go("MOVD $scale+32(FP), R3")
	file.Go("VLD1R (R3), [V30.D2]")
	file.Go("FMOVD $127.0, F29")
	file.Go("VDUP V29.D[0], V29.D2")
	file.Go("FMOVD $-127.0, F28")
	file.Go("VDUP V28.D[0], V28.D2")
	zero(16, 17, 18, 19, 20, 21, 22, 23, 26, 27)
	loop("R1", 8, func() {
		load4("R0", 0)
		for i := range V(4) {
			file.Vector("fmul 2d 2d 2d", 4+i, i, 31)
			file.Vector("frintn 2d 2d", 4+i, 4+i)
			file.Vector("fmin 2d 2d 2d", 4+i, 4+i, 29)
			file.Vector("fmax 2d 2d 2d", 4+i, 4+i, 28)
			file.Vector("fmul 2d 2d 2d", 24, 4+i, 30)
			file.Vector("fsub 2d 2d 2d", 24, i, 24)
			file.Vector("fmul 2d 2d 2d", 24, 24, 24)
			file.Vector("fadd 2d 2d 2d", 16+i, 16+i, 24)
			file.Vector("fmul 2d 2d 2d", 24, i, i)
			file.Vector("fadd 2d 2d 2d", 20+i, 20+i, 24)
			file.Vector("fcvtzs 2d 2d", 4+i, 4+i)
		}
		for i := range V(2) { // the low halves
			file.Vector("uzp1 4s 4s 4s", 4+i, 4+2*i, 5+2*i)
			file.Vector("add 4s 4s 4s", 26, 26, 4+i)
			file.Vector("mla 4s 4s 4s", 27, 4+i, 4+i)
		}
		file.Vector("uzp1 8h 8h 8h", 4, 4, 5)
		file.Vector("uzp1 16b 16b 16b", 4, 4, 4)
		file.Go("FMOVD.P F4, 8(R2)")
	})
	file.Vector("addv s 4s", 26, 26)
	file.Vector("addv s 4s", 27, 27)
	file.Go("FMOVS F26, sum+64(FP)")
	file.Go("FMOVS F27, squares+68(FP)")
	tree(16)
	file.Go("FMOVD F16, miss+72(FP)")
	tree(20)
	file.Go("FMOVD F20, square+80(FP)")
	file.Go("RET")
}

// tree adds up eight lanes in four registers: see tile.addLanes.
func tree(first V) {
	file.Vector("fadd 2d 2d 2d", first, first, first+2)
	file.Vector("fadd 2d 2d 2d", first+1, first+1, first+3)
	file.Vector("fadd 2d 2d 2d", first, first, first+1)
	file.Vector("faddp d 2d", first, first)
}

// eachPair calls body for each pair, to generate what writes a number to R6 and goes on by it, of rows that begin at R8
// and R9 with R10 components. The lists of pairs and of results are at these offsets, and rows have so many bytes a
// component.
func eachPair(pairs, out, sizeX, sizeY int, body func()) {
	file.Go("MOVD x_base+0(FP), R0")
	file.Go("MOVD y_base+24(FP), R1")
	file.Go("MOVD dim+48(FP), R2")
	file.Go("MOVD pairs_base+%d(FP), R4", pairs)
	file.Go("MOVD pairs_len+%d(FP), R5", pairs+8)
	file.Go("MOVD out_base+%d(FP), R6", out)
	file.Go("MOVD $%d, R11", sizeX)
	file.Go("MUL R2, R11")
	file.Go("MOVD $%d, R12", sizeY)
	file.Go("MUL R2, R12")
	loop("R5", 1, func() {
		file.Go("MOVD.P 8(R4), R7")
		file.Go("MOVWU R7, R8")
		file.Go("LSR $32, R7, R7")
		file.Go("MADD R11, R0, R8, R8")
		file.Go("MADD R12, R1, R7, R9")
		file.Go("MOVD R2, R10")
		body()
	})
	file.Go("RET")
}

// pairs generates the kernel of a reduced value in float64. The components beyond the last eight are added to their
// lanes one by one.
func pairs(name string, bitsX, bitsY int) {
	rows := fmt.Sprintf("x []float%d, y []float%d", bitsX, bitsY)
	file.Function(fmt.Sprintf("%s%dx%dNEON(%s, dim int, scales []float64, pairs []uint64, out []float64)",
		name, bitsX, bitsY, rows),
		"computes a reduced value for each pair: see Kernels.", 128)
	file.Room("lanes", 64, "R13")
	if name == "scaledSquares" {
		file.Go("MOVD scales_base+56(FP), R3")
	}
	load := func(from string, bits int, to V) {
		if bits == 64 {
			load4(from, to)
			return
		}
		file.Go("FLDPQ.P 32(%s), (F24, F25)", from)
		widenPair(24, to)
	}
	load1 := func(from string, bits int, to V) {
		if bits == 64 {
			file.Go("FMOVD.P 8(%s), F%d", from, to)
			return
		}
		file.Go("FMOVS.P 4(%s), F%d", from, to)
		file.Go("FCVTSD F%d, F%d", to, to)
	}
	eachPair(80, 104, bitsX/8, bitsY/8, func() {
		if name == "scaledSquares" {
			file.Go("ADD R7<<3, R3, R14")
			file.Go("VLD1R (R14), [V31.D2]")
		}
		zero(0, 1, 2, 3)
		loop("R10", 8, func() {
			load("R8", bitsX, 4)
			load("R9", bitsY, 16)
			for i := range V(4) {
				term(name, i, 4+i, 16+i)
			}
		})
		whole := file.Label("whole")
		file.Go("CBZ R10, %s", whole)
		file.Go("FSTPQ (F0, F1), (R13)")
		file.Go("FSTPQ (F2, F3), 32(R13)")
		file.Go("MOVD R13, R14")
		loop("R10", 1, func() {
			load1("R8", bitsX, 4)
			load1("R9", bitsY, 16)
			file.Go("FMOVD (R14), F0")
			term(name, 0, 4, 16) // of which the first element counts
			file.Go("FMOVD.P F0, 8(R14)")
		})
		file.Go("FLDPQ (R13), (F0, F1)")
		file.Go("FLDPQ 32(R13), (F2, F3)")
		file.Mark(whole)
		result(name)
		file.Go("FMOVD.P F0, 8(R6)")
	})
}

// term takes two elements of x and y into two lanes.
func term(name string, lanes, x, y V) {
	switch name {
	case "scaledSquares":
		file.Vector("fmul 2d 2d 2d", y, y, 31)
		fallthrough
	case "squares":
		file.Vector("fsub 2d 2d 2d", x, x, y)
		file.Vector("fmul 2d 2d 2d", x, x, x)
		file.Vector("fadd 2d 2d 2d", lanes, lanes, x)
	case "products":
		file.Vector("fmul 2d 2d 2d", x, x, y)
		file.Vector("fadd 2d 2d 2d", lanes, lanes, x)
	case "manhattan":
		file.Vector("fabd 2d 2d 2d", x, x, y)
		file.Vector("fadd 2d 2d 2d", lanes, lanes, x)
	case "chebyshev": // what is not a number is not greater
		file.Vector("fabd 2d 2d 2d", x, x, y)
		file.Vector("fcmgt 2d 2d 2d", y, x, lanes)
		file.Vector("bit 16b 16b 16b", lanes, x, y)
	case "hamming": // the equal ones, −1 each
		file.Vector("fcmeq 2d 2d 2d", x, x, y)
		file.Vector("add 2d 2d 2d", lanes, lanes, x)
	}
}

// result makes one number of the lanes.
func result(name string) {
	switch name {
	case "chebyshev":
		for _, i := range []V{1, 2, 3} {
			file.Vector("fmax 2d 2d 2d", 0, 0, i)
		}
		file.Vector("fmaxp d 2d", 0, 0)
	case "hamming":
		for _, i := range []V{1, 2, 3} {
			file.Vector("add 2d 2d 2d", 0, 0, i)
		}
		file.Vector("addp 2d 2d 2d", 0, 0, 0)
		file.Go("VMOV V0.D[0], R14")
		file.Go("ADD R2, R14")
		file.Go("SCVTFD R14, F0")
	default:
		tree(0)
	}
}
