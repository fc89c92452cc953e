package formats

import (
	"context"
	"errors"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Partition is a column that has the same cell in all rows of a file: a directory of its path says it, NAME=VALUE, as
// Hive, Spark and pyarrow lay out tables.
type Partition struct {
	Name string
	// Text is the value, without its percent-encoding; "" of a null, and of a value that is empty.
	Text string `json:",omitempty"`
	// Number says that the values of all files are whole numbers: this one is Value, NaN of a null.
	Number bool  `json:",omitempty"`
	Value  int64 `json:",omitempty"`
	Null   bool  `json:",omitempty"`
	// Same says that all files have this value. Such a column is in the vector only where it is named: a file that merely
	// lies in a directory of that kind, run=5/x.csv, has the vectors that it has elsewhere.
	Same bool `json:",omitempty"`
	// Absent says that the column came to the table when the file was there already: all of its cells are missing.
	Absent bool `json:",omitempty"`
}

// nullPartition is the value of rows without one.
const nullPartition = "__HIVE_DEFAULT_PARTITION__"

// Partitions are the columns that the directories of some files say, which must be the same for all, or, of a [Member],
// its table: by each of the namings that file is read. It is nil, which changes nothing, where there are none.
func Partitions(all []File) ([]*Naming, error) {
	namings := make([]*Naming, len(all))
	var paths []string
	var places []int
	for i, f := range all {
		m, ok := f.(Member)
		var constants []Partition
		if ok {
			constants, ok = m.Constants()
		}
		switch {
		case !ok:
			paths, places = append(paths, f.Name()), append(places, i)
		case len(constants) > 0:
			namings[i] = &Naming{Partitions: constants}
		}
	}
	parts, err := partitionsOfAll(paths)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		namings[places[i]] = &Naming{Partitions: parts[i]}
	}
	return namings, nil
}

// partitionsOfAll are those of each path; nil where there are none.
func partitionsOfAll(paths []string) ([][]Partition, error) {
	all := make([][]Partition, len(paths))
	for i, name := range paths {
		all[i] = partitionsOf(name)
		for k, p := range all[i] {
			if slices.ContainsFunc(all[i][:k], func(q Partition) bool { return q.Name == p.Name }) {
				return nil, fault.File(name, "directories NAME=VALUE of different names", "%s twice", fault.Quote(p.Name))
			}
		}
		if !slices.EqualFunc(all[i], all[0], func(p, q Partition) bool { return p.Name == q.Name }) {
			return nil, fault.File(name, "directories NAME=VALUE as in "+paths[0]+": "+namesOf(all[0]), "%s", namesOf(all[i]))
		}
	}
	if len(all) == 0 || len(all[0]) == 0 {
		return nil, nil
	}
	for k := range all[0] {
		settlePartition(all, k)
		if !slices.ContainsFunc(all, func(parts []Partition) bool { return parts[k] != all[0][k] }) {
			for i := range all {
				all[i][k].Same = true
			}
		}
	}
	return all, nil
}

func namesOf(parts []Partition) string {
	if len(parts) == 0 {
		return "none"
	}
	var names []string
	for _, p := range parts {
		names = append(names, fault.Plain(p.Name))
	}
	return strings.Join(names, ", ")
}

// partitionsOf are those of a path.
func partitionsOf(name string) (parts []Partition) {
	dirs := strings.Split(name, "/")
	for _, dir := range dirs[:len(dirs)-1] {
		key, value, ok := strings.Cut(dir, "=")
		if !ok || key == "" {
			continue
		}
		p := Partition{Name: decoded(key)}
		if p.Null = value == nullPartition; !p.Null {
			p.Text = decoded(value)
		}
		parts = append(parts, p)
	}
	return parts
}

// decoded is a text without percent-encoding, or the text itself where that is none.
func decoded(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return strings.ToValidUTF8(t, "\ufffd")
	}
	return s
}

// settlePartition finds out whether the values of a column are whole numbers, of which float64 has all.
func settlePartition(all [][]Partition, k int) {
	const most = 1 << 53
	values, known := make([]int64, len(all)), false
	for i := range all {
		p := &all[i][k]
		if p.Null {
			continue
		}
		v, err := strconv.ParseInt(p.Text, 10, 64)
		if err != nil || strings.HasPrefix(p.Text, "+") || v < -most || v > most {
			return
		}
		values[i], known = v, true
	}
	for i := range all {
		if p := &all[i][k]; known {
			p.Number, p.Value = true, values[i]
		}
	}
}

// number is the value of a column of numbers.
func (p *Partition) number() float64 {
	if p.Null {
		return math.NaN()
	}
	return float64(p.Value)
}

// id is the value as that of rows.
func (p *Partition) id() vectors.ID {
	if p.Number {
		return vectors.ID{Int: p.Value}
	}
	return vectors.ParseID(p.Text)
}

// typeName is the type of the column.
func (p *Partition) typeName() string {
	if p.Number {
		return "number"
	}
	return "text"
}

// PartitionTable is a row of the columns of directories.
func PartitionTable(parts []Partition) *tables.Table {
	fields := make([]tables.Field, len(parts))
	for i := range parts {
		fields[i] = parts[i].field()
	}
	t := tables.New(fields)
	for i := range parts {
		parts[i].appendTo(&t.Columns[i])
	}
	return t
}

// field is the column in a table.
func (p *Partition) field() tables.Field {
	switch {
	case p.Absent:
		return tables.Field{Name: p.Name, Type: tables.Cell}
	case p.Number:
		return tables.Field{Name: p.Name, Type: tables.Number, Whole: wholeText([]byte(p.Text))}
	}
	return tables.Field{Name: p.Name, Type: tables.Text}
}

// appendTo appends the cell.
func (p *Partition) appendTo(to *tables.Column) {
	switch {
	case p.Absent:
		to.AppendMissing()
	case p.Number:
		to.Numbers = append(to.Numbers, p.number())
	default:
		to.AppendText([]byte(p.Text))
	}
}

// partitioned is a file of named columns with those of its directories, which come after them.
type partitioned struct {
	Source
	name  string
	parts []Partition
	place []int // of each column of the vector: that among the file's own, or −1−i of partition i
	only  bool  // the file's own columns are read for their rows alone

	id         int // the partition that is the id of rows, or -1
	target     int // the partition that is the target, or -1
	labels     bool
	untargeted bool
}

// inspectPartitioned inspects a file that has columns of its directories, unless its own have no names.
func inspectPartitioned(ctx context.Context, f File, o Options) (Source, error) {
	s := &partitioned{name: f.Name(), parts: o.Partitions, labels: o.Labels, untargeted: o.Untargeted}
	if s.find(o.WeightColumn) >= 0 {
		return nil, fault.Asked(f.Name(), "a column of the file itself", "%s, which is one of its directories",
			fault.Quote(o.WeightColumn))
	}
	if s.id = s.find(o.IDColumn); s.id >= 0 && s.parts[s.id].Text == "" {
		return nil, fault.File(f.Name(), "an id in the directory "+fault.Quote(o.IDColumn), "none")
	}
	if s.target = s.find(o.TargetColumn); s.target >= 0 {
		if err := s.checkTarget(&o); err != nil {
			return nil, err
		}
	}
	own, keys := s.split(&o)
	var err error
	if s.Source, err = Inspect(ctx, f, own); err != nil {
		return nil, err
	}
	if s.Source.Columns() == nil {
		return s.Source, nil
	}
	for _, c := range Schema(s.Source) {
		if s.find(c.Name) >= 0 {
			return nil, fault.File(f.Name(), "columns of other names than those of its directories", "a column %s in both",
				fault.Quote(c.Name))
		}
	}
	if err := s.arrange(&o, keys); err != nil {
		return nil, err
	}
	if len(s.place) == 0 {
		return nil, fault.Asked(f.Name(), "at least one column for the vector", "none but the target")
	}
	switch src := s.Source.(type) {
	case Counter:
		return &partitionedText{s, src}, nil
	case Cutter:
		return &partitionedGroups{s, src}, nil
	}
	return s, nil
}

// checkTarget looks at the directory that is the target. The target may be what rules or colours go by, so that the
// messages do not say what the column is for.
func (s *partitioned) checkTarget(o *Options) error {
	p := &s.parts[s.target]
	switch {
	case slices.Contains(o.Names, p.Name):
		return fault.File(s.name, "columns for the vector without the target and the weight",
			"the directory %s as one of these", fault.Quote(p.Name))
	case !p.Number && !p.Null && !o.Labels:
		return fault.Asked(s.name, "a number in the directory "+fault.Quote(p.Name), "%s", fault.Quote(p.Text))
	}
	return nil
}

// noTarget reports whether the target is a directory that has no value here.
func (s *partitioned) noTarget() bool {
	return s.target >= 0 && (s.parts[s.target].Null || s.parts[s.target].Text == "")
}

func (s *partitioned) find(name string) int {
	return slices.IndexFunc(s.parts, func(p Partition) bool { return p.Name == name })
}

// split are the options for the file's own columns, and which of the directories' are in the vector.
func (s *partitioned) split(o *Options) (own Options, keys []int) {
	own = *o
	own.Partitions = nil
	own.Features = 0 // which counts all
	if s.id >= 0 {
		own.IDColumn = ""
	}
	if s.target >= 0 {
		own.TargetColumn, own.Labels = "", false
	}
	if len(o.Names) > 0 {
		own.Names = slices.DeleteFunc(slices.Clone(o.Names), func(name string) bool { return s.find(name) >= 0 })
		if s.only = len(own.Names) == 0; s.only {
			own.Columns = nil
		}
		return own, nil
	}
	var ours []string // entries that name what is in the vector
	own.Columns = nil
	for _, spec := range o.Columns {
		not, out := strings.CutPrefix(spec, "!")
		if out && s.find(spec) < 0 {
			if s.find(not) < 0 {
				own.Columns = append(own.Columns, spec)
			}
			continue
		}
		ours = append(ours, spec)
		if s.find(spec) < 0 {
			own.Columns = append(own.Columns, spec)
			s.only = false
		} else if len(ours) == 1 {
			s.only = true // unless another names a column of the file
		}
	}
	if s.only {
		own.Columns = nil
	}
	for k := range s.parts {
		in := len(ours) == 0 && !s.parts[k].Same && (o.Cells || s.parts[k].Number)
		for _, spec := range ours {
			in = in || spec == s.parts[k].Name || !s.parts[k].Same && s.names(spec, k)
		}
		if in && k != s.target && k != s.id && !s.left(o, k) {
			keys = append(keys, k)
		}
	}
	return own, keys
}

// names reports whether an entry of Columns names a column of the directories.
func (s *partitioned) names(spec string, k int) bool {
	ok, err := path.Match(spec, s.parts[k].Name)
	return spec == s.parts[k].Name || err == nil && ok
}

// left reports whether the options ask for a column of the directories not to be in the vector.
func (s *partitioned) left(o *Options, k int) bool {
	return slices.ContainsFunc(o.Columns, func(spec string) bool {
		not, out := strings.CutPrefix(spec, "!")
		return out && s.find(spec) < 0 && s.names(not, k)
	})
}

// arrange finds the place of each column of the vector.
func (s *partitioned) arrange(o *Options, keys []int) error {
	if len(o.Names) > 0 {
		inner := 0
		for _, name := range o.Names {
			if k := s.find(name); k >= 0 {
				s.place = append(s.place, -1-k)
			} else {
				s.place = append(s.place, inner)
				inner++
			}
		}
	} else {
		if !s.only {
			for c := range s.Source.Dim() {
				s.place = append(s.place, c)
			}
		}
		for _, k := range keys {
			s.place = slices.Insert(s.place, s.before(o.Columns, k), -1-k)
		}
	}
	for _, at := range s.place {
		if at >= 0 || o.Cells {
			continue
		}
		switch p := &s.parts[-1-at]; {
		case p.Absent && p.Number && o.Missing:
		case p.Absent:
			return fault.File(s.name, "a number in the column "+fault.Quote(p.Name), "none: it came to the table later")
		case !p.Number:
			return fault.Asked(s.name, "a number in the directory "+fault.Quote(p.Name), "%s", fault.Quote(p.Text))
		case p.Null && !o.Missing:
			return fault.File(s.name, "a number in the directory "+fault.Quote(p.Name), "none: "+nullPartition)
		}
	}
	return nil
}

// before is the place of a column of the directories: before the next that Columns name after it by its own name, or
// behind all.
func (s *partitioned) before(specs []string, k int) int {
	own := s.Source.Columns()
	at := slices.Index(specs, s.parts[k].Name)
	for _, spec := range specs[at+1:] {
		next := slices.IndexFunc(s.place, func(c int) bool {
			return c >= 0 && own[c] == spec || c < 0 && s.parts[-1-c].Name == spec
		})
		if at >= 0 && next >= 0 {
			return next
		}
	}
	return len(s.place)
}

// Dim is the number of columns of a vector.
func (s *partitioned) Dim() int { return len(s.place) }

// Columns are their names, nil where the file's own have none.
func (s *partitioned) Columns() []string {
	own := s.Source.Columns()
	if own == nil {
		return nil
	}
	names := make([]string, len(s.place))
	for i, at := range s.place {
		if at < 0 {
			names[i] = s.parts[-1-at].Name
		} else {
			names[i] = own[at]
		}
	}
	return names
}

// Schema is all columns, the directories' last.
func (s *partitioned) Schema() []Column {
	columns := slices.Clone(Schema(s.Source))
	if s.only {
		for i := range columns {
			if columns[i].Use == InVector {
				columns[i].Use = ""
			}
		}
	}
	for k := range s.parts {
		c := Column{Name: s.parts[k].Name, Type: s.parts[k].typeName()}
		switch {
		case k == s.target:
			c.Use = AsTarget
		case k == s.id:
			c.Use = AsID
		case slices.Contains(s.place, -1-k):
			c.Use = InVector
		}
		columns = append(columns, c)
	}
	return columns
}

// Notes are those of the file.
func (s *partitioned) Notes() []string { return Notes(s.Source) }

// Fields are the vector's columns.
func (s *partitioned) Fields() []tables.Field {
	own, fields := s.ownFields(), make([]tables.Field, len(s.place))
	for i, at := range s.place {
		if at >= 0 {
			fields[i] = own[at]
			continue
		}
		fields[i] = s.parts[-1-at].field()
	}
	return fields
}

func (s *partitioned) ownFields() []tables.Field {
	if t, ok := s.Source.(Tabular); ok {
		return t.Fields()
	}
	return nil
}

// Other names the first column that is no column of numbers.
func (s *partitioned) Other() (column, holds string) {
	if t, ok := s.Source.(Tabular); ok && !s.only {
		if column, holds = t.Other(); column != "" {
			return column, holds
		}
	}
	for _, at := range s.place {
		if at >= 0 {
			continue
		}
		switch p := &s.parts[-1-at]; {
		case p.Absent:
			return p.Name, "missing cells"
		case !p.Number:
			return p.Name, "text"
		case p.Null:
			return p.Name, "missing cells"
		}
	}
	return "", ""
}

// Read opens a span.
func (s *partitioned) Read(ctx context.Context, span Span) (Reader, error) {
	r, err := s.Source.Read(ctx, span)
	if err != nil {
		return nil, err
	}
	return &partitionedReader{Reader: r, of: s, row: make([]float64, len(s.place))}, nil
}

// inPartition is the name of a file that has columns of its directories.
func inPartition(src Source) (name string, ok bool) {
	switch s := src.(type) {
	case *partitioned:
		return s.name, true
	case *partitionedText:
		return s.name, true
	case *partitionedGroups:
		return s.name, true
	}
	return "", false
}

func (s *partitioned) isWhole() bool {
	w, ok := s.Source.(whole)
	return ok && w.isWhole()
}

// partitionedText is a partitioned file whose rows must be counted.
type partitionedText struct {
	*partitioned
	counter Counter
}

func (s *partitionedText) Ranges(size int64) []Range { return s.counter.Ranges(size) }
func (s *partitionedText) Count(ctx context.Context, r Range) (Count, error) {
	return s.counter.Count(ctx, r)
}
func (s *partitionedText) Resolve(counts []Count) ([]Span, error) { return s.counter.Resolve(counts) }

// partitionedGroups is a partitioned file that says where it is cut.
type partitionedGroups struct {
	*partitioned
	cutter Cutter
}

func (s *partitionedGroups) Cut(size int64) []Span { return s.cutter.Cut(size) }

// EndsGroup is that of a [Grouped]; of a file that has no groups, every row ends one.
func (s *partitionedGroups) EndsGroup(row int64) bool {
	g, ok := s.cutter.(Grouped)
	return !ok || g.EndsGroup(row)
}

// partitionedReader adds the directories' columns to the rows of a file.
type partitionedReader struct {
	Reader
	of   *partitioned
	own  *vectors.Block // the file's rows
	cell []float64
	row  []float64
	none int64 // rows whose directory has no target
}

// NoTarget is how many rows so far had no target.
func (r *partitionedReader) NoTarget() int64 {
	if u, ok := r.Reader.(Untargeted); ok && r.of.target < 0 {
		return u.NoTarget()
	}
	return r.none
}

// SkipTo is that of a [Skipper]; a file that has no such reader is read from where it is.
func (r *partitionedReader) SkipTo(row int64) error {
	if s, ok := r.Reader.(Skipper); ok {
		return s.SkipTo(row)
	}
	return nil
}

// Choose is that of a [Chooser], where the file's reader is one.
func (r *partitionedReader) Choose(has func(row int64) bool) {
	if c, ok := r.Reader.(Chooser); ok {
		c.Choose(has)
	}
}

// Read appends rows.
func (r *partitionedReader) Read(b *vectors.Block, most int) error {
	if r.own == nil {
		r.own = &vectors.Block{Dim: r.of.Source.Dim(), DType: b.DType, Missing: b.Missing}
		if b.Cells != nil {
			r.own.Cells = tables.New(r.of.ownFields())
		}
	}
	r.own.Reset()
	err := r.Reader.Read(r.own, most)
	if r.of.noTarget() {
		if r.none += int64(r.own.Len()); !r.of.untargeted {
			return err
		}
	}
	if e := r.move(b); e != nil {
		return e
	}
	return err
}

// move appends the rows that were read.
func (r *partitionedReader) move(b *vectors.Block) error {
	c := r.own
	for i := range c.Len() {
		if b.Cells != nil {
			b.Numbers = append(b.Numbers, c.Numbers[i])
			continue
		}
		r.cell = c.Row(i, slices.Grow(r.cell[:0], c.Dim)[:c.Dim])
		for j, at := range r.of.place {
			if at >= 0 {
				r.row[j] = r.cell[at]
			} else {
				r.row[j] = r.of.parts[-1-at].number()
			}
		}
		if at := b.Append(r.row, c.Numbers[i]); at >= 0 {
			return errors.New("formats: a value of a directory that no block takes")
		}
	}
	if b.Cells != nil {
		r.moveCells(b)
	}
	for i := range c.IDs.Len() {
		b.AppendID(c.IDs.At(i))
	}
	if r.of.id >= 0 {
		id := r.of.parts[r.of.id].id()
		for range c.Len() {
			b.AppendID(id)
		}
	}
	b.Target, b.Labels = append(b.Target, c.Target...), append(b.Labels, c.Labels...)
	b.Weights = append(b.Weights, c.Weights...)
	if r.of.target >= 0 {
		r.of.appendTarget(b, c.Len())
	}
	return nil
}

// appendTarget appends the directory's target of so many rows.
func (s *partitioned) appendTarget(b *vectors.Block, n int) {
	p := &s.parts[s.target]
	label := p.Text
	if p.Number && !p.Null {
		label = strconv.FormatInt(p.Value, 10)
	}
	for range n {
		switch {
		case s.labels:
			b.Labels = append(b.Labels, label)
		case s.noTarget():
			b.Target = append(b.Target, math.NaN())
		default:
			b.Target = append(b.Target, p.number())
		}
	}
}

// moveCells appends the cells of the rows.
func (r *partitionedReader) moveCells(b *vectors.Block) {
	n := r.own.Len()
	for j, at := range r.of.place {
		to := &b.Cells.Columns[j]
		if at >= 0 {
			to.AppendRange(&r.own.Cells.Columns[at], 0, n)
			continue
		}
		p := &r.of.parts[-1-at]
		for range n {
			p.appendTo(to)
		}
	}
}
