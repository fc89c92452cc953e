package cli

import (
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"beamlearn/model/heap"
)

// Limit is a bound of the memory of this process.
type Limit struct {
	Bytes int64
	What  string // sets it
}

// MemoryLimit is the least of what the system sets for this process: its control groups, its resource limits, and
// what the machine has left. It has 0 bytes where the system tells nothing.
func MemoryLimit() Limit { return leastLimit(append(resourceLimits(), systemLimits("/")...)) }

func leastLimit(limits []Limit) Limit {
	var least Limit
	for _, l := range limits {
		if l.Bytes > 0 && (least.Bytes == 0 || l.Bytes < least.Bytes) {
			least = l
		}
	}
	return least
}

// systemLimits reads Linux's files under a root. A file that is not there sets no limit.
func systemLimits(root string) []Limit {
	var limits []Limit
	add := func(bytes int64, what string) { limits = append(limits, Limit{bytes, what}) }
	read := func(name string) string {
		b, err := os.ReadFile(path.Join(root, name))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(b))
	}
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0 // "max"
		}
		return n
	}
	for line := range strings.Lines(read("proc/self/cgroup")) {
		// HIERARCHY:CONTROLLERS:PATH; version 2 is the hierarchy 0, without controllers.
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		mount, file, what := "sys/fs/cgroup", "memory.max", "control group"
		if f[0] != "0" {
			if !strings.Contains(","+f[1]+",", ",memory,") {
				continue
			}
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		// In a container the path may be that of the host, which only the mount's top stands for.
		for dir := path.Clean("/" + f[2]); ; dir = path.Dir(dir) {
			add(number(read(path.Join(mount, dir, file))), what)
			if dir == "/" {
				break
			}
		}
	}
	for line := range strings.Lines(read("proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" && f[2] == "kB" {
			add(number(f[1])<<10, "memory that is available on this machine")
		}
	}
	return limits
}

// programBytes is what a command takes without any data: the runtime's, Beam's and its runner's, and the formats'
// buffers.
const programBytes = 192 << 20

// begins reports, in one line, that the address space is too small for a command even without data, which would end
// with text of Go's runtime. (Where it is smaller still, the runtime does not start, and its text is all that is told.)
func begins(l Limit) error {
	if l.What != addressSpace || l.Bytes >= programBytes {
		return nil
	}
	return fmt.Errorf("this process may use %d MB of address space beside what Go's runtime has reserved (%s), and "+
		"needs %d MB at least: allow more, or limit memory by a control group or GOMEMLIMIT",
		l.Bytes/1e6, l.What, int64(programBytes)/1e6)
}

// addressSpace is the name of the limit that counts what is reserved, and not what is used.
const addressSpace = "ulimit -v"

// Fits reports, in one line, that a job needs more memory than this process may use, so that it ends before it begins
// and not halfway. need is 0 where that is not known.
func Fits(need int64) error { return fits(need, MemoryLimit()) }

func fits(need int64, l Limit) error {
	if need <= 0 || l.Bytes == 0 {
		return nil
	}
	// Freed memory is not all of a use for what comes later.
	need += need/8 + programBytes
	if need <= l.Bytes {
		return nil
	}
	return fmt.Errorf("the job needs about %d MB of memory, and this process may use %d MB (%s): use --dtype=float32, "+
		"fewer columns or a machine with more memory, or search a part of the points at a time",
		need/1e6, l.Bytes/1e6, l.What)
}

// keepWithin lets the garbage collector keep the process below its limit, where the user has not set GOMEMLIMIT, and
// small beside what it keeps. Garbage would else count as much as data, and a process that reaches the limit is killed.
func keepWithin(l Limit) {
	heap.Pace()
	const reserve = 128 << 20
	if os.Getenv("GOMEMLIMIT") == "" && l.Bytes > 2*reserve {
		debug.SetMemoryLimit(l.Bytes - max(reserve, l.Bytes/10))
	}
}
