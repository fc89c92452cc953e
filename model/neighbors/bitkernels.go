package neighbors

import "math/bits"

//go:generate go -C _asm run ./bits -out ../bits_amd64.s -stubs ../bits_stubs_amd64.go -pkg neighbors

// bitKernel compares x with n rows of so many bits that are set (counts): both[j] is how many bits x shares with row
// j, and bit j of near says whether counts[j] − 2·both[j], which with the bits of x makes those that differ, is at
// most the limit. n is a multiple of 8, and what is wider than two words a multiple of 4.
type bitKernel func(x, rows []uint64, counts []int32, limit int32, both []int32, near []uint8)

// rowLanes is the multiple of rows that a kernel takes.
const rowLanes = 8

// sharedBits is the kernel in plain Go.
func sharedBits(x, rows []uint64, counts []int32, limit int32, both []int32, near []uint8) {
	for j := range both {
		n := 0
		switch y := rows[j*len(x) : (j+1)*len(x)]; len(x) {
		case 1:
			n = bits.OnesCount64(x[0] & y[0])
		case 2:
			n = bits.OnesCount64(x[0]&y[0]) + bits.OnesCount64(x[1]&y[1])
		default:
			for w := 0; w < len(x); w += 4 {
				a, b := (*[4]uint64)(x[w:]), (*[4]uint64)(y[w:])
				n += bits.OnesCount64(a[0]&b[0]) + bits.OnesCount64(a[1]&b[1]) + bits.OnesCount64(a[2]&b[2]) +
					bits.OnesCount64(a[3]&b[3])
			}
		}
		both[j] = int32(n)
		if j%8 == 0 {
			near[j/8] = 0
		}
		if counts[j]-2*int32(n) <= limit {
			near[j/8] |= 1 << (j % 8)
		}
	}
}

// wholeWords is a number of words that kernels take, no less than this.
func wholeWords(words int) int {
	if words <= 2 {
		return words
	}
	return (words + 3) / 4 * 4
}
