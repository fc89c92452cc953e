package kneighbors_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// sparseFiles writes the same rows of few entries as .csv, .svm, .mtx and .jsonl.
func sparseFiles(t *testing.T, dir, name string, rows, columns int, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	var csv, svm, mtx, jsonl strings.Builder
	entries := 0
	for i := range rows {
		values := make([]string, columns)
		var indices, numbers []string
		fmt.Fprint(&svm, i%3)
		for j := range values {
			values[j] = "0"
			if rng.IntN(60) == 0 || j < 2 && rng.IntN(4) > 0 || i == 0 && j == columns-1 {
				values[j] = fmt.Sprint(1 + rng.IntN(9))
				fmt.Fprintf(&svm, " %d:%s", j+1, values[j])
				fmt.Fprintf(&mtx, "%d %d %s\n", i+1, j+1, values[j])
				indices, numbers = append(indices, strconv.Itoa(j)), append(numbers, values[j])
				entries++
			}
		}
		svm.WriteByte('\n')
		fmt.Fprintf(&jsonl, `{"class":%d,"indices":[%s],"values":[%s]}`+"\n", i%3, strings.Join(indices, ","),
			strings.Join(numbers, ","))
		csv.WriteString(strings.Join(values, ",") + "\n")
	}
	clitest.Write(t, filepath.Join(dir, name+".csv"), csv.String())
	clitest.Write(t, filepath.Join(dir, name+".svm"), svm.String())
	clitest.Write(t, filepath.Join(dir, name+".jsonl"), jsonl.String())
	clitest.Write(t, filepath.Join(dir, name+".mtx"),
		fmt.Sprintf("%%%%MatrixMarket matrix coordinate real general\n%d %d %d\n", rows, columns, entries)+mtx.String())
}

// Queries may have columns beyond those that any point has, if --features says so, of an index, too: else they are at
// fault, and told what says so.
func TestFeatures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.svm"), "0 1:3\n0 2:4\n")
	clitest.Write(t, filepath.Join(dir, "q.svm"), "0 1:3 5:4\n")
	clitest.Write(t, filepath.Join(dir, "x.jsonl"), "{\"indices\":[0],\"values\":[3]}\n{\"indices\":[1],\"values\":[4]}\n")
	clitest.Write(t, filepath.Join(dir, "q.jsonl"), "{\"indices\":[0,4],\"values\":[3,4]}\n")
	for _, ext := range []string{"svm", "jsonl"} {
		args := []string{"--queries=q." + ext, "--k=1", "--report=none", "--output=" + ext + ".csv", "--quiet"}
		_, stderr, code := runCommand(t, dir, append(args, "--input=x."+ext)...)
		if code != 1 || !strings.HasSuffix(stderr, ": --features says how many there are\n") {
			t.Errorf("%s: exit code %d\n%s", ext, code, stderr)
		}
		stdout, stderr, code := clitest.End(t, clitest.Other(dir, "index", "--input=x."+ext, "--features=5", "--index="+ext))
		if code != 0 {
			t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
		}
		for _, points := range [][]string{{"--input=x." + ext, "--features=5"}, {"--index=" + ext}} {
			if _, stderr, code := runCommand(t, dir, append(args, points...)...); code != 0 {
				t.Fatalf("%v: exit code %d\n%s", points, code, stderr)
			}
			const want = "query_id,rank,neighbor_id,distance\n0,1,0,4\n"
			if got := clitest.Read(t, filepath.Join(dir, ext+".csv")); got != want {
				t.Errorf("%v: got\n%s", points, got)
			}
		}
	}
}

// Sparse rows have the bytes that the same rows have dense, whatever the format, the chunks, the threads, and the way
// of the index to the workers.
func TestSparse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sparseFiles(t, dir, "x", 90, 300, 1)
	sparseFiles(t, dir, "q", 20, 300, 2)
	run := func(args ...string) string {
		t.Helper()
		if _, stderr, code := runCommand(t, dir, append(args, "--report=none", "--output=out.csv")...); code != 0 {
			t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
		}
		return clitest.Read(t, filepath.Join(dir, "out.csv"))
	}
	for _, search := range [][]string{{"--k=4", "--metric=cosine"}, {"--radius=14"}} {
		dense := run(append(search, "--input=x.csv", "--header=no")...)
		denseQueries := run(append(search, "--input=x.csv", "--queries=q.csv", "--header=no")...)
		if strings.Count(dense, "\n") < 100 {
			t.Fatal(dense)
		}
		hows := [][]string{{"--input=x.svm", "--chunk_rows=7", "--threads=1"}, {"--input=x.mtx", "--broadcast=file"},
			{"--input=x.jsonl", "--broadcast=side_input"},
			{"--input=x.svm", "--broadcast=shards", "--index_memory=20KB", "--chunk_rows=7"},
			{"--input=x.mtx", "--index_memory=20KB"}}
		if search[0] == "--radius=14" {
			hows = [][]string{{"--input=x.mtx"}}
		}
		for _, how := range hows {
			if run(append(search, how...)...) != dense {
				t.Errorf("%v %v: other neighbours", search, how)
			}
		}
		if run(append(search, "--input=x.mtx", "--queries=q.svm")...) != denseQueries {
			t.Errorf("%v: other neighbours of queries", search)
		}
	}
	// Queries do not tell how many columns there are: the points do.
	clitest.Write(t, filepath.Join(dir, "few.jsonl"), `{"indices":[1],"values":[2]}`+"\n")
	clitest.Write(t, filepath.Join(dir, "few.svm"), "0 2:2\n")
	predict := []string{"--k=5", "--metric=cosine", "--target=class", "--task=classification"}
	if run(append(predict, "--input=x.jsonl", "--queries=few.jsonl")...) != run("--k=5", "--metric=cosine",
		"--task=classification", "--input=x.svm", "--queries=few.svm") {
		t.Error("other predictions of lists of columns")
	}
	clitest.Write(t, filepath.Join(dir, "wide.mtx"),
		"%%MatrixMarket matrix coordinate real general\n3 20000 2\n1 20000 1\n2 7 3\n")
	for _, c := range []struct{ flag, want string }{
		{"--recall=0.9 --metric=correlation", "metric correlation takes at most 16384 columns of sparse rows, found 20000"},
		{"--algorithm=kd_tree", "algorithm kd_tree takes at most 16384 columns of sparse rows, found 20000: use brute"},
	} {
		args := append(strings.Fields(c.flag), "--input=wide.mtx", "--k=1", "--output=wide.csv")
		if _, stderr, code := runCommand(t, dir, args...); code == 0 ||
			!strings.Contains(stderr, c.want) {
			t.Errorf("%s: %s", c.flag, stderr)
		}
	}
	// So many columns are searched exactly, whatever the recall asked: every point, other queries, an index's, the
	// features of a text, and in shards.
	for _, how := range []string{"--index=wide.index", "--index=recall.index --recall=0.9"} {
		args := append(strings.Fields(how), "--input=wide.mtx", "--metric=cosine")
		if _, stderr, code := clitest.End(t, clitest.Other(dir, "index", args...)); code != 0 {
			t.Fatal(stderr)
		}
	}
	clitest.Write(t, filepath.Join(dir, "texts.csv"), "x,colour\n1,red\n2,blue\n3,red\n")
	for _, args := range [][]string{{"--input=wide.mtx", "--metric=cosine"}, {"--index=wide.index"},
		{"--input=texts.csv", "--text=colour", "--hash_bits=15", "--metric=cosine"},
		{"--index=recall.index"}, {"--index=recall.index", "--queries=wide.mtx"},
		{"--input=wide.mtx", "--metric=cosine", "--queries=wide.mtx"}, {"--index=wide.index", "--queries=wide.mtx"},
		{"--input=wide.mtx", "--metric=cosine", "--index_memory=1GB"},
		{"--input=wide.mtx", "--metric=cosine", "--index_memory=300KB"}} {
		var outputs []string
		for _, recall := range []string{"", "--recall=0.9"} {
			all := append([]string{"--k=1", "--output=wide.csv", "--report=none"}, args...)
			if recall != "" {
				all = append(all, recall)
			}
			_, stderr, code := runCommand(t, dir, all...)
			if code != 0 || recall != "" && !strings.Contains(stderr, "recall 1: all were answered exactly") {
				t.Fatalf("%s: %s", all, stderr)
			}
			outputs = append(outputs, clitest.Read(t, filepath.Join(dir, "wide.csv")))
		}
		if outputs[0] != outputs[1] {
			t.Errorf("%s: with a recall\n%s\nwithout\n%s", args, outputs[1], outputs[0])
		}
	}
}
