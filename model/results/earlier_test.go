package results

import (
	"fmt"
	"testing"
)

// A file is known for one of an earlier output by what it holds, of this layout and no other, in whatever form the
// neighbours stood.
func TestMayBeOf(t *testing.T) {
	rows := someRows(t, false)
	one := Layout{Features: &Features{Dim: 1, Names: []string{"width"}}}
	table := Layout{Columns: []Column{{Name: "half", Type: Float}}}
	other := Layout{Columns: []Column{{Name: "age", Type: Int}}}
	near := Layout{K: 2}
	for _, f := range All {
		all := rowsLayout
		if f == npyFormat {
			all = Layout{Features: &Features{Dim: 3, Names: rowsLayout.Features.Names}}
		}
		files := map[string][]byte{"rows": assembleRows(t, f.Name, rows, all)}
		layouts := map[string]Layout{"rows": all, "one": one}
		for name, l := range map[string]Layout{"table": table, "other": other} {
			layouts[name] = l
			files[name] = writeTable(t, f, l, makeTable(3, l, number), 1)
		}
		layouts["near"] = near
		for _, form := range Forms {
			l := Layout{K: 2, Form: form}
			if f.Check(l) == nil {
				shape := shapes[0]
				shape.k = 2
				for i, b := range shape.make(3).write(t, f, l, 1) {
					files[fmt.Sprint("near", form, i)] = b
				}
			}
		}
		for made, b := range files {
			for name, l := range layouts {
				want := name == made || name == "near" && (len(made) > 5 || f == npyFormat) // whose files have names of their own
				if got := f.MayBeOf(l, b[:min(len(b), HeadBytes)], b[max(0, len(b)-TailBytes):]); got != want {
					t.Errorf("%s: %s may be of %s: %v", f.Name, made, name, got)
				}
			}
		}
	}
	if !svmFormat.MayBeOf(rowsLayout, nil, nil) || !csrFormat.MayBeOf(rowsLayout, nil, nil) {
		t.Error("what does not tell")
	}
	if !csvFormat.MayBeOf(one, []byte("width\n1\n"), nil) || csvFormat.MayBeOf(one, []byte("width,y\n1,2\n"), nil) ||
		!jsonlFormat.MayBeOf(one, []byte(`{"width":1}`), nil) {
		t.Error("a single column")
	}
}
