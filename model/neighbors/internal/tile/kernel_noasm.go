//go:build !amd64 || purego

package tile

func assembly() []*Kernels { return nil }
