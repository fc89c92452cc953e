// Package files opens, writes and publishes files on every scheme that Beam's filesystems know: plain paths and
// file://, gs://, s3://, memfs://. It adds to them what reading vectors in pieces needs: opens of a range, where the
// store has them (local files and Cloud Storage; elsewhere what stands before is read and dropped), and the certainty
// that a file is still the one that was listed.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	// The schemes of Beam's own filesystems; for gs:// see gcs.go.
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/lake"
)

// Info is a file as it was listed. It travels to the workers.
type Info struct {
	// Name is what the user wrote, or what their glob expanded to.
	Name string
	// Path is Name as a worker finds it: absolute where it is local.
	Path string `json:",omitempty"`
	// Size in bytes.
	Size int64
	// Version changes with the content: the modification time or the store's generation. Empty where unknown.
	Version string `json:",omitempty"`
	// Facts are what the log of a table says of the file, where it is listed as one of a table: lake.Facts as JSON. A
	// text, as files are compared.
	Facts string `json:",omitempty"`
	// Table is that table, as the user wrote it.
	Table string `json:",omitempty"`
}

// Location is the name by which any process can open the file.
func (i Info) Location() string {
	if i.Path != "" {
		return i.Path
	}
	return i.Name
}

// local cuts file:// off and reports whether the name is a path of this host.
func local(name string) (string, bool) {
	if p, ok := strings.CutPrefix(name, "file://"); ok {
		return p, true
	}
	return name, !strings.Contains(name, "://")
}

// IsLocal reports whether the name is a path of this host.
func IsLocal(name string) bool {
	_, ok := local(name)
	return ok
}

// List expands paths and globs, and returns each file once, in the order of the names. A pattern that matches nothing
// is an error that names it; all such patterns are reported at once. [Std] is standard input, which is read to its end.
// The directory of a table of Delta stands for the files of its last version, and with @vN behind it for those of N.
func List(ctx context.Context, patterns []string) ([]Info, error) {
	var infos []Info
	var errs []error
	seen := map[string]bool{}
	for _, p := range patterns {
		found, err := list(ctx, p)
		if err != nil {
			found, err = listTable(ctx, p, err)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, i := range found {
			if !seen[i.Location()] {
				seen[i.Location()] = true
				infos = append(infos, i)
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	sort.Slice(infos, func(a, b int) bool { return infos[a].Name < infos[b].Name })
	return infos, nil
}

// Expand puts the files that a glob matches in its place, in the order of their names. Other paths stay as they are.
func Expand(ctx context.Context, paths []string) ([]string, error) {
	var all []string
	for _, p := range paths {
		if !isGlob(p) {
			all = append(all, p)
			continue
		}
		found, err := List(ctx, []string{p})
		if err != nil {
			return nil, err
		}
		for _, info := range found {
			all = append(all, info.Name)
		}
	}
	return all, nil
}

// isGlob reports whether a path has a character of globs.
func isGlob(path string) bool { return strings.ContainsAny(path, "*?[") }

// oneFile is what a pattern is expected to match.
const oneFile = "at least one file"

func list(ctx context.Context, pattern string) ([]Info, error) {
	if pattern == Std {
		info, err := readStd(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", StdinName, err)
		}
		return []Info{info}, nil
	}
	if w := windowOf(pattern); w != nil {
		return []Info{w.stat()}, nil
	}
	none := fault.File(pattern, oneFile, "no file of that name")
	if isGlob(pattern) {
		none = fault.File(pattern, oneFile, "no file that matches")
	}
	if p, ok := local(pattern); ok {
		infos, err := listLocal(pattern, p, false)
		if err == nil && len(infos) == 0 {
			err = none
		}
		return infos, err
	}
	if isGCS(pattern) {
		infos, err := listGCS(ctx, pattern)
		if err == nil && len(infos) == 0 {
			err = none
		}
		return infos, err
	}
	fs, err := open(ctx, pattern)
	if err != nil {
		return nil, err
	}
	defer fs.Close()
	names, err := fs.List(ctx, pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	var infos []Info
	for _, name := range names {
		info, err := stat(ctx, fs, name)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	if len(infos) == 0 {
		return nil, none
	}
	return infos, nil
}

// listLocal lists the files of this host that match a pattern, whose local form is p, of which there need be none.
// Names that go away in the meantime, and links to nothing, are passed over where they may.
func listLocal(pattern, p string, mayGo bool) ([]Info, error) {
	names, err := filepath.Glob(p)
	if err != nil {
		return nil, fault.File(pattern, "a glob with closed brackets", "%v", err)
	}
	if _, err := os.Lstat(p); err == nil && len(names) == 0 {
		names = []string{p} // a name with brackets of its own
	}
	var infos []Info
	for _, name := range names {
		info, err := statLocal(name)
		switch {
		case mayGo && errors.Is(err, os.ErrNotExist):
		case err != nil:
			return nil, err
		case info.Name != "":
			infos = append(infos, info)
		case name == p:
			return nil, fault.File(pattern, fmt.Sprintf("a file, or the glob %s", path.Join(pattern, "*")), "a directory")
		}
	}
	return infos, nil
}

// statLocal is the zero Info for a directory, which a glob passes over.
func statLocal(name string) (Info, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return Info{}, err
	}
	st, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	if st.IsDir() {
		return Info{}, nil
	}
	if !st.Mode().IsRegular() {
		return Info{}, fault.File(name, "a regular file: it is read from the middle", "a %s", st.Mode().Type())
	}
	return Info{Name: name, Path: abs, Size: st.Size(), Version: strconv.FormatInt(st.ModTime().UnixNano(), 36)}, nil
}

func stat(ctx context.Context, fs filesystem.Interface, name string) (Info, error) {
	size, err := fs.Size(ctx, name)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", name, err)
	}
	info := Info{Name: name, Size: size}
	if m, ok := fs.(filesystem.LastModifiedGetter); ok {
		t, err := m.LastModified(ctx, name)
		if err != nil {
			return Info{}, fmt.Errorf("%s: %w", name, err)
		}
		info.Version = strconv.FormatInt(t.UnixNano(), 36)
	}
	return info, nil
}

// Stat looks at one file. Its error satisfies errors.Is(err, os.ErrNotExist) where the store says so.
func Stat(ctx context.Context, name string) (Info, error) {
	if p, ok := local(name); ok {
		info, err := statLocal(p)
		if err == nil && info.Name == "" {
			err = fault.File(name, "a file", "a directory")
		}
		return info, err
	}
	if isGCS(name) {
		return statGCS(ctx, name)
	}
	fs, err := open(ctx, name)
	if err != nil {
		return Info{}, err
	}
	defer fs.Close()
	return stat(ctx, fs, name)
}

func open(ctx context.Context, name string) (filesystem.Interface, error) {
	scheme, _, _ := strings.Cut(name, "://")
	fs, err := filesystem.New(ctx, name)
	if err != nil {
		return nil, fault.File(name, "a path, or file://, gs://, s3:// or memfs://", "the scheme %s://", scheme)
	}
	return fs, nil
}

// Open makes a listed file readable by ranges. Each open of a range fails where the file has changed since it was
// listed, so that a job never mixes two contents; of a [Window] there is one content, which grows.
func Open(info Info) formats.File {
	if w := windowOf(info.Path); w != nil {
		return w
	}
	if info.Table != "" {
		return &member{file{info}}
	}
	return &file{info}
}

type file struct{ info Info }

func (f *file) Name() string { return f.info.Name }
func (f *file) Size() int64  { return f.info.Size }

// changed is the error of a file that is not the one that was listed.
func changed(info Info, found string, args ...any) error {
	return fault.File(info.Name, "the file as it was when the job began: do not write to an input while it is read", found,
		args...)
}

func (f *file) OpenRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if length < 0 {
		length = f.info.Size - offset
	}
	if offset < 0 || length < 0 || offset+length > f.info.Size {
		return nil, fault.File(f.info.Name, fmt.Sprintf("%d bytes from byte %d on", length, offset), "a file of %d bytes",
			f.info.Size)
	}
	name := f.info.Location()
	if p, ok := local(name); ok {
		return f.openLocal(p, offset, length)
	}
	if isGCS(name) {
		return openGCS(ctx, f.info, offset, length)
	}
	fs, err := open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer fs.Close()
	now, err := stat(ctx, fs, name)
	if err != nil {
		return nil, err
	}
	if now.Size != f.info.Size || now.Version != f.info.Version {
		return nil, changed(f.info, "another content: %d bytes, not %d", now.Size, f.info.Size)
	}
	r, err := fs.OpenRead(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.info.Name, err)
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		r.Close()
		return nil, fmt.Errorf("%s: %w", f.info.Name, err)
	}
	return &rangeReader{io.LimitReader(r, length), r}, nil
}

// rangeReader reads so many bytes and closes what it reads from.
type rangeReader struct {
	io.Reader
	io.Closer
}

// openLocal checks the file that it has opened, not the name, and once more when the range has been read to its end.
func (f *file) openLocal(name string, offset, length int64) (io.ReadCloser, error) {
	h, err := os.Open(name)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, changed(f.info, "no file of that name any more")
		}
		return nil, err
	}
	r := &localRange{f: f, h: h, s: io.NewSectionReader(h, offset, length)}
	if err := r.check(); err != nil {
		h.Close()
		return nil, err
	}
	return r, nil
}

type localRange struct {
	f *file
	h *os.File
	s *io.SectionReader
}

func (r *localRange) check() error {
	st, err := r.h.Stat()
	if err != nil {
		return err
	}
	if st.Size() != r.f.info.Size {
		return changed(r.f.info, "%d bytes, not %d", st.Size(), r.f.info.Size)
	}
	if v := strconv.FormatInt(st.ModTime().UnixNano(), 36); r.f.info.Version != "" && v != r.f.info.Version {
		return changed(r.f.info, "a later modification time")
	}
	return nil
}

func (r *localRange) Read(b []byte) (int, error) {
	n, err := r.s.Read(b)
	if err == io.EOF {
		if e := r.check(); e != nil {
			return n, e
		}
	}
	return n, err
}

func (r *localRange) Close() error {
	err := r.check()
	if e := r.h.Close(); err == nil {
		err = e
	}
	return err
}

// ReadFile reads the whole of a small file.
func ReadFile(ctx context.Context, name string) ([]byte, error) {
	r, err := OpenRead(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

// OpenRead opens a whole file for reading.
func OpenRead(ctx context.Context, name string) (io.ReadCloser, error) {
	if p, ok := local(name); ok {
		return os.Open(p)
	}
	if isGCS(name) {
		return openGCS(ctx, Info{Name: name}, 0, -1)
	}
	fs, err := open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer fs.Close()
	r, err := fs.OpenRead(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// Rename puts a file in the place of another: atomically where it is local, by a copy where the store has no rename.
// Links are followed and stay; what cannot be replaced (see [IsStream]) gets the content.
func Rename(ctx context.Context, from, to string) error {
	if p, ok := local(from); ok {
		q, ok := local(to)
		if !ok {
			return fmt.Errorf("files.Rename: from %s to the store of %s", from, to)
		}
		return putLocal(ctx, p, q)
	}
	if isGCS(from) && isGCS(to) {
		if _, err := copyGCS(ctx, from, to, nil); err != nil {
			return err
		}
		return missing(removeGCS(ctx, from))
	}
	fs, err := open(ctx, from)
	if err != nil {
		return err
	}
	defer fs.Close()
	if r, ok := fs.(filesystem.Renamer); ok {
		return r.Rename(ctx, from, to)
	}
	c, ok := fs.(filesystem.Copier)
	if !ok {
		return fmt.Errorf("%s: its store can neither rename nor copy", from)
	}
	if err := c.Copy(ctx, from, to); err != nil {
		return err
	}
	return remove(ctx, fs, from)
}

func remove(ctx context.Context, fs filesystem.Interface, name string) error {
	r, ok := fs.(filesystem.Remover)
	if !ok {
		return fmt.Errorf("%s: its store cannot remove", name)
	}
	return r.Remove(ctx, name)
}

// Remove removes a file. Its error satisfies errors.Is(err, os.ErrNotExist) where the store says that there is none.
func Remove(ctx context.Context, name string) error {
	if p, ok := local(name); ok {
		return os.Remove(p)
	}
	if isGCS(name) {
		return removeGCS(ctx, name)
	}
	fs, err := open(ctx, name)
	if err != nil {
		return err
	}
	defer fs.Close()
	return remove(ctx, fs, name)
}

// RemoveAll removes a directory, or all objects below a prefix that ends in a slash. What is not there is no error.
func RemoveAll(ctx context.Context, dir string) error {
	if p, ok := local(dir); ok {
		return os.RemoveAll(p)
	}
	if isGCS(dir) {
		return removeAllGCS(ctx, dir)
	}
	fs, err := open(ctx, dir)
	if err != nil {
		return err
	}
	defer fs.Close()
	names, err := fs.List(ctx, strings.TrimSuffix(dir, "/")+"/*")
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range names {
		errs = append(errs, remove(ctx, fs, n))
	}
	return errors.Join(errs...)
}

// Absolute is the name as every process of this host understands it. [Std] stays what it is.
func Absolute(name string) (string, error) {
	if name == Std {
		return name, nil
	}
	if p, ok := local(name); ok {
		return filepath.Abs(p)
	}
	return name, nil
}

// Root is what the locations of all files of a pattern begin with: the file's own where the pattern is the name of one.
func Root(pattern string) (string, error) {
	if pattern == Std {
		return stdPath(), nil
	}
	if strings.ContainsAny(pattern, "*?[") {
		pattern = pattern[:strings.IndexAny(pattern, `*?[\`)] // a backslash takes a sign that follows as it is
		if p, ok := local(pattern); ok {                      // Abs would cut off a slash at the end
			dir, base := filepath.Split(p)
			abs, err := filepath.Abs(dir)
			return strings.TrimSuffix(abs, "/") + "/" + base, err
		}
	}
	dir, _ := lake.Name(pattern)
	return Absolute(dir)
}

// Under reports whether the file is one of those that begin with a root, and its name does not lead elsewhere.
func (i Info) Under(roots []string) bool {
	at := i.Location()
	if p, ok := local(at); ok {
		at = p
	}
	for _, part := range strings.Split(at, "/") {
		if part == ".." {
			return false
		}
	}
	return slices.ContainsFunc(roots, func(root string) bool { return strings.HasPrefix(at, root) })
}

// Join appends a file's name to a directory's, local or not.
func Join(dir, name string) string {
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// Split cuts a name into the directory, with its slash, and the file's name.
func Split(name string) (dir, base string) {
	i := strings.LastIndexByte(name, '/')
	return name[:i+1], name[i+1:]
}
