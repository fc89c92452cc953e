package files

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"beamlearn/model/fault"
)

// outlet is where a local output really goes.
type outlet struct {
	path   string // with the links followed
	fd     int    // what this process has open, or -1
	stream bool   // it is written to, not replaced: it is open already, or a FIFO, a device, a socket
}

// descriptor matches the names under which a system shows what a process has open.
var descriptor = regexp.MustCompile(`^/(?:dev|proc/self)/fd/([0-9]{1,9})$`)

// outletOf follows the links from a local name, to a file that may not exist yet.
func outletOf(p string) outlet {
	if p == Std {
		return outlet{Std, 1, true}
	}
	for range maxLinks {
		if m := descriptor.FindStringSubmatch(p); m != nil {
			fd, _ := strconv.Atoi(m[1])
			return outlet{p, fd, true}
		}
		to, err := os.Readlink(p)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(p), to)
		}
		p = filepath.Clean(to)
	}
	st, err := os.Stat(p)
	return outlet{p, -1, err == nil && !st.Mode().IsRegular() && !st.IsDir()}
}

// IsStream reports whether an output is written to as it is, and never replaced: standard output ([Std]), what is
// open under /dev/fd, a FIFO, a device. Whatever is put there beside it needs another place.
func IsStream(name string) bool {
	p, ok := local(name)
	return ok && name != "" && outletOf(p).stream
}

// waitForReader is how long to wait before a FIFO that nobody reads is opened again.
const waitForReader = 20 * time.Millisecond

// open opens a stream for writing. A FIFO waits for a reader.
func (o outlet) open(ctx context.Context) (io.WriteCloser, error) {
	if o.fd == 1 {
		return keepOpen{os.Stdout}, nil
	}
	if o.fd >= 0 {
		return openDescriptor(o.fd)
	}
	for {
		f, err := os.OpenFile(o.path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(waitForReader):
		}
	}
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// pour writes a file into a stream. A reader that has gone away has had enough: that is no error, and [BrokenPipe]
// tells of it.
func (o outlet) pour(ctx context.Context, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	w, err := o.open(ctx)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	done := make(chan error, 1)
	go func() { // which may hang, where nobody reads, for as long as this process lives
		_, err := io.Copy(w, r)
		done <- errors.Join(err, w.Close(), r.Close())
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if errors.Is(err, syscall.EPIPE) {
		notePipe()
		return nil
	}
	return err
}

// notePipe notes that a reader has gone away: see [BrokenPipe].
func notePipe() {
	outputs.Lock()
	defer outputs.Unlock()
	outputs.broken = true
}

// ErrPipe says that nobody reads what is written any more, which is no fault: see [BrokenPipe].
var ErrPipe = errors.New("the reader of the output has gone away")

// OpenStream opens an output that is a stream (see [IsStream]), to be written to piece by piece. A Write that nobody
// reads ends with ctx. It is [ErrPipe] where the reader has gone away.
func OpenStream(ctx context.Context, name string) (io.WriteCloser, error) {
	p, _ := local(name)
	o := outletOf(p)
	if !o.stream {
		return nil, fault.File(name, "standard output, a pipe or a device", "a file")
	}
	w, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	s := &streamWriter{ctx: ctx, to: w, todo: make(chan []byte), done: make(chan outcome)}
	go s.run()
	written(p)
	return s, nil
}

// streamWriter writes in a goroutine of its own, which may hang for as long as this process lives.
type streamWriter struct {
	ctx  context.Context
	to   io.WriteCloser
	todo chan []byte
	done chan outcome
	err  error
}

// outcome is the result of one Write.
type outcome struct {
	n   int
	err error
}

func (s *streamWriter) run() {
	for b := range s.todo {
		n, err := s.to.Write(b)
		select {
		case s.done <- outcome{n, err}:
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *streamWriter) Write(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	var r outcome
	select {
	case s.todo <- b:
	case <-s.ctx.Done():
		s.err = s.ctx.Err()
		return 0, s.err
	}
	select {
	case r = <-s.done:
	case <-s.ctx.Done():
		s.err = s.ctx.Err()
		return 0, s.err
	}
	if s.err = r.err; errors.Is(r.err, syscall.EPIPE) {
		notePipe()
		s.err = ErrPipe
	}
	return r.n, s.err
}

func (s *streamWriter) Close() error {
	close(s.todo)
	if s.ctx.Err() != nil { // a Write may still hang
		return nil
	}
	return s.to.Close()
}

// outputs are what this process has put in place.
var outputs struct {
	sync.Mutex
	names  []string
	broken bool
}

// written notes that an output is in place, or that some of it is in a stream.
func written(name string) {
	outputs.Lock()
	defer outputs.Unlock()
	outputs.names = append(outputs.names, name)
}

// Written are the outputs that this process has put in place so far: each is complete, except a stream (see
// [IsStream]).
func Written() []string {
	outputs.Lock()
	defer outputs.Unlock()
	return append([]string(nil), outputs.names...)
}

// BrokenPipe reports whether a reader of an output of this process has gone away before its end, as head does.
func BrokenPipe() bool {
	outputs.Lock()
	defer outputs.Unlock()
	return outputs.broken
}

// putLocal puts a complete local file in place of another, or into a stream. Links are followed, and stay.
func putLocal(ctx context.Context, from, to string) error {
	o := outletOf(to)
	if o.stream {
		written(to)
		if err := o.pour(ctx, from); err != nil {
			return err
		}
		return os.Remove(from)
	}
	err := os.Rename(from, o.path)
	if errors.Is(err, syscall.EXDEV) {
		err = putAcross(from, o.path)
	}
	if err == nil {
		written(to)
	}
	return err
}

// putAcross puts a file in place in another file system, at once and with its time of modification.
func putAcross(from, to string) error {
	beside := Beside(to, NewRunID(), EndPart)
	err := copyLocal(from, beside)
	if err == nil {
		err = os.Rename(beside, to)
	}
	if err != nil {
		return errors.Join(err, missing(os.Remove(beside)))
	}
	return os.Remove(from)
}

func copyLocal(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	st, err := r.Stat()
	if err != nil {
		return err
	}
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close(), os.Chtimes(to, st.ModTime(), st.ModTime()))
}

// stdin is what came through standard input.
var stdin struct {
	sync.Mutex
	read bool
	info Info
	err  error
}

// StdinName is what messages call standard input.
const StdinName = "standard input"

// readStd reads all of standard input, once for the process, into a temporary file, which can be read from the middle
// and as often as the passes of a job need it.
func readStd(ctx context.Context) (Info, error) {
	stdin.Lock()
	defer stdin.Unlock()
	if !stdin.read {
		done := make(chan struct{})
		var info Info
		var err error
		go func() { // which may hang, where nobody writes, for as long as this process lives
			info, err = spoolStd()
			close(done)
		}()
		select {
		case <-done:
			stdin.read, stdin.info, stdin.err = true, info, err
		case <-ctx.Done():
			return Info{}, ctx.Err()
		}
	}
	return stdin.info, stdin.err
}

// stdPath is the file that standard input was read into; empty where it was not.
func stdPath() string {
	stdin.Lock()
	defer stdin.Unlock()
	return stdin.info.Path
}

func spoolStd() (Info, error) {
	f, err := os.CreateTemp("", "stdin-")
	if err != nil {
		return Info{}, err
	}
	_, err = io.Copy(f, os.Stdin)
	if err = errors.Join(err, f.Close()); err != nil {
		return Info{}, err
	}
	info, err := statLocal(f.Name())
	info.Name = StdinName
	return info, err
}
