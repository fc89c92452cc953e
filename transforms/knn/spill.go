package knn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/transforms/files"
)

func init() {
	register.Iter1[spill]()
	register.Emitter1[spill]()
	beam.RegisterCoder(reflect.TypeOf((*spill)(nil)).Elem(), encodeSpill, decodeSpill)
}

// A spill is a file in the staging directory in which a task leaves what others go on with, in sections: rows and answers go
// from worker to worker in such files, and only their descriptions go through the runner. (A runner shuffles some tens of
// megabytes a second, and Flink's and Spark's hang at 250 MB from one bundle.) Its name follows from its kind and the
// task's number, so that a task that is tried again replaces its file by the same.
type spill struct {
	Kind     string
	Number   int64 // of the task
	Size     int64
	Total    int64 // rows of the dataset
	Sections []section
}

// section is some rows, and where they stand in a spill.
type section struct {
	To             int64 // what they are for: a planned part, or a range of queries
	Rows           int64
	Wide           bool `json:",omitempty"` // of values that need a float64
	Offset, Length int64
	CRC            uint32 // CRC-32C
}

func encodeSpill(s spill) ([]byte, error) { return json.Marshal(s) }

func decodeSpill(b []byte) (spill, error) {
	var s spill
	err := json.Unmarshal(b, &s)
	return s, err
}

// putSection writes a section.
type putSection func(to section, data func(io.Writer) error) error

// write writes the file: fill calls put for each section.
func (s *spill) write(ctx context.Context, o *Options, fill func(put putSection) error) error {
	_, err := o.create(ctx, spillName(s.Kind, s.Number), func(w io.Writer) error {
		return fill(func(to section, data func(io.Writer) error) error {
			c := &checked{w: w, crc: crc32.New(castagnoli)}
			err := data(c)
			to.Offset, to.Length, to.CRC = s.Size, c.n, c.crc.Sum32()
			s.Size += c.n
			s.Sections = append(s.Sections, to)
			return err
		})
	})
	return err
}

func spillName(kind string, number int64) string { return fmt.Sprintf("%s-%08d", kind, number) }

// checked counts and sums up what is written.
type checked struct {
	w   io.Writer
	n   int64
	crc hash.Hash32
}

func (c *checked) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.crc.Write(b[:n])
	return n, err
}

// piece is the rows from Skip on, Take of them, of a section of the spill of a task.
type piece struct {
	Number, Size int64 // of the spill
	Section      section
	Skip, Take   int64
}

// read gives the bytes of the piece's section, of a kind of spill.
func (p *piece) read(ctx context.Context, o *Options, kind string) (*bytes.Reader, error) {
	path := files.Join(o.staging(), spillName(kind, p.Number))
	s := &p.Section
	r, err := files.Open(files.Info{Name: path, Size: p.Size}).OpenRange(ctx, s.Offset, s.Length)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if n != s.Length || crc32.Checksum(b.Bytes(), castagnoli) != s.CRC {
		return nil, fault.File(path, "what this run has written there", "bytes %d to %d are others", s.Offset, s.Offset+s.Length)
	}
	return bytes.NewReader(b.Bytes()), nil
}
