// Package clitest tests commands as their users run them: by the program with all commands, which all tests share.
package clitest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

// program is the program, and command the one of its commands that a test binary is for.
var program, command string

// Main is the body of a TestMain for a command: it builds the program, unless another test has.
func Main(m *testing.M, name string) {
	command = name
	var err error
	if program, err = build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// build builds the program where the tests of this checkout find it. The go command does nothing where it is up to date.
func build() (string, error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "beamlearn", "tests", fmt.Sprintf("%.8x", sha256.Sum256([]byte(top))))
	args := []string{"build", "-ldflags=-s -w"}
	if RaceDetector {
		dir += "-race"
		args = append(args, "-race")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "beamlearn")
	c := exec.Command("go", append(args, "-o", file, "beamlearn/pipelines/beamlearn")...)
	c.Dir = top
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
}

// root is the top of the checkout.
func root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			err = errors.New("no go.mod above the tests")
		}
		dir = up
	}
	return "", err
}

// Command is the command in a directory.
func Command(dir string, args ...string) *exec.Cmd { return Other(dir, command, args...) }

// Other is another command of the program.
func Other(dir, command string, args ...string) *exec.Cmd {
	return Program(dir, append([]string{command}, args...)...)
}

// Program is the program, whose first argument is the command.
func Program(dir string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
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
	top, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(top, "testdata", name)
}
