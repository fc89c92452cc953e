package formats

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// idName is how columns are mostly called that number rows or name things: id, user_id, PassengerId; and index, or
// Unnamed: 0, as pandas calls the labels of rows that were written without a name.
var idName = regexp.MustCompile(
	`^(?i:(?:.*[_ .-])?id|index|idx|unnamed: 0(?:\.\d+)?|row[_ .-]?(?:no|nr|num|number)?)$|[a-z]I[dD]$`)

// LikeID reports whether a column is called as those of ids mostly are.
func LikeID(name string) bool { return idName.MatchString(name) }

// IDsWithin are the columns of a vector that are likely to be ids: whole numbers under the name of an id, that nobody
// has asked for.
func IDsWithin(src Source, o *Options) []Column {
	if !o.byDefault() {
		return nil
	}
	var ids []Column
	for _, c := range Schema(src) {
		if c.Use == InVector && c.whole && LikeID(c.Name) {
			ids = append(ids, c)
		}
	}
	return ids
}

// TellIDs is one line about columns of IDsWithin; "" where there is none.
func TellIDs(columns []Column) string {
	if len(columns) == 0 {
		return ""
	}
	names := some(columns, "columns ", func(c Column) string { return fault.Plain(c.Name) })
	first := fault.Plain(columns[0].Name)
	if strings.ContainsAny(first, ",' ") {
		first = strings.NewReplacer(`,`, `\,`, `'`, `'\''`).Replace(first)
		return fmt.Sprintf("%s: whole numbers in the vector; if they are ids, --id_column='%s' or --columns='*,!%s' takes "+
			"them out", names, first, first)
	}
	return fmt.Sprintf("%s: whole numbers in the vector; if they are ids, --id_column=%s or --columns='*,!%s' takes "+
		"them out", names, first, first)
}

// wholeText reports whether a field is an integer, as ids are written.
func wholeText(field []byte) bool {
	field = trimSpaces(field)
	if len(field) > 0 && field[0] == '-' {
		field = field[1:]
	}
	for _, c := range field {
		if c-'0' > 9 {
			return false
		}
	}
	return len(field) > 0
}

// textID is the id that a text of .parquet or .arrow is, or says what is found instead: no writer is held to UTF-8 by
// these formats, and what is none would be written as U+FFFD, which makes one id of several.
func textID(text []byte) (id vectors.ID, found string) {
	switch {
	case len(text) == 0:
		return id, emptyText
	case !utf8.Valid(text):
		return id, noUTF8(text)
	}
	return parseID(text), ""
}

// noUTF8 says of a text that it is none in UTF-8.
func noUTF8(text []byte) string { return fault.Quote(text) + ", which is no UTF-8" }
