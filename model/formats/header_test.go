package formats

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// A first row is a header, or not, and what there is to say about it.
func TestHeader(t *testing.T) {
	const taken, data, named = "is taken for the names of the columns", "is taken for data", "is taken for the row's name"
	for _, c := range []struct {
		name, data string
		o          Options
		names      string // "" where there is no header
		rows       []string
		note       string // a part of it
	}{
		{"numbers that count", "0,1,2\n.5,.25,1\n", Options{}, "0 1 2", []string{"[0.5 0.25 1]"}, ""},
		{"with an index without a name", ",0,1\n0,.5,.25\n1,.5,1\n", Options{}, "0 1", []string{"[0.5 0.25]", "[0.5 1]"}, ""},
		{"of one column", ",0\n0,5\n1,6\n", Options{}, "0", []string{"[5]", "[6]"}, ""},
		{"with a named index", "id,0,1,2\nw,.1,.2,.3\n", Options{IDColumn: "id"}, "0 1 2", []string{`[0.1 0.2 0.3] "w"`}, ""},
		{"with a named index that nobody names", "word,0,1,2\nw,.1,.2,.3\n", Options{}, "0 1 2",
			[]string{"[0.1 0.2 0.3]"}, ""},
		{"counting above integers", "0,1,2\n5,6,7\n", Options{}, "0 1 2", []string{"[5 6 7]"}, taken},
		{"counting that goes on", "0,1,2\n3,4,5\n6,7,8\n", Options{}, "", []string{"[0 1 2]", "[3 4 5]", "[6 7 8]"}, data},
		{"a pair of integers", "0,1\n1,0\n", Options{}, "", []string{"[0 1]", "[1 0]"}, data},
		{"a pair above fractions", "0,1\n.5,0.1\n", Options{}, "0 1", []string{"[0.5 0.1]"}, ""},
		{"a single zero", "0\n1\n", Options{}, "", []string{"[0]", "[1]"}, ""},
		{"years", "2019,2020,2021\n5,6,7\n", Options{}, "", []string{"[2019 2020 2021]", "[5 6 7]"}, data},
		{"years above fractions", "2019,2021\n.5,6.5\n", Options{}, "", []string{"[2019 2021]", "[0.5 6.5]"}, data},
		{"years that are named", "2019,2020\n5,6\n", Options{Columns: []string{"2020"}}, "2020", []string{"[6]"}, ""},
		{"a target that is a year", "2019,2020\n5,6\n", Options{TargetColumn: "2020"}, "2019", []string{"[5] → 6"}, ""},
		{"an index is no name", "3,1,4\n5,9,2\n", Options{TargetColumn: "1"}, "", []string{"[3 4] → 1", "[5 2] → 9"}, ""},
		{"text above numbers", "a,2020\n5,6\n", Options{}, "a 2020", []string{"[5 6]"}, taken},
		{"text above numbers and years", "a,2019,2020\n5,6,7\n", Options{}, "a 2019 2020", []string{"[5 6 7]"}, ""},
		{"text above text", "name,x\nw,1\n", Options{}, "x", []string{"[1]"}, ""},
		{"only text", "a,b\nc,d\n", Options{IDColumn: "a", Columns: []string{"b"}}, "b",
			[]string{`fault: f.csv: row 0, column b: found "d", expected a number`}, ""},
		{"text above missing", "a,b\n,1\nNA,2\n3,4\n", Options{Columns: []string{"b"}}, "b",
			[]string{"[1]", "[2]", "[4]"}, ""},
		{"booleans", "True,False\nFalse,True\n", Options{}, "", []string{"[1 0]", "[0 1]"}, ""},
		{"text above booleans", "a,b\nFalse,True\n", Options{}, "a b", []string{"[0 1]"}, ""},
		{"missing values", "NA,NA\n1,2\n", Options{}, "",
			[]string{`fault: f.csv: row 0, column 0: found "NA", expected a number`, "[1 2]"}, ""},
		{"of R", "\"\",\"x\",\"y\"\n\"1\",5,6\n\"2\",7,8\n", Options{}, "x y", []string{"[5 6]", "[7 8]"}, ""},
		{"quoted numbers above numbers", "\"7\",\"9\"\n5,6\n", Options{}, "7 9", []string{"[5 6]"}, ""},
		{"quoted numbers", "\"7\",\"9\"\n\"5\",\"6\"\n", Options{}, "", []string{"[7 9]", "[5 6]"}, ""},
		{"names that are alike", "a,b,a,a.1,a\n1,2,3,4,5\n", Options{}, "a b a.2 a.1 a.3", []string{"[1 2 3 4 5]"},
			`"a" (a.2), "a" (a.3)`},
		{"the row index by its number", ",a\n7,5\n", Options{Columns: []string{"0", "a"}}, " a", []string{"[7 5]"}, ""},
		{"the row index as the id", ",a\n7,5\n", Options{IDColumn: "0"}, "a", []string{`[5] "7"`}, ""},
		{"row names of R", "\"x\",\"y\"\n\"Mazda\",5,6\n\"Fiat 128\",7,8\n", Options{}, "x y", []string{"[5 6]", "[7 8]"},
			named},
		{"row names as ids", "x y\nMazda 5 6\nFiat 7 8\n", Options{Delimiter: "space", IDColumn: "0"}, "x y",
			[]string{`[5 6] "Mazda"`, `[7 8] "Fiat"`}, named},
		{"row names of a part", "x\ty\n3\t5\t6\n9\t7\t8\n", Options{}, "x y", []string{"[5 6]", "[7 8]"}, named},
		{"row names of one column", "x\na;5\nb;7,5\n", Options{}, "x", []string{"[5]", "[7.5]"}, named},
		{"row names that count", "x|y\n1|5|6\n2|7|8\n", Options{}, "x y", []string{"[5 6]", "[7 8]"}, ""},
		{"row names, and a row at fault", "x,y\nb,5,6\nc,7,8,9\na,1,2\n", Options{}, "x y",
			[]string{"[5 6]", "fault: f.csv: row 1: found 4 fields, expected 3", "[1 2]"}, named},
		{"a header above decimal commas", "x;y\na;5,5\nb;7,5\n", Options{}, "y", []string{"[5.5]", "[7.5]"},
			"a comma is the decimal point"},
		{"row names that are alike", "x,y\na,5,6\na,7,8\n", Options{}, "y",
			[]string{"fault: f.csv: row 0: found 3 fields, expected 2", "fault: f.csv: row 1: found 3 fields, expected 2"}, ""},
		{"a row as long as the header", "x,y\na,5,6\n7,8\n", Options{}, "x y",
			[]string{"fault: f.csv: row 0: found 3 fields, expected 2", "[7 8]"}, ""},
		{"a delimiter behind rows", "x,y\n5,6,\n7,8,\n", Options{}, "x y", []string{"[5 6]", "[7 8]"}, ""},
		{"columns without a name", "a,,b,,\n1,2,3,4,\n5,6,7,8,\n", Options{}, "a Unnamed: 1 b Unnamed: 3",
			[]string{"[1 2 3 4]", "[5 6 7 8]"}, ""},
		{"columns without a name, the first too", ",,b\n1,2,3\n5,6,7\n", Options{}, "Unnamed: 0 Unnamed: 1 b",
			[]string{"[1 2 3]", "[5 6 7]"}, ""},
		{"a column without a name by its name", "a,,b\n1,2,3\n5,6,7\n", Options{Columns: []string{"Unnamed: 1"}}, "Unnamed: 1",
			[]string{"[2]", "[6]"}, ""},
		{"yes", "5,6\n7,8\n", Options{Header: HeaderYes}, "5 6", []string{"[7 8]"}, ""},
		{"no", "0,1,2\n.5,.5,.5\n", Options{Header: HeaderNo}, "", []string{"[0 1 2]", "[0.5 0.5 0.5]"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, err := inspectText(c.data, "f.csv", c.o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := checkCuts(t, src, len(c.data), manySizes(len(c.data))...)
			if err != nil {
				t.Fatal(err)
			}
			var rows []string
			for _, r := range got {
				rows = append(rows, r.Row)
			}
			if names := strings.Join(src.Columns(), " "); names != c.names || !reflect.DeepEqual(rows, c.rows) {
				t.Errorf("%q: %q\nwant %q: %q", names, rows, c.names, c.rows)
			}
			notes := strings.Join(src.(*csvSource).notes, "\n")
			if (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
				t.Errorf("notes %q, not %q", notes, c.note)
			}
		})
	}
	wantFault(t, "f.csv", "a,\xe9\n1,2\n", Options{},
		`f.csv, column 1: found "\xe9" in the header, expected text in UTF-8: for another, --encoding=latin-1, windows-1252 or utf-16`)
}

// However long rows are, the first is judged by the next.
func TestHeaderOfLongRows(t *testing.T) {
	const columns = 30_000
	header := "x" + strings.Repeat(",7", columns)
	data := header + "\n" + strings.ReplaceAll(header, "x", "9") + "\n"
	src, err := inspectText(data, "f.csv", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := readText(src, 1<<20, 10); err != nil || len(rows) != 1 || src.Columns()[0] != "x" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// A comma that is within numbers stands between fields, too, where quotes tell which it is, and only there.
func TestCommaOfBothKinds(t *testing.T) {
	for data, want := range map[string]string{
		"a,b\n\"1,5\",\"2,5\"\n\"3,5\",\"4,5\"\n": "a b: [{0 [1.5 2.5]} {1 [3.5 4.5]}]",
		"7,5\n1,5\n2,5\n":                         ": [{0 [7.5]} {1 [1.5]} {2 [2.5]}]",
	} {
		src, err := inspectText(data, "f.csv", Options{Decimal: ","})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := readText(src, 1<<20, 10)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s: %v", strings.Join(src.Columns(), " "), rows); got != want {
			t.Errorf("%q is read as %s, want %s", data, got, want)
		}
	}
}
