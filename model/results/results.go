// Package results writes neighbours, their graphs, tables of predictions, and rows of features to files.
//
// It is made for many workers that each answer some of the rows. A worker writes the answers to consecutive rows
// into a part ([Format.NewPart]), wherever it likes, and hands on the part's [Info]. When all parts are there,
// [Format.Assemble] makes the output file of them: a stream, written once, front to back. The bytes of the output are
// the same however the rows are cut into parts, and whatever the number of threads.
//
// Neighbours are rows in one of three forms ([Layout.Form]):
//
//	long      query_id, rank, neighbor_id, distance: a row for each neighbour, rank from 1; the default of .csv
//	nested    id, neighbors, distances: a row for each query, with lists; the default of .jsonl and .parquet
//	edges     source, target, distance: a row for each neighbour, by the names that graph libraries know
//
// A query without neighbours has no row in the forms with a row for each neighbour, and empty lists in the other.
//
//	.csv      a header and lines; the lists of the nested form are JSON
//	.jsonl    an object a line; a distance that is not finite is null
//	.parquet  ids are int64 where all of the file are integers, else strings; distances are double
//	.npy      NAME.indices.npy, int64, and NAME.distances.npy, float64, both n × k: integer ids and a fixed k only
//
// As a graph, whose rows are the queries and whose columns are the points, by their row numbers:
//
//	.npz      a matrix in compressed sparse rows, as scipy.sparse.load_npz reads it
//	.mtx      Matrix Market's coordinates, as scipy.io.mmread reads them
//
// A table, whose columns are named in the [Layout]:
//
//	.csv      id, or what the layout calls it, and the columns, with a header
//	.jsonl    {"id":…,"NAME":…}: a line for each row; a number that is not finite is null
//	.parquet  id, and other ids, int64 where all of the file are integers, else string; the columns: double, int64 or string
//	.npy      the columns without the ids, in the order of the rows: n numbers, or n × columns; no texts. It is int64 where
//	          all columns are integers, else float64
//
// A row that has no values, where the layout allows that ([Layout.Nullable]), has empty fields in .csv, null in
// .jsonl and .parquet, and NaN in .npy, which is then float64. So has an id that cannot be read, but for .npy, where
// there are none.
//
// Rows of features, as an encoding makes them of tables, are told in rows.go.
//
// Numbers in text have the shortest form that reads back as the same float64.
//
// Rows of the input, as they stand there, are told in copied.go.
//
// To add a format: one file that makes a [Format], and one line in [All], [Graphs], [Matrices] or [Copies].
package results

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// A Format is a way to store neighbours, and tables, in files.
type Format struct {
	// Name is what a user calls it.
	Name string
	// Extensions that stand for the format, with the dot, lower case.
	Extensions []string

	// endings take the place of the extension, one for each file of neighbours. Nil: one file, at the path itself, as a
	// table always is.
	endings []string
	// partFiles is how many files a part has. 0: as many as the output.
	partFiles int
	// graph says that the format holds graphs, and nothing else.
	graph bool
	// form is that of neighbours by default. "": the format has no forms.
	form Form
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

// Graphs is every format of graphs of neighbours, and of nothing else.
var Graphs = []*Format{npzFormat, mtxFormat}

// Matrices is every format of rows of features.
var Matrices = []*Format{csvFormat, jsonlFormat, parquetFormat, npyFormat, svmFormat, csrFormat}

// Formats are those that may store a layout.
func Formats(l Layout) []*Format {
	switch {
	case l.Copied != nil:
		return Copies
	case l.Features != nil:
		return Matrices
	case l.isTable():
		return All
	}
	return append(slices.Clone(All), Graphs...)
}

// Layout is the shape of an output: neighbours, a table, or rows of features. It can travel as JSON.
type Layout struct {
	// K is the number of neighbours of each query; 0 where queries have numbers of their own, as within a radius.
	K int `json:",omitempty"`
	// Form is how neighbours become rows: Long, Nested or Edges. Default: that of the format.
	Form Form `json:",omitempty"`
	// Connectivity leaves the distances out of edges, and makes each value of a graph 1.
	Connectivity bool `json:",omitempty"`
	// Similarity adds the similarities to the distances.
	Similarity Similarity `json:",omitempty"`
	// Columns are those of a table, beside the id. None: neighbours.
	Columns []Column `json:",omitempty"`
	// IDName is what the column of a table's ids is called. Default: id.
	IDName string `json:",omitempty"`
	// Nullable says that rows of a table may be without values, or without an id.
	Nullable bool `json:",omitempty"`
	// Features are those of rows of features, nil of anything else.
	Features *Features `json:",omitempty"`
	// Copied says how rows stand in the input that are written so once more, nil of anything else.
	Copied *formats.Copied `json:",omitempty"`
}

// A Form is how neighbours become rows.
type Form string

const (
	Long   Form = "long"   // a row for each neighbour, with its rank
	Nested Form = "nested" // a row for each query, with lists
	Edges  Form = "edges"  // a row for each neighbour, by the names that graph libraries know
)

// Forms lists them.
var Forms = []Form{Long, Nested, Edges}

// A Similarity is what is near by another measure, which follows from the distance.
type Similarity string

const (
	OneMinusDistance Similarity = "1-distance" // the cosine, of the cosine distance
	MinusDistance    Similarity = "-distance"  // the inner product, of its negative
)

// of is the similarity at a distance.
func (s Similarity) of(distance float64) float64 {
	if s == OneMinusDistance {
		return 1 - distance
	}
	return 0 - distance // no −0
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
	ID    ColumnType = "id"    // the id that Table.Ref gives
)

// Table is consecutive rows of a table: those from From to To.
type Table struct {
	ID func(i int) vectors.ID
	// Values are rows × columns, row-major, of all rows from 0 to To. That of a column of type Text is the place in its
	// Texts.
	Values   []float64
	From, To int
	// Ref is what a column of type ID holds. Required where there is one.
	Ref func(i int) vectors.ID
	// Lacks says what rows do not have, where the layout is Nullable. Default: all have everything.
	Lacks func(i int) Lack
	// Threads is the number of goroutines that share the work, and call ID, Ref and Lacks. Default: GOMAXPROCS.
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
	// Row is the row number of query i, and Column that of a point, in their datasets. Required of graphs only.
	Row    func(i int) int64
	Column func(position int32) int64
	// Threads is the number of goroutines that share the work, and call the functions. Default: GOMAXPROCS.
	Threads int
}

// Info is what Assemble has to know of a part beforehand. It can travel as JSON.
type Info struct {
	Rows      int64   // or queries
	Neighbors int64   `json:",omitempty"` // of all queries
	Bytes     []int64 // the size of each file of the part
	TextIDs   bool    // an id in it, of a row or of a neighbour, is not an integer
	// Queries and Points are the shape of the graph, or of the rows of features, that the part is of, as far as it is
	// known: the greatest of all parts count.
	Queries int64 `json:",omitempty"`
	Points  int64 `json:",omitempty"`
}

// Part is a part that has been written.
type Part struct {
	Info Info
	// Open opens a file of the part: by the number of the file that Assemble is asked for, or of a graph all of them.
	// Assemble reads the parts one after the other.
	Open func(file int) (io.ReadCloser, error)
}

// Detect finds the format of a layout by its name or, where that is empty, by the extension of the path. Standard
// output, which is called "-", is .csv.
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
	if ext == "" {
		return nil, fault.File(output, "--output_format=csv, or another of "+strings.Join(names, ", "),
			"no extension that tells the format")
	}
	return nil, fault.File(output, "one of "+strings.Join(extensions, " ")+", or --output_format", "the extension %s",
		fault.Quote(ext))
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

// IsText reports whether an output is lines, of which each row or neighbour has its own.
func (f *Format) IsText() bool { return f == csvFormat || f == jsonlFormat }

// numFiles is the number of files of an output.
func (f *Format) numFiles(l Layout) int {
	if l.isTable() || l.Features != nil {
		return 1
	}
	return max(len(f.endings), 1)
}

// PartFiles is how many files a part has.
func (f *Format) PartFiles(l Layout) int {
	if f.partFiles > 0 {
		return f.partFiles
	}
	return f.numFiles(l)
}

// formed is the layout with the form that the format gives neighbours by default.
func (f *Format) formed(l Layout) Layout {
	if l.Form == "" && !l.isTable() && l.Features == nil {
		l.Form = f.form
	}
	return l
}

// ShardName is the path of one of the shards of an output, counted from 0: NAME-00000-of-00003.csv.
func ShardName(output string, shard, shards int) string {
	ext := path.Ext(output)
	return fmt.Sprintf("%s-%05d-of-%05d%s", output[:len(output)-len(ext)], shard, shards, ext)
}

// Check says why the format cannot store what the layout describes, if so.
func (f *Format) Check(l Layout) error {
	if l.Copied != nil {
		return f.checkCopied(l.Copied)
	}
	if l.Features != nil {
		return f.checkRows(l.Features)
	}
	if err := f.checkNeighbors(l); err != nil {
		return err
	}
	seen := map[string]bool{l.idName(): true}
	for _, c := range l.Columns {
		if seen[c.Name] {
			return fmt.Errorf("the column %s twice", fault.Quote(c.Name))
		}
		seen[c.Name] = true
		if c.Type == ID && l.Nullable {
			return errors.New("a column of ids in a table that is nullable")
		}
	}
	if f.check == nil {
		return nil
	}
	return f.check(l)
}

// checkNeighbors says what of the layout of neighbours cannot be.
func (f *Format) checkNeighbors(l Layout) error {
	switch {
	case l.isTable() && (l.Form != "" || l.Connectivity || l.Similarity != ""):
		return errors.New("a table has no form, connectivity or similarity of neighbours")
	case l.Form != "" && !slices.Contains(Forms, l.Form):
		return fmt.Errorf("layout %q: must be one of long, nested, edges", l.Form)
	case l.Form != "" && f.form == "":
		return fmt.Errorf("layout %s: .%s has a layout of its own: write .csv, .jsonl or .parquet", l.Form, f.Name)
	case l.Connectivity && !f.graph && l.Form != Edges:
		return fmt.Errorf("mode connectivity is of graphs: write .npz, .mtx, or the layout edges (.%s)", f.Name)
	case l.Similarity != "" && f.form == "":
		return fmt.Errorf("similarities go into .csv, .jsonl and .parquet, not into .%s", f.Name)
	case l.Similarity != "" && l.Connectivity:
		return errors.New("mode connectivity leaves out distances, and similarities with them")
	}
	return nil
}

// idColumnName is the first column of a table, unless the layout has another name.
const idColumnName = "id"

// idName is what the first column of a table is called.
func (l Layout) idName() string { return cmp.Or(l.IDName, idColumnName) }

// Assemble writes to w the file with this number, 0 unless the format has several, of an output that consists of the
// parts, in their order; of a graph, or of rows whose layout
// does not say how many features they have, a part may be a shape alone, without files. It neither buffers nor closes
// w. It takes O(1) memory, but for .parquet a row group with all that encodes it: some 200 MB, and the longest row.
//
// It fails where a part is not what its Info says.
func (f *Format) Assemble(file int, w io.Writer, parts []Part, l Layout) error {
	if file < 0 || file >= f.numFiles(l) {
		return fmt.Errorf("results.Assemble: file %d of a format with %d", file, f.numFiles(l))
	}
	if err := f.Check(l); err != nil {
		return err
	}
	parts, l, err := shaped(parts, l)
	if err != nil {
		return err
	}
	for i := range parts {
		if n := len(parts[i].Info.Bytes); n != f.PartFiles(l) && !(f.graph && n == 0) {
			return fmt.Errorf("results.Assemble: part %d has %d files, the format %s has %d", i, len(parts[i].Info.Bytes),
				f.Name, f.PartFiles(l))
		}
	}
	return f.assemble(file, w, parts, f.formed(l))
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
	r, err := p.Open(file)
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
