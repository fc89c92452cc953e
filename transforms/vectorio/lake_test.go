package vectorio

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files/gcstest"
)

// A glob over the files of a table with snapshots is no dataset.
func TestInspectSnapshots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "_delta_log"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"_delta_log/00000000000000000000.json", "a.parquet"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Inspect(t.Context(), []string{filepath.Join(dir, "*.parquet")}, Options{})
	if err == nil || !strings.Contains(err.Error(), "is a table of Delta") {
		t.Errorf("error %v", err)
	}
}

// lakeTables are those that Python's deltalake and pyiceberg have written and read.
const lakeTables = "../../model/lake/testdata/"

// tableRows reads all rows of a table, in chunks, and gives the cells of each by its id, as JSON has them.
func tableRows(ctx context.Context, name string) (map[string]map[string]any, error) {
	o := Options{Formats: formats.Options{IDColumn: "id", Cells: true}, ChunkRows: 11}
	d, err := Inspect(ctx, []string{name}, o)
	if err != nil {
		return nil, err
	}
	o.Confine(d)
	list, err := d.List(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]any{}
	var next int64
	for _, c := range list.Chunks {
		_, err := EachTargeted(ctx, c, &o, nil, func(b *vectors.Block) error {
			for i := range b.Len() {
				if b.Numbers[i] != next {
					return fmt.Errorf("row %d has the number %d", next, b.Numbers[i])
				}
				next++
				all[b.ID(i).String()] = cellsOf(b, i)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if next != d.Rows {
		return nil, fmt.Errorf("%d rows of %d", next, d.Rows)
	}
	return all, nil
}

// cellsOf are the cells of a row.
func cellsOf(b *vectors.Block, row int) map[string]any {
	cells := map[string]any{}
	for i := range b.Cells.Columns {
		c := &b.Cells.Columns[i]
		var cell any
		switch {
		case c.Type == tables.Number && !math.IsNaN(c.Numbers[row]):
			cell = c.Numbers[row]
		case c.Type != tables.Number && len(c.Text(row)) > 0:
			cell = string(c.Text(row))
		}
		cells[c.Name] = cell
	}
	return cells
}

// checkTable compares the versions of a table, in a directory, with what Python has read of them.
func checkTable(t *testing.T, dir, name string) {
	t.Helper()
	text, err := os.ReadFile(lakeTables + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var versions map[string]map[string][]any
	if err := json.Unmarshal(text, &versions); err != nil {
		t.Fatal(err)
	}
	newest, iceberg := versions[""]
	last := "" // of versions with one digit
	for version, columns := range versions {
		last = max(last, version)
		switch {
		case version == "":
		case iceberg:
			compareTable(t, dir+name+"@"+version, columns)
		default:
			compareTable(t, dir+name+"@v"+version, columns)
		}
	}
	if !iceberg {
		newest = versions[last]
	}
	compareTable(t, dir+name, newest)
}

func compareTable(t *testing.T, name string, columns map[string][]any) {
	t.Helper()
	got, err := tableRows(t.Context(), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(got) != len(columns["id"]) {
		t.Errorf("%s: %d rows, want %d", name, len(got), len(columns["id"]))
	}
	for i, id := range columns["id"] {
		want := map[string]any{}
		for column, cells := range columns {
			if column != "id" {
				want[column] = cells[i]
			}
		}
		if row := got[fmt.Sprint(id)]; !maps.Equal(row, want) {
			t.Fatalf("%s: row %v is %v, want %v", name, id, row, want)
		}
	}
}

// Versions of tables are what deltalake has read of them: files that were rewritten and added, deletion vectors in the
// log and beside it, columns of directories, a column that came later, from a checkpoint and without.
func TestDelta(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"partitioned", "vectors"} {
		checkTable(t, lakeTables, name)
	}
	if _, err := Inspect(t.Context(), []string{lakeTables + "vectors@v9"}, Options{}); err == nil ||
		!strings.Contains(err.Error(), "found 3 as the last one, expected version 9 of the table") {
		t.Error(err)
	}
	o := Options{Formats: formats.Options{Columns: []string{"a", "b"}, IDColumn: "id"}, ChunkRows: 100}
	d, err := Inspect(t.Context(), []string{lakeTables + "vectors"}, o)
	if err != nil {
		t.Fatal(err)
	}
	all, err := readAll(t, d, o)
	if err != nil || len(all) != 819 {
		t.Errorf("%d rows, %v", len(all), err)
	}
}

// Snapshots of tables of Iceberg are what pyiceberg has read of them: columns by their numbers, whatever files call them,
// columns that came later and that files do not have, deletes by position, by equality and by vectors.
func TestIceberg(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"evolved", "deletes", "vectors3"} {
		checkTable(t, lakeTables, name)
	}
	for name, want := range map[string]string{
		"vectors3@1": " as the last ones, expected snapshot 1 of the table", "vectors3@v1": "found @v1, expected a snapshot",
		"vectors@1": "found @1, expected a version of a table of Delta",
	} {
		if _, err := Inspect(t.Context(), []string{lakeTables + name}, Options{}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Tables in a store are as those on disk; a file that is gone, or that is of another size, is one line.
func TestTablesInStore(t *testing.T) {
	objects := map[string][]byte{}
	for _, table := range []string{"vectors", "deletes"} {
		err := fs.WalkDir(os.DirFS(lakeTables), table, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				objects["t/"+name], err = os.ReadFile(lakeTables + name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := gcstest.Start(t, objects)
	bucket := "gs://" + gcstest.Bucket + "/t/"
	checkTable(t, bucket, "vectors")
	checkTable(t, bucket, "deletes")
	for name := range objects {
		if strings.HasSuffix(name, ".parquet") && strings.HasPrefix(name, "t/vectors/") {
			s.Put(name, []byte("PAR1"))
			break
		}
	}
	if _, err := Inspect(t.Context(), []string{bucket + "vectors"}, Options{}); err == nil ||
		!strings.Contains(err.Error(), "found 4, expected ") {
		t.Error(err)
	}
}
