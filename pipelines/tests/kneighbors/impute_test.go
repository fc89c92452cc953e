package kneighbors_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Missing cells of a table become scikit-learn's, its other columns stay as they are, and the bytes are the same for
// any size of a chunk and any number of threads; rows of --queries are filled from those of --input.
func TestImpute(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := clitest.Read(t, filepath.Join("..", "..", "..", "model", "neighbors", "impute", "testdata", "sklearn.json"))
	var of struct {
		Cases []struct {
			Name, Weights string
			K             int
			Standardize   bool
			X, Q, Filled  [][]*float64
		}
	}
	if err := json.Unmarshal([]byte(text), &of); err != nil {
		t.Fatal(err)
	}
	table := func(rows [][]*float64) string {
		var b strings.Builder
		b.WriteString("name,zip")
		for j := range rows[0] {
			fmt.Fprintf(&b, ",c%d", j)
		}
		for i, row := range rows {
			fmt.Fprintf(&b, "\n\"row %d, of \"\"x\"\"\",%05d", i, i)
			for _, v := range row {
				b.WriteByte(',')
				if v != nil {
					b.WriteString(strconv.FormatFloat(*v, 'g', -1, 64))
				}
			}
		}
		return b.String() + "\n"
	}
	tried := 0
	for _, c := range of.Cases {
		if len(c.X) != 40 && c.Name != "empty" {
			continue
		}
		tried++
		clitest.Write(t, filepath.Join(dir, "x.csv"), table(c.X))
		clitest.Write(t, filepath.Join(dir, "q.csv"), table(c.Q))
		args := []string{"--input=x.csv", "--columns=c*", "--impute=" + c.Weights, fmt.Sprintf("--k=%d", c.K),
			"--output=o.csv", "--summary=s.json"}
		if strings.HasSuffix(c.Name, "queries") || c.Standardize {
			args = append(args, "--queries=q.csv")
		}
		if c.Standardize {
			args = append(args, "--standardize")
		}
		first := ""
		ways := []string{"--threads=1", "--chunk_rows=7"}
		if tried > 2 {
			ways = ways[tried%2 : tried%2+1] // what the ways give is compared, and each with scikit-learn
		}
		for i, way := range ways {
			if _, stderr, code := runCommand(t, dir, append(args, way)...); code != 0 {
				t.Fatalf("%s: exit code %d\n%s", c.Name, code, stderr)
			}
			got := clitest.Read(t, filepath.Join(dir, "o.csv"))
			if i > 0 && got != first {
				t.Errorf("%s: another output by %s", c.Name, way)
			}
			first = got
		}
		rows, err := csv.NewReader(strings.NewReader(first)).ReadAll()
		if err != nil || len(rows) != len(c.Filled)+1 {
			t.Fatalf("%s: %d rows, %v", c.Name, len(rows), err)
		}
		for i, row := range rows[1:] {
			if want := fmt.Sprintf("%05d", i); row[1] != want || row[0] != fmt.Sprintf("row %d, of \"x\"", i) {
				t.Fatalf("%s: row %d begins with %q", c.Name, i, row[:2])
			}
			for j, want := range c.Filled[i] {
				got, err := strconv.ParseFloat(row[j+2], 64)
				if want == nil {
					if row[j+2] != "" {
						t.Errorf("%s: row %d, column %d is %q, and no point has a number there", c.Name, i, j, row[j+2])
					}
				} else if err != nil || !(math.Abs(got-*want) <= 1e-9*math.Max(1, math.Abs(*want))) {
					t.Errorf("%s: row %d, column %d is %q, scikit-learn has %v", c.Name, i, j, row[j+2], *want)
				}
			}
		}
		if c.Name == "empty" && !strings.Contains(clitest.Read(t, filepath.Join(dir, "s.json")),
			`"columns_without_numbers": [`) {
			t.Error("the summary does not name the column without a number")
		}
	}
	if tried < 6 {
		t.Fatalf("%d cases", tried)
	}
}

// Flags that mean nothing where a table is filled are refused, as are other formats, and faults name their place.
func TestImputeFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n1,2\n,3\n4,\n")
	clitest.Write(t, filepath.Join(dir, "bad.csv"), "a,b\n1,2\n,3\n4,x5\n5,1\n")
	clitest.Write(t, filepath.Join(dir, "q.csv"), "a\n1\n")
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"--input=x.csv --output=o.csv --metric=cosine --k=1,2 --target=b",
			"--metric=cosine: --impute=uniform goes by nan_euclidean", 2},
		{"--input=x.csv --output=o.csv --recall=0.9", "--recall: --impute=uniform fills a table", 2},
		{"--input=x.csv --output=o.parquet", "which is .csv, and not as .parquet", 2},
		{"--input=x.csv", "--output is needed", 2},
		{"--input=bad.csv --columns=a,b --output=o.csv", `row 2, column b: found "x5"`, 1},
		{"--input=x.csv --queries=q.csv --output=o.csv", "q.csv", 1},
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(c.args), "--impute=uniform")...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d\n%s\nexpected %s", c.args, code, stderr, c.want)
		}
	}
	stdout, _, code := runCommand(t, dir, "--input=x.csv", "--impute=uniform", "--output=o.csv", "--explain")
	if code != 0 || !strings.Contains(stdout, "writes") || strings.Contains(stdout, ".html") {
		t.Errorf("--explain: exit code %d\n%s", code, stdout)
	}
	if got := names(t, dir); len(got) != 3 {
		t.Errorf("left: %q", got)
	}
	clitest.Write(t, filepath.Join(dir, "id.csv"), "id,a,b\n1,1,2\n900,,2\n2,1000,900\n")
	_, stderr, code := runCommand(t, dir, "--input=id.csv", "--id_column=id", "--impute=uniform", "--k=1", "--report=none",
		"--output=o.csv")
	if got := clitest.Read(t, filepath.Join(dir, "o.csv")); code != 0 || got != "id,a,b\n1,1,2\n900,1,2\n2,1000,900\n" {
		t.Errorf("by ids: exit code %d\n%s\n%s", code, stderr, got)
	}
	_, stderr, code = runCommand(t, dir, "--input=bad.csv", "--columns=a,b", "--impute=uniform", "--k=1",
		"--on_error=skip", "--output=o.csv")
	if got := clitest.Read(t, filepath.Join(dir, "o.csv")); code != 0 || got != "a,b\n1,2\n1,3\n5,1\n" {
		t.Errorf("exit code %d\n%s\n%s", code, stderr, got)
	}
	if got := clitest.Read(t, filepath.Join(dir, "o.csv.rejected.jsonl")); !strings.Contains(got, `"row":2`) {
		t.Error(got)
	}
}
