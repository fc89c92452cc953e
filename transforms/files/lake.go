package files

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"beamlearn/model/fault"
)

// lakes are tables whose logs say which of their files are of the latest snapshot, and which rows of these were
// deleted.
var lakes = []struct{ name, log string }{
	{"Delta", "_delta_log/*.json"}, {"Iceberg", "metadata/*.metadata.json"}, {"Hudi", ".hoodie/hoodie.properties"},
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
				found, err := matches(ctx, EscapeGlob(dir)+l.log)
				if err != nil {
					errs = append(errs, err)
				} else if found {
					errs = append(errs, fault.File(p, "files of rows that are all to be read", "%s is a table of %s, with rows "+
						"of earlier versions in some of its files: write the latest out as Parquet first",
						cmp.Or(dir, "this directory"), l.name))
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

// matches reports whether there is a file that a glob matches.
func matches(ctx context.Context, pattern string) (bool, error) {
	var infos []Info
	var err error
	if p, ok := local(pattern); ok {
		infos, err = listLocal(pattern, p, true)
	} else if isGCS(pattern) {
		infos, err = listGCS(ctx, pattern)
	} else {
		fs, err := open(ctx, pattern)
		if err != nil {
			return false, err
		}
		defer fs.Close()
		names, err := fs.List(ctx, pattern)
		return len(names) > 0, err
	}
	return len(infos) > 0, err
}
