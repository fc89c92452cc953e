// Package lake reads the logs of tables of Parquet files that have versions: which files are of one, which columns have
// one value in all rows of a file, and which of its rows are deleted. It knows Delta's
// (https://github.com/delta-io/delta/blob/master/PROTOCOL.md).
package lake

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
)

// Store has the files of a table.
type Store interface {
	// List names the files that match a pattern below the table's directory, from there. There need be none.
	List(ctx context.Context, pattern string) ([]string, error)
	// Open opens a file by its name from the table's directory.
	Open(ctx context.Context, name string) (formats.File, error)
}

// File is a file of a version of a table.
type File struct {
	Size int64 // in bytes, as the log has it
	Facts
}

// Facts are what the log says of a file. They cross a pipeline as JSON.
type Facts struct {
	// Name is its name from the table's directory.
	Name string
	// Constants are the columns that have one value in all of its rows.
	Constants []formats.Partition `json:",omitempty"`
	// Deleted says where the numbers of its deleted rows stand, or nil.
	Deleted *Vector `json:",omitempty"`
}

// Newest is the version of a table that was written last.
const Newest = -1

// atVersion is how the name of a table ends that asks for a version.
var atVersion = regexp.MustCompile(`^(.*[^/])/*@v([0-9]{1,18})$`)

// Name takes the name of a table apart: table@v3 is its version 3, and a name without a version [Newest].
func Name(name string) (dir string, version int64) {
	if m := atVersion.FindStringSubmatch(name); m != nil {
		v, err := strconv.ParseInt(m[2], 10, 64)
		if err == nil {
			return m[1], v
		}
	}
	return strings.TrimRight(name, "/"), Newest
}

// Read is the deleted rows of a file; open opens the file that they stand in, by its name from the table's directory.
func (f Facts) Read(ctx context.Context, open func(name string) (formats.File, error)) (*roaring64.Bitmap, error) {
	if f.Deleted == nil {
		return nil, nil
	}
	return f.Deleted.read(ctx, open)
}

// mostJSON bounds a file of a log that is read into memory.
const mostJSON = 1 << 30

// all is the content of a file.
func all(ctx context.Context, f formats.File) ([]byte, error) {
	if f.Size() > mostJSON {
		return nil, fault.File(f.Name(), "at most 1 GiB of a table's log", "%d bytes", f.Size())
	}
	return formats.ReadRange(ctx, f, 0, f.Size())
}
