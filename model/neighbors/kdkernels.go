package neighbors

//go:generate go -C _asm run ./kdtree -out ../kdkernels_amd64.s -stubs ../kdkernels_stubs_amd64.go -pkg neighbors

// kernel writes the reduced distances of the query q to the eight points of a leaf, or of its gaps to the eight boxes
// of a node (see [blocks]), and returns a bit for each that is at most ceiling. The block has as many columns as q.
//
// Lane by lane it follows the reference, and the result has the reference's bits.
type kernel[T float] func(q []float64, block []T, ceiling float64, out *[lanes]float64) uint64

// strideOf is the number of columns that kernels take: of the Euclidean ones, which write the reference's order of
// summation out for each, there are a few. The terms of columns of zeros change no sum.
func strideOf(m Metric, dim int) int {
	if m != Euclidean && m != SqEuclidean {
		return dim
	}
	switch {
	case dim > 6:
		return (dim + 7) / 8 * 8
	case dim > 4:
		return 6
	}
	return max(dim, 2)
}

// kernels are those of a metric. They are not safe for concurrent use.
func kernels[T float](o *Options, stride int, portable bool) (points, boxes kernel[T]) {
	i := -1 // by the number of columns
	switch {
	case stride == 2, stride == 3, stride == 4:
		i = stride - 1
	case stride == 6:
		i = 4
	case stride == 8:
		i = 5
	case stride%8 == 0:
		i = 0
	}
	switch o.Metric {
	case Euclidean, SqEuclidean, Manhattan, Chebyshev:
		if points, boxes, ok := assembly[T](o.Metric, max(i, 0)); ok && i >= 0 && !portable {
			return points, boxes
		}
	}
	if o.Metric != Euclidean && o.Metric != SqEuclidean {
		return referenceKernels[T](o, stride)
	}
	switch i {
	case 1:
		return pointSquares2[T], boxSquares2[T]
	case 2:
		return pointSquares3[T], boxSquares3[T]
	case 3:
		return pointSquares4[T], boxSquares4[T]
	case 4:
		return pointSquares6[T], boxSquares6[T]
	case 5:
		return pointSquares8[T], boxSquares8[T]
	}
	return pointSquares[T], boxSquares[T]
}

// referenceKernels call the reference for each lane.
func referenceKernels[T float](o *Options, stride int) (points, boxes kernel[T]) {
	row, gaps, zeros := make([]T, stride), prepared{x: make([]float64, stride)}, make([]T, stride)
	points = func(q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
		p := prepared{x: q}
		for l := range lanes {
			for j := range row {
				row[j] = block[j*lanes+l]
			}
			out[l] = reducedOf(o, &p, row, 0)
		}
		return upTo(ceiling, out)
	}
	boxes = func(q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
		for l := range lanes {
			for j, x := range q {
				gaps.x[j] = gap(x, block[2*j*lanes+l], block[(2*j+1)*lanes+l])
			}
			out[l] = reducedOf(o, &gaps, zeros, 0)
		}
		return upTo(ceiling, out)
	}
	return points, boxes
}

func upTo(ceiling float64, out *[lanes]float64) uint64 {
	mask := uint64(0)
	for l, r := range out {
		if r <= ceiling {
			mask |= 1 << l
		}
	}
	return mask
}

// gap is minus the distance of a value to an interval.
func gap[T float](x float64, low, high T) float64 {
	return min(x-float64(low), float64(high)-x, 0)
}

func square[T float](x float64, y T) float64 {
	d := x - float64(y)
	return float64(d * d)
}

func gapSquare[T float](x float64, low, high T) float64 {
	g := gap(x, low, high)
	return float64(g * g)
}

func pointSquares2[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[2]float64)(q), (*[16]T)(block)
	for l := range lanes {
		out[l] = square(x[0], b[l]) + square(x[1], b[8+l])
	}
	return upTo(ceiling, out)
}

func boxSquares2[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[2]float64)(q), (*[32]T)(block)
	for l := range lanes {
		out[l] = gapSquare(x[0], b[l], b[8+l]) + gapSquare(x[1], b[16+l], b[24+l])
	}
	return upTo(ceiling, out)
}

func pointSquares3[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[3]float64)(q), (*[24]T)(block)
	for l := range lanes {
		out[l] = (square(x[0], b[l]) + square(x[2], b[16+l])) + square(x[1], b[8+l])
	}
	return upTo(ceiling, out)
}

func boxSquares3[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[3]float64)(q), (*[48]T)(block)
	for l := range lanes {
		out[l] = (gapSquare(x[0], b[l], b[8+l]) + gapSquare(x[2], b[32+l], b[40+l])) + gapSquare(x[1], b[16+l], b[24+l])
	}
	return upTo(ceiling, out)
}

func pointSquares4[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[4]float64)(q), (*[32]T)(block)
	for l := range lanes {
		out[l] = (square(x[0], b[l]) + square(x[2], b[16+l])) +
			(square(x[1], b[8+l]) + square(x[3], b[24+l]))
	}
	return upTo(ceiling, out)
}

func boxSquares4[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[4]float64)(q), (*[64]T)(block)
	for l := range lanes {
		out[l] = (gapSquare(x[0], b[l], b[8+l]) + gapSquare(x[2], b[32+l], b[40+l])) +
			(gapSquare(x[1], b[16+l], b[24+l]) + gapSquare(x[3], b[48+l], b[56+l]))
	}
	return upTo(ceiling, out)
}

func pointSquares6[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[6]float64)(q), (*[48]T)(block)
	for l := range lanes {
		out[l] = ((square(x[0], b[l]) + square(x[4], b[32+l])) + square(x[2], b[16+l])) +
			((square(x[1], b[8+l]) + square(x[5], b[40+l])) + square(x[3], b[24+l]))
	}
	return upTo(ceiling, out)
}

func boxSquares6[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[6]float64)(q), (*[96]T)(block)
	for l := range lanes {
		out[l] = ((gapSquare(x[0], b[l], b[8+l]) + gapSquare(x[4], b[64+l], b[72+l])) + gapSquare(x[2], b[32+l], b[40+l])) +
			((gapSquare(x[1], b[16+l], b[24+l]) + gapSquare(x[5], b[80+l], b[88+l])) + gapSquare(x[3], b[48+l], b[56+l]))
	}
	return upTo(ceiling, out)
}

func pointSquares8[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[8]float64)(q), (*[64]T)(block)
	for l := range lanes {
		out[l] = ((square(x[0], b[l]) + square(x[4], b[32+l])) + (square(x[2], b[16+l]) + square(x[6], b[48+l]))) +
			((square(x[1], b[8+l]) + square(x[5], b[40+l])) + (square(x[3], b[24+l]) + square(x[7], b[56+l])))
	}
	return upTo(ceiling, out)
}

func boxSquares8[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	x, b := (*[8]float64)(q), (*[128]T)(block)
	for l := range lanes {
		out[l] = ((gapSquare(x[0], b[l], b[8+l]) + gapSquare(x[4], b[64+l], b[72+l])) +
			(gapSquare(x[2], b[32+l], b[40+l]) + gapSquare(x[6], b[96+l], b[104+l]))) +
			((gapSquare(x[1], b[16+l], b[24+l]) + gapSquare(x[5], b[80+l], b[88+l])) +
				(gapSquare(x[3], b[48+l], b[56+l]) + gapSquare(x[7], b[112+l], b[120+l])))
	}
	return upTo(ceiling, out)
}

func pointSquares[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	for l := range lanes {
		var l0, l1, l2, l3, l4, l5, l6, l7 float64
		for q, block := q, block; len(q) > 0; q, block = q[8:], block[64:] {
			x, b := (*[8]float64)(q), (*[64]T)(block)
			l0 += square(x[0], b[0+l])
			l1 += square(x[1], b[8+l])
			l2 += square(x[2], b[16+l])
			l3 += square(x[3], b[24+l])
			l4 += square(x[4], b[32+l])
			l5 += square(x[5], b[40+l])
			l6 += square(x[6], b[48+l])
			l7 += square(x[7], b[56+l])
		}
		out[l] = ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))
	}
	return upTo(ceiling, out)
}

func boxSquares[T float](q []float64, block []T, ceiling float64, out *[lanes]float64) uint64 {
	for l := range lanes {
		var l0, l1, l2, l3, l4, l5, l6, l7 float64
		for q, block := q, block; len(q) > 0; q, block = q[8:], block[128:] {
			x, b := (*[8]float64)(q), (*[128]T)(block)
			l0 += gapSquare(x[0], b[0+l], b[8+l])
			l1 += gapSquare(x[1], b[16+l], b[24+l])
			l2 += gapSquare(x[2], b[32+l], b[40+l])
			l3 += gapSquare(x[3], b[48+l], b[56+l])
			l4 += gapSquare(x[4], b[64+l], b[72+l])
			l5 += gapSquare(x[5], b[80+l], b[88+l])
			l6 += gapSquare(x[6], b[96+l], b[104+l])
			l7 += gapSquare(x[7], b[112+l], b[120+l])
		}
		out[l] = ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))
	}
	return upTo(ceiling, out)
}
