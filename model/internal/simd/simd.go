// Package simd reads the variable of the environment that forces a level of instructions.
package simd

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"
)

// Environment names the variable: generic, avx2, avxvnni, avx512 or amx.
const Environment = "BEAMLEARN_SIMD"

// known are the levels of all packages.
var known = []string{"generic", "avx2", "avxvnni", "avx512", "amx"}

// AVX2 reports whether kernels of AVX2 are in use: the processor has it, and the environment does not force plain Go.
func AVX2() bool { return cpu.X86.HasAVX2 && os.Getenv(Environment) != known[0] }

// Choose is the place of the level that the environment forces, among those that this machine has, or of the last,
// the fastest. A word that is none of them ends the process with one line and exit code 2: packages choose before
// main begins, and another level than the one that was asked for would go unseen.
func Choose(levels []string) int {
	i, err := choose(os.Getenv(Environment), levels)
	if err != nil {
		fmt.Fprintf(os.Stderr, "beamlearn: %v\n", err)
		os.Exit(2)
	}
	return i
}

func choose(name string, levels []string) (int, error) {
	if name == "" {
		return len(levels) - 1, nil
	}
	i := slices.Index(levels, name)
	if i < 0 { // kernels without whole numbers have no levels of some names
		i = slices.Index(levels, map[string]string{"avxvnni": "avx2", "amx": "avx512"}[name])
	}
	if !slices.Contains(known, name) {
		return 0, fmt.Errorf("%s=%q: there are %s", Environment, name, strings.Join(known, ", "))
	}
	if i < 0 {
		return 0, fmt.Errorf("%s=%q: this machine has %s", Environment, name, strings.Join(levels, ", "))
	}
	return i, nil
}
