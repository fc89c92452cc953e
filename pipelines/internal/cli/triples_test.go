package cli

import (
	"io"
	"path/filepath"
	"slices"
	"testing"

	"beamlearn/transforms/files"
)

// Rows that were made of triples are no output of a command that is interrupted, or begins again.
func TestInPlace(t *testing.T) {
	dir := t.TempDir()
	rows, output := filepath.Join(dir, "rows", "input.parquet"), filepath.Join(dir, "out.csv")
	for _, name := range []string{rows, output} {
		if err := files.Output(t.Context(), name, func(w io.Writer) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	a := &App{triples: &Triples{}}
	if all := a.inPlace(); !slices.Contains(all, rows) || !slices.Contains(all, output) {
		t.Error(all)
	}
	a.triples.dir = filepath.Dir(rows)
	if all := a.inPlace(); slices.Contains(all, rows) || !slices.Contains(all, output) {
		t.Error(all)
	}
}
