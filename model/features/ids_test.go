package features

import (
	"fmt"
	"strings"
	"testing"

	"beamlearn/model/tables"
)

// A column of many texts is asked whether it is an id where none is there twice, and not where one is.
func TestHintOfIDs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		texts []string
		min   int
		want  bool
	}{
		"all different":  {many(12), 0, true},
		"one twice":      {append(many(12), "v3"), 0, false},
		"few":            {many(10), 0, false},
		"all rare":       {many(12), 2, false},
		"one rare alone": {append(append(many(12), many(11)...), many(11)...), 2, false},
	} {
		e := encodingOf(t, Options{MinFrequency: c.min}, table(textsOf("x", c.texts...)))
		if why := e.Columns()[0].Why; strings.Contains(why, "is it an id?") != c.want {
			t.Errorf("%s: %s", name, why)
		}
	}
}

// many are so many texts that differ.
func many(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("v", i))
	}
	return all
}

// Columns of a name that the model does not need may be there twice, wherever they stand; one that it needs may not.
func TestNamesThatAreThereTwice(t *testing.T) {
	t.Parallel()
	e := encodingOf(t, Options{}, table(numbersOf("x", 1, 2, 4), numbersOf("y", 3, 1, 5)))
	twice := table(numbersOf("a", 7), numbersOf("a", 8), numbersOf("y", 3), numbersOf("x", 1))
	enc, err := e.Encoder(twice.Fields())
	if err != nil {
		t.Fatal(err)
	}
	b := vectorsFor(e)
	if err := enc.Encode(b, twice, 0, 0); err != nil {
		t.Fatal(err)
	}
	want, _ := encoded(t, e, table(numbersOf("x", 1), numbersOf("y", 3)))
	if got := fmt.Sprint(b.Sparse); got != fmt.Sprint(want.Sparse) {
		t.Errorf("got %s, want %v", got, want.Sparse)
	}
	fields := table(numbersOf("x", 1), numbersOf("y", 3), numbersOf("x", 1)).Fields()
	if _, err := e.Encoder(fields); err == nil || !strings.Contains(err.Error(), `two columns have the name "x"`) {
		t.Error(err)
	}
}

// Lists of another width than those before are told with the name of their column.
func TestWidthOfLists(t *testing.T) {
	t.Parallel()
	lists := func(width int) *tables.Table {
		c := tables.Column{Field: tables.Field{Name: "v", Type: tables.List, Width: width}}
		for i := range 2 * width {
			c.Numbers = append(c.Numbers, float64(i*i))
		}
		return table(c)
	}
	s, err := NewSurvey(lists(2).Fields(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(lists(2)); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(lists(3)); err == nil || !strings.HasPrefix(err.Error(), `column "v": `) {
		t.Errorf("lists of 3 after lists of 2: %v", err)
	}
}

// Columns that are left out have no entries, so that they are no reason for dense rows.
func TestSparseBesideLeftOut(t *testing.T) {
	t.Parallel()
	columns := []tables.Column{textsOf("x", many(4)...)} // 4 features, one entry a row
	for i := range 8 {
		columns = append(columns, textsOf(fmt.Sprint("constant", i), "a", "a", "a", "a"))
	}
	if e := encodingOf(t, Options{}, table(columns...)); e.Dim() != 4 || !e.Sparse() {
		t.Errorf("%d features, sparse %v", e.Dim(), e.Sparse())
	}
}
