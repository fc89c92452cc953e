//go:build !linux

package cli

func resourceLimits() []Limit { return nil }
