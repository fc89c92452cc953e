//go:build !purego && (386 || amd64 || arm || arm64 || loong64 || mipsle || mips64le || ppc64le || riscv64 || wasm)

package neighbors

import "unsafe"

// aliased gives the memory of a list as bytes, or says that the machine's bytes are not those of a file.
func aliased[T number](s []T) (b []byte, ok bool) {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero))), true
}

// unaliased gives bytes, aligned for T and as many as make whole numbers, as a list in the same memory.
func unaliased[T number](b []byte) (s []T, ok bool) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if uintptr(unsafe.Pointer(unsafe.SliceData(b)))%uintptr(size) != 0 {
		return nil, false
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/size), true
}
