// Package progress counts what the workers of a run have done: those in the process that shows it (on Prism in
// process and in LOOPBACK environments) in its memory, and those elsewhere by way of files ([Share]).
package progress

import (
	"sync"
	"sync/atomic"
	"time"
)

// Run is the state of one run. It is safe for concurrent use; the nil Run drops everything.
type Run struct {
	done atomic.Int64

	mu    sync.Mutex
	phase string
	since time.Time // when the phase began
	lap   string    // the phase of which rows are counted
	total int64
	begun time.Time // when that began
	notes []string
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

// Of finds a run; nil where nobody is told of it.
func Of(id string) *Run {
	if r, ok := runs.Load(id); ok {
		return r.(*Run)
	}
	return follower(id)
}

// Phase says what is being done.
func (r *Run) Phase(name string) {
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.enter(name)
	}
}

// enter reports whether the phase is a new one. The lock is held.
func (r *Run) enter(name string) bool {
	if r.phase == name {
		return false
	}
	r.phase, r.since = name, time.Now()
	return true
}

// Begin begins a phase of so many rows, unless another worker has begun it already.
func (r *Run) Begin(name string, rows int64) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.enter(name) {
		r.lap, r.total, r.begun = name, rows, time.Now()
		r.done.Store(0)
	}
}

// Total says how many rows there are to answer.
func (r *Run) Total(rows int64) {
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.total = rows
	}
}

// Add says that rows were answered.
func (r *Run) Add(rows int64) {
	if r != nil {
		r.done.Add(rows)
	}
}

// Note tells the user something while the run goes on, if they see it: in this process.
func (r *Run) Note(text string) {
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notes = append(r.notes, text)
	}
}

// Notes are those since the last call.
func (r *Run) Notes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	notes := r.notes
	r.notes = nil
	return notes
}

// Begun is when the phase began of which rows are counted; the zero time where that is not known.
func (r *Run) Begun() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun
}

// State is the phase, the rows answered and, where it is known, how many there are in all.
func (r *Run) State() (phase string, done, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.phase, r.done.Load(), r.total
}
