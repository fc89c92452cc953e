package transform_test

import (
	"encoding/csv"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Rows of numbers are written in another format, with the targets of .svm, by whatever way.
func TestNumbers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := clitest.Read(t, clitest.Testdata(t, "digits.svm"))
	mustRun(t, dir, "--input="+clitest.Testdata(t, "digits.svm"), "--output=a.csv")
	rows, err := csv.NewReader(strings.NewReader(clitest.Read(t, filepath.Join(dir, "a.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "#") })
	if len(rows) != len(lines)+1 || rows[0][0] != "target" || rows[0][1] != "0" {
		t.Fatalf("%d rows of %d, %q", len(rows), len(lines), rows[0][:2])
	}
	for i, line := range lines {
		fields := strings.Fields(line)
		want := make([]string, len(rows[0]))
		for j := range want {
			want[j] = "0"
		}
		want[0] = fields[0]
		for _, f := range fields[1:] {
			index, value, _ := strings.Cut(f, ":")
			if index == "qid" {
				continue
			}
			j, err := strconv.Atoi(index)
			if err != nil {
				t.Fatal(err)
			}
			want[j] = value
		}
		if got := strings.Join(rows[i+1], ","); got != strings.Join(want, ",") {
			t.Fatalf("row %d is %s, want %s", i, got, strings.Join(want, ","))
		}
	}
	mustRun(t, dir, "--input="+clitest.Testdata(t, "digits.svm"), "--output=a.npz", "--chunk_rows=7")
	mustRun(t, dir, "--input=a.npz", "--output=b.npy")
	mustRun(t, dir, "--input=b.npy", "--output=c.npz")
	mustRun(t, dir, "--input=c.npz", "--output=d.npy")
	if clitest.Read(t, filepath.Join(dir, "b.npy")) != clitest.Read(t, filepath.Join(dir, "d.npy")) {
		t.Error("rows of .npy are others by way of .npz")
	}
	for args, want := range map[string]string{
		"--input=a.npz --output_encoding=e.json":       "--output is needed: rows of numbers are only written",
		"--input=a.npz --output=x.npy --standardize":   "rows of numbers stay as they are",
		"--input=a.csv,a.npz --output=x.npy":           "a.npz: found",
		"--input=b.npy --output=x.npy --categorical=0": "rows of numbers stay as they are",
	} {
		if _, stderr, code := clitest.End(t, clitest.Command(dir, strings.Fields(args)...)); code == 0 ||
			!strings.Contains(stderr, want) {
			t.Errorf("%s: %d, %s", args, code, stderr)
		}
	}
}
