package files

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"
)

func names(infos []Info) string {
	var s []string
	for _, i := range infos {
		s = append(s, filepath.Base(i.Name))
	}
	return strings.Join(s, " ")
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"b.npy", "a.npy", "c.csv", "d[1].csv"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "e.npy"), 0o777); err != nil {
		t.Fatal(err)
	}
	memfs.Write("memfs://list/a.csv", []byte("1"))
	memfs.Write("memfs://list/b.csv", []byte("12"))
	for _, c := range []struct {
		patterns []string
		want     string
		err      string
	}{
		{[]string{dir + "/*.npy"}, "a.npy b.npy", ""},
		{[]string{"file://" + dir + "/*.npy"}, "a.npy b.npy", ""},
		{[]string{dir + "/b.npy", dir + "/*.npy"}, "a.npy b.npy", ""},
		{[]string{dir + "/d[1].csv"}, "d[1].csv", ""},
		{[]string{"memfs://list/*.csv"}, "a.csv b.csv", ""},
		{[]string{dir + "/*.tsv"}, "", "no file that matches"},
		{[]string{dir + "/no.csv", dir + "/none.csv"}, "", "none.csv: found no file of that name"},
		{[]string{dir}, "", "found a directory, expected a file, or the glob"},
		{[]string{"memfs://list/*.tsv"}, "", "no file that matches"},
		{[]string{"xyz://list/a"}, "", "found the scheme xyz://, expected a path, or file://, gs://, s3:// or memfs://"},
		{[]string{dir + "/[a"}, "", "closed brackets"},
	} {
		got, err := List(context.Background(), c.patterns)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("List(%v): error %v, want %q", c.patterns, err, c.err)
			}
			continue
		}
		if err != nil || names(got) != c.want {
			t.Errorf("List(%v) = %s, %v; want %s", c.patterns, names(got), err, c.want)
		}
	}
}

func readRange(t *testing.T, i Info, offset, length int64) (string, error) {
	t.Helper()
	r, err := Open(i).OpenRange(context.Background(), offset, length)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), errors.Join(err, r.Close())
}

func TestRanges(t *testing.T) {
	local := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(local, []byte("0123456789"), 0o666); err != nil {
		t.Fatal(err)
	}
	memfs.Write("memfs://ranges/x", []byte("0123456789"))
	for _, name := range []string{local, "file://" + local, "memfs://ranges/x"} {
		infos, err := List(context.Background(), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			offset, length int64
			want           string
		}{{0, 10, "0123456789"}, {3, 4, "3456"}, {3, -1, "3456789"}, {10, 0, ""}, {10, -1, ""}} {
			if got, err := readRange(t, infos[0], c.offset, c.length); err != nil || got != c.want {
				t.Errorf("%s [%d, +%d) = %q, %v; want %q", name, c.offset, c.length, got, err, c.want)
			}
		}
		for _, c := range [][2]int64{{-1, 2}, {9, 2}, {11, -1}} {
			if _, err := readRange(t, infos[0], c[0], c[1]); err == nil {
				t.Errorf("%s [%d, +%d): no error", name, c[0], c[1])
			}
		}
	}
}

// A file that changes after it was listed is an error, never a mixture of two contents.
func TestChanged(t *testing.T) {
	dir := t.TempDir()
	for name, change := range map[string]func(path string) error{
		"truncated": func(p string) error { return os.Truncate(p, 5) },
		"appended": func(p string) error {
			f, err := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		},
		"rewritten": func(p string) error {
			return errors.Join(os.WriteFile(p, []byte("9876543210"), 0o666),
				os.Chtimes(p, time.Time{}, time.Now().Add(time.Hour)))
		},
		"deleted": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte("0123456789"), 0o666); err != nil {
				t.Fatal(err)
			}
			infos, err := List(context.Background(), []string{path})
			if err != nil {
				t.Fatal(err)
			}
			before, err := Open(infos[0]).OpenRange(context.Background(), 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if _, err := readRange(t, infos[0], 0, 10); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("opened afterwards: error %v, want one that names the file", err)
			}
			// The file that was open stays readable where only its name is gone.
			if err := before.Close(); (err != nil) != (name != "deleted") {
				t.Errorf("opened before: error %v", err)
			}
		})
	}
	memfs.Write("memfs://changed/x", []byte("0123456789"))
	infos, err := List(context.Background(), []string{"memfs://changed/x"})
	if err != nil {
		t.Fatal(err)
	}
	memfs.Write("memfs://changed/x", []byte("012345678"))
	if _, err := readRange(t, infos[0], 0, 5); err == nil || !strings.Contains(err.Error(), "memfs://changed/x") {
		t.Errorf("memfs: error %v", err)
	}
}

func TestWrite(t *testing.T) {
	ctx := context.Background()
	for _, dir := range []string{t.TempDir() + "/new/dir", "memfs://write/dir"} {
		a, b := Join(dir, "a"), Join(dir, "b")
		w, err := Create(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(w, "abc")
		if err = errors.Join(err, w.Close(), Rename(ctx, a, b)); err != nil {
			t.Fatal(err)
		}
		if _, err := Stat(ctx, a); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", a, err)
		}
		if i, err := Stat(ctx, b); err != nil || i.Size != 3 {
			t.Errorf("Stat(%s) = %+v, %v", b, i, err)
		}
		r, err := OpenRead(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != "abc" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		r.Close()
		if err := RemoveAll(ctx, dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Stat(ctx, b); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", b, err)
		}
	}
}

// Of two that write to one name neither spoils what the other has finished, and until one has finished all is as
// before.
func TestWriters(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	name := filepath.Join(dir, strings.Repeat("n", 255)) // as long as a name may be
	found := func(want string) {
		t.Helper()
		if b, err := os.ReadFile(name); string(b) != want || err != nil {
			t.Errorf("found %q, %v, want %q", b, err, want)
		}
	}
	if err := os.WriteFile(name, []byte("earlier"), 0o666); err != nil {
		t.Fatal(err)
	}
	create := func(ctx context.Context) *Writer {
		w, err := Create(ctx, name)
		if err == nil {
			_, err = io.WriteString(w, "the slow one")
		}
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	canceled, cancel := context.WithCancel(ctx)
	slow, killed, late := create(ctx), create(ctx), create(canceled)
	found("earlier")
	if err := Replace(ctx, name, func(w io.Writer) error { _, err := io.WriteString(w, "done"); return err }); err != nil {
		t.Fatal(err)
	}
	found("done")
	broken := errors.New("broken")
	if err := Replace(ctx, name, func(w io.Writer) error { io.WriteString(w, "half"); return broken }); err == nil ||
		err.Error() != "broken" {
		t.Errorf("error %v", err)
	}
	cancel()
	if err := errors.Join(killed.Abandon(), killed.Abandon()); err != nil {
		t.Error(err)
	}
	if err := late.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	found("done")
	if err := errors.Join(slow.Close(), slow.Abandon()); err != nil {
		t.Error(err)
	}
	found("the slow one")
	if err := slow.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	// Whoever removes the directory in the meantime ends what was being written.
	gone := create(ctx)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without its directory: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is there again: %v", err)
	}
}

func TestSplitJoin(t *testing.T) {
	for _, c := range [][3]string{{"out/x.csv", "out/", "x.csv"}, {"x.csv", "", "x.csv"},
		{"gs://b/o/x", "gs://b/o/", "x"}} {
		if dir, base := Split(c[0]); dir != c[1] || base != c[2] {
			t.Errorf("Split(%s) = %s, %s", c[0], dir, base)
		}
	}
	if Join("a/", "b") != "a/b" || Join("a", "b") != "a/b" {
		t.Error("Join")
	}
}
