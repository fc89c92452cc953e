//go:build !linux && !darwin

package linear

import (
	"errors"
	"os"
)

const canSpill = false

// unnamedFile is not to be had: a file that is open keeps its name here, and would outlive a process that is killed.
func unnamedFile() (f *os.File, free int64, err error) { return nil, 0, errors.ErrUnsupported }
