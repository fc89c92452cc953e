//go:build !purego

package neighbors

import "beamlearn/model/internal/simd"

// treeAssembly says that the AVX2 kernels of the tree are in use.
var treeAssembly = simd.AVX2()

type kernelPair[T float] struct{ points, boxes kernel[T] }

// By what they make of differences, and by the number of columns: a multiple of 8, 2, 3, 4, 6, 8.
var (
	assembly32 = [...][6]kernelPair[float32]{
		{
			{pointSquaresNFloat32, boxSquaresNFloat32},
			{pointSquares2Float32, boxSquares2Float32},
			{pointSquares3Float32, boxSquares3Float32},
			{pointSquares4Float32, boxSquares4Float32},
			{pointSquares6Float32, boxSquares6Float32},
			{pointSquares8Float32, boxSquares8Float32},
		},
		{
			{pointManhattanNFloat32, boxManhattanNFloat32},
			{pointManhattan2Float32, boxManhattan2Float32},
			{pointManhattan3Float32, boxManhattan3Float32},
			{pointManhattan4Float32, boxManhattan4Float32},
			{pointManhattan6Float32, boxManhattan6Float32},
			{pointManhattan8Float32, boxManhattan8Float32},
		},
		{
			{pointChebyshevNFloat32, boxChebyshevNFloat32},
			{pointChebyshev2Float32, boxChebyshev2Float32},
			{pointChebyshev3Float32, boxChebyshev3Float32},
			{pointChebyshev4Float32, boxChebyshev4Float32},
			{pointChebyshev6Float32, boxChebyshev6Float32},
			{pointChebyshev8Float32, boxChebyshev8Float32},
		},
	}
	assembly64 = [...][6]kernelPair[float64]{
		{
			{pointSquaresNFloat64, boxSquaresNFloat64},
			{pointSquares2Float64, boxSquares2Float64},
			{pointSquares3Float64, boxSquares3Float64},
			{pointSquares4Float64, boxSquares4Float64},
			{pointSquares6Float64, boxSquares6Float64},
			{pointSquares8Float64, boxSquares8Float64},
		},
		{
			{pointManhattanNFloat64, boxManhattanNFloat64},
			{pointManhattan2Float64, boxManhattan2Float64},
			{pointManhattan3Float64, boxManhattan3Float64},
			{pointManhattan4Float64, boxManhattan4Float64},
			{pointManhattan6Float64, boxManhattan6Float64},
			{pointManhattan8Float64, boxManhattan8Float64},
		},
		{
			{pointChebyshevNFloat64, boxChebyshevNFloat64},
			{pointChebyshev2Float64, boxChebyshev2Float64},
			{pointChebyshev3Float64, boxChebyshev3Float64},
			{pointChebyshev4Float64, boxChebyshev4Float64},
			{pointChebyshev6Float64, boxChebyshev6Float64},
			{pointChebyshev8Float64, boxChebyshev8Float64},
		},
	}
)

// assembly is the i-th pair of kernels of Euclidean distances, Manhattan or Chebyshev, where the processor has them.
func assembly[T float](m Metric, i int) (points, boxes kernel[T], ok bool) {
	if !treeAssembly {
		return nil, nil, false
	}
	what := 0
	switch m {
	case Manhattan:
		what = 1
	case Chebyshev:
		what = 2
	}
	switch p := any(kernelPair[T]{}).(type) {
	case kernelPair[float32]:
		p = assembly32[what][i]
		points, boxes = any(p.points).(kernel[T]), any(p.boxes).(kernel[T])
	case kernelPair[float64]:
		p = assembly64[what][i]
		points, boxes = any(p.points).(kernel[T]), any(p.boxes).(kernel[T])
	}
	return points, boxes, true
}
