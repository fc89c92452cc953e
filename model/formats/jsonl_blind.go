package formats

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// unreadable is the fault of a .jsonl of whose first rows none can be read.
type unreadable struct{ error }

func (u *unreadable) Unwrap() error { return u.error }

// Unreadable reports whether a file was not inspected because none of its first rows can be read, so that it does not
// tell its columns. By the names of others it can be: see [NamingLike].
func Unreadable(err error) bool {
	var u *unreadable
	return errors.As(err, &u)
}

// NamingLike are the names by which a .jsonl that does not tell its columns is read as another source of the same
// dataset; nil where that has no names.
func NamingLike(src Source) *Naming {
	if n := namingOf(src); n != nil {
		return n
	}
	n := &Naming{Own: true, Width: src.Dim()}
	for _, c := range Schema(src) {
		switch c.Use {
		case InVector:
			n.Columns = append(n.Columns, c.Name)
		case AsID:
			n.ID = c.Name
		case AsTarget:
			n.Target = c.Name
		case AsWeight:
			n.Weight = c.Name
		}
	}
	if len(n.Columns) != 1 {
		return nil
	}
	return n
}

// blind is a row of the columns that the options name, for a file of which no row can be read; nil where they do not
// name them.
func (o *Options) blind() []byte {
	columns, value := o.Names, json.RawMessage("0")
	if len(columns) == 0 && o.Width > 0 && len(o.Columns) == 1 {
		columns = o.Columns
		value = json.RawMessage("[" + strings.TrimSuffix(strings.Repeat("0,", o.Width), ",") + "]")
	}
	if len(columns) == 0 {
		return nil
	}
	row := map[string]any{}
	for _, c := range slices.Concat(columns, []string{o.IDColumn, o.TargetColumn, o.WeightColumn}) {
		if c == "" {
			continue
		}
		at, way := row, strings.Split(c, ".")
		for _, object := range way[:len(way)-1] {
			next, ok := at[object].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[object] = next
			}
			at = next
		}
		at[way[len(way)-1]] = json.RawMessage("0")
		if slices.Contains(columns, c) {
			at[way[len(way)-1]] = value
		}
	}
	line, _ := json.Marshal(row) // of texts and numbers
	return line
}
