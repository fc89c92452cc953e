package files

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// deadRunID is the id of a run whose process has ended, and has been waited for.
func deadRunID(t *testing.T) string {
	t.Helper()
	c := exec.Command("cat") // which lives until its input ends
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	o := self()
	start, err := startOf(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("0123456789abcdef-%08x-%08x-%d-%d", o.host, o.boot, c.Process.Pid, start)
	if isDead(id) {
		t.Errorf("%s is taken for dead while it lives", id)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	return id
}

// What a dead process has left goes; what belongs to one that lives, or of which nothing is known, stays.
func TestSweep(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("here no process is known to be dead")
	}
	t.Chdir(t.TempDir())
	dead, live, o := deadRunID(t), NewRunID(), self()
	if live == NewRunID() {
		t.Error("two runs of one id")
	}
	reused := fmt.Sprintf("0123456789abcdef-%08x-%08x-%d-%d", o.host, o.boot, o.pid, o.start+1)
	elsewhere := strings.Replace(dead, fmt.Sprintf("%08x", o.host), fmt.Sprintf("%08x", o.host^1), 1)
	rebooted := strings.Replace(dead, fmt.Sprintf("%08x", o.boot), fmt.Sprintf("%08x", o.boot^1), 1)
	unknown := "0123456789abcdef-00000000-00000000-1-1"
	long := strings.Repeat("n", 250)
	gone := []string{
		Beside("o.csv", dead, EndStaging), Beside("o.csv", dead, EndPart), Beside("o.csv", dead, EndProgress),
		Beside("o.csv", reused, EndStaging),
		Beside(long, dead, EndStaging), Beside("o.csv", dead+".neighbors", EndStaging),
	}
	stay := []string{
		Beside("o.csv", live, EndStaging), Beside("o.csv", elsewhere, EndStaging), Beside("o.csv", rebooted, EndStaging),
		Beside("o.csv", unknown, EndStaging),
		Beside("other.csv", dead, EndStaging), ".o.csv." + dead, ".o.csv." + dead + ".tmpx", ".o.csv.x" + dead +
			".tmp", ".o.csv." + dead + ".a.b.tmp", "o.csv." + dead + ".tmp", ".o.csv.tmp", "o.csv",
		"beamlearn-" + live,
	}
	for _, name := range append(slices.Clone(gone), append(stay, "beamlearn-"+dead)...) {
		if err := os.MkdirAll(name+"/part", 0o777); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	if err := Sweep(ctx, "o.csv", "", long, "gs://bucket/o.csv", "none/o.csv"); err != nil {
		t.Error(err)
	}
	if err := SweepNamed(ctx, ".", "beamlearn-"); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range left {
		got = append(got, e.Name())
	}
	slices.Sort(stay)
	if !slices.Equal(got, stay) {
		t.Errorf("left\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(stay, "\n"))
	}
}
