package formats

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"beamlearn/model/fault"
)

// npyFormat is numpy's, versions 1 to 3 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
var npyFormat = &Format{Name: "npy", Extensions: []string{".npy"}, inspect: inspectNPY}

const (
	npyMagic = "\x93NUMPY"
	// npyHeaderMax bounds the header: that of an array of numbers takes a hundred bytes or two.
	npyHeaderMax = 64 << 10
	// npyTypes is what this reads of numpy's types.
	npyTypes = "f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or b1"
)

func inspectNPY(ctx context.Context, f File, _ compression, o Options) (Source, error) {
	if err := o.noText(f, "npy"); err != nil {
		return nil, err
	}
	text, start, err := npyHeader(ctx, f)
	if err != nil {
		return nil, err
	}
	h, err := parseNPY(text)
	if err == errStructured {
		return nil, fault.File(f.Name(), "numbers of one type: a table with names is a .csv or a .parquet",
			"a structured array, whose columns have types of their own")
	}
	if err != nil {
		return nil, fault.File(f.Name(), err.Error(), "the header %s", fault.Quote(text))
	}
	several := o.Several && len(h.shape) == 2 && h.shape[1] > 1 // of which labels are numbers
	if _, _, text := textType(h.descr); o.Targets && (text || o.Labels && labelType(h.descr) && !several) {
		return inspectNPYText(f, start, h, &o)
	}
	m := matrix{File: f, start: start}
	if m.element, m.order, err = npyElement(f.Name(), h.descr); err != nil {
		return nil, err
	}
	switch len(h.shape) {
	case 1:
		m.rows, m.columns = h.shape[0], 1
	case 2:
		m.rows, m.columns = h.shape[0], h.shape[1]
	default:
		return nil, fault.File(f.Name(), "an array of rows and columns, of 2 dimensions or 1", "%d dimensions", len(h.shape))
	}
	if m.rows == 0 && !o.Empty || m.columns == 0 {
		return nil, fault.File(f.Name(), "rows of data", "the shape (%d, %d)", m.rows, m.columns)
	}
	m.byColumn = h.fortran && m.rows > 1 && m.columns > 1
	if n, ok := bytesOf(m.rows, m.columns, int64(m.size)); !ok || n != f.Size()-start {
		return nil, fault.File(f.Name(), fmt.Sprintf("%d rows × %d columns × %d bytes after the header", m.rows, m.columns,
			m.size), "%d bytes", f.Size()-start)
	}
	return newMatrix(m, &o)
}

// npyHeader is the text of the header, and where the data begins.
func npyHeader(ctx context.Context, f File) (text []byte, start int64, err error) {
	const most = len(npyMagic) + 2 + 4 // with the version and the length of the header
	b, err := ReadRange(ctx, f, 0, min(f.Size(), 256))
	if err != nil {
		return nil, 0, err
	}
	if !bytes.HasPrefix(b, []byte(npyMagic)) {
		return nil, 0, fault.File(f.Name(), "the beginning of a .npy file, "+fault.Quote(npyMagic), "%s",
			fault.Quote(b[:min(len(b), len(npyMagic))]))
	}
	if len(b) < most {
		return nil, 0, fault.File(f.Name(), "a whole header", "%d bytes", f.Size())
	}
	var length int64
	switch version := b[len(npyMagic)]; version {
	case 1:
		start, length = 10, int64(binary.LittleEndian.Uint16(b[8:]))
	case 2, 3:
		start, length = 12, int64(binary.LittleEndian.Uint32(b[8:]))
	default:
		return nil, 0, fault.File(f.Name(), "version 1, 2 or 3 of the format", "version %d", version)
	}
	if length > npyHeaderMax {
		return nil, 0, fault.File(f.Name(), fmt.Sprintf("a header of at most %d bytes", npyHeaderMax), "one of %d bytes",
			length)
	}
	if start+length > int64(len(b)) {
		if b, err = ReadRange(ctx, f, 0, start+length); err != nil {
			return nil, 0, err
		}
	}
	return b[start : start+length], start + length, nil
}

// npyElement understands a descr, such as <f4.
func npyElement(name, descr string) (e element, order binary.ByteOrder, err error) {
	order = binary.LittleEndian
	code := strings.TrimLeft(descr, "<>=|")
	switch {
	case len(descr)-len(code) > 1:
		code = ""
	case strings.HasPrefix(descr, ">"):
		order = binary.BigEndian
	case !strings.HasPrefix(descr, "<"):
		order = binary.NativeEndian
	}
	switch code {
	case "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1":
		return element{code[0], int(code[1] - '0')}, order, nil
	}
	found := "the type " + fault.Quote(descr)
	if len(code) > 0 {
		if kind, ok := npyKinds[code[0]]; ok {
			found += " (" + kind + ")"
		}
	}
	return element{}, nil, fault.File(name, "numbers: "+npyTypes, "%s", found)
}

// npyKinds names the types that are no real numbers.
var npyKinds = map[byte]string{
	'O': "Python objects", 'S': "bytes", 'a': "bytes", 'U': "text", 'V': "void or structured", 'T': "text", 'c': "complex",
	'M': "times", 'm': "durations",
}

type npyDict struct {
	descr   string
	fortran bool
	shape   []int64
}

// parseNPY reads the dictionary of a header, a literal of Python. Its error is what was expected.
func parseNPY(text []byte) (h npyDict, err error) {
	p := &npyParser{text: text}
	seen := map[string]bool{}
	if !p.take('{') {
		return h, p.expected("a dictionary")
	}
	for !p.take('}') {
		key, ok := p.str()
		if !ok || !p.take(':') {
			return h, p.expected("a key and a colon")
		}
		if seen[key] {
			return h, p.expected("the key " + fault.Quote(key) + " once")
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.space(); p.at < len(p.text) && p.text[p.at] == '[' {
				return h, errStructured
			}
			if h.descr, ok = p.str(); !ok {
				return h, p.expected("numbers of one type, not a structured one")
			}
		case "fortran_order":
			if h.fortran, ok = p.boolean(); !ok {
				return h, p.expected("True or False")
			}
		case "shape":
			if h.shape, ok = p.tuple(); !ok {
				return h, p.expected("a tuple of sizes")
			}
		default:
			return h, p.expected("no key but descr, fortran_order and shape")
		}
		if !p.take(',') {
			if !p.take('}') {
				return h, p.expected("a comma or }")
			}
			break
		}
	}
	if p.space(); len(p.text) > p.at {
		return h, p.expected("nothing behind the dictionary")
	}
	if len(seen) != 3 {
		return h, fmt.Errorf("the keys descr, fortran_order and shape")
	}
	return h, nil
}

var errStructured = errors.New("a structured array")

type npyParser struct {
	text []byte
	at   int
}

func (p *npyParser) expected(what string) error { return fmt.Errorf("%s at byte %d of it", what, p.at) }

func (p *npyParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take takes a byte, after spaces, if it is the next one.
func (p *npyParser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

// str takes a string without escapes: no type's name has any.
func (p *npyParser) str() (string, bool) {
	for _, quote := range []byte{'\'', '"'} {
		if !p.take(quote) {
			continue
		}
		n := bytes.IndexByte(p.text[p.at:], quote)
		if n < 0 || bytes.IndexByte(p.text[p.at:p.at+n], '\\') >= 0 {
			return "", false
		}
		s := string(p.text[p.at : p.at+n])
		p.at += n + 1
		return s, true
	}
	return "", false
}

func (p *npyParser) boolean() (value, ok bool) {
	p.space()
	for word, value := range map[string]bool{"True": true, "False": false} {
		if bytes.HasPrefix(p.text[p.at:], []byte(word)) {
			p.at += len(word)
			return value, true
		}
	}
	return false, false
}

// tuple takes a tuple of integers, each with the L of a long of Python 2 or without.
func (p *npyParser) tuple() ([]int64, bool) {
	sizes := []int64{}
	if !p.take('(') {
		return nil, false
	}
	for !p.take(')') {
		p.space()
		n := 0
		for p.at+n < len(p.text) && p.text[p.at+n]-'0' <= 9 {
			n++
		}
		v, err := strconv.ParseInt(string(p.text[p.at:p.at+n]), 10, 64)
		if err != nil {
			return nil, false
		}
		sizes = append(sizes, v)
		p.at += n
		if p.at < len(p.text) && p.text[p.at] == 'L' {
			p.at++
		}
		comma := p.take(',')
		if !comma && len(sizes) == 1 {
			return nil, false // in parentheses only
		}
		if !comma {
			return sizes, p.take(')')
		}
	}
	return sizes, true
}
