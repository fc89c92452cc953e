package recommend

import (
	"bytes"
	"reflect"
	"testing"

	"beamlearn/model/triples"
	"beamlearn/model/vectors"
)

func fitted(t testing.TB) *Fitted {
	t.Helper()
	var rows []row
	for i := range 60 {
		rows = append(rows, row{vectors.ID{Int: int64(i % 7)}, vectors.ParseID([]string{"a", "b", "7", "ü"}[i%4]),
			float64(i), 0})
	}
	x := gather(t, rows, 9, false, triples.Last)
	m, err := Fit(t.Context(), x, Options{K: 2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	x.Merged = 0
	return &Fitted{Interactions: x, Model: m, Only: []uint32{0, 2}}
}

func encoded(t testing.TB, f *Fitted) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEncode(t *testing.T) {
	t.Parallel()
	f := fitted(t)
	b := encoded(t, f)
	g, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f, g) {
		t.Errorf("decoded %+v %+v, expected %+v %+v", g.Interactions, g.Model, f.Interactions, f.Model)
	}
	for at := 0; at < len(b); at += 11 {
		bad := bytes.Clone(b)
		bad[at] ^= 4
		if _, err := Decode(bad); err == nil {
			t.Errorf("byte %d is damaged, and nothing is said", at)
		}
		if _, err := Decode(b[:at]); err == nil {
			t.Errorf("%d bytes of %d are a model", at, len(b))
		}
	}
}

// Whatever decodes can be used.
func FuzzDecode(f *testing.F) {
	b := encoded(f, fitted(f))
	f.Add(b[:len(b)-4])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := decode(b)
		if err != nil {
			return
		}
		s := g.Scorer(5)
		for u := range g.Interactions.Users.Len() {
			items, values := g.Interactions.Of(u)
			s.Recommend(items, values, 3, true)
		}
	})
}
