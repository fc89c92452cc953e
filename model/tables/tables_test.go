package tables

import (
	"math"
	"testing"
)

// Every type of column counts its cells, gives them back, and loses those that are cut.
func TestTable(t *testing.T) {
	tab := New([]Field{{Name: "n"}, {Name: "b", Type: Bool}, {Name: "t", Type: Time}, {Name: "s", Type: Text},
		{Name: "c", Type: Cell}, {Name: "l", Type: List, Width: 2}})
	c := tab.Columns
	c[0].Numbers = append(c[0].Numbers, 1.5)
	c[1].Numbers = append(c[1].Numbers, 1)
	c[2].Times = append(c[2].Times, 7)
	c[3].AppendText([]byte("one"))
	c[4].AppendText([]byte("two"))
	c[5].Numbers = append(c[5].Numbers, 3, 4)
	for i := range c {
		c[i].AppendMissing()
	}
	c[4].cut(1)
	c[4].AppendQuoted([]byte("12"))
	if tab.Len() != 2 {
		t.Fatalf("%d rows", tab.Len())
	}
	for i := range c {
		if c[i].Len() != 2 {
			t.Errorf("%s has %d cells", c[i].Name, c[i].Len())
		}
	}
	if got := c[5].List(0); got[0] != 3 || got[1] != 4 || !math.IsNaN(c[5].List(1)[1]) || !math.IsNaN(c[0].Numbers[1]) ||
		c[2].Times[1] != NoTime {
		t.Error("lists, numbers and times are not what was appended")
	}
	if string(c[3].Text(0)) != "one" || len(c[3].Text(1)) != 0 || string(c[4].Text(1)) != "12" || c[4].IsQuoted(0) ||
		!c[4].IsQuoted(1) {
		t.Error("texts are not what was appended")
	}
	c[0].Numbers = append(c[0].Numbers, 9) // a row that is not finished
	tab.Cut(1)
	if tab.Len() != 1 || c[4].IsQuoted(1) || string(c[3].Text(0)) != "one" {
		t.Error("cut")
	}
	for i := range c {
		if c[i].Len() != 1 {
			t.Errorf("%s has %d cells after a cut", c[i].Name, c[i].Len())
		}
	}
	if tab.Reset(); tab.Len() != 0 || len(c[3].Bytes) != 0 {
		t.Error("reset")
	}
	if tab.Fields()[5] != (Field{Name: "l", Type: List, Width: 2}) || Time.String() != "timestamp" ||
		Type(99).String() != "Type(99)" {
		t.Error("fields and names")
	}
}
