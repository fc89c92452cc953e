package files_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// A cell of nothing but spaces is missing in every format: in conditions, rules, labels and categories.
func TestBlankCells(t *testing.T) {
	t.Parallel()
	learned := regexp.MustCompile(`"(?:classes|categories)": ?\[[^\]]*\]`)
	for i, c := range []struct {
		args []string
		want string // in part, or of a model its classes and categories
	}{
		{[]string{"kneighbors", "--columns=x,z", "--k=1", "--filter=g is null"}, "\n0,1,1,1.4142135623730951\n1,1,3,2\n"},
		{[]string{"kneighbors", "--columns=x,z", "--k=1", "--only_same=g"}, "\n0,1,2,2\n2,1,0,2\n5,1,2,3\n"},
		{[]string{"kneighbors", "--columns=x,z", "--k=1", "--before=g"}, ""},
		{[]string{"kneighbors", "--columns=x,z", "--k=1", "--target=y", "--task=classification"}, "\n0,B\n"},
		{[]string{"sgd", "--columns=x,z", "--target=y", "--task=classification"}, `"classes": ["A","B"]`},
		{[]string{"sgd", "--columns=x,g", "--target=y", "--task=classification", "--encode=auto"},
			`"classes": ["A","B"] "categories":["A"]`},
		{[]string{"bayes", "--kind=gaussian", "--columns=x,z", "--target=y"}, `"classes":["A","B"]`},
	} {
		first := ""
		for j, format := range []string{"csv", "jsonl", "parquet", "arrow"} {
			if clitest.Brief() && j > 0 && j != 1+i%3 {
				continue
			}
			dir := t.TempDir()
			output, name := "--output=", filepath.Join(dir, "out.csv")
			if c.args[0] != "kneighbors" {
				output, name = "--output_model=", filepath.Join(dir, "out.json")
			}
			args := append(c.args[1:len(c.args):len(c.args)], "--input="+clitest.Testdata(t, "blanks."+format), output+name,
				"--report=none", "--quiet")
			if _, stderr, code := clitest.End(t, clitest.Other(dir, c.args[0], args...)); code != 0 {
				t.Errorf("%q, %s: exit code %d\n%s", c.args, format, code, stderr)
				continue
			}
			got := clitest.Read(t, name)
			if c.args[0] != "kneighbors" {
				got = strings.Join(learned.FindAllString(got, -1), " ")
			}
			if first == "" {
				first = got
			}
			if got != first || !strings.Contains(got, c.want) {
				t.Errorf("%q, %s:\n%s\nof .csv\n%s\nwant\n%s", c.args, format, got, first, c.want)
			}
		}
	}
}
