package results

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"beamlearn/model/vectors"
)

// tables are layouts, with what ids their rows have.
var tables = []struct {
	name   string
	layout Layout
	id     func(i int) vectors.ID
}{
	{"numbers", Layout{Columns: []Column{{Name: "prediction", Type: Float}}}, number},
	{"integers", Layout{Columns: []Column{{Name: "prediction", Type: Int}}}, wide},
	{"texts", Layout{Columns: []Column{{Name: "prediction", Type: Text, Texts: append([]string{""}, awkward...)}}}, text},
	{"several", Layout{Columns: []Column{
		{Name: "prediction", Type: Text, Texts: []string{"benign", "malignant"}}, {Name: `proba_"a",b`, Type: Float},
		{Name: "count", Type: Int},
	}}, mixed},
	{"another name", Layout{IDName: `us"er,`, Columns: []Column{{Name: "id", Type: Float}}}, text},
	{"several numbers", Layout{Columns: []Column{{Name: "prediction", Type: Int}, {Name: "decision", Type: Float}}},
		mixed},
}

// makeTable makes n rows of any values that the layout allows.
func makeTable(n int, l Layout, id func(int) vectors.ID) *Table {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	t := &Table{ID: id, To: n}
	for range n {
		for _, c := range l.Columns {
			v := rng.NormFloat64()
			switch {
			case c.Type == Text:
				v = float64(rng.IntN(len(c.Texts)))
			case c.Type == Int:
				v = float64(rng.Int64N(1<<54) - 1<<53)
			case rng.IntN(4) == 0:
				v = specials[rng.IntN(len(specials))]
			}
			t.Values = append(t.Values, v)
		}
	}
	return t
}

// tableParts writes the table in parts that end at the cuts.
func tableParts(t testing.TB, f *Format, l Layout, table *Table, threads int,
	cuts ...int) (infos []Info, data [][][]byte) {
	t.Helper()
	from := 0
	for _, to := range append(cuts, table.To) {
		var b bytes.Buffer
		w := f.NewPart([]io.Writer{&b}, l)
		for middle := (from + to) / 2; from < to; from, middle = middle, to {
			some := *table
			some.From, some.To, some.Threads = from, middle, threads
			if err := w.WriteTable(&some); err != nil {
				t.Fatal(err)
			}
		}
		info, err := w.Close()
		if err != nil || info.Bytes[0] != int64(b.Len()) {
			t.Fatalf("%d bytes in a part of %v: %v", b.Len(), info.Bytes, err)
		}
		infos, data = append(infos, info), append(data, [][]byte{b.Bytes()})
	}
	return infos, data
}

func writeTable(t testing.TB, f *Format, l Layout, table *Table, threads int, cuts ...int) []byte {
	t.Helper()
	infos, data := tableParts(t, f, l, table, threads, cuts...)
	out, err := assemble(f, l, infos, data)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 1 {
		t.Fatalf("%d files", len(out))
	}
	return out[0]
}

// tableReaders read a table by other code than that which wrote it, and compare.
var tableReaders = map[string]func(t *testing.T, b []byte, table *Table, l Layout){
	"csv": readCSVTable, "jsonl": readJSONLTable, "parquet": readParquetTable, "npy": readNPYTable,
}

// same reports whether a text is that of a value.
func same(t *testing.T, c Column, v float64, got string) bool {
	t.Helper()
	if c.Type == Text {
		return got == c.Texts[int(v)]
	}
	d, err := strconv.ParseFloat(got, 64)
	return err == nil && math.Float64bits(d) == math.Float64bits(v)
}

func readCSVTable(t *testing.T, b []byte, table *Table, l Layout) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || len(rows) != table.To+1 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for j, c := range l.Columns {
		if rows[0][0] != l.idName() || rows[0][j+1] != c.Name {
			t.Errorf("header %q", rows[0])
		}
	}
	for i, r := range rows[1:] {
		if len(r) != len(l.Columns)+1 || r[0] != table.ID(i).String() {
			t.Fatalf("row %d: %q", i, r)
		}
		for j, c := range l.Columns {
			if v := table.row(i, l)[j]; !same(t, c, v, r[j+1]) {
				t.Fatalf("row %d, column %s: %q for %v", i, c.Name, r[j+1], v)
			}
		}
	}
}

func readJSONLTable(t *testing.T, b []byte, table *Table, l Layout) {
	t.Helper()
	lines := bytes.SplitAfter(b, []byte("\n"))
	if len(lines) != table.To+1 || len(lines[table.To]) != 0 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines[:table.To] {
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		row := map[string]any{}
		if err := d.Decode(&row); err != nil || len(row) != len(l.Columns)+1 || idOf(t, row[l.idName()]) != table.ID(i) {
			t.Fatalf("line %d: %s: %v", i, line, err)
		}
		for j, c := range l.Columns {
			v, got := table.row(i, l)[j], row[c.Name]
			if c.Type == Text && got != c.Texts[int(v)] ||
				c.Type != Text && v-v == 0 && !same(t, c, v, string(got.(json.Number))) || v-v != 0 && got != nil {
				t.Fatalf("line %d: %s for %v", i, line, v)
			}
		}
	}
}

func readNPYTable(t *testing.T, b []byte, table *Table, l Layout) {
	t.Helper()
	descr := "<i8"
	for _, c := range l.Columns {
		if c.Type != Int {
			descr = "<f8"
		}
	}
	shape := strconv.Itoa(table.To) + ","
	if len(l.Columns) > 1 {
		shape += " " + strconv.Itoa(len(l.Columns))
	}
	if want := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape +
		"), }"; !strings.HasPrefix(string(b[10:]), want) || b[127] != '\n' {
		t.Fatalf("header %q, want %s", b[:128], want)
	}
	if len(b) != 128+8*len(table.Values) {
		t.Fatalf("%d bytes for %d values", len(b), len(table.Values))
	}
	for i, v := range table.Values {
		got := binary.LittleEndian.Uint64(b[128+8*i:])
		if descr == "<i8" && int64(got) != int64(v) || descr == "<f8" && got != math.Float64bits(v) {
			t.Fatalf("value %d: %x for %v", i, got, v)
		}
	}
}

func readParquetTable(t *testing.T, b []byte, table *Table, l Layout) {
	t.Helper()
	read, err := pqarrow.ReadTable(context.Background(), bytes.NewReader(b),
		parquet.NewReaderProperties(memory.DefaultAllocator), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Release()
	types := []arrow.DataType{arrow.PrimitiveTypes.Int64}
	for i := range table.To {
		if !table.ID(i).IsInt() {
			types[0] = arrow.BinaryTypes.String
		}
	}
	names := []string{l.idName()}
	for _, c := range l.Columns {
		names = append(names, c.Name)
		types = append(types, map[ColumnType]arrow.DataType{Float: arrow.PrimitiveTypes.Float64,
			Int: arrow.PrimitiveTypes.Int64, Text: arrow.BinaryTypes.String}[c.Type])
	}
	for j, f := range read.Schema().Fields() {
		if f.Name != names[j] || !arrow.TypeEqual(f.Type, types[j]) || f.Nullable {
			t.Errorf("column %d: %v, want %s %v", j, f, names[j], types[j])
		}
	}
	if read.NumRows() != int64(table.To) || int(read.NumCols()) != len(names) {
		t.Fatalf("%d × %d", read.NumRows(), read.NumCols())
	}
	r := array.NewTableReader(read, 1)
	defer r.Release()
	for i := 0; r.Next(); i++ {
		rec := r.RecordBatch()
		if got := idAt(rec.Column(0), 0); got != table.ID(i).String() {
			t.Fatalf("row %d: id %q", i, got)
		}
		for j, c := range l.Columns {
			v := table.row(i, l)[j]
			switch a := rec.Column(j + 1).(type) {
			case *array.String:
				if a.Value(0) != strings.ToValidUTF8(c.Texts[int(v)], "\ufffd") {
					t.Fatalf("row %d: %q for %q", i, a.Value(0), c.Texts[int(v)])
				}
			case *array.Int64:
				if a.Value(0) != int64(v) {
					t.Fatalf("row %d: %d for %v", i, a.Value(0), v)
				}
			case *array.Float64:
				if math.Float64bits(a.Value(0)) != math.Float64bits(v) {
					t.Fatalf("row %d: %v for %v", i, a.Value(0), v)
				}
			}
		}
	}
}

// Every format reads back as it was written, and has the same bytes for any cuts and threads.
func TestTables(t *testing.T) {
	for _, f := range All {
		for _, c := range tables {
			if f.Check(c.layout) != nil {
				if f != npyFormat || c.layout.Columns[0].Type != Text {
					t.Errorf("%s refuses %s", f.Name, c.name)
				}
				continue
			}
			t.Run(f.Name+"/"+c.name, func(t *testing.T) {
				for _, n := range []int{0, 100, 20_000} {
					if testing.Short() && n > 100 {
						continue
					}
					table := makeTable(n, c.layout, c.id)
					whole := writeTable(t, f, c.layout, table, 1)
					if n < 20_000 {
						tableReaders[f.Name](t, whole, table, c.layout)
					}
					for _, cuts := range [][]int{{n / 2}, {0, n / 50, n / 3, n}} {
						for _, threads := range []int{0, 3} {
							if !bytes.Equal(writeTable(t, f, c.layout, table, threads, cuts...), whole) {
								t.Errorf("cuts %v, %d threads: the bytes differ", cuts, threads)
							}
						}
					}
				}
			})
		}
	}
}

func TestTableBytes(t *testing.T) {
	l := Layout{Columns: []Column{{Name: "prediction", Type: Text, Texts: []string{"", "a,b"}},
		{Name: "proba_a,b", Type: Float}, {Name: "n", Type: Int}}}
	table := &Table{ID: mixed, Values: []float64{1, 0.75, 3, 0, math.Inf(1), -3}, To: 2}
	for f, want := range map[*Format]string{
		csvFormat: "id,prediction,\"proba_a,b\",n\n0,\"a,b\",0.75,3\n1,\"\",inf,-3\n",
		jsonlFormat: `{"id":0,"prediction":"a,b","proba_a,b":0.75,"n":3}` + "\n" +
			`{"id":1,"prediction":"","proba_a,b":null,"n":-3}` + "\n",
	} {
		if got := string(writeTable(t, f, l, table, 1)); got != want {
			t.Errorf("%s: got %s", f.Name, got)
		}
	}
}

// The files of one dimension are those of numpy.save, byte for byte (testdata/fixtures.py).
func TestNPYVectorLikeNumpy(t *testing.T) {
	want, err := os.ReadFile("testdata/vector.npy")
	if err != nil {
		t.Fatal(err)
	}
	l := Layout{Columns: []Column{{Name: "prediction", Type: Float}}}
	if got := writeTable(t, npyFormat, l, &Table{ID: number, Values: []float64{0.1, -2, 1e300}, To: 3},
		1); !bytes.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestTablesRefused(t *testing.T) {
	text := Layout{Columns: []Column{{Name: "prediction", Type: Text, Texts: []string{"a"}}}}
	twice := Layout{Columns: []Column{{Name: "a", Type: Float}, {Name: "a", Type: Float}}}
	for _, c := range []struct {
		f    *Format
		l    Layout
		want string
	}{
		{npyFormat, text, "the column prediction holds texts, which .npy does not: write .csv, .jsonl or .parquet"},
		{csvFormat, twice, `the column "a" twice`},
		{parquetFormat, Layout{Columns: []Column{{Name: "id", Type: Int}}}, `the column "id" twice`},
	} {
		if err := c.f.Check(c.l); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.f.Name, err, c.want)
		}
	}
	for name, write := range map[string]func(){
		"neighbours": func() { csvFormat.NewPart([]io.Writer{io.Discard}, text).Write(&Chunk{}) },
		"a table":    func() { csvFormat.NewPart([]io.Writer{io.Discard}, Layout{K: 1}).WriteTable(&Table{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s in the other's part", name)
				}
			}()
			write()
		}()
	}
	if got := npyFormat.Files("a/p.npy", text); !slices.Equal(got, []string{"a/p.npy"}) {
		t.Errorf("files %v", got)
	}
}

// A part that is not what its Info says is an error.
func TestTablePartErrors(t *testing.T) {
	for _, f := range All {
		l := tables[0].layout
		infos, data := tableParts(t, f, l, makeTable(50, l, number), 1, 20)
		for name, b := range map[string][]byte{"short": data[1][0][:len(data[1][0])-1],
			"long": append(data[1][0][:len(data[1][0]):len(data[1][0])], 0)} {
			if _, err := assemble(f, l, infos, [][][]byte{data[0], {b}}); err == nil ||
				!strings.Contains(err.Error(), "part 1 of the output") {
				t.Errorf("%s: a part that is %s: %v", f.Name, name, err)
			}
		}
		infos[1].Rows++
		if _, err := assemble(f, l, infos, data); err == nil && (f == npyFormat || f == parquetFormat) {
			t.Errorf("%s: a part with a row too few is accepted", f.Name)
		}
	}
}

// Whatever the bytes of a part are, it is refused, or read as whole rows that make a file.
func FuzzParquetTablePart(f *testing.F) {
	for _, c := range tables {
		_, data := tableParts(f, parquetFormat, c.layout, makeTable(10, c.layout, c.id), 1)
		f.Add(data[0][0], true)
		f.Add(data[0][0], false)
	}
	l := tables[3].layout
	f.Fuzz(func(t *testing.T, data []byte, texts bool) {
		g := newTableRows(l)
		g.ids.texts = texts
		d := partReader{bufio.NewReader(bytes.NewReader(data))}
		var err error
		for err == nil {
			err = d.next(g)
		}
		if err != io.EOF {
			return
		}
		part := Part{Info{Rows: int64(g.rows), Bytes: []int64{int64(len(data))}, TextIDs: texts}, open(data)}
		var b bytes.Buffer
		if err := parquetFormat.Assemble(0, &b, []Part{part}, l); err != nil {
			t.Fatal(err)
		}
		r, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
		if err != nil || r.NumRows() != int64(g.rows) {
			t.Fatalf("read back: %v", err)
		}
	})
}

// What a worker does with a chunk of predictions, and what the last step does with all.
func BenchmarkTable(b *testing.B) {
	for _, f := range All {
		for _, name := range []string{"part", "assemble"} {
			b.Run(f.Name+"/"+name, func(b *testing.B) {
				l := tables[0].layout
				table := makeTable(100_000, l, number)
				infos, data := tableParts(b, f, l, table, 1)
				b.SetBytes(int64(8 * len(table.Values)))
				for b.Loop() {
					if name == "part" {
						tableParts(b, f, l, table, 1)
					} else if _, err := assemble(f, l, infos, data); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(table.To)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}
