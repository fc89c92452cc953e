package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// answer is an output as it should read back.
type answer struct {
	queries, points []vectors.ID
	neighbors       *neighbors.Neighbors
}

func (a *answer) chunk(from, to int) *Chunk {
	return &Chunk{
		Query:     func(i int) vectors.ID { return a.queries[i] },
		Neighbor:  func(p int32) vectors.ID { return a.points[p] },
		Neighbors: a.neighbors,
		From:      from,
		To:        to,
	}
}

// awkward are ids that a format has to treat with care.
var awkward = []string{
	"a", "b,1", `say "so"`, `"`, "two\nlines", "tab\there", "007", "+7", " space ", "naïve", "日本語", "😀", `back\slash`,
	"\u2028\u2029", "<&>", "nul\x00", "\x1b[0m", "\x7f", "'", "#", "NaN", "null", "-", "1.5", "bell\a\b\f\r.",
}

type shape struct {
	name    string
	k       int // 0: as within a radius
	queries func(i int) vectors.ID
	points  func(i int) vectors.ID
}

func number(i int) vectors.ID { return vectors.ID{Int: int64(i)} }
func text(i int) vectors.ID   { return vectors.ID{Text: awkward[i%len(awkward)]} }
func wide(i int) vectors.ID   { return vectors.ID{Int: math.MaxInt64 - int64(i)*(math.MaxInt64/64)} }

// mixed has one text among many integers.
func mixed(i int) vectors.ID {
	if i == 31 {
		return vectors.ID{Text: "thirty-one"}
	}
	return number(i)
}

var shapes = []shape{
	{"k", 3, number, number},
	{"k wide", 2, wide, wide},
	{"k texts", 3, text, text},
	{"k mixed", 3, mixed, mixed},
	{"k texts to numbers", 1, text, number},
	{"radius", 0, number, number},
	{"radius texts", 0, text, text},
	{"radius mixed", 0, number, mixed},
}

func (s shape) integers() bool { return s.queries(31).IsInt() && s.points(31).IsInt() }

var specials = []float64{0, math.Copysign(0, -1), 1, 1e-5, 1e-4, 123456789, 1e20, 1e21, 5e-324, math.MaxFloat64,
	math.Inf(1), -2.5, 0.1, 1.0 / 3}

// make makes n queries over as many points.
func (s shape) make(n int) *answer {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	a := &answer{neighbors: &neighbors.Neighbors{Offsets: []int64{0}}}
	for i := range n {
		a.queries = append(a.queries, s.queries(i))
		a.points = append(a.points, s.points(i))
	}
	for i := range n {
		k := s.k
		if k == 0 && i%3 != 0 {
			k = rng.IntN(6)
		}
		for range k {
			d := rng.ExpFloat64()
			if rng.IntN(4) == 0 {
				d = specials[rng.IntN(len(specials))]
			}
			a.neighbors.Positions = append(a.neighbors.Positions, int32(rng.IntN(n)))
			a.neighbors.Distances = append(a.neighbors.Distances, d)
		}
		a.neighbors.Offsets = append(a.neighbors.Offsets, int64(len(a.neighbors.Positions)))
	}
	return a
}

// parts writes the answer in parts that end at the cuts.
func (a *answer) parts(t testing.TB, f *Format, l Layout, threads int, cuts ...int) (infos []Info, data [][][]byte) {
	t.Helper()
	from := 0
	for _, to := range append(cuts, a.neighbors.Len()) {
		var buffers []*bytes.Buffer
		var writers []io.Writer
		for range f.numFiles(l) {
			b := new(bytes.Buffer)
			buffers, writers = append(buffers, b), append(writers, b)
		}
		w := f.NewPart(writers, l)
		// A worker adds the blocks that it reads one by one.
		for middle := (from + to) / 2; from < to; from, middle = middle, to {
			c := a.chunk(from, middle)
			c.Threads = threads
			if err := w.Write(c); err != nil {
				t.Fatal(err)
			}
		}
		info, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		var files [][]byte
		for i, b := range buffers {
			if int64(b.Len()) != info.Bytes[i] {
				t.Fatalf("%d bytes in a part of %d", b.Len(), info.Bytes[i])
			}
			files = append(files, b.Bytes())
		}
		infos, data = append(infos, info), append(data, files)
	}
	return infos, data
}

func open(b []byte) func(int) (io.ReadCloser, error) {
	return func(int) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

func assemble(f *Format, l Layout, infos []Info, data [][][]byte) ([][]byte, error) {
	var out [][]byte
	for file := range f.numFiles(l) {
		var parts []Part
		for i := range infos {
			parts = append(parts, Part{infos[i], open(data[i][file])})
		}
		var b bytes.Buffer
		if err := f.Assemble(file, &b, parts, l); err != nil {
			return nil, err
		}
		out = append(out, b.Bytes())
	}
	return out, nil
}

// write writes the whole answer.
func (a *answer) write(t testing.TB, f *Format, l Layout, threads int, cuts ...int) [][]byte {
	t.Helper()
	infos, data := a.parts(t, f, l, threads, cuts...)
	out, err := assemble(f, l, infos, data)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readers read what a format has written, by other code than that which wrote it, and compare.
var readers = map[string]func(t *testing.T, files [][]byte, a *answer, s shape){
	"csv": readCSV, "jsonl": readJSONL, "parquet": readParquet, "npy": readNPY,
}

// Every format reads back as it was written, and has the same bytes for any cuts and threads.
func TestRoundTrip(t *testing.T) {
	for _, f := range All {
		for _, s := range shapes {
			l := Layout{K: s.k}
			if f.Check(l) != nil || f == npyFormat && !s.integers() {
				continue
			}
			t.Run(f.Name+"/"+s.name, func(t *testing.T) {
				const n = 100
				a := s.make(n)
				whole := a.write(t, f, l, 1)
				readers[f.Name](t, whole, a, s)
				for _, cuts := range [][]int{{50}, {0, 1, 2, 31, 32, 99}, {10, 10, 10, n}} {
					for _, threads := range []int{0, 1, 3} {
						for i, b := range a.write(t, f, l, threads, cuts...) {
							if !bytes.Equal(b, whole[i]) {
								t.Errorf("cuts %v, %d threads: file %d differs", cuts, threads, i)
							}
						}
					}
				}
			})
		}
	}
}

// Blocks that many goroutines encode in several rounds stay in order.
func TestManyRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this writes thousands of rows in every format")
	}
	s := shape{"", 7, number, number}
	a := s.make(16_000)
	for _, f := range All {
		one := a.write(t, f, Layout{K: 7}, 1)
		readers[f.Name](t, one, a, s)
		for i, b := range a.write(t, f, Layout{K: 7}, 3, 5_432) {
			if !bytes.Equal(b, one[i]) {
				t.Errorf("%s: file %d depends on the threads", f.Name, i)
			}
		}
	}
}

// An output of no query is a file all the same.
func TestEmpty(t *testing.T) {
	for _, f := range All {
		s := shape{"", 5, number, number}
		a := s.make(0)
		l := Layout{K: 5}
		none, err := assemble(f, l, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		readers[f.Name](t, none, a, s)
		for i, b := range a.write(t, f, l, 1, 0, 0) {
			if !bytes.Equal(b, none[i]) {
				t.Errorf("%s: empty parts leave a trace", f.Name)
			}
		}
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct{ path, name, want string }{
		{"out/n.csv", "", "csv"},
		{"gs://bucket/a.b/N.CSV", "", "csv"},
		{"n.jsonl", "", "jsonl"},
		{"n.parquet", "", "parquet"},
		{"n.npy", "", "npy"},
		{"n.npy", "csv", "csv"},
		{"n", "npy", "npy"},
		{"n.npz", "", "npz"},
		{"n.mtx", "", "mtx"},
	} {
		if f, err := Detect(c.path, c.name, Layout{}); err != nil || f.Name != c.want {
			t.Errorf("Detect(%q, %q) = %v, %v", c.path, c.name, f, err)
		}
	}
	for _, c := range []struct{ path, name, want string }{
		{"out/n.txt", "",
			`out/n.txt: found the extension ".txt", expected one of .csv .jsonl .parquet .npy .npz .mtx, or --output_format`},
		{"out.d/n", "",
			`out.d/n: found no extension that tells the format, expected --output_format=csv, or another of csv, jsonl, parquet, npy, npz, mtx`},
		{"n.csv.gz", "",
			`n.csv.gz: found the extension ".gz", expected one of .csv .jsonl .parquet .npy .npz .mtx, or --output_format`},
		{"n.csv", "tsv", `output format "tsv": must be one of csv, jsonl, parquet, npy, npz, mtx`},
	} {
		if f, err := Detect(c.path, c.name, Layout{}); err == nil || err.Error() != c.want {
			t.Errorf("Detect(%q, %q) = %v, %v", c.path, c.name, f, err)
		}
	}
	table := Layout{Columns: []Column{{Name: "half", Type: Float}}}
	const want = `out/n.npz: found the extension ".npz", expected one of .csv .jsonl .parquet .npy, or --output_format`
	if f, err := Detect("out/n.npz", "", table); err == nil || err.Error() != want {
		t.Errorf("Detect of a table in .npz = %v, %v", f, err)
	}
}

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		f    *Format
		path string
		want string
	}{
		{csvFormat, "a/n.csv", "a/n.csv"},
		{csvFormat, "a/n.npy", "a/n.npy"},
		{npyFormat, "a/n.npy", "a/n.indices.npy a/n.distances.npy"},
		{npyFormat, "a/n.NPY", "a/n.indices.npy a/n.distances.npy"},
		{npyFormat, "a.d/n", "a.d/n.indices.npy a.d/n.distances.npy"},
		{npyFormat, ShardName("gs://b/n.npy", 2, 3),
			"gs://b/n-00002-of-00003.indices.npy gs://b/n-00002-of-00003.distances.npy"},
		{jsonlFormat, ShardName("a.d/n", 0, 100_000), "a.d/n-00000-of-100000"},
	} {
		if got := strings.Join(c.f.Files(c.path, Layout{}), " "); got != c.want {
			t.Errorf("%s: Files(%q) = %s", c.f.Name, c.path, got)
		}
	}
}

// What a format cannot hold is refused in one line that says what can.
func TestRefused(t *testing.T) {
	err := npyFormat.Check(Layout{})
	if err == nil || !strings.Contains(err.Error(), "radius") || !strings.Contains(err.Error(), ".parquet") {
		t.Errorf("a radius in .npy: %v", err)
	}
	for _, f := range []*Format{csvFormat, jsonlFormat, parquetFormat} {
		if err := f.Check(Layout{}); err != nil {
			t.Errorf("a radius in .%s: %v", f.Name, err)
		}
	}
	for _, s := range []shape{{"", 3, number, mixed}, {"", 3, mixed, number}} {
		for _, threads := range []int{1, 3} {
			w := npyFormat.NewPart([]io.Writer{io.Discard, io.Discard}, Layout{K: 3})
			c := s.make(200).chunk(0, 200)
			c.Threads = threads
			err := w.Write(c)
			if want := `the id "thirty-one" is not an integer, which .npy needs: write .csv, .jsonl or .parquet`; err == nil ||
				err.Error() != want {
				t.Errorf("a text in .npy: %v", err)
			}
		}
	}
	w := npyFormat.NewPart([]io.Writer{io.Discard, io.Discard}, Layout{K: 4})
	if err := w.Write(shapes[0].make(10).chunk(0, 10)); err == nil {
		t.Error("3 neighbours in 4 columns are accepted")
	}
}

func TestNewPartPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"writers": func() { csvFormat.NewPart(nil, Layout{}) },
		"layout":  func() { npyFormat.NewPart([]io.Writer{io.Discard, io.Discard}, Layout{}) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "results.NewPart: ") {
					t.Errorf("%s: recovered %v", name, r)
				}
			}()
			f()
		}()
	}
}

var errWriter = errors.New("the disk is full")

// limitedWriter fails after some bytes.
type limitedWriter struct{ left int }

func (w *limitedWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		n := w.left
		w.left = 0
		return n, errWriter
	}
	w.left -= len(b)
	return len(b), nil
}

// The error of a writer comes back from the call that meets it, wherever that is, and only once.
func TestWriterErrors(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this writes every format with every fault")
	}
	a := shapes[0].make(12_000) // more than a part holds back
	l := Layout{K: 3}
	for _, f := range All {
		infos, data := a.parts(t, f, l, 2, 6_000)
		final, err := assemble(f, l, infos, data)
		if err != nil {
			t.Fatal(err)
		}
		for file := range f.numFiles(l) {
			for i := range 12 {
				part := func(size int) (errs []error) {
					w := make([]io.Writer, f.numFiles(l))
					for j := range w {
						w[j] = io.Discard
					}
					w[file] = &limitedWriter{size}
					p := f.NewPart(w, l)
					write := p.Write(a.chunk(0, 6_000))
					_, end := p.Close()
					for _, err := range []error{write, end} {
						if err != nil {
							errs = append(errs, err)
						}
					}
					return errs
				}
				size := len(data[0][file])
				if errs := part(size * i / 12); len(errs) != 1 || !errors.Is(errs[0], errWriter) {
					t.Errorf("%s: a part on a full disk: %v", f.Name, errs)
				}
				if errs := part(size); errs != nil {
					t.Errorf("%s: a part on a disk that it fills: %v", f.Name, errs)
				}

				parts := []Part{{infos[0], open(data[0][file])}, {infos[1], open(data[1][file])}}
				w := &limitedWriter{len(final[file]) * i / 12}
				if err := f.Assemble(file, w, parts, l); !errors.Is(err, errWriter) {
					t.Errorf("%s: an output on a full disk: %v", f.Name, err)
				}
			}
		}
	}
}

type failingReader struct {
	io.Reader
	read, close error
}

func (r *failingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err == io.EOF && r.read != nil {
		err = r.read
	}
	return n, err
}

func (r *failingReader) Close() error { return r.close }

// A part that is not what its Info says, or cannot be read, is an error and not a shorter output.
func TestPartErrors(t *testing.T) {
	a := shapes[0].make(50)
	l := Layout{K: 3}
	broken := errors.New("connection reset")
	for _, f := range All {
		infos, data := a.parts(t, f, l, 1, 20)
		for file := range f.numFiles(l) {
			good := data[1][file]
			assemble := func(info Info, open func(int) (io.ReadCloser, error)) error {
				return f.Assemble(file, io.Discard,
					[]Part{{infos[0], func(int) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data[0][file])), nil }},
						{info, open}}, l)
			}
			if err := assemble(infos[1], open(good)); err != nil {
				t.Fatal(err)
			}
			for name, b := range map[string][]byte{"short": good[:len(good)-1], "empty": nil,
				"long": append(good[:len(good):len(good)], 0)} {
				if err := assemble(infos[1], open(b)); err == nil || !strings.Contains(err.Error(), "part 1 of the output") {
					t.Errorf("%s: a part that is %s: %v", f.Name, name, err)
				}
			}
			for _, r := range []*failingReader{{bytes.NewReader(good), broken, nil}, {bytes.NewReader(good), nil, broken}} {
				if err := assemble(infos[1], func(int) (io.ReadCloser, error) { return r, nil }); !errors.Is(err, broken) {
					t.Errorf("%s: a reader's error: %v", f.Name, err)
				}
			}
			if err := assemble(infos[1], func(int) (io.ReadCloser, error) { return nil, broken }); !errors.Is(err, broken) {
				t.Errorf("%s: an error of Open: %v", f.Name, err)
			}
			if err := assemble(Info{}, open(good)); err == nil {
				t.Errorf("%s: a part without sizes is accepted", f.Name)
			}
			more := infos[1]
			more.Rows++
			if err := assemble(more, open(good)); err == nil && (f == npyFormat || f == parquetFormat) {
				t.Errorf("%s: a part with a query too few is accepted", f.Name)
			}
		}
		if err := f.Assemble(f.numFiles(l), io.Discard, nil, l); err == nil {
			t.Errorf("%s: a file too many", f.Name)
		}
	}
	if err := npyFormat.Assemble(0, io.Discard, nil, Layout{}); err == nil {
		t.Error("a radius in .npy is assembled")
	}
}

// benchmark writes a part of typical size: what a worker does with a chunk.
func benchmarkPart(b *testing.B, f *Format, s shape, threads int) {
	a := s.make(20_000)
	for i := range a.neighbors.Distances {
		a.neighbors.Distances[i] = math.Sqrt(float64(i) + 0.1)
	}
	l := Layout{K: s.k}
	c := a.chunk(0, 20_000)
	c.Threads = threads
	for b.Loop() {
		w := make([]io.Writer, f.numFiles(l))
		for i := range w {
			w[i] = io.Discard
		}
		p := f.NewPart(w, l)
		if err := p.Write(c); err != nil {
			b.Fatal(err)
		}
		info, err := p.Close()
		if err != nil {
			b.Fatal(err)
		}
		size := int64(0)
		for _, n := range info.Bytes {
			size += n
		}
		b.SetBytes(size)
	}
	b.ReportMetric(float64(len(a.neighbors.Positions))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mneighbors/s")
}

func BenchmarkPart(b *testing.B) {
	for _, f := range All {
		b.Run(f.Name, func(b *testing.B) { benchmarkPart(b, f, shape{"", 10, number, number}, 1) })
		if f != npyFormat {
			b.Run(f.Name+"/texts", func(b *testing.B) { benchmarkPart(b, f, shape{"", 10, text, text}, 1) })
		}
	}
	b.Run("csv/threads=2", func(b *testing.B) { benchmarkPart(b, csvFormat, shape{"", 10, number, number}, 2) })
}

// What the last step does: 50 parts of 2,000 queries.
func BenchmarkAssemble(b *testing.B) {
	for _, f := range All {
		b.Run(f.Name, func(b *testing.B) {
			const n = 100_000
			a := shape{"", 10, number, number}.make(n)
			for i := range a.neighbors.Distances {
				a.neighbors.Distances[i] = math.Sqrt(float64(i) + 0.1)
			}
			var cuts []int
			for i := 2000; i < n; i += 2000 {
				cuts = append(cuts, i)
			}
			infos, data := a.parts(b, f, Layout{K: 10}, 0, cuts...)
			for b.Loop() {
				out, err := assemble(f, Layout{K: 10}, infos, data)
				if err != nil {
					b.Fatal(err)
				}
				size := int64(0)
				for _, o := range out {
					size += int64(len(o))
				}
				b.SetBytes(size)
			}
			b.ReportMetric(float64(len(a.neighbors.Positions))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mneighbors/s")
		})
	}
}

// full is a disk with room for so many bytes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (w *full) Write(b []byte) (int, error) {
	if len(b) > w.room {
		n := w.room
		w.room = 0
		return n, errFull
	}
	w.room -= len(b)
	return len(b), nil
}

// A disk that is full is told of, wherever in a file that comes: in its header, in a part, or at its end.
func TestAssembleOnFullDisk(t *testing.T) {
	t.Parallel()
	a := shape{"k", 3, number, number}.make(9)
	for _, f := range All {
		l := Layout{K: 3}
		infos, data := a.parts(t, f, l, 1, 4)
		for _, infos := range [][]Info{infos, nil} { // also of an output without rows
			whole, err := assemble(f, l, infos, data)
			if err != nil {
				t.Fatal(f.Name, err)
			}
			for file, b := range whole {
				for _, room := range []int{0, 1, 8, len(b) / 2, len(b) - 1} {
					if room < 0 || room >= len(b) {
						continue
					}
					var parts []Part
					for i := range infos {
						parts = append(parts, Part{infos[i], open(data[i][file])})
					}
					if err := f.Assemble(file, &full{room}, parts, l); !errors.Is(err, errFull) {
						t.Errorf("%s: room for %d of %d bytes: %v", f.Name, room, len(b), err)
					}
				}
			}
		}
	}
}
