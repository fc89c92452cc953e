// Package leveltest tests that bytes do not depend on what instructions the processor has.
package leveltest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"beamlearn/model/internal/simd"
)

// asked is set where a test binary is run to print the sum of what it computes.
const asked = "BEAMLEARN_TEST_LEVEL"

// Same runs the test that calls it again, in processes that must do without some instructions: those that the
// project's own variable takes away, and those that Go's runtime hides from all packages. What compute writes must be
// the same in each. The first and the last of them are tried; BEAMLEARN_TESTS=all, which CI sets, tries all.
func Same(t *testing.T, compute func(io.Writer)) {
	t.Helper()
	if os.Getenv(asked) != "" {
		h := sha256.New()
		compute(h)
		fmt.Printf("\nsum %x\n", h.Sum(nil))
		return
	}
	settings := []string{"GOMAXPROCS=2", simd.Environment + "=generic"} // the first takes nothing away
	if runtime.GOARCH == "amd64" {
		settings = append(settings, "GODEBUG=cpu.fma=off", "GODEBUG=cpu.all=off")
	}
	if testing.Short() || os.Getenv("BEAMLEARN_TESTS") != "all" {
		settings = []string{settings[0], settings[len(settings)-1]}
	}
	var first string
	for _, s := range settings {
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		c.Env = append(os.Environ(), asked+"=1", s)
		out, err := c.CombinedOutput()
		_, sum, found := strings.Cut(string(out), "\nsum ")
		if err != nil || !found {
			t.Fatalf("%s: %v: %s", s, err, out)
		}
		sum, _, _ = strings.Cut(sum, "\n")
		if first == "" {
			first = sum
		}
		if sum != first {
			t.Errorf("other bytes with %s", s)
		}
	}
}
