package formats

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// Tables that numpy and pyarrow have written are what they read back (testdata/tables.py), in spans of any size.
func TestTables(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/tables/tables.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		File, Array, IDColumn, TargetColumn string
		Columns, IDs, LeftOut               []string
		Labels                              *[]string
		Rows                                [][]float64
		Fault                               string
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 60 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		o := Options{Array: c.Array, IDColumn: c.IDColumn, TargetColumn: c.TargetColumn, Labels: c.Labels != nil,
			Columns: c.Columns}
		name := filepath.Join("testdata/tables", c.File)
		for _, size := range []int64{1, 5, 7, 100} {
			if brief() && size%5 != 0 {
				continue
			}
			block, left, err := loadInSpans(t, name, size, o)
			if c.Fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.Fault) || !strings.HasPrefix(err.Error(), name) {
					t.Errorf("%s: %v\nwant %s", c.File, err, c.Fault)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %+v: %v", c.File, o, err)
				break
			}
			row := make([]float64, block.Dim)
			for i, want := range c.Rows {
				if i >= block.Len() || !slices.Equal(block.Row(i, row), want) {
					t.Errorf("%s, row %d of %d: %v, want %v", c.File, i, block.Len(), row, want)
					break
				}
				if c.IDs != nil && block.ID(i).String() != c.IDs[i] || c.IDs == nil && block.Numbers[i] != int64(i) {
					t.Errorf("%s, row %d: id %v", c.File, i, block.ID(i))
				}
			}
			if block.Len() != len(c.Rows) || c.Labels != nil && !slices.Equal(block.Labels, *c.Labels) {
				t.Errorf("%s: %d rows, want %d, labels %q", c.File, block.Len(), len(c.Rows), block.Labels)
			}
			if want := strings.Join(c.LeftOut, ", "); want != "" && left != "left out: "+want {
				t.Errorf("%s: %q, want %s", c.File, left, want)
			}
		}
	}
}

// loadInSpans reads a file span by span, and says what is left out.
func loadInSpans(t *testing.T, name string, size int64, o Options) (*vectors.Block, string, error) {
	t.Helper()
	f, err := OpenLocal(name)
	if err != nil {
		t.Fatal(err)
	}
	src, err := Inspect(t.Context(), f, o)
	if err != nil {
		return nil, "", err
	}
	var left Left
	left.Add(src)
	b := &vectors.Block{Dim: src.Dim()}
	for _, s := range append(CutSource(src, size, size), Cut(src.Rows(), size)...) {
		if b.Len() == int(src.Rows()) {
			b.Reset() // the second way to cut
		}
		if err := readSpan(t.Context(), src, s, b); err != nil {
			return nil, "", err
		}
	}
	return b, LeftOut(left.Columns), nil
}
