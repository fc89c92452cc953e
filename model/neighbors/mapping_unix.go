//go:build unix && !purego

package neighbors

import (
	"os"
	"time"

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

// statusTime is when the file, or what the system keeps of it, was changed last: a time that no program sets.
func statusTime(f *os.File) time.Time {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return time.Time{}
	}
	return time.Unix(st.Ctim.Unix())
}
