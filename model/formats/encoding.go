package formats

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"beamlearn/model/fault"
)

// Encoding is how the characters of a text file are stored.
type Encoding string

const (
	// EncodingAuto is UTF-8, or UTF-16 where the file begins with its byte order mark.
	EncodingAuto Encoding = "auto"
	EncodingUTF8 Encoding = "utf-8"
	// EncodingUTF16 is of the byte order that the file's mark tells, and little-endian without a mark.
	EncodingUTF16       Encoding = "utf-16"
	EncodingUTF16LE     Encoding = "utf-16le"
	EncodingUTF16BE     Encoding = "utf-16be"
	EncodingLatin1      Encoding = "latin-1"
	EncodingWindows1252 Encoding = "windows-1252"
)

// Encodings are all that there are.
var Encodings = []Encoding{EncodingAuto, EncodingUTF8, EncodingLatin1, EncodingWindows1252, EncodingUTF16,
	EncodingUTF16LE, EncodingUTF16BE}

const (
	markUTF8    = "\xef\xbb\xbf"
	markUTF16LE = "\xff\xfe"
	markUTF16BE = "\xfe\xff"
)

func (e Encoding) validate() error {
	if e == "" || slices.Contains(Encodings, e) {
		return nil
	}
	names := make([]string, len(Encodings))
	for i, n := range Encodings {
		names[i] = string(n)
	}
	return fmt.Errorf("encoding %q: must be one of %s", string(e), strings.Join(names, ", "))
}

// wide reports whether a character takes two bytes or more. Such a text is read from its beginning, as a compressed
// one is: its line ends are no single bytes.
func (e Encoding) wide() bool {
	return e == EncodingUTF16 || e == EncodingUTF16LE || e == EncodingUTF16BE
}

// charset is the table of an encoding of single bytes, of which those below 128 are ASCII; nil of any other.
func (e Encoding) charset() *charmap.Charmap {
	switch e {
	case EncodingLatin1:
		return charmap.ISO8859_1
	case EncodingWindows1252:
		return charmap.Windows1252
	}
	return nil
}

// appendText appends a text of single-byte characters as UTF-8. A byte that stands for no character stays as it is,
// which is no UTF-8, so that whoever reads the field finds it.
func appendText(dst, text []byte, table *charmap.Charmap) []byte {
	for _, b := range text {
		if r := table.DecodeByte(b); r != utf8.RuneError {
			dst = utf8.AppendRune(dst, r)
		} else {
			dst = append(dst, b)
		}
	}
	return dst
}

// isASCII reports whether a text has no byte beyond 127.
func isASCII(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// utf16Reader makes UTF-8 of UTF-16, which may begin with a byte order mark. The halves of a surrogate pair that
// stand alone, of which golang.org/x/text makes U+FFFD, become three bytes each that are no UTF-8, so that whoever
// reads the field finds them.
type utf16Reader struct {
	r     io.Reader
	order binary.ByteOrder // nil until the mark was looked for
	in    []byte           // not decoded yet: in[at:]
	at    int
	out   []byte // decoded, not read yet
	text  []byte // memory of out
	err   error
}

func newUTF16(r io.Reader, e Encoding) *utf16Reader {
	u := &utf16Reader{r: r, in: make([]byte, 0, readAhead/4)}
	switch e {
	case EncodingUTF16LE:
		u.order = binary.LittleEndian
	case EncodingUTF16BE:
		u.order = binary.BigEndian
	}
	return u
}

var errHalfUnit = fmt.Errorf("an odd number of bytes")

func (u *utf16Reader) Read(b []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		n := copy(u.in[:cap(u.in)], u.in[u.at:])
		more, err := u.r.Read(u.in[n:cap(u.in)])
		u.in, u.at = u.in[:n+more], 0
		u.decode(err == io.EOF)
		if u.err = err; err == io.EOF && u.at < len(u.in) {
			u.err = errHalfUnit
		}
		if more == 0 && err == nil {
			return 0, nil
		}
	}
	n := copy(b, u.out)
	u.out = u.out[n:]
	return n, nil
}

// decode decodes what is there, but for a unit that may be the first of a pair.
func (u *utf16Reader) decode(last bool) {
	u.text = u.text[:0]
	first := u.order == nil
	for ; len(u.in)-u.at >= 2; u.at += 2 {
		if first || u.order == nil {
			first = false
			switch mark := string(u.in[u.at : u.at+2]); {
			case mark == markUTF16BE && u.order == nil:
				u.order = binary.BigEndian
				continue
			case u.order == nil:
				u.order = binary.LittleEndian
				if mark == markUTF16LE {
					continue
				}
			}
		}
		r := rune(u.order.Uint16(u.in[u.at:]))
		if utf16.IsSurrogate(r) {
			if len(u.in)-u.at < 4 && !last {
				break
			}
			pair := rune(utf8.RuneError)
			if len(u.in)-u.at >= 4 {
				pair = utf16.DecodeRune(r, rune(u.order.Uint16(u.in[u.at+2:])))
			}
			if pair == utf8.RuneError {
				u.text = appendSurrogate(u.text, r)
				continue
			}
			u.at += 2
			r = pair
		}
		u.text = utf8.AppendRune(u.text, r)
	}
	u.out = u.text
}

// appendSurrogate appends half of a surrogate pair as UTF-8 would be if there were any such character.
func appendSurrogate(dst []byte, r rune) []byte {
	return append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
}

// hasSurrogate reports whether a text has half of a surrogate pair.
func hasSurrogate(b []byte) bool {
	for {
		i := bytes.IndexByte(b, 0xed)
		if i < 0 || i+1 >= len(b) {
			return false
		}
		if b[i+1] >= 0xa0 {
			return true
		}
		b = b[i+1:]
	}
}

// textFault is the fault of a text that is none in the encoding of its file, without its place; or nil. The file is
// nil where text is always UTF-8.
func (t *textFile) textFault(text []byte) *fault.Fault {
	if utf8.Valid(text) {
		return nil
	}
	f := &fault.Fault{Found: fault.Quote(text)}
	switch {
	case hasSurrogate(text):
		f.Expected = "text, of which half a surrogate pair is none"
	case t == nil:
		f.Expected = "text in UTF-8"
	case t.encoding != "" && t.encoding != EncodingAuto && t.encoding != EncodingUTF8:
		f.Expected = "text in " + string(t.encoding)
	default:
		f.Expected = "text in UTF-8: for another, --encoding=latin-1, windows-1252 or utf-16"
	}
	return f
}
