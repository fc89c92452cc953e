package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// kinds are what files begin with that are neither text nor JSON, in words, and what one can do where text was
// expected.
var kinds = []struct{ begin, what, advice string }{
	{"\x1f\x8b", "gzip data", ": with a name that ends in .gz, it is unpacked"},
	{"\x28\xb5\x2f\xfd", "zstd data", ": with a name that ends in .zst, it is unpacked"},
	{"BZh", "bzip2 data", ": with a name that ends in .bz2, it is unpacked"},
	{"\xfd7zXZ\x00", "xz data", ", which is not read: unpack it"},
	{"\x04\x22\x4d\x18", "lz4 data", ", which is not read: unpack it"},
	{"7z\xbc\xaf", "a 7-Zip archive", ", which is not read: unpack it"},
	{"SQLite format 3\x00", "an SQLite database", ""},
	{"\x89HDF", "an HDF5 file", ""},
	{"%PDF", "a .pdf", ""},
	{"<!DOCTYPE ", "a page of HTML", ""},
	{"<!doctype ", "a page of HTML", ""},
	{"<html", "a page of HTML", ""},
	{"PK\x03\x04", "a zip archive, such as an .xlsx or .npz is", ""},
	{"PAR1", "a Parquet file", ": --input_format=parquet"},
	{"\x93NUMPY", "an .npy file", ": --input_format=npy"},
	{"ARROW1", "an Arrow file", ""},
}

// NoText says what a file of these bytes is that begins like no text, and what one can do about it: "" of all others.
func NoText(b []byte) string {
	what, advice := kind(b)
	return what + advice
}

func kind(b []byte) (what, advice string) {
	for _, k := range kinds {
		if bytes.HasPrefix(b, []byte(k.begin)) {
			return k.what, k.advice
		}
	}
	return "", ""
}

// Contents says in a few words what a file of these bytes is, of which another was expected that is JSON: "" where it
// begins as JSON does.
func Contents(b []byte) string {
	const most = 512
	if what, _ := kind(b); what != "" {
		return what
	}
	if bytes.HasPrefix(b, []byte("\ufeff")) {
		return "a byte order mark before the text"
	}
	head := bytes.TrimLeft(b[:min(len(b), most)], " \t\r\n")
	switch {
	case len(b) == 0:
		return "an empty file"
	case len(head) == 0:
		return "nothing but spaces"
	case head[0] == '{' || head[0] == '[':
		return ""
	case head[0] == '<':
		return "HTML or XML"
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	const shown = 20
	line = bytes.TrimSpace(line)
	text := line[:min(len(line), shown)]
	for len(text) > 0 && len(text) < len(line) && !utf8.RuneStart(line[len(text)]) { // no half of a letter
		text = text[:len(text)-1]
	}
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' }) {
		return "binary data"
	}
	return "text that begins with " + Quote(text)
}

// JSON is what was found, in plain words, where encoding/json fails to read bytes.
func JSON(b []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		if what := Contents(b); what != "" {
			return what
		}
		if syntax == nil || syntax.Error() == "unexpected end of JSON input" {
			return fmt.Sprintf("JSON that is cut off behind %d bytes", len(b))
		}
		return fmt.Sprintf("no JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		return "a JSON " + kind.Value
	case errors.As(err, &kind):
		return fmt.Sprintf("%s for %s", kind.Value, kind.Field)
	}
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "json: "), "\n", "; ")
}
