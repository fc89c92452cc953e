//go:build !amd64 || purego

package neighbors

// screenKernelOf is nil: rows are compared sooner without a kernel.
func screenKernelOf(Metric) screenKernel { return nil }
