package files

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/lake"
)

// lakes are tables whose logs say which of their files are of the latest snapshot, and which rows of these were
// deleted.
var lakes = []struct{ name, log, instead string }{
	{"Delta", lake.DeltaLog + "/*.json", "name its directory, which stands for the last one"},
	{"Iceberg", lake.IcebergMetadata, "name its directory, which stands for the last one"},
	{"Hudi", ".hoodie/hoodie.properties", "write the latest out as Parquet first"},
}

// CheckSnapshots refuses globs over the Parquet files of Delta, Iceberg and Hudi tables, which would match files of
// earlier snapshots, too. Call it where rows are read. Who names files one by one knows what they are.
func CheckSnapshots(ctx context.Context, patterns []string) error {
	var errs []error
	for _, p := range patterns {
		if !isGlob(p) || !strings.HasSuffix(p, ".parquet") && !strings.HasSuffix(p, "*") {
			continue
		}
		dir, _ := Split(p[:strings.IndexAny(p, `*?[\`)])
		for {
			for _, l := range lakes {
				logs, err := arrived(ctx, EscapeGlob(dir)+l.log)
				if err != nil {
					errs = append(errs, err)
				} else if len(logs) > 0 {
					errs = append(errs, fault.File(p, "files of rows that are all to be read", "%s is a table of %s, with rows "+
						"of earlier versions in some of its files: %s", cmp.Or(dir, "this directory"), l.name, l.instead))
				}
			}
			above, last := Split(strings.TrimSuffix(dir, "/"))
			if last != "data" && !strings.Contains(last, "=") {
				break
			}
			dir = above
		}
	}
	return errors.Join(errs...)
}

// listTable lists the files of a version of a table whose directory a name is. Where it is none, the error is none,
// that of listing it as a file.
func listTable(ctx context.Context, name string, none error) ([]Info, error) {
	dir, _ := lake.Name(name)
	if isGlob(name) || dir == "" || name == Std {
		return nil, none
	}
	f := (*fault.Fault)(nil)
	if p, ok := local(dir); ok {
		if st, err := os.Stat(p); err != nil || !st.IsDir() {
			return nil, none
		}
	} else if !errors.As(none, &f) || f.Expected != oneFile {
		return nil, none
	}
	for _, l := range lakes {
		logs, err := arrived(ctx, Join(EscapeGlob(dir), l.log))
		if err != nil {
			return nil, err
		}
		switch {
		case len(logs) == 0:
		case l.name == "Hudi":
			return nil, fault.File(name, "files, or a table of Delta or Iceberg", "a table of %s: %s", l.name, l.instead)
		default:
			return listMembers(ctx, name, l.name == "Delta")
		}
	}
	return nil, none
}

// tableFiles is how many files of a table are looked at side by side.
const tableFiles = 32

// readTable reads which files a version of a table of Delta, or a snapshot of one of Iceberg, has.
func readTable(ctx context.Context, table string, delta bool) (dir string, all []lake.File, err error) {
	dir, version := lake.Name(table)
	number, read := version.Iceberg, lake.ReadIceberg
	if delta {
		number, read = version.Delta, lake.ReadDelta
	}
	at, err := number(dir)
	if err == nil {
		all, err = read(ctx, dir, at, store(dir))
	}
	return dir, all, err
}

// listMembers lists the files of a table, which must be as large as its log says.
func listMembers(ctx context.Context, table string, delta bool) ([]Info, error) {
	dir, all, err := readTable(ctx, table, delta)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, len(all))
	var g errgroup.Group
	g.SetLimit(tableFiles)
	for i, f := range all {
		g.Go(func() error {
			facts, err := json.Marshal(f.Facts)
			if err != nil {
				return err
			}
			name := Join(dir, f.Name)
			info, err := Stat(ctx, name)
			if errors.Is(err, os.ErrNotExist) {
				return fault.File(name, "a file that the table has in this version", "none: it was removed since")
			}
			if err != nil {
				return err
			}
			if info.Size != f.Size {
				return fault.File(name, fmt.Sprintf("%d bytes, as in the table's log", f.Size), "%d", info.Size)
			}
			info.Facts, info.Table = string(facts), table
			infos[i] = info
			return nil
		})
	}
	return infos, g.Wait()
}

// store is the files below a directory.
type store string

// List is that of a [lake.Store].
func (s store) List(ctx context.Context, pattern string) ([]string, error) {
	infos, err := arrived(ctx, Join(EscapeGlob(string(s)), pattern))
	names := make([]string, len(infos))
	for i, info := range infos {
		parts := strings.Split(info.Name, "/")
		names[i] = path.Join(parts[len(parts)-1-strings.Count(pattern, "/"):]...)
	}
	return names, err
}

// Open is that of a [lake.Store].
func (s store) Open(ctx context.Context, name string) (formats.File, error) {
	info, err := Stat(ctx, Join(string(s), name))
	if err != nil {
		return nil, err
	}
	return Open(info), nil
}

// member is a file of a table: see [formats.Member].
type member struct{ file }

func (f *member) facts() (facts lake.Facts, err error) {
	if err = json.Unmarshal([]byte(f.info.Facts), &facts); err != nil {
		err = fmt.Errorf("%s: what the log of its table says: %w", f.info.Name, err)
	}
	return facts, err
}

// Constants are the columns that have one value in all of the file's rows.
func (f *member) Constants() ([]formats.Partition, bool) {
	facts, err := f.facts()
	return facts.Constants, err == nil
}

// Columns are what the table calls those of the file.
func (f *member) Columns() []formats.Renamed {
	facts, err := f.facts()
	if err != nil {
		return nil // which Deleted tells
	}
	return facts.Columns
}

// deletedRows keeps the deleted rows that this process has read, as files are looked at once to see what they have, and
// once more to read them.
var deletedRows struct {
	sync.Mutex
	of map[Info]*roaring64.Bitmap
}

// maxDeleted bounds the files of which they are kept; past it, that starts anew.
const maxDeleted = 1024

// Deleted are the rows that are no longer of the table. Nobody may change them.
func (f *member) Deleted(ctx context.Context) (*roaring64.Bitmap, error) {
	facts, err := f.facts()
	if err != nil {
		return nil, err
	}
	deletedRows.Lock()
	rows, ok := deletedRows.of[f.info]
	deletedRows.Unlock()
	if ok {
		return rows, nil
	}
	dir := store(strings.TrimSuffix(f.info.Location(), "/"+facts.Name))
	rows, err = facts.Read(ctx, func(name string) (formats.File, error) { return dir.Open(ctx, name) })
	if err != nil {
		return nil, err
	}
	deletedRows.Lock()
	defer deletedRows.Unlock()
	if deletedRows.of == nil || len(deletedRows.of) >= maxDeleted {
		deletedRows.of = map[Info]*roaring64.Bitmap{}
	}
	deletedRows.of[f.info] = rows
	return rows, nil
}

var _ formats.Member = (*member)(nil)

// InputOf is what names a file that is opened as an input: its name, or that of the table of whose version it is.
func InputOf(f formats.File) string {
	if m, ok := f.(*member); ok {
		return m.info.Table
	}
	return f.Name()
}
