// Package heap lets the garbage collector go by what a process is about to need: see [Pace].
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

// Slack is how much garbage may gather, at least, before it is collected: to mark what Beam's registries hold takes
// ten milliseconds, however small the data.
const Slack = 64 << 20

// kept is the bytes that all of Kept count.
var kept atomic.Int64

// Kept counts bytes that stay for long, and which nothing else takes the place of: rows in a cache. Garbage may gather
// up to what else is in use, and these do not make that more. It counts for as long as it is reachable: let whatever
// holds the bytes hold it. It is safe for concurrent use.
type Kept struct{ bytes *atomic.Int64 }

// NewKept counts nothing yet.
func NewKept() *Kept {
	k := &Kept{new(atomic.Int64)}
	runtime.AddCleanup(k, func(bytes *atomic.Int64) { kept.Add(-bytes.Load()) }, k.bytes)
	return k
}

// Add counts n bytes more, or fewer.
func (k *Kept) Add(n int64) {
	k.bytes.Add(n)
	kept.Add(n)
}

// Drop takes back all that it counts.
func (k *Kept) Drop() { k.Add(-k.bytes.Load()) }

// Pace makes the collector begin, from now on, when there is as much garbage as there is in use beside what is [Kept],
// and no earlier than at [Slack]. Where the user has set GOGC it does nothing.
func Pace() { once.Do(pace) }

var once sync.Once

func pace() {
	if os.Getenv("GOGC") != "" {
		return
	}
	setPercent(goal(0, 0))
	watch()
}

// watch paces the collector after its next cycle, and so on.
func watch() {
	runtime.AddCleanup(&struct{ p *int }{}, func(int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		setPercent(goal(int64(live[0].Value.Uint64()), kept.Load()))
		watch()
	}, 0)
}

// smallest is the heap, in bytes, at which Go's collector begins at 100 percent where hardly anything is in use.
const smallest = 4 << 20

// goal is the percentage of the bytes in use, of which some are kept, that garbage may be.
func goal(live, kept int64) int {
	garbage := max(live-kept, Slack)
	live = max(live, smallest)
	return int((100*garbage + live - 1) / live)
}

var percent atomic.Int64 // as it is set

func setPercent(p int) {
	if percent.Swap(int64(p)) != int64(p) { // as it stops the world
		debug.SetGCPercent(p)
	}
}
