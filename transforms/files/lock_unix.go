//go:build unix

package files

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// LockFile waits until no other process, nor another caller in this one, holds the lock of a file. Closing the file,
// as the end of the process does, gives it back.
func LockFile(ctx context.Context, f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			return os.NewSyscallError("flock", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
