// Package clitest tests commands as their users run them: the test binary is the command, where it is told to.
package clitest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// asCommand in the environment makes the test binary the command itself.
const asCommand = "BEAMLEARN_TEST_COMMAND"

// Main is the body of a TestMain for a command.
func Main(m *testing.M, main func()) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Command is the command in a directory.
func Command(dir string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asCommand+"=1")
	c.Dir = dir
	return c
}

// End runs a command and returns what it printed, and its exit code.
func End(t testing.TB, c *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
		code = exit.ExitCode()
	}
	return out.String(), errs.String(), code
}

var (
	flagLine    = regexp.MustCompile(`(?m)^  --([a-z0-9_]+)=`)
	exampleText = regexp.MustCompile(`--([a-z0-9_]+)=(\S+)`)
)

// Help checks that the help of the command has an example for each flag that takes a value.
func Help(t testing.TB) {
	t.Helper()
	stdout, _, code := End(t, Command(t.TempDir(), "--help"))
	flags := flagLine.FindAllStringSubmatchIndex(stdout, -1)
	if code != 0 || len(flags) == 0 {
		t.Fatalf("--help: exit code %d: %s", code, stdout)
	}
	for i, at := range flags {
		name, end := stdout[at[2]:at[3]], len(stdout)
		if i+1 < len(flags) {
			end = flags[i+1][0]
		}
		found := false
		for _, m := range exampleText.FindAllStringSubmatch(stdout[at[1]:end], -1) {
			found = found || m[1] == name
		}
		if !found {
			t.Errorf("--help has no example of --%s", name)
		}
	}
}

// Read is the content of a file.
func Read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Write writes a file.
func Write(t testing.TB, name, data string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Testdata is the absolute path of a file of the test data.
func Testdata(t testing.TB, name string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("../../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
