package lake

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
)

// DeltaLog is the directory of Delta's log.
const DeltaLog = "_delta_log"

var (
	commitName     = regexp.MustCompile(`^` + DeltaLog + `/([0-9]{20})\.json$`)
	checkpointName = regexp.MustCompile(`^` + DeltaLog +
		`/([0-9]{20})\.checkpoint(?:\.([0-9]{10})\.([0-9]{10}))?\.parquet$`)
)

// openFiles is how many files are looked at side by side.
const openFiles = 32

// ReadDelta finds the files of a version of a table of Delta, in the order of their names; dir is what to call the
// table. Memory is in proportion to the files of the version and those that were removed since the last checkpoint.
// What the table has that is not read is a fault that says so: renamed columns, protocols and features of readers that
// are not known here.
func ReadDelta(ctx context.Context, dir string, version int64, store Store) ([]File, error) {
	l, err := listDelta(ctx, dir, version, store)
	if err != nil {
		return nil, err
	}
	t := &delta{dir: dir, store: store, version: l.version, files: map[fileKey]*addAction{}, gone: map[fileKey]bool{}}
	for _, name := range l.checkpoint {
		if err := t.checkpoint(ctx, name); err != nil {
			return nil, err
		}
	}
	t.evolved = len(l.checkpoint) > 0
	for v := l.first; v <= l.version; v++ {
		if err := t.commit(ctx, fmt.Sprintf("%s/%020d.json", DeltaLog, v)); err != nil {
			return nil, err
		}
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	return t.all(ctx)
}

// deltaLog says which files tell a version.
type deltaLog struct {
	version    int64
	checkpoint []string // its parts, or none
	first      int64    // the first commit behind it
}

// listDelta finds the version that is asked for, the last checkpoint that is not behind it, and the commits from there.
func listDelta(ctx context.Context, dir string, version int64, store Store) (*deltaLog, error) {
	names, err := store.List(ctx, DeltaLog+"/*.json")
	if err != nil {
		return nil, err
	}
	commits := map[int64]bool{}
	last := int64(-1)
	for _, name := range names {
		if m := commitName.FindStringSubmatch(name); m != nil {
			v, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				continue // a number that no version has
			}
			commits[v], last = true, max(last, v)
		}
	}
	if names, err = store.List(ctx, DeltaLog+"/*.checkpoint*.parquet"); err != nil {
		return nil, err
	}
	parts := map[int64][][]string{} // of each version, of each number of parts
	for _, name := range names {
		m := checkpointName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		v, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			continue
		}
		last = max(last, v)
		if m[3] == "" {
			parts[v] = append(parts[v], []string{name})
			continue
		}
		parts[v] = addPart(parts[v], name, m[3])
	}
	if version == Newest {
		version = last
	}
	if version > last {
		return nil, fault.File(dir, fmt.Sprintf("version %d of the table", version), "%d as the last one", last)
	}
	l := &deltaLog{version: version}
	for at := version; at >= 0 && l.checkpoint == nil; at-- {
		if l.checkpoint = complete(parts[at]); l.checkpoint != nil {
			l.first = at + 1
		}
	}
	for v := l.first; v <= version; v++ {
		if !commits[v] {
			return nil, fault.File(dir,
				fmt.Sprintf("version %d of the table, whose log has all commits since the checkpoint", version),
				"no %s/%020d.json", DeltaLog, v)
		}
	}
	if version < 0 || l.checkpoint == nil && !commits[version] {
		return nil, fault.File(dir, "a table of Delta", "no commits in %s", DeltaLog)
	}
	return l, nil
}

// addPart adds a part to those of a checkpoint of so many parts.
func addPart(all [][]string, name, count string) [][]string {
	for i, parts := range all {
		if len(parts) > 0 && strings.HasSuffix(parts[0], "."+count+".parquet") {
			all[i] = append(parts, name)
			return all
		}
	}
	return append(all, []string{name})
}

// complete is a checkpoint of which all parts are there, or nil.
func complete(all [][]string) []string {
	for _, parts := range all {
		m := checkpointName.FindStringSubmatch(parts[0])
		if m[3] == "" {
			return parts
		}
		if n, err := strconv.Atoi(m[3]); err == nil && n == len(parts) {
			return parts
		}
	}
	return nil
}

// fileKey knows a file of a table together with its deletions.
type fileKey struct{ path, vector string }

// delta is what a log has told so far.
type delta struct {
	dir      string
	store    Store
	version  int64
	files    map[fileKey]*addAction
	gone     map[fileKey]bool // removed by the commit that is read
	metaData *metaDataAction
	protocol *protocolAction
	evolved  bool // files may be older than some of the columns
}

// action is a line of a commit, or a row of a checkpoint.
type action struct {
	Add      *addAction      `json:"add"`
	Remove   *removeAction   `json:"remove"`
	MetaData *metaDataAction `json:"metaData"`
	Protocol *protocolAction `json:"protocol"`
}

type addAction struct {
	Path            string       `json:"path"`
	PartitionValues textMap      `json:"partitionValues"`
	Size            int64        `json:"size"`
	DeletionVector  *deltaVector `json:"deletionVector"`
}

type removeAction struct {
	Path           string       `json:"path"`
	DeletionVector *deltaVector `json:"deletionVector"`
}

type metaDataAction struct {
	Format struct {
		Provider string `json:"provider"`
	} `json:"format"`
	SchemaString     string   `json:"schemaString"`
	PartitionColumns []string `json:"partitionColumns"`
	Configuration    textMap  `json:"configuration"`
}

type protocolAction struct {
	MinReaderVersion int      `json:"minReaderVersion"`
	ReaderFeatures   []string `json:"readerFeatures"`
}

type deltaVector struct {
	StorageType    string `json:"storageType"`
	PathOrInlineDv string `json:"pathOrInlineDv"`
	Offset         *int64 `json:"offset"`
	SizeInBytes    int64  `json:"sizeInBytes"`
	Cardinality    int64  `json:"cardinality"`
}

// id is what the protocol calls the vector's unique id; "" of none.
func (v *deltaVector) id() string {
	switch {
	case v == nil:
		return ""
	case v.Offset == nil:
		return v.StorageType + v.PathOrInlineDv
	}
	return fmt.Sprintf("%s%s@%d", v.StorageType, v.PathOrInlineDv, *v.Offset)
}

// textMap is a map of texts, null among them, which commits have as an object and checkpoints as a list of pairs.
type textMap map[string]*string

func (m *textMap) UnmarshalJSON(text []byte) error {
	if t := bytes.TrimSpace(text); len(t) == 0 || t[0] != '[' {
		return json.Unmarshal(text, (*map[string]*string)(m))
	}
	var pairs []struct {
		Key   string  `json:"key"`
		Value *string `json:"value"`
	}
	if err := json.Unmarshal(text, &pairs); err != nil {
		return err
	}
	*m = textMap{}
	for _, p := range pairs {
		(*m)[p.Key] = p.Value
	}
	return nil
}

// commit reads a commit.
func (t *delta) commit(ctx context.Context, name string) error {
	f, err := t.store.Open(ctx, name)
	if err != nil {
		return err
	}
	text, err := all(ctx, f)
	if err != nil {
		return err
	}
	return t.lines(f.Name(), text)
}

// lines replays the lines of a commit, whose order means nothing: of a file whose deletions are others now, it removes
// that with the old ones and adds that with the new ones.
func (t *delta) lines(name string, text []byte) error {
	clear(t.gone)
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, len(text)+1)
	for row := int64(0); in.Scan(); row++ {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		var a action
		if err := json.Unmarshal(in.Bytes(), &a); err != nil {
			return &fault.Fault{File: name, Row: row, Found: fault.Quote(in.Bytes()),
				Expected: "an action of Delta's log, as JSON"}
		}
		t.apply(&a)
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for key := range t.gone {
		delete(t.files, key)
	}
	return nil
}

// apply takes an action.
func (t *delta) apply(a *action) {
	if a.Add != nil {
		key := fileKey{a.Add.Path, a.Add.DeletionVector.id()}
		t.files[key] = a.Add
		delete(t.gone, key)
	}
	if a.Remove != nil {
		key := fileKey{a.Remove.Path, a.Remove.DeletionVector.id()}
		t.gone[key] = true
	}
	if a.Protocol != nil {
		t.protocol = a.Protocol
	}
	if m := a.MetaData; m != nil {
		t.evolved = t.evolved || t.metaData != nil && t.metaData.SchemaString != m.SchemaString
		t.metaData = m
	}
}

// knownFeatures are the features of readers that change nothing here, or that are read.
var knownFeatures = []string{"deletionVectors", "timestampNtz", "vacuumProtocolCheck", "v2Checkpoint", "columnMapping"}

// check refuses what is not read.
func (t *delta) check() error {
	switch {
	case t.protocol == nil:
		return fault.File(t.dir, "a protocol in the log of the table", "none")
	case t.metaData == nil:
		return fault.File(t.dir, "the table's columns in its log", "none")
	case t.protocol.MinReaderVersion > 3:
		return fault.File(t.dir, "a table for readers of version 3 at most", "one of version %d", t.protocol.MinReaderVersion)
	case t.metaData.Format.Provider != "parquet":
		return fault.File(t.dir, "a table of Parquet files", "files of %s", fault.Quote(t.metaData.Format.Provider))
	}
	for _, feature := range t.protocol.ReaderFeatures {
		if !slices.Contains(knownFeatures, feature) {
			return fault.File(t.dir, "a table with the features of readers "+strings.Join(knownFeatures, ", ")+" alone",
				"the feature %s", fault.Quote(feature))
		}
	}
	if mode := t.metaData.Configuration["delta.columnMapping.mode"]; mode != nil && *mode != "none" {
		return fault.File(t.dir, "columns by the names that the files have",
			"column mapping by %s: write the table out as Parquet first", *mode)
	}
	return nil
}

// all are the files of the version.
func (t *delta) all(ctx context.Context) ([]File, error) {
	fields, err := t.fields()
	if err != nil {
		return nil, err
	}
	adds := make([]*addAction, 0, len(t.files))
	for _, a := range t.files {
		adds = append(adds, a)
	}
	slices.SortFunc(adds, func(a, b *addAction) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.DeletionVector.id(), b.DeletionVector.id()))
	})
	files := make([]File, len(adds))
	seen := map[string]bool{}
	for i, a := range adds {
		if files[i], err = t.file(a, fields); err != nil {
			return nil, err
		}
		name := files[i].Name
		if seen[name] {
			return nil, fault.File(t.dir, "each file of a version once", "%s twice", fault.Quote(name))
		}
		seen[name] = true
	}
	if len(files) == 0 {
		return nil, fault.Ends(fault.File(t.dir, "rows of data", "none in version %d", t.version))
	}
	if t.evolved {
		err = t.addAbsent(ctx, files, fields)
	}
	return files, err
}

// file is a file of the version.
func (t *delta) file(a *addAction, fields []deltaField) (File, error) {
	name, err := url.PathUnescape(a.Path)
	if err != nil {
		name = a.Path
	}
	if strings.Contains(name, "://") || strings.HasPrefix(name, "file:") || !isBelow(name) {
		return File{}, fault.File(t.dir, "files in the directory of the table", "the file %s", fault.Quote(name))
	}
	f := File{Size: a.Size, Facts: Facts{Name: name}}
	for _, column := range t.metaData.PartitionColumns {
		i := slices.IndexFunc(fields, func(f deltaField) bool { return f.Name == column })
		if i < 0 {
			return File{}, fault.File(t.dir, "a column "+fault.Quote(column)+", by which the table has directories", "none")
		}
		p, err := fields[i].constant(t.dir, a.PartitionValues[column])
		if err != nil {
			return File{}, err
		}
		f.Constants = append(f.Constants, p)
	}
	if a.DeletionVector != nil {
		f.Deleted, err = a.DeletionVector.vector(t.dir)
	}
	return f, err
}

// isBelow reports whether a path stays below the directory from which it leads.
func isBelow(name string) bool {
	return name != "" && name[0] != '/' && !slices.Contains(strings.Split(name, "/"), "..")
}

// vector is where the deletions stand.
func (v *deltaVector) vector(dir string) (*Vector, error) {
	wrong := func(found string) error {
		return fault.File(dir, "a deletion vector in the log, or in a file of the table's directory", "%s", found)
	}
	to := &Vector{Size: v.SizeInBytes, Rows: v.Cardinality}
	switch v.StorageType {
	case "i":
		data, ok := decodeZ85(v.PathOrInlineDv)
		if !ok || int64(len(data)) < v.SizeInBytes || v.SizeInBytes < 0 {
			return nil, wrong("text that is no Z85 of " + strconv.FormatInt(v.SizeInBytes, 10) + " bytes")
		}
		to.Inline = data[:v.SizeInBytes]
		return to, nil
	case "u":
		const length = 20 // of an UUID in Z85
		prefix := len(v.PathOrInlineDv) - length
		if prefix < 0 || v.Offset == nil {
			return nil, wrong("the file " + fault.Quote(v.PathOrInlineDv))
		}
		id, ok := decodeZ85(v.PathOrInlineDv[prefix:])
		if !ok || !isBelow(path.Join(v.PathOrInlineDv[:prefix], "x")) {
			return nil, wrong("the file " + fault.Quote(v.PathOrInlineDv))
		}
		h := hex.EncodeToString(id)
		to.Name = path.Join(v.PathOrInlineDv[:prefix],
			"deletion_vector_"+strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")+".bin")
		to.Offset = *v.Offset
		return to, nil
	}
	return nil, wrong("one of the storage type " + fault.Quote(v.StorageType))
}

// deltaField is a column of the table.
type deltaField struct {
	Name string          `json:"name"`
	Type json.RawMessage `json:"type"`
}

// fields are the columns of the table.
func (t *delta) fields() ([]deltaField, error) {
	var schema struct {
		Fields []deltaField `json:"fields"`
	}
	if err := json.Unmarshal([]byte(t.metaData.SchemaString), &schema); err != nil {
		return nil, fault.File(t.dir, "the table's columns as JSON", "%s", fault.Quote(t.metaData.SchemaString))
	}
	return schema.Fields, nil
}

var wholeTypes = []string{"byte", "short", "integer", "long"}

// primitive is the type's name, or "" of one that has parts.
func (f *deltaField) primitive() string {
	var name string
	if json.Unmarshal(f.Type, &name) != nil {
		return ""
	}
	return name
}

// isNumber reports whether a matrix of numbers has such columns.
func (f *deltaField) isNumber() bool {
	name := f.primitive()
	return slices.Contains(wholeTypes, name) || name == "float" || name == "double" || strings.HasPrefix(name, "decimal")
}

// constant is the column of a file whose rows all have this value; nil, and the empty text, are null.
func (f *deltaField) constant(dir string, value *string) (formats.Partition, error) {
	p := formats.Partition{Name: f.Name}
	name := f.primitive()
	switch p.Number = slices.Contains(wholeTypes, name); {
	case p.Number, name == "string", name == "date", name == "boolean", strings.HasPrefix(name, "timestamp"):
	default:
		return p, fault.File(dir, "directories by whole numbers, text, dates, timestamps or booleans", "the column %s of %s",
			fault.Quote(f.Name), cmp.Or(name, "another type"))
	}
	if p.Null = value == nil || *value == ""; p.Null {
		return p, nil
	}
	p.Text = *value
	if !p.Number {
		return p, nil
	}
	var err error
	const most = 1 << 53
	if p.Value, err = strconv.ParseInt(*value, 10, 64); err != nil || p.Value < -most || p.Value > most {
		return p, fault.File(dir, "a whole number of at most 53 bits in the column "+fault.Quote(f.Name), "%s",
			fault.Quote(*value))
	}
	return p, nil
}

// addAbsent adds to each file the columns that came to the table later, by what the files' footers say.
func (t *delta) addAbsent(ctx context.Context, files []File, fields []deltaField) error {
	var g errgroup.Group
	g.SetLimit(openFiles)
	for i := range files {
		g.Go(func() error {
			f, err := t.store.Open(ctx, files[i].Name)
			if err != nil {
				return err
			}
			columns, err := formats.ParquetColumns(ctx, f)
			if err != nil {
				return err
			}
			has := map[string]bool{}
			for _, c := range columns {
				has[c.Name] = true
			}
			for _, c := range files[i].Constants {
				has[c.Name] = true
			}
			var absent []formats.Partition
			for k := range fields {
				if f := &fields[k]; !has[f.Name] {
					absent = append(absent, formats.Partition{Name: f.Name, Null: true, Number: f.isNumber(), Absent: true})
				}
			}
			files[i].Constants = append(absent, files[i].Constants...)
			return nil
		})
	}
	return g.Wait()
}

// actionColumns are the columns of a checkpoint that are read, of those that it has.
func actionColumns(columns []formats.Column) []string {
	var names []string
	for _, c := range columns {
		switch c.Name {
		case "add", "metaData", "protocol", sidecar:
			names = append(names, c.Name)
		}
	}
	sort.Strings(names)
	return names
}
