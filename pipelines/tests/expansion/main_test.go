package expansion_test

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "expansion", "TestServe") }

// What cannot be served is told before anything listens.
func TestWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--port=-1"}, "--port=-1: must be from 0 to 65535"},
		{[]string{"x"}, `unexpected argument "x"`},
		{[]string{"--environment_type=LOOPBACK"}, "--environment_type=LOOPBACK: must be one of EXTERNAL, DOCKER, PROCESS"},
		{[]string{"--environment_type=DOCKER"}, "--environment_type=DOCKER: needs --environment_config"},
		{[]string{"--environment_config=an/image"}, "EXTERNAL is this process, and has neither"},
		{[]string{"--environment_type=PROCESS", "--environment_config=/opt/boot"},
			`--environment_config=/opt/boot: must be as in {"command":"/opt/beam/boot"}`},
	} {
		stdout, stderr, code := clitest.End(t, clitest.Command(t.TempDir(), c.args...))
		if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d, %s%s, want %s", c.args, code, stdout, stderr, c.want)
		}
	}
}

// The service listens on the port that it says, and ends well by a signal.
func TestServe(t *testing.T) {
	t.Parallel()
	c := clitest.Command(t.TempDir(), "--port=0")
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(said)
	line, err := lines.ReadString('\n')
	at := regexp.MustCompile(`^expansion: beamlearn:knn:v1, .* on (localhost:\d+), until Ctrl-C\n$`).FindStringSubmatch(
		line)
	if err != nil || at == nil {
		c.Process.Kill()
		t.Fatalf("%q, %v", line, err)
	}
	conn, err := net.Dial("tcp", at[1])
	if err != nil {
		t.Error(err)
	} else if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if ended := c.Wait(); ended != nil || err != nil || len(rest) > 0 {
		t.Errorf("%v, %v, %s", ended, err, rest)
	}
}
