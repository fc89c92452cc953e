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
				logs, err := arrived(ctx, EscapeGlob(dir)+l.log)
				if err != nil {
					errs = append(errs, err)
				} else if len(logs) > 0 {
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
