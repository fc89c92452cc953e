//go:build !linux && !purego

package tile

// amxPermitted is false: only Linux is known to give the state of AMX, when asked.
func amxPermitted() bool { return false }
