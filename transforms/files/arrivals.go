package files

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"beamlearn/model/fault"
)

// Arrivals are the files that come to places: call [Arrivals.Look] again and again. A writer should write under another
// name, or one that begins with a dot, and rename when the file is whole.
type Arrivals struct {
	// Patterns are the paths and globs of the files. Required. None need match.
	Patterns []string
	// Settle is for how long a file must have the same size and modification time until it is taken. Default: 0, files
	// are taken as they are found.
	Settle time.Duration
}

// Look lists the files that are there, are not known, and have settled: it looks twice, Settle apart, where there are
// any that are not known. They come in the order in which they arrived: of their modification time (of Cloud Storage,
// their generation), then of their names as bytes. Directories are passed over, and names that begin with a dot, unless
// the pattern's does. A file that goes away in the meantime is none. Memory is in proportion to the files that match.
func (a *Arrivals) Look(ctx context.Context, known func(Info) bool) ([]Info, error) {
	first, err := a.list(ctx, known)
	if err != nil || len(first) == 0 || a.Settle == 0 {
		return inOrder(first), err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(a.Settle):
	}
	second, err := a.list(ctx, known)
	if err != nil {
		return nil, err
	}
	before := map[string]Info{}
	for _, i := range first {
		before[i.Location()] = i
	}
	return inOrder(slices.DeleteFunc(second, func(i Info) bool { return before[i.Location()] != i })), nil
}

func inOrder(infos []Info) []Info {
	slices.SortFunc(infos, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.age(), b.age()), cmp.Compare(a.Name, b.Name))
	})
	return infos
}

// age orders versions of files of one store: nanoseconds of their modification, or generations, which are microseconds.
func (i Info) age() int64 {
	base := 36
	if isGCS(i.Name) {
		base = 10
	}
	n, _ := strconv.ParseInt(i.Version, base, 64) // 0 where the store does not tell
	return n
}

// Newer reports whether a file was changed after another of this host.
func Newer(a, b Info) bool { return IsLocal(a.Name) && IsLocal(b.Name) && a.age() > b.age() }

// list lists the files that match and are not known, each once.
func (a *Arrivals) list(ctx context.Context, known func(Info) bool) ([]Info, error) {
	var all []Info
	seen := map[string]bool{}
	for _, p := range a.Patterns {
		found, err := arrived(ctx, p)
		if err != nil {
			return nil, err
		}
		_, pattern := Split(p)
		for _, i := range found {
			_, base := Split(i.Name)
			hidden := strings.HasPrefix(base, ".") && !strings.HasPrefix(pattern, ".")
			if !hidden && !seen[i.Location()] && !known(i) {
				seen[i.Location()] = true
				all = append(all, i)
			}
		}
	}
	return all, nil
}

// arrived lists the files of a pattern, of which there need be none.
func arrived(ctx context.Context, pattern string) ([]Info, error) {
	if p, ok := local(pattern); ok {
		return listLocal(pattern, p, true)
	}
	infos, err := list(ctx, pattern)
	if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Expected == oneFile {
		err = nil
	}
	return infos, err
}

// Matches reports whether a file of this name would be one of a pattern's, by way of links to directories, too.
func Matches(pattern, name string) bool {
	p, err := Absolute(pattern)
	if err != nil {
		return false
	}
	if name, err = Absolute(name); err != nil {
		return false
	}
	for range 2 {
		if matched, err := path.Match(p, name); p == name || err == nil && matched {
			return true
		}
		p, name = linked(p), linked(name)
	}
	return false
}

// linked is a name in the directory that its own is a link to, where that is there.
func linked(name string) string {
	dir, base := Split(name)
	if to, err := filepath.EvalSymlinks(dir); err == nil && IsLocal(name) {
		return Join(to, base)
	}
	return name
}

// SyncDir makes the names of files in the directory of a local file survive a crash of the machine.
func SyncDir(name string) error {
	dir, _ := Split(name)
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Hold takes the lock of a name for as long as this process lives, or until it is given back. It fails at once where
// another has it: taken is that error.
func Hold(ctx context.Context, name string, taken error) (giveBack func() error, err error) {
	soon, stop := context.WithTimeout(ctx, holdPatience)
	defer stop()
	p, ok := local(name)
	if !ok {
		return nil, fault.File(name, "a file of this host", "one in a store")
	}
	giveBack, err = lockLocal(soon, p)
	if errors.Is(err, context.DeadlineExceeded) {
		err = taken
	}
	return giveBack, err
}

// holdPatience is for how long another that ends may still have a lock.
const holdPatience = 300 * time.Millisecond
