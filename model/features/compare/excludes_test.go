package compare

import (
	"testing"

	"beamlearn/model/tables"
)

// A condition excludes a directory only where none of its rows can meet it, whatever the other columns are: what is not
// known may be true, and so may a comparison that is a fault, which the rows are read for.
func TestExcludes(t *testing.T) {
	t.Parallel()
	known := tables.New([]tables.Field{{Name: "month", Type: tables.Number}, {Name: "place", Type: tables.Text},
		{Name: "none", Type: tables.Text}})
	known.Columns[0].Numbers = []float64{3}
	known.Columns[1].AppendText([]byte("lima"))
	known.Columns[2].AppendText(nil)
	for text, want := range map[string]bool{
		"month = 3":                              false,
		"month = 4":                              true,
		"month in (1, 2)":                        true,
		"month not in (1, 2)":                    false,
		"not month = 3":                          true,
		`place = "lima"`:                         false,
		`place > "lima"`:                         true,
		`none = "x"`:                             true, // unknown, which is not true
		`not none = "x"`:                         true,
		"none is null":                           false,
		"none is not null":                       true,
		"price < 5":                              false,
		"month = 3 and price < 5":                false,
		"month = 4 and price < 5":                true,
		"month = 4 or price < 5":                 false,
		"not (month = 3 or price < 5)":           true,
		"not (month = 3 and price < 5)":          false,
		"not (month = 4 and price < 5)":          false,
		`(month > 3 or place = "quito") and a=1`: true,
		`not (not month = 4)`:                    true,
		"place = 5":                              false, // a fault of every row
		"place = 5 and month = 4":                true,
	} {
		c, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Excludes(known); got != want {
			t.Errorf("%s excludes: %v, want %v", text, got, want)
		}
	}
}
