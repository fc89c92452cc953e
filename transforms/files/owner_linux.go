package files

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// startOf is when a process began, in ticks since the host was started; [os.ErrProcessDone] where there is no such
// process. One that has ended, and whose end nobody has taken note of yet, is none. Of what cannot be looked at,
// nothing is known.
func startOf(pid int) (ticks uint64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) && unix.Kill(pid, 0) == unix.ESRCH { // others' processes may be hidden
		return 0, os.ErrProcessDone
	}
	if err != nil {
		return 0, err
	}
	// The name of the program, in brackets, may hold anything. What follows is the state, and 19 fields on the start.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 20 {
		return 0, fmt.Errorf("process %d: %d fields", pid, len(fields))
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, os.ErrProcessDone
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// hostID names this host and its start. Numbers of processes are those of a namespace.
func hostID() (host, boot string) {
	name, err := os.Hostname()
	if err != nil {
		return "", ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", ""
	}
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", ""
	}
	return name + "\x00" + space, string(bytes.TrimSpace(id))
}
