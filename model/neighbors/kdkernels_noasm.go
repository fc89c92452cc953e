//go:build !amd64 || purego

package neighbors

// assembly is the i-th pair of Euclidean kernels, which this build lacks.
func assembly[T float](int) (points, boxes kernel[T], ok bool) { return nil, nil, false }
