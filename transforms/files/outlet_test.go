//go:build unix

package files

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// putString puts a file of this content in place of another.
func putString(ctx context.Context, t *testing.T, to, content string) error {
	t.Helper()
	from := filepath.Join(t.TempDir(), "from")
	if err := os.WriteFile(from, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := putLocal(ctx, from, to); err != nil {
		return err
	}
	if _, err := os.Stat(from); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: what was put in place is still at its old place: %v", to, err)
	}
	return nil
}

func mustRead(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Links are followed, to what is there and to what is not, and stay links; the file behind them is replaced at once.
func TestPutThroughLinks(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, err := range []error{os.Mkdir("d", 0o777), os.WriteFile("d/x", []byte("before"), 0o666), os.Symlink("d/x", "a"),
		os.Symlink("a", "b"), os.Symlink("d/none", "c")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Open("d/x")
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	for to, at := range map[string]string{"b": "d/x", "c": "d/none"} {
		if err := putString(context.Background(), t, to, "through "+to); err != nil {
			t.Fatal(err)
		}
		if got := mustRead(t, at); got != "through "+to {
			t.Errorf("%s: found %q at %s", to, got, at)
		}
		if st, err := os.Lstat(to); err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s: no link any more: %v, %v", to, st, err)
		}
	}
	if old, err := io.ReadAll(before); err != nil || string(old) != "before" {
		t.Errorf("who read the file before has got %q, %v", old, err)
	}
	if names := strings.Join(Written(), " "); !strings.Contains(names, "b") || !strings.Contains(names, "c") {
		t.Errorf("written: %s", names)
	}
}

// In another file system the file is copied, replaced at once, and has its time.
func TestPutAcross(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	then := time.Unix(1e9, 123456789)
	for _, err := range []error{os.WriteFile(from, []byte("new"), 0o666), os.Chtimes(from, then, then),
		os.WriteFile(to, []byte("old"), 0o666)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := putAcross(from, to); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(to)
	if err != nil || !st.ModTime().Equal(then) || mustRead(t, to) != "new" {
		t.Errorf("found %q of %v, %v", mustRead(t, to), st.ModTime(), err)
	}
	if old, err := io.ReadAll(before); err != nil || string(old) != "old" {
		t.Errorf("who read the file before has got %q, %v", old, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A FIFO, what is open, and a device are written to, and are what they were.
func TestPutIntoStreams(t *testing.T) {
	dir := t.TempDir()
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	for _, err := range []error{syscall.Mkfifo(fifo, 0o666), os.Symlink("fifo", link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	for _, name := range []string{fifo, link} {
		got := make(chan string)
		go func() {
			time.Sleep(2 * waitForReader) // so that the writer has to wait
			b, _ := os.ReadFile(fifo)
			got <- string(b)
		}()
		long := strings.Repeat("through the pipe\n", 10_000)
		if err := putString(ctx, t, name, long); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != long {
			t.Errorf("%s: %d bytes came through", name, len(s))
		}
	}
	if st, err := os.Lstat(fifo); err != nil || st.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the FIFO is %v, %v", st, err)
	}
	if err := putString(ctx, t, os.DevNull, "nothing"); err != nil {
		t.Error(err)
	}
	if st, err := os.Lstat(os.DevNull); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("the null device is %v, %v", st, err)
	}
	// What is open is written to from where it stands.
	f, err := os.Create(filepath.Join(dir, "open"))
	if err == nil {
		_, err = f.WriteString("first, ")
	}
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = f
	err = errors.Join(putString(ctx, t, "/dev/stdout", "second, "), putString(ctx, t, Std, "third"))
	os.Stdout = stdout
	if got := mustRead(t, f.Name()); err != nil || got != "first, second, third" {
		t.Errorf("found %q, %v", got, err)
	}
	for name, want := range map[string]bool{fifo: true, link: true, Std: true, "/dev/stdout": true, "/dev/fd/3": true,
		os.DevNull: true, dir: false, f.Name(): false, dir + "/none": false, "": false, "gs://b/o": false} {
		if IsStream(name) != want {
			t.Errorf("IsStream(%s) = %v", name, !want)
		}
	}
}

// Who waits for a reader of a FIFO, or for one that does not read on, can be told to stop; a reader that goes away is
// no error.
func TestStreamsEnd(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := putString(ctx, t, fifo, "nobody reads"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a reader: %v", err)
	}
	reader, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	large := strings.Repeat("x", 1<<20)
	if err := putString(ctx, t, fifo, large); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a reader that does not read: %v", err)
	}
	reader.Close()
	fifo = filepath.Join(t.TempDir(), "another") // into which the one that was told to stop does not write
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	if BrokenPipe() {
		t.Error("BrokenPipe before a pipe was broken")
	}
	go func() {
		if r, err := os.Open(fifo); err == nil {
			io.ReadFull(r, make([]byte, 10))
			r.Close()
		}
	}()
	if err := putString(context.Background(), t, fifo, large); err != nil {
		t.Errorf("with a reader that goes away: %v", err)
	}
	if !BrokenPipe() {
		t.Error("BrokenPipe does not tell of a reader that has gone away")
	}
}

// What is written to a stream piece by piece comes through; where the reader goes away, the writer is told so; and a
// file is no stream.
func TestOpenStream(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		b := make([]byte, 11)
		r, err := os.Open(fifo)
		if err == nil {
			_, err = io.ReadFull(r, b)
			r.Close()
		}
		if err != nil {
			b = []byte(err.Error())
		}
		got <- string(b)
	}()
	before := len(Written())
	w, err := OpenStream(context.Background(), fifo)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"first,", "later"} {
		if n, err := io.WriteString(w, piece); n != len(piece) || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
	if s := <-got; s != "first,later" {
		t.Errorf("%q came through", s)
	}
	for range 2 {
		if _, err := io.WriteString(w, "nobody reads"); !errors.Is(err, ErrPipe) {
			t.Errorf("without a reader: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if names := Written()[before:]; len(names) != 1 || names[0] != fifo {
		t.Errorf("written: %q", names)
	}
	name := filepath.Join(t.TempDir(), "file")
	if _, err := OpenStream(context.Background(), name); err == nil ||
		!strings.Contains(err.Error(), "expected standard output, a pipe or a device") {
		t.Errorf("a file: %v", err)
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}
