//go:build !amd64 || purego

package lanes

func assembly() []*Kernels { return nil }
