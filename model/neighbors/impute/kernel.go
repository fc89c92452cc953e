package impute

//go:generate go -C ../_asm run ./impute -out ../impute/kernel_amd64.s -stubs ../impute/kernel_stubs_amd64.go -pkg impute

// lanes is how many points stand side by side in a block.
const lanes = 8

// nanSquares writes for each of the 8 points of a block the mean of the squared differences from values, over those
// that the point has too: NaN where it has none of them. The value of column c of a point stands at byte places[j] of
// the block, and its lane. It returns a bit for each point below ceiling.
func nanSquares(values []float64, places []int64, block []float64, ceiling float64, out *[lanes]float64) uint64 {
	if len(values) == 0 {
		return 0
	}
	if assembly {
		_ = block[places[len(places)-1]/8+lanes-1]
		return squares(values, places, block, ceiling, out)
	}
	return nanSquaresGeneric(values, places, block, ceiling, out)
}

// nanSquaresGeneric is the reference.
func nanSquaresGeneric(values []float64, places []int64, block []float64, ceiling float64, out *[lanes]float64) uint64 {
	var sums, counts [lanes]float64
	for j, x := range values {
		at := (*[lanes]float64)(block[places[j]/8:])
		for l, y := range at {
			if d := x - y; d == d {
				sums[l] += float64(d * d)
				counts[l]++
			}
		}
	}
	mask := uint64(0)
	for l := range out {
		if out[l] = sums[l] / counts[l]; out[l] < ceiling {
			mask |= 1 << l
		}
	}
	return mask
}
