package files_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// A table in latin-1, whose header, ids, categories and labels have letters beyond ASCII, gives what the same table
// gives in UTF-8, in every command, and text that is UTF-8.
func TestLatin1(t *testing.T) {
	t.Parallel()
	dirs, table := [2]string{t.TempDir(), t.TempDir()}, "straße,größe,farbe,prix\n"
	for i := range 60 {
		table += fmt.Sprintf("Nº%d,%d.5,%s,%s\n", i, i*i%23, []string{"weiß", "grün", "café"}[i*i%7%3],
			[]string{"élevé", "bas"}[i*i%23/12])
	}
	latin1 := make([]byte, 0, len(table))
	for _, r := range table {
		latin1 = append(latin1, byte(r))
	}
	clitest.Write(t, filepath.Join(dirs[0], "x.csv"), table)
	clitest.Write(t, filepath.Join(dirs[1], "x.csv"), string(latin1))
	size := regexp.MustCompile(`[0-9.]+ (bytes|KiB)`)
	for _, c := range []struct {
		command, output string
		has             string
		args            []string
	}{
		{"sgd", "m.json", `"élevé"`, []string{"--target=prix", "--task=classification", "--id_column=straße", "--report=none",
			"--output_model=m.json"}},
		{"predict", "p.csv", "Nº7,", []string{"--model=m.json", "--id_column=straße", "--proba", "--output=p.csv"}},
		{"kneighbors", "n.csv", "Nº7,", []string{"--id_column=straße", "--columns=größe,farbe", "--encode=auto", "--k=3",
			"--report=none", "--output=n.csv"}},
		{"transform", "t.csv", "größe", []string{"--id_column=straße", "--columns=größe,farbe", "--output=t.csv"}},
		{"inspect", "", "straße", nil},
	} {
		var got [2]string
		for i, dir := range dirs {
			args := append([]string{"--input=x.csv"}, c.args...)
			if c.command == "inspect" {
				args = []string{"x.csv"}
			}
			if i == 1 {
				args = append([]string{"--encoding=latin-1"}, args...)
			}
			stdout, stderr, code := clitest.End(t, clitest.Other(dir, c.command, args...))
			if code != 0 {
				t.Fatalf("%s %q: exit code %d\n%s", c.command, args, code, stderr)
			}
			const flag = " --encoding=latin-1" // of the commands that inspect proposes
			if strings.Contains(stdout, flag) != (c.output == "" && i == 1) {
				t.Errorf("%s %q: told\n%s", c.command, args, stdout)
			}
			if got[i] = strings.ReplaceAll(size.ReplaceAllString(stdout, "SIZE"), flag, ""); c.output != "" {
				got[i] = clitest.Read(t, filepath.Join(dir, c.output))
			}
		}
		if got[0] != got[1] || !strings.Contains(got[0], c.has) {
			t.Errorf("%s: in latin-1\n%.1500s\nand in UTF-8\n%.1500s", c.command, got[1], got[0])
		}
	}
}
