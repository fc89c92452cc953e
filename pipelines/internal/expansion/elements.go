package expansion

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/linear"
)

func init() {
	for _, row := range []any{Neighbors{}, Prediction{}, Model{}} {
		beam.RegisterType(reflect.TypeOf(row))
	}
	beam.RegisterDoFn(&vectorFn{})
	beam.RegisterDoFn(&lineFn{})
	beam.RegisterDoFn(&trainedFn{})
	register.Function1x1(neighborsOf)
	register.Function1x1(predictionOf)
	register.Function1x1(modelOf)
}

// Neighbors is [knn.Nearest] with the names that Python has for such fields.
type Neighbors struct {
	ID        string    `beam:"id"`
	Neighbors []string  `beam:"neighbors"`
	Distances []float64 `beam:"distances"`
}

// Prediction is [linear.Predicted].
type Prediction struct {
	ID    string    `beam:"id"`
	Label string    `beam:"label"`
	Value float64   `beam:"value"`
	More  []float64 `beam:"more"`
	// Of each of several targets.
	Labels []string  `beam:"labels"`
	Values []float64 `beam:"values"`
}

// Model is [linear.Trained].
type Model struct {
	File  []byte   `beam:"file"`
	Notes []string `beam:"notes"`
}

// No list is nil, which a row's coder would write as null.
func neighborsOf(n knn.Nearest) Neighbors {
	return Neighbors{n.ID, append([]string{}, n.Neighbors...), append([]float64{}, n.Distances...)}
}

func predictionOf(p linear.Predicted) Prediction {
	return Prediction{p.ID, p.Label, p.Value, append([]float64{}, p.More...), append([]string{}, p.Labels...),
		append([]float64{}, p.Values...)}
}

func modelOf(t linear.Trained) Model { return Model{t.File, append([]string{}, t.Notes...)} }

// vectorFn makes a vector of a row, or of an object of JSON.
type vectorFn struct {
	ID, Values string // the columns
}

// ProcessElement takes whatever the coder of the collection has decoded: a struct of the row's schema, which has no
// name here, text, or bytes.
func (f *vectorFn) ProcessElement(element beam.X) (v vectors.Vector, err error) {
	switch e := element.(type) {
	case string:
		v, err = f.ofJSON([]byte(e))
	case []byte:
		v, err = f.ofJSON(e)
	default:
		v, err = f.ofRow(reflect.ValueOf(element))
	}
	return v, fault.Mark(err)
}

func (f *vectorFn) ofRow(row reflect.Value) (v vectors.Vector, err error) {
	id, ok := column(row, f.ID)
	if ok && id.Kind() == reflect.Pointer {
		id, ok = id.Elem(), !id.IsNil()
	}
	switch {
	case !ok:
		return v, fmt.Errorf("found a row without %s, expected an id", f.ID)
	case id.CanInt():
		v.ID = strconv.FormatInt(id.Int(), 10)
	case id.Kind() == reflect.String:
		v.ID = id.String()
	default:
		return v, fmt.Errorf("the field %s: found a %v, expected an integer or a text", f.ID, id.Type())
	}
	values, ok := column(row, f.Values)
	if ok && values.Kind() == reflect.Pointer {
		values, ok = values.Elem(), !values.IsNil()
	}
	if !ok || values.Kind() != reflect.Slice {
		return v, fmt.Errorf("the vector %s: found no %s, expected a list of numbers", fault.Quote(v.ID), f.Values)
	}
	v.Values = make([]float32, values.Len())
	for i := range v.Values {
		x := values.Index(i)
		switch {
		case x.CanFloat():
			v.Values[i] = float32(x.Float())
		case x.CanInt():
			v.Values[i] = float32(x.Int())
		default:
			return v, fmt.Errorf("the vector %s: found a list of %v, expected numbers", fault.Quote(v.ID), x.Type())
		}
	}
	return v, nil
}

func (f *vectorFn) ofJSON(line []byte) (v vectors.Vector, err error) {
	var cells map[string]json.RawMessage
	if err := json.Unmarshal(line, &cells); err != nil {
		return v, fmt.Errorf("found %s, expected an object of JSON: %w", fault.Quote(line), err)
	}
	if id := cells[f.ID]; json.Unmarshal(id, &v.ID) != nil {
		var n int64
		if json.Unmarshal(id, &n) != nil {
			return v, fmt.Errorf("the row %s: found no %s, expected an integer or a text", fault.Quote(line), f.ID)
		}
		v.ID = strconv.FormatInt(n, 10)
	}
	if err := json.Unmarshal(cells[f.Values], &v.Values); err != nil {
		return v, fmt.Errorf("the vector %s: found no list of numbers as %s, expected one", fault.Quote(v.ID), f.Values)
	}
	return v, nil
}

// lineFn writes a row as a line of JSON, whose keys are its fields.
type lineFn struct{ ID string }

// ProcessElement is as that of a [vectorFn].
func (f *lineFn) ProcessElement(element beam.X) (line string, err error) {
	switch e := element.(type) {
	case string:
		return e, nil
	case []byte:
		return string(e), nil
	}
	line, err = f.ofRow(reflect.ValueOf(element))
	return line, fault.Mark(err)
}

func (f *lineFn) ofRow(row reflect.Value) (string, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range row.NumField() {
		name, cell := columnOf(row.Type().Field(i)), row.Field(i).Interface()
		at := func(format string, args ...any) error {
			id, _ := column(row, f.ID)
			return fmt.Errorf("the row %s, column %s: %s", fault.Quote(fmt.Sprint(reflect.Indirect(id))), name,
				fmt.Sprintf(format, args...))
		}
		switch c := cell.(type) {
		case []byte:
			return "", at("found bytes, expected a number, a text or a list of numbers")
		case string:
			if !utf8.ValidString(c) {
				return "", at("found text that is not UTF-8, expected UTF-8")
			}
		}
		value, err := json.Marshal(cell)
		if err != nil {
			return "", at("found %v, expected finite numbers, and None where there is none", cell)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(name))
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.String(), nil
}

// trainedFn makes a model of what beamlearn:train:v1 has given, or of the bytes of a model's file.
type trainedFn struct{}

// ProcessElement is as that of a [vectorFn].
func (*trainedFn) ProcessElement(element beam.X) (t linear.Trained, err error) {
	switch e := element.(type) {
	case string:
		return linear.Trained{File: []byte(e)}, nil
	case []byte:
		return linear.Trained{File: e}, nil
	}
	row := reflect.ValueOf(element)
	if file, ok := column(row, modelColumn); ok && file.Type() == reflect.TypeOf(t.File) {
		return linear.Trained{File: file.Bytes()}, nil
	}
	return t, fault.Mark(fmt.Errorf("the model: found a row of %s, expected %s, the bytes of a model",
		strings.Join(columnsOf(row.Type()), ", "), modelColumn))
}
