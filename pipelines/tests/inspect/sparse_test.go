package inspect_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Sparse rows are told by their entries, as text, as JSON and as a page, and the commands fit them.
func TestSparse(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.svm"), "1 0:3 2:4 6:0\n0\n1 0:3 2:4\n1 0:3 3000000000:0.1\n0 0:3 5:2\n")
	clitest.Write(t, filepath.Join(dir, "b.svm"), "1 0:3 2:4 6:0\n0\n1 0:3 2:4\n1 0:3 199999:0.1\n0 0:3 5:2\n")
	clitest.Write(t, filepath.Join(dir, "sets.jsonl"),
		`{"id":"x","indices":[0,3],"values":[1,1]}`+"\n"+`{"id":"y","indices":[3],"values":[1]}`+"\n")
	want := `b.svm: svm, 53 bytes
  size        5 rows × 200000 columns
  faulty      none
  values      float64 holds every value
  not zero    8, 0.0008 % of all values; in a row 0 to 2, median 2, mean 1.6; besides, 1 entry of 0
  norms       min 0, median 3.60555, max 5; 1 row is empty: its cosine distance to others is 1
  duplicates  1 row the same as an earlier one (4 different); the commonest, of row 0, is there 2 times
  unused      199996 columns that no row has: 1, 3 … (199996 in all)
  frequent  rows  min  mean  std      max  
  0         80 %  0    2.4   1.2      3    ▂  █
  2         40 %  0    1.6   1.95959  4    █   ▆
  … 2 more
  row  column:value
  0    0:3 2:4 … (3 in all)
  1    
  to find what is alike: beamlearn kneighbors --input=b.svm --metric=cosine --k=4 --output=out/neighbors.csv
  to see all of it: beamlearn eigen --input=b.svm --components=4 --report=out/eigen.html
`
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "b.svm", "--head=2", "--show_columns=2", "--report=b.html"))
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %s\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	page, err := os.ReadFile(filepath.Join(dir, "b.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"The columns that most rows have", "0 to 2, median 2", "199996", "0:3 2:4 6:0",
		"not 0 in 80 % of the rows", "1 entry is 0", "--metric"} {
		if !strings.Contains(string(page), text) {
			t.Errorf("the page has no %q", text)
		}
	}
	// Of sets the metric is jaccard.
	stdout, stderr, code = clitest.End(t, clitest.Command(dir, "sets.jsonl", "--id_column=id"))
	if code != 0 || stderr != "" || !strings.Contains(stdout, "all are 1: the rows are sets") ||
		!strings.Contains(stdout, "--id_column=id --metric=jaccard --k=1") ||
		!strings.Contains(stdout, "  constant    1 column: 3\n") || !strings.Contains(stdout, "ids         none: all ids") {
		t.Errorf("exit code %d, %s\n%s", code, stderr, stdout)
	}
	stdout, stderr, code = clitest.End(t, clitest.Command(dir, "b.svm", "--json"))
	var f struct {
		Dataset struct {
			Spread []struct{}
			Sparse struct {
				NonZeros int64
				Unused   int `json:"unused_columns"`
				Frequent []struct {
					Index, Rows int
					Max         float64
				} `json:"frequent_columns"`
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &f); err != nil || code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if s := f.Dataset.Sparse; s.NonZeros != 8 || s.Unused != 199996 || len(s.Frequent) != 4 ||
		s.Frequent[3].Index != 199999 || s.Frequent[3].Max != 0.1 || s.Frequent[3].Rows != 1 {
		t.Errorf("JSON: %s", stdout)
	}
	// A row with a column beyond the largest that there may be is at fault, and makes no others longer.
	stdout, stderr, code = clitest.End(t, clitest.Command(dir, "a.svm"))
	if code != 0 || stderr != "" || !strings.Contains(stdout, "size        5 rows × 7 columns") ||
		!strings.Contains(stdout, "faulty      1 row; the first: a.svm: row 3: found the index 3000000000") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
