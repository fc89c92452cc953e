//go:build !unix

package files

// access: who may write where is found out when it is done.
func access(string) error { return nil }
