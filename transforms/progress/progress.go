// Package progress counts what the workers of a run have done, where they work in the process that shows it: on Prism
// in process and in LOOPBACK environments. Elsewhere nobody looks, and it costs a map look-up a chunk.
package progress

import (
	"sync"
	"sync/atomic"
)

// Run is the state of one run. It is safe for concurrent use; the nil Run drops everything.
type Run struct {
	total, done atomic.Int64
	phase       atomic.Value
}

var runs sync.Map

// Start makes a run known by its id, until Stop.
func Start(id string) *Run {
	r := &Run{}
	runs.Store(id, r)
	return r
}

// Stop forgets a run.
func Stop(id string) { runs.Delete(id) }

// Of finds a run; nil where it is not shown by this process.
func Of(id string) *Run {
	if r, ok := runs.Load(id); ok {
		return r.(*Run)
	}
	return nil
}

// Phase says what is being done.
func (r *Run) Phase(name string) {
	if r != nil {
		r.phase.Store(name)
	}
}

// Begin begins a phase of so many rows, unless another worker has begun it already.
func (r *Run) Begin(name string, rows int64) {
	if r == nil {
		return
	}
	if before, _ := r.phase.Swap(name).(string); before != name {
		r.done.Store(0)
		r.total.Store(rows)
	}
}

// Total says how many rows there are to answer.
func (r *Run) Total(rows int64) {
	if r != nil {
		r.total.Store(rows)
	}
}

// Add says that rows were answered.
func (r *Run) Add(rows int64) {
	if r != nil {
		r.done.Add(rows)
	}
}

// State is the phase, the rows answered and, where it is known, how many there are in all.
func (r *Run) State() (phase string, done, total int64) {
	phase, _ = r.phase.Load().(string)
	return phase, r.done.Load(), r.total.Load()
}
