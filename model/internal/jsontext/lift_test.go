package jsontext

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
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

// bitsOf are numbers as WriteBits writes them.
func bitsOf(t *testing.T, f Floats) string {
	t.Helper()
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := errors.Join(f.WriteBits(w), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Many numbers are written as their bytes, unless most of them are 0, and read back bit by bit, whether they are lifted
// or not.
func TestWriteBits(t *testing.T) {
	for _, n := range []int{0, 1, manyNumbers, manyNumbers + 1, 3*manyNumbers + 7} {
		for _, zeros := range []bool{true, false} {
			f := make(Floats, n)
			for i := range f {
				if !zeros || i%2 == 1 {
					f[i] = -1 / float64(i+1)
				}
			}
			text := bitsOf(t, f)
			if bits := n > manyNumbers && !zeros; strings.HasPrefix(text, `"`) != bits {
				t.Errorf("%d numbers, zeros %v: bits %v", n, zeros, !bits)
			}
			var got Floats
			if err := json.Unmarshal([]byte(text), &got); err != nil || !slices.Equal(got, f) {
				t.Errorf("%d numbers, zeros %v, read back as others: %v", n, zeros, err)
			}
			file := []byte(`{"a":[` + text + `],"d":"x"}`)
			short, lists, ok := Lift(file, "a")
			if want := len(text)-2 > shortList; ok != want {
				t.Fatalf("%d numbers: lifted %v", n, ok)
			} else if !ok {
				continue
			}
			var l lifted
			if err := Unmarshal(short, &l); err != nil {
				t.Fatal(err)
			}
			if l.each(lists.Put); !lists.Whole() || !slices.Equal(l.A[0], f) {
				t.Errorf("%d numbers, lifted, are others", n)
			}
		}
	}
	many := make(Floats, manyNumbers+7)
	for i := range many {
		many[i] = 1
	}
	many[5] = math.NaN()
	if err := many.WriteBits(bufio.NewWriter(io.Discard)); err == nil {
		t.Error("NaN is written")
	}
	notFinite := string(bitText(many))
	few := string(bitText(make(Floats, manyNumbers)))
	text := bitsOf(t, many[6:])
	var got, want Floats
	escaped := strings.Replace(text, "A", "\\u0041", 1) // the same string of JSON
	if escaped == text || got.UnmarshalJSON([]byte(escaped)) != nil || want.UnmarshalJSON([]byte(text)) != nil ||
		!slices.Equal(got, want) {
		t.Error("an escaped string is read as other numbers")
	}
	for _, s := range []string{notFinite, few, `""`, `"1"`, `"AAAA"`, text[:2000] + "\n" + text[2000:]} {
		if err := new(Floats).UnmarshalJSON([]byte(s)); err == nil {
			t.Errorf("%.20s is read", s)
		}
		if _, _, ok := Lift([]byte(`{"a":[`+s+`]}`), "a"); ok {
			t.Errorf("%.20s is lifted", s)
		}
	}
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
