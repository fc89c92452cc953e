package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A glob over the files of a table with snapshots is refused, from its directory or from one of its partitions; files
// of it by name, and those of other directories, are not.
func TestCheckSnapshots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"delta/_delta_log/00000000000000000000.json", "delta/year=2026/month=1/a.parquet",
		"iceberg/metadata/v1.metadata.json", "iceberg/data/year=2026/a.parquet", "hudi/.hoodie/hoodie.properties",
		"hudi/a.parquet",
		"plain/year=2026/a.parquet", "plain/metadata/notes.json"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{
		"delta/*.parquet":                      "delta/ is a table of Delta",
		"delta/*/*/*.parquet":                  "delta/ is a table of Delta",
		"delta/*/*/*":                          "delta/ is a table of Delta",
		"delta/year=2026/*/*.parquet":          "delta/ is a table of Delta",
		"delta/year=2026/month=1/*.parquet":    "delta/ is a table of Delta",
		"delta/year=202*/month=1/a.parquet":    "delta/ is a table of Delta",
		"iceberg/data/*/*.parquet":             "iceberg/ is a table of Iceberg",
		"iceberg/data/year=2026/*.parquet":     "iceberg/ is a table of Iceberg",
		"hudi/*.parquet":                       "hudi/ is a table of Hudi",
		"delta/year=2026/month=1/a.parquet":    "",
		"plain/*/*.parquet":                    "",
		"plain/year=2026/*.parquet":            "",
		"delta/*.csv":                          "",
		"nowhere/*.parquet":                    "",
		"delta/../plain/year=2026/?.parquet":   "",
		"iceberg/data/year=2026/[a-b].parquet": "iceberg/ is a table of Iceberg",
	} {
		err := CheckSnapshots(t.Context(), []string{dir + "/" + pattern})
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", pattern, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0):
			t.Errorf("%s: %v, want %q in one line", pattern, err, want)
		}
	}
	for name, want := range map[string]string{
		"iceberg": "found unexpected end of JSON input, expected metadata of Iceberg, as JSON",
		"hudi":    "found a table of Hudi: write the latest out as Parquet first, expected files, or a table of Delta", "plain": "found a directory, expected a file, or the glob",
		"delta": "expected a protocol in the log", "delta@v1": "version 1",
		"nowhere@v1": "no file of that name", "plain@v1": "no file of that name",
	} {
		_, err := List(t.Context(), []string{filepath.Join(dir, name)})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if err := CheckSnapshots(t.Context(), []string{filepath.Join(dir, "plain/*/*.parquet"), filepath.Join(dir,
		"hudi/*.parquet")}); err == nil {
		t.Error("the second of two patterns passes")
	}
}
