//go:build (!amd64 && !arm64) || purego

package tile

func assembly() []*Kernels { return nil }
