package vectorio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
)

// pieces gives a text piece by piece, each after everything before it has been taken.
type pieces struct {
	left []string
	wait time.Duration // before each but the first
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	time.Sleep(p.wait)
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

// streamed are the rows of a stream, each as a text, and what is told of those at fault.
func streamed(t *testing.T, r io.Reader, o Options) (rows, rejected []string, err error) {
	t.Helper()
	o.EnsureDefaults()
	s := NewStream(r, "standard input")
	defer s.Close()
	ctx := context.Background()
	err = s.Inspect(ctx, &o, func(pattern string) (*Dataset, error) { return Inspect(ctx, []string{pattern}, o) })
	if err != nil {
		return nil, nil, err
	}
	err = s.Each(ctx, &o, func(_ Chunk, b Batch) error {
		for _, f := range b.Rejected {
			rejected = append(rejected, f.Error())
		}
		rows = append(rows, shown(b.Rows)...)
		return nil
	}, func() error { return nil })
	return rows, rejected, err
}

func shown(b *vectors.Block) (rows []string) {
	row := make([]float64, b.Dim)
	for i := range b.Len() {
		rows = append(rows, fmt.Sprint(b.Numbers[i], b.ID(i), b.Row(i, row)))
	}
	return rows
}

// TestStreamCuts reads texts that come in two pieces, cut anywhere: the rows are the same.
func TestStreamCuts(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup // which mostly sleep
	for _, c := range []struct {
		name, text string
		o          formats.Options
		want       []string
	}{
		{"csv", "id,a,b\r\n\"x\ny\",1,2\r\n\r\nz,3,4", formats.Options{Format: "csv", IDColumn: "id"},
			[]string{"0 x\ny [1 2]", "1 z [3 4]"}},
		{"marked", "\xef\xbb\xbfa;b\n1,5;2\n3;4\n", formats.Options{Format: "csv", Decimal: ",", Delimiter: ";"},
			[]string{"0 0 [1.5 2]", "1 1 [3 4]"}},
		{"no header", "1,2\n3,4\n", formats.Options{Format: "csv", Header: formats.HeaderNo},
			[]string{"0 0 [1 2]", "1 1 [3 4]"}},
		{"comments", "# of rows\na,b\n# and more\n1,2\n", formats.Options{Format: "csv", Comment: "#"},
			[]string{"0 0 [1 2]"}},
		{"skip", "title\n\na,b\n1,2\n", formats.Options{Format: "csv", SkipRows: 2}, []string{"0 0 [1 2]"}},
		{"jsonl", "\n{\"a\":1,\"b\":2}\n\n{\"b\":4,\"a\":3}", formats.Options{Format: "jsonl"},
			[]string{"0 0 [1 2]", "1 1 [3 4]"}},
	} {
		for cut := range len(c.text) {
			all.Go(func() {
				rows, _, err := streamed(t, &pieces{left: []string{c.text[:cut], c.text[cut:]}, wait: 2 * streamQuiet},
					Options{Formats: c.o})
				if err != nil || !slices.Equal(rows, c.want) {
					t.Errorf("%s: %q and %q: %q, %v", c.name, c.text[:cut], c.text[cut:], rows, err)
				}
			})
		}
	}
	all.Wait()
}

// TestStreamLong reads more than is in memory at a time.
func TestStreamLong(t *testing.T) {
	t.Parallel()
	const n = 100_000
	var text strings.Builder
	text.WriteString("a,b\n")
	for i := range n {
		fmt.Fprintf(&text, "%d,\"%d\"\n", i, 2*i)
	}
	rows, _, err := streamed(t, strings.NewReader(text.String()), Options{Formats: formats.Options{Format: "csv"}})
	if err != nil || len(rows) != n {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows {
		if want := fmt.Sprintf("%d %d [%d %d]", i, i, i, 2*i); row != want {
			t.Fatalf("row %d: %s", i, row)
		}
	}
}

func TestStreamFaults(t *testing.T) {
	t.Parallel()
	const text = "a,b\n1,2\n3,x\n5,6\n7\n"
	o := Options{Formats: formats.Options{Format: "csv"}}
	rows, _, err := streamed(t, strings.NewReader(text), o)
	const first = `standard input: row 1, column b: found "x", expected a number`
	if !slices.Equal(rows, []string{"0 0 [1 2]"}) || err == nil || err.Error() != first {
		t.Errorf("%q, %v", rows, err)
	}
	sparse := Options{Formats: formats.Options{Format: "csv", Sparse: true}}
	if rows, _, err := streamed(t, strings.NewReader("a,b\nx,2\n3,4\n"), sparse); len(rows) > 0 || err == nil ||
		err.Error() != `standard input: row 0, column a: found "x", expected a number` {
		t.Errorf("the first of sparse rows: %q, %v", rows, err)
	}
	o.SkipFaults = true
	rows, rejected, err := streamed(t, strings.NewReader(text), o)
	if want := []string{"0 0 [1 2]", "2 2 [5 6]"}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("%q, %v", rows, err)
	}
	if want := []string{first, "standard input: row 3: found 1 fields, expected 2"}; !slices.Equal(rejected, want) {
		t.Errorf("%q", rejected)
	}
	for _, c := range []struct {
		text, want string
		rows       int
	}{
		{"", "standard input: found an empty file, expected csv data", 0},
		{"a,b\n", "standard input: found a header and no rows, expected rows of data", 0},
		{"a,b\n1,2\n3,\"4\n5,6\n", "standard input: found a quote that opens in row 1, and then the end of the file, " +
			"expected the quote that closes it, or --quoting=none", 0},
		{"\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00",
			"standard input: found UTF-16: --encoding=utf-16 reads it to its end first, " +
				"expected text in UTF-8 or of a byte a character, to be read as it comes", 0},
		{"PAR1\n\n\nabc\n", "standard input: found a Parquet file: --input_format=parquet, expected text", 0},
	} {
		// The end comes later, so that what is there is looked at first.
		rows, _, err := streamed(t, &pieces{left: []string{c.text, ""}, wait: 2 * streamQuiet},
			Options{Formats: formats.Options{Format: "csv"}})
		if err == nil || err.Error() != c.want || len(rows) != c.rows {
			t.Errorf("%q: %q, %v", c.text, rows, err)
		}
	}
}

// Where rows at fault are left out, the first of .jsonl may lack a key, though nothing comes for a while after it.
func TestStreamFirstLacksKey(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this waits for a stream that pauses")
	}
	t.Parallel()
	o := Options{Formats: formats.Options{Format: "jsonl", IDColumn: "id", Columns: []string{"x", "y"}}}
	const rest = `{"id":"b","x":1,"y":3}` + "\n" + `{"id":"c","x":4,"y":5}` + "\n"
	for _, first := range []string{`{"x":1,"y":2}`, `{"id":"a","x":1}`} {
		for _, skip := range []bool{false, true} {
			o.SkipFaults = skip
			rows, rejected, err := streamed(t, &pieces{left: []string{first + "\n", rest}, wait: 5 * streamQuiet}, o)
			switch {
			case !skip && (err == nil || len(rows) > 0):
				t.Errorf("%s: %q, %v, though faults end it", first, rows, err)
			case skip && (err != nil || len(rejected) != 1 || !slices.Equal(rows, []string{"1 b [1 3]", "2 c [4 5]"})):
				t.Errorf("%s: %q, without %q, %v", first, rows, rejected, err)
			}
		}
	}
	// A column that none of many rows has is missing.
	o.SkipFaults = true
	lacking := strings.Repeat(`{"id":"a","x":1}`+"\n", streamTries)
	if _, _, err := streamed(t, &pieces{left: []string{"", lacking, rest}, wait: 5 * streamQuiet}, o); err == nil ||
		!strings.Contains(err.Error(), `expected a column "y"`) {
		t.Errorf("no row has the column: %v", err)
	}
}

// errReader fails after a text.
type errReader struct{ io.Reader }

func (r errReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err == io.EOF {
		err = errors.New("a broken disk")
	}
	return n, err
}

func TestStreamReader(t *testing.T) {
	t.Parallel()
	_, _, err := streamed(t, errReader{strings.NewReader("a,b\n1,2\n")}, Options{Formats: formats.Options{Format: "csv"}})
	if err == nil || err.Error() != "standard input: a broken disk" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	defer w.Close()
	s := NewStream(r, "standard input")
	defer s.Close()
	cancel()
	if _, err := s.Format(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if fault.IsEarly(err) {
		t.Error("an error of reading is no early end")
	}
}
