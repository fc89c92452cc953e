package formats

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// Places in an entry of the directory of a zip archive, from its signature on, of numbers in little-endian bytes.
const (
	zipFlags        = 8
	zipCRC          = 16
	zipUnpackedSize = 24
)

// patched is an archive whose first entry of the directory has another number at a place.
func patched(t *testing.T, archive string, place int, change func(b []byte)) string {
	t.Helper()
	at := strings.Index(archive, "PK\x01\x02")
	if at < 0 {
		t.Fatal("an archive without a directory")
	}
	b := []byte(archive)
	change(b[at+place:])
	return string(b)
}

// grow says that a member of an archive is larger than it is.
func grow(by uint32) func(b []byte) {
	return func(b []byte) { binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)+by) }
}

// An archive whose directory does not fit what it holds is at fault, and gives no row that numpy would not: a checksum
// of other bytes, a size beyond the end of what is packed, or beyond that of what is stored, where the bytes of the next
// member stand; and a member that is encrypted.
func TestNPZDirectory(t *testing.T) {
	t.Parallel()
	values := encoded(binary.LittleEndian, []float64{1, 2, 3, 4, 5, 6})
	x, longer := npyArray("<f8", "(3, 2)", values), npyArray("<f8", "(4, 2)", values)
	const damaged = `x.npz: found a damaged one: the array "x" cannot be unpacked, expected a whole .npz file`
	for _, c := range []struct{ what, archive, want string }{
		{"a checksum", patched(t, npzOf(t, zip.Deflate, "x", x), zipCRC, func(b []byte) { b[0] ^= 1 }), damaged},
		{"a packed size", patched(t, npzOf(t, zip.Deflate, "x", longer), zipUnpackedSize, grow(16)), damaged},
		{"a stored size", patched(t, npzOf(t, zip.Store, "x", longer, "y", x), zipUnpackedSize, grow(16)), damaged},
		{"a password", patched(t, npzOf(t, zip.Store, "x", x), zipFlags, func(b []byte) { b[0] |= 1 }),
			`x.npz: found the array "x" stored in another way, expected arrays as numpy.savez or savez_compressed store them`},
	} {
		src, err := inspectText(c.archive, "x.npz", Options{Array: "x"})
		if err == nil {
			err = readSpan(t.Context(), src, Span{Rows: src.Rows()}, &vectors.Block{Dim: 2})
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", c.what, err, c.want)
		}
	}
}

// Of several tables none is taken without its name; an array that must be unpacked into memory, as its columns stand one
// after the other, is refused where it takes more than 1 GiB.
func TestNPZChoice(t *testing.T) {
	t.Parallel()
	x := npyArray("<f8", "(1, 2)", make([]byte, 16))
	wantFault(t, "x.npz", npzOf(t, zip.Store, "a", x, "b", x), Options{},
		"x.npz: found the arrays a (1 × 2), b (1 × 2), expected one array of two dimensions, or the name of an array: "+
			"--array=NAME")
	const rows = 1<<26 + 1
	head := npyOf(fmt.Sprintf("{'descr': '>f8', 'fortran_order': True, 'shape': (%d, 2)}", rows), nil)
	start := make([]byte, 1<<16)
	wantFault(t, "x.npz", patched(t, npzOf(t, zip.Deflate, "x", head+string(start)), zipUnpackedSize,
		grow(uint32(16*rows-len(start)))), Options{},
		fmt.Sprintf("x.npz: found a compressed array in Fortran order of %d bytes, expected rows one after the other "+
			"(numpy.ascontiguousarray), or numpy.savez instead of savez_compressed", len(head)+16*rows))
}

// A file that ends early while it is read is an error of reading, not a damaged archive: it may be whole the next time.
func TestNPZCutWhileRead(t *testing.T) {
	t.Parallel()
	f := &textData{name: "x.npz", data: npzOf(t, zip.Deflate, "x", grid{500, 3}.file(t, "npy"))}
	src, err := Inspect(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.wrap = func(r io.Reader) io.Reader { return io.LimitReader(r, 100) }
	err = readSpan(t.Context(), src, Span{Rows: 500}, &vectors.Block{Dim: 3})
	if want := fmt.Sprintf("found an early end of the file, expected %d bytes", len(f.data)); err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}
