package fault

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestContents(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":                              "an empty file",
		" \n\t":                         "nothing but spaces",
		"PAR1\x15\x04":                  "a Parquet file",
		"\x1f\x8b\x08":                  "gzip data",
		"\ufeff{}":                      "a byte order mark before the text",
		"\x93NUMPY\x01":                 "an .npy file",
		"\n<!DOCTYPE html>":             "HTML or XML",
		"<!DOCTYPE html>":               "a page of HTML",
		"SQLite format 3\x00":           "an SQLite database",
		"{":                             "",
		"  [1":                          "",
		"a,b\n1,2\n":                    `text that begins with "a,b"`,
		"\x00\x01":                      "binary data",
		"\xff\xfe{\x00":                 "binary data",
		strings.Repeat("a", 19) + "äöü": `text that begins with "` + strings.Repeat("a", 19) + `"`,
	} {
		if got := Contents([]byte(data)); got != want {
			t.Errorf("%q is %s, want %s", data, got, want)
		}
	}
}

// What encoding/json says is told in plain words.
func TestJSON(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":             "an empty file",
		`{"a":`:        "JSON that is cut off behind 5 bytes",
		`{"a":1}{}`:    "no JSON at byte 8",
		`{"a":x}`:      "no JSON at byte 6",
		`[1]`:          "a JSON array",
		`{"a":"b"}`:    "string for a",
		"a: 1\n":       `text that begins with "a: 1"`,
		"\x1f\x8b\x08": "gzip data",
	} {
		var to struct{ A int }
		err := json.Unmarshal([]byte(data), &to)
		if err == nil {
			t.Fatalf("%s is read", data)
		}
		if got := JSON([]byte(data), err); !strings.EqualFold(got, want) {
			t.Errorf("%q: %s, want %s", data, got, want)
		}
	}
	if got := JSON([]byte("{"), io.ErrUnexpectedEOF); got != "JSON that is cut off behind 1 bytes" {
		t.Error(got)
	}
}
