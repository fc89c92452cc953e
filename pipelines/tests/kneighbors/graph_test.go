package kneighbors_test

import (
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// With --include_self each point is its own first neighbour and one of k, as UMAP wants it; a graph has rows and
// columns of the numbers of rows, though ids are texts.
func TestGraphFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "name,x\nann,0\nbob,5\ncid,1\ndan,2\n")
	clitest.Write(t, filepath.Join(dir, "plain.csv"), "x\n0\n5\n1\n2\n")
	for _, args := range []string{
		"--input=x.csv --id_column=name --k=2 --include_self --output=self.mtx",
		"--input=plain.csv --k=2 --include_self --output=self.npy",
		"--input=x.csv --id_column=name --k=1 --symmetric=union --layout=edges --output=union.csv",
		"--input=x.csv --id_column=name --radius=1 --mode=connectivity --output=ones.mtx",
		"--input=x.csv --id_column=name --metric=cosine --k=1 --layout=nested --similarity --output=nested.csv",
	} {
		if _, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--quiet", "--report=none")...); code != 0 {
			t.Fatalf("%s: exit code %d, %s", args, code, stderr)
		}
	}
	for name, want := range map[string]string{
		"self.mtx": "%%MatrixMarket matrix coordinate real general\n4 4 8\n1 1 0\n1 3 1\n2 2 0\n2 4 3\n3 3 0\n3 1 1\n4 4 " +
			"0\n4 3 1\n",
		"ones.mtx":  "%%MatrixMarket matrix coordinate pattern general\n4 4 4\n1 3\n3 1\n3 4\n4 3\n",
		"union.csv": "source,target,distance\nann,cid,1\nbob,dan,3\ncid,ann,1\ncid,dan,1\ndan,cid,1\ndan,bob,3\n",
		"nested.csv": "id,neighbors,distances,similarities\nann,\"[\"\"bob\"\"]\",[1],[0]\nbob,\"[\"\"cid\"\"]\",[0],[1]\n" +
			"cid,\"[\"\"bob\"\"]\",[0],[1]\ndan,\"[\"\"bob\"\"]\",[0],[1]\n",
	} {
		if got := clitest.Read(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
	b := []byte(clitest.Read(t, filepath.Join(dir, "self.indices.npy")))
	got := make([]int64, 8)
	if _, err := binary.Decode(b[128:], binary.LittleEndian, got); err != nil ||
		[8]int64(got) != [8]int64{0, 2, 1, 3, 2, 0, 3, 2} {
		t.Errorf("self.indices.npy: %v, %v", got, err)
	}
}

// Flags that do not go together are said so, before any work.
func TestGraphFlagsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "x\n0\n5\n1\n2\n")
	for args, want := range map[string]string{
		"--k=1 --include_self --output=g.npz": "--include_self counts each point as the first of its " +
			"--k=1 neighbours",
		"--k=5 --include_self --output=g.npz":                 "k = 5: must be at most the number of points, 4",
		"--k=1 --layout=long --output=g.npz":                  "layout long: .npz has a layout of its own",
		"--k=1 --layout=wide --output=g.csv":                  `layout "wide": must be one of long, nested, edges`,
		"--k=1 --mode=connectivity --output=g.csv":            "mode connectivity is of graphs",
		"--k=1 --mode=ones --output=g.npz":                    "--mode=ones: must be one of connectivity, distance",
		"--k=1 --symmetric=both --output=g.npz":               `symmetric "both": must be one of none, union, mutual`,
		"--k=1 --symmetric=union --output=g.npy":              ".npy holds as many neighbours for each query",
		"--k=1 --similarity --output=g.csv":                   "similarity: euclidean is a distance that none belongs to",
		"--k=1 --num_shards=2 --output=g.mtx":                 ".mtx is one file with the whole graph",
		"--k=2 --include_self --queries=x.csv --output=g.npz": "include_self is of points that are the queries",
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--input=x.csv", "--quiet")...)
		if code != 2 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") > 2 {
			t.Errorf("%s: exit code %d, %s", args, code, stderr)
		}
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*g.*")); err != nil || len(files) > 0 {
		t.Errorf("left %v, %v", files, err)
	}
}
