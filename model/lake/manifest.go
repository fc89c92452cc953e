package lake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"

	"beamlearn/model/fault"
)

// manifestFile is a row of a manifest list.
type manifestFile struct {
	Path     string `avro:"manifest_path"`
	Spec     int32  `avro:"partition_spec_id"`
	Content  int32  `avro:"content"` // of deletes, if it is not 0
	Sequence int64  `avro:"sequence_number"`
	Key      []byte `avro:"key_metadata"`
}

// manifestEntry is a row of a manifest.
type manifestEntry struct {
	Status   int32        `avro:"status"`
	Sequence *int64       `avro:"sequence_number"`
	File     manifestData `avro:"data_file"`
}

// entryDeleted is the status of a file that the snapshot no longer has; those that it has are 0 and 1.
const entryDeleted = 2

// manifestData is a file of data or of deletes.
type manifestData struct {
	Content    int32          `avro:"content"`
	Path       string         `avro:"file_path"`
	Format     string         `avro:"file_format"`
	Partition  map[string]any `avro:"partition"`
	Rows       int64          `avro:"record_count"`
	Size       int64          `avro:"file_size_in_bytes"`
	Lower      []bound        `avro:"lower_bounds"`
	Upper      []bound        `avro:"upper_bounds"`
	Equality   []int32        `avro:"equality_ids"`
	Referenced *string        `avro:"referenced_data_file"`
	Offset     *int64         `avro:"content_offset"`
	Length     *int64         `avro:"content_size_in_bytes"`
	Key        []byte         `avro:"key_metadata"`
}

// bound is the lowest or the highest value of a column.
type bound struct {
	Column int32  `avro:"key"`
	Value  []byte `avro:"value"`
}

const (
	contentData      = 0
	contentPositions = 1
	contentEquality  = 2
	// pathColumn is the number of the column of a position delete that names the file.
	pathColumn = 2147483546
)

// entry is a file of the snapshot, of data or of deletes.
type entry struct {
	manifestData
	sequence int64
	spec     int32
	split    map[int32]any // its values, by the numbers of the partition spec's fields
	group    string        // which are its values, and of which spec; "" where nothing splits the table up
}

// eachAvro decodes the rows of an Avro file, and gives its schema first.
func eachAvro[R any](text []byte, schema func(*avro.SchemaNode), row func(*R) error) error {
	r, err := ocf.NewReader(bytes.NewReader(text), ocf.WithSchemaOpts(avro.WithLaxNames(nil)),
		ocf.WithDecodeOpts(avro.SkipUnknown()))
	if err != nil {
		return err
	}
	defer r.Close()
	if schema != nil {
		root := r.Schema().Root().ExpandReferences()
		schema(root)
	}
	for {
		var to R
		if err := r.Decode(&to); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := row(&to); err != nil {
			return err
		}
	}
}

// read reads one of the table's files whole, and names it.
func (t *iceberg) read(ctx context.Context, location string) (name string, text []byte, err error) {
	below, err := t.below(location)
	if err != nil {
		return "", nil, err
	}
	f, err := t.store.Open(ctx, below)
	if err != nil {
		return "", nil, err
	}
	text, err = all(ctx, f)
	return f.Name(), text, err
}

// noAvro is the fault of a file that is not as it should be.
func noAvro(name, what string, err error) error {
	return fault.File(name, what+" of Iceberg, in Avro", "%s", fault.Plain(err.Error()))
}

// manifestList reads the manifests of the snapshot.
func (t *iceberg) manifestList(ctx context.Context) ([]manifestFile, error) {
	if t.snapshot.ManifestList == "" {
		return nil, fault.File(t.dir, "a snapshot with a manifest list", "one of version 1, with manifests in the metadata")
	}
	name, text, err := t.read(ctx, t.snapshot.ManifestList)
	if err != nil {
		return nil, err
	}
	return decodeManifestList(name, text)
}

func decodeManifestList(name string, text []byte) (manifests []manifestFile, err error) {
	err = eachAvro(text, nil, func(m *manifestFile) error {
		if len(m.Key) > 0 {
			return fmt.Errorf("an encrypted manifest, which is not read")
		}
		manifests = append(manifests, *m)
		return nil
	})
	if err != nil {
		return nil, noAvro(name, "a manifest list", err)
	}
	return manifests, nil
}

// entries reads the manifests: files of data, and of deletes.
func (t *iceberg) entries(ctx context.Context, manifests []manifestFile) (data, deletes []entry, err error) {
	read := make([][]entry, len(manifests))
	err = each(len(manifests), func(i int) error {
		name, text, err := t.read(ctx, manifests[i].Path)
		if err != nil {
			return err
		}
		read[i], err = t.decodeManifest(name, text, &manifests[i])
		return err
	})
	for _, entries := range read {
		for _, e := range entries {
			if e.Content == contentData {
				data = append(data, e)
			} else {
				deletes = append(deletes, e)
			}
		}
	}
	return data, deletes, err
}

// decodeManifest decodes a manifest. A file that came with it has its sequence number.
func (t *iceberg) decodeManifest(name string, text []byte, m *manifestFile) (entries []entry, err error) {
	split, ok := t.specs[m.Spec]
	if !ok {
		return nil, fault.File(t.dir, fmt.Sprintf("the partition spec %d in the table's metadata", m.Spec), "none")
	}
	isSplit := slices.ContainsFunc(split, func(s icebergSplit) bool { return s.Transform != "void" })
	var ids map[string]int32
	var wrong error
	err = eachAvro(text, func(root *avro.SchemaNode) { ids = splitFields(root) }, func(row *manifestEntry) error {
		if row.Status == entryDeleted {
			return nil
		}
		e := entry{manifestData: row.File, spec: m.Spec, sequence: m.Sequence, split: map[int32]any{}}
		if row.Sequence != nil {
			e.sequence = *row.Sequence
		}
		if wrong = t.checkEntry(&e); wrong != nil {
			return wrong
		}
		for name, v := range e.Partition {
			if id, ok := ids[name]; ok {
				e.split[id] = v
			}
		}
		if isSplit {
			e.group = fmt.Sprint(m.Spec)
			for _, id := range slices.Sorted(maps.Keys(e.split)) {
				e.group += fmt.Sprintf(" %d=%q", id, fmt.Sprint(e.split[id]))
			}
		}
		entries = append(entries, e)
		return nil
	})
	switch {
	case wrong != nil:
		return nil, wrong
	case err != nil:
		return nil, noAvro(name, "a manifest", err)
	}
	return entries, nil
}

// splitFields are the numbers of the fields of the partition spec, by their names in the manifest.
func splitFields(root *avro.SchemaNode) map[string]int32 {
	ids := map[string]int32{}
	for _, name := range []string{"data_file", "partition"} {
		i := slices.IndexFunc(root.Fields, func(f avro.SchemaField) bool { return f.Name == name })
		if i < 0 {
			return ids
		}
		root = &root.Fields[i].Type
	}
	for _, f := range root.Fields {
		if id, ok := f.Props["field-id"].(int64); ok {
			ids[f.Name] = int32(id)
		}
	}
	return ids
}

// checkEntry refuses files that are not read.
func (t *iceberg) checkEntry(e *entry) error {
	switch format := strings.ToLower(e.Format); {
	case len(e.Key) > 0:
		return fault.File(t.dir, "files that are not encrypted", "the file %s", fault.Quote(e.Path))
	case e.Content < contentData || e.Content > contentEquality:
		return fault.File(t.dir, "files of data, of position deletes and of equality deletes", "content %d", e.Content)
	case format == "puffin" && e.Content == contentPositions && (e.Referenced == nil || e.Offset == nil || e.Length == nil):
		return fault.File(t.dir, "deletion vectors with their file and their place", "none in %s", fault.Quote(e.Path))
	case format == "parquet", format == "puffin" && e.Content == contentPositions:
		return nil
	}
	return fault.File(t.dir, "files of Parquet", "the file %s of %s", fault.Quote(e.Path), fault.Quote(e.Format))
}
