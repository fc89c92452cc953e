package formats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"beamlearn/model/fault"
)

// Column is a column of a file as a user sees it, whatever the format.
type Column struct {
	Name string `json:"name"`           // its 0-based index where columns have no names
	Type string `json:"type,omitempty"` // in a word or two: number, text, boolean, timestamp; "" where that is not known
	Use  Use    `json:"use,omitempty"`

	whole bool // its numbers are integers, as far as the type or the first rows tell
}

// Use is what becomes of a column.
type Use string

// Uses of columns. The zero Use is that of a column that is left out.
const (
	InVector Use = "vector"
	AsID     Use = "id"
	AsTarget Use = "target"
	AsWeight Use = "weight"
)

// Schema is all columns of the file of a source, in their order; nil where the source does not tell them apart.
func Schema(src Source) []Column {
	if s, ok := src.(interface{ Schema() []Column }); ok {
		return s.Schema()
	}
	return nil
}

// TextID reports whether the ids of rows are known to be text, as far as the header and the first rows tell; of files
// without a column of ids they are not.
func TextID(src Source) bool {
	if _, ok := src.(*wordsSource); ok {
		return true
	}
	for _, c := range Schema(src) {
		if c.Use == AsID {
			return c.Type == "text"
		}
	}
	return false
}

// Entries is how many entries the rows of a source of sparse rows have, or at most have, where its header says that, or
// −1.
func Entries(src Source) int64 {
	if s, ok := src.(interface{ entryCount() int64 }); ok {
		return s.entryCount()
	}
	return -1
}

// IDName is the name of the column of ids, or "" where there is none beside the vector's.
func IDName(src Source) string {
	for _, c := range Schema(src) {
		if c.Use == AsID {
			return c.Name
		}
	}
	return ""
}

// Notes say, in a line each, what was assumed about the file of a source, and which flag says otherwise. They do not
// name the file, as the files of a dataset mostly have the same.
func Notes(src Source) []string {
	if s, ok := src.(interface{ Notes() []string }); ok {
		return s.Notes()
	}
	return nil
}

// Schema is all columns, in the order of the table.
func (s *selection) Schema() []Column {
	columns := make([]Column, s.count)
	for c := range columns {
		columns[c].Name = s.name(c)
		if c < len(s.types) {
			columns[c].Type = s.types[c]
		}
		columns[c].whole = c < len(s.whole) && s.whole[c]
	}
	for _, r := range []struct {
		column int
		use    Use
	}{{s.id, AsID}, {s.target, AsTarget}, {s.weight, AsWeight}} {
		if r.column >= 0 {
			columns[r.column].Use = r.use
		}
	}
	for _, c := range s.vector {
		columns[c].Use = InVector
	}
	return columns
}

// Left lists columns that are left out, of one dataset or several, each once.
type Left struct {
	Columns []Column
	seen    map[string]bool
}

// Add adds those of a source.
func (l *Left) Add(src Source) {
	for _, c := range Schema(src) {
		if c.Use != "" || l.seen[c.Name] {
			continue
		}
		if l.seen == nil {
			l.seen = map[string]bool{}
		}
		l.seen[c.Name] = true
		l.Columns = append(l.Columns, c)
	}
}

// LeftOut is one line that names columns that are left out, with their types; "" where there is none.
func LeftOut(columns []Column) string {
	if len(columns) == 0 {
		return ""
	}
	return "left out: " + some(columns, "columns ", func(c Column) string {
		if c.Type != "" {
			return fault.Plain(c.Name) + " (" + c.Type + ")"
		}
		return fault.Plain(c.Name)
	})
}

// Naming is the names of the columns that rows are made of. Rows of two files, or of a file and a model, meet by it.
type Naming struct {
	// Vector are the names of the vector's columns, in its order.
	Vector []string
	// ID, Target and Weight are the names of these columns, or "" where there are none.
	ID, Target, Weight string `json:",omitempty"`
	// Data says that the first row of the file is data, though it counts 0, 1, 2, …: see [Headless].
	Data bool `json:",omitempty"`
	// Own says that Columns stand for [Options.Columns], for files that are read otherwise than those beside them.
	Own     bool     `json:",omitempty"`
	Columns []string `json:",omitempty"`
	// Width stands for [Options.Width].
	Width int `json:",omitempty"`
	// Partitions stand for [Options.Partitions].
	Partitions []Partition `json:",omitempty"`
}

// namingOf is that of a source whose columns have names, or nil.
func namingOf(src Source) *Naming {
	n := &Naming{Vector: src.Columns()}
	if n.Vector == nil {
		return nil
	}
	for _, c := range Schema(src) {
		switch c.Use {
		case AsID:
			n.ID = c.Name
		case AsTarget:
			n.Target = c.Name
		case AsWeight:
			n.Weight = c.Name
		}
	}
	return n
}

// Headless tells which sources of one dataset have no header after all: whose first row, 0, 1, 2, …, was taken for
// one, while others, which are mostly written alike, have none. They are read by the Naming.
func Headless(sources []Source) (files []int, as *Naming) {
	none := slices.ContainsFunc(sources, func(src Source) bool {
		s, ok := src.(*csvSource)
		return ok && !s.header
	})
	for i, src := range sources {
		if s, ok := src.(*csvSource); ok && s.count && none {
			files = append(files, i)
		}
	}
	return files, &Naming{Data: true}
}

// all are the names of the vector's columns and of the others that are read.
func (n *Naming) all() []string {
	return slices.DeleteFunc(append(slices.Clone(n.Vector), n.ID, n.Target, n.Weight),
		func(s string) bool { return s == "" })
}

func (n *Naming) equal(o *Naming) bool {
	return slices.Equal(n.Vector, o.Vector) && n.ID == o.ID && n.Target == o.Target && n.Weight == o.Weight
}

// Options are o for a file whose columns go by these names; the naming may be nil.
func (n *Naming) Options(o Options) Options {
	if n == nil {
		return o
	}
	if n.Data {
		o.Header = HeaderNo
	}
	if n.Vector != nil { // what has none keeps those that are asked for
		o.Names = n.Vector
	}
	if n.Partitions != nil {
		o.Partitions = n.Partitions
	}
	if n.Own {
		o.Columns, o.Width = n.Columns, n.Width
	}
	for _, role := range []struct {
		column *string
		name   string
	}{{&o.IDColumn, n.ID}, {&o.TargetColumn, n.Target}, {&o.WeightColumn, n.Weight}} {
		if role.name != "" {
			*role.column = role.name
		}
	}
	return o
}

// Agreement makes files one dataset. Where both have names for their columns, a file meets those before it by name;
// else by number, and then they must have as many columns. The zero Agreement takes any first file.
type Agreement struct {
	dim    int
	first  string  // the file that came first
	named  *Naming // nil as long as no file has had names
	of     string  // whose names they are
	subset bool    // of a file, columns by other names may be left out
	// ByNumber are the files without names that have met some, or the other way round.
	ByNumber []string
}

// AgreeWith is an Agreement with columns by these names, such as a model's features: of is whose they are, as "the
// model m.json". Where the options do not say which columns to read, files may have others, which are left out.
// Without names, it is the zero Agreement.
func AgreeWith(names []string, of string) *Agreement {
	if names == nil {
		return &Agreement{}
	}
	return &Agreement{named: &Naming{Vector: names}, of: of, subset: true}
}

// Of is whose names count, or "" where no file has any.
func (a *Agreement) Of() string {
	if a.named == nil {
		return ""
	}
	return a.of
}

// Open inspects a file, and makes it agree as Meet does.
func (a *Agreement) Open(ctx context.Context, f File, o Options) (Source, *Naming, error) {
	src, err := Inspect(ctx, f, o)
	if err == nil || a.named == nil || len(o.Columns) > 0 {
		return src, nil, err
	}
	// Not all of its columns may be of use, but those by the names that count.
	src, err = Inspect(ctx, f, a.named.Options(o))
	return src, a.named, err
}

// Meet makes the source of a file, inspected by o, agree with those before. Where the file has its columns in another
// order, it inspects it anew, by names, and returns the names too: a worker reads the file by [Naming.Options]. The
// error is a fault of the file, which names the one before that it does not agree with.
func (a *Agreement) Meet(ctx context.Context, f File, src Source, o Options) (Source, *Naming, error) {
	if empty, ok := src.(emptySource); ok { // which meets any
		if a.dim > 0 {
			empty = emptySource(a.dim)
		}
		return empty, nil, nil
	}
	if s, ok := src.(*jsonlSource); ok && a.named != nil {
		s.nameNameless(a.named.all())
	}
	own := namingOf(src)
	if own == nil || a.named == nil {
		if a.dim == 0 {
			a.dim, a.first = src.Dim(), f.Name()
		} else if src.Dim() != a.dim {
			return nil, nil, fault.File(f.Name(), fmt.Sprintf("%d columns, as in %s", a.dim, a.first), "%d columns", src.Dim())
		}
		switch {
		case own != nil:
			if a.first != f.Name() {
				a.ByNumber = append(a.ByNumber, a.first)
			}
			a.named, a.of = own, f.Name()
		case a.named != nil:
			a.ByNumber = append(a.ByNumber, f.Name())
		}
		return src, nil, nil
	}
	if a.dim == 0 {
		a.dim, a.first = len(a.named.Vector), f.Name()
	}
	a.named.fill(own)
	equal := own.equal(a.named)
	if hasListNames(src) {
		return a.meetList(ctx, f, src, own, o)
	}
	// Later rows of .jsonl may have other keys, which are left out as those of the first rows are: only names say it.
	if _, grows := src.(*jsonlSource); equal && !(grows && a.subset && len(o.Columns) == 0) {
		return src, nil, nil
	}
	lacks := a.lacksKeys(src, own, o)
	if !equal && !lacks && !a.maps(own, o) {
		return nil, nil, a.unlike(f, src, own.Vector)
	}
	times := map[string]int{}
	var all []string
	for _, c := range Schema(src) {
		times[c.Name]++
		all = append(all, c.Name)
	}
	for _, name := range a.named.Vector {
		if times[name] == 1 || times[name] == 0 && lacks {
			continue
		}
		if equal { // twice in both
			return src, nil, nil
		}
		return nil, nil, a.unlike(f, src, all)
	}
	src, err := Inspect(ctx, f, a.named.Options(o))
	return src, a.named, err
}

// meetList is Meet of sparse rows whose columns have names: a row lacks those that it has no number in.
func (a *Agreement) meetList(ctx context.Context, f File, src Source, own *Naming, o Options) (Source, *Naming, error) {
	if own.equal(a.named) {
		return src, nil, nil
	}
	if !a.maps(own, o) {
		return nil, nil, a.unlike(f, src, own.Vector)
	}
	src, err := Inspect(ctx, f, a.named.Options(o))
	return src, a.named, err
}

// fill takes the names of roles that do not stand yet.
func (n *Naming) fill(o *Naming) {
	for _, role := range []struct{ have, from *string }{{&n.ID, &o.ID}, {&n.Target, &o.Target}, {&n.Weight, &o.Weight}} {
		if *role.have == "" {
			*role.have = *role.from
		}
	}
}

// lacksKeys reports whether rows of a table in .jsonl have some of the names that count, and no key of the others among
// the first rows: those cells are missing, as those of a row are that lacks a key.
func (a *Agreement) lacksKeys(src Source, own *Naming, o Options) bool {
	if _, ok := src.(*jsonlSource); !ok || !o.Cells {
		return false
	}
	missing, more := differ(a.named.Vector, own.Vector)
	return len(missing) > 0 && len(missing) < len(a.named.Vector) && (len(more) == 0 || a.subset && len(o.Columns) == 0)
}

// maps reports whether columns of a file may be brought into the order that counts, by their names alone.
func (a *Agreement) maps(own *Naming, o Options) bool {
	byIndex := len(o.Columns) > 0
	for _, spec := range o.Columns {
		byIndex = byIndex && isIndex(spec)
	}
	if a.subset && len(o.Columns) == 0 || byIndex && !a.subset {
		return true
	}
	missing, more := differ(a.named.all(), own.all())
	return len(missing) == 0 && len(more) == 0
}

// unlike is the fault of a file whose columns have other names.
func (a *Agreement) unlike(f File, src Source, have []string) error {
	missing, more := differ(a.named.Vector, have)
	found := "the columns " + list(have)
	// Of long lists, what differs may be in the part that is not shown; of names that stand there twice, nothing differs.
	switch {
	case len(missing) > 0:
		found += ", without " + list(missing)
		columns := Schema(src)
		i := slices.IndexFunc(columns, func(c Column) bool {
			return c.Use == "" && c.Type != "" && c.Type != "number" && slices.Contains(missing, c.Name)
		})
		switch {
		case i >= 0 && len(missing) == 1:
			found += ", which is there as " + columns[i].Type
		case i >= 0:
			found += ", of which " + fault.Quote(columns[i].Name) + " is there as " + columns[i].Type
		}
	case len(more) > 0:
		found += ", with " + list(more) + " beyond those"
	default:
		found += ", some of them twice, in another order"
	}
	return &differing{fault.File(f.Name(), "the columns "+list(a.named.Vector)+", as in "+a.of, "%s", found)}
}

// differ is what names have that others have not, and the other way round, each as often as it is there.
func differ(names, others []string) (missing, more []string) {
	times := map[string]int{}
	for _, n := range others {
		times[n]++
	}
	for _, n := range names {
		if times[n]--; times[n] < 0 {
			missing = append(missing, n)
		}
	}
	for _, n := range others {
		if times[n] > 0 {
			times[n]--
			more = append(more, n)
		}
	}
	return missing, more
}

// list shows names, in part where there are many.
func list(names []string) string {
	return some(names, "", fault.Quote[string])
}

// some shows the first of many, and how many of what there are in all.
func some[T any](all []T, what string, show func(T) string) string {
	var shown []string
	for _, x := range all[:min(len(all), shownNames)] {
		shown = append(shown, show(x))
	}
	if len(all) > shownNames {
		shown = append(shown, fmt.Sprintf("… (%d %sin all)", len(all), what))
	}
	return strings.Join(shown, ", ")
}

// differing is the fault of a file whose columns are not those of others.
type differing struct{ error }

func (d *differing) Unwrap() error { return d.error }

// Differing reports whether files have columns of different names, so that they are no table together.
func Differing(err error) bool {
	var d *differing
	return errors.As(err, &d)
}
