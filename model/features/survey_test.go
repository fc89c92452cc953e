package features

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// cells is a column of a text file.
func cells(name string, all ...string) tables.Column {
	c := tables.Column{Field: tables.Field{Name: name, Type: tables.Cell}}
	for _, s := range all {
		c.AppendText([]byte(s))
	}
	return c
}

func textsOf(name string, all ...string) tables.Column {
	c := cells(name, all...)
	c.Type = tables.Text
	return c
}

func numbersOf(name string, all ...float64) tables.Column {
	return tables.Column{Field: tables.Field{Name: name}, Numbers: all}
}

func table(columns ...tables.Column) *tables.Table { return &tables.Table{Columns: columns} }

// encodingOf surveys a table, and makes the second pass if there is one.
func encodingOf(t testing.TB, o Options, all ...*tables.Table) *Encoding {
	t.Helper()
	s, err := NewSurvey(all[0].Fields(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, tab := range all {
		if err := s.Add(tab); err != nil {
			t.Fatal(err)
		}
	}
	e, err := s.Encoding()
	if err != nil {
		t.Fatal(err)
	}
	if _, more := e.Pass(); more {
		n, err := e.NewCounts(all[0].Fields())
		if err != nil {
			t.Fatal(err)
		}
		for _, tab := range all {
			if err := n.Add(tab); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Finish(n); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// encoded is all rows of a table, sparse, which dense ones equal, and the encoder.
func encoded(t testing.TB, e *Encoding, tab *tables.Table) (*vectors.Block, *Encoder) {
	t.Helper()
	enc, err := e.Encoder(tab.Fields())
	if err != nil {
		t.Fatal(err)
	}
	sparse := vectorsFor(e)
	for i := range tab.Len() {
		if err := enc.Encode(sparse, tab, i, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	const mostDense = 5000
	if e.Dim() > mostDense {
		return sparse, enc
	}
	var unseen Unseen
	unseen.Add(enc.unseen)
	dense, x, y := &vectors.Block{Dim: e.Dim()}, make([]float64, e.Dim()), make([]float64, e.Dim())
	for i := range tab.Len() {
		if err := enc.Encode(dense, tab, i, int64(i)); err != nil {
			t.Fatal(err)
		}
		if x, y := dense.Row(i, x), sparse.Row(i, y); !slices.Equal(x, y) {
			t.Fatalf("row %d is %v as a dense one, and %v as a sparse one", i, x, y)
		}
	}
	enc.unseen = unseen
	return sparse, enc
}

// Each kind is found by what is in the cells, and says so.
func TestKinds(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	long := strings.Repeat("x", 2000)
	words := make([]string, 6)
	for i := range words {
		words[i] = fmt.Sprintf("the word number %d here", i)
	}
	for _, c := range []struct {
		column tables.Column
		kind   Kind
		why    string
	}{
		{cells("x", "1", "2.5", " 3 ", "", "NA", "-1e3"), Numeric,
			"numbers from -1000 to 3; 2 of 6 missing: the mean -248.38 instead, and a feature that says so"},
		{cells("x", "00560", "10115", " 01067 ", "0.5", "0", "7"), Numeric,
			"numbers from 0 to 10115; 2 cells with zeros in front, as codes have: a categorical column would keep them"},
		{cells("x", "true", "False", "TRUE", "?", "1", "0"), Boolean,
			"2 true, 1 false, and 2 0 or 1s; 1 of 6 missing: the mean 0.6 instead, and a feature that says so"},
		{cells("x", "true", "False", "7", "7", "7", "7"), Categorical, "3 distinct values"},
		{cells("x", "NA", "US", "NA", "", "DE", "DE"), Categorical,
			"3 distinct values; 1 of 6 missing, which is a category too"},
		{cells("x", "NA", "null", "", "None", "?", "nan"), LeftOut, "all missing"},
		{cells("x", "5", "5", "5", "5", "5.0", "5"), LeftOut, "constant: 5"},
		{cells("x", "a", "a", "a", "a", "a", "a"), LeftOut, `constant: "a"`},
		{cells("x", "5", "5", "5", "5", "", "5"), Numeric,
			"numbers from 5 to 5; 1 of 6 missing: the mean 5 instead, and a feature that says so"},
		{cells("x", "2013-01-01", "2013-01-01T05:00:00Z", "2013-02-28 23:00", "", "2013-03-01", "2013-03-01"), Date,
			"days from 2013-01-01 to 2013-03-01: month, dayofweek, hour, days; 1 of 6 missing: the mean instead, and a " +
				"feature that says so"},
		{cells("x", "2013-01-01", "2013-02-30", "2013-01-01", "2013-01-01", "2013-01-01", "2013-01-01"), Categorical,
			`2 distinct values; 5 are dates, but not 1 cell, as "2013-02-30": as a date column, it would be refused`},
		{cells("x", words...), Text, "texts of 5 words in the median, hashed into 64 features"},
		{cells("x", "a b c d", "a b c d", "a b c d", "a b c d", "e f g h", "e f g h"), Categorical, "2 distinct values"},
		{cells("x", long, "a", "a", "a", "a", "a"), Hashed,
			"2 distinct values, some of more than 1,024 bytes, hashed into 32 features"},
		{textsOf("x", "1", "2", "3", "4", "5", "a"), Categorical,
			`6 distinct values; 5 are numbers, but not 1 cell, as "a": as a numeric column, it would be refused`},
		{textsOf("x", "1", "2", "3", "4", "5", "5"), Categorical,
			"5 distinct values; all look like numbers: as a numeric column, they would be"},
		{cells("x", "1", "2", "3", "4", "none", "5"), Categorical,
			`6 distinct values; 5 are numbers, but not 1 cell, as "none": as a numeric column, it would be refused`},
		{cells("x", "31/12/2013", "1/1/2013", "1/2/2013", "1/2/2013", "1/2/2013", ""), Categorical,
			`3 distinct values; 1 of 6 missing, which is a category too; is "1/1/2013" a date? A date format says how they are written`},
		{cells("x", "$1,200", "$12.50", "$7", "$7", "$7", "$7"), Categorical,
			`3 distinct values; is "$1,200" a number? Without signs and commas it would be one`},
		{cells("x", "(1_200)", "−5", "−7", "−7", "−7", "−7"), Categorical,
			`3 distinct values; is "(1_200)" a number? Without signs and commas it would be one`},
		{cells("x", "3-4", "10.0.0.1", "1-800-555", "x", "x", "x"), Categorical, "4 distinct values"},
		{numbersOf("x", 1, 2, nan, 4, 5, 6), Numeric,
			"numbers from 1 to 6; 1 of 6 missing: the mean 3.6 instead, and a feature that says so"},
		{numbersOf("x", nan, nan, nan, nan, nan, nan), LeftOut, "all missing"},
		{tables.Column{Field: tables.Field{Name: "x", Type: tables.Time}, Times: []int64{0, 1, 2, tables.NoTime, 4, 3600e6}},
			Date, "days from 1970-01-01 to 1970-01-01: hour; 1 of 6 missing: the mean instead, and a feature that says so"},
		{tables.Column{Field: tables.Field{Name: "x", Type: tables.List, Width: 2},
			Numbers: []float64{1, 2, nan, nan, 3, 4, 5, 6, 7, 8, 9, 10}}, List,
			"lists of 2 numbers; 1 of 6 missing: the mean instead, and a feature that says so"},
	} {
		e := encodingOf(t, Options{}, table(c.column, cells("y", "1", "2", "3", "4", "5", "6")))
		if got := e.Columns()[0]; got.Kind != c.kind || got.Why != c.why {
			t.Errorf("%q: %s: %s\nwant %s: %s", c.column.Bytes[:min(len(c.column.Bytes), 40)], got.Kind, got.Why, c.kind, c.why)
		}
	}
}

// Columns are what they are whatever type a file gives them, and in whatever part of the rows.
func TestTypesDoNotMatter(t *testing.T) {
	t.Parallel()
	typed, text := randomTable(rand.New(rand.NewPCG(8, 9)), 200), tables.New(nil)
	for i := range typed.Columns {
		c := &typed.Columns[i]
		as := tables.Column{Field: tables.Field{Name: c.Name, Type: tables.Cell}}
		for row := range c.Len() {
			switch c.Type {
			case tables.Number:
				v := c.Numbers[row]
				as.AppendText([]byte(map[bool]string{true: []string{"NA", "", "nan"}[row%3], false: fmt.Sprint(v)}[v != v]))
			case tables.Bool:
				as.AppendText([]byte(map[float64]string{0: []string{"False", "false"}[row%2], 1: "TRUE"}[c.Numbers[row]]))
			case tables.Time:
				if c.Times[row] == tables.NoTime {
					as.AppendMissing()
				} else {
					as.AppendText(time.UnixMicro(c.Times[row]).UTC().AppendFormat(nil, "2006-01-02 15:04:05.000000Z07:00"))
				}
			case tables.Text, tables.Cell:
				as.AppendText(c.Text(row))
			}
		}
		if c.Type == tables.List {
			as = *c
		}
		text.Columns = append(text.Columns, as)
	}
	mixed := tables.New(nil)
	for i := range typed.Columns {
		mixed.Columns = append(mixed.Columns, [...]*tables.Table{typed, text}[i%2].Columns[i])
	}
	for _, o := range []Options{{Standardize: true, HashBits: 8, MaxCategories: 50},
		{Impute: ImputeMedian, Categorical: []string{"hour"}, HashBits: 8, MaxCategories: 50},
		{Categorical: []string{"hour"}, MaxCategories: 10}} {
		e := encodingOf(t, o, typed, text)
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]*tables.Table{{typed, typed}, {text, text}, {mixed, mixed}, {mixed, typed}} {
			got, err := json.Marshal(encodingOf(t, o, pair[0], pair[1]))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s\nwant %s", got, want)
			}
		}
		a, _ := encoded(t, e, typed)
		for _, tab := range []*tables.Table{text, mixed} {
			if b, _ := encoded(t, e, tab); !reflect.DeepEqual(a.Sparse, b.Sparse) {
				t.Error("rows of other types are encoded otherwise")
			}
		}
	}
}

// Unknown categories are counted, for each column; so are cells of all kinds that are missing where none was.
func TestUnseen(t *testing.T) {
	t.Parallel()
	e := encodingOf(t, Options{Categorical: []string{"n"}, MaxCategories: 3},
		table(cells("c", "a", "b", "a"), cells("n", "1", "2", ""), cells("h", "p", "q", "r"), cells("m", "x", "", "")))
	_, enc := encoded(t, e, table(cells("c", "z", "b", ""), cells("n", "1.0", "x", "3"), cells("h", "s", "t", "u"),
		cells("m", "x", "", "y")))
	if want := (Unseen{[]int64{1, 2, 3, 1}, []int64{1, 0, 0, 0}}); !reflect.DeepEqual(enc.Unseen(), want) {
		t.Errorf("%d are unseen, want %d", enc.Unseen(), want)
	}
	text := "four words or more "
	whole := table(cells("number", "1", "2", "3"), cells("boolean", "true", "false", "true"),
		cells("date", "2026-01-01", "2026-02-03", "2026-03-05"), cells("hashed", "a", "b", "c"),
		cells("text", text+"a", text+"b", text+"c"))
	gaps := table(cells("number", "", "NA", "3"), cells("boolean", "true", "", "true"),
		cells("date", "", "", ""), cells("hashed", "a", " ", "d"), cells("text", "", text, text))
	e = encodingOf(t, Options{Text: []string{"text"}, Categorical: []string{"hashed"}, MaxCategories: 2}, whole)
	_, enc = encoded(t, e, gaps)
	if want := (Unseen{make([]int64, 5), []int64{2, 1, 3, 1, 1}}); !reflect.DeepEqual(enc.Unseen(), want) {
		t.Errorf("%d are unseen, want %d; %s", enc.Unseen(), want, e.Lines())
	}
	// Where some were missing, a feature says so.
	if _, enc = encoded(t, encodingOf(t, e.options, gaps), gaps); !reflect.DeepEqual(enc.Unseen(), newUnseen(5)) {
		t.Errorf("%d are unseen of the rows of the encoding", enc.Unseen())
	}
}

// Codes that begin with a 0 are texts: 01 is not 1. Numbers that do not are numbers, however they are written.
func TestCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cells, want []string }{
		{[]string{"01", "1", "01", "2"}, []string{"01", "1", "2"}},
		{[]string{"1.0", "1", "0", "0.5", "2"}, []string{"0", "0.5", "1", "2"}},
	} {
		e := encodingOf(t, Options{Categorical: []string{"zip"}}, table(cells("zip", c.cells...)))
		if got := e.Columns()[0].Categories; !slices.Equal(got, c.want) {
			t.Errorf("%q has the categories %q, want %q", c.cells, got, c.want)
		}
		rows, enc := encoded(t, e, table(cells("zip", c.cells...)))
		if rows.Len() != len(c.cells) || enc.Unseen().Unknown[0] != 0 {
			t.Errorf("%d rows, unknown %d", rows.Len(), enc.Unseen())
		}
	}
}

// Products that are more than the features for them are those of more features, added up by a signed hash.
func TestHashedProducts(t *testing.T) {
	t.Parallel()
	all := randomTable(rand.New(rand.NewPCG(8, 9)), 100)
	tab := tables.New(nil)
	for _, c := range all.Columns {
		if c.Name == "category" || c.Name == "hour" || c.Name == "date" {
			tab.Columns = append(tab.Columns, c)
		}
	}
	o := Options{HashBits: 10, Interactions: []string{"category*hour*date"}}
	exact := encodingOf(t, o, tab)
	a, _ := encoded(t, exact, tab)
	const bits = 4
	o.HashBits = bits
	hashed := encodingOf(t, o, tab)
	b, _ := encoded(t, hashed, tab)
	x, y := exact.interactions[0], hashed.interactions[0]
	if x.hashed || !y.hashed || x.first != y.first || y.width != 1<<bits || len(exact.Names()) != exact.Dim() ||
		len(hashed.Names()) != hashed.Dim() {
		t.Fatalf("%+v, %+v", x, y)
	}
	met := 0
	for i := range tab.Len() {
		want, got := make([]float64, hashed.Dim()), b.Row(i, make([]float64, hashed.Dim()))
		features, values := a.Sparse.Row(i)
		for k, j := range features {
			if int(j) < x.first {
				want[j] = values[k]
				continue
			}
			feature, sign := place(binary.LittleEndian.AppendUint64(nil, uint64(int(j)-x.first)), bits)
			if want[y.first+feature] != 0 {
				met++
			}
			want[y.first+feature] += sign * values[k]
		}
		for j := range want {
			if !(math.Abs(got[j]-want[j]) <= 1e-9*math.Abs(want[j])) {
				t.Errorf("row %d, feature %d: %v, want %v", i, j, got[j], want[j])
			}
		}
	}
	if met == 0 {
		t.Error("no two products met")
	}
}

// randomTable has columns of all kinds, in which much is missing.
func randomTable(rng *rand.Rand, rows int) *tables.Table {
	t := tables.New([]tables.Field{{Name: "number"}, {Name: "cell", Type: tables.Cell},
		{Name: "category", Type: tables.Text}, {Name: "id", Type: tables.Text},
		{Name: "when", Type: tables.Time}, {Name: "date", Type: tables.Cell}, {Name: "yes", Type: tables.Bool},
		{Name: "words", Type: tables.Text}, {Name: "list", Type: tables.List, Width: 2},
		{Name: "hour"}})
	for range rows {
		for i := range t.Columns {
			c := &t.Columns[i]
			if rng.IntN(10) == 0 {
				c.AppendMissing()
				continue
			}
			switch c.Name {
			case "number":
				c.Numbers = append(c.Numbers, rng.NormFloat64()*math.Exp(10*rng.NormFloat64()))
			case "hour":
				c.Numbers = append(c.Numbers, float64(rng.IntN(24)))
			case "cell":
				c.AppendText(fmt.Appendf(nil, "%v", rng.NormFloat64()))
			case "category":
				c.AppendText(fmt.Appendf(nil, "c%d", rng.IntN(20)))
			case "id":
				c.AppendText(fmt.Appendf(nil, "N%d", rng.IntN(1e6)))
			case "when":
				c.Times = append(c.Times, rng.Int64N(1e15)-5e14)
			case "date":
				c.AppendText(fmt.Appendf(nil, "20%02d-%02d-%02dT%02d:00:00+02:00", rng.IntN(20), 1+rng.IntN(12), 1+rng.IntN(28),
					rng.IntN(24)))
			case "yes":
				c.Numbers = append(c.Numbers, float64(rng.IntN(2)))
			case "words":
				c.AppendText(fmt.Appendf(nil, "Some Words number %d of %d", rng.IntN(1000), rng.IntN(1000)))
			case "list":
				c.Numbers = append(c.Numbers, rng.NormFloat64(), rng.Float64())
			}
		}
	}
	return t
}

// The names of hashes are their places; those that another column has are told apart, as all are.
func TestNamesOfHashes(t *testing.T) {
	t.Parallel()
	o := Options{HashBits: 2, Text: []string{"a", "b#1"}}
	for name, c := range map[string]struct {
		others []string
		want   []string
	}{
		"none alike": {[]string{"x", "x#0", "a#"}, []string{"a#0", "a#1", "a#2", "a#3", "b#1#0", "b#1#1", "b#1#2",
			"b#1#3", "x", "x#0", "a#"}},
		"a column is alike": {[]string{"a#1"}, []string{"a#0", "a#1", "a#2", "a#3", "b#1#0", "b#1#1", "b#1#2", "b#1#3",
			"a#1 (2)"}},
	} {
		tab := table(textsOf("a", "one two", "three"), textsOf("b#1", "one", "two"))
		for _, x := range c.others {
			tab.Columns = append(tab.Columns, numbersOf(x, 1, 2))
		}
		e := encodingOf(t, o, tab)
		for range 2 {
			if got := e.Names(); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
	}
}

// A survey, and the second look, are the same bytes whatever the order and the groups of the rows, with its encoding
// between merges.
func TestMergeInAnyOrder(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	parts := make([]*tables.Table, 20)
	for i := range parts {
		parts[i] = randomTable(rng, 1+rng.IntN(30))
	}
	for _, o := range []Options{
		{Standardize: true, TFIDF: true, MaxCategories: 100, HashBits: 8,
			Interactions: []string{"category*yes", "number*hour", "id*words", "category*when_month"},
			Splines:      []string{"hour:5", "when_hour:4"}},
		{Impute: ImputeMedian, Categorical: []string{"hour"}, MinFrequency: 50},
	} {
		whole, err := NewSurvey(parts[0].Fields(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			if err := whole.Add(p); err != nil {
				t.Fatal(err)
			}
		}
		want, err := whole.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		e, err := whole.Encoding()
		if err != nil {
			t.Fatal(err)
		}
		wantEncoding, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			surveys := make([]*Survey, len(parts))
			for i, p := range parts {
				if surveys[i], err = NewSurvey(p.Fields(), o); err != nil {
					t.Fatal(err)
				}
				if err := surveys[i].Add(p); err != nil {
					t.Fatal(err)
				}
			}
			for len(surveys) > 1 {
				i := rng.IntN(len(surveys))
				s := surveys[i]
				surveys = slices.Delete(surveys, i, i+1)
				b, err := s.MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				var copied Survey
				if err := copied.UnmarshalBinary(b); err != nil {
					t.Fatal(err)
				}
				if err := surveys[rng.IntN(len(surveys))].Merge(&copied); err != nil {
					t.Fatal(err)
				}
			}
			got, err := surveys[0].MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatal("a merged survey is not that of all rows")
			}
			again, err := surveys[0].Encoding()
			if err != nil {
				t.Fatal(err)
			}
			if b, err := json.Marshal(again); err != nil || !bytes.Equal(b, wantEncoding) {
				t.Fatalf("the encoding of a merged survey is not that of all rows: %v", err)
			}
		}
		mergeCounts(t, e, parts)
	}
}

// Numbers that are infinite are counted wherever they stand, and a column of lists does not merge with one of single
// values.
func TestMergeOfOddParts(t *testing.T) {
	t.Parallel()
	inf := math.Inf(1)
	parts := []*tables.Table{table(numbersOf("n", 1, inf, 3, inf)), table(numbersOf("n", -inf, 0, 2))}
	survey := func(all ...*tables.Table) *Survey {
		s, err := NewSurvey(all[0].Fields(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range all {
			if err := s.Add(part); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	all, merged := survey(parts...), survey(parts[0])
	if err := merged.Merge(survey(parts[1])); err != nil {
		t.Fatal(err)
	}
	want, err := all.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := merged.MarshalBinary(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("a survey that was merged has other bytes: %v", err)
	}
	lists := tables.Column{Field: tables.Field{Name: "n", Type: tables.List, Width: 1}, Numbers: []float64{1, 2}}
	if err := survey(parts[0]).Merge(survey(table(lists))); err == nil || !strings.Contains(err.Error(),
		`column "n": holds lists in one file, and single values in another`) {
		t.Errorf("lists: %v", err)
	}
}

// A number that the block cannot store is a fault that names its column.
func TestEncodeOutOfRange(t *testing.T) {
	t.Parallel()
	tab := table(textsOf("k", "x", "y", "x"), numbersOf("a", 1, 2, 3), numbersOf("b", 1, 2, 3), numbersOf("c", 5, 6, 8))
	e := encodingOf(t, Options{}, tab)
	for _, name := range []string{"a", "b", "c"} {
		columns := slices.Clone(tab.Columns)
		for i := range columns {
			if columns[i].Name == name {
				columns[i] = numbersOf(name, 1, 1e300, 3)
			}
		}
		bad := table(columns...)
		enc, err := e.Encoder(bad.Fields())
		if err != nil {
			t.Fatal(err)
		}
		single := vectorsFor(e)
		single.DType = vectors.Float32
		err = enc.Encode(single, bad, 1, 7)
		if want := fmt.Sprintf(": row 7, column %s: found 1e+300, expected what float32 can store", name); err == nil ||
			err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// mergeCounts makes the second look of all parts in one, and of each, merged, and compares.
func mergeCounts(t *testing.T, e *Encoding, parts []*tables.Table) {
	t.Helper()
	if _, more := e.Pass(); !more {
		return
	}
	if _, err := e.Encoder(parts[0].Fields()); err == nil {
		t.Error("an encoder before the second look")
	}
	all, err := e.NewCounts(parts[0].Fields())
	if err != nil {
		t.Fatal(err)
	}
	merged, err := e.NewCounts(parts[0].Fields())
	if err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		one, err := e.NewCounts(parts[0].Fields())
		if err != nil {
			t.Fatal(err)
		}
		if err := all.Add(parts[i]); err != nil {
			t.Fatal(err)
		}
		if err := one.Add(parts[len(parts)-1-i]); err != nil {
			t.Fatal(err)
		}
		b, err := one.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		read, err := e.NewCounts(parts[0].Fields())
		if err != nil {
			t.Fatal(err)
		}
		if err := read.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if err := merged.Merge(read); err != nil {
			t.Fatal(err)
		}
	}
	want, err := all.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	got, err := merged.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("merged counts are not those of all rows")
	}
	if err := e.Finish(merged); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encoder(parts[0].Fields()); err != nil {
		t.Error(err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var read Encoding
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	x, _ := encoded(t, e, parts[0])
	y, _ := encoded(t, &read, parts[0])
	if !reflect.DeepEqual(x.Sparse, y.Sparse) {
		t.Error("an encoding that was written and read encodes otherwise")
	}
}

// Faults and errors are one line, which names the column.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o      Options
		tables []*tables.Table
		want   string
	}{
		{Options{}, []*tables.Table{table(cells("x", "", "NA"), cells("y", "a", "a"))},
			`no column has features: x: left out: all missing; y: left out: constant: "a"`},
		{Options{}, []*tables.Table{table(cells("x"))}, "a table without rows has no features"},
		{Options{Numeric: []string{"z*"}}, []*tables.Table{table(cells("x", "1"), cells("y", "1"))},
			`numeric: no column "z*": there are x, y`},
		{Options{Numeric: []string{"x"}, Text: []string{"0-1"}}, []*tables.Table{table(cells("x", "1"), cells("y", "1"))},
			`column "x" is to be both numeric and text: it must be of one kind`},
		{Options{Numeric: []string{"x"}}, []*tables.Table{table(cells("x", "b", "a"))},
			`column "x": found no number among 2 cells, but text, as "a", expected what can be numeric, as asked`},
		{Options{Text: []string{"x"}}, []*tables.Table{table(numbersOf("x", 1, 2))},
			`column "x": found numbers, expected what can be text, as asked`},
		{Options{Date: []string{"x"}}, []*tables.Table{table(cells("x", "b", "a"))},
			`column "x": found no date among 2 cells, but text, as "a", expected what can be date, as asked`},
		{Options{Splines: []string{"x:4"}}, []*tables.Table{table(cells("x", "b", "a"))},
			`column "x": found categorical (2 distinct values), expected a numeric one, or a part of a date, for splines`},
		{Options{Interactions: []string{"x*y"}}, []*tables.Table{table(cells("x", "b", "a"), cells("y", "1", "1"))},
			`interactions "x*y": the column "y" is left out: constant: 1`},
		{Options{Splines: []string{"x_year:4"}}, []*tables.Table{table(cells("x", "2013-01-01", "2013-02-01"))},
			`splines "x_year": it has one value, expected more`},
		{Options{Interactions: []string{"x_year*x"}}, []*tables.Table{table(cells("x", "2013-01-01", "2013-02-01"))},
			`interactions "x_year*x": the column "x" has no year: date: days from 2013-01-01 to 2013-02-01: month, dayofweek, days`},
		{Options{Interactions: []string{"x*z"}}, []*tables.Table{table(cells("x", "b", "a"))},
			`interactions: no column "z": there are x`},
		{Options{}, []*tables.Table{table(cells("x", "b", "a")), table(numbersOf("x", 1))},
			`column "x": found numbers in one file and text, as "a" in another, expected cells of one kind`},
		{Options{}, []*tables.Table{table(cells("x", "b"), cells("x", "b"))},
			`two columns have the name "x": each must have one of its own`},
		{Options{Impute: "x", HashBits: 40}, []*tables.Table{table(cells("x", "b"))},
			"hash_bits 40: must be from 1 to 24, or 0 for as many as fit\nimpute \"x\": must be mean, median, constant or none"},
	} {
		s, err := NewSurvey(c.tables[0].Fields(), c.o)
		for _, tab := range c.tables {
			if err == nil {
				err = s.Add(tab)
			}
		}
		if err == nil {
			_, err = s.Encoding()
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestEncodeFaults(t *testing.T) {
	t.Parallel()
	learned := table(cells("n", "1", "2", ""), cells("b", "true", "false", ""), cells("d", "2013-01-01", "2014-01-01", ""),
		cells("c", "x", "y", ""))
	e := encodingOf(t, Options{}, learned)
	for _, c := range []struct {
		n, b, d string
		want    string
	}{
		{"one", "true", "2013-01-01", `: row 7, column n: found "one", expected a number`},
		{"inf", "true", "2013-01-01", `: row 7, column n: found +Inf, expected a finite number`},
		{"1", "2", "2013-01-01", `: row 7, column b: found 2, expected true or false`},
		{"1", "yes", "2013-01-01", `: row 7, column b: found "yes", expected true or false`},
		{"1", "1", "2013-13-01", `: row 7, column d: found "2013-13-01", expected a date`},
	} {
		tab := table(cells("d", c.d), cells("c", "z"), cells("n", c.n), cells("b", c.b))
		enc, err := e.Encoder(tab.Fields())
		if err != nil {
			t.Fatal(err)
		}
		b := &vectors.Block{Dim: e.Dim()}
		err = enc.Encode(b, tab, 0, 7)
		if _, ok := fault.IsRow(err); !ok || err.Error() != c.want || b.Len() != 0 {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
	if _, err := e.Encoder([]tables.Field{{Name: "n"}, {Name: "x"}}); err == nil ||
		err.Error() != `no column "b": there are n, x; the model needs n, b, d, c` {
		t.Error(err)
	}
	if _, err := e.Encoder([]tables.Field{{Name: "n"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}); err == nil ||
		err.Error() != `column "d": found a number, expected date, as the model has learned` {
		t.Error(err)
	}
	none := encodingOf(t, Options{Impute: ImputeNone}, learned)
	enc, err := none.Encoder(learned.Fields())
	if err != nil {
		t.Fatal(err)
	}
	err = enc.Encode(&vectors.Block{Dim: none.Dim()}, learned, 2, 2)
	if err == nil || err.Error() != ": row 2, column n: found nothing, expected a number" {
		t.Error(err)
	}
}

// vectorsFor is an empty block for the rows of an encoding.
func vectorsFor(e *Encoding) *vectors.Block {
	return &vectors.Block{Dim: e.Dim(), Sparse: &vectors.CSR{}}
}
