package predict_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Columns without a name go by one that tells them apart, which a model learns, and which rows have again.
func TestColumnsWithoutNames(t *testing.T) {
	dir := t.TempDir()
	var numbers, table strings.Builder
	numbers.WriteString("a,,,y\n")
	table.WriteString("name,,,y\n")
	for i := range 30 {
		fmt.Fprintf(&numbers, "%d,%d,%d,%d\n", i, i*i%7, i%5, i*i%7-3*(i%5))
		fmt.Fprintf(&table, "%c,%d,%d,%d\n", 'a'+i%3, i*i%7, i%5, i*i%7-3*(i%5))
	}
	for name, rows := range map[string]string{"numbers": numbers.String(), "table": table.String()} {
		clitest.Write(t, filepath.Join(dir, name+".csv"), rows)
		_, stderr, code := clitest.End(t, clitest.Other(dir, "sgd", "--input="+name+".csv", "--target=y", "--task=regression",
			"--alpha=0", "--report=none", "--output_model="+name+".json"))
		if code != 0 {
			t.Fatalf("%s: %s", name, stderr)
		}
		_, stderr, code = runCommand(t, dir, "--model="+name+".json", "--input="+name+".csv", "--target=y", "--output=out.csv")
		if code != 0 || !strings.Contains(stderr, "R² 1,") {
			t.Errorf("%s: %s", name, stderr)
		}
		model, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil || !strings.Contains(string(model), `"Unnamed: 1","Unnamed: 2"`) {
			t.Errorf("%s: names of features: %v", name, err)
		}
	}
}

// So does the key of no name in .jsonl, wherever it stands in the rows that are predicted.
func TestKeyWithoutName(t *testing.T) {
	dir := t.TempDir()
	var rows, others [2]strings.Builder
	for i := range 30 {
		other, text := i*i%7, string(rune('a'+i*i%7))
		y := other - 3*(i%5)
		fmt.Fprintf(&rows[0], `{"a":%d,"":%d,"y":%d}`+"\n", i%5, other, y)
		fmt.Fprintf(&others[0], `{"y":%d,"a":%d,"":%d}`+"\n", y, i%5, other)
		fmt.Fprintf(&rows[1], `{"a":%d,"":%q,"y":%d}`+"\n", i%5, text, y)
		fmt.Fprintf(&others[1], `{"":%q,"y":%d,"a":%d}`+"\n", text, y, i%5)
	}
	for i, name := range []string{"numbers", "table"} {
		clitest.Write(t, filepath.Join(dir, name+".jsonl"), rows[i].String())
		clitest.Write(t, filepath.Join(dir, name+"2.jsonl"), others[i].String())
		_, stderr, code := clitest.End(t, clitest.Other(dir, "sgd", "--input="+name+".jsonl", "--target=y",
			"--task=regression", "--alpha=0", "--report=none", "--output_model="+name+".json"))
		if code != 0 {
			t.Fatalf("%s: %s", name, stderr)
		}
		for _, input := range []string{name + ".jsonl", name + "2.jsonl"} {
			_, stderr, code = runCommand(t, dir, "--model="+name+".json", "--input="+input, "--target=y", "--output=out.csv")
			if code != 0 || !strings.Contains(stderr, "R² 1,") || strings.Contains(stderr, "missing") {
				t.Errorf("%s: %s", input, stderr)
			}
		}
		model, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil || !strings.Contains(string(model), `"Unnamed: 1`) {
			t.Errorf("%s: names of features: %v", name, err)
		}
	}
}
