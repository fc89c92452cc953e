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

// magics are what files of other formats begin with.
var magics = []struct{ begin, what string }{
	{"PAR1", "a .parquet"},
	{"ARROW1", "a file of Arrow"},
	{"\x93NUMPY", "a .npy"},
	{"PK\x03\x04", "a .zip or .npz"},
	{"\x1f\x8b", "a file that gzip has packed"},
	{"\x28\xb5\x2f\xfd", "a file that zstd has packed"},
	{"\xef\xbb\xbf", "a byte order mark before the text"},
	{"%PDF", "a .pdf"},
}

// Contents says in a few words what a file of these bytes is, of which another was expected that is JSON: "" where it
// begins as JSON does.
func Contents(b []byte) string {
	const most = 512
	for _, m := range magics {
		if bytes.HasPrefix(b, []byte(m.begin)) {
			return m.what
		}
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
