package beamlearn_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// A value that a flag cannot have is said as a user writes flags, with what it must be; with --log_format=json as JSON,
// wherever that stands.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for args, want := range map[string]string{
		"kneighbors --chunk_rows=abc":                     "--chunk_rows=abc: must be a whole number",
		"sgd --epochs=99999999999999999999":               "--epochs=99999999999999999999: is too large",
		"kneighbors --radius=far":                         "--radius=far: must be a number",
		"kneighbors --index_memory=much":                  "--index_memory=much: must be a number of bytes like 500000",
		"kneighbors --quiet=maybe":                        "--quiet=maybe: must be true or false",
		"sgd --every=soon":                                "--every=soon: must be a time like 90s or 1h30m",
		"sgd --log_format=xml":                            "--log_format=xml: must be text or json",
		"predict --input":                                 "--input needs a value: --input=PATH",
		"kneighbors ---k=3":                               "---k=3: no flag: one is written --name=value",
		"eigen --bogus --log_format=json":                 "there is no flag --bogus",
		"kmeans --seed=x --log_format json":               "--seed=x: must be a whole number",
		"groups --log_format=json --k=1 --log_format=xml": "there is no flag --k",
	} {
		_, stderr, code := clitest.End(t, clitest.Program(dir, strings.Fields(args)...))
		if strings.Contains(args, "json") {
			var said []string
			for line := range strings.Lines(stderr) {
				var o struct{ Msg string }
				if err := json.Unmarshal([]byte(line), &o); err != nil {
					t.Errorf("%s: the line %q: %v", args, line, err)
				}
				said = append(said, o.Msg)
			}
			stderr = strings.Join(said, "\n")
		} else {
			_, stderr, _ = strings.Cut(stderr, ": ")
		}
		if code != 2 || !strings.HasPrefix(stderr, want) {
			t.Errorf("%s: exit code %d: %s\nwant %s", args, code, stderr, want)
		}
	}
}

// Where columns of text or missing cells end a job that takes numbers, a line says what takes them; not where that
// would not help.
func TestHintOfTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "t.csv"), "a,city\n1,Rome\n2,Oslo\n3,Rome\n")
	clitest.Write(t, filepath.Join(dir, "empty.csv"), "a,b\n1,2\n2,\n3,4\n")
	clitest.Write(t, filepath.Join(dir, "null.jsonl"), `{"a":1,"b":2}`+"\n"+`{"a":2,"b":null}`+"\n")
	clitest.Write(t, filepath.Join(dir, "text.jsonl"), `{"a":"x","b":2}`+"\n"+`{"a":"z","b":3}`+"\n")
	clitest.Write(t, filepath.Join(dir, "typo.csv"), "a,b\n1,2\n2,x\n3,4\n")
	const hint = "With --encode=auto, text, dates and missing cells become numbers, too."
	for args, hinted := range map[string]bool{
		"kneighbors --input=t.csv --columns=a,city --k=1 --output=o.csv":                                 true,
		"kneighbors --input=empty.csv --k=1 --output=o.csv":                                              true,
		"kneighbors --input=null.jsonl --k=1 --output=o.csv":                                             true,
		"kneighbors --input=text.jsonl --columns=a,b --k=1 --output=o.csv":                               true,
		"index --input=empty.csv --index=o.index":                                                        true,
		"groups --input=empty.csv --radius=1 --output=o.csv":                                             true,
		"eigen --input=empty.csv --components=1 --output=o.csv":                                          true,
		"kneighbors --input=typo.csv --k=1 --output=o.csv":                                               false,
		"kneighbors --input=empty.csv --encode=none --k=1 --output=o.csv":                                false,
		"kneighbors --input=t.csv --columns=a,city --target=city --task=regression --k=1 --output=o.csv": false,
	} {
		_, stderr, code := clitest.End(t, clitest.Program(dir, strings.Fields(args)...))
		if code != 1 || strings.Contains(stderr, hint) != hinted {
			t.Errorf("%s: exit code %d: %s", args, code, stderr)
		}
		if !hinted {
			continue
		}
		_, stderr, code = clitest.End(t, clitest.Program(dir, append(strings.Fields(args), "--encode=auto")...))
		if code != 0 {
			t.Errorf("%s --encode=auto: exit code %d: %s", args, code, stderr)
		}
	}
}
