package output

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"beamlearn/model/fault"
	"beamlearn/transforms/files"
)

// over are the runs that [Clean] has ended in this process: a bundle that has not heard of it must not make their
// directory, or what they share, again.
var over = struct {
	sync.RWMutex
	runs map[string]bool
}{runs: map[string]bool{}}

// Begin says that a run, which an earlier one of the same id may have ended, is about to begin.
func Begin(run string) {
	over.Lock()
	defer over.Unlock()
	delete(over.runs, run)
	ends.Lock()
	defer ends.Unlock()
	delete(ends.of, run)
}

// ends tell what a run is waiting for that it ends.
var ends = struct {
	sync.Mutex
	of map[string]chan struct{}
}{of: map[string]chan struct{}{}}

func endOf(run string) chan struct{} {
	ends.Lock()
	defer ends.Unlock()
	if ends.of[run] == nil {
		ends.of[run] = make(chan struct{})
	}
	return ends.of[run]
}

// untilEnd is a context that ends with the run in this process, so that what [End] waits for does not keep it waiting.
func untilEnd(ctx context.Context, run string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	end := endOf(run)
	go func() {
		select {
		case <-end:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// End ends a run in this process: see [Clean], which removes its files, too. When it returns, the output is in place,
// or will never be.
func End(run string) {
	ended := endOf(run)
	ends.Lock()
	select {
	case <-ended:
	default:
		close(ended)
	}
	ends.Unlock()
	over.Lock()
	over.runs[run] = true
	over.Unlock()
	release(run)
}

// WhileRuns does something that must not be done for a run that is over, nor while it ends. It must not be nested.
func WhileRuns(run string, do func() error) error {
	over.RLock()
	defer over.RUnlock()
	if over.runs[run] {
		return fmt.Errorf("output: the run %s is over", run)
	}
	return do()
}

// Shared is a value that a worker process makes once for each run, whatever the number of its bundles, DoFns and
// elements. It is a package variable, made by [NewShared]. It is safe for concurrent use.
type Shared[T any] struct {
	mu    sync.Mutex
	byRun map[string]*entry[T]
}

type entry[T any] struct {
	sync.Mutex
	made  bool
	value T
}

// releasers drop what is shared in a run.
var releasers struct {
	sync.Mutex
	all []func(run string)
}

// NewShared makes the place for a value, which is dropped from this process when its run ends here: by [Clean], or when
// [Publish] has put the output in place.
func NewShared[T any]() *Shared[T] {
	s := &Shared[T]{byRun: map[string]*entry[T]{}}
	releasers.Lock()
	defer releasers.Unlock()
	releasers.all = append(releasers.all, func(run string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		maps.DeleteFunc(s.byRun, func(of string, _ *entry[T]) bool { return runOf(of) == run })
	})
	return s
}

func release(run string) {
	releasers.Lock()
	defer releasers.Unlock()
	for _, r := range releasers.all {
		r(run)
	}
}

// runOf is the run of run or run/part.
func runOf(run string) string {
	run, _, _ = strings.Cut(run, "/")
	return run
}

// Get gives the value of a run, or of a part of one by run/part, and reports whether this call has made it. A failure
// is not kept: the runner tries the bundle again. It fails where the run is over.
func (s *Shared[T]) Get(run string, load func() (T, error)) (value T, made bool, err error) {
	err = WhileRuns(runOf(run), func() error {
		s.mu.Lock()
		e := s.byRun[run]
		if e == nil {
			e = &entry[T]{}
			s.byRun[run] = e
		}
		s.mu.Unlock()
		e.Lock()
		defer e.Unlock()
		if !e.made {
			if e.value, err = load(); err != nil {
				return err
			}
			e.made, made = true, true
		}
		value = e.value
		return nil
	})
	return value, made, err
}

// Len is the number of runs with a value.
func (s *Shared[T]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byRun)
}

// failures has what went wrong first in a run of this process. Where a bundle fails, Prism may still run what comes
// after it, without its output, and report that first.
var failures = NewShared[error]()

// Failed is the first error of a run in this process, which is err where there was none, marked; nil where err is.
func Failed(run string, err error) error {
	if err == nil {
		return nil
	}
	first, _, over := failures.Get(run, func() (error, error) { return err, nil })
	return fault.Mark(errors.Join(first, over))
}

// Failure is what [Failed] was told first, marked; nil where that was nothing, or in another process.
func Failure(run string) error {
	first, _, none := failures.Get(run, func() (error, error) { return nil, errNone })
	if none != nil {
		return nil
	}
	return fault.Mark(first)
}

var errNone = errors.New("output: no failure")

// Create creates a file of a run that is not over.
func Create(ctx context.Context, run, path string) (f *files.Writer, err error) {
	err = WhileRuns(run, func() error {
		f, err = files.Create(ctx, path)
		return err
	})
	return f, err
}
