package cli

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"testing"
)

// The peak of a process is its own, not that of a large one that started it, as a notebook does.
func TestPeakMemory(t *testing.T) {
	const asked, size = "BEAMLEARN_TEST_PEAK_MEMORY", 256 << 20
	if os.Getenv(asked) != "" {
		t.Logf("peak: %d.", PeakMemory())
		return
	}
	large := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		large[i] = 1
	}
	c := exec.Command(os.Args[0], "-test.run=^TestPeakMemory$", "-test.v")
	c.Env = append(os.Environ(), asked+"=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	runtime.KeepAlive(large)
	found := regexp.MustCompile(`peak: (\d+)\.`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("no peak: %s", out)
	}
	if peak, err := strconv.ParseInt(string(found[1]), 10, 64); err != nil || peak < 1<<20 || peak >= size {
		t.Errorf("%d bytes (%v), want at least 1 MiB and less than the %d of the process that started it", peak, err, size)
	}
	if own := PeakMemory(); own < size {
		t.Errorf("%d bytes here, want at least %d", own, size)
	}
	for status, want := range map[string]int64{
		"Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t 7 kB\nVmRSS:\t 5 kB\n": 7 << 10, "VmRSS:\t5 kB\n": 0, "VmHWM: x kB\n": 0, "": 0,
	} {
		if got := highWater([]byte(status)); got != want {
			t.Errorf("%q: %d, want %d", status, got, want)
		}
	}
}
