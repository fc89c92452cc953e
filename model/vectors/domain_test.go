package vectors

import (
	"math"
	"slices"
	"testing"
)

// The first bound that a row does not keep is told, with the column and the value.
func TestDomain(t *testing.T) {
	d := Domain{
		{Column: 0, Low: -90, High: 90, Expected: "a latitude"},
		{Column: 1, Low: 0, High: 5, Above: true, Expected: "above 0"},
		{Column: EveryColumn, Low: -100, High: 100, Whole: true, Expected: "whole"},
		{Column: TheTarget, Low: 0, High: math.MaxFloat64, Expected: "a target"},
	}
	for _, sparse := range []bool{false, true} {
		b := &Block{Dim: 3}
		if sparse {
			b.Sparse = &CSR{}
		}
		for _, c := range []struct {
			row      []float64
			target   float64
			column   int
			expected string
		}{
			{[]float64{90, 5, 100}, 0, 0, ""},
			{[]float64{91, 0, 100}, 0, 0, "a latitude"},
			{[]float64{-90, 0, 1}, 0, 1, "above 0"},
			{[]float64{0, 1, 101}, -1, 2, "whole"},
			{[]float64{0, 1, 0.5}, 1, 2, "whole"},
			{[]float64{0, 1, 7}, -1, TheTarget, "a target"},
			{[]float64{0, 1, 7}, math.NaN(), 0, ""},
		} {
			b.Append(c.row, 0)
			b.Target = append(b.Target, c.target)
			broken, column, found := d.Fault(b, b.Len()-1, make([]float64, 3))
			want := c.target
			if c.column >= 0 {
				want = c.row[c.column]
			}
			switch {
			case broken == nil && c.expected != "":
				t.Errorf("%v: no fault, want %s", c.row, c.expected)
			case broken != nil && (broken.Expected != c.expected || column != c.column || found != want):
				t.Errorf("%v: %s in %d, found %v, want %s in %d, %v", c.row, broken.Expected, column, found, c.expected, c.column,
					want)
			}
		}
	}
}

// What is left of a block are its other rows, with all that belongs to them.
func TestRemove(t *testing.T) {
	for _, rows := range [][]int{nil, {0}, {4}, {1, 2}, {0, 2, 4}, {0, 1, 2, 3, 4}} {
		for name, b := range map[string]*Block{"narrow": {Dim: 2}, "wide": {Dim: 2, DType: Float64},
			"sparse": {Dim: 2, Sparse: &CSR{}}} {
			want := &Block{Dim: 2, DType: b.DType}
			for i := range 5 {
				for to, is := range map[*Block]bool{b: true, want: !slices.Contains(rows, i)} {
					if is {
						to.Append([]float64{float64(i), float64(i % 2)}, int64(10*i))
						to.AppendID(ID{Text: string(rune('a' + i))})
						to.Target, to.Weights = append(to.Target, float64(-i)), append(to.Weights, float64(2*i))
					}
				}
			}
			b.Remove(rows)
			b.Append([]float64{9, 9}, 9) // it can be appended to
			want.Append([]float64{9, 9}, 9)
			if !slices.Equal(b.Numbers, want.Numbers) || !slices.Equal(b.Target, want.Target) ||
				!slices.Equal(b.Weights, want.Weights) ||
				!slices.Equal(b.IDs.Texts, want.IDs.Texts) {
				t.Fatalf("%s without %v: got %v %v %v %v, want %v %v %v %v", name, rows, b.Numbers, b.Target, b.Weights,
					b.IDs.Texts,
					want.Numbers, want.Target, want.Weights, want.IDs.Texts)
			}
			for i := range want.Len() {
				if got, is := b.Row(i, make([]float64, 2)), want.Row(i, make([]float64, 2)); !slices.Equal(got, is) {
					t.Errorf("%s without %v: row %d is %v, want %v", name, rows, i, got, is)
				}
			}
		}
	}
}
