//go:build unix

package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Several jobs may write to a stream, which has no lock that one of them would wait for.
func TestStreamHasNoLock(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(lockName(fifo))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // of who waits, and so fails
	defer cancel()
	if err := errors.Join(LockFile(ctx, lock), Publish(ctx, fifo, nil)); err != nil {
		t.Error(err)
	}
}
