package files

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"
)

// Std is the name of standard input, where a file is read, and of standard output, where one is written.
const Std = "-"

// Named is a file that a command reads or writes, and what names it on the command line.
type Named struct {
	// Flag is how the user knows the file: --output, or "the page beside --output".
	Flag string
	// Name is a path; of an input a glob, too; or [Std].
	Name string
	// Shown is how the user wrote the name, where that is another.
	Shown string
}

// shown is the name as the user knows it.
func (n Named) shown() string {
	if n.Shown != "" {
		return n.Shown
	}
	return n.Name
}

// Conflict says which output would destroy an input, or another output. Call it with all that a command reads and
// writes, also under names that it derives (shards, pages, lists of rejected rows), before it reads anything. Nil
// where there is none.
//
// Two names are of one file where the file system says so: links, hard and symbolic, are followed, as are "." and
// "..", and so is the case of letters where the file system does not tell it. What does not exist yet is known by the
// directory that it will be in. Names in other stores are compared as they are. An input may not exist: whoever reads
// it says so.
//
// Devices may be read and written at once, as a terminal is, and any number of outputs may go to the null device.
func Conflict(inputs, outputs []Named) error {
	var read []place
	for _, in := range inputs {
		read = append(read, placesOf(in)...)
	}
	var written []place
	for _, out := range namedFirst(outputs) {
		if out.Name == "" {
			continue
		}
		w := placeOf(out, os.Stdout)
		for _, r := range read {
			if !w.isDevice() && w.is(r) {
				return conflict(w, r, "%s would write over what %s reads: give the output another name")
			}
		}
		for _, o := range written {
			switch {
			case w.isNull():
			case w.is(o):
				return conflict(w, o, "%s and %s would write the same file: give one of them another name")
			case w.below(o):
				return conflict(w, o, "%s would be in a directory of the name that %s writes: give one of them another name")
			case o.below(w):
				return conflict(o, w, "%s would be in a directory of the name that %s writes: give one of them another name")
			}
		}
		written = append(written, w)
	}
	return nil
}

// namedFirst puts the outputs that a flag names before those whose names follow from theirs, which the user knows less.
func namedFirst(outputs []Named) []Named {
	return slices.SortedStableFunc(slices.Values(outputs), func(a, b Named) int {
		return cmp.Compare(derived(a), derived(b))
	})
}

// derived is 1 for an output that no flag names, else 0.
func derived(n Named) int {
	if strings.HasPrefix(n.Flag, "--") {
		return 0
	}
	return 1
}

func conflict(a, b place, format string) error {
	name := a.shown()
	if name != b.shown() {
		name += " (" + b.shown() + ")"
	}
	return fmt.Errorf("%s: "+format, name, a.Flag, b.Flag)
}

// place is where a file is, or would be.
type place struct {
	Named
	resolved
}

// resolved is a path as far as it leads.
type resolved struct {
	path string      // without links; in other stores the whole name
	info os.FileInfo // of the file itself; nil where there is none, and in other stores
	dir  os.FileInfo // where there is no file: of the nearest thing above that exists
	up   string      // its path
	// the path below it, in lower case where it takes a and A for the same; in other stores the whole name
	rest string
}

// placesOf are those of all files that a pattern stands for.
func placesOf(in Named) []place {
	if in.Name == "" {
		return nil
	}
	p, ok := local(in.Name)
	if !ok || in.Name == Std {
		return []place{placeOf(in, os.Stdin)}
	}
	var all []place
	if names, err := filepath.Glob(p); err == nil {
		for _, n := range names {
			all = append(all, placeOf(Named{Flag: in.Flag, Name: n}, nil))
		}
	}
	if at := placeOf(in, nil); len(all) == 0 && at.info != nil { // a name with brackets of its own
		all = append(all, at)
	}
	return all
}

// placeOf finds a file; std is what [Std] stands for.
func placeOf(f Named, std *os.File) place {
	if f.Name == Std && std != nil {
		if info, err := std.Stat(); err == nil {
			return place{f, resolved{info: info, path: Std}}
		}
	}
	if p, ok := local(f.Name); ok && f.Name != Std {
		return place{f, resolve(p)}
	}
	return place{f, resolved{path: f.Name, rest: f.Name}}
}

// maxLinks bounds the symbolic links that are followed from a name, as the operating system does.
const maxLinks = 40

// resolve follows a local path: to a file, or to the nearest thing above that exists.
func resolve(p string) (r resolved) {
	p, err := filepath.Abs(p)
	if err != nil {
		return resolved{path: p, rest: p}
	}
	for links := 0; ; {
		st, err := os.Stat(p)
		if err == nil && r.rest == "" {
			return resolved{path: p, info: st}
		}
		if err == nil {
			r.path, r.dir, r.up = filepath.Join(p, r.rest), st, p
			if foldsCase(p, st) {
				r.rest = strings.ToLower(r.rest)
			}
			return r
		}
		// It may be a link to what is not there yet.
		if to, err := os.Readlink(p); err == nil && links < maxLinks {
			links++
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(p), to)
			}
			p = filepath.Clean(to)
			continue
		}
		up := filepath.Dir(p)
		if up == p {
			return resolved{path: filepath.Join(p, r.rest), rest: filepath.Join(p, r.rest)}
		}
		r.rest = filepath.Join(filepath.Base(p), r.rest)
		p = up
	}
}

// foldsCase reports whether a directory's file system takes a and A for the same: whether it is there under a name of
// other letters, too. Of a path without letters the operating system tells what is usual.
func foldsCase(p string, st os.FileInfo) bool {
	other := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, p)
	if other == p {
		return runtime.GOOS == "darwin" || runtime.GOOS == "windows"
	}
	there, err := os.Stat(other)
	return err == nil && os.SameFile(st, there)
}

// is reports whether both are one file, or would be.
func (p place) is(q place) bool {
	switch {
	case p.info != nil && q.info != nil:
		return os.SameFile(p.info, q.info)
	case p.dir != nil && q.dir != nil:
		return os.SameFile(p.dir, q.dir) && p.rest == q.rest
	case p.info == nil && q.info == nil && p.dir == nil && q.dir == nil:
		if matched, err := path.Match(q.rest, p.rest); err == nil && matched { // q may be a glob of inputs
			return true
		}
		return p.rest == q.rest
	}
	return false
}

// below reports whether p needs a directory where q is to be a file.
func (p place) below(q place) bool {
	switch {
	case p.dir != nil && q.info != nil: // q is a file, and is in the way already
		return !q.info.IsDir() && os.SameFile(p.dir, q.info)
	case p.dir != nil && q.dir != nil:
		return os.SameFile(p.dir, q.dir) && strings.HasPrefix(p.rest, q.rest+string(filepath.Separator))
	}
	return false
}

// isDevice reports whether what is written there is not kept, so that it takes nothing from who reads there.
func (p place) isDevice() bool { return p.info != nil && p.info.Mode()&os.ModeCharDevice != 0 }

// isNull reports whether what is written there is lost.
func (p place) isNull() bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && p.info != nil && os.SameFile(null, p.info)
}

// CheckWritable says why a file cannot be written, as far as can be told before the work: its scheme is unknown, it
// is a directory, or its directory is not there and cannot be made, or cannot be written to. Nothing is changed. Of
// what is in another store only the scheme is looked at.
func CheckWritable(out Named) error {
	p, ok := local(out.Name)
	if out.Name == "" || out.Name == Std {
		return nil
	}
	refused := func(found string, args ...any) error {
		return fmt.Errorf("%s=%s: %s", out.Flag, out.shown(), fmt.Sprintf(found, args...))
	}
	if scheme, _, _ := strings.Cut(out.Name, "://"); !ok {
		if !slices.Contains(schemes, scheme) {
			return refused("found the scheme %s://, expected a path, or file://, gs://, s3:// or memfs://", scheme)
		}
		return nil
	}
	if base := filepath.Base(p); strings.HasSuffix(p, "/") || base == "." || base == ".." {
		return refused("this is the name of a directory, not of a file")
	}
	switch r := resolve(p); {
	case r.info != nil && r.info.IsDir():
		return refused("this is a directory: give the name of a file")
	case r.info != nil && !r.info.Mode().IsRegular(): // it is written to as it is
		if err := access(r.path); err != nil {
			return refused("this cannot be written to: %v", err)
		}
	case r.info != nil:
		if err := access(filepath.Dir(r.path)); err != nil {
			return refused("the directory %s cannot be written to: %v", filepath.Dir(r.path), err)
		}
	case r.dir == nil:
		return refused("nothing of its path is there")
	case !r.dir.IsDir():
		return refused("the file %s stands where a directory would be", r.up)
	// directories are made for names, not for what links name
	case isLink(p) && strings.ContainsRune(r.rest, filepath.Separator):
		return refused("this is a link to a file in a directory that is not there, %s",
			filepath.Join(r.up, filepath.Dir(r.rest)))
	default:
		if err := access(r.up); err != nil {
			return refused("the directory %s cannot be written to: %v", r.up, err)
		}
	}
	return nil
}

// isLink reports whether a name is that of a symbolic link.
func isLink(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// schemes are those of the stores that this package knows.
var schemes = []string{"file", "gs", "s3", "memfs"}
