package knn

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/vectorio"
)

// keptIndex writes an index of n points on a line, whose ids are given, or are their numbers.
func keptIndex(t *testing.T, path string, n int, ids []string, note Note) {
	t.Helper()
	b := &vectors.Block{Dim: 1}
	for i := range n {
		b.Append([]float64{float64(i)}, int64(i))
		if ids != nil {
			b.AppendID(vectors.ParseID(ids[i]))
		}
	}
	x, err := neighbors.Fit(b, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if note.Total == 0 {
		note.Total = int64(n)
	}
	data, err := json.Marshal(note)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := x.WriteFile(f, data); err != nil {
		t.Fatal(err)
	}
}

// column is a .npy file of one column.
func column[T any](descr string, convert func(float64) T, values ...float64) string {
	var rows [][]float64
	for _, v := range values {
		rows = append(rows, []float64{v})
	}
	return string(npyOf(rows, descr, convert))
}

func same(v float64) float64 { return v }

// Ids to delete are read as they stand in a file, whatever its header, and those that no point has are told.
func TestInspectDeleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := []string{filepath.Join(dir, "names.index"), filepath.Join(dir, "numbers.index")}
	keptIndex(t, name[0], 6, []string{"a", "b", "007", "7", "id", "b"}, Note{Formats: formats.Options{IDColumn: "item"}})
	keptIndex(t, name[1], 6, nil, Note{})
	for i, c := range []struct {
		index int
		file  string
		data  string
		want  string // the positions, or a fault
	}{
		{0, "x.csv", "item\nb\na\nb\n", "[0 1 5]"},
		{0, "x.csv", "other,item\n1,a\n2,7\n", "[0 3]"},
		{0, "x.csv", "item\n007\n", "[2]"},
		{0, "x.csv", "item\nid\n", "[4]"},
		{0, "x.csv", "item\n", "[]"},
		{0, "x.csv", "a\n7\n", "[0 3]"}, // there is no header
		{0, "x.csv", "a\n", "[0]"},
		{0, "x.csv", "key\na\n007\n", "[0 2]"},
		{0, "x.jsonl", `{"item":"a"}` + "\n" + `{"item":7}` + "\n", "[0 3]"},
		{0, "x.csv", "item\nq\na\nr\nq\n", `found "q", "r" that none has (1 of 3 are found), expected ids that points of`},
		{0, "x.csv", "other,more\na,1\n", `expected the id column "item"`},
		{1, "x.csv", "3\n5\n", "[3 5]"},
		{1, "x.csv", "0\n5\n", "[0 5]"},
		{1, "x.csv", "row\n4\n", "[4]"},
		{1, "x.csv", "6\n-1\n2\n",
			`found "6", "-1" that none has (1 of 3 are found), expected numbers of rows that points of`},
		{1, "x.csv", "b\n1\n", "[1]"},
		{1, "x.csv", "b,c\n1,2\n", "found 2 columns, expected one column, of ids; or --id_column"},
		{1, "none.csv", "", "found no file of that name"},
		{0, "x.npy", column("<i4", func(v float64) int32 { return int32(v) }, 7), "[3]"},
		{1, "x.npy", column("<i8", func(v float64) int64 { return int64(v) }, 3, 5), "[3 5]"},
		{1, "x.npy", column("<i4", func(v float64) int32 { return int32(v) }, 3, 5), "[3 5]"},
		{1, "x.npy", column("|u1", func(v float64) uint8 { return uint8(v) }, 3, 5), "[3 5]"},
		{1, "x.npy", column("<f8", same, 3, 5), "[3 5]"},
		{1, "x.npy", column("<f8", same, 3, 5.5), "row 1: found 5.5, expected an integer, as ids are"},
		{1, "x.npy", column("<f8", same, 3, 9), `found "9" that none has`},
	} {
		path := filepath.Join(dir, fmt.Sprint(i)+c.file)
		if c.data != "" {
			if err := os.WriteFile(path, []byte(c.data), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		j := &IndexJob{}
		j.Reading.EnsureDefaults()
		err := j.InspectFrom(context.Background(), name[c.index])
		if err == nil {
			err = j.InspectDeleted(context.Background(), []string{path})
		}
		if got := fmt.Sprint(j.gone); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %s, %v, want %s", c.file, c.data, got, err, c.want)
		}
	}
}

// A new version has the points that are left, with their numbers where these are their ids, and says of what rows it
// is.
func TestNoteOfVersion(t *testing.T) {
	t.Parallel()
	was := Note{Total: 10, Rejected: 2}
	for name, c := range map[string]struct {
		labelled            bool
		added               int64
		gone, rejected      int
		other               bool // rows are read in another way
		wantTotal, wantLost int64
		changed             bool
	}{
		"added":            {false, 5, 0, 1, false, 15, 3, false},
		"added with ids":   {true, 5, 0, 1, false, 15, 3, false},
		"added otherwise":  {false, 5, 0, 0, true, 15, 2, true},
		"deleted":          {false, 0, 3, 0, false, 10, 2, true},
		"deleted with ids": {true, 0, 3, 0, true, 5, 0, true},
		"both":             {false, 5, 3, 0, false, 15, 2, true},
		"both with ids":    {true, 5, 3, 1, false, 10, 1, true},
		"neither":          {false, 0, 0, 0, false, 10, 2, false},
	} {
		f := versionFn{From: Prebuilt{Note: was, Points: 8, Labelled: c.labelled}}
		if c.other {
			f.Reading.Formats.Delimiter = ";"
		}
		n := f.noteOf(c.added, c.gone, c.rejected)
		if n.Total != c.wantTotal || n.Rejected != c.wantLost || n.Changed != c.changed {
			t.Errorf("%s: %d rows, %d of them rejected, changed %t", name, n.Total, n.Rejected, n.Changed)
		}
	}
}

// A version of which points were deleted is not an index of its input any more.
func TestCheckChanged(t *testing.T) {
	t.Parallel()
	p := &Prebuilt{Note: Note{Changed: true}}
	if err := p.Check("x.index", nil, vectorio.Options{}); err == nil ||
		!strings.Contains(err.Error(), "points were deleted or added") {
		t.Error(err)
	}
}

// A version with rows that were added by its encoding says so, and what more is added to it, unless points are deleted.
func TestNoteOfEncodedVersion(t *testing.T) {
	t.Parallel()
	note := Note{Encoding: &features.Encoding{}, Total: 10}
	for i, c := range []struct {
		added int64
		gone  int
		want  string // of what Check says
	}{
		{0, 0, ""}, {5, 0, "added by the encoding of the first ones"}, {0, 0, "added by the encoding of the first ones"},
		{2, 1, "points were deleted or added"}, {3, 0, "points were deleted or added"},
	} {
		f := versionFn{From: Prebuilt{Note: note, Points: 8}}
		note = f.noteOf(c.added, c.gone, 0)
		if note.Changed != (c.want != "") {
			t.Errorf("version %d: changed %t", i, note.Changed)
		}
		if c.want == "" {
			continue
		}
		p := &Prebuilt{Note: note}
		if err := p.Check("x.index", nil, vectorio.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("version %d: %v, expected %q", i, err, c.want)
		}
	}
}

// Copies of points are those that are left, in every storage.
func TestWithout(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*vectors.Block{
		"float32": {Dim: 2}, "float64": {Dim: 2, DType: vectors.Float64}, "sparse": {Dim: 2, Sparse: &vectors.CSR{}},
	} {
		for i := range 5 {
			b.Append([]float64{float64(i), 0.1 * float64(i%2)}, int64(2*i))
		}
		x, err := neighbors.Fit(b, neighbors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		left, err := x.Without([]int32{0, 3})
		if err != nil || !slices.Equal(left.Numbers, []int64{2, 4, 8}) || left.Row(2, make([]float64, 2))[0] != 4 {
			t.Errorf("%s: %v, %v", name, left, err)
		}
		if _, err := x.Without([]int32{3, 3}); err == nil {
			t.Errorf("%s: a position twice", name)
		}
	}
}
