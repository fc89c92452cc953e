//go:build !unix || purego

package neighbors

import (
	"io"
	"os"
	"time"
)

// mapFile reads a file whole, where it cannot be mapped.
func mapFile(f *os.File, size int) (data []byte, unmap func([]byte), err error) {
	data = make([]byte, size)
	_, err = io.ReadFull(f, data)
	return data, func([]byte) {}, err
}

// statusTime is not known.
func statusTime(*os.File) time.Time { return time.Time{} }
