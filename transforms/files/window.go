package files

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
)

// Window is a file that grows while it is read: what comes through a pipe. Of its bytes only two runs are in memory,
// its head, from which a reader learns what the file is, and the latest ones. Its pattern stands for it wherever this
// process takes the name of an input. It is for one goroutine.
type Window struct {
	info   Info
	head   []byte
	latest []byte
	first  int64 // offset of latest
	spare  []byte
}

// windowScheme begins the pattern of a window.
const windowScheme = "stream://"

// windows are those of this process, by their patterns.
var windows struct {
	sync.Mutex
	made int
	all  map[string]*Window
}

// NewWindow makes an empty window, which messages call by this name.
func NewWindow(name string) *Window {
	windows.Lock()
	defer windows.Unlock()
	if windows.all == nil {
		windows.all = map[string]*Window{}
	}
	w := &Window{info: Info{Name: name, Path: windowScheme + strconv.Itoa(windows.made)}}
	windows.made++
	windows.all[w.info.Path] = w
	return w
}

// windowOf is the window of a pattern, or nil.
func windowOf(pattern string) *Window {
	if !strings.HasPrefix(pattern, windowScheme) {
		return nil
	}
	windows.Lock()
	defer windows.Unlock()
	return windows.all[pattern]
}

// Pattern is the name by which this process opens the window.
func (w *Window) Pattern() string { return w.info.Path }

// Close ends the window, whose pattern then names nothing.
func (w *Window) Close() {
	windows.Lock()
	defer windows.Unlock()
	delete(windows.all, w.info.Path)
}

// Grow adds to the head.
func (w *Window) Grow(b []byte) {
	w.head = append(w.head, b...)
	w.first = int64(len(w.head))
}

// Begins reports whether the head begins so.
func (w *Window) Begins(with string) bool { return bytes.HasPrefix(w.head, []byte(with)) }

// Advance adds to the latest bytes, behind those from an offset on. What stands between the head and that offset is
// gone.
func (w *Window) Advance(from int64, b []byte) error {
	kept, err := w.bytes(from, w.Size()-from)
	if err != nil {
		return err
	}
	next := append(append(w.spare[:0], kept...), b...)
	w.spare, w.latest, w.first = w.latest, next, from
	return nil
}

// Name is what messages call it.
func (w *Window) Name() string { return w.info.Name }

// Size is the number of bytes so far.
func (w *Window) Size() int64 { return w.first + int64(len(w.latest)) }

func (w *Window) bytes(offset, length int64) ([]byte, error) {
	end := offset + length
	switch head := int64(len(w.head)); {
	case offset >= w.first && length >= 0 && end <= w.Size():
		return w.latest[offset-w.first : end-w.first], nil
	case offset >= 0 && length >= 0 && end <= head:
		return w.head[offset:end], nil
	}
	return nil, fault.File(w.info.Name, fmt.Sprintf("%d bytes from byte %d on", length, offset),
		"a stream of %d, whose earlier ones are gone", w.Size())
}

// OpenRange opens bytes that are in memory. They are valid until the window grows.
func (w *Window) OpenRange(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	if length < 0 {
		length = w.Size() - offset
	}
	b, err := w.bytes(offset, length)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

var _ formats.File = (*Window)(nil)

// stat is the window as it is now.
func (w *Window) stat() Info {
	info := w.info
	info.Size = w.Size()
	return info
}
