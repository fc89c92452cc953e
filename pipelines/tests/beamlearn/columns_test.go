package beamlearn_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// A column that a flag names and no file has is a fault of the command line, in every command and before any work.
func TestColumnsAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "t.csv"), "a,b,y\n1,2,0\n2,1,1\n4,4,0\n3,0,1\n")
	if _, stderr, code := clitest.End(t,
		clitest.Program(dir, strings.Fields(
			"sgd --input=t.csv --target=y --task=classification --model=m.json")...)); code != 0 {
		t.Fatal(stderr)
	}
	for name, flags := range map[string]string{
		"sgd --input=t.csv --task=classification --model=out/m.json": "target weight_column id_column columns drop numeric",
		"predict --input=t.csv --model=m.json --output=out/p.csv":    "target weight_column id_column columns",
		"eigen --input=t.csv --components=1 --model=out/e.json":      "color id_column columns drop numeric",
		"kmeans --input=t.csv --n_clusters=2 --model=out/k.json":     "id_column columns drop numeric",
		"transform --input=t.csv --output=out/x.csv":                 "target weight_column id_column columns drop numeric",
		"kneighbors --input=t.csv --k=1 --output=out/n.csv":          "id_column columns drop numeric",
		"index --input=t.csv --index=out/x.index":                    "id_column columns drop numeric",
		"groups --input=t.csv --radius=1 --output=out/g.csv":         "id_column columns",
		"inspect t.csv": "target id_column columns",
	} {
		for i, flag := range strings.Fields(flags) {
			values := []string{"nope", "7"}
			if flag == "columns" {
				values = append(values, "no*", "1-7", "*,!nope")
			}
			for j, value := range values {
				if clitest.Brief() && j != (i+len(name))%len(values) {
					continue
				}
				args := append(strings.Fields(name), "--"+flag+"="+value)
				if args[0] == "sgd" && flag != "target" {
					args = append(args, "--target=y")
				}
				_, stderr, code := clitest.End(t, clitest.Program(dir, args...))
				if code != 2 || !strings.Contains(stderr, strings.Trim(value[strings.LastIndex(value, ",")+1:], "!")) ||
					strings.Count(stderr, "\n") != 2 {
					t.Errorf("%v: exit code %d\n%s", args, code, stderr)
				}
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 { // the table, the model and its page
		t.Errorf("%v, %v", left, err)
	}
}
