package features

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"beamlearn/model/tables"
)

// seed is a small table, and how it is encoded.
type seed struct {
	o     Options
	table *tables.Table
}

// seeds have few columns each, so that fuzzing finds its way.
func seeds() []seed {
	tab := randomTable(rand.New(rand.NewPCG(1, 2)), 6)
	var all []seed
	for _, c := range tab.Columns {
		all = append(all, seed{Options{MaxCategories: 3, HashBits: 6}, table(c)})
	}
	columns := map[string]tables.Column{}
	for _, c := range tab.Columns {
		columns[c.Name] = c
	}
	return append(all,
		seed{Options{Impute: ImputeMedian, Standardize: true, Splines: []string{"hour:4"}}, table(columns["hour"])},
		seed{Options{Categorical: []string{"hour"}, MinFrequency: 2}, table(columns["hour"])},
		seed{Options{TFIDF: true, HashBits: 6, Text: []string{"words"}}, table(columns["words"])},
		seed{Options{Interactions: []string{"category*yes"}}, table(columns["category"], columns["yes"])},
	)
}

func (s *seed) survey(t testing.TB) *Survey {
	t.Helper()
	survey, err := NewSurvey(s.table.Fields(), s.o)
	if err != nil {
		t.Fatal(err)
	}
	if err := survey.Add(s.table); err != nil {
		t.Fatal(err)
	}
	return survey
}

// Whatever bytes a survey is read from, it is refused, or is a survey that decides, merges, and is written as it was
// read.
func FuzzSurvey(f *testing.F) {
	for _, s := range seeds() {
		b, err := s.survey(f).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again Survey
		if s.UnmarshalBinary(b) != nil {
			return
		}
		once, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalBinary(once); err != nil {
			t.Fatal(err)
		}
		if twice, err := again.MarshalBinary(); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("written otherwise: %v", err)
		}
		if e, err := s.Encoding(); err == nil {
			if text, err := json.Marshal(e); err != nil {
				t.Fatal(err)
			} else if err := new(Encoding).UnmarshalJSON(text); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
		}
		if err := s.Merge(&again); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever text an encoding is read from, it is refused, or encodes a table.
func FuzzEncoding(f *testing.F) {
	for _, s := range seeds() {
		e := encodingOf(f, s.o, s.table)
		text, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var e, again Encoding
		if e.UnmarshalJSON(text) != nil {
			return
		}
		once, err := json.Marshal(&e)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalJSON(once); err != nil {
			t.Fatal(err)
		}
		if twice, err := json.Marshal(&again); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("written otherwise: %v", err)
		}
		if _, more := e.Pass(); more || e.Dim() > 1<<12 {
			return
		}
		fields := make([]tables.Field, len(e.columns))
		for i := range e.columns {
			c := &e.columns[i]
			fields[i] = tables.Field{Name: c.Name, Type: tables.Cell}
			if c.Kind == List {
				fields[i].Type, fields[i].Width = tables.List, len(c.Parts)
			}
		}
		tab := tables.New(fields)
		for i := range tab.Columns {
			c := &tab.Columns[i]
			for _, cell := range []string{"", "1", "a b", "2013-01-01", "true"} {
				if c.Type == tables.Cell {
					c.AppendText([]byte(cell))
				} else {
					c.AppendMissing()
				}
			}
		}
		enc, err := e.Encoder(fields)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(e.Names()); got != e.Dim() {
			t.Fatalf("%d names of %d features", got, e.Dim())
		}
		b := vectorsFor(&e)
		for i := range tab.Len() {
			_ = enc.Encode(b, tab, i, int64(i)) // a cell that does not fit is a fault
		}
	})
}

// Counts are refused, or written as they were read.
func FuzzCounts(f *testing.F) {
	tab := table(textsOf("words", "one two", "two three four", ""))
	e := encodingOf(f, Options{TFIDF: true, HashBits: 6, Text: []string{"words"}}, tab)
	n, err := e.NewCounts(tab.Fields())
	if err != nil {
		f.Fatal(err)
	}
	if err := n.Add(tab); err != nil {
		f.Fatal(err)
	}
	b, err := n.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := e.NewCounts(tab.Fields())
		if err != nil {
			t.Fatal(err)
		}
		if n.UnmarshalBinary(b) != nil {
			return
		}
		once, err := n.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := n.UnmarshalBinary(once); err != nil {
			t.Fatal(err)
		}
		if twice, err := n.MarshalBinary(); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("written otherwise: %v", err)
		}
	})
}

// Whatever cells a column has, its rows are encoded by what was learned of them, and in whatever parts it was
// learned, alike; but numbers that are infinite are refused.
func FuzzTable(f *testing.F) {
	f.Add("1\x002\x00\x00x", uint8(0), uint8(2))
	f.Add("true\x00False\x00NA\x001", uint8(1), uint8(1))
	f.Add("2013-01-01\x002013-01-01 10:00+01:00\x00?", uint8(0), uint8(0))
	f.Add("one two three four\x00two three four five\x00e\u0301", uint8(2), uint8(1))
	f.Add("1e400\x00inf\x007", uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, text string, how, at uint8) {
		if !utf8.ValidString(text) {
			return
		}
		all := strings.Split(text, "\x00")
		part := func(cells []string) *tables.Table {
			c := tables.Column{Field: tables.Field{Name: "x", Type: tables.Cell}}
			if how&1 == 1 {
				c.Type = tables.Text
			}
			for i, s := range cells {
				if how&2 == 2 && i%2 == 1 && c.Type == tables.Cell {
					c.AppendQuoted([]byte(s))
				} else {
					c.AppendText([]byte(s))
				}
			}
			return table(c)
		}
		o := Options{HashBits: 6, MaxCategories: 5, Standardize: how&4 == 4, Analyzer: Analyzers[how>>3%3],
			NGrams: [2]int{1, 3}, MinFrequency: int(how>>5) + 1}
		whole := part(all)
		var surveys [3]*Survey
		cut := min(int(at)&^1, len(all)) // even, as every second cell is quoted
		for i, tab := range []*tables.Table{whole, part(all[:cut]), part(all[cut:])} {
			var err error
			if surveys[i], err = NewSurvey(tab.Fields(), o); err != nil {
				t.Fatal(err)
			}
			if err := surveys[i].Add(tab); err != nil {
				t.Fatal(err)
			}
		}
		if err := surveys[2].Merge(surveys[1]); err != nil {
			t.Fatal(err)
		}
		e, err := surveys[0].Encoding()
		again, errAgain := surveys[2].Encoding()
		if (err == nil) != (errAgain == nil) {
			t.Fatalf("%v, %v", err, errAgain)
		}
		if err != nil {
			return
		}
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(again); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v\n%s\nwant %s", err, got, want)
		}
		if err := new(Encoding).UnmarshalJSON(want); err != nil {
			t.Fatal(err)
		}
		enc, err := e.Encoder(whole.Fields())
		if err != nil {
			t.Fatal(err)
		}
		b := vectorsFor(e)
		for i := range whole.Len() {
			if err := enc.Encode(b, whole, i, int64(i)); err != nil && surveys[0].columns[0].infinite == 0 {
				t.Fatalf("%v: %s", err, e.Lines())
			}
		}
		if enc.Unseen().Unknown[0] > 0 {
			t.Fatalf("%d unknown of %q: %s", enc.Unseen().Unknown[0], all, e.Lines())
		}
	})
}
