package groups_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "groups") }

const table = "name,x,price\nann,0,3\nbob,5,1\ncid,1,9\ndan,2,4\neve,5.5,1\n"

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A table of a user's own: the column that decides is none of the vector.
func TestGroups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", table)
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "--input=x.csv", "--id_column=name", "--radius=1",
		"--keep=price:max", "--output=g.csv", "--summary=s.json"))
	if code != 0 || stdout != "" {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	const want = "id,group,size,keep\nann,ann,3,0\nbob,bob,2,1\ncid,ann,3,1\ndan,ann,3,0\neve,bob,2,0\n"
	if got := clitest.Read(t, filepath.Join(dir, "g.csv")); got != want {
		t.Errorf("got\n%s", got)
	}
	if !strings.Contains(stderr, "5 rows × 1 columns: 2 groups, 2 of several rows, with 5 rows, the largest of 3; 2 rows stay") {
		t.Errorf("told\n%s", stderr)
	}
	var summary struct {
		Groups map[string]int64 `json:"groups"`
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &summary); err != nil {
		t.Fatal(err)
	}
	if summary.Groups["groups"] != 2 || summary.Groups["largest_group"] != 3 {
		t.Errorf("summary %v", summary.Groups)
	}
}

// What cannot be is one line, and no output.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", table)
	write(t, dir, "lack.csv", "x,price\n0,1\n1,\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--input=x.csv", "--columns=x", "--output=g.csv"}, "groups: --radius is needed"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--keep=best", "--output=g.csv"},
			`groups: --keep "best": must be first, last, center, COLUMN:max or COLUMN:min`},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--keep=cost:max", "--output=g.csv"}, "cost"},
		{[]string{"--input=lack.csv", "--radius=1", "--keep=price:max", "--output=g.csv"}, "lack.csv: row 1, column price"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=-1", "--output=g.csv"}, "no euclidean distance is below 0"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--metric=inner_product", "--output=g.csv"}, "by the inner product"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--output=g.npy"}, ".npy does not"},
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(c.args, "--quiet")...))
		if code == 0 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") > 2 {
			t.Errorf("%v: exit code %d, %s", c.args, code, stderr)
		}
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*g.*")); err != nil || len(files) > 0 {
		t.Errorf("left %v, %v", files, err)
	}
}
