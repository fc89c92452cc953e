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
		{"items.csv: found only 1 that the input does not have, expected items of the input among those that meet --filter",
			"--items=items.csv", "--filter=price=1"},
		{"items.csv: found none of 3, expected items that meet --filter, `price` < 1; inspect shows what a column holds",
			"--items=items.csv", "--filter=price<1"},
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

// Users and items stand in the columns of their own tables that are called as those of the rows, also where these are
// told by their indices; a list of users needs no name, and its first is no header where it is a user.
func TestUsersAndItemsByNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", rows)
	_, bare, _ := strings.Cut(rows, "\n")
	write(t, dir, "bare.csv", bare)
	write(t, dir, "items.csv", "price,what\n3,tea\n5,jam\n")
	write(t, dir, "users.csv", "age,who\n30,cid\n")
	write(t, dir, "list.csv", "cid\nann\n")
	write(t, dir, "people.csv", "people\ncid\n")
	const all, one = "ann,1,jam,3.27442\n", "cid,1,tea,2.49136\ncid,2,jam,1.11417\n"
	for _, c := range []struct{ flags, want string }{
		{"--input=x.csv --row=0 --column=1 --users=users.csv", one},
		{"--input=x.csv --row=0 --column=1 --items=items.csv --filter=price<4", "cid,1,tea,2.49136\n"},
		{"--input=x.csv --row=0 --column=1 --users=people.csv", one},
		{"--input=x.csv --row=who --column=what --users=list.csv", all + one},
		{"--input=bare.csv --row=0 --column=1 --users=list.csv", all + one},
		{"--input=bare.csv --row=0 --column=1 --users=people.csv", one},
	} {
		told := run(t, dir, append(strings.Fields(c.flags), "--value=2", "--duplicates=last", "--report=none",
			"--output=r.csv")...)
		if got := rounded(t, filepath.Join(dir, "r.csv")); got != "user,rank,item,score\n"+c.want {
			t.Errorf("%s: got\n%s%s", c.flags, got, told)
		}
	}
}

// Of two rows of an item, in one file or in two, neither is the right one: both are named, whatever they say.
func TestItemsTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", rows)
	write(t, dir, "twice.csv", "what,price\ntea,3\njam,5\ntea,30\n")
	write(t, dir, "alike.csv", "what,price\ntea,3\ntea,3\n")
	write(t, dir, "more.jsonl", "{\"what\": \"hay\", \"price\": 1}\n{\"what\": \"jam\", \"price\": 5}\n")
	write(t, dir, "one.jsonl", "{\"what\": \"jam\", \"price\": 1}\n{\"what\": \"tea\", \"price\": 5}\n")
	for _, c := range []struct{ items, want string }{
		{"twice.csv", `twice.csv: row 2: found the item "tea", which twice.csv has in row 0, expected a row of each item`},
		{"alike.csv", `alike.csv: row 1: found the item "tea", which alike.csv has in row 0, expected a row of each item`},
		{"more.jsonl,one.jsonl",
			`one.jsonl: row 0: found the item "jam", which more.jsonl has in row 1, expected a row of each item`},
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, "--input=x.csv", "--row=who", "--column=what", "--value=stars",
			"--duplicates=last", "--report=none", "--items="+c.items, "--filter=price<4", "--output=none.csv", "--quiet"))
		if code != 1 || stderr != "recommend: "+c.want+"\n" {
			t.Errorf("%s: exit code %d\n%s", c.items, code, stderr)
		}
	}
}

// Ids that are instants or truth values are the same in the rows, in the table of the items and in the list of users,
// however each writes them.
func TestIDsOfTypes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", "user,item\ntrue,2026-01-31 00:00:00\ntrue,2026-02-01 10:00\nFALSE,2026-01-31\n"+
		"FALSE,2026-03-01\nno,2026-02-01T10:00:00\n")
	write(t, dir, "items.csv", "item,kind\n2026-01-31T00:00:00,a\n2026-02-01 10:00:00,a\n2026-03-01 00:00,b\n")
	write(t, dir, "users.csv", "user\nTrue\nFalse\n")
	told := run(t, dir, "--input=x.csv", "--row=user", "--column=item", "--users=users.csv", "--items=items.csv",
		"--filter=kind=\"b\"", "--report=none", "--output=r.csv")
	if got := clitest.Read(t, filepath.Join(dir, "r.csv")); !strings.HasPrefix(got,
		"user,rank,item,score\nTrue,1,2026-03-01,") || strings.Count(got, "\n") != 2 ||
		strings.Contains(told, "had nothing") {
		t.Errorf("%s\n%s", got, told)
	}
}
