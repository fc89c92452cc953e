package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// stage writes complete files into a staging directory, and gives the moves that put them beside it.
func stage(t *testing.T, dir, run string, contents ...string) (moves []Move) {
	t.Helper()
	ctx := context.Background()
	for i, c := range contents {
		from := Join(dir, ".n."+run+".tmp/"+string(rune('a'+i)))
		if err := WriteFile(ctx, from, []byte(c)); err != nil {
			t.Fatal(err)
		}
		info, err := Stat(ctx, from)
		if err != nil {
			t.Fatal(err)
		}
		moves = append(moves, Move{From: info, To: Join(dir, string(rune('a'+i)))})
	}
	return moves
}

// wantFiles asks for these contents of a, b, … in a directory.
func wantFiles(t *testing.T, dir string, contents ...string) {
	t.Helper()
	for i, c := range contents {
		if got, err := ReadFile(context.Background(), Join(dir, string(rune('a'+i)))); string(got) != c || err != nil {
			t.Errorf("%c holds %q, %v, want %q", 'a'+i, got, err, c)
		}
	}
}

// A job that was broken off while it published goes on where it was.
func TestPublishAgain(t *testing.T) {
	ctx := context.Background()
	for _, done := range []int{0, 1, 2} { // of the renames, before it was broken off
		dir := t.TempDir()
		moves := stage(t, dir, "1", "first", "second")
		for _, m := range moves[:done] {
			if err := os.Rename(m.From.Location(), m.To); err != nil {
				t.Fatal(err)
			}
		}
		old := filepath.Join(dir, "old")
		if err := os.WriteFile(old, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := Publish(ctx, Join(dir, "n"), moves, old, old+"er"); err != nil {
				t.Fatalf("after %d renames: %v", done, err)
			}
			wantFiles(t, dir, "first", "second")
		}
		var left []string
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			left = append(left, e.Name())
		}
		if !slices.Equal(left, []string{".n.1.tmp", "a", "b"}) {
			t.Errorf("after %d renames: left %v", done, left)
		}
	}
}

// What has gone into a stream is not there any more when a job publishes again, which is no fault.
func TestPublishIntoStreamAgain(t *testing.T) {
	dir := t.TempDir()
	moves := stage(t, dir, "1", "into nothing", "second")
	moves[0].To = os.DevNull
	for range 2 {
		if err := Publish(context.Background(), os.DevNull, moves); err != nil {
			t.Fatal(err)
		}
		if got := mustRead(t, filepath.Join(dir, "b")); got != "second" {
			t.Errorf("found %q", got)
		}
	}
}

// Where another job has published while one was broken off, it says so, and changes nothing more, however alike the
// files are.
func TestPublishOvertaken(t *testing.T) {
	ctx := context.Background()
	for name, other := range map[string]string{"another size": "longer than that", "another time": "other", "none": ""} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			moves := stage(t, dir, "1", "first", "second")
			if err := os.Rename(moves[0].From.Location(), moves[0].To); err != nil {
				t.Fatal(err)
			}
			if other == "" {
				if err := os.Remove(moves[0].To); err != nil {
					t.Fatal(err)
				}
			} else {
				theirs := stage(t, dir, "2", other, "their second")
				later := time.Now().Add(time.Second)
				if name == "another size" { // alone
					ours, err := os.Stat(moves[0].To)
					if err != nil {
						t.Fatal(err)
					}
					later = ours.ModTime()
				}
				if err := os.Chtimes(theirs[0].From.Location(), later, later); err != nil {
					t.Fatal(err)
				}
				if err := Publish(ctx, Join(dir, "n"), theirs); err != nil {
					t.Fatal(err)
				}
			}
			err := Publish(ctx, Join(dir, "n"), moves)
			if err == nil || !strings.Contains(err.Error(), "found that of another job") {
				t.Errorf("error %v", err)
			}
			if other != "" {
				wantFiles(t, dir, other, "their second")
			} else if _, err := os.Stat(moves[1].To); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the second file was put in place: %v", err)
			}
		})
	}
}

// Of jobs that publish at the same time, all files are of one in the end, through a link, too.
func TestPublishAtOnce(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		dir := t.TempDir()
		if err := os.Symlink("n", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		var g errgroup.Group
		for i, run := range []string{"1", "2", "3", "4"} {
			moves := stage(t, dir, run, run, run, run, run)
			name := []string{"n", "link"}[i%2]
			g.Go(func() error { return Publish(context.Background(), Join(dir, name), moves) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		of, err := os.ReadFile(filepath.Join(dir, "a"))
		if err != nil {
			t.Fatal(err)
		}
		wantFiles(t, dir, string(of), string(of), string(of), string(of))
		if left, err := filepath.Glob(filepath.Join(dir, ".*.lock")); err != nil || len(left) != 0 {
			t.Errorf("locks are left: %v, %v", left, err)
		}
	}
}

// Who has waited for a lock does not hold it by a file that its holder before has removed, where another has made, and
// locked, a new one since.
func TestLockThatWasRemoved(t *testing.T) {
	ctx, name := t.Context(), filepath.Join(t.TempDir(), "n")
	holder, err := os.Create(lockName(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := LockFile(ctx, holder); err != nil {
		t.Fatal(err)
	}
	var free atomic.Bool
	var g errgroup.Group
	g.Go(func() error {
		unlock, err := lockLocal(ctx, name)
		if err != nil {
			return err
		}
		if !free.Load() {
			return errors.Join(errors.New("two hold the lock"), unlock())
		}
		return unlock()
	})
	const moment = 100 * time.Millisecond // for the goroutine to be where there is something to see; else it passes
	time.Sleep(moment)
	if err := os.Remove(lockName(name)); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockLocal(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(moment)
	free.Store(true)
	if err := errors.Join(unlock(), g.Wait()); err != nil {
		t.Error(err)
	}
}

// Where it cannot be told whether a complete file is there, that is the error, and not that another job has published.
func TestPublishUnreadable(t *testing.T) {
	dir := t.TempDir()
	moves := stage(t, dir, "1", "first")
	staging := filepath.Dir(moves[0].From.Location())
	if err := os.RemoveAll(staging); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(staging, nil, 0o666); err != nil { // a file in the place of the directory
		t.Fatal(err)
	}
	err := Publish(t.Context(), Join(dir, "n"), moves)
	if err == nil || strings.Contains(err.Error(), "another job") {
		t.Errorf("error %v", err)
	}
}
