package features

import (
	"bytes"
	"fmt"
	"testing"

	"beamlearn/model/tables"
)

// A text is found where it was put, by all of its bytes and its length, and is given back as it was.
func TestRecent(t *testing.T) {
	t.Parallel()
	var room [recentBytes]byte
	all := [][]byte{}
	for n := 1; n <= recentBytes; n++ {
		text := bytes.Repeat([]byte{'a'}, n)
		all = append(all, text)
		for i := range n {
			for _, c := range []byte{0, 'b', 0xff} {
				other := bytes.Clone(text)
				other[i] = c
				all = append(all, other)
			}
		}
	}
	for i, text := range all {
		for k, other := range all {
			var r recent[int]
			s, found := r.at(text)
			if found {
				t.Fatalf("%q was found among none", text)
			}
			if s.take(text, i+1); !bytes.Equal(s.text(&room), text) {
				t.Fatalf("%q became %q", text, s.text(&room))
			}
			if s, found := r.at(other); found != bytes.Equal(text, other) || found && s.of != i+1 {
				t.Fatalf("text %d, %q, was found as %d, %q: %v", k, other, i, text, found)
			}
		}
	}
}

// What a survey says does not depend on whether texts come again soon, late or in another table: short and long ones,
// those that are quoted, dates, numbers, and spaces.
func TestSurveyOfRecent(t *testing.T) {
	t.Parallel()
	texts := []string{"a", " a", "a ", "b c", "2020-01-31", "a longer text than is looked up", "sixteen bytes of", "1", "é",
		"NA", "", "true", "\x00", "ab\x00"}
	for i := range 3 * recentSlots {
		texts = append(texts, fmt.Sprint("t", i%(2*recentSlots)))
	}
	for _, o := range []Options{{}, {MaxCategories: 5}, {Categorical: []string{"c"}}, {Text: []string{"c"}}} {
		var rows []string
		for i, text := range texts {
			for range 1 + i%4 {
				rows = append(rows, text)
			}
		}
		c := cells("c", rows...)
		for i := range c.Ends {
			c.Quoted = append(c.Quoted, i%7 < 3)
		}
		all := table(c)
		var forms [2][]byte
		for k, step := range []int{1, len(rows)} { // each in a table of its own, so that none is recent; and all in one
			s, err := NewSurvey(all.Fields(), o)
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < len(rows); at += step {
				part := tables.Column{Field: c.Field}
				part.AppendRange(&c, at, at+step)
				if err := s.Add(table(part)); err != nil {
					t.Fatal(err)
				}
			}
			if forms[k], err = s.MarshalBinary(); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(forms[0], forms[1]) {
			t.Errorf("%+v: the rows one by one and at once give other surveys", o)
		}
	}
}
