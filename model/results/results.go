// Package results writes neighbours, tables of predictions, and rows of features to files: .csv, .jsonl, .parquet, .npy, .svm, .npz.
//
// It is made for many workers that each answer some of the rows. A worker writes the answers to consecutive rows
// into a part ([Format.NewPart]), wherever it likes, and hands on the part's [Info]. When all parts are there,
// [Format.Assemble] makes the output file of them: a stream, written once, front to back. The bytes of the output are
// the same however the rows are cut into parts, and whatever the number of threads.
//
// Neighbours:
//
//	.csv      query_id,rank,neighbor_id,distance: a line for each neighbour, rank from 1; none for a query without any
//	.jsonl    {"id":…,"neighbors":[…],"distances":[…]}: a line for each query; a distance that is not finite is null
//	.parquet  id, neighbors: list, distances: list of double; ids are int64 where all of the file are integers, else strings
//	.npy      NAME.indices.npy, int64, and NAME.distances.npy, float64, both n × k: integer ids and a fixed k only
//
// A table, whose columns are named in the [Layout]:
//
//	.csv      id and the columns, with a header
//	.jsonl    {"id":…,"NAME":…}: a line for each row; a number that is not finite is null
//	.parquet  id, int64 where all of the file are integers, else string; the columns: double, int64 or string
//	.npy      the columns without the ids, in the order of the rows: n numbers, or n × columns; no texts. It is int64 where
//	          all columns are integers, else float64
//
// A row that has no values, where the layout allows that ([Layout.Nullable]), has empty fields in .csv, null in .jsonl and .parquet,
// and NaN in .npy, which is then float64. So has an id that cannot be read, but for .npy, where there are none.
//
// Rows of features, as an encoding makes them of tables, are told in rows.go.
//
// Numbers in text have the shortest form that reads back as the same float64.
//
// To add a format: one file that makes a [Format], and one line in [All].
package results

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// A Format is a way to store neighbours, and tables, in files.
type Format struct {
	// Name is what a user calls it.
	Name string
	// Extensions that stand for the format, with the dot, lower case.
	Extensions []string

	// endings take the place of the extension, one for each file of neighbours. Nil: one file, at the path itself, as a table
	// always is.
	endings []string
	// check says why a layout cannot be stored. Nil: any can.
	check func(Layout) error
	// encode appends queries from ≤ i < to of the chunk to dst, which has one buffer for each file, and reports whether a
	// text id is among the ids. encodeTable does so with rows of a table, and encodeRows with rows of features.
	encode      func(dst [][]byte, c *Chunk, from, to int, l Layout) (texts bool, err error)
	encodeTable func(dst [][]byte, t *Table, from, to int, l Layout) (texts bool, err error)
	encodeRows  func(dst [][]byte, r *Rows, from, to int, l Layout) (texts bool, err error)
	// assemble makes the final file of what encode has made.
	assemble func(file int, w io.Writer, parts []Part, l Layout) error
}

// All is every format of neighbours, and of tables.
var All = []*Format{csvFormat, jsonlFormat, parquetFormat, npyFormat}

// Matrices is every format of rows of features.
var Matrices = []*Format{csvFormat, jsonlFormat, parquetFormat, npyFormat, svmFormat, csrFormat}

// Formats are those that may store a layout.
func Formats(l Layout) []*Format {
	if l.Features != nil {
		return Matrices
	}
	return All
}

// Layout is the shape of an output: neighbours, a table, or rows of features. It can travel as JSON.
type Layout struct {
	// K is the number of neighbours of each query; 0 where queries have numbers of their own, as within a radius.
	K int `json:",omitempty"`
	// Columns are those of a table, beside the id. None: neighbours.
	Columns []Column `json:",omitempty"`
	// Nullable says that rows of a table may be without values, or without an id.
	Nullable bool `json:",omitempty"`
	// Features are those of rows of features, nil of anything else.
	Features *Features `json:",omitempty"`
}

// isTable reports whether the output is a table.
func (l Layout) isTable() bool { return len(l.Columns) > 0 }

// Column is a column of a table.
type Column struct {
	Name string
	Type ColumnType
	// Texts are the values that a column of type Text can have.
	Texts []string `json:",omitempty"`
}

// ColumnType is what a column holds.
type ColumnType string

const (
	Float ColumnType = "float" // numbers
	Int   ColumnType = "int"   // whole numbers, up to 2⁵³
	Text  ColumnType = "text"  // some of the texts of the column
)

// Table is consecutive rows of a table: those from From to To.
type Table struct {
	ID func(i int) vectors.ID
	// Values are rows × columns, row-major, of all rows from 0 to To. That of a column of type Text is the place in its Texts.
	Values   []float64
	From, To int
	// Lacks says what rows do not have, where the layout is Nullable. Default: all have everything.
	Lacks func(i int) Lack
	// Threads is the number of goroutines that share the work, and call ID and Lacks. Default: GOMAXPROCS.
	Threads int
}

// Lack is what a row does not have: a sum of these.
type Lack uint8

const (
	NoValues Lack = 1 << iota // values of any column
	NoID
)

// lacks is what row i does not have.
func (t *Table) lacks(i int) Lack {
	if t.Lacks == nil {
		return 0
	}
	return t.Lacks(i)
}

// row is the values of row i.
func (t *Table) row(i int, l Layout) []float64 {
	n := len(l.Columns)
	return t.Values[i*n : (i+1)*n]
}

// Chunk is the answer to consecutive queries: those of Neighbors from From to To.
type Chunk struct {
	Query     func(i int) vectors.ID          // the id of query i of Neighbors
	Neighbor  func(position int32) vectors.ID // the id of a point
	Neighbors *neighbors.Neighbors
	From, To  int
	// Threads is the number of goroutines that share the work, and call Query and Neighbor. Default: GOMAXPROCS.
	Threads int
}

// Info is what Assemble has to know of a part beforehand. It can travel as JSON.
type Info struct {
	Rows    int64   // or queries
	Bytes   []int64 // the size of each file of the part
	TextIDs bool    // an id in it, of a row or of a neighbour, is not an integer
}

// Part is a part that has been written.
type Part struct {
	Info Info
	// Open opens the file of the part that Assemble is asked for. Assemble reads the parts one after the other.
	Open func() (io.ReadCloser, error)
}

// Detect finds the format for a layout by its name or, where that is empty, by the extension of the path. Standard output, which is
// called "-", is .csv.
func Detect(output, name string, l Layout) (*Format, error) {
	var names, extensions []string
	ext := strings.ToLower(path.Ext(output))
	if output == "-" {
		ext = ".csv"
	}
	for _, f := range Formats(l) {
		for _, e := range f.Extensions {
			if name == "" && e == ext {
				return f, nil
			}
		}
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
		extensions = append(extensions, f.Extensions...)
	}
	if name != "" {
		return nil, fmt.Errorf("output format %q: must be one of %s", name, strings.Join(names, ", "))
	}
	return nil, fault.File(output, "one of "+strings.Join(extensions, " ")+", or a format by name", "the extension %s", fault.Quote(ext))
}

// Files are the files that an output consists of: the path itself or, for neighbours in .npy, NAME.indices.npy and
// NAME.distances.npy.
func (f *Format) Files(output string, l Layout) []string {
	if f.numFiles(l) == 1 {
		return []string{output}
	}
	base := output
	for _, e := range f.Extensions {
		if strings.EqualFold(path.Ext(output), e) {
			base = output[:len(output)-len(e)]
		}
	}
	var files []string
	for _, e := range f.endings {
		files = append(files, base+e)
	}
	return files
}

// numFiles is the number of files of an output.
func (f *Format) numFiles(l Layout) int {
	if l.isTable() || l.Features != nil {
		return 1
	}
	return max(len(f.endings), 1)
}

// ShardName is the path of one of the shards of an output, counted from 0: NAME-00000-of-00003.csv.
func ShardName(output string, shard, shards int) string {
	ext := path.Ext(output)
	return fmt.Sprintf("%s-%05d-of-%05d%s", output[:len(output)-len(ext)], shard, shards, ext)
}

// Check says why the format cannot store what the layout describes, if so.
func (f *Format) Check(l Layout) error {
	if l.Features != nil {
		return f.checkRows(l.Features)
	}
	seen := map[string]bool{idColumnName: true}
	for _, c := range l.Columns {
		if seen[c.Name] {
			return fmt.Errorf("the column %s twice", fault.Quote(c.Name))
		}
		seen[c.Name] = true
	}
	if f.check == nil {
		return nil
	}
	return f.check(l)
}

// idColumnName is the first column of a table.
const idColumnName = "id"

// Assemble writes to w the file with this number, 0 unless the format has several, of an output that consists of the
// parts, in their order. It neither buffers nor closes w. It takes O(1) memory, but for .parquet a row group with all that
// encodes it: some 200 MB, and the longest row.
//
// It fails where a part is not what its Info says.
func (f *Format) Assemble(file int, w io.Writer, parts []Part, l Layout) error {
	if file < 0 || file >= f.numFiles(l) {
		return fmt.Errorf("results.Assemble: file %d of a format with %d", file, f.numFiles(l))
	}
	if err := f.Check(l); err != nil {
		return err
	}
	for i := range parts {
		if len(parts[i].Info.Bytes) != f.numFiles(l) {
			return fmt.Errorf("results.Assemble: part %d has %d files, the format %s has %d", i, len(parts[i].Info.Bytes), f.Name, f.numFiles(l))
		}
	}
	return f.assemble(file, w, parts, l)
}

// concatenate writes the parts as they are.
func concatenate(file int, w io.Writer, parts []Part) error {
	for i := range parts {
		err := parts[i].read(file, func(r io.Reader) error {
			_, err := io.Copy(w, r)
			return err
		})
		if err != nil {
			return fmt.Errorf("part %d of the output: %w", i, err)
		}
	}
	return nil
}

// read hands the whole of a part's file to use.
func (p *Part) read(file int, use func(io.Reader) error) error {
	r, err := p.Open()
	if err != nil {
		return err
	}
	return errors.Join(use(&exactReader{r: r, left: p.Info.Bytes[file]}), r.Close())
}

// exactReader fails where there are not as many bytes as expected, so that no part is cut short silently.
type exactReader struct {
	r    io.Reader
	left int64
}

func (e *exactReader) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	e.left -= int64(n)
	if e.left < 0 {
		return n, errors.New("more bytes than were written")
	}
	if err == io.EOF && e.left > 0 {
		return n, fmt.Errorf("%d bytes fewer than were written", e.left)
	}
	return n, err
}
