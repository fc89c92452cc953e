package cli

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// resourceLimits are those of `ulimit -d` and, less what is reserved already, of `ulimit -v`.
func resourceLimits() []Limit {
	var limits []Limit
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_DATA, &r) == nil && r.Cur < 1<<62 {
		limits = append(limits, Limit{int64(r.Cur), "ulimit -d"})
	}
	if syscall.Getrlimit(syscall.RLIMIT_AS, &r) == nil && r.Cur < 1<<62 {
		limits = append(limits, Limit{max(int64(r.Cur)-reserved(), 1), addressSpace})
	}
	return limits
}

// reserved is the size of this process's address space, in bytes.
func reserved() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _, _ := strings.Cut(string(b), " ")
	n, err := strconv.ParseInt(pages, 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}
