package beamlearn_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

var (
	flagLine   = regexp.MustCompile(`^  --([a-z0-9_]+)(=\S+)?$`)
	wordInText = regexp.MustCompile(`--([a-z0-9_]+)`)
)

// Every flag of a command that takes a value has an example in the help, and every flag stands in a document.
func TestFlags(t *testing.T) {
	t.Parallel()
	top, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(top, "pipelines", "*.md"))
	if err != nil || len(documents) < 3 {
		t.Fatal(documents, err)
	}
	documented := map[string]bool{}
	for _, name := range append(documents, filepath.Join(top, "README.md")) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range wordInText.FindAllSubmatch(b, -1) {
			documented[string(m[1])] = true
		}
	}
	for _, command := range commandNames {
		stdout, stderr, code := clitest.End(t, clitest.Program(t.TempDir(), "help", command))
		if code != 0 {
			t.Fatalf("help %s: exit code %d\n%s", command, code, stderr)
		}
		flags := 0
		name, takes, text := "", false, ""
		end := func() {
			if name == "" {
				return
			}
			flags++
			if takes && !strings.Contains(strings.Join(strings.Fields(text), " "), "--"+name+"=") {
				t.Errorf("%s: the help of --%s has no example:\n%s", command, name, text)
			}
			if !documented[name] {
				t.Errorf("%s: no document has --%s", command, name)
			}
		}
		for line := range strings.Lines(stdout) {
			if m := flagLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
				end()
				name, takes, text = m[1], m[2] != "", ""
			} else {
				text += line
			}
		}
		if end(); flags < 5 {
			t.Errorf("help %s has %d flags:\n%s", command, flags, stdout)
		}
	}
}
