//go:build unix && !purego

package neighbors

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps a file of size bytes, size > 0, to be read only. The mapping outlives the file's handle.
func mapFile(f *os.File, size int) (data []byte, unmap func([]byte), err error) {
	data, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, os.NewSyscallError("mmap", err)
	}
	return data, func(b []byte) { unix.Munmap(b) }, nil
}
