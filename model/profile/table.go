package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	Rows     int64         `json:"rows"` // that were looked at, without those at fault
	Faulty   int64         `json:"faulty_rows,omitempty"`
	Features int           `json:"features"` // that they become
	Columns  []TableColumn `json:"columns"`
}

// TableColumn is a column of a table.
type TableColumn struct {
	Name string        `json:"name"`
	Kind features.Kind `json:"kind"`
	Why  string        `json:"why"` // in words
	// Missing is how many rows have no value.
	Missing int64 `json:"missing"`
	// Min and Max are those of a number.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	// Distinct is how many categories there are, and Frequent are the most frequent ones.
	Distinct int        `json:"distinct,omitempty"`
	Frequent []Category `json:"frequent,omitempty"`
}

// Category is a value of a column, and how many rows have it.
type Category struct {
	Value string `json:"value"`
	Rows  int64  `json:"rows"`
}

// mostFrequent is how many categories of a column are kept.
const mostFrequent = 5

// IsTable reports whether a file is a table that holds more than numbers, as far as its header and its first rows tell: text,
// timestamps, missing cells.
func IsTable(ctx context.Context, f formats.File, o formats.Options) bool {
	if !formats.IsTabular(f.Name(), o.Format) {
		return false
	}
	o.Cells = true
	src, err := formats.Inspect(ctx, f, o)
	if err != nil {
		return false // which the profile tells
	}
	t, ok := src.(formats.Tabular)
	if !ok {
		return false
	}
	column, _ := t.Other()
	return column != ""
}

// TableOf looks at files as one table, in the order given, in one pass. Memory is that of a [features.Survey] and a block of rows for
// each thread. The error is one line, as where no column is of use.
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
	var survey *features.Survey
	var mu sync.Mutex
	t := &Table{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Threads)
	for _, c := range chunks {
		first := c.span.First + c.shift
		if first >= limit {
			break
		}
		c.span.Rows = min(c.span.Rows, limit-first)
		g.Go(func() error {
			own, rows, faulty, err := c.survey(ctx)
			if err != nil {
				return err
			}
			o.Progress(rows+faulty, limit)
			mu.Lock()
			defer mu.Unlock()
			t.Rows, t.Faulty = t.Rows+rows, t.Faulty+faulty
			if survey == nil {
				survey = own
				return nil
			}
			return survey.Merge(own)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	e, err := survey.Encoding()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", all[0].Name(), err)
	}
	t.Features = e.Dim()
	for i := range e.Columns() {
		t.Columns = append(t.Columns, columnOf(&e.Columns()[i]))
	}
	return t, nil
}

// survey surveys the rows of a chunk.
func (c *chunk) survey(ctx context.Context) (s *features.Survey, rows, faulty int64, err error) {
	src, ok := c.src.(formats.Tabular)
	if !ok {
		return nil, 0, 0, errors.New("profile: a source is no table")
	}
	if s, err = features.NewSurvey(src.Fields(), features.Options{}); err != nil {
		return nil, 0, 0, err
	}
	r, err := c.src.Read(ctx, c.span)
	if err != nil {
		return nil, 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b := &vectors.Block{Cells: tables.New(src.Fields())}
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, 0, err
		}
		b.Reset()
		err := r.Read(b, chunkRows)
		rows += int64(b.Len())
		if e := s.Add(b.Cells); e != nil {
			return nil, 0, 0, e
		}
		if _, ok := fault.IsRow(err); ok {
			faulty++
			continue
		}
		if err == io.EOF {
			return s, rows, faulty, nil
		}
		if err != nil {
			return nil, 0, 0, err
		}
	}
}

// columnOf is what is shown of a column.
func columnOf(c *features.Column) TableColumn {
	t := TableColumn{Name: c.Name, Kind: c.Kind, Why: c.Why, Missing: c.Missing, Distinct: len(c.Categories)}
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
