package jsontext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// lifted is an object with lists that Lift takes, and others.
type lifted struct {
	A []Floats       `json:"a"`
	B map[string]int `json:"b"`
	C Floats         `json:"c"`
	D string         `json:"d"`
}

func (l *lifted) each(do func(...*Floats)) {
	for i := range l.A {
		do(&l.A[i])
	}
	do(&l.C)
}

func longList(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat("0.25, 7,-3e5,", n), ",") + "]"
}

// What is lifted and put back is what encoding/json reads.
func TestLift(t *testing.T) {
	long := longList(1000)
	for _, s := range []string{
		`{"a": [` + long + `,[1,2],[],` + long + `], "b":{"x":1}, "c":` + long + `, "d":"a\"[1,"}`,
		`{"d":"c", "c":[2,0], "a":[` + long + `]}`,
		`{"c":` + long + `, "b":{"x":0}}`,
	} {
		var got, want lifted
		if err := Unmarshal([]byte(s), &want); err != nil {
			t.Fatal(err)
		}
		short, lists, ok := Lift([]byte(s), "a", "c")
		if !ok || len(short) > 200 {
			t.Fatalf("%v, %d bytes are left", ok, len(short))
		}
		if err := Unmarshal(short, &got); err != nil {
			t.Fatal(err)
		}
		got.each(lists.Put)
		if !lists.Whole() || !slices.EqualFunc(got.A, want.A, slices.Equal) || !slices.Equal(got.C, want.C) ||
			got.D != want.D {
			t.Errorf("%.60s: not what it was", s)
		}
	}
	for _, s := range []string{`{"a":[[1,2]]}`, `{"b":` + long + `}`, `{"c":[0],"a":[` + long + `]}`,
		`{"a":[` + long[:len(long)-1] + `x]]}`, `{"a`} {
		if _, _, ok := Lift([]byte(s), "a", "c"); ok {
			t.Errorf("%.60s: lifted", s)
		}
	}
}

// Whatever comes, lists are lifted only from JSON of which encoding/json makes the same, or which it refuses too.
func FuzzLift(f *testing.F) {
	long := longList(400)
	for _, s := range []string{`{"c":L}`, `{"a":[L,[1]],"c":L,"d":"]"}`, `{"c":L,"c":[0]}`,
		`{"c":[0],"a":[L]}`, `{"c":L`, `[L]`,
		`{"d":"c","b":{"c":L}}`, `{"c":[L]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ReplaceAll(s, "L", long)
		short, lists, ok := Lift([]byte(s), "a", "c")
		if !ok {
			return
		}
		var got, want lifted
		if Unmarshal(short, &got) != nil {
			return
		}
		got.each(lists.Put)
		if !lists.Whole() {
			return
		}
		if err := Unmarshal([]byte(s), &want); err != nil {
			t.Fatalf("%.80q: %v", s, err)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Fatalf("%.80q: %.200s, want %.200s", s, a, b)
		}
	})
}

// The format of a file is what its first field says, or any other one.
func TestFormat(t *testing.T) {
	for s, want := range map[string]string{`{"format":"x","a":[1`: "x", `{"a":1,"format":"x"}`: "x", `{"a":1`: "",
		`[]`:           "",
		`{"format":3}`: "", ``: "", fmt.Sprintf(`{"a":%q,"format":"y"}`, strings.Repeat("a", 5000)): "y"} {
		if got := Format([]byte(s)); got != want {
			t.Errorf("%.30s: %q, want %q", s, got, want)
		}
	}
}
