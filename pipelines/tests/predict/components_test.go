package predict_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// By components predict writes the projected rows that eigen writes: of numbers, of a table, and of sparse rows of more
// columns than the exact solver takes.
func TestComponents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wide strings.Builder
	for i := range 60 {
		fmt.Fprintf(&wide, "0 %d:1 %d:%d %d:0.5\n", 1+i%7, 100+i*31%1900, 1+i%3, 2100+i%5)
	}
	clitest.Write(t, filepath.Join(dir, "wide.svm"), wide.String())
	for name, input := range map[string][]string{
		"numbers": {"--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*"},
		"table": {"--input=" + clitest.Testdata(t, "flights_small.csv"), "--encode=auto",
			"--columns=*,!id,!tailnum,!delayed", "--standardize"},
		"sparse": {"--input=wide.svm"},
	} {
		stdout, stderr, code := clitest.End(t, clitest.Other(dir, "eigen", append(input, "--components=3", "--report=none",
			"--output="+name+".csv", "--output_model="+name+".json")...))
		if code != 0 {
			t.Fatalf("eigen %s: %d %s%s", name, code, stdout, stderr)
		}
		given := []string{"--model=" + name + ".json", input[0], "--output=of_" + name + ".csv", "--chunk_rows=37"}
		if name == "numbers" {
			given = append(given, "--id_column=id")
		}
		mustRun(t, dir, given...)
		of := func(name string) []byte { return read(t, filepath.Join(dir, name+".csv")) }
		if got, want := of("of_"+name), of(name); len(want) == 0 || !bytes.Equal(got, want) {
			t.Errorf("%s: predict does not write what eigen does", name)
		}
	}
	for flag, want := range map[string]string{"--proba": "proba: ", "--decision": "decision: ",
		"--evaluate": "evaluate, target: "} {
		_, stderr, code := runCommand(t, dir, "--model=numbers.json", "--input="+clitest.Testdata(t, "digits.csv"),
			"--id_column=id", "--output=none.csv", flag)
		if code != 2 || !strings.Contains(stderr, want+"the model is of components, which have no classes") {
			t.Errorf("%s: %d %s", flag, code, stderr)
		}
	}
}
