//go:build engines

package pipelines_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// writeVectors writes a .npy of random float32 in [1, 2).
func writeVectors(t testing.TB, name string, rows, columns int) {
	t.Helper()
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, columns)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	b = append(b, header...)
	r := rand.New(rand.NewPCG(uint64(rows), uint64(columns)))
	for range rows * columns {
		b = binary.LittleEndian.AppendUint32(b, r.Uint32()>>9|127<<23)
	}
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// A job with less memory than it wants finishes, or says beforehand that it will not. It is not killed halfway: the
// limit is one that the system enforces (RLIMIT_DATA, which counts what a process may write to, and needs no
// privileges).
func TestMemoryLimit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems do not count a process's own mappings as its data")
	}
	t.Parallel()
	dir := t.TempDir()
	file := beamlearn(t)
	points, queries := filepath.Join(dir, "points.npy"), filepath.Join(dir, "queries.npy")
	writeVectors(t, queries, 1000, 1024)
	within := func(t *testing.T, megabytes int, more ...string) (code int, stderr string, answer []byte) {
		out := filepath.Join(t.TempDir(), "n.csv")
		args := append([]string{"-c", `ulimit -d "$0" && exec "$@"`, strconv.Itoa(megabytes * 1e6 / 1024), file, "kneighbors",
			"--quiet",
			"--input=" + points, "--output=" + out}, more...)
		code, stderr = invoke(t, []string{"GOMEMLIMIT="}, "/bin/sh", args...)
		answer, err := os.ReadFile(out)
		if err != nil && code == 0 {
			t.Error(err)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(out), ".*"))
		if err != nil {
			t.Fatal(err)
		}
		if code != 0 && (len(answer) > 0 || len(left) > 0) {
			t.Errorf("under %d MB: %d bytes of output, and %q", megabytes, len(answer), left)
		}
		return code, stderr, answer
	}
	refused := func(code int, stderr string, megabytes int) bool {
		const kib = 1024 // of ulimit
		limit := megabytes * 1e6 / kib * kib / 1e6
		return code == 1 && strings.Count(stderr, "\n") == 1 &&
			strings.HasPrefix(stderr, "kneighbors: the job needs about ") &&
			strings.Contains(stderr, fmt.Sprintf(" of memory, and this process may use %d MB (ulimit -d): ", limit))
	}

	t.Run("1 GB for 300 MB", func(t *testing.T) {
		writeVectors(t, points, 73242, 1024)
		code, stderr, want := within(t, 8000, "--k=10", "--queries="+queries)
		if code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		if code, stderr, got := within(t, 1000, "--k=10", "--queries="+queries); code != 0 || !bytes.Equal(got, want) {
			t.Errorf("exit code %d, %d bytes of output, want %d\n%s", code, len(got), len(want), stderr)
		}
		if code, stderr, _ := within(t, 500, "--k=10", "--queries="+queries); !refused(code, stderr, 500) {
			t.Errorf("under 500 MB: exit code %d\n%s", code, stderr)
		}
	})

	// From a limit that is refused to one that is plenty, every point a query: as many answers as points.
	t.Run("any", func(t *testing.T) {
		writeVectors(t, points, 10000, 768)
		var want []byte
		first, refusals := 0, 0
		for megabytes := 800; megabytes >= 200; megabytes -= 60 {
			code, stderr, got := within(t, megabytes, "--k=20")
			switch {
			case code == 0 && want == nil:
				first, want = megabytes, got
			case code == 0 && bytes.Equal(got, want) && refusals == 0:
			case refused(code, stderr, megabytes):
				refusals++
			default:
				t.Errorf("under %d MB: exit code %d, %d bytes of output, want %d\n%.2000s", megabytes, code, len(got), len(want),
					stderr)
			}
		}
		if first != 800 || refusals == 0 {
			t.Errorf("it finishes first under %d MB, and is refused under %d limits", first, refusals)
		}
	})
}
