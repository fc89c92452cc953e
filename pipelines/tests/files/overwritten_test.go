package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// An index that is written to while a job has it is noticed: no answer after that is of it. One that another file takes
// the place of, and a model whatever becomes of its file, go on to answer as they were.
func TestOverwritten(t *testing.T) {
	t.Parallel()
	s := newStreams(t)
	path := func(name string) string { return filepath.Join(s.dir, name) }
	other := strings.ReplaceAll(s.jsonl, `"vector":[1`, `"vector":[3`)
	clitest.Write(t, path("other.jsonl"), other)
	s.run(t, "index", "--input=other.jsonl", "--id_column=id", "--index=other.index")
	s.run(t, "sgd", "--input=x.csv", "--target=target", "--task=classification", "--alpha=100", "--report=none",
		"--output_model=other.json")
	inPlace := func(name, from string) error {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(clitest.Read(t, from))
		return errors.Join(err, f.Close())
	}
	replaced := func(name, from string) error {
		clitest.Write(t, name+".new", clitest.Read(t, from))
		return os.Rename(name+".new", name)
	}
	for _, c := range []struct {
		how    string
		kind   string // of the file
		change func(name, from string) error
		code   int
	}{
		{"index in place", "index", inPlace, 1},
		{"index cut off", "index", func(name, _ string) error { return os.Truncate(name, 5000) }, 1},
		{"index replaced", "index", replaced, 0},
		{"model in place", "json", inPlace, 0},
		{"model replaced", "json", replaced, 0},
	} {
		t.Run(c.how, func(t *testing.T) {
			file := "used." + c.kind
			original := map[string]string{"index": "x.index", "json": "m.json"}[c.kind]
			clitest.Write(t, path(file), clitest.Read(t, path(original)))
			command, rows := "kneighbors", s.lines(s.jsonl)
			args := []string{"--input=-", "--output=-", "--output_format=jsonl", "--quiet"}
			if c.kind == "index" {
				args = append(args, "--index="+file, "--input_format=jsonl", "--id_column=id", "--k=3")
			} else {
				command, rows = "predict", s.lines(s.csv)
				args = append(args, "--model="+file, "--input_format=csv", "--proba")
			}
			v := talk(t, clitest.Other(s.dir, command, args...))
			if c.kind == "json" {
				v.say(rows[0])
				rows = rows[1:]
			}
			v.say(rows[0])
			first := v.hear()
			if err := c.change(path(file), path("other."+c.kind)); err != nil {
				t.Fatal(err)
			}
			v.say(rows[0])
			second := ""
			if c.code == 0 {
				second = v.hear()
			}
			rest, told, code := v.end()
			wrong := code != c.code || rest != "" || first == ""
			if c.code == 0 {
				number := func(answer string) string { // whose rows have no id, and are numbered
					return strings.Replace(answer, `"id":1`, `"id":0`, 1)
				}
				wrong = wrong || number(second) != first
			} else {
				wrong = wrong || !strings.Contains(told, file) || !strings.Contains(told, "while it was in use")
			}
			if wrong {
				t.Errorf("exit code %d, want %d: %q, then %q and %q\n%s", code, c.code, first, second, rest, told)
			}
		})
	}
}
