//go:build !purego

package delimited

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/cpu"

	"beamlearn/model/internal/simd"
)

// fast says that the kernels are in use.
var fast = simd.AVX2() && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT

// longest is how many bytes of a field, behind its minus, are read at most.
const longest = 16

// powers are those of ten that fields are divided by, by their length less the place of their point: by 1 where there is
// none, and so that place is the length.
var powers = [longest + 1]float64{1, 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shuffles say for each length and each place of the point which byte comes to each of the 16 places: those before the
// number's first digit are 0 by the highest bit.
var shuffles = func() (all [longest + 1][longest + 1][longest]byte) {
	for length := range all {
		for point := range length + 1 {
			to := longest - 1
			for from := length - 1; from >= 0; from-- {
				if from != point {
					all[length][point][to] = byte(from)
					to--
				}
			}
			for ; to >= 0; to-- {
				all[length][point][to] = 0x80
			}
		}
	}
	return all
}()

// endsFast is Ends where the kernel can do it.
func endsFast(row []byte, comma byte, ends []int, most int) (all []int, ok bool) {
	n := len(ends)
	if !fast || len(row) == 0 || n > most || cap(row)-len(row) < behind {
		return nil, false
	}
	const slack = 8
	ends = slices.Grow(ends, most-n+slack)
	count := n + endsAVX2(&row[0], len(row), comma, &ends[n : n+1][0], most-n)
	if count > most {
		return nil, false // endsOf gives the first of them
	}
	return append(ends[:count], len(row)), true
}

func decimals(row []byte, ends []int, values []float64, others []int, longs []Long, json bool) (count, wide int) {
	kernel := decimalsAVX2
	if json {
		kernel = decimalsOfJSONAVX2
	}
	return kernel(unsafe.SliceData(row), &ends[0], len(ends), &values[0], &others[0],
		(*byte)(unsafe.Pointer(&longs[0])), &powers[0], &shuffles[0][0][0])
}
