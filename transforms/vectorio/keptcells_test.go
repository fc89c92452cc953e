package vectorio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// tableFile is a table of so many rows, of which every tenth has no target, cut into parts; and a survey of it.
func tableFile(t *testing.T, rows, parts int) (*Dataset, Options, *features.Survey) {
	t.Helper()
	var b strings.Builder
	b.WriteString("id,size,colour,day,y\n")
	for i := range rows {
		y := fmt.Sprint(i % 3)
		if i%10 == 9 {
			y = ""
		}
		fmt.Fprintf(&b, "r%d,%d,%s,2024-01-%02d,%s\n", i, i*i%101, [...]string{"red", "green", ""}[i%3], 1+i%28, y)
	}
	name := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(name, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	var o Options
	o.EnsureDefaults()
	o.Formats.Cells, o.Formats.TargetColumn, o.Formats.IDColumn, o.Parts = true, "y", "id", parts
	d, err := Inspect(context.Background(), []string{name}, o)
	if err != nil {
		t.Fatal(err)
	}
	d.Reads(&o)
	survey, err := features.NewSurvey(d.Fields, features.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d, o, survey
}

// surveyed adds all rows to a survey, and says how many have no target.
func surveyed(t *testing.T, d *Dataset, o Options, chunks []Chunk, survey *features.Survey) (noTarget int64) {
	t.Helper()
	for _, c := range chunks {
		n, err := EachTable(context.Background(), c, &o, func(*fault.Fault) {},
			func(rows *tables.Table) error { return survey.Add(rows) })
		if err != nil {
			t.Fatal(err)
		}
		noTarget += n
	}
	return noTarget
}

// encoded are the rows of chunks by an encoding, in words, with what is said of those without a target.
func encoded(d *Dataset, o Options, chunks []Chunk, most int) (string, error) {
	var all strings.Builder
	for _, c := range chunks {
		r, err := Open(context.Background(), c, o, func(*fault.Fault) {})
		if err != nil {
			return "", err
		}
		for err == nil {
			b := o.NewBlock(d.Dim)
			err = r.Fill(b, most)
			for i := range b.Len() {
				fmt.Fprintln(&all, b.Numbers[i], b.ID(i), b.Target[i], b.Row(i, make([]float64, d.Dim)))
			}
		}
		if err != io.EOF {
			return "", errors.Join(err, r.Close())
		}
		fmt.Fprintln(&all, r.NoTarget(), r.Unseen())
		if err := r.Close(); err != nil {
			return "", err
		}
	}
	return all.String(), nil
}

// Rows of a table that a survey has read are the same, encoded, as in the file, which is then not read again: those of
// whole chunks, as many as have room, once, or until they are dropped.
func TestKeepCells(t *testing.T) {
	d, o, survey := tableFile(t, 30_000, 3)
	list, err := d.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Chunks) != 3 {
		t.Fatalf("%d chunks, expected 3", len(list.Chunks))
	}
	without := surveyed(t, d, o, list.Chunks, survey)
	e, err := survey.Encoding()
	if err != nil {
		t.Fatal(err)
	}
	plain := o
	data := d.Encoded(e, &plain)
	want, err := encoded(data, plain, list.Chunks, 777)
	if err != nil {
		t.Fatal(err)
	}
	file := d.Files[0].Name
	keep := func(bytes int64) Options {
		KeepCells("test", bytes)
		if n := surveyed(t, d, o.UseCells("test"), list.Chunks, survey); n != without {
			t.Errorf("%d rows have no target, expected %d", n, without)
		}
		return plain.UseCells("test")
	}
	missing := func(o Options, chunks []Chunk) (missing int) {
		t.Helper()
		if err := os.Rename(file, file+".away"); err != nil {
			t.Fatal(err)
		}
		defer os.Rename(file+".away", file)
		for _, c := range chunks {
			if _, err := encoded(data, o, []Chunk{c}, 1024); err != nil {
				missing++
			}
		}
		return missing
	}

	kept := keep(1 << 30)
	if n := surveyed(t, d, o.UseCells("test"), list.Chunks, survey); n != without { // a second survey, as for tf-idf
		t.Errorf("of rows that are kept, %d have no target, expected %d", n, without)
	}
	got, err := encoded(data, kept, list.Chunks, 777)
	if err != nil || got != want {
		t.Errorf("rows that are kept differ from those of the file: %v", err)
	}
	if n := missing(kept, list.Chunks); n != 3 {
		t.Errorf("%d chunks are read from the file once they were taken, expected all", n)
	}
	if n := missing(keep(1<<30), list.Chunks); n != 0 {
		t.Errorf("%d chunks are read from the file, expected none", n)
	}
	one := blockCells(&vectors.Block{Cells: &tables.Table{}})
	for _, b := range keep(1 << 30).cells.chunks {
		one = max(one, b.size)
	}
	if n := missing(keep(one+one/2), list.Chunks); n != 2 {
		t.Errorf("with room for one chunk %d are read from the file, expected two", n)
	}
	some := list.Chunks[0]
	some.Span.Rows = 100
	if n := missing(keep(1<<30), []Chunk{some}); n != 1 {
		t.Error("the first rows of a chunk are taken for all of it")
	}
	keep(1 << 30)
	DropCells("test")
	if n := missing(plain.UseCells("test"), list.Chunks); n != 3 || plain.UseCells("test").cells != nil {
		t.Errorf("%d chunks are read from the file after they were dropped, expected all", n)
	}
}

// Of a chunk with a row at fault nothing is kept: whoever reads it next tells of the fault, too.
func TestKeepCellsFaults(t *testing.T) {
	d, o, survey := tableFile(t, 100, 1)
	o.SkipFaults = true
	b, err := os.ReadFile(d.Files[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.Replace(string(b), "2024-01-23,2\n", "2024-01-23,two\n", 1)
	if bad == string(b) {
		t.Fatal("the row is another")
	}
	if err := os.WriteFile(d.Files[0].Name, []byte(bad), 0o666); err != nil {
		t.Fatal(err)
	}
	if d, err = Inspect(context.Background(), []string{d.Files[0].Name}, o); err != nil {
		t.Fatal(err)
	}
	list, err := d.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	KeepCells("faults", 1<<30)
	defer DropCells("faults")
	surveyed(t, d, o.UseCells("faults"), list.Chunks, survey)
	if n := len(o.UseCells("faults").cells.chunks); n != 0 {
		t.Errorf("%d chunks are kept, expected none", n)
	}
	if left := o.UseCells("faults").cells.left; left != 1<<30 {
		t.Errorf("%d bytes of room are lost", 1<<30-left)
	}
}
