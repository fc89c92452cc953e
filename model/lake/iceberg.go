package lake

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
)

// IcebergMetadata is a pattern for the files that tell what snapshots a table of Iceberg has.
const IcebergMetadata = "metadata/*.metadata.json"

// metadataName is v3.metadata.json of a table without a catalog, or 00003-….metadata.json of one with a catalog.
var metadataName = regexp.MustCompile(`^metadata/(?:v([0-9]{1,18})|([0-9]{1,18})-[^/]*?)(\.gz)?\.metadata\.json$`)

// versionHint is the file in which tables without a catalog keep the number of their newest metadata.
const versionHint = "metadata/version-hint.text"

// ReadIceberg finds the files of a snapshot of a table of Iceberg (https://iceberg.apache.org/spec, versions 1 to 3), in
// the order of their names; dir is what to call the table. [Newest] is the current snapshot of its newest metadata. The
// footers of all files are read, as columns are known by their numbers there. Memory is in proportion to the files and
// the deletes of the snapshot. What the table has that is not read is a fault that says so.
func ReadIceberg(ctx context.Context, dir string, snapshot int64, store Store) ([]File, error) {
	t, err := openIceberg(ctx, dir, snapshot, store)
	if err != nil {
		return nil, err
	}
	manifests, err := t.manifestList(ctx)
	if err != nil {
		return nil, err
	}
	data, deletes, err := t.entries(ctx, manifests)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, fault.Ends(fault.File(dir, "rows of data", "none in snapshot %d", t.snapshot.ID))
	}
	files, err := t.files(ctx, data, deletes)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	for i := 1; i < len(files); i++ {
		if files[i].Name == files[i-1].Name {
			return nil, fault.File(dir, "each file of a snapshot once", "%s twice", fault.Quote(files[i].Name))
		}
	}
	return files, nil
}

// iceberg is a table at a snapshot.
type iceberg struct {
	dir      string
	store    Store
	metadata *icebergMetadata
	snapshot *icebergSnapshot
	fields   []icebergField           // of the snapshot's schema
	specs    map[int32][]icebergSplit // how files are split up, by the number of a partition spec
	names    map[string]int32         // the numbers of columns of files that have none, by their names; nil of none
}

// icebergMetadata is what metadata files have that is read.
type icebergMetadata struct {
	FormatVersion   int               `json:"format-version"`
	Location        string            `json:"location"`
	CurrentSnapshot *int64            `json:"current-snapshot-id"`
	Snapshots       []icebergSnapshot `json:"snapshots"`
	CurrentSchema   int               `json:"current-schema-id"`
	Schemas         []icebergSchema   `json:"schemas"`
	Schema          *icebergSchema    `json:"schema"` // of version 1
	Specs           []struct {
		ID     int32          `json:"spec-id"`
		Fields []icebergSplit `json:"fields"`
	} `json:"partition-specs"`
	Spec       []icebergSplit    `json:"partition-spec"` // of version 1
	Properties map[string]string `json:"properties"`
}

type icebergSnapshot struct {
	ID           int64  `json:"snapshot-id"`
	ManifestList string `json:"manifest-list"`
	SchemaID     *int   `json:"schema-id"`
}

type icebergSchema struct {
	ID     int            `json:"schema-id"`
	Fields []icebergField `json:"fields"`
}

// icebergField is a column of the table.
type icebergField struct {
	ID      int32           `json:"id"`
	Name    string          `json:"name"`
	Type    json.RawMessage `json:"type"`
	Initial json.RawMessage `json:"initial-default"`
}

// icebergSplit is a field of a partition spec.
type icebergSplit struct {
	ID        int32  `json:"field-id"`
	Source    int32  `json:"source-id"`
	Transform string `json:"transform"`
}

// openIceberg reads the newest metadata, or of several that claim to be it the first that has the snapshot asked for.
func openIceberg(ctx context.Context, dir string, snapshot int64, store Store) (*iceberg, error) {
	names, err := newestMetadata(ctx, dir, store)
	if err != nil {
		return nil, err
	}
	if len(names) > 1 && snapshot == Newest {
		return nil, fault.Asked(dir, "one newest metadata file, or the table with @ and the number of a snapshot",
			"%s and %s, of which the table's catalog knows the newest", names[0], names[1])
	}
	var all []error
	for _, name := range names {
		t, err := readMetadata(ctx, dir, name, store)
		if err == nil {
			err = t.choose(snapshot)
		}
		if err == nil {
			return t, nil
		}
		all = append(all, err)
	}
	return nil, all[0]
}

// newestMetadata names the metadata with the highest number.
func newestMetadata(ctx context.Context, dir string, store Store) ([]string, error) {
	all, err := store.List(ctx, IcebergMetadata)
	if err != nil {
		return nil, err
	}
	var newest []string
	last := int64(-1)
	for _, name := range all {
		m := metadataName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		switch v, err := strconv.ParseInt(m[1]+m[2], 10, 64); {
		case err != nil: // a number that no version has
		case v > last:
			last, newest = v, []string{name}
		case v == last:
			newest = append(newest, name)
		}
	}
	if newest == nil {
		return nil, fault.File(dir, "a table of Iceberg, with metadata/v1.metadata.json or the like", "none")
	}
	slices.Sort(newest)
	return newest, hinted(ctx, dir, last, store)
}

// hinted checks that the newest metadata is not older than the hint says. A later one counts: writers change the hint
// after they have written it.
func hinted(ctx context.Context, dir string, last int64, store Store) error {
	names, err := store.List(ctx, versionHint)
	if err != nil || len(names) == 0 {
		return err
	}
	f, err := store.Open(ctx, versionHint)
	if err != nil {
		return err
	}
	text, err := all(ctx, f)
	if err != nil {
		return err
	}
	if v, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil && v > last {
		return fault.File(dir, fmt.Sprintf("metadata of version %d, as %s says", v, versionHint), "version %d as the last", last)
	}
	return nil
}

// readMetadata reads a metadata file.
func readMetadata(ctx context.Context, dir, name string, store Store) (*iceberg, error) {
	f, err := store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	text, err := all(ctx, f)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		if text, err = unzipped(text); err != nil {
			return nil, fault.File(f.Name(), "metadata of Iceberg, compressed by gzip", "%v", err)
		}
	}
	t, err := parseMetadata(dir, f.Name(), text)
	if err != nil {
		return nil, err
	}
	t.store = store
	return t, nil
}

// unzipped undoes gzip.
func unzipped(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, mostJSON+1))
	if err == nil && len(text) > mostJSON {
		err = errors.New("more than 1 GiB")
	}
	return text, err
}

// parseMetadata makes a table of the text of its metadata.
func parseMetadata(dir, name string, text []byte) (*iceberg, error) {
	var m icebergMetadata
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fault.File(name, "metadata of Iceberg, as JSON", "%v", err)
	}
	if m.FormatVersion < 1 || m.FormatVersion > 3 {
		return nil, fault.File(name, "a table of Iceberg's format of version 1 to 3", "version %d", m.FormatVersion)
	}
	t := &iceberg{dir: dir, metadata: &m, specs: map[int32][]icebergSplit{}}
	if len(m.Specs) == 0 {
		t.specs[0] = m.Spec
	}
	for _, s := range m.Specs {
		t.specs[s.ID] = s.Fields
	}
	if mapping := m.Properties["schema.name-mapping.default"]; mapping != "" {
		var all []struct {
			ID    *int32   `json:"field-id"`
			Names []string `json:"names"`
		}
		if err := json.Unmarshal([]byte(mapping), &all); err != nil {
			return nil, fault.File(name, "a mapping of names to columns, as JSON", "%s", fault.Quote(mapping))
		}
		t.names = map[string]int32{}
		for _, a := range all {
			for _, n := range a.Names {
				if a.ID != nil {
					t.names[n] = *a.ID
				}
			}
		}
	}
	return t, nil
}

// choose takes a snapshot, with its schema, or the current one, with the table's.
func (t *iceberg) choose(snapshot int64) error {
	schema := t.metadata.CurrentSchema
	if snapshot == Newest {
		if t.metadata.CurrentSnapshot == nil || *t.metadata.CurrentSnapshot == Newest {
			return fault.Ends(fault.File(t.dir, "rows of data", "a table that has no snapshot yet"))
		}
		snapshot = *t.metadata.CurrentSnapshot
	} else if s := t.find(snapshot); s != nil && s.SchemaID != nil {
		schema = *s.SchemaID
	}
	if t.snapshot = t.find(snapshot); t.snapshot == nil {
		return fault.Asked(t.dir, fmt.Sprintf("snapshot %d of the table", snapshot), "%s", t.shown())
	}
	all := t.metadata.Schemas
	i := slices.IndexFunc(all, func(s icebergSchema) bool { return s.ID == schema })
	switch {
	case i >= 0:
		t.fields = all[i].Fields
	case len(all) == 0 && t.metadata.Schema != nil:
		t.fields = t.metadata.Schema.Fields
	default:
		return fault.File(t.dir, fmt.Sprintf("the schema %d in the table's metadata", schema), "none")
	}
	return nil
}

func (t *iceberg) find(snapshot int64) *icebergSnapshot {
	i := slices.IndexFunc(t.metadata.Snapshots, func(s icebergSnapshot) bool { return s.ID == snapshot })
	if i < 0 {
		return nil
	}
	return &t.metadata.Snapshots[i]
}

// shown names the last of the table's snapshots.
func (t *iceberg) shown() string {
	const most = 5
	all := t.metadata.Snapshots
	if len(all) == 0 {
		return "none"
	}
	var ids []string
	for _, s := range all[max(len(all)-most, 0):] {
		ids = append(ids, strconv.FormatInt(s.ID, 10))
	}
	return strings.Join(ids, ", ") + " as the last ones"
}

// below is a path's name from the table's directory: paths are absolute, and begin with where the table was written.
func (t *iceberg) below(name string) (string, error) {
	rest, ok := strings.CutPrefix(plainPath(name), strings.TrimRight(plainPath(t.metadata.Location), "/")+"/")
	if rest = path.Clean(rest); !ok || !isBelow(rest) {
		return "", fault.File(t.dir, "files in the directory of the table, "+fault.Quote(t.metadata.Location), "the file %s",
			fault.Quote(name))
	}
	return rest, nil
}

// plainPath is a path in one spelling: programs write the schemes of local files and of S3 in several ways.
func plainPath(name string) string {
	scheme, rest, ok := strings.Cut(name, ":/")
	switch {
	case !ok:
		return name
	case scheme == "file":
		return "/" + strings.TrimLeft(rest, "/")
	case scheme == "s3a", scheme == "s3n":
		return "s3:/" + rest
	}
	return name
}

// each calls a function for some numbers, some of them at a time.
func each(n int, do func(i int) error) error {
	var g errgroup.Group
	g.SetLimit(openFiles)
	for i := range n {
		g.Go(func() error { return do(i) })
	}
	return g.Wait()
}

// primitive is the name of the column's type, or "" of one that has parts.
func (f *icebergField) primitive() string {
	var name string
	if json.Unmarshal(f.Type, &name) != nil {
		return ""
	}
	return name
}

// isNumber reports whether a matrix of numbers has such columns.
func (f *icebergField) isNumber() bool {
	switch name := f.primitive(); name {
	case "int", "long", "float", "double":
		return true
	default:
		return strings.HasPrefix(name, "decimal")
	}
}

// constant is the column of a file that does not have it, but whose rows all have this value: nil is null.
func (f *icebergField) constant(dir string, value any) (formats.Partition, error) {
	p := formats.Partition{Name: f.Name, Null: value == nil, Number: f.isNumber()}
	name := f.primitive()
	switch v := value.(type) {
	case nil:
		if name == "int" || name == "long" || name == "string" {
			return p, nil
		}
	case int32:
		p.Value = int64(v)
	case int64:
		p.Value = v
	case string:
		p.Text = v
	}
	const most = 1 << 53
	switch {
	case (name == "int" || name == "long") && p.Value >= -most && p.Value <= most:
		p.Text = strconv.FormatInt(p.Value, 10)
		return p, nil
	case name == "string" && p.Text != "":
		return p, nil
	}
	return p, fault.File(dir, "columns that files do not have to be whole numbers of at most 53 bits, or text",
		"the column %s of %s with one value for all rows", fault.Quote(f.Name), cmp.Or(name, "another type"))
}
