//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// PeakMemory is the largest resident size, in bytes, that this process has had; 0 where the system does not tell.
func PeakMemory() int64 {
	if b, err := os.ReadFile("/proc/self/status"); err == nil { // on Linux
		if peak := highWater(b); peak > 0 {
			return peak
		}
	}
	var u syscall.Rusage // which on Linux has the peak of the program that started this one, too
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}

// highWater is the largest resident size that /proc/self/status tells, in bytes, or 0.
func highWater(status []byte) int64 {
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		fields := bytes.Fields(lines.Bytes()) // VmHWM: 1234 kB
		if len(fields) != 3 || string(fields[0]) != "VmHWM:" {
			continue
		}
		if n, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil {
			return n << 10
		}
	}
	return 0
}
