//go:build linux || darwin

package linear

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// canSpill says whether there may be files without a name.
const canSpill = true

// tmpfs is the type of a file system that is memory, as Linux numbers it.
const tmpfs = 0x01021994

// unnamedFile makes a file in the temporary directory, or where that is memory in the one of large files, and takes its
// name away: however the process ends, its bytes are given back. It also tells how many bytes are free there. The error
// is errors.ErrUnsupported where both are memory.
func unnamedFile() (f *os.File, free int64, err error) {
	f, free, err = unnamedFileIn(os.TempDir())
	const large = "/var/tmp" // hier(7)
	if _, none := os.Stat(large); errors.Is(err, errors.ErrUnsupported) && none == nil {
		return unnamedFileIn(large)
	}
	return f, free, err
}

func unnamedFileIn(dir string) (f *os.File, free int64, err error) {
	if f, err = os.CreateTemp(dir, "rows-"); err != nil {
		return nil, 0, err
	}
	var st unix.Statfs_t
	err = errors.Join(os.Remove(f.Name()), os.NewSyscallError("fstatfs", unix.Fstatfs(int(f.Fd()), &st)))
	if err == nil && runtime.GOOS == "linux" && int64(st.Type) == tmpfs {
		err = errors.ErrUnsupported
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, int64(st.Bavail) * int64(st.Bsize), nil
}
