package linear

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"beamlearn/transforms/vectorio"
)

// Rows for a model to go on from have its features in its order, whatever that of the file; other names are left as
// they are, for the fit to refuse.
func TestWarmStartByName(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(name, []byte("b,y,a\n2,0,1\n4,1,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names, want []string
		row         []float32
	}{
		{nil, []string{"b", "a"}, []float32{2, 1, 4, 3}}, {[]string{"a", "b"}, []string{"a", "b"}, []float32{1, 2, 3, 4}},
		{[]string{"a", "c"}, []string{"b", "a"}, []float32{2, 1, 4, 3}},
		{[]string{"a"}, []string{"b", "a"}, []float32{2, 1, 4, 3}},
	} {
		o, reading := Options{Model: "m.json", Names: c.names}, vectorio.Options{}
		o.EnsureDefaults()
		reading.Formats.TargetColumn = "y"
		d, err := Inspect(t.Context(), []string{name}, 0, &o, &reading)
		if err != nil {
			t.Fatal(err)
		}
		b, err := d.Head(t.Context(), 2, reading)
		if err != nil || !slices.Equal(d.Columns, c.want) || !slices.Equal(b.F32, c.row) {
			t.Errorf("%q: %q, %v, %v", c.names, d.Columns, b, err)
		}
	}
}
