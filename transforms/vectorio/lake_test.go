package vectorio

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
