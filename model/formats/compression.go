package formats

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compression of a text file, by its last extension; "" is none.
type compression string

var compressions = map[string]compression{".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2"}

// maxWindow bounds the memory that the header of a zstd frame may claim; zstd itself writes up to 8 MiB unless told to.
const maxWindow = 128 << 20

// splitCompression cuts the compression's extension off a name.
func splitCompression(name string) (string, compression) {
	for ext, c := range compressions {
		if base, ok := strings.CutSuffix(name, ext); ok {
			return base, c
		}
	}
	return name, ""
}

// decompress wraps r; closing the result closes r.
func decompress(r io.ReadCloser, c compression) (io.ReadCloser, error) {
	switch c {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			r.Close()
			return nil, err
		}
		return &stacked{z, z.Close, r}, nil
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			r.Close()
			return nil, err
		}
		return &stacked{z, func() error { z.Close(); return nil }, r}, nil
	case "bzip2":
		return &stacked{bzip2.NewReader(r), func() error { return nil }, r}, nil
	}
	return r, nil
}

// damage says what an error of decompression means.
func damage(err error) string {
	var bzip bzip2.StructuralError
	errors.As(err, &bzip)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "an early end"
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch),
		strings.Contains(string(bzip), "magic"):
		return "what does not begin as such"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch),
		strings.Contains(string(bzip), "checksum"):
		return "a wrong checksum"
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Sprintf("a window of more than %d MiB", maxWindow>>20)
	}
	return "damage"
}

type stacked struct {
	io.Reader
	upper func() error
	lower io.Closer
}

func (s *stacked) Close() error {
	err := s.upper()
	if e := s.lower.Close(); err == nil {
		err = e
	}
	return err
}
