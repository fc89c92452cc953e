package cli

import (
	"context"
	"debug/elf"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"beamlearn/transforms/placement"
)

func TestDefaults(t *testing.T) {
	t.Setenv("GOOGLE_CLOUD_PROJECT", "p")
	t.Setenv("CLOUDSDK_COMPUTE_REGION", "r")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ have, want launch }{
		{launch{}, launch{runner: "prism", environment: "LOOPBACK"}},
		{launch{runner: "prism", endpoint: "localhost:8073"},
			launch{runner: "prism", endpoint: "localhost:8073", environment: "LOOPBACK"}},
		{launch{runner: "flink"}, launch{runner: "flink", endpoint: "localhost:8099", environment: "LOOPBACK"}},
		{launch{runner: "spark", endpoint: "127.0.0.2:1"},
			launch{runner: "spark", endpoint: "127.0.0.2:1", environment: "LOOPBACK"}},
		{launch{runner: "spark", endpoint: host + ":1"},
			launch{runner: "spark", endpoint: host + ":1", environment: "LOOPBACK"}},
		{launch{runner: "flink", endpoint: "flink.example.org:8099"},
			launch{runner: "flink", endpoint: "flink.example.org:8099", environment: "DOCKER"}},
		{launch{runner: "flink", endpoint: "192.0.2.1:8099", environment: "PROCESS"},
			launch{runner: "flink", endpoint: "192.0.2.1:8099", environment: "PROCESS"}},
		{launch{runner: "universal"}, launch{runner: "universal", environment: "LOOPBACK"}},
		{launch{runner: "dataflow"}, launch{runner: "dataflow", environment: "DOCKER", project: "p", region: "r"}},
		{launch{runner: "dataflow", project: "q", region: "s"},
			launch{runner: "dataflow", environment: "DOCKER", project: "q", region: "s"}},
	} {
		got := c.have
		got.defaults()
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: got %+v, want %+v", c.have, got, c.want)
		}
		if in := got.workers() == placement.InProcess; in != (got.runner == "prism" && got.endpoint == "") {
			t.Errorf("%+v: in this process: %v", got, in)
		}
	}
}

// What is missing is said in a line each; nothing else is.
func TestLaunchCheck(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	up := server.Addr().String()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down := closed.Addr().String()
	closed.Close()

	dir := t.TempDir()
	text := filepath.Join(dir, "worker")
	if err := os.WriteFile(text, []byte("#!/bin/sh\nexit 1\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	process := `{"command":"` + text + `"}`
	dataflow := launch{runner: "dataflow", project: "p", region: "r", staging: "gs://b/s"}
	for _, c := range []struct {
		name     string
		l        launch
		warnings []string // what each must contain
		faults   []string
	}{
		{"prism", launch{paths: []string{"a.csv"}}, nil, nil},
		{"unknown runner", launch{runner: "flonk", async: true}, nil,
			[]string{"--runner=flonk: must be one of prism, flink, spark, dataflow, universal"}},
		{"unknown environment and arch", launch{environment: "CLOUD", workerArch: "sparc"}, nil, []string{
			"--environment_type=CLOUD: must be one of LOOPBACK, PROCESS, DOCKER, EXTERNAL",
			"--worker_arch=sparc: must be amd64 or arm64"}},
		{"asynchronous", launch{async: true}, nil, []string{"--async is not for this command"}},
		{"template elsewhere", launch{template: "gs://b/t"}, nil,
			[]string{"--template_location: only --runner=dataflow has it"}},
		{"template on this host",
			launch{runner: "dataflow", project: "p", region: "r", staging: "gs://b/s", template: "t.json"}, nil,
			[]string{"--template_location=t.json: must be gs://BUCKET/PATH"}},
		{"dry run", launch{dryRun: true}, nil, []string{"--dry_run: only --runner=dataflow has it"}},
		{"flink", launch{runner: "flink", endpoint: up, paths: []string{"a.csv"}}, nil, nil},
		{"nothing listens", launch{runner: "flink", endpoint: down}, nil,
			[]string{"--endpoint=" + down + ": no job server of --runner=flink answers: "}},
		{"no port", launch{runner: "flink", endpoint: "localhost"}, nil, []string{"--endpoint=localhost: must be HOST:PORT"}},
		{"universal", launch{runner: "universal"}, nil, []string{"--endpoint is needed for --runner=universal"}},
		{"docker", launch{runner: "spark", endpoint: up, environment: "DOCKER", paths: []string{"a.csv", "gs://b/c.csv"}},
			[]string{"a.csv is a local path: workers run in containers"}, nil},
		{"process", launch{runner: "flink", endpoint: up, environment: "PROCESS", config: process}, nil, nil},
		{"process without a command", launch{runner: "flink", endpoint: up, environment: "PROCESS"}, nil,
			[]string{`needs --environment_config={"command":`}},
		{"process with no JSON", launch{runner: "flink", endpoint: up, environment: "PROCESS", config: text}, nil,
			[]string{"must be as in"}},
		{"process with no file", launch{runner: "flink", endpoint: up, environment: "PROCESS",
			config: `{"command":"/none/boot"}`}, nil,
			[]string{"the command /none/boot is not there or is not executable: CGO_ENABLED=0 go build -o /none/boot " +
				"github.com/apache/beam"}},
		{"external", launch{runner: "flink", endpoint: up, environment: "EXTERNAL", config: "localhost:50000"}, nil, nil},
		{"external without a pool", launch{runner: "flink", endpoint: up, environment: "EXTERNAL"}, nil,
			[]string{"needs --environment_config=HOST:PORT"}},
		{"no worker binary", launch{runner: "flink", endpoint: up, environment: "PROCESS", config: process,
			workerBinary: dir + "/none"}, nil,
			[]string{"none: there is no such file"}},
		{"a script as worker binary", launch{runner: "flink", endpoint: up, environment: "PROCESS", config: process,
			workerBinary: text}, nil,
			[]string{"worker: is no program for Linux: build it with GOOS=linux GOARCH=amd64 CGO_ENABLED=0"}},
		{"dataflow", dataflow, nil, nil},
		{"dataflow without anything", launch{runner: "dataflow"}, nil,
			[]string{"--project is needed", "--region is needed", "--staging_location is needed"}},
		{"dataflow to a disk", launch{runner: "dataflow", project: "p", region: "r", staging: "/tmp", temp: "gs:///x",
			environment: "LOOPBACK", paths: []string{"a.csv"}}, nil,
			[]string{"--staging_location=/tmp: must be", "--temp_location=gs:///x: must be", "--environment_type=LOOPBACK",
				"a.csv is on this host"}},
		{"dataflow, dry", launch{runner: "dataflow", project: "p", region: "r", staging: "gs://b/s", dryRun: true,
			workerBinary: text, paths: []string{"a.csv"}},
			[]string{"a.csv is a local path: workers run on Dataflow"}, nil},
	} {
		if c.l.workerArch == "" {
			c.l.workerArch = "amd64"
		}
		t.Setenv("GOOGLE_CLOUD_PROJECT", "")
		t.Setenv("CLOUDSDK_COMPUTE_REGION", "")
		c.l.defaults()
		warnings, err := c.l.check(context.Background())
		var faults []string
		if err != nil {
			faults = strings.Split(strings.TrimSpace(err.Error()), "\n")
		}
		for _, x := range []struct {
			what      string
			got, want []string
		}{{"warnings", warnings, c.warnings}, {"faults", faults, c.faults}} {
			if len(x.got) != len(x.want) {
				t.Errorf("%s: %s %q, want %q", c.name, x.what, x.got, x.want)
				continue
			}
			for i := range x.want {
				if !strings.Contains(x.got[i], x.want[i]) {
					t.Errorf("%s: %s %q, want %q", c.name, x.what, x.got[i], x.want[i])
				}
			}
		}
	}
}

// An engine on another host cannot reach this process.
func TestLoopbackElsewhere(t *testing.T) {
	l := launch{endpoint: "192.0.2.1:8099", environment: "LOOPBACK"}
	if err := l.checkEnvironment(); err == nil ||
		!strings.Contains(err.Error(), "192.0.2.1:8099 cannot reach this process") {
		t.Errorf("got %v", err)
	}
	l = launch{endpoint: "192.0.2.1:8099", environment: "PROCESS", config: `{"command":"/on/their/host"}`}
	if err := l.checkEnvironment(); err != nil {
		t.Errorf("a command on another host: %v", err)
	}
}

// header is an ELF header of 64 bits, little-endian, without any section.
func header(abi elf.OSABI, machine elf.Machine) []byte {
	b := make([]byte, 64)
	copy(b, "\x7fELF\x02\x01\x01")
	b[7] = byte(abi)
	b[16], b[18], b[20] = byte(elf.ET_EXEC), byte(machine), 1
	b[52], b[54], b[58] = 64, 56, 64
	return b
}

func TestCheckBinary(t *testing.T) {
	for _, c := range []struct {
		abi     elf.OSABI
		machine elf.Machine
		arch    string
		want    string
	}{
		{elf.ELFOSABI_FREEBSD, elf.EM_X86_64, "amd64", "is a program for FREEBSD, not for Linux"},
		{elf.ELFOSABI_NONE, elf.EM_AARCH64, "amd64", "is a program for AARCH64, not for amd64"},
		{elf.ELFOSABI_NONE, elf.EM_X86_64, "amd64", "is no Go program"},
	} {
		name := filepath.Join(t.TempDir(), "worker")
		if err := os.WriteFile(name, header(c.abi, c.machine), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := checkBinary(name, c.arch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: got %v, want %s", c.abi, c.machine, err, c.want)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" && machines[runtime.GOARCH] != 0 {
		if err := checkBinary(self, runtime.GOARCH); err != nil {
			t.Error(err)
		}
	}
}

// A binary that is used stays, and so do those of other commands.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-keepWorkers - time.Hour)
	for _, name := range []string{"sgd-linux-amd64-1", "sgd-linux-amd64-2", "sgd-linux-arm64-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o777); err != nil {
			t.Fatal(err)
		}
		if name != "sgd-linux-amd64-2" {
			if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := sweep(dir, "sgd-linux-amd64-"); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if want := []string{"sgd-linux-amd64-2", "sgd-linux-arm64-1"}; !reflect.DeepEqual(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

// Without a compiler the user learns what to do instead, in one line.
func TestNoCompiler(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := buildWorker(context.Background(), "beamlearn/pipelines/sgd", "amd64", filepath.Join(t.TempDir(), "worker"))
	if err == nil || !strings.Contains(err.Error(), "no go on the PATH: build the command with CGO_ENABLED=0") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}
