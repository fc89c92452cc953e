package sgd_test

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// oddTexts have no word, or no ASCII, or letters in several forms, or are very long.
var oddTexts = []string{
	"", " ", "...!?", "—–…", "😀", "👩‍👩‍👧‍👦 family",
	"e\u0301te\u0301 cafe\u0301", "été CAFÉ", "İstanbul ıssız", "ΣΊΣΥΦΟΣ ΟΔΟΣ",
	"Straße STRASSE", "ﬁne ﬂow", "\u1112\u1161\u11ab 한국어", "日本語の文章です", "हिन्दी",
	"a", "a b c", "x_y __ _", "\u0300 a\u0300b",
	"tab\u00a0nbsp\u2003em", "１２ ٤٥ Ⅷ ½", "\u200bzero\u200bwidth", "NaN", "1.5", "true", "K\u212a \u2126",
	strings.Repeat("word ", 3000), strings.Repeat("q", 20_000), strings.Repeat("Ünï ", 3000),
}

// What predict makes of a text is what the model has learned from: its decision is the product of the coefficients with
// the row that transform writes, of any text, by any analyzer, in chunks of any size.
func TestTextsAtPrediction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var rows strings.Builder
	n := 0
	add := func(text string) {
		b, err := json.Marshal(map[string]any{"t": text, "y": n % 2})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&rows, "%s\n", b)
		n++
	}
	for _, text := range oddTexts {
		add(text)
		add("some words and " + text + " in between")
	}
	clitest.Write(t, filepath.Join(dir, "t.jsonl"), rows.String())
	other := func(command string, args ...string) {
		t.Helper()
		if _, stderr, code := clitest.End(t, clitest.Other(dir, command, args...)); code != 0 {
			t.Fatalf("%s %v: %s", command, args, stderr)
		}
	}
	for i, analyzer := range []string{"word", "char_wb", "char"} {
		if clitest.LeftOut(i) {
			continue
		}
		flags := []string{"--input=t.jsonl", "--target=y", "--text=t", "--ngrams=1-2", "--hash_bits=9",
			"--analyzer=" + analyzer}
		mustRun(t, dir, append([]string{"--task=classification", "--solver=sgd", "--epochs=2", "--report=none",
			"--output_model=m.json"}, flags...)...)
		other("transform", append([]string{"--output=x.svm"}, flags...)...)
		other("predict", "--model=m.json", "--input=t.jsonl", "--decision", "--output=p.csv")
		other("predict", "--model=m.json", "--input=t.jsonl", "--decision", "--output=q.csv", "--chunk_rows=7")
		m, x := loaded(t, filepath.Join(dir, "m.json")), clitest.SparseRows(t, filepath.Join(dir, "x.svm"), 1<<9)
		predicted := clitest.Read(t, filepath.Join(dir, "p.csv"))
		if predicted != clitest.Read(t, filepath.Join(dir, "q.csv")) {
			t.Errorf("%s: other predictions in chunks of 7 rows", analyzer)
		}
		lines := strings.Split(strings.TrimSpace(predicted), "\n")[1:]
		if len(lines) != n || x.Len() != n {
			t.Fatalf("%s: %d predictions and %d encoded rows of %d texts", analyzer, len(lines), x.Len(), n)
		}
		for i, line := range lines {
			got, err := strconv.ParseFloat(line[strings.LastIndex(line, ",")+1:], 64)
			if err != nil {
				t.Fatal(err)
			}
			want := m.Intercept[0]
			for j, v := range x.Row(i, make([]float64, x.Dim)) {
				want += m.Coef[0][j] * v
			}
			if !(math.Abs(got-want) <= 1e-12) {
				t.Errorf("%s: text %d: %v, by the encoded row %v", analyzer, i, got, want)
			}
		}
	}
}
