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
	Screen:       screenAVX2,
	Pairs32:      PairKernels[float32, float32]{squares32x32AVX2, products32x32AVX2, nil},
	Pairs64x32:   PairKernels[float64, float32]{squares64x32AVX2, products64x32AVX2, scaledSquares64x32AVX2},
	Pairs64:      PairKernels[float64, float64]{squares64x64AVX2, products64x64AVX2, scaledSquares64x64AVX2},
}

var avx512 = Kernels{
	Name:         "avx512",
	Bytes:        func(a *Args) int { return bytesAVX512((*byte)(unsafe.Pointer(a))) },
	Float32s:     func(a *Args) int { return float32sAVX512((*byte)(unsafe.Pointer(a))) },
	BytesBest:    func(a *Args) { bytesBestAVX512((*byte)(unsafe.Pointer(a))) },
	Float32sBest: func(a *Args) { float32sBestAVX512((*byte)(unsafe.Pointer(a))) },
	Screen:       screenAVX512,
	Pairs32:      PairKernels[float32, float32]{squares32x32AVX512, products32x32AVX512, nil},
	Pairs64x32:   PairKernels[float64, float32]{squares64x32AVX512, products64x32AVX512, scaledSquares64x32AVX512},
	Pairs64:      PairKernels[float64, float64]{squares64x64AVX512, products64x64AVX512, scaledSquares64x64AVX512},
}
