package kneighbors_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Each file is answered once, with the bytes of a job over it, by the index as it is then.
func TestWatch(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a process many times: not in -short")
	}
	dir := t.TempDir()
	for _, d := range []string{"landing", "out"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	put := func(name, data string) { t.Helper(); clitest.Write(t, filepath.Join(dir, name), data) }
	run := func(want int, command string, args ...string) string {
		t.Helper()
		_, stderr, code := clitest.End(t, clitest.Other(dir, command, args...))
		if code != want {
			t.Fatalf("%s %q: exit code %d, expected %d\n%s", command, args, code, want, stderr)
		}
		return stderr
	}
	watch := func(want int, more ...string) string {
		t.Helper()
		return run(want, "kneighbors",
			append([]string{"--watch", "--once", "--settle=0s", "--index=x.index", "--input=landing/*.csv", "--output=out/*.csv",
				"--k=2"}, more...)...)
	}
	index := func(rows string) {
		t.Helper()
		put("x.csv", rows)
		run(0, "index", "--input=x.csv", "--index=x.index", "--quiet")
	}
	same := func(name string) {
		t.Helper()
		run(0, "kneighbors", "--index=x.index", "--queries=landing/"+name, "--output=whole.csv", "--k=2", "--report=none",
			"--quiet")
		if got, want := clitest.Read(t, filepath.Join(dir, "out", name)),
			clitest.Read(t, filepath.Join(dir, "whole.csv")); got != want {
			t.Errorf("%s is %q, expected %q", name, got, want)
		}
	}
	index("a,b\n1,2\n3,1\n4,1\n0,5\n")
	put("landing/1.csv", "a,b\n1,1\n2,5\n")
	put("landing/2.csv", "a,b\n3,1\n")
	watch(0)
	same("1.csv")
	same("2.csv")
	index("a,b\n9,9\n3,1\n4,1\n0,5\n")
	put("landing/3.csv", "a,b\n3,9\n")
	put("landing/4.csv", "a,b\n3,what\n")
	if told := watch(1); strings.Contains(told, "1.csv") ||
		!strings.Contains(told, `landing/4.csv: row 0, column b: found "what"`) {
		t.Errorf("told %q", told)
	}
	same("3.csv")
	if all, err := filepath.Glob(filepath.Join(dir, "out", "*")); err != nil || len(all) != 3 {
		t.Errorf("%q (%v)", all, err)
	}
	// An index at fault is none of a file's faults, of which there may be others.
	if told := watch(1, "--on_error=skip", "--index=none.index"); !strings.Contains(told,
		"none.index: found no file of that name") || strings.Contains(told, "not answered") {
		t.Errorf("told %q", told)
	}
	for _, c := range []struct{ flag, want string }{
		{"--index=", "--index is needed"}, {"--queries=x.csv", "--queries: not with --watch and --input"},
		{"--target=a", "--target: not with --watch"},
		{"--output=out/*.npy", ".npy is two files"}, {"--report=x.html", "--report: not with --watch"},
	} {
		if told := watch(2, c.flag); !strings.Contains(told, c.want) {
			t.Errorf("%s: told %q", c.flag, told)
		}
	}
}
