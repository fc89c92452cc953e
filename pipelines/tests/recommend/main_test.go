package recommend_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "recommend", "TestRecommend") }

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// run runs the command, which must succeed, and gives what it tells.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, args...))
	if code != 0 || stdout != "" {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stderr
}

const rows = "who,what,stars\nann,tea,4\nbob,tea,2\nann,milk,4\nbob,milk,2\nbob,jam,1\ncid,milk,3\neve,nuts,5\nbob,tea,2\n"

// A small table: the scores are those of pencil and paper.
func TestRecommend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", rows)
	told := run(t, dir, "--input=x.csv", "--row=who", "--column=what", "--value=stars", "--duplicates=last",
		"--output=r.csv",
		"--neighbors_output=n.csv", "--summary=s.json")
	// tea (4, 2), milk (4, 2, 3), jam (0, 1): tea·milk = 20, |tea| = √20, |milk| = √29, tea·jam = 2, milk·jam = 2
	const want = "user,rank,item,score\nann,1,jam,3.27442\ncid,1,tea,2.49136\ncid,2,jam,1.11417\n"
	if got := rounded(t, filepath.Join(dir, "r.csv")); got != want {
		t.Errorf("got\n%s", got)
	}
	const items = "item,rank,neighbor,similarity\njam,1,tea,0.44721\njam,2,milk,0.37139\nmilk,1,tea,0.83045\nmilk,2,jam,0.37139\ntea,1,milk,0.83045\ntea,2,jam,0.44721\n"
	if got := rounded(t, filepath.Join(dir, "n.csv")); got != items {
		t.Errorf("got\n%s", got)
	}
	for _, want := range []string{"4 users × 4 items, 7 interactions: 3 recommendations to 4 users",
		"1 row of a user and an item", "2 users have no recommendation"} {
		if !strings.Contains(told, want) {
			t.Errorf("told\n%s", told)
		}
	}
	var summary struct {
		Rows            int64
		Recommendations int64
		OutputFiles     []string `json:"output_files"`
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &summary); err != nil {
		t.Fatal(err)
	}
	if summary.Rows != 8 || summary.Recommendations != 3 || len(summary.OutputFiles) != 3 {
		t.Errorf("summary %+v", summary)
	}
}

// rounded reads a .csv whose last column is a number, with five digits of it.
func rounded(t *testing.T, name string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(clitest.Read(t, name)) {
		at := strings.LastIndexByte(line, ',')
		var v float64
		if _, err := fmt.Sscan(line[at+1:], &v); err != nil {
			b.WriteString(line)
			continue
		}
		fmt.Fprintf(&b, "%s,%.5f\n", line[:at], v)
	}
	return b.String()
}

// Every format of input and output has the same rows, ids beyond float64 included, whatever chunks they are read in;
// and what is written can be read again.
func TestFormats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("user,item,n\n")
	for i := range 400 {
		fmt.Fprintf(&b, "%d,%d,%d\n", 9007199254740993+i%37, 9223372036854775807-i*i%23, 1+i%5)
	}
	write(t, dir, "x.csv", b.String())
	flags := []string{"--row=user", "--column=item", "--top=4", "--k=5", "--quiet", "--weighting=tfidf"}
	for _, ext := range []string{"csv", "jsonl", "parquet"} {
		run(t, dir, append(flags, "--input=x.csv", "--value=n", "--output=a."+ext)...)
	}
	again := map[string]string{}
	for i, ext := range []string{"csv", "jsonl", "parquet"} {
		chunk := []string{"--chunk_rows=7", "--chunk_rows=1000", "--chunk_rows=31"}[i]
		run(t, dir, append(flags, "--input=a."+ext, "--value=score", chunk, "--output=b-"+ext+".csv")...)
		again[ext] = clitest.Read(t, filepath.Join(dir, "b-"+ext+".csv"))
	}
	if len(again["csv"]) < 1000 || again["csv"] != again["jsonl"] || again["csv"] != again["parquet"] {
		t.Errorf("of csv\n%.300s\nof jsonl\n%.300s\nof parquet\n%.300s", again["csv"], again["jsonl"], again["parquet"])
	}
	// Some users are answered as all are, in shards as in one file.
	write(t, dir, "some.csv", "user\n9007199254740999\n5\n9007199254740993\n9007199254740999\n")
	run(t, dir, append(flags, "--input=x.csv", "--value=n", "--users=some.csv", "--output=some_answers.csv")...)
	var want strings.Builder
	for line := range strings.Lines(clitest.Read(t, filepath.Join(dir, "a.csv"))) {
		if id, _, _ := strings.Cut(line, ","); id == "user" || id == "9007199254740999" || id == "9007199254740993" {
			want.WriteString(line)
		}
	}
	if got := clitest.Read(t, filepath.Join(dir, "some_answers.csv")); got != want.String() {
		t.Errorf("some users get\n%s\nexpected\n%s", got, want.String())
	}
	run(t, dir, append(flags, "--input=x.csv", "--value=n", "--num_shards=3", "--output=s.csv")...)
	shards := ""
	for i := range 3 {
		shards += strings.TrimPrefix(clitest.Read(t, filepath.Join(dir, fmt.Sprintf("s-%05d-of-00003.csv", i))),
			"user,rank,item,score\n")
	}
	if "user,rank,item,score\n"+shards != clitest.Read(t, filepath.Join(dir, "a.csv")) {
		t.Error("shards have other rows than one file")
	}
}

// Rows at fault are named, and left out where that is asked for.
func TestFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"user.csv":   "user,item,n\na,x,1\n,y,2\n",
		"item.csv":   "user,item,n\na,x,1\nb,,2\n",
		"text.csv":   "user,item,n\na,x,1\nb,y,good\n",
		"nan.csv":    "user,item,n\na,x,1\nb,y,NaN\n",
		"inf.csv":    "user,item,n\na,x,1\nb,y,inf\n",
		"less.csv":   "user,item,n\na,x,1\nb,y,-2\n",
		"null.jsonl": `{"user":"a","item":"x","n":1}` + "\n" + `{"user":"b","item":null,"n":1}` + "\n",
		"scores.csv": "user,item,n\na,x,1e130\na,y,1e130\n",
		"small.csv":  "user,item,n\na,x,1\na,y,1e-170\n",
		"list.jsonl": `{"user":"a","item":"x","n":1}` + "\n" + `{"user":"b","item":[1],"n":1}` + "\n",
		"space.csv":  "user,item,n\na,x,1\n  ,y,2\n",
		"huge.csv":   "user,item,n\na,x,1e308\na,x,1e308\n",
		"users.csv":  "user\nnobody\n",
	} {
		write(t, dir, name, text)
	}
	for _, c := range []struct{ flags, want string }{
		{"--input=user.csv", "user.csv: row 1, column user: found a missing cell, expected an id"},
		{"--input=item.csv", "item.csv: row 1, column item: found a missing cell, expected an id"},
		{"--input=text.csv", `text.csv: row 1, column n: found "good", expected a number`},
		{"--input=nan.csv", "nan.csv: row 1, column n: found a missing cell, expected a number"},
		{"--input=inf.csv", `inf.csv: row 1, column n: found "inf", expected a finite number`},
		{"--input=less.csv --weighting=bm25", "less.csv: row 1, column n: found \"-2\", expected a number of at least 0"},
		{"--input=null.jsonl", "null.jsonl: row 1, column item: found a missing cell, expected an id"},
		{"--input=scores.csv --similarity=inner_product", "the scores of user a may be beyond float64"},
		{"--input=small.csv", "the squares of the values of item y are too small for float64"},
		{"--input=list.jsonl", "list.jsonl: row 1, column item: found an array, expected a number, a string"},
		{"--input=space.csv", "space.csv: row 1, column user: found a missing cell, expected an id"},
		{"--input=less.csv --row=0 --column=user", `less.csv: found the column user in both "0" and "user"`},
		{"--input=less.csv --value=1", `less.csv: found the column item in both "item" and "1"`},
		{"--input=huge.csv", "huge.csv: the values of user a and item x add up beyond float64"},
		{"--input=nan.csv --value=score", `nan.csv: found the columns "user", "item", "n", expected a column "score"`},
		{"--input=nan.csv --column=user", `the column "user" for two things`},
		{"--input=less.csv --users=users.csv", "users.csv: none of the users that are to be answered, 1, is"},
		{"--input=less.csv --top=0 --k=0", "--k 0: must be from 1 to 65536"},
		{"--input=less.csv --shrinkage=-1", "--shrinkage -1: must be a finite number"},
		{"--input=less.csv --similarity=jaccard --weighting=tfidf", "--similarity jaccard has no weighting"},
		{"--input=less.csv --output=r.npy", "the column item holds ids, which .npy does not"},
		{"--input=less.csv --output=less.csv", "less.csv"},
		{"--input=none.csv", "none.csv"},
	} {
		args := append([]string{"--row=user", "--column=item", "--value=n", "--output=r.csv", "--quiet"},
			strings.Fields(c.flags)...)
		_, stderr, code := clitest.End(t, clitest.Command(dir, args...))
		if code == 0 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") > 3 ||
			strings.Contains(stderr, "goroutine") {
			t.Errorf("%s: exit code %d, %s", c.flags, code, stderr)
		}
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*r.*")); err != nil || len(files) > 1 { // user.csv
		t.Errorf("left %v, %v", files, err)
	}
	for _, c := range []struct{ flags, want string }{
		{"--k=5,10", "--k: several are compared by --evaluate alone"},
		{"--shrinkage=x", "--shrinkage=x: must be a number"},
		{"--evaluate --k=5,5", "--k=5,5: must be a number, or different ones"},
		{"--evaluate --k=5,0", "--k 0: must be from 1"},
		{"--evaluate --holdout=1.5", "must be a share above 0 and below 1, or a whole number"},
		{"--seed=1", "--seed is of --evaluate"},
		{"--time=at", "--time is of --evaluate, or of --duplicates=last"},
		{"--evaluate --evaluate_output=x.txt", "--evaluate_output=x.txt: must end in .csv or .json"},
		{"--evaluate --time=at --input=when.csv",
			`when.csv: row 1, column at: found "soon", expected a date by ISO 8601, or a number`},
		{"--evaluate --time=at --input=both.csv", "both.csv: found both in the column at, expected either dates or numbers"},
		{"--evaluate --input=once.csv", "no user has two items"},
	} {
		write(t, dir, "when.csv", "user,item,at\na,x,2024-01-01\na,y,soon\n")
		write(t, dir, "both.csv", "user,item,at\na,x,2024-01-01\na,y,7\n")
		write(t, dir, "once.csv", "user,item\na,x\nb,y\n")
		args := append([]string{"--input=once.csv", "--row=user", "--column=item", "--output=r.csv", "--quiet"},
			strings.Fields(c.flags)...)
		_, stderr, code := clitest.End(t, clitest.Command(dir, args...))
		if code == 0 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") > 3 ||
			strings.Contains(stderr, "goroutine") {
			t.Errorf("%s: exit code %d, %s", c.flags, code, stderr)
		}
	}
	write(t, dir, "all.csv", "user,item,n\na,x,1\n,y,2\nb,x,3\nb,,4\nb,z,five\nb,y,6\n")
	run(t, dir, "--input=all.csv", "--row=user", "--column=item", "--value=n", "--on_error=skip", "--output=r.csv",
		"--quiet")
	if got, want := rounded(t, filepath.Join(dir, "r.csv")), "user,rank,item,score\na,1,y,0.94868\n"; got != want {
		t.Errorf("got\n%s", got)
	}
	if got := clitest.Read(t, filepath.Join(dir, "r.csv.rejected.jsonl")); strings.Count(got, "\n") != 3 ||
		!strings.Contains(got, `"row":4,"column":"n"`) {
		t.Errorf("rejected\n%s", got)
	}
}

// Rows in another order make the same bytes, though sums of fractions depend on their order.
func TestOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	forth, back := "user,item,n\n", "user,item,n\n"
	for i := range 400 {
		row := fmt.Sprintf("u%d,i%d,0.%d\n", i%13, i*i%11, 1+i*7%9)
		forth, back = forth+row, strings.Replace(back, "\n", "\n"+row, 1)
	}
	write(t, dir, "forth.csv", forth)
	write(t, dir, "back.csv", back)
	for _, duplicates := range []string{"sum", "mean"} {
		var out []string
		for _, name := range []string{"forth", "back"} {
			run(t, dir, "--input="+name+".csv", "--row=user", "--column=item", "--value=n", "--duplicates="+duplicates,
				"--exclude_seen=false",
				"--output=r.csv", "--report=none", "--quiet")
			out = append(out, clitest.Read(t, filepath.Join(dir, "r.csv")))
		}
		if out[0] != out[1] || len(out[0]) < 1000 {
			t.Errorf("%s: the order of the rows matters", duplicates)
		}
	}
}

// Ids of items stand as in the file, as those of users do, however its numbers are written.
func TestIDsOfNumbers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", "user;item;n\n1,50;1,5;3,5\n1,50;1.000;2\n2;1,50;1,25\n2;1000;1\n2;007;1\n")
	run(t, dir, "--input=x.csv", "--decimal=,", "--thousands=.", "--row=user", "--column=item", "--value=n",
		"--exclude_seen=false",
		"--similarity=inner_product", "--output=r.csv", "--report=none", "--quiet")
	const want = "user,rank,item,score\n2,1,1000,2.56250\n2,2,007,2.56250\n2,3,\"1,50\",2.50000\n\"1,50\",1,1.000,24.50000\n\"1,50\",2,\"1,5\",14.00000\n"
	if got := rounded(t, filepath.Join(dir, "r.csv")); got != want {
		t.Errorf("got\n%s", got)
	}
}

// What recommenders are worth: on the terminal, in files, on the page; and what is written is by the best.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ratings, err := filepath.Abs("../../../testdata/ratings.csv")
	if err != nil {
		t.Fatal(err)
	}
	flags := []string{"--input=" + ratings, "--row=user", "--column=item", "--value=rating"}
	told := run(t, dir, append(flags, "--time=time", "--evaluate", "--k=2,10", "--shrinkage=0,1000", "--output=r.csv",
		"--evaluate_output=e.json")...)
	var e struct {
		Best        int
		Recommender []struct {
			Popular   bool
			K         int
			Shrinkage float64
			Users     int
			NDCG      struct{ Mean, Low, High float64 }
			Groups    []struct{ Users int }
		} `json:"recommenders"`
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "e.json"))), &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Recommender) != 5 || !e.Recommender[0].Popular || e.Recommender[0].Users != 120 ||
		len(e.Recommender[1].Groups) < 2 {
		t.Fatalf("%+v", e)
	}
	best := e.Recommender[e.Best]
	if best.NDCG.Mean <= e.Recommender[0].NDCG.Mean || best.NDCG.Low >= best.NDCG.Mean {
		t.Errorf("the best is %+v, the baseline %+v", best, e.Recommender[0])
	}
	for _, want := range []string{"recall@10", "most popular", "k=2, shrinkage=1000",
		fmt.Sprintf("the best by NDCG: k=%d, shrinkage=%g", best.K, best.Shrinkage)} {
		if !strings.Contains(told, want) {
			t.Errorf("told\n%s", told)
		}
	}
	run(t, dir, append(flags, fmt.Sprintf("--k=%d", best.K), fmt.Sprintf("--shrinkage=%g", best.Shrinkage),
		"--output=one.csv", "--report=none")...)
	if clitest.Read(t, filepath.Join(dir, "r.csv")) != clitest.Read(t, filepath.Join(dir, "one.csv")) {
		t.Error("the recommendations are not those of the best")
	}
	page := clitest.Read(t, filepath.Join(dir, "r.html"))
	for _, want := range []string{"Recommendations by ratings.csv", "because of", "Popular items",
		"Do they find what was held out?", "Owl Night"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	run(t, dir, append(flags, "--evaluate", "--evaluate_output=e.csv", "--report=none", "--holdout=1", "--seed=3")...)
	if got := clitest.Read(t, filepath.Join(dir, "e.csv")); strings.Count(got, "\n") != 3 ||
		!strings.HasPrefix(got, "recommender,k,shrinkage,top,users,recall,") {
		t.Errorf("got\n%s", got)
	}
	// Every user gets round to the two items that all have: what most had is what is held out.
	var b strings.Builder
	b.WriteString("user,item,at\n")
	for u := range 6 {
		fmt.Fprintf(&b, "u%d,own%d,1\nu%d,all,%d\nu%d,each,%d\n", u, u, u, 2+u%2, u, 3-u%2)
	}
	write(t, dir, "most.csv", b.String())
	const beaten = "to recommend what most had is better"
	most := run(t, dir, "--input=most.csv", "--row=user", "--column=item", "--evaluate", "--holdout=1", "--time=at",
		"--top=1", "--shrinkage=0",
		"--k=1", "--similarity=cosine", "--report=most.html")
	if strings.Contains(told, beaten) || !strings.Contains(most, "but "+beaten) ||
		!strings.Contains(clitest.Read(t, filepath.Join(dir, "most.html")), "To recommend") {
		t.Errorf("told\n%s\nof what most had\n%s", told, most)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*one.html")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
