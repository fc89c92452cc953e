package vectorio

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// readSeveral reads all rows of a file with the targets.
func readSeveral(t *testing.T, name string, o Options) (*Dataset, *vectors.Block, error) {
	t.Helper()
	ctx := context.Background()
	o.EnsureDefaults()
	d, err := Inspect(ctx, []string{name}, o)
	if err != nil {
		return nil, nil, err
	}
	d.Reads(&o)
	all := o.NewBlock(d.Dim)
	err = d.Each(ctx, o, func(b *vectors.Block) error {
		all.AppendBlock(b)
		return nil
	})
	return d, all, err
}

// Targets come from columns wherever they stand, by names, indices and globs, and leave the vector; ids and weights stay
// with their rows.
func TestSeveralTargets(t *testing.T) {
	dir := t.TempDir()
	named, plain := filepath.Join(dir, "named.csv"), filepath.Join(dir, "plain.csv")
	rows := []string{"7,1,0.1,2,3,5", "8,4,0.2,5,6,9"}
	for name, text := range map[string]string{
		named: "id,y1,a,w,y2,b\n" + strings.Join(rows, "\n") + "\n", plain: strings.Join(rows, "\n") + "\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		file, targets, columns, id, weight string
		names                              []string
		first                              []float64 // of the vector and then the targets, of row 0
	}{
		{named, "y1,y2", "", "id", "w", []string{"y1", "y2"}, []float64{0.1, 5, 1, 3}},
		{named, "y2,y1", "", "id", "w", []string{"y2", "y1"}, []float64{0.1, 5, 3, 1}},
		{named, "y*", "b,a", "id", "w", []string{"y1", "y2"}, []float64{5, 0.1, 1, 3}},
		{named, "1,4", "!a", "id", "w", []string{"y1", "y2"}, []float64{5, 1, 3}},
		{plain, "1,4", "", "0", "3", []string{"1", "4"}, []float64{0.1, 5, 1, 3}},
		{plain, "4-5", "2,1", "0", "3", []string{"4", "5"}, []float64{0.1, 1, 3, 5}},
		{plain, "4", "!2", "0", "", []string{"4"}, []float64{1, 2, 5, 3}},
	} {
		t.Run(fmt.Sprint(filepath.Base(c.file), " ", c.targets, " ", c.columns), func(t *testing.T) {
			o := Options{TargetColumns: strings.Split(c.targets, ",")}
			o.Formats.IDColumn, o.Formats.WeightColumn = c.id, c.weight
			if c.columns != "" {
				o.Formats.Columns = strings.Split(c.columns, ",")
			}
			d, b, err := readSeveral(t, c.file, o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(d.TargetNames, c.names) {
				t.Errorf("targets %v, want %v", d.TargetNames, c.names)
			}
			got := slices.Clone(b.Row(0, make([]float64, b.Dim)))
			for k := range b.Targets {
				got = append(got, b.Targets[k].Numbers[0])
			}
			if !slices.Equal(got, c.first) {
				t.Errorf("row 0 is %v, want %v", got, c.first)
			}
			if b.Len() != 2 || b.IDs.At(1).Int != 8 || c.weight != "" && b.Weights[1] != 5 {
				t.Errorf("%d rows, ids %v, weights %v", b.Len(), b.IDs, b.Weights)
			}
		})
	}
	for targets, want := range map[string]string{
		"y1,zz": `"zz"`, "y1,y1": "each column once", "y1,id": "a column of its own", "y1,w": "the column w for both", "*": "",
	} {
		o := Options{TargetColumns: strings.Split(targets, ",")}
		o.Formats.IDColumn, o.Formats.WeightColumn = "id", "w"
		if _, _, err := readSeveral(t, named, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", targets, err)
		}
	}
}

// Cells of a table become numbers or labels; a row that lacks one is left out, or kept, and counted.
func TestSeveralTargetsOfTables(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(name, []byte("y1,a,y2\n1,x,yes\n,y,no\n2,z,\n3,x,no\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, keeps := range []bool{false, true} {
		o := Options{TargetColumns: []string{"y1", "y2"}}
		o.Formats.Cells, o.Formats.Labels, o.Formats.Untargeted = true, true, keeps
		o.EnsureDefaults()
		d, err := Inspect(context.Background(), []string{name}, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Fields) != 1 || d.Fields[0].Name != "a" {
			t.Errorf("fields %v", d.Fields)
		}
		d.Reads(&o)
		var first, second []string
		var numbers []int64
		err = d.Each(context.Background(), o, func(b *vectors.Block) error {
			if n := len(b.Cells.Columns); n != 1 || b.Cells.Len() != b.Len() {
				t.Errorf("%d columns, %d cells of %d rows", n, b.Cells.Len(), b.Len())
			}
			first, second = append(first, b.Targets[0].Labels...), append(second, b.Targets[1].Labels...)
			numbers = append(numbers, b.Numbers...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%q %q %v", first, second, numbers)
		want := `["1" "3"] ["yes" "no"] [0 3]`
		if keeps {
			want = `["1" "" "2" "3"] ["yes" "no" "" "no"] [0 1 2 3]`
		}
		if got != want {
			t.Errorf("keeps %v: %s, want %s", keeps, got, want)
		}
	}
	o := Options{TargetColumns: []string{"y1", "y2"}}
	o.Formats.Cells = true // y2 has no numbers
	if _, _, err := readSeveral(t, name, o); err == nil || !strings.Contains(err.Error(), "y2") {
		t.Errorf("a label among numbers: %v", err)
	}
}

// Targets that are among the columns asked for are left out of the vector, with a note.
func TestSeveralTargetsAskedFor(t *testing.T) {
	dir := t.TempDir()
	named, plain := filepath.Join(dir, "named.csv"), filepath.Join(dir, "plain.csv")
	for name, text := range map[string]string{named: "y1,a,y2\n1,2,3\n4,5,7\n", plain: "1,2,3\n4,5,7\n"} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ file, targets, columns, note string }{
		{named, "y1,y2", "a,y2", "y2 (target)"}, {named, "y1,y2", "*", "y1 (target), y2 (target)"},
		{named, "y1,y2", "", ""}, {named, "y1,y2", "!y2", ""},
		{plain, "0,2", "1-2", "2 (target)"}, {plain, "0,2", "!2", ""},
	} {
		o := Options{TargetColumns: strings.Split(c.targets, ",")}
		if c.columns != "" {
			o.Formats.Columns = strings.Split(c.columns, ",")
		}
		d, b, err := readSeveral(t, c.file, o)
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(d.Notes(), "\n")
		if b.Dim != 1 || strings.Contains(notes, "columns asked for") != (c.note != "") || !strings.Contains(notes, c.note) {
			t.Errorf("%+v: %d columns, notes %q", c, b.Dim, notes)
		}
	}
}
