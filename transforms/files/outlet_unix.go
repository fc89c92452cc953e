//go:build unix

package files

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openDescriptor gives what this process has open already, from where it stands.
func openDescriptor(fd int) (io.WriteCloser, error) {
	again, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("dup of /dev/fd/"+strconv.Itoa(fd), err)
	}
	return os.NewFile(uintptr(again), "/dev/fd/"+strconv.Itoa(fd)), nil
}
