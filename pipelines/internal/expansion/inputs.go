package expansion

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/coder"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx/schema"
	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/protobuf/proto"
)

// Coders of elements that are taken.
const (
	urnRow    = "beam:coder:row:v1"
	urnBytes  = "beam:coder:bytes:v1"
	urnString = "beam:coder:string_utf8:v1"
)

// source is where an input comes from.
type source struct{ pcollection string }

// input is an input of a transform.
type input struct {
	collection beam.PCollection
	row        reflect.Type // of elements that are rows; nil where they are lines of JSON
}

// inputsOf tells the inputs of a request by the names of the transform's. A single one is the first of these, whatever
// it is called; the others are optional.
func inputsOf(req *jobpb.ExpansionRequest, names []string) (map[string]source, error) {
	given := req.GetTransform().GetInputs()
	inputs := map[string]source{}
	for tag, id := range given {
		switch {
		case slices.Contains(names, tag):
			inputs[tag] = source{id}
		case len(given) == 1:
			inputs[names[0]] = source{id}
		default:
			return nil, fmt.Errorf("found the input %q, expected %s", tag, strings.Join(names, ", "))
		}
	}
	if _, ok := inputs[names[0]]; !ok {
		return nil, fmt.Errorf("found the inputs %q, expected %s", slices.Sorted(maps.Keys(given)), names[0])
	}
	return inputs, nil
}

// element finds what the elements of an input are, or says why they are none that can be taken.
func (s source) element(c *pipepb.Components, name string) (*input, error) {
	p, ok := c.GetPcollections()[s.pcollection]
	if !ok {
		return nil, fmt.Errorf("the input %s: the collection %q is not in the request", name, s.pcollection)
	}
	w := c.GetWindowingStrategies()[p.GetWindowingStrategyId()]
	if urn := w.GetWindowFn().GetUrn(); urn != graphx.URNGlobalWindowsWindowFn {
		return nil, fmt.Errorf("the input %s: found windows of %s, expected the global one: "+
			"beam.WindowInto(beam.window.GlobalWindows())", name, urn)
	}
	if p.GetIsBounded() == pipepb.IsBounded_UNBOUNDED {
		return nil, fmt.Errorf("the input %s: found a collection without end, expected a bounded one", name)
	}
	spec := c.GetCoders()[p.GetCoderId()].GetSpec()
	switch spec.GetUrn() {
	case urnBytes, urnString:
		return &input{}, nil
	case urnRow:
		t, err := rowType(spec.GetPayload())
		if err == nil {
			err = checkColumns(t)
		}
		if err != nil {
			return nil, fmt.Errorf("the input %s: %w", name, err)
		}
		return &input{row: t}, nil
	}
	return nil, fmt.Errorf("the input %s: found elements coded by %s, which this service cannot read, expected rows with "+
		"a schema, as beam.Row(id=…) and a typing.NamedTuple that beam.coders.registry knows, or lines of JSON as str or "+
		"bytes: in Python, .with_output_types of the step before says which", name, spec.GetUrn())
}

// rowType is the struct that rows of a schema are decoded into, where Beam's Go SDK can decode them.
func rowType(encoded []byte) (reflect.Type, error) {
	var s pipepb.Schema
	if err := proto.Unmarshal(encoded, &s); err != nil {
		return nil, fmt.Errorf("found a schema that cannot be read: %w", err)
	}
	return typeOf(&s)
}

func typeOf(s *pipepb.Schema) (t reflect.Type, err error) {
	var names []string
	for i, f := range s.GetFields() {
		names = append(names, fmt.Sprintf("%q", f.GetName()))
		if s.GetEncodingPositionsSet() && int(f.GetEncodingPosition()) != i {
			return nil, errors.New("found a schema whose fields are encoded in another order, expected their own")
		}
	}
	// Names that no field of a struct can have, and names that differ in the case of their first letters only, panic.
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("found the fields %s, expected names that begin with a letter and have letters, digits "+
				"and _ alone; for others, lines of JSON", strings.Join(names, ", "))
		}
	}()
	if t, err = schema.ToType(s); err != nil {
		return nil, fmt.Errorf("found a schema that Beam's Go SDK does not read, expected numbers, texts and lists: %w", err)
	}
	_, err = coder.RowDecoderForStruct(t)
	return t, err
}

// columnOf is the name of a field in its schema.
func columnOf(f reflect.StructField) string {
	if tag, _, _ := strings.Cut(f.Tag.Get("beam"), ","); tag != "" {
		return tag
	}
	return f.Name
}

// columnsOf are the names of all fields.
func columnsOf(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		names = append(names, columnOf(t.Field(i)))
	}
	return names
}

// column finds a field; ok is false where there is none of that name.
func column(row reflect.Value, name string) (v reflect.Value, ok bool) {
	for i := range row.NumField() {
		if columnOf(row.Type().Field(i)) == name {
			return row.Field(i), true
		}
	}
	return v, false
}

// checkColumns refuses fields that are no cells of a table: neither numbers nor texts nor lists of numbers. Bytes are
// taken, and are what a model's file is.
func checkColumns(t reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.Slice {
			if of = of.Elem(); of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
		}
		switch of.Kind() {
		case reflect.Map, reflect.Struct, reflect.Slice, reflect.Interface:
			return fmt.Errorf("the field %s: found a %v, expected a number, a text or a list of these", columnOf(f), f.Type)
		}
	}
	return nil
}

// has says which fields a row lacks.
func (in *input) has(name string, columns ...string) error {
	if in.row == nil {
		return nil
	}
	found := columnsOf(in.row)
	for _, c := range columns {
		if !slices.Contains(found, c) {
			return fmt.Errorf("the input %s: found the fields %s, expected %s among them", name, strings.Join(found, ", "), c)
		}
	}
	return nil
}
