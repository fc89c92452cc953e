//go:build !amd64 || purego

package neighbors

// bitKernelOf is the fastest kernel of so many words: this build has one.
func bitKernelOf(int) bitKernel { return sharedBits }
