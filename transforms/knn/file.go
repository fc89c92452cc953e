package knn

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// IndexFile names an index in a file (see neighbors.WriteFile): of the index, it is all that crosses Beam.
type IndexFile struct {
	// Path is as every worker finds it: absolute where it is local.
	Path string `json:",omitempty"`
	neighbors.Stamp
}

// Note is what an index file says of the rows that it was built of.
type Note struct {
	// Files are those rows', where the index was built to be kept; none where they were made for it: see [IndexJob].Made.
	Files []files.Info `json:",omitempty"`
	// Formats and SkipFaults are how they were read.
	Formats    formats.Options
	SkipFaults bool `json:",omitempty"`
	// Columns are the names of the points' columns, which queries meet by; nil where they have none, and in a file that is
	// older than this field.
	Columns []string `json:",omitempty"`
	// Encoding brings the rows of tables to the points, and queries to what is compared with them; nil where rows were
	// numbers.
	Encoding *features.Encoding `json:",omitempty"`
	// ZeroBased says that the points were of .svm, whose index of the first column was 0.
	ZeroBased bool `json:",omitempty"`
	// Total is the number of rows, and Rejected of those left out.
	Total, Rejected int64
	// DuplicateIDs is the number of points whose id an earlier one has.
	DuplicateIDs int64
	// FittedParams says that the parameters of the metric follow from the points, and so do those of a new version.
	FittedParams bool `json:",omitempty"`
	// Recall is that for which the index keeps lists of its points; 0 where it keeps none.
	Recall float64 `json:",omitempty"`
	// Changed says that the points are not those of Files, read in this way: some were deleted, or others were added that
	// were read in another way.
	Changed bool `json:",omitempty"`
	// Encoded says that they are so only as rows of tables were added by the encoding of the first ones: one of all would
	// be another.
	Encoded bool `json:",omitempty"`
	// Otherwise are the flags of how rows that were added were read in another way than the others.
	Otherwise []string `json:",omitempty"`
}

// Prebuilt is an index of an earlier run.
type Prebuilt struct {
	File    IndexFile
	Note    Note
	Points  int
	Dim     int
	Options neighbors.Options
	// TextIDs says that the id of some point is text.
	TextIDs bool
	// Labelled says that points have ids, which are not the numbers of rows.
	Labelled bool
}

// Inspect opens an index of an earlier run, and checks what can be checked at once: that it is whole, and of this
// version.
func Inspect(ctx context.Context, path string) (*Prebuilt, error) {
	abs, err := files.Absolute(path)
	if err != nil {
		return nil, err
	}
	p := &Prebuilt{File: IndexFile{Path: abs}}
	if _, err := files.Stat(ctx, abs); errors.Is(err, os.ErrNotExist) {
		return nil, fault.File(path, "an index, as the command index writes them", "no file of that name")
	} else if err != nil {
		return nil, err
	}
	local, err := p.File.local(ctx, "")
	if err != nil {
		return nil, err
	}
	x, err := neighbors.MapFile(local)
	if err != nil {
		return nil, named(err, local, path)
	}
	defer x.Close()
	if err := json.Unmarshal(x.Note(), &p.Note); err != nil && json.Valid(x.Note()) {
		return nil, fmt.Errorf("%s: %w", path, err)
	} else if err != nil {
		return nil, fault.File(path, "an index, as the command index writes them", "an index with the note %.40q", x.Note())
	}
	if e := p.Note.Encoding; e != nil && e.Dim() != x.Dim() {
		return nil, fault.File(path, fmt.Sprintf("an encoding of %d features, as the points have columns", x.Dim()),
			"%d features", e.Dim())
	}
	p.File.Stamp, p.Points, p.Dim, p.Options, p.TextIDs = x.Stamp(), x.Len(), x.Dim(), x.Options(), x.TextIDs()
	p.Labelled = x.Labelled()
	return p, nil
}

// named calls a file by the name that the user knows.
func named(err error, path, name string) error {
	if rest, ok := strings.CutPrefix(err.Error(), path+": "); ok {
		return fmt.Errorf("%s: %s", name, rest)
	}
	return err
}

// Check says in what the index differs from that of other points, read otherwise.
func (p *Prebuilt) Check(name string, corpus *vectorio.Dataset, reading vectorio.Options) error {
	stale := func(found string, args ...any) error {
		return fault.File(name, "an index of the input as it is: build it anew", found, args...)
	}
	if p.Note.Changed {
		if flags := p.Note.Otherwise; flags != nil {
			return stale("a version of one, to which rows were added that were read with other %s: ask it without the input",
				strings.Join(flags, ", "))
		}
		if p.Note.Encoded {
			return stale("a version of one, to which rows were added by the encoding of the first ones, and one of all rows " +
				"may be another: ask it without the input")
		}
		return stale("a version of one, of which points were deleted or added: ask it without the input")
	}
	if len(p.Note.Files) == 0 {
		return stale("one of rows that were made of triples: ask it without the input")
	}
	if len(corpus.Files) != len(p.Note.Files) {
		return stale("an index of %d files, not of the %d of the input", len(p.Note.Files), len(corpus.Files))
	}
	for i, f := range corpus.Files {
		switch was := p.Note.Files[i]; {
		case f.Path != was.Path || f.Name != was.Name && f.Path == "":
			return stale("an index of %s, not of %s", was.Name, f.Name)
		case f.Size != was.Size || f.Version != was.Version:
			return stale("an index of %s as it was before it was written to", f.Name)
		}
	}
	was, is := p.Note.Formats, reading.Formats
	was.Sparse, is.Sparse = false, false // which changes no answer
	if p.Note.Encoding != nil || p.Note.Columns != nil && slices.Equal(p.Note.Columns, corpus.Columns) {
		was.Columns, is.Columns = nil, nil // the encoding, or their names, say which
	}
	if flags := p.Note.otherwise(reading, was.Columns == nil && is.Columns == nil); len(flags) > 0 {
		return fault.File(name, "the same flags here, or an index that is built anew", "an index of rows that were read with %s",
			p.Note.told(flags))
	}
	if !reflect.DeepEqual(was, is) {
		return stale("an index of rows that were read as something else: as rows of tables, or as numbers")
	}
	return nil
}

// verified is how many bytes of an index of an earlier run are compared with their checksums before it is used: a
// second's work at most.
const verified = 1 << 30

// open gives the index in the file, which it maps. Nothing of it is read yet but for its header and its labels; with
// verify, as many bytes, at most, are compared with their checksums.
func (f IndexFile) open(ctx context.Context, run string, verify int64) (*neighbors.Index, error) {
	local, err := f.local(ctx, run)
	if err != nil {
		return nil, err
	}
	x, err := neighbors.MapFile(local)
	if err != nil {
		return nil, named(err, local, f.Path)
	}
	if x.Stamp() != f.Stamp {
		x.Close()
		return nil, fault.File(f.Path, "the index as it was when the job began: do not write to one that is in use",
			"another index")
	}
	if err := x.Verify(verify); err != nil {
		x.Close()
		return nil, named(err, local, f.Path)
	}
	return x, nil
}

// keepFetched is how long an index that is not used stays in the cache of a host.
const keepFetched = 24 * time.Hour

// cacheDir is where a host keeps the indexes that it has fetched.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "beamlearn", "indexes")
}

// local is the path of the file on this host. What is elsewhere is fetched, once for all processes of the host, and
// compared with its checksums; the file is that of a run, or with "" one to be kept.
func (f IndexFile) local(ctx context.Context, run string) (string, error) {
	if files.IsLocal(f.Path) {
		return strings.TrimPrefix(f.Path, "file://"), nil
	}
	info, err := files.Stat(ctx, f.Path)
	if err != nil {
		return "", err
	}
	dir := cacheDir()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	name := filepath.Join(dir, fmt.Sprintf("%s-%x", cacheName(run),
		sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", f.Path, info.Size, info.Version))))
	lock, err := os.OpenFile(name+".lock", os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := files.LockFile(ctx, lock); err != nil {
		return "", err
	}
	now := time.Now()
	if _, err := os.Stat(name); err == nil {
		return name, os.Chtimes(name, now, now)
	}
	if err := sweep(dir, now.Add(-keepFetched)); err != nil {
		return "", err
	}
	return name, f.fetch(ctx, name)
}

// cacheName begins the name of what a run has fetched.
func cacheName(run string) string {
	if run == "" {
		return "kept"
	}
	return run
}

func (f IndexFile) fetch(ctx context.Context, name string) (err error) {
	tmp := name + ".tmp"
	out, err := os.Create(tmp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	in, err := files.OpenRead(ctx, f.Path)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, in.Close(), out.Close()); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	x, err := neighbors.MapFile(tmp)
	if err != nil {
		return named(err, tmp, f.Path)
	}
	defer x.Close()
	if err := x.Verify(1 << 62); err != nil {
		return named(err, tmp, f.Path)
	}
	return os.Rename(tmp, name)
}

// sweep removes what nobody has used for long. What is mapped stays as it is for those who have it.
func sweep(dir string, before time.Time) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.ModTime().After(before) {
			continue // another process may have removed it
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// staging is the directory of the index of a run.
func (o *Options) staging() string {
	if o.Staging == "" {
		return o.output().Staging()
	}
	return o.stagedElsewhere()
}

// stagedElsewhere is the staging directory of the points, where it is not that of the output.
func (o *Options) stagedElsewhere() string { return files.Join(o.Staging, "."+o.RunID+".tmp") }

// create writes a file of a run into its staging directory. It has its name once it is complete: a bundle that is tried
// again replaces the file, and whoever has mapped the one before keeps that.
func (o *Options) create(ctx context.Context, name string, fill func(io.Writer) error) (path string, err error) {
	path = files.Join(o.staging(), name)
	f, err := output.Create(ctx, o.RunID, path)
	if err != nil {
		return "", err
	}
	return path, f.Fill(false, fill)
}

// createOf is create of a file that holds b.
func (o *Options) createOf(ctx context.Context, name string, b []byte) (path string, err error) {
	return o.create(ctx, name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// writeIndex writes an index into the staging directory.
func (o *Options) writeIndex(ctx context.Context, name string, x *neighbors.Index, note Note) (f IndexFile, err error) {
	b, err := json.Marshal(note)
	if err != nil {
		return f, err
	}
	f.Path, err = o.create(ctx, name, func(w io.Writer) error {
		f.Stamp, err = x.WriteFile(w, b)
		return err
	})
	return f, err
}

// cleanIndexes removes the index files of a run, and what this host has fetched of them.
func (o *Options) cleanIndexes(ctx context.Context) error {
	var errs []error
	if o.Staging != "" {
		if err := files.RemoveAll(ctx, o.staging()); !errors.Is(err, syscall.ENOTDIR) { // or nothing could be made there
			errs = append(errs, err)
		}
	}
	fetched, err := filepath.Glob(filepath.Join(cacheDir(), o.RunID+"-*"))
	errs = append(errs, err)
	for _, name := range fetched {
		if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
