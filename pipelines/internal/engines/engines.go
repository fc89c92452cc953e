//go:build engines

// Package engines runs commands on real engines: Flink and Spark, embedded and as stand-alone clusters on the loopback
// interface, which .ci/engines assembles and starts.
package engines

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// root is the top of the checkout.
var root = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
})

// Root is the top of the checkout.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// home is where the engines are assembled, which the first test waits for.
var home = sync.OnceValues(func() (string, error) {
	dir, err := root()
	if err != nil {
		return "", err
	}
	c := exec.Command("bash", filepath.Join(dir, ".ci/engines/setup"))
	c.Stderr = os.Stderr
	out, err := c.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], err
})

// Boot is the program that an engine starts as a worker process.
func Boot(t testing.TB) string {
	t.Helper()
	dir, err := home()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "boot")
}

var builds struct {
	sync.Mutex
	files map[string]string
}

// Build builds a command of pipelines as it is deployed: static, so that it is its own worker binary. It is removed
// by the test's cleanup of dir, which must outlive every use.
func Build(t testing.TB, dir, command string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if f := builds.files[command]; f != "" {
		return f
	}
	f := filepath.Join(dir, command)
	c := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", f, "beamlearn/pipelines/"+command)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if builds.files == nil {
		builds.files = map[string]string{}
	}
	builds.files[command] = f
	return f
}

// Engine is an engine that runs.
type Engine struct {
	Name string // "flink" or "spark"
	Dir  string // of its logs and process ids
	job  int    // port of the job server
	rest int    // port of Flink's web interface, or of Spark's master
	env  []string

	killed bool // a process above worker processes was
}

// runVariable marks every process of an engine, and what those start.
const runVariable = "BEAMLEARN_ENGINES_RUN"

// Start starts an engine, "flink" or "spark", "local" or as a "cluster" with this number of slots, and stops it when
// the test is over. It fails where a process of it is left then.
func Start(t testing.TB, name, mode string, slots int) *Engine {
	t.Helper()
	if _, err := home(); err != nil {
		t.Fatalf(".ci/engines/setup: %v", err)
	}
	first := freePorts(t, 8)
	e := &Engine{Name: name, Dir: t.TempDir(), job: first + 2, rest: first + 3}
	for k, v := range map[string]int{
		"FLINK_JOB_PORT": e.job, "FLINK_REST_PORT": e.rest, "FLINK_RPC_PORT": first + 4, "FLINK_SLOTS": slots,
		"SPARK_JOB_PORT": e.job, "SPARK_MASTER_PORT": first + 3, "SPARK_UI_PORT": first + 4,
	} {
		e.env = append(e.env, fmt.Sprintf("%s=%d", k, v))
	}
	e.env = append(e.env, runVariable+"="+e.Dir)
	// Registered first, so that what has started is stopped even where the rest does not come up.
	t.Cleanup(func() { e.stop(t) })
	start := time.Now()
	e.script(t, name, mode, e.Dir)
	if name == "flink" && mode == "cluster" {
		e.AwaitSlots(t, slots)
	}
	t.Logf("%s %s is up after %.1f s", name, mode, time.Since(start).Seconds())
	return e
}

func (e *Engine) script(t testing.TB, args ...string) {
	t.Helper()
	c := exec.Command("bash", append([]string{filepath.Join(Root(t), ".ci/engines", args[0])}, args[1:]...)...)
	c.Env = append(os.Environ(), e.env...)
	// What the script starts goes on, and must not keep a pipe of this process open.
	log, err := os.Create(filepath.Join(e.Dir, "script.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	if err := c.Run(); err != nil {
		out, _ := os.ReadFile(log.Name())
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (e *Engine) stop(t testing.TB) {
	if t.Failed() {
		e.showLogs(t)
	}
	e.script(t, "stop", e.Dir)
	var left []int
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if left = e.processes(t); len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			break
		}
	}
	for _, pid := range left {
		if e.killed && strings.HasPrefix(commandLine(pid), Boot(t)+" ") {
			// Beam's boot, whose log has nowhere to go any more, waits for itself.
			t.Logf("boot %d has outlived its engine", pid)
		} else {
			t.Errorf("process %d of the engine is left: %s", pid, commandLine(pid))
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Error(err)
		}
	}
}

// showLogs prints the end of each log.
func (e *Engine) showLogs(t testing.TB) {
	logs, err := filepath.Glob(filepath.Join(e.Dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range logs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		t.Logf("the end of %s:\n%s", name, b[max(0, len(b)-6000):])
	}
}

// processes are all that the engine has started and that run, by their environment.
func (e *Engine) processes(t testing.TB) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, d := range entries {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", d.Name(), "environ"))
		if err != nil {
			continue // it has ended
		}
		if bytes.Contains(append([]byte{0}, env...), []byte("\x00"+runVariable+"="+e.Dir+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func commandLine(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(b), "\x00", " ")
}

// Workers are the worker processes that the engine has started and that run: not the boot programs above them.
func (e *Engine) Workers(t testing.TB) []int {
	t.Helper()
	var pids []int
	for _, pid := range e.processes(t) {
		if strings.Contains(commandLine(pid), " --worker=true ") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// KillExecutor ends a process in which Spark's tasks run, by SIGKILL.
func (e *Engine) KillExecutor(t testing.TB) {
	t.Helper()
	for _, pid := range e.processes(t) {
		if strings.Contains(commandLine(pid), "CoarseGrainedExecutorBackend") {
			e.kill(t, pid)
			e.killed = true
			return
		}
	}
	t.Fatal("no executor")
}

// KillTaskManager ends the TaskManager that a Flink cluster has started with, by SIGKILL.
func (e *Engine) KillTaskManager(t testing.TB) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(e.Dir, "taskmanager.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	e.kill(t, pid)
	e.killed = true
}

// KillWorker ends a worker process, by SIGKILL.
func (e *Engine) KillWorker(t testing.TB) {
	t.Helper()
	workers := e.Workers(t)
	if len(workers) == 0 {
		t.Fatal("no worker process")
	}
	e.kill(t, workers[0])
}

func (e *Engine) kill(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// StartTaskManager starts another TaskManager of a Flink cluster.
func (e *Engine) StartTaskManager(t testing.TB) {
	t.Helper()
	e.script(t, "flink", "taskmanager", e.Dir)
}

// AwaitSlots waits until a Flink cluster has this number of slots.
func (e *Engine) AwaitSlots(t testing.TB, slots int) {
	t.Helper()
	var overview struct {
		Slots int `json:"slots-total"`
	}
	for end := time.Now().Add(2 * time.Minute); overview.Slots != slots; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the cluster has %d slots after two minutes, not %d", overview.Slots, slots)
		}
		r, err := http.Get(fmt.Sprintf("http://localhost:%d/overview", e.rest))
		if err != nil {
			continue // not up yet
		}
		overview.Slots = 0
		err = json.NewDecoder(r.Body).Decode(&overview)
		r.Body.Close()
		if err != nil && r.StatusCode == http.StatusOK {
			t.Fatal(err)
		}
	}
}

// Flags say where to run: on this engine, in this environment, PROCESS or the default, LOOPBACK.
func (e *Engine) Flags(t testing.TB, environment string, parallelism int) []string {
	t.Helper()
	f := []string{"--runner=" + e.Name, fmt.Sprintf("--endpoint=localhost:%d", e.job),
		fmt.Sprintf("--parallelism=%d", parallelism)}
	if environment == "PROCESS" {
		f = append(f, "--environment_type=PROCESS", fmt.Sprintf(`--environment_config={"command":%q}`, e.boot(t)))
	}
	return f
}

// boot is the boot program with a directory of this engine's own for the programs that it fetches: the one that all
// have, they would write over each other's.
func (e *Engine) boot(t testing.TB) string {
	t.Helper()
	name := filepath.Join(e.Dir, "boot")
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' --semi_persist_dir='%s' \"$@\"\n", Boot(t), filepath.Join(e.Dir, "tmp"))
	if err := os.WriteFile(name, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	return name
}

// ports are those that engines of this process have not been given yet: one that begins does not listen on its own at
// once.
var ports struct {
	sync.Mutex
	next int
}

// freePorts finds the first of n consecutive ports that nothing listens on, below those that connections get.
func freePorts(t testing.TB, n int) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for first := max(ports.next, 20000+os.Getpid()%1000*10); first < 32000; first += n {
		free := true
		for p := first; p < first+n && free; p++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
			if free = err == nil; free {
				l.Close()
			}
		}
		if free {
			ports.next = first + n
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

// Job is a command that runs.
type Job struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan error
	start  time.Time
}

// limit is how long a job may do nothing that one sees: one that hangs must not hang the tests, and one that is slow,
// as the machine has other things to do, is none of these.
const limit = 4 * time.Minute

// Begin starts a command in a directory, and ends it where nothing there changes any more.
func Begin(t testing.TB, dir, file string, args ...string) *Job {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	j := &Job{cmd: exec.CommandContext(ctx, file, args...), done: make(chan error, 1), start: time.Now()}
	j.cmd.Dir, j.cmd.Stderr, j.cmd.WaitDelay = dir, &j.stderr, 10*time.Second
	if err := j.cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() {
		seen, since := "", time.Now()
		for ctx.Err() == nil {
			if now := state(dir); now != seen {
				seen, since = now, time.Now()
			} else if time.Since(since) > limit {
				cancel()
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	go func() {
		j.done <- j.cmd.Wait()
		cancel()
	}()
	return j
}

// state is what one sees of a directory: the names, sizes and times of its files, hidden ones included.
func state(dir string) string {
	var b strings.Builder
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it has been removed meanwhile
		}
		if i, err := d.Info(); err == nil {
			fmt.Fprintln(&b, name, i.Size(), i.ModTime())
		}
		return nil
	})
	return b.String()
}

// End waits for a command and gives its exit code, what it has printed and the seconds that it took.
func (j *Job) End() (code int, stderr string, seconds float64) {
	<-j.done
	return j.cmd.ProcessState.ExitCode(), j.stderr.String(), time.Since(j.start).Seconds()
}

// Ended reports whether the command is over.
func (j *Job) Ended() bool { return len(j.done) > 0 }

// Signal sends the command a signal.
func (j *Job) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := j.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}
