package knn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Of several indexes, one that is written to while a job has all of them mapped is noticed, whichever it is.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	rows, err := vectors.FromFloat64([]float64{1, 2, 3, 4, 5, 6}, 2)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for written := range 3 { // the last is none
		var paths []string
		var all []*neighbors.Index
		for range 2 {
			x, err := neighbors.Fit(rows, neighbors.Options{})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "x.index")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.WriteFile(f, nil); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			mapped, err := neighbors.MapFile(path)
			if err != nil {
				t.Fatal(err)
			}
			paths, all = append(paths, path), append(all, mapped)
		}
		if written < len(paths) {
			if err := os.Truncate(paths[written], 100); err != nil {
				t.Fatal(err)
			}
		}
		err := unchanged(all)
		if (err != nil) != (written < 2) || err != nil && !strings.Contains(err.Error(), "written to while it was in use") {
			t.Errorf("index %d is written to: %v", written, err)
		}
	}
}
