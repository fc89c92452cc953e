package kneighbors_test

import (
	"bytes"
	"compress/gzip"
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

// Scores of rows are scikit-learn's LocalOutlierFactor, and of queries its novelty, with the same bytes by every way of
// the index and every size of a chunk.
func TestOutliers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var cases []struct {
		Name            string
		K, Half         int
		Scores, Novelty []float64
		Outliers        int
	}
	text := clitest.Read(t, filepath.Join("..", "..", "..", "model", "neighbors", "outliers", "testdata", "sklearn.json"))
	if err := json.Unmarshal([]byte(text), &cases); err != nil {
		t.Fatal(err)
	}
	rows := strings.SplitAfter(strings.TrimRight(clitest.Read(t, clitest.Testdata(t, "diabetes.csv")), "\n"), "\n")
	half := 1 + (len(rows)-1)*2/3
	clitest.Write(t, filepath.Join(dir, "x.csv"), strings.Join(rows, ""))
	clitest.Write(t, filepath.Join(dir, "points.csv"), strings.Join(rows[:half], ""))
	clitest.Write(t, filepath.Join(dir, "q.csv"), rows[0]+strings.Join(rows[half:], ""))
	for _, c := range cases {
		if c.Name != "diabetes" {
			continue
		}
		share, ways := "", [2][]string{{"--chunk_rows=50 --broadcast=side_input"}, {"--threads=1"}}
		if c.K == 5 {
			share, ways = "--contamination=0.1 --k=5",
				[2][]string{{"", "--index_memory=20KB"}, {"", "--broadcast=file --chunk_rows=70"}}
		}
		for number, part := range []struct {
			flags string
			want  []float64
		}{{"--input=x.csv", c.Scores}, {"--input=points.csv --queries=q.csv", c.Novelty}} {
			first := ""
			for i, way := range ways[number] {
				args := append(strings.Fields(part.flags+" "+way+" "+share), "--columns=!target", "--outliers=lof",
					"--output=o.csv")
				if i > 0 {
					args = append(args, "--report=none")
				}
				if _, stderr, code := runCommand(t, dir, args...); code != 0 {
					t.Fatalf("%q: exit code %d\n%s", args, code, stderr)
				}
				got := clitest.Read(t, filepath.Join(dir, "o.csv"))
				if first == "" {
					first = got
				} else if got != first {
					t.Errorf("%q: other scores", args)
				}
			}
			table, err := csv.NewReader(strings.NewReader(first)).ReadAll()
			if err != nil || len(table) != len(part.want)+1 || strings.Join(table[0], ",") != "id,score,rank,outlier" {
				t.Fatalf("%s: %d rows, %v, %v", part.flags, len(table), table[0], err)
			}
			outliers := 0
			for i, row := range table[1:] {
				if v, err := strconv.ParseFloat(row[1], 64); err != nil || row[0] != strconv.Itoa(i) ||
					!(math.Abs(v-part.want[i]) <= 1e-12*math.Abs(v)) {
					t.Fatalf("%s: row %d is %v, want %v", part.flags, i, row, part.want[i])
				}
				if row[3] == "1" {
					outliers++
				}
			}
			if part.flags == "--input=x.csv" && outliers != c.Outliers {
				t.Errorf("%d outliers, want %d", outliers, c.Outliers)
			}
		}
	}
	if page := clitest.Read(t, filepath.Join(dir, "o.html")); !strings.Contains(page, "The rows farthest out") {
		t.Error("the page does not show the rows farthest out")
	}
	for args, want := range map[string]string{
		"--outliers=lof --radius=1":             "without a radius",
		"--outliers=lof --target=target":        "--target is of lists of neighbours",
		"--outliers=kth --metric=inner_product": "take cosine",
		"--outliers=lof --k=442":                "k = 442: must be less than the number of points, 442",
		"--outliers=lof --contamination=0.7":    "--contamination=0.7: must be auto, or a share",
		"--k=3 --contamination=0.1":             "--contamination is of --outliers",
		"--outliers=lof --filter=age>30":        "outliers are told by neighbours among all points",
		"--outliers=lof --recall=0.9":           "outliers are told exactly",
		"--outliers=lot":                        "lot",
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--input=x.csv", "--output=z.csv")...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
	}
	if got := fmt.Sprint(names(t, dir)); got != "[o.csv o.html points.csv q.csv x.csv]" {
		t.Errorf("files %s", got)
	}
}

// Of fewer points than the default has neighbours, all others score each, whatever tells how many there are: as many
// as LocalOutlierFactor takes.
func TestOutliersOfFewPoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var text, faulty strings.Builder
	for i := range 21 {
		if row := fmt.Sprintf("%d,%d\n", i*i%23, 3*i*i%7); i < 10 {
			text.WriteString(row)
			faulty.WriteString(row)
		} else {
			faulty.WriteString("none,1\n")
		}
	}
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n"+text.String())
	clitest.Write(t, filepath.Join(dir, "faulty.csv"), "a,b\n"+faulty.String())
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("a,b\n" + text.String())); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	clitest.Write(t, filepath.Join(dir, "x.csv.gz"), packed.String())
	if _, stderr, code := clitest.End(t, clitest.Other(dir, "index", "--input=x.csv", "--index=x.index")); code != 0 {
		t.Fatal(stderr)
	}
	score := func(args string) (string, string) {
		t.Helper()
		words := append(strings.Fields(args), "--report=none", "--output=o.csv")
		_, stderr, code := runCommand(t, dir, words...)
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", args, code, stderr)
		}
		return clitest.Read(t, filepath.Join(dir, "o.csv")), stderr
	}
	for turn, rest := range []string{"lof", "kth", "lof --queries=x.csv"} {
		want, _ := score("--input=x.csv --k=9 --outliers=" + rest)
		for i, points := range []string{"--input=x.csv", "--input=x.csv.gz", "--index=x.index",
			"--input=faulty.csv --columns=a,b --on_error=skip"} {
			if clitest.Brief() && turn > 0 && i%2 != turn%2 {
				continue
			}
			got, said := score(points + " --outliers=" + rest)
			if got != want || !strings.Contains(said, "10 points: scores go by k = 9") {
				t.Errorf("%s, %s:\n%s\n%s\nexpected\n%s", points, rest, said, got, want)
			}
		}
	}
	clitest.Write(t, filepath.Join(dir, "one.csv"), "a,b\n1,2\n")
	_, stderr, code := runCommand(t, dir, "--input=one.csv", "--outliers=lof", "--output=z.csv")
	if code == 0 || !strings.Contains(stderr, "must be less than the number of points, 1") {
		t.Errorf("one point: exit code %d, %s", code, stderr)
	}
}
