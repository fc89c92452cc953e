//go:build unix

package files

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// An output that is an input, or another output, is refused, by whatever names they go.
func TestConflict(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	must(os.Mkdir("d", 0o777), os.WriteFile("x.csv", nil, 0o666), os.WriteFile("d/y.csv", nil, 0o666),
		os.WriteFile("a[1].csv", nil, 0o666),
		os.Symlink("x.csv", "soft.csv"), os.Link("x.csv", "hard.csv"), os.Symlink("d", "e"),
		os.Symlink("d/none.csv", "dangling.csv"),
		os.Symlink("loop", "loop"), syscall.Mkfifo("fifo", 0o666))
	for _, c := range []struct{ inputs, outputs, want string }{
		{"x.csv", "o.csv", ""},
		{"x.csv", "x.csv", "x.csv: --out0 would write over what --in0 reads: give the output another name"},
		{"x.csv", dir + "/x.csv", dir + "/x.csv (x.csv): --out0 would write over what --in0 reads"},
		{"x.csv", "file://" + dir + "/x.csv", "would write over"},
		{"./x.csv", "d/../x.csv", "would write over"},
		{"soft.csv", "x.csv", "x.csv (soft.csv): --out0 would write over what --in0 reads"},
		{"x.csv", "soft.csv", "would write over"},
		{"hard.csv", "x.csv", "would write over"},
		{"d/*.csv", "e/y.csv", "e/y.csv (d/y.csv): --out0 would write over"},
		{"x.csv a[1].csv", "a[1].csv", "--out0 would write over what --in1"},
		{"d/*.csv", "d/z.csv", ""}, // of the next run it will be one
		{"none.csv", "o.csv", ""},
		{"none.csv", "none.csv", ""}, // the input is missed when it is read
		{"x.csv", "o.csv o.csv", "o.csv: --out1 and --out0 would write the same file"},
		{"x.csv", "d/o.csv e/o.csv", "e/o.csv (d/o.csv): --out1 and --out0 would write the same file"},
		{"x.csv", "d/none.csv dangling.csv", "would write the same file"},
		{"x.csv", "n/o.csv n/p.csv", ""},
		{"x.csv", "o.csv d/o.csv", ""}, // of one name, in two directories
		{"x.csv", "n/o.csv d/n/o.csv", ""},
		{"x.csv", "n d/n/o.csv", ""},
		{"x.csv", "n/m/o.csv n/m/../m/o.csv", "would write the same file"},
		{"x.csv", "n n/o.csv", "n/o.csv (n): --out1 would be in a directory of the name that --out0 writes"},
		{"x.csv", "n/o.csv n", "n/o.csv (n): --out0 would be in a directory of the name that --out1 writes"},
		{"x.csv", "hard.csv/o hard.csv", "would write over"},
		{"d/y.csv", "x.csv/o x.csv", "would be in a directory"},
		{"d/y.csv", "x.csv x.csv/o", "would be in a directory"},
		{"x.csv", "ab abc/o", ""},
		{"x.csv", "/dev/null /dev/null", ""},
		{"/dev/null", "/dev/null", ""},
		{"x.csv", "fifo fifo", "would write the same file"},
		{"fifo", "fifo", "would write over"},
		{"x.csv", "loop o.csv", ""},
		{"gs://b/x.csv", "gs://b/x.csv", "would write over"},
		{"gs://b/*.csv", "gs://b/x.csv", "would write over"},
		{"gs://b/*.csv", "gs://b/d/x.csv", ""},
		{"gs://b/x.csv", "x.csv", ""},
		{"x.csv", "gs://b/x.csv", ""},
		{"x.csv", "gs://b/o gs://b/o", "would write the same file"},
		{"-", "o.csv", ""},
		{"x.csv", "- -", "would write the same file"},
	} {
		named := func(kind, list string) (all []Named) {
			for i, name := range strings.Fields(list) {
				all = append(all, Named{Flag: "--" + kind + string(rune('0'+i)), Name: name})
			}
			return all
		}
		err := Conflict(named("in", c.inputs), append(named("out", c.outputs), Named{Flag: "--none"}))
		if (err == nil) != (c.want == "") ||
			err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s → %s: error %v, want %q", c.inputs, c.outputs, err, c.want)
		}
	}
}

// Standard output may be sent into a file that is read, or that another output is.
func TestConflictOfStandardOutput(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.csv")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	os.Stdout = f
	in, out := []Named{{Flag: "--input", Name: name}}, []Named{{Flag: "--output", Name: Std}}
	if err := Conflict(in, out); err == nil {
		t.Error("standard output goes into the input: no error")
	}
	// A message has the names as the user wrote them.
	made := []Named{{Flag: "--a", Name: dir + "/o.csv", Shown: "o.csv"},
		{Flag: "--b", Name: dir + "/o.csv", Shown: "./o.csv"}}
	if err := Conflict(nil, made); err == nil || !strings.HasPrefix(err.Error(), "./o.csv (o.csv): ") {
		t.Errorf("two names of an output: %v", err)
	}
	// A fault of what the user has named comes before that of what follows from it.
	list := Named{Flag: "the list", Name: dir + "/o.csv.rejected.jsonl"}
	made = []Named{list, {Flag: "--a", Name: dir + "/o.csv"}, list, {Flag: "--b", Name: dir + "/o.csv"}}
	if err := Conflict(nil, made); err == nil || !strings.Contains(err.Error(), "--b and --a would write the same file") {
		t.Errorf("two names of an output and two lists: %v", err)
	}
	if err := Conflict(nil, append(out, Named{Flag: "--summary", Name: name})); err == nil {
		t.Error("standard output goes into another output: no error")
	}
	if err := Conflict([]Named{{Flag: "--input", Name: filepath.Join(dir, "y.csv")}}, out); err != nil {
		t.Errorf("standard output goes elsewhere: %v", err)
	}
}

// Where the file system does not tell letters from capitals, it is asked.
func TestFoldsCase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "aB")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, sees := os.Stat(filepath.Join(filepath.Dir(dir), "Ab"))
	if got := foldsCase(dir, st); got != (sees == nil) {
		t.Errorf("foldsCase = %v, though Ab says %v", got, sees)
	}
}

// What cannot be written is told before the work.
func TestCheckWritable(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, err := range []error{os.Mkdir("d", 0o777), os.Mkdir("locked", 0o555), os.WriteFile("x", nil, 0o444),
		os.Symlink("d", "e"), os.Symlink("n/o", "l"), os.Symlink("d/o", "k"), syscall.Mkfifo("fifo", 0o666)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"":             "",
		Std:            "",
		"o.csv":        "",
		"x":            "", // it is replaced, not written to
		"k":            "", // it is made
		"l":            "--output=l: this is a link to a file in a directory that is not there, ",
		"fifo":         "",
		"n/m/o.csv":    "",
		"/dev/null":    "",
		"memfs://a/b":  "",
		"gs://a/b":     "",
		"d":            "--output=d: this is a directory: give the name of a file",
		"e":            "--output=e: this is a directory",
		"n/":           "--output=n/: this is the name of a directory",
		"d/..":         "this is the name of a directory",
		"x/o.csv":      "the file ",
		"ftp://a/b":    "--output=ftp://a/b: found the scheme ftp://, expected a path, or file://",
		"locked/o.csv": "locked cannot be written to: permission denied",
		"locked/n/o":   "locked cannot be written to: permission denied",
	} {
		if os.Geteuid() == 0 && strings.HasPrefix(name, "locked") {
			want = "" // nothing is closed to root
		}
		err := CheckWritable(Named{Flag: "--output", Name: name})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	if names, err := os.ReadDir("."); err != nil || len(names) != 7 {
		t.Errorf("something was changed: %v, %v", names, err)
	}
}
