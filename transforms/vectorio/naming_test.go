package vectorio

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/formats"
)

// jsonlOf is rows of a table as JSON objects.
func jsonlOf(columns string, rows ...string) string {
	var b strings.Builder
	for _, row := range rows {
		var members []string
		for i, v := range strings.Split(row, ",") {
			members = append(members, `"`+strings.Split(columns, ",")[i]+`":`+v)
		}
		b.WriteString("{" + strings.Join(members, ",") + "}\n")
	}
	return b.String()
}

// Files of one dataset meet by the names of their columns, in every order of the files and at every chunk size.
func TestFilesMeetByName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		files []string // name, content
		o     formats.Options
		want  []string // rows, or the beginning and the rest of the error
	}{
		{"another order", []string{"a.csv", "a,b\n1,2\n3,4\n", "b.csv", "b,a\n6,5\n8,7\n"}, formats.Options{},
			[]string{"0 [1 2]", "1 [3 4]", "2 [5 6]", "3 [7 8]"}},
		{"two formats", []string{"a.csv", "a,b\n1,2\n", "b.jsonl", jsonlOf("b,a", "4,3"), "c.tsv", "b\ta\n6\t5\n"},
			formats.Options{Columns: []string{"a", "b"}},
			[]string{"0 [1 2]", "1 [3 4]", "2 [5 6]"}},
		{"the target elsewhere", []string{"a.csv", "a,b,y\n1,2,9\n", "b.csv", "y,b,a\n8,4,3\n"},
			formats.Options{TargetColumn: "y"},
			[]string{"0 [1 2] → 9", "1 [3 4] → 8"}},
		{"the target by its index", []string{"a.csv", "a,b,y\n1,2,9\n", "b.csv", "y,b,a\n8,4,3\n"},
			formats.Options{TargetColumn: "2"},
			[]string{"0 [1 2] → 9", "1 [3 4] → 8"}},
		{"columns by their index", []string{"a.csv", "a,b,c\n1,2,9\n", "b.csv", "c,b,a\n8,4,3\n"},
			formats.Options{Columns: []string{"0-1"}},
			[]string{"0 [1 2]", "1 [3 4]"}},
		{"a glob", []string{"a.csv", "x1,x2,y\n1,2,9\n", "b.csv", "x2,y,x1\n4,9,3\n"},
			formats.Options{Columns: []string{"x*"}},
			[]string{"0 [1 2]", "1 [3 4]"}},
		{"the same name twice", []string{"a.csv", "a,a\n1,2\n", "b.csv", "a,a\n3,4\n"}, formats.Options{},
			[]string{"0 [1 2]", "1 [3 4]"}},
		{"the same name twice, elsewhere", []string{"a.csv", "a,a,b\n1,2,3\n", "b.csv", "a,b,a\n3,4,5\n"}, formats.Options{},
			[]string{"0 [1 2 3]", "1 [3 5 4]"}}, // the second is a.1, as in pandas
		{"other names", []string{"a.csv", "a,b\n1,2\n", "b.csv", "height,weight\n3,4\n"}, formats.Options{},
			[]string{"b.csv: found ", `the columns "height", "weight", without "a", "b"`,
				`expected the columns "a", "b", as in `, "a.csv"}},
		{"one more", []string{"a.csv", "a,b\n1,2\n", "b.csv", "b,c,a\n3,4,5\n"}, formats.Options{},
			[]string{"b.csv: found ", `the columns "b", "c", "a", with "c" beyond those`,
				`expected the columns "a", "b", as in `}},
		{"one missing", []string{"a.csv", "a,b\n1,2\n", "b.csv", "b\n3\n"}, formats.Options{},
			[]string{"b.csv: found ", `the columns "b", without "a"`}},
		{"a glob of one more", []string{"a.csv", "x1,x2\n1,2\n", "b.csv", "x2,x3,x1\n4,9,3\n"},
			formats.Options{Columns: []string{"x*"}},
			[]string{"b.csv: found ", `with "x3" beyond those`}},
		{"no names", []string{"a.csv", "a,b\n1,2\n", "b.csv", "3,4\n"}, formats.Options{}, []string{"0 [1 2]", "1 [3 4]"}},
		{"names later", []string{"a.csv", "1,2\n", "b.csv", "a,b\n3,4\n", "c.csv", "b,a\n6,5\n"}, formats.Options{},
			[]string{"0 [1 2]", "1 [3 4]", "2 [5 6]"}},
	} {
		dir := t.TempDir()
		for i := 0; i < len(c.files); i += 2 {
			put(t, dir, c.files[i], c.files[i+1])
		}
		for _, size := range []int{1, 2, 100} {
			o := Options{Formats: c.o, ChunkRows: size}
			d, err := Inspect(t.Context(), []string{filepath.Join(dir, "*")}, o)
			if err == nil {
				var got []string
				if got, err = readAll(t, d, o); !slices.Equal(got, c.want) {
					t.Errorf("%s, %d rows at a time: %q, want %q, %v", c.name, size, got, c.want, err)
				}
			} else {
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
						t.Errorf("%s: %v\nwant %q in it, on one line", c.name, err, want)
					}
				}
			}
		}
	}
}

// The first rows are read by the names that the first file is read by.
func TestHeadByName(t *testing.T) {
	t.Parallel()
	o := Options{}
	o.EnsureDefaults()
	name := put(t, t.TempDir(), "q.csv", "b,x,a\n2,9,1\n4,9,3\n")
	d, err := InspectLike(t.Context(), []string{name}, []string{"a", "b"}, "the model", o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Head(t.Context(), 2, o)
	if err != nil || !slices.Equal(b.F32, []float32{1, 2, 3, 4}) {
		t.Errorf("%v, %v", b, err)
	}
}

// Keys that come later than the first rows are left out where a model says which it needs, as those that come at once.
func TestLaterKeys(t *testing.T) {
	t.Parallel()
	o := Options{}
	o.EnsureDefaults()
	const text = `{"a":1,"b":2}` + "\n" + `{"b":4,"late":5,"a":3}` + "\n"
	name := put(t, t.TempDir(), "q.jsonl", text)
	d, err := InspectLike(t.Context(), []string{name}, []string{"a", "b"}, "the model", o)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, d, o); err != nil || !slices.Equal(got, []string{"0 [1 2]", "1 [3 4]"}) {
		t.Errorf("%q, %v", got, err)
	}
	if d, err = Inspect(t.Context(), []string{name}, o); err != nil {
		t.Fatal(err)
	}
	const fault = "column late: found a number, under a key that is not in the first row"
	if got, err := readAll(t, d, o); err == nil || !strings.Contains(err.Error(), fault) {
		t.Errorf("without a model: %q, %v, want %s", got, err, fault)
	}
}

// A .jsonl of which no row can be read has the columns of the others, where faulty rows are left out.
func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, first, other string
		o                  formats.Options
		want               []string
	}{
		{"numbers", "0.jsonl", `{"a":1,"b":2}`, formats.Options{}, []string{"0 [1 2]"}},
		{"numbers of a .csv", "0.csv", "a,b\n1,2", formats.Options{}, []string{"0 [1 2]"}},
		{"a list", "0.jsonl", `{"v":[1,2]}`, formats.Options{}, []string{"0 [1 2]"}},
		{"within objects", "0.jsonl", `{"m":{"a":1},"b":2}`, formats.Options{Columns: []string{"m.a", "b"}},
			[]string{"0 [1 2]"}},
		{"with an id", "0.jsonl", `{"i":"x","a":1,"b":2}`, formats.Options{IDColumn: "i"}, []string{"0 [1 2]"}},
	} {
		dir := t.TempDir()
		put(t, dir, c.first, c.other+"\n")
		put(t, dir, "1.jsonl", "garbage\n{\n")
		o := Options{Formats: c.o, SkipFaults: true}
		d, err := Inspect(t.Context(), []string{dir + "/*"}, o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := append(c.want, "1.jsonl: row 0: found garbage at byte 0 of the line, expected a JSON object",
			"1.jsonl: row 1: found the end at byte 1 of the line, expected valid JSON")
		if got, err := readAll(t, d, o); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		o.SkipFaults = false
		if _, err := Inspect(t.Context(), []string{dir + "/*"}, o); err == nil ||
			!strings.Contains(err.Error(), "1.jsonl: found garbage at byte 0 of the line in the first row") {
			t.Errorf("%s, where faulty rows are not left out: %v", c.name, err)
		}
		o.SkipFaults = true
		if _, err := Inspect(t.Context(), []string{dir + "/1.jsonl"}, o); err == nil ||
			!strings.Contains(err.Error(), "found garbage") {
			t.Errorf("%s, alone: %v", c.name, err)
		}
	}
}

// Rows that meet others do so by name where both have names, and else by number, of which a line tells.
func TestInspectLike(t *testing.T) {
	t.Parallel()
	many := func(prefix string, from, to int) (names []string) {
		for i := from; i < to; i++ {
			names = append(names, prefix+strings.Repeat("i", i))
		}
		return names
	}
	for _, c := range []struct {
		name    string
		names   []string
		content string
		o       formats.Options
		want    []string // rows, or parts of the error
		notes   []string
	}{
		{"the same", []string{"a", "b"}, "a,b\n1,2\n", formats.Options{}, []string{"0 [1 2]"}, nil},
		{"another order", []string{"a", "b"}, "b,a\n2,1\n", formats.Options{}, []string{"0 [1 2]"}, nil},
		{"more", []string{"a", "b"}, "b,c,a\n2,9,1\n", formats.Options{}, []string{"0 [1 2]"},
			[]string{"left out: c (number)"}},
		{"an id", []string{"a", "b"}, "b,id,a\n2,9,1\n", formats.Options{IDColumn: "id"}, []string{"0 [1 2]"}, nil},
		{"by a glob", []string{"xa", "xb"}, "xb,c,xa\n2,9,1\n", formats.Options{Columns: []string{"x*"}}, []string{"0 [1 2]"},
			[]string{"left out: c (number)"}},
		{"names that are numbers", []string{"1", "0"}, "0,1\n2,1\n", formats.Options{Header: formats.HeaderYes},
			[]string{"0 [1 2]"}, nil},
		{"names that are globs", []string{"x*", "x"}, "x,x*\n2,1\n", formats.Options{}, []string{"0 [1 2]"}, nil},
		{"other names", []string{"a", "b"}, "height,weight\n1,2\n", formats.Options{},
			[]string{`found the columns "height", "weight", without "a", "b", expected the columns "a", "b", as in the model`},
			nil},
		{"one missing", []string{"a", "b"}, "b,c,d\n1,2,3\n", formats.Options{}, []string{`"b", "c", "d", without "a"`}, nil},
		{"asked for by other names", []string{"a", "b"}, "a,b,c,d\n1,2,3,4\n", formats.Options{Columns: []string{"c", "d"}},
			[]string{`"c", "d", without "a", "b"`}, nil},
		{"many", append(many("x", 0, 30), "q"), strings.Join(append(many("x", 0, 30), "r"), ",") +
			strings.Repeat("\n1"+strings.Repeat(",1", 30), 2), formats.Options{},
			[]string{`… (31 in all), without "q", expected the columns "x", "xi", `, "… (31 in all), as in the model"}, nil},
		{"no names in the file", []string{"a", "b"}, "1,2\n", formats.Options{}, []string{"0 [1 2]"},
			[]string{"no names of columns in FILE: they are taken by number, in the order of the model"}},
		{"no names but in the file", nil, "a,b\n1,2\n", formats.Options{}, []string{"0 [1 2]"},
			[]string{"the model has no names of columns: those of FILE are taken by number"}},
	} {
		name := put(t, t.TempDir(), "q.csv", c.content)
		o := Options{Formats: c.o}
		d, err := InspectLike(t.Context(), []string{name}, c.names, "the model", o)
		if err != nil {
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
					t.Errorf("%s: %v\nwant %q in it, on one line", c.name, err, want)
				}
			}
			continue
		}
		if got, err := readAll(t, d, o); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q, %v", c.name, got, c.want, err)
		}
		var notes []string
		for _, n := range d.Notes() {
			notes = append(notes, strings.ReplaceAll(n, name, "FILE"))
		}
		if !slices.Equal(notes, c.notes) {
			t.Errorf("%s: %q, want %q", c.name, notes, c.notes)
		}
	}
}

// The names travel with the chunks of the files that need them, and with no others.
func TestNamesTravelWithChunks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "a.csv", "a,b\n1,2\n")
	put(t, dir, "b.csv", "b,a\n4,3\n")
	d, err := Inspect(t.Context(), []string{filepath.Join(dir, "*.csv")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := chunks(t, d)
	if all[0].Naming != nil || all[1].Naming == nil || !slices.Equal(all[1].Naming.Vector, []string{"a", "b"}) {
		t.Errorf("%+v", all)
	}
}
