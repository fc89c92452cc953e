//go:build !purego

package tile

import (
	"sync"
	"syscall"
)

// amxPermitted asks Linux once for the state of AMX, which a process has only if it asks: it enlarges the frames of its
// signals. The kernel, a sandbox or a virtual machine may refuse it.
var amxPermitted = sync.OnceValue(func() bool {
	const (
		requestPermission = 0x1023 // ARCH_REQ_XCOMP_PERM
		tileData          = 18     // XFEATURE_XTILEDATA
	)
	_, _, e := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return e == 0
})
