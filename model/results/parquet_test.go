package results

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// readTable reads by way of Arrow, whose columns it checks.
func readTable(t *testing.T, b []byte, id arrow.DataType) arrow.Table {
	t.Helper()
	table := readAny(t, b)
	fields := table.Schema().Fields()
	if len(fields) != 3 || fields[0].Name != "id" || fields[1].Name != "neighbors" || fields[2].Name != "distances" {
		t.Fatalf("columns %v", fields)
	}
	list := func(f arrow.Field) arrow.DataType { return f.Type.(*arrow.ListType).Elem() }
	if !arrow.TypeEqual(fields[0].Type, id) || !arrow.TypeEqual(list(fields[1]), id) ||
		!arrow.TypeEqual(list(fields[2]), arrow.PrimitiveTypes.Float64) {
		t.Fatalf("types %v", fields)
	}
	return table
}

func readAny(t *testing.T, b []byte) arrow.Table {
	t.Helper()
	table, err := pqarrow.ReadTable(context.Background(), bytes.NewReader(b),
		parquet.NewReaderProperties(memory.DefaultAllocator), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func idAt(a arrow.Array, i int) string { return a.ValueStr(i) }

func readParquet(t *testing.T, files [][]byte, a *answer, s shape) {
	t.Helper()
	var id arrow.DataType = arrow.PrimitiveTypes.Int64
	for _, all := range [][]vectors.ID{a.queries, foundPoints(a)} {
		if slices.ContainsFunc(all, func(id vectors.ID) bool { return !id.IsInt() }) {
			id = arrow.BinaryTypes.String
		}
	}
	table := readTable(t, files[0], id)
	defer table.Release()
	if table.NumRows() != int64(a.neighbors.Len()) {
		t.Fatalf("%d rows", table.NumRows())
	}
	r := array.NewTableReader(table, 1)
	defer r.Release()
	for i := 0; r.Next(); i++ {
		b := r.RecordBatch()
		if got := idAt(b.Column(0), 0); got != a.queries[i].String() {
			t.Fatalf("row %d: id %q", i, got)
		}
		ids, distances := b.Column(1).(*array.List), b.Column(2).(*array.List)
		positions, want := a.neighbors.Of(i)
		from, to := ids.ValueOffsets(0)
		dfrom, dto := distances.ValueOffsets(0)
		if to-from != int64(len(positions)) || dto-dfrom != to-from || ids.IsNull(0) || distances.IsNull(0) {
			t.Fatalf("row %d: %d neighbours, %d distances, expected %d", i, to-from, dto-dfrom, len(positions))
		}
		values := distances.ListValues().(*array.Float64)
		for j, p := range positions {
			if got := idAt(ids.ListValues(), int(from)+j); got != a.points[p].String() {
				t.Fatalf("row %d, rank %d: %q", i, j+1, got)
			}
			if got := values.Value(int(dfrom) + j); math.Float64bits(got) != math.Float64bits(want[j]) {
				t.Fatalf("row %d, rank %d: %v for %v", i, j+1, got, want[j])
			}
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
}

// foundPoints are the ids that occur as neighbours.
func foundPoints(a *answer) (ids []vectors.ID) {
	for _, p := range a.neighbors.Positions {
		ids = append(ids, a.points[p])
	}
	return ids
}

// Row groups are cut by rows and by bytes, at the same places whatever the parts.
func TestRowGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this writes row groups of their whole size")
	}
	long := vectors.ID{Text: strings.Repeat("x", 1<<20)}
	for _, c := range []struct {
		name string
		a    *answer
		want []int64
	}{
		{"rows", &answer{neighbors: &neighbors.Neighbors{Offsets: make([]int64, rowGroupRows+11)}},
			[]int64{rowGroupRows, 10}},
		{"texts", &answer{queries: slices.Repeat([]vectors.ID{long}, 20),
			neighbors: &neighbors.Neighbors{Offsets: make([]int64, 21)}}, []int64{16, 4}},
		{"neighbors", shape{"", 350_000, number, number}.make(4), []int64{3, 1}},
	} {
		if brief() && c.name == "rows" {
			continue // more than 131,072 of them
		}
		for i := len(c.a.queries); i < c.a.neighbors.Len(); i++ {
			c.a.queries = append(c.a.queries, number(i))
		}
		b := c.a.write(t, parquetFormat, Layout{}, 1)[0]
		if !bytes.Equal(b, c.a.write(t, parquetFormat, Layout{}, 2, 1, 3)[0]) {
			t.Errorf("%s: the bytes depend on the parts", c.name)
		}
		r, err := file.NewParquetReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for i := range r.NumRowGroups() {
			got = append(got, r.MetaData().RowGroup(i).NumRows())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: row groups of %v, expected %v", c.name, got, c.want)
		}
	}
}

// Distances that are as good as random are stored as they are, and whole numbers are compressed.
func TestParquetCompression(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		value func() float64
		want  compress.Compression
	}{
		{"random", random.Float64, compress.Codecs.Uncompressed},
		{"whole", func() float64 { return float64(random.IntN(100)) }, compress.Codecs.Zstd},
	} {
		for _, form := range []Form{Nested, Long} {
			a := &answer{neighbors: &neighbors.Neighbors{Offsets: []int64{0}}}
			for i := range 500 {
				a.queries = append(a.queries, number(i))
				for range 10 {
					a.neighbors.Positions = append(a.neighbors.Positions, 0)
					a.neighbors.Distances = append(a.neighbors.Distances, c.value())
				}
				a.neighbors.Offsets = append(a.neighbors.Offsets, int64(len(a.neighbors.Positions)))
			}
			a.points = []vectors.ID{number(7)}
			r, err := file.NewParquetReader(bytes.NewReader(a.write(t, parquetFormat, Layout{Form: form}, 1)[0]))
			if err != nil {
				t.Fatal(err)
			}
			group := r.MetaData().RowGroup(0)
			for i := range group.NumColumns() {
				column, err := group.ColumnChunk(i)
				if err != nil {
					t.Fatal(err)
				}
				want := compress.Codecs.Zstd
				if i == group.NumColumns()-1 {
					want = c.want
				}
				if got := column.Compression(); got != want {
					t.Errorf("%s, %s: %s is stored as %v, expected %v", c.name, form, column.PathInSchema(), got, want)
				}
			}
		}
	}
}

// Strings of Parquet are UTF-8, whatever an id is made of.
func TestParquetInvalidUTF8(t *testing.T) {
	a := &answer{queries: []vectors.ID{{Text: "a\xff\xfe"}}, neighbors: &neighbors.Neighbors{Offsets: []int64{0, 0}}}
	table := readTable(t, a.write(t, parquetFormat, Layout{}, 1)[0], arrow.BinaryTypes.String)
	defer table.Release()
	if got := idAt(table.Column(0).Data().Chunk(0), 0); got != "a\ufffd\ufffd" {
		t.Errorf("got %q", got)
	}
}

type onlyWriter struct {
	io.Writer
	closed bool
}

func (w *onlyWriter) Close() error {
	w.closed = true
	return nil
}

func TestParquetDoesNotClose(t *testing.T) {
	w := &onlyWriter{Writer: io.Discard}
	if err := parquetFormat.Assemble(0, w, nil, Layout{}); err != nil || w.closed {
		t.Errorf("closed: %v (%v)", w.closed, err)
	}
}

// A text where the Info has promised integers.
func TestParquetLyingInfo(t *testing.T) {
	a := shapes[2].make(5)
	infos, data := a.parts(t, parquetFormat, Layout{}, 1)
	infos[0].TextIDs = false
	if _, err := assemble(parquetFormat, Layout{}, infos, data); !errors.Is(err, errDamagedPart) {
		t.Errorf("got %v", err)
	}
}

// Whatever the bytes of a part are, it is refused, or read as whole queries that make a file.
func FuzzParquetPart(f *testing.F) {
	for _, s := range shapes {
		_, data := s.make(10).parts(f, parquetFormat, Layout{}, 1)
		f.Add(data[0][0], true)
		f.Add(data[0][0], false)
	}
	f.Add([]byte{0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'x'}, true)
	f.Fuzz(func(t *testing.T, data []byte, texts bool) {
		g := neighborRows{layout: Layout{Form: Nested}}
		g.ids.texts, g.neighbors.texts = texts, texts
		d := partReader{bufio.NewReader(bytes.NewReader(data))}
		var err error
		for err == nil {
			err = d.next(&g)
		}
		if err != io.EOF {
			return
		}
		lists := 0
		for _, r := range g.repetition {
			if r == 0 {
				lists++
			}
		}
		count := func(c *idColumn) int { return len(c.ints) + len(c.ends) }
		if lists != g.rows || count(&g.ids) != g.rows || count(&g.neighbors) != len(g.distances) ||
			len(g.definition) != len(g.repetition) {
			t.Fatalf("%d rows, %d lists, %d ids, %d neighbours, %d distances", g.rows, lists, count(&g.ids), count(&g.neighbors),
				len(g.distances))
		}
		part := Part{Info{Rows: int64(g.rows), Bytes: []int64{int64(len(data))}, TextIDs: texts}, open(data)}
		var b bytes.Buffer
		if err := parquetFormat.Assemble(0, &b, []Part{part}, Layout{}); err != nil {
			t.Fatal(err)
		}
		r, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
		if err != nil || r.NumRows() != int64(g.rows) {
			t.Fatalf("read back: %v", err)
		}
	})
}
