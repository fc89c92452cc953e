package jsontext

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"beamlearn/model/fault"
)

type point struct {
	x    float64
	tags []string
}

func (p *point) fields() Object {
	return Object{{Name: "x", Value: &p.x}, {Name: "tags", Value: &p.tags, Optional: true}}
}

// all has a field of each kind.
type all struct {
	n      int
	floats []float64
	bits   []float64
	rows   [][]float64
	points []point
	best   *point
	first  *point
	raw    json.RawMessage
}

func (a *all) fields() Object {
	return Object{
		{Name: "n", Value: &a.n, Optional: true},
		{Name: "floats", Value: (*Floats)(&a.floats)},
		{Name: "bits", Value: (*BitFloats)(&a.bits)},
		{Name: "rows", Value: (*BitRows)(&a.rows)},
		{Name: "points", Value: Items(&a.points, (*point).fields)},
		{Name: "best", Value: Maybe(&a.best, (*point).fields)},
		{Name: "first", Value: Maybe(&a.first, (*point).fields), Optional: true},
		{Name: "raw", Value: &a.raw},
	}
}

func examples() []*all {
	return []*all{
		{},
		{n: 3, floats: []float64{math.Copysign(0, -1), 0.1}, bits: []float64{5e-324}, rows: [][]float64{{1}, nil, {}},
			points: []point{{x: 1}, {tags: []string{"a"}}},
			best:   &point{x: 2}, first: &point{}, raw: json.RawMessage(`{"a":[1]}`)},
		{floats: []float64{}, bits: []float64{}, rows: [][]float64{}, points: []point{}},
	}
}

func TestObject(t *testing.T) {
	want := []string{
		`{"floats":[],"bits":null,"rows":null,"points":null,"best":null,"raw":null}`,
		`{"n":3,"floats":[-0.0,0.1],"bits":"AQAAAAAAAAA=","rows":["AAAAAAAA8D8=",null,""],"points":[{"x":1},{"x":0,"tags":["a"]}],` +
			`"best":{"x":2},"first":{"x":0},"raw":{"a":[1]}}`,
		`{"floats":[],"bits":"","rows":[],"points":[],"best":null,"raw":null}`,
	}
	for i, a := range examples() {
		b, err := json.Marshal(a.fields())
		if err != nil || string(b) != want[i] {
			t.Errorf("%v: wrote\n%s\nwant\n%s", err, b, want[i])
		}
		var got all
		if err := got.fields().UnmarshalJSON(b); err != nil {
			t.Fatal(err)
		}
		if len(a.floats) == 0 {
			a.floats = nil
		}
		if a.raw == nil {
			a.raw = json.RawMessage("null")
		}
		if !reflect.DeepEqual(&got, a) {
			t.Errorf("read %+v, wrote %+v", got, *a)
		}
	}
}

func TestObjectRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"m":1}`:                 `json: unknown field "m"`,
		`{"best":{"y":1}}`:        `json: unknown field "y"`,
		`{"points":[{"y":1}]}`:    `json: unknown field "y"`,
		`{"floats":null}`:         `"null": must be a list of numbers`,
		`{"floats":["a"]}`:        `"\"a\"" at place 0: must be a number`,
		`{"n":"1"}`:               "string for n",
		`{"rows":["AAAAAAAA"]}`:   "6 bytes are no numbers",
		`{"points":[{"x":true}]}`: "bool for points.x",
	} {
		err := new(all).fields().UnmarshalJSON([]byte(text))
		if err == nil || fault.JSON([]byte(text), err) != want && err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzObject(f *testing.F) {
	for _, a := range examples() {
		b, err := json.Marshal(a.fields())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a, again all
		if a.fields().UnmarshalJSON(b) != nil {
			return
		}
		first, err := json.Marshal(a.fields())
		if err != nil {
			t.Fatal(err)
		}
		if err := again.fields().UnmarshalJSON(first); err != nil {
			t.Fatalf("%v: %s", err, first)
		}
		if second, err := json.Marshal(again.fields()); err != nil || string(second) != string(first) {
			t.Errorf("%v: %s, then %s", err, first, second)
		}
	})
}
