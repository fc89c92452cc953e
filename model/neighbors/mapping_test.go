//go:build unix && !purego

package neighbors

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"beamlearn/model/vectors"
)

// A search in a file that has been cut is an error, at any number of threads, in every engine, and none waits for ever.
func TestCutWhileMapped(t *testing.T) {
	const dim = 8
	b := rowsBlock(gaussianRows(rand.New(rand.NewPCG(5, 1)), 20_000, dim), vectors.Float32)
	q := rowsBlock(gaussianRows(rand.New(rand.NewPCG(5, 2)), 100, dim), vectors.Float32)
	for _, a := range []Algorithm{Brute, KDTree} {
		for _, threads := range []int{1, 4} {
			path := indexFile(t, fit(t, b, Options{}, a))
			x, err := MapFile(path)
			if err != nil {
				t.Fatal(err)
			}
			kNeighbors(t, x, q, 5, Search{Threads: threads})
			if err := os.Truncate(path, 8192); err != nil {
				t.Fatal(err)
			}
			s := Search{Threads: threads}
			_, one := x.KNeighbors(q, 5, s)
			_, two := x.RadiusNeighbors(q, 1, s)
			s.Self = true
			_, three := x.KNeighbors(b, 5, s) // each pair once, under locks
			four := x.Verify(1 << 40)
			for i, err := range []error{one, two, three, four} {
				if err == nil || !strings.HasPrefix(err.Error(), path+": found a file that has been cut") {
					t.Errorf("%s, %d threads, %d: %v", a, threads, i, err)
				}
			}
		}
	}
}

// The mapping goes with the index.
func TestUnmapped(t *testing.T) {
	b := rowsBlock(gaussianRows(rand.New(rand.NewPCG(5, 3)), 1000, 16), vectors.Float32)
	path := indexFile(t, fit(t, b, Options{}, Brute))
	x, err := MapFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := mapped.Load(); n < 64_000 {
		t.Errorf("%d bytes are mapped", n)
	}
	y, err := MapFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := mapped.Load()
	y.Close()
	y.Close()
	if n := before - mapped.Load(); n < 64_000 {
		t.Errorf("Close has unmapped %d bytes", n)
	}
	runtime.KeepAlive(x)
	x = nil
	for end := time.Now().Add(10 * time.Second); mapped.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes stay mapped", mapped.Load())
		}
		runtime.GC()
	}
}

const sharedEnvironment = "BEAMLEARN_TEST_MAP"

// Two processes that search one file share its pages: a half of them counts for each.
func TestSharedPages(t *testing.T) {
	if path := os.Getenv(sharedEnvironment); path != "" {
		searchAndWait(t, path)
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("Pss is of Linux")
	}
	b := rowsBlock(gaussianRows(rand.New(rand.NewPCG(5, 4)), 60_000, 32), vectors.Float32)
	path := indexFile(t, fit(t, b, Options{}, Brute))
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for range 2 {
		c := exec.Command(os.Args[0], "-test.run=^TestSharedPages$")
		c.Env = append(os.Environ(), sharedEnvironment+"="+path)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Wait()
		defer in.Close()
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "searched\n" {
			t.Fatalf("%q, %v", line, err)
		}
		pids = append(pids, c.Process.Pid)
	}
	for _, pid := range pids {
		rss, pss, private := pagesOf(t, pid, path)
		if rss < st.Size()*9/10 || pss > rss*6/10 || private > 0 {
			t.Errorf("of %d bytes %d are resident, %d proportionally, %d private", st.Size(), rss, pss, private)
		}
	}
}

func searchAndWait(t *testing.T, path string) {
	x, err := MapFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Verify(1 << 40); err != nil { // touches every page
		t.Fatal(err)
	}
	kNeighbors(t, x, x.Rows(0, 500), 5, Search{Self: true})
	os.Stdout.WriteString("searched\n")
	os.Stdin.Read(make([]byte, 1))
	runtime.KeepAlive(x)
}

// pagesOf are the bytes of a file in the memory of a process: all, a share of those that others have too, and those
// that it alone has written to.
func pagesOf(t *testing.T, pid int, path string) (rss, pss, private int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps")
	if err != nil {
		t.Fatal(err)
	}
	in := false
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if !strings.HasSuffix(fields[0], ":") {
			in = fields[len(fields)-1] == path
			continue
		}
		if !in || len(fields) < 3 || fields[2] != "kB" {
			continue
		}
		n, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		switch fields[0] {
		case "Rss:":
			rss += n << 10
		case "Pss:":
			pss += n << 10
		case "Private_Dirty:":
			private += n << 10
		}
	}
	return rss, pss, private
}

// A file that is written to while it is mapped is noticed, even where its times do not show it; one that is read, or
// replaced by another of its name, is not.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	b := rowsBlock(gaussianRows(rand.New(rand.NewPCG(5, 1)), 300, 5), vectors.Float32)
	old := time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		change func(path string) error
		recent bool
		want   string
	}{
		"read":   {func(path string) error { _, err := os.ReadFile(path); return err }, false, ""},
		"recent": {func(path string) error { return nil }, true, ""},
		"replaced": {func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("x"), 0o666), os.Rename(path+".new", path))
		}, false, ""},
		"written": {func(path string) error { return overwrite(path, 4100) }, false,
			"written to while it was in use"},
		"written, times restored": {func(path string) error {
			return errors.Join(overwrite(path, 4100),
				os.Chtimes(path, old, old))
		}, false, "checksum"},
		"shorter": {func(path string) error { return os.Truncate(path, 4096) }, false,
			"written to while it was in use"},
	} {
		t.Run(name, func(t *testing.T) {
			path := indexFile(t, fit(t, b, Options{}, Brute))
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			x, err := MapFile(path)
			if err != nil {
				t.Fatal(err)
			}
			x.mapping.recent = c.recent
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			if err := x.Unchanged(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, expected %q", err, c.want)
			}
		})
	}
	// Within a tick the times say nothing, and the checksums do.
	path := indexFile(t, fit(t, b, Options{}, Brute))
	x, err := MapFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !x.mapping.recent {
		t.Error("a new file is not recent")
	}
	if err := overwrite(path, 4100); err != nil {
		t.Fatal(err)
	}
	if x.mapping.state, err = stateOf(x.mapping.file); err != nil {
		t.Fatal(err)
	}
	if err := x.Unchanged(); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a new file that is written to at once: %v", err)
	}
}

// overwrite changes a byte.
func overwrite(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	b[0] ^= 1
	_, e := f.WriteAt(b, at)
	return errors.Join(err, e, f.Close())
}
