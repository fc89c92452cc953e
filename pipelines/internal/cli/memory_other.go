//go:build !unix

package cli

// PeakMemory is the largest resident size, in bytes, that this process has had; 0 where the system does not tell.
func PeakMemory() int64 { return 0 }
