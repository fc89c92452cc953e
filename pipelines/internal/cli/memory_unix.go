//go:build unix

package cli

import (
	"runtime"
	"syscall"
)

// PeakMemory is the largest resident size, in bytes, that this process has had; 0 where the system does not tell.
func PeakMemory() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}
