package neighbors

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"unsafe"
)

// mapping is the memory of a file that an index uses. It is unmapped when nothing refers to it any more.
type mapping struct {
	name    string
	data    []byte
	unmap   func([]byte)
	cleanup runtime.Cleanup
}

// mapped are the bytes of all files that are mapped, for tests.
var mapped atomic.Int64

func newMapping(f *os.File, size int) (*mapping, error) {
	data, unmap, err := mapFile(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	mapped.Add(int64(size))
	m := &mapping{name: f.Name(), data: data, unmap: func(b []byte) {
		unmap(b)
		mapped.Add(-int64(len(b)))
	}}
	m.cleanup = runtime.AddCleanup(m, m.unmap, data)
	return m, nil
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
		err = fmt.Errorf("%s: found a file that has been cut or could not be read while it was in use, expected that nobody writes to an index", m.name)
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
