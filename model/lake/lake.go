// Package lake reads the logs of tables of Parquet files that have versions: which files are of one, what their columns
// are called, which have one value in all rows of a file, and which of its rows are deleted. It knows Delta's
// (https://github.com/delta-io/delta/blob/master/PROTOCOL.md) and Iceberg's (https://iceberg.apache.org/spec).
package lake

import (
	"context"
	"regexp"
	"strconv"
	"strings"

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
	// Columns are what the table calls those of the file, in its order; nil where that is how they stand in the file.
	Columns []formats.Renamed `json:",omitempty"`
	// Deleted says where the numbers of its deleted rows stand, or nil.
	Deleted *Vector `json:",omitempty"`
	// Positions are files with numbers of deleted rows of this file and of others, which they name from Location on.
	Positions []string `json:",omitempty"`
	Location  string   `json:",omitempty"`
	// Equality are files with rows whose like are deleted.
	Equality []Equality `json:",omitempty"`
}

// Newest is the version of a table that was written last.
const Newest = -1

// atVersion is how the name of a table ends that asks for a version of Delta, or for a snapshot of Iceberg.
var atVersion = regexp.MustCompile(`^(.*[^/])/*@(v[0-9]{1,18}|[0-9]{1,19})$`)

// Version is what a name asks for: "v3" a version of Delta, "3" a snapshot of Iceberg, and "" the newest.
type Version string

// Name takes the name of a table apart: table@v3 is its version 3, table@3 its snapshot of that number, and a name
// without either stands for the newest.
func Name(name string) (dir string, version Version) {
	if m := atVersion.FindStringSubmatch(name); m != nil {
		if _, err := strconv.ParseInt(strings.TrimPrefix(m[2], "v"), 10, 64); err == nil {
			return m[1], Version(m[2])
		}
	}
	return strings.TrimRight(name, "/"), ""
}

// Delta is the number of a version of Delta; dir is what to call the table.
func (v Version) Delta(dir string) (int64, error) {
	if v == "" {
		return Newest, nil
	}
	number, ok := strings.CutPrefix(string(v), "v")
	if !ok {
		return 0, fault.Asked(dir, "a version of a table of Delta, as in @v3", "@%s", string(v))
	}
	return strconv.ParseInt(number, 10, 64)
}

// Iceberg is the number of a snapshot of Iceberg; dir is what to call the table.
func (v Version) Iceberg(dir string) (int64, error) {
	switch {
	case v == "":
		return Newest, nil
	case v[0] == 'v':
		return 0, fault.Asked(dir, "a snapshot of a table of Iceberg, as in @3051729675574597004", "@%s", string(v))
	}
	return strconv.ParseInt(string(v), 10, 64)
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
