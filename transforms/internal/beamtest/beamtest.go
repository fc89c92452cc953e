// Package beamtest runs the tests of packages whose pipelines run on Prism.
package beamtest

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"

	"beamlearn/transforms/inprocess"
)

// Main is what TestMain calls. What Beam's workers leave in the directory for temporary files goes with the tests.
func Main(m *testing.M) {
	debug.SetGCPercent(400) // Prism keeps what it knows of a job for as long as the process lives
	// Two goroutines of Prism ask again and again whether a bundle has ended. Where Go has as few threads as two
	// processors give it, they keep these for 10 ms at a time from the worker whose answer they ask for.
	runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))
	grpcx.Dial = inprocess.Dial
	dir, err := os.MkdirTemp("", "beamlearn-test-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	code := ptest.MainRet(m)
	if err := os.RemoveAll(dir); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 2
	}
	os.Exit(code)
}
