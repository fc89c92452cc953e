package results

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"beamlearn/model/vectors"
)

var parquetFormat = &Format{
	Name:        "parquet",
	Extensions:  []string{".parquet"},
	form:        Nested,
	encode:      encodeParquetPart,
	encodeTable: encodeParquetTablePart,
	encodeRows:  encodeParquetRows,
	assemble:    assembleParquet,
}

// A row group, of which readers hold one at a time, ends with the row that fills it. What is in it follows from the
// rows alone, and so do the bytes of the file.
const (
	rowGroupRows  = 1 << 17
	rowGroupBytes = 16 << 20 // of ids and numbers, uncompressed
)

// A part of neighbours is its queries one after the other: the id, the number of neighbours (uvarint), their ids,
// their distances (float64, little-endian). A part of a table is its rows: the id, the values (float64,
// little-endian, or ids). An id is 0 and the integer (varint), or the length of its text (uvarint, > 0) and the text.
// Where the layout is nullable, a byte before each row says what it lacks, and that is left out.

func encodeParquetPart(dst [][]byte, c *Chunk, from, to int, _ Layout) (bool, error) {
	b, texts := dst[0], false
	for i := from; i < to; i++ {
		query := c.Query(i)
		texts = texts || !query.IsInt()
		b = appendRecordID(b, query)
		positions, distances := c.Neighbors.Of(i)
		b = binary.AppendUvarint(b, uint64(len(positions)))
		for _, p := range positions {
			neighbor := c.Neighbor(p)
			texts = texts || !neighbor.IsInt()
			b = appendRecordID(b, neighbor)
		}
		for _, d := range distances {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(d))
		}
	}
	dst[0] = b
	return texts, nil
}

func encodeParquetTablePart(dst [][]byte, t *Table, from, to int, l Layout) (bool, error) {
	b, texts := dst[0], false
	for i := from; i < to; i++ {
		lack := t.lacks(i)
		if l.Nullable {
			b = append(b, byte(lack))
		}
		if lack&NoID == 0 {
			id := t.ID(i)
			texts = texts || !id.IsInt()
			b = appendRecordID(b, id)
		}
		if lack&NoValues != 0 {
			continue
		}
		for j, v := range t.row(i, l) {
			if l.Columns[j].Type == ID {
				ref := t.Ref(i)
				texts = texts || !ref.IsInt()
				b = appendRecordID(b, ref)
				continue
			}
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	dst[0] = b
	return texts, nil
}

func appendRecordID(b []byte, id vectors.ID) []byte {
	if id.IsInt() {
		return binary.AppendVarint(append(b, 0), id.Int)
	}
	s := validUTF8(id.Text)
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// validUTF8 is a string of Parquet, which is UTF-8: each other byte becomes U+FFFD, as in .jsonl.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// rows gathers the rows of a row group.
type rows interface {
	// record reads a row of a part.
	record(d partReader) error
	len() int
	full() bool
	reset()
	schema() (*schema.GroupNode, error)
	// properties are how the columns are stored, by what the first row group holds.
	properties() []parquet.WriterProperty
	// columns writes the columns one by one.
	columns() []func(file.ColumnChunkWriter) error
}

// partReader reads the rows of a part. It allocates for what it has read, not for what a length claims.
type partReader struct{ r *bufio.Reader }

var errDamagedPart = errors.New("damaged data")

// next appends a row to the row group. At the end of the part it returns io.EOF.
func (d partReader) next(g rows) error {
	if _, err := d.r.Peek(1); err != nil {
		return err
	}
	if err := g.record(d); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return errDamagedPart
		}
		return err
	}
	return nil
}

func (d partReader) float() (float64, error) {
	var b [8]byte
	_, err := io.ReadFull(d.r, b[:])
	return math.Float64frombits(binary.LittleEndian.Uint64(b[:])), err
}

// floats appends n numbers.
func (d partReader) floats(to []float64, n uint64) ([]float64, error) {
	for n > 0 {
		b, err := d.r.Peek(8 * int(min(n, uint64(d.r.Size()/8))))
		if err != nil {
			return to, err
		}
		for at := 0; at < len(b); at += 8 {
			to = append(to, math.Float64frombits(binary.LittleEndian.Uint64(b[at:])))
		}
		n -= uint64(len(b) / 8)
		if _, err := d.r.Discard(len(b)); err != nil {
			return to, err
		}
	}
	return to, nil
}

// integer reads an id that is an integer and stands in the buffer already, as nearly all do, and reports whether it
// did.
func (d partReader) integer(c *idColumn) bool {
	b, _ := d.r.Peek(1 + binary.MaxVarintLen64) // fewer at the end, which fails where the id is read byte by byte
	if c.texts || len(b) == 0 || b[0] != 0 {
		return false
	}
	v, n := binary.Varint(b[1:])
	if n <= 0 {
		return false
	}
	c.ints = append(c.ints, v)
	_, err := d.r.Discard(1 + n)
	return err == nil
}

func (d partReader) id(c *idColumn) error {
	if d.integer(c) {
		return nil
	}
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		return err
	}
	if n == 0 {
		v, err := binary.ReadVarint(d.r)
		if err != nil {
			return err
		}
		c.appendInt(v)
		return nil
	}
	if !c.texts {
		return errDamagedPart // its Info has promised integers
	}
	return d.bytes(c, n)
}

// text reads the length of a text, and the text.
func (d partReader) text(c *idColumn) error {
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		return err
	}
	return d.bytes(c, n)
}

// bytes reads a text of n bytes.
func (d partReader) bytes(c *idColumn, n uint64) error {
	for n > 0 {
		b, err := d.r.Peek(int(min(n, uint64(d.r.Size()))))
		if err != nil {
			return err
		}
		c.data = append(c.data, b...)
		n -= uint64(len(b))
		if _, err := d.r.Discard(len(b)); err != nil {
			return err
		}
	}
	c.ends = append(c.ends, len(c.data))
	return nil
}

// idColumn holds integers, or strings.
type idColumn struct {
	texts bool
	ints  []int64
	data  []byte // the strings, one after the other
	ends  []int  // where each ends
}

func (c *idColumn) appendInt(v int64) {
	if c.texts {
		c.data = strconv.AppendInt(c.data, v, 10)
		c.ends = append(c.ends, len(c.data))
	} else {
		c.ints = append(c.ints, v)
	}
}

func (c *idColumn) reset() { c.ints, c.data, c.ends = c.ints[:0], c.data[:0], c.ends[:0] }

// repeat has the last id n times, which may be none.
func (c *idColumn) repeat(n int) {
	if c.texts {
		from := 0
		if len(c.ends) > 1 {
			from = c.ends[len(c.ends)-2]
		}
		if n == 0 {
			c.data, c.ends = c.data[:from], c.ends[:len(c.ends)-1]
			return
		}
		id := c.data[from:]
		for range n - 1 {
			c.data = append(c.data, id...)
			c.ends = append(c.ends, len(c.data))
		}
		return
	}
	last := len(c.ints) - 1
	c.ints = c.ints[:last]
	id := c.ints[:last+1][last]
	for range n {
		c.ints = append(c.ints, id)
	}
}

// write writes the column, with the levels of its list if it is one.
func (c *idColumn) write(w file.ColumnChunkWriter, definition, repetition []int16) error {
	var err error
	if c.texts {
		values := make([]parquet.ByteArray, len(c.ends))
		start := 0
		for i, end := range c.ends {
			values[i] = c.data[start:end]
			start = end
		}
		_, err = w.(*file.ByteArrayColumnChunkWriter).WriteBatch(values, definition, repetition)
	} else {
		_, err = w.(*file.Int64ColumnChunkWriter).WriteBatch(c.ints, definition, repetition)
	}
	return err
}

// node is the column's place in the schema.
func (c *idColumn) node(name string, r parquet.Repetition) schema.Node {
	if c.texts {
		return stringNode(name, r)
	}
	return schema.NewInt64Node(name, r, -1)
}

func stringNode(name string, r parquet.Repetition) schema.Node {
	return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(name, r, schema.StringLogicalType{},
		parquet.Types.ByteArray, -1, -1))
}

// neighborRows are rows of neighbours. In the nested form all lists of a row have the same length, hence the same
// levels: definition is 0 for the single entry of an empty list, repetition is 0 where a row begins. In the others,
// there are none.
type neighborRows struct {
	layout                 Layout
	rows                   int
	ids, neighbors         idColumn
	ranks                  []int64
	distances              []float64
	definition, repetition []int16
}

func (g *neighborRows) record(d partReader) error {
	if err := d.id(&g.ids); err != nil {
		return err
	}
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		return err
	}
	for range n {
		if err := d.id(&g.neighbors); err != nil {
			return err
		}
	}
	if g.distances, err = d.floats(g.distances, n); err != nil {
		return err
	}
	g.append(int(n))
	return nil
}

// append adds what else belongs to a query whose ids and distances have been appended: the levels of its lists, or
// its id and the ranks for each of its rows.
func (g *neighborRows) append(neighbors int) {
	if g.layout.Form != Nested {
		g.rows += neighbors
		g.ids.repeat(neighbors)
		for i := range neighbors {
			g.ranks = append(g.ranks, int64(i+1))
		}
		return
	}
	g.rows++
	if neighbors == 0 {
		g.definition = append(g.definition, 0)
		g.repetition = append(g.repetition, 0)
		return
	}
	for i := range neighbors {
		g.definition = append(g.definition, 1)
		g.repetition = append(g.repetition, int16(min(i, 1)))
	}
}

func (g *neighborRows) len() int { return g.rows }

// full counts the bytes of a query's rows, not their number, where there is one for each neighbour.
func (g *neighborRows) full() bool {
	return g.rows >= rowGroupRows && g.layout.Form == Nested ||
		16*len(g.distances)+len(g.ids.data)+len(g.neighbors.data) >= rowGroupBytes
}

func (g *neighborRows) reset() {
	g.rows, g.distances, g.definition, g.repetition = 0, g.distances[:0], g.definition[:0], g.repetition[:0]
	g.ranks = g.ranks[:0]
	g.ids.reset()
	g.neighbors.reset()
}

func (g *neighborRows) schema() (*schema.GroupNode, error) {
	nested := g.layout.Form == Nested
	var fields schema.FieldList
	for i, name := range neighborColumns(g.layout) {
		node := schema.Node(schema.NewFloat64Node(name, parquet.Repetitions.Required, -1))
		element := schema.Node(schema.NewFloat64Node("element", parquet.Repetitions.Required, -1))
		switch name {
		case "neighbors":
			element = g.neighbors.node("element", parquet.Repetitions.Required)
		case "rank":
			node = schema.NewInt64Node(name, parquet.Repetitions.Required, -1)
		case idColumnName, "query_id", "source":
			node = g.ids.node(name, parquet.Repetitions.Required)
		case "neighbor_id", "target":
			node = g.neighbors.node(name, parquet.Repetitions.Required)
		}
		if nested && i > 0 {
			list, err := schema.ListOfWithName(name, element, parquet.Repetitions.Required, -1)
			if err != nil {
				return nil, err
			}
			node = list
		}
		fields = append(fields, node)
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func (g *neighborRows) columns() (all []func(file.ColumnChunkWriter) error) {
	for _, name := range neighborColumns(g.layout) {
		all = append(all, func(w file.ColumnChunkWriter) error { return g.writeColumn(name, w) })
	}
	return all
}

func (g *neighborRows) writeColumn(name string, w file.ColumnChunkWriter) (err error) {
	switch name {
	case idColumnName, "query_id", "source":
		return g.ids.write(w, nil, nil)
	case "neighbors", "neighbor_id", "target":
		return g.neighbors.write(w, g.definition, g.repetition)
	case "rank":
		_, err = w.(*file.Int64ColumnChunkWriter).WriteBatch(g.ranks, nil, nil)
		return err
	}
	values := g.distances
	if name != "distance" && name != "distances" {
		values = make([]float64, len(g.distances))
		for i, d := range g.distances {
			values[i] = g.layout.Similarity.of(d)
		}
	}
	_, err = w.(*file.Float64ColumnChunkWriter).WriteBatch(values, g.definition, g.repetition)
	return err
}

// tableRows are rows of a table.
type tableRows struct {
	layout Layout
	ids    idColumn
	refs   []idColumn // of each column, where that is of type ID
	rows   int
	values [][]float64           // of each column
	texts  [][]parquet.ByteArray // of each column of type Text: what it can have
	// Where the layout is nullable: for each row 1, or 0 where it has no id, or no values, of which there are then fewer
	// than rows.
	hasID, hasValues []int16
}

// repetition is that of all columns.
func (g *tableRows) repetition() parquet.Repetition {
	if g.layout.Nullable {
		return parquet.Repetitions.Optional
	}
	return parquet.Repetitions.Required
}

// lacks reads what a row does not have.
func (g *tableRows) lacks(d partReader) (Lack, error) {
	if !g.layout.Nullable {
		return 0, nil
	}
	b, err := d.r.ReadByte()
	lack := Lack(b)
	if lack > NoValues|NoID {
		return 0, errDamagedPart
	}
	has := func(what Lack) int16 {
		if lack&what != 0 {
			return 0
		}
		return 1
	}
	g.hasID, g.hasValues = append(g.hasID, has(NoID)), append(g.hasValues, has(NoValues))
	return lack, err
}

func newTableRows(l Layout) *tableRows {
	g := &tableRows{layout: l, refs: make([]idColumn, len(l.Columns)), values: make([][]float64, len(l.Columns)),
		texts: make([][]parquet.ByteArray, len(l.Columns))}
	for j, c := range l.Columns {
		for _, s := range c.Texts {
			g.texts[j] = append(g.texts[j], parquet.ByteArray(validUTF8(s)))
		}
	}
	return g
}

func (g *tableRows) record(d partReader) error {
	lack, err := g.lacks(d)
	if err != nil {
		return err
	}
	if lack&NoID == 0 {
		if err := d.id(&g.ids); err != nil {
			return err
		}
	}
	g.rows++
	if lack&NoValues != 0 {
		return nil
	}
	for j, c := range g.layout.Columns {
		if c.Type == ID {
			if err := d.id(&g.refs[j]); err != nil {
				return err
			}
			continue
		}
		v, err := d.float()
		if err != nil {
			return err
		}
		if c.Type == Text && !(v >= 0 && v < float64(len(c.Texts))) {
			return errDamagedPart
		}
		g.values[j] = append(g.values[j], v)
	}
	return nil
}

func (g *tableRows) len() int { return g.rows }

func (g *tableRows) full() bool {
	size := 8*g.rows*len(g.values) + len(g.ids.data)
	for j := range g.refs {
		size += len(g.refs[j].data)
	}
	return g.rows >= rowGroupRows || size >= rowGroupBytes
}

func (g *tableRows) reset() {
	g.rows, g.hasID, g.hasValues = 0, g.hasID[:0], g.hasValues[:0]
	g.ids.reset()
	for j := range g.values {
		g.values[j] = g.values[j][:0]
		g.refs[j].reset()
	}
}

func (g *tableRows) schema() (*schema.GroupNode, error) {
	r := g.repetition()
	fields := schema.FieldList{g.ids.node(validUTF8(g.layout.idName()), r)}
	for j, c := range g.layout.Columns {
		name := validUTF8(c.Name)
		switch c.Type {
		case ID:
			fields = append(fields, g.refs[j].node(name, r))
		case Text:
			fields = append(fields, stringNode(name, r))
		case Int:
			fields = append(fields, schema.NewInt64Node(name, r, -1))
		default:
			fields = append(fields, schema.NewFloat64Node(name, r, -1))
		}
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func (g *tableRows) columns() []func(file.ColumnChunkWriter) error {
	columns := []func(file.ColumnChunkWriter) error{func(w file.ColumnChunkWriter) error {
		return g.ids.write(w, g.hasID,
			nil)
	}}
	for j := range g.values {
		columns = append(columns, func(w file.ColumnChunkWriter) error { return g.writeColumn(j, w) })
	}
	return columns
}

func (g *tableRows) writeColumn(j int, w file.ColumnChunkWriter) (err error) {
	if g.layout.Columns[j].Type == ID {
		return g.refs[j].write(w, nil, nil)
	}
	switch w := w.(type) {
	case *file.ByteArrayColumnChunkWriter:
		texts := make([]parquet.ByteArray, len(g.values[j]))
		for i, v := range g.values[j] {
			texts[i] = g.texts[j][int(v)]
		}
		_, err = w.WriteBatch(texts, g.hasValues, nil)
	case *file.Int64ColumnChunkWriter:
		ints := make([]int64, len(g.values[j]))
		for i, v := range g.values[j] {
			ints[i] = int64(v)
		}
		_, err = w.WriteBatch(ints, g.hasValues, nil)
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(g.values[j], g.hasValues, nil)
	}
	return err
}

// parquetWriter writes row groups to a file.
type parquetWriter struct {
	out io.Writer
	g   rows
	w   *file.Writer // nil before the first row group
}

// open begins the file, once there is a row group to tell how its columns are best stored.
func (p *parquetWriter) open() error {
	if p.w != nil {
		return nil
	}
	root, err := p.g.schema()
	if err != nil {
		return err
	}
	// The ids of rows are all different, and the numbers of a table nearly: a dictionary would be given up later.
	options := append([]parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDictionaryDefault(false)}, p.g.properties()...)
	// The wrapping keeps Close from closing what is not ours.
	p.w, err = file.NewParquetWriterWithError(struct{ io.Writer }{p.out}, root,
		file.WithWriterProps(parquet.NewWriterProperties(options...)))
	return err
}

// writeRowGroup writes the row group that has been gathered, and empties it.
func (p *parquetWriter) writeRowGroup() error {
	if err := p.open(); err != nil {
		return err
	}
	group, err := p.w.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for _, write := range p.g.columns() {
		column, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := write(column); err != nil {
			return err
		}
		if err := column.Close(); err != nil {
			return err
		}
	}
	p.g.reset()
	return group.Close()
}

// properties: numbers that a sample shows to be as good as random, as distances of float32 mostly are, are stored as
// they are, as nobody gains by what compressing them costs; and ids, of which most bytes are 0, are compressed at the
// least level, which makes them as small as the others do.
func (g *neighborRows) properties() []parquet.WriterProperty {
	all := []parquet.WriterProperty{parquet.WithCompressionLevel(1)}
	if compressible(g.distances) {
		return all
	}
	for _, name := range neighborColumns(g.layout) {
		switch name {
		case "distance", "similarity":
			all = append(all, parquet.WithCompressionFor(name, compress.Codecs.Uncompressed))
		case "distances", "similarities":
			all = append(all, parquet.WithCompressionFor(name+".list.element", compress.Codecs.Uncompressed))
		}
	}
	return all
}

// compressible reports whether numbers become smaller by at least a quarter, as whole numbers and repeated ones do.
func compressible(values []float64) bool {
	const most = 1 << 13
	var b []byte
	for i := 0; i < len(values) && i < most; i++ {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(values[i]))
	}
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	return err != nil || len(codec.EncodeLevel(nil, b, 1)) <= len(b)/4*3
}

func (g *tableRows) properties() (all []parquet.WriterProperty) {
	for _, c := range g.layout.Columns {
		if c.Type == Text {
			all = append(all, parquet.WithDictionaryFor(validUTF8(c.Name), true))
		}
	}
	return all
}

func assembleParquet(number int, out io.Writer, parts []Part, l Layout) error {
	texts := false
	for _, p := range parts {
		texts = texts || p.Info.TextIDs
	}
	var g rows
	if o := l.Features; o != nil && o.Listed {
		g = &listedRows{layout: o, ids: idColumn{texts: texts}}
	} else if o != nil {
		g = &featureRows{layout: o, ids: idColumn{texts: texts}, texts: idColumn{texts: true},
			values: make([][]float64, o.Dim)}
	} else if l.isTable() {
		table := newTableRows(l)
		table.ids.texts = texts
		for j := range table.refs {
			table.refs[j].texts = texts
		}
		g = table
	} else {
		// One type of id for a reader to join on.
		g = &neighborRows{layout: l, ids: idColumn{texts: texts}, neighbors: idColumn{texts: texts}}
	}
	w := &parquetWriter{out: out, g: g}
	for i := range parts {
		err := parts[i].read(number, func(r io.Reader) error { return w.addPart(r, parts[i].Info.Rows) })
		if err != nil {
			return fmt.Errorf("part %d of the output: %w", i, err)
		}
	}
	if g.len() > 0 {
		if err := w.writeRowGroup(); err != nil {
			return err
		}
	}
	if err := w.open(); err != nil { // of no rows
		return err
	}
	if lists, ok := g.(*listedRows); ok {
		if err := lists.metadata(w.w); err != nil {
			return err
		}
	}
	return w.w.Close()
}

// addPart adds the rows of a part to the row group, and writes it whenever it is full.
func (p *parquetWriter) addPart(r io.Reader, count int64) error {
	d := partReader{bufio.NewReaderSize(r, 64<<10)}
	var n int64
	for {
		err := d.next(p.g)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		n++
		if p.g.full() {
			if err := p.writeRowGroup(); err != nil {
				return err
			}
		}
	}
	if n != count {
		return fmt.Errorf("%d rows, expected %d", n, count)
	}
	return nil
}
