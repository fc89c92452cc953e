package formats

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Directories say what pyarrow.dataset reads of them.
func TestPartitions(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/partitions.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Values []string
		Read   []any
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var paths []string
		for _, v := range c.Values {
			paths = append(paths, "table/k%20e="+v+"/x.parquet")
		}
		all, err := Partitions(named(paths...))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Read {
			p := all[i].Partitions[0]
			var got any
			switch {
			case p.Null:
			case p.Number:
				got = float64(p.Value)
			default:
				got = p.Text
			}
			if p.Name != "k e" || got != want {
				t.Errorf("%q: %+v, pyarrow reads %v", c.Values, p, want)
			}
		}
	}
	all, err := Partitions(named("a/x.csv", "=1/y.csv", "k=1"))
	if len(all) != 3 || all[0] != nil || all[1] != nil || all[2] != nil || err != nil {
		t.Errorf("no directories: %v, %v", all, err)
	}
	for want, paths := range map[string][]string{
		`directories NAME=VALUE as in k=1/x: k`:          {"k=1/x", "j=1/x"},
		`found none, expected directories NAME=VALUE as`: {"k=1/x", "x"},
		`found "k" twice`: {"k=1/k=2/x"},
	} {
		if _, err := Partitions(named(paths...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", paths, err, want)
		}
	}
	if big, err := Partitions(named("k=3000000000/x")); err != nil || big[0].Partitions[0].Value != 3000000000 {
		t.Errorf("%+v, %v", big, err) // which Spark reads so, and pyarrow as text
	}
	if big, err := Partitions(named("k=9007199254740993/x")); err != nil || big[0].Partitions[0].Number {
		t.Errorf("%+v, %v: no float64 has it", big, err)
	}
}

// partitionOptions are those of a file in year=2026/kind=oak, beside one of year=2025 and no kind.
func partitionOptions() Options {
	return Options{Partitions: []Partition{
		{Name: "year", Text: "2026", Number: true, Value: 2026}, {Name: "kind", Text: "oak"},
	}}
}

// The directories' columns come after the file's, are asked for and left out by their names, and meet a model by these.
func TestPartitionedNumbers(t *testing.T) {
	t.Parallel()
	const csv = "id,a,b\nx,1,2\ny,3,4\n"
	for _, c := range []struct {
		columns, names []string
		want           []string
		row            []float64 // the second
	}{
		{nil, nil, []string{"a", "b", "year"}, []float64{3, 4, 2026}},
		{[]string{"year", "b"}, nil, []string{"year", "b"}, []float64{2026, 4}},
		{[]string{"b", "year"}, nil, []string{"b", "year"}, []float64{4, 2026}},
		{[]string{"year", "?"}, nil, []string{"a", "b", "year"}, []float64{3, 4, 2026}},
		{[]string{"!year"}, nil, []string{"a", "b"}, []float64{3, 4}},
		{[]string{"!a"}, nil, []string{"b", "year"}, []float64{4, 2026}},
		{[]string{"?"}, nil, []string{"a", "b"}, []float64{3, 4}},
		{nil, []string{"b", "year", "a"}, []string{"b", "year", "a"}, []float64{4, 2026, 3}},
	} {
		o := partitionOptions()
		o.IDColumn, o.Columns, o.Names = "id", c.columns, c.names
		src, err := Inspect(context.Background(), &textData{name: "x.csv", data: csv}, o)
		if err != nil {
			t.Errorf("%q: %v", c.columns, err)
			continue
		}
		b := &vectors.Block{Dim: src.Dim()}
		spans, err := Spans(context.Background(), src)
		if err == nil {
			err = readSpan(context.Background(), src, spans[0], b)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := b.Row(1, make([]float64, b.Dim))
		if !reflect.DeepEqual(src.Columns(), c.want) || !reflect.DeepEqual(got, c.row) || b.ID(1).String() != "y" ||
			b.Numbers[1] != 1 {
			t.Errorf("%q: columns %q, row %v; want %q, %v", c.columns, src.Columns(), got, c.want, c.row)
		}
	}
	for want, change := range map[string]func(*Options){
		`found "oak", expected a number in the directory "kind"`: func(o *Options) { o.Columns = []string{"a", "kind"} },
		`expected a column of the file itself`:                   func(o *Options) { o.WeightColumn = "year" },
		`found "oak", expected a number in the directory`:        func(o *Options) { o.TargetColumn = "kind" },
		`found none but the target, expected at least one column for the vector`: func(o *Options) {
			o.Columns, o.TargetColumn = []string{"year"}, "year"
		},
		`expected columns for the vector without the target`: func(o *Options) {
			o.Names, o.TargetColumn = []string{"a", "year"}, "year"
		},
		`found a column "a" in both`: func(o *Options) { o.Partitions[0].Name = "a" },
		`found none, expected an id in the directory "year"`: func(o *Options) {
			o.IDColumn, o.Partitions[0].Null, o.Partitions[0].Text = "year", true, ""
		},
		`expected a number in the directory "year"`: func(o *Options) { o.Partitions[0].Null = true },
		`expected a column "c"`:                     func(o *Options) { o.Columns = []string{"c", "year"} },
	} {
		o := partitionOptions()
		o.IDColumn = "id"
		change(&o)
		_, err := Inspect(context.Background(), &textData{name: "x.csv", data: csv}, o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A directory may be the target: a number, or a label. Rows of one without a value have none, and are left out unless
// they are wanted so.
func TestPartitionedTarget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		column                   string
		labels, null, untargeted bool
		columns, texts           []string
		target                   []float64
		rows                     int
	}{
		{"year", false, false, false, []string{"a", "b"}, nil, []float64{2026, 2026}, 2},
		{"year", true, false, false, []string{"a", "b"}, []string{"2026", "2026"}, nil, 2},
		{"kind", true, false, false, []string{"a", "b", "year"}, []string{"oak", "oak"}, nil, 2},
		{"year", true, true, false, []string{"a", "b"}, nil, nil, 0},
		{"year", true, true, true, []string{"a", "b"}, []string{"", ""}, nil, 2},
		{"year", false, true, true, []string{"a", "b"}, nil, []float64{math.NaN(), math.NaN()}, 2},
	} {
		o := partitionOptions()
		o.IDColumn, o.TargetColumn, o.Labels, o.Untargeted = "id", c.column, c.labels, c.untargeted
		if c.null {
			o.Partitions[0].Null, o.Partitions[0].Text = true, ""
		}
		src, err := Inspect(context.Background(), &textData{name: "x.csv", data: "id,a,b\nx,1,2\ny,3,4\n"}, o)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		b := &vectors.Block{Dim: src.Dim()}
		spans, err := Spans(context.Background(), src)
		if err == nil {
			err = readSpan(context.Background(), src, spans[0], b)
		}
		if err != nil {
			t.Fatal(err)
		}
		same := func(x, y float64) bool { return x == y || x != x && y != y }
		if !slices.Equal(src.Columns(), c.columns) || b.Len() != c.rows || !slices.Equal(b.Labels, c.texts) ||
			!slices.EqualFunc(b.Target, c.target, same) {
			t.Errorf("%+v: columns %q, %d rows, labels %q, targets %v", c, src.Columns(), b.Len(), b.Labels, b.Target)
		}
		if named := namingOf(src); named.Target != c.column {
			t.Errorf("%+v: the target is %q", c, named.Target)
		}
	}
}

// Of a table they are cells, text or numbers, which may be missing, also without any column of the file.
func TestPartitionedCells(t *testing.T) {
	t.Parallel()
	files := map[string]string{"x.csv": "a,t\n1,u\n2,v\n", "x.jsonl": "{\"a\":1,\"t\":\"u\"}\n{\"a\":2,\"t\":\"v\"}\n"}
	for name, data := range files {
		for _, columns := range [][]string{nil, {"year", "kind"}} {
			o := partitionOptions()
			o.Cells, o.Columns = true, columns
			o.Partitions[0].Null = true
			src, err := Inspect(context.Background(), &textData{name: name, data: data}, o)
			if err != nil {
				t.Fatal(err)
			}
			fields := src.(Tabular).Fields()
			b := &vectors.Block{Cells: tables.New(fields)}
			spans, err := Spans(context.Background(), src)
			if err == nil {
				err = readSpan(context.Background(), src, spans[0], b)
			}
			n := len(fields)
			if err != nil || n != 4-len(columns) || fields[n-2].Type != tables.Number || fields[n-1].Type != tables.Text {
				t.Fatalf("%s, %q: %+v, %v", name, columns, fields, err)
			}
			year, kind := &b.Cells.Columns[n-2], &b.Cells.Columns[n-1]
			if b.Len() != 2 || year.Len() != 2 || !math.IsNaN(year.Numbers[1]) || kind.Len() != 2 ||
				string(kind.Text(1)) != "oak" {
				t.Errorf("%s, %q: %d rows, %+v, %+v", name, columns, b.Len(), year, kind)
			}
			if columns == nil {
				if got := &b.Cells.Columns[0]; got.Len() != 2 {
					t.Errorf("%s: %+v", name, got)
				}
			}
		}
	}
}

// named are files of these names.
func named(names ...string) []File {
	files := make([]File, len(names))
	for i, name := range names {
		files[i] = &textData{name: name}
	}
	return files
}

func FuzzPartitions(f *testing.F) {
	f.Add("a/k=1/x.csv", "a/k=%32/y.csv")
	f.Add("k%3D=__HIVE_DEFAULT_PARTITION__/x", "k%3D=\xff%FF/y")
	f.Fuzz(func(t *testing.T, a, b string) {
		all, err := Partitions(named(a, b))
		if err != nil || all[0] == nil {
			return
		}
		for k := range all[0].Partitions {
			p, q := &all[0].Partitions[k], &all[1].Partitions[k]
			if p.Name != q.Name || p.Number != q.Number || p.Null && p.Text != "" || !utf8.ValidString(p.Text) {
				t.Errorf("%+v beside %+v", p, q)
			}
		}
	})
}
