package formats

import (
	"strconv"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// listed reports whether the rows are sparse: the vector is then a list of columns and one of numbers.
func (s *columnar) listed() bool { return s.sparse }

// listNames are the names of the columns of such rows as they are read, or nil.
func (s *columnar) listNames() []string { return s.names.read }

// sparseFields are the two columns of sparse rows, where the options name none: the lists indices and values, where no
// other column has lists of numbers; or a map of columns to numbers, vector or the only one, where none has. They are
// nil of other rows.
func (s *columnar) sparseFields(o *Options, fields []parquetField, chosen *selection) []parquetField {
	if !o.byDefault() {
		return nil
	}
	var lists, maps, named []parquetField
	for _, c := range chosen.vector {
		f := fields[c]
		switch {
		case f.name == vectorKey && f.entries != nil:
			return f.entries
		case f.name == vectorKey && f.list && f.numbers():
			return nil
		case f.entries != nil:
			maps = append(maps, f)
		case f.list && f.numbers():
			if lists = append(lists, f); f.name == indicesKey && f.whole() || f.name == valuesKey {
				named = append(named, f)
			}
		}
	}
	switch {
	case len(lists) == 2 && len(named) == 2 && named[0].name != named[1].name:
		if named[0].name == valuesKey {
			named[0], named[1] = named[1], named[0]
		}
		return named
	case len(lists) == 0 && len(maps) == 1:
		return maps[0].entries
	}
	return nil
}

// sparseChosen are the two columns of sparse rows, where the options name them: the lists indices and values, or a map.
func sparseChosen(fields []parquetField, vector []int) []parquetField {
	switch {
	case len(vector) == 1 && fields[vector[0]].entries != nil:
		return fields[vector[0]].entries
	case len(vector) == 2 && fields[vector[0]].list && fields[vector[1]].list &&
		indicesFirst(vector, func(c int) string { return fields[c].name }):
		indices, values := fields[vector[0]], fields[vector[1]]
		if indices.whole() && values.numbers() {
			return []parquetField{indices, values}
		}
	}
	return nil
}

// whole reports whether numbers, or those of lists, are integers.
func (f *parquetField) whole() bool { return f.kind >= kindInt32 }

// mapOf are the keys and the values of a map of integers to numbers as two lists, or nil.
func mapOf(root schema.Node, s *schema.Schema, leaf int) []parquetField {
	g, ok := root.(*schema.GroupNode)
	if _, is := root.LogicalType().(schema.MapLogicalType); !ok || !is || g.NumFields() != 1 ||
		g.RepetitionType() == parquet.Repetitions.Repeated {
		return nil
	}
	pair, ok := g.Field(0).(*schema.GroupNode)
	if !ok || pair.RepetitionType() != parquet.Repetitions.Repeated || pair.NumFields() != 2 {
		return nil
	}
	var fields []parquetField
	for i := range 2 {
		n, ok := pair.Field(i).(*schema.PrimitiveNode)
		if !ok || n.RepetitionType() == parquet.Repetitions.Repeated {
			return nil
		}
		level := s.Column(leaf + i).MaxDefinitionLevel()
		f := parquetField{name: root.Name(), leaf: leaf + i, valued: level, entry: level, node: n, list: true}
		f.kind, f.what = kindOf(n)
		if d, ok := n.LogicalType().(schema.DecimalLogicalType); ok {
			f.scale = int(d.Scale())
		}
		if n.RepetitionType() == parquet.Repetitions.Optional {
			f.entry--
		}
		fields = append(fields, f)
	}
	if !fields[0].whole() || !fields[1].numbers() {
		return nil
	}
	return fields
}

// entryCount is the number of entries, or one more for each row that has none.
func (s *parquetSource) entryCount() int64 {
	if !s.sparse {
		return -1
	}
	var n int64
	for i := range s.groups {
		if c, err := s.meta.RowGroup(i).ColumnChunk(s.vector[0].leaf); err == nil {
			n += c.NumValues()
		}
	}
	return n
}

// parquetSparse reads sparse rows. Of its batch, the vector is in columns and numbers.
type parquetSparse struct {
	parquetReader
	ends    []int // of the rows, among the entries
	columns []int32
	numbers []float64
	row     listedRow
	decoded [2][]float64
}

// sparseRows is how many rows are decoded at a time, unless they have more than parquetBatch entries.
const sparseRows = 4096

func (s *parquetSource) sparseReader(r *parquetReader) Reader {
	p := &parquetSparse{parquetReader: *r}
	p.batchReader.fill, p.row.dim = p.fillSparse, int64(s.dim)
	if own := s.names.own; own != nil {
		p.row.dim = int64(len(own))
	}
	p.scratch.def = make([]int16, sparseRows)
	p.scratch.f32, p.scratch.f64 = make([]float32, sparseRows), make([]float64, sparseRows)
	return p
}

// Read is that of a [Reader].
func (p *parquetSparse) Read(b *vectors.Block, max int) error {
	if b.Sparse == nil && p.s.dim > maxColumns {
		return tooManyColumns(p.s.Name(), int64(p.s.dim))
	}
	return p.read(max, func(int) (int, error) { return 1, p.one(b) })
}

// one moves the next row of the batch to b.
func (p *parquetSparse) one(b *vectors.Block) error {
	a := &p.batch
	at, number := a.at, a.first
	a.advance(1)
	if f, ok := p.marks[at]; ok {
		f.File, f.Row, f.ID = a.file, number, a.lost.of(&a.ids, at)
		return &f
	}
	first := 0
	if at > 0 {
		first = p.ends[at-1]
	}
	if err := appendEntries(b, a.file, p.columns[first:p.ends[at]], p.numbers[first:p.ends[at]], number); err != nil {
		if f, ok := fault.IsRow(err); ok {
			f.ID = a.lost.of(&a.ids, at)
			if names := p.s.names.read; names != nil {
				if c, e := strconv.Atoi(f.Column); e == nil {
					f.Column = names[c]
				}
			}
		}
		return err
	}
	a.appendBeside(b, at, at+1)
	return nil
}

// fillSparse decodes the next rows of the row group.
func (p *parquetSparse) fillSparse() (err error) {
	r := &p.parquetReader
	defer r.in.undamaged(&err)
	if _, err := r.seek(r.next); err != nil {
		return err
	}
	clear(r.marks)
	p.ends, p.columns, p.numbers = p.ends[:0], p.columns[:0], p.numbers[:0]
	most := int(min(sparseRows, r.parquetGroups.end-r.next, r.batchReader.end-r.next))
	rows := 0
	for ; rows < most && (rows == 0 || len(p.columns) < parquetBatch); rows++ {
		if err := p.readRow(rows); err != nil {
			return err
		}
		p.columns, p.numbers = append(p.columns, p.row.columns...), append(p.numbers, p.row.values...)
		p.ends = append(p.ends, len(p.columns))
	}
	r.begin(r.next, rows)
	r.parquetGroups.row = r.next + int64(rows)
	if r.id != nil {
		err = r.readIDs(rows)
	}
	if err == nil && r.target != nil {
		err = r.readTarget(rows)
	}
	if err == nil && r.weight != nil {
		r.weights, err = r.readColumn(r.weight, r.weights, rows, weightFault)
	}
	return err
}

// readRow decodes the entries of a row into p.row, which is empty where they are at fault.
func (p *parquetSparse) readRow(row int) error {
	p.row.reset()
	names := [2]string{p.vector[0].name, p.vector[1].name}
	if names[0] == names[1] {
		names = [2]string{"keys of " + names[0], "values of " + names[0]}
	}
	ok := true
	for i := range p.decoded {
		var null int
		var err error
		if p.decoded[i], null, err = p.parquetGroups.lists[i].row(p.vector[i], p.decoded[i][:0]); err != nil {
			return err
		}
		switch {
		case null == nullList:
			p.mark(row, names[i], "null", "a list of numbers, which may be empty")
		case null >= 0:
			p.mark(row, place(names[i], null), "null", "a number")
		default:
			continue
		}
		ok = false
	}
	if !ok {
		return nil
	}
	indices, values := p.decoded[0], p.decoded[1]
	column, f := names[0], (*fault.Fault)(nil)
	if len(indices) != len(values) {
		column, f = names[1], lengthsFault(len(indices), len(values))
	}
	for i := 0; i < len(indices) && f == nil; i++ {
		if f = p.row.add(indices[i], values[i]); f != nil {
			column = place(names[0], i)
		}
	}
	if f == nil {
		f = p.row.end()
	}
	if f != nil {
		p.row.reset()
		p.mark(row, column, f.Found, f.Expected)
		return nil
	}
	p.s.names.rename(&p.row.entryRow)
	return nil
}

// What [parquetList.row] says of nulls, beside the place of the first.
const (
	noNull   = -1
	nullList = -2
)

// row decodes the next list behind the numbers in to. It tells the place of the first null, or that the list is one.
func (l *parquetList) row(c *parquetChunk, to []float64) (numbers []float64, null int, err error) {
	null = noNull
	for n := 0; ; {
		for l.at < l.n && (n == 0 || l.rep[l.at] != 0) {
			def := l.def[l.at]
			if n == 0 && l.rep[l.at] != 0 {
				return nil, 0, errLevels
			}
			switch {
			case def == c.valued && c.wide():
				to = append(to, l.f64[l.atValue])
			case def == c.valued:
				to = append(to, float64(l.f32[l.atValue]))
			case def < c.entry-1 && n == 0:
				null = nullList
			case def < c.entry && n > 0:
				return nil, 0, errLevels
			case def >= c.entry && null == noNull:
				null = n
			}
			if def == c.valued {
				l.atValue++
			}
			n++
			l.at++
		}
		switch {
		case l.at < l.n:
			return to, null, nil
		case l.drained && n == 0:
			return nil, 0, errLevels
		case l.drained:
			return to, null, nil
		}
		if err := l.more(c); err != nil {
			return nil, 0, err
		}
	}
}
