//go:build !amd64 || purego

package sparse

func assembly() []*kernel { return nil }
