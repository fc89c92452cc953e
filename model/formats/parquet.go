package formats

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"sort"
	"strings"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
)

// parquetFormat is Apache Parquet (https://parquet.apache.org/docs/file-format). A vector is one list of numbers, or
// many columns of them.
var parquetFormat = &Format{Name: "parquet", Extensions: []string{".parquet"}, Cells: true, inspect: inspectParquet}

const (
	// parquetTail of the file is read first: most often the whole footer.
	parquetTail = 64 << 10
	// parquetFooterMax bounds the footer, all of which is decoded into memory.
	parquetFooterMax = 512 << 20
	// parquetAhead is how much of all columns is read ahead, each with one range of the file, within these bounds.
	parquetAhead, parquetAheadMin, parquetAheadMax = 64 << 20, 256 << 10, 8 << 20
	// A page that claims more bytes than parquetPageMin, and than so many times those of the file, is taken for damaged.
	parquetPageMin, parquetRatio = 64 << 20, 64
	// A row group is cut into parquetParts, or more while so many readings of it come to less than parquetDecoded bytes.
	parquetParts, parquetPartsMax, parquetDecoded = 8, 1024, 1 << 30
	// parquetPage is what pages have in most files, and dictionaries at most.
	parquetPage = 1 << 20
	// parquetBatch is about how many numbers are decoded at a time.
	parquetBatch = 128 << 10
)

// parquetSource is an inspected Parquet file.
type parquetSource struct {
	columnar
	meta   *metadata.FileMetaData
	groups []parquetGroup
	rows   int64 // of the file; Rows tells those that are kept
	// deleted are the rows that are no longer of the table, or nil, and kept what the groups are without them.
	deleted *roaring64.Bitmap
	kept    []parquetGroup
	places  []int       // where columns of the table stand in the file; nil where it has these, in that order
	byRow   atomic.Bool // a row group could not be decoded as a whole: see decodedGroup
}

// columnar is a file whose schema says the types of its columns, and which of them are read.
type columnar struct {
	File
	vector []parquetField // one list, or numbers
	id     *parquetField  // nil where rows have no ids of their own
	target *parquetField  // of numbers or text, or nil
	weight *parquetField  // of numbers, or nil
	schema []Column
	notes  []string
	labels bool // the target is a label
	// untargeted says that rows without a target are kept.
	untargeted bool
	dim        int
	cells      bool  // rows are those of a table
	missing    bool  // a number may be missing
	other      other // what a matrix of numbers would not hold
	matrix     bool  // by default it is one, of lists
	listable   bool  // sparse rows can be read: see sparse
	sparse     bool  // the vector is two lists, of columns and of numbers
	names      listNames
}

// parquetGroup is a row group.
type parquetGroup struct {
	first, rows int64
	bytes       int64 // of the columns that are read, as they are stored
	open        int64 // about what it takes to read them, side by side
}

func inspectParquet(ctx context.Context, f File, _ compression, o Options) (Source, error) {
	if err := o.noText(f, "parquet"); err != nil {
		return nil, err
	}
	in, err := readFooter(ctx, f)
	if err != nil {
		return nil, err
	}
	s := &parquetSource{columnar: columnar{File: f, labels: o.Labels, untargeted: o.Untargeted, missing: o.Missing,
		listable: true}}
	if err := s.inspect(in, &o); err != nil {
		return nil, err
	}
	if err := s.keeps(ctx); err != nil {
		return nil, err
	}
	if err := s.noteMissing(ctx); err != nil {
		return nil, err
	}
	switch {
	case s.sparse && s.names.own != nil:
		s.dim = len(s.names.read)
		return s, o.checkColumns(s.File, int64(s.dim))
	case s.sparse:
		return s, settleListed(ctx, s, s.File, &s.dim, &o)
	}
	return s, nil
}

// readFooter reads the end of the file.
func readFooter(ctx context.Context, f File) (*parquetBytes, error) {
	const magic, encrypted, least = "PAR1", "PARE", 12 // the magic at both ends, and the footer's length
	n := min(f.Size(), parquetTail)
	tail, err := ReadRange(ctx, f, f.Size()-n, n)
	if err != nil {
		return nil, err
	}
	end := string(tail[max(n-4, 0):])
	if end == encrypted {
		return nil, fault.File(f.Name(), "a Parquet file that is not encrypted", "an encrypted one")
	}
	if n < least || end != magic {
		return nil, fault.File(f.Name(), "a Parquet file, which ends in "+fault.Quote(magic), "the end %s", fault.Quote(end))
	}
	length := int64(binary.LittleEndian.Uint32(tail[n-8:]))
	if length > f.Size()-least || length > parquetFooterMax {
		return nil, fault.File(f.Name(), fmt.Sprintf("a footer of at most %d bytes", min(f.Size()-least, parquetFooterMax)),
			"one of %d bytes", length)
	}
	if length+8 > n {
		if tail, err = ReadRange(ctx, f, f.Size()-8-length, length+8); err != nil {
			return nil, err
		}
	}
	return &parquetBytes{File: f, ctx: ctx, tail: tail, footer: int(length)}, nil
}

func (s *parquetSource) inspect(in *parquetBytes, o *Options) (err error) {
	defer in.undamaged(&err)
	if footer := in.tail[len(in.tail)-8-in.footer : len(in.tail)-8]; !soundFooter(footer) {
		return in.damaged("lengths in the footer that are beyond it")
	}
	r, err := in.open(parquetTail)
	if err != nil {
		return err
	}
	s.meta = r.MetaData()
	fields := parquetFields(s.meta.Schema)
	s.durations(fields)
	if fields, err = s.rename(fields); err != nil {
		return err
	}
	if err := s.chooseNamed(o, fields); err != nil {
		return err
	}
	if s.missing && s.list() {
		return missingList(s.Name(), s.vector[0].name)
	}
	s.describe(fields)
	if err := s.measure(in); err != nil {
		return err
	}
	if s.rows == 0 && (!o.Empty || s.list() && (!s.sparse || s.names.own == nil && o.listedDim() == 0)) {
		return fault.File(s.Name(), "rows of data", "none")
	}
	if s.sparse {
		return nil
	}
	if s.cells {
		return s.inspectCells(in, r)
	}
	if s.dim = len(s.vector); s.list() {
		s.dim, err = s.firstLength(in, r)
	}
	return err
}

// durations finds columns of durations, which Parquet knows as integers only: by the schema that Arrow's writers
// leave in the file. As in .arrow, they are no numbers, since their unit is not seen.
func (s *parquetSource) durations(fields []parquetField) {
	kv := s.meta.KeyValueMetadata()
	if kv == nil || kv.FindValue("ARROW:schema") == nil {
		return
	}
	written, err := pqarrow.FromParquet(s.meta.Schema, nil, kv)
	if err != nil || written.NumFields() != len(fields) {
		return // of another writer's making, which says nothing
	}
	for i := range fields {
		t := written.Field(i).Type
		if l, ok := t.(arrow.ListLikeType); ok {
			t = l.Elem()
		}
		if t.ID() == arrow.DURATION {
			fields[i].kind, fields[i].what = kindOther, "duration"
		}
	}
}

func (s *columnar) Dim() int { return s.dim }

// Rows are those of the file that are kept.
func (s *parquetSource) Rows() int64 {
	if s.deleted == nil {
		return s.rows
	}
	return s.rows - int64(s.deleted.GetCardinality())
}

// Columns are those of the schema, or those that the footer has for lists of columns and numbers.
func (s *columnar) Columns() []string {
	if s.list() {
		return s.names.read
	}
	names := make([]string, len(s.vector))
	for i := range s.vector {
		names[i] = s.vector[i].name
	}
	return names
}

// list reports whether the vector is a list.
func (s *columnar) list() bool { return !s.cells && s.vector[0].list }

// columns are those that are read: of the vector, and those of the id, the target and the weight.
func (s *columnar) columns() []parquetField {
	columns := s.vector[:len(s.vector):len(s.vector)]
	for _, f := range []*parquetField{s.id, s.target, s.weight} {
		if f != nil {
			columns = append(columns, *f)
		}
	}
	return columns
}

// Notes tell what was assumed about the file.
func (s *columnar) Notes() []string { return s.notes }

// Schema is all columns.
func (s *columnar) Schema() []Column { return s.schema }

// describe makes the schema, once the columns are chosen.
func (s *columnar) describe(fields []parquetField) {
	s.schema = make([]Column, len(fields))
	for i := range fields {
		f := &fields[i]
		s.schema[i] = Column{Name: f.name, Type: f.plain(), whole: f.integer()}
		for _, role := range []struct {
			field *parquetField
			use   Use
		}{{s.id, AsID}, {s.target, AsTarget}, {s.weight, AsWeight}} {
			if role.field != nil && role.field.leaf == f.leaf {
				s.schema[i].Use = role.use
			}
		}
		for j := range s.vector {
			if s.vector[j].leaf == f.leaf {
				s.schema[i].Use = InVector
			}
		}
	}
}

// chooseNamed finds the columns, and those of lists by their names where the footer has these.
func (s *parquetSource) chooseNamed(o *Options, fields []parquetField) (err error) {
	text := s.meta.KeyValueMetadata().FindValue(ListNamesKey)
	if text == nil || o.Cells {
		return s.choose(o, fields)
	}
	own, err := parseListNames(s.Name(), *text)
	if err != nil {
		return err
	}
	lists := *o
	lists.Names = nil
	before := s.columnar
	if err := s.choose(&lists, fields); err != nil {
		return err
	}
	if !s.sparse { // another program has written other columns, and kept the key
		s.columnar = before
		return s.choose(o, fields)
	}
	s.names.own = own
	note, err := s.names.take(s.Name(), o.Names)
	if note != "" {
		s.notes = append(s.notes, note)
	}
	return err
}

// choose finds the columns.
func (s *columnar) choose(o *Options, fields []parquetField) error {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	names, repeats, note := ownNames(names)
	if note != "" {
		s.notes = append(s.notes, note)
	}
	for i := range fields {
		fields[i].name = names[i]
	}
	if err := askedOnce(s.Name(), names, repeats, o); err != nil {
		return err
	}
	chosen, err := o.choose(s.Name(), names, len(names))
	if err != nil {
		return err
	}
	s.notes = append(s.notes, chosen.Notes()...)
	if chosen.id >= 0 {
		s.id = &fields[chosen.id]
		if !s.id.integer() && (s.id.kind != kindText || s.id.list) {
			return fault.File(s.Name(), "integers or text as ids", "%s", s.id)
		}
	}
	if chosen.target >= 0 {
		s.target = &fields[chosen.target]
		if text := o.Labels && s.target.spelled(); !text && !s.target.numbers() || s.target.list {
			expected := "numbers as the target"
			if o.Labels {
				expected = "numbers, text or dates as the target"
			}
			return fault.File(s.Name(), expected, "%s", s.target)
		}
	}
	if chosen.weight >= 0 {
		if s.weight = &fields[chosen.weight]; !s.weight.numbers() || s.weight.list {
			return fault.File(s.Name(), "numbers as weights", "%s", s.weight)
		}
	}
	if s.listable {
		if s.vector = s.sparseFields(o, fields, chosen); s.vector == nil && !o.byDefault() {
			s.vector = sparseChosen(fields, chosen.vector)
		}
		s.sparse = s.vector != nil
	}
	if s.sparse && o.Cells {
		return noTable(s.Name(), "lists of columns and numbers")
	}
	if s.sparse {
		return nil
	}
	if s.cells = o.Cells; s.cells {
		return s.chooseCells(o, fields, chosen)
	}
	if o.wide() {
		s.vector, err = s.byDefault(fields, chosen)
		return err
	}
	for _, c := range chosen.vector {
		f := fields[c]
		if !f.numbers() {
			return s.noNumbers(fields, chosen, &f)
		}
		s.vector = append(s.vector, f)
		if (f.list || s.list()) && len(s.vector) > 1 {
			return fault.File(s.Name(), "columns of numbers, or one of lists", "%s and %s", &s.vector[0], &f)
		}
	}
	return nil
}

// noNumbers is the fault of a column that is not of numbers. Where another could not be part of a table either, it is
// of that: a table with the first is read as one.
func (s *columnar) noNumbers(fields []parquetField, chosen *selection, first *parquetField) error {
	for _, c := range chosen.vector {
		if f := fields[c]; chosen.wanted[c] && !f.asCells() {
			first = &f
			break
		}
	}
	return fault.File(s.Name(), "numbers, or a list of them", "%s", first)
}

// pandasIndex begins the name under which pandas stores a table's index, which is no column of it.
const pandasIndex = "__index_level_"

// byDefault is the one column of lists of numbers, or that which is called vector; or else all columns of numbers. So
// it is in every format.
func (s *columnar) byDefault(fields []parquetField, chosen *selection) ([]parquetField, error) {
	var numbers, lists []parquetField
	for _, c := range chosen.vector {
		switch f := fields[c]; {
		case strings.HasPrefix(f.name, pandasIndex):
		case f.numbers() && f.list && f.name == vectorKey:
			return []parquetField{f}, nil
		case s.missing && f.kind == kindBool: // which no mean is
		case f.numbers() && f.list:
			lists = append(lists, f)
		case f.numbers():
			numbers = append(numbers, f)
		}
	}
	switch {
	case len(lists) == 1:
		return lists, nil
	case len(lists) == 0 && len(numbers) > 0:
		return numbers, nil
	case len(lists) == 0:
		return nil, chosen.missing(s.Name(), "a column of numbers, or of lists of them")
	}
	shown := make([]string, 0, shownNames)
	for i := range lists[:min(len(lists), shownNames)] {
		shown = append(shown, lists[i].String())
	}
	return nil, fault.File(s.Name(), oneVector, "%s", strings.Join(shown, ", "))
}

// oneVector is what is expected of a file with several columns of vectors.
const oneVector = `one column of vectors, or one called "vector": --columns says which`

// measure adds up the row groups, whose sizes the file must confirm.
func (s *parquetSource) measure(in *parquetBytes) error {
	columns := s.columns()
	for i := range s.meta.RowGroups {
		meta := s.meta.RowGroup(i)
		g := parquetGroup{first: s.rows, rows: meta.NumRows()}
		if g.rows < 0 || g.rows > math.MaxInt64-s.rows {
			return in.damaged("%d rows in row group %d", g.rows, i)
		}
		for _, f := range columns {
			c, err := meta.ColumnChunk(f.leaf)
			if err != nil {
				return err
			}
			if c.FilePath() != "" {
				return fault.File(s.Name(), "the data in the same file", "column %s in the file %s", f.name,
					fault.Quote(c.FilePath()))
			}
			if _, err := compress.GetCodec(c.Compression()); err != nil {
				const known = "no compression, or by Snappy, gzip, Brotli, zstd or LZ4_RAW"
				return fault.File(s.Name(), known, "the column %s compressed by %s", f.name, c.Compression())
			}
			start, size := c.DataPageOffset(), c.TotalCompressedSize()
			if c.HasDictionaryPage() && c.DictionaryPageOffset() > 0 {
				start = min(start, c.DictionaryPageOffset())
			}
			if start < 0 || size < 0 || start > s.Size() || size > s.Size()-start {
				return in.damaged("%d bytes of column %s from byte %d on, in a file of %d", size, f.name, start, s.Size())
			}
			if n := c.NumValues(); n != g.rows && (!f.list || n < g.rows) {
				return in.damaged("%d values of column %s for %d rows", n, f.name, g.rows)
			}
			g.bytes += size
			// A page as it is and decompressed, and its dictionary twice.
			g.open += min(s.ahead(), size) + 2*min(max(c.TotalUncompressedSize(), 0), 2*parquetPage)
		}
		s.groups = append(s.groups, g)
		s.rows += g.rows
	}
	return nil
}

// firstLength is the length of the first list that has entries.
func (s *parquetSource) firstLength(in *parquetBytes, r *file.Reader) (int, error) {
	return s.widthOf(&s.vector[0], in, r)
}

// widthOf is the length of the first list of a column that has entries.
func (s *parquetSource) widthOf(f *parquetField, in *parquetBytes, r *file.Reader) (int, error) {
	for g := range s.groups {
		c, err := in.openChunk(r, g, f)
		if err != nil {
			return 0, err
		}
		l := newParquetList(parquetTail / 4)
		length := 0
		for {
			if l.at == l.n {
				l.atValue = l.nv
				if err := l.more(c); err != nil {
					return 0, err
				}
				if l.drained {
					break
				}
			}
			if length > 0 && l.rep[l.at] == 0 {
				break
			}
			if l.def[l.at] >= f.entry {
				length++
			}
			l.at++
		}
		if err := c.close(); err != nil {
			return 0, err
		}
		if length > maxColumns {
			return 0, fault.File(s.Name(), fmt.Sprintf("lists of at most %d numbers", maxColumns), "one of %d in column %s",
				length, f.name)
		}
		if length > 0 {
			return length, nil
		}
	}
	return 0, fault.File(s.Name(), "lists of numbers", "none but empty ones in column %s", f.name)
}

// parquetField is a column as a user sees it: a child of the schema's root.
type parquetField struct {
	name string
	leaf int // place of its values among the stored columns
	kind parquetKind
	list bool
	// A definition level of valued stands for a value. A list has an entry where the level is at least entry, is empty at
	// one less, and null below.
	valued, entry int16
	what          string                // the type
	scale         int                   // of decimals: how many of their digits are a fraction
	node          *schema.PrimitiveNode // of its values, in Parquet
	arrow         arrow.DataType        // in Arrow
	cell          tables.Type           // as a column of a table
	width         int                   // of a list, as such
	entries       []parquetField        // the keys and the values of a map of integers to numbers, as lists
}

// parquetKind is how values are stored.
type parquetKind int

const (
	kindOther parquetKind = iota
	kindNull              // no value: how pandas writes a column that lacks all
	kindText
	kindBool
	kindDecimal
	kindHalf
	kindFloat
	kindDouble
	kindInt32
	kindUint32
	kindInt64
	kindUint64
)

func (f *parquetField) numbers() bool { return f.kind >= kindBool }
func (f *parquetField) integer() bool { return f.kind >= kindInt32 && !f.list }

// byText reports whether labels are read by their text: booleans, as pandas writes them, and integers of 64 bits, as
// a float64 does not hold them all.
func (f *parquetField) byText() bool { return !f.list && (f.kind == kindBool || f.kind >= kindInt64) }

// wide reports whether values are read as float64: of other types float32 may not hold them.
func (f *parquetField) wide() bool { return f.kind != kindFloat }

// plain is the type in a word or two, as for a user of any format.
func (f *parquetField) plain() string {
	what := f.what
	switch {
	case f.kind == kindText:
		what = "text"
	case f.kind == kindBool:
		what = "boolean"
	case f.numbers():
		what = "number"
	case strings.HasPrefix(what, "Timestamp"):
		what = "timestamp"
	case f.kind == kindNull:
		what = "empty"
	default:
		what = strings.ToLower(strings.TrimPrefix(what, "lists of "))
	}
	if f.list && f.kind != kindOther {
		return "lists of " + what
	}
	return what
}

// String is the column with its type.
func (f *parquetField) String() string { return "the column " + fault.Quote(f.name) + " of " + f.what }

func parquetFields(s *schema.Schema) []parquetField {
	var fields []parquetField
	var last schema.Node
	for i, c := range s.Columns() {
		root := s.ColumnRoot(i)
		if root == last {
			f := &fields[len(fields)-1]
			f.kind, f.what = kindOther, nested(root)
			if f.leaf == i-1 {
				f.entries = mapOf(root, s, f.leaf)
			}
			continue
		}
		last = root
		leaf := c.SchemaNode().(*schema.PrimitiveNode)
		f := parquetField{name: root.Name(), leaf: i, valued: c.MaxDefinitionLevel(), entry: c.MaxDefinitionLevel(),
			node: leaf}
		f.kind, f.what = kindOf(leaf)
		if d, ok := leaf.LogicalType().(schema.DecimalLogicalType); ok {
			f.scale = int(d.Scale())
		}
		switch {
		case root == leaf && leaf.RepetitionType() != parquet.Repetitions.Repeated:
		case root == leaf || listOf(root, leaf):
			f.list, f.what = true, "lists of "+f.what
			if leaf.RepetitionType() == parquet.Repetitions.Optional {
				f.entry--
			}
		default:
			f.kind, f.what = kindOther, nested(root)
		}
		fields = append(fields, f)
	}
	return fields
}

// listOf reports whether a group is a list of a leaf: with a group for the entry between them, or, as old writers have
// it, without.
func listOf(n schema.Node, leaf *schema.PrimitiveNode) bool {
	g, ok := n.(*schema.GroupNode)
	if _, list := n.LogicalType().(schema.ListLogicalType); !ok || !list || g.NumFields() != 1 ||
		g.RepetitionType() == parquet.Repetitions.Repeated {
		return false
	}
	entry := g.Field(0)
	if entry.RepetitionType() != parquet.Repetitions.Repeated {
		return false
	}
	if entry == schema.Node(leaf) {
		return true
	}
	g, ok = entry.(*schema.GroupNode)
	return ok && g.NumFields() == 1 && g.Field(0) == schema.Node(leaf) &&
		leaf.RepetitionType() != parquet.Repetitions.Repeated
}

// nested names a type that is neither numbers nor a list of them.
func nested(n schema.Node) string {
	switch n.LogicalType().(type) {
	case schema.MapLogicalType:
		return "maps"
	case schema.ListLogicalType:
		return "nested lists"
	}
	return "structs"
}

func kindOf(n *schema.PrimitiveNode) (parquetKind, string) {
	physical := n.PhysicalType()
	switch t := n.LogicalType().(type) {
	case nil, schema.NoLogicalType:
		switch physical {
		case parquet.Types.Boolean:
			return kindBool, physical.String()
		case parquet.Types.Float:
			return kindFloat, physical.String()
		case parquet.Types.Double:
			return kindDouble, physical.String()
		case parquet.Types.Int32:
			return kindInt32, physical.String()
		case parquet.Types.Int64:
			return kindInt64, physical.String()
		case parquet.Types.ByteArray:
			return kindText, physical.String()
		}
		return kindOther, physical.String()
	case schema.IntLogicalType:
		switch {
		case physical == parquet.Types.Int32 && t.IsSigned():
			return kindInt32, t.String()
		case physical == parquet.Types.Int32:
			return kindUint32, t.String()
		case physical == parquet.Types.Int64 && t.IsSigned():
			return kindInt64, t.String()
		case physical == parquet.Types.Int64:
			return kindUint64, t.String()
		}
	case schema.Float16LogicalType:
		if physical == parquet.Types.FixedLenByteArray && n.TypeLength() == 2 {
			return kindHalf, t.String()
		}
	case schema.DecimalLogicalType:
		switch physical {
		case parquet.Types.Int32, parquet.Types.Int64, parquet.Types.FixedLenByteArray, parquet.Types.ByteArray:
			return kindDecimal, t.String()
		}
	case schema.StringLogicalType, schema.EnumLogicalType:
		if physical == parquet.Types.ByteArray {
			return kindText, t.String()
		}
	case schema.NullLogicalType:
		if physical == parquet.Types.Int32 {
			return kindNull, t.String()
		}
	case schema.TimeLogicalType:
		return kindOther, "time of day"
	case schema.TimestampLogicalType:
		return kindOther, "Timestamp" // whose own text has all settings of the library
	}
	return kindOther, n.LogicalType().String()
}

// Cut cuts the rows into spans of about size rows. To read from the middle of a row group, all that stands before in
// it must be decoded, or for n spans (n + 1) / 2 row groups in all: large ones are therefore cut into fewer and
// longer spans.
func (s *parquetSource) Cut(size int64) []Span {
	var spans []Span
	var held Span // small row groups together
	flush := func() {
		if held.Rows > 0 {
			spans = append(spans, held)
		}
		held = Span{First: held.First + held.Rows}
	}
	for _, g := range s.cuts() {
		if held.Rows+g.rows > size {
			flush()
		}
		if g.rows <= size {
			held.Rows += g.rows
			continue
		}
		parts := min((g.rows+size-1)/size, max(parquetParts, parquetDecoded/max(g.bytes, parquetDecoded/parquetPartsMax)))
		for i := range parts {
			held.Rows = g.first + cutAt(g.rows, i+1, parts) - held.First
			flush()
		}
	}
	flush()
	return spans
}

// EndsGroup is that of a [Grouped].
func (s *parquetSource) EndsGroup(row int64) bool {
	groups := s.cuts()
	i := sort.Search(len(groups), func(i int) bool { return groups[i].first >= row })
	return i < len(groups) && groups[i].first == row || row >= s.Rows()
}

// cutAt is where the i-th of so many equal parts of n rows ends.
func cutAt(n, i, parts int64) int64 {
	hi, lo := bits.Mul64(uint64(n), uint64(i))
	at, _ := bits.Div64(hi, lo, uint64(parts))
	return int64(at)
}

// undamaged makes a fault of what the decoding of a damaged file ends in: an error of the decoder, or a panic, whose
// texts say nothing to a user. It is to be deferred by all that decodes, and is the one place where such a panic
// ends.
func (f *parquetBytes) undamaged(err *error) {
	panicked := recover() != nil
	var known *fault.Fault
	if panicked || *err != nil && !errors.As(*err, &known) {
		*err = f.damaged("%s cannot be decoded", f.place())
	}
	if f.err != nil {
		*err = f.err
	}
}

func (f *parquetBytes) damaged(found string, args ...any) error {
	return fault.File(f.Name(), "a whole Parquet file", "a damaged one: "+found, args...)
}

// parquetBytes reads a file at any offset, each time by a range of it. It remembers the file's own error, to tell it
// from those that the decoder makes of the content.
type parquetBytes struct {
	File
	ctx    context.Context // of the whole reading, which no method of the decoder is told
	tail   []byte          // the end of the file, if it is in memory
	footer int             // length of the footer, if it is there
	err    error
	chunk  *parquetChunk // what is decoded, or nil: the footer
}

// place is what was decoded last.
func (f *parquetBytes) place() string {
	if f.chunk == nil {
		return "the footer"
	}
	return fmt.Sprintf("row group %d, column %s,", f.chunk.group, fault.Plain(f.chunk.name))
}

func (f *parquetBytes) ReadAt(p []byte, offset int64) (int, error) {
	n := min(int64(len(p)), f.Size()-offset)
	if offset < 0 || n <= 0 {
		return 0, io.EOF
	}
	if in := offset - (f.Size() - int64(len(f.tail))); in >= 0 {
		copy(p, f.tail[in:])
	} else if err := readRange(f.ctx, f.File, p[:n], offset); err != nil {
		f.err = err
		return 0, err
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// Seek is for the size only.
func (f *parquetBytes) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekEnd {
		return 0, fmt.Errorf("seek from %d", whence)
	}
	return f.Size() + offset, nil
}

func (f *parquetBytes) open(ahead int64, options ...file.ReadOption) (*file.Reader, error) {
	p := parquet.NewReaderProperties(nil)
	p.BufferedStreamEnabled = true
	p.BufferSize = ahead
	p.MaxCompressedPageSize = min(f.Size(), math.MaxInt32)
	p.MaxUncompressedPageSize = min(max(parquetPageMin, f.Size()*parquetRatio), math.MaxInt32)
	return file.NewParquetReader(f, append(options, file.WithReadProps(p))...)
}
