package vectorio

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
)

// Whichever fault a job has met, the first in the order of files and rows is found, and none where the rows before it
// are sound.
func TestFirstFault(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads hundreds of thousands of rows")
	}
	dir := t.TempDir()
	table := func(rows int, bad ...int) string {
		lines := make([]string, rows)
		for i := range lines {
			lines[i] = fmt.Sprintf("%d,%d", i, i)
		}
		for _, i := range bad {
			lines[i] = fmt.Sprintf("%d,x%d", i, i)
		}
		return "a,b\n" + strings.Join(lines, "\n") + "\n"
	}
	a := put(t, dir, "a.csv", table(300_000, 100_000, 100_007, 299_990)) // of four ranges
	b := put(t, dir, "b.csv", table(30, 0, 29))
	c := put(t, dir, "c.csv", table(30, 3))
	for _, rows := range []int{1000, 100_000} {
		d, err := Inspect(t.Context(), []string{dir + "/*.csv"}, Options{ChunkRows: rows})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []struct {
			file string
			row  int64
			want string
		}{
			{a, 99_999, "<nil>"},
			{a, 100_000, "a.csv: row 100000"},
			{a, 299_990, "a.csv: row 100000"},
			{b, 0, "a.csv: row 100000"},
			{c, 3, "a.csv: row 100000"},
			{"d.csv", 1, "<nil>"},
		} {
			f, err := d.FirstFault(t.Context(), q.file, q.row)
			got := "<nil>"
			if f != nil {
				got = strings.TrimPrefix(f.Error(), dir+"/")
			}
			if err != nil || !strings.HasPrefix(got, q.want) {
				t.Errorf("before row %d of %s: %s, %v; want %s", q.row, q.file, got, err, q.want)
			}
		}
	}
	d, err := Inspect(t.Context(), []string{b, c}, Options{SkipFaults: true})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := d.FirstFault(t.Context(), c, 3); f != nil || err != nil {
		t.Errorf("where rows at fault are left out: %v, %v", f, err)
	}
}

// A row comes before a target that is at fault, and the other way round.
func TestFirstFaultOfTargets(t *testing.T) {
	dir := t.TempDir()
	values := column(0, 40)
	values[25] = math.NaN() // in the second file
	put(t, dir, "x0.npy", npy("(20, 1)", values[:20]...))
	put(t, dir, "x1.npy", npy("(20, 1)", values[20:]...))
	targets := column(0, 40)
	targets[24], targets[30] = math.Inf(-1), math.Inf(1)
	y := put(t, dir, "y.npy", npy("(40,)", targets...))
	d, err := Inspect(t.Context(), []string{dir + "/x*.npy"},
		Options{ChunkRows: 3, Targets: []string{y}, Formats: formats.Options{DType: vectors.Float64}})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		file string
		row  int64
		want string
	}{
		{y, 30, "y.npy: row 24"}, {y, 24, "y.npy: row 24"}, {y, 23, ""}, {dir + "/x1.npy", 5, "y.npy: row 24"},
		{dir + "/x0.npy", 19, ""},
	} {
		f, err := d.FirstFault(t.Context(), q.file, q.row)
		if err != nil || (f == nil) != (q.want == "") ||
			f != nil && !strings.HasPrefix(strings.TrimPrefix(f.Error(), dir+"/"), q.want) {
			t.Errorf("before row %d of %s: %v, %v; want %s", q.row, q.file, f, err, q.want)
		}
		if file, row, ok := fault.Place(fmt.Sprint(f)); f != nil && (file != f.File || row != f.Row || !ok) {
			t.Errorf("%v has the place %s, %d", f, file, row)
		}
	}
}
