//go:build !amd64 || purego

package neighbors

// assembly is the i-th pair of kernels of a metric, which this build lacks.
func assembly[T float](Metric, int) (points, boxes kernel[T], ok bool) { return nil, nil, false }
