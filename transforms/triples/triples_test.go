package triples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/model/tables"
	model "beamlearn/model/triples"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
)

// A run comes from another worker: its name cannot lead out of the staging directory.
func TestRunNames(t *testing.T) {
	dir := t.TempDir()
	o := Options{Destination: output.Destination{Output: filepath.Join(dir, "r.jsonl"), RunID: "r"}}
	o.EnsureDefaults()
	staging := o.output().Staging()
	if err := os.MkdirAll(filepath.Join(staging, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"run-1", "", "../run-1", "a/run-1", `a\run-1`} {
		if err := os.WriteFile(filepath.Join(staging, name+".index"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := o.open(t.Context(), &Run{Name: name}, ".index", 0, -1)
		if err == nil {
			err = r.Close()
			if name != "run-1" || err != nil {
				t.Errorf("the run %q was opened, %v", name, err)
			}
		} else if name == "run-1" || !strings.Contains(err.Error(), "a run called") {
			t.Errorf("the run %q: %v", name, err)
		}
	}
}

// A column's id is what the file says, whether its type is text, a number or not known.
func TestColumnTypes(t *testing.T) {
	text := func(of tables.Type, cell string) tables.Column {
		c := tables.Column{Field: tables.Field{Name: "i", Type: of}}
		c.AppendText([]byte(cell))
		return c
	}
	for _, c := range []struct {
		column tables.Column
		want   vectors.ID
	}{
		{text(tables.Text, "a"), vectors.ID{Text: "a"}},
		{text(tables.Cell, "a"), vectors.ID{Text: "a"}},
		{text(tables.Cell, "7"), vectors.ID{Int: 7}},
		{tables.Column{Field: tables.Field{Name: "i", Type: tables.Number}, Numbers: []float64{7}}, vectors.ID{Int: 7}},
	} {
		r := &chunkReader{part: &model.Part{Columns: &model.Names{}}}
		n, f, err := r.column(t.Context(), &c.column, 0, 0)
		if ids := r.part.Columns.IDs(); f != nil || err != nil || n != 0 || ids.Len() != 1 || ids.At(0) != c.want {
			t.Errorf("%s: %v, %v, %v", c.column.Type, ids, f, err)
		}
	}
}

// Where the ids of columns cannot be written, the plan fails.
func TestColumnsNotWritten(t *testing.T) {
	dir := t.TempDir()
	known := filepath.Join(dir, "columns.json")
	if err := os.WriteFile(known, []byte(`{"triples":{"columns":["a"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Known: known, Destination: output.Destination{Output: filepath.Join(known, "r.jsonl"), RunID: "r"}}
	o.EnsureDefaults()
	p := plan{options: &o}
	if n, err := p.columns(t.Context()); err == nil {
		t.Errorf("%d columns were written into a file as if it were a directory", n)
	}
}
