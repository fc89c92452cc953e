package formats

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

var randomDialects = flag.String("dialects", "../../testdata/dialects_random.json",
	"the tables of testdata/dialects_random.py")

// randomTable is a table as text, and what pandas reads of it.
type randomTable struct {
	Name     string
	Data     []byte
	Options  Options
	Columns  []string
	Numbers  []int        // columns of numbers, and of True and False
	Booleans []int        // those of True and False
	Values   [][]*float64 // of each column of numbers; null is missing
	Text     [][]string   // of each column, as it stands
}

// Random tables are what pandas reads of them: as rows of numbers, where numbers may be missing or not, and as tables.
func TestRandomDialects(t *testing.T) {
	data, err := os.ReadFile(*randomDialects)
	if err != nil {
		t.Fatal(err)
	}
	var cases []randomTable
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d %s", i, c.Name), func(t *testing.T) {
			if len(c.Numbers) > 0 {
				c.asNumbers(t)
			}
			c.asCells(t)
		})
	}
}

// asNumbers reads the columns of numbers.
func (c *randomTable) asNumbers(t *testing.T) {
	o := c.Options
	o.Missing = slices.ContainsFunc(c.Values, func(column []*float64) bool { return slices.Contains(column, nil) })
	numbers, values := c.Numbers, c.Values
	var names []string
	for _, i := range c.Numbers {
		names = append(names, c.Columns[i])
	}
	if o.Missing || c.hasMixed() {
		o.Names = names // by default those of True and False are left out, and what is text in parts is at fault
	}
	src, err := inspectText(string(c.Data), "f.csv", o)
	if err != nil {
		t.Errorf("numbers: %v\n%q", err, c.Data)
		return
	}
	if !slices.Equal(src.Columns(), names) {
		t.Errorf("columns %q, by pandas %q\n%q", src.Columns(), names, c.Data)
		return
	}
	b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64, Missing: o.Missing}
	if err := readWhole(src, b); err != nil {
		t.Errorf("numbers: %v\n%q", err, c.Data)
		return
	}
	if b.Len() != len(values[0]) {
		t.Errorf("%d rows, by pandas %d\n%q", b.Len(), len(values[0]), c.Data)
		return
	}
	for i := range b.Len() {
		row := b.Row(i, make([]float64, b.Dim))
		for j := range numbers {
			want := values[j][i]
			if want == nil && !math.IsNaN(row[j]) || want != nil && row[j] != *want {
				t.Errorf("row %d, column %s: %v, by pandas %v\n%q", i, names[j], row[j], show(want), c.Data)
				return
			}
		}
	}
}

func show(v *float64) any {
	if v == nil {
		return "nothing"
	}
	return *v
}

// hasMixed reports whether a column that is no number for pandas has cells that are.
func (c *randomTable) hasMixed() bool {
	d := dialect{decimal: '.'}
	if c.Options.Decimal != "" {
		d.decimal = c.Options.Decimal[0]
	}
	for i, column := range c.Text {
		if slices.Contains(c.Numbers, i) {
			continue
		}
		for _, cell := range column {
			if k := d.kind([]byte(cell)); k != cellText && k != cellMissing {
				return true
			}
		}
	}
	return false
}

// asCells reads all columns as those of a table.
func (c *randomTable) asCells(t *testing.T) {
	o := c.Options
	o.Cells = true
	src, err := inspectText(string(c.Data), "f.csv", o)
	if err != nil {
		t.Errorf("cells: %v\n%q", err, c.Data)
		return
	}
	fields := src.(Tabular).Fields()
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	if !slices.Equal(names, c.Columns) {
		t.Errorf("columns %q, by pandas %q\n%q", names, c.Columns, c.Data)
		return
	}
	b := &vectors.Block{Cells: tables.New(fields)}
	if err := readWhole(src, b); err != nil {
		t.Errorf("cells: %v\n%q", err, c.Data)
		return
	}
	if b.Len() != len(c.Text[0]) {
		t.Errorf("%d rows of cells, by pandas %d\n%q", b.Len(), len(c.Text[0]), c.Data)
		return
	}
	for i := range b.Len() {
		for j := range fields {
			got := string(b.Cells.Columns[j].Text(i))
			if want, ok := c.cell(i, j, got); !ok {
				t.Errorf("row %d, column %s: the cell %q, by pandas %v\n%q", i, names[j], got, want, c.Data)
				return
			}
		}
	}
}

// cell reports whether a cell is what pandas has read, and what that is.
func (c *randomTable) cell(row, column int, got string) (want any, ok bool) {
	plain := dialect{decimal: '.'}
	v, isNumber := plain.number([]byte(got))
	if number := slices.Index(c.Numbers, column); number >= 0 {
		want := c.Values[number][row]
		if want == nil {
			return show(want), plain.kind([]byte(got)) == cellMissing
		}
		return *want, isNumber && v == *want
	}
	text := c.Text[column][row]
	own, _ := c.Options.dialect()
	w, ok := own.number([]byte(text)) // of a column that is text in parts
	return text, got == text || ok && isNumber && v == w
}

// readWhole appends all rows of a text that is short.
func readWhole(src Source, b *vectors.Block) error {
	spans, err := Spans(context.Background(), src)
	if err != nil {
		return err
	}
	for _, s := range spans {
		r, err := src.Read(context.Background(), s)
		if err != nil {
			return err
		}
		if err := r.Read(b, int(s.Rows)); err != nil {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}
