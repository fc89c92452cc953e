// Package guard places the lists of tests beside memory that cannot be touched, so that a kernel that reads or writes
// beyond its list fails.
package guard

import (
	"syscall"
	"testing"
	"unsafe"
)

// Slice makes a list of n values of a plain type at the head or at the tail of memory whose neighbouring pages cannot
// be touched, or at an odd place.
func Slice[T any](t testing.TB, n int, place string) []T {
	t.Helper()
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	page := syscall.Getpagesize()
	pages := (size + page) / page // with room to be unaligned
	m, err := syscall.Mmap(-1, 0, (pages+2)*page, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{m[:page], m[(pages+1)*page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page
	switch place {
	case "tail":
		at = (pages+1)*page - size
	case "unaligned":
		at += int(unsafe.Alignof(zero))
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&m[at])), n)
}
