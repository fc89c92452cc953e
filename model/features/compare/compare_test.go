package compare

import (
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/tables"
)

// shop is a table of every type of column, whose last row is all missing.
func shop() *tables.Table {
	t := tables.New([]tables.Field{
		{Name: "price"}, {Name: "sold", Type: tables.Bool}, {Name: "day", Type: tables.Time},
		{Name: "brand", Type: tables.Text},
		{Name: "cell", Type: tables.Cell}, {Name: "a b`c", Type: tables.Cell}, {Name: "list", Type: tables.List, Width: 1},
	})
	c := t.Columns
	c[0].Numbers = []float64{1, 99.5, 100, -3, math.NaN()}
	c[1].Numbers = []float64{1, 0, 1, 0, math.NaN()}
	c[2].Times = []int64{0, 86400e6, 2 * 86400e6, -1, tables.NoTime}
	for _, s := range []string{"x", "y", `q"q`, "NA", ""} {
		c[3].AppendText([]byte(s))
	}
	for _, s := range []string{"1e2", "20", "-5", "NA", ""} {
		c[4].AppendText([]byte(s))
	}
	for _, s := range []string{"2024-01-31", "2024-02-01T00:00:00+01:00", "true", "word", "null"} {
		c[5].AppendText([]byte(s))
	}
	c[6].Numbers = make([]float64, 5)
	return t
}

// Conditions choose the rows that SQL's rules of unknown choose.
func TestCondition(t *testing.T) {
	t.Parallel()
	tab := shop()
	for text, want := range map[string][]int{
		"price<100":                                    {0, 1, 3},
		"price <= 100 and price >= 1.0":                {0, 1, 2},
		"price = 1e0 or price == -3":                   {0, 3},
		"price != 1":                                   {1, 2, 3},
		"not price < 100":                              {2},
		"not (price < 100 or sold = true)":             nil,
		"price is null":                                {4},
		"price is not null and not sold = true":        {1, 3},
		"price < 100 or price is null":                 {0, 1, 3, 4},
		"PRICE IS NULL":                                nil, // no such column, below
		"sold = true":                                  {0, 2},
		"sold <> 1":                                    {1, 3},
		`day >= "1970-01-02"`:                          {1, 2},
		`day < '1970-01-01T00:00:00Z'`:                 {3},
		`day in ("1970-01-01", "1970-01-03T00:00")`:    {0, 2},
		`brand = "x" or brand = 'q"q'`:                 {0, 2},
		`brand = "q""q"`:                               {2},
		`brand != "x"`:                                 {1, 2, 3}, // NA is a text in a column of text
		`brand in ("x", "NA")`:                         {0, 3},
		`brand not in ("x", "NA")`:                     {1, 2},
		`brand > "m"`:                                  {0, 1, 2},
		"cell > 20":                                    {0},
		"cell in (100, -5)":                            {0, 2},
		`cell = "1e2"`:                                 {0},
		"cell is null":                                 {3, 4},
		"`a b``c` = \"2024-01-31T23:00Z\"":             {1},
		"`a b``c` = \"word\"":                          {3},
		"`a b``c` is not null and price>0":             {0, 1, 2},
		"price<100 and brand!=\"x\"":                   {1, 3},
		"price<2 or price>99 and sold=true":            {0, 2, 3},
		"(price<2 or price>99) AND NOT (sold = FALSE)": {0, 2},
		"not not price = 1":                            {0},
	} {
		c, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		m, err := c.Matcher(tab.Fields())
		if strings.HasPrefix(text, "PRICE") {
			if err == nil || !strings.Contains(err.Error(), `"PRICE"`) {
				t.Errorf("%s: %v, want no such column", text, err)
			}
			continue
		} else if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []int
		for row := range tab.Len() {
			ok, f := m.Match(tab, row)
			if f != nil {
				t.Errorf("%s: row %d: %v", text, row, f)
			}
			if ok {
				got = append(got, row)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s chooses %v, want %v", text, got, want)
		}
	}
}

// What cannot be compared is an error before rows are read where the file says so, and else a fault of the cell.
func TestIncomparable(t *testing.T) {
	t.Parallel()
	tab := shop()
	for text, want := range map[string]string{
		`price = "1"`:              `column "price", of type number, is compared with "1": expected a number`,
		`brand < 5`:                `column "brand", of type text, is compared with 5: expected a text between quotes`,
		`day > "tomorrow"`:         `column "day", of type timestamp, is compared with "tomorrow": expected a date`,
		`sold = "true"`:            "expected true or false",
		`list = 5`:                 "lists are not compared",
		"`a b``c` < 7":             `found "2024-01-31", expected a number, as it is compared with 7`,
		"`a b``c` < '2025-01-01'":  `found "true", expected a date`,
		"`a b``c` = true":          `found "2024-01-31", expected true or false`,
		"price<0 and `a b``c` = 0": `found "2024-01-31", expected a number`,
	} {
		c, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		if m, err := c.Matcher(tab.Fields()); err != nil {
			got = err.Error()
		} else {
			for row := 0; row < tab.Len() && got == ""; row++ {
				if _, f := m.Match(tab, row); f != nil {
					got = f.Error()
				}
			}
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// A condition that cannot be read says where.
func TestParseErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "at character 1: found the end, expected a column",
		"price":                      "at character 6: found the end, expected =, !=",
		"price < ":                   "at character 9: found the end, expected a number",
		"price < cost":               `at character 9: found "cost", expected a number, a text between quotes`,
		"prïce < 1 2":                `at character 11: found "2", expected and, or, or the end`,
		"price < 1 and":              "at character 14: found the end",
		"(price < 1":                 `expected and, or, or ")"`,
		"price = null":               "is null",
		"price in 5":                 `expected "("`,
		"price in (5":                `expected "," or ")"`,
		"price not 5":                "expected in",
		"price is 5":                 "expected null",
		"100 > price":                `at character 1: found "100", expected a column`,
		"and = 1":                    `at character 1: found "and"`,
		`price = "abc`:               `at character 9: found "\"abc", expected a number`,
		"price = 1x":                 `found "1x"`,
		"price = 1e999":              `found "1e999"`,
		`price < "12"`:               `at character 9: found "\"12\"", expected a number without quotes`,
		"price < true":               "expected a number without quotes",
		"price ~ 1":                  `found "~"`,
		"price = \xff":               "UTF-8",
		strings.Repeat("(", 101):     "at most 100 parentheses",
		strings.Repeat("not ", 1000): "at most 100 parentheses",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// A condition is the same after it was written and read.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"price<100", `a = "x""y" and (b not in (1, 'z', true) or not c is null)`, "`a b``` >= -1.5e-7 or not not x == false",
		"((a=1))", "a<>1and b=2",
		`a="é" or ` + "\n\t" + `b=.5`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		again, err := Parse(c.String())
		if err != nil || again.String() != c.String() || !slices.Equal(again.Columns(), c.Columns()) {
			t.Errorf("%q was written as %q and read as %v, %v", s, c, again, err)
		}
		fields := make([]tables.Field, len(c.columns))
		for i, name := range c.columns {
			fields[i] = tables.Field{Name: name, Type: tables.Cell}
		}
		m, err := c.Matcher(fields)
		if err != nil {
			t.Fatal(err)
		}
		tab := tables.New(fields)
		for i := range tab.Columns {
			tab.Columns[i].AppendText([]byte(s))
		}
		m.Match(tab, 0)
	})
}

// Ranks are the order of numbers, of dates or of text, across parts; the other rows' are where they would stand.
func TestOrder(t *testing.T) {
	t.Parallel()
	cells := func(texts ...string) *tables.Column {
		c := &tables.Column{Field: tables.Field{Name: "c", Type: tables.Cell}}
		for _, s := range texts {
			c.AppendText([]byte(s))
		}
		return c
	}
	for _, c := range []struct {
		points, queries []string
		want, limits    []int32
	}{
		{[]string{"10", "9", "-2", "", "9.0", "1e1", "-inf"}, []string{"9.5", "-3", "NA", "11", "9"},
			[]int32{3, 2, 1, -1, 2, 3, 0}, []int32{3, 1, -1, 4, 2}},
		{[]string{"2024-01-02", "2023-12-31T23:00:00Z", "2024-01-01T00:00:00+01:00"}, []string{"2024-01-01", "2025-01-01"},
			[]int32{1, 0, 0}, []int32{1, 2}},
		{[]string{"b", "a", "Z", "b"}, []string{"aa", ""}, []int32{2, 1, 0, 2}, []int32{2, -1}},
	} {
		var parts []Part
		for i := range c.points { // each row a part
			p := Part{File: "f", Column: "c"}
			if err := p.Add(cells(c.points[i]), []int64{int64(i)}); err != nil {
				t.Fatal(err)
			}
			b, err := p.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var back Part
			if err := back.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			parts = append(parts, back)
		}
		o, err := NewOrder(parts)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.Ranks(int64(len(c.points)), parts); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v: ranks %v, %v, want %v", c.points, got, err, c.want)
		}
		q := Part{File: "q", Column: "c"}
		numbers := make([]int64, len(c.queries))
		for i := range numbers {
			numbers[i] = int64(i)
		}
		if err := q.Add(cells(c.queries...), numbers); err != nil {
			t.Fatal(err)
		}
		if got, err := o.Ranks(int64(len(c.queries)), []Part{q}); err != nil || !slices.Equal(got, c.limits) {
			t.Errorf("%v: limits %v, %v, want %v", c.queries, got, err, c.limits)
		}
	}
	p := Part{File: "f", Column: "c", First: 100}
	if err := p.Add(cells("1", "2", "x"), []int64{100, 101, 102}); err == nil ||
		err.Error() != `f: row 2, column c: found "x", expected a number, as in the rows before: to be put in order all must be of one kind` {
		t.Error(err)
	}
}

// To a text, a cell of NA is missing as it is to a number, but for who asks for "NA"; and true, which is True of
// .jsonl, is the same however it is written, but where quotes say that it is a text.
func TestCellsAndTexts(t *testing.T) {
	t.Parallel()
	tab := tables.New([]tables.Field{{Name: "c", Type: tables.Cell}})
	c := &tab.Columns[0]
	for _, s := range []string{"True", "true", "false", "NA", "x", ""} {
		c.AppendText([]byte(s))
	}
	c.AppendQuoted([]byte("NA"))
	c.AppendQuoted([]byte("True"))
	for text, want := range map[string][]int{
		`c = "true"`:             {0, 1},
		`c = "TRUE"`:             {0, 1},
		`c = "True"`:             {0, 1, 7},
		`c != "true"`:            {2, 4, 6, 7},
		`not c = "true"`:         {2, 4, 6, 7},
		`c in ("x", "False")`:    {2, 4},
		`c not in ("x", "true")`: {2, 6, 7},
		`c = "NA"`:               {3, 6},
		`c != "NA"`:              {0, 1, 2, 4, 7},
		`c in ("x", "NA")`:       {3, 4, 6},
		`c not in ("x", "NA")`:   {0, 1, 2, 7},
		`c < "Z"`:                {0, 6, 7},
		`c is null`:              {3, 5},
	} {
		condition, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := condition.Matcher(tab.Fields())
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for row := range tab.Len() {
			ok, f := m.Match(tab, row)
			if f != nil {
				t.Errorf("%s: row %d: %v", text, row, f)
			}
			if ok {
				got = append(got, row)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s chooses %v, want %v", text, got, want)
		}
	}
}
