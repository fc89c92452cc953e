// Package simd reads the variable of the environment that forces a level of instructions.
package simd

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"
)

// Environment names the variable: generic, or on amd64 avx2, avxvnni, avx512 or amx, on arm64 neon, dotprod or i8mm.
const Environment = "BEAMLEARN_SIMD"

// known are the levels of all packages, of both processors.
var known = []string{"generic", "avx2", "avxvnni", "avx512", "amx", "neon", "dotprod", "i8mm"}

// without is the level that packages take which have no kernels of a name: those without whole numbers, and on arm64
// those without any.
var without = func() map[string]string {
	nearest := map[string]string{"avxvnni": "avx2", "amx": "avx512", "i8mm": "dotprod", "dotprod": "neon"}
	if runtime.GOARCH == "arm64" {
		nearest["neon"] = "generic"
	}
	return nearest
}()

// AVX2 reports whether kernels of AVX2 are in use: the processor has it, and the environment does not force plain Go.
func AVX2() bool { return cpu.X86.HasAVX2 && os.Getenv(Environment) != known[0] }

// Choose is the place of the level that the environment forces, among those that this machine has, or of the last,
// the fastest. A word that is none of them ends the process with one line and exit code 2: packages choose before
// main begins, and another level than the one that was asked for would go unseen. Without every, the package has no
// kernels of some names, and takes the nearest that it has: one that has them all is there to refuse.
func Choose(levels []string, every bool) int {
	i, err := choose(os.Getenv(Environment), levels, every)
	if err != nil {
		fmt.Fprintf(os.Stderr, "beamlearn: %v\n", err)
		os.Exit(2)
	}
	return i
}

func choose(name string, levels []string, every bool) (int, error) {
	if name == "" {
		return len(levels) - 1, nil
	}
	i := slices.Index(levels, name)
	for nearest := without[name]; i < 0 && !every && nearest != ""; nearest = without[nearest] {
		i = slices.Index(levels, nearest)
	}
	if !slices.Contains(known, name) {
		return 0, fmt.Errorf("%s=%q: there are %s", Environment, name, strings.Join(known, ", "))
	}
	if i < 0 {
		return 0, fmt.Errorf("%s=%q: this machine has %s", Environment, name, strings.Join(levels, ", "))
	}
	return i, nil
}
