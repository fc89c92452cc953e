//go:build !purego

package tile

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

func assembly() []*Kernels {
	var levels []*Kernels
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasBMI2 {
		levels = append(levels, &avx2)
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI {
			levels = append(levels, &avx512)
		}
	}
	return levels
}

// Without VNNI, 32 products of int8 take four instructions of AVX2 if none may saturate: as many as in float32, whose
// bounds are far tighter. So AVX2 has no int8 tile.
var avx2 = Kernels{
	Name:         "avx2",
	Float32s:     func(a *Args) int { return float32sAVX2((*byte)(unsafe.Pointer(a))) },
	Float32sBest: func(a *Args) { float32sBestAVX2((*byte)(unsafe.Pointer(a))) },
	Pairs32:      PairKernels[float32]{squaresFloat32AVX2, scaledSquaresFloat32AVX2, productsFloat32AVX2},
	Pairs64:      PairKernels[float64]{squaresFloat64AVX2, scaledSquaresFloat64AVX2, productsFloat64AVX2},
}

var avx512 = Kernels{
	Name:         "avx512",
	Bytes:        func(a *Args) int { return bytesAVX512((*byte)(unsafe.Pointer(a))) },
	Float32s:     func(a *Args) int { return float32sAVX512((*byte)(unsafe.Pointer(a))) },
	BytesBest:    func(a *Args) { bytesBestAVX512((*byte)(unsafe.Pointer(a))) },
	Float32sBest: func(a *Args) { float32sBestAVX512((*byte)(unsafe.Pointer(a))) },
	Pairs32:      PairKernels[float32]{squaresFloat32AVX512, scaledSquaresFloat32AVX512, productsFloat32AVX512},
	Pairs64:      PairKernels[float64]{squaresFloat64AVX512, scaledSquaresFloat64AVX512, productsFloat64AVX512},
}
