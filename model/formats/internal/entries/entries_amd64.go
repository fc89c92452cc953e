//go:build !purego

package entries

import (
	"golang.org/x/sys/cpu"

	"beamlearn/model/internal/simd"
)

// parses says that the kernel is in use.
var parses = simd.AVX2() && cpu.X86.HasBMI1 && cpu.X86.HasBMI2

// powers are those of ten that the places behind a point divide by.
var powers = [8]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7}

// window is how many bytes the kernel looks at from a space on.
const window = 34

func parse(line []byte, i int, next, last, base int64, columns []int32, values []float64) (n, at int) {
	room := min(len(columns), len(values))
	limit := min(len(line), cap(line)-window)
	if !parses || room == 0 || i < 0 || i >= limit {
		return 0, i
	}
	n, read := parseAVX2(&line[i], room, next, last, base, len(line)-i, limit-i, &columns[0], &values[0], &powers[0])
	return n, i + read
}
