// Package clitest tests commands as their users run them: by the program with all commands, which all tests share.
package clitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// command is the one of the program's commands that a test binary is for.
var command string

// Main is the body of a TestMain for a command. With -short, and where -run names no tests, only the short ones run:
// each start of the program takes 0.1 CPU seconds, and these take the command's shortest way from its input to its
// output.
func Main(m *testing.M, name string, short ...string) {
	command = name
	flag.Parse()
	if run := flag.Lookup("test.run"); testing.Short() && run.Value.String() == "" {
		fmt.Printf("-short: only %s; -run names others\n", strings.Join(short, ", "))
		if err := run.Value.Set("^(" + strings.Join(short, "|") + ")$"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// program is the program, built when the first test asks for it.
var program = sync.OnceValue(func() string {
	file, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return file
})

// build returns the program, which it builds where no test has built it from the same sources: the go command takes
// seconds to find out that it has nothing to do. That the sources are read, after m.Run has begun, also tells `go
// test` that what it has in its cache depends on them: these tests import hardly anything of the program.
func build() (string, error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	args := []string{"build", "-buildvcs=false", "-ldflags=-s -w"}
	if RaceDetector {
		args = append(args, "-race")
	}
	sum, err := sources(top, args)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "beamlearn", "tests")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	lock, err := os.Create(filepath.Join(dir, sum+".lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	file := filepath.Join(dir, sum)
	now := time.Now()
	if os.Chtimes(file, now, now) == nil {
		return file, nil
	}
	if err := prune(dir); err != nil {
		return "", err
	}
	c := exec.Command("go", append(args, "-o", file+".new", "beamlearn/pipelines/beamlearn")...)
	c.Dir = top
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, os.Rename(file+".new", file)
}

// sources is the sum of what a program is made of: the files of the module, and how they are built.
func sources(top string, args []string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), args)
	for _, name := range []string{"GOFLAGS", "GOAMD64", "GOARM64", "CGO_ENABLED", "GOEXPERIMENT"} {
		fmt.Fprintln(h, name, os.Getenv(name))
	}
	add := func(name string) error {
		b, err := os.ReadFile(name)
		fmt.Fprintf(h, "%s %x\n", strings.TrimPrefix(name, top), sha256.Sum256(b))
		return err
	}
	if err := errors.Join(add(filepath.Join(top, "go.mod")), add(filepath.Join(top, "go.sum"))); err != nil {
		return "", err
	}
	for _, room := range []string{"model", "transforms", "pipelines"} {
		err := filepath.WalkDir(filepath.Join(top, room), func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir():
				if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil || d.Name() == "testdata" {
					return fs.SkipDir // a module of its own, or no source
				}
				return nil
			case strings.HasSuffix(name, "_test.go"):
				return nil
			}
			return add(name)
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16]), nil
}

// prune removes the programs that no test has asked for during the last hours.
func prune(dir string) error {
	all, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range all {
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > 2*time.Hour {
			err = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
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
	c := exec.Command(program(), args...)
	c.Dir = dir
	// Part of a short run's processor time is the collector's, of the little that the program's start allocates; and, on
	// two threads, a fifth is that of Prism, which asks in a loop for the end of work that waits for its thread.
	c.Env = append(os.Environ(), "GOGC=1000", fmt.Sprint("GOMAXPROCS=", max(3, runtime.GOMAXPROCS(0))))
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

// Brief says that a sample of the cases must do, always the same one: by default. BEAMLEARN_TESTS=all, which CI sets,
// tries all of them.
func Brief() bool { return testing.Short() || os.Getenv("BEAMLEARN_TESTS") != "all" }

// Long leaves a test to BEAMLEARN_TESTS=all that is slow by its nature: it ends a job amid its work, which must last
// for seconds so that there is such a time.
func Long(t testing.TB) {
	t.Helper()
	if Brief() {
		t.Skip("a job that lasts for seconds: with BEAMLEARN_TESTS=all")
	}
}

// LeftOut reports whether a sample leaves out case i of several that must all give the same: it has the first two, and
// every fourth after, and with -short the second alone.
func LeftOut(i int) bool { return Brief() && i != 0 && (i%4 != 1 || testing.Short() && i > 1) }

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

// WriteNPY writes numbers as a .npy of so many columns, as numpy.save does.
func WriteNPY(t testing.TB, name string, columns int, numbers []float64) {
	t.Helper()
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }", len(numbers)/columns, columns)
	header += strings.Repeat(" ", 64-(11+len(header))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	b = append(b, header...)
	for _, v := range numbers {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	Write(t, name, string(b))
}
