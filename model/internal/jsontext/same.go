package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"beamlearn/model/fault"
)

// Same reports what encoding/json passes over without a word in JSON that was read: a field that is missing, null or
// twice, or a whole number that is rounded. Save writes what was read again. The order of fields, white space, and how
// a number or a text is written make no difference: other programs write JSON in their own way.
func Same(b []byte, save func(w io.Writer) error) error {
	var again, was bytes.Buffer
	if err := save(&again); err != nil {
		return err
	}
	if err := json.Compact(&was, b); err != nil {
		return errors.New(fault.JSON(b, err))
	}
	x, y := bytes.TrimSpace(was.Bytes()), bytes.TrimSpace(again.Bytes())
	if bytes.Equal(x, y) {
		return nil
	}
	return same(x, y, "")
}

// same compares compact JSON: what was read, and what was written of it, at a place.
func same(was, again []byte, at string) error {
	if bytes.Equal(was, again) {
		return nil
	}
	if was[0] == again[0] {
		switch was[0] {
		case '{':
			return sameObjects(was, again, at)
		case '[':
			return sameLists(was, again, at)
		}
	}
	if sameScalars(was, again) {
		return nil
	}
	const shown = 40
	return fmt.Errorf("%s: %s, which was taken for %s", at, was[:min(len(was), shown)], again[:min(len(again), shown)])
}

func sameObjects(was, again []byte, at string) error {
	x, err := fieldsOf(was, at)
	if err != nil {
		return err
	}
	y, err := fieldsOf(again, at)
	if err != nil {
		return err
	}
	for name := range y.values {
		if _, ok := x.values[name]; !ok {
			return fmt.Errorf("no field %s", place(at, name))
		}
	}
	for _, name := range x.names {
		other, ok := y.values[name]
		if !ok {
			return fmt.Errorf("a field %s that nothing is read from", place(at, name))
		}
		if err := same(x.values[name], other, place(at, name)); err != nil {
			return err
		}
	}
	return nil
}

// fields are those of an object.
type fields struct {
	names  []string
	values map[string]json.RawMessage
}

// fieldsOf takes an object apart, none of whose fields may be there twice.
func fieldsOf(b []byte, at string) (f fields, err error) {
	f.values = map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return f, err
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return f, err
		}
		name := token.(string)
		if _, ok := f.values[name]; ok {
			return f, fmt.Errorf("the field %s twice", place(at, name))
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return f, err
		}
		f.names, f.values[name] = append(f.names, name), v
	}
	return f, nil
}

func sameLists(was, again []byte, at string) error {
	var x, y []json.RawMessage
	if err := errors.Join(json.Unmarshal(was, &x), json.Unmarshal(again, &y)); err != nil {
		return err
	}
	if len(x) != len(y) {
		return fmt.Errorf("%s: %d values, of which %d were read", at, len(x), len(y))
	}
	for i := range x {
		if err := same(x[i], y[i], at+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

func place(at, name string) string {
	if at != "" {
		name = at + "." + name
	}
	return fault.Plain(name)
}

// sameScalars reports whether texts are the same, or numbers the same float64; whole ones must have the same digits.
func sameScalars(a, b []byte) bool {
	if a[0] == '"' || b[0] == '"' {
		var x, y string
		return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && x == y
	}
	x, err := strconv.ParseFloat(string(a), 64)
	y, other := strconv.ParseFloat(string(b), 64)
	whole := func(b []byte) bool { return !strings.ContainsAny(string(b), ".eE") }
	return err == nil && other == nil && x == y && !(whole(a) && whole(b))
}
