//go:build unix

package files

import "golang.org/x/sys/unix"

// access says why this process may not write to a file, or into a directory.
func access(name string) error {
	return unix.Faccessat(unix.AT_FDCWD, name, unix.W_OK, unix.AT_EACCESS)
}
