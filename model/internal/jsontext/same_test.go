package jsontext

import (
	"io"
	"strings"
	"testing"
)

// What other programs write of JSON is the same as long as the values are.
func TestSame(t *testing.T) {
	const saved = `{"format":"f","scale":[1e-9,0.1,1e+21,100],"n":9007199254740993,"names":["é","a\"b"],"of":{"x":1,"y":[[]]}}` + "\n"
	for text, want := range map[string]string{
		saved: "",
		`{"n": 9007199254740993, "of": {"y": [ [ ] ], "x": 1},
  "names": ["\u00e9", "a\u0022b"], "scale": [1e-09, 0.10, 1e21, 100.0], "format": "f"}`: "",
		`{"format":"f","scale":[1e-9,0.1,1e+21,100],"n":9007199254740993,"names":["é","a\"b"]}`: "no field of",
		`{"format":"f","format":"f"}`:                          "the field format twice",
		strings.Replace(saved, `"x":1`, `"x":1,"x":1`, 1):      "the field of.x twice",
		strings.Replace(saved, `"x":1`, `"x":null`, 1):         "of.x: null, which was taken for 1",
		strings.Replace(saved, `"x":1`, `"x":1,"z":null`, 1):   "a field of.z that nothing is read from",
		strings.Replace(saved, `740993`, `740992`, 1):          "n: 9007199254740992, which was taken for 9007199254740993",
		strings.Replace(saved, `0.1,`, `0.11,`, 1):             "scale[1]: 0.11, which was taken for 0.1",
		strings.Replace(saved, `[[]]`, `[[],[]]`, 1):           "of.y: 2 values, of which 1 were read",
		strings.Replace(saved, `"é"`, `"e"`, 1):                `names[0]: "e", which was taken for "é"`,
		strings.Replace(saved, `"x":1`, `"x":"1"`, 1):          `of.x: "1", which was taken for 1`,
		strings.Replace(saved, `"of":{"x":1,"y":[[]]}`, ``, 1): "no JSON",
	} {
		err := Same([]byte(text), func(w io.Writer) error {
			_, err := io.WriteString(w, saved)
			return err
		})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
