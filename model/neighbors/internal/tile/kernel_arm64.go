//go:build !purego

package tile

import "golang.org/x/sys/cpu"

func assembly() []*Kernels {
	levels := []*Kernels{&neon} // which every arm64 has
	if cpu.ARM64.HasASIMDDP {
		levels = append(levels, &dotProd)
		if cpu.ARM64.HasI8MM {
			levels = append(levels, &i8mm)
		}
	}
	return levels
}

// Without the dot product, 16 products of int8 take four instructions, beside a fifth for each three of them.
var neon = Kernels{
	Name:      "neon",
	Bytes:     assemblyBytes(bytesNEON, bytesBestNEON, bytesBestPanelNEON, bytesScoredNEON),
	Float32s:  assemblyTile(float32sNEON, float32sBestNEON),
	Manhattan: assemblyTile(manhattanNEON, manhattanBestNEON),
	Chebyshev: assemblyTile(chebyshevNEON, chebyshevBestNEON),
	Hamming:   assemblyTile(hammingNEON, nil),
	Screen:    screenNEON,
	Centre:    centreNEON,
	Round:     roundNEON,
	Missing:   missingNEON,
	Widen:     widenNEON,
	Centre64:  centre64NEON,
	Round64:   round64NEON,
	Pairs32: PairKernels[float32, float32]{
		squares32x32NEON, products32x32NEON, nil,
		manhattan32x32NEON, chebyshev32x32NEON, hamming32x32NEON,
	},
	Pairs64x32: PairKernels[float64, float32]{
		squares64x32NEON, products64x32NEON, scaledSquares64x32NEON,
		manhattan64x32NEON, chebyshev64x32NEON, hamming64x32NEON,
	},
	Pairs64: PairKernels[float64, float64]{
		squares64x64NEON, products64x64NEON, scaledSquares64x64NEON,
		manhattan64x64NEON, chebyshev64x64NEON, hamming64x64NEON,
	},
}

// dotProd has SDOT and UDOT: 16 products of int8 in an instruction.
var dotProd = func() Kernels {
	k := neon
	k.Name = "dotprod"
	k.Bytes = assemblyBytes(bytesDotProd, bytesBestDotProd, bytesBestPanelDotProd, bytesScoredDotProd)
	k.Manhattan = assemblyTile(manhattanDotProd, manhattanBestDotProd)
	k.Hamming = assemblyTile(hammingDotProd, nil)
	return k
}()

// i8mm has SMMLA: 32 products of int8 in an instruction.
var i8mm = func() Kernels {
	k := dotProd
	k.Name = "i8mm"
	k.Bytes = assemblyBytes(bytesI8MM, bytesBestI8MM, bytesBestPanelI8MM, bytesScoredI8MM)
	return k
}()
