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
		"--index=x1.index,link.index --queries=q.csv":          "link.index: the same index twice",
		"--index=x2.index,x1.index,copy.index --queries=q.csv": "copy.index: the same index twice",
		"--index=x1.index,cosine.index --queries=q.csv": "cosine.index: found metric " +
			"cosine, expected metric euclidean, as the index x1.index has",
		"--index=x1.index,order.index --queries=q.csv": `order.index: found ["a" "c" "b"], expected columns ["a" "b" "c"], as the index x1.index has`,
		"--index=x1.index,narrow.index --queries=q.csv": "narrow.index: found 2, " +
			"expected 3 columns, as the index x1.index has",
		"--index=x1.index,named.index --queries=q.csv": "named.index: found ids of a " +
			"column, expected ids that are the numbers of rows, as the index x1.index has",
		"--index=x1.index,x1.index --queries=q.csv": "x1.index: the same index twice",
		"--index=x1.index,x2.index --queries=q.csv --input=x1.csv": "x1.index: found indexes of 2 " +
			"files, not of the 1 of the input",
		"--index=x2.index,x1.index --queries=q.csv --input=x1.csv,x2.csv --on_error=skip": "x2.index: found an index of " +
			"x2.csv, not of x1.csv",
		"--index=x1.index,none.index --queries=q.csv": "none.index: found no file of that name",
		"--index=none*.index --queries=q.csv":         "none*.index: found no file that matches",
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--columns=a,b,c", "--k=3", "--output=bad.csv")...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d: %s, want %s", args, code, stderr, want)
		}
	}
}

// Several indexes give whatever one of all their points gives: predictions, outliers, neighbours by rules, the
// neighbours of every point, a graph, and the answers to what comes through a pipe.
func TestSeveralAnswer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(5, 1))
	write := func(name string, rows int) {
		var text strings.Builder
		text.WriteString("name,kind,a,b\n")
		for i := range rows {
			fmt.Fprintf(&text, "%s%d,%c,%d,%d\n", name, i, 'k'+r.IntN(4), r.IntN(9), r.IntN(9))
		}
		clitest.Write(t, filepath.Join(dir, name+".csv"), text.String())
	}
	write("x1", 40)
	write("x2", 25)
	write("q", 20)
	const columns = "--columns=a,b"
	for i, files := range []string{"x1.csv", "x2.csv", "x1.csv,x2.csv"} {
		buildIndex(t, dir, columns, "--id_column=name", "--input="+files, fmt.Sprintf("--index=x%d.index", i+1))
	}
	const input, queries = "--input=x1.csv,x2.csv", "--queries=q.csv"
	for i, args := range [][]string{
		{"--outliers=lof", "--k=5"},
		{input, queries, "--target=kind", "--task=classification", "--k=3"},
		{input, "--target=kind", "--task=classification", "--k=1,3,7"},
		{input, queries, "--exclude_same=kind", "--max_per=kind:2", "--k=9"},
		{queries, "--outliers=lof", "--k=5", "--contamination=0.1"},
		{input, "--filter=b<6", "--only_same=kind", "--k=4"},
		{"--k=3", "--chunk_rows=16", "--include_self"},
		{"--radius=2", "--symmetric=union"},
		{input, queries, "--before=a", "--k=4", "--radius=5"},
	} {
		if clitest.LeftOut(i) {
			continue
		}
		var got [2]string
		for j, index := range []string{"x3.index", "x1.index,x2.index"} {
			_, stderr, code := runCommand(t, dir, append(args, columns, "--id_column=name", "--report=none", "--output=out.csv",
				"--index="+index)...)
			if code != 0 {
				t.Fatalf("%v of %s: exit code %d\n%s", args, index, code, stderr)
			}
			got[j] = clitest.Read(t, filepath.Join(dir, "out.csv"))
		}
		if got[0] != got[1] || strings.Count(got[0], "\n") < 10 {
			t.Errorf("%v: other answers of several indexes:\n%.300s\nwant\n%.300s", args, got[1], got[0])
		}
	}
	var got [2]string
	for j, index := range []string{"x3.index", "x1.index,x2.index"} {
		c := clitest.Command(dir, "--index="+index, "--input=-", "--input_format=csv", columns, "--id_column=name", "--k=3",
			"--output=-", "--output_format=csv")
		c.Stdin = strings.NewReader(clitest.Read(t, filepath.Join(dir, "q.csv")))
		stdout, stderr, code := clitest.End(t, c)
		if got[j] = stdout; code != 0 || strings.Contains(stderr, "at the end of standard input") {
			t.Fatalf("a pipe to %s: exit code %d\n%s", index, code, stderr)
		}
	}
	if got[0] != got[1] || strings.Count(got[0], "\n") != 61 {
		t.Errorf("a pipe: other answers of several indexes:\n%.300s\nwant\n%.300s", got[1], got[0])
	}
}

// Where one of several indexes is a version from which points were deleted, and to which others were added, they answer
// as one index of the rows that there are.
func TestSeveralOfVersions(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), rand.New(rand.NewPCG(6, 1))
	var rows []string
	for i := range 90 {
		rows = append(rows, fmt.Sprintf("n%d,%d,%d\n", i, r.IntN(9), r.IntN(9)))
	}
	table := func(name string, some ...string) {
		clitest.Write(t, filepath.Join(dir, name), "name,a,b\n"+strings.Join(some, ""))
	}
	table("x1.csv", rows[:40]...)
	table("x2.csv", rows[40:70]...)
	table("more.csv", rows[70:]...)
	table("left.csv", append(append([]string{}, rows[2:40]...), rows[70:]...)...)
	clitest.Write(t, filepath.Join(dir, "gone.csv"), "name\nn0\nn1\n")
	buildIndex(t, dir, "--id_column=name", "--input=x1.csv", "--index=x1.index")
	buildIndex(t, dir, "--id_column=name", "--input=x2.csv", "--index=x2.index")
	buildIndex(t, dir, "--from=x1.index", "--append=more.csv", "--delete=gone.csv", "--index=new.index")
	buildIndex(t, dir, "--id_column=name", "--input=left.csv,x2.csv", "--index=all.index")
	var got [2]string
	for i, index := range []string{"all.index", "new.index,x2.index"} {
		_, stderr, code := runCommand(t, dir, "--index="+index, "--queries=x1.csv", "--id_column=name", "--k=80",
			"--report=none", "--output=out.csv")
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", index, code, stderr)
		}
		got[i] = clitest.Read(t, filepath.Join(dir, "out.csv"))
	}
	neighbor := func(name string) bool { return strings.Contains(got[1], ","+name+",") }
	if got[0] != got[1] || neighbor("n0") || neighbor("n1") || !neighbor("n2") || !neighbor("n89") || !neighbor("n69") {
		t.Errorf("a version and another index:\n%.500s\nwant\n%.500s", got[1], got[0])
	}
}
