package formats

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// rowsAndFaults are the rows of a span that are wanted, or what is wrong with each; chosen says how many of them were
// read as chosen ones.
func rowsAndFaults(t *testing.T, src Source, span Span, wanted map[int64]bool, o Options, choose bool) (all []string,
	chosen int) {
	t.Helper()
	reader, err := src.Read(t.Context(), span)
	if err != nil {
		t.Fatal(err)
	}
	r := reader.(*parquetReader)
	if choose {
		r.Choose(func(row int64) bool { return wanted[row] })
	}
	b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64, Missing: o.Missing}
	for row := span.First; row < span.First+span.Rows; row++ {
		if !wanted[row] {
			continue
		}
		if err := r.SkipTo(row); err != nil {
			t.Fatal(err)
		}
		b.Reset()
		if err = r.Read(b, 1); err == nil {
			all = append(all, showRows(b)...)
		} else if f, ok := fault.IsRow(err); ok {
			all = append(all, fmt.Sprintf("%v, id %q", f, f.ID))
		} else {
			t.Fatal(err)
		}
		if slices.Contains(r.chosen.numbers, row) {
			chosen++
		}
	}
	if err := r.SkipTo(span.First + span.Rows); err != nil {
		t.Fatal(err)
	}
	if err := r.Read(b, 1); err != io.EOF {
		t.Errorf("%v behind the last row", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return all, chosen
}

// checkChosen reads some rows of a file, which may be damaged, as chosen ones and by passing over the others: to the
// same end, unless the damage stands where only one way comes by.
func checkChosen(t *testing.T, data string, o Options) {
	src, err := inspectText(data, "x.parquet", o)
	if err != nil || src.Rows() > 10_000 || src.Rows()*int64(src.Dim()) > 1<<20 {
		return
	}
	var all [2][]string
	for i := range all {
		reader, err := src.Read(t.Context(), Span{Rows: src.Rows()})
		if err != nil {
			t.Fatal(err) // of a span that is the whole file
		}
		r, ok := reader.(*parquetReader)
		if !ok {
			return
		}
		if i == 1 {
			r.Choose(func(row int64) bool { return row%20 == 3 })
		}
		b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64, Missing: o.Missing}
		for row := int64(3); row < src.Rows(); row += 20 {
			if err = r.SkipTo(row); err == nil {
				err = r.Read(b, 1)
			}
			if _, ok := fault.IsRow(err); err != nil && !ok {
				break
			}
		}
		if _, ok := fault.IsRow(err); err != nil && !ok {
			return
		}
		all[i] = showRows(b)
	}
	if !slices.Equal(all[0], all[1]) {
		t.Fatalf("chosen rows %q, want %q", all[1], all[0])
	}
}

// A few chosen rows of a row group, which are read column after column, are those that come of all its rows, with the
// same faults: with and without dictionaries, in pages of any size and of either version, with nulls, whatever part of
// the groups a span has.
func TestChosenRows(t *testing.T) {
	t.Parallel()
	const rows, group = 30_000, 12_500
	rng := rand.New(rand.NewPCG(7, 8))
	var json strings.Builder
	for i := range rows {
		cell := func(v string, nulls int) string {
			if rng.IntN(nulls) == 0 {
				return "null"
			}
			return v
		}
		fmt.Fprintf(&json, `,{"id":%s,"a":%g,"b":%s,"c":%s,"d":%s}`, cell(fmt.Sprintf(`"r%d"`, i), 40),
			float32(rng.NormFloat64()), cell(fmt.Sprint(rng.IntN(50)), 6), cell(fmt.Sprint(rng.NormFloat64()), 3),
			cell([]string{"true", "false"}[rng.IntN(2)], 9))
	}
	fields := []arrow.Field{column("id", arrow.BinaryTypes.String), column("a", arrow.PrimitiveTypes.Float32),
		column("b", arrow.PrimitiveTypes.Float32), column("c", arrow.PrimitiveTypes.Float64),
		column("d", arrow.FixedWidthTypes.Boolean)}
	table := "[" + json.String()[1:] + "]"
	ways := [][]parquet.WriterProperty{{parquet.WithDataPageSize(3000), parquet.WithBatchSize(100)},
		{parquet.WithDictionaryDefault(false)},
		{parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithDictionaryPageSizeLimit(20_000)}}
	if testing.Short() {
		ways = ways[:1]
	}
	for _, how := range ways {
		data := parquetOf(t, fields, table, group, how...)
		for _, o := range []Options{{IDColumn: "id", Columns: []string{"a", "b"}}, {Columns: []string{"a", "c", "d"}, Missing: true},
			{IDColumn: "id"}, {Columns: []string{"a"}}} {
			src, err := inspectText(data, "x.parquet", o)
			if err != nil {
				t.Fatal(err)
			}
			for _, span := range []Span{{Rows: rows}, {First: 5000, Rows: 20_000}, {First: 25_100, Rows: 4500}} {
				wanted := map[int64]bool{}
				for n := range int64(rows) {
					if rng.IntN(200) == 0 || n%group < 3 || n%group == group-1 {
						wanted[n] = true
					}
				}
				want, _ := rowsAndFaults(t, src, span, wanted, o, false)
				got, chosen := rowsAndFaults(t, src, span, wanted, o, true)
				if !slices.Equal(got, want) || chosen < len(got)/3 {
					t.Fatalf("%+v of %+v: %d chosen, %q\nwant %q", span, o, chosen, got, want)
				}
			}
		}
	}
}

// Of a row group that has many chosen rows, all are read; none that a span has a small part of is read from its
// beginning for a few.
func TestChosenRowsAreFew(t *testing.T) {
	t.Parallel()
	table := "[" + strings.Repeat(`{"a":1.5},`, 999) + `{"a":1.5}]`
	src, err := inspectText(parquetOf(t, []arrow.Field{column("a", arrow.PrimitiveTypes.Float32)}, table, 1000), "x.parquet",
		Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		span   Span
		every  int64
		chosen bool
	}{{Span{Rows: 1000}, 7, false}, {Span{Rows: 1000}, 9, true}, {Span{First: 600, Rows: 400}, 50, false}} {
		wanted := map[int64]bool{}
		for n := int64(0); n < 1000; n += c.every {
			wanted[n] = true
		}
		rows, chosen := rowsAndFaults(t, src, c.span, wanted, Options{}, true)
		if len(rows) < 8 || chosen > 0 != c.chosen {
			t.Errorf("%+v, every %d: %d rows, %d of them chosen", c.span, c.every, len(rows), chosen)
		}
	}
}

// Chosen floats are taken from plain pages and through dictionaries where they stand, with and without nulls.
func TestPickPages(t *testing.T) {
	t.Parallel()
	const rows = 5000
	rng := rand.New(rand.NewPCG(7, 8))
	var json strings.Builder
	a, c := make([]float64, rows), make([]float64, rows) // NaN of what is null
	for i := range rows {
		a[i], c[i] = float64(float32(rng.NormFloat64())), float64(rng.IntN(300))/7
		cell := fmt.Sprint(c[i])
		if rng.IntN(4) == 0 || i > 2000 && i < 2500 {
			c[i], cell = math.NaN(), "null"
		}
		fmt.Fprintf(&json, `,{"a":%g,"c":%s,"n":%d}`, a[i], cell, i)
	}
	must := column("a", arrow.PrimitiveTypes.Float32)
	must.Nullable = false
	fields := []arrow.Field{must, column("c", arrow.PrimitiveTypes.Float64), column("n", arrow.PrimitiveTypes.Int64)}
	for i, how := range [][]parquet.WriterProperty{{parquet.WithDictionaryDefault(false)}, {},
		{parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithDataPageSize(999), parquet.WithBatchSize(50)},
		{parquet.WithDictionaryPageSizeLimit(1500), parquet.WithBatchSize(50), parquet.WithDataPageSize(500),
			parquet.WithCompression(compress.Codecs.Snappy)}} {
		src, err := inspectText(parquetOf(t, fields, "["+json.String()[1:]+"]", rows, how...), "x.parquet",
			Options{Columns: []string{"a", "c", "n"}})
		if err != nil {
			t.Fatal(err)
		}
		s := src.(*parquetSource)
		in := &parquetBytes{File: s.File, ctx: t.Context()}
		r, err := in.open(1<<20, file.WithMetadata(s.meta))
		if err != nil {
			t.Fatal(err)
		}
		for j, want := range [][]float64{a, c, nil} {
			x := &chosenReader{}
			for n := int64(rng.IntN(30)); n < rows; n += 1 + int64(rng.IntN(300)) {
				x.numbers = append(x.numbers, n)
			}
			got := make([]float64, len(x.numbers))
			ok := x.pickPages(r, 0, &s.vector[j], 0, func(k int, v float64) { got[k] = v },
				func(k int) { got[k] = math.NaN() })
			if ok != (want != nil) {
				t.Fatalf("%d, column %d: ok is %v", i, j, ok)
			}
			for k, n := range x.numbers {
				if ok && math.Float64bits(got[k]) != math.Float64bits(want[n]) {
					t.Fatalf("%d, column %d, row %d: %v, want %v", i, j, n, got[k], want[n])
				}
			}
		}
	}
}

// Runs that are damaged have no values; nothing of them is read beyond their end.
func FuzzRuns(f *testing.F) {
	f.Add([]byte{3, 0b10110101, 8, 1, 6, 0}, uint8(1))
	f.Add([]byte{5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 7, 0}, uint8(9))
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		r := runs{data: data, width: int(width % 33)}
		for place := range 200 {
			v, ok := r.at(place)
			if !ok {
				break
			}
			if r.packed != nil && uint64(v)>>r.width != 0 {
				t.Fatalf("%d of %d bits", v, r.width)
			}
		}
		ones, all := runs{data: data, width: 1}, runs{data: data, width: 1}
		before := 0
		for place := 0; place < 200; place++ {
			v, ok := all.at(place)
			if !ok || v > 1 {
				break
			}
			if place%3 == 2 {
				one, n, ok := ones.count(place)
				if !ok || one != (v == 1) || n != before {
					t.Fatalf("place %d: %v after %d, %v; want %d after %d", place, one, n, ok, v, before)
				}
			}
			before += int(v)
		}
	})
}
