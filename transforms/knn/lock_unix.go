//go:build unix

package knn

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile waits until no other process of the host holds the lock of a file. Closing the file gives it back.
func lockFile(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}
