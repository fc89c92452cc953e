package formats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// textData is a File in memory.
type textData struct {
	name string
	data string
	size int64                      // where it differs from the data's
	wrap func(io.Reader) io.Reader  // of what is opened
	shut error                      // of Close
	fail error                      // of OpenRange
	open func(offset, length int64) // sees each open
}

func (d *textData) Name() string { return d.name }

func (d *textData) Size() int64 {
	if d.size > 0 {
		return d.size
	}
	return int64(len(d.data))
}

func (d *textData) OpenRange(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length <= 0 || offset+length > d.Size() {
		return nil, fmt.Errorf("%d bytes from %d on of %d", length, offset, d.Size())
	}
	if d.fail != nil {
		return nil, d.fail
	}
	if d.open != nil {
		d.open(offset, length)
	}
	end := min(offset+length, int64(len(d.data)))
	var r io.Reader = strings.NewReader(d.data[min(offset, end):end])
	if d.wrap != nil {
		r = d.wrap(r)
	}
	return &textRange{r, d.shut}, nil
}

type textRange struct {
	io.Reader
	shut error
}

func (r *textRange) Close() error { return r.shut }

// read is a row as a test sees it: its number, and its values, id, target and weight, or its fault.
type read struct {
	Number int64
	Row    string
}

const faulty = "fault: "

// readText reads all rows of a text, some at a time, after counting them in ranges of size bytes.
func readText(src Source, size int64, some int) ([]read, error) {
	ctx := context.Background()
	c := src.(Counter)
	var counts []Count
	for _, r := range c.Ranges(size) {
		n, err := c.Count(ctx, r)
		if err != nil {
			return nil, err
		}
		counts = append(counts, n)
	}
	spans, err := c.Resolve(counts)
	if err != nil {
		return nil, err
	}
	var rows []read
	for _, s := range spans {
		if s.First != int64(len(rows)) || s.Rows < 1 {
			return nil, fmt.Errorf("span %+v after %d rows", s, len(rows))
		}
		got, err := readRows(src, s, some)
		if err != nil {
			return nil, err
		}
		if int64(len(got)) != s.Rows {
			return nil, fmt.Errorf("%d rows in span %+v", len(got), s)
		}
		rows = append(rows, got...)
	}
	return rows, nil
}

func readRows(src Source, s Span, some int) (rows []read, err error) {
	r, err := src.Read(context.Background(), s)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := r.Close(); err == nil {
			err = e
		}
	}()
	b := &vectors.Block{Dim: src.Dim()}
	for {
		b.Reset()
		err := r.Read(b, some)
		if b.Len() > some || err == io.EOF && b.Len() > 0 {
			return nil, fmt.Errorf("%d rows of at most %d, %v", b.Len(), some, err)
		}
		for _, n := range []int{b.IDs.Len(), len(b.Target), len(b.Labels), len(b.Weights)} {
			if n != 0 && n != b.Len() {
				return nil, fmt.Errorf("%d rows with %d ids, %d targets, %d labels, %d weights", b.Len(), b.IDs.Len(),
					len(b.Target), len(b.Labels), len(b.Weights))
			}
		}
		for i := range b.Len() {
			row := fmt.Sprint(b.Row(i, make([]float64, b.Dim)))
			if b.IDs.Len() > 0 {
				row += " " + strconv.Quote(b.ID(i).String())
			}
			if len(b.Target) > 0 {
				row += fmt.Sprint(" → ", b.Target[i])
			}
			if len(b.Labels) > 0 {
				row += " → " + strconv.Quote(b.Labels[i])
			}
			if len(b.Weights) > 0 {
				row += fmt.Sprint(" × ", b.Weights[i])
			}
			rows = append(rows, read{b.Numbers[i], row})
		}
		if f, ok := fault.IsRow(err); ok {
			if b.Len() == some {
				return nil, fmt.Errorf("a fault after all %d rows", some)
			}
			rows = append(rows, read{f.Row, faulty + f.Error()})
		} else if err == io.EOF {
			return rows, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// checkCuts reads a text in ranges of many sizes, which must all give the same, and returns it.
func checkCuts(t *testing.T, src Source, length int, sizes ...int64) ([]read, error) {
	t.Helper()
	want, wantErr := readText(src, 1<<62, 1<<16)
	for i, r := range want {
		if r.Number != int64(i) {
			t.Fatalf("row %d has the number %d", i, r.Number)
		}
	}
	for _, size := range sizes {
		if size < 1 || length/int(size) > 1000 {
			continue
		}
		got, err := readText(src, size, 1+int(size)%3)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
			t.Fatalf("in ranges of %d bytes: %v, %v\nin one: %v, %v", size, got, err, want, wantErr)
		}
	}
	return want, wantErr
}

// manySizes cut anything short at each of its bytes.
func manySizes(length int) []int64 {
	sizes := []int64{1, 2, 3, 5, 7, 8, 13}
	for i := int64(14); i <= int64(length); i += 1 + i/8 {
		sizes = append(sizes, i)
	}
	return sizes
}

// twoBzip2 is two streams in one file, as parallel bzip2 writes them, of Python's
// bz2.compress(b"1 1:2\n2 2:3\n") + bz2.compress(b"0 3:1\n").
const twoBzip2 = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x22\xe6\xc4\x75\x00\x00\x02\x58\x00\x00\x10\x40\x00" +
	"\x38\x10\x20\x00\x30\xc0\x08\x34\xfd\x50\x33\x5d\x24\x3c\x5d\xc9\x14\xe1\x42\x40\x8b\x9b\x11" +
	"\xd4\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x83\xe3\x07\x69\x00\x00\x01\x58\x00\x00\x10\x40" +
	"\x00\x68\x10\x20\x00\x21\x80\x0c\x02\x47\xae\xe2\xee\x48\xa7\x0a\x12\x10\x7c\x60\xed\x20"

func gzipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t testing.TB, s string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func inspectText(data, name string, o Options) (Source, error) {
	return Inspect(context.Background(), &textData{name: name, data: data}, o)
}

// longText has rows of different lengths, over many buffers, as .csv and as .jsonl.
func longText(rows int) (csv, jsonl string, want []read) {
	var c, j strings.Builder
	c.WriteString("id,x,note,y\r\n")
	for i := range rows {
		note := strings.Repeat(`"",`+"\n", i%50)
		fmt.Fprintf(&c, "r%d,%d,\"%s\",%g\n", i, i, note, float64(i)/8)
		fmt.Fprintf(&j, `{"id":"r%d","note":%q,"x":%d,"y":%g}`+"\r\n", i, note, i, float64(i)/8)
		want = append(want, read{int64(i), fmt.Sprintf("[%d %v] \"r%d\"", i, float64(i)/8, i)})
		if i%7 == 0 {
			c.WriteString("\r\n")
			j.WriteString(" \t\n")
		}
	}
	return c.String(), j.String(), want
}

// A text gives the same rows whatever its ranges, and however little a read returns; compressed in one range.
func TestLongText(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads texts of megabytes")
	}
	csv, jsonl, want := longText(5_000)
	o := Options{IDColumn: "id", Columns: []string{"x", "y"}}
	for name, data := range map[string]string{
		"f.csv": csv, "f.jsonl": jsonl, "f.tsv": strings.ReplaceAll(csv, ",", "\t"),
		"f.csv.gz": gzipped(t, csv), "f.csv.zst": zstandard(t, csv), "f.jsonl.gz": gzipped(t, jsonl),
		"f.jsonl.zst": zstandard(t, jsonl),
		"two.csv.gz":  gzipped(t, csv[:1000]) + gzipped(t, csv[1000:]), "two.csv.zst": zstandard(t, csv[:1000]) +
			zstandard(t, csv[1000:]),
		"mark.csv": "\uFEFF" + csv, "mark.jsonl": "\uFEFF" + jsonl, "mark.csv.gz": gzipped(t, "\uFEFF"+csv),
	} {
		for wrapName, wrap := range map[string]func(io.Reader) io.Reader{"": nil, "half": iotest.HalfReader,
			"early": iotest.DataErrReader} {
			src, err := Inspect(context.Background(), &textData{name: name, data: data, wrap: wrap}, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range []int64{1 << 62, 100_000, 20_011} {
				if wrapName != "" && size != 20_011 || brief() && (wrapName == "") != (size == 20_011) {
					continue
				}
				got, err := readText(src, size, 1000)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %s, in ranges of %d: %d rows, %v", name, wrapName, size, len(got), err)
				}
			}
			ranges := src.(Counter).Ranges(20_011)
			if strings.HasSuffix(name, "z") || strings.HasSuffix(name, "t") {
				if len(ranges) != 1 || ranges[0].Length != -1 {
					t.Errorf("%s: ranges %v", name, ranges)
				}
			} else if len(ranges) < 10 {
				t.Errorf("%s: %d ranges", name, len(ranges))
			}
			if src.Rows() != -1 || src.Dim() != 2 {
				t.Errorf("%s: %d rows of %d", name, src.Rows(), src.Dim())
			}
		}
	}
}

func TestOneByteReads(t *testing.T) {
	csv, jsonl, want := longText(100)
	for name, data := range map[string]string{"f.csv": csv, "f.jsonl": jsonl, "f.csv.gz": gzipped(t, csv),
		"f.csv.zst": zstandard(t, csv)} {
		src, err := Inspect(context.Background(), &textData{name: name, data: data, wrap: iotest.OneByteReader},
			Options{IDColumn: "id", Columns: []string{"x", "y"}})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readText(src, 1000, 10); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d rows, %v", name, len(got), err)
		}
	}
}

func TestRanges(t *testing.T) {
	for _, c := range []struct {
		data string
		size int64
		want []Range
	}{
		{"a,b\n1,2\n3,4\n", 4, []Range{{4, 4}, {8, 4}}},
		{"a,b\n1,2\n3,4\n", 5, []Range{{4, 5}, {9, 3}}},
		{"a,b\n1,2\n3,4\n", 8, []Range{{4, 8}}},
		{"a,b\n1,2\n3,4\n", 1 << 62, []Range{{4, 8}}},
		{"\uFEFF\r\n1,2\n3,4\n", 5, []Range{{5, 5}, {10, 3}}},
	} {
		src, err := inspectText(c.data, "f.csv", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := src.(Counter).Ranges(c.size); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q by %d: %v", c.data, c.size, got)
		}
	}
}

// A file of no rows but a header is refused.
func TestNoRows(t *testing.T) {
	for _, data := range []string{"a,b", "a,b\n", "a,b\r\n\r\n\n", "\uFEFF\na,b\n", "0,1,2\n"} {
		wantFault(t, "f.csv", data, Options{}, "f.csv: found a header and no rows, expected rows of data")
	}
}

// What is wrong with a file as a whole.
func TestTextFaults(t *testing.T) {
	csv, jsonl, _ := longText(1000)
	zipped, zipped2 := gzipped(t, csv), zstandard(t, csv)
	corrupt := func(s string, at int) string { return s[:at] + string(s[at]^0x55) + s[at+1:] }
	latin := "\xff\xfea\x00,\x00b\x00\n\x00"
	for _, c := range []struct{ name, data, want string }{
		{"f.csv", "", `f.csv: found an empty file, expected csv data`},
		{"f.csv", "\n\r\n\r", `f.csv: found only empty lines, expected a first row`},
		{"f.csv", "\uFEFF", `f.csv: found only empty lines, expected a first row`},
		{"f.jsonl", " \n\t\r\n", `f.jsonl: found only empty lines, expected a first row`},
		{"f.csv.gz", gzipped(t, ""), `f.csv.gz: found only empty lines, expected a first row`},
		{"f.csv", latin, `f.csv: found the columns "a", "b", expected a column "x"`},
		{"f.jsonl", "\xfe\xff\x00{", `f.jsonl: found the end at byte 1 of the line in the first row, expected valid JSON`},
		{"f.jsonl", "\xfe\xff\x00{\x00", `f.jsonl: found an odd number of bytes, expected text in utf-16`},
		{"f.csv.gz", csv, `f.csv.gz: found what does not begin as such, expected whole gzip data`},
		{"f.csv.gz", zipped[:5], `f.csv.gz: found an early end, expected whole gzip data`},
		{"f.csv.gz", zipped[:len(zipped)/2], `f.csv.gz: found an early end, expected whole gzip data`},
		{"f.csv.gz", zipped[:len(zipped)-1], `f.csv.gz: found an early end, expected whole gzip data`},
		{"f.csv.gz", corrupt(zipped, len(zipped)-6), `f.csv.gz: found a wrong checksum, expected whole gzip data`},
		{"f.csv.gz", zipped + "x\nyy,zzzzzz", `f.csv.gz: found what does not begin as such, expected whole gzip data`},
		{"f.csv.zst", csv, `f.csv.zst: found what does not begin as such, expected whole zstd data`},
		{"f.csv.bz2", twoBzip2[:20], `f.csv.bz2: found an early end, expected whole bzip2 data`},
		{"f.csv.bz2", corrupt(twoBzip2, 10), `f.csv.bz2: found a wrong checksum, expected whole bzip2 data`},
		{"f.csv.bz2", "1 1:2\n", `f.csv.bz2: found what does not begin as such, expected whole bzip2 data`},
		{"f.csv.zst", zipped2[:len(zipped2)-1], `f.csv.zst: found an early end, expected whole zstd data`},
		{"f.jsonl.zst", zstandard(t, jsonl)[:50], `f.jsonl.zst: found an early end, expected whole zstd data`},
	} {
		src, err := inspectText(c.data, c.name, Options{Columns: []string{"x"}})
		if err == nil {
			_, err = readText(src, 1000, 10)
		}
		if f := (*fault.Fault)(nil); !errors.As(err, &f) || f.Row != fault.WholeFile || err.Error() != c.want {
			t.Errorf("%s: %v\nnot %s", c.name, err, c.want)
		}
	}
}

// A file that is no longer what it was when its rows were counted is a fault, not fewer rows.
func TestTextShrinks(t *testing.T) {
	csv, jsonl, _ := longText(1000)
	o := Options{Columns: []string{"x"}}
	for name, data := range map[string]string{"f.csv": csv, "f.jsonl": jsonl, "f.csv.gz": csv, "f.jsonl.zst": jsonl} {
		pack := func(s string) string {
			switch {
			case strings.HasSuffix(name, ".gz"):
				return gzipped(t, s)
			case strings.HasSuffix(name, ".zst"):
				return zstandard(t, s)
			}
			return s
		}
		f := &textData{name: name, data: pack(data)}
		src, err := Inspect(context.Background(), f, o)
		if err != nil {
			t.Fatal(err)
		}
		spans, err := Spans(context.Background(), src)
		if err != nil {
			t.Fatal(err)
		}
		f.size = f.Size()
		half := strings.Index(data[len(data)/2:], "\nr")
		if strings.Contains(name, "jsonl") {
			half = strings.Index(data[len(data)/2:], "\n")
		}
		f.data = pack(data[:len(data)/2+half+1])
		want := fmt.Sprintf("%s: found an early end of the file, expected %d bytes, as when it was opened", name, f.size)
		if _, err := readRows(src, spans[0], 100); err == nil || err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
		if name == "f.csv" || name == "f.jsonl" {
			if _, err := src.(Counter).Count(context.Background(),
				Range{spans[0].Offset, f.size - spans[0].Offset}); err == nil || err.Error() != want {
				t.Errorf("counting: %v, not %s", err, want)
			}
		}
		late := Span{First: 990, Rows: 10, Offset: int64(len(data)) - 20}
		if _, err := readRows(src, late, 100); err == nil || err.Error() != want {
			t.Errorf("from beyond the end: %v, not %s", err, want)
		}
		late.Offset = int64(len(data)) + 1000
		if _, err := readRows(src, late, 100); err == nil || err.Error() != want {
			t.Errorf("from far beyond the end: %v, not %s", err, want)
		}
	}
}

// Errors of the file come back as they are, from the call that meets them, and stay.
func TestTextErrors(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads long texts whose reading fails, of every form")
	}
	csv, jsonl, _ := longText(8_000)
	broken := errors.New("connection reset")
	changed := fault.File("f", "the file as it was", "another")
	o := Options{Columns: []string{"x"}}
	ctx := context.Background()
	for name, data := range map[string]string{"f.csv": csv, "f.jsonl": jsonl, "f.csv.gz": gzipped(t, csv),
		"f.jsonl.zst": zstandard(t, jsonl)} {
		good, err := Inspect(ctx, &textData{name: name, data: data}, o)
		if err != nil {
			t.Fatal(err)
		}
		spans, err := Spans(ctx, good)
		if err != nil {
			t.Fatal(err)
		}
		for _, cause := range []error{broken, changed} {
			f := &textData{name: name, data: data}
			src, err := Inspect(ctx, f, o)
			if err != nil {
				t.Fatal(err)
			}
			f.wrap = func(r io.Reader) io.Reader {
				return io.MultiReader(io.LimitReader(r, int64(len(data))*2/3), iotest.ErrReader(cause))
			}
			if _, err := src.(Counter).Count(ctx, src.(Counter).Ranges(1 << 62)[0]); !errors.Is(err, cause) {
				t.Errorf("%s: counting: %v", name, err)
			}
			r, err := src.Read(ctx, spans[0])
			if err != nil {
				t.Fatal(err)
			}
			b := &vectors.Block{Dim: 1}
			for err == nil {
				err = r.Read(b, 1000)
			}
			if again := r.Read(b, 1000); !errors.Is(err, cause) || again != err {
				t.Errorf("%s: reading: %v, then %v", name, err, again)
			}
			if b.Len() == 0 {
				t.Errorf("%s: no rows before the error", name)
			}
			if err := r.Close(); err != nil && !errors.Is(err, cause) {
				t.Error(err)
			}

			f.wrap, f.shut = nil, cause
			if _, err := Inspect(ctx, f, o); !errors.Is(err, cause) {
				t.Errorf("%s: inspecting, then closing: %v", name, err)
			}
			if _, err := src.(Counter).Count(ctx, src.(Counter).Ranges(1 << 62)[0]); !errors.Is(err, cause) {
				t.Errorf("%s: counting, then closing: %v", name, err)
			}
			if _, err := readRows(src, spans[0], 1000); !errors.Is(err, cause) {
				t.Errorf("%s: reading, then closing: %v", name, err)
			}
		}
		ctx, cancel := context.WithCancel(ctx)
		r, err := good.Read(ctx, spans[0])
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		b := &vectors.Block{Dim: 1}
		for err == nil {
			err = r.Read(b, 1000)
		}
		if err != context.Canceled {
			t.Errorf("%s: cancelled: %v", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Nor are errors of the way to a row taken for the end of the rows.
func TestTextOpenErrors(t *testing.T) {
	csv, _, _ := longText(20_000)
	broken := errors.New("connection reset")
	ctx := context.Background()
	for name, data := range map[string]string{"f.csv": csv, "f.csv.gz": gzipped(t, csv)} {
		f := &textData{name: name, data: data}
		src, err := Inspect(ctx, f, Options{Columns: []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		f.wrap = func(io.Reader) io.Reader { return iotest.ErrReader(broken) }
		late := Span{First: 10_000, Rows: 1, Offset: int64(len(csv)) / 2}
		if _, err := readRows(src, late, 1); !errors.Is(err, broken) {
			t.Errorf("%s: reading the first bytes: %v", name, err)
		}
		if _, err := src.(Counter).Count(ctx, Range{late.Offset, 1000}); !errors.Is(err, broken) {
			t.Errorf("%s: counting from the middle: %v", name, err)
		}
		f.wrap, f.fail = nil, broken
		if _, err := Inspect(ctx, f, Options{}); err != broken {
			t.Errorf("%s: inspecting: %v", name, err)
		}
		if _, err := readRows(src, late, 1); err != broken {
			t.Errorf("%s: reading: %v", name, err)
		}
		if _, err := src.(Counter).Count(ctx, Range{late.Offset, 1000}); err != broken {
			t.Errorf("%s: counting: %v", name, err)
		}
	}
}

func TestIdleReads(t *testing.T) {
	f := &textData{name: "f.csv", data: "1,2\n", wrap: func(io.Reader) io.Reader { return idle{} }}
	if _, err := Inspect(context.Background(), f, Options{}); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// endless is a reader of one byte, for ever.
type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

// A file without line ends does not fill the memory, wherever reading begins.
func TestLongRow(t *testing.T) {
	if brief() {
		t.Skip("rows of more than 64 MB")
	}
	const size = 1 << 40
	for _, c := range []struct {
		name, start string
		more        byte
		at          string
	}{
		{"f.csv", "", '1', "0"},
		{"f.csv", "1,2\n", ',', "4"},
		{"f.csv", "1,2\n\"", '\n', "4"},
		{"f.jsonl", "", '[', "0"},
		{"f.jsonl", "{\"vector\":[1]}\n", ' ', "15"},
	} {
		f := &textData{name: c.name, data: c.start, size: size}
		f.wrap = func(r io.Reader) io.Reader { return io.MultiReader(r, endless(c.more)) }
		want := c.name + ": found a longer one at byte " + c.at + ", expected rows of at most 67108864 bytes"
		src, err := Inspect(context.Background(), f, Options{})
		if c.start == "" {
			if err == nil || err.Error() != want {
				t.Errorf("%q…: %v", c.start, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.more == '\n' {
			want = "f.csv: found a quote that opens in row 1, and no end of the row within 67108864 bytes, expected the " +
				"quote that closes it, or --quoting=none"
		} else {
			if _, err := src.(Counter).Count(context.Background(), Range{0, 1 << 20}); err == nil || err.Error() != want {
				t.Errorf("counting %q…: %v", c.start, err)
			}
		}
		if n, err := src.(Counter).Count(context.Background(), Range{1 << 20, 1 << 20}); err != nil || n.Rows[0] != 0 {
			t.Errorf("counting %q… in the middle: %v, %v", c.start, n, err)
		}
		if _, err := readRows(src, Span{Rows: 9}, 1); err == nil || err.Error() != want {
			t.Errorf("reading %q…: %v", c.start, err)
		}
	}
}

// A range is counted without what stands far before it or after it.
func TestCountOpens(t *testing.T) {
	data := "a,b\n" + strings.Repeat("1,2\n", 1000)
	f := &textData{name: "f.csv", data: data}
	src, err := Inspect(context.Background(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var first int64
	f.open = func(offset, _ int64) { first = offset }
	n, err := src.(Counter).Count(context.Background(), Range{2002, 401})
	if err != nil || first != 2001 ||
		!reflect.DeepEqual(n, Count{Rows: [2]int64{100, 0}, First: [2]int64{2004, 0}, Inside: [2]bool{false, true}}) {
		t.Errorf("from byte %d on: %+v, %v", first, n, err)
	}
}
