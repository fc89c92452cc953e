package features

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"beamlearn/model/tables"
)

type referenceColumn struct {
	Name, Type string
	Cells      []any
}

type reference struct {
	Name        string
	Options     Options
	Train, Test []referenceColumn
	Dim         int
	Rows        []struct {
		Features []int
		Values   []float64
	}
	Names     []string
	Tolerance float64
}

// equal reports whether two rows are equal within the tolerance: what is almost zero may be so in one and not there
// in the other.
func (c *reference) equal(features []int32, values []float64, wantFeatures []int, want []float64) bool {
	row := map[int]float64{}
	for k, j := range wantFeatures {
		row[j] = want[k]
	}
	for k, j := range features {
		if w := row[int(j)]; !(math.Abs(values[k]-w) <= c.Tolerance*max(1, math.Abs(w))) {
			return false
		}
		delete(row, int(j))
	}
	for _, w := range row {
		if !(math.Abs(w) <= c.Tolerance) {
			return false
		}
	}
	return true
}

type references struct {
	Hashed struct {
		Rows, Features, Signs, Both int
	}
	Cases []reference
}

func readReferences(t *testing.T) *references {
	t.Helper()
	f, err := os.Open("testdata/sklearn.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var r references
	if err := json.NewDecoder(z).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func referenceTable(t *testing.T, columns []referenceColumn) *tables.Table {
	t.Helper()
	types := map[string]tables.Type{"number": tables.Number, "boolean": tables.Bool, "timestamp": tables.Time,
		"text": tables.Text, "cell": tables.Cell, "list": tables.List}
	var fields []tables.Field
	for _, c := range columns {
		field := tables.Field{Name: c.Name, Type: types[c.Type]}
		if field.Type == tables.List {
			field.Width = 3
		}
		fields = append(fields, field)
	}
	tab := tables.New(fields)
	for i, from := range columns {
		c := &tab.Columns[i]
		for _, cell := range from.Cells {
			switch v := cell.(type) {
			case nil:
				if c.Type == tables.List {
					c.Numbers = append(c.Numbers, math.NaN())
				} else {
					c.AppendMissing()
				}
			case string:
				if c.Type == tables.Time {
					micros, err := strconv.ParseInt(v, 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					c.Times = append(c.Times, micros)
				} else {
					c.AppendText([]byte(v))
				}
			case float64:
				c.Numbers = append(c.Numbers, v)
			}
		}
	}
	return tab
}

// What scikit-learn makes of the same tables, by testdata/generate.py.
func TestScikitLearn(t *testing.T) {
	t.Parallel()
	all := readReferences(t)
	if len(all.Cases) < 60 {
		t.Fatalf("%d cases", len(all.Cases))
	}
	for _, c := range all.Cases {
		train, test := referenceTable(t, c.Train), referenceTable(t, c.Test)
		e := encodingOf(t, c.Options, train)
		if e.Dim() != c.Dim {
			t.Errorf("%s: %d features %v, want %d", c.Name, e.Dim(), e.Lines(), c.Dim)
			continue
		}
		if c.Names != nil && !slices.Equal(e.Names(), c.Names) {
			t.Errorf("%s: %q, want %q", c.Name, e.Names(), c.Names)
		}
		b, _ := encoded(t, e, test)
		for i, want := range c.Rows {
			if features, values := b.Sparse.Row(i); !c.equal(features, values, want.Features, want.Values) {
				t.Errorf("%s: row %d: features %v are %v, want %v %v", c.Name, i, features, values, want.Features, want.Values)
			}
		}
	}
}

// A column of 10⁵ distinct values is hashed as FeatureHasher does.
func TestManyDistinct(t *testing.T) {
	t.Parallel()
	want := readReferences(t).Hashed
	c := tables.Column{Field: tables.Field{Name: "tail", Type: tables.Text}}
	for i := range want.Rows {
		c.AppendText(fmt.Appendf(nil, "value %d", i))
	}
	tab := table(c)
	e := encodingOf(t, Options{HashBits: 18}, tab)
	column := e.Columns()[0]
	var got references
	got.Hashed.Rows = want.Rows
	enc, err := e.Encoder(tab.Fields())
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Rows {
		enc.features, enc.values = enc.features[:0], enc.values[:0]
		enc.hash(0, &tab.Columns[0], i)
		feature, sign := int(enc.features[0]), int(enc.values[0])
		got.Hashed.Features += feature
		got.Hashed.Signs += sign
		got.Hashed.Both += feature * sign * (i % 97)
	}
	if got.Hashed != want || column.Kind != Hashed {
		t.Errorf("%+v, want %+v: %s", got.Hashed, want, column.Why)
	}
}
