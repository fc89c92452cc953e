package results

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"beamlearn/model/vectors"
)

// csrFormat is a sparse matrix of SciPy, of rows of features.
var csrFormat = &Format{
	Name:       "npz",
	Extensions: []string{".npz"},
	encodeRows: encodeCSRRows,
	assemble:   assembleCSR,
}

// A part of .npz is runs of rows: their number and that of their entries (uvarint); of each row its number of entries (uvarint), its
// target and its weight, where there are any (float64, little-endian, as all numbers); the columns of all entries (uint32), and their
// values (float64, or float32). It is read once for each array of the archive.

func encodeCSRRows(dst [][]byte, r *Rows, from, to int, l Layout) (bool, error) {
	var all, scratch vectors.CSR
	all.Offsets = append(all.Offsets, 0)
	for i := from; i < to; i++ {
		columns, values := r.entries(i, &scratch)
		all.Indices, all.Values = append(all.Indices, columns...), append(all.Values, values...)
		all.Offsets = append(all.Offsets, len(all.Values))
	}
	b := binary.AppendUvarint(binary.AppendUvarint(dst[0], uint64(to-from)), uint64(len(all.Values)))
	for i := range to - from {
		b = binary.LittleEndian.AppendUint32(b, uint32(all.Offsets[i+1]-all.Offsets[i]))
	}
	if l.Features.Target != "" {
		for i := from; i < to; i++ {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(r.target(i)))
		}
	}
	if l.Features.Weight != "" {
		for i := from; i < to; i++ {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(r.weight(i)))
		}
	}
	for _, j := range all.Indices {
		b = binary.LittleEndian.AppendUint32(b, uint32(j))
	}
	for _, v := range all.Values {
		b = l.Features.appendNumber(b, v)
	}
	dst[0] = b
	return false, nil
}

// sections are those of a run of a part, by what they hold.
const (
	lengths = iota // of rows, in entries
	targets
	weights
	indices
	data
)

// eachSection hands a section of each run of the parts to use, as a reader of so many bytes.
func eachSection(parts []Part, section int, l *Features, use func(r io.Reader, size int64) error) error {
	for i := range parts {
		err := parts[i].read(0, func(r io.Reader) error {
			b := bufio.NewReaderSize(r, 64<<10)
			for {
				if _, err := b.Peek(1); err == io.EOF {
					return nil
				}
				rows, err := binary.ReadUvarint(b)
				if err != nil {
					return damaged(err)
				}
				entries, err := binary.ReadUvarint(b)
				if err != nil {
					return damaged(err)
				}
				if rows > 1<<40 || entries > 1<<40 {
					return errDamagedPart
				}
				sizes := [...]uint64{4 * rows, 0, 0, 4 * entries, uint64(l.itemSize()) * entries}
				if l.Target != "" {
					sizes[targets] = 8 * rows
				}
				if l.Weight != "" {
					sizes[weights] = 8 * rows
				}
				for k, size := range sizes {
					from := io.LimitReader(b, int64(size))
					if k == section {
						err = use(from, int64(size))
					}
					if err == nil {
						var rest int64
						if rest, err = io.Copy(io.Discard, from); k != section && err == nil && rest != int64(size) {
							err = errDamagedPart
						}
					}
					if err != nil {
						return err
					}
				}
			}
		})
		if err != nil {
			return fmt.Errorf("part %d of the output: %w", i, err)
		}
	}
	return nil
}

func damaged(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errDamagedPart
	}
	return err
}

// npzTime is that of every member, as numpy.savez has it: the first that a zip can tell.
var npzTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// assembleCSR writes the archive as scipy.sparse.save_npz does it, not compressed, with indices of 4 bytes where these do.
func assembleCSR(_ int, w io.Writer, parts []Part, l Layout) error {
	o := l.Features
	var rows, entries int64
	err := eachSection(parts, data, o, func(_ io.Reader, size int64) error {
		entries += size / int64(o.itemSize())
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range parts {
		rows += p.Info.Rows
	}
	integer := "<i4"
	if entries > math.MaxInt32 {
		integer = "<i8"
	}
	archive := zip.NewWriter(w)
	array := func(name, descr string, header int64, fill func(io.Writer) error) {
		if err != nil {
			return
		}
		var m io.Writer
		if m, err = archive.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store, Modified: npzTime}); err != nil {
			return
		}
		out := bufio.NewWriterSize(m, 64<<10)
		if header >= 0 {
			_, err = out.Write(npyHeader(descr, header))
		} else {
			_, err = out.Write(npyScalarHeader(descr))
		}
		if err == nil {
			err = errors.Join(fill(out), out.Flush())
		}
	}
	copied := func(section int) func(io.Writer) error {
		return func(w io.Writer) error {
			return eachSection(parts, section, o, func(r io.Reader, size int64) error {
				if n, err := io.Copy(w, r); err != nil || n != size {
					return errors.Join(err, errDamagedPart)
				}
				return nil
			})
		}
	}
	array("indices", integer, entries, func(w io.Writer) error { return widened(w, parts, o, integer) })
	array("indptr", integer, rows+1, func(w io.Writer) error { return offsets(w, parts, o, integer, rows) })
	array("format", "|S3", -1, func(w io.Writer) error { _, err := io.WriteString(w, "csr"); return err })
	array("shape", "<i8", 2, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, []int64{rows, int64(o.Dim)})
	})
	array("data", o.descr(), entries, copied(data))
	if o.Target != "" {
		array("target", "<f8", rows, copied(targets))
	}
	if o.Weight != "" {
		array("weight", "<f8", rows, copied(weights))
	}
	return errors.Join(err, archive.Close())
}

// eachUint32 hands the numbers of a section to use.
func eachUint32(parts []Part, section int, o *Features, use func(v uint32) error) error {
	return eachSection(parts, section, o, func(r io.Reader, size int64) error {
		var b [4]byte
		for range size / 4 {
			if _, err := io.ReadFull(r, b[:]); err != nil {
				return damaged(err)
			}
			if err := use(binary.LittleEndian.Uint32(b[:])); err != nil {
				return err
			}
		}
		return nil
	})
}

// widened writes the columns of all entries.
func widened(w io.Writer, parts []Part, o *Features, integer string) error {
	var b []byte
	return eachUint32(parts, indices, o, func(v uint32) error {
		if int64(v) >= int64(o.Dim) {
			return errDamagedPart
		}
		b = appendInteger(b[:0], integer, int64(v))
		_, err := w.Write(b)
		return err
	})
}

// offsets writes where the entries of each row begin.
func offsets(w io.Writer, parts []Part, o *Features, integer string, rows int64) error {
	at, left := int64(0), rows
	b := appendInteger(nil, integer, 0)
	if _, err := w.Write(b); err != nil {
		return err
	}
	err := eachUint32(parts, lengths, o, func(v uint32) error {
		at += int64(v)
		left--
		b = appendInteger(b[:0], integer, at)
		_, err := w.Write(b)
		return err
	})
	if err == nil && left != 0 {
		err = fmt.Errorf("results.Assemble: %d rows, expected %d", rows-left, rows)
	}
	return err
}

func appendInteger(b []byte, integer string, v int64) []byte {
	if integer == "<i4" {
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(b, uint64(v))
}

// npyScalarHeader is the header of an array of no dimension, as numpy.save writes it.
func npyScalarHeader(descr string) []byte {
	const prefix, size = 10, 128
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (), }", descr)
	return fmt.Appendf(nil, "\x93NUMPY\x01\x00%c\x00%-*s\n", size-prefix, size-prefix-1, dict)
}
