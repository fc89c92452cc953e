package jsontext

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Object writes the fields of a value as an object of JSON, or reads them, by one list of its fields:
//
//	func (g *Gram) fields(sums *[]byte) jsontext.Object {
//		return jsontext.Object{{Name: "features", Value: &g.features}, {Name: "sums", Value: sums}}
//	}
//
// An object that is read may lack fields, whose values stay as they are, but has no others.
type Object []Field

// Field is a field of an [Object]: its name, and a pointer to its value, or what [Items] or [Maybe] make of one. Where
// Optional is set, a value that is zero or empty is not written.
type Field struct {
	Name     string
	Value    any
	Optional bool
}

// MarshalJSON writes the fields in the order of the list.
func (o Object) MarshalJSON() ([]byte, error) {
	written := make(Object, 0, len(o))
	for _, f := range o {
		if !f.Optional || !f.empty() {
			written = append(written, f)
		}
	}
	return json.Marshal(written.pointers().Interface())
}

// UnmarshalJSON reads fields in any order.
func (o Object) UnmarshalJSON(b []byte) error {
	p := o.pointers()
	if err := Unmarshal(b, p.Addr().Interface()); err != nil {
		return err
	}
	for i, f := range o {
		if v := p.Field(i); v.Kind() == reflect.Pointer && v.IsNil() { // encoding/json has not handed the null on
			if err := json.Unmarshal([]byte("null"), f.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// pointers is a struct that has the values of the list, with tags of their names: what encoding/json makes of it goes
// through the pointers.
func (o Object) pointers() reflect.Value {
	fields := make([]reflect.StructField, len(o))
	for i, f := range o {
		fields[i] = reflect.StructField{Name: fmt.Sprint("F", i), Type: reflect.TypeOf(f.Value),
			Tag: reflect.StructTag(fmt.Sprintf("json:%q", f.Name))}
	}
	p := reflect.New(reflect.StructOf(fields)).Elem()
	for i, f := range o {
		p.Field(i).Set(reflect.ValueOf(f.Value))
	}
	return p
}

func (f *Field) empty() bool {
	if e, ok := f.Value.(interface{ empty() bool }); ok {
		return e.empty()
	}
	switch v := reflect.ValueOf(f.Value).Elem(); v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

type items[T any] struct {
	list   *[]T
	fields func(*T) Object
}

// Items is a list of values that have fields each; nil is null.
func Items[T any](list *[]T, fields func(*T) Object) any { return items[T]{list, fields} }

func (x items[T]) empty() bool { return len(*x.list) == 0 }

func (x items[T]) MarshalJSON() ([]byte, error) {
	if *x.list == nil {
		return []byte("null"), nil
	}
	all := make([]Object, len(*x.list))
	for i := range all {
		all[i] = x.fields(&(*x.list)[i])
	}
	return json.Marshal(all)
}

func (x items[T]) UnmarshalJSON(b []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if *x.list = nil; raw != nil {
		*x.list = make([]T, len(raw))
	}
	for i, text := range raw {
		if err := x.fields(&(*x.list)[i]).UnmarshalJSON(text); err != nil {
			return err
		}
	}
	return nil
}

type maybe[T any] struct {
	value  **T
	fields func(*T) Object
}

// Maybe is a value that has fields, or nil, which is null.
func Maybe[T any](value **T, fields func(*T) Object) any { return maybe[T]{value, fields} }

func (m maybe[T]) empty() bool { return *m.value == nil }

func (m maybe[T]) MarshalJSON() ([]byte, error) {
	if *m.value == nil {
		return []byte("null"), nil
	}
	return m.fields(*m.value).MarshalJSON()
}

func (m maybe[T]) UnmarshalJSON(b []byte) error {
	if *m.value = nil; strings.TrimSpace(string(b)) == "null" {
		return nil
	}
	*m.value = new(T)
	return m.fields(*m.value).UnmarshalJSON(b)
}

// BitRows are lists of [BitFloats].
type BitRows [][]float64

// MarshalJSON writes null for nil.
func (r BitRows) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("null"), nil
	}
	rows := make([]BitFloats, len(r))
	for i, row := range r {
		rows[i] = row
	}
	return json.Marshal(rows)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *BitRows) UnmarshalJSON(b []byte) error {
	var rows []BitFloats
	if err := json.Unmarshal(b, &rows); err != nil {
		return err
	}
	if *r = nil; rows != nil {
		*r = make([][]float64, len(rows))
	}
	for i, row := range rows {
		(*r)[i] = row
	}
	return nil
}
