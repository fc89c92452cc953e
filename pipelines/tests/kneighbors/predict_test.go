package kneighbors_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// digitsReference is what scikit-learn predicts: see model/neighbors/vote/testdata/generate.py.
type digitsReference struct {
	Accuracy    float64
	LogLoss     float64 `json:"neg_log_loss"`
	F1          float64 `json:"f1_macro"`
	Predictions string
	Bits        string
}

// unlabelled is digits.csv with texts for labels, of which the rows 3, 13, 23, … have none; and rows of it as queries.
func unlabelled(t *testing.T) (dir string, lines []string) {
	t.Helper()
	dir = t.TempDir()
	lines = strings.Split(strings.TrimSpace(clitest.Read(t, clitest.Testdata(t, "digits.csv"))), "\n")
	var all, plain strings.Builder
	for i, line := range lines {
		at := strings.LastIndexByte(line, ',')
		vector, label := line[:at], line[at+1:]
		switch {
		case i == 0:
		case (i-1)%10 == 3:
			label = ""
		default:
			label = "digit " + label
		}
		fmt.Fprintf(&all, "%s,%s\n", vector, label)
		fmt.Fprintf(&plain, "%s\n", vector)
	}
	for name, text := range map[string]string{"all.csv": all.String(), "plain.csv": plain.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, lines[1:]
}

// Predictions are scikit-learn's, with every bit, and the same bytes by every way of the index. Rows without a target
// predict nothing, and are predicted where they are queries.
func TestPredict(t *testing.T) {
	t.Parallel()
	var want map[string]digitsReference
	reference, err := os.ReadFile("../../../model/neighbors/vote/testdata/digits.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(reference, &want); err != nil {
		t.Fatal(err)
	}
	dir, _ := unlabelled(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	var first, scores string
	for i, extra := range [][]string{
		nil, {"--broadcast=side_input", "--threads=1"}, {"--broadcast=file", "--chunk_rows=300"}, {"--index_memory=100KB"},
		{"--recall=1"},
		{"--recall=0.99", "--index_memory=1300KB"},
	} {
		if clitest.LeftOut(i) {
			continue
		}
		name := at(fmt.Sprintf("p%d.csv", i))
		args := append([]string{"--input=" + at("all.csv"), "--id_column=id", "--target=target", "--task=classification",
			"--k=1,3,5,10",
			"--weights=distance", "--proba", "--output=" + name}, extra...)
		if i > 0 {
			args = append(args, "--report=none") // which takes longer than the search
		}
		_, stderr, code := runCommand(t, dir, args...)
		if code != 0 || !strings.Contains(stderr, "180 rows without a target are left out of the points") ||
			!strings.Contains(stderr, "best of k = 1, 3, 5, 10 by accuracy: 1") {
			t.Fatalf("%q: exit code %d\n%s", extra, code, stderr)
		}
		if i == 5 { // in parts; approximately the same
			some, all := readCSV(t, clitest.Read(t, name)), readCSV(t, first)
			other := 0
			for j := range min(len(some), len(all)) {
				if some[j][0] != all[j][0] || some[j][1] != all[j][1] {
					other++
				}
			}
			if len(some) != len(all) || other > len(all)/50 {
				t.Errorf("%q: %d predictions, of which %d are others", extra, len(some), other)
			}
			continue
		}
		text, table := clitest.Read(t, name), clitest.Read(t, at(fmt.Sprintf("p%d.cv.csv", i)))
		if i == 0 {
			first, scores = text, table
		} else if text != first || table != scores {
			t.Errorf("%q: other predictions, or scores", extra)
		}
	}
	checkDigits(t, first, want["1"])
	rows := readCSV(t, scores)
	for _, r := range rows[1:] {
		w := want[r[0]]
		for column, v := range map[int]float64{2: w.Accuracy, 4: w.LogLoss, 6: w.F1} {
			if got := number(t, r[column]); !(math.Abs(got-v) <= 1e-14) {
				t.Errorf("k = %s: %s is %v, want %v", r[0], rows[0][column], got, v)
			}
		}
	}
	if page := clitest.Read(t, at("p0.html")); !strings.Contains(page, "What is taken for what") ||
		!strings.Contains(page, "accuracy over k") {
		t.Error("the page lacks the predictions")
	}
	// Queries answer as the points do, but find themselves, so they are those without a target.
	for i, extra := range [][]string{nil, {"--index_memory=100KB"}} {
		name := at(fmt.Sprintf("q%d.csv", i))
		_, stderr, code := runCommand(t, dir,
			append([]string{"--input=" + at("all.csv"), "--queries=" + at("plain.csv"), "--id_column=id",
				"--target=target", "--task=classification", "--k=3", "--weights=distance", "--report=none", "--output=" + name},
				extra...)...)
		if code != 0 {
			t.Fatalf("%q: exit code %d\n%s", extra, code, stderr)
		}
		for j, r := range readCSV(t, clitest.Read(t, name))[1:] {
			if p := want["3"].Predictions; j%10 == 3 && r[1] != "digit "+p[j:j+1] {
				t.Errorf("%q: row %d is taken for %s, scikit-learn says %c", extra, j, r[1], p[j])
			}
		}
	}
}

// checkDigits compares labels and probabilities with the reference.
func checkDigits(t *testing.T, text string, want digitsReference) {
	t.Helper()
	var labels, probas []byte
	put := func(b []byte, v float64) []byte {
		for i := range 8 {
			b = append(b, byte(math.Float64bits(v)>>(8*i)))
		}
		return b
	}
	for _, r := range readCSV(t, text)[1:] {
		labels = put(labels, number(t, strings.TrimPrefix(r[1], "digit ")))
		for _, v := range r[2:] {
			probas = put(probas, number(t, v))
		}
	}
	if sum := sha256.Sum256(append(labels, probas...)); hex.EncodeToString(sum[:]) != want.Bits {
		t.Error("predictions or probabilities are not scikit-learn's")
	}
}

func readCSV(t *testing.T, text string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A kept index answers with targets of a file beside it, or of the input that it was built of.
func TestPredictByIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	table := write("t.csv", "a,b,y\n0,0,1.5\n1,0,2\n5,5,-3\n6,5,-4.25\n")
	write("y.npy", npy(1.5, 2, -3, -4.25))
	write("short.npy", npy(1, 2, 3))
	built := "t.index"
	if _, stderr, code := clitest.End(t, clitest.Other(dir, "index", "--input="+table, "--columns=!y", "--index="+
		built)); code != 0 {
		t.Fatal(stderr)
	}
	var first string
	for i, c := range []struct{ args, wrong string }{
		{"--input=t.csv --columns=!y --target=y", ""},
		{"--input=t.csv --columns=!y --target=y --index=t.index", ""},
		{"--index=t.index --target=y.npy", ""},
		{"--input=t.csv --columns=!y --target=y.npy --chunk_rows=1", ""},
		{"--index=t.index --target=y", "give the input as well, or --target=FILE.npy"},
		{"--index=t.index --target=short.npy", "found 4, expected as many rows as there are targets, 3"},
		{"--input=t.csv --columns=!y --target=short.npy", "found 4, expected as many rows as there are targets, 3"},
	} {
		out := fmt.Sprintf("%d.csv", i)
		_, stderr, code := runCommand(t, dir, append(strings.Fields(c.args), "--task=regression", "--k=1,2,3", "--output="+
			out)...)
		if c.wrong != "" {
			if code == 0 || !strings.Contains(stderr, c.wrong) {
				t.Errorf("%s: exit code %d\n%s", c.args, code, stderr)
			}
			continue
		}
		if code != 0 {
			t.Fatalf("%s: %s", c.args, stderr)
		}
		text := clitest.Read(t, filepath.Join(dir, out))
		if first == "" {
			first = text
		}
		if text != first {
			t.Errorf("%s: other predictions", c.args)
		}
	}
	if want := "id,prediction\n0,2\n1,1.5\n2,-4.25\n3,-3\n"; first != want {
		t.Errorf("predictions\n%s, want\n%s", first, want)
	}
}

// npy is a file of float64.
func npy(values ...float64) string {
	head := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }", len(values))
	head += strings.Repeat(" ", 117-len(head)) + "\n"
	b := []byte("\x93NUMPY\x01\x00\x76\x00" + head)
	for _, v := range values {
		for i := range 8 {
			b = append(b, byte(math.Float64bits(v)>>(8*i)))
		}
	}
	return string(b)
}

// What cannot be predicted is told in a line.
func TestPredictFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"t.csv": "a,b,y,l\n0,0,1.5,x\n1,0,2,y\n50,5,-3,x\n6,5,-4.25,9007199254740993\n",
		"u.csv": "a,l\n0,9007199254740993\n1,9007199254740992\n1,9007199254740993\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"--target=y --k=1":                                     "--task is needed with --target",
		"--task=regression --k=1":                              "--target is needed with --task",
		"--target=z --task=regression --k=1":                   `expected the target column "z"`,
		"--target=l --task=regression --k=1":                   `t.csv: row 0, column l`,
		"--target=y --task=classification --k=1 --columns=a,b": `t.csv: row 0, column y: found "1.5", expected class labels`,
		"--target=y --task=regression --radius=2 --columns=a,b": "t.csv: row 2: found no neighbour " +
			"within the radius, expected a larger --radius, or an --outlier_label",
		"--target=y --task=regression --radius=2 --outlier_label=x --columns=a,b": `outlier label "x": must be a number`,
		"--target=y --task=regression --k=1 --outlier_label=1": "only within a radius, or where it may " +
			"not have all points, has a query no neighbour",
		"--target=y --task=regression --k=1 --proba":         "only classification has probabilities",
		"--target=y --task=regression --k=1,2,1":             "--k=1,2,1: 1 twice",
		"--target=y --task=regression --k=1,9 --columns=a,b": "k = 9: must be less than the number of points, 4",
		"--k=1,2":             "several are compared by what they predict",
		"--k=1 --proba":       "--proba is of predictions",
		"--k=1 --weights=all": "--weights is of predictions",
		"--target=y --task=regression --k=1 --layout=long":        "--layout is of lists of neighbours",
		"--target=y --task=regression --k=1,2 --scoring=accuracy": `scoring "accuracy": must be one of r2`,
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--input=t.csv", "--output=o.csv")...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
		if got := fmt.Sprint(names(t, dir)); got != "[t.csv u.csv]" {
			t.Fatalf("%s: files %s", args, got)
		}
	}
	_, stderr, code := runCommand(t, dir, "--input=u.csv", "--target=l", "--task=classification", "--k=1",
		"--output=o.csv", "--report=none")
	if code != 0 {
		t.Fatal(stderr)
	}
	if text, want := clitest.Read(t, filepath.Join(dir, "o.csv")),
		"id,prediction\n0,9007199254740992\n1,9007199254740993\n2,9007199254740992\n"; text != want {
		t.Errorf("integers beyond 2⁵³: %s, want %s", text, want)
	}
}

// Rows without a target answer nothing, in every format; the others answer as scikit-learn's do after pandas' dropna.
func TestUntargetedPoints(t *testing.T) {
	t.Parallel()
	var want struct {
		Missing    int
		Neighbours []float64
	}
	text := clitest.Read(t, clitest.Testdata(t, "untargeted.reference.json"))
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "p.csv")
	for i, s := range [][]string{{"npy", "--target=" + clitest.Testdata(t, "untargeted_y.npy")}, {"svm"},
		{"csv", "--target=y", "--columns=a,b,c"}, {"jsonl", "--target=y", "--columns=a,b,c"},
		{"parquet", "--target=y", "--columns=a,b,c"}, {"arrow", "--target=y", "--columns=a,b,c"}} {
		if clitest.LeftOut(i) {
			continue
		}
		_, stderr, code := runCommand(t, "", append([]string{"--input=" + clitest.Testdata(t, "untargeted."+s[0]),
			"--task=regression",
			"--k=3", "--report=none", "--output=" + name}, s[1:]...)...)
		if code != 0 || !strings.Contains(stderr, fmt.Sprint(want.Missing,
			" rows without a target are left out of the points")) {
			t.Fatalf("%q: exit code %d\n%s", s, code, stderr)
		}
		rows := readCSV(t, clitest.Read(t, name))
		var got []float64
		for _, row := range rows[len(rows)-len(want.Neighbours):] {
			v, err := strconv.ParseFloat(row[1], 64)
			if err != nil {
				t.Fatalf("%q: %q: %v", s, row, err)
			}
			got = append(got, v)
		}
		for j := range got {
			if !(math.Abs(got[j]-want.Neighbours[j]) <= 1e-12) {
				t.Fatalf("%q: %v, want %v", s, got, want.Neighbours)
			}
		}
	}
}

// A row whose id is at fault is left out for that, and is none without a target.
func TestPredictFaultyID(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "id,a,y\np,1,no\n,2,yes\nq,3,yes\nr,4,yes\ns,five,no\n")
	clitest.Write(t, filepath.Join(dir, "x.jsonl"), `{"id":"p","a":1,"y":"no"}
{"id":null,"a":2,"y":"yes"}
{"id":"q","a":3,"y":"yes"}
{"id":"r","a":4,"y":"yes"}
{"id":"s","a":"five","y":"no"}
`)
	for _, ext := range []string{"csv", "jsonl"} {
		_, stderr, code := runCommand(t, dir, "--input=x."+ext, "--id_column=id", "--columns=a", "--target=y",
			"--task=classification", "--k=1", "--on_error=skip", "--report=x.html", "--output="+ext+".out.csv")
		if code != 0 || strings.Contains(stderr, "without a target") || !strings.Contains(stderr, "2 rows left out") {
			t.Errorf("%s: exit code %d\n%s", ext, code, stderr)
		}
		if got := clitest.Read(t, filepath.Join(dir, ext+".out.csv")); got != "id,prediction\np,yes\nq,yes\nr,yes\n" {
			t.Errorf("%s: got\n%s", ext, got)
		}
		const lead = "Each of 3 points is predicted by its nearest neighbour among the others"
		if page := clitest.Read(t, filepath.Join(dir, "x.html")); !strings.Contains(page, lead) {
			t.Errorf("%s: the page lacks %q", ext, lead)
		}
	}
}
