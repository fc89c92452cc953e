package linear

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
)

// Versions know what they were learned from and set aside by name, size and stamp, also after they were opened again;
// the like of a file by its name and bytes; and count files and rows.
func TestVersions(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), t.TempDir()
	open := func() *Versions {
		t.Helper()
		v, err := OpenVersions(ctx, filepath.Join(dir, "m.json"))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	at := func(name, stamp string) files.Info {
		return files.Info{Name: filepath.Join(dir, name), Size: 7, Version: stamp}
	}
	learned := func(name, sum string, rows int64) Learned {
		return Learned{File: at(name, "").Location(), Size: 7, Modified: "1", SHA256: sum, Rows: rows}
	}
	aside := SetAside{File: at("bad.csv", "").Location(), Size: 7, Modified: "1"}
	v := open()
	for _, r := range []Record{
		{Files: []Learned{learned("a.csv", "aa", 5)}, SetAside: []SetAside{aside}},
		{Files: []Learned{learned("b.csv", "bb", 3), learned("c.csv", "cc", 2)}},
	} {
		if _, err := v.Publish(ctx, r, []byte("model"), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if l := v.Last(); l.Number != 2 || l.TotalFiles != 3 || l.TotalRows != 10 || l.Files[1].Order != 3 {
			t.Errorf("the last version is %+v", l)
		}
		for _, c := range []struct {
			info files.Info
			want bool
		}{
			{at("a.csv", "1"), true}, {at("c.csv", "1"), true}, {at("a.csv", "2"), false}, {at("d.csv", "1"), false},
			{at("bad.csv", "1"), true}, {at("bad.csv", "2"), false}, {at("in/a.csv", "1"), false},
		} {
			if v.Knows(c.info) != c.want {
				t.Errorf("%s of the stamp %s is known: %t", c.info.Name, c.info.Version, !c.want)
			}
		}
		if same, changed := v.Learned(at("a.csv", "2"), "other"); same != nil || changed == nil || changed.SHA256 != "aa" {
			t.Errorf("of other bytes: the same as %v, changed from %v", same, changed)
		}
		if same, changed := v.Learned(at("in/b.csv", "9"), "other"); same != nil || changed != nil {
			t.Errorf("of another place and other bytes: the same as %v, changed from %v", same, changed)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		v = open()
	}
	if same, _ := v.Learned(at("in/c.csv", "9"), "cc"); same == nil || !v.Knows(at("in/c.csv", "9")) {
		t.Errorf("the like of c.csv is the same as %v", same)
	}
	// So it is before they are published.
	r := Record{Files: []Learned{learned("e.csv", "ee", 1)}}
	for name, want := range map[string]bool{"in/e.csv": true, "in/f.csv": false} {
		if same := r.Learned(at(name, "9"), "ee"); (same != nil) != want {
			t.Errorf("%s is the same as %v", name, same)
		}
	}
	if same := r.Learned(at("in/e.csv", "9"), "ff"); same != nil {
		t.Errorf("other bytes are the same as %v", same)
	}
	// What was set aside and then learned from is not set aside any more.
	if _, err := v.Publish(ctx, Record{Files: []Learned{learned("bad.csv", "dd", 1)}}, []byte("later"), nil); err != nil {
		t.Fatal(err)
	}
	if same, changed := v.Learned(at("bad.csv", "3"), "ee"); same != nil || changed == nil || len(v.aside) != 0 {
		t.Errorf("set aside %v", v.aside)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	// A copy that is not of the latest version is mended; a record that does not follow from those before is told.
	if err := os.WriteFile(v.model, []byte("model"), 0o666); err != nil {
		t.Fatal(err)
	}
	if v = open(); v.Close() != nil {
		t.Error("not closed")
	}
	if b, err := os.ReadFile(v.model); err != nil || string(b) != "later" {
		t.Errorf("the copy is %q, %v", b, err)
	}
	b, err := os.ReadFile(v.recordPath(2))
	if err != nil {
		t.Fatal(err)
	}
	b = []byte(strings.Replace(string(b), `"total_files": 3`, `"total_files": 2`, 1))
	if err := os.WriteFile(v.recordPath(2), b, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenVersions(ctx, v.model); err == nil || !strings.Contains(err.Error(),
		"found 2 files in all, 1 before") {
		t.Errorf("of a total that does not follow: %v", err)
	}
}

// A file of another size is another one, whatever its name, stamp and checksum.
func TestVersionsOfAnotherSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, err := OpenVersions(context.Background(), filepath.Join(dir, "m.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	at := func(name string, size int64) files.Info {
		return files.Info{Name: filepath.Join(dir, name), Size: size, Version: "1"}
	}
	v.take(Record{
		Files:    []Learned{{File: at("a.csv", 0).Location(), Size: 7, Modified: "1", SHA256: "aa"}},
		SetAside: []SetAside{{File: at("bad.csv", 0).Location(), Size: 7, Modified: "1"}},
	})
	for _, name := range []string{"a.csv", "bad.csv"} {
		if !v.Knows(at(name, 7)) || v.Knows(at(name, 8)) {
			t.Errorf("%s of 7 bytes is known: %t, of 8: %t", name, v.Knows(at(name, 7)), v.Knows(at(name, 8)))
		}
	}
	if same, _ := v.Learned(at("in/a.csv", 8), "aa"); same != nil {
		t.Errorf("of 8 bytes: the same as %+v", same)
	}
}

// What versions cannot go on from is told: a record that is not there, or is another's, and a model that has changed
// since. A list of rejected rows that a process left, which died before its record, goes with the version.
func TestVersionsAtFault(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for want, damage := range map[string]func(v *Versions) error{
		"m-000001.watch.json: found no file of that name": func(v *Versions) error { return os.Remove(v.recordPath(1)) },
		`found format "other.watch", version 1`:           inRecord(`"beamlearn.watch"`, `"other.watch"`),
		`found format "beamlearn.watch", version 2`:       inRecord(`"version": 1`, `"version": 2`),
		"found number 7":            inRecord(`"number": 2`, `"number": 7`),
		`unknown field "files_too"`: inRecord(`"files"`, `"files_too"`),
		"m-000002.json: found other bytes than those": func(v *Versions) error {
			return os.WriteFile(v.ModelPath(2), []byte("modem"), 0o666)
		},
		"m-000002.json: found no file of that name": func(v *Versions) error { return os.Remove(v.ModelPath(2)) },
	} {
		v, err := OpenVersions(ctx, filepath.Join(t.TempDir(), "m.json"))
		if err != nil {
			t.Fatal(err)
		}
		stale := output.RejectedPath(v.ModelPath(2))
		if err := os.WriteFile(stale, []byte("{}\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := v.Publish(ctx, Record{}, []byte("model"), nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(stale); err == nil {
			t.Errorf("%s is there", stale)
		}
		if err := errors.Join(v.Close(), damage(v)); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenVersions(ctx, v.model); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// inRecord is damage to the second record.
func inRecord(from, to string) func(v *Versions) error {
	return func(v *Versions) error {
		b, err := os.ReadFile(v.recordPath(2))
		if err != nil {
			return err
		}
		if !strings.Contains(string(b), from) {
			return errors.New("no " + from)
		}
		return os.WriteFile(v.recordPath(2), []byte(strings.Replace(string(b), from, to, 1)), 0o666)
	}
}
