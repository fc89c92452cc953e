package recommend_test

import (
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Items that do not meet the filter, or are not in the table of the items, are not recommended; those that are have the
// same scores as without it.
func TestFilter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", rows)
	write(t, dir, "items.csv", "what,price,kind\ntea,3,drink\njam,5,\"spread, sweet\"\nhay,1,none\n")
	common := []string{"--input=x.csv", "--row=who", "--column=what", "--value=stars", "--duplicates=last",
		"--report=none"}
	for filter, want := range map[string]string{
		"price<4":              "user,rank,item,score\ncid,1,tea,2.49136\n",
		`kind="spread, sweet"`: "user,rank,item,score\nann,1,jam,3.27442\ncid,1,jam,1.11417\n",
	} {
		run(t, dir, append(common, "--items=items.csv", "--filter="+filter, "--output=r.csv")...)
		if got := rounded(t, filepath.Join(dir, "r.csv")); got != want {
			t.Errorf("%s: got\n%s", filter, got)
		}
	}
	for _, c := range []struct{ want, items, filter string }{
		{"items.csv: no item of the input meets the filter", "--items=items.csv", "--filter=price=1"},
		{`expected a column "cost"`, "--items=items.csv", "--filter=cost<1"},
		{"--items and --filter: one needs the other", "--items=items.csv", "--filter="},
		{"--filter: ", "--items=items.csv", "--filter=price<"},
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(common, c.items, c.filter, "--output=none.csv")...))
		if code == 0 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") > 2 {
			t.Errorf("%s: exit code %d\n%s", c.filter, code, stderr)
		}
	}
}
