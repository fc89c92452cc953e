package files

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"beamlearn/transforms/files/gcstest"
)

// leases sets the times of locks for a test.
func leases(t *testing.T, poll, stale time.Duration) {
	p, s := leasePoll, leaseStale
	t.Cleanup(func() { leasePoll, leaseStale = p, s })
	leasePoll, leaseStale = poll, stale
}

const lockObject = "out/.n.lock"

// publishing is a server with the complete files of a job, of which n is to go in place of another.
func publishing(t *testing.T) (*gcstest.Server, []Move) {
	s := gcstest.Start(t, map[string][]byte{"out/n": []byte("earlier"), "out/old": []byte("old"),
		"out/.n.tmp/n": []byte("new")})
	return s, []Move{{From: mustList(t, bucket+"out/.n.tmp/n")[0], To: bucket + "out/n"}}
}

func wantObject(t *testing.T, s *gcstest.Server, name, want string) {
	t.Helper()
	if got, err := s.Get(name); string(got) != want || err != nil {
		t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
	}
}

// A job can publish again, and leaves no lock.
func TestGCSPublishAgain(t *testing.T) {
	s, moves := publishing(t)
	for range 2 {
		if err := Publish(context.Background(), bucket+"out/n", moves, bucket+"out/old", bucket+"out/older"); err != nil {
			t.Fatal(err)
		}
		wantObject(t, s, "out/n", "new")
		if got := strings.Join(s.Names("out/"), " "); got != "out/.n.tmp/n out/n" {
			t.Errorf("objects %s", got)
		}
	}
	// What an object is replaced for is looked at before the lock is: whoever takes that over changes the object
	// afterwards.
	all := s.Requests()
	looked, held := slices.Index(all, "GET out/n"), 0
	for i, r := range all {
		if r == "GET "+lockObject && i > looked {
			held = i
			break
		}
	}
	if copied := slices.Index(all, "COPY out/.n.tmp/n"); looked < 0 || !(looked < held && held < copied) {
		t.Errorf("requests %v", all)
	}
}

// A lock that nobody renews is taken over, and one that is renewed is waited for.
func TestGCSStaleLock(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this waits until a lock is stale")
	}
	s, moves := publishing(t)
	leases(t, 5*time.Millisecond, 300*time.Millisecond)
	s.Put(lockObject, []byte("a job that is dead"))
	start := time.Now()
	if err := Publish(context.Background(), bucket+"out/n", moves); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d < 300*time.Millisecond {
		t.Errorf("the lock was taken over after %v", d)
	}
	wantObject(t, s, "out/n", "new")

	s.Put("out/n", []byte("theirs"))
	ctx, cancel := context.WithCancel(context.Background())
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		for range 12 {
			s.Put(lockObject, []byte("a job that lives"))
			time.Sleep(75 * time.Millisecond)
		}
		cancel()
	}()
	time.Sleep(20 * time.Millisecond)
	if err := Publish(ctx, bucket+"out/n", moves); !errors.Is(err, context.Canceled) {
		t.Errorf("the lock of a job that lives: error %v", err)
	}
	<-renewed
	wantObject(t, s, "out/n", "theirs")
	wantObject(t, s, lockObject, "a job that lives")
}

// Whoever holds a lock renews it in time, which others see by its generation.
func TestGCSRenewedLock(t *testing.T) {
	publishing(t)
	leases(t, time.Millisecond, 600*time.Millisecond)
	ctx := context.Background()
	l, err := acquire(ctx, bucket+"out/n")
	if err != nil {
		t.Fatal(err)
	}
	first := l.generation
	if err := l.hold(ctx); err != nil || l.generation != first {
		t.Errorf("renewed at once: %v", err)
	}
	time.Sleep(250 * time.Millisecond)
	if err := l.hold(ctx); err != nil || l.generation == first {
		t.Errorf("not renewed after more than a third of the time: %v", err)
	}
	if err := l.release(ctx); err != nil {
		t.Error(err)
	}
}

// Whoever has lost the lock notices, changes nothing more, and does not take it from who has it now.
func TestGCSLostLock(t *testing.T) {
	s, moves := publishing(t)
	ctx := context.Background()
	takeOver := func() {
		s.Put(lockObject, []byte("another job"))
		s.Put("out/n", []byte("theirs"))
	}
	lost := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "found that of another job") {
			t.Errorf("error %v", err)
		}
		wantObject(t, s, "out/n", "theirs")
		wantObject(t, s, lockObject, "another job")
	}
	s.Before("COPY", 1, takeOver) // after it was made sure that the lock is held
	lost(Publish(ctx, bucket+"out/n", moves))

	s.Put("out/n", []byte("earlier"))
	if err := Remove(ctx, bucket+lockObject); err != nil {
		t.Fatal(err)
	}
	s.Before("GET out/n", 1, takeOver) // before it is made sure
	lost(Publish(ctx, bucket+"out/n", moves))

	// In the middle of a second look at what is to be replaced, if there were one.
	s.Put("out/n", []byte("earlier"))
	if err := Remove(ctx, bucket+lockObject); err != nil {
		t.Fatal(err)
	}
	var looks atomic.Int32
	s.Before("GET out/n", 100, func() {
		if looks.Add(1) == 2 {
			takeOver()
		}
	})
	if err := Publish(ctx, bucket+"out/n", moves); looks.Load() > 1 {
		lost(err)
	} else if err != nil {
		t.Error(err)
	}
	// One that is removed is lost, too.
	l, err := acquire(ctx, bucket+"out/n")
	if err != nil {
		t.Fatal(err)
	}
	if err := Remove(ctx, bucket+lockObject); err != nil {
		t.Fatal(err)
	}
	if err := l.hold(ctx); !errors.Is(err, errTaken) {
		t.Errorf("without its object: %v", err)
	}
	if err := l.release(ctx); err != nil {
		t.Errorf("release of what is gone: %v", err)
	}
	// Nor is that of another given back.
	if l, err = acquire(ctx, bucket+"out/n"); err != nil {
		t.Fatal(err)
	}
	s.Put(lockObject, []byte("another job"))
	if err := l.release(ctx); err != nil {
		t.Error(err)
	}
	wantObject(t, s, lockObject, "another job")
}

// Who finds, when it is to renew its lock, that another has it, has lost it; who cannot tell whether it has written it,
// looks, and has it where that is so.
func TestGCSLockOfAnother(t *testing.T) {
	s, _ := publishing(t)
	ctx := context.Background()
	l, err := acquire(ctx, bucket+"out/n")
	if err != nil {
		t.Fatal(err)
	}
	s.Lose("PUT", 1)
	first := l.generation
	l.renewed = time.Time{}
	if err := l.hold(ctx); err != nil || l.generation == first {
		t.Errorf("a renewal whose answer is lost: generation %d after %d, %v", l.generation, first, err)
	}
	s.Put(lockObject, []byte("another job"))
	l.renewed = time.Time{}
	if err := l.hold(ctx); !errors.Is(err, errTaken) {
		t.Errorf("a lock that another has taken is renewed: %v", err)
	}
	wantObject(t, s, lockObject, "another job")
	// Another is faster.
	if err := Remove(ctx, bucket+lockObject); err != nil {
		t.Fatal(err)
	}
	leases(t, time.Millisecond, 50*time.Millisecond)
	s.Before("PUT", 1, func() { s.Put(lockObject, []byte("a faster job")) })
	start := time.Now()
	if l, err = acquire(ctx, bucket+"out/n"); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d < leaseStale {
		t.Errorf("the lock of a faster job was taken over after %v", d)
	}
	wantObject(t, s, lockObject, l.owner)
}

// Who holds the lock replaces an object whatever is there, also what somebody without a lock has just put there, and
// tells that it is written; who is told to stop in the middle leaves no lock.
func TestGCSPublishDisturbed(t *testing.T) {
	s, moves := publishing(t)
	s.Before("COPY", 1, func() { s.Put("out/n", []byte("by hand")) })
	before := len(Written())
	if err := Publish(context.Background(), bucket+"out/n", moves); err != nil {
		t.Fatal(err)
	}
	wantObject(t, s, "out/n", "new")
	if got := Written()[before:]; !slices.Equal(got, []string{bucket + "out/n"}) {
		t.Errorf("written: %q", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	s.Before("COPY", 1, func() {
		cancel()
		<-over // or the copy might be answered before the client notices
	})
	err := Publish(ctx, bucket+"out/n", moves)
	close(over)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
	if names := s.Names(lockObject); len(names) != 0 {
		t.Errorf("left: %q", names)
	}
}
