//go:build !purego

package neighbors

import (
	"os"

	"golang.org/x/sys/cpu"

	"beamlearn/model/internal/simd"
)

// treeAssembly says that the AVX2 kernels of the tree are in use. BEAMLEARN_SIMD=generic in the environment forbids it.
var treeAssembly = cpu.X86.HasAVX2 && os.Getenv(simd.Environment) != "generic"

type kernelPair[T float] struct{ points, boxes kernel[T] }

// By the number of columns: a multiple of 8, 2, 3, 4, 6, 8.
var (
	assembly32 = [...]kernelPair[float32]{
		{pointSquaresNFloat32, boxSquaresNFloat32},
		{pointSquares2Float32, boxSquares2Float32},
		{pointSquares3Float32, boxSquares3Float32},
		{pointSquares4Float32, boxSquares4Float32},
		{pointSquares6Float32, boxSquares6Float32},
		{pointSquares8Float32, boxSquares8Float32},
	}
	assembly64 = [...]kernelPair[float64]{
		{pointSquaresNFloat64, boxSquaresNFloat64},
		{pointSquares2Float64, boxSquares2Float64},
		{pointSquares3Float64, boxSquares3Float64},
		{pointSquares4Float64, boxSquares4Float64},
		{pointSquares6Float64, boxSquares6Float64},
		{pointSquares8Float64, boxSquares8Float64},
	}
)

// assembly is the i-th pair of Euclidean kernels, where the processor has them.
func assembly[T float](i int) (points, boxes kernel[T], ok bool) {
	if !treeAssembly {
		return nil, nil, false
	}
	switch p := any(kernelPair[T]{}).(type) {
	case kernelPair[float32]:
		p = assembly32[i]
		points, boxes = any(p.points).(kernel[T]), any(p.boxes).(kernel[T])
	case kernelPair[float64]:
		p = assembly64[i]
		points, boxes = any(p.points).(kernel[T]), any(p.boxes).(kernel[T])
	}
	return points, boxes, true
}
