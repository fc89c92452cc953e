package inspect_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Of a table, inspect tells what each column is, the same from every format, and ends with commands that run as they stand.
func TestTable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var first string
	for _, ext := range []string{"csv", "jsonl", "parquet", "arrow"} {
		name := clitest.Testdata(t, "flights_small."+ext)
		stdout, stderr, code := clitest.End(t, clitest.Command(dir, name))
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", ext, code, stderr)
		}
		_, text, found := strings.Cut(stdout, ": a table: as sgd takes it, and kneighbors and eigen with --encode=auto, ")
		if !found {
			t.Fatalf("%s: no table in\n%s", ext, stdout)
		}
		text = strings.ReplaceAll(text, name, "FILE")
		if first == "" {
			first = text
		} else if text != first {
			t.Errorf("%s: got\n%s\nfrom .csv\n%s", ext, text, first)
		}
	}
	for _, want := range []string{
		"carrier         0 %      categorical  14 distinct values; the most frequent: UA 17.8 %, EV 17.2 %, B6 16.1 %, …",
		"gate            10.8 %   numeric      numbers from 0 to 39; 51 of 471 missing",
		"time_hour       0 %      date         days from 2013-01-01 to 2013-12-31",
		"early           0 %      boolean      101 true, 370 false",
		"to predict  delayed: beamlearn sgd --input=FILE --target=delayed --task=classification --alpha=auto --output_model=out/model.json",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in\n%s", want, first)
		}
	}

	var b strings.Builder
	b.WriteString("id,when,colour,size,sold\n")
	for i := range 120 {
		fmt.Fprintf(&b, "row%d,2026-%02d-%02d,%s,%v,%v\n", i, i%12+1, i%28+1, []string{"red", "green", ""}[i%3], []any{i % 7, ""}[i%10/9], i%7+i%3 > 4)
	}
	clitest.Write(t, filepath.Join(dir, "t.csv"), b.String())
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "t.csv"))
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	ran := 0
	for line := range strings.Lines(stdout) {
		_, command, found := strings.Cut(line, ": beamlearn ")
		if !found {
			continue
		}
		ran++
		args := strings.Fields(command)
		if _, stderr, code := clitest.End(t, clitest.Program(dir, args...)); code != 0 {
			t.Errorf("%v: exit code %d\n%s", args, code, stderr)
		}
	}
	if ran != 3 {
		t.Errorf("%d commands in\n%s", ran, stdout)
	}
}

// A table without numbers is a table; some rows of it are looked at; numbers alone are none; names are quoted for a shell.
func TestTableKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("the kind,what\n")
	for i := range 100 {
		fmt.Fprintf(&b, "k%d,%s\n", i%3, []string{"it's", "b"}[i/90])
	}
	clitest.Write(t, filepath.Join(dir, "a, b.csv"), b.String())
	clitest.Write(t, filepath.Join(dir, "n.csv"), "x,y\n1,2\n3,4\n")
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "a\\, b.csv"))
	for _, want := range []string{"a, b.csv: a table: ", "3 distinct values; the most frequent: k0 34 %, k1 33 %, k2 33 %", `--input='a\, b.csv' --target=what`} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d, no %q in\n%s%s", code, want, stdout, stderr)
		}
	}
	stdout, stderr, code = clitest.End(t, clitest.Command(dir, "--json", "--rows=90", "a\\, b.csv"))
	var got struct {
		Table struct {
			Rows    int64
			Columns []struct {
				Name, Kind string
				Frequent   []struct {
					Value string
					Rows  int64
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatal(err, stderr)
	}
	if s := fmt.Sprint(got); s != "{{90 [{the kind categorical [{k0 30} {k1 30} {k2 30}]} {what left out []}]}}" {
		t.Error(s)
	}
	if stdout, stderr, code = clitest.End(t, clitest.Command(dir, "n.csv")); code != 0 || strings.Contains(stdout, "a table") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
