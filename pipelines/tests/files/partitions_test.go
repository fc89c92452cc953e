package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Tables in directories NAME=VALUE give what one table gives that has these columns, in every command.
func TestPartitions(t *testing.T) {
	t.Parallel()
	flat, dirs := t.TempDir(), t.TempDir()
	// in the order of the paths, which is that of the rows
	for i, kind := range []string{"", "elm tree", "oak"} {
		value := strings.ReplaceAll(kind, " ", "%20")
		if kind == "" {
			value = "__HIVE_DEFAULT_PARTITION__"
		}
		for _, year := range []int{2025, 2026} {
			part, whole := "id,a,y\n", "id,a,y,kind,year\n"
			for k := range 20 {
				id := 100*i + 50*(year-2025) + k
				row := fmt.Sprintf("r%d,%d.5,%d", id, id*id%23, (id*id%23+year+i)%7)
				part += row + "\n"
				whole += fmt.Sprintf("%s,%s,%d\n", row, kind, year)
			}
			dir := filepath.Join(dirs, "x", "kind="+value, fmt.Sprintf("year=%d", year))
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			clitest.Write(t, filepath.Join(dir, "part.csv"), part)
			clitest.Write(t, filepath.Join(flat, fmt.Sprintf("x%d-%d.csv", i, year)), whole)
		}
	}
	for _, c := range []struct {
		command, output string
		args            []string
	}{
		{"sgd", "m.json", []string{"--target=y", "--task=regression", "--output_model=m.json", "--report=none"}},
		{"predict", "p.csv", []string{"--model=m.json", "--output=p.csv"}},
		{"kneighbors", "n.csv", []string{"--k=3", "--columns=a,year", "--report=none", "--output=n.csv"}},
		{"kneighbors", "f.csv", []string{"--k=3", "--columns=a", "--filter=year=2026 and kind=\"oak\"", "--report=none",
			"--output=f.csv"}},
		{"kneighbors", "e.csv", []string{"--k=3", "--encode=auto", "--report=none", "--output=e.csv"}},
		{"transform", "t.csv", []string{"--output=t.csv"}},
		{"bayes", "b.json", []string{"--kind=categorical", "--target=y", "--columns=kind,year", "--output_model=b.json",
			"--report=none"}},
		{"eigen", "v.csv", []string{"--components=2", "--columns=a,year", "--output=v.csv", "--report=none"}},
	} {
		for dir, input := range map[string]string{flat: "x*.csv", dirs: "x/*/*/*.csv"} {
			args := append([]string{"--input=" + input, "--id_column=id"}, c.args...)
			if _, stderr, code := clitest.End(t, clitest.Other(dir, c.command, args...)); code != 0 {
				t.Fatalf("%s %q: exit code %d\n%s", c.command, args, code, stderr)
			}
		}
		got, want := clitest.Read(t, filepath.Join(dirs, c.output)), clitest.Read(t, filepath.Join(flat, c.output))
		if got != want {
			t.Errorf("%s: \n%s\nexpected\n%s", c.command, got[:min(len(got), 500)], want[:min(len(want), 500)])
		}
	}
	stdout, stderr, code := clitest.End(t, clitest.Other(dirs, "inspect", "x/*/*/*.csv"))
	if code != 0 || !strings.Contains(stdout+stderr, "elm tree") || !strings.Contains(stdout+stderr, "year") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	for args, want := range map[string]string{
		"--id_column=id --impute=uniform --k=3 --output=i.csv":               "directories NAME=VALUE",
		"--columns=a --target=kind --task=regression --k=3 --output=i.csv":   "expected a number in the directory",
		"--id_column=id --columns=a,kind --k=3 --output=i.csv --encode=none": "expected a number in the directory",
	} {
		_, stderr, code := clitest.End(t, clitest.Other(dirs, "kneighbors",
			append(strings.Fields(args), "--input=x/*/*/*.csv")...))
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d\n%s", args, code, stderr)
		}
	}
}

// What rules go by, a target and a colour may be a directory NAME=VALUE, too: of a number, and of a text, of which some
// rows have none.
func TestPartitionAsTarget(t *testing.T) {
	t.Parallel()
	flat, dirs := t.TempDir(), t.TempDir()
	for i, kind := range []string{"", "elm tree", "oak"} { // in the order of the paths, which is that of the rows
		value := strings.ReplaceAll(kind, " ", "%20")
		if kind == "" {
			value = "__HIVE_DEFAULT_PARTITION__"
		}
		for _, year := range []int{2025, 2026} {
			part, whole := "id,a,b\n", "id,a,b,kind,year\n"
			for k := range 15 {
				id := 100*i + 50*(year-2025) + k
				row := fmt.Sprintf("r%d,%d.5,%d", id, id*id%23+5*i, (id*id%23+year)%7)
				part += row + "\n"
				whole += fmt.Sprintf("%s,%s,%d\n", row, kind, year)
			}
			dir := filepath.Join(dirs, "x", "kind="+value, fmt.Sprintf("year=0%d", year))
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			clitest.Write(t, filepath.Join(dir, "part.csv"), part)
			clitest.Write(t, filepath.Join(flat, fmt.Sprintf("x%d-%d.csv", i, year)), whole)
		}
	}
	queries := "id,a,b,kind,year\nq0,3,4,oak,2025\nq1,3,4,elm tree,2026\nq2,3,4,ash,2024\n"
	clitest.Write(t, filepath.Join(flat, "q.csv"), queries)
	clitest.Write(t, filepath.Join(dirs, "q.csv"), queries)
	neighbours := "kneighbors --columns=a,b --k=4 --report=none --output=o.csv "
	for i, args := range []string{
		neighbours + "--only_same=year",
		neighbours + "--only_same=kind",
		neighbours + "--only_same=kind --queries=q.csv",
		neighbours + "--exclude_same=kind",
		neighbours + "--exclude_same=year --queries=q.csv",
		neighbours + "--max_per=kind:2",
		neighbours + "--max_per=year:1 --exclude_same=kind",
		neighbours + "--before=year --only_same=kind",
		neighbours + "--target=kind --task=classification",
		neighbours + "--target=year --task=regression",
		"sgd --columns=a,b --target=kind --task=classification --report=none --output_model=o.csv",
		"sgd --target=year --task=regression --report=none --output_model=o.csv",
		"sgd --encode=none --columns=a,b --target=year --task=regression --report=none --output_model=o.csv",
		"predict --model=o.csv --target=year --evaluate --output=p.csv",
		"bayes --kind=gaussian --columns=a,b --target=kind --report=none --output_model=o.csv",
		"eigen --components=2 --columns=a,b --color=kind --report=none --output=o.csv",
	} {
		if clitest.Brief() && strings.HasPrefix(args, neighbours) && i%2 == 0 {
			continue
		}
		for dir, input := range map[string]string{flat: "x*.csv", dirs: "x/*/*/*.csv"} {
			words := append(strings.Fields(args), "--input="+input, "--id_column=id")
			if _, stderr, code := clitest.End(t, clitest.Other(dir, words[0], words[1:]...)); code != 0 {
				t.Fatalf("%s: exit code %d\n%s", words, code, stderr)
			}
		}
		name := "o.csv"
		if strings.HasPrefix(args, "predict") {
			name = "p.csv"
		}
		got, want := clitest.Read(t, filepath.Join(dirs, name)), clitest.Read(t, filepath.Join(flat, name))
		if got != want {
			t.Errorf("%s:\n%s\nexpected\n%s", args, got[:min(len(got), 500)], want[:min(len(want), 500)])
		}
	}
}

// A directory that is that of all files is no column, unless a model or another table names it.
func TestPartitionOfOneValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var rows [2]strings.Builder
	for i := range rows {
		rows[i].WriteString("id,a,b,y\n")
		for k := range 12 {
			fmt.Fprintf(&rows[i], "r%d-%d,%d.5,%d,%d\n", i, k, k*k%7, (5*k+i)%11, (k*k%7+3*i)%9)
		}
		clitest.Write(t, filepath.Join(dir, fmt.Sprintf("flat%d.csv", i)), rows[i].String())
		part := filepath.Join(dir, fmt.Sprintf("x/year=%d", 3*i))
		if err := os.MkdirAll(part, 0o777); err != nil {
			t.Fatal(err)
		}
		clitest.Write(t, filepath.Join(part, "part.csv"), rows[i].String())
	}
	run := func(command, args string) string {
		t.Helper()
		stdout, stderr, code := clitest.End(t, clitest.Other(dir, command, strings.Fields(args)...))
		if code != 0 {
			t.Fatalf("%s %s: exit code %d\n%s", command, args, code, stderr)
		}
		return stdout + stderr
	}
	neighbours := " --id_column=id --metric=cosine --k=3 --report=none --output=n.csv --input="
	run("kneighbors", neighbours+"flat1.csv")
	want := clitest.Read(t, filepath.Join(dir, "n.csv"))
	for _, columns := range []string{"", " --columns=*"} {
		said := run("kneighbors", neighbours+"x/year=3/*.csv"+columns)
		if got := clitest.Read(t, filepath.Join(dir, "n.csv")); got != want || !strings.Contains(said, "left out: year") {
			t.Errorf("%q: %s\n%s\nexpected\n%s", columns, said, got, want)
		}
	}

	run("kneighbors", neighbours+"flat1.csv --columns=a,b --filter=y>3")
	want = clitest.Read(t, filepath.Join(dir, "n.csv"))
	run("kneighbors", neighbours+"x/year=3/*.csv --columns=a,b --filter=(y>3)and(year=3)")
	if got := clitest.Read(t, filepath.Join(dir, "n.csv")); got != want {
		t.Errorf("a condition on it: %s\nexpected\n%s", got, want)
	}

	run("sgd", "--input=x/*/*.csv --id_column=id --target=y --task=regression --output_model=m.json --report=none")
	run("predict", "--model=m.json --input=x/*/*.csv --id_column=id --output=all.csv")
	run("predict", "--model=m.json --input=x/year=3/*.csv --id_column=id --output=one.csv")
	all := strings.SplitAfter(clitest.Read(t, filepath.Join(dir, "all.csv")), "\n")
	if got, want := clitest.Read(t, filepath.Join(dir, "one.csv")), all[0]+strings.Join(all[13:], ""); got != want {
		t.Errorf("of one directory\n%s\nexpected\n%s", got, want)
	}

	run("kneighbors", neighbours+"x/*/*.csv --queries=x/*/*.csv")
	all = strings.SplitAfter(clitest.Read(t, filepath.Join(dir, "n.csv")), "\n")
	run("kneighbors", neighbours+"x/*/*.csv --queries=x/year=3/*.csv")
	if got, want := clitest.Read(t, filepath.Join(dir, "n.csv")), all[0]+strings.Join(all[37:], ""); got != want {
		t.Errorf("queries of one directory\n%s\nexpected\n%s", got, want)
	}
}

// Columns of directories come in the order that is asked for, as others do: what reads by place reads the right ones.
func TestPartitionOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := "u,v,item,month\n"
	for _, item := range []int{5, 7} {
		part := "u,v\n"
		for k, u := range []string{"a", "b", "c"} {
			part += fmt.Sprintf("%s,%d.5\n", u, k+item)
			whole += fmt.Sprintf("%s,%d.5,%d,%d\n", u, k+item, item, 12-item)
		}
		at := filepath.Join(dir, fmt.Sprintf("x/item=%d/month=%d", item, 12-item))
		if err := os.MkdirAll(at, 0o777); err != nil {
			t.Fatal(err)
		}
		clitest.Write(t, filepath.Join(at, "part.csv"), part)
	}
	clitest.Write(t, filepath.Join(dir, "flat.csv"), whole)
	for _, args := range []string{
		"transform --row=u --column=item --value=v --output=o.svm",
		"transform --row=item --column=u --value=v --output=o.svm",
		"transform --row=item --column=month --value=v --output=o.svm",
		"transform --id_column=item --columns=month,v --output=o.csv",
		"transform --id_column=u --columns=month,v,item --output=o.csv",
		"transform --id_column=u --columns=item,month,v --output=o.csv",
		"transform --id_column=u --columns=v,month,item --output=o.csv",
		"recommend --row=u --column=item --value=v --k=1 --top=1 --output=o.csv --report=none",
		"recommend --row=month --column=u --value=v --k=1 --top=1 --exclude_seen=false --output=o.csv --report=none",
	} {
		var outputs []string
		for _, input := range []string{"flat.csv", "x/*/*/*.csv"} {
			words := append(strings.Fields(args), "--input="+input)
			if _, stderr, code := clitest.End(t, clitest.Other(dir, words[0], words[1:]...)); code != 0 {
				t.Fatalf("%s: exit code %d\n%s", words, code, stderr)
			}
			name := "o.csv"
			if strings.Contains(args, "o.svm") {
				name = "o.svm"
			}
			outputs = append(outputs, clitest.Read(t, filepath.Join(dir, name)))
		}
		if outputs[0] != outputs[1] {
			t.Errorf("%s: of one file\n%s\nof directories\n%s", args, outputs[0], outputs[1])
		}
	}
}
