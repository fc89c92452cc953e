package formats

import (
	"context"
	"reflect"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// TestCSVFirstRowAtFault checks that the first row of data is like any other where it is at fault: columns of text are
// left out, and a table without a header has as many columns as most of its rows.
func TestCSVFirstRowAtFault(t *testing.T) {
	for _, c := range []struct {
		data    string
		columns []string
		dim     int
	}{
		{"a,b,name\n\"e\"e,1,x\n1,2,y\n3,4,z\n", []string{"a", "b"}, 2},
		{"a,b,name\n7\n1,2,y\n3,4,z\n", []string{"a", "b"}, 2},
		{"a,b,name\n7,1,x,2\n1,2,y\n3,4,z\n", []string{"a", "b"}, 2},
		{"7\n1,2\n3,4\n", nil, 2},
		{"7,8,9\n1,2\n3,4\n", nil, 2},
		{"x,8,9\n1,2\n3,4\n", nil, 2},
	} {
		o := Options{}
		if c.columns == nil {
			o.Header = HeaderNo
		}
		src, err := inspectText(c.data, "f.csv", o)
		if err != nil {
			t.Errorf("%q: %v", c.data, err)
			continue
		}
		if src.Dim() != c.dim || !reflect.DeepEqual(src.Columns(), c.columns) {
			t.Errorf("%q: %d columns, %q", c.data, src.Dim(), src.Columns())
			continue
		}
		spans, err := Spans(context.Background(), src)
		if err != nil {
			t.Fatal(err)
		}
		r, err := src.Read(context.Background(), spans[0])
		if err != nil {
			t.Fatal(err)
		}
		b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64}
		if f, ok := fault.IsRow(r.Read(b, 10)); !ok || f.Row != 0 {
			t.Errorf("%q: row 0 is not at fault: %v", c.data, f)
		}
		if err := r.Read(b, 10); err != nil || !reflect.DeepEqual(b.F64, []float64{1, 2, 3, 4}) ||
			!reflect.DeepEqual(b.Numbers, []int64{1, 2}) {
			t.Errorf("%q: rows %v, %v, %v", c.data, b.Numbers, b.F64, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
