package simd

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	levels := []string{"generic", "avx2", "avx512"}
	for name, want := range map[string]int{"": 2, "generic": 0, "avx2": 1, "avxvnni": 1, "avx512": 2, "amx": 2} {
		if got, err := choose(name, levels); err != nil || got != want {
			t.Errorf("%q gave %d, %v", name, got, err)
		}
	}
	if got, err := choose("avxvnni", []string{"generic", "avx2", "avxvnni", "avx512"}); err != nil || got != 2 {
		t.Errorf("avxvnni gave %d, %v", got, err)
	}
}

// A level that the machine lacks is another fault than a word that is none.
func TestLacks(t *testing.T) {
	t.Parallel()
	_, err := choose("avx512", []string{"generic", "avx2"})
	if want := "BEAMLEARN_SIMD=\"avx512\": this machine has generic, avx2"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// Another word ends the process with one line.
func TestUnknown(t *testing.T) {
	if os.Getenv(Environment) == "sse9" {
		Choose([]string{"generic", "avx2"})
		return
	}
	t.Parallel()
	c := exec.Command(os.Args[0], "-test.run=^TestUnknown$")
	c.Env = append(os.Environ(), Environment+"=sse9")
	var stderr strings.Builder
	c.Stderr = &stderr
	err := c.Run()
	const want = "beamlearn: BEAMLEARN_SIMD=\"sse9\": there are generic, avx2, avxvnni, avx512, amx\n"
	if c.ProcessState.ExitCode() != 2 || stderr.String() != want {
		t.Errorf("%v: %q, want %q", err, stderr.String(), want)
	}
}
