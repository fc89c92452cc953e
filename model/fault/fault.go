// Package fault is the error that a user can mend: bad input, named by file, row and column, in one line.
//
// A fault crosses process and RPC boundaries as text. [Fault.Error] therefore stays on one line, and [Mark] and [Find]
// carry it through the wrapping that a Beam runner adds around a worker's error.
package fault

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Fault is a defect of the input. The zero Row is the first row; [WholeFile] says that the fault is not a row's.
type Fault struct {
	File     string // the name as the user gave it, or as the glob expanded
	Row      int64  // 0-based, not counting a header, as row numbers serve as ids; or WholeFile
	Column   string // name, or 0-based index where columns have no names; empty when the fault is not a column's
	Found    string // what is there
	Expected string // what should be there

	// ID is the row's id, as text, where the file has a column of ids and this row's can be read; it is no part of the
	// message.
	ID string
	// Asked says that the fault lies in what was asked of the file, such as a column that it does not have, and not in
	// the file; it is no part of the message.
	Asked bool
	// Early says that what is lacking may still come, where the file is one that grows; it is no part of the message.
	Early bool
	// Number is that of the row in all of the input, where who reads that has set it; it is no part of the message.
	Number int64
}

// WholeFile is the Row of a fault that concerns a file as a whole: its header, its length, its dimension.
const WholeFile = -1

// maxQuoted bounds how much of the input a message repeats.
const maxQuoted = 60

// Error is one line: file, row, column, what was found, what was expected.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(oneLine(f.File))
	if f.Row != WholeFile {
		fmt.Fprintf(&b, ": row %d", f.Row)
	}
	if f.Column != "" {
		fmt.Fprintf(&b, ", column %s", oneLine(f.Column))
	}
	b.WriteString(": ")
	b.WriteString(f.Reason())
	return b.String()
}

// Reason is the message without the place.
func (f *Fault) Reason() string {
	switch {
	case f.Expected == "":
		return "found " + oneLine(f.Found)
	case f.Found == "":
		return "expected " + oneLine(f.Expected)
	}
	return "found " + oneLine(f.Found) + ", expected " + oneLine(f.Expected)
}

// IsRow reports whether err is a fault of a single row, after which reading can go on.
func IsRow(err error) (*Fault, bool) {
	var f *Fault
	if errors.As(err, &f) && f.Row != WholeFile {
		return f, true
	}
	return nil, false
}

// File makes a fault of a whole file. Found is formatted.
func File(name, expected, found string, args ...any) *Fault {
	return &Fault{File: name, Row: WholeFile, Found: fmt.Sprintf(found, args...), Expected: expected}
}

// Asked is File for what is asked of a file that cannot have it, whose faults are those of a command line.
func Asked(name, expected, found string, args ...any) *Fault {
	f := File(name, expected, found, args...)
	f.Asked = true
	return f
}

// IsAsked reports whether err, or one that it joins or wraps, is a fault of what was asked of a file.
func IsAsked(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Asked
}

// Ends makes a fault of a file one that more of the file may mend, where that grows.
func Ends(f *Fault) *Fault {
	f.Early = true
	return f
}

// IsEarly reports whether err is a fault that more of a growing file may mend.
func IsEarly(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Early
}

// Quote shows a piece of the input: quoted, on one line, cut after 60 bytes.
func Quote[T string | []byte](s T) string {
	if len(s) > maxQuoted {
		return strconv.Quote(string(s[:maxQuoted])) + "…"
	}
	return strconv.Quote(string(s))
}

// Plain shows a name as it is, but on one line, and cut after 60 bytes.
func Plain(s string) string {
	if len(s) > maxQuoted {
		return oneLine(strings.ToValidUTF8(s[:maxQuoted], "")) + "…"
	}
	return oneLine(s)
}

// Names is names of columns for a message, the first of many.
func Names(names []string) string {
	const most = 8
	s := fmt.Sprintf("%q", names[:min(len(names), most)])
	if len(names) > most {
		s += fmt.Sprintf(" … (%d in all)", len(names))
	}
	return s
}

func oneLine(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		q := strconv.Quote(s)
		return q[1 : len(q)-1]
	}
	return s
}

// A marked message stands between tokens, in letters that no quoting alters, however often a runner quotes the text
// again: bytes that quoting escapes are written %22, as in a URL.
const (
	markOpen  = "beamlearn-fault{"
	markClose = "}"
)

// Mark wraps err so that [Find] can recover its message from whatever text the error is embedded in later. A nil error
// stays nil, a marked one is not marked twice.
func Mark(err error) error {
	if err == nil || strings.Contains(err.Error(), markOpen) {
		return err
	}
	return &marked{err}
}

type marked struct{ err error }

func (m *marked) Error() string { return markOpen + escape(m.err.Error()) + markClose }
func (m *marked) Unwrap() error { return m.err }

// plain are the bytes that stand for themselves: none that Go, JSON, HTML or a shell quotes.
const plain = " ,.:;/+-*=()[]_#@0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(plain, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

// Find returns the distinct messages that were marked inside text, in the order of their places: by file, row and
// column, and as text where they name no row. So the first is the same whichever worker failed first. It is nil where
// nothing was marked.
func Find(text string) []string {
	var found []string
	for _, s := range strings.Split(text, markOpen)[1:] {
		s, _, closed := strings.Cut(s, markClose)
		if msg, err := url.PathUnescape(s); closed && err == nil {
			found = append(found, msg)
		}
	}
	slices.SortFunc(found, compare)
	return slices.Compact(found)
}

// Place tells from the message of a fault of a row which file and row that is; ok is false for what names no row.
func Place(message string) (file string, row int64, ok bool) {
	file, row, _ = split(message)
	return file, row, row != WholeFile
}

// PlaceOf tells from the message of a fault which file, row and column that is; the row is WholeFile of what names
// none.
func PlaceOf(message string) (file string, row int64, column string) { return split(message) }

// place is how [Fault.Error] begins that of a row.
var place = regexp.MustCompile(`(?s)^(.*?): row ([0-9]{1,18})(?:, column (.*?))?: `)

// split takes a message apart. What names no row is all file.
func split(message string) (file string, row int64, column string) {
	m := place.FindStringSubmatch(message)
	if m == nil {
		return message, WholeFile, ""
	}
	row, _ = strconv.ParseInt(m[2], 10, 64) // of so few digits
	return m[1], row, m[3]
}

// compare orders messages by place: numbers as numbers, other names, which have no order here, as text.
func compare(a, b string) int {
	fileA, rowA, columnA := split(a)
	fileB, rowB, columnB := split(b)
	x, errX := strconv.Atoi(columnA)
	y, errY := strconv.Atoi(columnB)
	if errX != nil || errY != nil {
		x, y = 0, 0
	}
	return cmp.Or(cmp.Compare(fileA, fileB), cmp.Compare(rowA, rowB), cmp.Compare(x, y), cmp.Compare(a, b))
}

// Shell is a value of a flag as one gives it to a shell: between quotes where it has signs that mean something there.
func Shell(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '/' || r == '.' || r == '-' || r == '_' || r == ',' || r == ':' || r >= '0' && r <= '9' ||
			r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
