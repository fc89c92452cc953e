//go:build !purego

package neighbors

// screenKernelOf is the kernel of a metric, or nil where rows are compared sooner without one.
func screenKernelOf(m Metric) screenKernel {
	if !treeAssembly {
		return nil
	}
	kernel := screenNaNAVX2
	switch m {
	case Canberra:
		kernel = screenCanberraAVX2
	case BrayCurtis:
		kernel = screenBrayCurtisAVX2
	}
	return func(x, rows, values []float32) { kernel(&x[0], &rows[0], len(x), len(values), &values[0]) }
}
