package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Writer is a file that is being written. Until Close has returned nil there is nothing of it under its name, and
// what stood there before stays: a local file is written beside, under a name of this writer's own, and renamed; an
// object of Cloud Storage is made at once when it is complete. What cannot be replaced (see [IsStream]) gets all of
// it then. (Other stores do as Beam's filesystems do.) So of two that write to the same name, neither spoils what the
// other has finished.
type Writer struct {
	ctx  context.Context
	to   target
	done bool
}

// target is where a Writer writes to.
type target interface {
	io.Writer
	commit() error  // puts the file in place
	abandon() error // leaves nothing of it
}

// Create opens a file for writing, with the directories above it. What is written exists, under that name, once Close
// has returned nil. Where ctx is cancelled before, Close fails and nothing is kept.
func Create(ctx context.Context, name string) (*Writer, error) {
	var to target
	var err error
	if p, ok := local(name); ok {
		to, err = createLocal(ctx, p)
	} else if isGCS(name) {
		to, err = createGCS(ctx, name, nil)
	} else {
		to, err = createOther(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	return &Writer{ctx: ctx, to: to}, nil
}

func (w *Writer) Write(b []byte) (int, error) { return w.to.Write(b) }

// Sync makes what was written survive a crash of the machine, where that is not done by Close.
func (w *Writer) Sync() error {
	if s, ok := w.to.(interface{ Sync() error }); ok {
		return s.Sync()
	}
	return nil
}

// Close puts the file in place.
func (w *Writer) Close() error {
	if err := w.ctx.Err(); err != nil {
		return errors.Join(err, w.Abandon())
	}
	if w.done {
		return os.ErrClosed
	}
	w.done = true
	return w.to.commit()
}

// Abandon leaves nothing of the file. After Close it does nothing.
func (w *Writer) Abandon() error {
	if w.done {
		return nil
	}
	w.done = true
	return w.to.abandon()
}

// fillBuffer is how much is written at a time.
const fillBuffer = 256 << 10

// Fill writes all of the file and puts it in place, durable so that it survives a crash of the machine. Where fill
// fails, nothing is left of it.
func (w *Writer) Fill(durable bool, fill func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, fillBuffer)
	err := fill(b)
	if err == nil {
		err = b.Flush()
	}
	if err == nil && durable {
		err = w.Sync()
	}
	if err != nil {
		return errors.Join(err, w.Abandon())
	}
	return w.Close()
}

// Replace writes a file in the place of another, whole or not at all.
func Replace(ctx context.Context, name string, fill func(io.Writer) error) error {
	w, err := Create(ctx, name)
	if err != nil {
		return err
	}
	return w.Fill(true, fill)
}

// Output is Replace of a file that a user has asked for: [Written] tells of it.
func Output(ctx context.Context, name string, fill func(io.Writer) error) error {
	err := Replace(ctx, name, fill)
	if err == nil && !IsStream(name) { // into which putLocal has put it
		written(name)
	}
	return err
}

// WriteFile writes b in the place of a file, whole or not at all.
func WriteFile(ctx context.Context, name string, b []byte) error {
	return Replace(ctx, name, filling(b))
}

// OutputFile is WriteFile of a file that a user has asked for: see [Output].
func OutputFile(ctx context.Context, name string, b []byte) error {
	return Output(ctx, name, filling(b))
}

func filling(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// localTarget is written beside the file.
type localTarget struct {
	*os.File
	ctx context.Context
	to  outlet
}

func createLocal(ctx context.Context, name string) (target, error) {
	to := outletOf(name)
	if to.stream {
		f, err := os.CreateTemp("", "stream-")
		if err != nil {
			return nil, err
		}
		return &localTarget{f, ctx, to}, nil
	}
	if err := os.MkdirAll(filepath.Dir(to.path), 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(Beside(to.path, NewRunID(), EndPart), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &localTarget{f, ctx, to}, nil
}

func (t *localTarget) commit() error {
	if err := t.File.Close(); err != nil {
		return errors.Join(err, os.Remove(t.File.Name()))
	}
	var err error
	if t.to.stream {
		err = putLocal(t.ctx, t.File.Name(), t.to.path)
	} else {
		err = os.Rename(t.File.Name(), t.to.path)
	}
	if err != nil {
		return errors.Join(err, missing(os.Remove(t.File.Name())))
	}
	return nil
}

func (t *localTarget) abandon() error {
	return errors.Join(t.File.Close(), missing(os.Remove(t.File.Name())))
}

// missing is nil where the error says that there is no file, as whoever removes a directory has removed it, too.
func missing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// otherTarget is in a store that only Beam knows.
type otherTarget struct {
	io.WriteCloser
	name   string
	fs     io.Closer
	cancel context.CancelFunc
}

func createOther(ctx context.Context, name string) (target, error) {
	fs, err := open(ctx, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w, err := fs.OpenWrite(ctx, name)
	if err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), fs.Close())
	}
	return &otherTarget{w, name, fs, cancel}, nil
}

func (t *otherTarget) commit() error {
	defer t.cancel()
	if err := errors.Join(t.WriteCloser.Close(), t.fs.Close()); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// abandon cancels; what a store keeps of what was cancelled is its own affair.
func (t *otherTarget) abandon() error {
	t.cancel()
	t.WriteCloser.Close()
	return t.fs.Close()
}
