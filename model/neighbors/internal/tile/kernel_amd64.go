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
		if x.HasAVXVNNI {
			levels = append(levels, &avxvnni)
		}
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI {
			levels = append(levels, &avx512)
			if x.HasAMXTile && x.HasAMXInt8 && amxPermitted() {
				levels = append(levels, &amx)
			}
		}
	}
	return levels
}

// Without VNNI, 32 products of int8 take four instructions, of which none saturates as no value is −128: the signs of
// the query are given to the points, pairs of products added up, and pairs of those. In float32 they take four too, but
// no more than two a cycle, and four times the memory: for all of 50,000 × 128 points int8 takes 0.73 of the time of
// float32 as the first precision, of 200,000 × 32 0.82, and of 20,000 × 384 embeddings 0.66 (Zen 5, at this level).
var avx2 = Kernels{
	Name:      "avx2",
	Bytes:     assemblyBytes(bytesAVX2, bytesBestAVX2, bytesBestPanelAVX2, bytesScoredAVX2),
	Float32s:  assemblyTile(float32sAVX2, float32sBestAVX2),
	Manhattan: assemblyTile(manhattanAVX2, manhattanBestAVX2),
	Chebyshev: assemblyTile(chebyshevAVX2, chebyshevBestAVX2),
	Hamming:   assemblyTile(hammingAVX2, nil),
	Screen:    screenAVX2,
	Centre:    centreAVX2,
	Round:     roundAVX2,
	Missing:   missingAVX2,
	Widen:     widenAVX2,
	Centre64:  centre64AVX2,
	Round64:   round64AVX2,
	Pairs32: PairKernels[float32, float32]{
		squares32x32AVX2, products32x32AVX2, nil,
		manhattan32x32AVX2, chebyshev32x32AVX2, hamming32x32AVX2,
	},
	Pairs64x32: PairKernels[float64, float32]{
		squares64x32AVX2, products64x32AVX2, scaledSquares64x32AVX2,
		manhattan64x32AVX2, chebyshev64x32AVX2, hamming64x32AVX2,
	},
	Pairs64: PairKernels[float64, float64]{
		squares64x64AVX2, products64x64AVX2, scaledSquares64x64AVX2,
		manhattan64x64AVX2, chebyshev64x64AVX2, hamming64x64AVX2,
	},
}

// avxvnni is for processors without AVX-512 that have its dot product of int8: half the time of avx2 for all of
// 50,000 × 128 points.
var avxvnni = func() Kernels {
	k := avx2
	k.Name = "avxvnni"
	k.Bytes = assemblyBytes(bytesAVXVNNI, bytesBestAVXVNNI, bytesBestPanelAVXVNNI, bytesScoredAVXVNNI)
	return k
}()

var avx512 = Kernels{
	Name:      "avx512",
	Bytes:     assemblyBytes(bytesAVX512, bytesBestAVX512, bytesBestPanelAVX512, bytesScoredAVX512),
	Float32s:  assemblyTile(float32sAVX512, float32sBestAVX512),
	Manhattan: assemblyTile(manhattanAVX512, manhattanBestAVX512),
	Chebyshev: assemblyTile(chebyshevAVX512, chebyshevBestAVX512),
	Hamming:   assemblyTile(hammingAVX512, nil),
	Screen:    screenAVX512,
	Centre:    centreAVX512,
	Round:     roundAVX512,
	Missing:   missingAVX512,
	Widen:     widenAVX512,
	Centre64:  centre64AVX512,
	Round64:   round64AVX512,
	Pairs32: PairKernels[float32, float32]{
		squares32x32AVX512, products32x32AVX512, nil,
		manhattan32x32AVX512, chebyshev32x32AVX512, hamming32x32AVX512,
	},
	Pairs64x32: PairKernels[float64, float32]{
		squares64x32AVX512, products64x32AVX512, scaledSquares64x32AVX512,
		manhattan64x32AVX512, chebyshev64x32AVX512, hamming64x32AVX512,
	},
	Pairs64: PairKernels[float64, float64]{
		squares64x64AVX512, products64x64AVX512, scaledSquares64x64AVX512,
		manhattan64x64AVX512, chebyshev64x64AVX512, hamming64x64AVX512,
	},
}

// amx has tiles of int8 by AMX for groups that follow each other; what is made of its sums is made by AVX-512
// meanwhile.
var amx = func() Kernels {
	k := avx512
	k.Name = "amx"
	bytes := *k.Bytes
	bytes.FindBatch = func(b *Batch) { bytesAMX((*byte)(unsafe.Pointer(b))) }
	bytes.BestBatch = func(b *Batch) { bytesBestAMX((*byte)(unsafe.Pointer(b))) }
	bytes.BestPanelBatch = func(b *Batch) { bytesBestPanelAMX((*byte)(unsafe.Pointer(b))) }
	k.Bytes = &bytes
	return k
}()
