package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"beamlearn/transforms/files"
)

// keepWorkers is how long a worker binary that is not used stays in the cache.
const keepWorkers = 7 * 24 * time.Hour

// workerPackage is the program with all commands, and so with all that a worker may be asked for.
const workerPackage = "beamlearn/pipelines/beamlearn"

// findWorker gives the file that workers start from: this program itself where it can run on their hosts, or else a
// build of it, which is made once and kept. The SDK would compile one for each submission.
func findWorker(ctx context.Context, arch string, tell func(string)) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if isStatic(self, arch) {
		return self, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("--worker_binary is needed: %w", err)
	}
	hash, err := hashFile(self)
	if err != nil {
		return "", err
	}
	// A new version of the program has another hash; it is no reason to keep those before it for ever.
	prefix := fmt.Sprintf("beamlearn-linux-%s-", arch)
	dir := filepath.Join(cache, "beamlearn", "workers")
	name := filepath.Join(dir, prefix+hash[:32])
	if _, err := os.Stat(name); err == nil {
		now := time.Now()
		return name, os.Chtimes(name, now, now)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if err := sweep(dir, prefix); err != nil {
		return "", err
	}
	tell(fmt.Sprintf("building the worker binary for linux/%s, once for this version: %s", arch, name))
	return name, buildWorker(ctx, workerPackage, arch, name)
}

// asWorker prepares this process to be a worker that an engine's boot program has started.
func asWorker() error {
	keepWithin(MemoryLimit())
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := ownOptions(flag.Lookup("options").Value); err != nil {
		return err
	}
	// Boot has copied the program to here for this one start, and leaves it.
	if dir := filepath.Dir(self); filepath.Dir(dir) == "/tmp" && strings.HasPrefix(filepath.Base(dir), "bin") &&
		filepath.Base(self) == "worker" {
		if err := errors.Join(os.Remove(self), os.Remove(dir)); err != nil {
			return err
		}
	}
	// An engine that stops a worker ends boot, and the SDK's worker would wait for a signal that never comes.
	parent := os.Getppid()
	go func() {
		for range time.Tick(time.Second) {
			if os.Getppid() != parent {
				os.Exit(exitFailed)
			}
		}
	}()
	return nil
}

// optionsVariable names the file of the pipeline's options, where boot has not given them by the flag.
const optionsVariable = "PIPELINE_OPTIONS_FILE"

// ownOptions leaves of the options of a pipeline those of the Go SDK. It reads no others, and fails where they are of
// types that it does not know: a pipeline in Python on a job server in Java has its parallelism as text.
func ownOptions(options flag.Value) error {
	given := []byte(options.String())
	if name := os.Getenv(optionsVariable); name != "" {
		var err error
		if given, err = readOptions(name); err != nil {
			return err
		}
	}
	if len(given) == 0 {
		return nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(given, &all); err != nil {
		return fmt.Errorf("the pipeline's options: %w", err)
	}
	const own = "beam:option:go_options:v1"
	for name := range all {
		if name != own {
			delete(all, name)
		}
	}
	kept, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := os.Unsetenv(optionsVariable); err != nil {
		return err
	}
	return options.Set(string(kept))
}

// readOptions reads the file of the pipeline's options. Workers that an engine starts in one directory have one file,
// of the same content, which each boot writes anew: so what is there may be the beginning of it, for a moment.
func readOptions(name string) (b []byte, err error) {
	for range 50 {
		if b, err = os.ReadFile(name); err != nil || json.Valid(b) {
			return b, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return b, nil // of which the decoder says what is wrong
}

// tempPrefix begins the name of the directory for temporary files of a process.
const tempPrefix = "beamlearn-"

// privateTemp makes a directory of this process's own the place for temporary files, until it is removed: the SDK
// leaves one for each submission. Those of processes that were killed go.
func privateTemp() (remove func(), err error) {
	before, was := os.LookupEnv("TMPDIR")
	if err := files.SweepNamed(context.Background(), os.TempDir(), tempPrefix); err != nil {
		return nil, err
	}
	dir := filepath.Join(os.TempDir(), tempPrefix+files.NewRunID())
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return func() {
		// The SDK may still run, where it was interrupted, and panics where it finds no directory.
		if os.Unsetenv("TMPDIR"); was {
			os.Setenv("TMPDIR", before)
		}
		os.RemoveAll(dir)
	}, nil
}

// isStatic reports whether a file runs on any Linux host of an architecture, whatever libraries it has.
func isStatic(name, arch string) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	f, err := elf.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return f.Machine == machines[arch]
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sweep removes the builds of a command that were not used for long.
func sweep(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), prefix) || time.Since(info.ModTime()) < keepWorkers {
			continue // another command may have removed it
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// buildWorker builds a package of this module. The file gets its name when it is complete.
func buildWorker(ctx context.Context, pkg, arch, name string) error {
	const advice = "build the command with CGO_ENABLED=0 and run that, or give --worker_binary"
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("the worker binary cannot be built, as there is no go on the PATH: %s", advice)
	}
	tmp := fmt.Sprintf("%s.%d.tmp", name, os.Getpid())
	defer os.Remove(tmp)
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", tmp, pkg)
	c.Dir = sourceDir()
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		last := strings.Split(strings.TrimSpace(out.String()), "\n")
		return fmt.Errorf("the worker binary cannot be built: %w: %s: %s", err, last[len(last)-1], advice)
	}
	return os.Rename(tmp, name)
}

// sourceDir is where this file was when the program was built, or else the working directory.
func sourceDir() string {
	_, file, _, ok := runtime.Caller(0)
	if dir := filepath.Dir(file); ok && filepath.IsAbs(dir) {
		if _, err := os.Stat(file); err == nil {
			return dir
		}
	}
	return ""
}
