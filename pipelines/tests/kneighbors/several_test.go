package kneighbors_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Several indexes answer with the bytes of one that was built of all their points: nearest ones and those within a
// radius, with ids and with numbers of rows, with ties across them, and where rows were left out of one.
func TestSeveralIndexes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, seed uint64, from, rows int, faulty bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		var text strings.Builder
		text.WriteString("name,a,b,c\n")
		for i := range rows {
			fmt.Fprintf(&text, "n%d,%d,%d,%d\n", from+i, r.IntN(9), r.IntN(9), r.IntN(9))
			if faulty && i == 3 {
				text.WriteString("bad,1,nan,2\n")
			}
		}
		clitest.Write(t, filepath.Join(dir, name), text.String())
	}
	write("x1.csv", 1, 0, 70, true)
	write("x2.csv", 2, 70, 30, false)
	write("x3.csv", 3, 100, 2, false)
	write("q.csv", 4, 0, 40, false)
	for _, columns := range []string{"--id_column=name", "--columns=a,b,c"} {
		input := []string{columns, "--on_error=skip"}
		for i, files := range []string{"x1.csv", "x2.csv", "x3.csv", "x1.csv,x2.csv,x3.csv"} {
			buildIndex(t, dir, append(input, "--input="+files, fmt.Sprintf("--index=x%d.index", i+1))...)
		}
		run := func(indexes string, args ...string) string {
			t.Helper()
			args = append(args, columns, "--queries=q.csv", "--report=none", "--output=out.csv", "--index="+indexes)
			if _, stderr, code := runCommand(t, dir, args...); code != 0 {
				t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
			}
			return clitest.Read(t, filepath.Join(dir, "out.csv"))
		}
		several := "x1.index,x2.index,x3.index"
		for _, search := range [][]string{{"--radius=3"}, {"--k=80", "--chunk_rows=7"}} {
			want := run("x4.index", search...)
			if strings.Count(want, "\n") < 40 {
				t.Fatal(want)
			}
			if got := run(several, search...); got != want {
				t.Errorf("%s %v: other neighbours of several indexes:\n%.300s\nwant\n%.300s", columns, search, got, want)
			}
			several = "x[12].index,x3.ind*"
		}
	}
	buildIndex(t, dir, "--input=x2.csv", "--columns=a,b,c", "--metric=cosine", "--index=cosine.index")
	buildIndex(t, dir, "--input=x2.csv", "--columns=a,c,b", "--index=order.index")
	buildIndex(t, dir, "--input=x2.csv", "--columns=a,b", "--index=narrow.index")
	buildIndex(t, dir, "--input=x2.csv", "--id_column=name", "--index=named.index")
	if err := os.Symlink("x1.index", filepath.Join(dir, "link.index")); err != nil {
		t.Fatal(err)
	}
	clitest.Write(t, filepath.Join(dir, "copy.index"), clitest.Read(t, filepath.Join(dir, "x2.index")))
	for args, want := range map[string]string{
		"--index=x1.index,link.index --queries=q.csv":              "link.index: the same index twice",
		"--index=x2.index,x1.index,copy.index --queries=q.csv":     "copy.index: the same index twice",
		"--index=x1.index,cosine.index --queries=q.csv":            "cosine.index: found metric cosine, expected metric euclidean, as the index x1.index has",
		"--index=x1.index,order.index --queries=q.csv":             `order.index: found ["a" "c" "b"], expected columns ["a" "b" "c"], as the index x1.index has`,
		"--index=x1.index,narrow.index --queries=q.csv":            "narrow.index: found 2, expected 3 columns, as the index x1.index has",
		"--index=x1.index,named.index --queries=q.csv":             "named.index: found ids of a column, expected ids that are the numbers of rows, as the index x1.index has",
		"--index=x1.index,x1.index --queries=q.csv":                "x1.index: the same index twice",
		"--index=x1.index,x2.index":                                "several indexes need queries",
		"--index=x1.index,x2.index --queries=q.csv --input=x1.csv": "--input: without it, where --index names several",
		"--index=x1.index,x2.index --queries=q.csv --outliers=kth": "several indexes list neighbours: without outliers",
		"--index=x1.index,none.index --queries=q.csv":              "none.index: found no file of that name",
		"--index=none*.index --queries=q.csv":                      "none*.index: found no file that matches",
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--columns=a,b,c", "--k=3", "--output=bad.csv")...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d: %s, want %s", args, code, stderr, want)
		}
	}
}
