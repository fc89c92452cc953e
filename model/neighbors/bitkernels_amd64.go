//go:build !purego

package neighbors

// bitKernelOf is the fastest kernel of so many words.
func bitKernelOf(words int) bitKernel {
	if !treeAssembly || words%4 != 0 {
		return sharedBits
	}
	return func(x, rows []uint64, counts []int32, limit int32, both []int32, near []uint8) {
		sharedBitsAVX2(&x[0], &rows[0], len(x), len(both), &counts[0], limit, &both[0], &near[0])
	}
}
