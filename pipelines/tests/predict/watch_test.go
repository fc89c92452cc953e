package predict_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beamlearn/pipelines/internal/clitest"
)

// Each file is answered once, in a file of its own, with the bytes of a job over it, by the model as it is then.
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
		return run(want, "predict", append([]string{"--watch", "--once", "--settle=0s", "--model=m.json",
			"--input=landing/*.csv", "--output=out/*.csv", "--proba"}, more...)...)
	}
	learn := func(rows string) {
		t.Helper()
		put("x.csv", rows)
		run(0, "sgd", "--input=x.csv", "--target=y", "--task=classification", "--report=none", "--output_model=m.json",
			"--quiet")
	}
	learn("a,b,y\n1,2,no\n3,1,yes\n4,1,yes\n0,5,no\n")
	put("landing/1.csv", "a,b\n1,1\n2,5\n")
	put("landing/2.csv", "a,b\n3,1\n")
	put("landing/.part.csv", "nothing")
	whole := func(name string) string {
		t.Helper()
		run(0, "predict", "--model=m.json", "--input=landing/"+name, "--output=whole.csv", "--proba", "--quiet")
		return clitest.Read(t, filepath.Join(dir, "whole.csv"))
	}
	one, two := whole("1.csv"), whole("2.csv")
	watch(0)
	same := func(name, want string) {
		t.Helper()
		if got := clitest.Read(t, filepath.Join(dir, "out", name)); got != want {
			t.Errorf("%s is %q, expected %q", name, got, want)
		}
	}
	same("1.csv", one)
	same("2.csv", two)

	learn("a,b,y\n1,2,yes\n3,1,no\n4,1,no\n0,5,yes\n")
	put("landing/3.csv", "a,b\n3,1\n")
	if told := watch(0); strings.Contains(told, "1.csv") {
		t.Errorf("told %q", told)
	}
	same("2.csv", two)
	same("3.csv", whole("3.csv"))
	if whole("3.csv") == two {
		t.Error("two models say the same")
	}

	put("landing/4.csv", "a,b\n3,what\n1,1\n")
	put("landing/5.csv", "c\n1\n")
	put("landing/6.csv", "a,b\n3,1\n")
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "landing", "1.csv"), later, later); err != nil {
		t.Fatal(err)
	}
	if told := watch(1); !strings.Contains(told, `landing/4.csv: row 0, column b: found "what"`) ||
		!strings.Contains(told, "landing/1.csv has changed since it was answered: remove out/1.csv") {
		t.Errorf("told %q", told)
	}
	if told := watch(0, "--on_error=skip"); !strings.Contains(told, "not answered: landing/5.csv") {
		t.Errorf("told %q", told)
	}
	same("6.csv", whole("6.csv"))
	if rejected := clitest.Read(t, filepath.Join(dir, "out", "4.csv.rejected.jsonl")); strings.Count(rejected, "\n") != 1 {
		t.Errorf("rejected %q", rejected)
	}
	if _, err := os.Stat(filepath.Join(dir, "out", "5.csv")); err == nil {
		t.Error("what cannot be read is answered")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "out", ".*")); err != nil || len(left) > 0 {
		t.Errorf("%q are left (%v)", left, err)
	}
	for _, c := range []struct{ flag, want string }{
		{"--output=out/x.csv", "give a name with a * for that of the file"},
		{"--output=landing/*.csv", "would take landing/x.csv for an input"},
		{"--input=landing/*.jsonl --output=landing/*.csv --on_error=skip",
			"would take landing/x.csv.rejected.jsonl for an input"},
		{"--num_shards=2", "--num_shards"}, {"--watch=false", "--once: is of --watch"},
	} {
		if told := watch(2, strings.Fields(c.flag)...); !strings.Contains(told, c.want) {
			t.Errorf("%s: told %q", c.flag, told)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o777); err != nil {
		t.Fatal(err)
	}
	put("other/9.csv", "a,b\n3,1\n")
	put("landing/9.csv", "a,b\n3,2\n")
	if told := watch(1, "--input=landing/9.csv,other/9.csv"); !strings.Contains(told,
		"would both be answered in out/9.csv") {
		t.Errorf("told %q", told)
	}
}
