package simd

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	levels := []string{"generic", "avx2", "avx512"}
	for name, want := range map[string]int{"": 2, "generic": 0, "avx2": 1, "avxvnni": 1, "avx512": 2, "amx": 2} {
		if got, err := choose(name, levels, false); err != nil || got != want {
			t.Errorf("%q gave %d, %v", name, got, err)
		}
	}
	if got, err := choose("avxvnni", []string{"generic", "avx2", "avxvnni", "avx512"}, false); err != nil || got != 2 {
		t.Errorf("avxvnni gave %d, %v", got, err)
	}
	for _, name := range []string{"neon", "dotprod", "i8mm"} {
		if got, err := choose(name, []string{"generic", "neon"}, false); err != nil || got != 1 {
			t.Errorf("%s gave %d, %v", name, got, err)
		}
		got, err := choose(name, levels[:1], false)
		if runs := runtime.GOARCH == "arm64"; got != 0 || (err == nil) != runs {
			t.Errorf("%s without any gave %d, %v", name, got, err)
		}
	}
}

// A level that the machine lacks is another fault than a word that is none.
func TestLacks(t *testing.T) {
	t.Parallel()
	for name, levels := range map[string][]string{
		"avx512": {"generic", "avx2"}, "amx": {"generic", "avx2", "avx512"}, "i8mm": {"generic", "neon", "dotprod"},
	} {
		_, err := choose(name, levels, true)
		want := fmt.Sprintf("BEAMLEARN_SIMD=%q: this machine has %s", name, strings.Join(levels, ", "))
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Another word ends the process with one line.
func TestUnknown(t *testing.T) {
	if os.Getenv(Environment) == "sse9" {
		Choose([]string{"generic", "avx2"}, true)
		return
	}
	t.Parallel()
	c := exec.Command(os.Args[0], "-test.run=^TestUnknown$")
	c.Env = append(os.Environ(), Environment+"=sse9")
	var stderr strings.Builder
	c.Stderr = &stderr
	err := c.Run()
	const want = "beamlearn: BEAMLEARN_SIMD=\"sse9\": there are generic, avx2, avxvnni, avx512, amx, neon, dotprod, i8mm\n"
	if c.ProcessState.ExitCode() != 2 || stderr.String() != want {
		t.Errorf("%v: %q, want %q", err, stderr.String(), want)
	}
}
