//go:build !purego

package sparse

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

func assembly() []*kernel {
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasBMI1 {
		return []*kernel{&avx2}
	}
	return nil
}

var avx2 = kernel{"avx2", func(a *scan) int { return scanAVX2((*byte)(unsafe.Pointer(a))) }, 1.0 / 16, 64}
