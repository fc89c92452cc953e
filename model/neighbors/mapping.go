package neighbors

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"
)

// mapping is the memory of a file that an index uses. It is unmapped when nothing refers to it any more.
type mapping struct {
	name    string
	data    []byte
	unmap   func([]byte)
	cleanup runtime.Cleanup
	file    *os.File
	state   fileState // of the file, before it was mapped
	recent  bool      // it was written to so shortly before that its times may not show the next time
}

// fileState changes when a file is written to, unless that is done within one tick of the clock of its times.
type fileState struct {
	size            int64
	written, status time.Time
}

// tick is longer than that of any file system.
const tick = 3 * time.Second

func stateOf(f *os.File) (s fileState, err error) {
	info, err := f.Stat()
	if err != nil {
		return s, err
	}
	return fileState{info.Size(), info.ModTime(), statusTime(f)}, nil
}

// mapped are the bytes of all files that are mapped, for tests.
var mapped atomic.Int64

// newMapping maps a file, which it keeps open.
func newMapping(f *os.File, size int) (*mapping, error) {
	state, err := stateOf(f)
	if err != nil {
		return nil, err
	}
	data, unmap, err := mapFile(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	mapped.Add(int64(size))
	m := &mapping{name: f.Name(), data: data, file: f, state: state, unmap: func(b []byte) {
		unmap(b)
		f.Close()
		mapped.Add(-int64(len(b)))
	}}
	m.recent = time.Since(state.written) < tick || time.Since(state.status) < tick
	m.cleanup = runtime.AddCleanup(m, m.unmap, data)
	return m, nil
}

// unchanged fails where the file may have been written to since it was mapped: verify compares all of it with its
// checksums.
func (m *mapping) unchanged(verify func() error) error {
	now, err := stateOf(m.file)
	if err != nil {
		return err
	}
	if now.size != m.state.size || now.written != m.state.written {
		return fmt.Errorf("%s: found an index that was written to while it was in use, expected that nobody does: build "+
			"another file, and rename it", m.name)
	}
	if m.recent || now.status != m.state.status { // as where another file took its name, or its times were set
		return verify()
	}
	return nil
}

// protect runs a search in the mapped memory. Where the file has been cut since, a page of it is gone, and the system
// says so by a signal: this is an error, instead of the end of the process.
func (m *mapping) protect(search func()) (err error) {
	if m == nil {
		search()
		return nil
	}
	defer runtime.KeepAlive(m)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if f, ok := faultOf(r); !ok || !m.holds(f.Addr()) {
			panic(r)
		}
		err = fmt.Errorf("%s: found a file that has been cut or could not be read while it was in use, expected that "+
			"nobody writes to an index", m.name)
	}()
	search()
	return nil
}

func (m *mapping) holds(addr uintptr) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	return addr >= start && addr < start+uintptr(len(m.data))
}

// pageFault is the panic of a goroutine with debug.SetPanicOnFault.
type pageFault interface {
	runtime.Error
	Addr() uintptr
}

func faultOf(r any) (pageFault, bool) {
	f, ok := r.(pageFault)
	return f, ok
}
