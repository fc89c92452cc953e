package vectorio

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/transforms/files"
)

// A description of rows, or of targets, that names a file which the user has not is refused.
func TestConfine(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	write := func(name string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("a,b\n1,2\n3,4\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("data/x1.csv")
	write("data/x2.csv")
	q := write("q.csv")
	secret := write("secret.csv")
	t.Chdir(dir)
	for _, c := range []struct {
		patterns []string
		foreign  []string
	}{
		{[]string{"data/*.csv"}, []string{secret, filepath.Join(dir, "q.csv"), filepath.Join(dir, "data/../secret.csv")}},
		{[]string{"data/x1.csv", q}, []string{secret, filepath.Join(dir, "data/x2.csv")}},
		{[]string{"./data/x[12].csv"}, []string{secret, filepath.Join(dir, "data")}},
		{[]string{"file://" + dir + "/data/x?.csv"}, []string{secret}},
	} {
		o := Options{}
		o.EnsureDefaults()
		d, err := Inspect(ctx, c.patterns, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Confine(d, nil)
		for _, info := range d.Files {
			if _, err := o.inspect(ctx, info, o.Formats); err != nil {
				t.Errorf("%q: %v", c.patterns, err)
			}
		}
		for _, name := range c.foreign {
			info := d.Files[0]
			info.Name, info.Path = name, name
			_, err := Open(ctx, Chunk{Info: info}, o, func(*fault.Fault) {})
			if err == nil || !strings.Contains(err.Error(), "one that the input does not name") {
				t.Errorf("%q: %s is opened: %v", c.patterns, name, err)
			}
		}
	}
	for pattern, root := range map[string]string{
		"gs://bucket/dir/part-*.npy": "gs://bucket/dir/part-", "gs://bucket/x.npy": "gs://bucket/x.npy", "a*": dir +
			"/a", "*.csv": dir + "/", "data/*": dir + "/data/",
		`a\[1]/x.npy`: dir + "/a", `b\[1]/*.npy`: dir + "/b", "c[1]": dir + "/c",
	} {
		if got, err := files.Root(pattern); err != nil || got != root {
			t.Errorf("%s: %q, want %q: %v", pattern, got, root, err)
		}
	}
}
