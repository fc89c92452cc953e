package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Table is what there is to know of the columns of a table, as a learner takes them: see [features.Survey.Encoding].
type Table struct {
	Files []File `json:"files"`
	// All is how many rows the files have, Looked how many were looked at, and Rows how many of these are without a fault.
	All    int64 `json:"rows_of_files"`
	Looked int64 `json:"looked"`
	Rows   int64 `json:"rows"`
	Faulty int64 `json:"faulty_rows,omitempty"`
	// FirstFault is the fault of the first row that has one.
	FirstFault string `json:"first_fault,omitempty"`
	// Notes say what was assumed about the files.
	Notes []string `json:"notes,omitempty"`
	// LeftOut are the columns that are no part of it, nor the id.
	LeftOut []formats.Column `json:"left_out,omitempty"`
	// Duplicates are rows with equal cells, and IDs equal ids, where a column has them.
	Duplicates Repeats  `json:"duplicates"`
	IDs        *Repeats `json:"ids,omitempty"`

	Features int           `json:"features"` // that they become
	Columns  []TableColumn `json:"columns"`
	Head     []TableRow    `json:"head,omitempty"`
}

// TableColumn is a column of a table.
type TableColumn struct {
	Name string        `json:"name"`
	Kind features.Kind `json:"kind"`
	Why  string        `json:"why"` // in words
	// Features is how many features it becomes.
	Features int `json:"features"`
	// Missing is how many rows have no value.
	Missing int64 `json:"missing"`
	// Min and Max are those of a number.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	Look
}

// TableRow is one of the first rows, as its cells stand.
type TableRow struct {
	ID    string   `json:"id"`
	Cells []string `json:"cells"`
}

// Category is a value of a column, and how many rows have it.
type Category struct {
	Value string `json:"value"`
	Rows  int64  `json:"rows"`
}

// mostFrequent is how many categories of a column are kept.
const mostFrequent = 5

// IsTable reports whether a file is a table that holds more than numbers, as far as its header and its first rows
// tell: text, timestamps, missing cells.
func IsTable(ctx context.Context, f formats.File, o formats.Options) bool {
	if !formats.IsTabular(f.Name(), o.Format) {
		return false
	}
	o.Cells = true
	parts, err := formats.Partitions([]formats.File{f})
	if err != nil {
		return false // which the profile tells
	}
	src, err := formats.Inspect(ctx, f, parts[0].Options(o))
	if err != nil {
		return false
	}
	t, ok := src.(formats.Tabular)
	if !ok {
		return false
	}
	column, _ := t.Other()
	return column != ""
}

// TableOf looks at files as one table, in the order given, in one pass. Memory is that of a [features.Survey], a look
// at its columns and a block of rows for each thread. The error is one line, as where no column is of use.
func TableOf(ctx context.Context, o Options, all []formats.File) (*Table, error) {
	o.EnsureDefaults()
	o.Formats.Cells = true
	whole := &Profile{}
	chunks, _, err := inspect(ctx, &o, all, whole)
	if err != nil {
		return nil, err
	}
	limit := whole.Rows
	if o.Rows > 0 {
		limit = min(limit, o.Rows)
	}
	var total *tablePart
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Threads)
	for _, c := range chunks {
		first := c.span.First + c.shift
		if first >= limit {
			break
		}
		c.span.Rows = min(c.span.Rows, limit-first)
		g.Go(func() error {
			part, err := c.survey(ctx, &o)
			if err != nil {
				return err
			}
			o.Progress(part.looks.rows+part.faulty, limit)
			mu.Lock()
			defer mu.Unlock()
			if total == nil {
				total = part
				return nil
			}
			return total.merge(part)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	t := &Table{Files: whole.Files, All: whole.Rows, Notes: whole.Notes, LeftOut: whole.LeftOut}
	return t, total.into(t, o.Target, decimalOf(chunks[0].src))
}

// tablePart is what is known of some rows of a table. It does not depend on the order in which parts are merged.
type tablePart struct {
	fields []tables.Field
	survey *features.Survey
	looks  *looks
	head   []numberedRow
	faulty int64
	first  *fault.Fault // that of the least row, with its number
}

type numberedRow struct {
	number int64
	row    TableRow
}

func (p *tablePart) merge(q *tablePart) error {
	p.faulty += q.faulty
	if p.first == nil || q.first != nil && q.first.Number < p.first.Number {
		p.first = q.first
	}
	p.head = append(p.head, q.head...)
	p.looks.merge(q.looks)
	return p.survey.Merge(q.survey)
}

// decimalOf is the decimal point of text with columns, and 0 elsewhere.
func decimalOf(src formats.Source) byte {
	if text, ok := src.(interface{ Decimal() byte }); ok {
		return text.Decimal()
	}
	return 0
}

// into fills in the table, of a file with such a decimal point.
func (p *tablePart) into(t *Table, target string, decimal byte) error {
	t.Rows, t.Faulty, t.Looked = p.looks.rows, p.faulty, p.looks.rows+p.faulty
	if p.first != nil {
		t.FirstFault = p.first.Error()
	}
	t.Duplicates = p.looks.rowKeys.repeats()
	if p.looks.ids != nil {
		t.IDs = new(p.looks.ids.repeats())
	}
	slices.SortFunc(p.head, func(a, b numberedRow) int { return cmp.Compare(a.number, b.number) })
	for _, r := range p.head {
		t.Head = append(t.Head, r.row)
	}
	e, err := p.survey.Encoding()
	if err != nil { // which a learner would say: columns are shown all the same
		t.Notes = append(t.Notes, err.Error())
	} else {
		t.Features = e.Dim()
	}
	described := make([]described, len(p.fields))
	t.Columns = make([]TableColumn, len(p.fields))
	for i := range t.Columns {
		c := &t.Columns[i]
		if *c = p.plainColumn(i); e != nil {
			*c = columnOf(&e.Columns()[i])
		}
		look := p.looks.look(i, c.Kind == features.Numeric || c.Kind == features.Boolean, c.Kind == features.Date)
		if c.Frequent == nil {
			c.Frequent, c.Sampled = look.Frequent, look.Sampled
		}
		if c.Distinct == 0 {
			c.Distinct, c.Estimated = look.Distinct, look.Estimated
		}
		c.Histogram = look.Histogram
		described[i].Look, described[i].name, described[i].kind, described[i].missing = &c.Look, c.Name, c.Kind, c.Missing
	}
	at, err := targetOf(target, described, t.Files[0].Name)
	if err == nil {
		p.looks.warn(described, at, decimal)
	}
	return err
}

// survey surveys the rows of a chunk.
func (c *chunk) survey(ctx context.Context, o *Options) (p *tablePart, err error) {
	src, ok := c.src.(formats.Tabular)
	if !ok {
		return nil, errors.New("profile: a source is no table")
	}
	p = &tablePart{fields: src.Fields(), looks: newLooks(len(src.Fields()), o.Formats.IDColumn != "", o.Distinct)}
	if p.survey, err = features.NewSurvey(src.Fields(), features.Options{}); err != nil {
		return nil, err
	}
	r, err := c.src.Read(ctx, c.span)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b := &vectors.Block{Cells: tables.New(src.Fields())}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b.Reset()
		err := r.Read(b, chunkRows)
		if e := p.survey.Add(b.Cells); e != nil {
			return nil, e
		}
		p.looks.addTable(b, c.shift)
		p.addHead(b, c.shift, int64(o.Head))
		if f, ok := fault.IsRow(err); ok {
			if p.faulty++; p.first == nil {
				f.Number = f.Row + c.shift
				p.first = f
			}
			continue
		}
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// addHead keeps rows as they are: those of the first numbers.
func (p *tablePart) addHead(b *vectors.Block, shift, head int64) {
	for i := range b.Len() {
		number := b.Numbers[i] + shift
		if number >= head {
			return
		}
		id := vectors.ID{Int: number}
		if b.IDs.Len() > 0 {
			id = b.ID(i)
		}
		row := TableRow{ID: id.String()}
		for j := range b.Cells.Columns {
			c := &b.Cells.Columns[j]
			v := valueOf(c, i)
			text := v.shown(true)
			if c.Type == tables.List {
				text = fmt.Sprintf("%.4g", c.List(i)[:min(c.Width, shownOfList)])
			}
			row.Cells = append(row.Cells, text)
		}
		p.head = append(p.head, numberedRow{number, row})
	}
}

// shownOfList is how many numbers of a list are kept of a row.
const shownOfList = 4

// plainColumn is what is shown of a column of no table that a learner takes.
func (p *tablePart) plainColumn(i int) TableColumn {
	c := TableColumn{Name: p.fields[i].Name, Kind: features.LeftOut, Missing: p.looks.missing[i]}
	if c.Name == "" {
		c.Name = strconv.Itoa(i)
	}
	return c
}

// columnOf is what is shown of a column.
func columnOf(c *features.Column) TableColumn {
	t := TableColumn{Name: c.Name, Kind: c.Kind, Why: c.Why, Missing: c.Missing,
		Look: Look{Distinct: int64(len(c.Categories))}}
	_, t.Features = c.Span()
	if (c.Kind == features.Numeric || c.Kind == features.Boolean) && len(c.Parts) == 1 {
		t.Min, t.Max = &c.Parts[0].Min, &c.Parts[0].Max
	}
	for i, value := range c.Categories {
		t.Frequent = append(t.Frequent, Category{value, c.Counts[i]})
	}
	slices.SortStableFunc(t.Frequent, func(a, b Category) int { return cmp.Compare(b.Rows, a.Rows) })
	t.Frequent = t.Frequent[:min(len(t.Frequent), mostFrequent)]
	return t
}
