package lake

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
)

// Equality are rows whose like are deleted: those of a Parquet file, as far as some of its columns go.
type Equality struct {
	// Name is the file's, from the table's directory.
	Name string
	// Columns are those that rows go by, and Own what each is called in the file of which they are deleted, "" of one that
	// it does not have, in which all of its cells are null.
	Columns, Own []string
}

// files are those of the snapshot, with their columns and their deletes.
func (t *iceberg) files(ctx context.Context, data, deletes []entry) ([]File, error) {
	equality := make([]map[int32]string, len(deletes)) // what columns are called in files of equality deletes
	err := each(len(deletes), func(i int) (err error) {
		if deletes[i].Content == contentEquality {
			equality[i], _, err = t.columns(ctx, &deletes[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	groups := map[string][]int{} // deletes by what they may be of
	for i := range deletes {
		groups[deletes[i].group] = append(groups[deletes[i].group], i)
	}
	files := make([]File, len(data))
	return files, each(len(data), func(i int) error {
		own, names, err := t.columns(ctx, &data[i])
		if err != nil {
			return err
		}
		if files[i], err = t.file(&data[i], own, names); err != nil {
			return err
		}
		candidates := groups[data[i].group]
		if data[i].group != "" {
			for _, k := range groups[""] { // of which equality deletes are of all
				if deletes[k].Content == contentEquality {
					candidates = append(candidates[:len(candidates):len(candidates)], k)
				}
			}
		}
		for _, k := range candidates {
			if err := t.addDelete(&files[i], &data[i], own, &deletes[k], equality[k]); err != nil {
				return err
			}
		}
		if files[i].Deleted != nil { // which has those of all positions
			files[i].Positions, files[i].Location = nil, ""
		}
		return nil
	})
}

// columns are what a file calls columns, by their numbers, and all of its names in their order.
func (t *iceberg) columns(ctx context.Context, e *entry) (own map[int32]string, names []string, err error) {
	name, err := t.below(e.Path)
	if err != nil {
		return nil, nil, err
	}
	f, err := t.store.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	ids, names, err := formats.ParquetFieldIDs(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(ids, func(id int32) bool { return id >= 0 }) {
		if t.names == nil {
			return nil, nil, fault.File(f.Name(), "the numbers of the table's columns (field ids), or a mapping of names "+
				"(schema.name-mapping.default) in the table's metadata", "neither")
		}
		for i, n := range names {
			if id, ok := t.names[n]; ok {
				ids[i] = id
			}
		}
	}
	own = map[int32]string{}
	for i, id := range ids {
		if other, ok := own[id]; ok && id >= 0 {
			return nil, nil, fault.File(f.Name(), "columns of different numbers", "number %d of %s and of %s", id,
				fault.Quote(other), fault.Quote(names[i]))
		}
		if id >= 0 {
			own[id] = names[i]
		}
	}
	return own, names, nil
}

// file is a file of data, of whose columns it is known what the file calls them.
func (t *iceberg) file(e *entry, own map[int32]string, names []string) (File, error) {
	name, err := t.below(e.Path)
	if err != nil {
		return File{}, err
	}
	f := File{Size: e.Size, Facts: Facts{Name: name}}
	same := true
	for i := range t.fields {
		field := &t.fields[i]
		if stored, ok := own[field.ID]; ok {
			same = same && len(f.Columns) < len(names) && names[len(f.Columns)] == field.Name && stored == field.Name
			f.Columns = append(f.Columns, formats.Renamed{Own: stored, Name: field.Name})
			continue
		}
		p, err := t.absent(e, field)
		if err != nil {
			return File{}, err
		}
		f.Constants = append(f.Constants, p)
	}
	if len(f.Columns) == 0 {
		return File{}, fault.File(t.dir, "files with columns of the table", "none of them in %s", fault.Quote(name))
	}
	if same && len(f.Columns) == len(names) {
		f.Columns = nil
	}
	return f, nil
}

// absent is a column that a file does not have: one by which the table is split up, one with a value for rows that were
// there before it, or one without.
func (t *iceberg) absent(e *entry, field *icebergField) (formats.Partition, error) {
	for _, s := range t.specs[e.spec] {
		if v, ok := e.split[s.ID]; ok && s.Source == field.ID && s.Transform == "identity" {
			return field.constant(t.dir, v)
		}
	}
	if len(field.Initial) > 0 && string(field.Initial) != "null" {
		text, whole := strings.Trim(string(field.Initial), `"`), int64(0)
		if field.isNumber() {
			var err error
			if whole, err = strconv.ParseInt(text, 10, 64); err != nil {
				return field.constant(t.dir, text)
			}
			return field.constant(t.dir, whole)
		}
		if unquoted, err := strconv.Unquote(string(field.Initial)); err == nil {
			text = unquoted
		}
		return field.constant(t.dir, text)
	}
	return formats.Partition{Name: field.Name, Null: true, Number: field.isNumber(), Absent: true}, nil
}

// addDelete adds a file of deletes to what is known of a file of data, where it is of that. Deletes by position are of
// files that are as old or older, those by equality of older ones.
func (t *iceberg) addDelete(f *File, data *entry, own map[int32]string, d *entry, columns map[int32]string) error {
	name, err := t.below(d.Path)
	if err != nil {
		return err
	}
	switch {
	case d.Content == contentEquality:
		if data.sequence >= d.sequence {
			return nil
		}
		e := Equality{Name: name}
		for _, id := range d.Equality {
			if columns[id] == "" || slices.Contains(e.Columns, columns[id]) {
				return fault.File(t.dir, fmt.Sprintf("the column %d in a file of equality deletes, once", id), "another in %s",
					fault.Quote(name))
			}
			if own[id] == "" && t.valued(data, id) {
				return fault.File(t.dir, "deletes by columns that the files have",
					"one by the column %d, which %s does not have", id, fault.Quote(f.Name))
			}
			e.Columns, e.Own = append(e.Columns, columns[id]), append(e.Own, own[id])
		}
		if len(e.Columns) == 0 {
			return fault.File(t.dir, "equality deletes by some columns", "by none in %s", fault.Quote(name))
		}
		f.Equality = append(f.Equality, e)
		return nil
	case data.sequence > d.sequence:
		return nil
	}
	of, err := t.deletesOf(d)
	switch {
	case err != nil || of != "" && of != f.Name:
		return err
	case !strings.EqualFold(d.Format, "puffin"):
		f.Positions, f.Location = append(f.Positions, name), t.metadata.Location
		return nil
	case f.Deleted != nil:
		return fault.File(t.dir, "one deletion vector of a file", "two of %s", fault.Quote(f.Name))
	}
	const around = 4 + 4 // its length and its checksum
	f.Deleted = &Vector{Name: name, Offset: *d.Offset, Size: *d.Length - around, Rows: d.Rows}
	return nil
}

// valued reports whether the cells of a column that a file does not have may be others than null.
func (t *iceberg) valued(e *entry, id int32) bool {
	for _, s := range t.specs[e.spec] {
		if s.Source == id && s.Transform == "identity" && e.split[s.ID] != nil {
			return true
		}
	}
	return slices.ContainsFunc(t.fields, func(f icebergField) bool {
		return f.ID == id && len(f.Initial) > 0 && string(f.Initial) != "null"
	})
}

// deletesOf is the one file of whose rows these deletes are, or "" where that may be several.
func (t *iceberg) deletesOf(d *entry) (string, error) {
	if d.Referenced != nil {
		return t.below(*d.Referenced)
	}
	of := func(all []bound) string {
		i := slices.IndexFunc(all, func(b bound) bool { return b.Column == pathColumn })
		if i < 0 {
			return ""
		}
		return string(all[i].Value)
	}
	if low := of(d.Lower); low != "" && low == of(d.Upper) {
		// A bound may be cut short: such a path is of no file.
		if name, err := t.below(low); err == nil && strings.HasSuffix(name, ".parquet") {
			return name, nil
		}
	}
	return "", nil
}
