package files

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// owner is a process, as the names of its temporary files tell of it.
type owner struct {
	// the host, and on it the room (container) where process numbers mean something; 0 where that is not known
	host  uint32
	boot  uint32 // since the host was started last
	pid   int
	start uint64 // when the process began, in ticks of the host
}

// self is this process.
var self = sync.OnceValue(func() owner {
	o := owner{pid: os.Getpid()}
	start, err := startOf(o.pid)
	if host, boot := hostID(); err == nil && host != "" && boot != "" {
		o.host, o.boot, o.start = hash32(host), hash32(boot), start
	}
	return o
})

func hash32(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return max(h.Sum32(), 1)
}

// NewRunID gives an id that no other run has. It says which process the run is of, so that another can tell whether
// that still lives: see [Sweep].
func NewRunID() string {
	id, o := uuid.New(), self()
	return fmt.Sprintf("%x-%08x-%08x-%d-%d", id[:8], o.host, o.boot, o.pid, o.start)
}

var runID = regexp.MustCompile(`[0-9a-f]{16}-([0-9a-f]{8})-([0-9a-f]{8})-([0-9]{1,10})-([0-9]{1,20})`)

// isDead reports whether a name has the id of a run whose process is known to have ended: one of this host that is
// not there any more, or whose number another process has now. What another host has begun may live.
func isDead(name string) bool {
	m := runID.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	host, _ := strconv.ParseUint(m[1], 16, 32)
	boot, _ := strconv.ParseUint(m[2], 16, 32)
	pid, _ := strconv.Atoi(m[3])
	start, _ := strconv.ParseUint(m[4], 10, 64)
	here := self()
	if host == 0 || uint32(host) != here.host || uint32(boot) != here.boot {
		return false
	}
	now, err := startOf(pid)
	return errors.Is(err, os.ErrProcessDone) || err == nil && now != start
}

// longestName leaves room in the 255 bytes of a file's name for what a temporary one adds.
const longestName = 150

// Beside is the name of a temporary file, or directory, of a run beside an output: hidden, and of an ending of its own.
func Beside(name, run, ending string) string {
	dir, base := Split(name)
	return dir + besidePrefix(base) + run + ending
}

func besidePrefix(base string) string {
	if base == "" {
		return "."
	}
	return "." + base[:min(len(base), longestName)] + "."
}

// Endings of what a run has beside its output while it is under way.
const (
	EndStaging  = ".tmp"
	EndPart     = ".part"
	EndProgress = ".progress"
)

// besideRun is the name of what a run has beside an output, after the output's own: the id of the run, the word of one
// of several outputs with an id of their own, where it is one of these, and the ending.
var besideRun = regexp.MustCompile(`^` + runID.String() + `(\.[a-z]+)?(` +
	regexp.QuoteMeta(EndStaging) + `|` + regexp.QuoteMeta(EndPart) + `|` + regexp.QuoteMeta(EndProgress) + `)$`)

// Sweep removes what runs of dead processes of this host have left beside outputs: see [Beside]. What belongs to a
// process that lives, or of which that is not known, stays. Of other stores nothing is removed.
func Sweep(ctx context.Context, outputs ...string) error {
	var errs []error
	for _, name := range outputs {
		p, ok := local(name)
		if name == "" || !ok {
			continue
		}
		dir, base := filepath.Split(p)
		errs = append(errs, sweepDir(ctx, dir, func(found string) bool {
			rest, ok := strings.CutPrefix(found, besidePrefix(base))
			if !ok {
				return false
			}
			return besideRun.MatchString(rest)
		}))
	}
	return errors.Join(errs...)
}

// TakeOver gives a local directory that a run of a dead process has left a name of this process's, so that it is not
// taken for one that is left, and gives the name that it has then: what is elsewhere, or belongs to a process that
// may live, keeps its own.
func TakeOver(dir, name string) (string, error) {
	p, ok := local(dir)
	if !ok || !isDead(dir) {
		return dir, nil
	}
	to, ok := local(name)
	if !ok {
		return dir, nil
	}
	return name, os.Rename(p, to)
}

// SweepNamed removes the files and directories in a local directory whose names begin with prefix and have the id of
// a run whose process is dead.
func SweepNamed(ctx context.Context, dir, prefix string) error {
	if _, ok := local(dir); !ok {
		return nil
	}
	return sweepDir(ctx, dir, func(found string) bool { return strings.HasPrefix(found, prefix) })
}

func sweepDir(ctx context.Context, dir string, is func(name string) bool) error {
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // there is nothing to remove where nothing can be read
	}
	var errs []error
	for _, e := range entries {
		if is(e.Name()) && isDead(e.Name()) && ctx.Err() == nil {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
