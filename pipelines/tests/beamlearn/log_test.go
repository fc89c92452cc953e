package beamlearn_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// With --log_format=json, each line on standard error is an object that names the command; the last of a run that ends
// well has what --summary writes, and a failure is an error.
func TestLogFormat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b,colour,y\n1,2,red,0\n2,1,blue,1\n3,3,red,1\n4,1,blue,0\n")
	clitest.Write(t, filepath.Join(dir, "bad.csv"), "a,b\n1,2\n3,x\n")
	sgd := []string{"sgd", "--input=x.csv", "--target=y", "--task=classification", "--columns=a,b",
		"--output_model=m.json", "--report=none", "--summary=s.json"}
	knn := []string{"kneighbors", "--input=bad.csv", "--k=1", "--output=o.csv"}
	for _, v := range []struct {
		name, text, level string
		args              []string
		code              int
	}{
		{"a run", "left out: colour (text)", "INFO", sgd, 0},
		{"a faulty row", "bad.csv: row 1, column b", "ERROR", knn, 1},
		{"a flag that is missing", "one of k and radius is needed", "ERROR",
			[]string{"kneighbors", "--input=x.csv", "--output=o.csv"}, 2},
		{"a command without Beam", "x.csv", "", []string{"inspect", "x.csv"}, 0},
	} {
		args := append([]string{v.args[0], "--log_format=json"}, v.args[1:]...)
		stdout, stderr, code := clitest.End(t, clitest.Program(dir, args...))
		if code != v.code {
			t.Fatalf("%s: exit code %d, want %d: %s", v.name, code, v.code, stderr)
		}
		found := v.level == "" && strings.Contains(stdout, v.text)
		var last map[string]any
		for line := range strings.Lines(stderr) {
			last = nil
			if err := json.Unmarshal([]byte(line), &last); err != nil || last["command"] != v.args[0] || last["time"] == nil {
				t.Fatalf("%s: the line %q: %v", v.name, line, err)
			}
			found = found || strings.Contains(last["msg"].(string), v.text) && last["level"] == v.level
		}
		if !found {
			t.Errorf("%s: %q is not said at the level %q: %s", v.name, v.text, v.level, stderr)
		}
		if v.name != "a run" {
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &want); err != nil {
			t.Fatal(err)
		}
		if got := last["summary"]; got == nil || !reflect.DeepEqual(got, want) {
			t.Errorf("the summary is said as %v, and written as %v", got, want)
		}
	}
	if _, stderr, code := clitest.End(t, clitest.Program(dir, "sgd", "--log_format=xml")); code != 2 ||
		!strings.Contains(stderr, "must be text or json") {
		t.Errorf("xml: exit code %d: %s", code, stderr)
	}
}
