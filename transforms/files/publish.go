package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
)

// Move is a complete file, as it was when it was complete, and the name that it is to get.
type Move struct {
	From Info
	To   string
}

// Publish puts complete files in place of others, and removes what is obsolete, where it is there. The name is that
// of the output as a whole: of several jobs that publish under it, one after the other does so, and in the end all
// files are of one job. It can be done again, after it was broken off too; where another job has published in
// between, it fails and changes nothing more.
//
// A job that publishes holds a lock beside the output, .NAME.lock. Of local files it is the operating system's, and
// ends with the process. Of Cloud Storage it is an object that the holder renews, and that another takes over when it
// has not been renewed for a while; whoever has lost it without knowing cannot spoil anything: each object is
// replaced on condition that it is still what it was before the holder made sure that it holds the lock. Other stores
// have no lock.
func Publish(ctx context.Context, name string, moves []Move, obsolete ...string) error {
	if p, ok := local(name); ok {
		to := outletOf(p)
		if to.stream { // several jobs may write to it, as to a printer
			return publish(ctx, moves, obsolete)
		}
		unlock, err := lockLocal(ctx, to.path)
		if err != nil {
			return err
		}
		return errors.Join(publish(ctx, moves, obsolete), unlock())
	}
	if isGCS(name) {
		return publishGCS(ctx, name, moves, obsolete)
	}
	return publish(ctx, moves, obsolete)
}

// lockName is that of the lock of an output.
func lockName(name string) string {
	dir, base := Split(name)
	return dir + "." + base + ".lock"
}

// overtaken is the error of a job after which, or in the middle of which, another has published.
func overtaken(name string) error {
	return fault.File(name, "the output of one job at a time",
		"that of another job, which was put there while this one ended")
}

// publish renames. What an earlier try has renamed is known by its size and its modification time; of what went into
// a stream, nothing is known but that it is not there any more.
func publish(ctx context.Context, moves []Move, obsolete []string) error {
	var left []Move
	for _, m := range moves {
		from := m.From.Location()
		if _, err := Stat(ctx, from); err == nil {
			left = append(left, m)
			continue
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if IsStream(m.To) {
			continue
		}
		if to, err := Stat(ctx, m.To); errors.Is(err, os.ErrNotExist) ||
			err == nil && (to.Size != m.From.Size || IsLocal(m.To) && to.Version != m.From.Version) {
			return overtaken(m.To)
		} else if err != nil {
			return err
		}
	}
	for _, m := range left {
		if err := Rename(ctx, m.From.Location(), m.To); err != nil {
			return err
		}
	}
	for _, name := range obsolete {
		if err := missing(Remove(ctx, name)); err != nil {
			return err
		}
	}
	return nil
}

// lockLocal waits for the lock of a local output.
func lockLocal(ctx context.Context, name string) (unlock func() error, err error) {
	name = lockName(name)
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return nil, err
		}
		if err := LockFile(ctx, f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		// Whoever had it has removed the file: then it locks nothing any more.
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if there, err := os.Stat(name); err == nil && os.SameFile(mine, there) {
			return func() error { return errors.Join(os.Remove(name), f.Close()) }, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// The lock in Cloud Storage: it is looked at again after leasePoll, renewed after a third of leaseStale, and taken
// over where it has not changed for leaseStale, by the clock of who waits. Variables for tests.
var leasePoll, leaseStale = time.Second, 30 * time.Second

// lease is a lock in Cloud Storage.
type lease struct {
	name  string
	owner string // of no other lease

	mu         sync.Mutex
	generation int64
	renewed    time.Time
}

func isPrecondition(err error) bool { return status(err) == http.StatusPreconditionFailed }

// put writes the lock object, where its generation is still that one; 0 stands for none.
func (l *lease) put(ctx context.Context, generation int64) error {
	only := &storage.Conditions{GenerationMatch: generation}
	if generation == 0 {
		only = &storage.Conditions{DoesNotExist: true}
	}
	w, err := createGCS(ctx, l.name, only)
	if err != nil {
		return err
	}
	if _, err = io.WriteString(w, l.owner); err != nil {
		return errors.Join(err, w.abandon())
	}
	if err := w.commit(); err == nil {
		l.generation, l.renewed = w.w.Attrs().Generation, time.Now()
		return nil
	} else if !isPrecondition(err) {
		return err
	}
	// It may be this very write, the answer to which was lost.
	if owner, now, err := l.look(ctx); err != nil || owner != l.owner {
		return errors.Join(err, errTaken)
	} else {
		l.generation, l.renewed = now, time.Now()
		return nil
	}
}

// errTaken says that another holds the lock.
var errTaken = errors.New("another job holds the lock")

// look reads who holds the lock, and since which generation: 0 where nobody does.
func (l *lease) look(ctx context.Context) (owner string, generation int64, err error) {
	o, err := gcsObject(ctx, l.name)
	if err != nil {
		return "", 0, err
	}
	r, err := o.NewReader(ctx)
	if status(err) == http.StatusNotFound {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, failed(l.name, err)
	}
	b, err := io.ReadAll(io.LimitReader(r, 1<<10))
	return string(b), r.Attrs.Generation, failed(l.name, errors.Join(err, r.Close()))
}

// acquire waits for the lock.
func acquire(ctx context.Context, name string) (*lease, error) {
	l := &lease{name: lockName(name), owner: uuid.NewString()}
	var seen int64
	var since time.Time
	for {
		_, generation, err := l.look(ctx)
		if err != nil {
			return nil, err
		}
		if generation != seen {
			seen, since = generation, time.Now()
		}
		if generation == 0 || time.Since(since) > leaseStale {
			err := l.put(ctx, generation)
			if err == nil {
				return l, nil
			}
			if !errors.Is(err, errTaken) {
				return nil, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(leasePoll):
		}
	}
}

// hold makes sure that the lock is held, and renews it where it is about to get stale.
func (l *lease) hold(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.renewed) > leaseStale/3 {
		return l.put(ctx, l.generation)
	}
	info, err := statGCS(ctx, l.name)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Version != strconv.FormatInt(l.generation, 10) {
		return errTaken
	}
	return err
}

// release gives the lock back, unless another has taken it.
func (l *lease) release(ctx context.Context) error {
	o, err := gcsObject(ctx, l.name)
	if err != nil {
		return err
	}
	err = failed(l.name, o.If(storage.Conditions{GenerationMatch: l.generation}).Delete(ctx))
	if isPrecondition(err) {
		return nil
	}
	return missing(err)
}

// moveTries bounds how often an object may be another one when it is to be replaced: who has lost the lock has one try.
const moveTries = 100

// publishGCS copies the objects; what they were copied from stays for the next try.
func publishGCS(ctx context.Context, name string, moves []Move, obsolete []string) error {
	l, err := acquire(ctx, name)
	if err != nil {
		return err
	}
	g, moving := errgroup.WithContext(ctx)
	g.SetLimit(gcsAtATime)
	for _, m := range moves {
		g.Go(func() error {
			return l.replace(moving, m.To, func(only *storage.Conditions) error {
				_, err := copyGCS(moving, m.From.Location(), m.To, only)
				if err == nil {
					written(m.To)
				}
				return err
			})
		})
	}
	for _, o := range obsolete {
		g.Go(func() error {
			return l.replace(moving, o, func(only *storage.Conditions) error {
				if only.DoesNotExist {
					return nil
				}
				object, err := gcsObject(moving, o)
				if err != nil {
					return err
				}
				return missing(failed(o, object.If(*only).Delete(moving)))
			})
		})
	}
	err = g.Wait()
	return errors.Join(err, l.release(context.WithoutCancel(ctx)))
}

// replace changes an object. Who holds the lock does so whatever was there; who has lost it, not at all. For whoever
// takes the lock over changes the object after that: it is another one by then than what was looked at here before
// the lock was.
func (l *lease) replace(ctx context.Context, name string, change func(*storage.Conditions) error) error {
	for range moveTries {
		var only storage.Conditions
		info, err := statGCS(ctx, name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			only.DoesNotExist = true
		case err != nil:
			return err
		default:
			if only.GenerationMatch, err = strconv.ParseInt(info.Version, 10, 64); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if err := l.hold(ctx); err != nil {
			if errors.Is(err, errTaken) {
				return overtaken(name)
			}
			return err
		}
		if err := change(&only); !isPrecondition(err) {
			return err
		}
	}
	return overtaken(name)
}
