// Package jsontext writes and reads numbers in JSON so that every bit comes back.
package jsontext

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"beamlearn/model/fault"
	"beamlearn/model/internal/wire"
)

// Floats is a list of finite numbers, whose JSON reads back bit by bit, in languages, too, that take −0 for an integer.
type Floats []float64

// MarshalJSON writes the shortest forms.
func (f Floats) MarshalJSON() ([]byte, error) {
	if err := f.finite(); err != nil {
		return nil, err
	}
	return append(f.items(append(make([]byte, 0, 2+20*len(f)), '[')), ']'), nil
}

func (f Floats) finite() error {
	for i, v := range f {
		if v-v != 0 {
			return fmt.Errorf("%v at place %d: must be finite", v, i)
		}
	}
	return nil
}

// Write writes what MarshalJSON gives, of which encoding/json would make copies, on several threads.
func (f Floats) Write(b *bufio.Writer) error {
	if err := f.finite(); err != nil {
		return err
	}
	const part = 1 << 14 // takes longer than to begin a goroutine
	parts := make([][]byte, min(len(f)/part, runtime.GOMAXPROCS(0))+1)
	b.WriteByte('[')
	for lo := 0; lo < len(f); {
		var wg sync.WaitGroup
		used := 0
		for from := lo; from < len(f) && used < len(parts); from += part {
			text := &parts[used]
			used++
			wg.Go(func() {
				*text = (*text)[:0]
				if from > 0 {
					*text = append(*text, ',')
				}
				*text = f[from:min(from+part, len(f))].items(*text)
			})
		}
		wg.Wait()
		for _, text := range parts[:used] {
			b.Write(text)
		}
		lo += used * part
	}
	return b.WriteByte(']') // and so tells of all that went wrong before
}

// items is the numbers, with commas between, behind b.
func (f Floats) items(b []byte) []byte {
	for i, v := range f {
		if i > 0 {
			b = append(b, ',')
		}
		if v == 0 && math.Signbit(v) {
			b = append(b, "-0.0"...)
		} else {
			b = strconv.AppendFloat(b, v, 'g', -1, 64)
		}
	}
	return b
}

// manyNumbers is how many numbers [Floats.WriteBits] writes as such, at least in any case.
const manyNumbers = 1 << 10

// WriteBits is Write, or, of many numbers most of which are not 0, it writes their bytes as [BitFloats] has them, which
// takes a tenth of the time and half of the room. [Floats.UnmarshalJSON] reads both.
func (f Floats) WriteBits(b *bufio.Writer) error {
	zeros := 0
	for _, v := range f {
		if v == 0 {
			zeros++
		}
	}
	if len(f) <= manyNumbers || 2*zeros >= len(f) {
		return f.Write(b)
	}
	if err := f.finite(); err != nil {
		return err
	}
	b.WriteByte('"')
	to := base64.NewEncoder(base64.StdEncoding, b)
	const part = 1 << 10
	var raw []byte
	for ; len(f) > 0; f = f[min(part, len(f)):] {
		raw = wire.AppendFloats(raw[:0], f[:min(part, len(f))])
		if _, err := to.Write(raw); err != nil {
			return err
		}
	}
	if err := to.Close(); err != nil {
		return err
	}
	return b.WriteByte('"')
}

// ofBits reads what WriteBits writes of many numbers.
func (f *Floats) ofBits(b []byte) error {
	s, finite, err := bitFloats(b)
	if err != nil || !finite || len(s) <= manyNumbers {
		return fmt.Errorf("%s: must be a list of numbers", fault.Quote(b))
	}
	*f = s
	return nil
}

// UnmarshalJSON takes numbers only: encoding/json alone takes null for 0.
func (f *Floats) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return f.ofBits(b)
	}
	if b[0] != '[' {
		return fmt.Errorf("%s: must be a list of numbers", fault.Quote(b))
	}
	*f = (*f)[:0]
	if b = bytes.TrimSpace(b[1 : len(b)-1]); len(b) > 0 {
		*f = slices.Grow(*f, bytes.Count(b, []byte{','})+1)
	}
	for len(b) > 0 {
		item := b
		if i := bytes.IndexByte(b, ','); i >= 0 {
			item, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if len(item) == 1 && item[0] >= '0' && item[0] <= '9' { // as most are of many
			*f = append(*f, float64(item[0]-'0'))
			continue
		}
		item = bytes.TrimSpace(item)
		if len(item) == 0 || item[0] != '-' && (item[0] < '0' || item[0] > '9') {
			return fmt.Errorf("%s at place %d: must be a number", fault.Quote(item), len(*f))
		}
		v, err := strconv.ParseFloat(string(item), 64)
		if err != nil {
			return fmt.Errorf("%s at place %d: must be a number within float64", fault.Quote(item), len(*f))
		}
		*f = append(*f, v)
	}
	return nil
}

// Nullable is a list of numbers, of which null is any that is not finite.
type Nullable []float64

// MarshalJSON writes the shortest forms.
func (x Nullable) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, v := range x {
		if i > 0 {
			b = append(b, ',')
		}
		if v-v != 0 {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendFloat(b, v, 'g', -1, 64)
		}
	}
	return append(b, ']'), nil
}

// Unmarshal reads one value that has no fields but those of v.
func Unmarshal(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// Head reads what a file says of itself, which comes before all else, as a later version may have other fields: ""
// where it is of this format and version, otherwise what it is instead. An error is one of encoding/json.
func Head(b []byte, format string, version int) (other string, err error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	switch err := json.Unmarshal(b, &head); {
	case err != nil:
		return "", err
	case head.Format != format:
		if head.Format == "" {
			return "JSON that names no format", nil
		}
		return "format " + fault.Quote(head.Format), nil
	case head.Version != version:
		return fmt.Sprintf("version %d", head.Version), nil
	}
	return "", nil
}

// Format is what a file says of its format, "" where it says nothing or is no JSON. It reads no more than it must.
func Format(b []byte) string {
	d := json.NewDecoder(bytes.NewReader(b[:min(len(b), 1<<10)]))
	if t, err := d.Token(); err == nil && t == json.Delim('{') {
		if t, err = d.Token(); err == nil && t == "format" {
			if t, err = d.Token(); err == nil {
				if s, ok := t.(string); ok {
					return s
				}
			}
		}
	}
	var head struct {
		Format string `json:"format"`
	}
	if json.Unmarshal(b, &head) != nil {
		return ""
	}
	return head.Format
}

// Load reads JSON that says of itself that it is of a format and version, and nothing else, into v. Its errors are in
// plain words.
func Load(b []byte, format string, version int, v any) error {
	switch other, err := Head(b, format, version); {
	case err != nil:
		return errors.New(fault.JSON(b, err))
	case other != "":
		return errors.New(other)
	}
	if err := Unmarshal(b, v); err != nil {
		return errors.New(fault.JSON(b, err))
	}
	return nil
}

// BitFloats are finite numbers whose JSON is their bytes, little-endian, in base64: compact, and the same bits again.
type BitFloats []float64

// MarshalJSON writes null for nil.
func (f BitFloats) MarshalJSON() ([]byte, error) { return bitText(f), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (f *BitFloats) UnmarshalJSON(b []byte) error {
	s, finite, err := bitFloats(b)
	if err == nil && !finite {
		err = errors.New("numbers that are not finite")
	}
	if err == nil {
		*f = s
	}
	return err
}

// SumFloats are BitFloats some of which may not be finite, as those of sums that overflow, which are told later.
type SumFloats []float64

// MarshalJSON writes null for nil.
func (f SumFloats) MarshalJSON() ([]byte, error) { return bitText(f), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (f *SumFloats) UnmarshalJSON(b []byte) error {
	s, _, err := bitFloats(b)
	if err == nil {
		*f = s
	}
	return err
}

func bitText(f []float64) []byte {
	if f == nil {
		return []byte("null")
	}
	raw := wire.AppendFloats(make([]byte, 0, 8*len(f)), f)
	b := make([]byte, base64.StdEncoding.EncodedLen(len(raw))+2)
	b[0], b[len(b)-1] = '"', '"'
	base64.StdEncoding.Encode(b[1:], raw)
	return b
}

// base64Of is what a string of JSON says in base64, without the looks at every byte of it by which encoding/json comes
// to the same. It reports false of what is none, or not as it is mostly written: encoding/json decides about that.
func base64Of(b []byte) ([]byte, bool) {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' || bytes.ContainsAny(b, "\r\n") {
		return nil, false // base64 passes over ends of lines, of which a string has none
	}
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(b)-2))
	n, err := base64.StdEncoding.Decode(raw, b[1:len(b)-1])
	return raw[:n], err == nil
}

func bitFloats(b []byte) (s []float64, finite bool, err error) {
	raw, ok := base64Of(b)
	if !ok {
		if err := json.Unmarshal(b, &raw); err != nil {
			return nil, false, err
		}
	}
	if raw == nil {
		return nil, true, nil
	}
	if len(raw)%8 != 0 {
		return nil, false, fmt.Errorf("%d bytes are no numbers", len(raw))
	}
	s = make([]float64, len(raw)/8)
	_, finite = wire.TakeFloats(raw, s)
	return s, finite, nil
}
