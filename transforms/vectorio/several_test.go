package vectorio

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
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

// Targets come from columns wherever they stand, by names, indices and globs, and leave the vector; ids and weights
// stay with their rows.
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
		"y1,zz": `"zz"`, "y1,y1": "each column once", "y1,id": "a column of its own", "y1,w": "the column w for both",
		"*": "",
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

// What cannot be several targets is refused in a line: another number of columns beside them than
// asked for, none beside them, and files of which only some name their columns.
func TestSeveralTargetsRefused(t *testing.T) {
	dir := t.TempDir()
	named, plain := filepath.Join(dir, "named.csv"), filepath.Join(dir, "plain.csv")
	mixed := filepath.Join(dir, "*.csv")
	for name, text := range map[string]string{named: "a,b,c,d\n1,2,3,4\n4,5,7,8\n", plain: "1,2,3,4\n4,5,7,8\n"} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		file, targets string
		features      int
		want          string
	}{
		{plain, "0-3", 0, "at least one column for the vector"},
		{named, "a,b,c,d", 0, "at least one column for the vector"},
		{named, "a,b", 3, "found 2 columns beside the targets, expected 3 features"},
		{mixed, "0,1", 0, "names of columns in all files"},
	} {
		o := Options{TargetColumns: strings.Split(c.targets, ",")}
		o.Formats.Features = c.features
		if _, _, err := readSeveral(t, c.file, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s: %v\nwant %s", c.targets, filepath.Base(c.file), err, c.want)
		}
	}
	o := Options{TargetColumns: []string{"0-2", "!1"}}
	if d, _, err := readSeveral(t, plain, o); err != nil || !slices.Equal(d.TargetNames, []string{"0", "2"}) {
		t.Errorf("0-2 but for 1: %v", err)
	}
}

// A number that float64 does not hold, or that no model learns from, is at fault, and named by its row's id; what may
// be the name of a class is one.
func TestSeveralTargetsCells(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.csv")
	for _, c := range []struct {
		labels     bool
		cell, want string // of the labels, or of the fault
	}{
		{true, "None", `["1" "None"]`}, {true, "?", `["1" "?"]`}, {true, "NA", `["1"]`},
		{false, "None", "[1]"}, {false, "-7", "[1 -7]"},
		{false, "1e999", "id q: +Inf"}, {true, "18014398509481984", `["1" "18014398509481984"]`},
	} {
		if err := os.WriteFile(name, []byte("id,a,y1,y2\np,x,1,5\nq,y,"+c.cell+",6\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		o := Options{TargetColumns: []string{"y1", "y2"}}
		o.Formats.Cells, o.Formats.Labels, o.Formats.IDColumn = true, c.labels, "id"
		o.EnsureDefaults()
		d, err := Inspect(t.Context(), []string{name}, o)
		if err != nil {
			t.Fatal(err)
		}
		d.Reads(&o)
		var got string
		err = d.Each(t.Context(), o, func(b *vectors.Block) error {
			if got = fmt.Sprint(b.Targets[0].Numbers); c.labels {
				got = fmt.Sprintf("%q", b.Targets[0].Labels)
			}
			return nil
		})
		if err != nil {
			var f *fault.Fault
			if got = err.Error(); errors.As(err, &f) {
				got = "id " + f.ID + ": " + f.Found
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s, labels %v: %s, want %s", c.cell, c.labels, got, c.want)
		}
	}
}

// Where rows at fault are skipped, the others keep their own targets and their numbers in the dataset, in every chunk:
// a row whose second target is at fault leaves nothing of its first.
func TestSeveralTargetsSkip(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.csv")
	var text strings.Builder
	text.WriteString("y1,a,y2\n")
	for i := range 40 {
		y2 := fmt.Sprint(100 + i)
		if i%7 == 3 {
			y2 = "bad"
		}
		fmt.Fprintf(&text, "%d,%d,%s\n", i, 200+i, y2)
	}
	if err := os.WriteFile(name, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, cells := range []bool{false, true} {
		o := Options{TargetColumns: []string{"y1", "y2"}, SkipFaults: true, ChunkRows: 8}
		o.Formats.Cells = cells
		o.EnsureDefaults()
		d, err := Inspect(context.Background(), []string{name}, o)
		if err != nil {
			t.Fatal(err)
		}
		d.Reads(&o)
		var got []string
		err = d.Each(context.Background(), o, func(b *vectors.Block) error {
			for i, n := range b.Numbers {
				got = append(got, fmt.Sprint(n, b.Targets[0].Numbers[i], b.Targets[1].Numbers[i]))
			}
			if n := len(b.Targets[0].Numbers); n != b.Len() {
				t.Errorf("cells %v: %d first targets of %d rows", cells, n, b.Len())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range 40 {
			if i%7 != 3 {
				want = append(want, fmt.Sprint(int64(i), float64(i), float64(100+i)))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("cells %v: rows and targets\n%v\nwant\n%v", cells, got, want)
		}
	}
}
