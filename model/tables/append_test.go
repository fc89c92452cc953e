package tables

import (
	"fmt"
	"slices"
	"testing"
)

// cells are those of a column, as text.
func cells(c *Column) (all []string) {
	for i := range c.Len() {
		switch c.Type {
		case Time:
			all = append(all, fmt.Sprint(c.Times[i]))
		case Text, Cell:
			all = append(all, fmt.Sprintf("%s %v", c.Text(i), c.IsQuoted(i)))
		case List:
			all = append(all, fmt.Sprint(c.List(i)))
		default:
			all = append(all, fmt.Sprint(c.Numbers[i]))
		}
	}
	return all
}

// A range of the cells of a column is appended as it stands, wherever it begins and ends, behind whatever is there.
func TestAppendRange(t *testing.T) {
	t.Parallel()
	for _, field := range []Field{{Name: "n"}, {Name: "b", Type: Bool}, {Name: "t", Type: Time}, {Name: "s", Type: Text},
		{Name: "c", Type: Cell}, {Name: "l", Type: List, Width: 2}} {
		d := &Column{Field: field}
		for i := range 6 {
			switch field.Type {
			case Time:
				d.Times = append(d.Times, int64(10*i))
			case Text:
				d.AppendText([]byte("text"[:i%5]))
			case Cell:
				if i == 1 || i == 3 { // the last cells are not marked
					d.AppendQuoted([]byte("q"))
				} else {
					d.AppendText([]byte("cell"[:i%5]))
				}
			case List:
				d.Numbers = append(d.Numbers, float64(i), -float64(i))
			default:
				d.Numbers = append(d.Numbers, float64(i%2))
			}
		}
		d.AppendMissing()
		all := cells(d)
		for lo := range 8 {
			for hi := lo; hi <= 7; hi++ {
				for _, before := range []int{0, 1, 2} {
					c := &Column{Field: field}
					want := slices.Clone(all[4 : 4+before])
					c.AppendRange(d, 4, 4+before)
					c.Grow(hi - lo) // room alone, no cells
					c.AppendRange(d, lo, hi)
					c.AppendRange(d, 1, 2)
					if want = append(append(want, all[lo:hi]...), all[1]); !slices.Equal(cells(c), want) {
						t.Errorf("%s, cells %d to %d behind %d: %q, want %q", field.Name, lo, hi, before, cells(c), want)
					}
				}
			}
		}
	}
}
